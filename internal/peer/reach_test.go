package peer_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// asked counts what a node is asked: envelopes, and anything else.
type asked struct{ envelopes, others atomic.Int64 }

// counting stands before a node, counts, and lets through what broken lets through.
func counting(t *testing.T, n *node, broken func(r *http.Request) bool) *asked {
	a := &asked{}
	front := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		if r.Method == http.MethodPost {
			a.envelopes.Add(1)
		} else {
			a.others.Add(1)
		}
		if broken(r) {
			reset(t, w, "")
			return
		}
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		inner.ServeHTTP(w, r)
	}
	n.front.Store(&front)
	return a
}

// pass lets time go by for all nodes and works off what is due at each, in steps.
func pass(t *testing.T, all, step time.Duration, nodes ...*node) {
	t.Helper()
	for range all / step {
		for _, n := range nodes {
			n.ahead.Add(int64(step))
			n.later.Add(int64(step))
		}
		for _, n := range nodes {
			n.drain(t)
		}
	}
}

// TestWhatWaitsForAPeerComesWhenItAnswers: while nobody answers, the recipient is
// asked for by itself and envelopes cost nothing; then all of them come, once.
func TestWhatWaitsForAPeerComesWhenItAnswers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		var parted atomic.Bool
		parted.Store(true)
		a := counting(t, centre, func(*http.Request) bool { return parted.Load() })
		var ids []string
		for i := range 5 {
			ids = append(ids, provider.mustSend(t, centre, fmt.Sprintf("message %d", i)))
		}
		provider.drain(t)
		pass(t, 10*time.Second, 2*time.Second, provider, centre)
		tried := a.envelopes.Load()
		for i := range 3 { // they are not even tried
			ids = append(ids, provider.mustSend(t, centre, fmt.Sprintf("later %d", i)))
		}
		before := a.others.Load()
		pass(t, 4*time.Minute, 20*time.Second, provider, centre)
		if got := a.envelopes.Load(); got != tried || tried > 10 {
			t.Errorf("%d envelopes were sent while nobody answered, and %d before that was known", got-tried, tried)
		}
		if got := a.others.Load() - before; got < 10 || got > 14 {
			t.Errorf("in four minutes it was asked %d times whether it answers", got)
		}
		provider.read(t, func(tx *store.Tx) error {
			jobs, err := tx.JobsOfKind("envelope.deliver")
			for _, job := range jobs {
				if job.State != store.JobWaiting || job.MaxAttempt-job.Attempt != 720 {
					t.Errorf("waiting costs attempts: %+v", job)
				}
			}
			row, found := tx.Peer(centre.Self().NodeID)
			if found != nil || row.UnreachedSince.IsZero() {
				t.Errorf("%+v, %v", row, found)
			}
			return err
		})
		parted.Store(false)
		pass(t, 20*time.Second, 20*time.Second, provider, centre)
		for _, id := range ids {
			if sent := provider.out(t, id); sent.State != store.EnvelopeAnswered {
				t.Errorf("twenty seconds after it answers: %s, %s", sent.State, sent.LastError)
			}
		}
		if taken, _ := centre.effects(); taken != len(ids) || a.envelopes.Load() != tried+int64(len(ids)) {
			t.Errorf("%d taken in of %d, by %d requests", taken, len(ids), a.envelopes.Load()-tried)
		}
		asked := a.others.Load()
		pass(t, time.Hour, 10*time.Minute, provider, centre)
		if a.others.Load() != asked {
			t.Error("it is still asked whether it answers")
		}
	})
}

// TestAPeerThatSpeaksIsReached: what comes from a peer says that it is there.
func TestAPeerThatSpeaksIsReached(t *testing.T) {
	provider, centre := two(t)
	var parted atomic.Bool
	parted.Store(true)
	before := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	counting(t, centre, func(*http.Request) bool { return parted.Load() })
	id := provider.mustSend(t, centre, "message 18")
	provider.drain(t)
	pass(t, 10*time.Second, 2*time.Second, provider, centre)
	parted.Store(false)
	if err := centre.answer(t, provider, before, peer.Accepted, ""); err != nil {
		t.Fatal(err)
	}
	centre.drain(t)
	provider.drain(t) // no time has passed
	if sent := provider.out(t, id); sent.State != store.EnvelopeAnswered {
		t.Errorf("it is %s after %d attempts: %s", sent.State, sent.Attempts, sent.LastError)
	}
}

// TestAProxyBeforeANodeThatIsDown: what it answers is not the node's answer.
func TestAProxyBeforeANodeThatIsDown(t *testing.T) {
	for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			provider, centre := two(t)
			var envelopes atomic.Int64
			proxy := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				if r.Method == http.MethodPost {
					envelopes.Add(1)
				}
				w.WriteHeader(status)
			}
			centre.front.Store(&proxy)
			id := provider.mustSend(t, centre, "message 17")
			provider.drain(t)
			pass(t, time.Minute, 20*time.Second, provider, centre)
			if envelopes.Load() > 2 {
				t.Errorf("the envelope was sent %d times", envelopes.Load())
			}
			counting(t, centre, func(*http.Request) bool { return false })
			pass(t, 20*time.Second, 20*time.Second, provider, centre)
			if sent := provider.out(t, id); sent.State != store.EnvelopeAnswered {
				t.Errorf("it is %s: %s", sent.State, sent.LastError)
			}
		})
	}
}

// TestABusyRecipientIsNotHastened: what it gave a time comes at that time, also
// when the recipient was out of reach meanwhile.
func TestABusyRecipientIsNotHastened(t *testing.T) {
	provider, centre := two(t)
	busy := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	centre.front.Store(&busy)
	first := provider.mustSend(t, centre, "message 1")
	provider.drain(t)
	var parted atomic.Bool
	parted.Store(true)
	counting(t, centre, func(*http.Request) bool { return parted.Load() })
	second := provider.mustSend(t, centre, "message 2")
	pass(t, 10*time.Second, 2*time.Second, provider, centre)
	parted.Store(false)
	pass(t, 20*time.Second, 4*time.Second, provider, centre)
	if provider.out(t, second).State != store.EnvelopeAnswered {
		t.Error("what waited for the recipient is still waiting")
	}
	if sent := provider.out(t, first); sent.State != store.EnvelopeWaiting || sent.Attempts != 1 {
		t.Errorf("it came before the time that the recipient gave: %s, %d attempts", sent.State, sent.Attempts)
	}
	pass(t, time.Minute, 20*time.Second, provider, centre)
	if sent := provider.out(t, first); sent.State != store.EnvelopeAnswered {
		t.Errorf("it never came: %s", sent.LastError)
	}
}

// TestOneEnvelopeThatNeverArrives: something on the way breaks the connection at
// this one alone. The others are not held up by it, and it is not sent without end.
func TestOneEnvelopeThatNeverArrives(t *testing.T) {
	provider, centre := two(t)
	bad := provider.mustSend(t, centre, "message 1")
	body := provider.out(t, bad).Body
	var sentAgain atomic.Int64
	counting(t, centre, func(r *http.Request) bool {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(text))
		if !bytes.Equal(text, body) {
			return false
		}
		sentAgain.Add(1)
		return true
	})
	provider.drain(t)
	pass(t, 4*time.Minute, 5*time.Second, provider, centre)
	good := provider.mustSend(t, centre, "message 2")
	provider.drain(t)
	if sent := provider.out(t, good); sent.State != store.EnvelopeAnswered {
		t.Errorf("the other one: %s, %s", sent.State, sent.LastError)
	}
	if tries := sentAgain.Load(); tries < 20 || tries > 34 {
		t.Errorf("it was sent %d times in four minutes", tries)
	}
	if sent := provider.out(t, bad); sent.State != store.EnvelopeWaiting || !strings.Contains(sent.LastError, "cannot be reached") {
		t.Errorf("it is %s: %s", sent.State, sent.LastError)
	}
}
