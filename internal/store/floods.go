package store

import (
	"strconv"
	"strings"
	"time"
)

// QuarantineLiftedJob brings what an entry held back before people; its payload is
// the entry's id. QuarantineClockJob strikes when people should have looked at a
// quarantine; its payload is the quarantine's id.
const (
	QuarantineLiftedJob = "list.quarantine.lifted"
	QuarantineClockJob  = "list.quarantine.clock"
)

// EntryHit is that an entry of a list matched an item.
type EntryHit struct {
	EntryID, ListID, ItemID string
	// At is when it did so last.
	At time.Time
	// Exact: a digest is equal.
	Exact bool
	// HeldAt is since when the item waits because of the entry; zero when it does not.
	HeldAt time.Time
}

// batchOf is how many of a number of values go into one statement: one of few sizes, so
// that connections can keep their statements.
func batchOf(values int) int {
	switch {
	case values >= 100:
		return 100
	case values >= 10:
		return 10
	}
	return 1
}

// marks are the placeholders of a number of values, from $first on: $1, $2, $3.
func marks(first, values int) string {
	all := make([]string, values)
	for i := range all {
		all[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(all, ", ")
}

// InsertEntryHits notes what entries matched. An earlier hit of the same item is
// brought up to date; one that is held stays so.
func (tx *Tx) InsertEntryHits(hits []EntryHit) error {
	for len(hits) > 0 {
		batch := hits[:batchOf(len(hits))]
		hits = hits[len(batch):]
		var arguments []any
		var rows []string
		for _, h := range batch {
			rows = append(rows, "("+marks(len(arguments)+1, 6)+")")
			arguments = append(arguments, h.EntryID, h.ListID, h.ItemID, micros(h.At), h.Exact, micros(h.HeldAt))
		}
		if err := tx.exec("noting hits of entries", `INSERT INTO entry_hits (entry_id, list_id, item_id, at, exact, held_at) VALUES `+strings.Join(rows, ", ")+`
			ON CONFLICT (entry_id, item_id) DO UPDATE SET at = excluded.at, exact = excluded.exact, held_at = COALESCE(entry_hits.held_at, excluded.held_at)`, arguments...); err != nil {
			return err
		}
	}
	return nil
}

// CountEntryHits counts the different items that an entry matched since a time; exact
// restricts them to those that a digest is equal to.
func (tx *Tx) CountEntryHits(entryID string, since time.Time, exact bool) (count int64, err error) {
	err = tx.one("counting hits of an entry", nil, `SELECT COUNT(*) FROM entry_hits WHERE entry_id = $1 AND at >= $2 AND (exact OR NOT $3)`,
		[]any{entryID, micros(since), exact}, &count)
	return count, err
}

// BusyEntry is an entry that matched many items.
type BusyEntry struct {
	EntryID, ListID string
	Items           int64
}

// BusyEntries returns those of some entries that matched more than a number of
// different items since a time.
func (tx *Tx) BusyEntries(entries []string, since time.Time, more int64) ([]BusyEntry, error) {
	var found []BusyEntry
	err := tx.inBatches(entries, func(list string, arguments []any) error {
		n := len(arguments)
		return tx.rows("counting hits of entries", `SELECT entry_id, MIN(list_id), COUNT(*) FROM entry_hits WHERE entry_id IN (`+list+`)
			AND at >= $`+strconv.Itoa(n+1)+` GROUP BY entry_id HAVING COUNT(*) > $`+strconv.Itoa(n+2)+` ORDER BY entry_id`,
			append(arguments, micros(since), more), func(row scanner) error {
				var b BusyEntry
				err := row.Scan(&b.EntryID, &b.ListID, &b.Items)
				found = append(found, b)
				return err
			})
	})
	return found, err
}

// inBatches calls with placeholders and values, see [batchOf].
func (tx *Tx) inBatches(values []string, call func(list string, arguments []any) error) error {
	for len(values) > 0 {
		batch := values[:batchOf(len(values))]
		values = values[len(batch):]
		arguments := make([]any, 0, len(batch)+2)
		for _, v := range batch {
			arguments = append(arguments, v)
		}
		if err := call(marks(1, len(batch)), arguments); err != nil {
			return err
		}
	}
	return nil
}

const hitColumns = `entry_id, list_id, item_id, at, exact, held_at`

func (tx *Tx) entryHits(query string, arguments ...any) ([]EntryHit, error) {
	var found []EntryHit
	err := tx.rows("reading hits of an entry", query, arguments, func(row scanner) error {
		var h EntryHit
		err := row.Scan(&h.EntryID, &h.ListID, &h.ItemID, moment{&h.At}, &h.Exact, moment{&h.HeldAt})
		found = append(found, h)
		return err
	})
	return found, err
}

// HeldHits returns up to limit hits that wait because of an entry, by item, after a
// cursor.
func (tx *Tx) HeldHits(entryID, afterItem string, limit int) ([]EntryHit, error) {
	return tx.entryHits(`SELECT `+hitColumns+` FROM entry_hits WHERE entry_id = $1 AND item_id > $2 AND held_at IS NOT NULL ORDER BY item_id LIMIT $3`, entryID, afterItem, limit)
}

// CountHeldHits counts the items that wait because of an entry.
func (tx *Tx) CountHeldHits(entryID string) (count int64, err error) {
	err = tx.one("counting held hits", nil, `SELECT COUNT(*) FROM entry_hits WHERE entry_id = $1 AND held_at IS NOT NULL`, []any{entryID}, &count)
	return count, err
}

// FreeItem notes that an item waits because of no entry any more.
func (tx *Tx) FreeItem(itemID string) error {
	return tx.exec("freeing a held item", `UPDATE entry_hits SET held_at = NULL WHERE item_id = $1 AND held_at IS NOT NULL`, itemID)
}

// DeleteEntryHitsBefore forgets hits and counts that are older than a time; what is
// held stays.
func (tx *Tx) DeleteEntryHitsBefore(before time.Time) error {
	if err := tx.exec("forgetting hits of entries", `DELETE FROM entry_hits WHERE at < $1 AND held_at IS NULL`, micros(before)); err != nil {
		return err
	}
	return tx.exec("forgetting how much was compared", `DELETE FROM compared_files WHERE minute < $1`, before.Unix()/60)
}

// AddComparedFiles counts files that a process compared in the minute of a time.
func (tx *Tx) AddComparedFiles(process string, at time.Time, files int64) error {
	return tx.exec("counting compared files", `INSERT INTO compared_files (minute, process, files) VALUES ($1, $2, $3)
		ON CONFLICT (minute, process) DO UPDATE SET files = compared_files.files + excluded.files`, at.Unix()/60, process, files)
}

// CountComparedFiles counts what all processes compared since a time, in whole minutes.
func (tx *Tx) CountComparedFiles(since time.Time) (count int64, err error) {
	err = tx.one("counting compared files", nil, `SELECT CAST(COALESCE(SUM(files), 0) AS BIGINT) FROM compared_files WHERE minute >= $1`, []any{since.Unix() / 60}, &count)
	return count, err
}

// QuarantineRow is that an entry matched too much, and what people did about it.
type QuarantineRow struct {
	ID, EntryID, ListID string
	Since, LookBy       time.Time
	// Items of Compared files, within the window, were matched.
	Items, Compared int64
	Reason          string
	// EndedAt is zero while it lasts. Outcome is the state that a person gave the entry.
	EndedAt                        time.Time
	Outcome, EndedBy, EndedBecause string
}

// InsertQuarantine puts an entry into quarantine; false when it is in one.
func (tx *Tx) InsertQuarantine(q QuarantineRow) (bool, error) {
	id := ""
	err := tx.rows("writing a quarantine", `INSERT INTO entry_quarantines (id, entry_id, list_id, since, look_by, items, compared, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id`,
		[]any{q.ID, q.EntryID, q.ListID, micros(q.Since), micros(q.LookBy), q.Items, q.Compared, q.Reason}, func(row scanner) error { return row.Scan(&id) })
	return id != "", err
}

const quarantineColumns = `id, entry_id, list_id, since, look_by, items, compared, reason, ended_at, outcome, ended_by, ended_because`

func (tx *Tx) quarantines(query string, arguments ...any) ([]QuarantineRow, error) {
	var found []QuarantineRow
	err := tx.rows("reading quarantines", query, arguments, func(row scanner) error {
		var q QuarantineRow
		err := row.Scan(&q.ID, &q.EntryID, &q.ListID, moment{&q.Since}, moment{&q.LookBy}, &q.Items, &q.Compared, &q.Reason, moment{&q.EndedAt}, &q.Outcome, &q.EndedBy, &q.EndedBecause)
		found = append(found, q)
		return err
	})
	return found, err
}

// Quarantine returns one.
func (tx *Tx) Quarantine(id string) (QuarantineRow, error) {
	found, err := tx.quarantines(`SELECT `+quarantineColumns+` FROM entry_quarantines WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("quarantine", id)
	}
	if err != nil {
		return QuarantineRow{}, err
	}
	return found[0], nil
}

// QuarantinesOf returns those of some entries that last, by entry.
func (tx *Tx) QuarantinesOf(entries []string) (map[string]QuarantineRow, error) {
	all := map[string]QuarantineRow{}
	err := tx.inBatches(entries, func(list string, arguments []any) error {
		found, err := tx.quarantines(`SELECT `+quarantineColumns+` FROM entry_quarantines WHERE ended_at IS NULL AND entry_id IN (`+list+`)`, arguments...)
		for _, q := range found {
			all[q.EntryID] = q
		}
		return err
	})
	return all, err
}

// QuarantinesOfList returns up to limit quarantines of a list: those that last first,
// then the newest.
func (tx *Tx) QuarantinesOfList(listID string, limit int) ([]QuarantineRow, error) {
	return tx.quarantines(`SELECT `+quarantineColumns+` FROM entry_quarantines WHERE list_id = $1
		ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, since DESC, id DESC LIMIT $2`, listID, limit)
}

// LookedAtEntry is when people ended the last quarantine of an entry; zero when none did.
func (tx *Tx) LookedAtEntry(entryID string) (at time.Time, err error) {
	err = tx.one("reading the last quarantine", nil, `SELECT MAX(ended_at) FROM entry_quarantines WHERE entry_id = $1`, []any{entryID}, moment{&at})
	return at, err
}

// PostponeQuarantine sets by when people should look.
func (tx *Tx) PostponeQuarantine(id string, lookBy time.Time) error {
	return tx.exec("postponing a quarantine's clock", `UPDATE entry_quarantines SET look_by = $1 WHERE id = $2 AND ended_at IS NULL`, micros(lookBy), id)
}

// EndQuarantine writes what a person did about a quarantine.
func (tx *Tx) EndQuarantine(q QuarantineRow) error {
	return tx.change("ending a quarantine", Changed("quarantine"),
		`UPDATE entry_quarantines SET ended_at = $1, outcome = $2, ended_by = $3, ended_because = $4 WHERE id = $5 AND ended_at IS NULL`,
		micros(q.EndedAt), q.Outcome, q.EndedBy, q.EndedBecause, q.ID)
}
