package reports

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
)

// Submit is the author's decision that the report shall go out, in exactly this
// form. Where the profile asks for a second person the report waits for one;
// otherwise it is sent.
func (d *Desk) Submit(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportSend, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			if r.Control.CyberTip != nil {
				if err := lookAgain(tx.Tx, r); err != nil {
					return l, nil, err
				}
			}
			r.Form.IssuedAt = tx.Now.Truncate(time.Second)
			r.Form.Signature = report.Signature{KeyID: d.options.Post.Self().NodeID, Method: "JWS EdDSA (RFC 7515, RFC 8037)"}
			_, digest, _, err := d.outgoing(tx.Tx, *r)
			if err != nil {
				return l, nil, err
			}
			tx.Note("digest", digest)
			return l.Apply(report.Event{
				Kind: report.Submit, Person: actor.ID, Decision: tx.EventID(), Digest: digest,
				// What was finished at the CyberTipline cannot be taken back from here.
				SecondPerson: r.Control.CyberTip != nil || d.options.Review.ReportSecondPerson.Requires(r.NamesPerson()),
			}, tx.Now)
		})
	})
}

// Approve is the second person's decision; the report is sent by it.
func (d *Desk) Approve(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportApprove, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			_, digest, _, err := d.outgoing(tx.Tx, *r)
			if err != nil {
				return l, nil, err
			}
			return l.Apply(report.Event{Kind: report.Approve, Person: actor.ID, Decision: tx.EventID(), Digest: digest}, tx.Now)
		})
	})
}

// Return sends a report back to its author with a reason.
func (d *Desk) Return(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.step(ctx, actor, mandate.ReportApprove, id, report.Event{Kind: report.Return, Reason: reason})
}

// Withdraw takes a report back before it is sent; its sightings can be reported
// anew.
func (d *Desk) Withdraw(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAmend, id), func(tx *ledger.Tx) error {
		if err := tx.ReleaseSightings(id); err != nil {
			return err
		}
		return d.change(tx, id, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			return l.Apply(report.Event{Kind: report.Withdraw, Person: actor.ID, Decision: tx.EventID(), Reason: reason}, tx.Now)
		})
	})
}

func (d *Desk) step(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, event report.Event) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, action, id), func(tx *ledger.Tx) error {
		event.Person, event.Decision = actor.ID, tx.EventID()
		return d.change(tx, id, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			return l.Apply(event, tx.Now)
		})
	})
}
