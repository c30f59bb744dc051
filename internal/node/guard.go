package node

import (
	"bytes"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"

	"github.com/brdoproject/brdo/domain/problem"
)

// guarded breaks the connection off when a handler panics, as net/http does, so
// that nobody takes half an answer for a whole one. But it tells the operator
// without the value of the panic and without the address of the client.
func guarded(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p != http.ErrAbortHandler {
				log.ErrorContext(r.Context(), "a request panicked", "path", r.Pattern, "error", problem.FromPanic(p), "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// clientAddress is how net/http names a client in what it tells the operator.
var clientAddress = regexp.MustCompile(`(\[[0-9A-Fa-f:.%a-z]+\]|\d+\.\d+\.\d+\.\d+)(:\d+)?`)

// withoutClients passes on what net/http tells the operator, but not who it was
// about: an address is personal data.
type withoutClients struct{ log *slog.Logger }

// Write takes one line.
func (l withoutClients) Write(line []byte) (int, error) {
	l.log.Warn("the server says", "text", string(bytes.TrimSpace(clientAddress.ReplaceAll(line, []byte("a client")))))
	return len(line), nil
}
