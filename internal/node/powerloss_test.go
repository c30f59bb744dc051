package node_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/internal/lossydisk"
)

// TestPowerFailures ends a working node and its disk's power at the same moment,
// again and again: what was acknowledged is there, although everything that was
// not synced is lost in part.
func TestPowerFailures(t *testing.T) {
	undetected(t)
	killNine(t, "", rounds(t, 12), &lossydisk.Options{})
}

// TestForgottenSyncsAreFound shows that the test above can fail: with a node
// that forgets to sync one kind of file, it does.
func TestForgottenSyncsAreFound(t *testing.T) {
	undetected(t)
	for what, pattern := range map[string]string{"the rows": "brdo.db-wal", "the keys": "keys.db-wal", "the sealed content": "put-*"} {
		t.Run(what, func(t *testing.T) {
			for range 4 {
				s := &suspicion{TB: t}
				var group sync.WaitGroup
				group.Go(func() { killNine(s, "", 5, &lossydisk.Options{SkipSync: pattern}) })
				group.Wait()
				if t.Skipped() {
					t.SkipNow() // it was the other goroutine that skipped
				}
				if len(s.found) > 0 {
					t.Logf("found, among %d: %.300s", len(s.found), s.found[0])
					return
				}
			}
			t.Errorf("%s are never synced, and nothing was lost", what)
		})
	}
}

// suspicion is a test whose failures are what is looked for.
type suspicion struct {
	testing.TB
	mu    sync.Mutex
	found []string
}

func (s *suspicion) Errorf(format string, arguments ...any) {
	if strings.Contains(format, "hardly worked") {
		return // nothing was lost because nothing was done
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, fmt.Sprintf(format, arguments...))
}

func (s *suspicion) Error(arguments ...any) { s.Errorf("%s", fmt.Sprint(arguments...)) }

func (s *suspicion) Fatalf(format string, arguments ...any) {
	s.Errorf(format, arguments...)
	runtime.Goexit()
}

func (s *suspicion) Fatal(arguments ...any) { s.Fatalf("%s", fmt.Sprint(arguments...)) }
