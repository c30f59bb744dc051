package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/door"
)

// hmaUpload is one file, of the type of content that its sender calls it.
type hmaUpload struct {
	content io.ReadSeeker
	name    string
	kind    string
	address string
	// signals are the types that are asked for; there is one for each type of content.
	signal string
}

// fileHandler answers about one file.
type fileHandler func(ctx context.Context, actor mandate.Actor, upload hmaUpload, r *http.Request) (reply, error)

// hmaFile answers a request that brings a file. Nothing of it is read before the
// key may submit and its source has a legal basis in force.
func (s *Server) hmaFile(handler fileHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.hmaActor(r)
		if err == nil {
			err = s.limits.readable(actor, s.options.Ledger.Now())
		}
		if err != nil {
			s.hmaProblem(w, r, err)
			return
		}
		if s.options.Intake.Ready(actor) != nil {
			s.hma(func(r *http.Request, actor mandate.Actor) (reply, error) {
				return reply{}, s.mayNotSubmit(r.Context(), actor)
			})(w, r)
			return
		}
		door.Hurry(w, r, readingUpload)
		upload, file, err := s.hmaForm(w, r)
		if err != nil {
			s.hmaProblem(w, r, err)
			return
		}
		defer file.Close()
		s.hma(func(r *http.Request, actor mandate.Actor) (reply, error) {
			return handler(r.Context(), actor, upload, r)
		})(w, r)
	}
}

// mayNotSubmit lets the desk say why a key may not submit, and log it.
func (s *Server) mayNotSubmit(ctx context.Context, actor mandate.Actor) error {
	_, err := s.options.Intake.Hash(ctx, actor, bytes.NewReader(nil))
	if err == nil { // it may by now
		err = problem.New(problem.Unavailable, "nothing was read", "send it again")
	}
	return err
}

// hmaForm reads the one file of a form; the name of its field is the type of the
// content. Other fields are ignored, as HMA does.
func (s *Server) hmaForm(w http.ResponseWriter, r *http.Request) (upload hmaUpload, file spooled, err error) {
	defer func() {
		if err != nil && file != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return upload, nil, problem.New(problem.Invalid, "no file was sent", "send one as multipart/form-data, in a field called photo or video")
	}
	parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, s.options.MaxBytes+maxContext), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && file != nil {
			return upload, file, nil
		}
		if errors.Is(err, io.EOF) {
			return upload, nil, problem.New(problem.Invalid, "no file was sent", "send one as multipart/form-data, in a field called photo or video")
		}
		if err != nil {
			return upload, file, problem.InvalidField("body", "it is not multipart/form-data to its end", "send the request again").Because(err)
		}
		if part.FileName() == "" {
			continue
		}
		if file != nil {
			return upload, file, problem.New(problem.Invalid, "more than one file was sent", "send one file in a request, or several to /v1/detect")
		}
		upload = hmaUpload{name: part.FileName(), kind: part.FormName()}
		if upload.signal, err = hmaSignal(upload.kind, r.URL.Query()["types"]); err != nil {
			return upload, nil, err
		}
		if file, err = s.spool(part); err != nil {
			return upload, nil, err
		}
		upload.content = file
	}
}

// hmaSignal is the type of signals of a type of content, if it is asked for.
func hmaSignal(content string, asked []string) (string, error) {
	signal, known := typesOf[content]
	if !known {
		return "", problem.InvalidField("content_type", "there is no such type of content", "use photo or video")
	}
	if len(asked) == 0 {
		return signal, nil
	}
	wanted := 0
	for name := range strings.SplitSeq(asked[0], ",") {
		switch strings.TrimSpace(name) {
		case "":
		case signal:
			wanted++
		default:
			return "", problem.InvalidField("types", "one of them is not a type of signals of this content", "use pdq for a photo and video_md5 for a video")
		}
	}
	if wanted == 0 {
		return "", problem.InvalidField("types", "none is named", "leave it out")
	}
	return signal, nil
}

// fetched calls with what an address serves. Whether the key may submit is asked
// before; nothing is fetched for one that may not.
func (s *Server) fetched(r *http.Request, actor mandate.Actor, handler fileHandler) (answer reply, err error) {
	q := r.URL.Query()
	if s.options.Intake.Ready(actor) != nil {
		return reply{}, s.mayNotSubmit(r.Context(), actor)
	}
	if s.options.HMA.Fetch == nil {
		return reply{}, problem.InvalidField("url", "this node fetches nothing", "send the file or its hash; the operator can name hosts in hma.fetch_hosts")
	}
	err = s.options.HMA.Fetch(r.Context(), q.Get("url"), func(contentType string, from io.Reader) error {
		upload := hmaUpload{kind: q.Get("content_type"), address: q.Get("url")}
		if upload.kind == "" {
			switch major, _, _ := strings.Cut(strings.ToLower(contentType), "/"); major {
			case "image":
				upload.kind = "photo"
			case "video":
				upload.kind = "video"
			default:
				return problem.InvalidField("content_type", "the server serves neither an image nor a video by what it says", "say photo or video")
			}
		}
		var err error
		if upload.signal, err = hmaSignal(upload.kind, q["types"]); err != nil {
			return err
		}
		file, err := s.spool(from)
		if err != nil {
			return err
		}
		defer file.Close()
		upload.content = file
		answer, err = handler(r.Context(), actor, upload, r)
		return err
	})
	return answer, err
}

func (s *Server) hmaHashURL(r *http.Request, actor mandate.Actor) (reply, error) {
	if r.URL.Query().Get("url") == "" {
		return reply{}, problem.InvalidField("url", "it is missing", "name an address, or send the file with POST")
	}
	return s.fetched(r, actor, s.hmaHashFile)
}

// hmaHashFile gives the hash of a file; an empty one when the picture is too plain
// to be compared.
func (s *Server) hmaHashFile(ctx context.Context, actor mandate.Actor, upload hmaUpload, _ *http.Request) (reply, error) {
	hashed, err := s.options.Intake.Hash(ctx, actor, upload.content)
	if err != nil {
		return reply{}, err
	}
	hash := hashed.Digests.MD5Hex()
	if upload.signal == signalPDQ {
		switch {
		case !hashed.Status.Decoded():
			return reply{}, problem.New(problem.Invalid, fmt.Sprintf("the picture has no hash: %s (%s)", hashed.Status, hashed.Detail), "look at the file; nothing of it was kept")
		case hashed.Quality < pdq.MinimumQuality:
			hash = ""
		default:
			hash = hashed.PDQ.String()
		}
	}
	return good(map[string]string{upload.signal: hash}), nil
}

// hmaLookupFile compares a file as POST /v1/detect does: a person looks at what
// matches.
func (s *Server) hmaLookupFile(ctx context.Context, actor mandate.Actor, upload hmaUpload, r *http.Request) (reply, error) {
	detection, err := s.options.Intake.Detect(ctx, actor, intake.Submission{
		Context: item.Context{URL: upload.address}, Files: []intake.Upload{{Name: upload.name, Content: upload.content}},
	})
	if err != nil {
		return reply{}, err
	}
	file := detection.Files[0]
	if file.NotCompared != "" {
		return reply{}, problem.New(problem.Expired, file.NotCompared, "nothing of the file was kept")
	}
	banks := s.hmaMatches(file.Matches, upload.signal, r)
	answer := good(map[string]hmaMatches{upload.signal: banks})
	if file.Unhashable != "" {
		// HMA has no word for it, so its clients do not look for it; people do.
		answer.header = [2]string{"Brdo-Unhashable", file.Unhashable}
	}
	if r.Method == http.MethodGet && r.URL.Query().Has("signal_type") {
		answer.body = banks
		if r.URL.Query().Get("signal_type") != upload.signal {
			answer.body = hmaMatches{}
		}
	}
	return answer, nil
}
