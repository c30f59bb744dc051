package media

import "encoding/binary"

// box is one of a file of boxes (ISO/IEC 14496-12, section 4.2).
type box struct {
	kind string
	body []byte
}

// boxes yields the boxes that follow one another until yield returns false, and the part that is there of the last one when
// it is cut off. Whole reports whether none was.
func boxes(data []byte, yield func(box) bool) (whole bool) {
	for len(data) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(data)), uint64(8)
		kind := string(data[4:8])
		switch size {
		case 0:
			size = uint64(len(data))
		case 1:
			if len(data) < 16 {
				return false
			}
			size, header = binary.BigEndian.Uint64(data[8:]), 16
		}
		if size < header {
			return false
		}
		end := min(size, uint64(len(data)))
		if !yield(box{kind, data[header:end]}) {
			return true
		}
		if size > uint64(len(data)) {
			return false
		}
		data = data[size:]
	}
	return len(data) == 0
}

// firstBox is the body of the first box of a kind; nil when there is none.
func firstBox(data []byte, kind string) (body []byte) {
	boxes(data, func(b box) bool {
		if b.kind == kind {
			body = b.body
		}
		return body == nil
	})
	return body
}

// fullBox splits the version and the flags off a body.
func fullBox(body []byte) (version byte, flags uint32, rest *cursor) {
	c := &cursor{rest: body}
	head := c.uint32()
	return byte(head >> 24), head & 0xffffff, c
}

// sized reads an integer of 2 or 4 bytes.
func (c *cursor) sized(long bool) uint32 {
	if long {
		return c.uint32()
	}
	return uint32(c.uint16())
}

// wide reads an integer of 0, 4 or 8 bytes.
func (c *cursor) wide(bytes int) uint64 {
	switch bytes {
	case 0:
		return 0
	case 4:
		return uint64(c.uint32())
	case 8:
		return c.uint64()
	default:
		c.short = true
		return 0
	}
}

// brandType is the media type of a still picture that the brands of a file say (ISO/IEC 23008-12, annex B; AVIF, section 8); empty for all
// else. Of the general brand mif1 the further ones decide.
func brandType(content []byte) string {
	if len(content) < 16 || string(content[4:8]) != "ftyp" {
		return ""
	}
	of := func(brand string) string {
		switch brand {
		case "avif", "avis":
			return "image/avif"
		case "heic", "heix", "heim", "heis", "hevc", "hevx":
			return "image/heic"
		}
		return ""
	}
	major := string(content[8:12])
	if major != "mif1" && major != "msf1" {
		return of(major)
	}
	size := min(uint64(binary.BigEndian.Uint32(content)), uint64(len(content)), 1024)
	for at := uint64(16); at+4 <= size; at += 4 {
		if mime := of(string(content[at : at+4])); mime != "" {
			return mime
		}
	}
	return "image/heif"
}
