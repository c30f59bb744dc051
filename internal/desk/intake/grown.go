package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// entriesPerRound is how many new entries are compared with all items at once, and
// framesPerRound how many frames of videos these may have: an index of them is made in
// memory, about 40 MB of each.
const (
	entriesPerRound = 200_000
	framesPerRound  = 200_000
)

// entriesPerPage is how many are read at once.
const entriesPerPage = 20_000

// framesPerStep is how many frames of items a step compares; those of one item at least.
const framesPerStep = 20_000

// round is a number of new entries, ready to be asked.
type round struct {
	until store.EntryCursor
	index *match.Index
}

// compareHeld compares the items held here with what is new in a list, and ends when
// nothing is. Each step is written down, so that after a crash it goes on where it
// was; of two workers with one list the slower gives up.
func (d *Desk) compareHeld(ctx context.Context, running *job.Running) error {
	var list string
	if err := running.Payload(&list); err != nil {
		return err
	}
	var r round
	for {
		more, err := d.compareStep(ctx, list, &r)
		if problem.Is(err, problem.Conflict) {
			return nil // whoever was faster sees all that this one would
		}
		if err != nil {
			return fmt.Errorf("comparing what is held with list %s: %w", list, err)
		}
		if !more {
			return nil
		}
	}
}

// comparing is the act of the node itself; the items of a source are left out unless
// its legal basis is in force.
func (d *Desk) comparing(list string) ledger.Act {
	return ledger.Act{
		Actor: d.ledger.Itself(), Action: mandate.ListCompare, Purpose: mandate.PurposeDetection, BasisActive: true, Resource: access.Resource{ID: list},
	}
}

// compareStep begins a round, compares some items, or ends the run.
func (d *Desk) compareStep(ctx context.Context, list string, r *round) (more bool, err error) {
	var head store.HashList
	var at store.ComparisonRow
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if head, err = tx.List(list); err != nil {
			return err
		}
		at, err = tx.Comparison(list)
		return err
	})
	if err != nil {
		return false, err
	}
	at.ListID = list
	live := head.Indexed()
	if why := live.Closed(d.ledger.Now()); why != "" {
		if live.ValidFrom.After(d.ledger.Now()) {
			return false, job.Later(live.ValidFrom, why)
		}
		return false, nil // when it is made active again, this begins anew
	}
	if !at.Running() {
		return d.beginRound(ctx, at)
	}
	if r.index == nil || r.until != at.Until {
		if *r, err = d.openRound(ctx, live, at); err != nil {
			return false, err
		}
	}
	r.index.PutList(live) // its radius may have changed meanwhile
	return true, d.compareSome(ctx, at, r.index)
}

// beginRound takes the next entries that are new; without any the run ends.
func (d *Desk) beginRound(ctx context.Context, at store.ComparisonRow) (more bool, err error) {
	var entries []store.ListEntry
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if at.Expected, err = tx.CountItems(); err != nil {
			return err
		}
		entries, err = tx.ListEntriesChanged(at.ListID, at.Through.Version, at.Through.ID, entriesPerRound)
		return err
	})
	entries = store.Fitting(entries, framesPerRound)
	idle := at.BegunAt.IsZero() || !at.EndedAt.IsZero()
	if err != nil || idle && len(entries) == 0 {
		return false, err
	}
	if idle {
		at.BegunAt, at.EndedAt, at.Entries, at.Matches = d.ledger.Now(), time.Time{}, 0, 0
	}
	if len(entries) == 0 {
		at.EndedAt = d.ledger.Now()
	} else {
		at.ItemCursor, at.Items, at.LeftOut, at.Lacking = "", 0, 0, 0
	}
	for _, e := range entries {
		at.Until = store.EntryCursor{Version: e.ChangedVersion, ID: e.ID}
		if e.State == store.EntryActive {
			at.Entries++
		}
	}
	err = d.ledger.Do(ctx, d.comparing(at.ListID), func(tx *ledger.Tx) error {
		tx.Note("entries", at.Entries)
		if !at.EndedAt.IsZero() {
			tx.Note("ended", true)
			tx.Note("matches", at.Matches)
		}
		return tx.PutComparison(at)
	})
	return at.Running(), err
}

// openRound makes the index of the entries of a round. What changed since the round
// began is of a later one.
func (d *Desk) openRound(ctx context.Context, live match.List, at store.ComparisonRow) (round, error) {
	r := round{until: at.Until, index: match.New()}
	r.index.PutList(live)
	for after, last := at.Through, false; !last; {
		var entries []store.ListEntry
		var frames map[string][]byte
		err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
			if entries, err = tx.ListEntriesChanged(at.ListID, after.Version, after.ID, entriesPerPage); err != nil {
				return err
			}
			last = len(entries) < entriesPerPage
			beyond := slices.IndexFunc(entries, func(e store.ListEntry) bool {
				return store.EntryCursor{Version: e.ChangedVersion, ID: e.ID}.Beyond(at.Until)
			})
			if beyond >= 0 {
				entries, last = entries[:beyond], true
			}
			frames, err = tx.FramesOf(after.Version, after.ID, entries)
			return err
		})
		if err != nil {
			return r, err
		}
		delta := match.Delta{List: at.ListID}
		for _, e := range entries {
			after = store.EntryCursor{Version: e.ChangedVersion, ID: e.ID}
			if e.State != store.EntryActive {
				continue
			}
			entry, err := e.Indexed(frames[e.ID])
			if err != nil {
				return r, err
			}
			delta.Put = append(delta.Put, entry)
		}
		if last {
			delta.To = at.Until.Version
		}
		if err := r.index.Apply(delta); err != nil {
			return r, err
		}
	}
	return r, nil
}

// compareSome compares the next items, notes what is found and writes the step down.
func (d *Desk) compareSome(ctx context.Context, at store.ComparisonRow, index *match.Index) error {
	var rows []store.ItemRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.ItemsAfter(at.ItemCursor, d.perStep)
		return err
	})
	if err != nil {
		return err
	}
	before, frames, last := at, 0, len(rows) < d.perStep
	var entries []string
	for i, row := range rows {
		one, compared, err := d.compareOne(ctx, row, index)
		if err != nil {
			return fmt.Errorf("comparing item %s: %w", row.ID, err)
		}
		at.ItemCursor = row.ID
		if compared {
			at.Items++
		} else {
			at.LeftOut++
		}
		if one.lacking {
			at.Lacking++
		}
		if len(one.found) > 0 {
			if err := d.foundAgain(ctx, one); err != nil {
				return fmt.Errorf("noting that item %s was found again: %w", one.ID, err)
			}
			at.Matches++
			entries = append(entries, entriesIn(one.found)...)
		}
		if frames += one.frames; frames > framesPerStep && i < len(rows)-1 {
			last = false
			break
		}
	}
	if last {
		at.Through = at.Until
	}
	items, left := at.Items-before.Items, at.LeftOut-before.LeftOut
	err = d.ledger.Do(ctx, d.comparing(at.ListID), func(tx *ledger.Tx) error {
		tx.Note("items", items)
		tx.Note("left_out", left)
		if lacking := at.Lacking - before.Lacking; lacking > 0 {
			tx.Note("lacking", lacking)
		}
		return tx.PutComparison(at)
	})
	if err != nil {
		return err
	}
	// An entry that matches everything does so here too.
	d.counter.add(d.ledger.Now(), int(items), entries)
	return d.judge(ctx)
}

// foundAgain notes on an item what a list learnt of it, and gives it the place in the
// queue that an upload with these matches would. It decides nothing: an item that
// people decided about keeps their decision, and they are told. It may run twice.
func (d *Desk) foundAgain(ctx context.Context, one asked) error {
	act := ledger.Act{
		Actor: d.ledger.Itself(), Action: mandate.ItemFoundAgain, Purpose: mandate.PurposeDetection, BasisActive: true, Basis: one.basis,
		Resource: access.Resource{ID: one.ID},
	}
	fresh, err := d.unnoted(ctx, one)
	if err != nil || len(fresh) == 0 {
		return err
	}
	return d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Item(one.ID)
		if err != nil {
			return err
		}
		a, err := row.ReadAssessment()
		if err != nil {
			return err
		}
		quarantines, err := tx.QuarantinesOf(entriesIn(fresh))
		if err != nil {
			return err
		}
		found, err := d.count(tx, one.ID, fresh, quarantines)
		if err != nil {
			return err
		}
		final, decided := a.Final()
		for _, m := range found {
			text, err := json.Marshal(m)
			if err != nil {
				return fmt.Errorf("writing a match: %w", err)
			}
			if err := tx.InsertFoundAgain(store.FoundAgainRow{
				ItemID: one.ID, EntryID: m.Entry, ListID: m.List, At: tx.Now, Outcome: string(final.Outcome), Found: text, Event: tx.EventID(),
			}); err != nil {
				return err
			}
		}
		valid := counting(found)
		tx.Note("list", found[0].List)
		tx.Note("entries", len(found))
		tx.Note("held", len(found)-len(valid))
		switch {
		case a.State == item.Erased:
			return nil
		case len(valid) == 0 && !decided:
			return hold(tx, one.ID, found)
		case len(valid) == 0:
			return nil
		case decided:
			tx.Note("decided", string(final.Outcome))
			if final.Outcome == item.Reportable {
				return nil
			}
			return tx.Ask(found[0].List, "the list learnt of items that people here decided are not reportable, or could not tell: they are named on its page, and a supervisor can have people look again")
		}
		known := []item.Sighting{{Matches: matchesOf(valid)}}
		if _, err := d.raise(tx, &row, a, item.PlaceOf(known, score(valid), d.review)); err != nil {
			return err
		}
		return tx.UpdateItem(row)
	})
}

// unnoted leaves out what the item's sightings or an earlier comparison tell of already.
func (d *Desk) unnoted(ctx context.Context, one asked) (fresh []match.Match, err error) {
	err = d.ledger.Peek(ctx, func(tx *store.Tx) error {
		noted := map[string]bool{}
		sightings, err := tx.Sightings(one.ID, shownSightings)
		if err != nil {
			return err
		}
		for _, s := range sightings {
			var found []match.Match
			if err := json.Unmarshal(s.Matches, &found); err != nil {
				return fmt.Errorf("reading the matches of %s: %w", s.ID, err)
			}
			for _, m := range found {
				noted[m.Entry] = true
			}
		}
		again, err := tx.FoundAgain(one.ID, maxKept)
		for _, f := range again {
			noted[f.EntryID] = true
		}
		fresh = slices.DeleteFunc(slices.Clone(one.found), func(m match.Match) bool { return noted[m.Entry] })
		return err
	})
	return fresh, err
}
