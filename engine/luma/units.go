package luma

import "encoding/binary"

// spot is one of the blocks of a unit.
type spot struct {
	values *[1 << valueBits]int32
	skips  *[1 << skipBits]uint16
	line   []float32 // of a row of blocks
	at     int       // where in it the next mean belongs
	row    int       // of blocks in the unit
	whole  bool      // all coefficients are wanted, not just the mean
	*component
}

// newSpots lists the blocks of a unit, in the order of the file.
func (q *sequential) newSpots(means bool) {
	for i, c := range q.scan.components {
		for y := range c.high {
			for x := range c.wide {
				q.spots = append(q.spots, spot{&c.dc.values, &c.ac.skips, q.lines[i][y], x, y, i == 0 && !means, c})
			}
		}
	}
}

// readUnits reads the units from one to before the other of a row, and returns how many could be
// read. Bits and tables are taken by hand here, without a call, so that the reader stays in registers from
// block to block.
func (q *sequential) readUnits(b bits, end, from, to int) (bits, int) {
	var block coefficients
	data := q.data
	for i := range q.spots {
		s := &q.spots[i]
		s.at = from*s.wide + s.at%s.wide
	}
	window, valid, next := b.window, b.valid, b.next
	for unit := from; unit < to; unit++ {
		for i := range q.spots {
			s := &q.spots[i]
			window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
			next += int((63 - valid) >> 3)
			valid |= 56
			entry := s.values[window>>(64-valueBits)]
			if entry == 0 {
				after, difference, ok := s.dc.readDC(data, bits{window, valid, next})
				if !ok {
					return after, unit - from
				}
				window, valid, next = after.window, after.valid, after.next
				entry = difference << 16
			}
			window <<= uint(entry) & 63
			valid -= uint(entry) & 63
			s.mean += entry >> 16
			mean := float32(s.mean) * s.scale
			s.line[s.at] = mean
			s.at += s.wide
			if s.whole {
				block.count = 0
				after, ok := s.ac.readAC(data, bits{window, valid, next}, &block)
				if !ok {
					q.add(&block, s.at-s.wide, s.row) // what was read before the damage
					return after, unit - from
				}
				window, valid, next = after.window, after.valid, after.next
				q.addBlock(&block, s, mean, s.at-s.wide)
				continue
			}
			// A mean and two steps take no more than the window holds.
			place, skips := uint(1), s.skips
			var skip, after uint
			for {
				skip = uint(skips[window>>(64-skipBits)])
				if after = place + skip>>6; after > 63 {
					break
				}
				window <<= skip & 63
				valid -= skip & 63
				place = after
				skip = uint(skips[window>>(64-skipBits)])
				if after = place + skip>>6; after > 63 {
					break
				}
				window <<= skip & 63
				valid -= skip & 63
				place = after
				window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
				next += int((63 - valid) >> 3)
				valid |= 56
			}
			if after-skipEnd < 64 {
				window <<= skip & 63
				valid -= skip & 63
				continue
			}
			slow, ok := s.ac.skipSlowly(data, bits{window, valid, next}, place)
			if !ok {
				return slow, unit - from
			}
			window, valid, next = slow.window, slow.valid, slow.next
		}
		if next*8-int(valid) > end {
			return bits{window, valid, next}, unit - from
		}
	}
	return bits{window, valid, next}, to - from
}
