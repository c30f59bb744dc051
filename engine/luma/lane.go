package luma

// lanes is how many cells of all operators a block may touch along the row for its coefficients to be
// added by a [lane].
const lanes = 4

// lane is where, and with which weights, the coefficients of a block add to a strip: to two neighbouring cells, and to
// two others.
type lane struct {
	at      [2]uint8
	weights [blockSide][lanes]float32
}

// newLanes tabulates those of all columns of blocks; none when blocks touch too many cells.
func (r *reducer) newLanes(columns int) []lane {
	if len(r.reductions) == 0 {
		return nil
	}
	each := lanes / len(r.reductions)
	for i := range r.reductions {
		if r.reductions[i].columns.width > each {
			return nil
		}
	}
	all := make([]lane, columns)
	for column := range all {
		l := &all[column]
		for pair := range l.at {
			from := pair * len(l.at)
			n := &r.reductions[from/each]
			l.at[pair] = uint8(n.base + n.columns.blocks[column].first + from%each)
			for k := from % each; k < min(from%each+len(l.at), n.columns.width); k++ {
				for f := range blockSide {
					l.weights[f][from+k-from%each] = n.columns.frequencies[(column*blockSide+f)*n.columns.width+k]
				}
			}
		}
	}
	return all
}

// walk is a reader within a block: at the last place that it read, and with the energy up to there.
type walk struct {
	bits
	place  uint
	energy float64
}

// read adds the coefficients of a block but its mean as it reads them: where there are instructions for it, adding
// takes little time of its own, as what reads waits for its tables. It reports whether the data are a code that does not
// lead beyond the block.
func (l *lane) read(w *walk, data []byte, h *huffman, steps *[64]step, into *strip) (ok bool) {
	if !accelerated {
		return l.readPlainly(w, data, h, steps, into)
	}
	w.place, w.energy = 0, 0
	for readCoefficients(w, data, h, steps, l, into)-endOfBlock > 62 {
		var value int32
		var ended bool
		w.bits, w.place, value, ended, ok = h.readOne(data, w.bits, w.place)
		one := [1]int32{value<<8 | int32(w.place&63)}
		if w.energy += addCoefficients(one[:], steps, l, into); ended {
			return ok
		}
	}
	return true
}

// readPlainly is read in Go alone.
func (l *lane) readPlainly(w *walk, data []byte, h *huffman, steps *[64]step, into *strip) (ok bool) {
	var list coefficients
	w.bits, ok = h.readAC(data, w.bits, &list)
	w.energy = l.addPlainly(list.all(), steps, into)
	return ok
}

// add takes the coefficients of a block but its mean; see [reducer.add].
func (l *lane) add(list []int32, steps *[64]step, into *strip) (energy float64) {
	if accelerated {
		return addCoefficients(list, steps, l, into)
	}
	return l.addPlainly(list, steps, into)
}

// addPlainly is add in Go alone.
func (l *lane) addPlainly(list []int32, steps *[64]step, into *strip) (energy float64) {
	a, b := l.at[0], l.at[1]
	for _, packed := range list {
		level := float32(packed>>8) * steps[packed&63].quantum
		energy += float64(level) * float64(level)
		frequency := zigzag[packed&63]
		row, weights := &into[frequency>>3&7], &l.weights[frequency&7]
		row[a] += float32(level * weights[0])
		row[a+1] += float32(level * weights[1])
		row[b] += float32(level * weights[2])
		row[b+1] += float32(level * weights[3])
	}
	return energy
}
