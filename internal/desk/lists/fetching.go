package lists

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/vote"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Fetching is how one exchange stands.
type Fetching struct {
	Name string
	Kind exchange.Kind
	// List is the one that follows it; without an identifier when none does.
	List store.HashList
	// FetchedList is how far it has come.
	store.FetchedList
	// Active counts the entries that are compared with, Records those of the exchange.
	Active, Records int64
	// Lag is how old the picture of the exchange is; negative when there is none.
	Lag time.Duration
	// Stale: no round succeeded for longer than the operator allows.
	Stale bool
	// Waiting counts the uploads that wait until the exchange has answered about them.
	Waiting int64
	// Votes counts what the exchange was or will be told.
	Votes map[vote.State]int64
	// Every and StaleAfter are as the operator set them.
	Every, StaleAfter time.Duration
}

// VotesOpen counts the votes that are not at the exchange as they should be.
func (f Fetching) VotesOpen() int64 {
	return f.Votes[vote.Queued] + f.Votes[vote.Sending] + f.Votes[vote.Refused] + f.Votes[vote.Outdated]
}

// FollowsExchange says that a list follows an exchange, and of which name.
func FollowsExchange(l store.HashList) (name string, is bool) { return exchanged(l) }

// Standing reads how an exchange stands.
func Standing(tx *store.Tx, e exchange.Exchange, now time.Time) (Fetching, error) {
	f := Fetching{Name: e.Name, Kind: e.Kind, Every: e.Every, StaleAfter: e.StaleAfter, Lag: -1}
	list, followed, err := tx.ListFollowing(e.Address(), "")
	if err != nil || !followed {
		return f, err
	}
	f.List = list
	if f.FetchedList, err = tx.FetchedList(list.ID); err != nil {
		return f, err
	}
	if !f.UpTo.IsZero() {
		f.Lag = now.Sub(f.UpTo)
	}
	f.Stale = stale(e, list, f.FetchedList, now)
	if f.Votes, err = tx.CountVotes(list.ID); err != nil {
		return f, err
	}
	if e.Kind == exchange.ArachnidShield {
		var oldest time.Time
		if f.Waiting, oldest, err = tx.CountLookups(e.Name); err != nil {
			return f, err
		}
		f.UpTo = now
		if f.Waiting > 0 {
			f.UpTo = oldest
		}
		f.Lag = now.Sub(f.UpTo)
		f.Stale = f.Lag > e.StaleAfter
	}
	counts, err := tx.CountListEntries(list.ID)
	if err != nil {
		return f, err
	}
	f.Active = counts[store.EntryActive]
	f.Records, _, err = tx.CountFetchedRecords(list.ID, 0)
	return f, err
}

// Exchanges tells how all configured exchanges stand.
//
// Errors: Denied.
func (d *Desk) Exchanges(ctx context.Context, actor mandate.Actor) (all []Fetching, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), ""), func(tx *ledger.Tx) error {
		all = nil
		for _, e := range d.exchanges {
			f, err := Standing(tx.Tx, e, tx.Now)
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		tx.Note("exchanges", len(all))
		return nil
	})
	return all, err
}

// Fetches says that an operator configured exchanges.
func (d *Desk) Fetches() bool { return len(d.exchanges) > 0 }
