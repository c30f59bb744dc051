package scene

import (
	"image"
	"image/color"
)

// side is the longer side of the picture that is described, in pixels. It is also the stride of all planes, so that an
// offset within a patch is the same in each.
const side = 512

// plane is a picture of luminance with [side] samples from row to row.
type plane struct {
	width, height int
	levels        []uint16 // 0 to 255*unit
}

// unit is one level of luminance.
const unit = 64

func newPlane(width, height int) plane { return plane{width, height, make([]uint16, side*height)} }

func (p plane) row(y int) []uint16 { return p.levels[y*side:][:p.width] }

// fit gives the size of the picture that is described. Smaller pictures are not enlarged.
func fit(width, height int) (int, int) {
	longer := max(width, height)
	if longer <= side {
		return width, height
	}
	return max(1, (width*side+longer/2)/longer), max(1, (height*side+longer/2)/longer)
}

// reduce averages the picture's luminance over the area of each pixel of the smaller one, with the shares of the pixels
// at its edges.
func reduce(img image.Image) plane {
	fromWidth, fromHeight := img.Bounds().Dx(), img.Bounds().Dy()
	out := newPlane(fit(fromWidth, fromHeight))
	width, height := out.width, out.height
	sums, line := make([]uint64, width), make([]uint64, width)
	read := lines(img, shares(width, fromWidth))
	scale := unit / (float64(fromWidth) * float64(fromHeight))
	at := -1 // the row in line
	for y := range height {
		clear(sums)
		// A row of the source has height parts, and one of the result covers fromHeight of them.
		for from, end := y*fromHeight, (y+1)*fromHeight; from < end; {
			row := from / height
			share := min(end, (row+1)*height) - from
			if row != at {
				read(line, row)
				at = row
			}
			for x, value := range line {
				sums[x] += value * uint64(share)
			}
			from += share
		}
		to := out.row(y)
		for x := range to {
			to[x] = uint16(float64(sums[x])*scale + 0.5)
		}
	}
	return out
}

// span is which source samples a target sample covers: first, whole ones, last, with the shares of the two at its ends.
type span struct {
	first, last int
	head, tail  uint32
}

func shares(width, from int) []span {
	all := make([]span, width)
	for x := range all {
		begin, end := x*from, (x+1)*from
		s := span{first: begin / width, last: (end - 1) / width}
		s.head = uint32(min(end, (s.first+1)*width) - begin)
		s.tail = uint32(end - s.last*width)
		if s.first == s.last {
			s.tail = 0
		}
		all[x] = s
	}
	return all
}

// lines returns how to read the sums of a row's luminance over the spans, each of the weight of the whole row's width.
func lines(img image.Image, across []span) func(into []uint64, y int) {
	whole := uint64(len(across))
	left, top := img.Bounds().Min.X, img.Bounds().Min.Y
	colours := func(into []uint64, pixels []uint8) {
		for x, s := range across {
			one := pixels[4*s.first:][:3]
			head := uint64(s.head)
			r, g, b := head*uint64(one[0]), head*uint64(one[1]), head*uint64(one[2])
			if s.last > s.first {
				var reds, greens, blues uint32
				for inner := pixels[4*s.first+4 : 4*s.last]; len(inner) >= 4; inner = inner[4:] {
					reds, greens, blues = reds+uint32(inner[0]), greens+uint32(inner[1]), blues+uint32(inner[2])
				}
				one, tail := pixels[4*s.last:][:3], uint64(s.tail)
				r, g, b = r+whole*uint64(reds)+tail*uint64(one[0]), g+whole*uint64(greens)+tail*uint64(one[1]), b+whole*uint64(blues)+tail*uint64(one[2])
			}
			into[x] = (redShare*r + greenShare*g + blueShare*b + 1<<15) >> 16
		}
	}
	switch img := img.(type) {
	case *image.NRGBA:
		return func(into []uint64, y int) { colours(into, img.Pix[img.PixOffset(left, top+y):]) }
	case *image.RGBA:
		if img.Opaque() {
			return func(into []uint64, y int) { colours(into, img.Pix[img.PixOffset(left, top+y):]) }
		}
	}
	read := rows(img)
	source := make([]uint8, img.Bounds().Dx())
	return func(into []uint64, y int) {
		read(source, y)
		for x, s := range across {
			sum := uint64(source[s.first]) * uint64(s.head)
			if s.last > s.first {
				inner := uint32(0)
				for _, value := range source[s.first+1 : s.last] {
					inner += uint32(value)
				}
				sum += uint64(inner)*whole + uint64(source[s.last])*uint64(s.tail)
			}
			into[x] = sum
		}
	}
}

// Shares of red, green and blue in the luminance (ITU-R BT.601), of 1<<16.
const (
	redShare   = 19595
	greenShare = 38470
	blueShare  = 7471
)

// rows returns how to read a row of an image's luminance. Alpha is dropped, as the hashes do.
func rows(img image.Image) func(into []uint8, y int) {
	bounds := img.Bounds()
	left, top := bounds.Min.X, bounds.Min.Y
	switch img := img.(type) {
	case *image.Gray:
		return func(into []uint8, y int) { copy(into, img.Pix[img.PixOffset(left, top+y):]) }
	case *image.YCbCr:
		return func(into []uint8, y int) { copy(into, img.Y[img.YOffset(left, top+y):]) }
	case *image.NYCbCrA:
		return func(into []uint8, y int) { copy(into, img.Y[img.YOffset(left, top+y):]) }
	case *image.Paletted:
		var table [256]uint8
		for i, c := range img.Palette {
			if i < len(table) {
				table[i] = luminanceOf(c)
			}
		}
		return func(into []uint8, y int) {
			for x, index := range img.Pix[img.PixOffset(left, top+y):][:len(into)] {
				into[x] = table[index]
			}
		}
	}
	return func(into []uint8, y int) {
		for x := range into {
			into[x] = luminanceOf(img.At(left+x, top+y))
		}
	}
}

func luminanceOf(c color.Color) uint8 {
	plain := color.NRGBAModel.Convert(c).(color.NRGBA)
	return uint8((redShare*uint32(plain.R) + greenShare*uint32(plain.G) + blueShare*uint32(plain.B) + 1<<15) >> 16)
}
