package report

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

func holdFrom(from, until string) NoticeEvent {
	return NoticeEvent{Kind: HoldReceived, Hold: Hold{Requester: "authority/1", LegalBasis: "COM(2022) 209 Article 48(6)(a)", Reason: "running inquiry", From: moment(from), Until: moment(until)}}
}

func notice(t *testing.T) Notice {
	return NewNotice(moment("2026-11-30T15:00:00+01:00"), annexIII(t).Clocks)
}

func TestNoticeClockRunsFromTheReport(t *testing.T) {
	n := notice(t)
	// 30 November and three months is the end of 28 February.
	if got := n.Deadline(); !got.Equal(moment("2027-03-01T00:00:00+01:00")) {
		t.Fatalf("deadline %s", got)
	}
	early, effect, err := n.Apply(NoticeEvent{Kind: ClockStruck}, n.Deadline().Add(-1))
	if err != nil || early.State != NoticePending || !effect.WakeAt.Equal(n.Deadline()) {
		t.Fatalf("struck early: %+v %+v %v", early, effect, err)
	}
	if _, _, err := n.Apply(NoticeEvent{Kind: UserInformed, Person: "person/1"}, n.Deadline().Add(-1)); !problem.Is(err, problem.Denied) {
		t.Fatalf("informed while a hold may still come: %v", err)
	}
	due, effect, err := n.Apply(NoticeEvent{Kind: ClockStruck}, n.Deadline())
	if err != nil || due.State != NoticeDue || !effect.InformUser {
		t.Fatalf("at the deadline: %+v %+v %v", due, effect, err)
	}
	if _, _, err := due.Apply(NoticeEvent{Kind: UserInformed, Person: "person/1"}, n.Deadline()); !problem.Is(err, problem.Conflict) {
		t.Fatalf("informed without words: %v", err)
	}
	prepared, _, err := due.Apply(told("to court 17"), n.Deadline())
	if err != nil || prepared.State != NoticeDue || !prepared.DueSince.Equal(n.Deadline()) {
		t.Fatalf("prepared: %+v %v", prepared, err)
	}
	sent, _, err := prepared.Apply(NoticeEvent{Kind: UserInformed, Person: "person/1"}, n.Deadline())
	if err != nil || sent.State != NoticeSent || sent.SentAt.IsZero() {
		t.Fatalf("informed: %+v %v", sent, err)
	}
	if _, _, err := sent.Apply(holdFrom("2027-02-01T00:00:00Z", "2027-05-01T00:00:00Z"), n.Deadline()); !problem.Is(err, problem.Conflict) {
		t.Fatalf("held after it was sent: %v", err)
	}
}

// told is the event that a person prepared what the user is told.
func told(redress string) NoticeEvent {
	return NoticeEvent{Kind: TextPrepared, Person: "person/1", Told: &Information{Words: Words{Redress: redress}}}
}

func TestWhatIsToldNamesRedress(t *testing.T) {
	due, _, err := notice(t).Apply(NoticeEvent{Kind: ManifestlyUnfounded}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		n     Notice
		event NoticeEvent
		want  problem.Kind
	}{
		"no redress":       {due, told(" \n"), problem.Invalid},
		"too long":         {due, told(strings.Repeat("7", maxWords+1)), problem.Invalid},
		"nothing":          {due, NoticeEvent{Kind: TextPrepared, Person: "person/1"}, problem.Invalid},
		"by nobody":        {due, NoticeEvent{Kind: TextPrepared, Told: told("court 17").Told}, problem.Invalid},
		"before it is due": {notice(t), told("court 17"), problem.Denied},
	} {
		if _, _, err := c.n.Apply(c.event, noon); !problem.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestUnfoundedIsTold(t *testing.T) {
	due, effect, err := notice(t).Apply(NoticeEvent{Kind: ManifestlyUnfounded}, moment("2026-12-05T00:00:00Z"))
	if err != nil || due.State != NoticeDue || !effect.InformUser {
		t.Fatalf("%+v %+v %v", due, effect, err)
	}
	if _, _, err := due.Apply(holdFrom("2026-12-06T00:00:00Z", "2027-05-01T00:00:00Z"), moment("2026-12-06T00:00:00Z")); !problem.Is(err, problem.Expired) {
		t.Fatalf("held what is due already: %v", err)
	}
}

func TestHolds(t *testing.T) {
	const now = "2027-01-10T00:00:00Z"
	cases := []struct {
		name  string
		at    string
		event NoticeEvent
		kind  problem.Kind
	}{
		{"a hold", now, holdFrom(now, "2027-06-01T00:00:00Z"), ""},
		{"the longest hold", now, holdFrom(now, "2028-07-11T00:00:00Z"), ""},
		{"longer than 18 months", now, holdFrom(now, "2028-07-11T00:00:01Z"), problem.Invalid},
		{"without an end", now, NoticeEvent{Kind: HoldReceived, Hold: Hold{Requester: "a", LegalBasis: "b", Reason: "c", From: moment(now)}}, problem.Invalid},
		{"without a requester", now, NoticeEvent{Kind: HoldReceived, Hold: Hold{LegalBasis: "b", Reason: "c", From: moment(now), Until: moment("2027-06-01T00:00:00Z")}}, problem.Invalid},
		{"that begins later", now, holdFrom("2027-01-11T00:00:00Z", "2027-06-01T00:00:00Z"), problem.Invalid},
		{"that has passed", now, holdFrom("2027-01-01T00:00:00Z", "2027-01-09T00:00:00Z"), problem.Invalid},
		{"on the last day", "2027-02-28T22:59:59Z", holdFrom("2027-02-28T22:00:00Z", "2027-06-01T00:00:00Z"), ""},
		{"too late", "2027-02-28T23:00:00Z", holdFrom("2027-02-28T23:00:00Z", "2027-06-01T00:00:00Z"), problem.Expired},
	}
	for _, c := range cases {
		next, effect, err := notice(t).Apply(c.event, moment(c.at))
		if c.kind != "" {
			if !problem.Is(err, c.kind) || next.State != NoticePending || len(next.Holds) != 0 {
				t.Errorf("%s: %+v %v", c.name, next, err)
			}
			continue
		}
		if until, held := next.HeldUntil(); err != nil || !held || !until.Equal(c.event.Hold.Until) || !effect.WakeAt.Equal(until) {
			t.Errorf("%s: %+v %+v %v", c.name, next, effect, err)
		}
	}
}

func TestRenewalsDoNotReachBeyondTheMaximum(t *testing.T) {
	held, _, err := notice(t).Apply(holdFrom("2027-01-10T00:00:00Z", "2027-06-01T00:00:00Z"), moment("2027-01-10T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	longer, _, err := held.Apply(holdFrom("2027-05-20T00:00:00Z", "2028-07-11T00:00:00Z"), moment("2027-05-20T00:00:00Z"))
	if err != nil || len(longer.Holds) != 2 || len(held.Holds) != 1 {
		t.Fatalf("%+v %v", longer, err)
	}
	if _, _, err := held.Apply(holdFrom("2027-05-20T00:00:00Z", "2028-07-12T00:00:00Z"), moment("2027-05-20T00:00:00Z")); !problem.Is(err, problem.Invalid) {
		t.Fatalf("18 months from the second hold: %v", err)
	}
	if _, _, err := held.Apply(holdFrom("2027-05-20T00:00:00Z", "2027-09-01T00:00:00Z"), moment("2027-06-01T00:00:00Z")); !problem.Is(err, problem.Expired) {
		t.Fatalf("renewed after it ended: %v", err)
	}
	released, effect, err := longer.Apply(NoticeEvent{Kind: HoldReleased, Reason: "authority/1 released it"}, moment("2027-08-01T00:00:00Z"))
	if err != nil || released.State != NoticeDue || !effect.InformUser {
		t.Fatalf("released after three months: %+v %v", released, err)
	}
	released, effect, err = held.Apply(NoticeEvent{Kind: HoldReleased, Reason: "authority/1 released it"}, moment("2027-01-20T00:00:00Z"))
	if err != nil || released.State != NoticePending || !effect.WakeAt.Equal(released.Deadline()) {
		t.Fatalf("released within three months: %+v %v", released, err)
	}
}

func TestNobodyToInformNeedsAReason(t *testing.T) {
	if _, _, err := notice(t).Apply(NoticeEvent{Kind: NobodyToInform, Person: "person/1"}, noon); !problem.Is(err, problem.Invalid) {
		t.Fatal(err)
	}
	done, _, err := notice(t).Apply(NoticeEvent{Kind: NobodyToInform, Person: "person/1", Reason: "no account"}, noon)
	if err != nil || done.State != NoticeNotApplicable {
		t.Fatalf("%+v %v", done, err)
	}
}

// TestEveryNoticeBecomesDue: whatever comes, a clock runs or a person is asked
// or the notice is closed, and no hold reaches further than 18 months (and the
// rest of the day) after the first.
func TestEveryNoticeBecomesDue(t *testing.T) {
	start := notice(t)
	kinds := []NoticeEventKind{ManifestlyUnfounded, HoldReceived, HoldReceived, HoldReceived, HoldReleased, ClockStruck, TextPrepared, UserInformed, NobodyToInform}
	rapid.Check(t, func(t *rapid.T) {
		n, now := start, start.ReportDate
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 24*60).Draw(t, "hours")) * time.Hour)
			event := NoticeEvent{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Person: "person/1", Reason: "reason", Told: told("court 17").Told}
			event.Hold = Hold{Requester: "a", LegalBasis: "b", Reason: "c",
				From:  now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "before")) * time.Hour),
				Until: now.Add(time.Duration(rapid.IntRange(-10, 24*700).Draw(t, "length of hold")) * time.Hour)}
			next, _, err := n.Apply(event, now)
			if err != nil {
				continue
			}
			if next.State == NoticeSent && n.State != NoticeDue {
				t.Fatalf("sent from %s", n.State)
			}
			if next.State == NoticeSent && next.Told == nil {
				t.Fatal("sent, and nobody knows what")
			}
			if (next.State == NoticeDue) != (next.State != NoticeSent && next.State != NoticeNotApplicable && !next.DueSince.IsZero()) {
				t.Fatalf("%s, due since %s", next.State, next.DueSince)
			}
			n = next
			at, running := n.Next()
			switch n.State {
			case NoticePending, NoticeHeld:
				if !running || at.IsZero() {
					t.Fatalf("%s without a clock", n.State)
				}
			}
			if until, held := n.HeldUntil(); held && until.After(n.Holds[0].From.AddDate(0, 18, 1).Add(24*time.Hour)) {
				t.Fatalf("held from %s to %s", n.Holds[0].From, until)
			}
		}
		if at, running := n.Next(); running {
			due, _, err := n.Apply(NoticeEvent{Kind: ClockStruck}, at)
			if err != nil || due.State != NoticeDue {
				t.Fatalf("the clock struck and nothing is due: %+v %v", due, err)
			}
		}
	})
}
