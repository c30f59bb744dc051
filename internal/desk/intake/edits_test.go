package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// encoded is a picture of which each pixel is what at gives.
func encoded(t testing.TB, width, height int, at func(x, y int) color.Color) []byte {
	t.Helper()
	page := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			page.Set(x, y, at(x, y))
		}
	}
	var text bytes.Buffer
	nodetest.Must(t, png.Encode(&text, page))
	return text.Bytes()
}

// edits are copies of a leaflet and what was done to them.
func edits(t testing.TB) map[string][]byte {
	t.Helper()
	page, err := png.Decode(bytes.NewReader(leaflet(0)))
	nodetest.Must(t, err)
	negative := func(c color.Color) color.Color {
		level, _, _, _ := c.RGBA()
		return color.Gray{Y: 255 - uint8(level>>8)}
	}
	bordered := func(content []byte, level uint8) []byte {
		inner, err := png.Decode(bytes.NewReader(content))
		nodetest.Must(t, err)
		outer := image.NewGray(image.Rect(0, 0, 168, 188))
		draw.Draw(outer, outer.Rect, image.NewUniform(color.Gray{Y: level}), image.Point{}, draw.Src)
		draw.Draw(outer, inner.Bounds().Add(image.Pt(20, 30)), inner, image.Point{}, draw.Src)
		return encoded(t, 168, 188, outer.At)
	}
	inverted := encoded(t, 128, 128, func(x, y int) color.Color { return negative(page.At(x, y)) })
	mirrored := encoded(t, 128, 128, func(x, y int) color.Color { return page.At(127-x, y) })
	all := map[string][]byte{
		"[]":                          leaflet(1),
		"[inverted]":                  inverted,
		"[trimmed]":                   bordered(leaflet(0), 3),
		"[trimmed inverted]":          bordered(inverted, 250),
		"[trimmed flipY]":             bordered(mirrored, 3),
		"[inset 10.6 %]":              encoded(t, 114, 114, func(x, y int) color.Color { return page.At(x+7, y+7) }),
		"a picture of something else": nodetest.Picture(1),
	}
	turns := map[pdq.Variant]func(x, y int) (int, int){
		pdq.Rotate90: func(x, y int) (int, int) { return y, 127 - x }, pdq.Rotate180: func(x, y int) (int, int) { return 127 - x, 127 - y },
		pdq.Rotate270: func(x, y int) (int, int) { return 127 - y, x }, pdq.FlipX: func(x, y int) (int, int) { return x, 127 - y },
		pdq.FlipY: func(x, y int) (int, int) { return 127 - x, y },
	}
	for v, turn := range turns {
		all["["+v.String()+"]"] = encoded(t, 128, 128, func(x, y int) color.Color { return page.At(turn(x, y)) })
	}
	return all
}

// said is what a match says of how the copy was found, whatever list knows it.
func said(all []match.Match) (told []match.Match) {
	for _, m := range all {
		told = append(told, match.Match{Kind: m.Kind, Distance: m.Distance, Radius: m.Radius, Variant: m.Variant, Transformations: m.Transformations, Form: m.Form, Video: m.Video})
	}
	return told
}

// TestCopiesAreFoundInRetrospectAsAtOnce: the same copies, handed in before a list has the
// original and after.
func TestCopiesAreFoundInRetrospectAsAtOnce(t *testing.T) {
	copies := edits(t)
	known := mediatest.Clip(t, card+":duration=4")
	copies["frames [] 60 75"] = mediatest.Clip(t, fractal+",trim=duration=2[a];"+card+",trim=1:4,setpts=PTS-STARTPTS[b];[a][b]concat=n=2")
	copies["frames [flipY] 100 100"] = mediatest.Clip(t, card+":duration=4,hflip")
	copies["a video of something else"] = mediatest.Clip(t, fractal+",trim=duration=3")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		open := func() *nodetest.Node {
			return nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database()})
		}
		before, after := open(), open()
		before.Intake.SetStep(3)
		hand := func(n *nodetest.Node) map[string]intake.FileResult {
			found := map[string]intake.FileResult{}
			for name, content := range copies {
				d, err := n.Intake.Detect(t.Context(), n.Uploads, intake.Submission{Flagged: true, Files: []intake.Upload{{Name: "copy", Content: bytes.NewReader(content)}}})
				nodetest.Must(t, err)
				found[name] = d.Files[0]
			}
			return found
		}
		grow := func(n *nodetest.Node) string {
			manager := n.Person("list-manager", mandate.ListManager)
			l, err := n.Lists.Create(t.Context(), manager, lists.NewList{Name: "Known", Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: 20, VideoUpload: -1, VideoEntry: -1, Insets: true})
			nodetest.Must(t, err)
			page, err := png.Decode(bytes.NewReader(leaflet(0)))
			nodetest.Must(t, err)
			insets := []string{}
			for _, inset := range pdq.ComputeInsets(page) {
				insets = append(insets, inset.String())
			}
			hashed, err := n.Decoder.Video(t.Context(), bytes.NewReader(known), int64(len(known)), media.VideoRequest{Every: time.Second})
			nodetest.Must(t, err)
			var text strings.Builder
			lines := json.NewEncoder(&text)
			nodetest.Must(t, lines.Encode(map[string]any{"pdq": hashOf(t, leaflet(0)).String(), "pdq_insets": insets}))
			nodetest.Must(t, lines.Encode(map[string]any{"frame_hashes": video.Inline(hashed.Features)}))
			_, err = n.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.jsonl", Content: strings.NewReader(text.String()), Reason: "made by the test"})
			nodetest.Must(t, err)
			return l.ID
		}
		for name, found := range hand(before) {
			if len(found.Matches) > 0 {
				t.Fatalf("%s matches without a list: %+v", name, found.Matches)
			}
		}
		list := grow(before)
		before.Clock.Add(time.Minute)
		// The process that begins it is killed after some steps.
		nodetest.Must(t, before.Intake.CompareSteps(t.Context(), list, 3))
		before.Work(t)
		if c := compared(t, before, list); c.Running() || c.Items != int64(len(copies)) || c.Lacking != 0 || c.Matches != int64(len(copies)-2) {
			t.Errorf("%+v", c)
		}
		grow(after)
		for name, found := range hand(after) {
			at := said(found.Matches)
			var retro []match.Match
			before.Look(t, func(tx *store.Tx) error {
				rows, err := tx.FoundAgain(found.SHA256, 10)
				for _, row := range rows {
					var m match.Match
					if err := json.Unmarshal(row.Found, &m); err != nil {
						return err
					}
					retro = append(retro, m)
				}
				return err
			})
			if !reflect.DeepEqual(said(retro), at) {
				t.Errorf("%s: in retrospect %+v, at once %+v", name, said(retro), at)
			}
			switch {
			case strings.HasSuffix(name, "something else"):
				if len(at) > 0 {
					t.Errorf("%s: %+v", name, at)
				}
				continue
			case len(at) != 1:
				t.Errorf("%s: %d matches", name, len(at))
				continue
			}
			got := fmt.Sprint(at[0].Transformations)
			if v := at[0].Video; v != nil {
				got = fmt.Sprintf("frames %s %.0f %.0f", got, v.UploadPercent, v.EntryPercent)
			}
			if got != name {
				t.Errorf("%s was found as %s, distance %d", name, got, at[0].Distance)
			}
		}
	})
}

// TestVideosThatAreKeptAreHashed even where nothing has to be compared with them, until they are
// erased; those of which no frames are kept are counted.
func TestVideosThatAreKeptAreHashed(t *testing.T) {
	known, flagged, other := mediatest.Clip(t, card+":duration=4"), mediatest.Clip(t, card+":duration=3"), mediatest.Clip(t, fractal+",trim=duration=3")
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		sum, err := digest.Reader(bytes.NewReader(known))
		nodetest.Must(t, err)
		importRows(t, n, "", "sha256\n"+sum.SHA256Hex()+"\n")
		exact := upload(t, n, false, known)[0]
		if exact.Video.NotCompared != "a list knows exactly this file" {
			t.Errorf("%+v", exact.Video)
		}
		asked := upload(t, n, true, flagged, other)
		hashes := func(id string) (frames []video.Feature) {
			n.Look(t, func(tx *store.Tx) error {
				kept, _, err := tx.ItemHashes(id)
				if err != nil {
					return err
				}
				if frames, err = video.Unpack(kept.Frames); err == nil {
					_, err = video.UnpackTurned(kept.Turned, frames)
				}
				return err
			})
			return frames
		}
		for id, want := range map[string]int{exact.SHA256: 4, asked[0].SHA256: 3, asked[1].SHA256: 3} {
			if got := hashes(id); len(got) != want {
				t.Errorf("%d frames of %s are kept, want %d", len(got), id, want)
			}
		}
		nodetest.Must(t, n.Triage.Erase(t.Context(), n.Supervisor(), exact.SHA256, "it may not be kept"))
		n.Work(t)
		frames := hashes(asked[0].SHA256)
		if upload(t, n, false, known); hashes(exact.SHA256) != nil {
			t.Error("what was erased is hashed again")
		}
		nodetest.Must(t, n.Store.WriteShared(t.Context(), func(tx *store.Tx) error { return tx.DeleteItemHashes(asked[1].SHA256) }))
		l, err := n.Lists.Create(t.Context(), n.Person("list-manager", mandate.ListManager), lists.NewList{Name: "Videos", Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, VideoUpload: -1, VideoEntry: -1})
		nodetest.Must(t, err)
		list := importRows(t, n, l.ID, "sha256,frame_hashes\n"+strings.Repeat("0", 63)+"1,\""+video.Inline(frames)+"\"\n")
		n.Clock.Add(time.Minute)
		n.Work(t)
		if c := compared(t, n, list); c.Items != 2 || c.LeftOut != 1 || c.Lacking != 1 || c.Matches != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// TestAWiderRadiusFindsWhatIsHeld by entries that were compared before, also when it comes while
// a comparison goes on.
func TestAWiderRadiusFindsWhatIsHeld(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.Intake.SetStep(1)
		held := upload(t, n, true, leaflet(5), nodetest.Picture(1), nodetest.Picture(2))
		near := hashOf(t, leaflet(5))
		for i := range 12 {
			near[i] ^= 1
		}
		list := importRows(t, n, "", "pdq\n"+near.String()+"\n")
		manager, other := n.Person("list-manager", mandate.ListManager), n.Person("list-manager-2", mandate.ListManager)
		_, err := n.Lists.ChangeRadius(t.Context(), manager, list, 11, "too much is near")
		nodetest.Must(t, err)
		again := func() (found []store.FoundAgainRow) {
			n.Look(t, func(tx *store.Tx) (err error) { found, err = tx.FoundAgain(held[0].SHA256, 10); return err })
			return found
		}
		n.Clock.Add(time.Minute)
		nodetest.Must(t, n.Intake.CompareSteps(t.Context(), list, 3))
		widen := func(radius int) {
			request, err := n.Lists.ChangeRadius(t.Context(), manager, list, radius, "crops of them are missed")
			nodetest.Must(t, err)
			_, err = n.Lists.ConfirmRadius(t.Context(), other, list, request)
			nodetest.Must(t, err)
		}
		widen(12)
		n.Clock.Add(time.Minute)
		n.Work(t)
		if c := compared(t, n, list); c.Running() || c.Items != 3 || c.Entries != 1 || c.Matches != 1 || len(again()) != 1 {
			t.Errorf("%+v, %+v", c, again())
		}
		widen(30)
		n.Clock.Add(time.Minute)
		n.Work(t)
		if c := compared(t, n, list); c.Items != 3 || c.Entries != 1 || c.Matches != 1 || len(again()) != 1 {
			t.Errorf("the same is noted twice: %+v, %+v", c, again())
		}
	})
}
