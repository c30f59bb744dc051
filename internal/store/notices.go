package store

import "time"

// Sides of a notice.
const (
	// NoticeSent: this node asks; the row is a case, which may send several notices.
	NoticeSent = "sent"
	// NoticeReceived: this node is asked; the row is one notice.
	NoticeReceived = "received"
)

// NoticeRow is a case of voluntary notices, or a notice that was received.
type NoticeRow struct {
	ID string
	// Side is [NoticeSent] or [NoticeReceived].
	Side string
	// Source is the sender's node, Name what the case or the notice is called
	// there.
	Source, Name string
	Reference    string
	// About is the report that the case follows from; may be empty.
	About string
	// Author is who opened the case.
	Author string
	// State is an order.State, Rung a step of the ladder.
	State, Rung string
	// Until is when the next clock strikes.
	Until time.Time
	// Body is an order.NoticeCase or an order.Consideration as JSON.
	Body                 []byte
	CreatedAt, ChangedAt time.Time
	Version              int64
}

const noticeColumns = `id, side, source, name, reference, about, author, state, rung, until, body, created_at, changed_at, version`

func (tx *Tx) notices(query string, arguments ...any) ([]NoticeRow, error) {
	var found []NoticeRow
	err := tx.rows("reading notices", query, arguments, func(row scanner) error {
		var n NoticeRow
		err := row.Scan(&n.ID, &n.Side, &n.Source, &n.Name, &n.Reference, &n.About, &n.Author, &n.State, &n.Rung,
			moment{&n.Until}, &n.Body, moment{&n.CreatedAt}, moment{&n.ChangedAt}, &n.Version)
		found = append(found, n)
		return err
	})
	return found, err
}

// InsertNotice writes a new case or notice.
func (tx *Tx) InsertNotice(n NoticeRow) error {
	return tx.exec("writing a notice", `INSERT INTO notices (`+noticeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1)`,
		n.ID, n.Side, n.Source, n.Name, n.Reference, n.About, n.Author, n.State, n.Rung, micros(n.Until), n.Body, micros(n.CreatedAt), micros(n.ChangedAt))
}

// UpdateNotice writes what changed; Conflict when somebody else was faster.
func (tx *Tx) UpdateNotice(n NoticeRow) error {
	return tx.change("changing a notice", Changed("notice"),
		`UPDATE notices SET state = $1, rung = $2, until = $3, body = $4, changed_at = $5, version = version + 1 WHERE id = $6 AND version = $7`,
		n.State, n.Rung, micros(n.Until), n.Body, micros(n.ChangedAt), n.ID, n.Version)
}

// Notice returns one case or notice.
func (tx *Tx) Notice(id string) (NoticeRow, error) {
	found, err := tx.notices(`SELECT `+noticeColumns+` FROM notices WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("notice", id)
	}
	if err != nil {
		return NoticeRow{}, err
	}
	return found[0], nil
}

// NoticeOf returns the notice of a sender by its name there; found is false when
// this node does not know it.
func (tx *Tx) NoticeOf(source, name string) (n NoticeRow, found bool, err error) {
	rows, err := tx.notices(`SELECT `+noticeColumns+` FROM notices WHERE source = $1 AND name = $2`, source, name)
	if err != nil || len(rows) == 0 {
		return n, false, err
	}
	return rows[0], true, nil
}

// Notices returns up to limit cases and notices, first those whose clock strikes
// next, then those for which none runs, the newest first.
func (tx *Tx) Notices(limit int) ([]NoticeRow, error) {
	return tx.notices(`SELECT `+noticeColumns+` FROM notices ORDER BY CASE WHEN until IS NULL THEN 1 ELSE 0 END, until, id DESC LIMIT $1`, limit)
}

// NoticesOn returns the cases of this node that name an address or the SHA-256
// of an item.
func (tx *Tx) NoticesOn(subject string) ([]NoticeRow, error) {
	return tx.notices(`SELECT `+noticeColumns+` FROM notices WHERE side = '`+NoticeSent+`'
		AND id IN (SELECT notice_id FROM notice_items WHERE url = $1 OR sha256 = $2) ORDER BY id`, subject, subject)
}

// NoticesNaming returns the cases and notices that name an item, by its SHA-256.
func (tx *Tx) NoticesNaming(sum string) ([]NoticeRow, error) {
	return tx.notices(`SELECT `+noticeColumns+` FROM notices WHERE id IN (SELECT notice_id FROM notice_items WHERE sha256 = $1) ORDER BY id`, sum)
}

// NoticesOpenedFrom returns the cases that were opened here because of a report,
// by its id or that of its referral.
func (tx *Tx) NoticesOpenedFrom(report string) ([]NoticeRow, error) {
	return tx.notices(`SELECT `+noticeColumns+` FROM notices WHERE about = $1 ORDER BY id`, report)
}

// NoticeItem is one item that a case or a notice names.
type NoticeItem struct {
	// NoticeID is the id of the row, Position counts from 0.
	NoticeID string
	Position int
	URL      string
	// SHA256 and PDQ are digests in hex; empty where they are not known.
	SHA256, Identification, PDQ string
}

// InsertNoticeItem writes an item of a case or notice.
func (tx *Tx) InsertNoticeItem(i NoticeItem) error {
	return tx.exec("writing an item of a notice", `INSERT INTO notice_items (notice_id, position, url, sha256, identification, pdq) VALUES ($1, $2, $3, $4, $5, $6)`,
		i.NoticeID, i.Position, i.URL, i.SHA256, i.Identification, i.PDQ)
}

// NoticeItems returns the items of a case or notice, in their order.
func (tx *Tx) NoticeItems(notice string) ([]NoticeItem, error) {
	var found []NoticeItem
	err := tx.rows("reading the items of a notice", `SELECT notice_id, position, url, sha256, identification, pdq FROM notice_items WHERE notice_id = $1 ORDER BY position`,
		[]any{notice}, func(row scanner) error {
			var i NoticeItem
			err := row.Scan(&i.NoticeID, &i.Position, &i.URL, &i.SHA256, &i.Identification, &i.PDQ)
			found = append(found, i)
			return err
		})
	return found, err
}

// NoticeDocument is the exact bytes of a notice.
type NoticeDocument struct {
	ID, NoticeID string
	// Name is the sender's name of the notice.
	Name string
	// Node is that of the addressee; empty when a person sends the notice.
	Node string
	// Digest is the SHA-256 of Text in hex.
	Digest string
	Text   []byte
	// Signed is the same as a JWS of the sender's node.
	Signed string
	// Envelope is the one that it travelled in; empty when a person sends it.
	Envelope string
	At       time.Time
}

const noticeDocumentColumns = `id, notice_id, name, node, digest, text, signed, envelope, at`

func (tx *Tx) noticeDocuments(query string, arguments ...any) ([]NoticeDocument, error) {
	var found []NoticeDocument
	err := tx.rows("reading the documents of a notice", query, arguments, func(row scanner) error {
		var d NoticeDocument
		err := row.Scan(&d.ID, &d.NoticeID, &d.Name, &d.Node, &d.Digest, &d.Text, &d.Signed, &d.Envelope, moment{&d.At})
		found = append(found, d)
		return err
	})
	return found, err
}

// InsertNoticeDocument keeps a document.
func (tx *Tx) InsertNoticeDocument(d NoticeDocument) error {
	return tx.exec("keeping a notice", `INSERT INTO notice_documents (`+noticeDocumentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		d.ID, d.NoticeID, d.Name, d.Node, d.Digest, d.Text, d.Signed, d.Envelope, micros(d.At))
}

// NoticeDocuments returns the notices of a case, or the one that was received,
// the oldest first.
func (tx *Tx) NoticeDocuments(notice string) ([]NoticeDocument, error) {
	return tx.noticeDocuments(`SELECT `+noticeDocumentColumns+` FROM notice_documents WHERE notice_id = $1 ORDER BY at, id`, notice)
}

// NoticeDocumentIn returns the notice that travelled in an envelope; found is
// false when none did.
func (tx *Tx) NoticeDocumentIn(envelope string) (d NoticeDocument, found bool, err error) {
	all, err := tx.noticeDocuments(`SELECT `+noticeDocumentColumns+` FROM notice_documents WHERE envelope = $1`, envelope)
	if err != nil || len(all) == 0 {
		return d, false, err
	}
	return all[0], true, nil
}

// NoticeDocumentSentTo returns the notice of a name that this node sent to
// another; found is false when it sent none.
func (tx *Tx) NoticeDocumentSentTo(node, name string) (d NoticeDocument, found bool, err error) {
	all, err := tx.noticeDocuments(`SELECT `+noticeDocumentColumns+` FROM notice_documents WHERE name = $1 AND node = $2`, name, node)
	if err != nil || len(all) == 0 {
		return d, false, err
	}
	return all[0], true, nil
}
