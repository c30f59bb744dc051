package reports

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// CyberTipline is how reports go to NCMEC, where the operator configured it.
type CyberTipline struct {
	Service  *exchange.CyberTipline
	Rules    *law.CyberTip
	Reporter cybertip.Reporter
	// Content opens the files of an approved report.
	Content *blob.Sealed
}

// ReportTo lets people send reports to the CyberTipline; nil lets nobody.
func (d *Desk) ReportTo(c *CyberTipline) { d.tipline.Store(c) }

// notConfigured is the error where reports cannot go to the CyberTipline.
func notConfigured() error {
	return problem.New(problem.Unavailable, "this node is not configured to report to the CyberTipline", "the operator sets cybertipline in the configuration")
}

// Choose decides whom a report goes to: the CyberTipline, as a person answered, or without a
// choice the Centre. A report that waits for a second person goes back to being a draft,
// with the reason.
//
// Errors: Invalid, with the field; Conflict when it is on its way; Unavailable where the
// CyberTipline is not configured, or no Centre is registered.
func (d *Desk) Choose(ctx context.Context, actor mandate.Actor, id string, choice *report.CyberTip, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAmend, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (next report.Lifecycle, effects []report.Effect, err error) {
			next = l
			if l.State != report.Draft {
				if next, effects, err = l.Apply(report.Event{Kind: report.Amend, Person: actor.ID, Decision: tx.EventID(), Reason: reason}, tx.Now); err != nil {
					return l, nil, err
				}
			}
			if choice == nil {
				r.Control.CyberTip = nil
				tx.Note("recipient", "centre")
				return next, effects, nil
			}
			tipline := d.tipline.Load()
			if tipline == nil {
				return l, nil, notConfigured()
			}
			chosen := *choice
			chosen.Rules = tipline.Rules.Ref()
			r.Control.CyberTip = &chosen
			tx.Note("recipient", cybertip.Recipient)
			tx.Note("incident", chosen.Incident)
			tx.Note("escalated", chosen.Escalate != "")
			return next, effects, chosen.Check(r.Form, tipline.Rules)
		})
	})
}

// addressee is whom a report goes to now; recipient whom it went to so far.
func (d *Desk) addressee(tx *store.Tx, r report.Report, recipient string) (string, error) {
	switch {
	case r.Control.CyberTip != nil:
		return cybertip.Recipient, nil
	case recipient != cybertip.Recipient && recipient != "":
		return recipient, nil
	}
	centre, _, err := d.options.Recipient(tx)
	if problem.Is(err, problem.Unavailable) && d.tipline.Load() != nil {
		return "", nil // people may still choose the other
	}
	return centre, err
}

// tip is what goes to the CyberTipline, and what has no place there.
func (d *Desk) tip(r report.Report) (cybertip.Tip, []cybertip.Moved, error) {
	tipline := d.tipline.Load()
	if tipline == nil {
		return cybertip.Tip{}, nil, notConfigured()
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return cybertip.Tip{}, nil, err
	}
	rules, err := d.options.Law.CyberTip(r.Control.CyberTip.Rules)
	if err != nil {
		return cybertip.Tip{}, nil, err
	}
	return cybertip.Of(r, form, rules, tipline.Reporter)
}

// lookAgain notes which files people here have seen by now: what the CyberTipline is told of
// that must hold when the report is submitted, and not when it was begun.
func lookAgain(tx *store.Tx, r *report.Report) error {
	for i := range r.Control.Files {
		file := &r.Control.Files[i]
		row, err := tx.Item(file.Item)
		if err != nil {
			return err
		}
		file.ViewedByHuman, file.ViewEvent = false, ""
		if !shownWhole(row.MIME) {
			continue
		}
		if file.ViewedByHuman, file.ViewEvent, err = viewed(tx, file.Item); err != nil {
			return err
		}
	}
	return nil
}

// shownWhole says whether people are shown all of a file of a type. Of a video they see
// scenes, and nobody has viewed the file by that.
func shownWhole(mime string) bool { return strings.HasPrefix(mime, "image/") }

// viewed says whether a person here saw the whole picture of an item, and in which view. In
// some countries that decides whether police need a warrant before they open the file.
func viewed(tx *store.Tx, id string) (seen bool, event string, err error) {
	exposures, err := tx.ExposuresOfItem(id)
	for _, exposure := range exposures {
		if exposure.Level == item.LevelFull.String() {
			return true, exposure.ID, nil
		}
	}
	return false, "", err
}

// sendTip hands the approved documents to delivery, in the transaction of the decision.
func (d *Desk) sendTip(tx *ledger.Tx, id string, r report.Report, l report.Lifecycle) (report.Lifecycle, error) {
	tip, _, err := d.tip(r)
	if err != nil {
		return l, err
	}
	text, err := tip.Marshal()
	if err != nil {
		return l, err
	}
	digest, err := tip.Digest()
	if err != nil {
		return l, err
	}
	row := store.CyberTipRow{ID: store.NewID("cybertip"), ReportID: id, Tip: text, CreatedAt: tx.Now, Delivery: cybertip.Delivery{State: cybertip.Queued, Changed: tx.Now}}
	if err := tx.InsertCyberTip(row); err != nil {
		return l, err
	}
	next, _, err := l.Apply(report.Event{Kind: report.Send, Digest: digest, Envelope: row.ID}, tx.Now)
	if err != nil {
		return l, err
	}
	tx.Note("recipient", cybertip.Recipient)
	urgent := r.Form.Urgent != nil && *r.Form.Urgent
	return next, enqueueTip(tx, row.ID, urgent)
}

// enqueueTip lets a delivery go on, now.
func enqueueTip(tx *ledger.Tx, id string, urgent bool) error {
	priority := job.PriorityNormal
	if urgent {
		priority = job.PriorityUrgent
	}
	fresh, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: cyberTipJob, Payload: id, UniqueKey: id, Priority: priority, Attempts: tipAttempts})
	if err != nil || fresh {
		return err
	}
	_, err = tx.ReleaseJobs(wakesTip(id), tx.Now)
	return err
}

// CyberTip is how a report to the CyberTipline is seen: what is sent, and how far that is.
type CyberTip struct {
	cybertip.Tip
	// Moved is what has no place of its own there.
	Moved []cybertip.Moved
	// Refused says why the report cannot be sent as it is.
	Refused *problem.Error
	// Rules are those that the choices are of.
	Rules *law.CyberTip
	// Known are the numbers of other reports about the same files that were finished there:
	// what point 9 of a report to the Centre asks for.
	Known []int64
	// Deliveries of approved texts, the latest first.
	Deliveries []store.CyberTipRow
}

// Latest is the delivery that counts; false when nothing was approved yet.
func (c CyberTip) Latest() (store.CyberTipRow, bool) {
	if len(c.Deliveries) == 0 {
		return store.CyberTipRow{}, false
	}
	return c.Deliveries[0], true
}

// viewTip is what people see of it. What was approved is shown as it was approved.
func (d *Desk) viewTip(tx *ledger.Tx, v *View) (err error) {
	if tipline := d.tipline.Load(); tipline != nil {
		v.CyberTip.Rules = tipline.Rules
	}
	for _, file := range v.Report.Control.Files {
		others, err := tx.CyberTipsAbout(file.Item)
		if err != nil {
			return err
		}
		for _, other := range others {
			if other.ReportID != v.ID {
				v.CyberTip.Known = append(v.CyberTip.Known, other.Report)
			}
		}
	}
	if v.CyberTip.Deliveries, err = tx.CyberTipsOf(v.ID); err != nil || v.Report.Control.CyberTip == nil {
		return err
	}
	r := v.Report
	if v.Life.State == report.Draft {
		r.Control.Files = append([]report.File(nil), r.Control.Files...)
		if err := lookAgain(tx.Tx, &r); err != nil {
			return err
		}
	}
	tip, moved, err := d.tip(r)
	v.CyberTip.Tip, v.CyberTip.Moved = tip, moved
	if err != nil {
		if problem.From(err).Kind == problem.Internal {
			return err
		}
		v.CyberTip.Refused = problem.From(err)
	}
	if latest, sent := v.CyberTip.Latest(); sent && latest.ID == v.Life.Envelope {
		v.CyberTip.Refused = nil
		return json.Unmarshal(latest.Tip, &v.CyberTip.Tip)
	}
	return nil
}
