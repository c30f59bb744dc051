package reports

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// View is a report as people see it.
type View struct {
	store.ReportRow
	Report       report.Report
	Life         report.Lifecycle
	Form         *law.ReportForm
	Completeness report.Completeness
	Problems     []*problem.Error
	// StaysHome names what the recipient does not get.
	StaysHome []string
	Notice    *report.Notice
	// Words are what the person who informs the user may begin with.
	Words report.Words
	// Questions are what its receiver asks about it, Alarms what needs a look.
	Questions []Question
	Alarms    []store.ReportAlarm
	// CyberTip is what concerns NCMEC's CyberTipline.
	CyberTip CyberTip
	// Feedback is what those who have it say of its use and quality.
	Feedback  []store.Said
	Envelopes []store.EnvelopeOut
	// Pursuits are what was sent to correct, take back or erase it, and how far that
	// has come; Names are what the nodes are called.
	Pursuits []peer.Pursued
	Names    map[string]string
	Events   []store.LogEvent
	Now      time.Time
}

// Report returns one report with what it lacks and how its delivery stands.
func (d *Desk) Report(ctx context.Context, actor mandate.Actor, id string) (View, error) {
	var v View
	act := d.onReport(actor, mandate.ReportConsult, id)
	act.Purpose = reading(actor)
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		v = View{Now: tx.Now}
		if v.ReportRow, err = tx.Report(id); err != nil {
			return err
		}
		if v.Report, v.Life, err = read(v.ReportRow); err != nil {
			return err
		}
		if v.Form, err = d.form(v.Report.Profile); err != nil {
			return err
		}
		v.Completeness = v.Report.Completeness(v.Form)
		v.Problems = v.Report.Validate(v.Form)
		if err := d.viewTip(tx, &v); err != nil {
			return err
		}
		if v.Recipient != cybertip.Recipient && v.Recipient != "" {
			if _, _, v.StaysHome, err = d.outgoing(tx.Tx, v.Report); err != nil {
				return err
			}
		}
		if err := json.Unmarshal(v.ReportRow.Notice, &v.Notice); err != nil {
			return fmt.Errorf("reading the notice of %s: %w", id, err)
		}
		if v.Questions, err = questionsAbout(tx.Tx, id); err != nil {
			return err
		}
		if v.Feedback, err = tx.SaidAbout(id, d.options.Law); err != nil {
			return err
		}
		if v.Alarms, err = tx.ReportAlarms(id, 20); err != nil {
			return err
		}
		if v.Envelopes, err = tx.EnvelopesAbout(id); err != nil {
			return err
		}
		if v.Pursuits, err = peer.Pursuits(v.Envelopes); err != nil {
			return err
		}
		if v.Names, err = d.options.Post.Titles(tx.Tx, tx.Now); err != nil {
			return err
		}
		if v.Notice != nil {
			v.Words = d.words(v)
		}
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}

func reading(actor mandate.Actor) mandate.Purpose {
	switch {
	case actor.Has(mandate.Auditor):
		return mandate.PurposeAudit
	case actor.Has(mandate.Investigator) && !actor.Has(mandate.Analyst):
		return mandate.PurposeInvestigation
	}
	return mandate.PurposeReporting
}

// Page is a page of the reports.
type Page struct {
	// Reports are those last changed, the latest first; More says that there are
	// earlier ones.
	Reports []store.ReportRow
	More    bool
	// ToInform are reports whose users are to be informed now, the longest due
	// first, and Questions wait for somebody here. Both stand on the first page only.
	ToInform  []store.ReportRow
	Questions []Question
	Now       time.Time
}

// Reports returns a page of about limit reports: more when the last of them
// changed at the same moment as others.
func (d *Desk) Reports(ctx context.Context, actor mandate.Actor, before time.Time, limit int) (p Page, err error) {
	limit = cmp.Or(min(max(limit, 0), 200), 50)
	act := d.act(actor, mandate.ReportConsult, "")
	act.Purpose = reading(actor)
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		p = Page{Now: tx.Now}
		if p.Reports, p.More, err = pageOf(tx, before, limit); err != nil {
			return err
		}
		tx.Note("reports", len(p.Reports))
		if !before.IsZero() {
			return nil
		}
		if p.ToInform, err = tx.ReportsToInform(maxToInform); err != nil {
			return err
		}
		p.Questions, err = waiting(tx.Tx)
		return err
	})
	return p, err
}

// pageOf reads a page of about limit reports. Reports that changed at the same
// moment share a page, because the moment is the cursor of the next one.
func pageOf(tx *ledger.Tx, before time.Time, limit int) (rows []store.ReportRow, more bool, err error) {
	for ask := limit; ; ask *= 2 {
		if rows, err = tx.Reports(before, ask+1); err != nil || len(rows) <= limit {
			return rows, false, err
		}
		for end := limit; end < len(rows); end++ {
			if !rows[end].ChangedAt.Equal(rows[end-1].ChangedAt) {
				return rows[:end], true, nil
			}
		}
		if len(rows) <= ask {
			return rows, false, nil
		}
	}
}
