package order

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	shipped "github.com/brdoproject/brdo/law"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	// noon is when the order of the samples is issued and received.
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", 3600))
	bytesA = strings.Repeat("a", 64)
	bytesB = strings.Repeat("b", 64)
)

var loaded = sync.OnceValues(func() (*law.Library, error) { return law.Load(shipped.Files) })

func profiles(t testing.TB) *law.Library {
	t.Helper()
	library, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return library
}

func profile(t testing.TB, kind law.OrderKind) *law.OrderForm {
	t.Helper()
	form, err := profiles(t).LatestOrderForm("orders/" + string(kind))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func noticeProfile(t testing.TB) *law.NoticeForm {
	t.Helper()
	form, err := profiles(t).LatestNoticeForm("notices/voluntary")
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// sample is an issued order of that kind with every field filled.
func sample(kind law.OrderKind) Order {
	o := Order{
		ID: "order/17", Profile: law.Ref{ID: "orders/" + string(kind), Version: 1}, Kind: kind, Language: "en",
		LegalBasis: "Regulation (EU) …/…, as the profile names it",
		Requesting: Authority{Name: "Coordinating Authority of Exampleland", Contact: "follow-up@authority.example\n+420 000 000 017", Country: "CZ"},
		Issuing:    Authority{Name: "District Court of Exampleton", Details: "Chamber 17, 1 Court Square", Country: "CZ"},
		Reference:  "17 Nc 17/2026",
		Addressee: Addressee{
			Name: "Example Hosting", LegalRep: "Example Representative", ContactPoint: "contact@provider.example",
			Service: "Example Pictures", Country: "CZ", Languages: []string{"cs", "en"},
		},
		Reasons: "Reason number 17.\nThe second paragraph of the reasons.",
		Redress: Redress{
			Court: "Regional Court of Exampleton", TimePeriods: "15 days, starting from receipt of the order",
			Law: "Section 17 of Act No 17/2026", More: "A form is at https://court.example/redress",
		},
		IssuedAt:  noon.Add(-time.Hour),
		Timestamp: Timestamp{At: noon.Add(-59 * time.Minute), Token: "MBcGCSsGAQQB"},
		Signature: Signature{KeyID: "key/court-17", Method: "Ed25519"},
	}
	if kind == law.OrderBlocking {
		o.Blocking = &Blocking{
			List:       List{Reference: "List 17 of 2026-11-01, 2 addresses", SHA256: bytesB, URLs: []string{"https://one.example/picture/17", "https://two.example/picture/18"}},
			Safeguards: "Only the addresses of the list are blocked, not the sites.",
			Period:     Period{From: noon, Until: noon.AddDate(3, 0, 0)}, Reporting: "One report halfway through the period.",
		}
		return o
	}
	o.Material = &Material{
		Items: []Item{
			{URL: "https://pictures.example/landscape/17", SHA256: bytesA},
			{URL: "https://pictures.example/", Identification: "third landscape of the first page"},
		},
		Elements:      []string{"conduct", "appearing"},
		NonDisclosure: &Period{From: noon, Until: noon.AddDate(0, 0, 42)},
	}
	return o
}

// request is the same order as the Coordinating Authority requests it.
func request(kind law.OrderKind) Order {
	o := sample(kind)
	o.IssuedAt, o.Timestamp, o.Signature = time.Time{}, Timestamp{}, Signature{}
	return o
}

func written(t testing.TB, o Order) []byte {
	t.Helper()
	text, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// issuedFacts are those of the sample, changed before it is read.
func issuedFacts(t testing.TB, kind law.OrderKind, changes ...func(*Order)) Facts {
	t.Helper()
	o := sample(kind)
	for _, change := range changes {
		change(&o)
	}
	_, facts, err := ReadIssued(written(t, o), profile(t, kind))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func sampleProvider() Provider {
	return Provider{
		Name: "Example Hosting", LegalRep: "Example Representative", ContactPoint: "contact@provider.example",
		ContactInfo: "1 Example Street, Exampleton", FileReference: "file/17",
	}
}

// cannot answers the sample with these grounds, at a moment.
func cannot(t testing.TB, kind law.OrderKind, facts Facts, at time.Time, grounds ...string) Answer {
	t.Helper()
	o := sample(kind)
	return Answer{
		ID: "answer/17", Profile: o.Profile, Kind: AnswerNonExecution, Provider: sampleProvider(), Order: o.About(facts.Digest, noon),
		Grounds: grounds, Explanation: "Explanation number 17.", At: at, Signature: Signature{KeyID: "key/provider-17", Method: "Ed25519"},
	}
}

// did answers the sample: executed by that measure, at a moment.
func did(t testing.TB, kind law.OrderKind, facts Facts, at time.Time, measure string) Answer {
	t.Helper()
	a := cannot(t, kind, facts, at.Add(time.Minute))
	a.Kind, a.Grounds, a.Explanation, a.Measures, a.MeasuredAt = AnswerExecution, nil, "", []string{measure}, at
	return a
}

func answerFacts(t testing.TB, kind law.OrderKind, facts Facts, answer Answer) *AnswerFacts {
	t.Helper()
	text, err := answer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, read, err := ReadAnswer(text, profile(t, kind), facts)
	if err != nil {
		t.Fatal(err)
	}
	return &read
}

func nothingHeld(now time.Time) hold.Check { return hold.Check{At: now} }

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

// printed writes a form as plain text, so that a golden file can be read.
func printed(f form.Form) []byte {
	var text strings.Builder
	line := func(parts ...string) { text.WriteString(strings.Join(parts, "") + "\n") }
	line(strings.ToUpper(f.Annex), ": ", f.Title)
	line(f.Reference)
	line(f.Profile.String(), ", ", string(f.Status), ", ", f.Document, ", ", f.Digest)
	for _, section := range f.Sections {
		line()
		line(strings.TrimPrefix("SECTION "+section.Number+": ", "SECTION : "), section.Title)
		for _, field := range section.Fields {
			line("- ", field.Label, "  [", field.Article, "]")
			for _, box := range field.Boxes {
				tick := " "
				if box.Ticked {
					tick = "x"
				}
				line("    [", tick, "] ", box.Label)
			}
			for _, value := range field.Values {
				if field.Empty {
					value = "(" + value + ")"
				}
				line("    ", value)
			}
		}
	}
	line()
	line(f.Print)
	return []byte(text.String())
}

func kinds(effects []Effect) []EffectKind {
	var all []EffectKind
	for _, effect := range effects {
		all = append(all, effect.Kind)
	}
	return all
}

func has(effects []Effect, kind EffectKind) bool { return slices.Contains(kinds(effects), kind) }

func find(effects []Effect, kind EffectKind) Effect {
	for _, effect := range effects {
		if effect.Kind == kind {
			return effect
		}
	}
	return Effect{}
}

// again writes a value as JSON and reads it back: what a desk does between two
// events must lose nothing.
func again[T any](t testing.TB, value T) T {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// unchanged runs an Apply and fails when the value before it changed.
func unchanged[T any](t testing.TB, value T, apply func(T)) {
	t.Helper()
	before, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	apply(value)
	if after, err := json.Marshal(value); err != nil || string(after) != string(before) {
		t.Errorf("the value before was changed from\n%s\nto\n%s", before, after)
	}
}
