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
	if r.Control.CyberTip != nil {
		tip, _, err := d.tip(r)
		if err != nil {
			return nil, "", nil, err
		}
		digest, err = tip.Digest()
		return nil, digest, nil, err
	}
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
		Items: items(r),
	})
	if err != nil {
		return l, err
	}
	row.Envelope = envelope
	next, _, err := l.Apply(report.Event{Kind: report.Send, Digest: digest, Envelope: envelope}, tx.Now)
	return next, err
}

// items are those whose media the recipient may fetch.
func items(r report.Report) []string {
	var all []string
	for _, file := range r.Control.Files {
		all = append(all, file.Item)
	}
	return all
}

// receipt takes note of what the receiver says of a report: its signed receipt
// first, later whether it takes the report on, passes it on or closed it. These
// may overtake each other, so the steps between are made up for. A report that
// was refused for its form in the first receipt was not taken in: a person has
// to mend it, and no clock of the user's notice begins.
func (d *Desk) receipt(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	unfounded := false
	err := d.change(tx, sent.Subject, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
		var all []report.Effect
		if l.Envelope != sent.ID {
			return l, nil, nil // of an earlier text, which a person took back since
		}
		apply := func(event report.Event) error {
			next, effects, err := l.Apply(event, tx.Now)
			l, all = next, append(all, effects...)
			return err
		}
		refusal := report.Event{Kind: report.Reject, Receipt: sent.ID, Reason: cmp.Or(receipt.Reason, "no reason was given")}
		if l.State == report.Sending && receipt.Status == peer.Rejected {
			err := apply(refusal)
			return l, all, err
		}
		if l.State == report.Sending {
			if err := apply(report.Event{Kind: report.Receipt, Receipt: sent.ID}); err != nil {
				return l, nil, err
			}
		}
		if l.State != report.Delivered || receipt.Status == peer.Received {
			return l, all, nil
		}
		if receipt.Status == peer.Rejected {
			unfounded = true
			err := apply(refusal)
			return l, all, err
		}
		err := apply(report.Event{Kind: report.Accept, Receipt: sent.ID})
		return l, all, err
	})
	if err != nil {
		return err
	}
	if unfounded {
		// The user is informed without undue delay, not after three months.
		if err := d.applyOpenNotice(tx, sent.Subject, report.NoticeEvent{Kind: report.ManifestlyUnfounded}); err != nil {
			return err
		}
	}
	kind := string(receipt.Status)
	if receipt.Status == peer.Received {
		kind = "delivered"
	}
	return tx.InsertOutcome(store.Outcome{ID: store.NewID("outcome"), ReportID: sent.Subject, Kind: kind, Source: receipt.By, At: tx.Now})
}
