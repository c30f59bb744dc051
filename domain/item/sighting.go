package item

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
)

// Sighting is one occurrence of an item at a source. It carries the personal
// data; the item does not.
type Sighting struct {
	ID   string `json:"id"`
	Item ID     `json:"item"`
	// Source is the detection source that sent it.
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	// LegalBasis is the dated ground under which it was detected.
	LegalBasis law.Ref `json:"legal_basis"`
	Context    Context `json:"context"`
	Matches    []Match `json:"matches,omitempty"`
	// Signals are what the source itself said ("urgent", "planned-meeting").
	Signals []law.Signal `json:"signals,omitempty"`
}

// Context is what the source knows about the upload, in the shape in which a
// report needs it.
type Context struct {
	Users    []report.Person  `json:"users,omitempty"`
	IPEvents []report.IPEvent `json:"ip_events,omitempty"`
	URL      string           `json:"url,omitempty"`
	Service  report.Service   `json:"service,omitzero"`
}

// Match is the summary of one hit in a hash list.
type Match struct {
	List    string `json:"list"`
	Entry   string `json:"entry"`
	Method  string `json:"method"`
	Exact   bool   `json:"exact"`
	Verdict string `json:"verdict,omitempty"`
	// Distance in bits for near matches, and the radius it was found within.
	Distance int `json:"distance"`
	Radius   int `json:"radius"`
	// Verified: people checked the entries of that list.
	Verified bool `json:"verified"`
	// SelfReported: the entries come from the people concerned, unchecked.
	SelfReported bool `json:"self_reported"`
	Viral        bool `json:"viral"`
}

const (
	maxMatches  = 1_000
	maxIPEvents = 10_000
	maxUsers    = 1_000
	maxSource   = 200
	maxURL      = 4_000
)

// sourceSignals are the signals that a source may state. Whether a list knows
// an item is found by matching and never believed from outside.
var sourceSignals = []law.Signal{law.SignalUrgent, law.SignalLive, law.SignalPlannedMeeting, law.SignalSolicitation}

// Validate checks every value and returns all problems found.
func (s Sighting) Validate() []*problem.Error {
	var found []*problem.Error
	add := func(field, reason, remedy string) {
		found = append(found, problem.InvalidField(field, reason, remedy))
	}
	if s.ID == "" {
		add("id", "is missing", "")
	}
	if !report.IsContentAddress(string(s.Item)) {
		add("item", "is not a content address", "give the SHA-256 in 64 small hex digits")
	}
	if s.Source == "" || len(s.Source) > maxSource {
		add("source", "is missing or too long", "name the detection source")
	}
	if s.At.IsZero() {
		add("at", "is missing", "")
	}
	if s.LegalBasis.IsZero() {
		add("legal_basis", "is missing", "name the legal basis under which the source detects")
	}
	if len(s.Matches) > maxMatches || len(s.Context.IPEvents) > maxIPEvents || len(s.Context.Users) > maxUsers || len(s.Context.URL) > maxURL {
		add("context", fmt.Sprintf("has more than %d matches, %d addresses, %d users or a URL longer than %d bytes", maxMatches, maxIPEvents, maxUsers, maxURL), "split it into several sightings")
		return found
	}
	for index, user := range s.Context.Users {
		for _, inner := range user.Validate() {
			add(fmt.Sprintf("context.users[%d].%s", index, inner.Field), inner.Reason, inner.Remedy)
		}
	}
	for index, event := range s.Context.IPEvents {
		for _, inner := range event.Validate() {
			add(fmt.Sprintf("context.ip_events[%d].%s", index, inner.Field), inner.Reason, inner.Remedy)
		}
	}
	for index, match := range s.Matches {
		if match.List == "" || match.Entry == "" || match.Method == "" || match.Distance < 0 || match.Distance > match.Radius || (match.Exact && match.Distance != 0) {
			add(fmt.Sprintf("matches[%d]", index), "lacks its list, entry or method, or its distance is impossible", "")
		}
	}
	for index, signal := range s.Signals {
		if !slices.Contains(sourceSignals, signal) {
			add(fmt.Sprintf("signals[%d]", index), fmt.Sprintf("%q is nothing that a source can say", signal), "use urgent, live, planned-meeting or solicitation")
		}
	}
	return found
}

// SignalsOf returns what all sightings of one item say together, in the order
// of [law.Signals]: any source that says urgent makes the item urgent. Without
// a match the item is unknown; viral counts only if every match says so.
func SignalsOf(sightings []Sighting) []law.Signal {
	present := map[law.Signal]bool{}
	matches, viral := 0, 0
	for _, sighting := range sightings {
		for _, signal := range sighting.Signals {
			present[signal] = true
		}
		for _, match := range sighting.Matches {
			matches++
			present[law.SignalKnown] = true
			switch {
			case match.SelfReported && !match.Verified:
				present[law.SignalSelfReported] = true
			case match.Verified:
				present[law.SignalVerifiedList] = true
			}
			if match.Viral {
				viral++
			}
		}
	}
	present[law.SignalUnknown] = matches == 0
	present[law.SignalViral] = matches > 0 && viral == matches
	var signals []law.Signal
	for _, signal := range law.Signals {
		if present[signal] {
			signals = append(signals, signal)
		}
	}
	return signals
}
