package hamming

import "unsafe"

// aligned makes bytes in the heap that words may lie in.
func aligned(size int) []byte {
	words := make([]uint64, (size+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}

// within is a stretch of memory.
func (m *memory) within(at, size int) *memory {
	return &memory{bytes: m.bytes[at : at+size : at+size], whole: m}
}

// view is count values of type T at an offset of bytes, a multiple of the size
// of a word.
func view[T uint32 | Code](bytes []byte, at, count int) []T {
	if count == 0 {
		return nil
	}
	var one T
	within := bytes[at : at+count*int(unsafe.Sizeof(one))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(within))), count)
}

// littleEndian says whether this machine keeps the low byte of a word first, as
// index files do.
var littleEndian = func() bool {
	word := uint16(1)
	return *(*byte)(unsafe.Pointer(&word)) == 1
}()
