package hashlist

import (
	"fmt"
	"strings"
)

// SyntaxError says where and why a list cannot be read. After it the list is
// to be left out wholly: rows before it may already have been returned.
type SyntaxError struct {
	// Line and Column count from 1; Column counts bytes.
	Line, Column int64
	// Offset is the byte offset of the fault in the input.
	Offset int64
	// Field is the column or member at fault, "" when the line as a whole is.
	Field string
	// Reason is one plain sentence without a full stop.
	Reason string
	// Remedy is what the reader can do about it.
	Remedy string
}

// Error prints place, field, reason and remedy in one line.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hash list: line %d, column %d: ", e.Line, e.Column)
	if e.Field != "" {
		fmt.Fprintf(&b, "%s: ", e.Field)
	}
	b.WriteString(e.Reason)
	if e.Remedy != "" {
		fmt.Fprintf(&b, " (%s)", e.Remedy)
	}
	return b.String()
}

// Limit names a cap of [Options].
type Limit string

// The caps.
const (
	LimitLine    Limit = "length of a line or text"
	LimitDepth   Limit = "depth of nesting"
	LimitEntries Limit = "number of rows"
	LimitBytes   Limit = "number of bytes"
)

// LimitError says that the input exceeds a cap. Like after a [SyntaxError],
// nothing of the list is to be imported.
type LimitError struct {
	Limit Limit
	// Max is the value of the cap.
	Max int64
	// Line and Offset say where the cap was passed; Line is 0 when unknown.
	Line, Offset int64
}

// Error prints the place, the cap and what to do.
func (e *LimitError) Error() string {
	place := ""
	if e.Line > 0 {
		place = fmt.Sprintf("line %d: ", e.Line)
	}
	return fmt.Sprintf("hash list: %sthe %s exceeds the limit of %d (check the file; if it is right, raise the limit)", place, e.Limit, e.Max)
}

// EntryError says that an entry cannot be written in the chosen format.
// Nothing of the entry was written.
type EntryError struct {
	// Number is the position of the entry among those given to the writer,
	// from 1.
	Number int64
	Field  string
	Reason string
	Remedy string
}

// Error prints the entry, the field, the reason and the remedy.
func (e *EntryError) Error() string {
	return fmt.Sprintf("hash list: entry %d: %s: %s (%s)", e.Number, e.Field, e.Reason, e.Remedy)
}
