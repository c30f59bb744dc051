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

// Option changes how the database of one test is made.
type Option string

// AsyncCommit lets commits return before they are on disk, for tests that
// write much and assert nothing about durability. It sets the parameter
// synchronous_commit of that test's database only.
const AsyncCommit Option = "asynchronous commit"

var shared struct {
	sync.Mutex
	cluster *cluster
	err     error
}

// Start returns the DSN, in the form "postgres:///name?host=…&user=…", of a
// fresh and empty database that is dropped when t ends. Encoding is UTF-8 and
// the locale is "C", so text sorts bytewise as it does in SQLite. It may be
// called from parallel tests, and several times by one test.
func Start(t testing.TB, options ...Option) string {
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

	name := "test_" + randomName()
	execute(t, cluster.dsn("postgres"), `CREATE DATABASE `+name)
	for _, option := range options {
		if option == AsyncCommit {
			execute(t, cluster.dsn("postgres"), `ALTER DATABASE `+name+` SET synchronous_commit = off`)
		}
	}
	t.Cleanup(func() {
		execute(t, cluster.dsn("postgres"), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	})
	return cluster.dsn(name)
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
