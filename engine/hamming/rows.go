package hamming

import "math/bits"

// plane is one half of a permuted code.
type plane [2]uint64

func (p *plane) distance(other *plane) int {
	return bits.OnesCount64(p[0]^other[0]) + bits.OnesCount64(p[1]^other[1])
}

// rows are permuted codes in two planes, with their ids. A position is an
// index into them.
type rows struct {
	ids   []uint32
	front []plane
	back  []plane
}

func makeRows(capacity int) rows {
	return rows{
		ids:   make([]uint32, 0, capacity),
		front: make([]plane, 0, capacity),
		back:  make([]plane, 0, capacity),
	}
}

func (r *rows) len() int { return len(r.ids) }

func (r *rows) code(position int) Code {
	f, b := &r.front[position], &r.back[position]
	return Code{f[0], f[1], b[0], b[1]}
}

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

// scan calls found for every row within radius of the permuted query.
func (r *rows) scan(query Code, radius int, found func(position, distance int)) {
	qf, qb := plane{query[0], query[1]}, plane{query[2], query[3]}
	back := r.back[:len(r.front)]
	if radius > widestPrefilter {
		for i := range r.front {
			if d := r.front[i].distance(&qf) + back[i].distance(&qb); d <= radius {
				found(i, d)
			}
		}
		return
	}
	for i := range r.front {
		d := r.front[i].distance(&qf)
		if d > radius {
			continue
		}
		if d += back[i].distance(&qb); d <= radius {
			found(i, d)
		}
	}
}
