package store

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

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
	result, err := tx.run(`INSERT INTO report_feedback (id, subject, source, said_by, profile, code, decision, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (subject, source, said_by, code) DO NOTHING`, f.ID, f.Subject, f.Source, f.By, f.Profile, f.Code, f.Decision, micros(f.At))
	if err != nil {
		return false, fmt.Errorf("writing feedback: %w", err)
	}
	count, err := result.RowsAffected()
	return count == 1, err
}

// Said is one thing that was said about a report, with what it means.
type Said struct {
	FeedbackRow
	law.FeedbackCode
}

// SaidAbout returns what was said about a report, the oldest first, in the words
// of the profile by which it was said.
func (tx *Tx) SaidAbout(subject string, library *law.Library) ([]Said, error) {
	rows, err := tx.FeedbackAbout(subject)
	if err != nil {
		return nil, err
	}
	var all []Said
	for _, row := range rows {
		ref, err := law.ParseRef(row.Profile)
		if err != nil {
			return nil, err
		}
		rules, err := library.Routing(ref)
		if err != nil {
			return nil, err
		}
		meaning, _ := rules.FeedbackOf(row.Code)
		all = append(all, Said{row, meaning})
	}
	return all, nil
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
