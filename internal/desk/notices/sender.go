package notices

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Opening is what a person fills in to open a case of notices.
type Opening struct {
	// From is the report (its id at this node) that the case follows from; may be
	// empty. Where Items is empty, the address of the service and the digests of
	// that report are taken.
	From      string
	Reference string
	// Ground is a ground of the profile, Request the recorded request of the victim
	// or authority.
	Ground, Request string
	// Known names the assessment or indicator by which the material is known, Found
	// the search or report by which it was found.
	Known, Found string
	Items        []order.Item
}

// Open opens a case of notices and returns its id. While a hold stands against
// notices about the material the case is barred from the start.
//
// Errors: Denied without a ground on which this organisation may send notices;
// Invalid with the field that the law asks for; NotFound for a report that is
// not known.
func (d *Desk) Open(ctx context.Context, actor mandate.Actor, opening Opening) (id string, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.VoluntaryOpen, Purpose: mandate.PurposeRemoval}
	err = d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		id = store.NewID("notice")
		tx.Concerns(id)
		form, err := d.options.Law.LatestNoticeForm(d.options.Profile)
		if err != nil {
			return err
		}
		if opening.From != "" {
			if err := d.fromReport(tx, &opening); err != nil {
				return err
			}
		}
		for field, text := range map[string]string{"request": opening.Request, "known": opening.Known, "found": opening.Found} {
			if err := problem.TooLong(field, text, problem.MaxReason); err != nil {
				return err
			}
		}
		if opening.Reference == "" || len(opening.Reference) > 200 {
			return problem.InvalidField("reference", "it is missing or longer than 200 bytes", "give the reference that the notices will bear")
		}
		if err := problem.Findings(order.CheckNoticeItems(opening.Items, form)).First(); err != nil {
			return err
		}
		var places []string
		for _, item := range opening.Items {
			if !slices.Contains(places, item.URL) {
				places = append(places, item.URL)
			}
		}
		value, effects, err := order.OpenNotice(form, order.NoticeOpening{
			ID: id, Sender: senders[d.options.Ledger.NodeKind()], Ground: opening.Ground, Request: opening.Request, Known: opening.Known, Found: opening.Found,
			Places: places, Person: actor.ID, Decision: tx.EventID(),
		}, tx.Now)
		if err != nil {
			return err
		}
		tx.Note("ground", opening.Ground)
		row := store.NoticeRow{
			ID: id, Side: store.NoticeSent, Source: d.options.Post.Self().NodeID, Name: id, Reference: opening.Reference, About: opening.From,
			Author: actor.ID, CreatedAt: tx.Now, Version: 1,
		}
		if err := d.insert(tx, &row, value, opening.Items); err != nil {
			return err
		}
		for _, effect := range effects {
			if err := d.one(tx, row, deed{}, effect); err != nil {
				return err
			}
		}
		return d.bar(tx, row)
	})
	return id, err
}

// insert writes a new case or notice with its items.
func (d *Desk) insert(tx *ledger.Tx, row *store.NoticeRow, value any, items []order.Item) error {
	if err := put(tx, row, value); err != nil {
		return err
	}
	if err := tx.InsertNotice(*row); err != nil {
		return err
	}
	tx.Note("notice", row.ID)
	for position, item := range items {
		hash, err := perceptual(tx, item.SHA256)
		if err != nil {
			return err
		}
		if err := tx.InsertNoticeItem(store.NoticeItem{
			NoticeID: row.ID, Position: position, URL: item.URL, SHA256: item.SHA256, Identification: item.Identification, PDQ: hash,
		}); err != nil {
			return err
		}
	}
	return nil
}

// perceptual returns the perceptual digest of an item in hex, where this node
// knows one that is good enough to compare.
func perceptual(tx *ledger.Tx, sum string) (string, error) {
	if sum == "" {
		return "", nil
	}
	row, err := tx.Item(sum)
	switch {
	case err == nil && row.PDQ != "" && row.PDQQuality >= pdq.MinimumQuality:
		return row.PDQ, nil
	case err != nil && !problem.Is(err, problem.NotFound):
		return "", err
	}
	entries, err := tx.ListEntriesWithSHA256(sum)
	for _, entry := range entries {
		if len(entry.PDQ) > 0 {
			return fmt.Sprintf("%x", entry.PDQ), err
		}
	}
	return "", err
}

// fromReport fills in what a report at this node says: at an authority one that
// was referred to it, elsewhere one that was received.
func (d *Desk) fromReport(tx *ledger.Tx, opening *Opening) error {
	var text json.RawMessage
	if strings.HasPrefix(opening.From, "referral/") {
		row, err := tx.Referral(opening.From)
		if err != nil {
			return err
		}
		var offer struct {
			Report json.RawMessage `json:"report"`
		}
		if err := json.Unmarshal(row.Offer, &offer); err != nil {
			return fmt.Errorf("reading the offer of %s: %w", opening.From, err)
		}
		text = offer.Report
	} else {
		row, err := tx.ReceivedReport(opening.From)
		if err != nil {
			return err
		}
		text = row.Body
	}
	r, err := report.Parse(text)
	if err != nil {
		return err
	}
	tx.Note("report", opening.From)
	opening.Found = cmp.Or(opening.Found, opening.From)
	if len(opening.Items) > 0 {
		return nil
	}
	for _, file := range r.Control.Files {
		opening.Items = append(opening.Items, order.Item{URL: r.Form.Service.URL, SHA256: file.Item})
	}
	return nil
}

// Letter is what a person decides to send to the addressee of the rung on which
// a case stands.
type Letter struct {
	// Node is the addressee's, when it has one; then Name may stay empty. Without a
	// node a person sends the notice and records that it was sent.
	Node          string
	Name, Contact string
	Reasons       string
	LegalBasis    string
}

// Send decides that a notice goes to the rung on which the case stands: to a
// node it is sent, for everybody else it is written, and people are asked to
// send it.
//
// Errors: Denied while a hold, an order or a question of another authority
// stands against it; Invalid with the field that the law asks for.
func (d *Desk) Send(ctx context.Context, actor mandate.Actor, id string, letter Letter) error {
	return d.do(ctx, actor, mandate.VoluntarySend, id, func(tx *ledger.Tx, row store.NoticeRow) error {
		value, err := read[order.NoticeCase](row)
		if err != nil {
			return err
		}
		form, err := d.options.Law.NoticeForm(value.Profile)
		if err != nil {
			return err
		}
		items, err := tx.NoticeItems(id)
		if err != nil {
			return err
		}
		if err := d.othersAct(tx, items); err != nil {
			return err
		}
		check, err := tx.LookForHolds(tx.Now, subjects(items)...)
		if err != nil {
			return err
		}
		tx.Note("holds_checked", len(check.Holds))
		document, facts, err := d.write(tx, row, value, form, items, letter)
		if err != nil {
			return err
		}
		tx.Note("rung", facts.Rung)
		tx.Note("addressee", letter.Node)
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.SendNotice, Notice: &facts, Check: check}, document: document})
	})
}

// write writes and signs a notice.
func (d *Desk) write(tx *ledger.Tx, row store.NoticeRow, value order.NoticeCase, form *law.NoticeForm, items []store.NoticeItem, letter Letter) (document store.NoticeDocument, facts order.NoticeFacts, err error) {
	self := d.options.Post.Self()
	if d.options.ContactPoint == "" {
		return document, facts, problem.InvalidField("sender.contact_point", "this organisation has none", "the operator sets organisation.contact_point in the configuration")
	}
	if letter.Node != "" {
		to, err := d.options.Post.Find(tx, letter.Node)
		if err != nil {
			return document, facts, err
		}
		if to.Organisation != mandate.Provider {
			return document, facts, problem.InvalidField("addressee", "it is no provider", "notices go to providers")
		}
		letter.Name, letter.Contact = to.Title, cmp.Or(letter.Contact, to.URL)
	}
	n := order.Notice{
		ID: store.NewID("notice"), Profile: value.Profile, Reference: row.Reference,
		Sender:    order.Sender{Kind: value.Opening.Sender, Name: self.Title, ContactPoint: d.options.ContactPoint},
		Addressee: order.NoticeAddressee{Rung: value.CurrentRung().Key, Name: letter.Name, Contact: letter.Contact},
		Reasons:   letter.Reasons, Voluntary: form.Voluntary.Text, LegalBasis: letter.LegalBasis, IssuedAt: tx.Now,
		Signature: order.Signature{KeyID: self.NodeID, Method: method},
	}
	for _, item := range items {
		n.Items = append(n.Items, order.Item{URL: item.URL, SHA256: item.SHA256, Identification: item.Identification})
	}
	text, err := n.Marshal()
	if err != nil {
		return document, facts, err
	}
	if _, facts, err = order.ReadNotice(text, form); err != nil {
		return document, facts, err
	}
	signed, err := d.options.Post.Sign(signedNotice, text)
	return store.NoticeDocument{ID: store.NewID("document"), NoticeID: row.ID, Name: n.ID, Node: letter.Node, Digest: facts.Digest, Text: text, Signed: signed, At: tx.Now}, facts, err
}

// othersAct refuses a notice while an order about the same material is under
// way, another authority's question about it is not answered here, or was answered
// by an objection that has not ended.
func (d *Desk) othersAct(tx *ledger.Tx, items []store.NoticeItem) error {
	about := subjects(items)
	for _, subject := range about {
		orders, err := tx.OrdersOn(subject)
		if err != nil {
			return err
		}
		for _, row := range orders {
			if order.State(row.State).Pending() {
				return problem.New(problem.Denied, "an order about the same material is under way: "+row.Reference, "see what becomes of the order first")
			}
		}
		questions, err := tx.DeconflictionsOn(subject)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(questions, func(q store.Deconfliction) bool { return q.State == store.DeconflictionOpen }) {
			return problem.New(problem.Denied, "another authority asked about a removal of the same material and has no answer", "answer it first")
		}
		if at := slices.IndexFunc(questions, func(q store.Deconfliction) bool { return q.Objects(tx.Now) }); at >= 0 {
			return problem.New(problem.Denied, "this organisation objects to a removal of the same material until "+questions[at].Until.Format(time.RFC3339), "wait until the objection has ended")
		}
	}
	return nil
}

// send hands a notice to delivery, or asks people to send it.
func (d *Desk) send(tx *ledger.Tx, row store.NoticeRow, document store.NoticeDocument) error {
	tx.Note("document", document.Digest)
	if document.Node == "" {
		if err := tx.InsertNoticeDocument(document); err != nil {
			return err
		}
		return tx.Ask(row.ID, "the addressee has no node: send the document yourself, and record that it was sent")
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: document.Node, Kind: mandate.EnvelopeNotice, Type: "eu.brdo.notice.sent.v1", Schema: "notice-1", Subject: row.ID,
		Purpose: mandate.PurposeRemoval, LegalBasis: legalBasis, Priority: peer.Urgent, Body: Message{Notice: document.Name, Signed: document.Signed},
	})
	if err != nil {
		return err
	}
	tx.Note("sent", envelope)
	document.Envelope = envelope
	return tx.InsertNoticeDocument(document)
}

// receipted takes note of the receipt of a notice: the time of the rung runs
// from the proven delivery.
func (d *Desk) receipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	document, found, err := tx.NoticeDocumentIn(sent.ID)
	if err != nil || !found {
		return err
	}
	event := order.Event{Digest: document.Digest, At: receipt.At, Receipt: sent.ID}
	switch receipt.Status {
	case peer.Received:
		event.Kind = order.DeliveryProven
	case peer.Rejected:
		event.Kind, event.Reason = order.DeliveryFailed, "the addressee refused to take it: "+receipt.Reason
	default:
		return nil
	}
	row, err := tx.Notice(document.NoticeID)
	if err != nil {
		return err
	}
	err = d.apply(tx, row, deed{event: event})
	if problem.Is(err, problem.Conflict) {
		return nil // an answer crossed with the receipt, or the case has gone on
	}
	return err
}

// takeAnswer takes in what an addressee did about a notice.
func (d *Desk) takeAnswer(tx *ledger.Tx, from peer.Node, envelope peer.Opened) (any, error) {
	reply, err := peer.ReadMessage[Reply](envelope.Message, documented)
	if err != nil {
		return nil, err
	}
	document, found, err := tx.NoticeDocumentSentTo(from.NodeID, reply.Notice)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, problem.InvalidField("message.notice", "no notice of that name was sent to this provider", "name the notice that was received")
	}
	if err := problem.TooLong("message.reason", reply.Reason, problem.MaxReason); err != nil {
		return nil, err
	}
	event := order.Event{Digest: document.Digest, Receipt: envelope.ID, Reason: reply.Reason, At: reply.At}
	switch reply.Says {
	case SaysRemoved:
		event.Kind = order.RemovalReported
	case SaysRefused:
		event.Kind, event.Reason = order.Unwilling, cmp.Or(reply.Reason, "no reason was given")
	default:
		return nil, problem.InvalidField("message.says", "it is no answer that this node knows", "see "+documented)
	}
	tx.Note("notice", document.NoticeID)
	tx.Note("answer", reply.Says)
	// An answer that overtook the receipt proves the delivery as well.
	row, err := tx.Notice(document.NoticeID)
	if err != nil {
		return nil, err
	}
	if row.State == string(order.Sending) {
		err := d.apply(tx, row, deed{event: order.Event{Kind: order.DeliveryProven, Digest: document.Digest, At: tx.Now, Receipt: envelope.ID}})
		if err != nil && !problem.Is(err, problem.Conflict) {
			return nil, err
		}
		if row, err = tx.Notice(document.NoticeID); err != nil {
			return nil, err
		}
	}
	err = d.apply(tx, row, deed{event: event})
	if problem.Is(err, problem.Conflict) {
		// The case has ended or stands where this changes nothing: people are told.
		return nil, tx.Alarm(row.ID, strings.TrimSuffix("an addressee answered: "+reply.Says+": "+reply.Reason, ": "))
	}
	return nil, err
}

// Delivered records that a person sent a notice to somebody without a node:
// when, and what proves it, for example the number of a letter.
func (d *Desk) Delivered(ctx context.Context, actor mandate.Actor, id string, at time.Time, proof string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.DeliveryProven, At: at, Receipt: proof})
}

// Undeliverable records that a notice could not be delivered, or came back.
func (d *Desk) Undeliverable(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.DeliveryFailed, Reason: reason})
}

// Removed records that an addressee said outside the nodes, or that a person
// found, that the material was removed.
func (d *Desk) Removed(ctx context.Context, actor mandate.Actor, id string, at time.Time, proof string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.RemovalReported, At: at, Reason: proof})
}

// Refused records that an addressee said outside the nodes that it will not
// remove the material; proof names the message that says so.
func (d *Desk) Refused(ctx context.Context, actor mandate.Actor, id, proof, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.Unwilling, Receipt: proof, Reason: reason})
}

// NextRung decides that the next addressee of the ladder is asked.
func (d *Desk) NextRung(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.NextRung, Reason: reason})
}

// Resolve decides that what reappeared is asked for again.
func (d *Desk) Resolve(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.Resolve, Reason: reason})
}

// Close ends a case; its state until then is its outcome.
func (d *Desk) Close(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryFollow, id, order.Event{Kind: order.Close, Reason: reason})
}

// Withdraw decides that every notice of a case that was sent is taken back. Nodes
// are told until they have receipted it; for everybody else a document is written,
// and people are asked to send it.
//
// Errors: Conflict when nothing was sent, or it was taken back before.
func (d *Desk) Withdraw(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.VoluntaryRecall, id, order.Event{Kind: order.Withdraw, Reason: reason})
}

// takeBack tells everybody to whom a notice of the case went.
func (d *Desk) takeBack(tx *ledger.Tx, row store.NoticeRow, reason string) error {
	all, err := tx.NoticeDocuments(row.ID)
	if err != nil {
		return err
	}
	var originals []string
	for _, document := range all {
		if document.Envelope != "" {
			originals = append(originals, document.Envelope)
			continue
		}
		if err := d.withdrawal(tx, row, document, reason); err != nil {
			return err
		}
	}
	if len(originals) == 0 {
		return nil
	}
	_, err = d.options.Post.Pursue(tx, peer.Pursuit{Kind: mandate.EnvelopeRecall, Originals: originals, Reason: reason, LegalBasis: legalBasis})
	return err
}

// withdrawal writes and signs what takes back a notice that a person sent.
func (d *Desk) withdrawal(tx *ledger.Tx, row store.NoticeRow, document store.NoticeDocument, reason string) error {
	sent, err := order.ParseNotice(document.Text)
	if err != nil {
		return err
	}
	form, err := d.options.Law.NoticeForm(sent.Profile)
	if err != nil {
		return err
	}
	back := sent.Withdrawal(store.NewID("notice"), reason, tx.Now)
	back.Signature.KeyID = d.options.Post.Self().NodeID
	text, err := back.Marshal()
	if err != nil {
		return err
	}
	if _, _, err = order.ReadNotice(text, form); err != nil {
		return err
	}
	signed, err := d.options.Post.Sign(signedNotice, text)
	if err != nil {
		return err
	}
	if err := tx.InsertNoticeDocument(store.NoticeDocument{
		ID: store.NewID("document"), NoticeID: row.ID, Name: back.ID, Digest: order.Digest(text), Text: text, Signed: signed, At: tx.Now,
	}); err != nil {
		return err
	}
	return tx.Ask(row.ID, sent.Addressee.Name+" has no node: if the notice went there, send the withdrawal yourself, and say so when you looked at this")
}
