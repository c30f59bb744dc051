package pdq

// maximumRepeated is the largest image, in pixels, whose hash is repeated in
// the reference's own order of operations: two planes of it fit in 32 MiB.
const maximumRepeated = 4 << 20

// inReferenceOrder smooths and samples an image as the reference does, with
// four box filters over whole planes of float32.
//
// The [sampler] gives the same values up to rounding, which is all that a
// picture below [MinimumQuality] consists of: there the bits of the hash are
// rounding errors, and only the same order of operations gives the same bits.
// Such hashes match nothing, but lists made elsewhere name them.
func inReferenceOrder(b *block, lines func(row []float32, y int) []float32, width, height int) {
	plane, other := make([]float32, width*height), make([]float32, width*height)
	for y := range height {
		copy(plane[y*width:], lines(plane[y*width:(y+1)*width], y))
	}
	if width == side && height == side {
		for i := range b {
			copy(b[i][:], plane[i*side:])
		}
		return
	}
	for range passes {
		boxAlongRows(other, plane, width, height)
		boxAlongColumns(plane, other, width, height)
	}
	for i := range b {
		y := int((float64(i) + 0.5) * float64(height) / side)
		for j := range b[i] {
			x := int((float64(j) + 0.5) * float64(width) / side)
			b[i][j] = plane[y*width+x]
		}
	}
}

// boxAlongRows writes the running mean of every row.
func boxAlongRows(out, in []float32, width, height int) {
	w := windowOf(width)
	for y := range height {
		in, out := in[y*width:(y+1)*width], out[y*width:(y+1)*width]
		var sum float32
		for at := -w.after; at < width; at++ {
			if enter := at + w.after; enter < width {
				sum += in[enter]
			}
			if leave := at - w.before - 1; leave >= 0 {
				sum -= in[leave]
			}
			if at >= 0 {
				out[at] = sum / float32(w.count(at, width))
			}
		}
	}
}

// boxAlongColumns writes the running mean of every column. It keeps the sums of
// all columns and goes through the image by rows: each sum is made of the same
// additions in the same order, without a jump in memory at each.
func boxAlongColumns(out, in []float32, width, height int) {
	w := windowOf(height)
	sums := make([]float32, width)
	for at := -w.after; at < height; at++ {
		if enter := at + w.after; enter < height {
			for x, value := range in[enter*width : (enter+1)*width] {
				sums[x] += value
			}
		}
		if leave := at - w.before - 1; leave >= 0 {
			for x, value := range in[leave*width : (leave+1)*width] {
				sums[x] -= value
			}
		}
		if at >= 0 {
			count := float32(w.count(at, height))
			out := out[at*width : (at+1)*width]
			for x, sum := range sums {
				out[x] = sum / count
			}
		}
	}
}
