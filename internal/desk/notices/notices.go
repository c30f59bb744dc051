// Package notices is the desk of voluntary notices, at both sides: the Centre,
// an authority or a hotline asks an addressee to remove known material, on a
// recorded ground and by a person's decision, and goes up the ladder when the
// addressee does not (COM(2022) 209 Articles 32 and 49); a provider considers
// what it is asked and answers.
//
// The rules are those of domain/order; this desk keeps its values, sends what
// people decide to send, and lets their clocks strike. A notice to somebody
// without a node is a document that a person sends and records as sent.
package notices

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of the desk; all but Lookout are required.
type Options struct {
	Ledger *ledger.Ledger
	Store  *store.Store
	Post   *peer.Post
	Law    *law.Library
	// Profile is the form of new notices, without its version, for example
	// "notices/voluntary": the latest version is taken, and each case keeps its own.
	Profile string
	// ContactPoint is what the notices name for questions.
	ContactPoint string
	// Lookout looks whether the material is gone. Nil means that people are asked
	// to look.
	Lookout *lookout.Lookout
}

// Desk sends voluntary notices and considers those that come in.
type Desk struct{ options Options }

// senders are the kinds of senders of the profile, by the kind of the node.
var senders = map[mandate.OrganisationKind]string{
	mandate.Centre: "centre", mandate.Authority: "coordinating-authority", mandate.Hotline: "hotline",
}

// New makes the desk and registers what it takes in, by the kind of the node.
func New(options Options) *Desk {
	d := &Desk{options}
	post := options.Post
	if options.Ledger.NodeKind() == mandate.Provider {
		post.OnEnvelope(mandate.EnvelopeNotice, peer.Handler{Action: mandate.VoluntaryReceive, Take: d.takeNotice})
		post.OnAmendment(mandate.EnvelopeNotice, d.takenBack)
		post.OnReceipt(mandate.EnvelopeNoticeAnswer, d.answerReceipted)
	}
	if _, sends := senders[options.Ledger.NodeKind()]; sends {
		post.OnReceipt(mandate.EnvelopeNotice, d.receipted)
		post.OnEnvelope(mandate.EnvelopeNoticeAnswer, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeAnswer})
	}
	return d
}

const (
	clockJob = "notice.clock"
	lookJob  = "notice.look"
)

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(clockJob, d.strike)
	runner.Handle(lookJob, d.look)
}

type clock struct {
	Notice string        `json:"notice"`
	Clock  order.ClockID `json:"clock,omitempty"`
}

func wake(tx *ledger.Tx, kind string, c clock, at time.Time) error {
	return job.Strike(tx.Tx, tx.Now, job.New{Kind: kind, Payload: c, Priority: job.PriorityUrgent}, c.Notice+"/"+string(c.Clock), at)
}

func (d *Desk) struck(ctx context.Context, running *job.Running, then func(tx *ledger.Tx, row store.NoticeRow, c clock) error) error {
	var c clock
	if err := running.Payload(&c); err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.VoluntaryEscalate, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: c.Notice}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Notice(c.Notice)
		if err != nil {
			return err
		}
		if err := then(tx, row, c); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// strike lets a clock of a notice strike.
func (d *Desk) strike(ctx context.Context, running *job.Running) error {
	return d.struck(ctx, running, func(tx *ledger.Tx, row store.NoticeRow, c clock) error {
		tx.Note("clock", c.Clock)
		return d.apply(tx, row, deed{event: order.Event{Kind: order.Strike, Clock: c.Clock}})
	})
}

// read is a value of domain/order as it is stored.
func read[T any](row store.NoticeRow) (value T, err error) {
	if err := json.Unmarshal(row.Body, &value); err != nil {
		return value, fmt.Errorf("reading notice %s: %w", row.ID, err)
	}
	return value, nil
}

// do is a person's decision about a notice. The policy hears who opened the
// case, for an organisation that wants another person to send.
func (d *Desk) do(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, change func(tx *ledger.Tx, row store.NoticeRow) error) error {
	act := ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	if action == mandate.VoluntarySend {
		act.Find = func(tx *store.Tx) (access.Resource, error) {
			row, err := tx.Notice(id)
			return access.Resource{ID: id, Author: row.Author}, err
		}
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Notice(id)
		if err != nil {
			return err
		}
		return change(tx, row)
	})
}

// decide applies an event that a person decided on.
func (d *Desk) decide(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, event order.Event) error {
	return d.do(ctx, actor, action, id, func(tx *ledger.Tx, row store.NoticeRow) error {
		return d.decided(tx, row, actor, deed{event: event})
	})
}

func (d *Desk) decided(tx *ledger.Tx, row store.NoticeRow, actor mandate.Actor, does deed) error {
	for field, text := range map[string]string{"reason": does.event.Reason, "proof": does.event.Receipt} {
		if err := problem.TooLong(field, text, problem.MaxReason); err != nil {
			return err
		}
	}
	does.event.Person, does.event.Decision = actor.ID, tx.EventID()
	return d.apply(tx, row, does)
}

// deed is an event with what travels because of it.
type deed struct {
	event order.Event
	// document is the notice that the event sends; its node is empty when a person
	// sends it.
	document store.NoticeDocument
}

// apply lets an event happen to a case, or to a notice that was received, and
// carries out what follows.
func (d *Desk) apply(tx *ledger.Tx, row store.NoticeRow, does deed) error {
	if row.Side == store.NoticeReceived {
		value, err := read[order.Consideration](row)
		if err != nil {
			return err
		}
		next, effects, err := value.Apply(does.event, tx.Now)
		if err != nil {
			return err
		}
		return d.follow(tx, row, next, does, effects)
	}
	value, err := read[order.NoticeCase](row)
	if err != nil {
		return err
	}
	next, effects, err := value.Apply(does.event, tx.Now)
	if err != nil {
		return err
	}
	return d.follow(tx, row, next, does, effects)
}

// follow stores the next value and carries out the effects.
func (d *Desk) follow(tx *ledger.Tx, row store.NoticeRow, value any, does deed, effects []order.Effect) error {
	if err := put(tx, &row, value); err != nil {
		return err
	}
	if err := tx.UpdateNotice(row); err != nil {
		return err
	}
	tx.Note("notice", row.ID)
	tx.Note("event", does.event.Kind)
	for _, effect := range effects {
		if err := d.one(tx, row, does, effect); err != nil {
			return err
		}
	}
	if does.event.Kind == order.Resolve {
		row.Version++
		return d.bar(tx, row)
	}
	return nil
}

// put writes a value into its row.
func put(tx *ledger.Tx, row *store.NoticeRow, value any) (err error) {
	var clocks []order.Running
	switch value := value.(type) {
	case order.NoticeCase:
		row.State, row.Rung, clocks = string(value.State), value.CurrentRung().Key, value.Clocks
	case order.Consideration:
		row.State, row.Rung, clocks = string(value.State), value.Notice.Rung, value.Clocks
	}
	row.Until, row.ChangedAt = time.Time{}, tx.Now
	for _, running := range clocks {
		if row.Until.IsZero() || running.Due.Before(row.Until) {
			row.Until = running.Due
		}
	}
	tx.Note("state", row.State)
	if row.Body, err = json.Marshal(value); err != nil {
		return fmt.Errorf("writing a notice: %w", err)
	}
	return nil
}

// one carries one effect out.
func (d *Desk) one(tx *ledger.Tx, row store.NoticeRow, does deed, effect order.Effect) error {
	switch effect.Kind {
	case order.SetClock:
		return wake(tx, clockJob, clock{row.ID, effect.Clock}, effect.At)
	case order.RaiseAlarm:
		return tx.Alarm(row.ID, effect.Reason)
	case order.AskPerson:
		return tx.Ask(row.ID, effect.Reason)
	case order.CarryOut:
		return tx.Ask(row.ID, "let the service remove the material or disable access to it, and record when it did")
	case order.ScheduleVerification:
		return wake(tx, lookJob, clock{Notice: row.ID}, effect.At)
	case order.Send:
		if row.Side == store.NoticeReceived {
			return d.reply(tx, row, effect)
		}
		if effect.Document == order.DocumentWithdrawal {
			return d.takeBack(tx, row, effect.Reason)
		}
		return d.send(tx, row, does.document)
	}
	return nil // a stopped clock strikes and changes nothing
}

// subjects are what holds and orders on the items could be about.
func subjects(items []store.NoticeItem) (all []string) {
	for _, item := range items {
		all = append(all, item.URL)
		if item.SHA256 != "" {
			all = append(all, item.SHA256)
		}
	}
	return all
}

// bar bars a case while a hold on what it names is in force, and frees it when
// none is any more.
func (d *Desk) bar(tx *ledger.Tx, row store.NoticeRow) error {
	items, err := tx.NoticeItems(row.ID)
	if err != nil {
		return err
	}
	check, err := tx.LookForHolds(tx.Now, subjects(items)...)
	if err != nil {
		return err
	}
	value, err := read[order.NoticeCase](row)
	if err != nil {
		return err
	}
	var last hold.Record
	for _, record := range check.Holds {
		if record.Kind == hold.NoNotice && record.Until().After(last.Until()) {
			last = record
		}
	}
	event := order.Event{Kind: order.Bar, Until: last.Until(), Reason: "a competent authority asked that no notice is sent"}
	switch due, barred := value.Clock(order.ClockBar); {
	case last.ID == "" && value.State != order.Barred, last.ID != "" && barred && due.Equal(last.Until()):
		return nil
	case last.ID == "":
		event = order.Event{Kind: order.Unbar, Reason: "no hold on the material is in force any more"}
	}
	err = d.apply(tx, row, deed{event: event})
	if problem.Is(err, problem.Conflict) {
		return nil // nothing can be sent in that state, with or without a bar
	}
	return err
}

// Held lets a hold that was recorded, extended or released bar the cases about
// its subject, or free them; the desk that keeps holds calls it in the
// transaction of that.
func (d *Desk) Held(tx *ledger.Tx, record hold.Record) error {
	if record.Kind != hold.NoNotice {
		return nil
	}
	rows, err := tx.NoticesOn(record.Subject)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := d.bar(tx, row); err != nil {
			return err
		}
	}
	return nil
}
