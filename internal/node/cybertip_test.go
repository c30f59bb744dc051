package node_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// tipsTo lets a node report to a CyberTipline. Without a way through to it, it is never
// reached and each report waits for a person.
func tipsTo(t *testing.T, p *node.Node, credentials exchange.Credentials, through *lookout.Lookout) {
	t.Helper()
	basis, err := p.Law.LegalBasis(law.Ref{ID: "demo/benign-pictures", Version: 1})
	must(t, "reading a legal basis", err)
	rules, err := p.Law.CyberTip(law.Ref{ID: "cybertip/ispws", Version: 1})
	must(t, "reading the rules of the CyberTipline", err)
	p.Reports.ReportTo(&reports.CyberTipline{
		Service: &exchange.CyberTipline{Base: exchangetest.CyberTiplineBase, Credentials: credentials, Basis: basis, Through: through},
		Rules:   rules, Reporter: cybertip.Reporter{Reporting: cybertip.Person{LastName: "Example", Email: []string{"reports@provider.example"}}}, Content: p.Content,
	})
}

// tipBecomes waits until the delivery of a report is in a state.
func tipBecomes(t *testing.T, p *node.Node, report string, state cybertip.State) {
	t.Helper()
	eventually(t, "the delivery of "+report+" is "+string(state), func() (is bool, err error) {
		err = p.Store.Read(t.Context(), func(tx *store.Tx) error {
			found, err := tx.CyberTipsOf(report)
			is = len(found) > 0 && found[0].State == state
			return err
		})
		return is, err
	})
}

// tips makes three reports to a played CyberTipline: a draft, one that it has nothing against
// but the account, and one that is finished there.
func (w worked) tips(t *testing.T) (draft, stopped, finished string) {
	t.Helper()
	ctx, p := t.Context(), w.Provider
	service := exchangetest.NewCyberTipline("brdo", "word")
	internet := nodetest.OpenInternet(t)
	internet.Host(exchangetest.CyberTiplineHost, service)
	at, err := url.Parse(internet.Proxy)
	must(t, "reading an address", err)
	through, err := lookout.New(lookout.Options{Proxy: at, Roots: internet.Roots()})
	must(t, "making a way through", err)
	file := filepath.Join(t.TempDir(), "credentials")
	must(t, "writing credentials", os.WriteFile(file, []byte("brdo:word"), 0o600))
	tipsTo(t, p, exchange.Credentials{File: file}, through)
	author := actor(t, p, mandate.Analyst)
	other := author
	other.ID, other.Roles = "person/second", []mandate.Role{mandate.SecondLooker}
	var all []string
	fresh := untaken(t, w)
	for i, item := range fresh[len(fresh)-3:] {
		id, err := p.Reports.Compose(ctx, author, lookedAtTwice(t, w, item), "")
		must(t, "composing", err)
		must(t, "choosing the CyberTipline", p.Reports.Choose(ctx, author, id, &report.CyberTip{Incident: "misleading-domain-name"}, ""))
		all = append(all, id)
		if i == 0 {
			continue
		}
		must(t, "submitting", p.Reports.Submit(ctx, author, id))
		if i == 1 {
			service.Before(func(answer http.ResponseWriter, _ *http.Request) bool {
				_, _ = io.WriteString(answer, "<reportResponse><responseCode>3100</responseCode><responseDescription>User does not have authorization to make submissions</responseDescription></reportResponse>")
				return true
			})
		}
		must(t, "approving", p.Reports.Approve(ctx, other, id))
		if i == 1 {
			tipBecomes(t, p, id, cybertip.Stopped)
			service.Before(nil)
			continue
		}
		tipBecomes(t, p, id, cybertip.Finished)
	}
	return all[0], all[1], all[2]
}

// TestCyberTiplineInTheConfiguration: what cannot be used is said before the node starts, and
// no key holds a credential.
func TestCyberTiplineInTheConfiguration(t *testing.T) {
	const good = `url: "https://exttest.cybertip.org/ispws", legal_basis: provider/hosting-terms@1, reporter: {last_name: Example, email: reports@provider.example}`
	for _, c := range []struct{ text, field string }{
		{"{" + good + "}", ""}, {"{}", ""}, {"{" + good + `, credentials_file: /run/tip, contact: {first_name: Ina, phone: "+1 555 0100"}, company_template: text, legal_url: "https://provider.example/law", rules: cybertip/ispws@1}`, ""},
		{"{legal_basis: provider/hosting-terms@1}", "url"}, {`{url: "http://exttest.cybertip.org/ispws"}`, "url"}, {`{url: "https://user:word@exttest.cybertip.org/ispws"}`, "url"}, {`{url: "https://127.0.0.1/ispws"}`, "url"},
		{`{url: "https://exttest.cybertip.org/ispws?key=word"}`, "url"}, {`{url: "https://exttest.cybertip.org/ispws"}`, "legal_basis"}, {"{" + good + ", credentials_file: tip}", "credentials_file"},
		{`{url: "https://exttest.cybertip.org/ispws", legal_basis: provider/hosting-terms@1}`, "reporter"}, {`{url: "https://exttest.cybertip.org/ispws", legal_basis: provider/hosting-terms@1, reporter: {last_name: Example, email: nobody}}`, "reporter"},
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\negress: {proxy: \"http://proxy.internal:3128\"}\ncybertipline: "+c.text+"\n"))
		if c.field == "" && err != nil || c.field != "" && problem.From(err).Field != "cybertipline."+c.field {
			t.Errorf("%s: %v, want the field %q", c.text, err, c.field)
		}
	}
	for why, text := range map[string]string{
		"without a proxy": "organisation: {id: provider.example, name: Example}\ncybertipline: {" + good + "}", "at a Centre": "organisation: {id: centre.example, name: Example, kind: centre}\negress: {proxy: \"http://proxy.internal:3128\"}\ncybertipline: {" + good + "}",
		"with a secret in the file": "organisation: {id: provider.example, name: Example}\negress: {proxy: \"http://proxy.internal:3128\"}\ncybertipline: {" + good + ", password: word}",
	} {
		if _, err := node.ParseConfig("brdo.yaml", []byte(text+"\n")); err == nil {
			t.Errorf("%s it passes", why)
		}
	}
}

// TestDoctorOnTheCyberTipline: what is missing and what waits is said without asking anybody;
// where nothing is configured, nothing is asked.
func TestDoctorOnTheCyberTipline(t *testing.T) {
	p := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Internet: nodetest.OpenInternet(t), Configure: func(c *node.Config) {
		c.CyberTipline = node.CyberTipline{URL: exchangetest.CyberTiplineBase, LegalBasis: nodetest.Basis, Reporter: node.Correspondent{LastName: "Example", Email: "reports@provider.example"}}
	}})
	found := func(c node.Config) (health node.Health) {
		for _, f := range node.Examine(t.Context(), c, p.Clock.Now()) {
			if f.What == "CyberTipline" {
				health = f.Health
			}
		}
		return health
	}
	t.Setenv(exchange.CyberTiplineVariable, "")
	if got := found(p.Config); got != node.Ill {
		t.Errorf("without credentials: %q", got)
	}
	t.Setenv(exchange.CyberTiplineVariable, "brdo:word")
	if got := found(p.Config); got != node.Well {
		t.Errorf("with credentials: %q", got)
	}
	id := compose(t, p)
	must(t, "writing a delivery", p.Store.Write(t.Context(), func(tx *store.Tx) error {
		return tx.InsertCyberTip(store.CyberTipRow{ID: store.NewID("cybertip"), ReportID: id, Tip: []byte("{}"), CreatedAt: p.Clock.Now(), Delivery: cybertip.Delivery{State: cybertip.Stopped}})
	}))
	if got := found(p.Config); got != node.Warning {
		t.Errorf("while a report waits: %q", got)
	}
	without := p.Config
	without.CyberTipline = node.CyberTipline{}
	if got := found(without); got != node.Ill {
		t.Errorf("while a report waits for what is configured no more: %q", got)
	}
	if got := node.AskCyberTipline(t.Context(), without); got.Health != node.Warning {
		t.Errorf("asked although it is not configured: %+v", got)
	}
}

// compose begins a report about a decided picture.
func compose(t *testing.T, p *nodetest.Node) (id string) {
	t.Helper()
	item := p.Flag(t, 1, "")
	p.Judge(t, p.Analyst(), item, nodetest.Yes)
	p.Settle(t)
	id, err := p.Reports.Compose(t.Context(), p.Analyst(), item, "")
	must(t, "composing", err)
	return id
}
