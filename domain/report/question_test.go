package report

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

// TestAQuestionIsAnsweredOnce draws random lives of a question: it is answered
// at most once, never after it was withdrawn or refused, and by two people where
// two are asked for.
func TestAQuestionIsAnsweredOnce(t *testing.T) {
	kinds := []QuestionEventKind{AnswerGiven, AnswerApproved, AnswerReturned, QuestionClock, QuestionTakenBack, QuestionDenied}
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		q := Question{Fields: []string{"geo.other"}, Due: start.Add(time.Hour), State: QuestionOpen}
		sent, alarms, second := 0, 0, rapid.Bool().Draw(t, "second person")
		now := start
		for range rapid.IntRange(1, 20).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
			event := QuestionEvent{
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Person: rapid.SampledFrom([]string{"ada", "bela"}).Draw(t, "person"), Supplement: &Supplement{}, SecondPerson: second,
				Reason: rapid.SampledFrom([]string{"", "because"}).Draw(t, "reason"),
			}
			next, effects, err := q.Apply(event, now)
			if err != nil {
				if next.State != q.State || len(effects) > 0 {
					t.Fatalf("%s was refused and changed something: %+v", event.Kind, next)
				}
				continue
			}
			for _, effect := range effects {
				switch effect.Kind {
				case SendTheAnswer:
					sent++
					if q.State != QuestionOpen && q.State != QuestionSecond || second && (next.Second == "" || next.Second == next.Author) {
						t.Fatalf("sent from %s by %q and %q", q.State, next.Author, next.Second)
					}
				case RaiseQuestionAlarm:
					if event.Kind == QuestionClock {
						alarms++
					}
				}
			}
			q = next
		}
		if sent > 1 || alarms > 1 {
			t.Fatalf("%d answers, %d alarms of the clock", sent, alarms)
		}
	})
}

// TestSupplements fills fields and reads them back: what is added never takes
// anything away, and answers exactly what was asked.
func TestSupplements(t *testing.T) {
	f := annexIII(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	held := Report{ID: "report/17", Profile: f.Ref(), Form: Form{
		Geo: Geo{IPEvents: []IPEvent{{IP: "192.0.2.7", At: at, TZ: "Z"}}}, Users: []Person{{Username: "user1"}}, Awareness: Awareness{Details: "a list"},
	}}
	for name, c := range map[string]struct {
		fields []string
		values Form
		not    []NotHeld
		field  string // at fault; empty when it is right
		holds  func(Form) bool
	}{
		"a port": {
			fields: []string{"geo.ip_events.port"}, values: Form{Geo: Geo{IPEvents: []IPEvent{{IP: "192.0.2.7", At: at, TZ: "Z", Port: 4000}}}},
			holds: func(f Form) bool { return len(f.Geo.IPEvents) == 1 && f.Geo.IPEvents[0].Port == 4000 },
		},
		"another user": {
			fields: []string{"users"}, values: Form{Users: []Person{{Username: "user2"}}},
			holds: func(f Form) bool { return len(f.Users) == 2 && f.Users[0].Username == "user1" },
		},
		"more words": {
			fields: []string{"awareness.details"}, values: Form{Awareness: Awareness{Details: "and a flag"}},
			holds: func(f Form) bool { return f.Awareness.Details == "a list\nand a flag" },
		},
		"not held":       {fields: []string{"removed"}, not: []NotHeld{{"removed", "the account is gone"}}, holds: func(f Form) bool { return f.Removed == nil }},
		"nothing":        {fields: []string{"removed"}, field: "values.removed"},
		"both":           {fields: []string{"removed"}, values: Form{Removed: new(true)}, not: []NotHeld{{"removed", "because"}}, field: "values.removed"},
		"without why":    {fields: []string{"removed"}, not: []NotHeld{{"removed", " "}}, field: "values.removed"},
		"not asked":      {fields: []string{"removed"}, values: Form{Removed: new(true), Urgent: new(true)}, field: "values"},
		"not asked, not": {fields: []string{"removed"}, values: Form{Removed: new(true)}, not: []NotHeld{{"urgent", "because"}}, field: "not_held[0].field"},
		"a file":         {fields: []string{"extra"}, values: Form{Extra: []Entry{{Nature: Fact, Name: "file", Item: "17"}}}, field: "values"},
		"no service":     {fields: []string{"service.type"}, values: Form{Service: Service{Type: "bakery"}}, field: "form.service.type"},
		"no port either": {fields: []string{"geo.ip_events.port"}, field: "values.geo.ip_events.port"},
	} {
		s := Supplement{Values: c.values, NotHeld: c.not}
		err := s.Check(held, f, c.fields)
		if got := problem.From(err); c.field == "" != (err == nil) || err != nil && (got.Kind != problem.Invalid || got.Field != c.field) {
			t.Errorf("%s: %v, want the field %q", name, err, c.field)
			continue
		}
		if err == nil && !c.holds(held.With(s, c.fields).Form) {
			t.Errorf("%s: %+v", name, held.With(s, c.fields).Form)
		}
	}
	if len(held.Form.Geo.IPEvents) != 1 || held.Form.Geo.IPEvents[0].Port != 0 {
		t.Error("the report was changed")
	}
}

// TestEveryAskableFieldCanBeAdded asks the profile's form for what code can add.
func TestEveryAskableFieldCanBeAdded(t *testing.T) {
	f := annexIII(t)
	var not []string
	for _, field := range f.Fields {
		if _, can := additions[field.Key]; !can {
			not = append(not, field.Key)
		}
	}
	if want := []string{"issued_at", "timestamp_token", "signature"}; !slices.Equal(not, want) {
		t.Errorf("cannot be asked for: %v, want %v", not, want)
	}
	for key := range additions {
		if _, known := presence[key]; !known {
			t.Errorf("%s is no field", key)
		}
	}
	lacking := Report{Profile: f.Ref(), Form: Form{Types: []string{"solicitation"}, Geo: Geo{Other: "a harbour"}}}.Lacking(f)
	for _, field := range lacking {
		if field.Key == "removed" || field.Key == "geo.ip_events" {
			t.Errorf("%s does not lack", field.Key)
		}
	}
	if len(lacking) < 5 {
		t.Errorf("only %d fields lack", len(lacking))
	}
}
