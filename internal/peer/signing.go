package peer

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/common-fate/httpsig/alg_ed25519"
	"github.com/common-fate/httpsig/contentdigest"
	"github.com/common-fate/httpsig/sigbase"
	"github.com/common-fate/httpsig/signature"
	"github.com/common-fate/httpsig/sigparams"
	"github.com/common-fate/httpsig/sigset"
)

// signatureTag tells this application's HTTP Message Signatures from others'.
const signatureTag = "brdo-envelope"

var covered = []string{"@method", "@target-uri", "content-type", "content-length", "content-digest"}

// signing signs requests as RFC 9421 says (section 3.1). The library's own
// transport knows no clock but the machine's; a node dates what it signs by the
// clock by which it checks what others sign.
type signing struct {
	keyID string
	key   crypto.Signer
	now   func() time.Time
	// next carries the signed request.
	next http.RoundTripper
}

// RoundTrip signs a copy of the request and sends it.
func (s *signing) RoundTrip(request *http.Request) (*http.Response, error) {
	signed := request.Clone(request.Context())
	if err := s.sign(signed); err != nil {
		if signed.Body != nil {
			_ = signed.Body.Close()
		}
		return nil, fmt.Errorf("signing a request: %w", err)
	}
	return s.next.RoundTrip(signed)
}

func (s *signing) sign(request *http.Request) error {
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return fmt.Errorf("reading randomness: %w", err)
	}
	parameters := sigparams.Params{
		KeyID: s.keyID, Tag: signatureTag, Alg: alg_ed25519.Ed25519Alg, Created: s.now(), CoveredComponents: covered,
		Nonce: base64.URLEncoding.EncodeToString(nonce),
	}
	base, err := sigbase.Derive(parameters, nil, request, contentdigest.SHA512)
	if err != nil {
		return fmt.Errorf("collecting what is signed: %w", err)
	}
	text, err := base.CanonicalString(parameters)
	if err != nil {
		return fmt.Errorf("writing what is signed: %w", err)
	}
	value, err := s.key.Sign(rand.Reader, []byte(text), crypto.Hash(0))
	if err != nil {
		return err
	}
	set := &sigset.Set{Messages: map[string]*signature.Message{}}
	set.Add(&signature.Message{Input: parameters, Signature: value})
	return set.Include(request)
}
