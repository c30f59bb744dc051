package pdq

import "fmt"

// formBytes is one form's quality and its eight variants.
const formBytes = 1 + len(Variants{})*len(Hash{})

// Bytes are both forms for keeping: a byte of quality and the eight variants of 32
// bytes each, of the form at full size, and the same of the other form where it
// differs. Sizes are not kept.
func (f Forms) Bytes() []byte {
	kept := appendForm(make([]byte, 0, 2*formBytes), &f.Full)
	if f.Nearest.Variants != f.Full.Variants || f.Nearest.Quality != f.Full.Quality {
		kept = appendForm(kept, &f.Nearest)
	}
	return kept
}

func appendForm(to []byte, f *Fingerprint) []byte {
	to = append(to, byte(f.Quality))
	for _, hash := range f.Variants {
		to = append(to, hash[:]...)
	}
	return to
}

// ParseForms reads what [Forms.Bytes] wrote.
//
// Errors: a length that is neither of one form nor of two, or a quality above 100.
func ParseForms(kept []byte) (Forms, error) {
	if len(kept) != formBytes && len(kept) != 2*formBytes {
		return Forms{}, fmt.Errorf("reading kept hashes: %d bytes, want %d or %d", len(kept), formBytes, 2*formBytes)
	}
	var f Forms
	for i, form := range []*Fingerprint{&f.Full, &f.Nearest}[:len(kept)/formBytes] {
		one := kept[i*formBytes:]
		if form.Quality = int(one[0]); form.Quality > 100 {
			return Forms{}, fmt.Errorf("reading kept hashes: quality %d of form %d, the most is 100", form.Quality, i+1)
		}
		for v := range form.Variants {
			copy(form.Variants[v][:], one[1+v*len(Hash{}):])
		}
		form.Hash = form.Variants[Original]
	}
	if len(kept) == formBytes {
		f.Nearest = f.Full
	}
	return f, nil
}
