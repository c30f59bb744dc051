package lookout

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
)

// Allowed reports whether a host is one of some names. A name that begins with a
// dot stands for all hosts below it.
func Allowed(host string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return host == name || strings.HasPrefix(name, ".") && strings.HasSuffix(host, name)
	})
}

// Fetch hands over what an address serves, and of which type the server calls it,
// if the address and all that the server sends on to are of the hosts that are
// allowed. Beside the hosts the rules of [Lookout.Look] hold; nothing is
// decompressed, and it is for take to bound how much it reads.
//
// Errors: Invalid, with the field "url"; the error of take.
func (l *Lookout) Fetch(ctx context.Context, address string, hosts []string, take func(contentType string, from io.Reader) error) error {
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	refuse := func(reason string) error {
		return problem.InvalidField("url", reason, "send the file itself")
	}
	for range maxRedirects + 1 {
		at, err := l.rules.Check(address)
		if err != nil {
			return err
		}
		if !Allowed(at.Hostname(), hosts) {
			return refuse("names a host that the operator does not allow")
		}
		answer, err := l.ask(ctx, at)
		if err != nil {
			return refuse("could not be fetched: " + unreached(err))
		}
		if next := answer.Header.Get("Location"); isRedirect(answer.StatusCode) && next != "" {
			_ = answer.Body.Close() // nothing of it is wanted
			target, err := at.Parse(next)
			if err != nil {
				return refuse("leads to what is no address")
			}
			address = target.String()
			continue
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return refuse(fmt.Sprintf("could not be fetched: the server or the proxy answers %d", answer.StatusCode))
		}
		return take(answer.Header.Get("Content-Type"), answer.Body)
	}
	return refuse(fmt.Sprintf("leads on more than %d times", maxRedirects))
}
