package orders

import (
	"time"

	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Copy is an order of which the Centre or another authority was sent a copy, and
// what it heard of it since.
type Copy struct {
	Facts order.Facts `json:"facts"`
	// Addressee is the name of the provider that the order binds.
	Addressee string         `json:"addressee"`
	State     order.State    `json:"state"`
	Standing  order.Standing `json:"standing"`
	// Measure and MeasuredAt are what the addressee did.
	Measure    string    `json:"measure,omitempty"`
	MeasuredAt time.Time `json:"measured_at,omitzero"`
	// Reason is why the order fell, or why it stays so.
	Reason string `json:"reason,omitempty"`
}

func newCopy(facts order.Facts, addressee string, final bool) (Copy, order.Track) {
	c := Copy{Facts: facts, Addressee: addressee, State: order.Issued, Standing: order.Open}
	if final {
		c.Standing = order.Final
	}
	return c, order.Track{Facts: facts, State: c.State, Standing: c.Standing}
}

// copied notes what was heard of an order of which a copy is kept.
func copied(tx *ledger.Tx, row store.OrderRow, event order.Event) error {
	c, err := read[Copy](row)
	if err != nil {
		return err
	}
	switch event.Kind {
	case order.ExecutionReported:
		c.State, c.Measure, c.MeasuredAt = order.Executed, event.Answer.Measure, event.Answer.MeasuredAt
	case order.RestorationProven:
		c.State = order.Restored
	case order.RestorationRefused:
		c.State, c.Reason = order.NotRestored, event.Reason
	case order.Confirm:
		c.Standing = order.Final
	case order.Annul, order.Withdraw:
		if c.Standing == order.Annulled || c.Standing == order.Revoked {
			return nil // somebody sent it twice
		}
		c.State, c.Standing, c.Reason = order.Restoring, order.Annulled, event.Reason
		if event.Kind == order.Withdraw {
			c.Standing = order.Revoked
		}
		if err := tellIndicatorOwners(tx, row.ID); err != nil {
			return err
		}
	case order.ClarificationReceived, order.ExtendNonDisclosure:
		// The document is kept; it changes nothing here.
	default:
		return problem.InvalidField("message.says", "a copy of an order takes no such word", "")
	}
	if err := put(tx, &row, c, order.Track{State: c.State, Standing: c.Standing}); err != nil {
		return err
	}
	tx.Note("order", row.ID)
	return tx.UpdateOrder(row)
}
