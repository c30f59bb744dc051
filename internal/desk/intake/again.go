package intake

import (
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// uploadedAgain puts a sighting before people when an order removed exactly this
// item here. Nobody is told of it before a person decides.
func uploadedAgain(tx *ledger.Tx, sighting item.Sighting, sha256 string) error {
	removed, err := tx.RemovedByOrder(sha256)
	if err != nil {
		return err
	}
	for _, row := range removed {
		if err := tx.InsertOrderUpload(store.OrderUpload{
			ID: store.NewID("upload"), OrderID: row.ID, SightingID: sighting.ID, URL: sighting.Context.URL, State: store.UploadOpen, At: tx.Now,
		}); err != nil {
			return err
		}
		if err := tx.Ask(row.ID, "what this order removed was uploaded again: tell the authority, or record why not"); err != nil {
			return err
		}
	}
	if len(removed) > 0 {
		tx.Note("removed_by_order", len(removed))
	}
	return nil
}
