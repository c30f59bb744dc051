package lists

import (
	"context"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// Heads are all lists in the order of their names, without the counts of
// [Desk.Lists], which cost time in large lists.
func (d *Desk) Heads(ctx context.Context, actor mandate.Actor) (heads []store.HashList, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), ""), func(tx *ledger.Tx) (err error) {
		heads, err = tx.Lists()
		tx.Note("lists", len(heads))
		return err
	})
	return heads, err
}

// Head is one list without its counts.
//
// Errors: Denied; NotFound.
func (d *Desk) Head(ctx context.Context, actor mandate.Actor, id string) (head store.HashList, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), id), func(tx *ledger.Tx) (err error) {
		head, err = tx.List(id)
		return err
	})
	return head, err
}

// Following is how far a list that follows one of another organisation has come.
type Following struct {
	store.HashList
	// Last is the latest change; zero when nothing came yet.
	Last store.ListVersion
	// Active counts the entries that are compared with.
	Active int64
	// Fetching is how the exchange stands, for a list that follows a configured one.
	Fetching *Fetching
}

// Followed tells how far a list follows.
//
// Errors: Denied; NotFound, also for a list that follows nobody.
func (d *Desk) Followed(ctx context.Context, actor mandate.Actor, id string) (f Following, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), id), func(tx *ledger.Tx) (err error) {
		if f.HashList, err = tx.List(id); err != nil {
			return err
		}
		if f.SourceNode == "" {
			return problem.New(problem.NotFound, "the list follows no other organisation", "a list manager makes lists that do")
		}
		if name, is := exchanged(f.HashList); is {
			if e, known := exchange.ByName(d.exchanges, name); known {
				standing, err := Standing(tx.Tx, e, tx.Now)
				if err != nil {
					return err
				}
				f.Fetching = &standing
			}
		}
		versions, err := tx.ListVersions(id, 1)
		if err != nil {
			return err
		}
		if len(versions) > 0 {
			f.Last = versions[0]
		}
		counts, err := tx.CountListEntries(id)
		f.Active = counts[store.EntryActive]
		return err
	})
	return f, err
}

// Indexed is how many hashes the live index holds.
func (d *Desk) Indexed(ctx context.Context, actor mandate.Actor) (counts match.Counts, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), ""), func(*ledger.Tx) error {
		counts = d.index.Counts()
		return nil
	})
	return counts, err
}

// Numbered is one entry by its number, see [store.EntryNumber], with the head of
// its list. It reads the whole list, so it is for people who look up a single one.
//
// Errors: Denied; NotFound; Conflict when two entries of the list have the number.
func (d *Desk) Numbered(ctx context.Context, actor mandate.Actor, list string, number int64) (head store.HashList, entry store.ListEntry, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), list), func(tx *ledger.Tx) (err error) {
		if head, err = tx.List(list); err != nil {
			return err
		}
		entry, err = tx.ListEntryNumbered(list, number)
		tx.Note("entries", 1)
		return err
	})
	return head, entry, err
}

// Decline is the answer to a machine that asks for what only people do here, or what
// nobody does, in a form that other systems know: the attempt is logged and refused,
// whatever the policy of the organisation permits.
//
// Errors: Denied, always.
func (d *Desk) Decline(ctx context.Context, actor mandate.Actor, action mandate.Action, list, reason, remedy string) error {
	return d.ledger.Do(ctx, act(actor, action, mandate.PurposeListManagement, list), func(*ledger.Tx) error {
		return problem.New(problem.Denied, reason, remedy)
	})
}
