// Package cybertip holds reports to NCMEC's CyberTipline (ISPWS): how a report on the form of
// the law becomes its documents and what gets lost by that, what the service answers, and the
// life of one delivery, in which a report that may have been finished is never sent twice.
//
// Source: NCMEC's schema and documentation, as the profile law/cybertip names them.
package cybertip

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/domain/strictjson"
)

// Recipient is what a report to the CyberTipline has in place of the node id of a Centre.
const Recipient = "cybertipline"

// Name is what people and other authorities call the service.
const Name = "NCMEC CyberTipline (United States)"

// MaxBytes is the largest [Tip] that is written or read.
const MaxBytes = 4 << 20

// Tip is all that is sent but the files' content, letter by letter.
type Tip struct {
	// Report is the <report>.
	Report string `json:"report"`
	Files  []File `json:"files"`
}

// File is one file of a tip.
type File struct {
	// Item is the SHA-256 of the content, Name what the file is called when it is sent.
	Item string `json:"item"`
	Name string `json:"name"`
	// Details are the elements of <fileDetails> after reportId and fileId.
	Details string `json:"details"`
}

// Moved is a field of the report that the schema has no place of its own for.
type Moved struct {
	// Field is the key of the form, or of what the form does not have ("control.…").
	Field string
	// To is where its text goes; empty when it is not sent.
	To string
}

// toInfo is where most goes that has no place.
const toInfo = "additionalInfo"

// Marshal writes the tip, always the same bytes for the same value.
func (t Tip) Marshal() ([]byte, error) {
	text, err := strictjson.Encode(t)
	if err == nil && len(text) > MaxBytes {
		err = problem.Newf(problem.Invalid, "the documents have more than %d MiB", MaxBytes>>20)
	}
	return text, err
}

// Digest is the SHA-256 of [Tip.Marshal] in hex: what people decide on.
func (t Tip) Digest() (string, error) {
	text, err := t.Marshal()
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// Parse reads what [Tip.Marshal] wrote.
func Parse(text []byte) (t Tip, err error) { return t, strictjson.Decode(text, MaxBytes, &t) }

// Of writes a report as the CyberTipline has it, and says what has no place there. form is
// that of the report, rules those of its [report.CyberTip].
//
// Errors: Invalid, with the field that a person has to fill or change first.
func Of(r report.Report, form *law.ReportForm, rules *law.CyberTip, by Reporter) (Tip, []Moved, error) {
	if r.Control.CyberTip == nil {
		return Tip{}, nil, problem.InvalidField("incident", "nobody decided that the report goes to the CyberTipline", "choose the recipient")
	}
	if err := r.Control.CyberTip.Check(r.Form, rules); err != nil {
		return Tip{}, nil, err
	}
	w := writer{r: r, form: form, rules: rules, choice: *r.Control.CyberTip}
	if err := w.all(by); err != nil {
		return Tip{}, nil, err
	}
	text, err := write(w.out)
	if err != nil {
		return Tip{}, nil, err
	}
	tip := Tip{Report: text}
	for _, file := range r.Control.Files {
		one, err := w.file(file)
		if err != nil {
			return Tip{}, nil, err
		}
		tip.Files = append(tip.Files, one)
	}
	return tip, w.moved, nil
}

// writer makes the documents of one report.
type writer struct {
	r      report.Report
	form   *law.ReportForm
	rules  *law.CyberTip
	choice report.CyberTip
	out    document
	info   []string
	moved  []Moved
	// uploaded and name are what the report says of its files' upload.
	uploaded time.Time
	name     string
}

// notSent says of a field that it stays here.
func (w *writer) notSent(field string, filled bool) {
	if filled {
		w.moved = append(w.moved, Moved{field, ""})
	}
}

// tell puts a field that has no place of its own into the text.
func (w *writer) tell(field, text string) {
	if text == "" {
		return
	}
	w.info = append(w.info, w.wording(field)+": "+text)
	if !slices.Contains(w.moved, Moved{field, toInfo}) {
		w.moved = append(w.moved, Moved{field, toInfo})
	}
}

// wording is what the form calls a field.
func (w *writer) wording(field string) string {
	at := slices.IndexFunc(w.form.Fields, func(f law.Field) bool { return f.Key == field })
	if at < 0 {
		return field
	}
	return strings.TrimRight(w.form.Fields[at].Wording, "?:")
}

func (w *writer) all(by Reporter) error {
	f := w.r.Form
	incident, _ := w.rules.Incident(w.choice.Incident) // it was checked
	w.out = document{Summary: summary{Type: incident, Escalate: w.choice.Escalate}, Reporter: by}
	if w.r.Control.Batch && w.r.Control.Meme {
		w.out.Batched = &batched{"VIRAL_POTENTIAL_MEME"}
	} else {
		w.notSent("control.batch", w.r.Control.Batch)
	}
	w.info = []string{"Reference of the reporter: " + w.r.ID}
	w.notSent("provider", f.Provider != report.Provider{})
	w.notSent("urgent", f.Urgent != nil && *f.Urgent && w.choice.Escalate == "")
	var types []string
	for _, key := range f.Types {
		types = append(types, title(w.form.Types, key))
	}
	w.tell("types", strings.Join(types, ", "))
	if err := w.when(); err != nil {
		return err
	}
	w.entries("other_data", f.OtherData)
	if err := w.where(); err != nil {
		return err
	}
	w.people()
	w.tell("geo.other", f.Geo.Other)
	w.tell("awareness.channel", title(w.form.Awareness, f.Awareness.Channel))
	w.tell("awareness.details", f.Awareness.Details)
	w.answer("third_country.reported", f.ThirdCountry.Reported)
	w.tell("third_country.name", f.ThirdCountry.Name)
	w.tell("third_country.ref", f.ThirdCountry.Ref)
	w.answer("removed", f.Removed)
	w.answer("user_decision.taken", f.UserDecision.Taken)
	w.tell("user_decision.details", f.UserDecision.Details)
	w.entries("extra", f.Extra)
	w.tell("legal_basis", f.LegalBasis)
	w.notSent("issued_at", !f.IssuedAt.IsZero())
	w.notSent("timestamp_token", f.TimestampToken != "")
	w.notSent("signature", f.Signature != report.Signature{})
	w.notSent("control.client_ref", w.r.Control.ClientRef != "")
	w.out.Info = strings.Join(w.info, "\n")
	return nil
}

func title(choices []law.Choice, key string) string {
	at := slices.IndexFunc(choices, func(c law.Choice) bool { return c.Key == key })
	if at < 0 {
		return key
	}
	return choices[at].Title
}

func (w *writer) answer(field string, said *bool) {
	if said != nil {
		w.tell(field, map[bool]string{true: "yes", false: "no"}[*said])
	}
}

// when takes the moment of the incident from that of the upload, or of the first use of an
// address that has one.
func (w *writer) when() error {
	at, what := time.Time{}, ""
	for _, entry := range w.r.Form.OtherData {
		switch {
		case entry.Nature == report.Fact && entry.Name == report.UploadTime && !entry.At.IsZero() && w.uploaded.IsZero():
			w.uploaded, at, what = entry.At, entry.At, entry.Name
			if entry.Text != "" {
				what += ": " + entry.Text
			}
		case entry.Nature == report.Fact && entry.Name == report.FileName && w.name == "":
			w.name = entry.Text
		}
	}
	for _, event := range w.r.Form.Geo.IPEvents {
		if at.IsZero() && !event.At.IsZero() {
			at, what = event.At, "use of the address of the upload"
		}
	}
	if at.IsZero() {
		return problem.InvalidField("other_data", "nothing says when it happened, and the CyberTipline takes no report without", "give the time of the upload")
	}
	w.out.Summary.At, w.out.Summary.Description = stamp(at), what
	return nil
}

// entries tells texts that have no place; those that filled another are left out.
func (w *writer) entries(field string, all []report.Entry) {
	for _, e := range all {
		if field == "other_data" && e.Nature == report.Fact && (e.Name == report.UploadTime && e.At.Equal(w.uploaded) || e.Name == report.FileName && e.Text == w.name) {
			continue
		}
		w.tell(field, told(e))
	}
}

// told is an entry in one text: what it is, what kind of statement, and what it says.
func told(e report.Entry) string {
	text := e.Name
	if e.Nature != report.Fact {
		text += " (" + string(e.Nature) + ")"
	}
	zone := ""
	if strings.Contains(e.TZ, "/") { // an offset is in the time
		zone = e.TZ
	}
	for _, part := range []string{e.Text, stamp(e.At), zone, e.Item} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// where describes the service and the texts of the incident.
func (w *writer) where() error {
	service := w.r.Form.Service
	element, known := w.rules.Element(service.Type)
	if !known {
		return problem.InvalidField("service.type", "it is not said on which kind of service it happened, and the CyberTipline takes no report without", "give the type of the service")
	}
	var texts []string
	for _, e := range w.r.Form.Content {
		if e.Item == "" {
			texts = append(texts, told(e))
		}
	}
	if element == law.WebPage {
		page := webPage{Info: service.Info}
		if service.URL != "" {
			page.URL = []string{service.URL}
		}
		w.out.Internet = []internet{{WebPage: &page}}
		for _, text := range texts {
			w.tell("content", text)
		}
		return nil
	}
	w.out.Internet = []internet{{Chat: &chat{Client: w.r.Form.Provider.Name, Content: strings.Join(texts, "\n"), Info: service.Info}}}
	w.tell("service.url", service.URL)
	return nil
}

// people writes users and victims. The uses of addresses are those of the user when there
// is one; of several nobody said whose they are.
func (w *writer) people() {
	f := w.r.Form
	for _, user := range f.Users {
		one := reported{Person: person(user), ID: user.Other.UID, ScreenName: user.Username, Profile: user.Other.Profile, Info: w.furtherOf("users", user)}
		if len(f.Users) == 1 {
			for _, event := range f.Geo.IPEvents {
				one.IPs = append(one.IPs, w.use(event))
			}
			one.Temporarily, one.Permanently = w.choice.Account == report.Temporarily, w.choice.Account == report.Permanently
		}
		w.out.Reported = append(w.out.Reported, one)
	}
	for _, child := range f.Victims {
		one := victim{ID: child.Other.UID, ScreenName: child.Username, Profile: child.Other.Profile, Info: w.furtherOf("victims", child)}
		if p := person(child); p != nil {
			one.Person = *p
		}
		w.out.Victims = append(w.out.Victims, one)
	}
	if len(f.Users) != 1 && w.ofTheFile() == nil {
		for _, event := range f.Geo.IPEvents {
			text := event.IP
			if event.Port != 0 {
				text = fmt.Sprintf("%s, port %d", text, event.Port)
			}
			for _, part := range []string{stamp(event.At), event.TZ} {
				if part != "" {
					text += ", " + part
				}
			}
			w.tell("geo.ip_events", text)
		}
	}
}

// use is a use of an address; Annex III asks for that of the upload. The name of a zone
// has no place.
func (w *writer) use(event report.IPEvent) ipEvent {
	if strings.Contains(event.TZ, "/") {
		w.tell("geo.ip_events", event.IP+": "+event.TZ)
	}
	return ipEvent{IP: event.IP, Event: "Upload", At: stamp(event.At), Port: event.Port}
}

// ofTheFile is the one use of an address that must be that of the one file; nil when there
// are more of either.
func (w *writer) ofTheFile() *report.IPEvent {
	if len(w.r.Form.Geo.IPEvents) != 1 || len(w.r.Control.Files) != 1 {
		return nil
	}
	return &w.r.Form.Geo.IPEvents[0]
}

// person is nil when nothing of it is known.
func person(p report.Person) *Person {
	var one Person
	for _, text := range append([]string{p.Phone}, p.Other.Phones...) {
		if text != "" {
			one.Phone = append(one.Phone, text)
		}
	}
	for _, text := range append([]string{p.Email}, p.Other.Emails...) {
		if text != "" {
			one.Email = append(one.Email, text)
		}
	}
	if p.Other.Mailing != "" {
		one.Address = []address{{p.Other.Mailing}}
	}
	if one.Phone == nil && one.Email == nil && one.Address == nil {
		return nil
	}
	return &one
}

// furtherOf is what of a person has no place of its own.
func (w *writer) furtherOf(field string, p report.Person) string {
	var lines []string
	if p.Other.Billing != "" {
		lines = append(lines, "Billing: "+p.Other.Billing)
		w.moved = append(w.moved, Moved{field + ".billing", toInfo})
	}
	if !p.Other.LastLogin.IsZero() {
		lines = append(lines, "Last login: "+stamp(p.Other.LastLogin))
		w.moved = append(w.moved, Moved{field + ".last_login", toInfo})
	}
	return strings.Join(lines, "\n")
}

// ending is that of a file name, where it is an ordinary one.
var ending = regexp.MustCompile(`\.[A-Za-z0-9]{1,5}$`)

// kinds are the hashes of a whole file by the names that the service is told.
var kinds = []struct{ key, name string }{{"md5", "MD5"}, {"sha1", "SHA1"}}

// classes are the values of industryClassification.
var classes = []string{"A1", "A2", "B1", "B2"}

func (w *writer) file(f report.File) (File, error) {
	d := details{
		Name: f.Item[:min(16, len(f.Item))] + ending.FindString(w.name), OriginalName: w.name, Uploaded: stamp(w.uploaded), Relevance: "Reported",
		// Only a person's look that the log names counts: in the United States it decides
		// whether police need a warrant before they open the file.
		Viewed: f.ViewedByHuman && f.ViewEvent != "",
		Meme:   w.r.Control.Meme,
	}
	for _, kind := range kinds {
		if f.Hashes[kind.key] != "" {
			d.Hashes = append(d.Hashes, hash{kind.name, f.Hashes[kind.key]})
		}
	}
	d.Hashes = append(d.Hashes, hash{"SHA256", f.Item})
	var pairs []pair
	if f.Hashes["pdq"] != "" {
		pairs = append(pairs, pair{"PDQ", f.Hashes["pdq"]})
	}
	if f.HashListSource != "" {
		pairs = append(pairs, pair{"Hash list", f.HashListSource})
	}
	if pairs != nil {
		d.Metadata = &metadata{"HASH", pairs}
	}
	if event := w.ofTheFile(); event != nil {
		d.IP = &ipEvent{IP: event.IP, Event: "Upload", At: stamp(event.At), Port: event.Port}
	}
	kept := false
	for _, class := range f.Classes {
		if class.Mapping.ID == w.rules.Industry && slices.Contains(classes, class.Class) {
			d.Industry = class.Class
			continue
		}
		kept = true
	}
	w.notSent("control.files.classes", kept)
	if len(f.Labels) > 0 {
		var labels []string
		for key, label := range f.Labels {
			labels = append(labels, key+" = "+label)
		}
		slices.Sort(labels)
		d.Info = []string{"Recorded by people (" + f.Scheme.String() + "): " + strings.Join(labels, ", ")}
		w.moved = append(w.moved, Moved{"control.files.labels", toInfo})
	}
	text, err := write(d)
	if err != nil {
		return File{}, err
	}
	return File{Item: f.Item, Name: d.Name, Details: strings.TrimSuffix(strings.TrimPrefix(text, "<fileDetails>"), "</fileDetails>")}, nil
}
