package pdq

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Levels are the range of luminance in bytes.
type Levels struct{ Black, White byte }

var (
	// FullLevels are those of pictures.
	FullLevels = Levels{0, 255}
	// LimitedLevels are those that video usually has (ITU-R BT.601-7, section 2.5.3). What lies beyond is cut off, as it is when such a frame is
	// brought to RGB.
	LimitedLevels = Levels{16, 235}
)

// Frames hashes the frames of a video: pictures of one size, of luminance in bytes. It is for one goroutine.
//
// The hashes are those of [FromImage] for an [image.Gray] up to rounding, and below [MinimumQuality], where they consist of
// rounding and are compared with nothing, no more than that: the reference's order of operations is not repeated.
type Frames struct {
	width, height int
	levels        Levels
	// dark and light are the black level, and what white is below 255, in each of eight bytes.
	dark, light uint64
	columns     [side]taps
	rows        [side]wholeTaps
	sums        []uint64
	line        []float32
	cells       block
}

// wholeTaps are taps of which each is a whole number of parts.
type wholeTaps struct {
	taps
	whole []uint64 // nil where there are no such numbers
	part  float32
}

// mostWhole is how many bytes can be added up in 16 bits.
const mostWhole = math.MaxUint16 / math.MaxUint8

// inEach is a byte in each of the eight of a word.
const inEach = 0x0101010101010101

// NewFrames prepares for frames of a size, whose black and white are levels.
func NewFrames(width, height int, levels Levels) *Frames {
	f := &Frames{
		width: width, height: height, levels: levels, dark: uint64(levels.Black) * inEach, light: uint64(255-levels.White) * inEach,
		columns: axis(width), sums: make([]uint64, (width+7)/8*2), line: make([]float32, (width+7)/8*8),
	}
	reach := windowOf(height)
	parts := float64(reach.before+reach.after+1) * float64(reach.before+reach.after+1)
	for i, t := range axis(height) {
		f.rows[i] = wholeTaps{taps: t, whole: make([]uint64, len(t.weights)), part: float32(1 / parts)}
		for k, w := range t.weights {
			count := math.Round(float64(w) * parts)
			if math.Abs(count-float64(w)*parts) > 0.01 || count > mostWhole {
				f.rows[i].whole, f.rows[i].part = nil, 1
				break
			}
			f.rows[i].whole[k] = uint64(count)
		}
	}
	return f
}

// Hash hashes a frame of as many bytes as it has pixels, row by row; any other number of them is a mistake of the caller, and panics.
func (f *Frames) Hash(pixels []byte) Result {
	if !f.reduce(pixels) {
		return Result{}
	}
	return Result{Hash: transform(&f.cells).hash(), Quality: quality(&f.cells)}
}

// HashTurned is [Frames.Hash] in all orientations; the result is that of the frame as it is.
func (f *Frames) HashTurned(pixels []byte) (Result, Variants) {
	if !f.reduce(pixels) {
		return Result{}, Variants{}
	}
	all := Fingerprint{Result: Result{Quality: quality(&f.cells)}}
	all.hash(&views{{&f.cells, &f.cells}, {&f.cells, &f.cells}}) // mirror images are taken to be sampled as the frame is
	return all.Result, all.Variants
}

// reduce makes the cells, and reports whether there are any.
func (f *Frames) reduce(pixels []byte) bool {
	if len(pixels) != f.width*f.height {
		panic(fmt.Sprintf("pdq: a frame of %d bytes, want %d by %d", len(pixels), f.width, f.height))
	}
	if f.width < minimumSide || f.height < minimumSide {
		return false
	}
	scale := 255 / float32(f.levels.White-f.levels.Black)
	for i := range f.rows {
		rows := &f.rows[i]
		f.addUp(rows, pixels[rows.start*f.width:])
		for j := range f.columns {
			columns := &f.columns[j]
			level := weighted(columns.weights, f.line[columns.start:]) * rows.part
			f.cells[i][j] = (level - float32(f.levels.Black)) * scale
		}
	}
	return true
}

// addUp makes the weighted sum of rows, in parts.
func (f *Frames) addUp(rows *wholeTaps, pixels []byte) {
	clear(f.line)
	if rows.whole == nil {
		for k, w := range rows.weights {
			for x, level := range pixels[k*f.width:][:f.width] {
				f.line[x] += float32(w * float32(min(max(level, f.levels.Black), f.levels.White)))
			}
		}
		return
	}
	var held uint64
	for k, w := range rows.whole {
		if held += w; held > mostWhole {
			f.flush()
			held = w
		}
		f.add(pixels[k*f.width:][:f.width], w)
	}
	f.flush()
}

// add adds a row to the sums: of eight pixels, four with an even place to the four 16-bit fields of a word, four with an odd one to those of
// the next.
func (f *Frames) add(row []byte, weight uint64) {
	sums, dark, light := f.sums, f.dark, f.light
	for len(row) > 0 && len(sums) >= 2 {
		if len(row) < 8 {
			var last [8]byte
			copy(last[:], row)
			row = last[:]
		}
		eight := binary.LittleEndian.Uint64(row)
		// Whether a byte is below the black or above the white level (S. E. Anderson, Bit Twiddling Hacks, hasless).
		if ((eight-dark)&^eight|(^eight-light)&eight)&(0x80*inEach) != 0 {
			eight = f.levels.cut(eight)
		}
		const even = 0x00ff00ff00ff00ff
		sums[0] += eight & even * weight
		sums[1] += eight >> 8 & even * weight
		row, sums = row[8:], sums[2:]
	}
}

// cut brings eight bytes into the range.
func (l Levels) cut(eight uint64) (within uint64) {
	for shift := 0; shift < 64; shift += 8 {
		within |= uint64(min(max(byte(eight>>shift), l.Black), l.White)) << shift
	}
	return within
}

// flush moves the sums into the line.
func (f *Frames) flush() {
	line := f.line
	for i := 0; i+1 < len(f.sums) && len(line) >= 8; i += 2 {
		even, odd := f.sums[i], f.sums[i+1]
		eight := line[:8:8]
		eight[0] += float32(uint16(even))
		eight[1] += float32(uint16(odd))
		eight[2] += float32(uint16(even >> 16))
		eight[3] += float32(uint16(odd >> 16))
		eight[4] += float32(uint16(even >> 32))
		eight[5] += float32(uint16(odd >> 32))
		eight[6] += float32(uint16(even >> 48))
		eight[7] += float32(uint16(odd >> 48))
		line = line[8:]
	}
	clear(f.sums)
}
