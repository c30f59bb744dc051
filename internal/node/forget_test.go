package node_test

import (
	"bytes"
	"context"
	"database/sql"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestKilledBetweenSealingAndRow kills a process that has sealed an upload and waits to write
// its row. The doctor tells of what is left, two processes forget it once, and the same file
// can be uploaded again and stays.
func TestKilledBetweenSealingAndRow(t *testing.T) {
	undetected(t)
	t.Run("sqlite, files", func(t *testing.T) {
		killedBeforeRow(t, nodetest.Open(t, nodetest.Options{Kind: mandate.Provider}), "sqlite", func(c node.Config) (rows, keys string) {
			return filepath.Join(c.Data, "brdo.db"), filepath.Join(c.Data, "keys.db")
		}, []string{`PRAGMA busy_timeout = 60000`, `CREATE TRIGGER never BEFORE INSERT ON items BEGIN
			SELECT (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT count(*) FROM numbers); END`}, `DROP TRIGGER never`)
	})
	t.Run("postgresql, s3", func(t *testing.T) {
		backend := s3mem.New()
		must(t, "making a bucket", backend.CreateBucket("content"))
		s3 := httptest.NewServer(gofakes3.New(backend).Server())
		defer s3.Close()
		t.Setenv("BRDO_S3_ACCESS_KEY", "access")
		t.Setenv("BRDO_S3_SECRET_KEY", "secret")
		local := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: postgrestest.Start(t), Configure: func(c *node.Config) {
			c.Content = node.S3{Endpoint: strings.TrimPrefix(s3.URL, "http://"), Region: "us-east-1", Bucket: "content", PathStyle: true, Insecure: true}
		}})
		killedBeforeRow(t, local, "pgx", func(c node.Config) (rows, keys string) { return c.Database, c.Database }, []string{`BEGIN`, `LOCK TABLE sightings IN EXCLUSIVE MODE`}, `ROLLBACK`)
	})
}

func killedBeforeRow(t *testing.T, local *nodetest.Node, driver string, places func(node.Config) (rows, keys string), lock []string, unlock string) {
	ctx := t.Context()
	config, token := local.Config, local.Token
	local.Server.Close()
	must(t, "closing the node that prepared", local.Close())
	rows, keys := places(config)
	sum, err := digest.Reader(bytes.NewReader(nodetest.Picture(1)))
	must(t, "digesting", err)
	id := sum.SHA256Hex()

	origin, process, _ := servant(t, config)
	release := block(t, driver, rows, lock, unlock)
	answered := make(chan error, 1)
	go func() { _, err := asked(origin, token, 1, true); answered <- err }()
	eventually(t, "the upload is sealed", func() (bool, error) {
		key, err := keyring.LoadNodeKey(filepath.Join(config.Data, "node.key"))
		if err != nil {
			return false, err
		}
		vault, err := keyring.OpenVault(ctx, keys, key, time.Now)
		if err != nil {
			return false, err
		}
		defer vault.Close()
		_, err = vault.Header(ctx, id)
		return err == nil, err
	})
	must(t, "killing the process", syscall.Kill(process, syscall.SIGKILL))
	if err := <-answered; err == nil {
		t.Fatal("the upload was answered: the test shows nothing")
	}
	release()

	doctor := func(at time.Time, want node.Health) {
		t.Helper()
		for _, f := range node.Examine(ctx, config, at) {
			if f.What == "sealed content" {
				if f.Health != want {
					t.Errorf("the doctor says %+v, want %s", f, want)
				}
				return
			}
		}
		t.Error("the doctor does not speak of sealed content")
	}
	doctor(time.Now(), node.Well) // its upload may still be written
	doctor(time.Now().Add(2*time.Hour), node.Warning)

	past := time.Duration(0)
	var nodes []*node.Node
	for range 2 {
		n, err := node.Open(ctx, config, node.Options{Now: func() time.Time { return time.Now().Add(past) }, Decoder: local.Decoder})
		must(t, "opening a node after the kill", err)
		defer n.Close()
		nodes = append(nodes, n)
	}
	n := nodes[0]
	past = 2 * time.Hour
	must(t, "beginning", n.Intake.Begin(ctx))
	var group sync.WaitGroup
	for _, each := range nodes {
		group.Go(func() {
			if err := each.Drain(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("working off the jobs: %v", err)
			}
		})
	}
	group.Wait()
	if forgotten := nodes[0].Intake.Forgotten() + nodes[1].Intake.Forgotten(); forgotten != 1 {
		t.Errorf("%d contents were forgotten", forgotten)
	}
	doctor(time.Now().Add(past), node.Well)
	logged := 0
	must(t, "reading the log", n.Store.Read(ctx, func(tx *store.Tx) error {
		events, err := tx.LogEventsOf(id, 10)
		for _, event := range events {
			if event.Action == mandate.ItemForget.Name && event.Outcome == "done" {
				logged++
			}
		}
		return err
	}))
	if logged != 1 {
		t.Errorf("it was logged %d times", logged)
	}

	s := nodetest.Submission(1, "")
	s.Flagged = true
	found, err := n.Intake.Detect(ctx, nodeUploads(t, n), s)
	must(t, "uploading again", err)
	if found.Files[0].SHA256 != id || found.Files[0].Sighting == "" {
		t.Fatalf("uploaded again: %+v", found.Files[0])
	}
	for _, f := range node.ExamineContent(ctx, config, time.Now().Add(past)) {
		if f.Health != node.Well {
			t.Errorf("content compared with its keys: %+v", f)
		}
	}
	past += 3 * time.Hour
	must(t, "working off the jobs", n.Drain(ctx))
	if err := wholly(ctx, n, id); err != nil {
		t.Errorf("what was uploaded again: %v", err)
	}
}

// TestTheDoctorComparesContentWithItsKeys: what is lost is a problem, what nobody can read a
// warning.
func TestTheDoctorComparesContentWithItsKeys(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	lost := n.Flag(t, 1, "")
	n.Flag(t, 2, "")
	healths := func() (all []node.Health) {
		for _, f := range node.ExamineContent(t.Context(), n.Config, time.Now().Add(2*time.Hour)) {
			all = append(all, f.Health)
		}
		return all
	}
	if found := healths(); !slices.Equal(found, []node.Health{node.Well}) {
		t.Errorf("of sound content it says %v", found)
	}
	content := filepath.Join(n.Config.Data, "content")
	must(t, "losing a body", filepath.WalkDir(content, func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.Contains(entry.Name(), lost) {
			err = os.Rename(path, strings.Replace(path, lost, strings.Repeat("0", len(lost)), 1))
		}
		return err
	}))
	if found := healths(); !slices.Equal(found, []node.Health{node.Ill, node.Warning}) {
		t.Errorf("of lost content and a body without a key it says %v", found)
	}
}

// block keeps a database from taking rows until what it returns is called.
func block(t *testing.T, driver, source string, lock []string, unlock string) (release func()) {
	t.Helper()
	database, err := sql.Open(driver, source)
	must(t, "opening the database", err)
	database.SetMaxOpenConns(1)
	connection, err := database.Conn(t.Context())
	must(t, "connecting", err)
	for _, statement := range lock {
		_, err = connection.ExecContext(t.Context(), statement)
		must(t, "locking", err)
	}
	return func() {
		_, err := connection.ExecContext(context.WithoutCancel(t.Context()), unlock)
		must(t, "unlocking", err)
		must(t, "closing", database.Close())
	}
}
