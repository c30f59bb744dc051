package postgrestest

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	database, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	return database
}

func show(t *testing.T, database *sql.DB, parameter string) string {
	t.Helper()
	var value string
	if err := database.QueryRow("SHOW " + parameter).Scan(&value); err != nil {
		t.Fatalf("SHOW %s: %v", parameter, err)
	}
	return value
}

func TestEachCallGivesAnEmptyDatabase(t *testing.T) {
	for range 2 {
		t.Run("parallel", func(t *testing.T) {
			t.Parallel()
			first, second := open(t, Start(t)), open(t, Start(t))
			if _, err := first.Exec(`CREATE TABLE only_here (id BIGINT)`); err != nil {
				t.Fatal(err)
			}
			if _, err := second.Exec(`SELECT * FROM only_here`); err == nil {
				t.Fatal("a table made in one database is visible in another")
			}
		})
	}
}

func TestCommitsAreDurable(t *testing.T) {
	database := open(t, Start(t))
	for _, parameter := range []string{"fsync", "synchronous_commit"} {
		if got := show(t, database, parameter); got != "on" {
			t.Errorf("%s is %s, want on", parameter, got)
		}
	}
}

func TestATemplateIsFilledOnceAndCopied(t *testing.T) {
	filled := 0
	template := NewTemplate(func(dsn string) error {
		filled++
		database, err := sql.Open("pgx", dsn)
		if err != nil {
			return err
		}
		defer database.Close()
		_, err = database.Exec(`CREATE TABLE messages (id BIGINT)`)
		return err
	})
	for range 2 {
		database := open(t, template.Start(t))
		var count int
		if err := database.QueryRow(`SELECT COUNT(*) FROM messages`).Scan(&count); err != nil || count != 0 {
			t.Fatalf("%d messages, %v, want the empty table of the template", count, err)
		}
		if _, err := database.Exec(`INSERT INTO messages VALUES (17)`); err != nil {
			t.Fatal(err)
		}
	}
	if filled != 1 {
		t.Errorf("the template was filled %d times", filled)
	}
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	var dsn string
	t.Run("inner", func(t *testing.T) { dsn = Start(t) })
	if dsn == "" {
		t.Skip("SKIP: the inner test was skipped")
	}
	if err := open(t, dsn).Ping(); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("connecting to the database of an ended test: %v, want that it does not exist", err)
	}
}

// TestClusterVanishesWithItsProcess kills a process that has started a cluster
// and sees its directory, which holds the data and the socket, disappear.
func TestClusterVanishesWithItsProcess(t *testing.T) {
	if os.Getenv("BRDO_POSTGRESTEST_CHILD") == "1" {
		Start(t)
		time.Sleep(time.Minute)
		return
	}
	Start(t) // skips when there is no server
	temporary, err := os.MkdirTemp("", "brdo-pgt-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	if err := os.Chmod(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestClusterVanishesWithItsProcess$")
	child.Env = append(os.Environ(), "BRDO_POSTGRESTEST_CHILD=1", "TMPDIR="+temporary)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFiles(t, filepath.Join(temporary, "brdo-pg-*", ".s.PGSQL.5432"), true)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // reports the kill
	awaitFiles(t, filepath.Join(temporary, "brdo-pg-*"), false)
}

func awaitFiles(t *testing.T, pattern string, wanted bool) {
	t.Helper()
	for range 3000 {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if (len(found) > 0) == wanted {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: want found = %v within a minute", pattern, wanted)
}
