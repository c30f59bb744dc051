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
	for octaveWidth, octaveHeight := width, height; ; octaveWidth, octaveHeight = (octaveWidth+1)/2, (octaveHeight+1)/2 {
		for _, scale := range stepScales {
			size := [2]int{int(float64(octaveWidth)*scale + 0.5), int(float64(octaveHeight)*scale + 0.5)}
			if min(size[0], size[1]) < smallestLevel || len(all) == maxLevels {
				return all
			}
			all = append(all, size)
		}
	}
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

// shrink fills a plane with one that is at most twice as large, by the shares of the area of each pixel.
func (p plane) shrink(from plane) {
	across, down := thirds(p.width, from.width), thirds(p.height, from.height)
	line := make([]uint32, from.width)
	for y := range p.height {
		t := &down[y]
		a, b, c := from.row(t.at[0]), from.row(t.at[1]), from.row(t.at[2])
		for x := range line {
			line[x] = (t.weights[0]*uint32(a[x]) + t.weights[1]*uint32(b[x]) + t.weights[2]*uint32(c[x])) >> 12
		}
		to := p.row(y)
		for x := range to {
			t := &across[x]
			to[x] = uint16((t.weights[0]*line[t.at[0]] + t.weights[1]*line[t.at[1]] + t.weights[2]*line[t.at[2]] + 1<<11) >> 12)
		}
	}
}

// third are the samples that one of a smaller line covers, at most three, and their weights, which add up to 1<<12.
type third struct {
	at      [3]int
	weights [3]uint32
}

func thirds(width, from int) []third {
	all := make([]third, width)
	for x := range all {
		t := &all[x]
		left := uint32(1 << 12)
		for k := range t.at {
			first := x*from/width + k
			t.at[k] = min(first, from-1)
			if share := min((x+1)*from, (first+1)*width) - max(x*from, first*width); share > 0 {
				t.weights[k] = uint32(share<<12) / uint32(from)
				left -= t.weights[k]
			}
		}
		t.weights[1] += left // what rounding has lost
	}
	return all
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
