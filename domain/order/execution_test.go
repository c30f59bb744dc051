package order

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

func received(t testing.TB, kind law.OrderKind, changes ...func(*Order)) Execution {
	t.Helper()
	o := sample(kind)
	for _, change := range changes {
		change(&o)
	}
	form := profile(t, kind)
	_, facts, findings, err := ReadReceived(written(t, o), form)
	if err != nil {
		t.Fatal(err)
	}
	x, effects, err := Receive(form, facts, findings, Proof{At: noon, Receipt: "envelope/17"}, nothingHeld(noon), noon)
	if err != nil || !has(effects, AskPerson) {
		t.Fatalf("%v %v", effects, err)
	}
	return x
}

func apply(t testing.TB, x Execution, now time.Time, events ...Event) (Execution, []Effect) {
	t.Helper()
	var effects []Effect
	for _, event := range events {
		var err error
		if x, effects, err = again(t, x).Apply(event, now); err != nil {
			t.Fatalf("%s in %s: %v", event.Kind, x.State, err)
		}
	}
	return x, effects
}

// provider holds a good event of every kind for the sample at the moment now.
func provider(t testing.TB, x Execution, now time.Time) map[EventKind]Event {
	t.Helper()
	kind := x.Facts.Kind
	measure := profile(t, kind).Measures[0].Key
	answered := now
	if answered.Before(x.Delivered.At) {
		answered = x.Delivered.At
	}
	doing := &AnswerFacts{Kind: AnswerExecution, Digest: bytesA, Measure: x.Measure, MeasuredAt: x.MeasuredAt, ReceivedAt: noon, At: answered}
	last := Period{From: now, Until: now}
	if len(x.NonDisclosure) > 0 {
		last = x.NonDisclosure[len(x.NonDisclosure)-1]
	}
	more := Facts{ID: "order/18", Kind: kind, Digest: bytesB, Extends: x.Facts.ID, NonDisclosure: &Period{From: last.Until, Until: last.Until.AddDate(0, 0, 42)}}
	message := func(event Event) Event {
		event.Receipt, event.Reason = "envelope/18", "reason number 17"
		return event
	}
	return map[EventKind]Event{
		Accept:                by("person/moderator", Event{Kind: Accept}),
		Decline:               by("person/moderator", Event{Kind: Decline, Answer: answerFacts(t, kind, x.Facts, cannot(t, kind, x.Facts, answered, "manifest_errors"))}),
		ReasonEnded:           by("person/moderator", Event{Kind: ReasonEnded, At: now}),
		ClarificationReceived: message(Event{Kind: ClarificationReceived, At: now}),
		CarriedOut:            {Kind: CarriedOut, At: now, Measure: measure},
		SendAnswer:            by("person/moderator", Event{Kind: SendAnswer, Answer: doing}),
		Reopened:              message(Event{Kind: Reopened}),
		UserInformed:          by("person/moderator", Event{Kind: UserInformed}),
		NobodyToInform:        by("person/moderator", Event{Kind: NobodyToInform}),
		CopyAsked:             {Kind: CopyAsked},
		ExtendNonDisclosure:   message(Event{Kind: ExtendNonDisclosure, Facts: &more}),
		Challenge:             message(Event{Kind: Challenge, By: "court/17"}),
		LiftSuspension:        message(Event{Kind: LiftSuspension, At: now}),
		Confirm:               message(Event{Kind: Confirm}),
		Annul:                 message(Event{Kind: Annul, By: "court/17"}),
		Withdraw:              message(Event{Kind: Withdraw}),
		Undo:                  by("person/moderator", Event{Kind: Undo, At: now}),
		Keep:                  by("person/moderator", Event{Kind: Keep}),
		Reported:              by("person/moderator", Event{Kind: Reported, Digest: bytesB}),
		AskReassessment:       by("person/moderator", Event{Kind: AskReassessment, Place: "https://one.example/picture/17"}),
	}
}

func open(o *Order) { o.Material.NonDisclosure = nil }

// carry applies the events of the sample one after the other.
func carry(t testing.TB, x Execution, steps ...step) (Execution, []Effect, time.Time) {
	t.Helper()
	now := noon
	var effects []Effect
	for _, s := range steps {
		now = now.Add(s.after)
		if clock, strikes := strings.CutPrefix(s.kind, "strike/"); strikes {
			x, effects = apply(t, x, now, Event{Kind: Strike, Clock: ClockID(clock)})
			continue
		}
		name, variant, _ := strings.Cut(s.kind, "/")
		event := provider(t, x, now)[EventKind(name)]
		switch variant {
		case "impossible":
			event.Answer = answerFacts(t, x.Facts.Kind, x.Facts, cannot(t, x.Facts.Kind, x.Facts, now, "force_majeure_or_impossibility"))
		case "suspends":
			event.Suspends = true
		}
		x, effects = apply(t, x, now, event)
	}
	return x, effects, now
}

var providerWays = map[State][]step{
	Received:      {},
	Evaluated:     {{"accept", time.Hour}},
	Impossible:    {{"decline/impossible", 3 * time.Hour}},
	Clarification: {{"decline", 3 * time.Hour}},
	Executed:      {{"accept", time.Hour}, {"carried-out", time.Hour}},
	Reappeared:    {{"accept", time.Hour}, {"carried-out", time.Hour}, {"reopened", 24 * time.Hour}},
	Restoring:     {{"accept", time.Hour}, {"carried-out", time.Hour}, {"annul", 24 * time.Hour}},
	Restored:      {{"accept", time.Hour}, {"carried-out", time.Hour}, {"annul", 24 * time.Hour}, {"undo", time.Hour}},
	NotRestored:   {{"accept", time.Hour}, {"carried-out", time.Hour}, {"annul", 24 * time.Hour}, {"keep", time.Hour}},
}

func TestEveryTransitionOfAnExecution(t *testing.T) {
	var table strings.Builder
	seen := map[EventKind]bool{}
	row := func(name string, state State, x Execution, steps ...step) {
		x, _, now := carry(t, x, steps...)
		if x.State != state {
			t.Fatalf("the way to %s ends in %s", state, x.State)
		}
		now = now.Add(time.Minute)
		events := provider(t, x, now)
		for _, kind := range sortedKinds(events) {
			unchanged(t, x, func(x Execution) { _, _, _ = x.Apply(events[kind], now) })
			next, effects, err := x.Apply(events[kind], now)
			switch {
			case problem.Is(err, problem.Conflict):
			case err != nil:
				fmt.Fprintf(&table, "%s %s + %s: %s\n", name, state, kind, problem.From(err).Kind)
			default:
				seen[kind] = true
				fmt.Fprintf(&table, "%s %s + %s → %s, user %s %v\n", name, state, kind, next.State, next.User.State, kinds(effects))
			}
			if err != nil && (effects != nil || !reflect.DeepEqual(next, x)) {
				t.Errorf("a refused %s changed an order that is %s", kind, state)
			}
		}
		for _, clock := range x.Clocks {
			if next, effects, err := x.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due.Add(-1)); err != nil || effects != nil || !reflect.DeepEqual(next, x) {
				t.Errorf("%s struck early in %s: %v %v", clock.Clock, state, effects, err)
			}
			next, effects, err := x.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due)
			if err != nil || len(effects) == 0 {
				t.Errorf("%s struck in %s: %v %v", clock.Clock, state, effects, err)
			}
			fmt.Fprintf(&table, "%s %s + strike %s → %s, user %s %v\n", name, state, clock.Clock, next.State, next.User.State, kinds(effects))
		}
	}
	for _, state := range slices.Sorted(mapKeys(providerWays)) {
		row("silent", state, received(t, law.OrderRemoval), providerWays[state]...)
		row("open", state, received(t, law.OrderRemoval, open), providerWays[state]...)
	}
	row("suspended", Evaluated, received(t, law.OrderRemoval, open), append(slices.Clone(providerWays[Evaluated]), step{"challenge/suspends", time.Hour})...)
	row("blocking", Executed, received(t, law.OrderBlocking), providerWays[Executed]...)
	row("blocking", Ended, received(t, law.OrderBlocking), append(slices.Clone(providerWays[Executed]), step{"strike/end", 3 * 366 * 24 * time.Hour})...)
	row("delisting", Executed, received(t, law.OrderDelisting), providerWays[Executed]...)
	golden(t, "execution-transitions.txt", []byte(table.String()))
	for kind := range executionRules {
		if !seen[kind] {
			t.Errorf("no row of the table takes the event %s", kind)
		}
	}
}

func TestExecutionRefuses(t *testing.T) {
	cases := []struct {
		name   string
		steps  []step
		event  EventKind
		change func(*Event)
		kind   problem.Kind
	}{
		{"execution decided by a machine", nil, Accept, func(e *Event) { e.Person = "" }, problem.Invalid},
		{"execution without a recorded decision", nil, Accept, func(e *Event) { e.Decision = "" }, problem.Invalid},
		{"carried out before anybody decided", nil, CarriedOut, nil, problem.Conflict},
		{"carried out before the decision", providerWays[Evaluated], CarriedOut, func(e *Event) { e.At = e.At.Add(-time.Hour) }, problem.Invalid},
		{"carried out without saying how", providerWays[Evaluated], CarriedOut, func(e *Event) { e.Measure = "" }, problem.Invalid},
		{"a refusal without the form", nil, Decline, func(e *Event) { e.Answer = nil }, problem.Invalid},
		{"a refusal by a machine", nil, Decline, func(e *Event) { e.Person = "" }, problem.Invalid},
		{"an answer that says something else", providerWays[Executed], SendAnswer, func(e *Event) { e.Answer.Measure = "disabled_all_member_states" }, problem.Conflict},
		{"an answer with another time", providerWays[Executed], SendAnswer, func(e *Event) { e.Answer.MeasuredAt = e.Answer.MeasuredAt.Add(-1) }, problem.Conflict},
		{"no answer", providerWays[Executed], SendAnswer, func(e *Event) { e.Answer = nil }, problem.Invalid},
		{"the user told during non-disclosure", providerWays[Executed], UserInformed, nil, problem.Denied},
		{"a copy during non-disclosure", providerWays[Executed], CopyAsked, nil, problem.Denied},
		{"nobody to inform without reason", providerWays[Executed], NobodyToInform, func(e *Event) { e.Reason = "" }, problem.Invalid},
		{"a clarification without message", providerWays[Clarification], ClarificationReceived, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a clarification that was not asked for", providerWays[Impossible], ClarificationReceived, nil, problem.Conflict},
		{"an annulment without message", providerWays[Executed], Annul, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"an extension without message", providerWays[Executed], ExtendNonDisclosure, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a challenge that nobody proves", providerWays[Executed], Challenge, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a restoration by a machine", providerWays[Restoring], Undo, func(e *Event) { e.Person = "" }, problem.Invalid},
		{"a measure that stays without reason", providerWays[Restoring], Keep, func(e *Event) { e.Reason = "" }, problem.Invalid},
		{"a report that is not due", providerWays[Executed], Reported, nil, problem.Conflict},
		{"an event that is none", nil, "erase", nil, problem.Invalid},
	}
	for _, c := range cases {
		x, _, now := carry(t, received(t, law.OrderRemoval), c.steps...)
		now = now.Add(time.Minute)
		event := provider(t, x, now)[c.event]
		event.Kind = c.event
		if c.change != nil {
			c.change(&event)
		}
		next, effects, err := x.Apply(event, now)
		if !problem.Is(err, c.kind) || effects != nil || !reflect.DeepEqual(next, x) {
			t.Errorf("%s: %v (%s, %v)", c.name, err, next.State, effects)
		}
	}
}

// TestReceiptRunsWhateverIsWrong: faults of the text and holds stop no clock, and
// are put before a person.
func TestReceiptRunsWhateverIsWrong(t *testing.T) {
	form := profile(t, law.OrderRemoval)
	o := sample(law.OrderRemoval)
	o.Reasons, o.Material.NonDisclosure.Until = "", noon.AddDate(1, 0, 0)
	_, facts, findings, err := ReadReceived(written(t, o), form)
	if err != nil {
		t.Fatal(err)
	}
	x, effects, err := Receive(form, facts, findings, Proof{At: noon, Receipt: "envelope/17"}, nothingHeld(noon.Add(time.Hour)), noon.Add(time.Hour))
	if err != nil || x.State != Received || !has(effects, RaiseAlarm) || len(x.Findings) < 2 {
		t.Fatalf("%s %v %v %v", x.State, x.Findings, effects, err)
	}
	if due, running := x.Clock(ClockExecution); !running || !due.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("the time runs from receipt: %s", due)
	}
	if until := x.SilentUntil(); !until.Equal(noon.AddDate(0, 0, 42)) {
		t.Errorf("too long a silence is kept as long as the law allows, not until %s", until)
	}
	rules, err := profiles(t).LatestHoldRules("holds/csar")
	if err != nil {
		t.Fatal(err)
	}
	record, err := hold.Start("hold/17", hold.NoRemove, "item/17", rules,
		hold.Hold{Requester: "police/17", LegalBasis: "Article 48(6)(b)", Reason: "inquiry", From: noon, Until: noon.AddDate(0, 1, 0)}, noon)
	if err != nil {
		t.Fatal(err)
	}
	clean := issuedFacts(t, law.OrderRemoval)
	held, effects, err := Receive(form, clean, nil, Proof{At: noon, Receipt: "envelope/17"}, hold.Check{At: noon, Holds: []hold.Record{record}}, noon)
	if err != nil || held.State != Received || !strings.Contains(find(effects, RaiseAlarm).Reason, "material stays") {
		t.Errorf("an order against a hold: %v %v", effects, err)
	}
	for name, refused := range map[string]func() error{
		"no proof": func() error {
			_, _, err := Receive(form, clean, nil, Proof{At: noon}, nothingHeld(noon), noon)
			return err
		},
		"in the future": func() error {
			_, _, err := Receive(form, clean, nil, Proof{noon.Add(1), "e"}, nothingHeld(noon), noon)
			return err
		},
		"no look for holds": func() error { _, _, err := Receive(form, clean, nil, Proof{noon, "e"}, hold.Check{}, noon); return err },
		"another profile": func() error {
			_, _, err := Receive(profile(t, law.OrderDelisting), clean, nil, Proof{noon, "e"}, nothingHeld(noon), noon)
			return err
		},
	} {
		if err := refused(); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheProviderAnswersInTheForms(t *testing.T) {
	x, effects, _ := carry(t, received(t, law.OrderRemoval), step{"decline", 3 * time.Hour})
	send := find(effects, Send)
	if x.State != Clarification || send.Document != DocumentAnswer || !slices.Equal(send.To, []string{law.ToRequester}) || send.Article != "Article 14(5) and (6)" {
		t.Fatalf("%s %+v", x.State, send)
	}
	if _, running := x.Clock(ClockExecution); running {
		t.Error("the time runs while clarification is awaited")
	}
	if x, _, _ := carry(t, received(t, law.OrderRemoval), step{"accept", time.Hour}, step{"decline", time.Hour}); x.Accepted != nil || x.Declined == nil {
		t.Errorf("declined after it was accepted: %+v %+v", x.Accepted, x.Declined)
	}
	x, effects, now := carry(t, received(t, law.OrderRemoval), providerWays[Executed]...)
	if set := find(effects, SetClock); set.Clock != ClockAnswer || !set.At.Equal(now.Add(24*time.Hour)) {
		t.Errorf("nobody reminds of the answer: %+v", effects)
	}
	if took, ok := x.Took(); !ok || took != 2*time.Hour {
		t.Errorf("it took %s (Article 83(1)(b))", took)
	}
	forgotten, effects := apply(t, x, now.Add(24*time.Hour), Event{Kind: Strike, Clock: ClockAnswer})
	if _, running := forgotten.Clock(ClockAnswer); !has(effects, RaiseAlarm) || !running {
		t.Errorf("the answer is forgotten: %v", effects)
	}
	x, effects = apply(t, x, now, provider(t, x, now)[SendAnswer])
	send = find(effects, Send)
	if _, running := x.Clock(ClockAnswer); running || !slices.Equal(send.To, []string{law.ToRequester, law.ToCentre}) || send.Article != "Article 14(7)" {
		t.Errorf("%+v", send)
	}
	if due, running := x.Clock(ClockRetention); !running || !due.Equal(law.Period{Months: 12}.Expiry(now)) {
		t.Errorf("retention ends %s", due)
	}
	kept, effects := apply(t, x, law.Period{Months: 12}.Expiry(now), Event{Kind: Strike, Clock: ClockRetention})
	if !has(effects, EraseKept) || kept.State != Executed {
		t.Errorf("%v", effects)
	}
}

// TestTheUserIsTold: Article 15(3) and (4).
func TestTheUserIsTold(t *testing.T) {
	x, effects, now := carry(t, received(t, law.OrderRemoval, open), providerWays[Executed]...)
	if x.User.State != UserDue || find(effects, InformUser).Reason != law.OnExecuted {
		t.Fatalf("%s %v", x.User.State, effects)
	}
	reminded, effects := apply(t, x, now.Add(24*time.Hour), Event{Kind: Strike, Clock: ClockUserInformation})
	if !has(effects, RaiseAlarm) || reminded.User.State != UserDue {
		t.Errorf("%v", effects)
	}
	told, _ := apply(t, x, now, provider(t, x, now)[UserInformed])
	copied, effects := apply(t, told, now, Event{Kind: CopyAsked})
	if told.User.State != UserSent || told.User.Sent.Person != "person/moderator" || !has(effects, SendCopy) || copied.User.Copies != 1 {
		t.Errorf("%+v %v", copied.User, effects)
	}
	if _, _, err := told.Apply(by("person/moderator", Event{Kind: NobodyToInform}), now); !problem.Is(err, problem.Conflict) {
		t.Errorf("nobody after somebody was told: %v", err)
	}
	nobody, _ := apply(t, x, now, provider(t, x, now)[NobodyToInform])
	if _, running := nobody.Clock(ClockUserInformation); nobody.User.State != UserNobody || running {
		t.Errorf("%+v", nobody.User)
	}
	held, effects, _ := carry(t, received(t, law.OrderRemoval), providerWays[Executed]...)
	until := noon.AddDate(0, 0, 42)
	if due, running := held.Clock(ClockNonDisclosure); held.User.State != UserHeld || has(effects, InformUser) || !running || !due.Equal(until) {
		t.Fatalf("%s %v until %s", held.User.State, effects, due)
	}
	due, effects := apply(t, held, until, Event{Kind: Strike, Clock: ClockNonDisclosure})
	if due.User.State != UserDue || !has(effects, InformUser) {
		t.Errorf("%s %v", due.User.State, effects)
	}
	if _, effects := apply(t, due, until, Event{Kind: CopyAsked}); !has(effects, SendCopy) {
		t.Errorf("the end of non-disclosure is the first moment after it: %v", effects)
	}
	// Executed after non-disclosure has ended: due at once.
	late, _, _ := carry(t, received(t, law.OrderRemoval), step{"accept", time.Hour}, step{"carried-out", 43 * 24 * time.Hour})
	if late.User.State != UserDue {
		t.Errorf("%s", late.User.State)
	}
}

// TestWhoeverExecutesAllTheSame: the time runs again, so that nothing stays undone
// without a clock.
func TestWhoeverExecutesAllTheSame(t *testing.T) {
	x, _, now := carry(t, received(t, law.OrderRemoval), step{"decline/impossible", 3 * time.Hour}, step{"accept", 10 * time.Hour})
	if due, running := x.Clock(ClockExecution); x.State != Evaluated || !running || !due.Equal(now.Add(24*time.Hour)) {
		t.Fatalf("%s %v", x.State, x.Clocks)
	}
	late, effects := apply(t, x, now.Add(24*time.Hour), Event{Kind: Strike, Clock: ClockExecution})
	if len(late.Lapses) != 1 || !has(effects, RaiseAlarm) || !has(effects, AskPerson) || late.State != Evaluated {
		t.Errorf("%s %v", late.State, effects)
	}
	ended, effects, now := carry(t, received(t, law.OrderRemoval), step{"decline/impossible", 3 * time.Hour}, step{"reason-ended", 10 * time.Hour})
	if due, running := ended.Clock(ClockExecution); ended.State != Received || !running || !due.Equal(now.Add(24*time.Hour)) || !slices.Equal(find(effects, Tell).To, []string{law.ToRequester}) {
		t.Errorf("%s %v %v", ended.State, ended.Clocks, effects)
	}
}

func TestABlockingOrderEndsByItself(t *testing.T) {
	x, _, _ := carry(t, received(t, law.OrderBlocking), providerWays[Executed]...)
	if _, running := x.Clock(ClockExecution); running {
		t.Error("no article sets a time for execution of a blocking order")
	}
	due, _ := x.Clock(ClockReport)
	asked, effects := apply(t, x, due, Event{Kind: Strike, Clock: ClockReport})
	if !has(effects, AskPerson) {
		t.Errorf("%v", effects)
	}
	reported, _ := apply(t, asked, due, by("person/moderator", Event{Kind: Reported, Digest: bytesB}))
	if _, running := reported.Clock(ClockReport); running {
		t.Error("reported, and still asked")
	}
	until := noon.AddDate(3, 0, 0)
	ended, effects := apply(t, x, until, Event{Kind: Strike, Clock: ClockEnd})
	if ended.State != Ended || !has(effects, Restore) || !has(effects, AskPerson) {
		t.Errorf("%s %v", ended.State, effects)
	}
	before := by("person/moderator", Event{Kind: Undo, At: until.Add(-time.Hour)})
	if _, _, err := ended.Apply(before, until.Add(time.Hour)); !problem.Is(err, problem.Invalid) {
		t.Errorf("undone before it ended: %v", err)
	}
	for _, kind := range []EventKind{Undo, Keep} {
		done, effects := apply(t, ended, until.Add(time.Hour), provider(t, ended, until.Add(time.Hour))[kind])
		if !slices.Contains(find(effects, Tell).To, law.ToRequester) || done.State != Ended || done.Undone == nil || done.User.State != UserDue {
			t.Errorf("%s: %s %v", kind, done.State, effects)
		}
		if _, _, err := done.Apply(provider(t, done, until.Add(2*time.Hour))[kind], until.Add(2*time.Hour)); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s twice: %v", kind, err)
		}
	}
	idle, effects := apply(t, received(t, law.OrderBlocking), until, Event{Kind: Strike, Clock: ClockEnd})
	if has(effects, Restore) || len(idle.Clocks) != 0 {
		t.Errorf("what was never done is to be undone: %v %v", effects, idle.Clocks)
	}
}

// TestNobodyForgetsABlockingOrder: no article sets a time for execution, and people
// are reminded all the same, from the start date on.
func TestNobodyForgetsABlockingOrder(t *testing.T) {
	from := noon.AddDate(0, 0, 10)
	x := received(t, law.OrderBlocking, func(o *Order) { o.Blocking.Period.From = from })
	if due, running := x.Clock(ClockAnswer); !running || !due.Equal(from.Add(24*time.Hour)) {
		t.Fatalf("%v", x.Clocks)
	}
	late, effects := apply(t, x, from.Add(24*time.Hour), Event{Kind: Strike, Clock: ClockAnswer})
	if due, _ := late.Clock(ClockAnswer); !has(effects, RaiseAlarm) || !due.Equal(from.Add(48*time.Hour)) {
		t.Errorf("%v %v", effects, late.Clocks)
	}
	now := noon.Add(time.Hour)
	court := Event{Kind: Challenge, By: "court/17", Suspends: true, Receipt: "envelope/18", Reason: "reason number 17"}
	suspended, _ := apply(t, x, now, court)
	if _, running := suspended.Clock(ClockAnswer); running || !suspended.Paused {
		t.Errorf("reminded of what a court suspended: %v", suspended.Clocks)
	}
	lifted, _ := apply(t, suspended, now, Event{Kind: LiftSuspension, At: now, Receipt: "envelope/19", Reason: "reason number 18"})
	if _, running := lifted.Clock(ClockAnswer); !running {
		t.Errorf("forgotten after the court: %v", lifted.Clocks)
	}
}
