// Package order holds the orders of COM(2022) 209 that make material
// inaccessible: removal (Articles 14 and 15), blocking (Articles 16 to 18) and
// delisting (our own model, see the notes of its profile).
//
// An order, an answer to it and what a user is told are values with exact bytes
// ([Order.Marshal], [Parse]), so that a signature covers what was decided on.
// Their templates, boxes, clocks and receivers come from a profile
// ([law.OrderForm]); nothing of that is a constant here.
//
// The life of an order is a state machine on each side: [Issuance] where it is
// requested, issued and followed up, [Execution] where it is received, evaluated
// and executed. Both are values: Apply returns the next value and what has to
// be done, and changes nothing itself. What cannot be undone needs the recorded
// decision of a person. docs/orders.md draws both machines.
package order

import (
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// Order is one order. Which fields must be filled is said by the template of
// its profile (Annex IV or VII).
type Order struct {
	ID string `json:"id"`
	// Profile is the version of the form that the order began under.
	Profile law.Ref       `json:"profile"`
	Kind    law.OrderKind `json:"kind"`
	// Language of the text, a code of ISO 639-1: one that the provider declared
	// (Articles 14(4), 17(4) and 23(3)).
	Language string `json:"language"`
	// Extends is the id of the order whose non-disclosure this one extends; the
	// decision has the contents of an order (Article 15(4), third subparagraph).
	Extends string `json:"extends,omitempty"`
	// Replaces is the id of an order that this one modifies (Article 16(7)).
	Replaces   string    `json:"replaces,omitempty"`
	LegalBasis string    `json:"legal_basis"`
	Requesting Authority `json:"requesting"`
	Issuing    Authority `json:"issuing"`
	Reference  string    `json:"reference"`
	Addressee  Addressee `json:"addressee"`
	// Material is set for removal and delisting, Blocking for blocking.
	Material *Material `json:"material,omitempty"`
	Blocking *Blocking `json:"blocking,omitempty"`
	Reasons  string    `json:"reasons"`
	Redress  Redress   `json:"redress"`
	// The rest is the issuing authority's; a request lacks it.
	IssuedAt  time.Time `json:"issued_at,omitzero"`
	Timestamp Timestamp `json:"timestamp,omitzero"`
	Signature Signature `json:"signature,omitzero"`
}

// Authority is the requesting Coordinating Authority or the judicial or
// independent administrative authority that issues.
type Authority struct {
	Name string `json:"name"`
	// Details identify it further: chamber, address, register.
	Details string `json:"details,omitempty"`
	// Contact is where answers and questions go.
	Contact string `json:"contact,omitempty"`
	// Country is the Member State, two letters of ISO 3166-1.
	Country string `json:"country"`
}

// Addressee is the provider that the order binds.
type Addressee struct {
	Name     string `json:"name"`
	LegalRep string `json:"legal_rep,omitempty"`
	// ContactPoint is the point of contact of Article 23(1).
	ContactPoint string `json:"contact_point"`
	Service      string `json:"service"`
	// Country is where the main establishment or the legal representative is,
	// two letters of ISO 3166-1: it decides who has jurisdiction (Article 33).
	// Empty when there is neither: then every Member State has (Article 33(2)).
	Country string `json:"country,omitempty"`
	// Languages are those that the provider declared (Article 23(3)).
	Languages []string `json:"languages"`
}

// Material is what is to be removed or delisted.
type Material struct {
	Items []Item `json:"items"`
	// Elements are the ticked boxes that say why it is unlawful.
	Elements []string `json:"elements"`
	// NonDisclosure is the period in which the provider tells nobody.
	NonDisclosure *Period `json:"non_disclosure,omitempty"`
}

// Item is one item of material at one exact address. Nothing of the item itself
// is in an order.
type Item struct {
	URL string `json:"url"`
	// SHA256 of the item in hex, where it is known.
	SHA256 string `json:"sha256,omitempty"`
	// Identification is what else is needed to find it: "third picture of the
	// page", "message 17".
	Identification string `json:"identification,omitempty"`
}

// Blocking is what is to be blocked, how and for how long.
type Blocking struct {
	List List `json:"list"`
	// Safeguards are the limits and safeguards of Article 16(5).
	Safeguards string `json:"safeguards"`
	// Period is from the start date to the end date (Article 16(6)).
	Period Period `json:"period"`
	// Reporting are the requirements of Article 18(6).
	Reporting string `json:"reporting,omitempty"`
}

// List is the Centre's list of addresses, by reference and digest.
type List struct {
	Reference string `json:"reference"`
	// SHA256 of the list in hex.
	SHA256 string `json:"sha256"`
	// URLs are there only where the authority wants them in the order itself.
	URLs []string `json:"urls,omitempty"`
}

// Redress says how the order can be challenged.
type Redress struct {
	Court string `json:"court"`
	// TimePeriods in days or months, and what they start from.
	TimePeriods string `json:"time_periods"`
	Law         string `json:"law"`
	More        string `json:"more,omitempty"`
}

// Period runs from its start to its end, the end not included.
type Period struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// middle is halfway between both.
func (p Period) middle() time.Time { return p.From.Add(p.Until.Sub(p.From) / 2) }

// Timestamp is the time stamp of section 7.
type Timestamp struct {
	At time.Time `json:"at"`
	// Token is a time-stamp token (RFC 3161) in base64, where there is one.
	Token string `json:"token,omitempty"`
}

// Signature names the key whose signature travels beside the exact bytes.
type Signature struct {
	KeyID  string `json:"key_id"`
	Method string `json:"method"`
}
