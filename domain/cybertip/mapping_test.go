package cybertip

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	profiles "github.com/brdoproject/brdo/law"
)

var update = flag.Bool("update", false, "write the golden files anew")

// profilesOf are the form and the rules that are shipped.
func profilesOf(t testing.TB) (*law.ReportForm, *law.CyberTip) {
	t.Helper()
	library, err := law.Load(profiles.Files)
	if err != nil {
		t.Fatal(err)
	}
	form, err := library.LatestReportForm("csar/com-2022-209")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := library.CyberTip(law.Ref{ID: "cybertip/ispws", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	return form, rules
}

var (
	reporter = Reporter{
		Reporting: Person{FirstName: "Dana", LastName: "Example", Email: []string{"reports@provider.example"}}, Contact: &Person{LastName: "Contact", Phone: []string{"+1 555 0100"}},
		CompanyTemplate: "Example provider", LegalURL: "https://provider.example/law",
	}
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	there = time.FixedZone("", 2*60*60)
	itemA = strings.Repeat("a1", 32)
	itemB = strings.Repeat("b2", 32)
)

func yes() *bool { return new(true) }

// picture is a report about one upload to a hosting service by one user.
func picture() report.Report {
	return report.Report{ID: "report/1", Form: report.Form{
		Provider: report.Provider{Name: "Example provider", ContactInfo: "1 Lake Road"}, Urgent: yes(), Types: []string{"known"},
		Content: []report.Entry{{Nature: report.Fact, Name: "file", Item: itemA}},
		OtherData: []report.Entry{
			{Nature: report.Fact, Name: report.UploadTime, Text: "received from source uploads", At: noon, TZ: "Z"}, {Nature: report.Fact, Name: report.FileName, Text: "lake <1> & hill.png"},
			{Nature: report.MachineOutput, Name: "list match", Text: "the same file as an entry"},
		},
		Geo:   report.Geo{IPEvents: []report.IPEvent{{IP: "192.0.2.7", Port: 4711, At: noon.In(there), TZ: "Europe/Prague"}}, Other: "postal code 1000"},
		Users: []report.Person{{Username: "user1", Email: "user1@example.org", Other: report.PersonOther{Mailing: "2 Hill Road", Emails: []string{"other@example.org"}, Profile: "https://photos.example/user1", UID: "17", Billing: "card", LastLogin: noon}}},
		Service: report.Service{
			Type: "hosting", Info: "photo sharing", URL: "https://photos.example/p/1",
		},
		Awareness: report.Awareness{Channel: "own_motion", Details: "measures of source uploads"}, ThirdCountry: report.ThirdCountry{Reported: new(false)}, Removed: yes(),
		UserDecision: report.UserDecision{Taken: yes(), Details: "the account was closed"}, Extra: []report.Entry{{Nature: report.Assessment, Name: "note of the reviewer", Text: "message 17"}},
		IssuedAt: noon, Signature: report.Signature{KeyID: "node/1", Method: "JWS"}, LegalBasis: "the Regulation",
	}, Control: report.Control{
		ClientRef: "upload-1",
		Files: []report.File{{
			Item: itemA, Hashes: map[string]string{"md5": strings.Repeat("0c", 16), "sha1": strings.Repeat("0d", 20), "pdq": strings.Repeat("0e", 32)}, ViewedByHuman: true, ViewEvent: "exposure/1",
			HashListSource: "patterns (SHA-256)", Scheme: law.Ref{ID: "demo-landscapes", Version: 1}, Labels: map[string]string{"picture": "landscape", "same-picture": "yes"},
			Classes: []law.Class{{Mapping: law.Ref{ID: "industry", Version: 1}, Class: "B2"}, {Mapping: law.Ref{ID: "demo-training-match", Version: 1}, Class: "yes"}},
		}},
		CyberTip: &report.CyberTip{Incident: "misleading-domain-name", Escalate: "the ferry leaves at noon", Account: report.Permanently},
	}}
}

// messages is one about a service for messages, with several of everything, and nothing that a
// person wrote about urgency or accounts.
func messages() report.Report {
	r := picture()
	r.Form.Service.Type, r.Form.Types = "interpersonal-communications", []string{"known", "new"}
	r.Form.Content = []report.Entry{{Nature: report.Fact, Name: "message 17", Text: "look at the lake", At: noon, TZ: "Europe/Prague"}, {Nature: report.Fact, Name: "file", Item: itemA}, {Nature: report.Fact, Name: "file", Item: itemB}}
	r.Form.Users = append(r.Form.Users, report.Person{Phone: "+386 1 555 0100", Other: report.PersonOther{Phones: []string{"+386 1 555 0101"}}})
	r.Form.Victims = []report.Person{{Username: "user3", Other: report.PersonOther{UID: "18"}}, {Email: "user4@example.org"}}
	r.Form.Geo.IPEvents = append(r.Form.Geo.IPEvents, report.IPEvent{IP: "2001:db8::7"})
	r.Form.ThirdCountry = report.ThirdCountry{Reported: yes(), Name: "Example Authority", Ref: "42"}
	r.Control.Files = append(r.Control.Files, report.File{Item: itemB, ViewedByHuman: true}) // no view is named: it does not count
	r.Control.Batch, r.Control.Meme = true, true
	r.Control.CyberTip = &report.CyberTip{Incident: "misleading-words-or-images"}
	return r
}

// bare is what little the service takes.
func bare() report.Report {
	return report.Report{ID: "report/2", Form: report.Form{
		Service: report.Service{Type: "hosting"}, Geo: report.Geo{IPEvents: []report.IPEvent{{IP: "192.0.2.7", At: noon}}},
	}, Control: report.Control{Batch: true, CyberTip: &report.CyberTip{Incident: "misleading-domain-name"}}}
}

// TestDocuments compares the documents of each form with golden files, with what is said to
// be lost beside them.
func TestDocuments(t *testing.T) {
	form, rules := profilesOf(t)
	for name, r := range map[string]report.Report{"picture": picture(), "messages": messages(), "bare": bare()} {
		tip, moved, err := Of(r, form, rules, reporter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var text strings.Builder
		section := func(title string, lines []Line, err error) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fmt.Fprintln(&text, title)
			for _, line := range lines {
				fmt.Fprintf(&text, "  %s = %s\n", strings.Join(line.Path, "/"), strings.ReplaceAll(line.Text, "\n", "\n    "))
			}
		}
		lines, err := tip.Outline()
		section("report", lines, err)
		for _, file := range tip.Files {
			lines, err := file.Outline()
			section("file "+file.Name, lines, err)
		}
		fmt.Fprintln(&text, "without a place of its own")
		for _, m := range moved {
			fmt.Fprintf(&text, "  %s -> %s\n", m.Field, m.To)
		}
		fmt.Fprintf(&text, "documents\n%s\n", tip.Document())
		for _, file := range tip.Files {
			fmt.Fprintf(&text, "%s\n", file.Document(4564654, "b0754af7"))
		}
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text.String() != string(want) {
			t.Errorf("%s is not as it was; go test -update writes it anew:\n%s", name, text.String())
		}
	}
}

// TestEverythingGivenIsSentOrNamed: each text of a report is in its documents, or its field is
// named as one that is not sent.
func TestEverythingGivenIsSentOrNamed(t *testing.T) {
	form, rules := profilesOf(t)
	for _, r := range []report.Report{picture(), messages()} {
		tip, moved, err := Of(r, form, rules, reporter)
		if err != nil {
			t.Fatal(err)
		}
		all := tip.Report
		for _, file := range tip.Files {
			all += file.Details
		}
		home := map[string]bool{}
		for _, m := range moved {
			if m.To == "" {
				home[m.Field] = true
			}
		}
		for _, field := range []string{"provider", "issued_at", "signature", "control.client_ref", "control.files.classes"} {
			if !home[field] {
				t.Errorf("%s is not sent, and not named", field)
			}
		}
		if r.Control.CyberTip.Escalate == "" != home["urgent"] {
			t.Errorf("urgency: %v", moved)
		}
		text, err := json.Marshal(r.Form)
		if err != nil {
			t.Fatal(err)
		}
		var given any
		if err := json.Unmarshal(text, &given); err != nil {
			t.Fatal(err)
		}
		var walk func(path string, value any)
		walk = func(path string, value any) {
			switch value := value.(type) {
			case map[string]any:
				for key, one := range value {
					walk(path+"."+key, one)
				}
			case []any:
				for _, one := range value {
					walk(path, one)
				}
			case string:
				switch path {
				case ".provider.contact_info", ".provider.name", ".issued_at", ".signature.key_id", ".signature.method", // named as not sent
					".types", ".service.type", ".awareness.channel", ".content.nature", ".other_data.nature", ".extra.nature", ".content.name", ".other_data.name", // in other words
					".other_data.tz", ".content.item": // "Z" is in the time; a file is sent as such
					return
				}
				escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(value)
				if !strings.Contains(all, escaped) {
					t.Errorf("%s: %q is lost", path, value)
				}
			}
		}
		walk("", given)
	}
}

// TestWhatCannotBeSent names the field that a person has to see to.
func TestWhatCannotBeSent(t *testing.T) {
	form, rules := profilesOf(t)
	for field, change := range map[string]func(*report.Report){
		"incident":     func(r *report.Report) { r.Control.CyberTip.Incident = "known" },
		"escalate":     func(r *report.Report) { r.Form.Urgent = nil },
		"account":      func(r *report.Report) { r.Form.Users = append(r.Form.Users, report.Person{Username: "user2"}) },
		"other_data":   func(r *report.Report) { r.Form.OtherData, r.Form.Geo.IPEvents = nil, nil },
		"service.type": func(r *report.Report) { r.Form.Service.Type = "" },
	} {
		r := picture()
		change(&r)
		if _, _, err := Of(r, form, rules, reporter); problem.From(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	r := picture()
	r.Control.CyberTip = nil
	if _, _, err := Of(r, form, rules, reporter); !problem.Is(err, problem.Invalid) {
		t.Errorf("nobody chose: %v", err)
	}
}

// TestDigestBindsEveryLetter: another text has another digest, and what is parsed is what was
// written.
func TestDigestBindsEveryLetter(t *testing.T) {
	form, rules := profilesOf(t)
	seen := map[string]bool{}
	for _, r := range []report.Report{picture(), messages(), bare()} {
		tip, _, err := Of(r, form, rules, reporter)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tip.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		one, err := tip.Digest()
		two, err2 := again.Digest()
		if err != nil || err2 != nil || one != two || seen[one] {
			t.Errorf("%s, %s: %v %v", one, two, err, err2)
		}
		seen[one] = true
		if len(tip.Files) > 0 {
			again.Files[0].Details = strings.Replace(again.Files[0].Details, "true", "false", 1)
			if two, _ = again.Digest(); two == one {
				t.Error("the digest does not bind what is said of a file")
			}
		}
	}
}
