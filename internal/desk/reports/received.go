package reports

import (
	"bytes"
	"encoding/json"
	"fmt"

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
	var fields []string
	for _, m := range c.Missing {
		fields = append(fields, m.Field)
	}
	tx.Note("missing", fields) // for the cards of senders, which are counted from the log
	if err := tx.InsertReceivedReport(row); err != nil {
		return nil, err
	}
	answer := Answer{row.ID, c.Score, c.Missing}
	if d.options.Received == nil {
		return answer, nil
	}
	return answer, d.options.Received(tx, row)
}
