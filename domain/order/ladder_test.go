package order

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
)

func sampleNotice(t testing.TB, rung string) Notice {
	t.Helper()
	form := noticeProfile(t)
	return Notice{
		ID: "notice/17", Profile: form.Ref(), Reference: "N 17/2026",
		Sender:    Sender{Kind: "centre", Name: "Example Centre", ContactPoint: "notices@centre.example"},
		Addressee: NoticeAddressee{Rung: rung, Name: "Example Hosting", Contact: "abuse@provider.example"},
		Items:     []Item{{URL: "https://pictures.example/landscape/17", SHA256: bytesA}},
		Reasons:   "Reason number 17.", Voluntary: form.Voluntary.Text, LegalBasis: "Article 49(2)",
		IssuedAt: noon, Signature: Signature{KeyID: "key/centre-17", Method: "Ed25519"},
	}
}

func noticeFacts(t testing.TB, rung string) *NoticeFacts {
	t.Helper()
	text, err := sampleNotice(t, rung).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, facts, err := ReadNotice(text, noticeProfile(t))
	if err != nil {
		t.Fatal(err)
	}
	return &facts
}

func TestNoticeDocument(t *testing.T) {
	form, n := noticeProfile(t), sampleNotice(t, "host")
	text, err := n.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "notice.json", text)
	filled, err := n.Form(form, Digest(text))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "form-notice.txt", printed(filled))
	back := n.Withdrawal("notice/18", "It shows another landscape.", n.IssuedAt.Add(time.Hour))
	if filled, err = back.Form(form, ""); err != nil || len(back.Validate(form)) != 0 {
		t.Fatal(err, back.Validate(form))
	}
	golden(t, "form-withdrawal.txt", printed(filled))
	if back.Reasons = ""; !named(back.Validate(form), "reasons", "") {
		t.Errorf("a withdrawal without a reason: %v", back.Validate(form))
	}
	if found := n.Validate(form); len(found) != 0 {
		t.Fatal(found)
	}
	cases := []struct {
		name           string
		change         func(*Notice)
		field, article string
	}{
		{"no sender", func(n *Notice) { n.Sender.Name = "" }, "sender.name", "Article 32, second paragraph"},
		{"no contact point", func(n *Notice) { n.Sender.ContactPoint = "" }, "sender.contact_point", "Article 25(5)"},
		{"a sender that may not", func(n *Notice) { n.Sender.Kind = "provider" }, "sender.kind", "Articles 32"},
		{"no addressee", func(n *Notice) { n.Addressee.Name = "" }, "addressee.name", "Article 32"},
		{"a rung that is none", func(n *Notice) { n.Addressee.Rung = "cloud" }, "addressee.rung", ""},
		{"no items", func(n *Notice) { n.Items = nil }, "items", "Article 49(2)"},
		{"no address", func(n *Notice) { n.Items[0].URL = "landscape/17" }, "items[0].url", "Articles 32"},
		{"a digest that is none", func(n *Notice) { n.Items[0].SHA256 = "17" }, "items[0].sha256", ""},
		{"no reasons", func(n *Notice) { n.Reasons = "" }, "reasons", "Article 32, second paragraph"},
		{"no voluntary sentence", func(n *Notice) { n.Voluntary = "" }, "voluntary", "Article 49(2), second subparagraph, last sentence"},
		{"a sentence that commands", func(n *Notice) { n.Voluntary = "Remove this." }, "voluntary", "Article 32, second paragraph, last sentence"},
		{"no date", func(n *Notice) { n.IssuedAt = time.Time{} }, "issued_at", ""},
		{"no signature", func(n *Notice) { n.Signature = Signature{} }, "signature", ""},
		{"another profile", func(n *Notice) { n.Profile.Version = 2 }, "profile", ""},
		{"no id", func(n *Notice) { n.ID = "" }, "id", ""},
	}
	for _, c := range cases {
		n := sampleNotice(t, "host")
		c.change(&n)
		if !named(n.Validate(form), c.field, c.article) {
			t.Errorf("%s: %v", c.name, n.Validate(form))
		}
	}
}

func FuzzParseNotice(f *testing.F) {
	text, err := sampleNotice(f, "host").Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	form := noticeProfile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, facts, err := ReadNotice(data, form)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		if n.Voluntary != form.Voluntary.Text || len(facts.Places) == 0 {
			t.Fatalf("accepted: %+v", n)
		}
		if again, err := n.Marshal(); err == nil {
			if back, err := ParseNotice(again); err != nil {
				t.Fatal(err)
			} else if once, _ := back.Marshal(); !bytes.Equal(once, again) {
				t.Fatal("writing it again gives other bytes")
			}
		}
	})
}

func opening() NoticeOpening {
	return NoticeOpening{
		ID: "case/17", Sender: "centre", Ground: "victim_request", Request: "victim-request/17", Known: "indicator/17", Found: "search/17",
		Places: []string{"https://pictures.example/landscape/17"}, Person: "person/requester", Decision: "decision/open",
	}
}

func opened(t testing.TB) NoticeCase {
	t.Helper()
	c, effects, err := OpenNotice(noticeProfile(t), opening(), noon)
	if err != nil || !has(effects, AskPerson) {
		t.Fatalf("%v %v", effects, err)
	}
	return c
}

// TestANoticeNeedsAGround: nobody notifies of its own will (Article 49(1)).
func TestANoticeNeedsAGround(t *testing.T) {
	cases := []struct {
		name   string
		change func(*NoticeOpening)
		kind   problem.Kind
	}{
		{"no person", func(o *NoticeOpening) { o.Person = "" }, problem.Invalid},
		{"no ground", func(o *NoticeOpening) { o.Ground = "" }, problem.Denied},
		{"a ground of one's own", func(o *NoticeOpening) { o.Ground = "own_motion" }, problem.Denied},
		{"a sender that cannot rely on it", func(o *NoticeOpening) { o.Sender = "provider" }, problem.Denied},
		{"no recorded request", func(o *NoticeOpening) { o.Request = "" }, problem.Invalid},
		{"material that is not known", func(o *NoticeOpening) { o.Known = "" }, problem.Invalid},
		{"no search", func(o *NoticeOpening) { o.Found = "" }, problem.Invalid},
		{"no place", func(o *NoticeOpening) { o.Places = nil }, problem.Invalid},
	}
	for _, c := range cases {
		o := opening()
		c.change(&o)
		if _, effects, err := OpenNotice(noticeProfile(t), o, noon); !problem.Is(err, c.kind) || effects != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func climb(t testing.TB, c NoticeCase, now time.Time, events ...Event) (NoticeCase, []Effect) {
	t.Helper()
	var effects []Effect
	for _, event := range events {
		var err error
		if c, effects, err = again(t, c).Apply(event, now); err != nil {
			t.Fatalf("%s in %s: %v", event.Kind, c.State, err)
		}
	}
	return c, effects
}

func noticeEvents(t testing.TB, c NoticeCase, now time.Time) map[EventKind]Event {
	round := watch.Round{At: now, By: "node"}
	for _, place := range c.Opening.Places {
		round.Checks = append(round.Checks, watch.Check{Place: place, Finding: watch.Gone, Reason: "status 404"})
	}
	return map[EventKind]Event{
		SendNotice:      by("person/requester", Event{Kind: SendNotice, Notice: noticeFacts(t, c.CurrentRung().Key), Check: nothingHeld(now)}),
		DeliveryProven:  {Kind: DeliveryProven, At: now, Receipt: "receipt/17"},
		DeliveryFailed:  {Kind: DeliveryFailed, Reason: "no such mailbox"},
		RemovalReported: {Kind: RemovalReported, At: now, Receipt: "message/17"},
		Unwilling:       {Kind: Unwilling, Receipt: "message/17", Reason: "the addressee says no"},
		NextRung:        by("person/requester", Event{Kind: NextRung}),
		Bar:             {Kind: Bar, Until: now.AddDate(0, 1, 0), Reason: "an authority asked"},
		Unbar:           {Kind: Unbar, Reason: "the authority released it"},
		Looked:          {Kind: Looked, Round: &round},
		FoundElsewhere:  {Kind: FoundElsewhere, Place: "https://elsewhere.example/17"},
		Resolve:         by("person/requester", Event{Kind: Resolve}),
		Withdraw:        by("person/requester", Event{Kind: Withdraw}),
		Close:           by("person/requester", Event{Kind: Close}),
	}
}

// noticeWays leads to every state of a case.
var noticeWays = map[State][]EventKind{
	Ready:      {},
	Sending:    {SendNotice},
	Waiting:    {SendNotice, DeliveryProven},
	Undecided:  {SendNotice, DeliveryProven, Unwilling},
	Barred:     {SendNotice, DeliveryProven, Bar},
	Executed:   {SendNotice, DeliveryProven, RemovalReported},
	Verified:   {SendNotice, DeliveryProven, RemovalReported, Looked},
	Reappeared: {SendNotice, DeliveryProven, RemovalReported, FoundElsewhere},
	Exhausted:  {NextRung, NextRung, NextRung, NextRung},
	Closed:     {Close},
	Withdrawn:  {SendNotice, Withdraw},
}

func climbTo(t testing.TB, state State) (NoticeCase, time.Time) {
	t.Helper()
	c, now := opened(t), noon
	for _, kind := range noticeWays[state] {
		now = now.Add(time.Hour)
		c, _ = climb(t, c, now, noticeEvents(t, c, now)[kind])
	}
	if c.State != state {
		t.Fatalf("the way to %s ends in %s", state, c.State)
	}
	return c, now
}

func TestEveryTransitionOfANotice(t *testing.T) {
	var table strings.Builder
	seen := map[EventKind]bool{}
	for _, state := range slices.Sorted(mapKeys(noticeWays)) {
		c, now := climbTo(t, state)
		now = now.Add(time.Hour)
		events := noticeEvents(t, c, now)
		for _, kind := range sortedKinds(events) {
			unchanged(t, c, func(c NoticeCase) { _, _, _ = c.Apply(events[kind], now) })
			next, effects, err := c.Apply(events[kind], now)
			switch {
			case problem.Is(err, problem.Conflict):
			case err != nil:
				fmt.Fprintf(&table, "%s + %s: %s\n", state, kind, problem.From(err).Kind)
			default:
				seen[kind] = true
				fmt.Fprintf(&table, "%s + %s → %s %v\n", state, kind, next.State, kinds(effects))
			}
			if err != nil && (effects != nil || !reflect.DeepEqual(next, c)) {
				t.Errorf("a refused %s changed a case that is %s", kind, state)
			}
		}
		for _, clock := range c.Clocks {
			if next, effects, err := c.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due.Add(-1)); err != nil || effects != nil || !reflect.DeepEqual(next, c) {
				t.Errorf("%s struck early: %v %v", clock.Clock, effects, err)
			}
			next, effects, err := c.Apply(Event{Kind: Strike, Clock: clock.Clock}, clock.Due)
			if err != nil || len(effects) == 0 {
				t.Errorf("%s struck: %v %v", clock.Clock, effects, err)
			}
			fmt.Fprintf(&table, "%s + strike %s → %s %v\n", state, clock.Clock, next.State, kinds(effects))
		}
	}
	golden(t, "notice-transitions.txt", []byte(table.String()))
	for kind := range noticeRules {
		if !seen[kind] {
			t.Errorf("no row of the table takes the event %s", kind)
		}
	}
}

// TestTheLadder: host, owner of the site, provider above the host, registrar,
// each with its time; a person takes each step.
func TestTheLadder(t *testing.T) {
	c, now := opened(t), noon
	waits := map[string]time.Duration{"host": 24 * time.Hour, "site-owner": 72 * time.Hour, "upstream": 72 * time.Hour}
	for index, key := range []string{"host", "site-owner", "upstream", "registrar"} {
		if c.CurrentRung().Key != key || c.State != Ready || c.Rung != index {
			t.Fatalf("rung %d is %s, %s", index, c.CurrentRung().Key, c.State)
		}
		var effects []Effect
		c, effects = climb(t, c, now, noticeEvents(t, c, now)[SendNotice])
		if send := find(effects, Send); send.Document != DocumentNotice || !slices.Equal(send.To, []string{key}) {
			t.Errorf("%+v", send)
		}
		c, _ = climb(t, c, now, noticeEvents(t, c, now)[DeliveryProven])
		due, running := c.Clock(ClockRung)
		if !running || (waits[key] != 0 && !due.Equal(now.Add(waits[key]))) {
			t.Errorf("%s: due %s", key, due)
		}
		if _, _, err := c.Apply(noticeEvents(t, c, now)[NextRung], now); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s: went on while its time runs: %v", key, err)
		}
		c, effects = climb(t, c, due, Event{Kind: Strike, Clock: ClockRung})
		if c.State != Undecided || !has(effects, AskPerson) {
			t.Fatalf("%s: %s %v", key, c.State, effects)
		}
		machine := noticeEvents(t, c, due)[NextRung]
		machine.Person = ""
		if _, _, err := c.Apply(machine, due); !problem.Is(err, problem.Invalid) {
			t.Errorf("a machine went up the ladder: %v", err)
		}
		now = due
		c, _ = climb(t, c, now, noticeEvents(t, c, now)[NextRung])
	}
	if c.State != Exhausted || len(c.Sent) != 4 {
		t.Fatalf("%s after %d notices", c.State, len(c.Sent))
	}
}

func TestNoticeRefuses(t *testing.T) {
	cases := []struct {
		name   string
		state  State
		event  EventKind
		change func(*Event)
		kind   problem.Kind
	}{
		{"sending by a machine", Ready, SendNotice, func(e *Event) { e.Decision = "" }, problem.Invalid},
		{"sending without a look for holds", Ready, SendNotice, func(e *Event) { e.Check = hold.Check{} }, problem.Invalid},
		{"sending nothing", Ready, SendNotice, func(e *Event) { e.Notice = nil }, problem.Invalid},
		{"sending to another rung", Ready, SendNotice, func(e *Event) { e.Notice = noticeFacts(t, "registrar") }, problem.Conflict},
		{"sending about another place", Ready, SendNotice, func(e *Event) { e.Notice.Places = []string{"https://pictures.example/18"} }, problem.Conflict},
		{"sending by another sender", Ready, SendNotice, func(e *Event) { e.Notice.Sender = "hotline" }, problem.Conflict},
		{"delivery without proof", Sending, DeliveryProven, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a removal that nobody says", Waiting, RemovalReported, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a removal before anything was sent", Exhausted, RemovalReported, nil, problem.Conflict},
		{"a refusal without proof", Waiting, Unwilling, func(e *Event) { e.Receipt = "" }, problem.Invalid},
		{"a bar without end", Waiting, Bar, func(e *Event) { e.Until = time.Time{} }, problem.Invalid},
		{"sending while barred", Barred, SendNotice, nil, problem.Conflict},
		{"the next rung while barred", Barred, NextRung, nil, problem.Conflict},
		{"closing without reason", Waiting, Close, func(e *Event) { e.Reason = "" }, problem.Invalid},
		{"anything after the end", Closed, SendNotice, nil, problem.Conflict},
		{"an event that is none", Ready, "erase", nil, problem.Invalid},
	}
	for _, c := range cases {
		before, now := climbTo(t, c.state)
		event := noticeEvents(t, before, now)[c.event]
		event.Kind = c.event
		if c.change != nil {
			c.change(&event)
		}
		next, effects, err := before.Apply(event, now)
		if !problem.Is(err, c.kind) || effects != nil || !reflect.DeepEqual(next, before) {
			t.Errorf("%s: %v (%s, %v)", c.name, err, next.State, effects)
		}
	}
}

// TestAHoldBarsANotice: Article 49(3).
func TestAHoldBarsANotice(t *testing.T) {
	rules, err := profiles(t).LatestHoldRules("holds/csar")
	if err != nil {
		t.Fatal(err)
	}
	until := noon.AddDate(0, 1, 0)
	record, err := hold.Start("hold/17", hold.NoNotice, "item/17", rules, hold.Hold{Requester: "police/17", LegalBasis: "Article 49(3)", Reason: "inquiry", From: noon, Until: until}, noon)
	if err != nil {
		t.Fatal(err)
	}
	c := opened(t)
	event := noticeEvents(t, c, noon)[SendNotice]
	event.Check.Holds = []hold.Record{record}
	if _, _, err := c.Apply(event, noon); !problem.Is(err, problem.Denied) {
		t.Fatalf("sent against a hold: %v", err)
	}
	event.Check.At = until
	if next, _, err := c.Apply(event, until); err != nil || next.State != Sending {
		t.Fatalf("after the hold: %v", err)
	}
	waiting, now := climbTo(t, Waiting)
	barred, _ := climb(t, waiting, now, Event{Kind: Bar, Until: until, Reason: "an authority asked"})
	if _, running := barred.Clock(ClockRung); barred.State != Barred || running {
		t.Fatalf("%s %v", barred.State, barred.Clocks)
	}
	freed, effects := climb(t, barred, until, Event{Kind: Strike, Clock: ClockBar})
	if freed.State != Undecided || !has(effects, AskPerson) {
		t.Errorf("%s %v", freed.State, effects)
	}
	early, _ := climb(t, barred, now, Event{Kind: Unbar, Reason: "the authority released it"})
	if _, running := early.Clock(ClockBar); early.State != Undecided || running {
		t.Errorf("%s %v", early.State, early.Clocks)
	}
}

func TestANoticeIsVerified(t *testing.T) {
	waiting, now := climbTo(t, Waiting)
	present := noticeEvents(t, waiting, now.Add(time.Hour))[Looked]
	present.Round.Checks[0].Finding = watch.Present
	still, effects := climb(t, waiting, now.Add(time.Hour), present)
	if still.State != Waiting || find(effects, ScheduleVerification).At.IsZero() {
		t.Errorf("the addressee still has time: %s %v", still.State, effects)
	}
	silent, _ := climb(t, still, now.Add(2*time.Hour), noticeEvents(t, still, now.Add(2*time.Hour))[Looked])
	if _, running := silent.Clock(ClockRung); silent.State != Verified || running {
		t.Errorf("gone without an answer: %s %v", silent.State, silent.Clocks)
	}
	executed, now := climbTo(t, Executed)
	present = noticeEvents(t, executed, now.Add(time.Hour))[Looked]
	present.Round.Checks[0].Finding = watch.Present
	back, effects := climb(t, executed, now.Add(time.Hour), present)
	if back.State != Reappeared || !has(effects, RaiseAlarm) || !has(effects, AskPerson) {
		t.Errorf("%s %v", back.State, effects)
	}
	ready, _ := climb(t, back, now.Add(2*time.Hour), noticeEvents(t, back, now)[Resolve])
	if ready.State != Ready || ready.Rung != 0 {
		t.Errorf("%s", ready.State)
	}
}

// TestNoticeProperties: over random events no clock runs twice, nothing is sent
// without a person's decision, without a look for holds or while barred, and the
// ladder is climbed one rung at a time.
func TestNoticeProperties(t *testing.T) {
	sequences(t, "1000", "200")
	first := opened(t)
	good := map[string]map[EventKind]Event{}
	for index := range first.Terms.Ladder {
		c := first
		c.Rung = index
		good[c.CurrentRung().Key] = noticeEvents(t, c, noon)
	}
	reached := map[State]int{}
	rapid.Check(t, func(t *rapid.T) {
		c, now, desk := first, noon, timekeeper{}
		desk.running(c.Clocks)
		apply := func(event Event, at time.Time) {
			next, effects, err := c.Apply(event, at)
			if err != nil {
				if effects != nil || !reflect.DeepEqual(next, c) {
					t.Fatalf("a refused %s changed something", event.Kind)
				}
				return
			}
			before := c
			c = next
			if event.Kind == Strike {
				delete(desk, event.Clock)
			}
			desk.follow(t, effects, c.Clocks)
			if has(effects, Send) {
				if event.Person == "" || event.Decision == "" || !event.Check.At.Equal(at) || before.State == Barred && event.Kind != Withdraw {
					t.Fatalf("sent from %s: %+v", before.State, event)
				}
			}
			if c.Rung != before.Rung && (c.Rung != before.Rung+1 || event.Kind != NextRung || event.Person == "") {
				t.Fatalf("from rung %d to %d by %s", before.Rung, c.Rung, event.Kind)
			}
			if before.State == Withdrawn || before.State == Closed && event.Kind != Withdraw {
				t.Fatalf("%s moved a case that was %s", event.Kind, before.State)
			}
			if c.State == Withdrawn && (len(c.Sent) == 0 || len(c.Clocks) > 0 || find(effects, Send).Document != DocumentWithdrawal) {
				t.Fatalf("withdrawn, with %d notices, %v, %+v", len(c.Sent), c.Clocks, effects)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 60, 600, 60 * 24 * 4}).Draw(t, "minutes")) * time.Minute)
			for n := 0; n < 60; n++ {
				clock, at, due := desk.next(now)
				if !due {
					break
				}
				if at.Before(c.Changed) {
					at = c.Changed
				}
				apply(Event{Kind: Strike, Clock: clock}, at)
			}
			kind := drawKind(t, noticeRules, c.State)
			if (kind == Close || kind == Withdraw) && rapid.IntRange(0, 5).Draw(t, "close") > 0 {
				kind = NextRung
			}
			event := good[c.CurrentRung().Key][kind]
			event.At, event.Check.At = now, now
			if event.Person != "" {
				event = drawPerson(t, event)
			}
			if event.Kind == Bar {
				event.Until = now.Add(100 * time.Hour)
			}
			if event.Round != nil {
				round := *event.Round
				round.At, round.Checks = now, slices.Clone(round.Checks)
				round.Checks[0].Finding = rapid.SampledFrom([]watch.Finding{watch.Gone, watch.Unknown, watch.Present}).Draw(t, "finding")
				event.Round = &round
			}
			apply(event, now)
			reached[c.State]++
			if waits := slices.Contains([]State{Ready, Sending, Waiting, Undecided, Barred, Reappeared, Exhausted}, c.State); waits && len(c.Clocks) == 0 {
				t.Fatalf("%s waits for somebody without a clock", c.State)
			}
		}
	})
	for state := range noticeWays {
		if reached[state] < 10 && !testing.Short() {
			t.Errorf("the sequences reached %s only %d times: the test shows little", state, reached[state])
		}
	}
}
