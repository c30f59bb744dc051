package peer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// keeping gives a node a place for media.
func (n *node) keeping(t testing.TB) {
	t.Helper()
	folder := t.TempDir()
	key, err := keyring.GenerateNodeKey(filepath.Join(folder, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	vault, err := keyring.OpenVault(t.Context(), filepath.Join(folder, "keys.db"), key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vault.Close() })
	bodies, err := blob.OpenFiles(filepath.Join(folder, "content"))
	if err != nil {
		t.Fatal(err)
	}
	n.content = blob.NewSealed(bodies, vault)
}

// file is a generated pattern of some megabytes, and its name.
func file(number int) (content []byte, item string) {
	content = make([]byte, 3<<20+17)
	for i := range content {
		content[i] = byte(i*number ^ i>>9)
	}
	sum := sha256.Sum256(content)
	return content, hex.EncodeToString(sum[:])
}

// puller is a provider that referred the Centre to a file, with all that a pull
// needs.
type puller struct {
	provider, centre *node
	content          []byte
	item, envelope   string
}

func newPuller(t testing.TB, s *store.Store) *puller {
	t.Helper()
	p := &puller{provider: newNode(t, s, "node.provider.example", mandate.Provider), centre: newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)}
	p.provider.meet(t, p.centre)
	p.centre.meet(t, p.provider)
	p.provider.keeping(t)
	p.centre.keeping(t)
	p.content, p.item = file(3)
	if _, err := p.provider.content.Seal(t.Context(), p.item, "item", bytes.NewReader(p.content)); err != nil {
		t.Fatal(err)
	}
	err := p.provider.decide(t, func(tx *ledger.Tx) (err error) {
		p.envelope, err = p.provider.Send(tx, peer.Message{
			Recipient: p.centre.Self().NodeID, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: "report-1", Subject: "report/1",
			Purpose: mandate.PurposeReporting, LegalBasis: "demo@1", Body: message{"message 17"}, Items: []string{p.item},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.provider.drain(t)
	return p
}

// pull opens the item at the Centre, as an analyst who assesses the report.
func (p *puller) pull(t testing.TB, envelope, item string, max int64) error {
	t.Helper()
	analyst := mandate.Actor{Kind: mandate.Person, ID: "person/2", Roles: []mandate.Role{mandate.Analyst}, Organisation: mandate.Centre}
	act := ledger.Act{Actor: analyst, Action: mandate.ItemView, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: item}}
	keep := func(ctx context.Context, content io.Reader) error {
		_, err := p.centre.content.Seal(ctx, item, "item", content)
		return err
	}
	return p.centre.Pull(t.Context(), act, peer.Pull{From: p.provider.Self().NodeID, Envelope: envelope, Item: item, MaxBytes: max}, keep, nil)
}

// kept is what the Centre has of the item; nil when nothing.
func (p *puller) kept(t testing.TB, item string) []byte {
	t.Helper()
	content, err := p.centre.content.Open(t.Context(), item)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func outcomes(events []ledger.Event) (all []string) {
	for _, event := range events {
		all = append(all, event.Outcome)
	}
	return all
}

const roomy = 100 << 20

// TestMediaArePulledOnOpening: sealed on the way, whole, logged once at each end.
func TestMediaArePulledOnOpening(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := newPuller(t, s)
		var wire bytes.Buffer
		listen := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			answer := httptest.NewRecorder()
			p.provider.ItemsHandler(p.provider.content, p.provider.refused).ServeHTTP(answer, r)
			wire.Write(answer.Body.Bytes())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}
		p.provider.front.Store(&listen)
		if err := p.pull(t, p.envelope, p.item, roomy); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.kept(t, p.item), p.content) {
			t.Error("something else was kept")
		}
		if bytes.Contains(wire.Bytes(), p.content[1000:1100]) || !bytes.HasPrefix(wire.Bytes(), []byte("age-encryption.org/v1\n")) {
			t.Error("it travelled in the clear")
		}
		given, taken := p.provider.events(t, mandate.ItemDisclose), p.centre.events(t, mandate.ItemView)
		if len(given) != 1 || given[0].Outcome != "done" || given[0].Resource != p.item || given[0].Purpose != mandate.PurposeAssessment || given[0].Detail["envelope"] != p.envelope {
			t.Errorf("the sender logged %+v", given)
		}
		if len(taken) != 1 || taken[0].Outcome != "done" || taken[0].Actor != "person/2" || taken[0].Detail["pulled_from"] != p.provider.Self().NodeID {
			t.Errorf("the puller logged %+v", taken)
		}
		// A second pull of the same changes nothing and is logged again.
		if err := p.pull(t, p.envelope, p.item, roomy); err != nil {
			t.Error(err)
		}
		if got := outcomes(p.provider.events(t, mandate.ItemDisclose)); !slices.Equal(got, []string{"done", "done"}) {
			t.Errorf("%v", got)
		}
	})
}

// TestOnlyWhatWasReferredToIsGivenOut: each refusal is logged at both ends.
func TestOnlyWhatWasReferredToIsGivenOut(t *testing.T) {
	p := newPuller(t, storetest.SQLite(t))
	other, item := file(5)
	if _, err := p.provider.content.Seal(t.Context(), item, "item", bytes.NewReader(other)); err != nil {
		t.Fatal(err)
	}
	plain := p.provider.mustSend(t, p.centre, "message 18") // refers to no item
	p.provider.drain(t)
	hotline := newNode(t, storetest.SQLite(t), "node.hotline.example", mandate.Hotline)
	hotline.meet(t, p.provider)
	p.provider.meet(t, hotline)
	refused := 0
	check := func(name string, err error, kind problem.Kind, said int) {
		t.Helper()
		if !problem.Is(err, kind) {
			t.Errorf("%s: %v", name, err)
		}
		refused += said
		if got := p.provider.events(t, mandate.ItemDisclose); len(got) != refused || got[len(got)-1].Outcome == "done" {
			t.Errorf("%s: the sender logged %v", name, outcomes(got))
		}
	}
	check("an item that was not referred to", p.pull(t, p.envelope, item, roomy), problem.Denied, 1)
	check("by an envelope that refers to none", p.pull(t, plain, p.item, roomy), problem.Denied, 1)
	check("by an envelope that never came", p.pull(t, "another", p.item, roomy), problem.NotFound, 0)
	check("of no item", p.pull(t, p.envelope, "../../etc", roomy), problem.Invalid, 0)
	// A node to which the envelope was not sent cannot even try: the policy does not let a hotline.
	if got := hotline.ask(t, p.provider, p.item, `{"envelope":"`+p.envelope+`","purpose":"assessment","seal_to":"x"}`); got != http.StatusForbidden {
		t.Errorf("another node: %d", got)
	}
	check("another node", p.provider.last(t), problem.Denied, 1)
	if got := p.centre.ask(t, p.provider, p.item, `nonsense`); got == http.StatusOK {
		t.Errorf("nonsense: %d", got)
	}
	check("nonsense", p.provider.last(t), problem.Denied, 1)
	if got := p.centre.ask(t, p.provider, p.item, `{"envelope":"`+p.envelope+`","purpose":"assessment","seal_to":"age1x"}`); got == http.StatusOK {
		t.Errorf("a bad key: %d", got)
	}
	check("a bad key", p.provider.last(t), problem.Invalid, 1)
	if p.kept(t, p.item) != nil {
		t.Error("something was kept")
	}
	p.provider.pursue(t, mandate.EnvelopeRecall, p.envelope)
	check("of a recalled report", p.pull(t, p.envelope, p.item, roomy), problem.Denied, 1)
	for _, event := range p.centre.events(t, mandate.ItemView) {
		if event.Outcome == "done" {
			t.Errorf("logged as done: %+v", event)
		}
	}
	unsigned, err := http.Post(p.provider.server.URL+peer.ItemsPath+p.item, "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	unsigned.Body.Close()
	if unsigned.StatusCode != http.StatusForbidden || !problem.Is(p.provider.last(t), problem.Denied) {
		t.Errorf("unsigned: %d", unsigned.StatusCode)
	}
}

// ask sends a signed request for an item as it is.
func (n *node) ask(t testing.TB, of *node, item, body string) int {
	t.Helper()
	code, err := peer.AskSigned(n.Post, of.Self().URL+peer.ItemsPath+item, body)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestAPullThatGoesWrongLeavesNothing: another file, a cut, one that is too large,
// one in the clear, one for somebody else.
func TestAPullThatGoesWrongLeavesNothing(t *testing.T) {
	p := newPuller(t, storetest.SQLite(t))
	other, _ := file(5)
	genuine := func(w http.ResponseWriter, r *http.Request) []byte {
		answer := httptest.NewRecorder()
		p.provider.ItemsHandler(p.provider.content, p.provider.refused).ServeHTTP(answer, r)
		return answer.Body.Bytes()
	}
	var before []byte
	for _, c := range []struct {
		name  string
		front func(w http.ResponseWriter, r *http.Request, _ http.Handler)
		max   int64
		kind  problem.Kind
	}{
		{"cut", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			before = genuine(w, r)
			_, _ = w.Write(before[:len(before)/2])
			panic(http.ErrAbortHandler)
		}, roomy, problem.Unavailable},
		{"cut at a chunk, as if it were whole", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			text := genuine(w, r)
			_, _ = w.Write(text[:len(text)-(64<<10)])
		}, roomy, problem.Unavailable},
		{"in the clear", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write(p.content) }, roomy, problem.Invalid},
		{"sealed for the pull before", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write(before) }, roomy, problem.Invalid},
		{"another file", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if err := peer.SealTo(w, r, other); err != nil {
				t.Error(err)
			}
		}, roomy, problem.Invalid},
		{"one bit of it", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			text := genuine(w, r)
			text[len(text)/2] ^= 1
			_, _ = w.Write(text)
		}, roomy, problem.Unavailable},
		{"too large", nil, 1 << 20, problem.Invalid},
	} {
		if c.front != nil {
			p.provider.front.Store(&c.front)
		} else {
			p.provider.front.Store(nil)
		}
		if err := p.pull(t, p.envelope, p.item, c.max); !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
		if p.kept(t, p.item) != nil {
			t.Fatalf("%s: something was kept", c.name)
		}
	}
	for _, event := range p.centre.events(t, mandate.ItemView) {
		if event.Outcome == "done" {
			t.Errorf("logged as done: %+v", event)
		}
	}
	// The puller itself dies half way.
	p.provider.front.Store(nil)
	err := p.centre.Pull(t.Context(), ledger.Act{
		Actor:  mandate.Actor{Kind: mandate.Person, ID: "person/2", Roles: []mandate.Role{mandate.Analyst}, Organisation: mandate.Centre},
		Action: mandate.ItemView, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: p.item},
	}, peer.Pull{From: p.provider.Self().NodeID, Envelope: p.envelope, Item: p.item, MaxBytes: roomy}, func(ctx context.Context, content io.Reader) error {
		_, err := p.centre.content.Seal(ctx, p.item, "item", io.MultiReader(io.LimitReader(content, 1<<20), broken{}))
		return err
	}, nil)
	if err == nil || p.kept(t, p.item) != nil {
		t.Errorf("%v", err)
	}
	if err := p.pull(t, p.envelope, p.item, roomy); err != nil || !bytes.Equal(p.kept(t, p.item), p.content) {
		t.Errorf("the next pull: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the process ends") }
