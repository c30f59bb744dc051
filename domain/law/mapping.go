package law

import (
	"fmt"
	"maps"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Undetermined is the class of everything that a table cannot tell.
const Undetermined = "undetermined"

// Mapping is a table that derives a legal class from the facts of a scheme.
// A table of status unverified derives nothing: its class is undetermined
// until somebody has read the primary text and written the rules.
type Mapping struct {
	Profile
	Scheme  Ref       `json:"scheme"`
	Classes []Choice  `json:"classes"`
	Rules   []MapRule `json:"rules"`
}

// MapRule gives a class when every named fact has one of the named labels.
type MapRule struct {
	When    map[string][]string `json:"when"`
	Class   string              `json:"class"`
	Because string              `json:"because"`
	Article string              `json:"article"`
}

// Class is a derived legal class with the reason in one line.
type Class struct {
	Mapping Ref    `json:"mapping"`
	Class   string `json:"class"`
	Because string `json:"because"`
	Article string `json:"article,omitempty"`
}

// Derive returns the class that the first fitting rule gives to the labels
// (fact key → label key). Without a fitting rule the class is [Undetermined].
func (m *Mapping) Derive(labels map[string]string) Class {
	class := Class{Mapping: m.Ref(), Class: Undetermined}
	if m.Status == Unverified {
		class.Because = "the table is not verified against a public primary text, so nothing is derived"
		return class
	}
	for _, rule := range m.Rules {
		if rule.fits(labels) {
			class.Class, class.Because, class.Article = rule.Class, rule.Because, rule.Article
			return class
		}
	}
	class.Because = "no rule of the table fits these facts"
	return class
}

func (r MapRule) fits(labels map[string]string) bool {
	for fact, wanted := range r.When {
		if !slices.Contains(wanted, labels[fact]) {
			return false
		}
	}
	return true
}

func (m *Mapping) validate() error {
	if m.Scheme.IsZero() {
		return problem.InvalidField("scheme", "is missing", "name the labelling scheme as id@version")
	}
	if err := validateChoices("classes", m.Classes); err != nil {
		return err
	}
	if m.Status == Unverified && len(m.Rules) > 0 {
		return problem.InvalidField("rules", "must be empty while the table is unverified", "verify the table against its primary text first")
	}
	if m.Status != Unverified && len(m.Rules) == 0 {
		return problem.InvalidField("rules", "is empty", "mark the table unverified if its source is missing")
	}
	for index, rule := range m.Rules {
		at := fmt.Sprintf("rules[%d]", index)
		switch {
		case len(rule.When) == 0:
			return problem.InvalidField(at+".when", "is empty, so the rule would fit everything", "name at least one fact")
		case rule.Because == "" || rule.Article == "":
			return problem.InvalidField(at, "lacks its reason or its article", "")
		case rule.Class != Undetermined && !hasChoice(m.Classes, rule.Class):
			return problem.InvalidField(at+".class", fmt.Sprintf("%q is no class of the table", rule.Class), "")
		}
	}
	return nil
}

// against checks that every rule uses facts and labels of the scheme.
func (m *Mapping) against(scheme *Scheme) error {
	for index, rule := range m.Rules {
		for _, key := range slices.Sorted(maps.Keys(rule.When)) {
			at := fmt.Sprintf("rules[%d].when.%s", index, key)
			fact, known := scheme.Fact(key)
			if !known {
				return problem.InvalidField(at, fmt.Sprintf("is no fact of %s", scheme.Ref()), "")
			}
			for _, label := range rule.When[key] {
				if _, known := fact.Label(label); !known {
					return problem.InvalidField(at, fmt.Sprintf("%q is no label of that fact", label), "")
				}
			}
		}
	}
	return nil
}
