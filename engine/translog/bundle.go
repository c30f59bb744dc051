package translog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

const (
	// BundleFormat is the name and version in a bundle's header.
	BundleFormat = "brdo-translog/1"
	// MaxBundleLine is the longest line of a bundle in bytes, with its line feed.
	MaxBundleLine = 1 << 20
	// MaxBundleRecord is the largest record that a bundle can carry, in bytes.
	MaxBundleRecord = 512 << 10
	// maxBundleKeys bounds the keys that a header may list.
	maxBundleKeys = 100
)

// BundleKind is what a bundle carries.
type BundleKind string

const (
	// Whole: all records from the first one on, with the checkpoints between
	// them; nothing after the last checkpoint.
	Whole BundleKind = "whole"
	// Extract: one checkpoint, then chosen records in order of index, each with
	// the proof that it is in the log. It cannot show that nothing was left out.
	Extract BundleKind = "extract"
)

// Header is the first line of a bundle.
//
// Its keys tell a reader which keys the sender believes to be right. They
// prove nothing: who forges a bundle lists keys of their own. Compare them
// with keys learned elsewhere before relying on them.
type Header struct {
	// Kind is Whole or Extract.
	Kind BundleKind
	// Origin is the log's.
	Origin string
	// Keys are the log's public keys, Witnesses those of its witnesses.
	Keys      []string
	Witnesses []string
}

// Entry is one line of a bundle between header and end: either a record or a
// checkpoint.
type Entry struct {
	// Checkpoint is a signed note, not yet verified; nil for a record.
	Checkpoint []byte
	// Record is set when Checkpoint is nil.
	Record Record
	// Proof is the record's inclusion proof; only in an extract.
	Proof []Hash
}

// BundleError says what is wrong with the form of a bundle. Nothing is known
// then of the log that it should carry; compare [Fault].
type BundleError struct {
	// Line is counted from 1. For writing it is the line that was to be written.
	Line int64
	// Reason is one plain sentence without a full stop.
	Reason string
	cause  error
}

// Error names line and reason.
func (e *BundleError) Error() string { return fmt.Sprintf("bundle line %d: %s", e.Line, e.Reason) }

// Unwrap returns the underlying error, if there is one.
func (e *BundleError) Unwrap() error { return e.cause }

// bundleLine is one line; exactly one of its members is set.
type bundleLine struct {
	Header     *headerLine `json:"header,omitempty"`
	Record     *recordLine `json:"record,omitempty"`
	Checkpoint *string     `json:"checkpoint,omitempty"`
	End        *endLine    `json:"end,omitempty"`
}

type headerLine struct {
	Format    string     `json:"format"`
	Kind      BundleKind `json:"kind"`
	Origin    string     `json:"origin"`
	Keys      []string   `json:"keys"`
	Witnesses []string   `json:"witnesses"`
}

type recordLine struct {
	Index int64  `json:"index"`
	Data  []byte `json:"data"`
	Proof []Hash `json:"proof,omitzero"`
}

type endLine struct {
	Records     int64  `json:"records"`
	Checkpoints int64  `json:"checkpoints"`
	SHA256      string `json:"sha256"`
}

// marshal returns the one canonical spelling of the line, with its line feed.
func (l bundleLine) marshal() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// checkHeader returns why a header cannot be one, or "".
func checkHeader(h Header) (string, error) {
	if h.Kind != Whole && h.Kind != Extract {
		return fmt.Sprintf("the kind %q is neither whole nor extract", clip(string(h.Kind))), nil
	}
	if _, err := (Checkpoint{Origin: h.Origin}).Marshal(); err != nil {
		return err.Error(), err
	}
	if len(h.Keys) == 0 || len(h.Keys)+len(h.Witnesses) > maxBundleKeys {
		return fmt.Sprintf("the header lists %d log keys and %d witness keys: at least one log key is needed, and at most %d keys are allowed",
			len(h.Keys), len(h.Witnesses), maxBundleKeys), nil
	}
	for _, key := range h.Keys {
		if _, err := note.NewVerifier(key); err != nil {
			return fmt.Sprintf("the log key %q cannot be read: %v", clip(key), err), err
		}
	}
	for _, key := range h.Witnesses {
		if _, err := WitnessVerifier(key); err != nil {
			return err.Error(), err
		}
	}
	return "", nil
}
