package hamming

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
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
// Additions go to a small part that is scanned. When that has grown to some
// thousands, one goroutine merges it into a second, indexed part and ends, and when
// that has grown to an eighth of the first, all into a new first part; neither
// searches nor changes wait for it. While it runs, both the old and the new part
// are in memory.
type Index struct {
	current atomic.Pointer[state]

	// mutex orders changes; it guards what follows.
	mutex sync.Mutex
	// recent is where in the delta an id is, for ids alive there.
	recent map[uint32]uint32
	// merging is closed when the running merge ends; nil if none runs.
	merging chan struct{}
}

// part is an indexed part of a state, and which of its rows are dead.
type part struct {
	*segment
	dead *graveyard
}

// state is what searches see; it is never changed once published, except that
// graveyards gain numbers above deaths.
type state struct {
	// parts are at most [partLimit], the largest first.
	parts []part
	delta rows
	// dead are the dead of the delta.
	dead   *graveyard
	deaths uint32
	live   int
}

// New makes an empty index.
func New() *Index { return newIndex(&state{dead: newGraveyard(0)}) }

// Build makes an index of entries, in any order, faster than adding them one
// by one: sorted by id, then a counting sort for each band, on all processors.
// It fails with [DuplicateError]; entries are not kept.
func Build(entries []Entry) (*Index, error) { return buildAs(entries, nil) }

// buildAs builds with a design, or with the fastest where there is none.
func buildAs(entries []Entry, d *design) (*Index, error) {
	byID := func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) }
	if !slices.IsSortedFunc(entries, byID) {
		entries = slices.Clone(entries)
		slices.SortFunc(entries, byID)
	}
	sample := newSampling(len(entries))
	for i := range entries {
		if i > 0 && entries[i].ID == entries[i-1].ID {
			return nil, &DuplicateError{ID: entries[i].ID}
		}
		if sample.wants() {
			sample.take(entries[i].Code.permuted())
		}
	}
	shape := shapeOf(func(yield func(uint32) bool) {
		for i := range entries {
			if !yield(entries[i].ID) {
				return
			}
		}
	})
	main := build(shape, sample, d, func(yield func(uint32, Code) bool) {
		for i := range entries {
			if !yield(entries[i].ID, entries[i].Code.permuted()) {
				return
			}
		}
	}, runtime.GOMAXPROCS(0), false)
	return newIndex(&state{parts: []part{{main, newGraveyard(0)}}, dead: newGraveyard(0), live: main.len()}), nil
}

func newIndex(s *state) *Index {
	x := &Index{recent: map[uint32]uint32{}}
	x.current.Store(s)
	return x
}

// Len is the number of entries.
func (x *Index) Len() int { return x.current.Load().live }

// Bytes is the memory held by the index, in the heap and outside of it, without
// what a running merge holds: at most as much again as the parts that it merges.
// It bounds what a process needs at rest; that of the second part and of the rows
// not yet in it is below a sixth of the whole.
func (x *Index) Bytes() int {
	x.mutex.Lock()
	recent := len(x.recent)
	x.mutex.Unlock()
	now := x.current.Load()
	total := now.delta.bytes() + 8*len(now.dead.slots) + 16*recent
	for i := range now.parts {
		total += now.parts[i].bytes() + 8*len(now.parts[i].dead.slots)
	}
	return total
}

// Search appends to into every entry at most radius bits away from code, each
// id once, nearest first and then by id. A negative radius finds nothing; one
// of 256 or more finds everything. Up to [MaximumRadius] the bands are used
// where they are expected to be faster than looking at every entry; either way
// the answer is exact. What a radius costs: see the package's documentation.
func (x *Index) Search(code Code, radius int, into []Hit) []Hit {
	if radius < 0 {
		return into
	}
	w := works.Get().(*work)
	w.queries[0] = code.permuted()
	x.current.Load().search(w, 1, radius)
	into = append(into, w.hits[0]...)
	works.Put(w)
	return into
}

// SearchAll searches for several codes among the same entries, and calls found with the
// place of a code among them and what [Index.Search] finds for it, one code after the other. Codes
// that agree in many bits cost less together: a PDQ hash, its inversion and those of the picture mirrored,
// whose bits are these or the other way round, class by class; see [Code].
func (x *Index) SearchAll(codes []Code, radius int, found func(place int, hit Hit)) {
	if radius < 0 {
		return
	}
	now := x.current.Load()
	w := works.Get().(*work)
	for from := 0; from < len(codes); from += queryLimit {
		count := min(queryLimit, len(codes)-from)
		for q := range count {
			w.queries[q] = codes[from+q].permuted()
		}
		now.search(w, count, radius)
		for q, hits := range w.hits[:count] {
			for _, hit := range hits {
				found(from+q, hit)
			}
		}
	}
	works.Put(w)
}

// search finds the hits of the first so many queries.
func (s *state) search(w *work, count, radius int) {
	queries := w.queries[:count]
	for q := range queries {
		w.hits[q] = w.hits[q][:0]
	}
	for i := range s.parts {
		p := &s.parts[i]
		for q := range queries {
			w.found[q] = w.found[q][:0]
		}
		p.search(w, queries, radius)
		for q := range queries {
			for _, f := range w.found[q] {
				if !p.dead.dead(f.position, s.deaths) {
					w.hits[q] = append(w.hits[q], Hit{p.ids.at(int(f.position)), int(f.distance)})
				}
			}
		}
		runtime.KeepAlive(p.segment)
	}
	for q := range queries {
		w.found[q] = s.delta.scan(&queries[q], radius, w.found[q][:0])
		for _, f := range w.found[q] {
			if !s.dead.dead(f.position, s.deaths) {
				w.hits[q] = append(w.hits[q], Hit{s.delta.ids[f.position], int(f.distance)})
			}
		}
		slices.SortFunc(w.hits[q], func(a, b Hit) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
		})
	}
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
	next.parts = slices.Clone(next.parts)
	for _, id := range remove {
		if where, ok := x.locate(&next, id); ok {
			x.bury(&next, id, where)
			removed++
		}
	}
	for _, entry := range add {
		permuted := entry.Code.permuted()
		if where, ok := x.locate(&next, entry.ID); ok {
			if next.code(where) == permuted {
				continue
			}
			x.bury(&next, entry.ID, where)
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
	where, ok := x.locate(now, id)
	if !ok {
		return Code{}, false
	}
	return now.code(where).restored(), true
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

// Gather puts what lies in several parts into one, and returns when that is done: until much is added
// again, searches look through one only. It takes about as long as [Build] on half of the processors, and as much memory meanwhile.
// Where a merge is running it leaves everything to that.
func (x *Index) Gather() {
	x.mutex.Lock()
	now := x.current.Load()
	if x.merging != nil || len(now.parts) < 2 {
		x.mutex.Unlock()
		return
	}
	done := x.beginMerge(now, 0)
	x.mutex.Unlock()
	<-done
}

// location is where an entry is: in a part, or after the last one in the delta.
type location struct {
	part     int
	position uint32
}

// locate returns where id is alive; the mutex is held.
func (x *Index) locate(s *state, id uint32) (location, bool) {
	if i, ok := x.recent[id]; ok {
		return location{len(s.parts), i}, true
	}
	for i := range s.parts {
		p := &s.parts[i]
		position, ok := p.ids.find(id)
		if ok && !p.dead.dead(uint32(position), s.deaths) {
			return location{i, uint32(position)}, true
		}
	}
	return location{}, false
}

// bury makes an entry dead in s, whose parts are its own; the mutex is held.
func (x *Index) bury(s *state, id uint32, where location) {
	s.deaths++
	s.live--
	if where.part < len(s.parts) {
		p := &s.parts[where.part]
		p.dead = p.dead.bury(where.position, s.deaths)
		return
	}
	s.dead = s.dead.bury(where.position, s.deaths)
	delete(x.recent, id)
}

func (s *state) code(where location) Code {
	if where.part < len(s.parts) {
		return s.parts[where.part].codes[where.position]
	}
	return s.delta.codes[where.position]
}

// Indexed tells whether a search of this radius uses the bands of the largest part,
// or looks at every entry.
func (x *Index) Indexed(radius int) bool {
	now := x.current.Load()
	return len(now.parts) > 0 && now.parts[0].indexed(radius)
}

// Expected is about how long a search of this radius takes on one processor. It is a
// model, not a measurement: for choosing between ways to the same result.
func (x *Index) Expected(radius int) time.Duration {
	nanoseconds := 0.0
	for _, part := range x.current.Load().parts {
		nanoseconds += part.expected(radius)
	}
	return time.Duration(nanoseconds)
}

// Accelerated tells whether this build uses vector instructions that the processor
// has; results are the same without.
func Accelerated() bool { return accelerated }
