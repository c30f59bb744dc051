package store

import (
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/vote"
)

// VoteRow is a vote about one record of an exchange that a list follows.
type VoteRow struct {
	ID, ListID, EntryID string
	// Record is the exchange's name of the record.
	Record, ItemID string
	// Fingerprint is the digest of the entry that is the item's: MD5 or SHA-1.
	Fingerprint string
	Affirmative bool
	// GUID and Reason are the exchange's own reason of a negative vote.
	GUID, Reason string
	// Decisions are the ids of those that it rests on.
	Decisions  []string
	ApprovedBy string
	ApprovedAt time.Time
	// Why is for those who look at it here later; it is not sent.
	Why string
	vote.Vote
	// Problem is why it did not get through so far.
	Problem string
}

const voteColumns = `id, list_id, entry_id, record, item_id, fingerprint, affirmative, guid, reason, decisions, approved_by, approved_at, why, state, attempts, sent_at, because, problem`

func (tx *Tx) votes(query string, arguments ...any) ([]VoteRow, error) {
	var found []VoteRow
	err := tx.rows("reading votes", query, arguments, func(row scanner) error {
		var v VoteRow
		var decisions string
		err := row.Scan(&v.ID, &v.ListID, &v.EntryID, &v.Record, &v.ItemID, &v.Fingerprint, &v.Affirmative, &v.GUID, &v.Reason, &decisions, &v.ApprovedBy, moment{&v.ApprovedAt},
			&v.Why, &v.State, &v.Attempts, moment{&v.SentAt}, &v.Because, &v.Problem)
		v.Decisions = strings.Fields(decisions)
		found = append(found, v)
		return err
	})
	return found, err
}

// InsertVote writes a vote that a person approved.
func (tx *Tx) InsertVote(v VoteRow) error {
	return tx.exec("writing a vote", `INSERT INTO list_votes (`+voteColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		v.ID, v.ListID, v.EntryID, v.Record, v.ItemID, v.Fingerprint, v.Affirmative, v.GUID, v.Reason, strings.Join(v.Decisions, " "), v.ApprovedBy, micros(v.ApprovedAt),
		v.Why, string(v.State), v.Attempts, micros(v.SentAt), v.Because, v.Problem)
}

// Vote returns one vote.
func (tx *Tx) Vote(id string) (VoteRow, error) {
	found, err := tx.votes(`SELECT `+voteColumns+` FROM list_votes WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("vote", id)
	}
	if err != nil {
		return VoteRow{}, err
	}
	return found[0], nil
}

// Votes returns up to limit votes of a list, the newest first.
func (tx *Tx) Votes(listID string, limit int) ([]VoteRow, error) {
	return tx.votes(`SELECT `+voteColumns+` FROM list_votes WHERE list_id = $1 ORDER BY approved_at DESC, id LIMIT $2`, listID, limit)
}

// VotesOfItem returns the votes that rest on decisions about an item.
func (tx *Tx) VotesOfItem(itemID string) ([]VoteRow, error) {
	return tx.votes(`SELECT `+voteColumns+` FROM list_votes WHERE item_id = $1 ORDER BY id`, itemID)
}

// VotesAbout returns the votes of one fingerprint of a record.
func (tx *Tx) VotesAbout(listID, record, fingerprint string) ([]VoteRow, error) {
	return tx.votes(`SELECT `+voteColumns+` FROM list_votes WHERE list_id = $1 AND record = $2 AND fingerprint = $3 ORDER BY id`, listID, record, fingerprint)
}

// MoveVote writes what became of a vote; Conflict when it is not in the state, or was not
// sent as often, as when it was read.
func (tx *Tx) MoveVote(v VoteRow, was vote.Vote) error {
	return tx.change("changing a vote", Changed("vote"), `UPDATE list_votes SET state = $1, attempts = $2, sent_at = $3, because = $4, problem = $5 WHERE id = $6 AND state = $7 AND attempts = $8`,
		string(v.State), v.Attempts, micros(v.SentAt), v.Because, v.Problem, v.ID, string(was.State), was.Attempts)
}

// CountVotes counts the votes of a list by their states.
func (tx *Tx) CountVotes(listID string) (map[vote.State]int64, error) {
	counts := map[vote.State]int64{}
	err := tx.rows("counting votes", `SELECT state, COUNT(*) FROM list_votes WHERE list_id = $1 GROUP BY state`, []any{listID}, func(row scanner) error {
		var state vote.State
		var count int64
		err := row.Scan(&state, &count)
		counts[state] = count
		return err
	})
	return counts, err
}

// ItemsToVoteOn returns up to limit items that people decided about, of one of two outcomes,
// whose file is that of an entry of a list, and about which no vote stands; the newest
// decision first.
func (tx *Tx) ItemsToVoteOn(listID string, outcomes [2]string, limit int) ([]ItemRow, error) {
	return tx.items("reading items to vote on",
		`SELECT `+itemColumns+` FROM items WHERE state = 'decided' AND outcome IN ($1, $2)
		   AND EXISTS (SELECT 1 FROM list_entries AS e WHERE e.list_id = $3 AND e.identity IN ('SHA-1:' || items.sha1, 'MD5:' || items.md5))
		   AND NOT EXISTS (SELECT 1 FROM list_votes AS v WHERE v.list_id = $3 AND v.item_id = items.id AND v.state IN ('queued', 'sending', 'sent', 'refused'))
		 ORDER BY decided_at DESC, id LIMIT $4`, outcomes[0], outcomes[1], listID, limit)
}

// VoteReason is a reason that an exchange lets a negative vote give.
type VoteReason struct{ GUID, Name string }

// VoteReasons returns the reasons of an exchange for a kind of fingerprint.
func (tx *Tx) VoteReasons(exchange, fingerprint string) ([]VoteReason, error) {
	var reasons []VoteReason
	err := tx.rows("reading reasons of votes", `SELECT guid, name FROM vote_reasons WHERE exchange = $1 AND fingerprint = $2 ORDER BY name, guid`, []any{exchange, fingerprint},
		func(row scanner) error {
			var r VoteReason
			err := row.Scan(&r.GUID, &r.Name)
			reasons = append(reasons, r)
			return err
		})
	return reasons, err
}

// PutVoteReasons writes the reasons of an exchange in place of those before.
func (tx *Tx) PutVoteReasons(exchange, fingerprint string, reasons []VoteReason) error {
	err := tx.exec("forgetting reasons of votes", `DELETE FROM vote_reasons WHERE exchange = $1 AND fingerprint = $2`, exchange, fingerprint)
	for _, r := range reasons {
		if err != nil {
			break
		}
		err = tx.exec("writing a reason of votes", `INSERT INTO vote_reasons (exchange, fingerprint, guid, name) VALUES ($1, $2, $3, $4)`, exchange, fingerprint, r.GUID, r.Name)
	}
	return err
}

// VoteReasonsRead returns when the reasons of an exchange were read last, and why they could
// not be read since.
func (tx *Tx) VoteReasonsRead(exchange string) (at time.Time, problem string, err error) {
	err = tx.rows("reading when reasons of votes were read", `SELECT read_at, problem FROM vote_reasons_read WHERE exchange = $1`, []any{exchange},
		func(row scanner) error { return row.Scan(moment{&at}, &problem) })
	return at, problem, err
}

// NoteVoteReasonsRead writes that they were read, or why not.
func (tx *Tx) NoteVoteReasonsRead(exchange string, at time.Time, problem string) error {
	return tx.exec("writing when reasons of votes were read", `INSERT INTO vote_reasons_read (exchange, read_at, problem) VALUES ($1, $2, $3)
		ON CONFLICT (exchange) DO UPDATE SET read_at = excluded.read_at, problem = excluded.problem`, exchange, micros(at), problem)
}

// FetchedRecordsOf returns up to limit records of an exchange that stand for an entry.
func (tx *Tx) FetchedRecordsOf(listID, entryID string, limit int) ([]FetchedRecord, error) {
	return tx.fetchedRecords(`SELECT list_id, record, entry_id, content, generation FROM fetched_records WHERE list_id = $1 AND entry_id = $2 ORDER BY record LIMIT $3`, listID, entryID, limit)
}
