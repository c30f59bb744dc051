package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/lookout"
)

// ThreatExchangeSource is one privacy group of Meta's ThreatExchange, read by its
// threat_updates: what changed since a time, in the order of time, in pages that a
// cursor leads through. Deletions are told for 90 days only, so after a longer pause
// everything is read anew.
//
// Source: developers.facebook.com/docs/threat-exchange/reference/apis/threat-updates,
// and github.com/facebook/ThreatExchange, threatexchange/exchanges.
type ThreatExchangeSource struct {
	// Base is https://graph.facebook.com/v21.0, or another version.
	Base string
	// Group is the number of the privacy group.
	Group string
	// Credentials are an access token.
	Credentials Credentials
	Through     *lookout.Lookout
}

// threatForgets is after how long deletions may be lost; five days less than what the
// documentation promises.
const threatForgets = 85 * 24 * time.Hour

// threatCheckpoint is how far a reader has come.
type threatCheckpoint struct {
	// Since is where the next round begins, by the clock of the exchange in seconds;
	// Round when the last began, by ours.
	Since int64     `json:"since"`
	Round time.Time `json:"round"`
	// Until is the end of the round that is being read, After the cursor of its next
	// page. Whole: it reads everything.
	Until int64  `json:"until,omitempty"`
	After string `json:"after,omitempty"`
	Whole bool   `json:"whole,omitempty"`
}

const (
	threatFields = "id,indicator,type,last_updated,should_delete,descriptors{owner{id},tags,status}"
	threatPage   = "500"
	// maxCursor is the longest cursor, in bytes.
	maxCursor = 2000
)

// threatKinds are the types of indicators that are read. The others are links and words,
// which nothing here is compared with.
var threatKinds = map[string]hashlist.Kind{
	"HASH_MD5": hashlist.MD5, "HASH_SHA1": hashlist.SHA1, "HASH_SHA256": hashlist.SHA256, "HASH_PDQ": hashlist.PDQ, "HASH_VIDEO_MD5": hashlist.MD5,
}

// Changes reads updates, see [Source].
func (s *ThreatExchangeSource) Changes(ctx context.Context, checkpoint string, now time.Time) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		at := threatCheckpoint{}
		if checkpoint != "" {
			if err := json.Unmarshal([]byte(checkpoint), &at); err != nil {
				yield(Batch{}, fmt.Errorf("reading a checkpoint: %w", err))
				return
			}
		}
		begins := false
		if at.Round.IsZero() || now.Sub(at.Round) > threatForgets {
			at, begins = threatCheckpoint{Whole: true}, true
		}
		if at.After == "" {
			at.Until, at.Round = now.Unix(), now.UTC()
		}
		resumed, seen := at.After != "", map[string]bool{}
		for first := true; first || at.After != ""; first = false {
			page, err := s.page(ctx, at)
			if err != nil && resumed && refusedQuestion(err) {
				at.After = "" // it forgot the page: the round begins again, which doubles nothing
				page, err = s.page(ctx, at)
			}
			resumed = false
			if err == nil && page.after != "" && (page.after == at.After || seen[page.after]) {
				err = circle()
			}
			if err != nil {
				yield(Batch{}, err)
				return
			}
			seen[page.after] = true
			batch := Batch{Changes: page.changes, Begins: begins, Name: "updates up to " + time.Unix(at.Until, 0).UTC().Format(time.RFC3339), Format: "threat_updates"}
			begins = false
			if at.After = page.after; at.After == "" {
				batch.Ends, batch.UpTo = at.Whole, time.Unix(at.Until, 0).UTC()
				at.Since, at.Until, at.Whole = at.Until, 0, false
			}
			if !batch.handOver(at, yield) {
				return
			}
		}
	}
}

// page asks for one page. The address of the next one that the answer names holds the
// token, so only its cursor is kept.
func (s *ThreatExchangeSource) page(ctx context.Context, at threatCheckpoint) (threatPageOf, error) {
	secret, err := s.Credentials.Read()
	if err != nil {
		return threatPageOf{}, err
	}
	if len(secret.Reveal()) == 0 {
		return threatPageOf{}, s.Credentials.missing("NUMBER|SECRET")
	}
	q := url.Values{"access_token": {string(secret.Reveal())}, "fields": {threatFields}, "limit": {threatPage}, "stop_time": {strconv.FormatInt(at.Until, 10)}}
	if at.Since > 0 {
		q.Set("start_time", strconv.FormatInt(at.Since-1, 10)) // what has the same second is read again
	}
	if at.After != "" {
		q.Set("after", at.After)
	}
	text, err := get(ctx, s.Through, strings.TrimSuffix(s.Base, "/")+"/"+url.PathEscape(s.Group)+"/threat_updates/?"+q.Encode(), func(r *http.Request) {
		r.Header.Set("Accept", "application/json")
	})
	if err != nil {
		return threatPageOf{}, err
	}
	return parseThreats(text)
}

// threatPageOf is one page of updates.
type threatPageOf struct {
	changes []Change
	// after is the cursor of the next page; empty on the last.
	after string
}

// threatUpdate is one indicator. Tags are objects or plain texts.
type threatUpdate struct {
	ID          json.Number `json:"id"`
	Indicator   string      `json:"indicator"`
	Type        string      `json:"type"`
	Delete      bool        `json:"should_delete"`
	Descriptors *struct {
		Data []struct {
			Status string          `json:"status"`
			Tags   json.RawMessage `json:"tags"`
		} `json:"data"`
	} `json:"descriptors"`
}

// parseThreats reads a page.
//
// Errors: Unavailable; nothing of a page that has one is used.
func parseThreats(text []byte) (page threatPageOf, err error) {
	var result struct {
		Data   []threatUpdate `json:"data"`
		Paging struct {
			Next    string `json:"next"`
			Cursors struct {
				After string `json:"after"`
			} `json:"cursors"`
		} `json:"paging"`
	}
	if err := parseJSON(text, &result); err != nil {
		return page, err
	}
	if result.Data == nil {
		return page, odd("it holds no data")
	}
	if len(result.Data) > maxRecords {
		return page, odd("it holds too many entries")
	}
	if result.Paging.Next != "" {
		page.after = result.Paging.Cursors.After
		if next, err := url.Parse(result.Paging.Next); err == nil && page.after == "" {
			page.after = next.Query().Get("after")
		}
		if page.after == "" || len(page.after) > maxCursor {
			return page, odd("there is a next page, but no cursor leads to it")
		}
	}
	for _, u := range result.Data {
		if !isKey(string(u.ID)) {
			return page, odd("an entry has no identifier")
		}
		// Without descriptors nobody stands for it any more, whatever it says.
		if u.Delete || u.Descriptors == nil || len(u.Descriptors.Data) == 0 {
			page.changes = append(page.changes, Change{Key: string(u.ID), Gone: true})
			continue
		}
		var tags []string
		stands, against := 0, 0
		for _, d := range u.Descriptors.Data {
			switch d.Status {
			case "NON_MALICIOUS":
				against++
			default:
				stands++
			}
			tags = append(tags, tagsOf(d.Tags)...)
		}
		slices.Sort(tags)
		category := strings.Join(slices.Compact(tags), " ")
		kind, known := threatKinds[u.Type]
		note := ""
		if against > 0 {
			note = fmt.Sprintf("%d of %d descriptors call it benign", against, stands+against)
		}
		if stands == 0 { // all who say something about it say that it is benign
			page.changes = append(page.changes, Change{Key: string(u.ID), Gone: true})
			continue
		}
		page.changes = append(page.changes, single(string(u.ID), kind, known, u.Indicator, category, note))
	}
	return page, nil
}

// tagsOf reads tags in both forms that are sent: texts, or objects in data.
func tagsOf(raw json.RawMessage) []string {
	var plain []string
	if json.Unmarshal(raw, &plain) == nil {
		return plain
	}
	var object struct {
		Data []struct {
			Text string `json:"text"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	for _, tag := range object.Data {
		plain = append(plain, tag.Text)
	}
	return plain
}

// CheckGroup says what is wrong with the number of a privacy group; nil for a good one.
func CheckGroup(group string) error {
	if _, err := strconv.ParseUint(group, 10, 64); err != nil {
		return problem.InvalidField("group", "it is no number", "give the number of the privacy group")
	}
	return nil
}
