package referral

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Standing is where an authority stands with a report that it was offered.
type Standing string

const (
	// StandingOffered: a person has to claim or decline.
	StandingOffered Standing = "offered"
	// StandingClaimed: this authority is responsible.
	StandingClaimed Standing = "claimed"
	// StandingDeclined: it is not, and said why.
	StandingDeclined Standing = "declined"
	// StandingReleasing: it gives the report back, and is responsible until the
	// Centre has receipted that.
	StandingReleasing Standing = "releasing"
	// StandingFinishing: it said what became of it, and is responsible until the
	// Centre has receipted that.
	StandingFinishing Standing = "finishing"
	// StandingReleased and StandingFinished are the ends.
	StandingReleased Standing = "released"
	StandingFinished Standing = "finished"
)

// Standings lists every standing.
var Standings = []Standing{StandingOffered, StandingClaimed, StandingDeclined, StandingReleasing, StandingFinishing, StandingReleased, StandingFinished}

// Referral is an authority's record of a report that the Centre offered to it.
type Referral struct {
	Report   string    `json:"report"`
	Centre   string    `json:"centre"`
	Profile  law.Ref   `json:"profile"`
	Urgent   bool      `json:"urgent"`
	Standing Standing  `json:"standing"`
	At       time.Time `json:"at"`
	// Until is when somebody here is reminded; set as long as something is to do.
	Until   time.Time `json:"until,omitzero"`
	Decided *Decision `json:"decided,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
	// Others are the authorities that act on it, Titles what they are called, Lead
	// who leads.
	Others []string          `json:"others,omitempty"`
	Titles map[string]string `json:"titles,omitempty"`
	Lead   string            `json:"lead,omitempty"`
	// Turn numbers this authority's answers, Told what it was told of the others.
	Turn int `json:"turn,omitempty"`
	Told int `json:"told,omitempty"`
}

// NewReferral begins with an offer that was received, and thereby acknowledged.
func NewReferral(rules *law.Routing, report, centre string, urgent bool, now time.Time) Referral {
	return Referral{Report: report, Centre: centre, Profile: rules.Ref(), Urgent: urgent, Standing: StandingOffered, At: now, Until: rules.Clock("claim", urgent).AddTo(now)}
}

// Responsible reports whether this authority is responsible, and until when
// somebody has to act or is reminded.
func (r Referral) Responsible() (until time.Time, responsible bool) {
	return r.Until, r.Standing == StandingClaimed || r.Standing == StandingReleasing || r.Standing == StandingFinishing
}

// StepKind is what happens to a referral.
type StepKind string

const (
	// Claim, Decline, Release, Finish and PreferLead are decisions of a person.
	Claim      StepKind = "claim"
	Decline    StepKind = "decline"
	Release    StepKind = "release"
	Finish     StepKind = "finish"
	PreferLead StepKind = "prefer-lead"
	// Receipted: the Centre has receipted the release or the outcome.
	Receipted StepKind = "receipted"
	// Coordinated: the Centre names the others that act, and perhaps the lead.
	Coordinated StepKind = "coordinated"
	// OfferedAgain: the Centre offers it once more.
	OfferedAgain StepKind = "offered-again"
	// Reminded: a clock struck.
	Reminded StepKind = "reminded"
)

// StepKinds lists every kind of step.
var StepKinds = []StepKind{Claim, Decline, Release, Finish, PreferLead, Receipted, Coordinated, OfferedAgain, Reminded}

// Step is something that happens to a referral.
type Step struct {
	Kind     StepKind `json:"kind"`
	Person   string   `json:"person,omitempty"`
	Decision string   `json:"decision,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Outcome  string   `json:"outcome,omitempty"`
	Lead     string   `json:"lead,omitempty"`
	Others   []string `json:"others,omitempty"`
	// Titles are what the others are called.
	Titles map[string]string `json:"titles,omitempty"`
	// Turn in Coordinated numbers what the Centre tells.
	Turn int `json:"turn,omitempty"`
}

// Answer effects of an authority; all go to the Centre.
const (
	SendClaim   EffectKind = "send-claim"
	SendDecline EffectKind = "send-decline"
	SendRelease EffectKind = "send-release"
	SendOutcome EffectKind = "send-outcome"
	SendConsent EffectKind = "send-consent"
)

// Apply returns the next value and what has to be done; r is unchanged.
//
// Errors: as [Matter.Apply].
func (r Referral) Apply(rules *law.Routing, step Step, now time.Time) (Referral, []Effect, error) {
	next := r
	next.Others, next.Titles = slices.Clone(r.Others), maps.Clone(r.Titles)
	decide := func() error {
		made, err := decision(Event{Person: step.Person, Decision: step.Decision, Reason: step.Reason}, now)
		next.Decided = made
		return err
	}
	tell := func(kind EffectKind, reason string) []Effect {
		next.Turn++
		return []Effect{{Kind: kind, To: r.Centre, Reason: reason, Turn: next.Turn}}
	}
	switch {
	case step.Kind == Claim && slices.Contains([]Standing{StandingOffered, StandingDeclined, StandingReleased, StandingFinished}, r.Standing):
		if err := decide(); err != nil {
			return r, nil, err
		}
		next.Standing, next.Outcome, next.Until = StandingClaimed, "", rules.Clock("handle", r.Urgent).AddTo(now)
		effects := tell(SendClaim, "")
		return next, effects, nil

	case step.Kind == Decline && r.Standing == StandingOffered, step.Kind == Release && r.Standing == StandingClaimed:
		if step.Reason == "" {
			return r, nil, problem.InvalidField("reason", "is missing", "say why, so that the Centre knows whom to ask instead")
		}
		if err := decide(); err != nil {
			return r, nil, err
		}
		if step.Kind == Decline {
			next.Standing, next.Until = StandingDeclined, time.Time{}
			effects := tell(SendDecline, step.Reason)
			return next, effects, nil
		}
		next.Standing = StandingReleasing
		effects := tell(SendRelease, step.Reason)
		return next, effects, nil

	case step.Kind == Finish && r.Standing == StandingClaimed:
		if !slices.Contains(Outcomes, step.Outcome) {
			return r, nil, problem.InvalidField("outcome", fmt.Sprintf("%q is not known", step.Outcome), fmt.Sprintf("use one of %v", Outcomes))
		}
		if err := decide(); err != nil {
			return r, nil, err
		}
		next.Standing, next.Outcome = StandingFinishing, step.Outcome
		effects := tell(SendOutcome, step.Outcome)
		return next, effects, nil

	case step.Kind == PreferLead && r.Standing == StandingClaimed:
		if step.Lead == "" {
			return r, nil, problem.InvalidField("lead", "is missing", "name the authority that should lead")
		}
		if err := decide(); err != nil {
			return r, nil, err
		}
		effects := tell(SendConsent, step.Lead)
		return next, effects, nil

	case step.Kind == Receipted:
		switch r.Standing {
		case StandingReleasing:
			next.Standing, next.Until = StandingReleased, time.Time{}
		case StandingFinishing:
			next.Standing, next.Until = StandingFinished, time.Time{}
		}
		return next, nil, nil

	case step.Kind == Coordinated && step.Turn <= r.Told:
		return next, nil, nil // overtaken on the way

	case step.Kind == Coordinated:
		next.Told = step.Turn
		next.Others, next.Titles, next.Lead = slices.Clone(step.Others), maps.Clone(step.Titles), step.Lead
		return next, nil, nil

	case step.Kind == OfferedAgain:
		if slices.Contains([]Standing{StandingDeclined, StandingReleased, StandingFinished}, r.Standing) {
			next.Standing, next.Outcome, next.Until = StandingOffered, "", rules.Clock("claim", r.Urgent).AddTo(now)
		}
		return next, nil, nil

	case step.Kind == Reminded:
		if r.Until.IsZero() || now.Before(r.Until) {
			return next, nil, nil
		}
		name := "claim"
		if _, responsible := r.Responsible(); responsible {
			name = "handle"
		}
		next.Until = rules.Clock(name, r.Urgent).AddTo(now)
		return next, []Effect{{Kind: RaiseAlarm, Reason: "the report waits for somebody here: " + string(r.Standing)}}, nil
	}
	return r, nil, problem.New(problem.Conflict, fmt.Sprintf("a report that is %s here cannot take the step %s", r.Standing, step.Kind), "load it again: somebody else may have been faster")
}
