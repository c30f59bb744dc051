package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// holder is a person in the words of the WebAuthn library.
type holder struct {
	row         store.PersonRow
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.row.Handle }
func (h holder) WebAuthnName() string                       { return h.row.Name }
func (h holder) WebAuthnDisplayName() string                { return h.row.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

func readHolder(tx *store.Tx, row store.PersonRow) (holder, error) {
	h := holder{row: row}
	keys, err := tx.Passkeys(row.ID)
	if err != nil {
		return h, err
	}
	for _, key := range keys {
		var credential webauthn.Credential
		if err := json.Unmarshal(key.Credential, &credential); err != nil {
			return h, fmt.Errorf("reading passkey %s: %w", key.ID, err)
		}
		h.credentials = append(h.credentials, credential)
	}
	return h, nil
}

func writePasskey(tx *store.Tx, s *Service, person string, credential *webauthn.Credential) error {
	text, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("writing a passkey: %w", err)
	}
	return tx.PutPasskey(store.PasskeyRow{ID: base64.RawURLEncoding.EncodeToString(credential.ID), Person: person, Credential: text, CreatedAt: s.options.Ledger.Now()})
}

// BeginPasskey starts the registration of a passkey: the options go to the
// browser, the ceremony into the person's session.
func (s *Service) BeginPasskey(ctx context.Context, p Person) (options *protocol.CredentialCreation, ceremony *webauthn.SessionData, err error) {
	err = s.options.Store.Read(ctx, func(tx *store.Tx) error {
		row, err := tx.Person(p.ID)
		if err != nil {
			return err
		}
		h, err := readHolder(tx, row)
		if err != nil {
			return err
		}
		options, ceremony, err = s.webauthn.BeginRegistration(h,
			webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{UserVerification: protocol.VerificationRequired}), // as at the login
			webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
			webauthn.WithExclusions(webauthn.Credentials(h.credentials).CredentialDescriptors()))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("beginning to register a passkey: %w", err)
	}
	return options, ceremony, nil
}

// FinishPasskey registers the passkey that the browser's answer holds.
func (s *Service) FinishPasskey(ctx context.Context, p Person, ceremony webauthn.SessionData, request *http.Request) error {
	answer, err := protocol.ParseCredentialCreationResponse(request)
	if err != nil {
		return badPasskey(err)
	}
	return s.options.Ledger.Do(ctx, s.own(p), func(tx *ledger.Tx) error {
		row, err := tx.Person(p.ID)
		if err != nil {
			return err
		}
		h, err := readHolder(tx.Tx, row)
		if err != nil {
			return err
		}
		credential, err := s.webauthn.CreateCredential(h, ceremony, answer)
		if err != nil {
			return badPasskey(err)
		}
		tx.Note("registered", "passkey")
		return writePasskey(tx.Tx, s, p.ID, credential)
	})
}

// BeginPasskeyLogin starts a login with a passkey that names its owner.
func (s *Service) BeginPasskeyLogin() (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	options, ceremony, err := s.webauthn.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, fmt.Errorf("beginning a login with a passkey: %w", err)
	}
	return options, ceremony, nil
}

// FinishPasskeyLogin recognises a person by the browser's answer.
func (s *Service) FinishPasskeyLogin(ctx context.Context, ceremony webauthn.SessionData, request *http.Request) (Person, error) {
	answer, err := protocol.ParseCredentialRequestResponse(request)
	if err != nil {
		return Person{}, s.failedLogin(ctx, "", "passkey", badPasskey(err))
	}
	var person Person
	concerned := ""
	err = s.options.Store.Write(ctx, func(tx *store.Tx) error {
		find := func(_, handle []byte) (webauthn.User, error) {
			row, err := tx.PersonByHandle(handle)
			if err != nil {
				return nil, err
			}
			return readHolder(tx, row)
		}
		user, credential, err := s.webauthn.ValidatePasskeyLogin(find, ceremony, answer)
		if err != nil {
			return badPasskey(err)
		}
		row := user.(holder).row
		concerned = row.ID
		if row.State == store.PersonSuspended {
			return errSuspended
		}
		if credential.Authenticator.CloneWarning {
			return problem.New(problem.Denied, "this passkey seems to have been copied", "ask the operator for a new login link and register another passkey")
		}
		if err := writePasskey(tx, s, row.ID, credential); err != nil {
			return err
		}
		person, err = describe(tx, row)
		return err
	})
	if err != nil {
		return Person{}, s.failedLogin(ctx, concerned, "passkey", err)
	}
	return person, s.loggedIn(ctx, person, "passkey")
}

func badPasskey(cause error) error {
	return problem.New(problem.Denied, "the passkey was not accepted", "try again, or use another way to log in").Because(cause)
}
