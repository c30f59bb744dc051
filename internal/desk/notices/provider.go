package notices

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// takeNotice takes in a notice that asks this node's organisation.
func (d *Desk) takeNotice(tx *ledger.Tx, from peer.Node, envelope peer.Opened) (any, error) {
	message, err := peer.ReadMessage[Message](envelope.Message, documented)
	if err != nil {
		return nil, err
	}
	text, err := from.OpenStatement(signedNotice, message.Signed)
	if err != nil {
		return nil, err
	}
	n, err := order.ParseNotice(text)
	if err != nil {
		return nil, err
	}
	form, err := d.options.Law.NoticeForm(n.Profile)
	if err != nil {
		return nil, problem.InvalidField("notice.profile", "this node does not know the form "+n.Profile.String(), "send it under a version that both nodes have").Because(err)
	}
	_, facts, err := order.ReadNotice(text, form)
	if err != nil {
		return nil, err
	}
	_, known, err := tx.NoticeOf(from.NodeID, n.ID)
	switch {
	case err != nil:
		return nil, err
	case n.ID != message.Notice:
		return nil, problem.InvalidField("message.notice", "the text is that of another notice", "")
	case n.Withdraws != "":
		return nil, problem.InvalidField("notice.withdraws", "it takes back another notice", "recall the envelope in which that one came")
	case known:
		return nil, problem.InvalidField("message.notice", "this notice is here already", "write a new one")
	case n.Sender.Kind != senders[from.Organisation]:
		return nil, problem.InvalidField("notice.sender.kind", "it says "+n.Sender.Kind+", but a node of kind "+string(from.Organisation)+" sent it", "name the sender as it is")
	}
	value, effects, err := order.Consider(form, facts, order.Proof{At: tx.Now, Receipt: envelope.ID}, tx.Now)
	if err != nil {
		return nil, err
	}
	row := store.NoticeRow{
		ID: store.NewID("notice"), Side: store.NoticeReceived, Source: from.NodeID, Name: n.ID, Reference: n.Reference, CreatedAt: tx.Now, Version: 1,
	}
	if err := d.insert(tx, &row, value, n.Items); err != nil {
		return nil, err
	}
	tx.Note("document", facts.Digest)
	if err := tx.InsertNoticeDocument(store.NoticeDocument{
		ID: store.NewID("document"), NoticeID: row.ID, Name: n.ID, Node: d.options.Post.Self().NodeID, Digest: facts.Digest, Text: text, Signed: message.Signed, Envelope: envelope.ID, At: tx.Now,
	}); err != nil {
		return nil, err
	}
	check, err := d.heldHere(tx, row.ID)
	if err != nil {
		return nil, err
	}
	if err := check.Bars(hold.NoRemove, tx.Now); err != nil {
		if err := tx.Alarm(row.ID, problem.From(err).Reason); err != nil {
			return nil, err
		}
	}
	for _, effect := range effects {
		if err := d.one(tx, row, deed{}, effect); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// takenBack takes in that the sender recalls a notice, or corrects it, which people
// have to read.
func (d *Desk) takenBack(tx *ledger.Tx, _ peer.Node, a peer.Amendment) (done peer.Amended, err error) {
	document, found, err := tx.NoticeDocumentIn(a.Original.ID)
	if err != nil || !found {
		return done, err // it was refused
	}
	row, err := tx.Notice(document.NoticeID)
	if err != nil {
		return done, err
	}
	if a.Kind == mandate.EnvelopeCorrection {
		return done, tx.Alarm(row.ID, "the sender corrects the notice: "+a.Reason)
	}
	err = d.apply(tx, row, deed{event: order.Event{Kind: order.Withdraw, Receipt: a.ID, Reason: a.Reason}})
	if problem.Is(err, problem.Conflict) {
		return done, nil // it was withdrawn before
	}
	return done, err
}

// heldHere looks for holds on what a notice names, in the transaction of the act.
func (d *Desk) heldHere(tx *ledger.Tx, id string) (hold.Check, error) {
	items, err := tx.NoticeItems(id)
	if err != nil {
		return hold.Check{}, err
	}
	return tx.LookForHolds(tx.Now, subjects(items)...)
}

// consider is a decision of a person of the provider.
func (d *Desk) consider(ctx context.Context, actor mandate.Actor, id string, event order.Event) error {
	return d.do(ctx, actor, mandate.VoluntaryConsider, id, func(tx *ledger.Tx, row store.NoticeRow) error {
		check, err := d.heldHere(tx, id)
		if err != nil {
			return err
		}
		event.Check = check
		return d.decided(tx, row, actor, deed{event: event})
	})
}

// Accept decides that the material is removed.
//
// Errors: Denied while a competent authority asks that it stays.
func (d *Desk) Accept(ctx context.Context, actor mandate.Actor, id string) error {
	return d.consider(ctx, actor, id, order.Event{Kind: order.Accept})
}

// CarriedOut records when the service removed the material or disabled access to
// it, and tells the sender.
func (d *Desk) CarriedOut(ctx context.Context, actor mandate.Actor, id string, at time.Time) error {
	return d.consider(ctx, actor, id, order.Event{Kind: order.CarriedOut, At: at})
}

// Decline decides that the material stays, and tells the sender why.
func (d *Desk) Decline(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.consider(ctx, actor, id, order.Event{Kind: order.Decline, Reason: reason})
}

// reply tells the sender what was decided.
func (d *Desk) reply(tx *ledger.Tx, row store.NoticeRow, effect order.Effect) error {
	value, err := read[order.Consideration](row)
	if err != nil {
		return err
	}
	reply := Reply{Notice: row.Name, Says: SaysRefused, Reason: effect.Reason}
	if value.State == order.Executed {
		reply.Says, reply.At = SaysRemoved, value.RemovedAt
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Source, Kind: mandate.EnvelopeNoticeAnswer, Type: "eu.brdo.notice-answer." + reply.Says + ".v1", Schema: "notice-answer-1", Subject: row.ID,
		Purpose: mandate.PurposeRemoval, LegalBasis: legalBasis, Priority: peer.Urgent, ReplyTo: value.Received.Receipt, Body: reply,
	})
	if err != nil {
		return err
	}
	tx.Note("sent", envelope)
	tx.Note("answer", reply.Says)
	return nil
}

// answerReceipted raises an alarm when an answer was refused.
func (d *Desk) answerReceipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Rejected {
		return nil
	}
	return tx.Alarm(sent.Subject, "the answer was refused: "+receipt.Reason)
}
