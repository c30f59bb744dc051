package match

import (
	"bytes"
	"encoding/hex"
	"hash/maphash"
	"strings"

	"github.com/brdoproject/brdo/engine/digest"
)

// row is an entry as the index keeps it: 108 bytes without pointers, so that a
// hundred million of them cost the collector of garbage nothing. Its perceptual
// hash is in the Hamming index, under the row's number.
type row struct {
	sha256 [32]byte
	sha1   [20]byte
	md5    [16]byte
	// id is the entry's identifier in the form of [pack]; others are in rows.odd.
	id [16]byte
	// list and words are numbers of rows.lists and rows.words.
	list, words uint32
	// next is for each exact kind the next row with the same digest; 0 is the end.
	next [exactKinds]uint32
	has  uint8
	// inset is of a row that stands for the middle of an entry's picture, in tenths of a per
	// cent. Its words are the row of the entry, and it has nothing else.
	inset uint16
}

// The exact kinds, as places in row.next and as bits of row.has.
const (
	hasSHA256 = iota
	hasSHA1
	hasMD5
	exactKinds
	hasPDQ    = exactKinds
	isOdd     = exactKinds + 1
	isLive    = exactKinds + 2
	hasFrames = exactKinds + 3
	// isInset: the row is no entry but a further hash of one.
	isInset = exactKinds + 4
)

func (r *row) is(bit int) bool { return r.has&(1<<bit) != 0 }

// digest is the row's digest of an exact kind.
func (r *row) digest(kind int) []byte {
	switch kind {
	case hasSHA256:
		return r.sha256[:]
	case hasSHA1:
		return r.sha1[:]
	}
	return r.md5[:]
}

// words are what many entries say in the same words.
type words struct{ category, verification string }

// rows are the entries, by numbers from 1, and the tables that find them.
type rows struct {
	// chunks keep the rows where they are while more come: a slice that grows would
	// be copied, and be twice as large as needed.
	chunks [][]row
	count  uint32
	free   []uint32
	live   int
	// hashed is how many rows have a near hash, of which parts are insets; changes counts rows
	// added and dropped.
	hashed, parts, changes int
	// insets are the rows of the insets of an entry, by its row.
	insets map[uint32][]uint32
	// touched are the rows changed while others are being saved; nil otherwise.
	touched map[uint32]struct{}

	seed  maphash.Seed
	exact [exactKinds]table
	ids   table
	odd   map[uint32]string

	lists []*List
	words []struct {
		words
		uses int
	}
	known     map[words]uint32
	freeWords []uint32
}

const chunkRows = 4096

func newRows() *rows {
	return &rows{seed: maphash.MakeSeed(), odd: map[uint32]string{}, known: map[words]uint32{}, insets: map[uint32][]uint32{}}
}

func (s *rows) at(number uint32) *row {
	number--
	return &s.chunks[number/chunkRows][number%chunkRows]
}

// touch notes that a row changes.
func (s *rows) touch(number uint32) {
	if s.touched != nil {
		s.touched[number] = struct{}{}
	}
}

// take gives a number that no row has.
func (s *rows) take() uint32 {
	if last := len(s.free) - 1; last >= 0 {
		number := s.free[last]
		s.free = s.free[:last]
		return number
	}
	if int(s.count) == len(s.chunks)*chunkRows {
		s.chunks = append(s.chunks, make([]row, chunkRows))
	}
	s.count++
	return s.count
}

// pack shortens the identifiers that nodes give to entries: "entry/" and a UUID in
// lower case.
func pack(id string) (packed [16]byte, ok bool) {
	const form = "entry/00000000-0000-0000-0000-000000000000"
	if len(id) != len(form) || !strings.HasPrefix(id, "entry/") {
		return packed, false
	}
	digits := make([]byte, 0, 32)
	for i := len("entry/"); i < len(id); i++ {
		switch c := id[i]; {
		case form[i] == '-' && c == '-':
		case form[i] == '0' && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f'):
			digits = append(digits, c)
		default:
			return packed, false
		}
	}
	_, err := hex.Decode(packed[:], digits)
	return packed, err == nil
}

func unpack(packed [16]byte) string {
	text := make([]byte, 0, 42)
	text = append(text, "entry/"...)
	for i, from := range [...]int{0, 4, 6, 8, 10} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, packed[from:[...]int{4, 6, 8, 10, 16}[i]])
	}
	return string(text)
}

// id is the identifier of a row's entry.
func (s *rows) id(number uint32) string {
	r := s.at(number)
	if r.is(isOdd) {
		return s.odd[number]
	}
	return unpack(r.id)
}

// name is what names an entry: its list, and its identifier in the short form or,
// when it has none, in full.
type name struct {
	list uint32
	id   [16]byte
	odd  string
}

func nameOf(list uint32, id string) name {
	if packed, ok := pack(id); ok {
		return name{list: list, id: packed}
	}
	return name{list: list, odd: id}
}

func (s *rows) name(number uint32) name {
	r := s.at(number)
	if r.is(isOdd) {
		return name{list: r.list, odd: s.odd[number]}
	}
	return name{list: r.list, id: r.id}
}

// hash of a name or digest is one that nobody outside can foresee: what lists hold
// is chosen by others.
func (s *rows) hash(n name) uint64 { return maphash.Comparable(s.seed, n) }

func (s *rows) hashOfName(number uint32) uint64 { return s.hash(s.name(number)) }

// find returns the row of an entry; 0 when there is none.
func (s *rows) find(list uint32, id string) (number uint32) {
	wanted := nameOf(list, id)
	s.ids.each(s.hash(wanted), func(other uint32) bool {
		if s.name(other) != wanted {
			return true
		}
		number = other
		return false
	})
	return number
}

// head returns the first row with a digest; 0 when there is none. The others
// follow by row.next.
func (s *rows) head(kind int, sum []byte) (number uint32) {
	s.exact[kind].each(maphash.Bytes(s.seed, sum), func(other uint32) bool {
		if !bytes.Equal(s.at(other).digest(kind), sum) {
			return true
		}
		number = other
		return false
	})
	return number
}

var empty = digest.Empty()

// asked reports whether a digest is one: that of the empty file, and zeros that
// stand for no digest, would match every empty or unmeasured file.
func asked(sum, of []byte, length int) bool {
	return len(sum) == length && !bytes.Equal(sum, of) && !bytes.Equal(sum, make([]byte, length))
}

// add files an entry and returns its number.
func (s *rows) add(list uint32, e Entry) uint32 {
	number := s.take()
	s.changes++
	s.touch(number)
	r := s.at(number)
	*r = row{list: list, words: s.say(words{e.Category, e.Verification}), has: 1 << isLive}
	if packed, ok := pack(e.ID); ok {
		r.id = packed
	} else {
		r.has |= 1 << isOdd
		s.odd[number] = strings.Clone(e.ID)
	}
	s.live++
	s.ids.insert(s.hashOfName(number), number, s.hashOfName)
	for kind, sum := range [exactKinds][]byte{hasSHA256: e.SHA256, hasSHA1: e.SHA1, hasMD5: e.MD5} {
		if !asked(sum, [exactKinds][]byte{empty.SHA256[:], empty.SHA1[:], empty.MD5[:]}[kind], len(r.digest(kind))) {
			continue
		}
		copy(r.digest(kind), sum)
		r.has |= 1 << kind
		if first := s.head(kind, sum); first != 0 {
			s.touch(first)
			// Behind the first: a digest stands in the table once, however many have it.
			r.next[kind], s.at(first).next[kind] = s.at(first).next[kind], number
			continue
		}
		s.exact[kind].insert(maphash.Bytes(s.seed, sum), number, s.hashOf(kind))
	}
	return number
}

// addInset makes a row for the middle of the picture of an entry, and returns its number.
func (s *rows) addInset(entry uint32, tenths int) uint32 {
	number := s.take()
	s.touch(number)
	*s.at(number) = row{list: s.at(entry).list, has: 1 << isInset, inset: uint16(tenths), words: entry}
	s.insets[entry] = append(s.insets[entry], number)
	s.hashed++
	s.parts++
	return number
}

func (s *rows) hashOf(kind int) func(uint32) uint64 {
	return func(number uint32) uint64 { return maphash.Bytes(s.seed, s.at(number).digest(kind)) }
}

// drop removes a row.
func (s *rows) drop(number uint32) {
	r := s.at(number)
	s.changes++
	s.touch(number)
	if r.is(hasPDQ) {
		s.hashed--
	}
	for _, inset := range s.insets[number] {
		s.touch(inset)
		*s.at(inset) = row{}
		s.free = append(s.free, inset)
		s.hashed--
		s.parts--
	}
	delete(s.insets, number)
	s.ids.replace(s.hashOfName(number), number, 0, s.hashOfName)
	for kind := range exactKinds {
		if !r.is(kind) {
			continue
		}
		first := s.head(kind, r.digest(kind))
		if first == number {
			s.exact[kind].replace(maphash.Bytes(s.seed, r.digest(kind)), number, r.next[kind], s.hashOf(kind))
			continue
		}
		for s.at(first).next[kind] != number {
			first = s.at(first).next[kind]
		}
		s.touch(first)
		s.at(first).next[kind] = r.next[kind]
	}
	s.unsay(r.words)
	delete(s.odd, number)
	*r = row{}
	s.free = append(s.free, number)
	s.live--
}

// say gives the number of some words.
func (s *rows) say(w words) uint32 {
	number, found := s.known[w]
	if !found {
		w = words{strings.Clone(w.category), strings.Clone(w.verification)}
		if last := len(s.freeWords) - 1; last >= 0 {
			number, s.freeWords = s.freeWords[last], s.freeWords[:last]
		} else {
			number = uint32(len(s.words))
			s.words = append(s.words, struct {
				words
				uses int
			}{})
		}
		s.words[number].words = w
		s.known[w] = number
	}
	s.words[number].uses++
	return number
}

func (s *rows) unsay(number uint32) {
	said := &s.words[number]
	if said.uses--; said.uses == 0 {
		delete(s.known, said.words)
		said.words = words{}
		s.freeWords = append(s.freeWords, number)
	}
}
