package item

import (
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Apply returns the next state and what has to be done. a itself is unchanged,
// as it is after an error. An event that does not fit the state is a problem of
// kind Conflict, one by the wrong person of kind Denied, one that lacks
// something of kind Invalid.
func (a Assessment) Apply(event Event, now time.Time) (Assessment, []Effect, error) {
	if a.State == Erased && event.Kind != Sight {
		return a, nil, a.conflict(event.Kind)
	}
	next := a.copied()
	var effects []Effect
	var err error
	switch event.Kind {
	case Take:
		effects, err = next.take(event, now)
	case View:
		effects, err = next.view(event)
	case Pass, Release:
		effects, err = next.letGo(event)
	case Expire:
		effects, err = next.expire(now)
	case Escalate:
		effects, err = next.escalate(event)
	case Decide:
		effects, err = next.decide(event, now)
	case Undo:
		effects, err = next.undo(event, now)
	case Seal:
		effects, err = next.seal()
	case Sight:
		effects, err = next.sight(event)
	case Reopen:
		effects, err = next.reopen(event)
	case AskSecond:
		effects, err = next.askSecond(event)
	case Admit:
		effects, err = next.admit()
	case Erase:
		effects, err = next.erase(event)
	default:
		err = problem.InvalidField("kind", "is no event of an assessment", "")
	}
	if err != nil {
		return a, nil, err
	}
	return next, effects, nil
}

// copied shares nothing that a transition changes.
func (a Assessment) copied() Assessment {
	if a.Claim != nil {
		claim := *a.Claim
		a.Claim = &claim
	}
	a.Passed = slices.Clone(a.Passed)
	a.Earlier = slices.Clone(a.Earlier)
	return a
}

func (a *Assessment) take(event Event, now time.Time) ([]Effect, error) {
	if err := a.mayTake(event.Person, now); err != nil {
		return nil, err
	}
	if a.Claim == nil || a.Claim.Person != event.Person {
		a.Claim = &Claim{Person: event.Person}
	}
	a.Claim.Until = a.Rules.Claim.AddTo(now)
	if a.Last() != nil {
		a.Sealed = true
	}
	return []Effect{{Kind: ExpireAt, At: a.Claim.Until}}, nil
}

// held returns why the person does not hold the item, or nil. A claim whose
// time ran out still holds until somebody else takes the item or it is expired,
// so that nobody's work is lost.
func (a *Assessment) held(event Event) error {
	if a.Claim == nil || event.Person == "" || a.Claim.Person != event.Person {
		return problem.New(problem.Conflict, "you do not have this item at the moment", "take it first")
	}
	return nil
}

func (a *Assessment) view(event Event) ([]Effect, error) {
	if err := a.held(event); err != nil {
		return nil, err
	}
	if event.Level < LevelNone || event.Level > LevelFull {
		return nil, problem.InvalidField("level", "is no exposure level", "use none, sketch, region or full")
	}
	a.Claim.Seen = max(a.Claim.Seen, event.Level)
	return nil, nil
}

func (a *Assessment) letGo(event Event) ([]Effect, error) {
	if err := a.held(event); err != nil {
		return nil, err
	}
	if event.Kind == Pass {
		a.Passed = append(a.Passed, event.Person)
	}
	a.Claim = nil
	return []Effect{{Kind: BackToQueue}}, nil
}

func (a *Assessment) expire(now time.Time) ([]Effect, error) {
	if a.Claim == nil || now.Before(a.Claim.Until) {
		return nil, nil
	}
	a.Claim = nil
	return []Effect{{Kind: BackToQueue}}, nil
}

func (a *Assessment) escalate(event Event) ([]Effect, error) {
	if err := a.held(event); err != nil {
		return nil, err
	}
	a.Urgent = true
	return []Effect{{Kind: RaiseUrgent, Person: event.Person}}, nil
}

func (a *Assessment) decide(event Event, now time.Time) ([]Effect, error) {
	if err := a.held(event); err != nil {
		return nil, err
	}
	switch {
	case event.Decision == "":
		return nil, problem.InvalidField("decision", "is missing", "name the recorded decision")
	case event.Outcome != Reportable && event.Outcome != NotReportable && event.Outcome != CannotTell:
		return nil, problem.InvalidField("outcome", "is not known", "use reportable, not-reportable or cannot-tell")
	case event.Facts.Scheme != a.Rules.Scheme:
		return nil, problem.InvalidField("facts.scheme", "is not the scheme that the assessment began under", "use "+a.Rules.Scheme.String())
	case a.Claim.Seen < a.Rules.Required:
		return nil, problem.New(problem.Denied, "you have seen less of the item than a decision needs", "open it at least at the level "+a.Rules.Required.String())
	case a.State == Adjudication && event.Reason == "":
		return nil, problem.InvalidField("reason", "is missing", "who settles a disagreement says why")
	}
	for _, earlier := range a.decisions() {
		if earlier.ID == event.Decision {
			return nil, problem.InvalidField("decision", "is the id of another decision", "record a decision of its own")
		}
	}
	made := &Decision{
		ID: event.Decision, Person: event.Person, At: now, Facts: event.Facts, Classes: event.Classes, Outcome: event.Outcome,
		Level: a.Claim.Seen, Profile: a.Rules.Profile, Blind: a.State != Adjudication, Reason: event.Reason,
	}
	a.Claim, a.Sealed, a.SealAt = nil, false, a.Rules.Undo.AddTo(now)
	effects := []Effect{{Kind: SealAt, At: a.SealAt}}
	switch a.State {
	case Open:
		a.First = made
		a.Triggers = a.Rules.SecondLook.Requires(event.Triggers)
		if made.Outcome == CannotTell && !slices.Contains(a.Triggers, law.TriggerCannotTell) {
			a.Triggers = append(a.Triggers, law.TriggerCannotTell)
		}
		a.State = Decided
		if len(a.Triggers) > 0 {
			a.State = AwaitingSecond
			effects = append(effects, Effect{Kind: QueueSecond, At: a.SealAt})
		}
	case AwaitingSecond:
		a.Second = made
		a.State = Decided
		if !Agree(*a.First, *a.Second) {
			a.State = Adjudication
			effects = append(effects, Effect{Kind: QueueAdjudication, At: a.SealAt})
		}
	case Adjudication:
		a.Third = made
		a.State = Decided
	}
	return effects, nil
}

// decisions are all decisions on the item, those of earlier rounds first.
func (a *Assessment) decisions() []Decision {
	all := slices.Clone(a.Earlier)
	for _, decision := range []*Decision{a.First, a.Second, a.Third} {
		if decision != nil {
			all = append(all, *decision)
		}
	}
	return all
}

// undo gives the item back to the person with the level already seen.
func (a *Assessment) undo(event Event, now time.Time) ([]Effect, error) {
	last := a.Last()
	if last == nil || event.Person == "" || last.Person != event.Person {
		return nil, problem.New(problem.Conflict, "the last decision on this item is not yours", "")
	}
	if a.sealedAt(now) {
		return nil, problem.New(problem.Expired, "the decision is sealed", "ask a supervisor to open the item again")
	}
	claim := &Claim{Person: last.Person, Until: a.Rules.Claim.AddTo(now), Seen: last.Level}
	switch last {
	case a.Third:
		a.Third, a.State = nil, Adjudication
	case a.Second:
		a.Second, a.State = nil, AwaitingSecond
	default:
		a.First, a.Triggers, a.State = nil, nil, Open
	}
	a.Claim, a.Sealed, a.SealAt = claim, a.Last() != nil, time.Time{}
	return []Effect{{Kind: ExpireAt, At: claim.Until}}, nil
}

func (a *Assessment) seal() ([]Effect, error) {
	if a.Last() == nil {
		return nil, a.conflict(Seal)
	}
	if a.Sealed {
		return nil, nil
	}
	a.Sealed = true
	if a.State == Decided {
		return []Effect{{Kind: Settled}}, nil
	}
	return nil, nil
}

func (a *Assessment) sight(event Event) ([]Effect, error) {
	if event.Sighting == "" {
		return nil, problem.InvalidField("sighting", "is missing", "")
	}
	if _, final := a.Final(); final {
		return []Effect{{Kind: Inherit, Sighting: event.Sighting}}, nil
	}
	return []Effect{{Kind: Replace, Sighting: event.Sighting}}, nil
}

func (a *Assessment) reopen(event Event) ([]Effect, error) {
	if _, final := a.Final(); !final {
		return nil, a.conflict(Reopen)
	}
	if event.Person == "" || event.Decision == "" || event.Reason == "" {
		return nil, problem.InvalidField("reason", "person, decision or reason is missing", "say who opens the item again, and why")
	}
	*a = Assessment{Item: a.Item, State: Open, Rules: a.Rules, Passed: a.Passed, Earlier: a.decisions(), Urgent: a.Urgent}
	return []Effect{{Kind: RecallConsequences}, {Kind: BackToQueue}}, nil
}

// askSecond sends the item to a second person when the rules want one for what
// is to follow and only one has looked. Until then the decision is not final.
func (a *Assessment) askSecond(event Event) ([]Effect, error) {
	if _, final := a.Final(); !final {
		return nil, a.conflict(AskSecond)
	}
	triggers := a.Rules.SecondLook.Requires(event.Triggers)
	if a.Second != nil || len(triggers) == 0 {
		return nil, nil
	}
	a.State, a.Triggers, a.Asked = AwaitingSecond, triggers, true
	return []Effect{{Kind: QueueSecond}}, nil
}

func (a *Assessment) admit() ([]Effect, error) {
	if a.State != Held {
		return nil, a.conflict(Admit)
	}
	a.State = Open
	return []Effect{{Kind: BackToQueue}}, nil
}

func (a *Assessment) erase(event Event) ([]Effect, error) {
	if event.Reason == "" {
		return nil, problem.InvalidField("reason", "is missing", "name the retention rule or the decision that asks for it")
	}
	var effects []Effect
	if a.Asked && a.Second == nil {
		// Nobody can look a second time: the decision that was final is so again.
		a.Triggers, a.Asked = nil, false
	}
	if a.Last() != nil {
		// What was decided stays decided: only the content goes.
		settled, err := a.seal()
		if err != nil {
			return nil, err
		}
		effects = settled
	}
	a.State, a.Claim, a.Erasure = Erased, nil, event.Reason
	return append(effects, Effect{Kind: DestroyKey}), nil
}
