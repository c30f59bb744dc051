package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// States of an [OrderUpload].
const (
	// UploadOpen: a person has to say what follows.
	UploadOpen = "open"
	// UploadTold: the authority that issued the order was told.
	UploadTold = "told"
	// UploadLeft: it was left, for a reason that was recorded.
	UploadLeft = "left"
)

// OrderUpload is an upload of an item that was removed by an order.
type OrderUpload struct {
	ID, OrderID, SightingID string
	// URL is where the service says that it is; may be empty.
	URL string
	// State is [UploadOpen], [UploadTold] or [UploadLeft].
	State  string
	Reason string
	// DecidedBy is the person's pseudonym.
	DecidedBy string
	DecidedAt time.Time
	At        time.Time
}

// RemovedByOrder returns the orders that this node executed and by which an item
// was removed, the latest first.
func (tx *Tx) RemovedByOrder(sha256 string) ([]OrderRow, error) {
	return tx.orders(`SELECT `+orderColumns+` FROM orders WHERE side = $1 AND kind = 'removal' AND state IN ('executed', 'reappeared')
		AND id IN (SELECT order_id FROM order_items WHERE sha256 = $2) ORDER BY created_at DESC, id`, OrderReceived, sha256)
}

// InsertOrderUpload writes that a removed item was uploaded again.
func (tx *Tx) InsertOrderUpload(u OrderUpload) error {
	return tx.exec("writing an upload of what was removed",
		`INSERT INTO order_uploads (id, order_id, sighting_id, url, state, reason, decided_by, decided_at, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		u.ID, u.OrderID, u.SightingID, u.URL, u.State, u.Reason, u.DecidedBy, micros(u.DecidedAt), micros(u.At))
}

// DecideOrderUpload writes what a person decided; Conflict when somebody did so
// before.
func (tx *Tx) DecideOrderUpload(u OrderUpload) error {
	return tx.change("deciding on an upload", problem.New(problem.Conflict, "somebody decided on this upload already", "load the page again"),
		`UPDATE order_uploads SET state = $1, reason = $2, decided_by = $3, decided_at = $4 WHERE id = $5 AND state = 'open'`,
		u.State, u.Reason, u.DecidedBy, micros(u.DecidedAt), u.ID)
}

// OrderUploads returns up to limit uploads of what an order removed: those that
// nobody decided on first, then the latest.
func (tx *Tx) OrderUploads(order string, limit int) ([]OrderUpload, error) {
	var found []OrderUpload
	err := tx.rows("reading uploads of what was removed",
		`SELECT id, order_id, sighting_id, url, state, reason, decided_by, decided_at, at FROM order_uploads WHERE order_id = $1
		 ORDER BY CASE WHEN state = 'open' THEN 0 ELSE 1 END, at DESC, id DESC LIMIT $2`,
		[]any{order, limit}, func(row scanner) error {
			var u OrderUpload
			err := row.Scan(&u.ID, &u.OrderID, &u.SightingID, &u.URL, &u.State, &u.Reason, &u.DecidedBy, moment{&u.DecidedAt}, moment{&u.At})
			found = append(found, u)
			return err
		})
	return found, err
}
