// Package identity knows who is there: people with passkeys or with a
// passphrase and one-time codes, and machines with API keys.
//
// Nobody ever has a default password. An operator invites a person and hands
// over a link that works once; behind it the person registers a passkey, or a
// passphrase together with a one-time-code app. API keys are shown once and
// stored as digests. What follows from being somebody is not decided here but
// by the policy of internal/access.
package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of a Service.
type Options struct {
	Ledger *ledger.Ledger
	Store  *store.Store
	// Origin is where people reach the pages, for example
	// "https://brdo.example"; passkeys are bound to it.
	Origin string
	// Host is the origin's host without a port.
	Host string
	// Name is shown beside passkeys and one-time codes.
	Name string
	// Secret of at least 32 bytes seals the secrets of one-time codes.
	Secret []byte
}

// Service registers and recognises people and machines.
type Service struct {
	options   Options
	webauthn  *webauthn.WebAuthn
	sealer    cipher.AEAD
	strangers strangers
}

// New makes the service.
func New(options Options) (*Service, error) {
	if len(options.Secret) < 32 {
		return nil, problem.InvalidField("secret", "it has fewer than 32 bytes", "let brdo make the node's identity")
	}
	key, err := hkdf.Key(sha256.New, options.Secret, nil, "brdo one-time codes", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	relying, err := webauthn.New(&webauthn.Config{RPID: options.Host, RPDisplayName: options.Name, RPOrigins: []string{options.Origin}})
	if err != nil {
		return nil, fmt.Errorf("setting up passkeys for %s: %w", options.Origin, err)
	}
	return &Service{options: options, webauthn: relying, sealer: sealer}, nil
}

// Person is an account as its owner and the operator see it.
type Person struct {
	ID, Name  string
	Roles     []mandate.Role
	State     string
	Passkeys  int
	HasCodes  bool
	CreatedAt time.Time
	// Preferences is JSON of the person's own: key map, theme.
	Preferences string
}

// Actor is the person as an actor of this node.
func (s *Service) Actor(p Person) mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: p.ID, Roles: p.Roles, Organisation: s.options.Ledger.NodeKind()}
}

// Enrolled reports whether the person has something to log in with.
func (p Person) Enrolled() bool { return p.Passkeys > 0 || p.HasCodes }

// NodeActor is the node itself, for what no person asked for.
func (s *Service) NodeActor() mandate.Actor {
	return s.options.Ledger.Itself()
}

const linkLifetime = 72 * time.Hour

// Link is a one-time login link's token. It is shown once.
type Link struct {
	Token   string
	Expires time.Time
}

// Invite makes an account and its first login link.
//
// Errors: Denied; Invalid for a name or role that cannot be; Conflict when the
// name is taken.
func (s *Service) Invite(ctx context.Context, actor mandate.Actor, name string, roles []mandate.Role) (Person, Link, error) {
	name = strings.TrimSpace(name)
	var row store.PersonRow
	var link Link
	err := s.options.Ledger.Do(ctx, ledger.Act{Actor: actor, Action: mandate.AccountInvite, Purpose: mandate.PurposeAdministration}, func(tx *ledger.Tx) (err error) {
		if err := checkAccount(name, roles); err != nil {
			return err
		}
		row = store.PersonRow{ID: store.NewID("person"), Name: name, Roles: roles, State: store.PersonInvited, Handle: random(32), CreatedAt: tx.Now}
		if err := tx.InsertPerson(row); err != nil {
			return err
		}
		tx.Concerns(row.ID)
		tx.Note("roles", roles)
		link, err = newLink(tx, row.ID)
		return err
	})
	if err != nil {
		return Person{}, Link{}, err
	}
	return Person{ID: row.ID, Name: row.Name, Roles: row.Roles, State: row.State, CreatedAt: row.CreatedAt}, link, nil
}

func checkAccount(name string, roles []mandate.Role) error {
	if name == "" || len(name) > 100 {
		return problem.InvalidField("name", "it is empty or longer than 100 bytes", "give the name to log in with")
	}
	if len(roles) == 0 {
		return problem.InvalidField("roles", "none is given", "appoint the person to at least one role")
	}
	for i, role := range roles {
		if !slices.Contains(mandate.Roles, role) {
			return problem.InvalidField(fmt.Sprintf("roles[%d]", i), "there is no such role", "use one of the roles of docs/roles.md")
		}
	}
	return nil
}

func newLink(tx *ledger.Tx, person string) (Link, error) {
	link := Link{Token: base64.RawURLEncoding.EncodeToString(random(32)), Expires: tx.Now.Add(linkLifetime)}
	digest := sha256.Sum256([]byte(link.Token))
	return link, tx.InsertLoginLink(digest[:], person, link.Expires)
}

// NewLink makes a further one-time link for somebody who lost the means to log
// in. Using it does not remove what is registered.
func (s *Service) NewLink(ctx context.Context, actor mandate.Actor, person string) (Link, error) {
	var link Link
	err := s.options.Ledger.Do(ctx, s.change(actor, person), func(tx *ledger.Tx) (err error) {
		if _, err := tx.Person(person); err != nil {
			return err
		}
		tx.Note("change", "login link")
		link, err = newLink(tx, person)
		return err
	})
	return link, err
}

func (s *Service) change(actor mandate.Actor, person string) ledger.Act {
	return ledger.Act{Actor: actor, Action: mandate.AccountChange, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: person, Owner: person}}
}

// own is an act of somebody on their own account.
func (s *Service) own(p Person) ledger.Act {
	return ledger.Act{Actor: s.Actor(p), Action: mandate.AccountOwn, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: p.ID, Owner: p.ID}}
}

// SetRoles appoints a person anew, and SetState suspends or reinstates one.
func (s *Service) SetRoles(ctx context.Context, actor mandate.Actor, person string, roles []mandate.Role) error {
	return s.options.Ledger.Do(ctx, s.change(actor, person), func(tx *ledger.Tx) error {
		row, err := tx.Person(person)
		if err != nil {
			return err
		}
		if err := checkAccount(row.Name, roles); err != nil {
			return err
		}
		row.Roles = roles
		tx.Note("roles", roles)
		return tx.UpdatePerson(row)
	})
}

// SetState suspends a person or reinstates one.
func (s *Service) SetState(ctx context.Context, actor mandate.Actor, person, state string) error {
	return s.options.Ledger.Do(ctx, s.change(actor, person), func(tx *ledger.Tx) error {
		if state != store.PersonActive && state != store.PersonSuspended {
			return problem.InvalidField("state", "it is neither active nor suspended", "use one of the two")
		}
		row, err := tx.Person(person)
		if err != nil {
			return err
		}
		row.State = state
		tx.Note("state", state)
		return tx.UpdatePerson(row)
	})
}

// People lists all accounts.
func (s *Service) People(ctx context.Context, actor mandate.Actor) ([]Person, error) {
	var people []Person
	act := ledger.Act{Actor: actor, Action: mandate.AccountConsult, Purpose: mandate.PurposeAdministration}
	err := s.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err := tx.People()
		if err != nil {
			return err
		}
		people = people[:0]
		for _, row := range rows {
			person, err := describe(tx.Tx, row)
			if err != nil {
				return err
			}
			people = append(people, person)
		}
		tx.Note("accounts", len(people))
		return nil
	})
	return people, err
}

func describe(tx *store.Tx, row store.PersonRow) (Person, error) {
	keys, err := tx.Passkeys(row.ID)
	return Person{
		ID: row.ID, Name: row.Name, Roles: row.Roles, State: row.State, Passkeys: len(keys), HasCodes: row.TOTP != nil && row.Passphrase != "",
		CreatedAt: row.CreatedAt, Preferences: row.Preferences,
	}, err
}

// Person returns the account behind a session, to make an actor of it. It is
// part of recognising who is there and shows nothing to anybody else.
func (s *Service) Person(ctx context.Context, id string) (Person, error) {
	var person Person
	err := s.options.Store.Read(ctx, func(tx *store.Tx) error {
		row, err := tx.Person(id)
		if err != nil {
			return err
		}
		if row.State == store.PersonSuspended {
			return errSuspended
		}
		person, err = describe(tx, row)
		return err
	})
	return person, err
}

var errSuspended = problem.New(problem.Denied, "this account is suspended", "ask the operator")

// SetPreferences stores the person's own key map and theme as JSON.
func (s *Service) SetPreferences(ctx context.Context, p Person, preferences string) error {
	act := s.own(p)
	act.Action = mandate.KeysRemap
	return s.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if len(preferences) > 16<<10 {
			return problem.InvalidField("preferences", "they are longer than 16 KiB", "remove what is not needed")
		}
		if !json.Valid([]byte(preferences)) {
			return problem.InvalidField("preferences", "they are not JSON", "save them again from the page")
		}
		row, err := tx.Person(p.ID)
		if err != nil {
			return err
		}
		row.Preferences = preferences
		return tx.UpdatePerson(row)
	})
}

// UseLink exchanges a one-time link for the person it was made for, who is
// logged in by it once. A link that does not work is recorded.
func (s *Service) UseLink(ctx context.Context, token string) (Person, error) {
	digest := sha256.Sum256([]byte(token))
	var person Person
	err := s.options.Store.Write(ctx, func(tx *store.Tx) error {
		now := s.options.Ledger.Now()
		id, err := tx.UseLoginLink(digest[:], now, now.Add(linkLifetime+clockDrift))
		if err != nil {
			return err
		}
		row, err := tx.Person(id)
		if err != nil {
			return err
		}
		person, err = enter(tx, row)
		return err
	})
	if err != nil {
		return Person{}, s.failedLogin(ctx, "", "link", err)
	}
	return person, s.loggedIn(ctx, person, "link")
}

// enter makes an invited person active, and keeps a suspended one out.
func enter(tx *store.Tx, row store.PersonRow) (Person, error) {
	if row.State == store.PersonSuspended {
		return Person{}, errSuspended
	}
	row.State = store.PersonActive
	if err := tx.UpdatePerson(row); err != nil {
		return Person{}, err
	}
	return describe(tx, row)
}

// loggedIn records a login as an act of the person on their own account.
func (s *Service) loggedIn(ctx context.Context, p Person, by string) error {
	return s.options.Ledger.Do(ctx, s.own(p), func(tx *ledger.Tx) error { tx.Note("login", by); return nil })
}

func random(count int) []byte {
	value := make([]byte, count)
	if _, err := io.ReadFull(rand.Reader, value); err != nil {
		panic("identity: the system has no randomness: " + err.Error())
	}
	return value
}
