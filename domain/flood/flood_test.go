package flood_test

import (
	"math"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/flood"
	"github.com/brdoproject/brdo/domain/problem"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestOnlyWhatIsBeyondBothFloods: many files of very many do not, nor all of few.
func TestOnlyWhatIsBeyondBothFloods(t *testing.T) {
	l := flood.Limits{Window: time.Hour, Items: 100, Share: 0.01, Exact: 3, Look: time.Hour}
	for _, c := range []struct {
		items, compared int64
		want            bool
	}{{100, 100, false}, {101, 101, true}, {101, 10_100, false}, {101, 10_099, true}, {200, 1_000_000, false}, {10_001, 1_000_000, true}, {0, 0, false}} {
		if got := l.Exceeded(c.items, c.compared); got != c.want {
			t.Errorf("%d of %d: %v", c.items, c.compared, got)
		}
	}
	for exact, want := range map[int64]bool{0: true, 1: false, 3: false, 4: true} {
		if l.Holds(exact) != want {
			t.Errorf("the exact file number %d waits: %v", exact, !want)
		}
	}
	if got := l.Since(noon, time.Time{}); !got.Equal(noon.Add(-time.Hour)) {
		t.Errorf("counted since %s", got)
	}
	if looked := noon.Add(-time.Minute); !l.Since(noon, looked).Equal(looked) {
		t.Error("what people looked at counts again")
	}
}

func TestLimitsAreChecked(t *testing.T) {
	if err := flood.Default.Validate("flood"); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*flood.Limits){
		"window": func(l *flood.Limits) { l.Window = time.Second }, "items": func(l *flood.Limits) { l.Items = 0 },
		"share": func(l *flood.Limits) { l.Share = math.NaN() }, "exact": func(l *flood.Limits) { l.Exact = 0 }, "look": func(l *flood.Limits) { l.Look = 0 },
	} {
		l := flood.Default
		change(&l)
		if got := problem.From(l.Validate("flood")); got.Kind != problem.Invalid || got.Field != "flood."+name {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
