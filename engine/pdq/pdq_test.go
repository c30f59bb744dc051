package pdq

import (
	"bytes"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// scene draws a benign picture with enough gradient to be hashed: overlapping
// discs and bars over a sky-like gradient.
func scene(width, height int, seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 7))
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	type disc struct {
		x, y, r float64
		c       [3]float64
	}
	discs := make([]disc, 14)
	for i := range discs {
		discs[i] = disc{random.Float64() * float64(width), random.Float64() * float64(height), (0.05 + 0.2*random.Float64()) * float64(min(width, height)),
			[3]float64{random.Float64() * 255, random.Float64() * 255, random.Float64() * 255}}
	}
	for y := range height {
		for x := range width {
			c := [3]float64{200 * float64(y) / float64(height), 120 + 80*math.Sin(float64(x)/float64(width)*9), 255 - 200*float64(y)/float64(height)}
			for _, d := range discs {
				if math.Hypot(float64(x)-d.x, float64(y)-d.y) < d.r {
					c = d.c
				}
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 255})
		}
	}
	return img
}

// The fast sampling and the reference's order of operations give the same
// block up to rounding, for any size.
func TestSamplerEqualsTheFullFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(minimumSide, 700).Draw(t, "width")
		height := rapid.IntRange(minimumSide, 700).Draw(t, "height")
		img := scene(width, height, rapid.Uint64().Draw(t, "seed"))
		lines := lumaOf(img)
		sampler := newSampler(fullGrid(width, height))
		row := make([]float32, width)
		for y := range height {
			sampler.add(lines(row, y))
		}
		var plain block
		inReferenceOrder(&plain, lines, width, height)
		for i := range plain {
			for j := range plain[i] {
				if d := plain[i][j] - sampler.out[0][0][i][j]; d > 0.01 || d < -0.01 {
					t.Fatalf("%dx%d: sample %d,%d is %v, want %v", width, height, i, j, sampler.out[0][0][i][j], plain[i][j])
				}
			}
		}
	})
}

// turned turns an image as the variants say the reference does.
func turned(img image.Image, v Variant) image.Image {
	b := img.Bounds()
	width, height := b.Dx(), b.Dy()
	at := map[Variant]func(x, y int) (int, int){
		Rotate90:   func(x, y int) (int, int) { return width - 1 - y, x },
		Rotate180:  func(x, y int) (int, int) { return width - 1 - x, height - 1 - y },
		Rotate270:  func(x, y int) (int, int) { return y, height - 1 - x },
		FlipX:      func(x, y int) (int, int) { return x, height - 1 - y },
		FlipY:      func(x, y int) (int, int) { return width - 1 - x, y },
		FlipPlus1:  func(x, y int) (int, int) { return y, x },
		FlipMinus1: func(x, y int) (int, int) { return width - 1 - y, height - 1 - x },
	}[v]
	size := image.Rect(0, 0, width, height)
	if v == Rotate90 || v == Rotate270 || v == FlipPlus1 || v == FlipMinus1 {
		size = image.Rect(0, 0, height, width)
	}
	out := image.NewNRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := at(x, y)
			out.Set(x, y, img.At(sx, sy))
		}
	}
	return out
}

// The variants are the hashes of the turned pictures themselves up to 512 pixels, and near them beyond.
func TestVariantsAreTheHashesOfTurnedPictures(t *testing.T) {
	for _, size := range [][2]int{{512, 384}, {256, 256}, {251, 199}, {130, 128}, {64, 64}, {64, 100}, {33, 257}, {640, 480}, {1200, 513}} {
		img := scene(size[0], size[1], 3)
		// Stripes as fine as the samples: where they are read makes another hash.
		for y := range size[1] {
			for x := range size[0] {
				if c := img.NRGBAAt(x, y); (x*size[1]/7+y*size[0]/5)/97%2 == 0 {
					img.SetNRGBA(x, y, color.NRGBA{c.R / 2, c.G / 2, c.B / 2, 255})
				}
			}
		}
		forms := ComputeForms(img)
		allowed := 2 // rounding
		if shrinks(size[0], size[1]) {
			allowed = 31
		}
		for v := Rotate90; v <= FlipMinus1; v++ {
			want := ComputeForms(turned(img, v))
			if full, nearest := forms.Full.Variants[v].Distance(want.Full.Hash), forms.Nearest.Variants[v].Distance(want.Nearest.Hash); full > allowed || nearest > allowed {
				t.Errorf("%v, %v: the variants are %d and %d bits from the hashes of the turned picture", size, v, full, nearest)
			}
			if d := forms.Full.Hash.Distance(want.Full.Hash); d <= 31 {
				t.Errorf("%v, %v: the turned picture matches without its variant (%d bits): the scene is too symmetric", size, v, d)
			}
		}
	}
}

// The same picture in every pixel format that Go decodes to has the same hash:
// other tools hash palette indices, or fail.
func TestPixelFormats(t *testing.T) {
	img := scene(400, 300, 5)
	want := FromImage(img)
	if want.Quality < MinimumQuality {
		t.Fatalf("the scene has quality %d", want.Quality)
	}
	convert := func(to draw.Image) image.Image { draw.Draw(to, to.Bounds(), img, image.Point{}, draw.Src); return to }
	bounds := img.Bounds()
	cmyk := image.NewCMYK(bounds)
	transparent := image.NewNRGBA(bounds)
	sixteen := image.NewNRGBA64(bounds)
	ycbcr := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio444)
	gray := image.NewGray(bounds)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := img.NRGBAAt(x, y)
			cmyk.Set(x, y, c)
			sixteen.Set(x, y, c)
			gray.Set(x, y, c)
			transparent.SetNRGBA(x, y, color.NRGBA{c.R, c.G, c.B, 3})
			ycbcr.Y[ycbcr.YOffset(x, y)], ycbcr.Cb[ycbcr.COffset(x, y)], ycbcr.Cr[ycbcr.COffset(x, y)] = color.RGBToYCbCr(c.R, c.G, c.B)
		}
	}
	paletted := image.NewPaletted(bounds, palette.WebSafe)
	draw.FloydSteinberg.Draw(paletted, bounds, img, image.Point{})
	var asGIF, asPNG bytes.Buffer
	if err := gif.Encode(&asGIF, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&asPNG, paletted); err != nil {
		t.Fatal(err)
	}
	fromGIF, err := gif.Decode(&asGIF)
	if err != nil {
		t.Fatal(err)
	}
	fromPNG, err := png.Decode(&asPNG)
	if err != nil {
		t.Fatal(err)
	}
	offset := image.NewNRGBA(image.Rect(-7, 11, 393, 311))
	draw.Draw(offset, offset.Bounds(), img, image.Point{}, draw.Src)
	for name, c := range map[string]struct {
		img     image.Image
		allowed int
	}{
		"RGBA":                     {convert(image.NewRGBA(bounds)), 0},
		"NRGBA64":                  {sixteen, 0},
		"RGBA64":                   {convert(image.NewRGBA64(bounds)), 0},
		"CMYK":                     {cmyk, 2},
		"almost transparent":       {transparent, 0},
		"YCbCr":                    {ycbcr, 2},
		"NYCbCrA":                  {&image.NYCbCrA{YCbCr: *ycbcr, A: make([]uint8, 400*300), AStride: 400}, 2},
		"grey":                     {gray, 2},
		"GIF":                      {fromGIF, 12},
		"palette PNG":              {fromPNG, 12},
		"bounds not at the origin": {offset, 0},
		"sub-image":                {convertSub(img), 0},
	} {
		got := FromImage(c.img)
		if d := got.Hash.Distance(want.Hash); d > c.allowed {
			t.Errorf("%s: %d bits away, at most %d allowed", name, d, c.allowed)
		}
	}
}

// convertSub puts the picture inside a larger one and takes it out again.
func convertSub(img image.Image) image.Image {
	larger := image.NewRGBA(image.Rect(0, 0, 600, 500))
	draw.Draw(larger, image.Rect(50, 60, 450, 360), img, image.Point{}, draw.Src)
	return larger.SubImage(image.Rect(50, 60, 450, 360))
}

func TestSmallAndFlatPictures(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {4, 100}, {100, 4}, {1, 1}} {
		if got := Compute(image.NewGray(image.Rect(0, 0, size[0], size[1]))); got.Hash != (Hash{}) || got.Quality != 0 {
			t.Errorf("%v: %v quality %d, want the zero hash and 0", size, got.Hash, got.Quality)
		}
	}
	if got := FromImage(image.NewGray(image.Rect(0, 0, 300, 300))); got.Quality >= MinimumQuality {
		t.Errorf("a flat picture has quality %d", got.Quality)
	}
}

// Reading whole rows gives what reading each pixel by itself gives.
func TestRowsEqualPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minX, minY := rapid.IntRange(-5, 5).Draw(t, "minX"), rapid.IntRange(-5, 5).Draw(t, "minY")
		size := image.Rect(minX, minY, minX+rapid.IntRange(1, 20).Draw(t, "width"), minY+rapid.IntRange(1, 20).Draw(t, "height"))
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		noise := func(bytes []uint8) {
			for i := range bytes {
				bytes[i] = uint8(random.Uint32())
			}
		}
		cmyk, sixteen, gray16 := image.NewCMYK(size), image.NewNRGBA64(size), image.NewGray16(size)
		noise(cmyk.Pix)
		noise(sixteen.Pix)
		noise(gray16.Pix)
		for i := 6; i < len(sixteen.Pix); i += 8 {
			sixteen.Pix[i], sixteen.Pix[i+1] = 255, 255
		}
		images := []image.Image{cmyk, sixteen, gray16}
		for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
			// Go makes the chroma of images at negative origins too small.
			size := size.Sub(size.Min).Add(image.Pt(max(minX, 0), max(minY, 0)))
			img := image.NewYCbCr(size, ratio)
			noise(img.Y)
			noise(img.Cb)
			noise(img.Cr)
			images = append(images, img, img.SubImage(size.Inset(1)))
		}
		for _, img := range images {
			bounds := img.Bounds()
			lines := lumaOf(img)
			for y := range bounds.Dy() {
				for x, got := range lines(make([]float32, bounds.Dx()), y) {
					want := lumaOfColor(img.At(bounds.Min.X+x, bounds.Min.Y+y))
					if c, ok := img.At(bounds.Min.X+x, bounds.Min.Y+y).(color.YCbCr); ok {
						want = luminance(color.YCbCrToRGB(c.Y, c.Cb, c.Cr))
					}
					if d := got - want; d > 1e-4 || d < -1e-4 {
						t.Fatalf("%T %v at %d,%d: %v, want %v", img, bounds, x, y, got, want)
					}
				}
			}
		}
	})
}

// windowMean averages a window summed anew at every pixel, which the running
// sums of the package must agree with.
func windowMean(in []float32, width, height, dx, dy int) []float32 {
	n := dx*width + dy*height
	size := (n + 127) / 128
	after := (size+2)/2 - 1
	out := make([]float32, len(in))
	for y := range height {
		for x := range width {
			var sum float64
			count := 0
			for d := after - size + 1; d <= after; d++ {
				if px, py := x+d*dx, y+d*dy; px >= 0 && px < width && py >= 0 && py < height {
					sum += float64(in[py*width+px])
					count++
				}
			}
			out[y*width+x] = float32(sum / float64(count))
		}
	}
	return out
}

func TestSamplerEqualsWindowsSummedAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(minimumSide, 300).Draw(t, "width")
		height := rapid.IntRange(minimumSide, 300).Draw(t, "height")
		lines := lumaOf(scene(width, height, rapid.Uint64().Draw(t, "seed")))
		sampler := newSampler(fullGrid(width, height))
		plane := make([]float32, width*height)
		for y := range height {
			sampler.add(lines(plane[y*width:(y+1)*width], y))
		}
		for range 2 {
			plane = windowMean(windowMean(plane, width, height, 1, 0), width, height, 0, 1)
		}
		for i := range side {
			for j := range side {
				want := plane[(2*i+1)*height/128*width+(2*j+1)*width/128]
				if d := want - sampler.out[0][0][i][j]; d > 0.001 || d < -0.001 {
					t.Fatalf("%dx%d: sample %d,%d is %v, want %v", width, height, i, j, sampler.out[0][0][i][j], want)
				}
			}
		}
	})
}

func TestFromLumaRefusesWhatIsNoLuminance(t *testing.T) {
	for _, value := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30, -1, 256} {
		luma := make([]float32, 100)
		luma[37] = value
		if got, err := FromLuma(luma, 10, 10); err == nil || !strings.Contains(err.Error(), "column 7 of row 3") {
			t.Errorf("%v gave quality %d, error %v", value, got.Quality, err)
		}
	}
	white := make([]float32, 100)
	for i := range white {
		white[i] = luminance(255, 255, 255)
	}
	if _, err := FromLuma(white, 10, 10); err != nil {
		t.Error(err)
	}
}

func TestFromLumaChecksItsSize(t *testing.T) {
	for _, c := range []struct{ count, width, height int }{{10, 5, 3}, {0, 5, 5}, {25, 0, 5}, {25, -5, -5}, {25, 5, 6}, {30, 7, 4}} {
		if _, err := FromLuma(make([]float32, c.count), c.width, c.height); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
	img := scene(90, 70, 1)
	lines := lumaOf(img)
	luma := make([]float32, 90*70)
	for y := range 70 {
		copy(luma[y*90:], lines(luma[y*90:(y+1)*90], y))
	}
	if got, err := FromLuma(luma, 90, 70); err != nil || got != FromImage(img) {
		t.Errorf("FromLuma and FromImage differ: %v", err)
	}
}

func TestParse(t *testing.T) {
	text := "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
	h, err := Parse(text)
	if err != nil || h.String() != text || h[0] != 0xf8 || h[31] != 0x22 {
		t.Fatalf("%v %v", h, err)
	}
	for _, bad := range []string{"", text[1:], text + "00", strings.Replace(text, "f", "g", 1)} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	other := h
	other[3] ^= 0b101
	if h.Distance(other) != 2 {
		t.Error("two flipped bits are not a distance of two")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Parse(text)
		if err == nil && h.String() != strings.ToLower(text) {
			t.Fatalf("%q was read as %v", text, h)
		}
	})
}

func FuzzFromLuma(f *testing.F) {
	f.Add(10, 10, 100, float32(3))
	f.Add(5, 700, 3500, float32(-1e30))
	f.Add(10, 10, 100, float32(math.NaN()))
	f.Fuzz(func(t *testing.T, width, height, count int, value float32) {
		if count < 0 || count > 1<<16 {
			return
		}
		luma := make([]float32, count)
		for i := range luma {
			luma[i] = value * float32(i%7)
		}
		if count > 3 {
			luma[3] = value
		}
		r, err := FromLuma(luma, width, height)
		if err == nil && (r.Quality < 0 || r.Quality > 100) {
			t.Fatalf("quality %d", r.Quality)
		}
	})
}

func benchmark(b *testing.B, width, height int) {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = uint8(i*7 + i/width*13)
	}
	b.SetBytes(int64(width * height))
	for b.Loop() {
		Compute(img)
	}
}

// BenchmarkFlat is the dearest picture of its size: it is hashed a second time,
// in the reference's order of operations.
func BenchmarkFlat2000x2000(b *testing.B) {
	img := image.NewGray(image.Rect(0, 0, 2000, 2000))
	b.SetBytes(2000 * 2000)
	for b.Loop() {
		Compute(img)
	}
}

func BenchmarkCompute640x480(b *testing.B)   { benchmark(b, 640, 480) }
func BenchmarkCompute1280x960(b *testing.B)  { benchmark(b, 1280, 960) }
func BenchmarkCompute4000x3000(b *testing.B) { benchmark(b, 4000, 3000) }
