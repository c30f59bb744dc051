package lists

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	fetchJob = "list.fetch"
	// waitsForList is how long a job sleeps while no list follows its exchange.
	waitsForList = 24 * time.Hour
	// sweep is how many records are forgotten at once.
	sweep = 5000
)

// FetchFrom names the exchanges that lists can follow. It is called once, before
// [Desk.Begin].
func (d *Desk) FetchFrom(exchanges []exchange.Exchange) { d.exchanges = exchanges }

// Begin enqueues the rounds of all exchanges; a second call changes nothing.
func (d *Desk) Begin(ctx context.Context) error {
	return d.store.WriteShared(ctx, func(tx *store.Tx) error {
		for _, e := range d.exchanges {
			if e.Shield != nil {
				continue // it is asked about uploads, by the desk of intake
			}
			if _, err := job.Enqueue(tx, d.ledger.Now(), job.New{Kind: fetchJob, UniqueKey: e.Name, Payload: e.Name, Priority: job.PriorityIdle}); err != nil {
				return err
			}
			if _, takes := e.Voter(); takes {
				if _, err := job.Enqueue(tx, d.ledger.Now(), job.New{Kind: reasonsJob, UniqueKey: e.Name, Payload: e.Name, Priority: job.PriorityIdle}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// exchangeOf is the exchange that a job is about, if it is configured still.
func (d *Desk) exchangeOf(running *job.Running) (e exchange.Exchange, known bool, err error) {
	var name string
	if err := running.Payload(&name); err != nil {
		return e, false, err
	}
	e, known = exchange.ByName(d.exchanges, name)
	return e, known, nil
}

// fetch is one round: what changed at an exchange comes into the list that follows it.
func (d *Desk) fetch(ctx context.Context, running *job.Running) error {
	e, known, err := d.exchangeOf(running)
	if err != nil {
		return err
	}
	if !known {
		return nil // it is configured no more
	}
	var list store.HashList
	var state store.FetchedList
	followed := false
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if list, followed, err = tx.ListFollowing(e.Address(), ""); err != nil || !followed {
			return err
		}
		state, err = tx.FetchedList(list.ID)
		return err
	})
	switch {
	case err != nil:
		return err
	case !followed:
		return job.Await(e.Address(), d.ledger.Now().Add(waitsForList), "no list follows this exchange")
	}
	failed := d.round(ctx, e, list, &state)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known := problem.From(failed); failed != nil && known.Kind == problem.Internal {
		return failed // our own fault: the queue tries again, and says so
	}
	if errors.Is(failed, errOvertaken) {
		return job.Later(d.ledger.Now().Add(e.Next(0)), "another process asks the exchange")
	}
	failures, err := d.roundEnded(ctx, e, list, failed)
	if err != nil {
		return err
	}
	pause := e.Next(failures)
	var told *exchange.Pause
	if errors.As(failed, &told) {
		pause = max(pause, told.For)
	}
	return job.Later(d.ledger.Now().Add(pause), "the exchange is asked again")
}

// errOvertaken: a process that was thought dead goes on with the same list.
var errOvertaken = errors.New("another process fetches this list")

// round reads to the end of what changed. It stores each batch with its checkpoint.
func (d *Desk) round(ctx context.Context, e exchange.Exchange, list store.HashList, state *store.FetchedList) error {
	now := d.ledger.Now()
	if !e.Basis.ActiveAt(now) {
		return problem.New(problem.Expired, "its legal basis "+e.Basis.Ref().String()+" is not in force", "name another one in the configuration; nothing is fetched until then")
	}
	for batch, err := range e.Source.Changes(ctx, state.Checkpoint, now) {
		if err == nil {
			err = d.takeBatch(ctx, e, list, state, batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBatch stores one batch. A batch without changes only moves the checkpoint.
func (d *Desk) takeBatch(ctx context.Context, e exchange.Exchange, list store.HashList, state *store.FetchedList, batch exchange.Batch) error {
	next := *state
	next.Checkpoint = batch.Checkpoint
	if !batch.UpTo.IsZero() {
		next.UpTo = batch.UpTo
	}
	if batch.Begins {
		next.Generation++
	}
	var err error
	if len(batch.Changes) == 0 && !batch.Begins && !batch.Ends {
		err = d.moveOn(ctx, *state, next)
	} else {
		err = d.ledger.Do(ctx, act(d.ledger.Itself(), mandate.ListImport, mandate.PurposeListManagement, list.ID), func(tx *ledger.Tx) error {
			if err := tx.MoveFetchedList(*state, next, errOvertaken); err != nil {
				return err
			}
			if batch.Begins && batch.Total > 0 {
				all, _, err := tx.CountFetchedRecords(list.ID, next.Generation)
				if err == nil && e.Shrinks(all, batch.Total) {
					err = shrunk(all, batch.Total)
				}
				if err != nil {
					return err
				}
			}
			return d.apply(tx, e, list, next.Generation, batch)
		})
	}
	if err == nil {
		*state = next
	}
	return err
}

// moveOn stores a checkpoint up to which nothing changed.
func (d *Desk) moveOn(ctx context.Context, from, to store.FetchedList) error {
	return d.store.Write(ctx, func(tx *store.Tx) error { return tx.MoveFetchedList(from, to, errOvertaken) })
}

func shrunk(before, left int64) error {
	return problem.New(problem.Conflict, fmt.Sprintf("of %d records it would hold only %d; a list does not shrink so much by itself", before, left),
		"ask those who keep it; if it is right, raise may_shrink in the configuration for one round")
}

// fetched is what a batch does.
type fetched struct {
	list    store.HashList
	version int64
	why     string
	result  Imported
	// left are the entries that a record stood for and no longer does.
	left []string
}

// apply brings a list to what a batch says. Records that say what they said before
// change nothing, so that reading them again makes no version of the list.
func (d *Desk) apply(tx *ledger.Tx, e exchange.Exchange, list store.HashList, generation int64, batch exchange.Batch) error {
	f := &fetched{list: list, why: "fetched from " + e.Name}
	for _, change := range batch.Changes {
		if err := f.change(tx, e, change, generation); err != nil {
			return err
		}
	}
	if batch.Ends {
		if err := f.forget(tx, e, generation, batch.Total == 0); err != nil {
			return err
		}
	}
	if err := f.withdraw(tx); err != nil {
		return err
	}
	tx.Note("exchange", e.Name)
	tx.Note("legal_basis", e.Basis.Ref().String())
	tx.Note("verification", e.Verification)
	tx.Note("records", len(batch.Changes))
	r := f.result
	for name, count := range map[string]int64{
		"added": r.Added, "changed": r.Changed, "refused": r.RefusedCount, "withdrawn": r.Withdrawn, "restored": r.Restored, "held": r.Held,
	} {
		if count > 0 {
			tx.Note(name, count)
		}
	}
	if f.version == 0 {
		return nil
	}
	tx.Note("version", f.version)
	if err := d.changed(tx, list.ID); err != nil {
		return err
	}
	return tx.InsertListVersion(store.ListVersion{
		ListID: list.ID, Version: f.version, At: tx.Now, By: "node", Reason: f.why, FileName: batch.Name, FileSHA256: batch.SHA256, Format: batch.Format,
		Added: r.Added, Changed: r.Changed + r.Withdrawn, Refused: r.RefusedCount,
	})
}

// begin gives the list a new version, once.
func (f *fetched) begin(tx *ledger.Tx) (err error) {
	if f.version == 0 {
		f.version, err = tx.NextListVersion(f.list.ID)
	}
	return err
}

func (f *fetched) change(tx *ledger.Tx, e exchange.Exchange, c exchange.Change, generation int64) error {
	f.result.Rows++
	if c.Key == "" { // it cannot be used, and has no name either
		f.result.RefusedCount++
		return nil
	}
	held, found, err := tx.FetchedRecord(f.list.ID, c.Key)
	if err != nil {
		return err
	}
	if c.Gone {
		if !found {
			return nil
		}
		f.left = append(f.left, held.EntryID)
		return tx.DeleteFetchedRecord(f.list.ID, c.Key)
	}
	content, err := contentOf(c, e.Verification)
	if err != nil {
		return err
	}
	if found && slices.Equal(held.Content, content) {
		if held.Generation == generation {
			return nil
		}
		held.Generation = generation
		return tx.PutFetchedRecord(held)
	}
	entry := ""
	if c.Refused != "" {
		f.result.RefusedCount++
	} else if entry, err = f.put(tx, e, c); err != nil {
		return err
	}
	if found && held.EntryID != entry {
		f.left = append(f.left, held.EntryID)
	}
	return tx.PutFetchedRecord(store.FetchedRecord{ListID: f.list.ID, Record: c.Key, EntryID: entry, Content: content, Generation: generation})
}

// contentOf is a digest of all that a record says and of what it is worth.
func contentOf(c exchange.Change, verification string) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("reading a record: %w", err)
	}
	sum := sha256.Sum256(append(text, verification...))
	return sum[:16], nil
}

// put brings the entry of a record into the list and returns its identifier.
func (f *fetched) put(tx *ledger.Tx, e exchange.Exchange, c exchange.Change) (string, error) {
	if err := f.begin(tx); err != nil {
		return "", err
	}
	entry := c.Entry
	entry.State, entry.Verification = hashlist.StateActive, e.Verification
	put := row(f.list, f.version, entry)
	added, changed, err := tx.PutListEntry(put, packedFrames(entry))
	if err != nil {
		return "", err
	}
	held, err := tx.ListEntryByIdentity(f.list.ID, put.Identity)
	if err != nil {
		return "", err
	}
	restored, err := settle(tx, held, entry, f.why, f.version, nil, &f.result)
	switch {
	case err != nil:
		return "", err
	case added:
		f.result.Added++
	case changed || restored:
		f.result.Changed++
	}
	return held.ID, nil
}

// forget lets the records go that were not seen since all were read anew.
func (f *fetched) forget(tx *ledger.Tx, e exchange.Exchange, generation int64, counts bool) error {
	all, seen, err := tx.CountFetchedRecords(f.list.ID, generation)
	if err != nil {
		return err
	}
	if counts && e.Shrinks(all, seen) {
		return shrunk(all, seen)
	}
	for {
		rows, err := tx.FetchedRecordsBefore(f.list.ID, generation, sweep)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			f.left = append(f.left, r.EntryID)
			if err := tx.DeleteFetchedRecord(f.list.ID, r.Record); err != nil {
				return err
			}
		}
	}
}

// withdraw stops the entries for which no record stands any more.
func (f *fetched) withdraw(tx *ledger.Tx) error {
	slices.Sort(f.left)
	for _, id := range slices.Compact(f.left) {
		if id == "" {
			continue
		}
		if stands, err := tx.HasFetchedRecord(f.list.ID, id); err != nil || stands {
			if err != nil {
				return err
			}
			continue
		}
		held, err := tx.ListEntry(f.list.ID, id)
		if err != nil {
			return err
		}
		if err := f.begin(tx); err != nil {
			return err
		}
		if _, err := settle(tx, held, hashlist.Entry{State: hashlist.StateWithdrawn}, f.why, f.version, nil, &f.result); err != nil {
			return err
		}
	}
	return nil
}

// roundEnded keeps how a round ended, and returns how many failed since a good one.
// When none succeeds for too long, and when a list would shrink too much, people are
// told, once.
func (d *Desk) roundEnded(ctx context.Context, e exchange.Exchange, list store.HashList, failed error) (failures int, err error) {
	var held store.FetchedList
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		held, err = tx.FetchedList(list.ID)
		return err
	})
	if err != nil {
		return 0, err
	}
	alarm := ended(&held, e, list, failed, d.ledger.Now())
	if alarm == "" {
		return held.Failures, d.store.Write(ctx, func(tx *store.Tx) error { return tx.NoteFetch(held) })
	}
	return held.Failures, d.ledger.Do(ctx, act(d.ledger.Itself(), mandate.ListImport, mandate.PurposeListManagement, list.ID), func(tx *ledger.Tx) error {
		tx.Note("exchange", e.Name)
		tx.Note("failures", held.Failures)
		if err := tx.NoteFetch(held); err != nil {
			return err
		}
		return tx.Alarm(list.ID, alarm)
	})
}

// ended brings what is known of the rounds up to date and says what people are told.
func ended(f *store.FetchedList, e exchange.Exchange, list store.HashList, failed error, now time.Time) (alarm string) {
	f.FetchedAt = now
	if failed == nil {
		f.SucceededAt, f.Failures, f.Problem, f.Remedy, f.Alarmed = now, 0, "", "", false
		return ""
	}
	known := problem.From(failed)
	again := f.Problem == known.Reason
	f.Failures++
	f.Problem, f.Remedy = known.Reason, known.Remedy
	switch {
	case known.Kind == problem.Conflict && !again:
		return "the exchange " + e.Name + " is not followed any more: " + known.Reason
	case !f.Alarmed && stale(e, list, *f, now):
		f.Alarmed = true
		return "nothing came from the exchange " + e.Name + " for " + e.StaleAfter.String() + ": " + known.Reason
	}
	return ""
}

// stale says that no round succeeded for too long.
func stale(e exchange.Exchange, list store.HashList, f store.FetchedList, now time.Time) bool {
	since := f.SucceededAt
	if since.IsZero() {
		since = list.CreatedAt
	}
	return now.Sub(since) > e.StaleAfter
}
