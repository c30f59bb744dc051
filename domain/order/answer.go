package order

import (
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// AnswerKind says which answer of the addressee it is. The values are the keys
// of the templates.
type AnswerKind string

const (
	// AnswerNonExecution: the order cannot be executed (Annexes V and VIII).
	AnswerNonExecution AnswerKind = law.TemplateNonExecution
	// AnswerExecution: the order was executed (Annex VI).
	AnswerExecution AnswerKind = law.TemplateExecution
)

// Answer is what the addressee answers to an order.
type Answer struct {
	ID       string     `json:"id"`
	Profile  law.Ref    `json:"profile"`
	Kind     AnswerKind `json:"kind"`
	Provider Provider   `json:"provider"`
	Order    About      `json:"order"`
	// Grounds and Explanation are those of a non-execution.
	Grounds     []string `json:"grounds,omitempty"`
	Explanation string   `json:"explanation,omitempty"`
	// Measures, exactly one, and MeasuredAt are those of an execution.
	Measures   []string  `json:"measures,omitempty"`
	MeasuredAt time.Time `json:"measured_at,omitzero"`
	// At is when the answer was given.
	At        time.Time `json:"at"`
	Signature Signature `json:"signature"`
}

// Provider is section 1 of an answer.
type Provider struct {
	Name         string `json:"name"`
	LegalRep     string `json:"legal_rep,omitempty"`
	ContactPoint string `json:"contact_point"`
	ContactInfo  string `json:"contact_info"`
	// FileReference is the provider's own.
	FileReference string `json:"file_reference"`
}

// About is section 2 of an answer: which order it answers.
type About struct {
	ID string `json:"id"`
	// Digest is the SHA-256 in hex of the exact bytes of the order.
	Digest     string    `json:"digest"`
	Requesting string    `json:"requesting"`
	Issuing    string    `json:"issuing"`
	Reference  string    `json:"reference"`
	ReceivedAt time.Time `json:"received_at"`
}

// About says of an order what an answer has to say of it.
func (o Order) About(digest string, received time.Time) About {
	return About{ID: o.ID, Digest: digest, Requesting: o.Requesting.Name, Issuing: o.Issuing.Name, Reference: o.Reference, ReceivedAt: received}
}

// UserInformation is what the user who provided the material is told
// (Articles 15(3) and 18(4)).
type UserInformation struct {
	ID         string    `json:"id"`
	Profile    law.Ref   `json:"profile"`
	Provider   Provider  `json:"provider"`
	Service    string    `json:"service"`
	Measures   []string  `json:"measures"`
	MeasuredAt time.Time `json:"measured_at"`
	// Places are addresses of the user's own material; empty for blocking.
	Places  []string `json:"places,omitempty"`
	Order   About    `json:"order"`
	Reasons string   `json:"reasons"`
	Redress Redress  `json:"redress"`
	// Complaint is the contact of the authority that requested the order.
	Complaint string `json:"complaint"`
	// Restoration is set after the order has fallen: then the user is told that.
	Restoration *Restoration `json:"restoration,omitempty"`
}

// Restoration is what became of the measure after the order has fallen.
type Restoration struct {
	// Reason says why the order fell, or why the measure stays all the same.
	Reason string `json:"reason"`
	// At is when the measure was undone; zero when it stays.
	At time.Time `json:"at,omitzero"`
}

// UserInformation prepares what the user is told about an executed order.
func (o Order) UserInformation(id string, answer Answer, places []string) UserInformation {
	return UserInformation{
		ID: id, Profile: o.Profile, Provider: answer.Provider, Service: o.Addressee.Service,
		Measures: answer.Measures, MeasuredAt: answer.MeasuredAt, Places: places, Order: answer.Order,
		Reasons: o.Reasons, Redress: o.Redress, Complaint: o.Requesting.Name + "\n" + o.Requesting.Contact,
	}
}
