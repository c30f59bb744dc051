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
		for y := range height {
			box(other[y*width:], plane[y*width:], width, 1)
		}
		for x := range width {
			box(plane[x:], other[x:], height, width)
		}
	}
	for i := range b {
		y := int((float64(i) + 0.5) * float64(height) / side)
		for j := range b[i] {
			x := int((float64(j) + 0.5) * float64(width) / side)
			b[i][j] = plane[y*width+x]
		}
	}
}

// box writes the running mean of n values that lie stride apart.
func box(out, in []float32, n, stride int) {
	window := (n + 2*side - 1) / (2 * side)
	half := (window + 2) / 2
	var sum float32
	count, left, right, at := 0, 0, 0, 0
	enter := func() { sum += in[right]; right += stride; count++ }
	leave := func() { sum -= in[left]; left += stride; count-- }
	write := func() { out[at] = sum / float32(count); at += stride }
	for range half - 1 {
		enter()
	}
	for range window - half + 1 {
		enter()
		write()
	}
	for range n - window {
		enter()
		leave()
		write()
	}
	for range half - 1 {
		leave()
		write()
	}
}
