package print

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdf/pdftest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func sample() form.Form {
	return form.Form{
		Language: "en", Annex: "Annex IV", Title: "Removal order", Reference: "referred to in Article 14(3)",
		Profile: law.Ref{ID: "orders/removal", Version: 1}, Status: law.Verified, Document: "order/17", Digest: strings.Repeat("a", 64), Print: "A print.",
		Sections: []form.Section{
			{Title: "Heading", Fields: []form.Field{{Label: "Legal basis:", Article: "Article 14(3)(g)", Type: law.FieldText, Values: []string{"Regulation"}}}},
			{Number: "3", Title: "Material", Fields: []form.Field{
				{Label: "Tick:", Article: "Annex IV section 3", Type: law.FieldBoxes, Boxes: []form.Box{{Key: "a", Label: "First", Ticked: true}, {Key: "b", Label: "Second"}}},
				{Article: "Article 15(4)", Type: law.FieldBox, Boxes: []form.Box{{Label: "Silence"}}},
				{Label: "A sentence.", Article: "Article 35", Type: law.FieldSentence},
				{Label: "More:", Article: "Annex IV section 6", Type: law.FieldText, Values: []string{"None stated"}, Empty: true},
			}},
		},
	}
}

// TestPDFHasAllInOrder: paper says what the form says, in the same order, and the
// boxes tell their state to whoever cannot see them.
func TestPDFHasAllInOrder(t *testing.T) {
	file, err := PDF(sample(), noon)
	if err != nil {
		t.Fatal(err)
	}
	elements, err := pdftest.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range elements {
		text := e.Kind + " " + e.Text
		if len(e.Children) > 0 {
			text = e.Kind + " " + e.Children[0].Actual + " " + e.Text
		}
		got = append(got, text)
	}
	want := []string{
		"P Annex IV", "H1 Removal order", "P referred to in Article 14(3)", "P orders/removal@1 (verified)",
		"H2 Heading", "P Legal basis:", "P Regulation", "P Article 14(3)(g)",
		"H2 3. Material", "P Tick:", "P ☒ First", "P ☐ Second", "P Annex IV section 3", "P ☐ Silence", "P Article 15(4)",
		"P A sentence.", "P Article 35", "P More:", "P None stated", "P Annex IV section 6",
		"P A print.", "P SHA-256 " + strings.Repeat("a", 64),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	again, err := PDF(sample(), noon)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("the same form gives another file: %v", err)
	}
}

func TestPDFNamesWhatCannotBePrinted(t *testing.T) {
	f := sample()
	f.Sections[0].Fields[0].Values = []string{"漢"}
	if _, err := PDF(f, noon); !problem.Is(err, problem.Invalid) || !strings.Contains(problem.From(err).Reason, "U+6F22") {
		t.Errorf("%v", err)
	}
	f = sample()
	f.Language = ""
	if _, err := PDF(f, noon); err == nil {
		t.Error("a print without language")
	}
}
