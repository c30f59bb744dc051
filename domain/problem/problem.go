// Package problem holds the closed list of error kinds that may leave a node.
//
// Every layer wraps errors with what was being done; where a caller has to
// decide (which status code, retry or not, show to the user or not) it asks
// this package for the kind. Only Reason, Field and Remedy of an [Error] are
// ever shown to somebody outside the node: the wrapped cause stays in the log.
// The faces map kinds once: internal/api to RFC 9457 problems, cmd/brdo to
// exit codes, internal/web to pages.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a caller can do about an error. The list is closed.
type Kind string

const (
	// Invalid: the input is wrong; sending it again unchanged will fail again.
	Invalid Kind = "invalid"
	// Denied: the actor may not do this, under this mandate, for this purpose.
	Denied Kind = "denied"
	// NotFound: there is no such thing, or the actor may not know of it.
	NotFound Kind = "not-found"
	// Conflict: the thing changed meanwhile, or exists already in another form.
	Conflict Kind = "conflict"
	// Expired: a legal basis, link, session, hold or message is past its end.
	Expired Kind = "expired"
	// Unavailable: it may work later; nothing was recorded.
	Unavailable Kind = "unavailable"
	// Internal: our fault. Details are in the log only.
	Internal Kind = "internal"
)

// Error is a problem that can be shown: it names the field, the reason and
// what to do, and never holds personal data or secrets.
type Error struct {
	Kind Kind
	// Field names the input at fault, for example "lists[0].valid_until" or
	// "line 17"; empty when the input as a whole or no input is at fault.
	Field string
	// Reason is one plain sentence without a full stop.
	Reason string
	// Remedy is what the reader can do about it; may be empty.
	Remedy string
	// RetryAfter is set on Unavailable when a time is known.
	RetryAfter time.Duration

	cause error
}

// Error returns field, reason and remedy in one line, followed by the cause.
func (e *Error) Error() string {
	text := e.Reason
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Remedy != "" {
		text += " (" + e.Remedy + ")"
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, which must not leave the node.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e that wraps cause.
func (e *Error) Because(cause error) *Error {
	wrapped := *e
	wrapped.cause = cause
	return &wrapped
}

// New makes a problem of a kind with a reason and a remedy.
func New(kind Kind, reason, remedy string) *Error {
	return &Error{Kind: kind, Reason: reason, Remedy: remedy}
}

// InvalidField makes an Invalid problem that names the field at fault.
func InvalidField(field, reason, remedy string) *Error {
	return &Error{Kind: Invalid, Field: field, Reason: reason, Remedy: remedy}
}

// Newf is New with a formatted reason and no remedy.
func Newf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}

// From returns the outermost problem in err's chain. An error without one
// becomes Internal with a neutral reason, so that nothing unforeseen is shown.
// From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var found *Error
	if errors.As(err, &found) {
		return found
	}
	return &Error{Kind: Internal, Reason: "an internal error occurred", Remedy: "the operator finds the details in the log", cause: err}
}

// Is reports whether the outermost problem in err's chain is of kind.
func Is(err error, kind Kind) bool {
	return err != nil && From(err).Kind == kind
}
