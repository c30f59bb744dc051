package report

import (
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

var (
	bytesA = strings.Repeat("a", 64)
	bytesB = strings.Repeat("b", 64)
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func walk(t *testing.T, events ...Event) (Lifecycle, []Effect) {
	t.Helper()
	life, effects := NewLifecycle(), []Effect(nil)
	for _, event := range events {
		var err error
		if life, effects, err = life.Apply(event, noon); err != nil {
			t.Fatalf("%s: %v", event.Kind, err)
		}
	}
	return life, effects
}

var (
	submit  = Event{Kind: Submit, Person: "person/1", Decision: "decision/1", Digest: bytesA, SecondPerson: true}
	alone   = Event{Kind: Submit, Person: "person/1", Decision: "decision/1", Digest: bytesA}
	approve = Event{Kind: Approve, Person: "person/2", Decision: "decision/2", Digest: bytesA}
	send    = Event{Kind: Send, Digest: bytesA, Envelope: "envelope/1"}
	receipt = Event{Kind: Receipt, Receipt: "receipt/1"}
	accept  = Event{Kind: Accept}
	reject  = Event{Kind: Reject, Reason: "test data"}
	refuse  = Event{Kind: Reject, Receipt: "receipt/1", Reason: "unknown form"}
	amend   = Event{Kind: Amend, Person: "person/1", Decision: "decision/3", Reason: "port added"}
	back    = Event{Kind: Return, Person: "person/2", Decision: "decision/2", Reason: "port missing"}
	recall  = Event{Kind: Withdraw, Person: "person/1", Decision: "decision/4", Reason: "wrong item"}
	failed  = Event{Kind: SendFailed, Reason: "no answer in 7 days"}
)

func TestLifecycleGoesItsWay(t *testing.T) {
	cases := []struct {
		name    string
		events  []Event
		state   State
		effects []Effect
	}{
		{"submitted", []Event{submit}, AwaitingSecondLook, []Effect{{Kind: QueueSecondLook}}},
		{"submitted alone", []Event{alone}, Approved, []Effect{{Kind: ReadyToSend}}},
		{"approved", []Event{submit, approve}, Approved, []Effect{{Kind: ReadyToSend}}},
		{"returned", []Event{submit, back}, Draft, []Effect{{Kind: TellAuthor, Reason: "port missing"}}},
		{"amended after approval", []Event{submit, approve, amend}, Draft, []Effect{{Kind: TellAuthor, Reason: "port added"}}},
		{"withdrawn", []Event{submit, approve, recall}, Withdrawn, []Effect{{Kind: TellAuthor, Reason: "wrong item"}}},
		{"sent", []Event{submit, approve, send}, Sending, []Effect{{Kind: Deliver}}},
		{"delivery failed", []Event{alone, send, failed}, Approved, []Effect{{Kind: RaiseAlarm, Reason: "no answer in 7 days"}}},
		{"sent again", []Event{alone, send, failed, send}, Sending, []Effect{{Kind: Deliver}}},
		{"delivered", []Event{alone, send, receipt}, Delivered, []Effect{{Kind: StartUserNotice}}},
		{"accepted", []Event{alone, send, receipt, accept}, Accepted, []Effect{{Kind: TellAuthor}}},
		{"refused for its form", []Event{alone, send, refuse}, Rejected, []Effect{{Kind: TellAuthor, Reason: "unknown form"}}},
		{"taken in after a refusal", []Event{alone, send, refuse, amend, alone, send, receipt}, Delivered, []Effect{{Kind: StartUserNotice}}},
		{"rejected", []Event{alone, send, receipt, reject}, Rejected, []Effect{{Kind: TellAuthor, Reason: "test data"}}},
		{"mended after rejection", []Event{alone, send, receipt, reject, amend}, Draft, []Effect{{Kind: TellAuthor, Reason: "port added"}}},
	}
	for _, c := range cases {
		life, effects := walk(t, c.events...)
		if life.State != c.state || !reflect.DeepEqual(effects, c.effects) || !life.Changed.Equal(noon) {
			t.Errorf("%s: %+v, %v", c.name, life, effects)
		}
	}
}

func TestAmendmentVoidsEveryDecision(t *testing.T) {
	life, _ := walk(t, submit, approve, amend)
	if want := (Lifecycle{State: Draft, Reason: "port added", Changed: noon}); !reflect.DeepEqual(life, want) {
		t.Fatalf("%+v", life)
	}
}

func TestLifecycleRefuses(t *testing.T) {
	without := func(event Event, change func(*Event)) Event { change(&event); return event }
	cases := []struct {
		name   string
		events []Event
		last   Event
		kind   problem.Kind
	}{
		{"submission by no person", nil, without(submit, func(e *Event) { e.Person = "" }), problem.Invalid},
		{"submission without decision", nil, without(submit, func(e *Event) { e.Decision = "" }), problem.Invalid},
		{"submission of no bytes", nil, without(submit, func(e *Event) { e.Digest = "" }), problem.Invalid},
		{"approval by the same person", []Event{submit}, without(approve, func(e *Event) { e.Person = "person/1" }), problem.Denied},
		{"approval with the same decision", []Event{submit}, without(approve, func(e *Event) { e.Decision = "decision/1" }), problem.Invalid},
		{"approval by no person", []Event{submit}, without(approve, func(e *Event) { e.Person = "" }), problem.Invalid},
		{"approval of other bytes", []Event{submit}, without(approve, func(e *Event) { e.Digest = bytesB }), problem.Conflict},
		{"sending before approval", []Event{submit}, send, problem.Conflict},
		{"sending a draft", nil, send, problem.Conflict},
		{"sending other bytes", []Event{submit, approve}, without(send, func(e *Event) { e.Digest = bytesB }), problem.Conflict},
		{"sending after amendment", []Event{submit, approve, amend}, send, problem.Conflict},
		{"withdrawing what is sent", []Event{alone, send}, recall, problem.Conflict},
		{"withdrawing without reason", []Event{alone}, without(recall, func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"amending what is sent", []Event{alone, send}, amend, problem.Conflict},
		{"delivery without receipt", []Event{alone, send}, without(receipt, func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"acceptance before receipt", []Event{alone, send}, accept, problem.Conflict},
		{"rejection without reason", []Event{alone, send, receipt}, without(reject, func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"refusal without receipt", []Event{alone, send}, without(refuse, func(e *Event) { e.Receipt = "" }), problem.Invalid},
		{"refusal without reason", []Event{alone, send}, without(refuse, func(e *Event) { e.Reason = "" }), problem.Invalid},
		{"refusal of what was not sent", []Event{alone}, refuse, problem.Conflict},
		{"delivery of what was refused", []Event{alone, send, refuse}, receipt, problem.Conflict},
		{"anything after withdrawal", []Event{recall}, submit, problem.Conflict},
	}
	for _, c := range cases {
		life, _ := walk(t, c.events...)
		after, effects, err := life.Apply(c.last, noon)
		if !problem.Is(err, c.kind) || effects != nil || !reflect.DeepEqual(after, life) {
			t.Errorf("%s: %v (%+v, %v)", c.name, err, after, effects)
		}
	}
}

// TestNothingIsSentWithoutPeople: over random sequences of events nothing is
// ever sent but the exact bytes that one person submitted and, where the
// profile asks for it, another person approved with a decision of their own.
// 10,000 sequences, 1,000 with -short.
func TestNothingIsSentWithoutPeople(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	was, want := checks.Value.String(), "10000"
	if testing.Short() {
		want = "1000"
	}
	if err := checks.Value.Set(want); err != nil {
		t.Fatal(err)
	}
	defer checks.Value.Set(was)
	sent := 0
	rapid.Check(t, func(t *rapid.T) {
		life := NewLifecycle()
		// What the test itself remembers of the accepted decisions.
		var submitted, approved *Event
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			event := Event{
				Kind:         rapid.SampledFrom(EventKinds).Draw(t, "kind"),
				Person:       rapid.SampledFrom([]string{"", "person/1", "person/2", "person/3"}).Draw(t, "person"),
				Decision:     rapid.SampledFrom([]string{"", "decision/1", "decision/2", "decision/3"}).Draw(t, "decision"),
				Digest:       rapid.SampledFrom([]string{bytesA, bytesB}).Draw(t, "digest"),
				SecondPerson: rapid.Bool().Draw(t, "second"),
				Envelope:     "envelope/1", Receipt: "receipt/1", Reason: "reason",
			}
			next, _, err := life.Apply(event, noon)
			if err != nil {
				if !reflect.DeepEqual(next, life) {
					t.Fatalf("a refused %s changed %+v to %+v", event.Kind, life, next)
				}
				continue
			}
			switch event.Kind {
			case Submit:
				submitted, approved = &event, nil
			case Approve:
				approved = &event
			case Return, Amend:
				submitted, approved = nil, nil
			case Send:
				sent++
				if submitted == nil || submitted.Person == "" || submitted.Decision == "" || submitted.Digest != event.Digest {
					t.Fatalf("sent without a decision on these bytes: %+v", next)
				}
				if submitted.SecondPerson && (approved == nil || approved.Person == submitted.Person || approved.Person == "" ||
					approved.Decision == submitted.Decision || approved.Digest != event.Digest) {
					t.Fatalf("sent without a second person: %+v", next)
				}
			}
			if life.State == Withdrawn {
				t.Fatalf("%s moved a withdrawn report", event.Kind)
			}
			life = next
		}
	})
	if sent == 0 {
		t.Error("no sequence sent anything: the test shows nothing")
	}
}
