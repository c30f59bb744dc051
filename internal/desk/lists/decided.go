package lists

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
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
	// Category and Verification are what the entry would have.
	Category, Verification string
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
	// Category and Verification are what the entry would have or has.
	Category, Verification string
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

// verifications are the levels by how many people agree.
var verifications = map[int]string{1: "single", 2: "double", 3: "triple"}

// mapping is the table whose class becomes the category of a list's entries.
func (d *Desk) mapping(l store.HashList) (law.Ref, error) {
	ref, err := law.ParseRef(l.Scheme)
	if err == nil {
		_, err = d.law.Mapping(ref)
	}
	if err != nil {
		return ref, problem.InvalidField("scheme", "it is no table of classes, from which a decision could give an entry its category", "name one of law/classes, for example csar-reportable@1").Because(err)
	}
	return ref, nil
}

// ground is what an entry would rest on.
type ground struct {
	row        store.ItemRow
	assessment item.Assessment
	entry      store.ListEntry
	decisions  []string
	// findings are those of authorities, at the Centre; row and assessment are
	// empty then.
	findings []store.FindingRow
}

// needsSecond reports whether the profile that the item began under wants a
// second look for a new entry, and only one person has looked.
func (g ground) needsSecond() bool {
	return len(g.findings) == 0 && g.assessment.Second == nil && len(g.assessment.Rules.SecondLook.Requires([]law.Trigger{law.TriggerNewListEntry})) > 0
}

// groundOf reads an item and derives the entry from what people decided.
//
// Errors: NotFound; Conflict when there is no final decision that the item is
// reportable, or it was erased; Invalid when the list's table gives no class.
func (d *Desk) groundOf(tx *store.Tx, list store.HashList, itemID string) (ground, error) {
	var g ground
	var err error
	if !list.Own {
		return g, problem.New(problem.Conflict, "the list is not one of this organisation's own", "choose an own list, or make one")
	}
	mapping, err := d.mapping(list)
	if err != nil {
		return g, err
	}
	if d.byAuthorities() {
		g.findings, err = tx.Findings(itemID)
		if err != nil {
			return g, err
		}
		return g, g.identified(list, mapping, itemID)
	}
	if g.row, err = tx.Item(itemID); err != nil {
		return g, err
	}
	if g.assessment, err = g.row.ReadAssessment(); err != nil {
		return g, err
	}
	final, is := g.assessment.Final()
	switch {
	case g.assessment.State == item.Erased:
		return g, problem.New(problem.Conflict, "the item was erased, so nobody could look at it again", "leave it out of the list")
	case !is:
		return g, problem.New(problem.Conflict, "the item has no final decision", "wait until people have decided and the time to take it back is over")
	case final.Outcome != item.Reportable:
		return g, problem.New(problem.Conflict, "people decided that the item is not reportable", "refuse the proposal, or withdraw the entry")
	}
	g.decisions = g.assessment.Decisions()
	g.entry = store.ListEntry{ListID: list.ID, Source: list.Source, Verification: verifications[g.assessment.Agreeing()], State: store.EntryActive}
	for _, class := range final.Classes {
		if class.Mapping == mapping && class.Class != law.Undetermined {
			g.entry.Category = class.Class
		}
	}
	if g.entry.Category == "" {
		return g, problem.InvalidField("scheme", fmt.Sprintf("the decision gives no class of %s", mapping), "choose a list with another category scheme")
	}
	return g, g.digests()
}

// digests takes the digests from the item. A PDQ of a picture too plain to be
// compared would match what it should not.
func (g *ground) digests() error {
	pdqHash := g.row.PDQ
	if g.row.PDQQuality < pdq.MinimumQuality {
		pdqHash = ""
	}
	for _, digest := range []struct {
		text string
		into *[]byte
	}{{g.row.MD5, &g.entry.MD5}, {g.row.SHA1, &g.entry.SHA1}, {g.row.ID, &g.entry.SHA256}, {pdqHash, &g.entry.PDQ}} {
		if digest.text == "" {
			continue
		}
		value, err := hex.DecodeString(digest.text)
		if err != nil {
			return fmt.Errorf("reading a digest of item %s: %w", g.row.ID, err)
		}
		*digest.into = value
	}
	g.entry.Identity = hashlist.SHA256.String() + ":" + g.row.ID
	return nil
}

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
			found.Candidates = append(found.Candidates, Candidate{id, g.entry.Category, g.entry.Verification, g.needsSecond(), g.findings})
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
				p.Category, p.Verification, p.Findings = g.entry.Category, g.entry.Verification, g.findings
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

// known refuses a file that the list has an entry for, in whatever state.
func known(tx *store.Tx, e store.ListEntry) error {
	for _, identity := range []string{
		e.Identity, fmt.Sprintf("%s:%x", hashlist.SHA1, e.SHA1), fmt.Sprintf("%s:%x", hashlist.MD5, e.MD5),
	} {
		held, err := tx.ListEntryByIdentity(e.ListID, identity)
		switch {
		case err == nil:
			return problem.New(problem.Conflict, "the list has an entry for this file already, and it is "+held.State, "change that entry")
		case !problem.Is(err, problem.NotFound):
			return err
		}
	}
	return nil
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
		if _, _, err := tx.PutListEntry(g.entry); err != nil {
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
		if _, _, err := tx.PutListEntry(g.entry); err != nil {
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

// Handle registers what the desk does when another desk changed an item, and the
// delivery of lists.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(store.ItemChangedJob, d.itemChanged)
	runner.Handle(deliverJob, d.deliver)
}

// Why the node suspends an entry.
const (
	doubtReopened = "the decision changed: people look at the item again"
	doubtFound    = "an authority did not confirm it (COM(2022) 209 Article 36)"
)

// itemChanged suspends the entries that rest on a decision which people opened
// again or on what an authority does not confirm any more, and notes where an item was erased: its decisions stay, and with them
// the entry, but what was only proposed can no longer be looked at. It may run
// more than once.
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
	node := mandate.Actor{Kind: mandate.Node, ID: "node", Organisation: d.ledger.NodeKind()}
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
	return nil
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
