package lists_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// change changes the entry that knows a text.
func (h *house) change(t testing.TB, list, text, state string) {
	t.Helper()
	for _, e := range h.entries(t, list) {
		if strings.HasSuffix(e.Identity, sums(text)) {
			if err := h.ChangeEntry(t.Context(), manager, list, e.ID, state, "checked again"); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no entry knows %q", text)
}

func sums(text string) string {
	sum, err := digest.Reader(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return sum.SHA256Hex()
}

// matches tells which of the messages 1 to 6 match in a house.
func (h *house) matches() string {
	var found []string
	for n := 1; n <= 6; n++ {
		if len(h.ask(fmt.Sprintf("message %d", n))) > 0 {
			found = append(found, fmt.Sprint(n))
		}
	}
	return strings.Join(found, " ")
}

// TestChangesAreFollowedElsewhere: a subscriber that takes in the whole list
// once and then its changes matches what the source matches, withdrawals,
// suspensions and their end among them, in each format that can say so.
func TestChangesAreFollowedElsewhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, format := range []hashlist.Format{hashlist.CSV, hashlist.JSONLines} {
			source, subscriber := newHouse(t, storetest.SQLite(t)), newHouse(t, s)
			from, to := source.create(t, "List "+string(format)), subscriber.create(t, "Copy "+string(format))
			source.take(t, from, rows(1, 2, 3, 4))
			known := int64(0)
			follow := func(want string) lists.Imported {
				t.Helper()
				_, versions, _, err := source.List(t.Context(), manager, from)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if _, err := source.release(t, from, format, 0, known, &out); err != nil {
					t.Fatal(err)
				}
				known = versions[0].Version
				var got lists.Imported
				if out.Len() > 0 && strings.Count(out.String(), "\n") > map[hashlist.Format]int{hashlist.CSV: 1}[format] {
					got = subscriber.take(t, to, out.String())
				}
				if source.matches() != want || subscriber.matches() != want {
					t.Errorf("%s: the source matches %s, the subscriber %s, want %s", format, source.matches(), subscriber.matches(), want)
				}
				return got
			}
			follow("1 2 3 4")
			source.change(t, from, "message 1", store.EntryWithdrawn)
			source.change(t, from, "message 2", store.EntrySuspended)
			source.take(t, from, rows(5))
			source.take(t, from, rows(6))
			source.change(t, from, "message 6", store.EntryWithdrawn) // added and withdrawn in between
			if got := follow("3 4 5"); got.Added != 2 || got.Withdrawn != 2 || got.Suspended != 1 || got.Restored+got.Held != 0 {
				t.Errorf("%s: %+v", format, got)
			}
			source.change(t, from, "message 2", store.EntryActive)
			source.change(t, from, "message 1", store.EntryActive)
			if got := follow("1 2 3 4 5"); got.Restored != 2 || got.Added+got.Withdrawn+got.Held != 0 {
				t.Errorf("%s: %+v", format, got)
			}
			// The same changes again do nothing.
			var again bytes.Buffer
			if _, err := source.release(t, from, format, 0, 1, &again); err != nil {
				t.Fatal(err)
			}
			if got := subscriber.take(t, to, again.String()); got.Added+got.Changed+got.Withdrawn+got.Suspended+got.Restored != 0 {
				t.Errorf("%s, a second time: %+v", format, got)
			}
			if err := subscriber.SetState(t.Context(), manager, to, store.ListSuspended, "the next format follows"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestWhatPeopleHereStoppedStaysStopped: the source brings back what it stopped
// itself, and nothing else.
func TestWhatPeopleHereStoppedStaysStopped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "List")
		says := func(state string, numbers ...int) lists.Imported {
			t.Helper()
			text := "sha256,state\n"
			for _, n := range numbers {
				text += sums(fmt.Sprintf("message %d", n)) + "," + state + "\n"
			}
			return h.take(t, list, text)
		}
		says("active", 1, 2, 3)
		h.change(t, list, "message 1", store.EntryWithdrawn)
		h.change(t, list, "message 2", store.EntrySuspended)
		if got := says("active", 1, 2, 3); got.Held != 2 || got.Restored != 0 || h.matches() != "3" {
			t.Errorf("%+v, matches %s", got, h.matches())
		}
		if got := says("suspended", 1); got.Held != 1 || got.Suspended != 0 {
			t.Errorf("a withdrawn entry was only suspended: %+v", got)
		}
		// Suspended here, then withdrawn by the source: still people bring it back.
		if got := says("withdrawn", 2); got.Withdrawn != 1 {
			t.Errorf("%+v", got)
		}
		if got := says("active", 2); got.Held != 1 || h.matches() != "3" {
			t.Errorf("%+v, matches %s", got, h.matches())
		}
		h.change(t, list, "message 2", store.EntryActive)
		if h.matches() != "2 3" {
			t.Errorf("matches %s", h.matches())
		}
		if got := says("", 1, 2, 3); got.Held+got.Restored+got.Withdrawn != 0 || h.matches() != "2 3" {
			t.Errorf("rows that say nothing: %+v, matches %s", got, h.matches())
		}
	})
}

// TestAWithdrawalUnderAStrongerDigest: the source learnt the SHA-256 of a file
// of which it had given the MD5 only.
func TestAWithdrawalUnderAStrongerDigest(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	sum, err := digest.Reader(strings.NewReader("message 1"))
	if err != nil {
		t.Fatal(err)
	}
	h.take(t, list, "md5\n"+sum.MD5Hex()+"\n")
	if h.matches() != "1" {
		t.Fatal("it does not match to begin with")
	}
	h.take(t, list, "md5,sha256,state\n"+sum.MD5Hex()+","+sum.SHA256Hex()+",withdrawn\n")
	if h.matches() != "" {
		t.Error("the entry goes on matching by its MD5")
	}
}

// TestAMachineStopsNoEntry: a key takes new entries in, but what is no longer
// compared is for people to say.
func TestAMachineStopsNoEntry(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	machine := mandate.Actor{Kind: mandate.Machine, ID: "key/1", Scopes: []mandate.Scope{mandate.ScopeLists}, Organisation: mandate.Centre}
	takes := func(text string) error {
		_, err := h.Import(t.Context(), machine, list, lists.Import{Content: strings.NewReader(text), Reason: "weekly delivery"})
		return err
	}
	if err := takes("sha256,state\n" + sums("message 1") + ",active\n" + sums("message 2") + ",\n"); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"suspended", "withdrawn"} {
		err := takes("sha256,state\n" + sums("message 3") + ",active\n" + sums("message 1") + "," + state + "\n")
		wantKind(t, state, err, problem.Denied)
		if p := problem.From(err); p == nil || !strings.Contains(p.Reason, "line 3") || p.Remedy == "" {
			t.Errorf("%s: %v", state, err)
		}
		if h.matches() != "1 2" {
			t.Errorf("%s: matches %s", state, h.matches())
		}
	}
}

func TestChangesInAFormatThatCannotSayThem(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	list := h.create(t, "List")
	h.take(t, list, rows(1))
	h.take(t, list, rows(2))
	request, err := h.RequestExport(t.Context(), manager, list, "for a partner")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		format hashlist.Format
		after  int64
		field  string
	}{
		"plain": {hashlist.Plain, 1, "format"}, "vics": {hashlist.VICS, 1, "format"}, "unknown": {"xlsx", 1, "format"},
		"before the first": {hashlist.CSV, -1, "after"}, "after the last": {hashlist.CSV, 99, "after"},
	} {
		_, err := h.Export(t.Context(), colleague, list, request, c.format, hashlist.SHA256, c.after, io.Discard)
		if p := problem.From(err); p == nil || p.Kind != problem.Invalid || p.Field != c.field || p.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var out bytes.Buffer
	if n, err := h.Export(t.Context(), colleague, list, request, hashlist.JSONLines, 0, 1, &out); err != nil || n != 1 {
		t.Errorf("the request was used up: %d, %v", n, err)
	}
	_, versions, _, err := h.List(t.Context(), manager, list)
	if err != nil || versions[0].FileName != "changes after version 1, up to version 3" {
		t.Errorf("%v: %+v", err, versions[0])
	}
}
