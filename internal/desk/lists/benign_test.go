package lists_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// TestLookAlikesCountWithTwoPeople who saw the same version of the list, which takes nothing more
// afterwards.
func TestLookAlikesCountWithTwoPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		h.take(t, h.create(t, "Known"), "pdq\n"+strings.Repeat("0f", 32)+"\n")
		l, err := h.Create(t.Context(), manager, lists.NewList{Name: "Look-alikes", Source: "people here", Verification: "double", LegalBasis: basis, Radius: -1, Benign: true})
		if err != nil {
			t.Fatal(err)
		}
		row := func(n int) string { return fmt.Sprintf("pdq\n%s%04x\n", strings.Repeat("0f", 30), 0x0f0e-n) }
		h.take(t, l.ID, row(0))
		asked := h.now
		standing := func() int {
			known := [32]byte{}
			for i := range known {
				known[i] = 0x0f
			}
			known[31] = 0x0e // one bit from the entry, and none from the look-alike
			result := h.index.Lookup(match.Hashes{PDQ: (*pdq.Hash)(&known)}, asked)
			if len(result.Matches) != 1 {
				t.Fatalf("%+v", result)
			}
			return len(match.Standing(result.Matches))
		}
		ask := func() int64 {
			t.Helper()
			request, err := h.AskBenign(t.Context(), manager, l.ID, "stock photos")
			if err != nil {
				t.Fatal(err)
			}
			return request
		}
		_, err = h.AskBenign(t.Context(), manager, l.ID, " ")
		wantKind(t, "no reason", err, problem.Invalid)
		wantKind(t, "nobody asked", h.ConfirmBenign(t.Context(), colleague, l.ID, 1), problem.Denied)
		first := ask()
		wantKind(t, "one's own request", h.ConfirmBenign(t.Context(), manager, l.ID, first), problem.Denied)
		h.take(t, l.ID, row(1))
		wantKind(t, "another version than was seen", h.ConfirmBenign(t.Context(), colleague, l.ID, first), problem.Conflict)
		second := ask()
		if standing() != 1 {
			t.Error("set aside before two people confirmed it")
		}
		if err := h.ConfirmBenign(t.Context(), colleague, l.ID, second); err != nil {
			t.Fatal(err)
		}
		if standing() != 0 {
			t.Error("not set aside though two people confirmed it")
		}
		wantKind(t, "confirmed twice", h.ConfirmBenign(t.Context(), colleague, l.ID, second), problem.Conflict)
		_, err = h.AskBenign(t.Context(), manager, l.ID, "again")
		wantKind(t, "asked again", err, problem.Conflict)
		_, err = h.Import(t.Context(), manager, l.ID, lists.Import{FileName: "file", Content: strings.NewReader(row(2)), Reason: "more"})
		wantKind(t, "more entries", err, problem.Conflict)
		for _, e := range h.entries(t, l.ID) {
			if err := h.ChangeEntry(t.Context(), manager, l.ID, e.ID, store.EntryWithdrawn, "not benign"); err != nil {
				t.Fatal(err)
			}
		}
		if standing() != 1 {
			t.Error("set aside by what was withdrawn")
		}
		other := h.create(t, "Other")
		_, err = h.AskBenign(t.Context(), manager, other, "because")
		wantKind(t, "a list that is to match", err, problem.Conflict)
	})
}

func TestWhatPeopleDecidedIsNotBenign(t *testing.T) {
	h := newHouse(t, storetest.SQLite(t))
	_, err := h.Create(t.Context(), manager, lists.NewList{Name: "Both", Source: "us", Scheme: "csar-reportable@1", Verification: "double", LegalBasis: basis, Own: true, Benign: true})
	wantKind(t, "an own list of look-alikes", err, problem.Invalid)
}
