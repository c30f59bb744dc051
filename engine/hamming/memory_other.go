//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package hamming

import (
	"io"
	"os"
)

// memory is a stretch of bytes; here it lies in the heap.
type memory struct {
	bytes []byte
	// whole is what these bytes are a stretch of, if they are.
	whole *memory
}

func allocate(size int) (*memory, error) { return &memory{bytes: aligned(size)}, nil }

func mapFile(file *os.File, size int) (*memory, error) {
	bytes := aligned(size)
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, int64(size)), bytes); err != nil {
		return nil, err
	}
	return &memory{bytes: bytes}, nil
}
