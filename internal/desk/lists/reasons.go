package lists

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/store"
)

// readReasons reads which reasons negative votes can give, once a day while a list follows
// the exchange.
func (d *Desk) readReasons(ctx context.Context, running *job.Running) error {
	e, known, err := d.exchangeOf(running)
	if err != nil {
		return err
	}
	voter, takes := e.Voter()
	if !known || !takes {
		return nil // it is configured no more
	}
	var followed bool
	var at time.Time
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if _, followed, err = tx.ListFollowing(e.Address(), ""); err != nil {
			return err
		}
		at, _, err = tx.VoteReasonsRead(e.Name)
		return err
	})
	now := d.ledger.Now()
	switch {
	case err != nil:
		return err
	case !followed:
		return job.Await(e.Address(), now.Add(waitsForList), "no list follows this exchange")
	}
	reasons, failed := reasonsAt(ctx, e, voter, now)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	why, pause := "", rereadReasons
	if failed != nil {
		why, pause = problem.From(failed).Reason, time.Hour
	} else {
		at = now
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		for _, kind := range voted {
			if failed != nil {
				break
			}
			if err := tx.PutVoteReasons(e.Name, kind.String(), reasons[kind.String()]); err != nil {
				return err
			}
		}
		return tx.NoteVoteReasonsRead(e.Name, at, why)
	})
	if err != nil {
		return err
	}
	return job.Later(now.Add(pause), "the reasons of votes are read again")
}

// reasonsAt asks an exchange for all reasons, by the name of the digest; none where it
// cannot tell them all.
func reasonsAt(ctx context.Context, e exchange.Exchange, voter exchange.Voter, now time.Time) (map[string][]store.VoteReason, error) {
	if !e.Basis.ActiveAt(now) {
		return nil, problem.New(problem.Expired, "its legal basis is not in force", "")
	}
	reasons := map[string][]store.VoteReason{}
	for _, kind := range voted {
		said, err := voter.VoteReasons(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, r := range said {
			reasons[kind.String()] = append(reasons[kind.String()], store.VoteReason{GUID: r.GUID, Name: r.Name})
		}
	}
	return reasons, nil
}
