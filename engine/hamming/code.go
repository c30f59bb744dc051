package hamming

import (
	"encoding/binary"
	"math/bits"
)

// Bits is the length of a [Code].
const Bits = 256

// Code is a 256-bit string; the first word holds the first 64 bits, most
// significant bit first.
//
// A search for several codes is quickest where these differ by whole classes of bits, which
// are those at even and odd places of even and odd rows of 16: as PDQ hashes of a picture and its mirror images do.
type Code [4]uint64

// FromBytes makes a code of 32 bytes, most significant first.
func FromBytes(b [32]byte) Code {
	return Code{
		binary.BigEndian.Uint64(b[0:]),
		binary.BigEndian.Uint64(b[8:]),
		binary.BigEndian.Uint64(b[16:]),
		binary.BigEndian.Uint64(b[24:]),
	}
}

// Bytes is the inverse of [FromBytes].
func (c Code) Bytes() (b [32]byte) {
	for i, word := range c {
		binary.BigEndian.PutUint64(b[8*i:], word)
	}
	return b
}

// Distance counts the bits, 0 to 256, in which two codes differ.
func (c Code) Distance(other Code) int {
	return bits.OnesCount64(c[0]^other[0]) + bits.OnesCount64(c[1]^other[1]) +
		bits.OnesCount64(c[2]^other[2]) + bits.OnesCount64(c[3]^other[3])
}

// nibbleTable permutes a code: entry [n][v] is what the four bits v at place 4n
// contribute. 64 look-ups permute 256 bits, from a table that fits in the
// first-level cache.
type nibbleTable [64][16]Code

var (
	permutation = newNibbleTable(places())
	restoration = newNibbleTable(inverse(places()))
)

// classes are how many sets of bits are kept together: those of a PDQ hash that are of the same kind
// of frequency, odd or even along either axis. Mirroring a picture inverts the bits of two classes as a whole.
const classes = 4

// classOf is the class of a bit. The bits of a PDQ hash are 16 rows of frequencies, of 16 each.
func classOf(bit int) int { return bit>>4&1<<1 | bit&1 }

// places says where each bit goes: the classes one after the other, each in an order that is a Fisher-Yates shuffle
// over SplitMix64 with a constant seed. Any fixed shuffle serves, and a fixed one keeps every
// run and every node alike.
func places() (to [Bits]int) {
	state := uint64(0x6272646f)
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	const each = Bits / classes
	var free [classes][each]int
	for class := range free {
		for i := range free[class] {
			free[class][i] = each*class + i
		}
		for i := each - 1; i > 0; i-- {
			j := int(next() % uint64(i+1))
			free[class][i], free[class][j] = free[class][j], free[class][i]
		}
	}
	var used [classes]int
	for bit := range to {
		class := classOf(bit)
		to[bit] = free[class][used[class]]
		used[class]++
	}
	return to
}

func inverse(to [Bits]int) (from [Bits]int) {
	for i, place := range to {
		from[place] = i
	}
	return from
}

func newNibbleTable(to [Bits]int) *nibbleTable {
	table := new(nibbleTable)
	for n := range table {
		for v := range table[n] {
			for bit := range 4 {
				if v>>bit&1 == 1 {
					place := to[4*n+bit]
					table[n][v][place>>6] |= 1 << (place & 63)
				}
			}
		}
	}
	return table
}

func (t *nibbleTable) apply(c Code) (p Code) {
	for w, word := range c {
		for n := 16 * w; n < 16*w+16; n++ {
			part := &t[n][word&15]
			p[0] |= part[0]
			p[1] |= part[1]
			p[2] |= part[2]
			p[3] |= part[3]
			word >>= 4
		}
	}
	return p
}

func (c Code) permuted() Code { return permutation.apply(c) }
func (c Code) restored() Code { return restoration.apply(c) }
