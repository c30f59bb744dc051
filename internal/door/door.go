// Package door bounds how much a node does at once at each of its doors: the
// interface for machines, the inbox of other nodes, the pages. What is more
// waits for a short while, urgent requests first, and what is more than may wait
// is turned away before anything of it was recorded, with a time to come back.
//
// A node that takes in everything answers nobody in time: each request gets
// slower until all of their senders have given up and come again. See "Addressing
// Cascading Failures" in Beyer et al., Site Reliability Engineering (2016), on
// shedding load and on queues that are short beside the threads that serve them.
package door

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Limit is how much passes a door.
type Limit struct {
	// AtOnce is how many requests are worked on at once, Reserve how many more if
	// they are urgent.
	AtOnce, Reserve int
	// Waiting is how many further requests may be read and wait.
	Waiting int
	// Patience is how long a request waits for its turn.
	Patience time.Duration
}

// Validate names the fault of a limit.
//
// Errors: Invalid, with the field under the path at.
func (l Limit) Validate(at string) error {
	switch {
	case l.AtOnce < 1:
		return problem.InvalidField(at+".at_once", "it is not positive", "say how many requests are worked on at once, or leave it out")
	case l.Reserve < 1:
		return problem.InvalidField(at+".reserve", "it is not positive", "urgent requests need a place that others cannot take")
	case l.Waiting < 0:
		return problem.InvalidField(at+".waiting", "it is negative", "say how many requests may wait, or leave it out")
	case l.Patience <= 0:
		return problem.InvalidField(at+".patience", "it is not positive", "give a time such as 10s, or leave it out")
	}
	return nil
}

// Door lets requests in. A nil door lets everybody in.
type Door struct {
	limit Limit
	now   func() time.Time

	mu sync.Mutex
	// present counts visits that have come and not left, inside those of them that
	// are worked on.
	present, inside int
	urgent, normal  []*waiter
	// held is about how long a visit was worked on lately.
	held              time.Duration
	refused, reserved int64
}

// waiter is a visit in front of the door; ready is closed when its turn comes.
type waiter struct{ ready chan struct{} }

// New makes a door.
func New(limit Limit, now func() time.Time) *Door { return &Door{limit: limit, now: now} }

// Visit is one request at the door, from its arrival to its end.
type Visit struct {
	door    *Door
	working bool
	begun   time.Time
}

// Arrive counts a request before its body is read, so that the number of bodies
// in memory is bounded too. Whoever says that it is urgent may be let in above
// that number; whether it is true is asked for by Begin. Leave must follow.
//
// Errors: those of [TooMuch].
func (d *Door) Arrive(saysUrgent bool) (*Visit, error) {
	if d == nil {
		return &Visit{}, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	bound := d.limit.AtOnce + d.limit.Waiting
	if saysUrgent {
		bound += d.limit.Reserve
	}
	if d.present >= bound {
		return nil, d.refuse()
	}
	d.present++
	return &Visit{door: d}, nil
}

// Begin waits for the turn of the visit. A second call does nothing.
//
// Errors: those of [TooMuch] when it did not come in time; the context's own.
func (v *Visit) Begin(ctx context.Context, urgent bool) error {
	if v.door == nil || v.working {
		return nil
	}
	if err := v.door.begin(ctx, urgent); err != nil {
		return err
	}
	v.working, v.begun = true, v.door.now()
	return nil
}

func (d *Door) begin(ctx context.Context, urgent bool) error {
	d.mu.Lock()
	ahead := len(d.urgent)
	if !urgent {
		ahead += len(d.normal)
	}
	if ahead == 0 && d.free(urgent) {
		d.enter(urgent)
		d.mu.Unlock()
		return nil
	}
	w := &waiter{make(chan struct{})}
	if urgent {
		d.urgent = append(d.urgent, w)
	} else {
		d.normal = append(d.normal, w)
	}
	d.mu.Unlock()
	patience := time.NewTimer(d.limit.Patience)
	defer patience.Stop()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		if d.giveUp(w) {
			return ctx.Err()
		}
	case <-patience.C:
		if d.giveUp(w) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.refuse()
		}
	}
	return nil // its turn came in the same moment
}

// free reports whether one more may be worked on; the mutex is held.
func (d *Door) free(urgent bool) bool {
	return d.inside < d.limit.AtOnce || urgent && d.inside < d.limit.AtOnce+d.limit.Reserve
}

// enter takes a place; the mutex is held.
func (d *Door) enter(urgent bool) {
	if urgent && d.inside >= d.limit.AtOnce {
		d.reserved++
	}
	d.inside++
}

// giveUp takes a waiter out of its queue; false when its turn has come already.
func (d *Door) giveUp(w *waiter) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, queue := range []*[]*waiter{&d.urgent, &d.normal} {
		if i := slices.Index(*queue, w); i >= 0 {
			*queue = slices.Delete(*queue, i, i+1)
			return true
		}
	}
	return false
}

// Leave ends the visit and gives its place to who waits.
func (v *Visit) Leave() {
	d := v.door
	if d == nil {
		return
	}
	v.door = nil
	d.mu.Lock()
	defer d.mu.Unlock()
	d.present--
	if !v.working {
		return
	}
	d.inside--
	d.held += (d.now().Sub(v.begun) - d.held) / 8
	for {
		switch {
		case len(d.urgent) > 0 && d.free(true):
			d.enter(true)
			close(d.urgent[0].ready)
			d.urgent = d.urgent[1:]
		case len(d.urgent) == 0 && len(d.normal) > 0 && d.free(false):
			d.enter(false)
			close(d.normal[0].ready)
			d.normal = d.normal[1:]
		default:
			return
		}
	}
}

// longestPause is the longest time that anybody is asked to stay away.
const longestPause = time.Minute

// refuse counts a request that is turned away and says when to come again: when
// those that wait now will have had their turn. The mutex is held.
func (d *Door) refuse() error {
	d.refused++
	queue := float64(len(d.urgent)+len(d.normal)+1) / float64(d.limit.AtOnce)
	pause := time.Duration(math.Ceil(d.held.Seconds()*queue)) * time.Second
	return TooMuch("this node has too much to do now", "wait as long as Retry-After says and send it again; nothing was recorded", min(max(pause, time.Second), longestPause))
}

// tooMuch marks that somebody was turned away because of how much is asked.
type tooMuch struct{ error }

func (e *tooMuch) Unwrap() error { return e.error }

// TooMuch turns somebody away because of how much is asked, with a time after
// which to come again.
func TooMuch(reason, remedy string, retryAfter time.Duration) error {
	p := problem.New(problem.Unavailable, reason, remedy)
	p.RetryAfter = retryAfter
	return &tooMuch{p}
}

// IsTooMuch reports whether an error comes from [TooMuch]: the answer is 429
// (RFC 6585), not 503, because the node works.
func IsTooMuch(err error) bool {
	var e *tooMuch
	return errors.As(err, &e)
}

// Figures are what a door did since the process began, and who stands in it.
type Figures struct {
	// Refused counts those that were turned away, Reserved the urgent ones that
	// only the reserve let in.
	Refused, Reserved int64
	// Inside are worked on now, Waiting wait for their turn.
	Inside, Waiting int
}

// Figures returns the door's figures.
func (d *Door) Figures() Figures {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Figures{Refused: d.refused, Reserved: d.reserved, Inside: d.inside, Waiting: len(d.urgent) + len(d.normal)}
}
