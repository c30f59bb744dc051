package media

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// startPlaying starts a service that can decode videos.
func startPlaying(t testing.TB, options Options) *Service {
	t.Helper()
	service := start(t, options)
	if service.State().Player == "" {
		requireAll(t, "ffmpeg is not installed")
	}
	return service
}

// videoFile hashes a file where it lies.
func (s *Service) videoFile(t testing.TB, path string, asked VideoRequest) Video {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Video(context.Background(), file, about.Size(), asked)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *Service) videoBytes(t testing.TB, content []byte, asked VideoRequest) Video {
	t.Helper()
	found, err := s.Video(context.Background(), bytes.NewReader(content), int64(len(content)), asked)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// film has ffmpeg draw a second of a test card at 25 frames a second, 192 by 108 pixels, and returns the path of the file.
func film(t testing.TB, name string, arguments ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	command := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=1",
		"-f", "lavfi", "-i", "sine=duration=1", "-pix_fmt", "yuv420p"}, arguments...), path)...)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("making %s: %v: %s", name, err, said)
	}
	return path
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestVideosOfAllKinds(t *testing.T) {
	service := startPlaying(t, Options{Children: 2})
	for _, c := range []struct {
		name, mime string
		arguments  []string
	}{
		{"a.mp4", "video/mp4", []string{"-c:v", "mpeg4"}},
		{"index-first.mp4", "video/mp4", []string{"-c:v", "libx264", "-movflags", "faststart"}},
		{"a.mkv", "video/matroska", []string{"-c:v", "libx264"}},
		{"a.webm", "video/webm", []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-an"}},
		{"a.avi", "video/x-msvideo", []string{"-c:v", "mjpeg"}},
		{"a.ts", "video/mp2t", []string{"-c:v", "mpeg2video"}},
		{"a.mov", "video/quicktime", []string{"-c:v", "libx264"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := film(t, c.name, c.arguments...)
			found := service.videoFile(t, path, VideoRequest{})
			if found.Status != StatusOK || found.MIME != c.mime || found.Width != 192 || found.Height != 108 || found.Rate != 25 || found.Frames != 25 ||
				len(found.Features) != 25 || found.Read != 1 || (found.Length-time.Second).Abs() > 200*time.Millisecond {
				features := len(found.Features)
				found.Features = nil
				t.Fatalf("%+v, %d hashes", found, features)
			}
			if last := found.Features[24]; last.Frame != 24 || last.Time != 960*time.Millisecond || last.Quality < 50 {
				t.Errorf("%+v", last)
			}
			inMemory := service.videoBytes(t, content(t, path), VideoRequest{Every: 480 * time.Millisecond})
			if len(inMemory.Features) != 3 || inMemory.Frames != 25 || inMemory.Features[1] != found.Features[12] {
				t.Errorf("from memory, each twelfth: %+v", inMemory)
			}
		})
	}
}

func TestBrokenVideosGiveWhatCanBeRead(t *testing.T) {
	service := startPlaying(t, Options{Children: 2})
	whole := content(t, film(t, "a.mp4", "-c:v", "libx264", "-g", "10", "-an", "-movflags", "faststart"))
	found := service.videoBytes(t, whole[:len(whole)*2/3], VideoRequest{})
	if found.Status != StatusPartial || found.Frames < 10 || found.Frames > 22 || found.Read < 0.4 || found.Read > 0.9 || !strings.Contains(found.Detail, "% of the video could be read") {
		t.Errorf("cut off: %s %q, %d frames, %v", found.Status, found.Detail, found.Frames, found.Read)
	}
	damaged := bytes.Clone(whole)
	for i := len(damaged) / 2; i < len(damaged)/2+2000; i++ {
		damaged[i] ^= 0x5a
	}
	if found = service.videoBytes(t, damaged, VideoRequest{}); found.Status != StatusPartial || found.Frames < 10 {
		t.Errorf("damaged: %s %q, %d frames", found.Status, found.Detail, found.Frames)
	}
	last := content(t, film(t, "b.mp4", "-c:v", "libx264"))
	if found = service.videoBytes(t, last[:len(last)/2], VideoRequest{}); found.Status != StatusTruncated || found.Features != nil {
		t.Errorf("without its index: %s %q", found.Status, found.Detail)
	}
}

func TestVideosThatAreNotDecoded(t *testing.T) {
	service := startPlaying(t, Options{Children: 2})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, content(t, film(t, "a.ts", "-c:v", "mpeg2video")), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		status  Status
		detail  string
	}{
		"a playlist":           {[]byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://" + secret + "\n#EXT-X-ENDLIST\n"), StatusUnsupported, "not a kind"},
		"a list of files":      {[]byte("ffconcat version 1.0\nfile " + secret + "\n"), StatusUnsupported, "not a kind"},
		"words":                {[]byte("message 17"), StatusUnsupported, "not a kind"},
		"nothing":              {nil, StatusEmpty, "no content"},
		"a codec not listed":   {content(t, film(t, "a.mkv", "-c:v", "ffv1")), StatusUnsupported, "ffv1"},
		"sound only":           {content(t, film(t, "b.mkv", "-vn")), StatusUnsupported, "no video"},
		"the head of a film":   {append([]byte("\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"), make([]byte, 200)...), StatusTruncated, "moov"},
		"still pictures alone": {asPNG(t, landscape(32, 24)), StatusUnsupported, "not a kind"},
	} {
		t.Run(name, func(t *testing.T) {
			found := service.videoBytes(t, c.content, VideoRequest{})
			if found.Status != c.status || !strings.Contains(found.Detail, c.detail) || found.Features != nil {
				t.Errorf("%s %q, want %s %q", found.Status, found.Detail, c.status, c.detail)
			}
		})
	}
	two := film(t, "c.mkv", "-map", "0:v", "-map", "0:v", "-c:v", "mpeg4")
	if found := service.videoFile(t, two, VideoRequest{}); found.Status != StatusPartial || !strings.Contains(found.Detail, "first of 2") {
		t.Errorf("two videos: %s %q", found.Status, found.Detail)
	}
	// A format that is not listed is refused by ffmpeg too, though its codec is listed.
	file, err := os.Open(film(t, "d.nut", "-c:v", "mpeg4", "-an"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	player, err := service.pool.startPlayer(file, service.pool.options, nil)
	if err != nil {
		t.Fatal(err)
	}
	var unlisted Video
	cause := player.frames(service.pool.options, VideoRequest{}, &unlisted)
	player.end()
	if unlisted.judge(service.pool.options, player, cause); unlisted.Status != StatusUnsupported || unlisted.Features != nil {
		t.Errorf("an unlisted format: %+v", unlisted)
	}
	if IsVideo(append([]byte("GIF89a"), bytes.Repeat([]byte("G"), 400)...)) {
		t.Error("a picture is taken for a video")
	}
	service.pool.player = ""
	if found := service.videoBytes(t, []byte("x"), VideoRequest{}); found.Status != StatusUnsupported || !strings.Contains(found.Detail, "ffmpeg is not installed") {
		t.Errorf("without ffmpeg: %+v", found)
	}
}

func TestLimitsOfVideos(t *testing.T) {
	service := startPlaying(t, Options{Children: 2})
	path := film(t, "a.mp4", "-c:v", "mpeg4")
	whole := service.pool.options
	for name, c := range map[string]struct {
		change func(*Options)
		status Status
		frames int
		detail string
	}{
		"bytes":    {func(o *Options) { o.MaxVideoBytes = 100 }, StatusTooLarge, 0, "bytes"},
		"pixels":   {func(o *Options) { o.MaxPixels = 1000 }, StatusTooLarge, 0, "pixels"},
		"frames":   {func(o *Options) { o.MaxFrames = 10 }, StatusPartial, 10, "40 % of the video could be read, 10 frames (more than 10 frames)"},
		"deadline": {func(o *Options) { o.Deadline = 1 }, StatusTimedOut, 0, "not decoded within"},
	} {
		t.Run(name, func(t *testing.T) {
			service.pool.options = whole
			c.change(&service.pool.options)
			defer func() { service.pool.options = whole }()
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			about, err := file.Stat()
			if err != nil {
				t.Fatal(err)
			}
			found, err := service.Video(context.Background(), file, about.Size(), VideoRequest{})
			if err != nil || found.Status != c.status || len(found.Features) != c.frames || !strings.Contains(found.Detail, c.detail) {
				t.Errorf("%s %q, %d frames, %v", found.Status, found.Detail, len(found.Features), err)
			}
		})
	}
	for limits, want := range map[VideoLimits]Status{{MaxFrames: 10}: StatusPartial, {MaxBytes: 100}: StatusTooLarge, {MaxFrames: 1 << 40, MaxBytes: 1 << 50, Deadline: time.Hour}: StatusOK} {
		if found := service.videoFile(t, path, VideoRequest{Limits: limits}); found.Status != want {
			t.Errorf("%+v: %s %s", limits, found.Status, found.Detail)
		}
	}
	if beyond := whole.within(VideoLimits{MaxFrames: 1 << 40, MaxBytes: 1 << 50, Deadline: 1000 * time.Hour}); beyond != whole {
		t.Errorf("a request lifts the limits of the service: %+v", beyond)
	}
}

func TestVideosAreStopped(t *testing.T) {
	service := startPlaying(t, Options{Children: 1})
	path := film(t, "a.mp4", "-c:v", "mpeg4", "-vf", "loop=-1:25", "-t", "40")
	ask := func(ctx context.Context, stop func()) error {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		about, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		_, err = service.Video(ctx, file, about.Size(), VideoRequest{Progress: func(_, length time.Duration) {
			if length < 30*time.Second {
				t.Errorf("it lasts %s", length)
			}
			stop()
		}})
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := ask(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	closed := make(chan struct{})
	if err := ask(context.Background(), func() { go func() { _ = service.Close(); close(closed) }(); <-service.pool.closing }); !problem.Is(err, problem.Unavailable) {
		t.Errorf("closed: %v", err)
	}
	<-closed
}

func TestFailingReaderOfAVideo(t *testing.T) {
	service := startPlaying(t, Options{Children: 1})
	cause := errors.New("the disk is gone")
	_, err := service.Video(context.Background(), io.MultiReader(bytes.NewReader(make([]byte, 10)), errorReader{cause}), 100, VideoRequest{})
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if _, err := service.Video(context.Background(), bytes.NewReader(nil), -1, VideoRequest{}); !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestStreams(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"YUV4MPEG2 W2 H1 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL\nFRAME\nabFRAME Ip\ncd", "abcd"},
		{"YUV4MPEG2 W2 H1 F25:1 Cmono\nFRAME\na", "unexpected EOF"},
		{"YUV4MPEG2 W2 H1 F25:1 Cmono\nFRAMES\nab", "magic"},
		{"YUV4MPEG2 W2 H1 F25:1 Cmono\nFRAME", "unexpected EOF"},
		{"YUV4MPEG2 W2 H1 F25:1 C420\n", "malformed"},
		{"YUV4MPEG2 W0 H1 F25:1 Cmono\n", "malformed"},
		{"YUV4MPEG2 W2 H-1 F25:1 Cmono\n", "malformed"},
		{"YUV4MPEG2 W2 H1 F25:0 Cmono\n", "malformed"},
		{"YUV4MPEG2 W2 H1 F25 Cmono\n", "malformed"},
		{"YUV4MPEG2 W2  H1 F25:1 Cmono\n", "malformed"},
		{"YUV4MPEG2 W65536 H65536 F25:1 Cmono\n", "too many pixels"},
		{"YUV4MPEG3 W2 H1 F25:1 Cmono\n", "malformed"},
		{"YUV4MPEG2 W2 H1 F25:1 Cmono X" + strings.Repeat("x", 300) + "\n", "malformed"},
		{"", "EOF"},
	} {
		got, err := readStream([]byte(c.text))
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && got != c.want {
			t.Errorf("%.60q: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
}

func readStream(text []byte) (string, error) {
	s, err := openStream(bufio.NewReader(bytes.NewReader(text)), 1<<20)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	frame := make([]byte, s.width*s.height)
	for {
		if err := s.next(frame); err == io.EOF {
			return all.String(), nil
		} else if err != nil {
			return "", err
		}
		all.Write(frame)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("YUV4MPEG2 W2 H1 F25:1 Ip A1:1 Cmono\nFRAME\nab"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := readStream(text)
		if err == nil && len(got) > len(text) {
			t.Fatalf("%d bytes of frames from %d", len(got), len(text))
		}
		var said told
		if n, err := said.Write(text); n != len(text) || err != nil || len(said.rest) > longestTold || len(said.first) > 100 {
			t.Fatalf("%d %v %+v", n, err, &said)
		}
	})
}

func TestWhatFfmpegSays(t *testing.T) {
	var said told
	for _, part := range []string{
		"[info] Input #0, mov, from 'file:/proc/self/fd/0':\n[info]   Duration: 01:02", ":03.50, start: 0.0\n[info]   Duration: 09:00:00.00,\n",
		"[info]   Stream #0:0[0x1](und): Video: h264 (Main)\n[info]   Stream #0:1: Audio: aac\n[info]   Stream #0:2: Video: h264\n",
		"[aac @ 0x1] [error] Codec (aac) not on whitelist 'h264'\n", "[info] Output #0, yuv4mpegpipe\n[info]   Stream #0:0: Video: wrapped\n[info] a [error] b\n",
		"[h264 @ 0x1] [IMGUTILS @ 0x2] [error] no frame\x1b[2J\n[warning] nothing\n[error] second\n", strings.Repeat("x", 5000),
	} {
		if _, err := said.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if want := time.Hour + 2*time.Minute + 3500*time.Millisecond; said.length() != want || said.streams != 2 || said.refused != "aac" || said.errors != 2 || said.first != "no frame?[2J" || len(said.rest) > longestTold {
		t.Errorf("%s, %d streams, %q, %d errors, %q", said.lasts, said.streams, said.refused, said.errors, said.first)
	}
}

// TestLevelsOfVideos shows a ramp from black to white in all the ways in which videos hold levels: the same is seen of each.
func TestLevelsOfVideos(t *testing.T) {
	service := startPlaying(t, Options{Children: 1})
	const limited, full = "scale=out_range=limited", "scale=out_range=full"
	for name, c := range map[string]struct{ codec, format, levels string }{
		"as usual":                {"libx264", "yuv420p", limited},
		"full":                    {"libx264", "yuvj420p", full},
		"full, told by the codec": {"libvpx-vp9", "yuv420p", full},
		"without colours":         {"libx264", "gray", full},
		"in ten bits":             {"libx264", "yuv420p10le", limited},
		"full, in ten bits":       {"libx264", "yuv420p10le", full},
		"red, green and blue":     {"libx264rgb", "bgr24", full},
		"still pictures":          {"mjpeg", "yuvj422p", full},
	} {
		t.Run(name, func(t *testing.T) {
			span := map[string]string{limited: "tv", full: "pc"}[c.levels]
			path := film(t, "a.mkv", "-frames:v", "1", "-an", "-vf", "format=gray,geq=lum=X*255/191,"+c.levels+",format="+c.format, "-pix_fmt", c.format,
				"-c:v", c.codec, "-color_range", span, "-q:v", "1", "-crf", "1", "-b:v", "0")
			seen := 0
			found := service.videoFile(t, path, VideoRequest{see: func(_ int, whole *image.Gray) {
				seen++
				for x := range whole.Rect.Dx() {
					if got, want := int(whole.GrayAt(x, 54).Y), x*255/191; abs(got-want) > 4 {
						t.Fatalf("level %d, want %d", got, want)
					}
				}
			}})
			if seen != 1 {
				t.Errorf("%s %s, %d frames", found.Status, found.Detail, seen)
			}
		})
	}
}
