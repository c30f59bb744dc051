package store

import "time"

// PublicationRow is the figures of a year, as a person published them.
type PublicationRow struct {
	ID      string
	Year    int
	Profile string
	// Records is how many records of the log were counted; Event names that of the
	// decision to publish.
	Records int64
	Event   string
	At      time.Time
	// JSON and CSV are the files.
	JSON, CSV []byte
}

// InsertPublication writes the figures that a person publishes.
func (tx *Tx) InsertPublication(p PublicationRow) error {
	return tx.exec("writing a publication", `INSERT INTO publications (id, year, profile, records, event, at, json, csv) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.ID, p.Year, p.Profile, p.Records, p.Event, micros(p.At), p.JSON, p.CSV)
}

// Publications returns all that was published, the latest year first.
func (tx *Tx) Publications() ([]PublicationRow, error) {
	var found []PublicationRow
	err := tx.rows("reading publications", `SELECT id, year, profile, records, event, at, json, csv FROM publications ORDER BY year DESC, profile DESC`, nil, func(row scanner) error {
		var p PublicationRow
		err := row.Scan(&p.ID, &p.Year, &p.Profile, &p.Records, &p.Event, moment{&p.At}, &p.JSON, &p.CSV)
		found = append(found, p)
		return err
	})
	return found, err
}
