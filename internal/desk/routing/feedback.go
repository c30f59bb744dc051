package routing

import (
	"context"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// typeRated is what those who have a report say of its use and quality; its
// envelope is of the kind outcome.
const typeRated = "eu.brdo.report.rated.v1"

// Rate tells whoever reported, by a code of the profile, what a person of the
// Centre says of the use or quality of a report.
//
// Errors: Denied; NotFound; Invalid for a code that is not on the list; Conflict
// when it was said before.
func (d *Desk) Rate(ctx context.Context, actor mandate.Actor, id, code string) error {
	act := ledger.Act{Actor: actor, Action: mandate.ReportRate, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		received, err := tx.ReceivedReport(id)
		if err != nil {
			return err
		}
		_, m, err := matterOf(tx.Tx, id)
		if err != nil {
			return err
		}
		said := report.Feedback{Report: received.Reference, Profile: m.Profile, Code: code, By: report.FeedbackBy[0]}
		if err := d.keepFeedback(tx, id, d.options.Post.Self().NodeID, said); err != nil {
			return err
		}
		return d.tellFeedback(tx, received.Sender, id, received.Envelope, said)
	})
}

// RateReferral tells the Centre what a person of an authority says of the use or
// quality of a report that it claimed; the Centre passes it on without a name.
//
// Errors: as [Desk.Rate]; Conflict also before this authority has claimed it.
func (d *Desk) RateReferral(ctx context.Context, actor mandate.Actor, id, code string) error {
	act := ledger.Act{Actor: actor, Action: mandate.ReportRate, Purpose: mandate.PurposeInvestigation, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		v, err := d.referral(row)
		if err != nil {
			return err
		}
		if !slices.Contains(afterClaim, v.Value.Standing) {
			return problem.New(problem.Conflict, "this authority has not claimed the report", "claim it first")
		}
		said := report.Feedback{Report: row.Matter, Profile: v.Value.Profile, Code: code, By: report.FeedbackBy[1]}
		if err := d.keepFeedback(tx, id, d.options.Post.Self().NodeID, said); err != nil {
			return err
		}
		return d.tellFeedback(tx, row.Centre, id, row.Envelope, said)
	})
}

func (d *Desk) keepFeedback(tx *ledger.Tx, subject, source string, said report.Feedback) error {
	rules, err := d.rules(said.Profile)
	if err != nil {
		return problem.InvalidField("message.profile", "this node does not know the list "+said.Profile.String(), "use one that both nodes have").Because(err)
	}
	if err := said.Check(rules); err != nil {
		return err
	}
	tx.Note("feedback", said.Code)
	tx.Note("feedback_by", said.By)
	fresh, err := tx.InsertFeedback(store.FeedbackRow{
		ID: store.NewID("feedback"), Subject: subject, Source: source, By: said.By, Profile: said.Profile.String(), Code: said.Code, Decision: tx.EventID(), At: tx.Now,
	})
	if err == nil && !fresh {
		return problem.New(problem.Conflict, "this was said about the report already", "nothing more is needed")
	}
	return err
}

func (d *Desk) tellFeedback(tx *ledger.Tx, to, subject, replyTo string, said report.Feedback) error {
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: to, Kind: mandate.EnvelopeOutcome, Type: typeRated, Schema: "feedback-1", Subject: subject, Purpose: mandate.PurposeReporting,
		LegalBasis: "COM(2022) 209 Article 83(2)(a)", ReplyTo: replyTo, Body: said,
	})
	tx.Note("sent", envelope)
	return err
}

// takeFeedback takes in at the Centre what an authority's person says of a
// report, and passes it on to whoever reported, without the authority's name. The
// Centre decides nothing about it: it checks that the authority acts on the report.
func (d *Desk) takeFeedback(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	said, err := peer.ReadMessage[report.Feedback](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	_, m, err := matterOf(tx.Tx, said.Report)
	if err == nil || problem.Is(err, problem.NotFound) {
		err = actedOn(m, from)
	}
	if err != nil {
		return nil, err
	}
	received, err := tx.ReceivedReport(said.Report)
	if err != nil {
		return nil, err
	}
	said.By = report.FeedbackBy[1]
	err = d.keepFeedback(tx, received.ID, from.NodeID, said)
	if problem.Is(err, problem.Conflict) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	said.Report = received.Reference
	return nil, d.tellFeedback(tx, received.Sender, received.ID, received.Envelope, said)
}

// feedbackReceipted tells a person that whoever reported could not take in what
// was said.
func (d *Desk) feedbackReceipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	return tx.Alarm(sent.Subject, "what was said of the report was refused: "+receipt.Reason)
}
