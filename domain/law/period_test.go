package law

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

func day(text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return moment
}

func TestPeriodAddToKeepsTheCalendar(t *testing.T) {
	cases := []struct{ period, from, to string }{
		{"P3M", "2026-01-15T10:00:00Z", "2026-04-15T10:00:00Z"},
		{"P1M", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"},
		{"P1M", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z"},
		{"P3M", "2026-11-30T23:59:59Z", "2027-02-28T23:59:59Z"},
		{"P12M", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"},
		{"P18M", "2026-08-31T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"P1Y6M", "2026-08-31T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"P24H", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+01:00"},
		{"PT24H", "2026-12-31T12:00:00Z", "2027-01-01T12:00:00Z"},
		{"P2W1D", "2026-02-20T08:00:00Z", "2026-03-07T08:00:00Z"},
		{"PT1H30M", "2026-02-20T23:00:00Z", "2026-02-21T00:30:00Z"},
	}
	for _, c := range cases {
		period, err := ParsePeriod(c.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := period.AddTo(day(c.from)); !got.Equal(day(c.to)) {
			t.Errorf("%s after %s is %s, not %s", c.period, c.from, got.Format(time.RFC3339), c.to)
		}
	}
}

func TestPeriodExpiryIsTheEndOfTheLastDay(t *testing.T) {
	cases := []struct{ period, from, to string }{
		{"P3M", "2026-01-15T10:00:00+02:00", "2026-04-16T00:00:00+02:00"},
		{"P3M", "2026-11-30T00:00:00Z", "2027-03-01T00:00:00Z"},
		{"PT24H", "2026-01-15T10:00:00Z", "2026-01-16T10:00:00Z"},
	}
	for _, c := range cases {
		period, err := ParsePeriod(c.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := period.Expiry(day(c.from)); !got.Equal(day(c.to)) {
			t.Errorf("%s from %s expires at %s, not %s", c.period, c.from, got.Format(time.RFC3339), c.to)
		}
	}
}

func TestParsePeriodRefuses(t *testing.T) {
	for _, text := range []string{"", "P", "3M", "PM", "P3", "P3X", "PT", "P1MT", "P1D1M", "P1M1M", "P-1M", "P0D", "P1.5M", "PT1D", "P99999M", "PT1MT1M", "p3m", "P3M "} {
		if period, err := ParsePeriod(text); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q was read as %v, %v", text, period, err)
		}
	}
}

// TestPeriodNeverOvershootsTheMonth: n months later is always n months later,
// whatever the day, and on the same day where that day exists.
func TestPeriodNeverOvershootsTheMonth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).UTC()
		months := rapid.IntRange(1, 60).Draw(t, "months")
		to := Period{Months: months}.AddTo(from)
		if got := (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month()); got != months {
			t.Fatalf("%d months became %d", months, got)
		}
		if to.Day() != from.Day() && to.AddDate(0, 0, 1).Day() != 1 {
			t.Fatalf("%s became %s: neither the same day nor the last of the month", from, to)
		}
	})
}

func FuzzParsePeriod(f *testing.F) {
	for _, seed := range []string{"P3M", "P18M", "P24H", "PT24H", "P1Y6M2W3DT4H5M", "PT5M", "P"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		period, err := ParsePeriod(text)
		if err != nil {
			return
		}
		again, err := ParsePeriod(period.String())
		if err != nil || again != period {
			t.Fatalf("%q became %q: %v", text, period, err)
		}
	})
}
