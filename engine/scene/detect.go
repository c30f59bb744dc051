package scene

import (
	"math"
	"slices"
)

// spot is a local extremum of a level.
type spot struct {
	x, y int
	dark bool
}

// leastResponse leaves out what noise makes.
const leastResponse = 60

// border is how far a spot stays from the edge of its level: a turned patch, and the neighbours of its centre.
const border = patchRadius + 1

// reach is half the distance over which second derivatives are taken, in pixels.
const reach = 2

// spots finds the places of a level where the determinant of the Hessian has a maximum, strongest first.
func spots(l level, responses []int32) []uint64 {
	for y := border - 1; y <= l.height-border; y++ {
		hessian(l, y, responses[y*side:][:l.width])
	}
	// The strength above the place, so that they can be sorted as numbers.
	var found []uint64
	for y := border; y < l.height-border; y++ {
		up, here, down := responses[(y-1)*side:], responses[y*side:], responses[(y+1)*side:]
		for x := border; x < l.width-border; x++ {
			r := here[x]
			if r < leastResponse || r <= here[x-1] || r < here[x+1] || r <= up[x-1] || r <= up[x] || r <= up[x+1] || r < down[x-1] || r < down[x] || r < down[x+1] {
				continue
			}
			found = append(found, uint64(r)<<32|uint64(y*side+x))
		}
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found
}

// hessian writes the determinant of the Hessian of a row, in squared levels; 0 where it is a saddle.
func hessian(l level, y int, into []int32) {
	const from = border - 1
	up, here, down := l.levels[(y-reach)*side:], l.levels[y*side:], l.levels[(y+reach)*side:]
	for x := from; x <= l.width-border; x++ {
		twice := 2 * int32(here[x])
		xx := (int32(here[x-reach]) + int32(here[x+reach]) - twice) >> 1
		yy := (int32(up[x]) + int32(down[x]) - twice) >> 1
		xy := (int32(up[x-reach]) + int32(down[x+reach]) - int32(up[x+reach]) - int32(down[x-reach])) >> 3
		// The levels are below 2^14, so the halves of differences are below 2^15 and squares below 2^30.
		into[x] = max(0, xx*yy-xy*xy) >> 8
	}
}

// choose takes so many spots of a level, the strongest of all parts of the picture first.
func choose(l level, all []uint64, quota int) []spot {
	const cell = 40
	across := (l.width + cell - 1) / cell
	down := (l.height + cell - 1) / cell
	most := max(2, 2*quota/(across*down))
	counts := make([]int, across*down)
	chosen := make([]spot, 0, quota)
	var left []spot
	for _, packed := range all {
		if len(chosen) == quota {
			break
		}
		at := int(uint32(packed))
		s := spot{x: at % side, y: at / side}
		row := l.row(s.y)
		s.dark = 2*int(row[s.x]) < int(row[s.x-reach])+int(row[s.x+reach])
		if count := &counts[s.y/cell*across+s.x/cell]; *count < most {
			*count++
			chosen = append(chosen, s)
			continue
		}
		left = append(left, s)
	}
	return append(chosen, left[:min(len(left), quota-len(chosen))]...)
}

// exact gives the place of a spot between pixels, by a parabola along each axis.
func exact(s spot, responses []int32) (x, y float64) {
	offset := func(before, at, after int32) float64 {
		bend := float64(before) - 2*float64(at) + float64(after)
		if bend >= 0 {
			return 0
		}
		return max(-0.5, min(0.5, (float64(before)-float64(after))/(2*bend)))
	}
	at := s.y*side + s.x
	return float64(s.x) + offset(responses[at-1], responses[at], responses[at+1]), float64(s.y) + offset(responses[at-side], responses[at], responses[at+side])
}

// quotas shares the number of features among levels: finer ones have more room, coarser ones are found again in smaller copies.
func quotas(sizes [][2]int) []int {
	weights, sum := make([]float64, len(sizes)), 0.0
	for i, size := range sizes {
		weights[i] = math.Sqrt(float64(size[0]) * float64(size[1]))
		sum += weights[i]
	}
	all := make([]int, len(sizes))
	for i, w := range weights {
		all[i] = int(MaxFeatures * w / sum)
	}
	return all
}
