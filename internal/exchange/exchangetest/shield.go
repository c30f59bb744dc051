package exchangetest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"sync"
)

// ShieldHost is where the played Shield is, and ShieldBase the address to configure.
const (
	ShieldHost = "shield.projectarachnid.example"
	ShieldBase = "https://" + ShieldHost
)

// Shield plays Project Arachnid's Shield: it knows some PDQ hashes and files, and remembers
// what it was asked.
type Shield struct {
	User, Password string

	mutex  sync.Mutex
	known  map[string]string
	asked  []string
	media  int
	before func(http.ResponseWriter, *http.Request) bool
}

// NewShield makes one that knows nothing.
func NewShield(user, password string) *Shield {
	return &Shield{User: user, Password: password, known: map[string]string{}}
}

// Know adds what it knows: a PDQ hash or a SHA-256, in hex, and the classification.
func (s *Shield) Know(hash, classification string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.known[hash] = classification
}

// Before lets a function answer in place of Shield, as long as it returns true.
func (s *Shield) Before(answer func(http.ResponseWriter, *http.Request) bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before = answer
}

// Asked returns the hashes, in hex, and how many files it was asked about since the last call.
func (s *Shield) Asked() (hashes []string, media int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	hashes, media = s.asked, s.media
	s.asked, s.media = nil, 0
	return hashes, media
}

// ServeHTTP answers one question.
func (s *Shield) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	s.mutex.Lock()
	before, known := s.before, maps.Clone(s.known)
	s.mutex.Unlock()
	if before != nil && before(answer, request) {
		return
	}
	user, password, _ := request.BasicAuth()
	if user != s.User || password != s.Password {
		answer.Header().Set("WWW-Authenticate", "Basic")
		refuse(answer, http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil || request.Method != http.MethodPost {
		refuse(answer, http.StatusMethodNotAllowed)
		return
	}
	switch request.URL.Path {
	case "/v1/pdq/":
		s.hashes(answer, body, known)
	case "/v1/media/":
		s.file(answer, body, known)
	default:
		refuse(answer, http.StatusNotFound)
	}
}

func refuse(answer http.ResponseWriter, status int) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	_, _ = io.WriteString(answer, `{"detail": "refused"}`)
}

func write(answer http.ResponseWriter, body any) {
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(body)
}

// near is what it says of a file that it knows.
func near(classification string) map[string]any {
	sum := sha256.Sum256([]byte("a file that Shield knows"))
	return map[string]any{"timestamp": 0, "sha1_base32": "3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", "sha256_hex": hex.EncodeToString(sum[:]), "classification": classification}
}

func (s *Shield) hashes(answer http.ResponseWriter, body []byte, known map[string]string) {
	var question struct {
		Hashes []string `json:"hashes"`
	}
	if json.Unmarshal(body, &question) != nil || len(question.Hashes) == 0 {
		refuse(answer, http.StatusUnprocessableEntity)
		return
	}
	scanned := map[string]any{}
	for _, text := range question.Hashes {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != 32 {
			refuse(answer, http.StatusUnprocessableEntity)
			return
		}
		name := hex.EncodeToString(raw)
		s.mutex.Lock()
		s.asked = append(s.asked, name)
		s.mutex.Unlock()
		if classification := known[name]; classification != "" {
			scanned[text] = map[string]any{"classification": classification, "match_type": "near", "near_match_details": near(classification)}
		} else {
			scanned[text] = map[string]any{"classification": "no-known-match", "match_type": nil, "near_match_details": nil}
		}
	}
	write(answer, map[string]any{"scanned_hashes": scanned})
}

func (s *Shield) file(answer http.ResponseWriter, body []byte, known map[string]string) {
	s.mutex.Lock()
	s.media++
	s.mutex.Unlock()
	first, second := sha1.Sum(body), sha256.Sum256(body)
	said := map[string]any{
		"sha1_base32": base32.StdEncoding.EncodeToString(first[:]), "sha256_hex": hex.EncodeToString(second[:]), "size_bytes": len(body),
		"classification": "no-known-match", "match_type": nil, "near_match_details": []any{},
	}
	if classification := known[hex.EncodeToString(second[:])]; classification != "" {
		said["classification"], said["match_type"] = classification, "exact"
	}
	write(answer, said)
}
