package translog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxNote is the largest signed checkpoint accepted, in bytes. A checkpoint
	// with a hundred signatures, the most that a note may carry, is far smaller.
	MaxNote = 64 << 10
	// MaxOrigin is the longest origin accepted, in bytes (tlog-cosignature
	// bounds it so for post-quantum cosignatures).
	MaxOrigin = 255
)

// Checkpoint is a log's statement of its size and root (C2SP tlog-checkpoint).
type Checkpoint struct {
	// Origin names the log, for example "centre.example/log": a URL without
	// scheme under a name that the keeper controls.
	Origin string
	// Size is the number of records.
	Size int64
	// Root is the root of the tree over them.
	Root Hash
	// Extension are further lines that the signature covers; mostly none.
	Extension []string
}

// Equal reports whether both state the same in every line.
func (c Checkpoint) Equal(other Checkpoint) bool {
	return c.Origin == other.Origin && c.Size == other.Size && c.Root == other.Root && slices.Equal(c.Extension, other.Extension)
}

// Marshal returns the text that is signed: origin, decimal size, base64 root
// and the extension lines, each ended by a line feed. It returns a
// [*CheckpointError] of kind [Malformed] for what cannot be written so, such
// as an origin with a line feed.
func (c Checkpoint) Marshal() ([]byte, error) {
	if err := checkLine("origin", c.Origin); err != nil {
		return nil, err
	}
	if len(c.Origin) > MaxOrigin {
		return nil, malformed("the origin has %d bytes; at most %d are allowed", len(c.Origin), MaxOrigin)
	}
	if c.Size < 0 || c.Size > MaxSize {
		return nil, malformed("the size is %d; a log has between 0 and 2^60 records", c.Size)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	for _, line := range c.Extension {
		if err := checkLine("extension line", line); err != nil {
			return nil, err
		}
		text.WriteString(line)
		text.WriteByte('\n')
	}
	if text.Len() > MaxNote {
		return nil, malformed("the checkpoint has %d bytes; at most %d are allowed", text.Len(), MaxNote)
	}
	return []byte(text.String()), nil
}

// ParseCheckpoint reads the text of a checkpoint, without its signatures.
// It accepts exactly what [Checkpoint.Marshal] writes, so no two texts mean
// the same checkpoint; anything else is a [*CheckpointError] of kind
// [Malformed]. What it returns is not verified: see [Open].
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	if len(text) > MaxNote {
		return Checkpoint{}, malformed("the checkpoint has %d bytes; at most %d are allowed", len(text), MaxNote)
	}
	body, ended := strings.CutSuffix(string(text), "\n")
	lines := strings.Split(body, "\n")
	if !ended || len(lines) < 3 {
		return Checkpoint{}, malformed("a checkpoint has at least three lines, each ended by a line feed: origin, size and root")
	}
	for i, line := range lines {
		if err := checkLine(lineName(i), line); err != nil {
			return Checkpoint{}, err
		}
	}
	if len(lines[0]) > MaxOrigin {
		return Checkpoint{}, malformed("the origin has %d bytes; at most %d are allowed", len(lines[0]), MaxOrigin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > MaxSize || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, malformed("the size %q is not a decimal number between 0 and 2^60 without leading zeros", clip(lines[1]))
	}
	root, err := ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, malformed("the root: %v", err)
	}
	checkpoint := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if len(lines) > 3 {
		checkpoint.Extension = lines[3:]
	}
	return checkpoint, nil
}

func lineName(i int) string {
	if names := []string{"origin", "size", "root"}; i < len(names) {
		return names[i]
	}
	return "extension line"
}

// checkLine refuses what a signed note cannot carry in a line.
func checkLine(name, line string) error {
	switch {
	case line == "":
		return malformed("the %s is empty", name)
	case !utf8.ValidString(line):
		return malformed("the %s is not valid UTF-8", name)
	case strings.IndexFunc(line, func(r rune) bool { return r < 0x20 }) >= 0:
		return malformed("the %s holds a control character", name)
	}
	return nil
}

// CheckpointProblem is why a checkpoint is not accepted. The list is closed.
type CheckpointProblem string

const (
	// Malformed: it is not a checkpoint, or not in its one canonical spelling.
	Malformed CheckpointProblem = "malformed"
	// UnknownKey: none of its signatures is by a key of the log that is trusted.
	UnknownKey CheckpointProblem = "unknown key"
	// BadSignature: a signature under a trusted key's name is wrong.
	BadSignature CheckpointProblem = "bad signature"
	// WrongOrigin: it is a checkpoint of another log.
	WrongOrigin CheckpointProblem = "wrong origin"
	// TooFewWitnesses: fewer trusted witnesses than required have cosigned it.
	TooFewWitnesses CheckpointProblem = "too few witnesses"
)

// CheckpointError says why a checkpoint is not accepted.
type CheckpointError struct {
	Kind   CheckpointProblem
	Detail string
	cause  error
}

// Error returns the kind and the detail.
func (e *CheckpointError) Error() string {
	return fmt.Sprintf("checkpoint not accepted: %s: %s", e.Kind, e.Detail)
}

// Unwrap returns the underlying error, if there is one.
func (e *CheckpointError) Unwrap() error { return e.cause }

func malformed(format string, args ...any) *CheckpointError {
	return &CheckpointError{Kind: Malformed, Detail: fmt.Sprintf(format, args...)}
}
