package translog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// StoredHash is one hash of the tree as it is kept for later proofs.
//
// Index is its place in one dense sequence without gaps: the leaf of each
// record, followed by the roots of the perfect subtrees which that leaf
// completes, lowest first (Crosby and Wallach 2009, section 3.3). So a log of
// n records has somewhat less than 2n stored hashes, none is ever rewritten,
// and appending only ever adds to the end.
type StoredHash struct {
	Index int64
	Hash  Hash
}

// StoredCount returns how many stored hashes a log of size records has; it is
// also the index of the next one. Size must be within 0 and [MaxSize].
func StoredCount(size int64) int64 { return tlog.StoredHashCount(size) }

// LeafIndex returns the index under which the leaf of a record is stored.
func LeafIndex(record int64) int64 { return tlog.StoredHashIndex(0, record) }

// Growth is what a batch adds to a log.
type Growth struct {
	// Stored are the new stored hashes in the order of their indexes; the first
	// index is StoredCount of the size before.
	Stored []StoredHash
	// Size and Root are the log's after the batch.
	Size int64
	Root Hash
	// Before is the root of the log as it was read, before the batch. Whoever
	// signs the new root compares it with the last signed checkpoint of that
	// size first: if they differ, the stored hashes were changed, and signing
	// would give the change a signature.
	Before Hash
}

// Extend appends a batch of leaves to a log of size records whose stored
// hashes read can read, and returns what has to be stored and the new root.
// Nothing is written: the caller stores Growth.Stored in its own transaction.
//
// It calls read once, for one hash per bit set in size, whatever the length
// of the batch; all else is computed from the batch itself.
//
// It returns an [*ArgumentError] when a size is impossible and wraps the
// errors of read.
func Extend(size int64, read HashReader, leaves []Hash) (Growth, error) {
	tree, err := ReadRange(size, read)
	if err != nil {
		return Growth{}, err
	}
	if int64(len(leaves)) > MaxSize-size {
		return Growth{}, fmt.Errorf("appending %d records: %w", len(leaves),
			&ArgumentError{Name: "size", Value: size, Reason: "a log has at most 2^60 records"})
	}
	growth := Growth{Before: tree.Root()}
	if len(leaves) > 0 {
		growth.Stored = make([]StoredHash, 0, tlog.StoredHashCount(size+int64(len(leaves)))-tlog.StoredHashCount(size))
	}
	next := tlog.StoredHashCount(size)
	var completed []Hash
	for _, leaf := range leaves {
		growth.Stored = append(growth.Stored, StoredHash{next, leaf})
		next++
		completed = tree.append(leaf, completed[:0])
		for _, node := range completed {
			growth.Stored = append(growth.Stored, StoredHash{next, node})
			next++
		}
	}
	growth.Size, growth.Root = tree.size, tree.Root()
	return growth, nil
}

// Hashes are stored hashes held in memory, the one with index i at place i.
// It is a [HashReader] for small logs, exports and tests.
type Hashes []Hash

// ReadHashes returns the hashes at indexes, or an [*ArgumentError] for an
// index that is not there.
func (h Hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	found := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, &ArgumentError{Name: "stored hash index", Value: index, Reason: fmt.Sprintf("there are %d stored hashes", len(h))}
		}
		found[i] = h[index]
	}
	return found, nil
}

// Add appends the stored hashes of a growth. It returns an [*ArgumentError]
// when they do not continue those already held.
func (h *Hashes) Add(growth Growth) error {
	for _, stored := range growth.Stored {
		if stored.Index != int64(len(*h)) {
			return &ArgumentError{Name: "stored hash index", Value: stored.Index, Reason: fmt.Sprintf("the next one is %d", len(*h))}
		}
		*h = append(*h, stored.Hash)
	}
	return nil
}
