package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	shipped "github.com/brdoproject/brdo/law"
)

var update = flag.Bool("update", false, "write the golden files anew")

func annexIII(t testing.TB) *law.ReportForm {
	t.Helper()
	library, err := law.Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	form, err := library.LatestReportForm("csar/com-2022-209")
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func answer(yes bool) *bool { return &yes }

const landscape = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// full is a complete report about a benign landscape.
func full() Report {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 3600))
	return Report{
		ID: "report/17", Profile: law.Ref{ID: "csar/com-2022-209", Version: 1},
		Form: Form{
			Provider:  Provider{Name: "Example Hosting", LegalRep: "Example Representative", ContactPoint: "contact@provider.example", ContactInfo: "1 Example Street, Exampleton"},
			Urgent:    answer(false),
			Types:     []string{"known"},
			Content:   []Entry{{Nature: Fact, Name: "landscape 17", Item: landscape}, {Nature: Fact, Name: "message 17", Text: "message 17"}},
			OtherData: []Entry{{Nature: Fact, Name: "upload time", Text: "2026-11-20 09:15:00", At: at.AddDate(0, 0, -3), TZ: "Europe/Prague"}, {Nature: MachineOutput, Name: "score", Text: "0.93"}},
			Geo:       Geo{IPEvents: []IPEvent{{IP: "192.0.2.7", Port: 40217, At: at.AddDate(0, 0, -3), TZ: "+01:00"}, {IP: "2001:db8::7", Port: 51000, At: at.AddDate(0, 0, -2), TZ: "Z"}}, Other: "postal code 00000"},
			Users: []Person{{Username: "user-17", Email: "user17@mail.example", Phone: "+000 000 017", Other: PersonOther{Mailing: "2 Example Street", Profile: "likes landscapes & <hills>", Emails: []string{"second17@mail.example"},
				Phones: []string{"+000 000 018"}, Billing: "invoice 17", LastLogin: at, UID: "u-17"}}},
			Service:      Service{Type: "hosting", Info: "picture store", URL: "https://pictures.example/17"},
			Awareness:    Awareness{Channel: "own_motion", Details: "match with the list demo-list"},
			ThirdCountry: ThirdCountry{Reported: answer(true), Name: "Example Authority", Ref: "EX-17"},
			Removed:      answer(true),
			UserDecision: UserDecision{Taken: answer(true), Details: "account suspended"},
			Victims:      []Person{{Username: "demo-17"}},
			Extra:        []Entry{{Nature: Assessment, Name: "remark", Text: "demonstration"}},
			IssuedAt:     at, TimestampToken: "demo-token", Signature: Signature{KeyID: "demo-key", Method: "detached-jws"},
			LegalBasis: "Regulation laying down rules to prevent and combat child sexual abuse, COM(2022) 209, Article 12",
		},
		Control: Control{ClientRef: "ref-17", Files: []File{{Item: landscape, Hashes: map[string]string{"sha1": "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "md5": "098f6bcd4621d373cade4e832627b4f6"}, ViewedByHuman: true, ViewEvent: "event/170",
			HashListSource: "demo-list, exact match", Scheme: law.Ref{ID: "demo-landscapes", Version: 1}, Labels: map[string]string{"same-picture": "yes", "picture": "landscape"},
			Classes: []law.Class{{Mapping: law.Ref{ID: "demo-training-match", Version: 1}, Class: "yes", Because: "it is the same picture as the list entry", Article: "our own rule"}}}}, Batch: true, Meme: true},
	}
}

// minimal is the least that is valid.
func minimal() Report {
	return Report{ID: "report/1", Profile: law.Ref{ID: "csar/com-2022-209", Version: 1}}
}

func TestGolden(t *testing.T) {
	form := annexIII(t)
	for name, report := range map[string]Report{"full": full(), "minimal": minimal()} {
		t.Run(name, func(t *testing.T) {
			if problems := report.Validate(form); len(problems) > 0 {
				t.Fatalf("the example is not valid: %v", problems)
			}
			got, err := report.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			// Signatures of kept reports would break on other bytes.
			golden(t, name+".json", string(got))
			back, err := Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			again, err := back.Marshal()
			if err != nil || !bytes.Equal(got, again) {
				t.Fatalf("read and written again it differs: %s, %v", again, err)
			}
		})
	}
}

func TestFullReportFillsEveryField(t *testing.T) {
	report, form := full(), annexIII(t)
	for _, field := range form.Fields {
		if !report.Form.Knows(field.Key) {
			t.Errorf("the form has the key %q, which the report does not know", field.Key)
		}
		if !report.Form.Has(field.Key) {
			t.Errorf("the full example does not fill %q", field.Key)
		}
	}
	if len(form.Fields) != len(presence) {
		t.Errorf("the report knows %d keys, the form %d", len(presence), len(form.Fields))
	}
}

func TestCompleteness(t *testing.T) {
	form := annexIII(t)
	whole := full().Completeness(form)
	if whole.Score != 100 || whole.Missing != nil || whole.Warnings != nil {
		t.Fatalf("full: %+v", whole)
	}
	cases := []struct {
		article string
		empty   func(*Form)
	}{
		{"Article 13(1)(a)", func(f *Form) { f.Provider = Provider{ContactPoint: "x"} }},
		{"Article 13(1)(b)", func(f *Form) { f.Signature = Signature{} }},
		{"Article 13(1)(b)", func(f *Form) { f.IssuedAt = time.Time{} }},
		{"Article 13(1)(c)", func(f *Form) { f.Content = nil }},
		{"Article 13(1)(d)", func(f *Form) { f.OtherData = nil }},
		{"Article 13(1)(e)", func(f *Form) { f.Types = nil }},
		{"Article 13(1)(f)", func(f *Form) { f.Geo = Geo{} }},
		{"Article 13(1)(g)", func(f *Form) { f.Users = nil }},
		{"Article 13(1)(h)", func(f *Form) { f.ThirdCountry = ThirdCountry{} }},
		{"Article 13(1)(h)", func(f *Form) { f.ThirdCountry.Name = "" }},
		{"Article 13(1)(i)", func(f *Form) { f.Removed = nil }},
		{"Article 13(1)(j)", func(f *Form) { f.Urgent = nil }},
		{"Article 13(1)(k)", func(f *Form) { f.LegalBasis = "" }},
	}
	for _, c := range cases {
		report := full()
		c.empty(&report.Form)
		got := report.Completeness(form)
		if got.Score != 90 || len(got.Missing) != 1 || got.Missing[0].Article != c.article || got.Missing[0].Remedy == "" {
			t.Errorf("without %s: %+v", c.article, got)
		}
	}
	if got := minimal().Completeness(form); got.Score != 0 || len(got.Missing) != 11 {
		t.Errorf("minimal: %d, %d missing", got.Score, len(got.Missing))
	}
	solicitation := full()
	solicitation.Form.Types, solicitation.Form.Removed = []string{"solicitation"}, nil
	if got := solicitation.Completeness(form); got.Score != 100 {
		t.Errorf("13(1)(i) concerns dissemination only: %+v", got)
	}
	noPort := full()
	noPort.Form.Geo.IPEvents[1].Port = 0
	if got := noPort.Completeness(form); got.Score != 100 || len(got.Warnings) != 1 || got.Warnings[0].Field != "geo.ip_events.port" {
		t.Errorf("without port: %+v", got)
	}
	urgent := full()
	urgent.Form.Urgent = answer(true)
	if !reflect.DeepEqual(urgent.Completeness(form), whole) {
		t.Error("urgency changed the quality")
	}
}

func TestValidateNamesTheField(t *testing.T) {
	form := annexIII(t)
	cases := []struct {
		field string
		spoil func(*Report)
	}{
		{"profile", func(r *Report) { r.Profile.Version = 2 }},
		{"id", func(r *Report) { r.ID = "" }},
		{"form.types[0]", func(r *Report) { r.Form.Types[0] = "other" }},
		{"form.types[1]", func(r *Report) { r.Form.Types = []string{"known", "known"} }},
		{"form.geo.ip_events[0].ip", func(r *Report) { r.Form.Geo.IPEvents[0].IP = "192.0.2.7:80" }},
		{"form.geo.ip_events[1].port", func(r *Report) { r.Form.Geo.IPEvents[1].Port = 65536 }},
		{"form.geo.ip_events[1].port", func(r *Report) { r.Form.Geo.IPEvents[1].Port = -1 }},
		{"form.geo.ip_events[0].tz", func(r *Report) { r.Form.Geo.IPEvents[0].TZ = "local time" }},
		{"form.geo.ip_events[0].at", func(r *Report) { r.Form.Geo.IPEvents[0].At = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"form.users[0].email", func(r *Report) { r.Form.Users[0].Email = "nobody" }},
		{"form.users[0].other.emails[0]", func(r *Report) { r.Form.Users[0].Other.Emails[0] = "@x" }},
		{"form.victims[0]", func(r *Report) { r.Form.Victims[0] = Person{} }},
		{"form.service.type", func(r *Report) { r.Form.Service.Type = "both" }},
		{"form.service.url", func(r *Report) { r.Form.Service.URL = "https://[" }},
		{"form.awareness.channel", func(r *Report) { r.Form.Awareness.Channel = "removal_order" }},
		{"form.third_country", func(r *Report) { r.Form.ThirdCountry.Reported = answer(false) }},
		{"form.user_decision", func(r *Report) { r.Form.UserDecision.Taken = nil }},
		{"form.content[0].item", func(r *Report) { r.Form.Content[0].Item = strings.ToUpper(landscape) }},
		{"form.content[1]", func(r *Report) { r.Form.Content[1].Text = "" }},
		{"form.other_data[0].nature", func(r *Report) { r.Form.OtherData[0].Nature = "guess" }},
		{"form.other_data[0].tz", func(r *Report) { r.Form.OtherData[0].TZ = "+25:00" }},
		{"form.extra[0].name", func(r *Report) { r.Form.Extra[0].Name = "" }},
		{"form.extra[0].text", func(r *Report) { r.Form.Extra[0].Text = strings.Repeat("a", maxText+1) }},
		{"form.users", func(r *Report) { r.Form.Users = slicesOf(r.Form.Users[0], maxPersons+1) }},
		{"control.files[0].item", func(r *Report) { r.Control.Files[0].Item = "../x" }},
		{"control.files[0].viewed_by_human", func(r *Report) { r.Control.Files[0].ViewEvent = "" }},
		{"control.files[0].viewed_by_human", func(r *Report) { r.Control.Files[0].ViewedByHuman = false }},
		{"control.files[0].scheme", func(r *Report) { r.Control.Files[0].Scheme = law.Ref{} }},
	}
	for _, c := range cases {
		report := full()
		c.spoil(&report)
		problems := report.Validate(form)
		if len(problems) != 1 || problems[0].Field != c.field || problems[0].Kind != problem.Invalid || problems[0].Reason == "" {
			t.Errorf("%s: got %v", c.field, problems)
		}
	}
}

func slicesOf(person Person, count int) []Person {
	persons := make([]Person, count)
	for index := range persons {
		persons[index] = person
	}
	return persons
}

func TestZones(t *testing.T) {
	for text, want := range map[string]bool{"Z": true, "UTC": true, "+02:00": true, "-11:30": true, "Europe/Prague": true, "America/Argentina/Ushuaia": true, "Etc/GMT+5": true,
		"": false, "+2": false, "+15:00": false, "Europe/": false, "Europe/../../etc/passwd": false, "CET ": false, "/etc/localtime": false} {
		if ValidZone(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestNamesPerson(t *testing.T) {
	report := full()
	if !report.NamesPerson() {
		t.Error("a report with users names nobody")
	}
	report.Form.Users = nil
	if !report.NamesPerson() {
		t.Error("a report with a victim names nobody")
	}
	report.Form.Victims = nil
	if report.NamesPerson() {
		t.Error("a report without people names somebody")
	}
	report.Form.Users = []Person{{Other: PersonOther{LastLogin: time.Now()}}}
	if report.NamesPerson() {
		t.Error("a date of login identifies nobody")
	}
}

func TestOutgoingSendsOnlyWhatTheRecipientMayGet(t *testing.T) {
	report, form := full(), annexIII(t)
	out, left, err := report.Outgoing(form, "centre")
	if err != nil || !reflect.DeepEqual(left, []string{"control.client_ref"}) {
		t.Fatalf("left %v, %v", left, err)
	}
	if out.Control.ClientRef != "" || len(out.Control.Files) != 1 || !reflect.DeepEqual(out.Form, report.Form) {
		t.Fatalf("centre gets %+v", out.Control)
	}
	out, left, err = report.Outgoing(form, "authority")
	if err != nil || len(left) != 3 || out.Control.Meme || out.Control.Batch {
		t.Fatalf("authority gets %+v, left %v, %v", out.Control, left, err)
	}
	if _, _, err := report.Outgoing(form, "press"); !problem.Is(err, problem.Denied) {
		t.Fatalf("an unknown recipient: %v", err)
	}
}

func TestParseIsStrict(t *testing.T) {
	good, err := full().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ old, replacement, field string }{
		{`"urgent":false`, `"Urgent":false`, "form.Urgent"},
		{`"urgent":false`, `"urgent":false,"urgent":true`, "form.urgent"},
		{`"port":40217`, `"port":"40217"`, "form.geo.ip_events.port"},
		{`"username":"user-17"`, `"user":"user-17"`, "form.users[0].user"},
		{`"csar/com-2022-209@1"`, `"csar/com-2022-209"`, ""},
	}
	for _, c := range cases {
		if !bytes.Contains(good, []byte(c.old)) {
			t.Fatalf("no %s", c.old)
		}
		_, err := Parse(bytes.Replace(good, []byte(c.old), []byte(c.replacement), 1))
		if !problem.Is(err, problem.Invalid) || problem.From(err).Field != c.field {
			t.Errorf("%s: %v", c.replacement, err)
		}
	}
	if _, err := Parse(append(good, bytes.Repeat([]byte(" "), MaxBytes)...)); !problem.Is(err, problem.Invalid) {
		t.Errorf("too large: %v", err)
	}
}

// TestMarshalIsStable: what is read and written again has the same bytes, for
// any text and however the maps are filled.
func TestMarshalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		report := full()
		report.Form.Geo.Other = rapid.String().Draw(t, "text")
		report.Control.Files[0].Labels = rapid.MapOf(rapid.StringMatching(`[a-z]{1,5}`), rapid.StringMatching(`[a-z]{1,5}`)).Draw(t, "labels")
		report.Form.Geo.IPEvents[0].Port = rapid.IntRange(0, 65535).Draw(t, "port")
		if rapid.Bool().Draw(t, "unanswered") {
			report.Form.Urgent = nil
		}
		first, err := report.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := back.Marshal()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s: %v", first, second, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"full", "minimal"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	form := annexIII(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := Parse(data)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		report.Completeness(form)
		if len(report.Validate(form)) > 0 {
			return
		}
		first, err := report.Marshal()
		if err != nil {
			t.Fatalf("a valid report cannot be written: %v", err)
		}
		back, err := Parse(first)
		if err != nil || !json.Valid(first) {
			t.Fatalf("a written report cannot be read: %v", err)
		}
		if second, err := back.Marshal(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s", first, second)
		}
	})
}

// TestASkeletonLeadsToNobody holds what is left of a whole report against the
// exact bytes that may be left.
func TestASkeletonLeadsToNobody(t *testing.T) {
	text, err := full().Skeleton().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"report/17","profile":"csar/com-2022-209@1","form":{"provider":{"name":"Example Hosting"},"urgent":false,"types":["known"],` +
		`"service":{"type":"hosting"},"issued_at":"2026-11-23T10:00:00+01:00"},"control":{"files":[{"item":"` + landscape + `","viewed_by_human":false}]}}`
	if got := strings.TrimSpace(string(text)); got != want {
		t.Errorf("left is\n%s\nwant\n%s", got, want)
	}
	if left, err := Parse(text); err != nil || len(left.Validate(annexIII(t))) > 0 {
		t.Errorf("what is left is no report: %v", err)
	}
}
