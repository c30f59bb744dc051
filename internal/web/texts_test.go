package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/peer"
)

// catalogue is the English text of every key.
func catalogue(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	if _, err := newTexts(); err != nil {
		t.Fatal(err)
	}
	text, err := textFiles.ReadFile("texts/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// sources are the package's own sources, without what is generated.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.go", "*.templ"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	return all
}

// asked finds where a page asks for a text: the key, and a plus sign when the
// literal is only its beginning.
var asked = regexp.MustCompile(`(?:\bt\((?:ctx|r\.Context\(\)|v\.r\.Context\(\)), |\.done\([^\n]+?, |v\.frame\(|backToReport\(|\badd\("[^"]+", )"([a-z0-9.-]+)"(\+?)`)

// completed are the ends of keys whose beginning stands in a page.
func completed() map[string][]string {
	var keys, kinds, problems, states []string
	for _, row := range keyActions {
		keys = append(keys, row.Action)
	}
	for _, kind := range mandate.OrganisationKinds {
		kinds = append(kinds, string(kind))
	}
	for _, kind := range []problem.Kind{problem.Invalid, problem.Denied, problem.NotFound, problem.Conflict, problem.Expired, problem.Unavailable, problem.Internal} {
		problems = append(problems, string(kind))
	}
	for _, state := range []report.State{
		report.Draft, report.AwaitingSecondLook, report.Approved, report.Sending, report.Delivered, report.Accepted, report.Rejected, report.Withdrawn,
	} {
		states = append(states, string(state))
	}
	var notices []string
	for _, state := range []report.NoticeState{report.NoticePending, report.NoticeHeld, report.NoticeDue, report.NoticeSent, report.NoticeNotApplicable} {
		notices = append(notices, string(state))
	}
	levels := []string{"sketch", "region", "full"}
	var matters, standings []string
	for _, state := range referral.States {
		matters = append(matters, string(state))
	}
	for _, standing := range referral.Standings {
		standings = append(standings, string(standing))
	}
	var questions []string
	for _, state := range report.QuestionStates {
		questions = append(questions, string(state))
	}
	var did []string
	for _, action := range didActions {
		did = append(did, action.Name)
	}
	var fetched []string
	for _, kind := range exchange.Kinds {
		fetched = append(fetched, string(kind))
	}
	return map[string][]string{
		"alarms.of.": {"report", "received", "referral", "order", "deconfliction", "notice", "list"}, "alarms.peer.": peer.AlarmKinds,
		"journey.did.": did, "exchanges.kind.": fetched,
		"keys.": keys, "node.": kinds, "problem.": problems, "report.state.": states, "wellbeing.level.": levels, "view.": levels, "view.alt.": levels, "film.": levels, "film.alt.": levels,
		"list.entries.": {"active", "suspended", "withdrawn"}, "list.to.": {"active", "withdrawn"}, "objection.answer.": {"kept", "suspended", "withdrawn"}, "objection.do.": {"kept", "suspended", "withdrawn"}, "decided.state.": {"proposed", "confirmed", "refused"}, "decided.by.": {"proposed", "confirmed", "refused"}, "outcome.": nil,
		"matter.state.": matters, "referral.standing.": standings, "referral.outcome.": referral.Outcomes,
		"offer.state.":    {"offered", "acknowledged", "claimed", "declined", "escalated", "released", "finished"},
		"order.kind.":     {"removal", "delisting", "blocking"},
		"order.state.":    {"requested", "deconflicting", "deconflicted", "refused", "issued", "delivered", "overdue", "received", "evaluated", "impossible", "clarification", "executed", "verified", "reappeared", "restoring", "restored", "not-restored", "ended", "withdrawn"},
		"order.standing.": {"challenged", "final", "annulled", "revoked"},
		"order.document.": {"request", "order", "clarification", "report", "non-disclosure", "non-execution", "execution", "user-information"},
		"order.clock.":    {"deconfliction", "objection", "delivery", "execution", "answer", "obstacle", "clarification", "non-disclosure", "user-information", "decision", "restoration", "retention", "appeal", "review", "report", "end"},
		"notice.state.":   notices,
		"feedback.by.":    report.FeedbackBy,
		"senders.row.":    senderFigures, "senders.means.": senderFigures,
		"ask.state.": questions, "ask.person.": {"username", "email", "phone", "uid"},
		"upload.state.":     {"open", "told", "left"},
		"look.finding.":     {"gone", "present", "unknown"},
		"journey.status.":   {"waiting", "received", "rejected", "accepted", "forwarded", "closed"},
		"voluntary.state.":  {"ready", "sending", "waiting", "undecided", "barred", "exhausted", "executed", "verified", "reappeared", "closed", "received", "evaluated", "refused", "withdrawn"},
		"voluntary.clock.":  {"delivery", "rung", "bar", "decision"},
		"votes.state.":      {"queued", "sending", "sent", "refused", "withdrawn", "outdated", "replaced"},
		"quarantine.ended.": {"active", "suspended", "withdrawn"},
		"quarantine.to.":    {"suspended", "withdrawn"},
		"hold.kind.":        {"no_remove", "no_notice"},
		"cybertip.state.":   {"queued", "open", "stopped", "finished", "refused", "retracted"},
		"cybertip.field.":   ownFields,
	}
}

func TestEveryTextIsThereAndUsed(t *testing.T) {
	known, ends := catalogue(t), completed()
	used := map[string]bool{}
	want := func(where, key string) {
		used[key] = true
		if _, found := known[key]; !found {
			t.Errorf("%s asks for the text %q, which the catalogue does not have", where, key)
		}
	}
	literal := regexp.MustCompile(`"([a-z0-9.-]+)"`)
	for name, text := range sources(t) {
		for _, match := range asked.FindAllStringSubmatch(text, -1) {
			key, begins := match[1], match[2] == "+"
			if !begins {
				want(name, key)
				continue
			}
			list, listed := ends[key]
			if !listed {
				t.Errorf("%s makes keys that begin with %q; say here how they end", name, key)
			}
			for _, end := range list {
				want(name, key+end)
			}
			if list == nil {
				for other := range known {
					used[other] = used[other] || strings.HasPrefix(other, key)
				}
			}
		}
		// A key may also be kept in a variable first.
		for _, match := range literal.FindAllStringSubmatch(text, -1) {
			used[match[1]] = true
		}
	}
	var unused []string
	for key := range known {
		if !used[key] {
			unused = append(unused, key)
		}
	}
	slices.Sort(unused)
	if len(unused) > 0 {
		t.Errorf("texts that nothing uses: %s", strings.Join(unused, ", "))
	}
}

func TestKeysOfAPersonAreUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, row := range (keymap{}).rows() {
		if other, twice := seen[row.Key]; twice {
			t.Errorf("%s and %s have the same key %q", other, row.Action, row.Key)
		}
		seen[row.Key] = row.Action
	}
	var off map[string]string
	if err := json.Unmarshal([]byte(keymap{Off: true}.script()), &off); err != nil {
		t.Fatal(err)
	}
	if len(off) != 1 || off["hide"] != "h" {
		t.Errorf("with single letters off, hiding alone stays: %v", off)
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "date is missing": "Date is missing", "form.content[0]: is empty": "form.content[0]: is empty", "élan": "Élan",
	} {
		if got := sentence(text); got != want {
			t.Errorf("sentence(%q) = %q, want %q", text, got, want)
		}
	}
}
