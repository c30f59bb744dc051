package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// draftPrefix begins the names of what was not finished; whatever bears it was
// never used as a key.
const draftPrefix = ".brdo-draft-"

// passed is called after each step of making keys. Tests look there at what a
// process that is killed at that moment leaves behind.
var passed = func() {}

// writeNewFile creates path with mode 0600, whole or not at all; content and
// name are on disk when it returns. It never overwrites: an existing path is an
// fs.ErrExist.
func writeNewFile(path string, content []byte) (err error) {
	directory := filepath.Dir(path)
	if err := removeDrafts(directory); err != nil {
		return err
	}
	draft, err := os.CreateTemp(directory, draftPrefix) // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeFile(draft.Name())) }()
	passed()
	if err := fill(draft, content); err != nil {
		return err
	}
	// A link, unlike a rename, never takes the place of what is there.
	if err := os.Link(draft.Name(), path); err != nil {
		return err
	}
	passed()
	return syncDirectory(directory)
}

// fill writes a new file, brings it to the disk and closes it.
func fill(file *os.File, content []byte) error {
	_, err := file.Write(content)
	if err == nil {
		passed()
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	passed()
	return err
}

// removeDrafts removes what a process that was killed left unfinished.
func removeDrafts(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), draftPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(directory, entry.Name())))
		}
	}
	return err
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
