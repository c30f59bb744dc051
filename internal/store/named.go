package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// NamesContent reports whether a row names what is sealed under a name: that of an item
// whose content is, or was, here, or that of a look-up. Such a row is never removed while the
// content is there.
func (tx *Tx) NamesContent(id string) (bool, error) {
	var count int64
	err := tx.one("looking for what content is for", nil,
		`SELECT (SELECT COUNT(*) FROM items WHERE id = $1 AND content <> $2) + (SELECT COUNT(*) FROM lookups WHERE id = $1)`, []any{id, ContentElsewhere}, &count)
	return count > 0, err
}

// ForgottenSince reports whether it was logged after a time that what is sealed under a
// name is forgotten, because no row named it.
func (tx *Tx) ForgottenSince(id string, since time.Time) (bool, error) {
	var count int64
	err := tx.one("asking whether content was forgotten", nil,
		`SELECT COUNT(*) FROM log_events WHERE resource = $1 AND at > $2 AND action = $3 AND outcome = 'done'`,
		[]any{id, micros(since), mandate.ItemForget.Name}, &count)
	return count > 0, err
}

// CheckSealed is asked by whoever writes the row that names content, in its transaction, with
// a time at which the content was not sealed yet: content that stayed without a row for
// too long, because a process stood still, may have been forgotten meanwhile.
//
// Errors: Unavailable when it was.
func (tx *Tx) CheckSealed(id string, since time.Time) error {
	forgotten, err := tx.ForgottenSince(id, since)
	if err != nil || !forgotten {
		return err
	}
	return problem.New(problem.Unavailable, "the content was taken away before it was written what it is for", "send it again")
}
