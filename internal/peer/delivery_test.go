package peer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestAnEnvelopeIsDeliveredOnceAndAnswered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		for _, n := range []*node{provider, centre} { // so that both have a signed head of their log
			if err := n.ledger.Sequence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		id := provider.mustSend(t, centre, "message 17")
		if _, waiting, err := provider.Peers(t.Context(), provider.operator()); err != nil || len(waiting) != 1 {
			t.Fatalf("%d waiting: %v", len(waiting), err)
		}
		provider.drain(t)
		sent := provider.out(t, id)
		if sent.State != store.EnvelopeAnswered || sent.Attempts != 1 || sent.Receipt == "" {
			t.Fatalf("%+v", sent)
		}
		receipt, err := peer.OpenReceipt(sent.Receipt, centre.Self(), provider.Self().NodeID, id, sent.Digest)
		if err != nil || receipt.Status != peer.Received || string(receipt.Answer) != `{"about":"report/1"}` {
			t.Fatalf("%+v, %v", receipt, err)
		}
		taken, _ := centre.effects()
		_, receipts := provider.effects()
		if taken != 1 || receipts != 1 || string(centre.taken[0].Message) != `{"text":"message 17"}` || centre.taken[0].Subject != "report/1" {
			t.Fatalf("%d taken %+v, %d receipts", taken, centre.taken, receipts)
		}
		centre.read(t, func(tx *store.Tx) error {
			kept, found, err := tx.EnvelopeIn(provider.Self().NodeID, id)
			if !found || kept.Receipt != sent.Receipt || !bytes.Equal(kept.Body, sent.Body) || kept.Digest != sent.Digest {
				t.Errorf("the Centre keeps %+v", kept)
			}
			return err
		})
		// Each is a witness of the other's log.
		for _, pair := range [][2]*node{{provider, centre}, {centre, provider}} {
			pair[0].read(t, func(tx *store.Tx) error {
				notes, err := tx.PeerCheckpoints(pair[1].Self().NodeID)
				if len(notes) != 1 {
					t.Errorf("%s keeps %d checkpoints of %s", pair[0].Self().Name, len(notes), pair[1].Self().Name)
					return err
				}
				trust, err := translog.NewTrust(pair[1].Self().Name, pair[1].Self().LogVerifier)
				if err != nil {
					return err
				}
				_, err = translog.Open([]byte(notes[0]), trust)
				return err
			})
		}
		provider.later.Add(int64(48 * time.Hour))
		provider.drain(t)
		if taken, _ := centre.effects(); taken != 1 || provider.out(t, id).Attempts != 1 {
			t.Error("it was sent again")
		}
		if _, waiting, err := provider.Peers(t.Context(), provider.operator()); err != nil || len(waiting) != 0 {
			t.Errorf("%d waiting: %v", len(waiting), err)
		}
		if deliveries := provider.events(t, mandate.EnvelopeDeliver); len(deliveries) != 1 || deliveries[0].Detail["status"] != "received" {
			t.Errorf("logged %+v", deliveries)
		}
	})
}

func TestAReceiverThatWasDownGetsItLater(t *testing.T) {
	provider, centre := two(t)
	down := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(t, w, "") }
	centre.front.Store(&down)
	id := provider.mustSend(t, centre, "message 17")
	for try := 1; try <= 3; try++ { // after the first try it is not sent before somebody answers
		provider.drain(t)
		sent := provider.out(t, id)
		if sent.State != store.EnvelopeWaiting || sent.Attempts != 1 || sent.LastError != "the recipient cannot be reached" {
			t.Fatalf("try %d: %+v", try, sent)
		}
		provider.later.Add(int64(2 * time.Hour))
	}
	centre.front.Store(nil)
	provider.drain(t)
	if sent := provider.out(t, id); sent.State != store.EnvelopeAnswered || sent.Attempts != 2 || sent.LastError != "" {
		t.Errorf("%+v", sent)
	}
	if taken, _ := centre.effects(); taken != 1 {
		t.Errorf("taken %d times", taken)
	}
}

// reset breaks a connection as a failing network does, after some bytes.
func reset(t testing.TB, w http.ResponseWriter, first string) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(connection, first)
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// TestAConnectionThatBreaksInTheAnswer: the receiver has committed, the sender
// does not know it. However often that happens there is one effect and one
// receipt.
func TestAConnectionThatBreaksInTheAnswer(t *testing.T) {
	provider, centre := two(t)
	var answers []string
	for cut := range 4 {
		broken := func(w http.ResponseWriter, r *http.Request, inner http.Handler) {
			if r.Method == http.MethodGet { // whether it can be reached: it can
				w.WriteHeader(http.StatusNoContent)
				return
			}
			answer := httptest.NewRecorder()
			inner.ServeHTTP(answer, r)
			answers = append(answers, answer.Body.String())
			body := answer.Body.String()
			head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
			reset(t, w, []string{"", head[:20], head, head + body[:len(body)/2]}[cut])
		}
		centre.front.Store(&broken)
		if cut == 0 {
			provider.mustSend(t, centre, "message 17")
		}
		provider.drain(t)
		provider.later.Add(int64(2 * time.Hour))
		if _, receipts := provider.effects(); receipts != 0 {
			t.Fatal("half an answer was taken for a receipt")
		}
	}
	centre.front.Store(nil)
	provider.drain(t)
	taken, _ := centre.effects()
	_, receipts := provider.effects()
	if taken != 1 || receipts != 1 {
		t.Errorf("%d effects, %d receipts", taken, receipts)
	}
	for _, answer := range answers {
		if answer != answers[0] || !strings.Contains(answer, ".") {
			t.Errorf("another receipt: %q and %q", answer, answers[0])
		}
	}
}

func TestTheSameEnvelopeAtTheSameTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
		centre := newNode(t, s, "node.centre.example", mandate.Centre)
		centre.meet(t, provider)
		text := provider.seal(t, centre, provider.header(centre, "one", 1))
		receipts := make([]string, 6)
		var group sync.WaitGroup
		for i := range receipts {
			group.Go(func() {
				var err error
				if receipts[i], err = centre.Receive(t.Context(), provider.Self(), text); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, receipt := range receipts {
			if receipt != receipts[0] || receipt == "" {
				t.Error("the receipts differ")
			}
		}
		if taken, _ := centre.effects(); taken < 1 {
			t.Error("nothing was taken in")
		}
		fresh := 0
		for _, event := range centre.events(t, mandate.ReportReceive) {
			if event.Outcome == "done" && event.Detail["repeated"] == nil {
				fresh++
			}
		}
		if fresh != 1 {
			t.Errorf("it took effect %d times", fresh)
		}
		other := provider.seal(t, centre, provider.header(centre, "one", 2))
		if _, err := centre.Receive(t.Context(), provider.Self(), other); !problem.Is(err, problem.Conflict) {
			t.Errorf("other content under the same id: %v", err)
		}
	})
}

func TestARejectedEnvelopeHasAReceiptThatSaysWhy(t *testing.T) {
	provider, centre := two(t)
	centre.take = func(peer.Opened) (any, error) {
		return nil, fmt.Errorf("taking in: %w", problem.InvalidField("report.form", "there is no such form", "use another"))
	}
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	if taken, _ := centre.effects(); taken != 0 {
		t.Error("a rejected envelope took effect")
	}
	if len(provider.receipts) != 1 {
		t.Fatalf("%d receipts", len(provider.receipts))
	}
	got := provider.receipts[0]
	if got.Status != peer.Rejected || got.Reason != "there is no such form" || got.Field != "report.form" || provider.out(t, id).State != store.EnvelopeAnswered {
		t.Errorf("%+v", got)
	}
	centre.take = nil
	sent := provider.out(t, id)
	again, err := centre.Receive(t.Context(), provider.Self(), sent.Body)
	if err != nil || again != sent.Receipt {
		t.Errorf("the same envelope got another receipt: %v", err)
	}
}

func TestAnErrorOfTheReceiverLeavesTheEnvelopeUnanswered(t *testing.T) {
	provider, centre := two(t)
	centre.take = func(peer.Opened) (any, error) { return nil, errors.New("the disk is full") }
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	sent := provider.out(t, id)
	if sent.State != store.EnvelopeWaiting || strings.Contains(sent.LastError, "disk") {
		t.Errorf("%+v", sent)
	}
	centre.take = nil
	provider.later.Add(int64(2 * time.Hour))
	provider.drain(t)
	if taken, _ := centre.effects(); taken != 1 || provider.out(t, id).State != store.EnvelopeAnswered {
		t.Error("it was not delivered later")
	}
}

// TestWhatTheWireMayNotChange: each change after the signing is refused and has
// no effect; the sender keeps the envelope and sends it again unchanged.
func TestWhatTheWireMayNotChange(t *testing.T) {
	body := func(change func([]byte) []byte) func(*http.Request) {
		return func(r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			text = change(text)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("Content-Length", fmt.Sprint(len(text)))
		}
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		kind   problem.Kind
		reason string
	}{
		{"a byte of the body", body(func(text []byte) []byte { text[len(text)/2] ^= 1; return text }), problem.Denied, "not signed"},
		{"a byte more", body(func(text []byte) []byte { return append(text, ' ') }), problem.Denied, "not signed"},
		{"too large", body(func([]byte) []byte { return make([]byte, peer.MaxEnvelope+1) }), problem.Invalid, "larger than 8 MiB"},
		{"the method", func(r *http.Request) { r.Method = http.MethodPut }, problem.Denied, "not signed"},
		{"the path", func(r *http.Request) { r.URL.Path += "/other" }, problem.Denied, "not signed"},
		{"the host", func(r *http.Request) { r.Host = "other.example" }, problem.Denied, "another host"},
		{"no signature", func(r *http.Request) { r.Header.Del("Signature"); r.Header.Del("Signature-Input") }, problem.Denied, "not signed"},
		{"a nonce less", func(r *http.Request) {
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), ";nonce=", ";other=", 1))
		}, problem.Denied, "not signed"},
		{"another key", func(r *http.Request) {
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), `keyid="node/`, `keyid="node/x`, 1))
		}, problem.Denied, "not in this node's registry"},
		{"not covered", func(r *http.Request) {
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), `"content-digest"`, ``, 1))
		}, problem.Denied, "not signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			provider, centre := two(t)
			spoil := func(r *http.Request) (*http.Response, error) {
				c.change(r)
				return http.DefaultTransport.RoundTrip(r)
			}
			provider.wire.Store(&spoil)
			id := provider.mustSend(t, centre, "message 17")
			provider.drain(t)
			err := centre.last(t)
			if p := problem.From(err); p.Kind != c.kind || !strings.Contains(p.Reason, c.reason) {
				t.Errorf("refused with %v", err)
			}
			if taken, _ := centre.effects(); taken != 0 || provider.out(t, id).State != store.EnvelopeWaiting {
				t.Fatal("it had an effect")
			}
			if refused := centre.events(t, mandate.EnvelopeReceive); len(refused) != 1 || refused[0].Outcome == "done" {
				t.Errorf("the refusal was logged as %+v", refused)
			}
			provider.wire.Store(nil)
			provider.later.Add(int64(2 * time.Hour))
			provider.drain(t)
			if taken, _ := centre.effects(); taken != 1 {
				t.Errorf("sent again unchanged it took effect %d times", taken)
			}
		})
	}
}

func TestARepeatedRequestIsRefused(t *testing.T) {
	provider, centre := two(t)
	var kept *http.Request
	var text []byte
	record := func(r *http.Request) (*http.Response, error) {
		text, _ = io.ReadAll(r.Body)
		kept = r.Clone(t.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
		return http.DefaultTransport.RoundTrip(r)
	}
	provider.wire.Store(&record)
	provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	kept.Body = io.NopCloser(bytes.NewReader(text))
	response, err := http.DefaultTransport.RoundTrip(kept)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if taken, _ := centre.effects(); response.StatusCode == http.StatusOK || taken != 1 || !problem.Is(centre.last(t), problem.Denied) {
		t.Errorf("status %d, %d effects, %v", response.StatusCode, taken, centre.last(t))
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	provider := newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
	centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
	provider.meet(t, centre) // but the Centre does not know the provider
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	if err := centre.last(t); !problem.Is(err, problem.Denied) || !strings.Contains(err.Error(), "registry") {
		t.Errorf("%v", err)
	}
	if sent := provider.out(t, id); sent.State != store.EnvelopeWaiting || !strings.Contains(sent.LastError, "registry") {
		t.Errorf("the sender does not learn why: %+v", sent)
	}
}

// TestClocksThatDisagree: what cannot be accepted yet is kept, its sender is
// told why, and it arrives when the clocks agree.
func TestClocksThatDisagree(t *testing.T) {
	const days = 48 * time.Hour
	for _, c := range []struct {
		name             string
		provider, centre time.Duration // how far each clock is ahead at first
		field, reason    string        // what the sender learns; empty means that it is delivered
		set              time.Duration // how far both clocks are ahead when they were set
		then             string        // the field of the next refusal; empty means that it is delivered then
	}{
		{name: "four minutes ahead", provider: 4 * time.Minute},
		{name: "four minutes behind", centre: 4 * time.Minute},
		{name: "the sender two days behind", centre: days, field: "signature-input.created", reason: "48h0m0s before", set: days},
		{name: "the sender two days behind, the receiver set back", centre: days, field: "signature-input.created", reason: "48h0m0s before"},
		{name: "the sender two days ahead", provider: days, field: "signature-input.created", reason: "48h0m0s after", then: "envelope.time"},
		{name: "the sender two days ahead, the receiver set right", provider: days, field: "signature-input.created", reason: "48h0m0s after", set: days},
	} {
		t.Run(c.name, func(t *testing.T) {
			provider, centre := two(t)
			clocks := func(p, c time.Duration) {
				provider.ahead.Store(int64(p))
				centre.ahead.Store(int64(c))
			}
			again := func() { provider.later.Add(int64(2 * time.Hour)); provider.drain(t) }
			clocks(c.provider, c.centre)
			provider.later.Store(int64(c.provider))
			id := provider.mustSend(t, centre, "message 17")
			provider.drain(t)
			refused := func(field, reason string) {
				t.Helper()
				if p := problem.From(centre.last(t)); p.Field != field || !strings.Contains(p.Reason, reason) || !strings.Contains(p.Remedy, "NTP") {
					t.Errorf("refused with %+v", p)
				}
				if taken, _ := centre.effects(); taken != 0 {
					t.Error("it had an effect")
				}
				if sent := provider.out(t, id); sent.State != store.EnvelopeWaiting || !strings.Contains(sent.LastError, reason) {
					t.Errorf("the sender keeps and knows %+v", sent)
				}
			}
			if c.field != "" {
				refused(c.field, c.reason)
				clocks(c.set, c.set)
				again()
			}
			if c.then != "" { // sealed with a time that has not come yet
				refused(c.then, "in the future")
				clocks(days, days)
				again()
			}
			if taken, _ := centre.effects(); taken != 1 || provider.out(t, id).State != store.EnvelopeAnswered {
				t.Errorf("taken %d times: %v", taken, centre.last(t))
			}
		})
	}
}

func TestSendNeedsOneKnownRecipient(t *testing.T) {
	provider, _ := two(t)
	if _, err := provider.send(t, nil, "message 17"); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "recipients" {
		t.Errorf("no recipient: %v", err)
	}
	stranger := newNode(t, storetest.SQLite(t), "node.hotline.example", mandate.Hotline)
	if _, err := provider.send(t, stranger, "message 17"); !problem.Is(err, problem.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// TestAnEnvelopeThatNamesNobody is the tenth acceptance scenario, at the receiver: it is refused,
// the log says so, and a person is told, once, however often it comes.
func TestAnEnvelopeThatNamesNobody(t *testing.T) {
	provider, centre := two(t)
	good := provider.seal(t, centre, provider.header(centre, "one", 1))
	nobody := strings.Replace(string(good), fmt.Sprintf(`"recipients":[%q]`, centre.Self().NodeID), `"recipients":[]`, 1)
	alarms := func() (open []store.ExchangeAlarm) {
		t.Helper()
		if err := centre.store.Read(t.Context(), func(tx *store.Tx) (err error) { open, err = tx.OpenExchangeAlarms(); return err }); err != nil {
			t.Fatal(err)
		}
		return open
	}
	for range 2 {
		if _, err := centre.Receive(t.Context(), provider.Self(), []byte(nobody)); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "recipients" {
			t.Errorf("an envelope that names nobody: %v", err)
		}
	}
	if open := alarms(); len(open) != 1 || open[0].Kind != peer.AlarmRefused || open[0].Peer != provider.Self().NodeID {
		t.Errorf("open alarms: %+v", open)
	}
	if taken, _ := centre.effects(); taken != 0 {
		t.Errorf("taken %d times", taken)
	}
	if _, err := centre.Receive(t.Context(), provider.Self(), good); err != nil || len(alarms()) != 1 {
		t.Errorf("the envelope as it was sealed: %v; alarms %+v", err, alarms())
	}
}

// TestThePolicyDecidesWhoSendsWhat: an authority does not report to a provider.
func TestThePolicyDecidesWhoSendsWhat(t *testing.T) {
	provider, centre := two(t)
	text := centre.seal(t, provider, centre.header(provider, "one", 1))
	if _, err := provider.Receive(t.Context(), centre.Self(), text); !problem.Is(err, problem.Denied) {
		t.Errorf("%v", err)
	}
	if taken, _ := provider.effects(); taken != 0 {
		t.Error("it had an effect")
	}
	header := provider.header(centre, "two", 1)
	header.Kind = mandate.EnvelopeQuestion
	_, err := centre.Receive(t.Context(), provider.Self(), provider.seal(t, centre, header))
	if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != "envelope.kind" {
		t.Errorf("a kind that nobody takes in: %v", err)
	}
}

func TestGapsInTheNumbersAreNoted(t *testing.T) {
	provider, centre := two(t)
	for _, sequence := range []int64{1, 4, 2, 3, 5, 7, 6} {
		if _, err := centre.Receive(t.Context(), provider.Self(), provider.seal(t, centre, provider.header(centre, fmt.Sprint("id ", sequence), sequence))); err != nil {
			t.Fatal(err)
		}
	}
	var gaps []any
	for _, event := range centre.events(t, mandate.ReportReceive) {
		if gap, found := event.Detail["sequence_gap_after"]; found {
			gaps = append(gaps, gap)
		}
	}
	if fmt.Sprint(gaps) != "[1 5]" {
		t.Errorf("gaps after %v, want 1 and 5", gaps)
	}
}

func TestForgedCheckpointsAreNotedAndNotKept(t *testing.T) {
	provider, centre := two(t)
	if err := centre.ledger.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	others, err := centre.ledger.Checkpoint(t.Context()) // well signed, but by another log
	if err != nil || others == "" {
		t.Fatal(others, err)
	}
	for i, forged := range []string{"nonsense", others} {
		header := provider.header(centre, fmt.Sprint("id ", i), int64(i+1))
		header.Checkpoint = forged
		if _, err := centre.Receive(t.Context(), provider.Self(), provider.seal(t, centre, header)); err != nil {
			t.Fatal(err)
		}
	}
	centre.read(t, func(tx *store.Tx) error {
		notes, err := tx.PeerCheckpoints(provider.Self().NodeID)
		if len(notes) != 0 {
			t.Errorf("kept %q", notes)
		}
		return err
	})
	noted := 0
	for _, event := range centre.events(t, mandate.ReportReceive) {
		if event.Detail["checkpoint_refused"] == provider.Self().NodeID {
			noted++
		}
	}
	if noted != 2 {
		t.Errorf("%d of 2 noted", noted)
	}
}

// TestAReceiptOfAnotherNodeIsNoReceipt: who stands between cannot answer.
func TestAReceiptOfAnotherNodeIsNoReceipt(t *testing.T) {
	provider, centre := two(t)
	liar := newNode(t, storetest.SQLite(t), "node.liar.example", mandate.Centre)
	id := provider.mustSend(t, centre, "message 17")
	sent := provider.out(t, id)
	genuine := peer.Receipt{Source: provider.Self().NodeID, ID: id, Digest: sent.Digest, At: time.Now(), Status: peer.Received}
	answers := map[string]func() (string, error){
		"another's key":    func() (string, error) { return peer.SignReceipt(liar.keys, genuine) },
		"another envelope": func() (string, error) { r := genuine; r.ID = "other"; return peer.SignReceipt(centre.keys, r) },
		"other content": func() (string, error) {
			r := genuine
			r.Digest = peer.Digest(nil)
			return peer.SignReceipt(centre.keys, r)
		},
		"another sender":    func() (string, error) { r := genuine; r.Source = "node/x"; return peer.SignReceipt(centre.keys, r) },
		"an unknown status": func() (string, error) { r := genuine; r.Status = "maybe"; return peer.SignReceipt(centre.keys, r) },
		"nonsense":          func() (string, error) { return "nonsense", nil },
		"nothing":           func() (string, error) { return "", nil },
		"too much":          func() (string, error) { return strings.Repeat("a", 300<<10), nil },
	}
	for name, make := range answers {
		text, err := make()
		if err != nil {
			t.Fatal(err)
		}
		lie := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, text) }
		centre.front.Store(&lie)
		provider.drain(t)
		if _, receipts := provider.effects(); receipts != 0 || provider.out(t, id).State != store.EnvelopeWaiting {
			t.Fatalf("%s was taken for a receipt", name)
		}
		provider.later.Add(int64(2 * time.Hour))
	}
	redirect := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, liar.server.URL+peer.Path, http.StatusTemporaryRedirect)
	}
	centre.front.Store(&redirect)
	provider.drain(t)
	if len(liar.refusals) != 0 {
		t.Error("a redirect was followed")
	}
	centre.front.Store(nil)
	provider.later.Add(int64(2 * time.Hour))
	provider.drain(t)
	if provider.out(t, id).State != store.EnvelopeAnswered {
		t.Error("the genuine receipt was not taken")
	}
}

// TestTheMessageTravelsEncrypted: the message and its text travel encrypted only.
func TestTheMessageTravelsEncrypted(t *testing.T) {
	provider, centre := two(t)
	id := provider.mustSend(t, centre, "message 17")
	body := provider.out(t, id).Body
	if bytes.Contains(body, []byte("message 17")) || !json.Valid(body) {
		t.Errorf("%s", body)
	}
}
