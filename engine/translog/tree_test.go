package translog_test

import (
	"encoding/hex"
	"errors"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/translog"
)

// The inputs and roots that the reference implementation of RFC 6962 is
// tested with.
var (
	rfcInputs = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	rfcRoots  = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func rfcLeaves() []translog.Hash {
	leaves := make([]translog.Hash, len(rfcInputs))
	for i, input := range rfcInputs {
		leaves[i] = translog.RecordHash(must(hex.DecodeString(input)))
	}
	return leaves
}

func TestRootsOfRFC6962(t *testing.T) {
	leaves := rfcLeaves()
	var tree translog.Range
	for size, want := range rfcRoots {
		if size > 0 {
			tree.Append(leaves[size-1])
		}
		growth := must(translog.Extend(0, nil, leaves[:size]))
		for name, got := range map[string]translog.Hash{"naive": naiveRoot(leaves[:size]), "range": tree.Root(), "extend": growth.Root} {
			if hex.EncodeToString(got[:]) != want {
				t.Errorf("%s root of %d records is %x, want %s", name, size, got, want)
			}
		}
	}
	if hex.EncodeToString(translog.EmptyRoot[:]) != rfcRoots[0] {
		t.Errorf("EmptyRoot is %x", translog.EmptyRoot)
	}
}

func TestInclusionProofOfRFC6962(t *testing.T) {
	var hashes translog.Hashes
	if err := hashes.Add(must(translog.Extend(0, nil, rfcLeaves()))); err != nil {
		t.Fatal(err)
	}
	proof := must(translog.ProveInclusion(8, 0, hashes))
	want := []string{
		"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
	}
	if len(proof) != len(want) {
		t.Fatalf("the proof has %d hashes, want %d", len(proof), len(want))
	}
	for i := range want {
		if hex.EncodeToString(proof[i][:]) != want[i] {
			t.Errorf("hash %d is %x, want %s", i, proof[i], want[i])
		}
	}
}

// countingReader counts calls and hashes read.
type countingReader struct {
	translog.Hashes
	calls, hashes int
}

func (r *countingReader) ReadHashes(indexes []int64) ([]translog.Hash, error) {
	r.calls++
	r.hashes += len(indexes)
	return r.Hashes.ReadHashes(indexes)
}

func drawLeaves(t *rapid.T, most int) []translog.Hash {
	leaves := make([]translog.Hash, rapid.IntRange(0, most).Draw(t, "records"))
	for i := range leaves {
		leaves[i] = translog.RecordHash(message(int64(i)))
	}
	return leaves
}

func TestBatchesGiveTheNaiveRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := drawLeaves(t, 300)
		var hashes translog.Hashes
		size := 0
		for size < len(leaves) {
			batch := rapid.IntRange(0, len(leaves)-size).Draw(t, "batch")
			if batch == 0 {
				batch = 1
			}
			read := &countingReader{Hashes: hashes}
			growth := must(translog.Extend(int64(size), read, leaves[size:size+batch]))
			if read.calls > 1 || read.hashes > bits.OnesCount(uint(size)) {
				t.Fatalf("%d calls read %d hashes for size %d", read.calls, read.hashes, size)
			}
			if growth.Before != naiveRoot(leaves[:size]) {
				t.Fatalf("root before is wrong at %d", size)
			}
			if err := hashes.Add(growth); err != nil {
				t.Fatal(err)
			}
			size += batch
			if growth.Size != int64(size) || growth.Root != naiveRoot(leaves[:size]) {
				t.Fatalf("root after is wrong at %d", size)
			}
			if int64(len(hashes)) != translog.StoredCount(int64(size)) {
				t.Fatalf("%d stored hashes for %d records", len(hashes), size)
			}
		}
		for i, leaf := range leaves {
			if hashes[translog.LeafIndex(int64(i))] != leaf {
				t.Fatalf("leaf %d is not stored at its index", i)
			}
		}
	})
}

// mutated returns every kind of small change to a proof.
func mutated(t *rapid.T, proof []translog.Hash) []translog.Hash {
	changed := append([]translog.Hash(nil), proof...)
	kinds := []string{"add"}
	if len(proof) > 0 {
		kinds = append(kinds, "flip", "drop")
	}
	if len(proof) > 1 {
		kinds = append(kinds, "swap")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "change") {
	case "add":
		at := rapid.IntRange(0, len(proof)).Draw(t, "at")
		changed = append(changed[:at], append([]translog.Hash{{1}}, changed[at:]...)...)
	case "flip":
		at := rapid.IntRange(0, len(proof)-1).Draw(t, "at")
		bit := rapid.IntRange(0, 255).Draw(t, "bit")
		changed[at][bit/8] ^= 1 << (bit % 8)
	case "drop":
		at := rapid.IntRange(0, len(proof)-1).Draw(t, "at")
		changed = append(changed[:at], changed[at+1:]...)
	case "swap":
		at := rapid.IntRange(0, len(proof)-2).Draw(t, "at")
		changed[at], changed[at+1] = changed[at+1], changed[at]
	}
	return changed
}

func wantProofError(t *rapid.T, err error, kind translog.ProofKind) {
	var wrong *translog.ProofError
	if !errors.As(err, &wrong) || wrong.Kind != kind {
		t.Fatalf("got %v, want a proof error", err)
	}
}

func TestProofsHoldAndChangedProofsFail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := append(drawLeaves(t, 200), translog.RecordHash([]byte("last")))
		var hashes translog.Hashes
		growth := must(translog.Extend(0, nil, leaves))
		if err := hashes.Add(growth); err != nil {
			t.Fatal(err)
		}
		size, root := growth.Size, growth.Root

		index := rapid.Int64Range(0, size-1).Draw(t, "index")
		proof := must(translog.ProveInclusion(size, index, hashes))
		if err := translog.CheckInclusion(proof, size, root, index, leaves[index]); err != nil {
			t.Fatal(err)
		}
		wantProofError(t, translog.CheckInclusion(mutated(t, proof), size, root, index, leaves[index]), translog.Inclusion)
		wantProofError(t, translog.CheckInclusion(proof, size, root, index, translog.Hash{1}), translog.Inclusion)
		wantProofError(t, translog.CheckInclusion(proof, size, translog.Hash{1}, index, leaves[index]), translog.Inclusion)
		if other := rapid.Int64Range(0, size-1).Draw(t, "other"); other != index {
			wantProofError(t, translog.CheckInclusion(proof, size, root, other, leaves[index]), translog.Inclusion)
		}

		earlier := rapid.Int64Range(0, size).Draw(t, "earlier")
		before := naiveRoot(leaves[:earlier])
		consistency := must(translog.ProveConsistency(size, earlier, hashes))
		if err := translog.CheckConsistency(consistency, size, root, earlier, before); err != nil {
			t.Fatal(err)
		}
		wantProofError(t, translog.CheckConsistency(mutated(t, consistency), size, root, earlier, before), translog.Consistency)
		wantProofError(t, translog.CheckConsistency(consistency, size, root, earlier, translog.Hash{1}), translog.Consistency)
		if earlier > 0 {
			wantProofError(t, translog.CheckConsistency(consistency, size, translog.Hash{1}, earlier, before), translog.Consistency)
		}
	})
}

func TestImpossibleSizesAreRefused(t *testing.T) {
	huge := translog.MaxSize + 1
	broken := errors.New("disk on fire")
	failing := translog.HashReaderFunc(func([]int64) ([]translog.Hash, error) { return nil, broken })
	short := translog.HashReaderFunc(func([]int64) ([]translog.Hash, error) { return nil, nil })
	calls := map[string]error{}
	_, calls["extend negative"] = translog.Extend(-1, short, nil)
	_, calls["extend huge"] = translog.Extend(huge, short, nil)
	_, calls["inclusion beyond"] = translog.ProveInclusion(3, 3, short)
	_, calls["inclusion negative"] = translog.ProveInclusion(3, -1, short)
	_, calls["inclusion huge"] = translog.ProveInclusion(1<<62+1, 0, short)
	_, calls["consistency beyond"] = translog.ProveConsistency(3, 4, short)
	calls["check inclusion"] = translog.CheckInclusion(nil, 1<<62+1, translog.Hash{}, 5, translog.Hash{})
	calls["check consistency"] = translog.CheckConsistency(nil, 2, translog.Hash{}, 3, translog.Hash{})
	full := translog.HashReaderFunc(func(indexes []int64) ([]translog.Hash, error) { return make([]translog.Hash, len(indexes)), nil })
	_, calls["extend beyond the end"] = translog.Extend(translog.MaxSize, full, make([]translog.Hash, 1))
	for name, err := range calls {
		var wrong *translog.ArgumentError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: got %v, want an argument error", name, err)
		}
	}
	if _, err := translog.Extend(5, failing, nil); !errors.Is(err, broken) {
		t.Errorf("the reader's error is lost: %v", err)
	}
	if _, err := translog.Extend(5, short, nil); err == nil {
		t.Error("a reader that returns too few hashes is believed")
	}
}

// A reader may keep the slice that it returned.
func TestRangeLeavesTheReadersSliceAlone(t *testing.T) {
	leaves := rfcLeaves()
	growth := must(translog.Extend(0, nil, leaves[:3]))
	var hashes translog.Hashes
	if err := hashes.Add(growth); err != nil {
		t.Fatal(err)
	}
	var kept, before []translog.Hash
	tree := must(translog.ReadRange(3, translog.HashReaderFunc(func(indexes []int64) ([]translog.Hash, error) {
		kept = must(hashes.ReadHashes(indexes))
		before = append(before, kept...)
		return kept, nil
	})))
	tree.Append(leaves[3])
	for i := range kept {
		if kept[i] != before[i] {
			t.Fatal("appending to the range wrote to the reader's slice")
		}
	}
	if tree.Size() != 4 || tree.Root() != naiveRoot(leaves[:4]) {
		t.Fatalf("the root over %d records is %s", tree.Size(), tree.Root())
	}
}
