package triage

import (
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/store"
)

// withheld says whether everybody who told of an item took that back: then
// nobody is shown its content any more, though it may be here. It comes back when
// somebody else tells of the item. An authority that claimed a report about it
// goes on: evidence does not vanish by what a sender does.
//
// Errors: Denied when it is withheld.
func (d *Desk) withheld(tx *store.Tx, actor mandate.Actor, id string) error {
	live, err := tx.LiveSightings(id)
	if err != nil || live > 0 {
		return err
	}
	if d.investigates(actor) {
		claimed, err := tx.CountReferralsOfItem(id, string(referral.StandingClaimed), string(referral.StandingClaimed))
		if err != nil || claimed > 0 {
			return err
		}
	}
	return problem.New(problem.Denied, "whoever reported the item took that back", "a supervisor may erase what is here; the facts and the history remain")
}
