package node_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/web"
)

// TestNoOtherSiteActsInAReviewersName: a form of another site is refused on every
// route before anything is done, cookies do not travel there, and no page lets
// scripts or styles run that it did not bring.
func TestNoOtherSiteActsInAReviewersName(t *testing.T) {
	w := work(t)
	origin := w.Provider.Config.Origin
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}
	person, link, err := w.Provider.Identity.Invite(t.Context(), operator, "ada", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	ada := client(t, origin, link.Token)
	before := len(eventsOf(t, w.Provider, person.ID))
	for _, route := range (&web.Server{}).Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodPost {
			continue
		}
		for name, header := range map[string][2]string{"by its kind": {"Sec-Fetch-Site", "cross-site"}, "by its origin": {"Origin", "https://elsewhere.example"}} {
			path := strings.NewReplacer("{id}", w.taken, "{exposure...}", "x/end", "{entry}", "1", "{id...}", "x").Replace(path)
			r, err := http.NewRequest(method, origin+path, strings.NewReader(forms[route.Pattern]))
			must(t, "making a request", err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			status, _, err := answerTo(ada, r)
			must(t, "sending a request", err)
			if status != http.StatusForbidden {
				t.Errorf("%s, told %s: %d", route.Pattern, name, status)
			}
		}
	}
	if events := eventsOf(t, w.Provider, person.ID)[before:]; len(events) != 0 {
		t.Errorf("another site left %d events in her name: %+v", len(events), events)
	}

	answer, err := http.PostForm(origin+"/login/link", url.Values{"token": {freshLink(t, w, operator)}})
	must(t, "logging in", err)
	must(t, "logging in", answer.Body.Close())
	first := answer
	for first.Request.Response != nil { // the login itself, before it leads on
		first = first.Request.Response
	}
	cookies := first.Cookies()
	if len(cookies) == 0 {
		t.Fatal("no cookie is set")
	}
	for _, c := range cookies {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
			t.Errorf("cookie %s: HttpOnly %v, SameSite %v", c.Name, c.HttpOnly, c.SameSite)
		}
	}
	for _, page := range []string{"/login", "/queue", "/items/" + w.taken, "/no/such/page", "/log", "/docs", "/v1/no-such"} {
		r, err := http.NewRequest(http.MethodGet, origin+page, nil)
		must(t, "making a request", err)
		answer, err := ada.Do(r)
		must(t, "reading a page", err)
		must(t, "reading a page", answer.Body.Close())
		policy := answer.Header.Get("Content-Security-Policy")
		if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && (!strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe")) {
			t.Errorf("%s: the policy is %q", page, policy)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be taken for another kind of content", page)
		}
	}
}

// freshLink is a login link of somebody new.
func freshLink(t *testing.T, w worked, operator mandate.Actor) string {
	t.Helper()
	_, link, err := w.Provider.Identity.Invite(t.Context(), operator, "somebody new", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	return link.Token
}
