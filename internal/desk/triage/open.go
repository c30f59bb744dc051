package triage

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// investigates reports whether a person opens items for cases of an authority,
// which it does not assess, rather than to review them.
func (d *Desk) investigates(actor mandate.Actor) bool {
	kinds := []mandate.OrganisationKind{mandate.Authority, mandate.Europol, mandate.Interpol}
	return slices.Contains(kinds, d.options.Ledger.NodeKind()) && actor.Has(mandate.Investigator)
}

// purpose is why a person works with an item here.
func (d *Desk) purpose(actor mandate.Actor) mandate.Purpose {
	if d.investigates(actor) {
		return mandate.PurposeInvestigation
	}
	return mandate.PurposeReview
}

// openCase says, for a person who investigates, whether a report that was
// referred here and refers to the item is still theirs to look at: offered, so
// that they can tell whether to claim it, or claimed.
//
// Errors: Denied when there is none.
func openCase(tx *store.Tx, id string) error {
	open, err := tx.CountReferralsOfItem(id, string(referral.StandingOffered), string(referral.StandingClaimed))
	if err != nil || open > 0 {
		return err
	}
	return problem.New(problem.Denied, "no report that refers to this item is open here", "claim the report, if this authority acts on it after all")
}

// Open fetches the content of an item that another organisation's report refers
// to, because a person wants to look at it: nothing is fetched before. It is
// sealed to this pull on the way and kept under a key of its own here; both ends
// log it, as one event each. Nothing is shown by it: what is shown is asked for
// with [Desk.View]. To open an item that is here already changes nothing.
//
// Errors: Denied when the policy here or the sender refuses; NotFound when the
// sender does not have it (any more); Invalid when what came is another file or
// too large; Unavailable when the sender cannot be reached.
func (d *Desk) Open(ctx context.Context, actor mandate.Actor, id string) error {
	act := d.onItem(actor, mandate.ItemView, id)
	act.Purpose = mandate.PurposeAssessment
	if d.investigates(actor) {
		act.Purpose = mandate.PurposeInvestigation
	}
	find := act.Find
	act.Find = nil // what it would find is found here, before anything is fetched
	var row store.ItemRow
	var from peer.Pull
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if act.Resource, err = find(tx); err != nil {
			return err
		}
		if owner := act.Resource.Owner; owner != "" && owner != actor.ID {
			return problem.New(problem.Conflict, "another person has the item", "take the next one")
		}
		if d.investigates(actor) {
			if err := openCase(tx, id); err != nil {
				return err
			}
		}
		if row, err = tx.Item(id); err != nil {
			return err
		}
		if err := d.withheld(tx, actor, id); err != nil {
			return err
		}
		from, err = d.holders(tx, id)
		return err
	})
	switch {
	case err != nil:
		return d.options.Ledger.Do(ctx, act, func(*ledger.Tx) error { return err })
	case row.Content == store.ContentSealed:
		return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error { tx.Note("here_already", true); return nil })
	case row.Content != store.ContentElsewhere:
		return d.options.Ledger.Do(ctx, act, func(*ledger.Tx) error { return errErased })
	}
	begun := d.options.Ledger.Now()
	var hashes store.ItemHashes
	keep := func(ctx context.Context, content io.Reader) error {
		if _, err := d.options.Content.Seal(ctx, id, "item", content); err != nil {
			return err
		}
		hashes, err = d.describe(ctx, &row)
		return err
	}
	return d.options.Post.Pull(ctx, act, from, keep, func(tx *ledger.Tx) error {
		tx.Note("bytes", row.Size)
		if err := tx.CheckSealed(id, begun); err != nil {
			return err
		}
		if !media.IsVideoType(row.MIME) {
			if err := tx.PutItemHashes(id, hashes); err != nil {
				return err
			}
		}
		return tx.DescribeItem(row)
	})
}

var errErased = problem.New(problem.NotFound, "the content was erased", "its facts and history remain")

// holders are those who referred to the item last, and their envelopes: whoever
// reported it long ago may not have it any more.
func (d *Desk) holders(tx *store.Tx, id string) (peer.Pull, error) {
	sightings, err := tx.Sightings(id, maxHolders)
	if err != nil {
		return peer.Pull{}, err
	}
	pull := peer.Pull{Item: id, MaxBytes: d.options.MaxBytes}
	for _, s := range sightings {
		switch {
		case !received(s):
		case pull.From == "":
			pull.From, pull.Envelope = s.SubmittedBy, s.ClientRef
		default:
			pull.Else = append(pull.Else, peer.Origin{Source: s.SubmittedBy, ID: s.ClientRef})
		}
	}
	if pull.From == "" {
		return pull, problem.New(problem.NotFound, "no received report refers to this item", "its content is here, if anywhere")
	}
	return pull, nil
}

// maxHolders is how many are asked before a person has to try again.
const maxHolders = 5

// received reports whether a sighting is told of by another organisation's report.
func received(s store.SightingRow) bool {
	return strings.HasPrefix(s.ReportedIn, "received/") || strings.HasPrefix(s.ReportedIn, "referral/")
}

// describe computes what is known of content that was fetched, and the hashes of a picture
// without its borders.
func (d *Desk) describe(ctx context.Context, row *store.ItemRow) (hashes store.ItemHashes, err error) {
	content, err := d.options.Content.Open(ctx, row.ID)
	if err != nil {
		return hashes, err
	}
	defer content.Close()
	sum, err := digest.Reader(io.NewSectionReader(content, 0, content.Size()))
	if err != nil {
		return hashes, fmt.Errorf("reading what was fetched: %w", err)
	}
	picture, err := d.options.Decoder.Fingerprint(ctx, io.NewSectionReader(content, 0, content.Size()), content.Size())
	if err != nil {
		return hashes, fmt.Errorf("decoding what was fetched: %w", err)
	}
	row.MIME, row.Size, row.Width, row.Height = picture.MIME, sum.Size, picture.Width, picture.Height
	row.MD5, row.SHA1, row.PDQQuality, row.MediaStatus = sum.MD5Hex(), sum.SHA1Hex(), picture.Forms.Full.Quality, string(picture.Status)
	if picture.Status.Decoded() {
		row.PDQ, row.Forms = picture.Forms.Full.Hash.String(), picture.Forms.Bytes()
	}
	if !picture.Trimmed.None() {
		hashes.Trimmed = picture.Trimmed.Forms.Bytes()
	}
	row.Content = store.ContentSealed
	return hashes, nil
}
