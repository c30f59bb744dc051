package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
)

type benchCommand struct {
	Quick bool `help:"A shorter run with smaller lists."`
}

func (benchCommand) Help() string {
	return `Measures this machine and prints JSON: hashing, matching, the log and durable intake. Compare
figures of one run with one another; a shared machine is never the same twice.`
}

// figures is the output; its names are documented in docs/cli.md.
type figures struct {
	Hashing []hashingFigure `json:"hashing"`
	Match   []matchFigure   `json:"match"`
	Log     logFigure       `json:"log"`
	Intake  intakeFigure    `json:"intake"`
}

type hashingFigure struct {
	Picture      string  `json:"picture"`
	PDQPerSecond float64 `json:"pdq_images_per_second"`
	// FilesPerSecond is decoding and hashing in the sandbox, as in the product.
	FilesPerSecond  float64 `json:"sandboxed_files_per_second"`
	MegabytesPerSec float64 `json:"sandboxed_megabytes_per_second"`
	DigestMegabytes float64 `json:"three_digests_megabytes_per_second"`
}

type matchFigure struct {
	Entries     int     `json:"entries"`
	Nanoseconds float64 `json:"nanoseconds_per_query"`
	// VsScan is how many times faster than looking at every entry.
	VsScan        float64 `json:"times_faster_than_scan"`
	BytesPerEntry float64 `json:"bytes_per_entry"`
}

type logFigure struct {
	AppendsPerSecond float64 `json:"durable_appends_per_second"`
	SequencedPerSec  float64 `json:"sequenced_records_per_second"`
}

type intakeFigure struct {
	UploadsPerSecond float64 `json:"durable_uploads_per_second"`
}

func (c benchCommand) Run(ctx context.Context, w world) error {
	took := time.Second
	sizes := []int{10_000, 100_000, 1_000_000}
	if c.Quick {
		took, sizes = 200*time.Millisecond, []int{10_000, 100_000}
	}
	decoder, err := media.Start(ctx, media.Options{})
	if err != nil {
		return err
	}
	defer decoder.Close()
	var all figures
	for _, size := range [][2]int{{640, 480}, {1280, 960}} {
		figure, err := benchHashing(ctx, decoder, size[0], size[1], took)
		if err != nil {
			return err
		}
		all.Hashing = append(all.Hashing, figure)
	}
	for _, entries := range sizes {
		figure, err := benchMatch(entries, took)
		if err != nil {
			return err
		}
		all.Match = append(all.Match, figure)
	}
	if err := benchNode(ctx, took, &all); err != nil {
		return err
	}
	encoder := json.NewEncoder(w.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

// rate repeats work for a time and returns how often it was done a second.
func rate(took time.Duration, work func() error) (float64, error) {
	if err := work(); err != nil { // warm
		return 0, err
	}
	begun, count := time.Now(), 0
	for time.Since(begun) < took {
		if err := work(); err != nil {
			return 0, err
		}
		count++
	}
	return float64(count) / time.Since(begun).Seconds(), nil
}

func benchPicture(width, height int) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range img.Y {
		img.Y[i] = uint8(128 + 60*((i%width)/(width/8)%2) + (i/width)/8%40 + random.IntN(20))
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = uint8(100+i%50), uint8(150-i%50)
	}
	return img
}

func benchHashing(ctx context.Context, decoder *media.Service, width, height int, took time.Duration) (hashingFigure, error) {
	f := hashingFigure{Picture: fmt.Sprintf("JPEG %d x %d", width, height)}
	img := benchPicture(width, height)
	var err error
	if f.PDQPerSecond, err = rate(took, func() error { pdq.Compute(img); return nil }); err != nil {
		return f, err
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 85}); err != nil {
		return f, err
	}
	if f.FilesPerSecond, err = rate(took, func() error {
		_, err := decoder.Fingerprint(ctx, bytes.NewReader(file.Bytes()), int64(file.Len()))
		return err
	}); err != nil {
		return f, err
	}
	f.MegabytesPerSec = f.FilesPerSecond * float64(file.Len()) / 1e6
	block := make([]byte, 16<<20)
	perSecond, err := rate(took, func() error { _, err := digest.Reader(bytes.NewReader(block)); return err })
	f.DigestMegabytes = perSecond * float64(len(block)) / 1e6
	return f, err
}

func benchMatch(entries int, took time.Duration) (matchFigure, error) {
	random := rand.New(rand.NewPCG(uint64(entries), 3))
	code := func() hamming.Code {
		return hamming.Code{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()}
	}
	list := make([]hamming.Entry, entries)
	for i := range list {
		list[i] = hamming.Entry{ID: uint32(i), Code: code()}
	}
	index, err := hamming.Build(list)
	if err != nil {
		return matchFigure{}, err
	}
	const radius = 31
	var hits []hamming.Hit
	ask := func() hamming.Code {
		c := list[random.IntN(entries)].Code
		c[0] ^= 1 << random.IntN(64)
		c[1] ^= 1 << random.IntN(64)
		return c
	}
	fast, err := rate(took, func() error {
		for range 100 {
			hits = index.Search(ask(), radius, hits[:0])
		}
		return nil
	})
	if err != nil {
		return matchFigure{}, err
	}
	slow, err := rate(took, func() error {
		wanted := ask()
		for i := range list {
			if list[i].Code.Distance(wanted) <= radius {
				hits = append(hits[:0], hamming.Hit{ID: list[i].ID})
			}
		}
		return nil
	})
	return matchFigure{Entries: entries, Nanoseconds: 1e9 / (fast * 100), VsScan: fast * 100 / slow, BytesPerEntry: float64(index.Bytes()) / float64(entries)}, err
}

// benchNode measures a node of its own in a temporary folder.
func benchNode(ctx context.Context, took time.Duration, all *figures) error {
	folder, err := os.MkdirTemp("", "brdo-bench-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	world, err := node.OpenWorld(ctx, filepath.Join(folder, "world"), 0, logger(io.Discard, "error"))
	if err != nil {
		return err
	}
	defer world.Close()
	auditor := mandate.Actor{Kind: mandate.Person, ID: "person/bench", Roles: []mandate.Role{mandate.Auditor}, Organisation: mandate.Provider}
	appends := 0
	if all.Log.AppendsPerSecond, err = rate(took, func() error {
		appends++
		_, err := world.Provider.Ledger.Log(ctx, auditor, 0, 1)
		return err
	}); err != nil {
		return err
	}
	begun := time.Now()
	if err := world.Provider.Ledger.Sequence(ctx); err != nil {
		return err
	}
	all.Log.SequencedPerSec = float64(appends) / time.Since(begun).Seconds()
	number := 0
	all.Intake.UploadsPerSecond, err = rate(took, func() error {
		number++
		_, err := world.Upload(ctx, number)
		return err
	})
	return err
}
