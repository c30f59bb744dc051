package node_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

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
	kind := law.OrderRemoval
	first := func(n *node.Node) (row store.OrderRow) {
		must(t, "finding an order", n.Store.Read(ctx, func(tx *store.Tx) error {
			rows, err := tx.Orders(10)
			if at := slices.IndexFunc(rows, func(row store.OrderRow) bool { return row.Kind == string(kind) }); at >= 0 {
				row = rows[at]
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
	// paperOf is the page of the order itself at the provider.
	paperOf := func(received store.OrderRow) string {
		var document string
		must(t, "finding a document", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
			all, err := tx.OrderDocuments(received.ID)
			if err == nil {
				document = strings.TrimPrefix(all[0].ID, "document/")
			}
			return err
		}))
		return "/orders/" + strings.TrimPrefix(received.ID, "order/") + "/documents/" + document
	}
	paper := paperOf(first(w.Provider))
	if text := moderator("GET /orders/{id}/documents/{document}", paper, "", "order.consult"); !strings.Contains(text, "Annex IV") || !strings.Contains(text, "Exact address") && !strings.Contains(text, "https://photos.example/p/17") {
		t.Errorf("the order is shown as %.400s", text)
	}
	if text := moderator("GET /orders/{id}/documents/{document}/pdf", paper+"/pdf", "", "order.consult"); !strings.HasPrefix(text, "%PDF-") {
		t.Errorf("the print is %.40s", text)
	}
	w.deliver(t)
	step(requester, w.AuthorityA, "elsewhere", "place="+url.QueryEscape("https://photos.example/p/19"), "order.verify")
	if text := requester("GET /orders/{id}", "/orders/"+strings.TrimPrefix(first(w.AuthorityA).ID, "order/"), "", "order.consult"); !strings.Contains(text, "<li>https://photos.example/p/19</li>") {
		t.Error("the other address is not shown")
	}
	step(requester, w.AuthorityA, "resolve", "reason=a+new+order+is+drafted", "order.follow")
	step(requester, w.AuthorityA, "annul", "court=Constitutional+Court&reason=judgement+17", "order.follow")
	w.deliver(t)
	step(moderator, w.Provider, "undo", "", "order.execute")
	w.deliver(t)
	if row := first(w.AuthorityA); row.State != "restored" {
		t.Errorf("the order is %s, want restored", row.State)
	}
	kind = law.OrderBlocking
	from := w.AuthorityA.Ledger.Now()
	blocking := url.Values{
		"kind": {"blocking"}, "provider": {w.Provider.Post.Self().NodeID}, "contact_point": {"contact"}, "service": {"access"}, "issuing": {"court"}, "reference": {"18"},
		"list": {"list 17"}, "sha256": {strings.Repeat("a", 64)}, "urls": {"https://photos.example/p/17\r\nhttps://photos.example/p/18"}, "safeguards": {"safeguard 17"},
		"applies": {from.Format(time.DateOnly)}, "until": {from.AddDate(0, 25, 0).Format(time.DateOnly)}, "reporting": {"report 17"}, "heard": {"comment 17"},
		"evidence.used": {"17"}, "evidence.necessary": {"18"}, "evidence.reliable": {"19"}, "evidence.balance": {"20"},
		"reasons": {"reason 17"}, "court": {"court"}, "time_periods": {"15 days"}, "law": {"Section 17"},
	}
	requester("GET /orders/new", "/orders/new?kind=blocking", "", "order.consult")
	requester("POST /orders", "/orders", blocking.Encode(), "order.request")
	step(requester, w.AuthorityA, "nobody", "reason=first+seen+today", "deconfliction.ask")
	step(issuer, w.AuthorityA, "issue", "appeal=15", "order.issue")
	w.deliver(t)
	step(moderator, w.Provider, "accept", "", "order.evaluate")
	step(moderator, w.Provider, "carried", "measure=blocked", "order.execute")
	step(moderator, w.Provider, "answer", "", "order.answer")
	step(moderator, w.Provider, "report", "reason=early", "order.answer")
	step(moderator, w.Provider, "ask-reassessment", "place=https://photos.example/p/18&reason=a+landscape", "order.answer")
	w.deliver(t)
	step(requester, w.AuthorityA, "reassess", "place=https://photos.example/p/18&wrong=yes&reason=looked+at+again", "order.follow")
	step(requester, w.AuthorityA, "assess", "reason=assessment+1", "order.follow")
	one := first(w.AuthorityA)
	shown := requester("GET /orders/{id}", "/orders/"+strings.TrimPrefix(one.ID, "order/"), "", "order.consult")
	for _, text := range []string{"list 17", "safeguard 17", "comment 17", "assessment 1", "blocked wrongly", "Report on the measures"} {
		if !strings.Contains(shown, text) {
			t.Errorf("the page of a blocking order lacks %q", text)
		}
	}
	if text := requester("GET /orders/new", "/orders/new?kind=blocking&replaces="+url.QueryEscape(one.ID), "", "order.consult"); !strings.Contains(text, "safeguard 17") || !strings.Contains(text, one.ID) {
		t.Errorf("the order that replaces it begins as %.400s", text)
	}
	paper = paperOf(first(w.Provider))
	text, last := moderator("GET /orders/{id}/documents/{document}", paper, "", "order.consult"), 0
	for _, section := range []string{"Annex VII<", "1. Authorities", "2. Addressee", "3. Measures", "list 17", "https://photos.example/p/18", "safeguard 17", "4. Reasons, period", "reason 17", "report 17", "5. Contact", "6. Information about redress", "7. Date"} {
		at := strings.Index(text, section)
		if at < last {
			t.Errorf("the blocking order has %q at %d, after %d", section, at, last)
		}
		last = at
	}
	if text := moderator("GET /orders/{id}/documents/{document}/pdf", paper+"/pdf", "", "order.consult"); !strings.HasPrefix(text, "%PDF-") {
		t.Errorf("the print is %.40s", text)
	}
	if text := moderator("GET /orders/{id}", "/orders/"+strings.TrimPrefix(first(w.Provider).ID, "order/"), "", "order.consult"); !strings.Contains(text, "Due on") || strings.Contains(text, "comment 17") {
		t.Errorf("the provider sees %.400s", text)
	}
}

// blocked is a blocking order that the provider executed, and of which an address
// is to be looked at again; its ids at both sides.
func (w worked) blocked(t *testing.T) (issued, received string) {
	t.Helper()
	ctx, from := context.Background(), w.AuthorityA.Ledger.Now()
	requester, moderator := actor(t, w.AuthorityA, mandate.Investigator), actor(t, w.Provider, mandate.Analyst)
	issued, err := w.AuthorityA.Orders.Request(ctx, requester, orders.Draft{
		Kind: law.OrderBlocking, Provider: w.Provider.Post.Self().NodeID, ContactPoint: "contact point", Service: "Access", Languages: []string{"en"}, Issuing: "District Court",
		Reference: "18 Nc 17/2026", Reasons: "Reason number 17.", Redress: orderdomain.Redress{Court: "Regional Court", TimePeriods: "15 days", Law: "Section 17"},
		Blocking: orderdomain.Blocking{
			List:       orderdomain.List{Reference: "List number 17", SHA256: strings.Repeat("a", 64), URLs: []string{"https://photos.example/p/17"}},
			Safeguards: "Only the addresses of the list.", Reporting: "One report halfway.", Period: orderdomain.Period{From: from, Until: from.AddDate(0, 25, 0)},
		},
		Evidence: map[string]string{"used": "figures 17", "necessary": "no answer of the host", "reliable": "all were looked at", "balance": "reason 17"}, Heard: "comment number 17",
	})
	must(t, "requesting an order", err)
	must(t, "asking nobody", w.AuthorityA.Orders.NobodyToAsk(ctx, requester, issued, "first seen today"))
	must(t, "issuing", w.AuthorityA.Orders.Issue(ctx, actor(t, w.AuthorityA, mandate.Supervisor), issued, law.Period{}))
	w.deliver(t)
	must(t, "finding an order", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.OrdersNamed(issued)
		received = rows[0].ID
		return err
	}))
	must(t, "accepting", w.Provider.Orders.Accept(ctx, moderator, received, ""))
	must(t, "executing", w.Provider.Orders.CarriedOut(ctx, moderator, received, "blocked", w.Provider.Ledger.Now()))
	must(t, "answering", w.Provider.Orders.SendAnswer(ctx, moderator, received))
	must(t, "asking", w.Provider.Orders.AskReassessment(ctx, moderator, received, "https://photos.example/p/17", "a landscape"))
	w.deliver(t)
	return issued, received
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
