// Package watch holds the rounds of checks that follow a removal: is the
// material still there, and has it come back?
//
// A check that could not tell (the place did not answer, asked for a login, or
// served something that nobody could compare) is never taken for success: it
// is repeated until it tells. When to look is said by the profile
// ([law.WatchTerms]).
package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Finding is what one check of one place, or one round over all, found.
type Finding string

const (
	// Gone: the place no longer serves the item.
	Gone Finding = "gone"
	// Present: the place serves the item.
	Present Finding = "present"
	// Unknown: it could not be told.
	Unknown Finding = "unknown"
)

// Check is what was found at one place.
type Check struct {
	Place   string  `json:"place"`
	Finding Finding `json:"finding"`
	// Reason says how it was found out, or why it could not be.
	Reason string `json:"reason"`
	// Outcome is what a machine saw, in its words; empty when a person looked.
	Outcome string `json:"outcome,omitempty"`
}

// Round is one look at every place that is watched.
type Round struct {
	At time.Time `json:"at"`
	// By is who looked: a pseudonym of a person, or the node.
	By     string  `json:"by"`
	Checks []Check `json:"checks"`
}

// Finding sums a round up: present when any place serves the item, else
// unknown when any could not be told, else gone.
func (r Round) Finding() Finding {
	found := Gone
	for _, check := range r.Checks {
		switch check.Finding {
		case Present:
			return Present
		case Unknown:
			found = Unknown
		}
	}
	return found
}

// Watch is the row of rounds over the places of one removal.
type Watch struct {
	Terms  law.WatchTerms `json:"terms"`
	Places []string       `json:"places"`
	// Since is the moment of the removal, from which the schedule counts.
	Since time.Time `json:"since"`
	// Rounds is how many rounds were made, Unknown how many of them in a row
	// could not tell.
	Rounds  int `json:"rounds"`
	Unknown int `json:"unknown"`
	// Last is the latest round.
	Last *Round `json:"last,omitempty"`
	// Due is the next round; zero when the watch is over.
	Due time.Time `json:"due,omitzero"`
}

// Begin starts a watch over places from the moment of removal.
func Begin(terms law.WatchTerms, places []string, since time.Time) Watch {
	w := Watch{Terms: terms, Places: slices.Clone(places), Since: since}
	w.Due = w.after(since)
	return w
}

// after is the first moment of the schedule after a time; zero when none is.
func (w Watch) after(now time.Time) time.Time {
	for _, wait := range w.Terms.Schedule {
		if at := wait.AddTo(w.Since); at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// Apply takes in a round, which must cover every place once. w itself is
// unchanged. After gone the next round is the next of the schedule; after
// unknown it is repeated soon; after present the watch stops, because now a
// person has to act.
func (w Watch) Apply(round Round, now time.Time) (Watch, Finding, error) {
	switch {
	case round.By == "":
		return w, "", problem.InvalidField("round.by", "is missing", "say who looked")
	case round.At.IsZero() || round.At.After(now) || round.At.Before(w.Since):
		return w, "", problem.InvalidField("round.at", "is in the future or before the removal", "")
	}
	seen := map[string]bool{}
	for index, check := range round.Checks {
		at := fmt.Sprintf("round.checks[%d]", index)
		switch {
		case !slices.Contains(w.Places, check.Place) || seen[check.Place]:
			return w, "", problem.InvalidField(at+".place", "is not watched, or is there twice", "")
		case check.Finding != Gone && check.Finding != Present && check.Finding != Unknown:
			return w, "", problem.InvalidField(at+".finding", fmt.Sprintf("%q is not known", check.Finding), "use gone, present or unknown")
		case check.Reason == "":
			return w, "", problem.InvalidField(at+".reason", "is missing", "say how it was found out, or why it could not be")
		}
		seen[check.Place] = true
	}
	if len(seen) != len(w.Places) {
		return w, "", problem.InvalidField("round.checks", fmt.Sprintf("cover %d of %d places", len(seen), len(w.Places)), "a round looks at all; what could not be reached is unknown")
	}
	next, found := w, round.Finding()
	kept := round
	kept.Checks = slices.Clone(round.Checks)
	next.Last, next.Rounds, next.Unknown = &kept, w.Rounds+1, 0
	switch found {
	case Gone:
		next.Due = w.after(now)
	case Unknown:
		next.Unknown = w.Unknown + 1
		next.Due = w.Terms.Retry.AddTo(now)
	case Present:
		next.Due = time.Time{}
	}
	return next, found, nil
}

// Again lets a watch that found the material go on with its schedule, where the
// finding changes nothing: the addressee still has time to act.
func (w Watch) Again(now time.Time) Watch {
	w.Due = w.after(now)
	return w
}
