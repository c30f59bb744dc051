package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

// rows counts the items and the sightings.
func rows(t testing.TB, n *nodetest.Node) (items, sightings int) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		all, err := tx.ItemsAfter("", 1000)
		if err != nil {
			return err
		}
		seen, err := tx.SightingsAfter("", "", 1000)
		items, sightings = len(all), len(seen)
		return err
	})
	return items, sightings
}

func TestAnEndedLegalBasisStopsDetection(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	n.List(t, "double", 1)
	n.Clock.Set(time.Date(2027, 12, 31, 23, 59, 59, 0, time.UTC))
	if found := n.Submit(t, nodetest.Submission(1, "")); found.Sighting == "" {
		t.Fatalf("in the last second: %+v", found)
	}
	n.Clock.Add(time.Second)
	unread := unreadable{}
	_, err := n.Intake.Detect(t.Context(), n.Uploads, intake.Submission{Files: []intake.Upload{{Name: "file", Content: unread}}})
	nodetest.Want(t, "after the end", err, problem.Expired)
	stranger := n.Uploads
	stranger.Source = "elsewhere"
	_, err = n.Intake.Detect(t.Context(), stranger, nodetest.Submission(1, ""))
	nodetest.Want(t, "a source that the node does not have", err, problem.Denied)
	reader := n.Uploads
	reader.Scopes = []mandate.Scope{mandate.ScopeRead}
	n.Clock.Add(-time.Hour)
	_, err = n.Intake.Detect(t.Context(), reader, intake.Submission{Files: []intake.Upload{{Name: "file", Content: unread}}})
	nodetest.Want(t, "a key that may not submit", err, problem.Denied)
	if items, sightings := rows(t, n); items != 1 || sightings != 1 {
		t.Errorf("%d items, %d sightings", items, sightings)
	}
	n.Clock.Add(24 * time.Hour)
	for _, basis := range n.Intake.Bases() {
		if basis.Stopped == "" {
			t.Errorf("%s is said to run", basis.Source)
		}
	}
}

// unreadable panics when somebody reads what must not be read.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error)       { panic("it was read") }
func (unreadable) Seek(int64, int) (int64, error) { panic("it was read") }

func TestWhatMatchesNothingLeavesNothing(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.List(t, "double", 1)
		found := n.Submit(t, nodetest.Submission(2, "user1"))
		if len(found.Matches) != 0 || found.Sighting != "" {
			t.Fatalf("%+v", found)
		}
		if items, sightings := rows(t, n); items != 0 || sightings != 0 {
			t.Errorf("%d items, %d sightings", items, sightings)
		}
		if content, err := n.Content.Open(t.Context(), found.SHA256); err == nil {
			_ = content.Close()
			t.Error("its content was kept")
		}
	})
}

func TestWhatMatchesIsKept(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		list := n.List(t, "double", 1)
		s := nodetest.Submission(1, "user1")
		s.Context.IPEvents = []report.IPEvent{{IP: "192.0.2.7", Port: 40001, At: n.Clock.Now(), TZ: "Z"}}
		s.Files[0].Name = "picture \xff.png"
		found := n.Submit(t, s)
		if len(found.Matches) == 0 || found.Matches[0].List != list || found.Sighting == "" || found.MIME != "image/png" || found.Width != 96 {
			t.Fatalf("%+v", found)
		}
		row, a := n.Item(t, found.SHA256)
		if a.State != item.Open || row.Tier != "P3" || row.Sightings != 1 || row.Content != store.ContentSealed || row.Size != int64(len(nodetest.Picture(1))) {
			t.Errorf("%+v", row)
		}
		content, err := n.Content.Open(t.Context(), found.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil || !bytes.Equal(text, nodetest.Picture(1)) {
			t.Errorf("the content is other: %v", err)
		}
		_ = content.Close()
		n.Look(t, func(tx *store.Tx) error {
			sighting, err := tx.Sighting(found.Sighting)
			if err != nil {
				return err
			}
			if sighting.Source != "uploads" || sighting.SubmittedBy != n.Uploads.ID || sighting.ClientRef != "upload-1" || sighting.LegalBasis != nodetest.Basis.String() {
				t.Errorf("%+v", sighting)
			}
			var evidence intake.Evidence
			if err := json.Unmarshal(sighting.Context, &evidence); err != nil {
				return err
			}
			want := intake.Evidence{Context: s.Context, FileName: "picture \uFFFD.png"}
			want.Service = report.Service{Type: "hosting", URL: "https://photos.example/"}
			if !reflect.DeepEqual(evidence, want) {
				t.Errorf("evidence %+v, want %+v", evidence, want)
			}
			return nil
		})
		n.Submit(t, nodetest.Submission(1, "user2"))
		if row, _ := n.Item(t, found.SHA256); row.Sightings != 2 {
			t.Errorf("%d sightings", row.Sightings)
		}
		if items, sightings := rows(t, n); items != 1 || sightings != 2 {
			t.Errorf("%d items, %d sightings", items, sightings)
		}
	})
}

func TestADecidedItemIsInherited(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.List(t, "double", 1)
		id := n.Submit(t, nodetest.Submission(1, "")).SHA256
		n.Judge(t, n.Analyst(), id, nodetest.No)
		if found := n.Submit(t, nodetest.Submission(1, "")); found.Inherited != "" {
			t.Error("a decision that can be taken back was inherited")
		}
		n.Settle(t)
		s := nodetest.Submission(1, "")
		s.Signals = []law.Signal{law.SignalUrgent}
		found := n.Submit(t, s)
		_, a := n.Item(t, id)
		if final, ok := a.Final(); !ok || found.Inherited != final.ID || a.State != item.Decided {
			t.Errorf("%+v, %+v", found, a)
		}
		if q, err := n.Triage.Queue(t.Context(), n.Person("dora", mandate.Analyst)); err != nil || len(q.Entries) != 0 {
			t.Errorf("queued again: %+v, %v", q.Entries, err)
		}
	})
}

func TestTiersAreOnlyRaised(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	n.List(t, "double", 1)
	for _, step := range []struct {
		name    string
		number  int
		flagged bool
		signals []law.Signal
		tier    string
	}{
		{"flagged and unknown", 2, true, nil, "P1"},
		{"known", 1, false, nil, "P3"},
		{"known and urgent", 1, false, []law.Signal{law.SignalUrgent}, "P0"},
		{"known again", 1, false, nil, "P0"},
		{"urgent and unknown", 3, false, []law.Signal{law.SignalUrgent}, "P0"},
	} {
		s := nodetest.Submission(step.number, "")
		s.Flagged, s.Signals = step.flagged, step.signals
		if row, _ := n.Item(t, n.Submit(t, s).SHA256); row.Tier != step.tier {
			t.Errorf("%s: %s, want %s", step.name, row.Tier, step.tier)
		}
	}
}

func TestAnErasedItemStaysErased(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		id := n.Flag(t, 1, "")
		if err := n.Triage.Erase(t.Context(), n.Supervisor(), id, "the period has ended"); err != nil {
			t.Fatal(err)
		}
		n.Work(t)
		before, _ := n.Item(t, id)
		s := nodetest.Submission(1, "")
		s.Signals = []law.Signal{law.SignalUrgent}
		found := n.Submit(t, s)
		row, a := n.Item(t, id)
		if a.State != item.Erased || row.Content != store.ContentErased || row.Sightings != 2 || row.Tier != before.Tier {
			t.Errorf("%+v", row)
		}
		if found.Sighting == "" || found.Next != "The file was erased here for good before; the sighting is noted, but nobody can look at it." {
			t.Errorf("%+v", found)
		}
		if _, err := n.Content.Open(t.Context(), id); err == nil {
			t.Error("the content is there again")
		}
	})
}

func TestSubmissionsThatAreRefused(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	many := intake.Submission{Files: make([]intake.Upload, intake.MaxFiles+1)}
	long := nodetest.Submission(1, "")
	long.ClientRef = string(make([]byte, 201))
	address := nodetest.Submission(1, "")
	address.Context.IPEvents = []report.IPEvent{{IP: "somewhere"}}
	signal := nodetest.Submission(1, "")
	signal.Signals = []law.Signal{"loud"}
	for name, s := range map[string]intake.Submission{"no file": {}, "too many": many, "a long reference": long, "an address": address, "a signal": signal} {
		_, err := n.Intake.Detect(t.Context(), n.Uploads, s)
		nodetest.Want(t, name, err, problem.Invalid)
		if p := problem.From(err); p.Field == "" {
			t.Errorf("%s: no field is named: %v", name, err)
		}
	}
}

func TestTheSameKeyHasOneEffect(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.List(t, "double", 1, 2)
		submit := func(number int) (intake.Detection, error) {
			s := nodetest.Submission(number, "")
			s.IdempotencyKey = "key-1"
			return n.Intake.Detect(context.WithoutCancel(t.Context()), n.Uploads, s)
		}
		var answers [6]intake.Detection
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				var err error
				if answers[i], err = submit(1); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		group.Wait()
		first, _ := json.Marshal(answers[0])
		for i, answer := range answers {
			if text, _ := json.Marshal(answer); !bytes.Equal(text, first) {
				t.Errorf("request %d was answered\n%s, the first\n%s", i, text, first)
			}
		}
		_, err := submit(2)
		nodetest.Want(t, "other content under the same key", err, problem.Conflict)
		if items, sightings := rows(t, n); items != 1 || sightings != 1 {
			t.Errorf("%d items, %d sightings", items, sightings)
		}
	})
}

func TestSightingsOfOneSource(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	for number := range 5 {
		n.Flag(t, number, "")
	}
	archive, err := n.Identity.Machine(t.Context(), n.NewKey(t, "archive", mandate.ScopeDetect))
	if err != nil {
		t.Fatal(err)
	}
	if found, more, err := n.Intake.Sightings(t.Context(), archive, "", 10); err != nil || more || len(found) != 0 {
		t.Errorf("another source's sightings: %d, %v, %v", len(found), more, err)
	}
	if found, more, err := n.Intake.Sightings(t.Context(), n.Uploads, "", 4); err != nil || !more || len(found) != 4 {
		t.Errorf("%d, %v, %v", len(found), more, err)
	}
}
