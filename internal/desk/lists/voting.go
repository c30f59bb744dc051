package lists

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/vote"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// sendVote tells an exchange what a person approved, until it has answered. A process that
// dies in between sends it again, which the exchange counts once.
func (d *Desk) sendVote(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	row, e, voter, err := d.readyVote(ctx, id)
	if err != nil || (row.State != vote.Queued && row.State != vote.Sending) {
		return err
	}
	if !e.Basis.ActiveAt(d.ledger.Now()) {
		return d.voteLater(ctx, row, e, problem.New(problem.Expired, "the exchange's legal basis "+e.Basis.Ref().String()+" is not in force", "name another one in the configuration"))
	}
	row, goes, err := d.beginVote(ctx, row)
	if err != nil || !goes {
		return err
	}
	kind, err := hashlist.ParseKind(row.Fingerprint)
	if err != nil {
		return job.Permanent(err)
	}
	event := vote.Event{Kind: vote.Take}
	switch err := voter.Vote(ctx, exchange.Vote{Record: row.Record, Kind: kind, Affirmative: row.Affirmative, Reason: row.GUID}); {
	case ctx.Err() != nil:
		return ctx.Err()
	case problem.Is(err, problem.Conflict):
		event = vote.Event{Kind: vote.Refuse, Because: problem.From(err).Reason}
	case err != nil:
		return d.voteLater(ctx, row, e, err)
	}
	return d.ledger.Do(ctx, act(d.ledger.Itself(), mandate.ListVoteSend, mandate.PurposeListManagement, row.ListID), func(tx *ledger.Tx) error {
		now, err := tx.Vote(id)
		if err != nil {
			return err
		}
		tx.Note("exchange", e.Name)
		tx.Note("legal_basis", e.Basis.Ref().String())
		tx.Note("vote", id)
		tx.Note("record", row.Record)
		tx.Note("attempts", now.Attempts)
		if err := d.moveVote(tx, now, event); err != nil {
			return err
		}
		if event.Kind == vote.Take {
			if err := d.replace(tx, now); err != nil {
				return err
			}
		}
		return running.Complete(tx.Tx)
	})
}

// replace ends the earlier votes of which the exchange has another now.
func (d *Desk) replace(tx *ledger.Tx, by store.VoteRow) error {
	all, err := tx.VotesAbout(by.ListID, by.Record, by.Fingerprint)
	if err != nil {
		return err
	}
	for _, row := range all {
		if row.ID == by.ID || row.State != vote.Outdated || row.ApprovedAt.After(by.ApprovedAt) {
			continue
		}
		was := row.Vote
		if row.Vote, _, err = row.Apply(vote.Event{Kind: vote.Replace}, tx.Now); err != nil {
			return err
		}
		if err := tx.MoveVote(row, was); err != nil {
			return err
		}
	}
	return nil
}

// readyVote reads a vote and where it goes.
func (d *Desk) readyVote(ctx context.Context, id string) (row store.VoteRow, e exchange.Exchange, voter exchange.Voter, err error) {
	err = d.ledger.Peek(ctx, func(tx *store.Tx) error {
		if row, err = tx.Vote(id); err != nil {
			return err
		}
		head, err := tx.List(row.ListID)
		if err != nil {
			return err
		}
		takes := false
		if e, voter, takes = d.voter(head); !takes {
			return job.Later(d.ledger.Now().Add(waitsForList), "the exchange takes no votes from here now")
		}
		return nil
	})
	return row, e, voter, err
}

// beginVote writes down that a vote may be at the exchange from now on. One that no longer
// says what people hold, or whose record is gone, does not go.
func (d *Desk) beginVote(ctx context.Context, row store.VoteRow) (begun store.VoteRow, goes bool, err error) {
	var fell error
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if fell = holds(tx, row); fell != nil {
			if problem.Is(fell, problem.Conflict) {
				return nil
			}
			return fell
		}
		was := row.Vote
		next, _, err := row.Apply(vote.Event{Kind: vote.Send}, d.ledger.Now())
		if err != nil {
			return err
		}
		row.Vote = next
		return tx.MoveVote(row, was)
	})
	if err == nil && fell != nil {
		err = d.doubt(ctx, row, problem.From(fell).Reason)
	}
	return row, fell == nil, err
}

// holds checks that a vote says what people hold, of a record that the exchange has.
//
// Errors: Conflict when it does not.
func holds(tx *store.Tx, row store.VoteRow) error {
	o, err := opinionOf(tx, row.ListID, row.ItemID)
	switch {
	case err != nil:
		return err
	case o.Affirmative != row.Affirmative || !slices.Equal(o.Decisions, row.Decisions):
		return problem.New(problem.Conflict, "people decided anew", "")
	case !slices.Contains(o.Records, row.Record):
		return problem.New(problem.Conflict, "the exchange holds the record no more", "")
	}
	return nil
}

// voteLater notes why a vote did not get through, and lets it be sent again.
func (d *Desk) voteLater(ctx context.Context, row store.VoteRow, e exchange.Exchange, why error) error {
	known := problem.From(why)
	if known.Kind == problem.Internal {
		return why // our own fault: the queue tries again, and says so
	}
	row.Problem = known.Reason
	err := d.store.Write(ctx, func(tx *store.Tx) error { return tx.MoveVote(row, row.Vote) })
	if err != nil {
		return err
	}
	pause := e.Next(max(1, row.Attempts))
	var told *exchange.Pause
	if errors.As(why, &told) {
		pause = max(pause, told.For)
	}
	return job.Later(d.ledger.Now().Add(pause), "the exchange is told again")
}

// doubtVotes withdraws the votes that rest on decisions which do not hold any more; of
// those that may have been sent people are told.
func (d *Desk) doubtVotes(ctx context.Context, itemID string) error {
	var rows []store.VoteRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) error {
		all, err := tx.VotesOfItem(itemID)
		rows = rows[:0]
		for _, row := range all {
			if !row.State.Live() {
				continue
			}
			o, err := opinionOf(tx, row.ListID, itemID)
			if err != nil && !problem.Is(err, problem.Conflict) {
				return err
			}
			if !slices.Equal(o.Decisions, row.Decisions) {
				rows = append(rows, row)
			}
		}
		return err
	})
	for _, row := range rows {
		err = cmp.Or(err, d.doubt(ctx, row, "people opened the decision that it rests on again"))
	}
	return err
}

func (d *Desk) doubt(ctx context.Context, row store.VoteRow, why string) error {
	return d.ledger.Do(ctx, act(d.ledger.Itself(), mandate.ListVoteSend, mandate.PurposeListManagement, row.ListID), func(tx *ledger.Tx) error {
		now, err := tx.Vote(row.ID)
		if err != nil {
			return err
		}
		tx.Note("vote", row.ID)
		return d.moveVote(tx, now, vote.Event{Kind: vote.Doubt, Because: why})
	})
}
