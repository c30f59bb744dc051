package pdq

import (
	"image"

	"github.com/brdoproject/brdo/engine/luma"
)

// nearest is the side to which the reference's command line brings pictures that
// are larger along either axis.
const nearest = 512

// Forms are the hashes of one picture in the two forms that lists of the field
// hold. They differ by up to 14 bits on large photos, so a list of unknown make is
// to be asked with both.
type Forms struct {
	// Full is the hash of the picture at its full size (field pdq), as HMA and the
	// Python and the Java packages make it.
	Full Fingerprint
	// Nearest is the hash after a reduction to 512 by 512 by nearest neighbour
	// (field pdq_nn512), as the C++ command line and its WASM build make it. For a
	// picture no larger than that it is the same as Full.
	Nearest Fingerprint
}

// Form is one of the two forms.
type Form int

const (
	FullSize   Form = iota // as in [Forms.Full]
	Nearest512             // as in [Forms.Nearest]
)

// shrinks reports whether the two forms of a picture differ.
func shrinks(width, height int) bool { return width > nearest || height > nearest }

// ComputeForms hashes an image as [Compute] does, in both forms.
func ComputeForms(img image.Image) Forms {
	forms, _ := compute(img)
	return forms
}

// Inverted are the hashes of the picture with its colours inverted: the levels of all
// frequencies but the constant one change their sign, and with it the side of the median on
// which they lie.
func (f Forms) Inverted() Forms {
	for _, form := range []*Fingerprint{&f.Full, &f.Nearest} {
		form.Hash = form.Hash.Inverted()
		for v := range form.Variants {
			form.Variants[v] = form.Variants[v].Inverted()
		}
	}
	return f
}

// compute returns the cells of the full form as well.
func compute(img image.Image) (Forms, *block) {
	full, cells := computeFull(img)
	if !shrinks(full.Width, full.Height) || full.Width < minimumSide || full.Height < minimumSide {
		return Forms{Full: full, Nearest: full}, cells
	}
	lines := nearestLines(lumaOf(img), full.Width, full.Height)
	f := Fingerprint{Width: nearest, Height: nearest}
	sampler := newSampler(oneWay(axis(nearest), axis(nearest)))
	sampler.all(lines, nearest, nearest)
	f.fill(&sampler.out, lines)
	f.Width, f.Height = full.Width, full.Height
	return Forms{Full: full, Nearest: f}, cells
}

// nearestLines reads rows of the picture after its reduction to 512 by 512: each pixel is
// the one at its place, rounded down, of the larger picture.
func nearestLines(lines func(row []float32, y int) []float32, width, height int) func(row []float32, y int) []float32 {
	whole, last := make([]float32, width), -1
	return func(row []float32, y int) []float32 {
		if from := y * height / nearest; from != last {
			whole, last = lines(whole, from), from
		}
		for x := range row {
			row[x] = whole[x*width/nearest]
		}
		return row
	}
}

// JPEG is what hashing a JPEG file gives.
type JPEG struct {
	Forms
	// Read is the share of the picture that could be read, 1 when the file is whole.
	Read float64
	// Progressive says that the file comes in several scans, so that its coefficients were held until the last one.
	Progressive bool
	// Near is how many frequencies lie so near the median that rounding may move them to its
	// other side; in the form that has more.
	Near int
	// Bordered is true when the picture may have uniform borders: then [TrimmedFromJPEG] tells.
	Bordered bool
}

// A frequency within nearMedian of the median, in levels, may go to its other side by rounding
// or by how colours are scaled up; from manyNear on that moves the hash noticeably.
// Measured on 695 pictures: all with more than four bits of difference had as many.
const (
	nearMedian = 0.5
	manyNear   = 8
)

// EnoughRead is the share of a picture from which on the hash of what could be read is worth comparing.
const EnoughRead = 0.1

const (
	// settled is the size in pixels above which the hash of a picture whose [JPEG.Doubtful] is set is kept:
	// larger ones are doubtful by fewer bits, and cost more to decode.
	settled = 1 << 20
	// SmallPicture is the size in pixels up to which every picture is decoded: a pixel counts for much there,
	// and costs little. Of 838 that were hashed by their coefficients, 32 were 10 to 56 bits off; of 3,840
	// larger ones with fewer than 24 frequencies near the median none was more than 10.
	SmallPicture = 1 << 16
)

// Doubtful reports whether so many frequencies are near the median that more than a few bits
// may differ: then [luma.DecodeJPEG] and [ComputeForms] give the reference's hash.
func (j JPEG) Doubtful() bool { return j.Near >= manyNear }

// Settled reports whether the hashes are those that lists are to be asked with. When they are not, the pixels are
// to be decoded and hashed instead: of a file that is not whole, of a picture of hardly any pixels or a small one
// of which rounding decides, and of one with too few features, which consists of rounding only.
func (j JPEG) Settled() bool {
	pixels := j.Full.Width * j.Full.Height
	return j.Read == 1 && j.Full.Quality >= MinimumQuality && pixels > SmallPicture && (!j.Doubtful() || pixels > settled)
}

// FromJPEG hashes a JPEG file without decoding it to pixels: PDQ's cells are linear in
// the coefficients that the file holds. The hashes are those of decoded pixels up to
// rounding, and up to where colours leave the range of RGB within a block: 0 bits
// on most photos, 2 on some, 4 on few, up to 8 where [JPEG.Doubtful], and more below [SmallPicture]. Below [MinimumQuality], where the bits of a hash are
// rounding errors, only [ComputeForms] gives those of the reference.
//
// Options.Means reads the picture at an eighth of its size, for a first look:
// the larger it is the closer its hash comes.
//
// Errors: those of [luma.ReadJPEG].
func FromJPEG(data []byte, options luma.Options) (JPEG, error) {
	return partFromJPEG(data, options, func(width, height int) image.Rectangle { return image.Rect(0, 0, width, height) })
}

// partFromJPEG hashes the part of a picture that its size gives.
func partFromJPEG(data []byte, options luma.Options, part func(width, height int) image.Rectangle) (JPEG, error) {
	var p *plan
	var size image.Point
	reduced, err := luma.ReadJPEG(data, options, func(width, height int) []*luma.Operator {
		rectangle := part(width, height)
		size = rectangle.Size()
		if size == image.Pt(width, height) {
			p = planOf(size)
		} else {
			p = newPlan(rectangle)
		}
		return p.operators
	})
	if err != nil {
		return JPEG{}, err
	}
	found := JPEG{Read: reduced.Read, Progressive: reduced.Progressive}
	var cells *block
	found.Full, cells, found.Near = fromCells(reduced.Cells[0], size, p.grids[0])
	found.Bordered = cells.bordered(options.Means)
	found.Nearest = found.Full
	if len(p.grids) > 1 {
		var near int
		found.Nearest, _, near = fromCells(reduced.Cells[1], size, p.grids[1])
		found.Near = max(found.Near, near)
	}
	return found, nil
}

// OneFromJPEG hashes as [FromJPEG] does, in one form only: at less cost, for lists of which it is known in
// which form they are. It also gives the share of the picture that could be read.
//
// Errors: those of [luma.ReadJPEG].
func OneFromJPEG(data []byte, form Form, options luma.Options) (Fingerprint, float64, error) {
	var g *grid
	reduced, err := luma.ReadJPEG(data, options, func(width, height int) []*luma.Operator {
		p, of := planOf(image.Pt(width, height)), 0
		if form == Nearest512 {
			of = len(p.grids) - 1
		}
		g = p.grids[of]
		return p.operators[of : of+1]
	})
	if err != nil {
		return Fingerprint{}, 0, err
	}
	found, _, _ := fromCells(reduced.Cells[0], image.Pt(reduced.Width, reduced.Height), g)
	return found, reduced.Read, nil
}

// gridsOf are those of both forms, or of the one that is both.
func gridsOf(width, height int) []*grid {
	if !shrinks(width, height) {
		return []*grid{fullGrid(width, height)}
	}
	return []*grid{fullGrid(width, height), oneWay(shrunk(height), shrunk(width))}
}

// at is where the taps of a place are among the interleaved ones.
func (b *bothWays) at(i, way int) int {
	if b.same() {
		return i
	}
	return 2*i + 1 - way
}

// shrunk are the taps of an axis of 512 samples, each of which is a pixel of an axis of
// n.
func shrunk(n int) [side]taps {
	all := axis(nearest)
	for i, t := range all {
		first := t.start * n / nearest
		last := (t.start + len(t.weights) - 1) * n / nearest
		weights := make([]float32, last-first+1)
		for k, w := range t.weights {
			weights[(t.start+k)*n/nearest-first] += w
		}
		all[i] = taps{start: first, weights: weights}
	}
	return all
}

// fromCells hashes the cells of a form, and also counts the frequencies near the median.
func fromCells(cells [][]float32, size image.Point, g *grid) (f Fingerprint, own *block, near int) {
	f = Fingerprint{Width: size.X, Height: size.Y}
	v := g.views()
	if f.Width < minimumSide || f.Height < minimumSide {
		return f, v[0][0], 0
	}
	for down := range v {
		for across, b := range v[down] {
			for i := range b {
				row := cells[g.rows.at(i, down)]
				for j := range b[i] {
					b[i][j] = row[g.columns.at(j, across)]
				}
			}
		}
	}
	f.Quality = quality(v[0][0])
	return f, v[0][0], f.hash(&v).near(nearMedian)
}
