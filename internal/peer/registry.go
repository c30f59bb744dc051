package peer

import (
	"context"
	"fmt"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Register puts another organisation's node into the registry, or replaces its
// description.
func (p *Post) Register(ctx context.Context, actor mandate.Actor, node Node) error {
	document, err := node.Document()
	if err != nil {
		return fmt.Errorf("writing a node's description: %w", err)
	}
	act := ledger.Act{Actor: actor, Action: mandate.PeerRegister, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: node.NodeID}}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if _, err := ParseNode(document); err != nil {
			return err
		}
		tx.Note("kind", node.Organisation)
		tx.Note("description", Digest(document))
		return tx.PutPeer(store.Peer{ID: node.NodeID, Document: document, State: store.PeerActive, RegisteredAt: tx.Now})
	})
}

// Peers lists the registered nodes and the envelopes that wait for a receipt.
func (p *Post) Peers(ctx context.Context, actor mandate.Actor) (nodes []Node, waiting []store.EnvelopeOut, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.EnvelopeConsult, Purpose: mandate.PurposeAdministration}
	err = p.ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		rows, err := tx.Peers()
		if err != nil {
			return err
		}
		nodes = nodes[:0]
		for _, row := range rows {
			node, err := ParseNode(row.Document)
			if err != nil {
				return err
			}
			nodes = append(nodes, node)
		}
		waiting, err = tx.EnvelopesWaiting(200)
		tx.Note("peers", len(nodes))
		tx.Note("waiting", len(waiting))
		return err
	})
	return nodes, waiting, err
}
