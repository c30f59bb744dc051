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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// residentPeak reads VmHWM, in bytes.
func residentPeak(t testing.TB) int64 {
	t.Helper()
	file, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip("SKIP: no /proc on this system: " + err.Error())
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmHWM:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kibibytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

func TestState(t *testing.T) {
	service := start(t, Options{Children: 3})
	state := service.State()
	if !state.Sandboxed || state.Landlock < 1 || !state.Seccomp || !state.Limits || state.Missing != "" || state.Children != 3 {
		t.Errorf("%+v", state)
	}
}

func TestSelfCheckFindsEverythingRefused(t *testing.T) {
	service := start(t, Options{Children: 1})
	checks, err := service.SelfCheck(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		if !check.Refused {
			t.Errorf("%s: not refused (%s)", check.Attempt, check.Answer)
		}
	}
	if counts := service.State().Counts; counts.Files != 0 {
		t.Errorf("the self-check counts as a file: %+v", counts)
	}
	if found := service.fingerprintBytes(t, asPNG(t, landscape(320, 240))); found.Status != StatusOK {
		t.Errorf("after the self-check: %+v", found)
	}
}

// TestEachLayerHoldsByItself leaves one layer out at a time, and shows that
// the self-check can tell a hole from a wall.
func TestEachLayerHoldsByItself(t *testing.T) {
	start(t, Options{Children: 1}) // skips where there is no sandbox at all
	refused := func(without layers) map[Attempt]bool {
		service := start(t, Options{Children: 1, AllowUnsandboxed: true, without: without})
		if state := service.State(); state.Sandboxed || state.Missing == "" {
			t.Errorf("without %b: %+v", without, state)
		}
		checks, err := service.SelfCheck(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		result := map[Attempt]bool{}
		for _, check := range checks {
			result[check.Attempt] = check.Refused
		}
		return result
	}
	for attempt, held := range refused(layerLandlock) {
		if !held {
			t.Errorf("seccomp alone does not refuse to %s", attempt)
		}
	}
	landlockAlone := refused(layerSeccomp)
	for _, attempt := range []Attempt{AttemptReadFile, AttemptListFolder, AttemptWriteFile} {
		if !landlockAlone[attempt] {
			t.Errorf("Landlock alone does not refuse to %s", attempt)
		}
	}
	open := refused(layerLandlock | layerSeccomp)
	for _, attempt := range attempts {
		if open[attempt] && attempt != AttemptLimits && attempt != AttemptWriteFile {
			t.Errorf("with nothing enforced the self-check still finds a refusal to %s", attempt)
		}
	}
}

func TestStartFailsClosed(t *testing.T) {
	_, err := Start(context.Background(), Options{Children: 1, Memory: max(raceMemory, DefaultMemory), without: layerLandlock})
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, errNotEnclosed) {
		t.Errorf("without Landlock: %v", err)
	}
	_, err = Start(context.Background(), Options{Children: 1, Memory: max(raceMemory, DefaultMemory), without: layerSeccomp})
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("without seccomp: %v", err)
	}
}

func TestChildRefusesToServeUnenclosed(t *testing.T) {
	config := childConfig{memory: max(raceMemory, DefaultMemory), processorSeconds: 60, maxBytes: 1 << 20, maxPixels: 1 << 20, mustEnclose: true, without: layerSeccomp}
	child := exec.Command(os.Args[0], config.arguments()...)
	child.Env = []string{"GOMAXPROCS=1"}
	content := asPNG(t, landscape(32, 24))
	asked := request{id: 1, kind: kindFingerprint, length: int64(len(content))}
	child.Stdin = bytes.NewReader(append(asked.header(), content...))
	out, err := child.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("ended with %v", err)
	}
	if hello, err := readReply(bytes.NewReader(out), 0, kindHello, maxHelloSize); err != nil || len(out) != replyHeaderSize+len(hello) {
		t.Errorf("%d bytes were written, %v", len(out), err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, options := range []Options{{Children: -1}, {MaxPixels: 1 << 40}, {MaxBytes: -5}, {Memory: 1}, {Deadline: -1}, {RequestsPerChild: -1}} {
		if _, err := Start(context.Background(), options); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

// stalled yields nothing until it is released, then zeros.
type stalled struct {
	reading  chan struct{}
	released chan struct{}
	once     sync.Once
}

func newStalled() *stalled {
	return &stalled{reading: make(chan struct{}), released: make(chan struct{})}
}

func (s *stalled) Read(into []byte) (int, error) {
	s.once.Do(func() { close(s.reading) })
	<-s.released
	clear(into)
	return len(into), nil
}

func TestKilledChildCostsOneFile(t *testing.T) {
	service := start(t, Options{Children: 1})
	victim := service.idleProcess(t)
	content := newStalled()
	result := make(chan Fingerprint, 1)
	go func() {
		found, err := service.Fingerprint(context.Background(), content, 1<<20)
		if err != nil {
			t.Error(err)
		}
		result <- found
	}()
	<-content.reading
	if err := victim.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-victim.exited
	close(content.released)
	if found := <-result; found.Status != StatusCrashed || !strings.Contains(found.Detail, "killed") {
		t.Errorf("%+v", found)
	}
	if found := service.fingerprintBytes(t, asPNG(t, landscape(320, 240))); found.Status != StatusOK {
		t.Errorf("the next file: %+v", found)
	}
	if counts := service.State().Counts; counts.Started != 2 || counts.Crashed != 1 || counts.Files != 2 {
		t.Errorf("%+v", counts)
	}
}

func TestChildThatDiedIdleCostsNothing(t *testing.T) {
	service := start(t, Options{Children: 1})
	content := asPNG(t, landscape(320, 240))
	for range 3 {
		service.fingerprintBytes(t, content)
		victim := service.idleProcess(t)
		if err := victim.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-victim.exited
		if found := service.fingerprintBytes(t, content); found.Status != StatusOK {
			t.Errorf("%+v", found)
		}
	}
	if counts := service.State().Counts; counts.Crashed != 0 || counts.Started != 4 {
		t.Errorf("%+v", counts)
	}
}

func TestDeadline(t *testing.T) {
	service := start(t, Options{Children: 1, Deadline: time.Millisecond})
	big := asPNG(t, landscape(2000, 2000))
	if found := service.fingerprintBytes(t, big); found.Status != StatusTimedOut {
		t.Errorf("%+v", found)
	}
	if counts := service.State().Counts; counts.TimedOut != 1 {
		t.Errorf("%+v", counts)
	}
}

func TestSlowReaderIsNotTheFilesFault(t *testing.T) {
	service := start(t, Options{Children: 1, Deadline: time.Second})
	content := newStalled()
	time.AfterFunc(1500*time.Millisecond, func() { close(content.released) })
	found, err := service.Fingerprint(context.Background(), content, 100)
	if err != nil || found.Status != StatusUnsupported {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestMemoryLimit(t *testing.T) {
	if raceMemory != 0 {
		t.Skip("SKIP: the race detector needs more memory than the limit under test")
	}
	service := start(t, Options{Children: 1, Memory: 192 << 20})
	bomb := lyingPNG(t, 8000, 8000)
	if found := service.fingerprintBytes(t, bomb); found.Status != StatusTooLarge || !strings.Contains(found.Detail, "memory") {
		t.Errorf("%+v", found)
	}
	if found := service.fingerprintBytes(t, asPNG(t, landscape(320, 240))); found.Status != StatusOK {
		t.Errorf("the next file: %+v", found)
	}
}

func TestFailingReader(t *testing.T) {
	service := start(t, Options{Children: 1})
	cause := errors.New("the disk is gone")
	_, err := service.Fingerprint(context.Background(), io.MultiReader(bytes.NewReader(make([]byte, 10)), errorReader{cause}), 100)
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, cause) {
		t.Errorf("failing reader: %v", err)
	}
	_, err = service.Fingerprint(context.Background(), bytes.NewReader(make([]byte, 99)), 100)
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short reader: %v", err)
	}
	if found := service.fingerprintBytes(t, asPNG(t, landscape(320, 240))); found.Status != StatusOK {
		t.Errorf("the next file: %+v", found)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestNegativeSizeIsInvalid(t *testing.T) {
	service := start(t, Options{Children: 1})
	if _, err := service.Fingerprint(context.Background(), bytes.NewReader(nil), -1); !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
	if _, err := service.Preview(context.Background(), bytes.NewReader(nil), -1, PreviewRequest{Kind: Full}); !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestCancelledContext(t *testing.T) {
	service := start(t, Options{Children: 1})
	ctx, cancel := context.WithCancel(context.Background())
	content := newStalled()
	go func() {
		<-content.reading
		cancel()
		close(content.released)
	}()
	if _, err := service.Fingerprint(ctx, content, 50<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled under way: %v", err)
	}
	if _, err := service.Fingerprint(ctx, bytes.NewReader([]byte("x")), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	if found := service.fingerprintBytes(t, asPNG(t, landscape(320, 240))); found.Status != StatusOK {
		t.Errorf("the next file: %+v", found)
	}
}

func TestChildrenAreReplacedAfterTheirTerm(t *testing.T) {
	service := start(t, Options{Children: 1, RequestsPerChild: 3})
	content := asPNG(t, landscape(64, 48))
	for range 10 {
		service.fingerprintBytes(t, content)
	}
	if counts := service.State().Counts; counts.Started != 4 || counts.Files != 10 || counts.Crashed != 0 {
		t.Errorf("%+v", counts)
	}
}

func TestChildIsReplacedAfterAHeavyFile(t *testing.T) {
	service := start(t, Options{Children: 1})
	for _, content := range [][]byte{asPNG(t, image.NewGray(image.Rect(0, 0, 4096, 2049))), make([]byte, heavyBytes+1)} {
		before := service.State().Counts.Started
		service.fingerprintBytes(t, content)
		service.fingerprintBytes(t, []byte("message 17"))
		if started := service.State().Counts.Started - before; started != 1 {
			t.Errorf("%d children were started after a heavy file", started)
		}
	}
	// A JPEG file of as many pixels is not heavy where they are not spread out in memory.
	before := service.State().Counts.Started
	large := asJPEG(t, landscape(4096, 2304))
	for range 3 {
		if found := service.fingerprintBytes(t, large); found.Status != StatusOK || found.unspread {
			t.Errorf("%+v", found)
		}
	}
	if started := service.State().Counts.Started - before; started != 0 {
		t.Errorf("%d children were started after JPEG files", started)
	}
}

func TestConcurrentUseAndClose(t *testing.T) {
	service := start(t, Options{Children: 2})
	content := asJPEG(t, landscape(320, 240))
	want := service.fingerprintBytes(t, content)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				found, err := service.Fingerprint(context.Background(), bytes.NewReader(content), int64(len(content)))
				if problem.Is(err, problem.Unavailable) {
					return
				}
				if err != nil || found != want {
					t.Errorf("%+v, %v", found, err)
				}
			}
		})
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	if _, err := service.Fingerprint(context.Background(), bytes.NewReader(content), int64(len(content))); !problem.Is(err, problem.Unavailable) {
		t.Errorf("after Close: %v", err)
	}
	service.pool.mutex.Lock()
	defer service.pool.mutex.Unlock()
	if len(service.pool.idle) != 0 {
		t.Errorf("%d children left", len(service.pool.idle))
	}
}

func TestChildEnvironmentAndArguments(t *testing.T) {
	service := start(t, Options{Children: 1})
	child := service.idleProcess(t)
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(child.command.Process.Pid) + "/environ")
	if err != nil {
		t.Skip("SKIP: /proc of the child cannot be read: " + err.Error())
	}
	for _, variable := range strings.Split(strings.TrimRight(string(environment), "\x00"), "\x00") {
		if name, _, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "GO") {
			t.Errorf("the child inherited %s", name)
		}
	}
}

func TestIsChild(t *testing.T) {
	for _, arguments := range [][]string{nil, {"brdo"}, {"brdo", "serve"}, {childArgument}} {
		if IsChild(arguments) {
			t.Errorf("%q", arguments)
		}
	}
	if !IsChild([]string{"brdo", childArgument}) {
		t.Error("not recognised")
	}
	for _, arguments := range [][]string{nil, {childArgument}, {childArgument, "1", "1", "1", "1", "true", "x"}, {childArgument, "1", "1", "-1", "1", "true", "0"}} {
		if err := serve(arguments, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%q accepted", arguments)
		}
	}
}
