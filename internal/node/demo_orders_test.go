package node_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/reports"
)

// TestTheDemonstrationCanVerifyAnOrder goes the way of the demonstration's trail
// with its own data: the played internet serves what was uploaded, a report about
// it reaches both authorities, which both claim it, an order follows from it that
// names the address, a person removes it at the service, and an authority looks
// after a minute.
func TestTheDemonstrationCanVerifyAnOrder(t *testing.T) {
	ctx := t.Context()
	w := worked{World: demonstration(t)}
	found, err := w.Upload(ctx, 5)
	must(t, "uploading", err)
	uploaded := lookedAtTwice(t, w, found.Files[0].SHA256)
	analyst := actor(t, w.Provider, mandate.Analyst)
	w.further, err = w.Provider.Reports.Compose(ctx, analyst, uploaded, "")
	must(t, "composing", err)
	no := new(false)
	must(t, "answering", w.Provider.Reports.Amend(ctx, analyst, w.further, reports.Answers{
		Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}, Details: "found by comparison with a list",
	}, ""))
	must(t, "submitting", w.Provider.Reports.Submit(ctx, analyst, w.further))
	must(t, "approving", w.Provider.Reports.Approve(ctx, actor(t, w.Provider, mandate.SecondLooker), w.further))
	w.deliver(t)
	w.claimed(t)
	if w.AuthorityA.Config.Egress.Proxy != w.Service || w.Provider.Config.Egress.Proxy != "" {
		t.Error("who looks, and who does not")
	}
	requester, issuer := actor(t, w.AuthorityA, mandate.Investigator), actor(t, w.AuthorityA, mandate.Supervisor)
	from := referred(t, w.AuthorityA)
	blank, err := w.AuthorityA.Orders.Prepare(ctx, requester, orders.Draft{From: from})
	must(t, "preparing an order", err)
	if len(blank.Items) != 1 || blank.Items[0].URL != "https://photos.example/p/5" || blank.Items[0].SHA256 != uploaded {
		t.Fatalf("the form of the order begins with %+v", blank.Items)
	}
	id, err := w.AuthorityA.Orders.Request(ctx, requester, orders.Draft{
		From:     from,
		Provider: w.Provider.Post.Self().NodeID, ContactPoint: "contact point", Service: "Pictures", Languages: []string{"en"}, Issuing: "District Court", Reference: "17 Nc 17/2026",
		Items: blank.Items, Elements: []string{"appearing"}, Reasons: "Reason number 17.",
		Redress: orderdomain.Redress{Court: "Regional Court", TimePeriods: "15 days", Law: "Section 17"},
	})
	must(t, "requesting an order", err)
	must(t, "asking", w.AuthorityA.Orders.Ask(ctx, requester, id, []string{w.AuthorityB.Post.Self().NodeID}))
	w.deliver(t)
	other := actor(t, w.AuthorityB, mandate.Investigator)
	asked, err := w.AuthorityB.Orders.Overview(ctx, other)
	must(t, "reading questions", err)
	must(t, "answering", w.AuthorityB.Orders.AnswerQuestion(ctx, other, asked.Questions[0].ID, false, time.Time{}, ""))
	w.deliver(t)
	must(t, "issuing", w.AuthorityA.Orders.Issue(ctx, issuer, id, law.Period{}))
	v, err := w.AuthorityA.Orders.Order(ctx, requester, id)
	must(t, "reading the order", err)
	if !v.ByMachine || v.Form.Status != law.Demo || v.Issuance.Terms.Watch.Schedule[0].AddTo(v.Now).Sub(v.Now) != time.Minute {
		t.Errorf("by machine: %v, under %s, looked at after %s", v.ByMachine, v.Form.Ref(), v.Issuance.Terms.Watch.Schedule[0])
	}
	answer, err := http.PostForm(w.Service+"/", url.Values{"remove": {"https://photos.example/p/5"}})
	must(t, "removing at the service", err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Request.URL.RawQuery, "photos.example") {
		t.Errorf("removing: %d", answer.StatusCode)
	}
}
