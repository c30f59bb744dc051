package translog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Key is a pair of Ed25519 keys in the text form of signed notes.
type Key struct {
	// Signer is the private key, "PRIVATE+KEY+<name>+<hash>+<base64>":
	// a secret, for [note.NewSigner] or [NewCosigner].
	Signer string
	// Verifier is the public key, "<name>+<hash>+<base64>": to be published.
	Verifier string
}

// GenerateKey makes a pair of keys. The name of a log's key is by custom the
// log's origin; a name has no spaces and no plus sign.
// It reads 32 bytes from random, which must be crypto/rand.Reader outside tests.
func GenerateKey(random io.Reader, name string) (Key, error) {
	if name == "" || !utf8.ValidString(name) || strings.ContainsRune(name, '+') || strings.IndexFunc(name, isSpaceOrControl) >= 0 {
		return Key{}, fmt.Errorf("generating a key: the name %q is empty or holds a space, a control character or a plus sign", clip(name))
	}
	signer, verifier, err := note.GenerateKey(random, name)
	if err != nil {
		return Key{}, fmt.Errorf("generating a key: %w", err)
	}
	return Key{Signer: signer, Verifier: verifier}, nil
}

func isSpaceOrControl(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// Sign returns the checkpoint as a signed note. At least one signer is needed.
func Sign(checkpoint Checkpoint, signers ...note.Signer) ([]byte, error) {
	text, err := checkpoint.Marshal()
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	if len(signers) == 0 {
		return nil, errors.New("signing a checkpoint: no signer was given")
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint of %d records: %w", checkpoint.Size, err)
	}
	return signed, nil
}

// Trust is what somebody who checks a log knows from elsewhere and relies on.
type Trust struct {
	// Origin is the log meant.
	Origin string
	// Log are the keys under which the log signs; several after a change of
	// key. One signature is enough, and none of them may be wrong.
	Log []note.Verifier
	// Witnesses are keys made by [WitnessVerifier] of those who cosign.
	Witnesses []note.Verifier
	// Quorum is how many different Witnesses must have cosigned a checkpoint.
	Quorum int
	// Known are checkpoints of this log learned elsewhere: from a witness, a
	// peer, an earlier export, a court file. An audit compares the log with
	// each, which is how a rewritten or shortened log is found even though its
	// keeper signs it.
	Known []Checkpoint
}

// NewTrust returns the trust in the log origin under the given public keys.
func NewTrust(origin string, logKeys ...string) (Trust, error) {
	trust := Trust{Origin: origin}
	for _, key := range logKeys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return Trust{}, fmt.Errorf("reading the log key %q: %w", clip(key), err)
		}
		trust.Log = append(trust.Log, verifier)
	}
	return trust, nil
}

// WithWitnesses returns t with the public keys of witnesses, of whom quorum
// must have cosigned each checkpoint.
func (t Trust) WithWitnesses(quorum int, witnessKeys ...string) (Trust, error) {
	witnesses := append([]note.Verifier(nil), t.Witnesses...)
	for _, key := range witnessKeys {
		verifier, err := WitnessVerifier(key)
		if err != nil {
			return Trust{}, err
		}
		witnesses = append(witnesses, verifier)
	}
	if quorum < 0 || quorum > len(witnesses) {
		return Trust{}, &ArgumentError{Name: "quorum", Value: int64(quorum), Reason: fmt.Sprintf("there are %d witnesses", len(witnesses))}
	}
	t.Witnesses, t.Quorum = witnesses, quorum
	return t, nil
}

// WitnessVerifier reads a witness's public key, as [Key] holds it, and returns
// the verifier of its timestamped cosignatures (C2SP tlog-cosignature).
func WitnessVerifier(key string) (note.Verifier, error) {
	verifier, err := cosignature.NewVerifierForCosignatureV1(key)
	if err != nil {
		return nil, fmt.Errorf("reading the witness key %q: %w", clip(key), err)
	}
	return verifier, nil
}

// Signed is a checkpoint whose signatures were verified.
type Signed struct {
	Checkpoint
	// LogKeys are the names of the trusted log keys that signed.
	LogKeys []string
	// Cosignatures are those of trusted witnesses.
	Cosignatures []Cosignature
	// Note is the signed note itself.
	Note []byte
}

// Cosignature says that a witness saw the checkpoint, consistent with all it
// had seen before, at a time.
type Cosignature struct {
	Witness string
	// At is the witness's clock, to the second, in UTC.
	At time.Time
}

// Open verifies a signed checkpoint against trust. The result is verified in
// every byte that has a meaning; signatures by unknown keys are passed over,
// as the signed-note format demands. It returns a [*CheckpointError].
func Open(text []byte, trust Trust) (Signed, error) {
	if len(text) > MaxNote {
		return Signed{}, malformed("the signed checkpoint has %d bytes; at most %d are allowed", len(text), MaxNote)
	}
	verifiers := append(append([]note.Verifier(nil), trust.Log...), trust.Witnesses...)
	opened, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return Signed{}, openError(err)
	}
	if err := checkSpelling(text, opened); err != nil {
		return Signed{}, err
	}
	checkpoint, err := ParseCheckpoint([]byte(opened.Text))
	if err != nil {
		return Signed{}, err
	}
	if checkpoint.Origin != trust.Origin {
		return Signed{}, &CheckpointError{Kind: WrongOrigin, Detail: fmt.Sprintf("it is of the log %q, not of %q", clip(checkpoint.Origin), trust.Origin)}
	}
	signed := Signed{Checkpoint: checkpoint, Note: bytes.Clone(text)}
	for _, signature := range opened.Sigs {
		if isOf(signature, trust.Log) {
			signed.LogKeys = append(signed.LogKeys, signature.Name)
			continue
		}
		at, err := cosignature.CoSigV1Timestamp(signature)
		if err != nil {
			return Signed{}, &CheckpointError{Kind: BadSignature, Detail: "the time of the cosignature by " + signature.Name + " cannot be read", cause: err}
		}
		signed.Cosignatures = append(signed.Cosignatures, Cosignature{Witness: signature.Name, At: at.UTC()})
	}
	if len(signed.LogKeys) == 0 {
		return Signed{}, &CheckpointError{Kind: UnknownKey, Detail: "witnesses have signed it, but no trusted key of the log"}
	}
	if len(signed.Cosignatures) < trust.Quorum {
		return Signed{}, &CheckpointError{Kind: TooFewWitnesses, Detail: fmt.Sprintf("%d trusted witnesses have cosigned it; %d are required", len(signed.Cosignatures), trust.Quorum)}
	}
	return signed, nil
}

func isOf(signature note.Signature, keys []note.Verifier) bool {
	for _, key := range keys {
		if key.Name() == signature.Name && key.KeyHash() == signature.Hash {
			return true
		}
	}
	return false
}

func openError(err error) *CheckpointError {
	var invalid *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &invalid):
		return &CheckpointError{Kind: BadSignature, Detail: "the signature by " + clip(invalid.Name) + " does not fit the text", cause: err}
	case errors.As(err, &unverified):
		names := make([]string, 0, len(unverified.Note.UnverifiedSigs))
		for _, signature := range unverified.Note.UnverifiedSigs {
			names = append(names, fmt.Sprintf("%s+%08x", signature.Name, signature.Hash))
		}
		return &CheckpointError{Kind: UnknownKey, Detail: "it is signed by " + clip(strings.Join(names, ", ")) + " only", cause: err}
	default:
		return &CheckpointError{Kind: Malformed, Detail: err.Error(), cause: err}
	}
}

// checkSpelling refuses signature lines that the note parser forgives: base64
// whose unused last bits are set, and second signatures by the same key, which
// it drops unread. Without it a byte could be changed unnoticed.
func checkSpelling(text []byte, opened *note.Note) error {
	signatures := append(append([]note.Signature(nil), opened.Sigs...), opened.UnverifiedSigs...)
	for _, signature := range signatures {
		raw, err := base64.StdEncoding.Strict().DecodeString(signature.Base64)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != signature.Base64 {
			return malformed("the signature by %s is not spelled in canonical base64", clip(signature.Name))
		}
	}
	if lines := bytes.Count(text[len(opened.Text)+1:], []byte("\n")); lines != len(signatures) {
		return malformed("it carries %d signatures of which %d are repeated", lines, lines-len(signatures))
	}
	return nil
}
