package luma

import "image"

// DecodeJPEG decodes a file to pixels, level for level as the common decoder does with
// its defaults, on which the hashes of the field's references rest: the inverse
// transform in whole numbers, colours scaled up along a triangle, and whole numbers again
// from YCbCr to RGB. It returns an [image.Gray] or an opaque [image.NRGBA], and the share
// that could be read.
//
// Errors: those of [ReadJPEG].
func DecodeJPEG(data []byte, maxPixels int64) (image.Image, float64, error) {
	f, first, err := open(data, maxPixels)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range f.components {
		if f.mostWide%c.wide != 0 || f.mostHigh%c.high != 0 {
			return nil, 0, unsupported("its samples do not divide the picture")
		}
	}
	d := newDecoding(f)
	read := 0.0
	if f.progressive {
		p := f.newProgression(wanted{waves: true, colours: true})
		if err := p.readAll(first); err != nil {
			return nil, 0, err
		}
		d.progressive(p)
		read = p.share
	} else {
		if err := f.complete(first); err != nil {
			return nil, 0, err
		}
		read = d.sequential(first)
	}
	if len(f.components) == 1 {
		return &image.Gray{Pix: d.planes[0].levels, Stride: d.planes[0].stride, Rect: image.Rect(0, 0, f.width, f.height)}, read, nil
	}
	return d.colours(), read, nil
}

// levelPlane are the levels of a component, with those that only fill up units.
type levelPlane struct {
	stride int
	levels []uint8
	// wide and high are without them.
	wide, high int
}

type decoding struct {
	*file
	planes [3]levelPlane
	block  [blockSide * blockSide]int32
}

func newDecoding(f *file) *decoding {
	d := &decoding{file: f}
	for i, c := range f.components {
		stride := f.mcusWide * c.wide * blockSide
		d.planes[i] = levelPlane{
			stride: stride, levels: make([]uint8, stride*f.mcusHigh*c.high*blockSide),
			wide: (f.width*c.wide + f.mostWide - 1) / f.mostWide, high: (f.height*c.high + f.mostHigh - 1) / f.mostHigh,
		}
		for k := range d.planes[i].levels {
			d.planes[i].levels[k] = 128 // where nothing can be read
		}
	}
	return d
}

// put transforms the coefficients in d.block and writes their levels.
func (d *decoding) put(component, x, y int) {
	toLevels(&d.block)
	p := &d.planes[component]
	for row := range blockSide {
		line := p.levels[(y*blockSide+row)*p.stride+x*blockSide:][:blockSide]
		for k := range line {
			line[k] = uint8(min(max(d.block[row*blockSide+k], 0), 255))
		}
	}
}

func (d *decoding) sequential(s scan) float64 {
	data, intervals := d.entropy(borrow())
	defer giveBack(data)
	total := d.mcusWide * d.mcusHigh
	read := d.units(data, intervals, total, func(b bits, end, from, to int) int {
		for _, c := range s.components {
			c.mean = 0
		}
		var list coefficients
		for unit := from; unit < to; unit++ {
			for i, c := range s.components {
				for n := range c.wide * c.high {
					var difference int32
					var ok bool
					if b, difference, ok = c.dc.readDC(data, b); !ok {
						return unit - from
					}
					c.mean += difference
					list.count = 0
					list.add(0, c.mean)
					if b, ok = c.ac.readAC(data, b, &list); !ok {
						return unit - from
					}
					d.block = [blockSide * blockSide]int32{}
					quanta := &d.quanta[c.quantum]
					for _, packed := range list.all() {
						d.block[zigzag[packed&63]] = packed >> 8 * int32(quanta[packed&63])
					}
					d.put(i, unit%d.mcusWide*c.wide+n%c.wide, unit/d.mcusWide*c.high+n/c.wide)
				}
			}
			if b.used() > end {
				return unit - from
			}
		}
		return to - from
	})
	return float64(read) / float64(total)
}

func (d *decoding) progressive(p *progression) {
	for i, c := range d.components {
		quanta := &d.quanta[c.quantum]
		for y := range p.means[i].high {
			for x := range p.means[i].wide {
				for place, value := range p.waves[i].block(x, y) {
					d.block[zigzag[place]] = int32(value) * int32(quanta[place])
				}
				d.block[0] = int32(p.means[i].block(x, y)[0]) * int32(quanta[0])
				d.put(i, x, y)
			}
		}
	}
}

// colours scales the colours up and turns all into red, green and blue.
func (d *decoding) colours() *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, d.width, d.height))
	blue, red := d.scaling(1), d.scaling(2)
	luma := &d.planes[0]
	for y := range d.height {
		levels := luma.levels[y*luma.stride:][:d.width]
		cb, cr := blue.row(y), red.row(y)
		pixels := out.Pix[y*out.Stride:][:4*d.width]
		for x, level := range levels {
			p := pixels[4*x:][:4]
			p[0], p[1], p[2] = toRGB(int32(level), int32(cb[x])-128, int32(cr[x])-128)
			p[3] = 255
		}
	}
	return out
}

// toRGB is JFIF's conversion in 16 fractional bits, each product rounded as the common
// decoder's tables are.
func toRGB(level, blue, red int32) (r, g, b uint8) {
	const half = 1 << 15
	clamp := func(value int32) uint8 { return uint8(min(max(value, 0), 255)) }
	return clamp(level + (91881*red+half)>>16), clamp(level + (-22554*blue-46802*red+half)>>16), clamp(level + (116130*blue+half)>>16)
}

// scaling scales one component up to the size of the picture, row by row.
type scaling struct {
	*levelPlane
	across, down int // how many pixels share a sample
	width        int
	out          []uint8
	sums         []int32
}

func (d *decoding) scaling(component int) *scaling {
	c := &d.components[component]
	p := &d.planes[component]
	return &scaling{p, d.mostWide / c.wide, d.mostHigh / c.high, d.width, make([]uint8, d.width+blockSide), make([]int32, p.wide)}
}

// row gives a row of the picture. Where two pixels share a sample along a row, or two down
// a column, or both, each is three parts the nearer sample and one part the farther, along
// each axis; otherwise samples are repeated.
func (s *scaling) row(y int) []uint8 {
	near := s.line(y / s.down)
	far := s.line(y/2 - 1 + 2*(y&1))
	switch {
	case s.across == 1 && s.down == 2:
		for x := range s.width {
			s.out[x] = uint8((3*int32(near[x]) + int32(far[x]) + 1 + int32(y&1)) >> 2)
		}
	case s.across != 2 || s.down > 2 || s.wide < 3:
		for x := range s.width {
			s.out[x] = near[min(x/s.across, s.wide-1)]
		}
	case s.down == 1:
		for x := range s.wide {
			left, right := int32(near[max(x-1, 0)]), int32(near[min(x+1, s.wide-1)])
			s.two(x, (3*int32(near[x])+left+1)>>2, (3*int32(near[x])+right+2)>>2)
		}
		s.ends(int32(near[0]), int32(near[s.wide-1]))
	default:
		for x := range s.sums {
			s.sums[x] = 3*int32(near[x]) + int32(far[x])
		}
		for x, sum := range s.sums {
			s.two(x, (3*sum+s.sums[max(x-1, 0)]+8)>>4, (3*sum+s.sums[min(x+1, s.wide-1)]+7)>>4)
		}
		s.ends((4*s.sums[0]+8)>>4, (4*s.sums[s.wide-1]+7)>>4)
	}
	return s.out
}

func (s *scaling) two(x int, first, second int32) {
	s.out[2*x], s.out[2*x+1] = uint8(first), uint8(second)
}

// ends sets the first and the last pixel, which have no neighbour.
func (s *scaling) ends(first, last int32) {
	s.out[0], s.out[2*s.wide-1] = uint8(first), uint8(last)
}

// line is a row of samples; beyond the picture the nearest one.
func (s *scaling) line(y int) []uint8 {
	return s.levels[min(max(y, 0), s.high-1)*s.stride:][:s.wide]
}
