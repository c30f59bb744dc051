package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
)

// HoldRow is a request of a competent authority to wait.
type HoldRow struct {
	// ID names the row; Kind is that of domain/hold; Subject is an address, or the
	// SHA-256 of an item in hex.
	ID, Kind, Subject string
	// Until is the end of the hold, or the moment of its release.
	Until time.Time
	// Body is a hold.Record as JSON.
	Body    []byte
	Version int64
}

const holdColumns = `id, kind, subject, until, body, version`

func (tx *Tx) holds(query string, arguments ...any) ([]HoldRow, error) {
	var found []HoldRow
	err := tx.rows("reading holds", query, arguments, func(row scanner) error {
		var h HoldRow
		err := row.Scan(&h.ID, &h.Kind, &h.Subject, moment{&h.Until}, &h.Body, &h.Version)
		found = append(found, h)
		return err
	})
	return found, err
}

// InsertHold writes a new hold.
func (tx *Tx) InsertHold(h HoldRow) error {
	return tx.exec("writing a hold", `INSERT INTO holds (`+holdColumns+`) VALUES ($1, $2, $3, $4, $5, 1)`, h.ID, h.Kind, h.Subject, micros(h.Until), h.Body)
}

// UpdateHold writes an extension or a release; Conflict when somebody else was
// faster.
func (tx *Tx) UpdateHold(h HoldRow) error {
	return tx.change("changing a hold", Changed("hold"), `UPDATE holds SET until = $1, body = $2, version = version + 1 WHERE id = $3 AND version = $4`,
		micros(h.Until), h.Body, h.ID, h.Version)
}

// Hold returns one hold.
func (tx *Tx) Hold(id string) (HoldRow, error) {
	found, err := tx.holds(`SELECT `+holdColumns+` FROM holds WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("hold", id)
	}
	if err != nil {
		return HoldRow{}, err
	}
	return found[0], nil
}

// HoldsOn returns the holds on a subject that have not ended.
func (tx *Tx) HoldsOn(subject string, now time.Time) ([]HoldRow, error) {
	return tx.holds(`SELECT `+holdColumns+` FROM holds WHERE subject = $1 AND until > $2 ORDER BY id`, subject, micros(now))
}

// Holds returns up to limit holds that have not ended, those that end first
// first.
func (tx *Tx) Holds(now time.Time, limit int) ([]HoldRow, error) {
	return tx.holds(`SELECT `+holdColumns+` FROM holds WHERE until > $1 ORDER BY until, id LIMIT $2`, micros(now), limit)
}

// Record reads the hold itself.
func (h HoldRow) Record() (record hold.Record, err error) {
	if err := json.Unmarshal(h.Body, &record); err != nil {
		return record, fmt.Errorf("reading hold %s: %w", h.ID, err)
	}
	return record, nil
}

// LookForHolds looks for the holds on some subjects (addresses and SHA-256 in
// hex; empty ones are left out) that have not ended: the look that must precede
// an act which a hold could bar.
func (tx *Tx) LookForHolds(now time.Time, subjects ...string) (hold.Check, error) {
	check := hold.Check{At: now}
	seen := map[string]bool{"": true}
	for _, subject := range subjects {
		if seen[subject] {
			continue
		}
		seen[subject] = true
		rows, err := tx.HoldsOn(subject, now)
		if err != nil {
			return hold.Check{}, err
		}
		for _, row := range rows {
			record, err := row.Record()
			if err != nil {
				return hold.Check{}, err
			}
			check.Holds = append(check.Holds, record)
		}
	}
	return check, nil
}
