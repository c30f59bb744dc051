package peer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func entryOf(t testing.TB, n *node) peer.RegistryEntry {
	t.Helper()
	document, err := n.Self().Document()
	if err != nil {
		t.Fatal(err)
	}
	return peer.RegistryEntry{Node: document, Mandates: []string{"competent-authority"}}
}

func (n *node) publish(t testing.TB, entries ...peer.RegistryEntry) (peer.Registry, error) {
	t.Helper()
	return n.PublishRegistry(t.Context(), n.operator(), entries)
}

func (n *node) mustPublish(t testing.TB, entries ...peer.RegistryEntry) {
	t.Helper()
	if _, err := n.publish(t, entries...); err != nil {
		t.Fatal(err)
	}
}

func (n *node) mustFollow(t testing.TB) {
	t.Helper()
	if err := n.FollowRegistry(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (n *node) peers(t testing.TB) map[string]peer.PeerState {
	t.Helper()
	states, _, err := n.Peers(t.Context(), n.operator())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]peer.PeerState{}
	for _, state := range states {
		all[state.Name] = state
	}
	return all
}

// member is a node that knows the Centre and nobody else.
func member(t testing.TB, s *store.Store, name string, kind mandate.OrganisationKind, centre *node) *node {
	t.Helper()
	n := newNode(t, s, name, kind)
	n.meet(t, centre)
	n.SetCentre(centre.Self().Name)
	return n
}

// TestTheRegistryIntroducesAndRevokes: nodes that only know the Centre meet by its
// registry; after a revocation nothing passes, and the log says who tried.
func TestTheRegistryIntroducesAndRevokes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		hotline := member(t, storetest.SQLite(t), "node.hotline.example", mandate.Hotline, centre)
		other := member(t, s, "node.other.example", mandate.Hotline, centre)
		other.mustFollow(t) // nothing is published yet
		centre.mustPublish(t, entryOf(t, centre), entryOf(t, hotline), entryOf(t, other))
		hotline.mustFollow(t)
		other.mustFollow(t)
		known := other.peers(t)
		if state := known["node.hotline.example"]; len(known) != 2 || state.Row.Origin != store.PeerFromRegistry || state.Country != "SI" || state.Row.Mandates != "competent-authority" {
			t.Fatalf("%+v", known)
		}
		if known["node.centre.example"].Row.Origin != store.PeerFromOperator {
			t.Error("whom the node trusts is not the operator's decision any more")
		}
		id := hotline.mustSend(t, other, "message 17")
		hotline.drain(t)
		if hotline.out(t, id).State != store.EnvelopeAnswered {
			t.Fatalf("%+v", hotline.out(t, id))
		}
		if events := other.events(t, mandate.EnvelopeReceive); len(events) != 1 || events[0].Detail["registry"] != 1.0 {
			t.Errorf("following was logged as %+v", events)
		}

		revoked := entryOf(t, hotline)
		revoked.Revoked = &peer.Revocation{At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Reason: "its key was stolen"}
		waiting := other.mustSend(t, hotline, "message 18")
		centre.mustPublish(t, entryOf(t, centre), revoked, entryOf(t, other))
		other.mustFollow(t)
		other.mustFollow(t) // the second time nothing has changed
		hotline.mustSend(t, other, "message 19")
		hotline.drain(t)
		err := other.last(t)
		if p := problem.From(err); p.Kind != problem.Denied || p.Field != "registry.revoked" || !strings.Contains(p.Reason, "its key was stolen") {
			t.Errorf("the revoked node was answered with %v", err)
		}
		named := false
		for _, event := range other.events(t, mandate.EnvelopeReceive) {
			named = named || event.Outcome != "done" && event.Actor == "peer/"+strings.TrimPrefix(hotline.Self().NodeID, "node/")
		}
		if !named {
			t.Error("the log does not say who tried")
		}
		if _, err := other.send(t, hotline, "message 20"); !problem.Is(err, problem.Denied) {
			t.Errorf("sending to it: %v", err)
		}
		other.drain(t)
		if sent := other.out(t, waiting); sent.State != store.EnvelopeWaiting || !strings.Contains(sent.LastError, "revoked") {
			t.Errorf("what waited: %+v", sent)
		}
		if err := other.Register(t.Context(), other.operator(), hotline.Self()); !problem.Is(err, problem.Denied) {
			t.Errorf("registered again by hand: %v", err)
		}
		if taken, _ := other.effects(); taken != 1 {
			t.Errorf("%d taken", taken)
		}
		if _, err := centre.publish(t, entryOf(t, centre), entryOf(t, other)); !problem.Is(err, problem.Invalid) {
			t.Errorf("the revocation was lost: %v", err)
		}
		centre.mustPublish(t, entryOf(t, centre), revoked)
		other.mustFollow(t)
		if state := other.peers(t); state["node.other.example"].Row.State == store.PeerActive {
			t.Errorf("%+v", state)
		}
	})
}

// TestWhoIsNotNamedAnyMoreIsRevoked: a node that the next version leaves out.
func TestWhoIsNotNamedAnyMoreIsRevoked(t *testing.T) {
	centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
	hotline := newNode(t, storetest.SQLite(t), "node.hotline.example", mandate.Hotline)
	other := member(t, storetest.SQLite(t), "node.other.example", mandate.Hotline, centre)
	early, late := entryOf(t, hotline), entryOf(t, hotline)
	early.From = centre.ledger.Now().Add(time.Hour)
	late.Until = centre.ledger.Now().Add(-time.Hour)
	for _, step := range []struct {
		entries []peer.RegistryEntry
		field   string
	}{
		{[]peer.RegistryEntry{entryOf(t, other), early}, "registry.valid_from"},
		{[]peer.RegistryEntry{entryOf(t, other), late}, "registry.valid_until"},
		{[]peer.RegistryEntry{entryOf(t, other), entryOf(t, hotline)}, ""},
		{[]peer.RegistryEntry{entryOf(t, other)}, "registry.revoked"},
	} {
		centre.mustPublish(t, step.entries...)
		other.mustFollow(t)
		_, err := other.send(t, hotline, "message 17")
		if (step.field == "") != (err == nil) || err != nil && problem.From(err).Field != step.field {
			t.Errorf("want %q, got %v", step.field, err)
		}
		other.read(t, func(tx *store.Tx) error {
			known, err := other.Known(tx, centre.ledger.Now())
			if want := map[bool]int{true: 2, false: 1}[step.field == ""]; len(known) != want {
				t.Errorf("%d known, want %d", len(known), want)
			}
			return err
		})
	}
}

// TestAnotherRegistryIsRefused: an older one, another of the same number, one by
// another signer, one that was changed, a document of another kind.
func TestAnotherRegistryIsRefused(t *testing.T) {
	centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
	liar := newNode(t, storetest.SQLite(t), "node.liar.example", mandate.Centre)
	other := member(t, storetest.SQLite(t), "node.other.example", mandate.Hotline, centre)
	sign := func(by *node, r peer.Registry) string {
		t.Helper()
		text, err := peer.SignRegistry(by.keys, r)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	r := func(number int64, entries ...peer.RegistryEntry) peer.Registry {
		return peer.Registry{Number: number, At: centre.ledger.Now(), Entries: append(entries, entryOf(t, centre))}
	}
	serve := func(text string) {
		lie := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, text) }
		centre.front.Store(&lie)
	}
	revoked := entryOf(t, liar)
	revoked.Revoked = &peer.Revocation{At: centre.ledger.Now(), Reason: "it lies"}
	serve(sign(centre, r(5, revoked)))
	other.mustFollow(t)
	receipt, err := peer.SignReceipt(centre.keys, peer.Receipt{Status: peer.Received})
	if err != nil {
		t.Fatal(err)
	}
	good := sign(centre, r(6, revoked))
	for name, c := range map[string]struct {
		text string
		kind problem.Kind
	}{
		"an older one":           {sign(centre, r(4, revoked)), problem.Conflict},
		"another of that number": {sign(centre, r(5, revoked, entryOf(t, other))), problem.Conflict},
		"by another Centre":      {sign(liar, r(6)), problem.Denied},
		"by another in its name": {sign(&node{keys: peer.Keys{Self: centre.Self(), Secrets: liar.keys.Secrets}}, r(6)), problem.Denied},
		"a receipt":              {receipt, problem.Denied},
		"changed":                {altered(good), problem.Denied},
		"nonsense":               {"nonsense", problem.Invalid},
		"without a revocation":   {sign(centre, r(7)), problem.Invalid},
		"a huge one":             {strings.Repeat("a", 8<<20+1), problem.Invalid},
	} {
		serve(c.text)
		err := other.FollowRegistry(t.Context())
		if !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		state := other.peers(t)
		if alarms := state["node.centre.example"].Alarms; len(alarms) != 1 || alarms[0].Kind != peer.AlarmRegistry {
			t.Errorf("%s: alarms %+v", name, alarms)
		}
		if len(state) != 2 || state["node.liar.example"].Row.State != store.PeerRevoked {
			t.Fatalf("%s had an effect: %+v", name, state)
		}
	}
	failed := 0
	for _, event := range other.events(t, mandate.EnvelopeReceive) {
		if event.Outcome == "failed" && event.Resource == "registry" {
			failed++
		}
	}
	if failed != 9 {
		t.Errorf("%d of 9 refusals were logged", failed)
	}
	serve(good)
	other.mustFollow(t)
	if alarms := other.peers(t)["node.centre.example"].Alarms; len(alarms) != 0 {
		t.Errorf("the alarm stays: %+v", alarms)
	}
}

func TestWhoMayPublish(t *testing.T) {
	provider, centre := two(t)
	if _, err := provider.publish(t, entryOf(t, centre)); !problem.Is(err, problem.Denied) {
		t.Errorf("a provider: %v", err)
	}
	analyst := centre.operator()
	analyst.Roles = []mandate.Role{mandate.Analyst}
	if _, err := centre.PublishRegistry(t.Context(), analyst, []peer.RegistryEntry{entryOf(t, centre)}); !problem.Is(err, problem.Denied) {
		t.Errorf("an analyst: %v", err)
	}
	without := provider.Self()
	without.Country = ""
	document, err := without.Document()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*peer.RegistryEntry){
		"node.country": func(e *peer.RegistryEntry) { e.Node = document },
		"node":         func(e *peer.RegistryEntry) { e.Node = json.RawMessage(`{}`) },
		"until":        func(e *peer.RegistryEntry) { e.From, e.Until = sealedAt, sealedAt },
		"revoked":      func(e *peer.RegistryEntry) { e.Revoked = &peer.Revocation{At: sealedAt} },
		"mandates":     func(e *peer.RegistryEntry) { e.Mandates = []string{"a,b"} },
	} {
		entry := entryOf(t, provider)
		change(&entry)
		_, err := centre.publish(t, entryOf(t, centre), entry)
		if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != "registry.entries[1]."+name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := centre.publish(t, entryOf(t, centre), entryOf(t, centre)); !problem.Is(err, problem.Invalid) {
		t.Errorf("named twice: %v", err)
	}
	if _, err := centre.publish(t); !problem.Is(err, problem.Invalid) {
		t.Errorf("empty: %v", err)
	}
	draft, err := centre.DraftRegistry(t.Context(), centre.operator())
	if err != nil || len(draft) != 2 {
		t.Fatalf("%d entries, %v", len(draft), err)
	}
	text, err := json.Marshal(draft)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := peer.ParseRegistryEntries(text)
	if err != nil {
		t.Fatal(err)
	}
	published, err := centre.publish(t, entries...)
	if err != nil || published.Number != 1 {
		t.Fatalf("%d, %v", published.Number, err)
	}
	last := centre.events(t, mandate.PeerRegister)
	decision := last[len(last)-1]
	if decision.Actor != "person/operator" || decision.Detail["registry"] != 1.0 {
		t.Errorf("the decision is logged as %+v", decision)
	}
	centre.read(t, func(tx *store.Tx) error {
		row, found, err := tx.LatestRegistryVersion()
		if !found || row.Event != decision.ID {
			t.Errorf("%+v", row)
		}
		return err
	})
}

// TestTheRegistryIsFetchedOnce: a node that has the newest version is not sent it.
func TestTheRegistryIsFetchedOnce(t *testing.T) {
	centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
	other := member(t, storetest.SQLite(t), "node.other.example", mandate.Hotline, centre)
	centre.mustPublish(t, entryOf(t, centre), entryOf(t, other))
	var codes []int
	watch := func(r *http.Request) (*http.Response, error) {
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			codes = append(codes, answer.StatusCode)
		}
		return answer, err
	}
	other.wire.Store(&watch)
	if err := other.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.drain(t)
	other.ahead.Add(int64(11 * time.Minute))
	other.later.Add(int64(11 * time.Minute))
	other.drain(t)
	if len(codes) != 2 || codes[0] != http.StatusOK || codes[1] != http.StatusNotModified {
		t.Errorf("answered with %v", codes)
	}
}

func FuzzOpenRegistry(f *testing.F) {
	centre := keysOf(f, "centre.example", mandate.Centre)
	centre.Self.Country = "NL"
	document, err := centre.Self.Document()
	if err != nil {
		f.Fatal(err)
	}
	good, err := peer.SignRegistry(centre, peer.Registry{Number: 1, At: sealedAt, Entries: []peer.RegistryEntry{{Node: document}}})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := peer.OpenRegistry(good, centre.Self); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := peer.OpenRegistry(text, centre.Self)
		if err == nil && (r.Number != 1 || len(r.Entries) != 1) {
			t.Errorf("accepted %+v", r)
		}
		if err != nil && !problem.Is(err, problem.Denied) && !problem.Is(err, problem.Invalid) {
			t.Errorf("%v", err)
		}
	})
}

// altered is a signed text with one letter of its content changed.
func altered(signed string) string {
	at := strings.Index(signed, ".") + 20
	other := byte('A')
	if signed[at] == other {
		other = 'B'
	}
	return signed[:at] + string(other) + signed[at+1:]
}
