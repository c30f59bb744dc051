package peer

import (
	"context"
	"fmt"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
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
		known, err := tx.Peer(node.NodeID)
		if err != nil && !problem.Is(err, problem.NotFound) {
			return err
		}
		if err == nil && known.State == store.PeerRevoked && known.Origin == store.PeerFromRegistry {
			return standing(known, tx.Now)
		}
		tx.Note("kind", node.Organisation)
		tx.Note("description", Digest(document))
		return tx.PutPeer(store.Peer{ID: node.NodeID, Document: document, State: store.PeerActive, Origin: store.PeerFromOperator, RegisteredAt: tx.Now})
	})
}

// PeerState is a registered node and how the exchange with it stands.
type PeerState struct {
	Node
	// Row is what the registry says of it.
	Row store.Peer
	// Waiting counts the envelopes to it without a receipt.
	Waiting store.Waiting
	// Missing are the numbers of its envelopes that have not arrived.
	Missing []store.Gap
	// Alarms are what a person has to look at.
	Alarms []store.ExchangeAlarm
}

// Peers lists the registered nodes with how the exchange with each stands, and
// the envelopes that wait for a receipt.
func (p *Post) Peers(ctx context.Context, actor mandate.Actor) (nodes []PeerState, waiting []store.EnvelopeOut, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.EnvelopeConsult, Purpose: mandate.PurposeAdministration}
	err = p.ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		if nodes, err = peerStates(tx.Tx); err != nil {
			return err
		}
		waiting, err = tx.EnvelopesWaiting(200)
		tx.Note("peers", len(nodes))
		tx.Note("waiting", len(waiting))
		return err
	})
	return nodes, waiting, err
}

func peerStates(tx *store.Tx) ([]PeerState, error) {
	rows, err := tx.Peers()
	if err != nil {
		return nil, err
	}
	alarms, err := tx.OpenExchangeAlarms()
	if err != nil {
		return nil, err
	}
	var all []PeerState
	for _, row := range rows {
		s := PeerState{Row: row}
		if s.Node, err = ParseNode(row.Document); err != nil {
			return nil, err
		}
		if s.Waiting, err = tx.WaitingFor(row.ID); err != nil {
			return nil, err
		}
		if s.Missing, err = tx.Gaps(row.ID, maxRanges); err != nil {
			return nil, err
		}
		for _, alarm := range alarms {
			if alarm.Peer == row.ID {
				s.Alarms = append(s.Alarms, alarm)
			}
		}
		all = append(all, s)
	}
	return all, nil
}
