package reports

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// reminderJob strikes when a question should have been answered.
const reminderJob = "question.reminder"

// Question is what a receiver asks about a report, with its row.
type Question struct {
	Row   store.QuestionRow
	Value report.Question
}

func readQuestion(row store.QuestionRow) (q Question, err error) {
	q.Row = row
	if err := json.Unmarshal(row.Body, &q.Value); err != nil {
		return q, fmt.Errorf("reading question %s: %w", row.ID, err)
	}
	return q, nil
}

func questionsAbout(tx *store.Tx, id string) ([]Question, error) {
	rows, err := tx.QuestionsAbout(id)
	if err != nil {
		return nil, err
	}
	return readQuestions(rows)
}

func readQuestions(rows []store.QuestionRow) (all []Question, err error) {
	for _, row := range rows {
		q, err := readQuestion(row)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// takeQuestion takes in what the receiver of a report asks about it. A person
// answers it; a clock reminds.
//
// Errors: Invalid, which rejects it with a receipt, for a report that was not
// sent there and for fields that the form does not have.
func (d *Desk) takeQuestion(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	ask, err := peer.ReadMessage[report.Ask](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	row, err := tx.Report(ask.Report)
	if problem.Is(err, problem.NotFound) || err == nil && row.Recipient != from.NodeID {
		return nil, problem.InvalidField("message.report", "no such report was sent to the node that asks", "name a report that this node sent")
	}
	if err != nil {
		return nil, err
	}
	r, _, err := read(row)
	if err != nil {
		return nil, err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, err
	}
	if err := report.CheckFields(form, ask.Fields); err != nil {
		return nil, err
	}
	if ask.Question == "" || len(ask.Question) > 100 || ask.Due.IsZero() || ask.Due.After(tx.Now.AddDate(1, 0, 0)) {
		return nil, problem.InvalidField("message.due", "the name or the time of the question is missing or out of range", "name it, and say when the answer is due")
	}
	if _, known, err := tx.QuestionNamed(store.QuestionReceived, from.NodeID, ask.Question); known || err != nil {
		return nil, err
	}
	body, err := json.Marshal(report.Question{Fields: ask.Fields, Due: ask.Due, State: report.QuestionOpen})
	if err != nil {
		return nil, fmt.Errorf("writing a question: %w", err)
	}
	question := store.QuestionRow{
		ID: store.NewID("question"), Side: store.QuestionReceived, Subject: row.ID, Peer: from.NodeID, Name: ask.Question, Envelope: opened.ID,
		State: string(report.QuestionOpen), Due: ask.Due, Body: body, AskedAt: tx.Now, ChangedAt: tx.Now,
	}
	tx.Note("report", row.ID)
	tx.Note("question", question.ID)
	tx.Note("fields", ask.Fields)
	tx.Note("due", ask.Due)
	if err := tx.InsertQuestion(question); err != nil {
		return nil, err
	}
	if err := tx.Alarm(row.ID, from.Title+" asks for what this report lacks"); err != nil {
		return nil, err
	}
	return nil, job.Strike(tx.Tx, tx.Now, job.New{Kind: reminderJob, Payload: question.ID}, question.ID, ask.Due)
}

// remind raises an alarm for a question that was not answered in time.
func (d *Desk) remind(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	act := ledger.Act{
		Actor:  d.options.Ledger.Itself(),
		Action: mandate.ReportEscalate, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: id},
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Question(id)
		if err != nil {
			return err
		}
		if err := d.questioned(tx, row, report.QuestionEvent{Kind: report.QuestionClock}); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// questionOf is a question about a report, at the side that is asked.
func questionOf(tx *store.Tx, id, question string) (Question, error) {
	row, err := tx.Question(question)
	if err == nil && (row.Subject != id || row.Side != store.QuestionReceived) {
		err = store.NotFound("question", question)
	}
	if err != nil {
		return Question{}, err
	}
	return readQuestion(row)
}

// Answer is a person's answer to a question about a report: for each field a
// value, or the reason why it is not held. Where it names somebody and the rules
// of review ask for two people, it waits for another person; otherwise it is sent.
//
// Errors: Denied; NotFound; Conflict when the question waits for no answer any
// more; Invalid with the field.
func (d *Desk) Answer(ctx context.Context, actor mandate.Actor, id, question string, s report.Supplement) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAnswer, id), func(tx *ledger.Tx) error {
		q, err := questionOf(tx.Tx, id, question)
		if err != nil {
			return err
		}
		event := report.QuestionEvent{
			Kind: report.AnswerGiven, Person: actor.ID, Decision: tx.EventID(), Supplement: &s, SecondPerson: d.options.Review.ReportSecondPerson.Requires(s.NamesPerson()),
		}
		if _, _, err := q.Value.Apply(event, tx.Now); err != nil {
			return err // before what was typed is looked at: nothing of it is wanted
		}
		r, form, err := d.whole(tx.Tx, id)
		if err != nil {
			return err
		}
		if err := s.Check(r, form, q.Value.Fields); err != nil {
			return err
		}
		return d.questioned(tx, q.Row, event)
	})
}

// Refused records that an answer could not even be read, and returns why.
func (d *Desk) Refused(ctx context.Context, actor mandate.Actor, id string, why error) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAnswer, id), func(*ledger.Tx) error { return why })
}

// ApproveAnswer is the second person's decision about an answer; it is sent by it.
//
// Errors: Denied, also for the author; NotFound; Conflict when nothing waits for
// a second person.
func (d *Desk) ApproveAnswer(ctx context.Context, actor mandate.Actor, id, question string) error {
	return d.secondLook(ctx, actor, id, question, report.QuestionEvent{Kind: report.AnswerApproved})
}

// ReturnAnswer gives an answer back to its author, with a reason.
//
// Errors: as [Desk.ApproveAnswer]; Invalid without a reason.
func (d *Desk) ReturnAnswer(ctx context.Context, actor mandate.Actor, id, question, reason string) error {
	return d.secondLook(ctx, actor, id, question, report.QuestionEvent{Kind: report.AnswerReturned, Reason: reason})
}

func (d *Desk) secondLook(ctx context.Context, actor mandate.Actor, id, question string, event report.QuestionEvent) error {
	act := d.act(actor, mandate.ReportApprove, id)
	act.Find = func(tx *store.Tx) (access.Resource, error) {
		q, err := questionOf(tx, id, question)
		return access.Resource{ID: id, Author: q.Value.Author}, err
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		q, err := questionOf(tx.Tx, id, question)
		if err != nil {
			return err
		}
		event.Person, event.Decision = actor.ID, tx.EventID()
		return d.questioned(tx, q.Row, event)
	})
}

// whole is a report with what was answered since, and its form.
func (d *Desk) whole(tx *store.Tx, id string) (report.Report, *law.ReportForm, error) {
	row, err := tx.Report(id)
	if err != nil {
		return report.Report{}, nil, err
	}
	r, _, err := read(row)
	if err != nil {
		return r, nil, err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return r, nil, err
	}
	all, err := questionsAbout(tx, id)
	return r.WithAnswers(values(all)), form, err
}

func values(all []Question) []report.Question {
	var found []report.Question
	for _, q := range all {
		found = append(found, q.Value)
	}
	return found
}

// questioned applies an event to a question, keeps what it came to and does what
// follows.
func (d *Desk) questioned(tx *ledger.Tx, row store.QuestionRow, event report.QuestionEvent) error {
	q, err := readQuestion(row)
	if err != nil {
		return err
	}
	next, effects, err := q.Value.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	if row.Body, err = json.Marshal(next); err != nil {
		return fmt.Errorf("writing a question: %w", err)
	}
	row.State, row.ChangedAt = string(next.State), tx.Now
	tx.Note("question", row.ID)
	tx.Note("question_state", next.State)
	if err := tx.UpdateQuestion(row); err != nil {
		return err
	}
	for _, effect := range effects {
		switch effect.Kind {
		case report.SendTheAnswer:
			err = d.sendAnswer(tx, row, *next.Supplement)
		case report.RaiseQuestionAlarm:
			err = tx.Alarm(row.Subject, effect.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sendAnswer hands an answer to delivery. Where it names the user of a report
// that named nobody, the clock of that user's notice begins.
func (d *Desk) sendAnswer(tx *ledger.Tx, row store.QuestionRow, s report.Supplement) error {
	reported, err := tx.Report(row.Subject)
	if err != nil {
		return err
	}
	priority := peer.Normal
	if reported.Urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Peer, Kind: mandate.EnvelopeAnswer, Type: "eu.brdo.report.answered.v1", Schema: "answer-1", Subject: row.Subject, Purpose: mandate.PurposeAssessment,
		LegalBasis: "COM(2022) 209 Article 48(5)", Priority: priority, ReplyTo: row.Envelope, Body: report.Reply{Question: row.Name, Supplement: s},
	})
	if err != nil {
		return err
	}
	tx.Note("sent", envelope)
	if !s.NamesPerson() {
		return nil
	}
	_, notice, err := noticeOf(tx, row.Subject)
	if err != nil || notice.State != report.NoticeNotApplicable {
		return err
	}
	r, form, err := d.whole(tx.Tx, row.Subject)
	if err != nil {
		return err
	}
	if err := d.startNotice(tx, &reported, r, form); err != nil {
		return err
	}
	return tx.UpdateReport(reported)
}

// answerReceipted takes note that an answer could not be taken in.
func (d *Desk) answerReceipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	envelope, err := peer.Parse(sent.Body)
	if err != nil {
		return err
	}
	row, found, err := tx.QuestionIn(store.QuestionReceived, sent.Recipient, envelope.ReplyTo)
	if err != nil || !found {
		return err
	}
	return d.questioned(tx, row, report.QuestionEvent{Kind: report.QuestionDenied, Reason: receipt.Reason})
}

// takeWithdrawal takes note that whoever asked does not want the answer any more.
func (d *Desk) takeWithdrawal(tx *ledger.Tx, from peer.Node, a peer.Amendment) (done peer.Amended, err error) {
	row, found, err := tx.QuestionIn(store.QuestionReceived, from.NodeID, a.Original.ID)
	if err != nil || !found {
		return done, err
	}
	err = d.questioned(tx, row, report.QuestionEvent{Kind: report.QuestionTakenBack, Reason: a.Reason})
	if problem.Is(err, problem.Conflict) {
		return done, nil // answered before; the answer is on its way
	}
	return done, err
}

// waiting are up to 100 questions about reports that wait for somebody here,
// those due first in front.
func waiting(tx *store.Tx) ([]Question, error) {
	rows, err := tx.QuestionsWaiting(store.QuestionReceived, 100)
	if err != nil {
		return nil, err
	}
	return readQuestions(rows)
}
