// Package webhost plays the internet, for tests and for the demonstration: web
// addresses that serve generated pictures, until somebody removes, replaces or
// moves them, and servers that are slow or lie.
//
// A [Web] is spoken to as a proxy: it answers for every name itself and never
// opens a connection. So whoever looks at it needs no exception from the rules
// for addresses, and a name of the demonstration leads nowhere outside it.
package webhost

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Web is a small internet. It is an [http.Handler] for the address that others
// use as their proxy, and safe for concurrent use.
type Web struct {
	mutex  sync.Mutex
	places map[string]*place
	// hosts answer for all addresses of a host that are no places.
	hosts map[string]http.Handler
	// order is in which addresses were first served, the latest last.
	order []string

	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
}

// place is one address.
type place struct {
	serve http.HandlerFunc
	// removed is when somebody removed what was served; zero while it is there.
	removed time.Time
	asked   int
}

// New makes an internet without any address, and an authority that vouches for
// its servers.
func New() (*Web, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the played internet: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "played internet"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	text, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of the played internet: %w", err)
	}
	authority, err := x509.ParseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of the played internet: %w", err)
	}
	return &Web{places: map[string]*place{}, hosts: map[string]http.Handler{}, authority: authority, authorityKey: key}, nil
}

// Roots is who vouches for the servers of this internet.
func (w *Web) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(w.authority)
	return pool
}

// Certificate is that of the authority in PEM, for other processes.
func (w *Web) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.authority.Raw})
}

// Handle lets a handler answer for one exact address, with its query.
func (w *Web) Handle(address string, serve http.HandlerFunc) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if _, known := w.places[address]; !known {
		w.order = append(w.order, address)
	}
	w.places[address] = &place{serve: serve}
}

// Host lets a handler answer for all addresses of a host, such as shop.example, that
// nothing else answers for.
func (w *Web) Host(name string, serve http.Handler) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.hosts[name] = serve
}

// Put serves content at an address, in place of what was there. content is
// called for each request, so that generated content needs no memory.
func (w *Web) Put(address, contentType string, content func() []byte) {
	w.Handle(address, func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", contentType)
		_, _ = answer.Write(content())
	})
}

// Redirect sends from one address to another.
func (w *Web) Redirect(address, to string) {
	w.Handle(address, func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Location", to)
		answer.WriteHeader(http.StatusFound)
	})
}

// Remove takes away what an address serves; from then on it answers 410. It
// returns false when nothing is there.
func (w *Web) Remove(address string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	p, known := w.places[address]
	if !known || !p.removed.IsZero() {
		return false
	}
	p.removed = time.Now()
	p.serve = Status(http.StatusGone)
	return true
}

// Asked is how often an address was asked for.
func (w *Web) Asked(address string) int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if p, known := w.places[address]; known {
		return p.asked
	}
	return 0
}

// Status answers with a status and nothing that could be compared.
func Status(status int) http.HandlerFunc {
	return func(answer http.ResponseWriter, _ *http.Request) { http.Error(answer, http.StatusText(status), status) }
}

// Slow sends the first byte and nothing more, until the other side gives up.
func Slow(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("Content-Length", "1000")
	_, _ = answer.Write([]byte{'1'})
	_ = http.NewResponseController(answer).Flush()
	<-request.Context().Done()
}

// Lying says that the content has more or fewer bytes than are sent, and then
// closes the connection.
func Lying(content []byte, says int) http.HandlerFunc {
	return Raw("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: " + strconv.Itoa(says) + "\r\nConnection: close\r\n\r\n" + string(content))
}

// Raw sends text as it is, and closes the connection.
func Raw(text string) http.HandlerFunc {
	return func(answer http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(answer).Hijack()
		if err != nil {
			http.Error(answer, "the connection cannot be taken over", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(connection, text)
		_ = connection.Close()
	}
}

// ServeHTTP answers as the proxy, for every name.
func (w *Web) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodConnect {
		w.tunnel(answer, request)
		return
	}
	scheme := "http"
	if request.TLS != nil {
		scheme = "https"
	}
	address := (&url.URL{Scheme: scheme, Host: request.Host, Path: request.URL.Path, RawPath: request.URL.RawPath, RawQuery: request.URL.RawQuery}).String()
	w.mutex.Lock()
	p, known := w.places[address]
	var serve http.HandlerFunc
	if known {
		p.asked++
		serve = p.serve
	}
	host := w.hosts[request.Host]
	w.mutex.Unlock()
	switch {
	case known:
		serve(answer, request)
	case host != nil:
		host.ServeHTTP(answer, request)
	case w.isHost(request.Host):
		http.NotFound(answer, request)
	case request.URL.Host == "" && isLoopback(request.Host):
		w.service(answer, request)
	default:
		http.Error(answer, "no host of this name is known here", http.StatusBadGateway)
	}
}

// isLoopback reports whether a browser came straight to the listener, and not by
// a name of somebody else's that leads there.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	return err == nil && (name == "localhost" || name == "127.0.0.1")
}

// isHost reports whether anything was ever served under a name.
func (w *Web) isHost(host string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.hosts[host] != nil {
		return true
	}
	for address := range w.places {
		if u, err := url.Parse(address); err == nil && u.Host == host {
			return true
		}
	}
	return false
}

// tunnel takes the connection over and speaks TLS as the server that was asked
// for.
func (w *Web) tunnel(answer http.ResponseWriter, request *http.Request) {
	name, _, err := net.SplitHostPort(request.Host)
	if err != nil || !w.isHost(strings.TrimSuffix(request.Host, ":443")) {
		http.Error(answer, "no host of this name is known here", http.StatusBadGateway)
		return
	}
	certificate, err := w.vouch(name)
	if err != nil {
		http.Error(answer, "no certificate could be made", http.StatusInternalServerError)
		return
	}
	connection, _, err := http.NewResponseController(answer).Hijack()
	if err != nil {
		http.Error(answer, "the connection cannot be taken over", http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(connection, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		_ = connection.Close()
		return
	}
	one := tls.NewListener(&single{connection: connection, ended: make(chan struct{})}, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	server.SetKeepAlivesEnabled(false)
	_ = server.Serve(one) // ends with the connection
}

// vouch makes a certificate for one name.
func (w *Web) vouch(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	text, err := x509.CreateCertificate(rand.Reader, template, w.authority, key.Public(), w.authorityKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, nil
}

// single is a listener of one connection, which was accepted already.
type single struct {
	connection net.Conn
	once       sync.Once
	given      bool
	ended      chan struct{}
}

// Accept gives the connection, and then waits for its end.
func (s *single) Accept() (net.Conn, error) {
	if !s.given {
		s.given = true
		return &closing{Conn: s.connection, closed: func() { s.once.Do(func() { close(s.ended) }) }}, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

// Close ends the connection.
func (s *single) Close() error {
	s.once.Do(func() { close(s.ended) })
	return s.connection.Close()
}

// Addr is that of the connection.
func (s *single) Addr() net.Addr { return s.connection.LocalAddr() }

// closing tells when a connection was closed.
type closing struct {
	net.Conn
	closed func()
}

// Close closes the connection and tells so.
func (c *closing) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// Served is one address, for whoever looks after the service.
type Served struct {
	Address string
	Removed time.Time
}

// Latest are up to limit addresses whose text contains part, the latest first.
func (w *Web) Latest(part string, limit int) []Served {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var all []Served
	for _, address := range slices.Backward(w.order) {
		if len(all) < limit && strings.Contains(address, part) {
			all = append(all, Served{address, w.places[address].removed})
		}
	}
	return all
}
