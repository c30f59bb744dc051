package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// sharedCommits is how many changes at most share one commit, so that the first of them
// does not wait for long.
const sharedCommits = 64

// commits lets changes that come while others are being made durable share the next
// commit: SQLite has one writer, and waiting for the disk is most of a short transaction.
// Each change stands in a savepoint of its own and is kept or undone as if it were alone.
// None is acknowledged before the commit that holds it.
type commits struct {
	pool *sql.DB
	// turn is held by whoever leads: has the connection, and lets the others run their changes
	// one after another.
	turn chan struct{}

	mu    sync.Mutex
	queue []*pending
}

// pending is a change on its way into a commit. It runs on its own goroutine, when the leader says so.
type pending struct {
	ctx    context.Context
	change func(*Tx) error
	// begin hands it a transaction; it answers by ran, with tx and err set.
	begin chan *sql.Tx
	ran   chan struct{}
	tx    *Tx
	err   error
	// done is closed when err is what became of it.
	done chan struct{}
}

func newCommits(pool *sql.DB) *commits {
	return &commits{pool: pool, turn: make(chan struct{}, 1)}
}

// write has a change committed: by this goroutine, or by one that leads already.
func (c *commits) write(ctx context.Context, change func(*Tx) error) error {
	p := &pending{ctx: ctx, change: change, begin: make(chan *sql.Tx), ran: make(chan struct{}, 1), done: make(chan struct{})}
	c.put(p)
	gone := ctx.Done()
	for {
		select {
		case <-p.done:
			if p.err == nil {
				p.tx.committed()
			}
			return p.err
		case inner := <-p.begin:
			p.run(inner)
		case c.turn <- struct{}{}:
			c.lead(p)
		case <-gone:
			if c.withdraw(p) {
				return fmt.Errorf("waiting to write: %w", ctx.Err())
			}
			gone = nil // somebody has begun with it
		}
	}
}

// lead commits what has come until p is among it. The caller holds the turn, which it gives back.
func (c *commits) lead(p *pending) {
	var batch []*pending
	defer func() {
		// None is left, unless p panicked. The others go on without it.
		c.put(slices.DeleteFunc(batch, func(q *pending) bool { return q == p || q.settled() })...)
		<-c.turn
	}()
	for !p.settled() {
		batch = c.take()
		for _, spoiled := range c.commit(p, batch) {
			c.commit(p, []*pending{spoiled})
		}
	}
}

// commit runs changes in one transaction. It returns those that were undone because of
// another one and wait for a transaction of their own: SQLite rolls all of it back when
// the disk is full, for example.
func (c *commits) commit(leader *pending, batch []*pending) (spoiled []*pending) {
	inner, err := c.pool.BeginTx(context.Background(), nil)
	if err != nil {
		for _, p := range batch {
			p.settle(fmt.Errorf("beginning a transaction: %w", err))
		}
		return nil
	}
	defer func() { _ = inner.Rollback() }() // what was committed stays
	shared := len(batch) > 1
	var made []*pending
	for i, p := range batch {
		undone, err := p.make(inner, p == leader, shared)
		switch {
		case undone:
			p.settle(err)
			return append(made, batch[i+1:]...)
		case err != nil:
			p.settle(err)
		default:
			made = append(made, p)
		}
	}
	if len(made) == 0 {
		return nil
	}
	if err = inner.Commit(); err != nil {
		if shared {
			return made // one of them may be what cannot be committed
		}
		err = fmt.Errorf("committing: %w", err)
	}
	for _, p := range made {
		p.settle(err)
	}
	return nil
}

// make lets a change run, in a savepoint when it shares the transaction. undone means that
// the transaction is gone, and with it what others did in it.
func (p *pending) make(inner *sql.Tx, here, shared bool) (undone bool, err error) {
	if err := p.ctx.Err(); err != nil {
		return false, fmt.Errorf("waiting to write: %w", err)
	}
	mark := func(statement string) error {
		if !shared {
			return nil
		}
		_, err := inner.ExecContext(context.Background(), statement)
		return err
	}
	if err := mark(`SAVEPOINT one`); err != nil {
		return true, fmt.Errorf("beginning a change: %w", err)
	}
	if here {
		p.run(inner)
	} else {
		p.begin <- inner
	}
	<-p.ran
	if p.err == nil {
		err := mark(`RELEASE one`)
		return err != nil, err
	}
	undone = mark(`ROLLBACK TO one`) != nil || mark(`RELEASE one`) != nil
	return undone, p.err
}

// errLeft is what becomes of a change that panicked.
var errLeft = errors.New("the transaction was left")

// run runs the change. Statements of a shared transaction are not interrupted, as that would take all of it with
// them: the context is asked between them.
func (p *pending) run(inner *sql.Tx) {
	p.tx, p.err = &Tx{ctx: context.WithoutCancel(p.ctx), asked: p.ctx, inner: inner, dialect: SQLite}, errLeft
	defer func() { p.ran <- struct{}{} }() // also when the change panics
	p.err = p.change(p.tx)
}

func (p *pending) settled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *pending) settle(err error) {
	p.err = err
	close(p.done)
}

func (c *commits) put(p ...*pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, p...)
}

func (c *commits) take() []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := slices.Clone(c.queue[:min(len(c.queue), sharedCommits)])
	c.queue = slices.Delete(c.queue, 0, len(taken))
	return taken
}

// withdraw takes a change back that nobody has begun with.
func (c *commits) withdraw(p *pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.queue, p)
	if at < 0 {
		return false
	}
	c.queue = slices.Delete(c.queue, at, at+1)
	return true
}
