package store

import (
	"fmt"
	"time"
)

// Statements about peers that cannot be reached.
const (
	holdDeliveries = `UPDATE jobs SET run_at = $1, waits_for = $2 WHERE kind = $3 AND state = 'waiting' AND waits_for IS NULL
		 AND EXISTS (SELECT 1 FROM envelopes_out AS e WHERE e.id = jobs.unique_key AND e.recipient = $2)`

	reachedPeer = `UPDATE peers SET unreached_since = NULL WHERE id = $1 AND unreached_since IS NOT NULL`
)

// HoldDeliveries lets those jobs of a kind wait for a peer that deliver envelopes
// to it, and says how many. It leaves alone what runs, and what a busy recipient
// gave a time.
func (tx *Tx) HoldDeliveries(kind, peer string, atLatest time.Time) (int64, error) {
	result, err := tx.run(holdDeliveries, micros(atLatest), peer, kind)
	if err != nil {
		return 0, fmt.Errorf("holding deliveries back: %w", err)
	}
	return result.RowsAffected()
}

// SetPeerUnreached notes since when a peer has not answered; it says whether that
// is news.
func (tx *Tx) SetPeerUnreached(peer string, since time.Time) (bool, error) {
	result, err := tx.run(`UPDATE peers SET unreached_since = $1 WHERE id = $2 AND unreached_since IS NULL`, micros(since), peer)
	if err != nil {
		return false, fmt.Errorf("noting that a peer does not answer: %w", err)
	}
	count, err := result.RowsAffected()
	return count == 1, err
}

// PeerReached notes that a peer answers, and makes all jobs due that wait for it.
func (tx *Tx) PeerReached(peer string, now time.Time) error {
	if err := tx.exec("noting that a peer answers", reachedPeer, peer); err != nil {
		return err
	}
	_, err := tx.ReleaseJobs(peer, now)
	return err
}
