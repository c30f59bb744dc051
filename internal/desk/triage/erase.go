package triage

import (
	"context"
	"fmt"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Erase ends an item's content for good, with a reason.
func (d *Desk) Erase(ctx context.Context, actor mandate.Actor, id, reason string) error {
	act := d.onItem(actor, mandate.ItemErase, id)
	act.Purpose = mandate.PurposeRetention
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		return d.change(tx, id, item.Event{Kind: item.Erase, Person: actor.ID, Decision: store.NewID("decision"), Reason: reason}, nil)
	})
}

// destroy destroys the key of an erased item.
func (d *Desk) destroy(ctx context.Context, running *job.Running) error {
	var at reference
	if err := running.Payload(&at); err != nil {
		return err
	}
	if err := d.options.Content.Erase(ctx, at.Item); err != nil {
		return fmt.Errorf("erasing item %s: %w", at.Item, err)
	}
	return nil
}
