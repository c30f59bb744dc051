package exchangetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// ThreatHost is where the played ThreatExchange is, ThreatBase the address to configure
// and ThreatGroup the privacy group.
const (
	ThreatHost  = "graph.threats.example"
	ThreatBase  = "https://" + ThreatHost + "/v21.0"
	ThreatGroup = "1234567890"
)

// Threats plays one privacy group of ThreatExchange. As the real one it repeats the
// token in the address of the next page.
type Threats struct {
	Token string
	// PageSize is how many updates are on a page.
	PageSize int

	questions
	updates map[string]Threat
}

// Threat is one indicator.
type Threat struct {
	ID, Indicator, Type string
	Changed             time.Time
	// Deleted is told for a while; a forgotten one is not.
	Deleted bool
	// Descriptors are what members say of it: a status, and tags.
	Descriptors []ThreatDescriptor
}

// ThreatDescriptor is what one member says.
type ThreatDescriptor struct {
	Owner  string
	Status string
	Tags   []string
}

// NewThreats makes an empty group.
func NewThreats(token string) *Threats {
	return &Threats{Token: token, PageSize: 2, updates: map[string]Threat{}}
}

// Put adds or replaces indicators.
func (x *Threats) Put(threats ...Threat) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	for _, t := range threats {
		x.updates[t.ID] = t
	}
}

// Forget loses an indicator without telling of it, as after 90 days.
func (x *Threats) Forget(id string) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	delete(x.updates, id)
}

// ServeHTTP answers one question.
func (x *Threats) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	q := request.URL.Query()
	x.asked = append(x.asked, q)
	answer.Header().Set("Content-Type", "application/json")
	if request.URL.Path != "/v21.0/"+ThreatGroup+"/threat_updates/" || q.Get("access_token") != x.Token {
		answer.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(answer).Encode(map[string]any{"error": map[string]any{"message": "Invalid OAuth access token: " + q.Get("access_token"), "type": "OAuthException", "code": 190}})
		return
	}
	from, _ := strconv.ParseInt(q.Get("start_time"), 10, 64) // none is the beginning
	to, _ := strconv.ParseInt(q.Get("stop_time"), 10, 64)
	first, _ := strconv.Atoi(q.Get("after"))
	var within []Threat
	for _, t := range x.updates {
		if at := t.Changed.Unix(); at >= from && at < to {
			within = append(within, t)
		}
	}
	slices.SortFunc(within, func(a, b Threat) int { return cmp.Or(a.Changed.Compare(b.Changed), cmp.Compare(a.ID, b.ID)) })
	first = min(first, len(within))
	last := min(first+x.PageSize, len(within))
	data := []any{}
	for _, t := range within[first:last] {
		one := map[string]any{"id": t.ID, "last_updated": t.Changed.Unix(), "should_delete": t.Deleted, "indicator": t.Indicator, "type": t.Type}
		if !t.Deleted {
			var said []any
			for i, d := range t.Descriptors {
				tags := []any{}
				for _, tag := range d.Tags {
					tags = append(tags, map[string]string{"id": "1", "text": tag})
				}
				said = append(said, map[string]any{"id": strconv.Itoa(i + 1), "owner": map[string]string{"id": d.Owner}, "status": d.Status, "tags": map[string]any{"data": tags}})
			}
			one["descriptors"] = map[string]any{"data": said}
		}
		data = append(data, one)
	}
	result := map[string]any{"data": data}
	if last < len(within) {
		next := request.URL.Query()
		next.Set("after", strconv.Itoa(last))
		result["paging"] = map[string]any{"cursors": map[string]string{"after": strconv.Itoa(last)}, "next": ThreatBase + "/" + ThreatGroup + "/threat_updates/?" + next.Encode()}
	}
	_ = json.NewEncoder(answer).Encode(result)
}
