package orders_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// union is a provider, the Centre and two authorities, each a whole node that
// the others reach over real connections. They have one clock.
type union struct {
	t                                   testing.TB
	clock                               *nodetest.Clock
	provider, centre, slovenia, croatia *nodetest.Node
	internet                            *nodetest.Internet
}

func found(t testing.TB, database func() string, internet *nodetest.Internet) *union {
	t.Helper()
	u := &union{t: t, clock: nodetest.NewClock(), internet: internet}
	open := func(kind mandate.OrganisationKind, name, country string) *nodetest.Node {
		return nodetest.Open(t, nodetest.Options{Kind: kind, Name: name, Country: country, Clock: u.clock, Database: database(), Internet: internet})
	}
	u.provider, u.centre = open(mandate.Provider, "", "SI"), open(mandate.Centre, "", "")
	u.slovenia, u.croatia = open(mandate.Authority, "authority-si", "SI"), open(mandate.Authority, "authority-hr", "HR")
	nodes := u.nodes()
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			nodetest.Meet(t, a, b)
		}
	}
	return u
}

func (u *union) nodes() []*nodetest.Node {
	return []*nodetest.Node{u.provider, u.centre, u.slovenia, u.croatia}
}

// settle lets everything that was sent arrive, and what follows from it.
func (u *union) settle() {
	u.t.Helper()
	for range 3 {
		for _, n := range u.nodes() {
			n.Work(u.t)
		}
	}
}

func (u *union) later(d time.Duration) { u.clock.Add(d); u.settle() }

// requester and issuer are two people of the authority; moderator is the
// provider's.
func (u *union) requester() mandate.Actor { return u.slovenia.Person("ines", mandate.Investigator) }
func (u *union) issuer() mandate.Actor    { return u.slovenia.Supervisor() }
func (u *union) moderator() mandate.Actor { return u.provider.Analyst() }

func (u *union) draft() orders.Draft {
	return orders.Draft{
		Provider: u.provider.Post.Self().NodeID, ContactPoint: "contact@provider.example", Service: "Example Pictures", Languages: []string{"en"},
		Issuing: "District Court of Exampleton", Reference: "17 Nc 17/2026",
		Items:    []order.Item{{URL: "https://photos.example/p/17", SHA256: sum(17)}, {URL: "https://photos.example/p/18"}},
		Elements: []string{"appearing"}, Reasons: "Reason number 17.",
		Redress: order.Redress{Court: "Regional Court", TimePeriods: "15 days, starting from receipt", Law: "Section 17"},
	}
}

func sum(number int) string {
	found, err := digest.Reader(strings.NewReader(string(nodetest.Picture(number))))
	if err != nil {
		panic(err) // memory
	}
	return found.SHA256Hex()
}

// requested is an order that was requested, and about which nobody had to be
// asked.
func (u *union) requested(change func(*orders.Draft)) string {
	u.t.Helper()
	draft := u.draft()
	if change != nil {
		change(&draft)
	}
	id, err := u.slovenia.Orders.Request(u.t.Context(), u.requester(), draft)
	must(u.t, err)
	must(u.t, u.slovenia.Orders.NobodyToAsk(u.t.Context(), u.requester(), id, "the report was first seen today"))
	return id
}

// delivered is an order that the provider received, by its ids at both sides.
func (u *union) delivered(change func(*orders.Draft)) (issued, received string) {
	u.t.Helper()
	issued = u.requested(change)
	must(u.t, u.slovenia.Orders.Issue(u.t.Context(), u.issuer(), issued, law.Period{Days: 15}))
	u.settle()
	u.wantIssued(issued, order.Delivered)
	return issued, u.row(u.provider, issued).ID
}

// executed is an order that the provider executed and answered.
func (u *union) executed(change func(*orders.Draft)) (issued, received string) {
	u.t.Helper()
	ctx := u.t.Context()
	issued, received = u.delivered(change)
	must(u.t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	must(u.t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()))
	must(u.t, u.provider.Orders.SendAnswer(ctx, u.moderator(), received))
	u.settle()
	u.wantIssued(issued, order.Executed)
	return issued, received
}

// row is what a node keeps of an order, by the authority's name of it.
func (u *union) row(n *nodetest.Node, name string) (row store.OrderRow) {
	u.t.Helper()
	n.Look(u.t, func(tx *store.Tx) error {
		rows, err := tx.OrdersNamed(name)
		if len(rows) == 1 {
			row = rows[0]
		}
		return err
	})
	if row.ID == "" {
		u.t.Fatalf("%s does not know %s", n.Config.Organisation.ID, name)
	}
	return row
}

func (u *union) issued(id string) orders.View {
	u.t.Helper()
	v, err := u.slovenia.Orders.Order(u.t.Context(), u.requester(), id)
	must(u.t, err)
	return v
}

func (u *union) received(id string) orders.View {
	u.t.Helper()
	v, err := u.provider.Orders.Order(u.t.Context(), u.moderator(), id)
	must(u.t, err)
	return v
}

func (u *union) wantIssued(id string, state order.State) orders.View {
	u.t.Helper()
	v := u.issued(id)
	if v.Issuance.State != state {
		u.t.Fatalf("the order is %s at the authority, want %s: %+v", v.Issuance.State, state, v.Alarms)
	}
	return v
}

func (u *union) wantReceived(id string, state order.State) orders.View {
	u.t.Helper()
	v := u.received(id)
	if v.Execution.State != state {
		u.t.Fatalf("the order is %s at the provider, want %s: %+v", v.Execution.State, state, v.Alarms)
	}
	return v
}

func (u *union) wantDue(what string, track order.Track, clock order.ClockID, at time.Time) {
	u.t.Helper()
	due, running := track.Clock(clock)
	if !running || due.Sub(at).Abs() > time.Second {
		u.t.Errorf("%s: the clock %s is due %s (%v), want %s", what, clock, due, running, at)
	}
}

func (u *union) figures(n *nodetest.Node) (all map[string]int64) {
	u.t.Helper()
	n.Look(u.t, func(tx *store.Tx) (err error) { all, err = tx.OrderFigures(); return err })
	return all
}

func alarmed(v orders.View, about string) bool {
	return slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, about) })
}

func kinds(v orders.View) (all []string) {
	for _, document := range v.Documents {
		all = append(all, document.Kind)
	}
	return all
}

// verified checks the log of every node.
func (u *union) verified() {
	u.t.Helper()
	for _, n := range u.nodes() {
		must(u.t, n.Ledger.Sequence(u.t.Context()))
		if _, err := ledger.Verify(u.t.Context(), n.Store, n.Ledger.Trust()); err != nil {
			u.t.Errorf("the log of %s: %v", n.Config.Organisation.ID, err)
		}
	}
}

// each runs a test on SQLite and on PostgreSQL.
func each(t *testing.T, test func(t *testing.T, u *union)) {
	t.Helper()
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) { test(t, found(t, database, nodetest.OpenInternet(t))) })
}

// TestAnOrder takes an order through everything that may happen to it, between
// whole nodes: the steps share one world because a world is dear.
func TestAnOrder(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		for _, step := range []struct {
			name string
			run  func(t *testing.T, u *union)
		}{
			{"others are asked before it is issued", deconflict},
			{"it is executed", execute},
			{"clarification", clarify},
			{"non-disclosure", keepSilent},
			{"annulled", annul},
			{"a hold bars it", heldBack},
			{"a machine looks whether it is gone", lookAgain},
			{"an address is delisted", delist},
			{"what was removed is uploaded again", uploadedAgain},
			{"a list of addresses is blocked, until its end", block},
		} {
			t.Run(step.name, func(t *testing.T) {
				inner := *u
				inner.t = t
				step.run(t, &inner)
			})
		}
		u.verified()
	})
}

func deconflict(t *testing.T, u *union) {
	ctx := t.Context()
	id, err := u.slovenia.Orders.Request(ctx, u.requester(), u.draft())
	must(t, err)
	nodetest.Want(t, "issuing before anybody was asked", u.slovenia.Orders.Issue(ctx, u.issuer(), id, law.Period{}), problem.Conflict)
	nodetest.Want(t, "asking a provider", u.slovenia.Orders.Ask(ctx, u.requester(), id, []string{u.provider.Post.Self().NodeID}), problem.Invalid)
	croatia := u.croatia.Post.Self().NodeID
	must(t, u.slovenia.Orders.Ask(ctx, u.requester(), id, []string{croatia}))
	u.settle()
	u.wantIssued(id, order.Deconflicting)
	colleague := u.croatia.Person("ivo", mandate.Investigator)
	open, err := u.croatia.Orders.Overview(ctx, colleague)
	must(t, err)
	if len(open.Questions) != 1 || open.Questions[0].State != orders.QuestionOpen || !strings.Contains(string(open.Questions[0].Question), sum(17)) {
		t.Fatalf("the other authority was asked %+v", open.Questions)
	}
	question := open.Questions[0].ID
	// It is found by each address and digest that it names, and by no other.
	for subject, want := range map[string]int{"https://photos.example/p/17": 1, sum(17): 1, sum(18): 0} {
		u.croatia.Look(t, func(tx *store.Tx) error {
			about, err := tx.DeconflictionsOn(subject)
			if len(about) != want {
				t.Errorf("%d questions about %s, want %d", len(about), subject, want)
			}
			return err
		})
	}
	nodetest.Want(t, "an objection without an end", u.croatia.Orders.AnswerQuestion(ctx, colleague, question, true, time.Time{}, "inquiry"), problem.Invalid)
	until := u.clock.Now().AddDate(0, 0, 5)
	must(t, u.croatia.Orders.AnswerQuestion(ctx, colleague, question, true, until, "a running inquiry"))
	nodetest.Want(t, "answering twice", u.croatia.Orders.AnswerQuestion(ctx, colleague, question, false, time.Time{}, ""), problem.Conflict)
	u.settle()
	if v := u.wantIssued(id, order.Deconflicting); !v.Issuance.Questions[0].Objects || v.Issuance.Questions[0].Reason != "a running inquiry" {
		t.Errorf("%+v", v.Issuance.Questions)
	}
	nodetest.Want(t, "issuing despite an objection", u.slovenia.Orders.Issue(ctx, u.issuer(), id, law.Period{}), problem.Conflict)
	// The objection ends by itself; nobody waits without an end.
	u.later(5*24*time.Hour + time.Minute)
	u.wantIssued(id, order.Deconflicted)
	must(t, u.slovenia.Orders.Refuse(ctx, u.issuer(), id, "the material is gone already"))
	u.settle()
	u.wantIssued(id, order.Refused)

	// Nobody answers: a person is reminded, and may decide to go on.
	id, err = u.slovenia.Orders.Request(ctx, u.requester(), u.draft())
	must(t, err)
	must(t, u.slovenia.Orders.Ask(ctx, u.requester(), id, []string{croatia}))
	u.later(25 * time.Hour)
	if v := u.wantIssued(id, order.Deconflicting); !alarmed(v, "no answer from") {
		t.Errorf("nobody was reminded: %+v", v.Alarms)
	}
	must(t, u.slovenia.Orders.Proceed(ctx, u.requester(), id, "a child is in danger"))
	u.settle()
	u.wantIssued(id, order.Deconflicted)
	var told []store.ReportAlarm
	u.croatia.Look(t, func(tx *store.Tx) error {
		question, _, err := tx.DeconflictionOf(u.slovenia.Post.Self().NodeID, id)
		if err == nil {
			told, err = tx.ReportAlarms(question.ID, 5)
		}
		return err
	})
	if len(told) != 1 || !strings.Contains(told[0].Reason, "a child is in danger") {
		t.Errorf("the other authority was told %+v", told)
	}
}

func execute(t *testing.T, u *union) {
	ctx := t.Context()
	before, beforeProvider := u.figures(u.slovenia), u.figures(u.provider)
	id := u.requested(nil)
	nodetest.Want(t, "issuing what one requested", u.slovenia.Orders.Issue(ctx, u.slovenia.Person("ines", mandate.Supervisor), id, law.Period{}), problem.Denied)
	nodetest.Want(t, "issuing without the role", u.slovenia.Orders.Issue(ctx, u.requester(), id, law.Period{}), problem.Denied)
	must(t, u.slovenia.Orders.Issue(ctx, u.issuer(), id, law.Period{Days: 15}))
	u.wantIssued(id, order.Issued)
	at := u.clock.Now()
	u.settle()
	v := u.wantIssued(id, order.Delivered)
	if v.Issuance.Delivered.Receipt == "" {
		t.Error("nothing proves the receipt")
	}
	received := u.row(u.provider, id).ID
	p := u.wantReceived(received, order.Received)
	u.wantDue("authority", v.Issuance.Track, order.ClockExecution, at.Add(24*time.Hour))
	u.wantDue("provider", p.Execution.Track, order.ClockExecution, at.Add(24*time.Hour))
	if p.Execution.Facts.Digest != v.Issuance.Facts.Digest || p.Text.Signature.KeyID != u.slovenia.Post.Self().NodeID || len(p.Execution.Findings) > 0 {
		t.Errorf("%+v %v", p.Text, p.Execution.Findings)
	}
	if text, err := u.slovenia.Post.Self().OpenStatement("brdo-order", p.Documents[0].Signed); err != nil || order.Digest(text) != v.Issuance.Facts.Digest {
		t.Errorf("the signature beside the order: %v", err)
	}
	_, err := u.slovenia.Post.Self().OpenStatement("brdo-order-answer", p.Documents[0].Signed)
	nodetest.Want(t, "an order taken for an answer", err, problem.Invalid)
	_, err = u.croatia.Post.Self().OpenStatement("brdo-order", p.Documents[0].Signed)
	nodetest.Want(t, "the signature of another", err, problem.Invalid)
	if copy := u.row(u.centre, id); copy.Side != store.OrderCopied || copy.State != string(order.Issued) {
		t.Errorf("the Centre has %+v", copy)
	}
	nodetest.Want(t, "executing without a decision", u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()), problem.Conflict)
	must(t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	u.later(2 * time.Hour)
	nodetest.Want(t, "a measure that the form does not have", u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "hidden", u.clock.Now()), problem.Invalid)
	must(t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()))
	if p := u.wantReceived(received, order.Executed); p.Execution.User.State != order.UserDue {
		t.Errorf("informing the user is %s", p.Execution.User.State)
	}
	must(t, u.provider.Orders.SendAnswer(ctx, u.moderator(), received))
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
	must(t, u.provider.Orders.CopyAsked(ctx, u.moderator(), received))
	u.settle()
	v = u.wantIssued(id, order.Executed)
	if took, ok := v.Issuance.Took(); !ok || took.Round(time.Minute) != 2*time.Hour {
		t.Errorf("it took %s", took)
	}
	if copy := u.row(u.centre, id); copy.State != string(order.Executed) {
		t.Errorf("the Centre has it as %s", copy.State)
	}
	if got := kinds(u.received(received)); !slices.Equal(got, []string{"order", "execution", "user-information"}) {
		t.Errorf("the provider keeps %v", got)
	}
	for figure, n := range map[string]int64{"removal-orders-issued": 1, "removal-orders-executed": 1} {
		if got := u.figures(u.slovenia)[figure] - before[figure]; got != n {
			t.Errorf("%s grew by %d", figure, got)
		}
	}
	if got := u.figures(u.provider)["provider-items-removed-by-order"] - beforeProvider["provider-items-removed-by-order"]; got != 1 {
		t.Errorf("the provider counts %d", got)
	}
	// Somebody looks, and finds it there again: both sides are told.
	u.later(time.Hour + time.Minute)
	if v := u.issued(id); v.ByMachine != (u.internet != nil) || alarmed(v, "look whether the material is gone") == v.ByMachine || (len(v.Looks) > 0) != v.ByMachine {
		t.Errorf("by machine: %v, seen %+v, people were told %+v", v.ByMachine, v.Looks, v.Alarms)
	}
	check := func(finding watch.Finding) []watch.Check {
		return []watch.Check{{Place: "https://photos.example/p/17", Finding: finding, Reason: "seen"}, {Place: "https://photos.example/p/18", Finding: watch.Gone, Reason: "status 404"}}
	}
	must(t, u.slovenia.Orders.Looked(ctx, u.requester(), id, check(watch.Gone)))
	u.wantIssued(id, order.Verified)
	must(t, u.slovenia.Orders.Looked(ctx, u.requester(), id, check(watch.Present)))
	u.settle()
	u.wantIssued(id, order.Reappeared)
	u.wantReceived(received, order.Reappeared)
}

// clarify is acceptance scenario 4: errors after 3 hours, the clarification after
// 20, and from then on 24 hours anew (Article 14(6)).
func clarify(t *testing.T, u *union) {
	ctx := t.Context()
	at := u.clock.Now()
	id, received := u.delivered(nil)
	u.later(3 * time.Hour)
	nodetest.Want(t, "no ground", u.provider.Orders.Decline(ctx, u.moderator(), received, nil, "?"), problem.Invalid)
	must(t, u.provider.Orders.Decline(ctx, u.moderator(), received, []string{"manifest_errors"}, "Two items are named and one is described."))
	u.settle()
	v, p := u.wantIssued(id, order.Clarification), u.wantReceived(received, order.Clarification)
	for _, track := range []order.Track{v.Issuance.Track, p.Execution.Track} {
		if _, running := track.Clock(order.ClockExecution); running {
			t.Error("the time runs although the authority has to clarify")
		}
	}
	u.later(17 * time.Hour)
	must(t, u.slovenia.Orders.Clarify(ctx, u.requester(), id, "The second address is meant too."))
	u.settle()
	v, p = u.wantIssued(id, order.Delivered), u.wantReceived(received, order.Received)
	u.wantDue("authority", v.Issuance.Track, order.ClockExecution, at.Add(44*time.Hour))
	u.wantDue("provider", p.Execution.Track, order.ClockExecution, at.Add(44*time.Hour))
	if got := kinds(p); !slices.Equal(got, []string{"order", "non-execution", "clarification"}) {
		t.Errorf("the provider keeps %v", got)
	}
	// At the old deadline nothing happens; at the new one the order is overdue.
	u.later(5 * time.Hour)
	u.wantIssued(id, order.Delivered)
	u.later(20 * time.Hour)
	v = u.wantIssued(id, order.Overdue)
	if !alarmed(v, "the time for execution has passed") || !alarmed(u.received(received), "the time for execution has passed") {
		t.Errorf("%+v", v.Alarms)
	}
	// What cannot be done waits until the reason has ended (Article 14(5)).
	must(t, u.provider.Orders.Decline(ctx, u.moderator(), received, []string{"force_majeure_or_impossibility"}, "The data centre has no power."))
	u.later(time.Hour)
	u.wantIssued(id, order.Impossible)
	must(t, u.provider.Orders.ReasonEnded(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	v = u.wantIssued(id, order.Delivered)
	u.wantDue("authority", v.Issuance.Track, order.ClockExecution, u.clock.Now().Add(24*time.Hour))
}

// keepSilent is acceptance scenario 6: six weeks and six more; a third period is
// refused (Article 15(4)).
func keepSilent(t *testing.T, u *union) {
	ctx := t.Context()
	silent := func(weeks int) func(*orders.Draft) {
		return func(d *orders.Draft) { d.SilentWeeks, d.Consulted = weeks, []string{"police-si"} }
	}
	draft := u.draft()
	silent(7)(&draft)
	_, err := u.slovenia.Orders.Request(ctx, u.requester(), draft)
	nodetest.Want(t, "seven weeks", err, problem.Invalid)
	draft.SilentWeeks, draft.Consulted = 6, nil
	_, err = u.slovenia.Orders.Request(ctx, u.requester(), draft)
	nodetest.Want(t, "nobody consulted", err, problem.Invalid)

	start := u.clock.Now()
	id, received := u.executed(silent(6))
	if p := u.received(received); p.Execution.User.State != order.UserHeld {
		t.Fatalf("informing the user is %s", p.Execution.User.State)
	}
	nodetest.Want(t, "informing while silent", u.provider.Orders.UserInformed(ctx, u.moderator(), received), problem.Denied)
	u.clock.Set(start.AddDate(0, 0, 40))
	nodetest.Want(t, "extending what one requested", u.slovenia.Orders.ExtendNonDisclosure(ctx, u.slovenia.Person("ines", mandate.Supervisor), id, 6, "Reason 18."), problem.Denied)
	must(t, u.slovenia.Orders.ExtendNonDisclosure(ctx, u.issuer(), id, 6, "Reason number 18."))
	u.settle()
	p := u.received(received)
	if len(p.Execution.NonDisclosure) != 2 || p.Execution.SilentUntil().Sub(start.AddDate(0, 0, 84)).Abs() > time.Second {
		t.Fatalf("silent until %v", p.Execution.NonDisclosure)
	}
	u.later(2*24*time.Hour + time.Hour)
	if p := u.received(received); p.Execution.User.State != order.UserHeld {
		t.Errorf("after six weeks informing the user is %s", p.Execution.User.State)
	}
	u.clock.Set(start.AddDate(0, 0, 80))
	nodetest.Want(t, "a third period", u.slovenia.Orders.ExtendNonDisclosure(ctx, u.issuer(), id, 1, "Reason number 19."), problem.Denied)
	u.clock.Set(start.AddDate(0, 0, 84).Add(time.Minute))
	u.settle()
	if p := u.received(received); p.Execution.User.State != order.UserDue || !alarmed(p, "inform the user") {
		t.Errorf("after twelve weeks informing the user is %s", p.Execution.User.State)
	}
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
}

// annul is acceptance scenario 5: a court annuls an executed, final order; the
// item is restored, whoever keeps an indicator and all who have the order are
// told, and the statistics are corrected.
func annul(t *testing.T, u *union) {
	ctx := t.Context()
	before := map[*nodetest.Node]map[string]int64{u.slovenia: u.figures(u.slovenia), u.provider: u.figures(u.provider)}
	list := map[*nodetest.Node]string{u.provider: u.provider.List(t, "double", 17), u.centre: u.centre.List(t, "double", 17)}
	id, received := u.executed(nil)
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
	must(t, u.slovenia.Orders.Confirm(ctx, u.requester(), id, "the time for appeal is over"))
	u.settle()
	if copy := u.row(u.croatia, id); copy.Standing != string(order.Final) {
		t.Errorf("the other authority has it as %s", copy.Standing)
	}
	nodetest.Want(t, "annulling by no court", u.slovenia.Orders.Annul(ctx, u.requester(), id, "", "judgement 17"), problem.Invalid)
	must(t, u.slovenia.Orders.Annul(ctx, u.requester(), id, "Constitutional Court", "judgement number 17"))
	u.settle()
	u.wantIssued(id, order.Restoring)
	p := u.wantReceived(received, order.Restoring)
	if p.Execution.Standing != order.Annulled || p.Execution.Reason != "judgement number 17" {
		t.Errorf("%s %q", p.Execution.Standing, p.Execution.Reason)
	}
	for _, n := range []*nodetest.Node{u.centre, u.croatia} {
		if copy := u.row(n, id); copy.Standing != string(order.Annulled) {
			t.Errorf("%s has it as %s", n.Config.Organisation.ID, copy.Standing)
		}
	}
	for n, id := range list {
		var told []store.ReportAlarm
		n.Look(t, func(tx *store.Tx) (err error) { told, err = tx.ReportAlarms(id, 5); return err })
		if len(told) != 1 || !strings.Contains(told[0].Reason, "has fallen") {
			t.Errorf("the keeper of the list at %s was told %+v", n.Config.Organisation.ID, told)
		}
	}
	for n, figures := range before {
		for figure, count := range u.figures(n) {
			if count != figures[figure] {
				t.Errorf("%s: %s is %d, want %d as before the order", n.Config.Organisation.ID, figure, count, figures[figure])
			}
		}
	}
	must(t, u.provider.Orders.Undo(ctx, u.moderator(), received, u.clock.Now()))
	if p := u.wantReceived(received, order.Restored); p.Execution.User.State != order.UserDue {
		t.Errorf("telling the user that it is back is %s", p.Execution.User.State)
	}
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
	u.settle()
	u.wantIssued(id, order.Restored)
	if copy := u.row(u.centre, id); copy.State != string(order.Restored) {
		t.Errorf("the Centre has it as %s", copy.State)
	}
}

func heldBack(t *testing.T, u *union) {
	ctx := t.Context()
	id := u.requested(nil)
	until := u.clock.Now().AddDate(0, 1, 0)
	request := orders.HoldRequest{Kind: hold.NoRemove, Subject: sum(17), Requester: "police-si", LegalBasis: "Article 48(6)(b)", Reason: "a running inquiry", Until: until}
	long := request
	long.Until = u.clock.Now().AddDate(0, 19, 0)
	_, err := u.slovenia.Orders.RecordHold(ctx, u.requester(), long)
	nodetest.Want(t, "a hold of 19 months", err, problem.Invalid)
	held, err := u.slovenia.Orders.RecordHold(ctx, u.requester(), request)
	must(t, err)
	nodetest.Want(t, "issuing against a hold", u.slovenia.Orders.Issue(ctx, u.issuer(), id, law.Period{}), problem.Denied)
	// A hold that the provider knows of stops nothing there: it warns.
	_, err = u.provider.Orders.RecordHold(ctx, u.moderator(), request)
	must(t, err)
	must(t, u.slovenia.Orders.ReleaseHold(ctx, u.requester(), held, "police-si", "the inquiry has ended"))
	must(t, u.slovenia.Orders.Issue(ctx, u.issuer(), id, law.Period{}))
	u.settle()
	if p := u.received(u.row(u.provider, id).ID); !alarmed(p, "asked that the material stays") || len(p.Holds) != 1 {
		t.Errorf("%+v", p.Alarms)
	}
}
