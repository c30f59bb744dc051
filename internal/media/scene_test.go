package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/racetest"
)

func (s *Service) sceneBytes(t testing.TB, content []byte) Scene {
	t.Helper()
	found, err := s.Scene(context.Background(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestScenes asks a child for the features of whole, cut off and hostile files.
func TestScenes(t *testing.T) {
	service := start(t, Options{Children: 1})
	picture := landscape(640, 480)
	whole := asPNG(t, picture)
	known := service.sceneBytes(t, whole)
	if known.Status != StatusOK || known.MIME != "image/png" || known.Width != 640 || known.Detail != "" {
		t.Fatalf("%s %s %q", known.Status, known.MIME, known.Detail)
	}
	here, _ := scene.Describe(picture).MarshalBinary()
	there, _ := known.Features.MarshalBinary()
	if !bytes.Equal(here, there) {
		t.Error("the features changed on their way through the child")
	}
	part := service.sceneBytes(t, asPNG(t, picture.SubImage(image.Rect(160, 0, 640, 480))))
	if r := scene.Compare(part.Features, known.Features); !r.Found || r.Covers < 0.7 || r.Covers > 0.8 {
		t.Errorf("a part: %+v", r)
	}
	jpegFile := asJPEG(t, picture)
	cut := service.sceneBytes(t, jpegFile[:len(jpegFile)*9/10])
	if r := scene.Compare(cut.Features, known.Features); cut.Status != StatusPartial || !strings.Contains(cut.Detail, "of the picture could be read") || !r.Found {
		t.Errorf("a file cut off: %s (%s), %+v", cut.Status, cut.Detail, r)
	}
	files := hostile(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		test, found := files[name], service.sceneBytes(t, files[name].content)
		want := test.status
		if name == "JPEG cut in half" {
			want = StatusPartial
		}
		if found.Status != want || found.MIME != test.mime || (found.Detail == "") != (want == StatusOK) {
			t.Errorf("%s: %s %q (%s), want %s %q", name, found.Status, found.MIME, found.Detail, want, test.mime)
		}
		if !found.Status.Decoded() && found.Features.Count() > 0 {
			t.Errorf("%s: features with status %s", name, found.Status)
		}
	}
	if counts := service.State().Counts; counts.Crashed != 0 || counts.TimedOut != 0 {
		t.Errorf("a child was lost: %+v", counts)
	}
}

// What a child may not say about a scene.
func TestScenesThatAreRefused(t *testing.T) {
	sound := sceneOf(asPNG(t, landscape(320, 240)), DefaultMaxPixels)
	if _, err := parseScene(encodeScene(sound), DefaultMaxPixels); err != nil || sound.Status != StatusOK {
		t.Fatalf("%s: %v", sound.Status, err)
	}
	for name, change := range map[string]func(*Scene){
		"features of another size":    func(s *Scene) { s.Width = 321 },
		"enough, but unhashable":      func(s *Scene) { s.Status = StatusUnhashable },
		"too few, but ok":             func(s *Scene) { s.Features = scene.Describe(image.NewGray(image.Rect(0, 0, 320, 240))) },
		"decoded, but of no format":   func(s *Scene) { s.MIME = "application/zip" },
		"known to the parent only":    func(s *Scene) { s.Status = StatusCrashed },
		"features without a picture":  func(s *Scene) { s.Status, s.Features = StatusOK, scene.Features{} },
		"a picture beyond the limits": func(s *Scene) { s.Width, s.Height = 1<<20, 1<<20 },
	} {
		wrong := sound
		change(&wrong)
		if _, err := parseScene(encodeScene(wrong), DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, payload := range map[string][]byte{"one byte more": append(encodeScene(sound), 0), "one byte less": encodeScene(sound)[:500]} {
		if _, err := parseScene(payload, DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestScenesOfCodedPictures: what ffmpeg decodes has features too.
func TestScenesOfCodedPictures(t *testing.T) {
	racetest.Skip(t, "one goroutine that waits for processes")
	service := startPlaying(t, Options{Children: 1})
	known := service.sceneBytes(t, codedFile(t, "pattern.png"))
	for _, name := range []string{"pattern.heic", "clear.avif", "clear.jxl"} {
		found := service.sceneBytes(t, codedFile(t, name))
		if !found.Status.Decoded() || found.Width != 256 || found.Height != 192 || found.Features.Count() == 0 {
			t.Errorf("%s: %s (%s), %d features", name, found.Status, found.Detail, found.Features.Count())
		}
		if known.Features.Enough() && !scene.Compare(found.Features, known.Features).Found {
			t.Errorf("%s is not found to show pattern.png", name)
		}
	}
	if found := service.sceneBytes(t, codedFile(t, "pattern.heic")[:2000]); found.Status.Decoded() || found.Detail == "" {
		t.Errorf("cut: %s (%s)", found.Status, found.Detail)
	}
}

// Frames may be larger than the largest file, for whatever they are asked.
func TestFramesMayBeLargerThanFiles(t *testing.T) {
	for _, kind := range []requestKind{kindPictureFingerprint, kindPicturePreview, kindPictureScene} {
		asked := request{id: 1, kind: kind, preview: PreviewRequest{Kind: Sketch, MaxSide: 64}, length: 5000}
		if _, err := parseRequestHeader([requestHeaderSize]byte(asked.header()), 1000, 4000); err != nil {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
	asked := request{id: 1, kind: kindScene, length: 5000}
	if _, err := parseRequestHeader([requestHeaderSize]byte(asked.header()), 1000, 4000); !errors.Is(err, errMalformed) {
		t.Errorf("a file beyond the limit: %v", err)
	}
}
