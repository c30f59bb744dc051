package store

import "time"

// MatterRow is where a received report stands at the Centre.
type MatterRow struct {
	// ID is that of the received report.
	ID, State string
	Urgent    bool
	// Until is when the next clock strikes.
	Until time.Time
	// Body is a referral.Matter as JSON.
	Body      []byte
	ChangedAt time.Time
	Version   int64
}

const matterColumns = `id, state, urgent, until, body, changed_at, version`

func (tx *Tx) matters(query string, arguments ...any) ([]MatterRow, error) {
	var found []MatterRow
	err := tx.rows("reading matters", query, arguments, func(row scanner) error {
		var m MatterRow
		err := row.Scan(&m.ID, &m.State, &m.Urgent, moment{&m.Until}, &m.Body, moment{&m.ChangedAt}, &m.Version)
		found = append(found, m)
		return err
	})
	return found, err
}

// InsertMatter writes a new matter.
func (tx *Tx) InsertMatter(m MatterRow) error {
	return tx.exec("writing a matter", `INSERT INTO matters (`+matterColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 1)`,
		m.ID, m.State, m.Urgent, micros(m.Until), m.Body, micros(m.ChangedAt))
}

// UpdateMatter writes what changed; Conflict when somebody else was faster.
func (tx *Tx) UpdateMatter(m MatterRow) error {
	return tx.change("changing a matter", Changed("report"),
		`UPDATE matters SET state = $1, urgent = $2, until = $3, body = $4, changed_at = $5, version = version + 1 WHERE id = $6 AND version = $7`,
		m.State, m.Urgent, micros(m.Until), m.Body, micros(m.ChangedAt), m.ID, m.Version)
}

// Matter returns one matter.
func (tx *Tx) Matter(id string) (MatterRow, error) {
	found, err := tx.matters(`SELECT `+matterColumns+` FROM matters WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("report", id)
	}
	if err != nil {
		return MatterRow{}, err
	}
	return found[0], nil
}

// Matters returns up to limit matters of a state, the urgent ones first, then
// those whose clock strikes next.
func (tx *Tx) Matters(state string, limit int) ([]MatterRow, error) {
	return tx.matters(`SELECT `+matterColumns+` FROM matters WHERE state = $1 ORDER BY state, urgent DESC, until, id LIMIT $2`, state, limit)
}

// MatterFigure is how much stands in one state, and since when.
type MatterFigure struct {
	State string
	// Waiting of them, Urgent are urgent and Overdue have let their clock run out.
	Waiting, Urgent, Overdue int64
	// Oldest was received first; Next is when the next clock strikes or, when one
	// has run out, when the first did. Zero when no clock runs.
	Oldest, Next time.Time
}

// MatterFigures counts the matters in each state.
func (tx *Tx) MatterFigures(now time.Time) (map[string]MatterFigure, error) {
	all := map[string]MatterFigure{}
	err := tx.rows("counting matters", `SELECT m.state, COUNT(*), SUM(CASE WHEN m.urgent THEN 1 ELSE 0 END), SUM(CASE WHEN m.until <= $1 THEN 1 ELSE 0 END), MIN(r.received_at), MIN(m.until)
		FROM matters m JOIN received_reports r ON r.id = m.id GROUP BY m.state`, []any{micros(now)}, func(row scanner) error {
		var f MatterFigure
		err := row.Scan(&f.State, &f.Waiting, &f.Urgent, &f.Overdue, moment{&f.Oldest}, moment{&f.Next})
		all[f.State] = f
		return err
	})
	return all, err
}

// ReferralRow is where a report stands at an authority that it was offered to.
type ReferralRow struct {
	ID string
	// Centre is the node that offered it, Matter its name there, Envelope the
	// latest that it came in.
	Centre, Matter, Envelope string
	// Reference is the name that whoever made the report gave to it.
	Reference string
	Standing  string
	Urgent    bool
	Until     time.Time
	// Body is a referral.Referral as JSON, Offer what came with the offer.
	Body, Offer           []byte
	ReceivedAt, ChangedAt time.Time
	Version               int64
}

const referralColumns = `id, centre, matter, envelope, standing, urgent, until, body, offer, received_at, changed_at, version, reference`

func (tx *Tx) referrals(query string, arguments ...any) ([]ReferralRow, error) {
	var found []ReferralRow
	err := tx.rows("reading referrals", query, arguments, func(row scanner) error {
		var r ReferralRow
		err := row.Scan(&r.ID, &r.Centre, &r.Matter, &r.Envelope, &r.Standing, &r.Urgent, moment{&r.Until}, &r.Body, &r.Offer,
			moment{&r.ReceivedAt}, moment{&r.ChangedAt}, &r.Version, &r.Reference)
		found = append(found, r)
		return err
	})
	return found, err
}

// InsertReferral writes a new referral.
func (tx *Tx) InsertReferral(r ReferralRow) error {
	return tx.exec("writing a referral", `INSERT INTO referrals (`+referralColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12)`,
		r.ID, r.Centre, r.Matter, r.Envelope, r.Standing, r.Urgent, micros(r.Until), r.Body, r.Offer, micros(r.ReceivedAt), micros(r.ChangedAt), r.Reference)
}

// UpdateReferral writes what changed; Conflict when somebody else was faster.
func (tx *Tx) UpdateReferral(r ReferralRow) error {
	return tx.change("changing a referral", Changed("report"),
		`UPDATE referrals SET envelope = $1, standing = $2, urgent = $3, until = $4, body = $5, offer = $6, changed_at = $7, version = version + 1 WHERE id = $8 AND version = $9`,
		r.Envelope, r.Standing, r.Urgent, micros(r.Until), r.Body, r.Offer, micros(r.ChangedAt), r.ID, r.Version)
}

// Referral returns one referral.
func (tx *Tx) Referral(id string) (ReferralRow, error) {
	found, err := tx.referrals(`SELECT `+referralColumns+` FROM referrals WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("referred report", id)
	}
	if err != nil {
		return ReferralRow{}, err
	}
	return found[0], nil
}

// ReferralOf returns what a Centre offered under a name; found is false when it
// never did.
func (tx *Tx) ReferralOf(centre, matter string) (r ReferralRow, found bool, err error) {
	rows, err := tx.referrals(`SELECT `+referralColumns+` FROM referrals WHERE centre = $1 AND matter = $2`, centre, matter)
	if err != nil || len(rows) == 0 {
		return r, false, err
	}
	return rows[0], true, nil
}

// ReferralIn returns what an envelope of a Centre offered, when that is the
// latest by which it did; found is false when there is none.
func (tx *Tx) ReferralIn(centre, envelope string) (r ReferralRow, found bool, err error) {
	rows, err := tx.referrals(`SELECT `+referralColumns+` FROM referrals WHERE centre = $1 AND envelope = $2`, centre, envelope)
	if err != nil || len(rows) == 0 {
		return r, false, err
	}
	return rows[0], true, nil
}

// ReferralsOf returns what was offered here of the report that bears a name,
// whoever gave it.
func (tx *Tx) ReferralsOf(reference string) ([]ReferralRow, error) {
	return tx.referrals(`SELECT `+referralColumns+` FROM referrals WHERE reference = $1 ORDER BY received_at, id`, reference)
}

// Referrals returns up to limit referrals, those that wait for somebody first,
// the urgent ones first.
func (tx *Tx) Referrals(limit int) ([]ReferralRow, error) {
	return tx.referrals(`SELECT `+referralColumns+` FROM referrals ORDER BY CASE standing WHEN 'offered' THEN 0 WHEN 'claimed' THEN 1 ELSE 2 END, urgent DESC, until, id LIMIT $1`, limit)
}
