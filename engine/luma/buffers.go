package luma

import "sync"

// buffers are those of scans that were read. New memory is cleared page by page before it is there, which
// takes a tenth of a first look.
var buffers sync.Pool

// mostKept is the size of the largest buffer that is kept, in bytes.
const mostKept = 16 << 20

// borrow returns a buffer, or nil.
func borrow() []byte {
	if buffer, ok := buffers.Get().(*[]byte); ok {
		return *buffer
	}
	return nil
}

// giveBack keeps a buffer that nobody reads any more.
func giveBack(buffer []byte) {
	if cap(buffer) > 0 && cap(buffer) <= mostKept {
		buffers.Put(&buffer)
	}
}
