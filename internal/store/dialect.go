package store

import "strings"

// Dialect is one of the two engines.
type Dialect string

const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgresql"
)

// skipLocked lets several workers claim different rows of one queue. SQLite has
// one writer, so nothing needs to be skipped there.
func (d Dialect) skipLocked() string {
	if d == PostgreSQL {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// definition turns a migration's text into the engine's own words. Migrations
// are written once, in the words both engines share, and BLOB for bytes.
func (d Dialect) definition(text string) string {
	if d == PostgreSQL {
		return strings.NewReplacer(" BLOB", " BYTEA", " DOUBLE", " DOUBLE PRECISION").Replace(text)
	}
	return text
}
