package media

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/brdoproject/brdo/engine/pdq"
)

func TestEveryFormatGivesTheSameFingerprint(t *testing.T) {
	service := start(t, Options{Children: 1})
	picture := landscape(640, 480)
	want := pdq.Compute(picture)
	if want.Quality < pdq.MinimumQuality {
		t.Fatalf("the test picture has quality %d", want.Quality)
	}
	for _, test := range []struct {
		mime    string
		content []byte
		within  int
	}{
		{"image/jpeg", asJPEG(t, picture), 10},
		{"image/png", asPNG(t, picture), 0},
		{"image/gif", asGIF(t, picture), 16},
		{"image/bmp", asBMP(t, picture), 0},
		{"image/tiff", asTIFF(t, picture), 0},
	} {
		found := service.fingerprintBytes(t, test.content)
		if found.Status != StatusOK || found.MIME != test.mime || found.Width != 640 || found.Height != 480 || found.FirstFrameOnly {
			t.Errorf("%s: %+v", test.mime, found)
			continue
		}
		if distance := found.Forms.Full.Hash.Distance(want.Hash); distance > test.within {
			t.Errorf("%s: distance %d, at most %d expected", test.mime, distance, test.within)
		}
		if test.within == 0 && (found.Forms.Full.Variants != want.Variants || found.Forms.Full.Quality != want.Quality) {
			t.Errorf("%s: variants or quality changed on their way through the child", test.mime)
		}
	}
}

func TestOnePhotographInManyFormats(t *testing.T) {
	service := startPlaying(t, Options{Children: 1})
	want := service.fingerprintBytes(t, photo(t, "P05.jpg"))
	if want.Status != StatusOK {
		t.Fatalf("%+v", want)
	}
	for name, mime := range map[string]string{
		"P05.bmp": "image/bmp", "P05.gif": "image/gif", "P05.png": "image/png",
		"P05.tiff": "image/tiff", "P05.webp": "image/webp",
		"P05.avif": "image/avif", "P05.heic": "image/heic", "P05.jxl": "image/jxl",
	} {
		found := service.fingerprintBytes(t, photo(t, name))
		if found.Status != StatusOK || found.MIME != mime {
			t.Errorf("%s: %s %s %s", name, found.Status, found.MIME, found.Detail)
		} else if distance := found.Forms.Full.Hash.Distance(want.Forms.Full.Hash); distance > 20 {
			t.Errorf("%s: distance %d", name, distance)
		}
	}
}

// TestBordersComeOffInTheChild whatever the format, and of JPEG files that are otherwise not
// decoded to pixels.
func TestBordersComeOffInTheChild(t *testing.T) {
	service := start(t, Options{Children: 1})
	picture := landscape(320, 240)
	want := pdq.Compute(picture)
	whole := image.NewRGBA(image.Rect(0, 0, 360, 400))
	draw.Draw(whole, whole.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(whole, image.Rect(20, 60, 340, 300), picture, image.Point{}, draw.Src)
	for name, content := range map[string][]byte{"JPEG": asJPEG(t, whole), "PNG": asPNG(t, whole), "GIF": asGIF(t, whole)} {
		found := service.fingerprintBytes(t, content)
		if found.Status != StatusOK || found.Trimmed.Rectangle != image.Rect(20, 60, 340, 300) || found.Detail != "" {
			t.Errorf("%s: %s %q, %v is left", name, found.Status, found.Detail, found.Trimmed.Rectangle)
		}
		if with, without := found.Forms.Full.Hash.Distance(want.Hash), found.Trimmed.Forms.Full.Hash.Distance(want.Hash); with < 60 || without > 16 {
			t.Errorf("%s: distance %d with the borders, %d without", name, with, without)
		}
		bare := service.fingerprintBytes(t, asPNG(t, picture))
		if !bare.Trimmed.None() {
			t.Errorf("%s: %v of a picture without borders", name, bare.Trimmed.Rectangle)
		}
	}
	// Too plain as a whole, it is compared by what is within its borders.
	small := image.NewRGBA(image.Rect(0, 0, 900, 900))
	draw.Draw(small, small.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(small, image.Rect(300, 300, 460, 420), landscape(160, 120), image.Point{}, draw.Src)
	if found := service.fingerprintBytes(t, asJPEG(t, small)); found.Trimmed.None() || found.Trimmed.Forms.Full.Quality < pdq.MinimumQuality {
		t.Errorf("a small picture on a large page: %s, quality %d and without its borders %d", found.Status, found.Forms.Full.Quality, found.Trimmed.Forms.Full.Quality)
	}
}

func TestVariantsCoverTurnsAndMirrors(t *testing.T) {
	service := start(t, Options{Children: 1})
	original := service.fingerprintBytes(t, photo(t, "P01.jpg"))
	for _, name := range []string{"P01_mirror.jpg", "P01_rot90.jpg"} {
		turned := service.fingerprintBytes(t, photo(t, name))
		nearest := 256
		for _, variant := range original.Forms.Full.Variants {
			nearest = min(nearest, variant.Distance(turned.Forms.Full.Hash))
		}
		if nearest > 31 {
			t.Errorf("%s: nearest variant at distance %d", name, nearest)
		}
	}
	if tagged := service.fingerprintBytes(t, photo(t, "P01_exif6.jpg")); tagged.Status != StatusOK {
		t.Errorf("P01_exif6.jpg: %+v", tagged)
	}
}

func TestOrientationDoesNotChangeTheFingerprint(t *testing.T) {
	service := start(t, Options{Children: 1})
	plain := asJPEG(t, landscape(320, 240))
	want := service.fingerprintBytes(t, plain)
	if got := service.fingerprintBytes(t, withExif(plain, binary.BigEndian, 6)); got != want {
		t.Errorf("with orientation 6: %+v, want %+v", got, want)
	}
}

// hostile is the corpus that is built here; every file has an expected status.
func hostile(t testing.TB) map[string]struct {
	content []byte
	status  Status
	mime    string
} {
	picture := landscape(320, 240)
	jpegFile, pngFile := asJPEG(t, picture), asPNG(t, picture)
	random := make([]byte, 64<<10)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random)
	garbled := bytes.Clone(pngFile)
	copy(garbled[len(garbled)/2:], random[:64])
	weird := encoded(t, func(b *bytes.Buffer) error { return tiff.Encode(b, picture, nil) })
	directory := binary.LittleEndian.Uint32(weird[4:])
	for entry := weird[directory+2:]; len(entry) >= 12; entry = entry[12:] {
		if binary.LittleEndian.Uint16(entry) == 273 { // strip offsets beyond the end
			binary.LittleEndian.PutUint32(entry[8:], 0xfffffff0)
		}
	}
	count := bytes.Clone(weird)
	binary.LittleEndian.PutUint32(count[directory+2+4:], 0xffffffff)
	nowhere := []byte("II*\x00\xff\xff\xff\xff")
	archive := encoded(t, func(b *bytes.Buffer) error {
		writer := zip.NewWriter(b)
		entry, err := writer.Create("message-17.txt")
		if err != nil {
			return err
		}
		if _, err := entry.Write([]byte("message 17")); err != nil {
			return err
		}
		return writer.Close()
	})
	flat := image.NewGray(image.Rect(0, 0, 200, 200))
	lyingGIF := animatedGIF(t, landscape(320, 240), 2)
	binary.LittleEndian.PutUint16(lyingGIF[6:], 65535)
	binary.LittleEndian.PutUint16(lyingGIF[8:], 65535)

	all := map[string]struct {
		content []byte
		status  Status
		mime    string
	}{
		"empty":                         {nil, StatusEmpty, ""},
		"one byte":                      {[]byte{0x01}, StatusUnsupported, "application/octet-stream"},
		"text":                          {[]byte("message 17\n"), StatusUnsupported, "text/plain"},
		"BM in text":                    {[]byte("BMesh notes, nothing else here"), StatusUnsupported, "text/plain"},
		"zip":                           {archive, StatusUnsupported, "application/zip"},
		"random bytes":                  {random, StatusUnsupported, "application/octet-stream"},
		"JPEG cut in half":              {jpegFile[:len(jpegFile)/2], StatusTruncated, "image/jpeg"},
		"JPEG of three bytes":           {jpegFile[:3], StatusTruncated, "image/jpeg"},
		"PNG cut in half":               {pngFile[:len(pngFile)/2], StatusTruncated, "image/png"},
		"GIF cut":                       {asGIF(t, picture)[:900], StatusTruncated, "image/gif"},
		"BMP cut":                       {asBMP(t, picture)[:5000], StatusTruncated, "image/bmp"},
		"PNG with noise inside":         {garbled, StatusUnreadable, "image/png"},
		"JPEG magic, then random bytes": {append([]byte{0xff, 0xd8, 0xff, 0xe0}, random...), StatusUnreadable, "image/jpeg"},
		"PNG claiming 60,000 squared":   {lyingPNG(t, 60000, 60000), StatusTooLarge, "image/png"},
		"PNG claiming 2^31-1 squared":   {lyingPNG(t, 1<<31-1, 1<<31-1), StatusUnsupported, "image/png"},
		"PNG claiming no width":         {lyingPNG(t, 0, 10), StatusUnreadable, "image/png"},
		"PNG claiming 8,000 squared":    {lyingPNG(t, 8000, 8000), StatusUnreadable, "image/png"},
		"GIF claiming 65,535 squared":   {lyingGIF, StatusTooLarge, "image/gif"},
		"GIF of 100,000 frames":         {animatedGIF(t, picture, 100_000), StatusOK, "image/gif"},
		"JPEG with a ZIP behind it":     {append(bytes.Clone(jpegFile), archive...), StatusOK, "image/jpeg"},
		"TIFF strips beyond the end":    {weird, StatusTruncated, "image/tiff"},
		"TIFF with four billion values": {count, StatusUnreadable, "image/tiff"},
		"TIFF directory nowhere":        {nowhere, StatusTruncated, "image/tiff"},
		"flat grey":                     {asPNG(t, flat), StatusUnhashable, "image/png"},
	}
	maps.Copy(all, hostileCoded(t))
	return all
}

func TestHostileFilesGetAStatus(t *testing.T) {
	service := start(t, Options{Children: 1})
	files := hostile(t)
	// In a fixed order: a child is replaced when the next file comes, so the last one is not.
	for _, name := range slices.Sorted(maps.Keys(files)) {
		test := files[name]
		found := service.fingerprintBytes(t, test.content)
		if found.Status != test.status || found.MIME != test.mime {
			t.Errorf("%s: %s %q (%s), want %s %q", name, found.Status, found.MIME, found.Detail, test.status, test.mime)
		}
		if (found.Detail == "") != (found.Status == StatusOK) {
			t.Errorf("%s: status %s with detail %q", name, found.Status, found.Detail)
		}
		picture := service.previewBytes(t, test.content, PreviewRequest{Kind: Full})
		if wantPicture := test.status.Decoded(); (picture.Status == StatusOK) != wantPicture || (picture.Data != nil) != wantPicture {
			t.Errorf("%s: preview %s with %d bytes", name, picture.Status, len(picture.Data))
		}
	}
	// Two children are replaced after the only file that makes room for many pixels.
	if counts := service.State().Counts; counts.Crashed != 0 || counts.TimedOut != 0 || counts.Started != 3 {
		t.Errorf("a child was lost: %+v", counts)
	}
}

func TestHostilePhotographs(t *testing.T) {
	service := start(t, Options{Children: 1})
	for name, want := range map[string]Status{
		"bad_truncated.jpg":          StatusTruncated,
		"bad_65535x65535_header.jpg": StatusTooLarge,
		"poly_jpeg_zip.jpg":          StatusUnhashable, // a smooth gradient
		"renamed_jpeg.txt":           StatusOK,
	} {
		if found := service.fingerprintBytes(t, photo(t, name)); found.Status != want || found.MIME != "image/jpeg" {
			t.Errorf("%s: %s %s (%s), want %s", name, found.Status, found.MIME, found.Detail, want)
		}
	}
}

func TestFurtherPicturesAreMentioned(t *testing.T) {
	service := start(t, Options{Children: 1})
	single := asPNG(t, landscape(320, 240))
	control := []byte("\x00\x00\x00\x08acTL\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00")
	binary.BigEndian.PutUint32(control[16:], 0x2ca6b5d5)
	pages := asTIFF(t, landscape(320, 240))
	directory := binary.LittleEndian.Uint32(pages[4:])
	next := int(directory) + 2 + 12*int(binary.LittleEndian.Uint16(pages[directory:]))
	binary.LittleEndian.PutUint32(pages[next:], 8)
	for name, content := range map[string][]byte{
		"GIF":  animatedGIF(t, landscape(320, 240), 2),
		"TIFF": pages,
	} {
		if found := service.fingerprintBytes(t, content); found.Status != StatusOK || !found.FirstFrameOnly {
			t.Errorf("%s: %+v", name, found)
		}
	}
	animated := append(append(bytes.Clone(single[:33]), control...), single[33:]...)
	if !pngHasMore(animated) || pngHasMore(single) {
		t.Error("animated PNG not told from a still one")
	}
	if gifHasMore(asGIF(t, landscape(32, 24))) {
		t.Error("a still GIF is said to be animated")
	}
}

func TestAnimatedWebP(t *testing.T) {
	service := start(t, Options{Children: 1})
	still := photo(t, "P05.webp")
	want := service.fingerprintBytes(t, still)
	if got := service.fingerprintBytes(t, animatedWebP(still, 0, 0, want.Width, want.Height, want.Width, want.Height)); got.Forms != want.Forms || !got.FirstFrameOnly {
		t.Errorf("first frame: %+v", got)
	}
	wider := service.fingerprintBytes(t, animatedWebP(still, 40, 0, want.Width+40, want.Height, want.Width, want.Height))
	if wider.Status != StatusOK || wider.Width != want.Width+40 {
		t.Errorf("frame on a wider canvas: %+v", wider)
	}
	for name, content := range map[string][]byte{
		"outside its canvas": animatedWebP(still, 2, 0, want.Width, want.Height, want.Width, want.Height),
		"of another size":    animatedWebP(still, 0, 0, want.Width, want.Height, want.Width-2, want.Height),
	} {
		if found := service.fingerprintBytes(t, content); found.Status != StatusUnreadable {
			t.Errorf("frame %s: %+v", name, found)
		}
	}
}

func TestFirstFrameSmallerThanItsCanvas(t *testing.T) {
	frame := asGIF(t, landscape(200, 100))
	binary.LittleEndian.PutUint16(frame[6:], 400)
	picture, about := decode(frame, DefaultMaxPixels)
	if about.status != StatusOK || picture.Bounds() != image.Rect(0, 0, 400, 100) {
		t.Fatalf("%+v", about)
	}
	if r, g, b, _ := picture.At(399, 50).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
		t.Error("the uncovered part of the canvas is not white")
	}
	if got := color.RGBAModel.Convert(picture.At(100, 10)).(color.RGBA); got.B < 150 {
		t.Errorf("the frame is not on the canvas: %v", got)
	}
}

func TestRawAndReducedTIFF(t *testing.T) {
	plain := asTIFF(t, landscape(64, 48))
	directory := binary.LittleEndian.Uint32(plain[4:])
	replaceFirst := func(tag, kind uint16, value uint32) []byte {
		changed := bytes.Clone(plain)
		entry := changed[directory+2:]
		binary.LittleEndian.PutUint16(entry, tag)
		binary.LittleEndian.PutUint16(entry[2:], kind)
		binary.LittleEndian.PutUint32(entry[8:], value)
		return changed
	}
	for name, content := range map[string][]byte{
		"reduced": replaceFirst(tagNewSubfileType, 4, 1),
		"DNG":     replaceFirst(tagDNGVersion, 1, 1),
	} {
		if _, about := decode(content, DefaultMaxPixels); about.status != StatusUnsupported {
			t.Errorf("%s: %+v", name, about)
		}
	}
}

func TestLimits(t *testing.T) {
	service := start(t, Options{Children: 1, MaxBytes: 1 << 20, MaxPixels: 300 * 200})
	fits := service.fingerprintBytes(t, asPNG(t, landscape(300, 200)))
	if fits.Status != StatusOK {
		t.Errorf("at the limit: %+v", fits)
	}
	beyond := service.fingerprintBytes(t, asPNG(t, landscape(300, 201)))
	if beyond.Status != StatusTooLarge || beyond.Width != 300 || beyond.Height != 201 {
		t.Errorf("one row beyond: %+v", beyond)
	}
	if long := service.fingerprintBytes(t, make([]byte, 1<<20+1)); long.Status != StatusTooLarge {
		t.Errorf("one byte beyond: %+v", long)
	}
	if long := service.fingerprintBytes(t, make([]byte, 1<<20)); long.Status != StatusUnsupported {
		t.Errorf("at the limit of bytes: %+v", long)
	}
}

// TestParentMemory sends the whole hostile corpus, and a file as long as the
// limit, and looks at what it left in this process (pass figure: 64 MB).
func TestParentMemory(t *testing.T) {
	service := start(t, Options{Children: 2})
	corpus := hostile(t)
	before := residentPeak(t)
	for range 2 {
		for _, test := range corpus {
			service.fingerprintBytes(t, test.content)
			service.previewBytes(t, test.content, PreviewRequest{Kind: Sketch})
		}
	}
	found, err := service.Fingerprint(context.Background(), zeroReader{}, DefaultMaxBytes)
	if err != nil || found.Status != StatusUnsupported {
		t.Errorf("100 MiB of zeros: %+v, %v", found, err)
	}
	growth := residentPeak(t) - before
	t.Logf("resident peak grew by %.1f MiB", float64(growth)/(1<<20))
	if growth > 64<<20 {
		t.Errorf("resident peak grew by %d bytes", growth)
	}
}

type zeroReader struct{}

func (zeroReader) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

// What is left of a JPEG file that is cut off is compared, and its status says that it is
// a part. Other decoders refuse such a file, or fill it up without a word.
func TestPartsOfPictures(t *testing.T) {
	service := start(t, Options{Children: 1})
	whole := photo(t, "P05.jpg")
	want := service.fingerprintBytes(t, whole)
	for _, c := range []struct {
		share    float64
		status   Status
		distance int
	}{{1, StatusOK, 0}, {0.95, StatusPartial, 31}, {0.5, StatusPartial, 256}, {0.02, StatusTruncated, 256}} {
		found := service.fingerprintBytes(t, whole[:int(c.share*float64(len(whole)))])
		if found.Status != c.status || found.Forms.Full.Hash.Distance(want.Forms.Full.Hash) > c.distance {
			t.Errorf("%v of the file: %s (%s), %d bits away", c.share, found.Status, found.Detail, found.Forms.Full.Hash.Distance(want.Forms.Full.Hash))
		}
		if decoded := found.Forms != (pdq.Forms{}); decoded != c.status.Decoded() {
			t.Errorf("%v of the file: hashes %v with status %s", c.share, decoded, found.Status)
		}
		if (found.Status == StatusPartial) != strings.Contains(found.Detail, "% of the picture could be read") {
			t.Errorf("%v of the file: %q", c.share, found.Detail)
		}
	}
}
