package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// LogEvent is one row of the tamper-evident log.
type LogEvent struct {
	ID string
	// Position is the record's number in the log, from 0; -1 until sequenced.
	Position int64
	// Record holds the exact bytes that are hashed.
	Record    []byte
	At        time.Time
	Actor     string
	Action    string
	Operation string
	Purpose   string
	Resource  string
	Outcome   string
}

// InsertLogEvent writes a record that has no position yet.
func (tx *Tx) InsertLogEvent(e LogEvent) error {
	return tx.exec("writing a log record",
		`INSERT INTO log_events (id, record, at, actor, action, operation, purpose, resource, outcome)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, e.Record, micros(e.At), e.Actor, e.Action, e.Operation, e.Purpose, e.Resource, e.Outcome)
}

const logEventColumns = `id, COALESCE(position, -1), record, at, actor, action, operation, purpose, resource, outcome`

func scanLogEvent(row scanner) (LogEvent, error) {
	var e LogEvent
	err := row.Scan(&e.ID, &e.Position, &e.Record, moment{&e.At}, &e.Actor, &e.Action, &e.Operation, &e.Purpose, &e.Resource, &e.Outcome)
	return e, err
}

// UnsequencedLogEvents returns up to limit records without a position, in the
// order of their identifiers.
func (tx *Tx) UnsequencedLogEvents(limit int) ([]LogEvent, error) {
	return tx.logEvents("reading unsequenced log records",
		`SELECT `+logEventColumns+` FROM log_events WHERE position IS NULL ORDER BY id LIMIT $1`, limit)
}

// SetLogPosition gives a record its place in the log, once.
func (tx *Tx) SetLogPosition(id string, position int64) error {
	return tx.change("placing a log record", Changed("log"),
		`UPDATE log_events SET position = $1 WHERE id = $2 AND position IS NULL`, position, id)
}

// LogEventsFrom returns up to limit sequenced records from a position on.
func (tx *Tx) LogEventsFrom(position int64, limit int) ([]LogEvent, error) {
	return tx.logEvents("reading the log",
		`SELECT `+logEventColumns+` FROM log_events WHERE position >= $1 ORDER BY position LIMIT $2`, position, limit)
}

// LogEventsBefore returns up to limit sequenced records before a position,
// newest first.
func (tx *Tx) LogEventsBefore(position int64, limit int) ([]LogEvent, error) {
	return tx.logEvents("reading the log",
		`SELECT `+logEventColumns+` FROM log_events WHERE position < $1 ORDER BY position DESC LIMIT $2`, position, limit)
}

// LogEventsOf returns the records about one resource, oldest first, those not
// yet sequenced last.
func (tx *Tx) LogEventsOf(resource string, limit int) ([]LogEvent, error) {
	return tx.logEvents("reading the log of one thing",
		`SELECT `+logEventColumns+` FROM log_events WHERE resource = $1 ORDER BY position NULLS LAST, id LIMIT $2`, resource, limit)
}

// InsertLogMention notes that a record names a thing in its details, once.
func (tx *Tx) InsertLogMention(resource, event string) error {
	return tx.exec("noting what a log record names", `INSERT INTO log_mentions (resource, event) VALUES ($1, $2) ON CONFLICT (resource, event) DO NOTHING`, resource, event)
}

// LogActsAbout returns up to limit records of what was done about one thing, or
// that name it in their details: no consultations, nothing that was denied or
// failed. Oldest first, those not yet sequenced last.
func (tx *Tx) LogActsAbout(resource string, limit int) ([]LogEvent, error) {
	return tx.logEvents("reading what was done about one thing",
		`SELECT `+logEventColumns+` FROM log_events
		 WHERE (resource = $1 OR id IN (SELECT event FROM log_mentions WHERE resource = $1)) AND operation <> 'consult' AND outcome = 'done'
		 ORDER BY position NULLS LAST, id LIMIT $2`, resource, limit)
}

// LogEvent returns one record.
func (tx *Tx) LogEvent(id string) (LogEvent, error) {
	events, err := tx.logEvents("reading a log record", `SELECT `+logEventColumns+` FROM log_events WHERE id = $1`, id)
	if err != nil {
		return LogEvent{}, err
	}
	if len(events) == 0 {
		return LogEvent{}, NotFound("log record", id)
	}
	return events[0], nil
}

func (tx *Tx) logEvents(doing, query string, arguments ...any) ([]LogEvent, error) {
	var events []LogEvent
	err := tx.rows(doing, query, arguments, func(row scanner) error {
		e, err := scanLogEvent(row)
		events = append(events, e)
		return err
	})
	return events, err
}

// CountLogEvents returns how many records there are, sequenced or not.
func (tx *Tx) CountLogEvents() (int64, error) {
	var count int64
	err := tx.one("counting log records", nil, `SELECT COUNT(*) FROM log_events`, nil, &count)
	return count, err
}

// LockLogHead returns the number of sequenced records and keeps everybody else
// from extending the log until the transaction ends.
func (tx *Tx) LockLogHead() (int64, error) {
	var size int64
	err := tx.one("locking the head of the log",
		problem.New(problem.Internal, "the head of the log is missing", "restore the node from a backup"),
		`UPDATE log_head SET size = size WHERE id = 1 RETURNING size`, nil, &size)
	return size, err
}

// LogSize returns the number of sequenced records.
func (tx *Tx) LogSize() (int64, error) {
	var size int64
	err := tx.one("reading the head of the log",
		problem.New(problem.Internal, "the head of the log is missing", "restore the node from a backup"),
		`SELECT size FROM log_head WHERE id = 1`, nil, &size)
	return size, err
}

// SetLogSize moves the head of the log.
func (tx *Tx) SetLogSize(size int64) error {
	return tx.exec("moving the head of the log", `UPDATE log_head SET size = $1 WHERE id = 1`, size)
}

// InsertLogHash stores one hash of the Merkle tree.
func (tx *Tx) InsertLogHash(number int64, hash []byte) error {
	return tx.exec("storing a hash of the log", `INSERT INTO log_hashes (number, hash) VALUES ($1, $2)`, number, hash)
}

// LogHashOf returns the stored hash of a number.
func (tx *Tx) LogHashOf(number int64) ([]byte, error) {
	var hash []byte
	err := tx.one("reading a hash of the log", problem.New(problem.Internal, "a hash of the log is missing", "run brdo verify"),
		`SELECT hash FROM log_hashes WHERE number = $1`, []any{number}, &hash)
	return hash, err
}

// LogCheckpoint is one signed head of the log.
type LogCheckpoint struct {
	Size int64
	// Note is the signed note's text (C2SP signed-note).
	Note string
	At   time.Time
}

// InsertLogCheckpoint stores a signed head.
func (tx *Tx) InsertLogCheckpoint(c LogCheckpoint) error {
	return tx.exec("storing a checkpoint", `INSERT INTO log_checkpoints (size, note, at) VALUES ($1, $2, $3)`, c.Size, c.Note, micros(c.At))
}

// LogCheckpoints returns up to limit checkpoints of logs larger than size, in order.
func (tx *Tx) LogCheckpoints(size int64, limit int) ([]LogCheckpoint, error) {
	var found []LogCheckpoint
	err := tx.rows("reading checkpoints", `SELECT size, note, at FROM log_checkpoints WHERE size > $1 ORDER BY size LIMIT $2`,
		[]any{size, limit}, func(row scanner) error {
			var c LogCheckpoint
			err := row.Scan(&c.Size, &c.Note, moment{&c.At})
			found = append(found, c)
			return err
		})
	return found, err
}

// LogHash is one stored hash of the Merkle tree.
type LogHash struct {
	Number int64
	Hash   []byte
}

// LogHashesFrom returns up to limit stored hashes from a number on, in order.
func (tx *Tx) LogHashesFrom(number int64, limit int) ([]LogHash, error) {
	var found []LogHash
	err := tx.rows("reading hashes of the log", `SELECT number, hash FROM log_hashes WHERE number >= $1 ORDER BY number LIMIT $2`,
		[]any{number, limit}, func(row scanner) error {
			var h LogHash
			err := row.Scan(&h.Number, &h.Hash)
			found = append(found, h)
			return err
		})
	return found, err
}

// ErrEmptyLog: the log has no checkpoint yet.
var ErrEmptyLog = problem.New(problem.NotFound, "the log is empty", "its first checkpoint follows its first record")

// LatestLogCheckpoint returns the newest checkpoint; ErrEmptyLog before the first.
func (tx *Tx) LatestLogCheckpoint() (LogCheckpoint, error) {
	var c LogCheckpoint
	err := tx.one("reading the latest checkpoint", ErrEmptyLog,
		`SELECT size, note, at FROM log_checkpoints ORDER BY size DESC LIMIT 1`, nil, &c.Size, &c.Note, moment{&c.At})
	return c, err
}
