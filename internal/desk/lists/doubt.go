package lists

import (
	"context"
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// settleDoubt keeps where an entry comes from true when people change it. An
// entry is brought back only while people hold that its item is reportable; it
// rests on their newest decisions then.
func (d *Desk) settleDoubt(tx *ledger.Tx, list string, entry store.ListEntry, state string, version int64) error {
	proposal, found, err := tx.ProposalOfEntry(entry.ID)
	if err != nil || !found {
		return err
	}
	if state == store.EntryActive && proposal.ErasedAt.IsZero() {
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		g, err := d.groundOf(tx.Tx, head, proposal.ItemID)
		if err != nil {
			return err
		}
		if g.needsSecond() {
			return problem.New(problem.Conflict, waitsForSecond, "withdraw the entry, or have a supervisor open the item again")
		}
		g.entry.ID, g.entry.AddedVersion = entry.ID, version
		if err := g.put(tx); err != nil {
			return err
		}
		proposal.Decisions = g.decisions
	}
	if state == store.EntryActive && !proposal.ErasedAt.IsZero() && proposal.Doubt != "" {
		return problem.New(problem.Conflict, "the decision was opened again and the item was erased since, so nobody can decide anew", "withdraw the entry")
	}
	if state != store.EntrySuspended {
		proposal.Doubt = ""
	}
	return tx.UpdateProposal(proposal, proposal.State)
}

// Why the node suspends an entry.
const (
	doubtReopened = "the decision changed: people look at the item again"
	doubtFound    = "an authority did not confirm it (COM(2022) 209 Article 36)"
)

// itemChanged suspends the entries that rest on a decision which people opened
// again or on what an authority does not confirm any more, and notes where an
// item was erased: its decisions stay, and with them the entry, but what was only
// proposed can no longer be looked at. Votes that rest on such a decision are withdrawn.
// It may run more than once.
func (d *Desk) itemChanged(ctx context.Context, running *job.Running) error {
	var change store.ItemChange
	if err := running.Payload(&change); err != nil {
		return err
	}
	var proposals []store.ProposalRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		proposals, err = tx.ProposalsOfItem(change.Item)
		return err
	})
	if err != nil {
		return err
	}
	node := d.ledger.Itself()
	for _, p := range proposals {
		err := d.ledger.Do(ctx, act(node, mandate.ListEntrySuspend, mandate.PurposeListManagement, p.ListID), func(tx *ledger.Tx) error {
			row, err := tx.Proposal(p.ListID, p.ID)
			if err != nil {
				return err
			}
			tx.Note("proposal", row.ID)
			tx.Note("item", row.ItemID)
			if change.Erased {
				return noteErased(tx, row)
			}
			return d.suspend(tx, row)
		})
		if err != nil {
			return fmt.Errorf("following item %s in a list: %w", change.Item, err)
		}
	}
	if change.Erased {
		return nil // the decision stays
	}
	return d.doubtVotes(ctx, change.Item)
}

func (d *Desk) suspend(tx *ledger.Tx, row store.ProposalRow) error {
	if row.State != store.ProposalConfirmed {
		return nil // nothing follows from it before it is confirmed, and that asks for a final decision
	}
	entry, err := tx.ListEntry(row.ListID, row.EntryID)
	if err != nil {
		return err
	}
	if entry.State == store.EntryWithdrawn || row.Doubt != "" {
		return nil
	}
	head, err := tx.List(row.ListID)
	if err != nil {
		return err
	}
	g, err := d.groundOf(tx.Tx, head, row.ItemID)
	switch known := problem.From(err); {
	case err == nil && (d.byAuthorities() || slices.Equal(g.decisions, row.Decisions)):
		return nil // one more authority found the same; or people decided anew, and brought it back on that
	case err != nil && known.Kind == problem.Internal:
		return err
	}
	doubt := doubtReopened
	if d.byAuthorities() {
		doubt = doubtFound
	}
	row.Doubt, row.DoubtAt = doubt, tx.Now
	if err := tx.UpdateProposal(row, row.State); err != nil {
		return err
	}
	tx.Note("entry", entry.ID)
	if entry.State == store.EntrySuspended {
		return nil
	}
	version, err := tx.NextListVersion(row.ListID)
	if err != nil {
		return err
	}
	if err := tx.SetListEntryState(row.ListID, entry.ID, store.EntrySuspended, doubt, "", version); err != nil {
		return err
	}
	if err := d.publish(tx, row.ListID); err != nil {
		return err
	}
	return tx.InsertListVersion(store.ListVersion{ListID: row.ListID, Version: version, At: tx.Now, By: "node", Reason: store.EntrySuspended + ": " + doubt, Changed: 1})
}

func noteErased(tx *ledger.Tx, row store.ProposalRow) error {
	was := row.State
	row.ErasedAt = tx.Now
	if was == store.ProposalOpen {
		row.State, row.SettledBy, row.SettledAt, row.SettledReason = store.ProposalRefused, "node", tx.Now, "the item was erased before another person confirmed it"
	}
	tx.Note("erased", true)
	return tx.UpdateProposal(row, was)
}
