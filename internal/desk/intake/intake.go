// Package intake is the desk where things come in: uploads that a service of
// the provider submits, and reports that other organisations send.
//
// An upload is compared with the lists under a dated legal basis. What matches
// nothing leaves no trace but the fact that so many files were compared. What
// matches becomes a sighting of an item that a person will look at, or that
// inherits the decision which people made before.
package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/brdoproject/brdo/domain/flood"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// Source is one place that uploads come from.
type Source struct {
	Name, Service, URL string
	LegalBasis         *law.LegalBasis
}

// Desk takes in uploads and reports.
type Desk struct {
	ledger  *ledger.Ledger
	store   *store.Store
	content *blob.Sealed
	decoder *media.Service
	index   *match.Index
	law     *law.Library
	sources map[string]Source
	scheme  law.Ref
	review  *law.Review
	stopped stopped
	video   VideoRules
	// watching holds who examines videos; see [VideoRules.AtOnce].
	watching chan struct{}
	flood    flood.Limits
	counter  counter
	// exchanges are those that are asked about uploads.
	exchanges []exchange.Exchange
	// perStep is how many items a step of a long job takes.
	perStep int
	// forgotten counts what this process forgot.
	forgotten atomic.Int64
}

// Options of the desk; all are required.
type Options struct {
	Ledger  *ledger.Ledger
	Store   *store.Store
	Content *blob.Sealed
	Decoder *media.Service
	Index   *match.Index
	Law     *law.Library
	Sources []Source
	// Scheme and Review are the profiles that new items begin under.
	Scheme law.Ref
	Review *law.Review
	Video  VideoRules
	// Flood says when an entry matches too much.
	Flood flood.Limits
}

// New makes the desk.
func New(o Options) *Desk {
	d := &Desk{ledger: o.Ledger, store: o.Store, content: o.Content, decoder: o.Decoder, index: o.Index, law: o.Law, sources: map[string]Source{}, scheme: o.Scheme, review: o.Review, video: o.Video, flood: o.Flood, watching: make(chan struct{}, o.Video.AtOnce)}
	d.counter = counter{process: store.NewID("process"), files: map[int64]int64{}, pending: map[string]bool{}}
	d.perStep = 100
	for _, source := range o.Sources {
		d.sources[source.Name] = source
	}
	return d
}

// Submission is what a service submits at once.
type Submission struct {
	// ClientRef is the service's own name of the submission.
	ClientRef string
	// IdempotencyKey makes a repeated submission give the same answer and no
	// second effect; empty for none.
	IdempotencyKey string
	Context        item.Context
	// Signals are what the service says: urgent, live, planned-meeting,
	// solicitation.
	Signals []law.Signal
	// Flagged: a user or moderator asked for a look, so that a person looks even
	// when no list knows the file.
	Flagged bool
	Files   []Upload
}

// Upload is one file. Content is read twice, so it must seek.
type Upload struct {
	Name    string
	Content io.ReadSeeker
	// Refused says why the file was not taken in; Content is nil then. It is answered
	// for, and spoils no other.
	Refused string
}

// maxKept is how many matches of one file are kept and counted, the strongest; a list
// may hold any number of entries that are alike. It is what domain/item allows.
const maxKept = 1000

// MaxFiles is how many files one submission may have.
const MaxFiles = 100

// Detection is the answer to a submission.
type Detection struct {
	ID         string       `json:"id"`
	Source     string       `json:"source"`
	LegalBasis string       `json:"legal_basis"`
	Files      []FileResult `json:"files"`
	// Notice is part of every answer.
	Notice string `json:"notice"`
}

// notice is what a match means, and what not.
const notice = "A match says that the file is like an entry of a list. It does not say that the file is illegal: a person must decide."

// FileResult is what is known of one file.
type FileResult struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	MIME   string `json:"mime"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	MD5    string `json:"md5"`
	SHA1   string `json:"sha1"`
	SHA256 string `json:"sha256"`
	// PDQ is the hash at full size, PDQNearest the one after a reduction to 512 by 512
	// by nearest neighbour.
	PDQ        string `json:"pdq,omitempty"`
	PDQNearest string `json:"pdq_nn512,omitempty"`
	PDQQuality int    `json:"pdq_quality"`
	// PDQWithin is how many bits the hashes may be off those of the reference: no list has
	// anything near, so the file was read at a first look only. 0 for all that was kept.
	PDQWithin int           `json:"pdq_within,omitempty"`
	Status    media.Status  `json:"status"`
	Detail    string        `json:"detail,omitempty"`
	Matches   []match.Match `json:"matches"`
	// More counts matches beyond those that are shown and counted.
	More    int             `json:"more_matches,omitempty"`
	Skipped []match.Skipped `json:"skipped_lists"`
	// Unhashable says why the picture or the video itself could not be compared.
	Unhashable string `json:"unhashable,omitempty"`
	// Video says what became of the frames of a video; absent for other files.
	Video *Video `json:"video,omitempty"`
	// NotCompared says why nothing at all was compared: the file is too large, or the
	// legal basis ended while the files before this one were.
	NotCompared string `json:"not_compared,omitempty"`
	// Sighting is set when the file was kept for a person to look at, and
	// Inherited when people decided about the same file before.
	Sighting  string `json:"sighting,omitempty"`
	Inherited string `json:"inherited_decision,omitempty"`
	// LookedUpAt is the exchange that is asked about the file, because no list here knows it.
	// Until it has answered the file is sealed; what it knows becomes a sighting.
	LookedUpAt string `json:"looked_up_at,omitempty"`
	// Next says in one sentence what happens now.
	Next string `json:"next"`

	// held says that it waits because of an entry in quarantine; forms are all hashes, and
	// hashes those that are kept beside them, nil where they are not known.
	held   bool
	forms  []byte
	hashes *store.ItemHashes
}

// aside are the matches of some files that were set aside, each with the benign look-alike.
func aside(all []examined) (found []asideNote) {
	for _, e := range all {
		for _, m := range e.Matches {
			if m.SetAside != nil {
				found = append(found, asideNote{Entry: m.Entry, Distance: m.Distance, Benign: m.SetAside.Entry, BenignDistance: m.SetAside.Distance})
			}
		}
	}
	return found
}

// asideNote is what the log says of a match that was set aside.
type asideNote struct {
	Entry          string `json:"entry"`
	Distance       int    `json:"distance"`
	Benign         string `json:"benign"`
	BenignDistance int    `json:"benign_distance"`
}

// maxAside is how many of them the log names; all are counted.
const maxAside = 20

func (d *Desk) source(actor mandate.Actor) (Source, error) {
	source, found := d.sources[actor.Source]
	if !found {
		return Source{}, &problem.Error{Kind: problem.Denied, Field: "source", Reason: "the key is bound to a source that this node does not have", Remedy: "add the source to detection.sources of the configuration"}
	}
	return source, nil
}

// act is what submitting is, while the legal basis is in force.
func (d *Desk) act(actor mandate.Actor) ledger.Act {
	return ledger.Act{
		Actor: actor, Action: mandate.DetectionSubmit, Purpose: mandate.PurposeDetection, BasisActive: true,
		Resource: access.Resource{ID: store.NewID("detection"), Source: actor.Source},
	}
}

// Detect compares files with the lists. The answer leaves only after everything
// that it speaks of is durable.
//
// Errors: Denied; Expired when the legal basis has ended (nothing was read);
// Invalid; Unavailable.
func (d *Desk) Detect(ctx context.Context, actor mandate.Actor, s Submission) (Detection, error) {
	source, sourceErr := d.source(actor)
	act := d.act(actor)
	detection := Detection{ID: act.Resource.ID, Source: source.Name, Notice: notice}
	basisErr := sourceErr
	if sourceErr == nil {
		act.Basis = source.LegalBasis.Ref().String()
		detection.LegalBasis = act.Basis
		basisErr = d.inForce(source)
		act.BasisActive = basisErr == nil
	}
	refuse := func(err error) (Detection, error) {
		return Detection{}, d.ledger.Do(ctx, act, func(*ledger.Tx) error { return err })
	}
	if basisErr != nil {
		// The policy would refuse too, but the reason is better named here.
		act.BasisActive = true
		return refuse(basisErr)
	}
	// Nothing is read, decoded or stored for somebody who may not submit.
	if err := d.ledger.Permits(act); err != nil {
		return refuse(err)
	}
	if err := d.check(s); err != nil {
		return refuse(err)
	}
	if earlier, found, err := d.answered(ctx, actor, s); err != nil || found {
		if err != nil {
			return refuse(err)
		}
		return earlier, d.ledger.Do(ctx, act, func(tx *ledger.Tx) error { tx.Note("repeated", true); return nil })
	}
	examined, err := d.examine(ctx, source, s)
	if err != nil {
		return refuse(err)
	}
	stored := false
	defer func() {
		if !stored {
			d.drop(ctx, examined)
		}
	}()
	err = d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		detection.Files = detection.Files[:0]
		kept, left, held, asked, unasked := 0, 0, 0, 0, 0
		quarantines, err := tx.QuarantinesOf(entriesOf(examined))
		if err != nil {
			return err
		}
		for i, e := range examined {
			if e.Matches, err = d.count(tx, e.SHA256, e.Matches, quarantines); err != nil {
				return err
			}
			result := e.FileResult
			if e.NotCompared != "" {
				result.Next = "The file was not compared, and nothing of it was kept: " + e.NotCompared + "."
				left++
			} else if e.keep {
				if err := d.sight(tx, actor, source, s, s.Files[i].Name, &result, e); err != nil {
					return err
				}
				kept++
				if result.held {
					held++
				}
			} else if len(e.Matches) > 0 {
				result.Next = "The picture is at least as near to benign look-alikes as to what lists know: the matches were set aside and counted, and nothing of the file was kept."
			} else if e.lookup != "" {
				if err := d.wait(tx, actor, source, s, e); err != nil {
					return err
				}
				asked++
				result.Next = "No list here knows the file. It is looked up at " + e.LookedUpAt + "; until that has answered it is sealed and shown to nobody. If it is not known there, nothing of it is kept."
			} else {
				result.Next = "No list knows the file. Nothing of it was kept."
				if e.notAsked != "" {
					unasked++
					result.Next = "No list here knows the file, and no exchange was asked: " + e.notAsked + ". Nothing of it was kept."
				}
			}
			detection.Files = append(detection.Files, result)
		}
		tx.Note("files", len(examined))
		tx.Note("kept", kept)
		if set := aside(examined); len(set) > 0 {
			tx.Note("set_aside", len(set))
			tx.Note("set_aside_for", set[:min(len(set), maxAside)])
		}
		if held > 0 {
			tx.Note("held", held)
		}
		if asked > 0 {
			tx.Note("looked_up", asked)
		}
		if unasked > 0 {
			tx.Note("not_looked_up", unasked)
		}
		if left > 0 {
			tx.Note("not_compared", left)
		}
		return d.remember(tx, actor, s, detection)
	})
	if problem.Is(err, problem.Conflict) {
		// Another request with the same key may have been faster: it answers both.
		if earlier, found, again := d.answered(ctx, actor, s); again != nil || found {
			if again != nil {
				return refuse(again)
			}
			return earlier, d.ledger.Do(ctx, act, func(tx *ledger.Tx) error { tx.Note("repeated", true); return nil })
		}
	}
	if err != nil {
		return Detection{}, err
	}
	stored = true
	compared := 0
	for _, e := range examined {
		if e.NotCompared == "" {
			compared++
		}
	}
	d.tally(context.WithoutCancel(ctx), compared, entriesOf(examined)) // the answer is durable already
	return detection, nil
}

func (d *Desk) check(s Submission) error {
	if len(s.Files) == 0 {
		return problem.InvalidField("files", "none was sent", "send one file as the body, or several as multipart/form-data")
	}
	if len(s.Files) > MaxFiles {
		return problem.InvalidField("files", fmt.Sprintf("more than %d were sent at once", MaxFiles), "send them in several requests")
	}
	if len(s.ClientRef) > 200 || len(s.IdempotencyKey) > 200 {
		return problem.InvalidField("client_ref", "a reference is longer than 200 bytes", "use a shorter one")
	}
	probe := item.Sighting{ID: "probe", Item: item.Address(nil), Source: "probe", At: d.ledger.Now(), LegalBasis: d.review.Ref(), Context: s.Context, Signals: s.Signals}
	if found := probe.Validate(); len(found) > 0 {
		return found[0]
	}
	return nil
}

// examined is a file with all that was computed of it.
type examined struct {
	FileResult
	keep bool
	// begun is a time at which nothing of it was sealed yet.
	begun time.Time
	// lookup is the name of the look-up that the file waits for, notAsked why there is none
	// where there should be one.
	lookup, notAsked string
	// insets are kept with the item for the entries of own lists that are matched by them.
	insets []pdq.Inset
}

func (d *Desk) examine(ctx context.Context, source Source, s Submission) (_ []examined, err error) {
	var all []examined
	defer func() {
		if err != nil {
			d.drop(ctx, all)
		}
	}()
	wanted := s.Flagged || len(s.Signals) > 0
	w := &watching{desk: d, urgent: wanted}
	defer w.leave()
	ask, err := d.askedAt(ctx, source)
	if err != nil {
		return nil, err
	}
	for _, upload := range s.Files {
		if upload.Refused != "" {
			all = append(all, examined{FileResult: FileResult{
				Name: upload.Name, Matches: []match.Match{}, Skipped: []match.Skipped{}, Status: media.StatusTooLarge, NotCompared: upload.Refused,
			}})
			continue
		}
		// A long batch does not outlive the basis that it began under.
		if err := d.inForce(source); err != nil {
			all = append(all, examined{FileResult: FileResult{
				Name: upload.Name, Matches: []match.Match{}, Skipped: []match.Skipped{}, NotCompared: problem.From(err).Reason,
			}})
			continue
		}
		begun := d.ledger.Now()
		sum, err := digests(upload.Content)
		if err != nil {
			return nil, err
		}
		mime, film, err := isVideo(upload.Content)
		if err != nil {
			return nil, err
		}
		var e examined
		if film {
			e.FileResult, err = d.examineVideo(ctx, source, w, upload, mime, sum)
		} else {
			e, err = d.examinePicture(ctx, upload, sum, wanted || ask.on())
		}
		if err != nil {
			return nil, err
		}
		e.begun = begun
		e.Name, e.Size, e.MD5, e.SHA1, e.SHA256 = upload.Name, sum.Size, sum.MD5Hex(), sum.SHA1Hex(), sum.SHA256Hex()
		e.More = max(0, len(e.Matches)-maxKept)
		e.Matches = e.Matches[:len(e.Matches)-e.More]
		e.keep = sum.Size > 0 && (len(match.Standing(e.Matches)) > 0 || wanted)
		if e.keep {
			if err := d.seal(ctx, e.SHA256, upload.Content); err != nil {
				return nil, err
			}
			if film {
				if err := d.watchKept(ctx, w, upload.Content, &e); err != nil {
					return nil, err
				}
			} else if e.Status == media.StatusOK {
				if e.insets, err = d.insets(ctx, upload.Content, sum.Size); err != nil {
					return nil, err
				}
			}
		}
		if err := d.lookUp(ctx, ask, &e, upload.Content); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// insets hashes the middle of a picture that is kept, where an own list wants that.
func (d *Desk) insets(ctx context.Context, content io.ReadSeeker, size int64) ([]pdq.Inset, error) {
	wanted := false
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) { wanted, err = tx.InsetsWanted(); return err })
	if err != nil || !wanted {
		return nil, err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the upload again: %w", err)
	}
	return d.decoder.Insets(ctx, content, size)
}

func (d *Desk) examinePicture(ctx context.Context, upload Upload, sum digest.Sum, wanted bool) (examined, error) {
	picture, found, err := d.compare(ctx, upload.Content, sum, wanted)
	if err != nil {
		return examined{}, err
	}
	e := examined{FileResult: FileResult{
		MIME: picture.MIME, Width: picture.Width, Height: picture.Height, PDQQuality: picture.Forms.Full.Quality, PDQWithin: picture.Within, Status: picture.Status, Detail: picture.Detail,
		Matches: found.Matches, Skipped: found.Skipped, Unhashable: found.Unhashable,
	}}
	if picture.Status.Decoded() {
		e.PDQ, e.PDQNearest = picture.Forms.Full.Hash.String(), picture.Forms.Nearest.Hash.String()
		e.forms, e.hashes = picture.Forms.Bytes(), hashesOf(picture)
	}
	return e, nil
}

// seal stores content under a key of its own, before the row that names it. A
// crash in between leaves sealed content that no row names: see [Desk.forget].
func (d *Desk) seal(ctx context.Context, id string, content io.ReadSeeker) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the upload again: %w", err)
	}
	_, err := d.content.Seal(ctx, id, "item", content)
	var erased *keyring.ErasedError
	if errors.As(err, &erased) {
		return nil // it was erased for good; the sighting is noted without it
	}
	return err
}

// matchesOf is what the state machine needs to know of the hits.
func matchesOf(found []match.Match) []item.Match {
	var all []item.Match
	for _, m := range match.Standing(found) {
		all = append(all, item.Match{
			List: m.List, Entry: m.Entry, Method: string(m.Kind), Exact: m.Kind.Exact(), Distance: m.Distance, Radius: m.Radius,
			Verified: slices.Contains([]string{"single", "double", "triple"}, m.Verification), SelfReported: m.Verification == "self-reported",
		})
	}
	return all
}

// weights are how much a verification level counts in the score.
var weights = map[string]float64{"triple": 1, "double": 0.95, "single": 0.85, "self-reported": 0.4}

// score orders items within a tier: how near the best hit is, weighted by how
// well its list was verified. It is no probability.
func score(found []match.Match) float64 {
	best := 0.0
	for _, m := range match.Standing(found) {
		near := 1.0
		if m.Radius > 0 {
			near = 1 - float64(m.Distance)/float64(2*m.Radius)
		}
		if m.Video != nil {
			near *= max(m.Video.UploadPercent, m.Video.EntryPercent) / 100
		}
		best = max(best, near*cmp.Or(weights[m.Verification], 0.7))
	}
	return best
}

func (d *Desk) sight(tx *ledger.Tx, actor mandate.Actor, source Source, s Submission, name string, result *FileResult, e examined) error {
	sighting := item.Sighting{
		ID: store.NewID("sighting"), Item: item.ID(e.SHA256), Source: source.Name, At: tx.Now, LegalBasis: source.LegalBasis.Ref(),
		Context: s.Context, Matches: matchesOf(counting(e.Matches)), Signals: s.Signals,
	}
	admissible := len(sighting.Matches) > 0 || s.Flagged || len(s.Signals) > 0
	sighting.Context.Service.Type = cmp.Or(sighting.Context.Service.Type, source.Service)
	sighting.Context.Service.URL = cmp.Or(sighting.Context.Service.URL, source.URL)
	if found := sighting.Validate(); len(found) > 0 {
		return found[0]
	}
	row, err := tx.Item(e.SHA256)
	known := err == nil
	if err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	place := item.PlaceOf([]item.Sighting{sighting}, score(counting(e.Matches)), d.review)
	if !known {
		if row, err = d.newItem(tx, e, place, !admissible); err != nil {
			return err
		}
	}
	assessment, err := row.ReadAssessment()
	if err != nil {
		return err
	}
	assessment, effects, err := assessment.Apply(item.Event{Kind: item.Sight, Sighting: sighting.ID}, tx.Now)
	if err != nil {
		return err
	}
	for _, effect := range effects {
		switch effect.Kind {
		case item.Inherit:
			final, _ := assessment.Final()
			result.Inherited = final.ID
			result.Next = "People decided about this file before; the sighting inherits their decision (" + string(final.Outcome) + ") and nobody has to see it again."
		case item.Replace:
			if assessment.State == item.Erased {
				result.Next = "The file was erased here for good before; the sighting is noted, but nobody can look at it."
				continue
			}
			if assessment.State == item.Held && !admissible {
				result.held, result.Next = true, waits
				continue
			}
			if admissible {
				if assessment, err = d.raise(tx, &row, assessment, place); err != nil {
					return err
				}
			}
			result.Next = "A person will look at it: tier " + row.Tier + ", " + row.Why + "."
		}
	}
	row.Sightings++
	if known {
		err = tx.UpdateItem(row)
	} else {
		err = tx.InsertItem(row)
	}
	if err != nil {
		return err
	}
	if row.Content != store.ContentErased {
		if err := keepHashes(tx, e); err != nil {
			return err
		}
	}
	if result.held {
		if err := hold(tx, e.SHA256, e.Matches); err != nil {
			return err
		}
	}
	result.Sighting = sighting.ID
	if err := d.insert(tx, actor, s, sighting, name, e, result.Inherited); err != nil {
		return err
	}
	return uploadedAgain(tx, sighting, e.SHA256)
}

func keepHashes(tx *ledger.Tx, e examined) error {
	if len(e.insets) > 0 {
		if err := tx.PutItemInsets(e.SHA256, e.insets); err != nil {
			return err
		}
	}
	if e.hashes == nil {
		return nil
	}
	return tx.PutItemHashes(e.SHA256, *e.hashes)
}

func (d *Desk) newItem(tx *ledger.Tx, e examined, place item.Place, held bool) (store.ItemRow, error) {
	if err := tx.CheckSealed(e.SHA256, e.begun); err != nil {
		return store.ItemRow{}, err
	}
	rules, err := item.RulesOf(d.review, d.scheme)
	if err != nil {
		return store.ItemRow{}, err
	}
	found := store.Item{
		ID: e.SHA256, MIME: e.MIME, Size: e.Size, Width: e.Width, Height: e.Height, MD5: e.MD5, SHA1: e.SHA1, PDQ: e.PDQ, PDQQuality: e.PDQQuality, Forms: e.forms,
		MediaStatus: string(e.Status), Content: store.ContentSealed, Tier: place.Tier, Score: place.Score, Why: place.Reason, ReceivedAt: tx.Now,
	}
	row := store.ItemRow{Item: found, Scheme: d.scheme.String(), Review: d.review.Ref().String()}
	if held {
		return row, row.SetAssessment(item.NewHeld(item.ID(e.SHA256), rules))
	}
	return row, row.SetAssessment(item.NewAssessment(item.ID(e.SHA256), rules))
}

// Evidence is what a sighting's row keeps beside its columns, as JSON.
type Evidence struct {
	item.Context
	FileName string       `json:"file_name"`
	Signals  []law.Signal `json:"signals,omitempty"`
}

func (d *Desk) insert(tx *ledger.Tx, actor mandate.Actor, s Submission, sighting item.Sighting, name string, e examined, inherited string) error {
	evidence, err := json.Marshal(Evidence{sighting.Context, strings.ToValidUTF8(name, "\uFFFD"), sighting.Signals})
	if err != nil {
		return fmt.Errorf("writing a sighting: %w", err)
	}
	matches, err := json.Marshal(e.Matches)
	if err != nil {
		return fmt.Errorf("writing a sighting's matches: %w", err)
	}
	return tx.InsertSighting(store.SightingRow{
		ID: sighting.ID, ItemID: e.SHA256, Source: sighting.Source, LegalBasis: sighting.LegalBasis.String(), SubmittedBy: actor.ID, ClientRef: s.ClientRef,
		At: tx.Now, Context: evidence, Matches: matches, Inherited: inherited,
	})
}

// Sightings returns up to limit sightings after a cursor, in the order of time.
func (d *Desk) Sightings(ctx context.Context, actor mandate.Actor, after string, limit int) (rows []store.SightingRow, more bool, err error) {
	limit = cmp.Or(min(max(limit, 0), 500), 100)
	purpose := mandate.PurposeReview
	if actor.Kind == mandate.Machine {
		purpose = mandate.PurposeDetection
	}
	act := ledger.Act{Actor: actor, Action: mandate.SightingConsult, Purpose: purpose, Resource: access.Resource{Source: actor.Source}}
	err = d.ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err = tx.SightingsAfter(after, actor.Source, limit+1)
		tx.Note("sightings", min(len(rows), limit))
		return err
	})
	if len(rows) > limit {
		return rows[:limit], true, err
	}
	return rows, false, err
}
