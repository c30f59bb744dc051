package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// answered returns the answer to an earlier submission with the same key. The
// same key with other content is a Conflict.
func (d *Desk) answered(ctx context.Context, actor mandate.Actor, s Submission) (Detection, bool, error) {
	if s.IdempotencyKey == "" {
		return Detection{}, false, nil
	}
	var answer store.Answer
	var found bool
	err := d.store.Read(ctx, func(tx *store.Tx) (err error) {
		answer, found, err = tx.Answered(actor.ID, s.IdempotencyKey)
		return err
	})
	if err != nil || !found {
		return Detection{}, false, err
	}
	request, err := requestDigest(s)
	if err != nil {
		return Detection{}, false, err
	}
	if answer.Request != request {
		return Detection{}, false, &problem.Error{Kind: problem.Conflict, Field: "Idempotency-Key", Reason: "the key was used for another submission", Remedy: "use a new key for new content"}
	}
	var detection Detection
	if err := json.Unmarshal(answer.Body, &detection); err != nil {
		return Detection{}, false, fmt.Errorf("reading a kept answer: %w", err)
	}
	return detection, true, nil
}

// remember keeps the answer in the transaction of its effect. When another
// request with the same key was faster, the transaction fails and is answered
// from what that one kept.
func (d *Desk) remember(tx *ledger.Tx, actor mandate.Actor, s Submission, detection Detection) error {
	if s.IdempotencyKey == "" {
		return nil
	}
	_, found, err := tx.Answered(actor.ID, s.IdempotencyKey)
	if err != nil {
		return err
	}
	if found {
		return &problem.Error{Kind: problem.Conflict, Field: "Idempotency-Key", Reason: "another request with this key was answered just now", Remedy: "send the request again to get that answer"}
	}
	request, err := requestDigest(s)
	if err != nil {
		return err
	}
	body, err := json.Marshal(detection)
	if err != nil {
		return fmt.Errorf("keeping an answer: %w", err)
	}
	return tx.PutAnswer(actor.ID, s.IdempotencyKey, store.Answer{Request: request, Status: 200, Body: body}, tx.Now)
}

// requestDigest tells whether two submissions are the same.
func requestDigest(s Submission) (string, error) {
	sum := sha256.New()
	head, err := json.Marshal([]any{s.ClientRef, s.Context, s.Signals, s.Flagged})
	if err != nil {
		return "", fmt.Errorf("describing a submission: %w", err)
	}
	sum.Write(head)
	for _, file := range s.Files {
		if file.Refused != "" {
			fmt.Fprintf(sum, "\x00%q\x00%q", file.Name, file.Refused)
			continue
		}
		if _, err := file.Content.Seek(0, io.SeekStart); err != nil {
			return "", fmt.Errorf("reading an upload again: %w", err)
		}
		fmt.Fprintf(sum, "\x00%q\x00", file.Name)
		if _, err := io.Copy(sum, file.Content); err != nil {
			return "", fmt.Errorf("reading an upload again: %w", err)
		}
		if _, err := file.Content.Seek(0, io.SeekStart); err != nil {
			return "", fmt.Errorf("reading an upload again: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
