// Package vectortest finds the conformance vectors, which lie beside the repository
// and are no part of it.
package vectortest

import (
	"os"
	"path/filepath"
	"testing"
)

// Folder is one folder of the vectors, for example "pdq". Without it a test is skipped, or
// fails where nothing may be skipped.
func Folder(t testing.TB, name string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		above := filepath.Dir(root)
		if above == root {
			t.Fatal("the test is not run within the module")
		}
		root = above
	}
	folder := filepath.Join(root, "..", "shared", "vectors", name)
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatalf("conformance vectors are required and not present: %v", err)
		}
		t.Skipf("SKIP: conformance vectors not present at ../shared/vectors/%s", name)
	}
	return folder
}
