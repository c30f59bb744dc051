// Package peer carries signed envelopes between the nodes of different
// organisations, stored and repeated until a signed receipt comes.
//
// An envelope names its recipients (an empty list is refused), is signed
// (JWS, RFC 7515, Ed25519) before it is encrypted to each recipient (JWE,
// RFC 7516, ECDH-ES on P-256), and binds the recipients inside the signed part,
// so that nobody can pass it on as if it had been addressed to a third party.
// On the wire each request carries an HTTP Message Signature (RFC 9421). The
// receiver answers with a receipt signed over the envelope's digest, and is
// idempotent: the same envelope gets the same receipt. docs/envelopes.md holds
// the format.
package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/text/language"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
)

// Node is the public description of an organisation's node: what others need
// to know to send to it and to check what it sends. Its NodeID is a thumbprint
// of its signing key, so nobody else can claim it.
type Node struct {
	keyring.Public
	// Title is the organisation's name in full.
	Title string
	// URL is where it receives envelopes, without a path.
	URL string
	// Country is where it stands, as two letters (ISO 3166-1 alpha-2): routing
	// needs it. It is empty in a description that was written before 1.1.
	Country string
	// Speaks is the version of the envelope format that it reads; empty is 1.0.
	Speaks string
}

// document is a Node in its written form.
type document struct {
	Node    json.RawMessage `json:"node"`
	Title   string          `json:"title"`
	URL     string          `json:"url"`
	Country string          `json:"country,omitempty"`
	Speaks  string          `json:"speaks,omitempty"`
}

// Document writes the public description, to be handed to another organisation.
func (n Node) Document() ([]byte, error) {
	public, err := n.Public.JSON()
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(document{public, n.Title, n.URL, n.Country, n.Speaks}, "", "  ")
}

// maxDocument is the largest public description, in bytes.
const maxDocument = 32 << 10

// ParseNode reads and checks a public description.
func ParseNode(text []byte) (Node, error) {
	const remedy = "ask the organisation for the description that its node prints"
	if len(text) > maxDocument {
		return Node{}, problem.InvalidField("peer", "the description is larger than 32 KiB", remedy)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return Node{}, problem.InvalidField("peer", "the description cannot be read", remedy).Because(err)
	}
	public, err := keyring.ParsePublic(d.Node)
	if err != nil {
		return Node{}, err
	}
	address, err := url.Parse(d.URL)
	if err != nil || address.Host == "" || (address.Scheme != "https" && address.Scheme != "http") {
		return Node{}, problem.InvalidField("peer.url", "it is not an http or https address", remedy)
	}
	if strings.TrimRight(d.URL, "/") != address.Scheme+"://"+address.Host {
		return Node{}, problem.InvalidField("peer.url", "it holds more than scheme, host and port", remedy)
	}
	if d.Country != "" && !IsCountry(d.Country) {
		return Node{}, problem.InvalidField("peer.country", "it is not a country's two letters (ISO 3166-1 alpha-2)", remedy)
	}
	if d.Speaks != "" && !speakable(d.Speaks) {
		return Node{}, problem.InvalidField("peer.speaks", "this node cannot exchange envelopes of that version", "update the older of the two nodes")
	}
	return Node{Public: public, Title: d.Title, URL: d.URL, Country: d.Country, Speaks: d.Speaks}, nil
}

// IsCountry says whether text is a country's code of two capital letters (ISO
// 3166-1 alpha-2).
func IsCountry(text string) bool {
	region, err := language.ParseRegion(text)
	return err == nil && len(text) == 2 && region.String() == text && region.IsCountry()
}

// answers says whether the node takes in what version 1.1 added: receipts that
// follow up, replay requests.
func (n Node) answers() bool { return n.Speaks != "" && n.Speaks != firstVersion }

func (n Node) signing() ed25519.PublicKey { return n.SigningKey.Key.(ed25519.PublicKey) }

// verify returns the content of what the node signed, and until when the key
// that it was signed with was in use; the zero time for the key of today.
func (n Node) verify(signed *jose.JSONWebSignature) (content []byte, until time.Time, err error) {
	if content, err = signed.Verify(n.signing()); err == nil {
		return content, time.Time{}, nil
	}
	for _, rotation := range n.Chain() {
		if content, old := signed.Verify(rotation.Previous.Key); old == nil && !rotation.Compromised {
			return content, rotation.At, nil
		}
	}
	return nil, time.Time{}, err
}

// tooLate says whether something of a time was signed after its key was replaced.
func tooLate(at, until time.Time) bool { return !until.IsZero() && at.After(until) }

func (n Node) encryption() *ecdsa.PublicKey { return n.EncryptionKey.Key.(*ecdsa.PublicKey) }

// Secrets are what a node signs and decrypts with; internal/keyring keeps them.
type Secrets interface {
	EnvelopeSigner(options *jose.SignerOptions) (jose.Signer, error)
	SigningKey() crypto.Signer
	DecryptEnvelope(encrypted *jose.JSONWebEncryption) ([]byte, error)
}

// Keys are a node's own description and secrets.
type Keys struct {
	Self    Node
	Secrets Secrets
}
