package vote

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestLives(t *testing.T) {
	for _, life := range []struct {
		events []Kind
		ends   State
		told   int
	}{
		{nil, Queued, 0},
		{[]Kind{Send}, Sending, 0},
		{[]Kind{Send, Send, Take}, Sent, 0},
		{[]Kind{Send, Refuse}, Refused, 1},
		{[]Kind{Recall}, Withdrawn, 0},
		{[]Kind{Doubt}, Withdrawn, 0},
		{[]Kind{Doubt, Doubt}, Withdrawn, 0},
		{[]Kind{Send, Doubt}, Outdated, 1},
		{[]Kind{Send, Doubt, Take}, Outdated, 1},
		{[]Kind{Send, Doubt, Refuse}, Withdrawn, 1},
		{[]Kind{Send, Take, Doubt, Replace}, Replaced, 1},
		{[]Kind{Send, Refuse, Doubt}, Withdrawn, 1},
	} {
		v, told := Vote{State: Queued}, 0
		for _, kind := range life.events {
			next, effects, err := v.Apply(Event{kind, "a reason"}, noon)
			if err != nil {
				t.Fatalf("%v: %s: %v", life.events, kind, err)
			}
			v, told = next, told+len(effects)
		}
		if v.State != life.ends || told != life.told {
			t.Errorf("%v: %s, people are told %d times", life.events, v.State, told)
		}
	}
	for state, kinds := range map[State][]Kind{
		Queued: {Take, Refuse, Replace}, Sending: {Recall, Replace}, Sent: {Send, Take, Refuse, Recall, Replace}, Refused: {Send, Take, Recall, Replace},
		Withdrawn: {Send, Take, Refuse, Recall, Replace}, Outdated: {Send, Recall}, Replaced: {Send, Take, Recall, Replace},
	} {
		for _, kind := range kinds {
			if _, _, err := (Vote{State: state, SentAt: noon}).Apply(Event{kind, "a reason"}, noon); !problem.Is(err, problem.Conflict) {
				t.Errorf("a vote that is %s can %s: %v", state, kind, err)
			}
		}
	}
}

// TestNothingIsForgotten: whatever happens, what may be at the exchange is never called
// withdrawn before the exchange refused it, and what fell is never sent again.
func TestNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, sent, refused, fell := Vote{State: Queued}, false, false, false
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			kind := rapid.SampledFrom([]Kind{Send, Take, Refuse, Doubt, Recall, Replace}).Draw(t, "kind")
			before := v
			next, effects, err := v.Apply(Event{kind, rapid.SampledFrom([]string{"", "a reason"}).Draw(t, "because")}, noon)
			if err != nil {
				if next != before || effects != nil {
					t.Fatalf("a refused %s changed %+v to %+v", kind, before, next)
				}
				continue
			}
			if kind == Send && fell {
				t.Fatalf("%+v is sent after the decision fell", before)
			}
			sent, refused, fell = sent || kind == Send, refused || kind == Refuse, fell || kind == Doubt
			if next.State == Withdrawn && sent && !refused {
				t.Fatalf("%+v may be at the exchange", next)
			}
			if next.State == Outdated && before.State != Outdated && !slices.Contains(effects, Tell) {
				t.Fatalf("nobody is told of %+v", next)
			}
			if fell && next.State.Live() {
				t.Fatalf("%+v stands, but its decision fell", next)
			}
			v = next
		}
	})
}
