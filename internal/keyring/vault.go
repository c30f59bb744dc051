package keyring

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/problem"
)

// Vault holds the header of every sealed item that still exists, and for every
// item that was erased the fact and the time, but no key. It is a database of
// its own: the file keys.db, or tables in a PostgreSQL database that should be
// another one than that of the data, because data backups must not include it.
//
// A Vault is safe for concurrent use. Several processes may share one.
type Vault struct {
	database *sql.DB
	dialect  dialect
	clock    func() time.Time

	// mutex keeps Rewrap apart from everything that uses node.
	mutex sync.RWMutex
	node  NodeKey

	// copying lets one CopyTo write its draft at a time.
	copying sync.Mutex
}

// Record is the key of one item as the vault holds it.
type Record struct {
	// ItemID names the item; see [CheckItemID].
	ItemID string
	// Class is the item's retention class, for counting.
	Class string
	// Body is the key of the encrypted body in the blob store.
	Body string
	// Header is the detached age header; nil once destroyed.
	Header []byte
	// DestroyedAt is when the key was destroyed; zero while it exists.
	DestroyedAt time.Time
}

// Destroyed reports whether the item was erased.
func (r Record) Destroyed() bool { return !r.DestroyedAt.IsZero() }

// ErasedError says that an item existed, or was to exist, and was erased. It
// unwraps to a [problem.NotFound].
type ErasedError struct {
	ItemID      string
	DestroyedAt time.Time
}

// Error names the item and the time of its erasure.
func (e *ErasedError) Error() string {
	return fmt.Sprintf("item %s was erased at %s", e.ItemID, e.DestroyedAt.Format(time.RFC3339))
}

// Unwrap returns the problem that may be shown.
func (e *ErasedError) Unwrap() error {
	return problem.New(problem.NotFound, "the content was erased", "its key was destroyed; no copy or backup can be read")
}

// OpenVault opens the vault at source: a DSN that begins with "postgres://", or
// the path of a SQLite file, created with mode 0600 if absent. A vault that was
// wrapped for another node key is refused.
func OpenVault(ctx context.Context, source string, node NodeKey, clock func() time.Time) (*Vault, error) {
	vault := &Vault{node: node, clock: clock}
	var err error
	if strings.HasPrefix(source, "postgres://") || strings.HasPrefix(source, "postgresql://") {
		vault.dialect = postgres{}
		vault.database, err = sql.Open("pgx", source)
	} else {
		vault.dialect = sqlite{}
		vault.database, err = openFile(source)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the key vault: %w", err)
	}
	if err := vault.transact(ctx, vault.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the key vault: %w", err), vault.database.Close())
	}
	return vault, nil
}

// Close releases the database.
func (v *Vault) Close() error { return v.database.Close() }

// prepare creates the tables in an empty database and checks the node key.
func (v *Vault) prepare(tx *sql.Tx) error {
	if err := v.dialect.lockSchema(tx); err != nil {
		return fmt.Errorf("locking the schema: %w", err)
	}
	for _, statement := range v.dialect.schema() {
		if _, err := tx.Exec(statement); err != nil {
			return fmt.Errorf("creating the tables: %w", err)
		}
	}
	if _, err := tx.Exec(`INSERT INTO vault (id, format, node_key) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING`,
		vaultFormat, v.node.ID()); err != nil {
		return fmt.Errorf("recording the node key: %w", err)
	}
	var format int
	if err := tx.QueryRow(`SELECT format FROM vault WHERE id = 1`).Scan(&format); err != nil {
		return fmt.Errorf("reading the vault's format: %w", err)
	}
	if format != vaultFormat {
		if err := v.settleFormat(tx, format); err != nil {
			return err
		}
	}
	return v.checkNodeKey(tx)
}

// checkNodeKey refuses to go on with a node key that the vault is not, or no
// longer, wrapped for, and keeps a rotation out until the transaction ends.
func (v *Vault) checkNodeKey(tx *sql.Tx) error {
	var current string
	if err := tx.QueryRow(`SELECT node_key FROM vault WHERE id = 1` + v.dialect.shareLock()).Scan(&current); err != nil {
		return fmt.Errorf("reading the vault's node key: %w", err)
	}
	if current != v.node.ID() {
		return problem.New(problem.Conflict, fmt.Sprintf("the key vault is wrapped for %s, not for %s", current, v.node.ID()),
			"start with the node key that the vault was last rewrapped for")
	}
	return nil
}

// NodeKey returns the key that new headers must be wrapped for.
func (v *Vault) NodeKey() NodeKey {
	v.mutex.RLock()
	defer v.mutex.RUnlock()
	return v.node
}

// Put stores the key of an item, unsettled; it is durable when Put returns. Putting
// the same header again changes nothing. Another header for the same item is a
// [problem.Conflict], an item that was erased an [*ErasedError], and a header
// that the node key cannot open is refused rather than stored.
func (v *Vault) Put(ctx context.Context, record Record) error {
	if err := CheckItemID(record.ItemID); err != nil {
		return err
	}
	if len(record.Header) == 0 || len(record.Header) > maxHeader {
		return problem.InvalidField("header", fmt.Sprintf("has %d bytes", len(record.Header)),
			fmt.Sprintf("give a detached age header of at most %d bytes", maxHeader))
	}
	v.mutex.RLock()
	defer v.mutex.RUnlock()
	if _, err := age.DecryptHeader(record.Header, v.node); err != nil {
		return problem.New(problem.Unavailable, "the header is not wrapped for the current node key",
			"seal the content again").Because(err)
	}
	err := v.transact(ctx, func(tx *sql.Tx) error {
		if err := v.checkNodeKey(tx); err != nil {
			return err
		}
		if err := v.dialect.lockItem(tx, record.ItemID); err != nil {
			return err
		}
		present, err := find(tx, record.ItemID)
		switch {
		case problem.Is(err, problem.NotFound):
			if _, err := tx.Exec(`INSERT INTO item_keys (item_id, class, body, header) VALUES ($1, $2, $3, $4)`,
				record.ItemID, record.Class, record.Body, record.Header); err != nil {
				return err
			}
			_, err = tx.Exec(`INSERT INTO unsettled_keys (item_id, sealed_at) VALUES ($1, $2)`, record.ItemID, v.clock().UnixMicro())
			return err
		case err != nil:
			return err
		case present.Destroyed():
			return &ErasedError{record.ItemID, present.DestroyedAt}
		case present.Body != record.Body || !bytes.Equal(present.Header, record.Header):
			return problem.New(problem.Conflict, "the item is sealed already", "open it, or give the new content an item of its own")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing the key of item %s: %w", record.ItemID, err)
	}
	return nil
}

// Header returns the header of an item, an [*ErasedError] when it was
// destroyed, or a [problem.NotFound].
func (v *Vault) Header(ctx context.Context, itemID string) ([]byte, error) {
	record, err := v.Record(ctx, itemID)
	if err != nil {
		return nil, err
	}
	if record.Destroyed() {
		return nil, &ErasedError{itemID, record.DestroyedAt}
	}
	return record.Header, nil
}

// Unwrap returns the record of an item and the 16-byte key that opens its body
// (see [age.NewInjectedFileKeyIdentity]). Errors are those of Header; a header
// that was changed since it was put is a [problem.Internal].
func (v *Vault) Unwrap(ctx context.Context, itemID string) (Record, []byte, error) {
	v.mutex.RLock()
	defer v.mutex.RUnlock()
	record, err := v.Record(ctx, itemID)
	if err != nil {
		return Record{}, nil, err
	}
	if record.Destroyed() {
		return Record{}, nil, &ErasedError{itemID, record.DestroyedAt}
	}
	fileKey, err := age.DecryptHeader(record.Header, v.node)
	if err == nil {
		return record, fileKey, nil
	}
	if rotated := v.transact(ctx, v.checkNodeKey); rotated != nil {
		return Record{}, nil, fmt.Errorf("unwrapping the key of item %s: %w", itemID, rotated)
	}
	return Record{}, nil, problem.New(problem.Internal, "the key of item "+itemID+" is damaged",
		"restore the key vault from its current copy").Because(err)
}

// Record returns what the vault knows of an item, be it destroyed or not, or a
// [problem.NotFound].
func (v *Vault) Record(ctx context.Context, itemID string) (Record, error) {
	record, err := find(within{ctx, v.database}, itemID)
	if err != nil {
		return Record{}, fmt.Errorf("reading the key of item %s: %w", itemID, err)
	}
	return record, nil
}

// Destroy erases an item: it overwrites the key, records the time and, when it
// returns without error, has removed the key from the database file and its
// log (see the package comment for PostgreSQL). It is idempotent and keeps the
// first time. An item that the vault never held gets its record too, so that
// erasures can be replayed in any order and a late Put cannot undo one.
func (v *Vault) Destroy(ctx context.Context, itemID string) error {
	if err := CheckItemID(itemID); err != nil {
		return err
	}
	err := v.transact(ctx, func(tx *sql.Tx) error {
		if err := v.dialect.lockItem(tx, itemID); err != nil {
			return err
		}
		return destroy(tx, itemID, v.clock())
	})
	if err == nil {
		err = v.dialect.clearTraces(ctx, v.database)
	}
	if err != nil {
		return fmt.Errorf("destroying the key of item %s: %w", itemID, err)
	}
	return nil
}

// destroy overwrites a header with zeros of the same length. SQLite then
// changes the page in place. A shorter value, or deleting the row, would let it
// move other rows between pages, and it does not promise to clear the places
// where those were. Compact gives the space back.
func destroy(tx *sql.Tx, itemID string, now time.Time) error {
	var length sql.NullInt64
	err := tx.QueryRow(`SELECT length(header) FROM item_keys WHERE item_id = $1`, itemID).Scan(&length)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if length.Int64 > 0 {
		if _, err := tx.Exec(`UPDATE item_keys SET header = $1 WHERE item_id = $2`, make([]byte, length.Int64), itemID); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`DELETE FROM unsettled_keys WHERE item_id = $1`, itemID); err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO destroyed_keys (item_id, destroyed_at) VALUES ($1, $2) ON CONFLICT (item_id) DO NOTHING`,
		itemID, now.UnixMicro())
	return err
}

// Count is how many items the vault knows.
type Count struct {
	// Present is the number of items whose key exists, by retention class.
	Present map[string]int64
	// Destroyed is the number of items that were erased.
	Destroyed int64
}

// Count counts the keys that exist and the erasures.
func (v *Vault) Count(ctx context.Context) (Count, error) {
	count := Count{Present: map[string]int64{}}
	err := v.transact(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRow(`SELECT count(*) FROM destroyed_keys`).Scan(&count.Destroyed); err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT k.class, count(*) FROM item_keys k
			LEFT JOIN destroyed_keys d ON d.item_id = k.item_id
			WHERE d.item_id IS NULL AND k.item_id < $1 GROUP BY k.class`, forgottenMark)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var class string
			var number int64
			if err := rows.Scan(&class, &number); err != nil {
				return err
			}
			count.Present[class] = number
		}
		return rows.Err()
	})
	if err != nil {
		return Count{}, fmt.Errorf("counting the vault's keys: %w", err)
	}
	return count, nil
}

// transact runs work in one transaction.
func (v *Vault) transact(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := v.database.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	if err := work(tx); err != nil {
		return errors.Join(unavailable(err), ignoreDone(tx.Rollback()))
	}
	return unavailable(tx.Commit())
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// unavailable gives every error of the database itself the kind that callers
// retry; problems pass unchanged.
func unavailable(err error) error {
	var known *problem.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return problem.New(problem.Unavailable, "the key vault did not answer", "try again; the operator finds the cause in the log").Because(err)
}

// CheckItemID returns a problem unless id has 1 to 200 characters of a–z, 0–9,
// ".", "_", "-" and "/", begins and ends with a letter or digit and has none of
// "//", "/." and "..".
func CheckItemID(id string) error {
	const remedy = "use 1 to 200 characters of a-z, 0-9, '.', '_', '-' and '/' between letters or digits"
	if len(id) == 0 || len(id) > 200 {
		return problem.InvalidField("item id", fmt.Sprintf("has %d characters", len(id)), remedy)
	}
	for _, char := range []byte(id) {
		if !isLetterOrDigit(char) && !strings.ContainsRune("._-/", rune(char)) {
			return problem.InvalidField("item id", fmt.Sprintf("contains %q", char), remedy)
		}
	}
	if !isLetterOrDigit(id[0]) || !isLetterOrDigit(id[len(id)-1]) ||
		strings.Contains(id, "//") || strings.Contains(id, "/.") || strings.Contains(id, "..") {
		return problem.InvalidField("item id", "has a separator where none may be", remedy)
	}
	return nil
}

func isLetterOrDigit(char byte) bool {
	return char >= 'a' && char <= 'z' || char >= '0' && char <= '9'
}
