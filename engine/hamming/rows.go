package hamming

import "math/bits"

// plane is one half of a permuted code.
type plane [2]uint64

func (p *plane) distance(other *plane) int {
	return bits.OnesCount64(p[0]^other[0]) + bits.OnesCount64(p[1]^other[1])
}

// planes are permuted codes in two halves. A position is an index into both.
type planes struct {
	front, back []plane
}

func (p *planes) code(position int) Code {
	f, b := &p.front[position], &p.back[position]
	return Code{f[0], f[1], b[0], b[1]}
}

// column is the half of the codes that a word lies in, and its place there.
func (p *planes) column(word int) (column []plane, half int) {
	if word&2 == 0 {
		return p.front, word & 1
	}
	return p.back, word & 1
}

// rows are permuted codes with their ids, in the order in which they came.
type rows struct {
	planes
	ids []uint32
}

func (r *rows) len() int { return len(r.ids) }

// append adds a row. Readers of a shorter view of the same arrays are not
// disturbed: they never look past their own length.
func (r *rows) append(id uint32, permuted Code) {
	r.ids = append(r.ids, id)
	r.front = append(r.front, plane{permuted[0], permuted[1]})
	r.back = append(r.back, plane{permuted[2], permuted[3]})
}

// bytes is the memory that the arrays hold.
func (r *rows) bytes() int {
	return 4*cap(r.ids) + 16*cap(r.front) + 16*cap(r.back)
}

// widestPrefilter is the largest radius at which the front plane alone still
// rules out almost every unrelated code (128 random bits differ in 64, with a
// standard deviation of 5.7). Above it a test after the front plane costs more
// in mispredicted branches than it saves.
const widestPrefilter = 44

// scan adds every row within radius of the permuted query to found.
func (p *planes) scan(query *Code, radius int, found []place) []place {
	qf, qb := plane{query[0], query[1]}, plane{query[2], query[3]}
	back := p.back[:len(p.front)]
	if radius > widestPrefilter {
		for i := range p.front {
			if d := p.front[i].distance(&qf) + back[i].distance(&qb); d <= radius {
				found = append(found, place{uint32(i), uint32(d)})
			}
		}
		return found
	}
	for i := range p.front {
		d := p.front[i].distance(&qf)
		if d > radius {
			continue
		}
		if d += back[i].distance(&qb); d <= radius {
			found = append(found, place{uint32(i), uint32(d)})
		}
	}
	return found
}
