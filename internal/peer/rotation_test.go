package peer_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// rotate stops a node, replaces its keys and starts it again at its address.
func (n *node) rotate(t testing.TB, directory string, compromised bool) *node {
	t.Helper()
	time.Sleep(2 * time.Millisecond) // rotations are told apart by their milliseconds
	identity, err := keyring.RotateKeys(directory, compromised, n.ledger.Now())
	if err != nil {
		t.Fatal(err)
	}
	again := newNodeOf(t, n.store, identity, func(testing.TB, string) string { return n.Self().URL })
	n.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { again.handler().ServeHTTP(w, r) })
	return again
}

// pair are a provider whose keys can be rotated and a Centre.
func pair(t testing.TB, s *store.Store) (directory string, provider, centre *node) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "identity")
	identity, err := keyring.CreateIdentity(directory, "node.provider.example", mandate.Provider)
	if err != nil {
		t.Fatal(err)
	}
	provider = newNodeOf(t, storetest.SQLite(t), identity, nil)
	centre = newNode(t, s, "node.centre.example", mandate.Centre)
	provider.meet(t, centre)
	centre.meet(t, provider)
	return directory, provider, centre
}

// TestKeysAreRotatedWhileEnvelopesAreOnTheirWay: what was sealed before with the
// old keys, at either side, arrives after; the peer learns of the new keys by
// itself; the node id stays.
func TestKeysAreRotatedWhileEnvelopesAreOnTheirWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		directory, provider, centre := pair(t, s)
		first := provider.mustSend(t, centre, "message 1")
		provider.drain(t)
		waiting := provider.mustSend(t, centre, "message 2")
		if err := centre.answer(t, provider, first, peer.Accepted, ""); err != nil { // sealed to the old key
			t.Fatal(err)
		}
		rotated := provider.rotate(t, directory, false)
		if rotated.Self().NodeID != provider.Self().NodeID || rotated.Self().SigningKey.KeyID == provider.Self().SigningKey.KeyID {
			t.Fatalf("%+v", rotated.Self())
		}
		after := rotated.mustSend(t, centre, "message 3")
		if err := rotated.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		rotated.drain(t)
		centre.drain(t)
		for _, id := range []string{waiting, after} {
			if sent := rotated.out(t, id); sent.State != store.EnvelopeAnswered || sent.Attempts != 1 {
				t.Errorf("%+v", sent)
			}
		}
		if sent := rotated.out(t, first); sent.Status != string(peer.Accepted) {
			t.Errorf("what was on its way to it: %+v", sent)
		}
		known := centre.peers(t)["node.provider.example"]
		if known.SigningKey.KeyID != rotated.Self().SigningKey.KeyID || known.Row.Origin != store.PeerFromOperator {
			t.Errorf("the Centre knows %+v", known)
		}
		told := 0
		for _, event := range centre.events(t, mandate.EnvelopeReceive) {
			if event.Detail["keys_rotated_to"] != nil {
				told++
			}
		}
		if err := rotated.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		rotated.drain(t)
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		// A registry of before does not bring the old keys back.
		centre.mustPublish(t, entryOf(t, provider))
		if known := centre.peers(t)["node.provider.example"]; known.SigningKey.KeyID != rotated.Self().SigningKey.KeyID {
			t.Error("an older registry brought the old keys back")
		}
		again := rotated.rotate(t, directory, false)
		if err := again.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		again.drain(t)
		if known := centre.peers(t)["node.provider.example"]; known.SigningKey.KeyID != again.Self().SigningKey.KeyID {
			t.Error("the second rotation did not arrive")
		}
	})
}

// TestReceiptsOfBeforeARotation: a receipt that was signed and kept before the
// receiver's keys were rotated is a receipt after.
func TestReceiptsOfBeforeARotation(t *testing.T) {
	directory, provider, centre := pair(t, storetest.SQLite(t))
	envelope := provider.seal(t, centre, provider.header(centre, "one", 1))
	old := peer.Receipt{Source: centre.Self().NodeID, ID: "one", Digest: "d", At: centre.ledger.Now().Add(-time.Minute), Status: peer.Received}
	signed, err := peer.SignReceipt(provider.keys, old)
	if err != nil {
		t.Fatal(err)
	}
	late := old
	late.At = centre.ledger.Now().Add(time.Minute)
	forged, err := peer.SignReceipt(provider.keys, late)
	if err != nil {
		t.Fatal(err)
	}
	rotated := provider.rotate(t, directory, false)
	if _, err := peer.OpenReceipt(signed, rotated.Self(), old.Source, "one", "d"); err != nil {
		t.Errorf("of before: %v", err)
	}
	if _, err := peer.OpenReceipt(forged, rotated.Self(), old.Source, "one", "d"); !problem.Is(err, problem.Denied) {
		t.Errorf("of after, with the old key: %v", err)
	}
	if _, err := open(centre.keys, rotated.Self(), envelope, centre.ledger.Now()); err != nil {
		t.Errorf("an envelope of before: %v", err)
	}
	after := provider.header(centre, "two", 2)
	after.Time = centre.ledger.Now().Add(time.Minute)
	if _, err := open(centre.keys, rotated.Self(), provider.seal(t, centre, after), centre.ledger.Now()); !problem.Is(err, problem.Denied) {
		t.Errorf("an envelope of after, with the old key: %v", err)
	}
	again := rotated.rotate(t, directory, true) // the second key may be in other hands
	stolen := rotated.header(centre, "three", 3)
	stolen.Time = centre.ledger.Now().Add(-time.Hour)
	if _, err := open(centre.keys, again.Self(), rotated.seal(t, centre, stolen), centre.ledger.Now()); !problem.Is(err, problem.Denied) {
		t.Errorf("with the stolen key, dated back: %v", err)
	}
}

// TestForgedAnnouncements: nobody changes a peer's keys, address or name but by a
// chain that goes on from the known key, and a revoked node not at all.
func TestForgedAnnouncements(t *testing.T) {
	directory, provider, centre := pair(t, storetest.SQLite(t))
	fork := filepath.Join(t.TempDir(), "identity")
	copyFolder(t, directory, fork)
	rotated := provider.rotate(t, directory, false)
	thief, err := keyring.RotateKeys(fork, false, centre.ledger.Now())
	if err != nil {
		t.Fatal(err)
	}
	announce := func(node peer.Node) int {
		t.Helper()
		text, err := node.Document()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.Post(centre.server.URL+peer.NodePath, "application/json", bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	moved := rotated.Self()
	moved.URL, moved.Title = "https://elsewhere.example", "Somebody else"
	if code := announce(moved); code != http.StatusNoContent {
		t.Fatalf("the genuine keys: %d", code)
	}
	known := centre.peers(t)["node.provider.example"]
	if known.SigningKey.KeyID != rotated.Self().SigningKey.KeyID || known.URL != provider.Self().URL || known.Title != provider.Self().Title {
		t.Errorf("%+v", known.Node)
	}
	forked := rotated.Self()
	forked.Public = thief.Public()
	stranger := newNode(t, storetest.SQLite(t), "node.stranger.example", mandate.Hotline)
	for name, node := range map[string]peer.Node{"another chain": forked, "the old keys": provider.Self(), "a stranger": stranger.Self()} {
		if code := announce(node); code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
	revoked := entryOf(t, rotated)
	revoked.Revoked = &peer.Revocation{At: centre.ledger.Now(), Reason: "its key was stolen"}
	centre.mustPublish(t, revoked)
	again := rotated.rotate(t, directory, true)
	if code := announce(again.Self()); code != http.StatusForbidden {
		t.Errorf("a revoked node: %d", code)
	}
	if known := centre.peers(t)["node.provider.example"]; known.SigningKey.KeyID != rotated.Self().SigningKey.KeyID || known.Row.State != store.PeerRevoked {
		t.Errorf("%+v", known)
	}
}

func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chmod(filepath.Join(to, file.Name()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
