package reports

import (
	"cmp"
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
)

// Answers are what only a person can fill in.
type Answers struct {
	Urgent       *bool
	Removed      *bool
	ThirdCountry report.ThirdCountry
	UserDecision report.UserDecision
	Details      string
	Extra        string
}

// Amend changes what people have to answer. A report that waits for a second
// person goes back to being a draft, with the reason.
func (d *Desk) Amend(ctx context.Context, actor mandate.Actor, id string, a Answers, reason string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportAmend, id), func(tx *ledger.Tx) error {
		return d.change(tx, id, func(r *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			if l.State != report.Draft {
				next, effects, err := l.Apply(report.Event{Kind: report.Amend, Person: actor.ID, Decision: tx.EventID(), Reason: reason}, tx.Now)
				if err != nil {
					return l, nil, err
				}
				a.into(r)
				return next, effects, nil
			}
			a.into(r)
			return l, nil, nil
		})
	})
}

func (a Answers) into(r *report.Report) {
	r.Form.Urgent, r.Form.Removed, r.Form.ThirdCountry, r.Form.UserDecision = a.Urgent, a.Removed, a.ThirdCountry, a.UserDecision
	r.Form.Awareness.Details = cmp.Or(a.Details, r.Form.Awareness.Details)
	r.Form.Extra = nil
	if a.Extra != "" {
		r.Form.Extra = []report.Entry{{Nature: report.Assessment, Name: "note of the reviewer", Text: a.Extra}}
	}
	r.Form.IssuedAt, r.Form.Signature = time.Time{}, report.Signature{}
}
