package hamming

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/brdoproject/brdo/internal/racetest"
)

// clustered makes entries of which many lie around a few centres: tight or wide, apart
// or overlapping, too few for a group or more than enough.
func clustered(r *rand.Rand, rest int) (entries map[uint32]Code, centres []Code) {
	entries = sample(r, rest, 0)
	for range 1 + r.IntN(5) {
		centre := randomCode(r)
		if len(centres) > 0 && r.IntN(2) == 0 {
			centre = flipped(r, centres[0], r.IntN(60))
		}
		centres = append(centres, centre)
		least := r.IntN(12)
		most := least + r.IntN(32)
		for range []int{100, 500, 1200}[r.IntN(3)] {
			entries[r.Uint32()] = flipped(r, centre, least+r.IntN(most-least+1))
		}
	}
	return entries, centres
}

// TestGroupsAndBandsShareTheRows: every row is in one ring of one group, that of its
// distance to the centre, or once in every band.
func TestGroupsAndBandsShareTheRows(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	groups := 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 51))
		entries, _ := clustered(r, 1000)
		x, err := buildAs(list(entries), tiny)
		if err != nil {
			t.Fatal(err)
		}
		s := x.current.Load().parts[0].segment
		groups += s.shape.groups
		for b := range s.bands {
			times := make([]int, s.len())
			for i := range s.groups.centres {
				size := 0
				for ring := range ringsEach {
					for at := s.groups.rings[i*ringsEach+ring]; at < s.groups.rings[i*ringsEach+ring+1]; at++ {
						position := s.groups.positions[at]
						times[position]++
						size++
						if code := s.groups.members[at]; code != s.codes[position] || code.Distance(s.groups.centres[i]) != ring {
							t.Fatalf("seed %d: row %d is not in ring %d of centre %d", seed, position, ring, i)
						}
					}
				}
				if size < leastMembers {
					t.Errorf("seed %d: a group has %d members", seed, size)
				}
			}
			for posting := range uint32(s.shape.banded()) {
				times[s.position(&s.bands[b], posting)]++
			}
			if at := slices.IndexFunc(times, func(n int) bool { return n != 1 }); at >= 0 {
				t.Fatalf("seed %d: row %d is there %d times", seed, at, times[at])
			}
		}
	}
	if groups < 12 {
		t.Fatalf("there are %d groups", groups)
	}
}

// TestSearchBesideGroupsEqualsBruteForce asks from within, beside and far from what lies
// around centres, also when much of it was taken out or came later.
func TestSearchBesideGroupsEqualsBruteForce(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	groups := 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 52))
		entries, centres := clustered(r, bandsFrom)
		x := mustBuild(t, entries)
		check := func() {
			groups += x.current.Load().parts[0].shape.groups
			for range 20 {
				radius := usualRadius
				if r.IntN(2) == 0 {
					radius = r.IntN(MaximumRadius + 1)
				}
				checkSearch(t, x, entries, flipped(r, centres[r.IntN(len(centres))], r.IntN(100)), radius)
			}
		}
		check()
		var add []Entry
		var remove []uint32
		for id, code := range entries {
			if r.IntN(2) == 0 {
				continue
			}
			remove = append(remove, id)
			delete(entries, id)
			if r.IntN(2) == 0 {
				add = append(add, Entry{id ^ 1<<31, flipped(r, code, r.IntN(3))})
			}
		}
		for range bandsFrom {
			add = append(add, Entry{r.Uint32(), flipped(r, centres[0], r.IntN(20))})
		}
		for _, e := range add {
			entries[e.ID] = e.Code
		}
		x.Apply(add, remove)
		check()
		x.Wait()
		check()
	}
	if groups < 8 {
		t.Fatalf("there are %d groups", groups)
	}
}

// TestOutermostMembers asks from as far from a centre as a member at its reach can be
// found from, and from a bit farther.
func TestOutermostMembers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 53))
	entries := sample(r, 100, 0)
	centre := randomCode(r)
	for range leastMembers {
		entries[r.Uint32()] = centre
	}
	out := flipped(r, Code{}, reach+usualRadius+1)
	member, place := centre, places()
	for bit, flips := 0, 0; flips < reach; bit++ {
		if out[bit/64]>>(bit%64)&1 == 1 && place[bit] >= 16 { // in one band it agrees, or its centre is not found
			member[bit/64] ^= 1 << (bit % 64)
			flips++
		}
	}
	entries[1<<31] = member
	x, err := buildAs(list(entries), tiny)
	if err != nil {
		t.Fatal(err)
	}
	s := x.current.Load().parts[0]
	if s.shape.groups != 1 || s.shape.members != leastMembers+1 {
		t.Fatalf("%d members in %d groups", s.shape.members, s.shape.groups)
	}
	query := Code{centre[0] ^ out[0], centre[1] ^ out[1], centre[2] ^ out[2], centre[3] ^ out[3]}
	for radius, want := range map[int]int{usualRadius: 0, usualRadius + 1: 1} {
		w, permuted := new(work), query.permuted()
		if found := s.groups.search(w, &permuted, radius, nil); len(found) != want {
			t.Errorf("radius %d: %d members are found, want %d", radius, len(found), want)
		}
		checkSearch(t, x, entries, query, radius)
	}
}

// TestSamplesAreOfAllRows: what comes at regular distances in a list is in a sample as
// often as in the list.
func TestSamplesAreOfAllRows(t *testing.T) {
	for _, count := range []int{1000, 131_071, 300_000, 1_000_000, 3_000_000} {
		s := newSampling(count)
		var taken []int
		for i := range count {
			if s.wants() {
				taken = append(taken, i)
			}
		}
		if len(taken) < min(count, 60_000) || len(taken) > 140_000 {
			t.Errorf("%d of %d rows are taken", len(taken), count)
		}
		for every := 2; every <= 64; every++ {
			regular := 0
			for _, i := range taken {
				if i%every == every/2 {
					regular++
				}
			}
			if want := len(taken) / every; regular < want*8/10 || regular > want*12/10+1 {
				t.Errorf("of each %d of %d rows one is taken %d times, want about %d", every, count, regular, want)
			}
		}
	}
}
