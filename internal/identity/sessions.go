package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/internal/store"
)

// SessionIdle is how long a session lasts without a request; a review station
// is left alone in a shared room.
const SessionIdle = 30 * time.Minute

// clockDrift is by how much a clock may be set back without ending what was
// made before.
const clockDrift = 5 * time.Minute

// Sessions keeps the sessions of github.com/alexedwards/scs in the node's
// database, under digests of their tokens, so that whoever reads the database
// cannot take a session over. It implements scs.CtxStore.
type Sessions struct {
	Store *store.Store
	Now   func() time.Time
}

// FindCtx returns a session that has not ended.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	digest := sha256.Sum256([]byte(token))
	err = s.Store.Read(ctx, func(tx *store.Tx) error {
		now := s.Now()
		data, found, err = tx.Session(digest[:], now, now.Add(SessionIdle+clockDrift))
		return err
	})
	return data, found, wrapped("reading a session", err)
}

// CommitCtx writes a session. The library that asks for it counts by the
// machine's clock; here the end is counted by the node's, which reads it again.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error {
	digest := sha256.Sum256([]byte(token))
	expires = s.Now().Add(time.Until(expires))
	return wrapped("writing a session", s.Store.WriteShared(ctx, func(tx *store.Tx) error { return tx.PutSession(digest[:], data, expires) }))
}

// DeleteCtx ends a session.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	digest := sha256.Sum256([]byte(token))
	return wrapped("ending a session", s.Store.WriteShared(ctx, func(tx *store.Tx) error { return tx.DeleteSession(digest[:]) }))
}

// Find, Commit and Delete complete the interface for callers without a context.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s Sessions) Commit(token string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expires)
}

// Delete is DeleteCtx without a context.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// Sweep removes sessions and login links that have ended.
func (s Sessions) Sweep(ctx context.Context) error {
	return wrapped("removing old sessions", s.Store.WriteShared(ctx, func(tx *store.Tx) error { return tx.DeleteSessionsBefore(s.Now()) }))
}

func wrapped(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
