package luma

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUnsupported is in the chain of errors about files that a general decoder may
// be able to read.
var ErrUnsupported = errors.New("not a kind of JPEG that is read here")

// ErrDamaged is in the chain of errors about files of which nothing can be read.
var ErrDamaged = errors.New("damaged JPEG")

func unsupported(format string, about ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, about...))
}

func damaged(format string, about ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, about...))
}

// Markers (T.81, table B.1).
const (
	markerSOF0 = 0xc0 // baseline
	markerSOF1 = 0xc1 // extended sequential
	markerSOF2 = 0xc2 // progressive
	markerDHT  = 0xc4
	markerJPG  = 0xc8
	markerDAC  = 0xcc
	markerRST0 = 0xd0
	markerRST7 = 0xd7
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerDQT  = 0xdb
	markerDRI  = 0xdd
	markerAPP0 = 0xe0
	markerAPPE = 0xee
	markerTEM  = 0x01
)

// component is one of up to three planes of a picture.
type component struct {
	id         uint8
	wide, high int // sampling factors
	quantum    uint8
	dc, ac     *huffman
	mean       int32   // of the block before
	scale      float32 // of means to levels
}

// file is a JPEG file as far as it was read.
type file struct {
	data []byte
	at   int

	width, height int
	progressive   bool
	components    []component
	// most are the greatest sampling factors; mcu counts the units of a scan of
	// all components.
	mostWide, mostHigh int
	mcusWide, mcusHigh int

	quanta  [4][64]uint16
	defined [4]bool
	dc, ac  [4]*huffman
	restart int

	jfif, adobe bool
	transform   uint8
	scans       int
}

// maxScans bounds the work that a small file can ask for.
const maxScans = 500

// segment returns the marker at the position and its payload.
func (f *file) segment() (marker uint8, payload []byte, err error) {
	for {
		skipped := bytes.IndexByte(f.data[f.at:], 0xff)
		if skipped < 0 {
			return 0, nil, damaged("it ends before its image data")
		}
		f.at += skipped
		for f.at < len(f.data) && f.data[f.at] == 0xff {
			f.at++
		}
		if f.at == len(f.data) {
			return 0, nil, damaged("it ends before its image data")
		}
		marker = f.data[f.at]
		f.at++
		switch {
		case marker == 0, marker == markerTEM, marker >= markerRST0 && marker <= markerSOI:
			continue // stuffing, or nothing follows
		case marker == markerEOI:
			return marker, nil, nil
		}
		if f.at+2 > len(f.data) {
			return 0, nil, damaged("it ends within a marker")
		}
		length := int(binary.BigEndian.Uint16(f.data[f.at:]))
		if length < 2 || f.at+length > len(f.data) {
			return 0, nil, damaged("a segment is longer than the file")
		}
		payload = f.data[f.at+2 : f.at+length]
		f.at += length
		return marker, payload, nil
	}
}

// head takes a segment that is not a scan.
func (f *file) head(marker uint8, payload []byte) error {
	switch {
	case marker == markerDQT:
		return f.readQuanta(payload)
	case marker == markerDHT:
		return f.readCodes(payload)
	case marker == markerDRI:
		if len(payload) < 2 {
			return damaged("a restart interval without a number")
		}
		f.restart = int(binary.BigEndian.Uint16(payload))
	case marker == markerAPP0:
		f.jfif = f.jfif || bytes.HasPrefix(payload, []byte("JFIF\x00"))
	case marker == markerAPPE && bytes.HasPrefix(payload, []byte("Adobe")) && len(payload) >= 12:
		f.adobe, f.transform = true, payload[11]
	case marker == markerSOF0, marker == markerSOF1, marker == markerSOF2:
		return f.readFrame(marker, payload)
	case marker == markerDAC, marker >= markerSOF0 && marker <= 0xcf && marker != markerJPG:
		return unsupported("marker %#x", marker)
	}
	return nil
}

func (f *file) readQuanta(payload []byte) error {
	for len(payload) > 0 {
		which, wide := payload[0]&15, payload[0]>>4
		size := 64 * (1 + int(wide))
		if which > 3 || wide > 1 || len(payload) < 1+size {
			return damaged("a quantization table is cut off")
		}
		for k := range f.quanta[which] {
			if wide == 1 {
				f.quanta[which][k] = binary.BigEndian.Uint16(payload[1+2*k:])
			} else {
				f.quanta[which][k] = uint16(payload[1+k])
			}
		}
		f.defined[which] = true
		payload = payload[1+size:]
	}
	return nil
}

func (f *file) readCodes(payload []byte) error {
	for len(payload) > 0 {
		if len(payload) < 17 {
			return damaged("a Huffman table is cut off")
		}
		class, which := kind(payload[0]>>4), payload[0]&15
		total := 0
		for _, count := range payload[1:17] {
			total += int(count)
		}
		if class > ofAC || which > 3 || total > 256 || len(payload) < 17+total {
			return damaged("a Huffman table is cut off")
		}
		code, ok := codeOf(class, payload[1:17+total])
		if !ok {
			return damaged("a Huffman table is no code")
		}
		if class == ofDC {
			f.dc[which] = code
		} else {
			f.ac[which] = code
		}
		payload = payload[17+total:]
	}
	return nil
}

func (f *file) readFrame(marker uint8, payload []byte) error {
	if f.components != nil {
		return damaged("it has two frames")
	}
	if len(payload) < 6 || len(payload) < 6+3*int(payload[5]) {
		return damaged("the frame header is cut off")
	}
	f.progressive = marker == markerSOF2
	f.height, f.width = int(binary.BigEndian.Uint16(payload[1:])), int(binary.BigEndian.Uint16(payload[3:]))
	switch count := payload[5]; {
	case payload[0] != 8:
		return unsupported("%d bits a sample", payload[0])
	case f.width == 0:
		return damaged("it has no width")
	case f.height == 0:
		return unsupported("its height comes after its data")
	case count != 1 && count != 3:
		return unsupported("%d components", count)
	}
	f.components = make([]component, payload[5])
	for i := range f.components {
		c := &f.components[i]
		about := payload[6+3*i:]
		*c = component{id: about[0], wide: int(about[1] >> 4), high: int(about[1] & 15), quantum: about[2]}
		if c.wide < 1 || c.wide > 4 || c.high < 1 || c.high > 4 || c.quantum > 3 {
			return damaged("a component has impossible factors")
		}
		for _, other := range f.components[:i] {
			if other.id == c.id {
				return damaged("two components have one name")
			}
		}
		f.mostWide, f.mostHigh = max(f.mostWide, c.wide), max(f.mostHigh, c.high)
	}
	if len(f.components) == 1 { // sampling means nothing then (T.81, A.2.2)
		f.components[0].wide, f.components[0].high, f.mostWide, f.mostHigh = 1, 1, 1, 1
	}
	luma := &f.components[0]
	if luma.wide != f.mostWide || luma.high != f.mostHigh {
		return unsupported("the luminance is sampled less than the colours")
	}
	f.mcusWide = (f.width + blockSide*f.mostWide - 1) / (blockSide * f.mostWide)
	f.mcusHigh = (f.height + blockSide*f.mostHigh - 1) / (blockSide * f.mostHigh)
	return nil
}

// isRGB follows the convention of the common decoders about files that do not say what
// their three components are.
func (f *file) isRGB() bool {
	switch {
	case len(f.components) != 3 || f.jfif:
		return false
	case f.adobe:
		return f.transform == 0
	}
	return f.components[0].id == 'R' && f.components[1].id == 'G' && f.components[2].id == 'B'
}
