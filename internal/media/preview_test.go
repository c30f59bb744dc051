package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

func opened(t testing.TB, picture Picture) image.Image {
	t.Helper()
	if picture.Status != StatusOK {
		t.Fatalf("%s: %s", picture.Status, picture.Detail)
	}
	decode := jpeg.Decode
	if picture.MIME == "image/png" {
		decode = png.Decode
	}
	result, err := decode(bytes.NewReader(picture.Data))
	if err != nil {
		t.Fatal(err)
	}
	if result.Bounds() != image.Rect(0, 0, picture.Width, picture.Height) {
		t.Fatalf("%v is not %d x %d", result.Bounds(), picture.Width, picture.Height)
	}
	return result
}

func difference(a, b image.Image) float64 {
	var sum float64
	bounds := a.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x-bounds.Min.X+b.Bounds().Min.X, y-bounds.Min.Y+b.Bounds().Min.Y).RGBA()
			for _, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
				sum += max(float64(pair[0])-float64(pair[1]), float64(pair[1])-float64(pair[0])) / 257
			}
		}
	}
	return sum / float64(3*bounds.Dx()*bounds.Dy())
}

func TestFullPreviewShowsThePicture(t *testing.T) {
	service := start(t, Options{Children: 1})
	source := landscape(1600, 1201)
	picture := service.previewBytes(t, asPNG(t, source), PreviewRequest{Kind: Full, MaxSide: 401})
	if picture.MIME != "image/jpeg" || picture.Width != 401 || picture.Height != 301 {
		t.Fatalf("%s %d x %d", picture.MIME, picture.Width, picture.Height)
	}
	if d := difference(opened(t, picture), shrink(source, 401)); d > 4 {
		t.Errorf("mean difference %.1f of 255", d)
	}
	small := service.previewBytes(t, asPNG(t, landscape(50, 40)), PreviewRequest{Kind: Full})
	if small.Width != 50 || small.Height != 40 {
		t.Errorf("enlarged to %d x %d", small.Width, small.Height)
	}
}

func TestOrientationIsFollowed(t *testing.T) {
	service := start(t, Options{Children: 1})
	source := landscape(200, 120)
	stored := asJPEG(t, source)
	// Where the sun of the stored picture, right of the middle at the top,
	// comes to lie; taken from the figure in Exif 3.0.
	for orientation, corner := range map[uint16]image.Point{
		1: {155, 24}, 2: {44, 24}, 3: {44, 95}, 4: {155, 95},
		5: {24, 155}, 6: {95, 155}, 7: {95, 44}, 8: {24, 44},
		0: {155, 24}, 9: {155, 24},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			picture := opened(t, service.previewBytes(t, withExif(stored, order, orientation), PreviewRequest{Kind: Full}))
			if c := color.RGBAModel.Convert(picture.At(corner.X, corner.Y)).(color.RGBA); c.R < 235 || c.B > 190 {
				t.Errorf("orientation %d: no sun at %v of %v, but %v", orientation, corner, picture.Bounds(), c)
			}
		}
	}
}

func TestOrientationOfAPhotograph(t *testing.T) {
	service := start(t, Options{Children: 1})
	asked := PreviewRequest{Kind: Full, MaxSide: 300}
	plain := service.previewBytes(t, photo(t, "P01.jpg"), asked)
	tagged := service.previewBytes(t, photo(t, "P01_exif6.jpg"), asked)
	if tagged.Width != plain.Height || tagged.Height != plain.Width {
		if d := difference(opened(t, plain), opened(t, tagged)); d > 8 {
			t.Errorf("neither turned nor equal: %d x %d, difference %.1f", tagged.Width, tagged.Height, d)
		}
	}
}

func TestGreyAndBlur(t *testing.T) {
	service := start(t, Options{Children: 1})
	source := asPNG(t, landscape(320, 240))
	grey := opened(t, service.previewBytes(t, source, PreviewRequest{Kind: Full, Grey: true}))
	if _, ok := grey.(*image.Gray); !ok {
		t.Errorf("a %T", grey)
	}
	detail := func(picture image.Image) (sum int) {
		for y := range 240 {
			for x := range 319 {
				a := color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y
				b := color.GrayModel.Convert(picture.At(x+1, y)).(color.Gray).Y
				sum += max(int(a)-int(b), int(b)-int(a))
			}
		}
		return sum
	}
	blurred := opened(t, service.previewBytes(t, source, PreviewRequest{Kind: Full, Grey: true, Blur: 12}))
	if 3*detail(blurred) > detail(grey) {
		t.Errorf("detail %d after blurring, %d before", detail(blurred), detail(grey))
	}
}

func TestTilesMakeUpTheFullPreview(t *testing.T) {
	source := landscape(301, 203)
	content := asPNG(t, source)
	for _, blurRadius := range []int{0, 5} {
		_, full := preview(content, PreviewRequest{Kind: Full, MaxSide: 200, Grey: true, Blur: blurRadius}, DefaultMaxPixels)
		joined := make([]byte, len(full.bytes))
		covered := 0
		const columns, rows = 7, 3
		x0, y0 := 0, 0
		for row := range rows {
			x0 = 0
			var height int
			for column := range columns {
				_, tile := preview(content, PreviewRequest{Kind: Tile, MaxSide: 200, Grey: true, Blur: blurRadius,
					Region: Region{column, row, columns, rows}}, DefaultMaxPixels)
				for y := range tile.height {
					covered += copy(joined[(y0+y)*full.width+x0:], tile.bytes[y*tile.width:][:tile.width])
				}
				x0 += tile.width
				height = tile.height
			}
			y0 += height
		}
		if covered != len(joined) || !bytes.Equal(joined, full.bytes) {
			t.Errorf("blur %d: the tiles do not make up the whole", blurRadius)
		}
	}
}

func TestTileNeverEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := image.Rect(0, 0, rapid.IntRange(1, 5000).Draw(t, "width"), rapid.IntRange(1, 5000).Draw(t, "height"))
		grid := Region{Columns: rapid.IntRange(1, MaxTiles).Draw(t, "columns"), Rows: rapid.IntRange(1, MaxTiles).Draw(t, "rows")}
		grid.Column = rapid.IntRange(0, grid.Columns-1).Draw(t, "column")
		grid.Row = rapid.IntRange(0, grid.Rows-1).Draw(t, "row")
		if tile := grid.within(bounds); tile.Empty() || !tile.In(bounds) {
			t.Errorf("%v of %v is %v", grid, bounds, tile)
		}
	})
}

func TestPreviewRequestsOutOfBounds(t *testing.T) {
	service := start(t, Options{Children: 1})
	content := asPNG(t, landscape(32, 24))
	for _, asked := range []PreviewRequest{
		{}, {Kind: 9}, {Kind: Full, MaxSide: -1}, {Kind: Full, MaxSide: MaxFullSide + 1}, {Kind: Sketch, MaxSide: MaxSketchSide + 1},
		{Kind: Full, Blur: -1}, {Kind: Full, Blur: MaxBlur + 1}, {Kind: Tile}, {Kind: Full, Region: Region{Columns: 2, Rows: 2}},
		{Kind: Tile, Region: Region{Column: 2, Columns: 2, Rows: 2}}, {Kind: Tile, Region: Region{Row: -1, Columns: 2, Rows: 2}},
		{Kind: Tile, Region: Region{Columns: MaxTiles + 1, Rows: 1}},
	} {
		if _, err := service.Preview(context.Background(), bytes.NewReader(content), int64(len(content)), asked); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", asked, err)
		}
	}
}

func TestTransparentPicturesLieOnWhite(t *testing.T) {
	service := start(t, Options{Children: 1})
	clear := image.NewNRGBA(image.Rect(0, 0, 80, 60))
	picture := opened(t, service.previewBytes(t, asPNG(t, clear), PreviewRequest{Kind: Full}))
	if r, _, _, _ := picture.At(40, 30).RGBA(); r < 0xf000 {
		t.Errorf("%v", picture.At(40, 30))
	}
}

// TestSketchIsADrawing measures what the eye sees: mostly light paper, dark
// lines along the contours, few tones, and little of the colour and texture.
func TestSketchIsADrawing(t *testing.T) {
	service := start(t, Options{Children: 1})
	picture := service.previewBytes(t, asJPEG(t, landscape(1280, 960)), PreviewRequest{Kind: Sketch})
	drawing, ok := opened(t, picture).(*image.Gray)
	if !ok || picture.MIME != "image/png" || picture.Width != 640 || picture.Height != 480 {
		t.Fatalf("%s, %d x %d", picture.MIME, picture.Width, picture.Height)
	}
	var counts [256]int
	for _, value := range drawing.Pix {
		counts[value]++
	}
	paper, ink := 0, 0
	for value, count := range counts {
		if value >= 120 {
			paper += count
		}
		if value < 80 {
			ink += count
		}
	}
	total := len(drawing.Pix)
	if paper*100 < total*80 {
		t.Errorf("%d %% paper", paper*100/total)
	}
	if ink*1000 < total*3 || ink*100 > total*25 {
		t.Errorf("%.2f %% ink", float64(ink)*100/float64(total))
	}
}

func TestSketchOfNothing(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 500}, {700, 1}, {2, 3}} {
		_, drawing := preview(asPNG(t, image.NewGray(image.Rectangle{Max: size})), PreviewRequest{Kind: Sketch}, DefaultMaxPixels)
		if drawing.width < 1 || drawing.height < 1 || len(drawing.bytes) != drawing.width*drawing.height {
			t.Errorf("%v: %d x %d", size, drawing.width, drawing.height)
		}
	}
}
