package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// openFile opens a SQLite database whose connections keep their statements.
func openFile(name string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeping{connector}), nil
}

// keptStatements is how many statements a connection keeps; more than the package has.
const keptStatements = 500

// keeping makes connections that keep the statements that they have prepared: half of the
// time of a short transaction would be parsing the same texts again. PostgreSQL's driver
// does so by itself.
type keeping struct{ driver.Connector }

func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of type %T lacks what is needed", opened), opened.Close())
	}
	return &keeper{connection: whole, kept: map[string]*statement{}}, nil
}

// connection is what database/sql asks of a connection to SQLite.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeper is a connection with its statements. It is used by one goroutine at a time, as
// database/sql guarantees.
type keeper struct {
	connection
	kept map[string]*statement
}

// statement is a prepared statement; it is busy while its rows are read.
type statement struct {
	driver.Stmt
	busy bool
}

// prepared returns the statement of a text; nil when it is busy or there are too many.
func (k *keeper) prepared(ctx context.Context, query string) (*statement, error) {
	if known := k.kept[query]; known != nil {
		if known.busy {
			return nil, nil
		}
		return known, nil
	}
	if len(k.kept) >= keptStatements {
		return nil, nil
	}
	made, err := k.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	k.kept[query] = &statement{Stmt: made}
	return k.kept[query], nil
}

func (k *keeper) ExecContext(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Result, error) {
	s, err := k.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return k.connection.ExecContext(ctx, query, arguments)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, arguments)
}

func (k *keeper) QueryContext(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Rows, error) {
	s, err := k.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return k.connection.QueryContext(ctx, query, arguments)
	}
	found, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, arguments)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &reading{found, s}, nil
}

func (k *keeper) Close() error {
	var all error
	for _, s := range k.kept {
		all = errors.Join(all, s.Close())
	}
	return errors.Join(all, k.connection.Close())
}

// reading are the rows of a statement that is free again when they are closed.
type reading struct {
	driver.Rows
	of *statement
}

func (r *reading) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
