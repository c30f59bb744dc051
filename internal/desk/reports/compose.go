package reports

import (
	"context"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Compose begins a report about one sighting of a decided item; an empty
// sighting means the newest that no report tells of.
//
// Errors: Conflict when the item is not decided as reportable, or another
// report tells of the sighting.
func (d *Desk) Compose(ctx context.Context, actor mandate.Actor, itemID, sightingID string) (string, error) {
	id := store.NewID("report")
	err := d.options.Ledger.Do(ctx, d.act(actor, mandate.ReportCompose, id), func(tx *ledger.Tx) error {
		row, decision, err := decided(tx, itemID)
		if err != nil {
			return err
		}
		sighting, err := pick(tx, itemID, sightingID)
		if err != nil {
			return err
		}
		draft, err := d.draft(tx, id, row, decision, sighting)
		if err != nil {
			return err
		}
		if err := tx.ReportSighting(sighting.ID, id); err != nil {
			return err
		}
		tx.Note("item", itemID)
		tx.Note("sighting", sighting.ID)
		tx.Note("decision", decision.ID)
		recipient, err := d.addressee(tx.Tx, draft, "")
		if err != nil {
			return err
		}
		r := store.ReportRow{ID: id, Form: d.options.Form.Ref().String(), Author: actor.ID, Recipient: recipient, CreatedAt: tx.Now, ChangedAt: tx.Now, Notice: []byte("null")}
		if err := d.write(&r, draft, report.NewLifecycle()); err != nil {
			return err
		}
		return tx.InsertReport(r)
	})
	return id, err
}

func decided(tx *ledger.Tx, itemID string) (store.ItemRow, item.Decision, error) {
	row, err := tx.Item(itemID)
	if err != nil {
		return row, item.Decision{}, err
	}
	assessment, err := row.ReadAssessment()
	if err != nil {
		return row, item.Decision{}, err
	}
	decision, final := assessment.Final()
	switch {
	case !final:
		return row, decision, problem.New(problem.Conflict, "the item has no final decision yet", "a decision becomes final when its author goes on to the next item, or a few minutes later")
	case decision.Outcome != item.Reportable:
		return row, decision, problem.New(problem.Conflict, "people decided that the item is not reportable", "open the item to see the decision")
	}
	return row, decision, nil
}

func pick(tx *ledger.Tx, itemID, sightingID string) (store.SightingRow, error) {
	if sightingID != "" {
		sighting, err := tx.Sighting(sightingID)
		if err == nil && sighting.ItemID != itemID {
			err = problem.InvalidField("sighting", "it is a sighting of another item", "choose one of this item's sightings")
		}
		return sighting, err
	}
	sightings, err := tx.Sightings(itemID, 1000)
	if err != nil {
		return store.SightingRow{}, err
	}
	for _, sighting := range sightings {
		if sighting.ReportedIn == "" {
			return sighting, nil
		}
	}
	return store.SightingRow{}, problem.New(problem.Conflict, "all sightings of this item are in reports already", "open those reports")
}
