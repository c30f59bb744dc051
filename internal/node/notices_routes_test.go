package node_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/store"
)

// noticeRoutes uses the pages of notices and holds at the Centre and at the
// provider.
func noticeRoutes(t *testing.T, w worked, in func(n *node.Node, name string, role mandate.Role) func(pattern, path, form, action string) string) {
	t.Helper()
	ctx := context.Background()
	sender, moderator := in(w.Centre, "nora", mandate.Analyst), in(w.Provider, "mara", mandate.Analyst)
	only := func(n *node.Node) (row store.NoticeRow) {
		must(t, "finding a notice", n.Store.Read(ctx, func(tx *store.Tx) error {
			rows, err := tx.Notices(2)
			if err == nil && len(rows) == 1 {
				row = rows[0]
			}
			return err
		}))
		return row
	}
	step := func(who func(pattern, path, form, action string) string, n *node.Node, step, form, action string) {
		t.Helper()
		who("POST /notices/{id}/{step}", "/"+strings.Replace(only(n).ID, "notice/", "notices/", 1)+"/"+step, form, action)
	}
	const address = "https://photos.example/p/170"
	sender("GET /notices", "/notices", "", "voluntary.consult")
	sender("GET /notices/new", "/notices/new", "", "voluntary.consult")
	if text := sender("GET /notices/new", "/notices/new?from="+w.received, "", "voluntary.consult"); !strings.Contains(text, w.received) || !strings.Contains(text, itemIn(t, w.Centre, w.received)) {
		t.Errorf("a case from a report begins with %.400s", text)
	}
	filled := "reference=17&ground=victim_request&request=request+17&known=assessment+17&found=search+17&places=" + url.QueryEscape(address)
	sender("POST /notices", "/notices", filled, "voluntary.open")
	step(sender, w.Centre, "send", "node="+url.QueryEscape(w.Provider.Post.Self().NodeID)+"&reasons=Reason+17.&legal_basis=Article+49(2)", "voluntary.send")
	w.deliver(t)
	if text := sender("GET /notices/{id}", "/notices/"+strings.TrimPrefix(only(w.Centre).ID, "notice/"), "", "voluntary.consult"); !strings.Contains(text, "request 17") || !strings.Contains(text, "delivered") {
		t.Errorf("the case is shown as %.400s", text)
	}
	moderator("GET /notices", "/notices", "", "voluntary.consult")
	step(moderator, w.Provider, "accept", "", "voluntary.consider")
	step(moderator, w.Provider, "carried", "", "voluntary.consider")
	received := only(w.Provider)
	var document string
	must(t, "finding a document", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.NoticeDocuments(received.ID)
		if err == nil {
			document = strings.TrimPrefix(all[0].ID, "document/")
		}
		return err
	}))
	paper := "/notices/" + strings.TrimPrefix(received.ID, "notice/") + "/documents/" + document
	if text := moderator("GET /notices/{id}/documents/{document}", paper, "", "voluntary.consult"); !strings.Contains(text, "It is not an order.") || !strings.Contains(text, address) {
		t.Errorf("the notice is shown as %.400s", text)
	}
	if text := moderator("GET /notices/{id}/documents/{document}/pdf", paper+"/pdf", "", "voluntary.consult"); !strings.HasPrefix(text, "%PDF-") {
		t.Errorf("the print is %.40s", text)
	}
	w.deliver(t)
	step(sender, w.Centre, "look", "place="+url.QueryEscape(address)+"&finding.0=gone&reason=status+404", "voluntary.verify")
	step(sender, w.Centre, "elsewhere", "place="+url.QueryEscape("https://photos.example/p/179"), "voluntary.verify")
	if text := sender("GET /notices/{id}", "/notices/"+strings.TrimPrefix(only(w.Centre).ID, "notice/"), "", "voluntary.consult"); !strings.Contains(text, "<li>https://photos.example/p/179</li>") {
		t.Error("the other address is not shown")
	}
	step(sender, w.Centre, "close", "reason=it+is+gone", "voluntary.follow")
	if row := only(w.Centre); row.State != string(orderdomain.Closed) {
		t.Errorf("the case is %s, want closed", row.State)
	}
	step(sender, w.Centre, "withdraw", "reason=it+shows+another+landscape", "voluntary.recall")
	w.deliver(t)
	if row := only(w.Provider); row.State != string(orderdomain.Withdrawn) {
		t.Errorf("the notice is %s at the provider, want withdrawn", row.State)
	}

	sender("POST /holds", "/holds", "kind=no_notice&subject="+url.QueryEscape(address)+"&requester=police&legal_basis=Article+49(3)&reason=inquiry&until="+
		w.Centre.Ledger.Now().AddDate(0, 1, 0).Format("2006-01-02"), "hold.record")
	page := sender("GET /holds", "/holds", "", "hold.consult")
	_, rest, found := strings.Cut(page, `action="/holds/`)
	id, _, _ := strings.Cut(rest, "/")
	if !found || !strings.Contains(page, "police asked to wait until") {
		t.Fatalf("the holds are shown as %.400s", page)
	}
	sender("POST /holds/{id}/extend", "/holds/"+id+"/extend", "legal_basis=Article+49(3)&reason=it+goes+on&until="+w.Centre.Ledger.Now().AddDate(0, 2, 0).Format("2006-01-02"), "hold.record")
	sender("POST /holds/{id}/release", "/holds/"+id+"/release", "by=police&reason=the+inquiry+has+ended", "hold.record")
}

// TestNoticeFormsThatAreNotTaken: what somebody typed comes back, with the reason.
func TestNoticeFormsThatAreNotTaken(t *testing.T) {
	w := work(t)
	_, link, err := w.Centre.Identity.Invite(context.Background(), mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Centre}, "nora", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	c := client(t, w.Centre.Config.Origin, link.Token)
	id, err := w.Centre.Notices.Open(context.Background(), actor(t, w.Centre, mandate.Analyst), notices.Opening{
		Reference: "N 19/2026", Ground: "victim_request", Request: "request 19", Known: "assessment 19", Found: "search 19",
		Items: []orderdomain.Item{{URL: "https://photos.example/p/174"}},
	})
	must(t, "opening a case", err)
	held, err := w.Centre.Orders.RecordHold(context.Background(), actor(t, w.Centre, mandate.Analyst), orders.HoldRequest{
		Kind: hold.NoNotice, Subject: "https://photos.example/p/175", Requester: "police", LegalBasis: "Article 49(3)", Reason: "inquiry", Until: w.Centre.Ledger.Now().AddDate(0, 1, 0),
	})
	must(t, "recording a hold", err)
	for _, form := range []struct{ pattern, path, content, typed, field string }{
		{"POST /holds/{id}/extend", "/" + strings.Replace(held, "hold/", "holds/", 1) + "/extend", "legal_basis=basis+18&reason=because&until=2026-01-01", "basis 18", "hold.until"},
		{"POST /notices", "/notices", "ground=victim_request&request=request+of+17+March&places=https://photos.example/p/174&known=a&found=b", "request of 17 March", "reference"},
		{"POST /notices/{id}/{step}", "/" + strings.Replace(id, "notice/", "notices/", 1) + "/send", "name=The+owner+of+17&reasons=Reason+17.", "The owner of 17", "addressee.contact"},
		{"POST /holds", "/holds", "kind=no_notice&subject=the+picture&requester=police&legal_basis=basis+17&reason=because&until=2026-13-01", "basis 17", "until"},
		{"POST /holds", "/holds", "kind=no_notice&subject=the+picture&requester=police&legal_basis=basis+17&reason=because&until=2026-12-31", "basis 17", "subject"},
	} {
		status, text := send(t, c, w.Centre.Config.Origin, form.pattern, form.path, form.content)
		if status != 422 || !strings.Contains(text, form.typed) || !strings.Contains(text, "<strong>"+form.field+": ") {
			t.Errorf("%s is answered with %d: %.300s", form.path, status, text)
		}
	}
}

// noticed is a case at the Centre that stands at its second rung, with a notice
// that a person has to send, and the notice that the provider has not answered;
// their ids.
func (w worked) noticed(t *testing.T) (sent, received string) {
	t.Helper()
	ctx, person := context.Background(), actor(t, w.Centre, mandate.Analyst)
	id, err := w.Centre.Notices.Open(ctx, person, notices.Opening{
		Reference: "N 17/2026", Ground: "victim_request", Request: "request 17", Known: "assessment 17", Found: "search 17",
		Items: []orderdomain.Item{{URL: "https://photos.example/p/171", SHA256: w.decided}},
	})
	must(t, "opening a case", err)
	must(t, "sending", w.Centre.Notices.Send(ctx, person, id, notices.Letter{Node: w.Provider.Post.Self().NodeID, Reasons: "Reason 17.", LegalBasis: "Article 49(2)"}))
	w.deliver(t)
	must(t, "recording a refusal", w.Centre.Notices.Refused(ctx, person, id, "telephone call 17", "they will not"))
	must(t, "going on", w.Centre.Notices.NextRung(ctx, person, id, "the host refuses"))
	must(t, "writing", w.Centre.Notices.Send(ctx, person, id, notices.Letter{Name: "Owner of the site", Contact: "owner@photos.example", Reasons: "Reason 17."}))
	must(t, "finding the notice", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Notices(1)
		if err == nil {
			received = rows[0].ID
		}
		return err
	}))
	return id, received
}
