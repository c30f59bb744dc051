// Package vote holds the life of one vote about an entry of an exchange of hash lists:
// people here found the entry right or wrong, one of them approved that the exchange is
// told, and the node tells it.
//
// Exchanges know no way to take a vote back (NCMEC Hash Sharing v2: a PUT puts a member's
// vote in place of the earlier one). So what was not sent yet is withdrawn when the
// decision is opened again, and what may have been sent is outdated: people are told, and
// the vote that they approve on the new decision takes its place.
package vote

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// State is how far a vote is.
type State string

// The states.
const (
	// Queued: a person approved it, and nothing was sent.
	Queued State = "queued"
	// Sending: it may have reached the exchange, which has not answered; it is sent again.
	Sending State = "sending"
	// Sent: the exchange has it.
	Sent State = "sent"
	// Refused: the exchange does not take it.
	Refused State = "refused"
	// Withdrawn: nothing was sent, and nothing will be.
	Withdrawn State = "withdrawn"
	// Outdated: it was or may have been sent, and no longer says what people hold.
	Outdated State = "outdated"
	// Replaced: a later vote about the same record took its place.
	Replaced State = "replaced"
)

// Live reports whether a vote stands for what people hold: no other about the same
// item is needed.
func (s State) Live() bool { return s == Queued || s == Sending || s == Sent || s == Refused }

// Vote is one vote about one record of an exchange.
type Vote struct {
	State State
	// Attempts counts how often it was sent.
	Attempts int
	// SentAt is when the exchange said that it has it, also where it was outdated by then.
	SentAt time.Time
	// Because says why it was refused, withdrawn or outdated, in plain words.
	Because string
}

// Kind is what happens to a vote.
type Kind string

// The kinds of events.
const (
	// Send: the next thing that happens is that it is sent.
	Send Kind = "send"
	// Take: the exchange said that it has it.
	Take Kind = "take"
	// Refuse: the exchange said that it does not take it.
	Refuse Kind = "refuse"
	// Doubt: the decision that it rests on does not hold any more.
	Doubt Kind = "doubt"
	// Recall: a person takes back what was not sent.
	Recall Kind = "recall"
	// Replace: the exchange has a later vote about the same record.
	Replace Kind = "replace"
)

// Event is one of them; Because is needed for [Refuse], [Doubt] and [Recall].
type Event struct {
	Kind    Kind
	Because string
}

// Effect is what has to follow.
type Effect string

// Tell: people have to be told.
const Tell Effect = "tell"

// Apply returns the vote after an event; v itself is unchanged.
//
// Errors: Conflict when the event cannot happen to a vote in this state; Invalid without
// a reason.
func (v Vote) Apply(e Event, now time.Time) (Vote, []Effect, error) {
	next := v
	if (e.Kind == Refuse || e.Kind == Doubt || e.Kind == Recall) && e.Because == "" {
		return v, nil, problem.InvalidField("because", "it is missing", "say why")
	}
	switch {
	case e.Kind == Send && (v.State == Queued || v.State == Sending):
		next.State, next.Attempts = Sending, v.Attempts+1
		return next, nil, nil
	case e.Kind == Take && v.State == Sending:
		next.State, next.SentAt = Sent, now
		return next, nil, nil
	case e.Kind == Take && v.State == Outdated: // it was on its way when the decision fell
		next.SentAt = now
		return next, nil, nil
	case e.Kind == Refuse && v.State == Sending:
		next.State, next.Because = Refused, e.Because
		return next, []Effect{Tell}, nil
	case e.Kind == Refuse && v.State == Outdated && v.SentAt.IsZero(): // so it is not there
		next.State, next.Because = Withdrawn, e.Because
		return next, nil, nil
	case e.Kind == Doubt && (v.State == Queued || v.State == Refused), e.Kind == Recall && v.State == Queued:
		next.State, next.Because = Withdrawn, e.Because
		return next, nil, nil
	case e.Kind == Doubt && (v.State == Sending || v.State == Sent):
		next.State, next.Because = Outdated, e.Because
		return next, []Effect{Tell}, nil
	case e.Kind == Doubt && !v.State.Live():
		return next, nil, nil
	case e.Kind == Replace && v.State == Outdated:
		next.State = Replaced
		return next, nil, nil
	}
	return v, nil, problem.Newf(problem.Conflict, "the vote is %s, and cannot %s", v.State, e.Kind)
}
