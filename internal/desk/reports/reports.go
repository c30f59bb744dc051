// Package reports is the desk that makes a provider's report from decided
// items, shows what it lacks, lets two people decide on exactly the bytes that
// are sent, follows the delivery to the receiver's signed receipt, and keeps
// the clock after which the user concerned is informed. At the Centre it takes
// the report in.
//
// Source: Articles 12, 13 and 48 and Annex III of COM(2022) 209, as the profile
// law/csar/com-2022-209 has them.
package reports

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of the desk; all but Recipient are required.
type Options struct {
	Ledger *ledger.Ledger
	Post   *peer.Post
	Law    *law.Library
	// Form is the profile that new reports begin under.
	Form   *law.ReportForm
	Review *law.Review
	// Provider is section 1 of the form.
	Provider report.Provider
	// Recipient finds the node id of the Centre; it may be registered later.
	Recipient func(tx *store.Tx) (id string, kind mandate.OrganisationKind, err error)
}

// Desk makes and follows reports.
type Desk struct{ options Options }

// New makes the desk and registers what it does with receipts and, at a Centre,
// with reports that come in.
func New(options Options) *Desk {
	d := &Desk{options}
	options.Post.OnReceipt(mandate.EnvelopeReport, d.receipt)
	if options.Ledger.NodeKind() == mandate.Centre {
		options.Post.OnEnvelope(mandate.EnvelopeReport, peer.Handler{Action: mandate.ReportReceive, Take: d.take})
	}
	return d
}

func (d *Desk) act(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	return ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: id}}
}

// onReport is an act on one report, with its author.
func (d *Desk) onReport(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	act := d.act(actor, action, id)
	act.Find = func(tx *store.Tx) (access.Resource, error) {
		row, err := tx.Report(id)
		return access.Resource{ID: id, Author: row.Author}, err
	}
	return act
}

// Compose begins a report about one sighting of a decided item; an empty
// sighting means the newest that no report tells of.
//
// Errors: Conflict when the item is not decided as reportable, or another
// report tells of the sighting.
func (d *Desk) Compose(ctx context.Context, actor mandate.Actor, itemID, sightingID string) (string, error) {
	id := store.NewID("report")
	err := d.options.Ledger.Do(ctx, d.act(actor, mandate.ReportCompose, id), func(tx *ledger.Tx) error {
		row, decision, err := decided(tx, itemID)
		if err != nil {
			return err
		}
		sighting, err := pick(tx, itemID, sightingID)
		if err != nil {
			return err
		}
		draft, err := d.draft(tx, id, row, decision, sighting)
		if err != nil {
			return err
		}
		if err := tx.ReportSighting(sighting.ID, id); err != nil {
			return err
		}
		tx.Note("item", itemID)
		tx.Note("sighting", sighting.ID)
		tx.Note("decision", decision.ID)
		recipient, _, err := d.options.Recipient(tx.Tx)
		if err != nil {
			return err
		}
		r := store.ReportRow{ID: id, Form: d.options.Form.Ref().String(), Author: actor.ID, Recipient: recipient, CreatedAt: tx.Now, ChangedAt: tx.Now, Notice: []byte("null")}
		if err := d.write(&r, draft, report.NewLifecycle()); err != nil {
			return err
		}
		return tx.InsertReport(r)
	})
	return id, err
}

func decided(tx *ledger.Tx, itemID string) (store.ItemRow, item.Decision, error) {
	row, err := tx.Item(itemID)
	if err != nil {
		return row, item.Decision{}, err
	}
	assessment, err := row.ReadAssessment()
	if err != nil {
		return row, item.Decision{}, err
	}
	decision, final := assessment.Final()
	switch {
	case !final:
		return row, decision, problem.New(problem.Conflict, "the item has no final decision yet", "a decision becomes final when its author goes on to the next item, or a few minutes later")
	case decision.Outcome != item.Reportable:
		return row, decision, problem.New(problem.Conflict, "people decided that the item is not reportable", "open the item to see the decision")
	}
	return row, decision, nil
}

func pick(tx *ledger.Tx, itemID, sightingID string) (store.SightingRow, error) {
	if sightingID != "" {
		sighting, err := tx.Sighting(sightingID)
		if err == nil && sighting.ItemID != itemID {
			err = problem.InvalidField("sighting", "it is a sighting of another item", "choose one of this item's sightings")
		}
		return sighting, err
	}
	sightings, err := tx.Sightings(itemID, 1000)
	if err != nil {
		return store.SightingRow{}, err
	}
	for _, sighting := range sightings {
		if sighting.ReportedIn == "" {
			return sighting, nil
		}
	}
	return store.SightingRow{}, problem.New(problem.Conflict, "all sightings of this item are in reports already", "open those reports")
}

// evidence is what a sighting's row keeps, as intake writes it.
type evidence struct {
	item.Context
	FileName string       `json:"file_name"`
	Signals  []law.Signal `json:"signals"`
}

// draft fills the form with what is known. What only a person can answer stays
// open and lowers the completeness until somebody does.
func (d *Desk) draft(tx *ledger.Tx, id string, row store.ItemRow, decision item.Decision, sighting store.SightingRow) (report.Report, error) {
	var seen evidence
	if err := json.Unmarshal(sighting.Context, &seen); err != nil {
		return report.Report{}, fmt.Errorf("reading sighting %s: %w", sighting.ID, err)
	}
	var matches []match.Match
	if err := json.Unmarshal(sighting.Matches, &matches); err != nil {
		return report.Report{}, fmt.Errorf("reading the matches of %s: %w", sighting.ID, err)
	}
	file, err := d.file(tx, row, decision, matches)
	if err != nil {
		return report.Report{}, err
	}
	kind := "new"
	if len(matches) > 0 {
		kind = "known"
	}
	urgent := row.Tier == "P0"
	r := report.Report{ID: id, Profile: d.options.Form.Ref()}
	r.Form = report.Form{
		Provider: d.options.Provider, Urgent: &urgent, Types: []string{kind},
		Content: []report.Entry{{Nature: report.Fact, Name: "file", Item: row.ID}},
		OtherData: []report.Entry{
			{Nature: report.Fact, Name: "time of the upload", Text: "received from source " + sighting.Source, At: sighting.At, TZ: "Z"},
			{Nature: report.Fact, Name: "form of the file", Text: fmt.Sprintf("%s, %d bytes, %d by %d pixels", row.MIME, row.Size, row.Width, row.Height)},
		},
		Geo: report.Geo{IPEvents: seen.IPEvents}, Users: seen.Users, Service: seen.Service,
		Awareness:  report.Awareness{Channel: "own_motion", Details: "measures of source " + sighting.Source + " under " + sighting.LegalBasis},
		LegalBasis: d.options.Form.Title,
	}
	if seen.FileName != "" {
		r.Form.OtherData = append(r.Form.OtherData, report.Entry{Nature: report.Fact, Name: "file name", Text: seen.FileName})
	}
	for _, m := range matches {
		r.Form.OtherData = append(r.Form.OtherData, report.Entry{Nature: report.MachineOutput, Name: "list match", Text: m.Explanation})
	}
	r.Control = report.Control{ClientRef: sighting.ClientRef, Files: []report.File{file}}
	return r, nil
}

func (d *Desk) file(tx *ledger.Tx, row store.ItemRow, decision item.Decision, matches []match.Match) (report.File, error) {
	f := report.File{
		Item: row.ID, Hashes: map[string]string{"md5": row.MD5, "sha1": row.SHA1}, Scheme: decision.Facts.Scheme, Labels: decision.Facts.Labels, Classes: decision.Classes,
	}
	if row.PDQ != "" {
		f.Hashes["pdq"] = row.PDQ
	}
	if len(matches) > 0 {
		f.HashListSource = matches[0].ListName + " (" + string(matches[0].Kind) + ")"
	}
	exposures, err := tx.ExposuresOfItem(row.ID)
	if err != nil {
		return f, err
	}
	for _, exposure := range exposures {
		// Only the whole picture counts as having been viewed: in some countries
		// it decides whether police need a warrant before they open the file.
		if exposure.Level == item.LevelFull.String() {
			f.ViewedByHuman, f.ViewEvent = true, exposure.ID
			break
		}
	}
	return f, nil
}

// write puts a report and its state into a row.
func (d *Desk) write(row *store.ReportRow, r report.Report, l report.Lifecycle) error {
	body, err := r.Marshal()
	if err != nil {
		return err
	}
	state, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing the state of %s: %w", row.ID, err)
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return err
	}
	row.Body, row.Lifecycle, row.State = body, state, string(l.State)
	row.Urgent = r.Form.Urgent != nil && *r.Form.Urgent
	row.Completeness = r.Completeness(form).Score
	return nil
}

func (d *Desk) form(ref law.Ref) (*law.ReportForm, error) { return d.options.Law.ReportForm(ref) }

func read(row store.ReportRow) (report.Report, report.Lifecycle, error) {
	r, err := report.Parse(row.Body)
	if err != nil {
		return r, report.Lifecycle{}, fmt.Errorf("reading report %s: %w", row.ID, err)
	}
	var l report.Lifecycle
	if err := json.Unmarshal(row.Lifecycle, &l); err != nil {
		return r, l, fmt.Errorf("reading the state of %s: %w", row.ID, err)
	}
	return r, l, nil
}

// outgoing is what the recipient gets: the exact bytes and their digest.
func (d *Desk) outgoing(tx *store.Tx, r report.Report) (text []byte, digest string, left []string, err error) {
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, "", nil, err
	}
	_, kind, err := d.options.Recipient(tx)
	if err != nil {
		return nil, "", nil, err
	}
	out, left, err := r.Outgoing(form, string(kind))
	if err != nil {
		return nil, "", nil, err
	}
	if text, err = out.Marshal(); err != nil {
		return nil, "", nil, err
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:]), left, nil
}

// View is a report as people see it.
type View struct {
	store.ReportRow
	Report       report.Report
	Life         report.Lifecycle
	Form         *law.ReportForm
	Completeness report.Completeness
	Problems     []*problem.Error
	// StaysHome names what the recipient does not get.
	StaysHome []string
	Notice    *report.Notice
	Envelopes []store.EnvelopeOut
	Events    []store.LogEvent
	Now       time.Time
}

// Report returns one report with what it lacks and how its delivery stands.
func (d *Desk) Report(ctx context.Context, actor mandate.Actor, id string) (View, error) {
	var v View
	act := d.onReport(actor, mandate.ReportConsult, id)
	act.Purpose = reading(actor)
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		v = View{Now: tx.Now}
		if v.ReportRow, err = tx.Report(id); err != nil {
			return err
		}
		if v.Report, v.Life, err = read(v.ReportRow); err != nil {
			return err
		}
		if v.Form, err = d.form(v.Report.Profile); err != nil {
			return err
		}
		v.Completeness = v.Report.Completeness(v.Form)
		v.Problems = v.Report.Validate(v.Form)
		if _, _, v.StaysHome, err = d.outgoing(tx.Tx, v.Report); err != nil {
			return err
		}
		if err := json.Unmarshal(v.ReportRow.Notice, &v.Notice); err != nil {
			return fmt.Errorf("reading the notice of %s: %w", id, err)
		}
		if v.Envelopes, err = tx.EnvelopesAbout(id); err != nil {
			return err
		}
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}

func reading(actor mandate.Actor) mandate.Purpose {
	switch {
	case actor.Has(mandate.Auditor):
		return mandate.PurposeAudit
	case actor.Has(mandate.Investigator) && !actor.Has(mandate.Analyst):
		return mandate.PurposeInvestigation
	}
	return mandate.PurposeReporting
}

// Reports returns about limit reports, the last changed first: more when the
// last of them changed at the same moment as others.
func (d *Desk) Reports(ctx context.Context, actor mandate.Actor, before time.Time, limit int) (rows []store.ReportRow, more bool, err error) {
	limit = cmp.Or(min(max(limit, 0), 200), 50)
	act := d.act(actor, mandate.ReportConsult, "")
	act.Purpose = reading(actor)
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, more, err = pageOf(tx, before, limit)
		tx.Note("reports", len(rows))
		return err
	})
	return rows, more, err
}

// pageOf reads a page of about limit reports. Reports that changed at the same
// moment share a page, because the moment is the cursor of the next one.
func pageOf(tx *ledger.Tx, before time.Time, limit int) (rows []store.ReportRow, more bool, err error) {
	for ask := limit; ; ask *= 2 {
		if rows, err = tx.Reports(before, ask+1); err != nil || len(rows) <= limit {
			return rows, false, err
		}
		for end := limit; end < len(rows); end++ {
			if !rows[end].ChangedAt.Equal(rows[end-1].ChangedAt) {
				return rows[:end], true, nil
			}
		}
		if len(rows) <= ask {
			return rows, false, nil
		}
	}
}

// Answers are what only a person can fill in.
type Answers struct {
	Urgent       *bool
	Removed      *bool
	ThirdCountry report.ThirdCountry
	UserDecision report.UserDecision
	Details      string
	Extra        string
}

// Amend changes what people have to answer. A report that waits for a second
// person goes back to being a draft, with the reason.
func (d *Desk) Amend(ctx context.Context, actor mandate.Actor, id string, a Answers, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAmend, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			if l.State != report.Draft {
				next, effects, err := l.Apply(report.Event{Kind: report.Amend, Person: actor.ID, Decision: tx.EventID(), Reason: reason}, tx.Now)
				if err != nil {
					return l, nil, err
				}
				a.into(r)
				return next, effects, nil
			}
			a.into(r)
			return l, nil, nil
		})
	})
}

func (a Answers) into(r *report.Report) {
	r.Form.Urgent, r.Form.Removed, r.Form.ThirdCountry, r.Form.UserDecision = a.Urgent, a.Removed, a.ThirdCountry, a.UserDecision
	r.Form.Awareness.Details = cmp.Or(a.Details, r.Form.Awareness.Details)
	r.Form.Extra = nil
	if a.Extra != "" {
		r.Form.Extra = []report.Entry{{Nature: report.Assessment, Name: "note of the reviewer", Text: a.Extra}}
	}
	r.Form.IssuedAt, r.Form.Signature = time.Time{}, report.Signature{}
}

// change applies a step of a report's life and writes what follows.
func (d *Desk) change(tx *ledger.Tx, id string, step func(*report.Report, report.Lifecycle) (report.Lifecycle, []report.Effect, error)) error {
	row, err := tx.Report(id)
	if err != nil {
		return err
	}
	r, l, err := read(row)
	if err != nil {
		return err
	}
	next, effects, err := step(&r, l)
	if err != nil {
		return err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return err
	}
	if found := r.Validate(form); len(found) > 0 {
		return found[0]
	}
	for _, effect := range effects {
		switch effect.Kind {
		case report.ReadyToSend:
			if next, err = d.send(tx, &row, r, next); err != nil {
				return err
			}
		case report.StartUserNotice:
			if err := d.startNotice(tx, &row, r, form); err != nil {
				return err
			}
		}
	}
	tx.Note("state", next.State)
	row.ChangedAt = tx.Now
	if err := d.write(&row, r, next); err != nil {
		return err
	}
	return tx.UpdateReport(row)
}

// Submit is the author's decision that the report shall go out, in exactly this
// form. Where the profile asks for a second person the report waits for one;
// otherwise it is sent.
func (d *Desk) Submit(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportSend, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			r.Form.IssuedAt = tx.Now.Truncate(time.Second)
			r.Form.Signature = report.Signature{KeyID: d.options.Post.Self().NodeID, Method: "JWS EdDSA (RFC 7515, RFC 8037)"}
			_, digest, _, err := d.outgoing(tx.Tx, *r)
			if err != nil {
				return l, nil, err
			}
			tx.Note("digest", digest)
			return l.Apply(report.Event{
				Kind: report.Submit, Person: actor.ID, Decision: tx.EventID(), Digest: digest,
				SecondPerson: d.options.Review.ReportSecondPerson.Requires(r.NamesPerson()),
			}, tx.Now)
		})
	})
}

// Approve is the second person's decision; the report is sent by it.
func (d *Desk) Approve(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportApprove, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			_, digest, _, err := d.outgoing(tx.Tx, *r)
			if err != nil {
				return l, nil, err
			}
			return l.Apply(report.Event{Kind: report.Approve, Person: actor.ID, Decision: tx.EventID(), Digest: digest}, tx.Now)
		})
	})
}

// Return sends a report back to its author with a reason.
func (d *Desk) Return(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.step(ctx, actor, mandate.ReportApprove, id, report.Event{Kind: report.Return, Reason: reason})
}

// Withdraw takes a report back before it is sent; its sightings can be reported
// anew.
func (d *Desk) Withdraw(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAmend, id), func(tx *ledger.Tx) error {
		if err := tx.ReleaseSightings(id); err != nil {
			return err
		}
		return d.change(tx, id, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			return l.Apply(report.Event{Kind: report.Withdraw, Person: actor.ID, Decision: tx.EventID(), Reason: reason}, tx.Now)
		})
	})
}

func (d *Desk) step(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, event report.Event) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, action, id), func(tx *ledger.Tx) error {
		event.Person, event.Decision = actor.ID, tx.EventID()
		return d.change(tx, id, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			return l.Apply(event, tx.Now)
		})
	})
}

// send hands the approved bytes to delivery, in the transaction of the decision.
func (d *Desk) send(tx *ledger.Tx, row *store.ReportRow, r report.Report, l report.Lifecycle) (report.Lifecycle, error) {
	text, digest, _, err := d.outgoing(tx.Tx, r)
	if err != nil {
		return l, err
	}
	priority := peer.Normal
	if r.Form.Urgent != nil && *r.Form.Urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: row.Recipient, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: r.Profile.String(), Subject: row.ID,
		Purpose: mandate.PurposeReporting, LegalBasis: r.Profile.String(), Priority: priority, Body: json.RawMessage(text),
	})
	if err != nil {
		return l, err
	}
	row.Envelope = envelope
	next, _, err := l.Apply(report.Event{Kind: report.Send, Digest: digest, Envelope: envelope}, tx.Now)
	return next, err
}

// Answer is what a receiver says of a report in its receipt.
type Answer struct {
	Reference    string           `json:"reference"`
	Completeness int              `json:"completeness"`
	Missing      []report.Missing `json:"missing,omitempty"`
}

// receipt takes note of the receiver's signed receipt.
func (d *Desk) receipt(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	name := sent.ID
	kind := "delivered"
	err := d.change(tx, sent.Subject, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
		next, effects, err := l.Apply(report.Event{Kind: report.Receipt, Receipt: name}, tx.Now)
		if err != nil || receipt.Status != peer.Rejected {
			return next, effects, err
		}
		kind = "rejected"
		refused, more, err := next.Apply(report.Event{Kind: report.Reject, Receipt: name, Reason: cmp.Or(receipt.Reason, "no reason was given")}, tx.Now)
		return refused, append(effects, more...), err
	})
	if err != nil {
		return err
	}
	return tx.InsertOutcome(store.Outcome{ID: store.NewID("outcome"), ReportID: sent.Subject, Kind: kind, Source: receipt.By, At: tx.Now})
}

// take takes a report in, at the Centre. What it lacks does not stop it: the
// provider is told in the receipt (Article 48(5)), and the report moves on.
func (d *Desk) take(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	r, err := report.Parse(bytes.TrimSpace(opened.Message))
	if err != nil {
		return nil, err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, problem.InvalidField("profile", "this node does not know the form "+r.Profile.String(), "send it under a version that both nodes have").Because(err)
	}
	if found := r.Validate(form); len(found) > 0 {
		return nil, found[0]
	}
	c := r.Completeness(form)
	missing, err := json.Marshal(c.Missing)
	if err != nil {
		return nil, fmt.Errorf("writing what is missing: %w", err)
	}
	row := store.ReceivedReport{
		ID: store.NewID("received"), Sender: from.NodeID, SenderName: from.Title, Reference: r.ID, Envelope: opened.ID, Form: r.Profile.String(), Body: opened.Message,
		Urgent: r.Form.Urgent != nil && *r.Form.Urgent, Completeness: c.Score, Missing: missing, State: "received", ReceivedAt: tx.Now,
	}
	tx.Note("received", row.ID)
	tx.Note("completeness", c.Score)
	return Answer{row.ID, c.Score, c.Missing}, tx.InsertReceivedReport(row)
}

// Received is a report from another organisation, as its readers see it.
type Received struct {
	store.ReceivedReport
	Report       report.Report
	Form         *law.ReportForm
	Completeness report.Completeness
	Events       []store.LogEvent
}

// ReceivedReports returns what waits to be assessed, urgent ones first.
func (d *Desk) ReceivedReports(ctx context.Context, actor mandate.Actor) (rows []store.ReceivedReport, err error) {
	act := d.act(actor, mandate.ReportConsult, "")
	act.Purpose = mandate.PurposeAssessment
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err = tx.ReceivedReports("received", 200)
		tx.Note("reports", len(rows))
		return err
	})
	return rows, err
}

// ReceivedReport returns one report from another organisation.
func (d *Desk) ReceivedReport(ctx context.Context, actor mandate.Actor, id string) (Received, error) {
	var v Received
	act := d.act(actor, mandate.ReportConsult, id)
	act.Purpose = mandate.PurposeAssessment
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		if v.ReceivedReport, err = tx.ReceivedReport(id); err != nil {
			return err
		}
		if v.Report, err = report.Parse(v.Body); err != nil {
			return err
		}
		if v.Form, err = d.form(v.Report.Profile); err != nil {
			return err
		}
		v.Completeness = v.Report.Completeness(v.Form)
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}
