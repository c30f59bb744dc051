package reports

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// noticeJob strikes when the user concerned by a report is to be informed.
const noticeJob = "report.notice"

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(noticeJob, d.strike)
	runner.Handle(reminderJob, d.remind)
	runner.Handle(cyberTipJob, d.transmit)
}

// startNotice starts the clock of Article 12(2) at the date of the report.
func (d *Desk) startNotice(tx *ledger.Tx, row *store.ReportRow, r report.Report, form *law.ReportForm) error {
	notice := report.NewNotice(r.Form.IssuedAt, form.Clocks)
	why := ""
	switch {
	case r.Control.CyberTip != nil:
		why = "the report went to the CyberTipline: Article 12(2) speaks of reports to the Centre"
	case !r.NamesUser():
		why = "the report names no user"
	}
	if why != "" {
		closed, _, err := notice.Apply(report.NoticeEvent{Kind: report.NobodyToInform, Person: "node", Reason: why}, tx.Now)
		if err != nil {
			return err
		}
		notice = closed
	}
	return d.writeNotice(tx, row, notice)
}

func (d *Desk) writeNotice(tx *ledger.Tx, row *store.ReportRow, notice report.Notice) error {
	text, err := json.Marshal(notice)
	if err != nil {
		return fmt.Errorf("writing the notice of %s: %w", row.ID, err)
	}
	row.Notice, row.NoticeState = text, string(notice.State)
	at, runs := notice.Next()
	row.NoticeDue = at
	if !runs {
		return nil
	}
	tx.Note("user_notice_at", at)
	return job.Strike(tx.Tx, tx.Now, job.New{Kind: noticeJob, Payload: row.ID}, row.ID, at)
}

// strike makes the notice due: from then on a person has to inform the user.
func (d *Desk) strike(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	act := ledger.Act{
		Actor:  d.options.Ledger.Itself(),
		Action: mandate.NoticeRecord, Purpose: mandate.PurposeUserInformation, Resource: access.Resource{ID: id},
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		// A clock that a hold has overtaken may strike after the notice is closed.
		if err := d.applyOpenNotice(tx, id, report.NoticeEvent{Kind: report.ClockStruck}); err != nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// applyOpenNotice applies an event to a notice that is still to be given.
func (d *Desk) applyOpenNotice(tx *ledger.Tx, id string, event report.NoticeEvent) error {
	_, notice, err := noticeOf(tx, id)
	if err != nil || notice.State != report.NoticePending && notice.State != report.NoticeHeld {
		return err
	}
	return d.applyNotice(tx, id, event)
}

// noticeOf reads a report with the state of its user notice.
//
// Errors: Conflict when the report was not taken in by the Centre, so that there
// is nothing to inform of.
func noticeOf(tx *ledger.Tx, id string) (store.ReportRow, report.Notice, error) {
	row, err := tx.Report(id)
	if err != nil {
		return row, report.Notice{}, err
	}
	var notice *report.Notice
	if err := json.Unmarshal(row.Notice, &notice); err != nil {
		return row, report.Notice{}, fmt.Errorf("reading the notice of %s: %w", id, err)
	}
	if notice == nil {
		return row, report.Notice{}, problem.New(problem.Conflict, "the report was not taken in yet, so the clock of the user's notice does not run", "wait for the Centre's receipt")
	}
	return row, *notice, nil
}

func (d *Desk) applyNotice(tx *ledger.Tx, id string, event report.NoticeEvent) error {
	row, notice, err := noticeOf(tx, id)
	if err != nil {
		return err
	}
	next, _, err := notice.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	tx.Note("notice", next.State)
	if err := d.writeNotice(tx, &row, next); err != nil {
		return err
	}
	return tx.UpdateReport(row)
}

// Hold records a competent authority's request not to inform the user yet.
func (d *Desk) Hold(ctx context.Context, actor mandate.Actor, id string, hold report.Hold) error {
	act := d.act(actor, mandate.NoticeHold, id)
	act.Purpose = mandate.PurposeUserInformation
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		return d.applyNotice(tx, id, report.NoticeEvent{Kind: report.HoldReceived, Hold: hold, Person: actor.ID})
	})
}

// takeHold takes in an authority's request, passed on by the Centre, not to
// inform the user of a report yet (Article 48(6) and (7)).
func (d *Desk) takeHold(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	request, err := peer.ReadMessage[struct {
		Report string      `json:"report"`
		Hold   report.Hold `json:"hold"`
	}](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	row, err := tx.Report(request.Report)
	if problem.Is(err, problem.NotFound) || err == nil && row.Recipient != from.NodeID {
		return nil, problem.InvalidField("message.report", "no such report was sent to the node that asks", "name a report that this node sent")
	}
	if err != nil {
		return nil, err
	}
	tx.Note("report", row.ID)
	err = d.applyNotice(tx, row.ID, report.NoticeEvent{Kind: report.HoldReceived, Hold: request.Hold})
	if problem.Is(err, problem.Conflict) {
		// The user was informed before the request came: whoever asks must hear it.
		known := problem.From(err)
		return nil, problem.InvalidField("message.hold", known.Reason, known.Remedy)
	}
	return nil, err
}
