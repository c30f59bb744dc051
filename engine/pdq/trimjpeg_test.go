package pdq_test

import (
	"errors"
	"image"
	"image/color"
	"testing"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
)

// TestBordersOfJPEGFilesAreThoseOfTheirPixels to the pixel, and what is within them hashes as the pixels do.
func TestBordersOfJPEGFilesAreThoseOfTheirPixels(t *testing.T) {
	racetest.Skip(t, "it decodes many pictures, in one goroutine")
	grey := color.NRGBA{90, 120, 60, 255}
	bordered, furthest := 0, 0
	for seed, size := range [][2]int{{360, 270}, {700, 520}} {
		picture := hills(size[0], size[1], uint64(seed))
		pictures := borders(picture)
		pictures["none"] = picture
		pictures["broad"] = framed(picture, 300, 290, 410, 170, grey, color.Black)
		for name, edited := range pictures {
			for _, quality := range []int{35, 85} {
				data := asJPEG(t, edited, quality)
				decoded, _, err := luma.DecodeJPEG(data, 1<<22)
				if err != nil {
					t.Fatal(err)
				}
				want := pdq.HashTrimmed(decoded)
				got, err := pdq.TrimmedFromJPEG(data, 1<<22)
				if err != nil || got.Rectangle != want.Rectangle {
					t.Errorf("picture %d, %s at quality %d: %v is left, want %v (%v)", seed, name, quality, got.Rectangle, want.Rectangle, err)
					continue
				}
				if want.None() {
					continue
				}
				bordered++
				if d := got.Forms.Full.Quality - want.Forms.Full.Quality; d < -1 || d > 1 || got.Forms.Full.Width != want.Forms.Full.Width || got.Forms.Nearest.Height != want.Forms.Nearest.Height {
					t.Errorf("picture %d, %s at quality %d: quality %d, want %d", seed, name, quality, got.Forms.Full.Quality, want.Forms.Full.Quality)
				}
				for v := range want.Forms.Full.Variants {
					off := max(got.Forms.Full.Variants[v].Distance(want.Forms.Full.Variants[v]), got.Forms.Nearest.Variants[v].Distance(want.Forms.Nearest.Variants[v]))
					if furthest = max(furthest, off); off > 6 {
						t.Errorf("picture %d, %s at quality %d, %v: %d bits from the hash of the pixels", seed, name, quality, pdq.Variant(v), off)
					}
				}
			}
		}
	}
	if bordered < 25 {
		t.Errorf("only %d pictures have borders", bordered)
	}
	t.Logf("%d pictures in borders, at most %d bits off", bordered, furthest)
}

// TestWhatDoesNotSettleIsDecoded: a small part, and one that is too plain, hash as their pixels do to the last bit.
func TestWhatDoesNotSettleIsDecoded(t *testing.T) {
	plain := image.NewNRGBA(image.Rect(0, 0, 400, 300))
	for i := range plain.Pix {
		plain.Pix[i] = uint8(100 + i/4%400/5)
	}
	for name, img := range map[string]image.Image{"small": hills(120, 100, 4), "plain": plain} {
		data := asJPEG(t, framed(img, 30, 40, 50, 20, color.Black, color.White), 90)
		decoded, _, err := luma.DecodeJPEG(data, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pdq.TrimmedFromJPEG(data, 1<<20); err != nil || got.None() || got != pdq.HashTrimmed(decoded) {
			t.Errorf("%s: %v is left (%v), %d bits off", name, got.Rectangle, err, got.Forms.Full.Hash.Distance(pdq.HashTrimmed(decoded).Forms.Full.Hash))
		}
	}
}

func TestWhatHasNoPartsHasNoBorders(t *testing.T) {
	for name, size := range map[string][2]int{"narrow": {20, 200}, "low": {200, 20}} {
		if got, err := pdq.TrimmedFromJPEG(asJPEG(t, image.NewGray(image.Rect(0, 0, size[0], size[1])), 80), 1<<20); err != nil || !got.None() {
			t.Errorf("%s: %v, %v", name, got.Rectangle, err)
		}
	}
	data := asJPEG(t, hills(300, 200, 1), 80)
	if _, err := pdq.TrimmedFromJPEG(data[:len(data)/2], 1<<20); !errors.Is(err, luma.ErrDamaged) {
		t.Errorf("half of a file: %v", err)
	}
}
