package store

import "time"

// OrderLook is what was found once at one address of an order.
type OrderLook struct {
	ID, OrderID string
	// Place is the address.
	Place string
	// Finding is gone, present or unknown (watch.Finding). Outcome is what a
	// machine saw (lookout.Outcome); empty when a person looked.
	Finding, Outcome string
	Reason           string
	// By is a pseudonym of a person, or the node.
	By string
	At time.Time
}

// InsertOrderLook keeps what was found.
func (tx *Tx) InsertOrderLook(l OrderLook) error {
	return tx.exec("keeping what was found at an address", `INSERT INTO order_looks (id, order_id, place, finding, outcome, reason, looked_by, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		l.ID, l.OrderID, l.Place, l.Finding, l.Outcome, l.Reason, l.By, micros(l.At))
}

// OrderLooks returns up to limit of what was found at the addresses of an order,
// the latest first.
func (tx *Tx) OrderLooks(order string, limit int) ([]OrderLook, error) {
	var found []OrderLook
	err := tx.rows("reading what was found at addresses",
		`SELECT id, order_id, place, finding, outcome, reason, looked_by, at FROM order_looks WHERE order_id = $1 ORDER BY at DESC, id DESC LIMIT $2`,
		[]any{order, limit}, func(row scanner) error {
			var l OrderLook
			err := row.Scan(&l.ID, &l.OrderID, &l.Place, &l.Finding, &l.Outcome, &l.Reason, &l.By, moment{&l.At})
			found = append(found, l)
			return err
		})
	return found, err
}
