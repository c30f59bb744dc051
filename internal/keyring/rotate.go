package keyring

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/brdoproject/brdo/domain/problem"
)

// Rewrap wraps every key anew, from the node key old to the node key new, in
// one transaction: afterwards all or none are wrapped for new, and the vault
// refuses old. The file of new must be safely stored before; the file of old
// is of no use after it and should be destroyed, which also makes every trace
// of an earlier header unreadable. Bodies are not touched.
//
// Rewrap waits for running operations of this process and makes new ones wait.
// Other processes on the same PostgreSQL vault are refused from then on until
// they are started with new.
func (v *Vault) Rewrap(ctx context.Context, old, new NodeKey) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if old.ID() != v.node.ID() {
		return problem.New(problem.Conflict, fmt.Sprintf("the key vault is wrapped for %s, not for %s", v.node.ID(), old.ID()),
			"give the current node key as the old one")
	}
	err := v.transact(ctx, func(tx *sql.Tx) error {
		changed, err := tx.Exec(`UPDATE vault SET node_key = $1 WHERE id = 1 AND node_key = $2`, new.ID(), old.ID())
		if err != nil {
			return err
		}
		if rows, err := changed.RowsAffected(); err != nil {
			return err
		} else if rows != 1 {
			return problem.New(problem.Conflict, "another process rewrapped the key vault meanwhile", "start again with the current node key")
		}
		if err := shrinkDestroyed(tx); err != nil {
			return err
		}
		return rewrapAll(tx, old, new)
	})
	if err != nil {
		return fmt.Errorf("rewrapping the key vault: %w", err)
	}
	v.node = new
	return v.dialect.rebuild(ctx, v.database)
}

func rewrapAll(tx *sql.Tx, old, new NodeKey) error {
	for after := int64(0); ; {
		records, err := recordsAfter(tx, after)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return nil
		}
		for _, record := range records {
			after = record.sequence
			if record.Destroyed() {
				continue
			}
			header, err := rewrapHeader(record.Header, old, new)
			if err != nil {
				return fmt.Errorf("item %s: %w", record.ItemID, err)
			}
			if _, err := tx.Exec(`UPDATE item_keys SET header = $1 WHERE sequence = $2`, header, record.sequence); err != nil {
				return err
			}
		}
	}
}

// Compact gives back the space of destroyed and forgotten keys and writes the vault's files
// anew. It blocks the vault meanwhile; run it when the node is quiet.
func (v *Vault) Compact(ctx context.Context) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if err := v.transact(ctx, shrinkDestroyed); err != nil {
		return fmt.Errorf("compacting the key vault: %w", err)
	}
	return v.dialect.rebuild(ctx, v.database)
}

// shrinkDestroyed must be followed by a rebuild (see destroy).
func shrinkDestroyed(tx *sql.Tx) error {
	if _, err := tx.Exec(`DELETE FROM item_keys WHERE item_id >= $1 AND body >= $1`, forgottenMark); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE item_keys SET header = NULL
		WHERE header IS NOT NULL AND item_id IN (SELECT item_id FROM destroyed_keys)`)
	return err
}
