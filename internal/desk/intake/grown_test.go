package intake_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// turned is a leaflet turned by 90 degrees.
func turned(t testing.TB, number int) []byte {
	t.Helper()
	page, err := png.Decode(bytes.NewReader(leaflet(number)))
	nodetest.Must(t, err)
	other := image.NewGray(image.Rect(0, 0, 128, 128))
	for y := range 128 {
		for x := range 128 {
			other.Set(127-y, x, page.At(x, y))
		}
	}
	var text bytes.Buffer
	nodetest.Must(t, png.Encode(&text, other))
	return text.Bytes()
}

// compared reads how far a list was compared.
func compared(t testing.TB, n *nodetest.Node, list string) (c store.ComparisonRow) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) (err error) { c, err = tx.Comparison(list); return err })
	return c
}

// findings are the events by which the node says that an item was found again.
func findings(tx *store.Tx, id string) (found []ledger.Event, err error) {
	rows, err := tx.LogEventsOf(id, 100)
	for _, row := range rows {
		event, err := ledger.ParseEvent(row.Record)
		if err != nil {
			return nil, err
		}
		if event.Action == mandate.ItemFoundAgain.Name {
			found = append(found, event)
		}
	}
	return found, err
}

// TestAListThatGrowsFindsWhatIsHeld: exactly, nearly and turned; under the legal basis
// of the source, once, whatever process begins it; and people decide.
func TestAListThatGrowsFindsWhatIsHeld(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.Intake.SetStep(2)
		n.List(t, "self-reported", 1)
		exact := upload(t, n, false, nodetest.Picture(1))[0]
		hold := upload(t, n, true, nodetest.Picture(2), nodetest.Picture(3), leaflet(5), turned(t, 6), nodetest.Picture(4))
		decided, other, near, around, erased := hold[0], hold[1], hold[2], hold[3], hold[4]
		n.Judge(t, n.Analyst(), decided.SHA256, nodetest.No)
		n.Settle(t)
		nodetest.Must(t, n.Triage.Erase(t.Context(), n.Supervisor(), erased.SHA256, "it may not be kept"))
		before, _ := n.Item(t, exact.SHA256)

		sum := func(content []byte) digest.Sum {
			s, err := digest.Reader(bytes.NewReader(content))
			nodetest.Must(t, err)
			return s
		}
		list := importRows(t, n, "", fmt.Sprintf("md5,sha256,pdq\n%s,%s,\n%s,%s,\n%s,%s,\n,,%s\n",
			sum(nodetest.Picture(1)).MD5Hex(), exact.SHA256, sum(nodetest.Picture(2)).MD5Hex(), decided.SHA256,
			sum(nodetest.Picture(4)).MD5Hex(), erased.SHA256, hashOf(t, leaflet(0))))
		n.Work(t)
		if c := compared(t, n, list); !c.BegunAt.IsZero() {
			t.Fatalf("compared before all processes follow the list: %+v", c)
		}
		// The process that began it is killed after some steps; another goes on.
		n.Clock.Add(time.Minute)
		nodetest.Must(t, n.Intake.CompareSteps(t.Context(), list, 2))
		if c := compared(t, n, list); !c.Running() || c.Items+c.LeftOut != 2 || c.Expected != 6 || c.Entries != 4 {
			t.Fatalf("after two steps: %+v", c)
		}
		n.Work(t)
		c := compared(t, n, list)
		if c.Running() || c.EndedAt.IsZero() || c.Items != 5 || c.LeftOut != 1 || c.Matches != 4 {
			t.Errorf("at the end: %+v", c)
		}

		row, a := n.Item(t, exact.SHA256)
		if row.Tier != "P3" || before.Tier <= row.Tier || a.State != item.Open || row.Sightings != 1 {
			t.Errorf("before %s, after %s: %s", before.Tier, row.Tier, row.Why)
		}
		_, a = n.Item(t, decided.SHA256)
		if final, is := a.Final(); !is || final.Outcome != item.NotReportable {
			t.Errorf("a machine changed what people decided: %+v", a)
		}
		if open := openAlarms(t, n, list); len(open) != 1 {
			t.Errorf("nobody is told of the decided item: %+v", open)
		}
		n.Look(t, func(tx *store.Tx) error {
			for what, id := range map[string]string{"pdq original": near.SHA256, "pdq rotate90": around.SHA256} {
				again, err := tx.FoundAgain(id, 10)
				if err != nil {
					return err
				}
				if len(again) != 1 || again[0].ListID != list {
					t.Errorf("%s: %+v", what, again)
					continue
				}
				if !strings.Contains(string(again[0].Found), strings.TrimPrefix(what, "pdq ")) {
					t.Errorf("%s: %s", what, again[0].Found)
				}
				events, err := findings(tx, id)
				if err != nil || len(events) != 1 || events[0].Outcome != "done" || events[0].Actor != "node" || events[0].Basis != nodetest.Basis.String() {
					t.Errorf("%s: %+v, %v", what, events, err)
				}
			}
			for _, id := range []string{other.SHA256, erased.SHA256} {
				if again, err := tx.FoundAgain(id, 10); err != nil || len(again) != 0 {
					t.Errorf("%s: %+v, %v", id, again, err)
				}
			}
			again, err := tx.FoundAgainDecided(list, 10)
			if len(again) != 1 || again[0].ItemID != decided.SHA256 || again[0].Outcome != string(item.NotReportable) {
				t.Errorf("%+v", again)
			}
			return err
		})

		// The same entries again, changed, tell nothing new; a new one does.
		importRows(t, n, list, fmt.Sprintf("sha256,category\n%s,training\n%s,training\n", exact.SHA256, other.SHA256))
		n.Clock.Add(time.Minute)
		n.Work(t)
		if c := compared(t, n, list); c.Entries != 2 || c.Matches != 2 {
			t.Errorf("the second run: %+v", c)
		}
		n.Look(t, func(tx *store.Tx) error {
			for id, want := range map[string]int{exact.SHA256: 1, other.SHA256: 1} {
				if again, err := tx.FoundAgain(id, 10); err != nil || len(again) != want {
					t.Errorf("%s: %+v, %v", id, again, err)
				}
			}
			return nil
		})

		// The legal basis of the source ends: nothing is compared any more.
		n.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
		second := importRows(t, n, "", fmt.Sprintf("sha256\n%s\n", exact.SHA256))
		n.Clock.Add(time.Minute)
		n.Work(t)
		if c := compared(t, n, second); c.Items != 0 || c.LeftOut != 6 || c.Matches != 0 {
			t.Errorf("without a legal basis: %+v", c)
		}
	})
}

// TestANewEntryThatMatchesAllThatIsHeld floods the queue no more than one that matches
// all uploads does.
func TestANewEntryThatMatchesAllThatIsHeld(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Configure: floods})
	n.Intake.SetStep(4)
	pages := [][]byte{}
	for number := range 8 {
		pages = append(pages, leaflet(10+number))
	}
	upload(t, n, true, pages...)
	list := importRows(t, n, "", fmt.Sprintf("pdq\n%s\n", hashOf(t, leaflet(0))))
	n.Clock.Add(time.Minute)
	n.Work(t)
	manager := n.Person("list-manager", mandate.ListManager)
	l, _, entries, err := n.Lists.List(t.Context(), manager, list)
	nodetest.Must(t, err)
	if len(l.Quarantines) != 1 || l.Quarantines[0].Held != 4 || l.Compared.Matches != 8 {
		t.Fatalf("%+v, %+v", l.Quarantines, l.Compared)
	}
	nodetest.Must(t, n.Lists.LiftQuarantine(t.Context(), manager, list, entries[0].ID, "a leaflet that is asked for"))
	n.Work(t)
	l, _, _, err = n.Lists.List(t.Context(), manager, list)
	nodetest.Must(t, err)
	if l.Quarantines[0].Held != 0 {
		t.Errorf("it goes on waiting: %+v", l.Quarantines)
	}
}
