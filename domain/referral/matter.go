package referral

import (
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// State is where the Centre stands with a report.
type State string

const (
	// Received: it waits to be assessed.
	Received State = "received"
	// AwaitingSecond: one person calls it unfounded, and another has to agree.
	AwaitingSecond State = "awaiting-second"
	// Assessed: it is not unfounded, and waits for a person to say whom it goes to.
	Assessed State = "assessed"
	// Offered: authorities were asked, and nobody has claimed it yet.
	Offered State = "offered"
	// Held: nobody claims it; the Centre holds it, and Europol was asked.
	Held State = "held"
	// Claimed: at least one authority has said that it acts.
	Claimed State = "claimed"
	// Unfounded: closed, with a reason that the provider was told.
	Unfounded State = "unfounded"
	// Closed: all that claimed it have said what became of it.
	Closed State = "closed"
)

// States lists every state.
var States = []State{Received, AwaitingSecond, Assessed, Offered, Held, Claimed, Unfounded, Closed}

// Open reports whether somebody has to be responsible.
func (s State) Open() bool { return s != Unfounded && s != Closed }

// Questionable reports whether people can still call the report unfounded: before
// anybody was asked to act on it, or when nobody does.
func (s State) Questionable() bool { return s == Received || s == Assessed || s == Held }

// OfferState is where one authority stands, as the Centre knows it.
type OfferState string

const (
	// OfferSent: no receipt yet.
	OfferSent OfferState = "offered"
	// OfferAcknowledged: the authority's node holds it.
	OfferAcknowledged OfferState = "acknowledged"
	// OfferClaimed: a person there claims it.
	OfferClaimed OfferState = "claimed"
	// OfferDeclined: a person there declines it, with a reason.
	OfferDeclined OfferState = "declined"
	// OfferEscalated: it did not answer in time. It may still claim.
	OfferEscalated OfferState = "escalated"
	// OfferReleased: it claimed, and gave the report back with a reason.
	OfferReleased OfferState = "released"
	// OfferFinished: it said what became of it.
	OfferFinished OfferState = "finished"
)

// Offer is one authority that was asked.
type Offer struct {
	// Authority is the node that was asked.
	Authority string     `json:"authority"`
	Country   string     `json:"country,omitempty"`
	State     OfferState `json:"state"`
	At        time.Time  `json:"at"`
	// Until is when it escalates; zero when nothing is awaited.
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
	// Turn is the latest of the authority's answers; an earlier one that comes
	// later says nothing any more.
	Turn int `json:"turn,omitempty"`
}

// Decision is a recorded decision of a person.
type Decision struct {
	ID     string    `json:"id"`
	Person string    `json:"person"`
	At     time.Time `json:"at"`
	// Reason is a code of the profile, or words.
	Reason string `json:"reason,omitempty"`
}

// Coordination is opened when two or more claim a report (Eurojust's task). All
// of them stay responsible; a lead is agreed when each consents to the same.
type Coordination struct {
	Since time.Time `json:"since"`
	// Consents are whom each claimant would have lead.
	Consents map[string]string `json:"consents,omitempty"`
	Lead     string            `json:"lead,omitempty"`
	// Turn numbers what those who act are told, so that they keep the latest.
	Turn int `json:"turn,omitempty"`
}

// Matter is the Centre's record of one report: who was asked, who answered, and
// until when the Centre itself is responsible. It is a value; its JSON form is
// what is stored.
type Matter struct {
	Report   string  `json:"report"`
	Provider string  `json:"provider"`
	Profile  law.Ref `json:"profile"`
	State    State   `json:"state"`
	// Urgent is what the provider said, until the Centre has found for itself.
	Urgent     bool      `json:"urgent"`
	ReceivedAt time.Time `json:"received_at"`
	// Until is when the Centre has to act next; it is set as long as the matter
	// is open.
	Until    time.Time `json:"until,omitzero"`
	Assessed *Decision `json:"assessed,omitempty"`
	// Second is the other person who agreed that it is unfounded.
	Second *Decision `json:"second,omitempty"`
	Routed *Decision `json:"routed,omitempty"`
	Offers []Offer   `json:"offers,omitempty"`
	// EuropolAsked and InterpolAsked are when those were asked, with the reason.
	EuropolAsked  time.Time     `json:"europol_asked,omitzero"`
	EuropolReason string        `json:"europol_reason,omitempty"`
	InterpolAsked time.Time     `json:"interpol_asked,omitzero"`
	ThirdStates   []string      `json:"third_states,omitempty"`
	Coordination  *Coordination `json:"coordination,omitempty"`
}

// NewMatter begins with a report that was received.
func NewMatter(rules *law.Routing, report, provider string, urgent bool, now time.Time) Matter {
	return Matter{
		Report: report, Provider: provider, Profile: rules.Ref(), State: Received, Urgent: urgent, ReceivedAt: now,
		Until: rules.Clock("assess", urgent).AddTo(now),
	}
}

// Claimants are the authorities that act on it now, in the order of the offers.
func (m Matter) Claimants() []string {
	var all []string
	for _, o := range m.Offers {
		if o.State == OfferClaimed {
			all = append(all, o.Authority)
		}
	}
	return all
}

// Responsible reports whether the Centre itself is responsible, and until when
// it has to act. It is as long as nobody else has said that they are.
func (m Matter) Responsible() (until time.Time, responsible bool) {
	return m.Until, m.State.Open() && m.State != Claimed
}

func (m Matter) offer(authority string) int {
	return slices.IndexFunc(m.Offers, func(o Offer) bool { return o.Authority == authority })
}

// clone keeps Apply from changing the value that it was called on.
func (m Matter) clone() Matter {
	m.Offers = slices.Clone(m.Offers)
	m.ThirdStates = slices.Clone(m.ThirdStates)
	if m.Coordination != nil {
		c := *m.Coordination
		c.Consents = map[string]string{}
		for k, v := range m.Coordination.Consents {
			c.Consents[k] = v
		}
		m.Coordination = &c
	}
	return m
}
