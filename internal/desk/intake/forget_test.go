package intake_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// forgettings are the events of content that was forgotten.
func forgettings(t *testing.T, n *nodetest.Node) (names []string) {
	t.Helper()
	nodetest.Must(t, n.Ledger.Sequence(t.Context()))
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsFrom(0, 10_000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			nodetest.Must(t, err)
			if event.Action == mandate.ItemForget.Name && event.Outcome == "done" {
				names = append(names, event.Resource)
			}
		}
		return err
	})
	return names
}

// leave seals a picture as a process does that dies then, and returns its name.
func leave(t *testing.T, n *nodetest.Node, number int) string {
	t.Helper()
	sum, err := digest.Reader(bytes.NewReader(nodetest.Picture(number)))
	nodetest.Must(t, err)
	_, err = n.Content.Seal(t.Context(), sum.SHA256Hex(), "item", bytes.NewReader(nodetest.Picture(number)))
	nodetest.Must(t, err)
	return sum.SHA256Hex()
}

// opens reports whether the content of an item can be read.
func opens(t *testing.T, n *nodetest.Node, id string) bool {
	t.Helper()
	content, err := n.Content.Open(t.Context(), id)
	if err != nil {
		if !problem.Is(err, problem.NotFound) {
			t.Fatal(err)
		}
		return false
	}
	nodetest.Must(t, content.Close())
	return true
}

// onFirstRead does something when its content is read first.
type onFirstRead struct {
	io.ReadSeeker
	do func()
}

func (o *onFirstRead) Read(into []byte) (int, error) {
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return o.ReadSeeker.Read(into)
}

// TestWhatNoRowNamesIsForgotten: after an hour, in steps, with an event for each; what has a
// row stays, and what was forgotten may be uploaded again.
func TestWhatNoRowNamesIsForgotten(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database()})
		n.Intake.SetStep(2)
		nodetest.Must(t, n.Intake.Begin(t.Context()))
		nodetest.Must(t, n.Intake.Begin(t.Context()))
		later := func(d time.Duration) {
			n.Clock.Add(d)
			nodetest.Must(t, n.Drain(t.Context()))
		}
		var left, kept []string
		for number := range 3 {
			left = append(left, leave(t, n, number))
			kept = append(kept, n.Flag(t, 100+number, ""))
		}
		erased := n.Flag(t, 200, "")
		nodetest.Must(t, n.Triage.Erase(t.Context(), n.Supervisor(), erased, "the period has ended"))
		later(59 * time.Minute)
		for _, id := range left {
			if !opens(t, n, id) {
				t.Errorf("%s was forgotten although its upload may still be written", id)
			}
		}
		later(16 * time.Minute)
		for _, id := range left {
			if opens(t, n, id) {
				t.Errorf("%s is still sealed", id)
			}
		}
		for _, id := range kept {
			if !opens(t, n, id) {
				t.Errorf("%s has a row and was forgotten", id)
			}
		}
		if found := forgettings(t, n); len(found) != 3 || n.Intake.Forgotten() != 3 {
			t.Errorf("%d were forgotten, by %v", n.Intake.Forgotten(), found)
		}
		if unsettled, err := n.Content.Unsettled(t.Context(), n.Clock.Now(), 10); err != nil || len(unsettled) != 0 {
			t.Errorf("unsettled are %v, %v", unsettled, err)
		}
		// They come again, stay, and what was erased stays erased.
		for number := range 3 {
			if id := n.Flag(t, number, ""); id != left[number] {
				t.Fatalf("uploaded as %s", id)
			}
		}
		n.Flag(t, 200, "")
		later(3 * time.Hour)
		for _, id := range left {
			if !opens(t, n, id) {
				t.Errorf("%s was uploaded again and cannot be read", id)
			}
		}
		if opens(t, n, erased) || len(forgettings(t, n)) != 3 {
			t.Errorf("the erased item, or %v", forgettings(t, n))
		}
	})
}

// TestASubmissionThatStoodStill: what it sealed is forgotten before it writes its rows. It is
// told so, and nothing names what is gone.
func TestASubmissionThatStoodStill(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database()})
		nodetest.Must(t, n.Intake.Begin(t.Context()))
		submit := func(number int, meanwhile func()) (intake.Detection, error) {
			s := nodetest.Submission(number, "")
			s.Flagged = true
			s.Files = append(s.Files, intake.Upload{Name: "second.png", Content: &onFirstRead{bytes.NewReader(nodetest.Picture(number + 1)), meanwhile}})
			return n.Intake.Detect(t.Context(), n.Uploads, s)
		}
		pause := func() {
			n.Clock.Add(2 * time.Hour)
			nodetest.Must(t, n.Drain(t.Context()))
		}
		if _, err := submit(10, pause); !problem.Is(err, problem.Unavailable) {
			t.Fatalf("a submission that stood still: %v", err)
		}
		if len(forgettings(t, n)) != 1 {
			t.Fatalf("forgotten: %v", forgettings(t, n))
		}
		found, err := submit(10, nil)
		nodetest.Must(t, err)
		for _, file := range found.Files {
			if !opens(t, n, file.SHA256) {
				t.Errorf("%s cannot be read", file.Name)
			}
		}
		// Sealed again, what a dead process left long ago is new.
		left := leave(t, n, 20)
		n.Clock.Add(2 * time.Hour)
		_, err = submit(20, func() { nodetest.Must(t, n.Drain(t.Context())) })
		nodetest.Must(t, err)
		pause()
		if !opens(t, n, left) || len(forgettings(t, n)) != 1 {
			t.Errorf("it was forgotten while it was uploaded again: %v", forgettings(t, n))
		}
	})
}

// TestADeadProcessForgets: its event is written and its key still there. The next one ends
// the work without a second event.
func TestADeadProcessForgets(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database()})
		nodetest.Must(t, n.Intake.Begin(t.Context()))
		left := leave(t, n, 1)
		n.Clock.Add(2 * time.Hour)
		nodetest.Must(t, n.Intake.LogForgotten(t.Context(), left))
		if !opens(t, n, left) {
			t.Fatal("the test shows nothing")
		}
		// Whoever uploads it meanwhile has its way.
		n.Clock.Add(time.Minute)
		again := n.Flag(t, 1, "")
		nodetest.Must(t, n.Drain(t.Context()))
		if again != left || !opens(t, n, left) {
			t.Fatal("what was uploaded again is gone")
		}
		left = leave(t, n, 2)
		n.Clock.Add(2 * time.Hour)
		nodetest.Must(t, n.Intake.LogForgotten(t.Context(), left))
		nodetest.Must(t, n.Drain(t.Context()))
		if opens(t, n, left) || len(forgettings(t, n)) != 2 || n.Intake.Forgotten() != 1 {
			t.Errorf("forgotten: %d, by %v", n.Intake.Forgotten(), forgettings(t, n))
		}
	})
}
