//go:build darwin || freebsd || netbsd || openbsd

package hamming

func adviseHugePages([]byte) {}
