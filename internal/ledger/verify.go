package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/store"
)

// page is how many rows a verification holds in memory at once.
const page = 2000

// Verify reads the whole log of a database on one snapshot and checks every
// record, stored hash and checkpoint against trust. The first thing wrong is a
// *translog.Fault. It needs no running node and changes nothing; reading the
// log for this is a duty of the node itself and shows nothing to anybody, so it
// is not an act of the ledger.
func Verify(ctx context.Context, s *store.Store, trust translog.Trust) (translog.Report, error) {
	var report translog.Report
	err := s.Read(ctx, func(tx *store.Tx) (err error) {
		report, err = translog.Audit(translog.Stored{
			Records:     records(tx),
			Hashes:      storedHashes(tx),
			Checkpoints: checkpoints(tx),
		}, trust)
		return err
	})
	if err != nil {
		return report, fmt.Errorf("verifying the log: %w", err)
	}
	return report, nil
}

func records(tx *store.Tx) iter.Seq2[translog.Record, error] {
	return func(yield func(translog.Record, error) bool) {
		// A negative position was never given, so it must be seen as a fault.
		for next := int64(0); ; {
			rows, err := tx.LogEventsFrom(next, page)
			if err != nil {
				yield(translog.Record{}, err)
				return
			}
			for _, row := range rows {
				record := translog.Record{Index: row.Position, Data: row.Record}
				if hash, err := tx.LogHashOf(translog.LeafIndex(row.Position)); err == nil && len(hash) == len(translog.Hash{}) {
					leaf := translog.Hash(hash)
					record.Leaf = &leaf
				}
				if !yield(record, nil) {
					return
				}
				next = row.Position + 1
			}
			if len(rows) < page {
				return
			}
		}
	}
}

func storedHashes(tx *store.Tx) iter.Seq2[translog.StoredHash, error] {
	return func(yield func(translog.StoredHash, error) bool) {
		for next := int64(0); ; {
			rows, err := tx.LogHashesFrom(next, page)
			if err != nil {
				yield(translog.StoredHash{}, err)
				return
			}
			for _, row := range rows {
				stored := translog.StoredHash{Index: row.Number}
				copy(stored.Hash[:], row.Hash)
				if !yield(stored, nil) {
					return
				}
				next = row.Number + 1
			}
			if len(rows) < page {
				return
			}
		}
	}
}

func checkpoints(tx *store.Tx) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for after := int64(-1); ; {
			rows, err := tx.LogCheckpoints(after, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range rows {
				if !yield([]byte(row.Note), nil) {
					return
				}
				after = row.Size
			}
			if len(rows) < page {
				return
			}
		}
	}
}

// Checkpoint returns the latest signed checkpoint, as a note to be handed to
// anybody; it is public. Before the first record it is empty.
func (l *Ledger) Checkpoint(ctx context.Context) (string, error) {
	var note string
	err := l.options.Store.Read(ctx, func(tx *store.Tx) error {
		latest, err := tx.LatestLogCheckpoint()
		note = latest.Note
		return err
	})
	if errors.Is(err, store.ErrEmptyLog) {
		return "", nil
	}
	return note, err
}

// Proof shows that a record is in the log under a checkpoint.
type Proof struct {
	Position int64
	// Checkpoint is the signed note.
	Checkpoint string
	Hashes     []translog.Hash
}

// Prove returns the inclusion proof of a sequenced record under the latest
// checkpoint, for use inside an act that may read that record.
func Prove(tx *store.Tx, trust translog.Trust, event store.LogEvent) (Proof, error) {
	latest, err := tx.LatestLogCheckpoint()
	if err != nil {
		return Proof{}, err
	}
	checkpoint, err := translog.Open([]byte(latest.Note), trust)
	if err != nil {
		return Proof{}, err
	}
	path, err := translog.ProveInclusion(checkpoint.Size, event.Position, hashes(tx))
	if err != nil {
		return Proof{}, err
	}
	return Proof{Position: event.Position, Checkpoint: latest.Note, Hashes: path}, nil
}

// ProveGrowth returns the proofs that the log of each of several sizes continues
// that of the size before (RFC 6962, section 2.1.2). Sizes grow.
//
// Errors: Conflict when the log has never been signed at the last size.
func ProveGrowth(tx *store.Tx, sizes []int64) ([][]translog.Hash, error) {
	latest, err := tx.LatestLogCheckpoint()
	if err != nil && !errors.Is(err, store.ErrEmptyLog) {
		return nil, err
	}
	if last := sizes[len(sizes)-1]; latest.Size < last {
		return nil, problem.Newf(problem.Conflict, "this log does not have %d records", last)
	}
	var proofs [][]translog.Hash
	for i := range len(sizes) - 1 {
		proof, err := translog.ProveConsistency(sizes[i+1], sizes[i], hashes(tx))
		if err != nil {
			return nil, err
		}
		proofs = append(proofs, proof)
	}
	return proofs, nil
}

// Trust is the log's origin and public keys.
func (l *Ledger) Trust() translog.Trust { return l.options.Trust }
