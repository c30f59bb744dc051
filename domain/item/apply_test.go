package item

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	shipped "github.com/brdoproject/brdo/law"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	picture  = Address([]byte("landscape 17"))
	training = law.Ref{ID: "demo-landscapes", Version: 1}
	table    = law.Ref{ID: "demo-training-match", Version: 1}
)

func library(t testing.TB) *law.Library {
	t.Helper()
	loaded, err := law.Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func standard(t testing.TB) *law.Review {
	t.Helper()
	review, err := library(t).LatestReview("review/standard")
	if err != nil {
		t.Fatal(err)
	}
	return review
}

func rules(t testing.TB) Rules {
	t.Helper()
	r, err := RulesOf(standard(t), training)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// step is an event some minutes after the one before.
type step struct {
	Event
	after time.Duration
}

func take(person string) step { return step{Event: Event{Kind: Take, Person: person}} }
func view(person string) step {
	return step{Event: Event{Kind: View, Person: person, Level: LevelSketch}}
}
func pass(person string) step { return step{Event: Event{Kind: Pass, Person: person}} }
func undo(person string) step { return step{Event: Event{Kind: Undo, Person: person}} }
func seal() step              { return step{Event: Event{Kind: Seal}} }
func ask() step               { return step{Event: Event{Kind: AskSecond, Triggers: []law.Trigger{list}}} }
func sight() step             { return step{Event: Event{Kind: Sight, Sighting: "sighting/2"}} }

func decide(person string, outcome Outcome, triggers ...law.Trigger) step {
	label := map[Outcome]string{Reportable: "yes", NotReportable: "no", CannotTell: "cannot-tell"}[outcome]
	class := map[Outcome]string{Reportable: "yes", NotReportable: "no", CannotTell: law.Undetermined}[outcome]
	return step{Event: Event{Kind: Decide, Person: person, Decision: "decision of " + person, Outcome: outcome, Triggers: triggers, Reason: "reason",
		Facts:   FactSet{Scheme: training, Labels: map[string]string{"same-picture": label, "picture": "landscape"}},
		Classes: []law.Class{{Mapping: table, Class: class, Because: "because"}}}}
}

func whole(person string, outcome Outcome, triggers ...law.Trigger) []step {
	return []step{take(person), view(person), decide(person, outcome, triggers...)}
}

func join(parts ...any) []step {
	var all []step
	for _, part := range parts {
		switch p := part.(type) {
		case step:
			all = append(all, p)
		case []step:
			all = append(all, p...)
		}
	}
	return all
}

func later(s step, after time.Duration) step { s.after = after; return s }

func walk(t *testing.T, steps []step) (Assessment, []Effect, time.Time) {
	t.Helper()
	a, now := NewAssessment(picture, rules(t)), noon
	var effects []Effect
	for _, s := range steps {
		now = now.Add(s.after)
		var err error
		if a, effects, err = a.Apply(s.Event, now); err != nil {
			t.Fatalf("%s by %s: %v", s.Kind, s.Person, err)
		}
	}
	return a, effects, now
}

func kinds(effects []Effect) string {
	names := make([]string, len(effects))
	for index, effect := range effects {
		names[index] = string(effect.Kind)
	}
	return strings.Join(names, " ")
}

const list = law.TriggerNewListEntry

func TestAssessmentGoesItsWay(t *testing.T) {
	cases := []struct {
		name    string
		steps   []step
		state   State
		effects string
		outcome Outcome // of the final decision, empty if there is none
	}{
		{"taken", join(take("a")), Open, "expire-at", ""},
		{"decided alone", join(whole("a", NotReportable)), Decided, "seal-at", ""},
		{"and sealed", join(whole("a", NotReportable), seal()), Decided, "settled", NotReportable},
		{"sealed twice", join(whole("a", NotReportable), seal(), seal()), Decided, "", NotReportable},
		{"with a trigger", join(whole("a", Reportable, list)), AwaitingSecond, "seal-at queue-second", ""},
		{"that sealed", join(whole("a", Reportable, list), seal()), AwaitingSecond, "", ""},
		{"agreed", join(whole("a", Reportable, list), whole("b", Reportable), seal()), Decided, "settled", Reportable},
		{"disagreed", join(whole("a", Reportable, list), whole("b", NotReportable)), Adjudication, "seal-at queue-adjudication", ""},
		{"settled by a third", join(whole("a", Reportable, list), whole("b", NotReportable), whole("c", NotReportable), seal()), Decided, "settled", NotReportable},
		{"cannot tell needs another", join(whole("a", CannotTell)), AwaitingSecond, "seal-at queue-second", ""},
		{"cannot tell twice needs a third", join(whole("a", CannotTell), whole("b", CannotTell)), Adjudication, "seal-at queue-adjudication", ""},
		{"even the third may not be able to tell", join(whole("a", CannotTell), whole("b", CannotTell), whole("c", CannotTell), seal()), Decided, "settled", CannotTell},
		{"passed", join(take("a"), pass("a")), Open, "back-to-queue", ""},
		{"passed to another", join(take("a"), pass("a"), whole("b", NotReportable), seal()), Decided, "settled", NotReportable},
		{"released and taken again", join(take("a"), step{Event: Event{Kind: Release, Person: "a"}}, take("a")), Open, "expire-at", ""},
		{"expired", join(take("a"), later(step{Event: Event{Kind: Expire}}, 30*time.Minute)), Open, "back-to-queue", ""},
		{"clock of an extended claim", join(take("a"), later(take("a"), 20*time.Minute), later(step{Event: Event{Kind: Expire}}, 20*time.Minute)), Open, "", ""},
		{"taken over when the time is out", join(take("a"), later(take("b"), 30*time.Minute)), Open, "expire-at", ""},
		{"decided late but not taken over", join(take("a"), view("a"), later(decide("a", NotReportable), time.Hour)), Decided, "seal-at", ""},
		{"taken back", join(whole("a", NotReportable), undo("a")), Open, "expire-at", ""},
		{"taken back and decided otherwise", join(whole("a", NotReportable), undo("a"), decide("a", Reportable), seal()), Decided, "settled", Reportable},
		{"second taken back", join(whole("a", Reportable, list), whole("b", NotReportable), undo("b"), decide("b", Reportable), seal()), Decided, "settled", Reportable},
		{"third taken back", join(whole("a", Reportable, list), whole("b", NotReportable), whole("c", NotReportable), undo("c")), Adjudication, "expire-at", ""},
		{"seen again while open", join(sight()), Open, "replace", ""},
		{"seen again before it is sealed", join(whole("a", NotReportable), sight()), Decided, "replace", ""},
		{"seen again when decided", join(whole("a", NotReportable), seal(), sight()), Decided, "inherit", NotReportable},
		{"danger", join(take("a"), step{Event: Event{Kind: Escalate, Person: "a"}}), Open, "raise-urgent", ""},
		{"erased", join(step{Event: Event{Kind: Erase, Reason: "retention"}}), Erased, "destroy-key", ""},
		{"erased before sealing", join(whole("a", NotReportable), step{Event: Event{Kind: Erase, Reason: "retention"}}), Erased, "settled destroy-key", NotReportable},
		{"erased before the second look", join(whole("a", Reportable, list), step{Event: Event{Kind: Erase, Reason: "retention"}}, sight()), Erased, "replace", ""},
		{"erased and seen again", join(whole("a", NotReportable), seal(), step{Event: Event{Kind: Erase, Reason: "retention"}}, sight()), Erased, "inherit", NotReportable},
		{"opened again", join(whole("a", Reportable), seal(), reopen()), Open, "recall-consequences back-to-queue", ""},
		{"a second look asked for", join(whole("a", Reportable), seal(), ask()), AwaitingSecond, "queue-second", ""},
		{"and given", join(whole("a", Reportable), seal(), ask(), whole("b", Reportable), seal()), Decided, "settled", Reportable},
		{"and it differs", join(whole("a", Reportable), seal(), ask(), whole("b", NotReportable)), Adjudication, "seal-at queue-adjudication", ""},
		{"asked for when two looked", join(whole("a", Reportable, list), whole("b", Reportable), seal(), ask()), Decided, "", Reportable},
		{"asked for, seen again", join(whole("a", Reportable), seal(), ask(), sight()), AwaitingSecond, "replace", ""},
		{"asked for, then erased", join(whole("a", Reportable), seal(), ask(), step{Event: Event{Kind: Erase, Reason: "retention"}}), Erased, "destroy-key", Reportable},
		{"decided anew", join(whole("a", Reportable), seal(), reopen(), whole("b", NotReportable), seal()), Decided, "settled", NotReportable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, effects, _ := walk(t, c.steps)
			if a.State != c.state || kinds(effects) != c.effects {
				t.Errorf("%s with %q, not %s with %q", a.State, kinds(effects), c.state, c.effects)
			}
			final, is := a.Final()
			if is != (c.outcome != "") || final.Outcome != c.outcome {
				t.Errorf("final %v %q, not %q", is, final.Outcome, c.outcome)
			}
		})
	}
}

func reopen() step {
	return step{Event: Event{Kind: Reopen, Person: "s", Decision: "decision 9", Reason: "complaint"}}
}

func TestAssessmentRefuses(t *testing.T) {
	but := func(s step, change func(*Event)) step { change(&s.Event); return s }
	cases := []struct {
		name  string
		steps []step
		last  step
		kind  problem.Kind
	}{
		{"a machine takes it", nil, take(""), problem.Invalid},
		{"taken by another", join(take("a")), take("b"), problem.Conflict},
		{"passed and taken again", join(take("a"), pass("a")), take("a"), problem.Denied},
		{"first looks twice", join(whole("a", Reportable, list), seal()), take("a"), problem.Denied},
		{"first settles", join(whole("a", Reportable, list), whole("b", NotReportable)), take("a"), problem.Denied},
		{"second settles", join(whole("a", Reportable, list), whole("b", NotReportable)), take("b"), problem.Denied},
		{"involved before it was opened again", join(whole("a", Reportable), seal(), reopen()), take("a"), problem.Denied},
		{"decided by somebody without it", join(take("a"), view("a")), decide("b", Reportable), problem.Conflict},
		{"decided by nobody", join(take("a"), view("a")), decide("", Reportable), problem.Conflict},
		{"decided unseen", join(take("a")), decide("a", Reportable), problem.Denied},
		{"decided on text only", join(take("a"), but(view("a"), func(e *Event) { e.Level = LevelNone })), decide("a", Reportable), problem.Denied},
		{"seen by the one before", join(take("a"), view("a"), later(take("b"), time.Hour)), decide("b", Reportable), problem.Denied},
		{"decided without record", join(take("a"), view("a")), but(decide("a", Reportable), func(e *Event) { e.Decision = "" }), problem.Invalid},
		{"decided nothing", join(take("a"), view("a")), but(decide("a", Reportable), func(e *Event) { e.Outcome = "" }), problem.Invalid},
		{"decided under another scheme", join(take("a"), view("a")), but(decide("a", Reportable), func(e *Event) { e.Facts.Scheme.Version = 2 }), problem.Invalid},
		{"one decision for two", join(whole("a", Reportable, list), take("b"), view("b")), but(decide("b", Reportable), func(e *Event) { e.Decision = "decision of a" }), problem.Invalid},
		{"settled without reason", join(whole("a", Reportable, list), whole("b", NotReportable), take("c"), view("c")), but(decide("c", Reportable), func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"a level that does not exist", join(take("a")), but(view("a"), func(e *Event) { e.Level = 4 }), problem.Invalid},
		{"taken back by another", join(whole("a", NotReportable)), undo("b"), problem.Conflict},
		{"taken back after sealing", join(whole("a", NotReportable), seal()), undo("a"), problem.Expired},
		{"taken back too late", join(whole("a", NotReportable)), later(undo("a"), 5*time.Minute), problem.Expired},
		{"taken back after another went on", join(whole("a", Reportable, list), take("b")), undo("a"), problem.Expired},
		{"first taken back after second was", join(whole("a", Reportable, list), whole("b", Reportable), undo("b")), undo("a"), problem.Expired},
		{"taken when decided", join(whole("a", NotReportable), seal()), take("b"), problem.Conflict},
		{"opened again before it is final", join(whole("a", NotReportable)), reopen(), problem.Conflict},
		{"opened again without reason", join(whole("a", NotReportable), seal()), but(reopen(), func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"erased without reason", nil, step{Event: Event{Kind: Erase}}, problem.Invalid},
		{"taken when erased", join(step{Event: Event{Kind: Erase, Reason: "retention"}}), take("a"), problem.Conflict},
		{"opened when erased", join(whole("a", NotReportable), seal(), step{Event: Event{Kind: Erase, Reason: "retention"}}), reopen(), problem.Conflict},
		{"sealed without decision", nil, seal(), problem.Conflict},
		{"no such event", nil, step{Event: Event{Kind: "guess"}}, problem.Invalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, _, now := walk(t, c.steps)
			after, effects, err := a.Apply(c.last.Event, now.Add(c.last.after))
			if !problem.Is(err, c.kind) || effects != nil || !reflect.DeepEqual(after, a) {
				t.Errorf("%v, effects %v", err, effects)
			}
		})
	}
}

func TestSecondLookIsBlind(t *testing.T) {
	first, _, _ := walk(t, join(take("b"), view("b")))
	second, _, _ := walk(t, join(whole("a", Reportable, list), step{Event: Event{Kind: Seal}}, take("b"), view("b")))
	escalated, _, _ := walk(t, join(take("a"), view("a"), step{Event: Event{Kind: Escalate, Person: "a"}}, decide("a", CannotTell), take("b"), view("b")))
	var texts []string
	for _, a := range []Assessment{first, second, escalated} {
		station, err := a.StationFor("b")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(station)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	if texts[0] != texts[1] || texts[0] != texts[2] {
		t.Fatalf("the stations differ:\n%s", strings.Join(texts, "\n"))
	}
	if _, _, err := second.Disagreement("b"); !problem.Is(err, problem.Denied) {
		t.Fatalf("the second person reads the first decision: %v", err)
	}
	if _, err := second.StationFor("c"); !problem.Is(err, problem.Conflict) {
		t.Fatalf("somebody who does not have the item: %v", err)
	}
	third, _, _ := walk(t, join(whole("a", Reportable, list), whole("b", NotReportable), take("c")))
	one, two, err := third.Disagreement("c")
	if err != nil || one.Outcome != Reportable || two.Outcome != NotReportable || one.Person+two.Person != "" || !one.Blind || !two.Blind {
		t.Fatalf("%+v %+v %v", one, two, err)
	}
	if third.First.Person != "a" {
		t.Fatal("showing the decision changed it")
	}
}

func TestOfferable(t *testing.T) {
	waiting, _, now := walk(t, join(whole("a", Reportable, list)))
	if waiting.Offerable("b", now) || !waiting.Offerable("b", now.Add(5*time.Minute)) || waiting.Offerable("a", now.Add(time.Hour)) {
		t.Error("the second look is offered to another person once the first decision is sealed")
	}
	passed, _, now := walk(t, join(take("a"), pass("a")))
	if passed.Offerable("a", now.AddDate(1, 0, 0)) || !passed.Offerable("b", now) {
		t.Error("a passed item is offered to others only")
	}
}

func TestDecisionKeepsWhatWasSeenAndTheProfile(t *testing.T) {
	full := view("a")
	full.Level = LevelFull
	a, _, _ := walk(t, join(take("a"), full, view("a"), decide("a", NotReportable)))
	if a.First.Level != LevelFull || a.First.Profile != standard(t).Ref() || !a.First.Blind {
		t.Fatalf("%+v", a.First)
	}
	third, _, _ := walk(t, join(whole("a", CannotTell), whole("b", CannotTell), whole("c", NotReportable)))
	if third.Third.Blind || !third.Second.Blind {
		t.Fatal("the third person saw the others' decisions, the second did not")
	}
}

func TestCannotTellIsAlwaysATrigger(t *testing.T) {
	a, _, _ := walk(t, join(whole("a", CannotTell, list)))
	if !slices.Equal(a.Triggers, []law.Trigger{list, law.TriggerCannotTell}) {
		t.Fatalf("triggers %v", a.Triggers)
	}
}

func TestAgree(t *testing.T) {
	base := Decision{Outcome: Reportable, Classes: []law.Class{{Mapping: table, Class: "yes"}}, Facts: FactSet{Labels: map[string]string{"age": "3-6"}}}
	otherFacts, otherClass, fewer := base, base, base
	otherFacts.Facts = FactSet{Labels: map[string]string{"age": "7-10"}}
	otherClass.Classes = []law.Class{{Mapping: table, Class: "no"}}
	fewer.Classes = nil
	if !Agree(base, otherFacts) || Agree(base, otherClass) || Agree(base, fewer) {
		t.Error("two decisions agree on outcome and classes")
	}
}

func TestReplayFromJSON(t *testing.T) {
	steps := join(whole("a", Reportable, list), whole("b", NotReportable), whole("c", Reportable), seal())
	live, _, _ := walk(t, steps)
	stored := NewAssessment(picture, rules(t))
	for _, s := range steps {
		text, err := json.Marshal(s.Event)
		if err != nil {
			t.Fatal(err)
		}
		var event Event
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		if stored, _, err = stored.Apply(event, noon); err != nil {
			t.Fatal(err)
		}
		text, err = json.Marshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = Assessment{}
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(live, stored) {
		t.Fatalf("live %+v\nreplayed %+v", live, stored)
	}
	if !slices.Equal(live.Triggers, []law.Trigger{list}) {
		t.Fatalf("triggers %v", live.Triggers)
	}
}

// TestAgreeing counts who decided as the final decision says.
func TestAgreeing(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  int
	}{
		"not yet sealed":       {whole("a", Reportable), 0},
		"one":                  {join(whole("a", Reportable), seal()), 1},
		"two":                  {join(whole("a", Reportable, list), whole("b", Reportable), seal()), 2},
		"two of three":         {join(whole("a", Reportable, list), whole("b", NotReportable), whole("c", Reportable), seal()), 2},
		"one who could tell":   {join(whole("a", CannotTell), whole("b", CannotTell), whole("c", Reportable), seal()), 1},
		"waiting for a second": {join(whole("a", Reportable), seal(), ask()), 0},
		"of this round only":   {join(whole("a", Reportable), seal(), reopen(), whole("b", Reportable), seal()), 1},
	} {
		if a, _, _ := walk(t, c.steps); a.Agreeing() != c.want || (c.want > 0 && len(a.Decisions()) < c.want) {
			t.Errorf("%s: %d, want %d", name, a.Agreeing(), c.want)
		}
	}
	if _, _, err := NewAssessment(picture, rules(t)).Apply(ask().Event, noon); err == nil {
		t.Error("a second look was asked for before the first")
	}
}
