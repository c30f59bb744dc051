package law

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/problem"
)

// Scheme is a labelling scheme: the independent facts that a reviewer records
// about an item. It names no legal class; classes are derived by a [Mapping],
// so that one labelling serves many jurisdictions and a changed definition
// needs no second look at any picture.
type Scheme struct {
	Profile
	Facts []Fact `json:"facts"`
}

// Fact is one question about an item.
type Fact struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Article is the citation that the question comes from.
	Article string `json:"article"`
	// Required facts must be answered before a decision; "cannot tell" answers.
	Required bool    `json:"required"`
	Labels   []Label `json:"labels"`
}

// Label is one answer to a fact's question.
type Label struct {
	Key     string `json:"key"`
	Title   string `json:"title"`
	Article string `json:"article,omitempty"`
	// CannotTell marks the honest answer that every fact must offer: agreement
	// on apparent age is only moderate to good even between specialists
	// (Kloess et al. 2021), so no number is ever forced.
	CannotTell bool `json:"cannot_tell,omitempty"`
}

func (s *Scheme) validate() error {
	if len(s.Facts) == 0 {
		return problem.InvalidField("facts", "is empty", "")
	}
	keys := map[string]bool{}
	for index, fact := range s.Facts {
		at := fmt.Sprintf("facts[%d]", index)
		switch {
		case fact.Key == "" || fact.Title == "":
			return problem.InvalidField(at, "lacks a key or a title", "")
		case fact.Article == "":
			return problem.InvalidField(at+".article", "is missing", "cite the article, or say that the question is ours")
		case keys[fact.Key]:
			return problem.InvalidField(at+".key", fmt.Sprintf("%q is there twice", fact.Key), "")
		}
		keys[fact.Key] = true
		labels, cannotTell := map[string]bool{}, 0
		for position, label := range fact.Labels {
			where := fmt.Sprintf("%s.labels[%d]", at, position)
			if label.Key == "" || label.Title == "" {
				return problem.InvalidField(where, "lacks a key or a title", "")
			}
			if labels[label.Key] {
				return problem.InvalidField(where+".key", fmt.Sprintf("%q is there twice", label.Key), "")
			}
			labels[label.Key] = true
			if label.CannotTell {
				cannotTell++
			}
		}
		if len(labels) < 2 || cannotTell != 1 {
			return problem.InvalidField(at+".labels", "must offer at least two answers, exactly one of them cannot_tell", "")
		}
	}
	return nil
}

// Fact returns the fact of that key.
func (s *Scheme) Fact(key string) (Fact, bool) {
	for _, fact := range s.Facts {
		if fact.Key == key {
			return fact, true
		}
	}
	return Fact{}, false
}

// Label returns the label of that key.
func (f Fact) Label(key string) (Label, bool) {
	for _, label := range f.Labels {
		if label.Key == key {
			return label, true
		}
	}
	return Label{}, false
}
