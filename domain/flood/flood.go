// Package flood holds when an entry of a hash list matches so much that it cannot
// be true, such as the hash of a blank picture, and which of its hits wait until
// people have looked at it. A machine makes it wait and nothing else: that the
// entry is wrong is for a person to decide.
package flood

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Limits say how much one entry may match.
type Limits struct {
	// Window is the time that ends now and in which is counted.
	Window time.Duration
	// Items is how many different files an entry may match in the window, and Share
	// which part of all files compared in it (0 to 1). Only what is beyond both floods.
	Items int64
	Share float64
	// Exact is how many different files that are equal to the entry itself, by a
	// digest, come to people even then.
	Exact int64
	// Look is how long people may take before they are told again.
	Look time.Duration
}

// Default limits: a list that is sound reaches neither of the first two within an hour.
var Default = Limits{Window: time.Hour, Items: 100, Share: 0.005, Exact: 20, Look: 24 * time.Hour}

// Validate names the fault of limits.
//
// Errors: Invalid, with the field under the path at.
func (l Limits) Validate(at string) error {
	switch {
	case l.Window < time.Minute || l.Window > 30*24*time.Hour:
		return problem.InvalidField(at+".window", "it is shorter than a minute or longer than 30 days", "an hour is usual")
	case l.Items < 1:
		return problem.InvalidField(at+".items", "it is not positive", "say how many different files one entry may match in the window")
	case !(l.Share >= 0 && l.Share <= 1):
		return problem.InvalidField(at+".share", "it is not between 0 and 1", "0.005 is half a per cent of all files")
	case l.Exact < 1:
		return problem.InvalidField(at+".exact", "it is not positive", "files that are equal to an entry come to people; say how many at least")
	case l.Look < time.Minute:
		return problem.InvalidField(at+".look", "it is shorter than a minute", "say after how long people are told again, for example 24h")
	}
	return nil
}

// Exceeded reports whether an entry that matched so many different files of so many
// compared, both in the window, floods.
func (l Limits) Exceeded(items, compared int64) bool {
	return items > l.Items && float64(items) > l.Share*float64(compared)
}

// Since is from when on is counted: the window, but nothing from before people looked
// at the entry the last time, because they said that this was right.
func (l Limits) Since(now, looked time.Time) time.Time {
	if since := now.Add(-l.Window); since.After(looked) {
		return since
	}
	return looked
}

// Holds reports whether a hit of an entry in quarantine waits. exact is the number of
// different files so far that a digest of the entry is equal to, this one included; 0
// when the hit is only near.
func (l Limits) Holds(exact int64) bool { return exact == 0 || exact > l.Exact }

// Reason says why an entry is in quarantine: a sentence without a full stop.
func Reason(entry string, items, compared int64, window time.Duration) string {
	return fmt.Sprintf("%s matched %d different files of %d that were compared within %s: its hits wait until a person lifts the quarantine, or suspends or withdraws the entry",
		entry, items, compared, window)
}
