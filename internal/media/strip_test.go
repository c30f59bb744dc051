package media

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/video"
)

// threeScenes are two seconds each of a test card, of a fractal and of another card, at ten frames a second.
func threeScenes(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenes.mkv")
	graph := "smptebars=size=192x108:rate=10,trim=duration=2[a];mandelbrot=size=192x108:rate=10:start_scale=2.9:end_scale=2.9,trim=duration=2[b];smptehdbars=size=192x108:rate=10,trim=duration=2[c];[a][b][c]concat=n=3"
	if said, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "3", path).CombinedOutput(); err != nil {
		t.Fatalf("making a video: %v: %s", err, said)
	}
	return content(t, path)
}

func (s *Service) strip(t testing.TB, content []byte, asked StripRequest) (Picture, *image.Gray) {
	t.Helper()
	found, err := s.Strip(context.Background(), bytes.NewReader(content), int64(len(content)), asked)
	if err != nil {
		t.Fatal(err)
	}
	if found.Data == nil {
		return found, nil
	}
	picture, err := png.Decode(bytes.NewReader(found.Data))
	if err != nil || picture.Bounds().Dx() != found.Width || picture.Bounds().Dy() != found.Height {
		t.Fatalf("%v, %v is said to be %d by %d", err, picture.Bounds(), found.Width, found.Height)
	}
	return found, picture.(*image.Gray)
}

func TestScenesOfAVideo(t *testing.T) {
	service := startPlaying(t, Options{Children: 2})
	film := threeScenes(t)
	asked := StripRequest{Columns: 2, Rows: 2, Side: 100, Marked: []video.Span{{From: 2500 * time.Millisecond, To: 3 * time.Second}}}
	found, sheet := service.strip(t, film, asked)
	// Three cells of 100 by 56 and their frames, each as wide as its words, and a line below.
	if found.Status != StatusOK || found.Detail != "" || sheet.Rect != image.Rect(0, 0, 2*169, 2*(56+8+17)) {
		t.Fatalf("%s %q, %v", found.Status, found.Detail, sheet.Rect)
	}
	white := func(x, y int) bool { return sheet.GrayAt(x, y) == color.Gray{255} }
	if white(1, 20) || !white(169+1, 20) || white(1, 81+20) {
		t.Error("not the second scene, and it alone, has a frame")
	}
	detail := func(picture *image.Gray, from, to int) (sum int) {
		for y := range 56 {
			for x := from; x < to; x++ {
				sum += abs(int(picture.GrayAt(x, 4+y).Y) - int(picture.GrayAt(x-1, 4+y).Y))
			}
		}
		return sum
	}
	asked.Blur = 5
	if _, blurred := service.strip(t, film, asked); 2*detail(blurred, 179, 259) > detail(sheet, 179, 259) {
		t.Error("it is not blurred")
	}
	asked.Blur, asked.Scene = 0, 2
	if _, one := service.strip(t, film, asked); one.Rect != image.Rect(0, 0, 169, 81) || detail(one, 10, 90) != detail(sheet, 179, 259) {
		t.Errorf("the second scene alone: %v", one.Rect)
	}
	asked.Scene = 4
	if _, none := service.strip(t, film, asked); detail(none, 5, 160) != 0 {
		t.Error("a fourth scene is shown")
	}
	cut, sheet := service.strip(t, film[:len(film)/2], StripRequest{Columns: 4, Rows: 4, Side: 100})
	if cut.Status != StatusOK || cut.Detail == "" || sheet == nil {
		t.Errorf("a broken video: %s %q", cut.Status, cut.Detail)
	}
	if none, _ := service.strip(t, []byte("message 17"), StripRequest{Columns: 1, Rows: 1, Side: 1}); none.Status != StatusUnsupported || none.Data != nil {
		t.Errorf("no video: %+v", none)
	}
	for _, bad := range []StripRequest{{Columns: 0, Rows: 1, Side: 1}, {Columns: 1, Rows: 65, Side: 1}, {Columns: 2, Rows: 2, Side: 1, Scene: 5}, {Columns: 1, Rows: 1, Side: 641}, {Columns: 1, Rows: 1, Side: 0}, {Columns: 1, Rows: 1, Side: 9, Blur: MaxBlur + 1}} {
		if _, err := service.Strip(context.Background(), bytes.NewReader(film), int64(len(film)), bad); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestFramesOfALongVideo: few are held, and they stay evenly spread.
func TestFramesOfALongVideo(t *testing.T) {
	strip := &filmstrip{side: 4, step: 1, most: 8}
	for frame := range 100 {
		strip.see(25*frame, image.NewGray(image.Rect(0, 0, 8, 8)))
	}
	if len(strip.frames) > 8 || len(strip.frames) < 4 {
		t.Fatalf("%d frames", len(strip.frames))
	}
	for i, k := range strip.frames {
		if k.frame != 25*16*i || k.picture.Rect.Dx() != 4 {
			t.Errorf("frame %d is %d, %v", i, k.frame, k.picture.Rect)
		}
	}
	if got := strip.nearest(25 * 25); got.frame != 25*32 {
		t.Errorf("next to 25 is %d", got.frame/25)
	}
}
