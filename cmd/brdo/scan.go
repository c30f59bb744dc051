package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
)

type scanCommand struct {
	Lists  []string `name:"list" required:"" sep:"none" help:"A hash list: plain, CSV, VICS or JSON Lines. May be repeated." type:"path" placeholder:"FILE"`
	Paths  []string `arg:"" name:"file|dir" help:"Files, or folders to be walked." type:"path"`
	Kind64 string   `name:"kind64" enum:"sha256,pdq" default:"sha256" help:"What 64 digits are in a list that does not say: sha256 or pdq."`
	Radius int      `default:"31" help:"The largest PDQ distance that is a match, 0 to 64 bits."`
	Format string   `enum:"jsonl,text" default:"jsonl" help:"Form of the output: jsonl or text."`
	Unsafe bool     `name:"allow-unsandboxed" help:"Work even where the kernel cannot enclose the decoder."`
}

func (scanCommand) Help() string {
	return `Compares files with hash lists, without a node:

  $ brdo scan --list known.csv photos/
  {"path":"photos/lake.jpg","list":"known.csv",…,"kind":"pdq","distance":4,"variant":"original",…}

One line a match, and one line with a status for each file that could not be read or decoded; what
could be read of such a file is still compared. The summary goes to the standard error. A match is
a finding, never a decision: a person must look.

Exit codes: 0 done, with or without matches; 3 not everything could be read; 2 a list is broken or
the call is wrong, and then nothing was scanned.`
}

// scanMatch is the line of a match.
type scanMatch struct {
	Path string `json:"path"`
	match.Match
}

// scanStatus is the line of a file that could not be compared wholly.
type scanStatus struct {
	Path   string `json:"path"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func (c scanCommand) Run(ctx context.Context, w world) error {
	if c.Radius < 0 || c.Radius > match.MaximumRadius {
		return problem.InvalidField("--radius", fmt.Sprintf("it is %d", c.Radius), fmt.Sprintf("give 0 to %d", match.MaximumRadius))
	}
	index := match.New()
	for _, path := range c.Lists {
		if err := c.load(ctx, w, index, path); err != nil {
			return err
		}
	}
	decoder, err := media.Start(ctx, media.Options{AllowUnsandboxed: c.Unsafe})
	if err != nil {
		return err
	}
	defer decoder.Close()
	began := time.Now()
	candidates := find(c.Paths)
	shown := newProgress(w, "scanning", candidates)
	out := bufio.NewWriter(w.out)
	write := scanWriter(out, c.Format)
	var matches, matched, left, plain int
	err = examine(ctx, decoder, candidates, func(e examined) error {
		shown.add(e.candidate.Size)
		if !complete(e.Status) {
			left++
			if err := write(scanStatus{e.Path, e.Status, e.Detail}); err != nil {
				return err
			}
		}
		if e.Status == statusUnreadableFile {
			return nil
		}
		if e.Status == string(media.StatusUnhashable) {
			plain++
		}
		result := index.Query(match.Query{Digests: e.Sum, Variants: e.Variants, Quality: e.Quality, Decoded: e.Fingerprint.Status.Decoded(), Now: began})
		matches += len(result.Matches)
		if len(result.Matches) > 0 {
			matched++
		}
		for _, m := range result.Matches {
			if err := write(scanMatch{e.Path, m}); err != nil {
				return err
			}
		}
		if w.terminal {
			return out.Flush()
		}
		return nil
	})
	shown.end()
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("scanning: %w", err)
	}
	fmt.Fprintf(w.err, "%d files compared with %d entries of %d lists in %s: %d matches in %d files, %d files not read or decoded, %d too plain for PDQ\n",
		len(candidates), index.Len(), len(index.Lists()), time.Since(began).Round(time.Millisecond), matches, matched, left, plain)
	if left > 0 {
		return errIncomplete
	}
	return nil
}

func scanWriter(out io.Writer, format string) func(line any) error {
	if format == "jsonl" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode
	}
	return func(line any) (err error) {
		// Names are quoted, so that none can write to the terminal.
		switch l := line.(type) {
		case scanMatch:
			_, err = fmt.Fprintf(out, "match   %q: %s [entry %s]\n", l.Path, l.Explanation, l.Entry)
		case scanStatus:
			_, err = fmt.Fprintf(out, "%s   %q: %q\n", l.Status, l.Path, l.Detail)
		}
		return err
	}
}

// load puts a whole list into the index, or nothing of it. An entry is named by
// its row in the list.
func (c scanCommand) load(ctx context.Context, w world, index *match.Index, path string) error {
	broken := func(err error) error {
		return problem.InvalidField("--list", path+": "+err.Error(), "correct the list or leave it out; nothing was scanned").Because(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return broken(err)
	}
	defer file.Close()
	kind := hashlist.SHA256
	if c.Kind64 == "pdq" {
		kind = hashlist.PDQ
	}
	reader, err := hashlist.Open(bufio.NewReader(file), hashlist.Options{Kind64: kind})
	if err != nil {
		return broken(err)
	}
	var entries []match.Entry
	var poor int64
	for ctx.Err() == nil {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(err)
		}
		if row.Refused != "" {
			continue
		}
		entry := match.Entry{
			ID: strconv.FormatInt(row.Number, 10), Category: row.Category, Verification: row.Verification,
			MD5: slices.Clone(row.Digest(hashlist.MD5)), SHA1: slices.Clone(row.Digest(hashlist.SHA1)),
			SHA256: slices.Clone(row.Digest(hashlist.SHA256)), PDQ: slices.Clone(row.Digest(hashlist.PDQ)),
		}
		if entry.PDQ != nil && row.PDQQuality >= 0 && row.PDQQuality < pdq.MinimumQuality {
			entry.PDQ = nil // hashes of plain pictures collide
			poor++
		}
		entries = append(entries, entry)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s := reader.Stats(); s.Refused > 0 {
		fmt.Fprintf(w.err, "list %q: %d of %d rows cannot be used:\n", path, s.Refused, s.Rows)
		for _, refusal := range slices.Sorted(maps.Keys(s.RefusedBy)) {
			fmt.Fprintf(w.err, "  %d rows: %s\n", s.RefusedBy[refusal], refusal.Reason())
		}
	}
	if poor > 0 {
		fmt.Fprintf(w.err, "list %q: the PDQ of %d rows has a quality below %d and is not compared\n", path, poor, pdq.MinimumQuality)
	}
	index.PutList(match.List{ID: path, Name: filepath.Base(path), Source: path, Radius: c.Radius})
	return index.Apply(match.Delta{List: path, To: 1, Put: entries})
}
