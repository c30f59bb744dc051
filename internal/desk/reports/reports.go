// Package reports is the desk that makes a provider's report from decided
// items, shows what it lacks, lets two people decide on exactly the bytes that
// are sent, follows the delivery to the receiver's signed receipt, and keeps
// the clock after which the user concerned is informed. At the Centre it takes
// the report in.
//
// Source: Articles 12, 13 and 48 and Annex III of COM(2022) 209, as the profile
// law/csar/com-2022-209 has them.
package reports

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of the desk; all but Recipient and Received are required.
type Options struct {
	Ledger *ledger.Ledger
	Post   *peer.Post
	Law    *law.Library
	// Form is the profile that new reports begin under.
	Form   *law.ReportForm
	Review *law.Review
	// Provider is section 1 of the form.
	Provider report.Provider
	// Redress is what users are told of their possibilities of redress, unless a
	// person says otherwise; may be empty.
	Redress string
	// Recipient finds the node id of the Centre; it may be registered later.
	Recipient func(tx *store.Tx) (id string, kind mandate.OrganisationKind, err error)
	// Received begins what the Centre does with a report that it took in, in the
	// same transaction. Nil elsewhere.
	Received func(tx *ledger.Tx, row store.ReceivedReport) error
}

// Desk makes and follows reports.
type Desk struct {
	options Options
	// tipline is nil where the operator did not configure it.
	tipline atomic.Pointer[CyberTipline]
}

// New makes the desk and registers what it does with receipts and, at a Centre,
// with reports that come in.
func New(options Options) *Desk {
	d := &Desk{options: options}
	switch options.Ledger.NodeKind() {
	case mandate.Provider, mandate.Hotline:
		options.Post.OnReceipt(mandate.EnvelopeReport, d.receipt)
		options.Post.OnEnvelope(mandate.EnvelopeOutcome, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeFeedback})
		options.Post.OnEnvelope(mandate.EnvelopeQuestion, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeQuestion})
		options.Post.OnAmendment(mandate.EnvelopeQuestion, d.takeWithdrawal)
		options.Post.OnReceipt(mandate.EnvelopeAnswer, d.answerReceipted)
		options.Post.OnEnvelope(mandate.EnvelopeHold, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeHold})
	case mandate.Centre:
		options.Post.OnEnvelope(mandate.EnvelopeReport, peer.Handler{Action: mandate.ReportReceive, Take: d.take})
	}
	return d
}

func (d *Desk) act(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	return ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: id}}
}

// onReport is an act on one report, with its author.
func (d *Desk) onReport(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	act := d.act(actor, action, id)
	act.Find = func(tx *store.Tx) (access.Resource, error) {
		row, err := tx.Report(id)
		return access.Resource{ID: id, Author: row.Author}, err
	}
	return act
}

func (d *Desk) form(ref law.Ref) (*law.ReportForm, error) { return d.options.Law.ReportForm(ref) }

func read(row store.ReportRow) (report.Report, report.Lifecycle, error) {
	r, err := report.Parse(row.Body)
	if err != nil {
		return r, report.Lifecycle{}, fmt.Errorf("reading report %s: %w", row.ID, err)
	}
	var l report.Lifecycle
	if err := json.Unmarshal(row.Lifecycle, &l); err != nil {
		return r, l, fmt.Errorf("reading the state of %s: %w", row.ID, err)
	}
	return r, l, nil
}

// write puts a report and its state into a row.
func (d *Desk) write(row *store.ReportRow, r report.Report, l report.Lifecycle) error {
	body, err := r.Marshal()
	if err != nil {
		return err
	}
	state, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing the state of %s: %w", row.ID, err)
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return err
	}
	row.Body, row.Lifecycle, row.State = body, state, string(l.State)
	row.Urgent = r.Form.Urgent != nil && *r.Form.Urgent
	row.Completeness = r.Completeness(form).Score
	return nil
}

// change applies a step of a report's life and writes what follows.
func (d *Desk) change(tx *ledger.Tx, id string, step func(*report.Report, report.Lifecycle) (report.Lifecycle, []report.Effect, error)) error {
	row, err := tx.Report(id)
	if err != nil {
		return err
	}
	r, l, err := read(row)
	if err != nil {
		return err
	}
	next, effects, err := step(&r, l)
	if err != nil {
		return err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return err
	}
	if found := r.Validate(form); len(found) > 0 {
		return found[0]
	}
	if row.Recipient, err = d.addressee(tx.Tx, r, row.Recipient); err != nil {
		return err
	}
	for _, effect := range effects {
		switch effect.Kind {
		case report.ReadyToSend:
			if r.Control.CyberTip != nil {
				if next, err = d.sendTip(tx, row.ID, r, next); err != nil {
					return err
				}
				continue
			}
			if next, err = d.send(tx, &row, r, next); err != nil {
				return err
			}
		case report.StartUserNotice:
			if err := d.startNotice(tx, &row, r, form); err != nil {
				return err
			}
		}
	}
	tx.Note("state", next.State)
	row.ChangedAt = tx.Now
	if err := d.write(&row, r, next); err != nil {
		return err
	}
	return tx.UpdateReport(row)
}
