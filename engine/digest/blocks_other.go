//go:build !amd64 || purego

package digest

const accelerated = false

func addBlocks(*states, []byte) { panic("digest: there are no instructions for this") }
