package match

import (
	"cmp"
	"fmt"
)

// SetAside is why a match is no reason for a person to look.
type SetAside struct {
	// List and Entry are the benign look-alike, Distance is how far the picture is from it.
	List     string `json:"list"`
	ListName string `json:"list_name"`
	Entry    string `json:"entry"`
	Distance int    `json:"distance"`
	// Reason is one plain sentence.
	Reason string `json:"reason"`
}

// Standing are the matches that are a reason to look: those that were not set aside.
func Standing(all []Match) []Match {
	standing := []Match{}
	for _, m := range all {
		if m.SetAside == nil {
			standing = append(standing, m)
		}
	}
	return standing
}

// setAside marks the near matches whose picture is at least as near to a benign look-alike. An
// equal digest names the file itself, so it stands whatever it looks like.
func setAside(matches, benign []Match) {
	if len(benign) == 0 {
		return
	}
	nearest := benign[0]
	for _, m := range benign[1:] {
		if cmp.Or(cmp.Compare(m.Distance, nearest.Distance), cmp.Compare(m.List, nearest.List), cmp.Compare(m.Entry, nearest.Entry)) < 0 {
			nearest = m
		}
	}
	for i := range matches {
		m := &matches[i]
		if m.Kind != PDQ || nearest.Distance > m.Distance {
			continue
		}
		m.SetAside = &SetAside{
			List: nearest.List, ListName: nearest.ListName, Entry: nearest.Entry, Distance: nearest.Distance,
			Reason: fmt.Sprintf("set aside: the picture is at least as near, %d bits, to an entry of the list %q of benign look-alikes", nearest.Distance, nearest.ListName),
		}
	}
}

// SetAside marks those of some matches, that this or another index gave for a query, which the
// look-alikes of this index set aside.
func (x *Index) SetAside(q Query, matches []Match) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	open := map[uint32]*List{}
	for _, number := range x.lists {
		if list := x.rows.lists[number]; list.Benign && list.Closed(q.Now) == "" {
			open[number] = list
		}
	}
	if len(open) == 0 || q.Digests.IsEmpty() {
		return
	}
	var benign []Match
	found := func(number uint32, kind Kind, distance int, how seen) {
		if list := open[x.rows.at(number).list]; list != nil {
			benign = append(benign, x.describe(number, list, kind, distance, how))
		}
	}
	x.equal([exactKinds][]byte{q.Digests.SHA256[:], q.Digests.SHA1[:], q.Digests.MD5[:]}, found)
	if q.Decoded {
		x.similar(q, open, found)
	}
	setAside(matches, benign)
}
