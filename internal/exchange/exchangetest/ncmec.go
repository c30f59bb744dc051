// Package exchangetest plays the exchanges of the field, in the formats that they
// speak, for tests. What they hold is made up.
package exchangetest

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NCMECHost is where the played database of NCMEC Hash Sharing is, and NCMECBase the
// address to configure.
const (
	NCMECHost = "report.cybertip.example"
	NCMECBase = "https://" + NCMECHost + "/hashsharing"
)

// NCMEC plays one database of NCMEC Hash Sharing, version 2. As the real one it gives
// entries in no order of time, in pages that its "next" leads through, and tells of a
// deleted entry no more than who kept it and what it was called.
type NCMEC struct {
	User, Password string
	// PageSize is how many entries are on a page.
	PageSize int

	// Reasons are those of negative votes, by their GUIDs; they hold for each kind of digest.
	Reasons map[string]string

	mutex   sync.Mutex
	entries map[string]NCMECEntry
	votes   map[string]string
	asked   []string
	before  func(http.ResponseWriter, *http.Request) bool
}

// NCMECEntry is an entry of a member.
type NCMECEntry struct {
	Member     int
	MemberName string
	ID         string
	// Video: it is one; else an image.
	Video          bool
	Deleted        bool
	Changed        time.Time
	Classification string
	// Fingerprints are hexadecimal, by their names in small letters.
	Fingerprints map[string]string
	// Against is how many members disagree with the MD5.
	Against int
}

// NewNCMEC makes an empty database.
func NewNCMEC(user, password string) *NCMEC {
	return &NCMEC{User: user, Password: password, PageSize: 2, entries: map[string]NCMECEntry{}, votes: map[string]string{}}
}

// Votes are those of the member who asks, by member/entry/type: "affirmative", or the GUID
// of a reason.
func (n *NCMEC) Votes() map[string]string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return maps.Clone(n.votes)
}

// Put adds entries, or replaces those of the same member and name.
func (n *NCMEC) Put(entries ...NCMECEntry) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, e := range entries {
		n.entries[fmt.Sprint(e.Member, "/", e.ID)] = e
	}
}

// Before lets a function answer in place of the database, as long as it returns true.
func (n *NCMEC) Before(answer func(http.ResponseWriter, *http.Request) bool) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.before = answer
}

// Asked returns what was asked for since the last call.
func (n *NCMEC) Asked() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	asked := n.asked
	n.asked = nil
	return asked
}

type xmlMember struct {
	ID   int    `xml:"id,attr"`
	Name string `xml:",chardata"`
}

type xmlText struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

type xmlFeedback struct {
	Type    string      `xml:"type,attr"`
	Members []xmlMember `xml:"reasons>members>member"`
}

type xmlEntry struct {
	XMLName        xml.Name
	Member         xmlMember `xml:"member"`
	Timestamp      string    `xml:"timestamp"`
	ID             string    `xml:"id"`
	Classification string    `xml:"classification,omitempty"`
	Fingerprints   *struct {
		All []xmlText
	} `xml:"fingerprints"`
	Feedback *struct {
		Negative []xmlFeedback `xml:"negativeFeedback"`
	} `xml:"feedback"`
}

type xmlEntries struct {
	Count   int    `xml:"count,attr"`
	Max     string `xml:"maxTimestamp,attr,omitempty"`
	Entries []xmlEntry
}

type xmlPaging struct {
	Next string `xml:"next"`
}

type xmlResult struct {
	XMLName xml.Name   `xml:"https://hashsharing.ncmec.org/hashsharing/v2 queryResult"`
	Images  xmlEntries `xml:"images"`
	Videos  xmlEntries `xml:"videos"`
	Paging  *xmlPaging `xml:"paging"`
}

const ncmecTime = "2006-01-02T15:04:05Z"

// ServeHTTP answers one question.
func (n *NCMEC) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	n.mutex.Lock()
	n.asked = append(n.asked, request.URL.RequestURI())
	before := n.before
	n.mutex.Unlock()
	if before != nil && before(answer, request) {
		return
	}
	user, password, _ := request.BasicAuth()
	if user != n.User || password != n.Password {
		answer.Header().Set("WWW-Authenticate", "Basic")
		http.Error(answer, "who are you?", http.StatusUnauthorized)
		return
	}
	path, within := strings.CutPrefix(request.URL.EscapedPath(), "/hashsharing/v2/")
	parts := strings.Split(path, "/")
	switch {
	case !within:
		http.NotFound(answer, request)
	case request.Method == http.MethodGet && path == "entries":
		n.list(answer, request)
	case request.Method == http.MethodGet && len(parts) == 3 && parts[0] == "feedback" && parts[2] == "reasons":
		n.reasons(answer, parts[1])
	case request.Method == http.MethodPut && len(parts) == 5 && parts[0] == "entries" && parts[4] == "feedback":
		n.vote(answer, request, parts[1:4])
	default:
		http.NotFound(answer, request)
	}
}

// types are the kinds of fingerprints as paths name them, and as entries do.
var types = map[string]string{"MD5": "md5", "SHA1": "sha1", "PDQ": "pdq", "PDNA": "pdna"}

// reasons answers with the reasons of negative votes.
func (n *NCMEC) reasons(answer http.ResponseWriter, kind string) {
	type reason struct {
		GUID string `xml:"guid,attr"`
		Name string `xml:"name,attr"`
		Type string `xml:"type,attr"`
	}
	all := struct {
		XMLName xml.Name `xml:"https://hashsharing.ncmec.org/hashsharing/v2 availableFeedbackReasons"`
		Reasons []reason `xml:"reason"`
	}{}
	if types[kind] == "" {
		http.Error(answer, "no such type", http.StatusBadRequest)
		return
	}
	for guid, name := range n.Reasons {
		all.Reasons = append(all.Reasons, reason{guid, name, strings.ToUpper(types[kind][:1]) + types[kind][1:]})
	}
	n.write(answer, all)
}

// vote takes a vote in place of the member's earlier one about the same fingerprint.
func (n *NCMEC) vote(answer http.ResponseWriter, request *http.Request, parts []string) {
	var said struct {
		XMLName     xml.Name  `xml:"https://hashsharing.ncmec.org/hashsharing/v2 feedbackSubmission"`
		Affirmative *struct{} `xml:"affirmative"`
		Negative    *struct {
			GUIDs []string `xml:"reasonIds>guid"`
		} `xml:"negative"`
	}
	if err := xml.NewDecoder(request.Body).Decode(&said); err != nil || (said.Affirmative == nil) == (said.Negative == nil) || !strings.HasPrefix(request.Header.Get("Content-Type"), "application/xml") {
		http.Error(answer, "no vote", http.StatusBadRequest)
		return
	}
	vote := "affirmative"
	if said.Negative != nil {
		if len(said.Negative.GUIDs) != 1 || n.Reasons[said.Negative.GUIDs[0]] == "" {
			http.Error(answer, "no such reason", http.StatusBadRequest)
			return
		}
		vote = said.Negative.GUIDs[0]
	}
	id, err := url.PathUnescape(parts[1])
	n.mutex.Lock()
	e, found := n.entries[parts[0]+"/"+id]
	found = found && err == nil && !e.Deleted && types[parts[2]] != "" && e.Fingerprints[types[parts[2]]] != ""
	if found {
		n.votes[parts[0]+"/"+id+"/"+parts[2]] = vote
	}
	n.mutex.Unlock()
	if !found {
		http.Error(answer, "no such fingerprint", http.StatusNotFound)
		return
	}
	n.write(answer, struct {
		XMLName xml.Name `xml:"https://hashsharing.ncmec.org/hashsharing/v2 submissionResult"`
	}{})
}

// write answers with a document.
func (n *NCMEC) write(answer http.ResponseWriter, document any) {
	answer.Header().Set("Content-Type", "application/xml")
	text, err := xml.Marshal(document)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = answer.Write(append([]byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"), text...))
}

// list answers with a page of entries.
func (n *NCMEC) list(answer http.ResponseWriter, request *http.Request) {
	q := request.URL.Query()
	from, err := time.Parse(time.RFC3339, q.Get("from"))
	to, err2 := time.Parse(time.RFC3339, q.Get("to"))
	if err != nil || err2 != nil {
		http.Error(answer, "no span", http.StatusBadRequest)
		return
	}
	start, _ := strconv.Atoi(q.Get("start")) // the first page has none
	n.write(answer, n.page(from, to, max(start, 1)))
}

func shuffled(e NCMECEntry) uint64 {
	h := fnv.New64()
	fmt.Fprint(h, e.Member, e.ID)
	return h.Sum64()
}

func (n *NCMEC) page(from, to time.Time, start int) xmlResult {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	var within []NCMECEntry
	for _, e := range n.entries {
		if !e.Changed.Before(from) && e.Changed.Before(to) {
			within = append(within, e)
		}
	}
	slices.SortFunc(within, func(a, b NCMECEntry) int { return cmp.Compare(shuffled(a), shuffled(b)) })
	result := xmlResult{}
	first := min(start-1, len(within))
	last := min(first+n.PageSize, len(within))
	if last < len(within) {
		result.Paging = &xmlPaging{Next: "/v2/entries?from=" + url.QueryEscape(from.Format("2006-01-02T15:04:05.000Z")) + "&to=" + url.QueryEscape(to.Format("2006-01-02T15:04:05.000Z")) +
			fmt.Sprintf("&start=%d&size=%d&max=%d", last+1, n.PageSize, len(within))}
	}
	for _, e := range within[first:last] {
		of, name := &result.Images, "image"
		if e.Video {
			of, name = &result.Videos, "video"
		}
		if e.Deleted {
			name = "deleted" + strings.ToUpper(name[:1]) + name[1:]
		}
		x := xmlEntry{XMLName: xml.Name{Local: name}, Member: xmlMember{e.Member, e.MemberName}, ID: e.ID, Timestamp: e.Changed.UTC().Format(ncmecTime)}
		if !e.Deleted {
			x.Classification = e.Classification
			x.Fingerprints = &struct{ All []xmlText }{}
			for kind, text := range e.Fingerprints {
				x.Fingerprints.All = append(x.Fingerprints.All, xmlText{xml.Name{Local: kind}, text})
			}
			if e.Against > 0 {
				f := xmlFeedback{Type: "Md5"}
				for i := range e.Against {
					f.Members = append(f.Members, xmlMember{i + 1, "Example Member"})
				}
				x.Feedback = &struct {
					Negative []xmlFeedback `xml:"negativeFeedback"`
				}{[]xmlFeedback{f}}
			}
		}
		of.Count++
		of.Max = max(of.Max, x.Timestamp)
		of.Entries = append(of.Entries, x)
	}
	return result
}
