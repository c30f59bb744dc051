package peer

import (
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Status is what a receiver says of an envelope.
type Status string

const (
	// Received: it is durably stored and somebody will look at it.
	Received Status = "received"
	// Rejected: it is stored, but cannot be worked on; the reason says why.
	Rejected Status = "rejected"
	// Accepted: somebody looked at it and takes it on.
	Accepted Status = "accepted"
	// Forwarded: it was passed on to somebody else, whose task it is.
	Forwarded Status = "forwarded"
	// Closed: the work is done; the reason says with which outcome.
	Closed Status = "closed"
)

// steps are the statuses that may follow each status at the receiver. A forwarded
// envelope may be forwarded to a further recipient.
var steps = map[Status][]Status{
	Received:  {Accepted, Rejected},
	Accepted:  {Forwarded, Closed},
	Forwarded: {Forwarded, Closed},
}

// rank orders the statuses: a sender never goes back to a lower one, in
// whatever order the follow-ups arrive.
var rank = map[Status]int{"": 0, Received: 1, Rejected: 2, Accepted: 2, Forwarded: 3, Closed: 4}

// final says whether nothing can follow.
func (s Status) final() bool { return s == Rejected || s == Closed }

// Next checks that a receiver may say this of an envelope of which it said s.
//
// Errors: Conflict when the one does not follow the other, Invalid when the
// reason is missing that a rejection and an outcome need.
func (s Status) Next(to Status, reason string) error {
	if s == "" {
		s = Received
	}
	switch {
	case !slices.Contains(steps[s], to):
		return problem.Newf(problem.Conflict, "an envelope that is %s cannot become %s", s, to)
	case reason == "" && to.final():
		return problem.InvalidField("reason", "it is missing", "say why it is rejected, or with which outcome it is closed")
	case len(reason) > problem.MaxReason:
		return problem.InvalidField("reason", "it is longer than 1000 bytes", "say it shorter; details travel in an envelope of their own")
	}
	return nil
}

// supersedes says whether a sender that knows of the status s takes over the
// status that arrives.
//
// Errors: Conflict when a rejected envelope is said to be worked on, or one
// that is worked on to be rejected: one of the two is wrong, and a person has
// to ask.
func (s Status) supersedes(arriving Status) (bool, error) {
	known, found := rank[arriving]
	if !found || known < rank[Rejected] {
		return false, problem.InvalidField("status", "there is no such status", "use accepted, rejected, forwarded or closed")
	}
	if (s == Rejected) != (arriving == Rejected) && rank[s] >= rank[Accepted] {
		return false, problem.Newf(problem.Conflict, "the envelope was said to be %s before and cannot be %s", s, arriving)
	}
	return known > rank[s] || (arriving == Forwarded && s == Forwarded), nil
}
