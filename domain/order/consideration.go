package order

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Consideration is the life of one voluntary notice where it is received. The
// addressee may do what it asks or not (Article 32, second paragraph; Article
// 49(2), second subparagraph); whichever a person decides, the sender is told.
//
// Its events are Accept, CarriedOut (At, Check) and Decline (Reason), each a
// person's decision, Strike, and Withdraw (Receipt, Reason) when the sender takes
// it back. It is Received, then Evaluated, then Executed or Refused; who refused
// may still remove the material later. Withdrawn is its end.
type Consideration struct {
	Notice   NoticeFacts `json:"notice"`
	Received Proof       `json:"received"`
	State    State       `json:"state"`
	// Decision is the clock of the profile that the notice names.
	Decision law.Clock `json:"decision"`
	// Decided is the latest decision of a person.
	Decided *Decision `json:"decided,omitempty"`
	// RemovedAt is when the service removed the material.
	RemovedAt time.Time `json:"removed_at,omitzero"`
	// Withdrawn proves that the sender took the notice back; Because is its reason.
	Withdrawn *Proof    `json:"withdrawn,omitempty"`
	Because   string    `json:"because,omitempty"`
	Clocks    []Running `json:"clocks,omitempty"`
	Changed   time.Time `json:"changed"`
}

// Consider takes in a notice at the moment at which it was received.
func Consider(profile *law.NoticeForm, facts NoticeFacts, proof Proof, now time.Time) (Consideration, []Effect, error) {
	switch {
	case facts.Profile != profile.Ref() || facts.ID == "" || !problem.IsContentAddress(facts.Digest):
		return Consideration{}, nil, problem.InvalidField("notice", "is no notice under "+profile.Ref().String(), "give the facts of its exact bytes (ReadNotice)")
	case proof.At.IsZero() || proof.At.After(now) || proof.Receipt == "":
		return Consideration{}, nil, problem.InvalidField("proof", "does not say when and by which message it was received", "")
	}
	c := Consideration{Notice: facts, Received: proof, State: Received, Decision: profile.Decision, Changed: now}
	t := &considering{clockwork: clockwork{now: now, clocks: &c.Clocks}, c: &c}
	t.ask("consider the notice: it asks, it orders nothing")
	t.remember("")
	return c, t.effects, nil
}

// considering is one Apply of a notice that was received.
type considering struct {
	clockwork
	c *Consideration
}

var considerationRules = map[EventKind]rule[*considering]{
	Accept:     {from: []State{Received, Refused}, decides: true, apply: (*considering).accept},
	CarriedOut: {from: []State{Evaluated}, decides: true, apply: (*considering).carriedOut},
	Decline:    {from: []State{Received, Evaluated}, decides: true, reasoned: true, apply: (*considering).decline},
	Withdraw:   {from: []State{Received, Evaluated, Refused, Executed}, reasoned: true, apply: (*considering).withdrawn},
}

// Apply returns the next state and what has to be done. c itself is unchanged.
// Problems are as with [Issuance.Apply].
func (c Consideration) Apply(event Event, now time.Time) (Consideration, []Effect, error) {
	next := c
	next.Clocks, next.Changed = append([]Running(nil), c.Clocks...), now
	t := &considering{clockwork: clockwork{event: event, now: now, clocks: &next.Clocks}, c: &next}
	if event.Kind == Strike {
		if due, running := clockOf(c.Clocks, event.Clock); !running || now.Before(due) {
			return c, nil, nil
		}
		t.drop(event.Clock)
		t.remind(ClockDecision, c.Decision, "nobody has decided on a notice that is "+string(c.State))
		return next, t.effects, nil
	}
	rule, known := considerationRules[event.Kind]
	if !known {
		return c, nil, problem.InvalidField("kind", fmt.Sprintf("%q is no event of a notice that was received", event.Kind), "")
	}
	if err := rule.admit(c.State, event); err != nil {
		return c, nil, err
	}
	if err := rule.apply(t); err != nil {
		return c, nil, err
	}
	if rule.decides {
		next.Decided = t.decision()
	}
	t.remember(c.State)
	return next, t.effects, nil
}

// remember lets no notice wait for a person without a reminder.
func (t *considering) remember(before State) {
	lies := t.c.State == Received || t.c.State == Evaluated
	t.decide(lies, before != t.c.State, t.c.Decision)
}

func (t *considering) accept() error {
	if err := t.event.Check.Bars(hold.NoRemove, t.now); err != nil {
		return err
	}
	t.c.State = Evaluated
	t.emit(Effect{Kind: CarryOut})
	return nil
}

// carriedOut tells the sender that the material was removed. A hold that came
// after the decision to remove stands against it as well.
func (t *considering) carriedOut() error {
	if err := t.event.Check.Bars(hold.NoRemove, t.now); err != nil {
		return err
	}
	if err := t.happened(t.c.Received.At); err != nil {
		return err
	}
	t.c.State, t.c.RemovedAt = Executed, t.event.At
	t.emit(Effect{Kind: Send, Document: DocumentAnswer})
	return nil
}

func (t *considering) decline() error {
	t.c.State = Refused
	t.emit(Effect{Kind: Send, Document: DocumentAnswer, Reason: t.event.Reason})
	return nil
}

// withdrawn: the sender takes the notice back. What was removed because of it is
// put before a person; nothing is put back by itself.
func (t *considering) withdrawn() error {
	if t.event.Receipt == "" {
		return problem.InvalidField("receipt", "is missing", "name the message that takes the notice back")
	}
	before := t.c.State
	t.c.State, t.c.Withdrawn, t.c.Because = Withdrawn, &Proof{At: t.now, Receipt: t.event.Receipt}, t.event.Reason
	t.stopAll()
	t.alarm("the sender withdrew the notice: " + t.event.Reason)
	if before == Evaluated || before == Executed {
		t.ask("the notice for which the material was to be removed was withdrawn: decide whether it is put back")
	}
	return nil
}
