package intake

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// asked is an item that is compared, and what the index says of it.
type asked struct {
	store.ItemRow
	basis string
	found []match.Match
	// frames is how many frames of a video were compared; lacking says that an upload of
	// the same file would be compared by more.
	frames  int
	lacking bool
}

// compareOne compares an item with an index as the upload that it came by was compared, or
// says that it may not be compared.
func (d *Desk) compareOne(ctx context.Context, row store.ItemRow, index *match.Index) (one asked, compared bool, err error) {
	one.ItemRow = row
	var hashes store.ItemHashes
	kept := false
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if one.basis, err = d.basisOf(tx, row); err != nil || one.basis == "" {
			return err
		}
		hashes, kept, err = tx.ItemHashes(row.ID)
		return err
	})
	if err != nil || one.basis == "" {
		return one, false, err
	}
	sum, err := sumOf(row.Item)
	if err != nil {
		return one, false, err
	}
	if media.IsVideoType(row.MIME) {
		one.lacking = !kept && index.ComparesVideos(d.ledger.Now())
		err = d.askVideo(&one, sum, hashes, index)
	} else {
		one.lacking = row.MediaStatus == "" || row.PDQ != "" && !(kept && len(row.Forms) > 0)
		err = d.askPicture(&one, sum, hashes, index)
	}
	one.found = one.found[:min(len(one.found), maxKept)]
	return one, true, err
}

// askPicture asks by all hashes that are kept of a picture.
func (d *Desk) askPicture(one *asked, sum digest.Sum, kept store.ItemHashes, index *match.Index) (err error) {
	query := match.Query{Digests: sum, Now: d.ledger.Now()}
	if query.Forms, query.Decoded, err = formsOf(one.Item); err != nil {
		return err
	}
	if len(kept.Trimmed) > 0 {
		if query.Trimmed.Forms, err = pdq.ParseForms(kept.Trimmed); err != nil {
			return err
		}
	}
	if one.found = index.Query(query).Matches; len(one.found) > 0 {
		// The index of the round has the new entries alone; look-alikes are in the live one.
		d.index.SetAside(query, one.found)
	}
	return nil
}

// askVideo asks by the digests of a video, and when no entry has these, by its frames, as
// examineVideo does of an upload.
func (d *Desk) askVideo(one *asked, sum digest.Sum, kept store.ItemHashes, index *match.Index) (err error) {
	query := match.VideoQuery{Digests: sum, Every: kept.Every, Now: d.ledger.Now()}
	one.found = index.QueryVideo(query).Matches
	if len(one.found) > 0 || len(kept.Frames) == 0 || !index.ComparesVideos(query.Now) {
		return nil
	}
	if query.Frames, err = video.Unpack(kept.Frames); err != nil {
		return err
	}
	if query.Turned, err = video.UnpackTurned(kept.Turned, query.Frames); err != nil {
		return err
	}
	one.found, one.frames = index.QueryVideo(query).Matches, len(query.Frames)
	return nil
}

// basisOf is the legal basis in force under which an item may be compared now: that of
// a source of this node that it came from. Empty when there is none, and when the
// content was erased: what may not be kept is not searched either.
func (d *Desk) basisOf(tx *store.Tx, row store.ItemRow) (string, error) {
	if row.Content == store.ContentErased {
		return "", nil
	}
	sightings, err := tx.Sightings(row.ID, shownSightings)
	if err != nil {
		return "", err
	}
	for _, s := range sightings {
		// A report of another organisation is no source of detection here.
		if source, known := d.sources[s.Source]; known && d.inForce(source) == nil {
			return source.LegalBasis.Ref().String(), nil
		}
	}
	return "", nil
}

// sumOf are the digests of an item.
func sumOf(i store.Item) (digest.Sum, error) {
	sum := digest.Sum{Size: i.Size}
	for _, one := range []struct {
		text string
		into []byte
	}{{i.ID, sum.SHA256[:]}, {i.SHA1, sum.SHA1[:]}, {i.MD5, sum.MD5[:]}} {
		if _, err := hex.Decode(one.into, []byte(one.text)); err != nil {
			return sum, fmt.Errorf("reading a digest: %w", err)
		}
	}
	return sum, nil
}

// formsOf are the hashes of an item, and whether it has some. Of one from before all were kept
// only one is known.
func formsOf(i store.Item) (forms pdq.Forms, has bool, err error) {
	switch {
	case len(i.Forms) > 0:
		forms, err = pdq.ParseForms(i.Forms)
		return forms, true, err
	case i.PDQ != "":
		hash, err := pdq.Parse(i.PDQ)
		forms.Full.Hash, forms.Full.Quality = hash, i.PDQQuality
		for v := range forms.Full.Variants {
			forms.Full.Variants[v] = hash
		}
		forms.Nearest = forms.Full
		return forms, true, err
	}
	return forms, false, nil
}
