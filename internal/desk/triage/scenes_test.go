package triage_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// boxes draws a benign picture of coloured boxes: the same for the same seed.
func boxes(seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 4))
	out := image.NewNRGBA(image.Rect(0, 0, 320, 240))
	for range 120 {
		fill := image.NewUniform(color.NRGBA{uint8(random.IntN(256)), uint8(random.IntN(256)), uint8(random.IntN(256)), 255})
		at := image.Pt(random.IntN(320), random.IntN(240))
		draw.Draw(out, image.Rectangle{at, at.Add(image.Pt(8+random.IntN(40), 8+random.IntN(40)))}, fill, image.Point{}, draw.Src)
	}
	return out
}

// part cuts a picture, mirrored left to right when that is asked for.
func part(p *image.NRGBA, r image.Rectangle, mirrored bool) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	for y := range r.Dy() {
		for x := range r.Dx() {
			from := r.Min.X + x
			if mirrored {
				from = r.Max.X - 1 - x
			}
			out.SetNRGBA(x, y, p.NRGBAAt(from, r.Min.Y+y))
		}
	}
	return out
}

// flagged hands a picture in that a user flagged; no list knows it.
func flagged(t testing.TB, n *nodetest.Node, p image.Image) string {
	t.Helper()
	var file bytes.Buffer
	must(t, png.Encode(&file, p))
	found := n.Submit(t, intake.Submission{Flagged: true, Files: []intake.Upload{{Name: "picture.png", Content: bytes.NewReader(file.Bytes())}}})
	if len(found.Matches) > 0 {
		t.Fatalf("a list knows it: %+v", found.Matches)
	}
	return found.SHA256
}

// comparisons are the events of comparing an item, the first first.
func comparisons(t testing.TB, n *nodetest.Node, id string) (events []ledger.Event) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsOf(id, 100)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			if event.Action == mandate.ItemCompare.Name {
				events = append(events, event)
			}
		}
		return err
	})
	slices.SortStableFunc(events, func(a, b ledger.Event) int { return strings.Compare(a.ID, b.ID) })
	return events
}

// readBy are the items that the node opened for a question, in their order.
func readBy(events []ledger.Event, search string) (read []string) {
	for _, e := range events {
		if e.ActorKind != mandate.Node || e.Detail["search"] != search {
			continue
		}
		ids, _ := e.Detail["read"].([]any)
		for _, id := range ids {
			read = append(read, fmt.Sprint(id))
		}
	}
	slices.Sort(read)
	return read
}

func sorted(ids ...string) []string { slices.Sort(ids); return ids }

func scenes(t testing.TB, n *nodetest.Node, who mandate.Actor, id string) []triage.SceneSearch {
	t.Helper()
	card, err := n.Triage.Card(t.Context(), who, id)
	must(t, err)
	return card.Scenes
}

// TestSameSceneIsFoundWhereNoHashSeesIt: a picture cut on one side is found to show what
// people decided about, and what waits; others are not, and what may not be used is not read.
func TestSameSceneIsFoundWhereNoHashSeesIt(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, ada, dora := t.Context(), n.Analyst(), n.Person("dora", mandate.Analyst)
		n.Triage.SetScenes(200, 2)
		whole := boxes(1)
		decided, other := flagged(t, n, whole), flagged(t, n, boxes(2))
		harmless := flagged(t, n, part(whole, image.Rect(0, 0, 320, 200), false))
		gone := flagged(t, n, part(whole, image.Rect(0, 30, 320, 240), false))
		for _, id := range []string{decided, other, gone} {
			n.Judge(t, ada, id, nodetest.Yes)
		}
		n.Judge(t, ada, harmless, nodetest.No)
		n.Settle(t)
		known, _ := n.Item(t, decided)
		manager := n.Person("list-manager", mandate.ListManager)
		list, err := n.Lists.Create(ctx, manager, lists.NewList{
			Name: "boxes", Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, VideoUpload: -1, VideoEntry: -1,
		})
		must(t, err)
		_, err = n.Lists.Import(ctx, manager, list.ID, lists.Import{FileName: "list.csv", Content: strings.NewReader("pdq\n" + known.PDQ + "\n"), Reason: "made by the test"})
		must(t, err)
		must(t, n.Triage.Erase(ctx, n.Supervisor(), gone, "the period has ended"))
		n.Work(t)
		cut := flagged(t, n, part(whole, image.Rect(64, 0, 320, 240), false))
		mirrored := flagged(t, n, part(whole, image.Rect(0, 0, 260, 240), true))
		waiting, late := flagged(t, n, boxes(3)), flagged(t, n, part(whole, image.Rect(50, 40, 320, 240), false))

		ask := func(who mandate.Actor, reason string) error {
			_, err := n.Triage.AskScenes(ctx, who, cut, reason)
			return err
		}
		nodetest.Want(t, "asking without having it", ask(ada, "it looks cut"), problem.Conflict)
		must(t, n.Triage.Take(ctx, ada, cut))
		nodetest.Want(t, "asking without a reason", ask(ada, " "), problem.Invalid)
		for _, who := range []mandate.Actor{
			n.Person("a", mandate.Auditor), n.Person("b", mandate.Operator), n.Person("c", mandate.ListManager), n.Person("d", mandate.Investigator),
			n.Person("e", mandate.Analyst, mandate.Operator), n.Person("f", mandate.Analyst, mandate.Auditor), n.Uploads,
		} {
			nodetest.Want(t, fmt.Sprintf("asking as %v", who.Roles), ask(who, "it looks cut"), problem.Denied)
		}
		before := len(comparisons(t, n, cut))
		search, err := n.Triage.AskScenes(ctx, ada, cut, "it looks like message 17")
		must(t, err)
		nodetest.Want(t, "asking while that is answered", ask(ada, "again"), problem.Conflict)
		if s := scenes(t, n, ada, cut); len(s) != 1 || s[0].All != 5 || s[0].Compared != 0 || !s[0].EndedAt.IsZero() || s[0].Reason != "it looks like message 17" {
			t.Errorf("before anything is compared: %+v", s)
		}
		asked := comparisons(t, n, cut)[before]
		if asked.Actor != ada.ID || asked.Outcome != "done" || asked.Purpose != mandate.PurposeReview || asked.Detail["search"] != search || asked.Detail["items"] != 5.0 {
			t.Errorf("%+v", asked)
		}
		// What is erased after the question and before the answer is not opened either.
		must(t, n.Triage.Erase(ctx, n.Supervisor(), late, "the period has ended"))
		n.Work(t)

		shown := scenes(t, n, ada, cut)[0]
		if shown.EndedAt.IsZero() || shown.Problem != "" || shown.All != 5 || shown.Compared != 4 || shown.Left[store.SceneErased] != 1 || shown.Beyond != 0 {
			t.Errorf("%+v", shown)
		}
		if len(shown.Found) != 2 || shown.Found[0].ItemID != decided || shown.Found[1].ItemID != mirrored {
			t.Fatalf("found %+v, want %s and %s", shown.Found, decided, mirrored)
		}
		first, second := shown.Found[0], shown.Found[1]
		if first.Ground != store.SceneDecided || first.Strength != scene.Strong || first.Mirrored || first.Of < 0.97 || first.Covers < 0.77 || first.Covers > 0.83 ||
			first.Scale < 0.98 || first.Scale > 1.02 || max(first.Rotation, -first.Rotation) > 1 {
			t.Errorf("a cut: %+v", first)
		}
		if second.Ground != store.SceneWaiting || !second.Mirrored {
			t.Errorf("cut and mirrored: %+v", second)
		}
		if read := readBy(comparisons(t, n, cut), search); !slices.Equal(read, sorted(decided, other, mirrored, waiting)) {
			t.Errorf("the log says that %v were read", read)
		}
		if _, a := n.Item(t, mirrored); a.State != item.Open {
			t.Errorf("a finding changed an item: %s", a.State)
		}
		nothingKept(t, n)
		n.Look(t, func(tx *store.Tx) error {
			alike, err := tx.ScenesAlike(search)
			for _, one := range alike {
				if len(one.Found) > 300 {
					t.Errorf("%d bytes are kept of a finding", len(one.Found))
				}
			}
			return err
		})

		// A colleague is not led by it, and asks anew; then what the decided item rests on is
		// gone, and is neither read nor shown.
		must(t, n.Triage.Erase(ctx, n.Supervisor(), decided, "the period has ended"))
		n.Work(t)
		if f := scenes(t, n, ada, cut)[0].Found; !f[0].Erased || f[1].Erased {
			t.Errorf("%+v", f)
		}
		_, err = n.Triage.ViewScenes(ctx, ada, cut, search, decided)
		nodetest.Want(t, "seeing what was erased", err, problem.NotFound)
		must(t, n.Triage.Pass(ctx, ada, cut))
		must(t, n.Triage.Take(ctx, dora, cut))
		if s := scenes(t, n, dora, cut); len(s) != 0 {
			t.Errorf("a colleague sees what was asked: %+v", s)
		}
		_, err = n.Triage.ViewScenes(ctx, dora, cut, search, mirrored)
		nodetest.Want(t, "seeing what a colleague found", err, problem.NotFound)
		again, err := n.Triage.AskScenes(ctx, dora, cut, "it looks cut")
		must(t, err)
		n.Work(t)
		if read := readBy(comparisons(t, n, cut), again); !slices.Equal(read, sorted(other, mirrored, waiting)) {
			t.Errorf("without the erased item %v were read", read)
		}
		if f := scenes(t, n, dora, cut)[0].Found; len(f) != 1 || f[0].ItemID != mirrored {
			t.Errorf("%+v", f)
		}
		n.Judge(t, n.Analyst(), waiting, nodetest.No)
	})
}

// nothingKept looks for the features of pictures in all files of a node.
func nothingKept(t testing.TB, n *nodetest.Node) {
	t.Helper()
	must(t, filepath.WalkDir(n.Config.Data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && bytes.Contains(content, []byte("BRs1")) {
			t.Errorf("%s holds features", path)
		}
		return err
	}))
}

// TestBothSidesOfAFindingAreViews: they count, end and are refused as every view.
func TestBothSidesOfAFindingAreViews(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx, ada, dora := t.Context(), n.Analyst(), n.Person("dora", mandate.Analyst)
	whole := boxes(1)
	other, cut, unlike := flagged(t, n, whole), flagged(t, n, part(whole, image.Rect(64, 0, 320, 240), false)), flagged(t, n, boxes(2))
	must(t, n.Triage.Take(ctx, ada, cut))
	// What was taken back by whoever told of it is neither opened nor shown, though it is here.
	var file bytes.Buffer
	must(t, png.Encode(&file, part(whole, image.Rect(0, 0, 320, 200), false)))
	back := n.Submit(t, intake.Submission{Flagged: true, ClientRef: "envelope/17", Files: []intake.Upload{{Name: "picture.png", Content: bytes.NewReader(file.Bytes())}}}).SHA256
	must(t, n.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.InsertEnvelopeIn(store.EnvelopeIn{
			Source: n.Uploads.ID, ID: "envelope/18", Kind: string(mandate.EnvelopeRecall), Refers: "envelope/17", Body: []byte{}, ReceivedAt: n.Clock.Now(), StatusAt: n.Clock.Now(), Status: "accepted",
		})
	}))
	search, err := n.Triage.AskScenes(ctx, ada, cut, "it looks cut")
	must(t, err)
	n.Work(t)
	if s := scenes(t, n, ada, cut)[0]; s.Left[store.SceneChanged] != 1 || len(s.Found) != 1 || s.Found[0].ItemID != other {
		t.Errorf("with %s taken back: %+v", back, s)
	}
	view := func(who mandate.Actor, with string) error {
		_, err := n.Triage.ViewScenes(ctx, who, cut, search, with)
		return err
	}
	nodetest.Want(t, "seeing what was not found", view(ada, unlike), problem.NotFound)
	nodetest.Want(t, "seeing without having it", view(dora, other), problem.Conflict)
	nodetest.Want(t, "seeing as a list manager", view(n.Person("m", mandate.ListManager), other), problem.Denied)
	before, err := n.Triage.View(ctx, ada, cut, triage.Look{Level: item.LevelSketch})
	must(t, err)
	sketch, err := n.Triage.Picture(ctx, ada, before)
	must(t, err)
	views, err := n.Triage.ViewScenes(ctx, ada, cut, search, other)
	must(t, err)
	_, err = n.Triage.Picture(ctx, ada, before)
	nodetest.Want(t, "the view before", err, problem.Expired)
	for _, exposure := range []string{views.Item, views.Other} {
		if p, err := n.Triage.Picture(ctx, ada, exposure); err != nil || bytes.Equal(p.Data, sketch.Data) != (exposure == views.Item) {
			t.Errorf("%s: not the sketch of the right item: %v", exposure, err)
		}
		_, err := n.Triage.Picture(ctx, dora, exposure)
		nodetest.Want(t, "another's picture", err, problem.Expired)
	}
	w, err := n.Triage.Wellbeing(ctx, ada)
	must(t, err)
	if w.ByLevel["sketch"] != 3 {
		t.Errorf("%+v", w.ByLevel)
	}
	n.Look(t, func(tx *store.Tx) error {
		for _, id := range []string{cut, other} {
			rows, err := tx.LogEventsOf(id, 100)
			if err != nil {
				return err
			}
			views := 0
			for _, row := range rows {
				if row.Action == mandate.ItemView.Name && strings.Contains(string(row.Record), `"level":"sketch"`) {
					views++
				}
			}
			if views != map[string]int{cut: 2, other: 1}[id] {
				t.Errorf("%d views of %s are logged", views, id)
			}
		}
		return nil
	})

	must(t, n.Triage.Take(ctx, dora, other))
	nodetest.Want(t, "what a colleague has", view(ada, other), problem.Conflict)
	must(t, n.Triage.Pass(ctx, dora, other))
	must(t, view(ada, other))
	must(t, n.Triage.SetBreak(ctx, n.Supervisor(), 1, 15))
	nodetest.Want(t, "seeing on a break", view(ada, other), problem.Unavailable)

	n.Clock.Set(n.Clock.Now().AddDate(0, 0, 1))
	must(t, n.Triage.SetBreak(ctx, n.Supervisor(), 100, 15))
	must(t, n.Triage.Take(ctx, ada, other))
	must(t, n.Triage.Pass(ctx, ada, other))
	must(t, n.Triage.Take(ctx, ada, cut))
	nodetest.Want(t, "what one passed", view(ada, other), problem.Denied)
}

// TestScenesAreBounded: a question says what it left out, the next goes on there, and a
// worker that takes over does not begin anew.
func TestScenesAreBounded(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	ctx, ada := t.Context(), n.Analyst()
	n.Triage.SetScenes(2, 1)
	whole := boxes(1)
	cut := flagged(t, n, part(whole, image.Rect(64, 0, 320, 240), false))
	var waiting []string
	for i := range uint64(3) {
		waiting = append(waiting, flagged(t, n, boxes(1+i)))
		n.Clock.Add(time.Second)
	}
	must(t, n.Triage.Take(ctx, ada, cut))
	first, err := n.Triage.AskScenes(ctx, ada, cut, "it looks cut")
	must(t, err)
	must(t, n.Store.Write(ctx, func(tx *store.Tx) error {
		next, err := tx.NextScenes(first, 1)
		if err != nil || next[0].ItemID != waiting[2] {
			t.Errorf("not the newest first: %+v, %v", next, err)
		}
		next[0].Result = store.SceneUnlike
		return tx.SettleScene(next[0])
	}))
	n.Work(t)
	if s := scenes(t, n, ada, cut)[0]; s.Beyond != 1 || s.All != 2 || s.Compared != 2 || len(s.Found) != 0 {
		t.Errorf("%+v", s)
	}
	if read := readBy(comparisons(t, n, cut), first); !slices.Equal(read, []string{waiting[1]}) {
		t.Errorf("after a worker took over, %v were read", read)
	}
	second, err := n.Triage.AskScenes(ctx, ada, cut, "go on")
	must(t, err)
	n.Work(t)
	if s := scenes(t, n, ada, cut)[0]; s.ID != second || s.Beyond != 0 || s.All != 1 || len(s.Found) != 1 || s.Found[0].ItemID != waiting[0] {
		t.Errorf("%+v", s)
	}

	// Bodies that the store lost are tried some times; then that is said of each, and what
	// can be read is compared.
	dora := n.Person("dora", mandate.Analyst)
	for _, seed := range []uint64{8, 9} {
		losing(t, n, flagged(t, n, boxes(seed)))
	}
	must(t, n.Triage.Pass(ctx, ada, cut))
	must(t, n.Triage.Take(ctx, dora, cut))
	n.Triage.SetScenes(200, 1)
	_, err = n.Triage.AskScenes(ctx, dora, cut, "it looks cut")
	must(t, err)
	for range 6 {
		n.Work(t)
		n.Clock.Add(2 * time.Hour)
	}
	if s := scenes(t, n, dora, cut)[0]; s.Problem != "" || s.EndedAt.IsZero() || s.All != 5 || s.Left[store.SceneFailed] != 2 || len(s.Found) != 1 {
		t.Errorf("%+v", s)
	}
	lost := flagged(t, n, boxes(7))
	losing(t, n, lost)
	must(t, n.Triage.Take(ctx, dora, lost))
	_, err = n.Triage.AskScenes(ctx, dora, lost, "it looks cut")
	must(t, err)
	for range 6 {
		n.Work(t)
		n.Clock.Add(2 * time.Hour)
	}
	if s := scenes(t, n, dora, lost)[0]; s.Problem != store.SceneFailed || s.EndedAt.IsZero() || s.Compared != 0 {
		t.Errorf("%+v", s)
	}

	// A picture with too few features says so.
	plain := flagged(t, n, image.NewNRGBA(image.Rect(0, 0, 200, 200)))
	must(t, n.Triage.Take(ctx, ada, plain))
	_, err = n.Triage.AskScenes(ctx, ada, plain, "it is empty")
	must(t, err)
	n.Work(t)
	if s := scenes(t, n, ada, plain)[0]; s.Problem != store.ScenePlain || s.EndedAt.IsZero() || s.Compared != 0 {
		t.Errorf("%+v", s)
	}
}

// losing removes the body of an item behind the node's back.
func losing(t testing.TB, n *nodetest.Node, id string) {
	t.Helper()
	removed := 0
	must(t, filepath.WalkDir(n.Config.Data, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.Contains(path, id) {
			removed++
			err = os.Remove(path)
		}
		return err
	}))
	if removed == 0 {
		t.Fatalf("no file is named after item %s", id)
	}
}
