package api

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/door"
)

// Limit is how many questions a key may ask. A file that is compared is one
// question, and so is every other request; a key without a source, and a source
// without a limit, has [DefaultLimit].
type Limit struct {
	// PerSecond is how many questions a second a key may ask in the long run.
	PerSecond float64
	// Burst is how many it may ask at once after a pause; at least
	// [SmallestBurst].
	Burst int
}

// DefaultLimit lets a service ask about half of what one machine of two cores can
// answer (`brdo bench detect`), and stops a stolen key from testing a list at the speed of the network.
var DefaultLimit = Limit{PerSecond: 100, Burst: 1000}

// SmallestBurst lets the largest submission through as a whole: it could never
// be answered otherwise.
const SmallestBurst = intake.MaxFiles

// Validate names the fault of a limit. The zero limit means [DefaultLimit].
//
// Errors: Invalid, with the field under the path at.
func (l Limit) Validate(at string) error {
	if l == (Limit{}) {
		return nil
	}
	if math.IsNaN(l.PerSecond) || math.IsInf(l.PerSecond, 0) || l.PerSecond <= 0 {
		return problem.InvalidField(at+".per_second", "it is not a positive number", "say how many files a second a key may have compared, or leave the whole limit out")
	}
	if l.Burst < SmallestBurst {
		return problem.InvalidField(at+".burst", fmt.Sprintf("it is less than %d", SmallestBurst), fmt.Sprintf("one request may hold %d files, so allow at least that many at once", intake.MaxFiles))
	}
	return nil
}

// limits keeps the buckets of the keys of this process. There is one pair for
// each key that showed a good token, so the operator bounds their number.
type limits struct {
	bySource map[string]Limit
	mutex    sync.Mutex
	keys     map[string]*buckets
	// limited counts questions that were refused and reserved those that only the
	// reserve let through, by source.
	limited, reserved map[string]int64
}

// buckets are those of one key. The reserve is for what must not wait.
type buckets struct {
	general, reserve *rate.Limiter
	seen             time.Time
}

func newLimits(bySource map[string]Limit) *limits {
	return &limits{bySource: bySource, keys: map[string]*buckets{}, limited: map[string]int64{}, reserved: map[string]int64{}}
}

// of returns the buckets of a key as they stand now; the mutex is held.
func (l *limits) of(actor mandate.Actor, now time.Time) *buckets {
	b := l.bucketsOf(actor)
	if now.Before(b.seen) {
		// The clock was set back. The library would fill nothing until the earlier
		// time comes again, which may be hours; what is there is kept, from now on.
		b.general.SetLimitAt(now, b.general.Limit())
		b.reserve.SetLimitAt(now, b.reserve.Limit())
	}
	b.seen = now
	return b
}

func (l *limits) bucketsOf(actor mandate.Actor) *buckets {
	if known, found := l.keys[actor.ID]; found {
		return known
	}
	limit := l.bySource[actor.Source]
	if limit == (Limit{}) {
		limit = DefaultLimit
	}
	// A tenth, because everybody who holds the key can call a file urgent: the
	// reserve must not be a way round the limit.
	b := &buckets{
		general: rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst),
		reserve: rate.NewLimiter(rate.Limit(limit.PerSecond/10), max(limit.Burst/10, SmallestBurst)),
	}
	l.keys[actor.ID] = b
	return b
}

// readable reports whether a submission may be read at all: whether it presses
// is known only afterwards, so the reserve counts too. It takes nothing.
//
// Errors: 429.
func (l *limits) readable(actor mandate.Actor, now time.Time) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	b := l.of(actor, now)
	if b.general.TokensAt(now) >= 1 || b.reserve.TokensAt(now) >= 1 {
		return nil
	}
	l.limited[actor.Source]++
	return exhausted(b.general, now, 1)
}

// take takes so many questions from a key, or none. What presses may use the
// reserve when the rest is used up.
//
// Errors: 429.
func (l *limits) take(actor mandate.Actor, now time.Time, questions int, pressing bool) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	questions = min(max(questions, 1), SmallestBurst)
	b := l.of(actor, now)
	if b.general.AllowN(now, questions) {
		return nil
	}
	if pressing && b.reserve.AllowN(now, questions) {
		l.reserved[actor.Source] += int64(questions)
		return nil
	}
	l.limited[actor.Source] += int64(questions)
	return exhausted(b.general, now, questions)
}

// exhausted says when a bucket will hold enough again.
func exhausted(b *rate.Limiter, now time.Time, questions int) error {
	missing := float64(questions) - b.TokensAt(now)
	wait := min(math.Ceil(missing/float64(b.Limit())), 24*60*60) // seconds
	return door.TooMuch("this key asked more than it may for now",
		"wait as long as Retry-After says and send it again; nothing was recorded. The operator can raise detection.sources[].limit", time.Duration(max(wait, 1))*time.Second)
}

// pressing reports whether a submission must not wait for others of its key: a
// person asked for a look, or the service says that a child may be in danger.
func pressing(s intake.Submission) bool {
	if s.Flagged {
		return true
	}
	for _, signal := range s.Signals {
		switch signal {
		case law.SignalUrgent, law.SignalLive, law.SignalPlannedMeeting:
			return true
		}
	}
	return false
}

// LimitFigure is how often the limit acted for the keys of a source since this
// process began.
type LimitFigure struct {
	// Source is empty for keys that submit nothing.
	Source string
	// Refused counts questions that were refused, Reserved those that only the
	// reserve for pressing submissions let through.
	Refused, Reserved int64
}

// LimitFigures returns how often the limits acted, for every source that has
// keys which asked something.
func (s *Server) LimitFigures() []LimitFigure {
	l := s.limits
	l.mutex.Lock()
	defer l.mutex.Unlock()
	figures := []LimitFigure{{Refused: l.limited[""], Reserved: l.reserved[""]}}
	for source := range l.bySource {
		if source != "" {
			figures = append(figures, LimitFigure{source, l.limited[source], l.reserved[source]})
		}
	}
	return figures
}
