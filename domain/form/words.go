package form

import (
	"strings"
	"time"
)

// Lines splits texts into lines and leaves out what is empty.
func Lines(texts ...string) []string {
	var filled []string
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				filled = append(filled, line)
			}
		}
	}
	return filled
}

// Moment writes date and time with the offset of the zone, as the templates of
// the annexes ask; the zero time is empty.
func Moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format("2006-01-02 15:04:05 -07:00")
}

// Hashed writes a SHA-256 in hex with its name; none is empty.
func Hashed(sum string) string {
	if sum == "" {
		return ""
	}
	return "SHA-256 " + sum
}
