package translog_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/racetest"
)

const mutations = 10_000

func flip(r *rand.Rand, data []byte) []byte {
	changed := bytes.Clone(data)
	bit := r.IntN(len(data) * 8)
	changed[bit/8] ^= 1 << (bit % 8)
	return changed
}

// storedMutations change a stored log. The first ones need stored hashes.
var storedMutations = []struct {
	name   string
	hashes bool
	change func(*rand.Rand, *world)
}{
	{"stored hash: bit flipped", true, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.stored))
		copy(w.stored[i].Hash[:], flip(r, w.stored[i].Hash[:]))
	}},
	{"stored hash: index changed", true, func(r *rand.Rand, w *world) {
		w.stored[r.IntN(len(w.stored))].Index ^= 1 << r.IntN(16)
	}},
	{"stored hash dropped", true, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.stored))
		w.stored = slices.Delete(w.stored, i, i+1)
	}},
	{"stored hashes swapped", true, func(r *rand.Rand, w *world) {
		i, j := two(r, len(w.stored))
		w.stored[i].Hash, w.stored[j].Hash = w.stored[j].Hash, w.stored[i].Hash
	}},
	{"stored hashes truncated", true, func(r *rand.Rand, w *world) { w.stored = w.stored[:r.IntN(len(w.stored))] }},
	{"record and its leaf replaced", true, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records[i].Data = flip(r, w.records[i].Data)
		w.stored[translog.LeafIndex(int64(i))].Hash = translog.RecordHash(w.records[i].Data)
	}},
	{"record: bit flipped", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records[i].Data = flip(r, w.records[i].Data)
	}},
	{"record: index changed", false, func(r *rand.Rand, w *world) {
		w.records[r.IntN(len(w.records))].Index ^= 1 << r.IntN(63)
	}},
	{"record: cut", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records[i].Data = w.records[i].Data[:r.IntN(len(w.records[i].Data))]
	}},
	{"record dropped", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records = slices.Delete(w.records, i, i+1)
	}},
	{"record dropped, renumbered", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records = slices.Delete(w.records, i, i+1)
		w.renumber()
	}},
	{"records swapped", false, func(r *rand.Rand, w *world) {
		i, j := two(r, len(w.records))
		w.records[i], w.records[j] = w.records[j], w.records[i]
	}},
	{"records swapped, renumbered", false, func(r *rand.Rand, w *world) {
		i, j := two(r, len(w.records))
		w.records[i], w.records[j] = w.records[j], w.records[i]
		w.renumber()
	}},
	{"record moved, renumbered", false, func(r *rand.Rand, w *world) {
		i, j := two(r, len(w.records))
		moved := w.records[i]
		w.records = slices.Insert(slices.Delete(w.records, i, i+1), j, moved)
		w.renumber()
	}},
	{"record duplicated", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.records))
		w.records = slices.Insert(w.records, r.IntN(len(w.records)+1), w.records[i])
	}},
	{"record inserted, renumbered", false, func(r *rand.Rand, w *world) {
		w.records = slices.Insert(w.records, r.IntN(len(w.records)), translog.Record{Data: []byte("forged")})
		w.renumber()
	}},
	{"truncated", false, func(r *rand.Rand, w *world) { w.records = w.records[:r.IntN(len(w.records))] }},
	{"block moved to the front", false, func(r *rand.Rand, w *world) {
		i := 1 + r.IntN(len(w.records)-1)
		w.records = slices.Concat(w.records[i:], w.records[:i])
		w.renumber()
	}},
	{"checkpoint: bit flipped", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.checkpoints))
		w.checkpoints[i] = flip(r, w.checkpoints[i])
	}},
	{"checkpoint: truncated", false, func(r *rand.Rand, w *world) {
		i := r.IntN(len(w.checkpoints))
		w.checkpoints[i] = w.checkpoints[i][:r.IntN(len(w.checkpoints[i]))]
	}},
	{"checkpoints swapped", false, func(r *rand.Rand, w *world) {
		i, j := two(r, len(w.checkpoints))
		w.checkpoints[i], w.checkpoints[j] = w.checkpoints[j], w.checkpoints[i]
	}},
}

// two draws two different places.
func two(r *rand.Rand, n int) (int, int) {
	i, j := r.IntN(n), r.IntN(n-1)
	if j >= i {
		j++
	}
	return i, j
}

// TestTenThousandMutationsAreFound changes stored logs and bundles in one
// place each, ten thousand times each, and demands that every change is found.
func TestTenThousandMutationsAreFound(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: one goroutine, and ten times slower under the race detector; it is run without it")
	}
	t.Run("stored log", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		intact := newWorld(7, 1, 12, 17)
		if _, err := translog.Audit(intact.kept(true), trust()); err != nil {
			t.Fatal(err)
		}
		for i := range mutations {
			m := storedMutations[i%len(storedMutations)]
			w := intact.clone()
			m.change(r, w)
			_, err := translog.Audit(w.kept(m.hashes || r.IntN(2) == 0), trust())
			var fault *translog.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("mutation %d (%s) was not found: %v", i, m.name, err)
			}
		}
	})
	t.Run("rolled back log against a known checkpoint", func(t *testing.T) {
		intact := newWorld(7, 1, 12, 17)
		trusted := trust()
		trusted.Known = intact.heads[3:]
		for size := range intact.size() {
			w := intact.clone()
			w.records, w.stored = w.records[:size], w.stored[:translog.StoredCount(size)]
			w.checkpoints = slices.DeleteFunc(slices.Clone(w.checkpoints), func(text []byte) bool {
				return must(translog.Open(text, trust())).Size > size
			})
			_, err := translog.Audit(w.kept(true), trusted)
			wantFault(t, err, translog.Truncated, size, 37)
		}
	})
	for _, kind := range []translog.BundleKind{translog.Whole, translog.Extract} {
		t.Run(string(kind)+" bundle", func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			w := newWorld(7, 1, 12, 17)
			intact := w.whole()
			if kind == translog.Extract {
				intact = w.extract(0, 1, 5, 8, 20, 36)
			}
			if _, err := translog.AuditBundle(bytes.NewReader(intact), trust()); err != nil {
				t.Fatal(err)
			}
			for i := range mutations {
				name, changed := mutateBundle(r, intact, kind)
				if bytes.Equal(changed, intact) {
					t.Fatalf("mutation %d (%s) changed nothing", i, name)
				}
				_, err := translog.AuditBundle(bytes.NewReader(changed), trust())
				var fault *translog.Fault
				var form *translog.BundleError
				if !errors.As(err, &fault) && !errors.As(err, &form) {
					t.Fatalf("mutation %d (%s) was not found: %v\n%s", i, name, err, changed)
				}
			}
		})
	}
}

var recordMembers = regexp.MustCompile(`"index":(\d+),"data":"([^"]*)"`)

// mutateBundle changes a bundle in one place: half of the time as an accident
// does, half of the time as a forger does, who puts the end line right again.
func mutateBundle(r *rand.Rand, intact []byte, kind translog.BundleKind) (string, []byte) {
	l := lines(bytes.Clone(intact))
	// any is a line but the header and the end.
	any := func() int { return 1 + r.IntN(len(l)-2) }
	record := func() int {
		for {
			if i := any(); bytes.HasPrefix(l[i], []byte(`{"record":`)) {
				return i
			}
		}
	}
	switch r.IntN(12) {
	case 0, 1:
		return "bit flipped", flip(r, intact)
	case 2:
		return "truncated", intact[:r.IntN(len(intact))]
	case 3:
		i := r.IntN(len(l))
		return "line dropped", bytes.Join(slices.Delete(l, i, i+1), nil)
	case 4:
		i := r.IntN(len(l))
		return "line duplicated", bytes.Join(slices.Insert(l, i, l[i]), nil)
	case 5:
		i, j := two(r, len(l))
		l[i], l[j] = l[j], l[i]
		return "lines swapped", bytes.Join(l, nil)
	case 6:
		i := r.IntN(len(intact))
		return "byte inserted", slices.Insert(bytes.Clone(intact), i, intact[i]^byte(1+r.IntN(255)))
	case 7, 8:
		i := record()
		m := recordMembers.FindSubmatch(l[i])
		data := flip(r, must(base64.StdEncoding.DecodeString(string(m[2]))))
		l[i] = bytes.Replace(l[i], m[2], []byte(base64.StdEncoding.EncodeToString(data)), 1)
		return "forged: record altered", seal(l)
	case 9:
		i := record()
		m := recordMembers.FindSubmatch(l[i])
		index := must(strconv.Atoi(string(m[1]))) ^ 1<<r.IntN(40)
		l[i] = bytes.Replace(l[i], m[0], fmt.Appendf(nil, `"index":%d,"data":"%s"`, index, m[2]), 1)
		return "forged: record renumbered", seal(l)
	case 10:
		i, j := record(), record()
		if i == j {
			return "forged: record twice", seal(slices.Insert(l, i, l[i]))
		}
		l[i], l[j] = l[j], l[i]
		return "forged: records swapped", seal(l)
	default:
		if kind == translog.Extract {
			// What is left out of an extract cannot be missed: its checkpoint can.
			return "forged: checkpoint dropped", seal(slices.Delete(l, 1, 2))
		}
		i := record()
		return "forged: record dropped", seal(slices.Delete(l, i, i+1))
	}
}
