package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/door"
)

// HMAPath is where the routes of Meta's Hasher-Matcher-Actioner begin: a client of
// it is given the node's origin with this path as its base address.
//
// The shapes are those of HMA 1.1.7 (facebook/ThreatExchange, July 2026), stated
// anew from what its clients see. What differs, and why, is in docs/hma.md.
const HMAPath = "/hma/"

// HMA switches the routes of HMA on.
type HMA struct {
	// Fetch hands over what a web address serves; nil means that clients send files
	// and hashes, but no addresses.
	Fetch func(ctx context.Context, address string, take func(contentType string, from io.Reader) error) error
}

// The types of signals that clients of HMA know.
const (
	signalPDQ = "pdq"
	// signalMD5 is the MD5 of a video; our lists do not say of what theirs are.
	signalMD5 = "video_md5"
)

// typesOf are the types of signals of each type of content.
var typesOf = map[string]string{"photo": signalPDQ, "video": signalMD5}

// reply is an answer in the shape of HMA.
type reply struct {
	status int
	body   any
	// header is one more line of the header, name and value; empty for none.
	header [2]string
}

func good(body any) reply { return reply{status: http.StatusOK, body: body} }

// hmaHandler answers one request of somebody who is known.
type hmaHandler func(r *http.Request, actor mandate.Actor) (reply, error)

// hmaRoutes adds the routes.
func (s *Server) hmaRoutes() {
	handle := func(pattern string, handler hmaHandler) {
		method, path, _ := strings.Cut(pattern, " ")
		s.mux.HandleFunc(method+" "+strings.TrimSuffix(HMAPath, "/")+path, s.hma(handler))
	}
	alive := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "I-AM-ALIVE") }
	s.mux.HandleFunc("GET "+HMAPath+"status", alive)
	s.mux.HandleFunc("GET "+HMAPath+"status/live", alive)
	s.mux.HandleFunc(HMAPath, func(w http.ResponseWriter, r *http.Request) {
		s.hmaProblem(w, r, problem.New(problem.NotFound, "this node has no such route of HMA", "docs/hma.md lists them"))
	})

	s.mux.HandleFunc("POST "+HMAPath+"h/hash", s.hmaFile(s.hmaHashFile))
	handle("GET /h/hash", s.hmaHashURL)
	s.mux.HandleFunc("POST "+HMAPath+"m/lookup", s.hmaFile(s.hmaLookupFile))
	handle("GET /m/lookup", s.hmaLookup)
	handle("GET /m/raw_lookup", s.hmaRawLookup)
	handle("POST /m/compare", s.hmaCompare)
	handle("GET /m/index/status", s.hmaIndexStatus)

	handle("GET /c/banks", s.hmaBanks)
	handle("POST /c/banks", s.hmaCreateBank)
	handle("GET /c/bank/{bank}", s.hmaBank)
	handle("PUT /c/bank/{bank}", s.hmaChangeBank)
	handle("DELETE /c/bank/{bank}", s.hmaDeleteBank)
	handle("POST /c/bank/{bank}/content", s.hmaAddContent)
	handle("POST /c/bank/{bank}/signal", s.hmaAddContent)
	handle("GET /c/bank/{bank}/content/{id}", s.hmaContent)
	handle("PUT /c/bank/{bank}/content/{id}", s.hmaChangeContent)
	handle("DELETE /c/bank/{bank}/content/{id}", s.hmaChangeContent)

	handle("GET /c/exchanges", s.hmaExchanges)
	handle("POST /c/exchanges", s.hmaChangeExchange)
	handle("GET /c/exchange/{bank}", s.hmaExchange)
	handle("PUT /c/exchange/{bank}", s.hmaChangeExchange)
	handle("DELETE /c/exchange/{bank}", s.hmaChangeExchange)
	handle("GET /c/exchange/{bank}/status", s.hmaExchangeStatus)
	handle("GET /c/exchanges/apis", s.hmaExchangeAPIs)
	handle("GET /c/exchanges/api/{api}", s.hmaExchangeAPI)
	handle("POST /c/exchanges/api/{api}", s.hmaChangeExchange)
	handle("GET /c/exchanges/api/{api}/schema", s.hmaExchangeSchema)

	handle("GET /c/signal_type", s.hmaSignalTypes)
	handle("PUT /c/signal_type/{type}", s.hmaChangeSignalType)
	handle("GET /c/signal_type/index", s.hmaSignalIndex)
	handle("GET /c/content_type", s.hmaContentTypes)
}

// hmaActor recognises who asks. A client that can only be given an address sends
// the user and password in it as HTTP Basic (RFC 7617): the password is the key.
func (s *Server) hmaActor(r *http.Request) (mandate.Actor, error) {
	if _, password, basic := r.BasicAuth(); basic {
		return s.machine(r.Context(), "Bearer "+password)
	}
	return s.machine(r.Context(), r.Header.Get("Authorization"))
}

// hma answers a request that brings no file. It is one question of the key.
func (s *Server) hma(handler hmaHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.hmaActor(r)
		if err == nil {
			err = door.Begin(r.Context(), false)
		}
		if err == nil {
			err = s.limits.take(actor, s.options.Ledger.Now(), 1, false)
		}
		var answer reply
		if err == nil {
			answer, err = handler(r, actor)
		}
		if err != nil {
			s.hmaProblem(w, r, err)
			return
		}
		if answer.header[0] != "" {
			w.Header().Set(answer.header[0], answer.header[1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		_ = json.NewEncoder(w).Encode(answer.body) // a broken connection is the reader's
	}
}

// hmaProblem writes an error as clients of HMA read it: its message alone.
func (s *Server) hmaProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := describe(err)
	switch {
	case p.Status == http.StatusInternalServerError:
		s.options.Log.ErrorContext(r.Context(), "a request failed", "path", r.Pattern, "error", err)
	case p.Status == http.StatusUnprocessableEntity && p.Field == "file":
		p.Status = http.StatusRequestEntityTooLarge
	case p.Status == http.StatusUnprocessableEntity:
		p.Status = http.StatusBadRequest
	}
	message := p.Detail
	if p.Field != "" {
		message = p.Field + ": " + message
	}
	if p.Remedy != "" {
		message += "; " + p.Remedy
	}
	w.Header().Set("Content-Type", "application/json")
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Brdo"`)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // a broken connection is the reader's
}

// maxHMABody is the largest JSON body, in bytes.
const maxHMABody = 64 << 10

// hmaObject reads a JSON object. What the shape does not know is ignored, as HMA
// does: clients send more than is read.
func hmaObject(r *http.Request, into any) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxHMABody+1))
	if err != nil || len(text) > maxHMABody {
		return problem.InvalidField("body", "it broke off or is larger than 64 KiB", "send less").Because(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return problem.InvalidField(kind.Field, "it is of another type", "see docs/hma.md").Because(err)
		}
		return problem.InvalidField("body", "it is no JSON object of the form that this route takes", "see docs/hma.md").Because(err)
	}
	return nil
}
