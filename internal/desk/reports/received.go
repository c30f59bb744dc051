package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Answer is what a receiver says of a report in its receipt.
type Answer struct {
	Reference    string           `json:"reference"`
	Completeness int              `json:"completeness"`
	Missing      []report.Missing `json:"missing,omitempty"`
}

// take takes a report in, at the Centre. What it lacks does not stop it: the
// provider is told in the receipt (Article 48(5)), and the report moves on.
func (d *Desk) take(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	r, err := report.Parse(bytes.TrimSpace(opened.Message))
	if err != nil {
		return nil, err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, problem.InvalidField("profile", "this node does not know the form "+r.Profile.String(), "send it under a version that both nodes have").Because(err)
	}
	if found := r.Validate(form); len(found) > 0 {
		return nil, found[0]
	}
	c := r.Completeness(form)
	missing, err := json.Marshal(c.Missing)
	if err != nil {
		return nil, fmt.Errorf("writing what is missing: %w", err)
	}
	row := store.ReceivedReport{
		ID: store.NewID("received"), Sender: from.NodeID, SenderName: from.Title, Reference: r.ID, Envelope: opened.ID, Form: r.Profile.String(), Body: opened.Message,
		Urgent: r.Form.Urgent != nil && *r.Form.Urgent, Completeness: c.Score, Missing: missing, State: "received", ReceivedAt: tx.Now,
	}
	tx.Note("received", row.ID)
	tx.Note("completeness", c.Score)
	if err := tx.InsertReceivedReport(row); err != nil {
		return nil, err
	}
	answer := Answer{row.ID, c.Score, c.Missing}
	if d.options.Received == nil {
		return answer, nil
	}
	return answer, d.options.Received(tx, row)
}

// Received is a report from another organisation, as its readers see it.
type Received struct {
	store.ReceivedReport
	Report       report.Report
	Form         *law.ReportForm
	Completeness report.Completeness
	Events       []store.LogEvent
}

// ReceivedReports returns what waits to be assessed, urgent ones first.
func (d *Desk) ReceivedReports(ctx context.Context, actor mandate.Actor) (rows []store.ReceivedReport, err error) {
	act := d.act(actor, mandate.ReportConsult, "")
	act.Purpose = mandate.PurposeAssessment
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err = tx.ReceivedReports("received", 200)
		tx.Note("reports", len(rows))
		return err
	})
	return rows, err
}

// ReceivedReport returns one report from another organisation.
func (d *Desk) ReceivedReport(ctx context.Context, actor mandate.Actor, id string) (Received, error) {
	var v Received
	act := d.act(actor, mandate.ReportConsult, id)
	act.Purpose = mandate.PurposeAssessment
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		if v.ReceivedReport, err = tx.ReceivedReport(id); err != nil {
			return err
		}
		if v.Report, err = report.Parse(v.Body); err != nil {
			return err
		}
		if v.Form, err = d.form(v.Report.Profile); err != nil {
			return err
		}
		v.Completeness = v.Report.Completeness(v.Form)
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}
