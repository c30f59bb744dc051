package pdq

import (
	"encoding/hex"
	"fmt"
	"image"
	"strconv"
	"strings"
)

// Inset is the hash of the middle of a picture: what a copy is like that was cropped on all sides.
type Inset struct {
	// Tenths says how much of width and of height is left off altogether, half of it at each side,
	// in tenths of a per cent.
	Tenths int
	Hash   Hash
}

// Insets lie insetStep apart, so that what was cropped in between is near one of the two (measured:
// docs/lists.md). Where two that follow each other differ in more than rough bits, as those of finely textured
// pictures do, there are more in between. So there are at most 32 of a picture, which is what lists of hashes may hold.
const (
	insetStep = 25
	insetMost = 200
	rough     = 44
)

var insetsBetween = [...]int{6, 12, 18}

// InsetTenths are the insets that [ComputeInsets] may hash, in tenths of a per cent.
func InsetTenths() (all []int) {
	for tenths := 0; tenths < insetMost; tenths += insetStep {
		for _, more := range insetsBetween {
			all = append(all, tenths+more)
		}
		all = append(all, tenths+insetStep)
	}
	return all
}

// Middle is the rectangle of an image without tenths of a per cent of its width and height, half of
// that at each side.
func Middle(bounds image.Rectangle, tenths int) image.Rectangle {
	x, y := (bounds.Dx()*tenths+1000)/2000, (bounds.Dy()*tenths+1000)/2000
	return image.Rect(bounds.Min.X+x, bounds.Min.Y+y, bounds.Max.X-x, bounds.Max.Y-y)
}

// ComputeInsets hashes the middle of an image in several widths, at full size: 8 of them, and up to 32 of a
// picture of fine textures. Those that are too small, or below [MinimumQuality], are left out.
func ComputeInsets(img image.Image) (all []Inset) {
	hashed := func(tenths int) (Inset, bool) {
		middle := Middle(img.Bounds(), tenths)
		if middle.Dx() < leastSide || middle.Dy() < leastSide {
			return Inset{}, false
		}
		found := FromImage(Part(img, middle))
		return Inset{tenths, found.Hash}, found.Quality >= MinimumQuality
	}
	before, comparable := hashed(0)
	for tenths := insetStep; tenths <= insetMost; tenths += insetStep {
		inset, whole := hashed(tenths)
		if whole && comparable && inset.Hash.Distance(before.Hash) > rough {
			for _, more := range insetsBetween {
				if fine, found := hashed(tenths - insetStep + more); found {
					all = append(all, fine)
				}
			}
		}
		if whole {
			all = append(all, inset)
		}
		before, comparable = inset, whole
	}
	return all
}

// String is the percentage left off and the hash: 7.5:….
func (i Inset) String() string { return i.Percent() + ":" + i.Hash.String() }

// Percent is what is left off, such as 7.5.
func (i Inset) Percent() string { return strconv.FormatFloat(float64(i.Tenths)/10, 'f', -1, 64) }

// ParseInset reads what [Inset.String] writes.
func ParseInset(text string) (Inset, error) {
	percent, hash, _ := strings.Cut(text, ":")
	share, err := strconv.ParseFloat(percent, 64)
	tenths := int(share*10 + 0.5)
	if err != nil || !(share > 0 && share < 100) || strconv.FormatFloat(float64(tenths)/10, 'f', -1, 64) != percent {
		return Inset{}, fmt.Errorf("reading an inset: %.10q is no percentage between 0 and 100, to a tenth", percent)
	}
	h, err := Parse(hash)
	return Inset{tenths, h}, err
}

const insetSize = 2 + len(Hash{})

// PackInsets writes insets as bytes for a database: 34 for each.
func PackInsets(all []Inset) (packed []byte) {
	for _, i := range all {
		packed = append(packed, byte(i.Tenths>>8), byte(i.Tenths))
		packed = append(packed, i.Hash[:]...)
	}
	return packed
}

// UnpackInsets reads what [PackInsets] wrote.
func UnpackInsets(packed []byte) (all []Inset, err error) {
	for ; len(packed) >= insetSize; packed = packed[insetSize:] {
		i := Inset{int(packed[0])<<8 | int(packed[1]), Hash(packed[2:insetSize])}
		if i.Tenths < 1 || i.Tenths > 999 {
			return nil, fmt.Errorf("reading insets: one of %d tenths of a per cent", i.Tenths)
		}
		all = append(all, i)
	}
	if len(packed) > 0 {
		return nil, fmt.Errorf("reading insets: %s is left over", hex.EncodeToString(packed))
	}
	return all, nil
}
