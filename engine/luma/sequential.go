package luma

// sequential reads a baseline or extended scan of all components.
type sequential struct {
	*file
	scan  scan
	data  []byte
	lines *lines
	// whole and means are the blocks of a unit.
	whole, means []spot
	block        coefficients
	*reducer
}

// readSequential reduces the scan that begins here, and returns the share of it that
// could be read.
func (f *file) readSequential(s scan, r *reducer, means bool) float64 {
	data, intervals := f.entropy(borrow())
	defer giveBack(data)
	q := &sequential{file: f, scan: s, data: data, lines: newLines(f), reducer: r}
	for i, c := range s.components {
		c.scale = float32(f.quanta[c.quantum][0]) / blockSide
		if i > 0 || means {
			c.ac.withSkips()
		}
	}
	q.newSpots(means)
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
			after, some := q.readUnits(b, end, left, right)
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
