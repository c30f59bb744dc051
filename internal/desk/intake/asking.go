package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	askJob = "detection.ask"
	// asksAgain is how long the job sleeps when nothing waits, if nobody wakes it.
	asksAgain = time.Minute
)

// wakes is what the job of an exchange waits for.
func wakes(exchange string) string { return "look-up at " + exchange }

// AskAt names the exchanges that are asked about uploads. It is called once, before
// [Desk.Begin].
func (d *Desk) AskAt(all []exchange.Exchange) {
	d.exchanges = slices.DeleteFunc(slices.Clone(all), func(e exchange.Exchange) bool { return e.Shield == nil })
}

// Begin enqueues the work that comes again and again; a second call changes nothing.
func (d *Desk) Begin(ctx context.Context) error {
	return d.store.WriteShared(ctx, func(tx *store.Tx) error {
		if _, err := job.Enqueue(tx, d.ledger.Now(), job.New{Kind: forgetJob, UniqueKey: forgetJob}); err != nil {
			return err
		}
		for _, e := range d.exchanges {
			if _, err := job.Enqueue(tx, d.ledger.Now(), job.New{Kind: askJob, UniqueKey: e.Name, Payload: e.Name}); err != nil {
				return err
			}
		}
		return nil
	})
}

// asking is the exchange at which an upload is looked up; the zero value is none.
type asking struct {
	exchange.Exchange
	// full: as many wait as may.
	full bool
}

func (a asking) on() bool { return a.Shield != nil }

// askedAt is where the uploads of a source are looked up now: an exchange that the operator
// named for the source, that a list manager lets a list follow, and whose legal basis is in
// force for this kind of service.
func (d *Desk) askedAt(ctx context.Context, source Source) (a asking, err error) {
	at := slices.IndexFunc(d.exchanges, func(e exchange.Exchange) bool { return slices.Contains(e.Asking.Sources, source.Name) })
	if at < 0 || d.exchanges[at].Basis.Check(source.Service, d.ledger.Now()) != nil {
		return a, nil
	}
	e := d.exchanges[at]
	err = d.ledger.Peek(ctx, func(tx *store.Tx) error {
		a = asking{}
		list, followed, err := tx.ListFollowing(e.Address(), "")
		if err != nil || !followed || list.Indexed().Closed(d.ledger.Now()) != "" {
			return err
		}
		waiting, _, err := tx.CountLookups(e.Name)
		a = asking{e, waiting >= e.Asking.MostWaiting}
		return err
	})
	return a, err
}

// lookUp seals an upload that no list knows until the exchange has answered about it. What
// people here have as an item already, what cannot be asked and what benign look-alikes
// explain is not asked about.
func (d *Desk) lookUp(ctx context.Context, a asking, e *examined, content io.ReadSeeker) error {
	if !a.on() || e.keep || e.Size == 0 || len(e.Matches) > 0 {
		return nil
	}
	if a.Asking.Media && e.Size > exchange.MaxShieldMedia || !a.Asking.Media && (!e.Status.Decoded() || e.PDQQuality < pdq.MinimumQuality) {
		e.notAsked = "it cannot be asked about"
		return nil
	}
	known := false
	err := d.ledger.Peek(ctx, func(tx *store.Tx) error {
		_, err := tx.Item(e.SHA256)
		known = err == nil
		if problem.Is(err, problem.NotFound) {
			err = nil
		}
		return err
	})
	if err != nil || known {
		return err
	}
	if a.full {
		e.notAsked = "too many uploads wait for an answer"
		return nil
	}
	e.LookedUpAt, e.lookup = a.Name, store.NewID("lookup")
	return d.seal(ctx, e.lookup, content)
}

// drop erases what was sealed for look-ups that do not wait now. What cannot be erased yet
// is forgotten when it has no row.
func (d *Desk) drop(ctx context.Context, all []examined) {
	for _, e := range all {
		if e.lookup != "" {
			_ = d.content.Erase(context.WithoutCancel(ctx), e.lookup)
		}
	}
}

// pending is what a look-up keeps of an upload.
type pending struct {
	Actor      string       `json:"actor"`
	ClientRef  string       `json:"client_ref"`
	LegalBasis string       `json:"legal_basis"`
	Context    item.Context `json:"context"`
	Result     FileResult   `json:"result"`
	Forms      []byte       `json:"forms"`
	// Hashes are those of a picture; a video that the exchange knows is decoded then.
	Hashes *store.ItemHashes `json:"hashes,omitempty"`
}

// wait writes a look-up in the transaction of the submission.
func (d *Desk) wait(tx *ledger.Tx, actor mandate.Actor, source Source, s Submission, e examined) error {
	hashes := e.hashes
	if e.Video != nil {
		hashes = nil
	}
	upload, err := json.Marshal(pending{actor.ID, s.ClientRef, source.LegalBasis.Ref().String(), s.Context, e.FileResult, e.forms, hashes})
	if err != nil {
		return fmt.Errorf("writing a look-up: %w", err)
	}
	if err := tx.CheckSealed(e.lookup, e.begun); err != nil {
		return err
	}
	err = tx.InsertLookup(store.LookupRow{ID: e.lookup, Exchange: e.LookedUpAt, Source: source.Name, SHA256: e.SHA256, Upload: upload, CreatedAt: tx.Now})
	if err != nil {
		return err
	}
	_, err = tx.ReleaseJobs(wakes(e.LookedUpAt), tx.Now)
	return err
}

// ask asks an exchange about the uploads that wait, one question after the other.
func (d *Desk) ask(ctx context.Context, running *job.Running) error {
	var name string
	if err := running.Payload(&name); err != nil {
		return err
	}
	e, known := exchange.ByName(d.exchanges, name)
	if !known {
		return nil // it is configured no more; what waits stays sealed until it is again
	}
	if err := d.clear(ctx, name); err != nil {
		return err
	}
	now := d.ledger.Now()
	var list store.HashList
	var rows []store.LookupRow
	followed := false
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if list, followed, err = tx.ListFollowing(e.Address(), ""); err != nil {
			return err
		}
		rows, err = tx.LookupsWaiting(name, exchange.MaxShieldHashes/len(pdq.Variants{}))
		return err
	})
	switch {
	case err != nil:
		return err
	case len(rows) == 0:
		return job.Await(wakes(name), now.Add(asksAgain), "no upload waits for an answer")
	}
	rows, err = d.mayAsk(ctx, e, list, rows)
	if err != nil {
		return err
	}
	if closed := list.Indexed().Closed(now); len(rows) == 0 || !followed || closed != "" {
		return job.Later(now.Add(asksAgain), "nothing may be asked now")
	}
	if e.Asking.Media {
		rows = rows[:1]
	}
	failed := d.askAbout(ctx, e, list, rows)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known := problem.From(failed); failed != nil && known.Kind == problem.Internal {
		return failed // our own fault: the queue tries again, and says so
	}
	failures, err := d.asked(ctx, e, list, failed)
	if err != nil {
		return err
	}
	pause := time.Minute / time.Duration(e.Asking.PerMinute)
	if failed != nil {
		pause = e.Next(failures)
	}
	var told *exchange.Pause
	if errors.As(failed, &told) {
		pause = max(pause, told.For)
	}
	return job.Later(d.ledger.Now().Add(pause), "the exchange is asked again")
}

// clear erases the content of what was settled.
func (d *Desk) clear(ctx context.Context, exchange string) error {
	var rows []store.LookupRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.LookupsSettled(exchange, maxKept)
		return err
	})
	for _, row := range rows {
		if err == nil {
			err = d.content.Erase(ctx, row.ID)
		}
		if err == nil {
			err = d.store.Write(ctx, func(tx *store.Tx) error { return tx.DeleteLookup(row.ID) })
		}
	}
	return err
}

// mayAsk leaves those that may be asked about; the others are given up, and people told.
func (d *Desk) mayAsk(ctx context.Context, e exchange.Exchange, list store.HashList, rows []store.LookupRow) (may []store.LookupRow, err error) {
	now := d.ledger.Now()
	for _, row := range rows {
		source, known := d.sources[row.Source]
		why := ""
		switch {
		case !known:
			why = "their source is configured no more"
		case d.inForce(source) != nil || e.Basis.Check(source.Service, now) != nil:
			why = "a legal basis is not in force any more"
		case now.Sub(row.CreatedAt) > e.Asking.HoldFor:
			why = "no answer came for " + e.Asking.HoldFor.String()
		default:
			may = append(may, row)
			continue
		}
		act := ledger.Act{Actor: d.ledger.Itself(), Action: mandate.ItemErase, Purpose: mandate.PurposeRetention, Resource: access.Resource{ID: row.ID}}
		err := d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			tx.Note("exchange", e.Name)
			tx.Note("attempts", row.Attempts)
			tx.Note("unanswered", why)
			if list.ID != "" {
				if err := tx.Alarm(list.ID, "uploads were erased before the exchange "+e.Name+" had answered about them: "+why); err != nil {
					return err
				}
			}
			return tx.SettleLookup(row.ID)
		})
		if err != nil {
			return nil, err
		}
	}
	return may, nil
}

// askAbout sends one question and stores what is answered. That it may have been sent is
// written down first.
func (d *Desk) askAbout(ctx context.Context, e exchange.Exchange, list store.HashList, rows []store.LookupRow) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		for _, row := range rows {
			if err := tx.NoteLookupSent(row.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	uploads := make([]pending, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Upload, &uploads[i]); err != nil {
			return fmt.Errorf("reading look-up %s: %w", row.ID, err)
		}
	}
	findings, err := d.findings(ctx, e, rows, uploads)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if err := d.settle(ctx, e, list, row, uploads[i], findings[i]); err != nil {
			return err
		}
	}
	return nil
}

// findings asks: about the hashes of all in eight orientations, or about the one file.
func (d *Desk) findings(ctx context.Context, e exchange.Exchange, rows []store.LookupRow, uploads []pending) ([]exchange.Finding, error) {
	if e.Asking.Media {
		content, err := d.content.Open(ctx, rows[0].ID)
		if err != nil {
			return nil, err
		}
		defer content.Close()
		all, err := io.ReadAll(content)
		if err != nil {
			return nil, fmt.Errorf("reading an upload: %w", err)
		}
		found, err := e.Shield.Media(ctx, uploads[0].Result.MIME, all)
		return []exchange.Finding{found}, err
	}
	var hashes []pdq.Hash
	of := make([]pdq.Variants, len(rows))
	for i, u := range uploads {
		forms, err := pdq.ParseForms(u.Forms)
		if err != nil {
			return nil, fmt.Errorf("look-up %s: %w", rows[i].ID, err)
		}
		of[i] = forms.Full.Variants
		for _, h := range of[i] {
			if !slices.Contains(hashes, h) {
				hashes = append(hashes, h)
			}
		}
	}
	answers, err := e.Shield.Hashes(ctx, hashes)
	if err != nil {
		return nil, err
	}
	var all []exchange.Finding
	for _, variants := range of {
		best := answers[variants[0]]
		for _, h := range variants {
			if f := answers[h]; f.Before(best) {
				best = f
			}
		}
		all = append(all, best)
	}
	return all, nil
}

// settle stores one answer: what the exchange knows becomes a sighting, as a match of a list
// does; of the rest nothing is kept. It is the one event of this look-up.
func (d *Desk) settle(ctx context.Context, e exchange.Exchange, list store.HashList, row store.LookupRow, u pending, found exchange.Finding) error {
	source := d.sources[row.Source]
	one := examined{FileResult: u.Result, begun: d.ledger.Now()}
	one.forms, one.hashes = u.Forms, u.Hashes
	if found.Known() {
		entry := found.SHA256
		if entry == "" {
			entry = row.SHA256
		}
		one.Matches = []match.Match{match.Answered(list.Indexed(), "entry/"+e.Name+"-"+entry, found.Classification, found.Explain(e.Name), found.Exact)}
		if err := d.keep(ctx, row, &one); err != nil {
			return err
		}
	}
	act := ledger.Act{
		Actor: d.ledger.Itself(), Action: mandate.DetectionAsk, Purpose: mandate.PurposeDetection, BasisActive: true, Basis: e.Basis.Ref().String(),
		Resource: access.Resource{ID: row.ID, Source: row.Source},
	}
	basis, err := law.ParseRef(u.LegalBasis)
	if err != nil {
		return err
	}
	return d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		tx.Note("exchange", e.Name)
		tx.Note("sent", map[bool]string{false: "hashes", true: "media"}[e.Asking.Media])
		tx.Note("attempts", row.Attempts+1)
		tx.Note("handed_in", row.CreatedAt)
		tx.Note("handed_in_under", basis.String())
		tx.Note("answer", found.Classification)
		if err := tx.SettleLookup(row.ID); err != nil || !found.Known() {
			return err
		}
		tx.Note("item", row.SHA256)
		result := one.FileResult
		return d.sight(tx, mandate.Actor{ID: u.Actor}, source, Submission{ClientRef: u.ClientRef, Context: u.Context}, u.Result.Name, &result, one)
	})
}

// keep seals the content of a look-up as the item that it becomes, and hashes the frames of a
// video.
func (d *Desk) keep(ctx context.Context, row store.LookupRow, one *examined) error {
	content, err := d.content.Open(ctx, row.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := d.seal(ctx, row.SHA256, io.NewSectionReader(content, 0, content.Size())); err != nil {
		return err
	}
	if one.Video != nil && d.decoder.State().Player != "" {
		_, one.hashes, err = d.watch(ctx, io.NewSectionReader(content, 0, content.Size()), content.Size(), d.video.Limits.Deadline)
	}
	return err
}

// asked keeps how a question ended, and returns how many failed since a good one. When what
// waits is too old, people are told, once.
func (d *Desk) asked(ctx context.Context, e exchange.Exchange, list store.HashList, failed error) (failures int, err error) {
	now := d.ledger.Now()
	var f store.FetchedList
	var oldest time.Time
	err = d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if f, err = tx.FetchedList(list.ID); err != nil {
			return err
		}
		_, oldest, err = tx.CountLookups(e.Name)
		return err
	})
	if err != nil {
		return 0, err
	}
	f.FetchedAt = now
	alarm := false
	if failed == nil {
		f.SucceededAt, f.Failures, f.Problem, f.Remedy, f.Alarmed = now, 0, "", "", false
	} else {
		known := problem.From(failed)
		f.Failures, f.Problem, f.Remedy = f.Failures+1, known.Reason, known.Remedy
		alarm = !f.Alarmed && !oldest.IsZero() && now.Sub(oldest) > e.StaleAfter
		f.Alarmed = f.Alarmed || alarm
	}
	if !alarm {
		return f.Failures, d.store.Write(ctx, func(tx *store.Tx) error { return tx.NoteFetch(f) })
	}
	act := ledger.Act{Actor: d.ledger.Itself(), Action: mandate.DetectionAsk, Purpose: mandate.PurposeDetection, BasisActive: true, Basis: e.Basis.Ref().String(), Resource: access.Resource{ID: list.ID}}
	return f.Failures, d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		tx.Note("exchange", e.Name)
		tx.Note("failures", f.Failures)
		if err := tx.NoteFetch(f); err != nil {
			return err
		}
		return tx.Alarm(list.ID, "the exchange "+e.Name+" does not answer about uploads for "+e.StaleAfter.String()+": "+f.Problem)
	})
}
