// Package lookout looks whether a web address still serves an item: after a
// removal, and again later.
//
// What an address serves is compared while it streams by: digests, and for a
// picture the perceptual hash, computed by the enclosed decoder from memory.
// Nothing of it is stored, and nothing leaves the package but what was found.
//
// Addresses and servers are hostile. A [Lookout] speaks to one proxy and to
// nothing else: it cannot be made without one, and its transport refuses to
// open any other connection. Which addresses may be asked for is said by
// [Rules]; each redirect is checked anew. There is no way round them, also not
// for tests: a test brings a proxy that plays the internet.
package lookout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/media"
)

// Defaults of [Options].
const (
	DefaultMaxBytes        = 256 << 20
	DefaultMaxPictureBytes = 20 << 20
	DefaultPatience        = 2 * time.Minute
	DefaultAtOnce          = 2
	// maxRedirects is how often a server may send on to another address.
	maxRedirects = 5
	// maxHeader is the largest header of an answer, in bytes.
	maxHeader = 64 << 10
)

// Options of a [Lookout]. Proxy and Decoder are required.
type Options struct {
	// Proxy is where every request goes: http, https or socks5, host and port.
	Proxy *url.URL
	// Decoder computes the perceptual hash of what is served.
	Decoder *media.Service
	// Ports that an address may name; empty means [DefaultPorts].
	Ports []int
	// MaxBytes is how much of an answer is read, before and after decompression.
	MaxBytes int64
	// MaxPictureBytes is how much of an answer is held in memory, so that a
	// picture can be compared as one.
	MaxPictureBytes int64
	// Patience is how long one look may take, with all redirects.
	Patience time.Duration
	// AtOnce is how many looks run at the same time; others wait.
	AtOnce int
	// Roots are who may vouch for servers; nil means the machine's own. For tests.
	Roots *x509.CertPool
}

// Lookout looks at web addresses. It is safe for concurrent use.
type Lookout struct {
	rules Rules
	// transport is used without a client around it, which would keep cookies and
	// follow redirects.
	transport *http.Transport
	options   Options
	turns     chan struct{}
}

// New makes a lookout. It opens no connection.
//
// Errors: Invalid, with the field "egress.proxy".
func New(o Options) (*Lookout, error) {
	if err := CheckProxy(o.Proxy); err != nil {
		return nil, err
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxPictureBytes == 0 {
		o.MaxPictureBytes = DefaultMaxPictureBytes
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.AtOnce == 0 {
		o.AtOnce = DefaultAtOnce
	}
	only := o.Proxy.Host
	dialer := &net.Dialer{Timeout: 20 * time.Second}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy: http.ProxyURL(o.Proxy),
		// Should the library ever mean to go round the proxy, it gets nowhere.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != only {
				return nil, fmt.Errorf("a connection past the proxy was refused")
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		Protocols:              &protocols,
	}
	return &Lookout{
		rules:     Rules{Ports: o.Ports, Onion: o.Proxy.Scheme == "socks5"},
		transport: transport, options: o, turns: make(chan struct{}, o.AtOnce),
	}, nil
}

// CheckProxy reports what is wrong with the address of a proxy: Invalid, with
// the field "egress.proxy".
func CheckProxy(proxy *url.URL) error {
	reason := ""
	switch {
	case proxy == nil:
		reason = "it is missing"
	case proxy.Scheme != "http" && proxy.Scheme != "https" && proxy.Scheme != "socks5":
		reason = "it begins with none of http://, https:// and socks5://"
	case proxy.Hostname() == "" || proxy.Port() == "":
		reason = "it is not a host and a port"
	case proxy.RequestURI() != "/" && proxy.RequestURI() != "":
		reason = "it has a path"
	}
	if reason == "" {
		return nil
	}
	return problem.InvalidField("egress.proxy", reason, "give the proxy's address, for example socks5://127.0.0.1:9050")
}

// Item is what is known of the item that is looked for. Digests are in
// lower-case hexadecimal; what is not known is empty.
type Item struct {
	SHA256, SHA1, MD5 string
	// PDQ is the hash of the picture; nil when the item is none, or when the
	// hash is not good enough to compare ([pdq.MinimumQuality]).
	PDQ *pdq.Hash
	// Radius is up to which distance two pictures are called alike, in bits.
	Radius int
}

// Outcome is what one look found. The list is closed.
type Outcome string

const (
	// Gone: the server says that it is not there (404, 410, 451).
	Gone Outcome = "gone"
	// Replaced: another picture is served, which is not like the item.
	Replaced Outcome = "replaced"
	// Present: exactly the item is served.
	Present Outcome = "present"
	// Alike: a picture is served that is like the item; a person has to compare.
	Alike Outcome = "alike"
	// Unreachable: nobody answered, or not in a usable way.
	Unreachable Outcome = "unreachable"
	// Refused: the server wants a login, or lets us see nothing.
	Refused Outcome = "refused"
	// Barred: the address, or one that the server sent on to, may not be asked for.
	Barred Outcome = "barred"
	// Unknown: something was served that could not be compared.
	Unknown Outcome = "unknown"
)

// Outcomes are all of them.
var Outcomes = []Outcome{Gone, Replaced, Present, Alike, Unreachable, Refused, Barred, Unknown}

// Finding is what the outcome means for a watch: only what was proven counts as
// gone or present. That a picture is alike is no proof; a person compares.
func (o Outcome) Finding() watch.Finding {
	switch o {
	case Gone, Replaced:
		return watch.Gone
	case Present:
		return watch.Present
	}
	return watch.Unknown
}

// weight says which of several outcomes at one address counts.
func (o Outcome) weight() int {
	switch {
	case o == Present:
		return 3
	case o == Alike:
		return 2
	case o.Finding() == watch.Unknown:
		return 1
	}
	return 0
}

// Sight is what one look at one address found.
type Sight struct {
	Outcome Outcome
	// Reason is one plain sentence without a full stop, and holds nothing that
	// the server said but numbers.
	Reason string
	// Status is that of the last answer; 0 when there was none.
	Status int
	// Redirects is how often the server sent on.
	Redirects int
	// Bytes is how much of the last answer was read, after decompression.
	Bytes int64
	// Distance of an alike or replaced picture to the item, in bits.
	Distance int
}

// Look looks once for any of some items at an address: that one is there
// outweighs that one is like it, and both outweigh what could not be told.
// Whatever server, proxy and address do is a [Sight]; an error is our own: ctx
// ended, or the decoder failed (Unavailable).
func (l *Lookout) Look(ctx context.Context, address string, items ...Item) (Sight, error) {
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return Sight{}, ctx.Err()
	}
	timed, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	sight, err := l.follow(timed, address, items)
	switch {
	case ctx.Err() != nil:
		return Sight{}, ctx.Err()
	case timed.Err() != nil:
		sight.Outcome, sight.Reason = Unreachable, fmt.Sprintf("the answer was not complete after %s", l.options.Patience)
		return sight, nil
	}
	return sight, err
}

// follow asks for an address and for those that the server sends on to.
func (l *Lookout) follow(ctx context.Context, address string, items []Item) (Sight, error) {
	at, err := l.rules.Check(address)
	if err != nil {
		return Sight{Outcome: Barred, Reason: "the address " + problem.From(err).Reason}, nil
	}
	for redirects := 0; ; redirects++ {
		sight := Sight{Redirects: redirects}
		answer, err := l.ask(ctx, at)
		if err != nil {
			sight.Outcome, sight.Reason = Unreachable, unreached(err)
			return sight, nil
		}
		sight.Status = answer.StatusCode
		next := answer.Header.Get("Location")
		if !isRedirect(answer.StatusCode) || next == "" {
			err := l.compare(ctx, answer, items, &sight)
			_ = answer.Body.Close() // what was wanted of it was read
			return sight, err
		}
		_ = answer.Body.Close() // nothing of it is wanted
		if redirects == maxRedirects {
			sight.Outcome, sight.Reason = Unknown, fmt.Sprintf("the server sent on more than %d times", maxRedirects)
			return sight, nil
		}
		target, err := at.Parse(next)
		if err == nil {
			at, err = l.rules.Check(target.String())
		}
		if err != nil {
			sight.Outcome, sight.Reason = Barred, "the server sent on to an address that may not be asked for"
			return sight, nil
		}
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// ask sends one request that tells nothing of who asks and why.
func (l *Lookout) ask(ctx context.Context, at *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "Mozilla/5.0")
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Accept-Encoding", "identity")
	return l.transport.RoundTrip(request)
}

// unreached says why nobody answered, without the words of the server.
func unreached(err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return "the server's certificate is not valid"
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case errors.As(err, &network) && network.Timeout():
		return "the server did not answer in time"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	}
	return "the proxy could not reach the server, or its answer was unreadable"
}
