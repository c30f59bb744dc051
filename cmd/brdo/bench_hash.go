package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
)

type benchHashCommand struct {
	Folder string `arg:"" help:"A folder of JPEG files."`
	N      int    `help:"How many hashes the folder is compared with." default:"1000000"`
	Rounds int    `help:"How often each file is hashed; the quickest counts." default:"5"`
}

func (benchHashCommand) Help() string {
	return `Hashes the JPEG files of a folder in several ways and prints one line of JSON for each: from their coefficients in both forms, as in the product, and
in either form alone; from the means of their blocks alone; from decoded pixels; their three digests; and at last, on all cores, everything with a comparison with N hashes. Nothing is
enclosed here: use files that you trust.`
}

// hashModeLine is the output; docs/cli.md explains its names.
type hashModeLine struct {
	Mode  string `json:"mode"`
	Files int    `json:"files"`
	// Unread are files that this way does not read; they are not counted.
	Unread          int     `json:"unread"`
	ImagesPerSecond float64 `json:"images_per_s"`
	MegabytesPerSec float64 `json:"mb_per_s"`
}

func (c benchHashCommand) Run(ctx context.Context, w world) error {
	if c.N < 1 || c.Rounds < 1 {
		return problem.InvalidField("n", "it is not positive", "leave it out")
	}
	files, paths, err := jpegs(c.Folder)
	if err != nil {
		return err
	}
	options := luma.Options{MaxPixels: 1 << 28}
	out := json.NewEncoder(w.out)
	for _, mode := range []struct {
		name string
		hash func(data []byte) error
	}{
		{"coefficients", func(data []byte) error { _, err := pdq.FromJPEG(data, options); return err }},
		{"coefficients, full size alone", func(data []byte) error { _, _, err := pdq.OneFromJPEG(data, pdq.FullSize, options); return err }},
		{"coefficients, nn512 alone", func(data []byte) error { _, _, err := pdq.OneFromJPEG(data, pdq.Nearest512, options); return err }},
		{"means", func(data []byte) error {
			_, err := pdq.FromJPEG(data, luma.Options{MaxPixels: options.MaxPixels, Means: true})
			return err
		}},
		{"pixels", func(data []byte) error {
			img, err := jpeg.Decode(bytes.NewReader(data))
			if err == nil {
				pdq.ComputeForms(img)
			}
			return err
		}},
		{"digests", func(data []byte) error { _, err := digest.Reader(bytes.NewReader(data)); return err }},
	} {
		line, err := measureHashing(ctx, mode.name, files, c.Rounds, mode.hash)
		if err != nil {
			return err
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	line, err := c.everything(ctx, paths)
	if err != nil {
		return err
	}
	return out.Encode(line)
}

// measureHashing hashes files on one core; of each the quickest of the rounds counts.
func measureHashing(ctx context.Context, mode string, files [][]byte, rounds int, hash func(data []byte) error) (hashModeLine, error) {
	line := hashModeLine{Mode: mode}
	var took time.Duration
	size := 0
	for _, data := range files {
		quickest := time.Duration(1 << 62)
		var failed error
		for range rounds {
			if err := ctx.Err(); err != nil {
				return line, err
			}
			from := time.Now()
			failed = hash(data)
			quickest = min(quickest, time.Since(from))
		}
		if failed != nil {
			line.Unread++
			continue
		}
		line.Files++
		took += quickest
		size += len(data)
	}
	line.rate(took, size)
	return line, nil
}

func (l *hashModeLine) rate(took time.Duration, size int) {
	if took > 0 {
		l.ImagesPerSecond, l.MegabytesPerSec = float64(l.Files)/took.Seconds(), float64(size)/1e6/took.Seconds()
	}
}

// jpegs reads the files of a folder that are named as JPEG files are.
func jpegs(folder string) (files [][]byte, paths []string, err error) {
	for _, found := range find([]string{folder}) {
		lower := strings.ToLower(found.Path)
		if found.Err != nil || !strings.HasSuffix(lower, ".jpg") && !strings.HasSuffix(lower, ".jpeg") {
			continue
		}
		data, err := os.ReadFile(found.Path)
		if err != nil {
			return nil, nil, problem.InvalidField("folder", err.Error(), "name a folder that can be read").Because(err)
		}
		files, paths = append(files, data), append(paths, found.Path)
	}
	if len(files) == 0 {
		return nil, nil, problem.InvalidField("folder", "it has no file named .jpg or .jpeg", "name a folder of JPEG files")
	}
	return files, paths, nil
}

// everything reads each file, computes its digests and hashes, and compares them in eight
// orientations and both forms, on all cores.
func (c benchHashCommand) everything(ctx context.Context, paths []string) (hashModeLine, error) {
	list := make([]hamming.Entry, c.N)
	all := hashes{}
	for i := range list {
		list[i] = hamming.Entry{ID: uint32(i), Code: all.at(i)}
	}
	index, err := hamming.Build(list)
	if err != nil {
		return hashModeLine{}, fmt.Errorf("filling the index: %w", err)
	}
	line := hashModeLine{Mode: fmt.Sprintf("digests, coefficients and a comparison with %d hashes, on %d cores", c.N, runtime.GOMAXPROCS(0))}
	work := make(chan string)
	var workers sync.WaitGroup
	var sum sync.Mutex
	size := 0
	begun := time.Now()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var hits []hamming.Hit
			for path := range work {
				data, err := os.ReadFile(path)
				if err == nil {
					_, err = digest.Reader(bytes.NewReader(data))
				}
				var found pdq.JPEG
				if err == nil {
					found, err = pdq.FromJPEG(data, luma.Options{MaxPixels: 1 << 28})
				}
				for v := range found.Full.Variants {
					hits = index.Search(hamming.FromBytes(found.Full.Variants[v]), 31, hits[:0])
					hits = index.Search(hamming.FromBytes(found.Nearest.Variants[v]), 31, hits[:0])
				}
				sum.Lock()
				if err != nil {
					line.Unread++
				} else {
					line.Files++
					size += len(data)
				}
				sum.Unlock()
			}
		})
	}
	for range c.Rounds {
		for _, path := range paths {
			if ctx.Err() == nil {
				work <- path
			}
		}
	}
	close(work)
	workers.Wait()
	line.rate(time.Since(begun), size)
	return line, ctx.Err()
}
