package media

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

// photographs are the JPEG files of the vectors and of the folder BRDO_PHOTOS.
func photographs(t *testing.T) (paths []string) {
	t.Helper()
	for _, folder := range []string{vectortest.Folder(t, "pdq"), os.Getenv("BRDO_PHOTOS")} {
		if folder == "" {
			continue
		}
		if err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && strings.HasSuffix(strings.ToLower(path), ".jpg") {
				paths = append(paths, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// TestAFirstLookKeepsItsWord compares first looks with the hashes of a close look, in all
// orientations, at every photograph there is: docs/screening.md has the distribution over
// five thousand.
func TestAFirstLookKeepsItsWord(t *testing.T) {
	racetest.Skip(t, "it decodes large photographs twice")
	distances := map[int]map[int]int{}
	for _, path := range photographs(t) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		second, first := fingerprint(content, kindFingerprint, DefaultMaxPixels), fingerprint(content, kindWideLook, DefaultMaxPixels)
		if second.Status != first.Status || second.MIME != first.MIME || second.Width != first.Width || second.Height != first.Height || second.Within != 0 {
			t.Errorf("%s: %s %dx%d, at first look %s %dx%d", path, second.Status, second.Width, second.Height, first.Status, first.Width, first.Height)
		}
		furthest := 0
		for v := range second.Forms.Full.Variants {
			furthest = max(furthest, second.Forms.Full.Variants[v].Distance(first.Forms.Full.Variants[v]), second.Forms.Nearest.Variants[v].Distance(first.Forms.Nearest.Variants[v]))
		}
		if furthest > first.Within {
			t.Errorf("%s: %d bits off, said to be within %d", path, furthest, first.Within)
		}
		if distances[first.Within] == nil {
			distances[first.Within] = map[int]int{}
		}
		distances[first.Within][furthest]++
	}
	if len(distances[FirstLookWithin]) == 0 {
		t.Error("no photograph was read at an eighth of its size")
	}
	t.Log("bits off, by what was said:", distances)
}

func TestWhichLookIsEnough(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 320, 240))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(i % 320 / 4)
	}
	fine := image.NewGray(image.Rect(0, 0, 1600, 1600))
	for y := range 1600 {
		for x := range 1600 {
			fine.SetGray(x, y, color.Gray{Y: uint8(128 + 127*(x/2%2) - 127*(y/2%2)*(x/2%2))})
		}
	}
	rings := image.NewGray(image.Rect(0, 0, 900, 750))
	for y := range 750 {
		for x := range 900 {
			from := math.Hypot(float64(x-150), float64(y-200))
			rings.SetGray(x, y, color.Gray{Y: uint8(128 + 70*math.Sin(from/45) + 50*math.Sin(float64(x+2*y)/75))})
		}
	}
	asJPEG := func(picture image.Image) []byte {
		return encoded(t, func(to *bytes.Buffer) error { return jpeg.Encode(to, picture, &jpeg.Options{Quality: 90}) })
	}
	large := asJPEG(landscape(2000, 1600))
	within := func(inner image.Image, width, height int) []byte {
		whole := image.NewRGBA(image.Rect(0, 0, width, height))
		draw.Draw(whole, whole.Rect, image.Black, image.Point{}, draw.Src)
		corner := image.Pt(width/2-inner.Bounds().Dx()/2, height/2-inner.Bounds().Dy()/2)
		draw.Draw(whole, inner.Bounds().Add(corner), inner, inner.Bounds().Min, draw.Src)
		return asJPEG(whole)
	}
	for _, test := range []struct {
		name    string
		content []byte
		kind    requestKind
		status  Status
		within  int
		trimmed bool
	}{
		{"large", large, kindWideLook, StatusOK, FirstLookWithin, false},
		{"large, not wide", large, kindFirstLook, StatusOK, 0, false},
		{"large, close", large, kindFingerprint, StatusOK, 0, false},
		{"small", asJPEG(landscape(1600, 1400)), kindWideLook, StatusOK, 0, false},
		{"doubtful", asJPEG(rings), kindWideLook, StatusOK, doubtfulWithin, false},
		{"doubtful, not wide", asJPEG(rings), kindFirstLook, StatusOK, 0, false},
		{"plain", asJPEG(grey), kindFirstLook, StatusUnhashable, pdq.Bits, false},
		{"plain, wide", asJPEG(grey), kindWideLook, StatusUnhashable, pdq.Bits, false},
		{"plain, close", asJPEG(grey), kindFingerprint, StatusUnhashable, 0, false},
		{"too fine for means", asJPEG(fine), kindWideLook, StatusUnhashable, pdq.Bits, false},
		{"cut", large[:len(large)*2/3], kindWideLook, StatusPartial, 0, false},
		{"no JPEG file", asPNG(t, landscape(320, 240)), kindWideLook, StatusOK, 0, false},
		{"large, in borders", within(landscape(1700, 1503), 2000, 1600), kindWideLook, StatusOK, FirstLookWithin, true},
		{"plain, but not within borders", within(landscape(240, 160), 1600, 900), kindFirstLook, StatusUnhashable, 0, true},
		{"plain, within borders too", within(grey, 400, 300), kindFirstLook, StatusUnhashable, pdq.Bits, false},
	} {
		found := fingerprint(test.content, test.kind, DefaultMaxPixels)
		if found.Status != test.status || found.Within != test.within || found.Trimmed.None() == test.trimmed {
			t.Errorf("%s: %s within %d, without borders %v, want %s within %d", test.name, found.Status, found.Within, found.Trimmed.Rectangle, test.status, test.within)
		}
		if closely := fingerprint(test.content, kindFingerprint, DefaultMaxPixels); test.trimmed && (found.Trimmed.Rectangle != closely.Trimmed.Rectangle || found.Trimmed.Forms.Full.Hash.Distance(closely.Trimmed.Forms.Full.Hash) > 6) {
			t.Errorf("%s: without borders %v, closely %v", test.name, found.Trimmed.Rectangle, closely.Trimmed.Rectangle)
		}
	}
}
