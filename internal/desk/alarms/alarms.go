// Package alarms is the desk of everything at this node that needs a person's
// look: what went wrong or was forgotten about reports, orders, notices and
// lists, and between this node and its peers.
//
// It decides nothing about the things themselves. A person records that they
// looked, and why that is enough; when the cause strikes again there is a new
// alarm.
package alarms

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Desk shows alarms and clears those that people looked at.
type Desk struct {
	ledger *ledger.Ledger
	post   *peer.Post
}

// New makes the desk.
func New(l *ledger.Ledger, post *peer.Post) *Desk { return &Desk{l, post} }

// Alarm is one thing that nobody has looked at.
type Alarm struct {
	ID string
	// Subject is what it is about, for example order/… or the id of a peer's node.
	Subject string
	// Reason says what is wrong; for a peer it is one of [peer.AlarmKinds].
	Reason string
	Peer   bool
	// Since is when it struck first, Times how often since.
	Since time.Time
	Times int
	// Looks says that this person may record that they looked.
	Looks bool
}

// Kind is what kind of thing it is about, for example "order"; for a peer "node".
func (a Alarm) Kind() string {
	name, _, _ := strings.Cut(a.Subject, "/")
	return name
}

// kind is one kind of things that alarms are about. Whoever may open such a thing
// for one of the purposes sees its alarms.
type kind struct {
	name     string
	opens    mandate.Action
	purposes []mandate.Purpose
}

// peers is the name of the kind of the alarms between nodes.
const peers = "peer"

// kinds are all of them. Purposes are those of the pages that show the things.
var kinds = []kind{
	{"report", mandate.ReportConsult, []mandate.Purpose{mandate.PurposeReporting, mandate.PurposeInvestigation, mandate.PurposeAudit}},
	{"received", mandate.ReportConsult, []mandate.Purpose{mandate.PurposeAssessment, mandate.PurposeAudit}},
	{"referral", mandate.ReportConsult, []mandate.Purpose{mandate.PurposeInvestigation, mandate.PurposeAssessment, mandate.PurposeAudit}},
	{"order", mandate.OrderConsult, []mandate.Purpose{mandate.PurposeRemoval, mandate.PurposeAudit}},
	{"deconfliction", mandate.OrderConsult, []mandate.Purpose{mandate.PurposeRemoval, mandate.PurposeAudit}},
	{"notice", mandate.VoluntaryConsult, []mandate.Purpose{mandate.PurposeRemoval, mandate.PurposeAudit}},
	{"list", mandate.ListConsult, []mandate.Purpose{mandate.PurposeListManagement, mandate.PurposeInvestigation, mandate.PurposeAudit}},
	{peers, mandate.EnvelopeConsult, []mandate.Purpose{mandate.PurposeAdministration}},
}

// purpose is the one for which an actor may open things of a kind and do
// something about their alarms; empty when there is none.
func (d *Desk) purpose(actor mandate.Actor, of kind, action mandate.Action) mandate.Purpose {
	for _, purpose := range of.purposes {
		may := func(action mandate.Action) bool {
			return d.ledger.Permits(ledger.Act{Actor: actor, Action: action, Purpose: purpose}) == nil
		}
		if may(of.opens) && may(action) {
			return purpose
		}
	}
	return ""
}

// seen are the kinds of which an actor sees alarms, and the purpose that is
// stated for it.
func (d *Desk) seen(actor mandate.Actor) (seen []kind, purpose mandate.Purpose) {
	for _, of := range kinds {
		if found := d.purpose(actor, of, mandate.AlarmConsult); found != "" {
			seen, purpose = append(seen, of), cmp.Or(purpose, found)
		}
	}
	return seen, cmp.Or(purpose, mandate.PurposeReporting)
}

// most is how many alarms of each kind are shown at the most.
const most = 200

// List returns what needs a look of the things that a person may open, the oldest
// first, and what peers are called.
//
// Errors: Denied to whoever may open nothing here.
func (d *Desk) List(ctx context.Context, actor mandate.Actor) (all []Alarm, names map[string]string, err error) {
	seen, purpose := d.seen(actor)
	err = d.ledger.Read(ctx, ledger.Act{Actor: actor, Action: mandate.AlarmConsult, Purpose: purpose}, func(tx *ledger.Tx) error {
		all = nil
		for _, of := range seen {
			found, err := open(tx.Tx, of)
			if err != nil {
				return err
			}
			looks := d.purpose(actor, of, mandate.AlarmLook) != ""
			for _, alarm := range found {
				alarm.Looks = looks
				all = append(all, alarm)
			}
		}
		slices.SortStableFunc(all, func(a, b Alarm) int { return a.Since.Compare(b.Since) })
		tx.Note("alarms", len(all))
		names, err = d.post.Titles(tx.Tx, tx.Now)
		return err
	})
	return all, names, err
}

// open reads the alarms of one kind that nobody has looked at.
func open(tx *store.Tx, of kind) (all []Alarm, err error) {
	if of.name != peers {
		rows, err := tx.OpenReportAlarms(of.name, most)
		for _, row := range rows {
			all = append(all, Alarm{ID: row.ID, Subject: row.Subject, Reason: row.Reason, Since: row.At, Times: row.Times})
		}
		return all, err
	}
	rows, err := tx.OpenExchangeAlarms()
	for _, row := range rows {
		if row.LookedAt.IsZero() {
			all = append(all, Alarm{ID: row.ID, Subject: row.Peer, Reason: row.Kind, Peer: true, Since: row.Since, Times: 1})
		}
	}
	return all, err
}

// Waiting counts what needs a look of the things that a person may open. sees is
// false for whoever may open nothing. A number alone is no consultation.
func (d *Desk) Waiting(ctx context.Context, actor mandate.Actor) (count int, sees bool, err error) {
	seen, _ := d.seen(actor)
	err = d.ledger.Peek(ctx, func(tx *store.Tx) error {
		count = 0
		for _, of := range seen {
			if of.name == peers {
				found, err := open(tx, of)
				if err != nil {
					return err
				}
				count += len(found)
				continue
			}
			found, err := tx.CountOpenReportAlarms(of.name)
			if err != nil {
				return err
			}
			count += found
		}
		return nil
	})
	return count, len(seen) > 0, err
}

// Look records that a person looked at what an alarm says, and why that is enough.
// It covers the earlier ones that say the same of the same thing.
//
// Errors: Denied to whoever may not open the thing, or does not act on it; Invalid
// without a reason; NotFound; Conflict when somebody has looked at it.
func (d *Desk) Look(ctx context.Context, actor mandate.Actor, id, reason string) error {
	alarm, exchange, of, missing := d.find(ctx, id)
	act := ledger.Act{Actor: actor, Action: mandate.AlarmLook, Purpose: d.purpose(actor, of, mandate.AlarmLook), Resource: access.Resource{ID: alarm.Subject}}
	if act.Purpose == "" {
		act.Purpose = of.purposes[0]
		if d.ledger.Permits(act) == nil {
			act.Action = of.opens // it is the thing that this person may not open
		}
	}
	return d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if missing != nil {
			return missing
		}
		if err := problem.Reason(reason, "say what you found, and why that is enough"); err != nil {
			return err
		}
		looked := store.Looked{LookedAt: tx.Now, LookedBy: actor.ID, LookedBecause: reason}
		tx.Note("looked_at", id)
		if exchange != "" {
			if err := tx.LookAtExchangeAlarm(id, looked); err != nil || exchange != peer.AlarmRefused {
				return err
			}
			// Nothing but the look ends it: no later envelope says what this one was to say.
			_, err := tx.ClearExchangeAlarm(alarm.Subject, exchange, tx.Now)
			return err
		}
		row, err := tx.ReportAlarm(id)
		if err != nil {
			return err
		}
		if !row.LookedAt.IsZero() {
			return problem.New(problem.Conflict, "somebody has looked at it", "load the page again")
		}
		return tx.LookAtReportAlarm(row, looked)
	})
}

// find finds an alarm and the kind of what it is about; exchange is which of [peer.AlarmKinds]
// one about a peer is.
func (d *Desk) find(ctx context.Context, id string) (alarm store.ReportAlarm, exchange string, of kind, err error) {
	of = kinds[0]
	err = d.ledger.Peek(ctx, func(tx *store.Tx) error {
		exchanges, err := tx.OpenExchangeAlarms()
		if err != nil {
			return err
		}
		at := slices.IndexFunc(exchanges, func(a store.ExchangeAlarm) bool { return a.ID == id })
		exchange = ""
		if at >= 0 {
			alarm, exchange, of = store.ReportAlarm{Subject: exchanges[at].Peer}, exchanges[at].Kind, kinds[len(kinds)-1]
			return nil
		}
		if alarm, err = tx.ReportAlarm(id); err != nil {
			return err
		}
		name, _, _ := strings.Cut(alarm.Subject, "/")
		if at = slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); at < 0 {
			return store.NotFound("alarm", id)
		}
		of = kinds[at]
		return nil
	})
	return alarm, exchange, of, err
}
