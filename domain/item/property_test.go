package item

import (
	"encoding/json"
	"flag"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/strictjson"
)

// witness remembers, beside the state machine, what it accepted, and checks
// every invariant from that memory and not from the machine's own fields.
type witness struct {
	required Level
	passed   map[string]bool
	// seen is the highest level that was shown to the holder since taking.
	seen     map[string]Level
	decided  []string // people of the decisions that stand, in order
	earlier  []string // people of earlier rounds
	viewed   []Level  // levels seen for the decisions that stand
	outcomes []Outcome
	erased   bool
	settled  int
	asked    int
}

func newWitness(required Level) *witness {
	return &witness{required: required, passed: map[string]bool{}, seen: map[string]Level{}}
}

type failure interface{ Fatalf(string, ...any) }

func (w *witness) check(t failure, before, after Assessment, event Event, effects []Effect) {
	if w.erased && (event.Kind != Sight || after.State != Erased) {
		t.Fatalf("%s changed an erased item", event.Kind)
	}
	switch event.Kind {
	case Take:
		if w.passed[event.Person] {
			t.Fatalf("%s passed the item and got it again", event.Person)
		}
		if slices.Contains(w.decided, event.Person) || slices.Contains(w.earlier, event.Person) {
			t.Fatalf("%s decided before and got the item again", event.Person)
		}
		if before.Claim == nil || before.Claim.Person != event.Person {
			w.seen = map[string]Level{}
		}
	case View:
		w.seen[event.Person] = max(w.seen[event.Person], event.Level)
	case Pass:
		w.passed[event.Person] = true
		w.seen = map[string]Level{}
	case Release, Expire:
		if after.Claim == nil {
			w.seen = map[string]Level{}
		}
	case Decide:
		if event.Person == "" || w.seen[event.Person] < w.required {
			t.Fatalf("%q decided after seeing %s", event.Person, w.seen[event.Person])
		}
		if after.Last().Level != w.seen[event.Person] {
			t.Fatalf("the record says %s, seen was %s", after.Last().Level, w.seen[event.Person])
		}
		w.decided = append(w.decided, event.Person)
		w.viewed = append(w.viewed, w.seen[event.Person])
		w.outcomes = append(w.outcomes, event.Outcome)
		w.seen = map[string]Level{}
	case Undo:
		last := len(w.decided) - 1
		w.seen = map[string]Level{w.decided[last]: w.viewed[last]}
		w.decided, w.viewed, w.outcomes = w.decided[:last], w.viewed[:last], w.outcomes[:last]
	case Reopen:
		w.earlier = append(w.earlier, w.decided...)
		w.decided, w.viewed, w.outcomes = nil, nil, nil
		w.seen = map[string]Level{}
	case AskSecond:
		if _, was := before.Final(); !was {
			t.Fatalf("a second look was asked for at an item without a final decision")
		}
		if after.State == AwaitingSecond {
			w.asked++
		}
	case Erase:
		w.erased = true
	}
	people := map[string]bool{}
	for _, person := range append(slices.Clone(w.earlier), w.decided...) {
		if people[person] {
			t.Fatalf("%s decided twice: %v after %v", person, w.decided, w.earlier)
		}
		people[person] = true
	}
	if before.State == Held && !slices.Contains([]EventKind{Sight, Admit, Erase, Expire}, event.Kind) {
		t.Fatalf("%s changed a held item", event.Kind)
	}
	if after.State == Held && before.State != Held || before.State == Held && after.State == Open && event.Kind != Admit {
		t.Fatalf("%s took the item from %s to %s", event.Kind, before.State, after.State)
	}
	if len(w.decided) > 3 {
		t.Fatalf("%d decisions in one round", len(w.decided))
	}
	if after.State == Decided && len(w.decided) == 0 {
		t.Fatalf("decided by nobody: %+v", after)
	}
	if final, is := after.Final(); is {
		switch {
		case len(w.decided) == 0:
			t.Fatalf("final without a person's decision")
		case len(w.decided) == 2 && w.outcomes[0] != w.outcomes[1]:
			t.Fatalf("final although %v", w.outcomes)
		case len(w.decided) < 3 && final.Outcome == CannotTell:
			t.Fatalf("final although nobody could tell and no third person looked")
		case final.Outcome != w.outcomes[len(w.outcomes)-1]:
			t.Fatalf("final %s, decided %v", final.Outcome, w.outcomes)
		}
	}
	for _, effect := range effects {
		switch effect.Kind {
		case Settled, Inherit:
			if _, is := after.Final(); !is {
				t.Fatalf("%s without a final decision: %+v", effect.Kind, after)
			}
			w.settled++
		}
	}
}

// TestAssessmentHoldsInEverySequence runs 10,000 random sequences of events by
// few people, with clocks (1,000 with -short).
func TestAssessmentHoldsInEverySequence(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	was, want := checks.Value.String(), "10000"
	if testing.Short() {
		want = "1000"
	}
	if err := checks.Value.Set(want); err != nil {
		t.Fatal(err)
	}
	defer checks.Value.Set(was)
	r := rules(t)
	people := []string{"a", "b", "c", "d", ""}
	// What a station does most weighs most, so that sequences go the whole way.
	var events []EventKind
	for kind, weight := range map[EventKind]int{Take: 24, View: 24, Decide: 30, Seal: 12, Sight: 4, Pass: 3, Release: 2, Expire: 3, Escalate: 2, Undo: 6, Reopen: 3, AskSecond: 4, Admit: 4, Erase: 1} {
		for range weight {
			events = append(events, kind)
		}
	}
	slices.Sort(events)
	reached := map[State]int{}
	settled, blind, asked := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rules := r
		rules.Required = rapid.SampledFrom([]Level{LevelNone, LevelSketch, LevelFull}).Draw(t, "required")
		a, now, w := NewAssessment(picture, rules), noon, newWitness(rules.Required)
		if rapid.SampledFrom([]bool{false, false, false, true}).Draw(t, "held") {
			a = NewHeld(picture, rules)
		}
		for number := range rapid.SampledFrom([]int{5, 20, 60}).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 4, 31}).Draw(t, "minutes")) * time.Minute)
			kind := rapid.SampledFrom(events).Draw(t, "kind")
			person := rapid.SampledFrom(people).Draw(t, "person")
			if a.Claim != nil && rapid.SampledFrom([]bool{true, true, true, false}).Draw(t, "holder") {
				person = a.Claim.Person
			}
			event := Event{Kind: kind, Person: person, Decision: string(rune('A'+number%26)) + string(rune('a'+number/26)), Reason: "reason", Sighting: "sighting/1",
				Level: rapid.SampledFrom([]Level{LevelNone, LevelSketch, LevelRegion, LevelFull}).Draw(t, "level"), Facts: FactSet{Scheme: training},
				Outcome: rapid.SampledFrom([]Outcome{Reportable, NotReportable, CannotTell}).Draw(t, "outcome")}
			if rapid.Bool().Draw(t, "trigger") {
				event.Triggers = []law.Trigger{list}
			}
			before := snapshot(a)
			next, effects, err := a.Apply(event, now)
			if !reflect.DeepEqual(a, before) {
				t.Fatalf("%s changed the value it was applied to", kind)
			}
			if err != nil {
				if !reflect.DeepEqual(next, a) {
					t.Fatalf("a refused %s changed the state", kind)
				}
				continue
			}
			w.check(t, a, next, event, effects)
			if next.Claim != nil {
				station, err := next.StationFor(next.Claim.Person)
				if err != nil {
					t.Fatal(err)
				}
				fresh := NewAssessment(picture, rules)
				fresh.Claim = next.Claim
				if first, err := fresh.StationFor(next.Claim.Person); err != nil || first != station {
					t.Fatalf("the station of %s tells more than that of a first look: %+v", next.State, station)
				}
				if next.State == AwaitingSecond {
					blind++
				}
			}
			reached[next.State]++
			a = next
		}
		settled += w.settled
		asked += w.asked
	})
	for _, state := range []State{Held, Open, AwaitingSecond, Adjudication, Decided, Erased} {
		if reached[state] == 0 {
			t.Errorf("no sequence reached %s: the test shows nothing about it", state)
		}
	}
	if settled == 0 || blind == 0 || asked == 0 {
		t.Errorf("%d settled, %d second looks, %d asked for: the test shows nothing", settled, blind, asked)
	}
	t.Logf("reached %v, settled or inherited %d times", reached, settled)
}

// snapshot copies an assessment with everything that a transition could reach.
func snapshot(a Assessment) Assessment {
	for _, decision := range []**Decision{&a.First, &a.Second, &a.Third} {
		if *decision != nil {
			copied := **decision
			*decision = &copied
		}
	}
	if a.Claim != nil {
		claim := *a.Claim
		a.Claim = &claim
	}
	a.Passed, a.Earlier, a.Triggers = slices.Clone(a.Passed), slices.Clone(a.Earlier), slices.Clone(a.Triggers)
	return a
}

// FuzzApply feeds events as they stand in a log.
func FuzzApply(f *testing.F) {
	text, err := json.Marshal([]Event{take("a").Event, view("a").Event, decide("a", Reportable, list).Event, take("b").Event, view("b").Event, decide("b", NotReportable).Event})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`[{"kind":"take","person":"a"},{"kind":"pass","person":"a"},{"kind":"erase","reason":"r"}]`))
	r := rules(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var events []Event
		if strictjson.Decode(data, 1<<16, &events) != nil {
			return
		}
		a, w := NewAssessment(picture, r), newWitness(r.Required)
		for _, event := range events {
			next, effects, err := a.Apply(event, noon)
			if err != nil {
				continue
			}
			w.check(t, a, next, event, effects)
			a = next
		}
	})
}
