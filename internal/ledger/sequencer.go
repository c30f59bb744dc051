package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	batchSize = 1000
	// sequenceEvery is the longest time that a record waits for its place, when nobody wakes
	// the sequencer.
	sequenceEvery = time.Second
	// gather is how long records that arrive together wait for each other, and apart how
	// far two batches are apart: a busy log is signed ten times a second, not once for every
	// few records.
	gather, apart = 20 * time.Millisecond, 100 * time.Millisecond
)

// ErrForked: the stored hashes do not fit the last checkpoint that this node
// signed, so somebody changed them. Nothing is signed any more.
var ErrForked = problem.New(problem.Internal, "the log does not fit its last signed checkpoint", "stop the node, keep its disk, and run brdo verify")

// Wake makes the sequencer look for new records now.
func (l *Ledger) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run places committed records into the log and signs checkpoints until ctx
// ends. Several processes may run it on one database: one works at a time.
func (l *Ledger) Run(ctx context.Context) error {
	ticker := time.NewTicker(sequenceEvery)
	defer ticker.Stop()
	var last time.Time
	for {
		least := gather
		select {
		case <-ctx.Done():
			return l.Sequence(context.WithoutCancel(ctx))
		case <-l.wake:
		case <-ticker.C:
			least = 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(least, apart-time.Since(last))):
		}
		last = time.Now()
		if err := l.Sequence(ctx); err != nil && ctx.Err() == nil {
			l.options.Log.ErrorContext(ctx, "the log could not be extended", "error", err)
		}
	}
}

// Sequence places all committed records into the log and signs a checkpoint
// for each batch.
func (l *Ledger) Sequence(ctx context.Context) error {
	for {
		placed := 0
		err := l.options.Store.WriteShared(ctx, func(tx *store.Tx) (err error) {
			placed, err = l.extend(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("extending the log: %w", err)
		}
		if placed < batchSize {
			return nil
		}
	}
}

func (l *Ledger) extend(tx *store.Tx) (int, error) {
	size, err := tx.LockLogHead()
	if err != nil {
		return 0, err
	}
	events, err := tx.UnsequencedLogEvents(batchSize)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	leaves := make([]translog.Hash, len(events))
	for i, event := range events {
		leaves[i] = translog.RecordHash(event.Record)
	}
	growth, err := translog.Extend(size, hashes(tx), leaves)
	if err != nil {
		return 0, err
	}
	if err := l.fitsLastCheckpoint(tx, size, growth.Before); err != nil {
		return 0, err
	}
	for i, event := range events {
		if err := tx.SetLogPosition(event.ID, size+int64(i)); err != nil {
			return 0, err
		}
	}
	for _, stored := range growth.Stored {
		if err := tx.InsertLogHash(stored.Index, stored.Hash[:]); err != nil {
			return 0, err
		}
	}
	if err := tx.SetLogSize(growth.Size); err != nil {
		return 0, err
	}
	signed, err := translog.Sign(translog.Checkpoint{Origin: l.options.Trust.Origin, Size: growth.Size, Root: growth.Root}, l.options.Signer)
	if err != nil {
		return 0, err
	}
	return len(events), tx.InsertLogCheckpoint(store.LogCheckpoint{Size: growth.Size, Note: string(signed), At: l.Now()})
}

// fitsLastCheckpoint refuses to give a signature to history that was changed.
func (l *Ledger) fitsLastCheckpoint(tx *store.Tx, size int64, root translog.Hash) error {
	if size == 0 {
		return nil
	}
	last, err := tx.LatestLogCheckpoint()
	if err != nil {
		return err
	}
	checkpoint, err := translog.Open([]byte(last.Note), l.options.Trust)
	if err != nil {
		return errors.Join(ErrForked, err)
	}
	if checkpoint.Size != size || checkpoint.Root != root {
		return ErrForked
	}
	return nil
}

// hashes reads the stored hashes of the tree inside a transaction.
func hashes(tx *store.Tx) translog.HashReader {
	return translog.HashReaderFunc(func(indexes []int64) ([]translog.Hash, error) {
		found := make([]translog.Hash, len(indexes))
		for i, index := range indexes {
			hash, err := tx.LogHashOf(index)
			if err != nil {
				return nil, err
			}
			if copy(found[i][:], hash) != len(found[i]) {
				return nil, fmt.Errorf("stored hash %d has %d bytes", index, len(hash))
			}
		}
		return found, nil
	})
}
