package hamming

import (
	"cmp"
	"iter"
	"math/bits"
	"runtime"
	"slices"
)

// grouping says which rows are in groups. A row has the number of its ring among those
// of all groups, and one more, so that 0 is none.
type grouping struct {
	centres codes
	of      []uint32
	members int
}

// grouped puts permuted codes into groups around centres, none of which has fewer than
// some number of members.
func grouped(rows iter.Seq2[uint32, Code], count int, centres codes, least int) *grouping {
	g := &grouping{}
	if len(centres) == 0 {
		return g
	}
	near, members := newNeighbours(centres), make([]int, len(centres))
	g.of = make([]uint32, 0, count)
	for _, code := range rows {
		centre, distance := near.nearest(&code, reach)
		if centre < 0 {
			g.of = append(g.of, 0)
			continue
		}
		g.of = append(g.of, uint32(centre*ringsEach+distance+1))
		members[centre]++
	}
	// Those of groups that stay are moved together, the others go back to the bands.
	moved := make([]uint32, len(centres))
	for i, n := range members {
		if n >= least {
			moved[i] = uint32(len(g.centres)*ringsEach + 1)
			g.centres = append(g.centres, centres[i])
			g.members += n
		}
	}
	for i, ring := range g.of {
		if ring == 0 {
			continue
		}
		g.of[i] = 0
		if to := moved[(ring-1)/ringsEach]; to > 0 {
			g.of[i] = to + (ring-1)%ringsEach
		}
	}
	return g
}

// has tells whether a row is in a group.
func (g *grouping) has(row int) bool { return g.members > 0 && g.of[row] > 0 }

// outside are those of a sample that are near no centre.
func (g *grouping) outside(sample codes) codes {
	if len(g.centres) == 0 {
		return sample
	}
	near := newNeighbours(g.centres)
	return slices.DeleteFunc(sample, func(code Code) bool {
		centre, _ := near.nearest(&code, reach)
		return centre >= 0
	})
}

// neighbours finds codes of a set that are near another one and agree with it in one of
// 16 bands: nearly all of those that are.
type neighbours struct {
	codes
	// first is the number of the first code with a value of a band, next that of the one
	// after each; both count from 1, and 0 is none.
	first [16][1 << 16]int32
	next  [][16]int32
}

// chainLimit is how many codes of one value of a band are looked at.
const chainLimit = 4

func newNeighbours(all codes) *neighbours {
	n := new(neighbours)
	for i := range all {
		n.add(&all[i])
	}
	return n
}

func (n *neighbours) add(code *Code) {
	n.codes, n.next = append(n.codes, *code), append(n.next, [16]int32{})
	added := len(n.codes)
	for b := range n.first {
		link := &n.first[b][code.part(b)]
		for length := 0; *link > 0; length++ {
			if length == chainLimit {
				link = nil
				break
			}
			link = &n.next[*link-1][b]
		}
		if link != nil {
			*link = int32(added)
		}
	}
}

// surely is how near a code is taken to be the nearest: centres are seldom nearer to
// each other than twice as far.
const surely = reach / 4

// nearest is the nearest code within radius, or -1.
func (n *neighbours) nearest(code *Code, radius int) (nearest, distance int) {
	nearest, distance = -1, radius+1
	for b := range n.first {
		for i := n.first[b][code.part(b)]; i > 0; i = n.next[i-1][b] {
			if d := n.codes[i-1].Distance(*code); d < distance {
				nearest, distance = int(i-1), d
				if d <= surely {
					return nearest, distance
				}
			}
		}
	}
	return nearest, distance
}

// part is one of 16 bands of 16 bits.
func (c *Code) part(b int) uint16 { return uint16(c[b/4] >> (b % 4 * 16)) }

// firstBand counts the codes of each value of the first band.
func firstBand(sample codes) []int32 {
	values := make([]int32, 1<<16)
	for i := range sample {
		values[sample[i].part(0)]++
	}
	return values
}

// sampling takes about 65,536 to 131,072 permuted codes of a set, or all of fewer.
type sampling struct {
	codes
	passed, share uint64
}

func newSampling(count int) *sampling { return &sampling{share: uint64(max(1, count>>16))} }

// wants tells whether the next code is to be taken: one of so many, but at no regular
// distance, which what is regular in a list could always miss.
func (s *sampling) wants() bool {
	s.passed++
	upper, _ := bits.Mul64(s.passed*0x9e3779b97f4a7c15, s.share)
	return upper == 0
}

func (s *sampling) take(permuted Code) { s.codes = append(s.codes, permuted) }

// centres finds centres for a number of rows of which this is a sample.
func (s *sampling) centres(count int) codes {
	return around(s.codes, max(2, membersFrom(count)*len(s.codes)/max(1, count)))
}

// around finds centres in a sample of permuted codes, those with most of the sample
// around them first; each has at least some number of them.
func around(sample codes, least int) (centres codes) {
	// What is crowded in one band is worth a look: of unrelated codes that is none.
	values := firstBand(sample)
	crowd := max(8, int32(8*len(sample)>>16))
	sample = slices.DeleteFunc(slices.Clone(sample), func(code Code) bool { return values[code.part(0)] < crowd })

	enough := max(2, least/3)
	if len(sample) < enough {
		return nil
	}
	centres = largest(led(sample), enough)
	for range centring {
		centres = largest(centred(sample, centres), enough)
	}
	return centres
}

// circle is a centre, and how many of a sample are near it.
type circle struct {
	centre  Code
	members int
}

// led lets any code that is near no other lead those that come after it and are near.
func led(sample codes) (all []circle) {
	leaders := newNeighbours(nil)
	for i := range sample {
		if i%stride == 0 {
			runtime.Gosched()
		}
		if leader, _ := leaders.nearest(&sample[i], reach); leader >= 0 {
			all[leader].members++
		} else if len(all) < leaderLimit {
			leaders.add(&sample[i])
			all = append(all, circle{sample[i], 1})
		}
	}
	return all
}

// centred moves each centre into the middle of those near it: a bit of it is that of most
// of them. Of centres near each other only the first stays.
func centred(sample, centres codes) (all []circle) {
	if len(centres) == 0 {
		return nil
	}
	apart := newNeighbours(nil)
	for i := range centres {
		if near, _ := apart.nearest(&centres[i], reach/2); near < 0 {
			apart.add(&centres[i])
			all = append(all, circle{centre: centres[i]})
		}
	}
	others := make([][Bits]int, len(all))
	for i := range sample {
		if i%stride == 0 {
			runtime.Gosched()
		}
		centre, _ := apart.nearest(&sample[i], reach)
		if centre < 0 {
			continue
		}
		all[centre].members++
		for w, word := range sample[i] {
			for word ^= apart.codes[centre][w]; word != 0; word &= word - 1 {
				others[centre][64*w+bits.TrailingZeros64(word)]++
			}
		}
	}
	for i := range all {
		for bit, n := range others[i] {
			if 2*n > all[i].members {
				all[i].centre[bit/64] ^= 1 << (bit % 64)
			}
		}
	}
	return all
}

// leaderLimit is how many codes may lead others: of crowded codes that are in no group
// there would be too many.
const leaderLimit = 8 * groupLimit

// centring is how often centres are moved into the middle of what is around them.
const centring = 3

// largest are the centres of those with at least some number of members, the largest first.
func largest(all []circle, least int) (centres codes) {
	all = slices.DeleteFunc(all, func(c circle) bool { return c.members < least })
	slices.SortStableFunc(all, func(a, b circle) int { return cmp.Compare(b.members, a.members) })
	for _, c := range all[:min(len(all), groupLimit)] {
		centres = append(centres, c.centre)
	}
	return centres
}
