package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/media"
)

// candidate is a file named by the arguments or found below them; Err says why
// it cannot even be looked at.
type candidate struct {
	Path string
	Size int64
	Err  error
}

// open opens it for reading; its error is that of the walk, where there was one.
func (c candidate) open() (*os.File, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	return os.Open(c.Path)
}

// find lists the regular files below the given paths, in order. What cannot be
// read is a candidate with an error, never a silence. Symbolic links below a
// folder are not followed, so that a walk stays where it was asked to be.
func find(paths []string) []candidate {
	var found []candidate
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				found = append(found, candidate{Path: name, Err: err})
				return nil
			}
			if name == path && entry.Type()&fs.ModeSymlink != 0 {
				info, err := os.Stat(name)
				if err != nil || info.IsDir() {
					found = append(found, candidate{Path: name, Err: errors.Join(err, errLink)})
					return nil
				}
				found = append(found, candidate{Path: name, Size: info.Size()})
				return nil
			}
			if entry.IsDir() {
				return nil
			}
			if !entry.Type().IsRegular() {
				found = append(found, candidate{Path: name, Err: errNotRegular})
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				found = append(found, candidate{Path: name, Err: err})
				return nil
			}
			found = append(found, candidate{Path: name, Size: info.Size()})
			return nil
		})
		if err != nil {
			found = append(found, candidate{Path: path, Err: err})
		}
	}
	return found
}

var (
	errNotRegular = errors.New("it is not a regular file")
	errLink       = errors.New("it is a symbolic link to a folder; name the folder itself")
)

// examined is what is known of one file.
type examined struct {
	candidate
	digest.Sum
	media.Fingerprint
	// far says that nothing asked about is near, as a first look showed.
	far bool
	// Insets are set where they are asked for.
	Insets []pdq.Inset
	// Frames are set for a video that was decoded, and shown is how many of its bytes the progress was told of meanwhile.
	Frames media.Video
	shown  int64
	// Status is the media status, or "unreadable-file" when the file system
	// refused.
	Status string
	Detail string
}

const statusUnreadableFile = "unreadable-file"

// inMemory is the largest file that is read once and kept; larger ones are read
// twice.
const inMemory = 64 << 20

// buffers are those of files that were examined: new memory is cleared page by page before it is there, which takes a
// quarter of the time of the digests.
var buffers sync.Pool

// mostKept is the size of the largest buffer that is kept, in bytes.
const mostKept = 8 << 20

func giveBack(buffer []byte) {
	if cap(buffer) > 0 && cap(buffer) <= mostKept {
		buffers.Put(&buffer)
	}
}

// readAll reads a file of about that size into a buffer of its own, which is given back.
func readAll(from io.Reader, size int64) ([]byte, error) {
	var kept []byte
	if known, ok := buffers.Get().(*[]byte); ok {
		kept = (*known)[:0]
	}
	data := bytes.NewBuffer(kept)
	data.Grow(int(size) + bytes.MinRead) // so that it is not copied as it grows
	_, err := data.ReadFrom(from)
	return data.Bytes(), err
}

// examine computes digests and fingerprints of all candidates on all
// processors and hands them over in order. It stops at the first error of take.
func examine(ctx context.Context, decoder *media.Service, candidates []candidate, insets bool, videos videoWork, first *firstLook, take func(examined) error) error {
	return inOrder(ctx, candidates, func(ctx context.Context, c candidate) examined {
		return examineOne(ctx, decoder, c, insets, videos, first)
	}, take)
}

// inOrder does the same with all candidates on all processors, and hands the results over in order. It stops at the
// first error of take. There are twice as many workers as processors: while decoders work for some, the others read
// the next files.
func inOrder[T any](ctx context.Context, candidates []candidate, do func(context.Context, candidate) T, take func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := 2 * runtime.GOMAXPROCS(0)
	slots := make(chan chan T, 2*workers)
	jobs := make(chan func(), workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for job := range jobs {
				job()
			}
		})
	}
	go func() {
		defer close(slots)
		defer close(jobs)
		for _, c := range candidates {
			slot := make(chan T, 1)
			select {
			case slots <- slot:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- func() { slot <- do(ctx, c) }:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer group.Wait()
	for slot := range slots {
		select {
		case e := <-slot:
			if err := take(e); err != nil {
				cancel()
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// firstLook is how files are looked at of which most are near to nothing. Without it each
// is looked at closely at once.
type firstLook struct {
	// wide says that media.FirstLookWithin bits more than the radius can be searched.
	wide bool
	// near tells whether something may be near, so that a closer look is worth it.
	near func(examined) bool
}

func examineOne(ctx context.Context, decoder *media.Service, c candidate, insets bool, videos videoWork, first *firstLook) examined {
	e := examined{candidate: c}
	fail := func(err error) examined {
		e.Status, e.Detail, e.Err = statusUnreadableFile, err.Error(), err
		return e
	}
	file, err := c.open()
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	var content io.ReadSeeker = file
	var kept []byte
	if c.Size <= inMemory {
		if kept, err = readAll(io.LimitReader(file, inMemory+1), c.Size); err != nil {
			return fail(err)
		}
		content, e.Sum = bytes.NewReader(kept), digest.Bytes(kept)
	} else {
		if e.Sum, err = digest.Reader(content); err != nil {
			return fail(err)
		}
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return fail(err)
		}
	}
	e.candidate.Size = e.Sum.Size
	is, err := isVideo(content)
	if err != nil {
		return fail(err)
	}
	if is {
		if err := videos.examine(ctx, decoder, content, &e); err != nil {
			return fail(fmt.Errorf("decoding: %w", err))
		}
		return e
	}
	defer giveBack(kept) // a decoder has answered by then
	if first == nil {
		e.Fingerprint, err = decoder.Fingerprint(ctx, content, e.Sum.Size)
	} else {
		e.Fingerprint, err = decoder.FirstLook(ctx, content, e.Sum.Size, first.wide)
	}
	if err == nil && e.Fingerprint.Within > 0 {
		if e.far = !first.near(e); !e.far {
			if _, err := content.Seek(0, io.SeekStart); err != nil {
				return fail(err)
			}
			e.Fingerprint, err = decoder.Fingerprint(ctx, content, e.Sum.Size)
		}
	}
	if err != nil {
		return fail(fmt.Errorf("decoding: %w", err))
	}
	if insets && e.Fingerprint.Status == media.StatusOK {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return fail(err)
		}
		if e.Insets, err = decoder.Insets(ctx, content, e.Sum.Size); err != nil {
			return fail(fmt.Errorf("decoding: %w", err))
		}
	}
	e.Status, e.Detail = string(e.Fingerprint.Status), e.Fingerprint.Detail
	return e
}
