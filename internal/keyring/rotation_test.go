package keyring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

var rotatedAt = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func newRotating(t *testing.T) (string, *Identity) {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "identity")
	identity, err := CreateIdentity(directory, "node.provider.example", mandate.Provider)
	if err != nil {
		t.Fatal(err)
	}
	return directory, identity
}

func sealedTo(t *testing.T, public Public) *jose.JSONWebEncryption {
	t.Helper()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: public.EncryptionKey.Key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypter.Encrypt([]byte("message 17"))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestRotation: the id stays, the chain leads to the new key, and what was sealed
// to any earlier key still opens.
func TestRotation(t *testing.T) {
	directory, first := newRotating(t)
	waiting := []*jose.JSONWebEncryption{sealedTo(t, first.Public())}
	before := first.Public()
	for number := 1; number <= maxRotations; number++ {
		now, err := RotateKeys(directory, number == 2, rotatedAt.Add(time.Duration(number)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		public := now.Public()
		if public.NodeID != first.Public().NodeID || public.LogVerifier != before.LogVerifier || public.SigningKey.KeyID == before.SigningKey.KeyID || public.EncryptionKey.KeyID == before.EncryptionKey.KeyID {
			t.Fatalf("rotation %d: %+v", number, public)
		}
		if !public.Extends(before) || before.Extends(public) || len(public.Chain()) != number || public.Chain()[number-1].Compromised != (number == 2) {
			t.Errorf("rotation %d: the chain is %+v", number, public.Chain())
		}
		waiting = append(waiting, sealedTo(t, public))
		for i, sealed := range waiting {
			if text, err := now.DecryptEnvelope(sealed); err != nil || string(text) != "message 17" {
				t.Errorf("after rotation %d, sealed after %d: %v", number, i, err)
			}
		}
		before = public
	}
	if _, err := RotateKeys(directory, false, rotatedAt.AddDate(1, 0, 0)); !problem.Is(err, problem.Conflict) {
		t.Errorf("one more: %v", err)
	}
	text, err := before.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParsePublic(text); err != nil || len(back.Chain()) != maxRotations {
		t.Errorf("%v", err)
	}
}

// TestARotationThatWasInterrupted: wherever the machine stops, the next start has
// either the old keys or the new ones.
func TestARotationThatWasInterrupted(t *testing.T) {
	directory, first := newRotating(t)
	next, err := first.rotated(false, rotatedAt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, pendingFile)
	if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := OpenIdentity(directory)
	if err != nil || len(again.Public().Rotations) != 0 {
		t.Fatalf("half a decision: %v", err)
	}
	for done := range 5 { // how many files were replaced before it stopped
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for i, file := range []struct {
			name    string
			content []byte
		}{{signingFile, next.Signing}, {encryptionFile, next.Encryption}, {publicFile, next.Public}, {signingFile + ".new", []byte("half")}} {
			if i < done {
				if err := os.WriteFile(filepath.Join(directory, file.name), file.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		again, err := OpenIdentity(directory)
		if err != nil || len(again.Public().Rotations) != 1 {
			t.Fatalf("after %d files: %v", done, err)
		}
		if _, err := again.DecryptEnvelope(sealedTo(t, first.Public())); err != nil {
			t.Errorf("after %d files the old key is lost: %v", done, err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the decision stays: %v", err)
		}
	}
}

// TestForgedRotations: nobody but the holder of the replaced key goes on from it.
func TestForgedRotations(t *testing.T) {
	directory, first := newRotating(t)
	_, thief := newRotating(t)
	if _, err := RotateKeys(directory, false, rotatedAt); err != nil {
		t.Fatal(err)
	}
	second, err := RotateKeys(directory, false, rotatedAt.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	good := second.Public()
	sign := func(by *Identity, kind string, change func(*Rotation)) string {
		t.Helper()
		r := Rotation{NodeID: good.NodeID, Number: 3, At: rotatedAt.Add(2 * time.Hour), Previous: good.SigningKey, SigningKey: thief.Public().SigningKey, EncryptionKey: thief.Public().EncryptionKey}
		change(&r)
		content, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := by.EnvelopeSigner((&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(content)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	same := func(*Rotation) {}
	parse := func(rotations ...string) error {
		public := good
		public.Rotations = rotations
		public.SigningKey, public.EncryptionKey = thief.Public().SigningKey, thief.Public().EncryptionKey
		text, err := public.JSON()
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParsePublic(text)
		return err
	}
	chain := good.Rotations
	if err := parse(append(chain[:2:2], sign(second, rotationType, same))...); err != nil {
		t.Fatalf("a genuine one: %v", err)
	}
	for name, rotations := range map[string][]string{
		"by the thief":       append(chain[:2:2], sign(thief, rotationType, same)),
		"by the thief's key": append(chain[:2:2], sign(thief, rotationType, func(r *Rotation) { r.Previous = thief.Public().SigningKey })),
		"by the first key":   append(chain[:2:2], sign(first, rotationType, func(r *Rotation) { r.Previous = first.Public().SigningKey })),
		"of another kind":    append(chain[:2:2], sign(second, "brdo-receipt", same)),
		"of another node":    append(chain[:2:2], sign(second, rotationType, func(r *Rotation) { r.NodeID = thief.Public().NodeID })),
		"of another number":  append(chain[:2:2], sign(second, rotationType, func(r *Rotation) { r.Number = 4 })),
		"of an earlier time": append(chain[:2:2], sign(second, rotationType, func(r *Rotation) { r.At = rotatedAt })),
		"one left out":       {chain[0], sign(second, rotationType, same)},
		"out of order":       {chain[1], chain[0]},
		"to other keys":      chain,
		"none":               nil,
		"nonsense":           {"nonsense"},
		"too many":           strings.Split(strings.Repeat("a ", 13), " "),
	} {
		if err := parse(rotations...); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheckChain(f *testing.F) {
	directory := filepath.Join(f.TempDir(), "identity")
	if _, err := CreateIdentity(directory, "node.provider.example", mandate.Provider); err != nil {
		f.Fatal(err)
	}
	now, err := RotateKeys(directory, false, rotatedAt)
	if err != nil {
		f.Fatal(err)
	}
	good := now.Public()
	f.Add(good.Rotations[0])
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		chain, signing, _, err := checkChain(good.NodeID, []string{text})
		if err == nil && (fmt.Sprint(len(chain)) != "1" || signing != good.SigningKey.KeyID) {
			t.Errorf("accepted %+v", chain)
		}
	})
}
