package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Erasure is whether what a report says was erased here, or may be.
type Erasure struct {
	// Done is the decision; nil while nothing was erased.
	Done *store.Erasure
	// Asked is when its sender asked to erase it; zero when nobody did.
	Asked time.Time
	// Bars say why it may not be erased now; none when it may.
	Bars []string
	// requests are the envelopes that asked for it.
	requests []store.EnvelopeIn
}

// over are the states of an order in which nobody needs what it rests on.
var over = []order.State{order.Refused, order.Ended, order.Withdrawn, order.Restored, order.NotRestored}

// erasure finds out about the erasure of a report that came in an envelope.
// barred is why its state forbids it.
func erasure(tx *store.Tx, subject string, came peer.Origin, r report.Report, barred string, now time.Time) (e Erasure, err error) {
	if e.Done, err = tx.ErasureOf(subject); err != nil || e.Done != nil {
		return e, err
	}
	referring, err := tx.EnvelopesInReferring(came.Source, came.ID)
	if err != nil {
		return e, err
	}
	for _, row := range referring {
		if row.Kind == string(mandate.EnvelopeErasure) && row.Status != string(peer.Rejected) {
			e.Asked, e.requests = row.ReceivedAt, append(e.requests, row)
		}
	}
	if barred != "" {
		e.Bars = append(e.Bars, barred)
	}
	check, err := tx.LookForHolds(now, filesOf(r)...)
	if err != nil {
		return e, err
	}
	for _, h := range check.Holds {
		if h.Kind == hold.NoRemove {
			last := h.Requests[len(h.Requests)-1]
			e.Bars = append(e.Bars, fmt.Sprintf("%s asked that the material stays until %s (%s)", last.Requester, h.Until().Format(time.DateOnly), last.LegalBasis))
		}
	}
	drafted, err := tx.OrdersDraftedFrom(subject)
	for _, o := range drafted {
		if !slices.Contains(over, order.State(o.State)) {
			e.Bars = append(e.Bars, "an order that was requested because of it has not ended")
			break
		}
	}
	return e, err
}

// Erase is a supervisor's decision, at the Centre, to erase what a report says,
// because whoever sent it asked for that. Its skeleton, the decisions about it and
// the log remain.
//
// Errors: Denied; NotFound; Invalid without a reason; Conflict when nobody asked
// for it, when something forbids it, or when it was erased before.
func (d *Desk) Erase(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.erase(ctx, actor, id, reason, func(tx *ledger.Tx) error {
		received, err := tx.ReceivedReport(id)
		if err != nil {
			return err
		}
		_, m, err := matterOf(tx.Tx, id)
		if err != nil {
			return err
		}
		r, err := report.Parse(received.Body)
		if err != nil {
			return err
		}
		came := peer.Origin{Source: received.Sender, ID: received.Envelope}
		if err := d.mayErase(tx, id, came, r, m.BarsErasure()); err != nil {
			return err
		}
		left, err := r.Skeleton().Marshal()
		if err != nil {
			return err
		}
		if err := tx.SetReceivedBody(id, left); err != nil {
			return err
		}
		return tx.BlankEnvelopesIn(received.Sender, received.Reference)
	})
}

// EraseReferral is the same at an authority, about a report that was offered to
// it.
//
// Errors: as [Desk.Erase].
func (d *Desk) EraseReferral(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.erase(ctx, actor, id, reason, func(tx *ledger.Tx) error {
		row, err := tx.Referral(id)
		if err != nil {
			return err
		}
		v, err := d.referral(row)
		if err != nil {
			return err
		}
		if err := d.mayErase(tx, id, peer.Origin{Source: row.Centre, ID: row.Envelope}, v.Report, v.Value.BarsErasure()); err != nil {
			return err
		}
		left, err := v.Report.Skeleton().Marshal()
		if err != nil {
			return err
		}
		v.Offer.Report, v.Offer.Evidence, v.Offer.Additions = left, nil, nil
		if row.Offer, err = written("an offer", v.Offer); err != nil {
			return err
		}
		row.ChangedAt = tx.Now
		if err := tx.UpdateReferral(row); err != nil {
			return err
		}
		return tx.BlankEnvelopesIn(row.Centre, row.Matter)
	})
}

// erase decides, erases by what is given and what was answered to questions, and
// keeps the decision.
func (d *Desk) erase(ctx context.Context, actor mandate.Actor, id, reason string, content func(tx *ledger.Tx) error) error {
	act := ledger.Act{Actor: actor, Action: mandate.ReportErase, Purpose: mandate.PurposeRetention, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := problem.Reason(reason, "say in a sentence why it is erased"); err != nil {
			return err
		}
		if err := content(tx); err != nil {
			return err
		}
		questions, err := questionsAbout(tx.Tx, id)
		if err != nil {
			return err
		}
		for _, q := range questions {
			q.Value.Supplement = nil
			if q.Row.Body, err = written("a question", q.Value); err != nil {
				return err
			}
			if err := tx.UpdateQuestion(q.Row); err != nil {
				return err
			}
		}
		tx.Note("erased", id)
		return tx.InsertErasure(store.Erasure{Subject: id, Person: actor.ID, Reason: reason, Decision: tx.EventID(), At: tx.Now})
	})
}

// mayErase checks that nothing forbids the erasure, and tells whoever asked for
// it that it was done.
func (d *Desk) mayErase(tx *ledger.Tx, id string, came peer.Origin, r report.Report, barred string) error {
	e, err := erasure(tx.Tx, id, came, r, barred, tx.Now)
	switch {
	case err != nil:
		return err
	case e.Done != nil:
		return problem.New(problem.Conflict, "what the report says was erased before", "nothing more is needed")
	case e.Asked.IsZero():
		return problem.New(problem.Conflict, "whoever sent the report did not ask to erase it", "a report is erased here only when its sender asks")
	case len(e.Bars) > 0:
		return problem.New(problem.Conflict, strings.Join(e.Bars, "; "), "erase it once that is over")
	}
	for _, request := range e.requests {
		about := peer.Origin{Source: request.Source, ID: request.ID}
		if peer.Status(request.Status).Next(peer.Accepted, "") == nil {
			if err := d.options.Post.Answer(tx, about, peer.Accepted, ""); err != nil {
				return err
			}
		}
		if err := d.options.Post.Answer(tx, about, peer.Closed, "a person erased what the report says"); err != nil {
			return err
		}
	}
	return nil
}

// notErased refuses what would put content into a report that was erased.
func notErased(tx *store.Tx, subject string) error {
	done, err := tx.ErasureOf(subject)
	if err == nil && done != nil {
		err = problem.InvalidField("message", "the report was erased here", "nothing more is needed")
	}
	return err
}
