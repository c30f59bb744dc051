package api

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// Sighting is one occurrence of an item.
type Sighting struct {
	ID         string          `json:"id"`
	Item       string          `json:"item" doc:"SHA-256 of the content"`
	Source     string          `json:"source"`
	LegalBasis string          `json:"legal_basis"`
	ClientRef  string          `json:"client_ref,omitempty"`
	At         time.Time       `json:"at"`
	Matches    []match.Match   `json:"matches"`
	Inherited  string          `json:"inherited_decision,omitempty"`
	Report     string          `json:"report,omitempty"`
	Context    json.RawMessage `json:"context"`
}

func sightingOf(row store.SightingRow) (Sighting, error) {
	s := Sighting{
		ID: row.ID, Item: row.ItemID, Source: row.Source, LegalBasis: row.LegalBasis, ClientRef: row.ClientRef, At: row.At, Inherited: row.Inherited,
		Report: row.ReportedIn, Context: row.Context,
	}
	if err := json.Unmarshal(row.Matches, &s.Matches); err != nil {
		return s, fmt.Errorf("reading the matches of %s: %w", row.ID, err)
	}
	return s, nil
}

// Report is a report as the services of the provider see it.
type Report struct {
	ID           string           `json:"id"`
	State        string           `json:"state"`
	Form         string           `json:"form"`
	Recipient    string           `json:"recipient,omitempty" doc:"the node id of the Centre, or cybertipline; nothing while people have to choose"`
	Urgent       bool             `json:"urgent"`
	Completeness int              `json:"completeness"`
	Missing      []report.Missing `json:"missing,omitempty"`
	Envelope     string           `json:"envelope,omitempty"`
	Receipt      string           `json:"receipt,omitempty" doc:"the receiver's signed receipt, a compact JWS"`
	CyberTip     int64            `json:"cybertip,omitempty" doc:"the number of a report that was finished at NCMEC's CyberTipline"`
	Pursued      []Pursued        `json:"pursued,omitempty" doc:"what was sent to correct the report, to take it back or to have it erased"`
	CreatedAt    time.Time        `json:"created_at"`
	ChangedAt    time.Time        `json:"changed_at"`
	Notice       string           `json:"user_notice,omitempty" doc:"pending, held_until, due, sent or not_applicable"`
	NoticeDue    *time.Time       `json:"user_notice_due,omitempty"`
}

// Pursued is how far a correction, recall or erasure of a report has come.
type Pursued struct {
	Kind        string     `json:"kind" doc:"correction, recall or erasure"`
	SentAt      time.Time  `json:"sent_at"`
	ReceiptedAt *time.Time `json:"receipted_at,omitempty" doc:"when the receiver's receipt came"`
	Settled     bool       `json:"settled" doc:"the receiver, and everybody to whom it passed the report on, has receipted"`
}

func reportOf(row store.ReportRow) Report {
	return Report{
		ID: row.ID, State: row.State, Form: row.Form, Recipient: row.Recipient, Urgent: row.Urgent, Completeness: row.Completeness, Envelope: row.Envelope,
		CreatedAt: row.CreatedAt, ChangedAt: row.ChangedAt, Notice: row.NoticeState, NoticeDue: optional(row.NoticeDue),
	}
}

func (s *Server) otherRoutes() {
	type cursor struct {
		Cursor string `query:"cursor"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	register(s, http.MethodGet, "/v1/sightings", "sightings", "Sightings of this key's source, oldest first", func(ctx context.Context, actor mandate.Actor, in *cursor) (*body[page[Sighting]], error) {
		rows, more, err := s.options.Intake.Sightings(ctx, actor, in.Cursor, in.Limit)
		out := &body[page[Sighting]]{Body: page[Sighting]{Items: []Sighting{}}}
		for _, row := range rows {
			sighting, err := sightingOf(row)
			if err != nil {
				return nil, err
			}
			out.Body.Items = append(out.Body.Items, sighting)
			out.Body.Next = row.ID
		}
		if !more {
			out.Body.Next = ""
		}
		return out, err
	})
	register(s, http.MethodGet, "/v1/reports", "reports", "Reports, the last changed first", func(ctx context.Context, actor mandate.Actor, in *cursor) (*body[page[Report]], error) {
		before, err := moment(in.Cursor)
		if err != nil {
			return nil, err
		}
		found, err := s.options.Reports.Reports(ctx, actor, before, in.Limit)
		out := &body[page[Report]]{Body: page[Report]{Items: []Report{}}}
		for _, row := range found.Reports {
			out.Body.Items = append(out.Body.Items, reportOf(row))
			out.Body.Next = row.ChangedAt.Format(time.RFC3339Nano)
		}
		if !found.More {
			out.Body.Next = ""
		}
		return out, err
	})
	type one struct {
		ID string `path:"id"`
	}
	register(s, http.MethodGet, "/v1/reports/{id}", "report", "One report, what it lacks and its receipt", func(ctx context.Context, actor mandate.Actor, in *one) (*body[Report], error) {
		view, err := s.options.Reports.Report(ctx, actor, named("report", in.ID))
		if err != nil {
			return nil, err
		}
		out := reportOf(view.ReportRow)
		out.Missing = view.Completeness.Missing
		for _, envelope := range view.Envelopes {
			if envelope.ID == out.Envelope {
				out.Receipt = envelope.Receipt
			}
		}
		if latest, is := view.CyberTip.Latest(); is && latest.State == cybertip.Finished {
			out.CyberTip = latest.Report
		}
		for _, p := range view.Pursuits {
			out.Pursued = append(out.Pursued, Pursued{p.Kind, p.CreatedAt, optional(p.AnsweredAt), p.Settled()})
		}
		return &body[Report]{out}, nil
	})
	register(s, http.MethodGet, "/v1/reports/{id}/information", "user-information", "What a person prepared for the user concerned, for the service that shows it", func(ctx context.Context, actor mandate.Actor, in *one) (*body[report.Information], error) {
		_, notice, err := s.options.Reports.Sheet(ctx, actor, named("report", in.ID))
		if err != nil {
			return nil, err
		}
		return &body[report.Information]{*notice.Told}, nil
	})
	register(s, http.MethodPost, "/v1/reports/{id}/informed", "user-informed", "Record that the user was shown what a person prepared", func(ctx context.Context, actor mandate.Actor, in *one) (*struct{}, error) {
		return nil, s.options.Reports.Informed(ctx, actor, named("report", in.ID))
	})
	type compose struct {
		Body struct {
			Item     string `json:"item" pattern:"^[0-9a-f]{64}$"`
			Sighting string `json:"sighting,omitempty"`
		}
	}
	type composed struct {
		ID string `json:"id"`
	}
	register(s, http.MethodPost, "/v1/reports", "compose-report", "Begin a report about a decided item; people complete and send it", func(ctx context.Context, actor mandate.Actor, in *compose) (*body[composed], error) {
		id, err := s.options.Reports.Compose(ctx, actor, in.Body.Item, in.Body.Sighting)
		return &body[composed]{composed{id}}, err
	})
}

var docsPage = template.Must(template.New("docs").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>API of this node</title></head>
<body><main><h1>{{.Title}}, API version {{.Version}}</h1><p>{{.About}}</p>
<p>Send <code>Authorization: Bearer brdo_…</code>; the operator makes keys. Errors are <code>application/problem+json</code> (RFC 9457) with <code>field</code> and <code>remedy</code>. The whole description: <a href="/openapi.json">openapi.json</a>.</p>
{{range .Operations}}<section><h2 id="{{.ID}}"><code>{{.Method}} {{.Path}}</code></h2><p>{{.Summary}}</p>{{if .Text}}<p>{{.Text}}</p>{{end}}
{{if .Parameters}}<dl>{{range .Parameters}}<dt><code>{{.Name}}</code> ({{.In}})</dt><dd>{{.Description}}</dd>{{end}}</dl>{{end}}</section>
{{end}}</main></body></html>
`))

// operation is one entry of the page at /docs.
type operation struct {
	ID, Method, Path, Summary, Text string
	Parameters                      []*huma.Param
}

// docs shows the description as a page without any script.
func (s *Server) docs(w http.ResponseWriter, r *http.Request) {
	description := s.api.OpenAPI()
	var operations []operation
	for path, item := range description.Paths {
		for method, o := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post} {
			if o != nil {
				operations = append(operations, operation{o.OperationID, method, path, o.Summary, o.Description, o.Parameters})
			}
		}
	}
	slices.SortFunc(operations, func(a, b operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	err := docsPage.Execute(w, struct {
		Title, Version, About string
		Operations            []operation
	}{description.Info.Title, description.Info.Version, description.Info.Description, operations})
	if err != nil {
		s.options.Log.ErrorContext(r.Context(), "the page could not be written", "error", err)
	}
}
