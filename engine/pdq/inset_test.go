package pdq_test

import (
	"image"
	"slices"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

// TestCentredCropsAreNearAnInset also where they lie between two.
func TestCentredCropsAreNearAnInset(t *testing.T) {
	found, all := 0, 0
	for seed := range uint64(4) {
		img := hills(400, 300, seed+1)
		insets := pdq.ComputeInsets(img)
		for _, tenths := range []int{25, 60, 100, 137, 175, 200} {
			all++
			cropped := pdq.Compute(pdq.Part(img, pdq.Middle(img.Bounds(), tenths))).Hash
			if slices.ContainsFunc(insets, func(i pdq.Inset) bool { return i.Hash.Distance(cropped) <= 31 }) {
				found++
			}
			exact := slices.IndexFunc(insets, func(i pdq.Inset) bool { return i.Tenths == tenths })
			if exact >= 0 && insets[exact].Hash != cropped {
				t.Errorf("picture %d cropped by %d: another hash", seed, tenths)
			}
		}
	}
	if 10*found < 9*all {
		t.Errorf("%d of %d crops are found", found, all)
	}
}

func TestMiddle(t *testing.T) {
	if got := pdq.Middle(image.Rect(10, 20, 210, 120), 100); got != image.Rect(20, 25, 200, 115) {
		t.Error(got)
	}
	if got := pdq.ComputeInsets(hills(33, 200, 1)); len(got) > 1 {
		t.Errorf("%d insets of a narrow picture", len(got))
	}
}

func TestInsetsAreReadAsWritten(t *testing.T) {
	var all []pdq.Inset
	for tenths := 1; tenths < 1000; tenths += 7 {
		all = append(all, pdq.Inset{Tenths: tenths, Hash: pdq.Hash{byte(tenths), 31: byte(tenths >> 8)}})
	}
	for _, i := range all {
		if got, err := pdq.ParseInset(i.String()); err != nil || got != i {
			t.Errorf("%v became %v, %v", i, got, err)
		}
	}
	packed := pdq.PackInsets(all)
	if got, err := pdq.UnpackInsets(packed); err != nil || !slices.Equal(got, all) {
		t.Errorf("%v", err)
	}
	for _, wrong := range [][]byte{packed[:33], make([]byte, 34), append([]byte{0x03, 0xe8}, make([]byte, 32)...)} {
		if got, err := pdq.UnpackInsets(wrong); err == nil {
			t.Errorf("%x became %v", wrong, got)
		}
	}
	hash := all[0].Hash.String()
	for _, wrong := range []string{"", "5", "0:" + hash, "100:" + hash, "-5:" + hash, "5.25:" + hash, "05:" + hash, "5e0:" + hash, "NaN:" + hash, "5:" + hash[1:], "5 :" + hash} {
		if got, err := pdq.ParseInset(wrong); err == nil {
			t.Errorf("%q became %v", wrong, got)
		}
	}
}
