package store

import (
	"time"

	"github.com/brdoproject/brdo/engine/video"
)

// ItemHashes are what an upload is compared by beside its digests and [Item.Forms], kept so
// that lists that grow can be asked as they were for the upload.
type ItemHashes struct {
	// Trimmed are the hashes without borders, see [pdq.Forms.Bytes]; nil where the picture
	// has none.
	Trimmed []byte
	// Frames are those of a video in the form of video.Pack, Turned in that of
	// video.PackTurned, and Every is the time between two of them.
	Frames, Turned []byte
	Every          time.Duration
}

// PutItemHashes keeps the hashes of an item that has none yet.
func (tx *Tx) PutItemHashes(item string, h ItemHashes) error {
	return tx.exec("keeping the hashes of an item", `INSERT INTO item_hashes (item, trimmed, frames, turned, every) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (item) DO NOTHING`,
		item, h.Trimmed, h.Frames, h.Turned, h.Every.Microseconds())
}

// ItemHashes returns the hashes of an item, and whether they are kept.
func (tx *Tx) ItemHashes(item string) (h ItemHashes, kept bool, err error) {
	var every int64
	err = tx.rows("reading the hashes of an item", `SELECT trimmed, frames, turned, every FROM item_hashes WHERE item = $1`, []any{item}, func(row scanner) error {
		kept = true
		return row.Scan(&h.Trimmed, &h.Frames, &h.Turned, &every)
	})
	h.Every = time.Duration(every) * time.Microsecond
	return h, kept, err
}

// CountItemFrames is how many frames of a video are kept with an item.
func (tx *Tx) CountItemFrames(item string) (frames int, err error) {
	var length int
	err = tx.rows("counting the frames of an item", `SELECT COALESCE(length(frames), 0) FROM item_hashes WHERE item = $1`, []any{item}, func(row scanner) error { return row.Scan(&length) })
	return length / video.PackedFrame, err
}

// DeleteItemHashes forgets the hashes of an item.
func (tx *Tx) DeleteItemHashes(item string) error {
	return tx.exec("deleting the hashes of an item", `DELETE FROM item_hashes WHERE item = $1`, item)
}
