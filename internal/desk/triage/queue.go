package triage

import (
	"context"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Entry is one line of the queue.
type Entry struct {
	ID        string
	Tier      string
	Score     float64
	Why       string
	State     item.State
	Received  time.Time
	Sightings int64
	// Mine: the reader has it already.
	Mine bool
}

// Queue is what waits for a person.
type Queue struct {
	Entries []Entry
	Figures []store.QueueFigure
	// Reportable are decided items that no report tells of yet.
	Reportable []Entry
	Workload   item.Workload
	Now        time.Time
}

// queueLength is how many entries a page of the queue shows.
const queueLength = 50

// Queue returns what waits for the person, the most urgent first.
func (d *Desk) Queue(ctx context.Context, actor mandate.Actor) (Queue, error) {
	var q Queue
	err := d.options.Ledger.Read(ctx, d.act(actor, mandate.QueueConsult, ""), func(tx *ledger.Tx) (err error) {
		q = Queue{Now: tx.Now}
		if q.Workload, _, err = d.workload(tx, actor.ID); err != nil {
			return err
		}
		if q.Figures, err = tx.QueueFigures(string(item.Open), string(item.AwaitingSecond), string(item.Adjudication)); err != nil {
			return err
		}
		for _, r := range roundsOf(actor) {
			rows, err := tx.Queue(string(r.state), actor.ID, tx.Now, queueLength)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if offerable(row, actor.ID, tx.Now) {
					q.Entries = append(q.Entries, entryOf(row, actor.ID, tx.Now))
				}
			}
		}
		slices.SortStableFunc(q.Entries, func(a, b Entry) int {
			return item.Compare(queued(a), queued(b))
		})
		q.Entries = q.Entries[:min(len(q.Entries), queueLength)]
		if actor.Has(mandate.Analyst) {
			decided, err := tx.DecidedItems(string(item.Reportable), queueLength)
			if err != nil {
				return err
			}
			for _, row := range decided {
				q.Reportable = append(q.Reportable, entryOf(row, actor.ID, tx.Now))
			}
		}
		tx.Note("entries", len(q.Entries))
		return nil
	})
	return q, err
}

func queued(e Entry) item.Queued {
	return item.Queued{ID: item.ID(e.ID), Place: item.Place{Tier: e.Tier, Score: e.Score}, Since: e.Received}
}

func offerable(row store.ItemRow, person string, now time.Time) bool {
	assessment, err := row.ReadAssessment()
	return err == nil && assessment.Offerable(person, now)
}

func entryOf(row store.ItemRow, person string, now time.Time) Entry {
	return Entry{
		ID: row.ID, Tier: row.Tier, Score: row.Score, Why: row.Why, State: item.State(row.State), Received: row.ReceivedAt, Sightings: row.Sightings,
		Mine: row.ClaimedBy == person && row.ClaimedUntil.After(now),
	}
}
