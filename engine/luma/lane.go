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

// add takes the coefficients of a block but its mean; see [reducer.add].
func (l *lane) add(list []int32, steps *[64]step, into *strip) (energy float32) {
	if accelerated {
		return addCoefficients(list, steps, l, into)
	}
	return l.addPlainly(list, steps, into)
}

// addPlainly is add in Go alone.
func (l *lane) addPlainly(list []int32, steps *[64]step, into *strip) (energy float32) {
	a, b := l.at[0], l.at[1]
	for _, packed := range list {
		step := &steps[packed&63]
		level := float32(packed>>8) * step.quantum
		energy += float32(level * level)
		row, weights := &into[step.row&7], &l.weights[step.column&7]
		row[a] += float32(level * weights[0])
		row[a+1] += float32(level * weights[1])
		row[b] += float32(level * weights[2])
		row[b+1] += float32(level * weights[3])
	}
	return energy
}
