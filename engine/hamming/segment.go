package hamming

import (
	"encoding/binary"
	"runtime"
)

// band lists, for each value of its bits, the positions of the rows that have
// it: those of value v are postings offsets[v] to offsets[v+1], by ascending
// position. The three arrays lie apart, as following is the only one that a
// search reads through.
type band struct {
	offsets []uint32
	// positions has 3 bytes each, or 4.
	positions []byte
	// following has 2 bytes or 4 each, the lowest first, and room behind the last.
	following []byte
}

// slack is what may be read behind the last posting, in bytes.
const slack = 64

// segment is an immutable set of rows, ascending by id, with bands if there
// are enough rows, in which all are that are in no group. Everything lies in one
// stretch of memory, which is what a file keeps of it.
type segment struct {
	memory *memory
	shape  shape
	design *design
	ids    idColumn
	codes
	groups groups
	bands  []band
	plans  []plan
}

// shape is what the places of a segment's arrays follow from.
type shape struct {
	count   int
	design  uint32
	idWidth int
	firstID uint32
	// positionWidth is 3 or 4 bytes.
	positionWidth int
	// groups are how many there are, members the rows in them.
	groups, members int
}

// banded is how many rows are in the bands, where there are any.
func (s *shape) banded() int { return s.count - s.members }

// wideFrom is the number of rows from which a position has 4 bytes.
const wideFrom = 1 << 24

// cursor hands out stretches of memory, each at a multiple of 64 bytes, a line
// of the caches.
type cursor int

func (c *cursor) take(size int) (at int) {
	at = int(*c)
	*c += cursor((size + 63) &^ 63)
	return at
}

// layout lays the arrays of a segment over bytes, or only adds up their sizes
// when bytes is nil.
func (s *shape) layout(d *design, bytes []byte) (out *segment, size int) {
	var next cursor
	out = &segment{shape: *s, design: d}
	out.ids = idColumn{count: s.count, width: s.idWidth, first: s.firstID}
	words := func(count int) []uint32 {
		at := next.take(4 * count)
		if bytes == nil {
			return nil
		}
		return view[uint32](bytes, at, count)
	}
	raw := func(size int) []byte {
		at := next.take(size)
		if bytes == nil {
			return nil
		}
		return bytes[at : at+size : at+size]
	}
	if s.idWidth > 0 {
		out.ids.bases = words((s.count + idBlock - 1) / idBlock)
		out.ids.above = raw(s.idWidth * s.count)
	}
	sized := func(count int) codes {
		at := next.take(32 * count)
		if bytes == nil {
			return nil
		}
		return view[Code](bytes, at, count)
	}
	out.codes = sized(s.count)
	if s.groups > 0 {
		out.groups = groups{centres: sized(s.groups), rings: words(s.groups*ringsEach + 1), members: sized(s.members), positions: words(s.members)}
	}
	out.bands = make([]band, len(d.bands))
	for i, c := range d.bands {
		out.bands[i] = band{words(1<<c.width + 1), raw(s.positionWidth*s.banded() + slack), raw(d.following/8*s.banded() + slack)}
	}
	return out, int(next)
}

// over makes a segment of the memory that it lies in.
func (s *shape) over(d *design, m *memory) *segment {
	out, _ := s.layout(d, m.bytes)
	out.memory = m
	out.plans = d.plansFor(s.banded())
	return out
}

func (s *segment) len() int { return s.shape.count }

func (s *segment) bytes() int { return len(s.memory.bytes) }

// position is that of a posting.
func (s *segment) position(b *band, posting uint32) uint32 {
	if s.shape.positionWidth == 3 {
		return binary.LittleEndian.Uint32(b.positions[3*int(posting):]) & 0xffffff
	}
	return binary.LittleEndian.Uint32(b.positions[4*int(posting):])
}

// search adds the rows within radius of each permuted query to w.found.
func (s *segment) search(w *work, queries []Code, radius int) {
	// The slices alone do not keep the memory.
	defer runtime.KeepAlive(s.memory)
	if s.indexed(radius) {
		s.searchIndexed(w, queries, radius)
		return
	}
	for q := range queries {
		w.found[q] = s.scan(&queries[q], radius, w.found[q])
	}
}

// indexed tells whether the bands answer a radius faster than a scan.
func (s *segment) indexed(radius int) bool {
	return radius < len(s.plans) && s.indexedNanoseconds(radius) < scanNanoseconds(s.len(), radius)
}

// searchIndexed does so through groups and bands.
func (s *segment) searchIndexed(w *work, queries []Code, radius int) {
	for q := range queries {
		w.found[q] = s.groups.search(w, &queries[q], radius, w.found[q])
	}
	s.searchBands(w, queries, radius)
}

// indexedNanoseconds is what a search through groups and bands is expected to take.
func (s *segment) indexedNanoseconds(radius int) float64 {
	return s.plans[radius].nanoseconds + scanNanoseconds(len(s.groups.centres), radius+reach)
}

// expected is what a search is expected to take, in nanoseconds.
func (s *segment) expected(radius int) float64 {
	if s.indexed(radius) {
		return s.indexedNanoseconds(radius)
	}
	return scanNanoseconds(s.len(), radius)
}
