package door

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// PriorityHeader says how soon a request wants to be answered (RFC 9218);
// UrgentPriority is its most urgent value. A sender may say so of anything: it
// decides only whether the request may be read while the door is full.
const (
	PriorityHeader = "Priority"
	UrgentPriority = "u=0"
)

// SaysUrgent reports whether a request says of itself that it is urgent.
func SaysUrgent(r *http.Request) bool {
	for parameter := range strings.SplitSeq(r.Header.Get(PriorityHeader), ",") {
		if strings.TrimSpace(parameter) == UrgentPriority {
			return true
		}
	}
	return false
}

// Guard says how a handler stands behind its door.
type Guard struct {
	// Urgent reports what a request says of itself.
	Urgent func(*http.Request) bool
	// Reading is how long the body of a request may take to come.
	Reading time.Duration
	// AtOnce begins the work before the handler is called, and believes what the
	// request says of itself. Otherwise the handler calls [Begin] when it knows
	// whether the request is urgent.
	AtOnce bool
	// Problem writes the answer to who is turned away.
	Problem func(http.ResponseWriter, *http.Request, error)
}

type visitKey struct{}

// Behind puts a handler behind the door.
func (d *Door) Behind(next http.Handler, g Guard) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visit, err := d.Arrive(g.Urgent(r))
		if err == nil {
			defer visit.Leave()
			if g.AtOnce {
				err = visit.Begin(r.Context(), g.Urgent(r))
			}
		}
		if err != nil {
			g.Problem(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, visit))
		Hurry(w, r, g.Reading)
		next.ServeHTTP(w, r)
	})
}

// Begin waits for the turn of the request that came through a door. It does
// nothing for one that came through none.
//
// Errors: those of [TooMuch]; Unavailable when the client has gone.
func Begin(ctx context.Context, urgent bool) error {
	visit, found := ctx.Value(visitKey{}).(*Visit)
	if !found {
		return nil
	}
	err := visit.Begin(ctx, urgent)
	if err != nil && !IsTooMuch(err) {
		return problem.New(problem.Unavailable, "the request was broken off while it waited", "send it again; nothing was recorded").Because(err)
	}
	return err
}

// Hurry says how long the body of a request may take from now on: who sends it
// byte by byte must not keep a place that others need. It takes the place of what
// was said before, and binds the body only: the work on it may take longer.
func Hurry(w http.ResponseWriter, r *http.Request, within time.Duration) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	// It fails where there is no connection: in a test's recorder.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(within))
}
