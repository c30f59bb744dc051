package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The two directions have their own magic, so that a frame can never be taken
// for one of the other direction. All integers are big-endian.
//
//	request  "BRq1" id:8 kind:1 preview:1 grey:1 blur:2 side:4 column:2 row:2 columns:2 rows:2 length:8 content
//	reply    "BRr1" id:8 kind:1 length:4 payload
const (
	requestMagic = "BRq1"
	replyMagic   = "BRr1"

	requestHeaderSize = 4 + 8 + 1 + 1 + 1 + 2 + 4 + 4*2 + 8
	replyHeaderSize   = 4 + 8 + 1 + 4
)

type requestKind byte

const (
	kindHello requestKind = iota + 1 // unasked, the first frame of a child
	kindFingerprint
	kindFirstLook
	kindWideLook
	kindPreview
	kindSelfCheck
	kindScene
	kindPictureFingerprint // of a recipe and its frames
	kindPicturePreview     // likewise
	kindPictureScene       // likewise
	kindRecipe             // the reply where frames are to be decoded first: a recipe, and behind the frame the stream
	kindInsets
)

// readsFile reports whether the content is a file, so that frames may have to be decoded first.
func (k requestKind) readsFile() bool {
	return k == kindFingerprint || k == kindFirstLook || k == kindWideLook || k == kindScene || k == kindPreview
}

// ofPicture is the kind that asks the same of a recipe and its frames.
func (k requestKind) ofPicture() requestKind {
	switch k {
	case kindPreview:
		return kindPicturePreview
	case kindScene:
		return kindPictureScene
	}
	return kindPictureFingerprint
}

// errMalformed marks a frame that breaks the protocol.
var errMalformed = errors.New("malformed frame")

type request struct {
	id      uint64
	kind    requestKind
	preview PreviewRequest
	length  int64
}

func (r request) header() []byte {
	header := make([]byte, 0, requestHeaderSize)
	header = append(header, requestMagic...)
	header = binary.BigEndian.AppendUint64(header, r.id)
	header = append(header, byte(r.kind), byte(r.preview.Kind), boolByte(r.preview.Grey))
	header = binary.BigEndian.AppendUint16(header, uint16(r.preview.Blur))
	header = binary.BigEndian.AppendUint32(header, uint32(r.preview.MaxSide))
	for _, value := range []int{r.preview.Region.Column, r.preview.Region.Row, r.preview.Region.Columns, r.preview.Region.Rows} {
		header = binary.BigEndian.AppendUint16(header, uint16(value))
	}
	return binary.BigEndian.AppendUint64(header, uint64(r.length))
}

// readRequest reads one request in the child. io.EOF means that the parent
// closed the pipe between two requests.
func readRequest(from io.Reader, maxBytes, maxPixels int64) (request, []byte, error) {
	var header [requestHeaderSize]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return request{}, nil, err
	}
	r, err := parseRequestHeader(header, maxBytes, maxPixels)
	if err != nil {
		return request{}, nil, err
	}
	content := make([]byte, r.length)
	if _, err := io.ReadFull(from, content); err != nil {
		return request{}, nil, fmt.Errorf("reading the content of a request: %w", err)
	}
	return r, content, nil
}

func parseRequestHeader(header [requestHeaderSize]byte, maxBytes, maxPixels int64) (request, error) {
	c := cursor{rest: header[:]}
	if string(c.bytes(4)) != requestMagic {
		return request{}, fmt.Errorf("%w: request magic", errMalformed)
	}
	r := request{id: c.uint64(), kind: requestKind(c.byte())}
	r.preview.Kind = PreviewKind(c.byte())
	r.preview.Grey = c.byte() == 1
	r.preview.Blur = int(c.uint16())
	r.preview.MaxSide = int(c.uint32())
	r.preview.Region = Region{Column: int(c.uint16()), Row: int(c.uint16()), Columns: int(c.uint16()), Rows: int(c.uint16())}
	length := c.uint64()
	if r.kind == kindPictureFingerprint || r.kind == kindPicturePreview || r.kind == kindPictureScene {
		maxBytes = recipeSize + 3*maxPixels + endingSize
	}
	if length > uint64(maxBytes) {
		return request{}, fmt.Errorf("%w: content of %d bytes, the limit is %d", errMalformed, length, maxBytes)
	}
	r.length = int64(length)
	switch r.kind {
	case kindFingerprint, kindFirstLook, kindWideLook, kindScene, kindInsets, kindSelfCheck, kindPictureFingerprint, kindPictureScene:
	case kindPreview, kindPicturePreview:
		if err := r.preview.validate(); err != nil {
			return request{}, fmt.Errorf("%w: %w", errMalformed, err)
		}
	default:
		return request{}, fmt.Errorf("%w: request kind %d", errMalformed, r.kind)
	}
	return r, nil
}

// writeReply writes one frame in the child.
func writeReply(to io.Writer, id uint64, kind requestKind, payload []byte) error {
	frame := make([]byte, 0, replyHeaderSize+len(payload))
	frame = append(frame, replyMagic...)
	frame = binary.BigEndian.AppendUint64(frame, id)
	frame = append(frame, byte(kind))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(payload)))
	_, err := to.Write(append(frame, payload...))
	return err
}

// readReply reads the answer to one request in the parent. The payload is at
// most limit bytes; memory for it grows with what really arrives.
func readReply(from io.Reader, id uint64, kind requestKind, limit int) ([]byte, error) {
	payload, recipe, err := readAnswer(from, id, kind, limit)
	if err == nil && recipe {
		return nil, fmt.Errorf("%w: a recipe where none can be", errMalformed)
	}
	return payload, err
}

// readAnswer is readReply where a recipe may be the answer as well.
func readAnswer(from io.Reader, id uint64, kind requestKind, limit int) (payload []byte, recipe bool, err error) {
	var header [replyHeaderSize]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil, false, fmt.Errorf("reading a reply: %w", err)
	}
	c := cursor{rest: header[:]}
	if string(c.bytes(4)) != replyMagic {
		return nil, false, fmt.Errorf("%w: reply magic", errMalformed)
	}
	if got := c.uint64(); got != id {
		return nil, false, fmt.Errorf("%w: reply to %d while %d was asked", errMalformed, got, id)
	}
	switch got := requestKind(c.byte()); {
	case got == kindRecipe && kind.readsFile():
		recipe, limit = true, recipeSize
	case got != kind:
		return nil, false, fmt.Errorf("%w: reply of kind %d to kind %d", errMalformed, got, kind)
	}
	payload, err = readPayload(from, int64(c.uint32()), limit)
	return payload, recipe, err
}

func readPayload(from io.Reader, length int64, limit int) ([]byte, error) {
	if length > int64(limit) {
		return nil, fmt.Errorf("%w: reply of %d bytes, the limit is %d", errMalformed, length, limit)
	}
	payload := make([]byte, 0, min(length, 64<<10))
	for int64(len(payload)) < length {
		if len(payload) == cap(payload) {
			grown := make([]byte, len(payload), min(length, 2*int64(cap(payload))))
			copy(grown, payload)
			payload = grown
		}
		free := payload[len(payload):cap(payload)]
		if _, err := io.ReadFull(from, free); err != nil {
			return nil, fmt.Errorf("reading the payload of a reply: %w", err)
		}
		payload = payload[:cap(payload)]
	}
	return payload, nil
}

func boolByte(value bool) byte {
	if value {
		return 1
	}
	return 0
}

// cursor reads fixed fields off a byte slice. Running out is remembered and
// yields zeros, so that a parser checks once, with [cursor.end].
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) bytes(count int) []byte {
	if count > len(c.rest) {
		c.short, c.rest = true, nil
		return make([]byte, count)
	}
	field := c.rest[:count]
	c.rest = c.rest[count:]
	return field
}

func (c *cursor) byte() byte     { return c.bytes(1)[0] }
func (c *cursor) uint16() uint16 { return binary.BigEndian.Uint16(c.bytes(2)) }
func (c *cursor) uint32() uint32 { return binary.BigEndian.Uint32(c.bytes(4)) }
func (c *cursor) uint64() uint64 { return binary.BigEndian.Uint64(c.bytes(8)) }

// text reads a string of at most 255 bytes of printable ASCII.
func (c *cursor) text() string {
	field := c.bytes(int(c.byte()))
	for _, b := range field {
		if b < ' ' || b > '~' {
			c.short = true
			return ""
		}
	}
	return string(field)
}

// flag reads a byte that must be 0 or 1.
func (c *cursor) flag() bool {
	b := c.byte()
	if b > 1 {
		c.short = true
	}
	return b == 1
}

// end reports whether exactly all bytes were read and all were sound.
func (c *cursor) end() bool { return !c.short && len(c.rest) == 0 }

// appendText appends text for [cursor.text]: printable ASCII, cut to 200 bytes.
func appendText(to []byte, text string) []byte {
	clean := make([]byte, 0, 200)
	for i := 0; i < len(text) && len(clean) < 200; i++ {
		if b := text[i]; b >= ' ' && b <= '~' {
			clean = append(clean, b)
		} else {
			clean = append(clean, '?')
		}
	}
	to = append(to, byte(len(clean)))
	return append(to, clean...)
}
