package match_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/match"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// turned returns hash with n different bits inverted.
func turned(r *rand.Rand, hash []byte, n int) []byte {
	out := slices.Clone(hash)
	for _, bit := range r.Perm(256)[:n] {
		out[bit/8] ^= 1 << (bit % 8)
	}
	return out
}

func usable(l match.List, now time.Time) bool {
	return !l.Suspended && (l.ValidFrom.IsZero() || !now.Before(l.ValidFrom)) && (l.ValidUntil.IsZero() || now.Before(l.ValidUntil))
}

// nearest is the distance of a hash to an entry's, or to the nearest of its insets.
func nearest(e match.Entry, hash pdq.Hash) int {
	distance := 257
	if e.PDQ != nil {
		distance = hash.Distance(pdq.Hash(e.PDQ))
	}
	for _, inset := range e.Insets {
		distance = min(distance, hash.Distance(inset.Hash))
	}
	return distance
}

// naive answers by comparing the query with every entry: list and entry id to
// kind, distance and variant.
func naive(lists map[string]match.List, entries map[string]map[string]match.Entry, q match.Query) map[string]string {
	found := map[string]string{}
	for id, list := range lists {
		if !usable(list, q.Now) {
			continue
		}
		for _, e := range entries[id] {
			answer := ""
			switch {
			case slices.Equal(e.SHA256, q.Digests.SHA256[:]):
				answer = "sha256 0 original"
			case slices.Equal(e.SHA1, q.Digests.SHA1[:]):
				answer = "sha1 0 original"
			case slices.Equal(e.MD5, q.Digests.MD5[:]):
				answer = "md5 0 original"
			case q.Decoded:
				best := list.Radius + 1
				for _, forms := range []pdq.Forms{q.Forms, q.Trimmed.Forms, q.Forms.Inverted(), q.Trimmed.Forms.Inverted()} {
					for _, form := range []pdq.Fingerprint{forms.Full, forms.Nearest} {
						for v, hash := range form.Variants {
							if d := nearest(e, hash); d < best && forms.Full.Quality >= 50 && form.Quality >= 50 {
								best, answer = d, fmt.Sprintf("pdq %d %s", d, pdq.Variant(v))
							}
						}
					}
				}
			}
			if answer != "" {
				found[id+"/"+e.ID] = answer
			}
		}
	}
	return found
}

// TestAnswersEqualComparingWithEveryEntry changes lists and entries at random
// and wants every answer to be that of the naive comparison.
func TestAnswersEqualComparingWithEveryEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		// Few values and few bits between hashes make entries share them.
		pool := make([][]byte, 6)
		for i := range pool {
			pool[i] = randomBytes(r, 32)
		}
		pick := func(n int) []byte {
			if r.IntN(3) == 0 {
				return nil
			}
			return pool[r.IntN(len(pool))][:n:n]
		}
		x := match.New()
		lists, entries := map[string]match.List{}, map[string]map[string]match.Entry{}
		versions := map[string]int64{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "list")
			switch step := rapid.SampledFrom([]string{"put list", "remove list", "apply", "apply", "apply"}).Draw(t, "step"); step {
			case "put list":
				list := match.List{ID: id, Name: "list " + id, Radius: rapid.IntRange(0, match.MaximumRadius).Draw(t, "radius"), Suspended: r.IntN(4) == 0}
				if r.IntN(3) == 0 {
					list.ValidFrom = noon.Add(time.Duration(r.IntN(3)-1) * time.Hour)
				}
				if r.IntN(3) == 0 {
					list.ValidUntil = noon.Add(time.Duration(r.IntN(3)-1) * time.Hour)
				}
				x.PutList(list)
				lists[id] = list
				if entries[id] == nil {
					entries[id] = map[string]match.Entry{}
				}
			case "remove list":
				x.RemoveList(id)
				delete(lists, id)
				delete(entries, id)
				delete(versions, id)
			case "apply":
				delta := match.Delta{List: id, From: versions[id], To: versions[id] + 1}
				if _, known := lists[id]; !known {
					if x.Apply(delta) == nil {
						t.Fatal("a delta of an unknown list was taken")
					}
					continue
				}
				for range r.IntN(3) {
					delta.RemoveEntries = append(delta.RemoveEntries, fmt.Sprint(r.IntN(12)))
				}
				for range r.IntN(5) {
					e := match.Entry{ID: fmt.Sprint(r.IntN(12)), MD5: pick(16), SHA1: pick(20), SHA256: pick(32)}
					if hash := pick(32); hash != nil {
						e.PDQ = turned(r, hash, r.IntN(30))
					}
					for n := range r.IntN(4) {
						e.Insets = append(e.Insets, pdq.Inset{Tenths: 25 * (n + 1), Hash: pdq.Hash(turned(r, pool[r.IntN(len(pool))], r.IntN(30)))})
					}
					delta.Put = append(delta.Put, e)
				}
				if err := x.Apply(delta); err != nil {
					t.Fatal(err)
				}
				versions[id]++
				for _, gone := range delta.RemoveEntries {
					delete(entries[id], gone)
				}
				for _, e := range delta.Put {
					entries[id][e.ID] = e
				}
			}

			q := match.Query{Decoded: r.IntN(8) > 0, Now: noon}
			q.Digests = digest.Sum{Size: 1, MD5: [16]byte(randomBytes(r, 16)), SHA1: [20]byte(pool[r.IntN(6)]), SHA256: [32]byte(randomBytes(r, 32))}
			if r.IntN(2) == 0 {
				q.Digests.MD5, q.Digests.SHA256 = [16]byte(pool[r.IntN(6)]), [32]byte(pool[r.IntN(6)])
			}
			asking := []*pdq.Fingerprint{&q.Forms.Full, &q.Forms.Nearest}
			if r.IntN(2) == 0 {
				asking = append(asking, &q.Trimmed.Forms.Full, &q.Trimmed.Forms.Nearest)
			}
			for _, form := range asking {
				form.Quality = 48 + r.IntN(5)
				for v := range form.Variants {
					form.Variants[v] = pdq.Hash(randomBytes(r, 32))
				}
				form.Variants[r.IntN(8)] = pdq.Hash(turned(r, pool[r.IntN(6)], r.IntN(40)))
				form.Variants[r.IntN(8)] = pdq.Hash(turned(r, pool[r.IntN(6)], r.IntN(40)))
				form.Variants[r.IntN(8)] = pdq.Hash(turned(r, pool[r.IntN(6)], r.IntN(40))).Inverted()
			}

			result := x.Query(q)
			got := map[string]string{}
			for _, m := range result.Matches {
				got[m.List+"/"+m.Entry] = fmt.Sprintf("%s %d %s", m.Kind, m.Distance, m.Variant)
				if !strings.HasSuffix(m.Explanation, "; a person must decide") || strings.Contains(strings.ToLower(m.Explanation), "illegal") {
					t.Fatalf("explanation: %s", m.Explanation)
				}
			}
			if want := naive(lists, entries, q); len(got) != len(result.Matches) || !maps.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			if !slices.IsSortedFunc(result.Matches, func(a, b match.Match) int {
				order := []match.Kind{match.SHA256, match.SHA1, match.MD5, match.PDQ}
				return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ListName, b.ListName), cmp.Compare(a.Entry, b.Entry))
			}) {
				t.Fatalf("not in order: %v", result.Matches)
			}
			asked := 0
			for _, list := range lists {
				if usable(list, noon) {
					asked++
				}
			}
			if asked+len(result.Skipped) != len(lists) {
				t.Fatalf("%d lists asked and %d skipped of %d", asked, len(result.Skipped), len(lists))
			}
			if told := result.Unhashable != ""; told != (!q.Decoded || max(q.Forms.Full.Quality, q.Trimmed.Forms.Full.Quality) < 50) {
				t.Fatalf("quality %d, decoded %v: unhashable is %q", q.Forms.Full.Quality, q.Decoded, result.Unhashable)
			}
		}
	})
}

// TestQueriesWhileListsChange withdraws and restores an entry while others
// query: from the moment Apply or PutList returns the answer is the new one.
func TestQueriesWhileListsChange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := match.New()
	list := match.List{ID: "l", Name: "l", Radius: 31}
	x.PutList(list)
	entry := match.Entry{ID: "e", SHA256: randomBytes(r, 32), PDQ: randomBytes(r, 32)}
	exact := match.Query{Digests: digest.Sum{Size: 1, SHA256: [32]byte(entry.SHA256)}, Now: noon}
	similar := match.Query{Digests: digest.Sum{Size: 1, SHA256: [32]byte(randomBytes(r, 32))}, Decoded: true, Forms: forms(100, pdq.Variants{}), Now: noon}
	for v := range similar.Forms.Full.Variants {
		similar.Forms.Full.Variants[v] = pdq.Hash(randomBytes(r, 32))
	}
	similar.Forms.Full.Variants[3] = pdq.Hash(turned(r, entry.PDQ, 31))

	// step is even between changes; 2 modulo 4 while the entry matches.
	var step atomic.Int64
	var stop atomic.Bool
	var certain atomic.Int64
	var readers sync.WaitGroup
	for k := range 3 {
		readers.Go(func() {
			q := []match.Query{exact, similar, similar}[k]
			for !stop.Load() {
				first := step.Load()
				n := len(x.Query(q).Matches)
				if first%2 == 1 || step.Load() != first {
					continue
				}
				if want := int(first % 4 / 2); n != want {
					t.Errorf("step %d: %d matches, want %d", first, n, want)
					return
				}
				certain.Add(1)
			}
		})
	}
	version := int64(0)
	apply := func(d match.Delta) {
		d.List, d.From, d.To = "l", version, version+1
		if err := x.Apply(d); err != nil {
			t.Error(err)
		}
		version++
	}
	noise := 0
	for i := range 400 {
		step.Add(1)
		if i%4 == 2 {
			list.Suspended = false
			x.PutList(list)
		} else {
			apply(match.Delta{Put: []match.Entry{entry}})
		}
		step.Add(1)
		var d match.Delta
		for range 50 {
			noise++
			d.Put = append(d.Put, match.Entry{ID: fmt.Sprint("noise", noise), MD5: randomBytes(r, 16), PDQ: randomBytes(r, 32)})
		}
		apply(d)
		step.Add(1)
		if i%4 == 1 {
			list.Suspended = true
			x.PutList(list)
		} else {
			apply(match.Delta{RemoveEntries: []string{"e"}})
		}
		step.Add(1)
	}
	stop.Store(true)
	readers.Wait()
	if certain.Load() == 0 {
		t.Fatal("no query was certain of its answer")
	}
}

// BenchmarkQuery asks for one content with its digests and eight PDQ variants,
// against lists of a quarter PDQ, and reports the memory of an entry. Sizes
// above 200,000 need memory: set BRDO_BENCH_1M=1.
func BenchmarkQuery(b *testing.B) {
	sizes := []int{200_000}
	if os.Getenv("BRDO_BENCH_1M") == "1" {
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		for _, radius := range []int{31, 64} {
			r := rand.New(rand.NewPCG(uint64(n), 0))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			x := match.New()
			x.PutList(match.List{ID: "l", Name: "l", Radius: radius})
			for v := range n / 1000 {
				d := match.Delta{List: "l", From: int64(v), To: int64(v) + 1}
				for i := range 1000 {
					e := match.Entry{ID: fmt.Sprintf("%036d", v*1000+i)}
					switch i % 4 {
					case 0:
						e.MD5 = randomBytes(r, 16)
					case 1:
						e.SHA1 = randomBytes(r, 20)
					case 2:
						e.SHA256 = randomBytes(r, 32)
					case 3:
						e.PDQ = randomBytes(r, 32)
					}
					d.Put = append(d.Put, e)
				}
				if err := x.Apply(d); err != nil {
					b.Fatal(err)
				}
			}
			time.Sleep(2 * time.Second) // a merge may still hold memory
			runtime.GC()
			runtime.ReadMemStats(&after)
			q := match.Query{Digests: digest.Sum{Size: 1}, Decoded: true, Forms: forms(100, pdq.Variants{}), Now: noon}
			for v := range q.Forms.Full.Variants {
				q.Forms.Full.Variants[v] = pdq.Hash(randomBytes(r, 32))
			}
			copy(q.Digests.MD5[:], randomBytes(r, 16))
			copy(q.Digests.SHA1[:], randomBytes(r, 20))
			copy(q.Digests.SHA256[:], randomBytes(r, 32))
			b.Run(fmt.Sprintf("entries=%d/radius=%d", n, radius), func(b *testing.B) {
				for b.Loop() {
					x.Query(q)
				}
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/entry")
			})
		}
	}
}
