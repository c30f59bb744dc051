package store

import (
	"encoding/json"
	"fmt"

	"github.com/brdoproject/brdo/domain/item"
)

// ReadAssessment reads the item's state machine.
func (i ItemRow) ReadAssessment() (item.Assessment, error) {
	var a item.Assessment
	if err := json.Unmarshal(i.Assessment, &a); err != nil {
		return a, fmt.Errorf("reading the assessment of item %s: %w", i.ID, err)
	}
	return a, nil
}

// SetAssessment writes the item's state machine and the columns that follow
// from it.
func (i *ItemRow) SetAssessment(a item.Assessment) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing the assessment of item %s: %w", i.ID, err)
	}
	i.Assessment, i.State = text, string(a.State)
	i.ClaimedBy, i.FirstDecider, i.Outcome = "", "", ""
	if a.Claim != nil {
		i.ClaimedBy, i.ClaimedUntil = a.Claim.Person, a.Claim.Until
	}
	if a.First != nil {
		i.FirstDecider = a.First.Person
	}
	if final, ok := a.Final(); ok {
		i.Outcome, i.DecidedAt = string(final.Outcome), final.At
	}
	return nil
}
