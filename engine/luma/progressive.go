package luma

import words "math/bits"

// progression collects the scans of a progressive file (T.81, annex G).
type progression struct {
	*file
	wanted wanted
	// means are the first coefficients of all blocks, by component.
	means [3]plane
	// waves are all 64 coefficients of each block in the zigzag order, the first unused;
	// empty where they are not wanted.
	waves [3]plane
	// filled has for each block a bit for each of its waves that is not zero: few are, and
	// a file comes back to them scan after scan.
	filled [3][]uint64
	data   []byte
	// scans of the luminance so far, and the least share of one that could be read.
	scans int
	share float64
}

// wanted is what is to be read of a progressive file.
type wanted struct {
	waves   bool // of the luminance, beside its means
	colours bool // the waves of the colours too
}

// plane are the coefficients of a component, a number for each block.
type plane struct {
	wide, high int // blocks, with those that only fill up units
	each       int
	values     []int16
}

func newPlane(wide, high, each int) plane {
	return plane{wide, high, each, make([]int16, wide*high*each)}
}

func (p *plane) block(x, y int) []int16 {
	from := (y*p.wide + x) * p.each
	return p.values[from : from+p.each]
}

func (f *file) newProgression(wanted wanted) *progression {
	p := &progression{file: f, wanted: wanted, share: 1}
	for i, c := range f.components {
		p.means[i] = newPlane(f.mcusWide*c.wide, f.mcusHigh*c.high, 1)
		if wanted.waves && (i == 0 || wanted.colours) {
			p.waves[i] = newPlane(p.means[i].wide, p.means[i].high, 64)
			p.filled[i] = make([]uint64, p.means[i].wide*p.means[i].high)
		}
	}
	return p
}

// readAll reads scans from the first on, as far as they are wanted. What comes before a
// damage, or the end of the file, is a picture.
func (p *progression) readAll(s scan) (err error) {
	p.data = borrow()
	defer func() { giveBack(p.data) }()
	for {
		if err := p.scan(s); err != nil {
			return err
		}
		if p.done(s) {
			return nil
		}
		if s, err = p.nextScan(); err != nil {
			if p.any() {
				return nil
			}
			return err
		}
	}
}

// any reports whether something of the luminance was read.
func (p *progression) any() bool { return p.scans > 0 }

// done reports whether all that is wanted was read: the last bit of the means.
func (p *progression) done(s scan) bool {
	return !p.wanted.waves && s.from == 0 && s.low == 0 && len(s.components) == len(p.components)
}

// scan reads one scan, or goes past it when nothing in it is wanted.
func (p *progression) scan(s scan) error {
	if s.from > 0 && len(p.waves[s.which[0]].values) == 0 {
		p.pass()
		return nil
	}
	for _, c := range s.components {
		if s.from == 0 && s.high == 0 && c.dc == nil || s.from > 0 && c.ac == nil || !p.defined[c.quantum] {
			return damaged("a table is missing")
		}
	}
	var intervals []interval
	p.data, intervals = p.entropy(p.data)
	read, total := 0, p.mcusWide*p.mcusHigh
	if len(s.components) > 1 {
		spots := p.newSpots(s)
		read = p.units(p.data, intervals, total, func(b bits, end, from, to int) int {
			return p.interleaved(s, spots, b, end, from, to)
		})
	} else {
		c := s.components[0]
		wide := (p.width*c.wide + blockSide*p.mostWide - 1) / (blockSide * p.mostWide)
		high := (p.height*c.high + blockSide*p.mostHigh - 1) / (blockSide * p.mostHigh)
		total = wide * high
		read = p.units(p.data, intervals, total, func(b bits, end, from, to int) int {
			return p.alone(s, wide, b, end, from, to)
		})
	}
	if s.luma() {
		p.scans++
		p.share = min(p.share, float64(read)/float64(total))
	}
	return nil
}

// interleaved reads means of several components in the units from one to before the
// other, and returns how many it could read.
func (p *progression) interleaved(s scan, spots []meanSpot, b bits, end, from, to int) int {
	for _, c := range s.components {
		c.mean = 0
	}
	for unit := from; unit < to; {
		left, top := unit%p.mcusWide, unit/p.mcusWide
		right := min(left+to-unit, p.mcusWide)
		for i := range spots {
			spots[i].moveTo(left, top)
		}
		var some int
		if s.high > 0 {
			b, some = p.moreMeans(spots, s.low, b, end, right-left)
		} else {
			b, some = p.firstMeans(spots, s.low, b, end, right-left)
		}
		if unit += some; some < right-left {
			return unit - from
		}
	}
	return to - from
}

// alone reads a scan of one component, block by block, without those that only fill up
// units (T.81, A.2.2).
func (p *progression) alone(s scan, wide int, b bits, end, from, to int) int {
	c := s.components[0]
	c.mean = 0
	plane, waves, filled := &p.means[s.which[0]], &p.waves[s.which[0]], p.filled[s.which[0]]
	run := uint(0) // blocks that have nothing new any more
	x, y := from%wide, from/wide
	for unit := from; unit < to; unit++ {
		ok := true
		switch {
		case s.from == 0:
			b, ok = p.mean(b, s, c, &plane.block(x, y)[0])
		case s.high == 0:
			if run > 0 {
				run--
				break
			}
			b, run, ok = p.wave(b, s, c.ac, waves.block(x, y), &filled[y*waves.wide+x])
		default:
			b, run, ok = p.refine(b, s, c.ac, waves.block(x, y), &filled[y*waves.wide+x], run)
		}
		if !ok || b.used() > end {
			return unit - from
		}
		if x++; x == wide {
			x, y = 0, y+1
		}
	}
	return to - from
}

// mean reads the mean of a block in a scan of one component, or one bit more of it.
func (p *progression) mean(b bits, s scan, c *component, into *int16) (bits, bool) {
	if s.high > 0 {
		b = b.refill(p.data)
		*into |= int16(b.window>>63) << s.low
		return b.skip(1), true
	}
	b, difference, ok := c.dc.readDC(p.data, b)
	c.mean += difference
	*into = int16(c.mean << s.low)
	return b, ok
}

// wave reads coefficients of a block for the first time (T.81, G.1.2.2).
func (p *progression) wave(b bits, s scan, code *huffman, block []int16, filled *uint64) (bits, uint, bool) {
	put := func(place int, value int32) {
		block[place&63] = int16(value << s.low)
		if *filled &^= 1 << (place & 63); block[place&63] != 0 {
			*filled |= 1 << (place & 63)
		}
	}
	for place := s.from; place <= s.to; place++ {
		b = b.refill(p.data)
		if entry := code.values[b.window>>(64-valueBits)]; entry>>8&255 < unknown {
			b = b.skip(uint(entry & 63))
			place += int(entry>>8&255) - 1
			if place > s.to {
				return b, 0, false
			}
			put(place, entry>>16)
			continue
		}
		symbol, length, found := code.symbol(b)
		if !found {
			return b, 0, false
		}
		b = b.skip(length)
		zeros, size := uint(symbol>>4), uint(symbol&15)
		if size == 0 && zeros < 15 {
			run := 1<<zeros - 1 + uint(b.window>>1>>(63-zeros))
			return b.skip(zeros), run, true
		}
		if place += int(zeros); place > s.to {
			return b, 0, false
		}
		put(place, b.magnitude(size))
		b = b.skip(size)
	}
	return b, 0, true
}

// refine reads one bit more of the coefficients of a block, and new ones
// (T.81, G.1.2.3).
func (p *progression) refine(b bits, s scan, code *huffman, block []int16, filled *uint64, run uint) (bits, uint, bool) {
	place := s.from
	if run == 0 {
		for ; place <= s.to; place++ {
			b = b.refill(p.data)
			symbol, length, found := code.symbol(b)
			if !found {
				return b, 0, false
			}
			b = b.skip(length)
			zeros, size := int(symbol>>4), symbol&15
			fresh := int16(0)
			switch {
			case size == 1:
				fresh = (int16(b.window>>63)<<1 - 1) << (s.low & 15) // 1 is positive
				b = b.skip(1)
			case size > 1:
				return b, 0, false
			case zeros < 15:
				run = 1<<zeros + uint(b.window>>1>>(63-uint(zeros)))
				b = b.skip(uint(zeros))
			}
			if run > 0 {
				break
			}
			b, place = p.correct(b, block, *filled, place, s.to, zeros, s.low)
			if fresh != 0 {
				if place > s.to {
					return b, 0, false
				}
				block[place&63] = fresh
				*filled |= 1 << (place & 63)
			}
		}
	}
	if run == 0 {
		return b, 0, true
	}
	b, _ = p.correct(b, block, *filled, place, s.to, 64, s.low)
	return b, run - 1, true
}

// correct reads a bit for each coefficient that is not zero, from a place on, until it
// has passed a number of zeros and stands at the next, or at the end.
func (p *progression) correct(b bits, block []int16, filled uint64, place, to, zeros int, low uint) (bits, int) {
	one := int16(1) << (low & 15)
	filled = filled >> (place & 63) << (place & 63) & (2<<(to&63) - 1)
	for left := 0; filled != 0; filled &= filled - 1 {
		at := words.TrailingZeros64(filled)
		if zeros < at-place {
			break
		}
		zeros -= at - place
		place = at + 1
		if left == 0 {
			b, left = b.refill(p.data), 56
		}
		left--
		// A bit of 1 moves it away from zero, unless it is there already; nothing of this can be foreseen, so there is no branch.
		value := block[at]
		sign := value >> 15
		block[at] = value + (one^sign-sign)&-(int16(b.window>>63)&^(value>>(low&15)&1))
		b = b.skip(1)
	}
	return b, min(place+zeros, to+1)
}

// reduce hands all blocks to a reducer.
func (p *progression) reduce(r *reducer) {
	lines := newLines(p.file)
	for y := range p.means[0].high {
		for i, c := range p.components {
			if y*c.high%p.mostHigh >= c.high {
				continue // the row of colours goes on
			}
			quantum := float32(p.quanta[c.quantum][0]) / blockSide
			plane := &p.means[i]
			line := lines[i][0]
			for x, value := range plane.values[y*c.high/p.mostHigh*plane.wide:][:len(line)] {
				line[x] = float32(value) * quantum
			}
		}
		if p.wanted.waves {
			p.reduceWaves(r, y, lines[0][0])
		}
		lines.clip(p.file, 0)
		r.close(y, 0, lines[0][0])
	}
}

// reduceWaves hands over a row of blocks but their means.
func (p *progression) reduceWaves(r *reducer, y int, means []float32) {
	var block coefficients
	for x, mean := range means {
		block.count = 0
		values := p.waves[0].block(x, y)
		for filled := p.filled[0][y*p.waves[0].wide+x]; filled != 0; filled &= filled - 1 {
			place := words.TrailingZeros64(filled)
			block.add(uint(place), int32(values[place]))
		}
		if energy := r.add(&block, x, 0); mayLeaveRange(mean, energy) {
			block.add(0, int32(p.means[0].block(x, y)[0]))
			r.clamp(&block, x, 0)
		}
	}
}
