package node_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/store"
)

// orderRoutes uses the pages of orders at an authority, at another one that is
// asked, and at the provider.
func orderRoutes(t *testing.T, w worked, in func(n *node.Node, name string, role mandate.Role) func(pattern, path, form, action string) string) {
	t.Helper()
	ctx := context.Background()
	requester, issuer := in(w.AuthorityA, "irma", mandate.Investigator), in(w.AuthorityA, "sara", mandate.Supervisor)
	asked, moderator := in(w.AuthorityB, "ivo", mandate.Investigator), in(w.Provider, "mia", mandate.Analyst)
	first := func(n *node.Node) (row store.OrderRow) {
		must(t, "finding an order", n.Store.Read(ctx, func(tx *store.Tx) error {
			rows, err := tx.Orders(1)
			if err == nil && len(rows) == 1 {
				row = rows[0]
			}
			return err
		}))
		return row
	}
	step := func(who func(pattern, path, form, action string) string, n *node.Node, step, form, action string) {
		t.Helper()
		who("POST /orders/{id}/{step}", "/orders/"+strings.TrimPrefix(first(n).ID, "order/")+"/"+step, form, action)
	}
	requester("GET /orders", "/orders", "", "order.consult")
	requester("GET /orders/new", "/orders/new", "", "order.consult")
	requester("POST /orders", "/orders", "provider="+url.QueryEscape(w.Provider.Post.Self().NodeID)+"&contact_point=contact&service=pictures&issuing=court&reference=17&url=https://photos.example/p/17"+
		"&element=appearing&reasons=reason+17&court=court&time_periods=15+days&law=Section+17", "order.request")
	step(requester, w.AuthorityA, "ask", "asked="+url.QueryEscape(w.AuthorityB.Post.Self().NodeID), "deconfliction.ask")
	w.deliver(t)
	var question string
	must(t, "finding the question", w.AuthorityB.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.Deconflictions(1)
		if err == nil {
			question = strings.TrimPrefix(all[0].ID, "deconfliction/")
		}
		return err
	}))
	asked("POST /questions/{id}/answer", "/questions/"+question+"/answer", "objects=no", "deconfliction.answer")
	w.deliver(t)
	step(issuer, w.AuthorityA, "issue", "appeal=15", "order.issue")
	w.deliver(t)
	requester("GET /orders/{id}", "/orders/"+strings.TrimPrefix(first(w.AuthorityA).ID, "order/"), "", "order.consult")
	step(moderator, w.Provider, "accept", "", "order.evaluate")
	step(moderator, w.Provider, "carried", "measure=removed", "order.execute")
	step(moderator, w.Provider, "answer", "", "order.answer")
	step(moderator, w.Provider, "informed", "", "order.inform")
	received := first(w.Provider)
	var document string
	must(t, "finding a document", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.OrderDocuments(received.ID)
		if err == nil {
			document = strings.TrimPrefix(all[0].ID, "document/")
		}
		return err
	}))
	paper := "/orders/" + strings.TrimPrefix(received.ID, "order/") + "/documents/" + document
	if text := moderator("GET /orders/{id}/documents/{document}", paper, "", "order.consult"); !strings.Contains(text, "Annex IV") || !strings.Contains(text, "Exact address") && !strings.Contains(text, "https://photos.example/p/17") {
		t.Errorf("the order is shown as %.400s", text)
	}
	if text := moderator("GET /orders/{id}/documents/{document}/pdf", paper+"/pdf", "", "order.consult"); !strings.HasPrefix(text, "%PDF-") {
		t.Errorf("the print is %.40s", text)
	}
	w.deliver(t)
	step(requester, w.AuthorityA, "annul", "court=Constitutional+Court&reason=judgement+17", "order.follow")
	w.deliver(t)
	step(moderator, w.Provider, "undo", "", "order.execute")
	w.deliver(t)
	if row := first(w.AuthorityA); row.State != "restored" {
		t.Errorf("the order is %s, want restored", row.State)
	}
}

// ordered is an order that Authority A requested and has to issue.
func (w worked) ordered(t *testing.T) string {
	t.Helper()
	return w.requested(t, "https://photos.example/p/17", w.decided)
}

func (w worked) requested(t *testing.T, address, item string) string {
	t.Helper()
	ctx, requester := context.Background(), actor(t, w.AuthorityA, mandate.Investigator)
	id, err := w.AuthorityA.Orders.Request(ctx, requester, orders.Draft{
		Provider: w.Provider.Post.Self().NodeID, ContactPoint: "contact point", Service: "Pictures", Languages: []string{"en"}, Issuing: "District Court", Reference: "17 Nc 17/2026",
		Items: []orderdomain.Item{{URL: address, SHA256: item}}, Elements: []string{"appearing"}, Reasons: "Reason number 17.",
		Redress: orderdomain.Redress{Court: "Regional Court", TimePeriods: "15 days", Law: "Section 17"},
	})
	must(t, "requesting an order", err)
	must(t, "asking nobody", w.AuthorityA.Orders.NobodyToAsk(ctx, requester, id, "first seen today"))
	return id
}

// executed is an order that the provider executed, whose address people looked
// at twice, and whose item was uploaded again; its ids at both sides.
func (w worked) executed(t *testing.T) (issued, received string) {
	t.Helper()
	const address = "https://photos.example/p/5"
	ctx := context.Background()
	requester, issuer, moderator := actor(t, w.AuthorityA, mandate.Investigator), actor(t, w.AuthorityA, mandate.Supervisor), actor(t, w.Provider, mandate.Analyst)
	upload := func(number int) string {
		found, err := w.Upload(ctx, number)
		must(t, "uploading", err)
		return found.Files[0].SHA256
	}
	item := upload(5)
	issued = w.requested(t, address, item)
	must(t, "issuing", w.AuthorityA.Orders.Issue(ctx, issuer, issued, law.Period{}))
	w.deliver(t)
	must(t, "finding an order", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.OrdersNamed(issued)
		received = rows[0].ID
		return err
	}))
	must(t, "accepting", w.Provider.Orders.Accept(ctx, moderator, received, ""))
	must(t, "executing", w.Provider.Orders.CarriedOut(ctx, moderator, received, "removed", w.Provider.Ledger.Now()))
	must(t, "answering", w.Provider.Orders.SendAnswer(ctx, moderator, received))
	w.deliver(t)
	for _, finding := range []watch.Finding{watch.Unknown, watch.Gone} {
		must(t, "looking", w.AuthorityA.Orders.Looked(ctx, requester, issued, []watch.Check{{Place: address, Finding: finding, Reason: "the page asks for a login, or is empty"}}))
	}
	if upload(65) != item { // 65 times 7 leaves the same rest as 5 times 7
		t.Fatal("another picture was uploaded")
	}
	return issued, received
}
