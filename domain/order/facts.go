package order

import (
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Facts is what the life of an order needs to know of its text, taken from the
// exact bytes that were decided on.
type Facts struct {
	ID        string        `json:"id"`
	Reference string        `json:"reference"`
	Profile   law.Ref       `json:"profile"`
	Kind      law.OrderKind `json:"kind"`
	// Digest is the SHA-256 of the exact bytes in hex.
	Digest string `json:"digest"`
	// Places are the addresses of the items; for blocking the digest of the list.
	Places        []string  `json:"places"`
	NonDisclosure *Period   `json:"non_disclosure,omitempty"`
	Applies       *Period   `json:"applies,omitempty"`
	Extends       string    `json:"extends,omitempty"`
	Replaces      string    `json:"replaces,omitempty"`
	IssuedAt      time.Time `json:"issued_at,omitzero"`
}

// ReadRequest reads the exact bytes of a requested order and checks them. The
// first problem is returned as the error; [Order.ValidateRequest] gives all.
func ReadRequest(text []byte, profile *law.OrderForm) (Order, Facts, error) {
	o, facts, err := read(text)
	if err != nil {
		return Order{}, Facts{}, err
	}
	if err := problem.Findings(o.ValidateRequest(profile)).First(); err != nil {
		return Order{}, Facts{}, err
	}
	return o, facts, nil
}

// ReadIssued reads the exact bytes of an issued order and checks them. The
// first problem is returned as the error; [Order.Validate] gives all.
func ReadIssued(text []byte, profile *law.OrderForm) (Order, Facts, error) {
	o, facts, err := read(text)
	if err != nil {
		return Order{}, Facts{}, err
	}
	if err := problem.Findings(o.Validate(profile)).First(); err != nil {
		return Order{}, Facts{}, err
	}
	return o, facts, nil
}

// ReadReceived reads the exact bytes of an order at the addressee. Problems do
// not stop it: the clock runs from receipt, and manifest errors are what the
// addressee answers with (Article 14(6)). They are returned for the person who
// evaluates.
func ReadReceived(text []byte, profile *law.OrderForm) (Order, Facts, []*problem.Error, error) {
	o, facts, err := read(text)
	if err != nil {
		return Order{}, Facts{}, nil, err
	}
	return o, facts, o.Validate(profile), nil
}

func read(text []byte) (Order, Facts, error) {
	o, err := Parse(text)
	if err != nil {
		return Order{}, Facts{}, err
	}
	facts := Facts{
		ID: o.ID, Reference: o.Reference, Profile: o.Profile, Kind: o.Kind, Digest: Digest(text),
		Extends: o.Extends, Replaces: o.Replaces, IssuedAt: o.IssuedAt,
	}
	if o.Material != nil {
		for _, item := range o.Material.Items {
			facts.Places = append(facts.Places, item.URL)
		}
		facts.NonDisclosure = o.Material.NonDisclosure
	}
	if o.Blocking != nil {
		facts.Places = append(facts.Places, o.Blocking.List.SHA256)
		applies := o.Blocking.Period
		facts.Applies = &applies
	}
	facts.Places = unique(facts.Places)
	return o, facts, nil
}

// unique drops repetitions: several items may lie at one address.
func unique(places []string) []string {
	var once []string
	seen := map[string]bool{}
	for _, place := range places {
		if !seen[place] {
			once = append(once, place)
		}
		seen[place] = true
	}
	return once
}

// AnswerFacts is what the life of an order needs to know of an answer.
type AnswerFacts struct {
	Kind AnswerKind `json:"kind"`
	// Digest of the exact bytes. It is empty only for a blocking order's
	// execution, for which no form exists and a person records what is known.
	Digest string `json:"digest,omitempty"`
	// Impossible and Unclear say to what the ticked grounds lead.
	Impossible bool      `json:"impossible,omitempty"`
	Unclear    bool      `json:"unclear,omitempty"`
	Measure    string    `json:"measure,omitempty"`
	MeasuredAt time.Time `json:"measured_at,omitzero"`
	ReceivedAt time.Time `json:"received_at"`
	At         time.Time `json:"at"`
}

// ReadAnswer reads the exact bytes of an answer and checks them against the
// form and the order that it must answer. The first problem is the error.
func ReadAnswer(text []byte, profile *law.OrderForm, order Facts) (Answer, AnswerFacts, error) {
	a, err := ParseAnswer(text)
	if err != nil {
		return Answer{}, AnswerFacts{}, err
	}
	if err := problem.Findings(a.Validate(profile, &order)).First(); err != nil {
		return Answer{}, AnswerFacts{}, err
	}
	facts := AnswerFacts{Kind: a.Kind, Digest: Digest(text), MeasuredAt: a.MeasuredAt, ReceivedAt: a.Order.ReceivedAt, At: a.At}
	for _, key := range a.Grounds {
		ground, _ := profile.Ground(key)
		facts.Impossible = facts.Impossible || ground.Leads == law.LeadsImpossible
		facts.Unclear = facts.Unclear || ground.Leads == law.LeadsClarification
	}
	if len(a.Measures) > 0 {
		facts.Measure = a.Measures[0]
	}
	return a, facts, nil
}
