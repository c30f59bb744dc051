package pdq_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"testing"

	xdraw "golang.org/x/image/draw"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
)

// framed draws a picture within borders of some widths, each side of its colour.
func framed(img image.Image, left, top, right, bottom int, sides, ends color.Color) *image.NRGBA {
	width, height := img.Bounds().Dx(), img.Bounds().Dy()
	out := image.NewNRGBA(image.Rect(0, 0, left+width+right, top+height+bottom))
	draw.Draw(out, out.Rect, image.NewUniform(sides), image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(0, 0, out.Rect.Dx(), top), image.NewUniform(ends), image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(0, top+height, out.Rect.Dx(), out.Rect.Dy()), image.NewUniform(ends), image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(left, top, left+width, top+height), img, img.Bounds().Min, draw.Src)
	return out
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// borders are edits that put a picture into borders.
func borders(img image.Image) map[string]image.Image {
	width, height := img.Bounds().Dx(), img.Bounds().Dy()
	small := image.NewNRGBA(image.Rect(0, 0, width*6/10, height*6/10))
	xdraw.BiLinear.Scale(small, small.Rect, img, img.Bounds(), draw.Src, nil)
	grey := color.NRGBA{90, 120, 60, 255}
	fine := image.NewNRGBA(small.Rect) // compression unsettles a narrow border beside it
	for i, level := range small.Pix {
		fine.Pix[i] = level
		if i%4 < 3 && i/12%2 == 0 {
			fine.Pix[i] = level / 3
		}
	}
	return map[string]image.Image{
		"3 % border":           framed(img, 10, 9, 10, 9, color.White, color.White),
		"5 % border":           framed(img, width/20, height/20, width/20, height/20, color.Black, color.Black),
		"letterbox 12 %":       framed(img, 0, height*12/100, 0, height*12/100, color.Black, color.Black),
		"one side":             framed(img, width/15, 0, 0, 0, color.White, color.White),
		"every side different": framed(img, width/30, height/10, width/16, height/25, grey, color.White),
		"a tall screen":        framed(img, 0, height, 0, height*2, color.Black, color.Black),
		"narrow":               framed(fine, 7, 6, 5, 7, color.White, color.White),
		"screenshot":           framed(small, width/33, height/33, width/33, height/33, color.White, color.White),
	}
}

// TestBordersAreTakenOff also of files that were compressed, which are first looked at without
// decoding them.
func TestBordersAreTakenOff(t *testing.T) {
	for seed := range uint64(3) {
		img := hills(360, 270, seed)
		for name, edited := range borders(img) {
			want := pdq.Compute(img).Hash
			if name == "narrow" {
				want = pdq.Compute(pdq.Part(edited, image.Rect(7, 6, edited.Bounds().Max.X-5, edited.Bounds().Max.Y-7))).Hash
			}
			data := asJPEG(t, edited, 75)
			quick, err := pdq.FromJPEG(data, luma.Options{MaxPixels: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			if !quick.Bordered {
				t.Errorf("picture %d, %s: no border is suspected", seed, name)
			}
			decoded, _, err := luma.DecodeJPEG(data, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			forms, trimmed := pdq.ComputeTrimmed(decoded)
			if trimmed.None() {
				t.Errorf("picture %d, %s: no border is found", seed, name)
				continue
			}
			if found := trimmed.Forms.Full.Hash.Distance(want); found > 31 {
				t.Errorf("picture %d, %s: %v is left of %v, at distance %d (with the border %d)", seed, name, trimmed.Rectangle, decoded.Bounds(), found, forms.Full.Hash.Distance(want))
			}
		}
	}
}

// TestTheEdgeIsFoundToThePixel where nothing was compressed, wherever the picture lies.
func TestTheEdgeIsFoundToThePixel(t *testing.T) {
	img := hills(120, 90, 3)
	whole := framed(img, 7, 11, 0, 5, color.Black, color.White)
	moved := whole.SubImage(whole.Rect)
	for _, kind := range []image.Image{whole, moved, opaque{whole}} {
		if left, found := pdq.Trim(kind); !found || left != image.Rect(7, 11, 127, 101) {
			t.Errorf("%T: %v, %v", kind, left, found)
		}
	}
	within := framed(whole, 20, 20, 20, 20, color.NRGBA{1, 200, 1, 255}, color.NRGBA{1, 200, 1, 255})
	part := pdq.Part(within, image.Rect(20, 20, 147, 126)) // begins at 20, 20
	if left, found := pdq.Trim(part); !found || left != image.Rect(27, 31, 147, 121) {
		t.Errorf("a part: %v, %v", left, found)
	}
	if _, trimmed := pdq.ComputeTrimmed(part); trimmed.Rectangle != image.Rect(7, 11, 127, 101) || trimmed.Forms != pdq.ComputeForms(img) {
		t.Errorf("hashed a part: %v", trimmed.Rectangle)
	}
	if _, trimmed := pdq.ComputeTrimmed(opaque{whole}); trimmed.Forms != pdq.ComputeForms(img) {
		t.Error("an image of a type that has no parts is hashed otherwise")
	}
}

// opaque hides the type of an image.
type opaque struct{ image.Image }

func TestWhatIsNotTrimmed(t *testing.T) {
	flat := image.NewGray(image.Rect(0, 0, 200, 100))
	sky := hills(200, 150, 1) // with an even shade down to its middle
	for i := range sky.Pix[:75*sky.Stride] {
		sky.Pix[i] = uint8(100 + i/sky.Stride/4)
	}
	for name, img := range map[string]image.Image{
		"no border":         hills(200, 150, 1),
		"nothing else":      flat,
		"a sky":             sky,
		"too small":         hills(20, 20, 1),
		"too little left":   framed(hills(31, 200, 1), 60, 0, 60, 0, color.White, color.White),
		"a sliver is left":  framed(hills(400, 40, 1), 0, 300, 0, 100, color.White, color.White),
		"hardly any pixels": image.NewGray(image.Rect(0, 0, 3, 3)),
	} {
		if left, found := pdq.Trim(img); found || left != img.Bounds() {
			t.Errorf("%s: %v, %v", name, left, found)
		}
		if _, trimmed := pdq.ComputeTrimmed(img); !trimmed.None() {
			t.Errorf("%s: hashed %v", name, trimmed.Rectangle)
		}
	}
}

// TestInvertedColoursGiveTheComplement in every orientation, up to frequencies at the median.
func TestInvertedColoursGiveTheComplement(t *testing.T) {
	for seed := range uint64(6) {
		img := hills(250+int(seed)*70, 200, seed+1) // some are larger than 512 pixels
		inverted := image.NewNRGBA(img.Rect)
		for i, level := range img.Pix {
			inverted.Pix[i] = 255 - level
			if i%4 == 3 {
				inverted.Pix[i] = level
			}
		}
		want, got := pdq.ComputeForms(inverted), pdq.ComputeForms(img).Inverted()
		for _, pair := range [][2]*pdq.Fingerprint{{&want.Full, &got.Full}, {&want.Nearest, &got.Nearest}} {
			if pair[1].Hash != pair[1].Variants[pdq.Original] {
				t.Errorf("picture %d: its hash is not that of its first variant", seed)
			}
			for v := range pair[0].Variants {
				if distance := pair[0].Variants[v].Distance(pair[1].Variants[v]); distance > 2 {
					t.Errorf("picture %d, %v: distance %d", seed, pdq.Variant(v), distance)
				}
			}
		}
	}
}
