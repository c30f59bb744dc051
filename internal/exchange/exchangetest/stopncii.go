package exchangetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// NCIIHost is where the played StopNCII is, and NCIIBase the address to configure.
const (
	NCIIHost = "api.stopncii.example"
	NCIIBase = "https://" + NCIIHost + "/v1"
)

// NCII plays StopNCII.org.
type NCII struct {
	Key, Subscription string
	PageSize          int

	questions
	records map[string]NCIIRecord
}

// NCIIRecord is the state of one hash.
type NCIIRecord struct {
	Type, Value, Status string
	Changed             time.Time
	Cases               map[string]string
	// NotBlocked is how many services looked and did not block it.
	NotBlocked int
}

// NewNCII makes one without hashes.
func NewNCII(key, subscription string) *NCII {
	return &NCII{Key: key, Subscription: subscription, PageSize: 2, records: map[string]NCIIRecord{}}
}

// Put adds or replaces hashes.
func (x *NCII) Put(records ...NCIIRecord) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	for _, r := range records {
		x.records[r.Type+r.Value] = r
	}
}

// ServeHTTP answers one question.
func (x *NCII) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	q := request.URL.Query()
	x.asked = append(x.asked, q)
	if request.Header.Get("x-functions-key") != x.Key || request.Header.Get("Ocp-Apim-Subscription-Key") != x.Subscription {
		http.Error(answer, `{"statusCode":401,"message":"Access denied due to invalid subscription key"}`, http.StatusUnauthorized)
		return
	}
	from, err := strconv.ParseInt(q.Get("startTimestamp"), 10, 64)
	if err != nil || request.URL.Path != "/v1/FetchHashes" {
		http.Error(answer, "", http.StatusBadRequest)
		return
	}
	first, _ := strconv.Atoi(q.Get("nextPageToken")) // the first page has none
	var within []NCIIRecord
	for _, r := range x.records {
		if r.Changed.Unix() >= from {
			within = append(within, r)
		}
	}
	slices.SortFunc(within, func(a, b NCIIRecord) int { return cmp.Or(a.Changed.Compare(b.Changed), cmp.Compare(a.Value, b.Value)) })
	first = min(first, len(within))
	last := min(first+x.PageSize, len(within))
	records, latest := []any{}, from
	for _, r := range within[first:last] {
		latest = max(latest, r.Changed.Unix())
		feedback := []any{}
		for range r.NotBlocked {
			feedback = append(feedback, map[string]any{"source": "A service", "feedbackValue": "NotBlocked", "tags": []string{}})
		}
		records = append(records, map[string]any{
			"lastModtimestamp": r.Changed.Unix(), "hashValue": r.Value, "hashStatus": r.Status, "signalType": r.Type, "caseNumbers": r.Cases, "CSPFeedbacks": feedback,
		})
	}
	answer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(answer).Encode(map[string]any{
		"count": len(records), "nextPageToken": strconv.Itoa(last), "nextSetTimestamp": latest, "hasMoreRecords": last < len(within), "hashRecords": records,
	})
}
