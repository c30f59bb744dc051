package peer_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// decide runs a change as a supervisor's act on a report.
func (n *node) decide(t testing.TB, change func(tx *ledger.Tx) error) error {
	t.Helper()
	supervisor := mandate.Actor{Kind: mandate.Person, ID: "person/1", Roles: []mandate.Role{mandate.Supervisor}, Organisation: n.ledger.NodeKind()}
	act := ledger.Act{Actor: supervisor, Action: mandate.ReportSend, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "report/1"}}
	return n.ledger.Do(t.Context(), act, change)
}

// forward passes a received report on.
func (n *node) forward(t testing.TB, from *node, id string, to *node) (sent string, err error) {
	t.Helper()
	err = n.decide(t, func(tx *ledger.Tx) (err error) {
		sent, err = n.Send(tx, peer.Message{
			Recipient: to.Self().NodeID, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.forwarded.v1", Schema: "report-1", Subject: "received/1",
			Purpose: mandate.PurposeReporting, LegalBasis: "demo@1", Body: message{"message 17"}, Passes: peer.Origin{Source: from.Self().NodeID, ID: id},
		})
		return err
	})
	return sent, err
}

func (n *node) pursue(t testing.TB, kind mandate.EnvelopeKind, ids ...string) (sent []string) {
	t.Helper()
	err := n.decide(t, func(tx *ledger.Tx) (err error) {
		var body any
		if kind == mandate.EnvelopeCorrection {
			body = message{"message 18"}
		}
		sent, err = n.Pursue(tx, peer.Pursuit{Kind: kind, Originals: ids, Reason: "it was sent by mistake", Body: body, LegalBasis: "demo@1"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

func (n *node) pursuits(t testing.TB, id string) (all []peer.Pursued) {
	t.Helper()
	n.read(t, func(tx *store.Tx) error {
		rows, err := tx.EnvelopesReferring(id)
		if err != nil {
			return err
		}
		all, err = peer.Pursuits(rows)
		return err
	})
	return all
}

// three nodes in a row: a provider, the Centre and an authority.
func three(t testing.TB, s *store.Store) (provider, centre, authority *node) {
	t.Helper()
	provider = newNode(t, storetest.SQLite(t), "node.provider.example", mandate.Provider)
	centre = newNode(t, s, "node.centre.example", mandate.Centre)
	authority = newNode(t, storetest.SQLite(t), "node.authority.example", mandate.Authority)
	for _, pair := range [][2]*node{{provider, centre}, {centre, provider}, {centre, authority}, {authority, centre}} {
		pair[0].meet(t, pair[1])
	}
	return provider, centre, authority
}

// TestARecallReachesEverybodyWhoHasIt: the sender pursues it to the receiver, the
// receiver to those to whom it passed the original on, and reports back; whoever
// is down gets it when it is up again.
func TestARecallReachesEverybodyWhoHasIt(t *testing.T) {
	for _, kind := range []mandate.EnvelopeKind{mandate.EnvelopeCorrection, mandate.EnvelopeRecall, mandate.EnvelopeErasure} {
		t.Run(string(kind), func(t *testing.T) {
			each := storetest.Each
			if kind == mandate.EnvelopeCorrection { // the rows are the same for all kinds
				each = func(t *testing.T, test func(*testing.T, *store.Store)) { t.Helper(); test(t, storetest.SQLite(t)) }
			}
			each(t, func(t *testing.T, s *store.Store) {
				provider, centre, authority := three(t, s)
				got := map[*node]peer.Amendment{}
				for _, n := range []*node{centre, authority} {
					n.OnAmendment(mandate.EnvelopeReport, func(_ *ledger.Tx, _ peer.Node, a peer.Amendment) (peer.Amended, error) {
						got[n] = a
						done := peer.Amended{Answer: "done"}
						if a.Kind == mandate.EnvelopeCorrection {
							done.PassOn = message{"message 19"}
						}
						return done, nil
					})
				}
				id := provider.mustSend(t, centre, "message 17")
				provider.drain(t)
				passed, err := centre.forward(t, provider, id, authority)
				if err != nil {
					t.Fatal(err)
				}
				centre.drain(t)

				down := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(t, w, "") }
				authority.front.Store(&down)
				sent := provider.pursue(t, kind, id)
				provider.drain(t)
				centre.drain(t)
				provider.drain(t)
				state := provider.pursuits(t, id)
				if len(state) != 1 || state[0].ID != sent[0] || state[0].Status != "received" || state[0].Settled() ||
					len(state[0].PassedOn) != 1 || state[0].PassedOn[0].Node != authority.Self().NodeID || state[0].PassedOn[0].Status != "waiting" {
					t.Fatalf("while the authority is down: %+v", state)
				}
				authority.front.Store(nil)
				centre.later.Add(int64(2 * time.Hour))
				centre.drain(t)
				provider.drain(t)
				state = provider.pursuits(t, id)
				if !state[0].Settled() || state[0].Status != "forwarded" || len(state[0].PassedOn) != 1 || state[0].PassedOn[0].Status != "received" {
					t.Fatalf("in the end: %+v", state[0])
				}
				if got[centre].Original.ID != id || got[authority].Original.ID != passed || got[authority].Reason != "it was sent by mistake" {
					t.Errorf("the desks got %+v", got)
				}
				if kind == mandate.EnvelopeCorrection && (string(got[centre].Body) != `{"text":"message 18"}` || string(got[authority].Body) != `{"text":"message 19"}`) {
					t.Errorf("corrected to %s and %s", got[centre].Body, got[authority].Body)
				}
				// What the authority does with it comes back through the Centre.
				if err := authority.answerAct(t, centre, centre.pursuits(t, passed)[0].ID, peer.Accepted, ""); err != nil {
					t.Fatal(err)
				}
				authority.drain(t)
				centre.drain(t)
				if state := provider.pursuits(t, id); state[0].PassedOn[0].Status != peer.Accepted {
					t.Errorf("after the authority accepted: %+v", state[0].PassedOn)
				}
				_, err = centre.forward(t, provider, id, authority)
				if refused := problem.Is(err, problem.Conflict); refused == (kind == mandate.EnvelopeCorrection) {
					t.Errorf("passing it on again: %v", err)
				}
			})
		})
	}
}

// answerAct answers as an investigator, who works at an authority.
func (n *node) answerAct(t testing.TB, from *node, id string, status peer.Status, reason string) error {
	t.Helper()
	investigator := mandate.Actor{Kind: mandate.Person, ID: "person/3", Roles: []mandate.Role{mandate.Investigator}, Organisation: n.ledger.NodeKind()}
	act := ledger.Act{Actor: investigator, Action: mandate.ReportAssess, Purpose: mandate.PurposeInvestigation, Resource: access.Resource{ID: "received/1"}}
	return n.ledger.Do(t.Context(), act, func(tx *ledger.Tx) error {
		return n.Answer(tx, peer.Origin{Source: from.Self().NodeID, ID: id}, status, reason)
	})
}

// TestARecallThatOvertakesIsNotLost: a recall that arrives before its original is
// not rejected, because the original would be worked on.
func TestARecallThatOvertakesIsNotLost(t *testing.T) {
	provider, centre := two(t)
	id := provider.mustSend(t, centre, "message 17")
	recall := provider.pursue(t, mandate.EnvelopeRecall, id)[0]
	if _, err := centre.Receive(t.Context(), provider.Self(), provider.out(t, recall).Body); !problem.Is(err, problem.Unavailable) {
		t.Fatalf("the recall alone: %v", err)
	}
	provider.drain(t)
	provider.later.Add(int64(2 * time.Hour))
	provider.drain(t)
	if state := provider.pursuits(t, id); len(state) != 1 || !state[0].Settled() {
		t.Errorf("%+v", state)
	}
}

// TestARecallIsPursuedWithoutEnd: an ordinary envelope that is refused is given up
// for a person after a month; a recall never is, and the silence is said.
func TestARecallIsPursuedWithoutEnd(t *testing.T) {
	provider, centre := two(t)
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	ill := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusInternalServerError)
	}
	centre.front.Store(&ill)
	other := provider.mustSend(t, centre, "message 18")
	recall := provider.pursue(t, mandate.EnvelopeRecall, id)[0]
	// As after 719 failures.
	db, err := sql.Open("sqlite", "file:"+provider.store.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE jobs SET attempt = 719 WHERE state = 'waiting'`); err != nil {
		t.Fatal(err)
	}
	provider.drain(t)
	provider.later.Add(int64(2 * time.Hour))
	provider.drain(t)
	if tried := provider.out(t, other).Attempts; tried != 1 {
		t.Errorf("an ordinary envelope was tried %d times after its last", tried)
	}
	if tried := provider.out(t, recall).Attempts; tried != 2 {
		t.Errorf("the recall was tried %d times", tried)
	}
	provider.ahead.Store(int64(25 * time.Hour))
	if err := provider.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	states, _, err := provider.Peers(t.Context(), provider.operator())
	kinds := map[string]bool{}
	for _, alarm := range states[0].Alarms {
		kinds[alarm.Kind] = true
	}
	if err != nil || !kinds[peer.AlarmPursuit] || !kinds[peer.AlarmSilence] {
		t.Errorf("alarms %v, %v", kinds, err)
	}
	centre.front.Store(nil)
	provider.ahead.Store(0)
	provider.later.Add(int64(2 * time.Hour))
	provider.drain(t)
	if state := provider.pursuits(t, id); !state[0].Settled() {
		t.Errorf("%+v", state)
	}
}

// TestForgedAmendments: nobody takes back what another sent, nor what was not sent.
func TestForgedAmendments(t *testing.T) {
	provider, centre, authority := three(t, storetest.SQLite(t))
	taken := 0
	centre.OnAmendment(mandate.EnvelopeReport, func(*ledger.Tx, peer.Node, peer.Amendment) (peer.Amended, error) {
		taken++
		return peer.Amended{}, nil
	})
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	digest := provider.out(t, id).Digest
	for name, c := range map[string]struct {
		from    *node
		reply   string
		message any
		kind    problem.Kind
	}{
		"of another's report": {authority, id, map[string]string{"id": id, "digest": digest, "reason": "because"}, problem.Unavailable},
		"of other bytes":      {provider, id, map[string]string{"id": id, "digest": peer.Digest(nil), "reason": "because"}, problem.Invalid},
		"without a reason":    {provider, id, map[string]string{"id": id, "digest": digest}, problem.Invalid},
		"of two things":       {provider, "another", map[string]string{"id": id, "digest": digest, "reason": "because"}, problem.Invalid},
		"of nothing":          {provider, "", map[string]string{"reason": "because"}, problem.Invalid},
		"nonsense":            {provider, id, "nonsense", problem.Invalid},
	} {
		header := c.from.header(centre, store.NewID(""), 50)
		header.Kind, header.ReplyTo = mandate.EnvelopeRecall, c.reply
		text, err := peer.Seal(c.from.keys, centre.Self(), header, c.message)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := centre.Receive(t.Context(), c.from.Self(), text)
		if err == nil {
			opened, wrong := peer.OpenReceipt(receipt, centre.Self(), c.from.Self().NodeID, header.ID, peer.Digest(text))
			if wrong != nil {
				t.Fatal(wrong)
			}
			if opened.Status == peer.Rejected {
				err = problem.InvalidField(opened.Field, opened.Reason, "")
			}
		}
		if !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if taken != 0 {
		t.Errorf("the desk was asked %d times", taken)
	}
	err := provider.decide(t, func(tx *ledger.Tx) error {
		for name, pursuit := range map[string]peer.Pursuit{
			"no such kind": {Kind: mandate.EnvelopeReport, Originals: []string{id}, Reason: "because"},
			"nobody":       {Kind: mandate.EnvelopeRecall, Reason: "because"},
			"no reason":    {Kind: mandate.EnvelopeRecall, Originals: []string{id}},
			"a long one":   {Kind: mandate.EnvelopeRecall, Originals: []string{id}, Reason: strings.Repeat("a", 1001)},
			"no content":   {Kind: mandate.EnvelopeCorrection, Originals: []string{id}, Reason: "because"},
		} {
			if _, err := provider.Pursue(tx, pursuit); !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := provider.Pursue(tx, peer.Pursuit{Kind: mandate.EnvelopeRecall, Originals: []string{"another"}, Reason: "because"}); !problem.Is(err, problem.NotFound) {
			t.Errorf("what was never sent: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWithoutADeskAPersonAnswers: an amendment of a kind that no desk takes in is
// stored and receipted; a person answers it later.
func TestWithoutADeskAPersonAnswers(t *testing.T) {
	provider, centre := two(t)
	var said []peer.Status
	provider.OnReceipt(mandate.EnvelopeErasure, func(_ *ledger.Tx, _ store.EnvelopeOut, receipt peer.Receipt) error {
		said = append(said, receipt.Status)
		return nil
	})
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	erasure := provider.pursue(t, mandate.EnvelopeErasure, id)[0]
	provider.drain(t)
	for _, step := range []peer.Status{peer.Accepted, peer.Closed} {
		if err := centre.answer(t, provider, erasure, step, "erased"); err != nil {
			t.Fatal(err)
		}
	}
	centre.drain(t)
	text, _ := json.Marshal(said)
	if string(text) != `["received","accepted","closed"]` {
		t.Errorf("the sender learnt %s", text)
	}
}
