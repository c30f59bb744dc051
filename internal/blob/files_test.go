package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/blob/blobtest"
)

func openFiles(t testing.TB, directory string) *blob.Files {
	t.Helper()
	store, err := blob.OpenFiles(directory)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func wantKind(t testing.TB, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("error %v, want a problem of kind %s", err, kind)
	}
}

// skip skips a test loudly, or fails it where everything is required.
func skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
		t.Fatal(reason)
	}
	t.Skip("SKIP: " + reason)
}

func TestFilesConform(t *testing.T) {
	blobtest.Conformance(t, func(t *testing.T) blob.Store { return openFiles(t, t.TempDir()) })
}

func TestFilesAreReopened(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "not", "there", "yet")
	content := blobtest.Bytes(1, 1000)
	if err := openFiles(t, directory).Put(t.Context(), "a/b", bytes.NewReader(content), 1000); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(blobtest.Get(t, openFiles(t, directory), "a/b"), content) {
		t.Fatal("the blob does not come back")
	}
	err := filepath.WalkDir(directory, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be used by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAbandonedDraftsAreRemovedAndLivingOnesKept(t *testing.T) {
	directory := t.TempDir()
	store := openFiles(t, directory)
	abandoned := filepath.Join(directory, "incoming", "put-abandoned")
	if err := os.WriteFile(abandoned, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, sink := io.Pipe()
	done := make(chan error)
	go func() { done <- store.Put(context.Background(), "key", source, -1) }()
	if _, err := sink.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	openFiles(t, directory)
	if _, err := os.Stat(abandoned); !os.IsNotExist(err) {
		t.Fatalf("the abandoned draft is still there: %v", err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("opening the store again disturbed a writer: %v", err)
	}
	if got := blobtest.Get(t, store, "key"); string(got) != "content" {
		t.Fatalf("got %q", got)
	}
}

// TestPutSurvivesKill has a child put numbered blobs, each acknowledged on its
// standard output once Put has returned, and kills it in the midst of work.
func TestPutSurvivesKill(t *testing.T) {
	if directory := os.Getenv("BRDO_BLOBTEST_DIRECTORY"); directory != "" {
		store := openFiles(t, directory)
		for number := uint64(0); ; number++ {
			content := selfDescribing(number)
			if err := store.Put(context.Background(), fmt.Sprintf("blob/%d", number), bytes.NewReader(content), -1); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("done %d\n", number)
		}
	}
	for round := range 5 {
		directory := t.TempDir()
		child := exec.Command(os.Args[0], "-test.run=^TestPutSurvivesKill$")
		child.Env = append(os.Environ(), "BRDO_BLOBTEST_DIRECTORY="+directory)
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for lines := bufio.NewScanner(output); lines.Scan(); {
			rest, found := strings.CutPrefix(lines.Text(), "done ")
			if !found {
				continue
			}
			if number, err := strconv.Atoi(rest); err != nil || number != acknowledged {
				t.Fatalf("line %q after %d blobs", lines.Text(), acknowledged)
			}
			if acknowledged++; acknowledged == 7*(round+1) {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // reports the kill
		if acknowledged == 0 {
			t.Fatal("the child put nothing")
		}
		store := openFiles(t, directory)
		for number := range acknowledged {
			if got := blobtest.Get(t, store, fmt.Sprintf("blob/%d", number)); !bytes.Equal(got, selfDescribing(uint64(number))) {
				t.Fatalf("acknowledged blob %d is lost or torn", number)
			}
		}
		visible := 0
		err = store.List(t.Context(), "", func(info blob.Info) error {
			number, err := strconv.ParseUint(strings.TrimPrefix(info.Key, "blob/"), 10, 64)
			if err != nil || !bytes.Equal(blobtest.Get(t, store, info.Key), selfDescribing(number)) {
				t.Errorf("%s is visible and torn", info.Key)
			}
			visible++
			return nil
		})
		if err != nil || visible < acknowledged || visible > acknowledged+1 {
			t.Fatalf("%d blobs are visible after %d were acknowledged, %v", visible, acknowledged, err)
		}
		if left, _ := filepath.Glob(filepath.Join(directory, "incoming", "*")); len(left) != 0 {
			t.Fatalf("reopening left %v", left)
		}
	}
}

func selfDescribing(number uint64) []byte {
	size := int(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, number))[0]) * 4000
	return blobtest.Bytes(number, size)
}

// TestFullDisk uses a file system of 4 MiB.
func TestFullDisk(t *testing.T) {
	directory := t.TempDir()
	if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "size=4m"); err != nil {
		skip(t, "mounting a small file system needs the right to: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(directory, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	store := openFiles(t, directory)
	const size = 3 << 19
	content := blobtest.Bytes(1, size)
	var stored []string
	var err error
	for number := 0; err == nil; number++ {
		key := fmt.Sprintf("blob/%d", number)
		if err = store.Put(t.Context(), key, bytes.NewReader(content), size); err == nil {
			stored = append(stored, key)
		}
	}
	wantKind(t, err, problem.Unavailable)
	if reason := problem.From(err).Reason; !strings.Contains(reason, "space") {
		t.Fatalf("the reason does not name the space: %s", reason)
	}
	if len(stored) != 2 {
		t.Fatalf("%d blobs of 1.5 MiB fit", len(stored))
	}
	for _, key := range stored {
		if !bytes.Equal(blobtest.Get(t, store, key), content) {
			t.Fatalf("%s cannot be read while the disk is full", key)
		}
	}
	visible := 0
	if err := store.List(t.Context(), "", func(blob.Info) error { visible++; return nil }); err != nil || visible != len(stored) {
		t.Fatalf("%d blobs are visible, %d were stored, %v", visible, len(stored), err)
	}
	if left, _ := filepath.Glob(filepath.Join(directory, "incoming", "*")); len(left) != 0 {
		t.Fatalf("the failed put left %v", left)
	}
	if err := store.Delete(t.Context(), stored[0]); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "after", bytes.NewReader(content), size); err != nil {
		t.Fatalf("the store does not resume after space came back: %v", err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"a", "a/b", "../a", "sealed/item/1/00ff", ".", "a//b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if blob.CheckKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || filepath.Clean(key) != key || strings.ContainsAny(key, "+\\\x00") {
			t.Fatalf("%q passes", key)
		}
	})
}

func BenchmarkFiles(b *testing.B) {
	store := openFiles(b, b.TempDir())
	for _, size := range []int{64 << 10, 16 << 20} {
		content := blobtest.Bytes(1, size)
		b.Run(fmt.Sprintf("put/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := store.Put(b.Context(), "key", bytes.NewReader(content), int64(size)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
