package lists_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
	profiles "github.com/brdoproject/brdo/law"
)

// house is a node with its lists desk and a clock that the test moves.
type house struct {
	*lists.Desk
	ledger *ledger.Ledger
	store  *store.Store
	index  *match.Index
	law    *law.Library
	now    time.Time
}

func newHouse(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{store: s, index: match.New(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	key, err := translog.GenerateKey(rand.Reader, "node.example")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := translog.NewTrust("node.example", key.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if h.law, err = law.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	h.ledger = ledger.New(ledger.Options{Store: s, Policy: policy, NodeKind: mandate.Centre, Signer: signer, Trust: trust, Now: func() time.Time { return h.now }})
	h.Desk = lists.New(h.ledger, s, h.index, h.law)
	return h
}

func person(id string, roles ...mandate.Role) mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/" + id, Roles: roles, Organisation: mandate.Centre}
}

var (
	manager   = person("1", mandate.ListManager)
	colleague = person("2", mandate.ListManager)
	basis     = law.Ref{ID: "provider/hosting-terms", Version: 1}
)

func (h *house) create(t testing.TB, name string) string {
	t.Helper()
	l, err := h.Create(t.Context(), manager, lists.NewList{Name: name, Source: "Example source", Verification: "double", LegalBasis: basis, Radius: -1, VideoUpload: -1, VideoEntry: -1})
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}

func (h *house) take(t testing.TB, list, text string) lists.Imported {
	t.Helper()
	got, err := h.Import(t.Context(), manager, list, lists.Import{FileName: "file", Content: strings.NewReader(text), Reason: "weekly delivery"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (h *house) ask(text string) []match.Match { return ask(h.index, text, h.now) }

func ask(x *match.Index, text string, now time.Time) []match.Match {
	sum, err := digest.Reader(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return x.Query(match.Query{Digests: sum, Now: now}).Matches
}

func (h *house) entries(t testing.TB, list string) []store.ListEntry {
	t.Helper()
	found, more, err := h.Entries(t.Context(), manager, list, 0, "", 1000)
	if err != nil || more {
		t.Fatal(err, more)
	}
	return found
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../../engine/hashlist/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows writes the MD5 and the SHA-256 of "message N" as our own CSV.
func rows(numbers ...int) string {
	var text strings.Builder
	text.WriteString("md5,sha256,category\n")
	for _, n := range numbers {
		sum, err := digest.Reader(strings.NewReader(fmt.Sprintf("message %d", n)))
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&text, "%s,%s,%d\n", sum.MD5Hex(), sum.SHA256Hex(), n%3)
	}
	return text.String()
}

func wantKind(t testing.TB, what string, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("%s: got %v, want %s", what, err, kind)
	}
}

func TestCreateChecksWhatItIsGiven(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	good := lists.NewList{Name: "List", Source: "Source", Verification: "double", LegalBasis: basis, Radius: -1}
	for field, spoil := range map[string]func(*lists.NewList){
		"name":         func(n *lists.NewList) { n.Name = "  " },
		"source":       func(n *lists.NewList) { n.Source = strings.Repeat("s", 201) },
		"verification": func(n *lists.NewList) { n.Verification = "very" },
		"radius":       func(n *lists.NewList) { n.Radius = match.MaximumRadius + 1 },
		"video":        func(n *lists.NewList) { n.VideoEntry = 101 },
		"valid_until":  func(n *lists.NewList) { n.ValidFrom, n.ValidUntil = h.now, h.now },
		"legal_basis":  func(n *lists.NewList) { n.LegalBasis = law.Ref{ID: "none", Version: 1} },
	} {
		n := good
		spoil(&n)
		_, err := h.Create(t.Context(), manager, n)
		if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != field || p.Remedy == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	l, err := h.Create(t.Context(), manager, good)
	if err != nil || l.Radius != lists.DefaultRadius {
		t.Fatalf("%+v, %v", l, err)
	}
	_, err = h.Create(t.Context(), manager, good)
	wantKind(t, "the same name again", err, problem.Conflict)
	if held := h.index.Lists(); len(held) != 1 || held[0].ID != l.ID || held[0].Radius != lists.DefaultRadius {
		t.Errorf("the index holds %+v", held)
	}
}

func TestFixturesRoundTrip(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, c := range []struct {
			file    string
			format  hashlist.Format
			kind    hashlist.Kind
			entries int64
			// kept is how many entries the other house takes in again.
			kept int64
		}{
			{"comma.csv", hashlist.CSV, 0, 2, 2},
			{"icse.csv", hashlist.CSV, 0, 1, 1},
			{"plain.txt", hashlist.CSV, 0, 3, 3},
			{"sums.txt", hashlist.CSV, 0, 6, 6},
			{"rows.jsonl", hashlist.CSV, 0, 2, 2},
			{"cases.json", hashlist.CSV, 0, 2, 2},
			{"comma.csv", hashlist.VICS, 0, 2, 2},
			{"rows.jsonl", hashlist.VICS, 0, 2, 2},
			{"rows.jsonl", hashlist.Plain, hashlist.SHA256, 2, 2},
			{"comma.csv", hashlist.Plain, hashlist.MD5, 2, 2},
			{"comma.csv", hashlist.Plain, hashlist.SHA1, 2, 1},
		} {
			t.Run(c.file+" as "+string(c.format), func(t *testing.T) {
				h := newHouse(t, s)
				list := h.create(t, "from "+t.Name())
				first := h.take(t, list, fixture(t, c.file))
				if first.Added != c.entries || first.Changed != 0 || first.Unchanged != 0 || first.Rows != first.Added+first.RefusedCount {
					t.Fatalf("imported %+v", first)
				}
				again := h.take(t, list, fixture(t, c.file))
				if again.Added+again.Changed != 0 || again.Unchanged != c.entries || again.SHA256 != first.SHA256 || again.RefusedCount != first.RefusedCount {
					t.Fatalf("the same file again: %+v", again)
				}
				var out bytes.Buffer
				count, err := h.release(t, list, c.format, c.kind, 0, &out)
				if err != nil || count != c.kept {
					t.Fatalf("exported %d: %v", count, err)
				}
				back := h.create(t, "back to "+t.Name())
				if got := h.take(t, back, out.String()); got.Added != c.kept || got.RefusedCount != 0 {
					t.Fatalf("%+v\n%s", got, out.String())
				}
				before, after := digests(h.entries(t, list), c.kind), digests(h.entries(t, back), c.kind)
				if !slices.Equal(before, after) {
					t.Errorf("the round trip changed the digests:\n%v\n%v", before, after)
				}
			})
		}
	})
}

// digests names what the entries hold: all kinds, or one of them.
func digests(entries []store.ListEntry, only hashlist.Kind) []string {
	var all []string
	for _, e := range entries {
		text := fmt.Sprintf("%x %x %x %x %s", e.MD5, e.SHA1, e.SHA256, e.PDQ, e.Category)
		switch only {
		case hashlist.MD5:
			text = fmt.Sprintf("%x", e.MD5)
		case hashlist.SHA1:
			text = fmt.Sprintf("%x", e.SHA1)
		case hashlist.SHA256:
			text = fmt.Sprintf("%x", e.SHA256)
		}
		if text != "" {
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

// release asks for an export as one person and releases it as another.
func (h *house) release(t testing.TB, list string, format hashlist.Format, kind hashlist.Kind, after int64, out io.Writer) (int64, error) {
	t.Helper()
	request, err := h.RequestExport(t.Context(), manager, list, "for a partner")
	if err != nil {
		t.Fatal(err)
	}
	return h.Export(t.Context(), colleague, list, request, format, kind, after, out)
}

func TestABrokenLineTakesInNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "List")
		h.take(t, list, rows(1, 2))
		for _, c := range []struct {
			name, text, field string
		}{
			{"a digest cut short", rows(3, 4) + "d41d8c,,\n", "line 4"},
			{"not hexadecimal", "md5\n1db65a6a0a818fd39655b95e33ada11d\nzzb65a6a0a818fd39655b95e33ada11d\n", "line 3"},
			{"broken JSON", `{"value":[{"MediaID":1,"MD5":"1DB65A6A0A818FD39655B95E33ADA11D"},` + "\n{", "line 2"},
			{"no row", "md5,sha256\n", "file"},
		} {
			before, version := h.entries(t, list), h.index.Lists()[0].Version
			_, err := h.Import(t.Context(), manager, list, lists.Import{Content: strings.NewReader(c.text), Reason: "weekly"})
			if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != c.field || p.Reason == "" || p.Remedy == "" {
				t.Errorf("%s: %v", c.name, err)
			}
			if after := h.entries(t, list); len(after) != len(before) || h.index.Lists()[0].Version != version || len(h.ask("message 3")) != 0 {
				t.Errorf("%s: something was taken in: %d entries", c.name, len(after))
			}
		}
		_, err := h.Import(t.Context(), manager, list, lists.Import{Content: strings.NewReader(rows(3)), Reason: " "})
		wantKind(t, "no reason", err, problem.Invalid)
		_, err = h.Import(t.Context(), manager, "list/none", lists.Import{Content: strings.NewReader(rows(3)), Reason: "weekly"})
		wantKind(t, "no list", err, problem.NotFound)
		_, err = h.Import(t.Context(), manager, list, lists.Import{Content: io.MultiReader(strings.NewReader(rows(3)), broken{}), Reason: "weekly"})
		wantKind(t, "a stream that breaks off", err, problem.Invalid)
		if len(h.entries(t, list)) != 2 {
			t.Error("something was taken in")
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheEmptyFileIsRefusedAndListed(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	got := h.take(t, list, fixture(t, "plain.txt"))
	// Lines 1 and 2 are a comment and blank; 6 the empty file, 7 SHA-512, 8 zeros.
	if got.Rows != 6 || got.RefusedCount != 3 || len(got.Refused) != 3 || got.Refused[0].Line != 6 || !strings.Contains(got.Refused[0].Reason, "empty file") ||
		got.Refused[1].Line != 7 || got.Refused[2].Line != 8 {
		t.Errorf("%+v", got)
	}
	if len(h.ask("")) != 0 {
		t.Error("the empty file matches")
	}
	_, versions, _, err := h.List(t.Context(), manager, list)
	if err != nil || len(versions) != 1 || versions[0].Refused != 3 || versions[0].Added != 3 || versions[0].FileSHA256 != got.SHA256 || versions[0].By != manager.ID {
		t.Errorf("provenance %+v, %v", versions, err)
	}
}

func TestSuspendedAndWithdrawnEntriesStopMatchingAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "List")
		h.take(t, list, rows(1, 2))
		found := h.ask("message 1")
		if len(found) != 1 || found[0].Kind != match.SHA256 || found[0].List != list {
			t.Fatalf("%+v", found)
		}
		entry := found[0].Entry
		set := func(state string) {
			t.Helper()
			if err := h.ChangeEntry(t.Context(), manager, list, entry, state, "checked again"); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			state string
			want  int
		}{{store.EntrySuspended, 0}, {store.EntryActive, 1}, {store.EntryWithdrawn, 0}} {
			set(c.state)
			if got := len(h.ask("message 1")); got != c.want || len(h.ask("message 2")) != 1 {
				t.Errorf("%s: %d matches, want %d", c.state, got, c.want)
			}
		}
		again := h.take(t, list, rows(1, 2))
		changed := h.take(t, list, strings.ReplaceAll(rows(1, 2), "category", "note"))
		if again.Added+again.Changed != 0 || changed.Added != 0 || changed.Changed != 2 || len(h.ask("message 1")) != 0 {
			t.Errorf("an import brought a withdrawn entry back: %+v %+v", again, changed)
		}
		wantKind(t, "withdrawn twice", h.ChangeEntry(t.Context(), manager, list, entry, store.EntryWithdrawn, "again"), problem.Conflict)
		wantKind(t, "no reason", h.ChangeEntry(t.Context(), manager, list, entry, store.EntryActive, ""), problem.Invalid)
		wantKind(t, "no state", h.ChangeEntry(t.Context(), manager, list, entry, "gone", "why"), problem.Invalid)
		wantKind(t, "no entry", h.ChangeEntry(t.Context(), manager, list, "entry/none", store.EntryActive, "why"), problem.NotFound)
		set(store.EntryActive)
		if err := h.SetState(t.Context(), manager, list, store.ListSuspended, "the source asked"); err != nil {
			t.Fatal(err)
		}
		if len(h.ask("message 1"))+len(h.ask("message 2")) != 0 {
			t.Error("a suspended list matches")
		}
		wantKind(t, "no list state", h.SetState(t.Context(), manager, list, "gone", "why"), problem.Invalid)
		if err := h.SetState(t.Context(), manager, list, store.ListActive, "the source agreed"); err != nil {
			t.Fatal(err)
		}
		if len(h.ask("message 1")) != 1 {
			t.Error("an active list does not match")
		}
		var out bytes.Buffer
		set(store.EntryWithdrawn)
		if count, err := h.release(t, list, hashlist.CSV, 0, 0, &out); err != nil || count != 1 {
			t.Errorf("%d entries were exported, a withdrawn one among them: %v", count, err)
		}
	})
}

// TestAnotherProcessFollows: a second desk on the same database sees by Load
// what the first one changed.
func TestAnotherProcessFollows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		other := match.New()
		second := lists.New(h.ledger, s, other, h.law)
		load := func() {
			t.Helper()
			if err := second.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		load()
		list := h.create(t, "List")
		h.take(t, list, rows(1, 2, 3))
		if len(ask(other, "message 1", h.now)) != 0 {
			t.Fatal("the other process cannot know yet")
		}
		load()
		found := ask(other, "message 1", h.now)
		if len(found) != 1 || found[0].ListVersion != 1 || other.Len() != 3 {
			t.Fatalf("%+v", found)
		}
		if err := h.ChangeEntry(t.Context(), manager, list, found[0].Entry, store.EntryWithdrawn, "wrong"); err != nil {
			t.Fatal(err)
		}
		h.take(t, list, rows(4))
		load()
		if len(ask(other, "message 1", h.now)) != 0 || len(ask(other, "message 4", h.now)) != 1 || other.Len() != 3 {
			t.Error("the other process did not follow")
		}
		if got, want := other.Lists()[0].Version, h.index.Lists()[0].Version; got != want {
			t.Errorf("version %d, want %d", got, want)
		}
	})
}

// TestChangesAndPollsAtTheSameTime: whoever changed an entry finds the change
// in the index, however many polls run beside it.
func TestChangesAndPollsAtTheSameTime(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	h.take(t, list, rows(1, 2, 3, 4))
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := h.Load(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var changers sync.WaitGroup
	for n := 1; n <= 4; n++ {
		text := fmt.Sprintf("message %d", n)
		entry := h.ask(text)[0].Entry
		changers.Go(func() {
			for i := range 10 {
				state := []string{store.EntrySuspended, store.EntryActive}[i%2]
				if err := h.ChangeEntry(context.Background(), manager, list, entry, state, "checked"); err != nil {
					t.Error(err)
					return
				}
				if got := len(h.ask(text)); got != i%2 {
					t.Errorf("%s is %s but matches %d times", text, state, got)
				}
			}
		})
	}
	changers.Wait()
	close(stop)
	group.Wait()
}

func TestAListLeavesWithTwoPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list, other := h.create(t, "List"), h.create(t, "Other")
		h.take(t, list, rows(1, 2))
		h.take(t, other, rows(3))
		export := func(actor mandate.Actor, list string, request int64) (string, error) {
			var out bytes.Buffer
			_, err := h.Export(t.Context(), actor, list, request, hashlist.CSV, 0, 0, &out)
			return out.String(), err
		}
		refused := func(what string, actor mandate.Actor, list string, request int64, kind problem.Kind) {
			t.Helper()
			out, err := export(actor, list, request)
			wantKind(t, what, err, kind)
			if out != "" {
				t.Errorf("%s: something was written", what)
			}
		}
		refused("without a request", manager, list, 0, problem.Denied)
		refused("an import for a request", colleague, list, 1, problem.Denied)
		refused("a version that is not there", colleague, list, 99, problem.Denied)
		_, err := h.RequestExport(t.Context(), manager, list, "")
		wantKind(t, "a request without a reason", err, problem.Invalid)
		request, err := h.RequestExport(t.Context(), manager, list, "for a partner")
		if err != nil {
			t.Fatal(err)
		}
		refused("one's own request", manager, list, request, problem.Denied)
		refused("the request of another list", colleague, other, request, problem.Denied)
		refused("an analyst", person("3", mandate.Analyst), list, request, problem.Denied)
		_, err = h.Export(t.Context(), colleague, list, request, "xlsx", 0, 0, io.Discard)
		wantKind(t, "an unknown format", err, problem.Invalid)
		out, err := export(colleague, list, request)
		if err != nil || strings.Count(out, "\n") != 3 {
			t.Fatalf("%v\n%s", err, out)
		}
		refused("a second time", colleague, list, request, problem.Conflict)
		old, err := h.RequestExport(t.Context(), manager, list, "for a partner")
		if err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(7*24*time.Hour + time.Second)
		refused("after a week", colleague, list, old, problem.Expired)
		machine := mandate.Actor{Kind: mandate.Machine, ID: "key/1", Scopes: []mandate.Scope{mandate.ScopeLists}, Organisation: mandate.Centre}
		refused("a machine", machine, list, 0, problem.Denied)
		var peerOut bytes.Buffer
		peer := mandate.Actor{Kind: mandate.Peer, ID: "peer/1", Organisation: mandate.Hotline}
		if n, err := h.Export(t.Context(), peer, list, 0, hashlist.CSV, 0, 0, &peerOut); err != nil || n != 2 {
			t.Errorf("a hotline fetches a list of the Centre: %d, %v", n, err)
		}
	})
}

func TestWhatAFormatCannotHoldIsFoundBeforeTheRelease(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	h.take(t, list, fixture(t, "plain.txt")) // SHA-1 and SHA-256 without an MD5
	request, err := h.RequestExport(t.Context(), manager, list, "for a partner")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = h.Export(t.Context(), colleague, list, request, hashlist.VICS, 0, 0, &out)
	if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != "format" || !strings.Contains(p.Reason, "MD5") || out.Len() != 0 {
		t.Errorf("%v\n%s", err, out.String())
	}
	if n, err := h.Export(t.Context(), colleague, list, request, hashlist.CSV, 0, 0, &out); err != nil || n != 3 {
		t.Errorf("the request was used up: %d, %v", n, err)
	}
}

func TestExportOfChanges(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	first := h.take(t, list, rows(1, 2))
	h.take(t, list, rows(3))
	var out bytes.Buffer
	n, err := h.release(t, list, hashlist.CSV, 0, first.Version, &out)
	if err != nil || n != 1 || !strings.Contains(out.String(), ",active\n") {
		t.Errorf("%d entries after version %d, want 1: %v", n, first.Version, err)
	}
	some, more, err := h.Entries(t.Context(), manager, list, 0, "", 2)
	if err != nil || !more || len(some) != 2 {
		t.Fatalf("%d entries, more %v, %v", len(some), more, err)
	}
	rest, more, err := h.Entries(t.Context(), manager, list, some[1].ChangedVersion, some[1].ID, 2)
	if err != nil || more || len(rest) != 1 {
		t.Errorf("%d entries, more %v, %v", len(rest), more, err)
	}
}

func TestRolesAreDenied(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	h.take(t, list, rows(1))
	entry := h.ask("message 1")[0].Entry
	for _, role := range mandate.Roles {
		actor := person("9", role)
		_, create := h.Create(t.Context(), actor, lists.NewList{Name: "New " + string(role), Source: "s", Verification: "single", LegalBasis: basis})
		_, imported := h.Import(t.Context(), actor, list, lists.Import{Content: strings.NewReader(rows(2)), Reason: "why"})
		_, asked := h.RequestExport(t.Context(), actor, list, "why")
		for what, err := range map[string]error{
			"create": create, "import": imported, "request": asked,
			"change":  h.ChangeEntry(t.Context(), actor, list, entry, store.EntrySuspended, "why"),
			"suspend": h.SetState(t.Context(), actor, list, store.ListSuspended, "why"),
		} {
			if (role == mandate.ListManager) != (err == nil) || (err != nil && !problem.Is(err, problem.Denied)) {
				t.Errorf("%s by %s: %v", what, role, err)
			}
		}
		_, err := h.Lists(t.Context(), actor)
		may := slices.Contains([]mandate.Role{mandate.ListManager, mandate.Analyst, mandate.Auditor, mandate.Investigator}, role)
		if may != (err == nil) {
			t.Errorf("lists read by %s: %v", role, err)
		}
	}
}

// TestAStreamIsNotReadTwice: what cannot be read again from its beginning is
// refused when the transaction has to run again, never taken in by half.
func TestAStreamIsNotReadTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "List")
		var group sync.WaitGroup
		var mu sync.Mutex
		want := 0
		for i := range 6 {
			group.Go(func() {
				numbers := []int{i*10 + 1, i*10 + 2, i*10 + 3}
				_, err := h.Import(context.Background(), manager, list, lists.Import{Content: io.MultiReader(strings.NewReader(rows(numbers...))), Reason: "at the same time"})
				switch {
				case err == nil:
					mu.Lock()
					want += 3
					mu.Unlock()
				case !problem.Is(err, problem.Unavailable):
					t.Errorf("import %d: %v", i, err)
				default:
					t.Logf("import %d was refused: %v", i, err)
				}
			})
		}
		group.Wait()
		if got := len(h.entries(t, list)); got != want || h.index.Len() != want {
			t.Errorf("%d entries, %d in the index, want %d", got, h.index.Len(), want)
		}
	})
}
