package luma

import "image"

// Parts decodes parts of a JPEG file to pixels. Finding where each unit of the file begins costs
// what reading its means costs; then a part costs what it has of the picture. It is for one goroutine.
type Parts struct {
	file *file
	// Of a sequential file: its data, its scan, and where each of its units begins.
	data   []byte
	scan   scan
	starts []start
	// Of a progressive one: all of its coefficients.
	progression *progression
}

// start is what is to be known to read a unit: its place in the data, in bits, and the means of the
// blocks before it.
type start struct {
	at    int
	means [3]int32
}

// OpenParts reads a whole JPEG file.
//
// Errors: those of [ReadJPEG], and [ErrDamaged] where not all of the picture can be read.
func OpenParts(data []byte, maxPixels int64) (*Parts, error) {
	f, first, err := openPixels(data, maxPixels)
	if err != nil {
		return nil, err
	}
	p := &Parts{file: f, scan: first}
	whole := false
	if f.progressive {
		p.progression = f.newProgression(wanted{waves: true, colours: true})
		err = p.progression.readAll(first)
		whole = p.progression.share == 1
	} else {
		whole = p.findUnits()
	}
	if err == nil && !whole {
		err = damaged("not all of it can be read")
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// findUnits goes past all units and reports whether they are there.
func (p *Parts) findUnits() bool {
	f := p.file
	data, intervals := f.entropy(nil)
	p.data = data
	q := &sequential{file: f, scan: p.scan, data: data, lines: newLines(f)}
	for _, c := range p.scan.components {
		c.ac.withSkips()
	}
	q.newSpots(true)
	total := f.mcusWide * f.mcusHigh
	p.starts = make([]start, total)
	read := f.units(data, intervals, total, func(b bits, end, from, to int) int {
		for _, c := range p.scan.components {
			c.mean = 0
		}
		for unit := from; unit < to; unit++ {
			s := &p.starts[unit]
			s.at = b.used()
			for i, c := range p.scan.components {
				s.means[i] = c.mean
			}
			x := unit % f.mcusWide
			after, some := q.readUnits(b, end, x, x+1)
			if some == 0 {
				return unit - from
			}
			b = after
		}
		return to - from
	})
	return read == total
}

// Bounds are those of the picture, from 0, 0 on.
func (p *Parts) Bounds() image.Rectangle { return image.Rect(0, 0, p.file.width, p.file.height) }

// Decode decodes a part, level for level as [DecodeJPEG] does. The bounds of the image are what the picture has of
// the rectangle.
func (p *Parts) Decode(rectangle image.Rectangle) image.Image {
	f := p.file
	rectangle = rectangle.Intersect(p.Bounds())
	if rectangle.Empty() {
		return image.NewGray(image.Rectangle{})
	}
	// The part is decoded as a picture of its own, with a unit more on each side where its colours are scaled up.
	around := 0
	for _, c := range f.components {
		if c.wide < f.mostWide || c.high < f.mostHigh {
			around = 1
		}
	}
	wide, high := blockSide*f.mostWide, blockSide*f.mostHigh
	left, top := max(rectangle.Min.X/wide-around, 0), max(rectangle.Min.Y/high-around, 0)
	right, bottom := min((rectangle.Max.X-1)/wide+1+around, f.mcusWide), min((rectangle.Max.Y-1)/high+1+around, f.mcusHigh)
	part := *f
	part.mcusWide, part.mcusHigh = right-left, bottom-top
	part.width, part.height = min(right*wide, f.width)-left*wide, min(bottom*high, f.height)-top*high
	d := newDecoding(&part)
	if f.progressive {
		d.progressive(p.progression, left, top)
	} else {
		p.sequential(d, left, top)
	}
	return d.picture(image.Pt(left*wide, top*high)).SubImage(rectangle)
}

// sequential reads the units of a part that begins at a place, in units. Each of them could be gone past before.
func (p *Parts) sequential(d *decoding, left, top int) {
	for y := range d.mcusHigh {
		for x := range d.mcusWide {
			s := &p.starts[(top+y)*p.file.mcusWide+left+x]
			for i, c := range p.scan.components {
				c.mean = s.means[i]
			}
			d.unit(p.data, at(s.at/8).refill(p.data).skip(uint(s.at%8)), p.scan, x, y)
		}
	}
}
