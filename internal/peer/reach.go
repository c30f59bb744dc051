package peer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/store"
)

// reachJob is the kind of the jobs that ask whether a peer can be reached again,
// one for each that did not answer.
const reachJob = "peer.reach"

// How often a peer that does not answer is asked: after a second, then as late
// again as it has been silent, and every twenty seconds at the most. So what was
// parted for hours is together again within half a minute, and a node that is
// gone costs its peers three small requests a minute.
const (
	firstReach = time.Second
	reachPause = 20 * time.Second
	// reachPatience is how long it may take to answer.
	reachPatience = 10 * time.Second
	// longestHold is how long an envelope waits for its recipient at the most before
	// it is looked at again, should nobody release it.
	longestHold = time.Hour
	// brokenAttempts is how often an envelope that did not reach its recipient waits
	// for that to answer anything. What fails more often is like what is refused: it
	// may be this envelope that something on the way does not let through.
	brokenAttempts = 20
)

// errUnreached marks that nobody answered: the network or the recipient is down,
// whatever envelope it was.
var errUnreached = errors.New("nobody answered")

// unreachable reports whether an answer is what a proxy says for a node that is
// down. A node that cannot work says so as a problem (RFC 9457).
func unreachable(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json")
	}
	return false
}

// held tells a delivery to wait for its recipient; nil when that is not known to
// be out of reach.
func held(row store.Peer, now time.Time) error {
	if row.UnreachedSince.IsZero() {
		return nil
	}
	return job.Await(row.ID, now.Add(longestHold), "the recipient cannot be reached; it is sent when it answers")
}

// awaits tells an envelope that did not reach its recipient to wait until that
// answers anything, and with growing pauses at the latest; nil when it failed for
// another cause.
func awaits(sent store.EnvelopeOut, cause error, now time.Time) error {
	if !errors.Is(cause, errUnreached) || sent.Attempts >= brokenAttempts {
		return nil
	}
	return job.Await(sent.Recipient, now.Add(min(2*firstReach<<sent.Attempts, longestHold)), problem.From(cause).Reason)
}

// askWhether enqueues asking whether a peer can be reached.
func askWhether(tx *store.Tx, now time.Time, peer string) error {
	_, err := job.Enqueue(tx, now, job.New{Kind: reachJob, Payload: peer, UniqueKey: peer, Priority: job.PriorityUrgent, RunAt: now.Add(firstReach), Attempts: pursueAttempts})
	return err
}

// reachOut asks a peer for its description. While it does not answer, everything
// that is addressed to it waits, and costs no attempts; when it answers, all of
// that is due at once.
func (p *Post) reachOut(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var row store.Peer
	var to Node
	err := p.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if row, err = tx.Peer(id); err != nil {
			return err
		}
		to, err = ParseNode(row.Document)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading of a peer that did not answer: %w", err)
	}
	silent := p.reach(ctx, to)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := running.Now()
	err = p.store.Write(ctx, func(tx *store.Tx) error {
		if silent == nil {
			return errors.Join(running.Complete(tx), tx.PeerReached(id, now))
		}
		news, err := tx.SetPeerUnreached(id, now)
		if err != nil || !news {
			return err
		}
		_, err = tx.HoldDeliveries(deliverJob, id, now.Add(longestHold))
		return err
	})
	if err != nil || silent == nil {
		return err
	}
	pause := firstReach
	if !row.UnreachedSince.IsZero() {
		pause = min(max(pause, now.Sub(row.UnreachedSince)), reachPause)
	}
	return job.Later(now.Add(pause), problem.From(silent).Reason)
}

// reach asks a peer for its description and returns why no node answered. What it
// answers does not matter: it may be busy, or of an older version.
func (p *Post) reach(ctx context.Context, to Node) error {
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	response, _, err := p.get(ctx, to, NodePath, nil, maxDocument)
	if err != nil {
		return err
	}
	if unreachable(response) {
		return problem.Newf(problem.Unavailable, "something before the peer answered %d", response.StatusCode)
	}
	return nil
}
