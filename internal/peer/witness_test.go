package peer_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// show makes the log of a node grow by n records and returns its checkpoint.
func (n *node) show(t *testing.T, to *node, records int) string {
	t.Helper()
	for i := range records {
		n.mustSend(t, to, fmt.Sprintf("message %d", i))
	}
	if err := n.ledger.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	note, err := n.ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// witnessed is up to which size a node knows that a peer's log only grew, and
// whether it raised an alarm about that.
func (n *node) witnessed(t *testing.T, of *node) (size int64, waiting int, alarmed bool) {
	t.Helper()
	n.read(t, func(tx *store.Tx) error {
		linked, _, err := tx.LinkedCheckpoint(of.Self().NodeID)
		if err != nil {
			return err
		}
		rest, err := tx.UnlinkedCheckpoints(of.Self().NodeID, 1000)
		if err != nil {
			return err
		}
		alarms, err := tx.OpenExchangeAlarms()
		alarmed = slices.ContainsFunc(alarms, func(a store.ExchangeAlarm) bool { return a.Kind == peer.AlarmLog && a.Peer == of.Self().NodeID })
		size, waiting = linked.Size, len(rest)
		return err
	})
	return size, waiting, alarmed
}

// TestALogOnlyGrows: a node asks its peers to prove that what they show of their
// logs is one history. Who has the keys and writes another one is found.
func TestALogOnlyGrows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
		centre := newNode(t, s, "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		for range 3 {
			provider.show(t, centre, 2)
			provider.drain(t)
		}
		if size, waiting, _ := centre.witnessed(t, provider); size != 0 || waiting < 2 {
			t.Fatalf("proven up to %d and %d wait before anything was asked", size, waiting)
		}
		pass(t, 2*time.Minute, time.Minute, provider, centre)
		size, waiting, alarmed := centre.witnessed(t, provider)
		if size == 0 || waiting != 0 || alarmed {
			t.Fatalf("proven up to %d, %d wait, alarm: %v", size, waiting, alarmed)
		}

		// Another history under the same keys, as after the return of an old backup.
		other := newNodeOf(t, storetest.SQLite(t), provider.keys.Secrets.(*keyring.Identity), nil)
		other.meet(t, centre)
		forged := other.show(t, centre, int(size)+5)
		header := provider.header(centre, "id forged", 100)
		header.Checkpoint = forged
		if _, err := centre.Receive(t.Context(), provider.Self(), provider.seal(t, centre, header)); err != nil {
			t.Fatal(err)
		}
		pass(t, 2*time.Minute, time.Minute, provider, centre)
		if after, waiting, alarmed := centre.witnessed(t, provider); after != size || waiting == 0 || !alarmed {
			t.Errorf("a log that is shorter than it was shown: proven up to %d, %d wait, alarm: %v", after, waiting, alarmed)
		}
		// A person looks. What the peer shows next is another alarm.
		if err := centre.store.Write(t.Context(), func(tx *store.Tx) error {
			open, err := tx.OpenExchangeAlarms()
			if err != nil || len(open) != 1 {
				return fmt.Errorf("%d alarms: %w", len(open), err)
			}
			return tx.LookAtExchangeAlarm(open[0].ID, store.Looked{LookedAt: centre.ledger.Now(), LookedBy: "person/17", LookedBecause: "reason 17"})
		}); err != nil {
			t.Fatal(err)
		}
		// The log grows beyond it: now there are proofs, and they do not fit.
		provider.show(t, centre, int(size)+20)
		provider.drain(t)
		pass(t, 2*time.Minute, time.Minute, provider, centre)
		if after, waiting, alarmed := centre.witnessed(t, provider); after != size || waiting < 2 || !alarmed {
			t.Errorf("a log that does not continue: proven up to %d, %d wait, alarm: %v", after, waiting, alarmed)
		}
		centre.read(t, func(tx *store.Tx) error {
			open, err := tx.OpenExchangeAlarms()
			if len(open) != 1 || !open[0].LookedAt.IsZero() {
				t.Errorf("after a look and another history: %+v", open)
			}
			return err
		})
	})
}

func TestProofsOfGrowthThatCannotBe(t *testing.T) {
	provider, centre := two(t)
	provider.show(t, centre, 5)
	for sizes, want := range map[string]int{
		"1,3": http.StatusOK, "1,2,3,4": http.StatusOK,
		"": 422, "1": 422, "0,3": 422, "-1,3": 422, "3,1": 422, "3,3": 422, "1,x": 422, "1,99999999999999999999": 422, strings.Repeat("1,", 5000) + "2": 422,
		"1,1000": http.StatusConflict, "1,1152921504606846976": http.StatusConflict,
	} {
		answer, err := http.Get(provider.server.URL + peer.GrowthPath + "?sizes=" + sizes)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%.40q: %d %s, want %d", sizes, answer.StatusCode, text, want)
		}
	}
}

// TestAPeerThatProvesNothing: who lies about its proofs is found, who is of an
// older version is left alone, and who does not answer is asked again. The alarm
// ends when the proofs fit.
func TestAPeerThatProvesNothing(t *testing.T) {
	provider, centre := two(t)
	provider.show(t, centre, 1)
	provider.drain(t)
	for name, c := range map[string]struct {
		answer  func(w http.ResponseWriter)
		alarmed bool
	}{
		"older":     {func(w http.ResponseWriter) { http.Error(w, "no such page", http.StatusNotFound) }, false},
		"busy":      {func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusTooManyRequests) }, false},
		"nothing":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "[]") }, true},
		"null":      {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "null") }, true},
		"no list":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"proofs": 1}`) }, true},
		"an empty":  {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "[[],[]]") }, true},
		"endless":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, strings.Repeat("[", 2<<20)) }, true},
		"says none": {func(w http.ResponseWriter) { http.Error(w, "no such log", http.StatusConflict) }, true},
	} {
		honest := provider.front.Load()
		front := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
			if r.URL.Path == peer.GrowthPath {
				c.answer(w)
				return
			}
			inner.ServeHTTP(w, r)
		}
		provider.front.Store(&front)
		for range 2 {
			provider.show(t, centre, 1)
			provider.drain(t)
		}
		before, _, _ := centre.witnessed(t, provider)
		pass(t, 2*time.Minute, time.Minute, provider, centre)
		if size, waiting, alarmed := centre.witnessed(t, provider); size != before || waiting == 0 || alarmed != c.alarmed {
			t.Errorf("%s: proven up to %d and then %d, %d wait, alarm: %v, want %v", name, before, size, waiting, alarmed, c.alarmed)
		}
		provider.front.Store(honest)
		provider.show(t, centre, 1)
		provider.drain(t)
		pass(t, 2*time.Minute, time.Minute, provider, centre)
		if size, waiting, alarmed := centre.witnessed(t, provider); size <= before || waiting != 0 || alarmed {
			t.Fatalf("%s, then honest: proven up to %d and then %d, %d wait, alarm: %v", name, before, size, waiting, alarmed)
		}
	}
}
