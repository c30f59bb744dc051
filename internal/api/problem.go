package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/store"
)

// Problem is an error as RFC 9457 has it, with two members of our own: the
// field at fault and what to do.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty"`
	Remedy string `json:"remedy,omitempty"`

	retryAfter int
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status code.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var statuses = map[problem.Kind]struct {
	code  int
	title string
}{
	problem.Invalid:     {http.StatusUnprocessableEntity, "The input is wrong"},
	problem.Denied:      {http.StatusForbidden, "Not allowed"},
	problem.NotFound:    {http.StatusNotFound, "Not found"},
	problem.Conflict:    {http.StatusConflict, "Changed meanwhile"},
	problem.Expired:     {http.StatusForbidden, "Expired"},
	problem.Unavailable: {http.StatusServiceUnavailable, "Not available now"},
	problem.Internal:    {http.StatusInternalServerError, "Internal error"},
}

// describe turns an error into what may leave the node.
func describe(err error) *Problem {
	p := problem.From(err)
	s := statuses[p.Kind]
	d := &Problem{
		Type: "https://brdo.example/problems/" + string(p.Kind), Title: s.title, Status: s.code, Detail: p.Reason, Field: p.Field, Remedy: p.Remedy,
		retryAfter: int(p.RetryAfter.Seconds()),
	}
	var unauthorised *unauthorised
	switch {
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		d.Status, d.Title = http.StatusInsufficientStorage, "The disk is full"
	case door.IsTooMuch(err):
		d.Status, d.Title = http.StatusTooManyRequests, "Too many requests"
	case errors.As(err, &unauthorised):
		d.Status, d.Title = http.StatusUnauthorized, "Who are you?"
	}
	return d
}

// unauthorised marks that it is not known who asks.
type unauthorised struct{ error }

func (u *unauthorised) Unwrap() error { return u.error }

// Problem writes an error as application/problem+json and logs what must not
// leave the node.
func (s *Server) Problem(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(err)
	if p.Status == http.StatusInternalServerError {
		s.options.Log.ErrorContext(r.Context(), "a request failed", "path", r.Pattern, "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a broken connection is the reader's
}

func init() {
	// The library's own errors, for example of a wrong parameter, take the same form.
	huma.NewError = func(status int, message string, details ...error) huma.StatusError {
		p := &Problem{Type: "https://brdo.example/problems/invalid", Title: http.StatusText(status), Status: status, Detail: message, Remedy: "see /docs"}
		for _, detail := range details {
			var at *huma.ErrorDetail
			if errors.As(detail, &at) && p.Field == "" {
				p.Field, p.Detail = at.Location, at.Message
			}
		}
		return p
	}
}
