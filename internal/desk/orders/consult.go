package orders

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
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
		v = View{Now: tx.Now, Names: map[string]string{}}
		if v.Row, err = tx.Order(id); err != nil {
			return err
		}
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
		check, err := heldOn(tx, id)
		if err != nil {
			return err
		}
		v.Holds = check.Holds
		if v.Others, err = d.others(tx, v.Row); err != nil {
			return err
		}
		if v.Authorities, err = d.nodes(tx, v.Names, mandate.Authority); err != nil {
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

// nodes returns the registered nodes of a kind, and fills in what all are
// called.
func (d *Desk) nodes(tx *ledger.Tx, names map[string]string, kind mandate.OrganisationKind) ([]peer.Node, error) {
	known, err := d.options.Post.Known(tx.Tx, tx.Now)
	if err != nil {
		return nil, err
	}
	var all []peer.Node
	for _, node := range known {
		names[node.NodeID] = node.Title
		if node.Organisation == kind {
			all = append(all, node.Node)
		}
	}
	self := d.options.Post.Self()
	names[self.NodeID] = self.Title
	return all, nil
}

// Overview is what lies before this node about orders.
type Overview struct {
	Orders    []store.OrderRow
	Questions []store.Deconfliction
	Holds     []hold.Record
	// Figures are what was counted (Article 83), by the key of the profile.
	Figures map[string]int64
	Names   map[string]string
	Now     time.Time
}

// Overview returns the orders of this node, those whose clock strikes next
// first, the questions of others and the holds in force.
func (d *Desk) Overview(ctx context.Context, actor mandate.Actor) (o Overview, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, ""), func(tx *ledger.Tx) error {
		o = Overview{Now: tx.Now, Names: map[string]string{}}
		if o.Orders, err = tx.Orders(200); err != nil {
			return err
		}
		if o.Questions, err = tx.Deconflictions(50); err != nil {
			return err
		}
		rows, err := tx.Holds(tx.Now, 100)
		if err != nil {
			return err
		}
		for _, row := range rows {
			record, err := holdOf(row)
			if err != nil {
				return err
			}
			o.Holds = append(o.Holds, record)
		}
		if o.Figures, err = tx.OrderFigures(); err != nil {
			return err
		}
		tx.Note("orders", len(o.Orders))
		_, err = d.nodes(tx, o.Names, mandate.Authority)
		return err
	})
	return o, err
}
