package intake_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// Patterns of ten frames a second that are not like each other.
const (
	card    = "testsrc2=size=320x180:rate=10"
	fractal = "mandelbrot=size=320x180:rate=10"
)

// film is one upload.
func film(content io.ReadSeeker) intake.Submission {
	return intake.Submission{Files: []intake.Upload{{Name: "clip.mkv", Content: content}}}
}

func TestKnownVideosAndPartsOfThem(t *testing.T) {
	known := mediatest.Clip(t, card+":duration=4")
	parts := mediatest.Clip(t, fractal+",trim=duration=2[a];"+card+",trim=1:4,setpts=PTS-STARTPTS[b];[a][b]concat=n=2")
	other := mediatest.Clip(t, fractal+",trim=duration=3")
	mirrored := mediatest.Clip(t, card+":duration=4,hflip")
	lasting := mediatest.Clip(t, card+":duration=6")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database(), Configure: func(c *node.Config) {
			c.Media.Video.MaxFrames, c.Media.Video.AtOnce = 50, 1
		}})
		submit := func(s intake.Submission) intake.FileResult {
			t.Helper()
			d, err := n.Intake.Detect(t.Context(), n.Uploads, s)
			if err != nil {
				t.Fatal(err)
			}
			return d.Files[0]
		}
		digests := n.List(t, "double", 1)
		if found := submit(film(bytes.NewReader(known))); found.Video == nil || found.Video.NotCompared != "no list in use knows videos by their frames" || found.Sighting != "" || found.MIME != "video/matroska" {
			t.Errorf("without a list of videos: %+v, %+v", found, found.Video)
		}

		hashed, err := n.Decoder.Video(t.Context(), bytes.NewReader(known), int64(len(known)), media.VideoRequest{Every: time.Second})
		if err != nil || len(hashed.Features) != 4 {
			t.Fatalf("%v, %+v", err, hashed)
		}
		var text strings.Builder
		nodetest.Must(t, video.Write(&text, hashed.Features))
		manager := n.Person("list-manager", mandate.ListManager)
		take := func(list, text string) {
			t.Helper()
			if _, err := n.Lists.Import(t.Context(), manager, list, lists.Import{FileName: "clip.txt", Content: strings.NewReader(text), Reason: "made by the test"}); err != nil {
				t.Fatal(err)
			}
		}
		list := n.List(t, "double", 2)
		take(list, text.String())

		found := submit(film(bytes.NewReader(parts)))
		if len(found.Matches) != 1 || found.Matches[0].Kind != match.Frames || found.Matches[0].List != list || found.Status != media.StatusOK || found.Width != 320 || found.Sighting == "" {
			t.Fatalf("a video with a part of a known one: %+v", found)
		}
		if *found.Video != (intake.Video{Frames: 50, Hashed: 5, Read: 1}) {
			t.Errorf("%+v", found.Video)
		}
		want := match.VideoMatch{UploadPercent: 60, EntryPercent: 75, Parts: []match.Part{{UploadFrom: 2, UploadTo: 4, EntryFrom: 1, EntryTo: 3, Frames: 3}}}
		if fmt.Sprintf("%+v", *found.Matches[0].Video) != fmt.Sprintf("%+v", want) {
			t.Errorf("%+v, want %+v", *found.Matches[0].Video, want)
		}
		if row, _ := n.Item(t, found.SHA256); row.MIME != "video/matroska" || row.Width != 320 || row.MediaStatus != string(media.StatusOK) || row.Content != store.ContentSealed {
			t.Errorf("%+v", row)
		}
		look(t, n, found.SHA256)
		if found := submit(film(bytes.NewReader(other))); len(found.Matches) > 0 || found.Sighting != "" || found.Video.Hashed != 3 || found.Unhashable != "" {
			t.Errorf("another video: %+v", found)
		}

		over := submit(film(bytes.NewReader(mirrored)))
		if len(over.Matches) != 1 || fmt.Sprint(over.Matches[0].Transformations) != "[flipY]" || over.Matches[0].Video.EntryPercent != 100 ||
			!strings.HasPrefix(over.Matches[0].Explanation, "turned or mirrored (flipY), 00:00:00-00:00:03 of the video is 00:00:00-00:00:03") {
			t.Errorf("mirrored: %+v", over)
		}

		// What can be read of a broken one, and the beginning of a long one.
		cut := submit(film(bytes.NewReader(known[:len(known)*3/4])))
		if cut.Status != media.StatusPartial || len(cut.Matches) != 1 || cut.Video.Read < 0.4 || cut.Video.Read > 0.95 || !strings.Contains(cut.Detail, "% of the video could be read") {
			t.Errorf("a broken video: %+v, %+v", cut, cut.Video)
		}
		long := submit(film(bytes.NewReader(lasting)))
		if long.Status != media.StatusPartial || long.Video.Frames != 50 || !strings.Contains(long.Detail, "more than 50 frames") || len(long.Matches) != 1 {
			t.Errorf("a long video: %+v, %+v", long, long.Video)
		}

		// While one is compared, others are sent away; what a person looks at anyway is not.
		slow := &heldUp{ReadSeeker: bytes.NewReader(other), begun: make(chan struct{}), release: make(chan struct{})}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := n.Intake.Detect(t.Context(), n.Uploads, film(slow)); err != nil {
				t.Error(err)
			}
		})
		<-slow.begun
		if _, err := n.Intake.Detect(t.Context(), n.Uploads, film(bytes.NewReader(other))); !door.IsTooMuch(err) {
			t.Errorf("one more video: %v", err)
		}
		urgent := film(bytes.NewReader(other))
		urgent.Signals = []law.Signal{law.SignalUrgent}
		if found := submit(urgent); found.Sighting == "" || !strings.Contains(found.Video.NotCompared, "too many videos") {
			t.Errorf("an urgent one: %+v", found)
		}
		close(slow.release)
		waiting.Wait()

		take(digests, "sha256\n"+found.SHA256+"\n")
		if found := submit(film(bytes.NewReader(parts))); len(found.Matches) != 1 || found.Matches[0].Kind != match.SHA256 || found.Video.NotCompared != "a list knows exactly this file" {
			t.Errorf("a video whose digest is known: %+v, %+v", found, found.Video)
		}
		nodetest.Must(t, n.Lists.SetState(t.Context(), manager, list, store.ListSuspended, "a check"))
		if found := submit(film(bytes.NewReader(known))); len(found.Matches) > 0 || found.Video.NotCompared != "no list in use knows videos by their frames" {
			t.Errorf("the list is suspended: %+v", found)
		}
	})
}

// look shows the video to an analyst at each level, and wants each view to be recorded.
func look(t *testing.T, n *nodetest.Node, id string) {
	t.Helper()
	analyst := n.Analyst()
	nodetest.Must(t, n.Triage.Take(t.Context(), analyst, id))
	for _, c := range []struct {
		look          triage.Look
		width, height int // of a scene with its frame and words
	}{
		{triage.Look{Level: item.LevelSketch}, 169, 90 + 25},
		{triage.Look{Level: item.LevelRegion, Column: 1}, 320 + 8, 180 + 25},
		{triage.Look{Level: item.LevelFull}, 320 + 8, 180 + 25},
	} {
		exposure, err := n.Triage.View(t.Context(), analyst, id, c.look)
		nodetest.Must(t, err)
		picture, err := n.Triage.Picture(t.Context(), analyst, exposure)
		if err != nil || picture.MIME != "image/png" || picture.Height%c.height != 0 || picture.Width%c.width != 0 || (picture.Width == c.width) != (c.look.Level == item.LevelRegion) {
			t.Errorf("%+v: %v, %d by %d %s, of scenes of %d by %d", c.look, err, picture.Width, picture.Height, picture.MIME, c.width, c.height)
		}
		nodetest.Must(t, n.Triage.EndView(t.Context(), analyst, exposure))
	}
	n.Look(t, func(tx *store.Tx) error {
		exposures, err := tx.ExposuresOfItem(id)
		if len(exposures) != 3 {
			t.Errorf("%d views are recorded", len(exposures))
		}
		return err
	})
	c, err := n.Triage.Card(t.Context(), analyst, id)
	if err != nil || len(c.Sightings) != 1 || !strings.Contains(c.Sightings[0].Matches[0].Explanation, "00:00:02-00:00:04 of the video is 00:00:01-00:00:03") {
		t.Errorf("the card says %+v, %v", c.Sightings, err)
	}
}

// heldUp is read twice, for its digests and its beginning, and then waits.
type heldUp struct {
	io.ReadSeeker
	seeks          int
	begun, release chan struct{}
}

func (h *heldUp) Seek(offset int64, whence int) (int64, error) {
	h.seeks++
	return h.ReadSeeker.Seek(offset, whence)
}

func (h *heldUp) Read(into []byte) (int, error) {
	if h.seeks == 2 {
		h.seeks++
		close(h.begun)
		<-h.release
	}
	return h.ReadSeeker.Read(into)
}
