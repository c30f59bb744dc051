package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Peer is another organisation's node.
type Peer struct {
	ID string
	// Document is its public description as JSON, see internal/peer.
	Document     []byte
	State        string
	RegisteredAt time.Time
	// SentSequence counts the envelopes sent to it, SeenSequence those received.
	SentSequence, SeenSequence int64
	// Origin says who put it here: an operator, or the signed registry of nodes.
	Origin string
	// Mandates is the registry's list of its tasks, joined by commas.
	Mandates string
	// ValidFrom and ValidUntil bound its registration; zero times are open ends.
	ValidFrom, ValidUntil time.Time
	// RevokedAt is set once its registration was revoked, RevokedBecause says why.
	RevokedAt      time.Time
	RevokedBecause string
	// Announced is the id of this node's signing key that the peer knows, once
	// keys were rotated.
	Announced string
	// UnreachedSince is since when it has not answered at all; the zero time while
	// it is not known to be out of reach.
	UnreachedSince time.Time
}

// States of a peer and of an outgoing envelope.
const (
	PeerActive = "active"
	// PeerRevoked: nothing is taken from it or sent to it any more.
	PeerRevoked = "revoked"

	PeerFromOperator = "operator"
	PeerFromRegistry = "registry"

	EnvelopeWaiting = "waiting"
	// EnvelopeAnswered: a signed receipt came, whatever it says.
	EnvelopeAnswered = "answered"
)

// EnvelopeOut is an envelope to be delivered until it is answered.
type EnvelopeOut struct {
	ID, Recipient, Kind, Subject string
	Sequence                     int64
	// Body is the envelope exactly as it is sent; Digest its SHA-256 in hex.
	Body      []byte
	Digest    string
	State     string
	CreatedAt time.Time
	// AnsweredAt and Receipt are set once the signed receipt came.
	AnsweredAt time.Time
	Attempts   int
	LastError  string
	Receipt    string
	// Status is the latest that the recipient said of it, StatusReason why, and
	// StatusSequence the number of the envelope that said so; 0 is the receipt.
	Status, StatusReason string
	StatusAt             time.Time
	StatusSequence       int64
	// Downstream is what the recipient says of those to whom it passed this on,
	// as JSON; see internal/peer.
	Downstream string
	// Refers names the envelope that this one corrects, recalls or asks to erase.
	Refers string
	// CauseSource and CauseID name the received envelope that this one passes on.
	CauseSource, CauseID string
	// Event is the record of the log in whose transaction it was written.
	Event string
}

// EnvelopeIn is an envelope that was received and answered.
type EnvelopeIn struct {
	Source, ID, Kind, Subject string
	Sequence                  int64
	Body                      []byte
	Digest                    string
	ReceivedAt                time.Time
	Receipt                   string
	// Status is the latest that this node said of it.
	Status, StatusReason string
	StatusAt             time.Time
	// Refers names the envelope of the same source that this one corrects,
	// recalls or asks to erase.
	Refers string
}

// PutPeer registers a node or replaces its public description.
func (tx *Tx) PutPeer(p Peer) error {
	return tx.exec("registering a peer",
		`INSERT INTO peers (id, document, state, registered_at, origin, mandates, valid_from, valid_until, revoked_at, revoked_because)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		 ON CONFLICT (id) DO UPDATE SET document = excluded.document, state = excluded.state, origin = excluded.origin, mandates = excluded.mandates,
		   valid_from = excluded.valid_from, valid_until = excluded.valid_until, revoked_at = excluded.revoked_at, revoked_because = excluded.revoked_because`,
		p.ID, p.Document, p.State, micros(p.RegisteredAt), p.Origin, p.Mandates, micros(p.ValidFrom), micros(p.ValidUntil), micros(p.RevokedAt), p.RevokedBecause)
}

// Peers returns all registered nodes in the order of their ids.
func (tx *Tx) Peers() ([]Peer, error) {
	return tx.peers(`SELECT ` + peerColumns + ` FROM peers ORDER BY id`)
}

// Peer returns one registered node.
func (tx *Tx) Peer(id string) (Peer, error) {
	found, err := tx.peers(`SELECT `+peerColumns+` FROM peers WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = &problem.Error{Kind: problem.NotFound, Field: "recipient", Reason: "this node is not in the registry", Remedy: "register the peer first"}
	}
	if err != nil {
		return Peer{}, err
	}
	return found[0], nil
}

const peerColumns = `id, document, state, registered_at, sent_sequence, seen_sequence, origin, mandates, valid_from, valid_until, revoked_at, revoked_because, announced, unreached_since`

func (tx *Tx) peers(query string, arguments ...any) ([]Peer, error) {
	var found []Peer
	err := tx.rows("reading peers", query, arguments, func(row scanner) error {
		var p Peer
		err := row.Scan(&p.ID, &p.Document, &p.State, moment{&p.RegisteredAt}, &p.SentSequence, &p.SeenSequence,
			&p.Origin, &p.Mandates, moment{&p.ValidFrom}, moment{&p.ValidUntil}, moment{&p.RevokedAt}, &p.RevokedBecause, &p.Announced, moment{&p.UnreachedSince})
		found = append(found, p)
		return err
	})
	return found, err
}

// NextSentSequence gives the next number of the envelopes to a peer.
func (tx *Tx) NextSentSequence(peer string) (int64, error) {
	var sequence int64
	err := tx.one("numbering an envelope", NotFound("peer", peer),
		`UPDATE peers SET sent_sequence = sent_sequence + 1 WHERE id = $1 RETURNING sent_sequence`, []any{peer}, &sequence)
	return sequence, err
}

// SeeSequence notes the highest number seen from a peer and returns the highest
// seen before.
func (tx *Tx) SeeSequence(peer string, sequence int64) (before int64, err error) {
	if err := tx.one("reading a peer's number", NotFound("peer", peer), `SELECT seen_sequence FROM peers WHERE id = $1`, []any{peer}, &before); err != nil {
		return 0, err
	}
	return before, tx.exec("noting a peer's number", `UPDATE peers SET seen_sequence = $1 WHERE id = $2 AND seen_sequence < $1`, sequence, peer)
}

// InsertEnvelopeOut writes an envelope to be delivered.
func (tx *Tx) InsertEnvelopeOut(e EnvelopeOut) error {
	return tx.exec("writing an outgoing envelope",
		`INSERT INTO envelopes_out (id, recipient, kind, subject, sequence, body, digest, state, created_at, refers, cause_source, cause_id, event)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10, $11, $12)`,
		e.ID, e.Recipient, e.Kind, e.Subject, e.Sequence, e.Body, e.Digest, micros(e.CreatedAt), e.Refers, e.CauseSource, e.CauseID, e.Event)
}

const envelopeOutColumns = `id, recipient, kind, subject, sequence, body, digest, state, created_at, answered_at, attempts, last_error, receipt,
	status, status_reason, status_at, status_sequence, downstream, refers, cause_source, cause_id, event`

func (tx *Tx) envelopesOut(query string, arguments ...any) ([]EnvelopeOut, error) {
	var found []EnvelopeOut
	err := tx.rows("reading outgoing envelopes", query, arguments, func(row scanner) error {
		var e EnvelopeOut
		err := row.Scan(&e.ID, &e.Recipient, &e.Kind, &e.Subject, &e.Sequence, &e.Body, &e.Digest, &e.State, moment{&e.CreatedAt},
			moment{&e.AnsweredAt}, &e.Attempts, &e.LastError, &e.Receipt,
			&e.Status, &e.StatusReason, moment{&e.StatusAt}, &e.StatusSequence, &e.Downstream, &e.Refers, &e.CauseSource, &e.CauseID, &e.Event)
		found = append(found, e)
		return err
	})
	return found, err
}

// EnvelopeOut returns one outgoing envelope.
func (tx *Tx) EnvelopeOut(id string) (EnvelopeOut, error) {
	found, err := tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("outgoing envelope", id)
	}
	if err != nil {
		return EnvelopeOut{}, err
	}
	return found[0], nil
}

// EnvelopesAbout returns the envelopes sent about one subject, oldest first.
func (tx *Tx) EnvelopesAbout(subject string) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE subject = $1 ORDER BY created_at, id`, subject)
}

// EnvelopesWaiting returns up to limit envelopes without a receipt, oldest first.
func (tx *Tx) EnvelopesWaiting(limit int) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE state = 'waiting' ORDER BY created_at, id LIMIT $1`, limit)
}

// FailEnvelopeOut notes a failed attempt to deliver.
func (tx *Tx) FailEnvelopeOut(id, reason string) error {
	return tx.exec("noting a failed delivery", `UPDATE envelopes_out SET attempts = attempts + 1, last_error = $1 WHERE id = $2 AND state = 'waiting'`, reason, id)
}

// AnswerEnvelopeOut stores the receipt of an envelope, once.
func (tx *Tx) AnswerEnvelopeOut(id, receipt string, now time.Time) error {
	return tx.change("storing a receipt", problem.New(problem.Conflict, "this envelope has its receipt already", ""),
		`UPDATE envelopes_out SET state = 'answered', attempts = attempts + 1, last_error = '', receipt = $1, answered_at = $2 WHERE id = $3 AND state = 'waiting'`,
		receipt, micros(now), id)
}

// InsertEnvelopeIn writes a received envelope with the receipt it was answered by.
func (tx *Tx) InsertEnvelopeIn(e EnvelopeIn) error {
	return tx.exec("writing a received envelope",
		`INSERT INTO envelopes_in (source, id, kind, subject, sequence, body, digest, received_at, receipt, status, status_reason, status_at, refers)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		e.Source, e.ID, e.Kind, e.Subject, e.Sequence, e.Body, e.Digest, micros(e.ReceivedAt), e.Receipt, e.Status, e.StatusReason, micros(e.StatusAt), e.Refers)
}

// EnvelopeIn returns a received envelope; found is false when it never came.
func (tx *Tx) EnvelopeIn(source, id string) (e EnvelopeIn, found bool, err error) {
	err = tx.rows("reading a received envelope",
		`SELECT source, id, kind, subject, sequence, body, digest, received_at, receipt, status, status_reason, status_at, refers
		 FROM envelopes_in WHERE source = $1 AND id = $2`,
		[]any{source, id}, func(row scanner) error {
			found = true
			return row.Scan(&e.Source, &e.ID, &e.Kind, &e.Subject, &e.Sequence, &e.Body, &e.Digest, moment{&e.ReceivedAt}, &e.Receipt,
				&e.Status, &e.StatusReason, moment{&e.StatusAt}, &e.Refers)
		})
	return e, found, err
}

// PutPeerCheckpoint keeps a checkpoint of another node's log and returns how
// many different ones of that size are kept: more than one is a forked log.
func (tx *Tx) PutPeerCheckpoint(peer string, size int64, note string, now time.Time) (different int, err error) {
	if err := tx.exec("keeping a peer's checkpoint",
		`INSERT INTO peer_checkpoints (peer, size, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT (peer, size, note) DO NOTHING`, peer, size, note, micros(now)); err != nil {
		return 0, err
	}
	err = tx.one("counting a peer's checkpoints", nil, `SELECT COUNT(*) FROM peer_checkpoints WHERE peer = $1 AND size = $2`, []any{peer, size}, &different)
	return different, err
}

// PeerCheckpoints returns the notes kept of a peer's log, in order of size.
func (tx *Tx) PeerCheckpoints(peer string) ([]string, error) {
	var notes []string
	err := tx.rows("reading a peer's checkpoints", `SELECT note FROM peer_checkpoints WHERE peer = $1 ORDER BY size`, []any{peer}, func(row scanner) error {
		var note string
		err := row.Scan(&note)
		notes = append(notes, note)
		return err
	})
	return notes, err
}

// CountEnvelopesWaiting returns how many envelopes have no receipt yet.
func (tx *Tx) CountEnvelopesWaiting() (int64, error) {
	var count int64
	err := tx.one("counting waiting envelopes", nil, `SELECT COUNT(*) FROM envelopes_out WHERE state = 'waiting'`, nil, &count)
	return count, err
}
