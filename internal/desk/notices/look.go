package notices

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/store"
)

// look makes the round that is due over the addresses of a case. Where no
// machine may look, people are asked to.
func (d *Desk) look(ctx context.Context, running *job.Running) error {
	var c clock
	if err := running.Payload(&c); err != nil {
		return err
	}
	if d.options.Lookout == nil {
		return d.struck(ctx, running, func(tx *ledger.Tx, row store.NoticeRow, _ clock) error {
			if _, due, err := dueNow(row, tx.Now); err != nil || !due {
				return err
			}
			return tx.Ask(row.ID, "look whether the material is gone, and record what you find")
		})
	}
	places, items, err := d.due(ctx, c.Notice)
	if err != nil {
		return err
	}
	checks, err := d.options.Lookout.Round(ctx, places, items)
	if err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.VoluntaryVerify, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: c.Notice}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Notice(c.Notice)
		if err != nil {
			return err
		}
		// While the machine looked a person may have, or the case has gone on.
		if _, due, err := dueNow(row, tx.Now); err != nil {
			return err
		} else if !due || len(places) == 0 {
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

// dueNow reports whether a round over the addresses of a case is due; one that was
// overtaken is not.
func dueNow(row store.NoticeRow, now time.Time) (value order.NoticeCase, due bool, err error) {
	if row.Side != store.NoticeSent {
		return value, false, nil
	}
	value, err = read[order.NoticeCase](row)
	next := value.NextLook()
	return value, err == nil && !next.IsZero() && !now.Before(next), err
}

// due reads what is to be looked at. The round itself is logged with what was
// found.
func (d *Desk) due(ctx context.Context, id string) (places []string, items map[string][]lookout.Item, err error) {
	err = d.options.Store.Read(ctx, func(tx *store.Tx) error {
		places, items = nil, map[string][]lookout.Item{}
		row, err := tx.Notice(id)
		if err != nil {
			return err
		}
		value, due, err := dueNow(row, d.options.Ledger.Now())
		if err != nil || !due {
			return err
		}
		named, err := tx.NoticeItems(id)
		if err != nil {
			return err
		}
		places = value.Watch.Places
		for _, item := range named {
			known, err := lookout.Known(item.SHA256, item.PDQ, value.Watch.Terms.Radius)
			if err != nil {
				return err
			}
			items[item.URL] = append(items[item.URL], known)
		}
		return nil
	})
	return places, items, err
}

// Looked records what a person found at the places of a case.
func (d *Desk) Looked(ctx context.Context, actor mandate.Actor, id string, checks []watch.Check) error {
	return d.do(ctx, actor, mandate.VoluntaryVerify, id, func(tx *ledger.Tx, row store.NoticeRow) error {
		return d.verified(tx, row, watch.Round{At: tx.Now, By: actor.ID, Checks: checks})
	})
}

// verified takes in a round and keeps what it found.
func (d *Desk) verified(tx *ledger.Tx, row store.NoticeRow, round watch.Round) error {
	if err := d.apply(tx, row, deed{event: order.Event{Kind: order.Looked, Round: &round}}); err != nil {
		return err
	}
	tx.Note("found", round.Finding())
	return tx.InsertNoticeRound(row.ID, round)
}

// FoundElsewhere records another address at which the material was found.
func (d *Desk) FoundElsewhere(ctx context.Context, actor mandate.Actor, id, address string) error {
	return d.decide(ctx, actor, mandate.VoluntaryVerify, id, order.Event{Kind: order.FoundElsewhere, Place: address})
}
