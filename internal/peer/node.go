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
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// Node is the public description of an organisation's node: what others need
// to know to send to it and to check what it sends.
type Node struct {
	// ID is the node's name in envelopes, for example "centre.example".
	ID   string
	Name string
	Kind mandate.OrganisationKind
	// URL is where it receives envelopes, without a path.
	URL string
	// Signing checks envelopes and receipts, Encryption seals what is sent to it.
	Signing    ed25519.PublicKey
	Encryption *ecdsa.PublicKey
	// LogOrigin and LogKey name its tamper-evident log.
	LogOrigin, LogKey string
}

// document is a Node in its written form.
type document struct {
	ID         string                   `json:"id"`
	Name       string                   `json:"name"`
	Kind       mandate.OrganisationKind `json:"kind"`
	URL        string                   `json:"url"`
	Signing    jose.JSONWebKey          `json:"signing_key"`
	Encryption jose.JSONWebKey          `json:"encryption_key"`
	LogOrigin  string                   `json:"log_origin"`
	LogKey     string                   `json:"log_key"`
}

// MarshalJSON writes the public description.
func (n Node) MarshalJSON() ([]byte, error) {
	return json.Marshal(document{
		ID: n.ID, Name: n.Name, Kind: n.Kind, URL: n.URL,
		Signing:    jose.JSONWebKey{Key: n.Signing, Use: "sig", Algorithm: string(jose.EdDSA)},
		Encryption: jose.JSONWebKey{Key: n.Encryption, Use: "enc", Algorithm: string(jose.ECDH_ES_A256KW)},
		LogOrigin:  n.LogOrigin, LogKey: n.LogKey,
	})
}

// maxDocument is the largest public description, in bytes.
const maxDocument = 16 << 10

// ParseNode reads and checks a public description.
func ParseNode(text []byte) (Node, error) {
	if len(text) > maxDocument {
		return Node{}, problem.InvalidField("peer", "the description is larger than 16 KiB", "ask the organisation for its node's description")
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return Node{}, problem.InvalidField("peer", "the description cannot be read", "ask the organisation for its node's description").Because(err)
	}
	node := Node{ID: d.ID, Name: d.Name, Kind: d.Kind, URL: d.URL, LogOrigin: d.LogOrigin, LogKey: d.LogKey}
	signing, signs := d.Signing.Key.(ed25519.PublicKey)
	encryption, encrypts := d.Encryption.Key.(*ecdsa.PublicKey)
	address, err := url.Parse(d.URL)
	switch {
	case d.ID == "" || len(d.ID) > 255:
		return Node{}, problem.InvalidField("peer.id", "it is empty or too long", "ask the organisation for its node's description")
	case !slices.Contains(mandate.OrganisationKinds, d.Kind):
		return Node{}, problem.InvalidField("peer.kind", "there is no such kind of organisation", "use provider, hotline, centre, authority or oversight")
	case !signs:
		return Node{}, problem.InvalidField("peer.signing_key", "it is not an Ed25519 public key", "ask the organisation for its node's description")
	case !encrypts || encryption.Curve.Params().Name != "P-256":
		return Node{}, problem.InvalidField("peer.encryption_key", "it is not a P-256 public key", "ask the organisation for its node's description")
	case err != nil || address.Host == "" || (address.Scheme != "https" && address.Scheme != "http"):
		return Node{}, problem.InvalidField("peer.url", "it is not an http or https address", "ask the organisation for its node's description")
	}
	node.Signing, node.Encryption = signing, encryption
	return node, nil
}

// Keys are a node's own secrets for envelopes.
type Keys struct {
	Self       Node
	Signing    ed25519.PrivateKey
	Decryption *ecdsa.PrivateKey
}

// Check refuses keys that do not belong together.
func (k Keys) Check() error {
	if !k.Self.Signing.Equal(k.Signing.Public()) || !k.Decryption.PublicKey.Equal(k.Self.Encryption) {
		return fmt.Errorf("the keys of node %s do not fit its public description", k.Self.ID)
	}
	return nil
}
