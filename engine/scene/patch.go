package scene

import (
	"math"
	"sync"
)

// patchRadius is how far from a spot levels are compared, in pixels of its level.
const patchRadius = 15

// comparisons is how many bits describe a spot.
const comparisons = 256

// turns is how many directions a patch is turned to.
const turns = 64

// pattern are the places compared by each bit, as offsets into a level, for each direction. The second half of the bits is
// the first half mirrored at the direction's axis.
var pattern = sync.OnceValue(makePattern)

func makePattern() *[turns][comparisons][2]int32 {
	var points [comparisons][2][2]float64
	for i, pair := range compared {
		points[i] = [2][2]float64{{float64(pair[0]) / 4, float64(pair[1]) / 4}, {float64(pair[2]) / 4, float64(pair[3]) / 4}}
		for end := range 2 {
			points[i+comparisons/2][end] = [2]float64{points[i][end][0], -points[i][end][1]}
		}
	}
	var all [turns][comparisons][2]int32
	for turn := range turns {
		sin, cos := math.Sincos(2 * math.Pi * float64(turn) / turns)
		for i, pair := range points {
			for end, p := range pair {
				x, y := math.Round(p[0]*cos-p[1]*sin), math.Round(p[0]*sin+p[1]*cos)
				all[turn][i][end] = int32(y)*side + int32(x)
			}
		}
	}
	return &all
}

// halfWidths are those of the rows of a disc.
var halfWidths = func() (widths [patchRadius + 1]int) {
	for y := range widths {
		widths[y] = int(math.Sqrt(float64(patchRadius*patchRadius - y*y)))
	}
	return widths
}()

// direction is where the centre of mass of the disc around a place lies, in radians.
func direction(l level, x, y int) float64 {
	var sumX, sumY int
	for dy := -patchRadius; dy <= patchRadius; dy++ {
		half := halfWidths[max(dy, -dy)]
		row := l.levels[(y+dy)*side+x-half:][:2*half+1]
		mass := 0
		for i, value := range row {
			mass += int(value)
			sumX += (i - half) * int(value)
		}
		sumY += dy * mass
	}
	return math.Atan2(float64(sumY), float64(sumX))
}

// describe compares the levels around a place.
func describe(l level, x, y int, angle float64) (d descriptor) {
	turn := int(math.Round(angle*turns/(2*math.Pi))+turns) % turns
	levels := l.levels[y*side+x-border*(side+1):] // so that all offsets are positive
	const centre = border * (side + 1)
	all := pattern()
	for i := range d {
		word := uint64(0)
		for bit, pair := range all[turn][i*64 : (i+1)*64] {
			if levels[centre+pair[0]] < levels[centre+pair[1]] {
				word |= 1 << bit
			}
		}
		d[i] = word
	}
	return d
}
