package orders

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/store"
)

// look makes the round that is due over the addresses of an executed order.
// Where no machine may look, people are asked to.
func (d *Desk) look(ctx context.Context, running *job.Running) error {
	var c clock
	if err := running.Payload(&c); err != nil {
		return err
	}
	due, err := d.due(ctx, c.Order)
	if err != nil {
		return err
	}
	if d.options.Lookout == nil || !due.byMachine {
		return d.struck(ctx, running, func(tx *ledger.Tx, row store.OrderRow, _ clock) error {
			if _, due, err := dueNow(row, tx.Now); err != nil || !due {
				return err
			}
			return tx.Ask(row.ID, taskOf(row.Kind).look)
		})
	}
	checks, err := d.options.Lookout.Round(ctx, due.places, due.items)
	if err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.OrderVerify, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: c.Order}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Order(c.Order)
		if err != nil {
			return err
		}
		// While the machine looked a person may have, or the order has fallen.
		if _, due, err := dueNow(row, tx.Now); err != nil {
			return err
		} else if !due {
			tx.Note("overtaken", true)
			return running.Complete(tx.Tx)
		}
		if err := lookout.Tell(tx, row.ID, checks); err != nil {
			return err
		}
		if err := d.verified(tx, row, watch.Round{At: tx.Now, By: lookout.Node, Checks: checks}); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// machineLooks reports whether a machine can tell what became of an order: what
// is only delisted or blocked is still served.
func machineLooks(kind law.OrderKind) bool { return kind == law.OrderRemoval }

// dueRound is what a round has to look at.
type dueRound struct {
	// byMachine is false when the places are no addresses of the web, and when
	// nothing is due any more.
	byMachine bool
	places    []string
	// items are what may be served at each place.
	items map[string][]lookout.Item
}

// due reads what is to be looked at. The round itself is logged with what was
// found.
func (d *Desk) due(ctx context.Context, id string) (due dueRound, err error) {
	err = d.options.Store.Read(ctx, func(tx *store.Tx) error {
		due = dueRound{items: map[string][]lookout.Item{}}
		row, err := tx.Order(id)
		if err != nil {
			return err
		}
		value, is, err := dueNow(row, d.options.Ledger.Now())
		if err != nil || !is || !machineLooks(value.Facts.Kind) {
			return err
		}
		items, err := tx.OrderItems(id)
		if err != nil {
			return err
		}
		due.byMachine, due.places = true, value.Watch.Places
		for _, item := range items {
			known, err := lookout.Known(item.SHA256, item.PDQ, value.Watch.Terms.Radius)
			if err != nil {
				return err
			}
			due.items[item.URL] = append(due.items[item.URL], known)
		}
		return nil
	})
	return due, err
}

// dueNow reports whether a round over the addresses of an order is due; one that
// was overtaken is not.
func dueNow(row store.OrderRow, now time.Time) (value order.Issuance, due bool, err error) {
	if row.Side != store.OrderIssued {
		return value, false, nil
	}
	value, err = read[order.Issuance](row)
	next := value.NextLook()
	return value, err == nil && !next.IsZero() && !now.Before(next), err
}

// Looked records what a person found at the places of an executed order.
func (d *Desk) Looked(ctx context.Context, actor mandate.Actor, id string, checks []watch.Check) error {
	return d.do(ctx, actor, mandate.OrderVerify, id, func(tx *ledger.Tx, row store.OrderRow) error {
		return d.verified(tx, row, watch.Round{At: tx.Now, By: actor.ID, Checks: checks})
	})
}

// verified takes in a round and keeps what it found.
func (d *Desk) verified(tx *ledger.Tx, row store.OrderRow, round watch.Round) error {
	if err := d.apply(tx, row, deed{event: order.Event{Kind: order.Looked, Round: &round}}); err != nil {
		return err
	}
	tx.Note("found", round.Finding())
	return tx.InsertOrderRound(row.ID, round)
}

// FoundElsewhere records another address at which the material was found.
func (d *Desk) FoundElsewhere(ctx context.Context, actor mandate.Actor, id, address string) error {
	return d.do(ctx, actor, mandate.OrderVerify, id, func(tx *ledger.Tx, row store.OrderRow) error {
		return d.apply(tx, row, deed{event: order.Event{Kind: order.FoundElsewhere, Place: address}})
	})
}

// Seen returns the latest look at each address of the order, or at its list.
func (v View) Seen() []store.PlaceSeen {
	return store.LastSeen(v.Track().Facts.Places, v.Looks)
}

// NextLook is when the addresses are looked at again; zero when nobody will.
func (v View) NextLook() time.Time {
	if v.Issuance == nil {
		return time.Time{}
	}
	return v.Issuance.NextLook()
}
