package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/strictjson"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/door"
)

// maxContext is the largest description of an upload, in bytes.
const maxContext = 256 << 10

// maxUpload is the largest multipart request, in bytes, so that one request
// cannot fill the temporary folder with the hundred files it may hold.
const maxUpload = 1 << 30

// How long the body of an upload and of a list may take to come from a known
// key, and that of another request from anybody.
const (
	readingUpload = 10 * time.Minute
	readingList   = 4 * time.Hour
	readingOther  = 30 * time.Second
)

// Described is what a service knows of an upload: the part "context" of a
// multipart request.
type Described struct {
	item.Context
	ClientRef string       `json:"client_ref"`
	Signals   []law.Signal `json:"signals"`
	Flagged   bool         `json:"flagged"`
}

// detect takes one file as the body, or several as multipart/form-data.
func (s *Server) detect(w http.ResponseWriter, r *http.Request) {
	actor, err := s.machine(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	if err := s.limits.readable(actor, s.options.Ledger.Now()); err != nil {
		s.Problem(w, r, err)
		return
	}
	if s.options.Intake.Ready(actor) != nil {
		// Nothing is read; the desk says why, and logs it. It costs a question, so
		// that nobody fills the log with refusals.
		if err = door.Begin(r.Context(), false); err == nil {
			err = s.limits.take(actor, s.options.Ledger.Now(), 1, false)
		}
		if err != nil {
			s.Problem(w, r, err)
			return
		}
		_, err = s.options.Intake.Detect(r.Context(), actor, intake.Submission{})
		s.Problem(w, r, err)
		return
	}
	door.Hurry(w, r, readingUpload)
	submission, closeAll, err := s.submission(w, r)
	defer closeAll()
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	if err := door.Begin(r.Context(), pressing(submission)); err != nil {
		s.Problem(w, r, err)
		return
	}
	if err := s.limits.take(actor, s.options.Ledger.Now(), len(submission.Files), pressing(submission)); err != nil {
		s.Problem(w, r, err)
		return
	}
	submission.IdempotencyKey = r.Header.Get("Idempotency-Key")
	detection, err := s.options.Intake.Detect(r.Context(), actor, submission)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(detection) // a broken connection is the reader's
}

func (s *Server) submission(w http.ResponseWriter, r *http.Request) (submission intake.Submission, closeAll func(), err error) {
	var files []spooled
	closeAll = func() {
		for _, file := range files {
			_ = file.Close() // nothing of it is left to be lost
		}
	}
	keep := func(name string, from io.Reader) error {
		file, err := s.spool(from)
		if err != nil {
			return err
		}
		files = append(files, file)
		submission.Files = append(submission.Files, intake.Upload{Name: name, Content: file})
		return nil
	}
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		q := r.URL.Query()
		submission.ClientRef, submission.Flagged = q.Get("client_ref"), q.Get("flagged") == "true"
		submission.Context.URL = q.Get("url")
		return submission, closeAll, keep(q.Get("name"), r.Body)
	}
	limit := max(s.options.MaxBytes, maxUpload) + maxContext
	described, taken := false, 0
	var large error
	parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, limit), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			if taken == 0 {
				return submission, closeAll, large // there is no other that it would spoil
			}
			return submission, closeAll, nil
		}
		if err != nil {
			return submission, closeAll, problem.InvalidField("body", "it is not multipart/form-data to its end", "send the request again").Because(err)
		}
		if len(submission.Files) > intake.MaxFiles {
			return submission, closeAll, problem.InvalidField("files", fmt.Sprintf("more than %d were sent at once", intake.MaxFiles), "send them in several requests")
		}
		if part.FormName() == "context" {
			if described {
				return submission, closeAll, problem.InvalidField("context", "it was sent twice", "send one description for all files")
			}
			described = true
			err = describeUpload(part, &submission)
		} else {
			err = keep(part.FileName(), part)
			if taken++; errors.Is(err, errTooLarge) {
				// One file of a form spoils no other; the rest of it is passed over.
				submission.Files = append(submission.Files, intake.Upload{Name: part.FileName(), Refused: problem.From(err).Reason})
				taken, large, err = taken-1, err, nil
			}
		}
		if err != nil {
			return submission, closeAll, err
		}
	}
}

func describeUpload(part io.Reader, submission *intake.Submission) error {
	text, err := io.ReadAll(io.LimitReader(part, maxContext+1))
	if err != nil || len(text) > maxContext {
		return problem.InvalidField("context", "it broke off or is larger than 256 KiB", "send less").Because(err)
	}
	var d Described
	if err := strictjson.Decode(text, maxContext, &d); err != nil {
		found := *problem.From(err)
		found.Field = strings.TrimSuffix("context."+found.Field, ".")
		found.Remedy = cmp.Or(found.Remedy, "see /docs")
		return &found
	}
	submission.Context, submission.ClientRef, submission.Signals, submission.Flagged = d.Context, d.ClientRef, d.Signals, d.Flagged
	return nil
}

// describeDetect adds to the description what the library cannot see.
func (s *Server) describeDetect() {
	registry := s.api.OpenAPI().Components.Schemas
	answer := registry.Schema(typeOf[intake.Detection](), true, "Detection")
	described := registry.Schema(typeOf[Described](), true, "UploadContext")
	file := &huma.Schema{Type: "string", Format: "binary"}
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodPost, Path: "/v1/detect", OperationID: "detect", Summary: "Compare files with the lists",
		Description: "One file as the body, or several as multipart/form-data with a part \"context\" (JSON). The answer leaves after everything it speaks of is durable. It never says that a file is illegal: a person must decide. Up to 100 files; each is answered for by itself, in their order: one that is broken, empty or too large spoils no other.",
		Parameters: []*huma.Param{
			{Name: "Idempotency-Key", In: "header", Description: "A repeated request with the same key gets the same answer and has no second effect.", Schema: &huma.Schema{Type: "string"}},
			{Name: "flagged", In: "query", Description: "A user or moderator asked for a look: a person looks even without a match.", Schema: &huma.Schema{Type: "boolean"}},
			{Name: "client_ref", In: "query", Schema: &huma.Schema{Type: "string"}},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: file},
			"multipart/form-data":      {Schema: &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"context": described, "file": file}}},
		}},
		Responses: map[string]*huma.Response{"200": {Description: "What was found", Content: map[string]*huma.MediaType{"application/json": {Schema: answer}}},
			"429": {Description: "The key asked more than it may for now (a file is one question), or the node has too much to do. Retry-After says how many seconds to wait. Flagged and urgent files have a reserve; a request that says so before its body, by flagged or by the header \"Priority: u=0\" (RFC 9218), is read even when the node reads no others."}},
	})
}
