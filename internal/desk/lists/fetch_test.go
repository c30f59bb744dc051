package lists_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// canary is in every credential of the test and nowhere else.
const canary = "canary-7f3a"

// heard is what the operator was told.
type heard struct {
	sync.Mutex
	bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.Lock()
	defer h.Unlock()
	return h.Buffer.Write(p)
}

func (h *heard) text() string {
	h.Lock()
	defer h.Unlock()
	return h.String()
}

// reader is a provider's node that fetches lists from a played internet.
type reader struct {
	*nodetest.Node
	ncmec   *exchangetest.NCMEC
	threats *exchangetest.Threats
	ncii    *exchangetest.NCII
	file    *exchangetest.File
	// folder is where files are put.
	folder string
	heard  *heard
}

func openReader(t *testing.T, database func() string) *reader {
	internet := nodetest.OpenInternet(t)
	r := &reader{
		ncmec: exchangetest.NewNCMEC("brdo", canary), threats: exchangetest.NewThreats("12345678|" + canary), ncii: exchangetest.NewNCII("fetch-"+canary, canary),
		file: &exchangetest.File{User: "brdo", Password: canary}, folder: t.TempDir(), heard: &heard{},
	}
	r.ncmec.Reasons = map[string]string{"01234567-abcd": "Example Reason 1"}
	internet.Host(exchangetest.NCMECHost, r.ncmec)
	internet.Host(exchangetest.ThreatHost, r.threats)
	internet.Host(exchangetest.NCIIHost, r.ncii)
	internet.Host(exchangetest.FileHost, r.file)
	t.Setenv(exchange.VariableOf("address"), "brdo:"+canary)
	t.Setenv(exchange.VariableOf("threats"), r.threats.Token)
	file := filepath.Join(t.TempDir(), "ncii")
	must(t, os.WriteFile(file, []byte(r.ncii.Key+","+canary+"\n"), 0o600))
	t.Setenv(exchange.VariableOf("ncmec-industry"), "brdo:"+canary)
	common := node.ListExchange{LegalBasis: nodetest.Basis, Verification: "double", StaleAfter: 4 * time.Hour}
	add := func(c *node.Config, name string, kind exchange.Kind, address string) {
		x := common
		x.Name, x.Kind, x.URL = name, kind, address
		c.ListExchanges = append(c.ListExchanges, x)
	}
	r.Node = nodetest.Open(t, nodetest.Options{
		Kind: mandate.Provider, Database: database(), Internet: internet, Log: slog.New(slog.NewTextHandler(r.heard, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Configure: func(c *node.Config) {
			c.HMA.Enabled = true
			add(c, "ncmec-industry", exchange.NCMEC, exchangetest.NCMECBase)
			c.ListExchanges[0].Votes = true
			add(c, "threats", exchange.ThreatExchange, exchangetest.ThreatBase)
			c.ListExchanges[1].Group = exchangetest.ThreatGroup
			add(c, "ncii", exchange.StopNCII, exchangetest.NCIIBase)
			c.ListExchanges[2].CredentialsFile = file
			add(c, "folder", exchange.File, "")
			c.ListExchanges[3].Path = r.folder
			add(c, "address", exchange.File, exchangetest.FileURL)
		},
	})
	must(t, r.Lists.Begin(t.Context()))
	return r
}

// follow makes a list that follows an exchange.
func (r *reader) follow(t *testing.T, name string) string {
	t.Helper()
	l, err := r.Lists.Create(t.Context(), mona(r.Node), lists.NewList{
		Name: "from " + name, Source: name, Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Follows: lists.Source{Node: exchange.AddressOf(name)},
	})
	must(t, err)
	return l.ID
}

// later moves the clock beyond the next round and lets it happen.
func (r *reader) later(t *testing.T) {
	t.Helper()
	r.Clock.Add(70 * time.Minute)
	must(t, r.Drain(t.Context()))
}

// entries are the notes of a list's entries as key, state and category.
func (r *reader) entries(t *testing.T, list string) string {
	t.Helper()
	var all []string
	r.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ListEntriesChanged(list, 0, "", 1000)
		for _, e := range rows {
			if e.Verification != "double" {
				t.Errorf("an entry is %s", e.Verification)
			}
			all = append(all, e.SourceID+" "+e.State+" "+e.Category)
		}
		return err
	})
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (r *reader) state(t *testing.T, list string) (f store.FetchedList, versions []store.ListVersion) {
	t.Helper()
	r.Look(t, func(tx *store.Tx) (err error) {
		if f, err = tx.FetchedList(list); err != nil {
			return err
		}
		versions, err = tx.ListVersions(list, 100)
		return err
	})
	return f, versions
}

// prints are the fingerprints of a made-up file.
func prints(text string) map[string]string {
	sum, err := digest.Reader(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return map[string]string{"md5": fmt.Sprintf("%x", sum.MD5), "sha1": fmt.Sprintf("%x", sum.SHA1), "pdna": "AAEC"}
}

func image(member int, id string, changed time.Time, class, text string) exchangetest.NCMECEntry {
	return exchangetest.NCMECEntry{Member: member, MemberName: "Example Member", ID: id, Changed: changed, Classification: class, Fingerprints: prints(text)}
}

// TestListsFollowExchanges: over pages, with updates and deletions, through failures and
// interruptions, and no credential appears anywhere.
func TestListsFollowExchanges(t *testing.T) {
	racetest.Skip(t, "the rounds run in the goroutine of the test, with some hundred handshakes of TLS")
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		r := openReader(t, database)
		ctx, begun := t.Context(), r.Clock.Now()
		must(t, r.Drain(ctx))
		if asked := r.ncmec.Asked(); len(asked) != 0 {
			t.Errorf("an exchange was asked although no list follows it: %v", asked)
		}
		if _, err := r.Lists.Create(ctx, mona(r.Node), lists.NewList{Name: "x", Source: "x", Verification: "double", LegalBasis: nodetest.Basis, Follows: lists.Source{Node: "exchange/other"}}); !problem.Is(err, problem.Invalid) {
			t.Errorf("a list follows an exchange that is not configured: %v", err)
		}

		// Five entries in three pages; the second page fails at first.
		for i, class := range []string{"A1", "A2", "B1", "B2", "A1"} {
			r.ncmec.Put(image(42, fmt.Sprintf("image%d", i+1), begun.Add(-time.Duration(i+1)*time.Hour), class, fmt.Sprintf("message %d", i+1)))
		}
		failing := true
		r.ncmec.Before(func(w http.ResponseWriter, q *http.Request) bool {
			if failing && q.URL.Query().Get("start") == "3" {
				http.Error(w, canary, http.StatusBadGateway)
				return true
			}
			return false
		})
		list := r.follow(t, "ncmec-industry")
		must(t, r.Drain(ctx))
		r.ncmec.Asked()
		f, _ := r.state(t, list)
		if strings.Count(r.entries(t, list), "active") != 2 || f.Failures != 1 || !f.UpTo.After(begun.AddDate(-2, 0, 0)) || !f.UpTo.Before(begun.AddDate(0, 0, -1)) {
			t.Errorf("after the first page: %s, %+v", r.entries(t, list), f)
		}
		if f.Problem != "the exchange reports an error of its own (502)" {
			t.Errorf("the problem is %q", f.Problem)
		}
		failing = false
		r.later(t)
		if asked := r.ncmec.Asked(); !strings.Contains(asked[0], "start=3") {
			t.Errorf("it went on with %s", asked[0])
		}
		const five = "42/image1 active A1, 42/image2 active A2, 42/image3 active B1, 42/image4 active B2, 42/image5 active A1"
		f, versions := r.state(t, list)
		if got := r.entries(t, list); got != five || f.Failures != 0 || f.SucceededAt.IsZero() || r.Clock.Now().Sub(f.UpTo) > 2*time.Minute || f.Problem != "" {
			t.Errorf("after all pages: %s, %+v", got, f)
		}
		if len(versions) != 3 || versions[0].By != "node" || versions[0].Reason != "fetched from ncmec-industry" || versions[0].Format != "ncmec-v2" {
			t.Errorf("versions: %+v", versions)
		}
		// Nothing new: no version, whatever is read again.
		r.later(t)
		if again, versions := r.state(t, list); len(versions) != 3 || !again.UpTo.After(f.UpTo) {
			t.Errorf("%d versions of a list to which nothing changed, %+v", len(versions), again)
		}

		// Another member has the file of image1 too; then the first takes its entry back.
		now := r.Clock.Now
		r.ncmec.Put(image(43, "same", now(), "A1", "message 1"), image(42, "image2", now(), "B2", "message 2"))
		r.later(t)
		gone := func(member int, id string) exchangetest.NCMECEntry {
			return exchangetest.NCMECEntry{Member: member, ID: id, Changed: now(), Deleted: true}
		}
		r.ncmec.Put(gone(42, "image1"), gone(42, "image4"), gone(42, "never-seen"))
		r.later(t)
		const four = "42/image1 active A1, 42/image2 active B2, 42/image3 active B1, 42/image4 withdrawn B2, 42/image5 active A1"
		if got := r.entries(t, list); got != four {
			t.Errorf("after a deletion: %s", got)
		}
		// What people here stop stays stopped; what the exchange brings back holds again.
		r.change(t, list, "42/image5", store.EntrySuspended)
		r.ncmec.Put(gone(43, "same"), image(42, "image5", now(), "A2", "message 5"), image(42, "image4", now(), "B2", "message 4"))
		r.later(t)
		const people = "42/image1 withdrawn A1, 42/image2 active B2, 42/image3 active B1, 42/image4 active B2, 42/image5 suspended A2"
		if got := r.entries(t, list); got != people {
			t.Errorf("after people stopped one: %s", got)
		}
		if active := r.Index.Len(); active != 3 {
			t.Errorf("the index holds %d entries", active)
		}

		r.isShown(t, list)
		r.followsThreats(t)
		r.followsNCII(t)
		r.followsFiles(t)
		r.followsAnAddress(t)
		r.goesRound(t, list)
		r.sendsTooMuch(t, list)
		r.isInterrupted(t, list)
		r.staleIsAnAlarm(t, list)
		r.takesVotes(t, list)
		if text := r.heard.text(); strings.Contains(text, canary) {
			t.Errorf("the operator is told a credential:\n%s", text)
		}
		r.Look(t, func(tx *store.Tx) error {
			f, err := tx.FetchedList(list)
			events, err2 := tx.LogEventsFrom(0, 1000)
			for _, event := range events {
				if strings.Contains(fmt.Sprintf("%+v", f)+string(event.Record), canary) {
					t.Error("a credential was stored")
				}
			}
			return errors.Join(err, err2)
		})
	})
}

func (r *reader) change(t *testing.T, list, record, state string) {
	t.Helper()
	var id string
	r.Look(t, func(tx *store.Tx) error {
		f, _, err := tx.FetchedRecord(list, record)
		id = f.EntryID
		return err
	})
	must(t, r.Lists.ChangeEntry(t.Context(), mona(r.Node), list, id, state, "checked again"))
}

// goesRound: pages that lead in a circle, or elsewhere, end the round.
func (r *reader) goesRound(t *testing.T, list string) {
	t.Helper()
	for next, says := range map[string]string{
		"/v2/entries?from=2026-03-01T00:00:00Z&amp;to=2026-03-02T00:00:00Z&amp;start=1&amp;size=1000&amp;max=9": "circle",
		"https://other.example/v2/entries?start=2":                                                              "none of its entries", "//other.example/v2/entries?start=2": "none of its entries", "/v2/members?start=2": "none of its entries",
	} {
		r.ncmec.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, `<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images count="0"/><paging><next>`+next+`</next></paging></queryResult>`)
			return true
		})
		r.ncmec.Asked()
		r.later(t)
		f, _ := r.state(t, list)
		if asked := r.ncmec.Asked(); !strings.Contains(f.Problem, says) || len(asked) > 3 {
			t.Errorf("%s: %q after %d questions", next, f.Problem, len(asked))
		}
		r.ncmec.Before(func(w http.ResponseWriter, q *http.Request) bool { // it forgot the page
			if q.URL.Query().Has("start") {
				http.Error(w, "", http.StatusNotFound)
				return true
			}
			return false
		})
		r.later(t)
		if f, _ := r.state(t, list); f.Problem != "" {
			t.Errorf("after the page was forgotten: %q", f.Problem)
		}
	}
}

// sendsTooMuch: what is too long is refused before it is read.
func (r *reader) sendsTooMuch(t *testing.T, list string) {
	t.Helper()
	for says, length := range map[string]string{"the answer has more than 64 MiB": "67108865", "the answer broke off": "100"} {
		r.ncmec.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", length)
			fmt.Fprint(w, "<queryResult>")
			return true
		})
		r.later(t)
		if f, _ := r.state(t, list); f.Problem != says {
			t.Errorf("%s bytes: %q", length, f.Problem)
		}
	}
	r.ncmec.Before(nil)
	r.later(t)
}

// isInterrupted: a process that stops between two pages loses and doubles nothing.
func (r *reader) isInterrupted(t *testing.T, list string) {
	t.Helper()
	before, _ := r.state(t, list)
	for i := range 6 {
		r.ncmec.Put(image(50, fmt.Sprint("more", i), r.Clock.Now(), "A1", fmt.Sprint("another message ", i)))
	}
	ctx, stop := context.WithCancel(t.Context())
	r.ncmec.Before(func(_ http.ResponseWriter, q *http.Request) bool {
		if q.URL.Query().Get("start") == "5" {
			stop()
			<-q.Context().Done()
			return true
		}
		return false
	})
	r.Clock.Add(70 * time.Minute)
	_ = r.Drain(ctx)
	half, _ := r.state(t, list)
	if got := strings.Count(r.entries(t, list), "50/"); got != 4 || half.Failures != 0 || half.UpTo != before.UpTo {
		t.Errorf("%d entries when it was interrupted, %+v", got, half)
	}
	r.ncmec.Before(nil)
	r.ncmec.Asked()
	r.later(t)
	asked := r.ncmec.Asked()
	if got := strings.Count(r.entries(t, list), "50/"); got != 6 || !strings.Contains(asked[0], "start=5") {
		t.Errorf("%d entries, after %v", got, asked)
	}
}

// staleIsAnAlarm: when nothing comes for too long, people are told once.
func (r *reader) staleIsAnAlarm(t *testing.T, list string) {
	t.Helper()
	r.ncmec.Password = "changed"
	for range 6 {
		r.later(t)
	}
	f, _ := r.state(t, list)
	if f.Problem != "the exchange refuses the credentials (401)" || f.Failures != 6 {
		t.Errorf("%+v", f)
	}
	alarms, _, err := r.Alarms.List(t.Context(), mona(r.Node))
	must(t, err)
	var said []string
	for _, a := range alarms {
		said = append(said, fmt.Sprint(a.Times, " ", a.Reason))
	}
	if !slices.Equal(said, []string{
		"1 the exchange threats is not followed any more: of 3 records it would hold only 2; a list does not shrink so much by itself",
		"1 the exchange folder is not followed any more: of 20 records it would hold only 10; a list does not shrink so much by itself",
		"1 the exchange folder is not followed any more: the file holds no row that can be used",
		"1 the exchange folder is not followed any more: the file cannot be read: line 21: a quotation mark is not closed or stands in the wrong place",
		"1 nothing came from the exchange folder for 4h0m0s: the file was changed less than a minute ago",
		"1 nothing came from the exchange ncmec-industry for 4h0m0s: the exchange refuses the credentials (401)",
	}) || alarms[len(alarms)-1].Subject != list {
		t.Errorf("alarms: %q", said)
	}
	r.ncmec.Password = canary
	r.later(t)
	if f, _ := r.state(t, list); f.Failures != 0 || f.Alarmed {
		t.Errorf("when it answers again: %+v", f)
	}
}

// followsThreats: ThreatExchange, with tags, deletions, and everything anew after 85 days.
func (r *reader) followsThreats(t *testing.T) {
	t.Helper()
	says := func(status string, tags ...string) exchangetest.ThreatDescriptor {
		return exchangetest.ThreatDescriptor{Owner: "7", Status: status, Tags: tags}
	}
	put := func(number int, d ...exchangetest.ThreatDescriptor) {
		r.threats.Put(exchangetest.Threat{ID: fmt.Sprint(100 + number), Indicator: prints(fmt.Sprint("threat ", number))["md5"], Type: "HASH_MD5", Changed: r.Clock.Now().Add(-time.Minute), Descriptors: d})
	}
	put(1, says("MALICIOUS", "b", "a"), says("NON_MALICIOUS"))
	put(2, says("NON_MALICIOUS"))
	put(3, says("UNKNOWN", "c"))
	r.threats.Put(exchangetest.Threat{ID: "104", Indicator: "https://page.example", Type: "URI", Changed: r.Clock.Now().Add(-time.Minute), Descriptors: []exchangetest.ThreatDescriptor{says("MALICIOUS")}})
	put(5, says("MALICIOUS"))
	list := r.follow(t, "threats")
	must(t, r.Drain(t.Context()))
	if got := r.entries(t, list); got != "101 active a b, 103 active c, 105 active " {
		t.Errorf("entries of ThreatExchange: %s", got)
	}
	if asked := r.threats.Asked(); len(asked) != 3 || asked[2].Get("after") != "4" || asked[2].Get("start_time") != "" {
		t.Errorf("asked: %v", asked)
	}
	f, versions := r.state(t, list)
	if f.Generation != 1 || f.Problem != "" || versions[0].Format != "threat_updates" || versions[1].Refused != 1 {
		t.Errorf("%+v %+v", f, versions)
	}
	r.threats.Put(exchangetest.Threat{ID: "103", Changed: r.Clock.Now(), Deleted: true})
	r.later(t)
	if got := r.entries(t, list); got != "101 active a b, 103 withdrawn c, 105 active " {
		t.Errorf("after a deletion: %s", got)
	}
	if asked := r.threats.Asked(); asked[0].Get("start_time") == "" {
		t.Errorf("everything was asked for again: %v", asked)
	}
	// After a long pause deletions are lost: everything is read anew, but a list does not
	// shrink by more than a tenth.
	r.threats.Forget("101")
	r.Clock.Add(86 * 24 * time.Hour)
	r.later(t)
	f, _ = r.state(t, list)
	if got := r.entries(t, list); f.Generation != 2 || !strings.HasPrefix(f.Problem, "of 3 records it would hold only 2") || strings.Contains(got, "101 withdrawn") {
		t.Errorf("after a long pause: %s, %+v", got, f)
	}
	for i := range 18 {
		put(10+i, says("MALICIOUS"))
	}
	r.later(t)
	if got := r.entries(t, list); !strings.HasPrefix(got, "101 withdrawn a b, 103 withdrawn c, 105 active ,") {
		t.Errorf("with so many others: %s", got)
	}
	if f, _ = r.state(t, list); f.Problem != "" || f.Generation != 2 {
		t.Errorf("%+v", f)
	}
}

// followsNCII: StopNCII, whose records are gone with their last case.
func (r *reader) followsNCII(t *testing.T) {
	t.Helper()
	value := func(digit string) string { return strings.Repeat(digit+"e", 32) }
	put := func(digit, status string, cases ...string) {
		of := map[string]string{}
		for i, c := range cases {
			of[fmt.Sprint(i)] = c
		}
		r.ncii.Put(exchangetest.NCIIRecord{Type: "ImagePDQ", Value: value(digit), Status: status, Changed: r.Clock.Now(), Cases: of})
	}
	put("1", "Active", "Active", "Withdrawn")
	put("2", "Received", "Withdrawn", "Deleted")
	put("3", "Received", "Received")
	list := r.follow(t, "ncii")
	must(t, r.Drain(t.Context()))
	key := func(digit string) string { return "ImagePDQ:" + value(digit) }
	if got := r.entries(t, list); got != key("1")+" active ncii, "+key("3")+" active ncii" {
		t.Errorf("entries of StopNCII: %s", got)
	}
	put("1", "Withdrawn", "Withdrawn")
	r.later(t)
	if got := r.entries(t, list); got != key("1")+" withdrawn ncii, "+key("3")+" active ncii" {
		t.Errorf("after the last case: %s", got)
	}
	asked := r.ncii.Asked()
	if last := asked[len(asked)-1]; asked[0].Get("startTimestamp") != "10" || last.Get("startTimestamp") == "10" {
		t.Errorf("asked: %v", asked)
	}
}

// csvOf is a list of some made-up files in CSV, in a category.
func csvOf(category string, numbers ...int) string {
	text := "id,md5,sha1,category\n"
	for _, n := range numbers {
		p := prints(fmt.Sprint("file ", n))
		text += fmt.Sprintf("f%02d,%s,%s,%s\n", n, p["md5"], p["sha1"], category)
	}
	return text
}

// put writes a file into the folder, at a time of the node's clock.
func (r *reader) put(t *testing.T, name, text string, at time.Time) {
	t.Helper()
	path := filepath.Join(r.folder, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.Chtimes(path, at, at))
}

// problem is what is wrong with the exchange of a list.
func (r *reader) problem(t *testing.T, list string) string {
	f, _ := r.state(t, list)
	return f.Problem
}

// count counts entries of a list by their state.
func (r *reader) count(t *testing.T, list string) (active, withdrawn int) {
	text := r.entries(t, list)
	return strings.Count(text, " active "), strings.Count(text, " withdrawn ")
}

// followsFiles: the newest file of a folder is the whole list; what it lacks is gone, but
// a list does not shrink too much, and what cannot be read changes nothing.
func (r *reader) followsFiles(t *testing.T) {
	t.Helper()
	twenty := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	hour := time.Hour
	list := r.follow(t, "folder")
	must(t, r.Drain(t.Context()))
	if says := r.problem(t, list); says != "there is no file, or it cannot be opened" {
		t.Errorf("an empty folder: %q", says)
	}
	r.put(t, "a.csv", csvOf("A1", twenty...), r.Clock.Now().Add(-2*hour))
	r.put(t, "newer.csv.part", "half", r.Clock.Now().Add(-hour))
	r.put(t, ".hidden.csv", csvOf("A1", 99), r.Clock.Now().Add(-hour))
	r.later(t)
	active, gone := r.count(t, list)
	f, versions := r.state(t, list)
	if active != 20 || gone != 0 || f.Problem != "" || len(versions) != 1 || versions[0].FileName != "a.csv" || len(versions[0].FileSHA256) != 64 || versions[0].Added != 20 {
		t.Errorf("%d %d %+v %+v", active, gone, f, versions)
	}
	// A newer file that lacks one, has another, and changes the category of all.
	r.put(t, "b.csv", csvOf("A2", append(twenty[1:], 30)...), r.Clock.Now())
	r.later(t)
	if active, gone := r.count(t, list); active != 20 || gone != 1 || strings.Count(r.entries(t, list), "active A2") != 20 {
		t.Errorf("after a difference: %s", r.entries(t, list))
	}
	before, versions := r.state(t, list)
	for i, bad := range []struct{ text, says string }{
		{csvOf("A2", twenty[:10]...), "of 20 records it would hold only 10; a list does not shrink so much by itself"},
		{"id,md5,sha1,category\n", "the file holds no row that can be used"}, {"", "the file holds no row that can be used"},
		{csvOf("A2", twenty[1:]...) + "f21,\"x", "the file cannot be read: line 21: "},
	} {
		r.put(t, fmt.Sprintf("c%d.csv", i), bad.text, r.Clock.Now())
		r.later(t)
		after, again := r.state(t, list)
		if active, gone := r.count(t, list); active != 20 || gone != 1 || !strings.HasPrefix(after.Problem, bad.says) || len(again) != len(versions) || after.Checkpoint != before.Checkpoint {
			t.Errorf("file %d: %d %d %q", i, active, gone, after.Problem)
		}
	}
	r.Clock.Add(hour)
	r.put(t, "d.csv", csvOf("A2", append(twenty[1:], 30, 1)...), r.Clock.Now().Add(10*time.Second))
	must(t, r.Drain(t.Context()))
	if says := r.problem(t, list); says != "the file was changed less than a minute ago" {
		t.Errorf("while it is written: %q", says)
	}
	r.later(t)
	if active, gone := r.count(t, list); active != 21 || gone != 0 || r.problem(t, list) != "" {
		t.Errorf("at last: %d %d", active, gone)
	}
}

// followsAnAddress: a file of a server is read only when it is another.
func (r *reader) followsAnAddress(t *testing.T) {
	t.Helper()
	r.file.Put(csvOf("B1", 1, 2, 3))
	list := r.follow(t, "address")
	must(t, r.Drain(t.Context()))
	if active, _ := r.count(t, list); active != 3 || r.problem(t, list) != "" {
		t.Errorf("%d entries, %q", active, r.problem(t, list))
	}
	r.later(t)
	if read, same := r.file.Served(); read != 1 || same == 0 {
		t.Errorf("it was read %d times, and %d times it was said to be the same", read, same)
	}
	r.file.Put(csvOf("B1", 1, 2, 3, 4))
	r.later(t)
	if active, _ := r.count(t, list); active != 4 {
		t.Errorf("%d entries", active)
	}
	r.file.Redirect = "https://elsewhere.example/list.csv"
	r.later(t)
	if says := r.problem(t, list); says != "the exchange sends on to another address, which is not followed (302)" {
		t.Errorf("a redirect: %q", says)
	}
	r.file.Redirect = ""
	r.file.Put(csvOf("B1", 1, 2, 3, 4))
	r.later(t)
	if f, versions := r.state(t, list); f.Problem != "" || len(versions) != 2 {
		t.Errorf("the same content under another tag: %+v, %d versions", f, len(versions))
	}
}

// isShown: pages, the interface for machines, the routes of HMA, figures and the doctor
// tell how far it has come.
func (r *reader) isShown(t *testing.T, list string) {
	t.Helper()
	all, err := r.Lists.Exchanges(t.Context(), mona(r.Node))
	must(t, err)
	if f := all[0]; f.List.ID != list || f.Active != 3 || f.Records != 4 || f.Lag < time.Minute || f.Lag > 2*time.Minute || f.Stale || f.Problem != "" {
		t.Errorf("%+v", all)
	}
	if _, err := r.Lists.Exchanges(t.Context(), r.Person("olga", mandate.Operator)); !problem.Is(err, problem.Denied) {
		t.Errorf("an operator without any task about lists: %v", err)
	}
	token := r.NewKey(t, "", mandate.ScopeLists)
	get := func(handler http.Handler, path string) string {
		t.Helper()
		q := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		q.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, q)
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	for path, want := range map[string]string{
		"/v1/exchanges": `"name":"ncmec-industry","kind":"ncmec","list":"` + list + `","last_fetch":"2026-`, "/hma/c/exchange/FROM_NCMEC_INDUSTRY": `"api":"ncmec","enabled":true,"exchange":"ncmec-industry"`,
		"/hma/c/exchange/FROM_NCMEC_INDUSTRY/status": `"last_fetch_succeeded":true,"running_fetch_start_ts":null,"up_to_date":true`,
	} {
		if text := get(r.Handler(), path); !strings.Contains(text, want) || strings.Contains(text, canary) {
			t.Errorf("%s: %s", path, text)
		}
	}
	for _, want := range []string{`brdo_list_exchange_lag_seconds{exchange="ncmec-industry"} 60`, `brdo_list_exchange_failures{exchange="ncmec-industry"} 0`, `brdo_list_exchange_stale{exchange="ncmec-industry"} 0`} {
		if text := get(r.Metrics(), "/metrics"); !strings.Contains(text, want) {
			t.Errorf("no %s among the figures", want)
		}
	}
	for _, f := range node.Examine(t.Context(), r.Config, r.Clock.Now()) {
		if f.What == "exchange ncmec-industry" {
			if f.Health != node.Well || !strings.HasPrefix(f.Found, "3 entries; complete up to 2026-") {
				t.Errorf("the doctor says %+v", f)
			}
			return
		}
	}
	t.Error("the doctor says nothing of it")
}
