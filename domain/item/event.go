package item

import (
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// EventKind is what happens to an assessment.
type EventKind string

const (
	// Take: a person takes the item for a time.
	Take EventKind = "take"
	// View: the node showed the item to the person at a level.
	View EventKind = "view"
	// Pass: the person does not want to see it; no reason is asked.
	Pass EventKind = "pass"
	// Release: the person gives the item back, without passing it for good.
	Release EventKind = "release"
	// Expire: the time of the claim ran out.
	Expire EventKind = "expire"
	// Escalate: the person sees signs of present danger.
	Escalate EventKind = "escalate"
	// Decide: the person decides.
	Decide EventKind = "decide"
	// Undo: the person takes the own decision back before it is sealed.
	Undo EventKind = "undo"
	// Seal: the person went on to the next item, or the time to undo ran out.
	Seal EventKind = "seal"
	// Sight: the item turned up again.
	Sight EventKind = "sight"
	// Reopen: a complaint or new information; people not involved look anew.
	Reopen EventKind = "reopen"
	// AskSecond: something is to follow from the decision of one person for which
	// the rules want a second look.
	AskSecond EventKind = "ask-second"
	// Admit: what was held comes to people.
	Admit EventKind = "admit"
	// Erase: the content is erased.
	Erase EventKind = "erase"
)

// EventKinds lists every kind of event.
var EventKinds = []EventKind{Take, View, Pass, Release, Expire, Escalate, Decide, Undo, Seal, Sight, Reopen, AskSecond, Admit, Erase}

// Event is something that happens to an assessment.
type Event struct {
	Kind   EventKind `json:"kind"`
	Person string    `json:"person,omitempty"`
	// Level in View.
	Level Level `json:"level,omitempty"`
	// Decision is the id of the recorded decision, in Decide, Reopen and Erase.
	Decision string `json:"decision,omitempty"`
	// Facts, Classes and Outcome in Decide: validated and derived by the caller
	// with [FactSet.Validate], [Derive] and [OutcomeOf].
	Facts   FactSet     `json:"facts,omitzero"`
	Classes []law.Class `json:"classes,omitempty"`
	Outcome Outcome     `json:"outcome,omitempty"`
	// Triggers in Decide and AskSecond: what holds of this item and might ask for
	// a second look. "Cannot tell" need not be named.
	Triggers []law.Trigger `json:"triggers,omitempty"`
	// Reason is optional in Decide and needed in the third decision, in Reopen
	// and in Erase.
	Reason string `json:"reason,omitempty"`
	// Sighting in Sight.
	Sighting string `json:"sighting,omitempty"`
}

// EffectKind is what the desk has to do after an event.
type EffectKind string

const (
	// BackToQueue: the item waits for somebody else.
	BackToQueue EffectKind = "back-to-queue"
	// QueueSecond: a second person is needed.
	QueueSecond EffectKind = "queue-second"
	// QueueAdjudication: a third person is needed.
	QueueAdjudication EffectKind = "queue-adjudication"
	// SealAt: send a Seal event at that time.
	SealAt EffectKind = "seal-at"
	// ExpireAt: send an Expire event at that time.
	ExpireAt EffectKind = "expire-at"
	// Settled: the decision is final and may have consequences now.
	Settled EffectKind = "settled"
	// Inherit: the new sighting takes over the final decision, unseen.
	Inherit EffectKind = "inherit"
	// Replace: recalculate the place in the queue.
	Replace EffectKind = "replace"
	// RaiseUrgent: put the item into the first tier and tell the people on duty.
	RaiseUrgent EffectKind = "raise-urgent"
	// RecallConsequences: what followed from the earlier decision is in doubt.
	RecallConsequences EffectKind = "recall-consequences"
	// DestroyKey: destroy the key of the content.
	DestroyKey EffectKind = "destroy-key"
)

// Effect is one thing to do.
type Effect struct {
	Kind     EffectKind `json:"kind"`
	At       time.Time  `json:"at,omitzero"`
	Person   string     `json:"person,omitempty"`
	Sighting string     `json:"sighting,omitempty"`
}
