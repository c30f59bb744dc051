package node_test

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/racetest"
)

// TestARestoredBackupCannotReadWhatWasErased backs a node up, erases an item,
// and puts the old backup back beside the current copy of the keys: the erased
// item stays unreadable, the other one is read.
func TestARestoredBackupCannotReadWhatWasErased(t *testing.T) {
	racetest.Skip(t, "one after the other")
	folder := t.TempDir()
	world, err := node.OpenWorld(t.Context(), filepath.Join(folder, "world"), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, number := range []int{5, 10} { // exact copies of list entries
		detection, err := world.Upload(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, detection.Files[0].SHA256)
	}
	if err := world.Provider.Ledger.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := world.Provider.Config
	keys := filepath.Join(folder, "keys.copy")
	old := filepath.Join(folder, "old")
	if _, err := node.Backup(t.Context(), config, old, keys); err != nil {
		t.Fatal(err)
	}
	supervisor := mandate.Actor{Kind: mandate.Person, ID: "person/supervisor", Roles: []mandate.Role{mandate.Supervisor}, Organisation: mandate.Provider}
	if err := world.Provider.Triage.Erase(t.Context(), supervisor, items[0], "the retention period is over"); err != nil {
		t.Fatal(err)
	}
	if err := world.Provider.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The copy of the keys is written over after the erasure, as it always is.
	if _, err := node.Backup(t.Context(), config, filepath.Join(folder, "new"), keys); err != nil {
		t.Fatal(err)
	}
	if err := world.Close(); err != nil {
		t.Fatal(err)
	}
	if _, report, err := node.CheckBackup(t.Context(), old); err != nil || report.Records == 0 {
		t.Fatalf("%+v, %v", report, err)
	}

	restored := config
	restored.Data = filepath.Join(folder, "restored")
	if err := os.Mkdir(restored.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"identity", "node.key", "DEMONSTRATION"} { // kept apart from the backups
		if err := os.Rename(filepath.Join(config.Data, name), filepath.Join(restored.Data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := node.Restore(t.Context(), restored, old, keys); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), restored, node.Options{Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.Content.Open(t.Context(), items[0]); !problem.Is(err, problem.NotFound) {
		t.Errorf("the erased item: %v", err)
	}
	content, err := n.Content.Open(t.Context(), items[1])
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
		t.Errorf("the other item: %d bytes, %v", len(data), err)
	}

	// A byte of the backup that is not as it was is found.
	name := filepath.Join(old, "brdo.db")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := node.CheckBackup(t.Context(), old); !problem.Is(err, problem.Invalid) {
		t.Errorf("an altered backup: %v", err)
	}
}

func TestADemonstrationNeverBecomesARealNode(t *testing.T) {
	config := node.Defaults()
	config.Organisation.ID, config.Organisation.Name, config.Data = "provider.example", "Example", t.TempDir()
	open := func(demo bool) error {
		n, err := node.Open(t.Context(), config, node.Options{Demo: demo})
		if err == nil {
			err = n.Close()
		}
		return err
	}
	if err := open(true); err != nil {
		t.Fatal(err)
	}
	if err := open(false); !problem.Is(err, problem.Invalid) {
		t.Errorf("a demonstration's folder was opened as a real node's: %v", err)
	}
	config.Data = t.TempDir()
	if err := open(false); err != nil {
		t.Fatal(err)
	}
	if err := open(true); !problem.Is(err, problem.Invalid) {
		t.Errorf("a real node's folder was opened by a demonstration: %v", err)
	}
}
