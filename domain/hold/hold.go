// Package hold holds what a competent authority may ask others to wait with:
// informing a user, removing material, sending a voluntary notice.
//
// Sources: Articles 48(6) and (7) and 49(3) of COM(2022) 209. A hold names who
// asks, on which basis and why, and always has an end; all extensions together
// reach no further than the longest period counted from the start of the first
// request. What the periods are is said by the profile ([law.HoldRules]).
package hold

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Kind says what has to wait.
type Kind string

const (
	// NoInform: the user concerned is not informed (Article 48(6)(a)).
	NoInform Kind = "no_inform"
	// NoRemove: the material is not removed (Article 48(6)(b)).
	NoRemove Kind = "no_remove"
	// NoNotice: no voluntary notice is sent (Article 49(3)).
	NoNotice Kind = "no_notice"
)

// Hold is one request of a competent authority, the first or an extension.
type Hold struct {
	Requester  string    `json:"requester"`
	LegalBasis string    `json:"legal_basis"`
	Reason     string    `json:"reason"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
}

// Check says whether a request may be taken in now: complete, begun, with an
// end ahead that lies within longest after first. first is the start of the
// first request of the row; the zero time means that this one is the first.
func (h Hold) Check(first time.Time, longest law.Period, article string, now time.Time) error {
	switch {
	case h.Requester == "" || h.LegalBasis == "" || h.Reason == "":
		return problem.InvalidField("hold", "requester, legal basis or reason is missing", "a hold names the authority that asks for it and why")
	case h.From.IsZero():
		return problem.InvalidField("hold.from", "is missing", "")
	case h.Until.IsZero():
		return problem.InvalidField("hold.until", "is missing", "a hold has an end ("+article+"); ask the authority for it")
	case h.From.After(now):
		return problem.InvalidField("hold.from", "is in the future", "")
	case !h.Until.After(now) || !h.Until.After(h.From):
		return problem.InvalidField("hold.until", "has passed or is before its start", "")
	}
	if first.IsZero() {
		first = h.From
	}
	if last := longest.Expiry(first); h.Until.After(last) {
		return problem.InvalidField("hold.until", fmt.Sprintf("reaches beyond %s, %s after the first hold began", last.Format(time.RFC3339), longest), article+" allows no longer")
	}
	return nil
}

// Release ends a hold early.
type Release struct {
	// By is the authority that released it.
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Record is one hold with its extensions, over one subject.
type Record struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Subject is the report or the item that the hold is about.
	Subject string `json:"subject"`
	// Rules is the profile that the hold began under; Longest is its clock.
	Rules   law.Ref   `json:"rules"`
	Longest law.Clock `json:"longest"`
	// Requests are the first request and its extensions, the one in force last.
	Requests []Hold   `json:"requests"`
	Released *Release `json:"released,omitempty"`
}

// Start takes in a first request.
func Start(id string, kind Kind, subject string, rules *law.HoldRules, first Hold, now time.Time) (Record, error) {
	rule, known := rules.Hold(string(kind))
	switch {
	case !known:
		return Record{}, problem.InvalidField("kind", fmt.Sprintf("%q is no hold of %s", kind, rules.Ref()), "")
	case id == "" || subject == "":
		return Record{}, problem.InvalidField("subject", "the hold or what it is about is not named", "")
	}
	if err := first.Check(time.Time{}, rule.Longest.Length, rule.Longest.Article, now); err != nil {
		return Record{}, err
	}
	return Record{ID: id, Kind: kind, Subject: subject, Rules: rules.Ref(), Longest: rule.Longest, Requests: []Hold{first}}, nil
}

// Extend takes in a further request while the hold is in force. r itself is
// unchanged.
func (r Record) Extend(further Hold, now time.Time) (Record, error) {
	if !r.InForce(now) {
		return r, problem.New(problem.Expired, "the hold has ended", "a hold is extended while it is in force; what has ended needs a new request and a new decision")
	}
	if !further.Until.After(r.Until()) {
		return r, problem.InvalidField("hold.until", "is no later than the end until now", "an extension ends later; what ends early is released")
	}
	if err := further.Check(r.Requests[0].From, r.Longest.Length, r.Longest.Article, now); err != nil {
		return r, err
	}
	next := r
	next.Requests = append(slices.Clone(r.Requests), further)
	return next, nil
}

// Release ends the hold before its time. r itself is unchanged.
func (r Record) Release(by, reason string, now time.Time) (Record, error) {
	switch {
	case by == "" || reason == "":
		return r, problem.InvalidField("reason", "the authority or its reason is missing", "name the authority that released the hold, and why")
	case !r.InForce(now):
		return r, problem.New(problem.Conflict, "no hold is in force", "")
	}
	next := r
	next.Released = &Release{By: by, Reason: reason, At: now}
	return next, nil
}

// Until is the end of the hold, and the moment of its release if that came
// first.
func (r Record) Until() time.Time {
	if r.Released != nil {
		return r.Released.At
	}
	if len(r.Requests) == 0 {
		return time.Time{}
	}
	return r.Requests[len(r.Requests)-1].Until
}

// InForce reports whether the hold bars anything at that moment.
func (r Record) InForce(now time.Time) bool { return now.Before(r.Until()) }

// Check is the look into the holds that must precede an act which a hold could
// bar: all holds found on the subjects, and when somebody looked.
type Check struct {
	At    time.Time `json:"at"`
	Holds []Record  `json:"holds,omitempty"`
}

// Bars returns nil when no hold of that kind is in force. A check that was not
// made at this very moment is refused: the look and the act belong into one
// transaction.
func (c Check) Bars(kind Kind, now time.Time) error {
	if c.At.IsZero() || !c.At.Equal(now) {
		return problem.InvalidField("check", "nobody looked for holds now", "look for holds in the same transaction as the act")
	}
	until := time.Time{}
	for _, record := range c.Holds {
		if record.Kind == kind && record.InForce(now) && record.Until().After(until) {
			until = record.Until()
		}
	}
	if until.IsZero() {
		return nil
	}
	return problem.New(problem.Denied, fmt.Sprintf("a competent authority asked to wait (%s) until %s", kind, until.Format(time.RFC3339)), "ask that authority, or wait until the hold has ended")
}
