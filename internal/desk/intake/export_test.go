package intake

import (
	"context"

	"github.com/brdoproject/brdo/internal/keyring"
)

// SetStep makes the steps of long jobs smaller.
func (d *Desk) SetStep(items int) { d.perStep = items }

// CompareSteps makes a number of steps of a comparison, as a process does that is
// killed then.
func (d *Desk) CompareSteps(ctx context.Context, list string, steps int) error {
	var r round
	for range steps {
		if _, err := d.compareStep(ctx, list, &r); err != nil {
			return err
		}
	}
	return nil
}

// LogForgotten is the first half of forgetting content, as by a process that dies then.
func (d *Desk) LogForgotten(ctx context.Context, id string) error {
	return d.logForgotten(ctx, keyring.Unsettled{ItemID: id, SealedAt: d.ledger.Now()})
}
