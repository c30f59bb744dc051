package item

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Level is how much of an item is shown.
type Level int

const (
	// LevelNone: text about the item only.
	LevelNone Level = iota
	// LevelSketch: a drawing made of its edges.
	LevelSketch
	// LevelRegion: a part of it.
	LevelRegion
	// LevelFull: all of it.
	LevelFull
)

// String returns the name of the level as profiles write it.
func (l Level) String() string {
	if l < LevelNone || l > LevelFull {
		return fmt.Sprintf("level %d", int(l))
	}
	return law.ExposureLevels[l]
}

// ParseLevel reads the name of a level.
func ParseLevel(text string) (Level, error) {
	if index := slices.Index(law.ExposureLevels, text); index >= 0 {
		return Level(index), nil
	}
	return LevelNone, problem.InvalidField("level", fmt.Sprintf("%q is no exposure level", text), "use none, sketch, region or full")
}

// MarshalText writes the name of the level.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name of a level.
func (l *Level) UnmarshalText(text []byte) error {
	parsed, err := ParseLevel(string(text))
	if err != nil {
		return err
	}
	*l = parsed
	return nil
}

// Exposure is one stretch of time in which a person saw an item at a level.
type Exposure struct {
	Person string    `json:"person"`
	Item   ID        `json:"item"`
	Level  Level     `json:"level"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// ExposurePoints returns the points of one exposure: those of its level for
// each started minute, at least one. An end before the start counts as one.
func ExposurePoints(policy law.Breaks, e Exposure) int {
	minutes := 1
	if seen := e.Until.Sub(e.From); seen > time.Minute {
		minutes = int((seen + time.Minute - 1) / time.Minute)
	}
	return minutes * policy.Points[e.Level.String()]
}

// Lock is a break: the queue gives the person nothing before its end.
type Lock struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Locked reports whether the lock holds at that moment.
func (l Lock) Locked(now time.Time) bool { return now.Before(l.Until) }

// Workload is what a person sees about the own day.
type Workload struct {
	// Points since the last break, and of the whole day.
	Points int  `json:"points"`
	Today  int  `json:"today"`
	Lock   Lock `json:"lock"`
}

// BreakLock computes the break of one person from the exposures of the day, in
// any order, and the lock that is recorded already (zero if none). Each time the
// points since the last break reach the limit, a lock begins at the end of that
// exposure. A recorded lock that ends later stays: a softer policy or a changed
// history shortens no running break.
func BreakLock(policy law.Breaks, exposures []Exposure, recorded Lock) Workload {
	ordered := slices.SortedFunc(slices.Values(exposures), func(a, b Exposure) int { return a.Until.Compare(b.Until) })
	w := Workload{Lock: recorded}
	for _, exposure := range ordered {
		points := ExposurePoints(policy, exposure)
		w.Points += points
		w.Today += points
		if w.Points < policy.Limit {
			continue
		}
		w.Points = 0
		if until := exposure.Until.Add(time.Duration(policy.LockMinutes) * time.Minute); until.After(w.Lock.Until) {
			w.Lock = Lock{From: exposure.Until, Until: until}
		}
	}
	return w
}

// Extend returns the lock as a supervisor sets it. A running lock can be made
// longer, never shorter: kind Denied otherwise. Without a running lock one
// begins now.
func (l Lock) Extend(until, now time.Time, policy law.Breaks) (Lock, error) {
	if l.Locked(now) && until.Before(l.Until) {
		return l, problem.New(problem.Denied, fmt.Sprintf("the break lasts until %s and cannot be shortened", l.Until.Format(time.RFC3339)), "let it end; another person can take an urgent item")
	}
	if !until.After(now) {
		return l, problem.InvalidField("until", "has passed", "")
	}
	if latest := now.Add(time.Duration(policy.MaxExtensionMinutes) * time.Minute); until.After(latest) && until.After(l.Until) {
		return l, problem.InvalidField("until", fmt.Sprintf("is later than %s", latest.Format(time.RFC3339)), "a longer absence is a matter of the duty roster")
	}
	if !l.Locked(now) {
		l.From = now
	}
	l.Until = until
	return l, nil
}
