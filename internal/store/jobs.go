package store

import (
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// JobState is where a job stands.
type JobState string

const (
	JobWaiting JobState = "waiting"
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	// JobDead: all attempts failed; a person must look at it.
	JobDead JobState = "dead"
)

// JobWaitsForTime is what a job waits for that may not run before its time.
const JobWaitsForTime = "time"

// Job is one row of durable work.
type Job struct {
	ID      string
	Kind    string
	Payload []byte
	// UniqueKey, when not empty, allows one waiting or running job of the kind.
	UniqueKey string
	// Priority: lower runs first.
	Priority   int
	State      JobState
	RunAt      time.Time
	Attempt    int
	MaxAttempt int
	// Failures counts those attempts that failed and were no postponement.
	Failures int
	// WaitsFor says what a waiting job was postponed for: [JobWaitsForTime], or the
	// name of something that [Tx.ReleaseJobs] knows. It is empty for a job that
	// waits for its turn, or for its next attempt.
	WaitsFor   string
	LeasedBy   string
	LeaseUntil time.Time
	LastError  string
	CreatedAt  time.Time
	FinishedAt time.Time
}

// ErrFenced: the lease was lost to another worker, so this one's effect must
// not be committed.
var ErrFenced = problem.New(problem.Conflict, "another worker has taken this job over", "")

// InsertJob enqueues a job. It returns false when a job with the same unique
// key waits or runs already.
func (tx *Tx) InsertJob(j Job) (bool, error) {
	key := sql.NullString{String: j.UniqueKey, Valid: j.UniqueKey != ""}
	result, err := tx.run(
		`INSERT INTO jobs (id, kind, payload, unique_key, priority, state, run_at, max_attempt, created_at)
		 VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8)
		 ON CONFLICT (kind, unique_key) WHERE state IN ('waiting', 'running') DO NOTHING`,
		j.ID, j.Kind, j.Payload, key, j.Priority, micros(j.RunAt), j.MaxAttempt, micros(j.CreatedAt))
	if err != nil {
		return false, err
	}
	count, err := result.RowsAffected()
	return count == 1, err
}

const jobColumns = `id, kind, payload, COALESCE(unique_key, ''), priority, state, run_at, attempt, max_attempt, failures, COALESCE(waits_for, ''), COALESCE(leased_by, ''), lease_until, last_error, created_at, finished_at`

func scanJob(row scanner) (Job, error) {
	var j Job
	err := row.Scan(&j.ID, &j.Kind, &j.Payload, &j.UniqueKey, &j.Priority, &j.State, moment{&j.RunAt}, &j.Attempt, &j.MaxAttempt, &j.Failures,
		&j.WaitsFor, &j.LeasedBy, moment{&j.LeaseUntil}, &j.LastError, moment{&j.CreatedAt}, moment{&j.FinishedAt})
	return j, err
}

// Statements of ClaimJobs. Each reads its own index: one statement for both kinds
// of due jobs would read all rows, also those that are done or due next year.
const (
	abandonedJobs = `SELECT id FROM jobs WHERE state = 'running' AND lease_until < $1 ORDER BY priority, run_at, id LIMIT $2`
	dueJobs       = `SELECT id FROM jobs WHERE state = 'waiting' AND priority = $1 AND run_at <= $2 ORDER BY run_at, id LIMIT $3`
	nextPriority  = `SELECT MIN(priority) FROM jobs WHERE state = 'waiting' AND priority > $1`
)

// ClaimJobs leases up to limit jobs that are due: first running ones whose lease
// ran out, because somebody died over them, then waiting ones whose time has
// come, both by priority. Each claim raises the attempt, which fences the
// completion.
func (tx *Tx) ClaimJobs(worker string, now, leaseUntil time.Time, limit int) ([]Job, error) {
	claimed, err := tx.claim(worker, leaseUntil, abandonedJobs, micros(now), limit)
	for priority := int64(math.MinInt32); err == nil && len(claimed) < limit; {
		var next sql.NullInt64
		if err := tx.one("reading the priorities of jobs", nil, nextPriority, []any{priority}, &next); err != nil || !next.Valid {
			return claimed, err
		}
		priority = next.Int64
		var more []Job
		more, err = tx.claim(worker, leaseUntil, dueJobs, priority, micros(now), limit-len(claimed))
		claimed = append(claimed, more...)
	}
	return claimed, err
}

// claim leases the jobs that a query names.
func (tx *Tx) claim(worker string, leaseUntil time.Time, query string, arguments ...any) ([]Job, error) {
	var claimed []Job
	own := len(arguments)
	err := tx.rows("claiming jobs",
		fmt.Sprintf(`UPDATE jobs SET state = 'running', attempt = attempt + 1, waits_for = NULL, leased_by = $%d, lease_until = $%d WHERE id IN (%s%s) RETURNING `,
			own+1, own+2, query, tx.dialect.skipLocked())+jobColumns,
		append(arguments, worker, micros(leaseUntil)), func(row scanner) error {
			j, err := scanJob(row)
			claimed = append(claimed, j)
			return err
		})
	return claimed, err
}

// ExtendJob moves the end of a lease; ErrFenced when the lease was lost.
func (tx *Tx) ExtendJob(id string, attempt int, until time.Time) error {
	return tx.change("extending a lease", ErrFenced,
		`UPDATE jobs SET lease_until = $1 WHERE id = $2 AND attempt = $3 AND state = 'running'`, micros(until), id, attempt)
}

// EndLeases ends the leases of all jobs that run, when their workers are known to
// be dead.
func (tx *Tx) EndLeases() error {
	return tx.exec("ending leases", `UPDATE jobs SET lease_until = 0 WHERE state = 'running'`)
}

// FinishJob completes a job; ErrFenced when the lease was lost.
func (tx *Tx) FinishJob(id string, attempt int, now time.Time) error {
	return tx.change("completing a job", ErrFenced,
		`UPDATE jobs SET state = 'done', finished_at = $1, lease_until = NULL WHERE id = $2 AND attempt = $3 AND state = 'running'`,
		micros(now), id, attempt)
}

// RetryJob returns a job to the queue after a failure, to be run again at a later
// time.
func (tx *Tx) RetryJob(id string, attempt int, runAt time.Time, reason string) error {
	return tx.change("returning a job to the queue", ErrFenced,
		`UPDATE jobs SET state = 'waiting', run_at = $1, last_error = $2, failures = failures + 1, lease_until = NULL, leased_by = NULL
		 WHERE id = $3 AND attempt = $4 AND state = 'running'`,
		micros(runAt), reason, id, attempt)
}

// BuryJob gives a job up; it stays in the table until a person revives it.
func (tx *Tx) BuryJob(id string, attempt int, now time.Time, reason string) error {
	return tx.change("giving up a job", ErrFenced,
		`UPDATE jobs SET state = 'dead', finished_at = $1, last_error = $2, lease_until = NULL
		 WHERE id = $3 AND attempt = $4 AND state = 'running'`,
		micros(now), reason, id, attempt)
}

// ReviveJob puts a dead job back with further attempts. The attempt number goes
// on counting, because it fences.
func (tx *Tx) ReviveJob(id string, now time.Time, attempts int) error {
	return tx.change("reviving a job", NotFound("dead job", id),
		`UPDATE jobs SET state = 'waiting', run_at = $1, max_attempt = attempt + $2, finished_at = NULL WHERE id = $3 AND state = 'dead'`,
		micros(now), attempts, id)
}

// cancelJobs names the open states as the index of unique keys does: SQLite does
// not see that a waiting job is an open one.
const cancelJobs = `DELETE FROM jobs WHERE kind = $1 AND unique_key = $2 AND state IN ('waiting', 'running') AND state = 'waiting'`

// CancelJobs removes the waiting jobs of a kind with a unique key, for example
// a clock whose reason has gone. A running one is left to end by itself.
func (tx *Tx) CancelJobs(kind, uniqueKey string) error {
	return tx.exec("cancelling a job", cancelJobs, kind, uniqueKey)
}

// Job returns one job.
func (tx *Tx) Job(id string) (Job, error) {
	var found []Job
	err := tx.rows("reading a job", `SELECT `+jobColumns+` FROM jobs WHERE id = $1`, []any{id}, func(row scanner) error {
		j, err := scanJob(row)
		found = append(found, j)
		return err
	})
	if err == nil && len(found) == 0 {
		err = NotFound("job", id)
	}
	if err != nil {
		return Job{}, err
	}
	return found[0], nil
}

// NextJobAt returns when the next job is due or the next lease ends; the zero
// time when nothing is queued.
func (tx *Tx) NextJobAt() (time.Time, error) {
	var next time.Time
	err := tx.one("reading when the next job is due", nil,
		`SELECT MIN(at) FROM (SELECT MIN(run_at) AS at FROM jobs WHERE state = 'waiting'
		 UNION ALL SELECT MIN(lease_until) FROM jobs WHERE state = 'running') AS due`, nil, moment{&next})
	return next, err
}

// CountJobs returns how many jobs there are in each state.
func (tx *Tx) CountJobs() (map[JobState]int64, error) {
	counts := map[JobState]int64{}
	err := tx.rows("counting jobs", `SELECT state, COUNT(*) FROM jobs GROUP BY state`, nil, func(row scanner) error {
		var state JobState
		var count int64
		err := row.Scan(&state, &count)
		counts[state] = count
		return err
	})
	return counts, err
}

// DeadJobs returns up to limit jobs that were given up, newest first.
func (tx *Tx) DeadJobs(limit int) ([]Job, error) {
	var found []Job
	err := tx.rows("reading dead jobs", `SELECT `+jobColumns+` FROM jobs WHERE state = 'dead' ORDER BY finished_at DESC, id LIMIT $1`, []any{limit}, func(row scanner) error {
		j, err := scanJob(row)
		found = append(found, j)
		return err
	})
	return found, err
}

// JobsOfKind returns all jobs of a kind, in the order of their identifiers.
func (tx *Tx) JobsOfKind(kind string) ([]Job, error) {
	var found []Job
	err := tx.rows("reading the jobs of a kind", `SELECT `+jobColumns+` FROM jobs WHERE kind = $1 ORDER BY id`, []any{kind}, func(row scanner) error {
		j, err := scanJob(row)
		found = append(found, j)
		return err
	})
	return found, err
}

// DeleteDoneJobs removes completed jobs that ended before a time and returns
// how many; what they did stands in the log.
func (tx *Tx) DeleteDoneJobs(before time.Time) (int64, error) {
	result, err := tx.run(`DELETE FROM jobs WHERE state = 'done' AND finished_at < $1`, micros(before))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// PostponeJob returns a job to the queue for a later time without counting the
// attempt as a failure, and notes what it waits for. The attempt number itself
// stays raised, because it fences; the allowance grows with it.
func (tx *Tx) PostponeJob(id string, attempt int, runAt time.Time, waitsFor, reason string) error {
	return tx.change("postponing a job", ErrFenced,
		`UPDATE jobs SET state = 'waiting', run_at = $1, last_error = $2, waits_for = $3, max_attempt = CASE WHEN max_attempt < 2147483647 THEN max_attempt + 1 ELSE max_attempt END, lease_until = NULL, leased_by = NULL
		 WHERE id = $4 AND attempt = $5 AND state = 'running'`,
		micros(runAt), reason, waitsFor, id, attempt)
}

// releaseJobs is the statement of ReleaseJobs.
const releaseJobs = `UPDATE jobs SET run_at = $1, waits_for = NULL WHERE waits_for = $2 AND state = 'waiting'`

// ReleaseJobs makes all jobs due now that wait for something, and says how many.
func (tx *Tx) ReleaseJobs(waitsFor string, now time.Time) (int64, error) {
	result, err := tx.run(releaseJobs, micros(now), waitsFor)
	if err != nil {
		return 0, fmt.Errorf("releasing jobs: %w", err)
	}
	return result.RowsAffected()
}
