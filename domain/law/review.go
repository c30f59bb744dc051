package law

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Review holds the rules of review: which item comes first and why, when a
// second person looks, what must have been seen before deciding, and breaks.
type Review struct {
	Profile
	// Tiers are in order of urgency; the first whose rule fits is the item's.
	Tiers []Tier `json:"tiers"`
	// DefaultTier takes what no rule fits, so that nothing falls out.
	DefaultTier string     `json:"default_tier"`
	SecondLook  SecondLook `json:"second_look"`
	// ReportSecondPerson asks for a second, different person before sending.
	ReportSecondPerson ReportSecondPerson `json:"report_second_person"`
	// RequiredLevel is the exposure level that must have been viewed before a
	// decision, by scheme id.
	RequiredLevel map[string]string `json:"required_level"`
	// Claim is how long an item stays with the person who took it.
	Claim Period `json:"claim"`
	// Undo is how long a decision may be taken back.
	Undo   Period                  `json:"undo"`
	Keys   map[string][]KeyBinding `json:"keys"`
	Breaks Breaks                  `json:"breaks"`
}

// Signal is something known about an item that may put it in a tier.
type Signal string

const (
	// SignalUrgent: the source says that a child is in danger now.
	SignalUrgent Signal = "urgent"
	// SignalLive: the source says that the event is being transmitted live.
	SignalLive Signal = "live"
	// SignalPlannedMeeting: the source says that a meeting is planned.
	SignalPlannedMeeting Signal = "planned-meeting"
	// SignalSolicitation: Article 6 of Directive 2011/93/EU is suspected.
	SignalSolicitation Signal = "solicitation"
	// SignalUnknown: no list knows the item.
	SignalUnknown Signal = "unknown"
	// SignalKnown: a list knows the item.
	SignalKnown Signal = "known"
	// SignalVerifiedList: a list whose entries were verified by people knows it.
	SignalVerifiedList Signal = "verified-list"
	// SignalSelfReported: a list of self-reported, unverified entries knows it.
	SignalSelfReported Signal = "self-reported"
	// SignalViral: the item is a known viral duplicate.
	SignalViral Signal = "viral"
)

// Signals lists every signal that a rule may name.
var Signals = []Signal{
	SignalUrgent, SignalLive, SignalPlannedMeeting, SignalSolicitation, SignalUnknown,
	SignalKnown, SignalVerifiedList, SignalSelfReported, SignalViral,
}

// Tier is one class of urgency.
type Tier struct {
	Name    string     `json:"name"`
	Reason  string     `json:"reason"`
	Article string     `json:"article"`
	Rules   []TierRule `json:"rules"`
}

// TierRule fits when all of All and none of None are among the signals.
type TierRule struct {
	All    []Signal `json:"all"`
	None   []Signal `json:"none,omitempty"`
	Reason string   `json:"reason"`
}

// Place returns the tier that the signals give and the reason, to be shown.
func (r *Review) Place(signals []Signal) (tier, reason string) {
	for _, tier := range r.Tiers {
		for _, rule := range tier.Rules {
			if rule.fits(signals) {
				return tier.Name, rule.Reason
			}
		}
	}
	return r.DefaultTier, "no rule fits, so the default tier is used"
}

func (t TierRule) fits(signals []Signal) bool {
	for _, signal := range t.All {
		if !slices.Contains(signals, signal) {
			return false
		}
	}
	for _, signal := range t.None {
		if slices.Contains(signals, signal) {
			return false
		}
	}
	return true
}

// Trigger is a reason for which a second person looks, blind to the first.
type Trigger string

const (
	// TriggerNewListEntry: the item's hash would enter a list.
	TriggerNewListEntry Trigger = "new-list-entry"
	// TriggerNamesPerson: the report that follows would name a person.
	TriggerNamesPerson Trigger = "names-person"
	// TriggerCannotTell: the first reviewer could not tell.
	TriggerCannotTell Trigger = "cannot-tell"
	// TriggerSample: the item was drawn into the sampled share.
	TriggerSample Trigger = "sample"
)

var triggers = []Trigger{TriggerNewListEntry, TriggerNamesPerson, TriggerCannotTell, TriggerSample}

// SecondLook says when a second person looks.
type SecondLook struct {
	Triggers []TriggerRule `json:"triggers"`
	// SamplePercent of all other decisions is looked at again, 0 to 100.
	SamplePercent int `json:"sample_percent"`
}

// TriggerRule is one trigger with its reason and citation.
type TriggerRule struct {
	Trigger Trigger `json:"trigger"`
	Reason  string  `json:"reason"`
	Article string  `json:"article"`
}

// Requires returns those of the given triggers that ask for a second look.
func (s SecondLook) Requires(present []Trigger) []Trigger {
	var reasons []Trigger
	for _, rule := range s.Triggers {
		if slices.Contains(present, rule.Trigger) {
			reasons = append(reasons, rule.Trigger)
		}
	}
	return reasons
}

// Sampled reports whether a decision on the item is drawn into the sample. The
// draw is the same each time for the same secret and item, so an auditor can
// repeat it; without the secret a reviewer cannot foresee it.
func (s SecondLook) Sampled(secret []byte, itemID string) bool {
	sum := sha256.Sum256(append(append([]byte("brdo second look sample\x00"), secret...), itemID...))
	return binary.BigEndian.Uint64(sum[:8])%100 < uint64(s.SamplePercent)
}

// ReportSecondPerson says when a second person must approve a report.
type ReportSecondPerson struct {
	Always      bool   `json:"always"`
	NamesPerson bool   `json:"names_person"`
	Reason      string `json:"reason"`
	Article     string `json:"article"`
}

// Requires reports whether a second person must approve a report.
func (r ReportSecondPerson) Requires(namesPerson bool) bool {
	return r.Always || (r.NamesPerson && namesPerson)
}

// KeyBinding puts one label of a scheme on a key from 1 to 9. A key with
// several labels sets them together, as one press.
type KeyBinding struct {
	Key  string            `json:"key"`
	Sets map[string]string `json:"sets"`
}

// Breaks is the break policy. Points measure what was seen, not work done.
type Breaks struct {
	// Points of each started minute at a level.
	Points map[string]int `json:"points"`
	// Limit of points after which the queue locks.
	Limit int `json:"limit"`
	// LockMinutes is how long it stays locked; nobody can shorten it.
	LockMinutes int `json:"lock_minutes"`
	// MaxExtensionMinutes bounds how far a supervisor may lengthen it.
	MaxExtensionMinutes int    `json:"max_extension_minutes"`
	Reason              string `json:"reason"`
}

// ExposureLevels are the names of the exposure levels, the least first.
var ExposureLevels = []string{"none", "sketch", "region", "full"}

func (r *Review) validate() error {
	names := map[string]bool{}
	if len(r.Tiers) == 0 {
		return problem.InvalidField("tiers", "is empty", "")
	}
	for index, tier := range r.Tiers {
		at := fmt.Sprintf("tiers[%d]", index)
		if tier.Name != fmt.Sprintf("P%d", index) {
			return problem.InvalidField(at+".name", fmt.Sprintf("is %q", tier.Name), "name the tiers P0, P1, … in order")
		}
		if tier.Reason == "" || tier.Article == "" || len(tier.Rules) == 0 {
			return problem.InvalidField(at, "lacks its reason, article or rules", "")
		}
		names[tier.Name] = true
		for position, rule := range tier.Rules {
			where := fmt.Sprintf("%s.rules[%d]", at, position)
			if len(rule.All) == 0 || rule.Reason == "" {
				return problem.InvalidField(where, "names no signal or no reason", "")
			}
			for _, signal := range append(append([]Signal{}, rule.All...), rule.None...) {
				if !slices.Contains(Signals, signal) {
					return problem.InvalidField(where, fmt.Sprintf("names the signal %q, which does not exist", signal), "")
				}
			}
		}
	}
	if !names[r.DefaultTier] {
		return problem.InvalidField("default_tier", fmt.Sprintf("%q is no tier", r.DefaultTier), "")
	}
	for index, rule := range r.SecondLook.Triggers {
		if !slices.Contains(triggers, rule.Trigger) || rule.Reason == "" || rule.Article == "" {
			return problem.InvalidField(fmt.Sprintf("second_look.triggers[%d]", index), "is no known trigger, or lacks its reason or article", "")
		}
	}
	if r.SecondLook.SamplePercent < 0 || r.SecondLook.SamplePercent > 100 {
		return problem.InvalidField("second_look.sample_percent", "must be 0 to 100", "")
	}
	if r.Claim.IsZero() || r.Undo.IsZero() {
		return problem.InvalidField("claim", "claim or undo is missing", "give a period such as PT30M")
	}
	if len(r.RequiredLevel) == 0 {
		return problem.InvalidField("required_level", "is empty", "give the level for each scheme")
	}
	for _, scheme := range slices.Sorted(maps.Keys(r.RequiredLevel)) {
		if !slices.Contains(ExposureLevels, r.RequiredLevel[scheme]) {
			return problem.InvalidField("required_level."+scheme, fmt.Sprintf("%q is no exposure level", r.RequiredLevel[scheme]), "use none, sketch, region or full")
		}
	}
	return r.Breaks.validate()
}

func (b Breaks) validate() error {
	for _, level := range slices.Sorted(maps.Keys(b.Points)) {
		if !slices.Contains(ExposureLevels, level) || b.Points[level] < 0 {
			return problem.InvalidField("breaks.points."+level, "is no exposure level or is negative", "")
		}
	}
	before := 0
	for _, level := range ExposureLevels {
		points, set := b.Points[level]
		if !set || points < before {
			return problem.InvalidField("breaks.points."+level, "is missing or is less than a lower level has", "")
		}
		before = points
	}
	if b.Limit < 1 || b.LockMinutes < 1 || b.MaxExtensionMinutes < 0 {
		return problem.InvalidField("breaks", "limit and lock_minutes must be 1 or more", "a lock of no minutes would be no break")
	}
	return nil
}

// against checks the keys and levels that name a scheme.
func (r *Review) against(scheme *Scheme) error {
	taken := map[string]bool{}
	for index, binding := range r.Keys[scheme.ID] {
		at := fmt.Sprintf("keys.%s[%d]", scheme.ID, index)
		if len(binding.Key) != 1 || binding.Key[0] < '1' || binding.Key[0] > '9' || taken[binding.Key] {
			return problem.InvalidField(at+".key", fmt.Sprintf("%q is no key from 1 to 9, or is taken", binding.Key), "")
		}
		taken[binding.Key] = true
		if len(binding.Sets) == 0 {
			return problem.InvalidField(at+".sets", "is empty", "")
		}
		for _, key := range slices.Sorted(maps.Keys(binding.Sets)) {
			fact, known := scheme.Fact(key)
			if !known {
				return problem.InvalidField(at+".sets."+key, fmt.Sprintf("is no fact of %s", scheme.Ref()), "")
			}
			if _, known := fact.Label(binding.Sets[key]); !known {
				return problem.InvalidField(at+".sets."+key, fmt.Sprintf("%q is no label of that fact", binding.Sets[key]), "")
			}
		}
	}
	return nil
}
