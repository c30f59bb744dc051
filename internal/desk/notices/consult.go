package notices

import (
	"context"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

func consulting(actor mandate.Actor, id string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.VoluntaryConsult, Purpose: mandate.PurposeRemoval, Resource: access.Resource{ID: id}}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	return act
}

// View is one case of notices, or a notice that was received, as people see it.
type View struct {
	Row store.NoticeRow
	// One of them is set, by the side.
	Case          *order.NoticeCase
	Consideration *order.Consideration
	Form          *law.NoticeForm
	Items         []store.NoticeItem
	// Notices are those that were sent, or the one that was received, with their
	// documents, the oldest first.
	Notices   []order.Notice
	Documents []store.NoticeDocument
	// Looks are what was found at the addresses, the latest first; ByMachine says
	// that the node looks by itself.
	Looks     []store.PlaceLook
	ByMachine bool
	// Holds are those on the items that have not ended.
	Holds []hold.Record
	// Providers are the nodes that a notice can be sent to.
	Providers []peer.Node
	// Names are what nodes are called, by their ids.
	Names     map[string]string
	Alarms    []store.ReportAlarm
	Envelopes []store.EnvelopeOut
	Events    []store.LogEvent
	Now       time.Time
}

// Clocks are those that run.
func (v View) Clocks() []order.Running {
	if v.Case != nil {
		return v.Case.Clocks
	}
	return v.Consideration.Clocks
}

// ByHand reports whether the notice that is on its way has to be sent by a
// person.
func (v View) ByHand() bool {
	return v.Case != nil && v.Case.State == order.Sending && len(v.Documents) > 0 && v.Documents[len(v.Documents)-1].Node == ""
}

// Watched reports whether people can record what they found at the addresses.
func (v View) Watched() bool {
	return v.Case != nil && v.Case.Watched()
}

// Seen returns the latest look at each address of the case.
func (v View) Seen() []store.PlaceSeen {
	if v.Case == nil {
		return nil
	}
	return store.LastSeen(v.Case.Opening.Places, v.Looks)
}

// NextLook is when the addresses are looked at again; zero when nobody will.
func (v View) NextLook() time.Time {
	if v.Case == nil {
		return time.Time{}
	}
	return v.Case.NextLook()
}

// Notice returns one case, or a notice that was received, with what was said
// about it.
func (d *Desk) Notice(ctx context.Context, actor mandate.Actor, id string) (v View, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, id), func(tx *ledger.Tx) error {
		v = View{Now: tx.Now, ByMachine: d.options.Lookout != nil}
		if v.Row, err = tx.Notice(id); err != nil {
			return err
		}
		if err := v.value(d.options.Law); err != nil {
			return err
		}
		if v.Items, err = tx.NoticeItems(id); err != nil {
			return err
		}
		if v.Documents, err = tx.NoticeDocuments(id); err != nil {
			return err
		}
		for _, document := range v.Documents {
			n, err := order.ParseNotice(document.Text)
			if err != nil {
				return err
			}
			v.Notices = append(v.Notices, n)
		}
		if v.Looks, err = tx.NoticeLooks(id, 200); err != nil {
			return err
		}
		check, err := tx.LookForHolds(tx.Now, subjects(v.Items)...)
		if err != nil {
			return err
		}
		v.Holds = check.Holds
		if v.Providers, err = d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Provider); err != nil {
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

// value reads the value of the row's side, and its form.
func (v *View) value(library *law.Library) error {
	profile := law.Ref{}
	if v.Row.Side == store.NoticeReceived {
		value, err := read[order.Consideration](v.Row)
		if err != nil {
			return err
		}
		v.Consideration, profile = &value, value.Notice.Profile
	} else {
		value, err := read[order.NoticeCase](v.Row)
		if err != nil {
			return err
		}
		v.Case, profile = &value, value.Profile
	}
	found, err := library.NoticeForm(profile)
	v.Form = found
	return err
}

// Overview is what lies before this node about notices.
type Overview struct {
	Notices []store.NoticeRow
	// Form is the latest version of the profile; it says what the rungs are called.
	Form  *law.NoticeForm
	Names map[string]string
	Now   time.Time
}

// Overview returns the cases and notices of this node, those whose clock strikes
// next first.
func (d *Desk) Overview(ctx context.Context, actor mandate.Actor) (o Overview, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, ""), func(tx *ledger.Tx) error {
		o = Overview{Now: tx.Now}
		if o.Notices, err = tx.Notices(200); err != nil {
			return err
		}
		tx.Note("notices", len(o.Notices))
		if o.Form, err = d.options.Law.LatestNoticeForm(d.options.Profile); err != nil {
			return err
		}
		o.Names, err = d.options.Post.Titles(tx.Tx, tx.Now)
		return err
	})
	return o, err
}

// Blank is what a person needs to open a case.
type Blank struct {
	Form *law.NoticeForm
	// Opening holds what the report says that the case would follow from.
	Opening Opening
}

// Prepare returns what is needed to open a case; from is the id of a report at
// this node, or empty.
func (d *Desk) Prepare(ctx context.Context, actor mandate.Actor, from string) (b Blank, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, from), func(tx *ledger.Tx) error {
		b = Blank{Opening: Opening{From: from}}
		if b.Form, err = d.options.Law.LatestNoticeForm(d.options.Profile); err != nil || from == "" {
			return err
		}
		return d.fromReport(tx, &b.Opening)
	})
	return b, err
}

// Paper is one notice as a form.
type Paper struct {
	Row      store.NoticeRow
	Document store.NoticeDocument
	Form     form.Form
}

// Document returns one notice as a form.
func (d *Desk) Document(ctx context.Context, actor mandate.Actor, id, document string) (p Paper, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor, id), func(tx *ledger.Tx) error {
		p = Paper{}
		if p.Row, err = tx.Notice(id); err != nil {
			return err
		}
		all, err := tx.NoticeDocuments(id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(d store.NoticeDocument) bool { return d.ID == document })
		if at < 0 {
			return store.NotFound("document", document)
		}
		p.Document = all[at]
		tx.Note("document", p.Document.ID)
		n, err := order.ParseNotice(p.Document.Text)
		if err != nil {
			return err
		}
		rules, err := d.options.Law.NoticeForm(n.Profile)
		if err != nil {
			return err
		}
		p.Form, err = n.Form(rules, p.Document.Digest)
		return err
	})
	return p, err
}
