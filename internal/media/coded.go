package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"slices"
)

// HEIC, AVIF and JPEG XL are decoded in three steps, none of which trusts the one before. A child reads the container and says
// which frames of which codec make the picture, with a [recipe]. ffmpeg, enclosed as for videos, decodes the frames. A
// child, asked the same question again, puts the picture together from the recipe and the frames.

// codec is how the frames of a picture are coded. The list is closed.
type codec byte

const (
	codecNone codec = iota // frames of a video, of whatever codec
	codecHEVC
	codecAV1
	codecJXL
)

// Codes of how YCbCr becomes RGB, where a file says it beside the coded picture; 0 is what the coded picture says.
const (
	matrix601 = iota + 1
	matrix709
	matrix2020

	spanLimited = iota - 2
	spanFull
)

// recipe says how a picture is made of decoded frames.
type recipe struct {
	mime  string
	codec codec
	// frames are a grid of columns and rows, line by line.
	frameWidth, frameHeight int
	columns, rows           int
	// the picture is the part of the grid that begins at left and top, turned.
	left, top, width, height int
	orientation              int
	matrix, span             byte
	more                     bool // further pictures follow
	// length of the stream to be decoded.
	length int64
}

// codedTypes are the media types that are decoded by a recipe.
var codedTypes = []string{"image/heic", "image/heif", "image/avif", "image/jxl"}

const recipeSize = 1 + 1 + 8*4 + 4 + 8

func (r *recipe) encode() []byte {
	payload := []byte{byte(slices.Index(codedTypes, r.mime)), byte(r.codec)}
	for _, value := range []int{r.frameWidth, r.frameHeight, r.columns, r.rows, r.left, r.top, r.width, r.height} {
		payload = binary.BigEndian.AppendUint32(payload, uint32(value))
	}
	payload = append(payload, byte(r.orientation), r.matrix, r.span, boolByte(r.more))
	return binary.BigEndian.AppendUint64(payload, uint64(r.length))
}

// parseRecipe checks what a child, or whoever speaks for one, says.
func parseRecipe(payload []byte, maxPixels, maxLength int64) (recipe, error) {
	c := &cursor{rest: payload}
	mime := int(c.byte())
	r := recipe{codec: codec(c.byte())}
	for _, field := range []*int{&r.frameWidth, &r.frameHeight, &r.columns, &r.rows, &r.left, &r.top, &r.width, &r.height} {
		*field = int(c.uint32())
	}
	r.orientation, r.matrix, r.span, r.more = int(c.byte()), c.byte(), c.byte(), c.flag()
	length := c.uint64()
	switch {
	case !c.end(), mime >= len(codedTypes), r.codec < codecHEVC, r.codec > codecJXL, r.matrix > matrix2020, r.span > spanFull,
		r.orientation < 1, r.orientation > 8, length > uint64(maxLength):
		return recipe{}, fmt.Errorf("%w: recipe", errMalformed)
	case r.frameWidth < 1, r.frameHeight < 1, r.columns < 1, r.columns > 256, r.rows < 1, r.rows > 256, r.within(maxPixels) != nil,
		r.width < 1, r.height < 1, r.left+r.width > r.columns*r.frameWidth, r.top+r.height > r.rows*r.frameHeight:
		return recipe{}, fmt.Errorf("%w: dimensions of a recipe", errMalformed)
	}
	r.mime, r.length = codedTypes[mime], int64(length)
	return r, nil
}

func (r *recipe) frames() int { return r.columns * r.rows }

// frameSize is how many bytes one frame has: red, green and blue, a byte each.
func (r *recipe) frameSize() int { return 3 * r.frameWidth * r.frameHeight }

func (r *recipe) outcome() outcome {
	o := outcome{mime: r.mime, width: r.width, height: r.height, firstFrameOnly: r.more}
	if r.orientation > 4 {
		o.width, o.height = o.height, o.width
	}
	return o
}

// isCoded reports whether a file is decoded by a recipe; content may be its beginning.
func isCoded(mime string) bool { return slices.Contains(codedTypes, mime) }

// plan runs in a child. Coded is false for all other formats.
func plan(content []byte, maxPixels int64) (r recipe, stream [][]byte, about outcome, coded bool) {
	_, mime := sniff(content)
	if !isCoded(mime) {
		return recipe{}, nil, outcome{}, false
	}
	var err error
	if mime == "image/jxl" {
		r, stream, err = planJXL(content, maxPixels)
	} else {
		r, stream, err = planHEIF(content, mime, maxPixels)
	}
	about = r.outcome()
	about.status = StatusOK
	var refused *unsuitable
	if errors.As(err, &refused) {
		about.status, about.detail = refused.status, refused.detail
		return r, nil, about, true
	}
	for _, part := range stream {
		r.length += int64(len(part))
	}
	return r, stream, about, true
}

// ending is what the parent says after the frames: how many bytes of them came from ffmpeg, and what it said about the others.
type ending struct {
	read   int64
	flawed bool
	detail string
}

const endingSize = 8 + 1 + 256

func (e ending) encode() []byte {
	payload := binary.BigEndian.AppendUint64(nil, uint64(e.read))
	payload = appendText(append(payload, boolByte(e.flawed)), e.detail)
	return append(payload, make([]byte, endingSize-len(payload))...)
}

func parseEnding(payload []byte) ending {
	c := &cursor{rest: payload}
	return ending{int64(c.uint64()), c.flag(), c.text()}
}

// grey is what stands where a frame could not be decoded.
const grey = 128

// assemble runs in a child. It puts a picture together: a recipe, its frames, an ending.
func assemble(content []byte, maxPixels int64) (*image.NRGBA, outcome, error) {
	if len(content) < recipeSize {
		return nil, outcome{}, fmt.Errorf("%w: frames without a recipe", errMalformed)
	}
	r, err := parseRecipe(content[:recipeSize], maxPixels, 1<<62)
	if err != nil {
		return nil, outcome{}, err
	}
	frames := content[recipeSize:]
	if len(frames) != r.frames()*r.frameSize()+endingSize {
		return nil, outcome{}, fmt.Errorf("%w: frames of the wrong length", errMalformed)
	}
	end := parseEnding(frames[len(frames)-endingSize:])
	stored := image.NewNRGBA(image.Rect(0, 0, r.width, r.height))
	for y := range r.height {
		line := stored.Pix[y*stored.Stride:][:4*r.width]
		row, within := (r.top+y)/r.frameHeight, (r.top+y)%r.frameHeight
		for x := 0; x < r.width; {
			column, from := (r.left+x)/r.frameWidth, (r.left+x)%r.frameWidth
			count := min(r.frameWidth-from, r.width-x)
			samples := frames[(row*r.columns+column)*r.frameSize()+3*(within*r.frameWidth+from):][:3*count]
			for i := range count {
				copy(line[4*(x+i):], samples[3*i:3*i+3])
				line[4*(x+i)+3] = 255
			}
			x += count
		}
	}
	about := r.outcome()
	about.status = StatusOK
	switch total := int64(r.frames() * r.frameSize()); {
	case end.read < total:
		about.status, about.detail = StatusPartial, fmt.Sprintf("%d %% of the picture could be read (%s)", 100*end.read/total, end.detail)
	case end.flawed:
		about.status, about.detail = StatusPartial, fmt.Sprintf("a part of the picture is damaged (%s)", end.detail)
	}
	return turned(stored, r.orientation), about, nil
}

// turned is an opaque picture, turned upright.
func turned(stored *image.NRGBA, orientation int) *image.NRGBA {
	upright := orient(&image.RGBA{Pix: stored.Pix, Stride: stored.Stride, Rect: stored.Rect}, orientation)
	return &image.NRGBA{Pix: upright.Pix, Stride: upright.Stride, Rect: upright.Rect}
}
