package reports

import (
	"context"
	"slices"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// maxToInform is how many reports are shown whose users are to be informed.
const maxToInform = 200

// Prepare writes what the user concerned is told, in a person's words where the
// form has none. The node tells nobody: the person sends the sheet through the
// service and then says so ([Desk.Informed]).
//
// Errors: Denied before it is due (Article 12(2)); Invalid without redress;
// Conflict when the user was informed already.
func (d *Desk) Prepare(ctx context.Context, actor mandate.Actor, id string, words report.Words) error {
	return d.inform(ctx, actor, id, func(row store.ReportRow) (report.NoticeEvent, error) {
		r, _, err := read(row)
		if err != nil {
			return report.NoticeEvent{}, err
		}
		profile, err := d.form(r.Profile)
		if err != nil {
			return report.NoticeEvent{}, err
		}
		told := r.Information(profile, words)
		return report.NoticeEvent{Kind: report.TextPrepared, Person: actor.ID, Told: &told}, nil
	})
}

// Informed records that a person sent the user what was prepared.
//
// Errors: Denied before it is due; Conflict when nothing was prepared.
func (d *Desk) Informed(ctx context.Context, actor mandate.Actor, id string) error {
	return d.inform(ctx, actor, id, func(store.ReportRow) (report.NoticeEvent, error) {
		return report.NoticeEvent{Kind: report.UserInformed, Person: actor.ID}, nil
	})
}

// NobodyToInform records why there is no user whom the report concerns.
//
// Errors: Invalid without a reason; Conflict when the notice is closed.
func (d *Desk) NobodyToInform(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.inform(ctx, actor, id, func(store.ReportRow) (report.NoticeEvent, error) {
		return report.NoticeEvent{Kind: report.NobodyToInform, Person: actor.ID, Reason: reason}, problem.TooLong("reason", reason, problem.MaxReason)
	})
}

func (d *Desk) inform(ctx context.Context, actor mandate.Actor, id string, event func(store.ReportRow) (report.NoticeEvent, error)) error {
	act := d.act(actor, mandate.NoticeRecord, id)
	act.Purpose = mandate.PurposeUserInformation
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Report(id)
		if err != nil {
			return err
		}
		happened, err := event(row)
		if err != nil {
			return err
		}
		return d.applyNotice(tx, id, happened)
	})
}

// Sheet returns what was prepared for, or told to, the user concerned.
//
// Errors: NotFound when nothing was prepared.
func (d *Desk) Sheet(ctx context.Context, actor mandate.Actor, id string) (sheet form.Form, notice report.Notice, err error) {
	act := d.onReport(actor, mandate.ReportConsult, id)
	act.Purpose = reading(actor)
	err = d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		if _, notice, err = noticeOf(tx, id); err != nil {
			return err
		}
		if notice.Told == nil {
			return store.NotFound("information to the user of", id)
		}
		profile, err := d.form(notice.Told.Profile)
		if err != nil {
			return err
		}
		sheet, err = notice.Told.Sheet(profile)
		return err
	})
	return sheet, notice, err
}

// words are what a person may begin with when the user is to be informed.
func (d *Desk) words(v View) report.Words {
	if v.Notice.Told != nil {
		return v.Notice.Told.Words
	}
	takenBack := slices.ContainsFunc(v.Pursuits, func(p peer.Pursued) bool { return p.Kind != string(mandate.EnvelopeCorrection) })
	return report.Words{FollowUp: v.Report.FollowUp(v.Form, v.Life.State, takenBack), Redress: d.options.Redress}
}
