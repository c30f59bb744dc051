package store

import "time"

// FeedbackRow is one thing that was said about the use or quality of a report.
type FeedbackRow struct {
	ID, Subject string
	// Source is the node that said it here, By what the organisation is whose
	// person decided it ("centre" or "authority").
	Source, By string
	// Profile and Code are what was said; Decision names the recorded decision.
	Profile, Code, Decision string
	At                      time.Time
}

// InsertFeedback writes what was said about a report; said is false when the
// same was said before.
func (tx *Tx) InsertFeedback(f FeedbackRow) (said bool, err error) {
	before, err := tx.FeedbackAbout(f.Subject)
	if err != nil {
		return false, err
	}
	for _, other := range before {
		if other.Source == f.Source && other.By == f.By && other.Code == f.Code {
			return false, nil
		}
	}
	return true, tx.exec("writing feedback", `INSERT INTO report_feedback (id, subject, source, said_by, profile, code, decision, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		f.ID, f.Subject, f.Source, f.By, f.Profile, f.Code, f.Decision, micros(f.At))
}

// FeedbackAbout returns what was said about a report, the oldest first.
func (tx *Tx) FeedbackAbout(subject string) ([]FeedbackRow, error) {
	var found []FeedbackRow
	err := tx.rows("reading feedback", `SELECT id, subject, source, said_by, profile, code, decision, at FROM report_feedback WHERE subject = $1 ORDER BY at, id`,
		[]any{subject}, func(row scanner) error {
			var f FeedbackRow
			err := row.Scan(&f.ID, &f.Subject, &f.Source, &f.By, &f.Profile, &f.Code, &f.Decision, moment{&f.At})
			found = append(found, f)
			return err
		})
	return found, err
}
