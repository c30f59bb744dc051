package lists_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// clip is a video of some frames, one a second, alike to no other clip.
func clip(number, frames int) (features []video.Feature) {
	for i := range frames {
		sum, err := digest.Reader(strings.NewReader(fmt.Sprint(number, i)))
		if err != nil {
			panic(err)
		}
		features = append(features, video.Feature{Frame: 30 * i, Quality: 100, Hash: pdq.Hash(sum.SHA256), Time: time.Duration(i) * 1001 * time.Millisecond})
	}
	return features
}

// vpdq is the text of vPDQ.
func vpdq(features []video.Feature) string {
	var text strings.Builder
	if err := video.Write(&text, features); err != nil {
		panic(err)
	}
	return text.String()
}

// films tells which of the clips 1 to 4 match in a house by half of their frames.
func films(x *match.Index, now time.Time) string {
	var found []string
	for n := 1; n <= 4; n++ {
		half := clip(n, 10)[5:]
		if matches := x.QueryVideo(match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: half, Every: time.Second, Now: now}).Matches; len(matches) > 0 {
			found = append(found, fmt.Sprint(n))
		}
	}
	return strings.Join(found, " ")
}

// TestVideosOfLists are taken in, stopped, brought back, saved with the index, and
// let go in both formats that can hold them.
func TestVideosOfLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		list := h.create(t, "Videos")
		expect := func(what, want string) {
			t.Helper()
			if got := films(h.index, h.now); got != want {
				t.Errorf("%s: %q match, want %q", what, got, want)
			}
		}
		if got := h.take(t, list, vpdq(clip(1, 10))); got.Added != 1 || got.Format != "vpdq" {
			t.Errorf("vPDQ: %+v", got)
		}
		if got := h.take(t, list, vpdq(clip(1, 10))); got.Unchanged != 1 {
			t.Errorf("vPDQ again: %+v", got)
		}
		line := func(n, frames int) string {
			return fmt.Sprintf("{\"path\":\"clip %d.mp4\",\"sha256\":%q,\"frames\":%d,\"frame_hashes\":%q}\n", n, sums(fmt.Sprint("clip ", n)), frames, video.Inline(clip(n, frames)))
		}
		if got := h.take(t, list, line(2, 2)+line(3, 10)); got.Added != 2 {
			t.Errorf("brdo hash: %+v", got)
		}
		expect("two frames of clip 2", "1 3")
		if got := h.take(t, list, line(2, 10)); got.Changed != 1 {
			t.Errorf("more frames: %+v", got)
		}
		if got := h.take(t, list, "sha256\n"+sums("clip 2")+"\n"); got.Unchanged != 1 {
			t.Errorf("without frames: %+v", got)
		}
		h.take(t, list, rows(1, 2, 3))
		expect("all frames", "1 2 3")
		h.change(t, list, "clip 2", store.EntrySuspended)
		h.change(t, list, "clip 3", store.EntryWithdrawn)
		expect("one suspended, one withdrawn", "1")
		h.change(t, list, "clip 2", store.EntryActive)
		expect("one is back", "1 2")

		// Another process, and one that begins with the saved index and misses a change.
		other := match.New()
		if err := lists.New(h.ledger, s, other, h.law).Load(t.Context()); err != nil || films(other, h.now) != "1 2" {
			t.Errorf("another process: %v, %s", err, films(other, h.now))
		}
		folder := t.TempDir()
		if err := h.index.Save(folder); err != nil {
			t.Fatal(err)
		}
		h.take(t, list, line(4, 10))
		h.change(t, list, "clip 2", store.EntryWithdrawn)
		saved, err := match.Open(folder)
		if err != nil || films(saved, h.now) != "1 2" {
			t.Fatalf("the saved index: %v", err)
		}
		if err := lists.New(h.ledger, s, saved, h.law).Load(t.Context()); err != nil || films(saved, h.now) != "1 4" {
			t.Errorf("from the saved index on: %v, %s", err, films(saved, h.now))
		}

		for _, format := range []hashlist.Format{hashlist.CSV, hashlist.JSONLines} {
			for _, after := range []int64{0, 1} {
				var out bytes.Buffer
				if _, err := h.release(t, list, format, 0, after, &out); err != nil {
					t.Fatal(err)
				}
				elsewhere := newHouse(t, storetest.SQLite(t))
				elsewhere.take(t, elsewhere.create(t, "Videos"), out.String())
				if want := map[int64]string{0: "1 4", 1: "4"}[after]; films(elsewhere.index, h.now) != want {
					t.Errorf("%s after %d: %q match, want %q", format, after, films(elsewhere.index, h.now), want)
				}
			}
		}
		if err := h.SetState(t.Context(), manager, list, store.ListSuspended, "a check"); err != nil {
			t.Fatal(err)
		}
		expect("the list is suspended", "")
	})
}
