package watch

import (
	"reflect"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func period(text string) law.Period {
	p, err := law.ParsePeriod(text)
	if err != nil {
		panic(err)
	}
	return p
}

func begun() Watch {
	terms := law.WatchTerms{Schedule: []law.Period{period("PT1H"), period("P1D"), period("P7D")}, Retry: period("PT6H"), Article: "own rule"}
	return Begin(terms, []string{"https://a.example/17", "https://b.example/18"}, noon)
}

func round(at time.Time, first, second Finding) Round {
	return Round{At: at, By: "node", Checks: []Check{{"https://a.example/17", first, "status", ""}, {"https://b.example/18", second, "status", ""}}}
}

func TestRoundsFollowTheSchedule(t *testing.T) {
	w := begun()
	for _, want := range []time.Time{noon.Add(time.Hour), noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 7)} {
		if !w.Due.Equal(want) {
			t.Fatalf("due %s, want %s", w.Due, want)
		}
		next, found, err := w.Apply(round(want, Gone, Gone), want)
		if err != nil || found != Gone {
			t.Fatalf("%s %v", found, err)
		}
		w = next
	}
	if !w.Due.IsZero() || w.Rounds != 3 {
		t.Errorf("after the last round: due %s, %d rounds", w.Due, w.Rounds)
	}
}

func TestWhatCannotBeToldIsNotGone(t *testing.T) {
	at := noon.Add(time.Hour)
	for _, c := range []struct {
		first, second, want Finding
		due                 time.Time
	}{
		{Gone, Gone, Gone, noon.AddDate(0, 0, 1)},
		{Gone, Unknown, Unknown, at.Add(6 * time.Hour)},
		{Unknown, Present, Present, time.Time{}},
		{Present, Gone, Present, time.Time{}},
	} {
		next, found, err := begun().Apply(round(at, c.first, c.second), at)
		if err != nil || found != c.want || !next.Due.Equal(c.due) || (c.want == Unknown) != (next.Unknown == 1) {
			t.Errorf("%s and %s: %s, due %s, %v", c.first, c.second, found, next.Due, err)
		}
	}
	unknown, _, _ := begun().Apply(round(at, Gone, Unknown), at)
	gone, _, err := unknown.Apply(round(at.Add(6*time.Hour), Gone, Gone), at.Add(6*time.Hour))
	if err != nil || gone.Unknown != 0 {
		t.Errorf("%+v %v", gone, err)
	}
	if again := begun().Again(noon.Add(2 * time.Hour)); !again.Due.Equal(noon.AddDate(0, 0, 1)) {
		t.Errorf("due %s", again.Due)
	}
}

func TestRoundsAreWhole(t *testing.T) {
	at := noon.Add(time.Hour)
	cases := map[string]func(*Round){
		"nobody looked":      func(r *Round) { r.By = "" },
		"no time":            func(r *Round) { r.At = time.Time{} },
		"in the future":      func(r *Round) { r.At = at.Add(1) },
		"before the removal": func(r *Round) { r.At = noon.Add(-1) },
		"a place left out":   func(r *Round) { r.Checks = r.Checks[:1] },
		"a place twice":      func(r *Round) { r.Checks[1] = r.Checks[0] },
		"another place":      func(r *Round) { r.Checks[1].Place = "https://c.example/19" },
		"no finding":         func(r *Round) { r.Checks[0].Finding = "" },
		"no reason":          func(r *Round) { r.Checks[0].Reason = "" },
	}
	for name, change := range cases {
		r := round(at, Gone, Gone)
		change(&r)
		before := begun()
		if next, _, err := before.Apply(r, at); !problem.Is(err, problem.Invalid) || !reflect.DeepEqual(next, before) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What a round says is kept; later changes of the caller's slice are not.
	r := round(at, Gone, Gone)
	next, _, err := begun().Apply(r, at)
	if err != nil {
		t.Fatal(err)
	}
	r.Checks[0].Finding = Present
	if next.Last.Finding() != Gone {
		t.Error("the kept round changed with the caller's")
	}
}
