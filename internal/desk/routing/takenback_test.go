package routing_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// TestWhatWasTakenBackIsShownToNobody: after a recall, or after whoever reported
// asked to erase, the Centre cannot open the medium, whether it had fetched it or
// not, nor pass it on; an authority that claimed the report goes on. It can be
// opened again when somebody else reports the same file.
func TestWhatWasTakenBackIsShownToNobody(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		u := pair(t, database())
		ctx, centre, provider := t.Context(), u.centre, u.provider
		ada := centre.Analyst()
		look := triage.Look{Level: item.LevelSketch}
		for number, erase := range []bool{false, true} {
			sent, received := u.reported(1+number, false)
			id := u.matter(received).Files[0].Item
			must(t, centre.Triage.Take(ctx, ada, id))
			must(t, centre.Triage.Open(ctx, ada, id))
			shown, err := centre.Triage.View(ctx, ada, id, look)
			must(t, err)
			_, err = centre.Triage.Picture(ctx, ada, shown)
			must(t, err)
			chief := provider.Supervisor()
			nodetest.Want(t, "taking back without the role", provider.Reports.TakeBack(ctx, provider.Analyst(), sent, erase, "a mistake"), problem.Denied)
			nodetest.Want(t, "taking back without a reason", provider.Reports.TakeBack(ctx, chief, sent, erase, ""), problem.Invalid)
			must(t, provider.Reports.TakeBack(ctx, chief, sent, erase, "it shows another lake"))
			nodetest.Want(t, "taking back twice", provider.Reports.TakeBack(ctx, chief, sent, erase, "a mistake"), problem.Conflict)
			u.settle()
			_, err = centre.Triage.View(ctx, ada, id, look)
			nodetest.Want(t, "a view after it was taken back", err, problem.Denied)
			_, err = centre.Triage.Picture(ctx, ada, shown)
			nodetest.Want(t, "the picture of a view from before", err, problem.Denied)
			nodetest.Want(t, "opening it again", centre.Triage.Open(ctx, ada, id), problem.Denied)
			if says := map[bool]string{false: "takes it back: it shows another lake", true: "asks to erase it: it shows another lake"}[erase]; alarmed(u.matter(received).Alarms, says) != 1 {
				t.Errorf("nobody at the Centre is told: %+v", u.matter(received).Alarms)
			}
			if erase {
				must(t, centre.Triage.Erase(ctx, centre.Supervisor(), id, "it was taken back"))
				centre.Work(t)
				if _, err := centre.Content.Open(ctx, id); !problem.Is(err, problem.NotFound) {
					t.Errorf("its key is not destroyed: %v", err)
				}
				u.erased(t, sent, received, id)
				continue
			}
			// Another provider reports the same file: it is shown again.
			template, err := report.Parse(u.matter(received).Row.Body)
			must(t, err)
			template.ID = store.NewID("report")
			u.another(t, 40).report(t, u, template)
			ada = centre.Person("rosa", mandate.Analyst)
			if _, err := centre.Triage.View(ctx, centre.Analyst(), id, look); err != nil {
				must(t, centre.Triage.Take(ctx, ada, id))
				_, err = centre.Triage.View(ctx, ada, id, look)
				must(t, err)
			}
		}
	})
}

// erased: what the report says is erased at the Centre by a supervisor's decision,
// once nothing forbids it, and nothing of it is left in any row.
func (u *union) erased(t *testing.T, sent, received, item string) {
	t.Helper()
	ctx, centre, chief := t.Context(), u.centre, u.centre.Supervisor()
	barred := func(why string) {
		t.Helper()
		if e := u.matter(received).Erasure; e.Asked.IsZero() || e.Done != nil || len(e.Bars) != 1 || !strings.Contains(e.Bars[0], why) {
			t.Errorf("asked %s, barred by %q, not by %q", e.Asked, e.Bars, why)
		}
		nodetest.Want(t, why, centre.Routing.Erase(ctx, chief, received, "it was taken back"), problem.Conflict)
	}
	barred("the report has not ended")
	_, err := centre.Routing.Ask(ctx, centre.Analyst(), received, []string{"users"})
	must(t, err)
	u.settle()
	_, q := u.asked(sent)
	must(t, u.provider.Reports.Answer(ctx, u.provider.Analyst(), sent, q.Row.ID, report.Supplement{Values: report.Form{Users: []report.Person{{Username: "user17"}}}}))
	must(t, u.provider.Reports.ApproveAnswer(ctx, u.provider.Second(), sent, q.Row.ID))
	u.settle()
	if q := u.matter(received).Questions[0]; q.Value.Supplement == nil {
		t.Fatalf("the question is %s", q.Row.State)
	}
	must(t, centre.Routing.CallUnfounded(ctx, centre.Analyst(), received, "taken-back"))
	waits, err := centre.Orders.RecordHold(ctx, centre.Analyst(), orders.HoldRequest{
		Kind: hold.NoRemove, Subject: item, Requester: "police", LegalBasis: "Article 48(6)", Reason: "an inquiry", Until: u.clock.Now().AddDate(0, 1, 0),
	})
	must(t, err)
	barred("police asked that the material stays")
	must(t, centre.Orders.ReleaseHold(ctx, centre.Analyst(), waits, "police", "it is over"))
	before := u.rowsWith(t, centre, "user1")
	nodetest.Want(t, "erasing without the role", centre.Routing.Erase(ctx, centre.Analyst(), received, "it was taken back"), problem.Denied)
	nodetest.Want(t, "erasing without a reason", centre.Routing.Erase(ctx, chief, received, " "), problem.Invalid)
	must(t, centre.Routing.Erase(ctx, chief, received, "it was taken back"))
	nodetest.Want(t, "erasing twice", centre.Routing.Erase(ctx, chief, received, "it was taken back"), problem.Conflict)
	m := u.matter(received)
	if done := m.Erasure.Done; done == nil || done.Reason != "it was taken back" || done.Person != chief.ID || !done.At.Equal(u.clock.Now()) {
		t.Errorf("the erasure is recorded as %+v", done)
	}
	if m.Report.ID != sent || len(m.Files) != 1 || m.Files[0].Item != item || m.Report.NamesPerson() || m.Row.Missing == nil {
		t.Errorf("left of the report is %+v", m.Report)
	}
	if q := m.Questions[0]; q.Value.Supplement != nil || strings.Contains(string(q.Row.Body), "user17") {
		t.Errorf("left of an answer is %s", q.Row.Body)
	}
	if left := u.rowsWith(t, centre, "user1"); left != before-1 {
		t.Errorf("%d rows tell of the user, before %d", left, before)
	}
	centre.Look(t, func(tx *store.Tx) error {
		row, found, err := tx.EnvelopeIn(m.Row.Sender, m.Row.Envelope)
		if !found || len(row.Body) > 0 || row.Digest == "" || row.Receipt == "" {
			t.Errorf("of the envelope %d bytes are left", len(row.Body))
		}
		return err
	})
	must(t, centre.Ledger.Sequence(ctx))
	_, err = ledger.Verify(ctx, centre.Store, centre.Ledger.Trust())
	must(t, err)
	u.settle()
	if all := u.pursuits(sent); all[0].Status != string(peer.Closed) || !strings.Contains(all[0].StatusReason, "erased what the report says") {
		t.Errorf("the provider hears %s: %s", all[0].Status, all[0].StatusReason)
	}
}

// rowsWith counts how often received reports and referrals tell of something.
func (u *union) rowsWith(t *testing.T, n *nodetest.Node, text string) (count int) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		received, err := tx.ReceivedReports("received", 1000)
		for _, row := range received {
			count += strings.Count(string(row.Body), `"`+text+`"`)
		}
		if err != nil {
			return err
		}
		referrals, err := tx.Referrals(1000)
		for _, row := range referrals {
			count += strings.Count(string(row.Offer), `"`+text+`"`)
		}
		return err
	})
	return count
}

// pursuits are what the provider sees of how far its corrections and recalls of a
// report have come.
func (u *union) pursuits(sent string) []peer.Pursued {
	u.t.Helper()
	v, err := u.provider.Reports.Report(u.t.Context(), u.provider.Analyst(), sent)
	must(u.t, err)
	return v.Pursuits
}

// servedAPI: the provider's services learn the same, and the receipt of the
// report itself.
func (u *union) servedAPI(t *testing.T, sent string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.provider.Server.URL+"/v1/reports/"+strings.TrimPrefix(sent, "report/"), nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+u.provider.Token)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	var got api.Report
	must(t, json.NewDecoder(answer.Body).Decode(&got))
	v, err := u.provider.Reports.Report(t.Context(), u.provider.Analyst(), sent)
	must(t, err)
	if len(got.Pursued) != 1 || got.Pursued[0].Kind != "erasure" || !got.Pursued[0].Settled || got.Pursued[0].ReceiptedAt == nil {
		t.Errorf("the interface says %+v", got.Pursued)
	}
	if got.Receipt == "" || got.Receipt != v.Envelopes[0].Receipt {
		t.Errorf("the receipt is that of another envelope: %.60s", got.Receipt)
	}
}

// TestATakenBackReportStaysWithWhoActs: an authority that claimed it keeps its
// evidence and is told; one that did not is shown nothing.
func TestATakenBackReportStaysWithWhoActs(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx, ada := t.Context(), u.centre.Analyst()
	sent, received := u.reported(1, false, "192.0.2.17")
	id := u.matter(received).Files[0].Item
	must(t, u.centre.Triage.Take(ctx, ada, id))
	must(t, u.centre.Triage.Open(ctx, ada, id))
	must(t, u.centre.Routing.Found(ctx, ada, received, false))
	u.route(received, u.slovenia, u.croatia)
	claimed := u.referralAt(u.slovenia, received).Row.ID
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), claimed))
	u.settle()
	for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
		must(t, n.Triage.Open(ctx, investigator(n), id))
	}
	must(t, u.provider.Reports.TakeBack(ctx, u.provider.Supervisor(), sent, true, "a mistake"))
	if all := u.pursuits(sent); len(all) != 1 || all[0].Settled() || all[0].State != store.EnvelopeWaiting {
		t.Errorf("before it was sent, %d are pursued", len(all))
	}
	u.provider.Work(t)
	// Two authorities and Europol have the report.
	if all := u.pursuits(sent); all[0].Settled() || all[0].State != store.EnvelopeAnswered || len(all[0].PassedOn) != 3 {
		t.Errorf("when only the Centre has it: settled %t, passed on %+v", all[0].Settled(), all[0].PassedOn)
	}
	if all := u.matter(received).Pursuits; len(all) != 3 || all[0].Settled() || all[1].Settled() || all[0].Kind != string(mandate.EnvelopeErasure) {
		t.Errorf("the Centre pursues %d", len(all))
	}
	u.settle()
	if all := u.pursuits(sent); !all[0].Settled() {
		t.Errorf("everybody has receipted: %+v", all[0].PassedOn)
	}
	if all := u.matter(received).Pursuits; !all[0].Settled() || !all[1].Settled() || !all[2].Settled() {
		t.Error("the Centre says that it still pursues what everybody has receipted")
	}
	u.servedAPI(t, sent)
	look := triage.Look{Level: item.LevelSketch}
	if _, err := u.slovenia.Triage.View(ctx, investigator(u.slovenia), id, look); err != nil {
		t.Errorf("who acts lost what it acts on: %v", err)
	}
	_, err := u.croatia.Triage.View(ctx, investigator(u.croatia), id, look)
	nodetest.Want(t, "an authority that does not act", err, problem.Denied)
	for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
		v, err := n.Routing.Referral(ctx, investigator(n), u.referralAt(n, received).Row.ID)
		must(t, err)
		if alarmed(v.Alarms, "asks to erase it: a mistake") != 1 {
			t.Errorf("%s is not told: %+v", n.Config.Organisation.ID, v.Alarms)
		}
	}
	erase := func(n *nodetest.Node) error {
		return n.Routing.EraseReferral(ctx, n.Supervisor(), u.referralAt(n, received).Row.ID, "its sender asked for it")
	}
	nodetest.Want(t, "erasing what this authority acts on", erase(u.slovenia), problem.Conflict)
	nodetest.Want(t, "erasing what nobody answered", erase(u.croatia), problem.Conflict)
	nodetest.Want(t, "erasing what authorities act on", u.centre.Routing.Erase(ctx, u.centre.Supervisor(), received, "its sender asked for it"), problem.Conflict)
	declined := u.referralAt(u.croatia, received).Row.ID
	must(t, u.croatia.Routing.Decline(ctx, investigator(u.croatia), declined, "taken back"))
	nodetest.Want(t, "an investigator who erases", u.croatia.Routing.EraseReferral(ctx, investigator(u.croatia), declined, "a mistake"), problem.Denied)
	must(t, erase(u.croatia))
	v, err := u.croatia.Routing.Referral(ctx, investigator(u.croatia), declined)
	must(t, err)
	if v.Erasure.Done == nil || v.Report.NamesPerson() || v.Report.ID != sent || u.rowsWith(t, u.croatia, "user1") != 0 || u.rowsWith(t, u.slovenia, "user1") != 1 {
		t.Errorf("left at the authority is %+v", v.Report)
	}
	u.settle()
	if erased := slices.ContainsFunc(u.pursuits(sent)[0].PassedOn, func(p peer.Downstream) bool {
		return p.Node == u.croatia.Post.Self().NodeID && p.Status == peer.Closed
	}); !erased {
		t.Errorf("the provider does not hear who erased it: %+v", u.pursuits(sent)[0].PassedOn)
	}
	// Of what nobody acts on, the clocks go on, and say that it is passed on no more.
	other, held := u.reported(2, false)
	must(t, u.provider.Reports.TakeBack(ctx, u.provider.Supervisor(), other, false, "a mistake"))
	u.settle()
	must(t, u.centre.Routing.Found(ctx, ada, held, false))
	nodetest.Want(t, "offering what was taken back", u.centre.Routing.Route(ctx, ada, held, routing.Direction{To: []string{u.slovenia.Post.Self().NodeID}}), problem.Conflict)
	u.route(held)
	before := alarmed(u.wantState(held, referral.Held).Alarms, "it is passed on no more")
	u.later(8 * 24 * time.Hour)
	if after := alarmed(u.wantState(held, referral.Held).Alarms, "it is passed on no more"); before == 0 || after <= before {
		t.Errorf("%d alarms, then %d", before, after)
	}
	// Two people of the Centre end it, and whoever has it hears so.
	must(t, u.centre.Routing.CallUnfounded(ctx, ada, held, "taken-back"))
	u.covered(held)
	must(t, u.centre.Routing.Second(ctx, u.centre.Person("dora", mandate.Analyst), held, true))
	u.settle()
	u.wantState(held, referral.Unfounded)
	ended, err := u.provider.Reports.Report(ctx, u.provider.Analyst(), other)
	must(t, err)
	if e := ended.Envelopes[0]; e.Status != string(peer.Closed) || !strings.Contains(e.StatusReason, "taken-back") {
		t.Errorf("the provider hears %s, %s", e.Status, e.StatusReason)
	}
	nodetest.Want(t, "erasing what was only taken back", u.centre.Routing.Erase(ctx, u.centre.Supervisor(), held, "a mistake"), problem.Conflict)
	made, err := u.provider.Reports.Report(ctx, u.provider.Analyst(), sent)
	must(t, err)
	if !strings.Contains(made.Words.FollowUp, "took the report back") {
		t.Errorf("the user would be told only: %s", made.Words.FollowUp)
	}
	if last := made.Envelopes[len(made.Envelopes)-1]; last.Kind != string(mandate.EnvelopeErasure) || last.State != store.EnvelopeAnswered || last.Downstream == "" {
		t.Errorf("the provider does not learn how those fare who have it: %+v", last)
	}
}
