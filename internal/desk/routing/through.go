package routing

import (
	"context"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// AskThrough records that a person of an authority asks whoever reported for
// fields of a report that is offered to it or that it claimed. The question goes
// through the Centre; the answer comes to everybody who has the report. No clock
// of the report waits for it.
//
// Errors: Denied; NotFound; Invalid for fields that cannot be asked for; Conflict
// when this authority has nothing to do with the report any more, or asks for the
// same field already.
func (d *Desk) AskThrough(ctx context.Context, actor mandate.Actor, id string, fields []string) (question string, err error) {
	err = d.options.Ledger.Do(ctx, d.asking(actor, id), func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		v, err := d.referral(row)
		if err != nil {
			return err
		}
		if !v.MayAsk() {
			return problem.New(problem.Conflict, "this authority does not act on the report", "claim it first")
		}
		if err := report.CheckFields(v.Form, fields); err != nil {
			return err
		}
		waiting, err := asksFor(tx.Tx, id, fields)
		if err != nil {
			return err
		}
		if len(waiting) > 0 {
			return problem.Newf(problem.Conflict, "an open question asks for %s already", waiting[0].Value.Fields[0])
		}
		about := asked{id, row.Centre, row.Envelope, row.Matter, v.Value.Profile, row.Urgent}
		question, err = d.sendQuestion(tx, about, report.Question{Fields: fields, Asker: actor.ID, Asked: tx.EventID()})
		return err
	})
	return question, err
}

// MayAsk says that people of this authority may ask whoever reported.
func (r Referral) MayAsk() bool {
	return r.Value.Standing == referral.StandingOffered || r.Value.Standing == referral.StandingClaimed
}

// takeAsk passes an authority's question on to whoever reported, without its
// name. The Centre decides nothing about it: it checks that the authority was
// offered the report. What is asked for already is not asked twice.
//
// Errors: Invalid, which rejects it with a receipt: for a report that the
// authority was not offered or that has ended, and for fields that cannot be
// asked for.
func (d *Desk) takeAsk(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	ask, err := peer.ReadMessage[report.Ask](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	received, m, form, err := d.askable(tx, ask.Report, ask.Fields)
	if problem.Is(err, problem.Conflict) {
		known := problem.From(err)
		return nil, problem.InvalidField("message.report", known.Reason, known.Remedy)
	}
	if problem.Is(err, problem.NotFound) || err == nil && !slices.ContainsFunc(m.Offers, func(o referral.Offer) bool { return o.Authority == from.NodeID }) {
		return nil, problem.InvalidField("message.report", "this authority was not offered such a report", "name a report that it was offered")
	}
	if err != nil {
		return nil, err
	}
	tx.Note("report", received.ID)
	requester := report.Requester{Node: from.NodeID, Envelope: opened.ID}
	waiting, err := asksFor(tx.Tx, received.ID, ask.Fields)
	if err != nil {
		return nil, err
	}
	fresh := slices.Clone(ask.Fields)
	for _, q := range waiting {
		fresh = slices.DeleteFunc(fresh, func(field string) bool { return slices.Contains(q.Value.Fields, field) })
		q.Value.For = append(q.Value.For, requester)
		if err := d.keepQuestion(tx, q); err != nil {
			return nil, err
		}
	}
	if err := tx.Alarm(received.ID, from.Title+" asks, through the Centre, for what the report lacks"); err != nil || len(fresh) == 0 {
		return nil, err
	}
	_, err = d.askSender(tx, received, m, form, report.Question{Fields: fresh, For: []report.Requester{requester}})
	return nil, err
}

// keepQuestion writes a question whose state does not change.
func (d *Desk) keepQuestion(tx *ledger.Tx, q Question) (err error) {
	if q.Row.Body, err = written("a question", q.Value); err != nil {
		return err
	}
	q.Row.ChangedAt = tx.Now
	return tx.UpdateQuestion(q.Row)
}

// takeAskBack takes note at the Centre that an authority does not want an answer
// any more. Where nobody else does, the question is withdrawn.
func (d *Desk) takeAskBack(tx *ledger.Tx, from peer.Node, a peer.Amendment) (done peer.Amended, err error) {
	question, err := peer.Parse(a.Original.Body)
	if err != nil {
		return done, err
	}
	offer, err := tx.EnvelopeOut(question.ReplyTo)
	if problem.Is(err, problem.NotFound) || err == nil && offer.Recipient != from.NodeID {
		return done, nil // rejected before
	}
	if err != nil {
		return done, err
	}
	all, err := questionsAbout(tx.Tx, offer.Subject)
	if err != nil {
		return done, err
	}
	requester := report.Requester{Node: from.NodeID, Envelope: a.Original.ID}
	for _, q := range all {
		if !q.Value.Waits() || !slices.Contains(q.Value.For, requester) {
			continue
		}
		q.Value.For = slices.DeleteFunc(slices.Clone(q.Value.For), func(r report.Requester) bool { return r == requester })
		if err := d.keepQuestion(tx, q); err != nil {
			return done, err
		}
		if len(q.Value.For) > 0 || q.Value.Asker != "" {
			continue
		}
		row, err := tx.Question(q.Row.ID)
		if err != nil {
			return done, err
		}
		if err := d.withdraw(tx, row, report.QuestionEvent{Kind: report.QuestionTakenBack, Reason: a.Reason}); err != nil {
			return done, err
		}
	}
	return done, nil
}

// refuseRequesters tells the authorities for whom the Centre asked that there
// will be no answer.
func (d *Desk) refuseRequesters(tx *ledger.Tx, q report.Question) error {
	for _, r := range q.For {
		err := d.options.Post.Answer(tx, peer.Origin{Source: r.Node, ID: r.Envelope}, peer.Rejected, q.Reason)
		if err != nil && !problem.Is(err, problem.Conflict) { // it was told before, of another part
			return err
		}
	}
	return nil
}

// settleAsked ends the questions of this authority about a report whose fields
// were all answered since.
func (d *Desk) settleAsked(tx *ledger.Tx, subject string) error {
	all, err := questionsAbout(tx.Tx, subject)
	if err != nil {
		return err
	}
	for _, q := range all {
		if q.Row.Side != store.QuestionAsked || !q.Value.Waits() {
			continue
		}
		lacks := slices.Clone(q.Value.Fields)
		for _, answer := range all {
			if answer.Row.Side == store.QuestionPassed && !answer.Row.ChangedAt.Before(q.Row.AskedAt) {
				lacks = slices.DeleteFunc(lacks, func(field string) bool { return slices.Contains(answer.Value.Fields, field) })
			}
		}
		if len(lacks) > 0 {
			continue
		}
		if err := d.questioned(tx, q.Row, report.QuestionEvent{Kind: report.AnswerGiven}, nil); err != nil {
			return err
		}
	}
	return nil
}
