package pdq

import "image"

// A line of pixels belongs to a border when its levels keep to one: all but one in straying
// within tolerance of it, which is what compression leaves of a flat surface. Measured on photos
// in borders drawn around them: a wider tolerance takes skies and dark corners for borders, a
// narrower one does not know borders after compression at quality 50.
const (
	tolerance = 6
	straying  = 100
	// drift is how far the middle levels of its lines may lie from that of the first: a sky drifts
	// on.
	drift = 2
	// ringing is how many pixels beside an edge compression unsettles: a block of JPEG.
	ringing = 8
	// steep is how many times farther from a border's level the picture beside a narrow one must be than the
	// lines of the border.
	steep = 5
)

// What is left of a picture without its borders is at least leastSide pixels, and one in leastShare
// of the picture's, in width and in height.
const (
	leastSide  = 32
	leastShare = 8
)

// Trim finds the picture within uniform borders: letterboxes, frames, the margins of a
// screenshot. Each side may have a colour and a width of its own. A border within a border stays: what looks
// like one is more often a dark edge of the picture itself. It returns the part of the
// image's bounds that is left, and false, with the bounds, when no side has a border or when too
// little would be left.
func Trim(img image.Image) (image.Rectangle, bool) {
	bounds := img.Bounds()
	if bounds.Dx() < leastSide || bounds.Dy() < leastSide {
		return bounds, false
	}
	left, found := trim(newPlane(img), bounds.Size())
	if !found {
		return bounds, false
	}
	return left.Add(bounds.Min), true
}

// lined are the levels of a picture, by lines.
type lined interface {
	row(within image.Rectangle, y int) line
	column(within image.Rectangle, x int) line
}

// trim is [Trim], from the picture's corner on. It looks at no line that lies further in than the borders and the
// pixels beside them.
func trim(p lined, size image.Point) (image.Rectangle, bool) {
	all := image.Rectangle{Max: size}
	left := all // but the borders
	top, bottom := borders(size.Y, func(i int) line { return p.row(left, i) }, func(i int) line { return p.row(left, size.Y-1-i) })
	left.Min.Y, left.Max.Y = top, size.Y-bottom
	if left.Empty() {
		return all, false
	}
	before, after := borders(size.X, func(i int) line { return p.column(left, i) }, func(i int) line { return p.column(left, size.X-1-i) })
	left.Min.X, left.Max.X = before, size.X-after
	return left, left != all && worth(left, all)
}

// worth reports whether enough of a picture is left.
func worth(left, of image.Rectangle) bool {
	return left.Dx() >= max(leastSide, of.Dx()/leastShare) && left.Dy() >= max(leastSide, of.Dy()/leastShare)
}

// plane are the levels of a picture.
type plane struct {
	width, height int
	levels        []uint8
}

func newPlane(img image.Image) *plane {
	p := &plane{width: img.Bounds().Dx(), height: img.Bounds().Dy()}
	p.levels = make([]uint8, p.width*p.height)
	lines, row := lumaOf(img), make([]float32, p.width)
	for y := range p.height {
		into := p.levels[y*p.width:]
		for x, level := range lines(row, y) {
			into[x] = uint8(level + 0.5)
		}
	}
	return p
}

// line is a part of a row or a column: count levels, step apart.
type line struct {
	levels      []uint8
	count, step int
}

func (p *plane) row(within image.Rectangle, y int) line {
	return line{p.levels[y*p.width+within.Min.X:], within.Dx(), 1}
}

func (p *plane) column(within image.Rectangle, x int) line {
	return line{p.levels[within.Min.Y*p.width+x:], within.Dy(), p.width}
}

// borders counts the lines of the borders of two opposite sides, of which first and last give those from the edge
// inwards. One that is narrower than what compression unsettles counts where the other is of the same level: by
// itself it is more often a dark edge of the picture.
func borders(lines int, first, last func(i int) line) (before, after int) {
	before = border(lines, first)
	after = border(lines-before, last)
	if before == lines || before > 0 && after > 0 || apart(first(0).median(), last(0).median()) > 2*drift {
		return before, after
	}
	wider, other := before, after
	if before == 0 {
		wider = narrow(lines-after, first)
	}
	if after == 0 {
		other = narrow(lines-wider, last)
	}
	if wider == 0 || other == 0 {
		return before, after
	}
	return wider, other
}

// border counts the lines of a border of one side.
func border(lines int, at func(i int) line) int {
	level := at(0).median()
	count := 0
	for count < lines && at(count).keeps(level) && apart(at(count).median(), level) <= drift {
		count++
	}
	if count == 0 || count == lines {
		return count
	}
	// What compression unsettled of the border beside the picture is no part of the picture: that
	// begins where the lines are half as far from the border's level as they come.
	var away [ringing]int
	most, reach := 0, min(ringing, lines-count)
	for i := range reach {
		away[i] = at(count + i).away(level)
		most = max(most, away[i])
	}
	for i := 0; 2*away[i] < most; i++ {
		count++
	}
	// A sky or a shade that goes over into the picture is a part of it.
	if first := at(count); first.keeps(first.median()) && apart(first.median(), level) <= 3*tolerance {
		return 0
	}
	return count
}

// narrow counts the lines of a border that is so narrow that compression unsettles all of it: on the whole
// they are near its level, and then, from one to the next or the one after it, the lines are far from it.
func narrow(lines int, at func(i int) line) int {
	var away [2 * ringing]int
	level := at(0).median()
	most, reach := 0, min(len(away), lines)
	for i := range reach {
		away[i] = at(i).away(level)
		most = max(most, away[i])
	}
	count := 0
	for count < reach && 2*away[count] < most {
		count++
	}
	for i := range count {
		if i > 0 && i == count-1 {
			break // may have some of both
		}
		if steep*away[i] > most || apart(at(i).median(), level) > 2*drift {
			return 0
		}
	}
	return count
}

func apart(a, b int) int { return max(a-b, b-a) }

// median is the level that the line has in its middle.
func (l line) median() int {
	var histogram [256]int
	for i := range l.count {
		histogram[l.levels[i*l.step]]++
	}
	level, sum := 0, histogram[0]
	for 2*sum < l.count {
		level++
		sum += histogram[level]
	}
	return level
}

// keeps reports whether the line keeps to a level.
func (l line) keeps(level int) bool {
	strays := 0
	for i := range l.count {
		if apart(int(l.levels[i*l.step]), level) > tolerance {
			if strays++; strays*straying > l.count {
				return false
			}
		}
	}
	return true
}

// away is how far, on average, the line is from a level, in sixteenths.
func (l line) away(level int) int {
	sum := 0
	for i := range l.count {
		sum += apart(int(l.levels[i*l.step]), level)
	}
	return 16 * sum / l.count
}

// Part is a rectangle of an image, with which it shares the pixels.
func Part(img image.Image, rectangle image.Rectangle) image.Image {
	if whole, ok := img.(interface {
		SubImage(r image.Rectangle) image.Image
	}); ok {
		return whole.SubImage(rectangle)
	}
	return part{img, rectangle.Intersect(img.Bounds())}
}

type part struct {
	image.Image
	bounds image.Rectangle
}

func (p part) Bounds() image.Rectangle { return p.bounds }

// Trimmed is a picture without its borders. Its zero value says that there are none.
type Trimmed struct {
	// Rectangle is what is left, from the picture's corner on.
	Rectangle image.Rectangle
	Forms     Forms
}

// None reports whether there were no borders, or too little was left without them.
func (t Trimmed) None() bool { return t.Rectangle.Empty() }

// ComputeTrimmed hashes an image as [ComputeForms] does, and once more without its borders
// where it has some. Whether it may have some is seen from the cells of its hash, so that an
// image without borders costs next to nothing more; borders under a 64th of the image, which
// move the hash by little, are not found by that.
func ComputeTrimmed(img image.Image) (Forms, Trimmed) {
	forms, cells := compute(img)
	if !cells.bordered(false) {
		return forms, Trimmed{}
	}
	return forms, HashTrimmed(img)
}

// HashTrimmed hashes an image without its borders.
func HashTrimmed(img image.Image) Trimmed {
	left, found := Trim(img)
	if !found {
		return Trimmed{}
	}
	return Trimmed{left.Sub(img.Bounds().Min), ComputeForms(Part(img, left))}
}

// even is how far the levels of the cells along a border may lie apart, and evenMeans of cells that
// were made of the means of blocks: the last one of a border may reach into the picture.
const (
	even      = 8
	evenMeans = 16
)

// bordered reports whether the cells along one of the sides are so even that there may be a
// border.
func (b *block) bordered(means bool) bool {
	apart := float32(even)
	if means {
		apart = evenMeans
	}
	for _, at := range [...]func(line, i int) float32{
		func(line, i int) float32 { return b[line][i] },
		func(line, i int) float32 { return b[side-1-line][i] },
		func(line, i int) float32 { return b[i][line] },
		func(line, i int) float32 { return b[i][side-1-line] },
	} {
		// Even lines of one level, and then an edge: a sky or a shade goes on for two lines more.
		first, even := evenLine(at, 0, apart)
		if !even {
			continue
		}
		line := 1
		for ; line < side-1; line++ {
			if level, even := evenLine(at, line, apart); !even || max(level-first, first-level) > drift {
				break
			}
		}
		if line == side-1 {
			continue // nothing but one level
		}
		next, goesOn := evenLine(at, line, apart)
		_, further := evenLine(at, line+1, apart)
		if !goesOn || !further || max(next-first, first-next) > 3*tolerance {
			return true
		}
	}
	return false
}

// evenLine is the mean of a line of cells, and whether they lie at most apart.
func evenLine(at func(line, i int) float32, line int, apart float32) (mean float32, even bool) {
	least, most := at(line, 0), at(line, 0)
	for i := range side {
		level := at(line, i)
		mean += level / side
		least, most = min(least, level), max(most, level)
	}
	return mean, most-least <= apart
}
