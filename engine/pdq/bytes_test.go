package pdq_test

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

// TestKeptFormsAreTheSame: of a picture whose forms differ and of one whose do not.
func TestKeptFormsAreTheSame(t *testing.T) {
	for _, side := range []int{64, 700} {
		picture := image.NewGray(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				picture.SetGray(x, y, color.Gray{Y: uint8(x*x/50 + y*3)})
			}
		}
		want := pdq.ComputeForms(picture)
		got, err := pdq.ParseForms(want.Bytes())
		if err != nil || got.Full.Variants != want.Full.Variants || got.Nearest.Variants != want.Nearest.Variants ||
			got.Full.Result != want.Full.Result || got.Nearest.Result != want.Nearest.Result {
			t.Errorf("%d pixels wide: other after keeping: %v", side, err)
		}
		if differ := want.Full.Variants != want.Nearest.Variants; differ != (side > 512) {
			t.Errorf("%d pixels wide: the forms differ: %v", side, differ)
		}
	}
}

func FuzzParseForms(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 257))
	f.Add(bytes.Repeat([]byte{7}, 514))
	f.Fuzz(func(t *testing.T, kept []byte) {
		forms, err := pdq.ParseForms(kept)
		if err != nil {
			return
		}
		again, err := pdq.ParseForms(forms.Bytes())
		if err != nil || again != forms {
			t.Errorf("kept again it is other: %v", err)
		}
	})
}
