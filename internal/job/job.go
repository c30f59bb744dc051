// Package job runs durable work and legal clocks.
//
// A job is a row in the node's database, enqueued in the transaction that makes
// it due, and completed in the transaction that holds its effect: so work that
// was promised is never lost, and never takes effect twice. A worker leases a
// job, extends the lease while it works, and is fenced off by the attempt
// number when it lost the lease, for example after a long pause. A failed
// attempt is repeated later with growing pauses; after the last one the job is
// dead and stays visible until a person revives it. The clock of a hold or a
// notice is a job whose time to run is far away.
package job

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/internal/store"
)

// Priorities of jobs; lower runs first.
const (
	PriorityUrgent = 0
	PriorityNormal = 5
	PriorityIdle   = 9
)

// DefaultAttempts is how often a job is tried before it is dead.
const DefaultAttempts = 12

// New describes a job to enqueue.
type New struct {
	Kind string
	// Payload is stored as JSON: identifiers, not personal data.
	Payload any
	// UniqueKey, when not empty, allows one open job of the kind.
	UniqueKey string
	// Priority is one of the constants above; lower runs first.
	Priority int
	// RunAt is when the job is due; the zero time means at once.
	RunAt time.Time
	// Attempts is how often it is tried; 0 means DefaultAttempts.
	Attempts int
}

// Strike lets a clock strike at a time; the zero time lets nothing strike. Each
// time is a job of its own: an earlier one that was overtaken still strikes, and
// whoever handles it changes nothing then. n says kind, payload and priority.
func Strike(tx *store.Tx, now time.Time, n New, clock string, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	n.UniqueKey, n.RunAt = clock+"@"+at.UTC().Format(time.RFC3339Nano), at
	_, err := Enqueue(tx, now, n)
	return err
}

// Enqueue writes a job into the caller's transaction. With a unique key that is
// taken it changes nothing and returns false.
func Enqueue(tx *store.Tx, now time.Time, n New) (bool, error) {
	payload, err := json.Marshal(n.Payload)
	if err != nil {
		return false, fmt.Errorf("writing the payload of a %s job: %w", n.Kind, err)
	}
	if n.RunAt.IsZero() {
		n.RunAt = now
	}
	if n.Attempts == 0 {
		n.Attempts = DefaultAttempts
	}
	inserted, err := tx.InsertJob(store.Job{
		ID: store.NewID("job"), Kind: n.Kind, Payload: payload, UniqueKey: n.UniqueKey, Priority: n.Priority,
		RunAt: n.RunAt, MaxAttempt: n.Attempts, CreatedAt: now,
	})
	if err != nil {
		return false, fmt.Errorf("enqueueing a %s job: %w", n.Kind, err)
	}
	return inserted, nil
}
