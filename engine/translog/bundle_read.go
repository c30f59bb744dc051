package translog

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// BundleReader reads a bundle line by line, with one line in memory. It checks
// the form only: that every line is in its one canonical spelling, that header
// and end are in place and that the digest and the counts at the end are
// right. [AuditBundle] checks what the lines say.
type BundleReader struct {
	lines       *bufio.Scanner
	digest      hash.Hash
	line        int64
	header      Header
	records     int64
	checkpoints int64
	failed      error
}

// NewBundleReader reads the header from r. It returns a [*BundleError] when r
// does not begin like a bundle, and wraps the errors of r.
func NewBundleReader(r io.Reader) (*BundleReader, error) {
	b := &BundleReader{lines: bufio.NewScanner(r), digest: sha256.New()}
	b.lines.Buffer(make([]byte, 0, 4<<10), MaxBundleLine)
	b.lines.Split(wholeLines)
	line, _, err := b.next()
	if err != nil {
		return nil, err
	}
	if line.Header == nil || line.Header.Format != BundleFormat {
		return nil, b.refuse("this is not a bundle of the format %s", BundleFormat)
	}
	b.header = Header{Kind: line.Header.Kind, Origin: line.Header.Origin, Keys: line.Header.Keys, Witnesses: line.Header.Witnesses}
	if reason, cause := checkHeader(b.header); reason != "" {
		b.failed = &BundleError{Line: b.line, Reason: reason, cause: cause}
		return nil, b.failed
	}
	return b, nil
}

// Header returns the first line.
func (b *BundleReader) Header() Header { return b.header }

// Line returns the number of the line read last, counted from 1.
func (b *BundleReader) Line() int64 { return b.line }

// Next returns the next entry. It returns io.EOF after the last one, once the
// end line is found to be right and nothing follows it; a bundle that was cut
// off never yields io.EOF. It returns a [*BundleError] for a wrong form and
// wraps the errors of the reader. After an error it returns the same again.
func (b *BundleReader) Next() (Entry, error) {
	if b.failed != nil {
		return Entry{}, b.failed
	}
	line, before, err := b.next()
	if err != nil {
		return Entry{}, err
	}
	switch {
	case line.Record != nil:
		b.records++
		if (line.Record.Proof != nil) != (b.header.Kind == Extract) {
			return Entry{}, b.refuse("a record has a proof exactly when the bundle is an extract")
		}
		return Entry{Record: Record{Index: line.Record.Index, Data: line.Record.Data}, Proof: line.Record.Proof}, nil
	case line.Checkpoint != nil:
		b.checkpoints++
		return Entry{Checkpoint: []byte(*line.Checkpoint)}, nil
	case line.End != nil:
		return Entry{}, b.end(*line.End, before)
	default:
		return Entry{}, b.refuse("a second header")
	}
}

func (b *BundleReader) end(end endLine, digest []byte) error {
	if end.SHA256 != hex.EncodeToString(digest) {
		return b.refuse("the lines before do not have the SHA-256 stated here: the file was changed")
	}
	if end.Records != b.records || end.Checkpoints != b.checkpoints {
		return b.refuse("%d records and %d checkpoints are stated, %d and %d were read", end.Records, end.Checkpoints, b.records, b.checkpoints)
	}
	if b.lines.Scan() {
		b.line++
		return b.refuse("something follows the end")
	}
	if err := b.lines.Err(); err != nil {
		return b.readError(err)
	}
	b.failed = io.EOF
	return io.EOF
}

// next reads a line and returns it with the digest of all lines before.
func (b *BundleReader) next() (bundleLine, []byte, error) {
	if !b.lines.Scan() {
		err := b.lines.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return bundleLine{}, nil, b.readError(err)
	}
	b.line++
	text := b.lines.Bytes()
	var line bundleLine
	if err := json.Unmarshal(text, &line); err != nil {
		b.failed = &BundleError{Line: b.line, Reason: "not a line of a bundle: " + clip(err.Error()), cause: err}
		return bundleLine{}, nil, b.failed
	}
	// The JSON reader forgives much: other spellings of names and numbers,
	// unknown and repeated members, broken UTF-8. Written again, such a line
	// comes out differently.
	if again, err := line.marshal(); err != nil || !bytes.Equal(again, text) {
		return bundleLine{}, nil, b.refuse("the line is not in its canonical spelling")
	}
	members := 0
	for _, set := range []bool{line.Header != nil, line.Record != nil, line.Checkpoint != nil, line.End != nil} {
		if set {
			members++
		}
	}
	if members != 1 {
		return bundleLine{}, nil, b.refuse("a line is one of header, record, checkpoint and end; this one has %d of them", members)
	}
	var before []byte
	if line.End != nil {
		before = b.digest.Sum(nil)
	}
	b.digest.Write(text)
	return line, before, nil
}

func (b *BundleReader) readError(err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		b.failed = &BundleError{Line: b.line + 1, Reason: fmt.Sprintf("the line is longer than %d bytes", MaxBundleLine), cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		b.failed = &BundleError{Line: b.line + 1, Reason: "the bundle ends before its end line: it was cut off", cause: err}
	default:
		b.failed = fmt.Errorf("reading line %d of the bundle: %w", b.line+1, err)
	}
	return b.failed
}

func (b *BundleReader) refuse(format string, args ...any) error {
	b.failed = &BundleError{Line: b.line, Reason: fmt.Sprintf(format, args...)}
	return b.failed
}

// wholeLines splits after each line feed, and keeps it. A last line without
// one was cut off.
func wholeLines(data []byte, atEnd bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEnd && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}
