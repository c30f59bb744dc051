package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
)

// fingerprint runs in the child; kind says how closely to look.
func fingerprint(content []byte, kind requestKind, maxPixels int64) Fingerprint {
	if kind == kindWideLook {
		if means, ok := fromMeans(content, maxPixels); ok {
			return means
		}
	}
	quick, read := fromJPEG(content, maxPixels)
	quality := quick.Full.Quality
	byCoefficients := Fingerprint{
		MIME: "image/jpeg", Width: quick.Full.Width, Height: quick.Full.Height, Forms: quick.Forms, Status: StatusOK,
		unspread: !quick.Progressive,
	}
	whole := read && quick.Read == 1
	plain := whole && kind != kindFingerprint && quality < surelyPlain
	if quick.Bordered && (plain || whole && quick.Settled()) {
		byCoefficients.trim(content, quick.Progressive, maxPixels)
	}
	switch within := &byCoefficients.Trimmed; {
	case plain && byCoefficients.Detail == "" && (within.None() || within.Forms.Full.Quality < pdq.MinimumQuality):
		byCoefficients.Within, *within = pdq.Bits, pdq.Trimmed{}
		return tooPlain(byCoefficients)
	case plain:
		// What is within the borders may have more features.
	case whole && quick.Settled():
		return byCoefficients
	case whole && !quick.Bordered && kind == kindWideLook && quality >= surelyRich && quick.Near < littleDoubtful && quick.Full.Width*quick.Full.Height > pdq.SmallPicture:
		byCoefficients.Within = doubtfulWithin
		return byCoefficients
	}
	picture, about := decode(content, maxPixels)
	found := about.fingerprint()
	switch {
	case about.status == StatusOK:
		found.hash(picture)
	case read && quality >= pdq.MinimumQuality:
		found.Status, found.Forms = StatusPartial, quick.Forms
		found.Width, found.Height = quick.Full.Width, quick.Full.Height
		found.Detail = fmt.Sprintf("%d %% of the picture could be read (%s)", int(100*quick.Read), about.detail)
	}
	return found
}

func tooPlain(found Fingerprint) Fingerprint {
	found.Status = StatusUnhashable
	found.Detail = fmt.Sprintf("too few features: quality %d, at least %d is needed", found.Forms.Full.Quality, pdq.MinimumQuality)
	return found
}

// What a first look relies on; docs/screening.md has the measurements.
const (
	// meansFrom is the shorter side, in pixels, from which the means of blocks stand for
	// a picture, unless they say themselves that rounding would decide.
	meansFrom = 1500
	// surelyPlain is the quality below which a picture is too plain whatever rounding
	// did: coefficients give the quality within 1.
	surelyPlain = pdq.MinimumQuality - 1
	// surelyRich is the quality from which on means cannot stand for a picture that is
	// too plain.
	surelyRich = 80
	// littleDoubtful bounds the frequencies near the median with which coefficients are at
	// most doubtfulWithin bits off.
	littleDoubtful, doubtfulWithin = 24, 10
)

// fromMeans hashes a large JPEG file by the means of its blocks alone, but what is within borders. It declines where
// these may be further off than FirstLookWithin.
func fromMeans(content []byte, maxPixels int64) (Fingerprint, bool) {
	if known, _ := sniff(content); known == nil || known.mime != "image/jpeg" {
		return Fingerprint{}, false
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(content))
	if err != nil || min(config.Width, config.Height) < meansFrom {
		return Fingerprint{}, false
	}
	means, err := pdq.FromJPEG(content, luma.Options{MaxPixels: maxPixels, Means: true})
	if err != nil || means.Read < 1 || means.Doubtful() || min(means.Full.Quality, means.Nearest.Quality) < surelyRich {
		return Fingerprint{}, false
	}
	found := Fingerprint{MIME: "image/jpeg", Width: config.Width, Height: config.Height, Forms: means.Forms, Status: StatusOK, Within: FirstLookWithin, unspread: true}
	if means.Bordered {
		found.trim(content, means.Progressive, maxPixels)
	}
	return found, true
}

// hash hashes a picture that was decoded whole, or as far as its status says.
func (f *Fingerprint) hash(picture image.Image) {
	if f.Forms, f.Trimmed = pdq.ComputeTrimmed(picture); f.Forms.Full.Quality < pdq.MinimumQuality {
		*f = tooPlain(*f)
	}
}

// trimmable is the size in pixels up to which a JPEG file that was hashed without decoding it is
// decoded, or all of its coefficients are held, to take its borders off: more could need more memory than a child has,
// and cost the hash that is there.
const trimmable = 32 << 20

// trim hashes a whole JPEG file that may have borders without them, or says why it does not.
func (f *Fingerprint) trim(content []byte, progressive bool, maxPixels int64) {
	if pixels := f.Width * f.Height; pixels > trimmable && progressive {
		f.Detail = fmt.Sprintf("too large to be compared without its borders: %d pixels, the limit is %d", pixels, trimmable)
		return
	}
	found, err := pdq.TrimmedFromJPEG(content, maxPixels)
	if err != nil {
		f.Detail = "not compared without its borders: " + err.Error()
		return
	}
	// What is too plain was decoded.
	f.unspread = !progressive && (found.None() || found.Forms.Full.Quality >= pdq.MinimumQuality)
	f.Trimmed = found
}

// exactly decodes a whole JPEG file to the pixels that the references of the field hash.
func exactly(content []byte, maxPixels int64) (image.Image, outcome) {
	if known, _ := sniff(content); known == nil || known.mime != "image/jpeg" {
		return nil, outcome{}
	}
	picture, read, err := luma.DecodeJPEG(content, maxPixels)
	if err != nil || read < 1 {
		return nil, outcome{}
	}
	return picture, outcome{status: StatusOK, mime: "image/jpeg", width: picture.Bounds().Dx(), height: picture.Bounds().Dy()}
}

// fromJPEG hashes a JPEG file without decoding it to pixels. Read is false for kinds that it
// does not know, and where hardly anything could be read. Where the quality is below
// [pdq.MinimumQuality] rounding decides.
func fromJPEG(content []byte, maxPixels int64) (found pdq.JPEG, read bool) {
	if known, _ := sniff(content); known == nil || known.mime != "image/jpeg" {
		return pdq.JPEG{}, false
	}
	found, err := pdq.FromJPEG(content, luma.Options{MaxPixels: maxPixels})
	return found, err == nil && found.Read >= pdq.EnoughRead
}

// decode returns the first picture of a file with status ok, or nil with the
// status that says why there is none. The header is read first, and nothing is
// allocated for a picture that is too large.
func decode(content []byte, maxPixels int64) (image.Image, outcome) {
	if picture, about := exactly(content, maxPixels); picture != nil {
		return picture, about
	}
	known, mime := sniff(content)
	about := outcome{mime: mime}
	if known == nil || known.decode == nil {
		about.status, about.detail = StatusUnsupported, "not a format that is decoded"
		return nil, about
	}
	if mime == "image/tiff" {
		if reason := tiffUnsuitable(content); reason != "" {
			about.status, about.detail = StatusUnsupported, reason
			return nil, about
		}
	}
	watched := &watchedReader{content: bytes.NewReader(content)}
	config, err := known.config(watched)
	if err != nil {
		about.status, about.detail = watched.blame(err)
		return nil, about
	}
	if config.Width < 1 || config.Height < 1 {
		about.status, about.detail = StatusUnreadable, "the header gives no dimensions"
		return nil, about
	}
	about.width, about.height = config.Width, config.Height
	if int64(config.Width) > maxPixels/int64(config.Height) {
		about.status = StatusTooLarge
		about.detail = fmt.Sprintf("%d x %d pixels, the limit is %d", config.Width, config.Height, maxPixels)
		return nil, about
	}

	watched = &watchedReader{content: bytes.NewReader(content)}
	var picture image.Image
	if mime == "image/webp" && webpIsAnimated(content) {
		picture, err = decodeWebPFrame(content, image.Rect(0, 0, config.Width, config.Height))
	} else {
		picture, err = known.decode(watched)
	}
	if err != nil {
		about.status, about.detail = watched.blame(err)
		return nil, about
	}
	about.status = StatusOK
	about.firstFrameOnly = known.more(content)
	return onCanvas(picture, config.Width, config.Height), about
}

// onCanvas lays a first frame that does not fill its canvas on white, as
// viewers show it.
func onCanvas(picture image.Image, width, height int) image.Image {
	canvas := image.Rect(0, 0, width, height)
	if picture.Bounds() == canvas {
		return picture
	}
	whole := image.NewRGBA(canvas)
	draw.Draw(whole, canvas, image.White, image.Point{}, draw.Src)
	draw.Draw(whole, picture.Bounds(), picture, picture.Bounds().Min, draw.Over)
	return whole
}

// placed moves the bounds of a picture without copying it.
type placed struct {
	image.Image
	by image.Point
}

func (p placed) Bounds() image.Rectangle { return p.Image.Bounds().Add(p.by) }
func (p placed) At(x, y int) color.Color { return p.Image.At(x-p.by.X, y-p.by.Y) }

var errFrame = errors.New("webp: the first frame is missing or outside its canvas")

func decodeWebPFrame(content []byte, canvas image.Rectangle) (image.Image, error) {
	still, at, ok := webpFrame(content)
	if !ok || !at.In(canvas) {
		return nil, errFrame
	}
	config, err := webp.DecodeConfig(bytes.NewReader(still))
	if err != nil {
		return nil, err
	}
	if config.Width != at.Dx() || config.Height != at.Dy() {
		return nil, errFrame
	}
	picture, err := webp.Decode(bytes.NewReader(still))
	if err != nil {
		return nil, err
	}
	if at == canvas {
		return picture, nil
	}
	return placed{picture, at.Min}, nil
}

// watchedReader remembers whether a decoder asked for more than there is.
type watchedReader struct {
	content *bytes.Reader
	past    bool
}

func (r *watchedReader) Read(into []byte) (int, error) {
	n, err := r.content.Read(into)
	r.past = r.past || err == io.EOF
	return n, err
}

func (r *watchedReader) ReadByte() (byte, error) {
	b, err := r.content.ReadByte()
	r.past = r.past || err == io.EOF
	return b, err
}

// ReadAt serves the TIFF decoder, which otherwise reads everything twice.
func (r *watchedReader) ReadAt(into []byte, offset int64) (int, error) {
	n, err := r.content.ReadAt(into, offset)
	r.past = r.past || err == io.EOF
	return n, err
}

// blame turns the error of a decoder into a status.
func (r *watchedReader) blame(err error) (Status, string) {
	var (
		jpegUnsupported jpeg.UnsupportedError
		pngUnsupported  png.UnsupportedError
		tiffUnsupported tiff.UnsupportedError
	)
	switch {
	case errors.As(err, &jpegUnsupported), errors.As(err, &pngUnsupported), errors.As(err, &tiffUnsupported), errors.Is(err, bmp.ErrUnsupported):
		return StatusUnsupported, err.Error()
	case r.past, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return StatusTruncated, err.Error()
	default:
		return StatusUnreadable, err.Error()
	}
}
