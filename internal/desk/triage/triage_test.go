package triage_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

func wantState(t testing.TB, n *nodetest.Node, id string, state item.State, sealed bool) item.Assessment {
	t.Helper()
	row, a := n.Item(t, id)
	if a.State != state || a.Sealed != sealed || row.State != string(state) {
		t.Fatalf("state %s (row %s), sealed %v; want %s, %v", a.State, row.State, a.Sealed, state, sealed)
	}
	return a
}

func queued(t testing.TB, n *nodetest.Node, who mandate.Actor) []string {
	t.Helper()
	q, err := n.Triage.Queue(t.Context(), who)
	must(t, err)
	var all []string
	for _, e := range q.Entries {
		all = append(all, e.ID)
	}
	return all
}

func decisions(t testing.TB, n *nodetest.Node, id string) (all []store.DecisionRow) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) (err error) { all, err = tx.Decisions(id); return err })
	return all
}

func TestAnItemsLifeWithTwoPeople(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, ada, bela := t.Context(), n.Analyst(), n.Second()
		id := n.Flag(t, 1, "user1")
		nodetest.Want(t, "deciding without taking", n.Triage.Decide(ctx, ada, id, nodetest.Yes), problem.Conflict)
		must(t, n.Triage.Take(ctx, ada, id))
		nodetest.Want(t, "deciding before any view", n.Triage.Decide(ctx, ada, id, nodetest.Yes), problem.Denied)
		nodetest.Want(t, "taking what somebody has", n.Triage.Take(ctx, n.Person("dora", mandate.Analyst), id), problem.Denied)
		if len(decisions(t, n, id)) != 0 {
			t.Fatal("a refused decision was written")
		}
		_, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})
		must(t, err)
		nodetest.Want(t, "a fact that the scheme lacks", n.Triage.Decide(ctx, ada, id, triage.Verdict{Labels: map[string]string{"colour": "red"}}), problem.Invalid)
		must(t, n.Triage.Decide(ctx, ada, id, nodetest.Yes))
		wantState(t, n, id, item.AwaitingSecond, false)
		if slices.Contains(queued(t, n, bela), id) {
			t.Error("offered for a second look while the first decision can be taken back")
		}
		n.Settle(t)
		wantState(t, n, id, item.AwaitingSecond, true)
		both := n.Person("ada", mandate.Analyst, mandate.SecondLooker)
		if slices.Contains(queued(t, n, both), id) {
			t.Error("offered to the first decider again")
		}
		if err := n.Triage.Take(ctx, both, id); err == nil {
			t.Error("the first decider took it for the second look")
		}
		if !slices.Contains(queued(t, n, bela), id) {
			t.Fatal("not offered for the second look")
		}
		n.Judge(t, bela, id, nodetest.Yes)
		wantState(t, n, id, item.Decided, false)
		next := n.Flag(t, 2, "user2")
		n.Clock.Add(time.Minute)
		if got, err := n.Triage.GoOn(ctx, bela); err != nil || got != "" {
			t.Fatalf("%q, %v", got, err)
		}
		a := wantState(t, n, id, item.Decided, true)
		if final, ok := a.Final(); !ok || final.Outcome != item.Reportable {
			t.Errorf("%+v", a)
		}
		if got, err := n.Triage.GoOn(ctx, ada); err != nil || got != next {
			t.Errorf("went on to %q, %v", got, err)
		}
		if q, err := n.Triage.Queue(ctx, ada); err != nil || len(q.Reportable) != 1 || q.Reportable[0].ID != id {
			t.Errorf("%+v, %v", q.Reportable, err)
		}
		if rows := decisions(t, n, id); len(rows) != 2 || rows[0].Round != "first" || rows[1].Round != "second" {
			t.Errorf("%+v", rows)
		}
		nodetest.Want(t, "deciding a decided item", n.Triage.Decide(ctx, ada, id, nodetest.No), problem.Conflict)
	})
}

func TestGoingOnSealsOnlyTheOwnDecision(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	id, other, third := n.Flag(t, 1, "user1"), n.Flag(t, 2, ""), n.Flag(t, 3, "")
	n.Judge(t, n.Analyst(), id, nodetest.Yes)
	n.Settle(t)
	n.Judge(t, n.Second(), id, nodetest.Yes)
	must(t, n.Triage.Take(t.Context(), n.Analyst(), other))
	wantState(t, n, id, item.Decided, false)
	must(t, n.Triage.Undo(t.Context(), n.Second(), id))

	// What was erased meanwhile does not stop its decider from going on.
	_, err := n.Triage.View(t.Context(), n.Analyst(), other, triage.Look{Level: item.LevelSketch})
	must(t, err)
	must(t, n.Triage.Decide(t.Context(), n.Analyst(), other, nodetest.No))
	must(t, n.Triage.Erase(t.Context(), n.Supervisor(), other, "the period has ended"))
	must(t, n.Triage.Take(t.Context(), n.Analyst(), third))
}

func TestDisagreementIsSettledByASupervisor(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx := t.Context()
		id := n.Flag(t, 1, "user1")
		n.Judge(t, n.Analyst(), id, nodetest.Yes)
		n.Settle(t)
		n.Judge(t, n.Second(), id, nodetest.No)
		wantState(t, n, id, item.Adjudication, false)
		n.Settle(t)
		if !slices.Contains(queued(t, n, n.Supervisor()), id) || slices.Contains(queued(t, n, n.Analyst()), id) {
			t.Fatal("the disagreement is not the supervisor's alone")
		}
		must(t, n.Triage.Take(ctx, n.Supervisor(), id))
		card, err := n.Triage.Card(ctx, n.Supervisor(), id)
		must(t, err)
		if !card.Settles || card.First.Outcome != item.Reportable || card.Second.Outcome != item.NotReportable || card.First.Person != "" || card.Second.Person != "" {
			t.Errorf("%+v", card)
		}
		_, err = n.Triage.View(ctx, n.Supervisor(), id, triage.Look{Level: item.LevelSketch})
		must(t, err)
		nodetest.Want(t, "settling without a reason", n.Triage.Decide(ctx, n.Supervisor(), id, nodetest.Yes), problem.Invalid)
		verdict := nodetest.Yes
		verdict.Reason = "the shore line is the same"
		nodetest.Want(t, "settling as an analyst", n.Triage.Decide(ctx, n.Analyst(), id, verdict), problem.Denied)
		must(t, n.Triage.Decide(ctx, n.Supervisor(), id, verdict))
		n.Settle(t)
		if final, ok := wantState(t, n, id, item.Decided, true).Final(); !ok || final.Outcome != item.Reportable || final.Reason != verdict.Reason {
			t.Errorf("%+v", final)
		}
	})
}

func TestCannotTellAsksForASecondLook(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	plain, unsure := n.Flag(t, 1, ""), n.Flag(t, 2, "")
	n.Judge(t, n.Analyst(), plain, nodetest.No)
	wantState(t, n, plain, item.Decided, false)
	n.Judge(t, n.Analyst(), unsure, nodetest.Unsure)
	wantState(t, n, unsure, item.AwaitingSecond, false)
}

func TestUndo(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, ada := t.Context(), n.Analyst()
		id := n.Flag(t, 1, "")
		n.Judge(t, ada, id, nodetest.Yes)
		nodetest.Want(t, "undoing another's", n.Triage.Undo(ctx, n.Person("dora", mandate.Analyst), id), problem.Conflict)
		n.Clock.Add(4 * time.Minute)
		must(t, n.Triage.Undo(ctx, ada, id))
		wantState(t, n, id, item.Open, false)
		if rows := decisions(t, n, id); len(rows) != 1 || rows[0].Undone.IsZero() {
			t.Errorf("%+v", rows)
		}
		n.Clock.Add(2 * time.Minute)
		must(t, n.Triage.Decide(ctx, ada, id, nodetest.No))
		n.Work(t) // the clock of the decision that was taken back strikes now
		wantState(t, n, id, item.Decided, false)
		n.Clock.Add(6 * time.Minute)
		nodetest.Want(t, "undoing too late", n.Triage.Undo(ctx, ada, id), problem.Expired)
		n.Work(t)
		wantState(t, n, id, item.Decided, true)
		if rows := decisions(t, n, id); len(rows) != 2 || !rows[1].Undone.IsZero() {
			t.Errorf("%+v", rows)
		}
	})
}

func TestPassAndEscalate(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx, ada, dora := t.Context(), n.Analyst(), n.Person("dora", mandate.Analyst)
	n.List(t, "double", 1)
	id := n.Submit(t, nodetest.Submission(1, "")).SHA256
	must(t, n.Triage.Take(ctx, ada, id))
	exposure, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})
	must(t, err)
	must(t, n.Triage.Pass(ctx, ada, id))
	if slices.Contains(queued(t, n, ada), id) || !slices.Contains(queued(t, n, dora), id) {
		t.Error("a passed item goes to others and never back")
	}
	if _, err := n.Triage.Picture(ctx, ada, exposure); err == nil {
		t.Error("the picture can be fetched after passing")
	}
	nodetest.Want(t, "escalating what one does not have", n.Triage.Escalate(ctx, dora, id), problem.Conflict)
	must(t, n.Triage.Take(ctx, dora, id))
	must(t, n.Triage.Escalate(ctx, dora, id))
	if row, a := n.Item(t, id); row.Tier != "P0" || !a.Urgent {
		t.Errorf("%s %v", row.Tier, a.Urgent)
	}
	if found := n.Submit(t, nodetest.Submission(1, "")); found.Sighting == "" {
		t.Errorf("%+v", found)
	}
	if row, _ := n.Item(t, id); row.Tier != "P0" {
		t.Error("a further sighting lowered the tier")
	}
}

func TestBreaks(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx, ada := t.Context(), n.Analyst()
	nodetest.Want(t, "an analyst sets the break", n.Triage.SetBreak(ctx, ada, 5, 15), problem.Denied)
	nodetest.Want(t, "a rule without a break", n.Triage.SetBreak(ctx, n.Supervisor(), 5, 0), problem.Invalid)
	must(t, n.Triage.SetBreak(ctx, n.Supervisor(), 10, 15))
	id, other := n.Flag(t, 1, ""), n.Flag(t, 2, "")
	must(t, n.Triage.Take(ctx, ada, id))
	exposure, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelFull})
	must(t, err)
	n.Clock.Add(90 * time.Second) // two started minutes at 5 points
	must(t, n.Triage.EndView(ctx, ada, exposure))
	for what, err := range map[string]error{
		"viewing on a break": second(n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})), "taking on a break": n.Triage.Take(ctx, ada, other),
	} {
		nodetest.Want(t, what, err, problem.Unavailable)
		if wait := problem.From(err).RetryAfter; wait <= 0 || wait > 15*time.Minute {
			t.Errorf("%s: wait %s", what, wait)
		}
	}
	must(t, n.Triage.Take(ctx, n.Person("dora", mandate.Analyst), other))
	w, err := n.Triage.Wellbeing(ctx, ada)
	if err != nil || w.Workload.Today != 10 || w.ByLevel["full"] != 1 {
		t.Errorf("%+v, %v", w, err)
	}
	n.Clock.Add(16 * time.Minute)
	_, err = n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})
	must(t, err)
}

func second(_ string, err error) error { return err }

func TestExposuresAndTheirPictures(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, ada, dora := t.Context(), n.Analyst(), n.Person("dora", mandate.Analyst)
		id := n.Flag(t, 1, "")
		nodetest.Want(t, "viewing without taking", second(n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})), problem.Conflict)
		must(t, n.Triage.Take(ctx, ada, id))
		for _, look := range []triage.Look{{}, {Level: 9}, {Level: item.LevelRegion, Column: triage.Grid}, {Level: item.LevelRegion, Row: -1}} {
			nodetest.Want(t, "a look outside", second(n.Triage.View(ctx, ada, id, look)), problem.Invalid)
		}
		sketch, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})
		must(t, err)
		if p, err := n.Triage.Picture(ctx, ada, sketch); err != nil || p.MIME != "image/png" || p.Width != 96 {
			t.Fatalf("%s %d, %v", p.MIME, p.Width, err)
		}
		_, err = n.Triage.Picture(ctx, dora, sketch)
		nodetest.Want(t, "another's picture", err, problem.Expired)
		nodetest.Want(t, "ending another's view", n.Triage.EndView(ctx, dora, sketch), problem.Denied)
		nodetest.Want(t, "ending no view", n.Triage.EndView(ctx, ada, "exposure/none"), problem.NotFound)
		n.Clock.Add(40 * time.Second)
		tile, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelRegion, Column: 1, Row: 3})
		must(t, err)
		_, err = n.Triage.Picture(ctx, ada, sketch)
		nodetest.Want(t, "a view that the next one ended", err, problem.Expired)
		if p, err := n.Triage.Picture(ctx, ada, tile); err != nil || p.Width != 24 || p.Height != 20 {
			t.Errorf("%d by %d, %v", p.Width, p.Height, err)
		}
		n.Clock.Add(2 * time.Minute)
		_, err = n.Triage.Picture(ctx, ada, tile)
		must(t, err)
		n.Clock.Add(time.Second)
		_, err = n.Triage.Picture(ctx, ada, tile)
		nodetest.Want(t, "after two minutes", err, problem.Expired)
		must(t, n.Triage.EndView(ctx, ada, tile))
		n.Clock.Add(time.Second)
		must(t, n.Triage.EndView(ctx, ada, tile)) // again, as a page does that is left: nothing changes
		nodetest.Want(t, "ending another's view that is over", n.Triage.EndView(ctx, dora, tile), problem.Denied)
		n.Look(t, func(tx *store.Tx) error {
			rows, err := tx.ExposuresOfItem(id)
			if len(rows) != 2 || rows[0].Until.Sub(rows[0].From) != 40*time.Second || rows[1].Until.Sub(rows[1].From) != 121*time.Second || rows[1].Level != "region" || rows[0].Points != 1 {
				t.Errorf("%+v", rows)
			}
			return err
		})
	})
}

func TestEraseDestroysTheKey(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, ada := t.Context(), n.Analyst()
		id := n.Flag(t, 1, "")
		must(t, n.Triage.Take(ctx, ada, id))
		nodetest.Want(t, "an analyst erases", n.Triage.Erase(ctx, ada, id, "tidying"), problem.Denied)
		nodetest.Want(t, "erasing without a reason", n.Triage.Erase(ctx, n.Supervisor(), id, ""), problem.Invalid)
		must(t, n.Triage.Erase(ctx, n.Supervisor(), id, "the period has ended"))
		if row, _ := n.Item(t, id); row.Content != store.ContentErased {
			t.Errorf("content %s", row.Content)
		}
		n.Work(t)
		var erased *keyring.ErasedError
		if _, err := n.Content.Open(ctx, id); !errors.As(err, &erased) {
			t.Errorf("the content opens: %v", err)
		}
		if _, err := n.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch}); err == nil {
			t.Error("it is shown")
		}
		if slices.Contains(queued(t, n, n.Person("dora", mandate.Analyst)), id) {
			t.Error("it is still queued")
		}
	})
}

// TestTheSecondCardIsBlind: nothing of the first decision is on the card of a
// second look, in whatever part of it.
func TestTheSecondCardIsBlind(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx := t.Context()
	id := n.Flag(t, 1, "user1")
	fresh := n.Flag(t, 2, "user1")
	verdict := triage.Verdict{Labels: map[string]string{"same-picture": "yes", "picture": "pattern"}, Reason: "wavy-lines-everywhere"}
	n.Judge(t, n.Analyst(), id, verdict)
	n.Settle(t)
	must(t, n.Triage.Take(ctx, n.Second(), id))
	must(t, n.Triage.Take(ctx, n.Person("dora", mandate.Analyst), fresh))
	card := func(who mandate.Actor, id string) string {
		c, err := n.Triage.Card(ctx, who, id)
		must(t, err)
		c.Scheme, c.Keys = nil, nil // the questions themselves, the same on every card
		text, err := json.Marshal(c)
		must(t, err)
		return string(text)
	}
	text := card(n.Second(), id)
	made := decisions(t, n, id)[0]
	for _, secret := range []string{n.Analyst().ID, made.ID, made.Event, verdict.Reason, string(item.Reportable), "same-picture", "pattern", "demo-training-match", "awaiting", "names-person"} {
		if strings.Contains(text, secret) {
			t.Errorf("the card of the second look holds %q:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, `"Mine":true`) {
		t.Error(text)
	}
	// It says no more than the card of an item that nobody decided on.
	var a, b map[string]any
	must(t, json.Unmarshal([]byte(text), &a))
	must(t, json.Unmarshal([]byte(card(n.Person("dora", mandate.Analyst), fresh)), &b))
	for _, member := range []string{"Tier", "Why", "Settles", "First", "Second", "Decision", "Inherited", "CanUndo"} {
		left, _ := json.Marshal(a[member])
		right, _ := json.Marshal(b[member])
		if string(left) != string(right) {
			t.Errorf("%s: %s on a second look, %s on a first", member, left, right)
		}
	}
}

// TestAnItemWaitsForARole: an analyst who reaches for an item that a colleague
// has decided meanwhile must not hold it back from the second-lookers.
func TestAnItemWaitsForARole(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx := t.Context()
		id := n.Flag(t, 1, "user1")
		nodetest.Want(t, "a second-looker before the first decision", n.Triage.Take(ctx, n.Second(), id), problem.Conflict)
		n.Judge(t, n.Analyst(), id, nodetest.Yes)
		n.Settle(t)
		wantState(t, n, id, item.AwaitingSecond, true)
		nodetest.Want(t, "another analyst after it", n.Triage.Take(ctx, n.Person("dora", mandate.Analyst), id), problem.Conflict)
		must(t, n.Triage.Take(ctx, n.Second(), id))
	})
}
