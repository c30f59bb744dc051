package item

import (
	"fmt"
	"maps"
	"slices"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// FactSet is what a person recorded about an item: one label a fact.
type FactSet struct {
	Scheme law.Ref           `json:"scheme"`
	Labels map[string]string `json:"labels"`
}

// Validate checks the labels against the scheme and returns all problems found:
// a fact or label that the scheme does not have, a required fact left open.
func (f FactSet) Validate(scheme *law.Scheme) []*problem.Error {
	if f.Scheme != scheme.Ref() {
		return []*problem.Error{problem.InvalidField("scheme", fmt.Sprintf("is %s but is checked against %s", f.Scheme, scheme.Ref()), "use the version that the assessment began under")}
	}
	var found []*problem.Error
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		fact, known := scheme.Fact(key)
		if !known {
			found = append(found, problem.InvalidField("labels."+key, fmt.Sprintf("is no fact of %s", f.Scheme), ""))
			continue
		}
		if _, known := fact.Label(f.Labels[key]); !known {
			found = append(found, problem.InvalidField("labels."+key, fmt.Sprintf("%q is no label of that fact", f.Labels[key]), ""))
		}
	}
	for _, fact := range scheme.Facts {
		if _, answered := f.Labels[fact.Key]; fact.Required && !answered {
			found = append(found, problem.InvalidField("labels."+fact.Key, "is not answered", "answer it; cannot tell is an answer"))
		}
	}
	return found
}

// Derive returns the class of each table that reads the scheme of the facts,
// with its explanation, in the order of the tables. Tables of other schemes are
// left out. The facts must be valid.
func Derive(facts FactSet, tables []*law.Mapping) []law.Class {
	var classes []law.Class
	for _, table := range tables {
		if table.Scheme == facts.Scheme {
			classes = append(classes, table.Derive(facts.Labels))
		}
	}
	return classes
}

// Outcome is what a decision comes to.
type Outcome string

const (
	Reportable    Outcome = "reportable"
	NotReportable Outcome = "not-reportable"
	// CannotTell is a decision: it leads to a second look, never to nothing.
	CannotTell Outcome = "cannot-tell"
)

// OutcomeOf reads the outcome from the class of the governing table. A class
// that is undetermined or missing is [CannotTell].
func OutcomeOf(classes []law.Class, governing law.Ref) Outcome {
	for _, class := range classes {
		if class.Mapping != governing {
			continue
		}
		switch class.Class {
		case "yes":
			return Reportable
		case "no":
			return NotReportable
		}
	}
	return CannotTell
}
