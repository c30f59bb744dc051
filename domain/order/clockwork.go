package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
)

// clockwork is what every Apply of this package works with: the event, the
// moment, the clocks that run and the effects that gather.
type clockwork struct {
	event   Event
	now     time.Time
	clocks  *[]Running
	effects []Effect
}

func clockOf(clocks []Running, id ClockID) (due time.Time, ok bool) {
	for _, running := range clocks {
		if running.Clock == id {
			return running.Due, true
		}
	}
	return time.Time{}, false
}

// nextLook is when a watch has its next round, in a state that takes rounds.
func nextLook(w *watch.Watch, state State, in []State) time.Time {
	if w == nil || !slices.Contains(in, state) {
		return time.Time{}
	}
	return w.Due
}

// rule says in which states an event may come and what it must carry.
type rule[T any] struct {
	from []State
	// decides: a person's recorded decision is needed. reasoned: a reason is.
	decides, reasoned bool
	apply             func(T) error
}

// admit checks what a rule asks of an event.
func (r rule[T]) admit(state State, event Event) error {
	switch {
	case !slices.Contains(r.from, state):
		return problem.New(problem.Conflict, fmt.Sprintf("what is %s cannot take the event %s", state, event.Kind), "reload it: somebody else may have been faster")
	case r.decides && (event.Person == "" || event.Decision == ""):
		return problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
	case r.reasoned && event.Reason == "":
		return problem.InvalidField("reason", "is missing", "say why")
	}
	return nil
}

func (t *clockwork) decision() *Decision {
	return &Decision{ID: t.event.Decision, Person: t.event.Person, At: t.now, Reason: t.event.Reason}
}

func (t *clockwork) emit(effect Effect) { t.effects = append(t.effects, effect) }

func (t *clockwork) alarm(reason string) { t.emit(Effect{Kind: RaiseAlarm, Reason: reason}) }
func (t *clockwork) ask(reason string)   { t.emit(Effect{Kind: AskPerson, Reason: reason}) }

// set starts a clock from a moment; a clock that has no length does not run.
func (t *clockwork) set(id ClockID, from time.Time, clock law.Clock) {
	if !clock.Length.IsZero() {
		t.setAt(id, clock.Length.Expiry(from), clock.Article)
	}
}

// setAt starts a clock; one of that name that runs is stopped first.
func (t *clockwork) setAt(id ClockID, due time.Time, article string) {
	t.stop(id)
	*t.clocks = append(*t.clocks, Running{Clock: id, Due: due, Article: article})
	t.emit(Effect{Kind: SetClock, Clock: id, At: due, Article: article})
}

func (t *clockwork) stop(ids ...ClockID) {
	for _, id := range ids {
		if t.drop(id) {
			t.emit(Effect{Kind: StopClock, Clock: id})
		}
	}
}

// stopAll stops every clock but those named.
func (t *clockwork) stopAll(but ...ClockID) {
	for _, running := range slices.Clone(*t.clocks) {
		if !slices.Contains(but, running.Clock) {
			t.stop(running.Clock)
		}
	}
}

// drop takes a clock off; it reports whether it ran.
func (t *clockwork) drop(id ClockID) bool {
	before := len(*t.clocks)
	*t.clocks = slices.DeleteFunc(*t.clocks, func(r Running) bool { return r.Clock == id })
	return len(*t.clocks) < before
}

// remind raises an alarm and lets the clock run again: a duty that nobody did
// is not forgotten because its clock struck once.
func (t *clockwork) remind(id ClockID, clock law.Clock, reason string) {
	t.alarm(reason)
	t.set(id, t.now, clock)
}

// decide lets a clock run while a matter lies before a person, and stops it when
// it does not any more. A fresh matter starts it anew.
func (t *clockwork) decide(lies, fresh bool, clock law.Clock) {
	_, running := clockOf(*t.clocks, ClockDecision)
	switch {
	case !lies:
		t.stop(ClockDecision)
	case fresh || !running:
		t.set(ClockDecision, t.now, clock)
	}
}

// skew is how far the clock of another organisation may be off: the same that
// envelopes allow.
const skew = 5 * time.Minute

// ahead reports whether a moment that another clock gave is in the future.
func (t *clockwork) ahead(at time.Time) bool { return at.After(t.now.Add(skew)) }

// happened checks the moment of something that is reported now. What another
// organisation's message says may be off by a little; it is taken as the nearest
// moment that can be.
func (t *clockwork) happened(earliest time.Time) error {
	at := &t.event.At
	if !at.IsZero() && t.event.Receipt != "" {
		if at.After(t.now) && !t.ahead(*at) {
			*at = t.now
		}
		if at.Before(earliest) && !at.Before(earliest.Add(-skew)) {
			*at = earliest
		}
	}
	switch {
	case at.IsZero():
		return problem.InvalidField("at", "is missing", "say when it happened")
	case at.After(t.now):
		return problem.InvalidField("at", "is in the future", "")
	case at.Before(earliest):
		return problem.InvalidField("at", "is before "+earliest.Format(time.RFC3339), "check the date")
	}
	return nil
}

func (t *clockwork) proven() error {
	if t.event.Receipt == "" {
		return problem.InvalidField("receipt", "is missing", "name the signed receipt or the envelope that proves it")
	}
	return nil
}
