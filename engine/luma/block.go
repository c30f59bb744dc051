package luma

import "encoding/binary"

// zigzag gives the row and the column of the frequency of each coefficient, in the order
// of the file (T.81, figure A.6), as 8*row + column.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// coefficients are the non-zero ones of a block, and some that are zero, as
// value<<8 | place in the zigzag order.
type coefficients struct {
	list  [128]int32 // longer than a block, as indexes are masked instead of checked
	count int
}

// add puts one more into the list.
func (c *coefficients) add(place uint, value int32) {
	c.list[c.count&127] = value<<8 | int32(place&63)
	c.count++
}

func (c *coefficients) all() []int32 { return c.list[:min(c.count, len(c.list))] }

// stepsARefill is how many steps through [huffman.steps] follow a refill: what it leaves is enough to ask a table.
const stepsARefill = 56/pairBits - 1

// readDC reads the difference of a block's mean to the one before it (T.81,
// F.2.2.1). The last result is false when the data are no code. It leaves enough bits in
// the window to ask any table.
func (h *huffman) readDC(data []byte, b bits) (bits, int32, bool) {
	b = b.refill(data)
	if entry := h.values[b.window>>(64-valueBits)]; entry != 0 {
		return b.skip(uint(entry & 63)), entry >> 16, true
	}
	symbol, length, found := h.symbol(b)
	size := uint(symbol)
	if !found || size > 15 {
		return b, 0, false
	}
	b = b.skip(length)
	return b.skip(size).refill(data), b.magnitude(size), true
}

// next reads one coefficient that the table of values does not hold. A count of
// zeros beyond the block is its end.
func (h *huffman) next(b bits) (after bits, zeros uint, value int32, found bool) {
	symbol, length, found := h.symbol(b)
	if !found {
		return b, 0, 0, false
	}
	b = b.skip(length)
	zeros, size := uint(symbol>>4), uint(symbol&15)
	if size == 0 && zeros != 15 {
		return b, endOfBlock, 0, true
	}
	return b.skip(size), zeros, b.magnitude(size), true
}

// readAC lists the coefficients of a block from place 1 on. The last result is
// false when the data are no code, or lead beyond the block. The reader is taken apart here to
// stay in registers. It has to hold enough bits to ask a table.
func (h *huffman) readAC(data []byte, b bits, into *coefficients) (after bits, ok bool) {
	h.withPairs()
	window, valid, next := b.window, b.valid, b.next
	place, count := uint(0), into.count
	for {
		at := window >> (64 - pairBits)
		window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
		next += int((63 - valid) >> 3)
		valid |= 56
		var step, after uint
		for range stepsARefill {
			step = uint(h.steps[at])
			pair := &h.pairs[at]
			// Both are written, and kept as far as they are there.
			into.list[count&127] = pair[0] + int32(place)
			into.list[(count+1)&127] = pair[1] + int32(place)
			if after = place + step>>8; after > 62 {
				break
			}
			count += int(step >> 6 & 3)
			window <<= step & 63
			valid -= step & 63
			place = after
			at = window >> (64 - pairBits)
		}
		if after <= 62 {
			continue
		}
		b = bits{window, valid, next}
		if after-endOfBlock < 63 {
			into.count = count + int(step>>6&3)
			return b.skip(step & 63), true
		}
		into.count = count
		var value int32
		var ended bool
		b, place, value, ended, ok = h.readOne(data, b, place)
		into.add(place, value)
		if ended {
			return b, ok
		}
		window, valid, next, count = b.window, b.valid, b.next, into.count
	}
}

// readOne reads a coefficient that the table of steps does not hold: its place, and its value, or the place before and 0. It
// reports whether the block ends there, and whether the data are a code that does not lead beyond it.
func (h *huffman) readOne(data []byte, b bits, place uint) (after bits, at uint, value int32, ended, ok bool) {
	after, zeros, value, found := h.next(b.refill(data))
	if !found || zeros == endOfBlock {
		return after, place, 0, true, found
	}
	if at = place + zeros + 1; at > 63 {
		return after, place, 0, true, false
	}
	return after, at, value, at == 63, true
}

// skipSlowly goes past the coefficients of a block from a place on, one at a step: where a code is longer than the
// table of skips is wide, and where a block ends with its last coefficient.
func (h *huffman) skipSlowly(data []byte, b bits, place uint) (bits, bool) {
	for place < 64 {
		after, zeros, _, found := h.next(b.refill(data))
		b = after
		if !found || zeros == endOfBlock {
			return b.refill(data), found
		}
		place += zeros + 1
	}
	return b.refill(data), place == 64
}
