package store

import (
	"errors"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/brdoproject/brdo/domain/problem"
)

// ErrFull is in the chain of an error when there is no room left on the disk:
// nothing was recorded. Personal data cannot be read either then, because
// every reading is recorded.
var ErrFull = errors.New("no space left for the database")

// PostgreSQL error codes, appendix A of its manual.
const (
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
	pgDiskFull             = "53100"
)

func isSerialization(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == pgSerializationFailure || pg.Code == pgDeadlockDetected)
}

// classify turns what the engines say of their state into problems that a
// caller can act on. Problems and unknown errors pass unchanged.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return full(err)
		case sqlite3.SQLITE_IOERR:
			if errors.Is(err, syscall.ENOSPC) {
				return full(err)
			}
			return problem.New(problem.Unavailable, "the database could not be written", "the operator checks the disk and the log; nothing was recorded").Because(err)
		case sqlite3.SQLITE_BUSY:
			return problem.New(problem.Unavailable, "the database is busy", "try again in a moment; nothing was recorded").Because(err)
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == pgDiskFull {
		return full(err)
	}
	if isSerialization(err) {
		return problem.New(problem.Unavailable, "too many changes to the same thing at once", "try again in a moment; nothing was recorded").Because(err)
	}
	return err
}

func full(err error) error {
	return problem.New(problem.Unavailable, "the disk is full", "free space on the disk of the database; nothing was recorded, and what cannot be recorded is not shown").Because(errors.Join(ErrFull, err))
}
