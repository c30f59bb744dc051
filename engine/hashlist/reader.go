package hashlist

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Format is a format of list that can be read.
type Format string

// The formats. Auto looks at the beginning of the input.
const (
	Auto      Format = ""
	Plain     Format = "plain"
	CSV       Format = "csv"
	VICS      Format = "vics"
	JSONLines Format = "jsonl"
	// VPDQ is the text of vPDQ: the whole file is one video, a line a frame.
	VPDQ Format = "vpdq"
)

// MaximumFrames is the most frames that a row may have: five hours at one a second.
const MaximumFrames = 20_000

const (
	defaultMaxLine  = 1 << 20
	defaultMaxDepth = 32
	window          = 64 << 10
	maxIgnored      = 64
)

// Options says how a list is read. The zero value recognizes the format and
// applies the default caps.
type Options struct {
	Format Format
	// Kind64 is the kind of a digest of 64 hexadecimal digits whose kind the
	// list does not name: SHA256 (also for 0) or PDQ.
	Kind64 Kind
	// MaxLine caps a line, a CSV record and a JSON text in bytes; 0 is 1 MiB.
	MaxLine int
	// MaxDepth caps the nesting of JSON; 0 is 32.
	MaxDepth int
	// MaxEntries caps the rows, refused ones included; 0 is no cap.
	MaxEntries int64
	// MaxBytes caps the input; 0 is no cap.
	MaxBytes int64
}

// Header is what a list says about itself. In JSON the members may come in any
// order, so it is complete only after Next has returned [io.EOF].
type Header struct {
	Format Format
	// Version is the VICS version, for example "2.0"; "" when not stated.
	Version string
	// Profile is the VICS profile ("US", "UK", "Default"), "ICSE" for a CSV
	// with ICSE columns, "brdo" for our own CSV; "" when not stated.
	Profile string
	// Content is "Media" for a VICS hash set and "Cases" for VICS cases.
	Content string
	// Context is the VICS context address as printed.
	Context string
	// Application is the program that wrote the first VICS case.
	Application string
	// Columns are the CSV column names as printed.
	Columns []string
	// Delimiter is the CSV delimiter.
	Delimiter rune
	// Cases counts the VICS cases begun.
	Cases int64
	// DeclaredTotal is the sum of TotalMediaFiles over the cases, -1 when not
	// stated. Exporters are known to get it wrong: show it, do not rely on it.
	DeclaredTotal int64
}

// Stats counts what was read so far.
type Stats struct {
	// Rows = Accepted + Refused.
	Rows, Accepted, Refused int64
	// RefusedBy counts the refused rows by reason.
	RefusedBy map[Refusal]int64
	// RepairedTexts counts texts that were not valid UTF-8; their bad bytes are
	// replaced by U+FFFD.
	RepairedTexts int64
	// IgnoredFields names the columns or members that hold something which is
	// not read, in the order of appearance, at most 64.
	IgnoredFields []string
}

// Reader reads a list row by row. It is not safe for concurrent use.
type Reader struct {
	options Options
	header  Header
	rows    rowBuilder
	source  source
	stats   Stats
	err     error
}

// source yields the rows of one format in r.rows; io.EOF at the end.
type source interface {
	next(r *Reader) error
}

// Open recognizes the format, reads the header and returns a reader. It does
// not close r. Errors are *[SyntaxError], *[LimitError] or a wrapped error of r.
func Open(r io.Reader, options Options) (*Reader, error) {
	if options.MaxLine <= 0 {
		options.MaxLine = defaultMaxLine
	}
	if options.MaxDepth <= 0 {
		options.MaxDepth = defaultMaxDepth
	}
	switch options.Kind64 {
	case 0:
		options.Kind64 = SHA256
	case SHA256, PDQ:
	default:
		return nil, fmt.Errorf("opening hash list: a digest of 64 hexadecimal digits is SHA-256 or PDQ, not %v", options.Kind64)
	}
	if options.MaxBytes > 0 {
		r = &cappedReader{r: r, max: options.MaxBytes}
	}
	input := bufio.NewReaderSize(r, window)
	bom, err := skipByteOrderMark(input)
	if err != nil {
		return nil, wrapRead(err)
	}
	if options.Format == Auto {
		if options.Format, err = detect(input, bom); err != nil {
			return nil, wrapRead(err)
		}
	}
	reader := &Reader{
		options: options,
		header:  Header{Format: options.Format, DeclaredTotal: -1},
		stats:   Stats{RefusedBy: map[Refusal]int64{}},
	}
	reader.rows.kind64 = options.Kind64
	switch options.Format {
	case Plain:
		reader.source = &plainSource{lines: newLineReader(input, bom, options.MaxLine)}
	case CSV:
		reader.source, err = openCSV(reader, input, bom)
	case VPDQ:
		reader.source = &vpdqSource{lines: newLineReader(input, bom, options.MaxLine)}
	case VICS:
		reader.source = &vicsSource{lex: newLexer(input, bom, options.MaxLine, options.MaxDepth)}
	case JSONLines:
		reader.source = &jsonLinesSource{
			lines: newLineReader(input, bom, options.MaxLine),
			lex:   newLexer(nil, 0, options.MaxLine, options.MaxDepth),
		}
	default:
		err = fmt.Errorf("opening hash list: format %q is not one of plain, csv, vics, jsonl, vpdq", options.Format)
	}
	if err != nil {
		return nil, wrapRead(err)
	}
	return reader, nil
}

// Next returns the next row. A row that cannot be used has Refused set. After
// the last row the error is [io.EOF]; any other error is final, and then the
// list must not be imported.
func (r *Reader) Next() (Entry, error) {
	if r.err != nil {
		return Entry{}, r.err
	}
	if err := r.source.next(r); err != nil {
		r.err = wrapRead(err)
		return Entry{}, r.err
	}
	entry := &r.rows.entry
	if r.options.MaxEntries > 0 && r.stats.Rows >= r.options.MaxEntries {
		r.err = &LimitError{Limit: LimitEntries, Max: r.options.MaxEntries, Line: entry.Line, Offset: entry.Offset}
		return Entry{}, r.err
	}
	r.stats.Rows++
	entry.Number = r.stats.Rows
	r.rows.finish()
	if entry.Refused != "" {
		r.stats.Refused++
		r.stats.RefusedBy[entry.Refused]++
	} else {
		r.stats.Accepted++
	}
	return *entry, nil
}

// Header returns what the list has said about itself so far.
func (r *Reader) Header() Header {
	header := r.header
	header.Columns = slices.Clone(header.Columns)
	return header
}

// Stats returns the counts so far.
func (r *Reader) Stats() Stats {
	stats := r.stats
	stats.RepairedTexts = r.rows.repaired
	stats.IgnoredFields = slices.Clone(stats.IgnoredFields)
	stats.RefusedBy = make(map[Refusal]int64, len(r.stats.RefusedBy))
	for reason, count := range r.stats.RefusedBy {
		stats.RefusedBy[reason] = count
	}
	return stats
}

// ignore notes a field that holds something and is not read.
func (r *Reader) ignore(name []byte) {
	if len(r.stats.IgnoredFields) >= maxIgnored || len(name) > 128 {
		return
	}
	for _, known := range r.stats.IgnoredFields {
		if known == string(name) {
			return
		}
	}
	r.stats.IgnoredFields = append(r.stats.IgnoredFields, string(name))
}

// wrapRead leaves our own errors and io.EOF as they are and says of any other
// what was being done.
func wrapRead(err error) error {
	var syntax *SyntaxError
	var limit *LimitError
	if err == nil || err == io.EOF || errors.As(err, &syntax) || errors.As(err, &limit) {
		return err
	}
	return fmt.Errorf("reading hash list: %w", err)
}

// cappedReader fails once more than max bytes have come.
type cappedReader struct {
	r         io.Reader
	max, seen int64
}

func (c *cappedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.seen += int64(n)
	if over := c.seen - c.max; over > 0 {
		return max(n-int(over), 0), &LimitError{Limit: LimitBytes, Max: c.max, Offset: c.max}
	}
	return n, err
}
