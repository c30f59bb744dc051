package pdq_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

// hills draws a benign picture of colours that stay away from the edge of RGB, in any size.
func hills(width, height int, seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 11))
	type hill struct{ x, y, r, red, green, blue float64 }
	all := make([]hill, 20)
	for i := range all {
		all[i] = hill{random.Float64(), random.Float64(), 0.03 + 0.2*random.Float64(), 60 + 120*random.Float64(), 60 + 120*random.Float64(), 60 + 120*random.Float64()}
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			u, v := float64(x)/float64(width), float64(y)/float64(height)
			red, green, blue := 90+60*v, 120+20*math.Sin(9*u), 150-60*v
			for _, h := range all {
				if math.Hypot(u-h.x, v-h.y) < h.r {
					red, green, blue = h.red, h.green, h.blue
				}
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(red), uint8(green), uint8(blue), 255})
		}
	}
	return img
}

// shrunk is a picture after the reduction that the reference's command line makes.
func shrunk(img image.Image) image.Image {
	bounds := img.Bounds()
	if bounds.Dx() <= 512 && bounds.Dy() <= 512 {
		return img
	}
	out := image.NewNRGBA(image.Rect(0, 0, 512, 512))
	for y := range 512 {
		for x := range 512 {
			out.Set(x, y, img.At(x*bounds.Dx()/512, y*bounds.Dy()/512))
		}
	}
	return out
}

func TestTheNearestFormIsThatOfTheShrunkPicture(t *testing.T) {
	for _, size := range [][2]int{{600, 400}, {512, 512}, {400, 1300}, {513, 511}, {1500, 700}, {300, 200}, {600, 4}} {
		img := hills(size[0], size[1], 3)
		forms := pdq.ComputeForms(img)
		reduced := shrunk(img)
		if size[1] < 5 {
			reduced = img
		}
		want, variants := pdq.Compute(reduced), pdq.ReferenceVariants(reduced)
		if reduced == img {
			variants = want.Variants
		}
		if forms.Nearest.Variants != variants || forms.Nearest.Result != want.Result {
			t.Errorf("%v: the nearest form is %d bits from that of the shrunk picture", size, forms.Nearest.Hash.Distance(want.Hash))
		}
		if forms.Full.Variants != pdq.Compute(img).Variants {
			t.Errorf("%v: the full form differs", size)
		}
		if forms.Nearest.Width != size[0] || forms.Nearest.Height != size[1] {
			t.Errorf("%v: the size is %d by %d", size, forms.Nearest.Width, forms.Nearest.Height)
		}
	}
}

func TestJPEGFilesHashAsTheirPixels(t *testing.T) {
	worst := 0
	for seed, size := range [][2]int{{640, 480}, {64, 64}, {100, 90}, {1200, 800}, {512, 700}, {33, 257}, {2000, 301}} {
		if racetest.Enabled && size[0]*size[1] > 1<<18 {
			continue
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, hills(size[0], size[1], uint64(seed)), &jpeg.Options{Quality: 75 + 3*seed}); err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pdq.FromJPEG(file.Bytes(), luma.Options{MaxPixels: 1 << 22})
		if err != nil {
			t.Fatal(err)
		}
		for form, both := range map[pdq.Form]pdq.Fingerprint{pdq.FullSize: got.Full, pdq.Nearest512: got.Nearest} {
			if one, read, err := pdq.OneFromJPEG(file.Bytes(), form, luma.Options{MaxPixels: 1 << 22}); one != both || read != 1 || err != nil {
				t.Errorf("%v: form %d alone is %d bits off, %v read, %v", size, form, one.Hash.Distance(both.Hash), read, err)
			}
		}
		want := pdq.ComputeForms(img)
		for v := range want.Full.Variants {
			full, nearest := got.Full.Variants[v].Distance(want.Full.Variants[v]), got.Nearest.Variants[v].Distance(want.Nearest.Variants[v])
			if worst = max(worst, full, nearest); full > 4 || nearest > 4 {
				t.Errorf("%v, %v: %d and %d bits from the hashes of the pixels", size, pdq.Variant(v), full, nearest)
			}
		}
		if d := got.Full.Quality - want.Full.Quality; d < -1 || d > 1 || got.Read != 1 {
			t.Errorf("%v: quality %d, want %d; %v read", size, got.Full.Quality, want.Full.Quality, got.Read)
		}
	}
	t.Logf("at most %d bits", worst)
	if _, err := pdq.FromJPEG([]byte("no picture"), luma.Options{MaxPixels: 100}); !errors.Is(err, luma.ErrDamaged) {
		t.Errorf("what is no JPEG gave %v", err)
	}
}

// The distances to the reference, of photos that are worth matching: none for most, and
// never more than lists of the field allow between programs.
func TestPhotosGiveTheHashesOfTheReference(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: one goroutine, and ten times slower under the race detector; it is run without it")
	}
	directory := vectortest.Folder(t, "pdq")
	var full, nearest []int
	for _, e := range expectations(t, filepath.Join(directory, "pdq-expected-cpp-reference.jsonl")) {
		if e.FullQuality < 80 || !strings.HasSuffix(e.File, ".jpg") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(directory, e.File))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pdq.FromJPEG(data, luma.Options{MaxPixels: 1 << 24})
		if errors.Is(err, luma.ErrUnsupported) {
			continue
		}
		if err != nil || got.Read != 1 {
			t.Fatalf("%s: %v, %v read", e.File, err, got.Read)
		}
		toFull, toNearest := got.Full.Hash.Distance(e.FullHash), got.Nearest.Hash.Distance(e.Hash)
		// Its frequencies lie so close to the median that how colours are scaled up moves it.
		if allowed := 2; toFull > allowed && !(strings.HasSuffix(e.File, "q0122.jpg") && toFull <= 10) {
			t.Errorf("%s: %d bits from the full-resolution hash", e.File, toFull)
		}
		if !strings.HasSuffix(e.File, "q0122.jpg") {
			full, nearest = append(full, toFull), append(nearest, toNearest)
		}
	}
	slices.Sort(full)
	slices.Sort(nearest)
	if len(full) < 25 {
		t.Fatalf("only %d photos", len(full))
	}
	t.Logf("%d photos: full %v, nearest %v", len(full), full, nearest)
	if last := len(nearest) - 1; nearest[len(nearest)/2] != 0 || nearest[last] > 4 || full[len(full)/2] != 0 {
		t.Errorf("medians %d and %d, at most %d", full[len(full)/2], nearest[len(nearest)/2], nearest[last])
	}
}

// Decoded level for level as the references' decoder does, every file that is read here has the
// references' hashes, in every bit, whatever its quality.
func TestDecodedFilesGiveTheHashesOfTheReferenceExactly(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	directory := vectortest.Folder(t, "pdq")
	equal := 0
	for _, e := range expectations(t, filepath.Join(directory, "pdq-expected-cpp-reference.jsonl")) {
		if !strings.HasSuffix(e.File, ".jpg") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(directory, e.File))
		if err != nil {
			t.Fatal(err)
		}
		img, read, err := luma.DecodeJPEG(data, 1<<24)
		if errors.Is(err, luma.ErrUnsupported) {
			continue
		}
		if err != nil || read != 1 {
			t.Fatalf("%s: %v, %v read", e.File, err, read)
		}
		got := pdq.ComputeForms(img)
		if got.Nearest.Hash != e.Hash || got.Nearest.Quality != e.Quality {
			t.Errorf("%s: %d bits from the hash of the C++ program", e.File, got.Nearest.Hash.Distance(e.Hash))
		}
		if got.Full.Width*got.Full.Height <= 4<<20 && got.Full.Hash != e.FullHash {
			t.Errorf("%s: %d bits from the full-resolution hash", e.File, got.Full.Hash.Distance(e.FullHash))
		}
		equal++
	}
	if equal < 30 {
		t.Fatalf("only %d files", equal)
	}
	t.Logf("%d files", equal)
}
