package intake

import (
	"context"
	"fmt"
	"io"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
)

// MaxHashes is how many hashes one lookup may have.
const MaxHashes = 1000

// maxMatches is how many matches of one hash are answered, so that one answer has a
// bound: a list may hold any number of entries that are alike.
const maxMatches = 100

// Found is what the lists know of one hash.
type Found struct {
	Matches []match.Match `json:"matches"`
	// More counts matches beyond those that are shown.
	More int `json:"more_matches,omitempty"`
	// NotCompared says why the hash was not compared: the legal basis ended while
	// those before it were.
	NotCompared string `json:"not_compared,omitempty"`
}

// Lookup is the answer to a question about hashes.
type Lookup struct {
	ID         string
	Source     string
	LegalBasis string
	// Found are in the order of the hashes.
	Found []Found
	// Skipped are the lists that were not asked, and why.
	Skipped []match.Skipped
	// Notice is what a match means, and what not.
	Notice string
}

// Lookup compares hashes with the lists, under the same rules as files. Nothing is
// kept, because there is nothing that a person could look at: only that so many
// hashes were compared, and how many matched.
//
// Errors: Denied; Expired when the legal basis has ended; Invalid; Unavailable.
func (d *Desk) Lookup(ctx context.Context, actor mandate.Actor, hashes []match.Hashes) (Lookup, error) {
	source, act, err := d.begin(actor)
	if err == nil && len(hashes) == 0 {
		err = problem.InvalidField("hashes", "there is none", "send at least one")
	}
	if err == nil && len(hashes) > MaxHashes {
		err = problem.InvalidField("hashes", fmt.Sprintf("more than %d were sent at once", MaxHashes), "send them in several requests")
	}
	if err != nil {
		return Lookup{}, d.ledger.Do(ctx, act, func(*ledger.Tx) error { return err })
	}
	answer := Lookup{ID: act.Resource.ID, Source: source.Name, LegalBasis: act.Basis, Notice: notice}
	matched, left, set := 0, 0, 0
	for _, h := range hashes {
		// A long batch does not outlive the basis that it began under.
		if err := d.inForce(source); err != nil {
			answer.Found = append(answer.Found, Found{Matches: []match.Match{}, NotCompared: problem.From(err).Reason})
			left++
			continue
		}
		result := d.index.Lookup(h, d.ledger.Now())
		one := Found{Matches: result.Matches, More: max(0, len(result.Matches)-maxMatches)}
		one.Matches = one.Matches[:len(one.Matches)-one.More]
		standing := len(match.Standing(result.Matches))
		if standing > 0 {
			matched++
		}
		set += len(result.Matches) - standing
		answer.Found, answer.Skipped = append(answer.Found, one), result.Skipped
	}
	err = d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		for i := range answer.Found {
			quarantines, err := tx.QuarantinesOf(entriesIn(answer.Found[i].Matches))
			if err != nil {
				return err
			}
			markQuarantined(answer.Found[i].Matches, quarantines)
		}
		tx.Note("hashes", len(hashes))
		tx.Note("matched", matched)
		if set > 0 {
			tx.Note("set_aside", set)
		}
		if left > 0 {
			tx.Note("not_compared", left)
		}
		return nil
	})
	if err != nil {
		return Lookup{}, err
	}
	return answer, nil
}

// Lists are the heads of all lists that the node compares with, for a face that
// shows them under other names. What leaves the node is what a desk answered.
func (d *Desk) Lists() []match.List { return d.index.Lists() }

// begin is what comes before anything of a submission is read. The error says why
// it may not be; the act is the one to log it with.
func (d *Desk) begin(actor mandate.Actor) (Source, ledger.Act, error) {
	act := d.act(actor)
	source, err := d.source(actor)
	if err == nil {
		act.Basis = source.LegalBasis.Ref().String()
		err = d.inForce(source)
	}
	if err == nil {
		err = d.ledger.Permits(act)
	}
	return source, act, err
}

// Hashed is what a file's hashes are.
type Hashed struct {
	Digests digest.Sum
	// PDQ is the hash at full size, when Status.Decoded; below a quality of
	// pdq.MinimumQuality it says little.
	PDQ     pdq.Hash
	Quality int
	Status  media.Status
	Detail  string
}

// Hash computes the hashes of a file and compares them with nothing. It reads what
// people sent each other, so it needs the same legal basis as [Desk.Detect].
// Nothing is kept.
//
// Errors: as those of [Desk.Lookup].
func (d *Desk) Hash(ctx context.Context, actor mandate.Actor, content io.ReadSeeker) (Hashed, error) {
	_, act, err := d.begin(actor)
	if err != nil {
		return Hashed{}, d.ledger.Do(ctx, act, func(*ledger.Tx) error { return err })
	}
	hashed, err := d.hash(ctx, content)
	err = d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		tx.Note("hashed", 1)
		return err
	})
	return hashed, err
}

func (d *Desk) hash(ctx context.Context, content io.ReadSeeker) (Hashed, error) {
	sum, err := digests(content)
	if err != nil {
		return Hashed{}, err
	}
	picture, err := see(ctx, content, sum.Size, d.decoder.Fingerprint)
	return Hashed{Digests: sum, PDQ: picture.Forms.Full.Hash, Quality: picture.Forms.Full.Quality, Status: picture.Status, Detail: picture.Detail}, err
}

// look decodes a file.
type look func(ctx context.Context, content io.Reader, size int64) (media.Fingerprint, error)

func see(ctx context.Context, content io.ReadSeeker, size int64, look look) (media.Fingerprint, error) {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return media.Fingerprint{}, fmt.Errorf("reading the upload again: %w", err)
	}
	picture, err := look(ctx, content, size)
	if err != nil {
		return media.Fingerprint{}, fmt.Errorf("decoding an upload: %w", err)
	}
	return picture, nil
}

// compare compares a file with the lists. What hardly anything is near to at a first
// look is not looked at again, unless it will be kept.
func (d *Desk) compare(ctx context.Context, content io.ReadSeeker, sum digest.Sum, kept bool) (picture media.Fingerprint, found match.Result, err error) {
	first := func(ctx context.Context, content io.Reader, size int64) (media.Fingerprint, error) {
		return d.decoder.FirstLook(ctx, content, size, d.index.Screens(media.FirstLookWithin))
	}
	if picture, err = see(ctx, content, sum.Size, first); err != nil {
		return picture, found, err
	}
	ask := func() {
		found = d.index.Query(match.Query{Digests: sum, Forms: picture.Forms, Trimmed: picture.Trimmed, Decoded: picture.Status.Decoded(), Margin: picture.Within, Now: d.ledger.Now()})
	}
	if ask(); picture.Within > 0 && (kept || len(found.Matches) > 0) {
		if picture, err = see(ctx, content, sum.Size, d.decoder.Fingerprint); err != nil {
			return picture, found, err
		}
		ask()
	}
	return picture, found, nil
}

// digests reads a file to its end and leaves it at its beginning.
func digests(content io.ReadSeeker) (digest.Sum, error) {
	sum, err := digest.Reader(content)
	if err != nil {
		return sum, problem.New(problem.Unavailable, "the upload broke off", "send it again; nothing was recorded").Because(err)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return sum, fmt.Errorf("reading the upload again: %w", err)
	}
	return sum, nil
}
