package report

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// NoticeState is where informing the user concerned stands (Article 12(2)).
type NoticeState string

const (
	// NoticePending: the three months run, no hold has come.
	NoticePending NoticeState = "pending"
	// NoticeDue: the user is to be informed without undue delay.
	NoticeDue NoticeState = "due"
	// NoticeHeld: the user must not be informed before the hold ends.
	NoticeHeld NoticeState = "held_until"
	// NoticeSent: the user was informed; final.
	NoticeSent NoticeState = "sent"
	// NoticeNotApplicable: there is nobody to inform; final, with the reason.
	NoticeNotApplicable NoticeState = "not_applicable"
)

// Hold is a competent authority's request, passed on by the Centre, not to
// inform the user (Article 48(6)(a)).
type Hold = hold.Hold

// Notice is the duty to inform the user concerned by one report.
type Notice struct {
	State NoticeState `json:"state"`
	// ReportDate is the date of the report; the clock starts there and not at
	// the Centre's receipt.
	ReportDate time.Time `json:"report_date"`
	// Waits and HoldMax are the clocks of the profile the report began under.
	Waits   law.Period `json:"waits"`
	HoldMax law.Period `json:"hold_max"`
	// Holds that were received, the one in force last.
	Holds []Hold `json:"holds,omitempty"`
	// DueSince is when the user was to be informed; zero until then.
	DueSince time.Time `json:"due_since,omitzero"`
	// Told is what the user is told, once a person has prepared it.
	Told   *Information `json:"told,omitempty"`
	SentAt time.Time    `json:"sent_at,omitzero"`
	Reason string       `json:"reason,omitempty"`
}

// NoticeEventKind is what happens to a notice.
type NoticeEventKind string

const (
	// ManifestlyUnfounded: the Centre said so (Article 48(2)).
	ManifestlyUnfounded NoticeEventKind = "manifestly-unfounded"
	// HoldReceived: a hold came, or a longer one replaces the one in force.
	HoldReceived NoticeEventKind = "hold"
	// HoldReleased: the authority ended its hold early.
	HoldReleased NoticeEventKind = "hold-released"
	// ClockStruck: the time that [Notice.Next] named has come.
	ClockStruck NoticeEventKind = "clock"
	// TextPrepared: a person prepared what the user is told (Told).
	TextPrepared NoticeEventKind = "text-prepared"
	// UserInformed: a person sent the notice.
	UserInformed NoticeEventKind = "user-informed"
	// NobodyToInform: a person recorded why there is no user to inform.
	NobodyToInform NoticeEventKind = "nobody-to-inform"
)

// NoticeEvent is something that happens to a notice.
type NoticeEvent struct {
	Kind   NoticeEventKind `json:"kind"`
	Hold   Hold            `json:"hold,omitzero"`
	Told   *Information    `json:"told,omitempty"`
	Person string          `json:"person,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

// NoticeEffect says when the clock has to strike next, or that a person has to
// inform the user now.
type NoticeEffect struct {
	InformUser bool      `json:"inform_user,omitempty"`
	WakeAt     time.Time `json:"wake_at,omitzero"`
}

// NewNotice starts the clock at the date of the report.
func NewNotice(reported time.Time, clocks law.FormClocks) Notice {
	return Notice{State: NoticePending, ReportDate: reported, Waits: clocks.UserNotice.Length, HoldMax: clocks.HoldMax.Length}
}

// Deadline is the first moment after the waiting period.
func (n Notice) Deadline() time.Time { return n.Waits.Expiry(n.ReportDate) }

// HeldUntil is the end of the hold in force; ok is false when none is.
func (n Notice) HeldUntil() (until time.Time, ok bool) {
	if n.State != NoticeHeld {
		return time.Time{}, false
	}
	return n.Holds[len(n.Holds)-1].Until, true
}

// Next is when the clock has to strike; ok is false when none runs.
func (n Notice) Next() (at time.Time, ok bool) {
	if n.State == NoticePending {
		return n.Deadline(), true
	}
	return n.HeldUntil()
}

// Apply returns the next state and what has to be done. n itself is unchanged.
func (n Notice) Apply(event NoticeEvent, now time.Time) (Notice, NoticeEffect, error) {
	next := n
	next.Holds = append([]Hold(nil), n.Holds...)
	if n.State == NoticeSent || n.State == NoticeNotApplicable {
		return n, NoticeEffect{}, problem.New(problem.Conflict, fmt.Sprintf("the notice is closed (%s)", n.State), "")
	}
	switch event.Kind {
	case ManifestlyUnfounded:
		next.due(now, "the Centre considers the report manifestly unfounded")
		return next, NoticeEffect{InformUser: true}, nil
	case HoldReceived:
		if err := n.mayHold(event.Hold, now); err != nil {
			return n, NoticeEffect{}, err
		}
		next.State = NoticeHeld
		next.Holds = append(next.Holds, event.Hold)
		return next, NoticeEffect{WakeAt: event.Hold.Until}, nil
	case HoldReleased:
		if n.State != NoticeHeld {
			return n, NoticeEffect{}, problem.New(problem.Conflict, "no hold is in force", "")
		}
		if event.Reason == "" {
			return n, NoticeEffect{}, problem.InvalidField("reason", "is missing", "name the authority that released the hold")
		}
		if deadline := n.Deadline(); now.Before(deadline) {
			next.State, next.Reason = NoticePending, event.Reason
			return next, NoticeEffect{WakeAt: deadline}, nil
		}
		next.due(now, event.Reason)
		return next, NoticeEffect{InformUser: true}, nil
	case ClockStruck:
		if at, running := n.Next(); running && now.Before(at) {
			return n, NoticeEffect{WakeAt: at}, nil
		}
		next.due(now, n.Reason)
		return next, NoticeEffect{InformUser: true}, nil
	case TextPrepared:
		if err := n.mayInform(event.Person); err != nil {
			return n, NoticeEffect{}, err
		}
		if event.Told == nil {
			return n, NoticeEffect{}, problem.InvalidField("told", "is missing", "say what the user is told")
		}
		if err := event.Told.Check(); err != nil {
			return n, NoticeEffect{}, err
		}
		next.Told = event.Told
		return next, NoticeEffect{}, nil
	case UserInformed:
		if err := n.mayInform(event.Person); err != nil {
			return n, NoticeEffect{}, err
		}
		if n.Told == nil {
			return n, NoticeEffect{}, problem.New(problem.Conflict, "what the user is told was not prepared", "prepare the information, send it to the user, then record that it was sent")
		}
		next.State, next.SentAt = NoticeSent, now
		return next, NoticeEffect{}, nil
	case NobodyToInform:
		if event.Person == "" || event.Reason == "" {
			return n, NoticeEffect{}, problem.InvalidField("reason", "person or reason is missing", "record who found that there is nobody to inform, and why")
		}
		next.State, next.Reason = NoticeNotApplicable, event.Reason
		return next, NoticeEffect{}, nil
	}
	return n, NoticeEffect{}, problem.InvalidField("kind", fmt.Sprintf("%q is no event of a notice", event.Kind), "")
}

// due makes it due now; one that is due already stays so since then.
func (n *Notice) due(now time.Time, reason string) {
	if n.State != NoticeDue {
		n.DueSince = now
	}
	n.State, n.Reason = NoticeDue, reason
}

// mayInform checks that a person acts, and that the user may be told now.
func (n Notice) mayInform(person string) error {
	if person == "" {
		return problem.InvalidField("person", "is missing", "record who informs the user")
	}
	if n.State != NoticeDue {
		return problem.New(problem.Denied, fmt.Sprintf("the notice is %s and not due", n.State), "wait until the clock or the hold has ended")
	}
	return nil
}

// mayHold checks a hold against Articles 12(2) and 48(6) and (7). A first hold
// must come while the waiting period runs. A longer one may replace it while it
// is in force, but all together never reach further than the maximum counted
// from the start of the first: so no row of renewals keeps a user uninformed
// for longer than the law allows for one.
func (n Notice) mayHold(request Hold, now time.Time) error {
	switch n.State {
	case NoticePending:
		if !now.Before(n.Deadline()) {
			return problem.New(problem.Expired, "the waiting period has ended without a hold", "Article 12(2): the user is to be informed now")
		}
	case NoticeHeld:
		if until, _ := n.HeldUntil(); !now.Before(until) {
			return problem.New(problem.Expired, "the hold has ended", "Article 12(2): the user is to be informed now")
		}
	default:
		return problem.New(problem.Expired, "the user is to be informed already", "a hold has to come before that")
	}
	var first time.Time
	if len(n.Holds) > 0 {
		first = n.Holds[0].From
	}
	return request.Check(first, n.HoldMax, "Article 48(7)", now)
}
