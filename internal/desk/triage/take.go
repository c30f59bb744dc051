package triage

import (
	"context"
	"slices"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Take puts an item into a person's hands for a time. An earlier decision of
// the person that could still be taken back becomes final by it.
//
// Errors: Denied; Conflict when it does not wait, or no longer, for somebody of
// the person's roles; Unavailable during a break.
func (d *Desk) Take(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemTake, id), func(tx *ledger.Tx) error {
		workload, _, err := d.workload(tx, actor.ID)
		if err != nil {
			return err
		}
		if workload.Lock.Locked(tx.Now) {
			return errOnBreak(workload.Lock.Until, tx.Now)
		}
		row, err := tx.Item(id)
		if err != nil {
			return err
		}
		// Between the queue and the taking a colleague may have decided: then it
		// waits for people of another role, and must not be held back from them.
		if !slices.ContainsFunc(roundsOf(actor), func(r round) bool { return string(r.state) == row.State }) {
			return store.Changed("item")
		}
		if err := d.sealLast(tx, actor.ID, id); err != nil {
			return err
		}
		return d.change(tx, id, item.Event{Kind: item.Take, Person: actor.ID}, nil)
	})
}

// GoOn makes the person's latest decision final and takes the next item that
// waits for them; the identifier is empty when nothing does.
func (d *Desk) GoOn(ctx context.Context, actor mandate.Actor) (string, error) {
	next := ""
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		for _, r := range roundsOf(actor) {
			rows, err := tx.Queue(string(r.state), actor.ID, d.options.Ledger.Now(), queueLength)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if offerable(row, actor.ID, d.options.Ledger.Now()) {
					next = row.ID
					return nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if next != "" {
		return next, d.Take(ctx, actor, next)
	}
	return "", d.options.Ledger.Do(ctx, d.act(actor, mandate.ItemTake, ""), func(tx *ledger.Tx) error {
		tx.Note("nothing_waits", true)
		return d.sealLast(tx, actor.ID, "")
	})
}

// Pass hands an item on to others; no reason is asked and none is recorded.
func (d *Desk) Pass(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemPass, id), func(tx *ledger.Tx) error {
		if err := tx.EndExposuresOf(actor.ID, tx.Now); err != nil {
			return err
		}
		if err := tx.InsertPass(id, actor.ID, tx.Now); err != nil {
			return err
		}
		return d.change(tx, id, item.Event{Kind: item.Pass, Person: actor.ID}, nil)
	})
}

// Escalate says that the person sees signs of present danger: the item becomes
// the most urgent there is.
func (d *Desk) Escalate(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemTake, id), func(tx *ledger.Tx) error {
		tx.Note("escalated", true)
		return d.change(tx, id, item.Event{Kind: item.Escalate, Person: actor.ID}, nil)
	})
}
