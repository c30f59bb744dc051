package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
)

// VideoRules bound what the comparison of videos by their frames costs.
type VideoRules struct {
	// Every is the time between two frames that are compared.
	Every time.Duration
	// Limits are those of one video; their Deadline is for all videos of a submission.
	Limits media.VideoLimits
	// AtOnce is how many submissions with videos are examined at once. One more is
	// turned away, unless it is urgent.
	AtOnce int
}

// Video is what became of the frames of a video.
type Video struct {
	// Frames is how many were decoded, and Hashed how many of them were compared.
	Frames int `json:"frames"`
	Hashed int `json:"hashed"`
	// Read is the share of the video that was read: 1 when it is whole, 0 when it is
	// not known. Status and Detail of the file say why it is less.
	Read float64 `json:"read"`
	// NotCompared says why no frame was; empty when some were.
	NotCompared string `json:"not_compared,omitempty"`
}

// watching is the right of a submission to have videos decoded, taken at the first.
type watching struct {
	desk   *Desk
	urgent bool
	taken  bool
	full   bool
	end    time.Time
}

// take returns false when too many submissions with videos are examined now.
func (w *watching) take() bool {
	if w.taken || w.full {
		return w.taken
	}
	select {
	case w.desk.watching <- struct{}{}:
		w.taken, w.end = true, time.Now().Add(w.desk.video.Limits.Deadline)
	default:
		w.full = true
	}
	return w.taken
}

func (w *watching) leave() {
	if w.taken {
		<-w.desk.watching
	}
}

// isVideo looks at the beginning of a file.
func isVideo(content io.ReadSeeker) (mime string, is bool, err error) {
	head := make([]byte, 3072)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", false, fmt.Errorf("reading the upload again: %w", err)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", false, fmt.Errorf("reading the upload again: %w", err)
	}
	return media.VideoType(head[:n]), media.IsVideo(head[:n]), nil
}

// examineVideo compares a video by its digests, and when no list knows these, by its
// frames, which cost a thousand times as much.
func (d *Desk) examineVideo(ctx context.Context, source Source, w *watching, upload Upload, mime string, sum digest.Sum) (FileResult, error) {
	result := FileResult{MIME: mime, Status: media.StatusUnsupported, Video: &Video{}}
	found := d.index.QueryVideo(match.VideoQuery{Digests: sum, Now: d.ledger.Now()})
	result.Matches, result.Skipped = found.Matches, found.Skipped
	left := func(reason string) (FileResult, error) {
		result.Video.NotCompared, result.Unhashable = reason, reason
		if result.Detail == "" {
			result.Detail = "a video: its frames were not compared, because " + reason
		}
		return result, nil
	}
	switch {
	case len(found.Matches) > 0:
		return left("a list knows exactly this file")
	case !d.index.ComparesVideos(d.ledger.Now()):
		return left("no list in use knows videos by their frames")
	case d.decoder.State().Player == "":
		return left("ffmpeg is not installed at this node")
	case !w.take() && w.urgent:
		return left("too many videos are compared now; a person looks at it all the same")
	case !w.taken:
		return FileResult{}, door.TooMuch("this node compares too many videos now", "wait as long as Retry-After says and send it again; nothing was recorded", time.Minute/2)
	case !time.Now().Before(w.end):
		return left(fmt.Sprintf("the videos before it took the %s that one submission may take; send it by itself", d.video.Limits.Deadline))
	}
	watched, hashes, err := d.watch(ctx, upload.Content, sum.Size, time.Until(w.end))
	if err != nil {
		return FileResult{}, err
	}
	result.hashes = hashes
	result.Width, result.Height, result.Status, result.Detail = watched.Width, watched.Height, watched.Status, watched.Detail
	result.Video.Frames, result.Video.Hashed, result.Video.Read = watched.Frames, len(watched.Features), watched.Read
	if len(watched.Features) == 0 {
		return left("none could be decoded: " + watched.Detail)
	}
	// Decoding took a while: the basis may have ended meanwhile.
	if err := d.inForce(source); err != nil {
		return left(problem.From(err).Reason)
	}
	found = d.index.QueryVideo(match.VideoQuery{Digests: sum, Frames: watched.Features, Turned: watched.Turned, Every: d.video.Every, Now: d.ledger.Now()})
	result.Matches, result.Skipped, result.Unhashable = found.Matches, found.Skipped, found.Unhashable
	return result, nil
}
