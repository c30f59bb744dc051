package translog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// auditor is the state of an audit between two lines of the log.
type auditor struct {
	trust  Trust
	known  []Checkpoint // those of trust not compared yet, smallest first
	tree   Range
	report Report
	// signedHead says that report.Head is set; the empty log has a checkpoint too.
	signedHead bool
	nextHash   func() (StoredHash, error, bool)
	completed  []Hash
	doubt      *doubt
}

// newAuditor returns a [*CheckpointError] when trust contradicts itself.
func newAuditor(trust Trust) (*auditor, error) {
	known := slices.Clone(trust.Known)
	for _, checkpoint := range known {
		if checkpoint.Origin != trust.Origin {
			return nil, &CheckpointError{Kind: WrongOrigin, Detail: fmt.Sprintf("the checkpoint given as known is of the log %q, not of %q", clip(checkpoint.Origin), trust.Origin)}
		}
	}
	slices.SortStableFunc(known, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	return &auditor{trust: trust, known: known}, nil
}

// doubt is a disagreement of which it is not known yet which side is wrong.
// The next checkpoint that the records reach decides.
type doubt struct {
	// ifRecordsMatch is the fault when that checkpoint fits the records: then
	// what disagreed with them is wrong.
	ifRecordsMatch *Fault
	// ifStoredMatch is the fault when it fits the stored leaves instead, which
	// stored follows from the disagreement on; both nil when there are none.
	ifStoredMatch *Fault
	stored        *Range
	// otherwise is the fault when it fits neither, undecided when there is none.
	otherwise *Fault
	undecided *Fault
}

// fail returns the fault to report: an open doubt came first.
func (a *auditor) fail(fault *Fault) error {
	if a.doubt == nil {
		return fault
	}
	return a.doubt.undecided
}

// done closes the report.
func (a *auditor) done(err error) (Report, error) {
	a.report.Records, a.report.Root = a.tree.size, a.tree.Root()
	a.report.Uncovered = a.tree.size - a.report.Head.Size
	return a.report, err
}

// gapBefore returns the fault of a record that is ahead of its turn, which the
// caller reads on to refine, or nil.
func (a *auditor) gapBefore(record Record) *Fault {
	if record.Index <= a.tree.size {
		return nil
	}
	return newFault(RecordMissing, a.tree.size, 0, "after the first %d records comes record %d", a.tree.size, record.Index)
}

// record checks the next record and its stored hashes.
func (a *auditor) record(record Record) error {
	index := a.tree.size
	if record.Index != index {
		return a.fail(newFault(UnexpectedRecord, record.Index, 0, "record %d comes again after the first %d records", record.Index, index))
	}
	if index >= MaxSize {
		return a.fail(newFault(UnexpectedRecord, index, 0, "a log has at most 2^60 records"))
	}
	if err := a.compareKnown(); err != nil {
		return err
	}
	leaf := RecordHash(record.Data)
	stored := leaf
	if a.nextHash != nil {
		var err error
		if stored, err = a.storedHash(LeafIndex(index)); err != nil {
			return err
		}
	}
	if stored == leaf && record.Leaf != nil {
		stored = *record.Leaf
	}
	if a.doubt == nil && stored != leaf {
		a.doubtLeaf(index)
	}
	if a.doubt != nil && a.doubt.stored != nil {
		a.doubt.stored.Append(stored)
	}
	a.completed = a.tree.append(leaf, a.completed[:0])
	if a.nextHash == nil {
		return nil
	}
	for i, node := range a.completed {
		stored, err := a.storedHash(LeafIndex(index) + int64(i) + 1)
		if err != nil {
			return err
		}
		if a.doubt == nil && stored != node {
			a.doubtNode(index, i+1)
		}
	}
	return nil
}

// storedHash reads the stored hash that has to come next.
func (a *auditor) storedHash(index int64) (Hash, error) {
	stored, err, ok := a.nextHash()
	switch {
	case err != nil:
		return Hash{}, fmt.Errorf("reading stored hash %d: %w", index, err)
	case !ok:
		return Hash{}, a.fail(newFault(StoredHashMissing, index, 0, "the stored hashes end before number %d", index))
	case stored.Index > index:
		return Hash{}, a.fail(newFault(StoredHashMissing, index, 0, "in place of stored hash %d comes number %d", index, stored.Index))
	case stored.Index < index:
		return Hash{}, a.fail(newFault(StoredHashAltered, index, 0, "in place of stored hash %d comes number %d again", index, stored.Index))
	}
	return stored.Hash, nil
}

func (a *auditor) doubtLeaf(index int64) {
	a.doubt = &doubt{
		ifRecordsMatch: newFault(StoredHashAltered, LeafIndex(index), 0, "the stored leaf of record %d is not the hash of the record, and the next checkpoint fits the records", index),
		ifStoredMatch:  newFault(RecordAltered, index, 0, "the bytes of record %d do not have the hash stored for it", index),
		stored:         a.tree.clone(),
		otherwise: newFault(CheckpointMismatch, a.report.Head.Size, 0,
			"the first disagreement is at record %d, whose bytes do not have the hash stored for it", index),
		undecided: newFault(RecordAltered, index, 0,
			"the bytes of record %d do not have the hash stored for it; no later checkpoint decides which of the two was changed", index),
	}
}

func (a *auditor) doubtNode(index int64, level int) {
	first := index - (1<<level - 1)
	a.doubt = &doubt{
		ifRecordsMatch: newFault(StoredHashAltered, LeafIndex(index)+int64(level), 0,
			"the stored hash over records %d to %d is not theirs, and the next checkpoint fits the records", first, index),
		otherwise: newFault(CheckpointMismatch, a.report.Head.Size, 0,
			"the first disagreement is with the stored hash over records %d to %d", first, index),
		undecided: newFault(StoredHashAltered, LeafIndex(index)+int64(level), 0,
			"the stored hash over records %d to %d is not theirs; no later checkpoint decides which of them was changed", first, index),
	}
}

func (a *auditor) doubtCheckpoint(c Checkpoint) {
	a.doubt = &doubt{
		ifRecordsMatch: newFault(CheckpointsInconsistent, a.report.Head.Size, c.Size,
			"the checkpoint of %d records has another root than the records, which a later checkpoint fits", c.Size),
		otherwise: newFault(CheckpointMismatch, a.report.Head.Size, c.Size, "between record %d and record %d something was changed", a.report.Head.Size, c.Size-1),
	}
	if c.Size == a.report.Head.Size {
		a.doubt.otherwise.Detail = fmt.Sprintf("the root over %d records is not the one that the checkpoint states", c.Size)
	}
	a.doubt.undecided = a.doubt.otherwise
}

// open verifies a signed checkpoint and that the log did not go backwards.
func (a *auditor) open(text []byte) (*Signed, error) {
	signed, err := Open(text, a.trust)
	if err != nil {
		var why *CheckpointError
		if !errors.As(err, &why) {
			return nil, err
		}
		fault := newFault(CheckpointInvalid, a.tree.size, 0, "the checkpoint after that of %d records: %s", a.report.Head.Size, why.Error())
		fault.cause = why
		return nil, a.fail(fault)
	}
	if signed.Size < a.report.Head.Size {
		return nil, a.fail(newFault(CheckpointsInconsistent, signed.Size, signed.Size,
			"a checkpoint of %d records comes after one of %d", signed.Size, a.report.Head.Size))
	}
	return &signed, nil
}

// checkpoint compares a verified checkpoint with the records, which reach
// exactly its size.
func (a *auditor) checkpoint(signed Signed) error {
	matches := signed.Root == a.tree.Root()
	if a.signedHead && !matches && signed.Size == a.report.Head.Size {
		return a.fail(newFault(CheckpointsInconsistent, signed.Size, signed.Size, "two checkpoints of %d records state different roots", signed.Size))
	}
	if err := a.decide(signed.Checkpoint, matches); err != nil {
		return err
	}
	if !matches {
		a.doubtCheckpoint(signed.Checkpoint)
		return nil
	}
	a.report.Head, a.signedHead = signed.Checkpoint, true
	a.report.Checkpoints++
	return nil
}

// decide settles an open doubt by a checkpoint that the records reach.
func (a *auditor) decide(c Checkpoint, matches bool) error {
	if a.doubt == nil {
		return nil
	}
	switch {
	case matches:
		return withSize(a.doubt.ifRecordsMatch, c.Size)
	case a.doubt.stored != nil && a.doubt.stored.Root() == c.Root:
		return withSize(a.doubt.ifStoredMatch, c.Size)
	}
	return withSize(a.doubt.otherwise, c.Size)
}

func withSize(fault *Fault, size int64) *Fault {
	if fault.Size == 0 {
		fault.Size = size
	}
	return fault
}

// compareKnown compares the checkpoints known from elsewhere that the records
// reach. The log's own of the same size have been compared before.
func (a *auditor) compareKnown() error {
	for len(a.known) > 0 && a.known[0].Size <= a.tree.size {
		known := a.known[0]
		a.known = a.known[1:]
		matches := known.Root == a.tree.Root()
		if err := a.decide(known, matches); err != nil {
			return err
		}
		switch {
		case matches:
			a.report.Known++
		case a.signedHead && a.report.Head.Size == known.Size:
			return newFault(CheckpointsInconsistent, known.Size, known.Size,
				"the log's own checkpoint of %d records states another root than the one known from elsewhere", known.Size)
		default:
			a.doubtCheckpoint(known)
		}
	}
	return nil
}

// finish checks what can only be known at the end of the records.
func (a *auditor) finish() error {
	if err := a.compareKnown(); err != nil {
		return err
	}
	if len(a.known) > 0 {
		known := a.known[0]
		return a.fail(newFault(Truncated, a.tree.size, known.Size,
			"a checkpoint known from elsewhere promises %d records; %d were found", known.Size, a.tree.size))
	}
	if a.doubt != nil {
		return a.fail(nil)
	}
	if a.nextHash != nil {
		stored, err, ok := a.nextHash()
		if err != nil {
			return fmt.Errorf("reading the stored hash after the last: %w", err)
		}
		if ok {
			return newFault(RecordMissing, a.tree.size, 0, "stored hash %d is there, but the records end after %d", stored.Index, a.tree.size)
		}
	}
	return nil
}
