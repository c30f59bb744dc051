package ledger

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/store"
)

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
