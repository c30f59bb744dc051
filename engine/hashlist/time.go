package hashlist

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a time in the forms seen in lists: ISO 8601 with or without
// fractions and offset, a date alone, and "/Date(ms)/" of early OData with
// milliseconds since 1970. A time without an offset is read as UTC. The result
// is in UTC.
func ParseTime(printed string) (time.Time, error) {
	text := strings.TrimSpace(printed)
	if digits, found := strings.CutPrefix(text, "/Date("); found {
		digits, closed := strings.CutSuffix(digits, ")/")
		if i := strings.LastIndexAny(digits, "+-"); i > 0 { // an offset for display only
			digits = digits[:i]
		}
		milliseconds, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || !closed {
			return time.Time{}, fmt.Errorf("reading time %q: /Date(milliseconds)/ is expected", printed)
		}
		return time.UnixMilli(milliseconds).UTC(), nil
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", time.DateOnly,
	} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("reading time %q: ISO 8601 such as 2025-06-01T10:00:00Z is expected", printed)
}
