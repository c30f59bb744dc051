package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/watch"
)

// PlaceLook is what was found once at one address of an order or a notice.
type PlaceLook struct {
	// ID names the look, Subject the order or notice.
	ID, Subject string
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

// PlaceSeen is what was found last at one address.
type PlaceSeen struct {
	Place string
	// Last is zero when nobody has looked yet.
	Last PlaceLook
}

// LastSeen returns the latest of some looks, the latest first, at each place;
// places that are named twice are there once.
func LastSeen(places []string, looks []PlaceLook) []PlaceSeen {
	var all []PlaceSeen
	known := map[string]bool{}
	for _, place := range places {
		if known[place] {
			continue
		}
		known[place] = true
		seen := PlaceSeen{Place: place}
		for _, look := range looks {
			if look.Place == place {
				seen.Last = look
				break
			}
		}
		all = append(all, seen)
	}
	return all
}

func (tx *Tx) insertRound(table, subject, id string, round watch.Round) error {
	for _, check := range round.Checks {
		if err := tx.exec("keeping what was found at an address", `INSERT INTO `+table+` (id, `+subject+`, place, finding, outcome, reason, looked_by, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			NewID("look"), id, check.Place, string(check.Finding), check.Outcome, check.Reason, round.By, micros(round.At)); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) looks(table, subject, id string, limit int) ([]PlaceLook, error) {
	var found []PlaceLook
	err := tx.rows("reading what was found at addresses",
		`SELECT id, `+subject+`, place, finding, outcome, reason, looked_by, at FROM `+table+` WHERE `+subject+` = $1 ORDER BY at DESC, id DESC LIMIT $2`,
		[]any{id, limit}, func(row scanner) error {
			var l PlaceLook
			err := row.Scan(&l.ID, &l.Subject, &l.Place, &l.Finding, &l.Outcome, &l.Reason, &l.By, moment{&l.At})
			found = append(found, l)
			return err
		})
	return found, err
}

// InsertOrderRound keeps what a round found at the addresses of an order.
func (tx *Tx) InsertOrderRound(order string, round watch.Round) error {
	return tx.insertRound("order_looks", "order_id", order, round)
}

// OrderLooks returns up to limit of what was found at the addresses of an order,
// the latest first.
func (tx *Tx) OrderLooks(order string, limit int) ([]PlaceLook, error) {
	return tx.looks("order_looks", "order_id", order, limit)
}

// InsertNoticeRound keeps what a round found at the addresses of a case of notices.
func (tx *Tx) InsertNoticeRound(notice string, round watch.Round) error {
	return tx.insertRound("notice_looks", "notice_id", notice, round)
}

// NoticeLooks returns up to limit of what was found at the addresses of a case
// of notices, the latest first.
func (tx *Tx) NoticeLooks(notice string, limit int) ([]PlaceLook, error) {
	return tx.looks("notice_looks", "notice_id", notice, limit)
}
