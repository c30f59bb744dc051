package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// crowd is a database in which changes wait for one that is under way, so that they share a commit.
type crowd struct {
	t     *testing.T
	store *Store
}

func newCrowd(t *testing.T) *crowd {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "crowd.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &crowd{t, s}
	c.must(s.Write(t.Context(), func(tx *Tx) error {
		return tx.exec("making a table", `CREATE TABLE messages (number INTEGER PRIMARY KEY)`)
	}))
	return c
}

func (c *crowd) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// together begins changes while another one is under way, in their order. It returns when all have ended.
func (c *crowd) together(begin ...func()) {
	under, all := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := c.store.Write(context.Background(), func(*Tx) error { close(under); <-all; return nil })
		if err != nil {
			c.t.Error(err)
		}
	})
	<-under
	for i, one := range begin {
		group.Go(one)
		for c.queued() <= i {
			runtime.Gosched()
		}
	}
	close(all)
	group.Wait()
}

func (c *crowd) queued() int {
	c.store.commits.mu.Lock()
	defer c.store.commits.mu.Unlock()
	return len(c.store.commits.queue)
}

func (c *crowd) numbers() (all []int) {
	c.must(c.store.Read(c.t.Context(), func(tx *Tx) error {
		return tx.rows("reading", `SELECT number FROM messages ORDER BY number`, nil, func(row scanner) error {
			var n int
			err := row.Scan(&n)
			all = append(all, n)
			return err
		})
	}))
	return all
}

// TestSharedCommits has changes of all kinds of ends share commits: each is kept or undone as if it were alone.
func TestSharedCommits(t *testing.T) {
	c := newCrowd(t)
	refused := errors.New("refused")
	insert := func(tx *Tx, n int) error { return tx.exec("inserting", `INSERT INTO messages VALUES ($1)`, n) }
	var mu sync.Mutex
	transactions, told := map[*sql.Tx]int{}, []int{}
	write := func(n int, want error, then func(tx *Tx) error) func() {
		return func() {
			err := c.store.Write(context.Background(), func(tx *Tx) error {
				mu.Lock()
				transactions[tx.inner]++
				mu.Unlock()
				tx.AfterCommit(func() { mu.Lock(); told = append(told, n); mu.Unlock() })
				if err := insert(tx, n); err != nil {
					return err
				}
				return then(tx)
			})
			if !errors.Is(err, want) {
				t.Errorf("change %d: %v, not %v", n, err, want)
			}
		}
	}
	nothing := func(*Tx) error { return nil }
	panicking := func() {
		defer func() {
			if recover() != "message 17" {
				t.Error("the panic went elsewhere")
			}
		}()
		write(4, nil, func(*Tx) error { panic("message 17") })()
	}
	ended, end := context.WithCancel(context.Background())
	end()
	cancelled := func() {
		err := c.store.Write(ended, func(tx *Tx) error { return insert(tx, 6) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a change nobody waits for any more: %v", err)
		}
	}
	var twice error
	c.together(
		write(1, nil, nothing),
		write(2, refused, func(*Tx) error { return refused }),
		write(3, nil, nothing),
		panicking,
		func() { twice = c.store.Write(context.Background(), func(tx *Tx) error { return insert(tx, 3) }) },
		write(5, nil, nothing),
	)
	cancelled()
	if twice == nil {
		t.Error("a number was inserted twice")
	}
	if got := c.numbers(); !slices.Equal(got, []int{1, 3, 5}) {
		t.Errorf("kept %v", got)
	}
	if slices.Sort(told); !slices.Equal(told, []int{1, 3, 5}) {
		t.Errorf("told of %v", told)
	}
	if len(transactions) != 1 {
		t.Errorf("%d transactions for changes that came together", len(transactions))
	}
}

// TestSharedCommitsUndone has one of several changes undo all of them, as SQLite does when the disk is full.
func TestSharedCommitsUndone(t *testing.T) {
	c := newCrowd(t)
	insert := func(n int, then string, want bool) func() {
		return func() {
			err := c.store.Write(context.Background(), func(tx *Tx) error {
				if err := tx.exec("inserting", `INSERT INTO messages VALUES ($1)`, n); err != nil || then == "" {
					return err
				}
				return errors.Join(tx.exec("undoing", then), fmt.Errorf("message %d", n))
			})
			if (err == nil) != want {
				t.Errorf("change %d: %v", n, err)
			}
		}
	}
	c.together(insert(1, "", true), insert(2, "ROLLBACK", false), insert(3, "", true))
	if got := c.numbers(); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("kept %v", got)
	}
}

// TestSharedCommitsLeft has a goroutine end within its change, as a test does that fails there.
func TestSharedCommitsLeft(t *testing.T) {
	c := newCrowd(t)
	var others [2]error
	one := func(i int) func() {
		return func() {
			others[i] = c.store.Write(context.Background(), func(tx *Tx) error { return tx.exec("inserting", `INSERT INTO messages VALUES ($1)`, i) })
		}
	}
	left := func() {
		_ = c.store.Write(context.Background(), func(*Tx) error { runtime.Goexit(); return nil })
	}
	ended := make(chan struct{})
	go func() { c.together(one(0), left, one(1)); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("somebody waits for ever")
	}
	got := c.numbers()
	for i, err := range others {
		if kept := slices.Contains(got, i); kept != (err == nil) {
			t.Errorf("change %d: kept %t, said %v", i, kept, err)
		}
	}
	c.must(c.store.Write(t.Context(), func(tx *Tx) error { return tx.exec("inserting", `INSERT INTO messages VALUES (9)`) }))
}
