package store

import (
	"cmp"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// ListGrownJob compares the items held here with what is new in a list; its payload is
// the list's id.
const ListGrownJob = "list.grown"

// EntryCursor is a place among the entries of a list in the order in which they changed.
type EntryCursor struct {
	Version int64
	ID      string
}

// Beyond reports whether the place comes after another.
func (c EntryCursor) Beyond(other EntryCursor) bool {
	return cmp.Or(cmp.Compare(c.Version, other.Version), cmp.Compare(c.ID, other.ID)) > 0
}

// ComparisonRow is how far the items held here were compared with a list.
type ComparisonRow struct {
	ListID string
	// Step grows by one with each change of the row.
	Step int64
	// Through: the entries up to here were compared with everything. While Until lies
	// beyond it, those between are compared with the items after ItemCursor.
	Through, Until EntryCursor
	ItemCursor     string
	// BegunAt and EndedAt are of the run that goes on or was the last; EndedAt is zero
	// while it goes on.
	BegunAt, EndedAt time.Time
	// Entries are new ones, Expected about how many items there are. Items of them were
	// compared so far, LeftOut were not (erased, or no legal basis), and Lacking of Items
	// were by less than an upload is, because less of them is kept; a list that grew by
	// much is compared in several rounds, and these are of the latest. Matches are of
	// the run.
	Entries, Expected, Items, LeftOut, Lacking, Matches int64
}

// Running says that the entries up to Until are being compared.
func (c ComparisonRow) Running() bool { return c.Until != c.Through }

const comparisonColumns = `list_id, step, through_version, through_id, until_version, until_id, item_cursor, begun_at, ended_at, entries, expected, items, left_out, lacking, matches`

// Comparison returns how far a list was compared; nothing yet is the zero row.
func (tx *Tx) Comparison(listID string) (c ComparisonRow, err error) {
	err = tx.rows("reading a comparison", `SELECT `+comparisonColumns+` FROM list_comparisons WHERE list_id = $1`, []any{listID}, func(row scanner) error {
		return row.Scan(&c.ListID, &c.Step, &c.Through.Version, &c.Through.ID, &c.Until.Version, &c.Until.ID, &c.ItemCursor,
			moment{&c.BegunAt}, moment{&c.EndedAt}, &c.Entries, &c.Expected, &c.Items, &c.LeftOut, &c.Lacking, &c.Matches)
	})
	return c, err
}

// PutComparison writes the next step; Conflict when another process made it.
func (tx *Tx) PutComparison(c ComparisonRow) error {
	return tx.change("writing a comparison", Changed("comparison"),
		`INSERT INTO list_comparisons (`+comparisonColumns+`) VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		 ON CONFLICT (list_id) DO UPDATE SET step = excluded.step, through_version = excluded.through_version, through_id = excluded.through_id,
		   until_version = excluded.until_version, until_id = excluded.until_id, item_cursor = excluded.item_cursor, begun_at = excluded.begun_at,
		   ended_at = excluded.ended_at, entries = excluded.entries, expected = excluded.expected, items = excluded.items, left_out = excluded.left_out,
		   lacking = excluded.lacking, matches = excluded.matches
		 WHERE list_comparisons.step = excluded.step - 1`,
		c.ListID, c.Step, c.Through.Version, c.Through.ID, c.Until.Version, c.Until.ID, c.ItemCursor, micros(c.BegunAt), micros(c.EndedAt),
		c.Entries, c.Expected, c.Items, c.LeftOut, c.Lacking, c.Matches)
}

// RestartComparison has all entries of a list compared anew, by whoever compares next; a process
// that does so now gives up.
func (tx *Tx) RestartComparison(listID string, now time.Time) error {
	return tx.exec("beginning a comparison anew",
		`UPDATE list_comparisons SET step = step + 1, through_version = 0, through_id = '', until_version = 0, until_id = '', item_cursor = '', ended_at = COALESCE(ended_at, $1)
		 WHERE list_id = $2`, micros(now), listID)
}

// CountItems counts all items.
func (tx *Tx) CountItems() (count int64, err error) {
	err = tx.one("counting items", nil, `SELECT COUNT(*) FROM items`, nil, &count)
	return count, err
}

// FoundAgainRow is that a list learnt of an item after it came here.
type FoundAgainRow struct {
	ItemID, EntryID, ListID string
	At                      time.Time
	// Outcome is what people had decided by then; empty when they had not.
	Outcome string
	// Found is the match as JSON.
	Found []byte
	Event string
}

// InsertFoundAgain writes that a list learnt of an item.
//
// Errors: Conflict when it is written already.
func (tx *Tx) InsertFoundAgain(f FoundAgainRow) error {
	return tx.change("noting what was found again", problem.New(problem.Conflict, "this is noted already", ""),
		`INSERT INTO items_found_again (item_id, entry_id, list_id, at, outcome, found, event) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		f.ItemID, f.EntryID, f.ListID, micros(f.At), f.Outcome, f.Found, f.Event)
}

func (tx *Tx) foundAgain(query string, arguments ...any) ([]FoundAgainRow, error) {
	var found []FoundAgainRow
	err := tx.rows("reading what was found again", query, arguments, func(row scanner) error {
		var f FoundAgainRow
		err := row.Scan(&f.ItemID, &f.EntryID, &f.ListID, moment{&f.At}, &f.Outcome, &f.Found, &f.Event)
		found = append(found, f)
		return err
	})
	return found, err
}

const foundAgainColumns = `item_id, entry_id, list_id, at, outcome, found, event`

// FoundAgain returns up to limit entries that lists learnt of an item, the newest first.
func (tx *Tx) FoundAgain(itemID string, limit int) ([]FoundAgainRow, error) {
	return tx.foundAgain(`SELECT `+foundAgainColumns+` FROM items_found_again WHERE item_id = $1 ORDER BY at DESC, entry_id LIMIT $2`, itemID, limit)
}

// FoundAgainDecided returns up to limit items that people had decided about before a
// list learnt of them, the newest first.
func (tx *Tx) FoundAgainDecided(listID string, limit int) ([]FoundAgainRow, error) {
	return tx.foundAgain(`SELECT `+foundAgainColumns+` FROM items_found_again WHERE list_id = $1 AND outcome <> '' ORDER BY at DESC, item_id LIMIT $2`, listID, limit)
}
