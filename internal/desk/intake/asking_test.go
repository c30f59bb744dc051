package intake_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// asker is a provider's node that looks uploads up at a played Shield.
type asker struct {
	*nodetest.Node
	shield *exchangetest.Shield
	list   string
}

func openAsker(t *testing.T, database, sends string) *asker {
	internet := nodetest.OpenInternet(t)
	a := &asker{shield: exchangetest.NewShield("brdo", "word")}
	internet.Host(exchangetest.ShieldHost, a.shield)
	t.Setenv(exchange.VariableOf("shield"), "brdo:word")
	a.Node = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database, Internet: internet, Configure: func(c *node.Config) {
		c.ListExchanges = []node.ListExchange{{
			Name: "shield", Kind: exchange.ArachnidShield, URL: exchangetest.ShieldBase, LegalBasis: nodetest.Basis, Verification: "double", Sources: []string{"uploads"},
			Sends: sends, StaleAfter: 4 * time.Hour, MostWaiting: 2,
		}}
	}})
	nodetest.Must(t, a.Intake.Begin(t.Context()))
	return a
}

func (a *asker) follow(t *testing.T) {
	t.Helper()
	l, err := a.Lists.Create(t.Context(), a.Person("mona", mandate.ListManager), lists.NewList{
		Name: "Shield", Source: "C3P", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Follows: lists.Source{Node: exchange.AddressOf("shield")},
	})
	nodetest.Must(t, err)
	a.list = l.ID
}

// later moves the clock beyond the next question and lets it happen.
func (a *asker) later(t *testing.T, d time.Duration) {
	t.Helper()
	a.Clock.Add(d)
	nodetest.Must(t, a.Drain(t.Context()))
}

// waiting is how many uploads wait, and the names of all look-ups.
func (a *asker) waiting(t *testing.T) (count int64) {
	t.Helper()
	a.Look(t, func(tx *store.Tx) (err error) { count, _, err = tx.CountLookups("shield"); return err })
	return count
}

// kept says whether an item is held here.
func (a *asker) kept(t *testing.T, id string) bool {
	t.Helper()
	err := a.Ledger.Peek(t.Context(), func(tx *store.Tx) error { _, err := tx.Item(id); return err })
	if err != nil && !problem.Is(err, problem.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// answers are the events of look-ups: what was answered, after how many attempts.
func (a *asker) answers(t *testing.T) (all []ledger.Event) {
	t.Helper()
	nodetest.Must(t, a.Ledger.Sequence(t.Context()))
	a.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsFrom(0, 10_000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			nodetest.Must(t, err)
			if event.Action == mandate.DetectionAsk.Name && event.Detail["answer"] != nil {
				all = append(all, event)
			}
		}
		return err
	})
	return all
}

// TestUploadsAreLookedUp: what no list knows, where operator and list manager chose that;
// through failures and a process that dies; nothing is kept of what the exchange does not
// know, and what it knows is for people.
func TestUploadsAreLookedUp(t *testing.T) {
	racetest.Skip(t, "the questions are asked in the goroutine of the test, with some handshakes of TLS")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		a := openAsker(t, database(), "")
		ctx := t.Context()
		known := a.List(t, "double", 1)
		if r := a.Submit(t, nodetest.Submission(2, "")); r.LookedUpAt != "" || a.waiting(t) != 0 {
			t.Errorf("it is looked up although no list follows the exchange: %+v", r)
		}
		a.follow(t)

		// Not known: one question, one event, and nothing is left.
		r := a.Submit(t, nodetest.Submission(2, "user1"))
		if r.LookedUpAt != "shield" || r.Sighting != "" || a.waiting(t) != 1 || a.kept(t, r.SHA256) {
			t.Fatalf("%+v", r)
		}
		var lookup string
		a.Look(t, func(tx *store.Tx) error {
			rows, err := tx.LookupsWaiting("shield", 1)
			lookup = rows[0].ID
			return err
		})
		a.later(t, 0)
		hashes, media := a.shield.Asked()
		if len(hashes) < 2 || len(hashes) > 8 || !slices.Contains(hashes, r.PDQ) || media != 0 {
			t.Errorf("asked about %v and %d files; the hash is %s", hashes, media, r.PDQ)
		}
		a.later(t, time.Minute) // its content is erased
		var erased *keyring.ErasedError
		if _, err := a.Content.Open(ctx, lookup); !errors.As(err, &erased) || a.waiting(t) != 0 || a.kept(t, r.SHA256) {
			t.Errorf("of what is not known there is left: %v", err)
		}
		// A process that dies before the submission is written leaves content.
		left := store.NewID("lookup")
		_, err := a.Content.Seal(ctx, left, "item", strings.NewReader("message 17"))
		nodetest.Must(t, err)
		a.later(t, 10*time.Minute)
		if content, err := a.Content.Open(ctx, left); err != nil {
			t.Errorf("what may still be written was forgotten: %v", err)
		} else {
			nodetest.Must(t, content.Close())
		}
		a.later(t, time.Hour)
		if _, err := a.Content.Open(ctx, left); !problem.Is(err, problem.NotFound) {
			t.Errorf("what a dead process left is still there: %v", err)
		}
		if all := a.answers(t); len(all) != 1 || all[0].Detail["answer"] != exchange.NoKnownMatch || all[0].Detail["sent"] != "hashes" || all[0].Basis != nodetest.Basis.String() || all[0].Resource != lookup {
			t.Errorf("%+v", all)
		}

		a.throughFailures(t)
		a.isNotAsked(t, known)
		a.givesUp(t)
	})
}

// throughFailures: an outage keeps no upload back and loses none.
func (a *asker) throughFailures(t *testing.T) {
	t.Helper()
	r := a.Submit(t, nodetest.Submission(3, "user1"))
	a.shield.Know(r.PDQ, "csam")
	for i, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable, 0} {
		a.shield.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			if status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "7200")
			}
			w.WriteHeader(status)
			return true
		})
		a.later(t, 0)
		all, err := a.Lists.Exchanges(t.Context(), a.Person("mona", mandate.ListManager))
		nodetest.Must(t, err)
		if f := all[0]; f.Waiting != 1 || f.Failures != i+1 || f.Problem == "" || f.List.ID != a.list {
			t.Errorf("after %d: %+v", status, f)
		}
		if status == http.StatusTooManyRequests {
			a.shield.Before(nil)
			if a.later(t, time.Hour); a.waiting(t) != 1 {
				t.Error("it was asked before it wanted to be")
			}
		}
		a.Clock.Add(2 * time.Hour)
	}
	// Shield answers, and the process dies before it writes that down.
	dying, stop := context.WithCancel(t.Context())
	a.shield.Before(func(_ http.ResponseWriter, q *http.Request) bool {
		stop()
		<-q.Context().Done()
		return true
	})
	_ = a.Drain(dying)
	a.shield.Before(nil)
	a.later(t, 2*time.Hour)
	if a.waiting(t) != 0 || !a.kept(t, r.SHA256) {
		t.Fatal("what Shield knows does not come to people")
	}
	row, assessment := a.Item(t, r.SHA256)
	card, err := a.Triage.Card(t.Context(), a.Analyst(), r.SHA256)
	nodetest.Must(t, err)
	if assessment.State != item.Open || row.Sightings != 1 || len(card.Sightings) != 1 || len(card.Sightings[0].Matches) != 1 {
		t.Fatalf("%+v %+v", row, card.Sightings)
	}
	a.Look(t, func(tx *store.Tx) error {
		_, kept, err := tx.ItemHashes(r.SHA256)
		if !kept {
			t.Error("its hashes are not kept")
		}
		return err
	})
	m := card.Sightings[0].Matches[0]
	if m.List != a.list || m.Category != "csam" || m.Kind != "look-up" || !strings.Contains(m.Explanation, `calls it "csam": like one that it knows`) {
		t.Errorf("%+v", m)
	}
	if all := a.answers(t); len(all) != 2 || all[1].Detail["answer"] != "csam" || all[1].Detail["attempts"] != float64(6) || all[1].Detail["item"] != r.SHA256 {
		t.Errorf("%+v", all)
	}
	content, err := a.Content.Open(t.Context(), r.SHA256)
	nodetest.Must(t, err)
	defer content.Close()
	if content.Size() != int64(len(nodetest.Picture(3))) {
		t.Errorf("the item has %d bytes", content.Size())
	}
	if a.alarmed(t, "does not answer about uploads for 4h0m0s") != 1 {
		t.Error("nobody was told of the outage")
	}
}

func (a *asker) alarmed(t *testing.T, says string) (count int) {
	t.Helper()
	all, _, err := a.Alarms.List(t.Context(), a.Person("mona", mandate.ListManager))
	nodetest.Must(t, err)
	for _, alarm := range all {
		if strings.Contains(alarm.Reason, says) {
			count += alarm.Times
		}
	}
	return count
}

// isNotAsked: what lists know, what people see anyway, what they decided, and while the list
// is suspended.
func (a *asker) isNotAsked(t *testing.T, known string) {
	t.Helper()
	decided := a.Flag(t, 4, "")
	a.Judge(t, a.Analyst(), decided, nodetest.No)
	a.Settle(t)
	flagged := nodetest.Submission(5, "")
	flagged.Flagged = true
	for what, s := range map[string]intake.Submission{"a list knows": nodetest.Submission(1, ""), "people decided about": nodetest.Submission(4, ""), "a moderator flagged": flagged} {
		if r := a.Submit(t, s); r.LookedUpAt != "" {
			t.Errorf("what %s is looked up: %+v", what, r)
		}
	}
	mona := a.Person("mona", mandate.ListManager)
	nodetest.Must(t, a.Lists.SetState(t.Context(), mona, a.list, store.ListSuspended, "the agreement ended"))
	if r := a.Submit(t, nodetest.Submission(6, "")); r.LookedUpAt != "" {
		t.Errorf("it is looked up while the list is suspended: %+v", r)
	}
	nodetest.Must(t, a.Lists.SetState(t.Context(), mona, a.list, store.ListActive, "there is a new one"))
	a.shield.Asked()
	if a.later(t, time.Hour); a.waiting(t) != 0 || known == "" {
		t.Error("something waits")
	}
	if hashes, media := a.shield.Asked(); len(hashes)+media != 0 {
		t.Errorf("asked about %d hashes", len(hashes))
	}
}

// givesUp: at most so many wait, and none for ever; people are told.
func (a *asker) givesUp(t *testing.T) {
	t.Helper()
	a.shield.Before(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	var last intake.FileResult
	plain := 0
	for number := 20; number < 60 && !strings.Contains(last.Next, "too many uploads wait"); number++ {
		if last = a.Submit(t, nodetest.Submission(number, "")); strings.Contains(last.Next, "it cannot be asked about") {
			plain++ // hashes of such pictures say too little
		}
	}
	if plain == 0 || a.waiting(t) != 2 || last.LookedUpAt != "" || !strings.Contains(last.Next, "too many uploads wait") {
		t.Errorf("%d wait; %+v", a.waiting(t), last)
	}
	for range 4 {
		a.later(t, 19*time.Hour)
	}
	a.later(t, time.Hour)
	if a.waiting(t) != 0 || a.alarmed(t, "were erased before the exchange shield had answered about them: no answer came for 72h0m0s") != 2 {
		t.Errorf("%d wait", a.waiting(t))
	}
	a.shield.Before(nil)
}

// TestFilesAreSentWhereTheOperatorChoseThat, and their answer is about the file itself.
func TestFilesAreSentWhereTheOperatorChoseThat(t *testing.T) {
	racetest.Skip(t, "the questions are asked in the goroutine of the test, with some handshakes of TLS")
	a := openAsker(t, "", "media")
	a.follow(t)
	r := a.Submit(t, intake.Submission{Files: []intake.Upload{{Name: "picture 7.png", Content: bytes.NewReader(nodetest.Picture(7))}}})
	a.shield.Know(r.SHA256, "harmful-abusive-material")
	a.later(t, 0)
	if hashes, media := a.shield.Asked(); len(hashes) != 0 || media != 1 || !a.kept(t, r.SHA256) {
		t.Fatalf("asked about %d hashes, %d files", len(hashes), media)
	}
	card, err := a.Triage.Card(t.Context(), a.Analyst(), r.SHA256)
	nodetest.Must(t, err)
	if m := card.Sightings[0].Matches[0]; !m.Kind.Exact() || m.Category != "harmful-abusive-material" || !strings.Contains(m.Explanation, "the same file") {
		t.Errorf("%+v", m)
	}
	if all := a.answers(t); len(all) != 1 || all[0].Detail["sent"] != "media" {
		t.Errorf("%+v", all)
	}

	// A legal basis for hosting lets nothing of private messages go.
	c := a.Config
	c.Data = t.TempDir()
	c.Detection.Sources = []node.Source{{Name: "uploads", Service: "interpersonal-communications", LegalBasis: law.Ref{ID: "eu/interim-2021-1232", Version: 1}}}
	n, err := node.Open(t.Context(), c, node.Options{Decoder: a.Decoder})
	if problem.From(err).Field != "list_exchanges[0].legal_basis" {
		t.Errorf("%v", err)
	}
	if err == nil {
		nodetest.Must(t, n.Close())
	}
}
