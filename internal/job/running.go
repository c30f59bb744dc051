package job

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/store"
)

// Running is a job that this worker has leased.
type Running struct {
	row  store.Job
	now  func() time.Time
	done bool
}

// ID names the job.
func (r *Running) ID() string { return r.row.ID }

// Attempt counts from 1.
func (r *Running) Attempt() int { return r.row.Attempt }

// Last reports whether a failure now is the last one.
func (r *Running) Last() bool { return r.row.Attempt >= r.row.MaxAttempt }

// Now is the time by the queue's clock, from which [Later] and [Await] count.
func (r *Running) Now() time.Time { return r.now() }

// CreatedAt is when the job was enqueued.
func (r *Running) CreatedAt() time.Time { return r.row.CreatedAt }

// Payload reads the job's payload.
func (r *Running) Payload(into any) error {
	if err := json.Unmarshal(r.row.Payload, into); err != nil {
		return Permanent(fmt.Errorf("reading the payload of job %s: %w", r.row.ID, err))
	}
	return nil
}

// Complete marks the job as done in the transaction that holds its effect.
// When the lease was lost it returns store.ErrFenced, and the caller's
// transaction must fail. A job whose handler never calls Complete is completed
// after the handler returns nil.
func (r *Running) Complete(tx *store.Tx) error {
	if err := tx.FinishJob(r.row.ID, r.row.Attempt, r.now()); err != nil {
		return fmt.Errorf("completing a %s job: %w", r.row.Kind, err)
	}
	tx.AfterCommit(func() { r.done = true })
	return nil
}

// permanent is an error that no further attempt can mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that no further attempt can mend: the job is dead
// at once.
func Permanent(err error) error { return permanent{err} }

// Later asks for the job to run again at a time, not before, without counting as
// a failure, for example when a peer said when to come back.
func Later(at time.Time, reason string) error { return later{at, store.JobWaitsForTime, reason} }

// Await asks for the job to run again when something comes to pass of which
// [store.Tx.ReleaseJobs] is told by the same name, and at a time at the latest,
// without counting as a failure.
func Await(name string, atLatest time.Time, reason string) error {
	return later{atLatest, name, reason}
}

type later struct {
	at       time.Time
	waitsFor string
	reason   string
}

func (l later) Error() string { return "later: " + l.reason }

// safeReason is what may be shown of an error: problems are written to be
// shown, anything else only by its text in the log.
func safeReason(err error) string {
	return problem.From(err).Reason
}
