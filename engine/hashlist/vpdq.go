package hashlist

import (
	"fmt"
	"io"

	"github.com/brdoproject/brdo/engine/video"
)

// vpdqSource reads the text of vPDQ, in which a file is one video: a single row.
type vpdqSource struct {
	lines *lineReader
	read  bool
}

func (s *vpdqSource) next(r *Reader) error {
	if s.read {
		return io.EOF
	}
	s.read = true
	r.rows.begin(1, s.lines.following)
	var frames []video.Feature
	for {
		line, err := s.lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		feature, err := video.Parse(string(line))
		if err == nil {
			err = video.InOrder(frames, feature)
		}
		if err == nil && len(frames) == MaximumFrames {
			err = fmt.Errorf("it has more than %d frames", MaximumFrames)
		}
		if err != nil {
			return s.lines.fault(fault(err.Error(), "a line is frame,quality,hash,seconds; hash fewer frames of a long video"), 1)
		}
		frames = append(frames, feature)
	}
	r.rows.film(frames)
	return nil
}
