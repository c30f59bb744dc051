package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// maxReason is the longest reason for opening an item again, in bytes.
const maxReason = 2000

// Reopen puts an item whose decision is final back to people who took no part so
// far, after a complaint or new information. It returns how many reports tell of
// the item: whether they need a correction is for people to say, so whoever
// reopens has to know of them. Entries of lists that rest on the decision are
// suspended by the node.
//
// Errors: Denied; NotFound; Conflict without a final decision; Invalid without a
// reason.
func (d *Desk) Reopen(ctx context.Context, actor mandate.Actor, id, reason string) (reports int64, err error) {
	err = d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemReopen, id), func(tx *ledger.Tx) error {
		if reports, err = tx.CountReportsOfItem(id); err != nil {
			return err
		}
		decision := item.Decision{ID: store.NewID("decision"), Person: actor.ID, At: tx.Now, Reason: strings.TrimSpace(reason)}
		if err := problem.TooLong("reason", decision.Reason, maxReason); err != nil {
			return err
		}
		tx.Note("decision", decision.ID)
		tx.Note("reports", reports)
		if err := d.change(tx, id, item.Event{Kind: item.Reopen, Person: actor.ID, Decision: decision.ID, Reason: decision.Reason}, nil); err != nil {
			return err
		}
		body, err := json.Marshal(decision)
		if err != nil {
			return fmt.Errorf("writing a decision: %w", err)
		}
		return tx.InsertDecision(store.DecisionRow{
			ID: decision.ID, ItemID: id, Person: actor.ID, Round: store.RoundReopened, Body: body, At: tx.Now, Event: tx.EventID(),
		})
	})
	return reports, err
}

// reopened reads the times that an item was opened again.
func reopened(tx *store.Tx, id string) (all []item.Decision, err error) {
	rows, err := tx.Decisions(id)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Round != store.RoundReopened {
			continue
		}
		var decision item.Decision
		if err := json.Unmarshal(row.Body, &decision); err != nil {
			return nil, fmt.Errorf("reading decision %s: %w", row.ID, err)
		}
		all = append(all, decision)
	}
	return all, nil
}
