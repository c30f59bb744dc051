package intake

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// hashesOf are what is kept of a picture, so that a list that grows finds it by what it was
// compared by when it came.
func hashesOf(picture media.Fingerprint) *store.ItemHashes {
	kept := &store.ItemHashes{}
	if !picture.Trimmed.None() {
		kept.Trimmed = picture.Trimmed.Forms.Bytes()
	}
	return kept
}

// watch hashes the frames of a video.
func (d *Desk) watch(ctx context.Context, content io.Reader, size int64, deadline time.Duration) (media.Video, *store.ItemHashes, error) {
	asked := media.VideoRequest{Every: d.video.Every, Turned: true, Limits: d.video.Limits}
	asked.Limits.Deadline = deadline
	watched, err := d.decoder.Video(ctx, content, size, asked)
	if err != nil {
		return watched, nil, fmt.Errorf("decoding an upload: %w", err)
	}
	if len(watched.Features) > hashlist.MaximumFrames {
		return watched, nil, nil // more than an entry may have: they are compared, and not kept
	}
	return watched, &store.ItemHashes{Frames: video.Pack(watched.Features), Turned: video.PackTurned(watched.Turned), Every: d.video.Every}, nil
}

// watchKept hashes the frames of a video that is kept although nothing had to be compared with
// them: a list may learn of them later, and people may make an entry of them. What there
// is no time for now is left out, which each comparison with a list counts.
func (d *Desk) watchKept(ctx context.Context, w *watching, content io.ReadSeeker, e *examined) error {
	if e.hashes != nil || d.decoder.State().Player == "" {
		return nil
	}
	var hashed, erased bool
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if _, hashed, err = tx.ItemHashes(e.SHA256); err != nil {
			return err
		}
		row, err := tx.Item(e.SHA256)
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		erased = row.Content == store.ContentErased
		return err
	})
	if err != nil || hashed || erased || !w.take() || !time.Now().Before(w.end) {
		return err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the upload again: %w", err)
	}
	_, e.hashes, err = d.watch(ctx, content, e.Size, time.Until(w.end))
	return err
}
