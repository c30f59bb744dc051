package scene_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	scale "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// edit is something that people and services do to pictures.
type edit struct {
	name  string
	apply func(t testing.TB, p *image.NRGBA) *image.NRGBA
}

// edits are the rows of docs/robustness.md.
var edits = []edit{
	{"JPEG quality 90", compressed(90)}, {"JPEG quality 50", compressed(50)}, {"JPEG quality 20", compressed(20)}, {"JPEG quality 10", compressed(10)},
	{"size 50 %", resized(0.5, 0.5)}, {"size 25 %", resized(0.25, 0.25)}, {"size 10 %", resized(0.1, 0.1)},
	{"64 pixels wide", func(t testing.TB, p *image.NRGBA) *image.NRGBA {
		share := 64 / float64(max(p.Rect.Dx(), p.Rect.Dy()))
		return resized(share, share)(t, p)
	}},
	{"stretched by a third", resized(1, 0.75)},
	{"grey", colours(func(r, g, b float64) (float64, float64, float64) { y := luma(r, g, b); return y, y, y })},
	{"sepia", colours(func(r, g, b float64) (float64, float64, float64) {
		return 0.393*r + 0.769*g + 0.189*b, 0.349*r + 0.686*g + 0.168*b, 0.272*r + 0.534*g + 0.131*b
	})},
	{"colours twice as strong", colours(func(r, g, b float64) (float64, float64, float64) {
		y := luma(r, g, b)
		return 2*r - y, 2*g - y, 2*b - y
	})},
	{"30 % darker", levels(func(v float64) float64 { return 0.7 * v })}, {"30 % lighter", levels(func(v float64) float64 { return 1.3 * v })},
	{"contrast 1.5", levels(func(v float64) float64 { return 128 + 1.5*(v-128) })},
	{"gamma 0.6", levels(func(v float64) float64 { return 255 * math.Pow(v/255, 0.6) })}, {"gamma 1.6", levels(func(v float64) float64 { return 255 * math.Pow(v/255, 1.6) })},
	{"blurred by 6 pixels", blurred}, {"noise of 30 levels", noisy}, {"sharpened", sharpened},
	{"box over 1 %", covered(0.01)}, {"box over 4 %", covered(0.04)}, {"box over 10 %", covered(0.10)}, {"caption", captioned},
	{"cropped by 1 %", cropped(0.01)}, {"cropped by 2 %", cropped(0.02)}, {"cropped by 3 %", cropped(0.03)}, {"cropped by 4 %", cropped(0.04)},
	{"cropped by 5 %", cropped(0.05)}, {"cropped by 7.5 %", cropped(0.075)}, {"cropped by 10 %", cropped(0.1)}, {"cropped by 12.5 %", cropped(0.125)},
	{"cropped by 17.5 %", cropped(0.175)}, {"cropped by 20 %", cropped(0.2)}, {"cropped by 40 %", cropped(0.4)},
	{"5 % cut off one side", cutOff(0.05)}, {"10 % cut off one side", cutOff(0.1)}, {"30 % cut off one side", cutOff(0.3)},
	{"border of 2 %", framed(0.02, 0.02, color.White)}, {"border of 5 %", framed(0.05, 0.05, color.White)},
	{"letterbox of 5 %", framed(0, 0.05, color.Black)}, {"letterbox of 12 %", framed(0, 0.12, color.Black)},
	{"turned by 1°", turned(1)}, {"turned by 2°", turned(2)}, {"turned by 5°", turned(5)}, {"turned by 20°", turned(20)},
	{"mirrored", placed(func(x, y, w, h int) (int, int) { return w - 1 - x, y }, false)},
	{"turned by 90°", placed(func(x, y, w, h int) (int, int) { return y, h - 1 - x }, true)},
	{"turned by 180°", placed(func(x, y, w, h int) (int, int) { return w - 1 - x, h - 1 - y }, false)},
	{"inverted", levels(func(v float64) float64 { return 255 - v })},
	{"screenshot", func(t testing.TB, p *image.NRGBA) *image.NRGBA {
		return compressed(75)(t, framed(0.05, 0.05, color.Gray{Y: 240})(t, resized(0.6, 0.6)(t, p)))
	}},
	{"quarter of a collage", collage}, {"half seen through", seenThrough},
}

func luma(r, g, b float64) float64 { return 0.299*r + 0.587*g + 0.114*b }

func clamp(v float64) uint8 { return uint8(math.Round(min(max(v, 0), 255))) }

// pixels is a copy as *image.NRGBA at the origin.
func pixels(img image.Image) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

func compressed(quality int) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(t testing.TB, p *image.NRGBA) *image.NRGBA {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, p, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		return pixels(img)
	}
}

func resized(across, down float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(image.Rect(0, 0, max(1, int(across*float64(p.Rect.Dx()))), max(1, int(down*float64(p.Rect.Dy())))))
		scale.CatmullRom.Scale(out, out.Rect, p, p.Rect, draw.Src, nil)
		return out
	}
}

func colours(change func(r, g, b float64) (float64, float64, float64)) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(p.Rect)
		for i := 0; i < len(p.Pix); i += 4 {
			r, g, b := change(float64(p.Pix[i]), float64(p.Pix[i+1]), float64(p.Pix[i+2]))
			out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = clamp(r), clamp(g), clamp(b), 255
		}
		return out
	}
}

func levels(change func(float64) float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	var table [256]uint8
	for v := range table {
		table[v] = clamp(change(float64(v)))
	}
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(p.Rect)
		for i, v := range p.Pix {
			out.Pix[i] = table[v]
			if i%4 == 3 {
				out.Pix[i] = v
			}
		}
		return out
	}
}

// filtered applies a kernel along both axes.
func filtered(p *image.NRGBA, kernel []float64) *image.NRGBA {
	half := len(kernel) / 2
	width, height := p.Rect.Dx(), p.Rect.Dy()
	middle, out := make([]float64, len(p.Pix)), image.NewNRGBA(p.Rect)
	for y := range height {
		for x := range width {
			for k, weight := range kernel {
				from := p.Pix[y*p.Stride+4*min(max(x+k-half, 0), width-1):]
				for c := range 4 {
					middle[y*p.Stride+4*x+c] += weight * float64(from[c])
				}
			}
		}
	}
	line := make([]float64, p.Stride)
	for y := range height {
		clear(line)
		for k, weight := range kernel {
			for i, value := range middle[min(max(y+k-half, 0), height-1)*p.Stride:][:p.Stride] {
				line[i] += weight * value
			}
		}
		for i, value := range line {
			out.Pix[y*p.Stride+i] = clamp(value)
		}
	}
	return out
}

func gaussian(sigma float64) []float64 {
	half := int(2.5 * sigma)
	kernel, sum := make([]float64, 2*half+1), 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64((i-half)*(i-half)) / (2 * sigma * sigma))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	return kernel
}

func blurred(_ testing.TB, p *image.NRGBA) *image.NRGBA { return filtered(p, gaussian(6)) }

func sharpened(_ testing.TB, p *image.NRGBA) *image.NRGBA {
	soft, out := filtered(p, gaussian(1.5)), image.NewNRGBA(p.Rect)
	for i, v := range p.Pix {
		out.Pix[i] = clamp(float64(v) + 1.5*(float64(v)-float64(soft.Pix[i])))
	}
	return out
}

func noisy(_ testing.TB, p *image.NRGBA) *image.NRGBA {
	random, out := rand.New(rand.NewPCG(17, 1)), image.NewNRGBA(p.Rect)
	for i, v := range p.Pix {
		out.Pix[i] = 255
		if i%4 != 3 {
			out.Pix[i] = clamp(float64(v) + 30*random.NormFloat64())
		}
	}
	return out
}

// covered lays a grey box over a share of the area, low and to the right of the middle, as watermarks are.
func covered(share float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		out := pixels(p)
		side := math.Sqrt(share)
		w, h := int(side*float64(p.Rect.Dx())), int(side*float64(p.Rect.Dy()))
		at := image.Pt(int(0.9*float64(p.Rect.Dx()))-w, int(0.9*float64(p.Rect.Dy()))-h)
		draw.Draw(out, image.Rectangle{at, at.Add(image.Pt(w, h))}, image.NewUniform(color.Gray{Y: 230}), image.Point{}, draw.Src)
		return out
	}
}

// captioned writes large text over the upper and the lower part, white with a black rim.
func captioned(_ testing.TB, p *image.NRGBA) *image.NRGBA {
	out := pixels(p)
	for i, text := range []string{"message 17", "sent on monday"} {
		face := basicfont.Face7x13
		word := image.NewAlpha(image.Rect(0, 0, face.Advance*len(text), face.Height))
		(&font.Drawer{Dst: word, Src: image.White, Face: face, Dot: fixed.P(0, face.Ascent)}).DrawString(text)
		width := 8 * p.Rect.Dx() / 10
		height := min(width*word.Rect.Dy()/word.Rect.Dx(), p.Rect.Dy()/6)
		large := image.NewAlpha(image.Rect(0, 0, width, height))
		scale.NearestNeighbor.Scale(large, large.Rect, word, word.Rect, draw.Src, nil)
		at := image.Pt(p.Rect.Dx()/10, p.Rect.Dy()/25+i*(p.Rect.Dy()-height-2*p.Rect.Dy()/25))
		rim := max(1, height/25)
		for _, by := range []image.Point{{-rim, 0}, {rim, 0}, {0, -rim}, {0, rim}} {
			draw.DrawMask(out, large.Rect.Add(at).Add(by), image.Black, image.Point{}, large, image.Point{}, draw.Over)
		}
		draw.DrawMask(out, large.Rect.Add(at), image.White, image.Point{}, large, image.Point{}, draw.Over)
	}
	return out
}

// cropped leaves off a share of the width and the height, half of it at each side.
func cropped(share float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		x, y := int(share/2*float64(p.Rect.Dx())), int(share/2*float64(p.Rect.Dy()))
		return pixels(p.SubImage(image.Rect(x, y, p.Rect.Dx()-x, p.Rect.Dy()-y)))
	}
}

func cutOff(share float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		return pixels(p.SubImage(image.Rect(int(share*float64(p.Rect.Dx())), 0, p.Rect.Dx(), p.Rect.Dy())))
	}
}

func framed(across, down float64, colour color.Color) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		x, y := int(across*float64(p.Rect.Dx())), int(down*float64(p.Rect.Dy()))
		out := image.NewNRGBA(image.Rect(0, 0, p.Rect.Dx()+2*x, p.Rect.Dy()+2*y))
		draw.Draw(out, out.Rect, image.NewUniform(colour), image.Point{}, draw.Src)
		draw.Draw(out, p.Rect.Add(image.Pt(x, y)), p, image.Point{}, draw.Src)
		return out
	}
}

// turned turns clockwise about the middle; the size stays, and the corners become black.
func turned(degrees float64) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(p.Rect)
		width, height := p.Rect.Dx(), p.Rect.Dy()
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		for y := range height {
			for x := range width {
				dx, dy := float64(x)-float64(width-1)/2, float64(y)-float64(height-1)/2
				fromX, fromY := cos*dx+sin*dy+float64(width-1)/2, -sin*dx+cos*dy+float64(height-1)/2
				to := out.Pix[y*out.Stride+4*x:][:4]
				to[3] = 255
				left, top := int(math.Floor(fromX)), int(math.Floor(fromY))
				if left < 0 || top < 0 || left+1 >= width || top+1 >= height {
					continue
				}
				across, down := fromX-float64(left), fromY-float64(top)
				at := p.Pix[top*p.Stride+4*left:]
				for c := range 3 {
					upper := (1-across)*float64(at[c]) + across*float64(at[4+c])
					lower := (1-across)*float64(at[p.Stride+c]) + across*float64(at[p.Stride+4+c])
					to[c] = clamp((1-down)*upper + down*lower)
				}
			}
		}
		return out
	}
}

// placed moves pixels without changing them; from is given the size of the result's source.
func placed(from func(x, y, width, height int) (int, int), swap bool) func(testing.TB, *image.NRGBA) *image.NRGBA {
	return func(_ testing.TB, p *image.NRGBA) *image.NRGBA {
		width, height := p.Rect.Dx(), p.Rect.Dy()
		out := image.NewNRGBA(p.Rect)
		if swap {
			out = image.NewNRGBA(image.Rect(0, 0, height, width))
		}
		for y := range out.Rect.Dy() {
			for x := range out.Rect.Dx() {
				fromX, fromY := from(x, y, width, height)
				copy(out.Pix[y*out.Stride+4*x:][:4], p.Pix[fromY*p.Stride+4*fromX:])
			}
		}
		return out
	}
}

// collage sets a picture beside three generated ones.
func collage(t testing.TB, p *image.NRGBA) *image.NRGBA {
	width, height := p.Rect.Dx(), p.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, 2*width, 2*height))
	for i := range 4 {
		tile := p
		if i != 2 {
			tile = pixels(generated(uint64(i), width, height))
		}
		draw.Draw(out, p.Rect.Add(image.Pt(i%2*width, i/2*height)), tile, image.Point{}, draw.Src)
	}
	return out
}

// seenThrough lays a generated picture over all of one, half transparent.
func seenThrough(_ testing.TB, p *image.NRGBA) *image.NRGBA {
	out := pixels(p)
	over := generated(99, p.Rect.Dx(), p.Rect.Dy())
	draw.DrawMask(out, out.Rect, over, image.Point{}, image.NewUniform(color.Alpha{A: 100}), image.Point{}, draw.Over)
	return out
}

// generated paints shapes before a sky: benign, and with features enough.
func generated(seed uint64, width, height int) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 2))
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			out.SetNRGBA(x, y, color.NRGBA{uint8(90 + 80*y/height), uint8(140 + 60*x/width), 220, 255})
		}
	}
	for range 60 {
		fill := image.NewUniform(color.NRGBA{uint8(random.IntN(256)), uint8(random.IntN(256)), uint8(random.IntN(256)), 255})
		across, down := 1+random.IntN(1+width/6), 1+random.IntN(1+height/6)
		at := image.Pt(random.IntN(width), random.IntN(height))
		if random.IntN(2) == 0 {
			draw.Draw(out, image.Rectangle{at, at.Add(image.Pt(across, down))}, fill, image.Point{}, draw.Src)
			continue
		}
		for y := -down; y <= down; y++ {
			half := int(float64(across) * math.Sqrt(1-float64(y*y)/float64(down*down)))
			draw.Draw(out, image.Rect(at.X-half, at.Y+y, at.X+half, at.Y+y+1), fill, image.Point{}, draw.Src)
		}
	}
	return out
}
