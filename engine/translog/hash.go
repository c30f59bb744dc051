package translog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value: a leaf, an inner node or a root of the tree.
// As text it is standard base64 with padding, 44 characters.
type Hash = tlog.Hash

// HashReader reads stored hashes by their index; see [StoredHash].
// It returns one hash for each index asked for, in that order, or an error.
type HashReader = tlog.HashReader

// HashReaderFunc makes a function a [HashReader].
type HashReaderFunc = tlog.HashReaderFunc

// MaxSize is the largest number of records that a log may have, 2^60.
// Sizes come from outside, in checkpoints; below this bound the arithmetic of
// stored hash indexes, which reach twice the size, cannot overflow an int64.
const MaxSize int64 = 1 << 60

// EmptyRoot is the root of the tree without records: the SHA-256 of nothing
// (RFC 6962, section 2.1).
var EmptyRoot = Hash{
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
}

// RecordHash returns the leaf of a record: SHA-256(0x00 || record)
// (RFC 6962, section 2.1).
func RecordHash(record []byte) Hash { return tlog.RecordHash(record) }

// ParseHash reads the base64 form of a hash. Only the one canonical spelling
// is accepted, so that a changed character never means the same hash.
func ParseHash(text string) (Hash, error) {
	hash, err := tlog.ParseHash(text)
	if err != nil || hash.String() != text {
		return Hash{}, fmt.Errorf("%q is not the base64 form of 32 bytes", clip(text))
	}
	return hash, nil
}

// clip shortens text from outside before it is shown in an error.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// ArgumentError says that a call was given sizes or indexes that no log can
// have, for example a record index beyond the size of the tree.
type ArgumentError struct {
	// Name is the argument, Value what it was.
	Name  string
	Value int64
	// Reason says what it has to be.
	Reason string
}

// Error names the argument, its value and what it has to be.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s is %d: %s", e.Name, e.Value, e.Reason)
}

func checkSize(name string, size int64) error {
	if size < 0 || size > MaxSize {
		return &ArgumentError{Name: name, Value: size, Reason: "a log has between 0 and 2^60 records"}
	}
	return nil
}
