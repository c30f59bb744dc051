package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/strictjson"
)

// Supplement is what a reporter adds to a report that it sent: values for the
// fields that it was asked for (Article 48(5) of COM(2022) 209). The report
// stays as it was signed; a supplement stands beside it.
type Supplement struct {
	// Values holds the fields that are held, in the form of the report; nothing
	// else in it may be filled.
	Values Form `json:"values,omitzero"`
	// NotHeld names the fields that the reporter does not have.
	NotHeld []NotHeld `json:"not_held,omitempty"`
}

// NotHeld says of one field that the reporter does not have it, and why.
type NotHeld struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// maxWhy is the longest reason in bytes.
const maxWhy = 1000

// additions put one field of a form into another form: what people typed once
// takes the place of nothing that is there, lists grow.
var additions = map[string]func(into *Form, from Form){
	"provider.name":          func(into *Form, from Form) { into.Provider.Name = from.Provider.Name },
	"provider.legal_rep":     func(into *Form, from Form) { into.Provider.LegalRep = from.Provider.LegalRep },
	"provider.contact_point": func(into *Form, from Form) { into.Provider.ContactPoint = from.Provider.ContactPoint },
	"provider.contact_info":  func(into *Form, from Form) { into.Provider.ContactInfo = from.Provider.ContactInfo },
	"urgent":                 func(into *Form, from Form) { into.Urgent = from.Urgent },
	"types":                  func(into *Form, from Form) { into.Types = union(into.Types, from.Types) },
	"content":                func(into *Form, from Form) { into.Content = slices.Concat(into.Content, from.Content) },
	"other_data":             func(into *Form, from Form) { into.OtherData = slices.Concat(into.OtherData, from.OtherData) },
	"geo.ip_events":          addEvents,
	"geo.ip_events.port":     addEvents,
	"geo.other":              func(into *Form, from Form) { into.Geo.Other = lines(into.Geo.Other, from.Geo.Other) },
	"users":                  func(into *Form, from Form) { into.Users = slices.Concat(into.Users, from.Users) },
	"service.type":           func(into *Form, from Form) { into.Service.Type = from.Service.Type },
	"service.info":           func(into *Form, from Form) { into.Service.Info = lines(into.Service.Info, from.Service.Info) },
	"service.url":            func(into *Form, from Form) { into.Service.URL = from.Service.URL },
	"awareness.channel":      func(into *Form, from Form) { into.Awareness.Channel = from.Awareness.Channel },
	"awareness.details": func(into *Form, from Form) {
		into.Awareness.Details = lines(into.Awareness.Details, from.Awareness.Details)
	},
	"third_country.reported": func(into *Form, from Form) { into.ThirdCountry = from.ThirdCountry },
	"third_country.name":     func(into *Form, from Form) { into.ThirdCountry = from.ThirdCountry },
	"third_country.ref":      func(into *Form, from Form) { into.ThirdCountry = from.ThirdCountry },
	"removed":                func(into *Form, from Form) { into.Removed = from.Removed },
	"user_decision.taken":    func(into *Form, from Form) { into.UserDecision = from.UserDecision },
	"user_decision.details":  func(into *Form, from Form) { into.UserDecision = from.UserDecision },
	"victims":                func(into *Form, from Form) { into.Victims = slices.Concat(into.Victims, from.Victims) },
	"extra":                  func(into *Form, from Form) { into.Extra = slices.Concat(into.Extra, from.Extra) },
	"legal_basis":            func(into *Form, from Form) { into.LegalBasis = from.LegalBasis },
}

func union(all, more []string) []string {
	for _, one := range more {
		if !slices.Contains(all, one) {
			all = append(slices.Clip(all), one)
		}
	}
	return all
}

// lines are two texts one below the other.
func lines(a, b string) string { return strings.Trim(a+"\n"+b, "\n") }

// addEvents adds uses of addresses. One that names the port of a use that was
// told without takes its place.
func addEvents(into *Form, from Form) {
	all := slices.Clone(into.Geo.IPEvents)
	for _, event := range from.Geo.IPEvents {
		at := slices.IndexFunc(all, func(e IPEvent) bool {
			return e.IP == event.IP && e.At.Equal(event.At) && (e.Port == 0 || e.Port == event.Port)
		})
		if at < 0 {
			all = append(all, event)
			continue
		}
		all[at] = event
	}
	into.Geo.IPEvents = all
}

// Askable lists the fields of a form that a reporter can be asked for: all but
// the date of issue, signature and token, which belong to the report as it was
// signed.
func Askable(form *law.ReportForm) []law.Field {
	var all []law.Field
	for _, field := range form.Fields {
		if _, can := additions[field.Key]; can {
			all = append(all, field)
		}
	}
	return all
}

// Lacking are the askable fields that would fill what a report lacks, in the
// order of the form.
func (r Report) Lacking(form *law.ReportForm) []law.Field {
	lacking := map[string]bool{}
	for _, point := range form.Completeness {
		if r.concernedBy(point) && !r.fills(point) {
			for _, key := range slices.Concat(point.All, point.Any) {
				lacking[key] = lacking[key] || !r.Form.Has(key)
			}
		}
	}
	for _, advice := range form.Advice {
		lacking[advice.Field] = lacking[advice.Field] || !r.Form.Has(advice.Field)
	}
	return slices.DeleteFunc(Askable(form), func(f law.Field) bool { return !lacking[f.Key] })
}

// CheckFields says whether fields can be asked for.
//
// Errors: Invalid when none is named, one twice, or one that nobody can be asked for.
func CheckFields(form *law.ReportForm, fields []string) error {
	if len(fields) == 0 {
		return problem.InvalidField("fields", "none is named", "choose what is asked for")
	}
	known := Askable(form)
	for i, key := range fields {
		at := fmt.Sprintf("fields[%d]", i)
		switch {
		case !slices.ContainsFunc(known, func(f law.Field) bool { return f.Key == key }):
			return problem.InvalidField(at, "is no field of the form that can be asked for", "choose one of the list")
		case slices.Index(fields, key) != i:
			return problem.InvalidField(at, "is there twice", "name each field once")
		}
	}
	return nil
}

// holds reports whether a supplement has a value for a field. That no port is
// missing says nothing where there is no use of an address.
func (s Supplement) holds(key string) bool {
	if key == "geo.ip_events.port" {
		key = "geo.ip_events"
	}
	return s.Values.Has(key)
}

// With is the report with what a supplement adds for the fields that were asked.
func (r Report) With(s Supplement, fields []string) Report {
	for _, key := range fields {
		if add, known := additions[key]; known && s.holds(key) {
			add(&r.Form, s.Values)
		}
	}
	return r
}

// NamesPerson reports whether a user or a child could be identified by it.
func (s Supplement) NamesPerson() bool { return Report{Form: s.Values}.NamesPerson() }

// Check says whether a supplement to a report answers exactly what was asked:
// each field has a value or the reason why there is none, nothing else is
// filled, and the report with it is valid.
//
// Errors: Invalid with the field.
func (s Supplement) Check(r Report, form *law.ReportForm, fields []string) error {
	for i, n := range s.NotHeld {
		at := fmt.Sprintf("not_held[%d]", i)
		switch {
		case !slices.Contains(fields, n.Field):
			return problem.InvalidField(at+".field", "was not asked for", "answer what was asked")
		case slices.IndexFunc(s.NotHeld, func(o NotHeld) bool { return o.Field == n.Field }) != i:
			return problem.InvalidField(at+".field", "is there twice", "name each field once")
		case strings.TrimSpace(n.Reason) == "" || len(n.Reason) > maxWhy:
			return problem.InvalidField("values."+n.Field, "the reason why it is not held is missing or longer than 1000 bytes", "say in a sentence why")
		}
	}
	for _, key := range fields {
		without := slices.ContainsFunc(s.NotHeld, func(n NotHeld) bool { return n.Field == key })
		if without == s.holds(key) {
			return problem.InvalidField("values."+key, "has neither a value nor a reason why it is not held, or both", "give the one or the other")
		}
	}
	for _, entries := range [][]Entry{s.Values.Content, s.Values.OtherData, s.Values.Extra} {
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Item != "" }) {
			return problem.InvalidField("values", "an answer names no file", "report the file: a person decides about it first")
		}
	}
	asked, err := strictjson.Encode(Report{}.With(s, fields).Form)
	if err != nil {
		return fmt.Errorf("writing what was asked: %w", err)
	}
	all, err := strictjson.Encode(s.Values)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	if !bytes.Equal(asked, all) {
		return problem.InvalidField("values", "something is filled that was not asked for", "answer what was asked")
	}
	if found := r.With(s, fields).Validate(form); len(found) > 0 {
		return found[0]
	}
	return nil
}
