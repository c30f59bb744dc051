package report

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// The caps keep one report from filling a node; they are far above what a
// person can read.
const (
	maxEntries  = 2_000
	maxIPEvents = 10_000
	maxPersons  = 1_000
	maxFiles    = 10_000
	maxLine     = 1_000
	maxText     = 64 << 10
)

var (
	zoneOffset = regexp.MustCompile(`^(Z|UTC|[+-](0[0-9]|1[0-4]):[0-5][0-9])$`)
	zoneName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2}$`)
)

// IsContentAddress reports whether text is a SHA-256 in small hex digits.
func IsContentAddress(text string) bool { return problem.IsContentAddress(text) }

// ValidZone reports whether text is written like an offset or a zone name. It
// does not look the name up: the list of zones changes and is not ours.
func ValidZone(text string) bool {
	return len(text) <= 64 && (zoneOffset.MatchString(text) || zoneName.MatchString(text))
}

// findings collects problems under the path of their field.
type findings struct{ problem.Findings }

func (f *findings) count(field string, have, limit int) {
	if have > limit {
		f.Add(field, fmt.Sprintf("has %d entries, more than the %d allowed", have, limit), "send several reports as a batch")
	}
}

// Validate checks every value against the form and returns all problems found,
// each with its field path. An incomplete report is valid: what is missing is
// the matter of [Report.Completeness]. form must be of the report's profile.
func (r Report) Validate(form *law.ReportForm) []*problem.Error {
	var f findings
	if r.Profile != form.Ref() {
		f.Add("profile", fmt.Sprintf("is %s but is checked against %s", r.Profile, form.Ref()), "use the version that the report began under")
	}
	if r.ID == "" {
		f.Add("id", "is missing", "")
	}
	f.Text("id", r.ID, 200)
	f.form(r.Form, form)
	f.control(r.Control)
	return f.Findings
}

func (f *findings) form(v Form, form *law.ReportForm) {
	f.Text("form.provider.name", v.Provider.Name, maxLine)
	f.Text("form.provider.legal_rep", v.Provider.LegalRep, maxLine)
	f.Text("form.provider.contact_point", v.Provider.ContactPoint, maxLine)
	f.Text("form.provider.contact_info", v.Provider.ContactInfo, maxLine)
	seen := map[string]bool{}
	for index, key := range v.Types {
		field := fmt.Sprintf("form.types[%d]", index)
		switch {
		case !form.HasType(key):
			f.Add(field, fmt.Sprintf("%q is not a type of the form", key), "use one of: "+keys(form.Types))
		case seen[key]:
			f.Add(field, fmt.Sprintf("%q is there twice", key), "")
		}
		seen[key] = true
	}
	f.entries("form.content", v.Content)
	f.entries("form.other_data", v.OtherData)
	f.entries("form.extra", v.Extra)
	f.count("form.geo.ip_events", len(v.Geo.IPEvents), maxIPEvents)
	for index, event := range v.Geo.IPEvents {
		for _, found := range event.Validate() {
			f.Add(fmt.Sprintf("form.geo.ip_events[%d].%s", index, found.Field), found.Reason, found.Remedy)
		}
	}
	f.Text("form.geo.other", v.Geo.Other, maxText)
	f.persons("form.users", v.Users)
	f.persons("form.victims", v.Victims)
	if v.Service.Type != "" && !form.HasService(v.Service.Type) {
		f.Add("form.service.type", fmt.Sprintf("%q is not a service of the form", v.Service.Type), "use one of: "+keys(form.Services))
	}
	f.Text("form.service.info", v.Service.Info, maxText)
	f.Text("form.service.url", v.Service.URL, 4*maxLine)
	if _, err := url.Parse(v.Service.URL); err != nil {
		f.Add("form.service.url", "is not a URL", "")
	}
	if v.Awareness.Channel != "" && !form.HasAwareness(v.Awareness.Channel) {
		f.Add("form.awareness.channel", fmt.Sprintf("%q is not a channel of the form", v.Awareness.Channel), "use one of: "+keys(form.Awareness)+"; what became known only through a removal order is not reported ("+form.Scope.Article+")")
	}
	f.Text("form.awareness.details", v.Awareness.Details, maxText)
	f.Text("form.third_country.name", v.ThirdCountry.Name, maxLine)
	f.Text("form.third_country.ref", v.ThirdCountry.Ref, maxLine)
	if v.ThirdCountry.Reported == nil || !*v.ThirdCountry.Reported {
		if v.ThirdCountry.Name != "" || v.ThirdCountry.Ref != "" {
			f.Add("form.third_country", "names an authority although the answer is not yes", "answer yes or remove the name")
		}
	}
	if (v.UserDecision.Taken == nil || !*v.UserDecision.Taken) && v.UserDecision.Details != "" {
		f.Add("form.user_decision", "describes a decision although the answer is not yes", "answer yes or remove the details")
	}
	f.Text("form.user_decision.details", v.UserDecision.Details, maxText)
	f.Text("form.timestamp_token", v.TimestampToken, maxText)
	f.Text("form.signature.key_id", v.Signature.KeyID, maxLine)
	f.Text("form.signature.method", v.Signature.Method, maxLine)
	f.Text("form.legal_basis", v.LegalBasis, maxLine)
	f.Moment("form.issued_at", v.IssuedAt)
}

func (f *findings) entries(field string, entries []Entry) {
	f.count(field, len(entries), maxEntries)
	for index, entry := range entries {
		at := fmt.Sprintf("%s[%d]", field, index)
		switch entry.Nature {
		case Fact, Assessment, MachineOutput:
		default:
			f.Add(at+".nature", fmt.Sprintf("%q is not known", entry.Nature), "use fact, assessment or machine-output")
		}
		if entry.Name == "" {
			f.Add(at+".name", "is missing", "say in a few words what it is")
		}
		f.Text(at+".name", entry.Name, maxLine)
		f.Text(at+".text", entry.Text, maxText)
		f.Moment(at+".at", entry.At)
		if entry.TZ != "" && !ValidZone(entry.TZ) {
			f.Add(at+".tz", fmt.Sprintf("%q is not a time zone", entry.TZ), zoneRemedy)
		}
		if entry.Item != "" && !IsContentAddress(entry.Item) {
			f.Add(at+".item", "is not a content address", "give the SHA-256 of the file in 64 small hex digits")
		}
		if entry.Item == "" && entry.Text == "" {
			f.Add(at, "has neither text nor file", "")
		}
	}
}

const zoneRemedy = "write an offset such as +02:00 or a name such as Europe/Prague"

// Validate checks one use of an address; fields are named relative to it.
func (e IPEvent) Validate() []*problem.Error {
	var f findings
	if _, err := netip.ParseAddr(e.IP); err != nil {
		f.Add("ip", "is not an IP address", "write it like 192.0.2.7 or 2001:db8::7, without port")
	}
	if e.Port < 0 || e.Port > 65535 {
		f.Add("port", fmt.Sprintf("%d is not a port", e.Port), "use 1 to 65535, or leave it out if it is not known")
	}
	if e.TZ != "" && !ValidZone(e.TZ) {
		f.Add("tz", fmt.Sprintf("%q is not a time zone", e.TZ), zoneRemedy)
	}
	f.Moment("at", e.At)
	return f.Findings
}

func (f *findings) persons(field string, persons []Person) {
	f.count(field, len(persons), maxPersons)
	for index, person := range persons {
		at := fmt.Sprintf("%s[%d]", field, index)
		for _, found := range person.Validate() {
			f.Add(strings.TrimSuffix(at+"."+found.Field, "."), found.Reason, found.Remedy)
		}
	}
}

// Validate checks one person; fields are named relative to it.
func (p Person) Validate() []*problem.Error {
	var f findings
	if !p.Identifies() {
		f.Add("", "identifies nobody", "remove the empty entry")
	}
	f.Text("username", p.Username, maxLine)
	f.Text("phone", p.Phone, maxLine)
	f.email("email", p.Email)
	f.Text("other.mailing", p.Other.Mailing, maxText)
	f.Text("other.profile", p.Other.Profile, maxText)
	f.Text("other.billing", p.Other.Billing, maxText)
	f.Text("other.uid", p.Other.UID, maxLine)
	f.count("other.emails", len(p.Other.Emails), maxPersons)
	f.count("other.phones", len(p.Other.Phones), maxPersons)
	for index, address := range p.Other.Emails {
		f.email(fmt.Sprintf("other.emails[%d]", index), address)
	}
	for index, number := range p.Other.Phones {
		f.Text(fmt.Sprintf("other.phones[%d]", index), number, maxLine)
	}
	f.Moment("other.last_login", p.Other.LastLogin)
	return f.Findings
}

// email accepts whatever has one part before and one after an @: what the
// service holds is reported as it is, not as a stricter grammar wants it.
func (f *findings) email(field, address string) {
	f.Text(field, address, maxLine)
	if address == "" {
		return
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 || strings.ContainsAny(address, "\r\n\x00") {
		f.Add(field, "is not an email address", "write it like name@example.org")
	}
}

func (f *findings) control(c Control) {
	f.Text("control.client_ref", c.ClientRef, 200)
	f.count("control.files", len(c.Files), maxFiles)
	seen := map[string]bool{}
	for index, file := range c.Files {
		at := fmt.Sprintf("control.files[%d]", index)
		switch {
		case !IsContentAddress(file.Item):
			f.Add(at+".item", "is not a content address", "give the SHA-256 of the file in 64 small hex digits")
		case seen[file.Item]:
			f.Add(at+".item", "is there twice", "")
		}
		seen[file.Item] = true
		if file.ViewedByHuman != (file.ViewEvent != "") {
			f.Add(at+".viewed_by_human", "does not agree with view_event", "say true only with the log entry of a person's view of this very file")
		}
		if len(file.Labels) > 0 && file.Scheme.IsZero() {
			f.Add(at+".scheme", "is missing although labels are given", "name the labelling scheme as id@version")
		}
		f.count(at+".hashes", len(file.Hashes), 32)
		f.count(at+".labels", len(file.Labels), 100)
		f.count(at+".classes", len(file.Classes), 100)
		f.Text(at+".hash_list_source", file.HashListSource, maxLine)
		f.Text(at+".view_event", file.ViewEvent, 200)
	}
}

func keys(choices []law.Choice) string {
	names := make([]string, len(choices))
	for index, choice := range choices {
		names[index] = choice.Key
	}
	return strings.Join(names, ", ")
}
