package pdq

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

// block is the image at 64 by 64 points.
type block [side][side]float32

// sampler takes the rows of an image in order and fills a block.
type sampler struct {
	columns, rows [side]taps
	// exact: an image of 64 by 64 is taken as it is, without a filter.
	exact bool
	y     int
	// open is the range of samples whose taps cover the current row.
	first int
	out   block
}

func newSampler(width, height int) *sampler {
	return &sampler{columns: axis(width), rows: axis(height), exact: width == side && height == side}
}

func (s *sampler) add(row []float32) {
	y := s.y
	s.y++
	if s.exact {
		copy(s.out[y][:], row)
		return
	}
	for s.first < side && s.rows[s.first].start+len(s.rows[s.first].weights) <= y {
		s.first++
	}
	if s.first == side || s.rows[s.first].start > y {
		return // no sample reads this row
	}
	var sampled [side]float32
	for j := range s.columns {
		t := &s.columns[j]
		pixels := row[t.start : t.start+len(t.weights)]
		sampled[j] = weighted(t.weights, pixels)
	}
	for i := s.first; i < side && s.rows[i].start <= y; i++ {
		k := y - s.rows[i].start
		if k >= len(s.rows[i].weights) {
			continue
		}
		w := s.rows[i].weights[k]
		out := &s.out[i]
		for j, v := range sampled {
			out[j] += float32(w * v)
		}
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
