package translog

import (
	"fmt"
	"iter"
)

// Record is one record as it is stored.
type Record struct {
	// Index is its place in the log, counted from 0.
	Index int64
	// Data are the bytes that were logged. They are only read while the record
	// is being handed over, so an iterator may reuse the slice.
	Data []byte
	// Leaf is the stored leaf hash, where it is stored with the record; else
	// nil. It lets an audit name the altered record.
	Leaf *Hash
}

// Stored is a log as it is kept, to be read from beginning to end. An
// iterator that cannot go on yields its error and ends.
type Stored struct {
	// Records are all records, in order of index; nil for the empty log.
	Records iter.Seq2[Record, error]
	// Hashes are the stored hashes, in order of index; nil when they are not to
	// be checked. Every one is compared with the hash that the records give.
	Hashes iter.Seq2[StoredHash, error]
	// Checkpoints are all signed checkpoints, oldest first; nil when there are
	// none.
	Checkpoints iter.Seq2[[]byte, error]
}

// Report is what an audit has verified.
type Report struct {
	// Records is the number of records read and found in order.
	Records int64
	// Checkpoints is the number of signed checkpoints that fit the records,
	// Known the number of those in [Trust.Known] that do.
	Checkpoints int64
	Known       int64
	// Head is the last signed checkpoint that fits.
	Head Checkpoint
	// Root is the root over all Records. For an extract it is the head's.
	Root Hash
	// Uncovered is the number of records after the head. No signature speaks
	// for them yet.
	Uncovered int64
}

// Audit checks a whole stored log: that every record is in its place, that
// every stored hash is right, that every checkpoint is signed under trust and
// fits the records, and that the checkpoints in trust.Known fit them too.
//
// It reads each stream once, keeps about a hundred hashes whatever the size of
// the log, and stops at the first thing wrong, which it returns as a [*Fault]
// with the Report of what came before. To tell what exactly is wrong it may
// read on first: up to the next checkpoint, which decides whether a record or
// its stored hash was changed, or up to the end, to tell a missing record from
// a misplaced one. Errors of the iterators are returned wrapped and are not
// faults. Nor is a trust.Known of another log, a [*CheckpointError].
func Audit(log Stored, trust Trust) (Report, error) {
	a, err := newAuditor(trust)
	if err != nil {
		return Report{}, fmt.Errorf("auditing: %w", err)
	}
	if log.Records == nil {
		log.Records = func(func(Record, error) bool) {}
	}
	if log.Hashes != nil {
		next, stop := iter.Pull2(log.Hashes)
		defer stop()
		a.nextHash = next
	}
	nextCheckpoint := func() ([]byte, error, bool) { return nil, nil, false }
	if log.Checkpoints != nil {
		next, stop := iter.Pull2(log.Checkpoints)
		defer stop()
		nextCheckpoint = next
	}

	var due *Signed
	// settle compares the checkpoints that the records read so far reach and
	// leaves the next one in due.
	settle := func() error {
		for {
			if due == nil {
				text, err, ok := nextCheckpoint()
				if !ok {
					return nil
				}
				if err != nil {
					return fmt.Errorf("reading the checkpoint after that of %d records: %w", a.report.Head.Size, err)
				}
				if due, err = a.open(text); err != nil {
					return err
				}
			}
			if due.Size > a.tree.size {
				return nil
			}
			if err := a.checkpoint(*due); err != nil {
				return err
			}
			due = nil
		}
	}

	if err := settle(); err != nil {
		return a.done(err)
	}
	var gap *Fault
	for record, err := range log.Records {
		if err != nil {
			return a.done(fmt.Errorf("reading the record after the first %d: %w", a.tree.size, err))
		}
		if gap != nil {
			if record.Index == gap.Index {
				gap.Kind = RecordOutOfOrder
				break
			}
			continue
		}
		if gap = a.gapBefore(record); gap != nil {
			continue
		}
		if err := a.record(record); err != nil {
			return a.done(err)
		}
		if err := settle(); err != nil {
			return a.done(err)
		}
	}
	if gap != nil {
		return a.done(a.fail(gap))
	}
	if due != nil {
		return a.done(a.fail(newFault(Truncated, a.tree.size, due.Size,
			"a signed checkpoint promises %d records; %d were found", due.Size, a.tree.size)))
	}
	return a.done(a.finish())
}
