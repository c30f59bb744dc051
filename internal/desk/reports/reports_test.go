package reports_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// two are a provider and a Centre that know each other and share a clock.
func two(t testing.TB, o nodetest.Options) (provider, centre *nodetest.Node) {
	t.Helper()
	o.Kind, o.Clock = mandate.Provider, nodetest.NewClock()
	provider = nodetest.Open(t, o)
	centre = nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: o.Clock})
	nodetest.Meet(t, provider, centre)
	return provider, centre
}

func each(t *testing.T, test func(t *testing.T, provider, centre *nodetest.Node)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		provider, centre := two(t, nodetest.Options{})
		test(t, provider, centre)
	})
	t.Run("postgresql", func(t *testing.T) {
		provider, centre := two(t, nodetest.Options{Database: storetest.PostgreSQLLocation(t)})
		test(t, provider, centre)
	})
}

// decided makes an item that people decided on; with a user, two of them.
func decided(t testing.TB, n *nodetest.Node, number int, user string, verdict triage.Verdict) string {
	t.Helper()
	id := n.Flag(t, number, user)
	n.Judge(t, n.Analyst(), id, verdict)
	n.Settle(t)
	if user != "" {
		n.Judge(t, n.Second(), id, verdict)
		n.Settle(t)
	}
	return id
}

func compose(t testing.TB, n *nodetest.Node, id string) string {
	t.Helper()
	made, err := n.Reports.Compose(t.Context(), n.Analyst(), id, "")
	must(t, err)
	return made
}

func view(t testing.TB, n *nodetest.Node, id string) reports.View {
	t.Helper()
	v, err := n.Reports.Report(t.Context(), n.Analyst(), id)
	must(t, err)
	return v
}

func wantState(t testing.TB, n *nodetest.Node, id string, state report.State) reports.View {
	t.Helper()
	v := view(t, n, id)
	if v.Life.State != state || v.State != string(state) {
		t.Fatalf("the report is %s (row %s: %s), want %s", v.Life.State, v.State, v.Life.Reason, state)
	}
	return v
}

func yes() *bool { answer := true; return &answer }

func no() *bool { answer := false; return &answer }

func TestComposeNeedsAFinalReportableDecision(t *testing.T) {
	each(t, func(t *testing.T, n, _ *nodetest.Node) {
		ctx, ada := t.Context(), n.Analyst()
		id := n.Flag(t, 1, "user1")
		try := func(what string) {
			t.Helper()
			_, err := n.Reports.Compose(ctx, ada, id, "")
			nodetest.Want(t, what, err, problem.Conflict)
		}
		try("nobody decided")
		n.Judge(t, ada, id, nodetest.Yes)
		try("the first decision can be taken back")
		n.Settle(t)
		try("the second look is missing")
		n.Judge(t, n.Second(), id, nodetest.Yes)
		try("the second decision can be taken back")
		n.Settle(t)
		_, err := n.Reports.Compose(ctx, n.Second(), id, "")
		nodetest.Want(t, "a second-looker composes", err, problem.Denied)
		compose(t, n, id)
		try("its only sighting is in a report")
		id = decided(t, n, 2, "", nodetest.No)
		try("decided as not reportable")
		_, err = n.Reports.Compose(ctx, ada, "0000", "")
		nodetest.Want(t, "an unknown item", err, problem.NotFound)
	})
}

func TestCompletenessFollowsTheAnswers(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	ctx, ada := t.Context(), n.Analyst()
	id := compose(t, n, decided(t, n, 1, "user1", nodetest.Yes))
	score := view(t, n, id).Completeness.Score
	answer := func(a reports.Answers) int {
		t.Helper()
		must(t, n.Reports.Amend(ctx, ada, id, a, ""))
		v := view(t, n, id)
		if v.ReportRow.Completeness != v.Completeness.Score {
			t.Errorf("the row says %d, the report %d", v.ReportRow.Completeness, v.Completeness.Score)
		}
		return v.Completeness.Score
	}
	full := reports.Answers{Urgent: no(), Removed: no(), ThirdCountry: report.ThirdCountry{Reported: no()}, UserDecision: report.UserDecision{Taken: no()}}
	more := answer(full)
	if more <= score {
		t.Errorf("answers left it at %d after %d", more, score)
	}
	full.Removed = nil
	if less := answer(full); less >= more {
		t.Errorf("an open question left it at %d after %d", less, more)
	}
	nodetest.Want(t, "details without a yes", n.Reports.Amend(ctx, ada, id, reports.Answers{ThirdCountry: report.ThirdCountry{Name: "somewhere"}}, ""), problem.Invalid)
}

func TestASecondPersonApprovesWhatNamesSomebody(t *testing.T) {
	each(t, func(t *testing.T, n, _ *nodetest.Node) {
		ctx, ada := t.Context(), n.Analyst()
		id := compose(t, n, decided(t, n, 1, "user1", nodetest.Yes))
		must(t, n.Reports.Submit(ctx, ada, id))
		first := wantState(t, n, id, report.AwaitingSecondLook)
		if len(first.Envelopes) != 0 {
			t.Fatal("it was sent")
		}
		author := n.Person("ada", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor)
		nodetest.Want(t, "the author approves", n.Reports.Approve(ctx, author, id), problem.Denied)
		nodetest.Want(t, "a change without a reason", n.Reports.Amend(ctx, ada, id, reports.Answers{Removed: yes()}, ""), problem.Invalid)
		must(t, n.Reports.Amend(ctx, ada, id, reports.Answers{Removed: yes()}, "the answer was missing"))
		if v := wantState(t, n, id, report.Draft); v.Life.Digest != "" || v.Life.Submitted != nil {
			t.Errorf("%+v", v.Life)
		}
		nodetest.Want(t, "approving a draft", n.Reports.Approve(ctx, n.Second(), id), problem.Conflict)
		must(t, n.Reports.Submit(ctx, ada, id))
		if v := wantState(t, n, id, report.AwaitingSecondLook); v.Life.Digest == first.Life.Digest {
			t.Error("the digest does not bind the text")
		}
		must(t, n.Reports.Return(ctx, n.Second(), id, "say more"))
		wantState(t, n, id, report.Draft)
		must(t, n.Reports.Submit(ctx, ada, id))
		n.Clock.Add(time.Hour)
		must(t, n.Reports.Approve(ctx, n.Second(), id))
		if v := wantState(t, n, id, report.Sending); len(v.Envelopes) != 1 || v.Life.Approved.Person != n.Second().ID || v.Life.Submitted.Person != ada.ID {
			t.Errorf("%+v", v.Life)
		}
		nodetest.Want(t, "approving twice", n.Reports.Approve(ctx, n.Second(), id), problem.Conflict)
	})
}

func TestWithdrawReleasesTheSightings(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	found := decided(t, n, 1, "", nodetest.Yes)
	id := compose(t, n, found)
	nodetest.Want(t, "withdrawing without a reason", n.Reports.Withdraw(t.Context(), n.Analyst(), id, ""), problem.Invalid)
	if _, err := n.Reports.Compose(t.Context(), n.Analyst(), found, ""); err == nil {
		t.Fatal("a refused withdrawal released the sighting")
	}
	must(t, n.Reports.Withdraw(t.Context(), n.Analyst(), id, "composed by mistake"))
	wantState(t, n, id, report.Withdrawn)
	again := compose(t, n, found)
	must(t, n.Reports.Submit(t.Context(), n.Analyst(), again))
	nodetest.Want(t, "withdrawing what is on its way", n.Reports.Withdraw(t.Context(), n.Analyst(), again, "too late"), problem.Conflict)
}

// TestAReportReachesTheCentre follows a report to its receipt, and the notice
// to the user over the clock of three calendar months.
func TestAReportReachesTheCentre(t *testing.T) {
	each(t, func(t *testing.T, n, centre *nodetest.Node) {
		ctx, ada := t.Context(), n.Analyst()
		found := decided(t, n, 1, "user1", nodetest.Yes)
		id := compose(t, n, found)
		must(t, n.Reports.Submit(ctx, ada, id))
		issued := n.Clock.Now()
		n.Clock.Add(48 * time.Hour)
		must(t, n.Reports.Approve(ctx, n.Second(), id))
		n.Work(t)
		v := wantState(t, n, id, report.Delivered)
		if !slices.Contains(v.StaysHome, "control.client_ref") || v.Report.Control.ClientRef != "upload-1" {
			t.Errorf("stays at home: %v", v.StaysHome)
		}
		w, err := n.Triage.Wellbeing(ctx, ada)
		if err != nil || len(w.Outcomes) == 0 || w.Outcomes[0].Kind != "delivered" || w.Outcomes[0].ReportID != id {
			t.Errorf("%+v, %v", w.Outcomes, err)
		}
		chief := centre.Person("chief", mandate.Analyst)
		overview, err := centre.Routing.Overview(ctx, chief)
		if err != nil || len(overview.Lines) != 1 {
			t.Fatalf("the Centre has %d reports: %v", len(overview.Lines), err)
		}
		received, err := centre.Routing.Matter(ctx, chief, overview.Lines[0].ID)
		must(t, err)
		if received.Row.Reference != id || received.Row.SenderName != "Example provider" || received.Report.Form.Content[0].Item != found || received.Row.Completeness != v.Completeness.Score {
			t.Errorf("%+v", received)
		}
		if bytes.Contains(received.Row.Body, []byte("upload-1")) {
			t.Error("the provider's own reference left the house")
		}
		if received.Report.Control.Files[0].ViewedByHuman {
			t.Error("a sketch counts as a view of the picture")
		}

		due := issued.AddDate(0, 3, 0)
		if v.Notice.State != report.NoticePending || v.NoticeDue.Before(due) || v.NoticeDue.Sub(due) > 24*time.Hour {
			t.Errorf("the notice is %s until %s, want three months after %s", v.Notice.State, v.NoticeDue, issued)
		}
		nodetest.Want(t, "informing too early", n.Reports.Informed(ctx, ada, id), problem.Denied)
		n.Clock.Set(v.NoticeDue.Add(-time.Minute))
		n.Work(t)
		if v := view(t, n, id); v.Notice.State != report.NoticePending {
			t.Errorf("due a minute early: %s", v.Notice.State)
		}
		n.Clock.Add(time.Minute)
		n.Work(t)
		if v := view(t, n, id); v.Notice.State != report.NoticeDue {
			t.Errorf("the clock did not strike: %s", v.Notice.State)
		}
		informed(t, n, id)
	})
}

// informed follows a notice that is due to the person who says that the user was
// told, and what.
func informed(t *testing.T, n *nodetest.Node, id string) {
	ctx, ada := t.Context(), n.Analyst()
	toInform := func() (ids []string) {
		page, err := n.Reports.Reports(ctx, ada, time.Time{}, 1)
		must(t, err)
		for _, row := range page.ToInform {
			ids = append(ids, row.ID)
		}
		return ids
	}
	if got := toInform(); !slices.Equal(got, []string{id}) {
		t.Errorf("to be informed: %v, want %s", got, id)
	}
	nodetest.Want(t, "telling what nobody prepared", n.Reports.Informed(ctx, ada, id), problem.Conflict)
	_, _, err := n.Reports.Sheet(ctx, ada, id)
	nodetest.Want(t, "a sheet that nobody prepared", err, problem.NotFound)
	begin := view(t, n, id).Words
	if !strings.Contains(begin.FollowUp, "sent to the EU Centre") {
		t.Errorf("a person begins with %+v", begin)
	}
	begin.Redress = ""
	nodetest.Want(t, "without redress", n.Reports.Prepare(ctx, ada, id, begin), problem.Invalid)
	begin.Redress = "District court 17."
	nodetest.Want(t, "by somebody who may not", n.Reports.Prepare(ctx, n.Second(), id, begin), problem.Denied)
	must(t, n.Reports.Prepare(ctx, ada, id, begin))
	sheet, _, err := n.Reports.Sheet(ctx, ada, id)
	must(t, err)
	last := sheet.Sections[len(sheet.Sections)-1]
	if got := last.Fields[len(last.Fields)-1].Values; !slices.Equal(got, []string{"District court 17."}) {
		t.Errorf("the sheet ends with %v", got)
	}
	must(t, n.Reports.Informed(ctx, ada, id))
	if v := view(t, n, id); v.Notice.State != report.NoticeSent || v.Notice.Told == nil || v.Notice.DueSince.IsZero() {
		t.Errorf("%+v", v.Notice)
	}
	if got := toInform(); len(got) != 0 {
		t.Errorf("still to be informed: %v", got)
	}
	nodetest.Want(t, "other words after it was told", n.Reports.Prepare(ctx, ada, id, begin), problem.Conflict)
	nodetest.Want(t, "nobody after it was told", n.Reports.NobodyToInform(ctx, ada, id, "reason 17"), problem.Conflict)
}

// TestAHoldMovesTheClock: the clock strikes when the hold ends, and only then.
func TestAHoldMovesTheClock(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	ctx := t.Context()
	id := compose(t, n, decided(t, n, 1, "user1", nodetest.Yes))
	must(t, n.Reports.Submit(ctx, n.Analyst(), id))
	must(t, n.Reports.Approve(ctx, n.Second(), id))
	n.Work(t)
	first := view(t, n, id).NoticeDue
	until := n.Clock.Now().AddDate(0, 5, 0)
	hold := report.Hold{Requester: "an authority", LegalBasis: "Article 48(6)", Reason: "an investigation", From: n.Clock.Now(), Until: until}
	nodetest.Want(t, "an analyst holds", n.Reports.Hold(ctx, n.Analyst(), id, hold), problem.Denied)
	endless := hold
	endless.Until = time.Time{}
	nodetest.Want(t, "a hold without an end", n.Reports.Hold(ctx, n.Supervisor(), id, endless), problem.Invalid)
	must(t, n.Reports.Hold(ctx, n.Supervisor(), id, hold))
	n.Clock.Set(first)
	n.Work(t)
	if v := view(t, n, id); v.Notice.State != report.NoticeHeld || !v.NoticeDue.Equal(until) {
		t.Fatalf("%s until %s", v.Notice.State, v.NoticeDue)
	}
	n.Clock.Set(until)
	n.Work(t)
	if v := view(t, n, id); v.Notice.State != report.NoticeDue {
		t.Errorf("the end of the hold did not strike: %s", v.Notice.State)
	}
	// The account is gone: a person says why nobody can be informed.
	nodetest.Want(t, "nobody, without a reason", n.Reports.NobodyToInform(ctx, n.Analyst(), id, ""), problem.Invalid)
	must(t, n.Reports.NobodyToInform(ctx, n.Analyst(), id, "the account was closed by its user"))
	if v := view(t, n, id); v.Notice.State != report.NoticeNotApplicable || v.Notice.Reason != "the account was closed by its user" {
		t.Errorf("%+v", v.Notice)
	}
}

func TestNobodyToInform(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	id := compose(t, n, decided(t, n, 1, "", nodetest.Yes))
	must(t, n.Reports.Submit(t.Context(), n.Analyst(), id)) // it names nobody: one person suffices
	n.Work(t)
	if v := wantState(t, n, id, report.Delivered); v.Notice.State != report.NoticeNotApplicable || !v.NoticeDue.IsZero() {
		t.Errorf("%+v", v.Notice)
	}
}

// TestRejectedByTheCentre: what the Centre could not take in was not reported,
// so the three months after which the user is informed do not run.
func TestRejectedByTheCentre(t *testing.T) {
	n, centre := two(t, nodetest.Options{NewerForm: true})
	ctx, ada := t.Context(), n.Analyst()
	id := compose(t, n, decided(t, n, 1, "user1", nodetest.Yes))
	must(t, n.Reports.Submit(ctx, ada, id))
	must(t, n.Reports.Approve(ctx, n.Second(), id))
	n.Work(t)
	v := wantState(t, n, id, report.Rejected)
	if v.Life.Reason == "" || v.Life.Receipt == "" {
		t.Errorf("reason and receipt are not kept: %+v", v.Life)
	}
	if v.Notice != nil || !v.NoticeDue.IsZero() {
		t.Errorf("the clock of the user's notice runs: %+v until %s", v.Notice, v.NoticeDue)
	}
	n.Clock.Add(100 * 24 * time.Hour)
	n.Work(t)
	if v := wantState(t, n, id, report.Rejected); v.Notice != nil {
		t.Errorf("the clock struck: %+v", v.Notice)
	}
	nodetest.Want(t, "informing of what was not reported", n.Reports.Informed(ctx, ada, id), problem.Conflict)
	w, err := n.Triage.Wellbeing(ctx, ada)
	if err != nil || len(w.Outcomes) != 1 || w.Outcomes[0].Kind != "rejected" {
		t.Errorf("%+v, %v", w.Outcomes, err)
	}
	if o, err := centre.Routing.Overview(ctx, centre.Person("chief", mandate.Analyst)); err != nil || len(o.Lines) != 0 {
		t.Errorf("the Centre keeps %d, %v", len(o.Lines), err)
	}
	must(t, n.Reports.Amend(ctx, ada, id, reports.Answers{Removed: yes()}, "the Centre refused it"))
	wantState(t, n, id, report.Draft)
}

// TestWhatTheCentreSaysLater: the provider follows its report until the Centre
// closed it.
func TestWhatTheCentreSaysLater(t *testing.T) {
	n, centre := two(t, nodetest.Options{})
	n.Clock.Set(time.Now())
	id := compose(t, n, decided(t, n, 1, "", nodetest.Yes))
	n.Clock.Set(time.Now())
	must(t, n.Reports.Submit(t.Context(), n.Analyst(), id))
	n.Work(t)
	v := wantState(t, n, id, report.Delivered)
	sent := v.Envelopes[0]
	n.Look(t, func(tx *store.Tx) error {
		named, err := tx.EnvelopeNamesItem(sent.ID, v.Report.Form.Content[0].Item)
		if !named {
			t.Error("the Centre may not fetch the file that the report is about")
		}
		return err
	})
	chief := centre.Person("chief", mandate.Analyst)
	for _, step := range []peer.Status{peer.Accepted, peer.Forwarded, peer.Closed} {
		act := ledger.Act{Actor: chief, Action: mandate.ReportAssess, Purpose: mandate.PurposeAssessment}
		must(t, centre.Ledger.Do(t.Context(), act, func(tx *ledger.Tx) error {
			return centre.Post.Answer(tx, peer.Origin{Source: n.Post.Self().NodeID, ID: sent.ID}, step, "done")
		}))
		centre.Clock.Set(time.Now())
		centre.Work(t)
		wantState(t, n, id, report.Accepted)
	}
	var kinds []string
	w, err := n.Triage.Wellbeing(t.Context(), n.Analyst())
	must(t, err)
	for _, outcome := range w.Outcomes {
		kinds = append(kinds, outcome.Kind)
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, []string{"accepted", "closed", "delivered", "forwarded"}) {
		t.Errorf("outcomes %v", kinds)
	}
}

func TestViewedByHumanNeedsAFullView(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	for number, level := range []item.Level{item.LevelSketch, item.LevelRegion, item.LevelFull} {
		id := n.Flag(t, number, "")
		must(t, n.Triage.Take(t.Context(), n.Analyst(), id))
		exposure, err := n.Triage.View(t.Context(), n.Analyst(), id, triage.Look{Level: level})
		must(t, err)
		must(t, n.Triage.Decide(t.Context(), n.Analyst(), id, nodetest.Yes))
		n.Settle(t)
		file := view(t, n, compose(t, n, id)).Report.Control.Files[0]
		if want := level == item.LevelFull; file.ViewedByHuman != want || want && file.ViewEvent != exposure {
			t.Errorf("%s: %+v", level, file)
		}
	}
}

func TestPagesOfReportsThatChangedAtOnce(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	var items []string
	for number := range 5 {
		items = append(items, decided(t, n, number, "", nodetest.Yes))
	}
	for i, id := range items { // two at one moment, then three at another
		if i == 2 {
			n.Clock.Add(time.Second)
		}
		compose(t, n, id)
	}
	for limit := 1; limit <= 6; limit++ {
		seen := map[string]int{}
		var before time.Time
		for more := true; more; {
			page, err := n.Reports.Reports(t.Context(), n.Analyst(), before, limit)
			must(t, err)
			for _, row := range page.Reports {
				seen[row.ID]++
				before = row.ChangedAt
			}
			more = page.More
		}
		if len(seen) != 5 {
			t.Errorf("pages of %d show %d of 5 reports", limit, len(seen))
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("pages of %d show %s %d times", limit, id, times)
			}
		}
	}
}

// TestNothingIsSentWithoutPeople: whatever random people and machines try in
// whatever order, a report leaves only by the decisions of as many people as
// the profiles ask for, and nobody decides about what they did not look at.
func TestNothingIsSentWithoutPeople(t *testing.T) {
	n, _ := two(t, nodetest.Options{})
	batch := 3 // rapid makes 100 checks, so 300 sequences
	if racetest.Enabled {
		batch = 1
	}
	if text := os.Getenv("BRDO_SEQUENCES"); text != "" { // how many hundred
		var err error
		batch, err = strconv.Atoi(text)
		must(t, err)
	}
	number, sent, judged := 100, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		for range batch {
			number++
			s, j := sequence(t, rt, n, number)
			sent, judged = sent+s, judged+j
		}
	})
	if sent == 0 || judged == 0 {
		t.Errorf("the sequences never got anywhere: %d sent, %d decided", sent, judged)
	}
	t.Logf("%d sequences, %d decisions, %d envelopes", number-100, judged, sent)
}

func sequence(t *testing.T, rt *rapid.T, n *nodetest.Node, number int) (sent, judged int) {
	ctx := t.Context()
	person := func(name string, roles ...mandate.Role) mandate.Actor {
		return n.Person(fmt.Sprintf("%s-%d", name, number), roles...)
	}
	actors := []mandate.Actor{
		person("ada", mandate.Analyst), person("dora", mandate.Analyst, mandate.SecondLooker), person("bela", mandate.SecondLooker), person("cleo", mandate.Supervisor),
		person("omni", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor), n.Uploads,
	}
	verdicts := []triage.Verdict{nodetest.Yes, nodetest.Yes, nodetest.Yes, nodetest.No, nodetest.Unsure}
	user := rapid.SampledFrom([]string{"", "user1"}).Draw(rt, "user")
	id, made := n.Flag(t, number, user), "report/none"
	steps := []string{"journey", "journey", "journey", "journey", "judge", "judge", "take", "view", "decide", "settle", "settle", "compose", "compose", "submit", "submit", "approve", "approve", "amend", "return", "withdraw", "undo", "pass", "go on", "sight", "work"}
	for range rapid.IntRange(6, 14).Draw(rt, "length") {
		who := rapid.SampledFrom(actors).Draw(rt, "who")
		step := rapid.SampledFrom(steps).Draw(rt, "step")
		verdict := rapid.SampledFrom(verdicts).Draw(rt, "verdict")
		if who.Has(mandate.Supervisor) {
			verdict.Reason = "the shore line"
		}
		look := triage.Look{Level: item.Level(rapid.IntRange(0, 3).Draw(rt, "level"))}
		var err error
		other := rapid.SampledFrom(actors).Draw(rt, "other")
		switch step {
		case "journey": // the right steps in the right order, by whoever it may be
			for _, reviewer := range []mandate.Actor{who, other} {
				if n.Triage.Take(ctx, reviewer, id) == nil {
					_, _ = n.Triage.View(ctx, reviewer, id, look)
					_ = n.Triage.Decide(ctx, reviewer, id, verdict)
					n.Settle(t)
				}
			}
			author := rapid.SampledFrom(actors).Draw(rt, "author")
			if fresh, failed := n.Reports.Compose(ctx, author, id, ""); failed == nil {
				made = fresh
			}
			_ = n.Reports.Submit(ctx, author, made)
			err = n.Reports.Approve(ctx, rapid.SampledFrom(actors).Draw(rt, "approver"), made)
		case "judge":
			if err = n.Triage.Take(ctx, who, id); err == nil {
				if _, err = n.Triage.View(ctx, who, id, triage.Look{Level: item.LevelSketch}); err == nil {
					err = n.Triage.Decide(ctx, who, id, verdict)
				}
			}
		case "take":
			err = n.Triage.Take(ctx, who, id)
		case "view":
			_, err = n.Triage.View(ctx, who, id, look)
		case "decide":
			err = n.Triage.Decide(ctx, who, id, verdict)
		case "settle":
			n.Settle(t)
		case "compose":
			var fresh string
			if fresh, err = n.Reports.Compose(ctx, who, id, ""); err == nil {
				made = fresh
			}
		case "submit":
			err = n.Reports.Submit(ctx, who, made)
		case "approve":
			err = n.Reports.Approve(ctx, who, made)
		case "amend":
			err = n.Reports.Amend(ctx, who, made, reports.Answers{Removed: yes()}, "an answer was missing")
		case "return":
			err = n.Reports.Return(ctx, who, made, "say more")
		case "withdraw":
			err = n.Reports.Withdraw(ctx, who, made, "a mistake")
		case "undo":
			err = n.Triage.Undo(ctx, who, id)
		case "pass":
			err = n.Triage.Pass(ctx, who, id)
		case "go on":
			_, err = n.Triage.GoOn(ctx, who)
		case "sight":
			n.Submit(t, nodetest.Submission(number, user))
		case "work":
			n.Work(t)
		}
		if err != nil && problem.From(err).Kind == problem.Internal {
			rt.Fatalf("%s by %s: %v", step, who.ID, err)
		}
	}
	return invariants(t, rt, n, id, user != "")
}

// invariants count the rows of an item and of the reports about it.
func invariants(t *testing.T, rt *rapid.T, n *nodetest.Node, id string, names bool) (sent, judged int) {
	n.Look(t, func(tx *store.Tx) error {
		decisions, err := tx.Decisions(id)
		if err != nil {
			return err
		}
		exposures, err := tx.ExposuresOfItem(id)
		if err != nil {
			return err
		}
		standing := map[string]bool{}
		for _, d := range decisions {
			judged++
			if d.Undone.IsZero() {
				standing[d.Person] = true
			}
			if !slices.ContainsFunc(exposures, func(e store.ExposureRow) bool {
				return e.Person == d.Person && e.Level != item.LevelNone.String() && !e.From.After(d.At)
			}) {
				rt.Fatalf("%s decided on %s without a view of it", d.Person, id)
			}
		}
		sightings, err := tx.Sightings(id, 100)
		if err != nil {
			return err
		}
		for _, sighting := range sightings {
			if sighting.ReportedIn == "" {
				continue
			}
			envelopes, err := tx.EnvelopesAbout(sighting.ReportedIn)
			if err != nil {
				return err
			}
			row, err := tx.Report(sighting.ReportedIn)
			if err != nil {
				return err
			}
			if len(envelopes) == 0 {
				continue
			}
			sent++
			logged, err := tx.LogEventsOf(sighting.ReportedIn, 1000)
			if err != nil {
				return err
			}
			people := map[string]bool{}
			for _, event := range logged {
				if event.Outcome == "done" && (event.Action == mandate.ReportSend.Name || event.Action == mandate.ReportApprove.Name) {
					people[event.Actor] = true
				}
			}
			want := 1
			if names {
				want = 2
			}
			if len(people) < want || len(standing) < want {
				rt.Fatalf("%s (%s) was sent by the decisions of %d people on it and %d on the item, want %d", row.ID, row.State, len(people), len(standing), want)
			}
		}
		return nil
	})
	return sent, judged
}
