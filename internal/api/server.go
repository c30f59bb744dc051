// Package api is the HTTP API of a node, version 1, for services of the same
// organisation: detection, lists, sightings and reports. It holds no rule: each
// call is one call of a desk. The description is served at /openapi.json and
// can be read at /docs.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/ledger"
)

// Options of the API; all are required.
type Options struct {
	Identity *identity.Service
	Lists    *lists.Desk
	Intake   *intake.Desk
	Reports  *reports.Desk
	Ledger   *ledger.Ledger
	// MaxBytes is the largest file of an upload.
	MaxBytes int64
	// Folder is where uploads wait, unlinked, while they are compared.
	Folder string
	// Limits are how much the keys of each source may ask; every source has an
	// entry, which may be zero.
	Limits map[string]Limit
	// Door bounds how much is worked on at once; nil bounds nothing.
	Door *door.Door
	// HMA switches the routes of Hasher-Matcher-Actioner on; nil is off.
	HMA *HMA
	Log *slog.Logger
}

// Server is the http.Handler of the API.
type Server struct {
	options Options
	mux     *http.ServeMux
	handler http.Handler
	api     huma.API
	limits  *limits
}

// New makes the API.
func New(options Options) *Server {
	s := &Server{options: options, mux: http.NewServeMux(), limits: newLimits(options.Limits)}
	config := huma.DefaultConfig("Brdo", "1")
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	config.Info.Description = "Detection against hash lists, lists, sightings and reports. A match never says that something is illegal: a person must decide."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "An API key that the operator made; it is shown once."}}
	config.Security = []map[string][]string{{"key": {}}}
	s.api = humago.New(s.mux, config)
	s.api.UseMiddleware(s.authenticate)
	s.describeDetect()
	s.describeLookup()
	s.describeImport()
	s.listRoutes()
	s.otherRoutes()
	s.mux.HandleFunc("POST /v1/detect", s.detect)
	s.mux.HandleFunc("POST /v1/lookup", s.lookup)
	s.mux.HandleFunc("POST /v1/lists/{id}/import", s.importList)
	s.mux.HandleFunc("GET /docs", s.docs)
	s.handler = options.Door.Behind(s.mux, door.Guard{Urgent: saysPressing, Reading: readingOther, Problem: s.turnAway})
	if options.HMA != nil {
		s.hmaRoutes()
	}
	s.mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.Problem(w, r, problem.New(problem.NotFound, "there is no such address or method", "see /docs"))
	})
	return s
}

// ServeHTTP serves the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	s.handler.ServeHTTP(w, r)
}

// turnAway answers in the form of the route who does not come through the door.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, HMAPath) {
		s.hmaProblem(w, r, err)
		return
	}
	s.Problem(w, r, err)
}

// saysPressing reports what an upload says of itself before its body is read.
func saysPressing(r *http.Request) bool {
	return door.SaysUrgent(r) || r.URL.Query().Get("flagged") == "true"
}

// OpenAPI is the description of the API as JSON.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().MarshalJSON() }

type actorKey struct{}

func (s *Server) machine(ctx context.Context, authorization string) (mandate.Actor, error) {
	token, found := strings.CutPrefix(authorization, "Bearer ")
	if !found {
		token = ""
	}
	actor, err := s.options.Identity.Machine(ctx, token)
	if problem.Is(err, problem.Denied) {
		return actor, &unauthorised{err}
	}
	return actor, err
}

func (s *Server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if !strings.HasPrefix(ctx.URL().Path, "/v1/") {
		next(ctx)
		return
	}
	actor, err := s.machine(ctx.Context(), ctx.Header("Authorization"))
	if err == nil {
		err = door.Begin(ctx.Context(), false)
	}
	if err == nil {
		err = s.limits.take(actor, s.options.Ledger.Now(), 1, false)
	}
	if err != nil {
		r, w := humago.Unwrap(ctx)
		s.Problem(w, r, err)
		return
	}
	next(huma.WithValue(ctx, actorKey{}, actor))
}

func actorOf(ctx context.Context) mandate.Actor {
	actor, _ := ctx.Value(actorKey{}).(mandate.Actor)
	return actor
}

// call wraps a handler so that its errors take the form of problems.
func call[In, Out any](s *Server, handler func(ctx context.Context, actor mandate.Actor, in *In) (*Out, error)) func(context.Context, *In) (*Out, error) {
	return func(ctx context.Context, in *In) (*Out, error) {
		out, err := handler(ctx, actorOf(ctx), in)
		if err == nil {
			return out, nil
		}
		p := describe(err)
		if p.Status == http.StatusInternalServerError {
			s.options.Log.ErrorContext(ctx, "a request failed", "error", err)
		}
		return nil, p
	}
}

// register adds an operation.
func register[In, Out any](s *Server, method, path, id, summary string, handler func(context.Context, mandate.Actor, *In) (*Out, error)) {
	huma.Register(s.api, huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Errors: []int{401, 403, 404, 409, 422, 429, 503}}, call(s, handler))
}

// named is an identifier of a kind of thing. In a path it may stand without its
// kind, which the answers give it ("list/0198…"), or with it and an escaped slash.
func named(kind, id string) string { return kind + "/" + strings.TrimPrefix(id, kind+"/") }

// body is an answer with a JSON body.
type body[T any] struct{ Body T }

// page is one page of a list that is read with a cursor.
type page[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, problem.InvalidField("cursor", "it is not a cursor of this list", "use the cursor that the last page gave")
	}
	return at, nil
}
