package keyring

import (
	"fmt"
	"io"
	"log/slog"
)

// redactedText is all that ever appears of a secret in text.
const redactedText = "[redacted]"

// redacted, embedded in a type, keeps every field of it out of fmt, log/slog
// and encoding/json, whichever verb or handler is used.
type redacted struct{}

// Format prints a placeholder for every verb, %#v included.
func (redacted) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redactedText) }

// String returns a placeholder.
func (redacted) String() string { return redactedText }

// GoString returns a placeholder.
func (redacted) GoString() string { return redactedText }

// LogValue returns a placeholder.
func (redacted) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText returns a placeholder.
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// MarshalJSON returns a placeholder.
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }

// concealed hands out a value that fmt cannot reach: it prints the unexported
// fields of a foreign struct without asking their methods, and under some verbs
// follows their pointers, but it cannot look into a function.
type concealed[T any] func() T

func conceal[T any](value T) concealed[T] { return func() T { return value } }

// Secret is a byte string that does not print.
type Secret struct {
	redacted
	value concealed[[]byte]
}

// NewSecret makes a Secret that keeps value, which the caller gives away.
func NewSecret(value []byte) Secret { return Secret{value: conceal(value)} }

// Reveal returns the bytes; the zero Secret has none. They must not be changed.
func (s Secret) Reveal() []byte {
	if s.value == nil {
		return nil
	}
	return s.value()
}
