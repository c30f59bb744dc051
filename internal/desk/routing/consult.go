package routing

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Matter is a report at the Centre, as its people see it.
type Matter struct {
	Row   store.ReceivedReport
	Value referral.Matter
	// Report is as it was signed; Missing is what it lacks with the answers to
	// Questions, and Lacking what can be asked for of that.
	Report    report.Report
	Form      *law.ReportForm
	Missing   report.Completeness
	Questions []Question
	Lacking   []law.Field
	Feedback  []store.Said
	Rules     *law.Routing
	Evidence  []referral.Evidence
	Likely    []referral.Likely
	// Authorities are whom it can be offered to.
	Authorities []peer.Node
	// Names are the names of the nodes concerned, by their ids.
	Names     map[string]string
	Files     []File
	Alarms    []store.ReportAlarm
	Envelopes []store.EnvelopeOut
	// Pursuits are what was sent to correct it or to take it back.
	Pursuits []peer.Pursued
	Erasure  Erasure
	Events   []store.LogEvent
	Now      time.Time
}

// Line is one line of an overview.
type Line struct {
	ID, State, Sender, Reference string
	Urgent                       bool
	Completeness                 int
	Until, ReceivedAt            time.Time
}

// Overview is what lies before the Centre, by state.
type Overview struct {
	// Lines are those that wait for somebody here, the most pressing first.
	Lines []Line
	// Figures are how much stands in each state.
	Figures map[string]store.MatterFigure
	Now     time.Time
}

// waiting are the states in which a person of the Centre has to act, the most
// pressing first.
var waiting = []referral.State{referral.Held, referral.AwaitingSecond, referral.Received, referral.Assessed, referral.Offered, referral.Claimed}

func assessing(actor mandate.Actor, id string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.ReportConsult, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	return act
}

// Overview returns what lies before the Centre.
func (d *Desk) Overview(ctx context.Context, actor mandate.Actor) (o Overview, err error) {
	err = d.options.Ledger.Read(ctx, assessing(actor, ""), func(tx *ledger.Tx) error {
		o = Overview{Now: tx.Now}
		if o.Figures, err = tx.MatterFigures(tx.Now); err != nil {
			return err
		}
		for _, urgent := range []bool{true, false} {
			for _, state := range waiting {
				rows, err := tx.Matters(string(state), 100)
				if err != nil {
					return err
				}
				for _, row := range rows {
					if row.Urgent != urgent {
						continue
					}
					received, err := tx.ReceivedReport(row.ID)
					if err != nil {
						return err
					}
					o.Lines = append(o.Lines, Line{
						ID: row.ID, State: row.State, Sender: received.SenderName, Reference: received.Reference, Urgent: row.Urgent,
						Completeness: received.CompletenessNow, Until: row.Until, ReceivedAt: received.ReceivedAt,
					})
				}
			}
		}
		slices.SortStableFunc(o.Lines, pressing)
		tx.Note("reports", len(o.Lines))
		return nil
	})
	return o, err
}

// pressing orders lines: those that have no clock last, because others act on
// them; before them the urgent ones first, then by when their clock strikes.
func pressing(a, b Line) int {
	switch {
	case a.Until.IsZero() != b.Until.IsZero():
		if b.Until.IsZero() {
			return -1
		}
		return 1
	case a.Urgent != b.Urgent:
		if a.Urgent {
			return -1
		}
		return 1
	}
	return a.Until.Compare(b.Until)
}

// Matter returns one report at the Centre, with what points to States.
func (d *Desk) Matter(ctx context.Context, actor mandate.Actor, id string) (v Matter, err error) {
	err = d.options.Ledger.Read(ctx, assessing(actor, id), func(tx *ledger.Tx) error {
		v = Matter{Now: tx.Now}
		if v.Row, err = tx.ReceivedReport(id); err != nil {
			return err
		}
		if _, v.Value, err = matterOf(tx.Tx, id); err != nil {
			return err
		}
		if v.Report, err = report.Parse(v.Row.Body); err != nil {
			return err
		}
		if v.Form, err = d.options.Law.ReportForm(v.Report.Profile); err != nil {
			return err
		}
		if v.Questions, err = questionsAbout(tx.Tx, id); err != nil {
			return err
		}
		whole := v.Report.WithAnswers(valuesOf(v.Questions))
		v.Missing, v.Lacking = whole.Completeness(v.Form), whole.Lacking(v.Form)
		if v.Rules, err = d.rules(v.Value.Profile); err != nil {
			return err
		}
		if v.Feedback, err = tx.SaidAbout(id, d.options.Law); err != nil {
			return err
		}
		v.Evidence = d.options.Places.evidence(whole)
		if v.Likely, err = referral.Jurisdiction(v.Rules, v.Evidence); err != nil {
			return err
		}
		if v.Authorities, err = d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Authority); err != nil {
			return err
		}
		if v.Names, err = d.options.Post.Titles(tx.Tx, tx.Now); err != nil {
			return err
		}
		if v.Files, err = files(tx.Tx, id); err != nil {
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
		came := peer.Origin{Source: v.Row.Sender, ID: v.Row.Envelope}
		if v.Erasure, err = erasure(tx.Tx, id, came, v.Report, v.Value.BarsErasure(), tx.Now); err != nil {
			return err
		}
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}

// Referral is a report at an authority, as its people see it.
type Referral struct {
	Row    store.ReferralRow
	Value  referral.Referral
	Offer  Offer
	Report report.Report
	Form   *law.ReportForm
	Names  map[string]string
	Self   string
	Alarms []store.ReportAlarm
	// Findings are the latest of this authority and of others that it knows of,
	// by item.
	Findings map[string][]store.FindingRow
	// Answers are those that the reporter gave to questions about it, Questions what
	// this authority asked through the Centre, and Lacking what can be asked for of
	// what is missing.
	Answers, Questions []Question
	Lacking            []law.Field
	Feedback           []store.Said
	Rules              *law.Routing
	Files              []File
	Envelopes          []store.EnvelopeOut
	Erasure            Erasure
	Events             []store.LogEvent
	Now                time.Time
}

// Assessable says that this authority may record findings about the items.
func (r Referral) Assessable() bool { return slices.Contains(afterClaim, r.Value.Standing) }

func investigating(actor mandate.Actor, id string) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.ReportConsult, Purpose: mandate.PurposeInvestigation, Resource: access.Resource{ID: id}}
	switch {
	case actor.Has(mandate.Auditor):
		act.Purpose = mandate.PurposeAudit
	case !actor.Has(mandate.Investigator):
		act.Purpose = mandate.PurposeAssessment
	}
	return act
}

// Referrals returns the reports that were offered here, those that wait first.
func (d *Desk) Referrals(ctx context.Context, actor mandate.Actor) (all []Referral, err error) {
	err = d.options.Ledger.Read(ctx, investigating(actor, ""), func(tx *ledger.Tx) error {
		rows, err := tx.Referrals(200)
		if err != nil {
			return err
		}
		all = all[:0]
		for _, row := range rows {
			v, err := d.referral(row)
			if err != nil {
				return err
			}
			v.Now = tx.Now
			all = append(all, v)
		}
		tx.Note("reports", len(all))
		return nil
	})
	return all, err
}

func (d *Desk) referral(row store.ReferralRow) (v Referral, err error) {
	v.Row = row
	if v.Value, err = read[referral.Referral]("referral", row.ID, row.Body); err != nil {
		return v, err
	}
	if v.Offer, err = read[Offer]("the offer of", row.ID, row.Offer); err != nil {
		return v, err
	}
	if v.Report, err = report.Parse(v.Offer.Report); err != nil {
		return v, err
	}
	v.Form, err = d.options.Law.ReportForm(v.Report.Profile)
	return v, err
}

// Referral returns one report that was offered here.
func (d *Desk) Referral(ctx context.Context, actor mandate.Actor, id string) (v Referral, err error) {
	err = d.options.Ledger.Read(ctx, investigating(actor, id), func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		if v, err = d.referral(row); err != nil {
			return err
		}
		v.Now, v.Names, v.Self = tx.Now, map[string]string{}, d.options.Post.Self().NodeID
		maps.Copy(v.Names, v.Value.Titles)
		registered, err := d.options.Post.Titles(tx.Tx, tx.Now)
		if err != nil {
			return err
		}
		maps.Copy(v.Names, registered)
		if v.Files, err = files(tx.Tx, id); err != nil {
			return err
		}
		if v.Alarms, err = tx.ReportAlarms(id, 20); err != nil {
			return err
		}
		if v.Feedback, err = tx.SaidAbout(id, d.options.Law); err != nil {
			return err
		}
		if v.Rules, err = d.rules(v.Value.Profile); err != nil {
			return err
		}
		all, err := questionsAbout(tx.Tx, id)
		if err != nil {
			return err
		}
		for _, q := range all {
			if q.Row.Side == store.QuestionAsked {
				v.Questions = append(v.Questions, q)
			} else {
				v.Answers = append(v.Answers, q)
			}
		}
		v.Lacking = v.Report.WithAnswers(valuesOf(all)).Lacking(v.Form)
		v.Findings = map[string][]store.FindingRow{}
		for _, file := range v.Report.Control.Files {
			if v.Findings[file.Item], err = tx.Findings(file.Item); err != nil {
				return err
			}
		}
		if v.Envelopes, err = tx.EnvelopesAbout(id); err != nil {
			return err
		}
		came := peer.Origin{Source: row.Centre, ID: row.Envelope}
		if v.Erasure, err = erasure(tx.Tx, id, came, v.Report, v.Value.BarsErasure(), tx.Now); err != nil {
			return err
		}
		v.Events, err = tx.LogEventsOf(id, 100)
		return err
	})
	return v, err
}
