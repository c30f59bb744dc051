package luma

import (
	"bytes"
	"testing"
)

// longest is a file without image data whose every code is sixteen zeros and stands for fifteen more bits: nothing
// takes more of a scan. Its unit has as many blocks as the frame header can ask for.
func longest(marker byte) []byte {
	code := append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 15)
	var file bytes.Buffer
	segment := func(marker byte, payload ...byte) {
		file.Write([]byte{0xff, marker, byte((len(payload) + 2) >> 8), byte(len(payload) + 2)})
		file.Write(payload)
	}
	file.Write([]byte{0xff, markerSOI})
	segment(markerDQT, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	segment(markerDHT, append([]byte{0x00}, code...)...)
	segment(markerDHT, append([]byte{0x10}, code...)...)
	segment(marker, 8, 0, 64, 0, 64, 3, 1, 0x44, 0, 2, 0x44, 0, 3, 0x44, 0)
	if marker == markerSOF2 {
		segment(markerSOS, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0)
		file.WriteByte(0)
		for id := range byte(3) {
			segment(markerSOS, 1, id+1, 0, 1, 63, 0)
			file.WriteByte(0)
		}
		return file.Bytes()
	}
	segment(markerSOS, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0)
	return append(file.Bytes(), 0)
}

func TestAUnitBeyondTheDataStaysInThePadding(t *testing.T) {
	for _, marker := range []byte{markerSOF0, markerSOF2} {
		for _, means := range []bool{false, true} {
			got, err := ReadJPEG(longest(marker), Options{MaxPixels: 1 << 20, Means: means}, both)
			if err != nil || got.Read != 0 {
				t.Errorf("marker %#x, means %v: %v read, %v", marker, means, got.Read, err)
			}
		}
		if _, read, err := DecodeJPEG(longest(marker), 1<<20); err != nil || read != 0 {
			t.Errorf("marker %#x: %v read, %v", marker, read, err)
		}
	}
}
