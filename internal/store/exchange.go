package store

import (
	"fmt"
	"time"
)

// Gap is a range of numbers that a peer used and that have not arrived.
type Gap struct {
	Peer string
	// First and Last are the ends of the range, both missing.
	First, Last int64
	Since       time.Time
	// Asked is when the peer was last asked to send them again.
	Asked time.Time
}

// InsertGap notes numbers as missing.
func (tx *Tx) InsertGap(g Gap) error {
	return tx.exec("noting missing numbers", `INSERT INTO envelope_gaps (peer, first, last, since, asked) VALUES ($1, $2, $3, $4, $5)`,
		g.Peer, g.First, g.Last, micros(g.Since), micros(g.Asked))
}

// Gaps returns up to limit ranges that are missing from a peer, in the order of
// the numbers.
func (tx *Tx) Gaps(peer string, limit int) ([]Gap, error) {
	return tx.gaps(`SELECT peer, first, last, since, asked FROM envelope_gaps WHERE peer = $1 ORDER BY first LIMIT $2`, peer, limit)
}

func (tx *Tx) gaps(query string, arguments ...any) ([]Gap, error) {
	var found []Gap
	err := tx.rows("reading missing numbers", query, arguments, func(row scanner) error {
		var g Gap
		err := row.Scan(&g.Peer, &g.First, &g.Last, moment{&g.Since}, moment{&g.Asked})
		found = append(found, g)
		return err
	})
	return found, err
}

// FillGap takes one number out of the range that misses it; found is false when
// it was not missing.
func (tx *Tx) FillGap(peer string, sequence int64) (found bool, err error) {
	gaps, err := tx.gaps(`SELECT peer, first, last, since, asked FROM envelope_gaps WHERE peer = $1 AND first <= $2 AND last >= $2`, peer, sequence)
	if err != nil || len(gaps) == 0 {
		return false, err
	}
	g := gaps[0]
	if err := tx.exec("filling a gap", `DELETE FROM envelope_gaps WHERE peer = $1 AND first = $2`, peer, g.First); err != nil {
		return true, err
	}
	for _, rest := range []Gap{{peer, g.First, sequence - 1, g.Since, g.Asked}, {peer, sequence + 1, g.Last, g.Since, g.Asked}} {
		if rest.First <= rest.Last {
			if err := tx.InsertGap(rest); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

// AskedForGaps notes that a peer was asked for what is missing.
func (tx *Tx) AskedForGaps(peer string, now time.Time) error {
	return tx.exec("noting a replay request", `UPDATE envelope_gaps SET asked = $1 WHERE peer = $2`, micros(now), peer)
}

// CountGaps returns how many ranges are missing from all peers.
func (tx *Tx) CountGaps() (int64, error) {
	var count int64
	err := tx.one("counting gaps", nil, `SELECT COUNT(*) FROM envelope_gaps`, nil, &count)
	return count, err
}

// SetAnnounced notes which of this node's signing keys a peer knows.
func (tx *Tx) SetAnnounced(peer, key string) error {
	return tx.change("noting that keys were announced", NotFound("peer", peer), `UPDATE peers SET announced = $1 WHERE id = $2`, key, peer)
}

// EnvelopesInRange returns up to limit envelopes to a peer with numbers from
// first to last.
func (tx *Tx) EnvelopesInRange(recipient string, first, last int64, limit int) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE recipient = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence LIMIT $4`,
		recipient, first, last, limit)
}

// EnvelopesReferring returns the corrections, recalls and erasures that were
// sent about an envelope.
func (tx *Tx) EnvelopesReferring(id string) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE refers = $1 ORDER BY created_at, id`, id)
}

// EnvelopesCausedBy returns what was sent on because of a received envelope.
func (tx *Tx) EnvelopesCausedBy(source, id string) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE cause_source = $1 AND cause_id = $2 ORDER BY created_at, id`, source, id)
}

// EnvelopesInReferring returns the corrections, recalls and erasures that a
// source sent about one of its envelopes, without their bodies.
func (tx *Tx) EnvelopesInReferring(source, id string) ([]EnvelopeIn, error) {
	var found []EnvelopeIn
	err := tx.rows("reading what refers to a received envelope",
		`SELECT source, id, kind, subject, sequence, digest, received_at, receipt, status, status_reason, status_at, refers
		 FROM envelopes_in WHERE source = $1 AND refers = $2 ORDER BY received_at, id`, []any{source, id}, func(row scanner) error {
			var e EnvelopeIn
			err := row.Scan(&e.Source, &e.ID, &e.Kind, &e.Subject, &e.Sequence, &e.Digest, moment{&e.ReceivedAt}, &e.Receipt,
				&e.Status, &e.StatusReason, moment{&e.StatusAt}, &e.Refers)
			found = append(found, e)
			return err
		})
	return found, err
}

// EnvelopesWaitingFor returns up to limit envelopes to one peer without a
// receipt and with numbers after one, in the order of their numbers.
func (tx *Tx) EnvelopesWaitingFor(recipient string, after int64, limit int) ([]EnvelopeOut, error) {
	return tx.envelopesOut(`SELECT `+envelopeOutColumns+` FROM envelopes_out WHERE state = 'waiting' AND recipient = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
		recipient, after, limit)
}

// Waiting says how many envelopes to a peer have no receipt, since when the
// oldest of them waits, and since when the oldest correction, recall or erasure.
type Waiting struct {
	Count                 int64
	Oldest, OldestPursuit time.Time
}

// WaitingFor counts the envelopes to a peer that have no receipt.
func (tx *Tx) WaitingFor(recipient string) (Waiting, error) {
	var w Waiting
	err := tx.one("counting waiting envelopes", nil,
		`SELECT COUNT(*), MIN(created_at), MIN(CASE WHEN refers <> '' THEN created_at END) FROM envelopes_out WHERE state = 'waiting' AND recipient = $1`,
		[]any{recipient}, &w.Count, moment{&w.Oldest}, moment{&w.OldestPursuit})
	return w, err
}

// OldestEnvelopeWaiting says since when the oldest envelope without a receipt
// waits; the zero time when none does.
func (tx *Tx) OldestEnvelopeWaiting() (oldest time.Time, err error) {
	err = tx.one("reading the oldest waiting envelope", nil, `SELECT MIN(created_at) FROM envelopes_out WHERE state = 'waiting'`, nil, moment{&oldest})
	return oldest, err
}

// SetEnvelopeOutStatus writes what the recipient says of an envelope.
func (tx *Tx) SetEnvelopeOutStatus(e EnvelopeOut) error {
	return tx.change("writing an envelope's status", NotFound("outgoing envelope", e.ID),
		`UPDATE envelopes_out SET status = $1, status_reason = $2, status_at = $3, status_sequence = $4, downstream = $5 WHERE id = $6`,
		e.Status, e.StatusReason, micros(e.StatusAt), e.StatusSequence, e.Downstream, e.ID)
}

// SetEnvelopeInStatus writes what this node says of an envelope.
func (tx *Tx) SetEnvelopeInStatus(e EnvelopeIn) error {
	return tx.change("writing an envelope's status", NotFound("received envelope", e.ID),
		`UPDATE envelopes_in SET status = $1, status_reason = $2, status_at = $3 WHERE source = $4 AND id = $5`,
		e.Status, e.StatusReason, micros(e.StatusAt), e.Source, e.ID)
}

// BlankEnvelopesIn erases the content of all that came from a source about one
// subject. Digests and receipts stay, so that each is still known when it comes
// again.
func (tx *Tx) BlankEnvelopesIn(source, subject string) error {
	return tx.exec("erasing the content of received envelopes", `UPDATE envelopes_in SET body = $1 WHERE source = $2 AND subject = $3`, []byte{}, source, subject)
}

// Statements that run with every receipt, each by an index of its own.
const (
	// hastenJob names the open states as the index of unique keys does: SQLite does
	// not see that a waiting job is an open one.
	hastenJob = `UPDATE jobs SET run_at = $1 WHERE kind = $2 AND unique_key = $3 AND state IN ('waiting', 'running') AND state = 'waiting' AND run_at > $4`

	hastenDeliveries = `UPDATE jobs SET run_at = $1 WHERE kind = $2 AND state = 'waiting' AND run_at > $3
		 AND EXISTS (SELECT 1 FROM envelopes_out AS e WHERE e.id = jobs.unique_key AND e.recipient = $4 AND e.sequence >= $5 AND e.sequence <= $6)`

	envelopesGivenUp = `SELECT e.id FROM jobs AS j JOIN envelopes_out AS e ON e.id = j.unique_key
		 WHERE j.kind = $1 AND j.state = 'dead' AND e.recipient = $2 AND e.sequence >= $3 AND e.sequence <= $4 AND e.state = 'waiting' ORDER BY e.sequence LIMIT $5`

	receiptsInRange = `SELECT id, receipt FROM envelopes_out WHERE recipient = $1 AND sequence >= $2 AND sequence <= $3 AND state = 'answered' ORDER BY sequence LIMIT $4`
)

// HastenJob makes a waiting job due now, unless it is due soon anyway; it says
// whether there was one that waits or runs.
func (tx *Tx) HastenJob(kind, uniqueKey string, now time.Time, soon time.Duration) (found bool, err error) {
	var count int64
	err = tx.one("looking for a job", nil, `SELECT COUNT(*) FROM jobs WHERE kind = $1 AND unique_key = $2 AND state IN ('waiting', 'running')`,
		[]any{kind, uniqueKey}, &count)
	if err != nil || count == 0 {
		return false, err
	}
	return true, tx.exec("making a job due", hastenJob, micros(now), kind, uniqueKey, micros(now.Add(soon)))
}

// HastenDeliveries makes those jobs of a kind due now that deliver envelopes to a
// peer with numbers from first to last, unless they are due soon anyway. It says
// how many.
func (tx *Tx) HastenDeliveries(kind, recipient string, first, last int64, now time.Time, soon time.Duration) (int64, error) {
	result, err := tx.run(hastenDeliveries, micros(now), kind, micros(now.Add(soon)), recipient, first, last)
	if err != nil {
		return 0, fmt.Errorf("making deliveries due: %w", err)
	}
	return result.RowsAffected()
}

// EnvelopesGivenUp returns the ids of up to limit envelopes to a peer with numbers
// from first to last that have no receipt and whose job of a kind was given up.
func (tx *Tx) EnvelopesGivenUp(kind, recipient string, first, last int64, limit int) ([]string, error) {
	var found []string
	err := tx.rows("reading envelopes that were given up", envelopesGivenUp, []any{kind, recipient, first, last, limit}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		found = append(found, id)
		return err
	})
	return found, err
}

// ReceiptOf is the receipt of an outgoing envelope.
type ReceiptOf struct{ ID, Receipt string }

// ReceiptsInRange returns the receipts of up to limit envelopes to a peer with
// numbers from first to last, in the order of the numbers.
func (tx *Tx) ReceiptsInRange(recipient string, first, last int64, limit int) ([]ReceiptOf, error) {
	var found []ReceiptOf
	err := tx.rows("reading receipts", receiptsInRange, []any{recipient, first, last, limit}, func(row scanner) error {
		var r ReceiptOf
		err := row.Scan(&r.ID, &r.Receipt)
		found = append(found, r)
		return err
	})
	return found, err
}

// InsertEnvelopeItem notes that the recipient of an envelope may fetch an item.
func (tx *Tx) InsertEnvelopeItem(envelope, item string) error {
	return tx.exec("noting a reference to an item",
		`INSERT INTO envelope_items (envelope, item) VALUES ($1, $2) ON CONFLICT (envelope, item) DO NOTHING`, envelope, item)
}

// EnvelopeNamesItem says whether an envelope refers to an item.
func (tx *Tx) EnvelopeNamesItem(envelope, item string) (bool, error) {
	var count int64
	err := tx.one("reading references to items", nil, `SELECT COUNT(*) FROM envelope_items WHERE envelope = $1 AND item = $2`, []any{envelope, item}, &count)
	return count > 0, err
}

// RegistryVersion is one version of the registry of nodes.
type RegistryVersion struct {
	Number int64
	// Signer is the node id of the Centre, Text the signed document as it came.
	Signer, Text string
	// Digest is the SHA-256 of Text in hex, Event the log's event in which this
	// node published or followed it.
	Digest, Event string
	At            time.Time
}

// InsertRegistryVersion keeps a version of the registry.
func (tx *Tx) InsertRegistryVersion(v RegistryVersion) error {
	return tx.exec("keeping a version of the registry",
		`INSERT INTO registry_versions (number, signer, text, digest, event, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		v.Number, v.Signer, v.Text, v.Digest, v.Event, micros(v.At))
}

// LatestRegistryVersion returns the newest version; found is false when there
// is none.
func (tx *Tx) LatestRegistryVersion() (v RegistryVersion, found bool, err error) {
	err = tx.rows("reading the registry", `SELECT number, signer, text, digest, event, at FROM registry_versions ORDER BY number DESC LIMIT 1`, nil,
		func(row scanner) error {
			found = true
			return row.Scan(&v.Number, &v.Signer, &v.Text, &v.Digest, &v.Event, moment{&v.At})
		})
	return v, found, err
}
