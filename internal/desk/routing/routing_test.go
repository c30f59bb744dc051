package routing_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/domain/statistics"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// union is a provider, the Centre, two authorities and Europol, each a whole
// node that the others reach over real connections. They have one clock.
type union struct {
	t                                            testing.TB
	clock                                        *nodetest.Clock
	provider, centre, slovenia, croatia, europol *nodetest.Node
}

func found(t testing.TB, database func() string) *union {
	t.Helper()
	places := filepath.Join(t.TempDir(), "places.csv")
	must(t, os.WriteFile(places, []byte("# documentation blocks\n192.0.2.0/24,SI\n198.51.100.0/24,HR\n2001:db8::/32,SI\n"), 0o600))
	u := &union{t: t, clock: nodetest.NewClock()}
	open := func(kind mandate.OrganisationKind, name, country string) *nodetest.Node {
		return nodetest.Open(t, nodetest.Options{Kind: kind, Name: name, Country: country, Clock: u.clock, Database: database(), Configure: func(c *node.Config) { c.Places = places }})
	}
	u.provider, u.centre = open(mandate.Provider, "", ""), open(mandate.Centre, "", "")
	u.slovenia, u.croatia, u.europol = open(mandate.Authority, "police-si", "SI"), open(mandate.Authority, "police-hr", "HR"), open(mandate.Europol, "", "")
	for _, other := range []*nodetest.Node{u.provider, u.slovenia, u.croatia, u.europol} {
		nodetest.Meet(t, u.centre, other)
	}
	return u
}

func (u *union) nodes() []*nodetest.Node {
	return slices.DeleteFunc([]*nodetest.Node{u.provider, u.centre, u.slovenia, u.croatia, u.europol}, func(n *nodetest.Node) bool { return n == nil })
}

// settle lets everything that was sent arrive, and what follows from it.
func (u *union) settle() {
	u.t.Helper()
	for range 4 {
		for _, n := range u.nodes() {
			n.Work(u.t)
		}
	}
}

func (u *union) later(d time.Duration) { u.clock.Add(d); u.settle() }

// reported is a report that the provider made and the Centre received.
func (u *union) reported(number int, urgent bool, addresses ...string) (sent, received string) {
	u.t.Helper()
	ctx, p := u.t.Context(), u.provider
	s := nodetest.Submission(number, "")
	s.Flagged = true
	for _, address := range addresses {
		s.Context.IPEvents = append(s.Context.IPEvents, report.IPEvent{IP: address, Port: 40_000, At: u.clock.Now().Add(-time.Hour), TZ: "Z"})
	}
	s.Context.Users = []report.Person{{Username: "user1", Phone: "+38640123456"}}
	id := p.Submit(u.t, s).SHA256
	p.Judge(u.t, p.Analyst(), id, nodetest.Yes)
	p.Settle(u.t)
	p.Judge(u.t, p.Second(), id, nodetest.Yes)
	p.Settle(u.t)
	sent, err := p.Reports.Compose(ctx, p.Analyst(), id, "")
	must(u.t, err)
	no := new(false)
	must(u.t, p.Reports.Amend(ctx, p.Analyst(), sent, reports.Answers{Urgent: &urgent, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}, ""))
	must(u.t, p.Reports.Submit(ctx, p.Analyst(), sent))
	must(u.t, p.Reports.Approve(ctx, p.Second(), sent))
	u.settle()
	u.centre.Look(u.t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 1000)
		for _, row := range rows {
			if row.Reference == sent {
				received = row.ID
			}
		}
		return err
	})
	if received == "" {
		u.t.Fatalf("%s did not arrive", sent)
	}
	return sent, received
}

func (u *union) matter(id string) routing.Matter {
	u.t.Helper()
	v, err := u.centre.Routing.Matter(u.t.Context(), u.centre.Analyst(), id)
	must(u.t, err)
	return v
}

func (u *union) wantState(id string, state referral.State) routing.Matter {
	u.t.Helper()
	v := u.matter(id)
	if v.Value.State != state {
		u.t.Fatalf("the matter is %s, want %s: %+v", v.Value.State, state, v.Value)
	}
	u.covered(id)
	return v
}

// covered holds the invariant against what the nodes have stored.
func (u *union) covered(id string) {
	u.t.Helper()
	m := u.matter(id).Value
	if !m.State.Open() {
		return
	}
	if until, responsible := m.Responsible(); responsible && !until.IsZero() {
		return
	}
	for _, n := range u.nodes()[2:] {
		for _, r := range u.referrals(n) {
			if until, responsible := r.Value.Responsible(); r.Row.Matter == id && responsible && !until.IsZero() {
				return
			}
		}
	}
	u.t.Fatalf("nobody is responsible for %s: %+v", id, m)
}

func investigator(n *nodetest.Node) mandate.Actor { return n.Person("ines", mandate.Investigator) }

func (u *union) referrals(n *nodetest.Node) []routing.Referral {
	u.t.Helper()
	all, err := n.Routing.Referrals(u.t.Context(), investigator(n))
	must(u.t, err)
	return all
}

func (u *union) referralAt(n *nodetest.Node, matter string) routing.Referral {
	u.t.Helper()
	for _, r := range u.referrals(n) {
		if r.Row.Matter == matter {
			return r
		}
	}
	u.t.Fatalf("%s was not offered to %s", matter, n.Config.Organisation.Name)
	return routing.Referral{}
}

func (u *union) route(id string, to ...*nodetest.Node) {
	u.t.Helper()
	d := routing.Direction{Reason: "jurisdiction is not known"}
	for _, n := range to {
		d.To = append(d.To, n.Post.Self().NodeID)
	}
	must(u.t, u.centre.Routing.Route(u.t.Context(), u.centre.Analyst(), id, d))
	u.settle()
}

// reportState is how the provider's report stands.
func (u *union) reportState(id string) (state string, notice report.Notice) {
	u.t.Helper()
	v, err := u.provider.Reports.Report(u.t.Context(), u.provider.Analyst(), id)
	must(u.t, err)
	if v.Notice != nil {
		notice = *v.Notice
	}
	return v.State, notice
}

// each runs a test on SQLite and on PostgreSQL.
func each(t *testing.T, test func(t *testing.T, u *union)) {
	t.Helper()
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) { test(t, found(t, database)) })
}

func TestAnAuthorityActs(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx := t.Context()
		sent, id := u.reported(1, false, "192.0.2.17", "2001:db8::17")
		v := u.wantState(id, referral.Received)
		if len(v.Likely) != 1 || v.Likely[0].Country != "SI" || v.Likely[0].Weight != 65 {
			t.Errorf("addresses and telephone point to %+v, want SI with 65", v.Likely)
		}
		nodetest.Want(t, "routing before assessing", u.centre.Routing.Route(ctx, u.centre.Analyst(), id, routing.Direction{Reason: "x"}), problem.Conflict)
		must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
		u.settle()
		u.wantState(id, referral.Assessed)
		if state, _ := u.reportState(sent); state != "accepted" {
			t.Errorf("the provider's report is %s, want accepted", state)
		}
		u.route(id, u.slovenia)
		if v := u.wantState(id, referral.Offered); v.Value.Offers[0].State != referral.OfferAcknowledged {
			t.Errorf("the receipt did not acknowledge the offer: %+v", v.Value.Offers)
		}
		u.referralAt(u.europol, id) // its copy (Article 48(3))
		r := u.referralAt(u.slovenia, id)
		if r.Report.ID != sent || r.Offer.Provider != "Example provider" || !strings.Contains(string(r.Offer.Evidence), "upload-ip") {
			t.Errorf("%+v", r.Offer)
		}
		nodetest.Want(t, "claiming without the role", u.slovenia.Routing.Claim(ctx, u.slovenia.Analyst(), r.Row.ID), problem.Denied)
		must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
		// The Centre does not know yet: both say that they are responsible.
		u.wantState(id, referral.Offered)
		u.settle()
		u.wantState(id, referral.Claimed)
		must(t, u.slovenia.Routing.Finish(ctx, investigator(u.slovenia), r.Row.ID, "new-investigation"))
		if r := u.referralAt(u.slovenia, id); r.Value.Standing != referral.StandingFinishing {
			t.Errorf("it lets go before the Centre has receipted: %s", r.Value.Standing)
		}
		u.settle()
		u.wantState(id, referral.Closed)
		if r := u.referralAt(u.slovenia, id); r.Value.Standing != referral.StandingFinished {
			t.Errorf("it does not let go: %s", r.Value.Standing)
		}
		v2, err := u.provider.Reports.Report(ctx, u.provider.Analyst(), sent)
		must(t, err)
		if e := v2.Envelopes[len(v2.Envelopes)-1]; e.Status != "closed" || e.StatusReason != "new-investigation" {
			t.Errorf("the provider hears %q %q, want closed, new-investigation", e.Status, e.StatusReason)
		}
		for _, n := range u.nodes() {
			must(t, n.Ledger.Sequence(ctx))
			if _, err := ledger.Verify(ctx, n.Store, n.Ledger.Trust()); err != nil {
				t.Errorf("the log of %s: %v", n.Config.Organisation.ID, err)
			}
		}
	})
}

// TestUrgentReportOfNoKnownState is the first acceptance scenario.
func TestUrgentReportOfNoKnownState(t *testing.T) {
	u := found(t, func() string { return "" })
	_, id := u.reported(1, true)
	if v := u.matter(id); !v.Value.Urgent || v.Value.Until.Sub(v.Value.ReceivedAt) != time.Hour {
		t.Errorf("%+v", v.Value)
	}
	must(t, u.centre.Routing.Found(t.Context(), u.centre.Analyst(), id, true))
	nodetest.Want(t, "nobody, and no reason", u.centre.Routing.Route(t.Context(), u.centre.Analyst(), id, routing.Direction{}), problem.Invalid)
	u.route(id)
	v := u.wantState(id, referral.Held)
	if v.Value.EuropolReason != "jurisdiction is not known" || !v.Value.Urgent || len(v.Alarms) == 0 {
		t.Errorf("%+v %+v", v.Value, v.Alarms)
	}
	if r := u.referralAt(u.europol, id); r.Offer.Reason != "jurisdiction is not known" || !r.Offer.Urgent {
		t.Errorf("Europol was told %+v", r.Offer)
	}
}

// TestUnfoundedReport is the second acceptance scenario: the provider gets the
// reason, and the user is informed at once, not after three months.
func TestUnfoundedReport(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	sent, id := u.reported(1, false)
	if _, notice := u.reportState(sent); notice.State != report.NoticePending {
		t.Fatalf("the notice is %s", notice.State)
	}
	nodetest.Want(t, "an unknown reason", u.centre.Routing.CallUnfounded(ctx, u.centre.Analyst(), id, "boring"), problem.Invalid)
	must(t, u.centre.Routing.CallUnfounded(ctx, u.centre.Analyst(), id, "technical-false-match"))
	// Nobody looked at the whole picture, so one person is not enough.
	u.wantState(id, referral.AwaitingSecond)
	nodetest.Want(t, "agreeing with oneself", u.centre.Routing.Second(ctx, u.centre.Analyst(), id, true), problem.Denied)
	must(t, u.centre.Routing.Second(ctx, u.centre.Person("dora", mandate.Analyst), id, true))
	u.settle()
	u.wantState(id, referral.Unfounded)
	state, notice := u.reportState(sent)
	if state != "rejected" || notice.State != report.NoticeDue {
		t.Errorf("the report is %s and the notice %s, want rejected and due", state, notice.State)
	}
	v, err := u.provider.Reports.Report(ctx, u.provider.Analyst(), sent)
	must(t, err)
	if !strings.Contains(v.Life.Reason, "technical-false-match") {
		t.Errorf("the reason is %q", v.Life.Reason)
	}
}

func TestNobodyAnswers(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	_, id := u.reported(1, false, "192.0.2.17")
	must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
	u.route(id, u.slovenia, u.croatia)
	must(t, u.croatia.Routing.Decline(ctx, investigator(u.croatia), u.referralAt(u.croatia, id).Row.ID, "nothing points here"))
	u.settle()
	u.wantState(id, referral.Offered)
	u.later(8 * 24 * time.Hour)
	v := u.wantState(id, referral.Held)
	if v.Value.EuropolAsked.IsZero() || !slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, "no answer in time") }) {
		t.Errorf("%+v %+v", v.Value, v.Alarms)
	}
	// The authority was reminded too, and claims late.
	r := u.referralAt(u.slovenia, id)
	full, err := u.slovenia.Routing.Referral(ctx, investigator(u.slovenia), r.Row.ID)
	must(t, err)
	if len(full.Alarms) == 0 {
		t.Error("nobody at the authority was reminded")
	}
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
	u.settle()
	u.wantState(id, referral.Claimed)
	must(t, u.slovenia.Routing.Release(ctx, investigator(u.slovenia), r.Row.ID, "another State after all"))
	u.settle()
	u.wantState(id, referral.Held)
	// Offered once more, to the same.
	u.route(id, u.slovenia)
	u.wantState(id, referral.Offered)
	if r := u.referralAt(u.slovenia, id); r.Value.Standing != referral.StandingOffered {
		t.Errorf("%s", r.Value.Standing)
	}
}

func TestTwoAuthoritiesClaim(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx := t.Context()
		_, id := u.reported(1, false, "192.0.2.17", "198.51.100.17")
		must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
		u.route(id, u.slovenia, u.croatia)
		for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
			must(t, n.Routing.Claim(ctx, investigator(n), u.referralAt(n, id).Row.ID))
		}
		u.settle()
		v := u.wantState(id, referral.Claimed)
		if len(v.Value.Claimants()) != 2 || v.Value.Coordination == nil || !slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, "eurojust") }) {
			t.Fatalf("%+v %+v", v.Value, v.Alarms)
		}
		lead := u.croatia.Post.Self().NodeID
		for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
			r := u.referralAt(n, id)
			if r.Value.Titles[u.croatia.Post.Self().NodeID] != "Example police-hr" {
				t.Errorf("the others have no names: %+v", r.Value.Titles)
			}
			if len(r.Value.Others) != 2 {
				t.Errorf("%s does not know of the other: %+v", n.Config.Organisation.ID, r.Value)
			}
			must(t, n.Routing.PreferLead(ctx, investigator(n), r.Row.ID, lead))
		}
		u.settle()
		if v := u.wantState(id, referral.Claimed); v.Value.Coordination.Lead != lead {
			t.Errorf("%+v", v.Value.Coordination)
		}
		if r := u.referralAt(u.slovenia, id); r.Value.Lead != lead {
			t.Errorf("%+v", r.Value)
		}
		if until, responsible := u.referralAt(u.slovenia, id).Value.Responsible(); !responsible || until.IsZero() {
			t.Error("whoever does not lead is not responsible any more")
		}
		u.askedBeforeRemoval(id)
	})
}

// TestAFindingOvertakesTheClaim: what an authority found may arrive before its
// claim. It is not rejected, for then it would be lost; it comes again.
func TestAFindingOvertakesTheClaim(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	_, id := u.reported(1, false, "192.0.2.17")
	must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
	u.route(id, u.slovenia)
	r := u.referralAt(u.slovenia, id)
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
	item := r.Report.Control.Files[0].Item
	must(t, u.slovenia.Routing.AssessItem(ctx, investigator(u.slovenia), r.Row.ID, item, false, "reason 17"))
	sent := func() (outcome store.EnvelopeOut) {
		u.slovenia.Look(t, func(tx *store.Tx) error {
			all, err := tx.EnvelopesAbout(r.Row.ID)
			for _, e := range all {
				if e.Kind == string(mandate.EnvelopeOutcome) {
					outcome = e
				}
			}
			return err
		})
		return outcome
	}
	_, err := u.centre.Post.Receive(ctx, u.slovenia.Post.Self(), sent().Body)
	nodetest.Want(t, "a finding before the claim", err, problem.Unavailable)
	u.settle() // the finding is urgent and goes first again
	u.later(time.Hour)
	if e := sent(); e.State != store.EnvelopeAnswered || e.Status == "rejected" {
		t.Errorf("the finding is %s, %s", e.State, e.Status)
	}
	u.centre.Look(t, func(tx *store.Tx) error {
		all, err := tx.Findings(item)
		if len(all) != 1 || all[0].Confirmed {
			t.Errorf("the Centre knows of %+v", all)
		}
		return err
	})
}

// askedBeforeRemoval: an order that follows from a report on which another
// authority acts too cannot be issued without asking that one.
func (u *union) askedBeforeRemoval(id string) {
	t, ctx, desk, ines := u.t, u.t.Context(), u.slovenia.Orders, investigator(u.slovenia)
	nodetest.Meet(t, u.slovenia, u.provider)
	order, err := desk.Request(ctx, ines, orders.Draft{
		From: u.referralAt(u.slovenia, id).Row.ID, Provider: u.provider.Post.Self().NodeID, ContactPoint: "contact point", Service: "pictures", Languages: []string{"en"},
		Items:   []orderdomain.Item{{URL: "https://photos.example/p/17"}},
		Issuing: "a court", Reference: "17", Elements: []string{"appearing"}, Reasons: "reason 17",
		Redress: orderdomain.Redress{Court: "a higher court", TimePeriods: "15 days", Law: "section 17"},
	})
	must(t, err)
	v, err := desk.Order(ctx, ines, order)
	must(t, err)
	other := u.croatia.Post.Self().NodeID
	if !slices.Equal(v.Others, []string{other}) || len(v.Items) != 1 {
		t.Errorf("the order knows of %v and names %+v", v.Others, v.Items)
	}
	nodetest.Want(t, "asking nobody", desk.NobodyToAsk(ctx, ines, order, "nobody is there"), problem.Conflict)
	nodetest.Want(t, "asking another one only", desk.Ask(ctx, ines, order, nil), problem.Invalid)
	nodetest.Want(t, "issuing before it was asked", desk.Issue(ctx, u.slovenia.Supervisor(), order, law.Period{Days: 15}), problem.Conflict)
	nodetest.Want(t, "asking one that is not registered", desk.Ask(ctx, ines, order, []string{other}), problem.NotFound)
	nodetest.Meet(t, u.slovenia, u.croatia)
	must(t, desk.Ask(ctx, ines, order, []string{other}))
	u.settle()
	open, err := u.croatia.Orders.Overview(ctx, investigator(u.croatia))
	must(t, err)
	if len(open.Questions) != 1 || open.Questions[0].Name != order {
		t.Errorf("the other authority was asked %+v", open.Questions)
	}
}

// TestAClaimAfterTheEnd opens the matter again: nobody who acts is lost, although
// the provider was told the end.
func TestAClaimAfterTheEnd(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	_, id := u.reported(1, false, "192.0.2.17")
	must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
	u.route(id, u.slovenia, u.croatia)
	for _, n := range []*nodetest.Node{u.slovenia, u.croatia} {
		r := u.referralAt(n, id).Row.ID
		must(t, n.Routing.Claim(ctx, investigator(n), r))
		u.settle()
		u.wantState(id, referral.Claimed)
		must(t, n.Routing.Finish(ctx, investigator(n), r, "other-action"))
		u.settle()
		v := u.wantState(id, referral.Closed)
		if r := u.referralAt(n, id); r.Value.Standing != referral.StandingFinished {
			t.Errorf("%s is %s", n.Config.Organisation.ID, r.Value.Standing)
		}
		if told := slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, "was told the end before") }); told != (n == u.croatia) {
			t.Errorf("after %s: %+v", n.Config.Organisation.ID, v.Alarms)
		}
	}
}

// TestNotConfirmedReachesEverybody is the eighth acceptance scenario.
func TestNotConfirmedReachesEverybody(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	_, id := u.reported(1, false, "192.0.2.17")
	must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
	u.route(id, u.slovenia, u.croatia)
	r := u.referralAt(u.slovenia, id)
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
	u.settle()
	must(t, u.slovenia.Routing.Finish(ctx, investigator(u.slovenia), r.Row.ID, referral.OutcomeUnlawfulNot))
	u.settle()
	u.wantState(id, referral.Closed)
	corrections := 0
	for _, e := range u.matter(id).Envelopes {
		if e.Kind == string(mandate.EnvelopeCorrection) {
			corrections++
			if e.State != store.EnvelopeAnswered {
				t.Errorf("the correction to %s is not receipted", e.Recipient)
			}
		}
	}
	must(t, u.centre.Ledger.Sequence(ctx))
	figures, err := u.centre.Statistics.Figures(ctx, u.centre.Supervisor(), u.clock.Now().Year())
	must(t, err)
	for _, l := range figures.Lines {
		if (l.Key == "not-confirmed-by-state" || l.Key == "forwarded-by-state") && (l.Status != statistics.Suppressed || !slices.ContainsFunc(l.Cells, func(c statistics.Cell) bool { return c.Of == "SI" })) {
			t.Errorf("Article 83(3) says %+v, want a small number of SI", l)
		}
	}
	if corrections != 3 {
		t.Errorf("%d corrections, want one to each of the two authorities and Europol", corrections)
	}
}

// TestAnAuthorityAsksToWait is the third acceptance scenario: 19 months are
// refused, 18 are taken, and the user is informed when they end.
func TestAnAuthorityAsksToWait(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx := t.Context()
		sent, id := u.reported(1, false, "192.0.2.17")
		must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
		u.route(id, u.slovenia, u.croatia)
		r := u.referralAt(u.slovenia, id).Row.ID
		ines := investigator(u.slovenia)
		months := func(n int) time.Time { return u.clock.Now().AddDate(0, n, 0) }
		nodetest.Want(t, "before claiming", u.slovenia.Routing.Wait(ctx, ines, r, months(3), "an investigation"), problem.Conflict)
		must(t, u.slovenia.Routing.Claim(ctx, ines, r))
		u.settle()
		nodetest.Want(t, "19 months", u.slovenia.Routing.Wait(ctx, ines, r, months(19), "an investigation"), problem.Invalid)
		nodetest.Want(t, "no end", u.slovenia.Routing.Wait(ctx, ines, r, time.Time{}, "an investigation"), problem.Invalid)
		nodetest.Want(t, "no reason", u.slovenia.Routing.Wait(ctx, ines, r, months(18), ""), problem.Invalid)
		until := months(18)
		must(t, u.slovenia.Routing.Wait(ctx, ines, r, until, "an investigation"))
		u.settle()
		_, notice := u.reportState(sent)
		held, ok := notice.HeldUntil()
		if notice.State != report.NoticeHeld || !ok || !held.Equal(until) || notice.Holds[0].Requester != "Example police-si" {
			t.Fatalf("the notice is %s until %s: %+v", notice.State, held, notice.Holds)
		}
		// Another one asks that never claimed: the Centre refuses, and it hears so.
		other := u.referralAt(u.croatia, id).Row
		must(t, u.croatia.Store.Write(ctx, func(tx *store.Tx) error {
			row, err := tx.Referral(other.ID)
			row.Standing = string(referral.StandingClaimed)
			if err != nil {
				return err
			}
			return tx.UpdateReferral(row)
		}))
		must(t, u.croatia.Routing.Wait(ctx, investigator(u.croatia), other.ID, months(3), "another one"))
		u.settle()
		full, err := u.croatia.Routing.Referral(ctx, investigator(u.croatia), other.ID)
		must(t, err)
		if len(full.Alarms) != 1 || !strings.Contains(full.Alarms[0].Reason, "not to inform the user was refused") {
			t.Errorf("nobody hears of the refusal: %+v", full.Alarms)
		}
		// Three months pass, and nothing happens; at the end the user is informed.
		u.later(100 * 24 * time.Hour)
		if _, notice := u.reportState(sent); notice.State != report.NoticeHeld {
			t.Errorf("the notice is %s during the hold", notice.State)
		}
		u.clock.Set(until.Add(time.Minute))
		u.settle()
		if _, notice := u.reportState(sent); notice.State != report.NoticeDue {
			t.Errorf("the notice is %s after the hold", notice.State)
		}
		// Once the user was informed, a request comes too late, and its author hears so.
		must(t, u.provider.Reports.Prepare(ctx, u.provider.Analyst(), sent, report.Words{Redress: "District court 17."}))
		must(t, u.provider.Reports.Informed(ctx, u.provider.Analyst(), sent))
		must(t, u.slovenia.Routing.Wait(ctx, ines, r, months(3), "an investigation"))
		u.settle()
		v, err := u.slovenia.Routing.Referral(ctx, ines, r)
		must(t, err)
		if !slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool {
			return strings.Contains(a.Reason, "not to inform the user was refused")
		}) {
			t.Errorf("nobody hears that it came too late: %+v", v.Alarms)
		}
	})
}

func TestAnswersOfStrangersAreRefused(t *testing.T) {
	u := found(t, func() string { return "" })
	ctx := t.Context()
	_, id := u.reported(1, false)
	must(t, u.centre.Routing.Found(ctx, u.centre.Analyst(), id, false))
	u.route(id, u.slovenia)
	r := u.referralAt(u.slovenia, id)
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
	// The row is made to name a matter that was not offered to this authority.
	must(t, u.slovenia.Store.Write(ctx, func(tx *store.Tx) error {
		row, err := tx.Referral(r.Row.ID)
		if err != nil {
			return err
		}
		row.ID, row.Matter = store.NewID("referral"), "received/01890000-0000-7000-8000-000000000001"
		row.Standing, row.Body = "offered", []byte(strings.Replace(string(row.Body), `"claimed"`, `"offered"`, 1))
		r.Row.ID = row.ID
		return tx.InsertReferral(row)
	}))
	must(t, u.slovenia.Routing.Claim(ctx, investigator(u.slovenia), r.Row.ID))
	u.settle()
	full, err := u.slovenia.Routing.Referral(ctx, investigator(u.slovenia), r.Row.ID)
	must(t, err)
	if len(full.Alarms) != 1 || !strings.Contains(full.Alarms[0].Reason, "refused") {
		t.Errorf("nobody is told that the Centre refused: %+v", full.Alarms)
	}
}

func TestPlaces(t *testing.T) {
	p, err := routing.ReadPlaces(strings.NewReader("10.0.0.0/8,SI\n10.1.0.0/16,HR\n::ffff:0:0/96,AT\n"))
	must(t, err)
	for address, want := range map[string]string{"10.2.3.4": "SI", "10.1.2.3": "HR", "::ffff:10.1.2.3": "HR", "192.0.2.1": "", "nonsense": "", "2001:db8::1": ""} {
		if got := p.Of(address); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}
	for _, text := range []string{"10.0.0.0/8", "10.0.0.0/8,Slovenia\n", "10.0.0.0/8,si\n", "10.0.0.0,SI\n", "a,b,c\n"} {
		if _, err := routing.ReadPlaces(strings.NewReader(text)); !problem.Is(err, problem.Invalid) || !strings.HasPrefix(problem.From(err).Field, "line ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
