package routing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// asked is the latest question about a report at the provider.
func (u *union) asked(sent string) (reports.View, reports.Question) {
	u.t.Helper()
	v, err := u.provider.Reports.Report(u.t.Context(), u.provider.Analyst(), sent)
	must(u.t, err)
	if len(v.Questions) == 0 {
		u.t.Fatalf("no question arrived: %+v", v.Alarms)
	}
	return v, v.Questions[len(v.Questions)-1]
}

// alarmed counts the alarms that say something.
func alarmed(all []store.ReportAlarm, says string) (count int) {
	for _, a := range all {
		if strings.Contains(a.Reason, says) {
			count++
		}
	}
	return count
}

func (u *union) address(ip string) report.Form {
	return report.Form{Geo: report.Geo{IPEvents: []report.IPEvent{{IP: ip, Port: 40_000, At: u.clock.Now().Add(-time.Hour), TZ: "Z"}}}}
}

// TestWhatAReportLacksIsAskedFor follows questions from the Centre to the
// provider and back, and their answers to the authorities, while the report
// moves on.
func TestWhatAReportLacksIsAskedFor(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx, centre, provider := t.Context(), u.centre, u.provider
		sent, id := u.reported(1, false)
		first := u.matter(id)
		keys := func(v routing.Matter) (all []string) {
			for _, f := range v.Lacking {
				all = append(all, f.Key)
			}
			return all
		}
		if lacking := keys(first); !slices.Contains(lacking, "geo.ip_events") || slices.Contains(lacking, "users") {
			t.Fatalf("the report lacks %v", lacking)
		}
		must(t, centre.Routing.Found(ctx, centre.Analyst(), id, false))
		ask := func(fields ...string) error {
			_, err := centre.Routing.Ask(ctx, centre.Analyst(), id, fields)
			return err
		}
		nodetest.Want(t, "asking for nothing", ask(), problem.Invalid)
		nodetest.Want(t, "asking for the signature", ask("signature"), problem.Invalid)
		nodetest.Want(t, "asking twice in one question", ask("geo.other", "geo.other"), problem.Invalid)
		_, err := centre.Routing.Ask(ctx, centre.Second(), id, []string{"geo.other"})
		nodetest.Want(t, "asking without the role", err, problem.Denied)
		must(t, ask("geo.ip_events", "geo.other"))
		nodetest.Want(t, "asking again while it waits", ask("geo.other"), problem.Conflict)
		// It stops nothing: the report is offered before the answer is there.
		u.route(id, u.slovenia)
		u.wantState(id, referral.Offered)

		v, q := u.asked(sent)
		if q.Value.State != report.QuestionOpen || !slices.Equal(q.Value.Fields, []string{"geo.ip_events", "geo.other"}) || !q.Value.Due.Equal(u.matter(id).Questions[0].Value.Due) {
			t.Errorf("the provider is asked %+v", q.Value)
		}
		if alarmed(v.Alarms, "asks for what this report lacks") != 1 {
			t.Errorf("nobody at the provider is told: %+v", v.Alarms)
		}
		if o, err := provider.Reports.Reports(ctx, provider.Analyst(), time.Time{}, 10); err != nil || len(o.Questions) != 1 {
			t.Errorf("%d questions wait, %v", len(o.Questions), err)
		}
		answer := func(q reports.Question, s report.Supplement) error {
			return provider.Reports.Answer(ctx, provider.Analyst(), sent, q.Row.ID, s)
		}
		notHeld := []report.NotHeld{{Field: "geo.other", Reason: "the service keeps no places"}}
		nodetest.Want(t, "half an answer", answer(q, report.Supplement{Values: u.address("192.0.2.17")}), problem.Invalid)
		more := u.address("192.0.2.17")
		more.Users = []report.Person{{Username: "user2"}}
		nodetest.Want(t, "more than was asked", answer(q, report.Supplement{Values: more, NotHeld: notHeld}), problem.Invalid)
		nodetest.Want(t, "no address", answer(q, report.Supplement{Values: u.address("no address"), NotHeld: notHeld}), problem.Invalid)
		nodetest.Want(t, "answering without the role", provider.Reports.Answer(ctx, provider.Second(), sent, q.Row.ID, report.Supplement{}), problem.Denied)
		must(t, answer(q, report.Supplement{Values: u.address("192.0.2.17"), NotHeld: notHeld}))
		nodetest.Want(t, "answering twice", answer(q, report.Supplement{Values: u.address("192.0.2.18"), NotHeld: notHeld}), problem.Conflict)
		u.settle()

		m := u.matter(id)
		if got := m.Questions[0].Value; got.State != report.QuestionAnswered || got.After <= got.Before || got.After != m.Missing.Score || got.Before != first.Missing.Score {
			t.Errorf("the Centre has %+v and %d per cent, before it was %d", got, m.Missing.Score, first.Missing.Score)
		}
		if m.Row.CompletenessNow != m.Missing.Score || m.Row.Completeness != first.Missing.Score || len(m.Report.Form.Geo.IPEvents) != 0 {
			t.Errorf("the report as it came was changed, or its score was not: %+v", m.Row)
		}
		if len(m.Likely) != 1 || m.Likely[0].Country != "SI" {
			t.Errorf("the address of the answer points to %+v", m.Likely)
		}
		offered := u.referralAt(u.slovenia, id)
		had, err := u.slovenia.Routing.Referral(ctx, investigator(u.slovenia), offered.Row.ID)
		must(t, err)
		if len(had.Answers) != 1 || had.Answers[0].Value.Supplement.Values.Geo.IPEvents[0].IP != "192.0.2.17" {
			t.Errorf("the authority that has the report has %+v", had.Answers)
		}
		// Who gets it later gets the answer with it.
		u.route(id, u.croatia)
		late := u.referralAt(u.croatia, id)
		had, err = u.croatia.Routing.Referral(ctx, investigator(u.croatia), late.Row.ID)
		must(t, err)
		if len(had.Answers) != 1 || !strings.Contains(string(late.Offer.Evidence), "upload-ip") {
			t.Errorf("the authority that is asked later has %+v", had.Answers)
		}

		// A second answer that comes all the same is rejected, and said.
		act := ledger.Act{Actor: provider.Analyst(), Action: mandate.ReportAnswer, Purpose: mandate.PurposeReporting}
		must(t, provider.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			_, err := provider.Post.Send(tx, peer.Message{
				Recipient: q.Row.Peer, Kind: mandate.EnvelopeAnswer, Type: "eu.brdo.report.answered.v1", Schema: "answer-1", Subject: sent, Purpose: mandate.PurposeAssessment,
				ReplyTo: q.Row.Envelope, Body: report.Reply{Question: q.Row.Name, Supplement: report.Supplement{Values: u.address("192.0.2.99"), NotHeld: notHeld}},
			})
			return err
		}))
		u.settle()
		if v, q = u.asked(sent); q.Value.State != report.QuestionRefused || !strings.Contains(q.Value.Reason, "is answered already") {
			t.Errorf("the second answer: %+v", q.Value)
		}
		if got := u.matter(id).Questions[0].Value.Supplement.Values.Geo.IPEvents[0].IP; got != "192.0.2.17" {
			t.Errorf("the second answer took the place of the first: %s", got)
		}

		u.namesSomebodyLate(t, id, sent)
		u.withdrawn(t, id, sent)
		must(t, centre.Ledger.Sequence(ctx))
		cards, err := centre.Statistics.Senders(ctx, centre.Supervisor(), u.clock.Now().Year())
		must(t, err)
		if len(cards) != 1 || cards[0].Title != "Example provider" || cards[0].Reports != 1 || cards[0].Asked != 4 || cards[0].Answered != 2 || cards[0].Overdue != 1 || len(cards[0].Lacks) == 0 || cards[0].Lacks[0].Field != "geo" {
			t.Errorf("the card of the provider says %+v", cards)
		}
		_, err = centre.Statistics.Senders(ctx, centre.Analyst(), u.clock.Now().Year())
		nodetest.Want(t, "the card without the role", err, problem.Denied)
		for _, n := range u.nodes() {
			must(t, n.Ledger.Sequence(ctx))
			if _, err := ledger.Verify(ctx, n.Store, n.Ledger.Trust()); err != nil {
				t.Errorf("the log of %s: %v", n.Config.Organisation.ID, err)
			}
		}
	})
}

// namesSomebodyLate asks for a user: the clocks strike at both ends, and the
// answer takes two people.
func (u *union) namesSomebodyLate(t *testing.T, id, sent string) {
	t.Helper()
	ctx, provider := t.Context(), u.provider
	_, err := u.centre.Routing.Ask(ctx, u.centre.Supervisor(), id, []string{"users"})
	must(t, err)
	u.settle()
	u.later(7*24*time.Hour - time.Minute)
	if v, q := u.asked(sent); q.Value.Overdue || alarmed(v.Alarms, "not answered in time") != 0 {
		t.Errorf("overdue a minute early: %+v", q.Value)
	}
	u.later(2 * time.Minute)
	v, q := u.asked(sent)
	if !q.Value.Overdue || alarmed(v.Alarms, "not answered in time") != 1 || alarmed(u.matter(id).Alarms, "not answered in time") != 1 {
		t.Errorf("no alarm at both ends: %+v", q.Value)
	}
	user := report.Supplement{Values: report.Form{Users: []report.Person{{Username: "user17"}}}}
	must(t, provider.Reports.Answer(ctx, provider.Analyst(), sent, q.Row.ID, user))
	u.settle()
	if _, q := u.asked(sent); q.Value.State != report.QuestionSecond || u.matter(id).Questions[1].Value.State != report.QuestionOpen {
		t.Errorf("one person sent who it was: %+v", q.Value)
	}
	both := provider.Person("ada", mandate.Analyst, mandate.SecondLooker)
	nodetest.Want(t, "approving one's own answer", provider.Reports.ApproveAnswer(ctx, both, sent, q.Row.ID), problem.Denied)
	nodetest.Want(t, "returning without a reason", provider.Reports.ReturnAnswer(ctx, provider.Second(), sent, q.Row.ID, ""), problem.Invalid)
	must(t, provider.Reports.ReturnAnswer(ctx, provider.Second(), sent, q.Row.ID, "another name"))
	must(t, provider.Reports.Answer(ctx, provider.Analyst(), sent, q.Row.ID, user))
	must(t, provider.Reports.ApproveAnswer(ctx, provider.Second(), sent, q.Row.ID))
	u.settle()
	if got := u.matter(id).Questions[1].Value; got.State != report.QuestionAnswered || !got.Overdue || got.Supplement.Values.Users[0].Username != "user17" {
		t.Errorf("the late answer: %+v", got)
	}
}

// withdrawn takes a question back; an answer that crosses that is rejected.
func (u *union) withdrawn(t *testing.T, id, sent string) {
	t.Helper()
	ctx, centre, provider := t.Context(), u.centre, u.provider
	for _, crossing := range []bool{false, true} {
		name, err := centre.Routing.Ask(ctx, centre.Analyst(), id, []string{"extra"})
		must(t, err)
		u.settle()
		_, q := u.asked(sent)
		answer := func() error {
			return provider.Reports.Answer(ctx, provider.Analyst(), sent, q.Row.ID, report.Supplement{NotHeld: []report.NotHeld{{Field: "extra", Reason: "nothing more is known"}}})
		}
		nodetest.Want(t, "withdrawing without a reason", centre.Routing.WithdrawQuestion(ctx, centre.Analyst(), id, name, " "), problem.Invalid)
		must(t, centre.Routing.WithdrawQuestion(ctx, centre.Analyst(), id, name, "it is known by now"))
		if crossing {
			must(t, answer())
		}
		u.settle()
		want := map[bool]report.QuestionState{false: report.QuestionWithdrawn, true: report.QuestionRefused}[crossing]
		if _, q := u.asked(sent); q.Value.State != want {
			t.Errorf("crossing %t: the provider's question is %s, want %s", crossing, q.Value.State, want)
		}
		nodetest.Want(t, "answering what nobody waits for", answer(), problem.Conflict)
		if got := u.matter(id).Questions; got[len(got)-1].Value.State != report.QuestionWithdrawn {
			t.Errorf("crossing %t: the Centre's question is %s", crossing, got[len(got)-1].Value.State)
		}
	}
}

// TestWhoReportedHearsOfWhatUseItWas: the Centre's and an authority's person each
// say something of a closed list, and the provider learns it without a name.
func TestWhoReportedHearsOfWhatUseItWas(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx, centre := t.Context(), u.centre
		sent, id := u.reported(1, false, "192.0.2.17")
		nodetest.Want(t, "words of one's own", centre.Routing.Rate(ctx, centre.Analyst(), id, "we know this man"), problem.Invalid)
		nodetest.Want(t, "without the role", centre.Routing.Rate(ctx, centre.Second(), id, "complete"), problem.Denied)
		must(t, centre.Routing.Rate(ctx, centre.Analyst(), id, "complete"))
		nodetest.Want(t, "twice", centre.Routing.Rate(ctx, centre.Supervisor(), id, "complete"), problem.Conflict)
		must(t, centre.Routing.Found(ctx, centre.Analyst(), id, false))
		u.route(id, u.slovenia, u.croatia)
		for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
			r := u.referralAt(n, id)
			nodetest.Want(t, "before it is claimed", n.Routing.RateReferral(ctx, investigator(n), r.Row.ID, "useful"), problem.Conflict)
			must(t, n.Routing.Claim(ctx, investigator(n), r.Row.ID))
			// It may overtake the claim on the way.
			must(t, n.Routing.RateReferral(ctx, investigator(n), r.Row.ID, "useful"))
			u.later(time.Minute)
		}
		// An authority cannot speak for the Centre.
		act := ledger.Act{Actor: investigator(u.slovenia), Action: mandate.ReportRate, Purpose: mandate.PurposeInvestigation}
		subject, words := u.referralAt(u.slovenia, id).Row.ID, report.Feedback{Report: id, Profile: u.matter(id).Value.Profile, Code: "little-use", By: "centre"}
		must(t, u.slovenia.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			_, err := u.slovenia.Post.Send(tx, peer.Message{
				Recipient: centre.Post.Self().NodeID, Kind: mandate.EnvelopeOutcome, Type: "eu.brdo.report.rated.v1", Schema: "feedback-1", Subject: subject,
				Purpose: mandate.PurposeReporting, Body: words,
			})
			return err
		}))
		u.settle()
		v, err := u.provider.Reports.Report(ctx, u.provider.Analyst(), sent)
		must(t, err)
		var said []string
		for _, f := range v.Feedback {
			said = append(said, f.By+": "+f.Reason)
			if f.Source != centre.Post.Self().NodeID {
				t.Errorf("the provider learns who acts: %+v", f.FeedbackRow)
			}
		}
		if want := []string{"centre: nothing that was needed was missing", "authority: the report was of use", "authority: the report was of little use"}; !slices.Equal(said, want) {
			t.Errorf("the provider hears %q, want %q", said, want)
		}
		if all := u.matter(id).Feedback; len(all) != 4 {
			t.Errorf("the Centre keeps %+v", all)
		}
		u.askedThrough(t, id, sent)
	})
}

// askedThrough: authorities ask through the Centre. What two ask is asked once, the
// answer comes to both, and whoever asked hears when there will be none. No clock
// of the report waits.
func (u *union) askedThrough(t *testing.T, id, sent string) {
	t.Helper()
	ctx, centre, provider := t.Context(), u.centre, u.provider
	ask := func(n *nodetest.Node, fields ...string) string {
		t.Helper()
		name, err := n.Routing.AskThrough(ctx, investigator(n), u.referralAt(n, id).Row.ID, fields)
		must(t, err)
		u.settle()
		return name
	}
	at := func(n *nodetest.Node) routing.Referral {
		t.Helper()
		v, err := n.Routing.Referral(ctx, investigator(n), u.referralAt(n, id).Row.ID)
		must(t, err)
		return v
	}
	refused := func(what string, n *nodetest.Node, who mandate.Actor, kind problem.Kind, fields ...string) {
		t.Helper()
		_, err := n.Routing.AskThrough(ctx, who, u.referralAt(n, id).Row.ID, fields)
		nodetest.Want(t, what, err, kind)
	}
	until := u.matter(id).Value.Until
	refused("a supervisor who asks", u.slovenia, u.slovenia.Supervisor(), problem.Denied, "geo.other")
	refused("asking for nothing", u.slovenia, investigator(u.slovenia), problem.Invalid)
	ask(u.slovenia, "geo.other", "extra")
	refused("asking again while it waits", u.slovenia, investigator(u.slovenia), problem.Conflict, "extra")
	ask(u.croatia, "geo.other", "users")
	v, _ := u.asked(sent)
	if len(v.Questions) != 2 || !slices.Equal(v.Questions[0].Value.Fields, []string{"geo.other", "extra"}) || !slices.Equal(v.Questions[1].Value.Fields, []string{"users"}) {
		t.Fatalf("the provider is asked %+v", v.Questions)
	}
	if first := v.Questions[0]; first.Row.Peer != centre.Post.Self().NodeID || len(first.Value.For) > 0 {
		t.Errorf("the provider learns who asks: %+v", first)
	}
	m := u.matter(id)
	if len(m.Questions[0].Value.For) != 2 || len(m.Questions[1].Value.For) != 1 || alarmed(m.Alarms, "asks, through the Centre") != 2 || !m.Value.Until.Equal(until) {
		t.Errorf("the Centre has %+v and waits until %s", m.Questions, m.Value.Until)
	}
	must(t, provider.Reports.Answer(ctx, provider.Analyst(), sent, v.Questions[0].Row.ID, report.Supplement{
		Values: report.Form{Geo: report.Geo{Other: "by the lake"}}, NotHeld: []report.NotHeld{{Field: "extra", Reason: "nothing more is known"}},
	}))
	u.settle()
	for n, state := range map[*nodetest.Node]report.QuestionState{u.slovenia: report.QuestionAnswered, u.croatia: report.QuestionOpen} {
		had := at(n)
		if len(had.Answers) != 1 || had.Answers[0].Value.Supplement.Values.Geo.Other != "by the lake" || len(had.Questions) != 1 || had.Questions[0].Value.State != state {
			t.Errorf("%s has %+v and %+v, want %s", n.Config.Organisation.ID, had.Answers, had.Questions, state)
		}
	}
	must(t, centre.Routing.WithdrawQuestion(ctx, centre.Analyst(), id, m.Questions[1].Row.ID, "it is known by now"))
	u.settle()
	if had := at(u.croatia); had.Questions[0].Value.State != report.QuestionRefused || had.Questions[0].Value.Reason != "it is known by now" || alarmed(had.Alarms, "it is known by now") != 1 {
		t.Errorf("the authority does not hear that there will be no answer: %+v", had.Questions)
	}
	// What two want is withdrawn once both have withdrawn it.
	for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
		ask(n, "service.info")
	}
	for i, n := range []*nodetest.Node{u.slovenia, u.croatia} {
		had := at(n)
		must(t, n.Routing.WithdrawQuestion(ctx, investigator(n), had.Row.ID, had.Questions[len(had.Questions)-1].Row.ID, "not needed"))
		u.settle()
		want := []report.QuestionState{report.QuestionOpen, report.QuestionWithdrawn}[i]
		if v, q := u.asked(sent); len(v.Questions) != 3 || q.Value.State != want || u.matter(id).Questions[2].Value.State != want {
			t.Errorf("after %d withdrew, the provider's question is %s", i+1, q.Value.State)
		}
	}
	ask(u.croatia, "service.url")
	u.later(8 * 24 * time.Hour)
	if had := at(u.croatia); !had.Questions[2].Value.Overdue || alarmed(had.Alarms, "not answered in time") != 1 {
		t.Errorf("no alarm at the authority: %+v", had.Questions)
	}
	must(t, centre.Ledger.Sequence(ctx))
	cards, err := centre.Statistics.Senders(ctx, centre.Supervisor(), u.clock.Now().Year())
	must(t, err)
	if len(cards) != 1 || cards[0].Asked != 4 || cards[0].Answered != 1 || cards[0].Overdue != 1 {
		t.Errorf("the card of the provider says %+v", cards)
	}
	// Of a report that it was not offered an authority learns nothing.
	_, other := u.reported(3, false)
	subject := at(u.slovenia).Row.ID
	act := ledger.Act{Actor: investigator(u.slovenia), Action: mandate.ReportAsk, Purpose: mandate.PurposeInvestigation}
	must(t, u.slovenia.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, err := u.slovenia.Post.Send(tx, peer.Message{
			Recipient: centre.Post.Self().NodeID, Kind: mandate.EnvelopeQuestion, Type: "eu.brdo.report.asked.v1", Schema: "question-1", Subject: subject,
			Purpose: mandate.PurposeAssessment, Body: report.Ask{Question: "question/17", Report: other, Fields: []string{"geo.other"}, Due: u.clock.Now().Add(time.Hour)},
		})
		return err
	}))
	u.settle()
	if all := u.matter(other).Questions; len(all) != 0 {
		t.Errorf("an authority asks about a report that it was not offered: %+v", all)
	}
	must(t, u.slovenia.Routing.Release(ctx, investigator(u.slovenia), at(u.slovenia).Row.ID, "not here"))
	u.settle()
	refused("asking after giving it back", u.slovenia, investigator(u.slovenia), problem.Conflict, "extra")
}

// TestAQuestionOutlivesRestarts closes both nodes at each step of a question, and
// opens them again on the same data: nothing of it is lost, and its clock strikes.
// The report named nobody; its user is informed in time once the answer names one.
func TestAQuestionOutlivesRestarts(t *testing.T) {
	clock, data := nodetest.NewClock(), [2]string{t.TempDir(), t.TempDir()}
	var sent, id string
	for _, step := range []struct {
		name string
		do   func(t *testing.T, u *union)
	}{
		{"asked, not sent", func(t *testing.T, u *union) {
			ctx, p := t.Context(), u.provider
			item := p.Flag(t, 1, "")
			p.Judge(t, p.Analyst(), item, nodetest.Yes)
			p.Settle(t)
			var err error
			sent, err = p.Reports.Compose(ctx, p.Analyst(), item, "")
			must(t, err)
			must(t, p.Reports.Submit(ctx, p.Analyst(), sent))
			u.settle()
			overview, err := u.centre.Routing.Overview(ctx, u.centre.Analyst())
			must(t, err)
			id = overview.Lines[0].ID
			if _, notice := u.reportState(sent); notice.State != report.NoticeNotApplicable {
				t.Fatalf("the notice is %s", notice.State)
			}
			_, err = u.centre.Routing.Ask(ctx, u.centre.Analyst(), id, []string{"users"})
			must(t, err)
			_, err = u.centre.Routing.Ask(ctx, u.centre.Analyst(), id, []string{"geo.other"})
			must(t, err)
		}},
		{"answered, not sent", func(t *testing.T, u *union) {
			ctx, p := t.Context(), u.provider
			u.settle()
			v, _ := u.asked(sent)
			must(t, p.Reports.Answer(ctx, p.Analyst(), sent, v.Questions[0].Row.ID, report.Supplement{Values: report.Form{Users: []report.Person{{Username: "user17"}}}}))
			must(t, p.Reports.ApproveAnswer(ctx, p.Second(), sent, v.Questions[0].Row.ID))
		}},
		{"overdue", func(t *testing.T, u *union) {
			u.later(8 * 24 * time.Hour)
			m := u.matter(id)
			if first, second := m.Questions[0].Value, m.Questions[1].Value; first.State != report.QuestionAnswered || first.Overdue || !second.Overdue || second.State != report.QuestionOpen {
				t.Errorf("the Centre has %+v and %+v", first, second)
			}
			if v, q := u.asked(sent); !q.Value.Overdue || alarmed(v.Alarms, "not answered in time") != 1 || alarmed(m.Alarms, "not answered in time") != 1 {
				t.Errorf("the provider has %+v", q.Value)
			}
			if _, notice := u.reportState(sent); notice.State != report.NoticePending {
				t.Errorf("the notice of the user who was named since is %s", notice.State)
			}
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			u := &union{t: t, clock: clock}
			u.provider = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Clock: clock, Data: data[0]})
			u.centre = nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: clock, Data: data[1]})
			nodetest.Meet(t, u.centre, u.provider)
			step.do(t, u)
		})
	}
}
