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
	band    uint16
}

type candidate struct {
	posting, band uint32
}

const (
	// runLimit is how many runs are gathered before they are read: at radius 31
	// all 272 of 16 bands.
	runLimit = 320
	// candidateLimit is how many candidates are gathered before their codes are.
	candidateLimit = 256
)

// bandView is what reading the runs of a band needs.
type bandView struct {
	// Addresses and no pointers: the collector must not follow them when the memory is
	// gone. The segment keeps it while it is searched.
	offsets, following uintptr
	// wanted are the following bits of the query.
	wanted uint64
	_      uint64
}

// bandLimit is how many bands a design may have.
const bandLimit = 32

// work is what a search needs besides its arguments.
type work struct {
	views      [bandLimit]bandView
	found      []place
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
// the cost.
func (s *segment) searchBands(w *work, query *Code, radius int) {
	p := &s.plans[radius]
	gathered := 0
	if accelerated {
		for b, c := range s.design.bands {
			w.views[b] = bandView{
				offsets:   uintptr(unsafe.Pointer(unsafe.SliceData(s.bands[b].offsets))),
				following: uintptr(unsafe.Pointer(unsafe.SliceData(s.bands[b].following))),
				wanted:    query.window(c.start) >> c.width,
			}
		}
	}
	for b, c := range s.design.bands {
		value, end := uint32(query.window(c.start)&(1<<c.width-1)), uint32(1)<<c.width
		for errors := range p.thresholds[b] {
			allowed := uint16(min(p.bounds[b]-1-errors, s.design.following))
			for mask := uint32(1)<<errors - 1; mask < end; mask = nextMask(mask, end) {
				w.runs[gathered] = run{value: value ^ mask, allowed: allowed, band: uint16(b)}
				if gathered++; gathered == runLimit {
					s.lookUp(w, query, radius, w.runs[:gathered])
					gathered = 0
				}
			}
		}
	}
	s.lookUp(w, query, radius, w.runs[:gathered])
	s.verify(w, query, radius)
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
func (s *segment) lookUp(w *work, query *Code, radius int, batch []run) {
	if accelerated && len(batch) > 0 {
		s.lookUpAccelerated(w, query, radius, batch)
		return
	}
	size := s.design.following / 8
	touched := uint32(0)
	for runs := range bandByBand(batch) {
		offsets := s.bands[runs[0].band].offsets
		for i := range runs {
			touched += offsets[runs[i].value]
		}
	}
	for runs := range bandByBand(batch) {
		offsets := s.bands[runs[0].band].offsets
		for i := range runs {
			r := &runs[i]
			ends := offsets[r.value:][:2]
			r.from, r.to = ends[0], ends[1]
		}
	}
	for runs := range bandByBand(batch) {
		following := s.bands[runs[0].band].following
		for i := range runs {
			if r := &runs[i]; r.from < r.to {
				touched += uint32(following[int(r.from)*size]) + uint32(following[int(r.to)*size-1])
			}
		}
	}
	w.touched = touched
	for runs := range bandByBand(batch) {
		c := s.design.bands[runs[0].band]
		wanted := query.window(c.start) >> c.width
		for i := range runs {
			if size == 4 {
				s.read32(w, query, radius, &runs[i], uint32(wanted))
			} else {
				s.read16(w, query, radius, &runs[i], uint16(wanted))
			}
		}
	}
}

// lookUpAccelerated does the same with the instructions of this processor.
func (s *segment) lookUpAccelerated(w *work, query *Code, radius int, batch []run) {
	fetchOffsets(&batch[0], len(batch), &w.views[0])
	for runs := range bandByBand(batch) {
		offsets := s.bands[runs[0].band].offsets
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
			s.verify(w, query, radius)
		}
		done, found := scan(&batch[0], len(batch), &w.views[0], &w.candidates[w.waiting], candidateLimit-w.waiting)
		w.waiting += found
		batch = batch[done:]
	}
}

// bandByBand are the stretches of a batch that are of one band.
func bandByBand(batch []run) iter.Seq[[]run] {
	return func(yield func([]run) bool) {
		for from := 0; from < len(batch); {
			to := from + 1
			for to < len(batch) && batch[to].band == batch[from].band {
				to++
			}
			if !yield(batch[from:to]) {
				return
			}
			from = to
		}
	}
}

func (s *segment) note(w *work, query *Code, radius int, posting uint32, band uint16) {
	if w.waiting == candidateLimit {
		s.verify(w, query, radius)
	}
	w.candidates[w.waiting] = candidate{posting, uint32(band)}
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
func (s *segment) read16(w *work, query *Code, radius int, r *run, wanted uint16) {
	all, limit := uint64(wanted)*lanes, topBits|uint64(r.allowed)*lanes
	following := s.bands[r.band].following
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
			s.note(w, query, radius, posting+uint32(bits.TrailingZeros64(within))/16, r.band)
		}
	}
}

func (s *segment) read32(w *work, query *Code, radius int, r *run, wanted uint32) {
	allowed := int(r.allowed)
	following := s.bands[r.band].following[4*int(r.from) : 4*int(r.to)]
	for i := 0; i+4 <= len(following); i += 4 {
		if bits.OnesCount32(binary.LittleEndian.Uint32(following[i:])^wanted) <= allowed {
			s.note(w, query, radius, r.from+uint32(i/4), r.band)
		}
	}
}

// verify looks at the codes of the candidates.
func (s *segment) verify(w *work, query *Code, radius int) {
	waiting := w.candidates[:w.waiting]
	w.waiting = 0
	for i, c := range waiting {
		w.positions[i] = s.position(&s.bands[c.band], c.posting)
	}
	touched := uint64(0)
	for _, position := range w.positions[:len(waiting)] {
		touched += s.codes[position][0]
	}
	w.touched = uint32(touched)
	p := &s.plans[radius]
	for i, c := range waiting {
		code := &s.codes[w.positions[i]]
		difference := Code{code[0] ^ query[0], code[1] ^ query[1], code[2] ^ query[2], code[3] ^ query[3]}
		distance := difference.Distance(Code{})
		if distance <= radius && s.design.firstStart(p, &difference) == int(c.band) {
			w.found = append(w.found, place{w.positions[i], uint32(distance)})
		}
	}
}
