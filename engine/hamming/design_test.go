package hamming

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/brdoproject/brdo/internal/racetest"
)

// uneven has bands of many widths, bands that cross words and the end of the ring
// in their following bits, and more room than any row needs.
var uneven = &design{number: 99, bands: cuts(13, 17, 11, 18, 14, 15, 16, 12, 19, 13, 17, 14, 16, 15, 18, 13, 15), following: 32}

// TestDesignsCoverTheRing checks that every bit is in one band, and that a posting
// fits into the 64 bits that are read at once.
func TestDesignsCoverTheRing(t *testing.T) {
	for _, d := range append(slices.Clone(designs[1:]), uneven) {
		end := 0
		for _, c := range d.bands {
			if c.start != end || c.width+d.following > 64 {
				t.Errorf("design %d: band at %d after %d, width %d", d.number, c.start, end, c.width)
			}
			end += c.width
		}
		if end != Bits {
			t.Errorf("design %d ends at %d", d.number, end)
		}
		for radius, p := range d.plansFor(1_000_000) {
			sum := 0
			for _, threshold := range p.thresholds {
				sum += threshold
			}
			if sum != radius+1 {
				t.Errorf("design %d, radius %d: thresholds sum to %d", d.number, radius, sum)
			}
		}
	}
}

// TestEveryDesignAndRadiusEqualsBruteForce asks the bands of every design, whether
// or not they would be used, for every radius, in random, clustered, skewed and
// repeated data, with entries planted at every distance.
func TestEveryDesignAndRadiusEqualsBruteForce(t *testing.T) {
	kinds := 4
	if racetest.Enabled {
		kinds = 1
	}
	for _, c := range []struct {
		design        *design
		rows          int
		positionWidth int
	}{{narrow, 9_000, 3}, {paired, 9_000, 4}, {uneven, 4_000, 3}, {broad, 4_000, 4}} {
		for kind := range kinds {
			r := rand.New(rand.NewPCG(uint64(kind), 11))
			entries := sample(r, c.rows, kind)
			near := list(entries)[0].Code
			queries := []Code{near, flipped(r, near, 20), randomCode(r)}
			var sample codes
			for _, code := range entries {
				sample = append(sample, code.permuted())
			}
			centres := around(sample, leastMembers)
			if want := kind % 2; len(centres) != want {
				t.Fatalf("data %d: %d centres, want %d", kind, len(centres), want)
			}
			for _, centre := range centres {
				queries = append(queries, flipped(r, centre.restored(), 40))
			}
			for i, query := range queries {
				for distance := range MaximumRadius + 2 {
					entries[uint32(100*i+distance)] = flipped(r, query, distance)
				}
			}
			flat := list(entries)
			slices.SortFunc(flat, func(a, b Entry) int { return int(a.ID) - int(b.ID) })
			shape := shapeOf(func(yield func(uint32) bool) {
				for _, e := range flat {
					if !yield(e.ID) {
						return
					}
				}
			})
			shape.positionWidth = c.positionWidth
			rows := func(yield func(uint32, Code) bool) {
				for _, e := range flat {
					if !yield(e.ID, e.Code.permuted()) {
						return
					}
				}
			}
			b := newBuilder(c.design, shape, grouped(rows, len(flat), centres, leastMembers))
			for id, code := range rows {
				b.add(id, code)
			}
			s := b.finish(2, kind%2 == 0)
			w := works.Get().(*work)
			together := make([]Code, len(queries))
			for q, query := range queries {
				together[q] = query.permuted()
			}
			for q, query := range queries {
				permuted := query.permuted()
				for radius := range MaximumRadius + 1 {
					if racetest.Enabled && radius%8 != 7 {
						continue // one goroutine: there is nothing to detect
					}
					w.found[0] = w.found[0][:0]
					s.searchIndexed(w, []Code{permuted}, radius)
					found := slices.Clone(w.found[0])
					slices.SortFunc(found, func(a, b place) int { return int(a.position) - int(b.position) })
					var want []place
					for i, e := range flat {
						if s.ids.at(i) != e.ID {
							t.Fatalf("the id at %d is %d, want %d", i, s.ids.at(i), e.ID)
						}
						if d := e.Code.Distance(query); d <= radius {
							want = append(want, place{uint32(i), uint32(d)})
						}
					}
					for i := range w.found {
						w.found[i] = w.found[i][:0]
					}
					if s.searchIndexed(w, together, radius); len(w.found[q]) != len(want) {
						t.Fatalf("design %d, data %d, radius %d: %d rows among several queries, want %d", c.design.number, kind, radius, len(w.found[q]), len(want))
					}
					if !slices.Equal(found, want) {
						t.Fatalf("design %d, data %d, radius %d: got %d rows %v, want %d %v", c.design.number, kind, radius, len(found), found, len(want), want)
					}
				}
			}
		}
	}
}

// TestIDColumns keeps ids of every width, and finds these and no others.
func TestIDColumns(t *testing.T) {
	for _, c := range []struct {
		name  string
		step  func(r *rand.Rand) uint32
		width int
	}{
		{"one after the other", func(*rand.Rand) uint32 { return 1 }, 0},
		{"some left out", func(r *rand.Rand) uint32 { return 1 + r.Uint32N(4) }, 1},
		{"most left out", func(r *rand.Rand) uint32 { return 1 + r.Uint32N(900) }, 2},
		{"sparse", func(r *rand.Rand) uint32 { return 1 + r.Uint32N(3_000_000) }, 4},
	} {
		for _, count := range []int{0, 1, 63, 64, 65, 1000} {
			r := rand.New(rand.NewPCG(1, uint64(count)))
			ids := make([]uint32, count)
			next := r.Uint32N(1000)
			for i := range ids {
				next += c.step(r)
				ids[i] = next
			}
			shape := shapeOf(slices.Values(ids))
			if count > 1 && shape.idWidth != c.width || shape.count != count {
				t.Fatalf("%s, %d ids: %+v", c.name, count, shape)
			}
			b := newBuilder(scanned, shape, &grouping{})
			for _, id := range ids {
				b.add(id, Code{})
			}
			for i, id := range ids {
				if at, found := b.ids.find(id); b.ids.at(i) != id || at != i || !found {
					t.Fatalf("%s: id %d is found at %d, %v; at %d is %d", c.name, id, at, found, i, b.ids.at(i))
				}
				_, known := slices.BinarySearch(ids, id+1)
				if _, found := b.ids.find(id + 1); found != known {
					t.Fatalf("%s: id %d found: %v", c.name, id+1, found)
				}
			}
			for _, id := range []uint32{0, 1<<32 - 1} {
				if _, found := b.ids.find(id); found {
					t.Fatalf("%s: %d was found", c.name, id)
				}
			}
		}
	}
}

// TestCrowdedSets: bits that say little make a set crowded; near copies are put into a
// group, which leaves the rest as it was.
func TestCrowdedSets(t *testing.T) {
	for kind, want := range []struct {
		crowded bool
		groups  int
	}{{false, 0}, {false, 1}, {true, 0}, {false, 1}} {
		for _, count := range []int{bandsFrom, 80_000} {
			x := mustBuild(t, sample(rand.New(rand.NewPCG(uint64(count), 1)), count, kind))
			got := x.current.Load().parts[0]
			if (got.design == paired) != want.crowded || got.shape.groups != want.groups {
				t.Errorf("%d codes of data %d: design %d, %d groups, want %+v", count, kind, got.design.number, got.shape.groups, want)
			}
		}
	}
	if designFor(broadFrom, true) != broad || designFor(bandsFrom-1, true) != scanned {
		t.Error("few or very many codes have other designs")
	}
}

// TestExpectedTimesGrow with the radius and with the number of entries.
func TestExpectedTimesGrow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	small, large := mustBuild(t, sample(random, 5_000, 0)), mustBuild(t, sample(random, 40_000, 0))
	for radius, before := 0, -1; radius <= 200; radius += 8 {
		if before >= 0 && large.Expected(radius) < large.Expected(before) {
			t.Errorf("radius %d is expected to take less than radius %d", radius, before)
		}
		if radius >= 31 && small.Expected(radius) >= large.Expected(radius) {
			t.Errorf("radius %d: 5,000 entries are expected to take %v, 40,000 %v", radius, small.Expected(radius), large.Expected(radius))
		}
		before = radius
	}
}
