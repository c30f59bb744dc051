package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Clocks say how long something between two nodes may stay as it is before the
// node tells a person. The organisation sets them in its configuration.
type Clocks struct {
	// Gap is how long a number may be missing; each time it has passed the peer
	// is also asked to send it again.
	Gap time.Duration
	// Silence is how long an envelope may wait for its receipt.
	Silence time.Duration
}

// DefaultClocks hold until [Post.SetClocks].
var DefaultClocks = Clocks{Gap: 15 * time.Minute, Silence: 24 * time.Hour}

// SetClocks sets the clocks; it is called before the node runs.
func (p *Post) SetClocks(c Clocks) { p.clocks = c }

// Kinds of alarms.
const (
	// AlarmGap: numbers of a peer's envelopes are missing for too long.
	AlarmGap = "gap"
	// AlarmSilence: a peer has not receipted an envelope for too long.
	AlarmSilence = "silence"
	// AlarmPursuit: a peer has not receipted a correction, recall or erasure.
	AlarmPursuit = "pursuit"
	// AlarmRegistry: the registry that the Centre's address gives out was refused.
	AlarmRegistry = "registry"
	// AlarmLog: a peer's log does not continue what was kept of it.
	AlarmLog = "log"
	// AlarmRefused: a peer brought an envelope that could not be answered with a receipt: it named
	// nobody, or somebody else, or could not be read. It is over when a person has looked.
	AlarmRefused = "refused"
)

// AlarmKinds lists every kind of alarm.
var AlarmKinds = []string{AlarmGap, AlarmSilence, AlarmPursuit, AlarmRegistry, AlarmLog, AlarmRefused}

// watchJob is the kind of the one job that looks after the exchange.
const watchJob = "exchange.watch"

// watchPause is how often it looks.
const watchPause = time.Minute

// Begin enqueues the post's recurring work; a second call changes nothing.
func (p *Post) Begin(ctx context.Context) error {
	return p.store.Write(ctx, func(tx *store.Tx) error {
		for _, kind := range []string{watchJob, registryJob} {
			if _, err := job.Enqueue(tx, p.ledger.Now(), job.New{Kind: kind, UniqueKey: kind, Priority: job.PriorityIdle, Attempts: pursueAttempts}); err != nil {
				return err
			}
		}
		return p.announce(tx)
	})
}

func (p *Post) watchJob(ctx context.Context, _ *job.Running) error {
	if err := p.Watch(ctx); err != nil {
		return err
	}
	return job.Later(p.ledger.Now().Add(watchPause), "the exchange is looked after again")
}

// state is what Watch finds of one peer.
type state struct {
	peer  store.Peer
	since map[string]time.Time
	ask   []Range
}

// Watch asks for what is missing, raises an alarm for what takes too long, and
// clears those that are over. Each of these is one event of the log; when all is
// well it writes nothing.
func (p *Post) Watch(ctx context.Context) error {
	now := p.ledger.Now()
	var states []state
	open := map[[2]string]bool{}
	err := p.ledger.Peek(ctx, func(tx *store.Tx) error {
		peers, err := tx.Peers()
		if err != nil {
			return err
		}
		alarms, err := tx.OpenExchangeAlarms()
		if err != nil {
			return err
		}
		for _, alarm := range alarms {
			open[[2]string{alarm.Peer, alarm.Kind}] = true
		}
		for _, peer := range peers {
			found, err := p.look(tx, peer, now)
			if err != nil {
				return err
			}
			states = append(states, found)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("looking after the exchange: %w", err)
	}
	for _, s := range states {
		if err := p.tell(ctx, s, open); err != nil {
			return fmt.Errorf("looking after the exchange with %s: %w", s.peer.ID, err)
		}
	}
	return nil
}

func (p *Post) look(tx *store.Tx, peer store.Peer, now time.Time) (state, error) {
	s := state{peer: peer, since: map[string]time.Time{}}
	node, err := ParseNode(peer.Document)
	if err != nil {
		return s, err
	}
	gaps, err := tx.Gaps(peer.ID, maxRanges)
	if err != nil {
		return s, err
	}
	for _, gap := range gaps {
		if now.Sub(gap.Since) < p.clocks.Gap {
			continue
		}
		if since, found := s.since[AlarmGap]; !found || gap.Since.Before(since) {
			s.since[AlarmGap] = gap.Since
		}
		if now.Sub(gap.Asked) >= p.clocks.Gap && node.answers() && standing(peer, now) == nil {
			s.ask = append(s.ask, Range{gap.First, gap.Last})
		}
	}
	waiting, err := tx.WaitingFor(peer.ID)
	if err != nil {
		return s, err
	}
	for kind, since := range map[string]time.Time{AlarmSilence: waiting.Oldest, AlarmPursuit: waiting.OldestPursuit} {
		if !since.IsZero() && now.Sub(since) >= p.clocks.Silence {
			s.since[kind] = since
		}
	}
	return s, nil
}

// tell writes one event for each thing that has changed.
func (p *Post) tell(ctx context.Context, s state, open map[[2]string]bool) error {
	if len(s.ask) > 0 {
		err := p.ledger.Do(ctx, p.watchAct(s.peer.ID), func(tx *ledger.Tx) error {
			tx.Note("asked_again_for", len(s.ask))
			return p.askAgain(tx, s.peer.ID, s.ask)
		})
		if err != nil {
			return err
		}
	}
	for _, kind := range []string{AlarmGap, AlarmSilence, AlarmPursuit} {
		since, wrong := s.since[kind]
		if wrong == open[[2]string{s.peer.ID, kind}] {
			continue
		}
		if err := p.change(ctx, s.peer.ID, kind, wrong, since); err != nil {
			return err
		}
	}
	return nil
}

// watchAct is the node's own act of looking after a peer.
func (p *Post) watchAct(peer string) ledger.Act {
	return ledger.Act{
		Actor:  p.ledger.Itself(),
		Action: mandate.EnvelopeConsult, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: peer},
	}
}

// alarm raises or clears an alarm that begins now. A log that shows yet another
// history after a person has looked at the first is a new one.
func (p *Post) alarm(ctx context.Context, peer, kind string, wrong bool) error {
	open, looked := false, false
	err := p.ledger.Peek(ctx, func(tx *store.Tx) error {
		alarms, err := tx.OpenExchangeAlarms()
		for _, alarm := range alarms {
			if alarm.Peer == peer && alarm.Kind == kind {
				open, looked = true, kind == AlarmLog && !alarm.LookedAt.IsZero()
			}
		}
		return err
	})
	if err != nil || open == wrong && !looked {
		return err
	}
	return p.change(ctx, peer, kind, wrong, p.ledger.Now())
}

// change raises or clears an alarm, as one event.
func (p *Post) change(ctx context.Context, peer, kind string, wrong bool, since time.Time) error {
	return p.ledger.Do(ctx, p.watchAct(peer), func(tx *ledger.Tx) error {
		// One that a person has looked at makes room for a new one.
		_, err := tx.ClearExchangeAlarm(peer, kind, tx.Now)
		if err != nil || !wrong {
			tx.Note("alarm_over", kind)
			return err
		}
		tx.Note("alarm", kind)
		tx.Note("since", since)
		_, err = tx.RaiseExchangeAlarm(store.ExchangeAlarm{ID: store.NewID("alarm"), Peer: peer, Kind: kind, Since: since, RaisedAt: tx.Now})
		return err
	})
}
