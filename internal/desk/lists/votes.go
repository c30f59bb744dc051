package lists

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/vote"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	voteJob    = "list.vote"
	reasonsJob = "list.vote.reasons"
	// maxRecordsOfEntry is how many records of one entry are voted on at once.
	maxRecordsOfEntry = 50
	// rereadReasons is how old the reasons of votes may be.
	rereadReasons = 24 * time.Hour
)

// voted are the digests that votes are about. Only an equal digest tells that people saw
// the file of the entry; one that looks alike says nothing about it.
var voted = []hashlist.Kind{hashlist.SHA1, hashlist.MD5}

// Opinion is what the final decision of people here says about an entry of an exchange.
type Opinion struct {
	// Item is its SHA-256 in hex, Decisions what people decided about it.
	Item      string
	Decisions []string
	// Affirmative: they found it reportable; else not.
	Affirmative bool
	Entry       store.ListEntry
	// Kind is the digest that the item and the entry have in common.
	Kind hashlist.Kind
	// Records are those of the exchange that stand for the entry.
	Records []string
}

// Votes are what the decisions here say about the entries of a list that follows an
// exchange, and what the exchange was told.
type Votes struct {
	List store.HashList
	// Exchange is its name; Takes: it takes votes from here.
	Exchange string
	Takes    bool
	// Opinions are those that nobody approved, the newest decision first.
	Opinions []Opinion
	// Reasons are those of negative votes, by the name of the digest.
	Reasons map[string][]store.VoteReason
	// NoReasons says why they could not be read last.
	NoReasons string
	Votes     []store.VoteRow
}

// voter is where the votes about a list go.
func (d *Desk) voter(l store.HashList) (e exchange.Exchange, voter exchange.Voter, takes bool) {
	name, _ := exchanged(l)
	e, found := exchange.ByName(d.exchanges, name)
	if !found {
		return e, nil, false
	}
	voter, takes = e.Voter()
	return e, voter, takes
}

// TakesVotes says that a list follows an exchange that takes votes from here.
func (d *Desk) TakesVotes(l store.HashList) bool {
	_, _, takes := d.voter(l)
	return takes
}

// Votes shows the votes about a list's entries to those who keep lists.
//
// Errors: Denied; NotFound.
func (d *Desk) Votes(ctx context.Context, actor mandate.Actor, list string) (Votes, error) {
	var v Votes
	err := d.ledger.Read(ctx, act(actor, mandate.ListConsult, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		v = Votes{List: head, Reasons: map[string][]store.VoteReason{}}
		e, _, takes := d.voter(head)
		v.Exchange, v.Takes = e.Name, takes
		if v.Votes, err = tx.Votes(list, shownDecided); err != nil {
			return err
		}
		if takes {
			rows, err := tx.ItemsToVoteOn(list, [2]string{string(item.Reportable), string(item.NotReportable)}, shownDecided)
			if err != nil {
				return err
			}
			for _, row := range rows {
				o, err := opinionOf(tx.Tx, list, row.ID)
				if problem.Is(err, problem.Conflict) {
					continue // the decision is not final, or the exchange holds the entry no more
				}
				if err != nil {
					return err
				}
				v.Opinions = append(v.Opinions, o)
			}
			if _, v.NoReasons, err = tx.VoteReasonsRead(e.Name); err != nil {
				return err
			}
			for _, kind := range voted {
				if v.Reasons[kind.String()], err = tx.VoteReasons(e.Name, kind.String()); err != nil {
					return err
				}
			}
		}
		tx.Note("opinions", len(v.Opinions))
		tx.Note("votes", len(v.Votes))
		return nil
	})
	return v, err
}

// opinionOf derives from the decisions about an item what they say of a list's entry.
//
// Errors: NotFound; Conflict when no final decision says anything, or no record of the
// exchange has the file.
func opinionOf(tx *store.Tx, list, itemID string) (Opinion, error) {
	o := Opinion{Item: itemID}
	row, err := tx.Item(itemID)
	if err != nil {
		return o, err
	}
	assessment, err := row.ReadAssessment()
	if err != nil {
		return o, err
	}
	final, is := assessment.Final()
	if !is || (final.Outcome != item.Reportable && final.Outcome != item.NotReportable) {
		return o, problem.New(problem.Conflict, "no final decision of people here says that the item is reportable, or that it is not", "wait until people have decided")
	}
	o.Affirmative, o.Decisions = final.Outcome == item.Reportable, assessment.Decisions()
	for _, o.Kind = range voted {
		digest := map[hashlist.Kind]string{hashlist.SHA1: row.SHA1, hashlist.MD5: row.MD5}[o.Kind]
		if o.Entry, err = tx.ListEntryByIdentity(list, o.Kind.String()+":"+digest); err == nil {
			break
		}
		if !problem.Is(err, problem.NotFound) {
			return o, err
		}
	}
	if err != nil {
		return o, problem.New(problem.Conflict, "the list has no entry of this file", "a picture that looks alike says nothing about an entry")
	}
	records, err := tx.FetchedRecordsOf(list, o.Entry.ID, maxRecordsOfEntry)
	if err != nil {
		return o, err
	}
	if len(records) == 0 {
		return o, problem.New(problem.Conflict, "the exchange holds no record of this file any more", "nothing is left to do")
	}
	for _, r := range records {
		o.Records = append(o.Records, r.Record)
	}
	return o, nil
}

// Approval is what a person approves that an exchange is told.
type Approval struct {
	// Item is what people decided about; Affirmative is what the person was shown of that.
	Item        string
	Affirmative bool
	// GUID is the exchange's reason; of negative votes only.
	GUID string
	// Why is for those who look at it here later; it is not sent.
	Why string
}

// Vote records that a person approves that the exchange is told what people here found of
// the records of one entry. From then on the node sends it until the exchange has answered;
// by itself it sends none.
//
// Errors: Denied; NotFound; Conflict when the decision is not final or another one, when a
// vote about the item stands, or when the exchange takes none from here; Invalid.
func (d *Desk) Vote(ctx context.Context, actor mandate.Actor, list string, a Approval) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListVote, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(a.Why); err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		e, _, takes := d.voter(head)
		if !takes {
			return problem.New(problem.Conflict, "the list follows no exchange that takes votes from here", "let an operator set votes for the exchange, if its rules allow it")
		}
		o, err := opinionOf(tx.Tx, list, a.Item)
		if err != nil {
			return err
		}
		if o.Affirmative != a.Affirmative {
			return problem.New(problem.Conflict, "people decided otherwise meanwhile", "load the page again")
		}
		standing, err := tx.VotesOfItem(a.Item)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(standing, func(v store.VoteRow) bool { return v.ListID == list && v.State.Live() }) {
			return problem.New(problem.Conflict, "a vote about this item stands already", "load the page again")
		}
		reason, err := reasonOf(tx.Tx, e.Name, o, a)
		if err != nil {
			return err
		}
		for _, record := range o.Records {
			row := store.VoteRow{
				ID: store.NewID("vote"), ListID: list, EntryID: o.Entry.ID, Record: record, ItemID: o.Item, Fingerprint: o.Kind.String(), Affirmative: o.Affirmative,
				GUID: reason.GUID, Reason: reason.Name, Decisions: o.Decisions, ApprovedBy: actor.ID, ApprovedAt: tx.Now, Why: a.Why, Vote: vote.Vote{State: vote.Queued},
			}
			if err := tx.InsertVote(row); err != nil {
				return err
			}
			if _, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: voteJob, UniqueKey: row.ID, Payload: row.ID}); err != nil {
				return err
			}
		}
		tx.Note("exchange", e.Name)
		tx.Note("item", o.Item)
		tx.Note("entry", o.Entry.ID)
		tx.Note("decisions", o.Decisions)
		tx.Note("affirmative", o.Affirmative)
		tx.Note("votes", len(o.Records))
		return nil
	})
}

// reasonOf is the reason that a negative vote gives.
func reasonOf(tx *store.Tx, exchange string, o Opinion, a Approval) (store.VoteReason, error) {
	if o.Affirmative {
		if a.GUID != "" {
			return store.VoteReason{}, problem.InvalidField("guid", "a vote that an entry is right gives no reason", "leave it out")
		}
		return store.VoteReason{}, nil
	}
	all, err := tx.VoteReasons(exchange, o.Kind.String())
	if err != nil {
		return store.VoteReason{}, err
	}
	at := slices.IndexFunc(all, func(r store.VoteReason) bool { return r.GUID == a.GUID })
	if at < 0 {
		return store.VoteReason{}, problem.InvalidField("guid", "it is none of the exchange's reasons", "choose one that it names; they are read with the list")
	}
	return all[at], nil
}

// RecallVote takes back what a person approved and was not sent yet.
//
// Errors: Denied; NotFound; Conflict when it may have been sent; Invalid without a reason.
func (d *Desk) RecallVote(ctx context.Context, actor mandate.Actor, list, id, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListVote, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		row, err := tx.Vote(id)
		if err != nil {
			return err
		}
		if row.ListID != list {
			return store.NotFound("vote", id)
		}
		tx.Note("vote", id)
		return d.moveVote(tx, row, vote.Event{Kind: vote.Recall, Because: why})
	})
}

// moveVote applies an event to a vote and tells people where they have to know.
func (d *Desk) moveVote(tx *ledger.Tx, row store.VoteRow, event vote.Event) error {
	next, effects, err := row.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	was := row.Vote
	row.Vote, row.Problem = next, ""
	tx.Note("state", string(next.State))
	if err := tx.MoveVote(row, was); err != nil {
		return err
	}
	for range effects {
		if err := tx.Alarm(row.ListID, fmt.Sprintf("a vote about an entry of the exchange is %s: %s", next.State, next.Because)); err != nil {
			return err
		}
	}
	return nil
}
