package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// caller calls a node's interface with a key.
type caller struct {
	*nodetest.Node
	token string
}

func open(t testing.TB) caller {
	t.Helper()
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, MaxBytes: 64 << 10})
	return caller{n, n.Token}
}

func (c caller) with(t testing.TB, source string, scopes ...mandate.Scope) caller {
	t.Helper()
	return caller{c.Node, c.NewKey(t, source, scopes...)}
}

func (c caller) call(t testing.TB, method, path, contentType, key string, body []byte) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.Server.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, text
}

// json expects a good answer and reads it into a value.
func (c caller) json(t testing.TB, method, path, body string, into any) {
	t.Helper()
	answer, text := c.call(t, method, path, "application/json", "", []byte(body))
	if answer.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s\n%s", method, path, answer.Status, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// form writes a multipart body: an optional context and so many files.
func form(t testing.TB, context string, files ...[]byte) (contentType string, body []byte) {
	t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	if context != "" {
		if err := w.WriteField("context", context); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range files {
		part, err := w.CreateFormFile("file", fmt.Sprintf("picture %d.png", i))
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), text.Bytes()
}

func TestDescription(t *testing.T) {
	c := open(t)
	_, text := c.call(t, "GET", "/openapi.json", "", "", nil)
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/openapi.golden.json"
	if *update {
		if err := os.WriteFile(golden, indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(indented.Bytes(), want) {
		t.Errorf("the description changed; look at it and run the test with -update:\n%s", indented.String())
	}
}

func TestDocsListEveryOperationAndLoadNothing(t *testing.T) {
	c := open(t)
	c.token = ""
	answer, page := c.call(t, "GET", "/docs", "", "", nil)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Security-Policy") != "default-src 'none'" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	_, text := c.call(t, "GET", "/openapi.json", "", "", nil)
	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}
	operations := 0
	for path, methods := range description.Paths {
		for method := range methods {
			operations++
			if !bytes.Contains(page, []byte("<code>"+strings.ToUpper(method)+" "+path+"</code>")) {
				t.Errorf("the page lacks %s %s", method, path)
			}
		}
	}
	if operations < 9 {
		t.Errorf("only %d operations are described", operations)
	}
	if found := regexp.MustCompile(`(?i)<script|<link|<img|<style|src=|https?://|@import`).Find(page); found != nil {
		t.Errorf("the page loads something: %s", found)
	}
}

func TestErrorsAreProblems(t *testing.T) {
	c := open(t)
	nobody, stranger, reader := caller{c.Node, ""}, caller{c.Node, "brdo_wrong"}, c.with(t, "", mandate.ScopeRead)
	lists := c.with(t, "", mandate.ScopeLists)
	picture := nodetest.Picture(1)
	empty, emptyBody := form(t, `{"url":"https://photos.example/p/1"}`)
	unknown, unknownBody := form(t, `{"colour":"red"}`, picture)
	address, addressBody := form(t, `{"ip_events":[{"ip":"somewhere"}]}`, picture)
	large, largeBody := form(t, "", make([]byte, 64<<10+1))
	many, manyBody := form(t, "", make([][]byte, intake.MaxFiles+1)...)
	far, farBody := form(t, "", make([][]byte, 2*intake.MaxFiles)...)
	for _, step := range []struct {
		name                string
		who                 caller
		method, path, media string
		body                []byte
		status              int
		field               string
	}{
		{"no key", nobody, "GET", "/v1/lists", "", nil, 401, ""},
		{"no key, detection", nobody, "POST", "/v1/detect", "", picture, 401, ""},
		{"no key, import", nobody, "POST", "/v1/lists/x/import", "", nil, 401, ""},
		{"a wrong key", stranger, "GET", "/v1/reports", "", nil, 401, ""},
		{"a key of another scope", reader, "POST", "/v1/detect", "", picture, 403, ""},
		{"reports with a reading key", reader, "GET", "/v1/reports", "", nil, 403, ""},
		{"an unknown list", lists, "GET", "/v1/lists/none", "", nil, 404, ""},
		{"an unknown report", c, "GET", "/v1/reports/none", "", nil, 404, ""},
		{"an unknown item", c, "POST", "/v1/reports", "application/json", []byte(`{"item":"` + strings.Repeat("0", 64) + `"}`), 404, ""},
		{"a wrong item", c, "POST", "/v1/reports", "application/json", []byte(`{"item":"x"}`), 422, "body.item"},
		{"a wrong limit", c, "GET", "/v1/sightings?limit=0", "", nil, 422, "query.limit"},
		{"a wrong cursor", c, "GET", "/v1/reports?cursor=x", "", nil, 422, "cursor"},
		{"an unknown path", c, "GET", "/v1/none", "", nil, 404, ""},
		{"a wrong method", c, "DELETE", "/v1/lists", "", nil, 404, ""},
		{"too large as a body", c, "POST", "/v1/detect", "", make([]byte, 64<<10+1), 422, "file"},
		{"too large as a part", c, "POST", "/v1/detect", large, largeBody, 422, "file"},
		{"no file", c, "POST", "/v1/detect", empty, emptyBody, 422, "files"},
		{"more than 100 files", c, "POST", "/v1/detect", many, manyBody, 422, "files"},
		{"many more files", c, "POST", "/v1/detect", far, farBody, 422, "files"},
		{"an unknown member", c, "POST", "/v1/detect", unknown, unknownBody, 422, "context.colour"},
		{"a wrong address", c, "POST", "/v1/detect", address, addressBody, 422, "context.ip_events[0].ip"},
		{"a body that breaks off", c, "POST", "/v1/detect", large, largeBody[:200], 422, ""},
		{"no boundary", c, "POST", "/v1/detect", "multipart/form-data", picture, 422, "body"},
	} {
		answer, text := step.who.call(t, step.method, step.path, step.media, "", step.body)
		var p api.Problem
		if err := json.Unmarshal(text, &p); err != nil {
			t.Errorf("%s: %v\n%s", step.name, err, text)
			continue
		}
		if answer.StatusCode != step.status || p.Status != step.status || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s\n%s", step.name, answer.Status, answer.Header.Get("Content-Type"), text)
		}
		if p.Type == "" || p.Title == "" || p.Detail == "" || step.field != "" && p.Field != step.field || step.status == 422 && p.Remedy == "" {
			t.Errorf("%s: %s", step.name, text)
		}
		if asks := answer.Header.Get("WWW-Authenticate") == "Bearer"; asks != (step.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", step.name, answer.Header.Get("WWW-Authenticate"))
		}
	}
	if answer, _ := c.call(t, "GET", "/hma/status", "", "", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("HMA is on without being switched on: %s", answer.Status)
	}
	c.Look(t, func(tx *store.Tx) error {
		items, err := tx.ItemsAfter("", 10)
		if len(items) != 0 {
			t.Errorf("%d items are left of refused requests", len(items))
		}
		return err
	})
}

// denial is the sentence that every answer ends with.
const denial = "It does not say that the file is illegal"

func TestDetection(t *testing.T) {
	c := open(t)
	c.List(t, "double", 1)
	read := func(text []byte) (d intake.Detection) {
		t.Helper()
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if all := strings.Count(strings.ToLower(string(text)), "illegal"); all != 1 || !strings.Contains(d.Notice, denial) {
			t.Errorf("the answer says illegal %d times:\n%s", all, text)
		}
		return d
	}
	answer, text := c.call(t, "POST", "/v1/detect?name=a.png&client_ref=ref-1", "image/png", "", nodetest.Picture(1))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s\n%s", answer.Status, text)
	}
	if d := read(text); len(d.Files) != 1 || d.Files[0].Name != "a.png" || d.Files[0].Sighting == "" || len(d.Files[0].Matches) == 0 {
		t.Errorf("%s", text)
	}
	_, text = c.call(t, "POST", "/v1/detect", "", "", nodetest.Picture(2))
	if d := read(text); d.Files[0].Sighting != "" {
		t.Errorf("an unknown file was kept: %s", text)
	}
	_, text = c.call(t, "POST", "/v1/detect?flagged=true", "", "", nodetest.Picture(2))
	if d := read(text); d.Files[0].Sighting == "" {
		t.Errorf("a flagged file was not kept: %s", text)
	}
	media, body := form(t, `{"client_ref":"ref-2","users":[{"username":"user1"}],"signals":["urgent"],"url":"https://photos.example/p/1"}`, nodetest.Picture(1), nodetest.Picture(3))
	_, text = c.call(t, "POST", "/v1/detect", media, "", body)
	d := read(text)
	if len(d.Files) != 2 || d.Files[1].Name != "picture 1.png" || d.Files[1].Sighting == "" {
		t.Fatalf("%s", text)
	}
	if row, _ := c.Item(t, d.Files[0].SHA256); row.Tier != "P0" || row.Sightings != 2 {
		t.Errorf("%+v", row)
	}
}

func TestIdempotency(t *testing.T) {
	c := open(t)
	c.List(t, "double", 1)
	var answers [5][]byte
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answer, text := c.call(t, "POST", "/v1/detect", "", "key-1", nodetest.Picture(1))
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s\n%s", answer.Status, text)
			}
			answers[i] = text
		})
	}
	group.Wait()
	for _, text := range answers {
		if !bytes.Equal(text, answers[0]) {
			t.Errorf("two answers to one request:\n%s\n%s", text, answers[0])
		}
	}
	if answer, text := c.call(t, "POST", "/v1/detect", "", "key-1", nodetest.Picture(2)); answer.StatusCode != http.StatusConflict || !bytes.Contains(text, []byte("Idempotency-Key")) {
		t.Errorf("%s\n%s", answer.Status, text)
	}
	c.Look(t, func(tx *store.Tx) error {
		rows, err := tx.SightingsAfter("", "", 10)
		if len(rows) != 1 {
			t.Errorf("%d sightings", len(rows))
		}
		return err
	})
}

func TestPagesHaveNeitherGapsNorDoubles(t *testing.T) {
	c := open(t)
	for number := range 7 {
		c.Flag(t, number, "")
	}
	list := strings.TrimPrefix(c.List(t, "double", 1, 2, 3, 4, 5, 6, 7), "list/")
	lists := c.with(t, "", mandate.ScopeLists)
	for what, from := range map[string]struct {
		caller
		path string
	}{"sightings": {c, "/v1/sightings?limit=3"}, "entries": {lists, "/v1/lists/" + list + "/entries?limit=3"}} {
		seen, cursor := map[string]bool{}, ""
		for pages := 1; ; pages++ {
			var page struct {
				Items []struct {
					ID string `json:"id"`
				} `json:"items"`
				Next string `json:"next"`
			}
			from.json(t, "GET", from.path+cursor, "", &page)
			for _, row := range page.Items {
				if seen[row.ID] {
					t.Errorf("%s: %s came twice", what, row.ID)
				}
				seen[row.ID] = true
			}
			if page.Next == "" || pages > 5 {
				break
			}
			cursor = "&cursor=" + page.Next
		}
		if len(seen) != 7 {
			t.Errorf("%s: %d of 7", what, len(seen))
		}
	}
}

// TestAListService: its key consults lists and takes entries in, and nothing else.
func TestAListService(t *testing.T) {
	c := open(t)
	list := c.List(t, "double", 1)
	lists := c.with(t, "", mandate.ScopeLists)
	bare := strings.TrimPrefix(list, "list/")
	var l api.List
	lists.json(t, "GET", "/v1/lists/"+bare, "", &l)
	if l.ID != list || l.Entries["active"] != 1 {
		t.Errorf("%+v", l)
	}
	lists.json(t, "GET", "/v1/lists/list%2F"+bare, "", &l) // the identifier as the answers give it
	var all struct{ Items []api.List }
	lists.json(t, "GET", "/v1/lists", "", &all)
	if len(all.Items) != 1 {
		t.Errorf("%+v", all)
	}
	answer, text := lists.call(t, "POST", "/v1/lists/"+bare+"/import?name=more.csv&reason=weekly", "text/csv", "", []byte("md5,category\n"+strings.Repeat("ab", 16)+",training\n"))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s\n%s", answer.Status, text)
	}
	var page struct{ Items []api.ListEntry }
	lists.json(t, "GET", "/v1/lists/"+bare+"/entries", "", &page)
	if len(page.Items) != 2 || page.Items[1].MD5 != strings.Repeat("ab", 16) {
		t.Fatalf("%+v", page)
	}
	if _, err := c.Lists.ChangeRadius(t.Context(), c.Person("list-manager", mandate.ListManager), "list/"+bare, 0, "only the same"); err != nil {
		t.Fatal(err)
	}
	var versions struct{ Items []api.ListVersion }
	lists.json(t, "GET", "/v1/lists/"+bare+"/versions?limit=2", "", &versions)
	if v := versions.Items; len(v) != 2 || v[0].Format != "radius" || v[0].Radius == nil || *v[0].Radius != 0 || v[1].FileName != "more.csv" || v[1].Radius != nil || v[1].Added != 1 {
		t.Errorf("%+v", v)
	}
	entry := strings.TrimPrefix(page.Items[1].ID, "entry/")
	for name, step := range map[string]struct {
		who        caller
		path, body string
		status     int
	}{
		"creating":            {lists, "/v1/lists", `{"name":"another"}`, 404},
		"changing":            {lists, "/v1/lists/" + bare + "/entries/" + entry + "/state", `{"state":"suspended"}`, 404},
		"importing elsewhere": {c, "/v1/lists/" + bare + "/import", "md5\n" + strings.Repeat("cd", 16), 403},
		"detecting":           {lists, "/v1/detect", "a file", 403},
		"importing nonsense":  {lists, "/v1/lists/" + bare + "/import?reason=weekly", "md5,category\nnot a digest,training\n", 422},
		"a kind of digest":    {lists, "/v1/lists/" + bare + "/import?kind=crc", "x", 422},
	} {
		if answer, text := step.who.call(t, "POST", step.path, "application/json", "", []byte(step.body)); answer.StatusCode != step.status {
			t.Errorf("%s: %s\n%s", name, answer.Status, text)
		}
	}
	lists.json(t, "GET", "/v1/lists/"+bare, "", &l)
	if l.Entries["active"] != 2 {
		t.Errorf("a refused request changed the list: %+v", l)
	}
}

func TestReportsOfAService(t *testing.T) {
	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre})
	c := open(t)
	nodetest.Meet(t, c.Node, centre)
	id := c.Flag(t, 1, "")
	c.Judge(t, c.Analyst(), id, nodetest.Yes)
	if answer, _ := c.call(t, "POST", "/v1/reports", "application/json", "", []byte(`{"item":"`+id+`"}`)); answer.StatusCode != http.StatusConflict {
		t.Errorf("before the decision is final: %s", answer.Status)
	}
	c.Settle(t)
	var made struct{ ID string }
	c.json(t, "POST", "/v1/reports", `{"item":"`+id+`"}`, &made)
	var r api.Report
	c.json(t, "GET", "/v1/reports/"+strings.TrimPrefix(made.ID, "report/"), "", &r)
	if r.ID != made.ID || r.State != "draft" || r.Completeness == 0 || len(r.Missing) == 0 {
		t.Errorf("%+v", r)
	}
	var page struct{ Items []api.Report }
	c.json(t, "GET", "/v1/reports", "", &page)
	if len(page.Items) != 1 || page.Items[0].ID != made.ID {
		t.Errorf("%+v", page)
	}
}
