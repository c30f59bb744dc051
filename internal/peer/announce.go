package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// NodePath is where a node gives out its description, and takes in those of
// peers whose keys were rotated.
const NodePath = "/peer/v1/node"

// announceJob is the kind of the jobs that tell a peer of rotated keys.
const announceJob = "node.announce"

// announce enqueues telling every peer that does not know the keys of today.
func (p *Post) announce(tx *store.Tx) error {
	if len(p.keys.Self.Rotations) == 0 {
		return nil
	}
	rows, err := tx.Peers()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Announced == p.keys.Self.SigningKey.KeyID {
			continue
		}
		_, err := job.Enqueue(tx, p.ledger.Now(), job.New{Kind: announceJob, Payload: row.ID, UniqueKey: row.ID, Priority: job.PriorityUrgent, Attempts: pursueAttempts})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Post) announceTo(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var to Node
	err := p.ledger.Peek(ctx, func(tx *store.Tx) (err error) { to, err = p.node(tx, id, p.ledger.Now()); return err })
	if err != nil {
		return fmt.Errorf("announcing the keys to %s: %w", id, err)
	}
	text, err := p.keys.Self.Document()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(to.URL, "/")+NodePath, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("preparing the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.plain.Do(request) // the chain of rotations is signed itself
	if err != nil {
		return problem.New(problem.Unavailable, "the peer cannot be reached", "it is tried again").Because(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("announcing the keys to %s: %w", id, refusedWith(response))
	}
	act := p.watchAct(id)
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		tx.Note("announced", p.keys.Self.SigningKey.KeyID)
		return errors.Join(running.Complete(tx.Tx), tx.SetAnnounced(id, p.keys.Self.SigningKey.KeyID))
	})
}

// NodeHandler takes in the description of a known peer whose keys were rotated.
// Nobody is believed but who holds the key that is replaced: the chain of
// rotations must go on from the one that is known. Only the keys change by it.
func (p *Post) NodeHandler(problems func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
		if err != nil {
			problems(w, r, problem.InvalidField("peer", "the description broke off or is larger than 32 KiB", "send it again").Because(err))
			return
		}
		if err := p.takeRotation(r.Context(), text); err != nil {
			problems(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

var errNotGoingOn = problem.New(problem.Denied, "the keys do not go on from those that are known here", "the operators compare the node's description by another channel")

// goesOn reports whether a description has the keys that follow those of another
// one of the same node.
func goesOn(told, known Node) bool {
	return told.Extends(known.Public) && told.Name == known.Name && told.Organisation == known.Organisation && told.LogVerifier == known.LogVerifier
}

func (p *Post) takeRotation(ctx context.Context, text []byte) error {
	told, err := ParseNode(text)
	if err != nil {
		return err // of a stranger's text nothing is kept, not even that it came
	}
	var known Node
	err = p.ledger.Peek(ctx, func(tx *store.Tx) (err error) { known, err = p.node(tx, told.NodeID, p.ledger.Now()); return err })
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.Denied, "this node is not in this node's registry", "ask the organisation to register your node")
	}
	if known.NodeID == "" {
		return err
	}
	// Nobody is authenticated here: only what the holder of the replaced key has
	// signed, and is new, may leave an event in that node's name.
	switch {
	case !goesOn(told, known):
		return errNotGoingOn
	case known.Extends(told.Public):
		return nil
	}
	act := p.act(known, Envelope{}, mandate.EnvelopeReceive)
	act.Resource = access.Resource{ID: known.NodeID, Kind: mandate.EnvelopeCorrection}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		row, err := tx.Peer(told.NodeID)
		if err != nil {
			return err
		}
		if err := standing(row, tx.Now); err != nil {
			return err
		}
		now, err := ParseNode(row.Document)
		if err != nil {
			return err
		}
		if !goesOn(told, now) {
			return errNotGoingOn // another announcement was faster
		}
		tx.Note("keys_rotated_to", told.SigningKey.KeyID)
		now.Public = told.Public
		if row.Document, err = now.Document(); err != nil {
			return err
		}
		return tx.PutPeer(row)
	})
}
