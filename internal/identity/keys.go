package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// keyPrefix lets secret scanners find a key that leaked.
const keyPrefix = "brdo_"

// APIKey is a machine's key without its secret.
type APIKey struct {
	ID, Name string
	Scopes   []mandate.Scope
	// Source is the detection source that the key submits for; empty when it
	// does not submit.
	Source               string
	CreatedAt, RevokedAt time.Time
}

// CreateKey makes a key for a machine and returns its token, which is shown
// once and stored as a digest only.
func (s *Service) CreateKey(ctx context.Context, actor mandate.Actor, name string, scopes []mandate.Scope, source string) (APIKey, string, error) {
	var key APIKey
	var token string
	act := ledger.Act{Actor: actor, Action: mandate.KeyCreate, Purpose: mandate.PurposeAdministration}
	err := s.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := checkKey(name, scopes, source); err != nil {
			return err
		}
		key = APIKey{ID: store.NewID("key"), Name: name, Scopes: scopes, Source: source, CreatedAt: tx.Now}
		token = keyPrefix + strings.TrimPrefix(key.ID, "key/") + "_" + base64.RawURLEncoding.EncodeToString(random(32))
		digest := sha256.Sum256([]byte(token))
		tx.Concerns(key.ID)
		tx.Note("scopes", scopes)
		tx.Note("source", source)
		return tx.InsertAPIKey(store.APIKeyRow{ID: key.ID, Name: name, Digest: digest[:], Scopes: scopes, Source: source, CreatedBy: actor.ID, CreatedAt: tx.Now})
	})
	if err != nil {
		return APIKey{}, "", err
	}
	return key, token, nil
}

func checkKey(name string, scopes []mandate.Scope, source string) error {
	if name == "" || len(name) > 100 {
		return problem.InvalidField("name", "it is empty or longer than 100 bytes", "say which service uses the key")
	}
	if len(scopes) == 0 {
		return problem.InvalidField("scopes", "none is given", "give the key at least one scope")
	}
	for i, scope := range scopes {
		if !slices.Contains(mandate.Scopes, scope) {
			return problem.InvalidField(fmt.Sprintf("scopes[%d]", i), "there is no such scope", "use detect, lists, reports or read")
		}
	}
	if slices.Contains(scopes, mandate.ScopeDetect) && source == "" {
		return problem.InvalidField("source", "a key that submits for detection names its source", "use a source of the configuration")
	}
	return nil
}

var wrongKey = problem.New(problem.Denied, "the API key is missing, wrong or revoked", "send \"Authorization: Bearer brdo_…\"; the operator makes keys")

// Machine recognises a machine by its token.
func (s *Service) Machine(ctx context.Context, token string) (mandate.Actor, error) {
	id, _, found := strings.Cut(strings.TrimPrefix(token, keyPrefix), "_")
	if !found || !strings.HasPrefix(token, keyPrefix) || len(token) > 200 {
		return mandate.Actor{}, wrongKey
	}
	var rows []store.APIKeyRow
	if err := s.options.Store.Read(ctx, func(tx *store.Tx) (err error) { rows, err = tx.APIKeys("key/" + id); return err }); err != nil {
		return mandate.Actor{}, fmt.Errorf("recognising an API key: %w", err)
	}
	digest := sha256.Sum256([]byte(token))
	stored := make([]byte, len(digest)) // compared even when there is no such key
	var row store.APIKeyRow
	if len(rows) == 1 {
		row = rows[0]
		stored = row.Digest
	}
	if subtle.ConstantTimeCompare(stored, digest[:]) != 1 || !row.RevokedAt.IsZero() {
		return mandate.Actor{}, wrongKey
	}
	return mandate.Actor{Kind: mandate.Machine, ID: row.ID, Scopes: row.Scopes, Source: row.Source, Organisation: s.options.Ledger.NodeKind()}, nil
}

// Keys lists the machines' keys.
func (s *Service) Keys(ctx context.Context, actor mandate.Actor) ([]APIKey, error) {
	var keys []APIKey
	act := ledger.Act{Actor: actor, Action: mandate.AccountConsult, Purpose: mandate.PurposeAdministration}
	err := s.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err := tx.APIKeys("")
		keys = keys[:0]
		for _, row := range rows {
			keys = append(keys, APIKey{ID: row.ID, Name: row.Name, Scopes: row.Scopes, Source: row.Source, CreatedAt: row.CreatedAt, RevokedAt: row.RevokedAt})
		}
		tx.Note("keys", len(keys))
		return err
	})
	return keys, err
}

// RevokeKey ends a machine's key at once.
func (s *Service) RevokeKey(ctx context.Context, actor mandate.Actor, id string) error {
	act := s.change(actor, "")
	act.Action, act.Resource.ID = mandate.KeyRevoke, id
	return s.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error { return tx.RevokeAPIKey(id, tx.Now) })
}
