package peer

import (
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
)

// maxStatement is the largest signed statement, in bytes.
const maxStatement = 4 << 20

// Sign signs the exact bytes of a document as this node (JWS in compact form,
// EdDSA), so that it can be shown and checked later without the envelope that
// it travelled in. kind is the type that the signature names, for example
// "brdo-order".
func (p *Post) Sign(kind string, content []byte) (string, error) {
	signer, err := p.keys.Secrets.EnvelopeSigner((&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		return "", fmt.Errorf("preparing to sign a document: %w", err)
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return "", fmt.Errorf("signing a document: %w", err)
	}
	return signed.CompactSerialize()
}

// OpenStatement returns the exact bytes of a document that this node signed
// with [Post.Sign] under that kind.
//
// Errors: Invalid when it is no such document or another signed it.
func (n Node) OpenStatement(kind, text string) ([]byte, error) {
	if len(text) > maxStatement {
		return nil, problem.InvalidField("signed", "it is larger than 4 MiB", "")
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, unreadable("signed", err)
	}
	if len(signed.Signatures) != 1 || signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != kind {
		return nil, problem.InvalidField("signed", "it is signed as something else", "sign it as "+kind)
	}
	content, _, err := n.verify(signed)
	if err != nil {
		return nil, problem.InvalidField("signed", "it is not signed by the node that sent it", "sign it with the node's own key").Because(err)
	}
	return content, nil
}

// Find returns a registered node with which envelopes may be exchanged now.
//
// Errors: NotFound when it is not registered, Denied when its registration was
// revoked, Expired when it has ended or not begun.
func (p *Post) Find(tx *ledger.Tx, id string) (Node, error) { return p.node(tx.Tx, id, tx.Now) }
