package item

import (
	"cmp"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// Place is where an item stands in the queue and why. It measures urgency only;
// the completeness of a report is another figure and changes nothing here.
type Place struct {
	// Tier is "P0" (first) to "P4".
	Tier string `json:"tier"`
	// Score orders items within a tier, the higher first.
	Score float64 `json:"score"`
	// Reason is the rule of the profile that put it into its tier.
	Reason  string  `json:"reason"`
	Profile law.Ref `json:"profile"`
}

// PlaceOf returns the place that the review profile gives to an item with these
// sightings. A P0 once recorded stays: see [Place.Raise].
func PlaceOf(sightings []Sighting, score float64, review *law.Review) Place {
	tier, reason := review.Place(SignalsOf(sightings))
	return Place{Tier: tier, Score: score, Reason: reason, Profile: review.Ref()}
}

// Raise returns the more urgent of two places; a further sighting never makes
// an item less urgent.
func (p Place) Raise(other Place) Place {
	if p.Tier == "" || cmp.Or(strings.Compare(other.Tier, p.Tier), -cmp.Compare(other.Score, p.Score)) < 0 {
		return other
	}
	return p
}

// Queued is an item as the queue sees it.
type Queued struct {
	ID    ID
	Place Place
	Since time.Time
}

// Compare orders the queue: tier, then score, then age, then id. The order is
// total, so that two nodes show the same queue.
func Compare(a, b Queued) int {
	return cmp.Or(
		strings.Compare(a.Place.Tier, b.Place.Tier),
		-cmp.Compare(a.Place.Score, b.Place.Score),
		a.Since.Compare(b.Since),
		strings.Compare(string(a.ID), string(b.ID)),
	)
}
