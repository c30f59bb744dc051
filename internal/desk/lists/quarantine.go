package lists

import (
	"context"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Quarantine is that an entry matched too much: its hits wait for people.
type Quarantine struct {
	store.QuarantineRow
	// State is the entry's, Identity the digest that names it.
	State, Identity string
	// Held counts the items that wait because of the entry, Waiting are the first of them.
	Held    int64
	Waiting []store.EntryHit
}

// Liftable says that people can still bring what waits to the queue.
func (q Quarantine) Liftable() bool { return q.EndedAt.IsZero() || q.Held > 0 }

// shownQuarantines and shownHeld are how many are shown at once.
const (
	shownQuarantines = 50
	shownHeld        = 100
)

// quarantines are those of a list, with what waits because of them.
func quarantines(tx *ledger.Tx, list string) (all []Quarantine, err error) {
	rows, err := tx.QuarantinesOfList(list, shownQuarantines)
	if err != nil {
		return nil, err
	}
	shown := map[string]bool{}
	for _, row := range rows {
		if shown[row.EntryID] {
			continue // an earlier one of the same entry: its end is in the log
		}
		shown[row.EntryID] = true
		q := Quarantine{QuarantineRow: row}
		entry, err := tx.ListEntry(list, row.EntryID)
		if err != nil {
			return nil, err
		}
		q.State, q.Identity = entry.State, entry.Identity
		if q.Held, err = tx.CountHeldHits(row.EntryID); err != nil {
			return nil, err
		}
		if q.Waiting, err = tx.HeldHits(row.EntryID, "", shownHeld); err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// LiftQuarantine brings what waits because of an entry to the queue, and from now on
// what it matches, because a person looked at the entry and finds it right. Suspending
// or withdrawing the entry ([Desk.ChangeEntry]) ends its quarantine too; what waits
// then goes on waiting until the entry is restored or this is called.
//
// Errors: Denied; NotFound; Conflict when nothing waits; Invalid without a reason.
func (d *Desk) LiftQuarantine(ctx context.Context, actor mandate.Actor, list, entry, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		if _, err := tx.ListEntry(list, entry); err != nil {
			return err
		}
		ended, held, err := endQuarantine(tx, actor, entry, store.EntryActive, why)
		if err != nil {
			return err
		}
		if !ended && held == 0 {
			return problem.New(problem.Conflict, "the entry is in no quarantine, and nothing waits because of it", "load the page again")
		}
		tx.Note("entry", entry)
		tx.Note("held", held)
		return nil
	})
}

// endQuarantine notes what a person did about an entry in quarantine, if it is in one.
// When they find it right, what waits, which is counted, comes to people. That it is
// counted in the same transaction also keeps an upload from adding to it unseen.
func endQuarantine(tx *ledger.Tx, actor mandate.Actor, entry, outcome, why string) (ended bool, held int64, err error) {
	open, err := tx.QuarantinesOf([]string{entry})
	if err != nil {
		return false, 0, err
	}
	if held, err = tx.CountHeldHits(entry); err != nil {
		return false, 0, err
	}
	q, ended := open[entry]
	if ended {
		q.EndedAt, q.Outcome, q.EndedBy, q.EndedBecause = tx.Now, outcome, actor.ID, why
		if err := tx.EndQuarantine(q); err != nil {
			return false, 0, err
		}
		tx.Note("quarantine", q.ID)
		// Whoever ended it has looked at what the alarm says; a fresh identifier is
		// greater than that of every earlier alarm.
		for _, reason := range []string{q.Reason, forgotten(q)} {
			seen := store.ReportAlarm{ID: store.NewID("alarm"), Subject: q.ListID, Reason: reason}
			if err := tx.LookAtReportAlarm(seen, store.Looked{LookedAt: tx.Now, LookedBy: actor.ID, LookedBecause: why}); err != nil {
				return false, 0, err
			}
		}
	}
	if outcome != store.EntryActive || held == 0 {
		return ended, held, nil
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: store.QuarantineLiftedJob, Payload: entry})
	return ended, held, err
}

// forgotten says that nobody has looked at a quarantine in time.
func forgotten(q store.QuarantineRow) string {
	return "nobody has decided about the quarantine of " + q.EntryID + " in time: what it matches goes on waiting"
}

// quarantineClock tells people again of an entry that is in quarantine for too long.
func (d *Desk) quarantineClock(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var q store.QuarantineRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		q, err = tx.Quarantine(id)
		return err
	})
	if err != nil || !q.EndedAt.IsZero() || q.LookBy.After(d.ledger.Now()) {
		return err
	}
	err = d.ledger.Do(ctx, act(d.ledger.Itself(), mandate.ListEntryQuarantine, mandate.PurposeListManagement, q.ListID), func(tx *ledger.Tx) error {
		row, err := tx.Quarantine(id)
		if err != nil || !row.EndedAt.IsZero() || !row.LookBy.Equal(q.LookBy) {
			return err
		}
		tx.Note("entry", row.EntryID)
		tx.Note("since", row.Since.Format(time.RFC3339))
		next := tx.Now.Add(max(row.LookBy.Sub(row.Since), time.Minute))
		if err := tx.PostponeQuarantine(id, next); err != nil {
			return err
		}
		if err := tx.Alarm(row.ListID, forgotten(row)); err != nil {
			return err
		}
		return job.Strike(tx.Tx, tx.Now, job.New{Kind: store.QuarantineClockJob, Payload: id}, id, next)
	})
	if err != nil {
		return fmt.Errorf("telling people of quarantine %s again: %w", id, err)
	}
	return nil
}
