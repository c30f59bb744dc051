package order

import (
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/problem"
)

func considered(t testing.TB) Consideration {
	t.Helper()
	c, effects, err := Consider(noticeProfile(t), *noticeFacts(t, "host"), Proof{At: noon, Receipt: "envelope/17"}, noon)
	if err != nil || !has(effects, AskPerson) || c.State != Received {
		t.Fatalf("%v %v", effects, err)
	}
	return c
}

// TestANoticeIsConsidered: the addressee removes the material or does not, a
// person decides, and the sender is told either way.
func TestANoticeIsConsidered(t *testing.T) {
	later := noon.Add(2 * time.Hour)
	accept := by("person/moderator", Event{Kind: Accept, Check: nothingHeld(later)})
	carried := by("person/moderator", Event{Kind: CarriedOut, At: later, Check: nothingHeld(later)})
	decline := by("person/moderator", Event{Kind: Decline})
	withdraw := Event{Kind: Withdraw, Receipt: "envelope/18", Reason: "it shows another landscape"}
	c := considered(t)
	due, running := clockOf(c.Clocks, ClockDecision)
	if !running || !due.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("a person is reminded at %s", due)
	}
	reminded, effects, err := c.Apply(Event{Kind: Strike, Clock: ClockDecision}, due)
	if err != nil || reminded.State != Received || !has(effects, RaiseAlarm) || has(effects, Send) || len(reminded.Clocks) != 1 {
		t.Errorf("when the clock strikes: %+v %v %v", reminded, effects, err)
	}
	for name, way := range map[string]struct {
		events []Event
		state  State
		send   int
	}{
		"removed":                     {[]Event{accept, carried}, Executed, 1},
		"refused":                     {[]Event{decline}, Refused, 1},
		"refused after all":           {[]Event{accept, decline}, Refused, 1},
		"refused, then removed":       {[]Event{decline, accept, carried}, Executed, 2},
		"decided but not yet removed": {[]Event{accept}, Evaluated, 0},
		"removed, then taken back":    {[]Event{accept, carried, withdraw}, Withdrawn, 1},
		"refused, then taken back":    {[]Event{decline, withdraw}, Withdrawn, 1},
	} {
		c, sent := again(t, c), 0
		for _, event := range way.events {
			before := c
			unchanged(t, before, func(c Consideration) { _, _, _ = c.Apply(event, later) })
			var effects []Effect
			if c, effects, err = c.Apply(event, later); err != nil {
				t.Fatalf("%s: %s: %v", name, event.Kind, err)
			}
			if has(effects, Send) {
				sent++
			}
		}
		if c.State != way.state || sent != way.send || c.Decided == nil {
			t.Errorf("%s: %s after %d answers", name, c.State, sent)
		}
		if _, waits := clockOf(c.Clocks, ClockDecision); waits != (c.State == Evaluated) {
			t.Errorf("%s: the clock runs: %v", name, waits)
		}
	}
	held := accept
	held.Check.Holds = []hold.Record{{ID: "hold/17", Kind: hold.NoRemove, Requests: []hold.Hold{{From: noon, Until: later.AddDate(0, 1, 0)}}}}
	machine, unexplained, future := accept, decline, carried
	machine.Person, unexplained.Reason, future.At = "", "", later.Add(time.Hour)
	evaluated, _, err := c.Apply(accept, later)
	if err != nil {
		t.Fatal(err)
	}
	back, effects, err := evaluated.Apply(withdraw, later)
	if err != nil || back.State != Withdrawn || back.Decided.Person != "person/moderator" || back.Because != withdraw.Reason || len(back.Clocks) != 0 || !has(effects, RaiseAlarm) || !has(effects, AskPerson) {
		t.Errorf("taken back: %+v %v %v", back, effects, err)
	}
	if back, effects, err := c.Apply(withdraw, later); err != nil || back.Decided != nil || has(effects, AskPerson) {
		t.Errorf("taken back before anybody decided: %+v %v %v", back, effects, err)
	}
	unproven, silent := withdraw, withdraw
	unproven.Receipt, silent.Reason = "", ""
	lateHold := carried
	lateHold.Check = held.Check
	for _, refused := range []struct {
		name  string
		from  Consideration
		event Event
		kind  problem.Kind
	}{
		{"a machine decides", c, machine, problem.Invalid},
		{"no reason", c, unexplained, problem.Invalid},
		{"removing before it was decided", c, carried, problem.Conflict},
		{"removing in the future", evaluated, future, problem.Invalid},
		{"against a hold", c, held, problem.Denied},
		{"against a hold that came later", evaluated, lateHold, problem.Denied},
		{"taken back without a message", c, unproven, problem.Invalid},
		{"taken back without a reason", c, silent, problem.Invalid},
		{"taken back twice", back, withdraw, problem.Conflict},
		{"removing what was taken back", back, carried, problem.Conflict},
		{"no event", c, Event{Kind: Annul}, problem.Invalid},
	} {
		if next, effects, err := refused.from.Apply(refused.event, later); !problem.Is(err, refused.kind) || effects != nil || next.State != refused.from.State {
			t.Errorf("%s: %v", refused.name, err)
		}
	}
}

// TestAnAnswerOfAnEarlierRung: who was asked first answers when somebody else
// has been asked since. It is kept with the notice that it answers.
func TestAnAnswerOfAnEarlierRung(t *testing.T) {
	c, now := climbTo(t, Undecided)
	first := c.Sent[0].Notice.Digest
	now = now.Add(time.Hour)
	c, _ = climb(t, c, now, noticeEvents(t, c, now)[NextRung])
	c, _ = climb(t, c, now, noticeEvents(t, c, now)[SendNotice])
	// The receipt of the first notice proves nothing about the second.
	if _, _, err := c.Apply(Event{Kind: DeliveryProven, At: now, Receipt: "receipt/first", Digest: first}, now); !problem.Is(err, problem.Conflict) {
		t.Errorf("the first notice proved twice: %v", err)
	}
	c, _ = climb(t, c, now, noticeEvents(t, c, now)[DeliveryProven])
	late, effects := climb(t, c, now, Event{Kind: Unwilling, Receipt: "message/late", Reason: "no, says the host", Digest: first})
	if late.State != Waiting || late.Sent[0].Answer != "no, says the host" || late.Sent[1].Answer != "" || !has(effects, AskPerson) {
		t.Errorf("%s %+v", late.State, late.Sent)
	}
	removed, _ := climb(t, c, now, Event{Kind: RemovalReported, Receipt: "message/late", At: now, Digest: first})
	if removed.State != Executed || removed.Sent[0].Answer != AnswerRemoved || removed.Sent[1].Answer != "" {
		t.Errorf("%s %+v", removed.State, removed.Sent)
	}
	if _, _, err := c.Apply(Event{Kind: Unwilling, Receipt: "message/17", Reason: "no", Digest: "another"}, now); !problem.Is(err, problem.Conflict) {
		t.Errorf("the answer to a notice that was never sent: %v", err)
	}
	closed, _ := climb(t, removed, now, noticeEvents(t, removed, now)[Close])
	if closed.Outcome != Executed {
		t.Errorf("closed as %s", closed.Outcome)
	}
}

// TestAWatchGoesOnAfterABar: a round that came due while a hold stood is made
// up for.
func TestAWatchGoesOnAfterABar(t *testing.T) {
	c, now := climbTo(t, Barred)
	until, _ := c.Clock(ClockBar)
	freed, effects := climb(t, c, until, Event{Kind: Strike, Clock: ClockBar})
	if look := find(effects, ScheduleVerification); freed.State != Undecided || !look.At.Equal(until) {
		t.Errorf("%s, looked at %s, barred from %s until %s", freed.State, look.At, now, until)
	}
}
