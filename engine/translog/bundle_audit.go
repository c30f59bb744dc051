package translog

import (
	"errors"
	"fmt"
	"io"
)

// AuditBundle checks a bundle of either kind against what the caller knows
// from elsewhere. The keys in the bundle's header are not used.
//
// Of a whole bundle everything is checked that [Audit] checks of a stored log
// without stored hashes, and that a checkpoint covers every record. Of an
// extract: the checkpoint, and the proof of each record; a checkpoint in
// trust.Known is compared when it has the size of the extract's, and counts in
// Report.Known then. The keeper of a log can leave records out of an extract
// and end a whole bundle at an older checkpoint; trust.Known shows the latter.
//
// It returns a [*BundleError] for a wrong form, a [*Fault] for the first thing
// wrong with the log, and wraps the errors of r.
func AuditBundle(r io.Reader, trust Trust) (Report, error) {
	a, err := newAuditor(trust)
	if err != nil {
		return Report{}, fmt.Errorf("auditing a bundle: %w", err)
	}
	reader, err := NewBundleReader(r)
	if err != nil {
		return Report{}, fmt.Errorf("auditing a bundle: %w", err)
	}
	if origin := reader.header.Origin; origin != trust.Origin {
		wrong := &CheckpointError{Kind: WrongOrigin, Detail: fmt.Sprintf("it is of the log %q, not of %q", clip(origin), trust.Origin)}
		return Report{}, &BundleError{Line: 1, Reason: wrong.Detail, cause: wrong}
	}
	if reader.header.Kind == Extract {
		return a.extract(reader)
	}
	return a.whole(reader)
}

func (a *auditor) whole(reader *BundleReader) (Report, error) {
	// gap is set once something is out of place: what follows then tells
	// whether the record expected is missing, misplaced or cut off.
	var gap *Fault
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if gap != nil || a.doubt != nil {
				err = a.fail(gap)
			}
			return a.done(err)
		}
		switch {
		case gap != nil:
			if entry.Checkpoint == nil {
				if entry.Record.Index == gap.Index {
					gap.Kind = RecordOutOfOrder
					return a.done(a.fail(gap))
				}
				gap.Kind = RecordMissing
			}
		case entry.Checkpoint != nil:
			signed, err := a.open(entry.Checkpoint)
			if err != nil {
				return a.done(err)
			}
			if signed.Size < a.tree.size {
				return a.done(a.fail(newFault(CheckpointsInconsistent, signed.Size, signed.Size,
					"the checkpoint of %d records comes only after %d records", signed.Size, a.tree.size)))
			}
			if signed.Size > a.tree.size {
				gap = newFault(Truncated, a.tree.size, signed.Size, "a signed checkpoint promises %d records; %d were found before it", signed.Size, a.tree.size)
				continue
			}
			if err := a.checkpoint(*signed); err != nil {
				return a.done(err)
			}
		default:
			if gap = a.gapBefore(entry.Record); gap != nil {
				continue
			}
			if err := a.record(entry.Record); err != nil {
				return a.done(err)
			}
		}
	}
	if gap != nil {
		return a.done(a.fail(gap))
	}
	if err := a.finish(); err != nil {
		return a.done(err)
	}
	if !a.signedHead {
		return a.done(newFault(CheckpointInvalid, 0, 0, "the bundle holds no checkpoint"))
	}
	if a.tree.size > a.report.Head.Size {
		return a.done(newFault(UnexpectedRecord, a.report.Head.Size, 0, "no checkpoint covers the records from %d on", a.report.Head.Size))
	}
	return a.done(nil)
}

func (a *auditor) extract(reader *BundleReader) (Report, error) {
	next := int64(0)
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a.report, err
		}
		switch {
		case entry.Checkpoint != nil && a.signedHead:
			return a.report, &BundleError{Line: reader.Line(), Reason: "an extract has one checkpoint"}
		case entry.Checkpoint != nil:
			if err := a.extractHead(entry.Checkpoint); err != nil {
				return a.report, err
			}
		case !a.signedHead:
			return a.report, &BundleError{Line: reader.Line(), Reason: "an extract begins with its checkpoint"}
		default:
			if err := a.extracted(entry, next); err != nil {
				return a.report, err
			}
			next = entry.Record.Index + 1
			a.report.Records++
		}
	}
	if !a.signedHead {
		return a.report, newFault(CheckpointInvalid, 0, 0, "the bundle holds no checkpoint")
	}
	return a.report, nil
}

func (a *auditor) extractHead(text []byte) error {
	signed, err := a.open(text)
	if err != nil {
		return err
	}
	for _, known := range a.known {
		if known.Size != signed.Size {
			continue
		}
		if known.Root != signed.Root {
			return newFault(CheckpointsInconsistent, known.Size, known.Size,
				"the log's own checkpoint of %d records states another root than the one known from elsewhere", known.Size)
		}
		a.report.Known++
	}
	a.report.Head, a.report.Root, a.report.Checkpoints, a.signedHead = signed.Checkpoint, signed.Root, 1, true
	return nil
}

// extracted checks a record of an extract, whose index must be next or more.
func (a *auditor) extracted(entry Entry, next int64) error {
	index, head := entry.Record.Index, a.report.Head
	switch {
	case index < 0 || index >= head.Size:
		return newFault(UnexpectedRecord, index, head.Size, "the checkpoint covers %d records; it cannot prove record %d", head.Size, index)
	case index == next-1:
		return newFault(UnexpectedRecord, index, head.Size, "record %d comes twice", index)
	case index < next:
		return newFault(RecordOutOfOrder, index, head.Size, "record %d comes after record %d", index, next-1)
	}
	if err := CheckInclusion(entry.Proof, head.Size, head.Root, index, RecordHash(entry.Record.Data)); err != nil {
		fault := newFault(RecordAltered, index, head.Size, "record %d and its proof do not lead to the root of the checkpoint", index)
		fault.cause = err
		return fault
	}
	return nil
}
