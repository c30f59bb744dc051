package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/gabriel-vasile/mimetype"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// format is one kind of file that is decoded.
type format struct {
	mime   string
	sniff  func(content []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// more reports whether further pictures follow the first.
	more func(content []byte) bool
}

// The first bytes decide; a name or a declared type never does.
var formats = []*format{
	{"image/jpeg", prefix("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode, onlyOne},
	{"image/png", prefix("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, pngHasMore},
	{"image/gif", prefix("GIF87a", "GIF89a"), gif.DecodeConfig, gif.Decode, gifHasMore},
	{"image/webp", isWebP, webp.DecodeConfig, webp.Decode, webpIsAnimated},
	{"image/bmp", isBMP, bmp.DecodeConfig, bmp.Decode, onlyOne},
	{"image/tiff", prefix("II*\x00", "MM\x00*"), tiff.DecodeConfig, tiff.Decode, tiffHasMore},
}

// codedFormats are decoded by ffmpeg, with a [recipe].
var codedFormats = []*format{
	{mime: "image/heic", sniff: hasBrand("image/heic")},
	{mime: "image/heif", sniff: hasBrand("image/heif")},
	{mime: "image/avif", sniff: hasBrand("image/avif")},
	{mime: "image/jxl", sniff: prefix(jxlCodestream, jxlContainer)},
}

func hasBrand(mime string) func([]byte) bool {
	return func(content []byte) bool { return brandType(content) == mime }
}

// sniff recognises a file by its first bytes. The format is nil when it is not
// one that is decoded.
func sniff(content []byte) (*format, string) {
	for _, all := range [][]*format{formats, codedFormats} {
		for _, known := range all {
			if known.sniff(content) {
				return known, known.mime
			}
		}
	}
	return nil, bareType(mimetype.Detect(content[:min(len(content), 3072)]).String())
}

func formatOf(mime string) *format {
	for _, all := range [][]*format{formats, codedFormats} {
		for _, known := range all {
			if known.mime == mime {
				return known
			}
		}
	}
	return nil
}

func prefix(magics ...string) func([]byte) bool {
	return func(content []byte) bool {
		for _, magic := range magics {
			if bytes.HasPrefix(content, []byte(magic)) {
				return true
			}
		}
		return false
	}
}

func isWebP(content []byte) bool {
	return len(content) >= 12 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP"
}

// isBMP looks beyond "BM", which much text begins with: the size of the second
// header is one of those in use.
func isBMP(content []byte) bool {
	if len(content) < 18 || string(content[:2]) != "BM" {
		return false
	}
	switch binary.LittleEndian.Uint32(content[14:]) {
	case 12, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

func onlyOne([]byte) bool { return false }

// gifHasMore walks the blocks up to the second image descriptor (GIF89a
// specification, sections 18 to 26). It decodes nothing.
func gifHasMore(content []byte) bool {
	c := &cursor{rest: content}
	c.bytes(6 + 4)
	skipTable := func(flags byte) {
		if flags&0x80 != 0 {
			c.bytes(3 << (flags&7 + 1))
		}
	}
	skipBlocks := func() {
		for size := c.byte(); size != 0 && !c.short; size = c.byte() {
			c.bytes(int(size))
		}
	}
	flags := c.byte()
	c.bytes(2)
	skipTable(flags)
	for images := 0; !c.short; {
		switch c.byte() {
		case '!':
			c.byte()
			skipBlocks()
		case ',':
			if images++; images == 2 {
				return !c.short
			}
			c.bytes(8)
			skipTable(c.byte())
			c.byte()
			skipBlocks()
		default:
			return false
		}
	}
	return false
}

// pngHasMore looks for the animation control chunk, which stands before the
// image data (PNG third edition, section 11.3.2).
func pngHasMore(content []byte) bool {
	c := &cursor{rest: content}
	c.bytes(8)
	for !c.short {
		length, name := c.uint32(), string(c.bytes(4))
		switch name {
		case "acTL":
			return c.uint32() > 1 && !c.short
		case "IDAT", "IEND":
			return false
		}
		if int64(length)+4 > int64(len(c.rest)) {
			return false
		}
		c.bytes(int(length) + 4)
	}
	return false
}

func tiffHasMore(content []byte) bool {
	directory, ok := readDirectory(content)
	return ok && directory.next != 0
}

// webpChunks yields the chunks of a RIFF body, as long as they are whole.
func webpChunks(body []byte, yield func(name string, data []byte) bool) {
	for len(body) >= 8 {
		size := int64(binary.LittleEndian.Uint32(body[4:]))
		if size > int64(len(body)-8) {
			return
		}
		if !yield(string(body[:4]), body[8:8+size]) {
			return
		}
		body = body[min(8+size+size&1, int64(len(body))):]
	}
}

func webpIsAnimated(content []byte) bool {
	return len(content) >= 21 && string(content[12:16]) == "VP8X" && content[20]&0x02 != 0
}

// webpFrame is the first frame of an animated WebP as a still file of its own,
// and where it lies on the canvas (WebP container specification, "Animation").
func webpFrame(content []byte) (still []byte, at image.Rectangle, ok bool) {
	webpChunks(content[12:], func(name string, data []byte) bool {
		if name != "ANMF" || len(data) < 16 {
			return name != "ANMF"
		}
		x, y := 2*uint24(data), 2*uint24(data[3:])
		width, height := uint24(data[6:])+1, uint24(data[9:])+1
		at, ok = image.Rect(x, y, x+width, y+height), true
		var body []byte
		webpChunks(data[16:], func(name string, chunk []byte) bool {
			switch name {
			case "ALPH":
				extended := make([]byte, 10)
				extended[0] = 1 << 4
				copy(extended[4:], data[6:12])
				body = appendChunk(appendChunk(body, "VP8X", extended), name, chunk)
			case "VP8 ", "VP8L":
				body = appendChunk(body, name, chunk)
				return false
			}
			return true
		})
		still = append(still, "RIFF"...)
		still = binary.LittleEndian.AppendUint32(still, uint32(len(body)+4))
		still = append(still, "WEBP"...)
		still = append(still, body...)
		return false
	})
	return still, at, ok
}

func uint24(field []byte) int { return int(field[0]) | int(field[1])<<8 | int(field[2])<<16 }

func appendChunk(to []byte, name string, data []byte) []byte {
	to = append(to, name...)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(data)))
	to = append(to, data...)
	if len(data)%2 == 1 {
		to = append(to, 0)
	}
	return to
}
