package hamming

import "syscall"

// adviseHugePages asks for large pages: a search looks at hundreds of places,
// each on a page of its own. Without them it is slower, nothing else.
func adviseHugePages(bytes []byte) { _ = syscall.Madvise(bytes, syscall.MADV_HUGEPAGE) }
