package keyring

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

const nodeName = "node.hotline.example"

func newIdentity(t testing.TB) (*Identity, string) {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "identity")
	identity, err := CreateIdentity(directory, nodeName, mandate.Hotline)
	if err != nil {
		t.Fatal(err)
	}
	return identity, directory
}

func publicJSON(t testing.TB, public Public) []byte {
	t.Helper()
	text, err := public.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestIdentityIsCreatedOnceAndReopened(t *testing.T) {
	made, directory := newIdentity(t)
	opened, err := OpenIdentity(directory)
	if err != nil {
		t.Fatal(err)
	}
	document := publicJSON(t, made.Public())
	if !bytes.Equal(document, publicJSON(t, opened.Public())) {
		t.Fatal("the public document changes when the identity is reopened")
	}
	if !bytes.Equal(made.SessionSecret().Reveal(), opened.SessionSecret().Reveal()) || len(opened.SessionSecret().Reveal()) != 32 ||
		bytes.Equal(opened.SessionSecret().Reveal(), opened.WebhookSecret().Reveal()) {
		t.Fatal("session and webhook secrets must be kept, long and different")
	}
	_, err = CreateIdentity(directory, nodeName, mandate.Hotline)
	wantKind(t, err, problem.Conflict)
	if _, err := OpenIdentity(directory); err != nil {
		t.Fatalf("a refused creation changed the identity: %v", err)
	}
	_, err = OpenIdentity(directory + "-absent")
	wantKind(t, err, problem.NotFound)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(directory), ".*")); len(left) != 0 {
		t.Fatalf("left beside the identity: %v", left)
	}
}

// TestKilledWhileMakingKeys looks at what a process leaves that is killed after
// any step of making a node's keys: the next start makes them anew or has them
// whole, and nothing unfinished stays behind.
func TestKilledWhileMakingKeys(t *testing.T) {
	start := func(folder string) error {
		load := LoadNodeKey
		if _, err := os.Stat(filepath.Join(folder, "node.key")); errors.Is(err, fs.ErrNotExist) {
			load = GenerateNodeKey
		}
		if _, err := load(filepath.Join(folder, "node.key")); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(folder, "identity")); errors.Is(err, fs.ErrNotExist) {
			_, err := CreateIdentity(filepath.Join(folder, "identity"), nodeName, mandate.Hotline)
			return err
		}
		_, err := OpenIdentity(filepath.Join(folder, "identity"))
		return err
	}
	folder, left := t.TempDir(), t.TempDir()
	moments := 0
	passed = func() {
		moments++
		if out, err := exec.Command("cp", "-a", folder, filepath.Join(left, strconv.Itoa(moments))).CombinedOutput(); err != nil {
			t.Fatalf("copying what is left: %v %s", err, out)
		}
	}
	err := start(folder)
	passed = func() {}
	if err != nil {
		t.Fatal(err)
	}
	if moments < 20 {
		t.Fatalf("only %d moments were looked at", moments)
	}
	for moment := 1; moment <= moments; moment++ {
		folder := filepath.Join(left, strconv.Itoa(moment))
		kept, _ := os.ReadFile(filepath.Join(folder, "node.key"))
		for again := range 2 {
			if err := start(folder); err != nil {
				t.Errorf("start %d after a kill at moment %d: %v", again+1, moment, err)
			}
		}
		if now, err := os.ReadFile(filepath.Join(folder, "node.key")); err != nil || kept != nil && !bytes.Equal(kept, now) {
			t.Errorf("the node key changed after a kill at moment %d: %v", moment, err)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 2 {
			t.Errorf("after a kill at moment %d there are %v, %v", moment, entries, err)
		}
	}
}

func TestPublicDocumentDescribesTheKeys(t *testing.T) {
	identity, _ := newIdentity(t)
	document := publicJSON(t, identity.Public())
	var fields struct {
		NodeID       string                                         `json:"node_id"`
		Name         string                                         `json:"name"`
		Organisation string                                         `json:"organisation"`
		Signing      struct{ Kty, Crv, X, Kid, Alg, Use string }    `json:"signing_key"`
		Encryption   struct{ Kty, Crv, X, Y, Kid, Alg, Use string } `json:"encryption_key"`
		Verifier     string                                         `json:"log_verifier"`
	}
	if err := json.Unmarshal(document, &fields); err != nil {
		t.Fatal(err)
	}
	if fields.Name != nodeName || fields.Organisation != "hotline" || fields.NodeID != "node/"+fields.Signing.Kid {
		t.Errorf("names: %+v", fields)
	}
	if s := fields.Signing; s.Kty != "OKP" || s.Crv != "Ed25519" || s.Alg != "EdDSA" || s.Use != "sig" {
		t.Errorf("signing key: %+v", s)
	}
	if e := fields.Encryption; e.Kty != "EC" || e.Crv != "P-256" || e.Alg != "ECDH-ES+A256KW" || e.Use != "enc" {
		t.Errorf("encryption key: %+v", e)
	}
	if !strings.HasPrefix(fields.Verifier, nodeName+"+") {
		t.Errorf("log verifier: %s", fields.Verifier)
	}
	if bytes.Contains(document, []byte(`"d"`)) {
		t.Error("the public document holds a private key")
	}
	parsed, err := ParsePublic(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(publicJSON(t, parsed), document) {
		t.Error("reading and writing the document changes it")
	}
}

// TestKeyIDIsTheThumbprintOfTheStandard uses the key and thumbprint of RFC 8037,
// Appendices A.2 and A.3.
func TestKeyIDIsTheThumbprintOfTheStandard(t *testing.T) {
	key, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := publicJWK(ed25519.PublicKey(key), jose.EdDSA, "sig")
	if err != nil || jwk.KeyID != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Fatalf("key id %s, %v", jwk.KeyID, err)
	}
}

func TestKeysWork(t *testing.T) {
	identity, _ := newIdentity(t)
	public, err := ParsePublic(publicJSON(t, identity.Public()))
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message 17")

	signer, err := identity.EnvelopeSigner(nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	serialized, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	read, err := jose.ParseSignedCompact(serialized, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || read.Signatures[0].Header.KeyID != public.SigningKey.KeyID {
		t.Fatalf("signature names key %q, %v", read.Signatures[0].Header.KeyID, err)
	}
	if got, err := read.Verify(public.SigningKey); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("verifying: %q, %v", got, err)
	}
	signature, err := identity.SigningKey().Sign(nil, message, &ed25519.Options{})
	if err != nil || !ed25519.Verify(identity.SigningKey().Public().(ed25519.PublicKey), message, signature) {
		t.Fatalf("the standard signer does not sign: %v", err)
	}

	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: public.EncryptionKey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt(message)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := identity.DecryptEnvelope(encrypted); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("decrypting: %q, %v", got, err)
	}
	stranger, _ := newIdentity(t)
	_, err = stranger.DecryptEnvelope(encrypted)
	wantKind(t, err, problem.Invalid)

	checkpoint, err := note.Sign(&note.Note{Text: nodeName + "\n1\nAAAA\n"}, identity.CheckpointSigner())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public.LogVerifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(checkpoint, note.VerifierList(verifier)); err != nil {
		t.Fatalf("verifying the checkpoint: %v", err)
	}
}

func TestIdentityFilesMustBePrivateAndWhole(t *testing.T) {
	_, directory := newIdentity(t)
	other, otherDirectory := newIdentity(t)
	_ = other
	if err := os.Chmod(directory, 0o750); err != nil {
		t.Fatal(err)
	}
	_, err := OpenIdentity(directory)
	wantKind(t, err, problem.Denied)
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(directory)
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		path := filepath.Join(directory, file.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		replace := func(content []byte) {
			t.Helper()
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err = OpenIdentity(directory)
		wantKind(t, err, problem.Denied)
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		replace(content[:len(content)/2])
		_, err = OpenIdentity(directory)
		wantKind(t, err, problem.Invalid)
		replace(bytes.Repeat([]byte{'x'}, maxKeyFile+1))
		_, err = OpenIdentity(directory)
		wantKind(t, err, problem.Invalid)
		if !strings.HasSuffix(file.Name(), ".secret") {
			foreign, err := os.ReadFile(filepath.Join(otherDirectory, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			replace(foreign)
			_, err = OpenIdentity(directory)
			wantKind(t, err, problem.Invalid)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		_, err = OpenIdentity(directory)
		wantKind(t, err, problem.NotFound)
		replace(content)
		if _, err := OpenIdentity(directory); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParsePublicRefusesWhatDoesNotBelongTogether(t *testing.T) {
	one, _ := newIdentity(t)
	two, _ := newIdentity(t)
	for name, change := range map[string]func(*Public){
		"name":                func(p *Public) { p.Name = "node.other.example" },
		"bad name":            func(p *Public) { p.Name = "Node" },
		"organisation":        func(p *Public) { p.Organisation = "club" },
		"node id":             func(p *Public) { p.NodeID = two.Public().NodeID },
		"signing key":         func(p *Public) { p.SigningKey = two.Public().SigningKey },
		"signing key id":      func(p *Public) { p.SigningKey.KeyID = two.Public().SigningKey.KeyID },
		"signing algorithm":   func(p *Public) { p.SigningKey.Algorithm = "ES256" },
		"signing key kind":    func(p *Public) { p.SigningKey = p.EncryptionKey },
		"encryption key id":   func(p *Public) { p.EncryptionKey.KeyID = "" },
		"encryption use":      func(p *Public) { p.EncryptionKey.Use = "sig" },
		"encryption key kind": func(p *Public) { p.EncryptionKey = p.SigningKey },
		"private key": func(p *Public) {
			p.SigningKey = jose.JSONWebKey{Key: one.secret().signing, KeyID: p.SigningKey.KeyID, Algorithm: "EdDSA", Use: "sig"}
		},
		"log verifier": func(p *Public) { p.LogVerifier = p.LogVerifier[:len(p.LogVerifier)-4] },
	} {
		public := one.Public()
		change(&public)
		if _, err := ParsePublic(publicJSON(t, public)); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s changed: error %v, want a problem", name, err)
		}
	}
	document := publicJSON(t, one.Public())
	for name, text := range map[string][]byte{
		"cut":           document[:len(document)-10],
		"trailing":      append(bytes.Clone(document), '{'),
		"unknown field": bytes.Replace(document, []byte(`"name"`), []byte(`"extra": 1, "name"`), 1),
		"too large":     append(bytes.Clone(document), bytes.Repeat([]byte{' '}, maxPublic)...),
		"null":          []byte("null"),
	} {
		if _, err := ParsePublic(text); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: error %v, want a problem", name, err)
		}
	}
}

func TestCheckNodeName(t *testing.T) {
	for _, name := range []string{"a", "node-1.centre.example", strings.Repeat("a", 63)} {
		if err := CheckNodeName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "a.", ".a", "a..b", "-a", "a-", "A", "a b", "a+b", "a/b", strings.Repeat("a", 64), strings.Repeat("a.", 101) + "a"} {
		if CheckNodeName(name) == nil {
			t.Errorf("%q passes", name)
		}
	}
	_, err := CreateIdentity(filepath.Join(t.TempDir(), "identity"), "a b", mandate.Hotline)
	wantKind(t, err, problem.Invalid)
	_, err = CreateIdentity(filepath.Join(t.TempDir(), "identity"), "a", "club")
	wantKind(t, err, problem.Invalid)
}

// TestSecretsNeverPrint puts every holder of a secret through everything that
// turns values into text and looks for the secret in each of its encodings.
func TestSecretsNeverPrint(t *testing.T) {
	identity, directory := newIdentity(t)
	keyPath := filepath.Join(t.TempDir(), "node.key")
	node, err := GenerateNodeKey(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	keyText, err := os.ReadFile(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(keyText)), "\n")
	canaries := []string{lines[len(lines)-1]}
	for _, raw := range [][]byte{identity.secret().session.Reveal(), identity.secret().webhook.Reveal(), identity.secret().signing.Seed()} {
		canaries = append(canaries, encodings(raw)...)
	}
	scalar, err := identity.secret().encryption.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	canaries = append(canaries, encodings(scalar)...)
	for _, name := range []string{signingFile, encryptionFile} {
		text, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		canaries = append(canaries, encodings(block.Bytes)...)
	}

	vault := openVault(t, filepath.Join(t.TempDir(), "keys.db"), node)
	type outer struct {
		Exported any
		Identity Identity
		hidden   Identity
		secret   Secret
		node     NodeKey
		vault    *Vault
	}
	secret := identity.SessionSecret()
	for _, value := range []any{
		identity, *identity, secret, &secret, node, identity.SigningKey(), vault, &vault.node,
		outer{identity, *identity, *identity, secret, node, vault}, []any{secret, identity}, map[string]any{"k": *identity},
		[]Secret{secret}, fmt.Errorf("failed with %v and %w", secret, fmt.Errorf("inner %+v", identity)),
	} {
		for _, text := range texts(t, value) {
			for _, canary := range canaries {
				if strings.Contains(text, canary) {
					t.Fatalf("%T prints a secret", value)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret); strings.Count(got, redactedText) != 7 {
		t.Fatalf("a secret prints as %s", got)
	}
}

func encodings(raw []byte) []string {
	return []string{
		string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		strings.Trim(fmt.Sprint(raw), "[]"), strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
	}
}

func texts(t *testing.T, value any) []string {
	t.Helper()
	var all []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		all = append(all, fmt.Sprintf(verb, value))
	}
	if text, err := json.Marshal(value); err == nil {
		all = append(all, string(text))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("message", "value", value)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("message", "value", value)
	return append(all, log.String())
}

func FuzzParsePublic(f *testing.F) {
	identity, _ := newIdentity(f)
	document := publicJSON(f, identity.Public())
	f.Add(document)
	f.Add(bytes.Replace(document, []byte("Ed25519"), []byte("P-256"), 1))
	f.Add([]byte(`{"signing_key":{"kty":"oct","k":"AAAA"}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		public, err := ParsePublic(text)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("error %v is no problem", err)
			}
			return
		}
		again, err := ParsePublic(publicJSON(t, public))
		if err != nil || again.NodeID != public.NodeID {
			t.Fatalf("a document that was read cannot be written and read: %v", err)
		}
	})
}
