package lookout

import (
	"errors"
	"net/http"

	"github.com/brdoproject/brdo/domain/problem"
)

// Send sends a request that the operator configured, to a public host and through
// the proxy like all else. It may hold credentials: so it goes over https only, no
// redirect is followed, and an error holds nothing of the request.
//
// Errors: Invalid, with the field "url"; Unavailable when nobody answered; those of
// the request's context.
func (l *Lookout) Send(request *http.Request) (*http.Response, error) {
	at, err := l.rules.Check(request.URL.String())
	if err != nil {
		return nil, err
	}
	if at.Scheme != "https" {
		return nil, problem.InvalidField("url", "it does not begin with https://", "name an address with https")
	}
	request.URL, request.Host = at, ""
	answer, err := l.transport.RoundTrip(request)
	if err != nil {
		if ended := request.Context().Err(); errors.Is(err, ended) {
			return nil, ended
		}
		return nil, problem.New(problem.Unavailable, unreached(err), "it is tried again by itself")
	}
	return answer, nil
}
