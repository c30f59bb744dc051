package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// GrowthPath is where a node proves that its log only grew (RFC 6962, section
// 2.1.2): GET with "sizes", two or more numbers of records, the smallest first.
// The answer is a list of proofs, one from each size to the next. It is public:
// it holds hashes, and tells nothing to who has not the checkpoints.
const GrowthPath = "/peer/v1/log/growth"

const (
	// witnessJob is the kind of the jobs that ask a peer for such proofs.
	witnessJob = "peer.witness"
	// witnessPause is how long checkpoints gather before proofs are asked for: each
	// envelope and each receipt brings one.
	witnessPause = time.Minute
	// maxLinks is how many are proven in one request.
	maxLinks = 100
	// maxProofs is the longest answer in bytes: maxLinks proofs of up to 61 hashes.
	maxProofs = 512 << 10
)

// errProvesNothing: the peer is of a version that gives out no proofs.
var errProvesNothing = errors.New("the peer gives out no proofs of its log")

// witness makes this node look whether a peer's log continues what it kept of it.
func witness(tx *ledger.Tx, peer string) error {
	_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: witnessJob, Payload: peer, UniqueKey: peer, Priority: job.PriorityIdle, RunAt: tx.Now.Add(witnessPause), Attempts: pursueAttempts})
	return err
}

// watchLog asks a peer to prove that its log, as it was shown here since, is one
// log that only grew. What it cannot prove is an alarm: somebody shows this node
// another history than before.
func (p *Post) watchLog(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var of Node
	var chain []store.PeerCheckpoint
	err := p.ledger.Peek(ctx, func(tx *store.Tx) error {
		row, err := tx.Peer(id)
		if err != nil {
			return err
		}
		if of, err = ParseNode(row.Document); err != nil {
			return err
		}
		last, found, err := tx.LinkedCheckpoint(id)
		if err != nil {
			return err
		}
		chain = nil
		if found {
			chain = append(chain, last)
		}
		more, err := tx.UnlinkedCheckpoints(id, maxLinks)
		chain = append(chain, more...)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the checkpoints of %s: %w", id, err)
	}
	if len(chain) < 2 {
		return p.linked(ctx, id, chain, running)
	}
	wrong := p.grew(ctx, of, chain)
	switch {
	case errors.Is(wrong, errProvesNothing):
		return nil // it is asked again when it shows its log again
	case problem.Is(wrong, problem.Unavailable):
		return fmt.Errorf("asking %s to prove its log: %w", id, wrong)
	}
	if err := p.alarm(ctx, id, AlarmLog, wrong != nil); err != nil || wrong != nil {
		return err // as above
	}
	return p.linked(ctx, id, chain, running)
}

// linked notes what was proven. When more waits the job runs again.
func (p *Post) linked(ctx context.Context, id string, chain []store.PeerCheckpoint, running *job.Running) error {
	err := p.store.Write(ctx, func(tx *store.Tx) error {
		for _, c := range chain {
			if err := tx.LinkCheckpoint(id, c, running.Now()); err != nil {
				return err
			}
		}
		if len(chain) > maxLinks {
			return nil
		}
		return running.Complete(tx)
	})
	if err == nil && len(chain) > maxLinks {
		return job.Later(running.Now(), "more checkpoints wait")
	}
	return err
}

// grew returns why a row of checkpoints is not of one log that only grew.
//
// Errors: Unavailable when the peer did not answer; Conflict when it cannot
// prove it.
func (p *Post) grew(ctx context.Context, of Node, chain []store.PeerCheckpoint) error {
	trust, err := translog.NewTrust(of.Name, of.LogVerifier)
	if err != nil {
		return fmt.Errorf("reading the log key of %s: %w", of.NodeID, err)
	}
	var signed []translog.Signed
	var sizes []string
	for i, c := range chain {
		opened, err := translog.Open([]byte(c.Note), trust)
		if err != nil {
			return problem.New(problem.Conflict, "its log has another key than the checkpoints that were kept", "").Because(err)
		}
		if i > 0 && opened.Size == signed[i-1].Size {
			return problem.Newf(problem.Conflict, "there are two different checkpoints of %d records", opened.Size)
		}
		signed, sizes = append(signed, opened), append(sizes, strconv.FormatInt(opened.Size, 10))
	}
	proofs, err := p.fetchGrowth(ctx, of, sizes)
	if err != nil {
		return err
	}
	if len(proofs) != len(signed)-1 {
		return problem.Newf(problem.Conflict, "it gave %d proofs for %d steps", len(proofs), len(signed)-1)
	}
	for i, proof := range proofs {
		earlier, later := signed[i], signed[i+1]
		if err := translog.CheckConsistency(proof, later.Size, later.Root, earlier.Size, earlier.Root); err != nil {
			return problem.Newf(problem.Conflict, "its log of %d records does not continue that of %d", later.Size, earlier.Size).Because(err)
		}
	}
	return nil
}

func (p *Post) fetchGrowth(ctx context.Context, of Node, sizes []string) (proofs [][]translog.Hash, err error) {
	response, text, err := p.get(ctx, of, GrowthPath+"?sizes="+strings.Join(sizes, ","), nil, maxProofs)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed:
		return nil, errProvesNothing
	case response.StatusCode == http.StatusBadRequest || response.StatusCode == http.StatusUnprocessableEntity || response.StatusCode == http.StatusConflict:
		return nil, problem.Newf(problem.Conflict, "it says that it has no such log (%d)", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, problem.Newf(problem.Unavailable, "the peer answered %d", response.StatusCode)
	case len(text) > maxProofs:
		return nil, problem.New(problem.Conflict, "its proofs are longer than proofs can be", "")
	}
	if err := json.Unmarshal(text, &proofs); err != nil {
		return nil, problem.New(problem.Conflict, "its proofs cannot be read", "").Because(err)
	}
	return proofs, nil
}

// GrowthHandler gives out proofs at [GrowthPath].
func (p *Post) GrowthHandler(problems func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sizes, err := parseSizes(r.URL.Query().Get("sizes"))
		var proofs [][]translog.Hash
		if err == nil {
			err = p.ledger.Peek(r.Context(), func(tx *store.Tx) (err error) {
				proofs, err = ledger.ProveGrowth(tx, sizes)
				return err
			})
		}
		if err != nil {
			problems(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(proofs) // who asked is gone
	})
}

// parseSizes reads the sizes of a request.
func parseSizes(text string) ([]int64, error) {
	wrong := problem.InvalidField("sizes", "it is not a row of at least two growing numbers of records", "for example sizes=100,120,190; at most "+strconv.Itoa(maxLinks+1))
	parts := strings.Split(text, ",")
	if len(text) > 20*(maxLinks+1) || len(parts) < 2 || len(parts) > maxLinks+1 {
		return nil, wrong
	}
	var sizes []int64
	for i, part := range parts {
		size, err := strconv.ParseInt(part, 10, 64)
		if err != nil || size < 1 || i > 0 && size <= sizes[i-1] {
			return nil, wrong
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}
