package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// FindingRow is what an authority's person found about an item of a report.
type FindingRow struct {
	ID, ItemID string
	// Authority is its node, AuthorityName what it is called.
	Authority, AuthorityName string
	// Referral is the authority's name of the report.
	Referral  string
	Confirmed bool
	// Mapping and Class say what it was found to be, when it was confirmed.
	Mapping, Class string
	Reason         string
	// Decision names the recorded decision in the authority's log.
	Decision string
	At       time.Time
	// Turn numbers the authority's findings about the item: the latest holds.
	Turn int64
}

const findingColumns = `id, item_id, authority, authority_name, referral, confirmed, mapping, class, reason, decision, at, turn`

// InsertFinding writes a finding.
func (tx *Tx) InsertFinding(f FindingRow) error {
	return tx.exec("writing a finding", `INSERT INTO item_findings (`+findingColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		f.ID, f.ItemID, f.Authority, f.AuthorityName, f.Referral, f.Confirmed, f.Mapping, f.Class, f.Reason, f.Decision, micros(f.At), f.Turn)
}

// Findings returns the latest finding of each authority about an item.
func (tx *Tx) Findings(itemID string) ([]FindingRow, error) {
	var found []FindingRow
	err := tx.rows("reading findings", `SELECT `+findingColumns+` FROM item_findings WHERE item_id = $1
		 AND turn = (SELECT MAX(turn) FROM item_findings AS later WHERE later.item_id = item_findings.item_id AND later.authority = item_findings.authority)
		 ORDER BY at, id`, []any{itemID}, func(row scanner) error {
		var f FindingRow
		err := row.Scan(&f.ID, &f.ItemID, &f.Authority, &f.AuthorityName, &f.Referral, &f.Confirmed, &f.Mapping, &f.Class, &f.Reason, &f.Decision, moment{&f.At}, &f.Turn)
		found = append(found, f)
		return err
	})
	return found, err
}

// FoundItems returns up to limit items that an authority confirmed and no
// proposal for the list stands for, the latest finding first.
func (tx *Tx) FoundItems(listID string, limit int) ([]string, error) {
	var found []string
	err := tx.rows("reading items that were found", `SELECT item_id FROM item_findings WHERE confirmed
		 AND NOT EXISTS (SELECT 1 FROM list_proposals WHERE list_proposals.list_id = $1 AND list_proposals.item_id = item_findings.item_id AND list_proposals.state <> 'refused')
		 GROUP BY item_id ORDER BY MAX(at) DESC, item_id LIMIT $2`, []any{listID, limit}, func(row scanner) error {
		var id string
		err := row.Scan(&id)
		found = append(found, id)
		return err
	})
	return found, err
}

// SubscriptionRow says to whom a list is delivered.
type SubscriptionRow struct {
	ID, ListID, Subscriber string
	// Basis is the order or legal basis that the subscriber may have it under.
	Basis string
	Until time.Time
	// AskedBy wanted it, ReleasedBy let the list go; empty until then.
	AskedBy    string
	AskedAt    time.Time
	ReleasedBy string
	ReleasedAt time.Time
	EndedBy    string
	EndedAt    time.Time
	EndReason  string
	// SentVersion is the version of the list up to which it was sent, ToldUntil
	// the end that was sent last.
	SentVersion int64
	ToldUntil   time.Time
	// Refused is why the subscriber refused a delivery: nothing more is sent.
	Refused string
}

// Live says that the list is delivered.
func (s SubscriptionRow) Live(now time.Time) bool {
	return s.ReleasedBy != "" && s.EndedBy == "" && s.Refused == "" && now.Before(s.Until)
}

const subscriptionColumns = `id, list_id, subscriber, basis, until, asked_by, asked_at, released_by, released_at, ended_by, ended_at, end_reason, sent_version, told_until, refused`

func (tx *Tx) subscriptions(query string, arguments ...any) ([]SubscriptionRow, error) {
	var found []SubscriptionRow
	err := tx.rows("reading subscriptions", query, arguments, func(row scanner) error {
		var s SubscriptionRow
		err := row.Scan(&s.ID, &s.ListID, &s.Subscriber, &s.Basis, moment{&s.Until}, &s.AskedBy, moment{&s.AskedAt}, &s.ReleasedBy, moment{&s.ReleasedAt},
			&s.EndedBy, moment{&s.EndedAt}, &s.EndReason, &s.SentVersion, moment{&s.ToldUntil}, &s.Refused)
		found = append(found, s)
		return err
	})
	return found, err
}

// InsertSubscription writes that somebody asked for one; Conflict while the
// subscriber has another one of the list.
func (tx *Tx) InsertSubscription(s SubscriptionRow, now time.Time) error {
	taken := 0
	err := tx.one("looking for a subscription", nil, `SELECT COUNT(*) FROM list_subscriptions WHERE list_id = $1 AND subscriber = $2 AND ended_by = '' AND refused = '' AND until > $3`,
		[]any{s.ListID, s.Subscriber, micros(now)}, &taken)
	if err != nil {
		return err
	}
	if taken > 0 {
		return problem.New(problem.Conflict, "this organisation has the list already, or somebody asked for it", "end that subscription first")
	}
	return tx.exec("writing a subscription", `INSERT INTO list_subscriptions (id, list_id, subscriber, basis, until, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, s.ListID, s.Subscriber, s.Basis, micros(s.Until), s.AskedBy, micros(s.AskedAt))
}

// Subscription returns one subscription.
func (tx *Tx) Subscription(id string) (SubscriptionRow, error) {
	found, err := tx.subscriptions(`SELECT `+subscriptionColumns+` FROM list_subscriptions WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("subscription", id)
	}
	if err != nil {
		return SubscriptionRow{}, err
	}
	return found[0], nil
}

// Subscriptions returns all subscriptions of a list, the newest first.
func (tx *Tx) Subscriptions(listID string) ([]SubscriptionRow, error) {
	return tx.subscriptions(`SELECT `+subscriptionColumns+` FROM list_subscriptions WHERE list_id = $1 ORDER BY asked_at DESC, id DESC`, listID)
}

// UpdateSubscription writes what changes about a subscription.
func (tx *Tx) UpdateSubscription(s SubscriptionRow) error {
	return tx.change("changing a subscription", NotFound("subscription", s.ID),
		`UPDATE list_subscriptions SET released_by = $1, released_at = $2, ended_by = $3, ended_at = $4, end_reason = $5, sent_version = $6, told_until = $7, refused = $8 WHERE id = $9`,
		s.ReleasedBy, micros(s.ReleasedAt), s.EndedBy, micros(s.EndedAt), s.EndReason, s.SentVersion, micros(s.ToldUntil), s.Refused, s.ID)
}

// DeliveryRow is one delivery of a list to a subscriber.
type DeliveryRow struct {
	Envelope, Subscription string
	// From and To are versions of the list: what changed after From, up to To.
	From, To int64
	Entries  int64
	// Stopped counts the entries that it suspends or withdraws.
	Stopped     int64
	SentAt      time.Time
	ReceiptedAt time.Time
	Refused     string
}

// InsertDelivery writes that a part of a list was sent.
func (tx *Tx) InsertDelivery(d DeliveryRow) error {
	return tx.exec("writing a delivery", `INSERT INTO list_deliveries (envelope, subscription, from_version, to_version, entries, stopped, sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		d.Envelope, d.Subscription, d.From, d.To, d.Entries, d.Stopped, micros(d.SentAt))
}

// ReceiptDelivery writes what the subscriber's receipt says.
func (tx *Tx) ReceiptDelivery(envelope string, at time.Time, refused string) error {
	return tx.change("noting a receipt of a list", NotFound("delivery", envelope),
		`UPDATE list_deliveries SET receipted_at = $1, refused = $2 WHERE envelope = $3`, micros(at), refused, envelope)
}

// Deliveries returns up to limit deliveries of a list, those that wait for a
// receipt first, then the newest.
func (tx *Tx) Deliveries(listID string, limit int) ([]DeliveryRow, error) {
	var found []DeliveryRow
	err := tx.rows("reading deliveries", `SELECT envelope, subscription, from_version, to_version, entries, stopped, sent_at, receipted_at, refused FROM list_deliveries
		 WHERE subscription IN (SELECT id FROM list_subscriptions WHERE list_id = $1)
		 ORDER BY CASE WHEN receipted_at IS NULL THEN 0 ELSE 1 END, sent_at DESC, envelope DESC LIMIT $2`, []any{listID, limit}, func(row scanner) error {
		var d DeliveryRow
		err := row.Scan(&d.Envelope, &d.Subscription, &d.From, &d.To, &d.Entries, &d.Stopped, moment{&d.SentAt}, moment{&d.ReceiptedAt}, &d.Refused)
		found = append(found, d)
		return err
	})
	return found, err
}

// ListFollowing returns the list here that follows one of another organisation.
func (tx *Tx) ListFollowing(node, list string) (l HashList, found bool, err error) {
	lists, err := tx.lists(`SELECT `+listColumns+` FROM hash_lists WHERE source_node = $1 AND source_list = $2`, node, list)
	if err != nil || len(lists) == 0 {
		return l, false, err
	}
	return lists[0], true, nil
}

// FollowList writes how far a list has followed its source, and until when it
// may be used.
func (tx *Tx) FollowList(id, subscription string, version int64, until time.Time) error {
	return tx.change("following a list", NotFound("list", id),
		`UPDATE hash_lists SET source_subscription = $1, source_version = $2, valid_until = $3 WHERE id = $4`, subscription, version, micros(until), id)
}

// Answers to an objection.
const (
	AnswerKept      = "kept"
	AnswerSuspended = "suspended"
	AnswerWithdrawn = "withdrawn"
)

// ObjectionRow says that a subscriber's person disagrees with an entry.
type ObjectionRow struct {
	// ID is the same at both ends.
	ID, ListID, EntryID string
	// Peer is the other end; MadeHere says that a person here objects.
	Peer     string
	MadeHere bool
	// MadeBy is that person, or the subscriber's node.
	MadeBy   string
	MadeAt   time.Time
	Reason   string
	Envelope string
	// Answer is empty until a person of the list's keeper has decided.
	Answer, AnswerReason string
	AnsweredBy           string
	AnsweredAt           time.Time
}

const objectionColumns = `id, list_id, entry_id, peer, made_here, made_by, made_at, reason, envelope, answer, answer_reason, answered_by, answered_at`

func (tx *Tx) objections(query string, arguments ...any) ([]ObjectionRow, error) {
	var found []ObjectionRow
	err := tx.rows("reading objections", query, arguments, func(row scanner) error {
		var o ObjectionRow
		err := row.Scan(&o.ID, &o.ListID, &o.EntryID, &o.Peer, &o.MadeHere, &o.MadeBy, moment{&o.MadeAt}, &o.Reason, &o.Envelope, &o.Answer, &o.AnswerReason, &o.AnsweredBy, moment{&o.AnsweredAt})
		found = append(found, o)
		return err
	})
	return found, err
}

// InsertObjection writes an objection.
func (tx *Tx) InsertObjection(o ObjectionRow) error {
	return tx.exec("writing an objection", `INSERT INTO list_objections (id, list_id, entry_id, peer, made_here, made_by, made_at, reason, envelope) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		o.ID, o.ListID, o.EntryID, o.Peer, o.MadeHere, o.MadeBy, micros(o.MadeAt), o.Reason, o.Envelope)
}

// Objection returns one objection; found is false when there is none.
func (tx *Tx) Objection(id string) (o ObjectionRow, found bool, err error) {
	all, err := tx.objections(`SELECT `+objectionColumns+` FROM list_objections WHERE id = $1`, id)
	if err != nil || len(all) == 0 {
		return o, false, err
	}
	return all[0], true, nil
}

// Objections returns up to limit objections to entries of a list, those without
// an answer first.
func (tx *Tx) Objections(listID string, limit int) ([]ObjectionRow, error) {
	return tx.objections(`SELECT `+objectionColumns+` FROM list_objections WHERE list_id = $1 ORDER BY CASE WHEN answer = '' THEN 0 ELSE 1 END, made_at DESC, id LIMIT $2`, listID, limit)
}

// OpenObjections returns the objections to entries of a list that have no answer.
func (tx *Tx) OpenObjections(listID string) ([]ObjectionRow, error) {
	return tx.objections(`SELECT `+objectionColumns+` FROM list_objections WHERE list_id = $1 AND answer = '' ORDER BY made_at DESC, id`, listID)
}

// AnswerObjection writes what a person of the list's keeper decided, once.
func (tx *Tx) AnswerObjection(o ObjectionRow) error {
	return tx.change("answering an objection", Changed("objection"),
		`UPDATE list_objections SET answer = $1, answer_reason = $2, answered_by = $3, answered_at = $4 WHERE id = $5 AND answer = ''`,
		o.Answer, o.AnswerReason, o.AnsweredBy, micros(o.AnsweredAt), o.ID)
}

// CountObjections counts the objections of subscribers that nobody answered.
func (tx *Tx) CountObjections(listID string) (count int64, err error) {
	err = tx.one("counting objections", nil, `SELECT COUNT(*) FROM list_objections WHERE answer = '' AND NOT made_here AND list_id = $1`, []any{listID}, &count)
	return count, err
}
