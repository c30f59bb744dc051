package lists_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// own makes an own list of a node.
func own(t testing.TB, n *nodetest.Node) string {
	t.Helper()
	l, err := n.Lists.Create(t.Context(), n.Person("mona", mandate.ListManager), lists.NewList{
		Name: "own " + store.NewID(""), Source: "people here", Scheme: "demo-training-match@1", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Own: true,
	})
	must(t, err)
	return l.ID
}

// twice lets two people decide about a new item that names a user.
func twice(t testing.TB, n *nodetest.Node, number int, verdict triage.Verdict) string {
	t.Helper()
	id := n.Flag(t, number, "user1")
	for _, who := range []mandate.Actor{n.Analyst(), n.Second()} {
		n.Judge(t, who, id, verdict)
		n.Settle(t)
	}
	return id
}

// again lets two people who took no part decide anew.
func again(t testing.TB, n *nodetest.Node, id, suffix string, verdict triage.Verdict) {
	t.Helper()
	n.Judge(t, n.Person("ada-"+suffix, mandate.Analyst), id, verdict)
	n.Settle(t)
	if _, a := n.Item(t, id); a.State == item.AwaitingSecond {
		n.Judge(t, n.Person("bela-"+suffix, mandate.SecondLooker), id, verdict)
		n.Settle(t)
	}
}

// entryOf is the entry of an item in a list, as it is stored.
func entryOf(t testing.TB, n *nodetest.Node, list, id string) (e store.ListEntry) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) (err error) {
		e, err = tx.ListEntryByIdentity(list, hashlist.SHA256.String()+":"+id)
		return err
	})
	return e
}

func proposalOf(t testing.TB, n *nodetest.Node, list, id string) (p store.ProposalRow) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) (err error) { p, err = tx.Proposal(list, id); return err })
	return p
}

// matched says whether an upload of the picture hits the list.
func matched(t testing.TB, n *nodetest.Node, list string, number int) bool {
	t.Helper()
	for _, m := range n.Submit(t, nodetest.Submission(number, "")).Matches {
		if m.List == list {
			return true
		}
	}
	return false
}

// TestAnEntryNeedsTwoManagersAndASecondLook: an item that one person decided
// about becomes an entry only after a second, blind look and by two list
// managers; when people open it again the entry stops until people settle it.
func TestAnEntryNeedsTwoManagersAndASecondLook(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		nodetest.Meet(t, n, nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: n.Clock}))
		ctx, mona, nils := t.Context(), n.Person("mona", mandate.ListManager), n.Person("nils", mandate.ListManager)
		list, id := own(t, n), n.Flag(t, 1, "")
		propose := func(why string) (string, bool, error) { return n.Lists.Propose(ctx, mona, list, id, why) }

		_, _, err := propose("known since today")
		nodetest.Want(t, "proposing what nobody decided about", err, problem.Conflict)
		n.Judge(t, n.Analyst(), id, nodetest.Yes)
		_, _, err = propose("known since today")
		nodetest.Want(t, "proposing before the decision is final", err, problem.Conflict)
		n.Settle(t)
		_, _, err = propose(" ")
		nodetest.Want(t, "proposing without a reason", err, problem.Invalid)
		_, _, err = propose("known since today")
		nodetest.Want(t, "proposing before the report is written", err, problem.Conflict)
		_, err = n.Reports.Compose(ctx, n.Analyst(), id, "")
		must(t, err)
		shown, err := n.Lists.Decided(ctx, mona, list)
		must(t, err)
		if len(shown.Candidates) != 1 || !shown.Candidates[0].Looks || shown.Candidates[0].Category != "yes" || shown.Candidates[0].Verification != "single" {
			t.Fatalf("%+v", shown.Candidates)
		}
		proposal, second, err := propose("known since today")
		must(t, err)
		if _, a := n.Item(t, id); !second || a.State != item.AwaitingSecond {
			t.Fatalf("a second look was asked for: %v; the item is %s", second, a.State)
		}
		_, _, err = propose("once more")
		nodetest.Want(t, "proposing twice", err, problem.Conflict)
		_, err = n.Lists.Confirm(ctx, nils, list, proposal)
		nodetest.Want(t, "confirming before the second look", err, problem.Conflict)

		// The second person learns nothing of the first decision, nor of what followed from it.
		card, err := n.Triage.Card(ctx, n.Second(), id)
		must(t, err)
		if card.Decision != nil || card.Inherited != 0 || card.Sightings[0].ReportedIn != "" || card.Sightings[0].Inherited != "" {
			t.Errorf("the second look is not blind: %+v", card)
		}
		nodetest.Want(t, "the first decider looking twice", n.Triage.Take(ctx, n.Person("ada", mandate.Analyst, mandate.SecondLooker), id), problem.Denied)
		n.Judge(t, n.Second(), id, nodetest.Yes)
		n.Settle(t)

		_, err = n.Lists.Confirm(ctx, mona, list, proposal)
		nodetest.Want(t, "confirming one's own proposal", err, problem.Denied)
		_, err = n.Lists.Confirm(ctx, n.Analyst(), list, proposal)
		nodetest.Want(t, "confirming as an analyst", err, problem.Denied)
		if matched(t, n, list, 1) {
			t.Error("it matches before anybody confirmed it")
		}
		entry, err := n.Lists.Confirm(ctx, nils, list, proposal)
		must(t, err)
		_, a := n.Item(t, id)
		row := proposalOf(t, n, list, proposal)
		if e := entryOf(t, n, list, id); e.ID != entry || e.State != store.EntryActive || e.Verification != "double" || e.Category != "yes" {
			t.Errorf("%+v", e)
		}
		if row.ProposedBy != mona.ID || row.SettledBy != nils.ID || len(row.Decisions) != 2 || !slices.Equal(row.Decisions, a.Decisions()) {
			t.Errorf("%+v", row)
		}
		if !matched(t, n, list, 1) {
			t.Error("it does not match")
		}
		nodetest.Want(t, "refusing what is confirmed", n.Lists.Refuse(ctx, nils, list, proposal, "too late"), problem.Conflict)

		// A complaint: the entry stops, and comes back only on new decisions.
		_, err = n.Triage.Reopen(ctx, n.Analyst(), id, "a complaint")
		nodetest.Want(t, "an analyst opening it again", err, problem.Denied)
		_, err = n.Triage.Reopen(ctx, n.Supervisor(), id, " ")
		nodetest.Want(t, "opening it again without a reason", err, problem.Invalid)
		reports, err := n.Triage.Reopen(ctx, n.Supervisor(), id, "a complaint")
		must(t, err)
		if reports != 1 {
			t.Errorf("%d reports tell of it, want 1", reports)
		}
		n.Work(t)
		if e := entryOf(t, n, list, id); e.State != store.EntrySuspended || e.StateReason == "" {
			t.Errorf("%+v", e)
		}
		if matched(t, n, list, 1) {
			t.Error("it still matches")
		}
		if all, err := n.Lists.Lists(ctx, mona); err != nil || all[0].Doubtful != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		nodetest.Want(t, "bringing it back while people look", n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntryActive, "surely right"), problem.Conflict)
		again(t, n, id, "2", nodetest.Yes)
		must(t, n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntryActive, "people decided anew"))
		if fresh := proposalOf(t, n, list, proposal); fresh.Doubt != "" || len(fresh.Decisions) != 2 || fresh.Decisions[0] == row.Decisions[0] {
			t.Errorf("%+v", fresh)
		}
		if !matched(t, n, list, 1) {
			t.Error("it does not match again")
		}
		card, err = n.Triage.Card(ctx, n.Analyst(), id)
		must(t, err)
		if len(card.Reopened) != 1 || card.Reopened[0].Reason != "a complaint" || card.Reopened[0].Person != n.Supervisor().ID {
			t.Errorf("%+v", card.Reopened)
		}

		// Once more, and now people decide otherwise.
		_, err = n.Triage.Reopen(ctx, n.Supervisor(), id, "another complaint")
		must(t, err)
		n.Work(t)
		again(t, n, id, "3", nodetest.No)
		nodetest.Want(t, "bringing back what is not reportable", n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntryActive, "surely right"), problem.Conflict)
		must(t, n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntryWithdrawn, "not reportable"))
		if all, err := n.Lists.Lists(ctx, mona); err != nil || all[0].Doubtful != 0 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestAnOwnListTakesNoFile: otherwise one person alone could add an entry.
func TestAnOwnListTakesNoFile(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	list := own(t, n)
	_, err := n.Lists.Import(t.Context(), n.Person("mona", mandate.ListManager), list, lists.Import{FileName: "file", Content: strings.NewReader(rows(1)), Reason: "delivery"})
	nodetest.Want(t, "importing into an own list", err, problem.Conflict)
	_, err = n.Lists.Create(t.Context(), n.Person("mona", mandate.ListManager), lists.NewList{
		Name: "own", Source: "people here", Scheme: "a made up scheme", Verification: "double", LegalBasis: nodetest.Basis, Own: true,
	})
	if p := problem.From(err); p.Kind != problem.Invalid || p.Field != "scheme" {
		t.Errorf("an own list without a table of classes: %v", err)
	}
	taken := n.List(t, "double", 1)
	id := twice(t, n, 2, nodetest.Yes)
	_, _, err = n.Lists.Propose(t.Context(), n.Person("mona", mandate.ListManager), taken, id, "known since today")
	nodetest.Want(t, "proposing for the list of others", err, problem.Conflict)
}

// TestErasureRefusesWhatIsOnlyProposed: nobody could look at it any more; an
// entry stays, because its decisions do.
func TestErasureRefusesWhatIsOnlyProposed(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx, mona, nils := t.Context(), n.Person("mona", mandate.ListManager), n.Person("nils", mandate.ListManager)
	list, one, other := own(t, n), twice(t, n, 1, nodetest.Yes), twice(t, n, 2, nodetest.Yes)
	first, _, err := n.Lists.Propose(ctx, mona, list, one, "known since today")
	must(t, err)
	second, _, err := n.Lists.Propose(ctx, mona, list, other, "known since today")
	must(t, err)
	entry, err := n.Lists.Confirm(ctx, nils, list, second)
	must(t, err)
	for _, id := range []string{one, other} {
		must(t, n.Triage.Erase(ctx, n.Supervisor(), id, "the period has ended"))
	}
	n.Work(t)
	if p := proposalOf(t, n, list, first); p.State != store.ProposalRefused || p.SettledBy != "node" || p.ErasedAt.IsZero() {
		t.Errorf("%+v", p)
	}
	_, err = n.Lists.Confirm(ctx, nils, list, first)
	nodetest.Want(t, "confirming what was erased", err, problem.Conflict)
	if e := entryOf(t, n, list, other); e.ID != entry || e.State != store.EntryActive {
		t.Errorf("%+v", e)
	}
	must(t, n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntrySuspended, "a question"))
	must(t, n.Lists.ChangeEntry(ctx, nils, list, entry, store.EntryActive, "answered"))
}

// TestOneOfManyConfirms: of people who confirm at once, one makes the entry; and
// a decision that is opened again at the same time leaves nothing active.
func TestOneOfManyConfirms(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, mona := t.Context(), n.Person("mona", mandate.ListManager)
		list := own(t, n)
		for round := range 4 {
			id := twice(t, n, round+1, nodetest.Yes)
			reopens := round%2 == 1
			proposers := make(chan string, 3)
			var made sync.WaitGroup
			for i := range 3 {
				made.Go(func() {
					proposal, _, err := n.Lists.Propose(ctx, mona, list, id, fmt.Sprintf("reason %d", i))
					if err == nil {
						proposers <- proposal
					} else if !problem.Is(err, problem.Conflict) {
						t.Errorf("proposing: %v", err)
					}
				})
			}
			made.Wait()
			if len(proposers) != 1 {
				t.Fatalf("%d proposals of one item", len(proposers))
			}
			proposal := <-proposers
			results := make(chan error, 6)
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					if reopens && i == 5 {
						_, err := n.Triage.Reopen(ctx, n.Supervisor(), id, "a complaint")
						must(t, err)
						return
					}
					_, err := n.Lists.Confirm(ctx, n.Person(fmt.Sprintf("manager-%d", i), mandate.ListManager), list, proposal)
					results <- err
				})
			}
			all.Wait()
			close(results)
			confirmed := 0
			for err := range results {
				if err == nil {
					confirmed++
				} else if !problem.Is(err, problem.Conflict) {
					t.Errorf("confirming: %v", err)
				}
			}
			if confirmed > 1 || (confirmed == 0 && !reopens) {
				t.Errorf("round %d: %d people made the entry", round, confirmed)
			}
			n.Work(t)
			if !reopens {
				continue
			}
			if confirmed == 1 {
				if e := entryOf(t, n, list, id); e.State != store.EntrySuspended {
					t.Errorf("the decision is open again, and the entry %s", e.State)
				}
			}
		}
	})
}

// TestNoEntryWithoutPeople: whatever people try in whatever order, after the
// node has followed, an active entry was proposed by one list manager and
// confirmed by another, and rests on the decisions of two that are final now, or
// were when the item was erased.
func TestNoEntryWithoutPeople(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	nodetest.Meet(t, n, nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: n.Clock}))
	number, confirmed, stopped, restored := 100, 0, 0, 0
	checks := flag.Lookup("rapid.checks")
	was, want := checks.Value.String(), "30"
	if racetest.Enabled {
		want = "10"
	}
	if text := os.Getenv("BRDO_SEQUENCES"); text != "" { // how many hundred
		want = text + "00"
	}
	must(t, checks.Value.Set(want))
	defer checks.Value.Set(was)
	list := own(t, n)
	managers := []mandate.Actor{n.Person("mona", mandate.ListManager), n.Person("nils", mandate.ListManager), n.Person("omni", mandate.ListManager, mandate.Analyst, mandate.SecondLooker, mandate.Supervisor)}
	verdicts := []triage.Verdict{nodetest.Yes, nodetest.Yes, nodetest.Yes, nodetest.Yes, nodetest.No}
	steps := []string{"judge", "judge", "propose", "confirm", "confirm", "restore", "restore", "reopen", "reopen", "refuse", "erase", "suspend", "withdraw", "work"}
	property := func(rt *rapid.T) {
		number++
		ctx, id, proposal, round := t.Context(), "", "proposal/none", 0
		id = n.Flag(t, number, rapid.SampledFrom([]string{"", "user1"}).Draw(rt, "user"))
		// Often the right steps first.
		begin := []string{"judge", "judge", "propose", "judge", "confirm", "confirm", "reopen", "judge", "judge", "restore"}
		begin = begin[:rapid.SampledFrom([]int{0, 3, 6, len(begin), len(begin)}).Draw(rt, "begin")]
		for i := range len(begin) + rapid.IntRange(2, 6).Draw(rt, "length") {
			who := rapid.SampledFrom(managers).Draw(rt, "who")
			var err error
			step := rapid.SampledFrom(steps).Draw(rt, "step")
			if i < len(begin) {
				step = begin[i]
			}
			switch step {
			case "judge":
				round++
				verdict := rapid.SampledFrom(verdicts).Draw(rt, "verdict")
				if i < len(begin) {
					verdict = nodetest.Yes
				}
				verdict.Reason = "the shore line"
				judge := n.Person(fmt.Sprintf("judge-%d-%d", number, round), mandate.Analyst, mandate.SecondLooker, mandate.Supervisor)
				if err = n.Triage.Take(ctx, judge, id); err == nil {
					_, err = n.Triage.View(ctx, judge, id, triage.Look{Level: item.LevelSketch})
					must(t, err)
					must(t, n.Triage.Decide(ctx, judge, id, verdict))
					n.Settle(t)
					_, _ = n.Reports.Compose(ctx, n.Analyst(), id, "")
				}
			case "propose":
				var made string
				if made, _, err = n.Lists.Propose(ctx, who, list, id, "known since today"); err == nil {
					proposal = made
				}
			case "confirm":
				if _, err = n.Lists.Confirm(ctx, who, list, proposal); err == nil {
					confirmed++
				}
			case "refuse":
				err = n.Lists.Refuse(ctx, who, list, proposal, "a question")
			case "reopen":
				_, err = n.Triage.Reopen(ctx, n.Supervisor(), id, "a complaint")
			case "erase":
				if rapid.IntRange(0, 3).Draw(rt, "really") == 0 {
					err = n.Triage.Erase(ctx, n.Supervisor(), id, "the period has ended")
				}
			case "work":
				n.Work(t)
			default:
				var row store.ProposalRow
				n.Look(t, func(tx *store.Tx) error { row, _ = tx.Proposal(list, proposal); return nil })
				state := map[string]string{"restore": store.EntryActive, "suspend": store.EntrySuspended, "withdraw": store.EntryWithdrawn}[step]
				if err = n.Lists.ChangeEntry(ctx, who, list, row.EntryID, state, "checked again"); err == nil && step == "restore" {
					restored++
				}
			}
			if known := (*problem.Error)(nil); err != nil && (!errors.As(err, &known) || known.Kind == problem.Internal) {
				rt.Fatalf("a refusal without a reason: %v", err)
			}
		}
		n.Work(t)
		stopped += soundly(t, rt, n, list, id)
	}
	// Ten sequences may miss one of them by chance; ten times as many may not.
	lacking := func() bool { return confirmed == 0 || stopped == 0 || restored == 0 }
	for tries := 0; tries == 0 || tries < 10 && lacking(); tries++ {
		rapid.Check(t, property)
	}
	if lacking() {
		t.Errorf("the sequences never got anywhere: %d confirmed, %d stopped, %d brought back", confirmed, stopped, restored)
	}
	t.Logf("%d sequences: %d entries confirmed, %d in doubt at the end, %d brought back", number-100, confirmed, stopped, restored)
}

// soundly checks the entry of one item, and returns 1 when it is in doubt.
func soundly(t *testing.T, rt *rapid.T, n *nodetest.Node, list, id string) (doubtful int) {
	var e store.ListEntry
	var p store.ProposalRow
	found := false
	n.Look(t, func(tx *store.Tx) (err error) {
		if e, err = tx.ListEntryByIdentity(list, hashlist.SHA256.String()+":"+id); problem.Is(err, problem.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p, found, err = tx.ProposalOfEntry(e.ID)
		if err == nil && !found {
			rt.Fatalf("an entry that nobody proposed: %+v", e)
		}
		return err
	})
	if !found {
		return 0
	}
	if p.ProposedBy == p.SettledBy || p.ProposedBy == "" || p.SettledBy == "" {
		rt.Fatalf("one person did both: %+v", p)
	}
	if p.Doubt != "" {
		doubtful = 1
	}
	if e.State != store.EntryActive {
		return doubtful
	}
	_, a := n.Item(t, id)
	final, is := a.Final()
	switch {
	case p.Doubt != "":
		rt.Fatalf("in doubt and active: %+v", p)
	case !is || final.Outcome != item.Reportable:
		rt.Fatalf("active without a final decision: %s %+v", a.State, final)
	case a.Second == nil || a.First.Person == a.Second.Person:
		rt.Fatalf("active after one look: %+v", a)
	case !slices.Equal(p.Decisions, a.Decisions()):
		rt.Fatalf("active on decisions that do not count any more: %v, now %v", p.Decisions, a.Decisions())
	}
	return doubtful
}
