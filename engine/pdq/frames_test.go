package pdq

import (
	"bytes"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// framed are the cells of a frame as the sampler makes them of single levels.
func framed(pixels []byte, width, height int, levels Levels) (*block, []float32) {
	s := newSampler(oneWay(fullAxes(width, height)))
	row, all := make([]float32, width), make([]float32, 0, len(pixels))
	for y := range height {
		for x := range row {
			level := min(max(pixels[y*width+x], levels.Black), levels.White)
			row[x] = 255 * float32(level-levels.Black) / float32(levels.White-levels.Black)
		}
		s.add(row)
		all = append(all, row...)
	}
	return s.out[0][0], all
}

// TestFramesHaveTheCellsOfPictures covers widths that are no multiple of eight, sides smaller than the cells, windows of odd and even
// lengths, and heights of so many rows a cell that sums of 16 bits do not hold them (from 2,049), or weights do not (from 32,897).
func TestFramesHaveTheCellsOfPictures(t *testing.T) {
	check := func(t rapid.TB, width, height int, levels Levels, random *rand.Rand) {
		pixels := make([]byte, width*height)
		// Without much noise many frequencies are next to nothing, and rounding decides about their bits.
		base, spread := random.IntN(256), 32+random.IntN(225)
		for i := range pixels {
			pixels[i] = byte(base + random.IntN(spread) + 90*(i%width*3/width))
		}
		want, levelled := framed(pixels, width, height, levels)
		f := NewFrames(width, height, levels)
		for range 2 { // nothing is left of the frame before
			got := f.Hash(pixels)
			for i := range want {
				for j, w := range want[i] {
					if math.Abs(float64(f.cells[i][j]-w)) > 0.01 {
						t.Fatalf("%d x %d, %v: cell %d, %d is %v, want %v", width, height, levels, i, j, f.cells[i][j], w)
					}
				}
			}
			if levelled, _ := FromLuma(levelled, width, height); max(got.Quality-levelled.Quality, levelled.Quality-got.Quality) > 1 {
				t.Fatalf("%d x %d, %v: quality %d, want %d", width, height, levels, got.Quality, levelled.Quality)
			} else if got.Quality >= MinimumQuality && min(width, height) >= side && got.Hash.Distance(levelled.Hash) > 4 {
				t.Fatalf("%d x %d, %v: %d bits", width, height, levels, got.Hash.Distance(levelled.Hash))
			}
		}
	}
	for _, size := range [][2]int{{64, 64}, {1280, 720}, {16, 2160}, {7, 33000}, {1081, 130}} {
		check(t, size[0], size[1], LimitedLevels, rand.New(rand.NewPCG(1, 2)))
		white := bytes.Repeat([]byte{255}, size[0]*size[1])
		f := NewFrames(size[0], size[1], FullLevels)
		f.Hash(white)
		for i, row := range f.cells {
			if math.Abs(float64(row[0]-255)) > 0.01 {
				t.Errorf("%d x %d: white is %v in row %d", size[0], size[1], row[0], i)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		levels := rapid.SampledFrom([]Levels{FullLevels, LimitedLevels, {0, 235}}).Draw(t, "levels")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		check(t, rapid.IntRange(minimumSide, 300).Draw(t, "width"), rapid.IntRange(minimumSide, 300).Draw(t, "height"), levels, random)
	})
}

func TestFramesOfOddSizes(t *testing.T) {
	if got := NewFrames(4, 400, FullLevels).Hash(make([]byte, 1600)); got != (Result{}) {
		t.Errorf("too narrow: %+v", got)
	}
	if got, turned := NewFrames(4, 400, FullLevels).HashTurned(make([]byte, 1600)); got != (Result{}) || turned != (Variants{}) {
		t.Errorf("too narrow: %+v, %v", got, turned)
	}
	defer func() {
		if recover() == nil {
			t.Error("a frame of another size is hashed")
		}
	}()
	NewFrames(8, 8, FullLevels).Hash(make([]byte, 63))
}

// TestFramesOfFullLevels compares whole hashes with those of pictures.
func TestFramesOfFullLevels(t *testing.T) {
	frame := image.NewGray(image.Rect(0, 0, 321, 243))
	for i := range frame.Pix {
		x, y := i%321, i/321
		frame.Pix[i] = byte(127 + 100*math.Sin(float64(x*x+40*y)/3000) + float64(i%17))
	}
	want, f := Compute(frame), NewFrames(321, 243, FullLevels)
	if got := f.Hash(frame.Pix); got != want.Result || want.Quality < MinimumQuality {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, turned := f.HashTurned(frame.Pix); got != want.Result || turned != ReferenceVariants(frame) {
		t.Errorf("%+v, want %+v; turned %v, want %v", got, want.Result, turned, ReferenceVariants(frame))
	}
}
