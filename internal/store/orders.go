package store

import (
	"encoding/hex"
	"time"
)

// Sides of an order.
const (
	// OrderIssued: this node requests and issues it.
	OrderIssued = "issued"
	// OrderReceived: it binds this node.
	OrderReceived = "received"
	// OrderCopied: this node was sent a copy.
	OrderCopied = "copied"
)

// OrderRow is an order at this node.
type OrderRow struct {
	ID string
	// Side is [OrderIssued], [OrderReceived] or [OrderCopied].
	Side string
	// Kind is what it orders, a law.OrderKind.
	Kind string
	// Source is the authority's node, Name the order's id there, Provider the node
	// of the addressee.
	Source, Name, Provider string
	Reference              string
	// About is the referral that it was drafted from; may be empty.
	About string
	// Author is who requested it, at the side that issues.
	Author          string
	State, Standing string
	// Until is when the next clock strikes.
	Until time.Time
	// Body is an order.Issuance, order.Execution or a desk's copy as JSON.
	Body                 []byte
	CreatedAt, ChangedAt time.Time
	Version              int64
}

const orderColumns = `id, side, kind, source, name, provider, reference, about, author, state, standing, until, body, created_at, changed_at, version`

func (tx *Tx) orders(query string, arguments ...any) ([]OrderRow, error) {
	var found []OrderRow
	err := tx.rows("reading orders", query, arguments, func(row scanner) error {
		var o OrderRow
		err := row.Scan(&o.ID, &o.Side, &o.Kind, &o.Source, &o.Name, &o.Provider, &o.Reference, &o.About, &o.Author, &o.State, &o.Standing,
			moment{&o.Until}, &o.Body, moment{&o.CreatedAt}, moment{&o.ChangedAt}, &o.Version)
		found = append(found, o)
		return err
	})
	return found, err
}

// InsertOrder writes a new order.
func (tx *Tx) InsertOrder(o OrderRow) error {
	return tx.exec("writing an order", `INSERT INTO orders (`+orderColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)`,
		o.ID, o.Side, o.Kind, o.Source, o.Name, o.Provider, o.Reference, o.About, o.Author, o.State, o.Standing, micros(o.Until), o.Body, micros(o.CreatedAt), micros(o.ChangedAt))
}

// UpdateOrder writes what changed; Conflict when somebody else was faster.
func (tx *Tx) UpdateOrder(o OrderRow) error {
	return tx.change("changing an order", Changed("order"),
		`UPDATE orders SET state = $1, standing = $2, until = $3, body = $4, changed_at = $5, version = version + 1 WHERE id = $6 AND version = $7`,
		o.State, o.Standing, micros(o.Until), o.Body, micros(o.ChangedAt), o.ID, o.Version)
}

// Order returns one order.
func (tx *Tx) Order(id string) (OrderRow, error) {
	found, err := tx.orders(`SELECT `+orderColumns+` FROM orders WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("order", id)
	}
	if err != nil {
		return OrderRow{}, err
	}
	return found[0], nil
}

// OrderOf returns the order of an authority by its name there; found is false
// when this node does not know it.
func (tx *Tx) OrderOf(source, name string) (o OrderRow, found bool, err error) {
	rows, err := tx.orders(`SELECT `+orderColumns+` FROM orders WHERE source = $1 AND name = $2`, source, name)
	if err != nil || len(rows) == 0 {
		return o, false, err
	}
	return rows[0], true, nil
}

// OrdersNamed returns the orders of a name, whichever authority gave it.
func (tx *Tx) OrdersNamed(name string) ([]OrderRow, error) {
	return tx.orders(`SELECT `+orderColumns+` FROM orders WHERE name = $1 ORDER BY id`, name)
}

// OrdersOn returns the orders that name an address or the SHA-256 of an item.
func (tx *Tx) OrdersOn(subject string) ([]OrderRow, error) {
	return tx.orders(`SELECT `+orderColumns+` FROM orders WHERE id IN (SELECT order_id FROM order_items WHERE url = $1 OR sha256 = $2) ORDER BY id`, subject, subject)
}

// OrdersDraftedFrom returns the orders that were requested here because of a
// report, by the id of its referral.
func (tx *Tx) OrdersDraftedFrom(referral string) ([]OrderRow, error) {
	return tx.orders(`SELECT `+orderColumns+` FROM orders WHERE about = $1 ORDER BY created_at, id`, referral)
}

// Orders returns up to limit orders, first those whose clock strikes next, then
// those for which none runs, the newest first.
func (tx *Tx) Orders(limit int) ([]OrderRow, error) {
	return tx.orders(`SELECT `+orderColumns+` FROM orders ORDER BY CASE WHEN until IS NULL THEN 1 ELSE 0 END, until, id DESC LIMIT $1`, limit)
}

// OrderItem is one item that an order names.
type OrderItem struct {
	// OrderID is the id of the row, Position counts from 0.
	OrderID  string
	Position int
	URL      string
	// SHA256 and PDQ are digests in hex; empty where they are not known.
	SHA256, PDQ string
}

// InsertOrderItem writes an item of an order.
func (tx *Tx) InsertOrderItem(i OrderItem) error {
	return tx.exec("writing an item of an order", `INSERT INTO order_items (order_id, position, url, sha256, pdq) VALUES ($1, $2, $3, $4, $5)`,
		i.OrderID, i.Position, i.URL, i.SHA256, i.PDQ)
}

// OrderItems returns the items of an order, in the order of its text.
func (tx *Tx) OrderItems(order string) ([]OrderItem, error) {
	var found []OrderItem
	err := tx.rows("reading the items of an order", `SELECT order_id, position, url, sha256, pdq FROM order_items WHERE order_id = $1 ORDER BY position`,
		[]any{order}, func(row scanner) error {
			var i OrderItem
			err := row.Scan(&i.OrderID, &i.Position, &i.URL, &i.SHA256, &i.PDQ)
			found = append(found, i)
			return err
		})
	return found, err
}

// OrderDocument is the exact bytes of something that was said about an order.
type OrderDocument struct {
	ID, OrderID string
	// Kind is what it is, for example order or execution.
	Kind string
	Text []byte
	// Signed is the same as a JWS of the node that said it; empty for a request.
	Signed   string
	Envelope string
	At       time.Time
}

// InsertOrderDocument keeps a document.
func (tx *Tx) InsertOrderDocument(d OrderDocument) error {
	return tx.exec("keeping a document of an order", `INSERT INTO order_documents (id, order_id, kind, text, signed, envelope, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		d.ID, d.OrderID, d.Kind, d.Text, d.Signed, d.Envelope, micros(d.At))
}

// OrderDocuments returns what was said about an order, the oldest first.
func (tx *Tx) OrderDocuments(order string) ([]OrderDocument, error) {
	var found []OrderDocument
	err := tx.rows("reading the documents of an order", `SELECT id, order_id, kind, text, signed, envelope, at FROM order_documents WHERE order_id = $1 ORDER BY at, id`,
		[]any{order}, func(row scanner) error {
			var d OrderDocument
			err := row.Scan(&d.ID, &d.OrderID, &d.Kind, &d.Text, &d.Signed, &d.Envelope, moment{&d.At})
			found = append(found, d)
			return err
		})
	return found, err
}

// CountOrderFigure adds to a figure about orders, or takes back from it.
func (tx *Tx) CountOrderFigure(order, figure string, change int64, now time.Time) error {
	return tx.exec("counting a figure", `INSERT INTO order_figures (id, order_id, figure, change, at) VALUES ($1, $2, $3, $4, $5)`,
		NewID("figure"), order, figure, change, micros(now))
}

// OrderFigures returns the figures about all orders of this node.
func (tx *Tx) OrderFigures() (map[string]int64, error) {
	all := map[string]int64{}
	err := tx.rows("reading figures", `SELECT figure, CAST(SUM(change) AS BIGINT) FROM order_figures GROUP BY figure`, nil, func(row scanner) error {
		var figure string
		var sum int64
		err := row.Scan(&figure, &sum)
		all[figure] = sum
		return err
	})
	return all, err
}

// ListEntriesWithSHA256 returns the entries of all lists that were made from an
// item, by its SHA-256 in hex; withdrawn ones are left out.
func (tx *Tx) ListEntriesWithSHA256(sum string) ([]ListEntry, error) {
	digest, err := hex.DecodeString(sum)
	if err != nil || len(digest) == 0 {
		return nil, nil // an item of which no digest is known
	}
	return tx.listEntries(`SELECT `+entryColumns+` FROM list_entries WHERE sha256 = $1 AND state <> '`+EntryWithdrawn+`' ORDER BY list_id, id`, digest)
}

// DeconflictionOpen is the state of a question that nobody has answered,
// DeconflictionObjects the answer of whoever objects.
const (
	DeconflictionOpen    = "open"
	DeconflictionObjects = "objects"
)

// Deconfliction is a question of another authority that was asked here.
type Deconfliction struct {
	ID string
	// Source is the node that asks, Name its name of the order, Envelope the
	// latest that it asked in.
	Source, Name, Envelope string
	// State is open or answered.
	State string
	// Until is when the answer is due; once this node objected, when its objection
	// ends.
	Until time.Time
	// Subjects are what it is about: addresses, and SHA-256 of items in hex. They are
	// written with it and not read back.
	Subjects []string
	// Question is what was asked, as JSON; Answer what was said, in a word.
	Question               []byte
	Answer                 string
	ReceivedAt, AnsweredAt time.Time
	Version                int64
}

const deconflictionColumns = `id, source, name, envelope, state, until, question, answer, received_at, answered_at, version`

func (tx *Tx) deconflictions(query string, arguments ...any) ([]Deconfliction, error) {
	var found []Deconfliction
	err := tx.rows("reading questions of authorities", query, arguments, func(row scanner) error {
		var d Deconfliction
		err := row.Scan(&d.ID, &d.Source, &d.Name, &d.Envelope, &d.State, moment{&d.Until}, &d.Question, &d.Answer, moment{&d.ReceivedAt}, moment{&d.AnsweredAt}, &d.Version)
		found = append(found, d)
		return err
	})
	return found, err
}

// PutDeconfliction writes a question; asked again, it is open again.
func (tx *Tx) PutDeconfliction(d Deconfliction) error {
	if err := tx.exec("writing a question of an authority", `INSERT INTO deconflictions (`+deconflictionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
		 ON CONFLICT (source, name) DO UPDATE SET envelope = excluded.envelope, state = excluded.state, until = excluded.until, question = excluded.question,
		   received_at = excluded.received_at, version = deconflictions.version + 1`,
		d.ID, d.Source, d.Name, d.Envelope, d.State, micros(d.Until), d.Question, d.Answer, micros(d.ReceivedAt), micros(d.AnsweredAt)); err != nil {
		return err
	}
	if err := tx.exec("writing what a question is about", `DELETE FROM deconfliction_subjects WHERE deconfliction_id = $1`, d.ID); err != nil {
		return err
	}
	for _, subject := range d.Subjects {
		if err := tx.exec("writing what a question is about",
			`INSERT INTO deconfliction_subjects (deconfliction_id, subject) VALUES ($1, $2) ON CONFLICT DO NOTHING`, d.ID, subject); err != nil {
			return err
		}
	}
	return nil
}

// UpdateDeconfliction writes the answer; Conflict when somebody was faster.
func (tx *Tx) UpdateDeconfliction(d Deconfliction) error {
	return tx.change("answering a question of an authority", Changed("question"),
		`UPDATE deconflictions SET state = $1, answer = $2, answered_at = $3, until = $4, version = version + 1 WHERE id = $5 AND version = $6`,
		d.State, d.Answer, micros(d.AnsweredAt), micros(d.Until), d.ID, d.Version)
}

// Deconfliction returns one question.
func (tx *Tx) Deconfliction(id string) (Deconfliction, error) {
	found, err := tx.deconflictions(`SELECT `+deconflictionColumns+` FROM deconflictions WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("question", id)
	}
	if err != nil {
		return Deconfliction{}, err
	}
	return found[0], nil
}

// DeconflictionOf returns what an authority asked about its order; found is false
// when it never did.
func (tx *Tx) DeconflictionOf(source, name string) (d Deconfliction, found bool, err error) {
	rows, err := tx.deconflictions(`SELECT `+deconflictionColumns+` FROM deconflictions WHERE source = $1 AND name = $2`, source, name)
	if err != nil || len(rows) == 0 {
		return d, false, err
	}
	return rows[0], true, nil
}

// Objects reports whether this node objects to that order now.
func (d Deconfliction) Objects(now time.Time) bool {
	return d.Answer == DeconflictionObjects && now.Before(d.Until)
}

// DeconflictionsOn returns the questions about an address or the SHA-256 of an item.
func (tx *Tx) DeconflictionsOn(subject string) ([]Deconfliction, error) {
	return tx.deconflictions(`SELECT `+deconflictionColumns+` FROM deconflictions WHERE id IN (SELECT deconfliction_id FROM deconfliction_subjects WHERE subject = $1)
		ORDER BY received_at, id`, subject)
}

// Deconflictions returns up to limit questions, the open ones first.
func (tx *Tx) Deconflictions(limit int) ([]Deconfliction, error) {
	return tx.deconflictions(`SELECT `+deconflictionColumns+` FROM deconflictions ORDER BY CASE state WHEN 'open' THEN 0 ELSE 1 END, until, id LIMIT $1`, limit)
}
