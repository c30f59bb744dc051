package pdq

import (
	"image"

	"github.com/brdoproject/brdo/engine/luma"
)

// TrimmedFromJPEG is [HashTrimmed] for a JPEG file, of which it decodes the edges and whatever uniform borders there
// are, no more. The borders are those of the decoded picture to the pixel. What is left is hashed as [FromJPEG]
// hashes a picture, and decoded where [JPEG.Settled] says so. It reads the file once to look for borders, and
// once more where it finds some.
//
// A plain picture of more than 32 megapixels keeps the hash of its coefficients, too: it is compared with nothing, and
// decoding it could need more memory than the file's other hashes are worth.
//
// Errors: those of [luma.OpenParts].
func TrimmedFromJPEG(data []byte, maxPixels int64) (Trimmed, error) {
	parts, err := luma.OpenParts(data, maxPixels)
	if err != nil {
		return Trimmed{}, err
	}
	size := parts.Bounds().Size()
	if size.X < leastSide || size.Y < leastSide {
		return Trimmed{}, nil
	}
	left, found := trim(&bands{parts: parts, across: map[int]*plane{}, down: map[int]*plane{}}, size)
	if !found {
		return Trimmed{}, nil
	}
	hashed, err := partFromJPEG(data, luma.Options{MaxPixels: maxPixels}, func(int, int) image.Rectangle { return left })
	if err != nil {
		return Trimmed{}, err
	}
	if !hashed.Settled() && left.Dx()*left.Dy() <= mostDecoded {
		return Trimmed{left, ComputeForms(parts.Decode(left))}, nil
	}
	return Trimmed{left, hashed.Forms}, nil
}

// mostDecoded is the size in pixels up to which what is left is decoded.
const mostDecoded = 32 << 20

// bands are the levels of a JPEG file that is decoded as far as its lines are looked at: bands of rows or
// columns, by the first of them.
type bands struct {
	parts        *luma.Parts
	across, down map[int]*plane
}

// Bands are narrow along the edges, where most pictures have no border, and broad further in: beside each
// there is more to be decoded than it holds.
const (
	narrowBand = 16
	broadBand  = 8 * narrowBand
)

// bandOf is the band of a line out of many: the first line of it and the first one after it.
func bandOf(at, lines int) (from, to int) {
	width := narrowBand
	if at >= broadBand && at < lines/broadBand*broadBand-broadBand {
		width = broadBand
	}
	from = at / width * width
	return from, from + width
}

func (b *bands) row(within image.Rectangle, y int) line {
	size := b.parts.Bounds().Size()
	from, to := bandOf(y, size.Y)
	if b.across[from] == nil {
		b.across[from] = newPlane(b.parts.Decode(image.Rect(0, from, size.X, to)))
	}
	return b.across[from].row(within, y-from)
}

func (b *bands) column(within image.Rectangle, x int) line {
	size := b.parts.Bounds().Size()
	from, to := bandOf(x, size.X)
	if b.down[from] == nil {
		b.down[from] = newPlane(b.parts.Decode(image.Rect(from, 0, to, size.Y)))
	}
	return b.down[from].column(within, x-from)
}
