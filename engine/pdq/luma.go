package pdq

import (
	"image"
	"image/color"
)

// Shares of red, green and blue in the luminance, with the weights that the
// reference has (ITU-R BT.601). Each product is rounded to single precision by
// itself; a processor that fuses multiplication and addition would otherwise
// give other values, and other hashes, than the rest.
var redShare, greenShare, blueShare = shares(0.299), shares(0.587), shares(0.114)

func shares(weight float32) (table [256]float32) {
	for value := range table {
		table[value] = weight * float32(value)
	}
	return table
}

func luminance(r, g, b uint8) float32 {
	return redShare[r] + greenShare[g] + blueShare[b]
}

// lumaOf returns how to read a row of an image's luminance into a buffer. The
// colours are first brought to eight bits and into their range, as every
// decoder that the reference reads from does; alpha is dropped, not applied.
func lumaOf(img image.Image) func(row []float32, y int) []float32 {
	bounds := img.Bounds()
	minX, minY := bounds.Min.X, bounds.Min.Y
	switch img := img.(type) {
	case *image.YCbCr:
		if minX >= 0 { // below zero, chroma offsets round the other way
			return lumaOfYCbCr(img)
		}
	case *image.NYCbCrA:
		return lumaOf(&img.YCbCr)
	case *image.Gray:
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = float32(pixels[x])
			}
			return row
		}
	case *image.RGBA:
		return premultiplied(img)
	case *image.NRGBA:
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = luminance(pixels[4*x], pixels[4*x+1], pixels[4*x+2])
			}
			return row
		}
	case *image.Paletted:
		var table [256]float32
		for i, c := range img.Palette {
			if i < len(table) {
				table[i] = lumaOfColor(c)
			}
		}
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = table[pixels[x]]
			}
			return row
		}
	case *image.CMYK:
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = luminance(color.CMYKToRGB(pixels[4*x], pixels[4*x+1], pixels[4*x+2], pixels[4*x+3]))
			}
			return row
		}
	case *image.NRGBA64:
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = luminance(pixels[8*x], pixels[8*x+2], pixels[8*x+4]) // the high bytes
			}
			return row
		}
	case *image.Gray16:
		return func(row []float32, y int) []float32 {
			pixels := img.Pix[img.PixOffset(minX, minY+y):]
			for x := range row {
				row[x] = float32(pixels[2*x])
			}
			return row
		}
	}
	// Premultiplied 16-bit and whatever else there may be.
	return func(row []float32, y int) []float32 {
		for x := range row {
			row[x] = lumaOfColor(img.At(minX+x, minY+y))
		}
		return row
	}
}

// premultiplied reads an image whose colours were multiplied by alpha.
func premultiplied(img *image.RGBA) func(row []float32, y int) []float32 {
	minX, minY := img.Rect.Min.X, img.Rect.Min.Y
	return func(row []float32, y int) []float32 {
		pixels := img.Pix[img.PixOffset(minX, minY+y):]
		for x := range row {
			p := pixels[4*x : 4*x+4 : 4*x+4]
			if p[3] == 255 {
				row[x] = luminance(p[0], p[1], p[2])
			} else {
				row[x] = lumaOfColor(color.RGBA{p[0], p[1], p[2], p[3]})
			}
		}
		return row
	}
}

func lumaOfColor(c color.Color) float32 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return luminance(n.R, n.G, n.B)
}
