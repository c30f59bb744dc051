package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// People's states.
const (
	// PersonInvited: has not logged in yet.
	PersonInvited = "invited"
	PersonActive  = "active"
	// PersonSuspended: may not log in.
	PersonSuspended = "suspended"
)

// PersonRow is somebody with an account. The name is personal data of staff and
// appears in no export; ID is the pseudonym used everywhere else.
type PersonRow struct {
	ID, Name string
	Roles    []mandate.Role
	State    string
	// Handle is the random WebAuthn user handle.
	Handle []byte
	// Passphrase is an argon2id hash, empty when none is set.
	Passphrase string
	// TOTP is the sealed secret, nil when none is set; TOTPStep is the last
	// time step used, so that a code works once.
	TOTP     []byte
	TOTPStep int64
	Failures int
	// LockedUntil holds further attempts off after several failed ones.
	LockedUntil time.Time
	// Preferences is JSON of the person's own: key map, theme.
	Preferences string
	CreatedAt   time.Time
}

// PasskeyRow is a registered WebAuthn credential; Credential is JSON.
type PasskeyRow struct {
	ID, Person string
	Credential []byte
	CreatedAt  time.Time
}

// APIKeyRow is the key of a machine; only its digest is stored.
type APIKeyRow struct {
	ID, Name  string
	Digest    []byte
	Scopes    []mandate.Scope
	Source    string
	CreatedBy string
	CreatedAt time.Time
	RevokedAt time.Time
}

const personColumns = `id, name, roles, state, handle, passphrase, totp, totp_step, failures, locked_until, preferences, created_at`

func (tx *Tx) people(query string, arguments ...any) ([]PersonRow, error) {
	var found []PersonRow
	err := tx.rows("reading people", query, arguments, func(row scanner) error {
		var p PersonRow
		var roles string
		if err := row.Scan(&p.ID, &p.Name, &roles, &p.State, &p.Handle, &p.Passphrase, &p.TOTP, &p.TOTPStep, &p.Failures,
			moment{&p.LockedUntil}, &p.Preferences, moment{&p.CreatedAt}); err != nil {
			return err
		}
		found = append(found, p)
		return json.Unmarshal([]byte(roles), &found[len(found)-1].Roles)
	})
	return found, err
}

func (tx *Tx) person(thing, id, query string, arguments ...any) (PersonRow, error) {
	found, err := tx.people(query, arguments...)
	if err == nil && len(found) == 0 {
		err = NotFound(thing, id)
	}
	if err != nil {
		return PersonRow{}, err
	}
	return found[0], nil
}

// InsertPerson writes a new account; Conflict when the name is taken.
func (tx *Tx) InsertPerson(p PersonRow) error {
	roles, err := json.Marshal(p.Roles)
	if err != nil {
		return fmt.Errorf("writing roles: %w", err)
	}
	var taken int
	if err := tx.one("looking for an account's name", nil, `SELECT COUNT(*) FROM people WHERE name = $1`, []any{p.Name}, &taken); err != nil {
		return err
	}
	if taken > 0 {
		return &problem.Error{Kind: problem.Conflict, Field: "name", Reason: "there is an account of this name already", Remedy: "choose another name"}
	}
	return tx.exec("writing an account", `INSERT INTO people (id, name, roles, state, handle, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, p.Name, string(roles), p.State, p.Handle, micros(p.CreatedAt))
}

// Person returns an account by its pseudonym.
func (tx *Tx) Person(id string) (PersonRow, error) {
	return tx.person("account", id, `SELECT `+personColumns+` FROM people WHERE id = $1`, id)
}

// PersonByName returns an account by the name to log in with.
func (tx *Tx) PersonByName(name string) (PersonRow, error) {
	return tx.person("account of this name", "", `SELECT `+personColumns+` FROM people WHERE name = $1`, name)
}

// PersonByHandle returns an account by its WebAuthn user handle.
func (tx *Tx) PersonByHandle(handle []byte) (PersonRow, error) {
	return tx.person("account of this passkey", "", `SELECT `+personColumns+` FROM people WHERE handle = $1`, handle)
}

// People returns all accounts in the order of their names.
func (tx *Tx) People() ([]PersonRow, error) {
	return tx.people(`SELECT ` + personColumns + ` FROM people ORDER BY name`)
}

// UpdatePerson writes everything of an account but its name, handle and age.
func (tx *Tx) UpdatePerson(p PersonRow) error {
	roles, err := json.Marshal(p.Roles)
	if err != nil {
		return fmt.Errorf("writing roles: %w", err)
	}
	return tx.change("changing an account", NotFound("account", p.ID),
		`UPDATE people SET roles = $1, state = $2, passphrase = $3, totp = $4, totp_step = $5, failures = $6, locked_until = $7, preferences = $8 WHERE id = $9`,
		string(roles), p.State, p.Passphrase, p.TOTP, p.TOTPStep, p.Failures, micros(p.LockedUntil), p.Preferences, p.ID)
}

// PutPasskey writes a passkey, or replaces the one of the same id and person.
func (tx *Tx) PutPasskey(k PasskeyRow) error {
	return tx.change("writing a passkey", problem.New(problem.Conflict, "this passkey belongs to another account", "use another passkey"),
		`INSERT INTO passkeys (id, person, credential, created_at) VALUES ($1, $2, $3, $4)
		 ON CONFLICT (id) DO UPDATE SET credential = excluded.credential WHERE passkeys.person = excluded.person`,
		k.ID, k.Person, k.Credential, micros(k.CreatedAt))
}

// Passkeys returns a person's passkeys.
func (tx *Tx) Passkeys(person string) ([]PasskeyRow, error) {
	var found []PasskeyRow
	err := tx.rows("reading passkeys", `SELECT id, person, credential, created_at FROM passkeys WHERE person = $1 ORDER BY created_at`, []any{person}, func(row scanner) error {
		var k PasskeyRow
		err := row.Scan(&k.ID, &k.Person, &k.Credential, moment{&k.CreatedAt})
		found = append(found, k)
		return err
	})
	return found, err
}

// InsertLoginLink writes the digest of a one-time login link.
func (tx *Tx) InsertLoginLink(digest []byte, person string, expires time.Time) error {
	return tx.exec("writing a login link", `INSERT INTO login_links (digest, person, expires_at) VALUES ($1, $2, $3)`, digest, person, micros(expires))
}

// UseLoginLink marks a link as used and returns whose it is. A link that is
// unknown, used, past its end or ends after latest gives Expired: the last was
// made while the clock was ahead.
func (tx *Tx) UseLoginLink(digest []byte, now, latest time.Time) (string, error) {
	var person string
	err := tx.one("using a login link",
		problem.New(problem.Expired, "this login link was used already, has expired or never existed", "ask the operator for a new one"),
		`UPDATE login_links SET used_at = $1 WHERE digest = $2 AND used_at IS NULL AND expires_at > $1 AND expires_at <= $3 RETURNING person`,
		[]any{micros(now), digest, micros(latest)}, &person)
	return person, err
}

// PutSession writes a session under the digest of its token.
func (tx *Tx) PutSession(digest, data []byte, expires time.Time) error {
	return tx.exec("writing a session",
		`INSERT INTO sessions (digest, data, expires_at) VALUES ($1, $2, $3)
		 ON CONFLICT (digest) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, digest, data, micros(expires))
}

// Session returns a session that has not ended and does not end after latest,
// as one does that was made while the clock was ahead; found is false otherwise.
func (tx *Tx) Session(digest []byte, now, latest time.Time) (data []byte, found bool, err error) {
	err = tx.rows("reading a session", `SELECT data FROM sessions WHERE digest = $1 AND expires_at > $2 AND expires_at <= $3`, []any{digest, micros(now), micros(latest)}, func(row scanner) error {
		found = true
		return row.Scan(&data)
	})
	return data, found, err
}

// DeleteSession ends a session.
func (tx *Tx) DeleteSession(digest []byte) error {
	return tx.exec("ending a session", `DELETE FROM sessions WHERE digest = $1`, digest)
}

// DeleteSessionsBefore removes sessions and links that ended before a time.
func (tx *Tx) DeleteSessionsBefore(now time.Time) error {
	if err := tx.exec("removing old sessions", `DELETE FROM sessions WHERE expires_at < $1`, micros(now)); err != nil {
		return err
	}
	return tx.exec("removing old login links", `DELETE FROM login_links WHERE expires_at < $1`, micros(now))
}

// InsertAPIKey writes the digest and rights of a machine's key.
func (tx *Tx) InsertAPIKey(k APIKeyRow) error {
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return fmt.Errorf("writing scopes: %w", err)
	}
	return tx.exec("writing an API key", `INSERT INTO api_keys (id, name, digest, scopes, source, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.Name, k.Digest, string(scopes), k.Source, k.CreatedBy, micros(k.CreatedAt))
}

// APIKeys returns all keys, newest first; with an id only that one.
func (tx *Tx) APIKeys(id string) ([]APIKeyRow, error) {
	var found []APIKeyRow
	err := tx.rows("reading API keys",
		`SELECT id, name, digest, scopes, source, created_by, created_at, revoked_at FROM api_keys WHERE $1 = '' OR id = $1 ORDER BY created_at DESC, id`,
		[]any{id}, func(row scanner) error {
			var k APIKeyRow
			var scopes string
			if err := row.Scan(&k.ID, &k.Name, &k.Digest, &scopes, &k.Source, &k.CreatedBy, moment{&k.CreatedAt}, moment{&k.RevokedAt}); err != nil {
				return err
			}
			found = append(found, k)
			return json.Unmarshal([]byte(scopes), &found[len(found)-1].Scopes)
		})
	return found, err
}

// RevokeAPIKey ends a key.
func (tx *Tx) RevokeAPIKey(id string, now time.Time) error {
	return tx.change("revoking an API key", NotFound("API key in use", id),
		`UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL`, micros(now), id)
}
