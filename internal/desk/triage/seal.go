package triage

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
)

// sealLast makes the person's latest decision final when they go on.
func (d *Desk) sealLast(tx *ledger.Tx, person, going string) error {
	last, err := tx.LastDecision(person, tx.Now.Add(-24*time.Hour))
	if err != nil || last == "" || last == going {
		return err
	}
	_, assessment, err := assessed(tx.Tx, last)
	if err != nil {
		return err
	}
	// Meanwhile the item may have been erased, or a colleague may have decided
	// on it, who alone ends the time to take that decision back.
	if decision := assessment.Last(); assessment.State == item.Erased || assessment.Sealed || decision == nil || decision.Person != person {
		return nil
	}
	return d.change(tx, last, item.Event{Kind: item.Seal}, nil)
}

// seal makes a decision final when the time to take it back is over.
func (d *Desk) seal(ctx context.Context, running *job.Running) error {
	var at reference
	if err := running.Payload(&at); err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.ItemSeal, Purpose: mandate.PurposeReview, Resource: access.Resource{ID: at.Item}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, assessment, err := assessed(tx.Tx, at.Item)
		if err != nil {
			return err
		}
		// The decision may have been taken back, or made anew with a later clock.
		if assessment.Last() != nil && !assessment.Sealed && !assessment.SealAt.After(tx.Now) {
			if err := d.change(tx, at.Item, item.Event{Kind: item.Seal}, nil); err != nil {
				return err
			}
		}
		return running.Complete(tx.Tx)
	})
}
