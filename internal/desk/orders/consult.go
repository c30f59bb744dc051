package orders

import (
	"cmp"
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// View is one order at this node, as its people see it.
type View struct {
	Row store.OrderRow
	// Text is the order, or the request while it is not issued.
	Text order.Order
	Form *law.OrderForm
	// One of them is set, by the side of the order.
	Issuance  *order.Issuance
	Execution *order.Execution
	Copy      *Copy
	Items     []store.OrderItem
	Documents []store.OrderDocument
	// Looks are what was found at its addresses, or of its list, the latest first;
	// ByMachine says that the node looks by itself.
	Looks     []store.PlaceLook
	ByMachine bool
	// Uploads are uploads of what the order removed, at its addressee.
	Uploads []store.OrderUpload
	// Others are authorities that act on the same report; Authorities are all that
	// can be asked.
	Others      []string
	Authorities []peer.Node
	// Names are what nodes are called, by their ids.
	Names     map[string]string
	Holds     []hold.Record
	Alarms    []store.ReportAlarm
	Envelopes []store.EnvelopeOut
	Events    []store.LogEvent
	Now       time.Time
}

// Track is what both sides of an order keep; empty for a copy.
func (v View) Track() order.Track {
	switch {
	case v.Issuance != nil:
		return v.Issuance.Track
	case v.Execution != nil:
		return v.Execution.Track
	}
	return order.Track{}
}

func consulting(actor mandate.Actor, id string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.OrderConsult, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	return act
}

// Order returns one order with what was said about it.
func (d *Desk) Order(ctx context.Context, actor mandate.Actor, id string) (v View, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, id), func(tx *ledger.Tx) error {
		v = View{Now: tx.Now}
		if v.Row, err = tx.Order(id); err != nil {
			return err
		}
		v.ByMachine = d.options.Lookout != nil && machineLooks(law.OrderKind(v.Row.Kind))
		if err := v.value(); err != nil {
			return err
		}
		if v.Documents, err = tx.OrderDocuments(id); err != nil {
			return err
		}
		for _, document := range v.Documents {
			if document.Kind != DocumentRequest && document.Kind != DocumentOrder {
				continue
			}
			if v.Text, err = order.Parse(document.Text); err != nil {
				return err
			}
		}
		if v.Form, err = d.options.Law.OrderForm(v.Text.Profile); err != nil {
			return err
		}
		if v.Items, err = tx.OrderItems(id); err != nil {
			return err
		}
		if v.Uploads, err = tx.OrderUploads(id, maxUploads); err != nil {
			return err
		}
		if v.Looks, err = tx.OrderLooks(id, 200); err != nil {
			return err
		}
		check, err := heldOn(tx, id)
		if err != nil {
			return err
		}
		v.Holds = check.Holds
		if v.Others, err = d.others(tx, v.Row); err != nil {
			return err
		}
		if v.Authorities, err = d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Authority); err != nil {
			return err
		}
		if v.Names, err = d.options.Post.Titles(tx.Tx, tx.Now); err != nil {
			return err
		}
		if v.Alarms, err = tx.ReportAlarms(id, 50); err != nil {
			return err
		}
		if v.Envelopes, err = tx.EnvelopesAbout(id); err != nil {
			return err
		}
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}

// value reads the value of the row's side.
func (v *View) value() error {
	switch v.Row.Side {
	case store.OrderIssued:
		value, err := read[order.Issuance](v.Row)
		v.Issuance = &value
		return err
	case store.OrderReceived:
		value, err := read[order.Execution](v.Row)
		v.Execution = &value
		return err
	}
	value, err := read[Copy](v.Row)
	v.Copy = &value
	return err
}

// Overview is what lies before this node about orders.
type Overview struct {
	Orders    []store.OrderRow
	Questions []store.Deconfliction
	// Figures are what was counted (Article 83), by the key of the profile.
	Figures map[string]int64
	Names   map[string]string
	Now     time.Time
}

// Overview returns the orders of this node, those whose clock strikes next
// first, and the questions of others.
func (d *Desk) Overview(ctx context.Context, actor mandate.Actor) (o Overview, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, ""), func(tx *ledger.Tx) error {
		o = Overview{Now: tx.Now}
		if o.Orders, err = tx.Orders(200); err != nil {
			return err
		}
		if o.Questions, err = tx.Deconflictions(50); err != nil {
			return err
		}
		if o.Figures, err = tx.OrderFigures(); err != nil {
			return err
		}
		tx.Note("orders", len(o.Orders))
		o.Names, err = d.options.Post.Titles(tx.Tx, tx.Now)
		return err
	})
	return o, err
}

// Blank is what a person needs to fill in a request.
type Blank struct {
	Providers []peer.Node
	// Form is that of the kind that was asked for.
	Form *law.OrderForm
	// Draft is what the request begins with: the items of the report that it would
	// follow from, or what the order says that it would replace.
	Draft
}

// Prepare returns what is needed to request an order. Of the draft it reads Kind,
// From and Replaces.
func (d *Desk) Prepare(ctx context.Context, actor mandate.Actor, draft Draft) (b Blank, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.OrderConsult, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: cmp.Or(draft.Replaces, draft.From)}}
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		b = Blank{Draft: draft}
		if b.Form, err = d.formOf(draft.Kind); err != nil {
			return err
		}
		if b.Providers, err = d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Provider); err != nil {
			return err
		}
		if draft.Replaces != "" {
			b.Draft, err = d.replacing(tx, draft.Replaces)
			return err
		}
		if draft.From == "" {
			return nil
		}
		_, r, err := claimed(tx, draft.From)
		for _, file := range r.Control.Files {
			b.Items = append(b.Items, order.Item{URL: r.Form.Service.URL, SHA256: file.Item})
		}
		return err
	})
	return b, err
}

// replacing is a draft that begins with what an issued blocking order says.
func (d *Desk) replacing(tx *ledger.Tx, id string) (Draft, error) {
	row, err := tx.Order(id)
	if err != nil {
		return Draft{}, err
	}
	o, _, err := d.text(tx, row, DocumentOrder)
	if err != nil {
		return Draft{}, err
	}
	if row.Side != store.OrderIssued || o.Blocking == nil {
		return Draft{}, problem.InvalidField("replaces", "it is no blocking order of this node", "name the order that is modified")
	}
	value, err := read[order.Issuance](row)
	return Draft{
		Kind: o.Kind, Provider: row.Provider, LegalRep: o.Addressee.LegalRep, ContactPoint: o.Addressee.ContactPoint, Service: o.Addressee.Service,
		Languages: o.Addressee.Languages, Issuing: o.Issuing.Name, IssuingDetails: o.Issuing.Details, Blocking: *o.Blocking,
		Evidence: value.Request.Evidence, Heard: value.Request.Heard, Replaces: id, Reasons: o.Reasons, Redress: o.Redress,
	}, err
}

// MeasuredAt is when the order was executed, as far as this node knows; zero
// before.
func (v View) MeasuredAt() (at time.Time) {
	if v.Execution != nil {
		return v.Execution.MeasuredAt
	}
	for _, answer := range v.Track().Answers {
		if answer.Kind == order.AnswerExecution {
			at = answer.MeasuredAt
		}
	}
	return at
}

// Paper is one document about an order, filled into the form of the law.
type Paper struct {
	Row      store.OrderRow
	Document store.OrderDocument
	Form     form.Form
}

// Document returns one document about an order as a form.
func (d *Desk) Document(ctx context.Context, actor mandate.Actor, id, document string) (p Paper, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, id), func(tx *ledger.Tx) error {
		if p.Row, err = tx.Order(id); err != nil {
			return err
		}
		all, err := tx.OrderDocuments(id)
		if err != nil {
			return err
		}
		for _, found := range all {
			if found.ID == document {
				p.Document = found
			}
		}
		if p.Document.ID == "" {
			return store.NotFound("document", document)
		}
		tx.Note("document", p.Document.ID)
		p.Form, err = d.paper(tx, p.Row, p.Document)
		return err
	})
	return p, err
}

// paper fills a document into its form.
func (d *Desk) paper(tx *ledger.Tx, row store.OrderRow, document store.OrderDocument) (form.Form, error) {
	facts, err := factsOf(row)
	if err != nil {
		return form.Form{}, err
	}
	rules, err := d.options.Law.OrderForm(facts.Profile)
	if err != nil {
		return form.Form{}, err
	}
	digest := order.Digest(document.Text)
	switch document.Kind {
	case DocumentRequest:
		digest = "" // it is not signed, and no print of it is the original of anything
		fallthrough
	case DocumentOrder, DocumentNonDisclosure:
		o, err := order.Parse(document.Text)
		if err != nil {
			return form.Form{}, err
		}
		return o.Form(rules, digest)
	case DocumentExecution, DocumentNonExecution:
		a, err := order.ParseAnswer(document.Text)
		if err != nil {
			return form.Form{}, err
		}
		return a.Form(rules, digest)
	case DocumentUser:
		u, err := order.ParseUserInformation(document.Text)
		if err != nil {
			return form.Form{}, err
		}
		return u.Form(rules, digest)
	}
	return statementForm(rules, row, document)
}

// statementForm is our own form of a statement: no annex prints one.
func statementForm(rules *law.OrderForm, row store.OrderRow, document store.OrderDocument) (form.Form, error) {
	c, err := opened[Statement](document.Text)
	if err != nil {
		return form.Form{}, err
	}
	title, about, article := "Clarification", "SHA-256 of the order that is clarified:", "Article 14(6)"
	switch {
	case document.Kind == DocumentReport:
		title, about, article = "Report on the measures", "SHA-256 of the order that is reported on:", "Article 18(6)"
	case rules.Order == law.OrderBlocking:
		article = "Article 17(5)"
	}
	template, _ := rules.Template(law.TemplateOrder)
	field := func(label string, values ...string) form.Field {
		return form.Field{Label: label, Article: article, Type: law.FieldText, Values: values}
	}
	return form.Form{
		Language: rules.Language, Annex: article, Title: title + ": " + rules.Title, Reference: "our own form; no annex prints one",
		Profile: rules.Ref(), Status: rules.Status, Document: document.ID, Digest: order.Digest(document.Text), Print: template.Print,
		Sections: []form.Section{{Title: title, Fields: []form.Field{
			field("Reference of the order:", row.Reference), field(about, c.Digest),
			field(title+":", form.Lines(c.Text)...), field("Date and time, including time zone:", form.Moment(c.At)),
		}}},
	}, nil
}
