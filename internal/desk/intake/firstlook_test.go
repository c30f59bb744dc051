package intake_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// boxes is a large picture of a pattern: different numbers, different pictures.
func boxes(t *testing.T, number, quality int) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(number), 1))
	img := image.NewGray(image.Rect(0, 0, 1800, 1500))
	for range 120 {
		at := image.Pt(random.IntN(2000)-200, random.IntN(1700)-200) // also over the edge: no border is left
		draw.Draw(img, image.Rectangle{Min: at, Max: at.Add(image.Pt(60+random.IntN(500), 60+random.IntN(500)))}, image.NewUniform(color.Gray{Y: uint8(random.IntN(256))}), image.Point{}, draw.Src)
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestALargePictureIsLookedAtTwiceWhereItMatters: what is kept has the hashes of the
// reference, and a copy is found as without a first look.
func TestALargePictureIsLookedAtTwiceWhereItMatters(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	submit := func(content []byte, flagged bool) intake.FileResult {
		return n.Submit(t, intake.Submission{Flagged: flagged, Files: []intake.Upload{{Name: "picture.jpg", Content: bytes.NewReader(content)}}})
	}
	picture := boxes(t, 1, 90)
	exact, err := n.Decoder.Fingerprint(t.Context(), bytes.NewReader(picture), int64(len(picture)))
	if err != nil {
		t.Fatal(err)
	}
	if found := submit(picture, false); found.PDQWithin != media.FirstLookWithin || found.Sighting != "" || len(found.Matches) > 0 {
		t.Fatalf("unknown: within %d, %+v", found.PDQWithin, found)
	}
	if found := submit(picture, true); found.PDQWithin != 0 || found.PDQ != exact.Forms.Full.Hash.String() || found.PDQNearest != exact.Forms.Nearest.Hash.String() || found.Sighting == "" {
		t.Errorf("flagged: within %d, %s, want %s", found.PDQWithin, found.PDQ, exact.Forms.Full.Hash)
	}

	manager := n.Person("list-manager", mandate.ListManager)
	l, err := n.Lists.Create(t.Context(), manager, lists.NewList{Name: "boxes", Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1})
	if err != nil {
		t.Fatal(err)
	}
	other := digest.Empty()
	other.SHA256[0]++
	rows := fmt.Sprintf("sha256,pdq\n%s,%s\n", other.SHA256Hex(), exact.Forms.Full.Hash)
	if _, err := n.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.csv", Content: bytes.NewReader([]byte(rows)), Reason: "made by the test"}); err != nil {
		t.Fatal(err)
	}
	again := boxes(t, 1, 60)
	found := submit(again, false)
	if len(found.Matches) != 1 || found.PDQWithin != 0 || found.Sighting == "" {
		t.Fatalf("a copy: within %d, %+v", found.PDQWithin, found)
	}
	copied, err := n.Decoder.Fingerprint(t.Context(), bytes.NewReader(again), int64(len(again)))
	if err != nil || found.Matches[0].Distance != min(copied.Forms.Full.Hash.Distance(exact.Forms.Full.Hash), copied.Forms.Nearest.Hash.Distance(exact.Forms.Full.Hash)) {
		t.Errorf("the copy is said to be %d bits away (%v)", found.Matches[0].Distance, err)
	}
	if found := submit(boxes(t, 4, 90), false); found.PDQWithin != media.FirstLookWithin || found.Sighting != "" {
		t.Errorf("another picture: within %d, %+v", found.PDQWithin, found)
	}
}
