package node_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
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
	"POST /reports":                          "item={item}",
	"POST /wellbeing/break":                  "limit=10&minutes=5",
	"POST /reports/{id}/return":              "reason=because",
	"POST /reports/{id}/withdraw":            "reason=because",
	"POST /lists":                            "name=patterns&source=test&verification=double&legal_basis=demo/benign-pictures@1",
	"POST /lists/{id}/request":               "reason=because",
	"POST /lists/{id}/export":                "request=1&format=csv",
	"POST /lists/{id}/state":                 "state=suspended&reason=because",
	"POST /lists/{id}/entries/{entry}/state": "state=suspended&reason=because",
	"POST /people":                           "name=somebody&roles=auditor",
	"POST /people/{id}/state":                "state=suspended",
	"POST /people/keys":                      "name=a+key&scopes=detect&source=uploads",
	"POST /items/{id}/decide":                "fact.same-picture=yes&fact.picture=landscape",
	"POST /people/peers":                     "document={peer}",
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
func send(t *testing.T, c *http.Client, origin, pattern string, names *strings.Replacer) (int, string) {
	t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	body, kind := []byte(names.Replace(forms[pattern])), "application/x-www-form-urlencoded"
	switch {
	case strings.HasSuffix(path, "/view"):
		body, kind = []byte(`{"level":"sketch"}`), "application/json"
	case strings.HasSuffix(path, "/import"):
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		file, err := parts.CreateFormFile("file", "list.csv")
		must(t, "writing a form", err)
		_, err = io.WriteString(file, "md5\n00000000000000000000000000000001\n")
		must(t, "writing a form", err)
		must(t, "writing a form", parts.Close())
		body, kind = form.Bytes(), parts.FormDataContentType()
	}
	r, err := http.NewRequest(method, origin+names.Replace(path), bytes.NewReader(body))
	must(t, "making a request", err)
	r.Header.Set("Content-Type", kind)
	answer, err := c.Do(r)
	must(t, "sending a request", err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, "reading an answer", err)
	return answer.StatusCode, string(text)
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
			case strings.HasPrefix(path, "/reports"):
				id = strings.TrimPrefix(w.draft, "report/")
			case strings.HasPrefix(path, "/lists"):
				id = strings.TrimPrefix(w.list, "list/")
			case strings.HasPrefix(path, "/received"):
				id = strings.TrimPrefix(w.received, "received/")
			case strings.HasPrefix(path, "/people"):
				id = strings.TrimPrefix(operator.ID, "person/")
			}
			names := strings.NewReplacer(
				"{id}", id, "{id...}", w.event, "{exposure...}", shown[0].ID+map[bool]string{true: "/end"}[strings.HasPrefix(route.Pattern, "POST")],
				"{entry}", "1", "{item}", w.taken, "{peer}", url.QueryEscape(string(peer)),
			)
			before := len(eventsOf(t, n, person.ID))
			status, text := send(t, c, n.Config.Origin, route.Pattern, names)
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

// TestEachPageIsOneEvent reads pages as the people who may, and counts what the
// log says of it.
func TestEachPageIsOneEvent(t *testing.T) {
	w := work(t)
	short := func(id string) string { return id[strings.Index(id, "/")+1:] }
	for _, page := range []struct {
		node *node.Node
		role mandate.Role
		path string
		want int
	}{
		{w.Provider, mandate.Analyst, "/queue", 1},
		{w.Provider, mandate.Analyst, "/items/" + w.taken, 1},
		{w.Provider, mandate.Analyst, "/wellbeing", 1},
		{w.Provider, mandate.Analyst, "/reports", 1},
		{w.Provider, mandate.Analyst, "/reports/" + short(w.draft), 1},
		{w.Provider, mandate.ListManager, "/lists", 1},
		{w.Provider, mandate.ListManager, "/lists/" + short(w.list), 1},
		{w.Provider, mandate.Auditor, "/log", 1},
		{w.Provider, mandate.Auditor, "/log/events/" + w.event, 1},
		// Three consultations of different things: accounts, keys and peers.
		{w.Provider, mandate.Operator, "/people", 3},
		{w.Centre, mandate.Analyst, "/received", 1},
		{w.Centre, mandate.Analyst, "/received/" + short(w.received), 1},
	} {
		t.Run(page.path[:strings.LastIndex(page.path, "/")+1]+string(page.role), func(t *testing.T) {
			who := actor(t, page.node, page.role)
			token := lastPart(loginOf(t, w.World, page.node.Config.Organisation.Kind, page.role))
			if page.role != mandate.Operator {
				// Links work once, and some people look at several pages.
				operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: page.node.Config.Organisation.Kind}
				link, err := page.node.Identity.NewLink(context.Background(), operator, who.ID)
				must(t, "making a link", err)
				token = link.Token
			}
			c := client(t, page.node.Config.Origin, token)
			before := len(eventsOf(t, page.node, who.ID))
			status, text := send(t, c, page.node.Config.Origin, "GET "+page.path, strings.NewReplacer())
			if status != http.StatusOK {
				t.Fatalf("answered with %d: %.300s", status, text)
			}
			events := eventsOf(t, page.node, who.ID)[before:]
			if len(events) != page.want {
				t.Errorf("left %d events, want %d: %+v", len(events), page.want, events)
			}
			for _, event := range events {
				if event.Outcome != "done" || event.Operation != mandate.Consult {
					t.Errorf("not a consultation that was done: %+v", event)
				}
			}
		})
	}
}

func lastPart(address string) string { return address[strings.LastIndex(address, "/")+1:] }
