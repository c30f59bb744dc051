package routing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/domain/statistics"
	"github.com/brdoproject/brdo/engine/translog"
	figures "github.com/brdoproject/brdo/internal/desk/statistics"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	profiles "github.com/brdoproject/brdo/law"
)

// provider is an organisation that only reports: it has keys, and no node that
// answers.
type provider struct {
	peer.Keys
	sent int64
}

func (u *union) another(t testing.TB, number int) *provider {
	t.Helper()
	keys, err := keyring.CreateIdentity(filepath.Join(t.TempDir(), "identity"), fmt.Sprintf("provider-%d.example", number), mandate.Provider)
	must(t, err)
	p := &provider{Keys: peer.Keys{Secrets: keys, Self: peer.Node{
		Public: keys.Public(), Title: fmt.Sprintf("Provider %d", number), URL: "http://127.0.0.1:1", Speaks: peer.Version,
	}}}
	must(t, u.centre.Post.Register(t.Context(), u.centre.Person("operator", mandate.Operator), p.Self))
	return p
}

// report sends the Centre a report in an envelope, as a node would.
func (p *provider) report(t testing.TB, u *union, r report.Report) {
	t.Helper()
	p.sent++
	body, err := peer.Seal(p.Keys, u.centre.Post.Self(), peer.Header{
		ID: store.NewID(""), Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: r.Profile.String(), Time: u.clock.Now(), Subject: r.ID,
		Recipients: []string{u.centre.Post.Self().NodeID}, Purpose: mandate.PurposeReporting, LegalBasis: r.Profile.String(), Priority: peer.Normal, Sequence: p.sent,
	}, r)
	must(t, err)
	_, err = u.centre.Post.Receive(t.Context(), p.Self, body)
	must(t, err)
}

// pair is a provider and the Centre.
func pair(t testing.TB, database string) *union {
	t.Helper()
	u := &union{t: t, clock: nodetest.NewClock()}
	u.provider = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Clock: u.clock})
	u.centre = nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Clock: u.clock, Database: database})
	nodetest.Meet(t, u.centre, u.provider)
	return u
}

// logged are the events of an action about one thing at a node.
func logged(t testing.TB, n *nodetest.Node, action mandate.Action, id string) (all []ledger.Event) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsOf(id, 1000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			must(t, err)
			if event.Action == action.Name {
				all = append(all, event)
			}
		}
		return err
	})
	return all
}

// TestFortyProvidersReportOneItem is the seventh acceptance scenario: one item,
// forty sightings, one human view.
func TestFortyProvidersReportOneItem(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		u := pair(t, database())
		ctx, ada := t.Context(), u.centre.Analyst()
		_, first := u.reported(1, false)
		v := u.matter(first)
		id := v.Files[0].Item
		template := v.Report
		send := func(from, to int) {
			for number := from; number <= to; number++ {
				r := template
				r.ID = store.NewID("report")
				u.another(t, number).report(t, u, r)
			}
		}
		send(2, 3) // their nodes do not answer: the first one has to be asked
		if events := logged(t, u.provider, mandate.ItemDisclose, id); len(events) != 0 {
			t.Fatalf("media left before anybody opened the item: %+v", events)
		}
		nodetest.Want(t, "looking before opening", take(u.centre, ada, id), problem.Conflict)
		must(t, u.centre.Triage.Open(ctx, ada, id))
		must(t, u.centre.Triage.Open(ctx, ada, id)) // again: it is here
		if pulled := logged(t, u.provider, mandate.ItemDisclose, id); len(pulled) != 1 || pulled[0].Outcome != "done" || pulled[0].Purpose != mandate.PurposeAssessment {
			t.Errorf("the provider logged %+v, want one disclosure", pulled)
		}
		opened := logged(t, u.centre, mandate.ItemView, id)
		if len(opened) != 3 || opened[0].Outcome != "failed" || opened[1].Detail["pulled_from"] != u.provider.Post.Self().NodeID || opened[2].Detail["here_already"] != true {
			t.Errorf("the Centre logged %+v", opened)
		}
		card, err := u.centre.Triage.Card(ctx, ada, id)
		must(t, err)
		if row, _ := u.provider.Item(t, id); card.MIME != row.MIME || card.PDQ != row.PDQ || card.Width != row.Width || card.Size != row.Size {
			t.Errorf("the Centre knows %+v of it", card.Item)
		}
		_, err = u.centre.Triage.View(ctx, ada, id, triage.Look{Level: item.LevelSketch})
		must(t, err)
		must(t, u.centre.Triage.Decide(ctx, ada, id, nodetest.Yes))
		u.centre.Settle(t)
		send(4, 40)

		row, _ := u.centre.Item(t, id)
		if row.Sightings != 40 {
			t.Errorf("%d sightings, want 40", row.Sightings)
		}
		u.centre.Look(t, func(tx *store.Tx) error {
			items, err := tx.ItemsAfter("", 10)
			if len(items) != 1 {
				t.Errorf("%d items, want one", len(items))
			}
			shown, other := tx.ExposuresOfItem(id)
			if len(shown) != 1 {
				t.Errorf("it was shown %d times, want once", len(shown))
			}
			sightings, third := tx.Sightings(id, 100)
			inherited := 0
			for _, s := range sightings {
				if s.Inherited != "" {
					inherited++
				}
			}
			if inherited != 37 {
				t.Errorf("%d sightings inherit, want the 37 that came after", inherited)
			}
			must(t, other)
			must(t, third)
			return err
		})
		u.centre.Look(t, func(tx *store.Tx) error {
			rows, err := tx.ReceivedReports("received", 100)
			if len(rows) != 40 {
				t.Errorf("%d reports, want 40", len(rows))
			}
			first, last := u.matter(rows[0].ID), u.matter(rows[39].ID)
			if f := last.Files[0]; !f.Inherited || f.Decision == nil || f.Decision.Outcome != item.Reportable || f.Reports != 40 || f.Viewings != 1 || f.People != 1 {
				t.Errorf("the last report says %+v", f)
			}
			if f := first.Files[0]; f.Inherited || f.Decision == nil {
				t.Errorf("the first report says %+v", f)
			}
			return err
		})
		u.figures(t, 40)
		queue, err := u.centre.Triage.Queue(ctx, ada)
		must(t, err)
		if len(queue.Entries)+len(queue.Reportable) != 0 {
			t.Errorf("it still waits for somebody: %+v", queue)
		}
	})
}

// figures are those of the year, counted by the Centre and by somebody who has
// nothing but its exported log and its public key.
func (u *union) figures(t testing.TB, repeated int) {
	t.Helper()
	ctx, year := t.Context(), u.clock.Now().Year()
	_, err := u.centre.Statistics.Figures(ctx, u.centre.Analyst(), year)
	nodetest.Want(t, "figures for an analyst", err, problem.Denied)
	must(t, u.centre.Ledger.Sequence(ctx))
	published, err := u.centre.Statistics.Figures(ctx, u.centre.Supervisor(), year)
	must(t, err)
	must(t, u.centre.Ledger.Sequence(ctx))
	at := slices.IndexFunc(published.Lines, func(l statistics.Line) bool { return l.Key == "repeated-reports" })
	if f := published.Lines[at]; f.Value == nil || *f.Value != repeated || f.Article != "Article 83(3)(h)" {
		t.Errorf("the log says %+v, want %d", f, repeated)
	}
	u.publishes(t)
	var bundle bytes.Buffer
	trust := u.centre.Ledger.Trust()
	_, err = ledger.ExportBundle(ctx, u.centre.Store, trust.Origin, []string{u.centre.Post.Self().LogVerifier}, &bundle)
	must(t, err)
	_, err = translog.AuditBundle(bytes.NewReader(bundle.Bytes()), trust)
	must(t, err)
	reader, err := translog.NewBundleReader(&bundle)
	must(t, err)
	count := statistics.New(year)
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if entry.Checkpoint == nil {
			must(t, count.Add(entry.Record.Data))
		}
	}
	library, err := law.Load(profiles.Files)
	must(t, err)
	profile, err := library.LatestStatistics("csar/article-83")
	must(t, err)
	var here, there bytes.Buffer
	must(t, published.WriteJSON(&here))
	must(t, count.Publish(profile, trust.Origin).WriteJSON(&there))
	if here.String() != there.String() {
		t.Errorf("the Centre published\n%s\nand its log says\n%s", &here, &there)
	}
}

// publishes lets a person publish the year and reads it without a login: it is
// what the first so many records of the log say, and stays that.
func (u *union) publishes(t testing.TB) {
	t.Helper()
	ctx, desk, year, origin := t.Context(), u.centre.Statistics, u.clock.Now().Year(), u.centre.Config.Origin
	get := func(name string) (int, http.Header, []byte) {
		t.Helper()
		answer, err := http.Get(origin + "/open/figures" + name)
		must(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, err)
		return answer.StatusCode, answer.Header, text
	}
	name := fmt.Sprintf("/%d-csar-article-83-1.json", year)
	nodetest.Want(t, "a year that is not over", desk.Publish(ctx, u.centre.Supervisor(), year), problem.Conflict)
	nodetest.Want(t, "by an analyst", desk.Publish(ctx, u.centre.Analyst(), year), problem.Denied)
	if status, _, _ := get(name); status != http.StatusNotFound {
		t.Errorf("what nobody published is answered with %d", status)
	}
	before := u.clock.Now()
	u.clock.Set(time.Date(year+1, 1, 2, 0, 0, 0, 0, time.UTC))
	must(t, desk.Publish(ctx, u.centre.Supervisor(), year))
	nodetest.Want(t, "the same year again", desk.Publish(ctx, u.centre.Supervisor(), year), problem.Conflict)
	u.clock.Set(before)
	must(t, u.centre.Ledger.Sequence(ctx))
	var index struct {
		Publications []figures.Published `json:"publications"`
	}
	_, _, text := get("")
	must(t, json.Unmarshal(text, &index))
	if len(index.Publications) != 1 {
		t.Fatalf("%s", text)
	}
	p := index.Publications[0]
	status, header, text := get(name)
	sum := sha256.Sum256(text)
	if status != http.StatusOK || hex.EncodeToString(sum[:]) != p.Files[0].SHA256 || header.Get("Brdo-Log-Position") != fmt.Sprint(p.Position) || header.Get("ETag") != strconv.Quote(p.Files[0].SHA256) {
		t.Errorf("%d %v", status, header)
	}
	library, err := law.Load(profiles.Files)
	must(t, err)
	profile, err := library.LatestStatistics("csar/article-83")
	must(t, err)
	count := statistics.New(year)
	u.centre.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsFrom(0, 1_000_000)
		for _, row := range rows[:p.Records] {
			must(t, count.Add(row.Record))
		}
		if decided := rows[p.Position]; decided.Action != mandate.StatisticsPublish.Name || decided.ID != p.Event || int64(len(rows)) <= p.Records {
			t.Errorf("at its place in the log stands %s %s", decided.Action, decided.ID)
		}
		return err
	})
	again := count.Publish(profile, u.centre.Ledger.Trust().Origin)
	again.Records = p.Records
	var here, table bytes.Buffer
	must(t, again.WriteJSON(&here))
	must(t, again.WriteCSV(&table))
	if here.String() != string(text) {
		t.Errorf("published is\n%s\nand the log says\n%s", text, &here)
	}
	if _, _, csv := get(strings.TrimSuffix(name, "json") + "csv"); string(csv) != table.String() {
		t.Errorf("published is\n%s\nand the log says\n%s", csv, &table)
	}
}

// take takes an item and asks to be shown it.
func take(n *nodetest.Node, who mandate.Actor, id string) error {
	if err := n.Triage.Take(context.Background(), who, id); err != nil {
		return err
	}
	_, err := n.Triage.View(context.Background(), who, id, triage.Look{Level: item.LevelSketch})
	return err
}

// TestAnAuthorityOpensAnItem: the Centre gives out what it opened, to whom it
// sent the report, while that one is open there.
func TestAnAuthorityOpensAnItem(t *testing.T) {
	each(t, func(t *testing.T, u *union) {
		ctx, ada, ines := t.Context(), u.centre.Analyst(), investigator(u.slovenia)
		_, received := u.reported(1, false, "192.0.2.17")
		id := u.matter(received).Files[0].Item
		must(t, u.centre.Routing.Found(ctx, ada, received, false))
		u.route(received, u.slovenia)
		r := u.referralAt(u.slovenia, received).Row.ID
		nodetest.Want(t, "before the Centre has it", u.slovenia.Triage.Open(ctx, ines, id), problem.NotFound)
		nodetest.Want(t, "a role that investigates nothing", u.slovenia.Triage.Open(ctx, u.slovenia.Second(), id), problem.Denied)
		must(t, u.centre.Triage.Open(ctx, ada, id))
		card, err := u.slovenia.Triage.Card(ctx, ines, id)
		must(t, err)
		if !card.Case || card.Mine || card.Content != store.ContentElsewhere {
			t.Errorf("%+v", card)
		}
		_, err = u.slovenia.Triage.View(ctx, ines, id, triage.Look{Level: item.LevelSketch})
		nodetest.Want(t, "looking before opening", err, problem.Conflict)
		must(t, u.slovenia.Triage.Open(ctx, ines, id))
		exposure, err := u.slovenia.Triage.View(ctx, ines, id, triage.Look{Level: item.LevelSketch})
		must(t, err)
		picture, err := u.slovenia.Triage.Picture(ctx, ines, exposure)
		must(t, err)
		if len(picture.Data) == 0 {
			t.Error("no picture")
		}
		u.clock.Add(time.Minute)
		must(t, u.slovenia.Triage.EndView(ctx, ines, exposure))
		if w, err := u.slovenia.Triage.Wellbeing(ctx, ines); err != nil || w.Workload.Today == 0 {
			t.Errorf("the exposure does not count: %+v %v", w.Workload, err)
		}
		if given := logged(t, u.centre, mandate.ItemDisclose, id); len(given) != 2 || given[0].Outcome != "failed" || given[1].Outcome != "done" || given[1].Purpose != mandate.PurposeInvestigation {
			t.Errorf("the Centre logged %+v", given)
		}
		nodetest.Want(t, "an authority that was not asked", u.croatia.Triage.Open(ctx, investigator(u.croatia), id), problem.NotFound)
		must(t, u.slovenia.Routing.Decline(ctx, ines, r, "nothing points here"))
		_, err = u.slovenia.Triage.View(ctx, ines, id, triage.Look{Level: item.LevelSketch})
		nodetest.Want(t, "looking after declining", err, problem.Denied)
		if outcomes := logged(t, u.slovenia, mandate.ItemView, id); !slices.ContainsFunc(outcomes, func(e ledger.Event) bool { return e.Detail["pulled_from"] == u.centre.Post.Self().NodeID }) {
			t.Errorf("the authority logged %+v", outcomes)
		}
		full, err := u.slovenia.Routing.Referral(ctx, ines, r)
		must(t, err)
		if files := full.Files; len(files) != 1 || files[0].Viewings != 1 || files[0].Content != store.ContentSealed {
			t.Errorf("%+v", files)
		}
	})
}
