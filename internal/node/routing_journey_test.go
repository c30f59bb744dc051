package node_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/racetest"
)

// submitBy reaches a button of a form by the Tab key and presses it.
func (v *visitor) submitBy(selector string) {
	v.t.Helper()
	v.tabTo(selector)
	v.send()
}

// fill reaches a field by the Tab key and types.
func (v *visitor) fill(selector, text string) {
	v.t.Helper()
	v.tabTo(selector)
	v.press(text)
}

// TestAReportFindsItsAuthorities follows one report from the Centre to two
// authorities that both act, to an agreed lead, through an order that the
// provider executes, to its end and to the page that shows all of it, with people
// who use the keyboard only.
func TestAReportFindsItsAuthorities(t *testing.T) {
	racetest.Skip(t, "a browser at whole nodes, whose pages are seen by their routes too")
	chrome := chromium(t)
	w := work(t)
	short := func(id string) string { return id[len(id)-8:] }
	in := func(name string, role mandate.Role) *visitor {
		v := visit(t, chrome)
		v.login(loginAt(t, w.World, name, role))
		return v
	}

	analyst := in("centre", mandate.Analyst)
	analyst.until("location.pathname === '/received' && document.querySelector('[data-row] a')")
	analyst.tabTo("a[href=\"/" + w.received + "\"]")
	analyst.send()
	analyst.says("The Centre is responsible.")
	analyst.tabTo("input[name=urgent][value=yes]")
	analyst.press(" ", kb.ArrowRight)
	analyst.submitBy("form[action$=\"/found\"] button")
	analyst.says("Recorded.")
	// The likely State is chosen already; the person adds the other.
	if checked := evaluate[int](analyst, "document.querySelectorAll('input[name=to]:checked').length"); checked != 1 {
		t.Errorf("%d authorities are proposed, want the one that the address points to", checked)
	}
	analyst.tabTo("input[name=to]:not(:checked)")
	analyst.press(" ")
	analyst.submitBy("form[action$=\"/route\"] button")
	analyst.says("Sent on.")
	w.deliver(t)

	var investigators []*visitor
	for i, name := range []string{"authority-a", "authority-b"} {
		n := []*node.Node{w.AuthorityA, w.AuthorityB}[i]
		v := in(name, mandate.Investigator)
		v.until("location.pathname === '/referrals' && document.querySelector('[data-row] a')")
		v.tabTo("[data-row] a")
		v.send()
		v.says(short(referred(t, n)))
		v.submitBy("form[action$=\"/claim\"] button")
		v.says("This authority is responsible now.")
		investigators = append(investigators, v)
	}
	w.deliver(t)
	for _, v := range investigators {
		v.open(v.where())
		v.says("Several authorities act")
		v.says("Authority B (demo)")
		v.tabTo("input[name=lead]")
		v.press(" ")
		v.submitBy("form[action$=\"/lead\"] button")
		v.says("The Centre is told.")
	}
	w.deliver(t)
	analyst.open(w.Centre.Config.Origin + "/" + w.received)
	analyst.says("(demo) leads. The others stay responsible.")

	reporter := in("provider", mandate.Analyst)
	ordered(t, w, investigators, in("authority-a", mandate.Supervisor), reporter)

	for i, v := range investigators {
		v.open([]*node.Node{w.AuthorityA, w.AuthorityB}[i].Config.Origin + "/referrals/" + strings.TrimPrefix(referred(t, []*node.Node{w.AuthorityA, w.AuthorityB}[i]), "referral/"))
	}
	investigators[0].tabTo("input[name=outcome]")
	investigators[0].press(" ")
	investigators[0].submitBy("form[action$=\"/finish\"] button")
	investigators[0].says("responsible until its receipt has come")
	w.deliver(t)
	analyst.open(w.Centre.Config.Origin + "/" + w.received)
	analyst.says("it led to a new investigation")
	investigators[1].tabTo("input[name=outcome]")
	investigators[1].press(" ", kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.ArrowDown) // not confirmed
	investigators[1].submitBy("form[action$=\"/finish\"] button")
	w.deliver(t)
	analyst.open(w.Centre.Config.Origin + "/" + w.received)
	analyst.says("Nobody any more: it has ended.")
	analyst.says("correction to Authority A (demo):")

	// Whoever reported it hears of it.
	reporter.open(w.Provider.Config.Origin + path(w.delivered))
	reporter.says("accepted")
	followed(t, w, chrome, reporter, analyst, investigators)

	// The log of each node fits together, and so does what is known of the report.
	for i, name := range []string{"provider", "centre", "authority-a", "authority-b"} {
		auditor := in(name, mandate.Auditor)
		auditor.tabTo("a[href=\"/log\"]")
		auditor.send()
		auditor.submitBy("form[action=\"/log/verify\"] button")
		auditor.says("fit together")
		proven(t, auditor, []*node.Node{w.Provider, w.Centre, w.AuthorityA, w.AuthorityB}[i], w.delivered)
	}
}

// ordered is an order about the claimed report: one investigator requests it, the
// other authority is asked, a supervisor issues it, the provider executes it, and
// the investigator looks.
func ordered(t *testing.T, w worked, investigators []*visitor, supervisor, moderator *visitor) {
	t.Helper()
	requester, asked := investigators[0], investigators[1]
	requester.open(requester.where())
	requester.tabTo("a[href^=\"/orders/new?from=referral/\"]")
	requester.send()
	requester.until("document.querySelector('input[name=url]').value !== ''")
	for _, field := range [][2]string{{"contact_point", "contact point"}, {"service", "Pictures"}, {"issuing", "District Court"}, {"reference", "17 Nc 17/2026"}, {"url", "https://photos.example/p/1"}} {
		requester.fill("input[name="+field[0]+"]", field[1])
	}
	requester.tabTo("input[name=element]")
	requester.press(" ")
	requester.fill("textarea[name=reasons]", "Reason number 17.")
	for _, field := range [][2]string{{"court", "Regional Court"}, {"time_periods", "15 days"}, {"law", "Section 17"}} {
		requester.fill("input[name="+field[0]+"]", field[1])
	}
	requester.submitBy("form[action=\"/orders\"] button")
	requester.says("Recorded.")
	// Who acts on the same report is chosen already.
	if checked := evaluate[int](requester, "document.querySelectorAll('input[name=asked]:checked').length"); checked != 1 {
		t.Errorf("%d authorities are to be asked, want the other one", checked)
	}
	requester.submitBy("form[action$=\"/ask\"] button")
	requester.says("Recorded.")
	w.deliver(t)

	asked.tabTo("a[href=\"/orders\"]")
	asked.send()
	asked.tabTo("input[name=objects]")
	asked.press(" ", kb.ArrowRight)
	asked.submitBy("form[action^=\"/questions/\"] button")
	asked.says("Recorded.")
	w.deliver(t)

	supervisor.until("document.querySelector('a[href=\"/orders\"]')")
	supervisor.tabTo("a[href=\"/orders\"]")
	supervisor.send()
	supervisor.tabTo("[data-row] a")
	supervisor.send()
	supervisor.submitBy("form[action$=\"/issue\"] button")
	supervisor.says("Recorded.")
	w.deliver(t)
	supervisor.open(supervisor.where())
	supervisor.says("order to Lakeside Photos (demo): received")

	moderator.tabTo("a[href=\"/orders\"]")
	moderator.send()
	moderator.tabTo("[data-row] a")
	moderator.send()
	moderator.submitBy("form[action$=\"/accept\"] button")
	moderator.says("Recorded.")
	moderator.tabTo("input[name=measure]")
	moderator.press(" ")
	moderator.submitBy("form[action$=\"/carried\"] button")
	moderator.says("Recorded.")
	moderator.submitBy("form[action$=\"/answer\"] button")
	moderator.says("Recorded.")
	w.deliver(t)

	requester.open(requester.where())
	requester.says("executed")
	requester.tabTo("select[name=\"finding.0\"]")
	requester.press("g")
	requester.fill("form[action$=\"/look\"] input[name=reason]", "opened the address, and nothing is there")
	requester.submitBy("form[action$=\"/look\"] button")
	requester.says("Recorded.")
	requester.until("[...document.querySelectorAll('.tag')].some(tag => tag.textContent === 'gone')")
	w.deliver(t)
}

// followed has each organisation look at the journey of the report, by keys, and
// at the page that links them.
func followed(t *testing.T, w worked, chrome context.Context, reporter, analyst *visitor, investigators []*visitor) {
	t.Helper()
	for _, one := range []struct {
		name  string
		who   *visitor
		n     *node.Node
		page  string
		knows []string
	}{
		{"provider", reporter, w.Provider, path(w.delivered), []string{
			"decided to report", "approved the report", "report to EU Centre (demo): received", "signed by EU Centre (demo)", "closed",
			"recorded what the service did", "answered the order", "order from Authority A (demo): received",
		}},
		{"centre", analyst, w.Centre, "/" + w.received, []string{
			"Lakeside Photos (demo): sent the report here", "assessed the report", "report to Authority A (demo): received", "report to Authority B (demo): received",
			"claim from Authority A (demo): received", "claim from Authority B (demo): received", "coordination to Authority B (demo): received",
			"correction to Authority A (demo): received", "order from Authority A (demo): received",
		}},
		{"authority-a", investigators[0], w.AuthorityA, "/referrals/" + strings.TrimPrefix(referred(t, w.AuthorityA), "referral/"), []string{
			"EU Centre (demo): sent the report here", "claim to EU Centre (demo): received", "requested an order", "deconfliction to Authority B (demo): received",
			"deconfliction from Authority B (demo): received", "order to Lakeside Photos (demo): received", "order answer from Lakeside Photos (demo): received",
			"looked whether the material is gone", "correction from EU Centre (demo): received", "said what became of the report",
		}},
		{"authority-b", investigators[1], w.AuthorityB, "/referrals/" + strings.TrimPrefix(referred(t, w.AuthorityB), "referral/"), []string{
			"deconfliction from Authority A (demo): received", "answered whether a removal would harm it", "outcome to EU Centre (demo): received",
		}},
	} {
		must(t, "sequencing", one.n.Ledger.Sequence(context.Background()))
		one.who.open(one.n.Config.Origin + one.page)
		one.who.tabTo("a[href=\"/journey/" + strings.TrimPrefix(w.delivered, "report/") + "\"]")
		one.who.send()
		for _, text := range one.knows {
			one.who.says(text)
		}
		shown := evaluate[string](one.who, "document.querySelector('main').textContent")
		if strings.Contains(shown, "person/") || strings.Contains(shown, "user1@example.org") {
			t.Errorf("the journey at %s says more of people than it should", one.name)
		}
		if doubts := strings.Count(shown, "cannot be checked"); doubts > 0 {
			t.Errorf("%d receipts at %s cannot be checked", doubts, one.name)
		}
		ways := []look{{320, "dark"}}
		if one.n == w.AuthorityA { // the longest is looked at in every way
			ways = looks
		}
		for _, l := range ways {
			one.who.see(l, one.who.where())
			one.who.checked("journey-"+one.name, l)
		}
	}
	// The page that links them says nothing of its own accord.
	overview := visit(t, chrome)
	overview.open(w.Service + node.JourneysPath + "?report=" + strings.TrimPrefix(w.delivered, "report/"))
	for _, n := range []*node.Node{w.Provider, w.Centre, w.AuthorityA, w.AuthorityB} {
		if links := evaluate[int](overview, "document.querySelectorAll("+quoted("a[href=\""+n.Config.Origin+"/journey/"+strings.TrimPrefix(w.delivered, "report/")+"\"]")+").length"); links != 1 {
			t.Errorf("%d links lead to %s", links, n.Config.Organisation.Name)
		}
	}
	overview.see(look{320, "light"}, overview.where())
	overview.checked("journeys", look{320, "light"})
	overview.tabTo("li a")
	overview.press(kb.Enter)
	overview.until("location.pathname === '/login'")
}

// proven downloads the records of a journey, by keys, and checks them offline;
// the journey of a report that nobody here heard of is not found.
func proven(t *testing.T, auditor *visitor, n *node.Node, report string) {
	t.Helper()
	folder := t.TempDir()
	if _, err := chromedp.CallBrowser(auditor.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(auditor.ctx).BrowserContextID, DownloadPath: folder,
	}); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(report, "report/")
	auditor.open(n.Config.Origin + "/journey/" + name)
	if n.Config.Organisation.Kind == mandate.Centre {
		auditor.see(look{1280, "dark"}, auditor.where())
		auditor.checked("journey-auditor", look{1280, "dark"})
		auditor.open(auditor.where())
	}
	auditor.tabTo("form[action$=\"/proofs\"] button")
	auditor.press(kb.Enter)
	var bundle []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && len(bundle) == 0; time.Sleep(30 * time.Millisecond) {
		bundle, _ = os.ReadFile(filepath.Join(folder, "journey-"+name+".jsonl")) // named so once it is whole
	}
	read, err := translog.AuditBundle(bytes.NewReader(bundle), n.Ledger.Trust())
	if err != nil || read.Records < 5 {
		t.Errorf("the proofs of %s: %d records, %v", n.Config.Organisation.Name, read.Records, err)
	}
	altered := bytes.Replace(bundle, []byte(`"index":`), []byte(`"index":1`), 1)
	if _, err := translog.AuditBundle(bytes.NewReader(altered), n.Ledger.Trust()); err == nil {
		t.Errorf("proofs that were changed are believed")
	}
	auditor.open(n.Config.Origin + "/journey/01890000-0000-7000-8000-000000000017")
	auditor.says("Not found")
	if status := evaluate[int](auditor, "fetch(location.href).then(answer => answer.status)"); status != http.StatusNotFound {
		t.Errorf("a report that is not known here answers %d", status)
	}
}
