package store

import "time"

// Erasure is a person's decision to erase the text of a report that another
// organisation sent.
type Erasure struct {
	// Subject is the report as it is called here.
	Subject string
	Person  string
	Reason  string
	// Decision is the record of the log.
	Decision string
	At       time.Time
}

// InsertErasure writes that the text of a report was erased.
func (tx *Tx) InsertErasure(e Erasure) error {
	return tx.exec("writing an erasure", `INSERT INTO report_erasures (subject, person, reason, decision, at) VALUES ($1, $2, $3, $4, $5)`,
		e.Subject, e.Person, e.Reason, e.Decision, micros(e.At))
}

// ErasureOf says whether the text of a report was erased; nil when it was not.
func (tx *Tx) ErasureOf(subject string) (found *Erasure, err error) {
	err = tx.rows("reading an erasure", `SELECT subject, person, reason, decision, at FROM report_erasures WHERE subject = $1`, []any{subject}, func(row scanner) error {
		found = &Erasure{}
		return row.Scan(&found.Subject, &found.Person, &found.Reason, &found.Decision, moment{&found.At})
	})
	return found, err
}

// SetReceivedBody writes what is left of a received report.
func (tx *Tx) SetReceivedBody(id string, body []byte) error {
	return tx.change("erasing a received report", NotFound("received report", id), `UPDATE received_reports SET body = $1 WHERE id = $2`, body, id)
}
