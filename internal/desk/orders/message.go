package orders

import (
	"encoding/json"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Kinds of statements that are signed apart from their envelope.
const (
	signedOrder         = "brdo-order"
	signedClarification = "brdo-order-clarification"
	signedAnswer        = "brdo-order-answer"
	signedReport        = "brdo-order-report"
)

// Kinds of documents that are kept beside an order.
const (
	DocumentRequest       = "request"
	DocumentOrder         = order.DocumentOrder
	DocumentClarification = order.DocumentClarification
	DocumentNonDisclosure = order.DocumentNonDisclosure
	DocumentReport        = order.DocumentReport
	DocumentNonExecution  = law.TemplateNonExecution
	DocumentExecution     = law.TemplateExecution
	DocumentUser          = law.TemplateUserInformation
)

// Message is what an authority says about an order, in an envelope of kind order
// or in a correction of one.
type Message struct {
	// Order is the authority's name of it.
	Order string `json:"order"`
	// Says is a document (order, clarification, non-disclosure) or what happened
	// (reopened, challenge, lift-suspension, annul, withdraw, told).
	Says string `json:"says"`
	// Signed holds the exact bytes of the document with the authority's signature
	// (JWS).
	Signed string `json:"signed,omitempty"`
	// Addressee is the node that the order binds, beside the order itself.
	Addressee string `json:"addressee,omitempty"`
	// Final: the order that comes with it cannot be challenged any more.
	Final bool `json:"final,omitempty"`
	// By is the court, Suspends that it suspended the order.
	By       string    `json:"by,omitempty"`
	Suspends bool      `json:"suspends,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// saysTold is word about an order that changes nothing by itself.
const saysTold = "told"

// Statement is what a person says about an order in a document for which no form
// is printed: the authority's clarification (Article 14(6)), the addressee's report
// on its measures (Article 18(6)).
type Statement struct {
	Order string `json:"order"`
	// Digest is the SHA-256 in hex of the exact bytes of the order.
	Digest string    `json:"digest"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

func checkStatement(text string) error {
	if text == "" {
		return problem.InvalidField("text", "it is missing", "say it in words")
	}
	return problem.TooLong("text", text, maxText)
}

// state writes and signs a statement about an order.
func (d *Desk) state(tx *ledger.Tx, row store.OrderRow, kind, signedAs, text string) (deed, error) {
	if err := checkStatement(text); err != nil {
		return deed{}, err
	}
	facts, err := factsOf(row)
	if err != nil {
		return deed{}, err
	}
	body, err := written(Statement{Order: row.Name, Digest: facts.Digest, Text: text, At: tx.Now})
	if err != nil {
		return deed{}, err
	}
	signed, err := d.options.Post.Sign(signedAs, body)
	return deed{event: order.Event{Digest: order.Digest(body)}, kind: kind, text: body, signed: signed}, err
}

// Reply is what the addressee says about an order, in an envelope of kind
// order-answer.
type Reply struct {
	Order string `json:"order"`
	// Says is a document (non-execution, execution, report) or what happened
	// (carried-out, reason-ended, restored, not-restored, seen-again,
	// ask-reassessment).
	Says string `json:"says"`
	// Signed holds the exact bytes of the document with the addressee's signature.
	Signed string `json:"signed,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Measure is what was done, where no form of that answer is printed.
	Measure string `json:"measure,omitempty"`
	// Place is where the material was seen again, and may be empty then, or what is
	// said to be blocked wrongly.
	Place string    `json:"place,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// Question asks another authority whether a removal would harm what it does; the
// same message carries the answer, and word of what followed.
type Question struct {
	Order string `json:"order"`
	// Says is asked, answered or told.
	Says string `json:"says"`
	// Places and SHA256 are what would be removed.
	Places []string `json:"places,omitempty"`
	SHA256 []string `json:"sha256,omitempty"`
	// Due is when the answer is awaited.
	Due time.Time `json:"due,omitzero"`
	// Objects asks to wait until a time.
	Objects bool      `json:"objects,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// Words of a [Question].
const (
	questionAsked    = "asked"
	questionAnswered = "answered"
)

func opened[T any](text json.RawMessage) (T, error) {
	return peer.ReadMessage[T](text, "docs/orders.md")
}

// method is how documents are signed.
const method = "Ed25519 (JWS, RFC 7515 and 8037)"

// signature names the key of a node.
func signature(node peer.Node) order.Signature {
	return order.Signature{KeyID: node.NodeID, Method: method}
}
