package referral

// EventKind is what happens to a report at the Centre.
type EventKind string

const (
	// Found: a person finds that it is not manifestly unfounded, and whether it
	// is urgent (Article 48(4)).
	Found EventKind = "found"
	// CallUnfounded: a person calls it manifestly unfounded, with a reason code.
	CallUnfounded EventKind = "call-unfounded"
	// Agree: another person agrees that it is unfounded.
	Agree EventKind = "agree"
	// Disagree: another person does not; it is assessed anew.
	Disagree EventKind = "disagree"
	// Route: a person decides whom it goes to: authorities, third States by the
	// INTERPOL channel, or nobody known, which is Europol alone with a reason.
	Route EventKind = "route"
	// Acknowledged: an authority's node has receipted the offer.
	Acknowledged EventKind = "acknowledged"
	// ClaimedBy, DeclinedBy and ReleasedBy are what an authority's person decided.
	ClaimedBy  EventKind = "claimed-by"
	DeclinedBy EventKind = "declined-by"
	ReleasedBy EventKind = "released-by"
	// FinishedBy: a claimant says what became of it.
	FinishedBy EventKind = "finished-by"
	// Consent: a claimant says who should lead.
	Consent EventKind = "consent"
	// ClockStruck: something was awaited and did not come.
	ClockStruck EventKind = "clock-struck"
)

// EventKinds lists every kind of event.
var EventKinds = []EventKind{
	Found, CallUnfounded, Agree, Disagree, Route, Acknowledged, ClaimedBy, DeclinedBy, ReleasedBy, FinishedBy, Consent, ClockStruck,
}

// Recipient is an authority to which a report is offered.
type Recipient struct {
	Authority string `json:"authority"`
	Country   string `json:"country,omitempty"`
}

// Event is something that happens to a report at the Centre.
type Event struct {
	Kind EventKind `json:"kind"`
	// Person and Decision are of the Centre's own person who decided.
	Person   string `json:"person,omitempty"`
	Decision string `json:"decision,omitempty"`
	// Authority is who an answer is from, and Turn which of its answers it is.
	Authority string `json:"authority,omitempty"`
	Turn      int    `json:"turn,omitempty"`
	// Reason is a code in CallUnfounded, else words.
	Reason string `json:"reason,omitempty"`
	// Urgent in Found: the Centre finds that it is urgent.
	Urgent bool `json:"urgent,omitempty"`
	// NeverOpened in CallUnfounded: nobody looked at what was attached.
	NeverOpened bool `json:"never_opened,omitempty"`
	// To and ThirdStates in Route.
	To          []Recipient `json:"to,omitempty"`
	ThirdStates []string    `json:"third_states,omitempty"`
	// Outcome in FinishedBy, Lead in Consent.
	Outcome string `json:"outcome,omitempty"`
	Lead    string `json:"lead,omitempty"`
}

// EffectKind is what the desk has to do after an event.
type EffectKind string

const (
	// SendOffer: the report goes to an authority.
	SendOffer EffectKind = "send-offer"
	// TellEuropol: Europol gets a copy (Article 48(3)).
	TellEuropol EffectKind = "tell-europol"
	// AskEuropol: nobody known has claimed it; Europol is asked to find who does.
	AskEuropol EffectKind = "ask-europol"
	// AskInterpol: a third State is concerned.
	AskInterpol EffectKind = "ask-interpol"
	// OpenCoordination: claimants and Eurojust are told of one another.
	OpenCoordination EffectKind = "open-coordination"
	// TellLead: claimants and Eurojust are told who leads.
	TellLead EffectKind = "tell-lead"
	// TellUnfounded: the provider is told the reason, and informs the user now.
	TellUnfounded EffectKind = "tell-unfounded"
	// TellFeedback: the provider is told what became of its report.
	TellFeedback EffectKind = "tell-feedback"
	// TellCorrection: everybody who was sent the report is told of a finding that
	// changes it.
	TellCorrection EffectKind = "tell-correction"
	// QueueSecond: another person has to agree.
	QueueSecond EffectKind = "queue-second"
	// RaiseAlarm: a person has to look.
	RaiseAlarm EffectKind = "raise-alarm"
)

// Effect is one thing to do.
type Effect struct {
	Kind EffectKind `json:"kind"`
	// To is the authority concerned; empty otherwise.
	To     string `json:"to,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Turn numbers the answers of an authority about one report.
	Turn int `json:"turn,omitempty"`
}
