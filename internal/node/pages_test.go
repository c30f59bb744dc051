package node_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	orderdomain "github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// axe is axe-core 4.14.1, the rules of WCAG as a script (MPL-2.0, see
// testdata/axe/LICENSE).
//
//go:embed testdata/axe/axe.min.js
var axe string

// actor is the provider's or the Centre's person of a role.
func actor(t *testing.T, n *node.Node, role mandate.Role) mandate.Actor {
	t.Helper()
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: n.Config.Organisation.Kind}
	people, err := n.Identity.People(context.Background(), operator)
	if err != nil {
		t.Fatal(err)
	}
	for _, person := range people {
		if person.Name == string(role) {
			return n.Identity.Actor(person)
		}
	}
	t.Fatalf("nobody is the %s", role)
	return mandate.Actor{}
}

func must(t testing.TB, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

// worked is a world in which people have worked: a queue, a decided item, a
// draft and a delivered report.
type worked struct {
	*node.World
	taken, waiting, decided, draft, delivered, further, received, list, event string
	// toInform is a report whose user is to be informed of what was prepared.
	toInform string
	// own is a list with an entry, a proposal and a subscription that was asked
	// for; reported is the item of the delivered report.
	own, proposal, subscription, reported string
	// question is one of the Centre about the further report.
	question string
}

func work(t *testing.T) worked {
	t.Helper()
	ctx := context.Background()
	w := worked{World: demonstration(t)}
	must(t, "filling the demonstration", w.Fill(ctx, 20, 36))
	desk := w.Provider.Triage
	analyst, second := actor(t, w.Provider, mandate.Analyst), actor(t, w.Provider, mandate.SecondLooker)
	decide := func(who mandate.Actor, id string) {
		_, err := desk.View(ctx, who, id, triage.Look{Level: item.LevelSketch})
		must(t, "viewing", err)
		must(t, "deciding", desk.Decide(ctx, who, id, triage.Verdict{Labels: map[string]string{"same-picture": "yes", "picture": "landscape"}}))
	}
	var decided []string
	for i := range 3 {
		found, _ := detect(t, w.World, fmt.Sprintf("pages-%d", i), node.Reference(3+i))
		id := found.Files[0].SHA256
		must(t, "taking", desk.Take(ctx, analyst, id))
		decide(analyst, id)
		decided = append(decided, id)
	}
	queue, err := desk.Queue(ctx, analyst)
	must(t, "reading the queue", err)
	w.taken, w.waiting, w.decided = queue.Entries[2].ID, queue.Entries[0].ID, decided[0]
	must(t, "taking", desk.Take(ctx, analyst, w.taken))
	for _, id := range decided {
		must(t, "taking", desk.Take(ctx, second, id))
		decide(second, id)
	}
	_, err = desk.GoOn(ctx, second)
	must(t, "going on", err)
	no := new(false)
	for i, id := range decided {
		made, err := w.Provider.Reports.Compose(ctx, analyst, id, "")
		must(t, "composing", err)
		if i == 0 {
			w.draft = made
			continue
		}
		w.delivered, w.further = made, w.delivered
		must(t, "answering", w.Provider.Reports.Amend(ctx, analyst, made, reports.Answers{
			Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}, Details: "found by comparison with a list",
		}, ""))
		must(t, "submitting", w.Provider.Reports.Submit(ctx, analyst, made))
		must(t, "approving", w.Provider.Reports.Approve(ctx, second, made))
	}
	w.deliver(t)
	w.received = w.receivedAs(t, w.delivered)
	w.toInform = w.further
	w.due(t, w.toInform)
	must(t, "preparing what the user is told", w.Provider.Reports.Prepare(ctx, analyst, w.toInform, report.Words{FollowUp: "Sent to the EU Centre.", Redress: "District court 17."}))
	_, err = w.Centre.Routing.Ask(ctx, actor(t, w.Centre, mandate.Analyst), w.receivedAs(t, w.further), []string{"geo.other", "users", "third_country.reported", "types"})
	must(t, "asking", err)
	must(t, "saying something of a report", w.Centre.Routing.Rate(ctx, actor(t, w.Centre, mandate.Analyst), w.receivedAs(t, w.further), "place-missing"))
	w.deliver(t)
	w.question = questionsAt(t, w.Provider, w.further)[0]
	must(t, "finding a list", w.Provider.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.Lists()
		if err == nil {
			w.list = all[0].ID
		}
		return err
	}))
	w.reported = decided[2]
	w.own, w.proposal = w.entries(t, decided[1], decided[2])
	w.subscription, err = w.Provider.Lists.Subscribe(ctx, actor(t, w.Provider, mandate.ListManager), w.own, lists.NewSubscription{
		Subscriber: w.Centre.Post.Self().NodeID, Basis: "an agreement of the test", Until: time.Now().AddDate(1, 0, 0),
	})
	must(t, "asking for a subscription", err)
	must(t, "sequencing", w.Provider.Ledger.Sequence(ctx))
	log, err := w.Provider.Ledger.Log(ctx, actor(t, w.Provider, mandate.Auditor), 0, 5)
	must(t, "reading the log", err)
	w.event = log.Records[len(log.Records)-1].ID
	return w
}

// due lets the time pass after which the user concerned by a report is informed.
func (w worked) due(t *testing.T, id string) {
	t.Helper()
	must(t, "letting three months pass", w.Provider.Store.Write(context.Background(), func(tx *store.Tx) error {
		row, err := tx.Report(id)
		if err != nil {
			return err
		}
		var notice report.Notice
		if err := json.Unmarshal(row.Notice, &notice); err != nil {
			return err
		}
		if notice, _, err = notice.Apply(report.NoticeEvent{Kind: report.ClockStruck}, notice.Deadline()); err != nil {
			return err
		}
		if row.Notice, err = json.Marshal(notice); err != nil {
			return err
		}
		row.NoticeState, row.NoticeDue = string(notice.State), time.Time{}
		return tx.UpdateReport(row)
	}))
}

// entries makes an own list of the provider, with an entry of one decided item
// and a proposal of another.
func (w worked) entries(t *testing.T, confirmed, proposed string) (list, proposal string) {
	t.Helper()
	ctx, desk := context.Background(), w.Provider.Lists
	one := actor(t, w.Provider, mandate.ListManager)
	other := mandate.Actor{Kind: mandate.Person, ID: store.NewID("person"), Roles: one.Roles, Organisation: one.Organisation}
	made, err := desk.Create(ctx, one, lists.NewList{
		Name: "Own training list", Source: "people here", Scheme: "demo-training-match@1", Verification: "double", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Own: true,
	})
	must(t, "making an own list", err)
	for _, id := range []string{confirmed, proposed} {
		proposal, _, err = desk.Propose(ctx, one, made.ID, id, "seen here first")
		must(t, "proposing", err)
		if id == confirmed {
			_, err = desk.Confirm(ctx, other, made.ID, proposal)
			must(t, "confirming", err)
		}
	}
	return made.ID, proposal
}

// lookAlikes makes a list of benign look-alikes whose radius was made narrower, and for which
// a wider one waits for a second person.
func (w worked) lookAlikes(t *testing.T) string {
	t.Helper()
	ctx, desk, one := context.Background(), w.Provider.Lists, actor(t, w.Provider, mandate.ListManager)
	made, err := desk.Create(ctx, one, lists.NewList{
		Name: "Look-alikes of the weather service", Source: "people here", Verification: "single", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Radius: -1, Benign: true,
	})
	must(t, "making a list of look-alikes", err)
	_, err = desk.Import(ctx, one, made.ID, lists.Import{FileName: "look-alikes.csv", Content: strings.NewReader("pdq\n" + strings.Repeat("0f", 32) + "\n"), Reason: "stock photos"})
	must(t, "taking look-alikes in", err)
	for _, radius := range []int{20, 40} {
		_, err = desk.ChangeRadius(ctx, one, made.ID, radius, "it sets aside what people should see, or not enough of the maps")
		must(t, "changing the radius", err)
	}
	return made.ID
}

// deliver lets what was sent arrive, and what follows from it; the nodes' own
// runners work at the same time.
func (w worked) deliver(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	quiet := 0
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		waiting, works := int64(0), false
		for _, n := range []*node.Node{w.Provider, w.Centre, w.AuthorityA, w.AuthorityB} {
			must(t, "working off jobs", n.Drain(ctx))
			must(t, "counting what waits", n.Store.Read(ctx, func(tx *store.Tx) error {
				count, err := tx.CountEnvelopesWaiting()
				if err != nil {
					return err
				}
				one, err := working(tx)
				waiting, works = waiting+count, works || one
				return err
			}))
		}
		// What one node sends at the end of a round another answers in the next.
		if quiet++; waiting > 0 || works {
			quiet = 0
		}
		if quiet == 3 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d envelopes are not receipted; work is due or under way: %v", waiting, works)
		}
	}
}

// working says whether a node has work that is due or under way. Its own runner
// takes work up too: what that has begun is not done when nothing is left to begin.
func working(tx *store.Tx) (bool, error) {
	next, err := tx.NextJobAt()
	if err != nil {
		return false, err
	}
	jobs, err := tx.CountJobs()
	return jobs[store.JobRunning] > 0 || !next.IsZero() && next.Before(time.Now()), err
}

// itemOf is the item that a report of the provider tells of.
func (w worked) itemOf(t *testing.T, id string) (item string) {
	t.Helper()
	must(t, "reading a report", w.Provider.Store.Read(context.Background(), func(tx *store.Tx) error {
		row, err := tx.Report(id)
		if err != nil {
			return err
		}
		r, err := report.Parse(row.Body)
		item = r.Control.Files[0].Item
		return err
	}))
	return item
}

// receivedAs is the Centre's name of a report.
func (w worked) receivedAs(t *testing.T, reference string) (id string) {
	t.Helper()
	must(t, "reading what the Centre received", w.Centre.Store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 100)
		for _, row := range rows {
			if row.Reference == reference {
				id = row.ID
			}
		}
		return err
	}))
	if id == "" {
		t.Fatalf("the Centre did not receive %s", reference)
	}
	return id
}

// claimed is a report that the Centre offered to both authorities, which both
// act on.
func (w worked) claimed(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	id := w.receivedAs(t, w.further)
	analyst := actor(t, w.Centre, mandate.Analyst)
	must(t, "assessing", w.Centre.Routing.Found(ctx, analyst, id, true))
	authorities := []*node.Node{w.AuthorityA, w.AuthorityB}
	var direction routing.Direction
	for _, n := range authorities {
		direction.To = append(direction.To, n.Post.Self().NodeID)
	}
	must(t, "routing", w.Centre.Routing.Route(ctx, analyst, id, direction))
	w.deliver(t)
	for _, n := range authorities {
		must(t, "claiming", n.Routing.Claim(ctx, actor(t, n, mandate.Investigator), referred(t, n)))
	}
	w.deliver(t)
	must(t, "naming a lead", w.AuthorityB.Routing.PreferLead(ctx, actor(t, w.AuthorityB, mandate.Investigator), referred(t, w.AuthorityB), direction.To[0]))
	w.deliver(t)
	return id
}

// shared is an own list of the Centre with an indicator that rests on an
// authority's finding about an item, the provider's list that follows it, and an
// objection of the provider's.
func (w worked) shared(t *testing.T, id string) (kept, followed string) {
	t.Helper()
	ctx, centre := context.Background(), w.Centre
	one, other := listManager(centre), listManager(centre)
	must(t, "assessing an item", w.AuthorityA.Routing.AssessItem(ctx, actor(t, w.AuthorityA, mandate.Investigator), referred(t, w.AuthorityA), id, true, "seen in a case"))
	w.deliver(t)
	plan := lists.NewList{Name: "Indicators of the Centre", Source: "authorities", Scheme: "demo-training-match@1", Verification: "double", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Own: true}
	list, err := centre.Lists.Create(ctx, one, plan)
	must(t, "making a list", err)
	proposal, _, err := centre.Lists.Propose(ctx, one, list.ID, id, "identified by an authority")
	must(t, "proposing", err)
	_, err = centre.Lists.Confirm(ctx, other, list.ID, proposal)
	must(t, "confirming", err)
	subscription, err := centre.Lists.Subscribe(ctx, one, list.ID, lists.NewSubscription{Subscriber: w.Provider.Post.Self().NodeID, Basis: "order 17 of the test", Until: time.Now().AddDate(1, 0, 0)})
	must(t, "asking for a subscription", err)
	must(t, "releasing", centre.Lists.Release(ctx, other, list.ID, subscription))
	followed = w.follow(t, w.Provider, list.ID)
	w.deliver(t)
	entries, _, err := w.Provider.Lists.Entries(ctx, listManager(w.Provider), followed, 0, "", 1)
	must(t, "reading entries", err)
	if len(entries) != 1 {
		t.Fatalf("%d entries were delivered", len(entries))
	}
	_, err = w.Provider.Lists.Object(ctx, listManager(w.Provider), followed, entries[0].ID, "it shows a lake")
	must(t, "objecting", err)
	w.deliver(t)
	return list.ID, followed
}

// follow makes a list at a node that follows one of the Centre: until there is one, what the
// Centre delivers is tried again and again.
func (w worked) follow(t *testing.T, at *node.Node, kept string) string {
	t.Helper()
	made, err := at.Lists.Create(context.Background(), listManager(at), lists.NewList{Name: "From the Centre", Source: "authorities", Scheme: "demo-training-match@1",
		Verification: "double", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Follows: lists.Source{Node: w.Centre.Post.Self().NodeID, List: kept}})
	must(t, "following", err)
	return made.ID
}

// listManager is a new list manager of a node.
func listManager(n *node.Node) mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: store.NewID("person"), Roles: []mandate.Role{mandate.ListManager}, Organisation: n.Config.Organisation.Kind}
}

// path is where a report or list is shown.
func path(id string) string {
	return "/" + strings.NewReplacer("report/", "reports/", "list/", "lists/").Replace(id)
}

// look is one way that people see pages.
type look struct {
	width  int64
	scheme string
}

var looks = []look{{320, "light"}, {320, "dark"}, {1280, "light"}, {1280, "dark"}}

// TestPagesAreAccessible looks at every page with the rules of WCAG, at the
// narrowest width that criterion 1.4.10 asks for and at a wide one, in light and
// in dark. With BRDO_SCREENSHOTS it also writes what the pages look like there.
func TestPagesAreAccessible(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: hundreds of looks in a browser are slow under the race detector, which sees each page by its route; run without it")
	}
	browser := chromium(t)
	w := work(t)
	provider, centre := w.Provider.Config.Origin, w.Centre.Config.Origin
	at := func(kind mandate.OrganisationKind, role mandate.Role) *visitor {
		v := visit(t, browser)
		v.login(loginOf(t, w.World, kind, role))
		return v
	}
	analyst := at(mandate.Provider, mandate.Analyst)
	reader := at(mandate.Centre, mandate.Analyst)
	operator, chief := at(mandate.Provider, mandate.Operator), at(mandate.Centre, mandate.Supervisor)
	claimed := w.claimed(t)
	investigator := visit(t, browser)
	investigator.login(loginAt(t, w.World, "authority-a", mandate.Investigator))
	// One item is here and decided about, one is still with the provider.
	reported, elsewhere := itemIn(t, w.Centre, claimed), itemIn(t, w.Centre, w.received)
	assessor := actor(t, w.Centre, mandate.Analyst)
	ctx := context.Background()
	for _, id := range []string{reported, elsewhere} {
		must(t, "taking", w.Centre.Triage.Take(ctx, assessor, id))
	}
	must(t, "opening", w.Centre.Triage.Open(ctx, assessor, reported))
	must(t, "opening", w.AuthorityA.Triage.Open(ctx, actor(t, w.AuthorityA, mandate.Investigator), reported))
	issuer := visit(t, browser)
	issuer.login(loginAt(t, w.World, "authority-a", mandate.Supervisor))
	orderPath := "/orders/" + strings.TrimPrefix(w.ordered(t), "order/")
	issued, executed := w.executed(t)
	blocking, blocked := w.blocked(t)
	noticed, asked := w.noticed(t)
	holder := actor(t, w.Centre, mandate.Analyst)
	_, err := w.Centre.Orders.RecordHold(ctx, holder, orders.HoldRequest{
		Kind: hold.NoNotice, Subject: "https://photos.example/p/172", Requester: "police", LegalBasis: "Article 49(3)", Reason: "an inquiry", Until: time.Now().AddDate(0, 1, 0),
	})
	must(t, "recording a hold", err)
	toSend, err := w.Centre.Notices.Open(ctx, holder, notices.Opening{
		Reference: "N 18/2026", Ground: "authority_request", Request: "request 18", Known: "assessment 18", Found: "search 18",
		Items: []orderdomain.Item{{URL: "https://photos.example/p/173"}},
	})
	must(t, "opening a case", err)
	withdrawn, err := w.Centre.Notices.Open(ctx, holder, notices.Opening{
		Reference: "N 19/2026", Ground: "authority_request", Request: "request 19", Known: "assessment 19", Found: "search 19",
		Items: []orderdomain.Item{{URL: "https://photos.example/p/174"}},
	})
	must(t, "opening a case", err)
	must(t, "sending", w.Centre.Notices.Send(ctx, holder, withdrawn, notices.Letter{Name: "Owner of the site", Contact: "owner@photos.example", Reasons: "Reason 19."}))
	must(t, "taking it back", w.Centre.Notices.Withdraw(ctx, holder, withdrawn, "it shows another landscape"))
	manager, auditor := at(mandate.Provider, mandate.ListManager), at(mandate.Provider, mandate.Auditor)
	supervisor := at(mandate.Provider, mandate.Supervisor)
	kept, followed := w.shared(t, w.itemOf(t, w.further))
	keeper := visit(t, browser)
	_, invitation, err := w.Centre.Identity.Invite(context.Background(), mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Centre}, "a list manager", []mandate.Role{mandate.ListManager})
	must(t, "inviting", err)
	keeper.login(centre + "/login/" + invitation.Token)
	_, link, err := w.Provider.Identity.Invite(context.Background(), mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}, "another manager", []mandate.Role{mandate.ListManager})
	must(t, "inviting", err)
	other := visit(t, browser)
	other.login(provider + "/login/" + link.Token)
	voted := w.fetches(t)
	film, watcher := w.film(t), visit(t, browser)
	watcher.login(provider + "/login/" + film.token)
	same, seeker := w.scenes(t), visit(t, browser)
	seeker.login(provider + "/login/" + same.token)
	flooded(t, w.Provider, w.list)
	comparedWith(t, w.Provider, w.list, w.taken)
	alike := w.lookAlikes(t)
	tip, stopped, finished := w.tips(t)
	takenBack := sync.OnceFunc(func() {
		must(t, "taking a report back", w.Provider.Reports.TakeBack(ctx, actor(t, w.Provider, mandate.Supervisor), w.delivered, true, "it shows another lake"))
		w.deliver(t)
	})
	for _, page := range []struct {
		name string
		who  *visitor
		url  string
		// then is what the person does before the page is looked at.
		then func(*visitor)
	}{
		{"login", visit(t, browser), provider + "/login", nil},
		{"queue", analyst, provider + "/queue", nil},
		{"waiting", analyst, provider + "/items/" + w.waiting, nil},
		{"card", analyst, provider + "/items/" + w.taken, nil},
		{"shown", analyst, provider + "/items/" + w.taken, (*visitor).look},
		{"film", watcher, provider + "/items/" + film.item, (*visitor).lookAtScenes},
		{"scenes", seeker, provider + "/items/" + same.item, (*visitor).hidesBoth},
		{"scenes-shown", seeker, provider + "/items/" + same.item, (*visitor).lookAtBoth},
		{"decided", supervisor, provider + "/items/" + w.decided, nil},
		{"reports", analyst, provider + "/reports", nil},
		{"draft", analyst, provider + path(w.draft), nil},
		{"refused", analyst, provider + path(w.draft), (*visitor).refused},
		{"report", analyst, provider + path(w.delivered), nil},
		{"tip-draft", analyst, provider + path(tip), nil},
		{"tip-stopped", supervisor, provider + path(stopped), nil},
		{"tip-finished", analyst, provider + path(finished), nil},
		{"tip-journey", analyst, provider + strings.Replace(path(finished), "/reports/", "/journey/", 1), nil},
		{"report-inform", analyst, provider + path(w.toInform), nil},
		{"information", analyst, provider + path(w.toInform) + "/information", nil},
		{"report-asked", analyst, provider + path(w.further), nil},
		{"wellbeing", analyst, provider + "/wellbeing", nil},
		{"account", analyst, provider + "/account", nil},
		{"problem", analyst, provider + "/log", nil},
		{"lists", manager, provider + "/lists", nil},
		{"exchanges", manager, provider + "/lists/exchanges", nil},
		{"list", manager, provider + path(w.list), nil},
		{"list-look-alikes", other, provider + path(alike), nil},
		{"list-votes", manager, provider + path(voted) + "/votes", nil},
		{"list-decided", other, provider + path(w.own) + "/decided", nil},
		{"list-followed", manager, provider + path(followed), nil},
		{"list-sharing", keeper, centre + path(kept) + "/sharing", nil},
		{"log", auditor, provider + "/log", nil},
		{"event", auditor, provider + "/log/events/" + w.event, nil},
		{"people", operator, provider + "/people", nil},
		{"keys", operator, provider + "/keys", nil},
		{"peers", operator, provider + "/peers", nil},
		{"received", reader, centre + "/received", nil},
		{"received-report", reader, centre + "/" + w.received, nil},
		{"received-claimed", reader, centre + "/" + claimed, nil},
		{"statistics", chief, centre + "/statistics?year=" + time.Now().UTC().Format("2006"), nil},
		{"senders", chief, centre + "/senders", nil},
		{"received-item", reader, centre + "/items/" + elsewhere, nil},
		{"received-opened", reader, centre + "/items/" + reported, (*visitor).look},
		{"received-queue", reader, centre + "/queue", nil},
		{"referred-item", investigator, w.AuthorityA.Config.Origin + "/items/" + reported, (*visitor).look},
		{"referrals", investigator, w.AuthorityA.Config.Origin + "/referrals", nil},
		{"order-looked", investigator, w.AuthorityA.Config.Origin + "/orders/" + strings.TrimPrefix(issued, "order/"), nil},
		{"order-uploaded", analyst, provider + "/orders/" + strings.TrimPrefix(executed, "order/"), nil},
		{"order-blocking-new", investigator, w.AuthorityA.Config.Origin + "/orders/new?kind=blocking", nil},
		{"order-blocking", investigator, w.AuthorityA.Config.Origin + "/orders/" + strings.TrimPrefix(blocking, "order/"), nil},
		{"order-blocked", analyst, provider + "/orders/" + strings.TrimPrefix(blocked, "order/"), nil},
		{"orders", investigator, w.AuthorityA.Config.Origin + "/orders", nil},
		{"order-new", investigator, w.AuthorityA.Config.Origin + "/orders/new", nil},
		{"order", investigator, w.AuthorityA.Config.Origin + orderPath, nil},
		{"order-issue", issuer, w.AuthorityA.Config.Origin + orderPath, nil},
		{"orders-received", analyst, provider + "/orders", nil},
		{"notices", reader, centre + "/notices", nil},
		{"notice-new", reader, centre + "/notices/new", nil},
		{"notice-to-send", reader, centre + "/notices/" + strings.TrimPrefix(toSend, "notice/"), nil},
		{"notice-by-hand", reader, centre + "/notices/" + strings.TrimPrefix(noticed, "notice/"), nil},
		{"notice-withdrawn", reader, centre + "/notices/" + strings.TrimPrefix(withdrawn, "notice/"), nil},
		{"notices-received", analyst, provider + "/notices", nil},
		{"notice-received", analyst, provider + "/notices/" + strings.TrimPrefix(asked, "notice/"), nil},
		{"holds", reader, centre + "/holds", nil},
		{"alarms", reader, centre + "/alarms", nil},
		{"referral", investigator, w.AuthorityA.Config.Origin + "/referrals/" + strings.TrimPrefix(referred(t, w.AuthorityA), "referral/"), nil},
		// Last, because from then on the Centre shows no medium of it.
		{"report-taken-back", supervisor, provider + path(w.delivered), func(v *visitor) { takenBack(); v.open(provider + path(w.delivered)) }},
		{"received-taken-back", reader, centre + "/" + w.received, func(v *visitor) { takenBack(); v.open(centre + "/" + w.received) }},
	} {
		t.Run(page.name, func(t *testing.T) {
			page.who.t = t
			for _, l := range looks {
				t.Run(fmt.Sprintf("%d-%s", l.width, l.scheme), func(t *testing.T) {
					page.who.t = t
					page.who.see(l, page.url)
					if page.then != nil {
						page.then(page.who)
					}
					page.who.checkedBy(page.name, l, rulesOf(l))
				})
			}
		})
	}
}

// refused types answers that contradict each other.
func (v *visitor) refused() {
	v.t.Helper()
	evaluate[chromedp.Void](v, `(() => {
		document.querySelector("input[name=third_country][value=no]").checked = true;
		const name = document.querySelector("input[name=third_country_name]");
		name.value = "An authority";
		name.form.requestSubmit();
	})()`)
	v.until("document.activeElement?.matches('input[name=third_country_name][aria-invalid]')")
}

func (v *visitor) see(l look, url string) {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	}); err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.EmulateViewport(l.width, 900))
	v.open(url)
}

// rulesOf are the options of axe for a look at a page of which there is one in light too: in
// dark only its colours are others.
func rulesOf(l look) string {
	if l.scheme == "dark" {
		return `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}`
	}
	return "{}"
}

// checked looks at the page as it is, then with everything opened that folds.
func (v *visitor) checked(name string, l look) {
	v.t.Helper()
	v.checkedBy(name, l, "{}")
}

func (v *visitor) checkedBy(name string, l look, rules string) {
	v.t.Helper()
	v.shot(fmt.Sprintf("%s-%d-%s", name, l.width, l.scheme))
	evaluate[chromedp.Void](v, "for (const d of document.querySelectorAll('details')) d.open = true")
	if width := evaluate[int64](v, "document.documentElement.scrollWidth"); width > l.width {
		wide := evaluate[string](v, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, pre')).map(e => e.outerHTML.slice(0, 120)).slice(0, 5).join('\n')`)
		v.t.Errorf("the page is %d px wide where %d px are there:\n%s", width, l.width, wide)
	}
	// Scripts by DevTools are not the page's: its policy stays as strict as it is.
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[chromedp.Void](axe)); err != nil {
		v.t.Fatalf("loading axe: %v", err)
	}
	text := evaluate[string](v, `axe.run(document, `+rules+`).then(r => JSON.stringify(r.violations.map(x => ({rule: x.id, help: x.help, nodes: x.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + " | " + n.failureSummary)}))))`)
	var violations []struct {
		Rule, Help string
		Nodes      []string
	}
	if err := json.Unmarshal([]byte(text), &violations); err != nil {
		v.t.Fatal(err)
	}
	for _, found := range violations {
		v.t.Errorf("%s (%s):\n  %s", found.Rule, found.Help, strings.Join(found.Nodes, "\n  "))
	}
}

// shot writes what the page looks like, when somebody asked for it.
func (v *visitor) shot(name string) {
	v.t.Helper()
	folder := os.Getenv("BRDO_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600)
	}
	if err != nil {
		v.t.Fatalf("writing %s: %v", name, err)
	}
}

// TestTheHelpOpensByItsKey shows the keys to whoever asks, and closes again.
func TestTheHelpOpensByItsKey(t *testing.T) {
	browser := chromium(t)
	w := demonstration(t)
	v := visit(t, browser)
	v.login(loginOf(t, w, mandate.Provider, mandate.Analyst))
	v.press("?")
	v.until("document.querySelector('dialog[data-help]').open")
	v.press(kb.Escape)
	v.until("!document.querySelector('dialog[data-help]').open")
}

// fetches lets the provider follow exchanges: one that works, two that do not, one that no
// list follows, and one that is asked about uploads. One of them takes votes; it returns its list, about which one vote
// waits for approval.
func (w worked) fetches(t *testing.T) (voted string) {
	t.Helper()
	ctx, p := t.Context(), w.Provider
	reference := law.Ref{ID: "demo/benign-pictures", Version: 1}
	basis, err := p.Law.LegalBasis(reference)
	must(t, "reading a legal basis", err)
	file := filepath.Join(t.TempDir(), "list.csv")
	must(t, "writing a list", os.WriteFile(file, []byte("md5\n00000000000000000000000000000017\n"), 0o600))
	ago := time.Now().Add(-time.Hour)
	must(t, "dating a list", os.Chtimes(file, ago, ago))
	var all []exchange.Exchange
	for name, path := range map[string]string{"weekly-file": file, "lost-file": file + ".lost", "unused": file} {
		all = append(all, exchange.Exchange{
			Name: name, Kind: exchange.File, Basis: basis, Verification: "single", Every: time.Hour, StaleAfter: 24 * time.Hour, Source: &exchange.FileSource{Path: path, MaxBytes: 1 << 20},
		})
	}
	all = append(all, voteExchange(t, p), exchange.Exchange{
		Name: "shield", Kind: exchange.ArachnidShield, Basis: basis, Verification: "double", Every: time.Hour, StaleAfter: 24 * time.Hour, Shield: &exchange.Shield{},
	})
	slices.SortFunc(all, func(a, b exchange.Exchange) int { return strings.Compare(a.Name, b.Name) })
	p.Lists.FetchFrom(all)
	for _, e := range all {
		if e.Name == "unused" || e.Votes {
			continue
		}
		_, err := p.Lists.Create(ctx, actor(t, p, mandate.ListManager), lists.NewList{
			Name: "from " + e.Name, Source: e.Name, Verification: "single", LegalBasis: reference, Radius: -1, Follows: lists.Source{Node: e.Address()},
		})
		must(t, "following an exchange", err)
	}
	must(t, "letting an upload wait", p.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.InsertLookup(store.LookupRow{
			ID: store.NewID("lookup"), Exchange: "shield", Source: "uploads", SHA256: w.decided, Upload: []byte("{}"), CreatedAt: time.Now().Add(-time.Hour),
		})
	}))
	item := w.decided
	must(t, "finding a decided item", p.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.DecidedItems("reportable", 1)
		if err == nil && len(rows) > 0 {
			item = rows[0].ID
		}
		return err
	}))
	voted = holdsItem(t, p, item)
	must(t, "beginning to fetch", p.Lists.Begin(ctx))
	w.deliver(t)
	return voted
}

// film is a video of which a list knows a part, taken by somebody who has a login link.
type film struct{ item, token string }

func (w worked) film(t *testing.T) film {
	t.Helper()
	ctx := t.Context()
	const size = "=size=320x180:rate=5"
	content := mediatest.Clip(t, "mandelbrot"+size+",trim=duration=4[a];testsrc2"+size+",trim=duration=3[b];smptehdbars"+size+",trim=duration=3[c];testsrc"+size+",trim=duration=5[d];[a][b][c][d]concat=n=4")
	hashed, err := w.Provider.Decoder.Video(ctx, bytes.NewReader(content), int64(len(content)), media.VideoRequest{Every: time.Second})
	must(t, "hashing a video", err)
	var text strings.Builder
	must(t, "writing its frames", video.Write(&text, hashed.Features[4:7]))
	manager := actor(t, w.Provider, mandate.ListManager)
	l, err := w.Provider.Lists.Create(ctx, manager, lists.NewList{
		Name: "Videos", Source: "made by the test", Verification: "double", LegalBasis: w.Provider.Config.Detection.Sources[0].LegalBasis, Radius: -1, VideoUpload: -1, VideoEntry: -1,
	})
	must(t, "making a list", err)
	_, err = w.Provider.Lists.Import(ctx, manager, l.ID, lists.Import{FileName: "clip.txt", Content: strings.NewReader(text.String()), Reason: "made by the test"})
	must(t, "importing a video", err)
	found, _ := detect(t, w.World, "film", content)
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}
	person, link, err := w.Provider.Identity.Invite(ctx, operator, "who watches", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	must(t, "taking", w.Provider.Triage.Take(ctx, w.Provider.Identity.Actor(person), found.Files[0].SHA256))
	return film{found.Files[0].SHA256, link.Token}
}

// lookAtScenes asks for one scene of a video, goes on to the next two, and then sees all, by the keyboard.
func (v *visitor) lookAtScenes() {
	v.t.Helper()
	v.press("r")
	for _, scene := range []string{"2", "3"} {
		v.until("document.querySelector('[data-viewer] img')?.naturalWidth > 0")
		v.press(kb.ArrowRight)
		v.until("document.querySelector('[data-viewer-status]').textContent.includes('Scene " + scene + " ')")
	}
	v.press("h")
	v.look()
}
