package media

import "bytes"

const (
	jxlCodestream = "\xff\x0a"
	jxlContainer  = "\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
)

// planJXL reads the header of a JPEG XL file (ISO/IEC 18181-1, annex D; containers: 18181-2). The file is decoded as it is.
func planJXL(content []byte, maxPixels int64) (recipe, [][]byte, error) {
	r := recipe{mime: "image/jxl", codec: codecJXL, columns: 1, rows: 1, orientation: 1}
	stream := content
	if bytes.HasPrefix(content, []byte(jxlContainer)) {
		stream = nil
		boxes(content, func(b box) bool {
			switch {
			case b.kind == "jxlc":
				stream = b.body
			case b.kind == "jxlp" && len(b.body) > 4:
				stream = append(stream, b.body[4:min(len(b.body), 68)]...)
			}
			return len(stream) < 64
		})
	}
	if !bytes.HasPrefix(stream, []byte(jxlCodestream)) {
		return r, nil, &unsuitable{StatusTruncated, "it has no picture"}
	}
	b := &jxlBits{data: stream[2:min(len(stream), 66)]}
	r.width, r.height = b.size()
	orientation := 1
	if b.read(1) == 0 && b.read(1) == 1 { // not all as usual, and more fields than usual
		orientation = 1 + b.read(3)
		if b.read(1) == 1 {
			b.size()
		}
		if b.read(1) == 1 {
			b.preview()
		}
		r.more = b.read(1) == 1
	}
	if b.at > 8*len(b.data) {
		return r, nil, &unsuitable{StatusTruncated, "it ends within its header"}
	}
	if orientation > 4 { // the decoder turns it
		r.width, r.height = r.height, r.width
	}
	r.frameWidth, r.frameHeight = r.width, r.height
	return r, [][]byte{content}, r.within(maxPixels)
}

// jxlBits reads bits, the lowest first; zeros after the end.
type jxlBits struct {
	data []byte
	at   int
}

func (b *jxlBits) read(count int) (value int) {
	for i := range count {
		if b.at < 8*len(b.data) {
			value |= int(b.data[b.at/8]>>(b.at%8)&1) << i
		}
		b.at++
	}
	return value
}

// choose reads one of four ways to write a number: a base and how many bits are added to it.
func (b *jxlBits) choose(ways [4][2]int) int {
	way := ways[b.read(2)]
	return way[0] + b.read(way[1])
}

// jxlRatios are the ratios of width and height that need no width.
var jxlRatios = [8][2]int{1: {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}

func (b *jxlBits) sides(side func() int) (width, height int) {
	height = side()
	if ratio := jxlRatios[b.read(3)]; ratio[1] != 0 {
		return height * ratio[0] / ratio[1], height
	}
	return side(), height
}

func (b *jxlBits) size() (width, height int) {
	if b.read(1) == 1 {
		return b.sides(func() int { return 8 * (1 + b.read(5)) })
	}
	return b.sides(func() int { return b.choose([4][2]int{{1, 9}, {1, 13}, {1, 18}, {1, 30}}) })
}

func (b *jxlBits) preview() {
	if b.read(1) == 1 {
		b.sides(func() int { return 8 * b.choose([4][2]int{{16, 0}, {32, 0}, {1, 5}, {33, 9}}) })
		return
	}
	b.sides(func() int { return b.choose([4][2]int{{1, 6}, {65, 8}, {321, 10}, {1345, 12}}) })
}
