// Package postgrestest gives tests a real PostgreSQL server.
//
// The first call of [Start] in a test process initialises a temporary cluster
// that listens on a Unix socket only, with fsync on as in production; each call
// then creates a fresh, empty database in it. The cluster needs no TestMain: a
// small supervising shell holds the reading end of a pipe whose writing end is
// in the test process, and stops the server and removes its files when that
// process is gone, however it went.
//
// The server refuses to run as root; a root test process starts it as the user
// "postgres" or else "nobody". Where the server's programs are absent the test
// is skipped loudly, or fails when BRDO_REQUIRE_ALL=1 is set.
package postgrestest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
)

var shared struct {
	sync.Mutex
	cluster *cluster
	err     error
}

// Start returns the DSN, in the form "postgres:///name?host=…&user=…", of a
// fresh and empty database that is dropped when t ends. Encoding is UTF-8 and
// the locale is "C", so text sorts bytewise as it does in SQLite. It may be
// called from parallel tests, and several times by one test.
func Start(t testing.TB) string {
	t.Helper()
	return create(t, running(t), "template1")
}

// Template is a database that is filled once in a process, for tests that begin
// with a copy of it.
type Template struct {
	fill func(dsn string) error
	make sync.Once
	name string
	err  error
}

// NewTemplate says how a template is filled. fill closes its connections: a
// database that somebody uses is not copied.
func NewTemplate(fill func(dsn string) error) *Template { return &Template{fill: fill} }

// Start is as [Start], but the database is a copy of the template.
func (p *Template) Start(t testing.TB) string {
	t.Helper()
	cluster := running(t)
	p.make.Do(func() {
		p.name = "template_" + randomName()
		execute(t, cluster.dsn("postgres"), `CREATE DATABASE `+p.name)
		p.err = p.fill(cluster.dsn(p.name))
	})
	if p.err != nil {
		t.Fatalf("filling the template of databases: %v", p.err)
	}
	return create(t, cluster, p.name)
}

// running is the cluster of this process, or skips loudly.
func running(t testing.TB) *cluster {
	t.Helper()
	programs := findPrograms()
	if programs == "" {
		const absent = "PostgreSQL server programs not found; set BRDO_TEST_POSTGRES_BIN to their directory"
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatal(absent)
		}
		t.Skip("SKIP: " + absent)
	}
	cluster, err := sharedCluster(programs)
	if err != nil {
		t.Fatalf("starting the temporary PostgreSQL cluster: %v", err)
	}
	return cluster
}

// create makes a database that is dropped when t ends.
func create(t testing.TB, in *cluster, template string) string {
	t.Helper()
	name := "test_" + randomName()
	execute(t, in.dsn("postgres"), `CREATE DATABASE `+name+` TEMPLATE `+template)
	t.Cleanup(func() {
		execute(t, in.dsn("postgres"), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	})
	return in.dsn(name)
}

func sharedCluster(programs string) (*cluster, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = startCluster(programs)
	}
	return shared.cluster, shared.err
}

func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	database, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatalf("connecting to the temporary PostgreSQL cluster: %v", err)
	}
	defer database.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := database.ExecContext(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func randomName() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails: see crypto/rand.Read
	return hex.EncodeToString(random[:])
}

// dsn names one database of the cluster.
func (c *cluster) dsn(database string) string {
	query := url.Values{"host": {c.directory}, "user": {superuser}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}).String()
}
