package translog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"
)

// BundleWriter writes a bundle, line by line, and refuses what would not pass
// an audit: it checks order, roots and proofs while writing, though not the
// signatures. After an error the bundle is incomplete and every further call
// returns that error.
type BundleWriter struct {
	to     io.Writer
	digest hash.Hash
	line   int64
	kind   BundleKind
	origin string
	tree   Range
	head   *Checkpoint
	// next is the smallest index that the next record of an extract may have.
	next        int64
	records     int64
	checkpoints int64
	failed      error
}

// NewBundleWriter writes the header to w and returns the writer of the rest.
// It returns a [*BundleError] for a header that cannot be right.
func NewBundleWriter(w io.Writer, header Header) (*BundleWriter, error) {
	b := &BundleWriter{to: w, digest: sha256.New(), kind: header.Kind, origin: header.Origin}
	if reason, cause := checkHeader(header); reason != "" {
		return nil, &BundleError{Line: 1, Reason: reason, cause: cause}
	}
	line := &headerLine{Format: BundleFormat, Kind: header.Kind, Origin: header.Origin, Keys: header.Keys, Witnesses: header.Witnesses}
	if line.Witnesses == nil {
		line.Witnesses = []string{}
	}
	if err := b.write(bundleLine{Header: line}); err != nil {
		return nil, err
	}
	return b, nil
}

// Record writes a record. In a whole bundle the indexes count from 0 and proof
// is nil; in an extract they rise and proof is that of [ProveInclusion] at the
// size of the checkpoint. It returns a [*BundleError] for a record that is out
// of place or larger than [MaxBundleRecord], and a [*ProofError] for a proof
// that does not lead to the checkpoint.
func (b *BundleWriter) Record(index int64, data []byte, proof []Hash) error {
	if b.failed != nil {
		return b.failed
	}
	if len(data) > MaxBundleRecord {
		return b.refuse("record %d has %d bytes; a bundle carries at most %d", index, len(data), MaxBundleRecord)
	}
	line := &recordLine{Index: index, Data: data}
	if line.Data == nil {
		line.Data = []byte{}
	}
	leaf := RecordHash(data)
	if b.kind == Whole {
		if index != b.tree.size || proof != nil {
			return b.refuse("record %d cannot be written: a whole bundle needs record %d here, without a proof", index, b.tree.size)
		}
		b.tree.Append(leaf)
	} else {
		if b.head == nil {
			return b.refuse("an extract begins with its checkpoint")
		}
		if index < b.next {
			return b.refuse("record %d cannot be written: the records of an extract are in order of index", index)
		}
		if err := CheckInclusion(proof, b.head.Size, b.head.Root, index, leaf); err != nil {
			b.failed = fmt.Errorf("writing record %d to the bundle: %w", index, err)
			return b.failed
		}
		line.Proof = proof
		if line.Proof == nil {
			line.Proof = []Hash{}
		}
		b.next = index + 1
	}
	b.records++
	return b.write(bundleLine{Record: line})
}

// Checkpoint writes a signed checkpoint: in a whole bundle after the records
// that it covers, in an extract once, before the records. It returns a
// [*BundleError] for one that is out of place and a [*Fault] for one that does
// not fit the records written.
func (b *BundleWriter) Checkpoint(signed []byte) error {
	if b.failed != nil {
		return b.failed
	}
	split := bytes.LastIndex(signed, []byte("\n\n"))
	if split < 0 || len(signed) > MaxNote || !utf8.Valid(signed) {
		return b.refuse("what should be a checkpoint is not a signed note of at most %d bytes", MaxNote)
	}
	checkpoint, err := ParseCheckpoint(signed[:split+1])
	if err != nil {
		b.failed = &BundleError{Line: b.line + 1, Reason: err.Error(), cause: err}
		return b.failed
	}
	switch {
	case checkpoint.Origin != b.origin:
		return b.refuse("the checkpoint is of the log %q, the bundle of %q", clip(checkpoint.Origin), b.origin)
	case b.kind == Extract && b.head != nil:
		return b.refuse("an extract has one checkpoint")
	case b.kind == Whole && checkpoint.Size != b.tree.size:
		return b.refuse("the checkpoint of %d records cannot follow %d records", checkpoint.Size, b.tree.size)
	case b.kind == Whole && checkpoint.Root != b.tree.Root():
		from := int64(0)
		if b.head != nil {
			from = b.head.Size
		}
		b.failed = newFault(CheckpointMismatch, from, checkpoint.Size, "the root over the %d records written is not the one that the checkpoint states", checkpoint.Size)
		return b.failed
	}
	b.head = &checkpoint
	b.checkpoints++
	note := string(signed)
	return b.write(bundleLine{Checkpoint: &note})
}

// Close writes the last line. It does not close the underlying writer. It
// returns a [*BundleError] when no checkpoint covers all records: such a
// bundle would prove nothing.
func (b *BundleWriter) Close() error {
	if b.failed != nil {
		return b.failed
	}
	if b.head == nil || (b.kind == Whole && b.head.Size != b.tree.size) {
		return b.refuse("a bundle cannot end before a checkpoint covers its records")
	}
	err := b.write(bundleLine{End: &endLine{Records: b.records, Checkpoints: b.checkpoints, SHA256: hex.EncodeToString(b.digest.Sum(nil))}})
	if err != nil {
		return err
	}
	b.failed = errors.New("the bundle is closed")
	return nil
}

func (b *BundleWriter) refuse(format string, args ...any) error {
	b.failed = &BundleError{Line: b.line + 1, Reason: fmt.Sprintf(format, args...)}
	return b.failed
}

func (b *BundleWriter) write(line bundleLine) error {
	text, err := line.marshal()
	if err != nil {
		b.failed = fmt.Errorf("writing line %d of the bundle: %w", b.line+1, err)
		return b.failed
	}
	if len(text) > MaxBundleLine {
		return b.refuse("the line has %d bytes; at most %d are allowed", len(text), MaxBundleLine)
	}
	b.digest.Write(text)
	if _, err := b.to.Write(text); err != nil {
		b.failed = fmt.Errorf("writing line %d of the bundle: %w", b.line+1, err)
		return b.failed
	}
	b.line++
	return nil
}
