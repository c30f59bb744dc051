//go:build !purego

package luma

// accelerated says that there is more than Go: instructions that all processors of this kind have.
const accelerated = true

// addCoefficients is [lane.addPlainly], four products at a time, with the same results.
//
//go:noescape
func addCoefficients(list []int32, steps *[64]step, l *lane, into *strip) (energy float32)
