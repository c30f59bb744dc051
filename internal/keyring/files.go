package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/brdoproject/brdo/domain/problem"
)

// readPrivateFile reads a file of at most limit bytes that nobody but its owner
// may read, write or execute.
func readPrivateFile(path string, limit int64) (_ []byte, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.NotFound, "there is no key file "+path,
			"restore it from its safe place, or create it with a new node").Because(err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, problem.InvalidField(path, "is not a regular file", "give the path of the key file itself")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, problem.New(problem.Denied,
			fmt.Sprintf("the key file %s can be used by others (mode %04o)", path, mode),
			"run: chmod 600 "+path+"; if others may have read it, replace the key")
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, problem.InvalidField(path, fmt.Sprintf("is larger than %d bytes", limit), "give the path of the key file itself")
	}
	return content, nil
}

// writeNewFile creates path with mode 0600; content and name are on disk when
// it returns. It never overwrites: an existing path is an fs.ErrExist.
func writeNewFile(path string, content []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
