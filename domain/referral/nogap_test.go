package referral_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/racetest"
)

// The simulation drives providers, the Centre, 27 authorities, Europol and
// INTERPOL through loss, repetition, disorder, partitions, crashes and clocks
// that disagree. What nodes store survives a crash; what is on the way does
// not, and is sent again until it is receipted, as internal/peer does it. After
// each step every open report must have somebody who is responsible, by what
// they have stored themselves, with a clock that runs.
//
//	BRDO_SIMULATION_SEEDS=10000 go test ./domain/referral -run TestNoGap
//	BRDO_SIMULATION_SEED=17 go test ./domain/referral -run TestNoGap -v     replays one, step by step

const (
	authorities = 27
	providers   = 2
	reportsEach = 3
)

// letter is one message of a node, kept until it is receipted.
type letter struct {
	id, from, to, kind, report string
	turn                       int
	reason, lead               string
	others                     []string
	// next is when it is sent again, tries how often it was.
	next  time.Time
	tries int
}

// machine is a node: what it stores, and its clock.
type machine struct {
	name   string
	skew   time.Duration
	down   time.Time // until when it is down
	outbox map[string]*letter
	// seen are the letters that had their effect, so that none has it twice.
	seen     map[string]bool
	matters  map[string]referral.Matter
	desk     map[string]referral.Referral
	sending  map[string]bool // reports that a provider has no receipt for
	told     map[string]int  // how often a provider was told of an outcome, by letter
	asked    map[string]bool // reports that Europol was asked about
	sequence int
}

// flight is a message or a receipt on its way.
type flight struct {
	at      time.Time
	order   int
	receipt bool
	to      string
	l       letter
}

// fault is a rule that is broken on purpose, to see that the test finds it.
type fault string

const (
	sound              fault = ""
	noEscalation       fault = "clocks of the Centre do not strike"
	noEuropol          fault = "Europol is not asked"
	letGoAtOffer       fault = "the Centre lets go when it offers"
	takeover           fault = "a second claim takes over from the first"
	letGoBeforeReceipt fault = "an authority lets go before the Centre has receipted"
	turnsIgnored       fault = "answers count in the order in which they come"
)

type world struct {
	rules    *law.Routing
	random   *rand.Rand
	now      time.Time
	calm     bool
	nodes    map[string]*machine
	names    []string
	flights  []flight
	order    int
	cut      map[[2]string]time.Time
	reports  []string
	fault    fault
	trace    *strings.Builder
	released map[string]bool // taken over: the first claimant was told to stop
}

func newWorld(r *law.Routing, seed uint64, f fault, trace *strings.Builder) *world {
	w := &world{
		rules: r, random: rand.New(rand.NewPCG(seed, 1)), now: start, nodes: map[string]*machine{}, cut: map[[2]string]time.Time{}, fault: f, trace: trace,
		released: map[string]bool{},
	}
	add := func(name string) {
		w.nodes[name] = &machine{
			name: name, skew: time.Duration(w.random.IntN(600)-300) * time.Second, outbox: map[string]*letter{}, seen: map[string]bool{},
			matters: map[string]referral.Matter{}, desk: map[string]referral.Referral{}, sending: map[string]bool{}, told: map[string]int{}, asked: map[string]bool{},
		}
		w.names = append(w.names, name)
	}
	for _, name := range []string{"centre", "europol", "interpol"} {
		add(name)
	}
	for i := range providers {
		add(fmt.Sprintf("provider%d", i))
	}
	for i := range authorities {
		add(fmt.Sprintf("authority%02d", i))
	}
	return w
}

func (w *world) say(format string, arguments ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, w.now.Format("01-02 15:04:05 ")+format+"\n", arguments...)
	}
}

func (w *world) clock(m *machine) time.Time { return w.now.Add(m.skew) }

func (w *world) post(m *machine, l letter) {
	m.sequence++
	l.id, l.from, l.next = fmt.Sprintf("%s#%d", m.name, m.sequence), m.name, w.now
	m.outbox[l.id] = &l
}

// transmit puts messages on their way, by the mood of the network.
func (w *world) transmit(f flight, from string) {
	if until, cut := w.cut[pair(from, f.to)]; cut && w.now.Before(until) {
		return
	}
	copies := 1
	if !w.calm {
		switch w.random.IntN(10) {
		case 0, 1:
			copies = 0
		case 2:
			copies = 2
		}
	}
	for range copies {
		delay := time.Duration(w.random.IntN(3000)) * time.Millisecond
		if !w.calm && w.random.IntN(8) == 0 {
			delay = time.Duration(w.random.IntN(36*3600)) * time.Second
		}
		w.order++
		f.at, f.order = w.now.Add(delay), w.order
		w.flights = append(w.flights, f)
	}
}

func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// retransmit sends again what has no receipt.
func (w *world) retransmit() {
	for _, name := range w.names {
		m := w.nodes[name]
		if w.now.Before(m.down) {
			continue
		}
		if len(m.outbox) == 0 {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(m.outbox)) {
			l := m.outbox[id]
			if w.now.Before(l.next) {
				continue
			}
			l.tries++
			l.next = w.now.Add(min(time.Minute<<min(l.tries, 6), time.Hour))
			w.transmit(flight{to: l.to, l: *l}, name)
		}
	}
}

func (w *world) arrive(f flight) {
	m := w.nodes[f.to]
	if w.now.Before(m.down) {
		return // lost: it was on the way
	}
	if f.receipt {
		if _, waiting := m.outbox[f.l.id]; waiting {
			delete(m.outbox, f.l.id)
			w.say("%s has the receipt of %s for %s (%s)", m.name, f.l.to, f.l.kind, f.l.report)
			w.receipted(m, f.l)
		}
		return
	}
	if !m.seen[f.l.id] {
		m.seen[f.l.id] = true
		w.say("%s takes in %s about %s from %s", m.name, f.l.kind, f.l.report, f.l.from)
		w.take(m, f.l)
	}
	w.transmit(flight{to: f.l.from, receipt: true, l: f.l}, m.name)
}

// receipted is what a node does with the receipt of what it sent, in the
// transaction that stores it.
func (w *world) receipted(m *machine, l letter) {
	switch l.kind {
	case "report":
		delete(m.sending, l.report)
	case "offer":
		w.centre(m, l.report, referral.Event{Kind: referral.Acknowledged, Authority: l.to})
	case "release", "outcome":
		w.step(m, l.report, referral.Step{Kind: referral.Receipted})
	}
}

// take is what a node does with what it received, in the transaction that
// stores it with its receipt.
func (w *world) take(m *machine, l letter) {
	switch l.kind {
	case "report":
		m.matters[l.report] = referral.NewMatter(w.rules, l.report, l.from, l.reason == "urgent", w.clock(m))
	case "offer":
		if _, known := m.desk[l.report]; known {
			w.step(m, l.report, referral.Step{Kind: referral.OfferedAgain})
			return
		}
		m.desk[l.report] = referral.NewReferral(w.rules, l.report, l.from, l.reason == "urgent", w.clock(m))
	case "coordination":
		w.step(m, l.report, referral.Step{Kind: referral.Coordinated, Others: l.others, Lead: l.lead, Turn: l.turn})
	case "claim":
		w.centre(m, l.report, referral.Event{Kind: referral.ClaimedBy, Authority: l.from, Turn: l.turn})
	case "decline":
		w.centre(m, l.report, referral.Event{Kind: referral.DeclinedBy, Authority: l.from, Turn: l.turn, Reason: l.reason})
	case "release":
		w.centre(m, l.report, referral.Event{Kind: referral.ReleasedBy, Authority: l.from, Turn: l.turn, Reason: l.reason})
	case "outcome":
		w.centre(m, l.report, referral.Event{Kind: referral.FinishedBy, Authority: l.from, Turn: l.turn, Outcome: l.reason})
	case "consent":
		w.centre(m, l.report, referral.Event{Kind: referral.Consent, Authority: l.from, Turn: l.turn, Lead: l.reason})
	case "feedback", "unfounded":
		m.told[l.id]++
	case "europol " + string(referral.AskEuropol):
		m.asked[l.report] = true
	case "stop": // only of the fault that lets a second claim take over
		r := m.desk[l.report]
		r.Standing = referral.StandingReleased
		m.desk[l.report] = r
	}
}

// centre applies an event to a matter and posts what follows.
func (w *world) centre(m *machine, report string, e referral.Event) {
	if w.fault == turnsIgnored {
		e.Turn = 1_000_000 + w.order
		w.order++
	}
	before := m.matters[report]
	next, effects, err := before.Apply(w.rules, e, w.clock(m))
	if err != nil {
		w.say("centre refuses %s from %s: %v", e.Kind, e.Authority, err)
		return
	}
	m.matters[report] = next
	if next.State != before.State {
		w.say("centre: %s is %s", report, next.State)
	}
	urgent := ""
	if next.Urgent {
		urgent = "urgent"
	}
	for _, effect := range effects {
		l := letter{report: report, to: effect.To, reason: effect.Reason}
		switch effect.Kind {
		case referral.SendOffer:
			l.kind, l.reason = "offer", urgent
		case referral.AskEuropol, referral.TellEuropol:
			l.kind, l.to = "europol "+string(effect.Kind), "europol"
			if w.fault == noEuropol && effect.Kind == referral.AskEuropol {
				continue
			}
		case referral.AskInterpol:
			l.kind, l.to = "interpol", "interpol"
		case referral.TellUnfounded:
			l.kind = "unfounded"
		case referral.TellFeedback:
			l.kind = "feedback"
		case referral.OpenCoordination, referral.TellLead:
			claimants := next.Claimants()
			for _, to := range claimants {
				w.post(m, letter{kind: "coordination", report: report, to: to, others: claimants, lead: next.Coordination.Lead, turn: effect.Turn})
			}
			if w.fault == takeover && effect.Kind == referral.OpenCoordination {
				w.post(m, letter{kind: "stop", report: report, to: claimants[0]})
				at := slices.IndexFunc(next.Offers, func(o referral.Offer) bool { return o.Authority == claimants[0] })
				next.Offers[at].State = referral.OfferReleased
			}
			continue
		default:
			continue
		}
		w.post(m, l)
	}
}

// step applies a step to an authority's referral and posts what follows.
func (w *world) step(m *machine, report string, s referral.Step) {
	before := m.desk[report]
	next, effects, err := before.Apply(w.rules, s, w.clock(m))
	if err != nil {
		return
	}
	if w.fault == letGoBeforeReceipt && next.Standing == referral.StandingReleasing {
		next.Standing = referral.StandingReleased
	}
	m.desk[report] = next
	if next.Standing != before.Standing {
		w.say("%s: %s is %s", m.name, report, next.Standing)
	}
	kinds := map[referral.EffectKind]string{
		referral.SendClaim: "claim", referral.SendDecline: "decline", referral.SendRelease: "release", referral.SendOutcome: "outcome", referral.SendConsent: "consent",
	}
	for _, e := range effects {
		if kind, sent := kinds[e.Kind]; sent {
			w.post(m, letter{kind: kind, report: report, to: "centre", turn: e.Turn, reason: e.Reason})
		}
	}
}

// people act now and then, and clocks strike when they are due.
func (w *world) people() {
	for _, name := range w.names {
		m := w.nodes[name]
		if w.now.Before(m.down) {
			continue
		}
		now := w.clock(m)
		for _, report := range slices.Sorted(maps.Keys(m.matters)) {
			matter := m.matters[report]
			if at, set := matter.Next(); set && !now.Before(at) && w.fault != noEscalation {
				w.centre(m, report, referral.Event{Kind: referral.ClockStruck})
				continue
			}
			if w.random.IntN(20) != 0 && !w.calm {
				continue
			}
			e := referral.Event{Person: "ada", Decision: "event/1"}
			switch matter.State {
			case referral.Received:
				e.Kind, e.Urgent = referral.Found, matter.Urgent
				if w.random.IntN(12) == 0 {
					e.Kind, e.Reason = referral.CallUnfounded, "test-or-spam"
				}
			case referral.AwaitingSecond:
				e.Kind, e.Person = []referral.EventKind{referral.Agree, referral.Disagree}[w.random.IntN(2)], "bela"
			case referral.Assessed, referral.Held:
				e.Kind, e.Reason = referral.Route, "nothing points to a State"
				for range w.random.IntN(4) {
					e.To = append(e.To, referral.Recipient{Authority: fmt.Sprintf("authority%02d", w.random.IntN(authorities))})
				}
				if w.random.IntN(10) == 0 {
					e.ThirdStates = []string{"US"}
				}
				if w.random.IntN(200) == 0 {
					e = referral.Event{Kind: referral.CallUnfounded, Person: "ada", Decision: "event/1", Reason: "taken-back"}
				} else if matter.State == referral.Held && w.random.IntN(10) != 0 {
					continue
				}
			default:
				continue
			}
			w.centre(m, report, e)
		}
		for _, report := range slices.Sorted(maps.Keys(m.desk)) {
			r := m.desk[report]
			if !r.Until.IsZero() && !now.Before(r.Until) {
				w.step(m, report, referral.Step{Kind: referral.Reminded})
			}
			// Somebody who has claimed may find at once that it is not theirs.
			if often := map[bool]int{true: 8, false: 60}[r.Standing == referral.StandingClaimed && !w.calm]; w.random.IntN(often) != 0 {
				continue
			}
			s := referral.Step{Person: "ines", Decision: "event/1", Reason: "because"}
			switch r.Standing {
			case referral.StandingOffered:
				s.Kind = []referral.StepKind{referral.Claim, referral.Claim, referral.Decline}[w.random.IntN(3)]
			case referral.StandingDeclined, referral.StandingReleased:
				if w.random.IntN(6) != 0 {
					continue
				}
				s.Kind = referral.Claim
			case referral.StandingClaimed:
				s.Kind = []referral.StepKind{referral.Release, referral.Finish, referral.PreferLead, referral.PreferLead}[w.random.IntN(4)]
				s.Outcome, s.Lead = "new-investigation", m.name
				if len(r.Others) > 1 {
					s.Lead = r.Others[0]
				}
			default:
				continue
			}
			w.step(m, report, s)
		}
	}
}

// trouble cuts lines and lets nodes crash.
func (w *world) trouble() {
	if w.calm {
		return
	}
	if w.random.IntN(200) == 0 {
		a, b := w.names[w.random.IntN(len(w.names))], w.names[w.random.IntN(len(w.names))]
		if w.random.IntN(2) == 0 {
			a = "centre"
		}
		w.cut[pair(a, b)] = w.now.Add(time.Duration(w.random.IntN(72*3600)) * time.Second)
	}
	if w.random.IntN(40) == 0 {
		name := w.names[w.random.IntN(len(w.names))]
		if w.random.IntN(4) == 0 {
			name = "centre"
		}
		w.nodes[name].down = w.now.Add(time.Duration(w.random.IntN(48*3600)) * time.Second)
		w.say("%s crashes until %s", name, w.nodes[name].down.Format("01-02 15:04"))
	}
}

// responsible are those who say of themselves that they are, with a clock.
func (w *world) responsible(report string) (who []string, open bool) {
	for _, name := range w.names {
		m := w.nodes[name]
		if m.sending[report] {
			who = append(who, name) // its post office sends again, and raises an alarm
		}
		if r, known := m.desk[report]; known {
			if until, yes := r.Responsible(); yes && !until.IsZero() {
				who = append(who, name)
			}
		}
	}
	matter, known := w.nodes["centre"].matters[report]
	if !known {
		return who, true
	}
	until, yes := matter.Responsible()
	if w.fault == letGoAtOffer && matter.State == referral.Offered {
		yes = false
	}
	if yes && !until.IsZero() {
		who = append(who, "centre")
	}
	return who, matter.State.Open()
}

func (w *world) invariant(reports ...string) error {
	for _, report := range reports {
		if who, open := w.responsible(report); open && len(who) == 0 {
			return fmt.Errorf("nobody is responsible for %s: %+v", report, w.nodes["centre"].matters[report])
		}
	}
	return nil
}

// run is one simulated life. It ends in calm, so that everything arrives.
func (w *world) run() error {
	for step := range 420 {
		w.calm = step >= 240
		if step == 240 { // the network heals, everybody comes back
			w.say("---- calm ----")
			clear(w.cut)
			for _, m := range w.nodes {
				m.down = time.Time{}
			}
		}
		if step%20 == 0 && len(w.reports) < providers*reportsEach {
			m := w.nodes[fmt.Sprintf("provider%d", len(w.reports)%providers)]
			report := fmt.Sprintf("report/%d", len(w.reports))
			w.reports = append(w.reports, report)
			m.sending[report] = true
			reason := ""
			if w.random.IntN(3) == 0 {
				reason = "urgent"
			}
			w.post(m, letter{kind: "report", report: report, to: "centre", reason: reason})
		}
		w.trouble()
		w.people()
		w.retransmit()
		w.now = w.now.Add(time.Duration(w.random.IntN(6*3600)) * time.Second)
		slices.SortFunc(w.flights, func(a, b flight) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order)) })
		due := w.flights
		w.flights = nil
		for i, f := range due {
			if f.at.After(w.now) {
				w.flights = append(w.flights, due[i:]...)
				break
			}
			w.arrive(f)
			if err := w.invariant(f.l.report); err != nil {
				return err
			}
		}
		if err := w.invariant(w.reports...); err != nil {
			return err
		}
	}
	return w.ended()
}

// ended says what must hold once all has been calm for weeks.
func (w *world) ended() error {
	centre := w.nodes["centre"]
	for _, report := range w.reports {
		m, known := centre.matters[report]
		if !known {
			return fmt.Errorf("%s never reached the Centre", report)
		}
		switch m.State {
		case referral.Held:
			// What was asked in the last days may still be on its way.
			lately := w.clock(centre).Sub(m.EuropolAsked) < 48*time.Hour
			if m.EuropolAsked.IsZero() || !w.nodes["europol"].asked[report] && !lately {
				return fmt.Errorf("%s is held, and Europol does not know", report)
			}
		case referral.Offered:
			for _, o := range m.Offers {
				if !o.Until.IsZero() && centre.skew+w.now.Sub(o.Until) > 14*24*time.Hour {
					return fmt.Errorf("%s waits for %s since %s, and nothing escalates", report, o.Authority, o.Until)
				}
			}
		case referral.Claimed:
			claimants := m.Claimants()
			for _, o := range m.Offers {
				standing := w.nodes[o.Authority].desk[report].Standing
				acts := standing == referral.StandingClaimed || standing == referral.StandingFinishing || standing == referral.StandingReleasing
				if acts != slices.Contains(claimants, o.Authority) && standing != referral.StandingFinishing && standing != referral.StandingReleasing {
					return fmt.Errorf("%s: %s is %s there and %s here", report, o.Authority, standing, o.State)
				}
			}
			for _, claimant := range claimants {
				if r := w.nodes[claimant].desk[report]; m.Coordination != nil && r.Told == m.Coordination.Turn && r.Lead != m.Coordination.Lead {
					return fmt.Errorf("%s: %s takes %q for the lead, and it is %q", report, claimant, r.Lead, m.Coordination.Lead)
				}
			}
			if len(claimants) > 1 && m.Coordination == nil {
				return fmt.Errorf("%s: %v act and nobody coordinates", report, claimants)
			}
		}
	}
	for _, m := range w.nodes {
		for id, count := range m.told {
			if count != 1 {
				return fmt.Errorf("%s was told %d times of %s", m.name, count, id)
			}
		}
	}
	return nil
}

func simulate(r *law.Routing, seed uint64, f fault, trace *strings.Builder) error {
	return newWorld(r, seed, f, trace).run()
}

// TestNoGap drives many lives; see the head of this file.
func TestNoGap(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the simulation has one goroutine a seed and is slow under the race detector; it is run without it")
	}
	r := rules(t)
	if text := os.Getenv("BRDO_SIMULATION_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		var trace strings.Builder
		err = simulate(r, seed, sound, &trace)
		t.Log("\n" + trace.String())
		if err != nil {
			t.Error(err)
		}
		return
	}
	seeds := uint64(2000)
	if text := os.Getenv("BRDO_SIMULATION_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if testing.Short() {
		seeds = 100
	}
	var next atomic.Uint64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := next.Add(1) - 1; seed < seeds && !t.Failed(); seed = next.Add(1) - 1 {
				if err := simulate(r, seed, sound, nil); err != nil {
					t.Errorf("%v\nreplay: BRDO_SIMULATION_SEED=%d go test ./domain/referral -run TestNoGap -v", err, seed)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d seeds, %d nodes, %d reports each", seeds, authorities+providers+3, providers*reportsEach)
}

// TestBrokenRulesAreFound shows that the simulation can fail.
func TestBrokenRulesAreFound(t *testing.T) {
	r := rules(t)
	for _, f := range []fault{noEscalation, noEuropol, letGoAtOffer, takeover, letGoBeforeReceipt, turnsIgnored} {
		t.Run(string(f), func(t *testing.T) {
			for seed := range uint64(100) {
				if err := simulate(r, seed, f, nil); err != nil {
					t.Logf("found with seed %d: %.200s", seed, err)
					return
				}
			}
			t.Error("not found in 100 seeds")
		})
	}
}
