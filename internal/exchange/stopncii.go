package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/lookout"
)

// StopNCIISource is StopNCII.org: hashes that adults made of intimate pictures of
// themselves. A record is the state of one hash; it is gone when all its cases are
// withdrawn or deleted.
//
// Source: the shapes of github.com/facebook/ThreatExchange,
// threatexchange/exchanges/clients/stopncii.
type StopNCIISource struct {
	// Base is https://api.stopncii.org/v1.
	Base string
	// Credentials are the key of FetchHashes and the subscription key, with a comma
	// between them.
	Credentials Credentials
	Through     *lookout.Lookout
}

const (
	nciiPage = "800"
	// nciiFirst is the time of the first round, in seconds.
	nciiFirst = 10
)

// nciiCheckpoint is how far a reader has come.
type nciiCheckpoint struct {
	// Since is where the next round begins, in seconds by the clock of the exchange.
	Since int64 `json:"since"`
	// Latest and Token are the round that is being read: where the next begins, and the
	// next page.
	Latest int64  `json:"latest,omitempty"`
	Token  string `json:"token,omitempty"`
}

// Changes reads records, see [Source].
func (s *StopNCIISource) Changes(ctx context.Context, checkpoint string, now time.Time) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		at := nciiCheckpoint{Since: nciiFirst}
		if checkpoint != "" {
			if err := json.Unmarshal([]byte(checkpoint), &at); err != nil {
				yield(Batch{}, fmt.Errorf("reading a checkpoint: %w", err))
				return
			}
		}
		resumed, seen := at.Token != "", map[string]bool{}
		for first := true; first || at.Token != ""; first = false {
			page, err := s.page(ctx, at)
			if err != nil && resumed && refusedQuestion(err) {
				// A token does not hold for long: the round begins again, which doubles nothing.
				at.Latest, at.Token = 0, ""
				page, err = s.page(ctx, at)
			}
			resumed = false
			if err == nil && page.more && (page.token == at.Token || seen[page.token]) {
				err = circle()
			}
			if err != nil {
				yield(Batch{}, err)
				return
			}
			seen[page.token] = true
			batch := Batch{Changes: page.changes, Name: "hashes since " + time.Unix(at.Since, 0).UTC().Format(time.RFC3339), Format: "stopncii-v1"}
			at.Latest, at.Token = max(at.Latest, page.latest), ""
			if page.more {
				at.Token = page.token
			} else {
				batch.UpTo = now.UTC()
				at.Since, at.Latest = max(at.Since, at.Latest), 0
			}
			if !batch.handOver(at, yield) {
				return
			}
		}
	}
}

func (s *StopNCIISource) page(ctx context.Context, at nciiCheckpoint) (nciiPageOf, error) {
	key, subscription, err := s.Credentials.pair(",", "FETCHKEY,SUBSCRIPTIONKEY")
	if err != nil {
		return nciiPageOf{}, err
	}
	q := url.Values{"startTimestamp": {strconv.FormatInt(at.Since, 10)}, "pageSize": {nciiPage}}
	if at.Token != "" {
		q.Set("nextPageToken", at.Token)
	}
	text, err := get(ctx, s.Through, strings.TrimSuffix(s.Base, "/")+"/FetchHashes?"+q.Encode(), func(r *http.Request) {
		r.Header.Set("x-functions-key", key)
		r.Header.Set("Ocp-Apim-Subscription-Key", subscription)
		r.Header.Set("Accept", "application/json")
	})
	if err != nil {
		return nciiPageOf{}, err
	}
	return parseNCII(text)
}

// nciiPageOf is one page of records.
type nciiPageOf struct {
	changes []Change
	// latest is where the next round can begin.
	latest int64
	more   bool
	token  string
}

// nciiKinds are the kinds of signals that are read.
var nciiKinds = map[string]hashlist.Kind{"ImagePDQ": hashlist.PDQ, "VideoMD5": hashlist.MD5}

// parseNCII reads a page.
//
// Errors: Unavailable; nothing of a page that has one is used.
func parseNCII(text []byte) (page nciiPageOf, err error) {
	var result struct {
		Records []struct {
			Type     string            `json:"signalType"`
			Value    string            `json:"hashValue"`
			Status   string            `json:"hashStatus"`
			Cases    map[string]string `json:"caseNumbers"`
			Feedback []struct {
				Value string   `json:"feedbackValue"`
				Tags  []string `json:"tags"`
			} `json:"CSPFeedbacks"`
		} `json:"hashRecords"`
		Next   string `json:"nextPageToken"`
		Latest *int64 `json:"nextSetTimestamp"`
		More   bool   `json:"hasMoreRecords"`
	}
	if err := parseJSON(text, &result); err != nil {
		return page, err
	}
	switch {
	case result.Latest == nil || *result.Latest < 0:
		return page, odd("it does not say where the next round begins")
	case len(result.Records) > maxRecords:
		return page, odd("it holds too many entries")
	case result.More && (result.Next == "" || len(result.Next) > maxCursor):
		return page, odd("there is a next page, but no token leads to it")
	}
	page.latest, page.more, page.token = *result.Latest, result.More, result.Next
	for _, r := range result.Records {
		value := strings.ToLower(strings.TrimSpace(r.Value))
		key := r.Type + ":" + value
		if value == "" || !isKey(key) {
			return page, odd("a record has no hash, or an odd one")
		}
		gone := nciiGone(r.Status)
		if !gone && len(r.Cases) > 0 {
			gone = true
			for _, status := range r.Cases {
				gone = gone && nciiGone(status)
			}
		}
		if gone {
			page.changes = append(page.changes, Change{Key: key, Gone: true})
			continue
		}
		against := 0
		for _, f := range r.Feedback {
			if f.Value == "NotBlocked" {
				against++
			}
		}
		note := ""
		if against > 0 {
			note = fmt.Sprintf("%d of %d services that looked did not block it", against, len(r.Feedback))
		}
		kind, known := nciiKinds[r.Type]
		page.changes = append(page.changes, single(key, kind, known, value, "ncii", note))
	}
	return page, nil
}

func nciiGone(status string) bool { return status == "Withdrawn" || status == "Deleted" }
