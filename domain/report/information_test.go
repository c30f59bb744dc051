package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/law"
)

// TestWhatAUserIsTold is golden: the whole sheet of a full report.
func TestWhatAUserIsTold(t *testing.T) {
	r := full()
	r.Form.Users = r.Form.Users[:1]
	r.Form.Service = Service{Type: "hosting", Info: "Pictures", URL: "https://pictures.example/17"}
	r.Form.Awareness.Channel, r.Form.Types = "user_flag", []string{"known", "new"}
	sheet, err := r.Information(annexIII(t), Words{FollowUp: "Sent to the EU Centre.\nThe material was removed.", Redress: "District court 17, within 30 days."}).Sheet(annexIII(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(sheet.Digest) != 64 || sheet.Document != r.ID || sheet.Status != law.Verified || sheet.Language != "en" {
		t.Errorf("%+v", sheet)
	}
	var lines []string
	for _, section := range sheet.Sections {
		lines = append(lines, section.Number+" "+section.Title)
		for _, field := range section.Fields {
			lines = append(lines, field.Label+" "+strings.Join(field.Values, " / "))
		}
	}
	golden(t, "information.txt", strings.Join(lines, "\n")+"\n")
}

// TestAUserIsToldOfNobodyElse: nothing in the sheet comes from what a report says
// of people, addresses, files or victims; and with several users no address of
// material is named.
func TestAUserIsToldOfNobodyElse(t *testing.T) {
	r := full()
	r.Form.Service.URL = "https://pictures.example/17"
	person := Person{Username: "canary-1", Email: "canary-2", Phone: "canary-3", Other: PersonOther{Mailing: "canary-4", UID: "canary-5"}}
	r.Form.Users, r.Form.Victims = []Person{person, person}, []Person{person}
	r.Form.Awareness.Details, r.Form.UserDecision.Details = "canary-6", "canary-7"
	r.Form.Geo = Geo{IPEvents: []IPEvent{{IP: "canary-8"}}, Other: "canary-9"}
	r.Form.Content, r.Form.OtherData, r.Form.Extra = []Entry{{Name: "canary-10", Text: "canary-11"}}, []Entry{{Text: "canary-12"}}, []Entry{{Text: "canary-13"}}
	r.Control = Control{ClientRef: "canary-14", Files: []File{{Item: "canary-15", HashListSource: "canary-16"}}}
	r.Form.ThirdCountry.Name = "canary-17"
	for _, users := range [][]Person{{person}, {person, person}} {
		r.Form.Users = users
		information := r.Information(annexIII(t), Words{Redress: "court 17"})
		text, err := json.Marshal(information)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "canary") {
			t.Errorf("it tells of others: %s", text)
		}
		if named := slices.Contains(information.Places, r.Form.Service.URL); named != (len(users) == 1) {
			t.Errorf("%d users, and the address of the material is named: %v", len(users), named)
		}
	}
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func TestWhatFollowed(t *testing.T) {
	profile := annexIII(t)
	says, r := profile.FollowUp, full()
	for name, c := range map[string]struct {
		state     State
		takenBack bool
		removed   *bool
		want      []string
	}{
		"delivered":             {Delivered, false, nil, []string{says.Sent}},
		"not removed":           {Accepted, false, new(false), []string{says.Sent}},
		"removed":               {Accepted, false, new(true), []string{says.Sent, says.Removed}},
		"unfounded":             {Rejected, false, nil, []string{says.Sent, says.Unfounded}},
		"taken back":            {Accepted, true, nil, []string{says.Sent, says.TakenBack}},
		"unfounded, and before": {Rejected, true, new(true), []string{says.Sent, says.Unfounded, says.TakenBack, says.Removed}},
	} {
		r.Form.Removed = c.removed
		if got := strings.Split(r.FollowUp(profile, c.state, c.takenBack), "\n"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
