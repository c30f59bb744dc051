package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// ReportAlarm is something about a report, an order, a notice or a list that a
// person has to look at.
type ReportAlarm struct {
	ID, Subject, Reason string
	At                  time.Time
	Looked
}

// Looked says who looked at an alarm and why that was enough; its time is zero
// until somebody did.
type Looked struct {
	LookedAt                time.Time
	LookedBy, LookedBecause string
}

// InsertReportAlarm writes an alarm.
func (tx *Tx) InsertReportAlarm(a ReportAlarm) error {
	return tx.exec("writing an alarm", `INSERT INTO report_alarms (id, subject, reason, at) VALUES ($1, $2, $3, $4)`, a.ID, a.Subject, a.Reason, micros(a.At))
}

const reportAlarmColumns = `id, subject, reason, at, looked_at, looked_by, looked_because`

func scanReportAlarm(row scanner) (a ReportAlarm, err error) {
	err = row.Scan(&a.ID, &a.Subject, &a.Reason, moment{&a.At}, moment{&a.LookedAt}, &a.LookedBy, &a.LookedBecause)
	return a, err
}

// ReportAlarms returns the alarms about one subject: those that nobody has looked
// at first, each the newest first.
func (tx *Tx) ReportAlarms(subject string, limit int) ([]ReportAlarm, error) {
	var found []ReportAlarm
	err := tx.rows("reading alarms", `SELECT `+reportAlarmColumns+` FROM report_alarms WHERE subject = $1
		ORDER BY CASE WHEN looked_at IS NULL THEN 0 ELSE 1 END, at DESC, id DESC LIMIT $2`,
		[]any{subject, limit}, func(row scanner) error {
			a, err := scanReportAlarm(row)
			found = append(found, a)
			return err
		})
	return found, err
}

// ReportAlarm returns one alarm.
func (tx *Tx) ReportAlarm(id string) (a ReportAlarm, err error) {
	err = tx.rows("reading an alarm", `SELECT `+reportAlarmColumns+` FROM report_alarms WHERE id = $1`, []any{id}, func(row scanner) error {
		a, err = scanReportAlarm(row)
		return err
	})
	if err == nil && a.ID == "" {
		err = NotFound("alarm", id)
	}
	return a, err
}

// OpenAlarm is what nobody has looked at yet: the latest alarm that says one thing
// about one subject, and how often that struck since.
type OpenAlarm struct {
	// ReportAlarm is the latest; its time is that of the first.
	ReportAlarm
	Latest time.Time
	Times  int
}

// OpenReportAlarms returns up to limit things about subjects of one kind, for
// example "order", that nobody has looked at, the oldest first.
func (tx *Tx) OpenReportAlarms(kind string, limit int) ([]OpenAlarm, error) {
	var found []OpenAlarm
	err := tx.rows("reading alarms", `SELECT MAX(id), subject, reason, MIN(at), MAX(at), COUNT(*) FROM report_alarms
		WHERE looked_at IS NULL AND subject LIKE $1 GROUP BY subject, reason ORDER BY MIN(at), subject, reason LIMIT $2`,
		[]any{kind + "/%", limit}, func(row scanner) error {
			var a OpenAlarm
			err := row.Scan(&a.ID, &a.Subject, &a.Reason, moment{&a.At}, moment{&a.Latest}, &a.Times)
			found = append(found, a)
			return err
		})
	return found, err
}

// CountOpenReportAlarms counts them.
func (tx *Tx) CountOpenReportAlarms(kind string) (count int, err error) {
	err = tx.one("counting alarms", nil, `SELECT COUNT(*) FROM (SELECT DISTINCT subject, reason FROM report_alarms WHERE looked_at IS NULL AND subject LIKE $1) AS open`,
		[]any{kind + "/%"}, &count)
	return count, err
}

// LookAtReportAlarm notes that somebody looked at what an alarm says. It covers
// the earlier ones that say the same of the same subject; a later one stays.
func (tx *Tx) LookAtReportAlarm(a ReportAlarm, l Looked) error {
	return tx.exec("noting a look", `UPDATE report_alarms SET looked_at = $1, looked_by = $2, looked_because = $3
		WHERE looked_at IS NULL AND subject = $4 AND reason = $5 AND id <= $6`, micros(l.LookedAt), l.LookedBy, l.LookedBecause, a.Subject, a.Reason, a.ID)
}

// ExchangeAlarm is something between this node and a peer that a person has to
// look at. It is over when the node finds it so, whoever has looked at it.
type ExchangeAlarm struct {
	ID, Peer, Kind string
	// Since is when the state began, RaisedAt when the node said so.
	Since, RaisedAt, ClearedAt time.Time
	Looked
}

// RaiseExchangeAlarm opens an alarm; it says whether it was not open already.
func (tx *Tx) RaiseExchangeAlarm(a ExchangeAlarm) (bool, error) {
	var count int64
	if err := tx.one("reading alarms", nil, `SELECT COUNT(*) FROM exchange_alarms WHERE peer = $1 AND kind = $2 AND cleared_at IS NULL`,
		[]any{a.Peer, a.Kind}, &count); err != nil || count > 0 {
		return false, err
	}
	return true, tx.exec("raising an alarm", `INSERT INTO exchange_alarms (id, peer, kind, since, raised_at) VALUES ($1, $2, $3, $4, $5)`,
		a.ID, a.Peer, a.Kind, micros(a.Since), micros(a.RaisedAt))
}

// ClearExchangeAlarm ends an alarm; it says whether it was open.
func (tx *Tx) ClearExchangeAlarm(peer, kind string, now time.Time) (bool, error) {
	none := problem.New(problem.NotFound, "no such alarm is open", "")
	err := tx.change("clearing an alarm", none, `UPDATE exchange_alarms SET cleared_at = $1 WHERE peer = $2 AND kind = $3 AND cleared_at IS NULL`, micros(now), peer, kind)
	if err == error(none) {
		return false, nil
	}
	return err == nil, err
}

// OpenExchangeAlarms returns the alarms that are not over, the oldest first.
func (tx *Tx) OpenExchangeAlarms() ([]ExchangeAlarm, error) {
	var found []ExchangeAlarm
	err := tx.rows("reading alarms", `SELECT id, peer, kind, since, raised_at, looked_at, looked_by, looked_because FROM exchange_alarms WHERE cleared_at IS NULL ORDER BY raised_at, id`, nil,
		func(row scanner) error {
			var a ExchangeAlarm
			err := row.Scan(&a.ID, &a.Peer, &a.Kind, moment{&a.Since}, moment{&a.RaisedAt}, moment{&a.LookedAt}, &a.LookedBy, &a.LookedBecause)
			found = append(found, a)
			return err
		})
	return found, err
}

// LookAtExchangeAlarm notes that somebody looked at an alarm that is not over.
//
// Errors: Conflict when it is over, or somebody has looked at it.
func (tx *Tx) LookAtExchangeAlarm(id string, l Looked) error {
	return tx.change("noting a look", problem.New(problem.Conflict, "it is over, or somebody has looked at it", "load the page again"),
		`UPDATE exchange_alarms SET looked_at = $1, looked_by = $2, looked_because = $3 WHERE id = $4 AND cleared_at IS NULL AND looked_at IS NULL`,
		micros(l.LookedAt), l.LookedBy, l.LookedBecause, id)
}
