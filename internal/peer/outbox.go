package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// deliverJob is the kind of the jobs that deliver envelopes.
const deliverJob = "envelope.deliver"

// deliverAttempts with the queue's pauses of up to an hour is about a month:
// after that a person looks. The envelope itself is never dropped.
const deliverAttempts = 720

// pursueAttempts is for corrections, recalls and erasures, which are pursued
// until they are receipted, however long that takes.
const pursueAttempts = math.MaxInt32

// Message is what a desk hands over to be sent.
type Message struct {
	Recipient string
	Kind      mandate.EnvelopeKind
	// Type and Schema name the message's form, for example
	// "eu.brdo.report.submitted.v1".
	Type, Schema string
	// Subject names the thing concerned, for example "report/…".
	Subject    string
	Purpose    mandate.Purpose
	LegalBasis string
	ReplyTo    string
	Priority   Priority
	Body       any
	// Items are the items (SHA-256 in hex) whose media the recipient may fetch.
	Items []string
	// Passes names the received envelope that this one passes on, so that what
	// corrects, recalls or erases that one follows it.
	Passes Origin
	// Pursued is tried until it is receipted, however long that takes.
	Pursued bool
	// refers names the envelope that this one corrects, recalls or erases.
	refers string
}

// Origin names a received envelope.
type Origin struct{ Source, ID string }

// Post sends envelopes and takes them in.
type Post struct {
	keys   Keys
	ledger *ledger.Ledger
	store  *store.Store
	client *http.Client
	// plain makes requests that are not signed, because what they ask for is public.
	plain    *http.Client
	receipts map[mandate.EnvelopeKind]ReceiptHandler
	inbound  map[mandate.EnvelopeKind]Handler
	amended  map[mandate.EnvelopeKind]AmendmentHandler
	clocks   Clocks
	nonces   *nonces
	// centre is the name of the node whose registry is followed; may be empty.
	centre string
}

// ReceiptHandler lets a desk react to what is said of what it sent, in the
// transaction that stores that: first to the receipt (received or rejected),
// later to each follow-up that is news (accepted, rejected, forwarded, closed).
// Follow-ups may overtake each other and the receipt: a status may be skipped,
// but none comes after a higher one.
type ReceiptHandler func(tx *ledger.Tx, sent store.EnvelopeOut, receipt Receipt) error

// New makes the post office of a node. The transport may be nil.
func New(keys Keys, l *ledger.Ledger, s *store.Store, transport http.RoundTripper) *Post {
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 16 // most of what a node sends goes to one Centre
		transport = own
	}
	signing := &signing{keyID: keys.Self.NodeID, key: keys.Secrets.SigningKey(), now: l.Now, next: transport}
	stay := func(*http.Request, []*http.Request) error { return errors.New("a node does not redirect") }
	p := &Post{
		keys: keys, ledger: l, store: s,
		client:   &http.Client{Transport: signing, Timeout: 30 * time.Second, CheckRedirect: stay},
		plain:    &http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: stay},
		receipts: map[mandate.EnvelopeKind]ReceiptHandler{},
		inbound:  map[mandate.EnvelopeKind]Handler{},
		amended:  map[mandate.EnvelopeKind]AmendmentHandler{},
		clocks:   DefaultClocks,
		nonces:   &nonces{seen: map[string]time.Time{}, now: l.Now},
	}
	p.OnEnvelope(mandate.EnvelopeReceipt, Handler{Action: mandate.EnvelopeReceive, Take: p.takeReceipt})
	for _, kind := range amendments {
		p.OnEnvelope(kind, Handler{Action: mandate.EnvelopeReceive, Take: p.takeAmendment})
	}
	return p
}

// Self is this node's public description.
func (p *Post) Self() Node { return p.keys.Self }

// OnReceipt registers who reacts to receipts of a kind of envelope.
func (p *Post) OnReceipt(kind mandate.EnvelopeKind, handler ReceiptHandler) {
	p.receipts[kind] = handler
}

// Send seals a message and enqueues its delivery in the caller's transaction.
// It returns the envelope's identifier.
//
// Errors: NotFound when the recipient is not in the registry; Invalid when none
// is named.
func (p *Post) Send(tx *ledger.Tx, m Message) (string, error) {
	if m.Recipient == "" {
		return "", errNoRecipient
	}
	to, err := p.node(tx.Tx, m.Recipient, tx.Now)
	if err != nil {
		return "", err
	}
	sequence, err := tx.NextSentSequence(to.NodeID)
	if err != nil {
		return "", err
	}
	if m.Priority == "" {
		m.Priority = Normal
	}
	if err := p.mayPassOn(tx, m); err != nil {
		return "", err
	}
	header := Header{
		ID: store.NewID(""), Kind: m.Kind, Type: m.Type, Schema: m.Schema, Time: tx.Now, Subject: m.Subject, Recipients: []string{to.NodeID},
		Purpose: m.Purpose, LegalBasis: m.LegalBasis, ReplyTo: m.ReplyTo, Priority: m.Priority, Sequence: sequence,
	}
	header.Checkpoint, err = checkpoint(tx.Tx)
	if err != nil {
		return "", err
	}
	body, err := Seal(p.keys, to, header, m.Body)
	if err != nil {
		return "", err
	}
	err = tx.InsertEnvelopeOut(store.EnvelopeOut{
		ID: header.ID, Recipient: to.NodeID, Kind: string(m.Kind), Subject: m.Subject, Sequence: sequence, Body: body, Digest: Digest(body), CreatedAt: tx.Now,
		Refers: m.refers, CauseSource: m.Passes.Source, CauseID: m.Passes.ID, Event: tx.EventID(),
	})
	if err != nil {
		return "", err
	}
	for _, item := range m.Items {
		if err := tx.InsertEnvelopeItem(header.ID, item); err != nil {
			return "", err
		}
	}
	attempts := deliverAttempts
	if m.refers != "" || m.Pursued {
		attempts = pursueAttempts
	}
	priority := job.PriorityNormal
	if m.Priority == Urgent {
		priority = job.PriorityUrgent
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: deliverJob, Payload: header.ID, UniqueKey: header.ID, Priority: priority, Attempts: attempts})
	return header.ID, err
}

func checkpoint(tx *store.Tx) (string, error) {
	latest, err := tx.LatestLogCheckpoint()
	if errors.Is(err, store.ErrEmptyLog) {
		return "", nil
	}
	return latest.Note, err
}

// node returns a registered node with which envelopes may be exchanged now.
//
// Errors: NotFound when it is not in the registry, Denied when its registration
// was revoked, Expired when it has ended or not begun.
func (p *Post) node(tx *store.Tx, id string, now time.Time) (Node, error) {
	row, err := tx.Peer(id)
	if err != nil {
		return Node{}, err
	}
	node, err := ParseNode(row.Document)
	if err != nil {
		return Node{}, err
	}
	return node, standing(row, now)
}

// standing says why nothing may be exchanged with a peer now; nil when it may.
func standing(row store.Peer, now time.Time) error {
	const remedy = "the organisation asks the Centre, whose registry says so"
	switch {
	case row.State == store.PeerRevoked:
		return &problem.Error{Kind: problem.Denied, Field: "registry.revoked", Reason: "the registration of this node was revoked on " +
			row.RevokedAt.Format(time.DateOnly) + ": " + row.RevokedBecause, Remedy: remedy}
	case now.Before(row.ValidFrom):
		return &problem.Error{Kind: problem.Expired, Field: "registry.valid_from", Reason: "the registration of this node begins on " +
			row.ValidFrom.Format(time.DateOnly), Remedy: remedy}
	case !row.ValidUntil.IsZero() && !now.Before(row.ValidUntil):
		return &problem.Error{Kind: problem.Expired, Field: "registry.valid_until", Reason: "the registration of this node ended on " +
			row.ValidUntil.Format(time.DateOnly), Remedy: remedy}
	}
	return nil
}

// Handle registers the post's jobs with the node's job runner.
func (p *Post) Handle(runner *job.Runner) {
	runner.Handle(deliverJob, p.deliver)
	runner.Handle(replayJob, p.replay)
	runner.Handle(reachJob, p.reachOut)
	runner.Handle(watchJob, p.watchJob)
	runner.Handle(registryJob, p.followJob)
	runner.Handle(witnessJob, p.watchLog)
	runner.Handle(announceJob, p.announceTo)
}

func (p *Post) deliver(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	sent, to, err := p.outgoing(ctx, id, running.Now())
	if err != nil {
		return err
	}
	if sent.State == store.EnvelopeAnswered {
		return nil
	}
	text, receipt, err := p.exchange(ctx, sent, to)
	if err != nil {
		return p.failed(ctx, sent, running.Now(), fmt.Errorf("delivering envelope %s to %s: %w", id, to.NodeID, err))
	}
	return p.answered(ctx, sent, to, text, receipt, running)
}

// outgoing reads an envelope and its recipient, and notes when nothing may be
// sent there. While the recipient is out of reach it returns what [job.Await] says.
func (p *Post) outgoing(ctx context.Context, id string, now time.Time) (sent store.EnvelopeOut, to Node, err error) {
	var wait error
	err = p.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if sent, err = tx.EnvelopeOut(id); err != nil {
			return err
		}
		row, err := tx.Peer(sent.Recipient)
		if err != nil {
			return err
		}
		wait = held(row, now)
		to, err = p.node(tx, sent.Recipient, p.ledger.Now())
		return err
	})
	if err != nil {
		return sent, to, p.failed(ctx, store.EnvelopeOut{ID: id}, now, fmt.Errorf("reading envelope %s: %w", id, err))
	}
	return sent, to, wait
}

// failed notes a failed attempt to deliver and returns its cause, or that the
// envelope waits for its recipient.
func (p *Post) failed(ctx context.Context, sent store.EnvelopeOut, now time.Time, cause error) error {
	wait := awaits(sent, cause, now)
	noted := p.store.WriteShared(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if wait != nil {
			if err := askWhether(tx, now, sent.Recipient); err != nil {
				return err
			}
		}
		return tx.FailEnvelopeOut(sent.ID, problem.From(cause).Reason)
	})
	return errors.Join(cause, wait, noted)
}

// deliveryAct is the node's own act of delivering an envelope.
func (p *Post) deliveryAct(sent store.EnvelopeOut) (ledger.Act, error) {
	envelope, err := Parse(sent.Body)
	if err != nil {
		return ledger.Act{}, job.Permanent(fmt.Errorf("reading envelope %s: %w", sent.ID, err))
	}
	return ledger.Act{
		Actor:  p.ledger.Itself(),
		Action: mandate.EnvelopeDeliver, Purpose: envelope.Purpose,
		Resource: access.Resource{ID: "envelope/" + sent.ID, Kind: mandate.EnvelopeKind(sent.Kind)},
	}, nil
}

// answered stores the receipt of an envelope and tells the desk. The job may be
// nil: a receipt can also come in a file.
func (p *Post) answered(ctx context.Context, sent store.EnvelopeOut, to Node, text string, receipt Receipt, running *job.Running) error {
	act, err := p.deliveryAct(sent)
	if err != nil {
		return err
	}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if running != nil {
			if err := running.Complete(tx.Tx); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.AnswerEnvelopeOut(sent.ID, text, tx.Now), tx.PeerReached(to.NodeID, tx.Now)); err != nil {
			return err
		}
		tx.Note("recipient", to.NodeID)
		tx.Note("subject", sent.Subject)
		tx.Note("status", receipt.Status)
		tx.Note("digest", sent.Digest)
		if err := keepCheckpoint(tx, to, receipt.Checkpoint); err != nil {
			return err
		}
		if err := p.sendAgain(tx, to, receipt.Missing, receipt.At); err != nil {
			return err
		}
		return p.progress(tx, sent, receipt, 0)
	})
}

// exchange sends one envelope and checks the receipt that comes back.
func (p *Post) exchange(ctx context.Context, sent store.EnvelopeOut, to Node) (string, Receipt, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(to.URL, "/")+Path, bytes.NewReader(sent.Body))
	if err != nil {
		return "", Receipt{}, fmt.Errorf("preparing the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Length", fmt.Sprint(len(sent.Body)))
	if envelope, err := Parse(sent.Body); err == nil && envelope.Priority == Urgent {
		request.Header.Set(door.PriorityHeader, door.UrgentPriority)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return "", Receipt{}, problem.New(problem.Unavailable, "the recipient cannot be reached", "it is tried again").Because(errors.Join(errUnreached, err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReceipt+1))
	if err != nil {
		return "", Receipt{}, problem.New(problem.Unavailable, "the recipient's answer broke off", "it is tried again").Because(errors.Join(errUnreached, err))
	}
	if response.StatusCode != http.StatusOK {
		var answer struct {
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(text, &answer)
		refused := problem.Newf(problem.Unavailable, "the recipient answered %d: %.200s", response.StatusCode, answer.Detail)
		if pause := askedToWait(response, p.ledger.Now()); pause > 0 {
			return "", Receipt{}, errors.Join(refused, job.Later(p.ledger.Now().Add(pause), "the recipient asked to come back later"))
		}
		if unreachable(response) {
			return "", Receipt{}, refused.Because(errUnreached)
		}
		return "", Receipt{}, refused
	}
	receipt, err := OpenReceipt(string(text), to, p.keys.Self.NodeID, sent.ID, sent.Digest)
	return string(text), receipt, err
}
