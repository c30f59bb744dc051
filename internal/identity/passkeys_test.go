package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// authenticator is a passkey in software: ES256, attestation "none" (W3C Web
// Authentication Level 3, sections 6.1, 6.5 and 8.7; RFC 9053 for the key).
type authenticator struct {
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	counter uint32
	// What a test makes wrong.
	origin, host string
	flags        byte
}

const (
	userPresent  = 0x01
	userVerified = 0x04
	attested     = 0x40
)

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &authenticator{key: key, id: id, origin: origin, host: host, flags: userPresent | userVerified}
}

var encode = base64.RawURLEncoding.EncodeToString

func (a *authenticator) data(flags byte) []byte {
	sum := sha256.Sum256([]byte(a.host))
	a.counter++
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.counter)
}

func (a *authenticator) client(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		panic(err)
	}
	return text
}

func request(id []byte, response map[string]string) *http.Request {
	text, err := json.Marshal(map[string]any{"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// create answers navigator.credentials.create.
func (a *authenticator) create(challenge string) *http.Request {
	public, err := a.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		panic(err)
	}
	data := a.data(a.flags | attested)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(data, a.id...)
	// CBOR of {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20)
	data = append(data, public[1:33]...)
	data = append(data, 0x22, 0x58, 0x20)
	data = append(data, public[33:]...)
	// CBOR of {"fmt": "none", "attStmt": {}, "authData": data}.
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(append(object, 0x67), "attStmt"...), 0xa0)
	object = append(append(object, 0x68), "authData"...)
	object = append(object, 0x58, byte(len(data)))
	object = append(object, data...)
	return request(a.id, map[string]string{"clientDataJSON": encode(a.client("webauthn.create", challenge)), "attestationObject": encode(object)})
}

// get answers navigator.credentials.get.
func (a *authenticator) get(challenge string) *http.Request {
	data, client := a.data(a.flags), a.client("webauthn.get", challenge)
	clientSum := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), clientSum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		panic(err)
	}
	return request(a.id, map[string]string{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(a.handle),
	})
}

func (h *house) register(t testing.TB, p identity.Person, a *authenticator) error {
	t.Helper()
	options, ceremony, err := h.BeginPasskey(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if selection := options.Response.AuthenticatorSelection; selection.UserVerification != "required" || selection.ResidentKey != "required" {
		t.Errorf("asked for %+v", selection)
	}
	a.handle = ceremony.UserID
	return h.FinishPasskey(t.Context(), p, *ceremony, a.create(ceremony.Challenge))
}

func (h *house) enter(t testing.TB, a *authenticator) (identity.Person, error) {
	t.Helper()
	_, ceremony, err := h.BeginPasskeyLogin()
	if err != nil {
		t.Fatal(err)
	}
	return h.FinishPasskeyLogin(t.Context(), *ceremony, a.get(ceremony.Challenge))
}

func TestPasskeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		_, link := h.invite(t, "Anna")
		p, err := h.UseLink(t.Context(), link.Token)
		if err != nil {
			t.Fatal(err)
		}
		first, second := newAuthenticator(t), newAuthenticator(t)
		if err := h.register(t, p, first); err != nil {
			t.Fatal(err)
		}
		if err := h.register(t, p, second); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*authenticator{first, second, first} {
			got, err := h.enter(t, a)
			if err != nil || got.ID != p.ID || got.Passkeys != 2 || !got.Enrolled() {
				t.Fatalf("%+v, %v", got, err)
			}
		}

		spoil := func(what string, change func(*authenticator)) {
			t.Helper()
			kept := *first
			change(first)
			_, err := h.enter(t, first)
			wantKind(t, what, err, problem.Denied)
			*first = kept
		}
		spoil("another origin", func(a *authenticator) { a.origin = "https://brdo.example.evil" })
		spoil("the origin without TLS", func(a *authenticator) { a.origin = "http://brdo.example" })
		spoil("another host", func(a *authenticator) { a.host = "evil.example" })
		spoil("without a person", func(a *authenticator) { a.flags = userVerified })
		spoil("without a check of the person", func(a *authenticator) { a.flags = userPresent })
		spoil("another key", func(a *authenticator) { a.key = second.key })
		spoil("another handle", func(a *authenticator) { a.handle = make([]byte, 32) })
		spoil("an unknown passkey", func(a *authenticator) { a.id = make([]byte, 16) })

		_, ceremony, err := h.BeginPasskeyLogin()
		if err != nil {
			t.Fatal(err)
		}
		answer := first.get("b3RoZXIgY2hhbGxlbmdlIG9mIGFub3RoZXI")
		_, err = h.FinishPasskeyLogin(t.Context(), *ceremony, answer)
		wantKind(t, "the answer to another challenge", err, problem.Denied)
		_, err = h.FinishPasskeyLogin(t.Context(), *ceremony, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte("{"))))
		wantKind(t, "nonsense", err, problem.Denied)

		if _, err := h.enter(t, first); err != nil {
			t.Fatalf("after refusals: %v", err)
		}
		clone := *first
		if _, err := h.enter(t, first); err != nil {
			t.Fatal(err)
		}
		clone.counter-- // the copy did not see the last login
		_, err = h.enter(t, &clone)
		wantKind(t, "a copy", err, problem.Denied)

		if err := h.SetState(t.Context(), operator(), p.ID, store.PersonSuspended); err != nil {
			t.Fatal(err)
		}
		_, err = h.enter(t, second)
		wantKind(t, "suspended", err, problem.Denied)
	})
}

func TestPasskeysAreNotRegisteredElsewhere(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	p, link := h.invite(t, "Anna")
	if _, err := h.UseLink(t.Context(), link.Token); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*authenticator){
		"another origin":                func(a *authenticator) { a.origin = "https://evil.example" },
		"another host":                  func(a *authenticator) { a.host = "evil.example" },
		"without a check of the person": func(a *authenticator) { a.flags = userPresent },
	} {
		a := newAuthenticator(t)
		change(a)
		wantKind(t, what, h.register(t, p, a), problem.Denied)
	}
	_, ceremony, err := h.BeginPasskey(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := h.invite(t, "Bert")
	a := newAuthenticator(t)
	wantKind(t, "in another person's ceremony", h.FinishPasskey(t.Context(), other, *ceremony, a.create(ceremony.Challenge)), problem.Denied)
	if err := h.register(t, p, a); err != nil {
		t.Fatal(err)
	}
	if err := h.register(t, other, a); err == nil {
		t.Error("one passkey was registered for two people")
	}
	people, err := h.People(t.Context(), operator())
	if err != nil || people[0].Passkeys != 1 || people[1].Passkeys != 0 {
		t.Errorf("%+v, %v", people, err)
	}
}
