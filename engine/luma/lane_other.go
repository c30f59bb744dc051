//go:build !amd64 || purego

package luma

// accelerated is false where there is only Go.
const accelerated = false

func addCoefficients([]int32, *[64]step, *lane, *strip) float32 { return 0 }
