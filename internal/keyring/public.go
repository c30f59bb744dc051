package keyring

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// maxPublic caps a public document before it is parsed; one takes about 1 kB, and 1.4 kB more
// for each rotation.
const maxPublic = 24 << 10

// Public is what other organisations know of a node: the document that one
// operator hands to another, who puts it into the registry of peers after
// comparing the node id by another channel.
type Public struct {
	// NodeID is "node/" and the RFC 7638 thumbprint of the node's first signing
	// key, so it cannot be claimed by a node with another key. It stays when the
	// keys are rotated.
	NodeID string `json:"node_id"`
	// Name is the node's name in the form of a host name, which is also the
	// origin of its log's checkpoints.
	Name string `json:"name"`
	// Organisation says what the node's organisation is.
	Organisation mandate.OrganisationKind `json:"organisation"`
	// SigningKey verifies the node's envelopes: Ed25519 (RFC 8037), alg EdDSA.
	SigningKey jose.JSONWebKey `json:"signing_key"`
	// EncryptionKey encrypts to the node: P-256 (RFC 7518), alg ECDH-ES+A256KW.
	EncryptionKey jose.JSONWebKey `json:"encryption_key"`
	// LogVerifier verifies the node's log checkpoints: a verifier key as
	// defined by golang.org/x/mod/sumdb/note.
	LogVerifier string `json:"log_verifier"`
	// Rotations lead from the first signing key to SigningKey: compact JWS of
	// [Rotation], each signed by the key that it replaces.
	Rotations []string `json:"rotations,omitempty"`
	chain     []Rotation
}

// JSON returns the document as deterministic, indented JSON with a final line
// feed: the same node always gives the same bytes.
func (p Public) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the public document of a node: %w", err)
	}
	return append(text, '\n'), nil
}

// ParsePublic reads a public document and checks that its parts belong
// together: kinds of keys, thumbprints, node id and log name. That the document
// is the organisation's own must be checked by another channel.
func ParsePublic(text []byte) (Public, error) {
	const remedy = "ask the organisation for the document that its node prints"
	if len(text) > maxPublic {
		return Public{}, problem.InvalidField("public document", fmt.Sprintf("is larger than %d bytes", maxPublic), remedy)
	}
	var public Public
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&public); err != nil {
		return Public{}, problem.InvalidField("public document", "is not the JSON document of a node", remedy).Because(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Public{}, problem.InvalidField("public document", "has something after its end", remedy)
	}
	if err := CheckNodeName(public.Name); err != nil {
		return Public{}, err
	}
	if !slices.Contains(mandate.OrganisationKinds, public.Organisation) {
		return Public{}, problem.InvalidField("organisation", fmt.Sprintf("%q is no kind of organisation", public.Organisation), remedy)
	}
	if _, ok := public.SigningKey.Key.(ed25519.PublicKey); !ok {
		return Public{}, problem.InvalidField("signing_key", "is not an Ed25519 public key", remedy)
	}
	if key, ok := public.EncryptionKey.Key.(*ecdsa.PublicKey); !ok || key.Curve.Params().Name != "P-256" {
		return Public{}, problem.InvalidField("encryption_key", "is not a P-256 public key", remedy)
	}
	signing, err := publicJWK(public.SigningKey.Key, jose.EdDSA, "sig")
	if err != nil || !sameJWK(public.SigningKey, signing) {
		return Public{}, problem.InvalidField("signing_key", "key id, use or algorithm do not fit the key", remedy).Because(err)
	}
	encryption, err := publicJWK(public.EncryptionKey.Key, jose.ECDH_ES_A256KW, "enc")
	if err != nil || !sameJWK(public.EncryptionKey, encryption) {
		return Public{}, problem.InvalidField("encryption_key", "key id, use or algorithm do not fit the key", remedy).Because(err)
	}
	chain, last, sealing, err := checkChain(public.NodeID, public.Rotations)
	if err != nil {
		return Public{}, err
	}
	if "node/"+last != nodeID(signing) || len(chain) > 0 && sealing != encryption.KeyID {
		return Public{}, problem.InvalidField("node_id", "does not belong to the signing key", remedy)
	}
	verifier, err := note.NewVerifier(public.LogVerifier)
	if err != nil || verifier.Name() != public.Name {
		return Public{}, problem.InvalidField("log_verifier", "is not a verifier key with the node's name", remedy).Because(err)
	}
	return Public{
		NodeID: public.NodeID, Name: public.Name, Organisation: public.Organisation,
		SigningKey: signing, EncryptionKey: encryption, LogVerifier: public.LogVerifier, Rotations: public.Rotations, chain: chain,
	}, nil
}

// publicJWK makes a JWK whose key id is its thumbprint (RFC 7638, SHA-256).
func publicJWK[A ~string](key any, algorithm A, use string) (jose.JSONWebKey, error) {
	jwk := jose.JSONWebKey{Key: key, Algorithm: string(algorithm), Use: use}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("computing a key's thumbprint: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return jwk, nil
}

func sameJWK(a, b jose.JSONWebKey) bool {
	return a.KeyID == b.KeyID && a.Algorithm == b.Algorithm && a.Use == b.Use && len(a.Certificates) == 0 && a.CertificatesURL == nil
}

func nodeID(signing jose.JSONWebKey) string { return "node/" + signing.KeyID }

// CheckNodeName returns a problem unless name has the form of a host name in
// lower case: labels of a–z, 0–9 and inner hyphens, joined by dots, with at
// most 63 characters a label and 200 in all.
func CheckNodeName(name string) error {
	invalid := problem.InvalidField("name", "is not the name of a node", "use a host name in lower case, for example node.hotline.example")
	if len(name) == 0 || len(name) > 200 {
		return invalid
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return invalid
		}
		for _, char := range []byte(label) {
			if !isLetterOrDigit(char) && char != '-' {
				return invalid
			}
		}
	}
	return nil
}
