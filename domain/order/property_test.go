package order

import (
	"encoding/json"
	"flag"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/watch"
)

// sequences sets how many random sequences a property is checked on.
func sequences(t *testing.T, many, few string) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	if testing.Short() {
		many = few
	}
	if err := checks.Value.Set(many); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(was) })
}

// timekeeper is what a desk keeps of the effects: which clocks are set.
type timekeeper map[ClockID]time.Time

// running takes over the clocks that run at the start.
func (k timekeeper) running(clocks []Running) {
	for _, clock := range clocks {
		k[clock.Clock] = clock.Due
	}
}

// follow takes in effects and fails when a clock is started that runs already,
// or stopped that does not run.
func (k timekeeper) follow(t *rapid.T, effects []Effect, clocks []Running) {
	for _, effect := range effects {
		switch effect.Kind {
		case SetClock:
			if _, runs := k[effect.Clock]; runs {
				t.Fatalf("the clock %s runs twice", effect.Clock)
			}
			k[effect.Clock] = effect.At
		case StopClock:
			if _, runs := k[effect.Clock]; !runs {
				t.Fatalf("the clock %s was stopped and does not run", effect.Clock)
			}
			delete(k, effect.Clock)
		}
	}
	if len(clocks) != len(k) {
		t.Fatalf("the value has the clocks %v, the desk %v", clocks, k)
	}
	for _, clock := range clocks {
		if !k[clock.Clock].Equal(clock.Due) {
			t.Fatalf("%s is due at %s, for the desk at %s", clock.Clock, clock.Due, k[clock.Clock])
		}
	}
}

// next is the clock that strikes first, up to a moment.
func (k timekeeper) next(until time.Time) (id ClockID, at time.Time, ok bool) {
	for clock, due := range k {
		if !due.After(until) && (!ok || due.Before(at) || (due.Equal(at) && clock < id)) {
			id, at, ok = clock, due, true
		}
	}
	return id, at, ok
}

// reading is the time for execution as a reader of Article 14 counts it, written
// down apart from the code that is tested.
type reading struct {
	runs  bool
	since time.Time
	impossible,
	unclear,
	suspended,
	paused bool
	resumes time.Time
	lapses  int
}

func (r *reading) start(at time.Time) {
	if r.suspended {
		r.paused = true
		return
	}
	r.runs, r.since = true, at
}

func (r *reading) stop() { r.runs, r.paused = false, false }

func (r *reading) resolved(at time.Time) {
	if at.After(r.resumes) {
		r.resumes = at
	}
	if !r.impossible && !r.unclear {
		r.start(r.resumes)
		r.resumes = time.Time{}
	}
}

// pass lets time pass: 24 hours of the running clock end in a lapse.
func (r *reading) pass(now time.Time) {
	if r.runs && !now.Before(r.since.Add(24*time.Hour)) {
		r.runs = false
		r.lapses++
	}
}

func (r *reading) compare(t *rapid.T, track Track, now time.Time) {
	due, running := track.Clock(ClockExecution)
	if running != r.runs || (running && !due.Equal(r.since.Add(24*time.Hour))) {
		t.Fatalf("at %s in %s: the time runs %v until %s; read: %v from %s", now, track.State, running, due, r.runs, r.since)
	}
	if len(track.Lapses) != r.lapses {
		t.Fatalf("%d lapses, read: %d", len(track.Lapses), r.lapses)
	}
}

func (r *reading) event(event Event, before Track, sent, now time.Time) {
	// What a message says is taken as the nearest moment that can be.
	earliest := before.Facts.IssuedAt
	switch {
	case event.Kind == ReasonEnded || (event.Kind == ClarificationReceived && sent.IsZero()):
		earliest = before.Answers[len(before.Answers)-1].At
	case event.Kind == ClarificationReceived:
		earliest = sent
	case event.Kind == LiftSuspension && sent.Equal(noon):
		earliest = noon
	}
	if event.At.After(now) {
		event.At = now
	}
	if event.At.Before(earliest) {
		event.At = earliest
	}
	switch event.Kind {
	case CannotExecute, Decline:
		r.stop()
		r.impossible = r.impossible || event.Answer.Impossible
		r.unclear = r.unclear || event.Answer.Unclear
	case ReasonEnded:
		r.impossible = false
		r.resolved(event.At)
	case ClarificationReceived:
		r.unclear = false
		r.resolved(event.At)
	case ExecutionReported:
		if before.State != Executed && before.State != Verified {
			r.stop()
			r.impossible, r.unclear, r.resumes = false, false, time.Time{}
		}
	case CarriedOut:
		r.stop()
	case Challenge:
		if event.Suspends {
			r.suspended, r.paused, r.runs = true, r.paused || r.runs, false
		}
	case LiftSuspension, Confirm:
		// A judgement that confirms the order ends its suspension too.
		lifted := now
		if event.Kind == LiftSuspension {
			lifted = event.At
		}
		paused := r.paused
		r.suspended, r.paused = false, false
		if paused {
			r.start(lifted)
		}
	case Annul, Withdraw:
		*r = reading{lapses: r.lapses}
	}
}

// fits checks what must hold of every order in every state.
func fits(t *rapid.T, track Track) {
	if n := len(track.NonDisclosure); n > 0 {
		first, last := track.NonDisclosure[0], track.NonDisclosure[n-1]
		if n > 2 || last.Until.After(first.From.AddDate(0, 0, 7*12)) {
			t.Fatalf("non-disclosure %v", track.NonDisclosure)
		}
	}
}

// fell checks what an annulment or withdrawal after sending must lead to.
func fell(t *rapid.T, before, after Track, effects []Effect) {
	if after.State != Restoring || !has(effects, Restore) || !has(effects, TellIndicatorOwner) {
		t.Fatalf("%s: %v", after.State, effects)
	}
	told := find(effects, Tell).To
	for _, receiver := range before.Told {
		if !slices.Contains(told, receiver) {
			t.Fatalf("%s heard of the order and is not told; told are %v", receiver, told)
		}
	}
	counted := 0
	for _, times := range before.Counted {
		counted += times
	}
	if got := len(find(effects, CorrectStatistics).Figures); got != counted {
		t.Fatalf("%d figures are corrected of %d", got, counted)
	}
}

func drawAnswer(t *rapid.T, now time.Time) *AnswerFacts {
	ground := rapid.IntRange(1, 3).Draw(t, "grounds")
	return &AnswerFacts{Kind: AnswerNonExecution, Digest: bytesA, Impossible: ground&1 != 0, Unclear: ground&2 != 0, ReceivedAt: noon, At: now}
}

func drawAgo(t *rapid.T, now time.Time) time.Time {
	return now.Add(-time.Duration(rapid.IntRange(-1, 90).Draw(t, "minutes ago")) * time.Minute)
}

func drawPerson(t *rapid.T, event Event) Event {
	event.Person = rapid.SampledFrom([]string{"person/judge", "person/judge", "person/judge", "person/judge", "person/requester", ""}).Draw(t, "person")
	event.Decision = rapid.SampledFrom([]string{"decision/2", "decision/3", "decision/4", "decision/5", "decision/request", ""}).Draw(t, "decision")
	return event
}

// drawKind draws an event that may come in that state, or now and then any. What
// ends an order is drawn seldom, so that the sequences go far.
func drawKind[T any](t *rapid.T, rules map[EventKind]rule[T], state State) EventKind {
	all := slices.Sorted(mapKeys(rules))
	if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
		return rapid.SampledFrom(all).Draw(t, "event")
	}
	var fitting []EventKind
	for _, kind := range all {
		ends := slices.Contains([]EventKind{Annul, Withdraw, Refuse}, kind)
		if slices.Contains(rules[kind].from, state) && (!ends || rapid.IntRange(0, 5).Draw(t, "end") == 0) {
			fitting = append(fitting, kind)
		}
	}
	if len(fitting) == 0 {
		fitting = all
	}
	return rapid.SampledFrom(fitting).Draw(t, "event")
}

// drawExtension is a decision to extend: often a good one, sometimes too long or
// with a gap.
func drawExtension(t *rapid.T, track Track, now time.Time) *Facts {
	from := now
	if n := len(track.NonDisclosure); n > 0 {
		from = track.NonDisclosure[n-1].Until
	}
	from = from.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "gap")) * time.Hour)
	days := rapid.SampledFrom([]int{1, 20, 42, 42, 43}).Draw(t, "days")
	return &Facts{ID: "order/18", Kind: track.Facts.Kind, Digest: bytesB, Extends: track.Facts.ID, NonDisclosure: &Period{From: from, Until: from.AddDate(0, 0, days)}}
}

func drawIssuance(t *rapid.T, i Issuance, now time.Time) Event {
	event := drawPerson(t, Event{
		Kind: drawKind(t, issuanceRules, i.State), Reason: "reason number 17", Receipt: "receipt/17",
		By: rapid.SampledFrom([]string{"unit/17", "unit/18"}).Draw(t, "by"), Asked: []string{"unit/17", "unit/18"},
		At: drawAgo(t, now), Digest: bytesB, Place: "https://elsewhere.example/17", Check: hold.Check{At: now},
		Suspends: rapid.Bool().Draw(t, "suspends"),
	})
	switch event.Kind {
	case Answered:
		if event.Objects = rapid.Bool().Draw(t, "objects"); event.Objects {
			event.Until = now.Add(time.Duration(rapid.IntRange(1, 99).Draw(t, "until")) * time.Hour)
		}
	case Issue:
		facts := i.Request.Facts
		facts.Digest, facts.IssuedAt = bytesA, now.Add(-time.Minute)
		event.Facts = &facts
	case ExtendNonDisclosure:
		event.Facts = drawExtension(t, i.Track, now)
	case CannotExecute:
		event.Answer = drawAnswer(t, now)
	case ExecutionReported:
		event.Answer = &AnswerFacts{Kind: AnswerExecution, Digest: bytesA, Measure: "removed", MeasuredAt: now, ReceivedAt: now, At: now}
	}
	if event.Answer != nil && i.Issued != nil {
		event.Answer.ReceivedAt = i.Issued.At
	}
	if event.Kind == Looked {
		round := watch.Round{At: now, By: "node"}
		finding := rapid.SampledFrom([]watch.Finding{watch.Gone, watch.Unknown, watch.Present}).Draw(t, "finding")
		for _, place := range i.Facts.Places {
			round.Checks = append(round.Checks, watch.Check{Place: place, Finding: finding, Reason: "status"})
		}
		event.Round = &round
	}
	return event
}

// TestIssuanceProperties: over random sequences of events, good and bad, with the
// clocks striking as a desk lets them strike: no clock runs twice; the order is
// overdue exactly when 24 hours of the running clock have passed; nothing is
// executed that no second person issued; non-disclosure never exceeds 12 weeks;
// what falls is restored and told to all who heard of it; and no state that
// waits for somebody is without a clock.
func TestIssuanceProperties(t *testing.T) {
	sequences(t, "1500", "200")
	first := requested(t, law.OrderRemoval)
	reached := map[State]int{}
	rapid.Check(t, func(t *rapid.T) {
		i, now := first, start
		desk, read := timekeeper{}, reading{}
		desk.running(i.Clocks)
		apply := func(event Event, at time.Time) bool {
			next, effects, err := i.Apply(event, at)
			if err != nil {
				if effects != nil || !reflect.DeepEqual(next, i) {
					t.Fatalf("a refused %s changed something", event.Kind)
				}
				return false
			}
			before := i
			i = next
			if event.Kind == Strike {
				delete(desk, event.Clock)
			}
			desk.follow(t, effects, i.Clocks)
			if before.Delivered == nil && i.Delivered != nil {
				read.start(i.Delivered.At)
			}
			if !before.Fallen() {
				sent := time.Time{}
				if before.Clarified != nil {
					sent = before.Clarified.At
				}
				read.event(event, before.Track, sent, at)
			}
			read.pass(at)
			if before.Issued != nil && !before.Fallen() && (event.Kind == Annul || event.Kind == Withdraw) {
				fell(t, before.Track, i.Track, effects)
			}
			return true
		}
		// strike lets every clock strike that is due, at its moment.
		strike := func() {
			for n := 0; n < 60; n++ {
				clock, at, due := desk.next(now)
				if !due {
					break
				}
				if at.Before(i.Changed) {
					at = i.Changed
				}
				read.pass(at)
				apply(Event{Kind: Strike, Clock: clock}, at)
			}
			read.pass(now)
		}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 60, 600, 1500, 60 * 24 * 8}).Draw(t, "minutes")) * time.Minute)
			strike()
			apply(drawIssuance(t, i, now), now)
			strike()
			reached[i.State]++
			read.compare(t, i.Track, now)
			fits(t, i.Track)
			if i.State != Requested && slices.Contains([]State{Issued, Delivered, Overdue, Impossible, Clarification, Executed, Verified, Reappeared, Restoring, Restored, NotRestored}, i.State) {
				if i.Issued == nil || i.Issued.Person == "" || i.Issued.ID == "" || i.Issued.Person == i.Requested.Person || i.Issued.ID == i.Requested.ID {
					t.Fatalf("%s without the decision of a second person: %+v", i.State, i.Issued)
				}
			}
			waits := slices.Contains([]State{Requested, Deconflicting, Deconflicted, Issued, Delivered, Overdue, Impossible, Clarification, Reappeared, Restoring}, i.State)
			if waits && len(i.Clocks) == 0 && !i.Paused {
				t.Fatalf("%s waits for somebody without a clock", i.State)
			}
			if (i.State == Executed || i.State == Verified) && i.Watch == nil {
				t.Fatalf("%s, and nobody looks", i.State)
			}
		}
		text, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		var back Issuance
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != string(text) {
			t.Fatalf("what is kept is not what was: %v", err)
		}
	})
	for _, state := range []State{Requested, Deconflicting, Deconflicted, Issued, Delivered, Overdue, Impossible, Clarification, Executed, Verified, Reappeared, Restoring, Restored} {
		if reached[state] < 10 && !testing.Short() {
			t.Errorf("the sequences reached %s only %d times: the test shows little", state, reached[state])
		}
	}
}

func drawExecution(t *rapid.T, x Execution, now time.Time) Event {
	event := drawPerson(t, Event{
		Kind: drawKind(t, executionRules, x.State), Reason: "reason number 17", Receipt: "envelope/18",
		By: "court/17", At: drawAgo(t, now), Measure: "removed", Suspends: rapid.Bool().Draw(t, "suspends"),
	})
	switch event.Kind {
	case Decline:
		event.Answer = drawAnswer(t, now)
	case SendAnswer:
		event.Answer = &AnswerFacts{Kind: AnswerExecution, Digest: bytesA, Measure: x.Measure, MeasuredAt: x.MeasuredAt, ReceivedAt: noon, At: now}
	case ExtendNonDisclosure:
		event.Facts = drawExtension(t, x.Track, now)
	}
	return event
}

// TestExecutionProperties: the same at the side of the addressee, and: nothing is
// carried out that no person decided on, and no user is told while
// non-disclosure runs.
func TestExecutionProperties(t *testing.T) {
	sequences(t, "1500", "200")
	silent, loud := received(t, law.OrderRemoval), received(t, law.OrderRemoval, open)
	reached := map[State]int{}
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		x, now := silent, noon
		if rapid.Bool().Draw(t, "open") {
			x = loud
		}
		desk, read := timekeeper{}, reading{}
		desk.running(x.Clocks)
		read.start(noon)
		var accepted *Decision
		apply := func(event Event, at time.Time) {
			next, effects, err := x.Apply(event, at)
			if err != nil {
				if effects != nil || !reflect.DeepEqual(next, x) {
					t.Fatalf("a refused %s changed something", event.Kind)
				}
				return
			}
			before := x
			x = next
			if event.Kind == Strike {
				delete(desk, event.Clock)
			}
			desk.follow(t, effects, x.Clocks)
			sent := time.Time{}
			if event.Kind == LiftSuspension {
				sent = noon
			}
			read.event(event, before.Track, sent, at)
			switch event.Kind {
			case Accept:
				if before.Waits != (Waits{}) {
					read.impossible, read.unclear, read.resumes = false, false, time.Time{}
					read.start(at)
				}
				accepted = &Decision{ID: event.Decision, Person: event.Person, At: at}
			case Decline:
				accepted = nil
			case CarriedOut:
				if accepted == nil || accepted.Person == "" || accepted.ID == "" || x.MeasuredAt.Before(accepted.At) {
					t.Fatalf("carried out without a person's decision: %+v", accepted)
				}
			case UserInformed:
				told++
				if before.Silent(at) {
					t.Fatalf("the user was told during non-disclosure until %s", before.SilentUntil())
				}
			case Annul, Withdraw:
				fell(t, before.Track, x.Track, effects)
			}
			if has(effects, InformUser) && x.Silent(at) || has(effects, SendCopy) && x.Silent(at) {
				t.Fatalf("told during non-disclosure: %v", effects)
			}
			if has(effects, CarryOut) != (event.Kind == Accept) {
				t.Fatalf("%s lets the service act", event.Kind)
			}
			read.pass(at)
		}
		strike := func() {
			for n := 0; n < 60; n++ {
				clock, at, due := desk.next(now)
				if !due {
					break
				}
				if at.Before(x.Changed) {
					at = x.Changed
				}
				read.pass(at)
				apply(Event{Kind: Strike, Clock: clock}, at)
			}
			read.pass(now)
		}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 60, 600, 1500, 60 * 24 * 8}).Draw(t, "minutes")) * time.Minute)
			strike()
			apply(drawExecution(t, x, now), now)
			strike()
			reached[x.State]++
			read.compare(t, x.Track, now)
			fits(t, x.Track)
			waits := slices.Contains([]State{Received, Evaluated, Impossible, Clarification, Reappeared, Restoring}, x.State)
			if waits && len(x.Clocks) == 0 && !x.Paused {
				t.Fatalf("%s waits for somebody without a clock", x.State)
			}
			if due := x.User.State == UserHeld || x.User.State == UserDue; due && x.State != Restoring {
				_, held := x.Clock(ClockNonDisclosure)
				if _, reminds := x.Clock(ClockUserInformation); !held && !reminds {
					t.Fatalf("the user is %s and nothing reminds of it", x.User.State)
				}
			}
		}
	})
	for _, state := range []State{Received, Evaluated, Impossible, Clarification, Executed, Reappeared, Restoring, Restored, NotRestored} {
		if reached[state] < 10 && !testing.Short() {
			t.Errorf("the sequences reached %s only %d times: the test shows little", state, reached[state])
		}
	}
	if told < 10 && !testing.Short() {
		t.Errorf("only %d users were told: the test shows little", told)
	}
}

// TestBlockingProperties: at both sides of a blocking order no clock runs twice,
// nothing that waits for somebody is without a clock although no article sets a time
// for execution, and what has ended while it was executed is undone by somebody.
func TestBlockingProperties(t *testing.T) {
	sequences(t, "600", "100")
	issuance, execution := requested(t, law.OrderBlocking), received(t, law.OrderBlocking)
	reached := map[State]int{}
	rapid.Check(t, func(t *rapid.T) {
		i, x, now := issuance, execution, start
		authority := rapid.Bool().Draw(t, "authority")
		if !authority {
			now = noon
		}
		track := func() Track {
			if authority {
				return i.Track
			}
			return x.Track
		}
		desk := timekeeper{}
		desk.running(track().Clocks)
		apply := func(event Event, at time.Time) {
			effects, err := []Effect(nil), error(nil)
			if authority {
				i, effects, err = i.Apply(event, at)
			} else {
				x, effects, err = x.Apply(event, at)
			}
			if err == nil && event.Kind == Strike {
				delete(desk, event.Clock)
			}
			desk.follow(t, effects, track().Clocks)
		}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 60, 1500, 60 * 24 * 8, 60 * 24 * 200}).Draw(t, "minutes")) * time.Minute)
			for range 60 {
				clock, at, due := desk.next(now)
				if !due {
					break
				}
				apply(Event{Kind: Strike, Clock: clock}, later(at, track().Changed))
			}
			event := Event{}
			if authority {
				event = drawIssuance(t, i, now)
				if event.Facts != nil {
					event.Facts.Applies = i.Request.Facts.Applies
				}
			} else {
				event = drawExecution(t, x, now)
			}
			if event.Kind == SendAnswer || event.Kind == ExecutionReported {
				event.Answer.Digest = ""
			}
			event.Digest, event.Wrong = bytesB, rapid.Bool().Draw(t, "wrong")
			apply(event, now)
			state := track().State
			reached[state]++
			waits := slices.Contains(append(slices.Clone(pending), Reappeared, Restoring), state)
			if _, reminds := nextOf(track(), ClockEnd, ClockReport, ClockReview, ClockAppeal, ClockUserInformation); waits && !reminds && !track().Paused {
				t.Fatalf("%s waits for somebody without a clock: %v", state, track().Clocks)
			}
			if _, undone := track().Clock(ClockRestoration); state == Ended && !undone && !authority && x.Measure != "" && x.Undone == nil {
				t.Fatal("what has ended is undone by nobody")
			}
			if len(i.Unanswered()) > 0 && !i.Fallen() {
				if _, running := i.Clock(ClockDecision); !running {
					t.Fatalf("nobody is reminded of %+v", i.Unanswered())
				}
			}
		}
	})
	for _, state := range []State{Delivered, Clarification, Executed, Ended, Restoring, Received, Evaluated} {
		if reached[state] < 10 && !testing.Short() {
			t.Errorf("the sequences reached %s only %d times: the test shows little", state, reached[state])
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// nextOf is any clock that runs beside those named.
func nextOf(track Track, but ...ClockID) (ClockID, bool) {
	for _, running := range track.Clocks {
		if !slices.Contains(but, running.Clock) {
			return running.Clock, true
		}
	}
	return "", false
}
