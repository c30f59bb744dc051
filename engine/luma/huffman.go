package luma

import "sync"

// Widths of the look-up tables, in bits, chosen by measurement: what a picture asks most of them stays in the
// first-level cache.
const (
	valueBits = 11
	pairBits  = 12
	skipBits  = 13
)

// Advances in entries of [huffman.values], beyond every place: of an end of block, and, in codes of AC, of windows
// that do not hold a symbol with its magnitude.
const (
	endOfBlock = 128
	unknown    = 64
)

// Advances in a [huffman.skips] entry: skipEnd is added when an end of block follows, and skipUnknown stands for
// windows that do not hold even one symbol.
const (
	skipEnd     = 128
	skipUnknown = 64
)

// mostSkipped is how many bits one step takes at most: after two of them there are still enough of the 56 bits of a
// refill to ask a table.
const mostSkipped = (56 - skipBits) / 2

// huffman is one code, with tables for what is done with it.
type huffman struct {
	// values gives for the next 11 bits the first symbol with its magnitude, when
	// both lie within them: in bits 0 to 5 the bits they take, in bits 8 to 15
	// the advance in the zigzag order, above them the coefficient. Where they do not,
	// those of DC are 0.
	values [1 << valueBits]int32
	// symbols gives for the next 11 bits the length of the first code in bits 8 and
	// up, and its symbol below; 0: it is longer.
	symbols [1 << valueBits]uint16
	// skips gives for the next 13 bits how far one can go in one step: in bits 0 to 5 the bits
	// taken, above them the advance. Both ends of the step, that of the block and that of
	// what the table knows, are advances beyond the block, so that one comparison finds them.
	skips [1 << skipBits]uint16

	// steps and pairs give for the next 12 bits the coefficients that lie within them, at most two: steps in bits 0 to 5 the
	// bits they take, in 6 and 7 how many they are, in 8 and up the advance; pairs as the list of
	// [coefficients] has them, the places counted from the last coefficient before.
	steps [1 << pairBits]uint16
	pairs [1 << pairBits][2]int32

	// Canonical decoding of longer codes (T.81, F.2.2.3).
	last    [18]int32 // greatest code of each length, -1: none
	first   [17]int32 // what is added to a code of the length to get its index
	listed  [256]uint8
	skipped sync.Once
	paired  sync.Once
}

// kind is what the symbols of a code say.
type kind uint8

const (
	ofDC kind = iota // the number of magnitude bits
	ofAC             // run and number of magnitude bits
)

// newHuffman builds the tables of a code from the counts of codes of each length
// and their symbols. ok is false when the counts fit no code.
func newHuffman(class kind, counts *[16]uint8, symbols []uint8) (h *huffman, ok bool) {
	h = &huffman{}
	copy(h.listed[:], symbols)
	if class == ofAC {
		for w := range h.values {
			h.values[w] = unknown << 8
		}
	}
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.first[length] = index - code
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, false
			}
			if length <= valueBits {
				h.enter(class, uint32(code), uint(length), symbols[index])
			}
			code++
			index++
		}
		h.last[length] = code - 1
		if counts[length-1] == 0 {
			h.last[length] = -1
		}
		code <<= 1
	}
	h.last[17] = 1 << 30
	return h, true
}

// enter fills the entries that begin with a code.
func (h *huffman) enter(class kind, code uint32, length uint, symbol uint8) {
	rest := valueBits - length
	from := code << rest
	for w := from; w < from+1<<rest; w++ {
		h.symbols[w] = uint16(length)<<8 | uint16(symbol)
	}
	size, advance := uint(symbol), int32(0)
	if class == ofAC {
		size, advance = uint(symbol&15), int32(symbol>>4)+1
		if size == 0 && symbol>>4 != 15 {
			advance = endOfBlock
		}
	}
	if size > rest {
		return
	}
	rest -= size
	for magnitude := range uint32(1) << size {
		value := extend(uint64(magnitude), size)
		entry := value<<16 | advance<<8 | int32(length+size)
		from := (code<<size | magnitude) << rest
		for w := from; w < from+1<<rest; w++ {
			h.values[w] = entry
		}
	}
}

// symbol reads the next code. Found is false when the bits are no code.
func (h *huffman) symbol(b bits) (symbol uint8, length uint, found bool) {
	if entry := h.symbols[b.window>>(64-valueBits)]; entry != 0 {
		return uint8(entry), uint(entry >> 8), true
	}
	for length := uint(valueBits + 1); length <= 16; length++ {
		code := int32(b.window >> (64 - length))
		if code <= h.last[length] {
			return h.listed[uint8(code+h.first[length])], length, true
		}
	}
	return 0, 16, false
}

// withSkips fills the table of skips on first use: a picture of which all
// coefficients are wanted needs it for chroma only.
func (h *huffman) withSkips() *huffman {
	h.skipped.Do(func() {
		for w := range uint32(1 << skipBits) {
			h.skips[w] = h.skip(w)
		}
	})
	return h
}

// skip is how far the symbols go whose codes lie within a window.
func (h *huffman) skip(window uint32) uint16 {
	var taken, advance uint
	for taken < skipBits {
		b := bits{window: uint64(window) << (64 - skipBits + taken)}
		symbol, length, found := h.symbol(b)
		if !found || taken+length > skipBits {
			break
		}
		size := uint(symbol & 15)
		if size == 0 && symbol>>4 != 15 {
			return uint16(taken + length | (advance+skipEnd)<<6)
		}
		if advance+uint(symbol>>4)+1 > 63 || taken+length+size > mostSkipped {
			break
		}
		taken += length + size
		advance += uint(symbol>>4) + 1
	}
	if taken == 0 {
		return skipUnknown << 6
	}
	return uint16(taken | advance<<6)
}

// withPairs fills the tables of pairs on first use.
func (h *huffman) withPairs() *huffman {
	h.paired.Do(func() {
		for w := range uint32(1 << pairBits) {
			h.steps[w], h.pairs[w] = h.pair(w)
		}
	})
	return h
}

// pair are the coefficients that lie within a window.
func (h *huffman) pair(window uint32) (step uint16, pair [2]int32) {
	b := bits{window: uint64(window) << (64 - pairBits), valid: pairBits}
	place, count := uint(0), uint(0)
	for {
		after, zeros, value, found := h.next(b)
		switch within := found && after.valid <= pairBits; {
		case within && zeros == endOfBlock:
			return uint16(pairBits - after.valid | count<<6 | (place+endOfBlock)<<8), pair
		case !within || count == 2:
			if count == 0 {
				place = unknown
			}
			return uint16(pairBits - b.valid | count<<6 | place<<8), pair
		}
		place += zeros + 1
		pair[count] = value<<8 | int32(place)
		b = after
		count++
	}
}
