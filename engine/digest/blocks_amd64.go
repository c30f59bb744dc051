//go:build !purego

package digest

// accelerated says that the processor has instructions for SHA-1 and SHA-256.
var accelerated = hasInstructions()

func hasInstructions() bool

// addBlocks takes whole blocks of 64 bytes, at least one.
//
//go:noescape
func addBlocks(s *states, data []byte)
