package hamming

import (
	"math/bits"
	"slices"
)

// codes are permuted codes. A position is an index into them.
type codes []Code

// rows are permuted codes with their ids, in the order in which they came.
type rows struct {
	codes
	ids []uint32
}

func (r *rows) len() int { return len(r.ids) }

// append adds a row. Readers of a shorter view of the same arrays are not
// disturbed: they never look past their own length.
func (r *rows) append(id uint32, permuted Code) {
	r.ids = append(r.ids, id)
	r.codes = append(r.codes, permuted)
}

// bytes is the memory that the arrays hold.
func (r *rows) bytes() int { return 4*cap(r.ids) + 32*cap(r.codes) }

// widestPrefilter is the largest radius at which half of a code alone still rules
// out almost every unrelated one (128 random bits differ in 64, with a standard
// deviation of 5.7). Above it a test after the half costs more in mispredicted
// branches than it saves.
const widestPrefilter = 44

// scan adds every row within radius of the permuted query to found.
func (c codes) scan(query *Code, radius int, found []place) []place {
	if accelerated || radius > widestPrefilter {
		return c.scanNear(query, radius, found)
	}
	for i := range c {
		if bits.OnesCount64(c[i][0]^query[0])+bits.OnesCount64(c[i][1]^query[1]) > radius {
			continue
		}
		if d := c[i].Distance(*query); d <= radius {
			found = append(found, place{uint32(i), uint32(d)})
		}
	}
	return found
}

// scanNear does the same; half of a code is not expected to rule out much.
func (c codes) scanNear(query *Code, radius int, found []place) []place {
	from, radius := 0, min(radius, Bits) // which fits into the lanes
	if accelerated {
		for from+4 <= len(c) {
			found = slices.Grow(found, 4)
			room := found[len(found):cap(found)]
			done, more := scanCodes(&c[from], len(c)-from, query, radius, &room[0], len(room))
			for i := range room[:more] {
				room[i].position += uint32(from)
			}
			found, from = found[:len(found)+more], from+done
		}
	}
	for i := from; i < len(c); i++ {
		if d := c[i].Distance(*query); d <= radius {
			found = append(found, place{uint32(i), uint32(d)})
		}
	}
	return found
}
