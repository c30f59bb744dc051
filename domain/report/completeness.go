package report

import (
	"slices"

	"github.com/brdoproject/brdo/domain/law"
)

// Completeness says how much of what the law asks for is in the report. It is a
// figure of quality; it says nothing about how urgent a report is.
type Completeness struct {
	// Score is the filled share of the weights that apply, 0 to 100.
	Score   int       `json:"score"`
	Missing []Missing `json:"missing,omitempty"`
	// Warnings are empty fields that lower no score but the use of the report.
	Warnings []Missing `json:"warnings,omitempty"`
}

// Missing is one point that is not filled.
type Missing struct {
	Field   string `json:"field"`
	Article string `json:"article"`
	Reason  string `json:"reason"`
	Remedy  string `json:"remedy"`
}

// Completeness measures the report against the form: for COM(2022) 209 the
// points (a) to (k) of Article 13(1). What is missing lets the Centre ask for
// it (Article 48(5)); it never stops a report.
func (r Report) Completeness(form *law.ReportForm) Completeness {
	var c Completeness
	filled, total := 0, 0
	for _, point := range form.Completeness {
		if !r.concernedBy(point) {
			continue
		}
		total += point.Weight
		if r.fills(point) {
			filled += point.Weight
			continue
		}
		c.Missing = append(c.Missing, Missing{Field: point.Field, Article: point.Article, Reason: point.Reason, Remedy: point.Remedy})
	}
	if total > 0 {
		c.Score = 100 * filled / total
	}
	for _, advice := range form.Advice {
		if !r.Form.Has(advice.Field) {
			c.Warnings = append(c.Warnings, Missing{Field: advice.Field, Article: advice.Article, Reason: advice.Reason, Remedy: advice.Remedy})
		}
	}
	return c
}

// concernedBy reports whether a point applies. While no type is stated, every
// point does: an empty report must not look better than a filled one.
func (r Report) concernedBy(point law.Requirement) bool {
	if len(point.OnlyTypes) == 0 || len(r.Form.Types) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Form.Types, func(key string) bool { return slices.Contains(point.OnlyTypes, key) })
}

func (r Report) fills(point law.Requirement) bool {
	for _, key := range point.All {
		if !r.Form.Has(key) {
			return false
		}
	}
	return len(point.Any) == 0 || slices.ContainsFunc(point.Any, r.Form.Has)
}

// Has reports whether the field of that key of the form is filled. An answer
// that needs another one counts only with it: "yes, to a third country" needs
// the name of the authority (Article 13(1)(h)). A key that is not known is not
// filled; [Form.Knows] tells.
func (f Form) Has(key string) bool {
	has, known := presence[key]
	return known && has(f)
}

// Knows reports whether key is a field of the form.
func (f Form) Knows(key string) bool {
	_, known := presence[key]
	return known
}

var presence = map[string]func(Form) bool{
	"provider.name":          func(f Form) bool { return f.Provider.Name != "" },
	"provider.legal_rep":     func(f Form) bool { return f.Provider.LegalRep != "" },
	"provider.contact_point": func(f Form) bool { return f.Provider.ContactPoint != "" },
	"provider.contact_info":  func(f Form) bool { return f.Provider.ContactInfo != "" },
	"urgent":                 func(f Form) bool { return f.Urgent != nil },
	"types":                  func(f Form) bool { return len(f.Types) > 0 },
	"content":                func(f Form) bool { return len(f.Content) > 0 },
	"other_data":             func(f Form) bool { return len(f.OtherData) > 0 },
	"geo.ip_events":          func(f Form) bool { return len(f.Geo.IPEvents) > 0 },
	"geo.ip_events.port": func(f Form) bool {
		return !slices.ContainsFunc(f.Geo.IPEvents, func(e IPEvent) bool { return e.Port == 0 })
	},
	"geo.other":         func(f Form) bool { return f.Geo.Other != "" },
	"users":             func(f Form) bool { return slices.ContainsFunc(f.Users, Person.Identifies) },
	"service.type":      func(f Form) bool { return f.Service.Type != "" },
	"service.info":      func(f Form) bool { return f.Service.Info != "" },
	"service.url":       func(f Form) bool { return f.Service.URL != "" },
	"awareness.channel": func(f Form) bool { return f.Awareness.Channel != "" },
	"awareness.details": func(f Form) bool { return f.Awareness.Details != "" },
	"third_country.reported": func(f Form) bool {
		return f.ThirdCountry.Reported != nil && (!*f.ThirdCountry.Reported || f.ThirdCountry.Name != "")
	},
	"third_country.name":    func(f Form) bool { return f.ThirdCountry.Name != "" },
	"third_country.ref":     func(f Form) bool { return f.ThirdCountry.Ref != "" },
	"removed":               func(f Form) bool { return f.Removed != nil },
	"user_decision.taken":   func(f Form) bool { return f.UserDecision.Taken != nil },
	"user_decision.details": func(f Form) bool { return f.UserDecision.Details != "" },
	"victims":               func(f Form) bool { return slices.ContainsFunc(f.Victims, Person.Identifies) },
	"extra":                 func(f Form) bool { return len(f.Extra) > 0 },
	"issued_at":             func(f Form) bool { return !f.IssuedAt.IsZero() },
	"timestamp_token":       func(f Form) bool { return f.TimestampToken != "" },
	"signature":             func(f Form) bool { return f.Signature.KeyID != "" },
	"legal_basis":           func(f Form) bool { return f.LegalBasis != "" },
}
