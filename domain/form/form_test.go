package form

import (
	"reflect"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

func template() law.Template {
	return law.Template{Key: "order", Annex: "Annex I", Title: "Title", Empty: "None stated", Print: "A print.", Sections: []law.TemplateSection{{
		Number: "1", Title: "Section", Fields: []law.TemplateField{
			{Keys: []string{"name", "more"}, Label: "Name:", Article: "Article 1", Type: law.FieldText, Presence: law.Required},
			{Keys: []string{"ticks"}, Label: "Tick:", Article: "Article 2", Type: law.FieldBoxes, Presence: law.Required},
			{Keys: []string{"box"}, Label: "The box", Article: "Article 3", Type: law.FieldBox, Presence: law.WhereRelevant},
			{Label: "A sentence.", Article: "Article 4", Type: law.FieldSentence},
			{Keys: []string{"signature"}, Label: "Signature:", Article: "Article 5", Type: law.FieldText, Presence: law.Required, Issuer: true},
		}}}}
}

var profile = law.Profile{ID: "orders/removal", Version: 3, Status: law.Proposal}

var boxes = Boxes{"ticks": {{Key: "a", Title: "First"}, {Key: "b", Title: "Second"}}}

func values(all map[string][]string) Values {
	return func(key string) ([]string, bool) { lines, known := all[key]; return lines, known }
}

func TestFill(t *testing.T) {
	got, err := Fill(template(), profile, "en", values(map[string][]string{"name": {"n"}, "more": {"m"}, "ticks": {"b"}, "box": {"v"}, "signature": nil}), boxes)
	if err != nil {
		t.Fatal(err)
	}
	want := Form{
		Language: "en", Annex: "Annex I", Title: "Title", Profile: law.Ref{ID: "orders/removal", Version: 3}, Status: law.Proposal, Print: "A print.",
		Sections: []Section{{Number: "1", Title: "Section", Fields: []Field{
			{Label: "Name:", Article: "Article 1", Type: law.FieldText, Values: []string{"n", "m"}},
			{Label: "Tick:", Article: "Article 2", Type: law.FieldBoxes, Boxes: []Box{{Key: "a", Label: "First"}, {Key: "b", Label: "Second", Ticked: true}}},
			{Article: "Article 3", Type: law.FieldBox, Values: []string{"v"}, Boxes: []Box{{Key: "box", Label: "The box", Ticked: true}}},
			{Label: "A sentence.", Article: "Article 4", Type: law.FieldSentence},
			{Label: "Signature:", Article: "Article 5", Type: law.FieldText, Values: []string{"None stated"}, Empty: true},
		}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestNothingIsLost: a key or a tick that leads nowhere is an error.
func TestNothingIsLost(t *testing.T) {
	full := map[string][]string{"name": {"n"}, "more": nil, "ticks": {"b"}, "box": nil, "signature": {"s"}}
	for name, change := range map[string]func(map[string][]string) Boxes{
		"a key of no document":     func(all map[string][]string) Boxes { delete(all, "more"); return boxes },
		"a tick of no box":         func(all map[string][]string) Boxes { all["ticks"] = []string{"b", "c"}; return boxes },
		"boxes of no profile":      func(map[string][]string) Boxes { return nil },
		"a key of no boxes at all": func(all map[string][]string) Boxes { delete(all, "ticks"); return boxes },
	} {
		all := map[string][]string{}
		for key, lines := range full {
			all[key] = lines
		}
		known := change(all)
		if _, err := Fill(template(), profile, "en", values(all), known); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissing(t *testing.T) {
	all := values(map[string][]string{"name": nil, "more": {"m"}, "ticks": {"a"}, "box": nil, "signature": nil})
	var got []string
	for _, field := range Missing(template(), all, true) {
		got = append(got, field.Keys[0])
	}
	if !reflect.DeepEqual(got, []string{"name", "signature"}) {
		t.Errorf("missing %v", got)
	}
	if got := Missing(template(), all, false); len(got) != 1 || got[0].Keys[0] != "name" {
		t.Errorf("without the issuer's: %v", got)
	}
}

func TestWords(t *testing.T) {
	if got := Lines("a\n\n b ", "", "c"); !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Errorf("%q", got)
	}
	if got := Moment(time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", -5400))); got != "2026-11-23 12:00:00 -01:30" {
		t.Error(got)
	}
	if Moment(time.Time{}) != "" || Hashed("") != "" || Hashed("aa") != "SHA-256 aa" {
		t.Error("what is empty stays empty")
	}
}
