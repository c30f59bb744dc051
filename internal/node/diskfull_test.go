package node_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// smallDisk is a file system of so many bytes that goes with the test.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatalf("BRDO_REQUIRE_ALL=1, and no small disk can be mounted: %v", err)
		}
		t.Skipf("SKIP: no small disk can be mounted here (%v); what happens on a full disk was not tested", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
	return folder
}

// TestAFullDisk fills the disk of a node that is being uploaded to: what it
// acknowledged is there, what it refused is not, and it works again when there
// is room.
func TestAFullDisk(t *testing.T) {
	disk := smallDisk(t, 48<<20)
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Data: filepath.Join(disk, "data")})
	get := func(path string) (int, string) {
		r, err := http.NewRequest(http.MethodGet, n.Server.URL+path, nil)
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+n.Token)
		status, text, err := answerTo(n.Server.Client(), r)
		must(t, "sending a request", err)
		return status, text
	}
	filler := filepath.Join(disk, "filler")
	fill := func(leave int) {
		var space syscall.Statfs_t
		must(t, "measuring the disk", syscall.Statfs(disk, &space))
		must(t, "filling the disk", os.WriteFile(filler, make([]byte, int(space.Bavail)*int(space.Bsize)-leave), 0o600))
	}

	acknowledged, refused := 0, 0
	upload := func(number int) (int, string) {
		status, text := submitted(t, n, fmt.Sprintf("upload %d", number), nodetest.Picture(number))
		switch status {
		case http.StatusOK:
			acknowledged++
		case http.StatusInsufficientStorage:
			refused++
			if !strings.Contains(text, `"remedy":"`) {
				t.Errorf("upload %d: no remedy: %s", number, text)
			}
		default:
			t.Fatalf("upload %d: %d %s", number, status, text)
		}
		return status, text
	}
	upload(1)
	// With a little room some parts of an upload still fit: the spool, then the
	// sealed content, then the rows. Each amount of room stops at another one.
	for round, leave := range []int{1 << 20, 200 << 10, 40 << 10, 0} {
		fill(leave)
		for number := range 400 {
			if status, _ := upload(100 + 1000*round + number); status != http.StatusOK && number > 3 {
				break
			}
		}
		if status, text := get("/healthz"); status != http.StatusOK {
			t.Errorf("with %d bytes left: healthz answers %d %s", leave, status, text)
		}
		must(t, "making room", os.Remove(filler))
		if status, text := upload(100 + 1000*round + 500); status != http.StatusOK {
			t.Fatalf("with room again: %d %s", status, text)
		}
	}
	fill(0)
	if status, text := get("/v1/sightings"); status != http.StatusOK && status != http.StatusInsufficientStorage {
		t.Errorf("reading on a full disk: %d %s", status, text)
	}
	must(t, "making room", os.Remove(filler))
	if refused < 4 {
		t.Errorf("only %d uploads were refused: the disk was never full", refused)
	}
	if count := sightings(t, n); count != acknowledged {
		t.Errorf("%d uploads acknowledged, %d sightings", acknowledged, count)
	}
	must(t, "sequencing", n.Ledger.Sequence(context.Background()))
	if _, err := ledger.Verify(context.Background(), n.Store, n.Ledger.Trust()); err != nil {
		t.Errorf("the log: %v", err)
	}
	t.Logf("%d uploads acknowledged, %d refused with 507", acknowledged, refused)
}
