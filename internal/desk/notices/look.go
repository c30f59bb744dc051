package notices

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/store"
)

// nodeLooks is what a round is signed with that a machine made.
const nodeLooks = "node"

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
	found := map[string]lookout.Sight{}
	for _, place := range places {
		if found[place], err = d.options.Lookout.LookForAny(ctx, place, items[place]); err != nil {
			return fmt.Errorf("looking at an address of a notice: %w", err)
		}
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
		round := watch.Round{At: tx.Now, By: nodeLooks}
		outcomes := map[string]lookout.Outcome{}
		for i, place := range places {
			sight := found[place]
			round.Checks = append(round.Checks, watch.Check{Place: place, Finding: sight.Outcome.Finding(), Reason: sight.Reason})
			outcomes[place] = sight.Outcome
			tx.Note(fmt.Sprintf("place_%d", i+1), sight.Outcome)
			if sight.Outcome == lookout.Alike {
				if err := tx.Alarm(row.ID, "compare what is served now with the item: "+sight.Reason+" ("+place+")"); err != nil {
					return err
				}
			}
		}
		if err := d.verified(tx, row, round, outcomes); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// watchedIn are the states in which the addresses are looked at.
var watchedIn = []order.State{order.Ready, order.Waiting, order.Undecided, order.Exhausted, order.Executed, order.Verified}

// dueNow reports whether a round over the addresses of a case is due.
func dueNow(row store.NoticeRow, now time.Time) (value order.NoticeCase, due bool, err error) {
	if row.Side != store.NoticeSent || !slices.Contains(watchedIn, order.State(row.State)) {
		return value, false, nil
	}
	value, err = read[order.NoticeCase](row)
	return value, err == nil && value.Watch != nil && !value.Watch.Due.IsZero() && !now.Before(value.Watch.Due), err
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
			known := lookout.Item{SHA256: item.SHA256, Radius: value.Watch.Terms.Radius}
			if item.PDQ != "" && known.Radius > 0 {
				hash, err := pdq.Parse(item.PDQ)
				if err != nil {
					return fmt.Errorf("reading the digest of an item of %s: %w", id, err)
				}
				known.PDQ = &hash
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
		return d.verified(tx, row, watch.Round{At: tx.Now, By: actor.ID, Checks: checks}, nil)
	})
}

// verified takes in a round and keeps what it found. outcomes are what a machine
// saw, by place.
func (d *Desk) verified(tx *ledger.Tx, row store.NoticeRow, round watch.Round, outcomes map[string]lookout.Outcome) error {
	if err := d.apply(tx, row, deed{event: order.Event{Kind: order.Looked, Round: &round}}); err != nil {
		return err
	}
	for _, check := range round.Checks {
		if err := tx.InsertNoticeLook(store.PlaceLook{
			ID: store.NewID("look"), Subject: row.ID, Place: check.Place, Finding: string(check.Finding), Outcome: string(outcomes[check.Place]),
			Reason: check.Reason, By: round.By, At: round.At,
		}); err != nil {
			return err
		}
	}
	tx.Note("found", round.Finding())
	return nil
}

// FoundElsewhere records another address at which the material was found.
func (d *Desk) FoundElsewhere(ctx context.Context, actor mandate.Actor, id, address string) error {
	return d.decide(ctx, actor, mandate.VoluntaryVerify, id, order.Event{Kind: order.FoundElsewhere, Place: address})
}
