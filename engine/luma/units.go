package luma

import "encoding/binary"

// spot is one of the blocks of a unit.
type spot struct {
	values *[1 << valueBits]int32
	skips  *[1 << skipBits]uint16
	line   []float32 // of a row of blocks
	at     int       // where in it the next mean belongs
	row    int       // of blocks in the unit
	*component
}

// newSpots lists the blocks of a unit, in the order of the file: those of which all coefficients are wanted, and those
// of which only the mean is.
func (q *sequential) newSpots(means bool) {
	for i, c := range q.scan.components {
		for y := range c.high {
			for x := range c.wide {
				s := spot{&c.dc.values, &c.ac.skips, q.lines[i][y], x, y, c}
				if i == 0 && !means {
					c.ac.withPairs()
					q.whole = append(q.whole, s)
				} else {
					q.means = append(q.means, s)
				}
			}
		}
	}
}

// moveTo puts the spot into the unit of that column.
func (s *spot) moveTo(column int) { s.at = column*s.wide + s.at%s.wide }

// put takes the difference of a mean to the one before it.
func (s *spot) put(difference int32) (mean float32) {
	s.mean += difference
	mean = float32(s.mean) * s.scale
	s.line[s.at] = mean
	s.at += s.wide
	return mean
}

// readUnits reads the units from one to before the other of a row, and returns how many could be
// read.
func (q *sequential) readUnits(b bits, end, from, to int) (bits, int) {
	for i := range q.whole {
		q.whole[i].moveTo(from)
	}
	for i := range q.means {
		q.means[i].moveTo(from)
	}
	w, ok := walk{bits: b.refill(q.data)}, true
	for unit := from; unit < to; unit++ {
		for i := range q.whole {
			if !q.readWhole(&w, &q.whole[i]) {
				return w.bits, unit - from
			}
		}
		if w.bits, ok = readMeans(q.data, w.bits, q.means); !ok || w.used() > end {
			return w.bits, unit - from
		}
	}
	return w.bits, to - from
}

// readWhole reads a block and adds it, also what comes before a damage.
func (q *sequential) readWhole(w *walk, s *spot) (ok bool) {
	entry := s.values[w.window>>(64-valueBits)]
	w.bits = w.refill(q.data)
	if entry == 0 {
		if w.bits, entry, ok = s.dc.readDC(q.data, w.bits); !ok {
			return false
		}
		entry <<= 16
	}
	w.bits = w.skip(uint(entry) & 63)
	mean, column, before := s.put(entry>>16), s.at-s.wide, w.bits
	if q.lanes != nil {
		ok = q.lanes[column].read(w, q.data, s.ac, &q.steps, &q.frequencies[s.row])
	} else {
		q.block.count = 0
		w.bits, ok = s.ac.readAC(q.data, w.bits, &q.block)
		w.energy = q.add(&q.block, column, s.row)
	}
	if ok && mayLeaveRange(mean, w.energy) { // seldom: it is read again
		q.block.count = 0
		q.block.add(0, s.mean)
		s.ac.readAC(q.data, before, &q.block)
		q.clamp(&q.block, column, s.row)
	}
	return ok
}

// readMeans reads blocks of which only the mean is wanted, and goes past the rest. Bits and tables are taken by hand here,
// without a call, so that the reader stays in registers from block to block. Each table is asked before a refill, which
// is done by the time that it answers: there are always enough bits for that.
func readMeans(data []byte, b bits, spots []spot) (bits, bool) {
	window, valid, next := b.window, b.valid, b.next
	for i := range spots {
		s := &spots[i]
		entry := s.values[window>>(64-valueBits)]
		window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
		next += int((63 - valid) >> 3)
		valid |= 56
		if entry == 0 {
			after, difference, ok := s.dc.readDC(data, bits{window, valid, next})
			if !ok {
				return after, false
			}
			window, valid, next = after.window, after.valid, after.next
			entry = difference << 16
		}
		window <<= uint(entry) & 63
		valid -= uint(entry) & 63
		s.put(entry >> 16)
		place, skips := uint(1), s.skips
		var skip, after uint
		for {
			skip = uint(skips[window>>(64-skipBits)])
			window |= binary.BigEndian.Uint64(data[next:next+8:next+8]) >> (valid & 63)
			next += int((63 - valid) >> 3)
			valid |= 56
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
		}
		if after-skipEnd < 64 {
			window <<= skip & 63
			valid -= skip & 63
			continue
		}
		slow, ok := s.ac.skipSlowly(data, bits{window, valid, next}, place)
		if !ok {
			return slow, false
		}
		window, valid, next = slow.window, slow.valid, slow.next
	}
	return bits{window, valid, next}, true
}
