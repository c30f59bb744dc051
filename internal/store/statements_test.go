package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
)

// TestKeptStatements uses statements again after all that can happen to them.
func TestKeptStatements(t *testing.T) {
	db, err := openFile("file:" + filepath.Join(t.TempDir(), "kept.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	do := func(query string, arguments ...any) error {
		_, err := db.ExecContext(t.Context(), query, arguments...)
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(do(`CREATE TABLE messages (number INTEGER PRIMARY KEY, words TEXT)`))
	const insert, read = `INSERT INTO messages VALUES ($1, $2)`, `SELECT * FROM messages WHERE number >= $1 ORDER BY number`
	for number := range 5 {
		must(do(insert, number, fmt.Sprint("message ", number)))
	}
	if do(insert, 3, "message 17") == nil {
		t.Error("a number was inserted twice")
	}
	must(do(insert, 5, nil)) // the text of the row before is not bound any more

	tx, err := db.BeginTx(t.Context(), nil)
	must(err)
	// One statement within itself, each with arguments of its own, on one connection.
	outer, err := tx.QueryContext(t.Context(), read, 3)
	must(err)
	pairs := 0
	for outer.Next() {
		var number int
		var words sql.NullString
		must(outer.Scan(&number, &words))
		inner, err := tx.QueryContext(t.Context(), read, 0)
		must(err)
		for inner.Next() {
			pairs++
		}
		must(inner.Close())
	}
	must(outer.Close())
	must(tx.Rollback())
	if pairs != 3*6 {
		t.Errorf("%d pairs of rows, want 18", pairs)
	}

	// Left before its end, and after the table has changed.
	left, err := db.QueryContext(t.Context(), read, 0)
	must(err)
	left.Next()
	must(left.Close())
	must(do(`ALTER TABLE messages ADD COLUMN more TEXT NOT NULL DEFAULT 'none'`))
	var number int
	var words sql.NullString
	var more string
	must(db.QueryRowContext(t.Context(), read, 5).Scan(&number, &words, &more))
	if number != 5 || words.Valid || more != "none" {
		t.Errorf("row %d %v %q", number, words, more)
	}

	// More texts than are kept, and a broken one.
	for i := range keptStatements + 10 {
		if err := db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d FROM messages WHERE number = $1`, i), 1).Scan(&number); err != nil || number != i {
			t.Fatalf("statement %d: %d, %v", i, number, err)
		}
	}
	if do(`SELECT FROM WHERE`) == nil {
		t.Error("a broken text was executed")
	}
	must(do(`INSERT INTO messages (number) VALUES (6); DELETE FROM messages WHERE number = 6`))
	must(db.QueryRowContext(t.Context(), read, 5).Scan(&number, &words, &more))
	must(db.Close())
}
