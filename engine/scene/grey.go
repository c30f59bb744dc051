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

// reduce averages the picture's luminance over the area of each pixel of the smaller one.
func reduce(img image.Image) plane {
	bounds := img.Bounds()
	out := newPlane(fit(bounds.Dx(), bounds.Dy()))
	read := rows(img)
	line := make([]uint8, bounds.Dx())
	out.average(bounds.Dx(), bounds.Dy(), func(into []uint32, y int) {
		read(line, y)
		for x, level := range line {
			into[x] = uint32(level) * unit
		}
	})
	return out
}

// average fills a plane with a larger one, scaled down. Each sample is the mean over its area, with the shares of the
// pixels at its edges.
func (p plane) average(fromWidth, fromHeight int, read func(into []uint32, y int)) {
	width, height := p.width, p.height
	source := make([]uint32, fromWidth)
	sums, line := make([]uint64, width), make([]uint64, width)
	across := shares(width, fromWidth)
	scale := 1 / (float64(fromWidth) * float64(fromHeight))
	at := -1 // the row in line
	for y := range height {
		clear(sums)
		// A row of the source has height parts, and one of the result covers fromHeight of them.
		for from, end := y*fromHeight, (y+1)*fromHeight; from < end; {
			row := from / height
			share := min(end, (row+1)*height) - from
			if row != at {
				read(source, row)
				sumRow(line, source, across)
				at = row
			}
			for x, value := range line {
				sums[x] += value * uint64(share)
			}
			from += share
		}
		to := p.row(y)
		for x := range to {
			to[x] = uint16(float64(sums[x])*scale + 0.5)
		}
	}
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

func sumRow(into []uint64, source []uint32, across []span) {
	whole := uint64(len(across))
	for x, s := range across {
		sum := uint64(source[s.first]) * uint64(s.head)
		if s.last > s.first {
			inner := uint64(0)
			for _, value := range source[s.first+1 : s.last] {
				inner += uint64(value)
			}
			sum += inner*whole + uint64(source[s.last])*uint64(s.tail)
		}
		into[x] = sum
	}
}

// rows returns how to read a row of an image's luminance (ITU-R BT.601). Alpha is laid on nothing: it is dropped, as the hashes do.
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
	case *image.NRGBA:
		return func(into []uint8, y int) { luminances(into, img.Pix[img.PixOffset(left, top+y):]) }
	case *image.RGBA:
		if img.Opaque() {
			return func(into []uint8, y int) { luminances(into, img.Pix[img.PixOffset(left, top+y):]) }
		}
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

func luminances(into, pixels []uint8) {
	for x := range into {
		p := pixels[4*x:][:3]
		into[x] = luminance(p[0], p[1], p[2])
	}
}

func luminanceOf(c color.Color) uint8 {
	plain := color.NRGBAModel.Convert(c).(color.NRGBA)
	return luminance(plain.R, plain.G, plain.B)
}

func luminance(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
