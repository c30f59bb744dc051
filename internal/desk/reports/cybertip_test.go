package reports_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// tipster is a provider that can report to a played CyberTipline.
type tipster struct {
	*nodetest.Node
	service *exchangetest.CyberTipline
}

func openTipster(t *testing.T, database string) *tipster {
	t.Helper()
	internet := nodetest.OpenInternet(t)
	p := &tipster{service: exchangetest.NewCyberTipline("brdo", "word")}
	internet.Host(exchangetest.CyberTiplineHost, p.service)
	t.Setenv(exchange.CyberTiplineVariable, "brdo:word")
	p.Node = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database, Internet: internet, Configure: func(c *node.Config) {
		c.CyberTipline = node.CyberTipline{
			URL: exchangetest.CyberTiplineBase, LegalBasis: nodetest.Basis, Reporter: node.Correspondent{FirstName: "Dana", LastName: "Example", Email: "reports@provider.example"},
			CompanyTemplate: "Example provider keeps records for a year.",
		}
	}})
	return p
}

// eachTipster runs a test on both databases.
func eachTipster(t *testing.T, test func(t *testing.T, p *tipster)) {
	racetest.Skip(t, "the service is asked in the goroutine of the test, with some handshakes of TLS")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) { test(t, openTipster(t, database())) })
}

// neutral is the choice of most tests.
var neutral = &report.CyberTip{Incident: "misleading-domain-name"}

// draft composes a report about a decided item, with the answers of a person.
func (p *tipster) draft(t *testing.T, number int) string {
	t.Helper()
	id := compose(t, p.Node, decided(t, p.Node, number, fmt.Sprintf("user%d", number), nodetest.Yes))
	must(t, p.Reports.Amend(t.Context(), p.Analyst(), id, answered(), ""))
	return id
}

func answered() reports.Answers {
	return reports.Answers{Urgent: no(), Removed: yes(), ThirdCountry: report.ThirdCountry{Reported: no()}, UserDecision: report.UserDecision{Taken: no()}}
}

// approved is a report that two people decided to send to the CyberTipline.
func (p *tipster) approved(t *testing.T, number int) string {
	t.Helper()
	id := p.draft(t, number)
	must(t, p.Reports.Choose(t.Context(), p.Analyst(), id, neutral, ""))
	p.decide(t, id)
	return id
}

func (p *tipster) decide(t *testing.T, id string) {
	t.Helper()
	must(t, p.Reports.Submit(t.Context(), p.Analyst(), id))
	wantState(t, p.Node, id, report.AwaitingSecondLook)
	must(t, p.Reports.Approve(t.Context(), p.Second(), id))
	wantState(t, p.Node, id, report.Sending)
}

// later moves the clock beyond the next attempt and lets it happen.
func (p *tipster) later(t *testing.T) {
	t.Helper()
	p.Clock.Add(70 * time.Minute)
	p.Work(t)
}

// about are the reports at the service about a report of ours, as their states.
func (p *tipster) about(id string) (states []exchangetest.TipState, finished *exchangetest.Tip) {
	for _, tip := range p.service.Tips() {
		if strings.Contains(tip.Report, id) {
			states = append(states, tip.State)
			if tip.State == exchangetest.TipFinished {
				finished = &tip
			}
		}
	}
	return states, finished
}

// once fails unless the service has a report finished exactly once, with its one file, and
// as many open ones as are said to be lost.
func (p *tipster) once(t *testing.T, what, id string, lost int) {
	t.Helper()
	v := wantState(t, p.Node, id, report.Delivered)
	states, finished := p.about(id)
	count := func(state exchangetest.TipState) (n int) {
		for _, s := range states {
			if s == state {
				n++
			}
		}
		return n
	}
	if finished == nil || count(exchangetest.TipFinished) != 1 || count(exchangetest.TipOpen) != lost || len(finished.Files) != 1 || finished.Files[0].Details == "" {
		t.Errorf("%s: at the service it is %v, %+v", what, states, finished)
		return
	}
	if v.Life.Receipt != reports.ReceiptOf(finished.ID) {
		t.Errorf("%s: the receipt is %s, the report %d", what, v.Life.Receipt, finished.ID)
	}
}

// delivery is how far a report is.
func (p *tipster) delivery(t *testing.T, id string) cybertip.Delivery {
	t.Helper()
	latest, is := view(t, p.Node, id).CyberTip.Latest()
	if !is {
		t.Fatal("there is no delivery")
	}
	return latest.Delivery
}

// alarmed says whether an alarm about a report says something.
func (p *tipster) alarmed(t *testing.T, id, says string) bool {
	t.Helper()
	return slices.ContainsFunc(view(t, p.Node, id).Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, says) })
}

// steps are those of all deliveries of a report in the log, in order.
func (p *tipster) steps(t *testing.T, id string) (steps []string) {
	t.Helper()
	must(t, p.Ledger.Sequence(t.Context()))
	p.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsFrom(0, 100_000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			must(t, err)
			if event.Action == mandate.ReportTransmit.Name && event.Resource == id && event.Outcome == "done" {
				if event.Purpose != mandate.PurposeReporting || event.Basis != nodetest.Basis.String() {
					t.Errorf("%+v", event)
				}
				steps = append(steps, fmt.Sprint(event.Detail["step"]))
			}
		}
		return err
	})
	return steps
}

// TestAReportReachesTheCyberTipline: a person chooses it, two people see what is sent and
// what is lost, and the service has it once; nothing there can be taken back after that.
func TestAReportReachesTheCyberTipline(t *testing.T) {
	eachTipster(t, func(t *testing.T, p *tipster) {
		ctx, ada := t.Context(), p.Analyst()
		id := p.draft(t, 1)
		if v := view(t, p.Node, id); v.Recipient != "" || v.CyberTip.Rules == nil || v.CyberTip.Report != "" {
			t.Fatalf("nobody chose, and it goes to %q: %+v", v.Recipient, v.CyberTip)
		}
		nodetest.Want(t, "sending to nobody", p.Reports.Submit(ctx, ada, id), problem.Unavailable)
		nodetest.Want(t, "a second-looker chooses", p.Reports.Choose(ctx, p.Second(), id, neutral, ""), problem.Denied)
		for what, choice := range map[string]report.CyberTip{
			"no type of incident": {}, "an unknown one": {Incident: "other"}, "a reason for urgency that nobody claimed": {Incident: neutral.Incident, Escalate: "message 17"},
			"an account without a decision": {Incident: neutral.Incident, Account: report.Permanently},
		} {
			nodetest.Want(t, what, p.Reports.Choose(ctx, ada, id, &choice, ""), problem.Invalid)
		}
		must(t, p.Reports.Choose(ctx, ada, id, neutral, ""))
		v := view(t, p.Node, id)
		if v.Recipient != cybertip.Recipient || v.CyberTip.Refused != nil || !strings.Contains(v.CyberTip.Report, "Misleading Domain Name") || len(v.CyberTip.Moved) < 5 {
			t.Fatalf("%+v", v.CyberTip)
		}
		if !strings.Contains(v.CyberTip.Files[0].Details, "<fileViewedByEsp>false<") {
			t.Errorf("nobody saw the whole picture: %s", v.CyberTip.Files[0].Details)
		}
		// Somebody looks at all of it before it is submitted: that is what is sent.
		file := v.Report.Control.Files[0].Item
		_, err := p.Triage.Reopen(ctx, p.Supervisor(), file, "message 17")
		must(t, err)
		p.Work(t)
		other := p.Person("dora", mandate.Analyst)
		must(t, p.Triage.Take(ctx, other, file))
		_, err = p.Triage.View(ctx, other, file, triage.Look{Level: item.LevelFull})
		must(t, err)
		p.decide(t, id)
		shown := view(t, p.Node, id).CyberTip.Tip
		if !strings.Contains(shown.Files[0].Details, "<fileViewedByEsp>true<") || !strings.Contains(shown.Files[0].Details, "<exifViewedByEsp>false<") {
			t.Errorf("somebody saw it: %s", shown.Files[0].Details)
		}
		p.Work(t)
		p.once(t, "no failure", id, 0)
		_, tip := p.about(id)
		if tip.Report != string(shown.Document()) || tip.Files[0].Details != string(shown.Files[0].Document(tip.ID, tip.Files[0].ID)) || !bytes.Equal(tip.Files[0].Content, nodetest.Picture(1)) {
			t.Errorf("what was sent is not what was approved: %+v", tip)
		}
		if calls := p.service.Calls(); !slices.Equal(calls, []string{"/submit", "/upload", "/fileinfo", "/finish"}) {
			t.Errorf("%v", calls)
		}
		if steps := p.steps(t, id); !slices.Equal(steps, []string{"begun", "opened", "file-opened", "finished"}) {
			t.Errorf("%v", steps)
		}
		v = view(t, p.Node, id)
		if v.Notice == nil || v.Notice.State != report.NoticeNotApplicable || !strings.Contains(v.Notice.Reason, "CyberTipline") || v.Life.Approved.Person != p.Second().ID {
			t.Errorf("%+v, %+v", v.Notice, v.Life)
		}
		err = p.Reports.TakeBack(ctx, p.Supervisor(), id, false, "message 17")
		if nodetest.Want(t, "taking back what was finished", err, problem.Conflict); !strings.Contains(problem.From(err).Remedy, v.Life.Receipt) {
			t.Errorf("%+v", problem.From(err))
		}
		nodetest.Want(t, "sending again what was sent", p.Reports.SendAgain(ctx, p.Analyst(), id), problem.Conflict)
		p.later(t)
		if calls := p.service.Calls(); len(calls) != 0 {
			t.Errorf("after the end: %v", calls)
		}
	})
}

// TestInterruptedOnTheWayToTheCyberTipline: whichever call fails, is answered too late or is
// the last that a process sees, before or after the service has worked it off, one report is
// finished. Only what was opened by a call whose answer was lost stays open, until the
// service deletes it.
func TestInterruptedOnTheWayToTheCyberTipline(t *testing.T) {
	eachTipster(t, func(t *testing.T, p *tipster) {
		number := 100
		for _, path := range []string{"/submit", "/upload", "/fileinfo", "/finish"} {
			for _, worked := range []bool{false, true} {
				for _, dies := range []bool{false, true} {
					for _, again := range []bool{false, true} {
						number++
						what := fmt.Sprintf("%s, worked off %v, the process dies %v, and the retraction too %v", path, worked, dies, again)
						id := p.approved(t, number)
						paths := []string{path}
						if again {
							paths = append(paths, "/retract")
						}
						p.interrupt(t, paths, worked, dies)
						for range 4 {
							p.later(t)
						}
						lost := 0
						if path == "/submit" && worked {
							lost = 1
						}
						p.once(t, what, id, lost)
					}
				}
			}
		}
		p.service.Expire()
		for _, tip := range p.service.Tips() {
			if tip.State == exchangetest.TipOpen {
				t.Errorf("%d is still open", tip.ID)
			}
		}
		dead := 0
		p.Look(t, func(tx *store.Tx) error { all, err := tx.DeadJobs(10); dead = len(all); return err })
		if dead > 0 {
			t.Errorf("%d jobs are dead", dead)
		}
	})
}

// interrupt works off jobs while the first call of each path is cut off. A process that dies
// does nothing more, and another one comes when its lease has run out.
func (p *tipster) interrupt(t *testing.T, paths []string, worked, dies bool) {
	t.Helper()
	for range paths {
		ctx, die := context.WithCancel(t.Context())
		cut := func(path string) {
			if len(paths) > 0 && path == paths[0] {
				paths = paths[1:]
				if dies {
					die()
				}
				panic(http.ErrAbortHandler)
			}
		}
		if worked {
			p.service.After(cut)
		} else {
			p.service.Before(func(_ http.ResponseWriter, r *http.Request) bool {
				cut(strings.TrimPrefix(r.URL.Path, "/ispws"))
				return false
			})
		}
		if err := p.Drain(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		die()
		p.service.After(nil)
		p.service.Before(nil)
		p.Clock.Add(70 * time.Minute)
		if len(paths) == 0 {
			return
		}
	}
}

// answers lets the service answer the first calls of a path with a code, over HTTP 200.
func (p *tipster) answers(path string, code cybertip.Code, times int) {
	p.service.Before(func(answer http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/ispws"+path || times == 0 {
			return false
		}
		times--
		fmt.Fprintf(answer, "<reportResponse><responseCode>%d</responseCode><responseDescription>message 17</responseDescription></reportResponse>", code)
		return true
	})
}

// TestTheCyberTiplineRefuses: what it does not take waits for a person to mend it, what it
// has against us for a person to look, and only its own faults are tried again.
func TestTheCyberTiplineRefuses(t *testing.T) {
	eachTipster(t, func(t *testing.T, p *tipster) {
		ctx := t.Context()
		number := 200
		for _, path := range []string{"/submit", "/upload", "/fileinfo", "/finish"} {
			number++
			id := p.approved(t, number)
			p.answers(path, cybertip.Invalid, 1)
			p.Work(t)
			v := wantState(t, p.Node, id, report.Rejected)
			if states, _ := p.about(id); slices.Contains(states, exchangetest.TipOpen) || !strings.Contains(v.Life.Reason, "4100: message 17") || !p.alarmed(t, id, "4100") {
				t.Errorf("refused at %s: %v, %+v, %+v", path, states, v.Life, v.Alarms)
			}
			p.later(t)
			wantState(t, p.Node, id, report.Rejected)
			must(t, p.Reports.Amend(ctx, p.Analyst(), id, answered(), "message 17"))
			p.decide(t, id)
			p.Work(t)
			p.once(t, "mended after "+path, id, 0)
			if v := view(t, p.Node, id); len(v.CyberTip.Deliveries) != 2 || v.CyberTip.Deliveries[1].State != cybertip.Refused {
				t.Errorf("%+v", v.CyberTip.Deliveries)
			}
		}
		for _, code := range []cybertip.Code{1000, 1110, cybertip.NoReport} {
			number++
			id := p.approved(t, number)
			p.answers("/upload", code, 6)
			for range 7 {
				p.later(t)
			}
			p.once(t, fmt.Sprint("after ", code), id, 0)
			if !p.alarmed(t, id, "could not be sent") {
				t.Errorf("after %d nobody was told: %+v", code, view(t, p.Node, id).Alarms)
			}
		}
		for _, code := range []cybertip.Code{cybertip.Unauthorised, 3100, 6000} {
			number++
			id := p.approved(t, number)
			p.answers("/fileinfo", code, 1)
			p.Work(t)
			p.later(t)
			if d := p.delivery(t, id); d.State != cybertip.Stopped || !strings.Contains(d.Trouble, "message 17") || !p.alarmed(t, id, "until a person has looked") {
				t.Errorf("%d: %+v", code, d)
			}
			wantState(t, p.Node, id, report.Sending)
			must(t, p.Reports.SendAgain(ctx, p.Analyst(), id))
			p.Work(t)
			p.once(t, fmt.Sprint("sent again after ", code), id, 0)
		}
		p.service.Before(nil)
		t.Setenv(exchange.CyberTiplineVariable, "brdo:another")
		id := p.approved(t, number+1)
		p.Work(t)
		if d := p.delivery(t, id); d.State != cybertip.Stopped {
			t.Errorf("with wrong credentials: %+v", d)
		}
		t.Setenv(exchange.CyberTiplineVariable, "brdo:word")
		must(t, p.Reports.SendAgain(ctx, p.Second(), id))
		p.Work(t)
		p.once(t, "with mended credentials", id, 0)
	})
}

// TestTakingBackBeforeTheCyberTiplineHasIt: what is not finished is retracted and withdrawn;
// when it comes too late people are told.
func TestTakingBackBeforeTheCyberTiplineHasIt(t *testing.T) {
	eachTipster(t, func(t *testing.T, p *tipster) {
		ctx, cleo := t.Context(), p.Supervisor()
		open := p.approved(t, 301)
		p.answers("/finish", 1000, 100)
		p.Work(t)
		nodetest.Want(t, "without a reason", p.Reports.TakeBack(ctx, cleo, open, false, ""), problem.Invalid)
		nodetest.Want(t, "by an analyst", p.Reports.TakeBack(ctx, p.Analyst(), open, false, "message 17"), problem.Denied)
		must(t, p.Reports.TakeBack(ctx, cleo, open, false, "message 17"))
		nodetest.Want(t, "twice", p.Reports.TakeBack(ctx, cleo, open, false, "message 17"), problem.Conflict)
		p.Work(t)
		v := wantState(t, p.Node, open, report.Withdrawn)
		if states, _ := p.about(open); !slices.Equal(states, []exchangetest.TipState{exchangetest.TipRetracted}) || v.Life.Reason != "message 17" {
			t.Errorf("%v, %+v", states, v.Life)
		}
		compose(t, p.Node, v.Report.Control.Files[0].Item) // its sighting can be reported anew

		late := p.approved(t, 302)
		p.service.Before(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/ispws/finish" {
				must(t, p.Reports.TakeBack(ctx, cleo, late, false, "message 17"))
			}
			return false
		})
		p.Work(t)
		p.service.Before(nil)
		p.once(t, "taken back too late", late, 0)
		if !p.alarmed(t, late, "before it could be taken back") {
			t.Errorf("%+v", view(t, p.Node, late).Alarms)
		}

		// In the last moment in which it is not too late.
		just := p.approved(t, 303)
		p.service.Before(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/ispws/fileinfo" {
				must(t, p.Reports.TakeBack(ctx, cleo, just, false, "message 17"))
			}
			return false
		})
		p.Work(t)
		p.service.Before(nil)
		p.later(t)
		wantState(t, p.Node, just, report.Withdrawn)
		if states, _ := p.about(just); !slices.Equal(states, []exchangetest.TipState{exchangetest.TipRetracted}) {
			t.Errorf("%v", states)
		}
	})
}

// TestAnOvertakenWorkerFinishesNothing: a worker that lost its lease while the service worked
// retracts what it opened, and leaves the report to the other.
func TestAnOvertakenWorkerFinishesNothing(t *testing.T) {
	eachTipster(t, func(t *testing.T, p *tipster) {
		for i, path := range []string{"/submit", "/fileinfo"} {
			id := p.approved(t, 401+i)
			overtaken := false
			p.service.After(func(now string) {
				if now != path || overtaken {
					return
				}
				overtaken = true
				must(t, p.Store.Write(t.Context(), func(tx *store.Tx) error {
					all, err := tx.CyberTipsOf(id)
					if err != nil {
						return err
					}
					next, err := all[0].Apply(cybertip.Event{Kind: cybertip.Begin}, p.Clock.Now())
					if err != nil {
						return err
					}
					return tx.MoveCyberTip(all[0].ID, next, all[0].Delivery)
				}))
			})
			p.Work(t)
			wantState(t, p.Node, id, report.Sending)
			if _, finished := p.about(id); finished != nil {
				t.Errorf("overtaken at %s, it finished %+v", path, finished)
			}
			p.service.After(nil)
			p.later(t)
			p.once(t, "overtaken at "+path, id, 0)
		}
	})
}

// TestAnotherReportKnowsTheReference: a report about the same file is told the number that
// point 9 asks for, and answers nothing by itself.
func TestAnotherReportKnowsTheReference(t *testing.T) {
	p := openTipster(t, "")
	first := p.approved(t, 701)
	p.Work(t)
	p.once(t, "the first", first, 0)
	_, finished := p.about(first)
	again := nodetest.Submission(701, "user9")
	again.Flagged, again.ClientRef = true, "again"
	v := view(t, p.Node, compose(t, p.Node, p.Submit(t, again).SHA256))
	if !slices.Equal(v.CyberTip.Known, []int64{finished.ID}) || v.Report.Form.ThirdCountry.Reported != nil {
		t.Errorf("%v, %+v", v.CyberTip.Known, v.Report.Form.ThirdCountry)
	}
	if v := view(t, p.Node, first); v.CyberTip.Known != nil {
		t.Errorf("it knows of itself: %v", v.CyberTip.Known)
	}
}

// TestNothingIsSentWithoutALegalBasis: outside its dates the report waits for a person.
func TestNothingIsSentWithoutALegalBasis(t *testing.T) {
	p := openTipster(t, "")
	id := p.approved(t, 501)
	p.Clock.Set(time.Date(2028, 2, 1, 12, 0, 0, 0, time.UTC))
	p.Work(t)
	if d := p.delivery(t, id); d.State != cybertip.Stopped || !strings.Contains(d.Trouble, "not in force") || len(p.service.Calls()) != 0 {
		t.Errorf("%+v", d)
	}
}

// TestAFileThatIsGoneStopsTheReport: what was erased here meanwhile is not sent, and a person
// is told.
func TestAFileThatIsGoneStopsTheReport(t *testing.T) {
	p := openTipster(t, "")
	id := p.approved(t, 502)
	must(t, p.Content.Erase(t.Context(), view(t, p.Node, id).Report.Control.Files[0].Item))
	p.Work(t)
	if d := p.delivery(t, id); d.State != cybertip.Stopped || !strings.Contains(d.Trouble, "erased") {
		t.Errorf("%+v", d)
	}
	must(t, p.Reports.TakeBack(t.Context(), p.Supervisor(), id, false, "message 17"))
	p.Work(t)
	wantState(t, p.Node, id, report.Withdrawn)
	if states, _ := p.about(id); !slices.Equal(states, []exchangetest.TipState{exchangetest.TipRetracted}) {
		t.Errorf("%v", states)
	}
}

// TestTheRecipientCanBeChangedUntilItIsApproved: what was chosen for the CyberTipline goes to
// the Centre after all, as every other report.
func TestTheRecipientCanBeChangedUntilItIsApproved(t *testing.T) {
	ctx := t.Context()
	p := openTipster(t, "")
	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: p.Clock})
	nodetest.Meet(t, p.Node, centre)
	id := p.draft(t, 601)
	first := view(t, p.Node, id).Recipient
	must(t, p.Reports.Choose(ctx, p.Analyst(), id, neutral, ""))
	must(t, p.Reports.Submit(ctx, p.Analyst(), id))
	nodetest.Want(t, "without a reason", p.Reports.Choose(ctx, p.Analyst(), id, nil, ""), problem.Invalid)
	must(t, p.Reports.Choose(ctx, p.Analyst(), id, nil, "it is for the Centre"))
	if v := wantState(t, p.Node, id, report.Draft); v.Recipient != first || first != centre.Post.Self().NodeID || v.CyberTip.Report != "" {
		t.Fatalf("%s, %s", v.Recipient, first)
	}
	must(t, p.Reports.Submit(ctx, p.Analyst(), id))
	must(t, p.Reports.Approve(ctx, p.Second(), id))
	p.Work(t)
	wantState(t, p.Node, id, report.Delivered)
	nodetest.Want(t, "choosing what was sent", p.Reports.Choose(ctx, p.Analyst(), id, neutral, "message 17"), problem.Conflict)
	if len(p.service.Tips()) != 0 {
		t.Error("the CyberTipline has it")
	}
	unable := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Name: "other", Clock: p.Clock})
	nodetest.Meet(t, unable, centre)
	other := compose(t, unable, decided(t, unable, 1, "", nodetest.Yes))
	nodetest.Want(t, "where it is not configured", unable.Reports.Choose(ctx, unable.Analyst(), other, neutral, ""), problem.Unavailable)
}
