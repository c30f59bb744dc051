// Package law holds the types of Brdo's versioned legal profiles: report
// forms, labelling schemes, mapping tables, review rules, legal bases, and the
// forms and clocks of orders, voluntary notices and holds.
//
// The profiles themselves are JSON files (folder law of the repository, or an
// operator's own), one subject a file, the article cited beside each field, so
// that a lawyer can read and correct them. This package reads them strictly: a
// key that is not known, a clock that does not parse or a reference that leads
// nowhere is an error that names file and key, never a rule that silently does
// not apply. Several versions of a profile live side by side, and a case keeps
// the version that it began under.
package law

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
)

// Kind says which of the types a profile file holds.
// Kind says which type a profile file holds.
type Kind string

const (
	KindReportForm Kind = "report-form"
	KindScheme     Kind = "scheme"
	KindMapping    Kind = "mapping"
	KindReview     Kind = "review"
	KindLegalBasis Kind = "legal-basis"
	KindRouting    Kind = "routing"
	KindOrderForm  Kind = "order-form"
	KindNoticeForm Kind = "notice-form"
	KindHoldRules  Kind = "hold-rules"
	KindStatistics Kind = "statistics"
	KindCyberTip   Kind = "cybertip"
)

// Status says how far a profile may be relied upon. It is shown to users.
type Status string

const (
	// Verified: read in the primary text that Source names.
	Verified Status = "verified"
	// Unverified: no public primary text was found; nothing is derived from it.
	Unverified Status = "unverified"
	// Proposal: our own rule, open to change by the operator.
	Proposal Status = "proposal"
	// Demo: for the demonstration and tests only.
	Demo Status = "demo"
)

// Profile is the head that every profile file begins with.
type Profile struct {
	Kind    Kind   `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version"`
	Title   string `json:"title"`
	Status  Status `json:"status"`
	// Source is the primary text, so that a reader can check every field.
	Source string `json:"source"`
	// Notes are for the reader: doubts, readings chosen, defects of the source.
	Notes []string `json:"notes,omitempty"`
}

// Ref returns the reference under which this version is kept.
func (p Profile) Ref() Ref { return Ref{ID: p.ID, Version: p.Version} }

var identifier = regexp.MustCompile(`^[a-z0-9]+([-/][a-z0-9]+)*$`)

func (p Profile) check() error {
	switch {
	case !identifier.MatchString(p.ID):
		return problem.InvalidField("id", fmt.Sprintf("%q is not an identifier", p.ID), "use small letters, digits, - and /")
	case p.Version < 1:
		return problem.InvalidField("version", "must be 1 or more", "count versions from 1; never change a version in use")
	case p.Title == "":
		return problem.InvalidField("title", "is missing", "")
	case p.Source == "":
		return problem.InvalidField("source", "is missing", "name the text of law or say that none was found")
	}
	switch p.Status {
	case Verified, Unverified, Proposal, Demo:
		return nil
	}
	return problem.InvalidField("status", fmt.Sprintf("%q is not known", p.Status), "use verified, unverified, proposal or demo")
}

// Ref names one version of a profile, written "facts-2026@1".
type Ref struct {
	ID      string
	Version int
}

// String writes the reference as id@version; the zero Ref is empty.
func (r Ref) String() string {
	if r == (Ref{}) {
		return ""
	}
	return r.ID + "@" + strconv.Itoa(r.Version)
}

// IsZero reports whether nothing is referred to.
func (r Ref) IsZero() bool { return r == Ref{} }

// ParseRef reads id@version. The empty text is the zero Ref.
func ParseRef(text string) (Ref, error) {
	if text == "" {
		return Ref{}, nil
	}
	id, version, found := strings.Cut(text, "@")
	number, err := strconv.Atoi(version)
	if !found || err != nil || number < 1 || strconv.Itoa(number) != version || len(id) > 200 || !identifier.MatchString(id) {
		return Ref{}, problem.InvalidField("", fmt.Sprintf("%q is not a reference to a profile", text), "write it as id@version, for example csar/com-2022-209@1")
	}
	return Ref{ID: id, Version: number}, nil
}

// MarshalText writes the reference as id@version.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads id@version.
func (r *Ref) UnmarshalText(text []byte) error {
	parsed, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// Choice is one value of a closed list with its wording and citation.
type Choice struct {
	Key     string `json:"key"`
	Title   string `json:"title"`
	Article string `json:"article"`
}

func validateChoices(field string, choices []Choice) error {
	if len(choices) == 0 {
		return problem.InvalidField(field, "is empty", "")
	}
	seen := map[string]bool{}
	for index, choice := range choices {
		at := fmt.Sprintf("%s[%d]", field, index)
		switch {
		case choice.Key == "" || choice.Title == "":
			return problem.InvalidField(at, "lacks a key or a title", "")
		case choice.Article == "":
			return problem.InvalidField(at+".article", "is missing", "cite the article that the choice comes from")
		case seen[choice.Key]:
			return problem.InvalidField(at+".key", fmt.Sprintf("%q is there twice", choice.Key), "")
		}
		seen[choice.Key] = true
	}
	return nil
}
