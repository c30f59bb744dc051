package scene

// stepsPerOctave is how many levels of the pyramid lie between one and that of half its size.
const stepsPerOctave = 3

// stepScales is the scale of a level within its octave, to its first.
var stepScales = [stepsPerOctave]float64{1, 0.7937005259840998, 0.6299605249474366}

// smallestLevel is the least side of a level in which a patch has a place.
const smallestLevel = 2*border + 8

// maxLevels bounds the pyramid of a picture of [side].
const maxLevels = 12

// level is the picture at one scale, smoothed.
type level struct {
	plane
	number int
	// scaleX and scaleY bring a place here to one of the first level.
	scaleX, scaleY float64
}

// sizes are those of the levels of a picture, finest first.
func sizes(width, height int) (all [][2]int) {
	for octaveWidth, octaveHeight := width, height; octaveWidth > 0 && octaveHeight > 0; octaveWidth, octaveHeight = octaveWidth/2, octaveHeight/2 {
		for _, scale := range stepScales {
			size := [2]int{int(float64(octaveWidth)*scale + 0.5), int(float64(octaveHeight)*scale + 0.5)}
			if min(size[0], size[1]) < smallestLevel || len(all) == maxLevels {
				return all
			}
			all = append(all, size)
		}
	}
	return all
}

// pyramid hands over the levels of a picture, finest first; each is overwritten by the next.
func pyramid(base plane, take func(level)) {
	octave, spare, smoothed := base, newPlane(base.width, base.height), newPlane(base.width, base.height)
	for i, size := range sizes(base.width, base.height) {
		here := octave
		switch {
		case i == 0:
		case i%stepsPerOctave == 0:
			here = spare.resized(size[0], size[1])
			here.shrink(octave)
			octave, spare = here, octave
		default:
			here = spare.resized(size[0], size[1])
			here.shrink(octave)
		}
		l := level{smoothed.resized(size[0], size[1]), i, float64(base.width) / float64(size[0]), float64(base.height) / float64(size[1])}
		l.smooth(here)
		take(l)
	}
}

// resized gives the memory of a plane to a smaller one.
func (p plane) resized(width, height int) plane { return plane{width, height, p.levels[:height*side]} }

func (p plane) shrink(from plane) {
	p.average(from.width, from.height, func(into []uint32, y int) {
		for x, value := range from.row(y) {
			into[x] = uint32(value)
		}
	})
}

// smooth fills a plane with another, smoothed by the binomial filter of seven samples along both axes: close to a Gaussian of 1.2 pixels. The ends are
// repeated.
func (p plane) smooth(from plane) {
	padded := make([]uint32, p.width+6)
	for y := range p.height {
		row := func(d int) []uint16 { return from.row(min(max(y+d, 0), p.height-1)) }
		a, b, c, d, e, f, g := row(-3), row(-2), row(-1), row(0), row(1), row(2), row(3)
		middle := padded[3:][:p.width]
		for x := range middle {
			middle[x] = uint32(a[x]) + uint32(g[x]) + 6*(uint32(b[x])+uint32(f[x])) + 15*(uint32(c[x])+uint32(e[x])) + 20*uint32(d[x])
		}
		for k := range 3 {
			padded[k], padded[p.width+3+k] = middle[0], middle[p.width-1]
		}
		to := p.row(y)
		for x := range to {
			s := padded[x:][:7]
			to[x] = uint16((s[0] + s[6] + 6*(s[1]+s[5]) + 15*(s[2]+s[4]) + 20*s[3] + 1<<11) >> 12)
		}
	}
}
