package lists

import (
	"context"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// A list of benign look-alikes keeps pictures from people's eyes, so whoever could fill one alone
// could hide what a list knows. It counts only as two people saw it: one asks that it counts,
// another confirms the very version, and from then on it takes no more entries. Both are
// versions of the list.
const (
	benignRequested = "benign-request"
	benignConfirmed = "benign"
)

// AskBenign records that a person asks that a list of benign look-alikes counts, and returns the
// request's number with which another person confirms it (see [Desk.ConfirmBenign]).
//
// Errors: Denied; NotFound; Conflict for another list, or one that counts already; Invalid without
// a reason.
func (d *Desk) AskBenign(ctx context.Context, actor mandate.Actor, list, why string) (request int64, err error) {
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		if err := unconfirmed(tx, list); err != nil {
			return err
		}
		if request, err = tx.NextListVersion(list); err != nil {
			return err
		}
		tx.Note("benign_requested", request)
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: request, At: tx.Now, By: actor.ID, Reason: "asked that these look-alikes count: " + why, Format: benignRequested})
	})
	return request, err
}

// ConfirmBenign lets a list of benign look-alikes count, as it was when another person asked for
// it.
//
// Errors: Denied for whoever asked, or when nobody did; NotFound; Conflict when the list changed
// since, or counts already.
func (d *Desk) ConfirmBenign(ctx context.Context, actor mandate.Actor, list string, request int64) error {
	confirm := act(actor, mandate.ListEntryAdd, mandate.PurposeListManagement, list)
	confirm.Find = func(tx *store.Tx) (access.Resource, error) {
		asked, err := benignRequest(tx, list, request)
		return access.Resource{ID: list, Author: asked.By}, err
	}
	return d.ledger.Do(ctx, confirm, func(tx *ledger.Tx) error {
		if err := unconfirmed(tx, list); err != nil {
			return err
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		if version != request+1 {
			return problem.New(problem.Conflict, "the list changed since this was asked for", "look at it and ask again")
		}
		entries, err := tx.CountListEntries(list)
		if err != nil {
			return err
		}
		tx.Note("benign_confirmed", version)
		tx.Note("request", request)
		tx.Note("entries", entries[store.EntryActive])
		if err := tx.ConfirmBenign(list, version); err != nil {
			return err
		}
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: "confirmed: these look-alikes count", Format: benignConfirmed})
	})
}

func unconfirmed(tx *ledger.Tx, list string) error {
	head, err := tx.List(list)
	switch {
	case err != nil:
		return err
	case !head.Benign:
		return problem.New(problem.Conflict, "it is no list of benign look-alikes", "make one")
	case head.BenignConfirmed > 0:
		return problem.New(problem.Conflict, "the list counts already", "suspend it if it should not")
	}
	return nil
}

// benignRequest is the request of a number; empty when there is none.
func benignRequest(tx *store.Tx, list string, request int64) (store.ListVersion, error) {
	versions, err := tx.ListVersions(list, requestReach)
	for _, v := range versions {
		if v.Format == benignRequested && v.Version == request {
			return v, err
		}
	}
	return store.ListVersion{}, err
}
