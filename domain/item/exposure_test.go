package item

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

var policy = law.Breaks{Points: map[string]int{"none": 0, "sketch": 1, "region": 2, "full": 5}, Limit: 10, LockMinutes: 15, MaxExtensionMinutes: 60}

func exposed(level Level, minute int, length time.Duration) Exposure {
	from := noon.Add(time.Duration(minute) * time.Minute)
	return Exposure{Person: "a", Item: picture, Level: level, From: from, Until: from.Add(length)}
}

func TestExposurePoints(t *testing.T) {
	cases := []struct {
		level  Level
		length time.Duration
		points int
	}{
		{LevelNone, time.Hour, 0}, {LevelSketch, 0, 1}, {LevelSketch, time.Minute, 1}, {LevelSketch, time.Minute + 1, 2},
		{LevelFull, time.Second, 5}, {LevelFull, 3 * time.Minute, 15}, {LevelRegion, -time.Hour, 2},
	}
	for _, c := range cases {
		if got := ExposurePoints(policy, exposed(c.level, 0, c.length)); got != c.points {
			t.Errorf("%s for %s: %d points, not %d", c.level, c.length, got, c.points)
		}
	}
}

func TestBreakLock(t *testing.T) {
	five := func(minute int) Exposure { return exposed(LevelFull, minute, time.Second) }
	end := func(minute int) time.Time { return noon.Add(time.Duration(minute)*time.Minute + time.Second) }
	cases := []struct {
		name      string
		exposures []Exposure
		recorded  Lock
		want      Workload
	}{
		{"nothing seen", nil, Lock{}, Workload{}},
		{"below the limit", []Exposure{five(0)}, Lock{}, Workload{Points: 5, Today: 5}},
		{"at the limit", []Exposure{five(0), five(2)}, Lock{}, Workload{Today: 10, Lock: Lock{end(2), end(17)}}},
		{"after the break it counts anew", []Exposure{five(0), five(2), five(20)}, Lock{}, Workload{Points: 5, Today: 15, Lock: Lock{end(2), end(17)}}},
		{"a second break", []Exposure{five(0), five(2), five(20), five(21)}, Lock{}, Workload{Today: 20, Lock: Lock{end(21), end(36)}}},
		{"a longer recorded break stays", []Exposure{five(0), five(2)}, Lock{noon, end(120)}, Workload{Today: 10, Lock: Lock{noon, end(120)}}},
		{"a recorded break outlives a softer history", nil, Lock{noon, end(15)}, Workload{Lock: Lock{noon, end(15)}}},
	}
	for _, c := range cases {
		if got := BreakLock(policy, c.exposures, c.recorded); got != c.want {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
}

func TestNobodyShortensABreak(t *testing.T) {
	lock := Lock{From: noon, Until: noon.Add(15 * time.Minute)}
	now := noon.Add(5 * time.Minute)
	if _, err := lock.Extend(lock.Until.Add(-1), now, policy); !problem.Is(err, problem.Denied) {
		t.Errorf("shortened: %v", err)
	}
	longer, err := lock.Extend(now.Add(time.Hour), now, policy)
	if err != nil || !longer.From.Equal(noon) || !longer.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v %v", longer, err)
	}
	if _, err := lock.Extend(now.Add(time.Hour+1), now, policy); !problem.Is(err, problem.Invalid) {
		t.Errorf("longer than the policy allows: %v", err)
	}
	if _, err := (Lock{}).Extend(now, now, policy); !problem.Is(err, problem.Invalid) {
		t.Errorf("ends at once: %v", err)
	}
	begun, err := (Lock{}).Extend(now.Add(time.Minute), now, policy)
	if err != nil || !begun.From.Equal(now) || !begun.Locked(now) || begun.Locked(now.Add(time.Minute)) {
		t.Errorf("%+v %v", begun, err)
	}
}

// TestBreakLockOnlyGrows: the order of the exposures does not matter, one more
// exposure never ends a break earlier, and a recorded break is never cut.
func TestBreakLockOnlyGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var exposures []Exposure
		minute := 0
		for range rapid.IntRange(0, 30).Draw(t, "count") {
			minute += rapid.IntRange(1, 30).Draw(t, "gap")
			exposures = append(exposures, exposed(Level(rapid.IntRange(0, 3).Draw(t, "level")), minute, time.Duration(rapid.IntRange(0, 59).Draw(t, "seconds"))*time.Second))
		}
		w := BreakLock(policy, exposures, Lock{})
		shuffled := slices.Clone(exposures)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := BreakLock(policy, shuffled, Lock{}); got != w {
			t.Fatalf("in another order %+v, not %+v", got, w)
		}
		more := BreakLock(policy, append(slices.Clone(exposures), exposed(LevelFull, minute+1, 0)), Lock{})
		if more.Lock.Until.Before(w.Lock.Until) || more.Today < w.Today {
			t.Fatalf("one more made %+v of %+v", more, w)
		}
		softer := policy
		softer.Limit = 1000
		if got := BreakLock(softer, exposures, w.Lock); got.Lock != w.Lock {
			t.Fatalf("a softer policy made %+v of %+v", got.Lock, w.Lock)
		}
	})
}

func TestLevelNames(t *testing.T) {
	for level := LevelNone; level <= LevelFull; level++ {
		if parsed, err := ParseLevel(level.String()); err != nil || parsed != level {
			t.Errorf("%s: %v, %v", level, parsed, err)
		}
	}
	if _, err := ParseLevel("Full"); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}
