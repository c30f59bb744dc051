package node_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// safely lets several goroutines write into one buffer.
type safely struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *safely) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safely) holds(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.text.Bytes(), []byte(text))
}

// String is what was written so far.
func (s *safely) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// canaries gives a word of its own to every personal field and remembers it.
type canaries map[string]string

func (c canaries) at(field string) string {
	word := fmt.Sprintf("canary%dx", 1000+len(c))
	c[word] = field
	return word
}

// TestPersonalDataStayOutOfLogsAndFigures plants a word in every personal field,
// lets the node work, fail and refuse with all of them, and looks for the words
// where none may ever be: in what the operator is told, in the figures, and in
// the records of the log, which can never be erased.
func TestPersonalDataStayOutOfLogsAndFigures(t *testing.T) {
	var told safely
	log := slog.New(slog.NewJSONHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Log: log, Demo: true})
	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre, Log: log, Clock: n.Clock})
	nodetest.Meet(t, n, centre)
	words := canaries{}
	ctx := t.Context()
	call := func(token, method, path, kind string, body io.Reader) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, n.Server.URL+path, body)
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("User-Agent", words.at("user agent"))
		r.Header.Set("Referer", "https://example.org/"+words.at("referrer"))
		r.Header.Set("Cookie", "brdo-provider-example="+words.at("cookie"))
		r.Header.Set("X-Forwarded-For", words.at("forwarded for"))
		status, text, err := answerTo(n.Server.Client(), r)
		must(t, "sending a request", err)
		return status, text
	}
	context := func() string {
		return fmt.Sprintf(`{"flagged":true,"client_ref":%q,"url":"https://photos.example/%s","users":[{"username":%q,"email":"%s@example.org","phone":%q,
			"other":{"mailing":%q,"profile":%q,"billing":%q,"uid":%q,"emails":["%s@example.org"],"phones":[%q]}}],
			"ip_events":[{"ip":"203.0.113.77","port":40077,"at":"2026-02-01T08:00:00Z","tz":"Z"}],"service":{"type":"hosting","info":%q,"url":"https://%s.example/"}}`,
			words.at("reference of the client"), words.at("URL"), words.at("user name"), words.at("email"), words.at("phone"), words.at("mailing address"), words.at("profile"),
			words.at("billing"), words.at("account id"), words.at("other email"), words.at("other phone"), words.at("service"), words.at("address of the service"))
	}
	words["203.0.113.77"] = "IP address"
	multi := func(context string, picture []byte) (io.Reader, string) {
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		must(t, "writing a form", parts.WriteField("context", context))
		file, err := parts.CreateFormFile("file", words.at("file name")+".png")
		must(t, "writing a form", err)
		_, err = file.Write(picture)
		must(t, "writing a form", err)
		must(t, "writing a form", parts.Close())
		return &form, parts.FormDataContentType()
	}
	expect := func(what string, status, want int, text string) {
		t.Helper()
		if status != want {
			t.Fatalf("%s: %d, want %d: %s", what, status, want, text)
		}
	}

	// Uploads: good, broken, refused, without a key, with nonsense as a context.
	id := ""
	for i, picture := range [][]byte{lying(60_000, 60_000), nodetest.Picture(2)[:60], nodetest.Picture(1)} {
		body, kind := multi(context(), picture)
		status, text := call(n.Token, "POST", "/v1/detect", kind, body)
		expect(fmt.Sprint("upload ", i), status, 200, text)
		_, id, _ = strings.Cut(text, `"sha256":"`)
		id = id[:64]
	}
	reader := n.NewKey(t, "", mandate.ScopeRead)
	for token, want := range map[string]int{reader: 403, "brdo_" + words.at("wrong key") + "_x": 401, "": 401} {
		body, kind := multi(context(), nodetest.Picture(3))
		status, text := call(token, "POST", "/v1/detect?name="+words.at("query"), kind, body)
		expect("a refused upload", status, want, text)
	}
	body, kind := multi(`{"users":[{"username":"`+words.at("broken context")+`","nobody":"`+words.at("unknown key")+`"}]}`, nodetest.Picture(4))
	status, text := call(n.Token, "POST", "/v1/detect", kind, body)
	expect("a broken context", status, 422, text)
	status, text = call(n.Token, "POST", "/v1/reports", "application/json", strings.NewReader(`{"item":"`+words.at("wrong item")+`"}`))
	expect("a wrong item", status, 422, text)
	status, text = call(n.Token, "GET", "/v1/reports/"+words.at("unknown report")+"?cursor="+words.at("cursor"), "", nil)
	expect("an unknown report", status, 404, text)
	_, _ = call(n.Token, "GET", "/v1/"+words.at("unknown path"), "", nil)
	_, _ = call(n.Token, "GET", "/"+words.at("unknown page"), "", nil)
	_, _ = call(n.Token, "POST", "/peer/v1/envelopes", "application/json", strings.NewReader(`{"id":"`+words.at("forged envelope")+`"}`))

	// A list with notes, and a broken one.
	manager := n.Person("manager", mandate.ListManager)
	list, err := n.Lists.Create(ctx, manager, lists.NewList{Name: words.at("name of a list"), Source: words.at("source of a list"), Verification: "single", LegalBasis: nodetest.Basis, Radius: -1})
	must(t, "making a list", err)
	importer := n.NewKey(t, "", mandate.ScopeLists)
	imports := "/v1/" + strings.Replace(list.ID, "list/", "lists/", 1) + "/import?reason=" + words.at("reason of an import") + "&name=" + words.at("name of a list file")
	status, text = call(importer, "POST", imports, "text/csv", strings.NewReader("md5,note,source_id\n00000000000000000000000000000001,"+words.at("note")+","+words.at("source id")+"\n"))
	expect("a list", status, 200, text)
	status, text = call(importer, "POST", imports, "text/csv", strings.NewReader("md5,note\n"+words.at("broken digest")+","+words.at("note of a broken row")+"\n"))
	expect("a broken list", status, 422, text)

	// People, their logins and their keys.
	operator := n.Person("operator", mandate.Operator)
	name := words.at("name of a person")
	person, link, err := n.Identity.Invite(ctx, operator, name, []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	words[link.Token] = "login link"
	_, token, err := n.Identity.CreateKey(ctx, operator, words.at("name of a key"), []mandate.Scope{mandate.ScopeRead}, "")
	must(t, "making a key", err)
	words[strings.SplitN(token, "_", 3)[2]] = "API key"
	words[strings.SplitN(n.Token, "_", 3)[2]] = "API key"
	login := url.Values{"name": {name}, "passphrase": {words.at("passphrase")}, "code": {words.at("code")}}
	_, _ = call("", "POST", "/login", "application/x-www-form-urlencoded", strings.NewReader(login.Encode()))
	login.Set("name", words.at("name of a stranger"))
	_, _ = call("", "POST", "/login", "application/x-www-form-urlencoded", strings.NewReader(login.Encode()))
	_, _ = call("", "POST", "/login/link", "application/x-www-form-urlencoded", strings.NewReader("token="+words.at("wrong login link")))
	browser := client(t, n.Config.Origin, link.Token)
	for _, page := range []string{"/queue", "/reports/" + words.at("page of an unknown report"), "/log?before=" + words.at("query of a page"), "/items/" + words.at("unknown item")} {
		_, _ = send(t, browser, n.Config.Origin, "GET "+page, page, "")
	}

	// A report, with free texts, refused, sent and received.
	who := n.Identity.Actor(person)
	n.Judge(t, who, id, nodetest.Yes)
	n.Judge(t, n.Second(), id, nodetest.Yes)
	n.Clock.Add(6 * time.Minute)
	n.Work(t)
	report, err := n.Reports.Compose(ctx, who, id, "")
	must(t, "composing", err)
	answers := url.Values{
		"urgent": {"no"}, "removed": {"no"}, "third_country": {"yes"}, "third_country_name": {words.at("third country")}, "third_country_ref": {words.at("reference of a third country")},
		"user_decision": {"yes"}, "user_decision_details": {words.at("decision on a user")}, "details": {words.at("details")}, "extra": {words.at("note of the reviewer")},
	}
	path := "/" + strings.Replace(report, "report/", "reports/", 1)
	act := func(c *http.Client, action, form string) {
		t.Helper()
		if status, text := send(t, c, n.Config.Origin, "POST "+action, path+action, form); status != http.StatusSeeOther {
			t.Fatalf("%s: %d %.300s", action, status, text)
		}
	}
	act(browser, "/amend", answers.Encode())
	act(browser, "/submit", "")
	second, link2, err := n.Identity.Invite(ctx, operator, words.at("name of another person"), []mandate.Role{mandate.SecondLooker})
	must(t, "inviting", err)
	words[link2.Token] = "login link"
	approver := client(t, n.Config.Origin, link2.Token)
	act(approver, "/return", "reason="+words.at("reason of a return"))
	act(browser, "/submit", "")
	act(approver, "/approve", "")
	_ = second
	n.Clock.Add(time.Second)
	n.Work(t)
	arrived := 0
	centre.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 10)
		arrived = len(rows)
		return err
	})
	if arrived != 1 {
		t.Fatalf("%d reports arrived, want 1", arrived)
	}

	hostilePeer(t, centre, words)

	recorder := httptest.NewRecorder()
	n.Metrics().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	figures := recorder.Body.String()
	var records strings.Builder
	for _, node := range []*nodetest.Node{n, centre} {
		must(t, "sequencing", node.Ledger.Sequence(ctx))
		node.Look(t, func(tx *store.Tx) error {
			rows, err := tx.LogEventsFrom(0, 1_000_000)
			for _, row := range rows {
				records.Write(row.Record)
				records.WriteByte('\n')
			}
			return err
		})
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	places := map[string]string{"what the operator is told": told.text.String(), "the figures": figures, "the records of the log": records.String()}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		for place, text := range places {
			if at := strings.Index(text, word); at >= 0 {
				t.Errorf("%s is in %s: …%.200s", words[word], place, text[max(0, at-100):])
			}
		}
	}
	if !strings.Contains(records.String(), report) {
		t.Error("the search of the records finds nothing at all")
	}
	t.Logf("%d words in %d bytes of records, %d of figures, %d told to the operator", len(words), records.Len(), len(figures), told.text.Len())
}

// hostilePeer is a registered organisation that writes what it likes wherever an
// envelope has room for text.
func hostilePeer(t *testing.T, centre *nodetest.Node, words canaries) {
	t.Helper()
	secrets, err := keyring.CreateIdentity(filepath.Join(t.TempDir(), "identity"), "hostile.example", mandate.Provider)
	must(t, "making an identity", err)
	keys := peer.Keys{Self: peer.Node{Public: secrets.Public(), Title: words.at("title of an organisation"), URL: "https://hostile.example"}, Secrets: secrets}
	must(t, "registering", centre.Post.Register(t.Context(), centre.Person("operator", mandate.Operator), keys.Self))
	send := func(message any, change func(*peer.Header)) error {
		header := peer.Header{
			ID: words.at("id of an envelope"), Kind: mandate.EnvelopeReport, Type: words.at("type"), Time: centre.Clock.Now(), Subject: "report/" + words.at("subject"),
			Schema: words.at("schema"), Recipients: []string{centre.Post.Self().NodeID}, Purpose: mandate.PurposeReporting, LegalBasis: words.at("legal basis of an envelope"),
			ReplyTo: words.at("reply to"), Priority: peer.Priority(words.at("priority")), Sequence: int64(len(words)), Checkpoint: words.at("checkpoint"),
		}
		change(&header)
		text, err := peer.Seal(keys, centre.Post.Self(), header, message)
		if err != nil {
			return err
		}
		_, err = centre.Post.Receive(t.Context(), keys.Self, text)
		return err
	}
	same := func(*peer.Header) {}
	for _, message := range []any{
		words.at("message that is no report"), map[string]any{words.at("unknown key of a report"): words.at("unknown value of a report")},
		map[string]any{"id": words.at("id of a report"), "profile": words.at("form of a report") + "@1", "form": map[string]any{}},
		map[string]any{"id": words.at("id of a report"), "profile": "csar/com-2022-209@1", "form": map[string]any{"type": words.at("type of a report"), "geo": words.at("place")}},
	} {
		must(t, "sending what is rejected with a receipt", send(message, same))
	}
	for what, change := range map[string]func(*peer.Header){
		"another kind":  func(h *peer.Header) { h.Kind = mandate.EnvelopeQuestion },
		"a wrong clock": func(h *peer.Header) { h.Time = h.Time.Add(48 * time.Hour) },
	} {
		if send(map[string]string{}, change) == nil {
			t.Errorf("%s was taken in", what)
		}
	}
	if _, err := centre.Post.Receive(t.Context(), keys.Self, []byte(`{"purpose":"`+words.at("purpose")+`","id":"`+words.at("id")+`","time":"`+words.at("time")+`"}`)); err == nil {
		t.Error("a time that is none was taken in")
	}
}
