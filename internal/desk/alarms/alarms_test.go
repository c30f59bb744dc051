package alarms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/desk/alarms"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// strike is what a clock or a message makes a node do.
func strike(t *testing.T, n *nodetest.Node, subject, reason string) {
	t.Helper()
	n.Clock.Add(time.Minute)
	act := ledger.Act{Actor: n.Ledger.Itself(), Action: mandate.OrderEscalate, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: subject}}
	must(t, n.Ledger.Do(t.Context(), act, func(tx *ledger.Tx) error { return tx.Alarm(subject, reason) }))
}

// seen are the reasons that a person is shown.
func seen(t *testing.T, n *nodetest.Node, who mandate.Actor) (all []alarms.Alarm, reasons []string) {
	t.Helper()
	all, _, err := n.Alarms.List(t.Context(), who)
	must(t, err)
	for _, a := range all {
		reasons = append(reasons, a.Reason)
	}
	count, sees, err := n.Alarms.Waiting(t.Context(), who)
	must(t, err)
	if count != len(all) || !sees {
		t.Errorf("%d are counted and %d shown", count, len(all))
	}
	return all, reasons
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestWhatNeedsALook(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx := t.Context()
		analyst, second, manager := n.Analyst(), n.Second(), n.Person("mona", mandate.ListManager)
		auditor, operator := n.Person("otto", mandate.Auditor), n.Person("olga", mandate.Operator)
		report, order, list := store.NewID("report"), store.NewID("order"), store.NewID("list")
		peerID := "node/" + strings.Repeat("A", 43)
		start := n.Clock.Now()
		strike(t, n, order, "message 17")
		strike(t, n, report, "message 18")
		strike(t, n, order, "message 17")
		strike(t, n, list, "message 19")
		must(t, n.Store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.RaiseExchangeAlarm(store.ExchangeAlarm{ID: store.NewID("alarm"), Peer: peerID, Kind: peer.AlarmGap, Since: start, RaisedAt: start})
			return err
		}))

		// Each sees those of what he may open, the oldest first; what struck twice once.
		all, reasons := seen(t, n, analyst)
		want(t, "an analyst", reasons, "message 17", "message 18")
		if a := all[0]; a.Subject != order || a.Times != 2 || !a.Since.Equal(start.Add(time.Minute)) || !a.Looks || a.Kind() != "order" {
			t.Errorf("the oldest is %+v", a)
		}
		of := func(who mandate.Actor) []string { _, reasons := seen(t, n, who); return reasons }
		want(t, "a second looker", of(second), "message 18")
		want(t, "a list manager", of(manager), "message 19")
		want(t, "an auditor", of(auditor), "message 17", "message 18", "message 19")
		want(t, "an operator", of(operator), peer.AlarmGap)
		nobody := n.Person("nora")
		if _, _, err := n.Alarms.List(ctx, nobody); !problem.Is(err, problem.Denied) {
			t.Errorf("somebody without a role: %v", err)
		}

		// Whoever may not open a thing, or only reads, clears nothing.
		first := all[0].ID
		for who, id := range map[*mandate.Actor]string{&second: all[1].ID, &auditor: first, &operator: first, &manager: first, &nobody: first} {
			nodetest.Want(t, who.ID+" looks", n.Alarms.Look(ctx, *who, id, "reason 17"), problem.Denied)
		}
		key := mandate.Actor{Kind: mandate.Machine, ID: "key/17", Roles: analyst.Roles, Organisation: mandate.Provider}
		nodetest.Want(t, "a machine looks", n.Alarms.Look(ctx, key, first, "reason 17"), problem.Denied)
		nodetest.Want(t, "no reason", n.Alarms.Look(ctx, analyst, first, ""), problem.Invalid)
		nodetest.Want(t, "a long reason", n.Alarms.Look(ctx, analyst, first, strings.Repeat("a", 1001)), problem.Invalid)
		nodetest.Want(t, "an unknown alarm", n.Alarms.Look(ctx, analyst, store.NewID("alarm"), "reason 17"), problem.NotFound)

		// A look clears what was shown, under the name of the thing, and not what
		// struck while the person looked.
		strike(t, n, order, "message 17")
		must(t, n.Alarms.Look(ctx, analyst, first, "reason 17"))
		nodetest.Want(t, "looking twice", n.Alarms.Look(ctx, analyst, first, "reason 17"), problem.Conflict)
		all, reasons = seen(t, n, analyst)
		want(t, "after a look", reasons, "message 18", "message 17")
		if all[1].Times != 1 {
			t.Errorf("what struck meanwhile is %+v", all[1])
		}
		n.Look(t, func(tx *store.Tx) error {
			rows, err := tx.ReportAlarms(order, 10)
			if err != nil {
				return err
			}
			if len(rows) != 3 || !rows[0].LookedAt.IsZero() || rows[2].LookedBy != analyst.ID || rows[2].LookedBecause != "reason 17" || rows[1].LookedAt.IsZero() {
				t.Errorf("kept is %+v", rows)
			}
			events, err := tx.LogEventsOf(order, 100)
			if !slices.ContainsFunc(events, func(e store.LogEvent) bool {
				return e.Action == mandate.AlarmLook.Name && e.Actor == analyst.ID && e.Outcome == "done"
			}) {
				t.Errorf("the look is none of %d events", len(events))
			}
			return err
		})

		// Between nodes the machine says when it is over; a look only clears the list,
		// and what is over and begins again is a new one.
		gap, _ := seen(t, n, operator)
		must(t, n.Alarms.Look(ctx, operator, gap[0].ID, "reason 18"))
		nodetest.Want(t, "looking twice", n.Alarms.Look(ctx, operator, gap[0].ID, "reason 18"), problem.Conflict)
		want(t, "an operator who looked", of(operator))
		n.Look(t, func(tx *store.Tx) error {
			open, err := tx.OpenExchangeAlarms()
			if len(open) != 1 || open[0].LookedBecause != "reason 18" {
				t.Errorf("between nodes: %+v", open)
			}
			return err
		})
		must(t, n.Store.Write(ctx, func(tx *store.Tx) error {
			if _, err := tx.ClearExchangeAlarm(peerID, peer.AlarmGap, n.Clock.Now()); err != nil {
				return err
			}
			_, err := tx.RaiseExchangeAlarm(store.ExchangeAlarm{ID: store.NewID("alarm"), Peer: peerID, Kind: peer.AlarmGap, Since: n.Clock.Now(), RaisedAt: n.Clock.Now()})
			return err
		}))
		want(t, "when it begins again", of(operator), peer.AlarmGap)

		// What was refused is over with the look: the figures do not count it for ever.
		must(t, n.Store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.RaiseExchangeAlarm(store.ExchangeAlarm{ID: store.NewID("alarm"), Peer: peerID, Kind: peer.AlarmRefused, Since: n.Clock.Now(), RaisedAt: n.Clock.Now()})
			return err
		}))
		refused, _ := seen(t, n, operator)
		must(t, n.Alarms.Look(ctx, operator, refused[len(refused)-1].ID, "reason 19"))
		n.Look(t, func(tx *store.Tx) error {
			open, err := tx.OpenExchangeAlarms()
			if len(open) != 1 || open[0].Kind != peer.AlarmGap {
				t.Errorf("between nodes after the look: %+v", open)
			}
			return err
		})
	})
}
