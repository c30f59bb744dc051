package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"golang.org/x/crypto/argon2"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Time-based one-time codes, RFC 6238: 30-second steps, six digits, SHA-1,
// because that is what every authenticator app speaks.
const (
	codeStep   = 30 * time.Second
	codeDigits = otp.DigitsSix
	// codeSkew is how many steps a phone's clock may be off, each way.
	codeSkew         = 1
	passphraseLength = 12
)

// Codes is a new secret for one-time codes, to be confirmed by a first code.
type Codes struct {
	// Secret in base32, to be typed in; URL for a QR code ("otpauth://…").
	Secret, URL string
}

// NewCodes makes a secret; nothing is stored until [Service.ConfirmCodes].
func (s *Service) NewCodes(p Person) Codes {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(20))
	escape := strings.NewReplacer(" ", "%20", ":", "%3A", "?", "%3F", "&", "%26", "/", "%2F").Replace
	return Codes{Secret: secret, URL: fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&digits=6&period=30",
		escape(s.options.Name), escape(p.Name), secret, escape(s.options.Name))}
}

// ConfirmCodes registers a passphrase and a secret after a first right code.
func (s *Service) ConfirmCodes(ctx context.Context, p Person, passphrase, secret, code string) error {
	return s.options.Ledger.Do(ctx, s.own(p), func(tx *ledger.Tx) error {
		if len([]rune(passphrase)) < passphraseLength {
			return problem.InvalidField("passphrase", fmt.Sprintf("it has fewer than %d characters", passphraseLength), "use a sentence or several words")
		}
		step, right := match(secret, code, tx.Now, 0)
		if !right {
			return problem.InvalidField("code", "it is not the code that the app should show now", "check the clock of the phone and type the newest code")
		}
		row, err := tx.Person(p.ID)
		if err != nil {
			return err
		}
		row.Passphrase = hashPassphrase(passphrase, random(16))
		row.TOTP = s.sealer.Seal(nil, nil, []byte(secret), []byte(p.ID))
		row.TOTPStep = step
		tx.Note("registered", "one-time codes")
		return tx.UpdatePerson(row)
	})
}

// wrong is the only answer to a failed login: it does not say whether the
// account exists, whether it waits, or which part was wrong.
var wrong = problem.New(problem.Denied, "the name, passphrase or code is wrong", "try again with the newest code; after several failures wait, at most an hour")

// Login recognises a person by name, passphrase and one-time code. After five
// failures the account waits, twice as long each time, up to an hour. Each
// failure is recorded.
func (s *Service) Login(ctx context.Context, name, passphrase, code string) (Person, error) {
	now, name := s.options.Ledger.Now(), strings.TrimSpace(name)
	stored, err := s.storedPassphrase(ctx, name)
	if err != nil {
		return Person{}, fmt.Errorf("logging in: %w", err)
	}
	// Outside the transaction, because it takes long on purpose; and the same
	// work for an account that does not exist.
	known := samePassphrase(stored, passphrase)
	var person Person
	var refused error
	concerned := "" // the account that was really tried
	err = s.options.Store.Write(ctx, func(tx *store.Tx) error {
		refused = wrong
		row, err := tx.PersonByName(name)
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if now.Before(row.LockedUntil) {
			// A special answer would tell a stranger that the account exists.
			return nil
		}
		concerned = row.ID
		step, right := s.checkCode(row, code, now)
		if !right || !known || row.Passphrase != stored || row.State == store.PersonSuspended {
			if row.Failures++; row.Failures >= 5 {
				row.LockedUntil = now.Add(min(time.Minute<<min(row.Failures-5, 6), time.Hour))
			}
			return tx.UpdatePerson(row)
		}
		refused = nil
		row.Failures, row.LockedUntil, row.TOTPStep, row.State = 0, time.Time{}, step, store.PersonActive
		if err := tx.UpdatePerson(row); err != nil {
			return err
		}
		person, err = describe(tx, row)
		return err
	})
	if err != nil {
		return Person{}, fmt.Errorf("logging in: %w", err)
	}
	if refused != nil {
		return Person{}, s.failedLogin(ctx, concerned, "one-time code", refused)
	}
	return person, s.loggedIn(ctx, person, "one-time code")
}

// storedPassphrase is the hash of an account's passphrase, or one that nothing
// fits when there is none.
func (s *Service) storedPassphrase(ctx context.Context, name string) (string, error) {
	stored := noPassphrase
	err := s.options.Store.Read(ctx, func(tx *store.Tx) error {
		row, err := tx.PersonByName(name)
		if err == nil && row.Passphrase != "" {
			stored = row.Passphrase
		}
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		return err
	})
	return stored, err
}

func (s *Service) checkCode(row store.PersonRow, code string, now time.Time) (int64, bool) {
	if row.TOTP == nil {
		return 0, false
	}
	secret, err := s.sealer.Open(nil, nil, row.TOTP, []byte(row.ID))
	if err != nil {
		return 0, false
	}
	return match(string(secret), code, now, row.TOTPStep)
}

// match compares a code with those of the steps around now that come after the
// last one used, so that each code works once.
func match(secret, code string, now time.Time, after int64) (int64, bool) {
	current := now.Unix() / int64(codeStep/time.Second)
	found := int64(0)
	for step := current - codeSkew; step <= current+codeSkew; step++ {
		expected, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(expected), []byte(strings.TrimSpace(code))) == 1 && step > after {
			found = step
		}
	}
	return found, found != 0
}

// Passphrases are hashed with argon2id, RFC 9106 section 4, second recommended
// option (64 MiB, three passes, four lanes).
const passphraseScheme = "argon2id-64-3-4"

// noPassphrase has the form of a hash and fits no passphrase, since its key is
// of another length.
const noPassphrase = passphraseScheme + "$AAAAAAAAAAAAAAAAAAAAAA$AA"

// hashing lets one passphrase be hashed at a time, and the memory of one be
// given back before the next: each takes 64 MiB, and whoever sends many logins
// at once must not take the node's memory.
var hashing sync.Mutex

func hashPassphrase(passphrase string, salt []byte) string {
	hashing.Lock()
	defer hashing.Unlock()
	key := argon2.IDKey([]byte(passphrase), salt, 3, 64<<10, 4, 32)
	debug.FreeOSMemory()
	encode := base64.RawStdEncoding.EncodeToString
	return passphraseScheme + "$" + encode(salt) + "$" + encode(key)
}

func samePassphrase(stored, given string) bool {
	parts := strings.Split(stored, "$")
	if len(parts) != 3 || parts[0] != passphraseScheme {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	a, b := sha256.Sum256([]byte(stored)), sha256.Sum256([]byte(hashPassphrase(given, salt)))
	return hmac.Equal(a[:], b[:])
}
