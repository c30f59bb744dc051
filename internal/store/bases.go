package store

import "time"

// StoppedBasis says that detection at a source stopped because its legal basis
// ("id@version") had ended.
type StoppedBasis struct {
	Source, Basis string
	At            time.Time
}

// StoppedBases returns all, the oldest first.
func (tx *Tx) StoppedBases() ([]StoppedBasis, error) {
	var found []StoppedBasis
	err := tx.rows("reading ended legal bases", `SELECT source, basis, stopped_at FROM stopped_bases ORDER BY stopped_at, source`, nil, func(row scanner) error {
		var b StoppedBasis
		err := row.Scan(&b.Source, &b.Basis, moment{&b.At})
		found = append(found, b)
		return err
	})
	return found, err
}

// InsertStoppedBasis writes that detection stopped; Conflict when that was
// written already.
func (tx *Tx) InsertStoppedBasis(b StoppedBasis) error {
	return tx.change("writing an ended legal basis", Changed("legal basis"),
		`INSERT INTO stopped_bases (source, basis, stopped_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, b.Source, b.Basis, micros(b.At))
}
