package cybertip

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

// TestRandomLives drives deliveries against a service that keeps what it was told, with any
// call failing before or after it was worked off, processes that die between two steps, and
// people who take back and send again. However it goes, at most one report is finished, a
// delivery that is over leaves nothing open that it knew of, and what ends as finished is.
func TestRandomLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service := map[int64]State{} // Open, Retracted or Finished
		d := Delivery{State: Queued}
		apply := func(e Event) bool {
			next, err := d.Apply(e, noon)
			if err == nil {
				d = next
			}
			return err == nil
		}
		// lost says whether the answer of a call does not come, and worked whether it was worked off.
		call := func(work func()) (answered bool) {
			how := rapid.SampledFrom([]string{"answered", "answered", "answered", "lost before", "lost after"}).Draw(t, "call")
			if how != "lost before" {
				work()
			}
			return how == "answered"
		}
		people := func() {
			switch rapid.IntRange(0, 12).Draw(t, "people") {
			case 0:
				apply(Event{Kind: TakeBack, Person: "cleo", Decision: "event/1", Reason: "message 17"})
			case 1:
				apply(Event{Kind: Resume, Person: "cleo", Decision: "event/2"})
			}
		}
		attempt := func() {
			if !apply(Event{Kind: Begin}) {
				return
			}
			if d.State == Open {
				number := d.Report
				was := service[number]
				if !call(func() {
					if service[number] == Open {
						service[number] = Retracted
					}
				}) {
					apply(Event{Kind: Fail, Reason: "message 17"})
					return
				}
				if was == Finished {
					apply(Event{Kind: Done, Report: number})
					return
				}
				apply(Event{Kind: Gone})
			}
			people()
			if d.Ending != "" {
				apply(Event{Kind: End})
				return
			}
			number := int64(len(service) + 1)
			if !call(func() { service[number] = Open }) {
				return
			}
			people()
			if !apply(Event{Kind: Opened, Report: number}) {
				return
			}
			switch rapid.IntRange(0, 9).Draw(t, "answer") {
			case 0:
				apply(Event{Kind: Decline, Code: Invalid, Reason: "message 17"})
				return
			case 1:
				apply(Event{Kind: Stop, Reason: "message 17"})
				return
			case 2:
				return // the process dies
			}
			people()
			if d.Ending != "" {
				return
			}
			if call(func() { service[number] = Finished }) && rapid.Bool().Draw(t, "noted") {
				apply(Event{Kind: Done, Report: number})
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "attempts") {
			attempt()
			people()
		}
		finished := 0
		for number, state := range service {
			if state == Finished {
				finished++
			}
			if d.State.Over() && state == Open && number == d.Report {
				t.Fatalf("%d is open after %+v", number, d)
			}
		}
		if finished > 1 || (d.State == Finished) && (finished != 1 || service[d.Report] != Finished) || (d.State == Refused || d.State == Retracted) && finished != 0 {
			t.Fatalf("%d finished at the service, %+v", finished, d)
		}
	})
}

func TestDeliveryRefusesWhatDoesNotFit(t *testing.T) {
	open := Delivery{State: Open, Report: 7, Attempts: 1}
	for what, c := range map[string]struct {
		from  Delivery
		event Event
		kind  problem.Kind
	}{
		"another number than was opened":  {open, Event{Kind: Done, Report: 8}, problem.Conflict},
		"opening twice":                   {open, Event{Kind: Opened, Report: 8}, problem.Conflict},
		"opening nothing":                 {Delivery{State: Queued}, Event{Kind: Opened}, problem.Invalid},
		"opening what is taken back":      {Delivery{State: Queued, Ending: ToRetract}, Event{Kind: Opened, Report: 8}, problem.Conflict},
		"ending what is open":             {Delivery{State: Open, Report: 7, Ending: ToRetract}, Event{Kind: End}, problem.Conflict},
		"ending without an end":           {Delivery{State: Queued}, Event{Kind: End}, problem.Conflict},
		"taking back what is finished":    {Delivery{State: Finished, Report: 7}, Event{Kind: TakeBack, Person: "cleo", Decision: "event/1", Reason: "x"}, problem.Conflict},
		"taking back without a person":    {open, Event{Kind: TakeBack, Reason: "x"}, problem.Invalid},
		"going on without a person":       {Delivery{State: Stopped}, Event{Kind: Resume}, problem.Invalid},
		"going on with what is not there": {open, Event{Kind: Resume, Person: "cleo", Decision: "event/1"}, problem.Conflict},
		"beginning what waits":            {Delivery{State: Stopped}, Event{Kind: Begin}, problem.Conflict},
		"stopping without a reason":       {open, Event{Kind: Stop}, problem.Invalid},
	} {
		if next, err := c.from.Apply(c.event, noon); !problem.Is(err, c.kind) || next != c.from {
			t.Errorf("%s: %+v, %v", what, next, err)
		}
	}
	// Why it is refused stays, whatever troubles follow.
	d, err := open.Apply(Event{Kind: Decline, Code: Invalid, Reason: "the name"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.Apply(Event{Kind: Fail, Code: 1000, Reason: "too much to do"}, noon); err != nil || d.Because != "the name" || d.Code != Invalid || d.Trouble != "too much to do" {
		t.Errorf("%+v %v", d, err)
	}
}
