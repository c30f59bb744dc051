package scene

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"math/bits"
)

// MaxFeatures is the most that a picture is described by.
const MaxFeatures = 500

// MinimumFeatures is the least by which a picture can be found again: those with fewer are too plain or too small.
const MinimumFeatures = 30

// Features describe a picture for [Compare]. The zero value is a picture without any.
type Features struct {
	width, height int
	// all holds the dark spots, then the bright ones.
	all  []feature
	dark int
}

// feature is a spot: where it is in the reduced picture, at which scale, in which direction.
type feature struct {
	x, y  uint16 // in pixels of the reduced picture, times fine
	level uint8
	angle uint8 // 256 to a turn
	descriptor
}

// fine is the parts of a pixel in which places are kept.
const fine = 64

// descriptor are comparisons of the levels around a spot. Its two halves change places when the picture is mirrored.
type descriptor [comparisons / 64]uint64

func (d descriptor) mirrored() descriptor { return descriptor{d[2], d[3], d[0], d[1]} }

func (d *descriptor) distance(other *descriptor) int {
	return bits.OnesCount64(d[0]^other[0]) + bits.OnesCount64(d[1]^other[1]) + bits.OnesCount64(d[2]^other[2]) + bits.OnesCount64(d[3]^other[3])
}

// Describe finds the features of a picture of any of Go's types. Alpha is ignored, and pixels are taken as stored, without an orientation
// tag.
func Describe(img image.Image) Features {
	bounds := img.Bounds()
	f := Features{width: bounds.Dx(), height: bounds.Dy()}
	if f.width < 1 || f.height < 1 {
		return f
	}
	base := reduce(img)
	quota := quotas(sizes(base.width, base.height))
	responses := make([]int32, side*base.height)
	var bright []feature
	pyramid(base, func(l level) {
		for _, s := range choose(l, spots(l, responses), quota[l.number]) {
			x, y := exact(s, responses)
			angle := direction(l, s.x, s.y)
			found := feature{
				x: place(x, l.scaleX), y: place(y, l.scaleY), level: uint8(l.number),
				angle: uint8(int(math.Round(angle * 128 / math.Pi))), descriptor: describe(l, s.x, s.y, angle),
			}
			if s.dark {
				f.all = append(f.all, found)
			} else {
				bright = append(bright, found)
			}
		}
	})
	f.dark = len(f.all)
	f.all = append(f.all, bright...)
	return f
}

// place brings the middle of a pixel of a level to the first level.
func place(at, scale float64) uint16 { return uint16(math.Round((at + 0.5) * scale * fine)) }

// Count is the number of features, at most [MaxFeatures].
func (f Features) Count() int { return len(f.all) }

// Size is that of the picture as stored, in pixels.
func (f Features) Size() (width, height int) { return f.width, f.height }

// Enough reports whether the picture has the features by which it could be found again.
func (f Features) Enough() bool { return len(f.all) >= MinimumFeatures }

const (
	magic       = "BRs1"
	headerSize  = len(magic) + 4 + 4 + 2 + 2
	featureSize = 2 + 2 + 1 + 1 + comparisons/8
	// MaxSize is the most bytes of features in their binary form.
	MaxSize = headerSize + MaxFeatures*featureSize
)

// ErrMalformed is said of bytes that are no features.
var ErrMalformed = errors.New("malformed features")

// MarshalBinary writes the features in at most [MaxSize] bytes: "BRs1", width and height of the picture (four bytes each, big-endian like
// all), the numbers of dark and of bright spots (two bytes each), and for each spot its place (two bytes each, in 1/64 of a pixel of the
// picture at its working size), its level and its angle (one byte each) and its bits (32 bytes).
func (f Features) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, headerSize+len(f.all)*featureSize)
	out = append(out, magic...)
	out = binary.BigEndian.AppendUint32(out, uint32(f.width))
	out = binary.BigEndian.AppendUint32(out, uint32(f.height))
	out = binary.BigEndian.AppendUint16(out, uint16(f.dark))
	out = binary.BigEndian.AppendUint16(out, uint16(len(f.all)-f.dark))
	for _, one := range f.all {
		out = binary.BigEndian.AppendUint16(out, one.x)
		out = binary.BigEndian.AppendUint16(out, one.y)
		out = append(out, one.level, one.angle)
		for _, word := range one.descriptor {
			out = binary.BigEndian.AppendUint64(out, word)
		}
	}
	return out, nil
}

// UnmarshalBinary reads what [Features.MarshalBinary] wrote, and nothing else: the error is [ErrMalformed] with what is wrong.
func (f *Features) UnmarshalBinary(data []byte) error {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return fmt.Errorf("%w: no header", ErrMalformed)
	}
	read := Features{width: int(binary.BigEndian.Uint32(data[4:])), height: int(binary.BigEndian.Uint32(data[8:])), dark: int(binary.BigEndian.Uint16(data[12:]))}
	count := read.dark + int(binary.BigEndian.Uint16(data[14:]))
	data = data[headerSize:]
	switch {
	case count > MaxFeatures:
		return fmt.Errorf("%w: %d features, the limit is %d", ErrMalformed, count, MaxFeatures)
	case len(data) != count*featureSize:
		return fmt.Errorf("%w: %d bytes for %d features", ErrMalformed, len(data), count)
	case read.width > math.MaxInt32 || read.height > math.MaxInt32 || count > 0 && (read.width < 1 || read.height < 1):
		return fmt.Errorf("%w: a picture of %d x %d", ErrMalformed, read.width, read.height)
	}
	width, height := fit(read.width, read.height)
	if count > 0 {
		read.all = make([]feature, count)
	}
	for i := range read.all {
		one := &read.all[i]
		one.x, one.y = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		one.level, one.angle = data[4], data[5]
		if int(one.x) > width*fine || int(one.y) > height*fine || one.level >= maxLevels {
			return fmt.Errorf("%w: feature %d is outside its picture", ErrMalformed, i)
		}
		for k := range one.descriptor {
			one.descriptor[k] = binary.BigEndian.Uint64(data[6+8*k:])
		}
		data = data[featureSize:]
	}
	*f = read
	return nil
}
