package peer_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// TestABusyRecipient: what a recipient turns away comes again when it asked for
// it, and costs no attempt; what is urgent is taken in meanwhile.
func TestABusyRecipient(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		var first atomic.Bool
		held, release := make(chan struct{}), make(chan struct{})
		const pause = 40 * time.Second
		front := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
			inner.ServeHTTP(w, r)
			if first.CompareAndSwap(false, true) { // it keeps its place
				close(held)
				<-release
			}
		}
		behind := door.New(door.Limit{AtOnce: 1, Reserve: 1, Waiting: 0, Patience: 20 * time.Millisecond}, time.Now)
		guard := door.Guard{Urgent: door.SaysUrgent, Reading: 10 * time.Second, Problem: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Retry-After", fmt.Sprint(int(pause.Seconds())))
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprintf(w, `{"detail":%q}`, problem.From(err).Reason)
		}}
		busy := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
			behind.Behind(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front(w, r, inner) }), guard).ServeHTTP(w, r)
		}
		centre.front.Store(&busy)

		one := provider.mustSend(t, centre, "message 1")
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() { provider.drain(t) })
		<-held
		normal := provider.mustSend(t, centre, "message 2")
		urgent, err := provider.sendAs(t, centre, "message 3", peer.Urgent)
		if err != nil {
			t.Fatal(err)
		}
		provider.drain(t)
		if sent := provider.out(t, urgent); sent.State != store.EnvelopeAnswered || sent.Attempts != 1 {
			t.Errorf("the urgent one: %+v", sent)
		}
		if sent := provider.out(t, normal); sent.State != store.EnvelopeWaiting || sent.Attempts != 1 || !strings.Contains(sent.LastError, "429: this node has too much to do") {
			t.Errorf("the other: %+v", sent)
		}
		provider.read(t, func(tx *store.Tx) error {
			jobs, err := tx.JobsOfKind("envelope.deliver")
			for _, job := range jobs {
				if id := strings.Trim(string(job.Payload), `"`); id != normal {
					continue
				}
				wait := job.RunAt.Sub(job.CreatedAt)
				if job.State != store.JobWaiting || wait < pause || wait > 2*pause || job.MaxAttempt-job.Attempt != 720 {
					t.Errorf("its job waits %s: %+v", wait, job)
				}
			}
			return err
		})
		if f := behind.Figures(); f.Refused != 1 || f.Reserved != 1 {
			t.Errorf("%+v", f)
		}
		close(release)
		group.Wait()
		provider.drain(t)
		if sent := provider.out(t, normal); sent.Attempts != 1 {
			t.Error("it came again before it was asked to")
		}
		provider.later.Add(int64(2 * pause))
		provider.drain(t)
		for _, id := range []string{one, normal, urgent} {
			if sent := provider.out(t, id); sent.State != store.EnvelopeAnswered {
				t.Errorf("%+v", sent)
			}
		}
		if taken, _ := centre.effects(); taken != 3 {
			t.Errorf("%d were taken in, want 3", taken)
		}
	})
}

// TestAPursuitIsAskedToWait: it has as many attempts as a number can hold, and a
// recipient that asks to wait must not make them one more.
func TestAPursuitIsAskedToWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		original := provider.mustSend(t, centre, "message 17")
		provider.drain(t)
		busy := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		centre.front.Store(&busy)
		recall := provider.pursue(t, mandate.EnvelopeRecall, original)[0]
		for range 3 {
			provider.drain(t)
			provider.read(t, func(tx *store.Tx) error {
				jobs, err := tx.JobsOfKind("envelope.deliver")
				for _, job := range jobs {
					if strings.Trim(string(job.Payload), `"`) == recall && job.State != store.JobWaiting {
						t.Errorf("its job is %s", job.State) // nobody would take it before its lease ends
					}
				}
				return err
			})
			provider.later.Add(int64(time.Minute))
			provider.ahead.Add(int64(time.Minute)) // what the recipient asks for is counted by the ledger's clock
		}
		if sent := provider.out(t, recall); sent.State != store.EnvelopeWaiting || sent.Attempts != 3 {
			t.Errorf("%+v", sent)
		}
		centre.front.Store(nil)
		provider.drain(t)
		if sent := provider.out(t, recall); sent.State != store.EnvelopeAnswered {
			t.Errorf("%+v", sent)
		}
	})
}

func TestAskedToWait(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status int
		text   string
		want   time.Duration
	}{
		{429, "7", 7 * time.Second},
		{503, "7", 7 * time.Second},
		{429, "Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		{429, "999999999999", time.Hour},
		{429, "Sun, 01 Mar 2099 12:00:30 GMT", time.Hour},
		{429, "0", 0},
		{429, "-5", 0},
		{429, "Sun, 01 Mar 2020 12:00:30 GMT", 0},
		{429, "soon", 0},
		{429, "99999999999999999999999", 0},
		{429, "", 0},
		{500, "7", 0},
		{403, "7", 0},
	} {
		response := &http.Response{StatusCode: c.status, Header: http.Header{"Retry-After": {c.text}}, Body: io.NopCloser(strings.NewReader(""))}
		for range 20 {
			if got := peer.AskedToWait(response, now); got < c.want || got > c.want+c.want/4 {
				t.Errorf("%d %q: %s, want %s and up to a quarter more", c.status, c.text, got, c.want)
			}
		}
	}
}
