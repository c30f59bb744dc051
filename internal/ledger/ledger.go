// Package ledger is the one door to personal data.
//
// A desk says who wants to do what to which thing, for which purpose ([Act]),
// and gets a transaction only when the policy allows it. The change, the event
// in the tamper-evident log, the follow-up jobs and the outgoing envelopes are
// committed together or not at all: what happened is logged, what is logged
// happened, and what was acknowledged is never lost. Each call of [Ledger.Do]
// or [Ledger.Read] writes exactly one event, also when it was denied or failed.
//
// Source: Article 25 of Directive (EU) 2016/680 (logs of collection,
// alteration, consultation, disclosure, combination and erasure, with the
// reason, time and person).
package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of a Ledger. Store, Policy, Signer and Trust are required.
type Options struct {
	Store  *store.Store
	Policy *access.Policy
	// NodeKind is what the organisation that runs this node is.
	NodeKind mandate.OrganisationKind
	// Signer signs checkpoints under the key that Trust names.
	Signer note.Signer
	// Trust is the log's origin, for example "provider.example/log", and its
	// public keys, several after a change of key.
	Trust translog.Trust
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Ledger opens transactions on personal data. It is safe for concurrent use.
type Ledger struct {
	options Options
	wake    chan struct{}
}

// New makes a ledger on an open, migrated store.
func New(options Options) *Ledger {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Ledger{options: options, wake: make(chan struct{}, 1)}
}

// Now is the time by the node's clock, in UTC.
func (l *Ledger) Now() time.Time { return l.options.Now().UTC() }

// NodeKind is what the organisation that runs this node is.
func (l *Ledger) NodeKind() mandate.OrganisationKind { return l.options.NodeKind }

// Policy is the policy in force.
func (l *Ledger) Policy() *access.Policy { return l.options.Policy }

// Act is one intended processing operation.
type Act struct {
	Actor   mandate.Actor
	Action  mandate.Action
	Purpose mandate.Purpose
	// Resource is the thing concerned, as far as it is known beforehand.
	Resource access.Resource
	// Find completes the resource inside the transaction, for rules that need
	// to know, say, who decided first. It must only read.
	Find func(tx *store.Tx) (access.Resource, error)
	// Basis names the legal basis in force, and BasisActive says that it is.
	Basis       string
	BasisActive bool
}

// Tx is a transaction that will be logged: the rows of [store.Tx] and the
// details of its event.
type Tx struct {
	*store.Tx
	// Now is the time of the event.
	Now    time.Time
	detail map[string]any
	id     string
	found  access.Resource
}

// EventID names the event that this transaction will write. Decisions and
// envelopes refer to it.
func (tx *Tx) EventID() string { return tx.id }

// Note adds a detail to the event: identifiers, digests, numbers and closed
// words only, because the log can never be erased.
func (tx *Tx) Note(key string, value any) { tx.detail[key] = value }

// Concerns sets the thing that the event is about, when it became known only
// inside the transaction, for example the identifier of a new report.
func (tx *Tx) Concerns(id string) { tx.found.ID = id }

// Do checks the act against the policy and runs change in one transaction with
// its event. When change returns an error nothing of it is kept, but the
// attempt is logged as failed. change may run more than once (see
// [store.Store.Write]).
//
// Errors: problem.Denied when the policy refuses; what change returned;
// problem.Unavailable when nothing could be recorded.
func (l *Ledger) Do(ctx context.Context, act Act, change func(tx *Tx) error) error {
	attempt := l.begin(act)
	err := l.options.Store.Write(ctx, func(inner *store.Tx) error {
		tx, err := attempt.enter(inner)
		if err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		return attempt.record(inner, outcomeDone, nil)
	})
	return l.end(ctx, attempt, err)
}

// Read checks the act against the policy and runs consult on a snapshot that
// it cannot change. What it read may leave the caller only when Read returned
// nil, because only then the consultation is logged.
func (l *Ledger) Read(ctx context.Context, act Act, consult func(tx *Tx) error) error {
	attempt := l.begin(act)
	err := l.options.Store.Read(ctx, func(inner *store.Tx) error {
		tx, err := attempt.enter(inner)
		if err != nil {
			return err
		}
		return consult(tx)
	})
	if err == nil {
		err = l.options.Store.Write(ctx, func(inner *store.Tx) error { return attempt.record(inner, outcomeDone, nil) })
		if err == nil {
			l.Wake()
			return nil
		}
		return fmt.Errorf("logging %s: %w", act.Action.Name, err)
	}
	return l.end(ctx, attempt, err)
}

// end logs what did not happen, and wakes the sequencer.
func (l *Ledger) end(ctx context.Context, attempt *attempt, err error) error {
	defer l.Wake()
	if err == nil {
		return nil
	}
	result := outcomeFailed
	if attempt.denied {
		result = outcomeDenied
	}
	logged := l.options.Store.Write(context.WithoutCancel(ctx), func(inner *store.Tx) error {
		return attempt.record(inner, result, err)
	})
	if logged != nil {
		l.options.Log.ErrorContext(ctx, "an attempt could not be logged", "action", attempt.act.Action.Name, "error", logged)
	}
	return fmt.Errorf("%s: %w", attempt.act.Action.Name, err)
}

type outcome string

const (
	outcomeDone   outcome = "done"
	outcomeDenied outcome = "denied"
	outcomeFailed outcome = "failed"
)

// attempt is one call of Do or Read.
type attempt struct {
	ledger   *Ledger
	act      Act
	id       string
	now      time.Time
	tx       *Tx
	decision access.Decision
	denied   bool
}

func (l *Ledger) begin(act Act) *attempt {
	return &attempt{ledger: l, act: act, id: store.NewID("event"), now: l.Now()}
}

// enter opens the door, or does not.
func (a *attempt) enter(inner *store.Tx) (*Tx, error) {
	a.tx = &Tx{Tx: inner, Now: a.now, detail: map[string]any{}, id: a.id, found: a.act.Resource}
	a.denied = false
	if a.act.Find != nil {
		found, err := a.act.Find(inner)
		if err != nil {
			return nil, err
		}
		a.tx.found = found
	}
	a.decision = a.ledger.decide(a.act, a.tx.found)
	if err := a.decision.Problem(); err != nil {
		a.denied = true
		return nil, err
	}
	return a.tx, nil
}

// Event is one record of the log, as it is written. Its JSON form, in this
// order of fields, is what is hashed.
type Event struct {
	ID        string                   `json:"id"`
	At        time.Time                `json:"at"`
	Actor     string                   `json:"actor"`
	ActorKind mandate.ActorKind        `json:"actor_kind"`
	Roles     []mandate.Role           `json:"roles,omitempty"`
	Scopes    []mandate.Scope          `json:"scopes,omitempty"`
	Action    string                   `json:"action"`
	Operation mandate.Operation        `json:"operation"`
	Purpose   mandate.Purpose          `json:"purpose"`
	Basis     string                   `json:"legal_basis,omitempty"`
	Resource  string                   `json:"resource"`
	Kind      mandate.Resource         `json:"resource_kind"`
	Node      mandate.OrganisationKind `json:"node"`
	Outcome   string                   `json:"outcome"`
	Problem   problem.Kind             `json:"problem,omitempty"`
	Policy    string                   `json:"policy"`
	Rules     []string                 `json:"rules,omitempty"`
	Detail    map[string]any           `json:"detail,omitempty"`
}

func (a *attempt) record(inner *store.Tx, result outcome, cause error) error {
	event := Event{
		ID: a.id, At: a.now, Actor: a.act.Actor.ID, ActorKind: a.act.Actor.Kind, Roles: a.act.Actor.Roles, Scopes: a.act.Actor.Scopes,
		Action: a.act.Action.Name, Operation: a.act.Action.Operation, Purpose: purpose(a.act.Purpose), Basis: basis(a.act.Basis),
		Resource: Named(a.act.Resource.ID), Kind: a.act.Action.Resource, Node: a.ledger.options.NodeKind,
		Outcome: string(result), Policy: a.ledger.options.Policy.Version(), Rules: a.decision.Policies,
	}
	if a.tx != nil {
		event.Resource = Named(a.tx.found.ID)
		if result == outcomeDone {
			event.Detail = a.tx.detail
		}
	}
	if cause != nil {
		event.Problem = problem.From(cause).Kind
	}
	record, err := json.Marshal(event) // maps are written in the order of their keys
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	err = inner.InsertLogEvent(store.LogEvent{
		ID: event.ID, Record: record, At: event.At, Actor: event.Actor, Action: event.Action, Operation: string(event.Operation),
		Purpose: string(event.Purpose), Resource: event.Resource, Outcome: event.Outcome,
	})
	if err != nil {
		return err
	}
	for _, value := range event.Detail {
		if name, is := value.(string); is && followed.MatchString(name) && name != event.Resource {
			if err := inner.InsertLogMention(name, event.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// followed are the things of which people ask what was done about them: events
// that name one in their details are found by it.
var followed = regexp.MustCompile(`^(report|received|referral|order|notice|deconfliction|envelope)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// identifiers are the forms of what this node names: a thing with a UUID, an
// item by its SHA-256, a node by its thumbprint, and the things that there
// are one of.
var identifiers = regexp.MustCompile(`^(|log|node|registry|[a-z]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|(node|peer)/[A-Za-z0-9_-]{43})$`)

// Named is an identifier as the log keeps it. What somebody made up, for
// example as a part of an address, becomes a digest: the log is never erased,
// so nobody may write into it what they like.
func Named(id string) string {
	if identifiers.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("unrecognised/%x", sum[:16])
}

// purpose is one of the closed list; a peer may state anything, and is denied.
func purpose(stated mandate.Purpose) mandate.Purpose {
	if slices.Contains(mandate.Purposes, stated) {
		return stated
	}
	return mandate.Purpose(Named(string(stated)))
}

// basis is the name of a legal basis as the log keeps it; a peer may name
// anything.
func basis(name string) string {
	if _, err := law.ParseRef(name); err != nil {
		return Named(name)
	}
	return name
}

// ParseEvent reads a record of the log.
func ParseEvent(record []byte) (Event, error) {
	var event Event
	if err := json.Unmarshal(record, &event); err != nil {
		return Event{}, fmt.Errorf("reading an event: %w", err)
	}
	return event, nil
}

// Summary is the event's details in one line, in the order of their keys.
func (e Event) Summary() string {
	parts := make([]string, 0, len(e.Detail))
	for _, key := range slices.Sorted(maps.Keys(e.Detail)) {
		parts = append(parts, fmt.Sprintf("%s %v", key, e.Detail[key]))
	}
	return strings.Join(parts, ", ")
}

// Permits says whether the policy would let an act through that needs no Find,
// for a caller that must not begin expensive work for somebody who may not ask
// for it. It logs nothing: the act itself still has to go through the door.
func (l *Ledger) Permits(act Act) error { return l.decide(act, act.Resource).Problem() }

func (l *Ledger) decide(act Act, resource access.Resource) access.Decision {
	return l.options.Policy.Decide(access.Request{
		Actor: act.Actor, Action: act.Action, Purpose: act.Purpose, Resource: resource,
		NodeKind: l.options.NodeKind, LegalBasisActive: act.BasisActive,
	})
}

// Peek reads what the node itself has to know before an act, for example which
// of two actions it is. What it reads must not leave the node: the act that
// follows is what is judged and logged.
func (l *Ledger) Peek(ctx context.Context, look func(tx *store.Tx) error) error {
	return l.options.Store.Read(ctx, look)
}
