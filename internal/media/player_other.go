//go:build !linux

package media

import (
	"errors"
	"io"
	"os"
	"runtime"
)

var errNoPlayer = errors.New("video is decoded on Linux only, not on " + runtime.GOOS)

func play([]string, io.Writer) error { return errNoPlayer }

func seekable(io.Reader, int64) (*os.File, error) { return nil, errNoPlayer }
