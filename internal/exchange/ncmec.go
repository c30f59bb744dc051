package exchange

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/lookout"
)

// NCMECSource is NCMEC Hash Sharing, version 2. Its entries are asked for by the time
// at which they changed, and come in pages that are in no order of time: so the time
// moves on only when all pages of a span were read, and until then the checkpoint
// holds the span with the next page.
//
// Source: the shapes of documentation v2 as NCMEC's members use it
// (github.com/facebook/ThreatExchange, threatexchange/exchanges/clients/ncmec).
type NCMECSource struct {
	// Base is the address of one of its databases, for example
	// https://report.cybertip.org/hashsharing.
	Base string
	// Credentials are user:password.
	Credentials Credentials
	// Since is the beginning of the first span.
	Since   time.Time
	Through *lookout.Lookout
}

const (
	// ncmecSpan is the first span that is asked for; one without entries doubles it, up
	// to ncmecLongest.
	ncmecSpan    = 30 * 24 * time.Hour
	ncmecLongest = 365 * 24 * time.Hour
	// ncmecSettles is how long an entry may take to be found by its time; spans overlap
	// by as much.
	ncmecSettles = time.Minute
	ncmecTime    = "2006-01-02T15:04:05Z"
)

// ncmecCheckpoint is how far a reader has come.
type ncmecCheckpoint struct {
	// Until is where the last span that was read to its end ends.
	Until time.Time `json:"until"`
	// To and Next are the span that is being read, and its next page.
	To   time.Time `json:"to,omitzero"`
	Next string    `json:"next,omitempty"`
}

// Changes reads entries, see [Source].
func (s *NCMECSource) Changes(ctx context.Context, checkpoint string, now time.Time) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		at := ncmecCheckpoint{Until: s.Since}
		if checkpoint != "" {
			if err := json.Unmarshal([]byte(checkpoint), &at); err != nil {
				yield(Batch{}, fmt.Errorf("reading a checkpoint: %w", err))
				return
			}
		}
		end := now.Add(-ncmecSettles).UTC().Truncate(time.Second)
		span := ncmecSpan
		resumed := at.Next != ""
		for at.Next != "" || at.Until.Before(end) {
			if at.Next == "" {
				at.To = at.Until.Add(span)
				if at.To.After(end) {
					at.To = end
				}
			}
			page, err := s.page(ctx, at)
			if err != nil && resumed && refusedQuestion(err) {
				// It forgot the page: the span is read from its beginning, which doubles nothing.
				at.Next, resumed = "", false
				continue
			}
			resumed = false
			if err == nil && page.next != "" {
				err = onward(at.Next, page.next)
			}
			if err != nil {
				yield(Batch{}, err)
				return
			}
			batch := Batch{Changes: page.changes, Name: "entries up to " + at.To.Format(ncmecTime), Format: "ncmec-v2"}
			if span = ncmecSpan; len(page.changes) == 0 && page.next == "" && at.Next == "" {
				span = min(2*at.To.Sub(at.Until), ncmecLongest)
			}
			if at.Next = page.next; at.Next == "" {
				batch.UpTo, at.Until, at.To = at.To, at.To, time.Time{}
			}
			if !batch.handOver(at, yield) {
				return
			}
		}
	}
}

// page asks for one page of a span.
func (s *NCMECSource) page(ctx context.Context, at ncmecCheckpoint) (ncmecPage, error) {
	user, password, err := s.Credentials.pair(":", "user:password")
	if err != nil {
		return ncmecPage{}, err
	}
	path := at.Next
	if path == "" {
		path = "/v2/entries?" + url.Values{"from": {at.Until.Add(-ncmecSettles).UTC().Format(ncmecTime)}, "to": {at.To.UTC().Format(ncmecTime)}}.Encode()
	}
	text, err := get(ctx, s.Through, strings.TrimSuffix(s.Base, "/")+path, func(r *http.Request) {
		r.SetBasicAuth(user, password)
		r.Header.Set("Accept", "application/xml")
	})
	if err != nil {
		return ncmecPage{}, err
	}
	return parseNCMEC(text)
}

// onward refuses a next page that is another address, or one that was read already.
func onward(asked, next string) error {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path != "/v2/entries" || len(next) > 2000 {
		return problem.New(problem.Unavailable, "the exchange names a next page that is none of its entries", "tell those who run the exchange")
	}
	if asked == "" {
		return nil
	}
	before, err := url.Parse(asked)
	if err != nil || asked == next {
		return circle()
	}
	from, first := strconv.ParseInt(before.Query().Get("start"), 10, 64)
	to, second := strconv.ParseInt(u.Query().Get("start"), 10, 64)
	if first == nil && second == nil && to <= from {
		return circle()
	}
	return nil
}

// ncmecPage is one page of entries.
type ncmecPage struct {
	changes []Change
	// next is the path of the next page; empty on the last.
	next string
}

// maxRecords is how many records a page may hold; the exchanges send at most 1000.
const maxRecords = 20_000

type ncmecRecord struct {
	XMLName xml.Name
	Member  struct {
		ID   string `xml:"id,attr"`
		Name string `xml:",chardata"`
	} `xml:"member"`
	ID             string `xml:"id"`
	Classification string `xml:"classification"`
	Fingerprints   struct {
		All []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"fingerprints"`
	Feedback struct {
		Negative []struct {
			Type    string     `xml:"type,attr"`
			Members []struct{} `xml:"reasons>members>member"`
		} `xml:"negativeFeedback"`
	} `xml:"feedback"`
}

// parseNCMEC reads a page.
//
// Errors: Unavailable; nothing of a page that has one is used.
func parseNCMEC(text []byte) (ncmecPage, error) {
	odd := func(why string) (ncmecPage, error) { return ncmecPage{}, odd(why) }
	var result struct {
		XMLName xml.Name
		Images  struct {
			Records []ncmecRecord `xml:",any"`
		} `xml:"images"`
		Videos struct {
			Records []ncmecRecord `xml:",any"`
		} `xml:"videos"`
		Next string `xml:"paging>next"`
	}
	if err := parseXML(text, &result); err != nil {
		return ncmecPage{}, err
	}
	if result.XMLName.Local != "queryResult" {
		return odd("it holds no queryResult")
	}
	page := ncmecPage{next: strings.TrimSpace(result.Next)}
	if len(result.Images.Records)+len(result.Videos.Records) > maxRecords {
		return odd("it holds too many entries")
	}
	for _, of := range []struct {
		name    string
		records []ncmecRecord
	}{{"image", result.Images.Records}, {"video", result.Videos.Records}} {
		for _, r := range of.records {
			name := strings.ToLower(r.XMLName.Local)
			id, member := strings.TrimSpace(r.ID), strings.TrimSpace(r.Member.ID)
			change := Change{Key: member + "/" + id}
			if id == "" || member == "" || strings.Contains(member, "/") || !isKey(change.Key) {
				return odd("an entry names no member or no identifier")
			}
			switch name {
			case of.name:
				change.fill(r)
			case "deleted" + of.name:
				change.Gone = true
			default:
				return odd("it holds an entry of an unknown kind")
			}
			page.changes = append(page.changes, change)
		}
	}
	return page, nil
}

// parseXML reads one document.
//
// Errors: Unavailable.
func parseXML(text []byte, into any) error {
	if !utf8.Valid(text) {
		return odd("it is not in UTF-8")
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(into); err != nil {
		return odd("its XML is broken")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return odd("something follows its end")
	}
	return nil
}

// fill turns a record into an entry.
func (c *Change) fill(r ncmecRecord) {
	e := hashlist.Entry{
		Size: -1, PDQQuality: -1, Category: shorten(r.Classification), Source: shorten(r.Member.Name), SourceID: shorten(c.Key),
	}
	for _, f := range r.Fingerprints.All {
		kind, err := hashlist.ParseKind(strings.ToLower(f.XMLName.Local))
		text := strings.TrimSpace(f.Text)
		if err != nil || text == "" {
			continue
		}
		c.digest(&e, kind, text)
	}
	against := 0
	for _, n := range r.Feedback.Negative {
		against += max(1, len(n.Members))
	}
	if against > 0 {
		e.Note = fmt.Sprintf("%d times a member disagrees with a fingerprint", against)
	}
	c.settle(e)
}

// digest adds one digest in hexadecimal. One that cannot be used leaves the others.
func (c *Change) digest(e *hashlist.Entry, kind hashlist.Kind, text string) {
	raw, err := hex.DecodeString(text)
	switch {
	case err != nil || len(raw) != kind.Len():
	case bytes.Count(raw, []byte{0}) == len(raw):
		c.Refused = hashlist.RefusedPlaceholder
	case e.Kinds.Has(kind) && !bytes.Equal(e.Digest(kind), raw):
		c.Refused = hashlist.RefusedContradiction
	default:
		_ = e.SetDigest(kind, raw) // it has the length
	}
}

// settle decides whether an entry can be used.
func (c *Change) settle(e hashlist.Entry) {
	switch {
	case c.Refused == hashlist.RefusedContradiction:
	case e.Kinds == 0 && c.Refused == "":
		c.Refused = hashlist.RefusedUnsupported
	case e.Kinds == 0:
	case e.NamesEmptyFile():
		c.Refused = hashlist.RefusedEmptyFile
	default:
		c.Refused, c.Entry = "", e
	}
}

// maxText is the longest text of an entry that is kept, and maxKey the longest name of a
// record, in bytes.
const (
	maxText = 200
	maxKey  = 300
)

// isKey says that a record can be called so.
func isKey(text string) bool {
	return text != "" && len(text) <= maxKey && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// shorten is a text as it is kept: on one line, and not longer than [maxText].
func shorten(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}
