package luma

// sequential reads a baseline or extended scan of all components, unit by unit.
type sequential struct {
	*file
	scan  scan
	data  []byte
	lines *lines
	spots []spot // when only the means are wanted
	*reducer
}

// readSequential reduces the scan that begins here, and returns the share of it that
// could be read.
func (f *file) readSequential(s scan, r *reducer, means bool) float64 {
	data, intervals := f.entropy(nil)
	q := &sequential{file: f, scan: s, data: data, lines: newLines(f), reducer: r}
	for i, c := range s.components {
		c.scale = float32(f.quanta[c.quantum][0]) / blockSide
		if i > 0 || means {
			c.ac.withSkips()
		}
	}
	read := q.wholeUnits
	if means {
		q.newSpots()
		read = q.meanUnits
	}
	total := f.mcusWide * f.mcusHigh
	row := 0
	count := f.units(data, intervals, total, func(b bits, end, from, to int) int {
		for _, c := range s.components {
			c.mean = 0
		}
		for unit := from; unit < to; {
			for ; row < unit/f.mcusWide; row++ {
				q.closeRow(row)
			}
			left := unit % f.mcusWide
			right := min(left+to-unit, f.mcusWide)
			after, some := read(b, end, left, right)
			b, unit = after, unit+some
			if some < right-left {
				return unit - from
			}
		}
		return to - from
	})
	for ; row < f.mcusHigh; row++ {
		q.closeRow(row)
	}
	return float64(count) / float64(total)
}

func (q *sequential) closeRow(row int) {
	for deep := range q.mostHigh {
		q.lines.clip(q.file, deep)
		q.close(row*q.mostHigh+deep, deep, q.lines[0][deep])
	}
	for i := range q.lines {
		for _, line := range q.lines[i] {
			clear(line)
		}
	}
}

// wholeUnits reads the units from one to before the other of a row, and returns how many could be read.
func (q *sequential) wholeUnits(b bits, end, from, to int) (bits, int) {
	for unit := from; unit < to; unit++ {
		var ok bool
		if b, ok = q.unit(b, unit); !ok || b.used() > end {
			return b, unit - from
		}
	}
	return b, to - from
}

// unit reads one unit, the column-th of its row.
func (q *sequential) unit(b bits, column int) (bits, bool) {
	for i, c := range q.scan.components {
		for y := range c.high {
			line := q.lines[i][y]
			for x := column * c.wide; x < (column+1)*c.wide; x++ {
				var difference int32
				var ok bool
				if b, difference, ok = c.dc.readDC(q.data, b); !ok {
					return b, false
				}
				c.mean += difference
				mean := float32(c.mean) * c.scale
				line[x] = mean
				switch {
				case i > 0:
					b, ok = c.ac.skipAC(q.data, b)
				case q.reducer.lanes == nil:
					b, ok = q.listed(b, c, mean, x, y)
				default:
					b, ok = q.block(b, c, mean, x, y)
				}
				if !ok {
					return b, false
				}
			}
		}
	}
	return b, true
}

// listed reads a block and then adds it.
func (q *sequential) listed(b bits, c *component, mean float32, column, deep int) (bits, bool) {
	var block coefficients
	b, ok := c.ac.readAC(q.data, b, &block)
	if ok && mayLeaveRange(mean, q.add(&block, column, deep)) {
		block.add(0, c.mean)
		q.clamp(&block, column, deep)
	}
	return b, ok
}

// block reads a block and adds each coefficient as it comes: while the next one is looked
// up, a processor has nothing else to do.
func (q *sequential) block(b bits, c *component, mean float32, column, deep int) (bits, bool) {
	before := b
	data, code := q.data, c.ac
	into, lane, steps := &q.frequencies[deep], &q.reducer.lanes[column], &q.steps
	a0, a1, a2, a3 := lane.at[0], lane.at[1], lane.at[2], lane.at[3]
	var energy float32
	place := uint(1)
reading:
	for place < 64 {
		b = b.refill(data)
		// Entries of the table take at most 11 bits each, so that three can be looked up
		// before the window has to be filled again.
		for k := 0; k < 3 && place < 64; k++ {
			var zeros uint
			var value int32
			if entry := code.values[b.window>>(64-valueBits)]; entry != 0 {
				b = b.skip(uint(entry & 63))
				zeros, value = uint(entry>>8)&127-1, entry>>16
				if zeros == endOfBlock-1 {
					break reading
				}
			} else {
				var found bool
				if b, zeros, value, found = code.next(b.refill(data)); !found {
					return b, false
				}
				if zeros == endOfBlock {
					break reading
				}
				b = b.refill(data)
			}
			if place += zeros; place > 63 {
				return b, false
			}
			step := &steps[place&63]
			place++
			level := float32(value) * step.quantum
			energy += level * level
			row, weights := &into[step.row&7], &lane.weights[step.column&7]
			row[a0] += level * weights[0]
			row[a1] += level * weights[1]
			row[a2] += level * weights[2]
			row[a3] += level * weights[3]
		}
	}
	if mayLeaveRange(mean, energy) {
		var block coefficients
		code.readAC(data, before, &block)
		block.add(0, c.mean)
		q.clamp(&block, column, deep)
	}
	return b, true
}
