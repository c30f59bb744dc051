package node

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
)

// scenery draws a benign picture: hills under a sky with a sun, or a pattern of
// tiles. The same seed gives the same picture.
func scenery(seed uint64, width, height int) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 2021))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	if seed%4 == 3 {
		tiles(img, random)
		return img
	}
	landscape(img, random)
	return img
}

func landscape(img *image.RGBA, random *rand.Rand) {
	width, height := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	sunX, sunY, sun := width*random.Float64(), height*(0.1+0.25*random.Float64()), height*(0.05+0.06*random.Float64())
	hue := random.Float64()
	type ridge struct{ base, rough, phase, step float64 }
	ridges := make([]ridge, 4)
	for i := range ridges {
		ridges[i] = ridge{height * (0.35 + 0.15*float64(i) + 0.05*random.Float64()), height * (0.05 + 0.12*random.Float64()), 20 * random.Float64(), (1.5 + 4*random.Float64()) / width}
	}
	for x := range img.Rect.Dx() {
		tops := make([]float64, len(ridges))
		for i, r := range ridges {
			at := float64(x) * r.step * 2 * math.Pi
			tops[i] = r.base - r.rough*(0.6*math.Sin(at+r.phase)+0.3*math.Sin(2.7*at+1.3*r.phase)+0.1*math.Sin(9*at+r.phase))
		}
		for y := range img.Rect.Dy() {
			up := float64(y) / height
			c := [3]float64{90 + 110*up + 40*hue, 140 + 70*up, 225 - 60*up*hue}
			if math.Hypot(float64(x)-sunX, float64(y)-sunY) < sun {
				c = [3]float64{250, 235, 170}
			}
			for i, top := range tops {
				if float64(y) > top {
					shade := 1 - 0.18*float64(i)
					grain := 12 * math.Sin(float64(x*(3+i))/5+float64(y)/3)
					c = [3]float64{(70+60*hue)*shade + grain, (130-30*hue)*shade + grain, (80+30*(1-hue))*shade + grain}
				}
			}
			img.SetRGBA(x, y, color.RGBA{clamp(c[0]), clamp(c[1]), clamp(c[2]), 255})
		}
	}
}

func tiles(img *image.RGBA, random *rand.Rand) {
	const across = 9
	size := max(1, img.Rect.Dx()/across)
	colours := map[[2]int]color.RGBA{}
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			at := [2]int{x / size, y / size}
			c, found := colours[at]
			if !found {
				c = color.RGBA{uint8(40 + random.IntN(200)), uint8(40 + random.IntN(200)), uint8(40 + random.IntN(200)), 255}
				colours[at] = c
			}
			inner := math.Hypot(float64(x%size-size/2), float64(y%size-size/2))
			if inner < float64(size)/3 {
				c = color.RGBA{255 - c.R, 255 - c.G, 255 - c.B, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
}

func clamp(v float64) uint8 { return uint8(max(0, min(255, v))) }

// mirrored turns a picture around its vertical axis.
func mirrored(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	width := img.Rect.Dx()
	for y := range img.Rect.Dy() {
		for x := range width {
			out.SetRGBA(x, y, img.RGBAAt(width-1-x, y))
		}
	}
	return out
}

func asJPEG(img image.Image, quality int) []byte {
	var out bytes.Buffer
	// Writing to memory cannot fail for a picture of this size.
	_ = jpeg.Encode(&out, img, &jpeg.Options{Quality: quality})
	return out.Bytes()
}

func asPNG(img image.Image) []byte {
	var out bytes.Buffer
	_ = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img) // as above
	return out.Bytes()
}
