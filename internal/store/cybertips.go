package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
)

// CyberTipRow is an approved report on its way to NCMEC's CyberTipline.
type CyberTipRow struct {
	ID, ReportID string
	// Tip are the documents as they were approved.
	Tip       []byte
	CreatedAt time.Time
	cybertip.Delivery
}

// InsertCyberTip writes a new one.
func (tx *Tx) InsertCyberTip(r CyberTipRow) error {
	delivery, err := json.Marshal(r.Delivery)
	if err != nil {
		return fmt.Errorf("writing a delivery to the CyberTipline: %w", err)
	}
	return tx.exec("writing a delivery to the CyberTipline", `INSERT INTO cybertips (id, report_id, tip, state, attempts, delivery, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.ReportID, r.Tip, string(r.State), r.Attempts, delivery, micros(r.CreatedAt))
}

// MoveCyberTip writes what became of one; Conflict when it is not in the state, or was not
// begun as often, as when it was read.
func (tx *Tx) MoveCyberTip(id string, next, was cybertip.Delivery) error {
	delivery, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("writing a delivery to the CyberTipline: %w", err)
	}
	return tx.change("changing a delivery to the CyberTipline", Changed("delivery to the CyberTipline"),
		`UPDATE cybertips SET state = $1, attempts = $2, delivery = $3 WHERE id = $4 AND state = $5 AND attempts = $6`,
		string(next.State), next.Attempts, delivery, id, string(was.State), was.Attempts)
}

const cyberTipColumns = `id, report_id, tip, delivery, created_at`

func (tx *Tx) cyberTips(query string, arguments ...any) ([]CyberTipRow, error) {
	var found []CyberTipRow
	err := tx.rows("reading deliveries to the CyberTipline", query, arguments, func(row scanner) error {
		var r CyberTipRow
		var delivery []byte
		if err := row.Scan(&r.ID, &r.ReportID, &r.Tip, &delivery, moment{&r.CreatedAt}); err != nil {
			return err
		}
		if err := json.Unmarshal(delivery, &r.Delivery); err != nil {
			return fmt.Errorf("reading the delivery %s: %w", r.ID, err)
		}
		found = append(found, r)
		return nil
	})
	return found, err
}

// CyberTip returns one.
func (tx *Tx) CyberTip(id string) (CyberTipRow, error) {
	found, err := tx.cyberTips(`SELECT `+cyberTipColumns+` FROM cybertips WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("delivery to the CyberTipline", id)
	}
	if err != nil {
		return CyberTipRow{}, err
	}
	return found[0], nil
}

// CyberTipsOf returns those of a report, the latest first.
func (tx *Tx) CyberTipsOf(report string) ([]CyberTipRow, error) {
	return tx.cyberTips(`SELECT `+cyberTipColumns+` FROM cybertips WHERE report_id = $1 ORDER BY created_at DESC, id DESC`, report)
}

// CyberTipsAbout returns those that were finished and tell of an item, the latest first.
func (tx *Tx) CyberTipsAbout(itemID string) ([]CyberTipRow, error) {
	return tx.cyberTips(`SELECT `+cyberTipColumns+` FROM cybertips WHERE state = 'finished' AND report_id IN (SELECT reported_in FROM sightings WHERE item_id = $1)
		ORDER BY created_at DESC, id DESC`, itemID)
}

// CountCyberTips counts them by their states.
func (tx *Tx) CountCyberTips() (map[cybertip.State]int64, error) {
	counts := map[cybertip.State]int64{}
	err := tx.rows("counting deliveries to the CyberTipline", `SELECT state, COUNT(*) FROM cybertips GROUP BY state`, nil, func(row scanner) error {
		var state cybertip.State
		var count int64
		err := row.Scan(&state, &count)
		counts[state] = count
		return err
	})
	return counts, err
}
