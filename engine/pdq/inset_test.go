package pdq_test

import (
	"image"
	"math/rand/v2"
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

// TestFineTexturesHaveMoreInsets, of which one is near any crop, and smooth pictures have eight.
func TestFineTexturesHaveMoreInsets(t *testing.T) {
	smooth := hills(256, 256, 1)
	if all := pdq.ComputeInsets(smooth); len(all) != 8 {
		t.Errorf("%d insets of a smooth picture", len(all))
	}
	fine := image.NewNRGBA(smooth.Rect)
	random := rand.New(rand.NewPCG(5, 1))
	for i, level := range smooth.Pix {
		fine.Pix[i] = level
		if i%4 == 0 && random.IntN(2) == 0 {
			fine.Pix[i] = 0
		}
		if i%4 > 0 && i%4 < 3 && fine.Pix[i&^3] == 0 {
			fine.Pix[i] = level / 2
		}
	}
	insets := pdq.ComputeInsets(fine)
	if len(insets) < 16 || len(insets) > 32 {
		t.Fatalf("%d insets of a finely textured picture", len(insets))
	}
	found, near := 0, 0
	for pixels := 1; pixels <= 25; pixels++ {
		cropped := pdq.FromImage(pdq.Part(fine, fine.Rect.Inset(pixels))).Hash
		for _, inset := range insets {
			if inset.Hash.Distance(cropped) <= 31 {
				found++
				break
			}
		}
		for _, inset := range insets {
			if inset.Tenths%25 == 0 && inset.Hash.Distance(cropped) <= 31 {
				near++
				break
			}
		}
	}
	if found < 24 || near > 20 {
		t.Errorf("%d of 25 crops are found, %d by the insets that all pictures have", found, near)
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
