package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/store"
)

// Handler does the work of one kind of job. It may be called more than once
// for the same job, so its effect belongs into the transaction in which it
// calls [Running.Complete].
type Handler func(ctx context.Context, running *Running) error

// Options of a Runner; zero values are sensible.
type Options struct {
	// Workers is how many jobs run at once; 0 means 8: most of them wait for another
	// organisation's node, and one that does not answer must not hold up the others.
	Workers int
	// Lease is how long a job stays with a silent worker; 0 means 30 s.
	Lease time.Duration
	// Poll is how long the queue is left alone without a wake-up; 0 means 1 s.
	Poll time.Duration
	// Backoff gives the pause after a failure, which counts from 1; nil means 2 s
	// doubling to an hour, with jitter.
	Backoff func(failure int) time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Runner leases due jobs and runs their handlers.
type Runner struct {
	store    *store.Store
	worker   string
	options  Options
	handlers map[string]Handler
	wake     chan struct{}
}

// NewRunner makes a runner. Handlers are registered before Run.
func NewRunner(s *store.Store, options Options) *Runner {
	if options.Workers == 0 {
		options.Workers = 8
	}
	if options.Lease == 0 {
		options.Lease = 30 * time.Second
	}
	if options.Poll == 0 {
		options.Poll = time.Second
	}
	if options.Backoff == nil {
		options.Backoff = exponential
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{store: s, worker: store.NewID("worker"), options: options, handlers: map[string]Handler{}, wake: make(chan struct{}, 1)}
}

func exponential(failure int) time.Duration {
	pause := min(2*time.Second<<min(failure-1, 20), time.Hour)
	return pause/2 + rand.N(pause)
}

// Handle registers the handler of a kind. It panics on a second one: that is a
// mistake of wiring, found at the first start.
func (r *Runner) Handle(kind string, handler Handler) {
	if _, taken := r.handlers[kind]; taken {
		panic("job: two handlers for " + kind)
	}
	r.handlers[kind] = handler
}

// Wake makes the runner look at the queue now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then waits for the handlers that are running.
// Each worker takes one job at a time, so that one slow job never holds back
// jobs that it leased but did not begin.
func (r *Runner) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for range r.options.Workers {
		group.Go(func() { r.loop(ctx) })
	}
	group.Wait()
	return nil
}

func (r *Runner) loop(ctx context.Context) {
	for ctx.Err() == nil {
		worked, err := r.step(ctx)
		if err != nil && ctx.Err() == nil {
			r.options.Log.ErrorContext(ctx, "the job queue could not be read", "error", err)
		}
		if worked {
			// Several workers may be waiting for one wake-up.
			r.Wake()
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-time.After(r.options.Poll):
		}
	}
}

// Drain runs due jobs until none is left, in the caller's goroutine. Tests and
// command-line tools use it in place of Run.
func (r *Runner) Drain(ctx context.Context) error {
	for {
		worked, err := r.step(ctx)
		if err != nil {
			return err
		}
		if !worked {
			return nil
		}
	}
}

func (r *Runner) step(ctx context.Context) (bool, error) {
	now := r.options.Now()
	var claimed []store.Job
	err := r.store.WriteShared(ctx, func(tx *store.Tx) (err error) {
		claimed, err = tx.ClaimJobs(r.worker, now, now.Add(r.options.Lease), 1)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("leasing a job: %w", err)
	}
	if len(claimed) == 0 {
		return false, nil
	}
	r.run(ctx, claimed[0])
	return true, nil
}

func (r *Runner) run(ctx context.Context, row store.Job) {
	log := r.options.Log.With("job", row.ID, "kind", row.Kind, "attempt", row.Attempt)
	running := &Running{row: row, now: r.options.Now}
	err := r.handle(ctx, running)
	// The outcome is written even while the node shuts down.
	ending := context.WithoutCancel(ctx)
	switch {
	case running.done:
		if err != nil {
			log.ErrorContext(ctx, "a completed job failed afterwards", "error", err)
		}
	case err == nil:
		err := r.store.Write(ending, func(tx *store.Tx) error { return tx.FinishJob(row.ID, row.Attempt, r.options.Now()) })
		r.report(ctx, log, "completing a job", err)
	case ctx.Err() != nil:
		// Shutting down: somebody else takes it up at once.
		err := r.store.Write(ending, func(tx *store.Tx) error { return tx.RetryJob(row.ID, row.Attempt, r.options.Now(), "interrupted") })
		r.report(ctx, log, "returning a job", err)
	default:
		r.failed(ending, log, row, err)
	}
}

func (r *Runner) failed(ctx context.Context, log *slog.Logger, row store.Job, cause error) {
	now := r.options.Now()
	var wait later
	var final permanent
	switch {
	case errors.As(cause, &wait):
		log.InfoContext(ctx, "a job waits", "until", wait.at, "reason", wait.reason)
		r.report(ctx, log, "postponing a job", r.store.Write(ctx, func(tx *store.Tx) error {
			return tx.PostponeJob(row.ID, row.Attempt, wait.at, wait.waitsFor, wait.reason)
		}))
	case errors.As(cause, &final), row.Attempt >= row.MaxAttempt:
		log.ErrorContext(ctx, "a job was given up; a person must look at it", "error", cause)
		r.report(ctx, log, "giving up a job", r.store.Write(ctx, func(tx *store.Tx) error {
			return tx.BuryJob(row.ID, row.Attempt, now, safeReason(cause))
		}))
	default:
		// What was postponed did not fail, however often: a clock that looks every
		// minute must not wait for an hour when it fails once.
		pause := r.options.Backoff(row.Failures + 1)
		log.WarnContext(ctx, "a job failed and is repeated", "in", pause, "error", cause)
		r.report(ctx, log, "repeating a job", r.store.Write(ctx, func(tx *store.Tx) error {
			return tx.RetryJob(row.ID, row.Attempt, now.Add(pause), safeReason(cause))
		}))
	}
}

func (r *Runner) report(ctx context.Context, log *slog.Logger, doing string, err error) {
	if err != nil {
		log.WarnContext(ctx, doing, "error", err)
	}
}

// handle calls the handler under a lease that is extended while it works.
func (r *Runner) handle(ctx context.Context, running *Running) (err error) {
	handler, known := r.handlers[running.row.Kind]
	if running.row.Attempt > running.row.MaxAttempt {
		// Its worker died every time: running it again may kill this one too.
		return Permanent(fmt.Errorf("%d workers died while running it", running.row.MaxAttempt))
	}
	if !known {
		return Permanent(fmt.Errorf("no handler for jobs of kind %q", running.row.Kind))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var heartbeat sync.WaitGroup
	defer heartbeat.Wait()
	stop := make(chan struct{})
	defer close(stop)
	heartbeat.Go(func() {
		ticker := time.NewTicker(r.options.Lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			err := r.store.WriteShared(context.WithoutCancel(ctx), func(tx *store.Tx) error {
				return tx.ExtendJob(running.row.ID, running.row.Attempt, r.options.Now().Add(r.options.Lease))
			})
			if errors.Is(err, store.ErrFenced) {
				cancel() // done, or taken over: either way this work is over
				return
			}
		}
	})
	defer func() {
		if p := recover(); p != nil {
			err = Permanent(fmt.Errorf("the handler of %s panicked: %w\n%s", running.row.Kind, problem.FromPanic(p), debug.Stack()))
		}
	}()
	return handler(ctx, running)
}
