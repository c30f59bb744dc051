package journey_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/desk/journey"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// reported is a provider and a Centre that was sent a report, and its name.
func reported(t *testing.T, database func() string) (provider, centre *nodetest.Node, sent string) {
	t.Helper()
	ctx, clock := t.Context(), nodetest.NewClock()
	provider = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Clock: clock, Database: database()})
	centre = nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: clock, Database: database()})
	nodetest.Meet(t, provider, centre)
	id := provider.Flag(t, 17, "user1")
	for _, person := range []mandate.Actor{provider.Analyst(), provider.Second()} {
		provider.Judge(t, person, id, nodetest.Yes)
		provider.Settle(t)
	}
	sent, err := provider.Reports.Compose(ctx, provider.Analyst(), id, "")
	must(t, err)
	no := new(false)
	must(t, provider.Reports.Amend(ctx, provider.Analyst(), sent, reports.Answers{Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}, ""))
	must(t, provider.Reports.Submit(ctx, provider.Analyst(), sent))
	must(t, provider.Reports.Approve(ctx, provider.Second(), sent))
	provider.Work(t)
	return provider, centre, sent
}

// sequenced gives every record its place.
func sequenced(t *testing.T, nodes ...*nodetest.Node) {
	t.Helper()
	for _, n := range nodes {
		must(t, n.Ledger.Sequence(t.Context()))
	}
}

func step(t *testing.T, j journey.Journey, action mandate.Action) journey.Step {
	t.Helper()
	at := slices.IndexFunc(j.Steps, func(s journey.Step) bool { return s.Action == action.Name })
	if at < 0 {
		t.Fatalf("no step is a %s: %+v", action.Name, j.Steps)
	}
	return j.Steps[at]
}

func TestAJourney(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		provider, centre, sent := reported(t, database)
		t.Run("what each knows", func(t *testing.T) { known(t, provider, centre, sent) })
		t.Run("what was sent beside", func(t *testing.T) { aside(t, provider, centre, sent) })
		t.Run("who may see it", func(t *testing.T) { seen(t, provider, sent) })
		t.Run("proofs", func(t *testing.T) { proven(t, provider, sent) })
		t.Run("names that two senders gave", func(t *testing.T) { confused(t, provider, centre, sent) })
		t.Run("notices that followed", func(t *testing.T) { noticed(t, provider, centre, sent) })
		t.Run("a receipt of somebody else", func(t *testing.T) { doubted(t, provider, centre, sent) })
	})
}

func known(t *testing.T, provider, centre *nodetest.Node, sent string) {
	ctx := t.Context()
	// What was refused is no step.
	nodetest.Want(t, "approving twice", provider.Reports.Approve(ctx, provider.Second(), sent), problem.Conflict)
	j, err := provider.Journey.Journey(ctx, provider.Analyst(), sent)
	must(t, err)
	if n := len(slices.DeleteFunc(slices.Clone(j.Steps), func(s journey.Step) bool { return s.Action != mandate.ReportApprove.Name })); n != 1 {
		t.Errorf("%d steps are approvals", n)
	}
	approved := step(t, j, mandate.ReportApprove)
	if approved.Position >= 0 || len(approved.Sent) != 1 || approved.By != provider.Post.Self().NodeID || !slices.Equal(approved.Roles, []mandate.Role{mandate.SecondLooker}) {
		t.Errorf("the approval is %+v", approved)
	}
	envelope := approved.Sent[0]
	if r := envelope.Receipt; r == nil || r.Doubt != "" || r.Status != peer.Received || r.By != centre.Post.Self().NodeID || r.Digest != envelope.Digest {
		t.Errorf("the report went out as %+v with the receipt %+v", envelope, envelope.Receipt)
	}
	received := ""
	centre.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReportsOf(sent)
		received = rows[0].ID
		return err
	})
	must(t, centre.Routing.Found(ctx, centre.Analyst(), received, false))
	centre.Work(t)
	sequenced(t, provider, centre)

	j, err = provider.Journey.Journey(ctx, provider.Analyst(), sent)
	must(t, err)
	envelope = step(t, j, mandate.ReportApprove).Sent[0]
	if envelope.Said != string(peer.Accepted) || envelope.Position < 0 {
		t.Errorf("the Centre accepted the report, and the provider knows %+v", envelope)
	}
	// What the Centre said is a step of its own, receipted by the provider.
	accepted := step(t, j, mandate.EnvelopeReceive)
	if accepted.By != centre.Post.Self().NodeID || accepted.Came == nil || accepted.Came.Receipt.By != provider.Post.Self().NodeID || accepted.Came.Receipt.Doubt != "" || !slices.Contains(accepted.Words, "accepted") {
		t.Errorf("the Centre's word is %+v", accepted)
	}
	if slices.ContainsFunc(j.Steps, func(s journey.Step) bool { return s.Position < 0 || s.Action == mandate.EnvelopeDeliver.Name }) {
		t.Errorf("steps have no place, or are shown twice: %+v", j.Steps)
	}

	at, err := centre.Journey.Journey(ctx, centre.Analyst(), sent)
	must(t, err)
	if !slices.Equal(at.Places, []string{received}) {
		t.Errorf("at the Centre it is called %v", at.Places)
	}
	if came := step(t, at, mandate.ReportReceive); came.By != provider.Post.Self().NodeID || came.Came == nil || came.Came.ID != envelope.ID || came.Came.Digest != envelope.Digest {
		t.Errorf("the report came as %+v, and was sent as %+v", came.Came, envelope)
	}
	if told := step(t, at, mandate.ReportAssess); len(told.Sent) != 1 || told.Sent[0].Receipt == nil {
		t.Errorf("the assessment is %+v", told)
	}
	// The same receipt lies at both.
	text, err := centre.Journey.Receipt(ctx, centre.Analyst(), sent, envelope.ID)
	must(t, err)
	if text != envelope.Receipt.Text {
		t.Error("the receipt is another one at the node that signed it")
	}
}

// aside: what a node sends about a report while it does something about another
// thing is a step too.
func aside(t *testing.T, provider, centre *nodetest.Node, sent string) {
	ctx := t.Context()
	act := ledger.Act{Actor: provider.Analyst(), Action: mandate.ReportSend, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: store.NewID("question")}}
	must(t, provider.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, err := provider.Post.Send(tx, peer.Message{
			Recipient: centre.Post.Self().NodeID, Kind: mandate.EnvelopeAnswer, Type: "eu.brdo.report.answered.v1", Schema: "answer-1", Subject: sent, Purpose: mandate.PurposeAssessment, Body: "17",
		})
		return err
	}))
	j, err := provider.Journey.Journey(ctx, provider.Analyst(), sent)
	must(t, err)
	last := j.Steps[len(j.Steps)-1]
	if len(last.Sent) != 1 || last.Sent[0].Kind != string(mandate.EnvelopeAnswer) || last.Sent[0].Receipt != nil {
		t.Errorf("the last step is %+v", last)
	}
}

// noticed: a case of voluntary notices that was opened because of the report, and
// a notice that names one of its items, are followed too.
func noticed(t *testing.T, provider, centre *nodetest.Node, sent string) {
	ctx := t.Context()
	j, err := centre.Journey.Journey(ctx, centre.Analyst(), sent)
	must(t, err)
	opening := notices.Opening{
		From: j.Places[0], Reference: "N 17/2026", Ground: "victim_request", Request: "request 17", Known: "assessment 17", Found: "search 17",
		Items: []order.Item{{URL: "https://pictures.example/journey"}},
	}
	elsewhere, err := centre.Notices.Open(ctx, centre.Analyst(), notices.Opening{
		Reference: "N 18/2026", Ground: "victim_request", Request: "request 18", Known: "assessment 18", Found: "search 18", Items: []order.Item{{URL: "https://pictures.example/other"}},
	})
	must(t, err)
	followed, err := centre.Notices.Open(ctx, centre.Analyst(), opening)
	must(t, err)
	provider.Look(t, func(tx *store.Tx) error {
		row, err := tx.Report(sent)
		if err != nil {
			return err
		}
		r, err := report.Parse(row.Body)
		opening.From, opening.Items[0].SHA256 = "", r.Control.Files[0].Item
		return err
	})
	named, err := centre.Notices.Open(ctx, centre.Analyst(), opening)
	must(t, err)
	must(t, centre.Notices.Send(ctx, centre.Analyst(), named, notices.Letter{Node: provider.Post.Self().NodeID, Reasons: "Reason number 17.", LegalBasis: "Article 49(2)"}))
	for range 2 {
		centre.Work(t)
		provider.Work(t)
	}
	var received string
	provider.Look(t, func(tx *store.Tx) error {
		rows, err := tx.Notices(1)
		received = rows[0].ID
		return err
	})
	must(t, provider.Notices.Decline(ctx, provider.Analyst(), received, "it is a landscape"))
	provider.Work(t)
	centre.Work(t)

	if j, err = centre.Journey.Journey(ctx, centre.Analyst(), sent); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(j.Places, followed) || !slices.Contains(j.Places, named) || slices.Contains(j.Places, elsewhere) {
		t.Errorf("at the Centre %v, want %s and %s", j.Places, followed, named)
	}
	step(t, j, mandate.VoluntaryOpen)
	if out := step(t, j, mandate.VoluntarySend); len(out.Sent) != 1 || out.Sent[0].Receipt == nil {
		t.Errorf("the notice went out as %+v", out)
	}
	if !slices.ContainsFunc(j.Steps, func(s journey.Step) bool { return s.Came != nil && s.Came.Kind == string(mandate.EnvelopeNoticeAnswer) }) {
		t.Error("the answer is no step at the Centre")
	}
	at, err := provider.Journey.Journey(ctx, provider.Analyst(), sent)
	must(t, err)
	if came := step(t, at, mandate.VoluntaryReceive); !slices.Contains(at.Places, received) || came.Came == nil {
		t.Errorf("at the provider %v, the notice came as %+v", at.Places, came)
	}
	if answered := step(t, at, mandate.VoluntaryConsider); len(answered.Sent) != 1 {
		t.Errorf("the answer is %+v", answered)
	}
}

// seen: reading is one event; who may not read, or asks for what is not known,
// learns nothing, and that is one event too.
func seen(t *testing.T, provider *nodetest.Node, sent string) {
	ctx := t.Context()
	const unknown = "report/01890000-0000-7000-8000-000000000017"
	for _, try := range []struct {
		who    mandate.Actor
		report string
		kind   problem.Kind
	}{
		{provider.Analyst(), sent, ""},
		{provider.Supervisor(), sent, ""},
		{provider.Person("otto", mandate.Auditor), sent, ""},
		{provider.Second(), sent, problem.Denied},
		{provider.Person("ines", mandate.Investigator), sent, problem.Denied},
		{provider.Person("olga", mandate.Operator), sent, problem.Denied},
		{provider.Analyst(), unknown, problem.NotFound},
		{provider.Analyst(), "report/../17", problem.NotFound},
		{provider.Analyst(), "order/01890000-0000-7000-8000-000000000017", problem.NotFound},
	} {
		var before, after int64
		provider.Look(t, func(tx *store.Tx) (err error) { before, err = tx.CountLogEvents(); return err })
		j, err := provider.Journey.Journey(ctx, try.who, try.report)
		if try.kind == "" {
			must(t, err)
		} else {
			nodetest.Want(t, "the journey of "+try.report, err, try.kind)
			if len(j.Steps) != 0 {
				t.Errorf("%s is shown %d steps", try.who.ID, len(j.Steps))
			}
		}
		provider.Look(t, func(tx *store.Tx) (err error) { after, err = tx.CountLogEvents(); return err })
		if after != before+1 {
			t.Errorf("reading left %d events, want one", after-before)
		}
	}
	_, err := provider.Journey.Receipt(ctx, provider.Analyst(), sent, "01890000-0000-7000-8000-000000000017")
	nodetest.Want(t, "a receipt that is not there", err, problem.NotFound)
}

func proven(t *testing.T, provider *nodetest.Node, sent string) {
	ctx := t.Context()
	_, err := provider.Journey.Proofs(ctx, provider.Analyst(), sent)
	nodetest.Want(t, "proofs for an analyst", err, problem.Denied)
	auditor := provider.Person("otto", mandate.Auditor)
	sequenced(t, provider)
	j, err := provider.Journey.Journey(ctx, auditor, sent)
	must(t, err)
	bundle, err := provider.Journey.Proofs(ctx, auditor, sent)
	must(t, err)
	read, err := translog.AuditBundle(bytes.NewReader(bundle), provider.Ledger.Trust())
	must(t, err)
	held := map[string]bool{}
	reader, err := translog.NewBundleReader(bytes.NewReader(bundle))
	must(t, err)
	for entry, err := reader.Next(); err == nil; entry, err = reader.Next() {
		if entry.Checkpoint == nil {
			event, err := ledger.ParseEvent(entry.Record.Data)
			must(t, err)
			held[event.ID] = true
		}
	}
	for _, s := range j.Steps {
		if !held[s.Event] {
			t.Errorf("the proofs lack the %s", s.Action)
		}
	}
	if read.Records != int64(len(held)) || read.Records <= int64(len(j.Steps)) {
		t.Errorf("%d records for %d steps and their receipts", read.Records, len(j.Steps))
	}
	at := bytes.Index(bundle, []byte(`"data":"`)) + 20
	altered := slices.Clone(bundle)
	altered[at] ^= 1
	if _, err := translog.AuditBundle(bytes.NewReader(altered), provider.Ledger.Trust()); err == nil {
		t.Error("a record that was changed is believed")
	}
}

// confused: another provider gives its report the same name. Each journey of that
// name shows both, and neither is taken for the other's.
func confused(t *testing.T, provider, centre *nodetest.Node, sent string) {
	ctx := t.Context()
	j, err := centre.Journey.Journey(ctx, centre.Analyst(), sent)
	must(t, err)
	// An envelope of a stranger to this report that has the id of the report's.
	stranger := mandate.Actor{Kind: mandate.Peer, ID: "peer/" + strings.Repeat("A", 43), Organisation: mandate.Provider}
	act := ledger.Act{Actor: stranger, Action: mandate.ReportReceive, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "envelope/" + step(t, j, mandate.ReportReceive).Came.ID, Kind: mandate.EnvelopeReport}}
	must(t, centre.Ledger.Do(ctx, act, func(*ledger.Tx) error { return nil }))

	other := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Name: "other", Clock: centre.Clock})
	nodetest.Meet(t, other, centre)
	var body json.RawMessage
	provider.Look(t, func(tx *store.Tx) error {
		row, err := tx.Report(sent)
		body = row.Body
		return err
	})
	must(t, other.Ledger.Do(ctx, ledger.Act{Actor: other.Analyst(), Action: mandate.ReportSend, Purpose: mandate.PurposeReporting}, func(tx *ledger.Tx) error {
		_, err := other.Post.Send(tx, peer.Message{
			Recipient: centre.Post.Self().NodeID, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: "csar/com-2022-209@1", Subject: sent,
			Purpose: mandate.PurposeReporting, LegalBasis: "provider/hosting-terms@1", Body: body,
		})
		return err
	}))
	other.Work(t)
	j, err = centre.Journey.Journey(ctx, centre.Analyst(), sent)
	must(t, err)
	var from []string
	for _, s := range j.Steps {
		if s.Action == mandate.ReportReceive.Name {
			from = append(from, j.Names[s.By])
		}
	}
	if len(j.Places) != 2 || !slices.Equal(from, []string{"Example provider", "Example other"}) {
		t.Errorf("%v from %s", j.Places, strings.Join(from, " and "))
	}
	_, err = other.Journey.Journey(ctx, other.Analyst(), sent)
	nodetest.Want(t, "the journey of a report that was not made here", err, problem.NotFound)
}

// doubted: a receipt that the recipient's key did not sign is not shown as its.
func doubted(t *testing.T, provider, centre *nodetest.Node, sent string) {
	must(t, provider.Store.Write(t.Context(), func(tx *store.Tx) error {
		row, err := tx.Peer(centre.Post.Self().NodeID)
		if err != nil {
			return err
		}
		if row.Document, err = provider.Post.Self().Document(); err != nil {
			return err
		}
		return tx.PutPeer(row)
	}))
	j, err := provider.Journey.Journey(t.Context(), provider.Analyst(), sent)
	must(t, err)
	if r := step(t, j, mandate.ReportApprove).Sent[0].Receipt; r.Doubt == "" || r.By != "" {
		t.Errorf("it is shown as signed by %q, with the doubt %q", r.By, r.Doubt)
	}
}
