package store

import "time"

// PeerCheckpoint is a checkpoint of another node's log.
type PeerCheckpoint struct {
	Size int64
	Note string
}

// LinkedCheckpoint returns the largest checkpoint of a peer's log that is linked
// to those before; found is false while there is none.
func (tx *Tx) LinkedCheckpoint(peer string) (c PeerCheckpoint, found bool, err error) {
	all, err := tx.peerCheckpoints(`SELECT size, note FROM peer_checkpoints WHERE peer = $1 AND linked_at IS NOT NULL ORDER BY size DESC, note LIMIT 1`, peer)
	if err != nil || len(all) == 0 {
		return c, false, err
	}
	return all[0], true, nil
}

// UnlinkedCheckpoints returns up to limit checkpoints of a peer's log that are not
// linked yet, the smallest first.
func (tx *Tx) UnlinkedCheckpoints(peer string, limit int) ([]PeerCheckpoint, error) {
	return tx.peerCheckpoints(`SELECT size, note FROM peer_checkpoints WHERE peer = $1 AND linked_at IS NULL ORDER BY size, note LIMIT $2`, peer, limit)
}

func (tx *Tx) peerCheckpoints(query string, arguments ...any) ([]PeerCheckpoint, error) {
	var all []PeerCheckpoint
	err := tx.rows("reading a peer's checkpoints", query, arguments, func(row scanner) error {
		var c PeerCheckpoint
		err := row.Scan(&c.Size, &c.Note)
		all = append(all, c)
		return err
	})
	return all, err
}

// LinkCheckpoint notes that a checkpoint of a peer's log continues those linked
// before.
func (tx *Tx) LinkCheckpoint(peer string, c PeerCheckpoint, now time.Time) error {
	return tx.exec("linking a peer's checkpoint", `UPDATE peer_checkpoints SET linked_at = $1 WHERE peer = $2 AND size = $3 AND note = $4`, micros(now), peer, c.Size, c.Note)
}
