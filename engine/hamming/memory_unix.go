//go:build linux || darwin || freebsd || netbsd || openbsd

package hamming

import (
	"os"
	"runtime"
	"syscall"
)

// memory is a stretch of bytes. A large one lies outside the heap: the
// collector neither scans it nor counts it, so that an index of gigabytes does
// not make the heap grow to twice its size before the next collection. It is
// given back when nothing refers to the memory any more: slices of its bytes do
// not count, so whoever reads them keeps the memory itself alive.
type memory struct {
	bytes []byte
	// whole is what these bytes are a stretch of, if they are.
	whole *memory
}

// mapFrom is the size from which memory is mapped, in bytes.
const mapFrom = 1 << 20

// allocate gives zeroed memory.
func allocate(size int) (*memory, error) {
	if size < mapFrom {
		return &memory{bytes: aligned(size)}, nil
	}
	bytes, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	adviseHugePages(bytes)
	return keepMapped(bytes), nil
}

// mapFile gives the bytes of a file, for reading only.
func mapFile(file *os.File, size int) (*memory, error) {
	if size == 0 {
		return &memory{}, nil
	}
	bytes, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return keepMapped(bytes), nil
}

func keepMapped(bytes []byte) *memory {
	m := &memory{bytes: bytes}
	runtime.AddCleanup(m, func(bytes []byte) { _ = syscall.Munmap(bytes) }, bytes)
	return m
}
