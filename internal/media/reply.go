package media

import (
	"encoding/binary"
	"fmt"
	"image"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/brdoproject/brdo/engine/pdq"
)

// outcome is what every answer about a file begins with.
type outcome struct {
	status         Status
	detail         string
	mime           string
	width, height  int // as stored, before any orientation; 0 when unknown
	firstFrameOnly bool
}

func (o outcome) encode() []byte {
	payload := []byte{o.status.code()}
	payload = appendText(payload, o.detail)
	payload = appendText(payload, o.mime)
	payload = binary.BigEndian.AppendUint32(payload, uint32(o.width))
	payload = binary.BigEndian.AppendUint32(payload, uint32(o.height))
	return append(payload, boolByte(o.firstFrameOnly))
}

// parseOutcome checks what a child says about a file. The statuses that only
// the parent can know (empty, timed-out, crashed) are refused.
func parseOutcome(c *cursor, maxPixels int64) (outcome, error) {
	code := c.byte()
	if int(code) >= len(statusCodes) {
		return outcome{}, fmt.Errorf("%w: status %d", errMalformed, code)
	}
	o := outcome{status: statusCodes[code], detail: c.text(), mime: c.text()}
	o.width, o.height = int(c.uint32()), int(c.uint32())
	o.firstFrameOnly = c.flag()
	switch {
	case c.short:
		return outcome{}, fmt.Errorf("%w: outcome ends early", errMalformed)
	case o.status == StatusEmpty || o.status == StatusTimedOut || o.status == StatusCrashed:
		return outcome{}, fmt.Errorf("%w: a child cannot know the status %q", errMalformed, o.status)
	case !knownType(o.mime):
		return outcome{}, fmt.Errorf("%w: media type outside the closed list", errMalformed)
	case o.status.Decoded() && formatOf(o.mime) == nil:
		return outcome{}, fmt.Errorf("%w: %s is not a format that is decoded", errMalformed, o.mime)
	case o.status.Decoded() && (o.width < 1 || o.height < 1 || int64(o.width)*int64(o.height) > maxPixels):
		return outcome{}, fmt.Errorf("%w: decoded %d x %d pixels", errMalformed, o.width, o.height)
	}
	return o, nil
}

// knownType reports whether a media type is in the table of the sniffer,
// spelled as the table spells it.
func knownType(mime string) bool {
	found := mimetype.Lookup(mime)
	return found != nil && bareType(found.String()) == mime
}

// bareType cuts parameters such as "; charset=utf-8" off a media type.
func bareType(mime string) string {
	bare, _, _ := strings.Cut(mime, ";")
	return bare
}

const (
	maxOutcomeSize          = 1 + 256 + 256 + 4 + 4 + 1
	hashesSize              = 2 * (1 + 8*32)
	maxFingerprintReplySize = maxOutcomeSize + hashesSize + 1 + 4*4 + hashesSize + 2 + 1
)

func encodeFingerprint(f Fingerprint) []byte {
	payload := outcome{f.Status, f.Detail, f.MIME, f.Width, f.Height, f.FirstFrameOnly}.encode()
	if !f.Status.Decoded() {
		return payload
	}
	payload = appendForms(payload, &f.Forms)
	payload = binary.BigEndian.AppendUint16(payload, uint16(f.Within))
	payload = append(payload, boolByte(f.unspread))
	payload = append(payload, boolByte(!f.Trimmed.None()))
	if f.Trimmed.None() {
		return payload
	}
	for _, corner := range []image.Point{f.Trimmed.Rectangle.Min, f.Trimmed.Rectangle.Max} {
		payload = binary.BigEndian.AppendUint32(payload, uint32(corner.X))
		payload = binary.BigEndian.AppendUint32(payload, uint32(corner.Y))
	}
	return appendForms(payload, &f.Trimmed.Forms)
}

func appendForms(payload []byte, forms *pdq.Forms) []byte {
	for _, form := range []*pdq.Fingerprint{&forms.Full, &forms.Nearest} {
		payload = append(payload, byte(form.Quality))
		for _, variant := range form.Variants {
			payload = append(payload, variant[:]...)
		}
	}
	return payload
}

func parseForms(c *cursor, width, height int) (forms pdq.Forms, err error) {
	for _, form := range []*pdq.Fingerprint{&forms.Full, &forms.Nearest} {
		form.Width, form.Height, form.Quality = width, height, int(c.byte())
		for i := range form.Variants {
			form.Variants[i] = pdq.Hash(c.bytes(32))
		}
		form.Hash = form.Variants[pdq.Original]
		if form.Quality > 100 {
			return forms, fmt.Errorf("%w: quality %d", errMalformed, form.Quality)
		}
	}
	return forms, nil
}

// parseTrimmed checks that what is left lies within the picture, and is not all of it.
func parseTrimmed(c *cursor, width, height int) (t pdq.Trimmed, err error) {
	if !c.flag() {
		return t, nil
	}
	whole := image.Rect(0, 0, width, height)
	t.Rectangle = image.Rectangle{Min: image.Pt(int(c.uint32()), int(c.uint32())), Max: image.Pt(int(c.uint32()), int(c.uint32()))}
	if t.None() || !t.Rectangle.In(whole) || t.Rectangle == whole {
		return t, fmt.Errorf("%w: a picture of %v within borders of %v", errMalformed, t.Rectangle, whole)
	}
	t.Forms, err = parseForms(c, t.Rectangle.Dx(), t.Rectangle.Dy())
	return t, err
}

func parseFingerprint(payload []byte, maxPixels int64) (Fingerprint, error) {
	c := &cursor{rest: payload}
	o, err := parseOutcome(c, maxPixels)
	if err != nil {
		return Fingerprint{}, err
	}
	f := o.fingerprint()
	if f.Status.Decoded() {
		if f.Forms, err = parseForms(c, f.Width, f.Height); err != nil {
			return Fingerprint{}, err
		}
		if f.Within = int(c.uint16()); f.Within > pdq.Bits {
			return Fingerprint{}, fmt.Errorf("%w: hashes within %d bits", errMalformed, f.Within)
		}
		f.unspread = c.flag()
		if f.Trimmed, err = parseTrimmed(c, f.Width, f.Height); err != nil {
			return Fingerprint{}, err
		}
		if quality := f.Forms.Full.Quality; (f.Status == StatusUnhashable) != (quality < pdq.MinimumQuality) {
			return Fingerprint{}, fmt.Errorf("%w: status %q with quality %d", errMalformed, f.Status, quality)
		}
	}
	if !c.end() {
		return Fingerprint{}, fmt.Errorf("%w: fingerprint of the wrong length", errMalformed)
	}
	return f, nil
}

func (o outcome) fingerprint() Fingerprint {
	return Fingerprint{
		MIME: o.mime, Width: o.width, Height: o.height,
		Status: o.status, Detail: o.detail, FirstFrameOnly: o.firstFrameOnly,
	}
}

// samples is a rendered preview on its way to the parent: one byte a pixel, or
// the three planes of YCbCr with 4:2:0 subsampling as in JFIF.
type samples struct {
	width, height int
	colour        bool
	bytes         []byte
}

// sampleCount is the exact number of bytes of a preview.
func sampleCount(width, height int, colour bool) int {
	if !colour {
		return width * height
	}
	return width*height + 2*((width+1)/2)*((height+1)/2)
}

func maxPreviewReplySize(r PreviewRequest) int {
	return maxOutcomeSize + 9 + sampleCount(r.MaxSide, r.MaxSide, !r.Grey && r.Kind != Sketch)
}

func encodePreview(o outcome, s samples) []byte {
	payload := o.encode()
	if o.status != StatusOK {
		return payload
	}
	payload = binary.BigEndian.AppendUint32(payload, uint32(s.width))
	payload = binary.BigEndian.AppendUint32(payload, uint32(s.height))
	payload = append(payload, boolByte(s.colour))
	return append(payload, s.bytes...)
}

func parsePreview(payload []byte, r PreviewRequest, maxPixels int64) (outcome, samples, error) {
	c := &cursor{rest: payload}
	o, err := parseOutcome(c, maxPixels)
	if err != nil {
		return outcome{}, samples{}, err
	}
	if o.status == StatusUnhashable || o.status == StatusPartial {
		return outcome{}, samples{}, fmt.Errorf("%w: a preview is whole, and has no quality", errMalformed)
	}
	var s samples
	if o.status == StatusOK {
		s.width, s.height, s.colour = int(c.uint32()), int(c.uint32()), c.flag()
		if s.width < 1 || s.height < 1 || s.width > r.MaxSide || s.height > r.MaxSide {
			return outcome{}, samples{}, fmt.Errorf("%w: preview of %d x %d pixels", errMalformed, s.width, s.height)
		}
		if s.colour && (r.Grey || r.Kind == Sketch) {
			return outcome{}, samples{}, fmt.Errorf("%w: colour where grey was asked", errMalformed)
		}
		if count := sampleCount(s.width, s.height, s.colour); len(c.rest) != count {
			return outcome{}, samples{}, fmt.Errorf("%w: %d samples for %d x %d pixels", errMalformed, len(c.rest), s.width, s.height)
		}
		s.bytes = c.bytes(len(c.rest))
	}
	if !c.end() {
		return outcome{}, samples{}, fmt.Errorf("%w: preview of the wrong length", errMalformed)
	}
	return o, s, nil
}

// enclosure is what a child achieved before it read anything; its first frame.
type enclosure struct {
	landlock int // version of the kernel's interface, 0 when not enforced
	seccomp  bool
	limits   bool
	missing  string // empty when complete
}

func (e enclosure) complete() bool {
	return e.landlock > 0 && e.seccomp && e.limits && e.missing == ""
}

const maxHelloSize = 2 + 1 + 1 + 256

func (e enclosure) encode() []byte {
	payload := binary.BigEndian.AppendUint16(nil, uint16(e.landlock))
	payload = append(payload, boolByte(e.seccomp), boolByte(e.limits))
	return appendText(payload, e.missing)
}

func parseEnclosure(payload []byte) (enclosure, error) {
	c := &cursor{rest: payload}
	e := enclosure{landlock: int(c.uint16()), seccomp: c.flag(), limits: c.flag(), missing: c.text()}
	if !c.end() {
		return enclosure{}, fmt.Errorf("%w: hello", errMalformed)
	}
	return e, nil
}

func encodeChecks(checks []Check) []byte {
	payload := []byte{byte(len(checks))}
	for _, check := range checks {
		payload = appendText(payload, string(check.Attempt))
		payload = append(payload, boolByte(check.Refused))
		payload = appendText(payload, check.Answer)
	}
	return payload
}

var maxSelfCheckSize = 1 + len(attempts)*(256+1+256)

// parseChecks insists on every attempt, in order: an answer that leaves one
// out must not look like a pass.
func parseChecks(payload []byte) ([]Check, error) {
	c := &cursor{rest: payload}
	if int(c.byte()) != len(attempts) {
		return nil, fmt.Errorf("%w: number of self-checks", errMalformed)
	}
	checks := make([]Check, 0, len(attempts))
	for _, attempt := range attempts {
		check := Check{Attempt: Attempt(c.text()), Refused: c.flag(), Answer: c.text()}
		if check.Attempt != attempt {
			return nil, fmt.Errorf("%w: self-check %q in the place of %q", errMalformed, check.Attempt, attempt)
		}
		checks = append(checks, check)
	}
	if !c.end() {
		return nil, fmt.Errorf("%w: self-checks of the wrong length", errMalformed)
	}
	return checks, nil
}
