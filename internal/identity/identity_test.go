package identity_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/pquerna/otp/totp"
	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// house is a node's identity service with a clock that the test moves.
type house struct {
	*identity.Service
	store *store.Store
	now   time.Time
	log   bytes.Buffer
}

const (
	host   = "brdo.example"
	origin = "https://brdo.example"
)

func newHouse(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{store: s, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	key, err := translog.GenerateKey(rand.Reader, "node.example")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := translog.NewTrust("node.example", key.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(ledger.Options{
		Store: s, Policy: policy, NodeKind: mandate.Hotline, Signer: signer, Trust: trust, Now: func() time.Time { return h.now },
		Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	h.Service, err = identity.New(identity.Options{Ledger: l, Store: s, Origin: origin, Host: host, Name: "Brdo: test", Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func operator() mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/operator", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Hotline}
}

func (h *house) invite(t testing.TB, name string) (identity.Person, identity.Link) {
	t.Helper()
	p, link, err := h.Invite(t.Context(), operator(), name, []mandate.Role{mandate.Analyst})
	if err != nil {
		t.Fatal(err)
	}
	return p, link
}

const passphrase = "seven green hills in the rain"

func codeAt(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol invites somebody who then sets a passphrase and one-time codes.
func (h *house) enrol(t testing.TB, name string) (identity.Person, string) {
	t.Helper()
	_, link := h.invite(t, name)
	p, err := h.UseLink(t.Context(), link.Token)
	if err != nil {
		t.Fatal(err)
	}
	secret := h.NewCodes(p).Secret
	if err := h.ConfirmCodes(t.Context(), p, passphrase, secret, codeAt(t, secret, h.now)); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	return p, secret
}

func wantKind(t testing.TB, what string, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("%s: got %v, want %s", what, err, kind)
	}
}

// everything the database holds, as it lies on the disk.
func (h *house) everything(t testing.TB) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(filepath.Dir(h.store.Path()), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	return all
}

// logged is what was written to the ledger and to the process's log.
func (h *house) logged(t testing.TB) string {
	t.Helper()
	text := strings.Builder{}
	text.Write(h.log.Bytes())
	err := h.store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.UnsequencedLogEvents(10_000)
		for _, row := range rows {
			text.Write(row.Record)
		}
		return err
	})
	if err != nil || text.Len() == 0 {
		t.Fatal(err)
	}
	return text.String()
}

func TestNewRefusesAShortSecret(t *testing.T) {
	_, err := identity.New(identity.Options{Origin: origin, Host: host, Name: "n", Secret: make([]byte, 31)})
	wantKind(t, "31 bytes", err, problem.Invalid)
}

func TestALinkWorksOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		invited, link := h.invite(t, " Anna ")
		if invited.Name != "Anna" || invited.State != store.PersonInvited || invited.Enrolled() || !link.Expires.Equal(h.now.Add(72*time.Hour)) {
			t.Errorf("%+v %v", invited, link.Expires)
		}
		_, _, err := h.Invite(t.Context(), operator(), "Anna", []mandate.Role{mandate.Analyst})
		wantKind(t, "the same name", err, problem.Conflict)
		_, err = h.UseLink(t.Context(), link.Token[:len(link.Token)-1])
		wantKind(t, "a cut link", err, problem.Expired)
		_, err = h.UseLink(t.Context(), "")
		wantKind(t, "no link", err, problem.Expired)
		p, err := h.UseLink(t.Context(), link.Token)
		if err != nil || p.ID != invited.ID || p.State != store.PersonActive {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = h.UseLink(t.Context(), link.Token)
		wantKind(t, "twice", err, problem.Expired)

		late, err := h.NewLink(t.Context(), operator(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		h.now = late.Expires
		_, err = h.UseLink(t.Context(), late.Token)
		wantKind(t, "at its end", err, problem.Expired)

		link, err = h.NewLink(t.Context(), operator(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.SetState(t.Context(), operator(), p.ID, store.PersonSuspended); err != nil {
			t.Fatal(err)
		}
		_, err = h.UseLink(t.Context(), link.Token)
		wantKind(t, "suspended", err, problem.Denied)
		_, err = h.Person(t.Context(), p.ID)
		wantKind(t, "the session of somebody suspended", err, problem.Denied)
		_, err = h.NewLink(t.Context(), operator(), "person/none")
		wantKind(t, "a link for nobody", err, problem.NotFound)
		if err := h.SetState(t.Context(), operator(), p.ID, store.PersonActive); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Person(t.Context(), p.ID); err != nil {
			t.Errorf("reinstated: %v", err)
		}
	})
}

// TestLinksWhenTheClockIsSet: a link does not last longer than its three days
// because the clock was wrong when it was made, nor begin again.
func TestLinksWhenTheClockIsSet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		right := h.now
		_, before := h.invite(t, "Anna")
		h.now = right.Add(48 * time.Hour)
		_, ahead := h.invite(t, "Bela")
		h.now = right
		_, err := h.UseLink(t.Context(), ahead.Token)
		wantKind(t, "a link of the day after tomorrow", err, problem.Expired)
		h.now = right.Add(73 * time.Hour)
		if err := (identity.Sessions{Store: s, Now: func() time.Time { return h.now }}).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.now = right
		_, err = h.UseLink(t.Context(), before.Token)
		wantKind(t, "a link that had ended when the clock was set back", err, problem.Expired)
		h.now = right.Add(48 * time.Hour)
		if _, err := h.UseLink(t.Context(), ahead.Token); err != nil {
			t.Errorf("when its time has come it works: %v", err)
		}
	})
}

func TestALinkIsUsedOnceByManyAtTheSameTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		_, link := h.invite(t, "Anna")
		var group sync.WaitGroup
		var mu sync.Mutex
		entered := 0
		for range 8 {
			group.Go(func() {
				if _, err := h.UseLink(t.Context(), link.Token); err == nil {
					mu.Lock()
					entered++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if entered != 1 {
			t.Errorf("%d entered by one link", entered)
		}
	})
}

func TestAccountsAreTheOperatorsAndOnesOwn(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	p, _ := h.invite(t, "Anna")
	for _, roles := range [][]mandate.Role{nil, {"king"}} {
		_, _, err := h.Invite(t.Context(), operator(), "Bert", roles)
		wantKind(t, "roles", err, problem.Invalid)
		wantKind(t, "roles", h.SetRoles(t.Context(), operator(), p.ID, roles), problem.Invalid)
	}
	_, _, err := h.Invite(t.Context(), operator(), "  ", []mandate.Role{mandate.Analyst})
	wantKind(t, "no name", err, problem.Invalid)
	wantKind(t, "no state", h.SetState(t.Context(), operator(), p.ID, "gone"), problem.Invalid)
	for _, role := range mandate.Roles {
		actor := mandate.Actor{Kind: mandate.Person, ID: "person/9", Roles: []mandate.Role{role}, Organisation: mandate.Hotline}
		_, _, invited := h.Invite(t.Context(), actor, "New "+string(role), []mandate.Role{mandate.Analyst})
		_, linked := h.NewLink(t.Context(), actor, p.ID)
		_, _, keyed := h.CreateKey(t.Context(), actor, "service", []mandate.Scope{mandate.ScopeRead}, "")
		for what, err := range map[string]error{"invite": invited, "link": linked, "key": keyed, "roles": h.SetRoles(t.Context(), actor, p.ID, []mandate.Role{mandate.Analyst})} {
			if (role == mandate.Operator) != (err == nil) || (err != nil && !problem.Is(err, problem.Denied)) {
				t.Errorf("%s by %s: %v", what, role, err)
			}
		}
	}
	self := operator()
	self.ID = p.ID
	wantKind(t, "one's own roles", h.SetRoles(t.Context(), self, p.ID, mandate.Roles), problem.Denied)
	wantKind(t, "preferences that are not JSON", h.SetPreferences(t.Context(), p, "{"), problem.Invalid)
	wantKind(t, "long preferences", h.SetPreferences(t.Context(), p, `"`+strings.Repeat("a", 16<<10)+`"`), problem.Invalid)
	if err := h.SetPreferences(t.Context(), p, `{"theme":"dark"}`); err != nil {
		t.Fatal(err)
	}
	people, err := h.People(t.Context(), operator())
	if err != nil || people[0].Preferences != `{"theme":"dark"}` || people[0].Name != "Anna" {
		t.Errorf("%+v, %v", people, err)
	}
}

func TestCodes(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	_, link := h.invite(t, "Anna")
	p, err := h.UseLink(t.Context(), link.Token)
	if err != nil {
		t.Fatal(err)
	}
	codes := h.NewCodes(p)
	if !strings.HasPrefix(codes.URL, "otpauth://totp/Brdo%3A%20test:Anna?secret="+codes.Secret+"&") || len(codes.Secret) != 32 {
		t.Errorf("%+v", codes)
	}
	wantKind(t, "a short passphrase", h.ConfirmCodes(t.Context(), p, "eleven sign", codes.Secret, codeAt(t, codes.Secret, h.now)), problem.Invalid)
	wantKind(t, "an old code", h.ConfirmCodes(t.Context(), p, passphrase, codes.Secret, codeAt(t, codes.Secret, h.now.Add(-2*time.Minute))), problem.Invalid)
	wantKind(t, "no code", h.ConfirmCodes(t.Context(), p, passphrase, codes.Secret, ""), problem.Invalid)
	_, err = h.Login(t.Context(), "Anna", passphrase, codeAt(t, codes.Secret, h.now))
	wantKind(t, "before the first code was confirmed", err, problem.Denied)
	first := codeAt(t, codes.Secret, h.now)
	if err := h.ConfirmCodes(t.Context(), p, passphrase, codes.Secret, first); err != nil {
		t.Fatal(err)
	}
	_, err = h.Login(t.Context(), "Anna", passphrase, first)
	wantKind(t, "the confirming code again", err, problem.Denied)
	h.now = h.now.Add(time.Minute)
	code := codeAt(t, codes.Secret, h.now)
	for _, c := range []struct{ name, passphrase, code string }{
		{"another passphrase", passphrase + "!", code},
		{"another code", passphrase, codeAt(t, codes.Secret, h.now.Add(time.Hour))},
		{"no passphrase", "", code},
	} {
		_, err := h.Login(t.Context(), "Anna", c.passphrase, c.code)
		wantKind(t, c.name, err, problem.Denied)
	}
	h.now = h.now.Add(time.Minute) // those were five failures
	code = codeAt(t, codes.Secret, h.now)
	got, err := h.Login(t.Context(), " Anna", passphrase, " "+code)
	if err != nil || got.ID != p.ID || !got.HasCodes || !got.Enrolled() {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = h.Login(t.Context(), "Anna", passphrase, code)
	wantKind(t, "a code twice", err, problem.Denied)
	_, err = h.Login(t.Context(), "Anna", passphrase, codeAt(t, codes.Secret, h.now.Add(-30*time.Second)))
	wantKind(t, "a code before the last one used", err, problem.Denied)
	if _, err := h.Login(t.Context(), "Anna", passphrase, codeAt(t, codes.Secret, h.now.Add(30*time.Second))); err != nil {
		t.Errorf("a phone half a minute ahead: %v", err)
	}
	h.now = h.now.Add(5 * time.Minute)
	if err := h.SetState(t.Context(), operator(), p.ID, store.PersonSuspended); err != nil {
		t.Fatal(err)
	}
	_, err = h.Login(t.Context(), "Anna", passphrase, codeAt(t, codes.Secret, h.now))
	wantKind(t, "suspended", err, problem.Denied)
}

// TestFailuresLockWithGrowingWaits: five failures lock for a minute, each
// further one twice as long, at most an hour; and a stranger cannot tell a
// locked account from one that does not exist.
func TestFailuresLockWithGrowingWaits(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	h := newHouse(t, storetest.SQLite(t))
	_, secret := h.enrol(t, "Anna")
	fail := func() string {
		t.Helper()
		_, err := h.Login(t.Context(), "Anna", passphrase, "000000x")
		wantKind(t, "a wrong code", err, problem.Denied)
		return err.Error()
	}
	right := func() error {
		_, err := h.Login(t.Context(), "Anna", passphrase, codeAt(t, secret, h.now))
		return err
	}
	for range 4 {
		fail()
	}
	if err := right(); err != nil {
		t.Fatalf("after four failures: %v", err)
	}
	h.now = h.now.Add(time.Minute)
	for range 4 {
		fail()
	}
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		open := fail()
		h.now = h.now.Add(time.Duration(minutes)*time.Minute - time.Second)
		err := right()
		wantKind(t, "the right code while the account waits", err, problem.Denied)
		_, unknown := h.Login(t.Context(), "Nobody", passphrase, codeAt(t, secret, h.now))
		if err == nil || unknown == nil || err.Error() != unknown.Error() || open != unknown.Error() {
			t.Fatalf("an account that waits says %v, an unknown one %v, a wrong code %s", err, unknown, open)
		}
		h.now = h.now.Add(time.Second)
	}
	if err := right(); err != nil {
		t.Fatalf("after the wait: %v", err)
	}
	h.now = h.now.Add(time.Minute)
	fail() // counting began anew
	if err := right(); err != nil {
		t.Errorf("after one failure: %v", err)
	}
}

func TestKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		scopes := []mandate.Scope{mandate.ScopeDetect, mandate.ScopeRead}
		key, token, err := h.CreateKey(t.Context(), operator(), "filter", scopes, "uploads")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(token, "brdo_") || len(token) < 70 {
			t.Errorf("token of %d bytes", len(token))
		}
		actor, err := h.Machine(t.Context(), token)
		if err != nil || actor.Kind != mandate.Machine || actor.ID != key.ID || len(actor.Scopes) != 2 || actor.Scopes[0] != mandate.ScopeDetect || actor.Source != "uploads" ||
			len(actor.Roles) != 0 || actor.Organisation != mandate.Hotline {
			t.Fatalf("%+v, %v", actor, err)
		}
		_, second, err := h.CreateKey(t.Context(), operator(), "other", []mandate.Scope{mandate.ScopeRead}, "")
		if err != nil {
			t.Fatal(err)
		}
		firstID, secondID := token[:strings.Index(token[5:], "_")+6], second[:strings.Index(second[5:], "_")+6]
		last := byte('A')
		if token[len(token)-5] == last {
			last = 'B'
		}
		for what, wrong := range map[string]string{
			"nothing": "", "a prefix": "brdo_", "no secret": firstID, "cut short": token[:len(token)-1], "longer": token + "A",
			"another letter": token[:len(token)-5] + string(last) + token[len(token)-4:], "no prefix": token[5:], "another key's name": secondID + token[len(firstID):],
			"an unknown name": "brdo_x_" + token[len(firstID):], "very long": token + strings.Repeat("A", 1<<20), "upper case": strings.ToUpper(token),
		} {
			_, err := h.Machine(t.Context(), wrong)
			wantKind(t, what, err, problem.Denied)
		}
		if err := h.RevokeKey(t.Context(), operator(), key.ID); err != nil {
			t.Fatal(err)
		}
		_, err = h.Machine(t.Context(), token)
		wantKind(t, "revoked", err, problem.Denied)
		wantKind(t, "revoked twice", h.RevokeKey(t.Context(), operator(), key.ID), problem.NotFound)
		if _, err := h.Machine(t.Context(), second); err != nil {
			t.Errorf("the other key: %v", err)
		}
		keys, err := h.Keys(t.Context(), operator())
		if err != nil || len(keys) != 2 {
			t.Fatalf("%+v, %v", keys, err)
		}
		for _, c := range []struct {
			field, name, source string
			scopes              []mandate.Scope
		}{
			{"name", "", "s", scopes}, {"scopes", "n", "s", nil}, {"scopes[0]", "n", "s", []mandate.Scope{"everything"}}, {"source", "n", "", scopes},
		} {
			_, token, err := h.CreateKey(t.Context(), operator(), c.name, c.scopes, c.source)
			if p := problem.From(err); p == nil || p.Field != c.field || token != "" {
				t.Errorf("%s: %v", c.field, err)
			}
		}
	})
}

// TestSecretsAreNeitherStoredNorLogged looks at the bytes on the disk.
func TestSecretsAreNeitherStoredNorLogged(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	p, totpSecret := h.enrol(t, "Anna")
	link, err := h.NewLink(t.Context(), operator(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	code := codeAt(t, totpSecret, h.now)
	if _, err := h.Login(t.Context(), "Anna", passphrase, code); err != nil {
		t.Fatal(err)
	}
	_, token, err := h.CreateKey(t.Context(), operator(), "service", []mandate.Scope{mandate.ScopeRead}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, wrongLogin := h.Login(t.Context(), "Anna", passphrase, code)
	_, wrongKey := h.Machine(t.Context(), token+"A")
	_, wrongLink := h.UseLink(t.Context(), link.Token+"A")
	sessions := identity.Sessions{Store: h.store, Now: func() time.Time { return h.now }}
	if err := sessions.Commit("session-token-of-the-browser", []byte("data"), h.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	disk, log := h.everything(t), h.logged(t)
	if !bytes.Contains(disk, []byte("Anna")) {
		t.Fatal("the search finds nothing at all")
	}
	secret := token[strings.Index(token[5:], "_")+6:]
	for what, value := range map[string]string{
		"a link": link.Token, "a passphrase": passphrase, "the codes' secret": totpSecret, "a key": token, "a key's secret": secret, "a session": "session-token-of-the-browser",
	} {
		if bytes.Contains(disk, []byte(value)) {
			t.Errorf("%s lies on the disk", what)
		}
		if strings.Contains(log, value) {
			t.Errorf("%s was logged", what)
		}
		for _, err := range []error{wrongLogin, wrongKey, wrongLink} {
			if err == nil || strings.Contains(err.Error(), value) {
				t.Errorf("%s is in the error %v", what, err)
			}
		}
	}
	if strings.Contains(log, "Anna") {
		t.Error("a name was logged")
	}
	if strings.Count(log, `"login"`) != 2 {
		t.Errorf("the logins by link and by code were not logged: %s", log)
	}
}

func TestSessions(t *testing.T) {
	var _ scs.CtxStore = identity.Sessions{}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now := time.Now()
		sessions := identity.Sessions{Store: s, Now: func() time.Time { return now }}
		find := func(token, want string) {
			t.Helper()
			data, found, err := sessions.Find(token)
			if err != nil || found != (want != "") || string(data) != want {
				t.Errorf("%s: %q, %v, %v; want %q", token, data, found, err, want)
			}
		}
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		find("one", "")
		check(sessions.Commit("one", []byte("first"), now.Add(time.Minute)))
		check(sessions.Commit("two", []byte("second"), now.Add(identity.SessionIdle)))
		find("one", "first")
		check(sessions.Commit("one", []byte("changed"), now.Add(2*time.Minute)))
		find("one", "changed")
		check(sessions.Delete("one"))
		find("one", "")
		check(sessions.Delete("one"))
		now = now.Add(identity.SessionIdle - time.Second)
		find("two", "second")
		now = now.Add(time.Second)
		find("two", "")
		now = now.Add(time.Second)
		check(sessions.Sweep(t.Context()))
		now = now.Add(-time.Hour)
		find("two", "") // the clock is set back: what has ended does not begin again

		check(sessions.Commit("three", []byte("third"), time.Now().Add(identity.SessionIdle)))
		find("three", "third")
		now = now.Add(-time.Minute)
		find("three", "third")
		now = now.Add(-48 * time.Hour)
		find("three", "") // made while the clock was two days ahead, it would last two days longer

		manager := scs.New()
		manager.Store, manager.IdleTimeout = sessions, identity.SessionIdle
		ctx, err := manager.Load(t.Context(), "")
		check(err)
		manager.Put(ctx, "person", "person/1")
		token, _, err := manager.Commit(ctx)
		check(err)
		again, err := manager.Load(t.Context(), token)
		check(err)
		if manager.GetString(again, "person") != "person/1" {
			t.Error("the session is lost")
		}
		check(manager.RenewToken(again))
		renewed, _, err := manager.Commit(again)
		check(err)
		if old, err := manager.Load(t.Context(), token); err != nil || manager.GetString(old, "person") != "" || renewed == token {
			t.Errorf("the old token works after its renewal: %v", err)
		}
		check(manager.Destroy(again))
	})
}
