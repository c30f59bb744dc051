// Package routing is the desk by which a report finds those who act on it: the
// Centre assesses it and says whom it goes to; authorities claim, decline or
// give it back; who does not answer is passed over, and nobody lets go of a
// report before somebody else has said that they hold it.
//
// The rules are those of domain/referral; this desk keeps its values, sends what
// follows from them in the same transaction, and lets their clocks strike.
package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
)

// Options of the desk; all but Places are required.
type Options struct {
	Ledger *ledger.Ledger
	Post   *peer.Post
	Law    *law.Library
	// Rules is the profile that new matters begin under; each keeps its own.
	Rules law.Ref
	// Reportable is the mapping whose class "yes" an authority confirms.
	Reportable law.Ref
	// Scheme and Review are the profiles that new items begin under.
	Scheme law.Ref
	Review *law.Review
	// Places looks up which State an address is in; nil means nobody knows.
	Places Places
}

// Desk routes reports at the Centre and takes them in at an authority.
type Desk struct{ options Options }

// New makes the desk and registers what it takes in, by the kind of the node.
func New(options Options) *Desk {
	d := &Desk{options}
	post := options.Post
	take := func(handler func(*ledger.Tx, peer.Node, peer.Opened) (any, error)) peer.Handler {
		return peer.Handler{Action: mandate.EnvelopeReceive, Take: handler}
	}
	switch options.Ledger.NodeKind() {
	case mandate.Centre:
		post.OnReceipt(mandate.EnvelopeReport, d.acknowledged)
		post.OnEnvelope(mandate.EnvelopeClaim, take(d.takeAnswer))
		post.OnEnvelope(mandate.EnvelopeOutcome, take(d.takeAnswer))
		post.OnEnvelope(mandate.EnvelopeCoordination, take(d.takeAnswer))
		post.OnEnvelope(mandate.EnvelopeHold, take(d.takeHold))
		post.OnReceipt(mandate.EnvelopeHold, d.holdAnswered)
		post.OnAmendment(mandate.EnvelopeReport, d.takenBack)
		post.OnReceipt(mandate.EnvelopeOutcome, d.feedbackReceipted)
		post.OnReceipt(mandate.EnvelopeQuestion, d.questionReceipted)
		post.OnEnvelope(mandate.EnvelopeAnswer, take(d.takeReply))
		post.OnEnvelope(mandate.EnvelopeQuestion, take(d.takeAsk))
		post.OnAmendment(mandate.EnvelopeQuestion, d.takeAskBack)
	case mandate.Authority, mandate.Europol, mandate.Interpol:
		post.OnEnvelope(mandate.EnvelopeReport, peer.Handler{Action: mandate.ReportReceive, Take: d.takeOffer})
		post.OnAmendment(mandate.EnvelopeReport, d.takeCorrection)
		post.OnEnvelope(mandate.EnvelopeCoordination, take(d.takeCoordination))
		post.OnReceipt(mandate.EnvelopeClaim, d.receipted)
		post.OnReceipt(mandate.EnvelopeOutcome, d.receipted)
		post.OnReceipt(mandate.EnvelopeHold, d.holdAnswered)
		post.OnReceipt(mandate.EnvelopeQuestion, d.questionReceipted)
	case mandate.Eurojust:
		post.OnEnvelope(mandate.EnvelopeCoordination, take(d.takeCoordination))
	}
	return d
}

const (
	matterClock   = "report.clock"
	referralClock = "referral.clock"
)

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(matterClock, d.strikeMatter)
	runner.Handle(referralClock, d.strikeReferral)
	runner.Handle(questionClock, d.strikeQuestion)
}

func (d *Desk) rules(ref law.Ref) (*law.Routing, error) { return d.options.Law.Routing(ref) }

func wake(tx *ledger.Tx, kind, id string, at time.Time) error {
	return job.Strike(tx.Tx, tx.Now, job.New{Kind: kind, Payload: id, Priority: job.PriorityUrgent}, id, at)
}

// strike runs a clock's step in the transaction that completes its job.
func (d *Desk) strike(ctx context.Context, running *job.Running, step func(tx *ledger.Tx, id string) error) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	act := ledger.Act{Actor: d.options.Ledger.Itself(), Action: mandate.ReportEscalate, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := step(tx, id); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// read and written are values of domain/referral as they are stored.
func read[T any](what, id string, body []byte) (value T, err error) {
	if err := json.Unmarshal(body, &value); err != nil {
		return value, fmt.Errorf("reading %s %s: %w", what, id, err)
	}
	return value, nil
}

func written(what string, value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", what, err)
	}
	return body, nil
}

// Offer is the message by which a report is passed on.
type Offer struct {
	// Matter is the Centre's name of the report.
	Matter string `json:"matter"`
	// Reason says why this recipient gets it.
	Reason string `json:"reason,omitempty"`
	Urgent bool   `json:"urgent"`
	// Provider and ReceivedAt say from whom the Centre has it, and since when.
	Provider   string    `json:"provider"`
	ReceivedAt time.Time `json:"received_at"`
	// Evidence is what points to States, as the Centre saw it.
	Evidence json.RawMessage `json:"evidence,omitempty"`
	// Report holds the exact bytes that the provider signed and sent.
	Report json.RawMessage `json:"report"`
	// Additions are the answers to questions about it that had come by then.
	Additions []report.Addition `json:"additions,omitempty"`
}

// Answer is the message by which an authority claims, declines, gives back or
// finishes a report, or says who should lead.
type Answer struct {
	Matter string `json:"matter"`
	// Kind is a referral.EventKind of an authority's answer.
	Kind string `json:"kind"`
	// Turn numbers the authority's answers about the report.
	Turn    int    `json:"turn"`
	Reason  string `json:"reason,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Lead    string `json:"lead,omitempty"`
}

// Coordination is the message by which those who act on one report learn of one
// another.
type Coordination struct {
	Matter string   `json:"matter"`
	Act    []string `json:"act"`
	// Titles are what the nodes are called, because they may not know one another.
	Titles map[string]string `json:"titles,omitempty"`
	Lead   string            `json:"lead,omitempty"`
	// Turn numbers what the Centre tells about the report: the latest holds.
	Turn int `json:"turn"`
}
