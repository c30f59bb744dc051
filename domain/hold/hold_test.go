package hold

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	shipped "github.com/brdoproject/brdo/law"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func rules(t *testing.T) *law.HoldRules {
	t.Helper()
	library, err := law.Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	found, err := library.LatestHoldRules("holds/csar")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func months(n int) Hold {
	return Hold{Requester: "police/17", LegalBasis: "Article 48(6)", Reason: "running inquiry", From: noon, Until: noon.AddDate(0, n, 0)}
}

// TestEighteenMonths: 19 months are refused, 18 are accepted (Articles 48(7) and
// 49(3)), for each kind of hold.
func TestEighteenMonths(t *testing.T) {
	for _, kind := range []Kind{NoInform, NoRemove, NoNotice} {
		if _, err := Start("hold/17", kind, "report/17", rules(t), months(19), noon); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "hold.until" {
			t.Errorf("%s for 19 months: %v", kind, err)
		}
		record, err := Start("hold/17", kind, "report/17", rules(t), months(18), noon)
		if err != nil || !record.InForce(record.Until().Add(-1)) || record.InForce(record.Until()) {
			t.Errorf("%s for 18 months: %v", kind, err)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	cases := []struct {
		name   string
		kind   Kind
		change func(*Hold)
		field  string
	}{
		{"a kind that is none", "no_look", func(*Hold) {}, "kind"},
		{"no requester", NoInform, func(h *Hold) { h.Requester = "" }, "hold"},
		{"no basis", NoInform, func(h *Hold) { h.LegalBasis = "" }, "hold"},
		{"no reason", NoInform, func(h *Hold) { h.Reason = "" }, "hold"},
		{"no start", NoInform, func(h *Hold) { h.From = time.Time{} }, "hold.from"},
		{"a start in the future", NoInform, func(h *Hold) { h.From = noon.Add(1) }, "hold.from"},
		{"no end", NoRemove, func(h *Hold) { h.Until = time.Time{} }, "hold.until"},
		{"an end that has passed", NoNotice, func(h *Hold) { h.From, h.Until = noon.AddDate(0, -1, 0), noon }, "hold.until"},
	}
	for _, c := range cases {
		h := months(1)
		c.change(&h)
		if _, err := Start("hold/17", c.kind, "report/17", rules(t), h, noon); !problem.Is(err, problem.Invalid) || problem.From(err).Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Start("hold/17", NoInform, "", rules(t), months(1), noon); !problem.Is(err, problem.Invalid) {
		t.Errorf("a hold over nothing: %v", err)
	}
}

func TestExtensionsCountFromTheFirst(t *testing.T) {
	record, err := Start("hold/17", NoRemove, "item/17", rules(t), months(6), noon)
	if err != nil {
		t.Fatal(err)
	}
	later := noon.AddDate(0, 5, 0)
	further := months(18)
	further.From = later
	longer, err := record.Extend(further, later)
	if err != nil || len(longer.Requests) != 2 || len(record.Requests) != 1 {
		t.Fatalf("%+v %v", longer, err)
	}
	for _, until := range []time.Time{record.Until(), record.Until().AddDate(0, 0, -1)} {
		no := further
		no.Until = until
		if _, err := record.Extend(no, later); !problem.Is(err, problem.Invalid) {
			t.Errorf("extended from %s to %s: %v", record.Until(), until, err)
		}
	}
	further.Until = noon.AddDate(0, 18, 2)
	if _, err := record.Extend(further, later); !problem.Is(err, problem.Invalid) {
		t.Errorf("more than 18 months from the first: %v", err)
	}
	if _, err := record.Extend(further, noon.AddDate(0, 6, 0)); !problem.Is(err, problem.Expired) {
		t.Errorf("extended after it ended: %v", err)
	}
	released, err := longer.Release("police/17", "inquiry closed", later)
	if err != nil || released.InForce(later) || longer.Released != nil || !released.Until().Equal(later) {
		t.Fatalf("%+v %v", released, err)
	}
	if _, err := released.Release("police/17", "again", later); !problem.Is(err, problem.Conflict) {
		t.Errorf("released twice: %v", err)
	}
	if _, err := longer.Release("", "", later); !problem.Is(err, problem.Invalid) {
		t.Errorf("released by nobody: %v", err)
	}
	if _, err := released.Extend(further, later); !problem.Is(err, problem.Expired) {
		t.Errorf("extended after release: %v", err)
	}
	if (Record{}).InForce(noon) {
		t.Error("an empty record bars nothing")
	}
}

func TestCheckBars(t *testing.T) {
	record, err := Start("hold/17", NoNotice, "item/17", rules(t), months(6), noon)
	if err != nil {
		t.Fatal(err)
	}
	check := Check{At: noon, Holds: []Record{record}}
	if err := check.Bars(NoNotice, noon); !problem.Is(err, problem.Denied) {
		t.Errorf("barred: %v", err)
	}
	if err := check.Bars(NoRemove, noon); err != nil {
		t.Errorf("another kind: %v", err)
	}
	if err := check.Bars(NoNotice, noon.Add(1)); !problem.Is(err, problem.Invalid) {
		t.Errorf("a look of before: %v", err)
	}
	if err := (Check{}).Bars(NoNotice, time.Time{}); !problem.Is(err, problem.Invalid) {
		t.Errorf("no look at all: %v", err)
	}
	after := record.Until()
	if err := (Check{At: after, Holds: []Record{record}}).Bars(NoNotice, after); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

// TestNoRowOfExtensionsReachesFurther: whatever is asked for, a hold ends within
// 18 months (and the rest of the day) of its start.
func TestNoRowOfExtensionsReachesFurther(t *testing.T) {
	loaded := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		h := func() Hold {
			return Hold{Requester: "a", LegalBasis: "b", Reason: "c", From: now, Until: now.AddDate(0, 0, rapid.IntRange(-1, 700).Draw(t, "days"))}
		}
		record, err := Start("hold/17", NoInform, "report/17", loaded, h(), now)
		if err != nil {
			return
		}
		for range rapid.IntRange(1, 20).Draw(t, "extensions") {
			now = now.AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, "wait"))
			next, err := record.Extend(h(), now)
			if err != nil && !reflect.DeepEqual(next, record) {
				t.Fatal("a refused extension changed the hold")
			}
			record = next
		}
		if record.Until().After(noon.AddDate(0, 18, 1)) {
			t.Fatalf("from %s until %s", noon, record.Until())
		}
	})
}
