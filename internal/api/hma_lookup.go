package api

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// hmaMatch is a hit as clients of HMA read it: the distance is a text.
type hmaMatch struct {
	Content  int64  `json:"bank_content_id"`
	Distance string `json:"distance"`
}

// hmaMatches are hits by the names of banks.
type hmaMatches map[string][]hmaMatch

// hmaMatches puts hits into the shape of HMA, those of the banks that are asked for.
// HMA has no exact digests of pictures; an equal file is one of distance 0. It cannot say that a
// match was set aside, so such a match is left out; the log counts it.
func (s *Server) hmaMatches(found []match.Match, signal string, r *http.Request) hmaMatches {
	names, wanted := s.bankNames(), r.URL.Query().Get("banks")
	banks := hmaMatches{}
	for _, m := range match.Standing(found) {
		bank := names[m.List]
		if wanted != "" && !slices.Contains(strings.Split(wanted, ","), bank) {
			continue
		}
		distance := strconv.Itoa(m.Distance)
		if signal == signalMD5 && m.Kind.Exact() {
			distance = "-" // as HMA writes of types that have none
		}
		banks[bank] = append(banks[bank], hmaMatch{store.EntryNumber(m.Entry), distance})
	}
	return banks
}

// parseSignal reads a signal of a type.
//
// Errors: Invalid.
func parseSignal(kind, text string) (h match.Hashes, err error) {
	switch kind {
	case signalPDQ:
		hash, err := pdq.Parse(text)
		if err != nil {
			return h, problem.InvalidField("signal", "invalid signal: a PDQ hash has 64 hexadecimal digits", "check the hash; a picture that is too plain has none")
		}
		h.PDQ = &hash
		return h, nil
	case signalMD5:
		digits, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(digits) != len(h.MD5) {
			return h, problem.InvalidField("signal", "invalid signal: an MD5 has 32 hexadecimal digits", "check the hash")
		}
		copy(h.MD5[:], digits)
		return h, nil
	}
	return h, problem.InvalidField("signal_type", "No such SignalType", "use pdq or video_md5")
}

// asked compares the signal of a request.
func (s *Server) asked(r *http.Request, actor mandate.Actor) (answer reply, found hmaMatches, err error) {
	q := r.URL.Query()
	var hashes []match.Hashes // none for who may not: the desk says why, and logs it
	if s.options.Intake.Ready(actor) == nil {
		if q.Get("signal") == "" || q.Get("signal_type") == "" {
			return answer, nil, problem.New(problem.Invalid, "Either url or both signal and signal_type are required", "name them in the address")
		}
		one, err := parseSignal(q.Get("signal_type"), q.Get("signal"))
		if err != nil {
			return answer, nil, err
		}
		hashes = []match.Hashes{one}
	}
	looked, err := s.options.Intake.Lookup(r.Context(), actor, hashes)
	if err != nil {
		return answer, nil, err
	}
	one := looked.Found[0]
	if one.NotCompared != "" {
		return answer, nil, problem.New(problem.Expired, one.NotCompared, "nothing was compared")
	}
	answer.status = http.StatusOK
	if one.More > 0 {
		answer.header = [2]string{"Brdo-More-Matches", strconv.Itoa(one.More)}
	}
	return answer, s.hmaMatches(one.Matches, q.Get("signal_type"), r), nil
}

func (s *Server) hmaLookup(r *http.Request, actor mandate.Actor) (reply, error) {
	if r.URL.Query().Get("url") != "" {
		return s.fetched(r, actor, s.hmaLookupFile)
	}
	answer, found, err := s.asked(r, actor)
	answer.body = found
	return answer, err
}

func (s *Server) hmaRawLookup(r *http.Request, actor mandate.Actor) (reply, error) {
	answer, found, err := s.asked(r, actor)
	if err != nil {
		return answer, err
	}
	full, ids := []hmaMatch{}, []int64{}
	for _, matches := range found {
		full = append(full, matches...)
	}
	slices.SortFunc(full, func(a, b hmaMatch) int { return cmp.Compare(a.Content, b.Content) })
	for _, m := range full {
		ids = append(ids, m.Content)
	}
	answer.body = map[string]any{"matches": ids}
	if with, _ := strconv.ParseBool(r.URL.Query().Get("include_distance")); with {
		answer.body = map[string]any{"matches": full}
	}
	return answer, nil
}

// hmaCompare calculates with what it is sent and asks no list, so it is no act.
func (s *Server) hmaCompare(r *http.Request, _ mandate.Actor) (reply, error) {
	var pairs map[string]json.RawMessage
	if err := hmaObject(r, &pairs); err != nil {
		return reply{}, err
	}
	return compareSignals(pairs)
}

func compareSignals(pairs map[string]json.RawMessage) (reply, error) {
	results := map[string][2]any{}
	for kind, text := range pairs {
		var pair []string
		if json.Unmarshal(text, &pair) != nil || len(pair) != 2 {
			return reply{}, problem.InvalidField("body", "the hashes of a type are not a list of two", `send {"pdq":["…","…"]}`)
		}
		left, err := parseSignal(kind, pair[0])
		if err != nil {
			return reply{}, err
		}
		right, err := parseSignal(kind, pair[1])
		if err != nil {
			return reply{}, err
		}
		if kind == signalPDQ {
			distance := left.PDQ.Distance(*right.PDQ)
			results[kind] = [2]any{distance <= lists.DefaultRadius, map[string]int{"distance": distance}}
			continue
		}
		results[kind] = [2]any{left.MD5 == right.MD5, map[string]int{}}
	}
	return good(results), nil
}

// hmaIndexStatus: the index follows the lists within a second, so it is always
// built to now.
func (s *Server) hmaIndexStatus(r *http.Request, actor mandate.Actor) (reply, error) {
	return s.perSignal(r, actor, func(size int, now int64) any {
		return map[string]any{"present": true, "built_to": now, "size": size}
	})
}

func (s *Server) hmaSignalIndex(r *http.Request, actor mandate.Actor) (reply, error) {
	return s.perSignal(r, actor, func(size int, now int64) any {
		return map[string]any{"db_size": size, "index_size": size, "index_out_of_date": false, "newest_db_item": now, "index_built_to": now}
	})
}

func (s *Server) perSignal(r *http.Request, actor mandate.Actor, about func(size int, now int64) any) (reply, error) {
	counts, err := s.options.Lists.Indexed(r.Context(), actor)
	if err != nil {
		return reply{}, err
	}
	now := s.options.Ledger.Now().Unix()
	all := map[string]any{signalPDQ: about(counts.PDQ, now), signalMD5: about(counts.MD5, now)}
	if only := r.URL.Query(); only.Has("signal_type") {
		one, known := all[only.Get("signal_type")]
		if !known {
			return reply{}, problem.InvalidField("signal_type", "No such signal type", "use pdq or video_md5")
		}
		all = map[string]any{only.Get("signal_type"): one}
	}
	return good(all), nil
}
