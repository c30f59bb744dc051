// Package client asks a node of Brdo from Go: it hands in files to be compared with
// hash lists, and looks up hashes.
//
// A match is a reason for a person to look, never a verdict: a program that acts
// upon one without a person does what this project is against.
//
// Every method may be called by many goroutines at once. Errors that a node answers
// are *[problem.Error], whose kind says what can be done: ask with [problem.Is].
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Options of a client. Base and Key are required.
type Options struct {
	// Base is the address of the node, for example "https://brdo.example". Plain http
	// is for localhost only: the key would be readable on the way.
	Base string
	// Key is an API key that the operator made, "brdo_…".
	Key string
	// HTTP sends the requests; nil means a client of its own. Redirects are not
	// followed in any case.
	HTTP *http.Client
	// Attempts is how often a request is sent before the client gives up; 0 means
	// [DefaultAttempts].
	Attempts int
	// Wait waits between two attempts; nil waits for so long by the clock. It returns
	// early with an error when the context ends.
	Wait func(ctx context.Context, pause time.Duration) error
}

// DefaultAttempts lets a node that is busy or starts again answer: with the growing
// pauses it is about half a minute.
const DefaultAttempts = 8

// longestPause is the longest pause that the client chooses; a node may ask for more.
const longestPause = 10 * time.Second

// Client asks one node.
type Client struct {
	options Options
	base    string
	http    *http.Client
}

// New makes a client. It sends nothing.
//
// Errors: Invalid.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.Base)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, problem.InvalidField("Base", "it is no address", "give the node's origin, for example https://brdo.example")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, problem.InvalidField("Base", "it holds more than scheme, host and path", "give the key by itself")
	case base.Scheme == "http" && base.Hostname() != "localhost" && base.Hostname() != "127.0.0.1" && base.Hostname() != "::1":
		return nil, problem.InvalidField("Base", "plain http is for localhost only", "use https")
	case !strings.HasPrefix(o.Key, "brdo_"):
		return nil, problem.InvalidField("Key", "it is no API key", "ask the operator of the node for one")
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	var own http.Client
	if o.HTTP != nil {
		own = *o.HTTP
	}
	// A redirect could carry the key and the files to somebody else.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{options: o, base: strings.TrimRight(base.String(), "/"), http: &own}, nil
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newKey makes an idempotency key.
func newKey() string { return rand.Text() }

// request is one that may be sent several times: body makes its body anew.
type request struct {
	path, media, key string
	body             func() (io.Reader, error)
}

// send sends a request until it is answered, the attempts are used up or the context
// ends, and lets read take a good answer. What a node refuses for now (429, 503) and
// what breaks on the way is sent again: at the earliest when the node said.
func (c *Client) send(ctx context.Context, r request, read func(io.Reader) error) error {
	pause := 250 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, r, read)
		known := problem.From(err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case known.Kind != problem.Unavailable || attempt == c.options.Attempts:
			return err
		}
		if err := c.options.Wait(ctx, max(pause, known.RetryAfter)); err != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// once sends a request once. What may be repeated is Unavailable.
func (c *Client) once(ctx context.Context, r request, read func(io.Reader) error) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	if closer, is := body.(io.Closer); is {
		defer closer.Close() // it waits until nothing reads the files any more
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+r.path, body)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	post.Header.Set("Authorization", "Bearer "+c.options.Key)
	post.Header.Set("Content-Type", r.media)
	if r.key != "" {
		post.Header.Set("Idempotency-Key", r.key)
	}
	answer, err := c.http.Do(post)
	if err != nil {
		var own *contentError
		if errors.As(err, &own) {
			return own.error
		}
		return problem.New(problem.Unavailable, "the node cannot be reached, or the connection broke", "look whether it runs").Because(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refusal(answer)
	}
	return read(answer.Body)
}

// maxProblem is how much is read of a refusal, in bytes.
const maxProblem = 64 << 10

// longestWait is the longest pause that a node may ask for.
const longestWait = time.Hour

// kinds are what a status means when the answer does not say.
var kinds = map[int]problem.Kind{
	http.StatusUnauthorized: problem.Denied, http.StatusForbidden: problem.Denied, http.StatusNotFound: problem.NotFound, http.StatusConflict: problem.Conflict,
	http.StatusTooManyRequests: problem.Unavailable, http.StatusBadGateway: problem.Unavailable, http.StatusServiceUnavailable: problem.Unavailable,
	http.StatusGatewayTimeout: problem.Unavailable, http.StatusUnprocessableEntity: problem.Invalid, http.StatusBadRequest: problem.Invalid,
	http.StatusInsufficientStorage: problem.Unavailable,
}

// refusal reads a problem of RFC 9457.
func refusal(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	var said struct{ Type, Detail, Field, Remedy string }
	if err != nil || json.Unmarshal(text, &said) != nil || said.Detail == "" {
		said.Detail = fmt.Sprintf("the node, or something before it, answers %s", answer.Status)
		said.Type = ""
	}
	kind := problem.Kind(said.Type[strings.LastIndexByte(said.Type, '/')+1:])
	switch kind {
	case problem.Invalid, problem.Denied, problem.NotFound, problem.Conflict, problem.Expired, problem.Unavailable, problem.Internal:
	default:
		kind = kinds[answer.StatusCode]
		if kind == "" {
			kind = problem.Internal
		}
	}
	p := &problem.Error{Kind: kind, Field: said.Field, Reason: said.Detail, Remedy: said.Remedy}
	if seconds, err := strconv.ParseInt(answer.Header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		p.RetryAfter = min(time.Duration(seconds)*time.Second, longestWait)
	}
	return p
}

// broken is an answer that ended before it was whole, or is none of this interface.
func broken(err error) error {
	return problem.New(problem.Unavailable, "the answer broke off or is not one of this interface", "look whether Base is the address of a node").Because(err)
}

// contentError is an error of a file that the caller gave.
type contentError struct{ error }

func (e *contentError) Unwrap() error { return e.error }

// jsonBody is a body that is sent again as it is.
func jsonBody(value any) (func() (io.Reader, error), error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing a request: %w", err)
	}
	return func() (io.Reader, error) { return bytes.NewReader(text), nil }, nil
}
