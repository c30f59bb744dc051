package law

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/problem"
)

// HoldRules are the holds that a competent authority may ask for, and how long
// each may last, for example Articles 48(6) and (7) and 49(3) of COM(2022) 209.
type HoldRules struct {
	Profile
	Holds []HoldRule `json:"holds"`
}

// HoldRule is one kind of hold.
type HoldRule struct {
	Choice
	// Effect says in words what must not happen while the hold runs.
	Effect string `json:"effect"`
	// Longest is counted from the start of the first request; extensions never
	// reach further.
	Longest Clock `json:"longest"`
}

// Hold returns the rule of that key; ok is false when there is none.
func (r *HoldRules) Hold(key string) (rule HoldRule, ok bool) {
	for _, rule := range r.Holds {
		if rule.Key == key {
			return rule, true
		}
	}
	return HoldRule{}, false
}

func (r *HoldRules) validate() error {
	choices := make([]Choice, len(r.Holds))
	for index, rule := range r.Holds {
		at := fmt.Sprintf("holds[%d]", index)
		if rule.Effect == "" {
			return problem.InvalidField(at+".effect", "is missing", "say what must not happen while the hold runs")
		}
		if err := rule.Longest.check(at+".longest", true); err != nil {
			return err
		}
		choices[index] = rule.Choice
	}
	return validateChoices("holds", choices)
}
