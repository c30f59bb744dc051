package item

import (
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Station is what the review station may know of an assessment. It is the same
// for a first and for a second look: not even that there was a first decision,
// or that its maker saw danger, can be told from it.
type Station struct {
	Item     ID        `json:"item"`
	Scheme   law.Ref   `json:"scheme"`
	Required Level     `json:"required"`
	Until    time.Time `json:"until"`
	Seen     Level     `json:"seen"`
}

// StationFor returns what the person who holds the item may know of it. Whoever
// adjudicates gets the decisions from [Assessment.Disagreement] beside it.
func (a Assessment) StationFor(person string) (Station, error) {
	if err := a.held(Event{Person: person}); err != nil {
		return Station{}, err
	}
	return Station{
		Item: a.Item, Scheme: a.Rules.Scheme, Required: a.Rules.Required,
		Until: a.Claim.Until, Seen: a.Claim.Seen,
	}, nil
}

// Disagreement returns both decisions to the third person who holds the item,
// without the names of those who made them: arguments count, not people.
func (a Assessment) Disagreement(person string) (first, second Decision, err error) {
	if err := a.held(Event{Person: person}); err != nil {
		return Decision{}, Decision{}, err
	}
	if a.State != Adjudication {
		return Decision{}, Decision{}, problem.New(problem.Denied, "the item is not in adjudication", "decisions of others are shown only to the person who settles them")
	}
	first, second = *a.First, *a.Second
	first.Person, second.Person = "", ""
	return first, second, nil
}
