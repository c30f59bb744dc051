package pdq

import "slices"

// minimumSide is the least width and height that is hashed.
const minimumSide = 5

const (
	side = 64
	// passes of the box filter, along both axes; two make a tent filter
	// (Jarosz).
	passes = 2
)

// taps are the weights with which one of the 64 samples of an axis reads the
// pixels from start on.
type taps struct {
	start   int
	weights []float32
}

// window is the reach of one box filter before and after its pixel.
type window struct{ before, after int }

// windowOf is the filter for an axis of n pixels: half a sample wide, rounded
// up, and off-centre when even, as in the reference.
func windowOf(n int) window {
	size := (n + 2*side - 1) / (2 * side)
	after := (size+2)/2 - 1
	return window{before: size - after - 1, after: after}
}

// count is how many of n pixels the filter covers at one of them.
func (w window) count(at, n int) int {
	return min(at+w.after, n-1) - max(at-w.before, 0) + 1
}

// axis returns the taps of all samples along an axis of n pixels.
//
// The reference filters the whole image and then throws most of it away. Box
// filters and sampling are linear, so what is kept can be written as a sparse
// weighting of the pixels, along each axis by itself, including the shorter
// windows at the edges.
func axis(n int) [side]taps {
	box := windowOf(n)
	var all [side]taps
	for i := range all {
		centre := int((float64(i) + 0.5) * float64(n) / side)
		weights, start := []float64{1}, centre
		for range passes {
			weights, start = spread(weights, start, n, box.before, box.after)
		}
		all[i] = taps{start: start, weights: make([]float32, len(weights))}
		for k, w := range weights {
			all[i].weights[k] = float32(w)
		}
	}
	return all
}

// spread applies the transpose of one box filter to weights: what read a
// filtered pixel now reads the pixels in its window.
func spread(weights []float64, start, n, left, right int) ([]float64, int) {
	first := max(0, start-left)
	last := min(n-1, start+len(weights)-1+right)
	wider := make([]float64, last-first+1)
	for k, w := range weights {
		from, to := max(0, start+k-left), min(n-1, start+k+right)
		share := w / float64(to-from+1)
		for p := from; p <= to; p++ {
			wider[p-first] += share
		}
	}
	return wider, first
}

// single are the taps of an axis that is taken as it is.
func single() (all [side]taps) {
	for i := range all {
		all[i] = taps{start: i, weights: []float32{1}}
	}
	return all
}

// bothWays are the taps of an axis, and those that sample its mirror image, written for the axis as it is; the same
// where mirroring changes nothing.
type bothWays [2]*[side]taps

// mirrored adds to the taps of an axis of n pixels those of its mirror image.
//
// They are others: an even window is off-centre, and where n is a multiple of 128 a sample lies on the edge of
// two pixels and takes the second. In a picture of 256 by 256 the samples lie four pixels apart, and those of its
// mirror image three pixels beside them, which makes another hash where textures are fine.
func mirrored(all [side]taps, n int) bothWays {
	var turned [side]taps
	same := true
	for i, t := range all {
		weights := slices.Clone(t.weights)
		slices.Reverse(weights)
		other := &all[side-1-i]
		turned[side-1-i] = taps{start: n - t.start - len(weights), weights: weights}
		same = same && other.start == turned[side-1-i].start && slices.EqualFunc(other.weights, weights, func(v, w float32) bool { return max(v-w, w-v) < 1e-6 })
	}
	if same {
		return bothWays{&all, &all}
	}
	return bothWays{&all, &turned}
}

func (b *bothWays) same() bool { return b[0] == b[1] }

// grid is where the samples of a picture read it.
type grid struct{ rows, columns bothWays }

// fullGrid reads a picture at its full size, and one of 64 by 64 as it is.
//
// The mirror images of a picture that the other form shrinks are taken to be sampled as it is: the more pixels lie
// between two samples, the less a few of them matter, and the taps would cost more than they find. Of 344 photos and
// crops of them one in a hundred was more than 28 bits off, the furthest 34; of smaller ones one in five was more than 31.
func fullGrid(width, height int) *grid {
	rows, columns := fullAxes(width, height)
	if shrinks(width, height) {
		return oneWay(rows, columns)
	}
	return &grid{mirrored(rows, height), mirrored(columns, width)}
}

func fullAxes(width, height int) (rows, columns [side]taps) {
	if width == side && height == side {
		return single(), single()
	}
	return axis(height), axis(width)
}

// oneWay reads the mirror images where it reads the picture.
func oneWay(rows, columns [side]taps) *grid {
	return &grid{bothWays{&rows, &rows}, bothWays{&columns, &columns}}
}

// block is the image at 64 by 64 points.
type block [side][side]float32

// views are a picture at 64 by 64 points in its own order, as it is sampled and as its mirror images are: by whether
// the rows are those of the picture upside down, and the columns of that mirrored left to right. Equal ones are one.
type views [2][2]*block

// views have room for what the grid samples.
func (g *grid) views() (v views) {
	for m := range v {
		for n := range v[m] {
			switch {
			case m == 1 && g.rows.same():
				v[m][n] = v[0][n]
			case n == 1 && g.columns.same():
				v[m][n] = v[m][0]
			default:
				v[m][n] = new(block)
			}
		}
	}
	return v
}

// sampler takes the rows of an image in order and fills views.
type sampler struct {
	*grid
	y int
	// first of the samples, each way, whose taps may still cover the current row.
	first [2]int
	row   [2][side]float32 // the samples of the current row, each way
	out   views
}

func newSampler(g *grid) *sampler { return &sampler{grid: g, out: g.views()} }

func (s *sampler) add(row []float32) {
	var sampled [2]bool
	for way, rows := range s.rows {
		if way == 1 && s.rows.same() {
			break
		}
		first := s.first[way]
		for first < side && rows[first].start+len(rows[first].weights) <= s.y {
			first++
		}
		s.first[way] = first
		for i := first; i < side && rows[i].start <= s.y; i++ {
			k := s.y - rows[i].start
			if k >= len(rows[i].weights) {
				continue
			}
			w := rows[i].weights[k]
			for across, columns := range s.columns {
				if across == 1 && s.columns.same() {
					break
				}
				values := &s.row[across]
				if !sampled[across] { // some sample reads this row
					sampled[across] = true
					sample(values, row, columns)
				}
				out := &s.out[way][across][i]
				for j, v := range values {
					out[j] += float32(w * v)
				}
			}
		}
	}
	s.y++
}

// all takes every row of an image.
func (s *sampler) all(lines func(row []float32, y int) []float32, width, height int) {
	row := make([]float32, width)
	for y := range height {
		s.add(lines(row, y))
	}
}

func sample(into *[side]float32, row []float32, columns *[side]taps) {
	for j := range columns {
		t := &columns[j]
		into[j] = weighted(t.weights, row[t.start:t.start+len(t.weights)])
	}
}

// weighted is the sum of the pixels by their weights, in four partial sums so
// that an addition need not wait for the one before it.
func weighted(weights, pixels []float32) float32 {
	pixels = pixels[:len(weights)]
	var a, b, c, d float32
	for len(weights) >= 4 && len(pixels) >= 4 {
		a += float32(weights[0] * pixels[0])
		b += float32(weights[1] * pixels[1])
		c += float32(weights[2] * pixels[2])
		d += float32(weights[3] * pixels[3])
		weights, pixels = weights[4:], pixels[4:]
	}
	for k, w := range weights {
		a += float32(w * pixels[k])
	}
	return a + b + (c + d)
}
