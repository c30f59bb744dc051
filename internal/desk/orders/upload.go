package orders

import (
	"context"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// saysSeenAgain is what an addressee may say of its own accord: what it removed
// was uploaded again.
const saysSeenAgain = "seen-again"

// TellUpload tells the authority that an item which its order removed was
// uploaded again. No law asks for it, so a person decides (decision 0010).
//
// Errors: NotFound; Conflict when somebody decided on the upload already.
func (d *Desk) TellUpload(ctx context.Context, actor mandate.Actor, id, upload string) error {
	return d.do(ctx, actor, mandate.OrderAnswer, id, func(tx *ledger.Tx, row store.OrderRow) error {
		u, err := d.settle(tx, row, actor, upload, store.UploadTold, "")
		if err != nil {
			return err
		}
		envelope, err := d.options.Post.Send(tx, peer.Message{
			Recipient: row.Source, Kind: mandate.EnvelopeOrderAnswer, Type: "eu.brdo.order-answer." + saysSeenAgain + ".v1", Schema: "order-answer-1", Subject: row.ID,
			Purpose: mandate.PurposeRemoval, LegalBasis: taskOf(row.Kind).legalBasis, Priority: peer.Urgent, Body: Reply{Order: row.Name, Says: saysSeenAgain, Place: u.URL, At: u.At},
		})
		tx.Note("sent", envelope)
		return err
	})
}

// LeaveUpload records why the authority is not told of an upload.
func (d *Desk) LeaveUpload(ctx context.Context, actor mandate.Actor, id, upload, reason string) error {
	return d.do(ctx, actor, mandate.OrderEvaluate, id, func(tx *ledger.Tx, row store.OrderRow) error {
		if err := problem.Reason(reason, "say why the authority is not told"); err != nil {
			return err
		}
		_, err := d.settle(tx, row, actor, upload, store.UploadLeft, reason)
		return err
	})
}

func (d *Desk) settle(tx *ledger.Tx, row store.OrderRow, actor mandate.Actor, upload, state, reason string) (store.OrderUpload, error) {
	all, err := tx.OrderUploads(row.ID, maxUploads)
	if err != nil {
		return store.OrderUpload{}, err
	}
	at := slices.IndexFunc(all, func(u store.OrderUpload) bool { return u.ID == upload })
	if at < 0 {
		return store.OrderUpload{}, store.NotFound("upload", upload)
	}
	u := all[at]
	u.State, u.Reason, u.DecidedBy, u.DecidedAt = state, reason, actor.ID, tx.Now
	tx.Note("upload", u.ID)
	tx.Note("state", state)
	return u, tx.DecideOrderUpload(u)
}

// maxUploads is how many uploads of what one order removed are shown at once;
// those that wait for a person come first.
const maxUploads = 200

// seenAgain takes in that an addressee saw again what it removed.
func (d *Desk) seenAgain(tx *ledger.Tx, row store.OrderRow, reply Reply) error {
	if err := problem.TooLong("message.place", reply.Place, 4000); err != nil {
		return err
	}
	value, err := read[order.Issuance](row)
	if err != nil {
		return err
	}
	watched := slices.Contains([]order.State{order.Executed, order.Verified, order.Reappeared}, value.State)
	if watched && reply.Place != "" && !slices.Contains(value.Facts.Places, reply.Place) {
		return d.apply(tx, row, deed{event: order.Event{Kind: order.FoundElsewhere, Place: reply.Place}})
	}
	return tx.Alarm(row.ID, "the addressee saw the material uploaded again: look, and decide what follows")
}
