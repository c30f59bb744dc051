package law

import (
	"fmt"
	"maps"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Routing holds the rules by which a report finds the authority that acts on
// it: clocks, evidence of jurisdiction with its weights, and the reasons for
// which a report may be called manifestly unfounded.
type Routing struct {
	Profile
	// Clocks are by name: assess, acknowledge, claim, handle, hold and answer.
	Clocks map[string]RoutingClock `json:"clocks"`
	// Evidence lists every kind of evidence that may be given.
	Evidence []EvidenceRule `json:"evidence"`
	// Likely is the weight from which on a State is likely to have jurisdiction.
	Likely int `json:"likely"`
	// Unfounded lists the closed reasons of Article 48(2) of COM(2022) 209.
	Unfounded []UnfoundedReason `json:"unfounded"`
	// Feedback lists what may be said to whoever reported about the use and the
	// quality of a report: a closed list, so that nothing of a case is told.
	Feedback []FeedbackCode `json:"feedback"`
	// UnfoundedSecondPerson says when two people have to call a report unfounded.
	UnfoundedSecondPerson UnfoundedSecondPerson `json:"unfounded_second_person"`
}

// RoutingClock is how long something may take before it escalates.
type RoutingClock struct {
	Normal  Period `json:"normal"`
	Urgent  Period `json:"urgent"`
	Reason  string `json:"reason"`
	Article string `json:"article"`
}

// EvidenceRule is one kind of evidence of jurisdiction.
type EvidenceRule struct {
	Kind   string `json:"kind"`
	Weight int    `json:"weight"`
	Reason string `json:"reason"`
}

// UnfoundedReason is one reason to close a report, which the provider is told.
type UnfoundedReason struct {
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Article string `json:"article"`
}

// FeedbackCode is one thing that may be said about a report.
type FeedbackCode struct {
	Code string `json:"code"`
	// About is usefulness or quality.
	About   string `json:"about"`
	Reason  string `json:"reason"`
	Article string `json:"article"`
}

// UnfoundedSecondPerson says when one person is not enough.
type UnfoundedSecondPerson struct {
	Urgent      bool   `json:"urgent"`
	NeverOpened bool   `json:"never_opened"`
	Reason      string `json:"reason"`
	Article     string `json:"article"`
}

// RoutingClocks are the names of the clocks that a profile must have.
var RoutingClocks = []string{"assess", "acknowledge", "claim", "handle", "hold", "answer"}

// Clock is how long something may take; the zero period for an unknown name.
func (r *Routing) Clock(name string, urgent bool) Period {
	clock := r.Clocks[name]
	if urgent {
		return clock.Urgent
	}
	return clock.Normal
}

// EvidenceOf finds the rule of a kind of evidence.
func (r *Routing) EvidenceOf(kind string) (EvidenceRule, bool) {
	at := slices.IndexFunc(r.Evidence, func(e EvidenceRule) bool { return e.Kind == kind })
	if at < 0 {
		return EvidenceRule{}, false
	}
	return r.Evidence[at], true
}

// UnfoundedOf finds a reason by its code.
func (r *Routing) UnfoundedOf(code string) (UnfoundedReason, bool) {
	at := slices.IndexFunc(r.Unfounded, func(u UnfoundedReason) bool { return u.Code == code })
	if at < 0 {
		return UnfoundedReason{}, false
	}
	return r.Unfounded[at], true
}

// FeedbackOf finds what may be said by its code.
func (r *Routing) FeedbackOf(code string) (FeedbackCode, bool) {
	at := slices.IndexFunc(r.Feedback, func(f FeedbackCode) bool { return f.Code == code })
	if at < 0 {
		return FeedbackCode{}, false
	}
	return r.Feedback[at], true
}

// forbiddenEvidence is never evidence of jurisdiction: it would say whose child
// it is, not where somebody acted.
var forbiddenEvidence = []string{"nationality", "child-nationality", "victim-nationality", "ethnicity"}

func (r *Routing) validate() error {
	for _, name := range slices.Sorted(maps.Keys(r.Clocks)) {
		if !slices.Contains(RoutingClocks, name) {
			return problem.InvalidField("clocks."+name, "there is no such clock", fmt.Sprintf("use %v", RoutingClocks))
		}
	}
	for _, name := range RoutingClocks {
		clock, set := r.Clocks[name]
		if !set || clock.Normal.IsZero() || clock.Urgent.IsZero() || clock.Reason == "" || clock.Article == "" {
			return problem.InvalidField("clocks."+name, "a period, the reason or the article is missing", "give normal, urgent, reason and article; every clock runs")
		}
	}
	seen := map[string]bool{}
	for i, e := range r.Evidence {
		at := fmt.Sprintf("evidence[%d]", i)
		switch {
		case slices.Contains(forbiddenEvidence, e.Kind):
			return problem.InvalidField(at+".kind", "is never evidence of jurisdiction", "leave it out")
		case !identifier.MatchString(e.Kind) || seen[e.Kind]:
			return problem.InvalidField(at+".kind", "is no identifier, or stands twice", "")
		case e.Weight < 1 || e.Weight > 100 || e.Reason == "":
			return problem.InvalidField(at+".weight", "must be 1 to 100, with a reason", "")
		}
		seen[e.Kind] = true
	}
	if len(r.Evidence) == 0 || r.Likely < 1 {
		return problem.InvalidField("likely", "evidence or the weight from which a State is likely is missing", "")
	}
	codes := map[string]bool{}
	for i, u := range r.Unfounded {
		if !identifier.MatchString(u.Code) || codes[u.Code] || u.Reason == "" || u.Article == "" {
			return problem.InvalidField(fmt.Sprintf("unfounded[%d]", i), "code, reason or article is missing, or the code stands twice", "")
		}
		codes[u.Code] = true
	}
	if len(r.Unfounded) == 0 {
		return problem.InvalidField("unfounded", "is empty", "a provider must be given a reason")
	}
	said := map[string]bool{}
	for i, f := range r.Feedback {
		if !identifier.MatchString(f.Code) || said[f.Code] || f.Reason == "" || f.Article == "" || f.About != "usefulness" && f.About != "quality" {
			return problem.InvalidField(fmt.Sprintf("feedback[%d]", i), "code, reason or article is missing, the code stands twice, or it is about neither usefulness nor quality", "")
		}
		said[f.Code] = true
	}
	if r.UnfoundedSecondPerson.Reason == "" || r.UnfoundedSecondPerson.Article == "" {
		return problem.InvalidField("unfounded_second_person", "reason or article is missing", "")
	}
	return nil
}
