package luma

// overflow is how far, in levels, a level may lie outside the range of 0 to 255 before it
// matters. Half a level is lost to rounding anyhow.
const overflow = 0.5

// spreads is the square of how many standard deviations from the mean of a block its
// levels are taken to lie at most: where that leaves the range, the block
// is transformed to see whether they do. Fewer make larger errors in overexposed pictures,
// more transform blocks for nothing: at 2.5, one in fifty of photographs.
const spreads = 2.5 * 2.5

// strip sums one row of blocks: for each frequency, or each pixel, down the block, what is
// weighted along the row into the cells of all operators. Its rows are as long as a
// byte can index.
type strip [blockSide][256]float32

// stripRow is the length of its rows in bytes.
const stripRow = 256 * 4

// reduction is one operator at work.
type reduction struct {
	*table
	base int // of its cells in a strip
	out  [][]float32
}

// reducer applies operators to blocks as they come.
type reducer struct {
	reductions []reduction
	lanes      []lane // for each column of blocks; none when there are too few lanes
	// steps are those of all places.
	steps [64]step
	// waves is how many frequencies down a block are read: one when only its mean is.
	waves int
	// For each row of blocks that is read at a time.
	frequencies, pixels []strip
	dirty               []bool // pixels hold something
	levels              [blockSide * blockSide]int32
}

// step is the quantum of a place, and where the row and the weights of its frequency begin in a strip and in
// a lane, in bytes.
type step struct {
	quantum     float32
	strip, lane uint16
}

func newStep(place int, quantum uint16) step {
	row, column := zigzag[place]>>3, zigzag[place]&7
	return step{float32(quantum), uint16(row) * stripRow, uint16(column) * lanes * 4}
}

// newReducer prepares for a picture of columns by rows blocks, of which deep rows are
// read at a time, and of each block only its mean or all.
func newReducer(operators []*Operator, columns, rows, deep int, quantum *[64]uint16, means bool) *reducer {
	r := &reducer{
		reductions: make([]reduction, len(operators)), waves: blockSide,
		frequencies: make([]strip, deep), pixels: make([]strip, deep), dirty: make([]bool, deep),
	}
	for place, q := range quantum {
		r.steps[place] = newStep(place, q)
	}
	if means {
		r.waves = 1
	}
	for i, o := range operators {
		n := &r.reductions[i]
		*n = reduction{table: o.of(rows, columns, r.waves), base: i * (MaxCells + lanes)}
		n.out = make([][]float32, len(o.Rows))
		for y := range n.out {
			n.out[y] = make([]float32, len(o.Columns))
		}
	}
	if !means {
		r.lanes = r.newLanes(columns)
	}
	return r
}

// add takes the coefficients of a block but its mean, in a column of blocks and in one of
// the rows that are read at a time. The energy is the sum of their squares.
func (r *reducer) add(c *coefficients, column, deep int) (energy float64) {
	if r.lanes != nil {
		return r.lanes[column].add(c.all(), &r.steps, &r.frequencies[deep])
	}
	into := &r.frequencies[deep]
	for _, packed := range c.all() {
		value := float32(packed>>8) * r.steps[packed&63].quantum
		energy += float64(value) * float64(value)
		frequency := zigzag[packed&63]
		row := &into[frequency>>3&7]
		for i := range r.reductions {
			n := &r.reductions[i]
			at := n.base + n.columns.blocks[column].first
			for k, w := range n.columns.of(n.columns.frequencies, column, int(frequency&7)) {
				row[(at+k)&255] += value * w
			}
		}
	}
	return energy
}

// mayLeaveRange reports whether levels of a block of such a mean, less 128, may lie outside
// of 0 to 255. By Parseval's theorem the energy of its other coefficients is their
// spread.
func mayLeaveRange(mean float32, energy float64) bool {
	room := 128 + overflow - float64(max(mean, -mean))
	return energy*(spreads/64) > room*max(room, -room)
}

// clamp adds what bringing the levels of a block into their range changes.
func (r *reducer) clamp(c *coefficients, column, deep int) {
	if !r.leavesRange(c) {
		return
	}
	r.dirty[deep] = true
	into := &r.pixels[deep]
	for i := range r.reductions {
		n := &r.reductions[i]
		at := n.base + n.columns.blocks[column].first
		for x := range blockSide {
			for k, w := range n.columns.of(n.columns.pixels, column, x) {
				for y := range blockSide {
					into[y][(at+k)&255] += w * float32(r.levels[y*blockSide+x])
				}
			}
		}
	}
}

// leavesRange transforms a block, with its mean, to levels, and keeps by how much bringing
// each into its range moves it. It reports whether that moves any.
func (r *reducer) leavesRange(c *coefficients) bool {
	r.levels = [blockSide * blockSide]int32{}
	for _, packed := range c.all() {
		r.levels[zigzag[packed&63]] = packed >> 8 * int32(r.steps[packed&63].quantum)
	}
	toLevels(&r.levels)
	moved := int32(0)
	for i, level := range r.levels {
		r.levels[i] = min(max(level, 0), 255) - level
		moved |= r.levels[i]
	}
	return moved != 0
}

// close takes the means of a row of blocks, in levels less 128, and weights what
// was summed of the row into the cells.
func (r *reducer) close(row, deep int, means []float32) {
	frequencies := r.frequencies[deep][:r.waves]
	for i := range r.reductions {
		n := &r.reductions[i]
		for cell := range n.means {
			frequencies[0][n.base+cell] += n.means[cell].weighted(means)
		}
		n.close(frequencies, n.rows.frequencies, row)
		if r.dirty[deep] {
			n.close(r.pixels[deep][:], n.rows.pixels, row)
		}
	}
	clear(frequencies)
	if r.dirty[deep] {
		r.pixels[deep] = strip{}
		r.dirty[deep] = false
	}
}

func (n *reduction) close(from [][256]float32, weights []float32, row int) {
	first := n.rows.blocks[row].first
	for k := range from {
		sums := from[k][n.base:][:n.columns.cells]
		for c, w := range n.rows.of(weights, row, k) {
			out := n.out[first+c][:len(sums)]
			for j, sum := range sums {
				out[j] += w * sum
			}
		}
	}
}

// cells are the values of all operators. Levels were shifted by 128 (T.81, A.3.1).
func (r *reducer) cells() [][][]float32 {
	all := make([][][]float32, len(r.reductions))
	for i := range r.reductions {
		n := &r.reductions[i]
		all[i] = n.out
		for y, row := range n.rowSums {
			for x, column := range n.columnSums {
				all[i][y][x] += 128 * row * column
			}
		}
	}
	return all
}
