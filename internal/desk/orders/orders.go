// Package orders is the desk of orders to remove, block or delist, at both sides:
// an authority requests an order, asks others who act on the same matter, issues
// it by another person and follows it up; a provider evaluates it, executes it or
// says why not, answers in the forms of the law and informs the user. The Centre
// and other authorities keep copies.
//
// The rules are those of domain/order; this desk keeps its values, sends what
// follows from them in the same transaction, and lets their clocks strike.
package orders

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

// Options of the desk; all but Held and Lookout are required.
type Options struct {
	Ledger *ledger.Ledger
	Store  *store.Store
	Post   *peer.Post
	Law    *law.Library
	// Profiles are the forms of new orders by what they order, without their
	// version, for example "orders/removal": the latest version is taken, and each
	// order keeps its own.
	Profiles map[law.OrderKind]string
	// Self is what this node's answers say of who answers (Annexes V and VI).
	Self order.Provider
	// Centre finds the Centre's node among the peers.
	Centre func(tx *store.Tx) (string, error)
	// Held hears of each hold that was recorded or released, in the same
	// transaction, so that it bars what another desk would send; may be nil.
	Held func(tx *ledger.Tx, record hold.Record) error
	// Lookout looks whether the material of an executed order is gone. Nil means
	// that people are asked to look.
	Lookout *lookout.Lookout
}

// Desk issues orders at an authority and executes them at a provider.
type Desk struct{ options Options }

// New makes the desk and registers what it takes in, by the kind of the node.
func New(options Options) *Desk {
	d := &Desk{options}
	post := options.Post
	receive := peer.Handler{Action: mandate.OrderReceive, Take: taken(d.takeOrder)}
	answers := peer.Handler{Action: mandate.EnvelopeReceive, Take: taken(d.takeAnswer)}
	switch options.Ledger.NodeKind() {
	case mandate.Provider:
		post.OnEnvelope(mandate.EnvelopeOrder, receive)
		post.OnAmendment(mandate.EnvelopeOrder, d.takeCorrection)
		post.OnReceipt(mandate.EnvelopeOrderAnswer, d.answerReceipted)
	case mandate.Centre:
		post.OnEnvelope(mandate.EnvelopeOrder, receive)
		post.OnAmendment(mandate.EnvelopeOrder, d.takeCorrection)
		post.OnEnvelope(mandate.EnvelopeOrderAnswer, answers)
	case mandate.Authority:
		post.OnEnvelope(mandate.EnvelopeOrder, receive)
		post.OnAmendment(mandate.EnvelopeOrder, d.takeCorrection)
		post.OnReceipt(mandate.EnvelopeOrder, d.receipted)
		post.OnEnvelope(mandate.EnvelopeOrderAnswer, answers)
		post.OnEnvelope(mandate.EnvelopeDeconfliction, peer.Handler{Action: mandate.EnvelopeReceive, Take: taken(d.takeDeconfliction)})
	}
	return d
}

// taken turns a conflict with what is known here into a rejection: the sender
// has to know, and to stop sending.
func taken(take func(*ledger.Tx, peer.Node, peer.Opened) error) func(*ledger.Tx, peer.Node, peer.Opened) (any, error) {
	return func(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
		return nil, rejected(take(tx, from, opened))
	}
}

func rejected(err error) error {
	for _, kind := range []problem.Kind{problem.Conflict, problem.Denied, problem.Expired, problem.NotFound} {
		if problem.Is(err, kind) {
			p := problem.From(err)
			field := p.Field
			if field == "" {
				field = "message"
			}
			return problem.InvalidField(field, p.Reason, p.Remedy).Because(err)
		}
	}
	return err
}

const (
	clockJob = "order.clock"
	lookJob  = "order.look"
)

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(clockJob, d.strike)
	runner.Handle(lookJob, d.look)
}

type clock struct {
	Order string        `json:"order"`
	Clock order.ClockID `json:"clock,omitempty"`
}

func wake(tx *ledger.Tx, kind string, c clock, at time.Time) error {
	return job.Strike(tx.Tx, tx.Now, job.New{Kind: kind, Payload: c, Priority: job.PriorityUrgent}, c.Order+"/"+string(c.Clock), at)
}

func (d *Desk) struck(ctx context.Context, running *job.Running, then func(tx *ledger.Tx, row store.OrderRow, c clock) error) error {
	var c clock
	if err := running.Payload(&c); err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.OrderEscalate, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: c.Order}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Order(c.Order)
		if err != nil {
			return err
		}
		if err := then(tx, row, c); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// strike lets a clock of an order strike.
func (d *Desk) strike(ctx context.Context, running *job.Running) error {
	return d.struck(ctx, running, func(tx *ledger.Tx, row store.OrderRow, c clock) error {
		tx.Note("clock", c.Clock)
		return d.apply(tx, row, deed{event: order.Event{Kind: order.Strike, Clock: c.Clock}})
	})
}

// read and written are values of domain/order as they are stored.
func read[T any](row store.OrderRow) (value T, err error) {
	if err := json.Unmarshal(row.Body, &value); err != nil {
		return value, fmt.Errorf("reading order %s: %w", row.ID, err)
	}
	return value, nil
}

func written(value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing an order: %w", err)
	}
	return body, nil
}

// do is a person's decision about an order. The policy hears who requested it
// where it asks for another person.
func (d *Desk) do(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, change func(tx *ledger.Tx, row store.OrderRow) error) error {
	act := ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	if action == mandate.OrderIssue {
		act.Find = func(tx *store.Tx) (access.Resource, error) {
			row, err := tx.Order(id)
			return access.Resource{ID: id, Author: row.Author}, err
		}
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Order(id)
		if err != nil {
			return err
		}
		return change(tx, row)
	})
}

// decide applies an event that a person decided on.
func (d *Desk) decide(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, event order.Event) error {
	return d.do(ctx, actor, action, id, func(tx *ledger.Tx, row store.OrderRow) error {
		return d.decided(tx, row, actor, deed{event: event})
	})
}

func (d *Desk) decided(tx *ledger.Tx, row store.OrderRow, actor mandate.Actor, does deed) error {
	if err := problem.TooLong("reason", does.event.Reason, problem.MaxReason); err != nil {
		return err
	}
	does.event.Person, does.event.Decision = actor.ID, tx.EventID()
	return d.apply(tx, row, does)
}
