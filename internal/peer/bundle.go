package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	bundleType = "brdo-bundle"
	// MaxBundle is the largest bundle that is read, in bytes.
	MaxBundle = 64 << 20
	// maxBundled is the most of envelopes that goes into one bundle, in bytes. It
	// leaves room for their form in it.
	maxBundled = 32 << 20
	// maxBundleEntries is the most envelopes or receipts in one bundle.
	maxBundleEntries = 2000
)

// bundle carries envelopes and receipts between two nodes in a file, where there
// is no network. It is signed as a whole; what it carries is the same as on the
// wire and is checked in the same way.
type bundle struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
	// Envelopes are the exact bytes of each.
	Envelopes []string        `json:"envelopes,omitempty"`
	Receipts  []bundleReceipt `json:"receipts,omitempty"`
}

// bundleReceipt answers one envelope of a bundle, by its receipt or by why there
// is none.
type bundleReceipt struct {
	ID      string `json:"id"`
	Receipt string `json:"receipt,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// sign writes a bundle as a compact JWS.
func (p *Post) sign(b bundle) ([]byte, error) {
	b.From, b.At = p.keys.Self.NodeID, p.ledger.Now().Truncate(time.Millisecond)
	content, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("writing a bundle: %w", err)
	}
	text, err := signTyped(p.keys, bundleType, content)
	if err == nil && len(text) > MaxBundle {
		err = problem.Newf(problem.Internal, "the bundle would be larger than %d bytes", MaxBundle)
	}
	return []byte(text), err
}

// ReadBundle says from whom and to whom a bundle is, without checking its
// signature.
func ReadBundle(text []byte) (from, to string, err error) {
	b, err := parseBundle(text)
	return b.From, b.To, err
}

func parseBundle(text []byte) (b bundle, err error) {
	if len(text) > MaxBundle {
		return b, problem.InvalidField("bundle", "it is larger than 64 MiB", "export again; several files carry the rest")
	}
	signed, err := jose.ParseSignedCompact(string(text), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return b, unreadable("bundle", err)
	}
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &b); err != nil {
		return bundle{}, unreadable("bundle", err)
	}
	if len(b.Envelopes) > maxBundleEntries || len(b.Receipts) > maxBundleEntries {
		return bundle{}, problem.InvalidField("bundle", fmt.Sprintf("it holds more than %d envelopes or receipts", maxBundleEntries), "export again")
	}
	return b, nil
}

// Export writes the envelopes that wait for one recipient as a bundle, and
// returns it with how many it holds and how many are left for a further one.
// They go on waiting until their receipts come, by whatever way.
//
// Errors: NotFound when nothing waits; what [Post.Send] says of the recipient.
func (p *Post) Export(ctx context.Context, recipient string) (text []byte, count, left int, err error) {
	act := ledger.Act{
		Actor:  p.ledger.Itself(),
		Action: mandate.EnvelopeDeliver, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "bundle"},
	}
	err = p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if _, err := p.node(tx.Tx, recipient, tx.Now); err != nil {
			return err
		}
		waiting, err := tx.WaitingFor(recipient)
		if err != nil {
			return err
		}
		b := bundle{To: recipient}
		for size, after := 0, int64(0); len(b.Envelopes) < maxBundleEntries; {
			rows, err := tx.EnvelopesWaitingFor(recipient, after, 1) // one by one: each may be of 8 MiB
			if err != nil {
				return err
			}
			if len(rows) == 0 || size+len(rows[0].Body) > maxBundled {
				break
			}
			size, after = size+len(rows[0].Body), rows[0].Sequence
			b.Envelopes = append(b.Envelopes, string(rows[0].Body))
		}
		count, left = len(b.Envelopes), int(waiting.Count)-len(b.Envelopes)
		if count == 0 {
			return problem.New(problem.NotFound, "no envelope waits for this recipient", "there is nothing to carry")
		}
		if text, err = p.sign(b); err != nil {
			return err
		}
		tx.Note("recipient", recipient)
		tx.Note("envelopes", count)
		tx.Note("digest", Digest(text))
		return nil
	})
	return text, count, left, err
}

// Imported says what a bundle brought.
type Imported struct {
	From Node
	// Taken envelopes have a receipt in the reply; Refused ones have none, and say
	// why there.
	Taken, Refused int
	// Answered envelopes of this node got their receipts by the bundle; Known ones
	// had them already. Wrong ones are refusals, and receipts that are not for
	// what was sent: those envelopes go on waiting.
	Answered, Known, Wrong int
	// Reply is the bundle of receipts to carry back; empty when there is none.
	Reply []byte
}

// Import takes in a bundle: each envelope as if it had come over the network,
// each receipt as if it had been the answer. The same bundle again has no second
// effect and gives the same receipts.
//
// Errors: Denied when the bundle is not signed by a registered node, or is for
// another one.
func (p *Post) Import(ctx context.Context, text []byte) (Imported, error) {
	b, err := parseBundle(text)
	if err != nil {
		return Imported{}, err
	}
	var result Imported
	err = p.ledger.Peek(ctx, func(tx *store.Tx) (err error) { result.From, err = p.node(tx, b.From, p.ledger.Now()); return err })
	if err != nil {
		return result, p.refuse(ctx, result.From, Envelope{}, problem.New(problem.Denied, "the bundle is not from a node with which envelopes are exchanged now", "the operator looks into the registry").Because(err))
	}
	_, err = openTyped(string(text), bundleType, result.From, func([]byte) (time.Time, error) { return b.At, nil })
	if err == nil && b.To != p.keys.Self.NodeID {
		err = &problem.Error{Kind: problem.Denied, Field: "bundle.to", Reason: "the bundle is for another node", Remedy: "carry it to the node that it names"}
	}
	if err != nil {
		return result, p.refuse(ctx, result.From, Envelope{}, err)
	}
	reply := bundle{To: b.From}
	for _, envelope := range b.Envelopes {
		answer := bundleReceipt{ID: Digest([]byte(envelope))}
		if parsed, err := Parse([]byte(envelope)); err == nil {
			answer.ID = parsed.ID
		}
		if answer.Receipt, err = p.Receive(ctx, result.From, []byte(envelope)); err != nil {
			answer.Refused, result.Refused = problem.From(err).Reason, result.Refused+1
		} else {
			result.Taken++
		}
		reply.Receipts = append(reply.Receipts, answer)
	}
	for _, answer := range b.Receipts {
		if err := p.takeCarried(ctx, answer, &result); err != nil {
			return result, err
		}
	}
	if len(reply.Receipts) > 0 {
		result.Reply, err = p.sign(reply)
	}
	return result, err
}

func (p *Post) takeCarried(ctx context.Context, answer bundleReceipt, result *Imported) error {
	var sent store.EnvelopeOut
	err := p.ledger.Peek(ctx, func(tx *store.Tx) (err error) { sent, err = tx.EnvelopeOut(answer.ID); return err })
	if problem.Is(err, problem.NotFound) || err == nil && sent.Recipient != result.From.NodeID {
		result.Wrong++
		return nil
	}
	if err != nil {
		return err
	}
	if sent.State == store.EnvelopeAnswered {
		result.Known++
		return nil
	}
	if answer.Receipt == "" {
		refused := problem.New(problem.Unavailable, "the recipient refused: "+answer.Refused, "it goes on waiting")
		_ = p.failed(ctx, sent, p.ledger.Now(), refused) // it says what the person who carries the file sees too
		result.Wrong++
		return nil
	}
	receipt, err := OpenReceipt(answer.Receipt, result.From, p.keys.Self.NodeID, sent.ID, sent.Digest)
	if err != nil {
		result.Wrong++
		return nil
	}
	result.Answered++
	return p.answered(ctx, sent, result.From, answer.Receipt, receipt, nil)
}
