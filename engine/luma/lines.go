package luma

import "math"

// lines are the means of the blocks of one row of units, in levels less 128, by
// component and row of blocks.
type lines [3][4][]float32

func newLines(f *file) *lines {
	var l lines
	for i, c := range f.components {
		for y := range c.high {
			l[i][y] = make([]float32, f.mcusWide*c.wide)
		}
	}
	return &l
}

// clip moves the means of a row of blocks to where they are once their colours were
// brought into the range of RGB.
func (l *lines) clip(f *file, row int) {
	if len(f.components) < 3 {
		return
	}
	luma, blue, red := &f.components[0], &f.components[1], &f.components[2]
	means := l[0][row]
	cb := l[1][row*blue.high/luma.high]
	cr := l[2][row*red.high/luma.high]
	if blue.wide != red.wide || luma.wide%blue.wide != 0 { // unheard of
		for x := range means {
			means[x] += clipped(means[x], cb[x*blue.wide/luma.wide], cr[x*red.wide/luma.wide])
		}
		return
	}
	each := luma.wide / blue.wide
	cr = cr[:len(cb)]
	means = means[:each*len(cb)]
	for x, blue := range cb {
		red := cr[x]
		// Numbers that are not negative are ordered as their bits are, which are quicker to compare; a negative reach
		// is less than all of them.
		reach := int32(math.Float32bits(127 - 1.772*math.Float32frombits(max(magnitude(blue), magnitude(red)))))
		for k := each * x; k < each*x+each; k++ {
			if mean := means[k]; int32(magnitude(mean)) > reach {
				means[k] += clipped(mean, blue, red)
			}
		}
	}
}

// magnitude are the bits of a number without its sign.
func magnitude(value float32) uint32 { return math.Float32bits(value) &^ (1 << 31) }

// clipped is how much the luminance of a colour, in levels less 128, moves when its red,
// green and blue are brought into their range (JFIF 1.02; ITU-T T.871, 7).
func clipped(level, cb, cr float32) float32 {
	inside := func(value float32) float32 { return min(max(value, -128), 127) - value }
	red, green, blue := level+1.402*cr, level-0.344136*cb-0.714136*cr, level+1.772*cb
	return 0.299*inside(red) + 0.587*inside(green) + 0.114*inside(blue)
}
