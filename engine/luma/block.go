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
	list  [64]int32
	count int
}

// add puts one more into the list.
func (c *coefficients) add(place uint, value int32) {
	c.list[c.count&63] = value<<8 | int32(place&63)
	c.count++
}

func (c *coefficients) all() []int32 { return c.list[:min(c.count, len(c.list))] }

// readDC reads the difference of a block's mean to the one before it (T.81,
// F.2.2.1). The last result is false when the data are no code. It leaves enough bits in
// the window for two steps through [huffman.skips].
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
// stay in registers.
func (h *huffman) readAC(data []byte, b bits, into *coefficients) (bits, bool) {
	window, valid, next := b.window, b.valid, b.next
	place, count := uint(0), into.count
	for {
		window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
		next += int((63 - valid) >> 3)
		valid |= 56
		entry := uint(h.values[window>>(64-valueBits)])
		after := place + entry>>8&255
		if after < 63 {
			into.list[count&63] = int32(entry)>>8&^255 | int32(after)
			count++
			window <<= entry & 63
			valid -= entry & 63
			place = after
			// A second one is in the window as well.
			entry = uint(h.values[window>>(64-valueBits)])
			if after = place + entry>>8&255; after < 63 {
				into.list[count&63] = int32(entry)>>8&^255 | int32(after)
				count++
				window <<= entry & 63
				valid -= entry & 63
				place = after
				continue
			}
		}
		if after >= endOfBlock {
			into.count = count
			return bits{window, valid, next}.skip(entry & 63), true
		}
		rest, zeros, value, found := h.next(bits{window, valid, next}.refill(data))
		if !found || zeros == endOfBlock {
			into.count = count
			return rest, found
		}
		window, valid, next = rest.window, rest.valid, rest.next
		if place += zeros + 1; place > 63 {
			into.count = count
			return rest, false
		}
		into.list[count&63] = value<<8 | int32(place)
		if count++; place == 63 {
			into.count = count
			return rest, true
		}
	}
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
