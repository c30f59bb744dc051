// Package match is the live index of all hash lists: exact digests by map,
// perceptual hashes by exact radius search in all eight orientations.
//
// It lives in memory on each node that matches and follows the lists by their
// versions, so that suspending an entry takes effect at once. It finds and
// explains; it never says that something is illegal.
package match

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
)

// Kind is what was compared. Stronger kinds come first in answers.
type Kind string

const (
	SHA256 Kind = "sha256"
	SHA1   Kind = "sha1"
	MD5    Kind = "md5"
	PDQ    Kind = "pdq"
)

var strength = map[Kind]int{SHA256: 0, SHA1: 1, MD5: 2, PDQ: 3}

// MaximumRadius is the largest PDQ distance that a list may call a match.
const MaximumRadius = 64

// List is what matching needs to know of a list.
type List struct {
	ID, Name, Source string
	// Radius is the largest PDQ distance that is a match, 0 to MaximumRadius.
	Radius       int
	Verification string
	LegalBasis   string
	// ValidFrom and ValidUntil bound the list's use; zero means unbounded.
	ValidFrom, ValidUntil time.Time
	Suspended             bool
	// Version is that of the entries loaded.
	Version int64
}

// closed says why the list may not be used now; empty when it may.
func (l List) closed(now time.Time) string {
	switch {
	case l.Suspended:
		return "the list is suspended"
	case !l.ValidFrom.IsZero() && now.Before(l.ValidFrom):
		return "the list is valid from " + l.ValidFrom.Format(time.DateOnly)
	case !l.ValidUntil.IsZero() && !now.Before(l.ValidUntil):
		return "the list was valid until " + l.ValidUntil.Format(time.DateOnly)
	}
	return ""
}

// Entry is one row of a list; a digest that it lacks is nil.
type Entry struct {
	ID                     string
	MD5, SHA1, SHA256, PDQ []byte
	Category, Verification string
}

// Delta is a change of one list: from one version to a later one.
type Delta struct {
	List          string
	From, To      int64
	Put           []Entry
	RemoveEntries []string
}

// ErrGap: the delta does not follow the version loaded; load the list anew.
var ErrGap = problem.New(problem.Conflict, "the change of the list does not follow the version loaded", "load the list anew")

// held is an entry with the number that the perceptual index knows it by.
type held struct {
	Entry
	list *List
	code uint32
}

// Index answers queries while lists change. It is safe for concurrent use.
type Index struct {
	mu      sync.RWMutex
	lists   map[string]*List
	entries map[string]*held // by list and entry id
	md5     map[[16]byte][]*held
	sha1    map[[20]byte][]*held
	sha256  map[[32]byte][]*held
	codes   *hamming.Index
	byCode  map[uint32]*held
	next    uint32
}

// New makes an empty index.
func New() *Index {
	return &Index{
		lists: map[string]*List{}, entries: map[string]*held{}, md5: map[[16]byte][]*held{}, sha1: map[[20]byte][]*held{}, sha256: map[[32]byte][]*held{},
		codes: hamming.New(), byCode: map[uint32]*held{},
	}
}

func key(list, entry string) string { return list + "\x00" + entry }

// PutList adds a list without entries, or changes what is known of one; its
// entries and version stay.
func (x *Index) PutList(l List) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if known, found := x.lists[l.ID]; found {
		l.Version = known.Version
		*known = l
		return
	}
	l.Version = 0
	x.lists[l.ID] = &l
}

// RemoveList drops a list with its entries.
func (x *Index) RemoveList(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var removed []uint32
	for _, h := range x.entries {
		if h.list.ID == id {
			removed = x.drop(h, removed)
		}
	}
	x.codes.Apply(nil, removed)
	delete(x.lists, id)
}

// Apply changes the entries of a list. It returns ErrGap when the delta does
// not follow the version loaded.
func (x *Index) Apply(d Delta) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	list, found := x.lists[d.List]
	if !found {
		return problem.Newf(problem.NotFound, "the index does not hold the list %s", d.List)
	}
	if d.From != list.Version {
		return fmt.Errorf("list %s: loaded %d, change from %d: %w", d.List, list.Version, d.From, ErrGap)
	}
	var added []hamming.Entry
	var removed []uint32
	last := make(map[string]int, len(d.Put))
	for i, e := range d.Put {
		last[e.ID] = i
	}
	for _, id := range d.RemoveEntries {
		if h, found := x.entries[key(d.List, id)]; found {
			removed = x.drop(h, removed)
		}
	}
	for i, e := range d.Put {
		if h, found := x.entries[key(d.List, e.ID)]; found {
			removed = x.drop(h, removed)
		}
		// Of several rows of one entry the last one counts.
		if last[e.ID] == i {
			added = x.hold(list, e, added)
		}
	}
	x.codes.Apply(added, removed)
	list.Version = d.To
	return nil
}

var empty = digest.Empty()

func md5Of(e Entry) (k [16]byte, ok bool) {
	ok = copy(k[:], e.MD5) == len(k) && k != [16]byte{} && k != empty.MD5
	return k, ok
}

func sha1Of(e Entry) (k [20]byte, ok bool) {
	ok = copy(k[:], e.SHA1) == len(k) && k != [20]byte{} && k != empty.SHA1
	return k, ok
}

func sha256Of(e Entry) (k [32]byte, ok bool) {
	ok = copy(k[:], e.SHA256) == len(k) && k != [32]byte{} && k != empty.SHA256
	return k, ok
}

// hold files an entry under its exact digests and collects its code.
func (x *Index) hold(list *List, e Entry, codes []hamming.Entry) []hamming.Entry {
	h := &held{Entry: e, list: list}
	x.entries[key(list.ID, e.ID)] = h
	// The digests of the empty file, and zeros that stand for no digest, would
	// match every empty or unmeasured file, so they are not filed.
	if k, ok := md5Of(e); ok {
		x.md5[k] = append(x.md5[k], h)
	}
	if k, ok := sha1Of(e); ok {
		x.sha1[k] = append(x.sha1[k], h)
	}
	if k, ok := sha256Of(e); ok {
		x.sha256[k] = append(x.sha256[k], h)
	}
	if len(e.PDQ) == len(pdq.Hash{}) {
		x.next++
		h.code = x.next
		x.byCode[h.code] = h
		codes = append(codes, hamming.Entry{ID: h.code, Code: hamming.FromBytes([32]byte(e.PDQ))})
	}
	return codes
}

// drop removes an entry from the maps and collects its code.
func (x *Index) drop(h *held, codes []uint32) []uint32 {
	delete(x.entries, key(h.list.ID, h.ID))
	if k, ok := md5Of(h.Entry); ok {
		without(x.md5, k, h)
	}
	if k, ok := sha1Of(h.Entry); ok {
		without(x.sha1, k, h)
	}
	if k, ok := sha256Of(h.Entry); ok {
		without(x.sha256, k, h)
	}
	if h.code != 0 {
		delete(x.byCode, h.code)
		codes = append(codes, h.code)
	}
	return codes
}

func without[K comparable](m map[K][]*held, k K, h *held) {
	rest := slices.DeleteFunc(m[k], func(other *held) bool { return other == h })
	if len(rest) == 0 {
		delete(m, k)
		return
	}
	m[k] = rest
}

// Lists returns what is loaded, in the order of names.
func (x *Index) Lists() []List {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := make([]List, 0, len(x.lists))
	for _, l := range x.lists {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b List) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Len is the number of entries held.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.entries)
}

// Query asks for one content.
type Query struct {
	Digests digest.Sum
	// Variants are the eight hashes; they are asked only when Decoded and
	// Quality is at least pdq.MinimumQuality.
	Variants pdq.Variants
	Quality  int
	Decoded  bool
	Now      time.Time
}

// Match is one hit.
type Match struct {
	List     string `json:"list"`
	ListName string `json:"list_name"`
	Entry    string `json:"entry"`
	Kind     Kind   `json:"kind"`
	Distance int    `json:"distance"`
	// Radius is the list's; 0 for exact kinds.
	Radius       int    `json:"radius"`
	Variant      string `json:"variant"`
	Verification string `json:"verification"`
	Category     string `json:"category"`
	ListVersion  int64  `json:"list_version"`
	// Explanation is one plain sentence.
	Explanation string `json:"explanation"`
}

// Skipped is a list that was not asked, and why.
type Skipped struct {
	List   string `json:"list"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Result is the answer to a query.
type Result struct {
	Matches []Match   `json:"matches"`
	Skipped []Skipped `json:"skipped"`
	// Unhashable says why perceptual hashes were not asked; empty when they were.
	Unhashable string `json:"unhashable,omitempty"`
}

// Query returns all entries that match, the strongest kind of each entry only,
// in the order of kind, distance, list and entry. The digests of the empty file
// match nothing.
func (x *Index) Query(q Query) Result {
	result := Result{Matches: []Match{}, Skipped: []Skipped{}}
	if q.Digests.IsEmpty() {
		result.Unhashable = "the file is empty"
		return result
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	open := map[*List]bool{}
	for _, list := range x.lists {
		if reason := list.closed(q.Now); reason != "" {
			result.Skipped = append(result.Skipped, Skipped{list.ID, list.Name, reason})
			continue
		}
		open[list] = true
	}
	best := map[*held]Match{}
	found := func(h *held, kind Kind, distance int, variant pdq.Variant) {
		if !open[h.list] {
			return
		}
		if known, twice := best[h]; twice && cmp.Or(cmp.Compare(strength[known.Kind], strength[kind]), cmp.Compare(known.Distance, distance)) <= 0 {
			return
		}
		best[h] = x.describe(h, kind, distance, variant)
	}
	for _, h := range x.sha256[q.Digests.SHA256] {
		found(h, SHA256, 0, pdq.Original)
	}
	for _, h := range x.sha1[q.Digests.SHA1] {
		found(h, SHA1, 0, pdq.Original)
	}
	for _, h := range x.md5[q.Digests.MD5] {
		found(h, MD5, 0, pdq.Original)
	}
	switch {
	case !q.Decoded:
		result.Unhashable = "the picture could not be decoded"
	case q.Quality < pdq.MinimumQuality:
		result.Unhashable = fmt.Sprintf("the picture has quality %d, below %d: too plain to be compared", q.Quality, pdq.MinimumQuality)
	default:
		x.similar(q, open, found)
	}
	for _, m := range best {
		result.Matches = append(result.Matches, m)
	}
	slices.SortFunc(result.Matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(strength[a.Kind], strength[b.Kind]), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ListName, b.ListName), cmp.Compare(a.List, b.List), cmp.Compare(a.Entry, b.Entry))
	})
	slices.SortFunc(result.Skipped, func(a, b Skipped) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.List, b.List)) })
	return result
}

// similar asks all eight orientations, once with the widest radius in use.
func (x *Index) similar(q Query, open map[*List]bool, found func(*held, Kind, int, pdq.Variant)) {
	widest := -1
	for list := range open {
		widest = max(widest, list.Radius)
	}
	if widest < 0 {
		return
	}
	var hits []hamming.Hit
	for v, hash := range q.Variants {
		hits = x.codes.Search(hamming.FromBytes(hash), widest, hits[:0])
		for _, hit := range hits {
			if h := x.byCode[hit.ID]; h != nil && hit.Distance <= h.list.Radius {
				found(h, PDQ, hit.Distance, pdq.Variant(v))
			}
		}
	}
}

var kindNames = map[Kind]string{SHA256: "SHA-256", SHA1: "SHA-1", MD5: "MD5"}

func (x *Index) describe(h *held, kind Kind, distance int, variant pdq.Variant) Match {
	m := Match{
		List: h.list.ID, ListName: h.list.Name, Entry: h.ID, Kind: kind, Distance: distance, Variant: variant.String(),
		Verification: cmp.Or(h.Verification, h.list.Verification), Category: h.Category, ListVersion: h.list.Version,
	}
	what := kindNames[kind] + " equal to"
	if kind == PDQ {
		m.Radius = h.list.Radius
		what = fmt.Sprintf("PDQ differs in %d of 256 bits from", distance)
		if variant != pdq.Original {
			what = fmt.Sprintf("turned or mirrored (%s), PDQ differs in %d of 256 bits from", variant, distance)
		}
	}
	category := ""
	if m.Category != "" {
		category = ", category " + m.Category
	}
	m.Explanation = fmt.Sprintf("%s an entry of the list %q (verification: %s%s); a person must decide", what, h.list.Name, cmp.Or(m.Verification, "unknown"), category)
	return m
}
