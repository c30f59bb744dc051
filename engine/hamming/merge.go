package hamming

import (
	"cmp"
	"iter"
	"runtime"
	"slices"
)

const (
	// deltaLimit is how many additions may wait for a merge: as many as a scan
	// passes in a fraction of the time of a search.
	deltaLimit = 4096
	// partLimit is how many parts there are besides the delta.
	partLimit = 2
	// partRatio is how many times larger than the rest the first part is.
	partRatio = 8
	// collectFrom is how many bytes a merge has to set free so that the collector
	// is asked to give them back at once, as it does not see them itself.
	collectFrom = 64 << 20
)

// due tells whether enough has changed for a merge; the mutex is held.
func (s *state) due() bool {
	return s.delta.len() > deltaLimit || s.graves() > s.graveLimit()
}

// graves is how many rows are dead; the mutex is held.
func (s *state) graves() int {
	total := s.dead.used
	for i := range s.parts {
		total += s.parts[i].dead.used
	}
	return total
}

func (s *state) graveLimit() int { return max(2*deltaLimit, s.live/partRatio) }

// mergedFrom is the first of the parts that a merge takes up; the mutex is held.
func (s *state) mergedFrom() int {
	if s.graves() > s.graveLimit() {
		return 0
	}
	from, rows := len(s.parts), s.delta.len()
	for from > 0 && (from >= partLimit || s.parts[from-1].len() < partRatio*rows) {
		from--
		rows += s.parts[from].len()
	}
	return from
}

// mergeIfDue starts a merge of s, the current state, if enough has changed and
// none is running; the mutex is held.
func (x *Index) mergeIfDue(s *state) {
	if x.merging == nil && s.due() {
		x.beginMerge(s, s.mergedFrom()) // graveyards count under the mutex only
	}
}

// beginMerge starts a merge of the parts of s, the current state, from some one on; the mutex is held and
// no merge is running.
func (x *Index) beginMerge(s *state, from int) (done chan struct{}) {
	done = make(chan struct{})
	x.merging = done
	go func() {
		defer close(done)
		if x.merge(s, from) > collectFrom {
			runtime.GC()
		}
	}()
	return done
}

// merge puts a new part in the place of the parts from some one on and of the delta,
// and tells how many bytes were in them.
func (x *Index) merge(earlier *state, from int) (freed int) {
	merged := earlier.build(from)
	for _, p := range earlier.parts[from:] {
		freed += p.bytes()
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	next := x.carryOver(earlier, from, merged)
	x.current.Store(next)
	x.merging = nil
	x.mergeIfDue(next)
	return freed
}

// build makes one segment of the parts from some one on, and of the delta. It
// leaves half of the processors to others, and lets them run often on its own.
func (s *state) build(from int) *segment {
	rows := s.delta.len()
	for _, p := range s.parts[from:] {
		rows += p.len()
	}
	sample := newSampling(rows)
	shape := shapeOf(func(yield func(uint32) bool) {
		for id, code := range s.alive(from) {
			if sample.wants() {
				sample.take(code)
			}
			if !yield(id) {
				return
			}
		}
	})
	return build(shape, sample, nil, s.alive(from), max(1, runtime.GOMAXPROCS(0)/2), true)
}

// alive are the ids and permuted codes of the parts from some one on and of the
// delta, ascending by id.
func (s *state) alive(from int) iter.Seq2[uint32, Code] {
	recent := make([]int, 0, s.delta.len())
	for i := range s.delta.ids {
		if !s.dead.dead(uint32(i), s.deaths) {
			recent = append(recent, i)
		}
	}
	slices.SortFunc(recent, func(a, b int) int { return cmp.Compare(s.delta.ids[a], s.delta.ids[b]) })
	parts := s.parts[from:]
	return func(yield func(uint32, Code) bool) {
		at := make([]int, len(parts)+1)
		// head is the next id of a source; past the last one it is above all ids.
		head := make([]uint64, len(parts)+1)
		advance := func(source int) {
			if source == len(parts) {
				head[source] = 1 << 32
				if at[source] < len(recent) {
					head[source] = uint64(s.delta.ids[recent[at[source]]])
				}
				return
			}
			p := &parts[source]
			for at[source] < p.len() && p.dead.dead(uint32(at[source]), s.deaths) {
				at[source]++
			}
			head[source] = 1 << 32
			if at[source] < p.len() {
				head[source] = uint64(p.ids.at(at[source]))
			}
		}
		for source := range at {
			advance(source)
		}
		for n := 1; ; n++ {
			least := 0
			for source := range head {
				if head[source] < head[least] {
					least = source
				}
			}
			if head[least] == 1<<32 {
				break
			}
			code := Code{}
			if least == len(parts) {
				code = s.delta.codes[recent[at[least]]]
			} else {
				code = parts[least].codes[at[least]]
			}
			if !yield(uint32(head[least]), code) {
				break
			}
			at[least]++
			advance(least)
			if n%stride == 0 {
				runtime.Gosched()
			}
		}
		runtime.KeepAlive(s)
	}
}

// carryOver returns the state in which merged, made of the earlier state from
// some part on, takes the place of what it was made of, and all that changed
// meanwhile stays; the mutex is held.
func (x *Index) carryOver(earlier *state, from int, merged *segment) *state {
	now := x.current.Load()
	next := &state{parts: slices.Clone(now.parts[:from]), dead: newGraveyard(0), deaths: now.deaths, live: now.live}
	if from == 0 {
		next.deaths = 0
	}
	graves := newGraveyard(0)
	// What died after the merge began is alive in merged.
	carry := func(id func(position uint32) uint32) func(position, number uint32) {
		return func(position, number uint32) {
			if number <= earlier.deaths {
				return
			}
			at, ok := merged.ids.find(id(position))
			if !ok {
				return
			}
			if from == 0 { // nothing else is dead, so that numbers can begin anew
				next.deaths++
				number = next.deaths
			}
			graves = graves.bury(uint32(at), number)
		}
	}
	for _, p := range now.parts[from:] {
		p.dead.each(carry(func(position uint32) uint32 { return p.ids.at(int(position)) }))
	}
	taken := earlier.delta.len()
	carryDelta := carry(func(position uint32) uint32 { return now.delta.ids[position] })
	now.dead.each(func(position, number uint32) {
		if int(position) < taken {
			carryDelta(position, number)
		}
	})
	if merged.len() > 0 {
		next.parts = append(next.parts, part{merged, graves})
	}
	clear(x.recent)
	for i := taken; i < now.delta.len(); i++ {
		if now.dead.dead(uint32(i), now.deaths) {
			continue
		}
		x.recent[now.delta.ids[i]] = uint32(next.delta.len())
		next.delta.append(now.delta.ids[i], now.delta.codes[i])
	}
	runtime.KeepAlive(earlier)
	return next
}
