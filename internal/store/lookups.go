package store

import "time"

// LookupRow is an upload that waits until an exchange has answered about it. Its content is
// sealed under its ID.
type LookupRow struct {
	ID, Exchange, Source string
	// SHA256 is that of the content, in hex.
	SHA256 string
	// Upload is what was handed in, as JSON.
	Upload    []byte
	CreatedAt time.Time
	// Attempts counts how often it was sent.
	Attempts int
}

// InsertLookup lets a look-up wait whose content is sealed.
func (tx *Tx) InsertLookup(l LookupRow) error {
	return tx.exec("writing a look-up", `INSERT INTO lookups (id, exchange, source, sha256, state, upload, created_at, attempts) VALUES ($1, $2, $3, $4, 'waiting', $5, $6, 0)`,
		l.ID, l.Exchange, l.Source, l.SHA256, l.Upload, micros(l.CreatedAt))
}

func (tx *Tx) lookups(exchange, state string, limit int) ([]LookupRow, error) {
	var found []LookupRow
	err := tx.rows("reading look-ups", `SELECT id, exchange, source, sha256, upload, created_at, attempts FROM lookups WHERE exchange = $1 AND state = $2 ORDER BY created_at, id LIMIT $3`,
		[]any{exchange, state, limit}, func(row scanner) error {
			var l LookupRow
			err := row.Scan(&l.ID, &l.Exchange, &l.Source, &l.SHA256, &l.Upload, moment{&l.CreatedAt}, &l.Attempts)
			found = append(found, l)
			return err
		})
	return found, err
}

// LookupsWaiting returns up to limit look-ups that wait, the oldest first.
func (tx *Tx) LookupsWaiting(exchange string, limit int) ([]LookupRow, error) {
	return tx.lookups(exchange, "waiting", limit)
}

// LookupsSettled returns up to limit look-ups that are settled, whose content is to be
// erased.
func (tx *Tx) LookupsSettled(exchange string, limit int) ([]LookupRow, error) {
	return tx.lookups(exchange, "settled", limit)
}

// NoteLookupSent counts that a look-up is sent; Conflict when it does not wait.
func (tx *Tx) NoteLookupSent(id string) error {
	return tx.change("counting a look-up", Changed("look-up"), `UPDATE lookups SET attempts = attempts + 1 WHERE id = $1 AND state = 'waiting'`, id)
}

// SettleLookup ends a look-up and forgets what was handed in; Conflict when it does not wait.
func (tx *Tx) SettleLookup(id string) error {
	return tx.change("settling a look-up", Changed("look-up"), `UPDATE lookups SET state = 'settled', upload = $1 WHERE id = $2 AND state = 'waiting'`, []byte{}, id)
}

// DeleteLookup forgets a look-up whose content is erased.
func (tx *Tx) DeleteLookup(id string) error {
	return tx.exec("forgetting a look-up", `DELETE FROM lookups WHERE id = $1 AND state <> 'waiting'`, id)
}

// CountLookups counts the look-ups that wait, and says since when the oldest does.
func (tx *Tx) CountLookups(exchange string) (count int64, oldest time.Time, err error) {
	err = tx.one("counting look-ups", nil, `SELECT COUNT(*), MIN(created_at) FROM lookups WHERE exchange = $1 AND state = 'waiting'`, []any{exchange}, &count, moment{&oldest})
	return count, oldest, err
}
