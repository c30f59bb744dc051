package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/store"
)

// Directory is an organisation's own login service (OpenID Connect Core 1.0).
// It says who somebody is; whether they have an account here, and in which
// role, is the operator's decision: nobody gets an account by logging in.
type Directory struct {
	service  *Service
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	client   *http.Client
	claim    string
}

// DirectoryOptions name the login service.
type DirectoryOptions struct {
	// Issuer is its address; ClientID and ClientSecret are this node's there.
	Issuer, ClientID, ClientSecret string
	// Redirect is this node's address that it sends people back to.
	Redirect string
	// Claim is the claim that holds the name of the account here; empty means
	// "preferred_username". A name must be one that people cannot change there.
	Claim string
	// Client reaches the service; nil means http.DefaultClient.
	Client *http.Client
}

// OpenDirectory reads the login service's description.
func (s *Service) OpenDirectory(ctx context.Context, o DirectoryOptions) (*Directory, error) {
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Claim == "" {
		o.Claim = "preferred_username"
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, o.Client), o.Issuer)
	if err != nil {
		return nil, problem.InvalidField("oidc.issuer", "the login service does not answer as its address promises", "check the address and that it can be reached").Because(err)
	}
	return &Directory{
		service: s, client: o.Client, claim: o.Claim,
		verifier: provider.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), o.Client), &oidc.Config{ClientID: o.ClientID, Now: s.options.Ledger.Now}),
		oauth: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: o.Redirect, Scopes: []string{oidc.ScopeOpenID, "profile"},
		},
	}, nil
}

// Visit is what a browser has to bring back: kept in its session meanwhile.
type Visit struct{ State, Nonce, Verifier string }

// Begin starts a login at the directory: where to send the browser, and what to
// keep until it comes back. PKCE (RFC 7636) binds the answer to this visit.
func (d *Directory) Begin() (string, Visit) {
	v := Visit{
		State: base64.RawURLEncoding.EncodeToString(random(24)), Nonce: base64.RawURLEncoding.EncodeToString(random(24)), Verifier: oauth2.GenerateVerifier(),
	}
	return d.oauth.AuthCodeURL(v.State, oidc.Nonce(v.Nonce), oauth2.S256ChallengeOption(v.Verifier)), v
}

var notInvited = problem.New(problem.Denied, "this login has no account here", "ask the operator to invite you under the name that your login service gives")

// Finish recognises the person by what the browser brings back.
func (d *Directory) Finish(ctx context.Context, v Visit, state, code string) (Person, error) {
	if v.State == "" || subtle.ConstantTimeCompare([]byte(v.State), []byte(state)) != 1 {
		return Person{}, problem.New(problem.Expired, "the login does not belong to this browser or took too long", "begin again")
	}
	token, err := d.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, d.client), code, oauth2.VerifierOption(v.Verifier))
	if err != nil {
		return Person{}, problem.New(problem.Denied, "the login service did not confirm the login", "begin again").Because(err)
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := d.verifier.Verify(oidc.ClientContext(ctx, d.client), raw)
	if err != nil || subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(v.Nonce)) != 1 {
		return Person{}, problem.New(problem.Denied, "the login service's answer is not valid", "begin again").Because(err)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("reading the claims of a login: %w", err)
	}
	name, _ := claims[d.claim].(string)
	var person Person
	err = d.service.options.Store.Write(ctx, func(tx *store.Tx) error {
		row, err := tx.PersonByName(name)
		if problem.Is(err, problem.NotFound) || name == "" {
			return notInvited
		}
		if err != nil {
			return err
		}
		person, err = enter(tx, row)
		return err
	})
	if err != nil {
		return Person{}, d.service.failedLogin(ctx, "", "directory", err)
	}
	return person, d.service.loggedIn(ctx, person, "directory")
}
