//go:build linux && !amd64 && !arm64

package media

import (
	"fmt"
	"runtime"
)

func filterSystemCalls() error {
	return fmt.Errorf("no seccomp filter for %s", runtime.GOARCH)
}
