package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// The files of an identity. Private ones have mode 0600, the directory 0700.
const (
	// publicFile is the document of [Public].
	publicFile = "public.json"
	// checkpointFile is a signer key of golang.org/x/mod/sumdb/note.
	checkpointFile = "checkpoint.key"
	// signingFile and encryptionFile are PKCS #8 in PEM (RFC 5958, RFC 7468).
	signingFile    = "envelope-signing.pem"
	encryptionFile = "envelope-encryption.pem"
	// sessionFile and webhookFile hold 32 random bytes each.
	sessionFile = "session.secret"
	webhookFile = "webhook.secret"

	maxKeyFile   = 16 << 10
	secretLength = 32
)

// Identity is who a node is towards others: the keys with which it signs its
// log and its envelopes, the key for which envelopes are encrypted to it, and
// the secrets behind its sessions and webhooks. Private keys stay inside: they
// are used through methods and never print.
type Identity struct {
	redacted
	public Public
	secret concealed[*identitySecrets]
}

type identitySecrets struct {
	checkpoint note.Signer
	signing    ed25519.PrivateKey
	encryption *ecdsa.PrivateKey
	// retired are encryption keys that were replaced.
	retired []*ecdsa.PrivateKey
	session Secret
	webhook Secret
}

// CreateIdentity makes a new identity in directory, which must not exist; it is
// complete on disk when CreateIdentity returns, or not there at all. The name
// must satisfy [CheckNodeName].
func CreateIdentity(directory, name string, organisation mandate.OrganisationKind) (*Identity, error) {
	files, err := newIdentityFiles(name, organisation)
	if err != nil {
		return nil, fmt.Errorf("creating a node identity: %w", err)
	}
	if _, err := os.Lstat(directory); !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.Conflict, "the identity directory "+directory+" exists already",
			"choose another directory; an identity is never overwritten").Because(err)
	}
	if err := writeIdentity(directory, files); err != nil {
		return nil, fmt.Errorf("creating a node identity: %w", err)
	}
	return OpenIdentity(directory)
}

// writeIdentity writes all files into a draft beside the directory, which gets
// its name when they are on disk: whoever is killed before leaves a draft, which
// the next creation removes.
func writeIdentity(directory string, files map[string][]byte) (err error) {
	parent := filepath.Dir(directory)
	if err := removeDrafts(parent); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(parent, draftPrefix) // mode 0700
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	passed()
	for name, content := range files {
		file, err := os.OpenFile(filepath.Join(draft, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		passed()
		if err := fill(file, content); err != nil {
			return err
		}
	}
	if err := syncDirectory(draft); err != nil {
		return err
	}
	if err := os.Rename(draft, directory); err != nil {
		return err
	}
	passed()
	return syncDirectory(parent)
}

func newIdentityFiles(name string, organisation mandate.OrganisationKind) (map[string][]byte, error) {
	if err := CheckNodeName(name); err != nil {
		return nil, err
	}
	checkpoint, verifier, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("generating the checkpoint key: %w", err)
	}
	signingPublic, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the signing key: %w", err)
	}
	encryption, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the encryption key: %w", err)
	}
	public, err := newPublic(name, organisation, signingPublic, &encryption.PublicKey, verifier)
	if err != nil {
		return nil, err
	}
	document, err := public.JSON()
	if err != nil {
		return nil, err
	}
	if _, err := ParsePublic(document); err != nil {
		return nil, err
	}
	files := map[string][]byte{publicFile: document, checkpointFile: []byte(checkpoint + "\n")}
	for name, key := range map[string]any{signingFile: signing, encryptionFile: encryption} {
		encoded, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, err)
		}
		files[name] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	}
	for _, name := range []string{sessionFile, webhookFile} {
		files[name] = make([]byte, secretLength)
		_, _ = rand.Read(files[name]) // never fails: see crypto/rand.Read
	}
	return files, nil
}

func newPublic(name string, organisation mandate.OrganisationKind, signing ed25519.PublicKey, encryption *ecdsa.PublicKey, verifier string) (Public, error) {
	signingJWK, err := publicJWK(signing, jose.EdDSA, "sig")
	if err != nil {
		return Public{}, err
	}
	encryptionJWK, err := publicJWK(encryption, jose.ECDH_ES_A256KW, "enc")
	if err != nil {
		return Public{}, err
	}
	return Public{
		NodeID: nodeID(signingJWK), Name: name, Organisation: organisation,
		SigningKey: signingJWK, EncryptionKey: encryptionJWK, LogVerifier: verifier,
	}, nil
}

// OpenIdentity reads the identity in directory. It refuses a directory or key
// file that others can use, and keys that do not belong to the public document.
func OpenIdentity(directory string) (*Identity, error) {
	identity, err := openIdentity(directory)
	if err != nil {
		return nil, fmt.Errorf("opening the node identity: %w", err)
	}
	return identity, nil
}

func openIdentity(directory string) (*Identity, error) {
	info, err := os.Stat(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.NotFound, "there is no identity directory "+directory,
			"restore it from its safe place, or create a new node").Because(err)
	}
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); !info.IsDir() || mode&0o077 != 0 {
		return nil, problem.New(problem.Denied, fmt.Sprintf("the identity directory %s can be used by others (mode %04o)", directory, mode),
			"run: chmod 700 "+directory+"; if others may have read it, make a new identity")
	}
	if err := finishRotation(directory); err != nil {
		return nil, fmt.Errorf("finishing a rotation: %w", err)
	}
	files := map[string][]byte{}
	for _, name := range []string{publicFile, checkpointFile, signingFile, encryptionFile, sessionFile, webhookFile} {
		if files[name], err = readPrivateFile(filepath.Join(directory, name), maxKeyFile); err != nil {
			return nil, err
		}
	}
	identity, err := readIdentity(files)
	if err != nil {
		return nil, err
	}
	identity.secret().retired, err = readRetired(directory)
	return identity, err
}

// readIdentity never repeats a private file in an error.
func readIdentity(files map[string][]byte) (*Identity, error) {
	const remedy = "restore the whole identity directory from its safe place"
	public, err := ParsePublic(files[publicFile])
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", publicFile, err)
	}
	secrets := &identitySecrets{session: NewSecret(files[sessionFile]), webhook: NewSecret(files[webhookFile])}
	if len(files[sessionFile]) != secretLength || len(files[webhookFile]) != secretLength {
		return nil, problem.InvalidField(sessionFile+", "+webhookFile, fmt.Sprintf("must hold %d bytes each", secretLength), remedy)
	}
	var known bool
	if secrets.signing, known = readPKCS8(files[signingFile]).(ed25519.PrivateKey); !known {
		return nil, problem.InvalidField(signingFile, "does not hold an Ed25519 private key", remedy)
	}
	if secrets.encryption, known = readPKCS8(files[encryptionFile]).(*ecdsa.PrivateKey); !known {
		return nil, problem.InvalidField(encryptionFile, "does not hold a P-256 private key", remedy)
	}
	checkpoint := strings.TrimSpace(string(files[checkpointFile]))
	if secrets.checkpoint, err = note.NewSigner(checkpoint); err != nil {
		return nil, problem.InvalidField(checkpointFile, "does not hold a checkpoint signing key", remedy)
	}

	signingPublic, _ := secrets.signing.Public().(ed25519.PublicKey)
	if !signingPublic.Equal(public.SigningKey.Key) || !secrets.encryption.PublicKey.Equal(public.EncryptionKey.Key) ||
		!signsFor(secrets.checkpoint, public.LogVerifier) {
		return nil, problem.New(problem.Invalid, "the private keys do not belong to the public document", remedy)
	}
	return &Identity{public: public, secret: conceal(secrets)}, nil
}

func readPKCS8(text []byte) any {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	return key
}

// signsFor tries the signer against the verifier key.
func signsFor(signer note.Signer, verifierKey string) bool {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return false
	}
	probe := []byte("probe\n")
	signature, err := signer.Sign(probe)
	return err == nil && verifier.Verify(probe, signature)
}

// Public returns the document for the registries of other nodes.
func (i *Identity) Public() Public { return i.public }

// CheckpointSigner signs the checkpoints of the node's log.
func (i *Identity) CheckpointSigner() note.Signer { return i.secret().checkpoint }

// EnvelopeSigner makes a signer of JWS with alg EdDSA and this node's key id;
// options may be nil.
func (i *Identity) EnvelopeSigner(options *jose.SignerOptions) (jose.Signer, error) {
	key := jose.JSONWebKey{Key: i.secret().signing, KeyID: i.public.SigningKey.KeyID}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, options)
	if err != nil {
		return nil, fmt.Errorf("making the envelope signer: %w", err)
	}
	return signer, nil
}

// SigningKey signs with the envelope signing key where a standard signer is
// asked for, as in TLS client certificates and HTTP message signatures.
func (i *Identity) SigningKey() crypto.Signer { return signingKey{secret: i.secret} }

// DecryptEnvelope decrypts a JWE that was encrypted to this node's key, of today
// or of before a rotation, with alg ECDH-ES+A256KW.
func (i *Identity) DecryptEnvelope(encrypted *jose.JSONWebEncryption) ([]byte, error) {
	content, err := encrypted.Decrypt(i.secret().encryption)
	for _, key := range i.secret().retired {
		if err == nil {
			break
		}
		content, err = encrypted.Decrypt(key)
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "the envelope cannot be decrypted with this node's key",
			"encrypt it to the key in the node's current public document").Because(err)
	}
	return content, nil
}

// SessionSecret keys the session cookies: 32 random bytes.
func (i *Identity) SessionSecret() Secret { return i.secret().session }

// WebhookSecret is what webhook signing keys are derived from: 32 random bytes.
func (i *Identity) WebhookSecret() Secret { return i.secret().webhook }
