package media

import (
	"encoding/binary"
	"fmt"
	"image"
	"slices"
)

// unsuitable is an error that says what status a file gets.
type unsuitable struct {
	status Status
	detail string
}

func (u *unsuitable) Error() string { return string(u.status) + ": " + u.detail }

func unreadable(detail string) error  { return &unsuitable{StatusUnreadable, detail} }
func unsupported(detail string) error { return &unsuitable{StatusUnsupported, detail} }

// Bounds of what is read of a container, far beyond what cameras write.
const (
	maxItems   = 8192
	maxExtents = 64 << 10
	maxParts   = 1 << 20 // of a stream
)

// heif is a file of pictures as items (HEIF, ISO/IEC 23008-12), of which HEIC and AVIF are kinds.
type heif struct {
	content    []byte
	data       []byte // the data kept in the boxes themselves (idat)
	primary    uint32
	items      map[uint32]*heifItem
	properties []box
	extents    int
}

type heifItem struct {
	kind       string
	hidden     bool
	inBoxes    bool // where its extents lie: in idat
	elsewhere  bool // not in this file, or in another item
	extents    [][2]uint64
	properties []int
	parts      []uint32 // of a derived picture
	auxiliary  bool     // a thumbnail, alpha, depth or other companion
}

// openHEIF reads what the items of a file are and where they lie.
func openHEIF(content []byte) (*heif, error) {
	h := &heif{content: content, items: map[uint32]*heifItem{}}
	meta := firstBox(content, "meta")
	if meta == nil {
		return nil, unsupported("a sequence of pictures without a still one")
	}
	_, _, inside := fullBox(meta)
	h.data = firstBox(inside.rest, "idat")
	for _, read := range []struct {
		kind string
		read func(version byte, flags uint32, c *cursor) error
	}{
		{"pitm", h.readPrimary}, {"iinf", h.readItems}, {"iloc", h.readPlaces}, {"iref", h.readReferences}, {"iprp", nil},
	} {
		body := firstBox(inside.rest, read.kind)
		switch {
		case body == nil && read.kind == "iref":
		case body == nil:
			return nil, unreadable("it has no box " + read.kind)
		case read.kind == "iprp":
			if err := h.readProperties(body); err != nil {
				return nil, err
			}
		default:
			version, flags, c := fullBox(body)
			if err := read.read(version, flags, c); err != nil {
				return nil, err
			}
			if c.short {
				return nil, unreadable("its box " + read.kind + " ends early")
			}
		}
	}
	return h, nil
}

func (h *heif) readPrimary(version byte, _ uint32, c *cursor) error {
	h.primary = c.sized(version > 0)
	return nil
}

func (h *heif) readItems(version byte, _ uint32, c *cursor) error {
	c.sized(version > 0) // how many; the boxes say it too
	var failure error
	boxes(c.rest, func(b box) bool {
		version, flags, c := fullBox(b.body)
		if b.kind != "infe" || version < 2 {
			return true
		}
		id := c.sized(version > 2)
		c.uint16()
		kind := string(c.bytes(4))
		if len(h.items) == maxItems {
			failure = unsupported("more items than are read")
		} else if !c.short {
			h.items[id] = &heifItem{kind: kind, hidden: flags&1 != 0}
		}
		return failure == nil
	})
	return failure
}

func (h *heif) readPlaces(version byte, _ uint32, c *cursor) error {
	sizes := c.uint16()
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if version == 0 {
		indexSize = 0
	}
	for count := c.sized(version > 1); count > 0 && !c.short; count-- {
		id := c.sized(version > 1)
		method := uint16(0)
		if version > 0 {
			method = c.uint16() & 15
		}
		source := c.uint16()
		base := c.wide(baseSize)
		item := h.items[id]
		if item == nil {
			item = &heifItem{} // is passed over
		}
		item.inBoxes, item.elsewhere = method == 1, method > 1 || source != 0
		for extents := c.uint16(); extents > 0 && !c.short; extents-- {
			c.wide(indexSize)
			item.extents = append(item.extents, [2]uint64{base + c.wide(offsetSize), c.wide(lengthSize)})
			if h.extents++; h.extents > maxExtents {
				return unsupported("more parts than are read")
			}
		}
	}
	return nil
}

func (h *heif) readReferences(version byte, _ uint32, c *cursor) error {
	total := 0
	boxes(c.rest, func(b box) bool {
		c := &cursor{rest: b.body}
		from := h.items[c.sized(version > 0)]
		for count := c.uint16(); count > 0 && !c.short; count-- {
			to := c.sized(version > 0)
			total++
			switch {
			case c.short || from == nil:
			case b.kind == "dimg":
				from.parts = append(from.parts, to)
			case b.kind == "thmb" || b.kind == "auxl":
				from.auxiliary = true
			}
		}
		return total <= maxExtents
	})
	return nil
}

func (h *heif) readProperties(body []byte) error {
	boxes(firstBox(body, "ipco"), func(b box) bool {
		h.properties = append(h.properties, b)
		return len(h.properties) <= maxItems
	})
	version, flags, c := fullBox(firstBox(body, "ipma"))
	for count := c.uint32(); count > 0 && !c.short; count-- {
		item := h.items[c.sized(version > 0)]
		for associations := c.byte(); associations > 0 && !c.short; associations-- {
			index := int(c.byte()) & 0x7f
			if flags&1 != 0 {
				index = index<<8 | int(c.byte())
			}
			if item != nil && index > 0 && index <= len(h.properties) {
				item.properties = append(item.properties, index-1)
			}
		}
	}
	if c.short {
		return unreadable("its box ipma ends early")
	}
	return nil
}

// property is the body of the first property of a kind that an item has, and its place among all.
func (h *heif) property(item *heifItem, kind string) ([]byte, int) {
	for _, index := range item.properties {
		if h.properties[index].kind == kind {
			return h.properties[index].body, index
		}
	}
	return nil, -1
}

// bytes are the parts of an item's data.
func (h *heif) bytes(item *heifItem) ([][]byte, error) {
	source := h.content
	if item.inBoxes {
		source = h.data
	}
	if item.elsewhere {
		return nil, unsupported("a part of the picture lies in another file or item")
	}
	var parts [][]byte
	for _, extent := range item.extents {
		offset, length := extent[0], extent[1]
		if offset > uint64(len(source)) || length > uint64(len(source))-offset {
			return nil, &unsuitable{StatusTruncated, "a part of the picture lies beyond its end"}
		}
		if length == 0 {
			length = uint64(len(source)) - offset // to the end
		}
		parts = append(parts, source[offset:offset+length])
	}
	if len(parts) == 0 {
		return nil, unreadable("a picture without data")
	}
	return parts, nil
}

// size is the width and height that an item says (property ispe).
func (h *heif) size(item *heifItem) (width, height int, err error) {
	body, _ := h.property(item, "ispe")
	_, _, c := fullBox(body)
	width, height = int(c.uint32()), int(c.uint32())
	if c.short || width < 1 || height < 1 {
		return 0, 0, unreadable("a picture without dimensions")
	}
	return width, height, nil
}

// planHEIF says how the primary picture of a file is made of coded pictures, and gives those.
func planHEIF(content []byte, mime string, maxPixels int64) (recipe, [][]byte, error) {
	r := recipe{mime: mime, columns: 1, rows: 1, orientation: 1}
	h, err := openHEIF(content)
	if err != nil {
		return r, nil, err
	}
	picture := h.items[h.primary]
	if picture == nil {
		return r, nil, unreadable("its primary picture is not there")
	}
	if r.width, r.height, err = h.size(picture); err != nil {
		return r, nil, err
	}
	if err := r.within(maxPixels); err != nil {
		return r, nil, err
	}
	tiles := []uint32{h.primary}
	switch picture.kind {
	case "hvc1", "av01":
	case "grid":
		if err := h.grid(picture, &r); err != nil {
			return r, nil, err
		}
		tiles = picture.parts
	default:
		return r, nil, unsupported("a picture made in a way that is not read")
	}
	first := h.items[tiles[0]]
	if first == nil {
		return r, nil, unreadable("a tile is not there")
	}
	if r.frameWidth, r.frameHeight, err = h.size(first); err != nil {
		return r, nil, err
	}
	switch first.kind {
	case "hvc1":
		r.codec = codecHEVC
	case "av01":
		r.codec = codecAV1
	default:
		return r, nil, unsupported("a picture of a codec that is not decoded")
	}
	if r.left, r.top = 0, 0; r.width > r.columns*r.frameWidth || r.height > r.rows*r.frameHeight {
		return r, nil, unreadable("its tiles do not cover it")
	}
	h.colour(picture, first, &r)
	if err := h.transform(picture, &r); err != nil {
		return r, nil, err
	}
	if err := r.within(maxPixels); err != nil {
		return r, nil, err
	}
	r.more = h.more(tiles) || slices.Contains([]string{"avis", "hevc", "hevx", "msf1"}, string(content[8:12]))
	stream, err := h.stream(tiles, &r)
	return r, stream, err
}

// grid reads how tiles make a picture (ISO/IEC 23008-12, section 6.6.2.3).
func (h *heif) grid(picture *heifItem, r *recipe) error {
	parts, err := h.bytes(picture)
	if err != nil {
		return err
	}
	c := &cursor{rest: parts[0]}
	c.byte()
	long := c.byte()&1 != 0
	r.rows, r.columns = int(c.byte())+1, int(c.byte())+1
	width, height := c.sized(long), c.sized(long)
	switch {
	case c.short || int(width) != r.width || int(height) != r.height:
		return unreadable("its grid does not fit it")
	case len(picture.parts) != r.rows*r.columns:
		return unreadable("its grid has tiles too few or too many")
	}
	return nil
}

// more reports whether there are further pictures in their own right.
func (h *heif) more(tiles []uint32) bool {
	for id, item := range h.items {
		if !item.hidden && !item.auxiliary && id != h.primary && !slices.Contains(tiles, id) && slices.Contains([]string{"hvc1", "av01", "grid", "iovl"}, item.kind) {
			return true
		}
	}
	return false
}

// colour reads how the picture's YCbCr becomes RGB, where the container says it (a box colr of the kind nclx, with the codes of
// ITU-T H.273); otherwise the coded picture does.
func (h *heif) colour(picture, first *heifItem, r *recipe) {
	for _, item := range []*heifItem{picture, first} {
		for _, index := range item.properties {
			if p := h.properties[index]; p.kind == "colr" && len(p.body) >= 11 && string(p.body[:4]) == "nclx" {
				switch binary.BigEndian.Uint16(p.body[8:]) {
				case 1:
					r.matrix = matrix709
				case 5, 6:
					r.matrix = matrix601
				case 9:
					r.matrix = matrix2020
				}
				r.span = spanLimited
				if p.body[10]&0x80 != 0 {
					r.span = spanFull
				}
				return
			}
		}
	}
}

// transform reads the cut, the turns and the mirrors that every viewer applies, in their order (sections 6.5.9, 6.5.10 and 6.5.12).
func (h *heif) transform(picture *heifItem, r *recipe) error {
	for _, index := range picture.properties {
		switch p := h.properties[index]; p.kind {
		case "clap":
			if r.orientation != 1 {
				return unsupported("it is cut after it was turned")
			}
			cut, ok := cleanAperture(p.body, r.width, r.height)
			if !ok {
				return unsupported("it is cut in a way that is not read")
			}
			r.left, r.top, r.width, r.height = cut.Min.X, cut.Min.Y, cut.Dx(), cut.Dy()
		case "irot":
			if len(p.body) > 0 {
				for range p.body[0] & 3 {
					r.orientation = turnedLeft[r.orientation]
				}
			}
		case "imir":
			if len(p.body) > 0 && p.body[0]&1 == 0 {
				r.orientation = topToBottom[r.orientation]
			} else if len(p.body) > 0 {
				r.orientation = leftToRight[r.orientation]
			}
		}
	}
	return nil
}

// What an orientation becomes when the upright picture is turned left by a quarter, or mirrored.
var (
	turnedLeft  = [9]int{0, 8, 5, 6, 7, 4, 1, 2, 3}
	topToBottom = [9]int{0, 4, 3, 2, 1, 8, 7, 6, 5}
	leftToRight = [9]int{0, 2, 1, 4, 3, 6, 5, 8, 7}
)

// cleanAperture is what a box clap leaves of a picture (ISO/IEC 14496-12, section 12.1.4): fractions of width, height and of the distance
// between the centres.
func cleanAperture(body []byte, width, height int) (image.Rectangle, bool) {
	if len(body) < 32 {
		return image.Rectangle{}, false
	}
	field := func(i int) int64 { return int64(int32(binary.BigEndian.Uint32(body[4*i:]))) }
	axis := func(size, offset, whole int64) (from, length int, ok bool) {
		n, d := field(int(size)), field(int(size)+1)
		shift, per := field(int(offset)), field(int(offset)+1)
		if d < 1 || per < 1 || n < d || n/d > whole {
			return 0, 0, false
		}
		start := ((whole-n/d)*per + 2*shift) / (2 * per)
		return int(start), int(n / d), start >= 0 && start+n/d <= whole
	}
	x, w, fits := axis(0, 4, int64(width))
	y, h, fitsToo := axis(2, 6, int64(height))
	return image.Rect(x, y, x+w, y+h), fits && fitsToo
}

// stream gives coded pictures, in order, as the one stream that ffmpeg reads. Of a file that is cut off only those before the cut.
func (h *heif) stream(tiles []uint32, r *recipe) ([][]byte, error) {
	s := elementary{most: 2*len(h.content) + 1<<20}
	before := -1
	for n, id := range tiles {
		item := h.items[id]
		if item == nil || item.kind != h.items[tiles[0]].kind {
			return nil, unreadable("a tile is not there, or of another codec")
		}
		if width, height, err := h.size(item); err != nil || width != r.frameWidth || height != r.frameHeight {
			return nil, unreadable("a tile of another size")
		}
		kind := "hvcC"
		if r.codec == codecAV1 {
			kind = "av1C"
		}
		config, index := h.property(item, kind)
		parts, err := h.bytes(item)
		if cut, ok := err.(*unsuitable); ok && cut.status == StatusTruncated && n > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		if r.codec == codecAV1 {
			err = s.av1(config, parts, r)
		} else {
			err = s.hevc(config, parts, index != before)
		}
		if err != nil {
			return nil, err
		}
		before = index
		if s.length > s.most {
			return nil, unreadable("its pictures refer to more data than it has")
		}
	}
	return s.parts, nil
}

// elementary is a stream under construction. Data of the file is referred to, not copied.
type elementary struct {
	parts        [][]byte
	length, most int
}

func (s *elementary) add(part []byte) {
	s.parts = append(s.parts, part)
	s.length += len(part)
}

var startCode = []byte{0, 0, 0, 1}

// hevc adds a picture as a byte stream (ITU-T H.265, annex B), with the parameter sets of its configuration (ISO/IEC 14496-15, section
// 8.3.3) before it when they are new.
func (s *elementary) hevc(config []byte, parts [][]byte, configure bool) error {
	if len(config) < 23 {
		return unreadable("a picture without its configuration")
	}
	lengthSize := int(config[21]&3) + 1
	if configure {
		c := &cursor{rest: config[23:]}
		for arrays := config[22]; arrays > 0 && !c.short; arrays-- {
			c.byte()
			for units := c.uint16(); units > 0 && !c.short; units-- {
				if unit := c.bytes(int(c.uint16())); !c.short {
					s.add(startCode)
					s.add(unit)
				}
			}
		}
		if c.short {
			return unreadable("a configuration that ends early")
		}
	}
	for data := join(parts); len(data) > 0; {
		if len(data) < lengthSize {
			return unreadable("a picture that ends within a length")
		}
		length := 0
		for _, b := range data[:lengthSize] {
			length = length<<8 | int(b)
		}
		if data = data[lengthSize:]; length > len(data) {
			return unreadable("a picture whose parts are longer than it")
		}
		if length < 2 || len(s.parts) > maxParts || s.length > s.most {
			return unreadable("its pictures have empty parts, too many, or refer to more data than it has")
		}
		s.length += len(startCode)
		s.parts = append(s.parts, startCode)
		s.add(data[:length])
		data = data[length:]
	}
	return nil
}

// av1 adds a picture as a frame of IVF, a temporal unit (AV1 specification, section 7.5) with the headers of its configuration.
func (s *elementary) av1(config []byte, parts [][]byte, r *recipe) error {
	if len(config) < 4 {
		return unreadable("a picture without its configuration")
	}
	if s.parts == nil {
		header := append([]byte("DKIF"), 0, 0, 32, 0)
		header = append(header, "AV01"...)
		header = binary.LittleEndian.AppendUint16(header, uint16(min(r.frameWidth, 1<<16-1)))
		header = binary.LittleEndian.AppendUint16(header, uint16(min(r.frameHeight, 1<<16-1)))
		header = binary.LittleEndian.AppendUint32(header, 1)
		header = binary.LittleEndian.AppendUint32(header, 1)
		s.add(append(header, make([]byte, 8)...))
	}
	data := join(parts)
	var unit []byte
	if len(data) > 0 && data[0]>>3&15 != 2 { // does not begin with a temporal delimiter
		unit = append(unit, 2<<3|2, 0)
		unit = append(unit, config[4:]...)
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(unit)+len(data)))
	frame = binary.LittleEndian.AppendUint64(frame, uint64(len(s.parts)))
	s.add(append(frame, unit...))
	s.add(data)
	return nil
}

// join puts parts together; a single one is not copied.
func join(parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	return slices.Concat(parts...)
}

// within refuses what is larger than allowed.
func (r *recipe) within(maxPixels int64) error {
	for _, size := range [][2]int64{{int64(r.width), int64(r.height)}, {int64(r.columns) * int64(r.frameWidth), int64(r.rows) * int64(r.frameHeight)}} {
		if size[0] > 0 && size[1] > maxPixels/size[0] {
			return &unsuitable{StatusTooLarge, fmt.Sprintf("%d x %d pixels, the limit is %d", size[0], size[1], maxPixels)}
		}
	}
	return nil
}
