package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// batch is how many records are read at a time when all are.
const batch = 500

// row is what reads one row: a transaction, or the database within a context.
type row interface {
	QueryRow(query string, args ...any) *sql.Row
}

type within struct {
	ctx      context.Context
	database *sql.DB
}

func (w within) QueryRow(query string, args ...any) *sql.Row {
	return w.database.QueryRowContext(w.ctx, query, args...)
}

func find(from row, itemID string) (Record, error) {
	record := Record{ItemID: itemID}
	var destroyedAt sql.NullInt64
	err := from.QueryRow(`
		SELECT coalesce(k.class, ''), coalesce(k.body, ''), k.header, d.destroyed_at
		FROM (SELECT CAST($1 AS TEXT) AS item_id) wanted
		LEFT JOIN item_keys k ON k.item_id = wanted.item_id
		LEFT JOIN destroyed_keys d ON d.item_id = wanted.item_id
		WHERE k.item_id IS NOT NULL OR d.item_id IS NOT NULL`, itemID).
		Scan(&record.Class, &record.Body, &record.Header, &destroyedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, problem.New(problem.NotFound, "the key vault does not know the item", "").Because(err)
	}
	if err != nil {
		return Record{}, unavailable(err)
	}
	if destroyedAt.Valid {
		record.DestroyedAt = time.UnixMicro(destroyedAt.Int64).UTC()
		record.Header = nil
	}
	return record, nil
}

// Each calls visit with the record of every item that was ever put and not
// forgotten, in the order of putting, until visit returns an error, which Each then returns. It
// reads in batches and holds no lock while visit runs.
func (v *Vault) Each(ctx context.Context, visit func(Record) error) error {
	for after := int64(0); ; {
		var records []numbered
		err := v.transact(ctx, func(tx *sql.Tx) (err error) {
			records, err = recordsAfter(tx, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the key vault: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, record := range records {
			if err := visit(record.Record); err != nil {
				return err
			}
			after = record.sequence
		}
	}
}

type numbered struct {
	sequence int64
	// unsettled is when it was sealed, while it is not settled.
	unsettled sql.NullInt64
	Record
}

func recordsAfter(tx *sql.Tx, after int64) ([]numbered, error) {
	rows, err := tx.Query(`
		SELECT k.sequence, k.item_id, k.class, k.body, k.header, d.destroyed_at, u.sealed_at
		FROM item_keys k
		LEFT JOIN destroyed_keys d ON d.item_id = k.item_id
		LEFT JOIN unsettled_keys u ON u.item_id = k.item_id
		WHERE k.sequence > $1 AND k.item_id < $2 ORDER BY k.sequence LIMIT $3`, after, forgottenMark, batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var records []numbered
	for rows.Next() {
		var record numbered
		var destroyedAt sql.NullInt64
		if err := rows.Scan(&record.sequence, &record.ItemID, &record.Class, &record.Body, &record.Header, &destroyedAt, &record.unsettled); err != nil {
			return nil, err
		}
		if destroyedAt.Valid {
			record.DestroyedAt = time.UnixMicro(destroyedAt.Int64).UTC()
			record.Header = nil
		}
		records = append(records, record)
	}
	return records, rows.Err()
}

type erasure struct {
	itemID      string
	destroyedAt int64
}

func erasuresAfter(tx *sql.Tx, after string) ([]erasure, error) {
	rows, err := tx.Query(`SELECT item_id, destroyed_at FROM destroyed_keys WHERE item_id > $1 ORDER BY item_id LIMIT $2`, after, batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var erasures []erasure
	for rows.Next() {
		var found erasure
		if err := rows.Scan(&found.itemID, &found.destroyedAt); err != nil {
			return nil, err
		}
		erasures = append(erasures, found)
	}
	return erasures, rows.Err()
}
