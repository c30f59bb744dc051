package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/brdoproject/brdo/domain/problem"
)

// spooled is an upload that can be read more than once. Nothing of it remains when it is
// closed, or when the process ends, however it ends.
type spooled interface {
	io.ReadSeeker
	io.Closer
}

// heldBytes is the size, in bytes, up to which an upload is held in memory; most
// photographs that people send each other are smaller.
const heldBytes = 256 << 10

// held is an upload in memory.
type held struct{ *bytes.Reader }

func (held) Close() error { return nil }

// errTooLarge marks a file that is larger than the node takes.
var errTooLarge = errors.New("larger than media.max_bytes")

// spool takes an upload in: a small one into memory, a large one into a file without a name.
func (s *Server) spool(from io.Reader) (spooled, error) {
	from = io.LimitReader(from, s.options.MaxBytes+1)
	var small bytes.Buffer
	_, err := io.CopyN(&small, from, min(heldBytes, s.options.MaxBytes)+1)
	switch {
	case errors.Is(err, io.EOF):
		return held{bytes.NewReader(small.Bytes())}, nil
	case err != nil:
		return nil, brokenUpload(err)
	}
	file, err := os.CreateTemp(s.options.Folder, "upload-")
	if err != nil {
		return nil, problem.New(problem.Unavailable, "the upload cannot be stored", "the operator checks the disk; nothing was recorded").Because(err)
	}
	err = os.Remove(file.Name())
	written := int64(0)
	if err == nil {
		written, err = io.Copy(file, io.MultiReader(&small, from))
	}
	if err == nil && written > s.options.MaxBytes {
		err = problem.InvalidField("file", fmt.Sprintf("it is larger than %d bytes", s.options.MaxBytes), "the operator can raise media.max_bytes").Because(errTooLarge)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(brokenUpload(err), file.Close())
	}
	return file, nil
}

// brokenUpload says what became of an upload that could not be taken in.
func brokenUpload(err error) error {
	var known *problem.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.InvalidField("body", "it broke off", "send it again to its end; nothing was recorded").Because(err)
	}
	return problem.New(problem.Unavailable, "the upload broke off or cannot be stored", "send it again; nothing was recorded").Because(err)
}
