package routing

import (
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// takenBack takes note, at the Centre, that whoever reported recalls a report or
// asks to erase it. From then on nobody is shown what it alone refers to, and it
// is passed on no more; what becomes of it is a person's decision, because
// others may act on it.
func (d *Desk) takenBack(tx *ledger.Tx, from peer.Node, a peer.Amendment) (done peer.Amended, err error) {
	rows, err := tx.ReceivedReportsIn(from.NodeID, a.Original.ID)
	if err != nil {
		return done, err
	}
	for _, row := range rows {
		tx.Note("report", row.ID)
		if err := tx.Alarm(row.ID, said(a)); err != nil {
			return done, err
		}
	}
	return done, nil
}

// said is what a recall, erasure or correction says, for a person.
func said(a peer.Amendment) string {
	return map[mandate.EnvelopeKind]string{
		mandate.EnvelopeRecall: "whoever sent this report takes it back: ", mandate.EnvelopeErasure: "whoever sent this report asks to erase it: ",
		mandate.EnvelopeCorrection: "whoever sent this report corrects it: ",
	}[a.Kind] + a.Reason
}

// shown shows people of an authority what became of a report that was offered
// to it.
func (d *Desk) shown(tx *ledger.Tx, a peer.Amendment) error {
	row, known, err := tx.ReferralIn(a.Original.Source, a.Original.ID)
	if err != nil || !known {
		return err
	}
	tx.Note("referral", row.ID)
	return tx.Alarm(row.ID, said(a))
}

// unlessTakenBack lets a person know, instead of failing, that a clock could not
// pass a report on because its sender took it back.
func (d *Desk) unlessTakenBack(tx *ledger.Tx, received store.ReceivedReport, effect referral.Effect, err error) error {
	if effect.Kind == referral.SendOffer || !problem.Is(err, problem.Conflict) {
		return err
	}
	return tx.Alarm(received.ID, "it is passed on no more: "+problem.From(err).Reason)
}
