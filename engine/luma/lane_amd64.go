//go:build !purego

package luma

// accelerated says that there is more than Go: instructions that all processors of this kind have.
const accelerated = true

// addCoefficients is [lane.addPlainly], four products at a time, with the same results.
//
//go:noescape
func addCoefficients(list []int32, steps *[64]step, l *lane, into *strip) (energy float64)

// readCoefficients goes along the steps of a code and adds their coefficients, up to the end of the block or to a symbol that they do
// not hold. It returns the place that the last step led to, as [huffman.steps] has it; in the second case
// that step was not taken. At least pairBits are to be valid.
//
//go:noescape
func readCoefficients(w *walk, data []byte, h *huffman, steps *[64]step, l *lane, into *strip) (after uint)
