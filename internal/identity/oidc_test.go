package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// loginService is a small OpenID provider: it signs what the test tells it to.
type loginService struct {
	*httptest.Server
	key       *ecdsa.PrivateKey
	name      string
	nonce     string
	challenge string
	audience  string
	expires   time.Time
}

func newLoginService(t *testing.T) *loginService {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l := &loginService{key: key, audience: "brdo"}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != l.challenge {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": l.token(t)})
	})
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	return l
}

func (l *loginService) token(t *testing.T) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: l.key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": l.URL, "aud": l.audience, "sub": "s-1", "exp": l.expires.Unix(), "iat": l.expires.Add(-time.Hour).Unix(), "nonce": l.nonce, "preferred_username": l.name,
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDirectory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		invited, _ := h.invite(t, "alex")
		l := newLoginService(t)
		l.expires = h.now.Add(time.Hour)
		directory, err := h.OpenDirectory(t.Context(), identity.DirectoryOptions{Issuer: l.URL, ClientID: "brdo", ClientSecret: "secret", Redirect: "https://brdo.example/login/directory/back"})
		if err != nil {
			t.Fatal(err)
		}
		begin := func() (identity.Visit, string) {
			address, visit := directory.Begin()
			parsed, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			l.nonce, l.challenge, l.name, l.audience, l.expires = parsed.Query().Get("nonce"), parsed.Query().Get("code_challenge"), "alex", "brdo", h.now.Add(time.Hour)
			return visit, parsed.Query().Get("state")
		}
		visit, state := begin()
		person, err := directory.Finish(t.Context(), visit, state, "code")
		if err != nil || person.ID != invited.ID {
			t.Fatalf("%+v, %v", person, err)
		}
		for name, spoil := range map[string]func(v *identity.Visit, state *string){
			"another browser":           func(_ *identity.Visit, state *string) { *state = "x" },
			"no visit":                  func(v *identity.Visit, state *string) { *v, *state = identity.Visit{}, "" },
			"another verifier":          func(v *identity.Visit, _ *string) { v.Verifier = "x" },
			"another nonce":             func(_ *identity.Visit, _ *string) { l.nonce = "x" },
			"a token for somebody else": func(_ *identity.Visit, _ *string) { l.audience = "other" },
			"an old token":              func(_ *identity.Visit, _ *string) { l.expires = h.now.Add(-time.Minute) },
			"somebody not invited":      func(_ *identity.Visit, _ *string) { l.name = "stranger" },
			"no name":                   func(_ *identity.Visit, _ *string) { l.name = "" },
		} {
			visit, state := begin()
			spoil(&visit, &state)
			if _, err := directory.Finish(t.Context(), visit, state, "code"); !problem.Is(err, problem.Denied) && !problem.Is(err, problem.Expired) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := h.SetState(t.Context(), operator(), invited.ID, store.PersonSuspended); err != nil {
			t.Fatal(err)
		}
		visit, state = begin()
		_, err = directory.Finish(t.Context(), visit, state, "code")
		wantKind(t, "a suspended person", err, problem.Denied)
	})
}
