// Package store keeps all rows of a node, in SQLite or in PostgreSQL, behind
// one concrete transaction type.
//
// Every statement is one SQL text for both engines ($n placeholders, RETURNING,
// row values); the few differences are fragments of the [Dialect]. There are no
// repository interfaces: each subject (log, jobs, lists, items, …) has one file
// with plain methods on [Tx], tested on both engines.
//
// Personal data is reached through internal/ledger only, which opens the
// transactions of this package and refuses what it cannot record. Times are
// stored as UTC microseconds since 1970; the zero time is NULL.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	// The driver registers itself with database/sql.
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	dialect Dialect
	// write has one connection on SQLite: one writer, so that an immediate
	// transaction never meets another of this process.
	write *sql.DB
	read  *sql.DB
	// commits are how SQLite is written to; nil on PostgreSQL, which shares them by itself.
	commits *commits
	path    string
}

// Open connects to the database named by url, which is either
// "postgres://…" or "sqlite:PATH" (or a plain path), and checks that it
// answers. It does not migrate: call [Store.Migrate].
func Open(ctx context.Context, location string) (*Store, error) {
	if strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://") {
		return openPostgreSQL(ctx, location)
	}
	return openSQLite(ctx, strings.TrimPrefix(location, "sqlite:"))
}

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("opening the database: the path is empty")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the database: %w", err)
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", // first, so that the others wait for a lock too
		"journal_mode(WAL)",
		"synchronous(FULL)", // NORMAL loses the last commits on power loss
		"foreign_keys(ON)",
		"temp_store(MEMORY)",
		"secure_delete(ON)",
	}}
	writing := url.Values{"_pragma": pragmas["_pragma"], "_txlock": {"immediate"}}
	write, err := openFile("file:" + path + "?" + writing.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening %s for writing: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %s: %w", path, err), write.Close())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("restricting the database file: %w", err), write.Close())
	}
	reading := url.Values{"_pragma": append([]string{"query_only(ON)"}, pragmas["_pragma"]...)}
	read, err := openFile("file:" + path + "?" + reading.Encode())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s for reading: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	return &Store{dialect: SQLite, write: write, read: read, commits: newCommits(write), path: path}, nil
}

func openPostgreSQL(ctx context.Context, location string) (*Store, error) {
	pool, err := sql.Open("pgx", location)
	if err != nil {
		return nil, fmt.Errorf("opening the PostgreSQL database: %w", err)
	}
	pool.SetMaxOpenConns(16)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reaching the PostgreSQL database: %w", err), pool.Close())
	}
	return &Store{dialect: PostgreSQL, write: pool, read: pool}, nil
}

// Close closes all connections.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// Dialect says which engine this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// Path is the database file of SQLite; empty for PostgreSQL.
func (s *Store) Path() string { return s.path }

// Ping checks that the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.write.PingContext(ctx) }

const (
	writeAttempts = 12
	firstBackoff  = 2 * time.Millisecond
)

// Write runs change in one transaction that is as if it ran alone
// (SERIALIZABLE; SQLite has one writer), and commits it. When PostgreSQL finds
// that it could not have run alone, or SQLite undoes what shared a commit with it, change
// is run again, so it must have no effect outside the transaction until Write has returned
// nil.
func (s *Store) Write(ctx context.Context, change func(*Tx) error) error {
	return s.retry(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, change)
}

// WriteShared runs change in a transaction in which rows locked by others are
// seen as they were last committed (READ COMMITTED). It is for queues, where
// each row is claimed with SKIP LOCKED or a lock of its own.
func (s *Store) WriteShared(ctx context.Context, change func(*Tx) error) error {
	return s.retry(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, change)
}

// Read runs consult on a consistent snapshot in which nothing can be changed.
func (s *Store) Read(ctx context.Context, consult func(*Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	if s.dialect == SQLite {
		// The connections of the reading pool are query_only; the driver has
		// no other isolation than SQLite's own snapshot.
		options = nil
	}
	return s.once(ctx, s.read, options, consult)
}

func (s *Store) retry(ctx context.Context, options *sql.TxOptions, change func(*Tx) error) error {
	if s.commits != nil {
		return classify(s.commits.write(ctx, change))
	}
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, s.write, options, change)
		if err == nil || !isSerialization(err) || attempt == writeAttempts {
			return classify(err)
		}
		wait := backoff + rand.N(backoff)
		backoff = min(2*backoff, 200*time.Millisecond)
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting to run a transaction again: %w", ctx.Err())
		case <-time.After(wait):
		}
	}
}

func (s *Store) once(ctx context.Context, pool *sql.DB, options *sql.TxOptions, work func(*Tx) error) (err error) {
	inner, err := pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			_ = inner.Rollback()
			panic(p)
		}
	}()
	tx := &Tx{ctx: ctx, asked: ctx, inner: inner, dialect: s.dialect}
	if err := work(tx); err != nil {
		if rollback := inner.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("rolling back: %w", rollback))
		}
		return err
	}
	if err := inner.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	tx.committed()
	return nil
}

// Snapshot writes a consistent copy of an embedded database while it is in use.
// PostgreSQL has its own tools for that.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	if s.dialect != SQLite {
		return errors.New("writing a snapshot: the rows are in PostgreSQL; use pg_dump for them")
	}
	if _, err := s.write.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return fmt.Errorf("writing a snapshot: %w", classify(err))
	}
	return os.Chmod(path, 0o600)
}
