package node

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/store"
)

// CyberTipline lets people send reports to NCMEC's CyberTipline. Its credentials are never in
// the configuration: they come from a file or from [exchange.CyberTiplineVariable].
type CyberTipline struct {
	// URL is its address, https; empty means that no report goes there.
	URL             string `yaml:"url"`
	CredentialsFile string `yaml:"credentials_file"`
	// LegalBasis is a profile; outside its dates nothing is sent. Rules is the profile of
	// what the service takes.
	LegalBasis law.Ref `yaml:"legal_basis"`
	Rules      law.Ref `yaml:"rules"`
	// Reporter is the person who stands for the organisation's reports, Contact whom law
	// enforcement asks; the latter may be empty.
	Reporter Correspondent `yaml:"reporter"`
	Contact  Correspondent `yaml:"contact"`
	// CompanyTemplate, TermsOfService and LegalURL are what each report says of the
	// organisation; they may be empty.
	CompanyTemplate string `yaml:"company_template"`
	TermsOfService  string `yaml:"terms_of_service"`
	LegalURL        string `yaml:"legal_url"`
}

// Correspondent is somebody who can be reached.
type Correspondent struct {
	FirstName string `yaml:"first_name"`
	LastName  string `yaml:"last_name"`
	Email     string `yaml:"email"`
	Phone     string `yaml:"phone"`
}

func (c Correspondent) person() cybertip.Person {
	p := cybertip.Person{FirstName: c.FirstName, LastName: c.LastName}
	if c.Phone != "" {
		p.Phone = []string{c.Phone}
	}
	if c.Email != "" {
		p.Email = []string{c.Email}
	}
	return p
}

// defaultRules is the profile of what the CyberTipline takes.
var defaultRules = law.Ref{ID: "cybertip/ispws", Version: 1}

// check reports what is wrong; without an address nothing may be set.
func (c CyberTipline) check(kind mandate.OrganisationKind, egress Egress) error {
	const at = "cybertipline."
	if c == (CyberTipline{}) {
		return nil
	}
	u, err := (lookout.Rules{Ports: egress.Ports}).Check(c.URL)
	switch {
	case err != nil:
		return problem.InvalidField(at+"url", problem.From(err).Reason, "give the public address of the service")
	case u.Scheme != "https" || u.RawQuery != "":
		return problem.InvalidField(at+"url", "it does not begin with https://, or has a query", "give the address as NCMEC names it: that for tests, or that for reports")
	case !slices.Contains([]mandate.OrganisationKind{mandate.Provider, mandate.Hotline}, kind):
		return problem.InvalidField(at+"url", "only providers and hotlines report to it", "leave it out")
	case egress.Proxy == "":
		return problem.InvalidField(at+"url", "the node has no proxy to send through", "set egress.proxy")
	case c.CredentialsFile != "" && !filepath.IsAbs(c.CredentialsFile):
		return problem.InvalidField(at+"credentials_file", "it is no absolute path", "name the file from the root")
	case c.LegalBasis.IsZero():
		return problem.InvalidField(at+"legal_basis", "it is missing", "name the legal basis for sending reports to the United States; see law/legal-basis")
	case c.Reporter.LastName == "" || !strings.Contains(c.Reporter.Email, "@"):
		return problem.InvalidField(at+"reporter", "it has no last name or no email address", "name the person who stands for the reports")
	}
	return nil
}

func (c CyberTipline) credentials() exchange.Credentials {
	return exchange.Credentials{File: c.CredentialsFile, Variable: exchange.CyberTiplineVariable}
}

// openCyberTipline makes what is configured; nil without an address.
func (n *Node) openCyberTipline(c CyberTipline, through *lookout.Lookout) (*reports.CyberTipline, error) {
	if c.URL == "" {
		return nil, nil
	}
	basis, err := n.Law.LegalBasis(c.LegalBasis)
	if err != nil {
		return nil, problem.InvalidField("cybertipline.legal_basis", "there is no such profile", "see law/legal-basis").Because(err)
	}
	rules, err := n.Law.CyberTip(cmp.Or(c.Rules, defaultRules))
	if err != nil {
		return nil, problem.InvalidField("cybertipline.rules", "there is no such profile", "see law/cybertip").Because(err)
	}
	by := cybertip.Reporter{Reporting: c.Reporter.person(), CompanyTemplate: c.CompanyTemplate, TermsOfService: c.TermsOfService, LegalURL: c.LegalURL}
	if c.Contact != (Correspondent{}) {
		contact := c.Contact.person()
		by.Contact = &contact
	}
	return &reports.CyberTipline{
		Service: &exchange.CyberTipline{Base: c.URL, Credentials: c.credentials(), Basis: basis, Through: through}, Rules: rules, Reporter: by, Content: n.Content,
	}, nil
}

// tipline says how reports to the CyberTipline stand, as far as this node knows.
func (e *examination) tipline(tx *store.Tx) error {
	const what = "CyberTipline"
	counts, err := tx.CountCyberTips()
	if err != nil {
		return err
	}
	waiting, under := counts[cybertip.Stopped], counts[cybertip.Queued]+counts[cybertip.Open]
	if e.config.CyberTipline.URL == "" {
		if waiting+under > 0 {
			e.add(Ill, what, "set cybertipline, or let a supervisor take them back", "%d reports are to go there, and it is configured no more", waiting+under)
		}
		return nil
	}
	secret, missing := e.config.CyberTipline.credentials().Read()
	switch {
	case missing != nil || len(secret.Reveal()) == 0:
		e.add(Ill, what, "write them into credentials_file, or set "+exchange.CyberTiplineVariable, "its credentials are missing, or others may read them")
	case waiting > 0:
		e.add(Warning, what, "let an analyst or a supervisor look at them", "%d reports wait for a person", waiting)
	default:
		e.add(Well, what, "", "%d reports are on their way, %d are there", under, counts[cybertip.Finished])
	}
	return nil
}

// AskCyberTipline asks whether the CyberTipline answers and knows this organisation. It is
// the only thing that an examination says to anybody outside, and only when asked to.
func AskCyberTipline(ctx context.Context, config Config) Finding {
	const what = "CyberTipline"
	if config.CyberTipline.URL == "" {
		return Finding{Warning, what, "it is not configured", "set cybertipline, or do not ask"}
	}
	through, err := openLookout(config, nil, nil)
	if err != nil {
		return Finding{Ill, what, problem.From(err).Reason, "check egress.proxy"}
	}
	service := exchange.CyberTipline{Base: config.CyberTipline.URL, Credentials: config.CyberTipline.credentials(), Through: through}
	if _, err := service.Status(ctx); err != nil {
		p := problem.From(err)
		return Finding{Ill, what, p.Reason, p.Remedy}
	}
	return Finding{Well, what, "it answers and knows the credentials", ""}
}
