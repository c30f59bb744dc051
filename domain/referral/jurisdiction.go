package referral

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Evidence says that something points to a State.
type Evidence struct {
	// Kind is one of the profile's, for example "upload-ip".
	Kind string `json:"kind"`
	// Country is an ISO 3166-1 alpha-2 code in capitals.
	Country string `json:"country"`
	// Field is where in the report it stands, for example "geo.ip_events[0]".
	Field string `json:"field,omitempty"`
}

// Likely is a State that is likely to have jurisdiction, with the reasons.
type Likely struct {
	Country string   `json:"country"`
	Weight  int      `json:"weight"`
	Reasons []string `json:"reasons"`
}

var country = regexp.MustCompile(`^[A-Z]{2}$`)

// IsCountry reports whether a text has the form of an ISO 3166-1 alpha-2 code.
func IsCountry(code string) bool { return country.MatchString(code) }

// Jurisdiction orders the States that evidence points to, the likeliest first;
// several may be likely, or none. Each kind of evidence counts once a State,
// however often it occurs. It is a help for the person who decides.
//
// Errors: Invalid for a kind that the profile does not have (the nationality of
// a child is never one) and for a country that is none.
func Jurisdiction(rules *law.Routing, evidence []Evidence) ([]Likely, error) {
	found := map[string]*Likely{}
	counted := map[Evidence]bool{}
	for i, e := range evidence {
		rule, known := rules.EvidenceOf(e.Kind)
		if !known {
			return nil, problem.InvalidField(fmt.Sprintf("evidence[%d].kind", i), fmt.Sprintf("%q is no evidence of jurisdiction", e.Kind), "use a kind of the routing profile")
		}
		if !IsCountry(e.Country) {
			return nil, problem.InvalidField(fmt.Sprintf("evidence[%d].country", i), "is not a country code", "use two capital letters (ISO 3166-1)")
		}
		once := Evidence{Kind: e.Kind, Country: e.Country}
		if counted[once] {
			continue
		}
		counted[once] = true
		l := found[e.Country]
		if l == nil {
			l = &Likely{Country: e.Country}
			found[e.Country] = l
		}
		l.Weight += rule.Weight
		l.Reasons = append(l.Reasons, rule.Reason)
	}
	var all []Likely
	for _, l := range found {
		if l.Weight >= rules.Likely {
			all = append(all, *l)
		}
	}
	slices.SortFunc(all, func(a, b Likely) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Country, b.Country))
	})
	return all, nil
}
