//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package node

import "os"

// lockAlone knows no lock here that ends with its process: what a dead worker
// left is taken over when its lease ends.
func lockAlone(string) (*os.File, bool, error) { return nil, false, nil }
