package hamming

import (
	"runtime"
	"slices"
)

// groups are rows that lie around a few centres, and are kept apart from the bands: to
// a query beside them nearly all of a band's postings are alike, so that bands tell it
// nothing. A group is in the order of its members' distances to the centre, and the
// triangle inequality says which stretch of it may match; that is read through.
type groups struct {
	centres codes
	// rings are where members at a distance of 0 to reach from a centre begin, centre by
	// centre, and where the last ones end.
	rings []uint32
	// members are copies of the codes, so that they lie side by side.
	members   codes
	positions []uint32
}

const (
	// reach is how far a member may be from its centre.
	reach = 31
	// ringsEach is how many rings a group has.
	ringsEach = reach + 1
	// groupLimit is how many groups a segment may have: a search looks at all centres.
	groupLimit = 2048
	// leastMembers are the fewest that make a group.
	leastMembers = 256
)

// membersFrom is how many rows near each other make a group among a number of rows:
// fewer cost a search beside them less than their centre costs all searches.
func membersFrom(count int) int { return max(leastMembers, count/groupLimit) }

// search adds every member within radius of the permuted query to found.
func (g *groups) search(w *work, query *Code, radius int, found []place) []place {
	if len(g.centres) == 0 {
		return found
	}
	w.centres = g.centres.scan(query, radius+reach, w.centres[:0])
	for _, c := range w.centres {
		distance := int(c.distance)
		rings := g.rings[c.position*ringsEach:][:ringsEach+1]
		from, to := rings[max(0, distance-radius)], rings[min(reach, distance+radius)+1]
		first := len(found)
		found = g.members[from:to].scanNear(query, radius, found)
		for i := range found[first:] {
			f := &found[first+i]
			f.position = g.positions[from+f.position]
		}
	}
	return found
}

// sound tells whether the rings follow each other to the last member, and every member
// is one of a number of rows.
func (g *groups) sound(rows int) bool {
	if g.rings[0] != 0 || int(g.rings[len(g.rings)-1]) != len(g.members) || !slices.IsSorted(g.rings) {
		return false
	}
	for _, position := range g.positions {
		if int(position) >= rows {
			return false
		}
	}
	return true
}

// fill sorts members into their rings.
func (g *groups) fill(by *grouping, rows codes, polite bool) {
	copy(g.centres, by.centres)
	for _, ring := range by.of {
		if ring > 0 {
			g.rings[ring]++
		}
	}
	for i := 1; i < len(g.rings); i++ {
		g.rings[i] += g.rings[i-1]
	}
	next := slices.Clone(g.rings)
	for i, ring := range by.of {
		if ring > 0 {
			at := next[ring-1]
			next[ring-1]++
			g.members[at], g.positions[at] = rows[i], uint32(i)
		}
		if polite && i%stride == 0 {
			runtime.Gosched()
		}
	}
}
