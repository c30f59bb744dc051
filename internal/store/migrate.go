package store

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema to the version of this binary. Several processes
// may call it at once: on PostgreSQL one of them works while the others wait.
func (s *Store) Migrate(ctx context.Context) error {
	texts, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	dialect := database.DialectSQLite3
	if s.dialect == PostgreSQL {
		dialect = database.DialectPostgres
		lock, err := s.write.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connecting to migrate: %w", err)
		}
		defer lock.Close()
		if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock(7264)`); err != nil {
			return fmt.Errorf("waiting for another migration: %w", err)
		}
		defer func() { _, _ = lock.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(7264)`) }()
	}
	provider, err := goose.NewProvider(dialect, s.write, translated{texts, s.dialect})
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", classify(err))
	}
	return nil
}

// translated is the migrations' folder, each text in the dialect's own words.
type translated struct {
	fs.FS
	dialect Dialect
}

func (t translated) Open(name string) (fs.File, error) {
	file, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return &translation{File: file, text: bytes.NewReader([]byte(t.dialect.definition(string(text))))}, nil
}

type translation struct {
	fs.File
	text *bytes.Reader
}

func (t *translation) Read(into []byte) (int, error) { return t.text.Read(into) }
