package node_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// stops are the events of the log that say that detection stopped.
func stops(t *testing.T, n *nodetest.Node) (found []ledger.Event) {
	t.Helper()
	must(t, "sequencing", n.Ledger.Sequence(t.Context()))
	n.Look(t, func(tx *store.Tx) error {
		found = nil
		rows, err := tx.LogEventsFrom(0, 1_000_000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			if event.Action == mandate.DetectionStop.Name {
				found = append(found, event)
			}
		}
		return err
	})
	return found
}

// TestTheNodesClockIsTwoDaysOff: a legal basis that ended does not begin again
// when the clock is set back, not even in another process; what people do goes
// on, and the log can be verified.
func TestTheNodesClockIsTwoDaysOff(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		before := time.Date(2027, 12, 30, 12, 0, 0, 0, time.UTC)
		n.Clock.Set(before)
		id := n.Flag(t, 1, "")
		if ended, err := n.Intake.Watch(t.Context()); err != nil || len(ended) != 0 || len(stops(t, n)) != 0 {
			t.Fatalf("stopped before the end: %v %v", ended, err)
		}
		n.Clock.Set(before.Add(48 * time.Hour))
		ended, err := n.Intake.Watch(t.Context())
		must(t, "watching", err)
		again, err := n.Intake.Watch(t.Context())
		must(t, "watching again", err)
		if len(ended) != 2 || len(again) != 0 || ended[0].Stopped == "" {
			t.Errorf("told %v, then %v; want both sources once", ended, again)
		}
		logged := stops(t, n)
		if len(logged) != 2 || logged[0].Actor != "node" || logged[0].Basis != nodetest.Basis.String() || logged[0].Outcome != "done" {
			t.Errorf("logged %+v", logged)
		}

		n.Clock.Set(before)
		refused := func(what string, n *node.Node) {
			t.Helper()
			_, err := n.Intake.Detect(t.Context(), nodeUploads(t, n), nodetest.Submission(2, ""))
			p := problem.From(err)
			if p == nil || p.Kind != problem.Expired || p.Field != "legal_basis" || !strings.Contains(p.Reason, "was set back") || !strings.Contains(p.Remedy, "NTP") {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("with the clock set back", n.Node)
		other, err := node.Open(t.Context(), n.Config, node.Options{Now: n.Clock.Now, Decoder: n.Decoder})
		must(t, "opening another process' node", err)
		refused("in another process", other)
		must(t, "closing it", other.Close())
		r, err := http.NewRequest(http.MethodGet, n.Server.URL+"/login", nil)
		must(t, "making a request", err)
		if _, page, err := answerTo(n.Server.Client(), r); err != nil || !strings.Contains(page, "Detection at uploads has stopped") {
			t.Errorf("the page says nothing of it (%v)", err)
		}

		n.Judge(t, n.Analyst(), id, nodetest.No)
		n.Settle(t)
		if row, _ := n.Item(t, id); row.State != "decided" {
			t.Errorf("with the clock set back an item that people decided about is %s", row.State)
		}
		must(t, "sequencing", n.Ledger.Sequence(t.Context()))
		if _, err := ledger.Verify(t.Context(), n.Store, n.Ledger.Trust()); err != nil {
			t.Errorf("the log: %v", err)
		}
		if count := sightings(t, n); count != 1 {
			t.Errorf("%d sightings, want the one from before", count)
		}
	})
}

// nodeUploads is an actor for the source "uploads" of a node.
func nodeUploads(t *testing.T, n *node.Node) mandate.Actor {
	t.Helper()
	return mandate.Actor{Kind: mandate.Machine, ID: "key/test", Scopes: []mandate.Scope{mandate.ScopeDetect}, Source: "uploads", Organisation: n.Config.Organisation.Kind}
}

// TestDoctorKnowsTheTime: it warns before a legal basis ends, says when it has,
// and finds a clock that stands before what the log has recorded.
func TestDoctorKnowsTheTime(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	n.Flag(t, 1, "")
	must(t, "sequencing", n.Ledger.Sequence(t.Context()))
	find := func(what string, at time.Time) (found node.Finding) {
		t.Helper()
		for _, f := range node.Examine(t.Context(), n.Config, at) {
			if f.What == what {
				found = f
			}
		}
		return found
	}
	end := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		days   float64
		health node.Health
		says   string
	}{
		{91, node.Well, "in force"}, {90, node.Warning, "ends on 2028-01-01, in less than 91 days"}, {30, node.Warning, "31 days"}, {7, node.Warning, "8 days"},
		{0.1, node.Warning, "8 days"}, {0, node.Ill, "stands still"}, {-3, node.Ill, "stands still"},
	} {
		f := find("legal basis of uploads", end.Add(-time.Duration(c.days*24*float64(time.Hour))))
		if f.Health != c.health || !strings.Contains(f.Found, c.says) || (c.health != node.Well && f.Remedy == "") {
			t.Errorf("%v days before the end: %+v", c.days, f)
		}
	}
	if f := find("clock", n.Clock.Now()); f.What != "" {
		t.Errorf("a clock that is right: %+v", f)
	}
	if f := find("clock", n.Clock.Now().Add(-48*time.Hour)); f.Health != node.Ill || !strings.Contains(f.Remedy, "NTP") {
		t.Errorf("a clock that is two days behind: %+v", f)
	}
	n.Clock.Set(end)
	_, err := n.Intake.Watch(t.Context())
	must(t, "watching", err)
	if f := find("detection at uploads", end.Add(-time.Hour)); f.Health != node.Ill || !strings.Contains(f.Found, nodetest.Basis.String()) {
		t.Errorf("with the clock set back: %+v", f)
	}
}

// TestAnOperatorIsToldThatDetectionStopped once, when the node begins after the end.
func TestAnOperatorIsToldThatDetectionStopped(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	n.Clock.Set(time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC))
	var told bytes.Buffer
	for range 2 {
		other, err := node.Open(t.Context(), n.Config, node.Options{Now: n.Clock.Now, Decoder: n.Decoder, Log: slog.New(slog.NewJSONHandler(&told, nil))})
		must(t, "opening", err)
		must(t, "closing", other.Close())
	}
	for _, source := range []string{"uploads", "archive"} {
		if count := strings.Count(told.String(), fmt.Sprintf(`"msg":"detection has stopped","source":%q,"legal_basis":"provider/hosting-terms@1","until":"2028-01-01T00:00:00Z"`, source)); count != 1 {
			t.Errorf("told %d times about %s: %s", count, source, told.String())
		}
	}
}
