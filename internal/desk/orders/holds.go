package orders

import (
	"context"
	"net/url"
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
		for field, text := range map[string]string{"reason": r.Reason, "requester": r.Requester, "legal_basis": r.LegalBasis} {
			if err := problem.TooLong(field, text, problem.MaxReason); err != nil {
				return err
			}
		}
		if address, err := url.Parse(r.Subject); !problem.IsContentAddress(r.Subject) && (err != nil || address.Host == "" || len(r.Subject) > 4000) {
			return problem.InvalidField("subject", "it is neither an address nor a SHA-256", "give the address as orders and notices name it, or the SHA-256 of the item in lower case")
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
		tx.Note("kind", r.Kind)
		tx.Note("until", r.Until)
		if err := tx.InsertHold(store.HoldRow{ID: id, Kind: string(r.Kind), Subject: r.Subject, Until: record.Until(), Body: body}); err != nil {
			return err
		}
		return d.held(tx, record)
	})
	return id, err
}

// ReleaseHold records that the authority released its hold early.
func (d *Desk) ReleaseHold(ctx context.Context, actor mandate.Actor, id, by, reason string) error {
	return d.changeHold(ctx, actor, id, func(record hold.Record, now time.Time) (hold.Record, error) { return record.Release(by, reason, now) })
}

// Extension is what a person records: that the authority which asked to wait asks
// to wait longer.
type Extension struct {
	LegalBasis, Reason string
	Until              time.Time
}

// ExtendHold records that the authority extended its hold.
//
// Errors: Invalid for an end that is no later than the one before, or beyond what
// the law allows for all requests together; Expired when the hold has ended.
func (d *Desk) ExtendHold(ctx context.Context, actor mandate.Actor, id string, e Extension) error {
	return d.changeHold(ctx, actor, id, func(record hold.Record, now time.Time) (hold.Record, error) {
		for field, text := range map[string]string{"reason": e.Reason, "legal_basis": e.LegalBasis} {
			if err := problem.TooLong(field, text, problem.MaxReason); err != nil {
				return record, err
			}
		}
		return record.Extend(hold.Hold{Requester: record.Requests[0].Requester, LegalBasis: e.LegalBasis, Reason: e.Reason, From: now, Until: e.Until}, now)
	})
}

// changeHold changes a hold, and lets those hear of it whom the hold itself
// concerns.
func (d *Desk) changeHold(ctx context.Context, actor mandate.Actor, id string, change func(record hold.Record, now time.Time) (hold.Record, error)) error {
	act := ledger.Act{Actor: actor, Action: mandate.HoldRecord, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Hold(id)
		if err != nil {
			return err
		}
		record, err := row.Record()
		if err != nil {
			return err
		}
		if record, err = change(record, tx.Now); err != nil {
			return err
		}
		row.Until = record.Until()
		if row.Body, err = written(record); err != nil {
			return err
		}
		tx.Note("until", row.Until)
		if err := tx.UpdateHold(row); err != nil {
			return err
		}
		return d.held(tx, record)
	})
}

func (d *Desk) held(tx *ledger.Tx, record hold.Record) error {
	if d.options.Held == nil {
		return nil
	}
	return d.options.Held(tx, record)
}

// Holds returns the holds in force, those that end first first.
func (d *Desk) Holds(ctx context.Context, actor mandate.Actor) (all []hold.Record, now time.Time, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.HoldConsult, Purpose: mandate.PurposeRemoval}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		all, now = nil, tx.Now
		rows, err := tx.Holds(tx.Now, 500)
		for _, row := range rows {
			record, err := row.Record()
			if err != nil {
				return err
			}
			all = append(all, record)
		}
		tx.Note("holds", len(all))
		return err
	})
	return all, now, err
}
