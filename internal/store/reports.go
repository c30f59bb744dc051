package store

import "time"

// ReportRow is a report that this node makes.
type ReportRow struct {
	ID, State string
	// Form is the profile that it is made under ("id@version").
	Form string
	// Body, Lifecycle and Notice are values of domain/report as JSON.
	Body, Lifecycle, Notice []byte
	// NoticeState is that of the notice; NoticeDue is when its clock strikes.
	NoticeState string
	NoticeDue   time.Time
	Author      string
	// Recipient is the node id of the Centre, or [cybertip.Recipient]; empty while people
	// have to choose.
	Recipient            string
	Envelope             string
	Urgent               bool
	Completeness         int
	CreatedAt, ChangedAt time.Time
	Version              int64
}

const reportColumns = `id, state, form, body, lifecycle, notice, notice_state, notice_due, author, recipient, envelope, urgent, completeness, created_at, changed_at, version`

func (tx *Tx) reports(query string, arguments ...any) ([]ReportRow, error) {
	var found []ReportRow
	err := tx.rows("reading reports", query, arguments, func(row scanner) error {
		var r ReportRow
		err := row.Scan(&r.ID, &r.State, &r.Form, &r.Body, &r.Lifecycle, &r.Notice, &r.NoticeState, moment{&r.NoticeDue}, &r.Author, &r.Recipient, &r.Envelope,
			&r.Urgent, &r.Completeness, moment{&r.CreatedAt}, moment{&r.ChangedAt}, &r.Version)
		found = append(found, r)
		return err
	})
	return found, err
}

// InsertReport writes a new report.
func (tx *Tx) InsertReport(r ReportRow) error {
	return tx.exec("writing a report", `INSERT INTO reports (`+reportColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)`,
		r.ID, r.State, r.Form, r.Body, r.Lifecycle, r.Notice, r.NoticeState, micros(r.NoticeDue), r.Author, r.Recipient, r.Envelope, r.Urgent, r.Completeness,
		micros(r.CreatedAt), micros(r.ChangedAt))
}

// UpdateReport writes what changes about a report; Conflict when somebody else
// changed it since it was read.
func (tx *Tx) UpdateReport(r ReportRow) error {
	return tx.change("changing a report", Changed("report"),
		`UPDATE reports SET state = $1, body = $2, lifecycle = $3, notice = $4, notice_state = $5, notice_due = $6, envelope = $7, urgent = $8, completeness = $9, changed_at = $10,
		 recipient = $11, version = version + 1 WHERE id = $12 AND version = $13`,
		r.State, r.Body, r.Lifecycle, r.Notice, r.NoticeState, micros(r.NoticeDue), r.Envelope, r.Urgent, r.Completeness, micros(r.ChangedAt), r.Recipient, r.ID, r.Version)
}

// Report returns one report.
func (tx *Tx) Report(id string) (ReportRow, error) {
	found, err := tx.reports(`SELECT `+reportColumns+` FROM reports WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("report", id)
	}
	if err != nil {
		return ReportRow{}, err
	}
	return found[0], nil
}

// Reports returns up to limit reports, the last changed first, those changed
// before a cursor.
func (tx *Tx) Reports(before time.Time, limit int) ([]ReportRow, error) {
	return tx.reports(`SELECT `+reportColumns+` FROM reports WHERE $1 = 0 OR changed_at < $1 ORDER BY changed_at DESC, id LIMIT $2`, cursor(before), limit)
}

// ReportsToInform returns up to limit reports whose user is to be informed now,
// the oldest first.
func (tx *Tx) ReportsToInform(limit int) ([]ReportRow, error) {
	return tx.reports(`SELECT `+reportColumns+` FROM reports WHERE notice_state = 'due' ORDER BY created_at, id LIMIT $1`, limit)
}

// cursor is a time as a number; zero when there is none.
func cursor(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// ReceivedReport is a report from another organisation.
type ReceivedReport struct {
	ID, Sender, SenderName string
	// Reference is the sender's name of the report.
	Reference, Envelope, Form string
	Body                      []byte
	Urgent                    bool
	// Completeness is that of the report as it came, CompletenessNow with what was
	// answered since.
	Completeness, CompletenessNow int
	// Missing is what the report lacked as it came, as JSON.
	Missing    []byte
	State      string
	ReceivedAt time.Time
}

const receivedColumns = `id, sender, sender_name, reference, envelope, form, body, urgent, completeness, missing, state, received_at, completeness_now`

func (tx *Tx) receivedReports(query string, arguments ...any) ([]ReceivedReport, error) {
	var found []ReceivedReport
	err := tx.rows("reading received reports", query, arguments, func(row scanner) error {
		var r ReceivedReport
		err := row.Scan(&r.ID, &r.Sender, &r.SenderName, &r.Reference, &r.Envelope, &r.Form, &r.Body, &r.Urgent, &r.Completeness, &r.Missing, &r.State, moment{&r.ReceivedAt},
			&r.CompletenessNow)
		found = append(found, r)
		return err
	})
	return found, err
}

// InsertReceivedReport writes a report from another organisation.
func (tx *Tx) InsertReceivedReport(r ReceivedReport) error {
	return tx.exec("writing a received report", `INSERT INTO received_reports (`+receivedColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $9)`,
		r.ID, r.Sender, r.SenderName, r.Reference, r.Envelope, r.Form, r.Body, r.Urgent, r.Completeness, r.Missing, r.State, micros(r.ReceivedAt))
}

// SetCompleteness writes how complete a received report is with what was
// answered since.
func (tx *Tx) SetCompleteness(id string, score int) error {
	return tx.exec("writing a completeness", `UPDATE received_reports SET completeness_now = $1 WHERE id = $2`, score, id)
}

// ReceivedReports returns up to limit received reports, urgent ones first, then
// the oldest.
func (tx *Tx) ReceivedReports(state string, limit int) ([]ReceivedReport, error) {
	return tx.receivedReports(`SELECT `+receivedColumns+` FROM received_reports WHERE state = $1 ORDER BY state, urgent DESC, received_at, id LIMIT $2`, state, limit)
}

// ReceivedReportsIn returns what an envelope of a node carried: one report, or
// none.
func (tx *Tx) ReceivedReportsIn(sender, envelope string) ([]ReceivedReport, error) {
	return tx.receivedReports(`SELECT `+receivedColumns+` FROM received_reports WHERE sender = $1 AND envelope = $2`, sender, envelope)
}

// ReceivedReport returns one received report.
func (tx *Tx) ReceivedReport(id string) (ReceivedReport, error) {
	found, err := tx.receivedReports(`SELECT `+receivedColumns+` FROM received_reports WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("received report", id)
	}
	if err != nil {
		return ReceivedReport{}, err
	}
	return found[0], nil
}

// ReceivedReportsOf returns the received reports that bear a name, whichever
// sender gave it.
func (tx *Tx) ReceivedReportsOf(reference string) ([]ReceivedReport, error) {
	return tx.receivedReports(`SELECT `+receivedColumns+` FROM received_reports WHERE reference = $1 ORDER BY received_at, id`, reference)
}

// Outcome is what became of a report.
type Outcome struct {
	ID, ReportID string
	// Kind is a closed word, for example "received" or "removed".
	Kind   string
	Source string
	At     time.Time
}

// InsertOutcome writes what became of a report.
func (tx *Tx) InsertOutcome(o Outcome) error {
	return tx.exec("writing an outcome", `INSERT INTO outcomes (id, report_id, kind, source, at) VALUES ($1, $2, $3, $4, $5)`, o.ID, o.ReportID, o.Kind, o.Source, micros(o.At))
}

// OutcomesFor returns up to limit outcomes of reports about items that a person
// decided on or that they wrote, newest first.
func (tx *Tx) OutcomesFor(person string, limit int) ([]Outcome, error) {
	var found []Outcome
	err := tx.rows("reading outcomes",
		`SELECT o.id, o.report_id, o.kind, o.source, o.at FROM outcomes o JOIN reports r ON r.id = o.report_id
		 WHERE r.author = $1 OR EXISTS (SELECT 1 FROM sightings s JOIN decisions d ON d.item_id = s.item_id WHERE s.reported_in = r.id AND d.person = $1)
		 ORDER BY o.at DESC, o.id DESC LIMIT $2`, []any{person, limit}, func(row scanner) error {
			var o Outcome
			err := row.Scan(&o.ID, &o.ReportID, &o.Kind, &o.Source, moment{&o.At})
			found = append(found, o)
			return err
		})
	return found, err
}
