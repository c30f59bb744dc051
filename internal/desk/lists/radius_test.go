package lists_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// TestTheRadiusOfAListChanges narrower by one person, wider by two, in all processes and without
// reading the entries again.
func TestTheRadiusOfAListChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "Known")
		h.take(t, list, "pdq\n"+strings.Repeat("0f", 32)+"\n")
		other := match.New()
		elsewhere := lists.New(h.ledger, s, other, h.law)
		far := func(bits int) *pdq.Hash {
			var hash pdq.Hash
			for i := range hash {
				hash[i] = 0x0f
			}
			for i := range bits {
				hash[i/8] ^= 1 << (i % 8)
			}
			return &hash
		}
		reach := func() string {
			t.Helper()
			if err := elsewhere.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, x := range []*match.Index{h.index, other} {
				most := -1
				for bits := 0; bits <= match.MaximumRadius; bits++ {
					if len(x.Lookup(match.Hashes{PDQ: far(bits)}, h.now).Matches) > 0 {
						most = bits
					}
				}
				said = append(said, fmt.Sprint(most))
			}
			return strings.Join(said, " ")
		}
		expect := func(what, want string) {
			t.Helper()
			if got := reach(); got != want {
				t.Errorf("%s: matches up to %s bits, want %s", what, got, want)
			}
		}
		change := func(radius int) int64 {
			t.Helper()
			request, err := h.ChangeRadius(t.Context(), manager, list, radius, "too much is near")
			if err != nil {
				t.Fatal(err)
			}
			return request
		}
		confirm := func(request int64) error {
			_, err := h.ConfirmRadius(t.Context(), colleague, list, request)
			return err
		}
		expect("as it was made", "31 31")
		_, err := h.ChangeRadius(t.Context(), manager, list, 20, " ")
		wantKind(t, "no reason", err, problem.Invalid)
		_, err = h.ChangeRadius(t.Context(), manager, list, 65, "all")
		wantKind(t, "too wide", err, problem.Invalid)
		_, err = h.ChangeRadius(t.Context(), manager, list, 31, "the same")
		wantKind(t, "the same", err, problem.Conflict)
		if change(20) != 0 {
			t.Error("a narrower radius waits for somebody")
		}
		expect("narrower", "20 20")

		first := change(40)
		expect("asked for", "20 20")
		_, err = h.ConfirmRadius(t.Context(), manager, list, first)
		wantKind(t, "one's own request", err, problem.Denied)
		wantKind(t, "nobody asked", confirm(first+1), problem.Denied)
		if l, _, _, err := h.List(t.Context(), colleague, list); err != nil || l.RadiusAsked.Version != first || l.RadiusAsked.Radius != 40 {
			t.Errorf("%+v, %v", l.RadiusAsked, err)
		}
		if err := confirm(first); err != nil {
			t.Fatal(err)
		}
		expect("confirmed", "40 40")
		wantKind(t, "confirmed already", confirm(first), problem.Conflict)

		second := change(50)
		change(10)
		wantKind(t, "changed since", confirm(second), problem.Conflict)
		third := change(45)
		h.now = h.now.Add(8 * 24 * time.Hour)
		wantKind(t, "too old", confirm(third), problem.Expired)
		expect("narrower again", "10 10")
		l, versions, _, err := h.List(t.Context(), manager, list)
		if err != nil || l.Radius != 10 || l.RadiusAsked.Version != 0 {
			t.Errorf("%+v, %v", l, err)
		}
		var history []string
		for _, v := range versions {
			if lists.OfRadius(v) {
				history = append(history, fmt.Sprint(v.By, " ", v.Format, " ", v.Radius))
			}
		}
		want := []string{
			manager.ID + " radius-request 45", manager.ID + " radius 10", manager.ID + " radius-request 50",
			colleague.ID + " radius 40", manager.ID + " radius-request 40", manager.ID + " radius 20",
		}
		if strings.Join(history, "\n") != strings.Join(want, "\n") {
			t.Errorf("the history says\n%s", strings.Join(history, "\n"))
		}
	})
}
