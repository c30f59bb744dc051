package order

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// The caps keep one order from filling a node; they are far above what a
// person can read and decide upon.
const (
	maxItems = 1_000
	maxURLs  = 10_000
	maxLine  = 1_000
	maxURL   = 4_000
	maxText  = 64 << 10
)

var (
	languageCode = regexp.MustCompile(`^[a-z]{2}$`)
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
)

// ValidateRequest checks an order that a Coordinating Authority requests: all
// but what only the issuing authority can fill.
func (o Order) ValidateRequest(profile *law.OrderForm) []*problem.Error {
	return o.check(profile, false)
}

// Validate checks an issued order: every field that the template asks for, and
// every value. All problems found are returned, each with its field and, where
// the law asks for it, the article.
func (o Order) Validate(profile *law.OrderForm) []*problem.Error { return o.check(profile, true) }

func (o Order) check(profile *law.OrderForm, issued bool) []*problem.Error {
	var f findings
	f.profile(o.Profile, profile.Ref())
	f.id("id", o.ID)
	if o.Kind != profile.Order {
		f.Add("kind", fmt.Sprintf("is %q but the profile is for %s", o.Kind, profile.Order), "")
	}
	switch {
	case o.Language != profile.Language:
		f.Add("language", fmt.Sprintf("is %q but the profile is worded in %q", o.Language, profile.Language), "use a profile in the language of the order")
	case !slices.Contains(o.Addressee.Languages, o.Language):
		f.Add("language", fmt.Sprintf("%q is none that the provider declared", o.Language), "Article 14(4), Article 17(4): use a language declared under Article 23(3)")
	}
	f.missing(profile, law.TemplateOrder, o.values, issued)
	f.texts(o)
	f.jurisdiction(o)
	switch profile.Order {
	case law.OrderBlocking:
		f.blocking(o, profile)
	default:
		f.material(o, profile)
	}
	f.Moment("issued_at", o.IssuedAt)
	f.Moment("timestamp.at", o.Timestamp.At)
	if !o.IssuedAt.IsZero() && !o.Timestamp.At.IsZero() && o.Timestamp.At.Before(o.IssuedAt) {
		f.Add("timestamp.at", "is before the date of issuance", "check the date")
	}
	if issued && o.Signature.Method == "" {
		f.Add("signature.method", "is missing", "Article 14(3)(h), Article 17(1)(h): name how it is signed")
	}
	if (o.Extends != "" && o.Extends == o.ID) || (o.Replaces != "" && o.Replaces == o.ID) {
		f.Add("extends", "an order cannot extend or replace itself", "")
	}
	return f.Findings
}

// findings collects problems under the path of their field.
type findings struct{ problem.Findings }

func (f *findings) profile(named, checked law.Ref) {
	if named != checked {
		f.Add("profile", fmt.Sprintf("is %s but is checked against %s", named, checked), "use the version that it began under")
	}
}

func (f *findings) id(field, id string) {
	if id == "" {
		f.Add(field, "is missing", "")
	}
	f.Text(field, id, 200)
}

// missing names every field that the template requires and that is empty.
func (f *findings) missing(profile *law.OrderForm, key string, values form.Values, issued bool) {
	template, known := profile.Template(key)
	if !known {
		f.Add("kind", "has no template "+key+" in "+profile.Ref().String(), "")
		return
	}
	for _, field := range form.Missing(template, values, issued) {
		f.Add(field.Keys[0], "is missing", field.Article+": "+strings.TrimSuffix(field.Label, ":"))
	}
}

func (f *findings) texts(o Order) {
	for _, text := range []struct {
		field, value string
		limit        int
	}{
		{"extends", o.Extends, 200}, {"replaces", o.Replaces, 200}, {"legal_basis", o.LegalBasis, maxLine},
		{"requesting.name", o.Requesting.Name, maxLine}, {"requesting.details", o.Requesting.Details, maxLine},
		{"requesting.contact", o.Requesting.Contact, maxLine}, {"issuing.name", o.Issuing.Name, maxLine},
		{"issuing.details", o.Issuing.Details, maxLine}, {"issuing.contact", o.Issuing.Contact, maxLine},
		{"reference", o.Reference, 200}, {"addressee.name", o.Addressee.Name, maxLine},
		{"addressee.legal_rep", o.Addressee.LegalRep, maxLine}, {"addressee.contact_point", o.Addressee.ContactPoint, maxLine},
		{"addressee.service", o.Addressee.Service, maxLine}, {"reasons", o.Reasons, maxText},
		{"redress.court", o.Redress.Court, maxLine}, {"redress.time_periods", o.Redress.TimePeriods, maxText},
		{"redress.law", o.Redress.Law, maxText}, {"redress.more", o.Redress.More, maxText},
		{"timestamp.token", o.Timestamp.Token, maxText}, {"signature.key_id", o.Signature.KeyID, maxLine},
		{"signature.method", o.Signature.Method, maxLine},
	} {
		f.Text(text.field, text.value, text.limit)
	}
	for index, language := range o.Addressee.Languages {
		if !languageCode.MatchString(language) {
			f.Add(fmt.Sprintf("addressee.languages[%d]", index), fmt.Sprintf("%q is no code of ISO 639-1", language), "for example en")
		}
	}
}

// jurisdiction: the authorities are those of the State that has jurisdiction
// over the provider (Articles 14(1), 16(1) and 33).
func (f *findings) jurisdiction(o Order) {
	for _, country := range []struct{ field, code string }{
		{"requesting.country", o.Requesting.Country}, {"issuing.country", o.Issuing.Country}, {"addressee.country", o.Addressee.Country},
	} {
		if !countryCode.MatchString(country.code) && (country.field != "addressee.country" || country.code != "") {
			f.Add(country.field, fmt.Sprintf("%q is no country", country.code), "write two letters of ISO 3166-1, for example CZ")
			return
		}
	}
	switch o.Addressee.Country {
	case "":
		if o.Addressee.LegalRep != "" {
			f.Add("addressee.country", "is missing", "Article 33: say where the legal representative is")
		}
	case o.Requesting.Country:
	default:
		f.Add("requesting.country", "is not where the provider is established or represented", "Articles 14(1), 16(1) and 33: the Coordinating Authority of establishment requests")
	}
	if o.Issuing.Country != o.Requesting.Country {
		f.Add("issuing.country", "is not the State of the requesting authority", "Articles 14(1) and 16(1): an authority of the same Member State issues")
	}
}

func (f *findings) material(o Order, profile *law.OrderForm) {
	if o.Blocking != nil {
		f.Add("blocking", "belongs to a blocking order", "remove it")
	}
	if o.Material == nil {
		return
	}
	if len(o.Material.Items) > maxItems {
		f.Add("material.items", fmt.Sprintf("has %d items, more than the %d allowed", len(o.Material.Items), maxItems), "issue several orders")
		return
	}
	seen := map[Item]bool{}
	for index, item := range o.Material.Items {
		at := fmt.Sprintf("material.items[%d]", index)
		f.place(at, item, "Article 14(3)(e)")
		if seen[item] {
			f.Add(at, "is there twice", "")
		}
		seen[item] = true
	}
	f.ticks("material.elements", o.Material.Elements, profile.HasElement)
	if o.Material.NonDisclosure != nil {
		f.nonDisclosure(*o.Material.NonDisclosure, o.Extends != "", profile)
	} else if o.Extends != "" {
		f.Add("material.non_disclosure", "is missing", "Article 15(4): a decision that extends non-disclosure gives the period")
	}
}

// place checks the exact address of one item.
func (f *findings) place(at string, item Item, article string) {
	f.exact(at+".url", item.URL, item.Identification == "", article)
	if item.SHA256 != "" {
		f.ContentAddress(at+".sha256", item.SHA256, "")
	}
	f.Text(at+".identification", item.Identification, maxText)
}

// exact: an address of a whole site is not the exact address of an item, unless
// something else says which item is meant.
func (f *findings) exact(at, address string, alone bool, article string) {
	parsed := f.Address(at, address, maxURL, article)
	if parsed != nil && alone && strings.Trim(parsed.Path, "/") == "" && parsed.RawQuery == "" && parsed.Fragment == "" {
		f.Add(at, "names a whole site", article+": name the item's own address, or say in the identification which item is meant")
	}
}

func (f *findings) ticks(field string, ticked []string, known func(string) bool) {
	seen := map[string]bool{}
	for index, key := range ticked {
		switch {
		case !known(key):
			f.Add(fmt.Sprintf("%s[%d]", field, index), fmt.Sprintf("%q is no box of the form", key), "")
		case seen[key]:
			f.Add(fmt.Sprintf("%s[%d]", field, index), fmt.Sprintf("%q is ticked twice", key), "")
		}
		seen[key] = true
	}
}

func (f *findings) period(field string, p Period, article string) bool {
	f.Moment(field+".from", p.From)
	f.Moment(field+".until", p.Until)
	switch {
	case p.From.IsZero() || p.Until.IsZero():
		f.Add(field, "has no start or no end", article+": give both")
	case !p.Until.After(p.From):
		f.Add(field, "ends before it begins", "")
	default:
		return true
	}
	return false
}

// nonDisclosure checks the length against the profile. A limit on telling
// people is counted strictly: to the moment, without the rest of the last day.
func (f *findings) nonDisclosure(p Period, extension bool, profile *law.OrderForm) {
	longest := profile.Terms.Clocks.NonDisclosure
	if extension {
		longest = profile.Terms.Clocks.NonDisclosureExtension
	}
	if longest.Length.IsZero() {
		f.Add("material.non_disclosure", "is not foreseen for this kind of order", "remove it")
		return
	}
	if f.period("material.non_disclosure", p, longest.Article) && p.Until.After(longest.Length.AddTo(p.From)) {
		f.Add("material.non_disclosure", fmt.Sprintf("is longer than %s", longest.Length), longest.Article+" allows no longer")
	}
}

func (f *findings) blocking(o Order, profile *law.OrderForm) {
	if o.Material != nil {
		f.Add("material", "belongs to a removal or delisting order", "remove it")
	}
	if o.Extends != "" {
		f.Add("extends", "a blocking order has no non-disclosure", "remove it")
	}
	if o.Blocking == nil {
		return
	}
	list := o.Blocking.List
	f.Text("blocking.list.reference", list.Reference, maxLine)
	f.ContentAddress("blocking.list.sha256", list.SHA256, "Article 17(1)(a): the order names the list, here by its digest")
	if len(list.URLs) > maxURLs {
		f.Add("blocking.list.urls", fmt.Sprintf("has %d addresses, more than the %d allowed", len(list.URLs), maxURLs), "name the list by reference and digest")
	} else {
		for index, address := range list.URLs {
			f.exact(fmt.Sprintf("blocking.list.urls[%d]", index), address, true, "Articles 36(1)(b) and 44(2)(b)")
		}
	}
	f.Text("blocking.safeguards", o.Blocking.Safeguards, maxText)
	f.Text("blocking.reporting", o.Blocking.Reporting, maxText)
	clocks := profile.Terms.Clocks
	if !f.period("blocking.period", o.Blocking.Period, clocks.Longest.Article) {
		return
	}
	if p := o.Blocking.Period; p.Until.After(clocks.Longest.Length.AddTo(p.From)) {
		f.Add("blocking.period", fmt.Sprintf("is longer than %s", clocks.Longest.Length), clocks.Longest.Article+" allows no longer")
	} else if p.Until.After(clocks.ReportOver.Length.AddTo(p.From)) && o.Blocking.Reporting == "" {
		f.Add("blocking.reporting", "is missing", clocks.ReportOver.Article+": an order of more than "+clocks.ReportOver.Length.String()+" asks for a report at least once, halfway")
	}
}

// Validate checks an answer against its template and, where order is given,
// that it answers exactly that order.
func (a Answer) Validate(profile *law.OrderForm, facts *Facts) []*problem.Error {
	var f findings
	f.profile(a.Profile, profile.Ref())
	f.id("id", a.ID)
	f.missing(profile, string(a.Kind), a.values, true)
	for _, text := range []struct {
		field, value string
		limit        int
	}{
		{"provider.name", a.Provider.Name, maxLine}, {"provider.legal_rep", a.Provider.LegalRep, maxLine},
		{"provider.contact_point", a.Provider.ContactPoint, maxLine}, {"provider.contact_info", a.Provider.ContactInfo, maxLine},
		{"provider.file_reference", a.Provider.FileReference, 200}, {"order.requesting", a.Order.Requesting, maxLine},
		{"order.issuing", a.Order.Issuing, maxLine}, {"order.reference", a.Order.Reference, 200}, {"order.id", a.Order.ID, 200},
		{"explanation", a.Explanation, maxText}, {"signature.key_id", a.Signature.KeyID, maxLine}, {"signature.method", a.Signature.Method, maxLine},
	} {
		f.Text(text.field, text.value, text.limit)
	}
	f.ticks("grounds", a.Grounds, func(key string) bool { _, known := profile.Ground(key); return known })
	f.ticks("measures", a.Measures, profile.HasMeasure)
	f.Moment("at", a.At)
	f.Moment("measured_at", a.MeasuredAt)
	f.Moment("order.received_at", a.Order.ReceivedAt)
	if a.At.Before(a.Order.ReceivedAt) {
		f.Add("at", "is before the receipt of the order", "check the dates")
	}
	switch a.Kind {
	case AnswerNonExecution:
		if len(a.Measures) > 0 || !a.MeasuredAt.IsZero() {
			f.Add("measures", "belong to the answer that the order was executed", "remove them")
		}
	case AnswerExecution:
		if len(a.Grounds) > 0 || a.Explanation != "" {
			f.Add("grounds", "belong to the answer that the order cannot be executed", "remove them")
		}
		if len(a.Measures) > 1 {
			f.Add("measures", "has more than one tick", "Article 14(7): tick the measure that was taken")
		}
		if a.MeasuredAt.After(a.At) {
			f.Add("measured_at", "is after the answer", "check the dates")
		}
	}
	f.ContentAddress("order.digest", a.Order.Digest, "name the exact bytes of the order that is answered")
	if facts != nil && (a.Order.ID != facts.ID || a.Order.Digest != facts.Digest || a.Order.Reference != facts.Reference) {
		f.Add("order", "is another order, or another text of it", "answer the order that was received")
	}
	return f.Findings
}
