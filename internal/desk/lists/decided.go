package lists

import (
	"context"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Candidate is an item that could become an entry, in words: nobody needs to see
// it for that.
type Candidate struct {
	// Item is its SHA-256 in hex.
	Item string
	// Category and Verification are what the entry would have, Frames how many frames of a
	// video.
	Category, Verification string
	Frames                 int
	// Looks says that a second person has to look first.
	Looks bool
	// Findings are those of authorities, at the Centre.
	Findings []store.FindingRow
}

// Proposal is a proposal with what stands in the way of confirming it.
type Proposal struct {
	store.ProposalRow
	// Waits is why it cannot be confirmed now; empty when it can be.
	Waits string
	// Category and Verification are what the entry would have or has, Frames how many frames
	// of a video.
	Category, Verification string
	Frames                 int
	// Findings are those of authorities, at the Centre.
	Findings []store.FindingRow
}

// Decided are the items that could become entries of an own list, and what was
// proposed.
type Decided struct {
	List       store.HashList
	Candidates []Candidate
	Proposals  []Proposal
	// ByAuthorities says that findings of authorities are the only ground here.
	ByAuthorities bool
}

// shownDecided is how many candidates and proposals are shown at once.
const shownDecided = 50

// Decided shows what could become an entry of an own list, and what was
// proposed, to those who keep lists.
func (d *Desk) Decided(ctx context.Context, actor mandate.Actor, list string) (Decided, error) {
	var found Decided
	err := d.ledger.Read(ctx, act(actor, mandate.ListConsult, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		found = Decided{List: head}
		if !head.Own {
			return nil
		}
		found.ByAuthorities = d.byAuthorities()
		ids, err := d.candidates(tx.Tx, list)
		if err != nil {
			return err
		}
		for _, id := range ids {
			g, err := d.groundOf(tx.Tx, head, id)
			if err == nil {
				err = known(tx.Tx, g.entry)
			}
			if problem.Is(err, problem.Invalid) || problem.Is(err, problem.Conflict) {
				continue // the list's table has no class for it, or the list has an entry for it
			}
			if err != nil {
				return err
			}
			found.Candidates = append(found.Candidates, Candidate{id, g.entry.Category, g.entry.Verification, g.entry.Frames, g.needsSecond(), g.findings})
		}
		proposals, err := tx.Proposals(list, shownDecided)
		if err != nil {
			return err
		}
		for _, row := range proposals {
			p := Proposal{ProposalRow: row}
			if row.State != store.ProposalRefused {
				g, err := d.groundOf(tx.Tx, head, row.ItemID)
				switch known := problem.From(err); {
				case err == nil && g.needsSecond():
					p.Waits = waitsForSecond
				case err != nil && known.Kind == problem.Internal:
					return err
				case err != nil:
					p.Waits = known.Reason
				}
				p.Category, p.Verification, p.Frames, p.Findings = g.entry.Category, g.entry.Verification, g.entry.Frames, g.findings
			}
			found.Proposals = append(found.Proposals, p)
		}
		tx.Note("candidates", len(found.Candidates))
		tx.Note("proposals", len(found.Proposals))
		return nil
	})
	return found, err
}

const waitsForSecond = "a second person has to look at the item first, without knowing the decision"

// Propose says that an item with a final reportable decision should become an
// entry of an own list. Where the profile wants a second look for that and only
// one person has looked, the item goes to the queue of second looks; its report
// must have been written before, because until then the decision is not final.
// It returns the proposal's id and whether a second look was asked for.
//
// Errors: Denied; NotFound; Conflict; Invalid.
func (d *Desk) Propose(ctx context.Context, actor mandate.Actor, list, itemID, why string) (id string, second bool, err error) {
	id = store.NewID("proposal")
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryPropose, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		second = false
		if err := checkReason(why); err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		g, err := d.groundOf(tx.Tx, head, itemID)
		if err != nil {
			return err
		}
		if err := known(tx.Tx, g.entry); err != nil {
			return err
		}
		if g.needsSecond() {
			if err := askSecond(tx, g); err != nil {
				return err
			}
			second = true
		}
		tx.Note("proposal", id)
		tx.Note("item", itemID)
		tx.Note("second_look", second)
		return tx.InsertProposal(store.ProposalRow{ID: id, ListID: list, ItemID: itemID, State: store.ProposalOpen, ProposedBy: actor.ID, ProposedAt: tx.Now, Reason: why})
	})
	return id, second, err
}

// askSecond sends the item to a second person.
func askSecond(tx *ledger.Tx, g ground) error {
	unreported, err := tx.CountUnreported(g.row.ID)
	if err != nil {
		return err
	}
	if unreported > 0 {
		return problem.New(problem.Conflict, "a second person has to look at the item for this, and no report tells of all its sightings yet: the report would have to wait", "let an analyst begin the report first")
	}
	after, _, err := g.assessment.Apply(item.Event{Kind: item.AskSecond, Triggers: []law.Trigger{law.TriggerNewListEntry}}, tx.Now)
	if err != nil {
		return err
	}
	if err := g.row.SetAssessment(after); err != nil {
		return err
	}
	return tx.UpdateItem(g.row)
}

// Confirm makes an entry of what another person proposed; matching follows at
// once. It returns the entry.
//
// Errors: Denied for the person who proposed it; NotFound; Conflict when it was
// settled already, a second look is wanting, or people no longer hold that the
// item is reportable.
func (d *Desk) Confirm(ctx context.Context, actor mandate.Actor, list, proposal string) (entry string, err error) {
	confirm := act(actor, mandate.ListEntryAdd, mandate.PurposeListManagement, list)
	confirm.Find = func(tx *store.Tx) (access.Resource, error) {
		row, err := tx.Proposal(list, proposal)
		return access.Resource{ID: list, Author: row.ProposedBy}, err
	}
	err = d.ledger.Do(ctx, confirm, func(tx *ledger.Tx) error {
		row, err := tx.Proposal(list, proposal)
		if err != nil {
			return err
		}
		if row.State != store.ProposalOpen {
			return problem.Newf(problem.Conflict, "the proposal is %s already", row.State)
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		g, err := d.groundOf(tx.Tx, head, row.ItemID)
		if err != nil {
			return err
		}
		if g.needsSecond() {
			return problem.New(problem.Conflict, waitsForSecond, "wait for it; the item is in the queue")
		}
		if err := known(tx.Tx, g.entry); err != nil {
			return err
		}
		g.entry.ID, g.entry.AddedVersion = store.NewID("entry"), version
		if err := g.put(tx); err != nil {
			return err
		}
		entry = g.entry.ID
		row.State, row.SettledBy, row.SettledAt, row.Decisions, row.EntryID = store.ProposalConfirmed, actor.ID, tx.Now, g.decisions, entry
		if err := tx.UpdateProposal(row, store.ProposalOpen); err != nil {
			return err
		}
		tx.Note("entry", entry)
		tx.Note("item", row.ItemID)
		tx.Note("proposal", proposal)
		tx.Note("decisions", g.decisions)
		tx.Note("verification", g.entry.Verification)
		if g.entry.Frames > 0 {
			tx.Note("frames", g.entry.Frames)
		}
		if err := d.publish(tx, list); err != nil {
			return err
		}
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: "confirmed: " + row.Reason, Added: 1})
	})
	return entry, err
}

// Refuse ends a proposal that was not confirmed, with a reason; whoever made it
// takes it back in the same way.
func (d *Desk) Refuse(ctx context.Context, actor mandate.Actor, list, proposal, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		row, err := tx.Proposal(list, proposal)
		if err != nil {
			return err
		}
		if row.State != store.ProposalOpen {
			return problem.Newf(problem.Conflict, "the proposal is %s already", row.State)
		}
		row.State, row.SettledBy, row.SettledAt, row.SettledReason = store.ProposalRefused, actor.ID, tx.Now, why
		tx.Note("proposal", proposal)
		tx.Note("refused", true)
		return tx.UpdateProposal(row, store.ProposalOpen)
	})
}

// Handle registers what the desk does when another desk changed an item, and the
// delivery of lists.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(store.ItemChangedJob, d.itemChanged)
	runner.Handle(deliverJob, d.deliver)
	runner.Handle(fetchJob, d.fetch)
	runner.Handle(voteJob, d.sendVote)
	runner.Handle(reasonsJob, d.readReasons)
	runner.Handle(store.QuarantineClockJob, d.quarantineClock)
}
