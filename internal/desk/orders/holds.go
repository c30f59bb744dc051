package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// holdRules is the profile of holds.
const holdRules = "holds/csar"

// HoldRequest is what a person records: that a competent authority asked to wait.
type HoldRequest struct {
	// Kind is no_remove or no_notice.
	Kind hold.Kind
	// Subject is an address, or the SHA-256 of an item in hex.
	Subject                       string
	Requester, LegalBasis, Reason string
	Until                         time.Time
}

// RecordHold records that a competent authority asked to wait with removing
// material, or with notices about it, and returns the hold's id.
//
// Errors: Invalid without an end, or for one that the law does not allow.
func (d *Desk) RecordHold(ctx context.Context, actor mandate.Actor, r HoldRequest) (id string, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.HoldRecord, Purpose: mandate.PurposeRemoval}
	err = d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		rules, err := d.options.Law.LatestHoldRules(holdRules)
		if err != nil {
			return err
		}
		if r.Kind != hold.NoRemove && r.Kind != hold.NoNotice {
			return problem.InvalidField("kind", "it is no hold on material", "use no_remove or no_notice")
		}
		if err := tooLong("reason", r.Reason); err != nil {
			return err
		}
		id = store.NewID("hold")
		tx.Concerns(id)
		asked := hold.Hold{Requester: r.Requester, LegalBasis: r.LegalBasis, Reason: r.Reason, From: tx.Now, Until: r.Until}
		record, err := hold.Start(id, r.Kind, r.Subject, rules, asked, tx.Now)
		if err != nil {
			return err
		}
		body, err := written(record)
		if err != nil {
			return err
		}
		tx.Note("until", r.Until)
		return tx.InsertHold(store.HoldRow{ID: id, Kind: string(r.Kind), Subject: r.Subject, Until: record.Until(), Body: body})
	})
	return id, err
}

// ReleaseHold records that the authority released its hold early.
func (d *Desk) ReleaseHold(ctx context.Context, actor mandate.Actor, id, by, reason string) error {
	act := ledger.Act{Actor: actor, Action: mandate.HoldRecord, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Hold(id)
		if err != nil {
			return err
		}
		record, err := holdOf(row)
		if err != nil {
			return err
		}
		if record, err = record.Release(by, reason, tx.Now); err != nil {
			return err
		}
		row.Until = record.Until()
		if row.Body, err = written(record); err != nil {
			return err
		}
		return tx.UpdateHold(row)
	})
}

func holdOf(row store.HoldRow) (record hold.Record, err error) {
	if err := json.Unmarshal(row.Body, &record); err != nil {
		return record, fmt.Errorf("reading hold %s: %w", row.ID, err)
	}
	return record, nil
}

// holdsOn are the holds on a subject that have not ended.
func holdsOn(tx *ledger.Tx, subject string) ([]hold.Record, error) {
	rows, err := tx.HoldsOn(subject, tx.Now)
	if err != nil {
		return nil, err
	}
	var all []hold.Record
	for _, row := range rows {
		record, err := holdOf(row)
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}
