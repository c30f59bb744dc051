package ledger

import (
	"context"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/store"
)

// Record is an event with its place in the log.
type Record struct {
	Event
	// Position counts from 0; -1 until sequenced.
	Position int64
	// Text holds the exact bytes that are hashed.
	Text string
}

// LogPage is a stretch of the log, newest first, with its latest checkpoint.
type LogPage struct {
	Records []Record
	// Next is the position before which older records lie; 0 at the end.
	Next       int64
	Size       int64
	Checkpoint string
}

func recordOf(row store.LogEvent) (Record, error) {
	event, err := ParseEvent(row.Record)
	return Record{event, row.Position, string(row.Record)}, err
}

// Log returns up to limit records before a position (0 means the newest).
// Reading the log is an act like any other, and is logged.
func (l *Ledger) Log(ctx context.Context, actor mandate.Actor, before int64, limit int) (LogPage, error) {
	var page LogPage
	act := Act{Actor: actor, Action: mandate.LogConsult, Purpose: mandate.PurposeAudit, Resource: access.Resource{ID: "log"}}
	err := l.Read(ctx, act, func(tx *Tx) (err error) {
		page = LogPage{}
		if page.Size, err = tx.LogSize(); err != nil {
			return err
		}
		if before <= 0 {
			before = page.Size
		}
		rows, err := tx.LogEventsBefore(before, limit)
		if err != nil {
			return err
		}
		for _, row := range rows {
			record, err := recordOf(row)
			if err != nil {
				return err
			}
			page.Records = append(page.Records, record)
			page.Next = row.Position
		}
		if len(rows) > 0 {
			latest, err := tx.LatestLogCheckpoint()
			if err != nil {
				return err
			}
			page.Checkpoint = latest.Note
		}
		tx.Note("before", before)
		tx.Note("records", len(rows))
		return nil
	})
	return page, err
}

// Proven is a record with the proof that it is in the log.
type Proven struct {
	Record
	Proof Proof
	// Leaf is the record's hash, Root the one that the proof leads to.
	Leaf, Root translog.Hash
}

// Proven returns one record with its inclusion proof, checked.
func (l *Ledger) Proven(ctx context.Context, actor mandate.Actor, id string) (Proven, error) {
	var p Proven
	act := Act{Actor: actor, Action: mandate.LogConsult, Purpose: mandate.PurposeAudit, Resource: access.Resource{ID: id}}
	err := l.Read(ctx, act, func(tx *Tx) error {
		row, err := tx.LogEvent(id)
		if err != nil {
			return err
		}
		if p.Record, err = recordOf(row); err != nil {
			return err
		}
		p.Leaf = translog.RecordHash(row.Record)
		if row.Position < 0 {
			return nil // committed, but not placed yet
		}
		if p.Proof, err = Prove(tx.Tx, l.options.Trust, row); err != nil {
			return err
		}
		signed, err := translog.Open([]byte(p.Proof.Checkpoint), l.options.Trust)
		if err != nil {
			return err
		}
		p.Root = signed.Root
		return translog.CheckInclusion(p.Proof.Hashes, signed.Size, signed.Root, row.Position, p.Leaf)
	})
	return p, err
}

// Verify checks the whole log of this node, as an act of the auditor.
func (l *Ledger) Verify(ctx context.Context, actor mandate.Actor) (translog.Report, error) {
	act := Act{Actor: actor, Action: mandate.LogConsult, Purpose: mandate.PurposeAudit, Resource: access.Resource{ID: "log"}}
	if err := l.Read(ctx, act, func(tx *Tx) error { tx.Note("verification", true); return nil }); err != nil {
		return translog.Report{}, err
	}
	return Verify(ctx, l.options.Store, l.options.Trust)
}
