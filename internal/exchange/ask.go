package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/lookout"
)

const (
	// maxPage is the largest page, in bytes.
	maxPage = 64 << 20
	// patience is how long one page may take.
	patience = 5 * time.Minute
	// maxShort is the longest answer that is no page, in bytes, and shortPatience how long it
	// may take.
	maxShort, shortPatience = 1 << 20, time.Minute
	// maxPause is the longest time that an exchange may make us wait.
	maxPause = 6 * time.Hour
)

// send asks a question. dress adds what the exchange wants to know of who asks.
//
// Errors: Invalid; Unavailable; those of the context. None holds anything of the request.
func send(ctx context.Context, through *lookout.Lookout, address string, dress func(*http.Request)) (*http.Response, error) {
	return sendBody(ctx, through, http.MethodGet, address, nil, dress)
}

// sendBody is [send] with another method and a body.
func sendBody(ctx context.Context, through *lookout.Lookout, method, address string, body []byte, dress func(*http.Request)) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, problem.InvalidField("url", "it is no web address", "mend the configuration")
	}
	request.Header.Set("User-Agent", "Brdo")
	request.Header.Set("Accept-Encoding", "identity")
	dress(request)
	return through.Send(request)
}

// get asks for one page.
//
// Errors: those of [send], or a [Pause] around one, without anything of what the server
// said but numbers.
func get(ctx context.Context, through *lookout.Lookout, address string, dress func(*http.Request)) ([]byte, error) {
	return say(ctx, through, patience, maxPage, http.MethodGet, address, nil, dress)
}

// say sends a body and returns what is answered, of at most a number of bytes.
//
// Errors: those of [get].
func say(ctx context.Context, through *lookout.Lookout, patience time.Duration, most int64, method, address string, body []byte, dress func(*http.Request)) ([]byte, error) {
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := sendBody(timed, through, method, address, body, dress)
	if err != nil {
		return nil, ended(ctx, timed, patience, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, refusal(answer)
	}
	var page bytes.Buffer
	if err := take(&page, answer.Body, answer.ContentLength, most); err != nil {
		return nil, ended(ctx, timed, patience, err)
	}
	return page.Bytes(), nil
}

// ended is the error of a question: the end of the context, of our patience, or another.
func ended(ctx, timed context.Context, patience time.Duration, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case timed.Err() != nil:
		return problem.New(problem.Unavailable, fmt.Sprintf("the answer was not complete after %s", patience), "it is tried again by itself")
	}
	return err
}

// take reads all of a body that has at most a number of bytes.
func take(into io.Writer, body io.Reader, says, most int64) error {
	tooLong := problem.New(problem.Unavailable, fmt.Sprintf("the answer has more than %d MiB", most>>20), "tell those who run the exchange")
	if says > most {
		return tooLong
	}
	read, err := io.Copy(into, io.LimitReader(body, most+1))
	switch {
	case err != nil:
		return problem.New(problem.Unavailable, "the answer broke off", "it is tried again by itself").Because(err)
	case read > most:
		return tooLong
	}
	return nil
}

// answered is an answer that is no page.
type answered struct {
	error
	status int
}

// Unwrap is the problem that can be shown.
func (a answered) Unwrap() error { return a.error }

// refusedQuestion says that the exchange does not know what it was asked for.
func refusedQuestion(err error) bool {
	var a answered
	return errors.As(err, &a) && (a.status == http.StatusNotFound || a.status == http.StatusGone || a.status == http.StatusBadRequest)
}

// declined says that the exchange does not take what it was told, whenever it is sent.
func declined(err error) bool {
	var a answered
	if !errors.As(err, &a) {
		return false
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return a.status >= 400 && a.status < 500
}

// refusal says what an answer other than 200 means.
func refusal(answer *http.Response) error {
	say := func(reason, remedy string) answered {
		return answered{problem.New(problem.Unavailable, fmt.Sprintf("%s (%d)", reason, answer.StatusCode), remedy), answer.StatusCode}
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return say("the exchange refuses the credentials", "check them with those who run the exchange")
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		err := say("the exchange has too much to do", "it is tried again by itself")
		if seconds, e := strconv.Atoi(answer.Header.Get("Retry-After")); e == nil && seconds > 0 {
			return &Pause{err, min(time.Duration(min(seconds, 1<<20))*time.Second, maxPause)}
		}
		return err
	case status >= 300 && status < 400:
		return say("the exchange sends on to another address, which is not followed", "if it moved, name its new address in the configuration")
	case status >= 500:
		return say("the exchange reports an error of its own", "it is tried again by itself")
	}
	return say("the exchange refuses the question", "check the address and the settings")
}
