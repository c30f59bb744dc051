package problem

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Findings collects every Invalid problem of one document, each under the path
// of its field.
type Findings []*Error

// Add notes one problem.
func (f *Findings) Add(field, reason, remedy string) {
	*f = append(*f, InvalidField(field, reason, remedy))
}

// Text notes a text that is longer than limit bytes or is not UTF-8.
func (f *Findings) Text(field, value string, limit int) {
	if len(value) > limit {
		f.Add(field, fmt.Sprintf("has %d bytes, more than the %d allowed", len(value), limit), "shorten it or attach a file")
	}
	if !utf8.ValidString(value) {
		f.Add(field, "is not UTF-8", "")
	}
}

// Moment notes a time that can only be a slip: outside the years 1970 to 2200.
// The zero time is none and passes.
func (f *Findings) Moment(field string, at time.Time) {
	if year := at.Year(); !at.IsZero() && (year < 1970 || year > 2200) {
		f.Add(field, fmt.Sprintf("is in the year %d", year), "check the date")
	}
}

// First returns the first problem as an error, or nil when there is none.
func (f Findings) First() error {
	if len(f) == 0 {
		return nil
	}
	return f[0]
}
