package media

import (
	"image"
	"image/color"
	stddraw "image/draw"

	"golang.org/x/image/draw"
)

// fit returns the dimensions of a picture whose longer side is at most side;
// nothing is enlarged and nothing vanishes.
func fit(width, height, side int) (int, int) {
	longer := max(width, height)
	if longer <= side {
		return width, height
	}
	return max(1, (width*side+longer/2)/longer), max(1, (height*side+longer/2)/longer)
}

// shrink returns a copy on white whose longer side is at most side. A large
// picture is first averaged in whole blocks, a strip at a time, so that memory
// follows the preview and not the file.
func shrink(source image.Image, side int) *image.RGBA {
	bounds := source.Bounds()
	width, height := fit(bounds.Dx(), bounds.Dy(), side)
	reduced := average(source, max(1, max(bounds.Dx(), bounds.Dy())/(2*max(width, height))))
	if reduced.Rect.Dx() == width && reduced.Rect.Dy() == height {
		return reduced
	}
	result := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(result, result.Rect, reduced, reduced.Rect, draw.Src, nil)
	return result
}

// average replaces each block of factor x factor pixels by its mean.
func average(source image.Image, factor int) *image.RGBA {
	bounds := source.Bounds()
	width, height := (bounds.Dx()+factor-1)/factor, (bounds.Dy()+factor-1)/factor
	result := image.NewRGBA(image.Rect(0, 0, width, height))
	strip := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), factor))
	sums := make([]uint32, 4*width)
	for row := range height {
		rows := min(factor, bounds.Dy()-row*factor)
		used := image.Rect(0, 0, bounds.Dx(), rows)
		stddraw.Draw(strip, used, image.White, image.Point{}, stddraw.Src)
		stddraw.Draw(strip, used, source, bounds.Min.Add(image.Pt(0, row*factor)), stddraw.Over)
		line := result.Pix[row*result.Stride:][:4*width]
		if factor == 1 {
			copy(line, strip.Pix)
			continue
		}
		clear(sums)
		for y := range rows {
			pixels := strip.Pix[y*strip.Stride:]
			for x := range bounds.Dx() {
				sum, pixel := sums[4*(x/factor):], pixels[4*x:]
				sum[0] += uint32(pixel[0])
				sum[1] += uint32(pixel[1])
				sum[2] += uint32(pixel[2])
				sum[3]++
			}
		}
		for x := range width {
			count := sums[4*x+3]
			for channel := range 3 {
				line[4*x+channel] = uint8((sums[4*x+channel] + count/2) / count)
			}
			line[4*x+3] = 255
		}
	}
	return result
}

// blur applies three box means of a radius, close to a Gaussian of that
// standard deviation, to each of the interleaved channels, in place.
func blur(pixels []byte, width, height, channels, radius int) {
	if radius < 1 {
		return
	}
	line := make([]byte, max(width, height))
	for channel := range channels {
		for range 3 {
			for y := range height {
				boxMean(pixels[y*width*channels+channel:], line[:width], channels, radius)
			}
			for x := range width {
				boxMean(pixels[x*channels+channel:], line[:height], width*channels, radius)
			}
		}
	}
}

// boxMean replaces every step-th byte by the mean of its neighbours within
// radius; the ends are repeated. line is scratch of the length to work on.
func boxMean(pixels, line []byte, step, radius int) {
	for i := range line {
		line[i] = pixels[i*step]
	}
	last := len(line) - 1
	sum := 0
	for i := -radius; i <= radius; i++ {
		sum += int(line[min(max(i, 0), last)])
	}
	span := 2*radius + 1
	for i := range line {
		pixels[i*step] = uint8((sum + radius) / span)
		sum += int(line[min(i+radius+1, last)]) - int(line[max(i-radius, 0)])
	}
}

func greySamples(picture *image.RGBA) samples {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	grey := make([]byte, 0, width*height)
	for y := range height {
		line := picture.Pix[y*picture.Stride:]
		for x := range width {
			luma, _, _ := color.RGBToYCbCr(line[4*x], line[4*x+1], line[4*x+2])
			grey = append(grey, luma)
		}
	}
	return samples{width: width, height: height, bytes: grey}
}

func colourSamples(picture *image.RGBA) samples {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	chromaWidth, chromaHeight := (width+1)/2, (height+1)/2
	planes := make([]byte, sampleCount(width, height, true))
	luma := planes[:width*height]
	blue := planes[width*height:][:chromaWidth*chromaHeight]
	red := planes[width*height+chromaWidth*chromaHeight:]
	for chromaY := range chromaHeight {
		for chromaX := range chromaWidth {
			var sumBlue, sumRed, count int
			for y := 2 * chromaY; y < min(2*chromaY+2, height); y++ {
				for x := 2 * chromaX; x < min(2*chromaX+2, width); x++ {
					pixel := picture.Pix[y*picture.Stride+4*x:]
					l, b, r := color.RGBToYCbCr(pixel[0], pixel[1], pixel[2])
					luma[y*width+x] = l
					sumBlue += int(b)
					sumRed += int(r)
					count++
				}
			}
			blue[chromaY*chromaWidth+chromaX] = uint8((sumBlue + count/2) / count)
			red[chromaY*chromaWidth+chromaX] = uint8((sumRed + count/2) / count)
		}
	}
	return samples{width: width, height: height, colour: true, bytes: planes}
}
