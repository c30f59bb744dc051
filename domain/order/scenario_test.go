package order

import (
	"slices"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// pair is one order at both sides, as two desks would keep it.
type pair struct {
	issuance  Issuance
	execution Execution
}

// deliverSample issues the sample and delivers it at noon to the addressee.
func deliverSample(t *testing.T) pair {
	t.Helper()
	i, _, _ := walk(t, law.OrderRemoval, ways[Delivered]...)
	return pair{i, received(t, law.OrderRemoval)}
}

// TestScenarioClarification: an order is received; after 3 hours the provider
// answers with Annex V that it has errors; the clarification arrives after 20
// hours; from then on there are 24 hours anew (Article 14(6)).
func TestScenarioClarification(t *testing.T) {
	p := deliverSample(t)
	three, twenty := noon.Add(3*time.Hour), noon.Add(20*time.Hour)

	text, err := cannot(t, law.OrderRemoval, p.issuance.Facts, three, "manifest_errors").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, answer, err := ReadAnswer(text, profile(t, law.OrderRemoval), p.issuance.Facts)
	if err != nil {
		t.Fatal(err)
	}
	p.execution, _ = apply(t, p.execution, three, by("person/moderator", Event{Kind: Decline, Answer: &answer}))
	p.issuance, _ = must(t, p.issuance, three, Event{Kind: CannotExecute, Answer: &answer, Receipt: "envelope/2"})
	if p.issuance.State != Clarification || p.execution.State != Clarification {
		t.Fatalf("%s, %s", p.issuance.State, p.execution.State)
	}
	for _, running := range []Track{p.issuance.Track, p.execution.Track} {
		if _, runs := running.Clock(ClockExecution); runs {
			t.Fatal("the time runs although the authority has to clarify")
		}
	}
	// At the old deadline nothing happens.
	if next, effects, err := p.issuance.Apply(Event{Kind: Strike, Clock: ClockExecution}, noon.Add(24*time.Hour)); err != nil || effects != nil || next.State != Clarification {
		t.Fatalf("%s %v %v", next.State, effects, err)
	}
	p.issuance, _ = must(t, p.issuance, noon.Add(19*time.Hour), by("person/requester", Event{Kind: Clarify, Digest: bytesB}))
	p.issuance, _ = must(t, p.issuance, twenty, Event{Kind: ClarificationReceived, At: twenty, Receipt: "receipt/2"})
	p.execution, _ = apply(t, p.execution, twenty, Event{Kind: ClarificationReceived, At: twenty, Receipt: "envelope/3"})
	for side, track := range map[string]Track{"authority": p.issuance.Track, "provider": p.execution.Track} {
		if due, runs := track.Clock(ClockExecution); !runs || !due.Equal(noon.Add(44*time.Hour)) {
			t.Errorf("%s: due %s, want 24 hours after the clarification", side, due)
		}
	}
	if p.issuance.State != Delivered || p.execution.State != Received {
		t.Errorf("%s, %s", p.issuance.State, p.execution.State)
	}
	late, _ := must(t, p.issuance, noon.Add(44*time.Hour), Event{Kind: Strike, Clock: ClockExecution})
	if late.State != Overdue {
		t.Errorf("after 44 hours: %s", late.State)
	}
}

// TestScenarioAnnulment: an executed, verified and final order is annulled by a
// court: the item is restored, statistics are corrected at both sides, and the
// owner of the indicator and all receivers are told.
func TestScenarioAnnulment(t *testing.T) {
	p := deliverSample(t)
	one, two := noon.Add(time.Hour), noon.Add(2*time.Hour)
	p.execution, _ = apply(t, p.execution, one, by("person/moderator", Event{Kind: Accept}))
	p.execution, _ = apply(t, p.execution, two, Event{Kind: CarriedOut, At: two, Measure: "removed"})
	done := answerFacts(t, law.OrderRemoval, p.issuance.Facts, did(t, law.OrderRemoval, p.issuance.Facts, two, "removed"))
	later := two.Add(10 * time.Minute)
	p.execution, _ = apply(t, p.execution, later, by("person/moderator", Event{Kind: SendAnswer, Answer: done}))
	p.issuance, _ = must(t, p.issuance, later, Event{Kind: ExecutionReported, Answer: done, Receipt: "envelope/2"})
	p.issuance, _ = must(t, p.issuance, noon.Add(3*time.Hour), authority(t, law.OrderRemoval, p.issuance, noon.Add(3*time.Hour))[Looked])
	month := noon.AddDate(0, 1, 0)
	p.issuance, _ = must(t, p.issuance, month, by("person/judge", Event{Kind: Confirm}))
	if p.issuance.State != Verified || p.issuance.Standing != Final {
		t.Fatalf("%s %s", p.issuance.State, p.issuance.Standing)
	}

	annul := by("person/judge", Event{Kind: Annul, By: "Constitutional Court", Reason: "judgement number 17"})
	fallen, effects := must(t, p.issuance, month.AddDate(0, 1, 0), annul)
	if fallen.State != Restoring || fallen.Standing != Annulled || !has(effects, Restore) || !has(effects, TellIndicatorOwner) {
		t.Fatalf("%s %s %v", fallen.State, fallen.Standing, effects)
	}
	want := []string{law.ToProvider, law.ToRequester, law.ToCentre, law.ToOtherAuthorities}
	if told := find(effects, Tell).To; !slices.Equal(told, want) {
		t.Errorf("told are %v, not %v", told, want)
	}
	if figures := find(effects, CorrectStatistics).Figures; !slices.Equal(figures, []string{"removal-orders-executed", "removal-orders-issued"}) {
		t.Errorf("corrected are %v", figures)
	}
	if len(fallen.Counted) != 0 {
		t.Errorf("still counted: %v", fallen.Counted)
	}
	if _, runs := fallen.Clock(ClockRestoration); !runs {
		t.Error("nobody waits for the restoration")
	}

	arrives := month.AddDate(0, 1, 0).Add(time.Hour)
	provider, effects := apply(t, p.execution, arrives, Event{Kind: Annul, By: "Constitutional Court", Reason: "judgement number 17", Receipt: "envelope/3"})
	if provider.State != Restoring || !has(effects, Restore) || !has(effects, AskPerson) || !has(effects, TellIndicatorOwner) {
		t.Fatalf("%s %v", provider.State, effects)
	}
	if figures := find(effects, CorrectStatistics).Figures; !slices.Equal(figures, []string{"provider-items-removed-by-order", "provider-removal-orders-received"}) {
		t.Errorf("corrected are %v", figures)
	}
	undone := arrives.Add(time.Hour)
	provider, effects = apply(t, provider, undone, by("person/moderator", Event{Kind: Undo, At: undone}))
	if provider.State != Restored || provider.User.State != UserDue || find(effects, InformUser).Reason != law.OnRestored || !slices.Contains(find(effects, Tell).To, law.ToRequester) {
		t.Errorf("%s, user %s: %v", provider.State, provider.User.State, effects)
	}
	restored, _ := must(t, fallen, undone, Event{Kind: RestorationProven, At: undone, Receipt: "envelope/4"})
	if restored.State != Restored || len(restored.Clocks) != 0 {
		t.Errorf("%s %v", restored.State, restored.Clocks)
	}
}

// TestScenarioNonDisclosure: six weeks and six weeks more; a third period is
// refused at both sides (Article 15(4)).
func TestScenarioNonDisclosure(t *testing.T) {
	p := deliverSample(t)
	six, twelve := noon.AddDate(0, 0, 42), noon.AddDate(0, 0, 84)
	more := func(from, until time.Time) Facts {
		text := written(t, func() Order {
			o := sample(law.OrderRemoval)
			o.ID, o.Extends, o.Material.NonDisclosure = "order/18", "order/17", &Period{From: from, Until: until}
			return o
		}())
		_, facts, err := ReadIssued(text, profile(t, law.OrderRemoval))
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	p.execution, _, _ = carry(t, p.execution, providerWays[Executed]...)
	if until, _ := p.execution.Clock(ClockNonDisclosure); p.execution.User.State != UserHeld || !until.Equal(six) {
		t.Fatalf("%s until %s", p.execution.User.State, until)
	}
	second, fortieth := more(six, twelve), noon.AddDate(0, 0, 40)
	extend := by("person/judge", Event{Kind: ExtendNonDisclosure, Facts: &second})
	var effects []Effect
	p.issuance, effects = must(t, p.issuance, fortieth, extend)
	if send := find(effects, Send); send.Document != DocumentNonDisclosure || !slices.Contains(send.To, law.ToProvider) {
		t.Errorf("the provider is informed each time: %+v", send)
	}
	p.execution, _ = apply(t, p.execution, fortieth, Event{Kind: ExtendNonDisclosure, Facts: &second, Receipt: "envelope/2"})
	if until, _ := p.execution.Clock(ClockNonDisclosure); p.execution.User.State != UserHeld || !until.Equal(twelve) {
		t.Fatalf("%s until %s", p.execution.User.State, until)
	}
	if _, effects, err := p.execution.Apply(Event{Kind: Strike, Clock: ClockNonDisclosure}, six); err != nil || effects != nil {
		t.Errorf("the first period ended and the second runs: %v %v", effects, err)
	}
	third, eightieth := more(twelve, twelve.AddDate(0, 0, 1)), noon.AddDate(0, 0, 80)
	if _, _, err := p.issuance.Apply(by("person/judge", Event{Kind: ExtendNonDisclosure, Facts: &third}), eightieth); !problem.Is(err, problem.Denied) {
		t.Errorf("authority: %v", err)
	}
	if _, _, err := p.execution.Apply(Event{Kind: ExtendNonDisclosure, Facts: &third, Receipt: "envelope/3"}, eightieth); !problem.Is(err, problem.Denied) {
		t.Errorf("provider: %v", err)
	}
	due, effects := apply(t, p.execution, twelve, Event{Kind: Strike, Clock: ClockNonDisclosure})
	if due.User.State != UserDue || !has(effects, InformUser) {
		t.Errorf("after twelve weeks: %s %v", due.User.State, effects)
	}
	// An extension that comes after the first period has ended comes too late.
	late := deliverSample(t)
	if _, _, err := late.issuance.Apply(extend, six); !problem.Is(err, problem.Expired) {
		t.Errorf("too late: %v", err)
	}
}
