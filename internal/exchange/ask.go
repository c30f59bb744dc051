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
	// maxPause is the longest time that an exchange may make us wait.
	maxPause = 6 * time.Hour
)

// get asks for one page. dress adds what the exchange wants to know of who asks.
//
// Errors: Unavailable, or a [Pause] around one, without anything of the request or of
// what the server said but numbers; those of the context.
func get(ctx context.Context, through *lookout.Lookout, address string, dress func(*http.Request)) ([]byte, error) {
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(timed, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, problem.InvalidField("url", "it is no web address", "mend the configuration")
	}
	request.Header.Set("User-Agent", "Brdo")
	request.Header.Set("Accept-Encoding", "identity")
	dress(request)
	answer, err := through.Send(request)
	if err == nil {
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, refusal(answer)
		}
		var page []byte
		if page, err = capped(answer.Body, answer.ContentLength, maxPage); err == nil {
			return page, nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil:
		return nil, problem.New(problem.Unavailable, fmt.Sprintf("the answer was not complete after %s", patience), "it is tried again by itself")
	}
	return nil, err
}

// capped reads all of a body that has at most a number of bytes.
func capped(body io.Reader, says, most int64) ([]byte, error) {
	tooLong := problem.New(problem.Unavailable, fmt.Sprintf("the answer has more than %d MiB", most>>20), "tell those who run the exchange")
	if says > most {
		return nil, tooLong
	}
	var page bytes.Buffer
	read, err := io.Copy(&page, io.LimitReader(body, most+1))
	switch {
	case err != nil:
		return nil, problem.New(problem.Unavailable, "the answer broke off", "it is tried again by itself")
	case read > most:
		return nil, tooLong
	}
	return page.Bytes(), nil
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
