package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/store"
)

type benchCommand struct {
	All     benchAllCommand     `cmd:"" default:"withargs" help:"Measure everything."`
	Hash    benchHashCommand    `cmd:"" help:"Measure hashing the JPEG files of a folder alone."`
	Match   benchMatchCommand   `cmd:"" help:"Measure the search for near hashes alone, at any size and radius."`
	Detect  benchDetectCommand  `cmd:"" help:"Measure a node that compares uploads, over HTTP."`
	Figures benchFiguresCommand `cmd:"" help:"Measure what the README's table of figures says, beside peers where they are built."`
}

type benchAllCommand struct {
	Quick bool `help:"A shorter run with smaller lists."`
}

func (benchAllCommand) Help() string {
	return `Measures this machine and prints JSON: hashing, matching, the index, the log, reports between two
nodes and durable intake. docs/scale.md says what follows from them. Compare figures of one run with one another; a shared machine is never the same twice.`
}

// figures is the output; its names are documented in docs/cli.md.
type figures struct {
	Hashing  []hashingFigure `json:"hashing"`
	Match    []matchFigure   `json:"match"`
	Index    indexFigure     `json:"index"`
	List     listFigure      `json:"list"`
	Log      logFigure       `json:"log"`
	Exchange exchangeFigure  `json:"exchange"`
	Intake   intakeFigure    `json:"intake"`
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

// indexFigure is the live index of a node: every digest of every entry, with
// what is said about a match.
type indexFigure struct {
	Entries          int     `json:"entries"`
	BytesPerEntry    float64 `json:"bytes_per_entry"`
	EntriesPerSecond float64 `json:"entries_held_per_second"`
}

// listFigure is a list of four digests an entry in the rows of a node.
type listFigure struct {
	Entries           int     `json:"entries"`
	ImportedPerSecond float64 `json:"entries_imported_per_second"`
	// LoadedPerSecond is reading the rows and holding them in the index, as at
	// the start of a process.
	LoadedPerSecond float64 `json:"entries_loaded_per_second"`
	DiskPerEntry    float64 `json:"database_bytes_per_entry"`
}

// exchangeFigure is reports from one node to another on this machine.
type exchangeFigure struct {
	// MadePerSecond is all that one report needs of the rows at the provider:
	// taking the item, a look, a decision, a form, sending.
	MadePerSecond float64 `json:"reports_made_per_second"`
	// DeliveredPerSecond is sealing, sending, taking in and receipting, by both
	// nodes together.
	DeliveredPerSecond float64 `json:"reports_delivered_per_second"`
}

type logFigure struct {
	AppendsPerSecond float64 `json:"durable_appends_per_second"`
	SequencedPerSec  float64 `json:"sequenced_records_per_second"`
}

type intakeFigure struct {
	UploadsPerSecond float64 `json:"durable_uploads_per_second"`
}

func (c benchAllCommand) Run(ctx context.Context, w world) error {
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
	if all.Index, err = benchIndex(sizes[len(sizes)-1] / 2); err != nil {
		return err
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

// benchIndex fills the live index of a node as a list of four digests does.
func benchIndex(entries int) (indexFigure, error) {
	f := indexFigure{Entries: entries}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	index := match.New()
	index.PutList(match.List{ID: "list/bench"})
	random := rand.NewChaCha8([32]byte{7})
	const batch = 10_000
	var took time.Duration
	for version := range entries / batch {
		put := make([]match.Entry, batch)
		for i := range put {
			digests := make([]byte, 16+20+32+32)
			_, _ = random.Read(digests) // it never fails
			put[i] = match.Entry{
				ID: store.NewID("entry"), Category: "training", Verification: "double",
				MD5: digests[:16], SHA1: digests[16:36], SHA256: digests[36:68], PDQ: digests[68:],
			}
		}
		begun := time.Now()
		if err := index.Apply(match.Delta{List: "list/bench", From: int64(version), To: int64(version) + 1, Put: put}); err != nil {
			return f, err
		}
		took += time.Since(begun)
	}
	f.BytesPerEntry = float64(heap()-before) / float64(index.Len())
	f.EntriesPerSecond = float64(index.Len()) / took.Seconds()
	return f, nil
}

// benchList takes a file into a list of a node, and loads it into an index of
// its own.
func benchList(ctx context.Context, n *node.Node, entries int) (listFigure, error) {
	f := listFigure{Entries: entries}
	size := func() (bytes int64, err error) {
		for _, name := range []string{"brdo.db", "brdo.db-wal"} {
			info, err := os.Stat(filepath.Join(n.Config.Data, name))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return 0, fmt.Errorf("measuring the database: %w", err)
			}
			bytes += info.Size()
		}
		return bytes, nil
	}
	l, err := n.Lists.Create(ctx, benchManager, lists.NewList{Name: "bench", Source: "made by bench", Verification: "double", LegalBasis: n.Config.Detection.Sources[0].LegalBasis, Radius: -1})
	if err != nil {
		return f, err
	}
	before, err := size()
	if err != nil {
		return f, err
	}
	begun := time.Now()
	if err := takeIn(ctx, n, l.ID, rand.NewChaCha8([32]byte{8}), entries); err != nil {
		return f, err
	}
	f.ImportedPerSecond = float64(entries) / time.Since(begun).Seconds()
	after, err := size()
	if err != nil {
		return f, err
	}
	f.DiskPerEntry = float64(after-before) / float64(entries)
	index := match.New()
	begun = time.Now()
	err = lists.New(n.Ledger, n.Store, index, n.Law).Load(ctx)
	f.LoadedPerSecond = float64(index.Len()) / time.Since(begun).Seconds()
	return f, err
}

// benchExchange lets people report, and then delivers what they reported.
func benchExchange(ctx context.Context, world *node.World, count int) (f exchangeFigure, err error) {
	n := world.Provider
	uploads, err := n.Identity.Machine(ctx, world.Key)
	if err != nil {
		return f, err
	}
	img := benchPicture(160, 120)
	for i := range count {
		img.Y[0], img.Y[1] = uint8(i), uint8(i>>8)
		var file bytes.Buffer
		if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 100}); err != nil {
			return f, err
		}
		fmt.Fprintf(&file, "%d", i) // what follows a picture's end changes its digests alone
		s := intake.Submission{Flagged: true, Files: []intake.Upload{{Name: "picture.jpg", Content: bytes.NewReader(file.Bytes())}}}
		if _, err := n.Intake.Detect(ctx, uploads, s); err != nil {
			return f, err
		}
	}
	begun := time.Now()
	made, err := reportAll(ctx, n, count)
	if err != nil {
		return f, err
	}
	f.MadePerSecond = float64(made) / time.Since(begun).Seconds()
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	begun = time.Now()
	go func() { served <- world.Run(serving, 0, 24*time.Hour) }()
	for waiting := int64(1); waiting > 0 && err == nil && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		err = n.Store.Read(ctx, func(tx *store.Tx) (err error) { waiting, err = tx.CountEnvelopesWaiting(); return err })
	}
	f.DeliveredPerSecond = float64(made) / time.Since(begun).Seconds()
	stop()
	return f, errors.Join(err, <-served)
}

// reportAll decides on what waits and reports it, and returns how many reports
// were sent.
func reportAll(ctx context.Context, n *node.Node, count int) (made int, err error) {
	no := new(false)
	answers := reports.Answers{Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}
	for i := range count {
		// Others come on duty, so that nobody is sent on a break.
		person := mandate.Actor{Kind: mandate.Person, ID: fmt.Sprintf("person/bench-%d", i/15), Roles: []mandate.Role{mandate.Analyst}, Organisation: mandate.Provider}
		id, err := n.Triage.GoOn(ctx, person)
		if err != nil || id == "" {
			return made, err
		}
		if _, err := n.Triage.View(ctx, person, id, triage.Look{Level: item.LevelSketch}); err != nil {
			return made, err
		}
		if err := n.Triage.Decide(ctx, person, id, triage.Verdict{Labels: map[string]string{"same-picture": "yes", "picture": "landscape"}}); err != nil {
			return made, err
		}
		queue, err := n.Triage.Queue(ctx, person)
		if err != nil {
			return made, err
		}
		for _, ready := range queue.Reportable {
			id, err := n.Reports.Compose(ctx, person, ready.ID, "")
			if problem.Is(err, problem.Conflict) {
				continue // its decision can still be taken back, or it has a report
			}
			if err == nil {
				err = n.Reports.Amend(ctx, person, id, answers, "")
			}
			if err == nil {
				err = n.Reports.Submit(ctx, person, id)
			}
			if err != nil {
				return made, err
			}
			made++
		}
	}
	return made, nil
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
	if all.Exchange, err = benchExchange(ctx, world, int(100*took/time.Second)); err != nil {
		return err
	}
	if all.List, err = benchList(ctx, world.Provider, int(100_000*took/time.Second)); err != nil {
		return err
	}
	number := 0
	all.Intake.UploadsPerSecond, err = rate(took, func() error {
		number++
		_, err := world.Upload(ctx, number)
		return err
	})
	return err
}
