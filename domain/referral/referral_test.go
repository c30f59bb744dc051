package referral_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	profiles "github.com/brdoproject/brdo/law"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func rules(t testing.TB) *law.Routing {
	t.Helper()
	library, err := law.Load(profiles.Files)
	if err != nil {
		t.Fatal(err)
	}
	r, err := library.Routing(law.Ref{ID: "routing/standard", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJurisdiction(t *testing.T) {
	r := rules(t)
	likely, err := referral.Jurisdiction(r, []referral.Evidence{
		{Kind: "upload-ip", Country: "SI"}, {Kind: "upload-ip", Country: "SI", Field: "geo.ip_events[1]"}, {Kind: "phone-prefix", Country: "HR"},
		{Kind: "billing", Country: "SI"}, {Kind: "language", Country: "DE"},
	})
	if err != nil || len(likely) != 2 || likely[0].Country != "SI" || likely[0].Weight != 65 || len(likely[0].Reasons) != 2 || likely[1].Country != "HR" {
		t.Errorf("%+v %v: want SI with 65, counted once a kind, then HR, and not DE with 5", likely, err)
	}
	for _, e := range []referral.Evidence{{Kind: "nationality", Country: "SI"}, {Kind: "upload-ip", Country: "si"}, {Kind: "upload-ip", Country: ""}} {
		if _, err := referral.Jurisdiction(r, []referral.Evidence{e}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v, want a problem of kind invalid", e, err)
		}
	}
	if none, err := referral.Jurisdiction(r, nil); err != nil || len(none) != 0 {
		t.Errorf("%+v %v", none, err)
	}
}

// life drives a matter and remembers what it asked for.
type life struct {
	t     testing.TB
	rules *law.Routing
	m     referral.Matter
	now   time.Time
	did   []string
}

func begin(t testing.TB, urgent bool) *life {
	r := rules(t)
	return &life{t: t, rules: r, now: start, m: referral.NewMatter(r, "report/1", "node/provider", urgent, start)}
}

func (l *life) after(d time.Duration) *life { l.now = l.now.Add(d); return l }

func (l *life) do(e referral.Event) *life {
	l.t.Helper()
	l.did = nil
	next, effects, err := l.m.Apply(l.rules, e, l.now)
	if err != nil {
		l.t.Fatalf("%s in %s: %v", e.Kind, l.m.State, err)
	}
	l.m = next
	for _, effect := range effects {
		l.did = append(l.did, strings.TrimSuffix(string(effect.Kind)+" "+effect.To, " "))
	}
	return l
}

func (l *life) want(state referral.State, effects ...string) *life {
	l.t.Helper()
	if l.m.State != state || !slices.Equal(l.did, effects) {
		l.t.Fatalf("%s, did %v; want %s, %v", l.m.State, l.did, state, effects)
	}
	until, responsible := l.m.Responsible()
	if responsible && until.IsZero() {
		l.t.Fatalf("%s: responsible, and no clock runs", l.m.State)
	}
	return l
}

func person(kind referral.EventKind, who string) referral.Event {
	return referral.Event{Kind: kind, Person: who, Decision: "event/" + who + string(kind)}
}

func route(reason string, to ...string) referral.Event {
	e := person(referral.Route, "ada")
	e.Reason = reason
	for _, name := range to {
		e.To = append(e.To, referral.Recipient{Authority: name})
	}
	return e
}

func from(kind referral.EventKind, authority string, turn int) referral.Event {
	return referral.Event{Kind: kind, Authority: authority, Turn: turn, Reason: "because", Outcome: "new-investigation"}
}

func TestOneAuthorityClaims(t *testing.T) {
	begin(t, false).
		do(person(referral.Found, "ada")).want(referral.Assessed).
		do(route("", "A")).want(referral.Offered, "send-offer A", "tell-europol").
		do(from(referral.Acknowledged, "A", 0)).want(referral.Offered).
		do(from(referral.ClaimedBy, "A", 1)).want(referral.Claimed).
		do(from(referral.FinishedBy, "A", 2)).want(referral.Closed, "tell-feedback node/provider")
}

func TestNobodyClaims(t *testing.T) {
	l := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A", "B")).want(referral.Offered, "send-offer A", "send-offer B", "tell-europol")
	l.do(from(referral.Acknowledged, "A", 0)).do(from(referral.DeclinedBy, "A", 1)).want(referral.Offered)
	l.after(25*time.Hour).do(referral.Event{Kind: referral.ClockStruck}).want(referral.Held, "raise-alarm B", "ask-europol", "raise-alarm")
	l.after(8*24*time.Hour).do(referral.Event{Kind: referral.ClockStruck}).want(referral.Held, "ask-europol", "raise-alarm")
	// Late is better than never.
	l.do(from(referral.ClaimedBy, "B", 1)).want(referral.Claimed)
	l.do(from(referral.ReleasedBy, "B", 2)).want(referral.Held, "ask-europol", "raise-alarm")
}

// TestUrgentAndUnknown is the first acceptance scenario: Europol alone, with
// the reason, and the Centre confirms that it is urgent.
func TestUrgentAndUnknown(t *testing.T) {
	l := begin(t, true)
	found := person(referral.Found, "ada")
	found.Urgent = true
	l.do(found).do(route("no address, no other trace of a State")).want(referral.Held, "ask-europol", "raise-alarm")
	if l.m.EuropolReason != "no address, no other trace of a State" || !l.m.Urgent || l.m.Until.Sub(start) != 24*time.Hour {
		t.Errorf("%+v", l.m)
	}
	if _, _, err := begin(t, true).do(found).m.Apply(l.rules, route(""), start); !problem.Is(err, problem.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
}

func TestTwoClaim(t *testing.T) {
	l := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A", "B"))
	l.do(from(referral.ClaimedBy, "A", 1)).want(referral.Claimed)
	l.do(from(referral.ClaimedBy, "B", 1)).want(referral.Claimed, "open-coordination")
	if !slices.Equal(l.m.Claimants(), []string{"A", "B"}) {
		t.Fatalf("both stay responsible: %v", l.m.Claimants())
	}
	consent := func(who, lead string, turn int) referral.Event {
		return referral.Event{Kind: referral.Consent, Authority: who, Lead: lead, Turn: turn}
	}
	l.do(consent("A", "A", 2)).want(referral.Claimed)
	l.do(consent("B", "A", 2)).want(referral.Claimed, "tell-lead A")
	// The lead leaves: nothing is agreed any more, and B is still responsible.
	l.do(from(referral.ReleasedBy, "A", 3)).want(referral.Claimed, "open-coordination")
	if l.m.Coordination.Lead != "" || len(l.m.Coordination.Consents) != 0 {
		t.Errorf("%+v", l.m.Coordination)
	}
}

// TestWhoDissentedLeaves: the others agree by it, and are told.
func TestWhoDissentedLeaves(t *testing.T) {
	l := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A", "B", "C"))
	for _, who := range []string{"A", "B", "C"} {
		l.do(from(referral.ClaimedBy, who, 1))
	}
	for _, c := range [][2]string{{"A", "B"}, {"B", "B"}, {"C", "C"}} {
		l.do(referral.Event{Kind: referral.Consent, Authority: c[0], Lead: c[1], Turn: 2}).want(referral.Claimed)
	}
	l.do(from(referral.FinishedBy, "C", 3)).want(referral.Claimed, "open-coordination B", "tell-feedback node/provider")
	if l.m.Coordination.Lead != "B" {
		t.Errorf("%+v", l.m.Coordination)
	}
	// Somebody changes their mind: nothing is agreed any more.
	l.do(referral.Event{Kind: referral.Consent, Authority: "A", Lead: "A", Turn: 3}).want(referral.Claimed, "open-coordination")
}

func TestAnOvertakenAnswerSaysNothing(t *testing.T) {
	l := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A"))
	l.do(from(referral.ReleasedBy, "A", 2)).want(referral.Held, "ask-europol", "raise-alarm")
	l.do(from(referral.ClaimedBy, "A", 1)).want(referral.Held)
}

// TestNotConfirmed is the eighth acceptance scenario: every receiver is told.
func TestNotConfirmed(t *testing.T) {
	l := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A")).do(from(referral.ClaimedBy, "A", 1))
	e := from(referral.FinishedBy, "A", 2)
	e.Outcome = referral.OutcomeUnlawfulNot
	l.do(e).want(referral.Closed, "tell-feedback node/provider", "tell-correction")
}

func TestUnfounded(t *testing.T) {
	call := person(referral.CallUnfounded, "ada")
	call.Reason = "technical-false-match"
	begin(t, false).do(call).want(referral.Unfounded, "tell-unfounded node/provider")
	l := begin(t, true).do(call).want(referral.AwaitingSecond, "queue-second")
	if _, _, err := l.m.Apply(l.rules, person(referral.Agree, "ada"), start); !problem.Is(err, problem.Denied) {
		t.Errorf("agreeing with oneself: %v", err)
	}
	l.do(person(referral.Disagree, "bela")).want(referral.Received, "raise-alarm")
	l.do(call).do(person(referral.Agree, "bela")).want(referral.Unfounded, "tell-unfounded node/provider")
	// Where somebody found otherwise before, two people are asked; whoever was
	// asked to act hears the end, and one that acts all the same is not lost.
	assessed := begin(t, false).do(person(referral.Found, "ada")).do(call).want(referral.AwaitingSecond, "queue-second")
	assessed.do(person(referral.Agree, "bela")).want(referral.Unfounded, "tell-unfounded node/provider")
	held := begin(t, false).do(person(referral.Found, "ada")).do(route("nothing points to a State")).want(referral.Held, "ask-europol", "raise-alarm")
	held.do(call).do(person(referral.Disagree, "bela")).want(referral.Held, "raise-alarm")
	held.do(call).do(person(referral.Agree, "bela")).want(referral.Unfounded, "tell-unfounded node/provider", "tell-correction")
	late := begin(t, false).do(person(referral.Found, "ada")).do(route("", "A"))
	late.do(from(referral.DeclinedBy, "A", 1)).want(referral.Held, "ask-europol", "raise-alarm")
	late.do(call).do(person(referral.Agree, "bela")).do(from(referral.ClaimedBy, "A", 2)).want(referral.Claimed)
	call.NeverOpened = true
	begin(t, false).do(call).want(referral.AwaitingSecond, "queue-second")
	call.Reason = "no-such-code"
	if _, _, err := begin(t, false).m.Apply(l.rules, call, start); !problem.Is(err, problem.Invalid) {
		t.Errorf("an unknown reason: %v", err)
	}
}

func TestThirdStates(t *testing.T) {
	e := route("")
	e.ThirdStates = []string{"US"}
	l := begin(t, false).do(person(referral.Found, "ada")).do(e).want(referral.Held, "ask-interpol", "ask-europol", "raise-alarm")
	if l.m.InterpolAsked.IsZero() {
		t.Error("it is not recorded")
	}
}

func TestMachinesDecideNothing(t *testing.T) {
	r := rules(t)
	for _, kind := range []referral.EventKind{referral.Found, referral.CallUnfounded, referral.Agree, referral.Disagree, referral.Route} {
		for _, state := range referral.States {
			m := begin(t, true).m
			m.State = state
			m.Assessed = &referral.Decision{Person: "ada"}
			if _, _, err := m.Apply(r, referral.Event{Kind: kind, Reason: "test-or-spam"}, start); err == nil {
				t.Errorf("%s in %s without a person", kind, state)
			}
		}
	}
	for _, kind := range []referral.StepKind{referral.Claim, referral.Decline, referral.Release, referral.Finish, referral.PreferLead} {
		for _, standing := range referral.Standings {
			a := referral.NewReferral(r, "report/1", "node/centre", false, start)
			a.Standing = standing
			if _, _, err := a.Apply(r, referral.Step{Kind: kind, Reason: "x", Outcome: "no-action", Lead: "A"}, start); err == nil {
				t.Errorf("%s in %s without a person", kind, standing)
			}
		}
	}
}

// TestAnyOrderOfEvents: whatever comes in whatever order, an open matter that
// nobody has claimed has the Centre responsible with a clock, Apply changes
// nothing but what it returns, and the value survives being stored.
func TestAnyOrderOfEvents(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		urgent := rapid.Bool().Draw(t, "urgent")
		m := referral.NewMatter(r, "report/1", "node/provider", urgent, start)
		now := start
		names := []string{"A", "B", "C"}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "hours")) * time.Hour)
			e := referral.Event{
				Kind: rapid.SampledFrom(referral.EventKinds).Draw(t, "kind"), Person: rapid.SampledFrom([]string{"", "ada", "bela"}).Draw(t, "person"),
				Decision: "event/1", Authority: rapid.SampledFrom(names).Draw(t, "authority"), Turn: rapid.IntRange(0, 9).Draw(t, "turn"),
				Reason: rapid.SampledFrom([]string{"", "test-or-spam"}).Draw(t, "reason"), Urgent: rapid.Bool().Draw(t, "found urgent"),
				Outcome: rapid.SampledFrom(append([]string{""}, referral.Outcomes...)).Draw(t, "outcome"), Lead: rapid.SampledFrom(names).Draw(t, "lead"),
			}
			for _, name := range names[:rapid.IntRange(0, 3).Draw(t, "to")] {
				e.To = append(e.To, referral.Recipient{Authority: name})
			}
			before, _ := json.Marshal(m)
			next, effects, err := m.Apply(r, e, now)
			if after, _ := json.Marshal(m); string(before) != string(after) {
				t.Fatalf("%s changed the value that it was called on", e.Kind)
			}
			if err != nil {
				if !reflect.DeepEqual(next, m) || effects != nil {
					t.Fatalf("%s failed and changed something", e.Kind)
				}
				continue
			}
			m = next
			until, responsible := m.Responsible()
			if m.State.Open() && len(m.Claimants()) == 0 && (!responsible || until.IsZero()) {
				t.Fatalf("nobody is responsible in %s after %s: %+v", m.State, e.Kind, m)
			}
			if (m.State == referral.Claimed) != (len(m.Claimants()) > 0) {
				t.Fatalf("%s with the claimants %v", m.State, m.Claimants())
			}
			if m.State == referral.Held && m.EuropolAsked.IsZero() {
				t.Fatal("held, and Europol was not asked")
			}
			var stored referral.Matter
			text, err := json.Marshal(m)
			if err == nil {
				err = json.Unmarshal(text, &stored)
			}
			if again, _ := json.Marshal(stored); err != nil || string(again) != string(text) {
				t.Fatalf("storing changes it: %v\n%s\n%s", err, text, again)
			}
		}
	})
}

func TestAnAuthoritysSide(t *testing.T) {
	r := rules(t)
	a := referral.NewReferral(r, "report/1", "node/centre", false, start)
	step := func(s referral.Step, standing referral.Standing, effects string) {
		t.Helper()
		s.Person, s.Decision = "ines", "event/1"
		next, did, err := a.Apply(r, s, start)
		if err != nil {
			t.Fatalf("%s: %v", s.Kind, err)
		}
		a = next
		var kinds []string
		for _, e := range did {
			kinds = append(kinds, fmt.Sprintf("%s/%d", e.Kind, e.Turn))
		}
		if a.Standing != standing || strings.Join(kinds, " ") != effects {
			t.Fatalf("%s: %s %v, want %s %s", s.Kind, a.Standing, kinds, standing, effects)
		}
		if until, responsible := a.Responsible(); responsible && until.IsZero() {
			t.Fatalf("%s: responsible without a clock", s.Kind)
		}
	}
	step(referral.Step{Kind: referral.Claim}, referral.StandingClaimed, "send-claim/1")
	step(referral.Step{Kind: referral.Release, Reason: "another State"}, referral.StandingReleasing, "send-release/2")
	step(referral.Step{Kind: referral.Receipted}, referral.StandingReleased, "")
	step(referral.Step{Kind: referral.OfferedAgain}, referral.StandingOffered, "")
	step(referral.Step{Kind: referral.Decline, Reason: "another State"}, referral.StandingDeclined, "send-decline/3")
	step(referral.Step{Kind: referral.Claim}, referral.StandingClaimed, "send-claim/4")
	step(referral.Step{Kind: referral.PreferLead, Lead: "A"}, referral.StandingClaimed, "send-consent/5")
	step(referral.Step{Kind: referral.Coordinated, Others: []string{"B"}, Lead: "B", Turn: 2}, referral.StandingClaimed, "")
	step(referral.Step{Kind: referral.Coordinated, Others: []string{"C"}, Lead: "C", Turn: 1}, referral.StandingClaimed, "")
	if a.Lead != "B" {
		t.Errorf("what was overtaken on the way holds: %+v", a)
	}
	step(referral.Step{Kind: referral.Finish, Outcome: "new-investigation"}, referral.StandingFinishing, "send-outcome/6")
	step(referral.Step{Kind: referral.Receipted}, referral.StandingFinished, "")
	if _, _, err := a.Apply(r, referral.Step{Kind: referral.Release, Person: "ines", Decision: "event/1", Reason: "x"}, start); !problem.Is(err, problem.Conflict) {
		t.Errorf("releasing what is finished: %v", err)
	}
	b := referral.NewReferral(r, "report/1", "node/centre", true, start)
	b, did, err := b.Apply(r, referral.Step{Kind: referral.Reminded}, start.Add(25*time.Hour))
	if err != nil || len(did) != 1 || did[0].Kind != referral.RaiseAlarm || !b.Until.After(start.Add(25*time.Hour)) {
		t.Errorf("%+v %v %v", b, did, err)
	}
}
