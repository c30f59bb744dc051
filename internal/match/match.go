// Package match is the live index of all hash lists: exact digests by tables,
// perceptual hashes by exact radius search in all eight orientations, also with
// the colours inverted and without borders, videos by the hashes of their frames.
//
// It lives in memory on each node that matches and follows the lists by their
// versions, so that suspending an entry takes effect at once. It finds and
// explains; it never says that something is illegal.
package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// Kind is what was compared. Stronger kinds come first in answers.
type Kind string

const (
	SHA256 Kind = "sha256"
	SHA1   Kind = "sha1"
	MD5    Kind = "md5"
	PDQ    Kind = "pdq"
)

// Exact says that the file itself is equal, not only what it shows.
func (k Kind) Exact() bool { return k == SHA256 || k == SHA1 || k == MD5 }

var strength = map[Kind]int{SHA256: 0, SHA1: 1, MD5: 2, PDQ: 3, Frames: 4, LookUp: 5}

// MaximumRadius is the largest PDQ distance that a list may call a match.
const MaximumRadius = 64

// List is what matching needs to know of a list.
type List struct {
	ID, Name, Source string
	// Radius is the largest PDQ distance that is a match, 0 to MaximumRadius.
	Radius int
	// VideoUpload is how many per cent of the frames of a video an entry has to have,
	// and VideoEntry how many of the entry's the video, so that they match; one of the
	// two is enough. With 0 that share does not matter. vPDQ asks for both at once, which with
	// one of them 0, as it is used, is the same.
	VideoUpload, VideoEntry int
	Verification            string
	LegalBasis              string
	// ValidFrom and ValidUntil bound the list's use; zero means unbounded.
	ValidFrom, ValidUntil time.Time
	Suspended             bool
	// Benign: the entries are known benign look-alikes. They match nothing, but set near matches
	// of other lists aside; Unconfirmed says that no second person has confirmed them yet.
	Benign, Unconfirmed bool
	// Version is that of the entries loaded, and VersionAt when it was made: two
	// histories of a list may have versions of one number.
	Version   int64
	VersionAt time.Time
	// Partial says that some entries of a later version are there already.
	Partial bool
}

// Closed says why the list may not be used now; empty when it may.
func (l List) Closed(now time.Time) string {
	switch {
	case l.Suspended:
		return "the list is suspended"
	case l.Benign && l.Unconfirmed:
		return "no second person has confirmed this list of benign look-alikes"
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
	// Insets are further hashes, of the middle of the entry's picture.
	Insets []pdq.Inset
	// Frames are those of a video, in order; nil for other entries.
	Frames                 []video.Feature
	Category, Verification string
}

// Delta is a change of one list: from one version to a later one.
type Delta struct {
	List     string
	From, To int64
	// At is when the version To was made.
	At            time.Time
	Put           []Entry
	RemoveEntries []string
}

// ErrGap: the delta does not follow the version loaded; load the list anew.
var ErrGap = problem.New(problem.Conflict, "the change of the list does not follow the version loaded", "load the list anew")

// Index answers queries while lists change. It is safe for concurrent use.
type Index struct {
	mu    sync.RWMutex
	lists map[string]uint32 // numbers of rows.lists
	rows  *rows
	// codes holds the perceptual hashes under the numbers of their rows.
	codes *hamming.Index
	// videos are the rows that have frames.
	videos *videos

	// saving keeps two from being saved at once; saved is how many changes the last
	// one held, guarded by mu.
	saving sync.Mutex
	saved  int
}

// New makes an empty index.
func New() *Index {
	return &Index{lists: map[string]uint32{}, rows: newRows(), codes: hamming.New(), videos: newVideos()}
}

// PutList adds a list without entries, or changes what is known of one; its
// entries and version stay.
func (x *Index) PutList(l List) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if number, found := x.lists[l.ID]; found {
		known := x.rows.lists[number]
		l.Version, l.VersionAt, l.Partial = known.Version, known.VersionAt, known.Partial
		*known = l
		return
	}
	l.Version, l.VersionAt, l.Partial = 0, time.Time{}, false
	x.lists[l.ID] = uint32(len(x.rows.lists))
	x.rows.lists = append(x.rows.lists, &l)
}

// RemoveList drops a list with its entries.
func (x *Index) RemoveList(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list, found := x.lists[id]
	if !found {
		return
	}
	var removed, frames []uint32
	// Backwards, because of the rows with one digest the latest is found first.
	for number := x.rows.count; number > 0; number-- {
		if r := x.rows.at(number); r.is(isLive) && r.list == list {
			frames = x.videos.drop(number, frames)
			removed = x.drop(number, removed)
		}
	}
	x.codes.Apply(nil, removed)
	x.videos.codes.Apply(nil, frames)
	delete(x.lists, id)
	x.rows.lists[list] = nil
}

// Apply changes the entries of a list. It returns ErrGap when the delta does
// not follow the version loaded.
func (x *Index) Apply(d Delta) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	number, found := x.lists[d.List]
	if !found {
		return problem.Newf(problem.NotFound, "the index does not hold the list %s", d.List)
	}
	list := x.rows.lists[number]
	if d.From != list.Version {
		return fmt.Errorf("list %s: loaded %d, change from %d: %w", d.List, list.Version, d.From, ErrGap)
	}
	var added, addedFrames []hamming.Entry
	var removed, removedFrames []uint32
	last := make(map[string]int, len(d.Put))
	for i, e := range d.Put {
		last[e.ID] = i
	}
	for _, id := range d.RemoveEntries {
		if known := x.rows.find(number, id); known != 0 {
			removedFrames = x.videos.drop(known, removedFrames)
			removed = x.drop(known, removed)
		}
	}
	for i, e := range d.Put {
		if known := x.rows.find(number, e.ID); known != 0 {
			removedFrames = x.videos.drop(known, removedFrames)
			removed = x.drop(known, removed)
		}
		// Of several rows of one entry the last one counts.
		if last[e.ID] == i {
			added, addedFrames = x.hold(number, e, added, addedFrames)
		}
	}
	x.codes.Apply(added, removed)
	x.videos.codes.Apply(addedFrames, removedFrames)
	list.Partial = d.To == d.From && (list.Partial || len(d.Put)+len(d.RemoveEntries) > 0)
	if d.To != d.From {
		list.Version, list.VersionAt = d.To, d.At
	}
	return nil
}

// hold files an entry and collects its code, and those of its frames.
func (x *Index) hold(list uint32, e Entry, codes, frames []hamming.Entry) (_, _ []hamming.Entry) {
	number := x.rows.add(list, e)
	if len(e.PDQ) == len(pdq.Hash{}) {
		x.rows.at(number).has |= 1 << hasPDQ
		x.rows.hashed++
		codes = append(codes, hamming.Entry{ID: number, Code: hamming.FromBytes([32]byte(e.PDQ))})
	}
	for _, inset := range e.Insets {
		codes = append(codes, hamming.Entry{ID: x.rows.addInset(number, inset.Tenths), Code: hamming.FromBytes(inset.Hash)})
	}
	if len(e.Frames) > 0 {
		x.rows.at(number).has |= 1 << hasFrames
		frames = x.videos.put(number, video.Pack(e.Frames), e.Frames, frames)
	}
	return codes, frames
}

// drop removes a row and collects its code.
func (x *Index) drop(number uint32, codes []uint32) []uint32 {
	if x.rows.at(number).is(hasPDQ) {
		codes = append(codes, number)
	}
	codes = append(codes, x.rows.insets[number]...)
	x.rows.drop(number)
	return codes
}

// Lists returns what is loaded, in the order of names.
func (x *Index) Lists() []List {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := make([]List, 0, len(x.lists))
	for _, number := range x.lists {
		all = append(all, *x.rows.lists[number])
	}
	slices.SortFunc(all, func(a, b List) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Len is the number of entries held.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rows.live
}

// Query asks for one content.
type Query struct {
	Digests digest.Sum
	// Forms are the hashes; they are asked only when Decoded and their quality is at
	// least pdq.MinimumQuality. Lists do not say by which form of PDQ they were
	// made, so both are asked, each in eight orientations, as they are and with the colours
	// inverted.
	Forms   pdq.Forms
	Decoded bool
	// Trimmed are the hashes without borders, where the picture has some; asked like Forms.
	Trimmed pdq.Trimmed
	// Margin widens the radius of each list by so many bits, for hashes of a first look:
	// without an answer there is none for the exact hashes either, as far as these are within it.
	Margin int
	Now    time.Time
}

// Match is one hit.
type Match struct {
	List     string `json:"list"`
	ListName string `json:"list_name"`
	Entry    string `json:"entry"`
	Kind     Kind   `json:"kind"`
	Distance int    `json:"distance"`
	// Radius is the list's; 0 for exact kinds.
	Radius  int    `json:"radius"`
	Variant string `json:"variant"`
	// Transformations are what was done to the picture to find the entry, in this order:
	// "trimmed" for borders taken off, a name of [pdq.Variant], "inverted" for colours; and
	// "inset 7.5 %" where it is like the middle of the entry's picture, less that share of width
	// and height. None where it matches as it is.
	Transformations []string `json:"transformations,omitempty"`
	// Confidence is how far the match can be relied on, in words; see [confidence].
	Confidence string `json:"confidence"`
	// Form of PDQ that is nearest: pdq at full size, or pdq_nn512 after a reduction to 512
	// by 512; empty for exact kinds.
	Form string `json:"form,omitempty"`
	// Video is set for [Frames] only. Distance is then the mean of the frames that are alike.
	Video        *VideoMatch `json:"video,omitempty"`
	Verification string      `json:"verification"`
	Category     string      `json:"category"`
	ListVersion  int64       `json:"list_version"`
	// Quarantine says why this hit by itself brings nothing to people now: the entry
	// matched too much. Empty when it does; whoever asks the index fills it in.
	Quarantine string `json:"quarantine,omitempty"`
	// Explanation is one plain sentence.
	Explanation string `json:"explanation"`
	// SetAside says why this is no reason to look; nil when it is one.
	SetAside *SetAside `json:"set_aside,omitempty"`
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
	if q.Digests.IsEmpty() {
		return Result{Matches: []Match{}, Skipped: []Skipped{}, Unhashable: "the file is empty"}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.answer(q.Now, func(open map[uint32]*List, found finder) string {
		x.equal([exactKinds][]byte{q.Digests.SHA256[:], q.Digests.SHA1[:], q.Digests.MD5[:]}, found)
		switch {
		case !q.Decoded:
			return "the picture could not be decoded"
		case q.Forms.Full.Quality < pdq.MinimumQuality && q.Trimmed.Forms.Full.Quality < pdq.MinimumQuality:
			return fmt.Sprintf("the picture has quality %d, below %d: too plain to be compared", q.Forms.Full.Quality, pdq.MinimumQuality)
		}
		x.similar(q, open, found)
		return ""
	})
}

// Screens tells whether a less exact look pays: whether looking for candidates with a
// radius that is wider by margin takes less than reading a picture closely.
func (x *Index) Screens(margin int) bool {
	const saved = 8 * time.Millisecond // more for large pictures; less for small ones, which need less margin
	x.mu.RLock()
	defer x.mu.RUnlock()
	radius := 0
	for _, number := range x.lists {
		radius = max(radius, x.rows.lists[number].Radius)
	}
	return time.Duration(4*len(pdq.Variants{}))*x.codes.Expected(radius+margin) < saved
}

// seen is how a picture was looked at when an entry was found.
type seen struct {
	variant           pdq.Variant
	inverted, trimmed bool
	// inset of the entry that was found, in tenths of a per cent; 0 for the whole of it.
	inset int
	// form of PDQ; empty for exact kinds, and for a hash of which it is not known.
	form string
}

// transformations lists what was done, and says it in a sentence's words.
func (s seen) transformations() (names, words []string) {
	if s.trimmed {
		names, words = append(names, "trimmed"), append(words, "without its borders")
	}
	if s.variant != pdq.Original {
		names, words = append(names, s.variant.String()), append(words, "turned or mirrored ("+s.variant.String()+")")
	}
	if s.inverted {
		names, words = append(names, "inverted"), append(words, "with its colours inverted")
	}
	if s.inset > 0 {
		part := "inset " + pdq.Inset{Tenths: s.inset}.Percent() + " %"
		names, words = append(names, part), append(words, "like the middle of the entry's picture ("+part+")")
	}
	return names, words
}

// hit takes what was found near, if it is within the radius of its list and a margin.
func (x *Index) hit(h hamming.Hit, how seen, margin int, open map[uint32]*List, found finder) {
	number := h.ID
	if r := x.rows.at(number); r.is(isInset) {
		number, how.inset = r.words, int(r.inset)
	}
	if list := open[x.rows.at(number).list]; list != nil && h.Distance <= list.Radius+margin {
		found(number, PDQ, h.Distance, how)
	}
}

// similar asks all eight orientations of both forms, at once with the widest radius in use: of the
// picture, with its colours inverted, and without its borders.
func (x *Index) similar(q Query, open map[uint32]*List, found finder) {
	radius := widest(open)
	if radius < 0 {
		return
	}
	var (
		codes []hamming.Code
		hows  []seen
	)
	both := func(forms pdq.Forms, how seen) {
		if forms.Full.Quality < pdq.MinimumQuality {
			return
		}
		how.form = "pdq"
		for v, hash := range forms.Full.Variants {
			how.variant = pdq.Variant(v)
			codes, hows = append(codes, hamming.FromBytes(hash)), append(hows, how)
		}
		if forms.Nearest.Quality < pdq.MinimumQuality {
			return
		}
		how.form = "pdq_nn512"
		for v, hash := range forms.Nearest.Variants {
			if how.variant = pdq.Variant(v); hash != forms.Full.Variants[v] {
				codes, hows = append(codes, hamming.FromBytes(hash)), append(hows, how)
			}
		}
	}
	// What was done least to the picture comes first: of two ways to the same distance it is named.
	for _, inverted := range [...]bool{false, true} {
		for _, trimmed := range [...]bool{false, true} {
			forms := q.Forms
			if trimmed {
				forms = q.Trimmed.Forms
			}
			if inverted {
				forms = forms.Inverted()
			}
			both(forms, seen{inverted: inverted, trimmed: trimmed})
		}
	}
	x.codes.SearchAll(codes, radius+q.Margin, func(place int, hit hamming.Hit) { x.hit(hit, hows[place], q.Margin, open, found) })
}

var kindNames = map[Kind]string{SHA256: "SHA-256", SHA1: "SHA-1", MD5: "MD5"}

// Bounds of the words for distances, in bits. Up to veryNear hashes of one picture differ that two
// implementations of PDQ make (Meta's README of it), and most copies that were only saved
// again; up to near that README calls two pictures the same.
const (
	veryNear = 10
	near     = 31
)

// confidence says how far a match can be relied on: "same file"; "same file unless forged", for
// digests of which two files can be made on purpose; and for pictures "very near", "near", or
// "loose" beyond the distance that is usual. It is an order, and no probability.
func confidence(kind Kind, distance int) string {
	switch {
	case kind == SHA256:
		return "same file"
	case kind != PDQ && kind != Frames:
		return "same file unless forged"
	case distance <= veryNear:
		return "very near"
	case distance <= near:
		return "near"
	}
	return "loose"
}

func (x *Index) describe(number uint32, list *List, kind Kind, distance int, how seen) Match {
	said := x.rows.words[x.rows.at(number).words].words
	m := Match{
		List: list.ID, ListName: list.Name, Entry: x.rows.id(number), Kind: kind, Distance: distance, Variant: how.variant.String(), Form: how.form,
		Confidence: confidence(kind, distance), Verification: cmp.Or(said.verification, list.Verification), Category: said.category, ListVersion: list.Version,
	}
	what := kindNames[kind] + " equal to"
	if kind == Frames {
		m.Radius, what = list.Radius, ""
	}
	if kind == PDQ {
		m.Radius = list.Radius
		var words []string
		m.Transformations, words = how.transformations()
		what = strings.Join(append(words, fmt.Sprintf("PDQ differs in %d of 256 bits (%s) from", distance, m.Confidence)), ", ")
	}
	category := ""
	if m.Category != "" {
		category = ", category " + m.Category
	}
	m.Explanation = fmt.Sprintf("%s an entry of the list %q (verification: %s%s); a person must decide", what, list.Name, cmp.Or(m.Verification, "unknown"), category)
	return m
}
