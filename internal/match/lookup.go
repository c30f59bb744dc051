package match

import (
	"cmp"
	"slices"
	"time"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
)

// Hashes are what somebody who does not have the content knows of it. What is
// not known is the zero value, which matches nothing.
type Hashes struct {
	SHA256 [32]byte
	SHA1   [20]byte
	MD5    [16]byte
	// PDQ is of either form and as the picture was hashed: the other orientations
	// cannot be told from it, and it is not asked inverted. nil when it is not known.
	PDQ *pdq.Hash
}

// digests lists the exact ones in the order of the kinds; nil for what is not
// known, and for the digest of the empty file.
func (h *Hashes) digests() (all [exactKinds][]byte) {
	if h.SHA256 != ([32]byte{}) && h.SHA256 != digest.Empty().SHA256 {
		all[hasSHA256] = h.SHA256[:]
	}
	if h.SHA1 != ([20]byte{}) && h.SHA1 != digest.Empty().SHA1 {
		all[hasSHA1] = h.SHA1[:]
	}
	if h.MD5 != ([16]byte{}) && h.MD5 != digest.Empty().MD5 {
		all[hasMD5] = h.MD5[:]
	}
	return all
}

// Lookup returns all entries that match one of the hashes, as [Index.Query] does.
func (x *Index) Lookup(h Hashes, now time.Time) Result {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.answer(now, func(open map[uint32]*List, found finder) string {
		x.equal(h.digests(), found)
		if h.PDQ == nil {
			return ""
		}
		for _, hit := range x.codes.Search(hamming.FromBytes(*h.PDQ), widest(open), nil) {
			x.hit(hit, seen{}, 0, open, found)
		}
		return ""
	})
}

// finder takes a row that matches.
type finder func(number uint32, kind Kind, distance int, how seen)

// answer makes the result of what ask finds among the lists that are open now; ask
// returns why perceptual hashes were not asked. The index is locked.
func (x *Index) answer(now time.Time, ask func(open map[uint32]*List, found finder) string) Result {
	result := Result{Matches: []Match{}, Skipped: []Skipped{}}
	open := map[uint32]*List{}
	for _, number := range x.lists {
		list := x.rows.lists[number]
		if reason := list.Closed(now); reason != "" {
			result.Skipped = append(result.Skipped, Skipped{list.ID, list.Name, reason})
			continue
		}
		open[number] = list
	}
	best := map[uint32]Match{}
	result.Unhashable = ask(open, func(number uint32, kind Kind, distance int, how seen) {
		list := open[x.rows.at(number).list]
		if list == nil {
			return
		}
		if known, twice := best[number]; twice && cmp.Or(cmp.Compare(strength[known.Kind], strength[kind]), cmp.Compare(known.Distance, distance)) <= 0 {
			return
		}
		best[number] = x.describe(number, list, kind, distance, how)
	})
	var benign []Match
	for number, m := range best {
		if open[x.rows.at(number).list].Benign {
			benign = append(benign, m)
		} else {
			result.Matches = append(result.Matches, m)
		}
	}
	setAside(result.Matches, benign)
	slices.SortFunc(result.Matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(strength[a.Kind], strength[b.Kind]), cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ListName, b.ListName), cmp.Compare(a.List, b.List), cmp.Compare(a.Entry, b.Entry))
	})
	slices.SortFunc(result.Skipped, func(a, b Skipped) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.List, b.List)) })
	return result
}

// equal finds the rows with one of some digests.
func (x *Index) equal(sums [exactKinds][]byte, found finder) {
	for kind, sum := range sums {
		if sum == nil {
			continue
		}
		for number := x.rows.head(kind, sum); number != 0; number = x.rows.at(number).next[kind] {
			found(number, [exactKinds]Kind{SHA256, SHA1, MD5}[kind], 0, seen{})
		}
	}
}

// widest is the largest radius of some lists; -1 when there are none.
func widest(lists map[uint32]*List) int {
	radius := -1
	for _, list := range lists {
		radius = max(radius, list.Radius)
	}
	return radius
}

// Counts are how many entries have a hash of a kind.
type Counts struct {
	PDQ int
	// MD5 counts digests that differ.
	MD5 int
}

// Counts of the index as it stands, entries of closed lists included.
func (x *Index) Counts() Counts {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return Counts{PDQ: x.codes.Len() - x.rows.parts, MD5: x.rows.exact[hasMD5].used}
}
