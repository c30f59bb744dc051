package peer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/common-fate/httpsig/alg_ed25519"
	"github.com/common-fate/httpsig/contentdigest"
	"github.com/common-fate/httpsig/signer"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// signatureTag tells this application's HTTP Message Signatures from others'.
const signatureTag = "brdo-envelope"

var covered = []string{"@method", "@target-uri", "content-type", "content-length", "content-digest"}

// deliverJob is the kind of the jobs that deliver envelopes.
const deliverJob = "envelope.deliver"

// deliverAttempts with the queue's pauses of up to an hour is about a month:
// after that a person looks. The envelope itself is never dropped.
const deliverAttempts = 720

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
}

// Post sends envelopes and takes them in.
type Post struct {
	keys     Keys
	ledger   *ledger.Ledger
	store    *store.Store
	client   *http.Client
	receipts map[mandate.EnvelopeKind]ReceiptHandler
	inbound  map[mandate.EnvelopeKind]Handler
}

// ReceiptHandler lets a desk react to the receipt of what it sent, in the
// transaction that stores the receipt.
type ReceiptHandler func(tx *ledger.Tx, sent store.EnvelopeOut, receipt Receipt) error

// New makes the post office of a node. The transport may be nil.
func New(keys Keys, l *ledger.Ledger, s *store.Store, transport http.RoundTripper) *Post {
	signing := &signer.Transport{
		KeyID: keys.Self.NodeID, Tag: signatureTag, CoveredComponents: covered,
		Alg: requestSigner{keys.Secrets.SigningKey()}, BaseTransport: transport,
	}
	return &Post{
		keys: keys, ledger: l, store: s,
		client: &http.Client{Transport: signing, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("a node does not redirect")
		}},
		receipts: map[mandate.EnvelopeKind]ReceiptHandler{},
		inbound:  map[mandate.EnvelopeKind]Handler{},
	}
}

// requestSigner signs requests with a key that it cannot see.
type requestSigner struct{ key crypto.Signer }

func (requestSigner) Type() string                          { return alg_ed25519.Ed25519Alg }
func (requestSigner) ContentDigest() contentdigest.Digester { return contentdigest.SHA512 }
func (s requestSigner) Sign(_ context.Context, base string) ([]byte, error) {
	return s.key.Sign(rand.Reader, []byte(base), crypto.Hash(0))
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
	to, err := p.node(tx.Tx, m.Recipient)
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
	})
	if err != nil {
		return "", err
	}
	priority := job.PriorityNormal
	if m.Priority == Urgent {
		priority = job.PriorityUrgent
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: deliverJob, Payload: header.ID, UniqueKey: header.ID, Priority: priority, Attempts: deliverAttempts})
	return header.ID, err
}

func checkpoint(tx *store.Tx) (string, error) {
	latest, err := tx.LatestLogCheckpoint()
	if errors.Is(err, store.ErrEmptyLog) {
		return "", nil
	}
	return latest.Note, err
}

func (p *Post) node(tx *store.Tx, id string) (Node, error) {
	row, err := tx.Peer(id)
	if err != nil {
		return Node{}, err
	}
	return ParseNode(row.Document)
}

// Handle registers the delivery with the node's job runner.
func (p *Post) Handle(runner *job.Runner) { runner.Handle(deliverJob, p.deliver) }

func (p *Post) deliver(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var sent store.EnvelopeOut
	var to Node
	err := p.store.Read(ctx, func(tx *store.Tx) (err error) {
		if sent, err = tx.EnvelopeOut(id); err != nil {
			return err
		}
		to, err = p.node(tx, sent.Recipient)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading envelope %s: %w", id, err)
	}
	if sent.State == store.EnvelopeAnswered {
		return nil
	}
	envelope, err := Parse(sent.Body)
	if err != nil {
		return job.Permanent(fmt.Errorf("reading envelope %s: %w", id, err))
	}
	text, receipt, err := p.exchange(ctx, sent, to)
	if err != nil {
		noted := p.store.WriteShared(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.FailEnvelopeOut(id, problem.From(err).Reason) })
		return errors.Join(fmt.Errorf("delivering envelope %s to %s: %w", id, to.NodeID, err), noted)
	}
	act := ledger.Act{
		Actor:  mandate.Actor{Kind: mandate.Node, ID: "node", Organisation: p.ledger.NodeKind()},
		Action: mandate.EnvelopeDeliver, Purpose: envelope.Purpose,
		Resource: access.Resource{ID: "envelope/" + id, Kind: mandate.EnvelopeKind(sent.Kind)},
	}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := running.Complete(tx.Tx); err != nil {
			return err
		}
		if err := tx.AnswerEnvelopeOut(id, text, tx.Now); err != nil {
			return err
		}
		tx.Note("recipient", to.NodeID)
		tx.Note("subject", sent.Subject)
		tx.Note("status", receipt.Status)
		tx.Note("digest", sent.Digest)
		if err := keepCheckpoint(tx, to, receipt.Checkpoint); err != nil {
			return err
		}
		if handler, found := p.receipts[mandate.EnvelopeKind(sent.Kind)]; found {
			return handler(tx, sent, receipt)
		}
		return nil
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
	response, err := p.client.Do(request)
	if err != nil {
		return "", Receipt{}, problem.New(problem.Unavailable, "the recipient cannot be reached", "it is tried again").Because(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReceipt+1))
	if err != nil {
		return "", Receipt{}, problem.New(problem.Unavailable, "the recipient's answer broke off", "it is tried again").Because(err)
	}
	if response.StatusCode != http.StatusOK {
		var answer struct {
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(text, &answer)
		return "", Receipt{}, problem.Newf(problem.Unavailable, "the recipient answered %d: %.200s", response.StatusCode, answer.Detail)
	}
	receipt, err := OpenReceipt(string(text), to, p.keys.Self.NodeID, sent.ID, sent.Digest)
	return string(text), receipt, err
}
