package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// others are the other authorities that act on the same report. One that is not
// registered here is among them: it has to be asked all the same.
func (d *Desk) others(tx *ledger.Tx, row store.OrderRow) ([]string, error) {
	if row.About == "" {
		return nil, nil
	}
	about, err := tx.Referral(row.About)
	if err != nil {
		return nil, err
	}
	var value referral.Referral
	if err := json.Unmarshal(about.Body, &value); err != nil {
		return nil, fmt.Errorf("reading referral %s: %w", about.ID, err)
	}
	self := d.options.Post.Self().NodeID
	return slices.DeleteFunc(value.Others, func(other string) bool { return other == self }), nil
}

// Ask asks other authorities whether the removal would harm what they do. Those
// that act on the same report must be among them.
func (d *Desk) Ask(ctx context.Context, actor mandate.Actor, id string, nodes []string) error {
	return d.do(ctx, actor, mandate.DeconflictionAsk, id, func(tx *ledger.Tx, row store.OrderRow) error {
		others, err := d.others(tx, row)
		if err != nil {
			return err
		}
		for _, other := range others {
			if !slices.Contains(nodes, other) {
				return problem.InvalidField("asked", "an authority that acts on the same report is not among them", "ask it too; an operator registers it first where it is not known here: "+other)
			}
		}
		for _, node := range nodes {
			if asked, err := d.options.Post.Find(tx, node); err != nil {
				return err
			} else if asked.Organisation != mandate.Authority {
				return problem.InvalidField("asked", asked.Title+" is no authority", "ask authorities")
			}
		}
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.Ask, Asked: nodes}})
	})
}

// question sends the question to those who are asked.
func (d *Desk) question(tx *ledger.Tx, row store.OrderRow, effect order.Effect) error {
	value, err := read[order.Issuance](row)
	if err != nil {
		return err
	}
	items, err := tx.OrderItems(row.ID)
	if err != nil {
		return err
	}
	question := Question{Order: row.Name, Says: questionAsked, Places: value.Facts.Places}
	for _, item := range items {
		if item.SHA256 != "" && !slices.Contains(question.SHA256, item.SHA256) {
			question.SHA256 = append(question.SHA256, item.SHA256)
		}
	}
	question.Due, _ = value.Clock(order.ClockDeconfliction)
	for _, node := range effect.To {
		if err := d.converse(tx, node, row.ID, "", question); err != nil {
			return err
		}
	}
	return nil
}

// tellAsked tells those who were asked what became of the order.
func (d *Desk) tellAsked(tx *ledger.Tx, row store.OrderRow, reason string) error {
	value, err := read[order.Issuance](row)
	if err != nil {
		return err
	}
	for _, q := range value.Questions {
		if err := d.converse(tx, q.Who, row.ID, "", Question{Order: row.Name, Says: saysTold, Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// converse sends a question, its answer, or word of what followed.
func (d *Desk) converse(tx *ledger.Tx, node, subject, replyTo string, question Question) error {
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: node, Kind: mandate.EnvelopeDeconfliction, Type: "eu.brdo.deconfliction." + question.Says + ".v1", Schema: "deconfliction-1", Subject: subject,
		Purpose: mandate.PurposeRemoval, LegalBasis: "COM(2022) 209 Articles 15(4) and 48(6)", Priority: peer.Urgent, ReplyTo: replyTo, Body: question,
	})
	tx.Note("sent", envelope)
	return err
}

// NobodyToAsk records, with a reason, that nobody else could be harmed.
func (d *Desk) NobodyToAsk(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.do(ctx, actor, mandate.DeconflictionAsk, id, func(tx *ledger.Tx, row store.OrderRow) error {
		others, err := d.others(tx, row)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return problem.New(problem.Conflict, "another authority acts on the same report", "ask it first: "+others[0])
		}
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.NobodyToAsk, Reason: reason}})
	})
}

// Proceed goes on despite silence or an objection, with a reason.
func (d *Desk) Proceed(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.DeconflictionAsk, id, order.Event{Kind: order.Proceed, Reason: reason})
}

// takeDeconfliction takes in a question of another authority, an answer to one
// of this node's, or word of what followed.
func (d *Desk) takeDeconfliction(tx *ledger.Tx, from peer.Node, envelope peer.Opened) error {
	question, err := opened[Question](envelope.Message)
	if err != nil {
		return err
	}
	switch question.Says {
	case questionAsked:
		if question.Order == "" || len(question.Places) == 0 || question.Due.IsZero() {
			return problem.InvalidField("message", "the order, its places or the time are missing", "see docs/orders.md")
		}
		known, again, err := tx.DeconflictionOf(from.NodeID, question.Order)
		if err != nil {
			return err
		}
		id := known.ID
		if !again {
			id = store.NewID("deconfliction")
		}
		tx.Note("deconfliction", id)
		return tx.PutDeconfliction(store.Deconfliction{
			ID: id, Source: from.NodeID, Name: question.Order, Envelope: envelope.ID, State: QuestionOpen, Until: question.Due,
			Subjects: append(question.Places, question.SHA256...), Question: envelope.Message, ReceivedAt: tx.Now,
		})
	case questionAnswered:
		row, found, err := tx.OrderOf(d.options.Post.Self().NodeID, question.Order)
		if err != nil {
			return err
		}
		if !found {
			return problem.InvalidField("message.order", "this node requested no such order", "")
		}
		event := order.Event{Kind: order.Answered, By: from.NodeID, Objects: question.Objects, Until: question.Until, Reason: question.Reason}
		return d.apply(tx, row, deed{event: event})
	case saysTold:
		known, asked, err := tx.DeconflictionOf(from.NodeID, question.Order)
		if err != nil {
			return err
		}
		if !asked {
			return problem.InvalidField("message.order", "this node was never asked about it", "")
		}
		return tx.Ask(known.ID, from.Title+": "+question.Reason)
	}
	return problem.InvalidField("message.says", "it is nothing that this node knows", "see docs/orders.md")
}

// States of a question of another authority.
const (
	QuestionOpen     = store.DeconflictionOpen
	QuestionAnswered = "answered"
)

// AnswerQuestion answers the question of another authority: no objection, or one
// with its reason and its end.
//
// Errors: Invalid for an objection without a reason or an end ahead; Conflict
// when it was answered already.
func (d *Desk) AnswerQuestion(ctx context.Context, actor mandate.Actor, id string, objects bool, until time.Time, reason string) error {
	act := ledger.Act{Actor: actor, Action: mandate.DeconflictionAnswer, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Deconfliction(id)
		if err != nil {
			return err
		}
		switch {
		case row.State != QuestionOpen:
			return problem.New(problem.Conflict, "it was answered already", "")
		case objects && (reason == "" || !until.After(tx.Now)):
			return problem.InvalidField("until", "an objection lacks its reason, or an end ahead", "say why, and until when")
		}
		if err := problem.TooLong("reason", reason, problem.MaxReason); err != nil {
			return err
		}
		answer := Question{Order: row.Name, Says: questionAnswered}
		row.State, row.Answer, row.AnsweredAt = QuestionAnswered, "no-objection", tx.Now
		if objects {
			answer.Objects, answer.Until, answer.Reason, row.Answer, row.Until = true, until, reason, store.DeconflictionObjects, until
		}
		tx.Note("answer", row.Answer)
		if err := tx.UpdateDeconfliction(row); err != nil {
			return err
		}
		return d.converse(tx, row.Source, row.ID, row.Envelope, answer)
	})
}
