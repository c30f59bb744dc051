package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/common-fate/httpsig/alg_ed25519"
	"github.com/common-fate/httpsig/sigparams"
	"github.com/common-fate/httpsig/sigset"
	"github.com/common-fate/httpsig/verifier"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Path is where a node receives envelopes.
const Path = "/peer/v1/envelopes"

// signatureAge is how old the signature of a request may be. Envelopes
// themselves may be older: they are stored and sent again.
const signatureAge = 5 * time.Minute

// Opened is an envelope that was decrypted and verified.
type Opened struct {
	Header
	Message json.RawMessage
}

// ReadMessage reads the message of an envelope, or what stands in it; see names
// the document that describes its form.
//
// Errors: Invalid, which rejects the envelope.
func ReadMessage[T any](text json.RawMessage, see string) (message T, err error) {
	if err := json.Unmarshal(text, &message); err != nil {
		return message, problem.InvalidField("message", "it cannot be read", "see "+see).Because(err)
	}
	return message, nil
}

// Handler is the desk that takes in a kind of envelope, in the transaction that
// stores the envelope and its receipt. What it answers goes into the receipt. A
// problem of kind Invalid rejects the envelope with that reason; any other
// error leaves it unanswered, so that the sender tries again.
type Handler struct {
	// Action is what taking in this kind of envelope is.
	Action mandate.Action
	Take   func(tx *ledger.Tx, from Node, opened Opened) (answer any, err error)
}

// OnEnvelope registers who takes in a kind of envelope.
func (p *Post) OnEnvelope(kind mandate.EnvelopeKind, handler Handler) { p.inbound[kind] = handler }

// Receive takes in an envelope from the node that authenticated itself as from
// and returns the signed receipt. The same envelope gets the same receipt.
func (p *Post) Receive(ctx context.Context, from Node, text []byte) (string, error) {
	envelope, err := Parse(text)
	if err != nil {
		return "", p.refuse(ctx, from, Envelope{}, err)
	}
	return p.take(ctx, from, envelope, text)
}

// take takes in an envelope that was read.
func (p *Post) take(ctx context.Context, from Node, envelope Envelope, text []byte) (string, error) {
	message, err := Open(p.keys, from, envelope, p.ledger.Now())
	if err != nil {
		return "", p.refuse(ctx, from, envelope, err)
	}
	handler, found := p.inbound[envelope.Kind]
	if !found {
		err := &problem.Error{Kind: problem.Invalid, Field: "envelope.kind", Reason: "this node does not take in envelopes of this kind", Remedy: "check the recipient's tasks"}
		return "", p.refuse(ctx, from, envelope, err)
	}
	receipt, err := p.answer(ctx, from, envelope, text, handler, func(tx *ledger.Tx) (any, error) {
		return handler.Take(tx, from, Opened{envelope.Header, message})
	}, nil)
	if problem.Is(err, problem.Invalid) {
		// Rejected with a receipt: the sender must know why, and stop sending.
		return p.answer(ctx, from, envelope, text, handler, nil, problem.From(err))
	}
	return receipt, err
}

func (p *Post) act(from Node, envelope Envelope, action mandate.Action) ledger.Act {
	purpose := envelope.Purpose
	if purpose == "" {
		purpose = mandate.PurposeReporting
	}
	return ledger.Act{
		Actor:  mandate.Actor{Kind: mandate.Peer, ID: "peer/" + strings.TrimPrefix(from.NodeID, "node/"), Organisation: from.Organisation},
		Action: action, Purpose: purpose, Basis: envelope.LegalBasis,
		Resource: access.Resource{ID: "envelope/" + envelope.ID, Kind: envelope.Kind},
	}
}

// refuse logs an envelope that cannot be answered by a receipt, alarms people, who alone can
// ask the sender what it wanted to say to whom, and returns the cause: the policy may deny an
// envelope whose kind could not even be read, but what the sender has to mend is the cause.
func (p *Post) refuse(ctx context.Context, from Node, envelope Envelope, cause error) error {
	_ = p.ledger.Do(ctx, p.act(from, envelope, mandate.EnvelopeReceive), func(*ledger.Tx) error { return cause })
	if !problem.Is(cause, problem.Invalid) && !problem.Is(cause, problem.Denied) {
		return cause
	}
	if err := p.alarm(ctx, from.NodeID, AlarmRefused, true); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

func (p *Post) answer(ctx context.Context, from Node, envelope Envelope, text []byte, handler Handler, take func(*ledger.Tx) (any, error), rejection *problem.Error) (string, error) {
	digest := Digest(text)
	var signed string
	action := handler.Action
	if take == nil {
		action = mandate.EnvelopeReceive
	}
	err := p.ledger.Do(ctx, p.act(from, envelope, action), func(tx *ledger.Tx) error {
		tx.Note("envelope", ledger.Named("envelope/"+envelope.ID))
		known, found, err := tx.EnvelopeIn(from.NodeID, envelope.ID)
		if err != nil {
			return err
		}
		if found {
			if known.Digest != digest {
				return &problem.Error{Kind: problem.Conflict, Field: "envelope.id", Reason: "another envelope with this id was received already", Remedy: "give every envelope its own id"}
			}
			tx.Note("repeated", true)
			signed = known.Receipt
			return nil
		}
		receipt := Receipt{Source: from.NodeID, ID: envelope.ID, Digest: digest, At: tx.Now, Status: Received}
		if rejection != nil {
			receipt.Status, receipt.Reason, receipt.Field = Rejected, rejection.Reason, rejection.Field
			tx.Note("rejected", true) // the receipt says why; it may quote what the sender wrote
		} else {
			answer, err := take(tx)
			if err != nil {
				return err
			}
			if passed, is := answer.(passedOn); is {
				answer, receipt.Downstream = passed.answer, passed.downstream
			}
			if receipt.Answer, err = json.Marshal(answer); err != nil {
				return fmt.Errorf("writing the answer: %w", err)
			}
		}
		if receipt.Missing, err = noteSequence(tx, from, envelope.Sequence); err != nil {
			return err
		}
		if err := errors.Join(keepCheckpoint(tx, from, envelope.Checkpoint), tx.PeerReached(from.NodeID, tx.Now)); err != nil {
			return err
		}
		if receipt.Checkpoint, err = checkpoint(tx.Tx); err != nil {
			return err
		}
		if signed, err = SignReceipt(p.keys, receipt); err != nil {
			return err
		}
		if len(signed) > maxReceipt {
			return problem.Newf(problem.Internal, "the receipt would be larger than %d bytes", maxReceipt)
		}
		row := store.EnvelopeIn{
			Source: from.NodeID, ID: envelope.ID, Kind: string(envelope.Kind), Subject: envelope.Subject, Sequence: envelope.Sequence,
			Body: text, Digest: digest, ReceivedAt: tx.Now, Receipt: signed,
			Status: string(receipt.Status), StatusReason: receipt.Reason, StatusAt: tx.Now,
		}
		if amends(envelope.Kind) {
			row.Refers = envelope.ReplyTo
		}
		return tx.InsertEnvelopeIn(row)
	})
	return signed, err
}

// keepCheckpoint makes this node a witness of another's log, which is asked later
// to prove that it only grew. A checkpoint that is not signed by that log is
// noted, not kept, and does not stop the envelope.
func keepCheckpoint(tx *ledger.Tx, of Node, text string) error {
	if text == "" || of.LogVerifier == "" {
		return nil
	}
	trust, err := translog.NewTrust(of.Name, of.LogVerifier)
	if err != nil {
		return fmt.Errorf("reading the log key of %s: %w", of.NodeID, err)
	}
	signed, err := translog.Open([]byte(text), trust)
	if err != nil {
		tx.Note("checkpoint_refused", of.NodeID)
		return nil
	}
	different, err := tx.PutPeerCheckpoint(of.NodeID, signed.Size, text, tx.Now)
	if err != nil {
		return err
	}
	if different > 1 {
		// Two signed histories of one log: the evidence is kept, and said.
		tx.Note("log_forked", of.NodeID)
	}
	return witness(tx, of.NodeID)
}

// Handler receives envelopes at [Path] behind HTTP Message Signatures. The
// answer is the receipt, or what problems writes for an error.
func (p *Post) Handler(problems func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, MaxEnvelope) // before the signature's digest reads it
		from, err := p.authenticate(w, r, p.nonces)
		var text []byte
		if err == nil {
			if text, err = io.ReadAll(r.Body); err != nil {
				err = problem.InvalidField("envelope", "it broke off", "send it again").Because(err)
			}
		}
		var envelope Envelope
		if err == nil {
			envelope, err = Parse(text)
		}
		// What cannot be read waits for its turn too: logging it is work.
		if full := door.Begin(r.Context(), err == nil && envelope.Priority == Urgent); full != nil {
			problems(w, r, full)
			return
		}
		if err != nil {
			problems(w, r, p.refuse(r.Context(), from, Envelope{}, err))
			return
		}
		receipt, err := p.take(r.Context(), from, envelope, text)
		if err != nil {
			problems(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/jose")
		_, _ = io.WriteString(w, receipt)
	})
}

// authenticate tells which registered node signed a request. With an error the
// node is the one that the log shall name.
func (p *Post) authenticate(w http.ResponseWriter, r *http.Request, nonces *nonces) (Node, error) {
	scheme := "http"
	if strings.HasPrefix(p.keys.Self.URL, "https:") {
		scheme = "https"
	}
	directory := &directory{post: p}
	once := &pendingNonce{}
	verify := verifier.Verifier{
		NonceStorage: once, KeyDirectory: directory, Tag: signatureTag, Scheme: scheme, Authority: r.Host,
		Validation: sigparams.ValidateOpts{
			BeforeDuration: signatureAge, AfterDuration: signatureAge, RequireNonce: true,
			RequiredCoveredComponents: map[string]bool{"@method": true, "@target-uri": true, "content-digest": true, "content-length": true},
		},
	}
	unknown := Node{Public: keyring.Public{NodeID: "unknown"}}
	if !strings.HasSuffix(strings.TrimRight(p.keys.Self.URL, "/"), "//"+r.Host) {
		return unknown, problem.New(problem.Denied, "the request names another host than this node's", "send to the address of the node's description")
	}
	verified, _, err := verify.Parse(w, r, p.ledger.Now())
	if err != nil {
		if directory.refused != nil {
			// Known, whoever it was that used its name: the log shall name it.
			unknown = directory.found
		}
		var known *problem.Error
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &known):
			return unknown, known
		case errors.As(err, &large):
			return unknown, problem.InvalidField("envelope", "it is larger than 8 MiB", "send references to media, not media").Because(err)
		}
		if off := clockOff(r, p.ledger.Now()); off != nil {
			return unknown, off.Because(err)
		}
		return unknown, notSigned.Because(err)
	}
	if nonces.repeated(once.nonce) {
		return unknown, notSigned.Because(errors.New("the nonce was used before"))
	}
	*r = *verified
	return directory.found, nil
}

var notSigned = problem.New(problem.Denied, "the request is not signed by a registered node within the last five minutes", "check the key, the clock (NTP) and that the request is not repeated")

// clockOff says that a request was refused because the clocks of the two nodes
// differ, and by how much; nil when that is not why. The time was not verified:
// it only decides what the sender is told.
func clockOff(r *http.Request, now time.Time) *problem.Error {
	set, err := sigset.Unmarshal(r)
	if err != nil {
		return nil
	}
	message, err := set.Find(signatureTag)
	if err != nil || message.Input.Created.IsZero() {
		return nil
	}
	ahead, direction := message.Input.Created.Sub(now), "after"
	if ahead.Abs() <= signatureAge {
		return nil
	}
	if ahead < 0 {
		direction = "before"
	}
	return &problem.Error{
		Kind: problem.Denied, Field: "signature-input.created", Reason: fmt.Sprintf("the request was signed %s %s this node's time", ahead.Abs().Round(time.Minute), direction),
		Remedy: "set the clock that is wrong (NTP); the envelope is kept by its sender and sent again",
	}
}

// pendingNonce holds a request's nonce until its signature was verified, so
// that nobody but a registered node can fill the memory of nonces.
type pendingNonce struct{ nonce string }

func (n *pendingNonce) Seen(_ context.Context, nonce string) (bool, error) {
	n.nonce = nonce
	return false, nil
}

// directory finds the registered key of a signature's key id.
type directory struct {
	post  *Post
	found Node
	// refused says why a node that is known is not listened to.
	refused error
}

func (d *directory) GetKey(ctx context.Context, id, _ string) (verifier.Algorithm, error) {
	err := d.post.store.Read(ctx, func(tx *store.Tx) (err error) { d.found, err = d.post.node(tx, id, d.post.ledger.Now()); return err })
	if problem.Is(err, problem.Denied) || problem.Is(err, problem.Expired) {
		d.refused = err
		return nil, err
	}
	if err != nil {
		return nil, problem.New(problem.Denied, "the sending node is not in this node's registry", "ask the organisation to register your node").Because(err)
	}
	return alg_ed25519.Ed25519{PublicKey: d.found.signing()}, nil
}

// nonces remembers the signatures of the last minutes, so that a request cannot
// be repeated. After a restart an old request may come again once; it then
// meets an envelope that is known already.
type nonces struct {
	mu   sync.Mutex
	seen map[string]time.Time
	now  func() time.Time
}

func (n *nonces) repeated(nonce string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for old, at := range n.seen {
		if now.Sub(at) > 3*signatureAge {
			delete(n.seen, old)
		}
	}
	_, repeated := n.seen[nonce]
	n.seen[nonce] = now
	return repeated
}
