package keyring

import (
	"crypto"
	"io"
)

// signingKey is the envelope signing key as a crypto.Signer that does not print.
type signingKey struct {
	redacted
	secret concealed[*identitySecrets]
}

func (k signingKey) Public() crypto.PublicKey { return k.secret().signing.Public() }

func (k signingKey) Sign(random io.Reader, message []byte, options crypto.SignerOpts) ([]byte, error) {
	return k.secret().signing.Sign(random, message, options)
}
