package statistics

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	shipped "github.com/brdoproject/brdo/law"
)

func profile(t testing.TB) *law.Statistics {
	t.Helper()
	library, err := law.Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	p, err := library.LatestStatistics("csar/article-83")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func event(action, outcome string, year int, actor string, detail map[string]any) []byte {
	text, err := json.Marshal(map[string]any{"at": fmt.Sprintf("%d-06-01T00:00:00Z", year), "actor": actor, "action": action, "outcome": outcome, "detail": detail})
	if err != nil {
		panic(err)
	}
	return text
}

func line(t testing.TB, p Publication, key string) Line {
	t.Helper()
	for _, l := range p.Lines {
		if l.Key == key {
			return l
		}
	}
	t.Fatalf("there is no line %s", key)
	return Line{}
}

func TestWhatIsCounted(t *testing.T) {
	count := New(2026)
	add := func(text []byte) {
		t.Helper()
		if err := count.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	received := func(outcome string, year, from int, name string) {
		add(event("report.receive", outcome, year, fmt.Sprintf("peer/%d", from), map[string]any{"received": name, "items": []string{"a"}, "types": []string{"known"}, "service": "hosting"}))
	}
	for i := range 40 {
		received("done", 2026, i%4, "received/x")
	}
	received("failed", 2026, 9, "received/x")
	received("done", 2025, 9, "received/x")
	received("done", 2026, 9, "") // the same envelope again
	for range 6 {
		add(event("report.route", "done", 2026, "person/a", map[string]any{"offered_states": []string{"SI", "HR"}}))
		add(event("report.assess", "done", 2026, "person/a", map[string]any{"state": "unfounded"}))
		add(event("report.assess", "done", 2026, "person/a", map[string]any{"state": "assessed"}))
	}
	add(event("envelope.receive", "done", 2026, "peer/a", map[string]any{"event": "finished-by", "outcome": "not-confirmed", "answer_state": "SI"}))
	add(event("item.view", "done", 2026, "person/a", map[string]any{"state": 7})) // another event's words may mean anything
	for i := range 7 {
		entry := map[string]any{"entry": "entry/x", "state": "active"}
		add(event("list.entry.add", "done", 2026, "person/a", entry))
		add(event("list.entry.change", "done", 2026, "person/a", map[string]any{"state": "active"})) // of a whole list
		add(event("list.entry.suspend", "done", 2026, "node", entry))
		add(event("list.entry.change", "done", 2026, "person/a", map[string]any{"entry": "entry/x", "state": "withdrawn"}))
		for range 3 { // an authority says the same again
			add(event("envelope.receive", "done", 2026, "peer/a", map[string]any{"item": fmt.Sprint("item", i), "confirmed": true, "answer_state": "SI"}))
		}
		add(event("envelope.receive", "done", 2026, "peer/a", map[string]any{"item": fmt.Sprint("item", i), "confirmed": false, "answer_state": "SI"}))
	}
	for i := range 12 {
		notice := map[string]any{"event": "send-notice", "rung": "host", "addressee": "node/a"}
		if i >= 6 {
			notice["rung"], notice["addressee"] = "registrar", ""
		}
		add(event("voluntary.send", "done", 2026, "person/a", notice))
		add(event("voluntary.send", "denied", 2026, "person/a", notice))
	}
	p := count.Publish(profile(t), "centre.example")
	for key, want := range map[string]int{
		"reports-by-provider": 40, "reports-by-type": 40, "reports-by-service": 40, "forwarded-by-state": 12, "unfounded": 6, "repeated-reports": 40,
		"indicators-added": 7, "indicators-stopped": 14, "indicators-restored": 0, "submissions-by-state": 7, "notices-by-provider": 12, "notices-by-rung": 12,
	} {
		if l := line(t, p, key); l.Value == nil || *l.Value != want || l.Status != Measured || l.Article == "" {
			t.Errorf("%s: %+v, want %d", key, l.Figure, want)
		}
	}
	for _, key := range []string{"repeated-items", "not-confirmed-by-state"} {
		if l := line(t, p, key); l.Status != Suppressed || l.Value != nil {
			t.Errorf("%s: %+v, want it suppressed", key, l)
		}
	}
	if cells := line(t, p, "forwarded-by-state").Cells; len(cells) != 2 || cells[0].Of != "HR" || *cells[1].Value != 6 {
		t.Errorf("%+v", cells)
	}
	if cells := line(t, p, "notices-by-provider").Cells; len(cells) != 2 || cells[0].Of != "node/a" || cells[1].Of != "without a node" {
		t.Errorf("%+v", cells)
	}
	for _, l := range New(2026).Publish(profile(t), "centre.example").Lines {
		if (l.Because == "") != (l.Status == Measured && *l.Value == 0) || (l.Because != "") != (l.Status == NotMeasured && l.Value == nil) {
			t.Errorf("nothing was counted, and %s says %+v", l.Key, l)
		}
	}
	var table bytes.Buffer
	if err := p.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) < len(p.Lines)+8 {
		t.Errorf("%d rows: %v", len(rows), err)
	}
}

// TestNoSuppressedNumberCanBeComputed: of what is published, either nothing of a
// breakdown is hidden, or what is hidden is more than one number and comes to at
// least the smallest that may be told, or the total is hidden too.
func TestNoSuppressedNumberCanBeComputed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		smallest := rapid.IntRange(1, 12).Draw(t, "smallest")
		counted := rapid.MapOf(rapid.StringMatching("[A-Z]{2}"), rapid.IntRange(1, 30)).Draw(t, "counted")
		total := 0
		for _, n := range counted {
			total += n
		}
		figure, cells := suppress(total, counted, smallest)
		hidden, told := 0, 0
		for _, cell := range cells {
			switch {
			case cell.Status == Suppressed:
				hidden++
			case *cell.Value != counted[cell.Of] || *cell.Value < smallest:
				t.Fatalf("%+v is told", cell)
			default:
				told += *cell.Value
			}
		}
		if len(cells) != len(counted) {
			t.Fatalf("%d cells of %d", len(cells), len(counted))
		}
		if figure.Status == Measured && (*figure.Value != total || hidden == 1 || hidden > 0 && total-told < smallest || total > 0 && total < smallest) {
			t.Fatalf("%+v with %d hidden, which come to %d", figure, hidden, total-told)
		}
		if hidden == 0 && figure.Status != Measured && total >= smallest {
			t.Fatal("hidden without need")
		}
	})
}

func FuzzAdd(f *testing.F) {
	f.Add(event("report.receive", "done", 2026, "peer/a", map[string]any{"received": "received/x", "items": []string{"a"}}))
	f.Add([]byte(`{"at":"2026-01-01T00:00:00Z","action":"report.route","outcome":"done","detail":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		count := New(2026)
		_ = count.Add(text)
		count.Publish(&law.Statistics{Smallest: 5, Counters: []law.Counter{{Key: "a", Measure: "reports", By: "type"}}}, "x")
	})
}
