package notices_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/webhost"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var must = nodetest.Must

// union is a provider, the Centre and an authority, each a whole node. They have
// one clock. The Centre and the authority look at addresses by themselves.
type union struct {
	t                           testing.TB
	clock                       *nodetest.Clock
	provider, centre, authority *nodetest.Node
	internet                    *nodetest.Internet
}

func found(t testing.TB, database func() string) *union {
	t.Helper()
	u := &union{t: t, clock: nodetest.NewClock(), internet: nodetest.OpenInternet(t)}
	open := func(kind mandate.OrganisationKind, internet *nodetest.Internet) *nodetest.Node {
		return nodetest.Open(t, nodetest.Options{Kind: kind, Country: "SI", Clock: u.clock, Database: database(), Internet: internet})
	}
	// The authority has no proxy: there people look.
	u.provider, u.centre, u.authority = open(mandate.Provider, nil), open(mandate.Centre, u.internet), open(mandate.Authority, nil)
	nodes := u.nodes()
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			nodetest.Meet(t, a, b)
		}
	}
	return u
}

func (u *union) nodes() []*nodetest.Node { return []*nodetest.Node{u.provider, u.centre, u.authority} }

// settle lets everything that was sent arrive, and what follows from it.
func (u *union) settle() {
	u.t.Helper()
	for range 3 {
		for _, n := range u.nodes() {
			n.Work(u.t)
		}
	}
}

func (u *union) later(d time.Duration) { u.clock.Add(d); u.settle() }

// person is who opens and sends at a node; moderator is the provider's.
func person(n *nodetest.Node) mandate.Actor {
	if n.Config.Organisation.Kind == mandate.Authority {
		return n.Person("ines", mandate.Investigator)
	}
	return n.Analyst()
}

func (u *union) moderator() mandate.Actor { return u.provider.Analyst() }

func sum(number int) string {
	found, err := digest.Reader(strings.NewReader(string(nodetest.Picture(number))))
	if err != nil {
		panic(err) // memory
	}
	return found.SHA256Hex()
}

func opening(places ...string) notices.Opening {
	o := notices.Opening{Reference: "N 17/2026", Ground: "victim_request", Request: "request 17 of the register", Known: "assessment 17", Found: "search 17"}
	for _, place := range places {
		o.Items = append(o.Items, order.Item{URL: place, SHA256: sum(17)})
	}
	return o
}

func (u *union) opened(n *nodetest.Node, places ...string) string {
	u.t.Helper()
	id, err := n.Notices.Open(u.t.Context(), person(n), opening(places...))
	must(u.t, err)
	return id
}

func (u *union) letter() notices.Letter {
	return notices.Letter{Node: u.provider.Post.Self().NodeID, Reasons: "Reason number 17.", LegalBasis: "Article 49(2)"}
}

// sent is a case whose first notice the provider has; its ids at both sides.
func (u *union) sent(n *nodetest.Node, places ...string) (id, received string) {
	u.t.Helper()
	id = u.opened(n, places...)
	must(u.t, n.Notices.Send(u.t.Context(), person(n), id, u.letter()))
	u.settle()
	v := u.want(n, id, order.Waiting)
	return id, u.arrived(v.Documents[len(v.Documents)-1].Name)
}

// arrived is the id of a notice at the provider, by the sender's name of it.
func (u *union) arrived(name string) (id string) {
	u.t.Helper()
	u.provider.Look(u.t, func(tx *store.Tx) error {
		rows, err := tx.Notices(200)
		for _, row := range rows {
			if row.Name == name {
				id = row.ID
			}
		}
		return err
	})
	if id == "" {
		u.t.Fatalf("the provider does not know %s", name)
	}
	return id
}

func (u *union) view(n *nodetest.Node, id string) notices.View {
	u.t.Helper()
	v, err := n.Notices.Notice(u.t.Context(), person(n), id)
	must(u.t, err)
	return v
}

func (u *union) want(n *nodetest.Node, id string, state order.State) notices.View {
	u.t.Helper()
	v := u.view(n, id)
	if v.Row.State != string(state) {
		u.t.Fatalf("the notice is %s at %s, want %s: %+v", v.Row.State, n.Config.Organisation.ID, state, v.Alarms)
	}
	return v
}

func told(v notices.View, about string) bool {
	return slices.ContainsFunc(v.Alarms, func(a store.ReportAlarm) bool { return strings.Contains(a.Reason, about) })
}

// each runs a test on SQLite and on PostgreSQL.
func each(t *testing.T, test func(t *testing.T, u *union)) {
	t.Helper()
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) { test(t, found(t, database)) })
}

// TestANotice takes notices through everything that may happen to them, between
// whole nodes: the steps share one world because a world is dear.
func TestANotice(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		for _, step := range []struct {
			name string
			run  func(t *testing.T, u *union)
		}{
			{"nobody asks of its own will", onAGround},
			{"the provider removes it, and a machine sees that", removed},
			{"it is refused, and a person goes up the ladder by hand", climbed},
			{"nobody answers", unanswered},
			{"a hold bars it", barred},
			{"an order bars it", orderedMeanwhile},
			{"people look without a proxy", peopleLook},
			{"the material has to stay", mustStay},
			{"a notice that cannot be believed", forged},
		} {
			t.Run(step.name, func(t *testing.T) {
				inner := *u
				inner.t = t
				step.run(t, &inner)
			})
		}
		for _, n := range u.nodes() {
			must(t, n.Ledger.Sequence(t.Context()))
			if _, err := ledger.Verify(t.Context(), n.Store, n.Ledger.Trust()); err != nil {
				t.Errorf("the log of %s: %v", n.Config.Organisation.ID, err)
			}
		}
	})
}

func onAGround(t *testing.T, u *union) {
	const place = "https://pictures.example/ground"
	for name, c := range map[string]struct {
		change func(o *notices.Opening)
		kind   problem.Kind
	}{
		"no ground":              {func(o *notices.Opening) { o.Ground = "" }, problem.Denied},
		"a ground of one's own":  {func(o *notices.Opening) { o.Ground = "own_motion" }, problem.Denied},
		"no request":             {func(o *notices.Opening) { o.Request = "" }, problem.Invalid},
		"not known":              {func(o *notices.Opening) { o.Known = "" }, problem.Invalid},
		"not found by a search":  {func(o *notices.Opening) { o.Found = "" }, problem.Invalid},
		"no item":                {func(o *notices.Opening) { o.Items = nil }, problem.Invalid},
		"a whole site":           {func(o *notices.Opening) { o.Items[0].URL = "https://pictures.example/" }, problem.Invalid},
		"no reference":           {func(o *notices.Opening) { o.Reference = "" }, problem.Invalid},
		"a report nobody has":    {func(o *notices.Opening) { o.From = "received/none" }, problem.NotFound},
		"a referral nobody made": {func(o *notices.Opening) { o.From = "referral/none" }, problem.NotFound},
	} {
		o := opening(place)
		c.change(&o)
		_, err := u.centre.Notices.Open(t.Context(), person(u.centre), o)
		nodetest.Want(t, name, err, c.kind)
	}
	_, err := u.provider.Notices.Open(t.Context(), u.moderator(), opening(place))
	nodetest.Want(t, "a provider", err, problem.Denied)
	_, err = u.centre.Notices.Open(t.Context(), u.centre.Uploads, opening(place))
	nodetest.Want(t, "no person", err, problem.Denied)
	_, err = u.authority.Notices.Open(t.Context(), u.authority.Person("ana", mandate.Analyst), opening(place))
	nodetest.Want(t, "an analyst of an authority", err, problem.Denied)
}

func removed(t *testing.T, u *union) {
	ctx := t.Context()
	const place = "https://pictures.example/removed"
	picture := func() []byte { return nodetest.Picture(17) }
	u.internet.Put(place, "image/png", picture)
	id := u.opened(u.centre, place)
	v := u.want(u.centre, id, order.Ready)
	if v.Case.Opening.Person != person(u.centre).ID || v.Case.Opening.Request != "request 17 of the register" || !told(v, "send the notice to") {
		t.Errorf("%+v %+v", v.Case.Opening, v.Alarms)
	}
	nodetest.Want(t, "to a node that is no provider", u.centre.Notices.Send(ctx, person(u.centre), id, notices.Letter{Node: u.authority.Post.Self().NodeID, Reasons: "Reason."}), problem.Invalid)
	nodetest.Want(t, "without reasons", u.centre.Notices.Send(ctx, person(u.centre), id, notices.Letter{Node: u.provider.Post.Self().NodeID}), problem.Invalid)
	must(t, u.centre.Notices.Send(ctx, person(u.centre), id, u.letter()))
	u.want(u.centre, id, order.Sending)
	u.settle()
	v = u.want(u.centre, id, order.Waiting)
	if due, running := v.Case.Clock(order.ClockRung); !running || due.Sub(u.clock.Now()) != 24*time.Hour || v.Case.Sent[0].Delivered == nil {
		t.Errorf("due %s, %+v", due, v.Case.Sent)
	}
	received := u.arrived(v.Documents[0].Name)
	p := u.want(u.provider, received, order.Received)
	if len(p.Notices) != 1 || p.Notices[0].Voluntary != p.Form.Voluntary.Text || p.Notices[0].Sender.Kind != "centre" || p.Items[0].SHA256 != sum(17) || !told(p, "it asks, it orders nothing") {
		t.Errorf("the provider has %+v", p.Notices)
	}
	if text, err := u.centre.Post.Self().OpenStatement("brdo-notice", p.Documents[0].Signed); err != nil || order.Digest(text) != v.Case.Sent[0].Notice.Digest {
		t.Errorf("the signature beside the notice: %v", err)
	}
	nodetest.Want(t, "removed before anybody decided", u.provider.Notices.CarriedOut(ctx, u.moderator(), received, u.clock.Now()), problem.Conflict)
	nodetest.Want(t, "decided by a second-looker", u.provider.Notices.Accept(ctx, u.provider.Second(), received), problem.Denied)
	must(t, u.provider.Notices.Accept(ctx, u.moderator(), received))
	if !u.internet.Remove(place) {
		t.Fatal("nothing was there")
	}
	must(t, u.provider.Notices.CarriedOut(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	v = u.want(u.centre, id, order.Executed)
	if v.Case.Sent[0].Answer != order.AnswerRemoved || len(v.Looks) != 0 {
		t.Errorf("%+v %+v", v.Case.Sent, v.Looks)
	}
	u.later(time.Hour + time.Minute)
	v = u.want(u.centre, id, order.Verified)
	if len(v.Looks) != 1 || v.Looks[0].Outcome != string(lookout.Gone) {
		t.Errorf("seen %+v", v.Looks)
	}
	// It comes back: people are told, and nobody sends anything.
	u.internet.Put(place, "image/png", picture)
	u.later(24 * time.Hour)
	v = u.want(u.centre, id, order.Reappeared)
	if !told(v, "still, or again") || len(v.Documents) != 1 {
		t.Errorf("%d notices, %+v", len(v.Documents), v.Alarms)
	}
	nodetest.Want(t, "going on without a reason", u.centre.Notices.Resolve(ctx, person(u.centre), id, ""), problem.Invalid)
	must(t, u.centre.Notices.Resolve(ctx, person(u.centre), id, "the provider is asked again"))
	must(t, u.centre.Notices.Send(ctx, person(u.centre), id, u.letter()))
	u.settle()
	v = u.want(u.centre, id, order.Waiting)
	if len(v.Documents) != 2 || u.arrived(v.Documents[1].Name) == received {
		t.Errorf("%+v", v.Documents)
	}
	u.internet.Handle(place, webhost.Status(http.StatusGone))
	u.later(time.Hour + time.Minute)
	u.want(u.centre, id, order.Verified)
	nodetest.Want(t, "closing without a reason", u.centre.Notices.Close(ctx, person(u.centre), id, ""), problem.Invalid)
	must(t, u.centre.Notices.Close(ctx, person(u.centre), id, "it is gone"))
	v = u.want(u.centre, id, order.Closed)
	if v.Case.Outcome != order.Verified || v.Case.Closed.Reason != "it is gone" || !v.Row.Until.IsZero() {
		t.Errorf("closed as %s: %+v", v.Case.Outcome, v.Case.Closed)
	}
	// An answer that comes after the end is not lost.
	late := u.arrived(v.Documents[1].Name)
	must(t, u.provider.Notices.Decline(ctx, u.moderator(), late, "it was gone when we looked"))
	u.settle()
	if v = u.want(u.centre, id, order.Closed); !told(v, "it was gone when we looked") {
		t.Errorf("%+v", v.Alarms)
	}
}

func climbed(t *testing.T, u *union) {
	ctx, who := t.Context(), person(u.centre)
	id, received := u.sent(u.centre, "https://pictures.example/climbed")
	nodetest.Want(t, "refused without a reason", u.provider.Notices.Decline(ctx, u.moderator(), received, ""), problem.Invalid)
	must(t, u.provider.Notices.Decline(ctx, u.moderator(), received, "it is a landscape"))
	u.settle()
	u.want(u.provider, received, order.Refused)
	v := u.want(u.centre, id, order.Undecided)
	if v.Case.Sent[0].Answer != "it is a landscape" || !told(v, "will not remove") {
		t.Errorf("%+v %+v", v.Case.Sent, v.Alarms)
	}
	must(t, u.centre.Notices.NextRung(ctx, who, id, "the host refuses"))
	byHand := notices.Letter{Name: "Owner of the site", Contact: "owner@pictures.example", Reasons: "Reason number 17."}
	must(t, u.centre.Notices.Send(ctx, who, id, byHand))
	before := len(v.Envelopes)
	v = u.want(u.centre, id, order.Sending)
	if !v.ByHand() || !told(v, "send the document yourself") || len(v.Envelopes) != before {
		t.Errorf("by hand: %v, %d envelopes, %+v", v.ByHand(), len(v.Envelopes), v.Alarms)
	}
	paper, err := u.centre.Notices.Document(ctx, who, id, v.Documents[1].ID)
	must(t, err)
	if paper.Form.Digest != v.Documents[1].Digest || !strings.Contains(v.Notices[1].Addressee.Name, "Owner") {
		t.Errorf("%+v", paper.Form)
	}
	// Nobody sends it: people are reminded, again and again.
	u.later(4*time.Hour + time.Minute)
	u.later(4*time.Hour + time.Minute)
	v = u.want(u.centre, id, order.Sending)
	if n := len(slices.DeleteFunc(slices.Clone(v.Alarms), func(a store.ReportAlarm) bool {
		return !strings.Contains(a.Reason, "delivery of the notice is not proven")
	})); n != 2 {
		t.Errorf("%d reminders: %+v", n, v.Alarms)
	}
	nodetest.Want(t, "sent, but nothing proves it", u.centre.Notices.Delivered(ctx, who, id, u.clock.Now(), ""), problem.Invalid)
	nodetest.Want(t, "sent before it was written", u.centre.Notices.Delivered(ctx, who, id, u.clock.Now().AddDate(0, 0, -1), "e-mail 17"), problem.Invalid)
	must(t, u.centre.Notices.Delivered(ctx, who, id, u.clock.Now(), "e-mail 17"))
	v = u.want(u.centre, id, order.Waiting)
	if due, _ := v.Case.Clock(order.ClockRung); due.Sub(u.clock.Now()) != 72*time.Hour {
		t.Errorf("due %s", due)
	}
	must(t, u.centre.Notices.Undeliverable(ctx, who, id, "it came back"))
	u.want(u.centre, id, order.Undecided)
	must(t, u.centre.Notices.NextRung(ctx, who, id, "the owner cannot be reached"))
	must(t, u.centre.Notices.Send(ctx, who, id, u.letter()))
	u.settle()
	u.want(u.centre, id, order.Waiting)
	// The host changes its mind about the first notice.
	must(t, u.provider.Notices.Accept(ctx, u.moderator(), received))
	must(t, u.provider.Notices.CarriedOut(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	v = u.want(u.centre, id, order.Executed)
	if v.Case.Sent[0].Answer != order.AnswerRemoved || v.Case.Sent[2].Answer != "" {
		t.Errorf("%+v", v.Case.Sent)
	}
	must(t, u.centre.Notices.Close(ctx, who, id, "the host removed it"))
	u.takenBack(id, received, u.arrived(v.Documents[2].Name))
}

// takenBack: a case that has ended turns out to be wrong. All who were asked are
// told, those with a node until they have receipted it.
func (u *union) takenBack(id, first, last string) {
	t, ctx, who := u.t, u.t.Context(), person(u.centre)
	const because = "it shows another landscape"
	nodetest.Want(t, "taken back by who does not send", u.centre.Notices.Withdraw(ctx, u.centre.Person("otto", mandate.Auditor), id, because), problem.Denied)
	nodetest.Want(t, "taken back by a machine", u.centre.Notices.Withdraw(ctx, u.centre.Uploads, id, because), problem.Denied)
	nodetest.Want(t, "taken back without a reason", u.centre.Notices.Withdraw(ctx, who, id, ""), problem.Invalid)
	unsent := u.opened(u.centre, "https://pictures.example/unsent")
	nodetest.Want(t, "taking back what was not sent", u.centre.Notices.Withdraw(ctx, who, unsent, because), problem.Conflict)
	must(t, u.centre.Notices.Close(ctx, who, unsent, "the end of the test"))

	must(t, u.centre.Notices.Withdraw(ctx, who, id, because))
	v := u.want(u.centre, id, order.Withdrawn)
	if v.Case.Withdrawn.Person != who.ID || len(v.Documents) != 4 || v.Notices[3].Withdraws != v.Notices[1].ID || v.Documents[3].Node != "" || !told(v, "Owner of the site has no node") {
		t.Fatalf("%+v %+v", v.Notices, v.Alarms)
	}
	paper, err := u.centre.Notices.Document(ctx, who, id, v.Documents[3].ID)
	must(t, err)
	if text := fmt.Sprint(paper.Form); paper.Form.Title != "Withdrawal of a notice" || !strings.Contains(text, because) || !strings.Contains(text, v.Notices[1].ID) {
		t.Errorf("%+v", paper.Form)
	}
	u.settle()
	recalls := slices.DeleteFunc(u.view(u.centre, id).Envelopes, func(e store.EnvelopeOut) bool { return e.Kind != string(mandate.EnvelopeRecall) })
	if len(recalls) != 2 || recalls[0].Receipt == "" || recalls[1].Receipt == "" {
		t.Errorf("recalled by %+v", recalls)
	}
	for received, removed := range map[string]bool{first: true, last: false} {
		p := u.want(u.provider, received, order.Withdrawn)
		if p.Consideration.Because != because || !told(p, "the sender withdrew the notice: "+because) || told(p, "decide whether it is put back") != removed {
			t.Errorf("at the provider %+v %+v", p.Consideration, p.Alarms)
		}
		nodetest.Want(t, "removing what was taken back", u.provider.Notices.Accept(ctx, u.moderator(), received), problem.Conflict)
	}
	nodetest.Want(t, "taken back twice", u.centre.Notices.Withdraw(ctx, who, id, because), problem.Conflict)
}

func unanswered(t *testing.T, u *union) {
	ctx, who := t.Context(), person(u.authority)
	id, received := u.sent(u.authority, "https://pictures.example/unanswered")
	u.later(24*time.Hour + time.Minute)
	v := u.want(u.authority, id, order.Undecided)
	if !told(v, "is over without an answer") || len(v.Documents) != 1 || v.Case.Rung != 0 {
		t.Errorf("%d notices, rung %d, %+v", len(v.Documents), v.Case.Rung, v.Alarms)
	}
	if p := u.want(u.provider, received, order.Received); !told(p, "nobody has decided") {
		t.Errorf("the provider's people were told %+v", p.Alarms)
	}
	for _, rung := range []string{"site-owner", "upstream", "registrar"} {
		must(t, u.authority.Notices.NextRung(ctx, who, id, "no answer"))
		if v := u.want(u.authority, id, order.Ready); v.Row.Rung != rung {
			t.Errorf("at %s, want %s", v.Row.Rung, rung)
		}
	}
	must(t, u.authority.Notices.NextRung(ctx, who, id, "no answer"))
	if v = u.want(u.authority, id, order.Exhausted); !told(v, "a removal order") {
		t.Errorf("%+v", v.Alarms)
	}
	u.later(25 * time.Hour)
	if v = u.want(u.authority, id, order.Exhausted); len(v.Documents) != 1 || !told(v, "nobody has decided") {
		t.Errorf("%d notices, %+v", len(v.Documents), v.Alarms)
	}
	must(t, u.authority.Notices.Close(ctx, who, id, "an order is requested"))
	if v = u.want(u.authority, id, order.Closed); v.Case.Outcome != order.Exhausted {
		t.Errorf("closed as %s", v.Case.Outcome)
	}
}

func barred(t *testing.T, u *union) {
	ctx, who := t.Context(), person(u.centre)
	const place, other = "https://pictures.example/barred", "https://pictures.example/barred-too"
	request := orders.HoldRequest{Kind: hold.NoNotice, Subject: place, Requester: "police-si", LegalBasis: "Article 49(3)", Reason: "a running inquiry", Until: u.clock.Now().AddDate(0, 1, 0)}
	for name, change := range map[string]func(r *orders.HoldRequest){
		"no end":         func(r *orders.HoldRequest) { r.Until = time.Time{} },
		"19 months":      func(r *orders.HoldRequest) { r.Until = u.clock.Now().AddDate(0, 19, 0) },
		"on nothing":     func(r *orders.HoldRequest) { r.Subject = "the picture" },
		"without reason": func(r *orders.HoldRequest) { r.Reason = "" },
	} {
		wrong := request
		change(&wrong)
		_, err := u.centre.Orders.RecordHold(ctx, who, wrong)
		nodetest.Want(t, name, err, problem.Invalid)
	}
	running := u.opened(u.centre, place)
	waiting, received := u.sent(u.centre, place, other)
	held, err := u.centre.Orders.RecordHold(ctx, who, request)
	must(t, err)
	longer := request
	longer.Until, longer.Subject = request.Until.AddDate(0, 1, 0), sum(17)
	second, err := u.centre.Orders.RecordHold(ctx, who, longer)
	must(t, err)
	late := u.opened(u.centre, place)
	for _, id := range []string{running, waiting, late} {
		v := u.want(u.centre, id, order.Barred)
		if due, barred := v.Case.Clock(order.ClockBar); !barred || !due.Equal(longer.Until) || len(v.Holds) != 2 {
			t.Errorf("barred until %s, %d holds", due, len(v.Holds))
		}
		nodetest.Want(t, "sending against a hold", u.centre.Notices.Send(ctx, who, id, u.letter()), problem.Conflict)
	}
	// An answer to what was sent before is taken in, and nobody presses for it.
	must(t, u.provider.Notices.Decline(ctx, u.moderator(), received, "no"))
	u.later(25 * time.Hour)
	if v := u.want(u.centre, waiting, order.Barred); v.Case.Sent[0].Answer != "no" {
		t.Errorf("%+v", v.Case.Sent)
	}
	must(t, u.centre.Orders.ReleaseHold(ctx, who, second, "police-si", "the inquiry is smaller"))
	v := u.want(u.centre, running, order.Barred)
	if due, _ := v.Case.Clock(order.ClockBar); !due.Equal(request.Until) {
		t.Errorf("barred until %s", due)
	}
	// The authority may ask to wait longer, all in all for no more than 18 months.
	extend := func(until time.Time, reason string) error {
		return u.centre.Orders.ExtendHold(ctx, who, held, orders.Extension{LegalBasis: "Article 49(3)", Reason: reason, Until: until})
	}
	nodetest.Want(t, "extended to an earlier end", extend(request.Until.AddDate(0, 0, -1), "a reason"), problem.Invalid)
	nodetest.Want(t, "extended without a reason", extend(request.Until.AddDate(0, 1, 0), ""), problem.Invalid)
	nodetest.Want(t, "extended beyond 18 months from the first request", extend(request.Until.AddDate(0, 17, 1), "a reason"), problem.Invalid)
	nodetest.Want(t, "extended by who may not", u.centre.Orders.ExtendHold(ctx, u.centre.Person("nora", mandate.ListManager), held, orders.Extension{}), problem.Denied)
	must(t, extend(request.Until.AddDate(0, 2, 0), "the inquiry goes on"))
	for _, id := range []string{running, waiting, late} {
		v := u.want(u.centre, id, order.Barred)
		if due, _ := v.Case.Clock(order.ClockBar); !due.Equal(request.Until.AddDate(0, 2, 0)) || len(v.Holds) != 1 || len(v.Holds[0].Requests) != 2 || v.Holds[0].Requests[1].Requester != "police-si" {
			t.Errorf("barred until %s by %+v", due, v.Holds)
		}
	}
	must(t, u.centre.Orders.ReleaseHold(ctx, who, held, "police-si", "the inquiry has ended"))
	nodetest.Want(t, "extended after its end", extend(request.Until.AddDate(0, 3, 0), "a reason"), problem.Expired)
	u.want(u.centre, late, order.Ready)
	if v = u.want(u.centre, waiting, order.Undecided); !told(v, "the bar has ended") {
		t.Errorf("%+v", v.Alarms)
	}
	// A hold that nobody releases ends by itself.
	request.Until = u.clock.Now().AddDate(0, 0, 2)
	_, err = u.centre.Orders.RecordHold(ctx, who, request)
	must(t, err)
	u.want(u.centre, late, order.Barred)
	u.later(48*time.Hour + time.Minute)
	u.want(u.centre, late, order.Ready)
	if all, _, err := u.centre.Orders.Holds(ctx, who); err != nil || len(all) != 0 {
		t.Errorf("holds in force: %+v %v", all, err)
	}
	for _, id := range []string{running, waiting, late} {
		must(t, u.centre.Notices.Close(ctx, who, id, "the end of the test"))
	}
}

func (u *union) draft(place string) orders.Draft {
	return orders.Draft{
		Provider: u.provider.Post.Self().NodeID, ContactPoint: "contact", Service: "Pictures", Languages: []string{"en"}, Issuing: "District Court", Reference: "17 Nc 17/2026",
		Items: []order.Item{{URL: place}}, Elements: []string{"appearing"}, Reasons: "Reason number 17.",
		Redress: order.Redress{Court: "Regional Court", TimePeriods: "15 days, starting from receipt", Law: "Section 17"},
	}
}

func orderedMeanwhile(t *testing.T, u *union) {
	ctx, who := t.Context(), person(u.authority)
	const place = "https://pictures.example/ordered"
	id := u.opened(u.authority, place)
	ordered, err := u.authority.Orders.Request(ctx, who, u.draft(place))
	must(t, err)
	nodetest.Want(t, "beside an order", u.authority.Notices.Send(ctx, who, id, u.letter()), problem.Denied)
	if v := u.view(u.authority, id); !slices.ContainsFunc(v.Events, func(e store.LogEvent) bool {
		return e.Action == "voluntary.send" && e.Outcome == "failed" && strings.Contains(string(e.Record), `"problem":"denied"`)
	}) {
		t.Errorf("the log does not say that the notice was barred: %d events", len(v.Events))
	}
	must(t, u.authority.Orders.NobodyToAsk(ctx, who, ordered, "first seen today"))
	must(t, u.authority.Orders.Issue(ctx, u.authority.Supervisor(), ordered, law.Period{}))
	u.settle()
	// The Centre has a copy of the order, which bars its notices as well.
	copied := u.opened(u.centre, place)
	nodetest.Want(t, "beside an order that it has a copy of", u.centre.Notices.Send(ctx, person(u.centre), copied, u.letter()), problem.Denied)
	must(t, u.authority.Orders.Withdraw(ctx, who, ordered, "a notice is enough"))
	must(t, u.authority.Notices.Send(ctx, who, id, u.letter()))
	u.settle()
	u.want(u.authority, id, order.Waiting)
	must(t, u.authority.Notices.Close(ctx, who, id, "the end of the test"))
	// So does a question of another authority that nobody has answered.
	const asked = "https://pictures.example/asked"
	must(t, u.authority.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.PutDeconfliction(store.Deconfliction{
			ID: "deconfliction/17", Source: "node/other", Name: "order/17", State: orders.QuestionOpen, Until: u.clock.Now().AddDate(0, 0, 1),
			Subjects: []string{asked}, Question: []byte(`{"order":"order/17","says":"asked","places":["` + asked + `"]}`), ReceivedAt: u.clock.Now(),
		})
	}))
	id = u.opened(u.authority, asked)
	nodetest.Want(t, "beside a question", u.authority.Notices.Send(ctx, who, id, u.letter()), problem.Denied)
	// And this authority's own objection to the other's order, until it ends.
	const objected = "https://pictures.example/objected"
	other := nodetest.Open(t, nodetest.Options{Kind: mandate.Authority, Name: "other", Country: "SI", Clock: u.clock})
	for _, n := range u.nodes() {
		nodetest.Meet(t, other, n)
	}
	requester := person(other)
	ordered, err = other.Orders.Request(ctx, requester, u.draft(objected))
	must(t, err)
	must(t, other.Orders.Ask(ctx, requester, ordered, []string{u.authority.Post.Self().NodeID}))
	settle := func() { other.Work(t); u.settle(); other.Work(t) }
	settle()
	var question store.Deconfliction
	u.authority.Look(t, func(tx *store.Tx) (err error) {
		question, _, err = tx.DeconflictionOf(other.Post.Self().NodeID, ordered)
		return err
	})
	ends := question.Until.AddDate(0, 0, 3) // after the answer was due
	must(t, u.authority.Orders.AnswerQuestion(ctx, who, question.ID, true, ends, "a running inquiry"))
	settle()
	id = u.opened(u.authority, objected)
	u.later(ends.Sub(u.clock.Now()) - time.Minute)
	nodetest.Want(t, "against one's own objection", u.authority.Notices.Send(ctx, who, id, u.letter()), problem.Denied)
	u.later(2 * time.Minute)
	must(t, u.authority.Notices.Send(ctx, who, id, u.letter()))
	must(t, u.authority.Notices.Close(ctx, who, id, "the end of the test"))
}

func peopleLook(t *testing.T, u *union) {
	ctx, who := t.Context(), person(u.authority)
	const place = "https://pictures.example/people"
	id, received := u.sent(u.authority, place)
	must(t, u.provider.Notices.Accept(ctx, u.moderator(), received))
	must(t, u.provider.Notices.CarriedOut(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	u.later(time.Hour + time.Minute)
	v := u.want(u.authority, id, order.Executed)
	if v.ByMachine || len(v.Looks) != 0 || !told(v, "look whether the material is gone") {
		t.Errorf("by machine: %v, %+v, %+v", v.ByMachine, v.Looks, v.Alarms)
	}
	must(t, u.authority.Notices.Looked(ctx, who, id, []watch.Check{{Place: place, Finding: watch.Gone, Reason: "status 404"}}))
	if v = u.want(u.authority, id, order.Verified); len(v.Looks) != 1 || v.Looks[0].By != who.ID {
		t.Errorf("%+v", v.Looks)
	}
	must(t, u.authority.Notices.FoundElsewhere(ctx, who, id, "https://elsewhere.example/17"))
	u.want(u.authority, id, order.Reappeared)
}

func mustStay(t *testing.T, u *union) {
	ctx := t.Context()
	const place = "https://pictures.example/stays"
	stays := orders.HoldRequest{
		Kind: hold.NoRemove, Subject: place, Requester: "police-si", LegalBasis: "Article 48(6)(b)", Reason: "a running inquiry", Until: u.clock.Now().AddDate(0, 1, 0),
	}
	// Who holds that it stays does not ask that it goes.
	own, err := u.centre.Orders.RecordHold(ctx, person(u.centre), stays)
	must(t, err)
	refused := u.opened(u.centre, place)
	nodetest.Want(t, "asking against one's own hold", u.centre.Notices.Send(ctx, person(u.centre), refused, u.letter()), problem.Denied)
	must(t, u.centre.Orders.ReleaseHold(ctx, person(u.centre), own, "police-si", "the inquiry has ended"))
	held, err := u.provider.Orders.RecordHold(ctx, u.moderator(), stays)
	must(t, err)
	id, received := u.sent(u.centre, place)
	if p := u.want(u.provider, received, order.Received); !told(p, "asked to wait") || len(p.Holds) != 1 {
		t.Errorf("%+v", p.Alarms)
	}
	nodetest.Want(t, "removing against a hold", u.provider.Notices.Accept(ctx, u.moderator(), received), problem.Denied)
	must(t, u.provider.Orders.ReleaseHold(ctx, u.moderator(), held, "police-si", "the inquiry has ended"))
	must(t, u.provider.Notices.Accept(ctx, u.moderator(), received))
	must(t, u.provider.Notices.CarriedOut(ctx, u.moderator(), received, u.clock.Now()))
	u.settle()
	u.want(u.centre, id, order.Executed)
}

// forged: an authority writes as if it were the Centre, sends a text under
// another name, one twice, and one without the sentence that it is voluntary.
// Each is refused, and the sender knows why.
func forged(t *testing.T, u *union) {
	ctx := t.Context()
	id, received := u.sent(u.authority, "https://pictures.example/forged")
	v := u.view(u.authority, id)
	genuine := v.Notices[0]
	for name, c := range map[string]struct {
		change   func(n *order.Notice) (named string)
		expected string
	}{
		"another sender":    {func(n *order.Notice) string { n.ID, n.Sender.Kind = "notice/18", "centre"; return n.ID }, "it says centre"},
		"another name":      {func(n *order.Notice) string { n.ID = "notice/19"; return "notice/20" }, "that of another notice"},
		"twice":             {func(n *order.Notice) string { return n.ID }, "here already"},
		"not voluntary":     {func(n *order.Notice) string { n.ID, n.Voluntary = "notice/21", "Remove it."; return n.ID }, "sentence of the profile"},
		"an unknown form":   {func(n *order.Notice) string { n.ID, n.Profile.Version = "notice/22", 99; return n.ID }, "does not know the form"},
		"a withdrawal":      {func(n *order.Notice) string { n.ID, n.Withdraws = "notice/24", n.ID; return n.ID }, "takes back another notice"},
		"without its items": {func(n *order.Notice) string { n.ID, n.Items = "notice/23", nil; return n.ID }, "is missing"},
	} {
		n := genuine
		named := c.change(&n)
		text, err := n.Marshal()
		must(t, err)
		signed, err := u.authority.Post.Sign("brdo-notice", text)
		must(t, err)
		var envelope string
		act := ledger.Act{Actor: person(u.authority), Action: mandate.VoluntarySend, Purpose: mandate.PurposeRemoval}
		must(t, u.authority.Ledger.Do(ctx, act, func(tx *ledger.Tx) (err error) {
			envelope, err = u.authority.Post.Send(tx, peer.Message{
				Recipient: u.provider.Post.Self().NodeID, Kind: mandate.EnvelopeNotice, Type: "eu.brdo.notice.sent.v1", Schema: "notice-1", Subject: id,
				Purpose: mandate.PurposeRemoval, Body: notices.Message{Notice: named, Signed: signed},
			})
			return err
		}))
		u.settle()
		u.authority.Look(t, func(tx *store.Tx) error {
			row, err := tx.EnvelopeOut(envelope)
			if row.Status != string(peer.Rejected) || !strings.Contains(row.StatusReason, c.expected) {
				t.Errorf("%s: %s %q", name, row.Status, row.StatusReason)
			}
			return err
		})
	}
	// None of it changed what was sent rightly.
	u.want(u.authority, id, order.Waiting)
	u.want(u.provider, received, order.Received)
}

// TestAHotlineAsks: a hotline sends notices too, which is practice and no power
// of the law.
func TestAHotlineAsks(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: two more nodes are slow under the race detector, which sees the same code in TestANotice; run without it")
	}
	u := &union{t: t, clock: nodetest.NewClock()}
	u.provider = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Clock: u.clock})
	hotline := nodetest.Open(t, nodetest.Options{Kind: mandate.Hotline, Clock: u.clock})
	nodetest.Meet(t, u.provider, hotline)
	u.centre, u.authority = hotline, hotline // they only work off what waits
	id, received := u.sent(hotline, "https://pictures.example/hotline")
	if p := u.want(u.provider, received, order.Received); p.Notices[0].Sender.Kind != "hotline" {
		t.Errorf("the sender is %+v", p.Notices[0].Sender)
	}
	must(t, u.provider.Notices.Accept(t.Context(), u.moderator(), received))
	must(t, u.provider.Notices.CarriedOut(t.Context(), u.moderator(), received, u.clock.Now()))
	u.settle()
	u.want(hotline, id, order.Executed)
}
