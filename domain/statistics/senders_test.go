package statistics

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestCardsOfSenders counts a card from events as the nodes write them.
func TestCardsOfSenders(t *testing.T) {
	count := NewSenders(2026)
	add := func(at, action, actor, resource string, detail map[string]any) {
		t.Helper()
		text, err := json.Marshal(map[string]any{"at": at, "actor": actor, "action": action, "resource": resource, "outcome": "done", "detail": detail})
		if err != nil {
			t.Fatal(err)
		}
		if err := count.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		from  string
		score int
		items []string
		lacks []string
	}{
		{"peer/a", 100, []string{"x"}, nil},
		{"peer/a", 90, []string{"x", "y"}, []string{"geo"}},
		{"peer/a", 40, []string{"x", "y"}, []string{"geo", "users"}}, // all of it was reported before
		{"peer/a", 69, nil, []string{"users", "geo"}},
		{"peer/b", 70, []string{"x"}, nil}, // by another sender
	} {
		add("2026-03-01T00:00:00Z", "report.receive", c.from, "envelope/1", map[string]any{"received": fmt.Sprintf("received/%d", i), "completeness": c.score, "items": c.items, "missing": c.lacks})
	}
	add("2025-03-01T00:00:00Z", "report.receive", "peer/a", "envelope/2", map[string]any{"received": "received/old", "completeness": 1})
	add("2027-03-01T00:00:00Z", "report.assess", "person/1", "received/0", map[string]any{"matter": "received/0", "state": "unfounded"})
	add("2026-03-01T00:00:00Z", "report.assess", "person/1", "received/old", map[string]any{"matter": "received/old", "state": "unfounded"})
	for range 2 { // two authorities say it of one report
		add("2026-04-01T00:00:00Z", "envelope.receive", "peer/z", "envelope/3", map[string]any{"matter": "received/1", "event": "finished-by", "outcome": "not-confirmed"})
	}
	for i, hours := range []int{1, 30, 200, 0} {
		question := fmt.Sprintf("question/%d", i)
		at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		add(at.Format(time.RFC3339), "report.ask", "person/1", "received/0", map[string]any{"question": question, "sender": "node/a", "fields": []string{"users"}})
		if hours > 100 {
			add(at.Format(time.RFC3339), "report.escalate", "node", question, map[string]any{"question": question, "question_state": "open", "alarm": true})
		}
		if hours > 0 {
			add(at.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339), "envelope.receive", "peer/a", "envelope/4", map[string]any{"question": question, "question_state": "answered"})
			continue
		}
		add(at.Format(time.RFC3339), "report.ask", "person/1", "received/0", map[string]any{"question": question, "question_state": "withdrawn"})
	}
	cards := count.Cards()
	if len(cards) != 2 || cards[0].Node != "a" || cards[1].Reports != 1 || cards[1].Duplicates != 0 {
		t.Fatalf("%+v", cards)
	}
	a := cards[0]
	if a.Reports != 4 || a.Unfounded != 1 || a.NotConfirmed != 1 || a.Duplicates != 1 || a.Asked != 4 || a.Answered != 3 || a.Overdue != 1 || a.Median != 30*time.Hour {
		t.Errorf("%+v", a)
	}
	if want := []Band{{0, 1}, {50, 1}, {70, 0}, {90, 2}}; !slices.Equal(a.Bands, want) {
		t.Errorf("completeness %v, want %v", a.Bands, want)
	}
	if want := []Lack{{"geo", 3}, {"users", 2}}; !slices.Equal(a.Lacks, want) {
		t.Errorf("lacking %v, want %v", a.Lacks, want)
	}
}

func FuzzSenders(f *testing.F) {
	f.Add([]byte(`{"at":"2026-01-01T00:00:00Z","actor":"peer/a","action":"report.receive","outcome":"done","detail":{"received":"received/1","completeness":-7}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		count := NewSenders(2026)
		_ = count.Add(text)
		for _, card := range count.Cards() {
			if card.Reports < 1 {
				t.Errorf("%+v", card)
			}
		}
	})
}
