// Package pdq computes PDQ, the 256-bit perceptual image hash of Meta
// ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
// Facebook, 2019), and its quality figure.
//
// The luminance of the image is smoothed twice by a box filter, sampled at 64 by
// 64 points, transformed by a 16 by 16 discrete cosine transform without the
// constant term, and each of the 256 values gives one bit: above the median or
// not. Two forms of it are in use, see [Forms]: [Compute] gives that of the image
// at its full size.
//
// Two images are taken for the same picture when their hashes differ in at most
// 31 bits and both have a quality of at least [MinimumQuality].
package pdq

import (
	"encoding/hex"
	"fmt"
	"image"
	"math/bits"
)

// Hash is a PDQ hash. Its bytes are in the order of the 64-digit hexadecimal
// text.
type Hash [32]byte

// Bits is how many bits a hash has.
const Bits = 8 * len(Hash{})

// MinimumQuality is the least quality at which a hash may be matched. Flat and
// blank pictures lie below it: their hashes collide. Meta's README of PDQ sets
// it: hashes of a quality of 49 and below are to be dropped.
const MinimumQuality = 50

// Parse reads the hexadecimal text of a hash: exactly 64 digits.
func Parse(text string) (Hash, error) {
	var h Hash
	if len(text) != 2*len(h) {
		return Hash{}, fmt.Errorf("reading a PDQ hash: %d characters, want 64 hexadecimal digits", len(text))
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fmt.Errorf("reading a PDQ hash: %w", err)
	}
	return h, nil
}

// String is the hash as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hexadecimal text.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the hexadecimal text.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = Parse(string(text))
	return err
}

// Distance is the number of bits in which two hashes differ, 0 to 256.
func (h Hash) Distance(other Hash) int {
	distance := 0
	for i := range h {
		distance += bits.OnesCount8(h[i] ^ other[i])
	}
	return distance
}

// Inverted is the hash of the picture with its colours inverted: all 256 bits are the other way
// round, but for frequencies that equal the median.
func (h Hash) Inverted() Hash {
	for i := range h {
		h[i] = ^h[i]
	}
	return h
}

// maximumLuma leaves room for the rounding of weights that add up to one.
const maximumLuma = 255.01

// Result is a hash with its quality.
type Result struct {
	Hash Hash
	// Quality is 0 to 100: how much gradient the picture has.
	Quality int
}

// Variant numbers the eight symmetries of the square, in the order of the
// reference.
type Variant int

const (
	Original Variant = iota
	Rotate90
	Rotate180
	Rotate270
	FlipX
	FlipY
	FlipPlus1
	FlipMinus1
)

var variantNames = [...]string{"original", "rotate90", "rotate180", "rotate270", "flipX", "flipY", "flipPlus1", "flipMinus1"}

// String is the variant's name in the reference.
func (v Variant) String() string {
	if v < 0 || int(v) >= len(variantNames) {
		return fmt.Sprintf("variant %d", int(v))
	}
	return variantNames[v]
}

// Variants are the hashes of a picture turned and mirrored, indexed by [Variant]: those of the turned pictures
// themselves, which the reference samples at other places than the original. Asking an index for all eight finds a
// picture whatever its orientation tag says, and its mirror image.
type Variants [8]Hash

// Fingerprint is all that one pass over an image gives.
type Fingerprint struct {
	Result
	Variants      Variants
	Width, Height int
}

// Compute hashes an image of any of Go's types. An alpha channel is ignored, as
// in the reference; pixels are taken as stored, without an orientation tag. An
// image with a side under 5 pixels has the zero hash and quality 0.
func Compute(img image.Image) Fingerprint {
	f, _ := computeFull(img)
	return f
}

// computeFull returns the cells as well.
func computeFull(img image.Image) (Fingerprint, *block) {
	bounds := img.Bounds()
	f := Fingerprint{Width: bounds.Dx(), Height: bounds.Dy()}
	if f.Width < minimumSide || f.Height < minimumSide {
		return f, new(block)
	}
	sampler := newSampler(fullGrid(f.Width, f.Height))
	lines := lumaOf(img)
	sampler.all(lines, f.Width, f.Height)
	f.fill(&sampler.out, lines)
	return f, sampler.out[0][0]
}

// FromImage hashes an image without its variants.
func FromImage(img image.Image) Result {
	width, height := img.Bounds().Dx(), img.Bounds().Dy()
	if width < minimumSide || height < minimumSide {
		return Result{}
	}
	return fromLines(lumaOf(img), width, height)
}

func fromLines(lines func(row []float32, y int) []float32, width, height int) Result {
	sampler := newSampler(oneWay(fullAxes(width, height)))
	sampler.all(lines, width, height)
	b := sampler.out[0][0]
	quality := settle(b, lines, width, height)
	return Result{transform(b).hash(), quality}
}

// FromLuma hashes luminance values from 0 to 255, row by row. The error says
// when their number is not width times height, or names the first value that
// is not a number of that range.
func FromLuma(luma []float32, width, height int) (Result, error) {
	if width <= 0 || height <= 0 || width > len(luma) || len(luma)/width != height || len(luma)%width != 0 {
		return Result{}, fmt.Errorf("hashing %d luminance values: they are not %d rows of %d", len(luma), height, width)
	}
	for i, value := range luma {
		if !(value >= 0 && value <= maximumLuma) {
			return Result{}, fmt.Errorf("hashing luminance values: the one at column %d of row %d is %v, want 0 to 255", i%width, i/width, value)
		}
	}
	if width < minimumSide || height < minimumSide {
		return Result{}, nil
	}
	return fromLines(func(_ []float32, y int) []float32 { return luma[y*width : (y+1)*width] }, width, height), nil
}
