package media

import (
	"encoding/binary"
	"image"
)

// Tags of TIFF 6.0 and Exif 3.0 that are read, from the first directory only.
const (
	tagNewSubfileType = 0x00fe
	tagOrientation    = 0x0112
	tagDNGVersion     = 0xc612
)

// directory is the little that is wanted of a TIFF directory.
type directory struct {
	reduced     bool // only a smaller version of another picture in the file
	raw         bool // a camera's raw file
	orientation int  // 1 to 8; 1 when absent or out of range
	next        uint32
}

// readDirectory reads the first directory of a TIFF structure. It is bounded
// by the 65,535 entries that a directory can have and follows no pointer.
func readDirectory(structure []byte) (directory, bool) {
	var order binary.ByteOrder
	switch {
	case len(structure) < 8:
		return directory{}, false
	case string(structure[:4]) == "II*\x00":
		order = binary.LittleEndian
	case string(structure[:4]) == "MM\x00*":
		order = binary.BigEndian
	default:
		return directory{}, false
	}
	offset := int64(order.Uint32(structure[4:]))
	if offset+2 > int64(len(structure)) {
		return directory{}, false
	}
	count := int64(order.Uint16(structure[offset:]))
	entries := structure[offset+2:]
	if 12*count > int64(len(entries)) {
		return directory{}, false
	}
	found := directory{orientation: 1, raw: len(structure) >= 10 && string(structure[8:10]) == "CR"}
	for ; count > 0; count, entries = count-1, entries[12:] {
		const short, long = 3, 4
		kind := order.Uint16(entries[2:])
		value := uint32(order.Uint16(entries[8:]))
		if kind == long {
			value = order.Uint32(entries[8:])
		}
		switch tag := order.Uint16(entries); {
		case tag == tagNewSubfileType && (kind == short || kind == long):
			found.reduced = value&1 != 0
		case tag == tagOrientation && (kind == short || kind == long) && value >= 1 && value <= 8:
			found.orientation = int(value)
		case tag == tagDNGVersion:
			found.raw = true
		}
	}
	if len(entries) >= 4 {
		found.next = order.Uint32(entries)
	}
	return found, true
}

// tiffUnsuitable says why the first picture of a TIFF structure is not the
// picture; empty when it is.
func tiffUnsuitable(content []byte) string {
	found, ok := readDirectory(content)
	switch {
	case ok && found.raw:
		return "a raw file of a camera: its first picture is not the photograph"
	case ok && found.reduced:
		return "the first picture of the file is a reduced version of another"
	}
	return ""
}

// orientation returns the Exif orientation, 1 to 8; 1, upright, when there is
// none that can be read. What is wrong with metadata never costs the preview.
func orientation(mime string, content []byte) int {
	structure := content
	if mime == "image/jpeg" {
		structure = exifOf(content)
	} else if mime != "image/tiff" {
		return 1
	}
	if found, ok := readDirectory(structure); ok {
		return found.orientation
	}
	return 1
}

// exifOf returns the TIFF structure in the first Exif segment of a JPEG (Exif
// 3.0, section 4.7.2), walking the markers before the first scan.
func exifOf(content []byte) []byte {
	rest := content[min(2, len(content)):]
	for len(rest) >= 4 && rest[0] == 0xff {
		marker := rest[1]
		switch {
		case marker == 0xff: // a fill byte
			rest = rest[1:]
			continue
		case marker == 0xd9 || marker == 0xda: // end of image, start of scan
			return nil
		}
		length := int(binary.BigEndian.Uint16(rest[2:]))
		if length < 2 || 2+length > len(rest) {
			return nil
		}
		segment := rest[4 : 2+length]
		if marker == 0xe1 && len(segment) > 6 && string(segment[:6]) == "Exif\x00\x00" {
			return segment[6:]
		}
		rest = rest[2+length:]
	}
	return nil
}

// orient turns a stored picture upright: orientation 1 is as stored, 2 to 8
// name where its first row and column belong (Exif 3.0, tag 0x0112).
func orient(stored *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return stored
	}
	width, height := stored.Rect.Dx(), stored.Rect.Dy()
	turned := orientation >= 5
	upright := image.NewRGBA(image.Rect(0, 0, width, height))
	if turned {
		upright = image.NewRGBA(image.Rect(0, 0, height, width))
	}
	right, bottom := width-1, height-1
	for y := range upright.Rect.Dy() {
		for x := range upright.Rect.Dx() {
			fromX, fromY := x, y
			switch orientation {
			case 2:
				fromX = right - x
			case 3:
				fromX, fromY = right-x, bottom-y
			case 4:
				fromY = bottom - y
			case 5:
				fromX, fromY = y, x
			case 6:
				fromX, fromY = y, bottom-x
			case 7:
				fromX, fromY = right-y, bottom-x
			case 8:
				fromX, fromY = right-y, x
			}
			copy(upright.Pix[upright.PixOffset(x, y):][:4], stored.Pix[stored.PixOffset(fromX, fromY):][:4])
		}
	}
	return upright
}
