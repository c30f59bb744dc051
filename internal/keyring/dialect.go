package keyring

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
	_ "modernc.org/sqlite"             // the database/sql driver "sqlite"

	"github.com/brdoproject/brdo/domain/problem"
)

// vaultFormat is the version of the tables below.
const vaultFormat = 2

// dialect is what differs between the two engines. All else is one SQL text.
type dialect interface {
	schema() []string
	// lockSchema keeps other processes from creating the tables meanwhile.
	lockSchema(*sql.Tx) error
	// shareLock, added to a SELECT, keeps the row unchanged until the end.
	shareLock() string
	// lockItem serialises the transactions that concern one item.
	lockItem(*sql.Tx, string) error
	// clearTraces removes overwritten bytes from where the engine keeps them.
	clearTraces(context.Context, *sql.DB) error
	// snapshotIsolation is the level at which a transaction sees one moment.
	snapshotIsolation() sql.IsolationLevel
	// rebuild writes all rows anew, so that nothing else is in the files.
	rebuild(context.Context, *sql.DB) error
}

// sqlite has one connection, whose transactions are immediate: they cannot meet.
type sqlite struct{}

func (sqlite) schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS vault (
			id       INTEGER PRIMARY KEY CHECK (id = 1),
			format   INTEGER NOT NULL,
			node_key TEXT    NOT NULL
		) STRICT`,
		`CREATE TABLE IF NOT EXISTS item_keys (
			sequence INTEGER PRIMARY KEY,
			item_id  TEXT NOT NULL UNIQUE,
			class    TEXT NOT NULL,
			body     TEXT NOT NULL,
			header   BLOB
		) STRICT`,
		`CREATE TABLE IF NOT EXISTS destroyed_keys (
			item_id      TEXT    PRIMARY KEY,
			destroyed_at INTEGER NOT NULL
		) STRICT`,
		`CREATE TABLE IF NOT EXISTS unsettled_keys (
			item_id   TEXT    PRIMARY KEY,
			sealed_at INTEGER NOT NULL
		) STRICT`,
	}
}

func (sqlite) lockSchema(*sql.Tx) error { return nil }

func (sqlite) shareLock() string { return "" }

func (sqlite) lockItem(*sql.Tx, string) error { return nil }

// clearTraces copies the write-ahead log into the database file and cuts it to
// nothing. Another process that reads at this moment delays that.
func (sqlite) clearTraces(ctx context.Context, database *sql.DB) error {
	for range 100 {
		var busy, logged, copied int
		if err := database.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &copied); err != nil {
			return unavailable(fmt.Errorf("clearing the write-ahead log: %w", err))
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return unavailable(ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return problem.New(problem.Unavailable, "the key is destroyed, but another process kept its trace in the write-ahead log",
		"end whatever has the key vault open and erase again; erasing twice is harmless")
}

func (sqlite) snapshotIsolation() sql.IsolationLevel { return sql.LevelDefault }

func (d sqlite) rebuild(ctx context.Context, database *sql.DB) error {
	if _, err := database.ExecContext(ctx, `VACUUM`); err != nil {
		return unavailable(fmt.Errorf("rebuilding the key vault: %w", err))
	}
	return d.clearTraces(ctx, database)
}

// openFile opens a SQLite file with one connection, creating it with mode 0600,
// which SQLite then gives to the log beside it too.
func openFile(path string) (*sql.DB, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	source := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
			"secure_delete(ON)", "temp_store(MEMORY)", "trusted_schema(OFF)",
		},
	}.Encode()}
	database, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	database.SetMaxOpenConns(1)
	return database, nil
}

// postgres relies on row locks and on advisory locks that end with the
// transaction.
type postgres struct{}

func (postgres) schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS vault (
			id       BIGINT PRIMARY KEY CHECK (id = 1),
			format   BIGINT NOT NULL,
			node_key TEXT   NOT NULL
		)`,
		`CREATE TABLE IF NOT EXISTS item_keys (
			sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			item_id  TEXT COLLATE "C" NOT NULL UNIQUE,
			class    TEXT NOT NULL,
			body     TEXT NOT NULL,
			header   BYTEA
		)`,
		`CREATE TABLE IF NOT EXISTS destroyed_keys (
			item_id      TEXT COLLATE "C" PRIMARY KEY,
			destroyed_at BIGINT NOT NULL
		)`,
		`CREATE TABLE IF NOT EXISTS unsettled_keys (
			item_id   TEXT COLLATE "C" PRIMARY KEY,
			sealed_at BIGINT NOT NULL
		)`,
	}
}

// lockFamily keeps this package's advisory locks apart from others' ("keys").
const lockFamily = 0x6b657973

func (postgres) lockSchema(tx *sql.Tx) error {
	_, err := tx.Exec(`SELECT pg_advisory_xact_lock($1, 0)`, lockFamily)
	return err
}

func (postgres) shareLock() string { return " FOR SHARE" }

func (postgres) lockItem(tx *sql.Tx, itemID string) error {
	_, err := tx.Exec(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockFamily, itemID)
	return err
}

func (postgres) clearTraces(context.Context, *sql.DB) error { return nil }

func (postgres) snapshotIsolation() sql.IsolationLevel { return sql.LevelRepeatableRead }

func (postgres) rebuild(ctx context.Context, database *sql.DB) error {
	if _, err := database.ExecContext(ctx, `VACUUM (FULL) item_keys`); err != nil {
		return unavailable(fmt.Errorf("rebuilding the key vault: %w", err))
	}
	return nil
}
