package peer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Message types of the envelopes of kind receipt.
const (
	followUpType = "eu.brdo.receipt.followed-up.v1"
	replayType   = "eu.brdo.replay.requested.v1"
)

// followUp is the message of a receipt that follows the first one: what became
// of an envelope. It names the envelope and its digest, so that it can be
// about no other.
type followUp struct {
	ID         string       `json:"id"`
	Digest     string       `json:"digest"`
	Status     Status       `json:"status"`
	Reason     string       `json:"reason,omitempty"`
	At         time.Time    `json:"at"`
	Downstream []Downstream `json:"downstream,omitempty"`
}

// Downstream is how one of those fares to whom an envelope was passed on.
type Downstream struct {
	Node   string    `json:"node"`
	Status Status    `json:"status"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Downstream is what that one says of those to whom it passed it on.
	Downstream []Downstream `json:"downstream,omitempty"`
}

// maxDownstream is the most that is kept of what was passed on, in bytes.
const maxDownstream = 64 << 10

// Answer says to the sender of a received envelope how far it has come:
// accepted, rejected with a reason, forwarded, or closed with the outcome as the
// reason. It travels as a signed envelope in the caller's transaction. A node
// that speaks version 1.0 only is not told, and the event says so.
//
// Errors: NotFound when no such envelope was received; Conflict when the status
// does not follow the last one; Invalid when a reason is missing.
func (p *Post) Answer(tx *ledger.Tx, received Origin, status Status, reason string) error {
	row, found, err := tx.EnvelopeIn(received.Source, received.ID)
	if err != nil {
		return err
	}
	if !found {
		return store.NotFound("received envelope", received.ID)
	}
	if err := Status(row.Status).Next(status, reason); err != nil {
		return err
	}
	return p.follow(tx, row, status, reason)
}

// follow writes the new status of a received envelope and tells its sender.
func (p *Post) follow(tx *ledger.Tx, row store.EnvelopeIn, status Status, reason string) error {
	row.Status, row.StatusReason, row.StatusAt = string(status), reason, tx.Now
	if err := tx.SetEnvelopeInStatus(row); err != nil {
		return err
	}
	tx.Note("answered", status)
	known, err := tx.Peer(row.Source)
	if err != nil {
		return err
	}
	from, err := ParseNode(known.Document)
	if err != nil {
		return err
	}
	if err := standing(known, tx.Now); err != nil || !from.answers() {
		// Nothing can be said to it; what was decided here holds all the same.
		tx.Note("not_told", row.Source)
		return nil
	}
	downstream, err := p.downstream(tx, Origin{row.Source, row.ID})
	if err != nil {
		return err
	}
	original, err := Parse(row.Body)
	if err != nil && len(row.Body) > 0 {
		return fmt.Errorf("reading envelope %s: %w", row.ID, err)
	}
	_, err = p.Send(tx, Message{
		Recipient: row.Source, Kind: mandate.EnvelopeReceipt, Type: followUpType, Schema: "receipt-1", Subject: row.Subject,
		Purpose: cmp.Or(original.Purpose, mandate.PurposeRetention), LegalBasis: original.LegalBasis, ReplyTo: row.ID,
		Body: followUp{row.ID, row.Digest, status, reason, tx.Now.UTC().Truncate(time.Millisecond), downstream},
	})
	return err
}

// downstream tells how those fare to whom a received envelope was passed on.
func (p *Post) downstream(tx *ledger.Tx, received Origin) ([]Downstream, error) {
	rows, err := tx.EnvelopesCausedBy(received.Source, received.ID)
	if err != nil {
		return nil, err
	}
	var all []Downstream
	for _, row := range rows {
		further, err := PassedOn(row)
		if err != nil {
			return nil, err
		}
		all = append(all, Downstream{row.Recipient, Status(cmp.Or(row.Status, "waiting")), row.StatusReason, row.StatusAt, further})
	}
	return all, nil
}

// PassedOn reads what the recipient of an envelope says of those to whom it
// passed it on.
func PassedOn(sent store.EnvelopeOut) ([]Downstream, error) {
	var all []Downstream
	if sent.Downstream == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(sent.Downstream), &all); err != nil {
		return nil, fmt.Errorf("reading what was passed on of %s: %w", sent.ID, err)
	}
	return all, nil
}

// takeReceipt takes in an envelope of kind receipt.
func (p *Post) takeReceipt(tx *ledger.Tx, from Node, opened Opened) (any, error) {
	switch opened.Type {
	case followUpType:
		return nil, p.takeFollowUp(tx, from, opened)
	case replayType:
		return p.takeReplay(tx, from, opened)
	}
	return nil, problem.InvalidField("envelope.type", "there is no such receipt", "use "+followUpType+" or "+replayType)
}

func (p *Post) takeFollowUp(tx *ledger.Tx, from Node, opened Opened) error {
	var said followUp
	if err := json.Unmarshal(opened.Message, &said); err != nil {
		return unreadable("message", err)
	}
	sent, err := tx.EnvelopeOut(said.ID)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	if err != nil || sent.Recipient != from.NodeID || sent.Digest != said.Digest || opened.ReplyTo != said.ID {
		// Which of these it is stays with this node: it would tell a stranger
		// what was sent to others.
		return problem.InvalidField("message.id", "no such envelope was sent to the node that answers it", "name an envelope that you received, and its digest")
	}
	if len(said.Reason) > problem.MaxReason || len(said.Downstream) > 100 {
		return problem.InvalidField("message", "the reason is longer than 1000 bytes, or more than 100 nodes are named", "say it shorter")
	}
	return p.progress(tx, sent, Receipt{
		Source: p.keys.Self.NodeID, ID: sent.ID, Digest: sent.Digest, By: from.NodeID, At: said.At, Status: said.Status, Reason: said.Reason, Downstream: said.Downstream,
	}, opened.Sequence)
}

// progress writes what a recipient says of an envelope, in the receipt
// (sequence 0) or in a follow-up, and tells the desk when it is news.
func (p *Post) progress(tx *ledger.Tx, sent store.EnvelopeOut, said Receipt, sequence int64) error {
	// The order of sending, not of arrival, says which of two is the later.
	later := sequence > sent.StatusSequence
	news := sequence == 0 && sent.Status == ""
	if sequence > 0 {
		var err error
		if news, err = Status(sent.Status).supersedes(said.Status); err != nil {
			if problem.Is(err, problem.Conflict) { // a rejection of this follow-up, with a receipt
				err = problem.InvalidField("message.status", problem.From(err).Reason, "ask the other organisation what holds")
			}
			return err
		}
		if said.Status == Status(sent.Status) {
			news = news && later
		}
	}
	tx.Note("about", "envelope/"+sent.ID)
	if news {
		sent.Status, sent.StatusReason, sent.StatusAt = string(said.Status), said.Reason, said.At
	}
	passed := len(said.Downstream) > 0 && (later || sequence == 0 && sent.Downstream == "")
	if passed {
		text, err := json.Marshal(said.Downstream)
		if err != nil {
			return fmt.Errorf("writing what was passed on: %w", err)
		}
		if len(text) > maxDownstream {
			return problem.InvalidField("message.downstream", "it is longer than 64 KiB", "say it shorter")
		}
		sent.Downstream = string(text)
	}
	if !news && !passed {
		tx.Note("stale", said.Status)
		return nil
	}
	sent.StatusSequence = max(sent.StatusSequence, sequence)
	if err := tx.SetEnvelopeOutStatus(sent); err != nil {
		return err
	}
	tx.Note("said", said.Status)
	if err := p.reportBack(tx, sent); err != nil {
		return err
	}
	if handler, found := p.receipts[mandate.EnvelopeKind(sent.Kind)]; found {
		return handler(tx, sent, said)
	}
	return nil
}
