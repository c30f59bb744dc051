package routing

import (
	"context"
	"fmt"

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

// takeOffer takes in a report that the Centre passes on.
func (d *Desk) takeOffer(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	offer, err := peer.ReadMessage[Offer](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	r, err := report.Parse(offer.Report)
	if err != nil {
		return nil, err
	}
	if _, err := d.options.Law.ReportForm(r.Profile); err != nil {
		return nil, problem.InvalidField("report.profile", "this node does not know the form "+r.Profile.String(), "send it under a version that both nodes have").Because(err)
	}
	row, known, err := tx.ReferralOf(from.NodeID, offer.Matter)
	if err != nil {
		return nil, err
	}
	if known {
		if err := notErased(tx.Tx, row.ID); err != nil {
			return nil, err
		}
		row.Offer, row.Envelope, row.Urgent = opened.Message, opened.ID, offer.Urgent
		for _, a := range offer.Additions {
			if err := d.keepAddition(tx, row, r, a); err != nil {
				return nil, err
			}
		}
		return nil, d.step(tx, row, referral.Step{Kind: referral.OfferedAgain})
	}
	rules, err := d.rules(d.options.Rules)
	if err != nil {
		return nil, err
	}
	value := referral.NewReferral(rules, offer.Matter, from.NodeID, offer.Urgent, tx.Now)
	body, err := written("a referral", value)
	if err != nil {
		return nil, err
	}
	row = store.ReferralRow{
		ID: store.NewID("referral"), Centre: from.NodeID, Matter: offer.Matter, Envelope: opened.ID, Reference: r.ID, Standing: string(value.Standing), Urgent: value.Urgent,
		Until: value.Until, Body: body, Offer: opened.Message, ReceivedAt: tx.Now, ChangedAt: tx.Now,
	}
	tx.Note("referral", row.ID)
	if err := tx.InsertReferral(row); err != nil {
		return nil, err
	}
	for _, a := range offer.Additions {
		if err := d.keepAddition(tx, row, r, a); err != nil {
			return nil, err
		}
	}
	if err := d.sight(tx, tell{row.ID, from.NodeID, offer.Provider, opened.ID}, r); err != nil {
		return nil, err
	}
	return nil, wake(tx, referralClock, row.ID, value.Until)
}

// step applies a step to a referral and sends what follows.
func (d *Desk) step(tx *ledger.Tx, row store.ReferralRow, step referral.Step) error {
	before, err := read[referral.Referral]("referral", row.ID, row.Body)
	if err != nil {
		return err
	}
	rules, err := d.rules(before.Profile)
	if err != nil {
		return err
	}
	after, effects, err := before.Apply(rules, step, tx.Now)
	if err != nil {
		return err
	}
	if row.Body, err = written("a referral", after); err != nil {
		return err
	}
	row.Standing, row.Until, row.ChangedAt = string(after.Standing), after.Until, tx.Now
	if err := tx.UpdateReferral(row); err != nil {
		return err
	}
	tx.Note("referral", row.ID)
	tx.Note("step", step.Kind)
	tx.Note("standing", after.Standing)
	if err := wake(tx, referralClock, row.ID, after.Until); err != nil {
		return err
	}
	for _, effect := range effects {
		if effect.Kind == referral.RaiseAlarm {
			if err := tx.Alarm(row.ID, effect.Reason); err != nil {
				return err
			}
			continue
		}
		if err := d.answer(tx, row, effect); err != nil {
			return err
		}
	}
	return nil
}

// answers are how an authority's answers travel.
var answers = map[referral.EffectKind]struct {
	kind  mandate.EnvelopeKind
	event referral.EventKind
	name  string
}{
	referral.SendClaim:   {mandate.EnvelopeClaim, referral.ClaimedBy, "eu.brdo.referral.claimed.v1"},
	referral.SendDecline: {mandate.EnvelopeClaim, referral.DeclinedBy, "eu.brdo.referral.declined.v1"},
	referral.SendRelease: {mandate.EnvelopeClaim, referral.ReleasedBy, typeReleased},
	referral.SendOutcome: {mandate.EnvelopeOutcome, referral.FinishedBy, typeFinished},
	referral.SendConsent: {mandate.EnvelopeCoordination, referral.Consent, "eu.brdo.coordination.consented.v1"},
}

const (
	typeReleased = "eu.brdo.referral.released.v1"
	typeFinished = "eu.brdo.referral.finished.v1"
)

func (d *Desk) answer(tx *ledger.Tx, row store.ReferralRow, effect referral.Effect) error {
	how := answers[effect.Kind]
	message := Answer{Matter: row.Matter, Kind: string(how.event), Turn: effect.Turn}
	switch effect.Kind {
	case referral.SendOutcome:
		message.Outcome = effect.Reason
	case referral.SendConsent:
		message.Lead = effect.Reason
	default:
		message.Reason = effect.Reason
	}
	priority := peer.Normal
	if row.Urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Centre, Kind: how.kind, Type: how.name, Schema: "referral-1", Subject: row.ID, Purpose: mandate.PurposeReporting,
		LegalBasis: "COM(2022) 209 Articles 36 and 48(3)", Priority: priority, ReplyTo: row.Envelope, Body: message,
	})
	tx.Note("sent", envelope)
	return err
}

// receipted takes note of the Centre's receipt of an answer: only now does this
// authority let go of what it gave back or finished.
func (d *Desk) receipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	row, err := tx.Referral(sent.Subject)
	if err != nil {
		return err
	}
	if receipt.Status == peer.Rejected {
		return tx.Alarm(row.ID, "the Centre refused this authority's answer: "+receipt.Reason)
	}
	envelope, err := peer.Parse(sent.Body)
	if err != nil {
		return err
	}
	if envelope.Type != typeReleased && envelope.Type != typeFinished {
		return nil
	}
	return d.step(tx, row, referral.Step{Kind: referral.Receipted})
}

// takeCoordination takes note of the others that act on a report.
func (d *Desk) takeCoordination(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	c, err := peer.ReadMessage[Coordination](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	if len(c.Act) > 100 || len(c.Titles) > 100 {
		return nil, problem.InvalidField("message", "it names more than 100 organisations", "see docs/referral.md")
	}
	row, known, err := tx.ReferralOf(from.NodeID, c.Matter)
	if err != nil {
		return nil, err
	}
	if !known {
		if d.options.Ledger.NodeKind() != mandate.Eurojust {
			return nil, problem.InvalidField("message.matter", "this report was never offered here", "offer it first")
		}
		// Eurojust holds no report; that authorities act together is what it keeps.
		return nil, tx.Alarm(c.Matter, fmt.Sprintf("%d authorities act on one report of %s", len(c.Act), from.Title))
	}
	return nil, d.step(tx, row, referral.Step{Kind: referral.Coordinated, Others: c.Act, Titles: c.Titles, Lead: c.Lead, Turn: c.Turn})
}

func (d *Desk) strikeReferral(ctx context.Context, running *job.Running) error {
	return d.strike(ctx, running, func(tx *ledger.Tx, id string) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		if row.Until.IsZero() || tx.Now.Before(row.Until) {
			return nil // overtaken
		}
		return d.step(tx, row, referral.Step{Kind: referral.Reminded})
	})
}

// act is a person's decision about a referral.
func (d *Desk) act(ctx context.Context, actor mandate.Actor, id string, step referral.Step) error {
	action := mandate.ReportClaim
	if step.Kind == referral.Finish {
		action = mandate.OutcomeRecord
	}
	act := ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeInvestigation, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		if err := problem.TooLong("reason", step.Reason, problem.MaxReason); err != nil {
			return err
		}
		step.Person, step.Decision = actor.ID, tx.EventID()
		if err := d.step(tx, row, step); err != nil || step.Kind != referral.Finish || step.Outcome != referral.OutcomeUnlawfulNot {
			return err
		}
		return d.correctItems(tx, row)
	})
}

// Claim makes this authority responsible for a report.
func (d *Desk) Claim(ctx context.Context, actor mandate.Actor, id string) error {
	return d.act(ctx, actor, id, referral.Step{Kind: referral.Claim})
}

// Decline says, with a reason, that this authority does not act on a report.
func (d *Desk) Decline(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.act(ctx, actor, id, referral.Step{Kind: referral.Decline, Reason: reason})
}

// Release gives a claimed report back, with a reason.
func (d *Desk) Release(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.act(ctx, actor, id, referral.Step{Kind: referral.Release, Reason: reason})
}

// Finish says what became of a claimed report.
func (d *Desk) Finish(ctx context.Context, actor mandate.Actor, id, outcome string) error {
	return d.act(ctx, actor, id, referral.Step{Kind: referral.Finish, Outcome: outcome})
}

// PreferLead says who should lead when several act.
func (d *Desk) PreferLead(ctx context.Context, actor mandate.Actor, id, lead string) error {
	return d.act(ctx, actor, id, referral.Step{Kind: referral.PreferLead, Lead: lead})
}
