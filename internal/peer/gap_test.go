package peer_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// hostile is a network that loses requests and answers, holds them up so that
// they overtake each other, and repeats them.
type hostile struct {
	lost, cut, held, repeated atomic.Int64
	mu                        sync.Mutex
	random                    *rand.Rand
	drawn                     int
}

// eachFate are draws at which a request is lost, held up, repeated and cut off: the first
// four meet one each.
var eachFate = []float64{0, 0.3, 0.45, 0.6}

func newHostile(seed uint64) *hostile { return &hostile{random: rand.New(rand.NewPCG(seed, 7))} }

func (h *hostile) draw() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.Float64()
}

// fate is the draw of a request.
func (h *hostile) fate() float64 {
	drawn := h.draw()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.drawn++; h.drawn <= len(eachFate) {
		return eachFate[h.drawn-1]
	}
	return drawn
}

// before stands before a server and returns the address that others use.
func (h *hostile) before(t testing.TB, behind string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go h.serve(connection, behind)
		}
	}()
	return "http://" + listener.Addr().String()
}

// serve passes one request on, or does with it what it likes.
func (h *hostile) serve(connection net.Conn, behind string) {
	defer connection.Close()
	var request bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(connection, &request))
	parsed, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, parsed.Body); err != nil {
		return
	}
	fate := h.fate()
	switch {
	case fate < 0.15:
		h.lost.Add(1)
		return
	case fate < 0.4:
		h.held.Add(1)
		time.Sleep(time.Duration(1+40*h.draw()) * time.Millisecond)
	case fate < 0.55:
		h.repeated.Add(1)
		if _, err := h.forward(request.Bytes(), parsed, behind); err != nil {
			return
		}
	}
	answer, err := h.forward(request.Bytes(), parsed, behind)
	if err != nil {
		return
	}
	if fate >= 0.55 && fate < 0.7 {
		h.cut.Add(1)
		_, _ = connection.Write(answer[:len(answer)/2])
		return
	}
	_, _ = connection.Write(answer)
}

func (h *hostile) forward(request []byte, parsed *http.Request, behind string) ([]byte, error) {
	server, err := net.Dial("tcp", behind)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(server, &answer)), parsed)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return answer.Bytes(), err
}

// run works off a node's jobs in the background until the test ends.
func (n *node) run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = n.runner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// until waits for something that must become true.
func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for range 3000 {
		if reached() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never happened: %s", what)
}

// TestAHostileNetworkLosesNothing: over a network that loses, cuts, holds up and
// repeats, every envelope takes effect exactly once and no gap stays open.
func TestAHostileNetworkLosesNothing(t *testing.T) {
	const envelopes = 40
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		network := newHostile(11)
		provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
		centre := newNodeOf(t, s, newIdentity(t, "node.centre.example", mandate.Centre), network.before)
		provider.meet(t, centre)
		centre.meet(t, provider)
		provider.quick.Store(true)
		transport := &http.Transport{DisableKeepAlives: true}
		direct := func(r *http.Request) (*http.Response, error) { return transport.RoundTrip(r) }
		provider.wire.Store(&direct)
		for i := range envelopes {
			provider.mustSend(t, centre, fmt.Sprintf("message %d", i))
		}
		provider.run(t)
		until(t, "all envelopes have their receipts", func() bool {
			_, receipts := provider.effects()
			return receipts == envelopes
		})
		if network.lost.Load()*network.cut.Load()*network.held.Load()*network.repeated.Load() == 0 {
			t.Error("the network was not hostile in every way")
		}
		centre.read(t, func(tx *store.Tx) error {
			gaps, err := tx.Gaps(provider.Self().NodeID, 100)
			if len(gaps) != 0 {
				t.Errorf("still missing %+v", gaps)
			}
			return err
		})
		once := map[string]int{}
		noted := 0
		for _, event := range centre.events(t, mandate.ReportReceive) {
			if event.Outcome == "done" && event.Detail["repeated"] == nil {
				once[event.Detail["envelope"].(string)]++
			}
			if event.Detail["sequence_gap_after"] != nil {
				noted++
			}
		}
		if len(once) != envelopes || noted == 0 {
			t.Errorf("%d of %d took effect, %d gaps were noted on the way", len(once), envelopes, noted)
		}
		for id, times := range once {
			if times != 1 {
				t.Errorf("%s took effect %d times", id, times)
			}
		}
	})
}

// TestAReceiverWithAnOlderCopyGetsAllAgain: a receiver that was restored from an
// older copy finds the gap with the next envelope, and the sender sends again
// what it had the receipts of.
func TestAReceiverWithAnOlderCopyGetsAllAgain(t *testing.T) {
	provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
	identity := newIdentity(t, "node.centre.example", mandate.Centre)
	centre := newNodeOf(t, storetest.SQLite(t), identity, nil)
	provider.meet(t, centre)
	centre.meet(t, provider)
	provider.mustSend(t, centre, "message 1")
	provider.drain(t)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := centre.store.Snapshot(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= 6; i++ {
		provider.mustSend(t, centre, fmt.Sprintf("message %d", i))
	}
	provider.drain(t)
	old, err := store.Open(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { old.Close() })
	restored := newNodeOf(t, old, identity, nil)
	// The network leads to the restored node under the same address.
	centre.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { restored.handler().ServeHTTP(w, r) })
	restored.keys.Self.URL = centre.keys.Self.URL
	restored.Post = restored.rebuilt()
	last := provider.mustSend(t, centre, "message 7")
	provider.drain(t)
	receipt, err := peer.OpenReceipt(provider.out(t, last).Receipt, centre.Self(), provider.Self().NodeID, last, provider.out(t, last).Digest)
	if err != nil || !slices.Equal(receipt.Missing, []peer.Range{{First: 2, Last: 6}}) {
		t.Fatalf("the receipt misses %+v, %v", receipt.Missing, err)
	}
	taken, _ := restored.effects()
	_, receipts := provider.effects()
	if taken != 6 || receipts != 7 {
		t.Errorf("%d taken again, the desk was told of %d receipts", taken, receipts)
	}
	restored.read(t, func(tx *store.Tx) error {
		gaps, err := tx.Gaps(provider.Self().NodeID, 100)
		if len(gaps) != 0 {
			t.Errorf("still missing %+v", gaps)
		}
		return err
	})
}

// TestAnOldReceiptAsksForNothing: the receipt of an envelope that comes again is
// the first one, and names what was missing then. What was receipted since is not
// sent again for it; otherwise old receipts ask for each other's envelopes.
func TestAnOldReceiptAsksForNothing(t *testing.T) {
	provider, centre := two(t)
	var ids []string
	for i := range 6 {
		ids = append(ids, provider.mustSend(t, centre, fmt.Sprintf("message %d", i)))
	}
	for i := range ids { // the last one first, and all their receipts are lost
		if _, err := centre.Receive(t.Context(), provider.Self(), provider.out(t, ids[len(ids)-1-i]).Body); err != nil {
			t.Fatal(err)
		}
		centre.ahead.Add(int64(time.Second))
	}
	var asked atomic.Int64
	count := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
		asked.Add(1)
		inner.ServeHTTP(w, r)
	}
	centre.front.Store(&count)
	provider.drain(t)
	if taken, _ := centre.effects(); taken != len(ids) || asked.Load() != int64(len(ids)) {
		t.Errorf("%d were taken in; %d requests were made for %d envelopes", taken, asked.Load(), len(ids))
	}
}

// TestAGapThatStaysOpenIsAskedForAndSaid: the receiver asks, raises an alarm that
// people see, and clears it when the gap is closed.
func TestAGapThatStaysOpenIsAskedForAndSaid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
		centre := newNode(t, s, "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		centre.SetClocks(peer.Clocks{Gap: 4 * time.Minute, Silence: time.Hour}) // less than what clocks may differ
		var ids []string
		for i := range 3 {
			ids = append(ids, provider.mustSend(t, centre, fmt.Sprintf("message %d", i)))
		}
		// Only the third arrives, by another way; its receipt is lost.
		if _, err := centre.Receive(t.Context(), provider.Self(), provider.out(t, ids[2]).Body); err != nil {
			t.Fatal(err)
		}
		look := func() (alarms []string, missing []store.Gap) {
			t.Helper()
			if err := centre.Watch(t.Context()); err != nil {
				t.Fatal(err)
			}
			states, _, err := centre.Peers(t.Context(), centre.operator())
			if err != nil || len(states) != 1 {
				t.Fatal(states, err)
			}
			for _, alarm := range states[0].Alarms {
				alarms = append(alarms, alarm.Kind)
			}
			return alarms, states[0].Missing
		}
		if alarms, missing := look(); len(alarms) != 0 || len(missing) != 1 || missing[0].First != 1 || missing[0].Last != 2 {
			t.Fatalf("at once: %v, %+v", alarms, missing)
		}
		centre.ahead.Store(int64(4*time.Minute + time.Second))
		centre.later.Store(centre.ahead.Load())
		for range 2 { // the second look says nothing twice
			if alarms, missing := look(); !slices.Equal(alarms, []string{peer.AlarmGap}) || missing[0].Asked.IsZero() {
				t.Fatalf("when the clock has run: %v, %+v", alarms, missing)
			}
		}
		said := 0
		for _, event := range centre.events(t, mandate.EnvelopeConsult) {
			if event.Detail["alarm"] == peer.AlarmGap {
				said++
			}
		}
		if said != 1 {
			t.Errorf("the alarm was logged %d times", said)
		}
		// The request arrives and the two are sent again, though their jobs had failed
		// and waited for a later time.
		down := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(t, w, "") }
		centre.front.Store(&down)
		provider.drain(t)
		for range 8 { // until the pauses are so long that nobody wants to wait
			provider.later.Add(int64(5 * time.Minute))
			provider.drain(t)
		}
		centre.front.Store(nil)
		centre.ahead.Store(0) // requests are signed by the machine's clock
		centre.drain(t)
		provider.drain(t)
		if taken, _ := centre.effects(); taken != 3 {
			t.Errorf("%d of 3 arrived", taken)
		}
		centre.ahead.Store(int64(4*time.Minute + time.Second))
		if alarms, missing := look(); len(alarms) != 0 || len(missing) != 0 {
			t.Errorf("in the end: %v, %+v", alarms, missing)
		}
	})
}

func TestSilenceIsSaid(t *testing.T) {
	provider, centre := two(t)
	provider.SetClocks(peer.Clocks{Gap: time.Hour, Silence: 3 * time.Hour})
	provider.mustSend(t, centre, "message 17")
	look := func(after time.Duration) []store.ExchangeAlarm {
		t.Helper()
		provider.ahead.Store(int64(after))
		if err := provider.Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
		states, _, err := provider.Peers(t.Context(), provider.operator())
		if err != nil {
			t.Fatal(err)
		}
		return states[0].Alarms
	}
	if alarms := look(3*time.Hour - time.Minute); len(alarms) != 0 {
		t.Errorf("too early: %+v", alarms)
	}
	if alarms := look(3*time.Hour + time.Minute); len(alarms) != 1 || alarms[0].Kind != peer.AlarmSilence {
		t.Errorf("after the clock: %+v", alarms)
	}
	provider.ahead.Store(0)
	provider.drain(t)
	if alarms := look(4 * time.Hour); len(alarms) != 0 {
		t.Errorf("after the receipt: %+v", alarms)
	}
}

// TestForgedRangesGetNothing: whoever asks for numbers gets only what was sent to
// it, and a huge range costs no more than a small one.
func TestForgedRangesGetNothing(t *testing.T) {
	provider, centre := two(t)
	other := newNode(t, storetest.SQLite(t), "node.authority.example", mandate.Authority)
	provider.meet(t, other)
	provider.mustSend(t, centre, "message 1")
	provider.drain(t)
	ask := func(sequence int64, message any) error {
		t.Helper()
		header := other.header(provider, fmt.Sprint("ask ", sequence), sequence)
		header.Kind, header.Type = mandate.EnvelopeReceipt, "eu.brdo.replay.requested.v1"
		text, err := peer.Seal(other.keys, provider.Self(), header, message)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := provider.Receive(t.Context(), other.Self(), text)
		if err != nil {
			return err
		}
		opened, err := peer.OpenReceipt(receipt, provider.Self(), other.Self().NodeID, header.ID, peer.Digest(text))
		if err != nil {
			t.Fatal(err)
		}
		if opened.Status == peer.Rejected {
			return problem.InvalidField(opened.Field, opened.Reason, "")
		}
		return nil
	}
	provider.drain(t)
	before := len(provider.events(t, mandate.EnvelopeDeliver))
	for i, ranges := range [][]peer.Range{{{First: 1, Last: 1 << 53}}, {{First: -5, Last: 1}}, {{First: 9, Last: 3}}, {{First: 0, Last: 0}}} {
		if err := ask(int64(i+1), map[string]any{"missing": ranges}); err != nil {
			t.Errorf("%v: %v", ranges, err)
		}
	}
	provider.drain(t)
	if after := len(provider.events(t, mandate.EnvelopeDeliver)); after != before {
		t.Error("something was sent again for a stranger's request")
	}
	noted := 0
	for _, event := range provider.events(t, mandate.EnvelopeReceive) {
		if event.Detail["missing_never_sent"] != nil {
			noted++
		}
	}
	if noted != 4 {
		t.Errorf("%d of 4 forged ranges were noted", noted)
	}
	many := make([]peer.Range, 17)
	for i, message := range []any{map[string]any{"missing": many}, map[string]any{}, "nonsense", map[string]any{"missing": "all"}} {
		if err := ask(int64(10+i), message); !problem.Is(err, problem.Invalid) {
			t.Errorf("request %d: %v", i, err)
		}
	}
}

// TestMissingNumbersAreCountedRight compares the account of missing numbers with
// a set, for arrivals in any order, also repeated and far ahead.
func TestMissingNumbersAreCountedRight(t *testing.T) {
	s := storetest.SQLite(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		id := fmt.Sprint("node/", round)
		arrivals := rapid.SliceOfN(rapid.Int64Range(1, 40), 1, 25).Draw(t, "arrivals")
		arrived, top := map[int64]bool{}, int64(0)
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			if err := tx.PutPeer(store.Peer{ID: id, Document: []byte("{}"), State: store.PeerActive, Origin: store.PeerFromOperator, RegisteredAt: sealedAt}); err != nil {
				return err
			}
			for _, sequence := range arrivals {
				if _, _, err := peer.CountIn(tx, id, sequence, sealedAt); err != nil {
					return err
				}
				arrived[sequence], top = true, max(top, sequence)
			}
			gaps, err := tx.Gaps(id, 1000)
			if err != nil {
				return err
			}
			missing := map[int64]bool{}
			for _, gap := range gaps {
				for n := gap.First; n <= gap.Last; n++ {
					if missing[n] {
						t.Errorf("%d is missing twice", n)
					}
					missing[n] = true
				}
			}
			for n := int64(1); n <= top; n++ {
				if arrived[n] == missing[n] {
					t.Errorf("%d: arrived %v, missing %v", n, arrived[n], missing[n])
				}
			}
			if len(missing)+len(arrived) != int(top) {
				t.Errorf("%d missing and %d arrived of %d", len(missing), len(arrived), top)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
