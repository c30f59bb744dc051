// Package mediatest gives the tests of other packages the real decoder: one for a
// whole test binary, because starting it is dear.
package mediatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/internal/media"
)

// Main runs a package's tests; TestMain calls it, because the decoder starts
// the test binary again as its child.
func Main(m *testing.M) {
	if media.IsChild(os.Args) {
		media.RunChild()
	}
	code := m.Run()
	if started != nil {
		if err := started.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var started *media.Service

var decoder = sync.OnceValues(func() (*media.Service, error) {
	service, err := media.Start(context.Background(), media.Options{Children: 2})
	started = service
	return service, err
})

// Decoder is the decoder of this test binary. Its package's TestMain has to call
// [Main].
func Decoder(t testing.TB) *media.Service {
	t.Helper()
	service, err := decoder()
	if err != nil {
		t.Fatalf("starting the decoder: %v", err)
	}
	return service
}

// Clip is a video of patterns that ffmpeg draws after a graph of its filters, such as
// "testsrc2=size=320x180:rate=10:duration=4". Without ffmpeg the test is skipped, or fails where
// nothing may be skipped.
func Clip(t testing.TB, graph string) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatalf("BRDO_REQUIRE_ALL=1, and ffmpeg is not installed: %v", err)
		}
		t.Skip("SKIP: ffmpeg is not installed")
	}
	path := filepath.Join(t.TempDir(), "clip.mkv")
	said, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", graph, "-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "3", "-g", "5", path).CombinedOutput()
	if err != nil {
		t.Fatalf("drawing a clip: %v: %s", err, said)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
