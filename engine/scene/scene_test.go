package scene_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/racetest"
)

func near(got, want, within float64) bool { return math.Abs(got-want) <= within }

// TestEditedCopiesAreFound checks what is said of a copy, too: it is asked about the copy, and answers how that comes to lie in the original.
func TestEditedCopiesAreFound(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	original := generated(1, 800, 600)
	known := scene.Describe(original)
	if known.Count() < 200 || known.Count() > scene.MaxFeatures {
		t.Fatalf("%d features", known.Count())
	}
	for _, c := range []struct {
		edit            string
		scale, rotation float64
		mirrored        bool
		stretch         float64
		of, covers      float64
	}{
		{"JPEG quality 20", 1, 0, false, 1, 1, 1},
		{"size 50 %", 2, 0, false, 1, 1, 1},
		{"stretched by a third", 1.155, 0, false, 1.333, 1, 1},
		{"caption", 1, 0, false, 1, 1, 1},
		{"box over 10 %", 1, 0, false, 1, 1, 1},
		{"10 % cut off one side", 1, 0, false, 1, 1, 0.9},
		{"cropped by 40 %", 1, 0, false, 1, 1, 0.36},
		{"letterbox of 12 %", 1, 0, false, 1, 1 / 1.24, 1},
		{"turned by 5°", 1, -5, false, 1, 0.95, 0.95},
		{"turned by 20°", 1, -20, false, 1, 0.87, 0.87},
		{"mirrored", 1, 0, true, 1, 1, 1},
		{"turned by 90°", 1, -90, false, 1, 1, 1},
		{"turned by 180°", 1, 180, false, 1, 1, 1},
		{"screenshot", 1 / 0.6, 0, false, 1, 1 / 1.21, 1},
		{"quarter of a collage", 1, 0, false, 1, 0.25, 1},
	} {
		copied := scene.Describe(apply(t, c.edit, original))
		r := scene.Compare(copied, known)
		x := r.Transform
		if !r.Found {
			t.Errorf("%s: not found: %+v", c.edit, r)
			continue
		}
		if !near(x.Scale()/c.scale, 1, 0.02) || !near(math.Remainder(x.Rotation()-c.rotation, 360), 0, 0.6) || x.Mirrored() != c.mirrored ||
			!near(x.Stretch()/c.stretch, 1, 0.02) || !near(r.Of, c.of, 0.04) || !near(r.Covers, c.covers, 0.04) {
			t.Errorf("%s: scale %.3f, rotation %.2f, mirrored %v, stretch %.3f, of %.3f, covers %.3f", c.edit, x.Scale(), x.Rotation(), x.Mirrored(), x.Stretch(), r.Of, r.Covers)
		}
		// The other way about, the same is seen from the other side.
		if back := scene.Compare(known, copied); !back.Found || !near(back.Transform.Scale()*x.Scale(), 1, 0.03) || !near(back.Of, r.Covers, 0.04) {
			t.Errorf("%s, from the original: %+v", c.edit, back)
		}
	}
}

// TestStrengthIsAWord keeps the words at the numbers that docs/robustness.md states.
func TestStrengthIsAWord(t *testing.T) {
	for places, want := range map[int]scene.Strength{14: scene.Faint, 24: scene.Faint, 25: scene.Clear, 49: scene.Clear, 50: scene.Strong, 400: scene.Strong} {
		if got := (scene.Relation{Found: true, Inliers: places}).Strength(); got != want {
			t.Errorf("%d places: %q, want %q", places, got, want)
		}
	}
	if got := (scene.Relation{Inliers: 400}).Strength(); got != "" {
		t.Errorf("nothing was found, and it is %q", got)
	}
}

func apply(t testing.TB, name string, p *image.NRGBA) *image.NRGBA {
	t.Helper()
	for _, e := range edits {
		if e.name == name {
			return e.apply(t, p)
		}
	}
	t.Fatalf("no edit is called %q", name)
	return nil
}

func TestPlacesOfOnePictureAreFoundInTheOther(t *testing.T) {
	original := generated(3, 700, 500)
	r := scene.Compare(scene.Describe(apply(t, "30 % cut off one side", original)), scene.Describe(original))
	if x, y := r.Transform.Apply(100, 200); !r.Found || !near(x, 310, 1.5) || !near(y, 200, 1.5) {
		t.Errorf("(100, 200) came to (%.1f, %.1f), found %v", x, y, r.Found)
	}
}

func TestUnlikePicturesAreNotFound(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	var all []scene.Features
	for seed := range uint64(24) {
		all = append(all, scene.Describe(generated(seed, 640, 480)))
	}
	for i, a := range all {
		for k, b := range all {
			if r := scene.Compare(a, b); r.Found != (i == k) {
				t.Errorf("%d and %d: %+v", i, k, r)
			}
		}
	}
}

// A logo that two pictures share does not make them the same scene, be there much else in them or little.
func TestSharedLogoIsNotFound(t *testing.T) {
	full := func(i int) *image.NRGBA { return generated(uint64(60+i), 800, 600) }
	plain := func(int) *image.NRGBA { return image.NewNRGBA(image.Rect(0, 0, 800, 600)) }
	for name, c := range map[string]struct {
		picture func(i int) *image.NRGBA
		size    image.Point
		at      []image.Point
	}{
		"in full pictures":      {full, image.Pt(200, 150), []image.Point{{580, 430}}},
		"in plain pictures":     {plain, image.Pt(200, 150), []image.Point{{580, 430}}},
		"small, in all corners": {full, image.Pt(90, 80), []image.Point{{20, 20}, {690, 20}, {20, 500}, {690, 500}}},
	} {
		var both [2]scene.Features
		for i := range both {
			whole := c.picture(i)
			for k, at := range c.at {
				logo := generated(uint64(50+k), c.size.X, c.size.Y)
				draw.Draw(whole, logo.Rect.Add(at), logo, image.Point{}, draw.Src)
			}
			both[i] = scene.Describe(whole)
		}
		r := scene.Compare(both[0], both[1])
		if r.Found || r.Inliers < 3 || !both[0].Enough() {
			t.Errorf("%s: %+v", name, r)
		}
		t.Logf("%s: %d places, support %.2f, spread %.2f", name, r.Inliers, r.Support, r.Spread)
	}
}

// A picture with too few features is not found in itself either, though all of them agree.
func TestTooFewFeaturesAreSaid(t *testing.T) {
	var f scene.Features
	var r scene.Relation
	for seed := uint64(0); seed < 100 && (f.Enough() || r.Inliers < 16); seed++ {
		f = scene.Describe(generated(seed, 90+int(seed%5)*20, 44))
		r = scene.Compare(f, f)
	}
	if f.Enough() || r.Inliers < 16 || r.Found || r.String() != "nothing in common was found" {
		t.Errorf("%d features, %+v", f.Count(), r)
	}
	t.Logf("%d features, %d places, support %.2f, spread %.2f", f.Count(), r.Inliers, r.Support, r.Spread)
}

func TestPlainAndTinyPictures(t *testing.T) {
	for _, size := range []image.Point{{}, {1, 1}, {5, 5}, {3, 4000}, {600, 600}, {45, 45}} {
		f := scene.Describe(image.NewGray(image.Rectangle{Max: size}))
		if f.Enough() || f.Count() != 0 {
			t.Errorf("%v: %d features", size, f.Count())
		}
		if r := scene.Compare(f, f); r.Found {
			t.Errorf("%v: found in itself", size)
		}
	}
	noise := image.NewGray(image.Rect(0, 0, 2000, 300))
	random := rand.New(rand.NewPCG(1, 1))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(random.IntN(256))
	}
	if f := scene.Describe(noise); f.Count() > scene.MaxFeatures || !f.Enough() {
		t.Errorf("noise: %d features", f.Count())
	}
}

// Every type of image gives the features of its pixels, wherever its bounds lie.
func TestImageTypes(t *testing.T) {
	source := generated(5, 400, 300)
	want := marshalled(t, scene.Describe(source))
	grey, rgba := image.NewGray(source.Rect), image.NewRGBA(source.Rect)
	colours := image.NewPaletted(source.Rect, nil)
	seen := map[color.Color]uint8{}
	for y := range 300 {
		for x := range 400 {
			c := source.NRGBAAt(x, y)
			rgba.Set(x, y, c)
			flat := color.NRGBA{c.R &^ 31, c.G &^ 31, c.B &^ 31, 255}
			if _, known := seen[flat]; !known {
				seen[flat] = uint8(len(colours.Palette))
				colours.Palette = append(colours.Palette, flat)
			}
			colours.SetColorIndex(x, y, seen[flat])
		}
	}
	if len(colours.Palette) > 256 {
		t.Fatalf("%d colours", len(colours.Palette))
	}
	draw.Draw(grey, grey.Rect, source, image.Point{}, draw.Src)
	framed := image.NewNRGBA(image.Rect(-7, -3, 410, 310))
	draw.Draw(framed, source.Rect, source, image.Point{}, draw.Src)
	for name, img := range map[string]image.Image{"RGBA": rgba, "part of a picture": framed.SubImage(source.Rect)} {
		if !bytes.Equal(marshalled(t, scene.Describe(img)), want) {
			t.Errorf("%s: other features", name)
		}
	}
	plain := marshalled(t, scene.Describe(hidden{colours}))
	if !bytes.Equal(marshalled(t, scene.Describe(colours)), plain) {
		t.Error("paletted: other features than by its colours")
	}
	known := scene.Describe(source)
	ycbcr := image.NewYCbCr(source.Rect, image.YCbCrSubsampleRatio420)
	copy(ycbcr.Y, grey.Pix)
	for name, img := range map[string]image.Image{"grey": grey, "YCbCr": ycbcr, "no type of Go's": hidden{source}} {
		if r := scene.Compare(scene.Describe(img), known); !r.Found || r.Inliers < known.Count()/2 || r.Support < 0.9 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// hidden hides the type of an image.
type hidden struct{ image.Image }

func marshalled(t testing.TB, f scene.Features) []byte {
	t.Helper()
	data, err := f.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > scene.MaxSize {
		t.Fatalf("%d bytes, the most is %d", len(data), scene.MaxSize)
	}
	return data
}

func TestBinaryForm(t *testing.T) {
	f := scene.Describe(generated(1, 500, 900))
	data := marshalled(t, f)
	var read scene.Features
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(marshalled(t, read), data) || read.Count() != f.Count() {
		t.Error("what was read is not what was written")
	}
	if w, h := read.Size(); w != 500 || h != 900 {
		t.Errorf("%d x %d", w, h)
	}
	if r := scene.Compare(read, f); !r.Found || !near(r.Of, 1, 0.01) {
		t.Errorf("%+v", r)
	}
	changed := func(at int, value ...byte) []byte {
		out := bytes.Clone(data)
		copy(out[at:], value)
		return out
	}
	for name, wrong := range map[string][]byte{
		"empty": {}, "short": data[:len(data)-1], "long": append(bytes.Clone(data), 0), "other magic": changed(0, 'X'),
		"no picture": changed(4, 0, 0, 0, 0), "enormous picture": changed(4, 255), "place outside": changed(16, 255, 255), "level outside": changed(20, 200),
		"more features than allowed": changed(12, binary.BigEndian.AppendUint16(nil, scene.MaxFeatures+1)...),
	} {
		kept := f
		if err := kept.UnmarshalBinary(wrong); !errors.Is(err, scene.ErrMalformed) || kept.Count() != f.Count() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	known := scene.Describe(generated(1, 120, 90))
	data, err := known.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:16])
	f.Fuzz(func(t *testing.T, data []byte) {
		var read scene.Features
		if err := read.UnmarshalBinary(data); err != nil {
			if read.Count() != 0 {
				t.Fatalf("%d features in spite of %v", read.Count(), err)
			}
			return
		}
		if !bytes.Equal(marshalled(t, read), data) {
			t.Fatal("written otherwise than read")
		}
		for _, r := range []scene.Relation{scene.Compare(read, known), scene.Compare(known, read), scene.Compare(read, read)} {
			if r.Found && (r.Inliers > scene.MaxFeatures || !(r.Of >= 0 && r.Of <= 1 && r.Covers >= 0 && r.Covers <= 1) || math.IsNaN(r.Transform.Scale())) {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func ExampleCompare() {
	original := generated(1, 800, 600)
	copied := original.SubImage(image.Rect(200, 0, 800, 600))
	r := scene.Compare(scene.Describe(copied), scene.Describe(original))
	fmt.Println(r)
	// Output: 100 % of it is 75 % of the other
}
