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
	"github.com/brdoproject/brdo/domain/watch"
)

// start is when the sample order is requested; it is issued and received at noon.
var start = noon.Add(-3 * time.Hour)

func sampleRequest(t testing.TB, kind law.OrderKind) Request {
	t.Helper()
	_, facts, err := ReadRequest(written(t, request(kind)), profile(t, kind))
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Facts: facts, Person: "person/requester", Decision: "decision/request", Consulted: []string{"police/17"}}
	if kind == law.OrderBlocking {
		r.Consulted, r.Heard = nil, "heard on 2026-11-01, comment number 17"
		r.Evidence = map[string]string{"used": "a", "necessary": "b", "reliable": "c", "balance": "d"}
	}
	return r
}

func requested(t testing.TB, kind law.OrderKind) Issuance {
	t.Helper()
	i, effects, err := NewIssuance(profile(t, kind), sampleRequest(t, kind), start)
	if err != nil || !has(effects, AskPerson) {
		t.Fatalf("%v %v", effects, err)
	}
	return i
}

// must applies events, each at its moment.
func must(t testing.TB, i Issuance, now time.Time, events ...Event) (Issuance, []Effect) {
	t.Helper()
	var effects []Effect
	for _, event := range events {
		var err error
		if i, effects, err = again(t, i).Apply(event, now); err != nil {
			t.Fatalf("%s in %s: %v", event.Kind, i.State, err)
		}
	}
	return i, effects
}

func by(person string, event Event) Event {
	event.Person, event.Decision = person, "decision/"+person+"/"+string(event.Kind)
	if event.Reason == "" {
		event.Reason = "reason number 17"
	}
	return event
}

// authority holds a good event of every kind for the sample at the moment now.
func authority(t testing.TB, kind law.OrderKind, i Issuance, now time.Time) map[EventKind]Event {
	t.Helper()
	facts := issuedFacts(t, kind)
	bound := i.Facts
	if i.Issued == nil {
		bound = facts
	}
	form := profile(t, kind)
	// No answer is older than receipt; before that the sample is never used.
	answered := now
	if answered.Before(noon.Add(time.Minute)) {
		answered = noon.Add(time.Minute)
	}
	refusing := answerFacts(t, kind, bound, cannot(t, kind, bound, answered, "manifest_errors"))
	doing := &AnswerFacts{Kind: AnswerExecution, Measure: form.Measures[0].Key, MeasuredAt: answered.Add(-time.Minute), ReceivedAt: noon, At: answered}
	if kind != law.OrderBlocking {
		doing = answerFacts(t, kind, bound, did(t, kind, bound, answered.Add(-time.Minute), form.Measures[0].Key))
	}
	round := watch.Round{At: now, By: "node"}
	for _, place := range bound.Places {
		round.Checks = append(round.Checks, watch.Check{Place: place, Finding: watch.Gone, Reason: "status 404"})
	}
	events := map[EventKind]Event{
		Ask:                   by("person/requester", Event{Kind: Ask, Asked: []string{"unit/17", "unit/18"}}),
		NobodyToAsk:           by("person/requester", Event{Kind: NobodyToAsk}),
		Answered:              {Kind: Answered, By: "unit/17"},
		Proceed:               by("person/requester", Event{Kind: Proceed}),
		Issue:                 by("person/judge", Event{Kind: Issue, Facts: &facts, Check: nothingHeld(now), Appeal: law.Period{Days: 15}}),
		Refuse:                by("person/judge", Event{Kind: Refuse}),
		DeliveryProven:        {Kind: DeliveryProven, At: now, Receipt: "receipt/17"},
		DeliveryFailed:        {Kind: DeliveryFailed, Reason: "no answer"},
		CannotExecute:         {Kind: CannotExecute, Answer: refusing, Receipt: "receipt/18"},
		ReasonEnded:           {Kind: ReasonEnded, At: now, Receipt: "receipt/19"},
		Clarify:               by("person/requester", Event{Kind: Clarify, Digest: bytesB}),
		ClarificationReceived: {Kind: ClarificationReceived, At: now, Receipt: "receipt/20"},
		ExecutionReported:     {Kind: ExecutionReported, Answer: doing, Receipt: "receipt/21"},
		Looked:                {Kind: Looked, Round: &round},
		FoundElsewhere:        {Kind: FoundElsewhere, Place: "https://elsewhere.example/17"},
		Resolve:               by("person/requester", Event{Kind: Resolve}),
		Challenge:             by("person/judge", Event{Kind: Challenge, By: "court/17"}),
		LiftSuspension:        by("person/judge", Event{Kind: LiftSuspension, At: now}),
		Confirm:               by("person/judge", Event{Kind: Confirm}),
		Annul:                 by("person/judge", Event{Kind: Annul, By: "court/17"}),
		Withdraw:              by("person/judge", Event{Kind: Withdraw}),
		RestorationProven:     {Kind: RestorationProven, At: now, Receipt: "receipt/22"},
		RestorationRefused:    {Kind: RestorationRefused, Receipt: "receipt/23", Reason: "another order"},
		Assess:                by("person/requester", Event{Kind: Assess}),
		Reported:              {Kind: Reported, Digest: bytesB, Receipt: "receipt/24"},
		AskReassessment:       {Kind: AskReassessment, By: "provider/17", Place: "https://one.example/picture/17", Reason: "reason number 17", Receipt: "receipt/25"},
		Reassess:              by("person/requester", Event{Kind: Reassess, Place: "https://one.example/picture/17"}),
	}
	if len(i.NonDisclosure) > 0 {
		last := i.NonDisclosure[len(i.NonDisclosure)-1]
		more := Facts{ID: "order/18", Kind: kind, Digest: bytesB, Extends: i.Facts.ID, NonDisclosure: &Period{From: last.Until, Until: last.Until.AddDate(0, 0, 42)}}
		events[ExtendNonDisclosure] = by("person/judge", Event{Kind: ExtendNonDisclosure, Facts: &more})
	} else {
		events[ExtendNonDisclosure] = by("person/judge", Event{Kind: ExtendNonDisclosure, Facts: &Facts{ID: "order/18", Kind: kind, Digest: bytesB, Extends: i.Facts.ID, NonDisclosure: &Period{From: now, Until: now.AddDate(0, 0, 42)}}})
	}
	return events
}

// step is an event of the sample by its kind, so many hours after the last one;
// variants are written kind/variant.
type step struct {
	kind  string
	after time.Duration
}

func walk(t testing.TB, kind law.OrderKind, steps ...step) (Issuance, []Effect, time.Time) {
	t.Helper()
	i, now := requested(t, kind), start
	var effects []Effect
	for _, s := range steps {
		now = now.Add(s.after)
		if clock, strikes := strings.CutPrefix(s.kind, "strike/"); strikes {
			i, effects = must(t, i, now, Event{Kind: Strike, Clock: ClockID(clock)})
			continue
		}
		name, variant, _ := strings.Cut(s.kind, "/")
		event := authority(t, kind, i, now)[EventKind(name)]
		switch variant {
		case "impossible":
			event.Answer = answerFacts(t, kind, i.Facts, cannot(t, kind, i.Facts, now, "force_majeure_or_impossibility"))
		case "both":
			event.Answer = answerFacts(t, kind, i.Facts, cannot(t, kind, i.Facts, now, "force_majeure_or_impossibility", "insufficient_information"))
		case "objects":
			event.Objects, event.Until, event.Reason = true, now.Add(5*24*time.Hour), "running inquiry"
		case "18":
			event.By = "unit/18"
		case "suspends":
			event.Suspends = true
		case "present", "unknown":
			event.Round.Checks[0].Finding = watch.Finding(variant)
		}
		i, effects = must(t, i, now, event)
	}
	return i, effects, now
}

// ways leads to every state of an issuance.
var ways = map[State][]step{
	Requested:     {},
	Deconflicting: {{"ask-investigators", 0}},
	Deconflicted:  {{"nobody-to-ask", 2 * time.Hour}},
	Refused:       {{"nobody-to-ask", 2 * time.Hour}, {"refuse", 0}},
	Withdrawn:     {{"withdraw", 0}},
	Issued:        {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}},
	Delivered:     {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}},
	Overdue:       {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"strike/execution", 24 * time.Hour}},
	Impossible:    {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"cannot-execute/impossible", 3 * time.Hour}},
	Clarification: {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"cannot-execute", 3 * time.Hour}},
	Executed:      {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"execution-reported", 2 * time.Hour}},
	Verified:      {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"execution-reported", 2 * time.Hour}, {"looked", time.Hour}},
	Reappeared:    {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"execution-reported", 2 * time.Hour}, {"looked/present", time.Hour}},
	Restoring:     {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"execution-reported", 2 * time.Hour}, {"annul", time.Hour}},
	Restored:      {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"annul", time.Hour}, {"restored", time.Hour}},
	NotRestored:   {{"nobody-to-ask", 2 * time.Hour}, {"issue", time.Hour}, {"delivered", 0}, {"annul", time.Hour}, {"not-restored", time.Hour}},
}

// TestEveryTransitionOfAnIssuance applies a good event of every kind in every
// state and compares what follows with the table of testdata: the next state,
// the effects in order, or the kind of problem.
func TestEveryTransitionOfAnIssuance(t *testing.T) {
	var table strings.Builder
	seen := map[EventKind]bool{}
	row := func(kind law.OrderKind, state State, steps []step) {
		i, _, now := walk(t, kind, steps...)
		if i.State != state {
			t.Fatalf("the way to %s ends in %s", state, i.State)
		}
		now = now.Add(time.Minute)
		events := authority(t, kind, i, now)
		for _, name := range sortedKinds(events) {
			unchanged(t, i, func(i Issuance) { _, _, _ = i.Apply(events[name], now) })
			next, effects, err := i.Apply(events[name], now)
			switch {
			case problem.Is(err, problem.Conflict):
			case err != nil:
				fmt.Fprintf(&table, "%s %s + %s: %s\n", kind, state, name, problem.From(err).Kind)
			default:
				seen[name] = true
				fmt.Fprintf(&table, "%s %s + %s → %s %v\n", kind, state, name, next.State, kinds(effects))
			}
			if err != nil && (effects != nil || !reflect.DeepEqual(next, i)) {
				t.Errorf("a refused %s changed an order that is %s", name, state)
			}
		}
		for _, clock := range i.Clocks {
			if next, effects, err := i.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due.Add(-1)); err != nil || effects != nil || !reflect.DeepEqual(next, i) {
				t.Errorf("%s struck early in %s: %v %v", clock.Clock, state, effects, err)
			}
			next, effects, err := i.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due)
			if err != nil || len(effects) == 0 {
				t.Errorf("%s struck in %s: %v %v", clock.Clock, state, effects, err)
			}
			fmt.Fprintf(&table, "%s %s + strike %s → %s %v\n", kind, state, clock.Clock, next.State, kinds(effects))
		}
	}
	for _, state := range slices.Sorted(mapKeys(ways)) {
		row(law.OrderRemoval, state, ways[state])
	}
	row(law.OrderBlocking, Delivered, ways[Delivered])
	row(law.OrderBlocking, Executed, ways[Executed])
	row(law.OrderBlocking, Executed, append(slices.Clone(ways[Executed]), step{"ask-reassessment", time.Hour}))
	row(law.OrderBlocking, Ended, append(slices.Clone(ways[Executed]), step{"strike/end", 3 * 366 * 24 * time.Hour}))
	suspended := append(slices.Clone(ways[Delivered]), step{"challenge/suspends", time.Hour})
	row(law.OrderDelisting, Delivered, suspended)
	row(law.OrderRemoval, Clarification, append(slices.Clone(ways[Clarification]), step{"clarify", time.Hour}))
	golden(t, "issuance-transitions.txt", []byte(table.String()))
	for kind := range issuanceRules {
		if !seen[kind] {
			t.Errorf("no row of the table takes the event %s", kind)
		}
	}
}

func mapKeys[K comparable, V any](all map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for key := range all {
			if !yield(key) {
				return
			}
		}
	}
}

func sortedKinds(events map[EventKind]Event) []EventKind { return slices.Sorted(mapKeys(events)) }

func TestIssuanceRefuses(t *testing.T) {
	with := func(change func(*Event)) func(*Event) { return change }
	cases := []struct {
		name   string
		steps  []step
		event  EventKind
		change func(*Event)
		kind   problem.Kind
	}{
		{"a decision of no person", ways[Deconflicted], Issue, with(func(e *Event) { e.Person = "" }), problem.Invalid},
		{"a decision that is not recorded", ways[Deconflicted], Issue, with(func(e *Event) { e.Decision = "" }), problem.Invalid},
		{"issue by the requester", ways[Deconflicted], Issue, with(func(e *Event) { e.Person = "person/requester" }), problem.Denied},
		{"issue with the decision of the request", ways[Deconflicted], Issue, with(func(e *Event) { e.Decision = "decision/request" }), problem.Invalid},
		{"issue before investigators were asked", nil, Issue, nil, problem.Conflict},
		{"issue while investigators are asked", ways[Deconflicting], Issue, nil, problem.Conflict},
		{"issue without a look for holds", ways[Deconflicted], Issue, with(func(e *Event) { e.Check = hold.Check{} }), problem.Invalid},
		{"issue after a look of yesterday", ways[Deconflicted], Issue, with(func(e *Event) { e.Check.At = e.Check.At.AddDate(0, 0, -1) }), problem.Invalid},
		{"issue of another order", ways[Deconflicted], Issue, with(func(e *Event) { e.Facts.ID = "order/18" }), problem.Conflict},
		{"issue of a place that was not requested", ways[Deconflicted], Issue, with(func(e *Event) { e.Facts.Places = append(slices.Clone(e.Facts.Places), "https://pictures.example/19") }), problem.Conflict},
		{"issue without a date", ways[Deconflicted], Issue, with(func(e *Event) { e.Facts.IssuedAt = time.Time{} }), problem.Invalid},
		{"issue with seven weeks of silence", ways[Deconflicted], Issue, with(func(e *Event) {
			e.Facts.NonDisclosure = &Period{From: noon, Until: noon.AddDate(0, 0, 49)}
		}), problem.Invalid},
		{"issue with a silence that was not requested", ways[Deconflicted], Issue, nil, problem.Conflict},
		{"issue of no bytes", ways[Deconflicted], Issue, with(func(e *Event) { e.Facts.Digest = "" }), problem.Invalid},
		{"refusal without reason", ways[Deconflicted], Refuse, with(func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"nobody to ask without reason", nil, NobodyToAsk, with(func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"asking nobody", nil, Ask, with(func(e *Event) { e.Asked = nil }), problem.Invalid},
		{"an objection without end", ways[Deconflicting], Answered, with(func(e *Event) { e.Objects, e.Reason = true, "inquiry" }), problem.Invalid},
		{"an objection without reason", ways[Deconflicting], Answered, with(func(e *Event) { e.Objects, e.Until = true, noon.AddDate(0, 1, 0) }), problem.Invalid},
		{"an objection for 19 months", ways[Deconflicting], Answered, with(func(e *Event) {
			e.Objects, e.Reason, e.Until = true, "inquiry", noon.AddDate(0, 19, 0)
		}), problem.Invalid},
		{"delivery without receipt", ways[Issued], DeliveryProven, with(func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"delivery in the future", ways[Issued], DeliveryProven, with(func(e *Event) { e.At = e.At.Add(time.Hour) }), problem.Invalid},
		{"delivery before it was issued", ways[Issued], DeliveryProven, with(func(e *Event) { e.At = e.At.Add(-2 * time.Hour) }), problem.Invalid},
		{"delivery at no time", ways[Issued], DeliveryProven, with(func(e *Event) { e.At = time.Time{} }), problem.Invalid},
		{"an answer that says nothing", ways[Delivered], CannotExecute, with(func(e *Event) { e.Answer = &AnswerFacts{} }), problem.Invalid},
		{"no answer", ways[Delivered], CannotExecute, with(func(e *Event) { e.Answer = nil }), problem.Invalid},
		{"an answer to what was never proven to arrive", ways[Issued], CannotExecute, with(func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"an end of the reason that nobody says", ways[Impossible], ReasonEnded, with(func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"an end of the reason before it was told", ways[Impossible], ReasonEnded, with(func(e *Event) { e.At = e.At.Add(-time.Hour) }), problem.Invalid},
		{"a clarification of no bytes", ways[Clarification], Clarify, with(func(e *Event) { e.Digest = "" }), problem.Invalid},
		{"a clarification that nobody asked for", ways[Impossible], Clarify, nil, problem.Conflict},
		{"a clarification received before it was sent", ways[Clarification], ClarificationReceived, nil, problem.Conflict},
		{"a measure in the future", ways[Delivered], ExecutionReported, with(func(e *Event) { e.Answer.MeasuredAt = e.Answer.MeasuredAt.Add(time.Hour) }), problem.Invalid},
		{"a measure without bytes", ways[Delivered], ExecutionReported, with(func(e *Event) { e.Answer.Digest = "" }), problem.Invalid},
		{"a round that leaves a place out", ways[Executed], Looked, with(func(e *Event) { e.Round.Checks = e.Round.Checks[1:] }), problem.Invalid},
		{"a finding at its own address", ways[Executed], FoundElsewhere, with(func(e *Event) { e.Place = "https://pictures.example/landscape/17" }), problem.Invalid},
		{"an extension by the requester", ways[Delivered], ExtendNonDisclosure, with(func(e *Event) { e.Person = "person/requester" }), problem.Denied},
		{"an extension of another order", ways[Delivered], ExtendNonDisclosure, with(func(e *Event) { e.Facts.Extends = "order/1" }), problem.Invalid},
		{"an extension with a gap", ways[Delivered], ExtendNonDisclosure, with(func(e *Event) { e.Facts.NonDisclosure.From = e.Facts.NonDisclosure.From.Add(time.Hour) }), problem.Invalid},
		{"an extension of more than six weeks", ways[Delivered], ExtendNonDisclosure, with(func(e *Event) { e.Facts.NonDisclosure.Until = e.Facts.NonDisclosure.Until.Add(1) }), problem.Invalid},
		{"an annulment by no court", ways[Delivered], Annul, with(func(e *Event) { e.By = "" }), problem.Invalid},
		{"a challenge before no court", ways[Delivered], Challenge, with(func(e *Event) { e.By = "" }), problem.Invalid},
		{"the lift of a suspension that is none", ways[Delivered], LiftSuspension, nil, problem.Conflict},
		{"a restoration without proof", ways[Restoring], RestorationProven, with(func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"a restoration before the annulment", ways[Restoring], RestorationProven, with(func(e *Event) { e.At = e.At.Add(-2 * time.Hour) }), problem.Invalid},
		{"the yearly assessment of a removal", ways[Delivered], Assess, nil, problem.Conflict},
		{"a halfway report of a removal", ways[Delivered], Reported, nil, problem.Conflict},
		{"a look again at what is removed", ways[Delivered], AskReassessment, nil, problem.Conflict},
		{"an answer to nobody", ways[Delivered], Reassess, nil, problem.Conflict},
		{"a second annulment", ways[Restoring], Annul, nil, problem.Conflict},
		{"an event that is none", ways[Delivered], "erase", nil, problem.Invalid},
	}
	for _, c := range cases {
		i, _, now := walk(t, law.OrderRemoval, c.steps...)
		now = now.Add(time.Minute)
		event := authority(t, law.OrderRemoval, i, now)[c.event]
		event.Kind = c.event
		if c.name == "issue with a silence that was not requested" {
			i.Request.Facts.NonDisclosure = nil
		}
		if c.change != nil {
			c.change(&event)
		}
		next, effects, err := i.Apply(event, now)
		if !problem.Is(err, c.kind) || effects != nil || !reflect.DeepEqual(next, i) {
			t.Errorf("%s: %v (%s, %v)", c.name, err, next.State, effects)
		}
	}
}

func TestRequestNeedsItsPapers(t *testing.T) {
	cases := []struct {
		name   string
		kind   law.OrderKind
		change func(*Request, *law.OrderForm)
		field  string
	}{
		{"no person", law.OrderRemoval, func(r *Request, _ *law.OrderForm) { r.Person = "" }, "decision"},
		{"another profile", law.OrderRemoval, func(r *Request, _ *law.OrderForm) { r.Facts.Profile.Version = 2 }, "profile"},
		{"an unverified profile", law.OrderRemoval, func(_ *Request, f *law.OrderForm) { f.Status = law.Unverified }, ""},
		{"no places", law.OrderRemoval, func(r *Request, _ *law.OrderForm) { r.Facts.Places = nil }, "facts"},
		{"an extension", law.OrderRemoval, func(r *Request, _ *law.OrderForm) { r.Facts.Extends = "order/1" }, "facts.extends"},
		{"non-disclosure without consulting", law.OrderRemoval, func(r *Request, _ *law.OrderForm) { r.Consulted = nil }, "consulted"},
		{"a provider that was not heard", law.OrderBlocking, func(r *Request, _ *law.OrderForm) { r.Heard = "" }, "heard"},
		{"a condition without evidence", law.OrderBlocking, func(r *Request, _ *law.OrderForm) { r.Evidence["balance"] = " " }, "evidence.balance"},
	}
	for _, c := range cases {
		r, form := sampleRequest(t, c.kind), *profile(t, c.kind)
		c.change(&r, &form)
		_, effects, err := NewIssuance(&form, r, start)
		if err == nil || effects != nil || problem.From(err).Field != c.field {
			t.Errorf("%s: %v %v", c.name, effects, err)
		}
	}
}

// TestInvestigatorsAreAskedFirst: nobody whom a removal would harm is passed over.
func TestInvestigatorsAreAskedFirst(t *testing.T) {
	asked, effects, now := walk(t, law.OrderRemoval, step{"ask-investigators", 0})
	if ask := find(effects, AskInvestigators); asked.State != Deconflicting || !slices.Equal(ask.To, []string{"unit/17", "unit/18"}) {
		t.Fatalf("%s %v", asked.State, effects)
	}
	due, running := asked.Clock(ClockDeconfliction)
	if !running || !due.Equal(now.Add(24*time.Hour)) {
		t.Fatalf("clock %v %v", due, running)
	}
	silent, effects := must(t, asked, due, Event{Kind: Strike, Clock: ClockDeconfliction})
	if silent.State != Deconflicting || !strings.Contains(find(effects, RaiseAlarm).Reason, "unit/17, unit/18") || !has(effects, SetClock) {
		t.Errorf("silence is no consent: %s %v", silent.State, effects)
	}
	one, _, _ := walk(t, law.OrderRemoval, step{"ask-investigators", 0}, step{"investigator-answered", time.Hour})
	if one.State != Deconflicting {
		t.Errorf("one of two answered: %s", one.State)
	}
	both, effects, _ := walk(t, law.OrderRemoval, step{"ask-investigators", 0}, step{"investigator-answered", time.Hour}, step{"investigator-answered/18", time.Hour})
	if both.State != Deconflicted || !has(effects, AskPerson) || len(both.Clocks) != 1 {
		t.Errorf("both answered: %s %v %v", both.State, effects, both.Clocks)
	}
	objected, effects, now := walk(t, law.OrderRemoval, step{"ask-investigators", 0}, step{"investigator-answered/18", 0}, step{"investigator-answered/objects", time.Hour})
	until, running := objected.Clock(ClockObjection)
	if objected.State != Deconflicting || !running || !until.Equal(now.Add(5*24*time.Hour)) || !has(effects, AskPerson) {
		t.Fatalf("objection: %s %v %v", objected.State, until, effects)
	}
	lapsed, effects := must(t, objected, until, Event{Kind: Strike, Clock: ClockObjection})
	if lapsed.State != Deconflicted || !has(effects, AskPerson) {
		t.Errorf("the objection ended: %s %v", lapsed.State, effects)
	}
	released, _ := must(t, objected, now.Add(time.Hour), Event{Kind: Answered, By: "unit/17"})
	if _, running := released.Clock(ClockObjection); released.State != Deconflicted || running {
		t.Errorf("the objection was taken back: %s", released.State)
	}
	despite, effects := must(t, objected, now.Add(time.Hour), by("person/requester", Event{Kind: Proceed}))
	if tell := find(effects, Tell); despite.State != Deconflicted || !slices.Equal(tell.To, []string{law.ToInvestigators}) || despite.Cleared == nil {
		t.Errorf("despite: %s %v", despite.State, effects)
	}
	later, _ := must(t, despite, now.Add(2*time.Hour), Event{Kind: Answered, By: "unit/19", Objects: true, Until: now.AddDate(0, 0, 9), Reason: "inquiry"})
	if later.State != Deconflicting {
		t.Errorf("a new objection after the decision: %s", later.State)
	}
	unasked, _ := must(t, requested(t, law.OrderRemoval), start, Event{Kind: Answered, By: "unit/19", Objects: true, Until: start.AddDate(0, 0, 1), Reason: "inquiry"})
	freed, _ := must(t, unasked, start.AddDate(0, 0, 1), Event{Kind: Strike, Clock: ClockObjection})
	if unasked.State != Deconflicting || freed.State != Requested {
		t.Errorf("whoever spoke up unasked stands for nobody else: %s, then %s", unasked.State, freed.State)
	}
	sent, _, now := walk(t, law.OrderRemoval, ways[Delivered]...)
	late, effects := must(t, sent, now, Event{Kind: Answered, By: "unit/17", Objects: true, Until: now.AddDate(0, 0, 9), Reason: "inquiry"})
	if late.State != Delivered || !has(effects, RaiseAlarm) {
		t.Errorf("an objection after sending: %s %v", late.State, effects)
	}
}

// TestAHoldBarsIssuing: Article 48(6)(b).
func TestAHoldBarsIssuing(t *testing.T) {
	i, _, now := walk(t, law.OrderRemoval, ways[Deconflicted]...)
	rules, err := profiles(t).LatestHoldRules("holds/csar")
	if err != nil {
		t.Fatal(err)
	}
	first := hold.Hold{Requester: "police/17", LegalBasis: "Article 48(6)(b)", Reason: "running inquiry", From: now, Until: now.Add(time.Hour)}
	record, err := hold.Start("hold/17", hold.NoRemove, "item/17", rules, first, now)
	if err != nil {
		t.Fatal(err)
	}
	event := authority(t, law.OrderRemoval, i, now)[Issue]
	event.Check.Holds = []hold.Record{record}
	if _, _, err := i.Apply(event, now); !problem.Is(err, problem.Denied) {
		t.Fatalf("issued against a hold: %v", err)
	}
	event.Check.At = now.Add(time.Hour)
	if next, _, err := i.Apply(event, now.Add(time.Hour)); err != nil || next.State != Issued {
		t.Fatalf("after the hold: %s %v", next.State, err)
	}
	blocked, _, _ := walk(t, law.OrderBlocking, ways[Deconflicted]...)
	event = authority(t, law.OrderBlocking, blocked, now)[Issue]
	event.Check.Holds = []hold.Record{record}
	if next, _, err := blocked.Apply(event, now); err != nil || next.State != Issued {
		t.Fatalf("blocking leaves the material where it is: %v", err)
	}
}

func TestReceiptStartsTheClock(t *testing.T) {
	issued, effects, now := walk(t, law.OrderRemoval, ways[Issued]...)
	if send := find(effects, Send); send.Document != DocumentOrder || !slices.Equal(send.To, []string{law.ToProvider, law.ToRequester, law.ToCentre}) || send.Article != "Article 14(4), second subparagraph" {
		t.Errorf("%+v", send)
	}
	if due, running := issued.Clock(ClockDelivery); !running || !due.Equal(now.Add(4*time.Hour)) {
		t.Errorf("nobody looks whether it arrives: %v", issued.Clocks)
	}
	if _, running := issued.Clock(ClockExecution); running {
		t.Error("the time runs before receipt")
	}
	waited, effects := must(t, issued, now.Add(4*time.Hour), Event{Kind: Strike, Clock: ClockDelivery})
	if !has(effects, RaiseAlarm) || waited.State != Issued {
		t.Errorf("no receipt: %s %v", waited.State, effects)
	}
	// The receipt is read later than it was given: its own time counts.
	delivered, effects := must(t, waited, now.Add(5*time.Hour), Event{Kind: DeliveryProven, At: now.Add(time.Hour), Receipt: "receipt/17"})
	set := find(effects, SetClock)
	if delivered.State != Delivered || set.Clock != ClockExecution || !set.At.Equal(now.Add(25*time.Hour)) || !strings.Contains(set.Article, "Article 14(2)") {
		t.Errorf("%s %+v", delivered.State, set)
	}
	if due, running := delivered.Clock(ClockAppeal); !running || !due.Equal(law.Period{Days: 15}.Expiry(now.Add(time.Hour))) {
		t.Errorf("appeal: %v %v", due, running)
	}
	late, effects := must(t, delivered, now.Add(25*time.Hour), Event{Kind: Strike, Clock: ClockExecution})
	if tell := find(effects, Tell); late.State != Overdue || !slices.Equal(tell.To, []string{law.ToRequester}) || !has(effects, RaiseAlarm) {
		t.Errorf("%s %v", late.State, effects)
	}
	if took, ok := answeredAfter(t, delivered, now.Add(24*time.Hour)).Took(); !ok || took != 23*time.Hour-time.Minute {
		t.Errorf("it took %s (Article 83(2)(f))", took)
	}
	if _, ok := delivered.Took(); ok {
		t.Error("it took some time although it is not executed")
	}
	// The other side's clock may be off by a little, and no more.
	for minutes, want := range map[int]time.Time{3: now, -62: issued.Facts.IssuedAt} {
		ours, _ := must(t, issued, now, Event{Kind: DeliveryProven, At: now.Add(time.Duration(minutes) * time.Minute), Receipt: "receipt/17"})
		if !ours.Delivered.At.Equal(want) {
			t.Errorf("%d minutes off: received %s, want %s", minutes, ours.Delivered.At, want)
		}
	}
	for _, minutes := range []int{6, -66} {
		if _, _, err := issued.Apply(Event{Kind: DeliveryProven, At: now.Add(time.Duration(minutes) * time.Minute), Receipt: "receipt/17"}, now); !problem.Is(err, problem.Invalid) {
			t.Errorf("%d minutes off: %v", minutes, err)
		}
	}
	// An answer proves receipt when no receipt came.
	answered, _ := must(t, issued, now.Add(2*time.Hour), authority(t, law.OrderRemoval, issued, now.Add(2*time.Hour))[ExecutionReported])
	if answered.State != Executed || answered.Delivered == nil || !answered.Delivered.At.Equal(noon) {
		t.Errorf("%s %v", answered.State, answered.Delivered)
	}
}

func answeredAfter(t *testing.T, i Issuance, at time.Time) Issuance {
	t.Helper()
	i, _ = must(t, i, at, authority(t, law.OrderRemoval, i, at)[ExecutionReported])
	return i
}

// TestBothGroundsWaitForBoth: the time starts from the later of both moments.
func TestBothGroundsWaitForBoth(t *testing.T) {
	i, effects, now := walk(t, law.OrderRemoval, append(slices.Clone(ways[Delivered]), step{"cannot-execute/both", 3 * time.Hour})...)
	if i.State != Impossible || !has(effects, StopClock) || i.Counted["article-14-5-invoked"] != 1 || i.Counted["article-14-6-invoked"] != 1 {
		t.Fatalf("%s %v %v", i.State, effects, i.Counted)
	}
	events := func(i Issuance, at time.Time) map[EventKind]Event { return authority(t, law.OrderRemoval, i, at) }
	i, _ = must(t, i, now.Add(time.Hour), events(i, now.Add(time.Hour))[Clarify])
	i, _ = must(t, i, now.Add(2*time.Hour), events(i, now.Add(2*time.Hour))[ReasonEnded])
	if _, running := i.Clock(ClockExecution); i.State != Clarification || running {
		t.Fatalf("the clarification is not there yet: %s", i.State)
	}
	// The clarification was received before the reason ended; it is told later.
	event := events(i, now.Add(3*time.Hour))[ClarificationReceived]
	event.At = now.Add(90 * time.Minute)
	i, _ = must(t, i, now.Add(3*time.Hour), event)
	if due, running := i.Clock(ClockExecution); i.State != Delivered || !running || !due.Equal(now.Add(26*time.Hour)) {
		t.Fatalf("%s, due %s", i.State, due)
	}
}

// TestBothGroundsInTheOtherOrder: first the reason ended, then the clarification
// came; it is told the other way round.
func TestBothGroundsInTheOtherOrder(t *testing.T) {
	i, _, now := walk(t, law.OrderRemoval, append(slices.Clone(ways[Delivered]), step{"cannot-execute/both", 3 * time.Hour})...)
	i, _ = must(t, i, now.Add(time.Hour), authority(t, law.OrderRemoval, i, now.Add(time.Hour))[Clarify])
	ended := authority(t, law.OrderRemoval, i, now.Add(30*time.Minute))[ReasonEnded]
	i, _ = must(t, i, now.Add(2*time.Hour), ended)
	i, _ = must(t, i, now.Add(3*time.Hour), authority(t, law.OrderRemoval, i, now.Add(3*time.Hour))[ClarificationReceived])
	if due, running := i.Clock(ClockExecution); i.State != Delivered || !running || !due.Equal(now.Add(27*time.Hour)) {
		t.Fatalf("%s, due %s", i.State, due)
	}
}

// TestInvestigatorsHearOfTheEnd: whoever was asked is told when the order falls.
func TestInvestigatorsHearOfTheEnd(t *testing.T) {
	_, effects, _ := walk(t, law.OrderRemoval, step{"ask-investigators", 0}, step{"investigator-answered", time.Hour}, step{"investigator-answered/18", time.Hour},
		step{"issue", time.Hour}, step{"delivered", 0}, step{"annul", time.Hour})
	if told := find(effects, Tell).To; !slices.Contains(told, law.ToInvestigators) {
		t.Errorf("told are %v", told)
	}
}

func TestVerificationAndWhatReappears(t *testing.T) {
	_, effects, now := walk(t, law.OrderRemoval, ways[Executed]...)
	if at := find(effects, ScheduleVerification).At; !at.Equal(now.Add(-time.Minute).Add(time.Hour)) {
		t.Fatalf("first look at %s", at)
	}
	unknown, effects, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Executed]), step{"looked/unknown", time.Hour})...)
	if unknown.State != Executed || has(effects, RaiseAlarm) || find(effects, ScheduleVerification).At.IsZero() {
		t.Errorf("what cannot be told is not gone: %s %v", unknown.State, effects)
	}
	stubborn, effects, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Executed]), step{"looked/unknown", time.Hour}, step{"looked/unknown", time.Hour}, step{"looked/unknown", time.Hour})...)
	if stubborn.State != Executed || !has(effects, RaiseAlarm) {
		t.Errorf("three times unknown: %v", effects)
	}
	verified, _, now := walk(t, law.OrderRemoval, ways[Verified]...)
	if verified.State != Verified || verified.Watch.Due.IsZero() {
		t.Fatalf("%s, next %s", verified.State, verified.Watch.Due)
	}
	event := authority(t, law.OrderRemoval, verified, now.Add(24*time.Hour))[Looked]
	event.Round.Checks[1].Finding = watch.Present
	back, effects := must(t, verified, now.Add(24*time.Hour), event)
	if tell := find(effects, Tell); back.State != Reappeared || !has(effects, RaiseAlarm) || !has(effects, AskPerson) || !slices.Contains(tell.To, law.ToProvider) {
		t.Fatalf("%s %v", back.State, effects)
	}
	if due, running := back.Clock(ClockDecision); !running || !due.Equal(now.Add(48*time.Hour)) {
		t.Errorf("nobody has to decide: %v", back.Clocks)
	}
	gone, effects := must(t, back, now.Add(25*time.Hour), authority(t, law.OrderRemoval, back, now.Add(25*time.Hour))[ExecutionReported])
	if gone.State != Executed || has(effects, Count) || gone.Counted["removal-orders-executed"] != 1 {
		t.Errorf("executed again, and counted once: %s %v", gone.State, gone.Counted)
	}
	// Whoever executes although it seemed impossible waits for nothing any more.
	able, _, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Impossible]), step{"execution-reported", time.Hour})...)
	if able.State != Executed || able.Waits != (Waits{}) || slices.ContainsFunc(able.Clocks, func(r Running) bool { return r.Clock == ClockObstacle }) {
		t.Errorf("%s %+v %v", able.State, able.Waits, able.Clocks)
	}
	elsewhere, _ := must(t, verified, now.Add(time.Hour), authority(t, law.OrderRemoval, verified, now)[FoundElsewhere])
	if elsewhere.State != Reappeared || !slices.Equal(elsewhere.Elsewhere, []string{"https://elsewhere.example/17"}) {
		t.Errorf("%s %v", elsewhere.State, elsewhere.Elsewhere)
	}
	resolved, effects := must(t, elsewhere, now.Add(2*time.Hour), authority(t, law.OrderRemoval, elsewhere, now)[Resolve])
	if resolved.State != Executed || !has(effects, ScheduleVerification) {
		t.Errorf("the watch goes on: %s %v", resolved.State, effects)
	}
}

func TestFinalGoesToAllAuthorities(t *testing.T) {
	i, effects, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Executed]), step{"confirm", 16 * 24 * time.Hour})...)
	send := find(effects, Send)
	if i.State != Executed || i.Standing != Final || !slices.Equal(send.To, []string{law.ToRequester, law.ToOtherAuthorities}) || send.Article != "Article 15(2)" {
		t.Fatalf("%s %s %+v", i.State, i.Standing, send)
	}
	for _, kind := range []EventKind{Challenge, Confirm} {
		if _, _, err := i.Apply(authority(t, law.OrderRemoval, i, noon.AddDate(0, 1, 0))[kind], noon.AddDate(0, 1, 0)); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s of a final order: %v", kind, err)
		}
	}
	asked, effects, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Executed]), step{"strike/appeal", 17 * 24 * time.Hour})...)
	if asked.Standing != Open || !has(effects, AskPerson) {
		t.Errorf("a machine made it final: %s %v", asked.Standing, effects)
	}
}

func TestSuspensionStopsTheClock(t *testing.T) {
	i, effects, _ := walk(t, law.OrderRemoval, append(slices.Clone(ways[Delivered]), step{"challenge", time.Hour})...)
	if due, running := i.Clock(ClockExecution); i.Standing != Challenged || !running || !due.Equal(noon.Add(24*time.Hour)) || len(effects) != 1 {
		t.Fatalf("a challenge alone stops nothing but the time for it: %v %v", i.Clocks, effects)
	}
	i, effects, now := walk(t, law.OrderRemoval, append(slices.Clone(ways[Delivered]), step{"challenge/suspends", time.Hour})...)
	if _, running := i.Clock(ClockExecution); running || !i.Suspended || !has(effects, Tell) {
		t.Fatalf("%v %v", i.Clocks, effects)
	}
	// Whatever starts the time anew meanwhile waits for the court too.
	waiting, _ := must(t, i, now.Add(time.Hour), authority(t, law.OrderRemoval, i, now.Add(time.Hour))[CannotExecute])
	waiting, _ = must(t, waiting, now.Add(2*time.Hour), authority(t, law.OrderRemoval, waiting, now.Add(2*time.Hour))[Clarify])
	waiting, _ = must(t, waiting, now.Add(3*time.Hour), authority(t, law.OrderRemoval, waiting, now.Add(3*time.Hour))[ClarificationReceived])
	if _, running := waiting.Clock(ClockExecution); running || waiting.State != Delivered {
		t.Fatalf("%s %v", waiting.State, waiting.Clocks)
	}
	for _, suspended := range []Issuance{i, waiting} {
		lifted, _ := must(t, suspended, now.Add(9*time.Hour), authority(t, law.OrderRemoval, i, now.Add(8*time.Hour))[LiftSuspension])
		if due, running := lifted.Clock(ClockExecution); !running || !due.Equal(now.Add(32*time.Hour)) || lifted.Suspended {
			t.Errorf("%v %v", due, lifted.Clocks)
		}
	}
}

func TestBlockingHasItsClocks(t *testing.T) {
	i, _, _ := walk(t, law.OrderBlocking, ways[Delivered]...)
	if _, running := i.Clock(ClockExecution); running {
		t.Error("no article sets a time for execution of a blocking order")
	}
	until := noon.AddDate(3, 0, 0)
	for clock, want := range map[ClockID]time.Time{
		ClockAnswer: noon.Add(24 * time.Hour), ClockEnd: until, ClockReport: noon.Add(until.Sub(noon) / 2), ClockReview: law.Period{Years: 1}.Expiry(noon),
	} {
		if due, running := i.Clock(clock); !running || !due.Equal(want) {
			t.Errorf("%s at %s, want %s", clock, due, want)
		}
	}
	year, effects := must(t, i, law.Period{Years: 1}.Expiry(noon), Event{Kind: Strike, Clock: ClockReview})
	if _, running := year.Clock(ClockReview); !has(effects, RaiseAlarm) || !running {
		t.Errorf("the assessment is forgotten: %v", effects)
	}
	assessed, _ := must(t, year, noon.AddDate(1, 0, 9), by("person/requester", Event{Kind: Assess}))
	if due, _ := assessed.Clock(ClockReview); !due.Equal(law.Period{Years: 1}.Expiry(noon.AddDate(1, 0, 9))) {
		t.Errorf("next assessment %s", due)
	}
	if len(assessed.Assessments) != 1 || assessed.Assessments[0].Person != "person/requester" {
		t.Errorf("the assessment is kept as %+v", assessed.Assessments)
	}
	report := Event{Kind: Reported, Digest: bytesB, Receipt: "receipt/1"}
	for when, awaited := range map[time.Time]bool{noon.AddDate(0, 1, 0): true, noon.Add(until.Sub(noon) / 2): false, noon.AddDate(1, 7, 0): false} {
		reported, effects := must(t, i, when, report)
		if _, running := reported.Clock(ClockReport); running != awaited || !has(effects, AskPerson) {
			t.Errorf("a report of %s: another one is awaited: %v, want %v", when, running, awaited)
		}
	}
	if next, effects := must(t, i, noon.Add(until.Sub(noon)/2), Event{Kind: Strike, Clock: ClockReport}); !has(effects, RaiseAlarm) || len(next.Clocks) != len(i.Clocks) {
		t.Errorf("the report is forgotten: %v %v", effects, next.Clocks)
	}
	ended, effects := must(t, i, until, Event{Kind: Strike, Clock: ClockEnd})
	if _, waits := ended.Clock(ClockRestoration); ended.State != Ended || waits || !slices.Contains(find(effects, Tell).To, law.ToProvider) {
		t.Errorf("%s %v: nothing was executed that is to be undone", ended.State, effects)
	}
	short := sample(law.OrderBlocking)
	short.Blocking.Period.Until = noon.AddDate(2, 0, 0)
	_, facts, err := ReadIssued(written(t, short), profile(t, law.OrderBlocking))
	if err != nil {
		t.Fatal(err)
	}
	brief, _, now := walk(t, law.OrderBlocking, ways[Deconflicted]...)
	now = now.Add(time.Hour)
	event := authority(t, law.OrderBlocking, brief, now)[Issue]
	event.Facts = &facts
	brief, _ = must(t, brief, now, event, Event{Kind: DeliveryProven, At: noon, Receipt: "receipt/1"})
	if _, running := brief.Clock(ClockReport); running {
		t.Error("24 months are not more than 24 months (Article 18(6))")
	}
}

// TestWhatIsBlockedWronglyIsLookedAtAgain: whoever asks is answered, and a person
// is reminded until then (Article 18(5)).
func TestWhatIsBlockedWronglyIsLookedAtAgain(t *testing.T) {
	const place = "https://one.example/picture/17"
	i, _, now := walk(t, law.OrderBlocking, append(slices.Clone(ways[Executed]), step{"ask-reassessment", time.Hour})...)
	due, running := i.Clock(ClockDecision)
	if !running || !due.Equal(now.Add(24*time.Hour)) {
		t.Fatalf("nobody is reminded: %v", i.Clocks)
	}
	user := by("person/requester", Event{Kind: AskReassessment, By: "a user", Place: place})
	i, _ = must(t, i, now, user)
	for _, wrong := range []bool{false, true} {
		answered, effects := must(t, i, now, by("person/requester", Event{Kind: Reassess, Place: place, Wrong: wrong}))
		if _, running := answered.Clock(ClockDecision); running || len(answered.Unanswered()) != 0 || len(i.Unanswered()) != 2 || answered.State != Executed {
			t.Errorf("%s %+v", answered.State, answered.Reassessments)
		}
		if told := find(effects, Tell); !slices.Equal(told.To, []string{law.ToProvider, law.ToCentre}) || has(effects, AskPerson) != wrong {
			t.Errorf("%v", effects)
		}
	}
	user.Receipt, user.Person = "", ""
	if _, _, err := i.Apply(user, now); !problem.Is(err, problem.Invalid) {
		t.Errorf("a request that nobody took in: %v", err)
	}
	user.Person, user.Place = "person/requester", "one.example"
	if _, _, err := i.Apply(user, now); !problem.Is(err, problem.Invalid) {
		t.Errorf("an address that is none: %v", err)
	}
}

// TestAnEndedOrderIsUndone: the addressee confirms that it undid what it did, and
// the order may still be annulled.
func TestAnEndedOrderIsUndone(t *testing.T) {
	i, _, _ := walk(t, law.OrderBlocking, ways[Executed]...)
	until := i.Facts.Applies.Until
	ended, _ := must(t, i, until, Event{Kind: Strike, Clock: ClockEnd})
	if due, running := ended.Clock(ClockRestoration); !running || !due.Equal(until.Add(24*time.Hour)) {
		t.Fatalf("nobody waits for the end of the measure: %v", ended.Clocks)
	}
	undone, _ := must(t, ended, until.Add(time.Hour), Event{Kind: RestorationProven, At: until.Add(time.Hour), Receipt: "receipt/1"})
	if _, running := undone.Clock(ClockRestoration); running || undone.State != Ended {
		t.Errorf("%s %v", undone.State, undone.Clocks)
	}
	fallen, _ := must(t, undone, until.Add(2*time.Hour), by("person/judge", Event{Kind: Annul, By: "court/17"}))
	if fallen.State != Restoring {
		t.Errorf("%s", fallen.State)
	}
}

// TestAnswersThatCrossAreKept: an answer that meets an order which has fallen, or
// which was executed already, is kept and shown.
func TestAnswersThatCrossAreKept(t *testing.T) {
	for _, state := range []State{Executed, Verified, Restoring, Restored} {
		i, _, now := walk(t, law.OrderRemoval, ways[state]...)
		next, effects := must(t, i, now, authority(t, law.OrderRemoval, i, now)[ExecutionReported])
		if next.State != state || len(next.Answers) != len(i.Answers)+1 || !has(effects, RaiseAlarm) {
			t.Errorf("%s: %s %v", state, next.State, effects)
		}
	}
}
