// Package print makes paper of filled-in forms: tagged PDF on A4, with fonts that
// have the letters of all official languages of the Union.
//
// It prints a [form.Form] and nothing else, as the pages do, so that paper and
// screen cannot differ. A character that the fonts do not have is a problem that
// names it; nothing is replaced in silence.
package print

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdf"
)

// PDF prints a form. printed is the moment that stands in the file as its
// creation; the same form and moment give the same file.
func PDF(f form.Form, printed time.Time) ([]byte, error) {
	footer := f.Document
	if f.Digest != "" {
		footer += " · SHA-256 " + f.Digest
	}
	document, err := pdf.New(
		pdf.Meta{Title: f.Annex + ": " + f.Title, Language: f.Language, Created: printed, Footer: footer},
		pdf.Fonts{Regular: goregular.TTF, Bold: gobold.TTF},
	)
	if err != nil {
		return nil, fmt.Errorf("beginning the print of %s: %w", f.Document, err)
	}
	if err := put(document, f); err != nil {
		return nil, explain(f.Document, err)
	}
	var file bytes.Buffer
	if _, err := document.WriteTo(&file); err != nil {
		return nil, explain(f.Document, err)
	}
	return file.Bytes(), nil
}

func put(d *pdf.Document, f form.Form) error {
	steps := []error{d.Paragraph(pdf.Small, f.Annex), d.Heading(1, f.Title)}
	if f.Reference != "" {
		steps = append(steps, d.Paragraph(pdf.Small, f.Reference))
	}
	// Profiles say themselves how far they may be relied upon; a reader of the
	// paper must see it too.
	style := pdf.Small
	if f.Status != law.Verified {
		style = pdf.Strong
	}
	steps = append(steps, d.Paragraph(style, f.Profile.String()+" ("+string(f.Status)+")"))
	for _, section := range f.Sections {
		title := section.Title
		if section.Number != "" {
			title = section.Number + ". " + title
		}
		steps = append(steps, d.Rule(), d.Heading(2, title))
		for _, field := range section.Fields {
			steps = append(steps, entry(d, field)...)
		}
	}
	steps = append(steps, d.Rule(), d.Paragraph(pdf.Small, f.Print))
	if f.Digest != "" {
		steps = append(steps, d.Paragraph(pdf.Small, "SHA-256 "+f.Digest))
	}
	return errors.Join(steps...)
}

func entry(d *pdf.Document, field form.Field) []error {
	var steps []error
	if field.Label != "" {
		style := pdf.Strong
		if field.Type == law.FieldSentence {
			style = pdf.Text
		}
		steps = append(steps, d.Paragraph(style, field.Label))
	}
	for _, box := range field.Boxes {
		steps = append(steps, d.Box(box.Ticked, box.Label))
	}
	for _, value := range field.Values {
		steps = append(steps, d.Value(value))
	}
	return append(steps, d.Paragraph(pdf.Small, field.Article))
}

// explain names the character that cannot be printed.
func explain(document string, err error) error {
	var missing *pdf.MissingGlyph
	if !errors.As(err, &missing) {
		return fmt.Errorf("printing %s: %w", document, err)
	}
	return problem.New(problem.Invalid, fmt.Sprintf("the character %q (%U) cannot be printed", missing.Rune, missing.Rune),
		"the fonts have Latin, Greek and Cyrillic letters; use the page instead, or write the word in one of these").Because(err)
}
