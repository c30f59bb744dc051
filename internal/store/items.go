package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// What became of an item's content.
const (
	// ContentElsewhere: another organisation has it, which referred to it; it is
	// fetched when a person opens the item.
	ContentElsewhere = "elsewhere"
	// ContentSealed: it is in the blob store under the item's own key.
	ContentSealed = "sealed"
	// ContentErased: its key was destroyed.
	ContentErased = "erased"
)

// Item is one content, however often it was seen, and its place in the queue:
// nothing in it tells of what anybody decided.
type Item struct {
	// ID is the SHA-256 of the content in hex.
	ID            string
	MIME          string
	Size          int64
	Width, Height int
	MD5, SHA1     string
	PDQ           string
	PDQQuality    int
	// Forms are all hashes, see [pdq.Forms.Bytes]; empty when there are none, or when
	// the item is from before they were kept.
	Forms       []byte
	MediaStatus string
	Content     string
	Tier        string
	Score       float64
	Why         string
	ReceivedAt  time.Time
}

// ItemRow is an item with the state of its assessment.
type ItemRow struct {
	Item
	// Scheme and Review are the profiles that it began under ("id@version").
	Scheme, Review string
	State          string
	// Assessment is the state machine of domain/item as JSON.
	Assessment []byte
	// Outcome is the derived class once decided.
	Outcome      string
	ClaimedBy    string
	ClaimedUntil time.Time
	FirstDecider string
	DecidedAt    time.Time
	Sightings    int64
	Version      int64
}

// SightingRow is one occurrence of an item.
type SightingRow struct {
	ID, ItemID, Source, LegalBasis string
	SubmittedBy, ClientRef         string
	At                             time.Time
	// Context is what the source knows: uploader, service, addresses; JSON.
	Context []byte
	// Matches are the list hits at that time; JSON.
	Matches []byte
	// Inherited names the decision that the sighting took over.
	Inherited string
	// ReportedIn names the report that tells of it.
	ReportedIn string
}

// RoundReopened is a decision that people look at an item again.
const RoundReopened = "reopened"

// DecisionRow is what one person decided about an item.
type DecisionRow struct {
	ID, ItemID, Person string
	// Round is first, second, adjudication or [RoundReopened].
	Round string
	// Body is the decision of domain/item as JSON.
	Body    []byte
	Outcome string
	At      time.Time
	Event   string
	Undone  time.Time
}

// ExposureRow is one time that a person was shown something of an item.
type ExposureRow struct {
	ID, ItemID, Person, Level string
	Points                    int
	From, Until               time.Time
	// Request is what exactly was shown, as JSON.
	Request []byte
}

const itemColumns = `id, mime, size, width, height, md5, sha1, pdq, pdq_quality, forms, media_status, content, scheme, review, tier, score, why, state,
	assessment, outcome, claimed_by, claimed_until, first_decider, received_at, decided_at, sightings, version`

func scanItem(row scanner) (ItemRow, error) {
	var i ItemRow
	err := row.Scan(&i.ID, &i.MIME, &i.Size, &i.Width, &i.Height, &i.MD5, &i.SHA1, &i.PDQ, &i.PDQQuality, &i.Forms, &i.MediaStatus, &i.Content, &i.Scheme, &i.Review,
		&i.Tier, &i.Score, &i.Why, &i.State, &i.Assessment, &i.Outcome, &i.ClaimedBy, moment{&i.ClaimedUntil}, &i.FirstDecider,
		moment{&i.ReceivedAt}, moment{&i.DecidedAt}, &i.Sightings, &i.Version)
	return i, err
}

func (tx *Tx) items(doing, query string, arguments ...any) ([]ItemRow, error) {
	var found []ItemRow
	err := tx.rows(doing, query, arguments, func(row scanner) error {
		i, err := scanItem(row)
		found = append(found, i)
		return err
	})
	return found, err
}

// Item returns one item.
func (tx *Tx) Item(id string) (ItemRow, error) {
	found, err := tx.items("reading an item", `SELECT `+itemColumns+` FROM items WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("item", id)
	}
	if err != nil {
		return ItemRow{}, err
	}
	return found[0], nil
}

// InsertItem writes a new item.
func (tx *Tx) InsertItem(i ItemRow) error {
	return tx.exec("writing an item",
		`INSERT INTO items (`+itemColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, 1)`,
		i.ID, i.MIME, i.Size, i.Width, i.Height, i.MD5, i.SHA1, i.PDQ, i.PDQQuality, i.Forms, i.MediaStatus, i.Content, i.Scheme, i.Review, i.Tier, i.Score, i.Why, i.State,
		i.Assessment, i.Outcome, i.ClaimedBy, micros(i.ClaimedUntil), i.FirstDecider, micros(i.ReceivedAt), micros(i.DecidedAt), i.Sightings)
}

// UpdateItem writes what changes about an item; Conflict when somebody else
// changed it since it was read.
func (tx *Tx) UpdateItem(i ItemRow) error {
	return tx.change("changing an item", Changed("item"),
		`UPDATE items SET content = $1, tier = $2, score = $3, why = $4, state = $5, assessment = $6, outcome = $7, claimed_by = $8, claimed_until = $9,
		   first_decider = $10, decided_at = $11, sightings = $12, version = version + 1
		 WHERE id = $13 AND version = $14`,
		i.Content, i.Tier, i.Score, i.Why, i.State, i.Assessment, i.Outcome, i.ClaimedBy, micros(i.ClaimedUntil), i.FirstDecider, micros(i.DecidedAt),
		i.Sightings, i.ID, i.Version)
}

// DescribeItem writes what became known of an item's content when it was
// fetched; Conflict when somebody else changed the item since it was read.
func (tx *Tx) DescribeItem(i ItemRow) error {
	return tx.change("describing an item", Changed("item"),
		`UPDATE items SET mime = $1, size = $2, width = $3, height = $4, md5 = $5, sha1 = $6, pdq = $7, pdq_quality = $8, media_status = $9, content = $10,
		   forms = $11, version = version + 1
		 WHERE id = $12 AND version = $13`,
		i.MIME, i.Size, i.Width, i.Height, i.MD5, i.SHA1, i.PDQ, i.PDQQuality, i.MediaStatus, i.Content, i.Forms, i.ID, i.Version)
}

// The order is that of the index items_queue, so that a page of the queue costs
// the same however much waits.
const queueQuery = `SELECT ` + itemColumns + ` FROM items
		 WHERE state = $1
		   AND ($2 = '' OR (first_decider <> $2
		     AND (claimed_by = '' OR claimed_by = $2 OR claimed_until < $3)
		     AND NOT EXISTS (SELECT 1 FROM passes WHERE passes.item_id = items.id AND passes.person = $2)))
		 ORDER BY state, tier, score DESC, received_at, id LIMIT $4`

// Queue returns up to limit items in one of two states, in the order of tier,
// score and age, leaving out what the person passed, decided first, or what
// somebody else has taken. An empty person leaves nothing out.
func (tx *Tx) Queue(state, person string, now time.Time, limit int) ([]ItemRow, error) {
	return tx.items("reading the queue", queueQuery, state, person, micros(now), limit)
}

// QueueFigure is how much waits in one state and tier, and since when.
type QueueFigure struct {
	State, Tier string
	Waiting     int64
	Oldest      time.Time
}

const queueFiguresQuery = `SELECT state, tier, COUNT(*), MIN(received_at) FROM items WHERE state = $1 GROUP BY state, tier ORDER BY state, tier`

// QueueFigures counts the items that wait in the given states.
func (tx *Tx) QueueFigures(states ...string) ([]QueueFigure, error) {
	var found []QueueFigure
	for _, state := range states {
		err := tx.rows("counting the queue", queueFiguresQuery, []any{state}, func(row scanner) error {
			var f QueueFigure
			err := row.Scan(&f.State, &f.Tier, &f.Waiting, moment{&f.Oldest})
			found = append(found, f)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// DecidedItems returns up to limit decided items of an outcome that no report
// tells of yet, oldest decision first. An empty outcome means any.
func (tx *Tx) DecidedItems(outcome string, limit int) ([]ItemRow, error) {
	return tx.items("reading decided items",
		`SELECT `+itemColumns+` FROM items WHERE state = 'decided' AND ($1 = '' OR outcome = $1)
		   AND EXISTS (SELECT 1 FROM sightings WHERE sightings.item_id = items.id AND sightings.reported_in = '')
		 ORDER BY decided_at, id LIMIT $2`, outcome, limit)
}

// ItemsAfter returns up to limit items with an id greater than a cursor.
func (tx *Tx) ItemsAfter(id string, limit int) ([]ItemRow, error) {
	return tx.items("reading items", `SELECT `+itemColumns+` FROM items WHERE id > $1 ORDER BY id LIMIT $2`, id, limit)
}

// InsertSighting writes one occurrence of an item.
func (tx *Tx) InsertSighting(s SightingRow) error {
	return tx.exec("writing a sighting",
		`INSERT INTO sightings (`+sightingColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.ID, s.ItemID, s.Source, s.LegalBasis, s.SubmittedBy, s.ClientRef, micros(s.At), s.Context, s.Matches, s.Inherited, s.ReportedIn)
}

const sightingColumns = `id, item_id, source, legal_basis, submitted_by, client_ref, at, context, matches, inherited, reported_in`

func (tx *Tx) sightings(query string, arguments ...any) ([]SightingRow, error) {
	var found []SightingRow
	err := tx.rows("reading sightings", query, arguments, func(row scanner) error {
		var s SightingRow
		err := row.Scan(&s.ID, &s.ItemID, &s.Source, &s.LegalBasis, &s.SubmittedBy, &s.ClientRef, moment{&s.At}, &s.Context, &s.Matches, &s.Inherited, &s.ReportedIn)
		found = append(found, s)
		return err
	})
	return found, err
}

// Sightings returns up to limit occurrences of an item, newest first.
func (tx *Tx) Sightings(itemID string, limit int) ([]SightingRow, error) {
	return tx.sightings(`SELECT `+sightingColumns+` FROM sightings WHERE item_id = $1 ORDER BY at DESC, id DESC LIMIT $2`, itemID, limit)
}

// CountReportsOfItem counts the reports that tell of an item.
func (tx *Tx) CountReportsOfItem(itemID string) (count int64, err error) {
	err = tx.one("counting reports of an item", nil, `SELECT COUNT(DISTINCT reported_in) FROM sightings WHERE item_id = $1 AND reported_in <> ''`, []any{itemID}, &count)
	return count, err
}

// CountReferralsOfItem counts the reports that were referred to this node, tell
// of an item and stand in one of two ways.
func (tx *Tx) CountReferralsOfItem(itemID, one, other string) (count int64, err error) {
	err = tx.one("counting referrals of an item", nil,
		`SELECT COUNT(*) FROM referrals WHERE standing IN ($2, $3) AND id IN (SELECT reported_in FROM sightings WHERE item_id = $1)`, []any{itemID, one, other}, &count)
	return count, err
}

// SightingsAfter returns up to limit sightings after an identifier, which are in
// the order of time; a source restricts them to its own.
func (tx *Tx) SightingsAfter(id, source string, limit int) ([]SightingRow, error) {
	return tx.sightings(`SELECT `+sightingColumns+` FROM sightings WHERE id > $1 AND ($2 = '' OR source = $2) ORDER BY id LIMIT $3`, id, source, limit)
}

// SightingsIn returns the occurrences that a report tells of, in the order of
// their items.
func (tx *Tx) SightingsIn(report string) ([]SightingRow, error) {
	return tx.sightings(`SELECT `+sightingColumns+` FROM sightings WHERE reported_in = $1 ORDER BY item_id, id`, report)
}

// Sighting returns one occurrence.
func (tx *Tx) Sighting(id string) (SightingRow, error) {
	found, err := tx.sightings(`SELECT `+sightingColumns+` FROM sightings WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("sighting", id)
	}
	if err != nil {
		return SightingRow{}, err
	}
	return found[0], nil
}

// ReportSighting notes which report tells of a sighting, once.
func (tx *Tx) ReportSighting(id, report string) error {
	return tx.change("noting a reported sighting", problem.New(problem.Conflict, "another report tells of this sighting already", "open that report"),
		`UPDATE sightings SET reported_in = $1 WHERE id = $2 AND reported_in = ''`, report, id)
}

// ReleaseSightings takes back that a report tells of its sightings.
func (tx *Tx) ReleaseSightings(report string) error {
	return tx.exec("releasing sightings", `UPDATE sightings SET reported_in = '' WHERE reported_in = $1`, report)
}

// InsertDecision writes what a person decided.
func (tx *Tx) InsertDecision(d DecisionRow) error {
	return tx.exec("writing a decision", `INSERT INTO decisions (id, item_id, person, round, body, outcome, at, event) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.ID, d.ItemID, d.Person, d.Round, d.Body, d.Outcome, micros(d.At), d.Event)
}

// Decisions returns all decisions about an item, oldest first, those undone too.
func (tx *Tx) Decisions(itemID string) ([]DecisionRow, error) {
	var found []DecisionRow
	err := tx.rows("reading decisions", `SELECT id, item_id, person, round, body, outcome, at, event, undone_at FROM decisions WHERE item_id = $1 ORDER BY at, id`, []any{itemID}, func(row scanner) error {
		var d DecisionRow
		err := row.Scan(&d.ID, &d.ItemID, &d.Person, &d.Round, &d.Body, &d.Outcome, moment{&d.At}, &d.Event, moment{&d.Undone})
		found = append(found, d)
		return err
	})
	return found, err
}

// UndoDecision marks a decision as taken back; it stays in the record.
func (tx *Tx) UndoDecision(id string, now time.Time) error {
	return tx.change("taking a decision back", NotFound("decision", id), `UPDATE decisions SET undone_at = $1 WHERE id = $2 AND undone_at IS NULL`, micros(now), id)
}

// InsertPass notes that a person passed an item on; no reason is asked.
func (tx *Tx) InsertPass(itemID, person string, now time.Time) error {
	return tx.exec("passing an item on", `INSERT INTO passes (item_id, person, at) VALUES ($1, $2, $3) ON CONFLICT (item_id, person) DO NOTHING`, itemID, person, micros(now))
}

// InsertExposure writes that a person is being shown something.
func (tx *Tx) InsertExposure(e ExposureRow) error {
	return tx.exec("writing an exposure", `INSERT INTO exposures (id, item_id, person, level, points, from_at, request) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		e.ID, e.ItemID, e.Person, e.Level, e.Points, micros(e.From), e.Request)
}

// EndExposure writes when it ended, once.
func (tx *Tx) EndExposure(id, person string, now time.Time) error {
	return tx.exec("ending an exposure", `UPDATE exposures SET until_at = $1 WHERE id = $2 AND person = $3 AND until_at IS NULL`, micros(now), id, person)
}

// EndExposuresOf ends what a person is still being shown.
func (tx *Tx) EndExposuresOf(person string, now time.Time) error {
	return tx.exec("ending exposures", `UPDATE exposures SET until_at = $1 WHERE person = $2 AND until_at IS NULL`, micros(now), person)
}

const exposureColumns = `id, item_id, person, level, points, from_at, until_at, request`

func (tx *Tx) exposures(query string, arguments ...any) ([]ExposureRow, error) {
	var found []ExposureRow
	err := tx.rows("reading exposures", query, arguments, func(row scanner) error {
		var e ExposureRow
		err := row.Scan(&e.ID, &e.ItemID, &e.Person, &e.Level, &e.Points, moment{&e.From}, moment{&e.Until}, &e.Request)
		found = append(found, e)
		return err
	})
	return found, err
}

// Exposure returns one exposure.
func (tx *Tx) Exposure(id string) (ExposureRow, error) {
	found, err := tx.exposures(`SELECT `+exposureColumns+` FROM exposures WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("exposure", id)
	}
	if err != nil {
		return ExposureRow{}, err
	}
	return found[0], nil
}

// ExposuresOfItem returns who was shown what of an item, oldest first.
func (tx *Tx) ExposuresOfItem(itemID string) ([]ExposureRow, error) {
	return tx.exposures(`SELECT `+exposureColumns+` FROM exposures WHERE item_id = $1 ORDER BY from_at, id`, itemID)
}

// ExposuresOfPerson returns what a person was shown since a time, oldest first.
func (tx *Tx) ExposuresOfPerson(person string, since time.Time) ([]ExposureRow, error) {
	return tx.exposures(`SELECT `+exposureColumns+` FROM exposures WHERE person = $1 AND from_at >= $2 ORDER BY from_at, id`, person, micros(since))
}

// BreakRow is the break rule that a supervisor set for a person; an empty
// person is the rule for everybody.
type BreakRow struct {
	Person      string
	Limit       int
	LockMinutes int
	SetBy       string
	SetAt       time.Time
}

// PutBreak writes a break rule.
func (tx *Tx) PutBreak(b BreakRow) error {
	return tx.exec("setting a break rule", `INSERT INTO breaks (person, limit_points, lock_minutes, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
		 ON CONFLICT (person) DO UPDATE SET limit_points = excluded.limit_points, lock_minutes = excluded.lock_minutes, set_by = excluded.set_by, set_at = excluded.set_at`,
		b.Person, b.Limit, b.LockMinutes, b.SetBy, micros(b.SetAt))
}

// Breaks returns all break rules.
func (tx *Tx) Breaks() ([]BreakRow, error) {
	var found []BreakRow
	err := tx.rows("reading break rules", `SELECT person, limit_points, lock_minutes, set_by, set_at FROM breaks ORDER BY person`, nil, func(row scanner) error {
		var b BreakRow
		err := row.Scan(&b.Person, &b.Limit, &b.LockMinutes, &b.SetBy, moment{&b.SetAt})
		found = append(found, b)
		return err
	})
	return found, err
}

// Lock returns a person's recorded break; zero times when there is none.
func (tx *Tx) Lock(person string) (from, until time.Time, err error) {
	err = tx.rows("reading a break", `SELECT from_at, until_at FROM locks WHERE person = $1`, []any{person}, func(row scanner) error {
		return row.Scan(moment{&from}, moment{&until})
	})
	return from, until, err
}

// PutLock records a break; one that ends later stays.
func (tx *Tx) PutLock(person string, from, until time.Time) error {
	return tx.exec("recording a break", `INSERT INTO locks (person, from_at, until_at) VALUES ($1, $2, $3)
		 ON CONFLICT (person) DO UPDATE SET from_at = excluded.from_at, until_at = excluded.until_at WHERE locks.until_at < excluded.until_at`,
		person, micros(from), micros(until))
}

// LastDecision returns the item about which a person decided last since a time,
// if that was not taken back; empty when there is none.
func (tx *Tx) LastDecision(person string, since time.Time) (itemID string, err error) {
	err = tx.rows("reading the last decision",
		`SELECT item_id FROM decisions WHERE person = $1 AND at >= $2 AND undone_at IS NULL AND round <> 'reopened' ORDER BY at DESC, id DESC LIMIT 1`,
		[]any{person, micros(since)}, func(row scanner) error { return row.Scan(&itemID) })
	return itemID, err
}

// Answer is what was answered to a request with an idempotency key.
type Answer struct {
	// Request is the digest of the request, so that another request with the
	// same key is noticed.
	Request string
	Status  int
	Body    []byte
}

// Answered returns the answer to an earlier request with the same key.
func (tx *Tx) Answered(actor, key string) (a Answer, found bool, err error) {
	err = tx.rows("looking for an earlier answer", `SELECT request, status, answer FROM idempotency WHERE actor = $1 AND key = $2`, []any{actor, key}, func(row scanner) error {
		found = true
		return row.Scan(&a.Request, &a.Status, &a.Body)
	})
	return a, found, err
}

// PutAnswer keeps the answer to a request with an idempotency key.
func (tx *Tx) PutAnswer(actor, key string, a Answer, now time.Time) error {
	return tx.exec("keeping an answer", `INSERT INTO idempotency (actor, key, request, status, answer, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		actor, key, a.Request, a.Status, a.Body, micros(now))
}

// DeleteAnswersBefore removes kept answers that are older than a time.
func (tx *Tx) DeleteAnswersBefore(before time.Time) error {
	return tx.exec("removing kept answers", `DELETE FROM idempotency WHERE at < $1`, micros(before))
}

// LiveSightings counts the sightings of an item that nobody took back: those of
// this node itself, and those told of by an envelope that its sender neither
// recalled nor asked to erase.
func (tx *Tx) LiveSightings(item string) (count int64, err error) {
	err = tx.rows("counting sightings", `SELECT COUNT(*) FROM sightings s WHERE s.item_id = $1 AND NOT EXISTS (
		SELECT 1 FROM envelopes_in e WHERE e.source = s.submitted_by AND e.refers = s.client_ref AND e.kind IN ('recall', 'erasure') AND e.status <> 'rejected' AND s.client_ref <> '')`,
		[]any{item}, func(row scanner) error { return row.Scan(&count) })
	return count, err
}
