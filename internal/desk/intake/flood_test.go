package intake_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/alarms"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestComparedFilesAreCountedWhenTheyWereCompared: an answer does not wait for the count, which is written down from
// time to time, at the minute of the comparison.
func TestComparedFilesAreCountedWhenTheyWereCompared(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		begun := n.Clock.Now()
		compared := func(since time.Time) (count int64) {
			nodetest.Must(t, n.Store.Read(t.Context(), func(tx *store.Tx) (err error) { count, err = tx.CountComparedFiles(since); return err }))
			return count
		}
		upload(t, n, false, leaflet(1), leaflet(2))
		n.Clock.Add(10 * time.Minute)
		upload(t, n, false, leaflet(3))
		if count := compared(begun); count != 0 {
			t.Errorf("%d files are counted already", count)
		}
		for range 2 {
			_, err := n.Intake.Watch(t.Context())
			nodetest.Must(t, err)
			if all, late := compared(begun), compared(n.Clock.Now()); all != 3 || late != 1 {
				t.Errorf("%d files are counted, %d of them in the last minute; want 3 and 1", all, late)
			}
		}
	})
}

// leaflet is one of many files that look alike: a striped page on which another
// number is marked.
func leaflet(number int) []byte {
	page := image.NewGray(image.Rect(0, 0, 128, 128))
	for y := range 128 {
		for x := range 128 {
			a, b := float64(x), float64(y)
			page.SetGray(x, y, color.Gray{Y: uint8(128 + 50*math.Sin(a/9+b*b/700) + 50*math.Cos(a*b/900-b/14))})
		}
	}
	page.SetGray(number%128, number/128, color.Gray{Y: 250})
	var text bytes.Buffer
	if err := png.Encode(&text, page); err != nil {
		panic(err) // memory
	}
	return text.Bytes()
}

func hashOf(t testing.TB, content []byte) pdq.Hash {
	t.Helper()
	page, err := png.Decode(bytes.NewReader(content))
	nodetest.Must(t, err)
	result := pdq.FromImage(page)
	if result.Quality < pdq.MinimumQuality {
		t.Fatalf("quality %d", result.Quality)
	}
	return result.Hash
}

// importRows makes a list of rows, or adds to one, and returns it.
func importRows(t testing.TB, n *nodetest.Node, list, text string) string {
	t.Helper()
	manager := n.Person("list-manager", mandate.ListManager)
	if list == "" {
		l, err := n.Lists.Create(t.Context(), manager, lists.NewList{Name: "pages " + store.NewID(""), Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1})
		nodetest.Must(t, err)
		list = l.ID
	}
	_, err := n.Lists.Import(t.Context(), manager, list, lists.Import{FileName: "list.csv", Content: strings.NewReader(text), Options: hashlist.Options{Kind64: hashlist.PDQ}, Reason: "made by the test"})
	nodetest.Must(t, err)
	return list
}

// upload hands files in at once.
func upload(t testing.TB, n *nodetest.Node, flagged bool, contents ...[]byte) []intake.FileResult {
	t.Helper()
	s := intake.Submission{Flagged: flagged}
	for i, content := range contents {
		s.Files = append(s.Files, intake.Upload{Name: fmt.Sprintf("page %d.png", i), Content: bytes.NewReader(content)})
	}
	found, err := n.Intake.Detect(t.Context(), n.Uploads, s)
	nodetest.Must(t, err)
	return found.Files
}

func wantState(t testing.TB, n *nodetest.Node, what string, found intake.FileResult, want item.State) {
	t.Helper()
	row, a := n.Item(t, found.SHA256)
	if a.State != want || row.State != string(want) {
		t.Errorf("%s is %s, want %s: %s", what, a.State, want, found.Next)
	}
}

// openAlarms are the alarms about a list.
func openAlarms(t testing.TB, n *nodetest.Node, list string) (found []alarms.Alarm) {
	t.Helper()
	all, _, err := n.Alarms.List(t.Context(), n.Person("list-manager", mandate.ListManager))
	nodetest.Must(t, err)
	for _, a := range all {
		if a.Subject == list {
			found = append(found, a)
		}
	}
	return found
}

func floods(c *node.Config) {
	c.Detection.Flood = node.Flood{Window: time.Hour, Items: 3, Share: 0.2, Exact: 1, Look: time.Hour}
}

// TestAnEntryThatMatchesEverythingWaitsForPeople: from the limit on what only it
// matches is held, listed, and comes when a person lifts the quarantine.
func TestAnEntryThatMatchesEverythingWaitsForPeople(t *testing.T) {
	for name, database := range map[string]func() string{"sqlite": func() string { return "" }, "postgresql": func() string { return postgrestest.Start(t) }} {
		t.Run(name, func(t *testing.T) {
			n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database(), Configure: floods})
			other := n // another process of the same node
			if n.Config.Database != "" {
				other = nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: n.Config.Database, Data: n.Config.Data, Clock: n.Clock, Configure: floods})
			}
			manager := n.Person("list-manager", mandate.ListManager)
			one, err := digest.Reader(bytes.NewReader(leaflet(1)))
			nodetest.Must(t, err)
			two, err := digest.Reader(bytes.NewReader(leaflet(2)))
			nodetest.Must(t, err)
			list := importRows(t, n, "", fmt.Sprintf("md5,sha256,pdq\n%s,%s,%s\n", one.MD5Hex(), two.SHA256Hex(), hashOf(t, leaflet(0))))
			// A share of nearly all, and of few: what is beyond one limit alone goes on.
			upload(t, n, false, leaflet(10), leaflet(11), leaflet(12))
			for range 4 {
				upload(t, n, false, nodetest.Picture(1), nodetest.Picture(2), nodetest.Picture(3), nodetest.Picture(4), nodetest.Picture(5))
			}
			_, err = n.Intake.Watch(t.Context()) // as each second, so that other processes know what was compared
			nodetest.Must(t, err)
			nodetest.Must(t, other.Lists.Load(t.Context()))
			fourth := upload(t, other, false, leaflet(13), leaflet(14))[0]
			if open := openAlarms(t, n, list); len(open) != 0 {
				t.Fatalf("5 of 25 files are too much: %+v", open)
			}
			fifth := upload(t, n, false, leaflet(17))[0]
			wantState(t, n, "the file that was too much", fifth, item.Open)
			open := openAlarms(t, n, list)
			if len(open) != 1 || !strings.Contains(open[0].Reason, "matched 6 different files of 26") {
				t.Fatalf("%+v", open)
			}
			entry := fourth.Matches[0].Entry

			held := upload(t, other, false, leaflet(15))[0]
			wantState(t, n, "what came after", held, item.Held)
			if held.Sighting == "" || len(held.Matches) != 1 || held.Matches[0].Quarantine == "" || !strings.Contains(held.Next, "waits") {
				t.Errorf("%+v", held)
			}
			nodetest.Want(t, "taking what is held", n.Triage.Take(t.Context(), n.Analyst(), held.SHA256), problem.Conflict)
			again := upload(t, n, false, leaflet(15), leaflet(10))
			wantState(t, n, "the same again", again[0], item.Held)
			wantState(t, n, "what was in the queue", again[1], item.Open)
			// What a moderator flags, and what is equal to the entry, comes; beyond the
			// first such file it does not, and comes when it is flagged later.
			wantState(t, n, "a flagged file", upload(t, n, true, leaflet(16))[0], item.Open)
			wantState(t, n, "the first equal file", upload(t, n, false, leaflet(1))[0], item.Open)
			equal := upload(t, n, false, leaflet(2))[0]
			wantState(t, n, "the second equal file", equal, item.Held)
			wantState(t, n, "the same flagged", upload(t, n, true, leaflet(2))[0], item.Open)
			if looked, err := n.Intake.Lookup(t.Context(), n.Uploads, hashesOf(hashOf(t, leaflet(0)))); err != nil || looked.Found[0].Matches[0].Quarantine == "" {
				t.Errorf("a lookup does not say so: %+v, %v", looked, err)
			}

			l, _, _, err := n.Lists.List(t.Context(), manager, list)
			nodetest.Must(t, err)
			if len(l.Quarantines) != 1 || l.Quarantines[0].Held != 1 || l.Quarantines[0].Waiting[0].ItemID != held.SHA256 {
				t.Fatalf("%+v", l.Quarantines)
			}
			// Nobody decides in time: people are told again.
			n.Clock.Add(time.Hour)
			n.Work(t)
			n.Clock.Add(time.Hour)
			n.Work(t)
			if open := openAlarms(t, n, list); len(open) != 2 || open[1].Times != 2 {
				t.Errorf("nobody was told again: %+v", open)
			}
			nodetest.Want(t, "lifting it without a reason", n.Lists.LiftQuarantine(t.Context(), manager, list, entry, " "), problem.Invalid)
			nodetest.Want(t, "lifting it as an analyst", n.Lists.LiftQuarantine(t.Context(), n.Analyst(), list, entry, "looks right"), problem.Denied)
			nodetest.Must(t, n.Lists.LiftQuarantine(t.Context(), manager, list, entry, "a leaflet that is asked for"))
			n.Work(t)
			wantState(t, n, "what waited", held, item.Open)
			if row, _ := n.Item(t, held.SHA256); row.Tier != "P3" || row.Sightings != 2 {
				t.Errorf("%+v", row.Item)
			}
			if open := openAlarms(t, n, list); len(open) != 0 {
				t.Errorf("whoever lifted it has not looked: %+v", open)
			}
			nodetest.Want(t, "lifting it twice", n.Lists.LiftQuarantine(t.Context(), manager, list, entry, "again"), problem.Conflict)

			// What was looked at does not count again, what comes then does; a person
			// withdraws the entry, and what waited stays listed.
			wantState(t, n, "one more", upload(t, n, false, leaflet(20))[0], item.Open)
			upload(t, n, false, leaflet(21), leaflet(22), leaflet(23))
			last := upload(t, n, false, leaflet(24))[0]
			wantState(t, n, "what is too much again", last, item.Held)
			nodetest.Must(t, n.Lists.ChangeEntry(t.Context(), manager, list, entry, store.EntryWithdrawn, "it is a leaflet"))
			n.Work(t)
			wantState(t, n, "what a withdrawn entry held", last, item.Held)
			l, _, _, err = n.Lists.List(t.Context(), manager, list)
			nodetest.Must(t, err)
			if q := l.Quarantines[0]; q.Outcome != store.EntryWithdrawn || q.Held != 1 || !q.Liftable() {
				t.Errorf("%+v", q)
			}
			if none := upload(t, n, false, leaflet(25))[0]; none.Sighting != "" {
				t.Errorf("a withdrawn entry matches: %+v", none)
			}
		})
	}
}

func hashesOf(h pdq.Hash) []match.Hashes { return []match.Hashes{{PDQ: &h}} }
