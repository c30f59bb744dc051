package law

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// BasisKind says what sort of ground a detector runs under.
type BasisKind string

const (
	// BasisAct: an act of law permits or orders the processing.
	BasisAct BasisKind = "act"
	// BasisOrder: a court or authority ordered it.
	BasisOrder BasisKind = "order"
	// BasisTerms: the provider's own terms, within the law that applies to it.
	BasisTerms BasisKind = "terms"
	// BasisDemo: benign data of the demonstration.
	BasisDemo BasisKind = "demo"
)

// LegalBasis is the dated ground under which a detector runs. A detector names
// one, refuses to start outside its dates and stops by itself at the end.
type LegalBasis struct {
	Profile
	Basis    BasisKind `json:"basis"`
	Name     string    `json:"name"`
	Citation string    `json:"citation"`
	// From is the first moment at which it applies.
	From time.Time `json:"from"`
	// Until is the first moment at which it no longer applies (exclusive); the
	// zero time means that no end is set.
	Until time.Time `json:"until,omitzero"`
	// Services are the kinds of service covered, by the keys of the report form.
	Services []string `json:"services"`
	// WarnDays are the days before the end at which people are warned.
	WarnDays []int `json:"warn_days,omitempty"`
}

// EndWarning is one threshold before the end that has been reached.
type EndWarning struct {
	Days  int       `json:"days"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// ActiveAt reports whether the basis applies at that moment.
func (b *LegalBasis) ActiveAt(now time.Time) bool {
	return !now.Before(b.From) && !b.Expired(now)
}

// Expired reports whether the end has been reached.
func (b *LegalBasis) Expired(now time.Time) bool {
	return !b.Until.IsZero() && !now.Before(b.Until)
}

// Covers reports whether the basis applies to that kind of service.
func (b *LegalBasis) Covers(service string) bool { return slices.Contains(b.Services, service) }

// Warnings returns the thresholds reached before the end, the longest first.
// After the end there are none: then [LegalBasis.Expired] says it.
func (b *LegalBasis) Warnings(now time.Time) []EndWarning {
	if b.Until.IsZero() || b.Expired(now) {
		return nil
	}
	var reached []EndWarning
	for _, days := range b.WarnDays {
		if since := b.Until.AddDate(0, 0, -days); !now.Before(since) {
			reached = append(reached, EndWarning{Days: days, Since: since, Until: b.Until})
		}
	}
	return reached
}

// Check returns nil when a detector for service may run at that moment, else a
// problem of kind Expired or Denied that can be shown.
func (b *LegalBasis) Check(service string, now time.Time) error {
	switch {
	case b.Expired(now):
		return &problem.Error{Kind: problem.Expired, Field: "legal_basis", Reason: fmt.Sprintf("%s ended at %s", b.Name, b.Until.Format(time.RFC3339)), Remedy: "detection stays stopped until a person sets another legal basis"}
	case now.Before(b.From):
		return &problem.Error{Kind: problem.Denied, Field: "legal_basis", Reason: fmt.Sprintf("%s begins at %s", b.Name, b.From.Format(time.RFC3339)), Remedy: "wait until it begins or name another legal basis"}
	case !b.Covers(service):
		return &problem.Error{Kind: problem.Denied, Field: "legal_basis", Reason: fmt.Sprintf("%s does not cover the service kind %q", b.Name, service), Remedy: "name a legal basis that covers it"}
	}
	return nil
}

func (b *LegalBasis) validate() error {
	switch {
	case b.Name == "" || b.Citation == "":
		return problem.InvalidField("citation", "name or citation is missing", "")
	case !slices.Contains([]BasisKind{BasisAct, BasisOrder, BasisTerms, BasisDemo}, b.Basis):
		return problem.InvalidField("basis", fmt.Sprintf("%q is not known", b.Basis), "use act, order, terms or demo")
	case b.From.IsZero():
		return problem.InvalidField("from", "is missing", "give the first moment with its offset")
	case !b.Until.IsZero() && !b.Until.After(b.From):
		return problem.InvalidField("until", "is not after from", "")
	case len(b.Services) == 0:
		return problem.InvalidField("services", "is empty", "name the kinds of service covered; there is no 'all'")
	case !b.Until.IsZero() && len(b.WarnDays) == 0:
		return problem.InvalidField("warn_days", "is empty although an end is set", "for example [90, 30, 7]")
	}
	for index, days := range b.WarnDays {
		if days < 1 || days > 1000 || (index > 0 && days >= b.WarnDays[index-1]) {
			return problem.InvalidField("warn_days", "must be days from 1 to 1000, the longest first", "for example [90, 30, 7]")
		}
	}
	return nil
}
