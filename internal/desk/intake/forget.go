package intake

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	forgetJob = "content.forget"
	// forgetsEvery is how long the job sleeps between two looks.
	forgetsEvery = 15 * time.Minute
	// submitting is longer than any submission takes from its first sealed content to its
	// end. One that takes longer all the same is refused: see [store.Tx.CheckSealed].
	submitting = time.Hour
)

// Overdue is how old content without a row is when the job should long have forgotten it.
const Overdue = submitting + 2*forgetsEvery

// Forgotten is how much sealed content without a row this process forgot.
func (d *Desk) Forgotten() int64 { return d.forgotten.Load() }

// forget takes away what was sealed by processes that died before they wrote what it is for,
// whoever sealed it. It leaves no mark, so that the same content may come again. Several
// processes may do so at once.
func (d *Desk) forget(ctx context.Context, _ *job.Running) error {
	if err := d.content.DeleteForgotten(ctx); err != nil {
		return err
	}
	before := d.ledger.Now().Add(-submitting)
	unsettled, err := d.content.Unsettled(ctx, before, d.perStep)
	if err != nil {
		return err
	}
	var named []string
	var left []keyring.Unsettled
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		named, left, err = Named(tx, unsettled)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.content.Settle(ctx, named); err != nil {
		return err
	}
	for _, one := range left {
		if err := d.forgetOne(ctx, one, before); err != nil {
			return err
		}
	}
	if len(unsettled) == d.perStep {
		return job.Later(d.ledger.Now(), "there is more to look at")
	}
	return job.Later(d.ledger.Now().Add(forgetsEvery), "what was sealed is looked at again")
}

// Named tells the items that a row names from those of which nobody says what they are for.
func Named(tx *store.Tx, unsettled []keyring.Unsettled) (named []string, left []keyring.Unsettled, err error) {
	for _, one := range unsettled {
		is, err := tx.NamesContent(one.ItemID)
		switch {
		case err != nil:
			return nil, nil, err
		case is:
			named = append(named, one.ItemID)
		default:
			left = append(left, one)
		}
	}
	return named, left, nil
}

// forgetOne logs first and forgets then: whoever writes a row meanwhile is either seen here or
// sees the log. A process that dies in between has written its event.
func (d *Desk) forgetOne(ctx context.Context, one keyring.Unsettled, before time.Time) error {
	logged := false
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) { logged, err = tx.ForgottenSince(one.ItemID, one.SealedAt); return err })
	if err == nil && !logged {
		err = d.logForgotten(ctx, one)
	}
	if problem.Is(err, problem.Conflict) {
		return nil // its row came just now
	}
	if err != nil {
		return err
	}
	forgot, err := d.content.Forget(ctx, one.ItemID, before)
	if forgot {
		d.forgotten.Add(1)
	}
	return err
}

// logForgotten writes that content is forgotten; Conflict when a row names it.
func (d *Desk) logForgotten(ctx context.Context, one keyring.Unsettled) error {
	act := ledger.Act{Actor: d.ledger.Itself(), Action: mandate.ItemForget, Purpose: mandate.PurposeRetention, Resource: access.Resource{ID: one.ItemID}}
	return d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		named, err := tx.NamesContent(one.ItemID)
		if err == nil && named {
			err = store.Changed("content")
		}
		tx.Note("sealed_at", one.SealedAt)
		return err
	})
}
