package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/brdoproject/brdo/domain/problem"
)

// Tx is a transaction. The methods that read and write rows stand in one file
// for each subject. A Tx belongs to one goroutine and to one call of
// [Store.Write] or [Store.Read], whose context it carries.
type Tx struct {
	ctx context.Context
	// asked is the context of whoever waits. Statements of a shared transaction run under
	// ctx, which does not end, and are not begun when asked has ended.
	asked       context.Context
	inner       *sql.Tx
	dialect     Dialect
	afterCommit []func()
}

// AfterCommit registers a call that is made once the transaction is durable,
// for example to wake a worker. It is not made when the transaction fails.
func (tx *Tx) AfterCommit(call func()) { tx.afterCommit = append(tx.afterCommit, call) }

func (tx *Tx) committed() {
	for _, call := range tx.afterCommit {
		call()
	}
}

// run executes a statement.
func (tx *Tx) run(query string, arguments ...any) (sql.Result, error) {
	if err := tx.asked.Err(); err != nil {
		return nil, err
	}
	return tx.inner.ExecContext(tx.ctx, query, arguments...)
}

func (tx *Tx) exec(doing, query string, arguments ...any) error {
	_, err := tx.run(query, arguments...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// change is exec for a statement that must touch exactly one row; otherwise it
// returns missing.
func (tx *Tx) change(doing string, missing error, query string, arguments ...any) error {
	result, err := tx.run(query, arguments...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	count, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s: counting rows: %w", doing, err)
	}
	if count != 1 {
		return missing
	}
	return nil
}

// one scans the only row of a query; no row gives missing.
func (tx *Tx) one(doing string, missing error, query string, arguments []any, into ...any) error {
	err := tx.asked.Err()
	if err == nil {
		err = tx.inner.QueryRowContext(tx.ctx, query, arguments...).Scan(into...)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return missing
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// rows calls scan for each row of a query.
func (tx *Tx) rows(doing, query string, arguments []any, scan func(row scanner) error) error {
	if err := tx.asked.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	rows, err := tx.inner.QueryContext(tx.ctx, query, arguments...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// scanner is a row of *sql.Row or *sql.Rows.
type scanner interface{ Scan(into ...any) error }

// NewID makes an identifier that sorts by the time it was made (UUID version 7,
// RFC 9562), behind a prefix that says what it names, for example "report".
func NewID(prefix string) string {
	id := uuid.Must(uuid.NewV7()).String()
	if prefix == "" {
		return id
	}
	return prefix + "/" + id
}

// NotFound makes the problem for a row that is not there.
func NotFound(thing, id string) error {
	return &problem.Error{Kind: problem.NotFound, Reason: "there is no " + thing + " " + id, Remedy: "check the identifier; it may have been erased"}
}

// Changed makes the problem for a row that somebody else changed meanwhile.
func Changed(thing string) error {
	return problem.New(problem.Conflict, "the "+thing+" was changed by somebody else meanwhile", "load it again and repeat what you did")
}

// micros stores a time; the zero time becomes NULL.
func micros(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: true}
}

// moment scans a time stored by micros.
type moment struct{ into *time.Time }

func (m moment) Scan(source any) error {
	var number sql.NullInt64
	if err := number.Scan(source); err != nil {
		return fmt.Errorf("reading a time: %w", err)
	}
	if !number.Valid {
		*m.into = time.Time{}
		return nil
	}
	*m.into = time.UnixMicro(number.Int64).UTC()
	return nil
}
