package item

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// State is where an item stands in its assessment.
type State string

const (
	// Held: only entries in quarantine match it; it waits until people have looked at
	// those, and nobody can take it.
	Held State = "held"
	// Open: nobody has decided.
	Open State = "open"
	// AwaitingSecond: one person decided; another one looks, blind to it.
	AwaitingSecond State = "awaiting-second"
	// Adjudication: the two differ or neither can tell; a third person settles.
	Adjudication State = "adjudication"
	// Decided: it has an outcome; it counts once the decision is sealed.
	Decided State = "decided"
	// Erased is final.
	Erased State = "erased"
)

// Rules are what an assessment takes from its review profile when it begins, so
// that a later version of the profile changes no running case.
type Rules struct {
	Profile    law.Ref        `json:"profile"`
	Scheme     law.Ref        `json:"scheme"`
	Required   Level          `json:"required"`
	Claim      law.Period     `json:"claim"`
	Undo       law.Period     `json:"undo"`
	SecondLook law.SecondLook `json:"second_look"`
}

// RulesOf takes the rules for a labelling scheme from a review profile.
func RulesOf(review *law.Review, scheme law.Ref) (Rules, error) {
	name, known := review.RequiredLevel[scheme.ID]
	if !known {
		return Rules{}, problem.InvalidField("scheme", fmt.Sprintf("%s has no rules for %s", review.Ref(), scheme), "add the scheme to required_level of the review profile")
	}
	required, err := ParseLevel(name)
	if err != nil {
		return Rules{}, err
	}
	return Rules{Profile: review.Ref(), Scheme: scheme, Required: required, Claim: review.Claim, Undo: review.Undo, SecondLook: review.SecondLook}, nil
}

// Claim is the item in the hands of one person for a time.
type Claim struct {
	Person string    `json:"person"`
	Until  time.Time `json:"until"`
	// Seen is the highest level shown to the person during this claim, as the
	// node recorded it.
	Seen Level `json:"seen"`
}

// Decision is what one person decided.
type Decision struct {
	ID      string      `json:"id"`
	Person  string      `json:"person"`
	At      time.Time   `json:"at"`
	Facts   FactSet     `json:"facts"`
	Classes []law.Class `json:"classes,omitempty"`
	Outcome Outcome     `json:"outcome"`
	// Level is the highest level that the person had seen, taken from the
	// record of views and never from what a client says.
	Level   Level   `json:"level"`
	Profile law.Ref `json:"profile"`
	// Blind: made without knowledge of any other decision on the item.
	Blind  bool   `json:"blind"`
	Reason string `json:"reason,omitempty"`
}

// Assessment is the state of one item's assessment.
type Assessment struct {
	Item  ID     `json:"item"`
	State State  `json:"state"`
	Rules Rules  `json:"rules"`
	Claim *Claim `json:"claim,omitempty"`
	// Passed are the people who passed the item; it never returns to them. It
	// is held for the queue only: why, and how often, is nobody's business.
	Passed []string  `json:"passed,omitempty"`
	First  *Decision `json:"first,omitempty"`
	Second *Decision `json:"second,omitempty"`
	Third  *Decision `json:"third,omitempty"`
	// Triggers are the reasons for the second look.
	Triggers []law.Trigger `json:"triggers,omitempty"`
	// Asked: the second look was asked for after the first decision was final.
	Asked bool `json:"asked,omitempty"`
	// Sealed: the last decision can no longer be taken back. SealAt is when it
	// seals by itself.
	Sealed bool      `json:"sealed"`
	SealAt time.Time `json:"seal_at,omitzero"`
	// Earlier are the decisions of rounds before the item was opened again.
	Earlier []Decision `json:"earlier,omitempty"`
	Urgent  bool       `json:"urgent,omitempty"`
	// Erasure is why the content was erased.
	Erasure string `json:"erasure,omitempty"`
}

// NewAssessment begins an assessment under rules.
func NewAssessment(item ID, rules Rules) Assessment {
	return Assessment{Item: item, State: Open, Rules: rules}
}

// NewHeld begins an assessment of what only entries in quarantine match.
func NewHeld(item ID, rules Rules) Assessment {
	return Assessment{Item: item, State: Held, Rules: rules}
}

// Last returns the latest decision, or nil.
func (a Assessment) Last() *Decision {
	switch {
	case a.Third != nil:
		return a.Third
	case a.Second != nil:
		return a.Second
	}
	return a.First
}

// Final returns the decision that counts: that of a decided item, once sealed.
// Nothing may follow from a decision that is not final.
func (a Assessment) Final() (Decision, bool) {
	if (a.State != Decided && a.State != Erased) || !a.Sealed || a.Last() == nil || !a.settled() {
		return Decision{}, false
	}
	return *a.Last(), true
}

// settled reports whether the decisions at hand settle the item: one that needs
// no second look, two that agree, or a third.
func (a Assessment) settled() bool {
	switch {
	case a.Third != nil:
		return true
	case a.Second != nil:
		return Agree(*a.First, *a.Second)
	}
	return a.First != nil && len(a.Triggers) == 0
}

// Agree reports whether two decisions settle an item together: the same
// outcome, the same class in every table, and not twice "cannot tell". Facts
// that change no class, such as neighbouring age bands, may differ; both are
// kept.
func Agree(a, b Decision) bool {
	if a.Outcome != b.Outcome || a.Outcome == CannotTell || len(a.Classes) != len(b.Classes) {
		return false
	}
	for _, class := range a.Classes {
		if !slices.ContainsFunc(b.Classes, func(other law.Class) bool {
			return other.Mapping == class.Mapping && other.Class == class.Class
		}) {
			return false
		}
	}
	return true
}

// Agreeing is how many people decided as the final decision says, 0 when none is
// final: of three of whom two differed, two.
func (a Assessment) Agreeing() int {
	final, is := a.Final()
	if !is {
		return 0
	}
	agree := 0
	for _, decision := range []*Decision{a.First, a.Second, a.Third} {
		if decision != nil && decision.Outcome == final.Outcome {
			agree++
		}
	}
	return agree
}

// Decisions are the ids of the decisions of this round, in their order.
func (a Assessment) Decisions() []string {
	var ids []string
	for _, decision := range []*Decision{a.First, a.Second, a.Third} {
		if decision != nil {
			ids = append(ids, decision.ID)
		}
	}
	return ids
}

// Involved reports whether the person decided on the item, in whatever round.
func (a Assessment) Involved(person string) bool {
	for _, decision := range []*Decision{a.First, a.Second, a.Third} {
		if decision != nil && decision.Person == person {
			return true
		}
	}
	return slices.ContainsFunc(a.Earlier, func(d Decision) bool { return d.Person == person })
}

// Offerable reports whether the queue may offer the item to that person now.
// What waits for a second look is offered once the first decision is sealed.
func (a Assessment) Offerable(person string, now time.Time) bool {
	return a.mayTake(person, now) == nil && (a.State == Open || a.sealedAt(now))
}

func (a Assessment) sealedAt(now time.Time) bool {
	return a.Sealed || (!a.SealAt.IsZero() && !now.Before(a.SealAt))
}

// mayTake returns why the person may not take the item, or nil.
func (a Assessment) mayTake(person string, now time.Time) error {
	switch {
	case person == "":
		return problem.InvalidField("person", "is missing", "only a person can take an item")
	case a.State == Decided || a.State == Erased || a.State == Held:
		return a.conflict("take")
	case a.Claim != nil && a.Claim.Person != person && now.Before(a.Claim.Until):
		return problem.New(problem.Conflict, "another person has the item", "take the next one")
	case slices.Contains(a.Passed, person):
		return problem.New(problem.Denied, "you passed this item, so it does not return to you", "take the next one")
	case a.Involved(person):
		return problem.New(problem.Denied, "you took part in this assessment", "a different person has to look")
	}
	return nil
}

func (a Assessment) conflict(event EventKind) error {
	return problem.New(problem.Conflict, fmt.Sprintf("an item that is %s cannot take the event %s", a.State, event), "reload it: somebody else may have been faster")
}
