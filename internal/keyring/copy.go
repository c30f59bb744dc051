package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/brdoproject/brdo/domain/problem"
)

// CopyTo makes the vault's one current copy at path: a SQLite file, whichever
// engine the vault uses, that [OpenVault] opens and [Vault.Restore] reads. The
// former copy is replaced atomically, and with it every key that was destroyed
// since. The copy is of one moment, is on disk when CopyTo returns and has mode
// 0600. Keep the node key elsewhere: without it the copy is of no use.
//
// Nothing else may be put at path + ".draft": a draft that a killed process
// left there is removed first. With SQLite the vault waits while it is copied.
func (v *Vault) CopyTo(ctx context.Context, path string) (err error) {
	v.mutex.RLock()
	defer v.mutex.RUnlock()
	v.copying.Lock()
	defer v.copying.Unlock()

	draft := path + ".draft"
	if err := removeDatabase(draft); err != nil {
		return fmt.Errorf("removing the draft of an earlier vault copy: %w", err)
	}
	defer func() {
		if removed := removeDatabase(draft); err == nil && removed != nil {
			err = fmt.Errorf("removing the draft of the vault copy: %w", removed)
		}
	}()
	if err := v.writeCopy(ctx, draft); err != nil {
		return fmt.Errorf("copying the key vault: %w", err)
	}
	if err := syncFile(draft); err != nil {
		return fmt.Errorf("syncing the vault copy: %w", err)
	}
	// A log beside the former copy must not be applied to the new one.
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := removeFile(path + suffix); err != nil {
			return fmt.Errorf("removing the log of the former vault copy: %w", err)
		}
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("replacing the vault copy: %w", err)
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("syncing the vault copy's directory: %w", err)
	}
	return nil
}

// writeCopy fills a new vault file; closing it leaves no log beside it.
func (v *Vault) writeCopy(ctx context.Context, path string) (err error) {
	target, err := OpenVault(ctx, path, v.node, v.clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return v.snapshot(ctx, func(from *sql.Tx) error {
		if err := v.checkNodeKey(from); err != nil {
			return err
		}
		return target.transact(ctx, func(to *sql.Tx) error { return transfer(from, to) })
	})
}

// snapshot runs a transaction that sees one moment, on either engine.
func (v *Vault) snapshot(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := v.database.BeginTx(ctx, &sql.TxOptions{Isolation: v.dialect.snapshotIsolation()})
	if err != nil {
		return unavailable(err)
	}
	return errors.Join(work(tx), ignoreDone(tx.Rollback()))
}

// Restore fills an empty vault from a copy that [Vault.CopyTo] made, wrapped
// for the same node key. Replay the erasures that the log recorded after the
// copy was made with [Vault.Destroy] before anything is opened.
func (v *Vault) Restore(ctx context.Context, path string) (err error) {
	v.mutex.RLock()
	defer v.mutex.RUnlock()
	if _, err := os.Stat(path); err != nil {
		return problem.New(problem.NotFound, "there is no vault copy at "+path, "give the path of a copy of the key vault").Because(err)
	}
	source, err := OpenVault(ctx, path, v.node, v.clock)
	if err != nil {
		return fmt.Errorf("reading the vault copy: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	err = source.snapshot(ctx, func(from *sql.Tx) error {
		return v.transact(ctx, func(to *sql.Tx) error {
			var known int64
			if err := to.QueryRow(`SELECT (SELECT count(*) FROM item_keys) + (SELECT count(*) FROM destroyed_keys)`).Scan(&known); err != nil {
				return err
			}
			if known != 0 {
				return problem.New(problem.Conflict, fmt.Sprintf("the key vault already knows %d items", known), "restore into an empty vault")
			}
			return transfer(from, to)
		})
	})
	if err != nil {
		return fmt.Errorf("restoring the key vault: %w", err)
	}
	return nil
}

// transfer copies all records but what was forgotten. Destroyed ones carry no key
// across.
func transfer(from, to *sql.Tx) error {
	for after := int64(0); ; {
		records, err := recordsAfter(from, after)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		for _, record := range records {
			after = record.sequence
			if _, err := to.Exec(`INSERT INTO item_keys (item_id, class, body, header) VALUES ($1, $2, $3, $4)`,
				record.ItemID, record.Class, record.Body, record.Header); err != nil {
				return err
			}
			if !record.unsettled.Valid {
				continue
			}
			if _, err := to.Exec(`INSERT INTO unsettled_keys (item_id, sealed_at) VALUES ($1, $2)`, record.ItemID, record.unsettled.Int64); err != nil {
				return err
			}
		}
	}
	for after := ""; ; {
		erasures, err := erasuresAfter(from, after)
		if err != nil {
			return err
		}
		if len(erasures) == 0 {
			return nil
		}
		for _, erasure := range erasures {
			after = erasure.itemID
			if _, err := to.Exec(`INSERT INTO destroyed_keys (item_id, destroyed_at) VALUES ($1, $2)`,
				erasure.itemID, erasure.destroyedAt); err != nil {
				return err
			}
		}
	}
}

func removeDatabase(path string) error {
	return errors.Join(removeFile(path), removeFile(path+"-wal"), removeFile(path+"-shm"))
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
