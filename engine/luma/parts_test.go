package luma

import (
	"errors"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/brdoproject/brdo/internal/racetest"
)

// TestPartsAreThoseOfTheWholePicture level for level, wherever they lie, of every kind of file.
func TestPartsAreThoseOfTheWholePicture(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	parts := 60
	if racetest.Enabled {
		parts = 5 // one goroutine
	}
	for _, name := range readable {
		data := fixture(t, name)
		whole, _, err := DecodeJPEG(data, 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		opened, err := OpenParts(data, 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bounds := whole.Bounds()
		if opened.Bounds() != bounds {
			t.Errorf("%s: bounds %v, want %v", name, opened.Bounds(), bounds)
		}
		corners := []image.Rectangle{bounds, image.Rect(0, 0, 1, 1), image.Rect(bounds.Max.X-1, bounds.Max.Y-1, bounds.Max.X, bounds.Max.Y), bounds.Inset(-9)}
		for range parts {
			x, y := random.IntN(bounds.Dx()), random.IntN(bounds.Dy())
			corners = append(corners, image.Rect(x, y, x+1+random.IntN(bounds.Dx()-x), y+1+random.IntN(bounds.Dy()-y)))
		}
		for _, r := range corners {
			part := opened.Decode(r)
			if part.Bounds() != r.Intersect(bounds) {
				t.Fatalf("%s: %v is bounded by %v", name, r, part.Bounds())
			}
			for y := part.Bounds().Min.Y; y < part.Bounds().Max.Y; y++ {
				for x := part.Bounds().Min.X; x < part.Bounds().Max.X; x++ {
					if part.At(x, y) != whole.At(x, y) {
						t.Fatalf("%s, %v: %v at %d, %d, want %v", name, r, part.At(x, y), x, y, whole.At(x, y))
					}
				}
			}
		}
		if part := opened.Decode(image.Rect(-5, -5, 0, 0)); !part.Bounds().Empty() {
			t.Errorf("%s: what lies outside has bounds %v", name, part.Bounds())
		}
	}
}

func TestPartsAreOfWholeFilesOnly(t *testing.T) {
	for _, name := range []string{"420", "restart", "progressive"} {
		data := fixture(t, name)
		if _, err := OpenParts(data[:len(data)/2], 1<<20); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var tooLarge *TooLargeError
	if _, err := OpenParts(fixture(t, "420"), 10); !errors.As(err, &tooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := OpenParts(fixture(t, "rgb"), 1<<20); !errors.Is(err, ErrUnsupported) {
		t.Errorf("rgb: %v", err)
	}
}
