package api

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/strictjson"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/match"
)

// maxLookup is the largest question about hashes, in bytes: a thousand times all
// four, with spaces.
const maxLookup = 512 << 10

// hashesPerQuestion is how many hashes count as one question of a key: nothing has
// to be decoded, so they cost a tenth of a file at most.
const hashesPerQuestion = intake.MaxHashes / SmallestBurst

// KnownHashes are the hashes of one content, in hexadecimal; at least one.
type KnownHashes struct {
	MD5    string `json:"md5,omitempty"`
	SHA1   string `json:"sha1,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	PDQ    string `json:"pdq,omitempty" doc:"in either form and as the picture was hashed; turned and mirrored pictures are found by POST /v1/detect only"`
}

// LookupQuestion asks for hashes.
type LookupQuestion struct {
	Hashes []KnownHashes `json:"hashes" minItems:"1" maxItems:"1000"`
}

// LookupHead is the first line of an answer about hashes.
type LookupHead struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	LegalBasis string          `json:"legal_basis"`
	Hashes     int             `json:"hashes" doc:"how many lines follow, one for each hash, in their order"`
	Skipped    []match.Skipped `json:"skipped_lists"`
	Notice     string          `json:"notice"`
}

// lookup answers what lists know of hashes, as JSON Lines.
func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	actor, err := s.machine(r.Context(), r.Header.Get("Authorization"))
	if err == nil {
		err = s.limits.readable(actor, s.options.Ledger.Now())
	}
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	var hashes []match.Hashes // none for who may not: the desk says why, and logs it
	if s.options.Intake.Ready(actor) == nil {
		text, err := io.ReadAll(io.LimitReader(r.Body, maxLookup+1))
		if err != nil {
			err = problem.InvalidField("body", "it broke off", "send it again to its end").Because(err)
		} else {
			hashes, err = parseLookup(text)
		}
		if err != nil {
			s.Problem(w, r, err)
			return
		}
	}
	answer, err := s.compare(r, actor, hashes)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	lines := json.NewEncoder(w)
	if answer.Skipped == nil {
		answer.Skipped = []match.Skipped{}
	}
	// A broken connection is the reader's, who sees how many lines are missing.
	_ = lines.Encode(LookupHead{answer.ID, answer.Source, answer.LegalBasis, len(answer.Found), answer.Skipped, answer.Notice})
	for _, found := range answer.Found {
		if lines.Encode(found) != nil {
			return
		}
	}
}

// compare asks the desk in the key's turn.
func (s *Server) compare(r *http.Request, actor mandate.Actor, hashes []match.Hashes) (intake.Lookup, error) {
	if err := door.Begin(r.Context(), false); err != nil {
		return intake.Lookup{}, err
	}
	if err := s.limits.take(actor, s.options.Ledger.Now(), (len(hashes)+hashesPerQuestion-1)/hashesPerQuestion, false); err != nil {
		return intake.Lookup{}, err
	}
	return s.options.Intake.Lookup(r.Context(), actor, hashes)
}

// parseLookup reads a question about hashes.
//
// Errors: Invalid, with the hash at fault.
func parseLookup(text []byte) ([]match.Hashes, error) {
	var question LookupQuestion
	if err := strictjson.Decode(text, maxLookup, &question); err != nil {
		return nil, err
	}
	if len(question.Hashes) == 0 || len(question.Hashes) > intake.MaxHashes {
		return nil, problem.InvalidField("hashes", fmt.Sprintf("there is none, or more than %d", intake.MaxHashes), "send at least one, and the rest in further requests")
	}
	all := make([]match.Hashes, len(question.Hashes))
	for i, known := range question.Hashes {
		at := fmt.Sprintf("hashes[%d]", i)
		if known == (KnownHashes{}) {
			return nil, problem.InvalidField(at, "it holds no hash", "give md5, sha1, sha256 or pdq")
		}
		for _, one := range []struct {
			kind, text string
			into       []byte
		}{{"md5", known.MD5, all[i].MD5[:]}, {"sha1", known.SHA1, all[i].SHA1[:]}, {"sha256", known.SHA256, all[i].SHA256[:]}} {
			if one.text == "" {
				continue
			}
			digits, err := hex.DecodeString(one.text)
			if err != nil || copy(one.into, digits) != len(digits) || len(digits) != len(one.into) {
				return nil, problem.InvalidField(at+"."+one.kind, fmt.Sprintf("it has not %d hexadecimal digits", 2*len(one.into)), "check the hash")
			}
		}
		if known.PDQ != "" {
			hash, err := pdq.Parse(known.PDQ)
			if err != nil {
				return nil, problem.InvalidField(at+".pdq", "it has not 64 hexadecimal digits", "check the hash")
			}
			all[i].PDQ = &hash
		}
	}
	return all, nil
}

// describeLookup adds to the description what the library cannot see.
func (s *Server) describeLookup() {
	registry := s.api.OpenAPI().Components.Schemas
	question := registry.Schema(typeOf[LookupQuestion](), true, "LookupQuestion")
	head := registry.Schema(typeOf[LookupHead](), true, "LookupHead")
	found := registry.Schema(typeOf[intake.Found](), true, "Found")
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodPost, Path: "/v1/lookup", OperationID: "lookup", Summary: "Compare up to 1000 hashes with the lists",
		Description: "For a service that has hashes and not the files. The answer is JSON Lines: a head, then one line for each hash, in their order. Ten hashes count as one question of the key. Nothing is kept and nobody looks: hand a file that matched in with POST /v1/detect.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: question}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "A line of the first form, then lines of the second", Content: map[string]*huma.MediaType{"application/jsonl": {Schema: &huma.Schema{OneOf: []*huma.Schema{head, found}}}}},
			"429": {Description: "The key asked more than it may for now, or the node has too much to do. Retry-After says how many seconds to wait."},
		},
	})
}
