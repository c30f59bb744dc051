package luma

import "encoding/binary"

// padding follows the data of a scan, so that a refill never checks for its
// end, and a unit that runs over it stays inside: at most 3 components of 4 by 4
// blocks of 64 symbols of 16 bits, with 15 more.
const padding = 3*4*4*64*(16+15)/8 + 8 + 8

// bits reads a scan whose stuffing was removed, highest bit first. The reader is a
// value, so that it stays in registers within a block.
type bits struct {
	// window holds the next bits, the first at the top; below the count valid ones
	// there may be some of those that follow, never others.
	window uint64
	valid  uint
	// next is the position of the first byte that is not counted in valid.
	next int
}

// refill brings the window to at least 56 valid bits.
func (b bits) refill(data []byte) bits {
	b.window |= binary.BigEndian.Uint64(data[b.next:]) >> (b.valid & 63)
	b.next += int((63 - b.valid) >> 3)
	b.valid |= 56
	return b
}

// skip consumes count bits, at most as many as are valid.
func (b bits) skip(count uint) bits {
	b.window <<= count & 63
	b.valid -= count
	return b
}

// used is the number of bits consumed since the beginning of the data.
func (b bits) used() int { return b.next*8 - int(b.valid) }

// at is a reader at the byte of that position.
func at(position int) bits { return bits{next: position} }

// magnitude reads the next bits as those of a coefficient of that size, without
// consuming them.
func (b bits) magnitude(size uint) int32 { return extend(b.window>>1>>(63-size&63), size) }

// extend turns the magnitude bits of a coefficient into its value (T.81, F.2.2.1):
// values whose first bit is 0 are negative.
func extend(magnitude uint64, size uint) int32 {
	value := int32(magnitude)
	if size > 0 && value < 1<<(size-1) {
		value += -1<<size + 1
	}
	return value
}
