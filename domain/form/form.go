// Package form holds a filled-in form ready to be shown: sections, labels,
// values and the article of each, in the law's own order. Pages and prints are
// made from it and from nothing else, so that they cannot differ.
//
// The order, the labels and the articles come from a template of a legal
// profile ([law.Template]); the values come from the document ([Values]).
package form

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Form is one filled-in template.
type Form struct {
	// Language of the labels, a code of ISO 639-1.
	Language  string  `json:"language"`
	Annex     string  `json:"annex"`
	Title     string  `json:"title"`
	Reference string  `json:"reference,omitempty"`
	Profile   law.Ref `json:"profile"`
	// Status says how far the profile may be relied upon; whatever is not
	// verified is shown as such.
	Status law.Status `json:"status"`
	// Document and Digest tie a print to the exact bytes that were signed: the
	// document's id and the SHA-256 in hex.
	Document string    `json:"document"`
	Digest   string    `json:"digest"`
	Sections []Section `json:"sections"`
	// Print is the sentence at the foot of a print.
	Print string `json:"print"`
}

// Section is one section with its printed number, which may be empty.
type Section struct {
	Number string  `json:"number,omitempty"`
	Title  string  `json:"title"`
	Fields []Field `json:"fields"`
}

// Field is a label with its values, its boxes, or alone as a sentence.
type Field struct {
	// Label is empty where the one box has it.
	Label   string `json:"label,omitempty"`
	Article string `json:"article"`
	// Type is law.FieldText, FieldBoxes, FieldBox or FieldSentence.
	Type string `json:"type"`
	// Values are lines of text, each shown below the other.
	Values []string `json:"values,omitempty"`
	// Boxes are all boxes of the template, ticked or not.
	Boxes []Box `json:"boxes,omitempty"`
	// Empty is true when nothing was filled in; Values then say so in words.
	Empty bool `json:"empty,omitempty"`
}

// Box is one box of a group.
type Box struct {
	Key    string `json:"key"`
	Label  string `json:"label"`
	Ticked bool   `json:"ticked"`
}

// Values gives the values of a document by the key of the template: lines of
// text, or the keys of the ticked boxes. known is false when the document has
// no such field.
type Values func(key string) (lines []string, known bool)

// Boxes gives the boxes of a profile by the key of the template.
type Boxes map[string][]law.Choice

// Fill puts values into a template. A key of the template that the document
// does not know, or a tick that the profile does not know, is a problem of kind
// Invalid: a form must not lose a field silently.
func Fill(template law.Template, profile law.Profile, language string, values Values, boxes Boxes) (Form, error) {
	f := Form{
		Language: language, Annex: template.Annex, Title: template.Title, Reference: template.Reference,
		Profile: profile.Ref(), Status: profile.Status, Print: template.Print,
	}
	for _, section := range template.Sections {
		filled := Section{Number: section.Number, Title: section.Title}
		for _, field := range section.Fields {
			entry := Field{Label: field.Label, Article: field.Article, Type: field.Type}
			for index, key := range field.Keys {
				lines, known := values(key)
				if !known {
					return Form{}, problem.InvalidField(key, "is no field of the document", "correct the template "+template.Key+" of "+profile.Ref().String())
				}
				if field.Type == law.FieldBoxes && index == 0 {
					ticked, err := tick(boxes[key], key, lines)
					if err != nil {
						return Form{}, err
					}
					entry.Boxes = ticked
					continue
				}
				entry.Values = append(entry.Values, lines...)
			}
			switch field.Type {
			case law.FieldBox:
				entry.Boxes = []Box{{Key: field.Keys[0], Label: field.Label, Ticked: len(entry.Values) > 0}}
				entry.Label = ""
			case law.FieldText:
				if len(entry.Values) == 0 {
					entry.Values, entry.Empty = []string{template.Empty}, true
				}
			}
			filled.Fields = append(filled.Fields, entry)
		}
		f.Sections = append(f.Sections, filled)
	}
	return f, nil
}

func tick(choices []law.Choice, key string, ticked []string) ([]Box, error) {
	if len(choices) == 0 {
		return nil, problem.InvalidField(key, "has no boxes in the profile", "")
	}
	set := map[string]bool{}
	for _, tick := range ticked {
		set[tick] = true
	}
	boxes := make([]Box, len(choices))
	for index, choice := range choices {
		boxes[index] = Box{Key: choice.Key, Label: choice.Title, Ticked: set[choice.Key]}
		delete(set, choice.Key)
	}
	for tick := range set {
		return nil, problem.InvalidField(key, fmt.Sprintf("%q is no box of the form", tick), "")
	}
	return boxes, nil
}

// Missing returns the fields of the template that must be filled and are not:
// the keys with their labels and articles. Fields of the issuer are left out
// when issuer is false.
func Missing(template law.Template, values Values, issuer bool) []law.TemplateField {
	var missing []law.TemplateField
	for _, section := range template.Sections {
		for _, field := range section.Fields {
			if field.Presence != law.Required || (field.Issuer && !issuer) {
				continue
			}
			if lines, known := values(field.Keys[0]); known && len(lines) == 0 {
				missing = append(missing, field)
			}
		}
	}
	return missing
}
