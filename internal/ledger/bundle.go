package ledger

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/store"
)

// Extract writes records of the log, each with the proof that it is in it, as a
// bundle that [translog.AuditBundle] checks, for use inside an act that may hand
// these records out. Records that no checkpoint covers yet are left out; it
// returns how many it wrote. Keys are the log's public keys in text form. A log
// without a checkpoint gives [store.ErrEmptyLog].
func Extract(tx *store.Tx, trust translog.Trust, keys []string, events []store.LogEvent, w io.Writer) (written int, err error) {
	latest, err := tx.LatestLogCheckpoint()
	if err != nil {
		return 0, err
	}
	signed, err := translog.Open([]byte(latest.Note), trust)
	if err != nil {
		return 0, err
	}
	bundle, err := translog.NewBundleWriter(w, translog.Header{Kind: translog.Extract, Origin: trust.Origin, Keys: keys})
	if err != nil {
		return 0, err
	}
	if err := bundle.Checkpoint([]byte(latest.Note)); err != nil {
		return 0, err
	}
	events = slices.DeleteFunc(slices.Clone(events), func(e store.LogEvent) bool { return e.Position < 0 || e.Position >= signed.Size })
	slices.SortFunc(events, func(a, b store.LogEvent) int { return cmp.Compare(a.Position, b.Position) })
	for _, event := range events {
		proof, err := translog.ProveInclusion(signed.Size, event.Position, hashes(tx))
		if err != nil {
			return written, err
		}
		if err := bundle.Record(event.Position, event.Record, proof); err != nil {
			return written, err
		}
		written++
	}
	return written, bundle.Close()
}

// ExportBundle writes the whole log of a database, up to its latest checkpoint,
// as a bundle that [translog.AuditBundle] checks, and returns how many records
// it wrote. It reads one snapshot and changes nothing. Keys are the log's public
// keys in text form. A log without a checkpoint gives [store.ErrEmptyLog]; a log
// that does not fit its checkpoints gives an error, and what was written of it
// passes no audit.
func ExportBundle(ctx context.Context, s *store.Store, origin string, keys []string, w io.Writer) (int64, error) {
	var written int64
	err := s.Read(ctx, func(tx *store.Tx) error {
		written = 0
		if _, err := tx.LatestLogCheckpoint(); err != nil {
			return err
		}
		bundle, err := translog.NewBundleWriter(w, translog.Header{Kind: translog.Whole, Origin: origin, Keys: keys})
		if err != nil {
			return err
		}
		next, stop := iter.Pull2(records(tx))
		defer stop()
		for after := int64(-1); ; {
			rows, err := tx.LogCheckpoints(after, page)
			if err != nil {
				return err
			}
			for _, row := range rows {
				for ; written < row.Size; written++ {
					record, err, more := next()
					if err != nil {
						return err
					}
					if !more {
						break
					}
					if err := bundle.Record(record.Index, record.Data, nil); err != nil {
						return err
					}
				}
				if err := bundle.Checkpoint([]byte(row.Note)); err != nil {
					return err
				}
				after = row.Size
			}
			if len(rows) < page {
				return bundle.Close()
			}
		}
	})
	if err != nil {
		return written, fmt.Errorf("exporting the log: %w", err)
	}
	return written, nil
}
