package translog

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Cosigner is a witness's key: another node that vouches for having seen a
// log's checkpoints grow without contradiction (C2SP tlog-cosignature, with
// Ed25519). A log cannot show different histories to different readers
// without its witnesses noticing.
type Cosigner struct {
	name    string
	keyHash uint32
	private ed25519.PrivateKey
}

// NewCosigner reads a private key as made by [GenerateKey]. The same key may
// sign a log of its own: cosignatures have another key hash and another text.
func NewCosigner(signerKey string) (*Cosigner, error) {
	signer, err := note.NewSigner(signerKey)
	if err != nil {
		// The key is a secret: it is not shown.
		return nil, fmt.Errorf("reading a witness's private key: %w", err)
	}
	// "PRIVATE+KEY+<name>+<hash>+<base64>": base64 may hold plus signs itself.
	parts := strings.SplitN(signerKey, "+", 5)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, fmt.Errorf("reading the private key of the witness %s: it is not an Ed25519 key", clip(signer.Name()))
	}
	private := ed25519.NewKeyFromSeed(raw[1:])
	public, err := note.NewEd25519VerifierKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("deriving the public key of the witness %s: %w", clip(signer.Name()), err)
	}
	verifier, err := WitnessVerifier(public)
	if err != nil {
		return nil, err
	}
	return &Cosigner{name: signer.Name(), keyHash: verifier.KeyHash(), private: private}, nil
}

// Cosign adds this witness's signature to a checkpoint, if it is one that an
// honest log can have: signed under trust, and shown by proof to begin with
// seen, the last checkpoint that this witness cosigned for the log (the zero
// Checkpoint if there was none, with an empty proof). The caller must store
// the new checkpoint as the last seen before it hands the result out, and must
// not let two calls for one log run at the same time: otherwise it could vouch
// for two histories.
//
// At is the witness's clock. The errors are [*CheckpointError] for a
// checkpoint that is not accepted, [*ArgumentError] for one that is older than
// seen and [*ProofError] for one that contradicts seen; the last, with both
// notes, is the evidence of a log that shows two histories.
func (c *Cosigner) Cosign(text []byte, trust Trust, seen Checkpoint, proof []Hash, at time.Time) ([]byte, error) {
	signed, err := Open(text, trust)
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	if seen.Size == 0 && seen.Root == (Hash{}) {
		seen.Root = EmptyRoot
	}
	if err := CheckConsistency(proof, signed.Size, signed.Root, seen.Size, seen.Root); err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	if at.Unix() < 0 {
		return nil, &ArgumentError{Name: "time", Value: at.Unix(), Reason: "a cosignature's time is not before 1970"}
	}
	opened, err := note.Open(text, note.VerifierList(trust.Log...))
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", openError(err))
	}
	cosigned, err := note.Sign(opened, &cosigning{Cosigner: c, at: uint64(at.Unix())})
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	return cosigned, nil
}

// cosigning is a note.Signer for one moment.
type cosigning struct {
	*Cosigner
	at uint64
}

func (c *cosigning) Name() string    { return c.name }
func (c *cosigning) KeyHash() uint32 { return c.keyHash }

// Sign returns time and signature as tlog-cosignature defines them: eight
// bytes of seconds since 1970, big endian, and the Ed25519 signature of
// "cosignature/v1", "time <seconds>" and the checkpoint's text.
func (c *cosigning) Sign(text []byte) ([]byte, error) {
	message := append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", c.at), text...)
	return append(binary.BigEndian.AppendUint64(nil, c.at), ed25519.Sign(c.private, message)...), nil
}
