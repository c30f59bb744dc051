package luma

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/internal/racetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tents is an operator of cells that overlap by half, as those of PDQ do.
func tents(cells int) func(width, height int) []*Operator {
	axis := func(n int) []Taps {
		all := make([]Taps, cells)
		for i := range all {
			centre, reach := (float64(i)+0.5)*float64(n)/float64(cells), float64(n)/float64(cells)
			first, last := max(0, int(centre-reach)), min(n-1, int(centre+reach))
			all[i].Start = first
			sum := float32(0)
			for x := first; x <= last; x++ {
				w := float32(max(0.01, 1-math.Abs(float64(x)+0.5-centre)/reach))
				all[i].Weights = append(all[i].Weights, w)
				sum += w
			}
			for k := range all[i].Weights {
				all[i].Weights[k] /= sum
			}
		}
		return all
	}
	return func(width, height int) []*Operator { return []*Operator{{Rows: axis(height), Columns: axis(width)}} }
}

// points is an operator that reads single pixels.
func points(cells int) func(width, height int) []*Operator {
	axis := func(n int) []Taps {
		all := make([]Taps, cells)
		for i := range all {
			all[i] = Taps{Start: i * n / cells, Weights: []float32{1}}
		}
		return all
	}
	return func(width, height int) []*Operator { return []*Operator{{Rows: axis(height), Columns: axis(width)}} }
}

// dense is an operator of as many columns as one alone may have.
func dense(width, height int) []*Operator { return tents(2*MaxCells)(width, height) }

func both(width, height int) []*Operator {
	return append(tents(16)(width, height), points(13)(width, height)...)
}

// plain applies an operator to decoded pixels.
func plain(img image.Image, o *Operator) [][]float64 {
	out := make([][]float64, len(o.Rows))
	for i, row := range o.Rows {
		out[i] = make([]float64, len(o.Columns))
		for y, wy := range row.Weights {
			for j, column := range o.Columns {
				for x, wx := range column.Weights {
					c := color.RGBAModel.Convert(img.At(column.Start+x, row.Start+y)).(color.RGBA)
					level := 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
					out[i][j] += float64(wy) * float64(wx) * level
				}
			}
		}
	}
	return out
}

// differences are the mean and the greatest one between two sets of cells.
func differences(got [][]float32, want [][]float64) (mean, most float64) {
	count := 0
	for i := range want {
		for j := range want[i] {
			d := math.Abs(float64(got[i][j]) - want[i][j])
			mean += d
			most = max(most, d)
			count++
		}
	}
	return mean / float64(count), most
}

// decoded is a fixture and its pixels. The standard library does not read one of them, which
// has the coefficients of another.
func decoded(t *testing.T, name string) ([]byte, image.Image) {
	t.Helper()
	data := fixture(t, name)
	same := data
	if name == "progressive-restart" {
		same = fixture(t, "422")
	}
	img, err := jpeg.Decode(bytes.NewReader(same))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data, img
}

var readable = []string{"420", "422", "444", "411", "440", "gray", "restart", "progressive", "progressive-gray", "progressive-restart",
	"progressive-refined", "finest", "coarse", "bright", "saturated", "large", "large-progressive"}

func TestCellsAreThoseOfDecodedPixels(t *testing.T) {
	for _, name := range readable {
		data, img := decoded(t, name)
		got, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, both)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bounds := img.Bounds()
		if got.Width != bounds.Dx() || got.Height != bounds.Dy() || got.Read != 1 {
			t.Errorf("%s: %d by %d, %v read, want %v and all", name, got.Width, got.Height, got.Read, bounds)
		}
		if got.Progressive != strings.Contains(name, "progressive") {
			t.Errorf("%s: progressive is %v", name, got.Progressive)
		}
		for i, o := range both(got.Width, got.Height) {
			// Rounding moves a pixel by up to a level, and an average of many hardly. Where
			// colours leave RGB only the means of blocks are moved.
			allowedMean, allowed := 0.25, 2.5
			if i == 1 {
				allowedMean, allowed = 0.5, 8.0
			}
			if slices.Contains([]string{"saturated", "bright", "coarse"}, name) {
				allowedMean, allowed = 2.5*allowedMean, 2.5*allowed
			}
			if mean, most := differences(got.Cells[i], plain(img, o)); mean > allowedMean || most > allowed {
				t.Errorf("%s: operator %d differs by %.3f on average, at most %.3f", name, i, mean, most)
			}
		}
	}
}

func TestOneOperatorAloneMayHaveTwiceAsManyColumns(t *testing.T) {
	for _, name := range []string{"420", "large", "large-progressive"} {
		data, img := decoded(t, name)
		got, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, dense)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if mean, most := differences(got.Cells[0], plain(img, dense(got.Width, got.Height)[0])); mean > 0.5 || most > 8 {
			t.Errorf("%s: cells differ by %.3f on average, at most %.3f", name, mean, most)
		}
	}
}

func TestMeansAreThoseOfBlocks(t *testing.T) {
	for _, name := range readable {
		data, img := decoded(t, name)
		got, err := ReadJPEG(data, Options{MaxPixels: 1 << 20, Means: true}, tents(6))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		allowedMean, allowed := 1.2, 4.0
		if mean, most := differences(got.Cells[0], plain(img, tents(6)(got.Width, got.Height)[0])); mean > allowedMean || most > allowed {
			t.Errorf("%s: the means differ by %.3f on average, at most %.3f", name, mean, most)
		}
	}
}

// Pictures of any size and quality, among them noise, which leaves the range of levels most.
func TestRandomPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(20, 90).Draw(t, "width"), rapid.IntRange(20, 90).Draw(t, "height")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		grain := rapid.IntRange(1, 255).Draw(t, "grain")
		picture := image.NewGray(image.Rect(0, 0, width, height))
		for i := range picture.Pix {
			picture.Pix[i] = uint8(min(255, i/width*255/height+random.IntN(grain)))
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: rapid.IntRange(1, 100).Draw(t, "quality")}); err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadJPEG(file.Bytes(), Options{MaxPixels: 1 << 20}, both)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range both(width, height) {
			mean, most := differences(got.Cells[i], plain(img, o))
			if allowed := []float64{1.2, 14}[i]; mean > allowed || most > 10*allowed {
				t.Fatalf("operator %d differs by %.3f on average, at most %.3f", i, mean, most)
			}
		}
	})
}

func TestWhatIsNotReadIsSaid(t *testing.T) {
	twelve := bytes.Clone(fixture(t, "420"))
	twelve[bytes.Index(twelve, []byte{0xff, markerSOF0})+4] = 12
	for name, data := range map[string][]byte{
		"arithmetic": fixture(t, "arithmetic"), "rgb": fixture(t, "rgb"), "cmyk": fixture(t, "cmyk"), "one-by-one": fixture(t, "one-by-one"), "twelve": twelve,
	} {
		if _, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, both); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var tooLarge *TooLargeError
	if _, err := ReadJPEG(fixture(t, "large"), Options{MaxPixels: 640*400 - 1}, both); !errors.As(err, &tooLarge) || tooLarge.Width != 640 {
		t.Errorf("too large: %v", err)
	}
	for _, data := range [][]byte{nil, {0xff, 0xd8}, []byte("GIF89a, say"), {0xff, 0xd8, 0xff, 0xd9}} {
		if _, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, both); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// A file that is cut off gives what stands above the cut, and says how much that is.
func TestCutOffFiles(t *testing.T) {
	step := 5
	if racetest.Enabled {
		step = 37 // one goroutine
	}
	for _, name := range []string{"420", "restart", "progressive", "progressive-restart"} {
		data := fixture(t, name)
		whole, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, tents(8))
		if err != nil {
			t.Fatal(err)
		}
		before, parts := 0.0, 0
		for length := 1; length < len(data)-2; length += step {
			got, err := ReadJPEG(data[:length], Options{MaxPixels: 1 << 20}, tents(8))
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("%s cut at %d: %v", name, length, err)
				}
				continue
			}
			if got.Read < 0 || got.Read > 1 || !bytes.Contains([]byte(name), []byte("progressive")) && got.Read < before {
				t.Fatalf("%s cut at %d: %v read after %v", name, length, got.Read, before)
			}
			before = got.Read
			if got.Read < 1 {
				parts++
			}
			if name == "420" && got.Read > 0.5 {
				for j, value := range got.Cells[0][0] {
					if d := value - whole.Cells[0][0][j]; d > 0.01 || d < -0.01 {
						t.Fatalf("%s cut at %d: the first row of cells moved by %v", name, length, d)
					}
				}
			}
		}
		if parts < 3000/step/2 {
			t.Errorf("%s: only %d parts were read", name, parts)
		}
	}
}

// Damage between two restart markers stays there, and so does the loss of an interval.
func TestRestartMarkersBoundDamage(t *testing.T) {
	data := fixture(t, "restart")
	whole, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, tents(8))
	if err != nil {
		t.Fatal(err)
	}
	marker := func(number byte, from int) int {
		return from + bytes.Index(data[from:], []byte{0xff, markerRST0 + number})
	}
	scan := bytes.Index(data, []byte{0xff, markerSOS})
	third, fourth := marker(2, scan), marker(3, scan)
	struck := bytes.Clone(data)
	for i := third + 2; i < fourth; i++ {
		struck[i] = 0xfe // all ones is no code
	}
	for name, data := range map[string][]byte{"struck": struck, "lost": append(bytes.Clone(data[:third]), data[fourth:]...)} {
		got, err := ReadJPEG(data, Options{MaxPixels: 1 << 20}, tents(8))
		if err != nil || got.Read >= 1 || got.Read < 0.9 {
			t.Fatalf("%s: %v read, %v", name, got.Read, err)
		}
		for j, value := range got.Cells[0][7] {
			if d := value - whole.Cells[0][7][j]; d > 0.01 || d < -0.01 {
				t.Errorf("%s: cell %d of the last row moved by %v", name, j, d)
			}
		}
	}
}

// Rounding apart, the transform is the one of the standard.
func TestTransform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var block [64]int32
		var want [64]float64
		for range rapid.IntRange(0, 20).Draw(t, "coefficients") {
			block[rapid.IntRange(0, 63).Draw(t, "place")] = rapid.Int32Range(-300, 300).Draw(t, "value")
		}
		for y := range 8 {
			for x := range 8 {
				for v := range 8 {
					for u := range 8 {
						want[8*y+x] += float64(block[8*v+u]) * float64(basis[v][y]) * float64(basis[u][x])
					}
				}
			}
		}
		toLevels(&block)
		for i, level := range block {
			if d := float64(level) - 128 - want[i]; d > 1 || d < -1 {
				t.Fatalf("level %d is %d, want %.2f", i, level-128, want[i])
			}
		}
	})
}

func TestTheCacheOfCodesIsBounded(t *testing.T) {
	for i := range 5 * maxCodes {
		definition := make([]byte, 17)
		definition[0], definition[16] = 1, byte(i)
		if _, ok := codeOf(ofDC, definition); !ok {
			t.Fatal("not a code")
		}
	}
	if len(codes.of) > maxCodes {
		t.Errorf("%d codes are kept", len(codes.of))
	}
	if _, ok := codeOf(ofAC, append([]byte{3}, make([]byte, 18)...)); ok {
		t.Error("three codes of one bit were accepted")
	}
}

func FuzzReadJPEG(f *testing.F) {
	for _, name := range append(slices.Clone(readable), "one-by-one", "arithmetic") {
		if data := fixture(f, name); len(data) < 9000 {
			f.Add(data, false)
			f.Add(data, true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, means bool) {
		got, err := ReadJPEG(data, Options{MaxPixels: 1 << 15, Means: means}, both)
		if err != nil {
			return
		}
		if got.Read < 0 || got.Read > 1 || len(got.Cells) != 2 {
			t.Fatalf("%v read, %d operators", got.Read, len(got.Cells))
		}
		for _, rows := range got.Cells {
			for _, row := range rows {
				for _, cell := range row {
					if math.IsNaN(float64(cell)) || math.IsInf(float64(cell), 0) {
						t.Fatal("a cell is no number")
					}
				}
			}
		}
	})
}

func FuzzDecodeJPEG(f *testing.F) {
	for _, name := range append(slices.Clone(readable), "one-by-one", "arithmetic") {
		if data := fixture(f, name); len(data) < 9000 {
			f.Add(data)
			f.Add(data[:2*len(data)/3])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 15
		if parts, err := OpenParts(data, limit); err == nil {
			parts.Decode(image.Rect(parts.Bounds().Dx()/3, 0, 1<<16, 20))
			parts.Decode(image.Rect(0, parts.Bounds().Dy()/3, 20, 1<<16))
		}
		picture, read, err := DecodeJPEG(data, limit)
		if err != nil {
			return
		}
		if size := picture.Bounds().Size(); size.X < 1 || size.Y < 1 || size.X > limit/size.Y || read < 0 || read > 1 {
			t.Fatalf("%v, %v read", size, read)
		}
	})
}

// The digests of testdata/pixels.txt are those of the pixels that djpeg of libjpeg-turbo 2.1.5
// gives, with its defaults: every level of every pixel is the same.
func TestPixelsAreThoseOfTheCommonDecoder(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "pixels.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2*len(readable) {
		t.Fatalf("%d digests", len(lines)/2)
	}
	for i := 0; i < len(lines); i += 2 {
		img, read, err := DecodeJPEG(fixture(t, lines[i]), 1<<20)
		if err != nil || read != 1 {
			t.Fatalf("%s: %v, %v read", lines[i], err, read)
		}
		sum := sha256.New()
		bounds := img.Bounds()
		for y := range bounds.Dy() {
			for x := range bounds.Dx() {
				switch img := img.(type) {
				case *image.Gray:
					sum.Write([]byte{img.GrayAt(x, y).Y})
				case *image.NRGBA:
					sum.Write(img.Pix[img.PixOffset(x, y):][:3])
				}
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != lines[i+1] {
			t.Errorf("%s: other pixels", lines[i])
		}
	}
}

// TestAnOperatorServesManyPictures: what is kept of it for one picture does not spoil the next one, which may have other blocks
// and be read otherwise.
func TestAnOperatorServesManyPictures(t *testing.T) {
	kept := map[[2]int][]*Operator{}
	for range 2 {
		for _, name := range []string{"420", "444", "420", "gray", "progressive", "411"} {
			for _, means := range []bool{false, true, false} {
				options := Options{MaxPixels: 1 << 20, Means: means}
				want, err := ReadJPEG(fixture(t, name), options, both)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ReadJPEG(fixture(t, name), options, func(width, height int) []*Operator {
					size := [2]int{width, height}
					if kept[size] == nil {
						kept[size] = both(width, height)
					}
					return kept[size]
				})
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, means %t: other cells, %v", name, means, err)
				}
			}
		}
	}
	if len(kept) > 3 {
		t.Errorf("%d sizes: the pictures had to share some", len(kept))
	}
}

func TestOperatorsThatDoNotFitAreRefused(t *testing.T) {
	one := both(10, 10)[0]
	early := &Operator{Rows: []Taps{{Start: -1, Weights: []float32{1}}}, Columns: one.Columns}
	for name, operators := range map[string][]*Operator{
		"too many": {one, one, one}, "too wide": {{Rows: one.Rows, Columns: make([]Taps, 2*MaxCells+1)}}, "too wide together": {one, {Rows: one.Rows, Columns: make([]Taps, MaxCells+1)}}, "too early": {early},
	} {
		if _, err := ReadJPEG(fixture(t, "420"), Options{MaxPixels: 1 << 20}, func(int, int) []*Operator { return operators }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
