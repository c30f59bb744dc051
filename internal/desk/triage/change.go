package triage

import (
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// change applies an event to an item's state machine and does what follows.
func (d *Desk) change(tx *ledger.Tx, id string, event item.Event, also func(item.Assessment) error) error {
	row, before, err := assessed(tx.Tx, id)
	if err != nil {
		return err
	}
	after, effects, err := before.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	if err := row.SetAssessment(after); err != nil {
		return err
	}
	for _, effect := range effects {
		if err := d.effect(tx, &row, effect); err != nil {
			return err
		}
	}
	if err := tx.UpdateItem(row); err != nil {
		return err
	}
	if also != nil {
		return also(after)
	}
	return nil
}

const (
	sealJob  = "item.seal"
	eraseJob = "item.erase"
)

// reference is the payload of the desk's jobs.
type reference struct {
	Item string    `json:"item"`
	At   time.Time `json:"at"`
}

func (d *Desk) effect(tx *ledger.Tx, row *store.ItemRow, effect item.Effect) error {
	switch effect.Kind {
	case item.SealAt:
		_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: sealJob, Payload: reference{row.ID, effect.At}, RunAt: effect.At})
		return err
	case item.RaiseUrgent:
		row.Tier, row.Why = "P0", "a reviewer sees signs of present danger"
	case item.RecallConsequences:
		_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: store.ItemChangedJob, Payload: store.ItemChange{Item: row.ID}})
		return err
	case item.DestroyKey:
		row.Content = store.ContentErased
		if err := tx.DeleteItemInsets(row.ID); err != nil {
			return err
		}
		if err := tx.DeleteItemHashes(row.ID); err != nil {
			return err
		}
		if _, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: store.ItemChangedJob, Payload: store.ItemChange{Item: row.ID, Erased: true}}); err != nil {
			return err
		}
		_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: eraseJob, Payload: reference{Item: row.ID}, UniqueKey: row.ID})
		return err
	}
	// Claims run out by themselves when the queue is read; the other effects
	// are states that the row shows.
	return nil
}
