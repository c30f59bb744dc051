package hamming

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	bandCount = 16
	bandSize  = 1 << 16

	// IndexedRadius is the largest radius that the bands answer: 16 bands
	// with up to one error each bound a distance of 31 (2*16 - 1).
	IndexedRadius = 2*bandCount - 1

	// bandsFrom is the number of rows from which bands are built; below it a
	// scan takes about as long as the 272 look-ups, and bands have a fixed
	// cost of 4 MB.
	bandsFrom = 10_000
)

// band lists, for each value of 16 bits, the positions of the rows that have
// it: those of value v are positions[offsets[v]:offsets[v+1]], ascending.
// following holds the next band's bits of the same rows in an array of its
// own, as it is the only one that a search reads through.
type band struct {
	offsets   []uint32
	positions []uint32
	following []uint16
}

// segment is an immutable set of rows, ascending by id, with bands if there
// are enough rows.
type segment struct {
	rows
	bands []band
}

func newSegment(r rows) *segment {
	s := &segment{rows: r}
	if r.len() < bandsFrom {
		return s
	}
	s.bands = make([]band, bandCount)
	var next atomic.Int32
	var workers sync.WaitGroup
	for range min(bandCount, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for b := int(next.Add(1)) - 1; b < bandCount; b = int(next.Add(1)) - 1 {
				s.bands[b] = s.sortBand(b)
			}
		})
	}
	workers.Wait()
	return s
}

// sortBand is a counting sort of all rows by the bits of band b.
func (s *segment) sortBand(b int) band {
	own, ownShift := s.bandColumn(b)
	after, afterShift := s.bandColumn((b + 1) % bandCount)
	out := band{
		offsets:   make([]uint32, bandSize+1),
		positions: make([]uint32, s.len()),
		following: make([]uint16, s.len()),
	}
	for i := range own.planes {
		out.offsets[uint16(own.planes[i][own.word]>>ownShift)]++
	}
	var sum uint32
	for v, n := range out.offsets {
		sum += n
		out.offsets[v] = sum
	}
	// Filling from the back leaves each offset at the start of its run.
	for i := s.len() - 1; i >= 0; i-- {
		value := uint16(own.planes[i][own.word] >> ownShift)
		out.offsets[value]--
		at := out.offsets[value]
		out.positions[at] = uint32(i)
		out.following[at] = uint16(after.planes[i][after.word] >> afterShift)
	}
	return out
}

// column is one 64-bit word of every row.
type column struct {
	planes []plane
	word   int
}

func (s *segment) bandColumn(b int) (column, int) {
	c := column{s.front, b >> 2 & 1}
	if b >= bandCount/2 {
		c.planes = s.back
	}
	return c, 16 * (b & 3)
}

// find returns the position of id.
func (s *segment) find(id uint32) (int, bool) {
	return slices.BinarySearch(s.ids, id)
}

func (s *segment) bytes() int {
	n := s.rows.bytes()
	for i := range s.bands {
		b := &s.bands[i]
		n += 4*cap(b.offsets) + 4*cap(b.positions) + 2*cap(b.following)
	}
	return n
}

// search calls found once for every row within radius of the permuted query.
func (s *segment) search(query Code, radius int, found func(position, distance int)) {
	if s.bands == nil || radius > IndexedRadius {
		s.scan(query, radius, found)
		return
	}
	s.searchBands(query, newThresholds(radius), radius, found)
}

// thresholds are the pigeonring's bounds: band b may start a match with fewer
// than t[b] errors, and with its successor fewer than t[b]+t[b+1]. They sum to
// radius + 1, so whatever is within radius meets both bounds at some band: were
// it otherwise, going round the ring in steps of one or two bands would add up
// to more errors than radius.
type thresholds [bandCount]int

func newThresholds(radius int) (t thresholds) {
	for b := range t {
		t[b] = (radius + 1) / bandCount
		if b < (radius+1)%bandCount {
			t[b]++
		}
	}
	return t
}

// starts tells whether a match may start at band b, given the difference of
// two codes.
func (t *thresholds) starts(b int, difference *Code) bool {
	errors := bits.OnesCount16(difference.band(b))
	after := (b + 1) % bandCount
	return errors < t[b] && errors+bits.OnesCount16(difference.band(after)) < t[b]+t[after]
}

// run is a stretch of postings to look through.
type run struct {
	from, to uint32
	// allowed is how many errors the following band may have.
	allowed int32
	band    int32
}

const (
	// runLimit is the number of runs at the largest radius: in each band the
	// query's own value and its 16 neighbours at distance one.
	runLimit = bandCount * 17
	// candidateLimit bounds how many candidates wait for their codes.
	candidateLimit = 256
)

func (s *segment) searchBands(query Code, t thresholds, radius int, found func(position, distance int)) {
	// All runs are gathered, and the start of each is touched, before any is
	// read: the look-ups are independent, so the processor overlaps their
	// waits for memory, which are most of the cost.
	var runs [runLimit]run
	n := 0
	var touched uint16
	for b := range bandCount {
		if t[b] == 0 {
			continue
		}
		value, band := query.band(b), &s.bands[b]
		allowed := int32(t[b] + t[(b+1)%bandCount] - 1)
		if from, to := band.offsets[value], band.offsets[int(value)+1]; from < to {
			runs[n] = run{from, to, allowed, int32(b)}
			touched += band.following[from]
			n++
		}
		if t[b] == 1 {
			continue
		}
		for bit := range 16 {
			near := value ^ 1<<bit
			if from, to := band.offsets[near], band.offsets[int(near)+1]; from < to {
				runs[n] = run{from, to, allowed - 1, int32(b)}
				touched += band.following[from]
				n++
			}
		}
	}
	keep(touched)

	type candidate struct {
		position uint32
		band     int32
	}
	var candidates [candidateLimit]candidate
	waiting := 0
	qf, qb := plane{query[0], query[1]}, plane{query[2], query[3]}
	verify := func() {
		for _, c := range candidates[:waiting] {
			distance := s.front[c.position].distance(&qf)
			if distance > radius {
				continue
			}
			if distance += s.back[c.position].distance(&qb); distance > radius {
				continue
			}
			code := s.code(int(c.position))
			difference := Code{code[0] ^ query[0], code[1] ^ query[1], code[2] ^ query[2], code[3] ^ query[3]}
			if t.firstStart(&difference) == int(c.band) {
				found(int(c.position), distance)
			}
		}
		waiting = 0
	}
	for i := range runs[:n] {
		r := &runs[i]
		band := &s.bands[r.band]
		wanted := query.band(int(r.band+1) % bandCount)
		for k, value := range band.following[r.from:r.to] {
			if int32(bits.OnesCount16(value^wanted)) > r.allowed {
				continue
			}
			if waiting == candidateLimit {
				verify()
			}
			candidates[waiting] = candidate{band.positions[int(r.from)+k], r.band}
			waiting++
		}
	}
	verify()
}

// firstStart returns the first band at which a match may start. A row is a
// candidate once for every such band and counts only at this one, so that it
// is found once without comparing results with each other.
func (t *thresholds) firstStart(difference *Code) int {
	for b := range bandCount {
		if t.starts(b, difference) {
			return b
		}
	}
	return bandCount
}

// keep holds on to the loads that its argument stands for.
//
//go:noinline
func keep(uint16) {}
