package lists

import (
	"context"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// page is how many entries are read at once; the index is filled in the same
// steps, so that memory holds no second copy of a list.
const page = 20_000

// pageFrames is how many frames of videos are read at once: 40 MB of them.
const pageFrames = 1_000_000

// Load brings the live index to the lists as they stand, and Follow repeats it:
// a process sees in this way what another changed. The node itself compares
// uploads with the lists here; nobody is shown anything, so it is no act of the
// ledger.
func (d *Desk) Load(ctx context.Context) error {
	// One at a time: what is read under the lock is at least as new as what is
	// loaded, so that no older picture of a list overwrites a newer one.
	d.loading.Lock()
	defer d.loading.Unlock()
	loaded := map[string]match.List{}
	for _, l := range d.index.Lists() {
		loaded[l.ID] = l
	}
	var rows []store.HashList
	made, foreign := map[string]time.Time{}, map[string]bool{}
	err := d.store.Read(ctx, func(tx *store.Tx) (err error) {
		if rows, err = tx.Lists(); err != nil {
			return err
		}
		for _, row := range rows {
			known := loaded[row.ID]
			if !d.held {
				if foreign[row.ID], err = otherHistory(tx, known); err != nil {
					return err
				}
			}
			if known.Version != row.Version || foreign[row.ID] {
				if made[row.ID], err = tx.ListVersionMade(row.ID, row.Version); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the lists: %w", err)
	}
	d.held = true
	for _, row := range rows {
		if foreign[row.ID] {
			d.foreign = append(d.foreign, row.ID)
			d.index.RemoveList(row.ID)
			delete(loaded, row.ID)
		}
		d.index.PutList(row.Indexed())
		if err := d.catchUp(ctx, row.ID, loaded[row.ID].Version, row.Version, made[row.ID]); err != nil {
			return err
		}
		delete(loaded, row.ID)
	}
	for id := range loaded {
		d.index.RemoveList(id)
	}
	return nil
}

// otherHistory tells whether what a file held of a list is not of the history that
// the rows have: of a database that was put back, say.
func otherHistory(tx *store.Tx, known match.List) (bool, error) {
	if known.Version == 0 {
		return known.Partial, nil
	}
	made, err := tx.ListVersionMade(known.ID, known.Version)
	return known.Partial || made.IsZero() || !made.Equal(known.VersionAt), err
}

// Foreign names the lists that the index had from a file, of another history than the
// rows, and that were read anew.
func (d *Desk) Foreign() []string {
	d.loading.Lock()
	defer d.loading.Unlock()
	return d.foreign
}

// catchUp applies what changed between two versions.
func (d *Desk) catchUp(ctx context.Context, list string, from, to int64, made time.Time) error {
	afterVersion, afterID := from+1, "" // every id is greater than the empty one
	for from < to {
		var rows []store.ListEntry
		var frames map[string][]byte
		more := false
		err := d.store.Read(ctx, func(tx *store.Tx) (err error) {
			if rows, err = tx.ListEntriesChanged(list, afterVersion, afterID, page); err != nil {
				return err
			}
			taken := store.Fitting(rows, pageFrames)
			more = len(taken) < len(rows) || len(rows) == page
			rows = taken
			frames, err = tx.FramesOf(afterVersion, afterID, rows)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the entries of %s: %w", list, err)
		}
		delta := match.Delta{List: list, From: from, To: from}
		for _, row := range rows {
			if row.State == store.EntryActive {
				entry, err := row.Indexed(frames[row.ID])
				if err != nil {
					return err
				}
				delta.Put = append(delta.Put, entry)
			} else {
				delta.RemoveEntries = append(delta.RemoveEntries, row.ID)
			}
			afterVersion, afterID = row.ChangedVersion, row.ID
		}
		if !more {
			delta.To, delta.At = to, made
		}
		if err := d.index.Apply(delta); err != nil {
			return fmt.Errorf("filling the index: %w", err)
		}
		from = delta.To
	}
	return nil
}

// settling is how long the node waits before it compares what it holds with what is new
// in a list: until all processes follow the change, and uploads that were compared with
// the list as it was before are written down.
const settling = 30 * time.Second

// changed lets the index follow a change of a list, and has what is held here compared
// with what is new in it.
func (d *Desk) changed(tx *ledger.Tx, list string) error {
	tx.AfterCommit(d.follow)
	_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: store.ListGrownJob, Payload: list, RunAt: tx.Now.Add(settling), Priority: job.PriorityIdle})
	return err
}

// follow brings the index up to date after a change of this process.
func (d *Desk) follow() {
	// The change is durable; that this process follows it now rather than at
	// the next poll must not fail the caller, and the poll tells of errors.
	_ = d.Load(context.Background())
}
