package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/vote"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/web"
)

// ownPages are the routes that a person without any role may use, and why they
// are no consultation of anybody's data but the person's own.
var ownPages = map[string]string{
	"GET /{$}":                     "only redirects to the first page of the person's roles",
	"POST /logout":                 "ends the person's own session",
	"GET /account":                 "shows the person's own account",
	"GET /account/codes.png":       "shows the person's own new secret, before it is confirmed",
	"POST /account/codes":          "changes the person's own account",
	"POST /account/keys":           "changes the person's own keys of the keyboard",
	"POST /account/passkey/begin":  "changes the person's own account",
	"POST /account/passkey/finish": "changes the person's own account",
	"GET /wellbeing":               "shows the person's own day; the policy lets everybody see their own",
}

// forms are what the actions need to get as far as the desk.
var forms = map[string]string{
	"POST /reports":                                      "item={item}",
	"POST /wellbeing/break":                              "limit=10&minutes=5",
	"POST /reports/{id}/recipient":                       "recipient=centre",
	"POST /reports/{id}/return":                          "reason=because",
	"POST /reports/{id}/withdraw":                        "reason=because",
	"POST /lists":                                        "name=patterns&source=test&verification=double&legal_basis=demo/benign-pictures@1",
	"POST /lists/{id}/request":                           "reason=because",
	"POST /lists/{id}/radius":                            "radius=20&reason=because",
	"POST /lists/{id}/radius/confirm":                    "request=1",
	"POST /lists/{id}/benign":                            "reason=because",
	"POST /lists/{id}/benign/confirm":                    "request=1",
	"POST /lists/{id}/export":                            "request=1&format=csv",
	"POST /lists/{id}/state":                             "state=suspended&reason=because",
	"POST /lists/{id}/entries/{entry}/state":             "state=suspended&reason=because",
	"POST /lists/{id}/proposals":                         "item={item}&reason=because",
	"POST /lists/{id}/proposals/{proposal}/refuse":       "reason=because",
	"POST /lists/{id}/entries/{entry}/lift":              "reason=because",
	"POST /lists/{id}/entries/{entry}/object":            "reason=because",
	"POST /lists/{id}/objections/{objection}/answer":     "answer=kept&reason=because",
	"POST /lists/{id}/subscriptions":                     "subscriber=node&basis=an+order&until=2030-01-01",
	"POST /lists/{id}/subscriptions/{subscription}/end":  "reason=because",
	"POST /referrals/{id}/items":                         "item={item}&confirmed=yes",
	"POST /items/{id}/reopen":                            "reason=because",
	"POST /people":                                       "name=somebody&roles=auditor",
	"POST /people/{id}/state":                            "state=suspended",
	"POST /referrals/{id}/hold":                          "until=2030-01-01&reason=because",
	"POST /orders":                                       "reference=17",
	"POST /received/{id}/questions":                      "fields=geo.other",
	"POST /received/{id}/questions/{question}/withdraw":  "reason=because",
	"POST /reports/{id}/questions/{question}/answer":     "without.geo.other=because",
	"POST /reports/{id}/questions/{question}/return":     "reason=because",
	"POST /received/{id}/feedback":                       "code=complete",
	"POST /referrals/{id}/feedback":                      "code=useful",
	"POST /reports/{id}/recall":                          "erase=no&reason=because",
	"POST /received/{id}/erase":                          "reason=because",
	"POST /referrals/{id}/erase":                         "reason=because",
	"POST /referrals/{id}/questions":                     "fields=geo.other",
	"POST /referrals/{id}/questions/{question}/withdraw": "reason=because",
	"POST /items/{id}/erase":                             "reason=because",
	"POST /statistics/publish":                           "year=2025",
	"POST /notices":                                      "reference=17",
	"POST /holds":                                        "until=2030-01-01",
	"POST /received/{id}/found":                          "urgent=no",
	"POST /received/{id}/unfounded":                      "reason=test-or-spam",
	"POST /received/{id}/second":                         "agrees=yes",
	"POST /received/{id}/route":                          "reason=because",
	"POST /keys":                                         "name=a+key&scopes=detect&source=uploads",
	"POST /items/{id}/decide":                            "fact.same-picture=yes&fact.picture=landscape",
	"POST /peers":                                        "document={peer}",
	"POST /items/{id}/scenes":                            "reason=because",
	"POST /items/{id}/scenes/{search}/show":              "item={item}",
	"POST /items/{id}/scenes/hide":                       "exposure={exposure...}",
	"POST /items/{id}/view":                              `{"level":"sketch"}`,
	"POST /alarms/{id}/looked":                           "reason=because",
}

// eventsOf are the events of one person from a position on.
func eventsOf(t *testing.T, n *node.Node, person string) (events []ledger.Event) {
	t.Helper()
	must(t, "sequencing", n.Ledger.Sequence(context.Background()))
	must(t, "reading the log", n.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.LogEventsFrom(0, 1_000_000)
		for _, row := range rows {
			if row.Actor != person {
				continue
			}
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			events = append(events, event)
		}
		return err
	}))
	return events
}

// client logs a person in, without a browser.
func client(t *testing.T, origin, token string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, "making a jar", err)
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := c.PostForm(origin+"/login/link", url.Values{"token": {token}})
	must(t, "logging in", err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("the login was answered with %s", answer.Status)
	}
	return c
}

// send makes one request to a route, with what it needs to reach the desk.
func send(t *testing.T, c *http.Client, origin, pattern, path, content string) (int, string) {
	t.Helper()
	method, _, _ := strings.Cut(pattern, " ")
	body, kind := []byte(content), "application/x-www-form-urlencoded"
	switch {
	case strings.HasPrefix(content, "{"):
		kind = "application/json"
	case strings.HasSuffix(path, "/import"):
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		must(t, "writing a form", parts.WriteField("reason", "test"))
		file, err := parts.CreateFormFile("file", "list.csv")
		must(t, "writing a form", err)
		_, err = io.WriteString(file, "md5\n00000000000000000000000000000001\n")
		must(t, "writing a form", err)
		must(t, "writing a form", parts.Close())
		body, kind = form.Bytes(), parts.FormDataContentType()
	}
	r, err := http.NewRequest(method, origin+path, bytes.NewReader(body))
	must(t, "making a request", err)
	r.Header.Set("Content-Type", kind)
	status, text, err := answerTo(c, r)
	must(t, "sending a request", err)
	return status, text
}

// TestAPersonWithoutARoleIsDeniedEverywhere walks every route: each denies, and
// each attempt is exactly one event of the log.
func TestAPersonWithoutARoleIsDeniedEverywhere(t *testing.T) {
	ctx := context.Background()
	w := work(t)
	n := w.Provider
	operator := actor(t, n, mandate.Operator)
	person, link, err := n.Identity.Invite(ctx, operator, "nobody", []mandate.Role{mandate.Auditor})
	must(t, "inviting", err)
	must(t, "taking the role away", n.Store.Write(ctx, func(tx *store.Tx) error {
		row, err := tx.Person(person.ID)
		if err != nil {
			return err
		}
		row.Roles = nil
		return tx.UpdatePerson(row)
	}))
	c := client(t, n.Config.Origin, link.Token)
	peer, err := w.Centre.Post.Self().Document()
	must(t, "describing the Centre", err)
	shown := exposures(t, n, lookedAt(t, n))

	for _, route := range (&web.Server{}).Routes() {
		if _, own := ownPages[route.Pattern]; own || route.Open {
			continue
		}
		t.Run(route.Pattern, func(t *testing.T) {
			id := w.taken
			switch _, path, _ := strings.Cut(route.Pattern, " "); {
			case strings.Contains(path, "{question}") && strings.HasPrefix(path, "/reports"):
				id = strings.TrimPrefix(w.further, "report/")
			case strings.HasPrefix(path, "/reports"):
				id = strings.TrimPrefix(w.draft, "report/")
			case strings.HasPrefix(path, "/journey"):
				id = strings.TrimPrefix(w.delivered, "report/")
			case strings.HasPrefix(path, "/lists"):
				id = strings.TrimPrefix(w.list, "list/")
				if strings.Contains(path, "{proposal}") || strings.Contains(path, "{subscription}") {
					id = strings.TrimPrefix(w.own, "list/")
				}
			case strings.HasPrefix(path, "/received"):
				id = strings.TrimPrefix(w.received, "received/")
			case strings.HasPrefix(path, "/referrals"), strings.HasPrefix(path, "/orders"), strings.HasPrefix(path, "/questions"),
				strings.HasPrefix(path, "/notices"), strings.HasPrefix(path, "/holds"), strings.HasPrefix(path, "/alarms"):
				id = "01890000-0000-7000-8000-000000000001"
			case strings.HasPrefix(path, "/people"), strings.HasPrefix(path, "/keys"):
				id = strings.TrimPrefix(operator.ID, "person/")
			}
			names := strings.NewReplacer(
				"{id}", id, "{file}", "2026.json", "{id...}", w.event, "{exposure...}", shown[0].ID+map[bool]string{true: "/end"}[strings.HasPrefix(route.Pattern, "POST")],
				"{entry}", "1", "{envelope}", "1", "{step}", "accept", "{document}", "1", "{proposal}", strings.TrimPrefix(w.proposal, "proposal/"),
				"{subscription}", strings.TrimPrefix(w.subscription, "subscription/"), "{objection}", "01890000-0000-7000-8000-000000000001", "{search}", "01890000-0000-7000-8000-000000000001", "{question}", strings.TrimPrefix(w.question, "question/"), "{item}", w.taken, "{peer}", url.QueryEscape(string(peer)),
			)
			before := len(eventsOf(t, n, person.ID))
			_, path, _ := strings.Cut(route.Pattern, " ")
			status, text := send(t, c, n.Config.Origin, route.Pattern, names.Replace(path), names.Replace(forms[route.Pattern]))
			events := eventsOf(t, n, person.ID)[before:]
			if status != http.StatusForbidden {
				t.Errorf("answered with %d: %.300s", status, text)
			}
			if len(events) != 1 || events[0].Outcome != "denied" {
				t.Errorf("left %d events, want one that says denied: %+v", len(events), events)
			}
		})
	}
}

// lookedAt is an item of which something was shown.
func lookedAt(t *testing.T, n *node.Node) (id string) {
	t.Helper()
	must(t, "finding an item", n.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.ItemsAfter("", 1000)
		for _, row := range rows {
			if shown, err := tx.ExposuresOfItem(row.ID); err == nil && len(shown) > 0 {
				id = row.ID
			}
		}
		return err
	}))
	if id == "" {
		t.Fatal("nothing was shown of any item")
	}
	return id
}

// flooded puts the first entry of a list into quarantine, as the node does, with a file
// that waits because of it.
func flooded(t *testing.T, n *node.Node, list string) {
	t.Helper()
	must(t, "putting an entry into quarantine", n.Store.Write(context.Background(), func(tx *store.Tx) error {
		entries, err := tx.ListEntriesChanged(list, 0, "", 1)
		if err != nil {
			return err
		}
		items, err := tx.ItemsAfter("", 1)
		if err != nil {
			return err
		}
		now, entry := time.Now(), entries[0].ID
		if err := tx.InsertEntryHits([]store.EntryHit{{EntryID: entry, ListID: list, ItemID: items[0].ID, At: now, HeldAt: now}}); err != nil {
			return err
		}
		_, err = tx.InsertQuarantine(store.QuarantineRow{
			ID: store.NewID("quarantine"), EntryID: entry, ListID: list, Since: now, LookBy: now.Add(24 * time.Hour), Items: 120, Compared: 300, Reason: "it matched 120 files",
		})
		return err
	}))
}

// comparedWith notes that what is held was compared with a list, which learnt of an item.
func comparedWith(t *testing.T, n *node.Node, list, item string) {
	t.Helper()
	must(t, "noting a comparison", n.Store.Write(context.Background(), func(tx *store.Tx) error {
		entries, err := tx.ListEntriesChanged(list, 0, "", 1)
		if err != nil {
			return err
		}
		now := time.Now()
		for outcome, id := range map[string]string{"": item, "not-reportable": strings.Repeat("0", 64)} {
			if err := tx.InsertFoundAgain(store.FoundAgainRow{
				ItemID: id, EntryID: entries[0].ID, ListID: list, At: now, Outcome: outcome, Found: []byte(`{"list_name":"patterns","explanation":"It is like an entry"}`),
			}); err != nil {
				return err
			}
		}
		at, err := tx.Comparison(list)
		if err != nil {
			return err
		}
		at.ListID, at.BegunAt, at.EndedAt, at.Items, at.LeftOut, at.Matches = list, now, now, 1200, 3, 2
		return tx.PutComparison(at)
	}))
}

// itemIn is an item that a report at a node refers to.
func itemIn(t *testing.T, n *node.Node, report string) (id string) {
	t.Helper()
	must(t, "finding an item", n.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.SightingsIn(report)
		if err == nil {
			id = rows[0].ItemID
		}
		return err
	}))
	return id
}

// questionsAt are the questions about a report at a node.
func questionsAt(t *testing.T, n *node.Node, report string) (ids []string) {
	t.Helper()
	must(t, "finding questions", n.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.QuestionsAbout(report)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return err
	}))
	return ids
}

// TestEachRouteIsOneEvent uses every route of both kinds of node once, as
// somebody who may: each leaves exactly one event, done, of the action named
// here. A route that is not in the table fails the test.
func TestEachRouteIsOneEvent(t *testing.T) {
	ctx := context.Background()
	w := work(t)
	short := func(id string) string { return id[strings.Index(id, "/")+1:] }
	type person struct {
		*http.Client
		id string
	}
	in := func(n *node.Node, name string, role mandate.Role) person {
		operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: n.Config.Organisation.Kind}
		made, link, err := n.Identity.Invite(ctx, operator, name, []mandate.Role{role})
		must(t, "inviting", err)
		return person{client(t, n.Config.Origin, link.Token), made.ID}
	}
	p := w.Provider
	analyst, second, supervisor := in(p, "ada", mandate.Analyst), in(p, "bela", mandate.SecondLooker), in(p, "cleo", mandate.Supervisor)
	manager, other := in(p, "mona", mandate.ListManager), in(p, "nils", mandate.ListManager)
	auditor, operator := in(p, "otto", mandate.Auditor), in(p, "olga", mandate.Operator)
	reader := in(w.Centre, "rosa", mandate.Analyst)
	someone, _, err := p.Identity.Invite(ctx, mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}, "somebody else", []mandate.Role{mandate.Auditor})
	must(t, "inviting", err)
	document, err := w.Centre.Post.Self().Document()
	must(t, "describing the Centre", err)

	fresh := untaken(t, w)
	const verdict = "fact.same-picture=yes&fact.picture=landscape"
	answers := "urgent=no&removed=no&third_country=no&user_decision=no&details=found+by+a+list"
	used := map[string]bool{}
	do := func(n *node.Node, who person, pattern, path, form, action string) string {
		t.Helper()
		used[pattern] = true
		before := len(eventsOf(t, n, who.id))
		status, text := send(t, who.Client, n.Config.Origin, pattern, path, form)
		events := eventsOf(t, n, who.id)[before:]
		if status >= 400 {
			t.Fatalf("%s: answered with %d: %.400s", pattern, status, text)
		}
		if action == "" {
			if len(events) != 0 {
				t.Errorf("%s: left %d events, want none: %+v", pattern, len(events), events)
			}
			return text
		}
		if len(events) != 1 || events[0].Action != action || events[0].Outcome != "done" || events[0].Purpose == "" {
			t.Errorf("%s: left %+v, want one %s that was done", pattern, events, action)
		}
		return text
	}
	reportOf := func(item string) (id string) {
		must(t, "finding a report", p.Store.Read(ctx, func(tx *store.Tx) error {
			sightings, err := tx.Sightings(item, 1)
			id = short(sightings[0].ReportedIn)
			return err
		}))
		return id
	}

	// An analyst's work on an item.
	do(p, analyst, "GET /{$}", "/", "", "")
	do(p, analyst, "GET /queue", "/queue", "", "queue.consult")
	do(p, analyst, "POST /items/{id}/take", "/items/"+fresh[0]+"/take", "", "item.take")
	do(p, analyst, "GET /items/{id}", "/items/"+fresh[0], "", "item.consult")
	do(p, analyst, "POST /items/{id}/view", "/items/"+fresh[0]+"/view", `{"level":"sketch"}`, "item.view")
	shown := exposures(t, p, fresh[0])[0].ID
	do(p, analyst, "GET /pictures/{exposure...}", "/pictures/"+shown, "", "item.view")
	do(p, analyst, "POST /exposures/{exposure...}", "/exposures/"+shown+"/end", "", "exposure.end")
	do(p, analyst, "POST /items/{id}/decide", "/items/"+fresh[0]+"/decide", verdict, "item.decide")
	do(p, analyst, "POST /items/{id}/undo", "/items/"+fresh[0]+"/undo", "", "item.decide")
	do(p, analyst, "POST /items/{id}/take", "/items/"+fresh[1]+"/take", "", "item.take")
	do(p, analyst, "POST /items/{id}/scenes", "/items/"+fresh[1]+"/scenes", "reason=it+looks+cut", "item.compare")
	do(p, analyst, "POST /items/{id}/pass", "/items/"+fresh[1]+"/pass", "", "item.pass")
	do(p, analyst, "POST /items/{id}/take", "/items/"+fresh[2]+"/take", "", "item.take")
	do(p, analyst, "POST /items/{id}/escalate", "/items/"+fresh[2]+"/escalate", "", "item.take")
	do(p, analyst, "POST /queue/next", "/queue/next", "", "item.take")
	do(p, analyst, "GET /wellbeing", "/wellbeing", "", "wellbeing.own")
	do(p, supervisor, "POST /wellbeing/break", "/wellbeing/break", "limit=1000&minutes=5", "break.set")

	// A report, by two people.
	do(p, analyst, "GET /reports", "/reports", "", "report.consult")
	draft := "/reports/" + short(w.draft)
	do(p, analyst, "GET /reports/{id}", draft, "", "report.consult")
	do(p, analyst, "POST /reports/{id}/amend", draft+"/amend", answers, "report.amend")
	do(p, analyst, "POST /reports/{id}/submit", draft+"/submit", "", "report.send")
	do(p, second, "POST /reports/{id}/return", draft+"/return", "reason=a+question", "report.approve")
	do(p, analyst, "POST /reports/{id}/submit", draft+"/submit", "", "report.send")
	do(p, second, "POST /reports/{id}/approve", draft+"/approve", "", "report.approve")
	reportable := lookedAtTwice(t, w, fresh[len(fresh)-1])
	do(p, analyst, "POST /reports", "/reports", "item="+reportable, "report.compose")
	// It goes to the CyberTipline, which cannot be reached, until it is taken back.
	tipsTo(t, p, exchange.Credentials{Variable: exchange.CyberTiplineVariable}, nil)
	tip := reportOf(reportable)
	do(p, analyst, "POST /reports/{id}/recipient", "/reports/"+tip+"/recipient", "recipient=cybertipline&incident=misleading-domain-name", "report.amend")
	if shown := do(p, second, "GET /reports/{id}", "/reports/"+tip, "", "report.consult"); !strings.Contains(shown, "data-tip") || !strings.Contains(shown, "fileViewedByEsp") {
		t.Error("the page does not show what would go to the CyberTipline")
	}
	do(p, analyst, "POST /reports/{id}/submit", "/reports/"+tip+"/submit", "", "report.send")
	do(p, second, "POST /reports/{id}/approve", "/reports/"+tip+"/approve", "", "report.approve")
	tipBecomes(t, p, "report/"+tip, cybertip.Stopped)
	do(p, second, "POST /reports/{id}/again", "/reports/"+tip+"/again", "", "report.send")
	tipBecomes(t, p, "report/"+tip, cybertip.Stopped)
	do(p, supervisor, "POST /reports/{id}/recall", "/reports/"+tip+"/recall", "erase=no&reason=a+mistake", "report.recall")
	tipBecomes(t, p, "report/"+tip, cybertip.Retracted)
	do(p, analyst, "POST /reports", "/reports", "item="+reportable, "report.compose")
	do(p, analyst, "POST /reports/{id}/withdraw", "/reports/"+reportOf(reportable)+"/withdraw", "reason=a+mistake", "report.amend")

	// Its user is informed, and nobody can be of another.
	inform := "/reports/" + short(w.toInform)
	do(p, analyst, "POST /reports/{id}/information", inform+"/information", "follow_up=sent&redress=District+court+17", "notice.record")
	do(p, analyst, "GET /reports/{id}/information", inform+"/information", "", "report.consult")
	do(p, auditor, "GET /reports/{id}/information/pdf", inform+"/information/pdf", "", "report.consult")
	do(p, analyst, "POST /reports/{id}/informed", inform+"/informed", "", "notice.record")
	do(p, supervisor, "POST /reports/{id}/nobody", "/reports/"+short(w.delivered)+"/nobody", "reason=the+account+is+closed", "notice.record")

	w.deliver(t)

	// A report goes to two authorities, which both act, and back.
	matter := "/received/" + short(w.received)
	do(w.Centre, reader, "GET /received", "/received", "", "report.consult")
	do(w.Centre, reader, "GET /received/{id}", matter, "", "report.consult")
	do(w.Centre, reader, "POST /received/{id}/found", matter+"/found", "urgent=no", "report.assess")
	do(w.Centre, reader, "POST /received/{id}/questions", matter+"/questions", "fields=users&fields=geo.other", "report.ask")
	w.deliver(t) // or the other one may arrive first
	do(w.Centre, reader, "POST /received/{id}/questions", matter+"/questions", "fields=extra", "report.ask")
	w.deliver(t)
	about := "/reports/" + short(w.delivered)
	for i, question := range questionsAt(t, p, w.delivered) {
		at := about + "/questions/" + short(question)
		if i == 1 {
			do(p, analyst, "POST /reports/{id}/questions/{question}/answer", at+"/answer", "value.extra=message+17", "report.answer")
			continue
		}
		named := "value.users.username=user17&without.geo.other=unknown"
		do(p, analyst, "POST /reports/{id}/questions/{question}/answer", at+"/answer", named, "report.answer")
		do(p, second, "POST /reports/{id}/questions/{question}/return", at+"/return", "reason=a+question", "report.approve")
		do(p, analyst, "POST /reports/{id}/questions/{question}/answer", at+"/answer", named, "report.answer")
		do(p, second, "POST /reports/{id}/questions/{question}/approve", at+"/approve", "", "report.approve")
	}
	w.deliver(t)
	do(w.Centre, reader, "POST /received/{id}/questions", matter+"/questions", "fields=victims", "report.ask")
	asked := questionsAt(t, w.Centre, w.received)
	do(w.Centre, reader, "POST /received/{id}/questions/{question}/withdraw", matter+"/questions/"+short(asked[2])+"/withdraw", "reason=a+mistake", "report.ask")
	if told := do(w.Centre, reader, "GET /received/{id}", matter, "", "report.consult"); !strings.Contains(told, "user17") || !strings.Contains(told, "message 17") {
		t.Error("the answers do not stand beside the report")
	}
	do(w.Centre, reader, "POST /received/{id}/feedback", matter+"/feedback", "code=complete", "report.rate")
	reported := itemIn(t, w.Centre, w.received)
	do(w.Centre, reader, "POST /items/{id}/take", "/items/"+reported+"/take", "", "item.take")
	do(w.Centre, reader, "POST /items/{id}/open", "/items/"+reported+"/open", "", "item.view")
	self := func(n *node.Node) string { return url.QueryEscape(n.Post.Self().NodeID) }
	do(w.Centre, reader, "POST /received/{id}/route", matter+"/route", "to="+self(w.AuthorityA)+"&to="+self(w.AuthorityB), "report.route")
	w.deliver(t)
	for _, n := range []*node.Node{w.AuthorityA, w.AuthorityB} {
		ines := in(n, "ines", mandate.Investigator)
		do(n, ines, "GET /referrals", "/referrals", "", "report.consult")
		offered := "/referrals/" + short(referred(t, n))
		do(n, ines, "GET /referrals/{id}", offered, "", "report.consult")
		if n == w.AuthorityB {
			do(n, ines, "POST /referrals/{id}/decline", offered+"/decline", "reason=not+here", "report.claim")
		}
		do(n, ines, "POST /referrals/{id}/claim", offered+"/claim", "", "report.claim")
		if n == w.AuthorityB {
			do(n, ines, "POST /referrals/{id}/questions", offered+"/questions", "fields=geo.other", "report.ask")
			asked := questionsAt(t, n, "referral/"+strings.TrimPrefix(offered, "/referrals/"))
			do(n, ines, "POST /referrals/{id}/questions/{question}/withdraw", offered+"/questions/"+short(asked[len(asked)-1])+"/withdraw", "reason=a+mistake", "report.ask")
		}
		w.deliver(t)
		do(n, ines, "POST /referrals/{id}/hold", offered+"/hold", "until="+time.Now().AddDate(0, 3, 0).Format(time.DateOnly)+"&reason=because", "notice.hold")
		do(n, ines, "GET /items/{id}", "/items/"+reported, "", "item.consult")
		do(n, ines, "POST /items/{id}/open", "/items/"+reported+"/open", "", "item.view")
		do(n, ines, "POST /items/{id}/view", "/items/"+reported+"/view", `{"level":"sketch"}`, "item.view")
		if n == w.AuthorityB {
			do(n, ines, "POST /referrals/{id}/lead", offered+"/lead", "lead="+self(w.AuthorityA), "report.claim")
			do(n, ines, "POST /referrals/{id}/release", offered+"/release", "reason=not+here", "report.claim")
			continue
		}
		// From the report that was claimed to an order, and to a case of notices.
		claimed := do(n, ines, "GET /referrals/{id}", offered, "", "report.consult")
		for _, next := range []struct{ path, action string }{{"/orders/new", "order.consult"}, {"/notices/new", "voluntary.consult"}} {
			to := next.path + "?from=referral/" + short(strings.TrimPrefix(offered, "/"))
			if !strings.Contains(claimed, `href="`+to+`"`) {
				t.Errorf("the page of a report that was claimed does not lead to %s", to)
			}
			if text := do(n, ines, "GET "+next.path, to, "", next.action); !strings.Contains(text, w.reported) {
				t.Errorf("%s does not hold the item of the report", to)
			}
		}
		do(n, ines, "POST /referrals/{id}/items", offered+"/items", "item="+w.reported+"&confirmed=yes", "outcome.record")
		do(n, ines, "POST /referrals/{id}/feedback", offered+"/feedback", "code=useful", "report.rate")
		do(n, ines, "POST /referrals/{id}/finish", offered+"/finish", "outcome=no-action", "outcome.record")
	}
	figures := in(w.Centre, "cleo", mandate.Supervisor)
	told := do(w.Centre, figures, "GET /statistics", "/statistics?year="+time.Now().UTC().Format("2006"), "", "statistics.consult")
	if _, cells, found := strings.Cut(told, "hosting</span>: "); !found || !strings.HasPrefix(strings.TrimSpace(cells), "suppressed") {
		t.Errorf("the page of figures does not say that a small number is suppressed: %.200s", cells)
	}
	do(w.Centre, figures, "GET /statistics/{file}", "/statistics/2026.csv", "", "statistics.consult")
	do(w.Centre, figures, "POST /statistics/publish", "/statistics/publish", "year="+time.Now().UTC().AddDate(-1, 0, 0).Format("2006"), "statistics.publish")
	if cards := do(w.Centre, figures, "GET /senders", "/senders", "", "statistics.consult"); !strings.Contains(cards, w.Provider.Post.Self().Title) {
		t.Error("the card of the provider is not there")
	}
	unfounded := "/received/" + short(w.receivedAs(t, w.draft))
	do(w.Centre, reader, "POST /received/{id}/unfounded", unfounded+"/unfounded", "reason=test-or-spam", "report.assess")
	do(w.Centre, in(w.Centre, "remy", mandate.Analyst), "POST /received/{id}/second", unfounded+"/second", "agrees=no", "report.assess")

	do(p, supervisor, "POST /reports/{id}/recall", "/reports/"+short(w.further)+"/recall", "erase=yes&reason=a+mistake", "report.recall")
	if shown := do(p, supervisor, "GET /reports/{id}", "/reports/"+short(w.further), "", "report.consult"); !strings.Contains(shown, `data-pursuit="erasure"`) {
		t.Error("nobody sees how far the erasure has come")
	}
	w.deliver(t)
	if shown := do(p, supervisor, "GET /reports/{id}", "/reports/"+short(w.further), "", "report.consult"); strings.Contains(shown, "still pursued") {
		t.Error("what everybody receipted is said to be pursued")
	}
	do(w.Centre, figures, "POST /items/{id}/erase", "/items/"+itemIn(t, w.Centre, w.receivedAs(t, w.further))+"/erase", "reason=it+was+taken+back", "item.erase")

	orderRoutes(t, w, func(n *node.Node, name string, role mandate.Role) func(pattern, path, form, action string) string {
		who := in(n, name, role)
		return func(pattern, path, form, action string) string { return do(n, who, pattern, path, form, action) }
	})

	// A report is followed, and what is known of it proven.
	way := "/journey/" + short(w.delivered)
	followed := do(p, analyst, "GET /journey/{id}", way, "", "journey.consult")
	_, envelope, _ := strings.Cut(followed, `data-envelope="`)
	envelope, _, _ = strings.Cut(envelope, `"`)
	if receipt := do(p, supervisor, "GET /journey/{id}/receipts/{envelope}", way+"/receipts/"+envelope, "", "journey.consult"); strings.Count(receipt, ".") != 2 {
		t.Errorf("the receipt is %.100s", receipt)
	}
	do(p, auditor, "POST /journey/{id}/proofs", way+"/proofs", "", "log.export")

	noticeRoutes(t, w, func(n *node.Node, name string, role mandate.Role) func(pattern, path, form, action string) string {
		who := in(n, name, role)
		return func(pattern, path, form, action string) string { return do(n, who, pattern, path, form, action) }
	})

	// Lists.
	do(p, manager, "GET /lists", "/lists", "", "list.consult")
	do(p, manager, "GET /lists/exchanges", "/lists/exchanges", "", "list.consult")
	do(p, manager, "POST /lists", "/lists", "name=patterns+of+the+test&source=test&verification=double&legal_basis=demo/benign-pictures@1", "list.create")
	var list, entry string
	must(t, "finding the list", p.Store.Read(ctx, func(tx *store.Tx) error {
		row, err := tx.ListByName("patterns of the test")
		list = "/lists/" + short(row.ID)
		return err
	}))
	do(p, manager, "POST /lists/{id}/import", list+"/import", "", "list.import")
	must(t, "finding the entry", p.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.ListEntriesChanged("list/"+strings.TrimPrefix(list, "/lists/"), 0, "", 1)
		entry = short(rows[0].ID)
		return err
	}))
	do(p, manager, "GET /lists/{id}", list, "", "list.consult")
	flooded(t, p, "list/"+strings.TrimPrefix(list, "/lists/"))
	do(p, manager, "POST /lists/{id}/entries/{entry}/lift", list+"/entries/"+entry+"/lift", "reason=it+is+right", "list.entry.change")
	do(p, manager, "POST /lists/{id}/entries/{entry}/state", list+"/entries/"+entry+"/state", "state=suspended&reason=a+complaint", "list.entry.change")
	do(p, manager, "POST /lists", "/lists", "name=look-alikes&source=test&verification=double&legal_basis=demo/benign-pictures@1&benign=yes", "list.create")
	var alike string
	must(t, "finding the list of look-alikes", p.Store.Read(ctx, func(tx *store.Tx) error {
		row, err := tx.ListByName("look-alikes")
		alike = "/lists/" + short(row.ID)
		return err
	}))
	do(p, manager, "POST /lists/{id}/benign", alike+"/benign", "reason=stock+photos", "list.entry.change")
	do(p, other, "POST /lists/{id}/benign/confirm", alike+"/benign/confirm", "request=1", "list.entry.add")
	do(p, manager, "POST /lists/{id}/radius", alike+"/radius", "radius=40&reason=crops+of+them", "list.entry.change")
	do(p, other, "POST /lists/{id}/radius/confirm", alike+"/radius/confirm", "request=3", "list.entry.add")
	do(p, manager, "POST /lists/{id}/request", list+"/request", "reason=for+a+hotline", "list.entry.change")
	request := int64(0)
	must(t, "finding the request", p.Store.Read(ctx, func(tx *store.Tx) error {
		versions, err := tx.ListVersions("list/"+strings.TrimPrefix(list, "/lists/"), 10)
		for _, v := range versions {
			request = max(request, v.Version)
		}
		return err
	}))
	do(p, other, "POST /lists/{id}/export", list+"/export", fmt.Sprintf("request=%d&format=csv", request), "list.export")
	do(p, manager, "POST /lists/{id}/state", list+"/state", "state=suspended&reason=a+complaint", "list.entry.change")

	// Entries from decisions, and a decision that is opened again.
	own := "/lists/" + short(w.own)
	do(p, manager, "GET /lists/{id}/decided", own+"/decided", "", "list.consult")
	do(p, other, "POST /lists/{id}/proposals/{proposal}/refuse", own+"/proposals/"+short(w.proposal)+"/refuse", "reason=a+question", "list.entry.change")
	do(p, manager, "POST /lists/{id}/proposals", own+"/proposals", "item="+reportable+"&reason=seen+here+first", "list.entry.propose")
	var proposal string
	must(t, "finding the proposal", p.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.ProposalsOfItem(reportable)
		proposal = short(rows[0].ID)
		return err
	}))
	do(p, other, "POST /lists/{id}/proposals/{proposal}/confirm", own+"/proposals/"+proposal+"/confirm", "", "list.entry.add")
	p.Lists.FetchFrom([]exchange.Exchange{voteExchange(t, p)})
	votes := path(holdsItem(t, p, reportable)) + "/votes"
	do(p, manager, "GET /lists/{id}/votes", votes, "", "list.consult")
	do(p, manager, "POST /lists/{id}/votes", votes, "item="+reportable+"&affirmative=yes&reason=seen+here", "list.vote")
	// A worker may have begun to send it by now, so another one that no job knows is taken back.
	var voted string
	must(t, "approving another vote", p.Store.Write(ctx, func(tx *store.Tx) error {
		rows, err := tx.VotesOfItem(reportable)
		if err != nil {
			return err
		}
		another := rows[0]
		another.ID, another.Record, another.Vote = store.NewID("vote"), another.Record+"-2", vote.Vote{State: vote.Queued}
		voted = short(another.ID)
		return tx.InsertVote(another)
	}))
	do(p, manager, "POST /lists/{id}/votes/{vote}/recall", votes+"/"+voted+"/recall", "reason=too+early", "list.vote")
	do(p, supervisor, "POST /items/{id}/reopen", "/items/"+reportable+"/reopen", "reason=a+complaint", "item.reopen")

	// A list goes to a subscriber, who objects to an entry.
	keeper, releaser := in(w.Centre, "kira", mandate.ListManager), in(w.Centre, "lena", mandate.ListManager)
	w.deliver(t)
	kept, copied := w.shared(t, w.reported)
	sharing := path(kept) + "/sharing"
	do(w.Centre, keeper, "GET /lists/{id}/sharing", sharing, "", "list.consult")
	var objection, subscription string
	must(t, "finding the objection", w.Centre.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Objections(kept, 1)
		objection = short(rows[0].ID)
		return err
	}))
	do(w.Centre, keeper, "POST /lists/{id}/objections/{objection}/answer", path(kept)+"/objections/"+objection+"/answer", "answer=kept&reason=it+is+right", "list.entry.change")
	w.deliver(t)
	entries, _, err := p.Lists.Entries(ctx, actor(t, p, mandate.ListManager), copied, 0, "", 1)
	must(t, "reading entries", err)
	do(p, manager, "POST /lists/{id}/entries/{entry}/object", path(copied)+"/entries/"+short(entries[0].ID)+"/object", "reason=still+a+lake", "list.entry.change")
	w.follow(t, w.AuthorityA, kept)
	do(w.Centre, keeper, "POST /lists/{id}/subscriptions", path(kept)+"/subscriptions", "subscriber="+self(w.AuthorityA)+"&basis=its+task&until="+time.Now().AddDate(1, 0, 0).Format(time.DateOnly), "list.entry.change")
	must(t, "finding the subscription", w.Centre.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Subscriptions(kept)
		subscription = short(rows[0].ID)
		return err
	}))
	do(w.Centre, releaser, "POST /lists/{id}/subscriptions/{subscription}/release", path(kept)+"/subscriptions/"+subscription+"/release", "", "list.export")
	do(w.Centre, releaser, "POST /lists/{id}/subscriptions/{subscription}/end", path(kept)+"/subscriptions/"+subscription+"/end", "reason=a+mistake", "list.entry.change")

	// The log.
	do(p, auditor, "GET /log", "/log", "", "log.consult")
	do(p, auditor, "GET /log/events/{id...}", "/log/events/"+w.event, "", "log.consult")
	do(p, auditor, "POST /log/verify", "/log/verify", "", "log.consult")

	// What needs a look.
	do(p, analyst, "GET /alarms", "/alarms", "", "alarm.consult")
	var alarm string
	must(t, "finding an alarm", p.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.OpenReportAlarms("report", 1)
		if err == nil && len(all) == 1 {
			alarm = short(all[0].ID)
		}
		return err
	}))
	do(p, supervisor, "POST /alarms/{id}/looked", "/alarms/"+alarm+"/looked", "reason=because", "alarm.look")

	// People, keys and other organisations.
	do(p, operator, "GET /people", "/people", "", "account.consult")
	do(p, operator, "POST /people", "/people", "name=a+newcomer&roles=auditor", "account.invite")
	do(p, operator, "POST /people/{id}/link", "/people/"+short(someone.ID)+"/link", "", "account.change")
	do(p, operator, "POST /people/{id}/state", "/people/"+short(someone.ID)+"/state", "state=suspended", "account.change")
	do(p, operator, "GET /keys", "/keys", "", "account.consult")
	do(p, operator, "POST /keys", "/keys", "name=a+service&scopes=read", "key.create")
	var key string
	must(t, "finding a key", p.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.APIKeys("")
		for _, row := range rows {
			if row.Name == "a service" {
				key = short(row.ID)
			}
		}
		return err
	}))
	do(p, operator, "POST /keys/{id}/revoke", "/keys/"+key+"/revoke", "", "key.revoke")
	do(p, operator, "GET /peers", "/peers", "", "envelope.consult")
	do(p, operator, "POST /peers", "/peers", "document="+url.QueryEscape(string(document)), "peer.register")

	// What was passed on is taken back, and the Centre sees how far that has come.
	do(p, supervisor, "POST /reports/{id}/recall", "/reports/"+short(w.delivered)+"/recall", "erase=yes&reason=a+mistake", "report.recall")
	w.deliver(t)
	if shown := do(w.Centre, reader, "GET /received/{id}", "/received/"+short(w.received), "", "report.consult"); !strings.Contains(shown, `data-pursuit="erasure"`) || !strings.Contains(shown, "user17") {
		t.Error("nobody at the Centre sees how far what it pursues has come")
	}
	do(w.Centre, figures, "POST /received/{id}/erase", "/received/"+short(w.received)+"/erase", "reason=its+sender+asked", "report.erase")
	if shown := do(w.Centre, reader, "GET /received/{id}", "/received/"+short(w.received), "", "report.consult"); !strings.Contains(shown, ": its sender asked") || strings.Contains(shown, "user17") {
		t.Error("the page of a report that was erased shows what it said, or not why it is gone")
	}
	offered := "/referrals/" + short(referred(t, w.AuthorityB))
	do(w.AuthorityB, in(w.AuthorityB, "senta", mandate.Supervisor), "POST /referrals/{id}/erase", offered+"/erase", "reason=its+sender+asked", "report.erase")
	if shown := do(w.AuthorityB, in(w.AuthorityB, "irma", mandate.Investigator), "GET /referrals/{id}", offered, "", "report.consult"); !strings.Contains(shown, ": its sender asked") {
		t.Error("the page of a referral that was erased does not say so")
	}

	// One's own account.
	do(p, auditor, "GET /account", "/account", "", "")
	do(p, auditor, "GET /account/codes.png", "/account/codes.png", "", "")
	do(p, auditor, "POST /account/keys", "/account/keys", "key.take=Enter", "keys.remap")
	do(p, auditor, "POST /account/passkey/begin", "/account/passkey/begin", "", "")
	do(p, auditor, "POST /logout", "/logout", "", "")

	// These need a device or a phone: the tests of internal/identity and the
	// journey use them, and count their events. Two more need a finding: the page of scenes and
	// the tests of internal/desk/triage use those.
	elsewhere := []string{"POST /account/codes", "POST /account/passkey/finish", "POST /items/{id}/scenes/{search}/show", "POST /items/{id}/scenes/hide"}
	for _, route := range (&web.Server{}).Routes() {
		if !route.Open && !used[route.Pattern] && !slices.Contains(elsewhere, route.Pattern) {
			t.Errorf("%s is not in the table", route.Pattern)
		}
	}
}

// referred is the one report that was referred to an authority.
func referred(t *testing.T, n *node.Node) (id string) {
	t.Helper()
	must(t, "finding the referral", n.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Referrals(10)
		if err == nil && len(rows) != 1 {
			err = fmt.Errorf("%d referrals", len(rows))
		}
		if err == nil {
			id = rows[0].ID
		}
		return err
	}))
	return id
}

// untaken are items that wait for a first decision and are in nobody's hands.
func untaken(t *testing.T, w worked) (ids []string) {
	t.Helper()
	queue, err := w.Provider.Triage.Queue(context.Background(), actor(t, w.Provider, mandate.Analyst))
	must(t, "reading the queue", err)
	for _, e := range queue.Entries {
		if !e.Mine && e.ID != w.waiting {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) < 5 {
		t.Fatalf("only %d items wait", len(ids))
	}
	return ids
}

// lookedAtTwice lets two people decide that an item is reportable.
func lookedAtTwice(t *testing.T, w worked, id string) string {
	t.Helper()
	ctx, desk := context.Background(), w.Provider.Triage
	for _, role := range []mandate.Role{mandate.Analyst, mandate.SecondLooker} {
		who := actor(t, w.Provider, role)
		must(t, "taking", desk.Take(ctx, who, id))
		_, err := desk.View(ctx, who, id, triage.Look{Level: item.LevelSketch})
		must(t, "viewing", err)
		must(t, "deciding", desk.Decide(ctx, who, id, triage.Verdict{Labels: map[string]string{"same-picture": "yes", "picture": "landscape"}}))
		_, err = desk.GoOn(ctx, who)
		must(t, "going on", err)
	}
	return id
}

// TestEachOperationOfTheInterfaceIsOneEvent calls what the description names,
// with a key that may and with one that may not.
func TestEachOperationOfTheInterfaceIsOneEvent(t *testing.T) {
	ctx := context.Background()
	w := work(t)
	p := w.Provider
	short := func(id string) string { return id[strings.Index(id, "/")+1:] }
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}
	key := func(source string, scopes ...mandate.Scope) (id, token string) {
		made, token, err := p.Identity.CreateKey(ctx, operator, "a service "+store.NewID(""), scopes, source)
		must(t, "making a key", err)
		return made.ID, token
	}
	reportable := lookedAtTwice(t, w, untaken(t, w)[0])
	operations := map[string]struct {
		path, body, kind string
		may              mandate.Scope
		mayNot           mandate.Scope
		action           string
	}{
		"GET /v1/lists":                    {"/v1/lists", "", "", mandate.ScopeLists, mandate.ScopeDetect, "list.consult"},
		"GET /v1/exchanges":                {"/v1/exchanges", "", "", mandate.ScopeLists, mandate.ScopeDetect, "list.consult"},
		"GET /v1/lists/{id}":               {"/v1/lists/" + short(w.list), "", "", mandate.ScopeLists, mandate.ScopeDetect, "list.consult"},
		"GET /v1/lists/{id}/entries":       {"/v1/lists/" + short(w.list) + "/entries", "", "", mandate.ScopeLists, mandate.ScopeDetect, "list.consult"},
		"GET /v1/lists/{id}/versions":      {"/v1/lists/" + short(w.list) + "/versions", "", "", mandate.ScopeLists, mandate.ScopeDetect, "list.consult"},
		"POST /v1/lists/{id}/import":       {"/v1/lists/" + short(w.list) + "/import?reason=test", "md5\n00000000000000000000000000000001\n", "text/csv", mandate.ScopeLists, mandate.ScopeReports, "list.import"},
		"POST /v1/detect":                  {"/v1/detect?flagged=true", string(node.Reference(31)), "image/png", mandate.ScopeDetect, mandate.ScopeRead, "detection.submit"},
		"POST /v1/lookup":                  {"/v1/lookup", `{"hashes":[{"md5":"00000000000000000000000000000001"}]}`, "application/json", mandate.ScopeDetect, mandate.ScopeRead, "detection.submit"},
		"GET /v1/sightings":                {"/v1/sightings", "", "", mandate.ScopeDetect, mandate.ScopeRead, "sighting.consult"},
		"GET /v1/reports":                  {"/v1/reports", "", "", mandate.ScopeReports, mandate.ScopeRead, "report.consult"},
		"GET /v1/reports/{id}":             {"/v1/reports/" + short(w.draft), "", "", mandate.ScopeReports, mandate.ScopeRead, "report.consult"},
		"GET /v1/reports/{id}/information": {"/v1/reports/" + short(w.toInform) + "/information", "", "", mandate.ScopeReports, mandate.ScopeRead, "report.consult"},
		"POST /v1/reports/{id}/informed":   {"/v1/reports/" + short(w.toInform) + "/informed", "", "", mandate.ScopeReports, mandate.ScopeRead, "notice.record"},
		"POST /v1/reports":                 {"/v1/reports", `{"item":"` + reportable + `"}`, "application/json", mandate.ScopeReports, mandate.ScopeRead, "report.compose"},
	}
	call := func(token, method, path, kind, body string) (int, string) {
		r, err := http.NewRequest(method, p.Config.Origin+path, strings.NewReader(body))
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+token)
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		status, text, err := answerTo(http.DefaultClient, r)
		must(t, "sending a request", err)
		return status, text
	}
	_, text := call("", http.MethodGet, "/openapi.json", "", "")
	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	must(t, "reading the description", json.Unmarshal([]byte(text), &description))
	for path, methods := range description.Paths {
		for method := range methods {
			pattern := strings.ToUpper(method) + " " + path
			o, known := operations[pattern]
			if !known {
				t.Errorf("%s is not in the table", pattern)
				continue
			}
			delete(operations, pattern)
			t.Run(pattern, func(t *testing.T) {
				for _, try := range []struct {
					scope   mandate.Scope
					outcome string
				}{{o.mayNot, "denied"}, {o.may, "done"}} {
					id, token := key("uploads", try.scope)
					status, text := call(token, strings.ToUpper(method), o.path, o.kind, o.body)
					if (status == http.StatusForbidden) != (try.outcome == "denied") || (status >= 400) != (try.outcome == "denied") {
						t.Errorf("with scope %s: answered with %d: %.300s", try.scope, status, text)
					}
					if events := eventsOf(t, p, id); len(events) != 1 || events[0].Outcome != try.outcome || events[0].Action != o.action {
						t.Errorf("with scope %s: left %+v, want one %s that was %s", try.scope, events, o.action, try.outcome)
					}
				}
			})
		}
	}
	for pattern := range operations {
		t.Errorf("%s is in the table and not in the description", pattern)
	}
}

// TestFailedLoginsAreInTheLog without what was typed, and a flood of them with
// its number.
func TestFailedLoginsAreInTheLog(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	before := len(eventsOf(t, n.Node, "node"))
	for i := range 5 {
		if _, err := n.Identity.Login(t.Context(), fmt.Sprintf("stranger %d", i), "message 17 of a stranger", "123456"); err == nil {
			t.Fatal("a stranger is logged in")
		}
	}
	_, err := n.Identity.UseLink(t.Context(), "no such link")
	if err == nil {
		t.Fatal("a link that was never made works")
	}
	n.Clock.Add(2 * time.Minute)
	_, err = n.Identity.UseLink(t.Context(), "no such link")
	if err == nil {
		t.Fatal("a link that was never made works")
	}
	events := eventsOf(t, n.Node, "node")[before:]
	if len(events) != 2 {
		t.Fatalf("%d events, want one a minute: %+v", len(events), events)
	}
	if attempts := []any{events[0].Detail["attempts"], events[1].Detail["attempts"]}; attempts[0] != 1.0 || attempts[1] != 6.0 {
		t.Errorf("attempts are %v, want 1 and then the 6 that followed", attempts)
	}
	for _, event := range events {
		if text := fmt.Sprint(event); event.Action != "account.login" || strings.Contains(text, "stranger") || strings.Contains(text, "message 17") {
			t.Errorf("it says more than that somebody tried, or less: %s", text)
		}
	}
}
