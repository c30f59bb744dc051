package hamming

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"sync"
	"unsafe"
)

// place is a row that a search found.
type place struct {
	position, distance uint32
}

// run is a stretch of postings to look through: those of one value of a band. It has
// the value alone until it is looked up.
type run struct {
	value    uint32
	from, to uint32
	// allowed is how many errors the following bits may have.
	allowed uint16
	// probe is what is looked up for.
	probe uint16
}

// probe is what some queries have in a band and in the bits that follow it: what is near
// one of them there is near all.
type probe struct {
	band int
	// bits are those of the band, the lowest, and the following ones.
	bits uint64
	// queries has a bit set for each.
	queries uint64
}

// queryLimit is how many queries are searched at once.
const queryLimit = 64

type candidate struct {
	posting, probe uint32
}

const (
	// runLimit is how many runs are gathered before they are read: at radius 31
	// all 272 of 16 bands.
	runLimit = 320
	// candidateLimit is how many candidates are gathered before their codes are.
	candidateLimit = 256
)

// probeView is what reading the runs of a probe needs.
type probeView struct {
	// Addresses and no pointers: the collector must not follow them when the memory is
	// gone. The segment keeps it while it is searched.
	offsets, following uintptr
	// wanted are the following bits.
	wanted uint64
	_      uint64
}

// work is what a search needs besides its arguments.
type work struct {
	// queries are permuted codes, found the rows of a part near each, and hits what is to be answered.
	queries    [queryLimit]Code
	found      [queryLimit][]place
	hits       [queryLimit][]Hit
	probes     []probe
	views      []probeView
	centres    []place
	runs       [runLimit]run
	candidates [candidateLimit]candidate
	positions  [candidateLimit]uint32
	waiting    int
	touched    uint32
}

var works = sync.Pool{New: func() any { return new(work) }}

// searchBands gathers the values to look up, looks them up, reads their runs, and then
// looks at the codes of the candidates, all in batches: the steps of a batch are
// independent, so the processor overlaps their waits for memory, which are most of
// the cost. Queries that agree in a band share its look-ups.
func (s *segment) searchBands(w *work, queries []Code, radius int) {
	p := &s.plans[radius]
	s.probe(w, queries)
	gathered := 0
	for i := range w.probes {
		b := w.probes[i].band
		width := s.design.bands[b].width
		value, end := uint32(w.probes[i].bits&(1<<width-1)), uint32(1)<<width
		for errors := range p.thresholds[b] {
			allowed := uint16(min(p.bounds[b]-1-errors, s.design.following))
			for mask := uint32(1)<<errors - 1; mask < end; mask = nextMask(mask, end) {
				w.runs[gathered] = run{value: value ^ mask, allowed: allowed, probe: uint16(i)}
				if gathered++; gathered == runLimit {
					s.lookUp(w, queries, radius, w.runs[:gathered])
					gathered = 0
				}
			}
		}
	}
	s.lookUp(w, queries, radius, w.runs[:gathered])
	s.verify(w, queries, radius)
}

// probe gathers what the queries have in each band.
func (s *segment) probe(w *work, queries []Code) {
	w.probes, w.views = w.probes[:0], w.views[:0]
	for b, c := range s.design.bands {
		first, all := len(w.probes), ^uint64(0)>>(64-c.width-s.design.following)
	next:
		for q := range queries {
			bits := queries[q].window(c.start) & all
			for i := range w.probes[first:] {
				if known := &w.probes[first+i]; known.bits == bits {
					known.queries |= 1 << q
					continue next
				}
			}
			w.probes = append(w.probes, probe{band: b, bits: bits, queries: 1 << q})
		}
		if !accelerated {
			continue
		}
		for i := range w.probes[first:] {
			w.views = append(w.views, probeView{
				offsets:   uintptr(unsafe.Pointer(unsafe.SliceData(s.bands[b].offsets))),
				following: uintptr(unsafe.Pointer(unsafe.SliceData(s.bands[b].following))),
				wanted:    w.probes[first+i].bits >> c.width,
			})
		}
	}
}

// nextMask is the next larger number with as many bits set (Warren, Hacker's
// Delight, 2nd edition, figure 2-1); end, when there is none below it.
func nextMask(mask, end uint32) uint32 {
	if mask == 0 {
		return end
	}
	lowest := mask & -mask
	ripple := mask + lowest
	return ripple | (mask^ripple)>>2>>bits.TrailingZeros32(lowest)
}

// lookUp finds the runs of a batch of values and looks through them for candidates.
// Each loop that waits for memory does so little else that many of its rounds are on
// their way at once.
func (s *segment) lookUp(w *work, queries []Code, radius int, batch []run) {
	if accelerated && len(batch) > 0 {
		s.lookUpAccelerated(w, queries, radius, batch)
		return
	}
	size := s.design.following / 8
	touched := uint32(0)
	for runs := range together(batch) {
		offsets := s.bands[w.probes[runs[0].probe].band].offsets
		for i := range runs {
			touched += offsets[runs[i].value]
		}
	}
	for runs := range together(batch) {
		offsets := s.bands[w.probes[runs[0].probe].band].offsets
		for i := range runs {
			r := &runs[i]
			ends := offsets[r.value:][:2]
			r.from, r.to = ends[0], ends[1]
		}
	}
	for runs := range together(batch) {
		following := s.bands[w.probes[runs[0].probe].band].following
		for i := range runs {
			if r := &runs[i]; r.from < r.to {
				touched += uint32(following[int(r.from)*size]) + uint32(following[int(r.to)*size-1])
			}
		}
	}
	w.touched = touched
	for runs := range together(batch) {
		probe := &w.probes[runs[0].probe]
		wanted := probe.bits >> s.design.bands[probe.band].width
		for i := range runs {
			if size == 4 {
				s.read32(w, queries, radius, &runs[i], uint32(wanted))
			} else {
				s.read16(w, queries, radius, &runs[i], uint16(wanted))
			}
		}
	}
}

// lookUpAccelerated does the same with the instructions of this processor.
func (s *segment) lookUpAccelerated(w *work, queries []Code, radius int, batch []run) {
	fetchOffsets(&batch[0], len(batch), &w.views[0])
	for runs := range together(batch) {
		offsets := s.bands[w.probes[runs[0].probe].band].offsets
		for i := range runs {
			ends := offsets[runs[i].value:][:2]
			runs[i].from, runs[i].to = ends[0], ends[1]
		}
	}
	scan, shift := scanRuns16, 1
	if s.design.following == 32 {
		scan, shift = scanRuns32, 2
	}
	fetchFollowing(&batch[0], len(batch), &w.views[0], shift)
	for len(batch) > 0 {
		if candidateLimit-w.waiting < 16 {
			s.verify(w, queries, radius)
		}
		done, found := scan(&batch[0], len(batch), &w.views[0], &w.candidates[w.waiting], candidateLimit-w.waiting)
		w.waiting += found
		batch = batch[done:]
	}
}

// together are the stretches of a batch that are of one probe.
func together(batch []run) iter.Seq[[]run] {
	return func(yield func([]run) bool) {
		for from := 0; from < len(batch); {
			to := from + 1
			for to < len(batch) && batch[to].probe == batch[from].probe {
				to++
			}
			if !yield(batch[from:to]) {
				return
			}
			from = to
		}
	}
}

func (s *segment) note(w *work, queries []Code, radius int, posting uint32, probe uint16) {
	if w.waiting == candidateLimit {
		s.verify(w, queries, radius)
	}
	w.candidates[w.waiting] = candidate{posting, uint32(probe)}
	w.waiting++
}

const (
	lanes    = 0x0001_0001_0001_0001
	topBits  = 0x8000 * lanes
	everyTwo = 0x5555 * lanes
	twoOf4   = 0x3333 * lanes
	fourOf8  = 0x0f0f * lanes
)

// read16 compares four postings at once, in the lanes of a word.
func (s *segment) read16(w *work, queries []Code, radius int, r *run, wanted uint16) {
	all, limit := uint64(wanted)*lanes, topBits|uint64(r.allowed)*lanes
	following := s.bands[w.probes[r.probe].band].following
	for posting := r.from; posting < r.to; posting += 4 {
		x := binary.LittleEndian.Uint64(following[2*int(posting):]) ^ all
		x -= x >> 1 & everyTwo
		x = x&twoOf4 + x>>2&twoOf4
		x = (x + x>>4) & fourOf8
		x = (x + x>>8) & (0xff * lanes)
		// The top bit of a lane stays when its count is not above the limit.
		within := (limit - x) & topBits
		if within == 0 {
			continue
		}
		if left := r.to - posting; left < 4 {
			within &= 1<<(16*left) - 1
		}
		for ; within != 0; within &= within - 1 {
			s.note(w, queries, radius, posting+uint32(bits.TrailingZeros64(within))/16, r.probe)
		}
	}
}

func (s *segment) read32(w *work, queries []Code, radius int, r *run, wanted uint32) {
	allowed := int(r.allowed)
	following := s.bands[w.probes[r.probe].band].following[4*int(r.from) : 4*int(r.to)]
	for i := 0; i+4 <= len(following); i += 4 {
		if bits.OnesCount32(binary.LittleEndian.Uint32(following[i:])^wanted) <= allowed {
			s.note(w, queries, radius, r.from+uint32(i/4), r.probe)
		}
	}
}

// verify looks at the codes of the candidates.
func (s *segment) verify(w *work, queries []Code, radius int) {
	waiting := w.candidates[:w.waiting]
	w.waiting = 0
	for i, c := range waiting {
		w.positions[i] = s.position(&s.bands[w.probes[c.probe].band], c.posting)
	}
	touched := uint64(0)
	for _, position := range w.positions[:len(waiting)] {
		touched += s.codes[position][0]
	}
	w.touched = uint32(touched)
	p := &s.plans[radius]
	for i, c := range waiting {
		code, probe := &s.codes[w.positions[i]], &w.probes[c.probe]
		for left := probe.queries; left != 0; left &= left - 1 {
			q := bits.TrailingZeros64(left)
			query := &queries[q]
			difference := Code{code[0] ^ query[0], code[1] ^ query[1], code[2] ^ query[2], code[3] ^ query[3]}
			distance := difference.Distance(Code{})
			if distance <= radius && s.design.firstStart(p, &difference) == probe.band {
				w.found[q] = append(w.found[q], place{w.positions[i], uint32(distance)})
			}
		}
	}
}
