package reports

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// outgoing is what the recipient gets: the exact bytes and their digest.
func (d *Desk) outgoing(tx *store.Tx, r report.Report) (text []byte, digest string, left []string, err error) {
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, "", nil, err
	}
	_, kind, err := d.options.Recipient(tx)
	if err != nil {
		return nil, "", nil, err
	}
	out, left, err := r.Outgoing(form, string(kind))
	if err != nil {
		return nil, "", nil, err
	}
	if text, err = out.Marshal(); err != nil {
		return nil, "", nil, err
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:]), left, nil
}

// send hands the approved bytes to delivery, in the transaction of the decision.
func (d *Desk) send(tx *ledger.Tx, row *store.ReportRow, r report.Report, l report.Lifecycle) (report.Lifecycle, error) {
	text, digest, _, err := d.outgoing(tx.Tx, r)
	if err != nil {
		return l, err
	}
	priority := peer.Normal
	if r.Form.Urgent != nil && *r.Form.Urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Recipient, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: r.Profile.String(), Subject: row.ID,
		Purpose: mandate.PurposeReporting, LegalBasis: r.Profile.String(), Priority: priority, Body: json.RawMessage(text),
	})
	if err != nil {
		return l, err
	}
	row.Envelope = envelope
	next, _, err := l.Apply(report.Event{Kind: report.Send, Digest: digest, Envelope: envelope}, tx.Now)
	return next, err
}

// receipt takes note of the receiver's signed receipt: the report was taken in,
// or it was refused for its form and a person has to mend it. Only what was
// taken in starts the clock of the user's notice.
func (d *Desk) receipt(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	kind, event := "delivered", report.Event{Kind: report.Receipt, Receipt: sent.ID}
	if receipt.Status == peer.Rejected {
		kind, event = "rejected", report.Event{Kind: report.Reject, Receipt: sent.ID, Reason: cmp.Or(receipt.Reason, "no reason was given")}
	}
	err := d.change(tx, sent.Subject, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
		return l.Apply(event, tx.Now)
	})
	if err != nil {
		return err
	}
	return tx.InsertOutcome(store.Outcome{ID: store.NewID("outcome"), ReportID: sent.Subject, Kind: kind, Source: receipt.By, At: tx.Now})
}
