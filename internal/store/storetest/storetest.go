// Package storetest opens real databases for tests: a SQLite file and, where
// the server's binaries are installed, a database of a temporary PostgreSQL
// cluster. The same test runs on both.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/store"
)

// Each runs a test on a fresh, migrated database of each engine.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgresql", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// SQLite opens a fresh, migrated SQLite database.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return open(t, SQLiteLocation(t))
}

// PostgreSQL opens a fresh, migrated PostgreSQL database, or skips loudly.
func PostgreSQL(t testing.TB) *store.Store {
	t.Helper()
	return open(t, PostgreSQLLocation(t))
}

// SQLiteLocation names a fresh, migrated SQLite database that the test opens
// itself, for example in another process.
func SQLiteLocation(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "brdo.db")
	WriteSQLite(t, path)
	return "sqlite:" + path
}

// WriteSQLite writes a fresh, migrated SQLite database to a path. It is migrated
// once in a process and copied from then on.
func WriteSQLite(t testing.TB, path string) {
	t.Helper()
	content, err := migratedSQLite()
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
	}
	if err != nil {
		t.Fatalf("writing the test database: %v", err)
	}
}

var migratedSQLite = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "brdo-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "brdo.db")
	s, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	// Closing the last connection leaves everything in the one file.
	if err := errors.Join(s.Migrate(context.Background()), s.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// PostgreSQLLocation names a fresh, migrated PostgreSQL database that the test
// opens itself, or skips loudly. It is a copy of one that is migrated once in a
// process.
func PostgreSQLLocation(t testing.TB) string {
	t.Helper()
	return migratedPostgreSQL.Start(t)
}

var migratedPostgreSQL = postgrestest.NewTemplate(func(location string) error {
	s, err := store.Open(context.Background(), location)
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(context.Background()), s.Close())
})

func open(t testing.TB, location string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), location)
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the test database: %v", err)
		}
	})
	return s
}
