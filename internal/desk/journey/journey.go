// Package journey is the desk that follows one report: what this node did about
// it, what it sent, who receipted that, and what others said, with each record's
// place in the log.
//
// A node knows its own log and what envelopes and receipts told it, and nothing
// else of the others. So each node shows its own part, under the name that
// whoever made the report gave to it, and can prove that part.
package journey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Desk follows reports.
type Desk struct {
	ledger *ledger.Ledger
	post   *peer.Post
}

// New makes the desk.
func New(l *ledger.Ledger, post *peer.Post) *Desk { return &Desk{l, post} }

// Journey is what this node knows of one report and can prove.
type Journey struct {
	// Report is the name that whoever made the report gave to it.
	Report string
	// Places are what the report and what followed from it are called here, for
	// example received/… and order/….
	Places []string
	// Steps are the oldest first.
	Steps []Step
	// Names are what nodes are called, by their ids; Self is this node's id.
	Names map[string]string
	Self  string
	// Size is how many records the latest checkpoint of the log covers.
	Size int64
	// Cut says that there is more than is shown.
	Cut bool
}

// Step is one record of this node's log, with what travelled because of it.
type Step struct {
	// Event is the id of the record, Position its place in the log from 0; -1
	// until it is placed.
	Event    string
	Position int64
	At       time.Time
	// By is the node whose person or machine acted. A person is told by the roles
	// only: who it was stands in the record, which auditors read.
	By     string
	Kind   mandate.ActorKind
	Roles  []mandate.Role
	Action string
	// Words are what the record says of what happened and of what then held: closed
	// words of the domain.
	Words []string
	// Number is what the report is called at NCMEC's CyberTipline; 0 where the record names none.
	Number int64
	// Came is the envelope that was taken in, Sent those that were written.
	Came *Envelope
	Sent []Envelope
}

// Envelope is one envelope with its signed receipt.
type Envelope struct {
	ID, Kind string
	// From and To are node ids.
	From, To string
	Digest   string
	// Receipt is nil until there is one; Waits says then what is in the way.
	Receipt *Receipt
	Waits   string
	// Said is the latest that the recipient said after its receipt.
	Said, SaidReason string
	SaidAt           time.Time
	// Position is the place in this node's log of the record that stored the
	// receipt of what was sent; -1 until then.
	Position int64
	// Further is what the recipient says of those to whom it passed this on.
	Further []peer.Downstream
}

// Receipt is what a receiver signed, checked again when it is shown.
type Receipt struct {
	peer.Receipt
	// Text is the receipt as it was signed (JWS).
	Text string
	// Doubt says why the signature cannot be checked now; empty when it fits.
	Doubt string
}

// reports is the form of the name of a report.
var reports = regexp.MustCompile(`^report/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func consulting(actor mandate.Actor, name string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.JourneyConsult, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: name}}
	switch {
	case actor.Has(mandate.Auditor):
		act.Purpose = mandate.PurposeAudit
	case actor.Has(mandate.Investigator):
		act.Purpose = mandate.PurposeInvestigation
	case actor.Organisation != mandate.Provider:
		act.Purpose = mandate.PurposeAssessment
	}
	return act
}

// Journey returns what this node knows of a report.
//
// Errors: Denied; NotFound where nothing of it is known here.
func (d *Desk) Journey(ctx context.Context, actor mandate.Actor, name string) (j Journey, err error) {
	err = d.ledger.Read(ctx, consulting(actor, name), func(tx *ledger.Tx) error {
		j = Journey{Report: name, Self: d.post.Self().NodeID}
		t, err := d.trace(tx, name)
		if err != nil {
			return err
		}
		j.Places, j.Cut = t.places, t.cut
		if j.Names, err = d.post.Titles(tx.Tx, tx.Now); err != nil {
			return err
		}
		for _, event := range t.events {
			step, err := d.step(tx, t, event)
			if err != nil {
				return err
			}
			if step.Action == mandate.EnvelopeDeliver.Name && len(step.Sent) == 0 {
				continue // shown with the envelope whose receipt it stored
			}
			j.Steps = append(j.Steps, step)
		}
		latest, err := tx.LatestLogCheckpoint()
		if err != nil && !errors.Is(err, store.ErrEmptyLog) {
			return err
		}
		j.Size = latest.Size
		tx.Note("steps", len(j.Steps))
		return nil
	})
	return j, err
}

// Proofs returns the records of a report's journey, each with the proof that it
// is in the log, as a bundle that `brdo verify` checks. Records say which person
// acted, so this is an extract of the log, for whoever may make one.
//
// Errors: Denied; NotFound where nothing of the report is known here.
func (d *Desk) Proofs(ctx context.Context, actor mandate.Actor, name string) (bundle []byte, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.LogExport, Purpose: mandate.PurposeAudit, Resource: access.Resource{ID: name}}
	err = d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		t, err := d.trace(tx, name)
		if err != nil {
			return err
		}
		if t.cut {
			return problem.New(problem.Unavailable, "there are more records than one extract holds", "export the whole log: brdo log export")
		}
		var text bytes.Buffer
		written, err := ledger.Extract(tx.Tx, d.ledger.Trust(), []string{d.post.Self().LogVerifier}, t.events, &text)
		if err != nil {
			return err
		}
		tx.Note("records", written)
		bundle = text.Bytes()
		return nil
	})
	return bundle, err
}

// Receipt returns the signed receipt of one envelope of a report's journey, as
// it was signed.
//
// Errors: Denied; NotFound where there is none.
func (d *Desk) Receipt(ctx context.Context, actor mandate.Actor, name, envelope string) (text string, err error) {
	err = d.ledger.Read(ctx, consulting(actor, name), func(tx *ledger.Tx) error {
		t, err := d.trace(tx, name)
		if err != nil {
			return err
		}
		tx.Note("receipt", ledger.Named("envelope/"+envelope))
		for _, sent := range t.sent {
			if sent.ID == envelope && sent.Receipt != "" {
				text = sent.Receipt
				return nil
			}
		}
		for _, event := range t.events {
			if came, found, err := cameBy(tx, event); err != nil {
				return err
			} else if found && came.ID == envelope {
				text = came.Receipt
				return nil
			}
		}
		return store.NotFound("receipt", envelope)
	})
	return text, err
}

// words are the details of a record that say what happened and what then held.
var words = []string{"event", "step", "answered", "said", "answer", "feedback", "found", "outcome", "question_state", "state", "standing", "status"}

// closed is the form of a closed word: an identifier is none.
var closed = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func (d *Desk) step(tx *ledger.Tx, t trace, row store.LogEvent) (step Step, err error) {
	event, err := ledger.ParseEvent(row.Record)
	if err != nil {
		return step, err
	}
	step = Step{
		Event: row.ID, Position: row.Position, At: row.At, By: d.post.Self().NodeID, Kind: event.ActorKind, Roles: event.Roles, Action: row.Action,
	}
	for _, key := range words {
		if word, is := event.Detail[key].(string); is && closed.MatchString(word) && !slices.Contains(step.Words, word) {
			step.Words = append(step.Words, word)
		}
	}
	if number, is := event.Detail["number"].(float64); is && row.Action == mandate.ReportTransmit.Name {
		step.Number = int64(number)
	}
	came, found, err := cameBy(tx, row)
	if err != nil {
		return step, err
	}
	if found {
		step.By = came.Source
		one := Envelope{ID: came.ID, Kind: came.Kind, From: came.Source, To: d.post.Self().NodeID, Digest: came.Digest, Position: row.Position}
		one.Receipt = checked(came.Receipt, d.post.Self(), nil, came.Source, came.ID, came.Digest)
		step.Came = &one
	}
	for _, sent := range t.sent {
		if sent.Event == row.ID {
			one, err := d.envelope(tx, t, sent)
			if err != nil {
				return step, err
			}
			step.Sent = append(step.Sent, one)
		}
	}
	return step, nil
}

// envelope describes one that was sent.
func (d *Desk) envelope(tx *ledger.Tx, t trace, sent store.EnvelopeOut) (Envelope, error) {
	one := Envelope{
		ID: sent.ID, Kind: sent.Kind, From: d.post.Self().NodeID, To: sent.Recipient, Digest: sent.Digest, Waits: sent.LastError, Position: -1,
		Said: sent.Status, SaidReason: sent.StatusReason, SaidAt: sent.StatusAt,
	}
	var err error
	if one.Further, err = peer.PassedOn(sent); err != nil {
		return one, err
	}
	if sent.Receipt == "" {
		return one, nil
	}
	// A receipt stays what it was when its signer was revoked later.
	known, doubt := tx.Peer(sent.Recipient)
	var recipient peer.Node
	if doubt == nil {
		recipient, doubt = peer.ParseNode(known.Document)
	}
	one.Receipt = checked(sent.Receipt, recipient, doubt, d.post.Self().NodeID, sent.ID, sent.Digest)
	for _, event := range t.events {
		if event.Action == mandate.EnvelopeDeliver.Name && event.Resource == "envelope/"+sent.ID {
			one.Position = event.Position
		}
	}
	return one, nil
}

// checked reads a receipt and checks its signature. doubt says why nobody's key
// is there to check it with.
func checked(text string, by peer.Node, doubt error, source, id, digest string) *Receipt {
	receipt := &Receipt{Text: text}
	if doubt == nil {
		receipt.Receipt, doubt = peer.OpenReceipt(text, by, source, id, digest)
	}
	if doubt != nil {
		receipt.Doubt = problem.From(doubt).Reason
	}
	return receipt
}

// cameBy is the envelope that an event took in.
func cameBy(tx *ledger.Tx, event store.LogEvent) (store.EnvelopeIn, bool, error) {
	id, of := strings.CutPrefix(event.Resource, "envelope/")
	sender, peer := strings.CutPrefix(event.Actor, "peer/")
	if !of || !peer {
		return store.EnvelopeIn{}, false, nil
	}
	return tx.EnvelopeIn("node/"+sender, id)
}

// trace is what was found of a report in the rows of this node.
type trace struct {
	places []string
	events []store.LogEvent
	sent   []store.EnvelopeOut
	cut    bool
}

// maxRecords is how many records about one thing are shown at the most.
const maxRecords = 500

// trace finds everything here that concerns a report.
func (d *Desk) trace(tx *ledger.Tx, name string) (t trace, err error) {
	if !reports.MatchString(name) {
		return t, store.NotFound("report", name)
	}
	found, err := find(tx, name)
	if err != nil {
		return t, err
	}
	if len(found.places) == 0 {
		return t, store.NotFound("report", name)
	}
	t.places = found.places
	asked := append([]string{name}, found.places...)
	for _, thing := range unique(asked) {
		about, err := tx.EnvelopesAbout(thing)
		if err != nil {
			return t, err
		}
		for _, sent := range about {
			if !slices.ContainsFunc(t.sent, func(s store.EnvelopeOut) bool { return s.ID == sent.ID }) {
				t.sent = append(t.sent, sent)
				asked = append(asked, "envelope/"+sent.ID)
			}
		}
	}
	seen := map[string]bool{}
	add := func(thing string, ours func(store.LogEvent) bool) error {
		acts, err := tx.LogActsAbout(thing, maxRecords)
		t.cut = t.cut || len(acts) == maxRecords
		for _, act := range acts {
			if !seen[act.ID] && ours(act) {
				seen[act.ID] = true
				t.events = append(t.events, act)
			}
		}
		return err
	}
	for _, thing := range unique(asked) {
		if err := add(thing, func(store.LogEvent) bool { return true }); err != nil {
			return t, err
		}
	}
	for _, came := range found.came {
		// Two senders may give one name to their envelopes.
		from := "peer/" + strings.TrimPrefix(came.Source, "node/")
		if err := add("envelope/"+came.ID, func(e store.LogEvent) bool { return e.Actor == from }); err != nil {
			return t, err
		}
	}
	// What was sent about the report may have been decided on about something else.
	for _, sent := range t.sent {
		if sent.Event == "" || seen[sent.Event] {
			continue
		}
		event, err := tx.LogEvent(sent.Event)
		if err != nil {
			return t, err
		}
		seen[sent.Event] = true
		t.events = append(t.events, event)
	}
	slices.SortFunc(t.events, func(a, b store.LogEvent) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return t, nil
}

// unique sorts and drops what stands there twice.
func unique(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// things are what is known here of a report and of what followed from it.
type things struct {
	// places are what they are called here.
	places []string
	// came are the envelopes in which the report came.
	came []peer.Origin
	// items are the SHA-256 of what the report tells of.
	items []string
}

// find looks for a report by the name that whoever made it gave to it.
func find(tx *ledger.Tx, name string) (f things, err error) {
	made, err := tx.Report(name)
	switch {
	case err == nil:
		f.places = append(f.places, made.ID)
		if err := f.tells(made.Body); err != nil {
			return f, err
		}
	case !problem.Is(err, problem.NotFound):
		return f, err
	}
	received, err := tx.ReceivedReportsOf(name)
	if err != nil {
		return f, err
	}
	for _, row := range received {
		f.places, f.came = append(f.places, row.ID), append(f.came, peer.Origin{Source: row.Sender, ID: row.Envelope})
		if err := f.tells(row.Body); err != nil {
			return f, err
		}
	}
	referrals, err := tx.ReferralsOf(name)
	if err != nil {
		return f, err
	}
	var found []store.OrderRow
	for _, row := range referrals {
		f.places, f.came = append(f.places, row.ID), append(f.came, peer.Origin{Source: row.Centre, ID: row.Envelope})
		var offer struct {
			Report json.RawMessage `json:"report"`
		}
		if err := json.Unmarshal(row.Offer, &offer); err != nil {
			return f, fmt.Errorf("reading the offer of %s: %w", row.ID, err)
		}
		if err := f.tells(offer.Report); err != nil {
			return f, err
		}
		drafted, err := tx.OrdersDraftedFrom(row.ID)
		if err != nil {
			return f, err
		}
		found = append(found, drafted...)
	}
	for _, item := range unique(f.items) {
		naming, err := tx.OrdersOn(item)
		if err != nil {
			return f, err
		}
		found = append(found, naming...)
		// What other authorities asked about orders for it.
		questions, err := tx.DeconflictionsOn(item)
		if err != nil {
			return f, err
		}
		for _, row := range questions {
			f.places = append(f.places, row.ID)
		}
	}
	for _, row := range found {
		f.places = append(f.places, row.ID)
	}
	if err := f.notices(tx); err != nil {
		return f, err
	}
	f.places = unique(f.places)
	return f, nil
}

// notices adds the cases of notices that followed from the report, and what names
// an item that it tells of.
func (f *things) notices(tx *ledger.Tx) error {
	var found []store.NoticeRow
	for _, place := range f.places {
		opened, err := tx.NoticesOpenedFrom(place)
		if err != nil {
			return err
		}
		found = append(found, opened...)
	}
	for _, item := range unique(f.items) {
		naming, err := tx.NoticesNaming(item)
		if err != nil {
			return err
		}
		found = append(found, naming...)
	}
	for _, row := range found {
		f.places = append(f.places, row.ID)
	}
	return nil
}

// tells adds the items that the text of a report tells of.
func (f *things) tells(body []byte) error {
	r, err := report.Parse(body)
	if err != nil {
		return err
	}
	for _, file := range r.Control.Files {
		f.items = append(f.items, file.Item)
	}
	return nil
}
