package media

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/brdoproject/brdo/engine/pdq"
)

// Insets decodes the file that content yields, which must be exactly size bytes, and hashes the
// middle of its picture: for entries of lists that are to match centred crops. There are none where
// the picture cannot be decoded as a whole, for which [Service.Fingerprint] has the status. Errors
// are as for that.
func (s *Service) Insets(ctx context.Context, content io.Reader, size int64) ([]pdq.Inset, error) {
	status, _, err := s.precheck(size)
	if err != nil || status != "" {
		return nil, err
	}
	var found []pdq.Inset
	_, _, err = s.pool.ask(ctx, request{kind: kindInsets, length: size}, content, maxInsetsSize, func(payload []byte) (pixels int, err error) {
		var about outcome
		about, found, err = parseInsets(payload, s.pool.options.MaxPixels)
		return pixelsDecoded(about.status, about.width, about.height), err
	})
	if err != nil {
		return nil, fmt.Errorf("hashing insets of a file of %d bytes: %w", size, err)
	}
	return found, nil
}

var maxInsetsSize = maxOutcomeSize + len(pdq.PackInsets(make([]pdq.Inset, len(pdq.InsetTenths()))))

// insets runs in the child.
func insets(content []byte, maxPixels int64) []byte {
	picture, about := decode(content, maxPixels)
	payload := about.encode()
	if about.status != StatusOK {
		return payload
	}
	return append(payload, pdq.PackInsets(pdq.ComputeInsets(picture))...)
}

// parseInsets wants those that are computed, each once and in order.
func parseInsets(payload []byte, maxPixels int64) (outcome, []pdq.Inset, error) {
	c := &cursor{rest: payload}
	about, err := parseOutcome(c, maxPixels)
	if err != nil || about.status != StatusOK {
		if err == nil && !c.end() {
			err = fmt.Errorf("%w: insets of a picture that was not decoded", errMalformed)
		}
		return about, nil, err
	}
	found, err := pdq.UnpackInsets(c.rest)
	if err != nil {
		return about, nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	known := pdq.InsetTenths()
	for _, inset := range found {
		at := slices.Index(known, inset.Tenths)
		if at < 0 {
			return about, nil, fmt.Errorf("%w: an inset of %d tenths", errMalformed, inset.Tenths)
		}
		known = known[at+1:]
	}
	return about, found, nil
}
