package pdq

import "image"

// lumaOfYCbCr reads rows of an image as a JPEG decoder leaves it. Its Y plane
// is not yet the luminance: where a colour lies outside the range of RGB,
// bringing it into the range moves the luminance too, and the reference sees
// only what came out of that. So every pixel goes through clamped 8-bit RGB,
// with the rounding of [color.YCbCrToRGB].
func lumaOfYCbCr(img *image.YCbCr) func(row []float32, y int) []float32 {
	minX, minY := img.Rect.Min.X, img.Rect.Min.Y
	wide := 1 // pixels that share a chroma sample
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		wide = 2
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		wide = 4
	}
	return func(row []float32, y int) []float32 {
		chroma := img.COffset(minX, minY+y)
		fillFromYCbCr(row, img.Y[img.YOffset(minX, minY+y):], img.Cb[chroma:], img.Cr[chroma:], wide, minX%wide)
		return row
	}
}

// fillFromYCbCr writes one row of luminance. Each chroma sample serves wide
// pixels, but the first of them skip pixels fewer.
func fillFromYCbCr(row []float32, luminance, cb, cr []uint8, wide, skip int) {
	luminance = luminance[:len(row)]
	cr = cr[:len(cb)]
	end := wide - skip
	for cell, x := 0, 0; x < len(row); cell++ {
		blue, red := int32(cb[cell])-128, int32(cr[cell])-128
		// In 16 fractional bits, as is the luminance below.
		toRed := 91881*red + below<<16
		toGreen := -22554*blue - 46802*red + below<<16
		toBlue := 116130*blue + below<<16
		for end = min(end, len(row)); x < end; x++ {
			white := int32(luminance[x]) * 0x10101
			row[x] = redClamped[uint32(white+toRed)>>16%reach] +
				greenClamped[uint32(white+toGreen)>>16%reach] +
				blueClamped[uint32(white+toBlue)>>16%reach]
		}
		end += wide
	}
}

// Before it is brought into its range of 0 to 255, a colour lies between -227
// and 482: the tables below begin at -256 and bring it there by looking it up.
const (
	below = 256
	reach = 1024
)

var redClamped, greenClamped, blueClamped = clamped(&redShare), clamped(&greenShare), clamped(&blueShare)

func clamped(shares *[256]float32) (table [reach]float32) {
	for i := range table {
		table[i] = shares[min(max(i-below, 0), 255)]
	}
	return table
}
