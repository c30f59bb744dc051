package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if IsChild(os.Args) {
		RunChild()
	}
	if os.Args[0] == "ffmpeg" {
		probe()
	}
	if options := os.Getenv(keeperEnvironment); options != "" {
		if err := keep(options); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// requireAll turns a skip into a failure.
func requireAll(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
		t.Fatal(reason)
	}
	t.Skip("SKIP: " + reason)
}

// start starts a service for a test; without a sandbox the test is skipped,
// unless it allows that.
func start(t testing.TB, options Options) *Service {
	t.Helper()
	options.Memory = max(options.Memory, raceMemory)
	service, err := Start(context.Background(), options)
	if errors.Is(err, errNotEnclosed) {
		requireAll(t, "this kernel cannot enclose the decoder: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	return service
}

func (s *Service) fingerprintBytes(t testing.TB, content []byte) Fingerprint {
	t.Helper()
	found, err := s.Fingerprint(context.Background(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *Service) previewBytes(t testing.TB, content []byte, asked PreviewRequest) Picture {
	t.Helper()
	picture, err := s.Preview(context.Background(), bytes.NewReader(content), int64(len(content)), asked)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

const photos = "../../../shared/vectors/forensics/photos"

func photo(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(photos, name))
	if errors.Is(err, os.ErrNotExist) {
		requireAll(t, "conformance vectors not present at "+photos)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// idleProcess waits until one child is idle and returns it.
func (s *Service) idleProcess(t testing.TB) *process {
	t.Helper()
	s.pool.mutex.Lock()
	defer s.pool.mutex.Unlock()
	if len(s.pool.idle) != 1 {
		t.Fatalf("%d idle children, want 1", len(s.pool.idle))
	}
	return s.pool.idle[0]
}
