package luma

import "encoding/binary"

// meanSpot is one of the blocks of a unit of a scan of means.
type meanSpot struct {
	dc    *huffman // of the component, as the means
	means []int16
	at    int // where in it the next one belongs
	*component
	plane    *plane
	row, off int // of the block in its unit
}

// newSpots lists the blocks of a unit, in the order of the file.
func (p *progression) newSpots(s scan) (spots []meanSpot) {
	for i, c := range s.components {
		plane := &p.means[s.which[i]]
		for y := range c.high {
			for x := range c.wide {
				spots = append(spots, meanSpot{dc: c.dc, means: plane.values, component: c, plane: plane, row: y, off: x})
			}
		}
	}
	return spots
}

// moveTo puts the spot into the unit of that column and row.
func (s *meanSpot) moveTo(column, row int) {
	s.at = (row*s.high+s.row)*s.plane.wide + column*s.wide + s.off
}

// meansARefill is how many means of which the table of values knows lie in a filled window.
const meansARefill = 4

// firstMeans reads the means of so many units of a row but for their low bits, and returns how many could be read. The
// reader is kept in registers, as in [sequential.readUnits].
func (p *progression) firstMeans(spots []meanSpot, low uint, b bits, end, units int) (bits, int) {
	data := p.data
	window, valid, next := b.window, b.valid, b.next
	for unit := range units {
		for i := range spots {
			s := &spots[i]
			if i%meansARefill == 0 {
				window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
				next += int((63 - valid) >> 3)
				valid |= 56
			}
			entry := s.dc.values[window>>(64-valueBits)]
			if entry == 0 {
				after, difference, ok := s.dc.readDC(data, bits{window, valid, next})
				if !ok {
					return after, unit
				}
				window, valid, next = after.window, after.valid, after.next
				entry = difference << 16
			}
			window <<= uint(entry) & 63
			valid -= uint(entry) & 63
			s.mean += entry >> 16
			s.means[s.at] = int16(s.mean << (low & 15))
			s.at += s.wide
		}
		if next*8-int(valid) > end {
			return bits{window, valid, next}, unit
		}
	}
	return bits{window, valid, next}, units
}

// moreMeans reads one bit more of the means of so many units of a row, and returns how many could be read.
func (p *progression) moreMeans(spots []meanSpot, low uint, b bits, end, units int) (bits, int) {
	for unit := range units {
		b = b.refill(p.data) // at most 48 bits are read
		for i := range spots {
			s := &spots[i]
			s.means[s.at] |= int16(b.window>>63) << (low & 15)
			s.at += s.wide
			b = b.skip(1)
		}
		if b.used() > end {
			return b, unit
		}
	}
	return b, units
}
