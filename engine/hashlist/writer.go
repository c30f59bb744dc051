package hashlist

import (
	"bufio"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// Writer writes a list row by row. A writer checks an entry before it writes
// any of it. Close completes the document and must be called; it does not
// close the underlying writer.
type Writer interface {
	// Write adds an entry. An *[EntryError] says why the format cannot carry
	// it; the entry is then not in the list, and the list is still sound.
	Write(Entry) error
	Close() error
}

// usable refuses what a reader of the list would refuse, and an entry that does
// not hold where the list cannot say so.
func usable(number int64, e *Entry, states bool) error {
	switch {
	case !states && !e.State.Holds():
		return &EntryError{
			Number: number, Field: "state", Reason: "the entry is " + string(e.State) + ", which this list cannot say: it would go on matching",
			Remedy: "write the changes as CSV or JSON Lines with states",
		}
	case e.Refused != "":
		return &EntryError{Number: number, Field: "digest", Reason: e.Refused.Reason(), Remedy: "leave the entry out"}
	case e.NamesEmptyFile():
		return &EntryError{Number: number, Field: "digest", Reason: RefusedEmptyFile.Reason(), Remedy: "leave the entry out"}
	case e.Kinds == 0 && e.Frames != nil && !video.Detailed(e.Frames):
		return &EntryError{Number: number, Field: "frames", Reason: RefusedFrames.Reason(), Remedy: "leave the entry out"}
	case len(e.Frames) > MaximumFrames:
		return &EntryError{Number: number, Field: "frames", Reason: fmt.Sprintf("it has %d frames, and at most %d are read", len(e.Frames), MaximumFrames), Remedy: "hash fewer frames of the video"}
	case len(e.Insets) > maxInsets:
		return &EntryError{Number: number, Field: "pdq_insets", Reason: fmt.Sprintf("it has %d insets, and at most %d are read", len(e.Insets), maxInsets), Remedy: "leave some out"}
	case e.Kinds == 0 && e.Frames == nil:
		return &EntryError{Number: number, Field: "digest", Reason: RefusedNoDigest.Reason(), Remedy: "leave the entry out"}
	}
	for _, kind := range AllKinds() {
		if e.Kinds.Has(kind) && allZero(e.Digest(kind)) {
			return &EntryError{Number: number, Field: kind.String(), Reason: RefusedPlaceholder.Reason(), Remedy: "leave the digest out"}
		}
	}
	return nil
}

func allZero(digest []byte) bool {
	for _, b := range digest {
		if b != 0 {
			return false
		}
	}
	return true
}

// PlainWriter writes one digest of one kind per line, in lower case.
type PlainWriter struct {
	output *bufio.Writer
	kind   Kind
	number int64
	line   []byte
}

// NewPlainWriter writes the digests of kind to w. Everything else an entry
// says is left out, which is what the format is for.
func NewPlainWriter(w io.Writer, kind Kind) (*PlainWriter, error) {
	if kind.Len() == 0 {
		return nil, fmt.Errorf("writing a plain list: %v is no kind of digest", kind)
	}
	return &PlainWriter{output: bufio.NewWriterSize(w, window), kind: kind}, nil
}

// Write adds the digest of the entry; an entry without one of the kind is
// refused.
func (p *PlainWriter) Write(e Entry) error {
	p.number++
	if err := usable(p.number, &e, false); err != nil {
		return err
	}
	digest := e.Digest(p.kind)
	if digest == nil {
		return &EntryError{
			Number: p.number, Field: p.kind.String(), Reason: "the entry has no digest of this kind",
			Remedy: "write a CSV, or compute the digest first",
		}
	}
	p.line = append(hex.AppendEncode(p.line[:0], digest), '\n')
	if _, err := p.output.Write(p.line); err != nil {
		return fmt.Errorf("writing a plain list: %w", err)
	}
	return nil
}

// Close writes what is held back.
func (p *PlainWriter) Close() error {
	if err := p.output.Flush(); err != nil {
		return fmt.Errorf("writing a plain list: %w", err)
	}
	return nil
}

// ownColumns are the columns of our CSV, in their fixed order.
var ownColumns = []string{
	"md5", "sha1", "sha256", "pdq", "pdq_quality", "size", "mime", "category", "verification",
	"victim_identified", "offender_identified", "is_distributed", "is_precategorized",
	"is_suspected", "self_generated", "baseline",
	"series", "source", "source_id", "case", "date_updated", "path", "tags", "note", "frame_hashes", "pdq_insets",
}

// laterColumns is how many of the last columns an earlier CSV of ours may lack: videos' frames and
// insets came later.
const laterColumns = 2

// deltaColumns are those of our CSV of changes.
var deltaColumns = append(slices.Clone(ownColumns), "state")

// areOwn reports whether columns are those of our CSV, or of an earlier one.
func areOwn(columns []string) bool {
	if last := len(columns) - 1; last >= 0 && columns[last] == deltaColumns[len(deltaColumns)-1] {
		columns = columns[:last]
	}
	return len(columns) >= len(ownColumns)-laterColumns && len(columns) <= len(ownColumns) && slices.Equal(columns, ownColumns[:len(columns)])
}

// CSVWriter writes our CSV: comma, RFC 4180 quotes, line feeds, every field of
// an entry. Texts that a spreadsheet would run as a formula are shielded with
// an apostrophe, which [Reader] takes away again.
type CSVWriter struct {
	output *csv.Writer
	number int64
	cells  []string
	states bool
}

// NewCSVWriter writes the line of column names. Entries that do not hold are
// refused: see [NewCSVDeltaWriter].
func NewCSVWriter(w io.Writer) (*CSVWriter, error) { return newCSVWriter(w, false) }

// NewCSVDeltaWriter writes the line of column names of a list of changes: the
// last column is the state of each entry. A program that does not read that
// column takes withdrawn entries for entries that hold; FORMATS.md says so.
func NewCSVDeltaWriter(w io.Writer) (*CSVWriter, error) { return newCSVWriter(w, true) }

func newCSVWriter(w io.Writer, states bool) (*CSVWriter, error) {
	c := &CSVWriter{output: csv.NewWriter(bufio.NewWriterSize(w, window)), cells: make([]string, 0, len(deltaColumns)), states: states}
	columns := ownColumns
	if states {
		columns = deltaColumns
	}
	if err := c.output.Write(columns); err != nil {
		return nil, fmt.Errorf("writing a CSV list: %w", err)
	}
	return c, nil
}

// Write adds the entry.
func (c *CSVWriter) Write(e Entry) error {
	c.number++
	if err := usable(c.number, &e, c.states); err != nil {
		return err
	}
	number := func(n int64) string {
		if n < 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	c.cells = append(c.cells[:0],
		e.Hex(MD5), e.Hex(SHA1), e.Hex(SHA256), e.Hex(PDQ), number(int64(e.PDQQuality)), number(e.Size),
		shield(e.MIME), shield(e.Category), shield(e.Verification),
		e.VictimIdentified.String(), e.OffenderIdentified.String(), e.IsDistributed.String(),
		e.IsPrecategorized.String(), e.IsSuspected.String(), e.SelfGenerated.String(), e.Baseline.String(),
		shield(e.Series), shield(e.Source), shield(e.SourceID), shield(e.Case), shield(e.DateUpdated),
		shield(e.Path), shield(e.Tags), shield(e.Note), video.Inline(e.Frames), inlineInsets(e.Insets),
	)
	if c.states {
		c.cells = append(c.cells, string(stated(e.State)))
	}
	if err := c.output.Write(c.cells); err != nil {
		return fmt.Errorf("writing a CSV list: %w", err)
	}
	return nil
}

// inlineInsets writes insets into one cell, with semicolons between.
func inlineInsets(insets []pdq.Inset) string {
	all := make([]string, 0, maxInsets)
	for _, inset := range insets {
		all = append(all, inset.String())
	}
	return strings.Join(all, ";")
}

// Close writes what is held back.
func (c *CSVWriter) Close() error {
	c.output.Flush()
	if err := c.output.Error(); err != nil {
		return fmt.Errorf("writing a CSV list: %w", err)
	}
	return nil
}

// stated is the state as a list of changes prints it.
func stated(s State) State {
	if s == "" {
		return StateActive
	}
	return s
}
