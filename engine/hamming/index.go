package hamming

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Entry is a code under an id. Several ids may have equal codes; an id has one
// code.
type Entry struct {
	ID   uint32
	Code Code
}

// Hit is an entry within the radius of a query.
type Hit struct {
	ID uint32
	// Distance is in bits, 0 to the radius asked for.
	Distance int
}

// DuplicateError says that the entries given to [Build] hold an id twice.
type DuplicateError struct{ ID uint32 }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("building a Hamming index: id %d occurs more than once; give each entry an id of its own", e.ID)
}

// Index is a set of entries that is searched and changed at the same time, by
// any number of goroutines. A search takes no lock: it works on the state that
// was current when it began, and so sees every change whose call had returned
// and, of a call to [Index.Apply], all or nothing.
//
// Changes go to a small part that is scanned. When that part has grown to
// 1/64 of the whole, one goroutine merges it into a new indexed part and ends;
// neither searches nor changes wait for it. While it runs, both the old and
// the new part are in memory.
type Index struct {
	current atomic.Pointer[state]

	// mutex orders changes; it guards what follows.
	mutex sync.Mutex
	// recent is where in the delta an id is, for ids alive there.
	recent map[uint32]uint32
	// merging is closed when the running merge ends; nil if none runs.
	merging chan struct{}
}

// state is what searches see; it is never changed once published, except that
// dead gains numbers above deaths. Positions run through main and then delta.
type state struct {
	main   *segment
	delta  rows
	dead   *graveyard
	deaths uint32
	live   int
}

// New makes an empty index.
func New() *Index {
	return newIndex(&segment{})
}

// Build makes an index of entries, in any order, faster than adding them one
// by one: sorted by id, then a counting sort for each band, on all processors.
// It fails with [DuplicateError]; entries are not kept.
func Build(entries []Entry) (*Index, error) {
	byID := func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) }
	if !slices.IsSortedFunc(entries, byID) {
		entries = slices.Clone(entries)
		slices.SortFunc(entries, byID)
	}
	r := makeRows(len(entries))
	for i := range entries {
		if i > 0 && entries[i].ID == entries[i-1].ID {
			return nil, &DuplicateError{ID: entries[i].ID}
		}
		r.append(entries[i].ID, entries[i].Code.permuted())
	}
	return newIndex(newSegment(r)), nil
}

func newIndex(main *segment) *Index {
	x := &Index{recent: map[uint32]uint32{}}
	x.current.Store(&state{main: main, dead: newGraveyard(0), live: main.len()})
	return x
}

// Len is the number of entries.
func (x *Index) Len() int { return x.current.Load().live }

// Bytes is the memory held by the index, without what a running merge holds.
func (x *Index) Bytes() int {
	now := x.current.Load()
	return now.main.bytes() + now.delta.bytes() + 8*len(now.dead.slots)
}

// Search appends to into every entry at most radius bits away from code, each
// id once, nearest first and then by id. A negative radius finds nothing; one
// of 256 or more finds everything. Up to [IndexedRadius] the bands are used,
// above it all entries are scanned; either way the answer is exact.
func (x *Index) Search(code Code, radius int, into []Hit) []Hit {
	if radius < 0 {
		return into
	}
	now := x.current.Load()
	query := code.permuted()
	first := len(into)
	now.main.search(query, radius, func(position, distance int) {
		if !now.dead.dead(uint32(position), now.deaths) {
			into = append(into, Hit{now.main.ids[position], distance})
		}
	})
	now.delta.scan(query, radius, func(position, distance int) {
		if !now.dead.dead(uint32(now.main.len()+position), now.deaths) {
			into = append(into, Hit{now.delta.ids[position], distance})
		}
	})
	slices.SortFunc(into[first:], func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return into
}

// Add adds an entry. If id is known already, its code is replaced, and no
// search finds it with neither or both.
func (x *Index) Add(id uint32, code Code) {
	x.Apply([]Entry{{id, code}}, nil)
}

// Remove removes an entry and tells whether there was one.
func (x *Index) Remove(id uint32) bool {
	return x.Apply(nil, []uint32{id}) == 1
}

// Apply removes and then adds entries in one step: a search sees all of it or
// nothing. It returns how many of the removals named an entry. It never waits for
// a merge, so that it may be called under a lock; after a change of millions of
// entries searches are slower until the merge ends (see [Index.Wait]).
func (x *Index) Apply(add []Entry, remove []uint32) (removed int) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	next := *x.current.Load()
	for _, id := range remove {
		if position, ok := x.locate(&next, id); ok {
			x.bury(&next, id, position)
			removed++
		}
	}
	for _, entry := range add {
		permuted := entry.Code.permuted()
		if position, ok := x.locate(&next, entry.ID); ok {
			if next.code(position) == permuted {
				continue
			}
			x.bury(&next, entry.ID, position)
		}
		x.recent[entry.ID] = uint32(next.delta.len())
		next.delta.append(entry.ID, permuted)
		next.live++
	}
	x.current.Store(&next)
	x.mergeIfDue(&next)
	return removed
}

// Code returns the code under id, if there is one.
func (x *Index) Code(id uint32) (Code, bool) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	now := x.current.Load()
	position, ok := x.locate(now, id)
	if !ok {
		return Code{}, false
	}
	return now.code(position).restored(), true
}

// Wait returns when no merge is running. It is for orderly shutdown, and for
// measurements that merging would disturb.
func (x *Index) Wait() {
	for {
		x.mutex.Lock()
		merging := x.merging
		x.mutex.Unlock()
		if merging == nil {
			return
		}
		<-merging
	}
}

// locate returns the position at which id is alive; the mutex is held.
func (x *Index) locate(s *state, id uint32) (uint32, bool) {
	if i, ok := x.recent[id]; ok {
		return uint32(s.main.len()) + i, true
	}
	i, ok := s.main.find(id)
	if !ok || s.dead.dead(uint32(i), s.deaths) {
		return 0, false
	}
	return uint32(i), true
}

// bury makes the entry at position dead in s; the mutex is held.
func (x *Index) bury(s *state, id, position uint32) {
	s.deaths++
	s.dead = s.dead.bury(position, s.deaths)
	s.live--
	delete(x.recent, id)
}

func (s *state) code(position uint32) Code {
	if i := int(position); i < s.main.len() {
		return s.main.code(i)
	}
	return s.delta.code(int(position) - s.main.len())
}

// due tells whether more changes wait than a scan should pass.
func (s *state) due() bool { return s.delta.len()+int(s.deaths) > s.changeLimit() }

// changeLimit is how many additions and removals may wait for a merge: as many
// as a scan passes in the time of a few searches, or more where the main part
// is so large that merging must be rarer to stay cheap per change.
func (s *state) changeLimit() int {
	return max(8192, s.main.len()/64)
}
