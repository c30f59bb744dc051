package referral

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// OutcomeUnlawfulNot is the outcome of an authority's diligent assessment by
// which the material is not what the report took it for (Article 36(4)): every
// receiver is told.
const OutcomeUnlawfulNot = "not-confirmed"

// Outcomes are what an authority may say of a report that it claimed, after
// Article 83(2)(a) of COM(2022) 209.
var Outcomes = []string{"new-investigation", "running-investigation", "other-action", "no-action", OutcomeUnlawfulNot}

// Apply returns the next value and what has to be done; m is unchanged.
//
// Errors: Invalid when something is missing, Denied when the wrong person
// decides, Conflict when the event does not fit.
func (m Matter) Apply(rules *law.Routing, event Event, now time.Time) (Matter, []Effect, error) {
	next := m.clone()
	var effects []Effect
	var err error
	switch event.Kind {
	case Found, CallUnfounded, Agree, Disagree:
		effects, err = next.assess(rules, event, now)
	case Route:
		effects, err = next.route(rules, event, now)
	case Acknowledged, ClaimedBy, DeclinedBy, ReleasedBy, FinishedBy:
		effects, err = next.answer(rules, event, now)
	case Consent:
		effects, err = next.consent(event, now)
	case ClockStruck:
		effects = next.strike(rules, now)
	default:
		err = problem.InvalidField("event", fmt.Sprintf("%q is not known", event.Kind), "")
	}
	if err != nil {
		return m, nil, err
	}
	return next, effects, nil
}

func (m Matter) unfit(kind EventKind) error {
	return problem.New(problem.Conflict, fmt.Sprintf("a report that is %s cannot take the event %s", m.State, kind), "load it again: somebody else may have been faster")
}

func decision(event Event, now time.Time) (*Decision, error) {
	if event.Person == "" || event.Decision == "" {
		return nil, problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
	}
	return &Decision{ID: event.Decision, Person: event.Person, At: now, Reason: event.Reason}, nil
}

func (m *Matter) assess(rules *law.Routing, event Event, now time.Time) ([]Effect, error) {
	made, err := decision(event, now)
	if err != nil {
		return nil, err
	}
	switch {
	case event.Kind == Found && m.State == Received:
		m.Assessed, m.State, m.Urgent = made, Assessed, event.Urgent
		m.Until = rules.Clock("assess", m.Urgent).AddTo(now)
		return nil, nil

	case event.Kind == CallUnfounded && m.State.Questionable():
		if _, known := rules.UnfoundedOf(event.Reason); !known {
			return nil, problem.InvalidField("reason", fmt.Sprintf("%q is no reason of the profile", event.Reason), "choose one of them: the provider is told why (Article 48(2))")
		}
		m.Assessed = made
		second := rules.UnfoundedSecondPerson
		// Where somebody found otherwise before, another person has to agree in any case.
		if m.State != Received || m.Urgent && second.Urgent || event.NeverOpened && second.NeverOpened {
			m.State, m.Until = AwaitingSecond, rules.Clock("assess", m.Urgent).AddTo(now)
			return []Effect{{Kind: QueueSecond, Reason: second.Reason}}, nil
		}
		return m.unfounded(event.Reason), nil

	case (event.Kind == Agree || event.Kind == Disagree) && m.State == AwaitingSecond:
		if event.Person == m.Assessed.Person {
			return nil, problem.New(problem.Denied, "the same person called it unfounded", "another person has to look")
		}
		if event.Kind == Agree {
			m.Second = made
			return m.unfounded(m.Assessed.Reason), nil
		}
		m.Assessed, m.State, m.Until = nil, Received, rules.Clock("assess", m.Urgent).AddTo(now)
		if m.Routed != nil {
			m.State, m.Until = Held, rules.Clock("hold", m.Urgent).AddTo(now)
		}
		return []Effect{{Kind: RaiseAlarm, Reason: "two people differ about whether the report is unfounded"}}, nil
	}
	return nil, m.unfit(event.Kind)
}

func (m *Matter) unfounded(reason string) []Effect {
	m.State, m.Until = Unfounded, time.Time{}
	effects := []Effect{{Kind: TellUnfounded, To: m.Provider, Reason: reason}}
	if m.Routed != nil {
		// Whoever was asked hears it too; one that acts may still say so.
		effects = append(effects, Effect{Kind: TellCorrection, Reason: reason})
	}
	return effects
}

func (m *Matter) route(rules *law.Routing, event Event, now time.Time) ([]Effect, error) {
	if m.State != Assessed && m.State != Offered && m.State != Held && m.State != Claimed {
		return nil, m.unfit(event.Kind)
	}
	made, err := decision(event, now)
	if err != nil {
		return nil, err
	}
	for i, code := range event.ThirdStates {
		if !IsCountry(code) {
			return nil, problem.InvalidField(fmt.Sprintf("third_states[%d]", i), "is not a country code", "use two capital letters (ISO 3166-1)")
		}
	}
	if len(event.To) == 0 && len(event.ThirdStates) == 0 && event.Reason == "" {
		return nil, problem.InvalidField("reason", "no authority is named, and no reason why none is", "say why jurisdiction is not known; then it goes to Europol alone (Article 48(3))")
	}
	var effects []Effect
	fresh := 0
	for i, to := range event.To {
		if to.Authority == "" {
			return nil, problem.InvalidField(fmt.Sprintf("to[%d]", i), "names nobody", "name an authority of the registry")
		}
		at := m.offer(to.Authority)
		if at >= 0 && slices.Contains([]OfferState{OfferSent, OfferAcknowledged, OfferClaimed}, m.Offers[at].State) {
			continue // it was asked already
		}
		offer := Offer{Authority: to.Authority, Country: to.Country, State: OfferSent, At: now, Until: rules.Clock("acknowledge", m.Urgent).AddTo(now)}
		if at >= 0 {
			offer.Turn = m.Offers[at].Turn
			m.Offers[at] = offer
		} else {
			m.Offers = append(m.Offers, offer)
		}
		effects = append(effects, Effect{Kind: SendOffer, To: to.Authority})
		fresh++
	}
	m.Routed = made
	if len(event.ThirdStates) > 0 {
		m.ThirdStates, m.InterpolAsked = event.ThirdStates, now
		effects = append(effects, Effect{Kind: AskInterpol, Reason: fmt.Sprintf("third States are concerned: %v", event.ThirdStates)})
	}
	if fresh > 0 {
		effects = append(effects, Effect{Kind: TellEuropol, Reason: "forwarded to the competent authorities"})
	}
	return append(effects, m.settle(rules, now, event.Reason)...), nil
}

// settle sets the state that follows from the offers: claimed, awaited, or held
// by the Centre with Europol asked.
func (m *Matter) settle(rules *law.Routing, now time.Time, reason string) []Effect {
	var awaited time.Time
	finished := 0
	for _, o := range m.Offers {
		if (o.State == OfferSent || o.State == OfferAcknowledged) && (awaited.IsZero() || o.Until.Before(awaited)) {
			awaited = o.Until
		}
		if o.State == OfferFinished {
			finished++
		}
	}
	switch {
	case len(m.Claimants()) > 0:
		m.State, m.Until = Claimed, time.Time{}
		return nil
	case finished > 0:
		m.State, m.Until = Closed, time.Time{}
		return nil
	case !awaited.IsZero():
		m.State, m.Until = Offered, awaited
		return nil
	}
	m.State, m.Until = Held, rules.Clock("hold", m.Urgent).AddTo(now)
	if reason == "" {
		reason = "nobody that was asked has claimed it"
	}
	m.EuropolAsked, m.EuropolReason = now, reason
	return []Effect{{Kind: AskEuropol, Reason: reason}, {Kind: RaiseAlarm, Reason: "the Centre holds the report: " + reason}}
}

func (m *Matter) answer(rules *law.Routing, event Event, now time.Time) ([]Effect, error) {
	at := m.offer(event.Authority)
	if at < 0 {
		return nil, problem.New(problem.Denied, "the report was not offered to this authority", "ask the Centre to offer it")
	}
	offer := &m.Offers[at]
	if event.Kind != Acknowledged {
		if event.Turn <= offer.Turn {
			return nil, nil // overtaken by a later answer, or told again
		}
		offer.Turn = event.Turn
	}
	switch event.Kind {
	case Acknowledged:
		if offer.State == OfferSent || offer.State == OfferEscalated && m.State.Open() {
			// A person there has from now on to claim or decline.
			offer.State, offer.Until = OfferAcknowledged, rules.Clock("claim", m.Urgent).AddTo(now)
			return m.settled(rules, now), nil
		}
		return nil, nil // it came late, or again

	case ClaimedBy:
		// A claim counts whenever it comes: after the time, after declining, even
		// after the end. What matters is that nobody who acts is lost.
		before := m.Claimants()
		offer.State, offer.Until, offer.Reason, offer.Outcome = OfferClaimed, time.Time{}, "", ""
		m.State, m.Until = Claimed, time.Time{}
		return m.coordinate(before, now), nil

	case DeclinedBy:
		if event.Reason == "" {
			return nil, problem.InvalidField("reason", "is missing", "an authority that declines says why")
		}
		offer.State, offer.Until, offer.Reason = OfferDeclined, time.Time{}, event.Reason
		return m.settled(rules, now), nil

	case ReleasedBy:
		offer.State, offer.Until, offer.Reason = OfferReleased, time.Time{}, event.Reason
		return append(m.left(event.Authority), m.settled(rules, now)...), nil

	case FinishedBy:
		if !slices.Contains(Outcomes, event.Outcome) {
			return nil, problem.InvalidField("outcome", fmt.Sprintf("%q is not known", event.Outcome), fmt.Sprintf("use one of %v", Outcomes))
		}
		offer.State, offer.Until, offer.Outcome = OfferFinished, time.Time{}, event.Outcome
		effects := append(m.left(event.Authority), Effect{Kind: TellFeedback, To: m.Provider, Reason: event.Outcome})
		if event.Outcome == OutcomeUnlawfulNot {
			effects = append(effects, Effect{Kind: TellCorrection, Reason: event.Outcome})
		}
		return append(effects, m.settled(rules, now)...), nil
	}
	return nil, m.unfit(event.Kind)
}

// settled is settle for a matter that is still open.
func (m *Matter) settled(rules *law.Routing, now time.Time) []Effect {
	if !m.State.Open() {
		return nil
	}
	// Europol was asked before: it is not asked again by every further answer.
	if m.State == Held && !m.awaits() && len(m.Claimants()) == 0 {
		for _, o := range m.Offers {
			if o.State == OfferFinished {
				return m.settle(rules, now, "")
			}
		}
		return nil
	}
	return m.settle(rules, now, "")
}

func (m *Matter) awaits() bool {
	return slices.ContainsFunc(m.Offers, func(o Offer) bool { return o.State == OfferSent || o.State == OfferAcknowledged })
}

// coordinate opens the record of coordination when two or more act.
func (m *Matter) coordinate(before []string, now time.Time) []Effect {
	if len(m.Claimants()) < 2 {
		return nil
	}
	if m.Coordination == nil {
		m.Coordination = &Coordination{Since: now, Consents: map[string]string{}}
	}
	// Somebody joined: what was agreed was agreed without them.
	if len(before) < len(m.Claimants()) {
		m.Coordination.Lead = ""
	}
	return m.inform(OpenCoordination, "several authorities act on the report")
}

// inform tells those who act how the coordination stands now.
func (m *Matter) inform(kind EffectKind, reason string) []Effect {
	m.Coordination.Turn++
	return []Effect{{Kind: kind, To: m.Coordination.Lead, Reason: reason, Turn: m.Coordination.Turn}}
}

// agreed is whom all that act would have lead; empty while they differ.
func (m Matter) agreed() string {
	claimants := m.Claimants()
	if len(claimants) < 2 {
		return ""
	}
	lead := m.Coordination.Consents[claimants[0]]
	for _, claimant := range claimants {
		if m.Coordination.Consents[claimant] != lead {
			return ""
		}
	}
	return lead
}

// left takes somebody who acts no longer out of the coordination, and tells
// those who still act.
func (m *Matter) left(authority string) []Effect {
	if m.Coordination == nil {
		return nil
	}
	delete(m.Coordination.Consents, authority)
	for who, lead := range m.Coordination.Consents {
		if lead == authority {
			delete(m.Coordination.Consents, who)
		}
	}
	m.Coordination.Lead = m.agreed()
	if len(m.Claimants()) == 0 {
		return nil
	}
	return m.inform(OpenCoordination, "one of those who acted on the report does no longer")
}

func (m *Matter) consent(event Event, _ time.Time) ([]Effect, error) {
	claimants := m.Claimants()
	switch {
	case m.Coordination == nil || len(claimants) < 2:
		return nil, problem.New(problem.Conflict, "only one authority acts on the report", "there is nothing to coordinate")
	case !slices.Contains(claimants, event.Authority):
		return nil, problem.New(problem.Denied, "this authority has not claimed the report", "claim it first")
	case !slices.Contains(claimants, event.Lead):
		return nil, problem.InvalidField("lead", "has not claimed the report", "name one of the authorities that have")
	}
	if at := m.offer(event.Authority); event.Turn > m.Offers[at].Turn {
		m.Offers[at].Turn = event.Turn
	} else {
		return nil, nil
	}
	m.Coordination.Consents[event.Authority] = event.Lead
	before := m.Coordination.Lead
	if m.Coordination.Lead = m.agreed(); m.Coordination.Lead == before {
		return nil, nil
	}
	if m.Coordination.Lead == "" {
		return m.inform(OpenCoordination, "those who act do not agree any more"), nil
	}
	return m.inform(TellLead, "all that act have agreed"), nil
}

// strike does what a clock asks for: an authority that did not answer is
// passed over, and what the Centre itself left lying raises an alarm.
func (m *Matter) strike(rules *law.Routing, now time.Time) []Effect {
	var effects []Effect
	for i := range m.Offers {
		o := &m.Offers[i]
		if o.Until.IsZero() || now.Before(o.Until) {
			continue
		}
		effects = append(effects, Effect{Kind: RaiseAlarm, To: o.Authority, Reason: "no answer in time: " + string(o.State)})
		o.State, o.Until = OfferEscalated, time.Time{}
	}
	switch {
	case m.State == Offered:
		return append(effects, m.settle(rules, now, "")...)
	case !m.State.Open() || m.State == Claimed || now.Before(m.Until):
		return effects
	case m.State == Held:
		m.EuropolAsked, m.Until = now, rules.Clock("hold", m.Urgent).AddTo(now)
		return append(effects, Effect{Kind: AskEuropol, Reason: m.EuropolReason}, Effect{Kind: RaiseAlarm, Reason: "still nobody has claimed the report"})
	}
	m.Until = rules.Clock("assess", m.Urgent).AddTo(now)
	return append(effects, Effect{Kind: RaiseAlarm, Reason: "the report waits for the Centre: " + string(m.State)})
}

// Next is the moment at which a clock strikes; set is false when none runs.
func (m Matter) Next() (at time.Time, set bool) {
	at = m.Until
	for _, o := range m.Offers {
		if !o.Until.IsZero() && (at.IsZero() || o.Until.Before(at)) {
			at = o.Until
		}
	}
	return at, !at.IsZero()
}
