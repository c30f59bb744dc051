package media

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/internal/racetest"
)

// keeperEnvironment holds the options of a process that keeps a service for a test, so
// that its memory is that of the service's parent and of nothing else.
const keeperEnvironment = "BRDO_TEST_KEEPER"

// parcel is what a keeper is asked about the size bytes that follow it, and saying what it says of them.
type parcel struct {
	Name string
	Size int64
	// Kind is [hashed], [shown] or [played].
	Kind int
}

const (
	hashed = iota
	shown
	played
)

type saying struct {
	Status Status
	Detail string
	Counts Counts
	Failed string
}

// keep is the keeper: it passes on what comes, as it comes.
func keep(options string) error {
	var o Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	ctx := context.Background()
	service, err := Start(ctx, o)
	if err != nil {
		return err
	}
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return service.Close()
		}
		var asked parcel
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err != nil {
			return err
		}
		content := io.LimitReader(in, asked.Size)
		var v saying
		switch asked.Kind {
		case hashed:
			var found Fingerprint
			found, err = service.Fingerprint(ctx, content, asked.Size)
			v.Status, v.Detail = found.Status, found.Detail
		case shown:
			var found Picture
			found, err = service.Preview(ctx, content, asked.Size, PreviewRequest{Kind: Full})
			v.Status, v.Detail = found.Status, found.Detail
		case played:
			var found Video
			found, err = service.Video(ctx, content, asked.Size, VideoRequest{Limits: VideoLimits{Deadline: time.Minute}})
			v.Status, v.Detail = found.Status, found.Detail
		}
		if err != nil {
			v.Failed = err.Error()
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		v.Counts = service.State().Counts
		if err := out.Encode(v); err != nil {
			return err
		}
	}
}

// keeper is the process of a service, seen from outside.
type keeper struct {
	t       *testing.T
	process int
	in      io.Writer
	out     *json.Decoder
}

func startKeeper(t *testing.T, o Options) *keeper {
	t.Helper()
	start(t, Options{Children: 1}) // skips where there is no sandbox at all
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), keeperEnvironment+"="+string(text))
	command.Stderr = t.Output()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the keeper ended with %v", err)
		}
	})
	return &keeper{t, command.Process.Pid, in, json.NewDecoder(out)}
}

func (k *keeper) ask(name string, kind int, content []byte) (v saying) {
	k.t.Helper()
	line, err := json.Marshal(parcel{name, int64(len(content)), kind})
	if err != nil {
		k.t.Fatal(err)
	}
	if _, err := k.in.Write(append(append(line, '\n'), content...)); err != nil {
		k.t.Fatalf("%s: %v", name, err)
	}
	if err := k.out.Decode(&v); err != nil {
		k.t.Fatalf("%s: the keeper says nothing: %v", name, err)
	}
	if v.Failed != "" {
		k.t.Errorf("%s: %s", name, v.Failed)
	}
	return v
}

// bomb is a hostile file and what may become of it, besides [StatusTimedOut] where the machine is slow.
type bomb struct {
	content func(t testing.TB) []byte
	kind    int
	want    []Status
}

// refused are the statuses of what gives no picture.
var refused = []Status{StatusUnreadable, StatusUnsupported, StatusTruncated, StatusTooLarge}

// TestBombsLeaveTheParentAsItIs sends small files that ask for much, to a service in a process of its
// own: each gets a status, no child goes beyond its limits for good, and the process has not
// grown by more than 64 MB at any time (seen from outside).
func TestBombsLeaveTheParentAsItIs(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the race detector multiplies memory; this is tested without it")
	}
	k := startKeeper(t, Options{Children: 2, Deadline: time.Minute})
	ordinary := asPNG(t, landscape(320, 240))
	for range 4 {
		if v := k.ask("an ordinary picture", hashed, ordinary); v.Status != StatusOK {
			t.Fatalf("an ordinary picture: %+v", v)
		}
	}
	before := peakOf(t, k.process)
	all := bombs()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b := all[name]
		if b.kind == played {
			startPlaying(t, Options{Children: 1})
		}
		content := b.content(t)
		v := k.ask(name, b.kind, content)
		if v.Status.Decoded() {
			k.ask(name, shown, content)
		}
		grown := peakOf(t, k.process) - before
		t.Logf("%s: %d KB, %s (%s), %.1f MB more", name, len(content)>>10, v.Status, v.Detail, float64(grown)/(1<<20))
		if !slices.Contains(append(b.want, StatusTimedOut), v.Status) {
			t.Errorf("%s: %+v, want one of %v", name, v, b.want)
		}
		if grown > 64<<20 {
			t.Fatalf("%s: the parent grew by %d MB", name, grown>>20)
		}
	}
	if v := k.ask("an ordinary picture", hashed, ordinary); v.Status != StatusOK || v.Counts.Crashed != 0 {
		t.Errorf("an ordinary picture after all that: %+v", v)
	}
}

// TestChildrenEndAtTheirLimits: of memory and of time, each with a file that is sound but for what it
// asks for; the next file finds a fresh child.
func TestChildrenEndAtTheirLimits(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the race detector multiplies memory; this is tested without it")
	}
	ordinary := asPNG(t, landscape(320, 240))
	t.Run("memory", func(t *testing.T) {
		k := startKeeper(t, Options{Children: 1, Memory: 256 << 20, Deadline: time.Minute})
		for round := range 2 {
			if v := k.ask("64 megapixels of 16 bits", hashed, deflatedPNG(t, 8000, 8000, 16, 6)); v.Status != StatusTooLarge || !strings.Contains(v.Detail, "memory") {
				t.Errorf("beyond the memory of a child: %+v", v)
			}
			if v := k.ask("an ordinary picture", hashed, ordinary); v.Status != StatusOK || v.Counts.Crashed != uint64(round+1) || v.Counts.Started < uint64(round+2) {
				t.Errorf("the next file: %+v", v)
			}
		}
	})
	t.Run("time", func(t *testing.T) {
		k := startKeeper(t, Options{Children: 1, Deadline: 20 * time.Millisecond})
		v := k.ask("499 scans over 64 megapixels", hashed, scannedJPEG(8000, 8000, 499))
		if v.Status != StatusTimedOut || v.Counts.TimedOut != 1 {
			t.Errorf("beyond the time of a child: %+v", v)
		}
		if v := k.ask("three bytes", hashed, []byte("\xff\xd8\xff")); v.Counts.Started < 2 {
			t.Errorf("the child was not replaced: %+v", v)
		}
	})
}

func peakOf(t *testing.T, process int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		t.Skip("SKIP: the memory of a process cannot be measured on this system")
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatal("the system says nothing of the process' memory")
	return 0
}

func bombs() map[string]bomb {
	const megabyte = 1 << 20
	made := func(content []byte) func(testing.TB) []byte { return func(testing.TB) []byte { return content } }
	lazy := func(make func() []byte) func(testing.TB) []byte { return func(testing.TB) []byte { return make() } }
	seen := []Status{StatusUnhashable, StatusPartial, StatusTooLarge}
	any := append(slices.Clone(refused), StatusUnhashable, StatusPartial, StatusOK)
	u16, u32 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32
	return map[string]bomb{
		"PNG of 60,000 squared":                                 {content: func(t testing.TB) []byte { return lyingPNG(t, 60_000, 60_000) }, want: refused},
		"PNG of 64 megapixels in 16 bits and colours, deflated": {content: func(t testing.TB) []byte { return deflatedPNG(t, 8000, 8000, 16, 6) }, want: seen},
		"PNG whose pixels go on for a gigabyte":                 {content: func(t testing.TB) []byte { return deflatedPNG(t, 64, 16<<20, 8, 0) }, want: refused},
		"PNG with a colour profile of a gigabyte": {content: func(t testing.TB) []byte {
			whole := asPNG(t, landscape(64, 48))
			return slices.Concat(whole[:33], chunk("iCCP", append([]byte("x\x00\x00"), deflated(1<<30)...)), whole[33:])
		}, want: any},
		"PNG of 400,000 empty chunks": {content: func(t testing.TB) []byte {
			whole := asPNG(t, landscape(64, 48))
			return slices.Concat(whole[:33], bytes.Repeat(chunk("tEXt", []byte("a\x00b")), 400_000), whole[33:])
		}, want: any},
		"GIF of 65,535 squared": {content: func(t testing.TB) []byte {
			lie := animatedGIF(t, landscape(32, 24), 2)
			binary.LittleEndian.PutUint16(lie[6:], 65535)
			binary.LittleEndian.PutUint16(lie[8:], 65535)
			return lie
		}, want: refused},
		"GIF of 300,000 frames on 64 megapixels": {content: func(t testing.TB) []byte {
			return animatedGIF(t, image.NewPaletted(image.Rect(0, 0, 8000, 8000), color.Palette{color.Black, color.White}), 300_000)
		}, want: any},
		"TIFF of a million tiles":         {content: made(tiledTIFF(65_500, 65_500, 64, 1<<20)), want: refused},
		"TIFF of 64 megapixels in a tile": {content: made(tiledTIFF(8000, 8000, 8000, 1)), want: append(seen, refused...)},
		"TIFF of tiles of 2^31":           {content: made(tiledTIFF(1000, 1000, 1<<31-16, 1)), want: refused},
		"TIFF of directories in a circle": {content: func(t testing.TB) []byte {
			pages := asTIFF(t, landscape(32, 24))
			directory := binary.LittleEndian.Uint32(pages[4:])
			next := int(directory) + 2 + 12*int(binary.LittleEndian.Uint16(pages[directory:]))
			binary.LittleEndian.PutUint32(pages[next:], directory)
			return pages
		}, want: any},
		"BMP of 2^31 rows": {content: func(t testing.TB) []byte {
			lie := asBMP(t, landscape(32, 24))
			binary.LittleEndian.PutUint32(lie[18:], 1<<31-1)
			binary.LittleEndian.PutUint32(lie[22:], 1<<31-1)
			return lie
		}, want: refused},
		"WebP of 16,384 squared without loss": {content: made(riff("VP8L", append([]byte{0x2f, 0xff, 0xff, 0xff, 0x0f}, make([]byte, 1000)...))), want: refused},
		"WebP of 16,383 squared":              {content: made(riff("VP8 ", append([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f}, make([]byte, 1000)...))), want: refused},
		"WebP of 2^24 squared and 200,000 frames": {content: made(riff("VP8X", append([]byte{2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			bytes.Repeat([]byte("ANMF\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), 200_000)...))), want: refused},
		"JPEG of 499 scans over 64 megapixels": {content: lazy(func() []byte { return scannedJPEG(8000, 8000, 499) }), want: append(seen, refused...)},
		"JPEG of 5,000 scans":                  {content: lazy(func() []byte { return scannedJPEG(4000, 4000, 5000) }), want: append(seen, refused...)},
		"JPEG of 65,500 squared":               {content: lazy(func() []byte { return scannedJPEG(65_500, 65_500, 3) }), want: refused},
		"JPEG with 200,000 tables": {content: func(t testing.TB) []byte {
			whole := asJPEG(t, landscape(64, 48))
			table := append([]byte{0xff, 0xc4, 0, 20, 0x00, 0, 1}, make([]byte, 15)...)
			return slices.Concat(whole[:2], bytes.Repeat(table, 200_000), whole[2:])
		}, want: any},
		"JPEG of nothing but restarts": {content: func(t testing.TB) []byte {
			whole := asJPEG(t, landscape(64, 48))
			scan := bytes.Index(whole, []byte{0xff, 0xda})
			head := slices.Concat(whole[:scan], []byte{0xff, 0xdd, 0, 4, 0, 1}, whole[scan:scan+14])
			return append(head, bytes.Repeat([]byte{0xff, 0xd0}, 4*megabyte)...)
		}, want: any},
		"JPEG of 60 MB of comments": {content: func(t testing.TB) []byte {
			whole := asJPEG(t, landscape(64, 48))
			return slices.Concat(whole[:2], bytes.Repeat(append([]byte{0xff, 0xfe, 0xff, 0xff}, make([]byte, 65_533)...), 960), whole[2:])
		}, want: any},
		"HEIF of 100,000 boxes in each other": {content: lazy(func() []byte {
			return append(u32(nil, 16), append([]byte("ftypheic\x00\x00\x00\x00"), nested("meta", 100_000)...)...)
		}), want: refused},
		"HEIF whose items are the whole file 65,535 times":   {content: lazy(func() []byte { return manyPlaces(65_535, 40) }), want: refused},
		"HEIF whose one item is the whole file 65,535 times": {content: lazy(func() []byte { return manyPlaces(1, 65_535) }), want: refused},
		"HEIF of a grid of 65,025 tiles": {content: lazy(func() []byte {
			return writeHEIF(gridOf(255, 255, 65535, 65535), item{kind: "hvc1", data: make([]byte, 100), properties: []box{extent(1<<31-1, 1<<31-1)}})
		}), want: refused},
		"JPEG XL in 500,000 boxes": {content: lazy(func() []byte {
			head := []byte("\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl ")
			for i := range uint32(500_000) {
				head = append(u32(append(u32(head, 13), "jxlp"...), i), 0)
			}
			return head
		}), want: refused},
		"JPEG XL of 2^30 squared": {content: made(append([]byte("\xff\x0a\xff\xff\xff\xff\xff\xff\xff\xff"), make([]byte, 1000)...)), want: refused},
		"MP4 of 50,000 tracks": {kind: played, content: lazy(func() []byte {
			var tracks []byte
			for i := range uint32(50_000) {
				header := u32(u32(make([]byte, 12), i+1), 0)
				tracks = append(tracks, atom("trak", atom("tkhd", append(header, make([]byte, 64)...)))...)
			}
			return slices.Concat(atom("ftyp", []byte("isom\x00\x00\x02\x00isom")), atom("moov", movieHeader(1, 1<<31), tracks))
		}), want: refused},
		"MP4 of 584 million years in four billion samples": {kind: played, content: lazy(func() []byte {
			table := func(kind string, rest ...byte) []byte {
				return atom(kind, append(u32(make([]byte, 4), 1<<32-1), rest...))
			}
			samples := slices.Concat(atom("stsd", u32(make([]byte, 4), 0)), table("stts", 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1), table("stsc"), table("stsz"), table("co64"))
			handler := atom("hdlr", append(make([]byte, 8), "vide\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...))
			media := atom("mdia", atom("mdhd", u16(u16(u32(u32(make([]byte, 12), 1), 1<<32-1), 0), 0)), handler, atom("minf", atom("stbl", samples)))
			return slices.Concat(atom("ftyp", []byte("isom\x00\x00\x02\x00isom")), atom("moov", movieHeader(1, 1<<32-1), atom("trak", atom("tkhd", make([]byte, 84)), media)), atom("mdat", make([]byte, 1000)))
		}), want: refused},
		"MP4 of 100,000 boxes in each other": {kind: played, content: lazy(func() []byte {
			return append(atom("ftyp", []byte("isom\x00\x00\x02\x00isom")), nested("moov", 100_000)...)
		}), want: refused},
		"Matroska without an end in 200,000 levels": {kind: played, content: lazy(func() []byte {
			head := []byte("\x1a\x45\xdf\xa3\x87\x42\x82\x84webm")
			return append(head, bytes.Repeat([]byte("\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"), 200_000)...)
		}), want: refused},
		"AVI of 65,535 streams": {kind: played, content: lazy(func() []byte {
			stream := append([]byte("LIST\x40\x00\x00\x00strlstrh\x38\x00\x00\x00vidsH264"), make([]byte, 48)...)
			list := append([]byte("hdrlavih\x38\x00\x00\x00"), bytes.Repeat([]byte{0xff}, 56)...)
			list = append(list, bytes.Repeat(stream, 65_535)...)
			whole := append([]byte("AVI LIST"), binary.LittleEndian.AppendUint32(nil, uint32(len(list)))...)
			whole = append(whole, list...)
			return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(whole))), whole...)
		}), want: refused},
	}
}

// deflated is a zlib stream of so many zeros.
func deflated(size int64) []byte {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestCompression)
	_, _ = io.CopyN(w, zeroReader{}, size) // into memory
	_ = w.Close()
	return out.Bytes()
}

func chunk(kind string, content []byte) []byte {
	whole := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), kind...)
	whole = append(whole, content...)
	return binary.BigEndian.AppendUint32(whole, crc32.ChecksumIEEE(whole[4:]))
}

// deflatedPNG is a sound PNG file of black pixels.
func deflatedPNG(t testing.TB, width, height int64, depth, kind byte) []byte {
	t.Helper()
	channels := map[byte]int64{0: 1, 6: 4}[kind]
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, depth, kind, 0, 0, 0)),
		chunk("IDAT", deflated(height*(1+width*channels*int64(depth)/8))), chunk("IEND", nil))
}

// tiledTIFF claims tiles of one size that all lie at one place, a deflated one of zeros.
func tiledTIFF(width, height, side uint32, tiles int) []byte {
	tile := deflated(min(int64(side)*int64(side), 64<<20))
	entries := [][3]uint32{{256, 4, width}, {257, 4, height}, {258, 3, 8}, {259, 3, 8}, {262, 3, 1}, {277, 3, 1}, {322, 4, side}, {323, 4, side}, {324, 4, 0}, {325, 4, 0}}
	file := []byte("II*\x00\x08\x00\x00\x00")
	file = binary.LittleEndian.AppendUint16(file, uint16(len(entries)))
	offsets := uint32(8 + 2 + 12*len(entries) + 4)
	lengths := offsets + 4*uint32(tiles)
	place := lengths + 4*uint32(tiles)
	for _, e := range entries {
		count, value := uint32(1), e[2]
		switch {
		case e[0] >= 324 && tiles > 1:
			count, value = uint32(tiles), map[uint32]uint32{324: offsets, 325: lengths}[e[0]]
		case e[0] == 324:
			value = place
		case e[0] == 325:
			value = uint32(len(tile))
		}
		file = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(file, uint16(e[0])), uint16(e[1]))
		file = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(file, count), value)
	}
	file = binary.LittleEndian.AppendUint32(file, 0)
	for range tiles {
		file = binary.LittleEndian.AppendUint32(file, place)
	}
	for range tiles {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(tile)))
	}
	return append(file, tile...)
}

func riff(kind string, content []byte) []byte {
	body := append([]byte("WEBP"+kind), binary.LittleEndian.AppendUint32(nil, uint32(len(content)))...)
	body = append(body, content...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// scannedJPEG is a grey progressive file: a first scan of the mean, then scans that say of all blocks that
// they are empty, in runs of 32,767.
func scannedJPEG(width, height uint16, scans int) []byte {
	u16 := binary.BigEndian.AppendUint16
	file := append([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	file = append(u16(u16(append(file, 0xff, 0xc2, 0, 11, 8), height), width), 1, 1, 0x11, 0)
	table := func(class, symbol byte) { // one code of one bit
		file = append(append(append(file, 0xff, 0xc4, 0, 20, class), 1), append(make([]byte, 15), symbol)...)
	}
	table(0x00, 0)    // no difference of the mean
	table(0x10, 0xe0) // a run of 2^14 blocks and 14 bits more
	blocks := (int(width) + 7) / 8 * ((int(height) + 7) / 8)
	file = append(append(file, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0), make([]byte, (blocks+7)/8)...)
	runs := (blocks + 32_766) / 32_767
	bits := strings.Repeat("0"+strings.Repeat("1", 14), runs)
	var run []byte
	for len(bits)%8 != 0 {
		bits += "1"
	}
	for i := 0; i < len(bits); i += 8 {
		var b byte
		for _, bit := range bits[i : i+8] {
			b = b<<1 | byte(bit-'0')
		}
		if run = append(run, b); b == 0xff {
			run = append(run, 0)
		}
	}
	for i := range scans - 1 {
		at := byte(1 + i%63)
		file = append(append(file, 0xff, 0xda, 0, 8, 1, 1, 0, at, at, 0), run...)
	}
	return append(file, 0xff, 0xd9)
}

func atom(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func movieHeader(scale, length uint32) []byte {
	u32 := binary.BigEndian.AppendUint32
	return atom("mvhd", append(u32(u32(make([]byte, 12), scale), length), make([]byte, 80)...))
}

// nested are boxes, each of which holds the next.
func nested(kind string, levels int) []byte {
	var all []byte
	for level := range levels {
		all = append(binary.BigEndian.AppendUint32(all, uint32(8*(levels-level))), kind...)
	}
	return all
}

// manyPlaces is a HEIF file whose items lie, in many places each, over the whole file.
func manyPlaces(items, places int) []byte {
	u16, u32 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32
	list := u16([]byte{0, 0, 0, 0, 0x44, 0}, uint16(items))
	infos := u16(make([]byte, 4), uint16(items))
	for i := range items {
		list = u16(u16(u16(list, uint16(i+1)), 0), uint16(places))
		for range places {
			list = u32(u32(list, 0), 1<<20)
		}
		infos = append(infos, atom("infe", append(u16(u16([]byte{2, 0, 0, 0}, uint16(i+1)), 0), "hvc1\x00"...))...)
	}
	meta := atom("meta", make([]byte, 4), atom("hdlr", make([]byte, 24)), atom("pitm", []byte{0, 0, 0, 0, 0, 1}), atom("iloc", list), atom("iinf", infos))
	return slices.Concat(atom("ftyp", []byte("heic\x00\x00\x00\x00mif1heic")), meta, atom("mdat", make([]byte, 1<<20)))
}
