package media

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/brdoproject/brdo/internal/racetest"
)

// further attempts of a program in the place of ffmpeg.
const (
	attemptAgain   Attempt = "execute the program again by its old descriptor"
	attemptOther   Attempt = "execute another open file"
	attemptLift    Attempt = "lift its limits"
	attemptMakeRun Attempt = "make memory executable"
	attemptWritten Attempt = "map memory that can be written and run"
)

// probe is what the test binary does in the place of ffmpeg: it tries everything, and writes
// the answers of the kernel to standard output.
func probe() {
	checks := tryEverything()
	attempt := func(name Attempt, err error) {
		check := Check{Attempt: name, Refused: err != nil, Answer: "allowed"}
		if err != nil {
			check.Answer = err.Error()
		}
		checks = append(checks, check)
	}
	attempt(attemptAgain, become([]string{"again"}))
	var nothing [1]byte
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, 0, uintptr(unsafe.Pointer(&nothing[0])), 0, 0, unix.AT_EMPTY_PATH, 0)
	attempt(attemptOther, errno)
	attempt(attemptLift, unix.Prlimit(0, unix.RLIMIT_CORE, &unix.Rlimit{}, nil))
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		err = unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC)
	}
	attempt(attemptMakeRun, err)
	_, err = unix.Mmap(0, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE)
	attempt(attemptWritten, err)
	for _, check := range checks {
		fmt.Printf("%t %s: %s\n", check.Refused, check.Attempt, check.Answer)
	}
	fmt.Println("input:", open(input, unix.O_RDONLY), "environment:", len(os.Environ()))
	os.Exit(0)
}

// TestVideoDecoderIsEnclosed puts a program in ffmpeg's place that tries everything.
func TestVideoDecoderIsEnclosed(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the race detector cannot start in this enclosure; it is run without it")
	}
	service := start(t, Options{Children: 1})
	service.pool.player = os.Args[0]
	if path, err := filepath.Abs(os.Args[0]); err == nil {
		service.pool.player = path
	}
	for name, read := range map[string]func(t *testing.T) *os.File{
		"a file on the disk": func(t *testing.T) *os.File {
			path := filepath.Join(t.TempDir(), "video")
			if err := os.WriteFile(path, []byte("message 17"), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return file
		},
		"a file in memory": func(t *testing.T) *os.File {
			file, err := seekable(errorlessReader{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			return file
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := read(t)
			defer file.Close()
			player, err := service.pool.startPlayer(file, service.pool.options, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer player.end()
			said := make([]byte, 1<<16)
			n := 0
			for {
				more, err := player.out.Read(said[n:])
				n += more
				if err != nil {
					break
				}
			}
			answers := string(said[:n])
			t.Logf("\n%s%s", answers, player.told.worst())
			checkProbe(t, answers)
		})
	}
}

func checkProbe(t *testing.T, answers string) {
	t.Helper()
	refused := 0
	for line := range strings.SplitSeq(answers, "\n") {
		if strings.HasPrefix(line, "true ") {
			refused++
		}
		// Asking for its own limits is harmless; lifting them is another attempt.
		if what, is := strings.CutPrefix(line, "false "); is && !strings.HasPrefix(what, string(AttemptLimits)) {
			t.Errorf("not refused: %s", what)
		}
	}
	if want := len(attempts) - 1 + 5; refused != want {
		t.Errorf("%d attempts were refused, want %d", refused, want)
	}
	if !strings.Contains(answers, string(attemptOther)+": operation not permitted") { // Landlock would say: permission denied
		t.Error("the filter lets another program be executed")
	}
	if !strings.Contains(answers, "input: <nil> environment: 0") {
		t.Error("the input cannot be read, or there is an environment")
	}
}

type errorlessReader struct{}

func (errorlessReader) Read(into []byte) (int, error) { clear(into); return len(into), nil }
