package keyring

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/problem"
)

// NodeKey wraps and unwraps the 16-byte keys of items. It is an age recipient
// and identity in one. A key in a file is one implementation; a key management
// service, which wraps and unwraps remotely, can be another.
type NodeKey interface {
	// ID names the key without revealing it. Two keys never share an ID.
	ID() string
	// Wrap encrypts a file key into the stanzas of an age header.
	Wrap(fileKey []byte) ([]*age.Stanza, error)
	// Unwrap decrypts the file key from the stanzas of an age header. It
	// returns an error that wraps [age.ErrIncorrectIdentity] when none of
	// them was made by Wrap of this key.
	Unwrap(stanzas []*age.Stanza) ([]byte, error)
}

// maxNodeKeyFile caps a node key file before it is read; a hybrid identity with
// its comments takes about 200 bytes.
const maxNodeKeyFile = 64 << 10

// fileNodeKey is a node key that was read from a file.
type fileNodeKey struct {
	redacted
	id     string
	secret concealed[fileNodeSecret]
}

type fileNodeSecret struct {
	identity  age.Identity
	recipient age.Recipient
}

func (k fileNodeKey) ID() string { return k.id }

func (k fileNodeKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	return k.secret().recipient.Wrap(fileKey)
}

func (k fileNodeKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return k.secret().identity.Unwrap(stanzas)
}

// GenerateNodeKey makes a new node key and writes it to path, which must not
// exist, with mode 0600. The key is on disk when it returns.
//
// The file is an age identity file as age-keygen(1) writes it: lines of
// comments that begin with "#", and one line with the secret key. The key is of
// age's hybrid kind (ML-KEM-768 with X25519), which also withstands a future
// quantum computer.
func GenerateNodeKey(path string) (NodeKey, error) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("generating a node key: %w", err)
	}
	recipient := identity.Recipient().String()
	text := "# Brdo node key: wraps the keys of all items. Whoever has it and the key vault reads everything.\n" +
		"# key id: " + nodeKeyID(recipient) + "\n" + identity.String() + "\n"
	if err := writeNewFile(path, []byte(text)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, problem.New(problem.Conflict, "the node key file exists already",
				"choose another path; a node key is never overwritten").Because(err)
		}
		return nil, fmt.Errorf("writing the node key: %w", err)
	}
	return LoadNodeKey(path)
}

// LoadNodeKey reads a node key from an age identity file with exactly one
// native identity, hybrid or X25519 (see [GenerateNodeKey]). It refuses a file
// that anybody but its owner can read.
func LoadNodeKey(path string) (NodeKey, error) {
	text, err := readPrivateFile(path, maxNodeKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the node key: %w", err)
	}
	key, err := parseNodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the node key: %w", err)
	}
	return key, nil
}

// parseNodeKey never repeats its input in an error: a mistyped secret is one.
func parseNodeKey(text []byte) (NodeKey, error) {
	const remedy = "give an age identity file with one secret key line, as made by brdo or age-keygen"
	secrets := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			secrets++
		}
	}
	if lines.Err() != nil || secrets != 1 {
		return nil, problem.InvalidField("node key", "the file does not hold exactly one secret key", remedy)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || len(identities) != 1 {
		return nil, problem.InvalidField("node key", "the secret key line is not a valid age identity", remedy)
	}
	switch identity := identities[0].(type) {
	case *age.HybridIdentity:
		recipient := identity.Recipient()
		return fileNodeKey{id: nodeKeyID(recipient.String()), secret: conceal(fileNodeSecret{identity, recipient})}, nil
	case *age.X25519Identity:
		recipient := identity.Recipient()
		return fileNodeKey{id: nodeKeyID(recipient.String()), secret: conceal(fileNodeSecret{identity, recipient})}, nil
	}
	return nil, problem.InvalidField("node key", "the kind of identity is not supported", remedy)
}

// nodeKeyID names a key by a digest of its public half, which is too long to
// show (a hybrid recipient has about 2000 characters).
func nodeKeyID(recipient string) string {
	digest := sha256.Sum256([]byte("brdo node key\n" + recipient))
	return "nodekey/" + base64.RawURLEncoding.EncodeToString(digest[:16])
}
