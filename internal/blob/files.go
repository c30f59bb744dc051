package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/brdoproject/brdo/domain/problem"
)

// Files is a [Store] in a directory:
//
//	objects/9f/3c/report+17   one file per blob, mode 0600; "/" in a key is "+"
//	incoming/put-…            blobs that are being written
//
// The two directory levels are the first two bytes of the SHA-256 of the key in
// hexadecimal, so that no directory grows large. A blob is written to incoming,
// synced, renamed into place, and the directory synced.
//
// After a failed sync the state of the medium is unknown (the kernel may have
// dropped the written pages and forgotten the error), so from then on every Put
// is refused until the store is opened anew; reading goes on.
type Files struct {
	directory string
	failed    atomic.Pointer[error]
	// sync is fsync(2); tests make it fail.
	sync func(*os.File) error
}

const (
	objectsDirectory  = "objects"
	incomingDirectory = "incoming"
)

// OpenFiles opens the store in directory and creates it, with mode 0700, where
// absent. It removes what a killed process left in incoming; that was never
// acknowledged.
func OpenFiles(directory string) (*Files, error) {
	store := &Files{directory: directory, sync: (*os.File).Sync}
	for _, name := range []string{objectsDirectory, incomingDirectory} {
		if err := store.makeDirectory(filepath.Join(directory, name)); err != nil {
			return nil, fmt.Errorf("opening the blob directory: %w", err)
		}
	}
	if err := store.removeAbandoned(); err != nil {
		return nil, fmt.Errorf("clearing the blob directory: %w", err)
	}
	return store, nil
}

// Put implements [Store].
func (f *Files) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if failure := f.failed.Load(); failure != nil {
		return problem.New(problem.Unavailable, "the blob store stopped accepting after a failed sync",
			"check the disk, then restart the node").Because(*failure)
	}
	if err := f.put(ctx, key, r, size); err != nil {
		return fmt.Errorf("storing blob %s: %w", key, medium(err))
	}
	return nil
}

func (f *Files) put(ctx context.Context, key string, r io.Reader, size int64) (err error) {
	draft, err := os.CreateTemp(filepath.Join(f.directory, incomingDirectory), "put-") // mode 0600
	if err != nil {
		return err
	}
	// The lock tells removeAbandoned that the writer lives; it ends with it.
	if err := unix.Flock(int(draft.Fd()), unix.LOCK_EX); err != nil {
		return errors.Join(err, draft.Close(), os.Remove(draft.Name()))
	}
	defer func() {
		if err != nil {
			if removed := os.Remove(draft.Name()); !errors.Is(removed, fs.ErrNotExist) {
				err = errors.Join(err, removed)
			}
		}
	}()
	written, err := io.Copy(draft, untilDone{ctx, r})
	if err == nil && size >= 0 && written != size {
		err = wrongSize(size, written)
	}
	if err == nil {
		err = f.synced(draft)
	}
	path := f.path(key)
	if err == nil {
		err = f.makeDirectory(filepath.Dir(path))
	}
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return f.syncDirectory(filepath.Dir(path))
}

// Open implements [Store].
func (f *Files) Open(_ context.Context, key string) (Content, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening blob %s: %w", key, medium(err))
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening blob %s: %w", key, errors.Join(medium(err), file.Close()))
	}
	return fileContent{file, info.Size()}, nil
}

type fileContent struct {
	*os.File
	size int64
}

func (c fileContent) Size() int64 { return c.size }

func (c fileContent) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	return n, readFailure(err)
}

func (c fileContent) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.File.ReadAt(p, offset)
	return n, readFailure(err)
}

func readFailure(err error) error {
	if err == io.EOF {
		return err
	}
	return medium(err)
}

// Stat implements [Store].
func (f *Files) Stat(_ context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	info, err := os.Stat(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, notFound(key, err)
	}
	if err != nil {
		return Info{}, fmt.Errorf("describing blob %s: %w", key, medium(err))
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements [Store].
func (f *Files) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	path := f.path(key)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("deleting blob %s: %w", key, medium(err))
	}
	return nil
}

// List implements [Store]. It walks all blobs, whatever the prefix.
func (f *Files) List(ctx context.Context, prefix string, visit func(Info) error) error {
	if err := checkCharacters(prefix); err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(f.directory, objectsDirectory), func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("listing blobs: %w", medium(err))
		}
		key := strings.ReplaceAll(entry.Name(), "+", "/")
		if entry.IsDir() || !strings.HasPrefix(key, prefix) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted since the directory was read
		}
		if err != nil {
			return fmt.Errorf("listing blobs: %w", medium(err))
		}
		return visit(Info{Key: key, Size: info.Size(), Modified: info.ModTime()})
	})
}

func (f *Files) path(key string) string {
	digest := sha256.Sum256([]byte(key))
	return filepath.Join(f.directory, objectsDirectory, hex.EncodeToString(digest[:1]), hex.EncodeToString(digest[1:2]),
		strings.ReplaceAll(key, "/", "+"))
}

// makeDirectory makes a directory and those above it, durably.
func (f *Files) makeDirectory(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent == path {
		return nil
	}
	if err := f.makeDirectory(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.syncDirectory(parent)
}

func (f *Files) syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.synced(directory), directory.Close())
}

func (f *Files) synced(file *os.File) error {
	err := f.sync(file)
	if err != nil {
		f.failed.CompareAndSwap(nil, &err)
	}
	return err
}

func (f *Files) removeAbandoned() error {
	drafts, err := filepath.Glob(filepath.Join(f.directory, incomingDirectory, "put-*"))
	if err != nil {
		return err
	}
	for _, path := range drafts {
		if err := removeUnlocked(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeUnlocked(path string) error {
	draft, err := os.Open(path)
	if err != nil {
		return err
	}
	err = unix.Flock(int(draft.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return draft.Close()
	}
	if err == nil {
		err = os.Remove(path)
	}
	return errors.Join(err, draft.Close())
}

// medium gives failures of the disk the kind that callers retry, and a full
// disk its remedy. Problems, such as those of the reader, pass unchanged.
func medium(err error) error {
	var known *problem.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem.New(problem.Unavailable, "the blob store has no space left", "free or add space, then try again").Because(err)
	}
	return problem.New(problem.Unavailable, "the blob store did not answer", "try again; the operator finds the cause in the log").Because(err)
}

// untilDone is a reader that fails when its context is done.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
