package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Range is a range of numbers of envelopes, both ends included.
type Range struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

const (
	// maxRanges is how many missing ranges a receipt or a request names; the
	// next one names the rest.
	maxRanges = 16
	// maxAgain is how many envelopes one receipt or request brings about.
	maxAgain = 200
)

// replayJob is the kind of the jobs that send an answered envelope again.
const replayJob = "envelope.replay"

// noteSequence keeps account of the numbers of a peer's envelopes and returns
// the ranges that are missing.
func noteSequence(tx *ledger.Tx, from Node, sequence int64) ([]Range, error) {
	said, value, err := countIn(tx.Tx, from.NodeID, sequence, tx.Now)
	if err != nil {
		return nil, err
	}
	if said != "" {
		tx.Note(said, value)
	}
	return missing(tx.Tx, from.NodeID)
}

// countIn counts a number in and returns what the log has to say of it.
func countIn(tx *store.Tx, peer string, sequence int64, now time.Time) (said string, value int64, err error) {
	before, err := tx.SeeSequence(peer, sequence)
	if err != nil {
		return "", 0, err
	}
	if sequence > before+1 {
		// The earlier ones are still on their way, or were lost.
		return "sequence_gap_after", before, tx.InsertGap(store.Gap{Peer: peer, First: before + 1, Last: sequence - 1, Since: now})
	}
	if sequence <= before {
		missed, err := tx.FillGap(peer, sequence)
		if err != nil || missed {
			return "", 0, err
		}
		// Two envelopes of one number: the sender counts from an old copy of its
		// rows. Refusing would lose what it says, so it is taken in, and said.
		return "sequence_used_twice", sequence, nil
	}
	return "", 0, nil
}

func missing(tx *store.Tx, peer string) ([]Range, error) {
	gaps, err := tx.Gaps(peer, maxRanges)
	if err != nil {
		return nil, err
	}
	var ranges []Range
	for _, gap := range gaps {
		ranges = append(ranges, Range{gap.First, gap.Last})
	}
	return ranges, nil
}

// sendAgain sends to a peer what it said at a time of its clock that it was
// missing. It gets nothing but what was addressed to it, and what this node never
// sent is noted. What it has receipted since is not missing any more: without
// that, old receipts that come again would ask for each other without end.
func (p *Post) sendAgain(tx *ledger.Tx, to Node, ranges []Range, said time.Time) error {
	if len(ranges) == 0 {
		return nil
	}
	row, err := tx.Peer(to.NodeID)
	if err != nil {
		return err
	}
	again, left := int64(0), maxAgain
	for _, r := range ranges[:min(len(ranges), maxRanges)] {
		if r.First < 1 || r.Last < r.First || r.Last > row.SentSequence {
			tx.Note("missing_never_sent", fmt.Sprintf("%d to %d", r.First, r.Last))
		}
		sent, looked, err := p.sendRangeAgain(tx, to, r, said, left)
		if err != nil {
			return err
		}
		again, left = again+sent, left-looked
	}
	tx.Note("sent_again", again)
	return nil
}

// soon is how near the next attempt of an envelope may be so that it is left
// there: a busy recipient may have asked for that pause, and asks for no longer one.
const soon = 75 * time.Second

// sendRangeAgain sends again what a peer misses of one range, looking at no more
// than a number of envelopes that it receipted before or that were given up. What
// waits for its first receipt has a job, and of a long backlog every receipt
// names the rest as missing: so that must cost one statement, not one each.
func (p *Post) sendRangeAgain(tx *ledger.Tx, to Node, r Range, said time.Time, limit int) (again int64, looked int, err error) {
	if again, err = tx.HastenDeliveries(deliverJob, to.NodeID, r.First, r.Last, tx.Now, soon); err != nil {
		return 0, 0, err
	}
	left, err := tx.EnvelopesGivenUp(deliverJob, to.NodeID, r.First, r.Last, limit)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range left {
		again++
		if err := p.enqueueAgain(tx, deliverJob, id); err != nil {
			return 0, 0, err
		}
	}
	answered, err := tx.ReceiptsInRange(to.NodeID, r.First, r.Last, limit-len(left))
	if err != nil {
		return 0, 0, err
	}
	for _, one := range answered {
		if receiptedAfter(one.Receipt, said) {
			continue
		}
		again++
		if err := p.enqueueAgain(tx, replayJob, one.ID); err != nil {
			return 0, 0, err
		}
	}
	return again, len(left) + len(answered), nil
}

// receiptedAfter reports whether a receipt, which was verified before it was
// stored, was signed after a time of its signer's clock.
func receiptedAfter(text string, said time.Time) bool {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return false
	}
	var receipt Receipt
	err = json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &receipt)
	return err == nil && receipt.At.After(said)
}

func (p *Post) enqueueAgain(tx *ledger.Tx, kind, id string) error {
	found, err := tx.HastenJob(kind, id, tx.Now, soon)
	if err != nil || found {
		return err
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: kind, Payload: id, UniqueKey: id, Priority: job.PriorityNormal, Attempts: deliverAttempts})
	return err
}

// replay sends an envelope again whose receipt came long ago, because the
// recipient says that it has lost it. The desk is not told twice.
func (p *Post) replay(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	sent, to, err := p.outgoing(ctx, id, running.Now())
	if err != nil {
		return err
	}
	_, receipt, err := p.exchange(ctx, sent, to)
	if err != nil {
		return p.failed(ctx, sent, running.Now(), fmt.Errorf("sending envelope %s to %s again: %w", id, to.NodeID, err))
	}
	act, err := p.deliveryAct(sent)
	if err != nil {
		return err
	}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := running.Complete(tx.Tx); err != nil {
			return err
		}
		tx.Note("recipient", to.NodeID)
		tx.Note("again", true)
		tx.Note("status", receipt.Status)
		return p.sendAgain(tx, to, receipt.Missing, receipt.At)
	})
}

// replayRequest is the message of an envelope that asks for what is missing.
type replayRequest struct {
	Missing []Range `json:"missing"`
}

// askAgain sends a peer a request for the numbers that are missing.
func (p *Post) askAgain(tx *ledger.Tx, peer string, ranges []Range) error {
	_, err := p.Send(tx, Message{
		Recipient: peer, Kind: mandate.EnvelopeReceipt, Type: replayType, Schema: "replay-1", Subject: "replay", Purpose: mandate.PurposeReporting,
		LegalBasis: "receipt", Priority: Urgent, Body: replayRequest{ranges},
	})
	return errors.Join(err, tx.AskedForGaps(peer, tx.Now))
}

func (p *Post) takeReplay(tx *ledger.Tx, from Node, opened Opened) (any, error) {
	var request replayRequest
	if err := json.Unmarshal(opened.Message, &request); err != nil {
		return nil, unreadable("message", err)
	}
	if len(request.Missing) == 0 || len(request.Missing) > maxRanges {
		return nil, problem.InvalidField("message.missing", fmt.Sprintf("it names none or more than %d ranges", maxRanges), "ask for the rest later")
	}
	row, err := tx.Peer(from.NodeID)
	if err != nil {
		return nil, err
	}
	return map[string]int64{"sent": row.SentSequence}, p.sendAgain(tx, from, request.Missing, opened.Time)
}
