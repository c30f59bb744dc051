package node_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// doorFigure reads one of a node's figures.
func doorFigure(t *testing.T, n *nodetest.Node, name string) string {
	t.Helper()
	w := httptest.NewRecorder()
	n.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// TestTooMuchIsTurnedAwayAtEachDoor: while the database makes everybody wait,
// each door lets in what it may, keeps a place for what is urgent, and answers
// the rest with 429 and a time to come back. Then all of it goes on.
func TestTooMuchIsTurnedAwayAtEachDoor(t *testing.T) {
	narrow := node.Door{AtOnce: 1, Reserve: 1, Waiting: 0, Patience: 20 * time.Millisecond}
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Configure: func(c *node.Config) { c.Doors = node.Doors{API: narrow, Peers: narrow, Pages: narrow} }})

	held, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := n.Store.Write(t.Context(), func(*store.Tx) error { close(held); <-release; return nil })
		if err != nil {
			t.Errorf("holding the database: %v", err)
		}
	})
	<-held
	send := func(method, path, kind string, body []byte, headers ...string) *http.Response {
		r, err := http.NewRequest(method, n.Server.URL+path, bytes.NewReader(body))
		must(t, "making a request", err)
		r.Host = "localhost" + r.URL.Host[strings.LastIndex(r.URL.Host, ":"):]
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer "+n.Token)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		must(t, "sending a request", err)
		return answer
	}
	// occupies sends a request that stays until the database goes on.
	occupies := func(door string, working int, want int, ask func() *http.Response) {
		t.Helper()
		group.Go(func() {
			answer := ask()
			defer answer.Body.Close()
			if text, _ := io.ReadAll(answer.Body); answer.StatusCode != want {
				t.Errorf("what waited at the door %s is answered with %s instead of %d: %.300s", door, answer.Status, want, text)
			}
		})
		for end := time.Now().Add(20 * time.Second); doorFigure(t, n, `brdo_door_requests{door="`+door+`",state="working"}`) != strconv.Itoa(working); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d requests do not come in at the door %s", working, door)
			}
		}
	}
	turnedAway := func(what string, answer *http.Response, kind, says string) {
		t.Helper()
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, what, err)
		pause, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.StatusCode != http.StatusTooManyRequests || err != nil || pause < 1 || pause > 60 || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) || !strings.Contains(string(text), says) {
			t.Errorf("%s: %s, Retry-After %q, %s: %.300s", what, answer.Status, answer.Header.Get("Retry-After"), answer.Header.Get("Content-Type"), text)
		}
	}

	upload := func(number int, query string, headers ...string) func() *http.Response {
		return func() *http.Response {
			return send(http.MethodPost, "/v1/detect"+query, "image/png", nodetest.Picture(number), headers...)
		}
	}
	const problems = "application/problem+json"
	occupies("api", 1, http.StatusOK, upload(1, ""))
	turnedAway("a second upload", upload(2, "")(), problems, "too much to do")
	turnedAway("an upload that only says that it is urgent", upload(3, "", "Priority", "u=0")(), problems, "too much to do")
	turnedAway("another request of the interface", send(http.MethodGet, "/v1/sightings", "", nil), problems, "too much to do")
	occupies("api", 2, http.StatusOK, upload(4, "?flagged=true"))
	turnedAway("a second urgent upload", upload(5, "?flagged=true")(), problems, "too much to do")

	envelope := func(headers ...string) func() *http.Response {
		return func() *http.Response {
			return send(http.MethodPost, "/peer/v1/envelopes", "application/json", []byte(`{"priority":"urgent"}`), headers...)
		}
	}
	occupies("peers", 1, http.StatusForbidden, envelope())
	turnedAway("a second envelope", envelope()(), problems, "too much to do")
	turnedAway("an envelope of a stranger who says that it is urgent", envelope("Priority", "u=0")(), problems, "too much to do")
	turnedAway("another node's question", send(http.MethodGet, "/peer/v1/node", "", nil), problems, "too much to do")

	form := []byte(url.Values{"name": {"ada"}, "passphrase": {"message 17"}, "code": {"1"}}.Encode())
	login := func() *http.Response {
		return send(http.MethodPost, "/login", "application/x-www-form-urlencoded", form)
	}
	occupies("pages", 1, http.StatusForbidden, login)
	turnedAway("a page", send(http.MethodGet, "/login", "", nil), "text/html", "too much to do")
	turnedAway("a page's own request", send(http.MethodGet, "/login", "", nil, "Accept", "application/json"), "application/json", `"remedy"`)
	occupies("pages", 2, http.StatusForbidden, login)
	turnedAway("a third form", login(), "text/html", "Nothing was recorded")

	if status, _ := get(t, n.Server.URL+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	close(release)
	group.Wait()
	for what, ask := range map[string]func() *http.Response{
		"an upload": upload(6, ""), "a page": func() *http.Response { return send(http.MethodGet, "/login", "", nil) },
		"a node": func() *http.Response { return send(http.MethodGet, "/peer/v1/node", "", nil) },
	} {
		answer := ask()
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("afterwards %s is answered with %s", what, answer.Status)
		}
	}
	for name, want := range map[string]string{
		`brdo_door_refused_total{door="api"}`: "4", `brdo_door_reserve_total{door="api"}`: "1",
		`brdo_door_refused_total{door="peers"}`: "3", `brdo_door_refused_total{door="pages"}`: "3",
		`brdo_door_requests{door="api",state="working"}`: "0", `brdo_door_requests{door="pages",state="waiting"}`: "0",
	} {
		if got := doorFigure(t, n, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
