package problem

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

var contentAddress = regexp.MustCompile(`^[0-9a-f]{64}$`)

// IsContentAddress reports whether text is a SHA-256 in small hex digits.
func IsContentAddress(text string) bool { return contentAddress.MatchString(text) }

// Findings collects every Invalid problem of one document, each under the path
// of its field.
type Findings []*Error

// Add notes one problem.
func (f *Findings) Add(field, reason, remedy string) {
	*f = append(*f, InvalidField(field, reason, remedy))
}

// MaxReason is the longest reason that a person gives or another node tells, in
// bytes, unless a profile says otherwise.
const MaxReason = 1000

// TooLong refuses a text of more than limit bytes: Invalid, with the field.
func TooLong(field, text string, limit int) error {
	if len(text) <= limit {
		return nil
	}
	return InvalidField(field, fmt.Sprintf("it is longer than %d bytes", limit), "say it shorter")
}

// Reason refuses a reason that is missing or longer than [MaxReason]: Invalid, with the field
// "reason" and what to say in it.
func Reason(reason, remedy string) error {
	if strings.TrimSpace(reason) == "" {
		return InvalidField("reason", "it is missing", remedy)
	}
	return TooLong("reason", reason, MaxReason)
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

// ContentAddress notes what is no SHA-256 in small hex digits.
func (f *Findings) ContentAddress(field, value, remedy string) {
	if !IsContentAddress(value) {
		f.Add(field, "is not a SHA-256", strings.TrimSuffix("write 64 small hex digits; "+remedy, "; "))
	}
}

// Address notes what is no exact web address of at most limit bytes. It returns
// the address read, or nil when there is none.
func (f *Findings) Address(field, value string, limit int, article string) *url.URL {
	f.Text(field, value, limit)
	address, err := url.Parse(value)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") || strings.ContainsAny(value, " \t\r\n") {
		f.Add(field, "is not an exact address", article+": write the whole address, beginning with https:// or http://")
		return nil
	}
	if address.User != nil {
		f.Add(field, "holds a user name", "remove what stands before the @")
	}
	return address
}

// First returns the first problem as an error, or nil when there is none.
func (f Findings) First() error {
	if len(f) == 0 {
		return nil
	}
	return f[0]
}
