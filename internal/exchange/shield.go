package exchange

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/lookout"
)

// Asking says what may be looked up at an exchange that gives no list out, and how often.
type Asking struct {
	// Sources are the names of the sources whose uploads are asked about.
	Sources []string
	// Media: the files themselves are sent; else their PDQ hashes alone.
	Media bool
	// PerMinute is how many questions are sent in a minute.
	PerMinute int
	// HoldFor is how long an upload waits for its answer, sealed; MostWaiting how many do.
	HoldFor     time.Duration
	MostWaiting int64
}

// Finding is what an exchange answers about one picture or file.
type Finding struct {
	// Classification is the exchange's word; [NoKnownMatch] when it does not know it.
	Classification string
	// Exact: the file is equal to one that it knows; else it looks like one.
	Exact bool
	// SHA256 is that of the file that it knows, in hex; empty when it did not say.
	SHA256 string
}

// NoKnownMatch is the classification of what Shield does not know.
const NoKnownMatch = "no-known-match"

// Known says that the exchange knows it.
func (f Finding) Known() bool { return f.Classification != NoKnownMatch }

// csam is Shield's classification of child sexual abuse material.
const csam = "csam"

// Before says that of two findings about one picture, in two orientations, this one counts:
// what is known before what is not, and abuse material before all else.
func (f Finding) Before(other Finding) bool {
	return f.Known() && (!other.Known() || f.Classification == csam && other.Classification != csam)
}

// Shield is Project Arachnid's Shield, the look-up of the Canadian Centre for Child
// Protection. It takes PDQ hashes, or whole files; there is no look-up by digests, and no
// list is given out.
//
// Source: the shapes of its clients (github.com/CdnCentreForChildProtection,
// arachnid-shield-sdk-python and -ts). They disagree on whether near_match_details is one
// or several, so both are read.
type Shield struct {
	// Base is its address, for example https://shield.projectarachnid.com.
	Base string
	// Credentials are user:password.
	Credentials Credentials
	Through     *lookout.Lookout
}

const (
	// MaxShieldMedia is the largest file that is sent, in bytes.
	MaxShieldMedia = 64 << 20
	// MaxShieldHashes is how many hashes one question holds; Shield names no limit.
	MaxShieldHashes = 128
)

// Hashes asks about PDQ hashes; the answer has each of them.
//
// Errors: those of [Source].
func (s *Shield) Hashes(ctx context.Context, hashes []pdq.Hash) (map[pdq.Hash]Finding, error) {
	question := struct {
		Hashes []string `json:"hashes"`
	}{}
	for _, h := range hashes {
		question.Hashes = append(question.Hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, fmt.Errorf("writing a question: %w", err)
	}
	text, err := s.ask(ctx, "/v1/pdq/", "application/json", body, shortPatience)
	if err != nil {
		return nil, err
	}
	return parseShieldHashes(text, hashes)
}

// Media asks about a file.
//
// Errors: those of [Source].
func (s *Shield) Media(ctx context.Context, mime string, content []byte) (Finding, error) {
	text, err := s.ask(ctx, "/v1/media/", mime, content, patience)
	if err != nil {
		return Finding{}, err
	}
	return parseShieldMedia(text)
}

func (s *Shield) ask(ctx context.Context, path, mime string, body []byte, patience time.Duration) ([]byte, error) {
	user, password, err := s.Credentials.pair(":", "user:password")
	if err != nil {
		return nil, err
	}
	return say(ctx, s.Through, patience, maxShort, http.MethodPost, strings.TrimSuffix(s.Base, "/")+path, body, func(r *http.Request) {
		r.SetBasicAuth(user, password)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", mime)
	})
}

// shieldAnswer is what it says of one thing.
type shieldAnswer struct {
	Classification string          `json:"classification"`
	MatchType      string          `json:"match_type"`
	SHA256         string          `json:"sha256_hex"`
	Near           json.RawMessage `json:"near_match_details"`
}

// parseShieldHashes reads the answer about hashes, each of which it must hold.
//
// Errors: Unavailable.
func parseShieldHashes(text []byte, hashes []pdq.Hash) (map[pdq.Hash]Finding, error) {
	var answer struct {
		Hashes map[string]*shieldAnswer `json:"scanned_hashes"`
	}
	if err := parseJSON(text, &answer); err != nil {
		return nil, err
	}
	found := map[pdq.Hash]Finding{}
	for _, h := range hashes {
		one, is := answer.Hashes[base64.StdEncoding.EncodeToString(h[:])]
		if !is {
			return nil, odd("it does not answer for every hash")
		}
		if one == nil { // it knows nothing of it
			found[h] = Finding{Classification: NoKnownMatch}
			continue
		}
		finding, err := one.finding()
		if err != nil {
			return nil, err
		}
		if finding.Exact {
			return nil, odd("a hash is called the same file")
		}
		found[h] = finding
	}
	return found, nil
}

// parseShieldMedia reads the answer about a file.
//
// Errors: Unavailable.
func parseShieldMedia(text []byte) (Finding, error) {
	var answer shieldAnswer
	if err := parseJSON(text, &answer); err != nil {
		return Finding{}, err
	}
	return answer.finding()
}

func (a shieldAnswer) finding() (Finding, error) {
	f := Finding{Classification: shorten(a.Classification)}
	switch {
	case f.Classification == "":
		return f, odd("it holds no classification")
	case !f.Known() && a.MatchType != "":
		return f, odd("it calls unknown what it knows")
	case !f.Known():
		return f, nil
	case !slices.Contains([]string{"exact", "near"}, a.MatchType):
		return f, odd("it does not say how it matches")
	}
	f.Exact = a.MatchType == "exact"
	if f.Exact {
		f.SHA256 = digits64(a.SHA256)
		return f, nil
	}
	type detail struct {
		SHA256 string `json:"sha256_hex"`
	}
	var details []detail
	near := bytes.TrimSpace(a.Near)
	switch {
	case len(near) == 0 || bytes.Equal(near, []byte("null")):
	case near[0] == '{':
		details = make([]detail, 1)
		if err := json.Unmarshal(near, &details[0]); err != nil {
			return f, odd("its details cannot be read")
		}
	default:
		if err := json.Unmarshal(near, &details); err != nil {
			return f, odd("its details cannot be read")
		}
	}
	if len(details) > 0 {
		f.SHA256 = digits64(details[0].SHA256)
	}
	return f, nil
}

// digits64 is a SHA-256 in small letters; empty for what is none.
func digits64(text string) string {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != 32 {
		return ""
	}
	return hex.EncodeToString(raw)
}

// Explain says in one sentence what the exchange of a name answered.
func (f Finding) Explain(name string) string {
	how := "like one that it knows; how like, it does not say"
	if f.Exact {
		how = "the same file as one that it knows"
	}
	text := fmt.Sprintf("The exchange %s, which was asked, calls it %q: %s", name, f.Classification, how)
	if f.SHA256 != "" {
		text += " (SHA-256 " + f.SHA256[:12] + "…)"
	}
	return text + "."
}
