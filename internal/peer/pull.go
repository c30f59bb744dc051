package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// ItemsPath is where a node gives out the media that its reports refer to; the
// item's SHA-256 in hex follows.
const ItemsPath = "/peer/v1/items/"

// pullRequest asks for the media of one item. The request is signed by the
// puller (RFC 9421), so that only the puller can have named the key.
type pullRequest struct {
	// Envelope is the envelope that referred to the item.
	Envelope string          `json:"envelope"`
	Purpose  mandate.Purpose `json:"purpose"`
	// SealTo is an age recipient made for this pull alone: what is sent can be
	// read by nobody who comes into the possession of the node's keys later.
	SealTo string `json:"seal_to"`
}

const (
	maxPullRequest = 16 << 10
	sealedType     = "application/age"
)

// isItem says whether text is an item: a SHA-256 in lower-case hex.
func isItem(text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && len(decoded) == sha256.Size && hex.EncodeToString(decoded) == text
}

// ItemsHandler gives out media at [ItemsPath], sealed to the key that the puller
// names: only to the recipient of an envelope that refers to the item, unless
// that envelope was recalled. Each request is one event, also a refused one,
// and the event is durable before the first byte leaves.
func (p *Post) ItemsHandler(content *blob.Sealed, problems func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxPullRequest)
		from, err := p.authenticate(w, r, p.nonces)
		if err != nil {
			problems(w, r, p.refuse(r.Context(), from, Envelope{}, err))
			return
		}
		body, to, err := p.disclose(r, from, content)
		if err != nil {
			problems(w, r, err)
			return
		}
		defer body.Close()
		w.Header().Set("Content-Type", sealedType)
		sealing, err := age.Encrypt(w, to)
		if err == nil {
			if _, err = io.Copy(sealing, body); err == nil {
				err = sealing.Close()
			}
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the puller must not take a part for the whole
		}
	})
}

func (p *Post) disclose(r *http.Request, from Node, content *blob.Sealed) (body blob.Content, to age.Recipient, err error) {
	item := strings.TrimPrefix(r.URL.Path, ItemsPath)
	var request pullRequest
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &request)
	}
	act := p.act(from, Envelope{}, mandate.ItemDisclose)
	act.Purpose, act.Resource = request.Purpose, access.Resource{ID: item}
	if !isItem(item) {
		act.Resource.ID = "" // whatever it is, it does not belong into the log
	}
	wrong := err
	err = p.ledger.Do(r.Context(), act, func(tx *ledger.Tx) error {
		if wrong != nil {
			return unreadable("request", wrong)
		}
		if err := mayPull(tx.Tx, from, request.Envelope, item); err != nil {
			return err
		}
		recipients, err := age.ParseRecipients(strings.NewReader(request.SealTo))
		if err != nil || len(recipients) != 1 {
			return problem.InvalidField("seal_to", "it is not one age recipient", "make a new one for each pull")
		}
		to = recipients[0]
		if body != nil {
			_ = body.Close() // of an attempt that the database asked to repeat
		}
		if body, err = content.Open(r.Context(), item); err != nil {
			return err
		}
		tx.Note("envelope", request.Envelope)
		tx.Note("bytes", body.Size())
		return nil
	})
	if err != nil && body != nil {
		_ = body.Close()
	}
	return body, to, err
}

// mayPull refuses whatever was not promised to this node. The reason is the same
// for all cases: it must not tell which items there are.
func mayPull(tx *store.Tx, from Node, envelope, item string) error {
	refused := problem.New(problem.Denied, "no envelope that was sent to this node, and still holds, refers to this item", "name the envelope that refers to it; ask its sender when it was recalled")
	sent, err := tx.EnvelopeOut(envelope)
	if problem.Is(err, problem.NotFound) {
		return refused
	}
	if err != nil {
		return err
	}
	named, err := tx.EnvelopeNamesItem(envelope, item)
	if err != nil {
		return err
	}
	if sent.Recipient != from.NodeID || !named {
		return refused
	}
	taken, err := tx.EnvelopesReferring(envelope)
	if err != nil {
		return err
	}
	for _, row := range taken {
		if row.Kind != string(mandate.EnvelopeCorrection) {
			return refused
		}
	}
	return nil
}

// Pull names what to fetch, and from whom.
type Pull struct {
	// From is the node that sent the envelope.
	From string
	// Envelope is the received envelope that refers to the item.
	Envelope string
	// Else are others that referred to the same item, asked in this order when
	// those before do not give it.
	Else []Origin
	// Item is the SHA-256 of its content, in hex.
	Item string
	// MaxBytes is the most that is taken.
	MaxBytes int64
}

// Pull fetches the media of an item that a received envelope refers to, when a
// person opens the case: act says who, why and what that act is, and is one event
// here, done or failed. keep stores the content as it comes, decrypted, and must
// store nothing when reading fails: it fails at the end when the content is not
// what its name says, and wherever the connection breaks. note, which may be nil,
// writes what belongs to the event.
//
// Errors: Denied when the policy here or the sender refuses; Invalid when the
// content is another one or larger than allowed; Unavailable when the sender
// cannot be reached.
func (p *Post) Pull(ctx context.Context, act ledger.Act, pull Pull, keep func(ctx context.Context, content io.Reader) error, note func(tx *ledger.Tx) error) error {
	if err := p.ledger.Permits(act); err != nil && act.Find == nil {
		return p.ledger.Do(ctx, act, func(*ledger.Tx) error { return err })
	}
	fetched := p.fetchItem(ctx, act.Purpose, pull, keep)
	for _, other := range pull.Else {
		if fetched == nil || ctx.Err() != nil {
			break
		}
		pull.From, pull.Envelope = other.Source, other.ID
		fetched = p.fetchItem(ctx, act.Purpose, pull, keep)
	}
	return p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		tx.Note("pulled_from", pull.From)
		tx.Note("envelope", pull.Envelope)
		if fetched != nil || note == nil {
			return fetched
		}
		return note(tx)
	})
}

func (p *Post) fetchItem(ctx context.Context, purpose mandate.Purpose, pull Pull, keep func(context.Context, io.Reader) error) error {
	if !isItem(pull.Item) {
		return problem.InvalidField("item", "it is not a SHA-256 in lower-case hexadecimal", "take it from the report")
	}
	var from Node
	err := p.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if from, err = p.node(tx, pull.From, p.ledger.Now()); err != nil {
			return err
		}
		_, found, err := tx.EnvelopeIn(pull.From, pull.Envelope)
		if err == nil && !found {
			err = store.NotFound("received envelope", pull.Envelope)
		}
		return err
	})
	if err != nil {
		return err
	}
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		return fmt.Errorf("making the key of a pull: %w", err)
	}
	text, err := json.Marshal(pullRequest{pull.Envelope, purpose, key.Recipient().String()})
	if err != nil {
		return fmt.Errorf("writing a pull: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(from.URL, "/")+ItemsPath+pull.Item, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("preparing the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Length", fmt.Sprint(len(text)))
	patient := *p.client
	patient.Timeout = 0 // media may be large; the context ends it
	response, err := patient.Do(request)
	if err != nil {
		return problem.New(problem.Unavailable, "the sender cannot be reached", "open the item again later").Because(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return refusedWith(response)
	}
	plain, err := age.Decrypt(response.Body, key)
	if err != nil {
		return problem.InvalidField("item", "what came is not sealed to this pull", "open the item again, and tell the operator").Because(err)
	}
	return keep(ctx, &verified{from: plain, hash: sha256.New(), want: pull.Item, left: pull.MaxBytes})
}

// refusedWith turns the sender's answer into a problem of its kind.
func refusedWith(response *http.Response) error {
	var answer struct {
		Detail string `json:"detail"`
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	_ = json.Unmarshal(text, &answer)
	kind := problem.Unavailable
	switch response.StatusCode {
	case http.StatusForbidden:
		kind = problem.Denied
	case http.StatusNotFound, http.StatusGone:
		kind = problem.NotFound
	}
	return problem.Newf(kind, "the sender answered %d: %.200s", response.StatusCode, answer.Detail)
}

// verified passes content on and fails in place of its end when it is not the
// one that was asked for, or larger than allowed.
type verified struct {
	from io.Reader
	hash hash.Hash
	want string
	left int64
}

func (v *verified) Read(into []byte) (int, error) {
	count, err := v.from.Read(into)
	v.hash.Write(into[:count])
	if v.left -= int64(count); v.left < 0 {
		return 0, problem.InvalidField("item", "it is larger than this node takes", "raise media.max_bytes, or ask for it by another way")
	}
	switch {
	case err == io.EOF && hex.EncodeToString(v.hash.Sum(nil)) != v.want:
		return 0, problem.InvalidField("item", "what came is not the file that the report refers to", "open the item again, and tell the sender")
	case err != nil && err != io.EOF:
		return 0, problem.New(problem.Unavailable, "the transfer broke off", "open the item again").Because(err)
	}
	return count, err
}
