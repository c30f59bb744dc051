package law

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	shipped "github.com/brdoproject/brdo/law"
)

func library(t *testing.T) *Library {
	t.Helper()
	loaded, err := Load(shipped.Files)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestLoadReadsWhatIsShipped(t *testing.T) {
	loaded := library(t)
	form, err := loaded.LatestReportForm("csar/com-2022-209")
	if err != nil {
		t.Fatal(err)
	}
	if got := form.Clocks.UserNotice.Length.String(); got != "P3M" {
		t.Errorf("user notice is %s, Article 12(2) says 3 months", got)
	}
	if got := form.Clocks.HoldMax.Length.String(); got != "P18M" {
		t.Errorf("hold is %s, Article 48(7) says 18 months", got)
	}
	if got := form.Clocks.RetentionMax.Length.String(); got != "P12M" {
		t.Errorf("retention is %s, Article 22(2) says 12 months", got)
	}
	var points string
	for _, point := range form.Completeness {
		points += strings.TrimSuffix(strings.TrimPrefix(point.Article, "Article 13(1)("), ")")
	}
	if points != "abcdefghijk" {
		t.Errorf("completeness counts %q, Article 13(1) has a to k", points)
	}
	if len(form.Types) != 3 || len(form.Awareness) != 6 || len(form.Services) != 2 {
		t.Errorf("the template has 3 types, 6 channels and 2 services; got %d, %d, %d", len(form.Types), len(form.Awareness), len(form.Services))
	}
	items := map[string]bool{}
	for _, field := range form.Fields {
		items[field.Item] = true
	}
	for _, item := range []string{"S1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "S3"} {
		if !items[item] {
			t.Errorf("point %s of the template has no field", item)
		}
	}
	for _, id := range []string{"facts-2026", "demo-landscapes"} {
		if _, err := loaded.LatestScheme(id); err != nil {
			t.Error(err)
		}
	}
	if got := len(loaded.LegalBases()); got != 3 {
		t.Errorf("%d legal bases, not 3", got)
	}
	if _, err := loaded.Scheme(Ref{ID: "facts-2026", Version: 2}); !problem.Is(err, problem.NotFound) {
		t.Errorf("a version that does not exist: %v", err)
	}
}

// files returns the shipped profiles with one text replaced in one file.
func files(t *testing.T, name, old, replacement string) fstest.MapFS {
	t.Helper()
	changed := fstest.MapFS{}
	err := fs.WalkDir(shipped.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shipped.Files, path)
		if path == name {
			if !bytes.Contains(data, []byte(old)) {
				t.Fatalf("%s does not contain %q", name, old)
			}
			data = bytes.Replace(data, []byte(old), []byte(replacement), 1)
		}
		changed[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestLoadNamesFileAndKey(t *testing.T) {
	const form, facts, review, basis, reportable = "csar/com-2022-209.json", "classes/facts-2026.json", "review/standard.json", "legal-basis/interim-2021-1232.json", "classes/csar-reportable.json"
	cases := []struct{ name, file, old, replacement, field string }{
		{"unknown key", form, `"wording": "Name of the provider"`, `"wordings": "x"`, "fields[0].wordings"},
		{"clock that does not parse", form, `"P3M"`, `"3 months"`, ""},
		{"unknown kind", form, `"report-form"`, `"report"`, "kind"},
		{"version 0", form, `"version": 1`, `"version": 0`, "version"},
		{"no citation", form, `"article": "Article 13(1)(j); Annex III section 2 point 1"`, `"article": ""`, "fields[4].article"},
		{"completeness of no field", form, `"all": ["content"]`, `"all": ["contents"]`, "completeness[2]"},
		{"type of no form", form, `"only_types": ["known", "new"]`, `"only_types": ["old"]`, "completeness[8].only_types"},
		{"no cannot tell", facts, `, "cannot_tell": true`, ``, "facts[0].labels"},
		{"fact twice", facts, `"key": "depiction"`, `"key": "age"`, "facts[1].key"},
		{"rule of no label", reportable, `"2c-ii", `, `"2c-v", `, "rules[0].when.depiction"},
		{"rule of no class", reportable, `"class": "yes"`, `"class": "maybe"`, "rules[0].class"},
		{"scheme of no file", reportable, `facts-2026@1`, `facts-2027@1`, "scheme"},
		{"unverified table with rules", reportable, `"status": "verified"`, `"status": "unverified"`, "rules"},
		{"tiers out of order", review, `"name": "P1"`, `"name": "P2"`, "tiers[1].name"},
		{"signal that does not exist", review, `"all": ["urgent"]`, `"all": ["urgently"]`, "tiers[0].rules[0]"},
		{"rule that fits everything", review, `"all": ["urgent"]`, `"all": []`, "tiers[0].rules[0]"},
		{"key of no label", review, `{"depiction": "2e"}`, `{"depiction": "2f"}`, "keys.facts-2026[4].sets.depiction"},
		{"key twice", review, `"key": "2"`, `"key": "1"`, "keys.facts-2026[1].key"},
		{"full earns less than region", review, `"full": 5`, `"full": 1`, "breaks.points.full"},
		{"lock of no minutes", review, `"lock_minutes": 15`, `"lock_minutes": 0`, "breaks"},
		{"end before start", basis, `"2026-04-03T`, `"2016-04-03T`, "until"},
		{"no service", basis, `["interpersonal-communications"]`, `[]`, "services"},
		{"warnings out of order", basis, `[90, 30, 7]`, `[7, 30, 90]`, "warn_days"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(files(t, c.file, c.old, c.replacement))
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("got %v", err)
			}
			want := c.file
			if c.field != "" {
				want += ": " + c.field
			}
			if got := problem.From(err).Field; got != want {
				t.Fatalf("names %q, not %q (%v)", got, want, err)
			}
		})
	}
}

func TestLoadRefusesTheSameVersionTwice(t *testing.T) {
	twice := files(t, "classes/facts-2026.json", "x", "x")
	twice["classes/other.json"] = twice["classes/facts-2026.json"]
	_, err := Load(twice)
	if got := problem.From(err).Field; got != "classes/other.json: version" {
		t.Fatalf("got %v", err)
	}
}

func TestSeveralVersionsLiveSideBySide(t *testing.T) {
	both := files(t, "classes/facts-2026.json", "x", "x")
	second := bytes.Replace(both["classes/facts-2026.json"].Data, []byte(`"version": 1`), []byte(`"version": 2`), 1)
	both["classes/facts-2026-2.json"] = &fstest.MapFile{Data: second}
	loaded, err := Load(both)
	if err != nil {
		t.Fatal(err)
	}
	newest, err := loaded.LatestScheme("facts-2026")
	if err != nil || newest.Version != 2 {
		t.Fatalf("newest is %v, %v", newest.Ref(), err)
	}
	first, err := loaded.Scheme(Ref{"facts-2026", 1})
	if err != nil || first.Version != 1 {
		t.Fatalf("first is gone: %v", err)
	}
}

func TestLegalBasisStopsByItself(t *testing.T) {
	basis, err := library(t).LatestLegalBasis("eu/interim-2021-1232")
	if err != nil {
		t.Fatal(err)
	}
	end := basis.Until
	if got := end.Format(time.RFC3339); got != "2026-04-03T00:00:00+02:00" {
		t.Fatalf("ends at %s", got)
	}
	cases := []struct {
		name     string
		at       time.Time
		active   bool
		expired  bool
		warnings int
	}{
		{"before it began", basis.From.Add(-1), false, false, 0},
		{"at its start", basis.From, true, false, 0},
		{"a moment before 90 days", end.AddDate(0, 0, -90).Add(-1), true, false, 0},
		{"90 days", end.AddDate(0, 0, -90), true, false, 1},
		{"30 days", end.AddDate(0, 0, -30), true, false, 2},
		{"7 days", end.AddDate(0, 0, -7), true, false, 3},
		{"the last moment", end.Add(-1), true, false, 3},
		{"the end", end, false, true, 0},
	}
	for _, c := range cases {
		if basis.ActiveAt(c.at) != c.active || basis.Expired(c.at) != c.expired || len(basis.Warnings(c.at)) != c.warnings {
			t.Errorf("%s: active %v, expired %v, warnings %v", c.name, basis.ActiveAt(c.at), basis.Expired(c.at), basis.Warnings(c.at))
		}
	}
	if err := basis.Check("interpersonal-communications", end); !problem.Is(err, problem.Expired) {
		t.Errorf("at the end: %v", err)
	}
	if err := basis.Check("hosting", end.Add(-1)); !problem.Is(err, problem.Denied) {
		t.Errorf("a service that it does not cover: %v", err)
	}
	if err := basis.Check("interpersonal-communications", end.Add(-1)); err != nil {
		t.Error(err)
	}
	endless, err := library(t).LatestLegalBasis("demo/benign-pictures")
	if err != nil || !endless.ActiveAt(end.AddDate(100, 0, 0)) || endless.Warnings(end) != nil {
		t.Errorf("without an end: %v", err)
	}
}

func TestDeriveReportable(t *testing.T) {
	table, err := library(t).Mapping(Ref{"csar-reportable", 1})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ depiction, solicitation, class string }{
		{"2c-i", "no", "yes"}, {"2c-ii", "no", "yes"}, {"2c-iii", "no", "yes"}, {"2c-iv", "no", "yes"}, {"2e", "no", "yes"},
		{"none", "yes", "yes"}, {"none", "no", "no"}, {"cannot-tell", "yes", "yes"},
		{"cannot-tell", "no", Undetermined}, {"none", "cannot-tell", Undetermined}, {"none", "", Undetermined}, {"", "", Undetermined},
	}
	for _, c := range cases {
		got := table.Derive(map[string]string{"depiction": c.depiction, "solicitation": c.solicitation})
		if got.Class != c.class || got.Because == "" || got.Mapping != table.Ref() {
			t.Errorf("%+v gave %+v", c, got)
		}
	}
}

func TestUnverifiedTablesDeriveNothing(t *testing.T) {
	for _, table := range library(t).MappingsOf(Ref{"facts-2026", 1}) {
		if table.Status != Unverified {
			continue
		}
		table := *table
		table.Rules = []MapRule{{When: map[string][]string{"age": {"adult"}}, Class: "yes"}}
		if got := table.Derive(map[string]string{"age": "adult"}); got.Class != Undetermined {
			t.Errorf("%s derived %q", table.ID, got.Class)
		}
	}
}

func TestReviewPlaces(t *testing.T) {
	review, err := library(t).LatestReview("review/standard")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		signals []Signal
		tier    string
	}{
		{[]Signal{SignalUrgent, SignalKnown, SignalViral}, "P0"},
		{[]Signal{SignalLive}, "P0"},
		{[]Signal{SignalUnknown}, "P1"},
		{[]Signal{SignalUnknown, SignalSolicitation}, "P2"},
		{[]Signal{SignalKnown, SignalVerifiedList}, "P3"},
		{[]Signal{SignalKnown, SignalVerifiedList, SignalSelfReported}, "P3"},
		{[]Signal{SignalKnown}, "P3"},
		{[]Signal{SignalKnown, SignalSelfReported}, "P4"},
		{[]Signal{SignalKnown, SignalVerifiedList, SignalViral}, "P4"},
		{nil, "P1"},
	}
	for _, c := range cases {
		if tier, reason := review.Place(c.signals); tier != c.tier || reason == "" {
			t.Errorf("%v gave %s (%s), not %s", c.signals, tier, reason, c.tier)
		}
	}
}

func TestSampleHasItsShareAndRepeats(t *testing.T) {
	look := SecondLook{SamplePercent: 10}
	drawn := 0
	for i := range 10_000 {
		id := strings.Repeat("a", i%60) + string(rune('0'+i%10)) + time.Unix(int64(i), 0).UTC().String()
		first := look.Sampled([]byte("secret"), id)
		if first {
			drawn++
		}
		if again := look.Sampled([]byte("secret"), id); again != first {
			t.Fatal("the draw does not repeat")
		}
	}
	if drawn < 850 || drawn > 1150 {
		t.Errorf("%d of 10,000 drawn at 10 per cent", drawn)
	}
	if (SecondLook{SamplePercent: 0}).Sampled(nil, "x") || !(SecondLook{SamplePercent: 100}).Sampled(nil, "x") {
		t.Error("0 per cent draws nothing and 100 per cent everything")
	}
}

func FuzzParse(f *testing.F) {
	err := fs.WalkDir(shipped.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shipped.Files, path)
		f.Add(data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		profile, err := Parse(data)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		if profile.head().ID == "" || profile.head().Version < 1 {
			t.Fatalf("accepted without id or version: %+v", profile.head())
		}
	})
}
