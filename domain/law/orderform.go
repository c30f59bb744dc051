package law

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
)

// OrderKind says what an order asks of its addressee.
type OrderKind string

const (
	// OrderRemoval: a hosting service removes or disables access (Article 14).
	OrderRemoval OrderKind = "removal"
	// OrderBlocking: an access provider blocks a list of addresses (Article 16).
	OrderBlocking OrderKind = "blocking"
	// OrderDelisting: a search engine no longer shows an address. COM(2022) 209
	// has no such order; see the notes of the profile.
	OrderDelisting OrderKind = "delisting"
)

// OrderKinds lists every kind of order.
var OrderKinds = []OrderKind{OrderRemoval, OrderBlocking, OrderDelisting}

// Keys of the templates of an order form.
const (
	// TemplateOrder is the order itself (Annexes IV and VII).
	TemplateOrder = "order"
	// TemplateNonExecution is the answer that it cannot be executed (Annexes V
	// and VIII).
	TemplateNonExecution = "non-execution"
	// TemplateExecution is the answer that it was executed (Annex VI).
	TemplateExecution = "execution"
	// TemplateUserInformation is what the user is told (Articles 12(2), 15(3), 18(4)).
	TemplateUserInformation = "user-information"
	// TemplateUserRestoration is what the user is told after an order has fallen.
	TemplateUserRestoration = "user-restoration"
)

// OrderForm is what one kind of order looks like, how long each step may take
// and who is told what: for example Articles 14 and 15 and Annexes IV to VI of
// COM(2022) 209.
type OrderForm struct {
	Profile
	Order OrderKind `json:"order"`
	// Language is that of the wording, as a code of ISO 639-1. Article 14(4) asks
	// for the language that the provider declared: another language is another
	// profile.
	Language string `json:"language"`
	// Service is the kind of service that may be addressed.
	Service string `json:"service"`
	Scope   Rule   `json:"scope"`
	// LegalBasis is the reference that every order of this kind bears.
	LegalBasis string     `json:"legal_basis"`
	Templates  []Template `json:"templates"`
	// Elements are the boxes that say why the material is unlawful.
	Elements []Choice `json:"elements,omitempty"`
	// Conditions must all be met, each with its evidence, before the request.
	Conditions []Choice `json:"conditions,omitempty"`
	// Grounds are the boxes for which an order may not be executed.
	Grounds []Ground `json:"grounds"`
	// Measures are the boxes that say what was done.
	Measures []Choice   `json:"measures"`
	Terms    OrderTerms `json:"terms"`
	Defects  []Defect   `json:"defects"`
}

// Template is one printed template, in the law's own order.
type Template struct {
	Key string `json:"key"`
	// Annex is where it is printed, for example "Annex IV".
	Annex string `json:"annex"`
	Title string `json:"title"`
	// Reference is the line below the title.
	Reference string            `json:"reference,omitempty"`
	Sections  []TemplateSection `json:"sections"`
	// Empty is printed where a field that need not be filled is empty.
	Empty string `json:"empty"`
	// Print is the sentence at the foot of every print, which says that the
	// signed electronic document is the original.
	Print string `json:"print"`
}

// TemplateSection is one numbered section.
type TemplateSection struct {
	// Number is the printed number; empty for a part that has none.
	Number string          `json:"number,omitempty"`
	Title  string          `json:"title"`
	Fields []TemplateField `json:"fields"`
}

// TemplateField is one entry of a template: a label with what is filled in, a
// group of boxes, or a sentence that is printed as it stands.
type TemplateField struct {
	// Keys are the JSON paths of the values, printed below each other. The first
	// one must be filled when Presence says so. A sentence has none.
	Keys []string `json:"keys,omitempty"`
	// Label is the printed wording.
	Label   string `json:"label"`
	Article string `json:"article"`
	// Type is how it is printed: text, boxes, box or sentence.
	Type     string   `json:"type"`
	Presence Presence `json:"presence,omitempty"`
	// Issuer marks what only the issuing authority can fill, so that a request
	// may lack it.
	Issuer bool `json:"issuer,omitempty"`
}

// Types of a field of a template.
const (
	// FieldText: values in words, one below the other.
	FieldText = "text"
	// FieldBoxes: all choices, ticked or not. Its first key holds the ticks.
	FieldBoxes = "boxes"
	// FieldBox: one box with the label, ticked when its first key is filled, and
	// the values below.
	FieldBox = "box"
	// FieldSentence: the label alone.
	FieldSentence = "sentence"
)

// Ground is a box for which an order may not be executed.
type Ground struct {
	Choice
	// Leads says what follows: impossible or clarification.
	Leads string `json:"leads"`
}

// What a ground leads to.
const (
	// LeadsImpossible: the clock starts when the reason has ceased to exist.
	LeadsImpossible = "impossible"
	// LeadsClarification: the clock starts when the clarification is received.
	LeadsClarification = "clarification"
)

// OrderTerms is what the life of an order needs of its profile. A case keeps a
// copy, so that it can be replayed without the profile at hand.
type OrderTerms struct {
	Clocks OrderClocks `json:"clocks"`
	// NonDisclosureExtensions is how often non-disclosure may be extended.
	NonDisclosureExtensions int            `json:"non_disclosure_extensions"`
	Watch                   WatchTerms     `json:"watch"`
	Transmissions           []Transmission `json:"transmissions"`
	Figures                 []Figure       `json:"figures"`
}

// OrderClocks are the periods of an order. Where the law sets none for a step
// that must not be forgotten, the profile sets one and says that it is our own
// rule. A clock with no length does not run for this kind of order.
type OrderClocks struct {
	// Deconfliction is how long investigators have to answer.
	Deconfliction Clock `json:"deconfliction"`
	// Objection is the longest that they may ask to wait.
	Objection Clock `json:"objection"`
	// Delivery is how long a signed receipt may take before a person looks.
	Delivery Clock `json:"delivery"`
	// Execution is how long the addressee has (Article 14(2), (5) and (6)).
	Execution Clock `json:"execution,omitzero"`
	// Answer is how long the addressee's answer may take after the act.
	Answer Clock `json:"answer"`
	// Obstacle is when a person asks again whether the reason still exists.
	Obstacle Clock `json:"obstacle"`
	// Clarification is how long the authority takes to clarify.
	Clarification Clock `json:"clarification"`
	// NonDisclosure and NonDisclosureExtension are the longest periods
	// (Article 15(4)).
	NonDisclosure          Clock `json:"non_disclosure,omitzero"`
	NonDisclosureExtension Clock `json:"non_disclosure_extension,omitzero"`
	// UserInformation is when a person is reminded that the user is to be told.
	UserInformation Clock `json:"user_information"`
	// Decision is how soon a person decides on what is put before him, for example
	// a request or material that came back; then he is reminded.
	Decision Clock `json:"decision"`
	// Restoration is how soon the addressee confirms after an annulment.
	Restoration Clock `json:"restoration"`
	// Retention is the longest that the addressee keeps the data (Article 22(2)).
	Retention Clock `json:"retention,omitzero"`
	// Longest is the longest period of application (Article 16(6)).
	Longest Clock `json:"longest,omitzero"`
	// Review is how often the grounds are assessed again (Article 16(7)).
	Review Clock `json:"review,omitzero"`
	// ReportOver is the period of application beyond which the addressee reports
	// halfway (Article 18(6)).
	ReportOver Clock `json:"report_over,omitzero"`
}

// WatchTerms say when somebody looks whether the material is gone.
type WatchTerms struct {
	// Schedule are the moments of the checks, counted from the act, the first
	// one first. The last one ends the watch.
	Schedule []Period `json:"schedule"`
	// Retry is when a check that could not tell is repeated.
	Retry Period `json:"retry"`
	// Radius is up to which PDQ distance, in bits of 256, another picture at the
	// address is called like the item; a person then compares.
	Radius  int    `json:"radius"`
	Article string `json:"article"`
}

// Transmission says who gets what at a step, with the article.
type Transmission struct {
	On      string   `json:"on"`
	To      []string `json:"to"`
	Article string   `json:"article"`
}

// Receivers that a transmission may name.
const (
	ToProvider         = "provider"
	ToRequester        = "requesting-authority"
	ToIssuer           = "issuing-authority"
	ToCentre           = "centre"
	ToOtherAuthorities = "other-coordinating-authorities"
	ToInvestigators    = "investigators"
	ToIndicatorOwner   = "indicator-owner"
)

// Steps at which something is transmitted or counted.
const (
	OnIssued        = "issued"
	OnClarified     = "clarified"
	OnNonDisclosure = "non-disclosure"
	OnNonExecution  = "non-execution"
	OnReasonEnded   = "reason-ended"
	OnExecuted      = "executed"
	OnOverdue       = "overdue"
	OnReappeared    = "reappeared"
	OnFinal         = "final"
	OnAnnulled      = "annulled"
	OnWithdrawn     = "withdrawn"
	OnEnded         = "ended"
	OnRestored      = "restored"
	OnImpossible    = "impossible"
	OnClarification = "clarification"
	// OnReported: the report of Article 18(6). OnReassessment and OnReassessed: what
	// may be blocked wrongly is to be looked at again, and was (Article 18(5)).
	OnReported     = "reported"
	OnReassessment = "reassessment"
	OnReassessed   = "reassessed"
)

var (
	orderReceivers = []string{ToProvider, ToRequester, ToIssuer, ToCentre, ToOtherAuthorities, ToInvestigators, ToIndicatorOwner}
	orderSteps     = []string{
		OnIssued, OnClarified, OnNonDisclosure, OnNonExecution, OnReasonEnded, OnExecuted, OnOverdue, OnReappeared,
		OnFinal, OnAnnulled, OnWithdrawn, OnEnded, OnRestored, OnImpossible, OnClarification,
		OnReported, OnReassessment, OnReassessed,
	}
)

// Keepers of figures.
const (
	KeptByAuthority = "authority"
	KeptByProvider  = "provider"
)

// Figure is a number that the law asks to be counted, and by whom.
type Figure struct {
	Key     string `json:"key"`
	On      string `json:"on"`
	Keeper  string `json:"keeper"`
	Article string `json:"article"`
}

// To returns who is told at a step, and the article; nobody when none is named.
func (t OrderTerms) To(step string) ([]string, string) {
	for _, transmission := range t.Transmissions {
		if transmission.On == step {
			return transmission.To, transmission.Article
		}
	}
	return nil, ""
}

// Counted returns the figures that a step adds to, for one keeper.
func (t OrderTerms) Counted(step, keeper string) []Figure {
	var figures []Figure
	for _, figure := range t.Figures {
		if figure.On == step && figure.Keeper == keeper {
			figures = append(figures, figure)
		}
	}
	return figures
}

// Template returns the template of that key; ok is false when there is none.
func (f *OrderForm) Template(key string) (template Template, ok bool) {
	for _, template := range f.Templates {
		if template.Key == key {
			return template, true
		}
	}
	return Template{}, false
}

// Ground returns the box of that key; ok is false when there is none.
func (f *OrderForm) Ground(key string) (ground Ground, ok bool) {
	for _, ground := range f.Grounds {
		if ground.Key == key {
			return ground, true
		}
	}
	return Ground{}, false
}

// HasMeasure reports whether key is a box for what was done.
func (f *OrderForm) HasMeasure(key string) bool { return hasChoice(f.Measures, key) }

// HasElement reports whether key is a box for why material is unlawful.
func (f *OrderForm) HasElement(key string) bool { return hasChoice(f.Elements, key) }

func (f *OrderForm) validate() error {
	switch {
	case !slices.Contains(OrderKinds, f.Order):
		return problem.InvalidField("order", fmt.Sprintf("%q is no kind of order", f.Order), "use removal, blocking or delisting")
	case len(f.Language) != 2:
		return problem.InvalidField("language", "is no code of ISO 639-1", "for example en")
	case f.Service == "":
		return problem.InvalidField("service", "is missing", "name the kind of service that may be addressed")
	case f.Scope.Text == "" || f.Scope.Article == "":
		return problem.InvalidField("scope", "lacks its text or its article", "")
	case f.LegalBasis == "":
		return problem.InvalidField("legal_basis", "is missing", "write the reference that every order bears")
	}
	if err := f.validateTemplates(); err != nil {
		return err
	}
	if f.Order != OrderBlocking || len(f.Elements) > 0 {
		if err := validateChoices("elements", f.Elements); err != nil {
			return err
		}
	}
	if f.Order == OrderBlocking || len(f.Conditions) > 0 {
		if err := validateChoices("conditions", f.Conditions); err != nil {
			return err
		}
	}
	grounds := make([]Choice, len(f.Grounds))
	for index, ground := range f.Grounds {
		if ground.Leads != LeadsImpossible && ground.Leads != LeadsClarification {
			return problem.InvalidField(fmt.Sprintf("grounds[%d].leads", index), fmt.Sprintf("%q is not known", ground.Leads), "use impossible or clarification")
		}
		grounds[index] = ground.Choice
	}
	if err := validateChoices("grounds", grounds); err != nil {
		return err
	}
	if err := validateChoices("measures", f.Measures); err != nil {
		return err
	}
	return f.validateTerms()
}

func (f *OrderForm) validateTemplates() error {
	seen := map[string]bool{}
	known := []string{TemplateOrder, TemplateNonExecution, TemplateExecution, TemplateUserInformation, TemplateUserRestoration}
	for index, template := range f.Templates {
		at := fmt.Sprintf("templates[%d]", index)
		if err := template.check(at, known); err != nil {
			return err
		}
		if seen[template.Key] {
			return problem.InvalidField(at+".key", fmt.Sprintf("%q is there twice", template.Key), "")
		}
		seen[template.Key] = true
	}
	for _, key := range []string{TemplateOrder, TemplateNonExecution, TemplateUserInformation, TemplateUserRestoration} {
		if !seen[key] {
			return problem.InvalidField("templates", "has no template "+key, "")
		}
	}
	return nil
}

// check says whether a template is whole and its key one of those known.
func (t Template) check(at string, known []string) error {
	switch {
	case !slices.Contains(known, t.Key):
		return problem.InvalidField(at+".key", fmt.Sprintf("%q is not known", t.Key), "use one of: "+strings.Join(known, ", "))
	case t.Annex == "" || t.Title == "" || t.Empty == "" || t.Print == "" || len(t.Sections) == 0:
		return problem.InvalidField(at, "lacks its annex, title, sections, or the words for an empty field or a print", "")
	}
	for position, section := range t.Sections {
		where := fmt.Sprintf("%s.sections[%d]", at, position)
		if section.Title == "" || len(section.Fields) == 0 {
			return problem.InvalidField(where, "lacks its title or its fields", "")
		}
		for place, field := range section.Fields {
			if err := field.validate(fmt.Sprintf("%s.fields[%d]", where, place)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f TemplateField) validate(at string) error {
	switch {
	case f.Label == "":
		return problem.InvalidField(at+".label", "is missing", "")
	case f.Article == "":
		return problem.InvalidField(at+".article", "is missing", "cite the article or the annex")
	case f.Type == FieldSentence && (len(f.Keys) > 0 || f.Presence != ""):
		return problem.InvalidField(at, "is a sentence and has a key or a presence", "")
	case f.Type == FieldSentence:
		return nil
	case f.Type != FieldText && f.Type != FieldBoxes && f.Type != FieldBox:
		return problem.InvalidField(at+".type", fmt.Sprintf("%q is not known", f.Type), "use text, boxes, box or sentence")
	case len(f.Keys) == 0:
		return problem.InvalidField(at+".keys", "is empty", "name what is filled in")
	case f.Presence != Required && f.Presence != WhereAvailable && f.Presence != WhereRelevant:
		return problem.InvalidField(at+".presence", fmt.Sprintf("%q is not known", f.Presence), "use required, where-available or where-relevant")
	}
	return nil
}

func (f *OrderForm) validateTerms() error {
	clocks := f.Terms.Clocks
	for _, clock := range []struct {
		name     string
		required bool
		Clock
	}{
		{"deconfliction", true, clocks.Deconfliction}, {"objection", true, clocks.Objection}, {"delivery", true, clocks.Delivery},
		{"execution", f.Order != OrderBlocking, clocks.Execution}, {"answer", true, clocks.Answer}, {"obstacle", true, clocks.Obstacle},
		{"clarification", true, clocks.Clarification}, {"non_disclosure", f.Terms.NonDisclosureExtensions > 0, clocks.NonDisclosure},
		{"non_disclosure_extension", f.Terms.NonDisclosureExtensions > 0, clocks.NonDisclosureExtension},
		{"user_information", true, clocks.UserInformation}, {"decision", true, clocks.Decision}, {"restoration", true, clocks.Restoration},
		{"retention", f.Order == OrderRemoval, clocks.Retention}, {"longest", f.Order == OrderBlocking, clocks.Longest},
		{"review", f.Order == OrderBlocking, clocks.Review}, {"report_over", f.Order == OrderBlocking, clocks.ReportOver},
	} {
		if err := clock.check("terms.clocks."+clock.name, clock.required); err != nil {
			return err
		}
	}
	if f.Terms.NonDisclosureExtensions < 0 || f.Terms.NonDisclosureExtensions > 10 {
		return problem.InvalidField("terms.non_disclosure_extensions", "must be 0 to 10", "Article 15(4) allows one")
	}
	if err := f.Terms.Watch.validate("terms.watch"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for index, transmission := range f.Terms.Transmissions {
		at := fmt.Sprintf("terms.transmissions[%d]", index)
		switch {
		case !slices.Contains(orderSteps, transmission.On) || seen[transmission.On]:
			return problem.InvalidField(at+".on", fmt.Sprintf("%q is no step, or is there twice", transmission.On), "")
		case len(transmission.To) == 0:
			return problem.InvalidField(at+".to", "is empty", "name who is told; there is no 'all'")
		case transmission.Article == "":
			return problem.InvalidField(at+".article", "is missing", "cite the article, or say that it is our own rule")
		}
		seen[transmission.On] = true
		for _, receiver := range transmission.To {
			if !slices.Contains(orderReceivers, receiver) {
				return problem.InvalidField(at+".to", fmt.Sprintf("%q is no receiver", receiver), "")
			}
		}
	}
	for _, step := range []string{OnIssued, OnClarified, OnOverdue, OnFinal, OnAnnulled, OnWithdrawn} {
		if !seen[step] {
			return problem.InvalidField("terms.transmissions", "does not say who is told when an order is "+step, "")
		}
	}
	keys := map[string]bool{}
	for index, figure := range f.Terms.Figures {
		if figure.Key == "" || keys[figure.Key] || figure.Article == "" || !slices.Contains(orderSteps, figure.On) || (figure.Keeper != KeptByAuthority && figure.Keeper != KeptByProvider) {
			return problem.InvalidField(fmt.Sprintf("terms.figures[%d]", index), "lacks its key, step, keeper or article, or is there twice", "")
		}
		keys[figure.Key] = true
	}
	return nil
}

// check says whether a clock is whole, or absent where it may be.
func (c Clock) check(at string, required bool) error {
	if c == (Clock{}) && !required {
		return nil
	}
	if c.Length.IsZero() || c.Article == "" || c.From == "" {
		return problem.InvalidField(at, "lacks its length, its start or its article", "")
	}
	return nil
}

func (w WatchTerms) validate(at string) error {
	if len(w.Schedule) == 0 || w.Retry.IsZero() || w.Article == "" {
		return problem.InvalidField(at, "lacks its schedule, its retry or its article", "")
	}
	if w.Radius <= 0 || w.Radius > 64 {
		return problem.InvalidField(at+".radius", "is not between 1 and 64 bits", "31 is usual")
	}
	return nil
}
