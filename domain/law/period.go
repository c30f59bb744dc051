package law

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Period is a length of time as the law states it: months stay months.
//
// It is written like a duration of ISO 8601: "P3M", "P18M", "P1Y6M", "P14D",
// "PT24H", "PT15M". Hours may also stand without the T ("P24H"), since legal
// texts count them beside days; M before the T means months, after it minutes.
type Period struct {
	Years, Months, Weeks, Days, Hours, Minutes int
}

const maxPeriodPart = 10_000

// ParsePeriod reads a period. It must have at least one part, each part at
// most once, in the order Y M W D (T) H M, and must not be zero.
func ParsePeriod(text string) (Period, error) {
	fail := func(reason string) (Period, error) {
		return Period{}, problem.InvalidField("", fmt.Sprintf("%q is not a period: %s", text, reason), "write for example P3M, P18M, P14D or PT24H")
	}
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return fail("it must begin with P")
	}
	var p Period
	units := []struct {
		letter byte
		clock  bool
		part   *int
	}{
		{'Y', false, &p.Years}, {'M', false, &p.Months}, {'W', false, &p.Weeks}, {'D', false, &p.Days},
		{'H', true, &p.Hours}, {'M', true, &p.Minutes},
	}
	next, clock := 0, false
	for rest != "" {
		if rest[0] == 'T' {
			if clock || len(rest) == 1 {
				return fail("T must stand once, before hours or minutes")
			}
			clock, rest = true, rest[1:]
			continue
		}
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits == len(rest) {
			return fail("a number and its unit are expected")
		}
		number, err := strconv.Atoi(rest[:digits])
		if err != nil || number > maxPeriodPart {
			return fail("a number is too large")
		}
		letter := rest[digits]
		rest = rest[digits+1:]
		if letter == 'H' {
			clock = true
		}
		for next < len(units) && (units[next].letter != letter || units[next].clock != clock) {
			next++
		}
		if next == len(units) {
			return fail(fmt.Sprintf("unit %c is unknown or out of order", letter))
		}
		*units[next].part = number
		next++
	}
	if p == (Period{}) {
		return fail("it is empty")
	}
	return p, nil
}

// String writes the period in the ISO 8601 form, with the T before hours.
func (p Period) String() string {
	if p == (Period{}) {
		return ""
	}
	var text strings.Builder
	text.WriteByte('P')
	write := func(number int, unit string) {
		if number != 0 {
			text.WriteString(strconv.Itoa(number) + unit)
		}
	}
	write(p.Years, "Y")
	write(p.Months, "M")
	write(p.Weeks, "W")
	write(p.Days, "D")
	if p.Hours != 0 || p.Minutes != 0 {
		text.WriteByte('T')
		write(p.Hours, "H")
		write(p.Minutes, "M")
	}
	return text.String()
}

// IsZero reports whether no period is set.
func (p Period) IsZero() bool { return p == Period{} }

// MarshalText writes the period in the ISO 8601 form.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a period.
func (p *Period) UnmarshalText(text []byte) error {
	parsed, err := ParsePeriod(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// AddTo returns the moment one period after t, in the zone of t. Where the
// last month has no such day, the last day of that month is meant: one month
// after 31 January is 28 or 29 February (Regulation (EEC, Euratom) No 1182/71
// Article 3(2)(c)), not the 2 or 3 March of time.AddDate.
func (p Period) AddTo(t time.Time) time.Time {
	year, month, day := t.Date()
	first := time.Date(year+p.Years, month+time.Month(p.Months), 1, 0, 0, 0, 0, t.Location())
	if last := first.AddDate(0, 1, -1).Day(); day > last {
		day = last
	}
	hour, minute, second := t.Clock()
	moved := time.Date(first.Year(), first.Month(), day+7*p.Weeks+p.Days, hour, minute, second, t.Nanosecond(), t.Location())
	return moved.Add(time.Duration(p.Hours)*time.Hour + time.Duration(p.Minutes)*time.Minute)
}

// Expiry returns the first moment after a period that runs from t. A period in
// days, weeks, months or years ends with the last hour of its last day
// (Regulation (EEC, Euratom) No 1182/71 Article 3(2)(b) and (c)), so this is
// the following midnight in the zone of t; a period in hours ends as AddTo says.
func (p Period) Expiry(t time.Time) time.Time {
	end := p.AddTo(t)
	if p.Hours != 0 || p.Minutes != 0 {
		return end
	}
	year, month, day := end.Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, end.Location())
}
