package lists_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// union is a provider that reports, another one that subscribes, the Centre and
// two authorities, each a whole node. They have one clock.
type union struct {
	t                                             testing.TB
	provider, subscriber, centre, police, customs *nodetest.Node
	// list is the Centre's own list, copy the subscriber's list that follows it.
	list, copy string
}

func found(t testing.TB, database func() string) *union {
	t.Helper()
	clock := nodetest.NewClock()
	open := func(kind mandate.OrganisationKind, name, country string) *nodetest.Node {
		o := nodetest.Options{Kind: kind, Name: name, Country: country, Clock: clock}
		if kind == mandate.Centre || name == "subscriber" { // the others are tested on both engines elsewhere
			o.Database = database()
		}
		return nodetest.Open(t, o)
	}
	u := &union{
		t: t, provider: open(mandate.Provider, "", ""), subscriber: open(mandate.Provider, "subscriber", ""), centre: open(mandate.Centre, "", ""),
		police: open(mandate.Authority, "police", "SI"), customs: open(mandate.Authority, "customs", "SI"),
	}
	for _, other := range []*nodetest.Node{u.provider, u.subscriber, u.police, u.customs} {
		nodetest.Meet(t, u.centre, other)
	}
	return u
}

// settle lets everything that was sent arrive, and what follows from it.
func (u *union) settle() {
	u.t.Helper()
	for range 2 {
		for _, n := range []*nodetest.Node{u.police, u.customs, u.provider, u.subscriber, u.centre} {
			n.Work(u.t)
		}
	}
}

var (
	mona = func(n *nodetest.Node) mandate.Actor { return n.Person("mona", mandate.ListManager) }
	nils = func(n *nodetest.Node) mandate.Actor { return n.Person("nils", mandate.ListManager) }
	ines = func(n *nodetest.Node) mandate.Actor { return n.Person("ines", mandate.Investigator) }
)

// reported is an item that the provider reports and both authorities are offered.
func (u *union) reported(number int) (id string) {
	u.t.Helper()
	ctx, p, no := u.t.Context(), u.provider, new(false)
	id = twice(u.t, p, number, nodetest.Yes)
	sent, err := p.Reports.Compose(ctx, p.Analyst(), id, "")
	must(u.t, err)
	must(u.t, p.Reports.Amend(ctx, p.Analyst(), sent, reports.Answers{Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}, ""))
	must(u.t, p.Reports.Submit(ctx, p.Analyst(), sent))
	must(u.t, p.Reports.Approve(ctx, p.Second(), sent))
	u.settle()
	u.centre.Look(u.t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 100)
		must(u.t, err)
		for _, row := range rows {
			if row.Reference == sent {
				must(u.t, u.centre.Routing.Found(ctx, u.centre.Analyst(), row.ID, false))
				must(u.t, u.centre.Routing.Route(ctx, u.centre.Analyst(), row.ID, routing.Direction{To: []string{u.police.Post.Self().NodeID, u.customs.Post.Self().NodeID}}))
			}
		}
		return nil
	})
	u.settle()
	return id
}

// offered is the latest report at an authority.
func (u *union) offered(n *nodetest.Node) routing.Referral {
	u.t.Helper()
	all, err := n.Routing.Referrals(u.t.Context(), ines(n))
	must(u.t, err)
	latest := all[0]
	for _, r := range all {
		if r.Row.ID > latest.Row.ID {
			latest = r
		}
	}
	return latest
}

// share makes the Centre's list, and its copy at the subscriber.
func (u *union) share() {
	u.t.Helper()
	ctx := u.t.Context()
	u.list = own(u.t, u.centre)
	ask := func(until time.Time) (string, error) {
		return u.centre.Lists.Subscribe(ctx, mona(u.centre), u.list, lists.NewSubscription{Subscriber: u.subscriber.Post.Self().NodeID, Basis: "order 2026-17 of the court of Example", Until: until})
	}
	_, err := ask(u.centre.Clock.Now())
	nodetest.Want(u.t, "a subscription without an end in the future", err, problem.Invalid)
	subscription, err := ask(u.centre.Clock.Now().AddDate(1, 0, 0))
	must(u.t, err)
	_, err = ask(u.centre.Clock.Now().AddDate(1, 0, 0))
	nodetest.Want(u.t, "a second subscription", err, problem.Conflict)
	nodetest.Want(u.t, "releasing what one asked for", u.centre.Lists.Release(ctx, mona(u.centre), u.list, subscription), problem.Denied)
	must(u.t, u.centre.Lists.Release(ctx, nils(u.centre), u.list, subscription))
	nodetest.Want(u.t, "releasing twice", u.centre.Lists.Release(ctx, nils(u.centre), u.list, subscription), problem.Conflict)
	u.follow(u.sharing(u.centre, u.list).Address)
}

// follow lets a person of the subscriber follow the list at an address.
func (u *union) follow(address string) {
	u.t.Helper()
	source, err := lists.ParseSource(address)
	must(u.t, err)
	plan := lists.NewList{Name: "from the Centre", Source: "Example centre", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Follows: source}
	made, err := u.subscriber.Lists.Create(u.t.Context(), mona(u.subscriber), plan)
	must(u.t, err)
	plan.Name = "once more"
	_, err = u.subscriber.Lists.Create(u.t.Context(), mona(u.subscriber), plan)
	nodetest.Want(u.t, "following a list twice", err, problem.Conflict)
	u.copy = made.ID
}

func (u *union) sharing(n *nodetest.Node, list string) lists.Sharing {
	u.t.Helper()
	v, err := n.Lists.Sharing(u.t.Context(), mona(n), list)
	must(u.t, err)
	return v
}

// matches asks what an upload at the subscriber hits.
func (u *union) matches(what string, number int, want bool) {
	u.t.Helper()
	if got := matched(u.t, u.subscriber, u.copy, number); got != want {
		u.t.Errorf("%s: matches is %v, want %v", what, got, want)
	}
}

// TestIndicatorsComeFromAuthoritiesAndReachSubscribers: an authority's person
// confirms an item of a report; two people of the Centre make it an indicator,
// with its provenance; the subscriber's matching follows, and stops when the
// authority corrects itself; objections travel back and are answered.
func TestIndicatorsComeFromAuthoritiesAndReachSubscribers(t *testing.T) {
	engines := map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgresql": func(t testing.TB) string { return postgrestest.Start(t) }}
	if racetest.Enabled { // five nodes are slow under it; the routes of internal/node take the same way on SQLite
		delete(engines, "sqlite")
	}
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			u := found(t, func() string { return database(t) })
			ctx, centre := t.Context(), u.centre
			u.share()
			u.settle()
			id := u.reported(1)
			assess := func(n *nodetest.Node, item string, confirmed bool, reason string) error {
				return n.Routing.AssessItem(ctx, ines(n), u.offered(n).Row.ID, item, confirmed, reason)
			}
			propose := func() (string, error) {
				proposal, _, err := centre.Lists.Propose(ctx, mona(centre), u.list, id, "identified")
				return proposal, err
			}

			// Nobody but an authority that took the report over is a ground.
			nodetest.Want(t, "a finding before the claim", assess(u.police, id, true, ""), problem.Conflict)
			must(t, u.police.Routing.Claim(ctx, ines(u.police), u.offered(u.police).Row.ID))
			u.settle()
			_, err := propose()
			nodetest.Want(t, "proposing what no authority identified", err, problem.Conflict)
			nodetest.Want(t, "a finding about another item", assess(u.police, strings.Repeat("0", 64), true, ""), problem.Invalid)
			nodetest.Want(t, "not confirming without a reason", assess(u.police, id, false, " "), problem.Invalid)
			nodetest.Want(t, "a finding by an analyst", u.police.Routing.AssessItem(ctx, u.police.Analyst(), u.offered(u.police).Row.ID, id, true, ""), problem.Denied)
			must(t, assess(u.police, id, true, ""))
			u.settle()

			shown, err := centre.Lists.Decided(ctx, mona(centre), u.list)
			must(t, err)
			if len(shown.Candidates) != 1 || shown.Candidates[0].Item != id || len(shown.Candidates[0].Findings) != 1 || shown.Candidates[0].Category != "yes" {
				t.Fatalf("%+v", shown.Candidates)
			}
			finding := shown.Candidates[0].Findings[0]
			proposal, err := propose()
			must(t, err)
			_, err = centre.Lists.Confirm(ctx, mona(centre), u.list, proposal)
			nodetest.Want(t, "confirming one's own proposal", err, problem.Denied)
			u.matches("before it is confirmed", 1, false)
			entry, err := centre.Lists.Confirm(ctx, nils(centre), u.list, proposal)
			must(t, err)
			u.settle()
			u.matches("an indicator", 1, true)
			e := entryOf(t, u.subscriber, u.copy, id)
			for _, want := range []string{finding.AuthorityName, finding.Decision, finding.At.UTC().Format(time.RFC3339)} {
				if !strings.Contains(e.Note, want) {
					t.Errorf("the subscriber's entry does not name %q: %q", want, e.Note)
				}
			}
			if len(e.PDQ)+len(e.MD5)+len(e.SHA1) > 0 {
				t.Error("digests that no authority vouches for became an indicator")
			}
			if finding.AuthorityName != u.police.Config.Organisation.Name || finding.Authority != u.police.Post.Self().NodeID {
				t.Errorf("%+v", finding)
			}
			delivered := u.sharing(centre, u.list)
			if s := delivered.Subscriptions[0]; s.SentVersion == 0 || s.Refused != "" || delivered.Deliveries[0].ReceiptedAt.IsZero() {
				t.Errorf("%+v %+v", s, delivered.Deliveries)
			}

			// An objection, its answer, and what people at the subscriber do meanwhile.
			held := entryOf(t, u.subscriber, u.copy, id)
			_, err = u.subscriber.Lists.Object(ctx, mona(u.subscriber), u.copy, held.ID, " ")
			nodetest.Want(t, "objecting without a reason", err, problem.Invalid)
			objection, err := u.subscriber.Lists.Object(ctx, mona(u.subscriber), u.copy, held.ID, "it shows a lake")
			must(t, err)
			_, err = u.subscriber.Lists.Object(ctx, nils(u.subscriber), u.copy, held.ID, "a lake, indeed")
			nodetest.Want(t, "objecting twice", err, problem.Conflict)
			u.settle()
			all, err := centre.Lists.Lists(ctx, mona(centre))
			must(t, err)
			if o := u.sharing(centre, u.list).Objections; all[0].Objections != 1 || len(o) != 1 || o[0].ID != objection || o[0].EntryID != entry || o[0].Reason != "it shows a lake" || o[0].Name != u.subscriber.Config.Organisation.Name {
				t.Fatalf("%+v", o)
			}
			nodetest.Want(t, "an answer without a reason", centre.Lists.AnswerObjection(ctx, nils(centre), u.list, objection, store.AnswerKept, ""), problem.Invalid)
			must(t, centre.Lists.AnswerObjection(ctx, nils(centre), u.list, objection, store.AnswerSuspended, "we ask the authority"))
			nodetest.Want(t, "answering twice", centre.Lists.AnswerObjection(ctx, mona(centre), u.list, objection, store.AnswerKept, "it is right"), problem.Conflict)
			u.settle()
			if o := u.sharing(u.subscriber, u.copy).Objections; len(o) != 1 || o[0].Answer != store.AnswerSuspended || o[0].AnswerReason != "we ask the authority" {
				t.Errorf("%+v", o)
			}
			u.matches("suspended by the answer", 1, false)
			must(t, centre.Lists.ChangeEntry(ctx, mona(centre), u.list, entry, store.EntryActive, "the authority confirms it"))
			u.settle()
			u.matches("brought back", 1, true)

			// Another authority agrees: nothing is in doubt, and the entry says both.
			must(t, u.customs.Routing.Claim(ctx, ines(u.customs), u.offered(u.customs).Row.ID))
			u.settle()
			must(t, assess(u.customs, id, true, "seen before"))
			u.settle()
			u.matches("confirmed by two", 1, true)

			// The first corrects itself: the indicator stops, at the subscriber too.
			must(t, assess(u.police, id, false, "it shows something else"))
			u.settle()
			if e := entryOf(t, centre, u.list, id); e.State != store.EntrySuspended {
				t.Errorf("%+v", e)
			}
			u.matches("corrected by the authority", 1, false)
			nodetest.Want(t, "bringing back what an authority does not confirm", centre.Lists.ChangeEntry(ctx, nils(centre), u.list, entry, store.EntryActive, "surely right"), problem.Conflict)

			// It confirms again, and a person settles the doubt.
			must(t, assess(u.police, id, true, "looked at again"))
			u.settle()
			u.matches("before a person settled it", 1, false)
			must(t, centre.Lists.ChangeEntry(ctx, nils(centre), u.list, entry, store.EntryActive, "confirmed again"))
			u.settle()
			u.matches("settled", 1, true)
			if e := entryOf(t, u.subscriber, u.copy, id); e.Verification != "double" {
				t.Errorf("two authorities confirm it: %+v", e)
			}

			// Not confirming the whole report says the same of its items.
			must(t, u.customs.Routing.Finish(ctx, ines(u.customs), u.offered(u.customs).Row.ID, referral.OutcomeUnlawfulNot))
			u.settle()
			u.matches("the report is not confirmed", 1, false)
			must(t, assess(u.customs, id, true, "that was another file"))
			u.settle()
			must(t, centre.Lists.ChangeEntry(ctx, nils(centre), u.list, entry, store.EntryActive, "confirmed after all"))
			u.settle()
			u.ends(subscriptionOf(u), id)
		})
	}
}

func subscriptionOf(u *union) string { return u.sharing(u.centre, u.list).Subscriptions[0].ID }

// ends: the list is suspended and comes back; an unreachable subscriber is
// pursued; the subscription ends, and with it the use of the list.
func (u *union) ends(subscription, id string) {
	t, ctx, centre := u.t, u.t.Context(), u.centre
	must(t, centre.Lists.SetState(ctx, mona(centre), u.list, store.ListSuspended, "a question"))
	u.settle()
	u.matches("the list is suspended", 1, false)
	must(t, centre.Lists.SetState(ctx, mona(centre), u.list, store.ListActive, "answered"))
	u.settle()
	u.matches("the list is active again", 1, true)

	entry := entryOf(t, centre, u.list, id)
	u.subscriber.Server.Config.SetKeepAlivesEnabled(false)
	handler := u.subscriber.Server.Config.Handler
	u.subscriber.Server.Config.Handler = nil
	must(t, centre.Lists.ChangeEntry(ctx, mona(centre), u.list, entry.ID, store.EntryWithdrawn, "a mistake"))
	u.settle()
	waits := func() (waiting int) {
		for _, d := range u.sharing(centre, u.list).Deliveries {
			if d.ReceiptedAt.IsZero() {
				waiting++
				if d.Stopped != 1 {
					t.Errorf("%+v", d)
				}
			}
		}
		return waiting
	}
	if waits() != 1 {
		t.Errorf("%d deliveries wait, want the withdrawal", waits())
	}
	if path := centre.Store.Path(); path != "" { // as after as many failures as an ordinary envelope is tried
		db, err := sql.Open("sqlite", "file:"+path)
		must(t, err)
		defer db.Close()
		_, err = db.Exec(`UPDATE jobs SET attempt = 719 WHERE kind = 'envelope.deliver' AND state = 'waiting'`)
		must(t, err)
		centre.Clock.Add(2 * time.Hour)
		centre.Work(t)
	}
	u.subscriber.Server.Config.Handler = handler
	for range 5 {
		centre.Clock.Add(time.Hour)
		centre.Work(t)
		if waits() == 0 {
			break
		}
	}
	if waits() != 0 {
		t.Error("the withdrawal did not arrive")
	}
	u.matches("withdrawn", 1, false)

	must(t, centre.Lists.EndSubscription(ctx, mona(centre), u.list, subscription, "the order was lifted"))
	u.settle()
	u.subscriber.Look(t, func(tx *store.Tx) error {
		l, err := tx.List(u.copy)
		if err == nil && l.ValidUntil.After(u.subscriber.Clock.Now()) {
			t.Errorf("the list may be used until %s", l.ValidUntil)
		}
		return err
	})

	// A subscriber that is no organisation to exchange with any more gets nothing,
	// and the keeper's people are told.
	again, err := centre.Lists.Subscribe(ctx, mona(centre), u.list, lists.NewSubscription{Subscriber: u.subscriber.Post.Self().NodeID, Basis: "order 2026-18", Until: centre.Clock.Now().AddDate(1, 0, 0)})
	must(t, err)
	must(t, centre.Store.Write(ctx, func(tx *store.Tx) error {
		row, err := tx.Peer(u.subscriber.Post.Self().NodeID)
		if err != nil {
			return err
		}
		row.State = store.PeerRevoked
		return tx.PutPeer(row)
	}))
	must(t, centre.Lists.Release(ctx, nils(centre), u.list, again))
	u.settle()
	all, _, err := centre.Alarms.List(ctx, mona(centre))
	must(t, err)
	if len(all) != 1 || all[0].Subject != u.list || !strings.Contains(all[0].Reason, again) {
		t.Errorf("the keeper's people are told %+v", all)
	}
}

// TestDeliveriesComeInTurn: what comes too early is not receipted and comes
// again, what was overtaken changes nothing, nothing is taken in that nobody
// follows, and strangers and broken messages change nothing.
func TestDeliveriesComeInTurn(t *testing.T) {
	clock := nodetest.NewClock()
	keeper := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: clock})
	stranger := nodetest.Open(t, nodetest.Options{Kind: mandate.Hotline, Clock: clock})
	u := &union{t: t, centre: keeper, subscriber: nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Name: "subscriber", Clock: clock})}
	nodetest.Meet(t, keeper, u.subscriber)
	nodetest.Meet(t, stranger, u.subscriber)
	ctx, until := t.Context(), clock.Now().AddDate(1, 0, 0)
	one, two := "subscription/01890000-0000-7000-8000-000000000001", "subscription/01890000-0000-7000-8000-000000000002"
	sum := func(number int) string { return sums(string(nodetest.Picture(number))) }
	entry := func(number int, state string) string {
		return fmt.Sprintf("{\"sha256\":%q,\"category\":\"yes\",\"state\":%q}\n", sum(number), state)
	}
	send := func(from *nodetest.Node, kind mandate.EnvelopeKind, body any) (receipt string) {
		t.Helper()
		var envelope string
		act := ledger.Act{Actor: from.Person("mona", mandate.ListManager), Action: mandate.ListExport, Purpose: mandate.PurposeListManagement, Resource: access.Resource{Author: "person/other"}}
		must(t, from.Ledger.Do(ctx, act, func(tx *ledger.Tx) (err error) {
			name := "eu.brdo.list.delivered.v1"
			if kind == mandate.EnvelopeFeedback {
				name = "eu.brdo.list.objection-answered.v1"
			}
			envelope, err = from.Post.Send(tx, peer.Message{Recipient: u.subscriber.Post.Self().NodeID, Kind: kind, Type: name, Schema: "list-1", Purpose: mandate.PurposeListManagement, Body: body})
			return err
		}))
		for range 2 {
			_ = from.Drain(ctx) // the test's envelopes have no subscription here, so the keeper's own desk cannot note the receipt
		}
		u.subscriber.Look(t, func(tx *store.Tx) error {
			row, found, err := tx.EnvelopeIn(from.Post.Self().NodeID, envelope)
			if found {
				receipt = row.Status
			}
			return err
		})
		return receipt
	}
	deliver := func(from *nodetest.Node, subscription string, after, to int64, changes string) string {
		return send(from, mandate.EnvelopeList, lists.Delivery{List: "list/1", Name: "patterns", Subscription: subscription, Basis: "an order", From: after, To: to, Until: until, Changes: changes})
	}
	want := func(what, got, receipt string, first, second bool) {
		t.Helper()
		if got != receipt {
			t.Errorf("%s: the receipt says %q, want %q", what, got, receipt)
		}
		u.matches(what, 1, first)
		u.matches(what, 2, second)
	}
	if got := deliver(keeper, one, 0, 1, entry(1, "active")); got != "" {
		t.Errorf("nobody follows the list, and the receipt says %q", got)
	}
	u.follow(keeper.Post.Self().NodeID + "/list/1")
	want("too early", deliver(keeper, one, 4, 5, entry(1, "active")), "", false, false)
	want("the first", deliver(keeper, one, 0, 4, entry(1, "active")), "received", true, false)
	want("the next", deliver(keeper, one, 4, 6, entry(1, "withdrawn")+entry(2, "active")), "received", false, true)
	want("overtaken", deliver(keeper, one, 4, 5, entry(1, "active")), "received", false, true)
	want("with a gap before it", deliver(keeper, one, 8, 9, entry(1, "active")), "", false, true)
	want("of another organisation", deliver(stranger, one, 6, 7, entry(1, "active")), "", false, true)
	want("a broken line", deliver(keeper, one, 6, 7, entry(1, "active")+"{"), "rejected", false, true)
	want("versions that go back", deliver(keeper, one, 6, 5, entry(1, "active")), "rejected", false, true)
	want("a later subscription, too early", deliver(keeper, two, 6, 7, entry(1, "active")), "", false, true)
	want("a later subscription", deliver(keeper, two, 0, 7, entry(1, "active")+entry(2, "suspended")), "received", true, false)
	want("the earlier one, late", deliver(keeper, one, 6, 9, entry(2, "active")), "received", true, false)
	want("its beginning, late", deliver(keeper, one, 0, 9, entry(2, "active")), "received", true, false)
	want("an answer that nobody waits for", send(keeper, mandate.EnvelopeFeedback, lists.ObjectionAnswer{ID: "objection/01890000-0000-7000-8000-000000000001", Answer: store.AnswerKept, Reason: "it is right"}), "rejected", true, false)

	// What people here stopped, no delivery brings back.
	held := entryOf(t, u.subscriber, u.copy, sum(1))
	must(t, u.subscriber.Lists.ChangeEntry(ctx, mona(u.subscriber), u.copy, held.ID, store.EntryWithdrawn, "it shows a lake"))
	want("stopped here", deliver(keeper, two, 7, 8, entry(1, "active")), "received", false, false)
}
