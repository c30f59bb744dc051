package hamming

import (
	"encoding/binary"
	"sort"
)

// idBlock is how many ids share a base.
const idBlock = 64

// idColumn keeps ids, ascending, in 0, 1, 2 or 4 bytes each: none where they
// follow one another without a gap, otherwise what each has above the first of
// its block of [idBlock].
type idColumn struct {
	count, width int
	// first is the first id, for width 0.
	first uint32
	bases []uint32
	above []byte
}

// put writes the id at a position; positions come in order.
func (c *idColumn) put(i int, id uint32) {
	if c.width == 0 {
		return
	}
	if i%idBlock == 0 {
		c.bases[i/idBlock] = id
	}
	above := id - c.bases[i/idBlock]
	switch c.width {
	case 1:
		c.above[i] = byte(above)
	case 2:
		binary.LittleEndian.PutUint16(c.above[2*i:], uint16(above))
	case 4:
		binary.LittleEndian.PutUint32(c.above[4*i:], above)
	}
}

// at is the id at a position.
func (c *idColumn) at(i int) uint32 {
	switch c.width {
	case 0:
		return c.first + uint32(i)
	case 1:
		return c.bases[i/idBlock] + uint32(c.above[i])
	case 2:
		return c.bases[i/idBlock] + uint32(binary.LittleEndian.Uint16(c.above[2*i:]))
	}
	return c.bases[i/idBlock] + binary.LittleEndian.Uint32(c.above[4*i:])
}

// find returns the position of id.
func (c *idColumn) find(id uint32) (int, bool) {
	if c.width == 0 {
		return int(id - c.first), id >= c.first && int(id-c.first) < c.count
	}
	i := sort.Search(c.count, func(i int) bool { return c.at(i) >= id })
	return i, i < c.count && c.at(i) == id
}
