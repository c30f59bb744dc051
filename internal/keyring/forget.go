package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// A key is unsettled from when it is put until somebody has seen that a row of
// the data names its item. What is unsettled for long was left by a process that
// died in between, and is forgotten: unlike what was erased, the same content
// may be sealed again.

// Unsettled is a key of which nobody has seen yet that a row names its item.
type Unsettled struct {
	ItemID string
	// SealedAt is when the item was sealed last, the same content again included.
	SealedAt time.Time
}

// Unsettled returns up to limit keys that were sealed before a time and are not
// settled, in the order of their items.
func (v *Vault) Unsettled(ctx context.Context, before time.Time, limit int) (found []Unsettled, err error) {
	err = v.transact(ctx, func(tx *sql.Tx) error {
		rows, err := tx.Query(`SELECT item_id, sealed_at FROM unsettled_keys WHERE sealed_at < $1 ORDER BY item_id LIMIT $2`, before.UnixMicro(), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var one Unsettled
			var sealedAt int64
			if err := rows.Scan(&one.ItemID, &sealedAt); err != nil {
				return err
			}
			one.SealedAt = time.UnixMicro(sealedAt).UTC()
			found = append(found, one)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is unsettled in the key vault: %w", err)
	}
	return found, nil
}

// Settle notes that rows name these items. They are never forgotten again.
func (v *Vault) Settle(ctx context.Context, itemIDs []string) error {
	err := v.transact(ctx, func(tx *sql.Tx) error {
		// In one order, so that two processes do not wait for each other.
		for _, id := range slices.Sorted(slices.Values(itemIDs)) {
			if _, err := tx.Exec(`DELETE FROM unsettled_keys WHERE item_id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settling keys: %w", err)
	}
	return nil
}

// Renew returns the record of an item whose key exists, and lets an unsettled one
// count as sealed now, so that it is not forgotten under whoever seals the same
// content again. Errors are those of [Vault.Header].
func (v *Vault) Renew(ctx context.Context, itemID string) (record Record, err error) {
	err = v.transact(ctx, func(tx *sql.Tx) error {
		if err := v.dialect.lockItem(tx, itemID); err != nil {
			return err
		}
		if record, err = find(tx, itemID); err != nil {
			return err
		}
		if record.Destroyed() {
			return &ErasedError{itemID, record.DestroyedAt}
		}
		_, err = tx.Exec(`UPDATE unsettled_keys SET sealed_at = $1 WHERE item_id = $2`, v.clock().UnixMicro(), itemID)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("reading the key of item %s: %w", itemID, err)
	}
	return record, nil
}

// forgottenMark begins the names of what was forgotten. It sorts behind every
// character of an item's id and of a body's key.
const forgottenMark = "~"

// Forget destroys the key of an item that is unsettled and was sealed last
// before a time, and keeps no mark of it: the item may be sealed again. It
// reports whether it did. What is left of it is returned by
// [Vault.ForgottenBodies] until its body is gone.
func (v *Vault) Forget(ctx context.Context, itemID string, before time.Time) (forgot bool, err error) {
	err = v.transact(ctx, func(tx *sql.Tx) error {
		if err := v.dialect.lockItem(tx, itemID); err != nil {
			return err
		}
		forgot, err = forget(tx, itemID, before)
		return err
	})
	if err == nil && forgot {
		err = v.dialect.clearTraces(ctx, v.database)
	}
	if err != nil {
		return false, fmt.Errorf("forgetting the key of item %s: %w", itemID, err)
	}
	return forgot, nil
}

// forget overwrites the row in place, as destroy does and for the same reason:
// the name too, so that the next key of the item gets a row of its own.
func forget(tx *sql.Tx, itemID string, before time.Time) (bool, error) {
	var sequence, length int64
	err := tx.QueryRow(`
		SELECT k.sequence, coalesce(length(k.header), 0)
		FROM unsettled_keys u JOIN item_keys k ON k.item_id = u.item_id
		WHERE u.item_id = $1 AND u.sealed_at < $2`, itemID, before.UnixMicro()).Scan(&sequence, &length)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	name := fmt.Sprintf("%s%0*d", forgottenMark, len(itemID)-len(forgottenMark), sequence)
	if _, err := tx.Exec(`UPDATE item_keys SET header = $1, item_id = $2 WHERE sequence = $3`, make([]byte, length), name, sequence); err != nil {
		return false, err
	}
	_, err = tx.Exec(`DELETE FROM unsettled_keys WHERE item_id = $1`, itemID)
	return err == nil, err
}

// ForgottenBodies returns up to limit bodies of forgotten keys that are not known
// to be gone.
func (v *Vault) ForgottenBodies(ctx context.Context, limit int) (bodies []string, err error) {
	err = v.transact(ctx, func(tx *sql.Tx) error {
		rows, err := tx.Query(`SELECT body FROM item_keys WHERE item_id >= $1 AND body < $1 ORDER BY item_id LIMIT $2`, forgottenMark, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body string
			if err := rows.Scan(&body); err != nil {
				return err
			}
			bodies = append(bodies, body)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading what the key vault forgot: %w", err)
	}
	return bodies, nil
}

// BodyGone notes that the body of a forgotten key was deleted.
func (v *Vault) BodyGone(ctx context.Context, body string) error {
	err := v.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE item_keys SET body = $1 WHERE item_id >= $2 AND body = $3`, strings.Repeat(forgottenMark, len(body)), forgottenMark, body)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting that a body is gone: %w", err)
	}
	return nil
}

// settleFormat brings a vault of an earlier format to the present one. Format 1
// knew nothing of settling, so what a process left that died is among its keys.
func (v *Vault) settleFormat(tx *sql.Tx, format int) error {
	if format != 1 {
		return problem.New(problem.Invalid, fmt.Sprintf("the key vault has format %d, this program reads %d", format, vaultFormat),
			"use the version of the program that wrote it")
	}
	if _, err := tx.Exec(`INSERT INTO unsettled_keys (item_id, sealed_at)
		SELECT item_id, CAST($1 AS BIGINT) FROM item_keys WHERE item_id NOT IN (SELECT item_id FROM destroyed_keys)`, v.clock().UnixMicro()); err != nil {
		return fmt.Errorf("noting what is unsettled: %w", err)
	}
	if _, err := tx.Exec(`UPDATE vault SET format = $1 WHERE id = 1`, vaultFormat); err != nil {
		return fmt.Errorf("recording the vault's format: %w", err)
	}
	return nil
}
