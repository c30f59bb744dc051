package store

import "time"

// Sides of a question.
const (
	QuestionAsked    = "asked"
	QuestionReceived = "received"
	QuestionPassed   = "passed"
)

// QuestionRow is a question about what a report lacks.
type QuestionRow struct {
	ID, Side string
	// Subject is the report by this node's name, Peer the other node, Name the
	// asker's name of the question, Envelope what carried it.
	Subject, Peer, Name, Envelope string
	State                         string
	Due                           time.Time
	// Body is a report.Question as JSON.
	Body               []byte
	AskedAt, ChangedAt time.Time
	Version            int64
}

const questionColumns = `id, side, subject, peer, name, envelope, state, due, body, asked_at, changed_at, version`

func (tx *Tx) questions(query string, arguments ...any) ([]QuestionRow, error) {
	var found []QuestionRow
	err := tx.rows("reading questions", query, arguments, func(row scanner) error {
		var q QuestionRow
		err := row.Scan(&q.ID, &q.Side, &q.Subject, &q.Peer, &q.Name, &q.Envelope, &q.State, moment{&q.Due}, &q.Body, moment{&q.AskedAt}, moment{&q.ChangedAt}, &q.Version)
		found = append(found, q)
		return err
	})
	return found, err
}

// InsertQuestion writes a new question.
func (tx *Tx) InsertQuestion(q QuestionRow) error {
	return tx.exec("writing a question", `INSERT INTO report_questions (`+questionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)`,
		q.ID, q.Side, q.Subject, q.Peer, q.Name, q.Envelope, q.State, micros(q.Due), q.Body, micros(q.AskedAt), micros(q.ChangedAt))
}

// UpdateQuestion writes what changed; Conflict when somebody else was faster.
func (tx *Tx) UpdateQuestion(q QuestionRow) error {
	return tx.change("changing a question", Changed("question"),
		`UPDATE report_questions SET envelope = $1, state = $2, body = $3, changed_at = $4, version = version + 1 WHERE id = $5 AND version = $6`,
		q.Envelope, q.State, q.Body, micros(q.ChangedAt), q.ID, q.Version)
}

// Question returns one question.
func (tx *Tx) Question(id string) (QuestionRow, error) {
	found, err := tx.questions(`SELECT `+questionColumns+` FROM report_questions WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("question", id)
	}
	if err != nil {
		return QuestionRow{}, err
	}
	return found[0], nil
}

// QuestionNamed returns the question that a node gave a name; found is false when
// there is none.
func (tx *Tx) QuestionNamed(side, peer, name string) (q QuestionRow, found bool, err error) {
	rows, err := tx.questions(`SELECT `+questionColumns+` FROM report_questions WHERE side = $1 AND peer = $2 AND name = $3`, side, peer, name)
	if err != nil || len(rows) == 0 {
		return q, false, err
	}
	return rows[0], true, nil
}

// QuestionsAbout returns the questions about a report, in the order in which
// they were asked.
func (tx *Tx) QuestionsAbout(subject string) ([]QuestionRow, error) {
	return tx.questions(`SELECT `+questionColumns+` FROM report_questions WHERE subject = $1 ORDER BY asked_at, id`, subject)
}

// QuestionsWaiting returns up to limit questions of a side that wait for
// somebody, those due first in front.
func (tx *Tx) QuestionsWaiting(side string, limit int) ([]QuestionRow, error) {
	return tx.questions(`SELECT `+questionColumns+` FROM report_questions WHERE side = $1 AND state IN ('open', 'awaiting-second') ORDER BY due, id LIMIT $2`, side, limit)
}

// QuestionIn returns the question that an envelope to or from a node carried;
// found is false when there is none.
func (tx *Tx) QuestionIn(side, peer, envelope string) (q QuestionRow, found bool, err error) {
	rows, err := tx.questions(`SELECT `+questionColumns+` FROM report_questions WHERE side = $1 AND peer = $2 AND envelope = $3`, side, peer, envelope)
	if err != nil || len(rows) == 0 {
		return q, false, err
	}
	return rows[0], true, nil
}
