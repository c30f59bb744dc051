package node_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node"
)

// submitBy reaches a button of a form by the Tab key and presses it.
func (v *visitor) submitBy(selector string) {
	v.t.Helper()
	v.tabTo(selector)
	v.send()
}

// TestAReportFindsItsAuthorities follows one report from the Centre to two
// authorities that both act, to an agreed lead and to its end, with people who
// use the keyboard only.
func TestAReportFindsItsAuthorities(t *testing.T) {
	browser := chromium(t)
	w := work(t)
	short := func(id string) string { return id[len(id)-8:] }

	analyst := visit(t, browser)
	analyst.login(loginOf(t, w.World, mandate.Centre, mandate.Analyst))
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
		v := visit(t, browser)
		v.login(loginAt(t, w.World, name, mandate.Investigator))
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

	// Whoever reported it hears of it, and the log of each node fits together.
	reporter := visit(t, browser)
	reporter.login(loginOf(t, w.World, mandate.Provider, mandate.Analyst))
	reporter.open(w.Provider.Config.Origin + path(w.delivered))
	reporter.says("accepted")
	for _, name := range []string{"provider", "centre", "authority-a", "authority-b"} {
		auditor := visit(t, browser)
		auditor.login(loginAt(t, w.World, name, mandate.Auditor))
		auditor.tabTo("a[href=\"/log\"]")
		auditor.send()
		auditor.submitBy("form[action=\"/log/verify\"] button")
		auditor.says("fit together")
	}
}
