package blob_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/blob/blobtest"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/postgrestest"
)

// TestForgottenContentMayComeAgain forgets what a process left that died, on both
// engines of the vault, lets an old backup of the data return, and seals the same
// content again.
func TestForgottenContentMayComeAgain(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			n := newNode(t)
			if engine == "postgres" {
				n.vault = openVault(t, postgrestest.Start(t), n.key)
				n.sealed = blob.NewSealed(n.store, n.vault)
			}
			hour := noon.Add(time.Hour)
			content := blobtest.Bytes(1, 100_000)
			n.seal(t, "left", content)
			n.seal(t, "named", content)
			n.seal(t, "erased", content)
			if err := n.sealed.Settle(t.Context(), []string{"named"}); err != nil {
				t.Fatal(err)
			}
			if err := n.sealed.Erase(t.Context(), "erased"); err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			if err := os.CopyFS(backup, os.DirFS(filepath.Join(n.directory, "blobs"))); err != nil {
				t.Fatal(err)
			}
			for id, want := range map[string]bool{"left": true, "named": false, "erased": false} {
				if forgot, err := n.sealed.Forget(t.Context(), id, hour); err != nil || forgot != want {
					t.Errorf("forgetting %s: %v, %v", id, forgot, err)
				}
			}
			if bodies := n.bodies(t, ""); len(bodies) != 1 {
				t.Errorf("bodies left: %v", bodies)
			}
			// The body comes back with a backup: nobody can read it, and it is in nobody's way.
			restored := filepath.Join(t.TempDir(), "restored")
			if err := os.CopyFS(filepath.Join(restored, "blobs"), os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			store := openFiles(t, filepath.Join(restored, "blobs"))
			again := &node{directory: restored, store: store, vault: n.vault, sealed: blob.NewSealed(store, n.vault)}
			if len(again.bodies(t, "sealed/left/")) != 1 {
				t.Fatal("the backup did not hold the body: the test shows nothing")
			}
			_, err := again.sealed.Open(t.Context(), "left")
			wantKind(t, err, problem.NotFound)
			if errors.As(err, new(*keyring.ErasedError)) {
				t.Errorf("what was forgotten counts as erased: %v", err)
			}
			again.seal(t, "left", content)
			again.wantContent(t, "left", content)
			again.wantContent(t, "named", content)
			again.wantErased(t, "erased")
			if _, err := again.sealed.Seal(t.Context(), "erased", "report", bytes.NewReader(content)); !errors.As(err, new(*keyring.ErasedError)) {
				t.Errorf("sealing what was erased: %v", err)
			}
		})
	}
}

// TestInterruptedForgettingIsDoneAgain: the key goes first, and the body is not
// lost sight of.
func TestInterruptedForgettingIsDoneAgain(t *testing.T) {
	content := blobtest.Bytes(1, 100_000)
	for _, failing := range []string{"before delete", "after delete"} {
		n := newNode(t)
		n.seal(t, "item", content)
		broken := blob.NewSealed(&interrupted{n.store, failing}, n.vault)
		if _, err := broken.Forget(t.Context(), "item", noon.Add(time.Hour)); !errors.Is(err, errInterrupted) {
			t.Fatalf("%s: error %v", failing, err)
		}
		_, err := n.sealed.Open(t.Context(), "item")
		wantKind(t, err, problem.NotFound)
		n.seal(t, "item", content) // it may come before the rest is done
		for range 2 {
			if err := n.sealed.DeleteForgotten(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		n.wantContent(t, "item", content)
		if findings := n.compare(t, later); len(findings) != 0 || len(n.bodies(t, "")) != 1 {
			t.Errorf("%s: comparing finds %v among %v", failing, findings, n.bodies(t, ""))
		}
	}
}
