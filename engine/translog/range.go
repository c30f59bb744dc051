package translog

import (
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Range is a compact range: what has to be kept of the first Size leaves to
// append more and to know the root, namely the roots of the perfect subtrees
// that Size splits into, at most 60 hashes. The zero Range is the empty log.
type Range struct {
	size int64
	// peaks are the roots of the perfect subtrees, largest first; there is one
	// for each bit set in size.
	peaks []Hash
}

// ReadRange reads the compact range of the first size leaves from stored
// hashes, in one call to read and with one hash for each bit set in size.
// It returns an [*ArgumentError] for a size that no log can have and wraps
// the errors of read.
func ReadRange(size int64, read HashReader) (Range, error) {
	if err := checkSize("size", size); err != nil {
		return Range{}, err
	}
	if size == 0 {
		return Range{}, nil
	}
	indexes := make([]int64, 0, bits.OnesCount64(uint64(size)))
	for rest, from := size, int64(0); rest > 0; {
		level := bits.Len64(uint64(rest)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, from>>level))
		from += 1 << level
		rest -= 1 << level
	}
	peaks, err := read.ReadHashes(indexes)
	if err != nil {
		return Range{}, fmt.Errorf("reading the stored hashes of the first %d records: %w", size, err)
	}
	if len(peaks) != len(indexes) {
		return Range{}, fmt.Errorf("reading the stored hashes of the first %d records: asked for %d, got %d", size, len(indexes), len(peaks))
	}
	return Range{size: size, peaks: slices.Clone(peaks)}, nil
}

// Size is the number of leaves.
func (r *Range) Size() int64 { return r.size }

// Root is the root of the tree over all leaves (RFC 6962, section 2.1).
func (r *Range) Root() Hash {
	if len(r.peaks) == 0 {
		return EmptyRoot
	}
	last := len(r.peaks) - 1
	root := r.peaks[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(r.peaks[i], root)
	}
	return root
}

// Append adds a leaf.
func (r *Range) Append(leaf Hash) { r.append(leaf, nil) }

// append adds a leaf and appends to completed, lowest first, the roots of the
// subtrees that it completes: those stored right after the leaf.
func (r *Range) append(leaf Hash, completed []Hash) []Hash {
	node := leaf
	for n := r.size; n&1 == 1; n >>= 1 {
		last := len(r.peaks) - 1
		node = tlog.NodeHash(r.peaks[last], node)
		r.peaks = r.peaks[:last]
		completed = append(completed, node)
	}
	r.peaks = append(r.peaks, node)
	r.size++
	return completed
}

func (r *Range) clone() *Range {
	return &Range{size: r.size, peaks: slices.Clone(r.peaks)}
}
