package hamming

import (
	"cmp"
	"slices"
)

// mergeIfDue starts a merge of s, the current state, if enough has changed and
// none is running; the mutex is held.
func (x *Index) mergeIfDue(s *state) {
	if x.merging != nil || !s.due() {
		return
	}
	done := make(chan struct{})
	x.merging = done
	go func() {
		defer close(done)
		merged := newSegment(s.alive())
		x.mutex.Lock()
		defer x.mutex.Unlock()
		next := x.carryOver(s, merged)
		x.current.Store(next)
		x.merging = nil
		x.mergeIfDue(next)
	}()
}

// alive returns the entries of s, ascending by id.
func (s *state) alive() rows {
	recent := make([]int, 0, s.delta.len())
	for i := range s.delta.ids {
		if !s.dead.dead(uint32(s.main.len()+i), s.deaths) {
			recent = append(recent, i)
		}
	}
	slices.SortFunc(recent, func(a, b int) int { return cmp.Compare(s.delta.ids[a], s.delta.ids[b]) })

	out := makeRows(s.live)
	for i, id := range s.main.ids {
		for len(recent) > 0 && s.delta.ids[recent[0]] < id {
			out.append(s.delta.ids[recent[0]], s.delta.code(recent[0]))
			recent = recent[1:]
		}
		if !s.dead.dead(uint32(i), s.deaths) {
			out.append(id, s.main.code(i))
		}
	}
	for _, i := range recent {
		out.append(s.delta.ids[i], s.delta.code(i))
	}
	return out
}

// carryOver returns the state in which merged, made of the earlier state,
// takes the place of what it was made of, and all that changed meanwhile
// stays; the mutex is held.
func (x *Index) carryOver(earlier *state, merged *segment) *state {
	now := x.current.Load()
	next := &state{main: merged, dead: newGraveyard(0), live: now.live}
	base, taken := earlier.main.len(), earlier.delta.len()

	now.dead.each(func(position, number uint32) {
		if number <= earlier.deaths || int(position) >= base+taken {
			return
		}
		id := uint32(0)
		if int(position) < base {
			id = earlier.main.ids[position]
		} else {
			id = earlier.delta.ids[int(position)-base]
		}
		if at, ok := merged.find(id); ok {
			next.deaths++
			next.dead = next.dead.bury(uint32(at), next.deaths)
		}
	})

	clear(x.recent)
	for i := taken; i < now.delta.len(); i++ {
		if now.dead.dead(uint32(base+i), now.deaths) {
			continue
		}
		x.recent[now.delta.ids[i]] = uint32(next.delta.len())
		next.delta.append(now.delta.ids[i], now.delta.code(i))
	}
	return next
}
