package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/store"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// List is a hash list.
type List struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Source       string           `json:"source"`
	Scheme       string           `json:"scheme"`
	Verification string           `json:"verification" enum:"self-reported,single,double,triple"`
	LegalBasis   string           `json:"legal_basis"`
	ValidFrom    *time.Time       `json:"valid_from,omitempty"`
	ValidUntil   *time.Time       `json:"valid_until,omitempty"`
	Radius       int              `json:"radius" doc:"the largest PDQ distance that is a match, in bits"`
	Version      int64            `json:"version"`
	State        string           `json:"state"`
	Entries      map[string]int64 `json:"entries" doc:"how many entries are in each state"`
}

func listOf(l lists.List) List {
	return List{
		ID: l.ID, Name: l.Name, Source: l.Source, Scheme: l.Scheme, Verification: l.Verification, LegalBasis: l.LegalBasis,
		ValidFrom: optional(l.ValidFrom), ValidUntil: optional(l.ValidUntil), Radius: l.Radius, Version: l.Version, State: l.State, Entries: l.Entries,
	}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ListVersion is one change of a list. People make changes of the radius on the list's page, never a
// key.
type ListVersion struct {
	Version    int64     `json:"version"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
	Format     string    `json:"format,omitempty" doc:"of the file that was taken in; or radius: the radius was changed, radius-request: a person asked for a wider one, export-request, export, benign-request, benign"`
	Radius     *int      `json:"radius,omitempty" doc:"that was set or asked for"`
	FileName   string    `json:"file_name,omitempty"`
	FileSHA256 string    `json:"file_sha256,omitempty"`
	Added      int64     `json:"added"`
	Changed    int64     `json:"changed"`
	Refused    int64     `json:"refused"`
}

func versionOf(v store.ListVersion) ListVersion {
	out := ListVersion{
		Version: v.Version, At: v.At, Reason: v.Reason, Format: v.Format, FileName: v.FileName, FileSHA256: v.FileSHA256, Added: v.Added, Changed: v.Changed, Refused: v.Refused,
	}
	if lists.OfRadius(v) {
		out.Radius = &v.Radius
	}
	return out
}

// ListEntry is one row of a list; digests in hexadecimal.
type ListEntry struct {
	ID             string `json:"id"`
	MD5            string `json:"md5,omitempty"`
	SHA1           string `json:"sha1,omitempty"`
	SHA256         string `json:"sha256,omitempty"`
	PDQ            string `json:"pdq,omitempty"`
	Category       string `json:"category"`
	Verification   string `json:"verification"`
	Series         string `json:"series,omitempty"`
	Source         string `json:"source,omitempty"`
	State          string `json:"state" enum:"active,suspended,withdrawn"`
	StateReason    string `json:"state_reason,omitempty"`
	AddedVersion   int64  `json:"added_version"`
	ChangedVersion int64  `json:"changed_version"`
}

func entryOf(e store.ListEntry) ListEntry {
	return ListEntry{
		ID: e.ID, MD5: fmt.Sprintf("%x", e.MD5), SHA1: fmt.Sprintf("%x", e.SHA1), SHA256: fmt.Sprintf("%x", e.SHA256), PDQ: fmt.Sprintf("%x", e.PDQ),
		Category: e.Category, Verification: e.Verification, Series: e.Series, Source: e.Source, State: e.State, StateReason: e.StateReason,
		AddedVersion: e.AddedVersion, ChangedVersion: e.ChangedVersion,
	}
}

func (s *Server) listRoutes() {
	register(s, http.MethodGet, "/v1/lists", "lists", "All lists", func(ctx context.Context, actor mandate.Actor, _ *struct{}) (*body[page[List]], error) {
		found, err := s.options.Lists.Lists(ctx, actor)
		out := &body[page[List]]{Body: page[List]{Items: []List{}}}
		for _, l := range found {
			out.Body.Items = append(out.Body.Items, listOf(l))
		}
		return out, err
	})
	type one struct {
		ID string `path:"id"`
	}
	register(s, http.MethodGet, "/v1/lists/{id}", "list", "One list", func(ctx context.Context, actor mandate.Actor, in *one) (*body[List], error) {
		l, _, _, err := s.options.Lists.List(ctx, actor, named("list", in.ID))
		return &body[List]{listOf(l)}, err
	})
	type versions struct {
		ID    string `path:"id"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(s, http.MethodGet, "/v1/lists/{id}/versions", "list-versions", "What changed in a list and why, the newest first", func(ctx context.Context, actor mandate.Actor, in *versions) (*body[page[ListVersion]], error) {
		rows, err := s.options.Lists.Versions(ctx, actor, named("list", in.ID), in.Limit)
		out := &body[page[ListVersion]]{Body: page[ListVersion]{Items: []ListVersion{}}}
		for _, row := range rows {
			out.Body.Items = append(out.Body.Items, versionOf(row))
		}
		return out, err
	})
	register(s, http.MethodGet, "/v1/exchanges", "exchanges", "How lists stand that are fetched from exchanges", func(ctx context.Context, actor mandate.Actor, _ *struct{}) (*body[page[ListExchange]], error) {
		found, err := s.options.Lists.Exchanges(ctx, actor)
		out := &body[page[ListExchange]]{Body: page[ListExchange]{Items: []ListExchange{}}}
		for _, f := range found {
			out.Body.Items = append(out.Body.Items, exchangeOf(f))
		}
		return out, err
	})
	type entries struct {
		ID     string `path:"id"`
		After  int64  `query:"after" minimum:"0" doc:"the version after which entries changed: a delta"`
		Cursor string `query:"cursor"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(s, http.MethodGet, "/v1/lists/{id}/entries", "list-entries", "Entries, or those that changed after a version", func(ctx context.Context, actor mandate.Actor, in *entries) (*body[page[ListEntry]], error) {
		version, id := in.After, "\uffff"
		if in.Cursor != "" {
			number, rest, found := strings.Cut(in.Cursor, "~")
			parsed, err := strconv.ParseInt(number, 10, 64)
			if !found || err != nil {
				return nil, problem.InvalidField("cursor", "it is not a cursor of this list", "use the cursor that the last page gave")
			}
			version, id = parsed, rest
		}
		rows, more, err := s.options.Lists.Entries(ctx, actor, named("list", in.ID), version, id, in.Limit)
		out := &body[page[ListEntry]]{Body: page[ListEntry]{Items: []ListEntry{}}}
		for _, row := range rows {
			out.Body.Items = append(out.Body.Items, entryOf(row))
			out.Body.Next = fmt.Sprintf("%d~%s", row.ChangedVersion, row.ID)
		}
		if !more {
			out.Body.Next = ""
		}
		return out, err
	})
}

// ListExchange is how a list stands that is fetched from an exchange.
type ListExchange struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind" enum:"ncmec,threatexchange,stopncii,file,arachnid-shield"`
	List        string     `json:"list,omitempty" doc:"the list that follows it; absent when none does"`
	LastFetch   *time.Time `json:"last_fetch,omitempty" doc:"the end of the last round"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
	UpTo        *time.Time `json:"up_to,omitempty" doc:"everything is here that the exchange had then"`
	LagSeconds  *int64     `json:"lag_seconds,omitempty" doc:"how long ago that was"`
	Checkpoint  string     `json:"checkpoint,omitempty" doc:"where the next round goes on, in the exchange's own terms"`
	Entries     int64      `json:"entries" doc:"entries that are compared with"`
	Records     int64      `json:"records" doc:"records of the exchange"`
	Failures    int        `json:"failures" doc:"rounds that failed since one succeeded"`
	Problem     string     `json:"problem,omitempty" doc:"why the last round failed"`
	Waiting     int64      `json:"waiting" doc:"uploads that wait until the exchange has answered about them"`
	VotesOpen   int64      `json:"votes_open" doc:"votes that people approved and that wait, were refused or are outdated"`
	Stale       bool       `json:"stale" doc:"no round succeeded for longer than the operator allows"`
}

func exchangeOf(f lists.Fetching) ListExchange {
	out := ListExchange{
		Name: f.Name, Kind: string(f.Kind), List: f.List.ID, LastFetch: optional(f.FetchedAt), LastSuccess: optional(f.SucceededAt), UpTo: optional(f.UpTo),
		Checkpoint: f.Checkpoint, Entries: f.Active, Records: f.Records, Failures: f.Failures, Problem: f.Problem, Waiting: f.Waiting, VotesOpen: f.VotesOpen(), Stale: f.Stale,
	}
	if f.Lag >= 0 {
		seconds := int64(f.Lag.Seconds())
		out.LagSeconds = &seconds
	}
	return out
}

// maxListFile is the largest list that is sent as a body.
const maxListFile = 16 << 30

// importList takes a file into a list, wholly or not at all. The file is the
// body; its format is recognised.
func (s *Server) importList(w http.ResponseWriter, r *http.Request) {
	actor, err := s.machine(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	if err := s.limits.take(actor, s.options.Ledger.Now(), 1, false); err != nil {
		s.Problem(w, r, err)
		return
	}
	q := r.URL.Query()
	kind := hashlist.SHA256
	if q.Get("kind") != "" {
		if kind, err = hashlist.ParseKind(q.Get("kind")); err != nil {
			s.Problem(w, r, problem.InvalidField("kind", err.Error(), "use md5, sha1, sha256 or pdq"))
			return
		}
	}
	list := named("list", r.PathValue("id"))
	var content io.Reader = http.NoBody // for who may not: the desk says why, and logs it
	if s.options.Lists.Ready(actor, list) == nil {
		door.Hurry(w, r, readingList)
		spool := *s
		spool.options.MaxBytes = maxListFile
		file, err := spool.spool(r.Body)
		if err != nil {
			s.Problem(w, r, err)
			return
		}
		defer file.Close()
		content = file
	}
	if err := door.Begin(r.Context(), false); err != nil {
		s.Problem(w, r, err)
		return
	}
	imported, err := s.options.Lists.Import(r.Context(), actor, list, lists.Import{
		FileName: q.Get("name"), Content: content, Options: hashlist.Options{Format: hashlist.Format(q.Get("format")), Kind64: kind}, Reason: q.Get("reason"),
	})
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(imported) // a broken connection is the reader's
}

// describeImport adds to the description what the library cannot see.
func (s *Server) describeImport() {
	registry := s.api.OpenAPI().Components.Schemas
	text := func(name, in, description string) *huma.Param {
		return &huma.Param{Name: name, In: in, Required: in == "path", Description: description, Schema: &huma.Schema{Type: "string"}}
	}
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodPost, Path: "/v1/lists/{id}/import", OperationID: "import-list", Summary: "Take a file of entries into a list, wholly or not at all",
		Parameters: []*huma.Param{
			text("id", "path", "The list."), text("reason", "query", "Why the entries are taken in."), text("name", "query", "The name of the file."),
			text("format", "query", "The format; without it the file is recognised."), text("kind", "query", "What a column of 64 hexadecimal digits holds: sha256 or pdq."),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
		Responses: map[string]*huma.Response{"200": {Description: "What was taken in", Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(typeOf[lists.Imported](), true, "Imported")},
		}}},
	})
}
