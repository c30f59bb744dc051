package media

import (
	"context"
	"fmt"
	"image"
	"io"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/scene"
)

// Scene is the features of one file after an attempt to decode it.
type Scene struct {
	// MIME, Width, Height and FirstFrameOnly are as in [Fingerprint].
	MIME          string
	Width, Height int
	// Features are set when Status.Decoded, of the pixels as stored. There may be too few of them: then Status is
	// [StatusUnhashable].
	Features       scene.Features
	Status         Status
	Detail         string
	FirstFrameOnly bool
}

// Scene decodes the file that content yields, which must be exactly size bytes, and finds the features by which edited
// copies of it are recognised. Statuses and errors are as for [Service.Fingerprint].
func (s *Service) Scene(ctx context.Context, content io.Reader, size int64) (Scene, error) {
	status, detail, err := s.precheck(size)
	if err != nil {
		return Scene{}, err
	}
	if status != "" {
		return Scene{Status: status, Detail: detail}, nil
	}
	var found Scene
	status, detail, err = s.pool.ask(ctx, request{kind: kindScene, length: size}, content, maxSceneReplySize,
		func(payload []byte) (pixels int, err error) {
			found, err = parseScene(payload, s.pool.options.MaxPixels)
			return pixelsDecoded(found.Status, found.Width, found.Height), err
		})
	if err != nil {
		return Scene{}, fmt.Errorf("finding the features of a file of %d bytes: %w", size, err)
	}
	if status != "" {
		return Scene{Status: status, Detail: detail}, nil
	}
	return found, nil
}

// sceneOf runs in the child. Of a JPEG file that is cut off or damaged the part that can be read has features: the rest is grey, which has none.
func sceneOf(content []byte, maxPixels int64) Scene {
	const enough = 0.1
	picture, about := decode(content, maxPixels)
	if about.status != StatusOK && about.status != StatusTooLarge && about.mime == "image/jpeg" {
		part, read, err := luma.DecodeJPEG(content, maxPixels)
		if err != nil || read < enough {
			return about.scene()
		}
		picture = part
		about.width, about.height = part.Bounds().Dx(), part.Bounds().Dy()
		about.status, about.detail = StatusPartial, fmt.Sprintf("%d %% of the picture could be read (%s)", int(100*read), about.detail)
	}
	return about.described(picture)
}

// described adds the features of the picture, where there is one.
func (o outcome) described(picture image.Image) Scene {
	found := o.scene()
	if !found.Status.Decoded() {
		return found
	}
	found.Features = scene.Describe(picture)
	if !found.Features.Enough() {
		found.Status = StatusUnhashable
		found.Detail = fmt.Sprintf("too few features: %d, at least %d are needed", found.Features.Count(), scene.MinimumFeatures)
	}
	return found
}

func (o outcome) scene() Scene {
	return Scene{MIME: o.mime, Width: o.width, Height: o.height, Status: o.status, Detail: o.detail, FirstFrameOnly: o.firstFrameOnly}
}

const maxSceneReplySize = maxOutcomeSize + scene.MaxSize

func encodeScene(s Scene) []byte {
	payload := outcome{s.Status, s.Detail, s.MIME, s.Width, s.Height, s.FirstFrameOnly}.encode()
	if !s.Status.Decoded() {
		return payload
	}
	features, err := s.Features.MarshalBinary()
	if err != nil {
		panic("media: " + err.Error()) // it never fails, and a child that ends is said
	}
	return append(payload, features...)
}

func parseScene(payload []byte, maxPixels int64) (Scene, error) {
	c := &cursor{rest: payload}
	o, err := parseOutcome(c, maxPixels)
	if err != nil {
		return Scene{}, err
	}
	s := o.scene()
	if s.Status.Decoded() {
		if err := s.Features.UnmarshalBinary(c.bytes(len(c.rest))); err != nil {
			return Scene{}, fmt.Errorf("%w: %w", errMalformed, err)
		}
		if width, height := s.Features.Size(); width != s.Width || height != s.Height {
			return Scene{}, fmt.Errorf("%w: features of %d x %d for %d x %d", errMalformed, width, height, s.Width, s.Height)
		}
		if (s.Status == StatusUnhashable) == s.Features.Enough() {
			return Scene{}, fmt.Errorf("%w: status %q with %d features", errMalformed, s.Status, s.Features.Count())
		}
	}
	if !c.end() {
		return Scene{}, fmt.Errorf("%w: scene of the wrong length", errMalformed)
	}
	return s, nil
}
