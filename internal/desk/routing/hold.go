package routing

import (
	"context"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// holdRules is the profile of holds.
const holdRules = "holds/csar"

// HoldRequest is the message by which an authority asks that a user is not
// informed yet, through the Centre to whoever reported (Article 48(6) and (7) of
// COM(2022) 209).
type HoldRequest struct {
	// Matter is the Centre's name of the report; Report is the provider's, in
	// what the Centre passes on.
	Matter string `json:"matter,omitempty"`
	Report string `json:"report,omitempty"`
	// Hold names who asks, on which basis, why and until when.
	Hold hold.Hold `json:"hold"`
}

// Wait asks, by an authority's person, that the user concerned by a report is
// not informed before a time.
//
// Errors: Invalid without a reason, or for an end that the law does not allow;
// Conflict when this authority has not claimed the report.
func (d *Desk) Wait(ctx context.Context, actor mandate.Actor, id string, until time.Time, reason string) error {
	act := ledger.Act{Actor: actor, Action: mandate.NoticeHold, Purpose: mandate.PurposeUserInformation, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		if row.Standing != string(referral.StandingClaimed) {
			return problem.New(problem.Conflict, "this authority has not claimed the report", "claim it first")
		}
		rules, err := d.options.Law.LatestHoldRules(holdRules)
		if err != nil {
			return err
		}
		rule, _ := rules.Hold(string(hold.NoInform))
		asked := hold.Hold{Requester: d.options.Post.Self().Title, LegalBasis: rule.Longest.Article, Reason: reason, From: tx.Now, Until: until}
		if err := asked.Check(time.Time{}, rule.Longest.Length, rule.Longest.Article, tx.Now); err != nil {
			return err
		}
		if err := problem.TooLong("reason", reason, problem.MaxReason); err != nil {
			return err
		}
		tx.Note("until", until)
		return d.pass(tx, row.Centre, row.ID, "", HoldRequest{Matter: row.Matter, Hold: asked})
	})
}

// pass sends a request; replyTo names the one that it passes on.
func (d *Desk) pass(tx *ledger.Tx, to, subject, replyTo string, request HoldRequest) error {
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: to, Kind: mandate.EnvelopeHold, Type: "eu.brdo.hold.requested.v1", Schema: "hold-1", Subject: subject, Purpose: mandate.PurposeUserInformation,
		LegalBasis: "COM(2022) 209 Article 48(6)", Priority: peer.Urgent, ReplyTo: replyTo, Body: request,
	})
	tx.Note("sent", envelope)
	return err
}

// takeHold passes an authority's request on to whoever reported. The Centre
// decides nothing about it: it checks that the authority acts on the report.
func (d *Desk) takeHold(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	request, err := peer.ReadMessage[HoldRequest](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	_, m, err := matterOf(tx.Tx, request.Matter)
	if problem.Is(err, problem.NotFound) || err == nil && !slices.Contains(m.Claimants(), from.NodeID) {
		return nil, problem.InvalidField("message.matter", "this authority does not act on such a report", "claim it first")
	}
	if err != nil {
		return nil, err
	}
	received, err := tx.ReceivedReport(request.Matter)
	if err != nil {
		return nil, err
	}
	request.Matter, request.Report, request.Hold.Requester = "", received.Reference, from.Title
	return nil, d.pass(tx, received.Sender, received.ID, opened.ID, request)
}

// holdAnswered raises an alarm when a request to wait was refused: the user may
// be informed although an authority asked not to.
func (d *Desk) holdAnswered(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	if err := tx.Alarm(sent.Subject, "the request not to inform the user was refused: "+receipt.Reason); err != nil {
		return err
	}
	if d.options.Ledger.NodeKind() != mandate.Centre {
		return nil
	}
	// The authority has to know; it asked by the envelope that this one answers.
	envelope, err := peer.Parse(sent.Body)
	if err != nil {
		return err
	}
	_, m, err := matterOf(tx.Tx, sent.Subject)
	if err != nil {
		return err
	}
	for _, o := range m.Offers {
		_, found, err := tx.EnvelopeIn(o.Authority, envelope.ReplyTo)
		if err != nil {
			return err
		}
		if found {
			return d.options.Post.Answer(tx, peer.Origin{Source: o.Authority, ID: envelope.ReplyTo}, peer.Rejected, receipt.Reason)
		}
	}
	return nil
}
