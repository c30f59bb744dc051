package hamming

import "sync/atomic"

// graveyard remembers which positions are dead and since when, so that a
// reader sees exactly the removals that had been published when it began. It
// is an open-addressing table with one writer and any number of readers: a
// slot is written once, holds position+1 in its upper half and the number of
// the death in its lower half, and is never cleared.
type graveyard struct {
	slots []atomic.Uint64
	used  int
}

func newGraveyard(capacity int) *graveyard {
	size := 64
	for size < 2*capacity {
		size *= 2
	}
	return &graveyard{slots: make([]atomic.Uint64, size)}
}

func (g *graveyard) start(position uint32) int {
	return int(uint64(position) * 0x9e3779b97f4a7c15 >> 32 & uint64(len(g.slots)-1))
}

// dead tells whether position died with a number up to and including at.
func (g *graveyard) dead(position, at uint32) bool {
	for i := g.start(position); ; i = (i + 1) & (len(g.slots) - 1) {
		slot := g.slots[i].Load()
		if slot == 0 {
			return false
		}
		if uint32(slot>>32) == position+1 {
			return uint32(slot) <= at
		}
	}
}

// bury returns the graveyard that position now lies in: g, or a larger copy if
// g is half full. Only the writer calls it, and never twice for a position.
func (g *graveyard) bury(position, number uint32) *graveyard {
	if 2*(g.used+1) > len(g.slots) {
		larger := newGraveyard(len(g.slots))
		g.each(larger.put)
		g = larger
	}
	g.put(position, number)
	return g
}

func (g *graveyard) put(position, number uint32) {
	i := g.start(position)
	for g.slots[i].Load() != 0 {
		i = (i + 1) & (len(g.slots) - 1)
	}
	g.slots[i].Store(uint64(position+1)<<32 | uint64(number))
	g.used++
}

func (g *graveyard) each(visit func(position, number uint32)) {
	for i := range g.slots {
		if slot := g.slots[i].Load(); slot != 0 {
			visit(uint32(slot>>32)-1, uint32(slot))
		}
	}
}
