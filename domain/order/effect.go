package order

import (
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/watch"
)

// ClockID names one clock of an order. Of each at most one runs.
type ClockID string

const (
	ClockDeconfliction   ClockID = "deconfliction"
	ClockObjection       ClockID = "objection"
	ClockDelivery        ClockID = "delivery"
	ClockExecution       ClockID = "execution"
	ClockAnswer          ClockID = "answer"
	ClockObstacle        ClockID = "obstacle"
	ClockClarification   ClockID = "clarification"
	ClockNonDisclosure   ClockID = "non-disclosure"
	ClockUserInformation ClockID = "user-information"
	ClockDecision        ClockID = "decision"
	ClockRestoration     ClockID = "restoration"
	ClockRetention       ClockID = "retention"
	ClockAppeal          ClockID = "appeal"
	ClockReview          ClockID = "review"
	ClockReport          ClockID = "report"
	ClockEnd             ClockID = "end"
	ClockRung            ClockID = "rung"
	ClockBar             ClockID = "bar"
)

// Running is a clock that runs.
type Running struct {
	Clock ClockID `json:"clock"`
	// Due is the first moment at which it has run out.
	Due     time.Time `json:"due"`
	Article string    `json:"article"`
}

// Decision is the recorded decision of a person.
type Decision struct {
	ID     string    `json:"id"`
	Person string    `json:"person"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// Proof is what shows that something arrived: the moment, and the signed
// receipt or envelope that says so.
type Proof struct {
	At      time.Time `json:"at"`
	Receipt string    `json:"receipt"`
}

// EffectKind is what a desk has to do after an event.
type EffectKind string

const (
	// Send: send Document to each of To.
	Send EffectKind = "send"
	// Tell: tell each of To what happened, with the reason.
	Tell EffectKind = "tell"
	// SetClock: let Clock strike at At. StopClock: it no longer runs.
	SetClock  EffectKind = "set-clock"
	StopClock EffectKind = "stop-clock"
	// RaiseAlarm: show people that something went wrong or was forgotten.
	RaiseAlarm EffectKind = "raise-alarm"
	// AskPerson: put it before a person, who decides.
	AskPerson EffectKind = "ask-person"
	// AskInvestigators: ask each of To whether the removal would harm them.
	AskInvestigators EffectKind = "ask-investigators"
	// CarryOut: the service removes, blocks or delists.
	CarryOut EffectKind = "carry-out"
	// InformUser: the user is to be informed now.
	InformUser EffectKind = "inform-user"
	// SendCopy: the user gets the copy that he asked for.
	SendCopy EffectKind = "send-copy"
	// Restore: undo what was done.
	Restore EffectKind = "restore"
	// Count: add one to each of Figures. CorrectStatistics: take back what was
	// counted, given in Figures with repetitions.
	Count             EffectKind = "count"
	CorrectStatistics EffectKind = "correct-statistics"
	// TellIndicatorOwner: tell the owner of each indicator made from the material.
	TellIndicatorOwner EffectKind = "tell-indicator-owner"
	// ScheduleVerification: look at At whether the material is gone.
	ScheduleVerification EffectKind = "schedule-verification"
	// EraseKept: the longest time for keeping the data is over.
	EraseKept EffectKind = "erase-kept"
)

// Documents that are sent.
const (
	DocumentOrder         = "order"
	DocumentClarification = "clarification"
	DocumentNonDisclosure = "non-disclosure"
	DocumentAnswer        = "answer"
	DocumentReport        = "report"
	DocumentNotice        = "notice"
	DocumentWithdrawal    = "withdrawal"
)

// Effect is one thing to do.
type Effect struct {
	Kind     EffectKind `json:"kind"`
	To       []string   `json:"to,omitempty"`
	Document string     `json:"document,omitempty"`
	Clock    ClockID    `json:"clock,omitempty"`
	At       time.Time  `json:"at,omitzero"`
	Figures  []string   `json:"figures,omitempty"`
	Article  string     `json:"article,omitempty"`
	Reason   string     `json:"reason,omitempty"`
}

// EventKind is what happens to an order.
type EventKind string

// Event is something that happens to an order. Which fields it needs is said
// beside its kind.
type Event struct {
	Kind EventKind `json:"kind"`
	// Person and Decision name the recorded decision of a person.
	Person   string `json:"person,omitempty"`
	Decision string `json:"decision,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// At is when it happened, where that is not now; Receipt is what proves it.
	At      time.Time `json:"at,omitzero"`
	Receipt string    `json:"receipt,omitempty"`
	// By is the investigator, court or authority that acted.
	By string `json:"by,omitempty"`
	// Asked are the investigators that are asked.
	Asked []string `json:"asked,omitempty"`
	// Objects and Until: an investigator asks to wait until then.
	Objects bool      `json:"objects,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	// Check is the look for holds that must precede issuing.
	Check hold.Check `json:"check,omitzero"`
	// Facts of the issued order, or of the decision that extends.
	Facts *Facts `json:"facts,omitempty"`
	// Digest of a clarification or a report, Answer of the addressee, Notice that is sent.
	Digest string       `json:"digest,omitempty"`
	Answer *AnswerFacts `json:"answer,omitempty"`
	Notice *NoticeFacts `json:"notice,omitempty"`
	// Appeal is the time for challenging, counted from receipt, as national law
	// gives it.
	Appeal law.Period `json:"appeal,omitzero"`
	// Suspends: the court suspends the order while it decides.
	Suspends bool         `json:"suspends,omitempty"`
	Clock    ClockID      `json:"clock,omitempty"`
	Round    *watch.Round `json:"round,omitempty"`
	// Place is another address at which the material was found, or one that may be
	// blocked wrongly.
	Place string `json:"place,omitempty"`
	// Wrong: access to the place is prevented wrongly.
	Wrong bool `json:"wrong,omitempty"`
	// Measure is what the service did, a box of the form.
	Measure string `json:"measure,omitempty"`
}
