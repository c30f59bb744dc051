package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
)

func codedFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "coded", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The hashes are of what other programs decode: see testdata/coded/README.md.
func TestCodedPicturesAreAsOtherDecodersShowThem(t *testing.T) {
	racetest.Skip(t, "one goroutine that waits for processes")
	service := startPlaying(t, Options{Children: 1})
	for _, c := range []struct {
		name, mime    string
		width, height int
		more          bool
		hash          string
		within        int
	}{
		{"pattern.heic", "image/heic", 256, 192, false, "05b4058615bc22772763defc5bc85d802e741243084bffb9f7ebd7cb087c2874", 2},
		{"clear.heic", "image/heic", 256, 192, false, "05b4058615bc22772763defc5bc85d802e741243084bffb9f7ebd7cb087c2874", 2},
		{"grey.heic", "image/heic", 256, 192, false, "05b4158615b422772763defc5bc85f802e741243084bf9b9f7ebd7cb087c2874", 2},
		{"clear.avif", "image/avif", 256, 192, false, "05b4158615bc22772763defc5bc85d802e741243084bfdb9f7ebd7cb087c2874", 2},
		{"ten.avif", "image/avif", 256, 192, false, "05b415861dbc22772763defc5bc85d802e741243084bf9b9f7ebd7cb087c2874", 2},
		{"lossless.avif", "image/avif", 256, 192, false, "05b4158615bc22772763defc5bc85f802e741243084bf9b9f7ebd7cb087c2874", 0},
		{"turned.avif", "image/avif", 192, 256, false, "041c071c1899675c07b3ed9c1edceb1ce71c1eefbc9bb493063ef483586c187c", 2},
		{"grid.avif", "image/avif", 256, 192, false, "05b4158615bc22772763defc5bc85d802e741243084bfdb9f7ebd7cb087c2874", 4},
		{"series.avif", "image/avif", 256, 192, true, "05b4158615b422772763defc5bc85f802e741243084bfdb9f7ebd7cb087c2874", 2},
		{"box.jxl", "image/jxl", 256, 192, false, "05b405861dbc22772763defc5bc85d802e741243084bfdb9f7ebd7cb087c2874", 2},
		{"grey.jxl", "image/jxl", 256, 192, false, "05b415861dbc22772763defc5bc85d802e741243084bf9b9f7ebd7cb087c2874", 2},
		{"series.jxl", "image/jxl", 256, 192, true, "05b4158615bc22772723defd5bc85d802e749243084bedb9f7ebd7cb087c2874", 2},
		{"turned.jxl", "image/jxl", 192, 256, false, "514956495ddc665952e739d95999344926595332c99ee196536be3d61d394d29", 0},
		{"clear.jxl", "image/jxl", 256, 192, false, hashOf(t, "clear.png"), 0},
		{"deep.jxl", "image/jxl", 256, 192, false, hashOf(t, "deep.png"), 0},
	} {
		found := service.fingerprintBytes(t, codedFile(t, c.name))
		if found.Status != StatusOK || found.MIME != c.mime || found.Width != c.width || found.Height != c.height || found.FirstFrameOnly != c.more {
			t.Errorf("%s: %+v", c.name, found)
		}
		want, err := pdq.Parse(c.hash)
		if err != nil {
			t.Fatal(err)
		}
		if distance := found.Forms.Full.Hash.Distance(want); distance > c.within {
			t.Errorf("%s: %d bits from what another decoder gives, at most %d", c.name, distance, c.within)
		}
	}
	wide, err := service.FirstLook(context.Background(), bytes.NewReader(codedFile(t, "clear.jxl")), int64(len(codedFile(t, "clear.jxl"))), true)
	if err != nil || wide.Status != StatusOK || wide.Within != 0 || wide.Forms.Full.Hash.String() != hashOf(t, "clear.png") {
		t.Errorf("a first look: %+v, %v", wide, err)
	}
	if counts := service.State().Counts; counts.Started != 1 || counts.Files != 16 {
		t.Errorf("%+v", counts)
	}
}

func hashOf(t testing.TB, name string) string {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(codedFile(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return pdq.Compute(picture).Hash.String()
}

// item is a part of a file that [writeHEIF] writes.
type item struct {
	kind       string
	data       []byte
	properties []box
	parts      []uint32
}

// writeHEIF writes a file of items, numbered from 1, the first of which is primary.
func writeHEIF(items ...item) []byte {
	bare := func(kind string, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
	}
	full := func(kind string, version byte, parts ...[]byte) []byte {
		return bare(kind, append([][]byte{{version, 0, 0, 0}}, parts...)...)
	}
	u16 := func(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
	u32 := func(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
	var infos, properties, associations, references, data []byte
	count, place := 0, 0
	for i, one := range items {
		infos = append(infos, full("infe", 2, u16(i+1), u16(0), []byte(one.kind), []byte{0})...)
		associations = append(append(associations, u16(i+1)...), byte(len(one.properties)))
		for _, p := range one.properties {
			count++
			properties = append(properties, bare(p.kind, p.body)...)
			associations = append(associations, u16(count)...)
		}
		if one.parts != nil {
			list := append(u16(i+1), u16(len(one.parts))...)
			for _, part := range one.parts {
				list = append(list, u16(int(part))...)
			}
			references = append(references, bare("dimg", list)...)
		}
		data = append(data, one.data...)
	}
	head := bare("ftyp", []byte("heic\x00\x00\x00\x00mif1heic"))
	build := func(begin int) []byte {
		place = begin
		places := append([]byte{0x44, 0}, u16(len(items))...)
		for i, one := range items {
			places = append(places, bytes.Join([][]byte{u16(i + 1), u16(0), u16(1), u32(place), u32(len(one.data))}, nil)...)
			place += len(one.data)
		}
		return full("meta", 0, full("hdlr", 0, make([]byte, 20)), full("pitm", 0, u16(1)), full("iloc", 0, places),
			full("iinf", 0, u16(len(items)), infos), full("iref", 0, references),
			bare("iprp", bare("ipco", properties), bare("ipma", []byte{0, 0, 0, 1}, u32(len(items)), associations)))
	}
	meta := build(0)
	return bytes.Join([][]byte{head, build(len(head) + len(meta) + 8), bare("mdat", data)}, nil)
}

func extent(width, height uint32) box {
	return box{"ispe", binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), width), height)}
}

// quarters are the tiles of the pattern as items.
func quarters(t testing.TB) []item {
	t.Helper()
	var all []item
	for _, name := range []string{"tile0.heic", "tile1.heic", "tile2.heic", "tile3.heic"} {
		h, err := openHEIF(codedFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		picture := h.items[h.primary]
		data, err := h.bytes(picture)
		if err != nil {
			t.Fatal(err)
		}
		one := item{kind: picture.kind, data: data[0]}
		for _, index := range picture.properties {
			one.properties = append(one.properties, h.properties[index])
		}
		all = append(all, one)
	}
	return all
}

func gridOf(rows, columns byte, width, height uint16, properties ...box) item {
	data := []byte{0, 0, rows - 1, columns - 1}
	data = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(data, width), height)
	return item{kind: "grid", data: data, parts: []uint32{2, 3, 4, 5}, properties: append([]box{extent(uint32(width), uint32(height))}, properties...)}
}

// Photos of telephones are grids of tiles, the outermost of which are cut, with a turn.
func TestTilesMakeAPicture(t *testing.T) {
	racetest.Skip(t, "one goroutine that waits for processes")
	service := startPlaying(t, Options{Children: 1})
	tiles := quarters(t)
	whole, err := png.Decode(bytes.NewReader(codedFile(t, "pattern.png")))
	if err != nil {
		t.Fatal(err)
	}
	pattern := image.NewRGBA(whole.Bounds())
	for i := range len(pattern.Pix) / 4 {
		pattern.Set(i%256, i/256, whole.At(i%256, i/256))
	}
	cut := func(r image.Rectangle) *image.RGBA {
		out := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
		for y := range r.Dy() {
			copy(out.Pix[y*out.Stride:][:4*r.Dx()], pattern.Pix[pattern.PixOffset(r.Min.X, r.Min.Y+y):])
		}
		return out
	}
	aperture := make([]byte, 0, 32)
	for _, v := range []int32{200, 1, 150, 1, 24, 2, 9, 1} {
		aperture = binary.BigEndian.AppendUint32(aperture, uint32(v))
	}
	for name, c := range map[string]struct {
		grid item
		want *image.RGBA
	}{
		"whole":    {gridOf(2, 2, 256, 192), pattern},
		"cut":      {gridOf(2, 2, 250, 181), cut(image.Rect(0, 0, 250, 181))},
		"left":     {gridOf(2, 2, 256, 192, box{"irot", []byte{1}}), orient(pattern, 8)},
		"right":    {gridOf(2, 2, 256, 192, box{"irot", []byte{3}}), orient(pattern, 6)},
		"mirrored": {gridOf(2, 2, 256, 192, box{"imir", []byte{1}}), orient(pattern, 2)},
		"fell":     {gridOf(2, 2, 250, 192, box{"irot", []byte{1}}, box{"imir", []byte{0}}), orient(orient(cut(image.Rect(0, 0, 250, 192)), 8), 4)},
		"aperture": {gridOf(2, 2, 256, 192, box{"clap", aperture}), cut(image.Rect(40, 30, 240, 180))},
	} {
		found := service.fingerprintBytes(t, writeHEIF(append([]item{c.grid}, tiles...)...))
		want := pdq.Compute(c.want)
		if found.Status != StatusOK || found.Width != want.Width || found.Height != want.Height || found.Forms.Full.Hash.Distance(want.Hash) > 8 || found.FirstFrameOnly {
			t.Errorf("%s: %s (%s), %d x %d, %d bits away", name, found.Status, found.Detail, found.Width, found.Height, found.Forms.Full.Hash.Distance(want.Hash))
		}
	}

	file := writeHEIF(append([]item{gridOf(2, 2, 256, 192)}, tiles...)...)
	if part := service.fingerprintBytes(t, file[:len(file)-100]); part.Status != StatusPartial || !strings.HasPrefix(part.Detail, "75 % of the picture") {
		t.Errorf("without the end of the last tile: %+v", part)
	}
	tiles[3].data = append(bytes.Clone(tiles[3].data[:200]), bytes.Repeat([]byte{0xff}, len(tiles[3].data)-200)...)
	if part := service.fingerprintBytes(t, writeHEIF(append([]item{gridOf(2, 2, 256, 192)}, tiles...)...)); part.Status != StatusPartial || !strings.HasPrefix(part.Detail, "a part of the picture is damaged") {
		t.Errorf("with a broken tile: %+v", part)
	}
	picture := service.previewBytes(t, file, PreviewRequest{Kind: Full})
	seen, _, err := image.Decode(bytes.NewReader(picture.Data))
	if err != nil || picture.Status != StatusOK {
		t.Fatalf("preview: %+v, %v", picture, err)
	}
	for _, at := range []image.Point{{190, 40}, {10, 5}, {200, 180}} {
		r, g, b, _ := seen.At(at.X, at.Y).RGBA()
		near := pattern.RGBAAt(at.X, at.Y)
		if got := (color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}); far(got, near) > 16 {
			t.Errorf("the preview shows %v at %v, want %v", got, at, near)
		}
	}
	if part := service.previewBytes(t, file[:len(file)-100], PreviewRequest{Kind: Full}); part.Status != StatusUnreadable {
		t.Errorf("preview of a part: %+v", part)
	}
}

func far(a, b color.RGBA) int {
	apart := 0
	for _, d := range [3]int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		apart = max(apart, d, -d)
	}
	return apart
}

func TestTurnsFollowEachOther(t *testing.T) {
	picture := landscape(7, 5)
	for first := 1; first <= 8; first++ {
		for name, c := range map[string]struct {
			table [9]int
			then  int
		}{"left": {turnedLeft, 8}, "top to bottom": {topToBottom, 4}, "left to right": {leftToRight, 2}} {
			if got, want := orient(picture, c.table[first]), orient(orient(picture, first), c.then); got.Rect != want.Rect || !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("%d, then %s: %d is wrong", first, name, c.table[first])
			}
		}
	}
}

// hostileCoded are files whose status the container alone decides, so that ffmpeg is not asked.
func hostileCoded(t testing.TB) map[string]struct {
	content []byte
	status  Status
	mime    string
} {
	tiles := quarters(t)
	sound := writeHEIF(append([]item{gridOf(2, 2, 256, 192)}, tiles...)...)
	with := func(grid item, others ...item) []byte { return writeHEIF(append([]item{grid}, others...)...) }
	changed := func(from, to string) []byte { return bytes.Replace(sound, []byte(from), []byte(to), 1) }
	sized := func(width, height uint32) []byte {
		return writeHEIF(item{kind: "hvc1", data: tiles[0].data, properties: []box{extent(width, height), {"hvcC", tiles[0].properties[0].body}}})
	}
	itself := gridOf(1, 1, 128, 96)
	itself.parts = []uint32{1}
	many := gridOf(200, 200, 25600, 19200) // of one tile, again and again
	many.parts = make([]uint32, 200*200)
	for i := range many.parts {
		many.parts[i] = 2
	}
	dense := gridOf(100, 100, 100, 100)
	dense.parts = make([]uint32, 100*100)
	for i := range dense.parts {
		dense.parts[i] = 2
	}
	heavy := item{kind: "hvc1", data: binary.BigEndian.AppendUint32(nil, 1<<20), properties: []box{extent(1, 1), {"hvcC", tiles[0].properties[0].body}}}
	heavy.data = append(heavy.data, make([]byte, 1<<20)...)
	for i := range tiles[0].properties {
		if tiles[0].properties[i].kind == "hvcC" {
			heavy.properties[1] = tiles[0].properties[i]
		}
	}
	frame := func(header ...byte) []byte {
		return append([]byte(jxlCodestream), append(header, make([]byte, 100)...)...)
	}
	return map[string]struct {
		content []byte
		status  Status
		mime    string
	}{
		"HEIC claiming 60,000 squared":       {sized(60000, 60000), StatusTooLarge, "image/heic"},
		"HEIC claiming 2^32-1 squared":       {sized(1<<32-1, 1<<32-1), StatusTooLarge, "image/heic"},
		"HEIC claiming no width":             {sized(0, 10), StatusUnreadable, "image/heic"},
		"HEIC cut in its boxes":              {sound[:200], StatusUnreadable, "image/heic"},
		"HEIC without its pictures":          {sound[:bytes.Index(sound, []byte("mdat"))+12], StatusTruncated, "image/heic"},
		"HEIC without boxes":                 {sound[:24], StatusUnsupported, "image/heic"},
		"HEIC with a grid of itself":         {with(itself), StatusUnsupported, "image/heic"},
		"HEIC with 40,000 tiles":             {with(many, tiles[0]), StatusTooLarge, "image/heic"},
		"HEIC that repeats a megabyte":       {with(dense, heavy), StatusUnreadable, "image/heic"},
		"HEIC with tiles of two sizes":       {with(gridOf(2, 2, 256, 192), tiles[0], tiles[1], tiles[2], heavy), StatusUnreadable, "image/heic"},
		"HEIC with a tile too few":           {with(gridOf(2, 3, 256, 192), tiles...), StatusUnreadable, "image/heic"},
		"HEIC that its tiles do not cover":   {with(gridOf(2, 2, 300, 192), tiles...), StatusUnreadable, "image/heic"},
		"HEIC of another codec":              {bytes.ReplaceAll(sound, []byte("hvc1"), []byte("vvc1")), StatusUnsupported, "image/heic"},
		"HEIC without a primary picture":     {changed("pitm\x00\x00\x00\x00\x00\x01", "pitm\x00\x00\x00\x00\x00\x63"), StatusUnreadable, "image/heic"},
		"AVIF brand over nothing":            {[]byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), StatusUnsupported, "image/avif"},
		"JXL claiming 2^30 squared":          {frame(0b11111110, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), StatusTooLarge, "image/jxl"},
		"JXL of two bytes":                   {[]byte(jxlCodestream), StatusTruncated, "image/jxl"},
		"JXL container of nothing":           {[]byte(jxlContainer), StatusTruncated, "image/jxl"},
		"JXL container with a broken stream": {append([]byte(jxlContainer), "\x00\x00\x00\x0cjxlcabcd"...), StatusTruncated, "image/jxl"},
	}
}

// What ffmpeg cannot decode gets a status too, and takes no child with it.
func TestBrokenCodedPictures(t *testing.T) {
	service := startPlaying(t, Options{Children: 1})
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(name string, from int) []byte {
		content := codedFile(t, name)
		for i := from; i < len(content); i++ {
			content[i] = byte(random.Uint32())
		}
		return content
	}
	// Noise behind a sound header is a picture for HEVC: there is nothing in it that could tell.
	another := codedFile(t, "lossless.avif") // says another size than its picture has
	binary.BigEndian.PutUint32(another[bytes.Index(another, []byte("ispe"))+8:], 255)
	files := map[string]struct {
		content []byte
		status  Status
	}{
		"HEIC of noise":        {noise("tile0.heic", bytes.Index(codedFile(t, "tile0.heic"), []byte("mdat"))+8), StatusUnreadable},
		"AVIF of noise":        {noise("clear.avif", 700), StatusUnreadable},
		"JXL of noise":         {noise("turned.jxl", 200), StatusUnreadable},
		"JXL cut":              {codedFile(t, "grey.jxl")[:300], StatusUnreadable},
		"AVIF of another size": {another, StatusUnreadable},
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		test := files[name]
		found := service.fingerprintBytes(t, test.content)
		if found.Status != test.status || found.Detail == "" {
			t.Errorf("%s: %s (%s), want %s", name, found.Status, found.Detail, test.status)
		}
	}
	if counts := service.State().Counts; counts.Crashed != 0 || counts.TimedOut != 0 {
		t.Errorf("a child was lost: %+v", counts)
	}
}

// The frame of a small file, 75 MB, passes through this process and leaves nothing in it.
func TestParentMemoryOfCodedPictures(t *testing.T) {
	racetest.Skip(t, "one goroutine that waits for processes")
	service := startPlaying(t, Options{Children: 1, Deadline: time.Minute})
	before := residentPeak(t)
	found := service.fingerprintBytes(t, codedFile(t, "flat.avif"))
	if found.Status != StatusUnhashable || found.Width != 5000 {
		t.Errorf("AVIF of 25 megapixels: %+v", found)
	}
	if growth := residentPeak(t) - before; growth > 64<<20 {
		t.Errorf("resident peak grew by %d bytes", growth)
	}
}

func TestCodedPicturesWithoutFFmpeg(t *testing.T) {
	service := start(t, Options{Children: 1})
	service.pool.player = ""
	for _, name := range []string{"pattern.heic", "clear.avif", "box.jxl"} {
		if found := service.fingerprintBytes(t, codedFile(t, name)); found.Status != StatusUnsupported || found.Detail != noPlayer.detail {
			t.Errorf("%s: %+v", name, found)
		}
		if found := service.previewBytes(t, codedFile(t, name), PreviewRequest{Kind: Sketch}); found.Status != StatusUnsupported {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// FuzzPlan reads containers: what is accepted is a recipe that the parent accepts, of data that the file has.
func FuzzPlan(f *testing.F) {
	for _, name := range []string{"tile0.heic", "grid.avif", "turned.avif", "series.avif", "clear.jxl", "turned.jxl", "series.jxl"} {
		f.Add(codedFile(f, name))
	}
	f.Add(writeHEIF(append([]item{gridOf(2, 2, 250, 181, box{"irot", []byte{1}})}, quarters(f)...)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		const limit = 1 << 20
		r, stream, about, coded := plan(content, limit)
		if !coded || about.status != StatusOK {
			if coded && (about.detail == "" || stream != nil) {
				t.Errorf("%+v", about)
			}
			return
		}
		length := 0
		for _, part := range stream {
			length += len(part)
		}
		again, err := parseRecipe(r.encode(), limit, int64(2*len(content)+2<<20))
		if err != nil || again != r || r.length != int64(length) {
			t.Errorf("%+v, %+v, %v, %d bytes", r, again, err, length)
		}
	})
}

// FuzzAssemble puts pictures together of whatever comes.
func FuzzAssemble(f *testing.F) {
	r := recipe{mime: "image/heic", codec: codecHEVC, frameWidth: 4, frameHeight: 3, columns: 2, rows: 2, left: 1, top: 1, width: 6, height: 5, orientation: 6}
	whole := append(r.encode(), make([]byte, r.frames()*r.frameSize())...)
	f.Add(append(whole, ending{read: int64(r.frames() * r.frameSize())}.encode()...))
	f.Add(append(whole, ending{read: 9, flawed: true, detail: "broken"}.encode()...))
	f.Fuzz(func(t *testing.T, content []byte) {
		const limit = 1 << 12
		picture, about, err := assemble(content, limit)
		if err != nil {
			return
		}
		if picture.Rect.Dx() != about.width || picture.Rect.Dy() != about.height {
			t.Errorf("%v for %+v", picture.Rect, about)
		}
		found := about.fingerprint()
		found.hash(picture)
		if _, err := parseFingerprint(encodeFingerprint(found), limit); err != nil {
			t.Errorf("%+v: %v", found, err)
		}
	})
}
