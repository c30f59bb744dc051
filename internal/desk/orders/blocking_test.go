package orders_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// blockingDraft asks for a blocking order of 25 months, so that a report is due
// halfway and an assessment before that.
func (u *union) blockingDraft() orders.Draft {
	d := u.draft()
	d.Kind, d.Items, d.Elements, d.Service = law.OrderBlocking, nil, nil, "Example Access"
	d.Blocking = order.Blocking{
		List:       order.List{Reference: "List number 17 of the Centre", SHA256: sum(17), URLs: []string{"https://landscapes.example/17"}},
		Safeguards: "Only the addresses of the list are blocked.", Reporting: "One report halfway.",
		Period: order.Period{From: u.clock.Now(), Until: u.clock.Now().AddDate(0, 25, 0)},
	}
	d.Evidence = map[string]string{"used": "figures number 17", "necessary": "the host did not answer", "reliable": "all addresses were looked at", "balance": "reason number 17"}
	d.Heard = "on 1 November, comment number 17"
	return d
}

// block takes a blocking order from its conditions to the end of its period, and
// one that replaces it to its annulment. Years pass, so it is the last step.
func block(t *testing.T, u *union) {
	ctx := t.Context()
	before := map[*nodetest.Node]map[string]int64{u.slovenia: u.figures(u.slovenia), u.provider: u.figures(u.provider)}
	for field, change := range map[string]func(*orders.Draft){
		"evidence.balance": func(d *orders.Draft) { delete(d.Evidence, "balance") },
		"evidence":         func(d *orders.Draft) { d.Evidence["luck"] = "none" },
		"heard":            func(d *orders.Draft) { d.Heard = "" },
		"weeks":            func(d *orders.Draft) { d.SilentWeeks = 1 },
		"blocking.period":  func(d *orders.Draft) { d.Blocking.Period.Until = d.Blocking.Period.From.AddDate(5, 0, 1) },
		"blocking.list.urls[0]": func(d *orders.Draft) {
			d.Blocking.List.URLs = []string{"https://landscapes.example/" + strings.Repeat("a", 4000)}
		},
		"blocking.list.sha256": func(d *orders.Draft) { d.Blocking.List.SHA256 = "17" },
		"blocking.safeguards":  func(d *orders.Draft) { d.Blocking.Safeguards = "" },
		"blocking.reporting":   func(d *orders.Draft) { d.Blocking.Reporting = "" },
		"replaces":             func(d *orders.Draft) { d.Replaces = u.requested(nil) },
	} {
		d := u.blockingDraft()
		change(&d)
		_, err := u.slovenia.Orders.Request(ctx, u.requester(), d)
		if p := problem.From(err); err == nil || p.Kind != problem.Invalid || p.Field != field {
			t.Errorf("without a good %s: %v", field, err)
		}
	}
	removal := u.draft()
	removal.Replaces = "order/17"
	_, err := u.slovenia.Orders.Request(ctx, u.requester(), removal)
	nodetest.Want(t, "a removal that modifies another", err, problem.Invalid)
	start := u.clock.Now()
	issued, received := u.delivered(func(d *orders.Draft) { *d = u.blockingDraft() })
	v := u.received(received)
	if v.Row.Kind != string(law.OrderBlocking) || len(v.Execution.Findings) > 0 || v.Text.Blocking.List.SHA256 != sum(17) || len(v.Items) != 0 {
		t.Fatalf("the provider received %+v: %v", v.Text.Blocking, v.Execution.Findings)
	}
	u.wantDue("provider", v.Execution.Track, order.ClockAnswer, u.clock.Now().Add(24*time.Hour))
	nodetest.Want(t, "force majeure", u.provider.Orders.Decline(ctx, u.moderator(), received, []string{"force_majeure_or_impossibility"}, "no power"), problem.Invalid)
	must(t, u.provider.Orders.Decline(ctx, u.moderator(), received, []string{"insufficient_information"}, "Which list is meant?"))
	u.settle()
	u.wantIssued(issued, order.Clarification)
	must(t, u.slovenia.Orders.Clarify(ctx, u.requester(), issued, "That of today."))
	u.settle()
	// Nobody acts: both sides are reminded, although no article sets a time.
	u.later(25 * time.Hour)
	if !alarmed(u.wantIssued(issued, order.Delivered), "still not executed") || !alarmed(u.wantReceived(received, order.Received), "not executed") {
		t.Error("nobody was reminded of an order that is not executed")
	}
	u.wantRejected(issued, received)
	must(t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	nodetest.Want(t, "a measure of another kind", u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()), problem.Invalid)
	must(t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "blocked", u.clock.Now()))
	must(t, u.provider.Orders.SendAnswer(ctx, u.moderator(), received))
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
	u.settle()
	v = u.wantIssued(issued, order.Executed)
	if last := v.Issuance.Answers[len(v.Issuance.Answers)-1]; last.Measure != "blocked" || last.Digest != "" || !last.MeasuredAt.Equal(u.clock.Now()) {
		t.Errorf("the authority heard %+v", last)
	}
	for annex, kind := range map[string]string{"Annex VII": "order", "Annex VIII": "non-execution", "Article 18(4)": "user-information", "Article 17(5)": "clarification"} {
		u.wantPaper(received, kind, annex)
	}
	u.later(25 * time.Hour)
	if v := u.issued(issued); !alarmed(v, "look whether access to the addresses of the list is prevented") || v.ByMachine && len(v.Looks) > 0 {
		t.Errorf("looked %+v, people were told %+v", v.Looks, v.Alarms)
	}
	must(t, u.slovenia.Orders.Looked(ctx, u.requester(), issued, []watch.Check{{Place: sum(17), Finding: watch.Gone, Reason: "tried three addresses"}}))
	if seen := u.wantIssued(issued, order.Verified).Seen(); len(seen) != 1 || seen[0].Last.Finding != string(watch.Gone) {
		t.Errorf("seen %+v", seen)
	}
	u.lookAgainAt("https://landscapes.example/17", issued, received)
	for figure, n := range map[string]int64{"blocking-orders-issued": 1, "article-17-5-invoked": 1} {
		if got := u.figures(u.slovenia)[figure] - before[u.slovenia][figure]; got != n {
			t.Errorf("%s grew by %d", figure, got)
		}
	}
	for figure, n := range map[string]int64{"provider-blocking-orders-received": 1, "provider-article-17-5-invoked": 1} {
		if got := u.figures(u.provider)[figure] - before[u.provider][figure]; got != n {
			t.Errorf("%s grew by %d", figure, got)
		}
	}
	t.Run("to its end", func(t *testing.T) {
		if racetest.Enabled {
			t.Skip("SKIP: two years of the clocks of every order here are slow under the race detector, which sees the same code before; run without it")
		}
		inner := *u
		inner.t = t
		inner.toItsEnd(issued, received, start)
		inner.replaced(issued)
	})
}

// toItsEnd takes an executed blocking order through its assessment, its report and
// its end.
func (u *union) toItsEnd(issued, received string, start time.Time) {
	ctx, t := u.t.Context(), u.t
	t.Helper()
	// The assessment of every year, and the report halfway.
	u.clock.Set(start.AddDate(1, 0, 0))
	u.settle()
	if v := u.issued(issued); alarmed(v, "conditions are still met") {
		t.Errorf("before the year is over: %+v", v.Alarms)
	}
	u.clock.Set(start.AddDate(1, 0, 1))
	u.settle()
	if v := u.issued(issued); !alarmed(v, "assess whether the conditions are still met") || alarmed(v, "was due halfway") {
		t.Errorf("after a year: %+v", v.Alarms)
	}
	must(t, u.slovenia.Orders.Assess(ctx, u.requester(), issued, "the conditions are met, assessment number 1"))
	v := u.issued(issued)
	if _, running := v.Issuance.Clock(order.ClockReview); !running || len(v.Issuance.Assessments) != 1 {
		t.Errorf("assessed %+v", v.Issuance.Assessments)
	}
	half, _ := v.Issuance.Clock(order.ClockReport)
	u.clock.Set(half.Add(time.Hour))
	u.settle()
	if !alarmed(u.issued(issued), "the report that was due halfway has not come") || !alarmed(u.received(received), "report on the measures taken") {
		t.Error("nobody was told that the report is due")
	}
	nodetest.Want(t, "a report without words", u.provider.Orders.Report(ctx, u.moderator(), received, ""), problem.Invalid)
	must(t, u.provider.Orders.Report(ctx, u.moderator(), received, "One address of the list is blocked."))
	u.settle()
	v = u.issued(issued)
	if _, running := v.Issuance.Clock(order.ClockReport); running || !slices.Contains(kinds(v), "report") {
		t.Errorf("the report is still awaited: %v", kinds(v))
	}
	u.wantPaper(received, "report", "Article 18(6)")
	sent := u.received(received).Envelopes
	if !slices.ContainsFunc(sent, func(e store.EnvelopeOut) bool {
		envelope, err := peer.Parse(e.Body)
		return err == nil && envelope.Type == "eu.brdo.order-answer.report.v1" && e.State == store.EnvelopeAnswered
	}) {
		t.Errorf("no receipt of the report: %+v", sent)
	}
	nodetest.Want(t, "a second report", u.provider.Orders.Report(ctx, u.moderator(), received, "Again."), problem.Conflict)

	// It ends by itself, and the provider says that it undid the measure.
	u.clock.Set(start.AddDate(0, 25, 0).Add(time.Hour))
	u.settle()
	u.wantIssued(issued, order.Ended)
	if p := u.wantReceived(received, order.Ended); !alarmed(p, "the period of application is over") {
		t.Errorf("the provider was told %+v", p.Alarms)
	}
	must(t, u.provider.Orders.Undo(ctx, u.moderator(), received, u.clock.Now()))
	must(t, u.provider.Orders.UserInformed(ctx, u.moderator(), received))
	u.settle()
	if v := u.wantIssued(issued, order.Ended); len(v.Issuance.Clocks) != 0 {
		t.Errorf("the authority still waits: %+v", v.Issuance.Clocks)
	}
}

// wantRejected sends answers that the authority must not take.
func (u *union) wantRejected(issued, received string) {
	ctx, t := u.t.Context(), u.t
	t.Helper()
	before := u.issued(issued)
	signed := func(as string, s orders.Statement) string {
		text, err := json.Marshal(s)
		must(t, err)
		statement, err := u.provider.Post.Sign(as, text)
		must(t, err)
		return statement
	}
	report := orders.Statement{Order: issued, Digest: before.Issuance.Facts.Digest, Text: "Done.", At: u.clock.Now()}
	other, older, silent := report, report, report
	other.Order, older.Digest, silent.Text = "order/17", sum(18), ""
	says := func(reply orders.Reply) orders.Reply {
		reply.Order = issued
		return reply
	}
	sent := map[string]string{}
	for expected, reply := range map[string]orders.Reply{
		"no box of the form":             {Says: "carried-out", Measure: "removed", At: u.clock.Now()},
		"missing or in the future":       {Says: "carried-out", Measure: "blocked", At: u.clock.Now().Add(time.Hour)},
		"about another order":            {Says: "report", Signed: signed("brdo-order-report", other)},
		"another text of it":             {Says: "report", Signed: signed("brdo-order-report", older)},
		"it is missing":                  {Says: "report", Signed: signed("brdo-order-report", silent)},
		"it is signed as something else": {Says: "report", Signed: signed("brdo-order-answer", report)},
		"is not an exact address":        {Says: "ask-reassessment", Place: "nowhere", Reason: "reason number 17"},
		"longer than 1000 bytes":         {Says: "ask-reassessment", Place: "https://landscapes.example/17", Reason: strings.Repeat("a", 1001)},
		"no answer that this node kno":   {Says: "unblocked"},
	} {
		act := ledger.Act{Actor: u.moderator(), Action: mandate.OrderAnswer, Purpose: mandate.PurposeRemoval}
		must(t, u.provider.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			id, err := u.provider.Post.Send(tx, peer.Message{
				Recipient: u.slovenia.Post.Self().NodeID, Kind: mandate.EnvelopeOrderAnswer, Type: "eu.brdo.order-answer." + reply.Says + ".v1", Schema: "order-answer-1",
				Subject: received, Purpose: mandate.PurposeRemoval, Body: says(reply),
			})
			sent[expected] = id
			return err
		}))
	}
	u.settle()
	u.provider.Look(t, func(tx *store.Tx) error {
		for expected, id := range sent {
			row, err := tx.EnvelopeOut(id)
			if err != nil {
				return err
			}
			if row.Status != string(peer.Rejected) || !strings.Contains(row.StatusReason, expected) {
				t.Errorf("%s: %s %q", expected, row.Status, row.StatusReason)
			}
		}
		return nil
	})
	if after := u.issued(issued); after.Row.Version != before.Row.Version || len(after.Documents) != len(before.Documents) {
		t.Errorf("what was rejected changed the order: %+v", after.Row)
	}
}

// lookAgainAt has an address looked at again because somebody is kept from it.
func (u *union) lookAgainAt(address, issued, received string) {
	ctx, t := u.t.Context(), u.t
	t.Helper()
	must(t, u.provider.Orders.AskReassessment(ctx, u.moderator(), received, address, "a user says that it shows a landscape"))
	must(t, u.slovenia.Orders.AskReassessment(ctx, u.requester(), issued, address, "a letter says the same"))
	u.settle()
	v := u.issued(issued)
	if asked := v.Issuance.Unanswered(); len(asked) != 2 || asked[1].By != u.provider.Post.Self().Title || !alarmed(v, "prevented wrongly") {
		t.Fatalf("the authority was asked %+v", asked)
	}
	must(t, u.slovenia.Orders.Reassess(ctx, u.requester(), issued, address, false, "looked at again by two people"))
	u.settle()
	if v := u.issued(issued); len(v.Issuance.Unanswered()) != 0 || !alarmed(u.received(received), "looked at again by two people") {
		t.Errorf("answered %+v; the provider was told %+v", v.Issuance.Reassessments, u.received(received).Alarms)
	}
	nodetest.Want(t, "answering twice", u.slovenia.Orders.Reassess(ctx, u.requester(), issued, address, true, "again"), problem.Conflict)
}

// replaced modifies an order by one that replaces it, which a court annuls.
func (u *union) replaced(old string) {
	ctx, t := u.t.Context(), u.t
	t.Helper()
	before := u.figures(u.slovenia)
	issued, received := u.delivered(func(d *orders.Draft) { *d = u.blockingDraft(); d.Replaces = old })
	if !alarmed(u.issued(old), issued) || u.received(received).Text.Replaces != old {
		t.Errorf("nobody was asked to withdraw what is replaced: %+v", u.issued(old).Alarms)
	}
	must(t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	must(t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "blocked", u.clock.Now()))
	must(t, u.slovenia.Orders.Annul(ctx, u.requester(), issued, "Constitutional Court", "judgement number 18"))
	u.settle()
	u.wantReceived(received, order.Restoring)
	must(t, u.provider.Orders.Undo(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	u.wantIssued(issued, order.Restored)
	if got := u.figures(u.slovenia)["blocking-orders-issued"]; got != before["blocking-orders-issued"] {
		t.Errorf("an annulled order counts: %d", got)
	}
}

// wantPaper looks whether the provider's document of a kind is in the form of an
// annex, in the order of its profile.
func (u *union) wantPaper(received, kind, annex string) {
	u.t.Helper()
	v := u.received(received)
	for _, document := range v.Documents {
		if document.Kind != kind {
			continue
		}
		paper, err := u.provider.Orders.Document(u.t.Context(), u.moderator(), received, document.ID)
		must(u.t, err)
		if paper.Form.Annex != annex || paper.Form.Digest != order.Digest(document.Text) {
			u.t.Errorf("%s is in the form of %s", kind, paper.Form.Annex)
		}
		if kind == "user-information" && strings.Contains(string(document.Text), "places") {
			u.t.Errorf("users are told what the list of the Centre holds: %s", document.Text)
		}
		template, printed := v.Form.Template(kind)
		if printed && (len(paper.Form.Sections) != len(template.Sections) || paper.Form.Title != template.Title) {
			u.t.Errorf("%s has %d sections, the law %d", paper.Form.Title, len(paper.Form.Sections), len(template.Sections))
		}
		return
	}
	u.t.Errorf("the provider keeps no %s: %v", kind, kinds(v))
}
