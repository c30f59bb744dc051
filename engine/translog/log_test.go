package translog_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/engine/translog"
)

const origin = "node.example/log"

// naiveRoot is RFC 6962, section 2.1, word for word: the oracle of these tests.
func naiveRoot(leaves []translog.Hash) translog.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// fixedKey is a key that is the same in every run: its seed is the hash of name.
func fixedKey(name string) translog.Key {
	seed := sha256.Sum256([]byte("test key of " + name))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	encoded := append([]byte{1}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), encoded...))
	hash := fmt.Sprintf("%08x", binary.BigEndian.Uint32(id[:]))
	return translog.Key{
		Signer:   "PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)),
		Verifier: name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(encoded),
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func signer(name string) note.Signer { return must(note.NewSigner(fixedKey(name).Signer)) }

func trust() translog.Trust { return must(translog.NewTrust(origin, fixedKey(origin).Verifier)) }

// world is a log as a node keeps it, in memory.
type world struct {
	records     []translog.Record
	hashes      translog.Hashes
	stored      []translog.StoredHash
	checkpoints [][]byte
	heads       []translog.Checkpoint
}

// newWorld logs messages in batches and signs a checkpoint after each.
func newWorld(batches ...int) *world {
	w := &world{}
	for _, n := range batches {
		w.add(n)
		w.sign()
	}
	return w
}

func message(i int64) []byte { return fmt.Appendf(nil, `{"event":"message %d"}`, i) }

func (w *world) size() int64 { return int64(len(w.records)) }

func (w *world) add(n int) {
	leaves := make([]translog.Hash, n)
	size := w.size()
	for i := range leaves {
		index := size + int64(i)
		w.records = append(w.records, translog.Record{Index: index, Data: message(index)})
		leaves[i] = translog.RecordHash(message(index))
	}
	growth := must(translog.Extend(size, w.hashes, leaves))
	if err := w.hashes.Add(growth); err != nil {
		panic(err)
	}
	w.stored = append(w.stored, growth.Stored...)
}

func (w *world) root() translog.Hash {
	tree := must(translog.ReadRange(w.size(), w.hashes))
	return tree.Root()
}

func (w *world) sign() {
	c := translog.Checkpoint{Origin: origin, Size: w.size(), Root: w.root()}
	w.heads = append(w.heads, c)
	w.checkpoints = append(w.checkpoints, must(translog.Sign(c, signer(origin))))
}

// clone copies the lists, not the bytes in them: tests replace, never write.
func (w *world) clone() *world {
	c := *w
	c.records = append([]translog.Record(nil), w.records...)
	c.stored = append([]translog.StoredHash(nil), w.stored...)
	c.checkpoints = append([][]byte(nil), w.checkpoints...)
	return &c
}

func (w *world) renumber() {
	for i := range w.records {
		w.records[i].Index = int64(i)
	}
}

func seq[T any](values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, value := range values {
			if !yield(value, nil) {
				return
			}
		}
	}
}

func (w *world) kept(withHashes bool) translog.Stored {
	kept := translog.Stored{Records: seq(w.records), Checkpoints: seq(w.checkpoints)}
	if withHashes {
		kept.Hashes = seq(w.stored)
	}
	return kept
}

func wantFault(t testing.TB, err error, kind translog.FaultKind, index, size int64) {
	t.Helper()
	var fault *translog.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want the fault %q", err, kind)
	}
	if fault.Kind != kind || fault.Index != index || fault.Size != size {
		t.Fatalf("got %q index %d size %d (%s), want %q index %d size %d", fault.Kind, fault.Index, fault.Size, fault.Detail, kind, index, size)
	}
}

func wantCheckpointError(t testing.TB, err error, kind translog.CheckpointProblem) {
	t.Helper()
	var wrong *translog.CheckpointError
	if !errors.As(err, &wrong) || wrong.Kind != kind {
		t.Fatalf("got %v, want a checkpoint error of kind %q", err, kind)
	}
}
