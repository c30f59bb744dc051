package order

import (
	"strings"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Form fills the order into its template (Annex IV or VII). digest is the
// SHA-256 of the exact bytes; empty for a draft.
func (o Order) Form(profile *law.OrderForm, digest string) (form.Form, error) {
	return fill(profile, law.TemplateOrder, o.ID, digest, o.values)
}

// Form fills the answer into its template (Annexes V, VI and VIII).
func (a Answer) Form(profile *law.OrderForm, digest string) (form.Form, error) {
	return fill(profile, string(a.Kind), a.ID, digest, a.values)
}

// Form fills what a user is told into its template.
func (u UserInformation) Form(profile *law.OrderForm, digest string) (form.Form, error) {
	template := law.TemplateUserInformation
	if u.Restoration != nil {
		template = law.TemplateUserRestoration
	}
	return fill(profile, template, u.ID, digest, u.values)
}

func fill(profile *law.OrderForm, key, document, digest string, values form.Values) (form.Form, error) {
	template, known := profile.Template(key)
	if !known {
		return form.Form{}, problem.InvalidField("kind", "has no template "+key+" in "+profile.Ref().String(), "")
	}
	filled, err := form.Fill(template, profile.Profile, profile.Language, values, boxes(profile))
	if err != nil {
		return form.Form{}, err
	}
	filled.Document, filled.Digest = document, digest
	return filled, nil
}

func boxes(profile *law.OrderForm) form.Boxes {
	grounds := make([]law.Choice, len(profile.Grounds))
	for index, ground := range profile.Grounds {
		grounds[index] = ground.Choice
	}
	return form.Boxes{"material.elements": profile.Elements, "grounds": grounds, "measures": profile.Measures}
}

func (p *Period) text() string {
	if p == nil || (p.From.IsZero() && p.Until.IsZero()) {
		return ""
	}
	return form.Moment(p.From) + " – " + form.Moment(p.Until)
}

func (s Signature) text() string { return strings.TrimSpace(s.KeyID + " " + s.Method) }

func itemLines(items []Item) []string {
	var all []string
	for _, item := range items {
		all = append(all, form.Lines(item.URL, form.Hashed(item.SHA256), item.Identification)...)
	}
	return all
}

// values gives the fields of an order by the keys of its template.
func (o Order) values(key string) ([]string, bool) {
	material, blocking := Material{}, Blocking{}
	if o.Material != nil {
		material = *o.Material
	}
	if o.Blocking != nil {
		blocking = *o.Blocking
	}
	switch key {
	case "legal_basis":
		return form.Lines(o.LegalBasis), true
	case "requesting.name":
		return form.Lines(o.Requesting.Name), true
	case "requesting.contact":
		return form.Lines(o.Requesting.Contact), true
	case "issuing.name":
		return form.Lines(o.Issuing.Name), true
	case "issuing.details":
		return form.Lines(o.Issuing.Details), true
	case "reference":
		return form.Lines(o.Reference), true
	case "addressee.name":
		return form.Lines(o.Addressee.Name), true
	case "addressee.legal_rep":
		return form.Lines(o.Addressee.LegalRep), true
	case "addressee.contact_point":
		return form.Lines(o.Addressee.ContactPoint), true
	case "addressee.service":
		return form.Lines(o.Addressee.Service), true
	case "material.items":
		return itemLines(material.Items), true
	case "material.elements":
		return material.Elements, true
	case "material.non_disclosure":
		return form.Lines(material.NonDisclosure.text()), true
	case "blocking.list":
		return form.Lines(append([]string{blocking.List.Reference, form.Hashed(blocking.List.SHA256)}, blocking.List.URLs...)...), true
	case "blocking.safeguards":
		return form.Lines(blocking.Safeguards), true
	case "blocking.period":
		return form.Lines(blocking.Period.text()), true
	case "blocking.reporting":
		return form.Lines(blocking.Reporting), true
	case "reasons":
		return form.Lines(o.Reasons), true
	case "issued_at":
		return form.Lines(form.Moment(o.IssuedAt)), true
	case "timestamp":
		return form.Lines(form.Moment(o.Timestamp.At), o.Timestamp.Token), true
	case "signature":
		return form.Lines(o.Signature.text()), true
	}
	return o.Redress.values(key)
}

func (r Redress) values(key string) ([]string, bool) {
	switch key {
	case "redress.court":
		return form.Lines(r.Court), true
	case "redress.time_periods":
		return form.Lines(r.TimePeriods), true
	case "redress.law":
		return form.Lines(r.Law), true
	case "redress.more":
		return form.Lines(r.More), true
	}
	return nil, false
}

func (p Provider) values(key string) ([]string, bool) {
	switch key {
	case "provider.name":
		return form.Lines(p.Name), true
	case "provider.legal_rep":
		return form.Lines(p.LegalRep), true
	case "provider.contact_point":
		return form.Lines(p.ContactPoint), true
	case "provider.contact_info":
		return form.Lines(p.ContactInfo), true
	case "provider.file_reference":
		return form.Lines(p.FileReference), true
	}
	return nil, false
}

func (a About) values(key string) ([]string, bool) {
	switch key {
	case "order.requesting":
		return form.Lines(a.Requesting), true
	case "order.issuing":
		return form.Lines(a.Issuing), true
	case "order.reference":
		return form.Lines(a.Reference), true
	case "order.received_at":
		return form.Lines(form.Moment(a.ReceivedAt)), true
	}
	return nil, false
}

// values gives the fields of an answer by the keys of its template.
func (a Answer) values(key string) ([]string, bool) {
	switch key {
	case "grounds":
		return a.Grounds, true
	case "explanation":
		return form.Lines(a.Explanation), true
	case "measures":
		return a.Measures, true
	case "measured_at":
		return form.Lines(form.Moment(a.MeasuredAt)), true
	case "at":
		return form.Lines(form.Moment(a.At)), true
	case "signature":
		return form.Lines(a.Signature.text()), true
	}
	return either(key, a.Provider.values, a.Order.values)
}

// values gives the fields of what a user is told by the keys of its template.
func (u UserInformation) values(key string) ([]string, bool) {
	switch key {
	case "service":
		return form.Lines(u.Service), true
	case "measures":
		return u.Measures, true
	case "measured_at":
		return form.Lines(form.Moment(u.MeasuredAt)), true
	case "places":
		return form.Lines(u.Places...), true
	case "reasons":
		return form.Lines(u.Reasons), true
	case "complaint":
		return form.Lines(u.Complaint), true
	case "restored_reason", "restored_at":
		if u.Restoration == nil {
			return nil, true
		}
		if key == "restored_at" {
			return form.Lines(form.Moment(u.Restoration.At)), true
		}
		return form.Lines(u.Restoration.Reason), true
	}
	return either(key, u.Provider.values, u.Order.values, u.Redress.values)
}

func either(key string, all ...form.Values) ([]string, bool) {
	for _, values := range all {
		if found, known := values(key); known {
			return found, true
		}
	}
	return nil, false
}
