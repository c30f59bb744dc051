package hamming

import (
	"encoding/binary"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// build makes a segment of rows, which come by ascending id as often as they are asked
// for, with a design or with the fastest.
func build(shape shape, sample *sampling, d *design, rows iter.Seq2[uint32, Code], workers int, polite bool) *segment {
	by, bands := &grouping{}, shape.count >= bandsFrom
	if d != nil {
		bands = len(d.bands) > 0
	}
	if bands {
		by = grouped(rows, shape.count, sample.centres(shape.count), membersFrom(shape.count))
	}
	if d == nil {
		d = designFor(shape.count, crowded(by.outside(sample.codes)))
	}
	b := newBuilder(d, shape, by)
	for id, code := range rows {
		b.add(id, code)
	}
	return b.finish(workers, polite)
}

// builder fills the memory of a segment, row by row in ascending order of ids.
type builder struct {
	*segment
	by     *grouping
	filled int
}

// newBuilder makes room for the rows of a shape, in groups or not.
func newBuilder(d *design, s shape, by *grouping) *builder {
	s.design, s.groups, s.members = d.number, len(by.centres), by.members
	_, size := s.layout(d, nil)
	m, err := allocate(size)
	if err != nil {
		// As when the heap cannot grow: there is nothing that could go on.
		panic(fmt.Sprintf("hamming: no memory for an index of %d entries (%d bytes): %v", s.count, size, err))
	}
	return &builder{segment: s.over(d, m), by: by}
}

// shapeOf counts ascending ids and finds the widths that they need.
func shapeOf(ids iter.Seq[uint32]) shape {
	s := shape{positionWidth: 3}
	var base, last, widest uint32
	for id := range ids {
		if s.count == 0 {
			s.firstID = id
		}
		if s.count%idBlock == 0 {
			base = id
		}
		last, widest = id, max(widest, id-base)
		s.count++
	}
	if s.count >= wideFrom {
		s.positionWidth = 4
	}
	switch {
	case s.count == 0 || int(last-s.firstID) == s.count-1:
		s.idWidth = 0
	case widest < 1<<8:
		s.idWidth = 1
	case widest < 1<<16:
		s.idWidth = 2
	default:
		s.idWidth = 4
	}
	return s
}

func (b *builder) add(id uint32, permuted Code) {
	b.ids.put(b.filled, id)
	b.codes[b.filled] = permuted
	b.filled++
}

// finish fills the groups, and sorts the bands with a number of workers. A polite one
// lets others run often, so that searches do not wait for it.
func (b *builder) finish(workers int, polite bool) *segment {
	if b.by.members > 0 {
		b.groups.fill(b.by, b.codes, polite)
	}
	var next atomic.Int32
	var group sync.WaitGroup
	for range min(len(b.bands), workers) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(b.bands); i = int(next.Add(1)) - 1 {
				b.sortBand(i, polite)
			}
		})
	}
	group.Wait()
	return b.segment
}

// stride is how many rows a polite worker passes before it lets others run.
const stride = 4096

// sortBand is a counting sort, by the bits of a band, of the rows that are in no group.
func (b *builder) sortBand(number int, polite bool) {
	c, out := b.design.bands[number], &b.bands[number]
	mask := uint64(1)<<c.width - 1
	offsets := out.offsets
	for from := 0; from < b.len(); from += stride {
		for i := from; i < min(from+stride, b.len()); i++ {
			if b.by.has(i) {
				continue
			}
			offsets[b.codes[i].window(c.start)&mask]++
		}
		if polite {
			runtime.Gosched()
		}
	}
	var sum uint32
	for v, n := range offsets {
		sum += n
		offsets[v] = sum
	}
	// Filling from the back leaves each offset at the start of its run.
	width, wide := b.shape.positionWidth, b.design.following == 32
	for to := b.len(); to > 0; to -= stride {
		for i := to - 1; i >= max(0, to-stride); i-- {
			if b.by.has(i) {
				continue
			}
			bits := b.codes[i].window(c.start)
			value := bits & mask
			offsets[value]--
			at := int(offsets[value])
			if width == 3 {
				p := out.positions[3*at : 3*at+3]
				p[0], p[1], p[2] = byte(i), byte(i>>8), byte(i>>16)
			} else {
				binary.LittleEndian.PutUint32(out.positions[4*at:], uint32(i))
			}
			if wide {
				binary.LittleEndian.PutUint32(out.following[4*at:], uint32(bits>>c.width))
			} else {
				binary.LittleEndian.PutUint16(out.following[2*at:], uint16(bits>>c.width))
			}
		}
		if polite {
			runtime.Gosched()
		}
	}
}
