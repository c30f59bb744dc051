package hamming

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/internal/racetest"
)

// bruteForce is what a search must find; it shares nothing with the index but
// the definition of distance, which TestDistance checks bit by bit.
func bruteForce(entries map[uint32]Code, query Code, radius int) []Hit {
	var hits []Hit
	for id, code := range entries {
		if d := code.Distance(query); d <= radius {
			hits = append(hits, Hit{id, d})
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		if a.Distance != b.Distance {
			return a.Distance - b.Distance
		}
		return int(a.ID) - int(b.ID)
	})
	return hits
}

func checkSearch(t interface {
	Helper()
	Fatalf(string, ...any)
}, x *Index, entries map[uint32]Code, query Code, radius int) {
	t.Helper()
	sentinel := Hit{ID: 1<<32 - 1, Distance: -7}
	got := x.Search(query, radius, []Hit{sentinel})
	if got[0] != sentinel {
		t.Fatalf("Search changed what it should append to: %v", got[0])
	}
	if want := bruteForce(entries, query, radius); !slices.Equal(got[1:], want) {
		t.Fatalf("radius %d, %d entries: got %v, want %v", radius, len(entries), got[1:], want)
	}
	if x.Len() != len(entries) {
		t.Fatalf("Len is %d, want %d", x.Len(), len(entries))
	}
}

func randomCode(r *rand.Rand) Code {
	return Code{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
}

// flipped returns code with n different bits inverted.
func flipped(r *rand.Rand, code Code, n int) Code {
	for _, bit := range r.Perm(Bits)[:n] {
		code[bit/64] ^= 1 << (bit % 64)
	}
	return code
}

// sample makes n entries with sparse ids. Shapes: 0 random; 1 a tenth in one
// tight cluster; 2 skewed, with most bits of the upper words zero; 3 many
// equal codes.
func sample(r *rand.Rand, n, shape int) map[uint32]Code {
	entries := make(map[uint32]Code, n)
	centre := randomCode(r)
	for len(entries) < n {
		code := randomCode(r)
		switch shape {
		case 1:
			if r.IntN(10) == 0 {
				code = flipped(r, centre, r.IntN(24))
			}
		case 2:
			code[0] &= 0xff
			code[1] &= r.Uint64() & r.Uint64()
		case 3:
			if r.IntN(2) == 0 {
				code = centre
			}
		}
		entries[r.Uint32()] = code
	}
	return entries
}

func list(entries map[uint32]Code) []Entry {
	out := make([]Entry, 0, len(entries))
	for id, code := range entries {
		out = append(out, Entry{id, code})
	}
	return out
}

func mustBuild(t testing.TB, entries map[uint32]Code) *Index {
	t.Helper()
	x, err := Build(list(entries))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestDistance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		a, b := randomCode(r), randomCode(r)
		want := 0
		ab, bb := a.Bytes(), b.Bytes()
		for bit := range Bits {
			if (ab[bit/8]^bb[bit/8])>>(bit%8)&1 == 1 {
				want++
			}
		}
		if got := a.Distance(b); got != want {
			t.Fatalf("distance %d, want %d", got, want)
		}
		if got := a.permuted().Distance(b.permuted()); got != want {
			t.Fatalf("permuted distance %d, want %d", got, want)
		}
		if a.permuted().restored() != a {
			t.Fatal("restored(permuted) differs")
		}
		if FromBytes(ab) != a {
			t.Fatal("FromBytes(Bytes) differs")
		}
	}
	if got := FromBytes([32]byte{0: 0x80, 31: 1}); got != (Code{1 << 63, 0, 0, 1}) {
		t.Fatalf("byte order: %x", got)
	}
}

// TestPermutation checks that every bit goes to a place of its own and that
// the places are those of today: an index file or a peer may rely on them.
func TestPermutation(t *testing.T) {
	var all Code
	moved := 0
	for bit := range Bits {
		var c Code
		c[bit/64] = 1 << (bit % 64)
		p := c.permuted()
		if p.Distance(Code{}) != 1 || p.Distance(all) != all.Distance(Code{})+1 {
			t.Fatalf("bit %d does not go to a place of its own", bit)
		}
		if p != c {
			moved++
		}
		for w := range all {
			all[w] |= p[w]
		}
	}
	if moved < 240 {
		t.Fatalf("only %d bits are moved", moved)
	}
}

// TestTenThousandTrialsEqualBruteForce searches indexes below and above the
// size from which bands are built, of all shapes, with queries at every
// distance around the radius, and wants what brute force finds.
func TestTenThousandTrialsEqualBruteForce(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	const trials = 10_000
	sizes := []int{0, 2, 300, bandsFrom - 1, bandsFrom, 11_000, 12_000, 14_000, 17_000, 20_000}
	done, hits, banded := 0, 0, 0
	for round := 0; done < trials; round++ {
		shape, size := round%4, sizes[round/4%len(sizes)]
		r := rand.New(rand.NewPCG(uint64(round), 42))
		entries := sample(r, size, shape)
		x := mustBuild(t, entries)
		if (len(x.current.Load().parts[0].bands) > 0) != (size >= bandsFrom) {
			t.Fatalf("size %d: bands expected from %d entries", size, bandsFrom)
		}
		flat := list(entries)
		slices.SortFunc(flat, func(a, b Entry) int { return int(a.ID) - int(b.ID) })
		for range trials / (4 * len(sizes)) {
			query := randomCode(r)
			if len(flat) > 0 && r.IntN(8) > 0 {
				query = flipped(r, flat[r.IntN(len(flat))].Code, r.IntN(40))
			}
			radius := usualRadius
			if r.IntN(3) == 0 {
				radius = r.IntN(65)
			}
			got := x.Search(query, radius, nil)
			var want []Hit
			for _, e := range flat {
				if d := e.Code.Distance(query); d <= radius {
					want = append(want, Hit{e.ID, d})
				}
			}
			slices.SortStableFunc(want, func(a, b Hit) int { return a.Distance - b.Distance })
			if !slices.Equal(got, want) {
				t.Fatalf("trial %d (size %d, shape %d, radius %d): got %v, want %v", done, size, shape, radius, got, want)
			}
			done++
			hits += len(got)
			if size >= bandsFrom && radius <= usualRadius {
				banded++
			}
		}
	}
	t.Logf("%d trials, %d through bands, %d hits", done, banded, hits)
	if banded < trials/4 || hits < trials/2 {
		t.Fatalf("the trials do not exercise the search: %d through bands, %d hits", banded, hits)
	}
}

// TestEveryRadius plants entries at every distance from a query and looks at
// every radius, so that each set of thresholds is used.
func TestEveryRadius(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	entries := sample(r, bandsFrom, 0)
	query := randomCode(r)
	for distance := range Bits + 1 {
		entries[uint32(distance)] = flipped(r, query, distance)
	}
	x := mustBuild(t, entries)
	for radius := -1; radius <= Bits+1; radius++ {
		checkSearch(t, x, entries, query, radius)
	}
	for _, radius := range []int{1<<15 - 1, 1<<16 + 3, 1<<30 + 3} {
		checkSearch(t, x, entries, query, radius)
	}
}

// TestErrorsInOneBand puts all errors where they hurt a multi-index most: into
// as few bands as possible, at each place of the ring.
func TestErrorsInOneBand(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	entries := sample(r, bandsFrom, 0)
	x := mustBuild(t, entries)
	query := randomCode(r)
	id := uint32(1)
	for b := range 16 {
		for _, n := range []int{15, 16, 30, 31, 32} {
			permuted := query.permuted()
			for k := range n {
				bit := (16*b + k) % Bits
				permuted[bit/64] ^= 1 << (bit % 64)
			}
			code := permuted.restored()
			entries[id] = code
			x.Add(id, code)
			id++
		}
	}
	x.Wait()
	rebuilt := mustBuild(t, entries)
	for radius := range usualRadius + 1 {
		checkSearch(t, x, entries, query, radius)
		checkSearch(t, rebuilt, entries, query, radius)
	}
}

func TestBuildRefusesDuplicateID(t *testing.T) {
	_, err := Build([]Entry{{5, Code{}}, {9, Code{}}, {5, Code{1}}})
	var duplicate *DuplicateError
	if !errors.As(err, &duplicate) || duplicate.ID != 5 {
		t.Fatalf("got %v, want a DuplicateError of id 5", err)
	}
}

func TestBuildLeavesItsArgumentAlone(t *testing.T) {
	entries := []Entry{{9, Code{1}}, {5, Code{2}}}
	if _, err := Build(entries); err != nil {
		t.Fatal(err)
	}
	if entries[0].ID != 9 {
		t.Fatal("Build sorted the caller's slice")
	}
}

func TestMergeStartsAndKeepsEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x, entries := New(), map[uint32]Code{}
	for i := range 30_000 {
		id := r.Uint32N(25_000)
		if i%5 == 4 {
			_, known := entries[id]
			if x.Remove(id) != known {
				t.Fatalf("Remove(%d) should say %v", id, known)
			}
			delete(entries, id)
			continue
		}
		code := randomCode(r)
		x.Add(id, code)
		entries[id] = code
	}
	x.Wait()
	now := x.current.Load()
	if len(now.parts) == 0 || now.due() {
		t.Fatalf("nothing was merged: %d parts, %d in delta, %d dead", len(now.parts), now.delta.len(), now.graves())
	}
	flat := list(entries)
	for range 200 {
		checkSearch(t, x, entries, flipped(r, flat[r.IntN(len(flat))].Code, r.IntN(35)), 31)
	}
}

func TestLargeApplyIsMerged(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	x, entries := New(), sample(r, 40_000, 1)
	x.Apply(list(entries), nil)
	checkSearch(t, x, entries, randomCode(r), 120)
	x.Wait()
	if now := x.current.Load(); len(now.parts) != 1 || now.parts[0].len() != len(entries) || now.delta.len() != 0 {
		t.Fatalf("%d parts, %d in delta", len(now.parts), now.delta.len())
	}
	ids := slices.Sorted(maps.Keys(entries))[:30_000]
	if removed := x.Apply(nil, append(ids, ids[0])); removed != len(ids) {
		t.Fatalf("removed %d, want %d", removed, len(ids))
	}
	for _, id := range ids {
		delete(entries, id)
	}
	for range 50 {
		checkSearch(t, x, entries, flipped(r, randomCode(r), 3), 120)
	}
}

// TestGather leaves one part, with what was added, replaced and removed meanwhile.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	entries := sample(r, 60_000, 1)
	x := mustBuild(t, entries)
	for id, code := range sample(r, deltaLimit+1, 0) {
		entries[id] = code
		x.Add(id, code)
	}
	x.Wait()
	if parts := len(x.current.Load().parts); parts != 2 {
		t.Fatalf("%d parts before", parts)
	}
	ids := slices.Sorted(maps.Keys(entries))
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		for _, id := range ids[:500] {
			x.Remove(id)
		}
	}()
	x.Gather()
	<-changed
	for _, id := range ids[:500] {
		delete(entries, id)
	}
	now := x.current.Load()
	if len(now.parts) != 1 {
		t.Fatalf("%d parts", len(now.parts))
	}
	x.Gather() // there is nothing left to do
	if x.current.Load() != now {
		t.Error("one part was made anew")
	}
	for range 50 {
		checkSearch(t, x, entries, flipped(r, entries[ids[500+r.IntN(1000)]], r.IntN(35)), 31)
	}
}

// TestCarryOver changes the index between the start and the end of a merge,
// which is when a change could be lost.
func TestCarryOver(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		entries := sample(r, 400, int(seed%4))
		x := mustBuild(t, entries)
		ids := slices.Sorted(maps.Keys(entries))
		change := func() {
			for range 300 {
				id := ids[r.IntN(len(ids))]
				if r.IntN(2) == 0 {
					x.Remove(id)
					delete(entries, id)
				} else {
					entries[id] = randomCode(r)
					x.Add(id, entries[id])
				}
			}
		}
		change()
		earlier := x.current.Load()
		from := int(seed) % (len(earlier.parts) + 1)
		merged := earlier.build(from)
		change()
		x.mutex.Lock()
		x.current.Store(x.carryOver(earlier, from, merged))
		x.mutex.Unlock()
		checkSearch(t, x, entries, randomCode(r), Bits)
		change()
		checkSearch(t, x, entries, randomCode(r), Bits)
	}
}

func TestAddOfTheSameCodeChangesNothing(t *testing.T) {
	x := mustBuild(t, map[uint32]Code{3: {1, 2, 3, 4}})
	x.Add(3, Code{1, 2, 3, 4})
	if now := x.current.Load(); now.graves() != 0 || now.delta.len() != 0 {
		t.Fatal("an unchanged entry was replaced")
	}
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 0))
		size := rapid.SampledFrom([]int{0, 3, 200, bandsFrom + 50}).Draw(t, "size")
		entries := sample(r, size, rapid.IntRange(0, 3).Draw(t, "shape"))
		x, err := Build(list(entries))
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			var id uint32
			var near Code
			for id, near = range entries {
				break
			}
			switch rapid.SampledFrom([]string{"add", "duplicate", "replace", "remove", "batch", "search"}).Draw(t, "step") {
			case "add":
				id = rapid.Uint32().Draw(t, "id")
				entries[id] = randomCode(r)
				x.Add(id, entries[id])
			case "duplicate":
				id = rapid.Uint32().Draw(t, "id")
				entries[id] = near
				x.Add(id, near)
			case "replace":
				entries[id] = flipped(r, near, 5)
				x.Add(id, entries[id])
			case "remove":
				delete(entries, id)
				x.Remove(id)
			case "batch":
				gone := id
				delete(entries, gone)
				batch := []Entry{{gone + 1, near}, {gone + 2, near}, {gone + 1, flipped(r, near, 2)}}
				for _, e := range batch {
					entries[e.ID] = e.Code
				}
				x.Apply(batch, []uint32{gone})
			}
			want, known := entries[id]
			if code, ok := x.Code(id); code != want || ok != known {
				t.Fatalf("Code(%d) is %v, %v; want %v, %v", id, code, ok, want, known)
			}
			distance := rapid.IntRange(0, 64).Draw(t, "distance")
			checkSearch(t, x, entries, flipped(r, near, distance), rapid.IntRange(0, 64).Draw(t, "radius"))
		}
	})
}

// related are codes as those of one picture: mirrored, inverted, in another form, and the same twice.
func related(r *rand.Rand, code Code) (all []Code) {
	var inverted [classes]Code
	for bit := range Bits {
		for class := range inverted {
			if classOf(bit) == class {
				inverted[class][bit/64] |= 1 << (bit % 64)
			}
		}
	}
	for _, some := range [][]int{{}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2, 3}, {2, 3}, {1, 3}, {0, 3}} {
		turned := code
		for _, class := range some {
			for w := range turned {
				turned[w] ^= inverted[class][w]
			}
		}
		all = append(all, turned, flipped(r, turned, r.IntN(12)))
	}
	return append(all, code)
}

// TestSeveralCodesAtOnce finds for each code what it finds alone, in their order, however much they have in common;
// also of more codes than are searched at once.
func TestSeveralCodesAtOnce(t *testing.T) {
	for shape := range 4 {
		for _, size := range []int{300, bandsFrom, 20_000} {
			r := rand.New(rand.NewPCG(uint64(size), uint64(shape)))
			entries := sample(r, size, shape)
			near := list(entries)[0].Code
			codes := append(related(r, near), related(r, flipped(r, near, 20))...)
			for len(codes) < 2*queryLimit+9 {
				codes = append(codes, randomCode(r))
			}
			for i, code := range codes {
				entries[uint32(i)] = flipped(r, code, r.IntN(60))
			}
			x := mustBuild(t, entries)
			for i := range uint32(200) { // some that are in no part yet, and some that are dead
				entries[i+1000] = flipped(r, codes[int(i)%len(codes)], r.IntN(40))
				x.Add(i+1000, entries[i+1000])
				delete(entries, 2*i)
				x.Remove(2 * i)
			}
			for _, radius := range []int{-1, 0, 7, 31, 41, 64, 100} {
				got, last := make([][]Hit, len(codes)), 0
				x.SearchAll(codes, radius, func(place int, hit Hit) {
					if place < last {
						t.Fatalf("code %d is answered after code %d", place, last)
					}
					last = place
					got[place] = append(got[place], hit)
				})
				for i, code := range codes {
					if want := x.Search(code, radius, nil); !slices.Equal(got[i], want) {
						t.Fatalf("shape %d, %d entries, radius %d, code %d: got %v, want %v", shape, size, radius, i, got[i], want)
					}
				}
				checkSearch(t, x, entries, codes[3], radius)
			}
		}
	}
}

// TestRelatedCodesShareLookUps: what a picture and its mirror images ask is looked up about as often as for two.
func TestRelatedCodesShareLookUps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := mustBuild(t, sample(r, bandsFrom, 0))
	var codes []Code
	for i, code := range related(r, randomCode(r)) {
		if i%2 == 0 { // none in which single bits differ
			codes = append(codes, code.permuted())
		}
	}
	s, w := x.current.Load().parts[0].segment, new(work)
	values := map[[2]uint64]bool{}
	s.probe(w, codes)
	for _, p := range w.probes {
		values[[2]uint64{uint64(p.band), p.bits & (1<<s.design.bands[p.band].width - 1)}] = true
	}
	if want := 2 * len(s.design.bands); len(values) != want {
		t.Errorf("%d codes have %d values in %d bands, want %d", len(codes), len(values), len(s.design.bands), want)
	}
}

func ExampleIndex_Search() {
	index, err := Build([]Entry{
		{ID: 1, Code: FromBytes([32]byte{0xff})},
		{ID: 2, Code: FromBytes([32]byte{0x0f})},
	})
	if err != nil {
		panic(err)
	}
	index.Add(3, FromBytes([32]byte{31: 0xff}))
	fmt.Println(index.Search(FromBytes([32]byte{0x0e}), 5, nil))
	// Output: [{2 1} {1 5}]
}
