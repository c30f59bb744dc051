package translog_test

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/brdoproject/brdo/engine/translog"
)

func altered(r translog.Record) translog.Record {
	r.Data = append(bytes.Clone(r.Data), '!')
	return r
}

func TestAuditOfAnIntactLog(t *testing.T) {
	w := newWorld(0, 1, 6, 0, 13)
	trusted := trust()
	trusted.Known = []translog.Checkpoint{w.heads[2], {Origin: origin, Size: 10, Root: naiveRoot(leavesOf(w)[:10])}}
	w.add(3)
	for _, withHashes := range []bool{false, true} {
		report, err := translog.Audit(w.kept(withHashes), trusted)
		if err != nil {
			t.Fatal(err)
		}
		if report.Records != 23 || report.Checkpoints != 5 || report.Known != 2 || !report.Head.Equal(w.heads[4]) || report.Uncovered != 3 || report.Root != w.root() {
			t.Fatalf("report %+v", report)
		}
	}
	report, err := translog.Audit(translog.Stored{}, trust())
	if err != nil || report.Root != translog.EmptyRoot {
		t.Fatalf("the empty log: %+v, %v", report, err)
	}
}

func leavesOf(w *world) []translog.Hash {
	var leaves []translog.Hash
	for _, r := range w.records {
		leaves = append(leaves, translog.RecordHash(r.Data))
	}
	return leaves
}

// Checkpoints are at 10, 20 and 30 records; 5 more follow.
func TestAuditNamesTheFirstFault(t *testing.T) {
	intact := newWorld(10, 10, 10)
	intact.add(5)
	leafOf := func(i int64) int64 { return translog.LeafIndex(i) }
	sign := func(size int64, root translog.Hash) []byte {
		return must(translog.Sign(translog.Checkpoint{Origin: origin, Size: size, Root: root}, signer(origin)))
	}
	for name, c := range map[string]struct {
		change      func(*world)
		hashes      bool
		kind        translog.FaultKind
		index, size int64
	}{
		"record altered, no hashes":      {func(w *world) { w.records[14] = altered(w.records[14]) }, false, translog.CheckpointMismatch, 10, 20},
		"record altered, hashes":         {func(w *world) { w.records[14] = altered(w.records[14]) }, true, translog.RecordAltered, 14, 20},
		"record altered in the tail":     {func(w *world) { w.records[32] = altered(w.records[32]) }, true, translog.RecordAltered, 32, 0},
		"record altered, leaf beside it": {func(w *world) { w.withLeaves(); w.records[14] = altered(w.records[14]) }, false, translog.RecordAltered, 14, 20},
		"leaf beside it altered":         {func(w *world) { w.withLeaves(); w.records[14].Leaf = &translog.Hash{1} }, true, translog.StoredHashAltered, leafOf(14), 20},
		"record and stored leaf altered": {func(w *world) {
			w.records[14] = altered(w.records[14])
			w.stored[leafOf(14)].Hash = translog.RecordHash(w.records[14].Data)
		}, true, translog.CheckpointMismatch, 10, 20},
		"stored leaf, then another record": {func(w *world) {
			w.stored[leafOf(11)].Hash[0] ^= 1
			w.records[14] = altered(w.records[14])
		}, true, translog.CheckpointMismatch, 10, 20},
		"stored leaf altered":          {func(w *world) { w.stored[leafOf(14)].Hash[0] ^= 1 }, true, translog.StoredHashAltered, leafOf(14), 20},
		"stored node altered":          {func(w *world) { w.stored[leafOf(15)+2].Hash[0] ^= 1 }, true, translog.StoredHashAltered, leafOf(15) + 2, 20},
		"stored node in the tail":      {func(w *world) { w.stored[leafOf(33)+1].Hash[0] ^= 1 }, true, translog.StoredHashAltered, leafOf(33) + 1, 0},
		"stored hash missing":          {func(w *world) { w.stored = slices.Delete(w.stored, 20, 21) }, true, translog.StoredHashMissing, 20, 0},
		"stored hash twice":            {func(w *world) { w.stored = slices.Insert(w.stored, 20, w.stored[19]) }, true, translog.StoredHashAltered, 20, 0},
		"last stored hash missing":     {func(w *world) { w.stored = w.stored[:len(w.stored)-1] }, true, translog.StoredHashMissing, int64(len(intact.stored)) - 1, 0},
		"last record missing":          {func(w *world) { w.records = w.records[:34] }, true, translog.RecordMissing, 34, 0},
		"record missing":               {func(w *world) { w.records = slices.Delete(w.records, 14, 15) }, false, translog.RecordMissing, 14, 0},
		"record missing, renumbered":   {func(w *world) { w.records = slices.Delete(w.records, 14, 15); w.renumber() }, false, translog.CheckpointMismatch, 10, 20},
		"renumbered, hashes":           {func(w *world) { w.records = slices.Delete(w.records, 14, 15); w.renumber() }, true, translog.RecordAltered, 14, 20},
		"records swapped":              {func(w *world) { w.records[14], w.records[15] = w.records[15], w.records[14] }, false, translog.RecordOutOfOrder, 14, 0},
		"record moved far":             {func(w *world) { r := w.records[3]; w.records = append(slices.Delete(w.records, 3, 4), r) }, false, translog.RecordOutOfOrder, 3, 0},
		"record twice":                 {func(w *world) { w.records = slices.Insert(w.records, 15, w.records[14]) }, false, translog.UnexpectedRecord, 14, 0},
		"truncated":                    {func(w *world) { w.records = w.records[:24] }, false, translog.Truncated, 24, 30},
		"emptied":                      {func(w *world) { w.records = nil }, false, translog.Truncated, 0, 10},
		"checkpoint text changed":      {func(w *world) { w.checkpoints[1] = bytes.Replace(w.checkpoints[1], []byte("20"), []byte("21"), 1) }, false, translog.CheckpointInvalid, 10, 0},
		"checkpoint by a stranger":     {func(w *world) { w.checkpoints[1] = must(translog.Sign(w.heads[1], signer("stranger.example"))) }, false, translog.CheckpointInvalid, 10, 0},
		"checkpoints backwards":        {func(w *world) { w.checkpoints[1], w.checkpoints[2] = w.checkpoints[2], w.checkpoints[1] }, false, translog.CheckpointsInconsistent, 20, 20},
		"last checkpoint does not fit": {func(w *world) { w.checkpoints[2] = sign(30, translog.Hash{1}) }, false, translog.CheckpointMismatch, 20, 30},
		"fork in the middle":           {func(w *world) { w.checkpoints[1] = sign(20, translog.Hash{1}) }, false, translog.CheckpointsInconsistent, 10, 20},
		"fork at the same size":        {func(w *world) { w.checkpoints = slices.Insert(w.checkpoints, 2, sign(20, translog.Hash{1})) }, false, translog.CheckpointsInconsistent, 20, 20},
		"fork at the last size":        {func(w *world) { w.checkpoints = append(w.checkpoints, sign(30, translog.Hash{1})) }, false, translog.CheckpointsInconsistent, 30, 30},
		"fork first at the same size":  {func(w *world) { w.checkpoints = slices.Insert(w.checkpoints, 1, sign(20, translog.Hash{1})) }, false, translog.CheckpointsInconsistent, 10, 20},
		"an earlier fault comes first": {func(w *world) { w.records[4] = altered(w.records[4]); w.records = w.records[:24] }, true, translog.RecordAltered, 4, 10},
		"altered, then cut off":        {func(w *world) { w.records[24] = altered(w.records[24]); w.records = w.records[:26] }, true, translog.RecordAltered, 24, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := intact.clone()
			c.change(w)
			report, err := translog.Audit(w.kept(c.hashes), trust())
			wantFault(t, err, c.kind, c.index, c.size)
			if report.Head.Size > 30 || report.Checkpoints > 4 {
				t.Fatalf("report %+v", report)
			}
		})
	}
}

func (w *world) withLeaves() {
	for i := range w.records {
		leaf := translog.RecordHash(w.records[i].Data)
		w.records[i].Leaf = &leaf
	}
}

// The keeper of a log, who holds its key, rewrites it and signs anew. Only a
// checkpoint kept elsewhere shows it.
func TestKnownCheckpointsShowARewrittenLog(t *testing.T) {
	honest := newWorld(10, 10)
	trusted := trust()
	trusted.Known = []translog.Checkpoint{honest.heads[1]}

	rewritten := &world{}
	rewritten.add(10)
	other := altered(rewritten.records[4])
	rewritten.records[4] = other
	growth := must(translog.Extend(0, nil, leavesOf(rewritten)))
	rewritten.hashes, rewritten.stored = nil, growth.Stored
	if err := rewritten.hashes.Add(growth); err != nil {
		t.Fatal(err)
	}
	rewritten.sign()
	rewritten.add(10)
	rewritten.sign()
	if _, err := translog.Audit(rewritten.kept(true), trust()); err != nil {
		t.Fatalf("by itself the rewritten log is in order, but: %v", err)
	}
	_, err := translog.Audit(rewritten.kept(true), trusted)
	wantFault(t, err, translog.CheckpointsInconsistent, 20, 20)

	rewritten.checkpoints = rewritten.checkpoints[:1]
	_, err = translog.Audit(rewritten.kept(true), trusted)
	wantFault(t, err, translog.CheckpointMismatch, 10, 20)

	_, err = translog.Audit(newWorld(10).kept(true), trusted)
	wantFault(t, err, translog.Truncated, 10, 20)

	trusted.Known = []translog.Checkpoint{{Origin: "other.example/log"}}
	_, err = translog.Audit(honest.kept(true), trusted)
	wantCheckpointError(t, err, translog.WrongOrigin)
}

// What an audit allocates does not grow with the number of records: a log of
// ten million is checked in the memory of a small one.
func TestAuditMemoryDoesNotGrow(t *testing.T) {
	for _, size := range []int64{100, 20_000} {
		hashes, _, signed := bigLog(size)
		buffer := make([]byte, 300)
		log := translog.Stored{
			Records: func(yield func(translog.Record, error) bool) {
				for i := range size {
					if !yield(translog.Record{Index: i, Data: benchRecord(buffer, i)}, nil) {
						return
					}
				}
			},
			Hashes: func(yield func(translog.StoredHash, error) bool) {
				for i, hash := range hashes {
					if !yield(translog.StoredHash{Index: int64(i), Hash: hash}, nil) {
						return
					}
				}
			},
			Checkpoints: seq([][]byte{signed}),
		}
		trusted := trust()
		allocations := testing.AllocsPerRun(3, func() {
			if _, err := translog.Audit(log, trusted); err != nil {
				t.Fatal(err)
			}
		})
		if allocations > 200 {
			t.Errorf("auditing %d records allocates %v times", size, allocations)
		}
	}
}

// A fault names what the checkpoint suffers from to errors.As.
func TestFaultWrapsTheCheckpointError(t *testing.T) {
	w := newWorld(10)
	w.checkpoints[0] = must(translog.Sign(w.heads[0], signer("stranger.example")))
	_, err := translog.Audit(w.kept(false), trust())
	wantFault(t, err, translog.CheckpointInvalid, 0, 0)
	wantCheckpointError(t, err, translog.UnknownKey)
}

// A stream that breaks is not a fault of the log.
func TestReadErrorsAreNotFaults(t *testing.T) {
	w := newWorld(10)
	broken := errors.New("disk on fire")
	for name, change := range map[string]func(*translog.Stored){
		"records":     func(s *translog.Stored) { s.Records = breaking(s.Records, broken) },
		"hashes":      func(s *translog.Stored) { s.Hashes = breaking(s.Hashes, broken) },
		"checkpoints": func(s *translog.Stored) { s.Checkpoints = breaking(s.Checkpoints, broken) },
	} {
		kept := w.kept(true)
		change(&kept)
		_, err := translog.Audit(kept, trust())
		var fault *translog.Fault
		if !errors.Is(err, broken) || errors.As(err, &fault) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// breaking yields one value and then an error.
func breaking[T any](values iter.Seq2[T, error], err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for value := range values {
			if !yield(value, nil) {
				return
			}
			break
		}
		var none T
		yield(none, err)
	}
}
