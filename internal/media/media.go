package media

import (
	"context"
	"fmt"
	"io"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
)

// Service decodes files in enclosed children. It is safe for concurrent use.
type Service struct{ pool *pool }

// State is what `brdo doctor` and the warning on every page are made of.
type State struct {
	// Sandboxed is true when Landlock, seccomp and the limits are all enforced.
	Sandboxed bool
	// Landlock is the version of the kernel's interface, 0 when not enforced.
	Landlock int
	Seccomp  bool
	Limits   bool
	// Missing names what is not enforced; empty when Sandboxed.
	Missing string
	// Player is the path of ffmpeg, empty when videos, HEIC, AVIF and JPEG XL cannot be decoded.
	Player string
	// Children is the size of the pool.
	Children int
	Counts   Counts
}

// Start starts the service and its first child. It fails with a
// problem.Unavailable when the child cannot be enclosed, unless
// Options.AllowUnsandboxed is set. The caller's main must begin with
// [IsChild] and [RunChild].
func Start(ctx context.Context, options Options) (*Service, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	service := &Service{pool: newPool(options)}
	first, err := service.pool.start()
	if err != nil {
		return nil, err
	}
	service.pool.giveBack(first, false)
	return service, nil
}

// Close refuses new work, waits for work under way, which a deadline bounds,
// stops videos and ends all children. It may be called more than once.
func (s *Service) Close() error {
	s.pool.close()
	return nil
}

// State describes the enclosure of the child started last, and the totals.
func (s *Service) State() State {
	s.pool.mutex.Lock()
	defer s.pool.mutex.Unlock()
	current := s.pool.current
	return State{
		Sandboxed: current.complete(), Landlock: current.landlock, Seccomp: current.seccomp,
		Limits: current.limits, Missing: current.missing, Player: s.pool.player,
		Children: s.pool.options.Children, Counts: s.pool.counts,
	}
}

// Fingerprint is what is known about one file after an attempt to decode it.
type Fingerprint struct {
	// MIME is the type recognised from the first bytes, without parameters;
	// empty for an empty file or when the decoder died.
	MIME string
	// Width and Height are of the picture as stored, in pixels; 0 when unknown. HEIC, AVIF and
	// JPEG XL are taken as they are shown, turned and cut.
	// They are set without a fingerprint when the header alone was read.
	Width, Height int
	// Forms are the hashes in both forms of PDQ, set when Status.Decoded.
	Forms pdq.Forms
	// Trimmed are the hashes without uniform borders, where the picture has some.
	Trimmed pdq.Trimmed
	Status  Status
	// Detail is a short plain text about the status: ASCII, at most 255 bytes.
	Detail string
	// Within is how many bits each hash may be off what [Service.Fingerprint] finds:
	// 0 but after [Service.FirstLook].
	Within int
	// FirstFrameOnly is true when the file holds further pictures (frames of
	// an animation, pages) that were not looked at.
	FirstFrameOnly bool

	// unspread says that no room was made for the pixels.
	unspread bool
}

// Fingerprint decodes the file that content yields, which must be exactly size
// bytes, and computes the PDQ hashes of its pixels as stored, and once more without
// uniform borders where there are some. Pictures whose codec is ffmpeg's take three steps, each
// with the whole deadline.
//
// Whatever is wrong with the file is a Status. An error is our own fault: no
// child could be started or the reader failed (problem.Unavailable), or ctx
// ended.
func (s *Service) Fingerprint(ctx context.Context, content io.Reader, size int64) (Fingerprint, error) {
	return s.fingerprint(ctx, kindFingerprint, content, size)
}

// FirstLookWithin is how many bits at most the hashes of a first look may be off, of
// pictures that are not too plain to be compared.
const FirstLookWithin = 16

// FirstLook is Fingerprint at less cost, for files of which most are known to nobody:
// those that are too plain to be compared are not decoded for the reference's hash. With
// wide, whoever asks can search [FirstLookWithin] bits further: then large JPEG files are read at
// an eighth of their size, and others by their coefficients where rounding moves a few
// bits. Hashes may be off by Fingerprint.Within bits: whoever finds a candidate within
// its radius and as many bits more asks Fingerprint, and so finds what it would have
// found at once, but for the few pictures that docs/screening.md counts.
func (s *Service) FirstLook(ctx context.Context, content io.Reader, size int64, wide bool) (Fingerprint, error) {
	kind := kindFirstLook
	if wide {
		kind = kindWideLook
	}
	return s.fingerprint(ctx, kind, content, size)
}

func (s *Service) fingerprint(ctx context.Context, kind requestKind, content io.Reader, size int64) (Fingerprint, error) {
	status, detail, err := s.precheck(size)
	if err != nil {
		return Fingerprint{}, err
	}
	if status != "" {
		return Fingerprint{Status: status, Detail: detail}, nil
	}
	options := s.pool.options
	var found Fingerprint
	status, detail, err = s.pool.ask(ctx, request{kind: kind, length: size}, content, maxFingerprintReplySize,
		func(payload []byte) (pixels int, err error) {
			if found, err = parseFingerprint(payload, options.MaxPixels); err == nil && kind == kindFingerprint && found.Within > 0 {
				err = fmt.Errorf("%w: a second look that is not exact", errMalformed)
			}
			if found.unspread {
				found.unspread = false // it is between the processes alone
				return 0, err
			}
			return pixelsDecoded(found.Status, found.Width, found.Height), err
		})
	if err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprinting a file of %d bytes: %w", size, err)
	}
	if status != "" {
		return Fingerprint{Status: status, Detail: detail}, nil
	}
	return found, nil
}

// pixelsDecoded is how many pixels a child made room for, whether it could fill
// them or not. A picture that is too large by its header costs nothing.
func pixelsDecoded(status Status, width, height int) int {
	if status == StatusTooLarge {
		return 0
	}
	return width * height
}

// precheck settles what the size alone decides.
func (s *Service) precheck(size int64) (Status, string, error) {
	switch limit := s.pool.options.MaxBytes; {
	case size < 0:
		return "", "", problem.InvalidField("size", fmt.Sprintf("a file of %d bytes", size), "give the size of the content")
	case size == 0:
		return StatusEmpty, "the file has no content", nil
	case size > limit:
		return StatusTooLarge, fmt.Sprintf("%d bytes, the limit is %d", size, limit), nil
	default:
		return "", "", nil
	}
}

// Preview renders a picture of a file for a person to look at. The status of
// the result says whether there is one; errors are as for [Service.Fingerprint],
// or problem.Invalid when asked is out of bounds.
//
// Unlike the fingerprint it follows the orientation tag of JPEG and TIFF files,
// as every viewer does.
func (s *Service) Preview(ctx context.Context, content io.Reader, size int64, asked PreviewRequest) (Picture, error) {
	asked = asked.complete()
	if err := asked.validate(); err != nil {
		return Picture{}, err
	}
	status, detail, err := s.precheck(size)
	if err != nil {
		return Picture{}, err
	}
	if status != "" {
		return Picture{Status: status, Detail: detail}, nil
	}
	var (
		about    outcome
		rendered samples
	)
	status, detail, err = s.pool.ask(ctx, request{kind: kindPreview, preview: asked, length: size}, content, maxPreviewReplySize(asked),
		func(payload []byte) (pixels int, err error) {
			about, rendered, err = parsePreview(payload, asked, s.pool.options.MaxPixels)
			return pixelsDecoded(about.status, about.width, about.height), err
		})
	if err != nil {
		return Picture{}, fmt.Errorf("previewing a file of %d bytes: %w", size, err)
	}
	if status != "" {
		return Picture{Status: status, Detail: detail}, nil
	}
	if about.status != StatusOK {
		return Picture{Status: about.status, Detail: about.detail}, nil
	}
	picture, err := rendered.encode(asked.Kind)
	if err != nil {
		return Picture{}, problem.New(problem.Internal, "the preview could not be encoded", "").Because(err)
	}
	picture.Status, picture.Detail, picture.FirstFrameOnly = about.status, about.detail, about.firstFrameOnly
	return picture, nil
}

// SelfCheck lets a child try to leave its enclosure in every way named by
// [Attempt], and reports how the kernel answered. On a sound node all are
// refused.
func (s *Service) SelfCheck(ctx context.Context) ([]Check, error) {
	var checks []Check
	status, detail, err := s.pool.ask(ctx, request{kind: kindSelfCheck}, nil, maxSelfCheckSize,
		func(payload []byte) (pixels int, err error) {
			checks, err = parseChecks(payload)
			return 0, err
		})
	if err != nil {
		return nil, fmt.Errorf("checking the enclosure of the decoder: %w", err)
	}
	if status != "" {
		return nil, problem.Newf(problem.Unavailable, "the decoder did not survive its self-check: %s", detail)
	}
	return checks, nil
}
