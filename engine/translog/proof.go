package translog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ProofKind is what a proof shows.
type ProofKind string

const (
	// Inclusion: a record is in the log (RFC 6962, section 2.1.1).
	Inclusion ProofKind = "inclusion"
	// Consistency: a log begins with an earlier one (RFC 6962, section 2.1.2).
	Consistency ProofKind = "consistency"
)

// ProofError says that a proof does not show what it should.
type ProofError struct {
	Kind ProofKind
	// From is the record's index, or the size of the earlier log.
	From int64
	// Size is the size of the log that the proof leads to.
	Size int64
}

// Error says what the proof failed to show.
func (e *ProofError) Error() string {
	if e.Kind == Inclusion {
		return fmt.Sprintf("the inclusion proof does not show record %d in the log of %d records", e.From, e.Size)
	}
	return fmt.Sprintf("the consistency proof does not show that the log of %d records begins with the log of %d", e.Size, e.From)
}

func checkIndex(index, size int64) error {
	if err := checkSize("size", size); err != nil {
		return err
	}
	if index < 0 || index >= size {
		return &ArgumentError{Name: "index", Value: index, Reason: fmt.Sprintf("the log has %d records, counted from 0", size)}
	}
	return nil
}

// ProveInclusion returns the proof that record index is in the log of size
// records: at most 60 hashes, from the leaf's neighbour up. It returns an
// [*ArgumentError] for an index outside the log and wraps the errors of read.
func ProveInclusion(size, index int64, read HashReader) ([]Hash, error) {
	if err := checkIndex(index, size); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(size, index, read)
	if err != nil {
		return nil, fmt.Errorf("proving that record %d is in the log of %d: %w", index, size, err)
	}
	return proof, nil
}

// CheckInclusion checks that proof shows a record with this leaf at index in
// the log of size records with this root. It returns a [*ProofError] when it
// does not and an [*ArgumentError] for an index outside the log.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if err := checkIndex(index, size); err != nil {
		return err
	}
	if tlog.CheckRecord(proof, size, root, index, leaf) != nil {
		return &ProofError{Kind: Inclusion, From: index, Size: size}
	}
	return nil
}

func checkSizes(earlier, size int64) error {
	if err := checkSize("size", size); err != nil {
		return err
	}
	if earlier < 0 || earlier > size {
		return &ArgumentError{Name: "earlier size", Value: earlier, Reason: fmt.Sprintf("the later log has %d records", size)}
	}
	return nil
}

// ProveConsistency returns the proof that the log of size records begins with
// the log of earlier records. The proof is empty when earlier is 0 or size.
// It returns an [*ArgumentError] when earlier exceeds size and wraps the
// errors of read.
func ProveConsistency(size, earlier int64, read HashReader) ([]Hash, error) {
	if err := checkSizes(earlier, size); err != nil {
		return nil, err
	}
	if earlier == 0 {
		return []Hash{}, nil
	}
	proof, err := tlog.ProveTree(size, earlier, read)
	if err != nil {
		return nil, fmt.Errorf("proving that the log of %d records begins with the log of %d: %w", size, earlier, err)
	}
	return proof, nil
}

// CheckConsistency checks that proof shows that the log of size records with
// this root begins with the log of earlier records with earlierRoot. The empty
// log, with [EmptyRoot], is the beginning of every log. It returns a
// [*ProofError] when the proof fails and an [*ArgumentError] when earlier
// exceeds size.
func CheckConsistency(proof []Hash, size int64, root Hash, earlier int64, earlierRoot Hash) error {
	if err := checkSizes(earlier, size); err != nil {
		return err
	}
	failed := &ProofError{Kind: Consistency, From: earlier, Size: size}
	if earlier == 0 {
		if len(proof) != 0 || earlierRoot != EmptyRoot || (size == 0 && root != EmptyRoot) {
			return failed
		}
		return nil
	}
	if tlog.CheckTree(proof, size, root, earlier, earlierRoot) != nil {
		return failed
	}
	return nil
}
