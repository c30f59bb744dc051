package report

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// State is where a report stands on its way to the receiver.
type State string

const (
	Draft              State = "draft"
	AwaitingSecondLook State = "awaiting-second-look"
	Approved           State = "approved"
	// Sending: handed to delivery; no receipt yet.
	Sending State = "sending"
	// Delivered: the receiver's signed receipt has come.
	Delivered State = "delivered"
	Accepted  State = "accepted"
	// Rejected: the receiver refused with a reason.
	Rejected State = "rejected"
	// Withdrawn before sending; final.
	Withdrawn State = "withdrawn"
)

// WithReceiver reports whether the receiver has the report and has not refused it,
// so that it can be taken back.
func (s State) WithReceiver() bool { return s == Delivered || s == Accepted }

// Decision is the recorded decision of a person.
type Decision struct {
	ID     string    `json:"id"`
	Person string    `json:"person"`
	At     time.Time `json:"at"`
}

// Lifecycle is the state of one report with the decisions that carried it. The
// digest (SHA-256 of the exact bytes, in hex) ties every decision to the text
// that was decided on: nothing else can be sent.
type Lifecycle struct {
	State State `json:"state"`
	// SecondPerson is true when the profile asks for two different people. It
	// is fixed when the report is submitted.
	SecondPerson bool      `json:"second_person"`
	Digest       string    `json:"digest,omitempty"`
	Submitted    *Decision `json:"submitted,omitempty"`
	Approved     *Decision `json:"approved,omitempty"`
	Envelope     string    `json:"envelope,omitempty"`
	Receipt      string    `json:"receipt,omitempty"`
	// Reason of the last return, withdrawal, rejection or failure.
	Reason  string    `json:"reason,omitempty"`
	Changed time.Time `json:"changed,omitzero"`
}

// EventKind is what happens to a report.
type EventKind string

const (
	// Submit: the author decides that the report shall go out.
	Submit EventKind = "submit"
	// Approve: a second person decides the same.
	Approve EventKind = "approve"
	// Return: the second person sends it back with a reason.
	Return EventKind = "return"
	// Amend: a person changes the text; earlier decisions fall away.
	Amend EventKind = "amend"
	// Withdraw: a person takes it back before sending, with a reason.
	Withdraw EventKind = "withdraw"
	// Send: the node hands the approved bytes to delivery.
	Send EventKind = "send"
	// SendFailed: delivery gave up; a person must look.
	SendFailed EventKind = "send-failed"
	// Receipt: the receiver's signed receipt came.
	Receipt EventKind = "receipt"
	// Accept: the receiver took the report on.
	Accept EventKind = "accept"
	// Reject: the receiver refused the report with a reason: in its receipt,
	// when it could not even take the report in, or after looking at it.
	Reject EventKind = "reject"
)

// EventKinds lists every kind of event.
var EventKinds = []EventKind{Submit, Approve, Return, Amend, Withdraw, Send, SendFailed, Receipt, Accept, Reject}

// Event is something that happens to a report. Submit, Approve, Return, Amend
// and Withdraw carry the person and the id of the recorded decision.
type Event struct {
	Kind     EventKind `json:"kind"`
	Person   string    `json:"person,omitempty"`
	Decision string    `json:"decision,omitempty"`
	// Digest of the bytes: in Submit, Approve and Send.
	Digest string `json:"digest,omitempty"`
	// SecondPerson in Submit: the profile asks for two people.
	SecondPerson bool `json:"second_person,omitempty"`
	// Envelope in Send; Receipt in Receipt, Accept and Reject.
	Envelope string `json:"envelope,omitempty"`
	Receipt  string `json:"receipt,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// EffectKind is what the desk has to do after an event.
type EffectKind string

const (
	QueueSecondLook EffectKind = "queue-second-look"
	ReadyToSend     EffectKind = "ready-to-send"
	Deliver         EffectKind = "deliver"
	TellAuthor      EffectKind = "tell-author"
	RaiseAlarm      EffectKind = "raise-alarm"
	// StartUserNotice starts the clock of Article 12(2), which counts from the
	// date of the report once the report was taken in.
	StartUserNotice EffectKind = "start-user-notice"
)

// Effect is one thing to do, with the reason in words.
type Effect struct {
	Kind   EffectKind `json:"kind"`
	Reason string     `json:"reason,omitempty"`
}

// NewLifecycle is a draft.
func NewLifecycle() Lifecycle { return Lifecycle{State: Draft} }

// Apply returns the next state and what has to be done. l itself is unchanged.
// An event that does not fit is a problem of kind Conflict, one by the wrong
// person of kind Denied, one that lacks something of kind Invalid.
func (l Lifecycle) Apply(event Event, now time.Time) (Lifecycle, []Effect, error) {
	next := l
	next.Changed = now
	next.Reason = event.Reason
	decision := func() (*Decision, error) {
		if event.Person == "" || event.Decision == "" {
			return nil, problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
		}
		return &Decision{ID: event.Decision, Person: event.Person, At: now}, nil
	}
	switch {
	case event.Kind == Submit && l.State == Draft:
		made, err := decision()
		if err != nil {
			return l, nil, err
		}
		if !IsContentAddress(event.Digest) {
			return l, nil, problem.InvalidField("digest", "does not name the bytes decided on", "give their SHA-256")
		}
		next.Submitted, next.Digest, next.SecondPerson = made, event.Digest, event.SecondPerson
		if event.SecondPerson {
			next.State = AwaitingSecondLook
			return next, []Effect{{Kind: QueueSecondLook}}, nil
		}
		next.State = Approved
		return next, []Effect{{Kind: ReadyToSend}}, nil

	case event.Kind == Approve && l.State == AwaitingSecondLook:
		made, err := decision()
		if err != nil {
			return l, nil, err
		}
		if event.Person == l.Submitted.Person {
			return l, nil, problem.New(problem.Denied, "the same person submitted the report", "a different person has to approve it")
		}
		if event.Decision == l.Submitted.ID {
			return l, nil, problem.InvalidField("decision", "is the decision that submitted the report", "record a decision of its own")
		}
		if event.Digest != l.Digest {
			return l, nil, problem.New(problem.Conflict, "the text was not the one that was submitted", "read the report as it is now and decide again")
		}
		next.Approved, next.State = made, Approved
		return next, []Effect{{Kind: ReadyToSend}}, nil

	case event.Kind == Return && l.State == AwaitingSecondLook,
		event.Kind == Amend && (l.State == AwaitingSecondLook || l.State == Approved || l.State == Rejected):
		if _, err := decision(); err != nil {
			return l, nil, err
		}
		if event.Reason == "" {
			return l, nil, problem.InvalidField("reason", "is missing", "say why it goes back to draft")
		}
		return Lifecycle{State: Draft, Reason: event.Reason, Changed: now}, []Effect{{Kind: TellAuthor, Reason: event.Reason}}, nil

	case event.Kind == Withdraw && (l.State == Draft || l.State == AwaitingSecondLook || l.State == Approved):
		if _, err := decision(); err != nil {
			return l, nil, err
		}
		if event.Reason == "" {
			return l, nil, problem.InvalidField("reason", "is missing", "say why the report is withdrawn")
		}
		next.State = Withdrawn
		return next, []Effect{{Kind: TellAuthor, Reason: event.Reason}}, nil

	case event.Kind == Send && l.State == Approved:
		if event.Digest != l.Digest {
			return l, nil, problem.New(problem.Conflict, "the bytes are not those that were approved", "send exactly what was approved")
		}
		if event.Envelope == "" {
			return l, nil, problem.InvalidField("envelope", "is missing", "")
		}
		next.State, next.Envelope = Sending, event.Envelope
		return next, []Effect{{Kind: Deliver}}, nil

	case event.Kind == SendFailed && l.State == Sending:
		if event.Reason == "" {
			return l, nil, problem.InvalidField("reason", "is missing", "say why delivery failed")
		}
		next.State, next.Envelope = Approved, ""
		return next, []Effect{{Kind: RaiseAlarm, Reason: event.Reason}}, nil

	case event.Kind == Receipt && l.State == Sending:
		if event.Receipt == "" {
			return l, nil, problem.InvalidField("receipt", "is missing", "only the receiver's signed receipt shows delivery")
		}
		next.State, next.Receipt = Delivered, event.Receipt
		return next, []Effect{{Kind: StartUserNotice}}, nil

	case event.Kind == Accept && l.State == Delivered:
		next.State = Accepted
		return next, []Effect{{Kind: TellAuthor}}, nil

	case event.Kind == Reject && (l.State == Sending || l.State == Delivered):
		if event.Reason == "" {
			return l, nil, problem.InvalidField("reason", "is missing", "a receiver that refuses says why (Article 48(2))")
		}
		if l.State == Sending {
			// A report that was refused for its form was not taken in, so nothing was
			// reported yet: the duty to report promptly (Article 12(1)) goes on, and the
			// three months of Article 12(2) run from the date of the report that is.
			if event.Receipt == "" {
				return l, nil, problem.InvalidField("receipt", "is missing", "only the receiver's signed receipt shows that it refused")
			}
			next.Receipt = event.Receipt
		}
		next.State = Rejected
		return next, []Effect{{Kind: TellAuthor, Reason: event.Reason}}, nil
	}
	return l, nil, problem.New(problem.Conflict, fmt.Sprintf("a report that is %s cannot take the event %s", l.State, event.Kind), "reload it: somebody else may have been faster")
}
