package peer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/problem"
)

// Receipt answers one envelope. It is signed over the envelope's digest.
type Receipt struct {
	Source string    `json:"source"`
	ID     string    `json:"id"`
	Digest string    `json:"digest"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Status Status    `json:"status"`
	// Reason and Field say why an envelope was rejected.
	Reason string `json:"reason,omitempty"`
	Field  string `json:"field,omitempty"`
	// Answer is what the receiver's desk has to say, for example the
	// completeness of a report and what it lacks.
	Answer json.RawMessage `json:"answer,omitempty"`
	// Missing are the numbers of the sender's envelopes that have not arrived,
	// as ranges: the sender sends them again.
	Missing []Range `json:"missing,omitempty"`
	// Downstream says in a follow-up how those fare to whom it was passed on.
	Downstream []Downstream `json:"downstream,omitempty"`
	// Checkpoint is the latest signed head of the receiver's log.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// maxReceipt is the largest receipt, in bytes.
const maxReceipt = 256 << 10

// SignReceipt returns a receipt as a compact JWS.
func SignReceipt(keys Keys, receipt Receipt) (string, error) {
	receipt.By = keys.Self.NodeID
	receipt.At = receipt.At.UTC().Truncate(time.Millisecond)
	content, err := json.Marshal(receipt)
	if err != nil {
		return "", fmt.Errorf("writing a receipt: %w", err)
	}
	signer, err := keys.Secrets.EnvelopeSigner((&jose.SignerOptions{}).WithType("brdo-receipt"))
	if err != nil {
		return "", fmt.Errorf("preparing to sign a receipt: %w", err)
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return "", fmt.Errorf("signing a receipt: %w", err)
	}
	return signed.CompactSerialize()
}

// OpenReceipt checks that a receipt was signed by the node it was expected
// from, for the envelope that was sent, and returns it.
func OpenReceipt(text string, from Node, source, id, digest string) (Receipt, error) {
	receipt, err := ReadReceipt(text, from)
	if err == nil && (receipt.Source != source || receipt.ID != id || receipt.Digest != digest) {
		return Receipt{}, problem.New(problem.Denied, "the receipt is for another envelope", "the envelope will be sent again")
	}
	return receipt, err
}

// ReadReceipt checks that a receipt was signed by a node, and returns it: for
// whoever has the receipt and not the envelope.
func ReadReceipt(text string, from Node) (Receipt, error) {
	var receipt Receipt
	if len(text) > maxReceipt {
		return receipt, problem.InvalidField("receipt", "it is larger than 256 KiB", "")
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return receipt, unreadable("receipt", err)
	}
	content, until, err := from.verify(signed)
	if err != nil {
		return receipt, problem.New(problem.Denied, "the receipt is not signed by the recipient", "check the peer's registered description").Because(err)
	}
	if err := json.Unmarshal(content, &receipt); err != nil {
		return Receipt{}, unreadable("receipt", err)
	}
	if tooLate(receipt.At, until) {
		return Receipt{}, problem.New(problem.Denied, "the receipt is signed with a key that was replaced before its time", "check the peer's registered description")
	}
	if receipt.By != from.NodeID {
		return Receipt{}, problem.New(problem.Denied, "the receipt names another node than the one that signed it", "check the peer's registered description")
	}
	if receipt.Status != Received && receipt.Status != Rejected {
		return Receipt{}, problem.InvalidField("receipt.status", "there is no such status", "")
	}
	return receipt, nil
}
