package peer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// node is an organisation's node on the loopback interface: real keys, a real
// database, real HTTP.
type node struct {
	*peer.Post
	keys   peer.Keys
	store  *store.Store
	ledger *ledger.Ledger
	runner *job.Runner
	server *httptest.Server
	// content is what the node keeps of media; nil for most tests.
	content *blob.Sealed

	// ahead is how far the node's clock is ahead, later how far its queue's.
	ahead, later atomic.Int64
	// quick lets failed jobs run again at once.
	quick atomic.Bool
	// front stands before the node's handler when it is set.
	front atomic.Pointer[func(http.ResponseWriter, *http.Request, http.Handler)]
	// wire changes the node's requests after they were signed, when it is set.
	wire atomic.Pointer[func(*http.Request) (*http.Response, error)]

	mu       sync.Mutex
	refusals []error
	taken    []peer.Opened
	receipts []peer.Receipt
	// take answers an envelope; nil answers with its subject.
	take func(peer.Opened) (any, error)
}

// refused answers with a problem and keeps it.
func (n *node) refused(w http.ResponseWriter, _ *http.Request, err error) {
	n.mu.Lock()
	n.refusals = append(n.refusals, err)
	n.mu.Unlock()
	code := http.StatusTeapot
	if problem.Is(err, problem.Denied) {
		code = http.StatusForbidden
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": problem.From(err).Reason})
}

// handler serves one node behind its front.
func (n *node) handler() http.Handler {
	inner := n.Handler(n.refused)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if front := n.front.Load(); front != nil {
			(*front)(w, r, inner)
			return
		}
		if n.content != nil && strings.HasPrefix(r.URL.Path, peer.ItemsPath) {
			n.ItemsHandler(n.content, n.refused).ServeHTTP(w, r)
			return
		}
		if r.URL.Path == peer.NodePath {
			n.NodeHandler(n.refused).ServeHTTP(w, r)
			return
		}
		if r.URL.Path == peer.GrowthPath {
			n.GrowthHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
				http.Error(w, problem.From(err).Reason, map[problem.Kind]int{problem.Invalid: http.StatusUnprocessableEntity, problem.Conflict: http.StatusConflict}[problem.From(err).Kind])
			}).ServeHTTP(w, r)
			return
		}
		if r.URL.Path == peer.RegistryPath {
			n.RegistryHandler().ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// RoundTrip is the wire.
func (n *node) RoundTrip(r *http.Request) (*http.Response, error) {
	if wire := n.wire.Load(); wire != nil {
		return (*wire)(r)
	}
	return n.server.Client().Transport.RoundTrip(r)
}

func newIdentity(t testing.TB, name string, kind mandate.OrganisationKind) *keyring.Identity {
	t.Helper()
	identity, err := keyring.CreateIdentity(filepath.Join(t.TempDir(), "identity"), name, kind)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func newNode(t testing.TB, s *store.Store, name string, kind mandate.OrganisationKind) *node {
	t.Helper()
	return newNodeOf(t, s, newIdentity(t, name, kind), nil)
}

// newNodeOf makes the node of an identity. The front, when there is one, stands
// before it on the network and returns the address that others use.
func newNodeOf(t testing.TB, s *store.Store, identity *keyring.Identity, front func(t testing.TB, behind string) string) *node {
	t.Helper()
	name, kind := identity.Public().Name, identity.Public().Organisation
	n := &node{store: s}
	n.server = httptest.NewUnstartedServer(nil)
	public := identity.Public()
	trust, err := translog.NewTrust(public.Name, public.LogVerifier)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	// Far from the machine's clock, so that nothing can lean on that one.
	clock := func(ahead *atomic.Int64) func() time.Time {
		return func() time.Time { return time.Now().AddDate(3, 0, 0).Add(time.Duration(ahead.Load())) }
	}
	n.ledger = ledger.New(ledger.Options{Store: s, Policy: policy, NodeKind: kind, Signer: identity.CheckpointSigner(), Trust: trust, Now: clock(&n.ahead)})
	n.keys = peer.Keys{Self: peer.Node{Public: public, Title: name, URL: "http://" + n.server.Listener.Addr().String(), Country: "SI", Speaks: peer.Version}, Secrets: identity}
	if front != nil {
		n.keys.Self.URL = front(t, n.server.Listener.Addr().String())
	}
	n.runner = job.NewRunner(s, job.Options{Now: clock(&n.later), Workers: 4, Poll: 20 * time.Millisecond, Backoff: n.backoff})
	n.Post = n.rebuilt()
	n.Handle(n.runner)
	n.server.Config.Handler = n.handler()
	n.server.Start()
	t.Cleanup(n.server.Close)
	return n
}

// rebuilt makes the node's post office, with desks that write down what reaches them.
func (n *node) rebuilt() *peer.Post {
	post := peer.New(n.keys, n.ledger, n.store, n)
	post.OnEnvelope(mandate.EnvelopeReport, peer.Handler{Action: mandate.ReportReceive, Take: func(tx *ledger.Tx, _ peer.Node, opened peer.Opened) (any, error) {
		answer, err := any(map[string]string{"about": opened.Subject}), error(nil)
		if n.take != nil {
			answer, err = n.take(opened)
		}
		// Only what was committed has taken effect.
		tx.AfterCommit(func() { n.mu.Lock(); n.taken = append(n.taken, opened); n.mu.Unlock() })
		return answer, err
	}})
	post.OnReceipt(mandate.EnvelopeReport, func(tx *ledger.Tx, _ store.EnvelopeOut, receipt peer.Receipt) error {
		tx.AfterCommit(func() { n.mu.Lock(); n.receipts = append(n.receipts, receipt); n.mu.Unlock() })
		return nil
	})
	return post
}

// backoff is that of a queue, or next to none while quick is set.
func (n *node) backoff(attempt int) time.Duration {
	if n.quick.Load() {
		return 5 * time.Millisecond
	}
	return min(2*time.Second<<min(attempt-1, 20), time.Hour)
}

// two nodes that know each other: a provider and the Centre.
func two(t testing.TB) (provider, centre *node) {
	t.Helper()
	provider = newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
	centre = newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
	provider.meet(t, centre)
	centre.meet(t, provider)
	return provider, centre
}

func (n *node) operator() mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/operator", Roles: []mandate.Role{mandate.Operator}, Organisation: n.ledger.NodeKind()}
}

func (n *node) meet(t testing.TB, other *node) {
	t.Helper()
	if err := n.Register(t.Context(), n.operator(), other.Self()); err != nil {
		t.Fatal(err)
	}
}

// message is a neutral text to be sent as a report.
type message struct {
	Text string `json:"text"`
}

func (n *node) send(t testing.TB, to *node, text string) (string, error) {
	t.Helper()
	return n.sendAs(t, to, text, peer.Normal)
}

// sendAs hands an envelope over, as a person at the node who may send reports.
func (n *node) sendAs(t testing.TB, to *node, text string, priority peer.Priority) (string, error) {
	t.Helper()
	var id string
	supervisor := mandate.Actor{Kind: mandate.Person, ID: "person/1", Roles: []mandate.Role{mandate.Supervisor}, Organisation: n.ledger.NodeKind()}
	act := ledger.Act{Actor: supervisor, Action: mandate.ReportSend, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "report/1"}}
	recipient := ""
	if to != nil {
		recipient = to.Self().NodeID
	}
	err := n.ledger.Do(t.Context(), act, func(tx *ledger.Tx) (err error) {
		id, err = n.Send(tx, peer.Message{
			Recipient: recipient, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: "report-1", Subject: "report/1",
			Purpose: mandate.PurposeReporting, LegalBasis: "demo@1", Priority: priority, Body: message{text},
		})
		return err
	})
	return id, err
}

func (n *node) mustSend(t testing.TB, to *node, text string) string {
	t.Helper()
	id, err := n.send(t, to, text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (n *node) drain(t testing.TB) {
	t.Helper()
	if err := n.runner.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (n *node) read(t testing.TB, consult func(tx *store.Tx) error) {
	t.Helper()
	if err := n.store.Read(context.Background(), consult); err != nil {
		t.Fatal(err)
	}
}

func (n *node) out(t testing.TB, id string) (sent store.EnvelopeOut) {
	t.Helper()
	n.read(t, func(tx *store.Tx) (err error) { sent, err = tx.EnvelopeOut(id); return err })
	return sent
}

// events returns those of an action, oldest first as far as they are placed.
func (n *node) events(t testing.TB, action mandate.Action) []ledger.Event {
	t.Helper()
	var found []ledger.Event
	n.read(t, func(tx *store.Tx) error {
		placed, err := tx.LogEventsFrom(0, 10_000)
		if err != nil {
			return err
		}
		rest, err := tx.UnsequencedLogEvents(10_000)
		for _, row := range append(placed, rest...) {
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			if event.Action == action.Name {
				found = append(found, event)
			}
		}
		return err
	})
	return found
}

func (n *node) last(t testing.TB) error {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.refusals) == 0 {
		return errors.New("nothing was refused")
	}
	return n.refusals[len(n.refusals)-1]
}

// effects is how many envelopes were taken in and how many receipts came.
func (n *node) effects() (taken, receipts int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.taken), len(n.receipts)
}

func (n *node) header(to *node, id string, sequence int64) peer.Header {
	return peer.Header{
		ID: id, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: "report-1", Time: n.ledger.Now(), Subject: "report/1",
		Recipients: []string{to.Self().NodeID}, Purpose: mandate.PurposeReporting, LegalBasis: "demo@1", ReplyTo: "before", Priority: peer.Normal, Sequence: sequence,
		Checkpoint: "none",
	}
}

func (n *node) seal(t testing.TB, to *node, header peer.Header) []byte {
	t.Helper()
	text, err := peer.Seal(n.keys, to.Self(), header, message{"message 17"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
