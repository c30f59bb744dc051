package order

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

func TestBytesAreAlwaysTheSame(t *testing.T) {
	for _, kind := range law.OrderKinds {
		text := written(t, sample(kind))
		golden(t, "order-"+string(kind)+".json", text)
		back, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written(t, back), text) {
			t.Errorf("%s: writing it again gives other bytes", kind)
		}
		if found := sample(kind).Validate(profile(t, kind)); len(found) != 0 {
			t.Errorf("%s: %v", kind, found)
		}
		if found := request(kind).ValidateRequest(profile(t, kind)); len(found) != 0 {
			t.Errorf("request for %s: %v", kind, found)
		}
	}
	facts := issuedFacts(t, law.OrderRemoval)
	for name, answer := range map[string]Answer{
		"answer-non-execution.json": cannot(t, law.OrderRemoval, facts, noon.Add(3*time.Hour), "manifest_errors"),
		"answer-execution.json":     did(t, law.OrderRemoval, facts, noon.Add(2*time.Hour), "removed"),
	} {
		text, err := answer.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
		back, err := ParseAnswer(text)
		if err != nil || !reflect.DeepEqual(back.Grounds, answer.Grounds) || !back.MeasuredAt.Equal(answer.MeasuredAt) {
			t.Errorf("%s: %+v %v", name, back, err)
		}
	}
}

// TestForms compares every printed form with a golden file; the labels of the
// annexes in it were compared word by word with COM(2022) 209.
func TestForms(t *testing.T) {
	for _, kind := range law.OrderKinds {
		form := profile(t, kind)
		text := written(t, sample(kind))
		filled, err := sample(kind).Form(form, Digest(text))
		if err != nil {
			t.Fatal(err)
		}
		facts := issuedFacts(t, kind)
		golden(t, "form-"+string(kind)+"-order.txt", printed(filled))
		grounds := []string{"manifest_errors", "insufficient_information"}
		filled, err = cannot(t, kind, facts, noon.Add(3*time.Hour), grounds...).Form(form, bytesA)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "form-"+string(kind)+"-non-execution.txt", printed(filled))
		answer := did(t, kind, facts, noon.Add(2*time.Hour), form.Measures[0].Key)
		if kind != law.OrderBlocking {
			if filled, err = answer.Form(form, bytesA); err != nil {
				t.Fatal(err)
			}
			golden(t, "form-"+string(kind)+"-execution.txt", printed(filled))
		} else if _, err = answer.Form(form, bytesA); !problem.Is(err, problem.Invalid) {
			t.Errorf("no annex prints that a blocking order was executed: %v", err)
		}
		told := sample(kind).UserInformation("user/17", answer, nil)
		if kind != law.OrderBlocking {
			told.Places = []string{"https://pictures.example/landscape/17"}
		}
		if filled, err = told.Form(form, bytesA); err != nil {
			t.Fatal(err)
		}
		golden(t, "form-"+string(kind)+"-user.txt", printed(filled))
		told.Restoration = &Restoration{Reason: "The court annulled the order.", At: noon.AddDate(0, 1, 0)}
		if filled, err = told.Form(form, bytesA); err != nil {
			t.Fatal(err)
		}
		golden(t, "form-"+string(kind)+"-restored.txt", printed(filled))
	}
}

// TestEmptyFieldsAreShown: a form never hides that something is not filled in.
func TestEmptyFieldsAreShown(t *testing.T) {
	o := sample(law.OrderRemoval)
	o.Redress.More, o.Material.NonDisclosure = "", nil
	filled, err := o.Form(profile(t, law.OrderRemoval), "")
	if err != nil {
		t.Fatal(err)
	}
	text := string(printed(filled))
	if !strings.Contains(text, "(None stated)") || !strings.Contains(text, "[ ] To avoid interference") {
		t.Errorf("%s", text)
	}
}

// TestEveryRequiredFieldIsMissed empties one field after the other, as the
// template names them, and looks whether validation names it with its article.
func TestEveryRequiredFieldIsMissed(t *testing.T) {
	empty := map[string]func(*Order){
		"legal_basis":             func(o *Order) { o.LegalBasis = "" },
		"requesting.name":         func(o *Order) { o.Requesting.Name = "" },
		"requesting.contact":      func(o *Order) { o.Requesting.Contact = "" },
		"issuing.name":            func(o *Order) { o.Issuing.Name = " " },
		"reference":               func(o *Order) { o.Reference = "" },
		"addressee.name":          func(o *Order) { o.Addressee.Name = "" },
		"addressee.contact_point": func(o *Order) { o.Addressee.ContactPoint = "" },
		"addressee.service":       func(o *Order) { o.Addressee.Service = "" },
		"material.items":          func(o *Order) { o.Material.Items = nil },
		"material.elements":       func(o *Order) { o.Material.Elements = nil },
		"blocking.list":           func(o *Order) { o.Blocking.List = List{} },
		"blocking.safeguards":     func(o *Order) { o.Blocking.Safeguards = "" },
		"blocking.period":         func(o *Order) { o.Blocking.Period = Period{} },
		"reasons":                 func(o *Order) { o.Reasons = "\n" },
		"redress.court":           func(o *Order) { o.Redress.Court = "" },
		"redress.time_periods":    func(o *Order) { o.Redress.TimePeriods = "" },
		"redress.law":             func(o *Order) { o.Redress.Law = "" },
		"issued_at":               func(o *Order) { o.IssuedAt = time.Time{} },
		"timestamp":               func(o *Order) { o.Timestamp = Timestamp{} },
		"signature":               func(o *Order) { o.Signature = Signature{} },
	}
	for _, kind := range law.OrderKinds {
		form := profile(t, kind)
		template, _ := form.Template(law.TemplateOrder)
		for _, section := range template.Sections {
			for _, field := range section.Fields {
				if field.Presence != law.Required {
					continue
				}
				key := field.Keys[0]
				change, known := empty[key]
				if !known {
					t.Errorf("%s: the test does not know how to empty %s", kind, key)
					continue
				}
				o := sample(kind)
				change(&o)
				if !named(o.Validate(form), key, field.Article) {
					t.Errorf("%s without %s: %v", kind, key, o.Validate(form))
				}
				o = request(kind)
				change(&o)
				if got := named(o.ValidateRequest(form), key, field.Article); got == field.Issuer {
					t.Errorf("request for %s without %s: named %v, and only the issuer fills it: %v", kind, key, got, field.Issuer)
				}
			}
		}
	}
}

func named(found []*problem.Error, field, article string) bool {
	for _, f := range found {
		if f.Field == field && strings.Contains(f.Remedy, article) && f.Kind == problem.Invalid {
			return true
		}
	}
	return false
}

func TestValidateNamesFieldAndArticle(t *testing.T) {
	removal, blocking := law.OrderRemoval, law.OrderBlocking
	cases := []struct {
		name    string
		kind    law.OrderKind
		change  func(*Order)
		field   string
		article string
	}{
		{"another profile", removal, func(o *Order) { o.Profile.Version = 2 }, "profile", ""},
		{"another kind", removal, func(o *Order) { o.Kind = blocking }, "kind", ""},
		{"no id", removal, func(o *Order) { o.ID = "" }, "id", ""},
		{"a language that the profile is not in", removal, func(o *Order) { o.Language = "cs" }, "language", ""},
		{"a language that was not declared", removal, func(o *Order) { o.Addressee.Languages = []string{"cs"} }, "language", "Article 14(4)"},
		{"a language that is none", removal, func(o *Order) { o.Addressee.Languages = []string{"en", "English"} }, "addressee.languages[1]", ""},
		{"a requesting authority of another State", removal, func(o *Order) { o.Requesting.Country, o.Issuing.Country = "SK", "SK" }, "requesting.country", "33"},
		{"an issuing authority of another State", removal, func(o *Order) { o.Issuing.Country = "SK" }, "issuing.country", "Articles 14(1)"},
		{"no country", removal, func(o *Order) { o.Requesting.Country = "Czechia" }, "requesting.country", ""},
		{"a representative nowhere", removal, func(o *Order) { o.Addressee.Country = "" }, "addressee.country", "Article 33"},
		{"no address", removal, func(o *Order) { o.Material.Items[0].URL = "pictures.example/17" }, "material.items[0].url", "Article 14(3)(e)"},
		{"another scheme", removal, func(o *Order) { o.Material.Items[0].URL = "javascript://pictures.example/17" }, "material.items[0].url", "Article 14(3)(e)"},
		{"an address with a name", removal, func(o *Order) { o.Material.Items[0].URL = "https://name@pictures.example/17" }, "material.items[0].url", ""},
		{"a whole site", removal, func(o *Order) { o.Material.Items[1].Identification = "" }, "material.items[1].url", "Article 14(3)(e)"},
		{"an item twice", removal, func(o *Order) { o.Material.Items[1] = o.Material.Items[0] }, "material.items[1]", ""},
		{"a digest that is none", removal, func(o *Order) { o.Material.Items[0].SHA256 = "17" }, "material.items[0].sha256", ""},
		{"a box that is none", removal, func(o *Order) { o.Material.Elements = []string{"other"} }, "material.elements[0]", ""},
		{"a box twice", removal, func(o *Order) { o.Material.Elements = []string{"conduct", "conduct"} }, "material.elements[1]", ""},
		{"non-disclosure of more than six weeks", removal, func(o *Order) {
			o.Material.NonDisclosure.Until = o.Material.NonDisclosure.Until.Add(time.Second)
		}, "material.non_disclosure", "Article 15(4), second subparagraph, point (a)"},
		{"non-disclosure without end", removal, func(o *Order) { o.Material.NonDisclosure.Until = time.Time{} }, "material.non_disclosure", "Article 15(4)"},
		{"an extension of more than six weeks", removal, func(o *Order) {
			o.Extends, o.Material.NonDisclosure.Until = "order/16", o.Material.NonDisclosure.Until.Add(time.Second)
		}, "material.non_disclosure", "Article 15(4), third subparagraph"},
		{"an extension of nothing", removal, func(o *Order) { o.Extends, o.Material.NonDisclosure = "order/16", nil }, "material.non_disclosure", "Article 15(4)"},
		{"an order that extends itself", removal, func(o *Order) { o.Extends = o.ID }, "extends", ""},
		{"blocking in a removal order", removal, func(o *Order) { o.Blocking = &Blocking{} }, "blocking", ""},
		{"a time stamp before the date", removal, func(o *Order) { o.Timestamp.At = o.IssuedAt.Add(-1) }, "timestamp.at", ""},
		{"a signature without method", removal, func(o *Order) { o.Signature.Method = "" }, "signature.method", "Article 14(3)(h)"},
		{"a year that is a slip", removal, func(o *Order) { o.IssuedAt = o.IssuedAt.AddDate(-1000, 0, 0) }, "issued_at", ""},
		{"reasons too long", removal, func(o *Order) { o.Reasons = strings.Repeat("a", maxText+1) }, "reasons", ""},
		{"material in a blocking order", blocking, func(o *Order) { o.Material = &Material{} }, "material", ""},
		{"blocking for more than five years", blocking, func(o *Order) { o.Blocking.Period.Until = o.Blocking.Period.From.AddDate(5, 0, 1) }, "blocking.period", "Article 16(6)"},
		{"blocking that ends before it begins", blocking, func(o *Order) { o.Blocking.Period.Until = o.Blocking.Period.From }, "blocking.period", ""},
		{"more than 24 months without a report", blocking, func(o *Order) { o.Blocking.Reporting = "" }, "blocking.reporting", "Article 18(6)"},
		{"a list without digest", blocking, func(o *Order) { o.Blocking.List.SHA256 = "" }, "blocking.list.sha256", "Article 17(1)(a)"},
		{"a list with a whole site", blocking, func(o *Order) { o.Blocking.List.URLs[1] = "https://two.example" }, "blocking.list.urls[1]", "36(1)(b)"},
		{"non-disclosure of a blocking order", blocking, func(o *Order) { o.Extends = "order/16" }, "extends", ""},
	}
	for _, c := range cases {
		o := sample(c.kind)
		c.change(&o)
		if !named(o.Validate(profile(t, c.kind)), c.field, c.article) {
			t.Errorf("%s: %v", c.name, o.Validate(profile(t, c.kind)))
		}
	}
	short := sample(blocking)
	short.Blocking.Period.Until, short.Blocking.Reporting = short.Blocking.Period.From.AddDate(2, 0, 0), ""
	if found := short.Validate(profile(t, blocking)); len(found) != 0 {
		t.Errorf("24 months need no report: %v", found)
	}
	nowhere := sample(removal)
	nowhere.Addressee.Country, nowhere.Addressee.LegalRep = "", ""
	if found := nowhere.Validate(profile(t, removal)); len(found) != 0 {
		t.Errorf("without establishment or representative every Member State has jurisdiction: %v", found)
	}
}

func TestAnswersAreChecked(t *testing.T) {
	facts := issuedFacts(t, law.OrderRemoval)
	form := profile(t, law.OrderRemoval)
	no := func(change func(*Answer)) Answer {
		a := cannot(t, law.OrderRemoval, facts, noon.Add(3*time.Hour), "manifest_errors")
		change(&a)
		return a
	}
	yes := func(change func(*Answer)) Answer {
		a := did(t, law.OrderRemoval, facts, noon.Add(2*time.Hour), "removed")
		change(&a)
		return a
	}
	for _, a := range []Answer{no(func(*Answer) {}), yes(func(*Answer) {})} {
		if found := a.Validate(form, &facts); len(found) != 0 {
			t.Errorf("%s: %v", a.Kind, found)
		}
	}
	cases := []struct {
		name           string
		answer         Answer
		field, article string
	}{
		{"no ground", no(func(a *Answer) { a.Grounds = nil }), "grounds", "Article 14(5) and (6)"},
		{"a ground that is none", no(func(a *Answer) { a.Grounds = []string{"no_wish"} }), "grounds[0]", ""},
		{"no explanation", no(func(a *Answer) { a.Explanation = "" }), "explanation", "Annex V section 3"},
		{"a measure although it was not executed", no(func(a *Answer) { a.Measures = []string{"removed"} }), "measures", ""},
		{"no file reference", no(func(a *Answer) { a.Provider.FileReference = "" }), "provider.file_reference", "Annex V section 1"},
		{"no receipt", no(func(a *Answer) { a.Order.ReceivedAt = time.Time{} }), "order.received_at", "Annex V section 2"},
		{"no date", no(func(a *Answer) { a.At = time.Time{} }), "at", "Annex V section 4"},
		{"no signature", no(func(a *Answer) { a.Signature = Signature{} }), "signature", "Annex V section 4"},
		{"before receipt", no(func(a *Answer) { a.At = noon.Add(-1) }), "at", ""},
		{"another order", no(func(a *Answer) { a.Order.ID = "order/18" }), "order", ""},
		{"another text of the order", no(func(a *Answer) { a.Order.Digest = bytesB }), "order", ""},
		{"no text of the order", no(func(a *Answer) { a.Order.Digest = "" }), "order.digest", ""},
		{"no measure", yes(func(a *Answer) { a.Measures = nil }), "measures", "Article 14(7)"},
		{"two measures", yes(func(a *Answer) { a.Measures = []string{"removed", "disabled_all_member_states"} }), "measures", "Article 14(7)"},
		{"a measure that is none", yes(func(a *Answer) { a.Measures = []string{"hidden"} }), "measures[0]", ""},
		{"no time of the measure", yes(func(a *Answer) { a.MeasuredAt = time.Time{} }), "measured_at", "Article 14(7)"},
		{"a measure after the answer", yes(func(a *Answer) { a.MeasuredAt = a.At.Add(1) }), "measured_at", ""},
		{"a ground although it was executed", yes(func(a *Answer) { a.Grounds = []string{"manifest_errors"} }), "grounds", ""},
		{"a kind that is none", yes(func(a *Answer) { a.Kind = "other" }), "kind", ""},
	}
	for _, c := range cases {
		if !named(c.answer.Validate(form, &facts), c.field, c.article) {
			t.Errorf("%s: %v", c.name, c.answer.Validate(form, &facts))
		}
	}
	blocked := issuedFacts(t, law.OrderBlocking)
	impossible := cannot(t, law.OrderBlocking, blocked, noon.Add(3*time.Hour), "force_majeure_or_impossibility")
	if !named(impossible.Validate(profile(t, law.OrderBlocking), &blocked), "grounds[0]", "") {
		t.Error("Annex VIII has no box for impossibility")
	}
}

func TestParseIsStrict(t *testing.T) {
	text := string(written(t, sample(law.OrderRemoval)))
	for name, broken := range map[string]string{
		"unknown key": strings.Replace(text, `"reasons"`, `"reason"`, 1),
		"key twice":   strings.Replace(text, `"language":"en"`, `"language":"en","language":"cs"`, 1),
		"other case":  strings.Replace(text, `"kind"`, `"Kind"`, 1),
		"two values":  text + "{}",
		"too large":   text + strings.Repeat(" ", MaxBytes),
		"no object":   `[]`,
	} {
		if _, err := Parse([]byte(broken)); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, kind := range law.OrderKinds {
		f.Add(written(f, sample(kind)))
	}
	f.Add([]byte(`{"material":{"items":[{"url":"https://[::1"}]}}`))
	forms := map[law.OrderKind]*law.OrderForm{}
	for _, kind := range law.OrderKinds {
		forms[kind] = profile(f, kind)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		text, err := o.Marshal()
		if err != nil {
			return // a year that RFC 3339 cannot write
		}
		if back, err := Parse(text); err != nil || !bytes.Equal(written(t, back), text) {
			t.Fatalf("%s does not read back: %v", text, err)
		}
		for _, form := range forms {
			if _, err := o.Form(form, ""); err != nil && len(o.Validate(form)) == 0 {
				t.Fatalf("valid and without a form: %v", err)
			}
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	facts := issuedFacts(f, law.OrderRemoval)
	form := profile(f, law.OrderRemoval)
	for _, answer := range []Answer{cannot(f, law.OrderRemoval, facts, noon.Add(time.Hour), "manifest_errors"), did(f, law.OrderRemoval, facts, noon, "removed")} {
		text, err := answer.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, read, err := ReadAnswer(data, form, facts)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		if (read.Kind == AnswerNonExecution) == (read.Measure != "") {
			t.Fatalf("accepted: %+v", read)
		}
	})
}
