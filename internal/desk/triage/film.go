package triage

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// The strip of a video has as many scenes as a picture has tiles, and is shown under the
// same levels and rules: all of them reduced and blurred, one of them, all of them.
const (
	sketchSide, sketchBlur = 160, 5
	sceneSide              = 640
	fullSide               = 320
)

// film is how an item is shown that is a video, with the parts that lists know marked;
// nil for a picture.
func (d *Desk) film(tx *store.Tx, id string) (*media.StripRequest, error) {
	row, err := tx.Item(id)
	if err != nil || !media.IsVideoType(row.MIME) {
		return nil, err
	}
	strip := &media.StripRequest{Columns: Grid, Rows: Grid, Limits: d.options.Video}
	sightings, err := tx.Sightings(id, shownSightings)
	for _, s := range sightings {
		var matches []match.Match
		if err := json.Unmarshal(s.Matches, &matches); err != nil {
			return nil, fmt.Errorf("reading the matches of %s: %w", s.ID, err)
		}
		for _, m := range matches {
			if m.Video == nil {
				continue
			}
			for _, p := range m.Video.Parts {
				strip.Marked = append(strip.Marked, video.Span{From: seconds(p.UploadFrom), To: seconds(p.UploadTo)})
			}
		}
	}
	return strip, err
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// stripOf is what a person asks to see of a video.
func stripOf(strip media.StripRequest, look Look) media.StripRequest {
	switch look.Level {
	case item.LevelSketch:
		strip.Side, strip.Blur = sketchSide, sketchBlur
	case item.LevelRegion:
		strip.Side, strip.Scene = sceneSide, look.Row*Grid+look.Column+1
	default:
		strip.Side = fullSide
	}
	return strip
}
