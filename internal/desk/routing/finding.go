package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// typeAssessed is an authority's finding about one item; its envelope is of the
// kind outcome.
const typeAssessed = "eu.brdo.item.assessed.v1"

// classReportable is the class of the mapping of what is reported.
const classReportable = "yes"

// Finding is the message by which an authority tells what its person found about
// one item of a report after a diligent assessment (Article 36(1) of
// COM(2022) 209).
type Finding struct {
	Matter string `json:"matter"`
	// Item is the SHA-256 of the file in hex.
	Item      string `json:"item"`
	Confirmed bool   `json:"confirmed"`
	// Mapping and Class say what it was found to be, when it was confirmed.
	Mapping law.Ref `json:"mapping,omitzero"`
	Class   string  `json:"class,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	// Referral and Decision name the report and the recorded decision at the
	// authority.
	Referral string    `json:"referral"`
	Decision string    `json:"decision"`
	At       time.Time `json:"at"`
	// Turn numbers the authority's findings about the item: the latest holds.
	Turn int64 `json:"turn"`
}

// afterClaim are the standings after a claim: only who took a report over says
// what is in it.
var afterClaim = []referral.Standing{referral.StandingClaimed, referral.StandingFinishing, referral.StandingFinished}

// AssessItem records what an authority's person found about one item of a report
// that this authority has claimed, and tells the Centre. Where it was not
// confirmed, entries of lists that rest on it stop.
//
// Errors: Denied; Conflict before this authority has claimed the report; Invalid
// for an item that the report does not hold, or without a reason where it was
// not confirmed.
func (d *Desk) AssessItem(ctx context.Context, actor mandate.Actor, id, itemID string, confirmed bool, reason string) error {
	act := ledger.Act{Actor: actor, Action: mandate.OutcomeRecord, Purpose: mandate.PurposeInvestigation, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		v, err := d.referral(row)
		if err != nil {
			return err
		}
		switch {
		case !slices.Contains(afterClaim, v.Value.Standing):
			return problem.New(problem.Conflict, "this authority has not claimed the report", "claim it first")
		case !holds(v.Report, itemID):
			return problem.InvalidField("item", "the report does not hold it", "choose one of its files")
		case len(reason) > problem.MaxReason:
			return problem.InvalidField("reason", "it is longer than 1000 bytes", "say it shorter")
		case !confirmed && strings.TrimSpace(reason) == "":
			return problem.InvalidField("reason", "it is missing", "say why it is not confirmed; entries of lists stop by it")
		}
		return d.tellFinding(tx, row, itemID, confirmed, strings.TrimSpace(reason))
	})
}

// tellFinding keeps a finding of this authority and sends it to the Centre.
func (d *Desk) tellFinding(tx *ledger.Tx, row store.ReferralRow, itemID string, confirmed bool, reason string) error {
	self := d.options.Post.Self()
	before, _, err := ownFinding(tx, itemID, self)
	if err != nil {
		return err
	}
	message := Finding{Matter: row.Matter, Item: itemID, Confirmed: confirmed, Reason: reason, Referral: row.ID, Decision: tx.EventID(), At: tx.Now, Turn: before.Turn + 1}
	if confirmed {
		message.Mapping, message.Class = d.options.Reportable, classReportable
	}
	if err := keepFinding(tx, self, message); err != nil {
		return err
	}
	priority := peer.Normal
	if !confirmed {
		priority = peer.Urgent // what matches wrongly stops by it
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Centre, Kind: mandate.EnvelopeOutcome, Type: typeAssessed, Schema: "item-assessed-1", Subject: row.ID, Purpose: mandate.PurposeReporting,
		LegalBasis: "COM(2022) 209 Article 36", Priority: priority, ReplyTo: row.Envelope, Body: message,
	})
	tx.Note("finding_sent", envelope)
	return err
}

// ownFinding is the latest finding of a node about an item.
func ownFinding(tx *ledger.Tx, itemID string, of peer.Node) (f store.FindingRow, found bool, err error) {
	all, err := tx.Findings(itemID)
	for _, one := range all {
		if one.Authority == of.NodeID {
			return one, true, nil
		}
	}
	return f, false, err
}

// correctItems tells, when a person's assessment does not confirm a report, that
// its items are not confirmed either: an entry must not go on resting on them.
func (d *Desk) correctItems(tx *ledger.Tx, row store.ReferralRow) error {
	v, err := d.referral(row)
	if err != nil {
		return err
	}
	for _, item := range filesOf(v.Report) {
		held, found, err := ownFinding(tx, item, d.options.Post.Self())
		if err != nil {
			return err
		}
		if found && !held.Confirmed {
			continue
		}
		if err := d.tellFinding(tx, row, item, false, "the assessment does not confirm the report"); err != nil {
			return err
		}
	}
	return nil
}

// actedOn says whether an authority may tell what it found in a report: it has
// claimed it, though it may have finished or given it back since. What it found
// can overtake its claim on the way.
//
// Errors: Unavailable, so that it comes again, before the claim has arrived;
// Invalid for an authority that was never offered the report.
func actedOn(m referral.Matter, from peer.Node) error {
	for _, o := range m.Offers {
		switch {
		case o.Authority != from.NodeID:
		case slices.Contains([]referral.OfferState{referral.OfferClaimed, referral.OfferFinished, referral.OfferReleased}, o.State):
			return nil
		default:
			return problem.New(problem.Unavailable, "the claim of the report has not arrived", "send that first; this is tried again")
		}
	}
	return problem.InvalidField("message.matter", "this authority does not act on such a report", "claim it first")
}

func holds(r report.Report, itemID string) bool { return slices.Contains(filesOf(r), itemID) }

func keepFinding(tx *ledger.Tx, from peer.Node, f Finding) error {
	tx.Note("item", ledger.Named(f.Item))
	tx.Note("confirmed", f.Confirmed)
	tx.Note("turn", f.Turn)
	row := store.FindingRow{
		ID: store.NewID("finding"), ItemID: f.Item, Authority: from.NodeID, AuthorityName: from.Title, Referral: f.Referral, Confirmed: f.Confirmed,
		Class: f.Class, Reason: f.Reason, Decision: f.Decision, At: f.At, Turn: f.Turn,
	}
	if f.Confirmed {
		row.Mapping = f.Mapping.String()
	}
	return tx.InsertFinding(row)
}

// takeFinding takes in at the Centre what an authority found about an item. The
// desk of lists learns of it and stops what rests on it no more.
func (d *Desk) takeFinding(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	f, err := peer.ReadMessage[Finding](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	switch {
	case len(f.Reason) > problem.MaxReason, !f.Confirmed && f.Reason == "":
		return nil, problem.InvalidField("message.reason", "it is missing or longer than 1000 bytes", "say in a sentence why")
	case f.Decision == "" || len(f.Decision) > 100 || len(f.Referral) > 100 || len(f.Class) > 100:
		return nil, problem.InvalidField("message.decision", "it is missing, or an identifier is too long", "name the recorded decision")
	case f.Turn < 1 || f.Turn > 1_000_000 || f.At.IsZero() || f.At.After(tx.Now.Add(5*time.Minute)):
		return nil, problem.InvalidField("message.turn", "turn or time is out of range", "number the findings about an item from 1")
	case f.Confirmed && f.Class == "":
		return nil, problem.InvalidField("message.class", "it is missing", "say what it was found to be")
	}
	_, m, err := matterOf(tx.Tx, f.Matter)
	if err == nil || problem.Is(err, problem.NotFound) {
		err = actedOn(m, from)
	}
	if err != nil {
		return nil, err
	}
	received, err := tx.ReceivedReport(f.Matter)
	if err != nil {
		return nil, err
	}
	r, err := report.Parse(received.Body)
	if err != nil {
		return nil, err
	}
	if !holds(r, f.Item) {
		return nil, problem.InvalidField("message.item", "the report does not hold it", "name one of its files")
	}
	held, _, err := ownFinding(tx, f.Item, from)
	if err != nil {
		return nil, err
	}
	if held.Turn >= f.Turn {
		tx.Note("overtaken", true)
		return nil, nil // a later finding came first
	}
	if err := keepFinding(tx, from, f); err != nil {
		return nil, err
	}
	tx.Note("answer_state", from.Country) // for the figures of Article 83(3)(b)
	if _, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: store.ItemChangedJob, Payload: store.ItemChange{Item: f.Item}, Priority: job.PriorityUrgent}); err != nil {
		return nil, fmt.Errorf("telling of a finding: %w", err)
	}
	return nil, nil
}
