package routing

import (
	"context"
	"encoding/json"
	"slices"

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

// questionClock strikes when a question should have been answered.
const questionClock = "question.clock"

// articleAsk is the basis of a question and of what is passed on of its answer.
const articleAsk = "COM(2022) 209 Article 48(5)"

// Question is a question about a report with its row.
type Question struct {
	Row   store.QuestionRow
	Value report.Question
}

// questionsAbout are the questions about a report, in the order in which they
// were asked.
func questionsAbout(tx *store.Tx, subject string) ([]Question, error) {
	rows, err := tx.QuestionsAbout(subject)
	if err != nil {
		return nil, err
	}
	var all []Question
	for _, row := range rows {
		value, err := read[report.Question]("question", row.ID, row.Body)
		if err != nil {
			return nil, err
		}
		all = append(all, Question{row, value})
	}
	return all, nil
}

func valuesOf(all []Question) []report.Question {
	var values []report.Question
	for _, q := range all {
		values = append(values, q.Value)
	}
	return values
}

// whole is a received report with what was answered since, and its form.
func (d *Desk) whole(tx *store.Tx, row store.ReceivedReport) (report.Report, *law.ReportForm, error) {
	r, err := report.Parse(row.Body)
	if err != nil {
		return r, nil, err
	}
	form, err := d.options.Law.ReportForm(r.Profile)
	if err != nil {
		return r, nil, err
	}
	all, err := questionsAbout(tx, row.ID)
	return r.WithAnswers(valuesOf(all)), form, err
}

// Ask records that a person of the Centre asks whoever reported for fields that
// the report lacks, and sends the question. The report moves on meanwhile.
//
// Errors: Denied; Invalid for fields that cannot be asked for; Conflict when the
// report has ended, or the same field is asked for already.
func (d *Desk) Ask(ctx context.Context, actor mandate.Actor, id string, fields []string) (question string, err error) {
	err = d.options.Ledger.Do(ctx, d.asking(actor, id), func(tx *ledger.Tx) error {
		received, m, form, err := d.askable(tx, id, fields)
		if err != nil {
			return err
		}
		waiting, err := asksFor(tx.Tx, id, fields)
		if err != nil {
			return err
		}
		if len(waiting) > 0 {
			return problem.Newf(problem.Conflict, "an open question asks for %s already", waiting[0].Value.Fields[0])
		}
		question, err = d.askSender(tx, received, m, form, report.Question{Fields: fields, Asker: actor.ID, Asked: tx.EventID()})
		return err
	})
	return question, err
}

// asking is the act of asking: at an authority for its investigation.
func (d *Desk) asking(actor mandate.Actor, id string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.ReportAsk, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	if d.options.Ledger.NodeKind() == mandate.Authority {
		act.Purpose = mandate.PurposeInvestigation
	}
	return act
}

// askable is a report at the Centre whose sender may be asked for fields.
func (d *Desk) askable(tx *ledger.Tx, id string, fields []string) (received store.ReceivedReport, m referral.Matter, form *law.ReportForm, err error) {
	if received, err = tx.ReceivedReport(id); err != nil {
		return received, m, nil, err
	}
	if _, m, err = matterOf(tx.Tx, id); err != nil {
		return received, m, nil, err
	}
	if !m.State.Open() {
		return received, m, nil, problem.New(problem.Conflict, "the report has ended", "nothing more is needed for it")
	}
	if _, form, err = d.whole(tx.Tx, received); err != nil {
		return received, m, nil, err
	}
	return received, m, form, report.CheckFields(form, fields)
}

// asksFor are the questions from here about a report that wait for any of the
// fields.
func asksFor(tx *store.Tx, subject string, fields []string) (waiting []Question, err error) {
	all, err := questionsAbout(tx, subject)
	for _, q := range all {
		if q.Row.Side == store.QuestionAsked && q.Value.Waits() && slices.ContainsFunc(q.Value.Fields, func(field string) bool { return slices.Contains(fields, field) }) {
			waiting = append(waiting, q)
		}
	}
	return waiting, err
}

// askSender sends a question to whoever reported, and keeps it.
func (d *Desk) askSender(tx *ledger.Tx, received store.ReceivedReport, m referral.Matter, form *law.ReportForm, value report.Question) (string, error) {
	r, _, err := d.whole(tx.Tx, received)
	if err != nil {
		return "", err
	}
	value.Before = r.Completeness(form).Score
	tx.Note("sender", received.Sender)
	return d.sendQuestion(tx, asked{received.ID, received.Sender, received.Envelope, received.Reference, m.Profile, m.Urgent}, value)
}

// asked is whom a question goes to, and about what: the report as it is called
// here, the node, what the report came in and what it is called there.
type asked struct {
	subject, to, came, report string
	profile                   law.Ref
	urgent                    bool
}

// sendQuestion sends a question and keeps it, with the clock after which people
// are reminded.
func (d *Desk) sendQuestion(tx *ledger.Tx, about asked, value report.Question) (string, error) {
	rules, err := d.rules(about.profile)
	if err != nil {
		return "", err
	}
	question := store.NewID("question")
	value.State, value.Due = report.QuestionOpen, rules.Clock("answer", about.urgent).AddTo(tx.Now)
	priority := peer.Normal
	if about.urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: about.to, Kind: mandate.EnvelopeQuestion, Type: "eu.brdo.report.asked.v1", Schema: "question-1", Subject: about.subject, Purpose: mandate.PurposeAssessment,
		LegalBasis: articleAsk, Priority: priority, ReplyTo: about.came,
		Body: report.Ask{Question: question, Report: about.report, Fields: value.Fields, Due: value.Due},
	})
	if err != nil {
		return "", err
	}
	body, err := written("a question", value)
	if err != nil {
		return "", err
	}
	tx.Note("question", question)
	tx.Note("fields", value.Fields)
	tx.Note("due", value.Due)
	tx.Note("sent", envelope)
	if err := tx.InsertQuestion(store.QuestionRow{
		ID: question, Side: store.QuestionAsked, Subject: about.subject, Peer: about.to, Name: question, Envelope: envelope, State: string(value.State), Due: value.Due,
		Body: body, AskedAt: tx.Now, ChangedAt: tx.Now,
	}); err != nil {
		return "", err
	}
	return question, wake(tx, questionClock, question, value.Due)
}

// WithdrawQuestion takes an open question back, with a reason, and pursues that
// until whoever was asked has receipted it. Authorities for whom the Centre asked
// are told.
//
// Errors: Denied; NotFound; Conflict when it does not wait any more; Invalid
// without a reason.
func (d *Desk) WithdrawQuestion(ctx context.Context, actor mandate.Actor, id, question, reason string) error {
	return d.options.Ledger.Do(ctx, d.asking(actor, id), func(tx *ledger.Tx) error {
		row, err := tx.Question(question)
		if err == nil && (row.Subject != id || row.Side != store.QuestionAsked) {
			err = store.NotFound("question", question)
		}
		if err != nil {
			return err
		}
		return d.withdraw(tx, row, report.QuestionEvent{Kind: report.QuestionTakenBack, Person: actor.ID, Decision: tx.EventID(), Reason: reason})
	})
}

func (d *Desk) withdraw(tx *ledger.Tx, row store.QuestionRow, event report.QuestionEvent) error {
	if err := d.questioned(tx, row, event, nil); err != nil {
		return err
	}
	_, err := d.options.Post.Pursue(tx, peer.Pursuit{Kind: mandate.EnvelopeRecall, Originals: []string{row.Envelope}, Reason: event.Reason, LegalBasis: articleAsk})
	return err
}

// questioned applies an event to a question and keeps what it came to; also may
// change it further before it is kept.
func (d *Desk) questioned(tx *ledger.Tx, row store.QuestionRow, event report.QuestionEvent, also func(*report.Question)) error {
	value, err := read[report.Question]("question", row.ID, row.Body)
	if err != nil {
		return err
	}
	next, effects, err := value.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	if also != nil {
		also(&next)
	}
	if row.Body, err = written("a question", next); err != nil {
		return err
	}
	row.State, row.ChangedAt = string(next.State), tx.Now
	tx.Note("question", row.ID)
	tx.Note("question_state", next.State)
	if err := tx.UpdateQuestion(row); err != nil {
		return err
	}
	for _, effect := range effects {
		if effect.Kind == report.RaiseQuestionAlarm {
			if err := tx.Alarm(row.Subject, effect.Reason); err != nil {
				return err
			}
		}
	}
	if next.State != report.QuestionWithdrawn && next.State != report.QuestionRefused {
		return nil
	}
	return d.refuseRequesters(tx, next)
}

func (d *Desk) strikeQuestion(ctx context.Context, running *job.Running) error {
	return d.strike(ctx, running, func(tx *ledger.Tx, id string) error {
		row, err := tx.Question(id)
		if err != nil {
			return err
		}
		return d.questioned(tx, row, report.QuestionEvent{Kind: report.QuestionClock}, nil)
	})
}

// questionReceipted takes note that a question could not be taken in.
func (d *Desk) questionReceipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	row, found, err := tx.QuestionIn(store.QuestionAsked, sent.Recipient, sent.ID)
	if err != nil || !found {
		return err
	}
	return d.questioned(tx, row, report.QuestionEvent{Kind: report.QuestionDenied, Reason: receipt.Reason}, nil)
}

// takeReply takes in the answer to a question: it stands beside the report, whose
// completeness is worked out anew, and goes on to everybody who has the report.
//
// Errors: Invalid, which rejects it with a receipt: for a question that was not
// asked of this node or does not wait any more, and for an answer that is not
// what was asked.
func (d *Desk) takeReply(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	reply, err := peer.ReadMessage[report.Reply](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	row, found, err := tx.QuestionNamed(store.QuestionAsked, from.NodeID, reply.Question)
	if err != nil {
		return nil, err
	}
	if !found || opened.ReplyTo != row.Envelope {
		return nil, problem.InvalidField("message.question", "this node was not asked so", "answer the envelope of the question")
	}
	value, err := read[report.Question]("question", row.ID, row.Body)
	if err != nil {
		return nil, err
	}
	if !value.Waits() {
		return nil, problem.InvalidField("message.question", "the question is "+string(value.State)+" already", "nothing more is needed")
	}
	if err := notErased(tx.Tx, row.Subject); err != nil {
		return nil, err
	}
	received, err := tx.ReceivedReport(row.Subject)
	if err != nil {
		return nil, err
	}
	r, form, err := d.whole(tx.Tx, received)
	if err != nil {
		return nil, err
	}
	if err := reply.Supplement.Check(r, form, value.Fields); err != nil {
		return nil, err
	}
	before, after := r.Completeness(form).Score, r.With(reply.Supplement, value.Fields).Completeness(form).Score
	err = d.questioned(tx, row, report.QuestionEvent{Kind: report.AnswerGiven, Supplement: &reply.Supplement}, func(q *report.Question) { q.Before, q.After = before, after })
	if err != nil {
		return nil, err
	}
	tx.Note("report", received.ID)
	tx.Note("completeness", after)
	tx.Note("not_held", len(reply.Supplement.NotHeld))
	if err := tx.SetCompleteness(received.ID, after); err != nil {
		return nil, err
	}
	_, m, err := matterOf(tx.Tx, received.ID)
	if err != nil {
		return nil, err
	}
	if !m.State.Open() {
		// Kept all the same; whether it changes what was decided is a person's matter.
		if err := tx.Alarm(received.ID, "a question was answered after the report had ended"); err != nil {
			return nil, err
		}
	}
	return nil, d.passAnswer(tx, received, report.Addition{Matter: received.ID, Question: row.ID, Fields: value.Fields, At: tx.Now, Supplement: reply.Supplement})
}

// passAnswer sends an answer to everybody who was sent the report, and pursues
// that until it is receipted.
func (d *Desk) passAnswer(tx *ledger.Tx, received store.ReceivedReport, addition report.Addition) error {
	originals, err := passedOn(tx, received.ID)
	if err != nil || len(originals) == 0 {
		return err
	}
	_, err = d.options.Post.Pursue(tx, peer.Pursuit{
		Kind: mandate.EnvelopeCorrection, Originals: originals, Reason: "whoever reported answered a question about the report (Article 48(5))", Body: addition, LegalBasis: articleAsk,
	})
	return err
}

// passedOn are the envelopes by which a report was passed on.
func passedOn(tx *ledger.Tx, id string) ([]string, error) {
	sent, err := tx.EnvelopesAbout(id)
	if err != nil {
		return nil, err
	}
	var originals []string
	for _, e := range sent {
		if e.Kind == string(mandate.EnvelopeReport) {
			originals = append(originals, e.ID)
		}
	}
	return originals, nil
}

// additions are the answers to questions about a report, for those who get it
// later.
func additions(tx *ledger.Tx, id string) ([]report.Addition, error) {
	all, err := questionsAbout(tx.Tx, id)
	if err != nil {
		return nil, err
	}
	var answers []report.Addition
	for _, q := range all {
		if q.Value.State == report.QuestionAnswered && q.Value.Supplement != nil {
			answers = append(answers, report.Addition{Matter: id, Question: q.Row.Name, Fields: q.Value.Fields, At: q.Value.AnsweredAt, Supplement: *q.Value.Supplement})
		}
	}
	return answers, nil
}

// keepAddition keeps an answer beside a report that was offered here. The same
// may come with an offer and by itself.
func (d *Desk) keepAddition(tx *ledger.Tx, row store.ReferralRow, r report.Report, a report.Addition) error {
	if _, known, err := tx.QuestionNamed(store.QuestionPassed, row.Centre, a.Question); known || err != nil {
		return err
	}
	if err := notErased(tx.Tx, row.ID); err != nil {
		return err
	}
	form, err := d.options.Law.ReportForm(r.Profile)
	if err != nil {
		return err
	}
	before, err := questionsAbout(tx.Tx, row.ID)
	if err != nil {
		return err
	}
	if a.Question == "" || len(a.Question) > 100 || a.At.IsZero() {
		return problem.InvalidField("message.question", "name or time of an answer is missing", "see docs/referral.md")
	}
	if err := report.CheckFields(form, a.Fields); err != nil {
		return err
	}
	if err := a.Supplement.Check(r.WithAnswers(valuesOf(before)), form, a.Fields); err != nil {
		return err
	}
	body, err := written("an answer", a.Answered())
	if err != nil {
		return err
	}
	tx.Note("answer", ledger.Named(a.Question))
	if err := tx.InsertQuestion(store.QuestionRow{
		ID: store.NewID("question"), Side: store.QuestionPassed, Subject: row.ID, Peer: row.Centre, Name: a.Question, State: string(report.QuestionAnswered), Due: a.At, Body: body,
		AskedAt: a.At, ChangedAt: tx.Now,
	}); err != nil {
		return err
	}
	return d.settleAsked(tx, row.ID)
}

// takeCorrection takes in, at an authority, what the Centre says about a report
// that it passed on: an answer to a question stands beside the report from then
// on. Anything else is shown to people, who say what follows.
func (d *Desk) takeCorrection(tx *ledger.Tx, from peer.Node, a peer.Amendment) (done peer.Amended, err error) {
	if a.Kind != mandate.EnvelopeCorrection {
		return done, d.shown(tx, a)
	}
	var addition report.Addition
	if err := json.Unmarshal(a.Body, &addition); err != nil || addition.Question == "" {
		return done, d.shown(tx, a)
	}
	row, known, err := tx.ReferralOf(from.NodeID, addition.Matter)
	if err != nil {
		return done, err
	}
	if !known {
		return done, problem.InvalidField("message.body.matter", "this report was never offered here", "offer it first")
	}
	v, err := d.referral(row)
	if err != nil {
		return done, err
	}
	tx.Note("referral", row.ID)
	return done, d.keepAddition(tx, row, v.Report, addition)
}
