package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/flood"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// waits is what happens to a file that only entries in quarantine match.
const waits = "Only entries that match too much know this file. It waits, and comes to people when a person has looked at the entries and lifts their quarantine."

// counter holds what this process did and no row tells of yet: how many files it
// compared, and which entries matched something since they were judged last. When the
// process dies, only the share of an entry seems larger for as long as the window; and to other processes
// by what was compared here in the last second.
type counter struct {
	process string
	mu      sync.Mutex
	// files are by the minute in which they were compared, in Unix time.
	files   map[int64]int64
	pending map[string]bool
	// judging keeps two requests from judging the same.
	judging sync.Mutex
}

// add counts files that were compared at a time, and the entries that they matched.
func (c *counter) add(at time.Time, files int, entries []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if files > 0 {
		c.files[at.Unix()/60] += int64(files)
	}
	for _, entry := range entries {
		c.pending[entry] = true
	}
}

// entriesIn are the entries of some matches.
func entriesIn(all []match.Match) []string {
	entries := make([]string, 0, len(all))
	for _, m := range all {
		entries = append(entries, m.Entry)
	}
	return entries
}

// entriesOf are the entries that some files matched.
func entriesOf(all []examined) []string {
	var entries []string
	for _, e := range all {
		entries = append(entries, entriesIn(e.Matches)...)
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// markQuarantined says of each match whose entry is in quarantine why.
func markQuarantined(all []match.Match, quarantines map[string]store.QuarantineRow) {
	for i, m := range all {
		all[i].Quarantine = quarantines[m.Entry].Reason
	}
}

// counting are the matches that bring a file to people.
func counting(all []match.Match) []match.Match {
	return slices.DeleteFunc(match.Standing(all), func(m match.Match) bool { return m.Quarantine != "" })
}

// count writes down what an item matched, and says of each match whether it waits.
func (d *Desk) count(tx *ledger.Tx, itemID string, found []match.Match, quarantines map[string]store.QuarantineRow) ([]match.Match, error) {
	if err := tx.InsertEntryHits(hitsOf(itemID, found, tx.Now, time.Time{})); err != nil {
		return nil, err
	}
	found = slices.Clone(found) // the transaction may run again
	markQuarantined(found, quarantines)
	for i, m := range found {
		if m.Quarantine == "" {
			continue
		}
		exact := int64(0)
		if m.Kind.Exact() {
			var err error
			if exact, err = tx.CountEntryHits(m.Entry, tx.Now.Add(-d.flood.Window), true); err != nil {
				return nil, err
			}
		}
		if !d.flood.Holds(exact) {
			found[i].Quarantine = ""
		}
	}
	return found, nil
}

// hitsOf are the rows of some matches in the order of entries, so that two
// transactions never wait for each other.
func hitsOf(itemID string, found []match.Match, at, held time.Time) []store.EntryHit {
	hits := make([]store.EntryHit, 0, len(found))
	for _, m := range found {
		hits = append(hits, store.EntryHit{EntryID: m.Entry, ListID: m.List, ItemID: itemID, At: at, Exact: m.Kind.Exact(), HeldAt: held})
	}
	slices.SortFunc(hits, func(a, b store.EntryHit) int { return cmp.Compare(a.EntryID, b.EntryID) })
	return hits
}

// hold notes because of which entries an item waits.
func hold(tx *ledger.Tx, itemID string, found []match.Match) error {
	waiting := slices.DeleteFunc(slices.Clone(found), func(m match.Match) bool { return m.Quarantine == "" })
	return tx.InsertEntryHits(hitsOf(itemID, waiting, tx.Now, tx.Now))
}

// raise gives an item the more urgent place; what was held comes to people.
func (d *Desk) raise(tx *ledger.Tx, row *store.ItemRow, a item.Assessment, place item.Place) (item.Assessment, error) {
	if a.State == item.Held {
		// The place that it had says nothing: nobody could see it.
		row.Tier, row.Score, row.Why = place.Tier, place.Score, place.Reason
		admitted, _, err := a.Apply(item.Event{Kind: item.Admit}, tx.Now)
		if err != nil {
			return a, err
		}
		if err := row.SetAssessment(admitted); err != nil {
			return a, err
		}
		return admitted, tx.FreeItem(row.ID)
	}
	raised := item.Place{Tier: row.Tier, Score: row.Score, Reason: row.Why, Profile: place.Profile}.Raise(place)
	row.Tier, row.Score, row.Why = raised.Tier, raised.Score, raised.Reason
	return a, nil
}

// tally counts what a request compared, and judges the entries that it matched. No answer waits for files that match
// nothing to be counted: [Desk.Watch] writes down all that came meanwhile, and does what could not be done now.
func (d *Desk) tally(ctx context.Context, files int, entries []string) {
	d.counter.add(d.ledger.Now(), files, entries)
	if len(entries) > 0 {
		_ = d.judge(ctx)
	}
}

// flush writes down how much this process compared.
func (d *Desk) flush(ctx context.Context) error {
	d.counter.mu.Lock()
	files := d.counter.files
	d.counter.files = map[int64]int64{}
	d.counter.mu.Unlock()
	if len(files) == 0 {
		return nil
	}
	err := d.store.WriteShared(ctx, func(tx *store.Tx) error {
		for _, minute := range slices.Sorted(maps.Keys(files)) {
			if err := tx.AddComparedFiles(d.counter.process, time.Unix(60*minute, 0), files[minute]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.counter.mu.Lock()
		for minute, count := range files {
			d.counter.files[minute] += count
		}
		d.counter.mu.Unlock()
		return fmt.Errorf("counting what was compared: %w", err)
	}
	return nil
}

// judge puts entries that matched too much into quarantine. What cannot be judged now
// is judged when it is called again.
func (d *Desk) judge(ctx context.Context) error {
	d.counter.judging.Lock()
	defer d.counter.judging.Unlock()
	if err := d.flush(ctx); err != nil {
		return err
	}
	d.counter.mu.Lock()
	pending := d.counter.pending
	d.counter.pending = map[string]bool{}
	d.counter.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := d.judgeEntries(ctx, pending)
	if err != nil {
		d.counter.mu.Lock()
		for entry := range pending {
			d.counter.pending[entry] = true
		}
		d.counter.mu.Unlock()
		return fmt.Errorf("judging what entries match: %w", err)
	}
	return nil
}

func (d *Desk) judgeEntries(ctx context.Context, pending map[string]bool) error {
	var flooding []store.QuarantineRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		flooding, err = d.flooding(tx, pending)
		return err
	})
	if err != nil {
		return err
	}
	for _, q := range flooding {
		act := ledger.Act{
			Actor: d.ledger.Itself(), Action: mandate.ListEntryQuarantine, Purpose: mandate.PurposeListManagement, Resource: access.Resource{ID: q.ListID},
		}
		err := d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			q.Since, q.LookBy = tx.Now, tx.Now.Add(d.flood.Look)
			tx.Note("entry", q.EntryID)
			tx.Note("items", q.Items)
			tx.Note("compared", q.Compared)
			if fresh, err := tx.InsertQuarantine(q); err != nil || !fresh {
				return err // another process was faster
			}
			if err := tx.Alarm(q.ListID, q.Reason); err != nil {
				return err
			}
			return job.Strike(tx.Tx, tx.Now, job.New{Kind: store.QuarantineClockJob, Payload: q.ID}, q.ID, q.LookBy)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flooding finds the entries that matched too much and are not in quarantine.
func (d *Desk) flooding(tx *store.Tx, pending map[string]bool) ([]store.QuarantineRow, error) {
	now := d.ledger.Now()
	entries := make([]string, 0, len(pending))
	for entry := range pending {
		entries = append(entries, entry)
	}
	busy, err := tx.BusyEntries(entries, now.Add(-d.flood.Window), d.flood.Items)
	if err != nil || len(busy) == 0 {
		return nil, err
	}
	known, err := tx.QuarantinesOf(entries)
	if err != nil {
		return nil, err
	}
	var flooding []store.QuarantineRow
	for _, b := range busy {
		if _, is := known[b.EntryID]; is {
			continue
		}
		looked, err := tx.LookedAtEntry(b.EntryID)
		if err != nil {
			return nil, err
		}
		since := d.flood.Since(now, looked)
		items, err := tx.CountEntryHits(b.EntryID, since, false)
		if err != nil {
			return nil, err
		}
		compared, err := tx.CountComparedFiles(since)
		if err != nil {
			return nil, err
		}
		if d.flood.Exceeded(items, compared) {
			flooding = append(flooding, store.QuarantineRow{
				ID: store.NewID("quarantine"), EntryID: b.EntryID, ListID: b.ListID, Items: items, Compared: compared,
				Reason: flood.Reason(b.EntryID, items, compared, d.flood.Window),
			})
		}
	}
	return flooding, nil
}

// Handle registers the desk's work with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(store.QuarantineLiftedJob, d.admit)
	runner.Handle(store.ListGrownJob, d.compareHeld)
	runner.Handle(askJob, d.ask)
	runner.Handle(forgetJob, d.forget)
}

// admit brings to people what waited because of an entry whose quarantine a person
// lifted. It may run more than once: each item is admitted once.
func (d *Desk) admit(ctx context.Context, running *job.Running) error {
	var entry string
	if err := running.Payload(&entry); err != nil {
		return err
	}
	for after := ""; ; {
		var held []store.EntryHit
		err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
			held, err = tx.HeldHits(entry, after, d.perStep)
			return err
		})
		if err != nil || len(held) == 0 {
			return err
		}
		for _, hit := range held {
			act := ledger.Act{Actor: d.ledger.Itself(), Action: mandate.ItemAdmit, Purpose: mandate.PurposeReview, Resource: access.Resource{ID: hit.ItemID}}
			err := d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
				tx.Note("entry", entry)
				return d.admitItem(tx, hit.ItemID)
			})
			if err != nil {
				return fmt.Errorf("admitting what entry %s held back: %w", entry, err)
			}
			after = hit.ItemID
		}
	}
}

func (d *Desk) admitItem(tx *ledger.Tx, id string) error {
	row, err := tx.Item(id)
	if err != nil {
		return err
	}
	a, err := row.ReadAssessment()
	if err != nil {
		return err
	}
	if _, decided := a.Final(); decided || a.State == item.Erased {
		return tx.FreeItem(id)
	}
	place, err := d.placeOf(tx.Tx, id)
	if err != nil {
		return err
	}
	if _, err := d.raise(tx, &row, a, place); err != nil {
		return err
	}
	if err := tx.FreeItem(id); err != nil {
		return err
	}
	return tx.UpdateItem(row)
}

// shownSightings is how many occurrences give an item its place, the newest.
const shownSightings = 100

// placeOf is the place of an item by its sightings, without the matches of entries
// that are in quarantine.
func (d *Desk) placeOf(tx *store.Tx, id string) (item.Place, error) {
	rows, err := tx.Sightings(id, shownSightings)
	if err != nil {
		return item.Place{}, err
	}
	var all []item.Sighting
	best := 0.0
	add := func(found []match.Match, signals []law.Signal) error {
		quarantines, err := tx.QuarantinesOf(entriesIn(found))
		if err != nil {
			return err
		}
		markQuarantined(found, quarantines)
		found = counting(found)
		best = max(best, score(found))
		all = append(all, item.Sighting{Matches: matchesOf(found), Signals: signals})
		return nil
	}
	for _, row := range rows {
		var found []match.Match
		var evidence Evidence
		if err := json.Unmarshal(row.Matches, &found); err != nil {
			return item.Place{}, fmt.Errorf("reading the matches of %s: %w", row.ID, err)
		}
		if err := json.Unmarshal(row.Context, &evidence); err != nil {
			return item.Place{}, fmt.Errorf("reading sighting %s: %w", row.ID, err)
		}
		if err := add(found, evidence.Signals); err != nil {
			return item.Place{}, err
		}
	}
	again, err := tx.FoundAgain(id, maxKept)
	if err != nil {
		return item.Place{}, err
	}
	var found []match.Match
	for _, row := range again {
		var m match.Match
		if err := json.Unmarshal(row.Found, &m); err != nil {
			return item.Place{}, fmt.Errorf("reading what was found again of %s: %w", id, err)
		}
		found = append(found, m)
	}
	if err := add(found, nil); err != nil {
		return item.Place{}, err
	}
	if len(rows) == 0 {
		return item.Place{}, problem.Newf(problem.Internal, "item %s has no sighting", id)
	}
	return item.PlaceOf(all, best, d.review), nil
}
