package node_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/node"
)

// TestTheDemonstrationCanVerifyAnOrder: the played internet serves what was
// uploaded, a person removes it at the service, and an authority looks after a
// minute.
func TestTheDemonstrationCanVerifyAnOrder(t *testing.T) {
	ctx := t.Context()
	w, err := node.OpenWorld(ctx, t.TempDir(), 0, slog.New(slog.DiscardHandler))
	must(t, "opening the demonstration", err)
	t.Cleanup(func() { must(t, "closing the demonstration", w.Close()) })
	_, err = w.Upload(ctx, 5)
	must(t, "uploading", err)
	if w.AuthorityA.Config.Egress.Proxy != w.Service || w.Provider.Config.Egress.Proxy != "" {
		t.Error("who looks, and who does not")
	}
	requester, issuer := actor(t, w.AuthorityA, mandate.Investigator), actor(t, w.AuthorityA, mandate.Supervisor)
	id, err := w.AuthorityA.Orders.Request(ctx, requester, orders.Draft{
		Provider: w.Provider.Post.Self().NodeID, ContactPoint: "contact point", Service: "Pictures", Languages: []string{"en"}, Issuing: "District Court", Reference: "17 Nc 17/2026",
		Items: []orderdomain.Item{{URL: "https://photos.example/p/5"}}, Elements: []string{"appearing"}, Reasons: "Reason number 17.",
		Redress: orderdomain.Redress{Court: "Regional Court", TimePeriods: "15 days", Law: "Section 17"},
	})
	must(t, "requesting an order", err)
	must(t, "asking nobody", w.AuthorityA.Orders.NobodyToAsk(ctx, requester, id, "first seen today"))
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
