package luma

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Taps are the weights with which a cell reads the pixels of one axis from Start
// on.
type Taps struct {
	Start   int
	Weights []float32
}

// Operator is a linear reduction of a picture to cells: the cell in row i and
// column j is the sum over all pixels of the luminance, 0 to 255, by the weight of the
// pixel's row in Rows[i] and the weight of its column in Columns[j]. It has at most
// [MaxCells] columns, or twice as many where it is the only one. What is tabulated of it for one picture is kept for the
// next one of as many blocks; neither Rows nor Columns may be changed once it was used. Several goroutines may use it.
type Operator struct {
	Rows, Columns []Taps
	tabulated     tabulated
}

// check refuses operators that do not fit into a strip, or begin before the picture.
func check(operators []*Operator) error {
	if len(operators) > MaxOperators {
		return fmt.Errorf("reducing a picture by %d operators: at most %d are possible", len(operators), MaxOperators)
	}
	for _, o := range operators {
		if most := MaxCells * MaxOperators / len(operators); len(o.Columns) > most {
			return fmt.Errorf("reducing a picture to %d columns of cells: at most %d are possible", len(o.Columns), most)
		}
		for _, t := range slices.Concat(o.Rows, o.Columns) {
			if t.Start < 0 {
				return fmt.Errorf("reducing a picture: a cell begins at pixel %d", t.Start)
			}
		}
	}
	return nil
}

// MaxCells is the most columns of cells that each of two operators may have, and MaxOperators the
// most operators for one picture.
const (
	MaxCells     = 64
	MaxOperators = 2
)

// blockSide is the width and height of a block.
const blockSide = 8

// basis[f][x] is what a coefficient of frequency f adds to pixel x of its block
// along one axis (T.81, A.3.3).
var basis = func() (b [blockSide][blockSide]float32) {
	for f := range b {
		scale := 0.5
		if f == 0 {
			scale *= math.Sqrt2 / 2
		}
		for x := range b[f] {
			b[f][x] = float32(scale * math.Cos(float64((2*x+1)*f)*math.Pi/16))
		}
	}
	return b
}()

// axis is one axis of an operator, by blocks.
type axis struct {
	cells int
	// width is how many neighbouring cells a block touches at most.
	width  int
	blocks []reach
	// frequencies and pixels hold for each block, and each of its 8 frequencies or
	// pixels, the weights for width cells from the block's first one on.
	frequencies, pixels []float32
}

// reach are the cells that a block touches.
type reach struct{ first, count int }

// newAxis tabulates the taps of an axis for a number of blocks, and so many of the frequencies.
func newAxis(taps []Taps, blocks, waves int) axis {
	a := axis{cells: len(taps), blocks: make([]reach, blocks)}
	for cell, t := range taps {
		for block := t.Start / blockSide; block < blocks && block*blockSide < t.Start+len(t.Weights); block++ {
			r := &a.blocks[block]
			if r.count == 0 {
				r.first = cell
			}
			r.count = cell + 1 - r.first
			a.width = max(a.width, r.count)
		}
	}
	a.pixels = make([]float32, blocks*blockSide*a.width)
	a.frequencies = make([]float32, len(a.pixels))
	for cell, t := range taps {
		for k, weight := range t.Weights {
			pixel := t.Start + k
			block := pixel / blockSide
			if weight == 0 || block >= blocks {
				continue
			}
			at := cell - a.blocks[block].first
			a.pixels[pixel*a.width+at] = weight
			for f := range waves {
				a.frequencies[(block*blockSide+f)*a.width+at] += basis[f][pixel%blockSide] * weight
			}
		}
	}
	return a
}

// of are the weights of frequency or pixel k of a block, from its first cell on.
func (a *axis) of(table []float32, block, k int) []float32 {
	from := (block*blockSide + k) * a.width
	return table[from : from+a.blocks[block].count]
}

// table is what an operator weights blocks with.
type table struct {
	rows, columns axis
	means         []Taps // of the columns
	// sums are those of the weights of each cell.
	rowSums, columnSums []float32
}

// tabulated keeps the table for the latest number of blocks, and of frequencies.
type tabulated struct {
	mutex                sync.Mutex
	rows, columns, waves int
	table                *table
}

// of tabulates an operator for so many blocks down and across a picture, and so many frequencies of each.
func (o *Operator) of(rows, columns, waves int) *table {
	t := &o.tabulated
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.table == nil || t.rows != rows || t.columns != columns || t.waves != waves {
		t.rows, t.columns, t.waves = rows, columns, waves
		made := &table{rows: newAxis(o.Rows, rows, waves), columns: newAxis(o.Columns, columns, waves), rowSums: total(o.Rows), columnSums: total(o.Columns)}
		made.means = made.columns.means()
		t.table = made
	}
	return t.table
}

// means are the taps with which a cell reads the means of blocks, in levels: an eighth of their
// first coefficients.
func (a *axis) means() []Taps {
	all := make([]Taps, a.cells)
	for block, r := range a.blocks {
		for k, w := range a.of(a.frequencies, block, 0) {
			t := &all[r.first+k]
			if t.Weights == nil {
				t.Start = block
			}
			t.Weights = append(t.Weights, w*blockSide)
		}
	}
	return all
}

// total is the sum of the weights of each cell.
func total(taps []Taps) []float32 {
	sums := make([]float32, len(taps))
	for i, t := range taps {
		for _, w := range t.Weights {
			sums[i] += w
		}
	}
	return sums
}

// weighted is what the taps read, in four partial sums so that an addition need not
// wait for the one before it.
func (t *Taps) weighted(values []float32) float32 {
	weights := t.Weights
	values = values[t.Start:][:len(weights)]
	var a, b, c, d float32
	for len(weights) >= 4 && len(values) >= 4 {
		a += weights[0] * values[0]
		b += weights[1] * values[1]
		c += weights[2] * values[2]
		d += weights[3] * values[3]
		weights, values = weights[4:], values[4:]
	}
	for k, w := range weights {
		a += w * values[k]
	}
	return a + b + (c + d)
}
