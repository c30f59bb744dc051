package orders

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// takeOrder takes in an order, a document about one, or word of what happened.
func (d *Desk) takeOrder(tx *ledger.Tx, from peer.Node, envelope peer.Opened) error {
	message, err := opened[Message](envelope.Message)
	if err != nil {
		return err
	}
	row, known, err := tx.OrderOf(from.NodeID, message.Order)
	if err != nil {
		return err
	}
	if message.Says == DocumentOrder {
		return d.takeText(tx, from, row, known, message, envelope)
	}
	if !known {
		return problem.InvalidField("message.order", "this order was never sent here", "send it first")
	}
	tx.Note("order", row.ID)
	event := order.Event{Receipt: envelope.ID, At: tx.Now, By: message.By, Reason: message.Reason}
	switch message.Says {
	case DocumentClarification:
		text, err := from.OpenStatement(signedClarification, message.Signed)
		if err != nil {
			return err
		}
		if err := keep(tx, row.ID, DocumentClarification, text, message.Signed, envelope.ID); err != nil {
			return err
		}
		event.Kind = order.ClarificationReceived
	case DocumentNonDisclosure:
		text, err := from.OpenStatement(signedOrder, message.Signed)
		if err != nil {
			return err
		}
		o, facts, err := d.readReceived(text)
		if err != nil {
			return err
		}
		if err := keep(tx, row.ID, DocumentNonDisclosure, text, message.Signed, envelope.ID); err != nil {
			return err
		}
		tx.Note("extends", o.Extends)
		event.Kind, event.Facts = order.ExtendNonDisclosure, &facts
	case string(order.Challenge):
		event.Kind, event.Suspends = order.Challenge, message.Suspends
	case string(order.LiftSuspension):
		event.Kind, event.At = order.LiftSuspension, message.At
	case string(order.Reopened):
		event.Kind = order.Reopened
	case saysTold:
		return tx.Ask(row.ID, from.Title+": "+message.Reason)
	default:
		return problem.InvalidField("message.says", "it is nothing that this node knows", "see docs/orders.md")
	}
	return d.apply(tx, row, deed{event: event})
}

func (d *Desk) readReceived(text []byte) (order.Order, order.Facts, error) {
	o, facts, _, err := d.inspect(text)
	return o, facts, err
}

// inspect reads the exact bytes of an order at its addressee. What is wrong with
// it is for people; only a form that this node does not have stops it.
func (d *Desk) inspect(text []byte) (order.Order, order.Facts, []*problem.Error, error) {
	o, err := order.Parse(text)
	if err != nil {
		return o, order.Facts{}, nil, err
	}
	form, err := d.options.Law.OrderForm(o.Profile)
	if err != nil {
		return o, order.Facts{}, nil, problem.InvalidField("order.profile", "this node does not know the form "+o.Profile.String(), "send it under a version that both nodes have").Because(err)
	}
	_, facts, found, err := order.ReadReceived(text, form)
	return o, facts, found, err
}

// takeText takes in the signed order itself.
func (d *Desk) takeText(tx *ledger.Tx, from peer.Node, row store.OrderRow, known bool, message Message, envelope peer.Opened) error {
	text, err := from.OpenStatement(signedOrder, message.Signed)
	if err != nil {
		return err
	}
	o, facts, found, err := d.inspect(text)
	if err != nil {
		return err
	}
	switch {
	case facts.ID != message.Order:
		return problem.InvalidField("message.order", "the text is that of another order", "")
	case known && message.Final:
		tx.Note("order", row.ID)
		return d.apply(tx, row, deed{event: order.Event{Kind: order.Confirm, Receipt: envelope.ID, Reason: "the authority says that it is final"}})
	case known:
		return problem.InvalidField("message.order", "this order is here already", "send what is new about it")
	}
	row = store.OrderRow{
		ID: store.NewID("order"), Side: store.OrderReceived, Kind: string(facts.Kind), Source: from.NodeID, Name: facts.ID, Provider: message.Addressee,
		Reference: o.Reference, CreatedAt: tx.Now,
	}
	if d.options.Ledger.NodeKind() != mandate.Provider {
		row.ID, row.Side = store.NewID("order"), store.OrderCopied
		copy, track := newCopy(facts, o.Addressee.Name, message.Final)
		if err := d.insert(tx, row, copy, track, o, nil); err != nil {
			return err
		}
		return keep(tx, row.ID, DocumentOrder, text, message.Signed, envelope.ID)
	}
	if message.Addressee != d.options.Post.Self().NodeID {
		return problem.InvalidField("message.addressee", "the order binds another provider", "send it to the one that it names")
	}
	form, err := d.options.Law.OrderForm(o.Profile)
	if err != nil {
		return err
	}
	// The items are written before the look for holds on them.
	if err := d.insert(tx, row, order.Execution{}, order.Track{Facts: facts, State: order.Received, Standing: order.Open}, o, nil); err != nil {
		return err
	}
	check, err := heldOn(tx, row.ID)
	if err != nil {
		return err
	}
	value, effects, err := order.Receive(form, facts, found, order.Proof{At: tx.Now, Receipt: envelope.ID}, check, tx.Now)
	if err != nil {
		return err
	}
	if err := keep(tx, row.ID, DocumentOrder, text, message.Signed, envelope.ID); err != nil {
		return err
	}
	row.Version = 1
	return d.follow(tx, row, value, value.Track, deed{event: order.Event{Kind: order.DeliveryProven}}, effects)
}

// takeCorrection takes in that an order has fallen.
func (d *Desk) takeCorrection(tx *ledger.Tx, from peer.Node, a peer.Amendment) (peer.Amended, error) {
	return peer.Amended{}, rejected(d.fall(tx, from, a))
}

func (d *Desk) fall(tx *ledger.Tx, from peer.Node, a peer.Amendment) error {
	if a.Kind != mandate.EnvelopeCorrection {
		return problem.InvalidField("envelope.kind", "an order is not taken back like that", "annul or withdraw it: send a correction that says so")
	}
	message, err := opened[Message](a.Body)
	if err != nil {
		return err
	}
	row, known, err := tx.OrderOf(from.NodeID, message.Order)
	switch {
	case err != nil:
		return err
	case !known:
		return problem.InvalidField("message.order", "this order was never sent here", "")
	case message.Says != string(order.Annul) && message.Says != string(order.Withdraw):
		return problem.InvalidField("message.says", "it does not say that the order has fallen", "see docs/orders.md")
	}
	tx.Note("order", row.ID)
	return d.apply(tx, row, deed{event: order.Event{Kind: order.EventKind(message.Says), By: message.By, Reason: message.Reason, Receipt: a.ID}})
}

// answerReceipted raises an alarm when an answer was refused.
func (d *Desk) answerReceipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	return tx.Alarm(sent.Subject, "the answer was refused: "+receipt.Reason)
}

// Accept decides that an order is executed.
func (d *Desk) Accept(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderEvaluate, id, order.Event{Kind: order.Accept, Reason: reason})
}

// answer writes, checks and signs an answer in the form of the law.
func (d *Desk) answer(tx *ledger.Tx, row store.OrderRow, fill func(x order.Execution, a *order.Answer)) (deed, error) {
	o, form, err := d.text(tx, row, DocumentOrder)
	if err != nil {
		return deed{}, err
	}
	x, err := read[order.Execution](row)
	if err != nil {
		return deed{}, err
	}
	a := order.Answer{
		ID: store.NewID("answer"), Profile: o.Profile, Provider: d.options.Self, Order: o.About(x.Facts.Digest, x.Delivered.At), At: tx.Now,
		Signature: signature(d.options.Post.Self()),
	}
	a.Provider.FileReference = row.ID
	fill(x, &a)
	text, err := a.Marshal()
	if err != nil {
		return deed{}, err
	}
	if _, printed := form.Template(string(a.Kind)); !printed {
		answer := order.AnswerFacts{Kind: a.Kind, Measure: x.Measure, MeasuredAt: x.MeasuredAt, ReceivedAt: a.Order.ReceivedAt, At: a.At}
		return deed{event: order.Event{Answer: &answer}}, nil
	}
	_, facts, err := order.ReadAnswer(text, form, x.Facts)
	if err != nil {
		return deed{}, err
	}
	signed, err := d.options.Post.Sign(signedAnswer, text)
	return deed{event: order.Event{Answer: &facts}, kind: string(a.Kind), text: text, signed: signed}, err
}

// Decline answers that an order cannot be executed, on grounds of the form and
// with an explanation (Article 14(5) and (6)).
func (d *Desk) Decline(ctx context.Context, actor mandate.Actor, id string, grounds []string, explanation string) error {
	return d.do(ctx, actor, mandate.OrderAnswer, id, func(tx *ledger.Tx, row store.OrderRow) error {
		does, err := d.answer(tx, row, func(_ order.Execution, a *order.Answer) {
			a.Kind, a.Grounds, a.Explanation = order.AnswerNonExecution, grounds, explanation
		})
		if err != nil {
			return err
		}
		does.event.Kind = order.Decline
		return d.decided(tx, row, actor, does)
	})
}

// ReasonEnded records when the reason for which an order could not be executed
// ceased to exist: the time for execution starts then (Article 14(5)).
func (d *Desk) ReasonEnded(ctx context.Context, actor mandate.Actor, id string, at time.Time) error {
	return d.decide(ctx, actor, mandate.OrderEvaluate, id, order.Event{Kind: order.ReasonEnded, At: at})
}

// CarriedOut records which measure of the form the service took, and when.
func (d *Desk) CarriedOut(ctx context.Context, actor mandate.Actor, id, measure string, at time.Time) error {
	return d.do(ctx, actor, mandate.OrderExecute, id, func(tx *ledger.Tx, row store.OrderRow) error {
		_, form, err := d.text(tx, row, DocumentOrder)
		if err != nil {
			return err
		}
		if !form.HasMeasure(measure) {
			return problem.InvalidField("measure", "it is no box of the form", "choose what was done")
		}
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.CarriedOut, Measure: measure, At: at}})
	})
}

// SendAnswer answers that an order was executed (Article 14(7)), in words where
// no form of that is printed.
func (d *Desk) SendAnswer(ctx context.Context, actor mandate.Actor, id string) error {
	return d.do(ctx, actor, mandate.OrderAnswer, id, func(tx *ledger.Tx, row store.OrderRow) error {
		does, err := d.answer(tx, row, func(x order.Execution, a *order.Answer) {
			a.Kind, a.Measures, a.MeasuredAt = order.AnswerExecution, []string{x.Measure}, x.MeasuredAt
		})
		if err != nil {
			return err
		}
		does.event.Kind = order.SendAnswer
		return d.decided(tx, row, actor, does)
	})
}

// Report sends the report on the measures of a blocking order and its safeguards
// (Article 18(6)). One before the middle of the period ends no duty.
func (d *Desk) Report(ctx context.Context, actor mandate.Actor, id, text string) error {
	return d.do(ctx, actor, mandate.OrderAnswer, id, func(tx *ledger.Tx, row store.OrderRow) error {
		does, err := d.state(tx, row, DocumentReport, signedReport, text)
		if err != nil {
			return err
		}
		does.event.Kind = order.Reported
		return d.decided(tx, row, actor, does)
	})
}

// information is what the user is told about an order (Article 15(3)), or after
// it has fallen.
func (d *Desk) information(tx *ledger.Tx, row store.OrderRow) (u order.UserInformation, err error) {
	o, _, err := d.text(tx, row, DocumentOrder)
	if err != nil {
		return u, err
	}
	x, err := read[order.Execution](row)
	if err != nil {
		return u, err
	}
	answer := order.Answer{Provider: d.options.Self, Order: o.About(x.Facts.Digest, x.Delivered.At), Measures: []string{x.Measure}, MeasuredAt: x.MeasuredAt}
	answer.Provider.FileReference = row.ID
	places := x.Facts.Places
	if o.Material == nil {
		places = nil // what is blocked is nobody's own here, and the list is the Centre's
	}
	u = o.UserInformation(store.NewID("information"), answer, places)
	if x.User.About == law.OnRestored {
		u.Restoration = &order.Restoration{Reason: x.Undone.Reason}
		switch {
		case x.Undone.Reason != "":
		case x.State == order.Ended:
			u.Restoration.Reason = "the order no longer applies: its period is over"
		default:
			u.Restoration.Reason = "the order no longer applies: it was " + string(x.Standing)
		}
		if x.State == order.Restored || x.State == order.Ended && x.Undone.Reason == "" {
			u.Restoration.At = x.Undone.At
		}
	}
	return u, nil
}

// UserInformed records that the user was told; what they were told is kept.
//
// Errors: Denied while non-disclosure runs (Article 15(4)).
func (d *Desk) UserInformed(ctx context.Context, actor mandate.Actor, id string) error {
	return d.do(ctx, actor, mandate.OrderInform, id, func(tx *ledger.Tx, row store.OrderRow) error {
		u, err := d.information(tx, row)
		if err != nil {
			return err
		}
		text, err := u.Marshal()
		if err != nil {
			return err
		}
		signed, err := d.options.Post.Sign("brdo-user-information", text)
		if err != nil {
			return err
		}
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.UserInformed}, kind: DocumentUser, text: text, signed: signed})
	})
}

// NobodyToInform records, with a reason, that there is no user to inform.
func (d *Desk) NobodyToInform(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderInform, id, order.Event{Kind: order.NobodyToInform, Reason: reason})
}

// CopyAsked records that the user asks for a copy of the order (Article
// 15(3)(b)).
func (d *Desk) CopyAsked(ctx context.Context, actor mandate.Actor, id string) error {
	return d.decide(ctx, actor, mandate.OrderInform, id, order.Event{Kind: order.CopyAsked})
}

// Undo records that the measure was undone after the order fell.
func (d *Desk) Undo(ctx context.Context, actor mandate.Actor, id string, at time.Time) error {
	return d.decide(ctx, actor, mandate.OrderExecute, id, order.Event{Kind: order.Undo, At: at})
}

// Keep decides that the measure stays on another ground, after the order fell.
func (d *Desk) Keep(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderEvaluate, id, order.Event{Kind: order.Keep, Reason: reason})
}
