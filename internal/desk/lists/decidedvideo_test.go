package lists_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestPartsOfDecidedVideosAreFound by an entry that two people made of one, also by whoever takes
// an export in; not where the list leaves videos out, nor when the entry is stopped.
func TestPartsOfDecidedVideosAreFound(t *testing.T) {
	const card, fractal = "testsrc2=size=320x180:rate=10", "mandelbrot=size=320x180:rate=10"
	whole := mediatest.Clip(t, card+":duration=4")
	part := mediatest.Clip(t, fractal+",trim=duration=1[a];"+card+",trim=1:4,setpts=PTS-STARTPTS[b];[a][b]concat=n=2")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		n, partner, ctx := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database()}), nodetest.Open(t, nodetest.Options{Kind: mandate.Provider}), t.Context()
		hand := func(n *nodetest.Node, content []byte, flagged bool) intake.FileResult {
			t.Helper()
			s := nodetest.Submission(1, "user1")
			s.Flagged, s.Files = flagged, []intake.Upload{{Name: "clip.mkv", Content: bytes.NewReader(content)}}
			found, err := n.Intake.Detect(ctx, n.Uploads, s)
			must(t, err)
			return found.Files[0]
		}
		plan := lists.NewList{Name: "own", Source: "people here", Scheme: "demo-training-match@1", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, VideoUpload: -1, VideoEntry: -1, Own: true}
		made, err := n.Lists.Create(ctx, mona(n), plan)
		must(t, err)
		pictures := own(t, n) // with shares of 0

		id := hand(n, whole, true).SHA256
		for _, who := range []mandate.Actor{n.Analyst(), n.Second()} {
			n.Judge(t, who, id, nodetest.Yes)
			n.Settle(t)
		}
		for _, list := range []string{made.ID, pictures} {
			proposal, _, err := n.Lists.Propose(ctx, mona(n), list, id, "known since today")
			must(t, err)
			seen, err := n.Lists.Decided(ctx, nils(n), list)
			must(t, err)
			want := 0
			if list == made.ID {
				want = 4
			}
			if len(seen.Proposals) != 1 || seen.Proposals[0].Frames != want {
				t.Errorf("%d frames are proposed, want %d", seen.Proposals[0].Frames, want)
			}
			_, err = n.Lists.Confirm(ctx, nils(n), list, proposal)
			must(t, err)
			if e := entryOf(t, n, list, id); e.Frames != want {
				t.Errorf("the entry has %d frames, want %d", e.Frames, want)
			}
		}
		finds := func(what string, n *nodetest.Node, list string, want bool) {
			t.Helper()
			got := false
			for _, m := range hand(n, part, false).Matches {
				if m.Kind != match.Frames || m.Video.EntryPercent != 75 {
					t.Errorf("%s: %+v", what, m)
				}
				got = got || m.List == list
			}
			if got != want {
				t.Errorf("%s: found is %v, want %v", what, got, want)
			}
		}
		finds("here", n, made.ID, true)
		finds("a list without videos", n, pictures, false)

		// Whoever takes an export in.
		for _, format := range []hashlist.Format{hashlist.CSV, hashlist.JSONLines} {
			request, err := n.Lists.RequestExport(ctx, mona(n), made.ID, "for a partner")
			must(t, err)
			var out bytes.Buffer
			_, err = n.Lists.Export(ctx, nils(n), made.ID, request, format, 0, 0, &out)
			must(t, err)
			plan.Name, plan.Own = "taken from "+string(format), false
			taken, err := partner.Lists.Create(ctx, mona(partner), plan)
			must(t, err)
			_, err = partner.Lists.Import(ctx, mona(partner), taken.ID, lists.Import{FileName: "list", Content: &out, Reason: "from a partner"})
			must(t, err)
			finds(string(format), partner, taken.ID, true)
		}

		// It comes back with its frames.
		must(t, n.Lists.ChangeEntry(ctx, mona(n), made.ID, entryOf(t, n, made.ID, id).ID, store.EntrySuspended, "a check"))
		finds("suspended", n, made.ID, false)
		must(t, n.Lists.ChangeEntry(ctx, mona(n), made.ID, entryOf(t, n, made.ID, id).ID, store.EntryActive, "it was right"))
		finds("restored", n, made.ID, true)
	})
}

// TestFramesReachSubscribers, in as many deliveries as they need.
func TestFramesReachSubscribers(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		clock := nodetest.NewClock()
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Hotline, Database: database(), Clock: clock})
		subscriber := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Name: "subscriber", Clock: clock})
		nodetest.Meet(t, n, subscriber)
		ctx, list := t.Context(), own(t, n)
		must(t, n.Store.WriteShared(ctx, func(tx *store.Tx) error {
			for number := 1; number <= 3; number++ {
				version, err := tx.NextListVersion(list)
				if err != nil {
					return err
				}
				frames := clip(number, 8000)
				entry := store.ListEntry{ID: store.NewID("entry"), ListID: list, Identity: fmt.Sprint("frames:", number), Frames: len(frames), AddedVersion: version}
				if _, _, err := tx.PutListEntry(entry, video.Pack(frames)); err != nil {
					return err
				}
				if err := tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: clock.Now(), By: "person/mona", Added: 1}); err != nil {
					return err
				}
			}
			return nil
		}))
		subscription, err := n.Lists.Subscribe(ctx, mona(n), list, lists.NewSubscription{Subscriber: subscriber.Post.Self().NodeID, Basis: "an order", Until: clock.Now().AddDate(1, 0, 0)})
		must(t, err)
		must(t, n.Lists.Release(ctx, nils(n), list, subscription))
		_, err = subscriber.Lists.Create(ctx, mona(subscriber), lists.NewList{
			Name: "followed", Source: "a hotline", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, VideoUpload: -1, VideoEntry: -1, Follows: lists.Source{Node: n.Post.Self().NodeID, List: list},
		})
		must(t, err)
		for range 3 {
			n.Work(t)
			subscriber.Work(t)
		}
		for number := 1; number <= 3; number++ {
			found := subscriber.Index.QueryVideo(match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: clip(number, 8000)[7990:], Every: time.Second, Now: clock.Now()}).Matches
			if len(found) != 1 {
				t.Errorf("the video %d: %+v", number, found)
			}
		}
		v, err := n.Lists.Sharing(ctx, mona(n), list)
		if err != nil || len(v.Deliveries) != 2 {
			t.Errorf("%d deliveries, %v", len(v.Deliveries), err)
		}
	})
}
