package reports

import (
	"context"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
)

// TakeBack recalls a report that was delivered, or asks everybody who has it to
// erase it. It is pursued until all have receipted. It changes nothing of what
// people here decided, nor of the user's notice. A report to the CyberTipline is retracted
// there before it is finished, and withdrawn here; after that nothing can be done from here.
//
// Errors: Denied; Invalid without a reason; Conflict when the report was not
// delivered, was taken back before in the same way, or was finished at the CyberTipline.
func (d *Desk) TakeBack(ctx context.Context, actor mandate.Actor, id string, erase bool, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportRecall, id), func(tx *ledger.Tx) error {
		row, err := tx.Report(id)
		if err != nil {
			return err
		}
		_, l, err := read(row)
		if err != nil {
			return err
		}
		if row.Recipient == cybertip.Recipient {
			return d.takeTipBack(tx, actor, id, l, reason)
		}
		if !l.State.WithReceiver() {
			return problem.Newf(problem.Conflict, "the report is %s, and not with the Centre", l.State)
		}
		kind := mandate.EnvelopeRecall
		if erase {
			kind = mandate.EnvelopeErasure
		}
		before, err := tx.EnvelopesReferring(row.Envelope)
		if err != nil {
			return err
		}
		for _, sent := range before {
			if sent.Kind == string(kind) {
				return problem.New(problem.Conflict, "this was asked before", "see how far it has come")
			}
		}
		_, err = d.options.Post.Pursue(tx, peer.Pursuit{Kind: kind, Originals: []string{row.Envelope}, Reason: reason, LegalBasis: "Directive (EU) 2016/680 Articles 7(3) and 16"})
		return err
	})
}
