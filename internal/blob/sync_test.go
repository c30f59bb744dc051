package blob

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
)

// TestFailedSyncStopsTheStore makes the n-th fsync of a Put fail, for each n.
func TestFailedSyncStopsTheStore(t *testing.T) {
	broken := errors.New("input/output error")
	syncs := 0
	for failing := 1; ; failing++ {
		directory := t.TempDir()
		store, err := OpenFiles(directory)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Put(t.Context(), "before", strings.NewReader("content"), 7); err != nil {
			t.Fatal(err)
		}
		syncs = 0
		store.sync = func(file *os.File) error {
			if syncs++; syncs == failing {
				return broken
			}
			return file.Sync()
		}
		err = store.Put(t.Context(), "during", strings.NewReader("content"), 7)
		if syncs < failing {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, broken) || !problem.Is(err, problem.Unavailable) {
			t.Fatalf("sync %d failed: error %v", failing, err)
		}
		store.sync = (*os.File).Sync
		if err := store.Put(t.Context(), "after", strings.NewReader("content"), 7); !problem.Is(err, problem.Unavailable) {
			t.Fatalf("sync %d failed and the store goes on accepting: %v", failing, err)
		}
		if _, err := store.Stat(t.Context(), "before"); err != nil {
			t.Fatalf("sync %d failed and what was there cannot be read: %v", failing, err)
		}
		if left, _ := filepath.Glob(filepath.Join(directory, incomingDirectory, "*")); len(left) != 0 {
			t.Fatalf("sync %d failed and left %v", failing, left)
		}
		reopened, err := OpenFiles(directory)
		if err != nil {
			t.Fatal(err)
		}
		if err := reopened.Put(t.Context(), "after", strings.NewReader("content"), 7); err != nil {
			t.Fatalf("the store opened anew refuses: %v", err)
		}
	}
	// The file, the directory above a new one for each of two levels, the
	// directory that holds the blob.
	if syncs != 4 {
		t.Fatalf("a put into fresh directories syncs %d times, want 4", syncs)
	}
}
