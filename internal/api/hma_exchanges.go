package api

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/exchange"
)

// exchangeAPI is what brings lists of other organisations here: their nodes deliver
// them in signed envelopes. Beside it stand those of [hmaAPIs].
const exchangeAPI = "brdo"

// hmaAPIs are the names by which HMA knows the kinds of exchanges.
var hmaAPIs = map[exchange.Kind]string{
	exchange.NCMEC: "ncmec", exchange.ThreatExchange: "fb_threatexchange", exchange.StopNCII: "stopncii", exchange.File: "local_file",
}

func (s *Server) hmaExchanges(r *http.Request, actor mandate.Actor) (reply, error) {
	heads, err := s.options.Lists.Heads(r.Context(), actor)
	names, exchanges := s.bankNames(), []string{}
	for _, l := range heads {
		if l.SourceNode != "" {
			exchanges = append(exchanges, names[l.ID])
		}
	}
	return good(exchanges), err
}

// hmaExchange tells of a list that follows one of another organisation.
func (s *Server) hmaExchange(r *http.Request, actor mandate.Actor) (reply, error) {
	name := r.PathValue("bank")
	f, err := s.options.Lists.Followed(r.Context(), actor, s.bankOf(name))
	told := map[string]any{"name": name, "api": exchangeAPI, "enabled": s.bank(f.HashList).Ratio == 1, "node": f.SourceNode, "list": f.SourceList}
	if at, is := lists.FollowsExchange(f.HashList); is {
		told = map[string]any{"name": name, "api": nil, "enabled": told["enabled"], "exchange": at}
		if f.Fetching != nil {
			told["api"] = hmaAPIs[f.Fetching.Kind]
		}
	}
	return good(told), noSuch(err, "Exchange '"+name+"' not found")
}

// hmaExchangeStatus tells how far it has come. Lists are delivered, not fetched: when
// the other has something new, it says so. So nothing is known of what it has not
// said, and "up_to_date" is null. A list that is fetched from an exchange is up to
// date when the last round read to the end.
func (s *Server) hmaExchangeStatus(r *http.Request, actor mandate.Actor) (reply, error) {
	name := r.PathValue("bank")
	f, err := s.options.Lists.Followed(r.Context(), actor, s.bankOf(name))
	status := map[string]any{
		"checkpoint_ts": nil, "running_fetch_start_ts": nil, "last_fetch_complete_ts": nil, "last_fetch_succeeded": nil, "up_to_date": nil, "fetched_items": f.Active,
	}
	if at := f.Fetching; at != nil {
		second := func(t time.Time) any {
			if t.IsZero() {
				return nil
			}
			return t.Unix()
		}
		status["checkpoint_ts"], status["last_fetch_complete_ts"] = second(at.UpTo), second(at.FetchedAt)
		if !at.FetchedAt.IsZero() {
			status["last_fetch_succeeded"] = at.Problem == ""
			status["up_to_date"] = at.Problem == "" && !at.Stale
		}
	}
	if f.SourceVersion > 0 {
		at := f.Last.At.Unix()
		status["checkpoint_ts"], status["last_fetch_complete_ts"], status["last_fetch_succeeded"] = at, at, true
	}
	return good(status), noSuch(err, "Exchange '"+name+"' not found")
}

// hmaChangeExchange refuses: what an organisation follows, and with which
// credentials, is set by people.
func (s *Server) hmaChangeExchange(r *http.Request, actor mandate.Actor) (reply, error) {
	list := ""
	if bank := r.PathValue("bank"); bank != "" {
		list = s.bankOf(bank)
	}
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListCreate, list, "which lists this organisation follows is decided by people", "let a list manager make a list that follows another")
}

func (s *Server) hmaExchangeAPIs(*http.Request, mandate.Actor) (reply, error) {
	return good(append([]string{exchangeAPI}, slices.Sorted(maps.Values(hmaAPIs))...)), nil
}

func knownAPI(r *http.Request) error {
	name := r.PathValue("api")
	if name == exchangeAPI || slices.Contains(slices.Collect(maps.Values(hmaAPIs)), name) {
		return nil
	}
	return problem.New(problem.NotFound, "there is no such exchange API", "see /c/exchanges/apis")
}

func (s *Server) hmaExchangeAPI(r *http.Request, _ mandate.Actor) (reply, error) {
	return good(map[string]bool{"supports_authentification": false, "has_set_authentification": false}), knownAPI(r)
}

func (s *Server) hmaExchangeSchema(r *http.Request, _ mandate.Actor) (reply, error) {
	return good(map[string]any{"config_schema": map[string][]string{"fields": {}}, "credentials_schema": nil}), knownAPI(r)
}

// hmaSignalTypes: both are always compared.
func (s *Server) hmaSignalTypes(*http.Request, mandate.Actor) (reply, error) {
	return good([]map[string]any{{"name": signalPDQ, "enabled_ratio": 1}, {"name": signalMD5, "enabled_ratio": 1}}), nil
}

func (s *Server) hmaChangeSignalType(r *http.Request, actor mandate.Actor) (reply, error) {
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListEntryChange, "", "types of signals are not switched", "a list manager suspends the lists that hold them")
}

func (s *Server) hmaContentTypes(*http.Request, mandate.Actor) (reply, error) {
	return good([]map[string]any{{"name": "photo", "enabled": true}, {"name": "video", "enabled": true}}), nil
}
