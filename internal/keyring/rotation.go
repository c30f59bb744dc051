package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/problem"
)

// Rotation replaces a node's envelope keys. It is signed by the signing key that
// it replaces, so a chain of them leads from the key that the node's id names to
// the key of today.
type Rotation struct {
	NodeID string `json:"node_id"`
	// Number counts the node's rotations from 1.
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	// Previous is the signing key that is replaced and that signs this.
	Previous      jose.JSONWebKey `json:"previous_key"`
	SigningKey    jose.JSONWebKey `json:"signing_key"`
	EncryptionKey jose.JSONWebKey `json:"encryption_key"`
	// Compromised says that the previous key may be in the hands of others: what
	// it signed is not believed any more, whatever time it bears.
	Compromised bool `json:"compromised,omitempty"`
}

const (
	// maxRotations bounds a chain. A node that has used it up makes a new identity.
	maxRotations = 12
	rotationType = "brdo-rotation"
	// pendingFile holds a rotation from the moment at which it is decided until
	// all key files are replaced; opening the identity finishes it.
	pendingFile = "rotation.pending"
	// retiredFolder keeps encryption keys that were replaced, because envelopes
	// that were sealed to them may still be on their way.
	retiredFolder = "retired"
)

// Chain returns the node's rotations, checked, the oldest first.
func (p Public) Chain() []Rotation { return slices.Clone(p.chain) }

// Extends says whether this document is of the same node as another, and goes on
// from its keys: the rotations of the other are the first of its own.
func (p Public) Extends(other Public) bool {
	return p.NodeID == other.NodeID && len(p.Rotations) >= len(other.Rotations) &&
		slices.Equal(p.Rotations[:len(other.Rotations)], other.Rotations)
}

// checkChain follows the rotations from the key that the node id names and
// returns them with the key ids of today.
func checkChain(id string, rotations []string) (chain []Rotation, signing, encryption string, err error) {
	const remedy = "ask the organisation for the document that its node prints"
	if len(rotations) > maxRotations {
		return nil, "", "", problem.InvalidField("rotations", fmt.Sprintf("are more than %d", maxRotations), remedy)
	}
	signing = strings.TrimPrefix(id, "node/")
	for i, text := range rotations {
		wrong := func(reason string) error {
			return problem.InvalidField(fmt.Sprintf("rotations[%d]", i), reason, remedy)
		}
		signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
		if err != nil {
			return nil, "", "", wrong("cannot be read")
		}
		var r Rotation
		if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &r); err != nil {
			return nil, "", "", wrong("cannot be read")
		}
		previous, okay := r.Previous.Key.(ed25519.PublicKey)
		next, fine := r.SigningKey.Key.(ed25519.PublicKey)
		sealing, good := r.EncryptionKey.Key.(*ecdsa.PublicKey)
		if !okay || !fine || !good || sealing.Curve != elliptic.P256() {
			return nil, "", "", wrong("holds a key of another kind")
		}
		if _, err := signed.Verify(previous); err != nil || signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != rotationType {
			return nil, "", "", wrong("is not signed by the key that it replaces")
		}
		before, err := publicJWK(previous, jose.EdDSA, "sig")
		if err != nil || before.KeyID != signing || r.NodeID != id || r.Number != i+1 {
			return nil, "", "", wrong("does not go on from the key before")
		}
		if i > 0 && !r.At.After(chain[i-1].At) {
			return nil, "", "", wrong("is not later than the one before")
		}
		after, err := publicJWK(next, jose.EdDSA, "sig")
		if err != nil {
			return nil, "", "", err
		}
		sealed, err := publicJWK(sealing, jose.ECDH_ES_A256KW, "enc")
		if err != nil {
			return nil, "", "", err
		}
		r.Previous, r.SigningKey, r.EncryptionKey = before, after, sealed
		chain, signing, encryption = append(chain, r), after.KeyID, sealed.KeyID
	}
	return chain, signing, encryption, nil
}

// pending is a rotation that is decided: all that replaces the old files.
type pending struct {
	Public     []byte `json:"public"`
	Signing    []byte `json:"signing"`
	Encryption []byte `json:"encryption"`
	// RetiredID and Retired are the encryption key that is replaced.
	RetiredID string `json:"retired_id"`
	Retired   []byte `json:"retired"`
}

// RotateKeys replaces the envelope keys of the identity in directory, signs the
// new ones with the old signing key, and keeps the old encryption key for what
// is on its way. The node id, the log's key and the secrets stay. The node must
// not run meanwhile: it would go on with the old keys. The rotation is made
// whole or not at all, also when the machine stops in between.
//
// Errors: Conflict when the chain is as long as it may be.
func RotateKeys(directory string, compromised bool, now time.Time) (*Identity, error) {
	old, err := OpenIdentity(directory)
	if err != nil {
		return nil, err
	}
	next, err := old.rotated(compromised, now)
	if err != nil {
		return nil, fmt.Errorf("rotating the keys: %w", err)
	}
	text, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("rotating the keys: %w", err)
	}
	if err := writeNewFile(filepath.Join(directory, pendingFile), text); err != nil {
		return nil, fmt.Errorf("rotating the keys: %w", err)
	}
	return OpenIdentity(directory)
}

func (i *Identity) rotated(compromised bool, now time.Time) (pending, error) {
	public := i.public
	if len(public.Rotations) >= maxRotations {
		return pending{}, problem.Newf(problem.Conflict, "the keys were rotated %d times already", maxRotations)
	}
	signingPublic, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return pending{}, err
	}
	encryption, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pending{}, err
	}
	r := Rotation{NodeID: public.NodeID, Number: len(public.Rotations) + 1, At: now.UTC().Truncate(time.Millisecond), Previous: public.SigningKey, Compromised: compromised}
	if r.SigningKey, err = publicJWK(signingPublic, jose.EdDSA, "sig"); err != nil {
		return pending{}, err
	}
	if r.EncryptionKey, err = publicJWK(&encryption.PublicKey, jose.ECDH_ES_A256KW, "enc"); err != nil {
		return pending{}, err
	}
	content, err := json.Marshal(r)
	if err != nil {
		return pending{}, err
	}
	signer, err := i.EnvelopeSigner((&jose.SignerOptions{}).WithType(rotationType))
	if err != nil {
		return pending{}, err
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return pending{}, err
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return pending{}, err
	}
	next := pending{RetiredID: public.EncryptionKey.KeyID}
	public.SigningKey, public.EncryptionKey = r.SigningKey, r.EncryptionKey
	public.Rotations = append(slices.Clone(public.Rotations), text)
	if next.Public, err = public.JSON(); err != nil {
		return pending{}, err
	}
	if _, err := ParsePublic(next.Public); err != nil {
		return pending{}, err
	}
	for into, key := range map[*[]byte]any{&next.Signing: signing, &next.Encryption: encryption, &next.Retired: i.secret().encryption} {
		encoded, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return pending{}, fmt.Errorf("encoding a key: %w", err)
		}
		*into = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	}
	return next, nil
}

// finishRotation replaces the files of a rotation that is decided. It may be
// repeated until it is done.
func finishRotation(directory string) error {
	path := filepath.Join(directory, pendingFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text, err := readPrivateFile(path, maxKeyFile*8)
	if err != nil {
		return err
	}
	var next pending
	if err := json.Unmarshal(text, &next); err != nil {
		// It was never whole, so nothing was replaced.
		return errors.Join(os.Remove(path), syncDirectory(directory))
	}
	if name, err := base64.RawURLEncoding.DecodeString(next.RetiredID); err != nil || len(name) != crypto.SHA256.Size() {
		return problem.InvalidField(pendingFile, "does not name the key that it replaces", "restore the whole identity directory from its safe place")
	}
	retired := filepath.Join(directory, retiredFolder)
	if err := os.MkdirAll(retired, 0o700); err != nil {
		return err
	}
	for _, file := range []struct {
		path    string
		content []byte
	}{
		{filepath.Join(retired, next.RetiredID+".pem"), next.Retired},
		{filepath.Join(directory, signingFile), next.Signing},
		{filepath.Join(directory, encryptionFile), next.Encryption},
		{filepath.Join(directory, publicFile), next.Public},
	} {
		if err := replaceFile(file.path, file.content); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(path), syncDirectory(directory))
}

// replaceFile writes a file anew; the old content is there until the new one is
// on disk.
func replaceFile(path string, content []byte) error {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNewFile(draft, content); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// readRetired reads the encryption keys that were replaced.
func readRetired(directory string) ([]*ecdsa.PrivateKey, error) {
	folder := filepath.Join(directory, retiredFolder)
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []*ecdsa.PrivateKey
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".pem" {
			continue
		}
		text, err := readPrivateFile(filepath.Join(folder, file.Name()), maxKeyFile)
		if err != nil {
			return nil, err
		}
		key, known := readPKCS8(text).(*ecdsa.PrivateKey)
		if !known {
			return nil, problem.InvalidField(retiredFolder+"/"+file.Name(), "does not hold a P-256 private key", "remove it, or restore the whole identity directory")
		}
		keys = append(keys, key)
	}
	return keys, nil
}
