package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/problem"
)

// maxHeader caps a header: one for a hybrid recipient takes about 1.7 kB.
const maxHeader = 64 << 10

// rewrapHeader makes a header for the same file key and another node key. The
// body that belongs to the old header belongs to the new one as well.
//
// The age library has no call that writes a header for a given file key, so
// this writes one as the specification says (https://c2sp.org/age, "Header"
// and "Header MAC"), and lets the library read it before it is returned.
func rewrapHeader(header []byte, from, to NodeKey) ([]byte, error) {
	fileKey, err := age.DecryptHeader(header, from)
	if err != nil {
		return nil, fmt.Errorf("unwrapping with node key %s: %w", from.ID(), err)
	}
	rewrapped, err := writeHeader(fileKey, to)
	if err != nil {
		return nil, fmt.Errorf("wrapping with node key %s: %w", to.ID(), err)
	}
	readBack, err := age.DecryptHeader(rewrapped, to)
	if err != nil {
		return nil, fmt.Errorf("reading the rewrapped header back: %w", err)
	}
	if !hmac.Equal(readBack, fileKey) {
		return nil, problem.New(problem.Internal, "a rewrapped header holds another key", "nothing was changed")
	}
	return rewrapped, nil
}

func writeHeader(fileKey []byte, to NodeKey) ([]byte, error) {
	stanzas, err := to.Wrap(fileKey)
	if err != nil {
		return nil, err
	}
	var header bytes.Buffer
	header.WriteString("age-encryption.org/v1\n")
	for _, stanza := range stanzas {
		writeStanza(&header, stanza)
	}
	header.WriteString("---")

	macKey, err := hkdf.Key(sha256.New, fileKey, nil, "header", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving the header's MAC key: %w", err)
	}
	mac := hmac.New(sha256.New, macKey)
	mac.Write(header.Bytes())
	header.WriteString(" " + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)) + "\n")
	return header.Bytes(), nil
}

// writeStanza writes the arguments on one line and the body in base64, in lines
// of 64 columns of which the last is shorter, if need be empty.
func writeStanza(header *bytes.Buffer, stanza *age.Stanza) {
	header.WriteString("-> " + stanza.Type)
	for _, argument := range stanza.Args {
		header.WriteString(" " + argument)
	}
	header.WriteByte('\n')
	body := base64.RawStdEncoding.EncodeToString(stanza.Body)
	for len(body) >= 64 {
		header.WriteString(body[:64] + "\n")
		body = body[64:]
	}
	header.WriteString(body + "\n")
}
