package peer

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// amendments are the kinds of envelopes that refer to an earlier one of the
// same sender and are pursued until everybody who has it has receipted.
var amendments = []mandate.EnvelopeKind{mandate.EnvelopeCorrection, mandate.EnvelopeRecall, mandate.EnvelopeErasure}

func amends(kind mandate.EnvelopeKind) bool { return slices.Contains(amendments, kind) }

// Pursuit corrects, recalls or asks to erase what was sent before.
type Pursuit struct {
	// Kind is correction, recall or erasure.
	Kind mandate.EnvelopeKind
	// Originals are the envelopes concerned, one for each recipient.
	Originals []string
	// Reason is a plain sentence without personal data; it is required.
	Reason string
	// Body is what a correction corrects, in the form that the original's kind has;
	// nil otherwise.
	Body any
	// LegalBasis is the basis that the sender names.
	LegalBasis string
}

// amendment is the message of a correction, recall or erasure.
type amendment struct {
	ID     string          `json:"id"`
	Digest string          `json:"digest"`
	Reason string          `json:"reason"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// Pursue sends a correction, recall or erasure to every recipient of the
// originals, in the caller's transaction, and returns the envelopes' ids in the
// order of the originals. Whoever passed an original on passes this on too and
// says how those fare ([Pursuits]). It is tried until it is receipted, without
// an end.
//
// Errors: Invalid when the kind, the originals or the reason are missing;
// NotFound when an original was not sent by this node.
func (p *Post) Pursue(tx *ledger.Tx, pursuit Pursuit) ([]string, error) {
	switch {
	case !amends(pursuit.Kind):
		return nil, problem.InvalidField("kind", "it is not a correction, recall or erasure", "use one of these")
	case len(pursuit.Originals) == 0:
		return nil, problem.InvalidField("originals", "no envelope is named", "name the envelopes that went out")
	case pursuit.Reason == "" || len(pursuit.Reason) > problem.MaxReason:
		return nil, problem.InvalidField("reason", "it is missing or longer than 1000 bytes", "say in a sentence why")
	case pursuit.Kind == mandate.EnvelopeCorrection && pursuit.Body == nil:
		return nil, problem.InvalidField("body", "a correction without what is right corrects nothing", "give the corrected message, or recall the envelope")
	}
	var body json.RawMessage
	if pursuit.Body != nil {
		var err error
		if body, err = json.Marshal(pursuit.Body); err != nil {
			return nil, fmt.Errorf("writing a correction: %w", err)
		}
	}
	var sent []string
	for _, id := range pursuit.Originals {
		original, err := tx.EnvelopeOut(id)
		if err != nil {
			return nil, err
		}
		pursued, err := p.pursue(tx, original, pursuit.Kind, amendment{original.ID, original.Digest, pursuit.Reason, body}, pursuit.LegalBasis, Origin{})
		if err != nil {
			return nil, err
		}
		sent = append(sent, pursued)
	}
	tx.Note("pursued", sent)
	return sent, nil
}

func (p *Post) pursue(tx *ledger.Tx, original store.EnvelopeOut, kind mandate.EnvelopeKind, message amendment, basis string, cause Origin) (string, error) {
	header, err := Parse(original.Body)
	if err != nil {
		return "", fmt.Errorf("reading envelope %s: %w", original.ID, err)
	}
	purpose := header.Purpose
	if kind == mandate.EnvelopeErasure {
		purpose = mandate.PurposeRetention
	}
	return p.Send(tx, Message{
		Recipient: original.Recipient, Kind: kind, Type: "eu.brdo." + string(kind) + ".v1", Schema: "amendment-1", Subject: original.Subject, Purpose: purpose,
		LegalBasis: basis, ReplyTo: original.ID, Priority: Urgent, Body: message, Passes: cause, refers: original.ID,
	})
}

// Amendment is a correction, recall or erasure that came in.
type Amendment struct {
	Opened
	// Original is the received envelope that it is about.
	Original store.EnvelopeIn
	Reason   string
	// Body is what is right, in a correction.
	Body json.RawMessage
}

// Amended is what a desk did with an amendment.
type Amended struct {
	// Answer goes into the receipt.
	Answer any
	// PassOn is the correction for those to whom this node passed the original
	// on, in the form that they know; nil tells them only that it was corrected,
	// because they may have been sent less than this node.
	PassOn any
}

// AmendmentHandler is the desk that takes in what corrects, recalls or erases a
// kind of envelope, in the transaction that stores it. Its errors mean what
// those of [Handler] mean.
type AmendmentHandler func(tx *ledger.Tx, from Node, a Amendment) (Amended, error)

// OnAmendment registers who takes in corrections, recalls and erasures of a kind
// of envelope. Where nobody is registered they are stored and receipted, and a
// person answers them with [Post.Answer].
func (p *Post) OnAmendment(original mandate.EnvelopeKind, handler AmendmentHandler) {
	p.amended[original] = handler
}

// passedOn is an answer together with those to whom the envelope goes on.
type passedOn struct {
	answer     any
	downstream []Downstream
}

func (p *Post) takeAmendment(tx *ledger.Tx, from Node, opened Opened) (any, error) {
	var message amendment
	if err := json.Unmarshal(opened.Message, &message); err != nil {
		return nil, unreadable("message", err)
	}
	switch {
	case message.ID == "" || message.ID != opened.ReplyTo:
		return nil, problem.InvalidField("envelope.replyto", "it does not name the envelope that the message is about", "name it in both")
	case message.Reason == "" || len(message.Reason) > problem.MaxReason:
		return nil, problem.InvalidField("message.reason", "it is missing or longer than 1000 bytes", "say in a sentence why")
	}
	original, found, err := tx.EnvelopeIn(from.NodeID, message.ID)
	switch {
	case err != nil:
		return nil, err
	case !found:
		// It may have overtaken the original, which must not be worked on then. So
		// this is no rejection: the sender tries again until both are here.
		return nil, &problem.Error{Kind: problem.Unavailable, Field: "envelope.replyto", Reason: "the envelope that this is about has not arrived", Remedy: "send that one first; this one is tried again"}
	case original.Digest != message.Digest:
		return nil, problem.InvalidField("message.digest", "it is about another envelope of that name", "give the digest of the envelope that was sent")
	case amends(mandate.EnvelopeKind(original.Kind)) || original.Kind == string(mandate.EnvelopeReceipt):
		return nil, problem.InvalidField("envelope.replyto", "a receipt, correction, recall or erasure cannot be taken back", "send another one about the original")
	}
	tx.Note("about", ledger.Named("envelope/"+original.ID))
	var done Amended
	if handler, found := p.amended[mandate.EnvelopeKind(original.Kind)]; found {
		if done, err = handler(tx, from, Amendment{opened, original, message.Reason, message.Body}); err != nil {
			return nil, err
		}
	}
	return p.passOn(tx, from, opened, message, done)
}

// passOn sends an amendment on to those to whom this node passed the original.
func (p *Post) passOn(tx *ledger.Tx, from Node, opened Opened, message amendment, done Amended) (any, error) {
	rows, err := tx.EnvelopesCausedBy(from.NodeID, message.ID)
	if err != nil {
		return nil, err
	}
	var body json.RawMessage
	if done.PassOn != nil {
		if body, err = json.Marshal(done.PassOn); err != nil {
			return nil, fmt.Errorf("writing a correction: %w", err)
		}
	}
	result := passedOn{answer: done.Answer}
	for _, row := range rows {
		if amends(mandate.EnvelopeKind(row.Kind)) || row.Kind == string(mandate.EnvelopeReceipt) {
			continue
		}
		if _, err := p.pursue(tx, row, opened.Kind, amendment{row.ID, row.Digest, message.Reason, body}, opened.LegalBasis, Origin{from.NodeID, opened.ID}); err != nil {
			return nil, err
		}
		result.downstream = append(result.downstream, Downstream{Node: row.Recipient, Status: "waiting"})
	}
	if len(result.downstream) > 0 {
		tx.Note("passed_on", len(result.downstream))
	}
	return result, nil
}

// reportBack tells the sender of an amendment how those fare to whom this node
// passed it on, whenever one of them says something.
func (p *Post) reportBack(tx *ledger.Tx, sent store.EnvelopeOut) error {
	if sent.CauseID == "" || sent.Refers == "" {
		return nil
	}
	row, found, err := tx.EnvelopeIn(sent.CauseSource, sent.CauseID)
	if err != nil || !found {
		return err
	}
	status := Forwarded
	if Status(row.Status) == Closed || Status(row.Status) == Rejected {
		status = Status(row.Status) // what the desk said stays; only the rest is news
	}
	return p.follow(tx, row, status, row.StatusReason)
}

// mayPassOn refuses to pass on what its sender recalled or asked to erase.
func (p *Post) mayPassOn(tx *ledger.Tx, m Message) error {
	if m.Passes.ID == "" || m.refers != "" {
		return nil
	}
	_, found, err := tx.EnvelopeIn(m.Passes.Source, m.Passes.ID)
	if err != nil {
		return err
	}
	if !found {
		return store.NotFound("received envelope", m.Passes.ID)
	}
	rows, err := tx.EnvelopesInReferring(m.Passes.Source, m.Passes.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Kind != string(mandate.EnvelopeCorrection) && row.Status != string(Rejected) {
			return problem.Newf(problem.Conflict, "its sender sent a %s on %s", row.Kind, row.ReceivedAt.Format("2006-01-02 15:04"))
		}
	}
	return nil
}

// Pursued is how one recipient of an envelope fares with a correction, recall or
// erasure of it.
type Pursued struct {
	store.EnvelopeOut
	// PassedOn is what the recipient says of those to whom it passed it on.
	PassedOn []Downstream
}

// Settled says whether the recipient, and everybody to whom it passed the
// original on, has receipted.
func (p Pursued) Settled() bool { return p.Status != "" && settled(p.PassedOn) }

func settled(all []Downstream) bool {
	for _, one := range all {
		if one.Status == "waiting" || !settled(one.Downstream) {
			return false
		}
	}
	return true
}

// Pursuits are those of the sent envelopes that correct, recall or erase another
// one, in their order, with how each recipient fares.
func Pursuits(sent []store.EnvelopeOut) ([]Pursued, error) {
	var all []Pursued
	for _, row := range sent {
		if !amends(mandate.EnvelopeKind(row.Kind)) {
			continue
		}
		passed, err := PassedOn(row)
		if err != nil {
			return nil, err
		}
		all = append(all, Pursued{row, passed})
	}
	return all, nil
}
