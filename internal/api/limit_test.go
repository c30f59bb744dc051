package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// limited opens a node whose sources "uploads" may ask 2 questions a second and
// 100 at once.
func limited(t *testing.T) caller {
	t.Helper()
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, MaxBytes: 64 << 10, Configure: func(c *node.Config) {
		c.Detection.Sources[0].Limit = node.Limit{PerSecond: 2, Burst: api.SmallestBurst}
	}})
	return caller{n, n.Token}
}

func (c caller) ask(t *testing.T, path, media string, body []byte, status int) *http.Response {
	t.Helper()
	answer, text := c.call(t, "POST", path, media, "", body)
	if answer.StatusCode != status {
		t.Errorf("%s: %s instead of %d\n%s", path, answer.Status, status, text)
	}
	if status == http.StatusTooManyRequests {
		var p api.Problem
		if err := json.Unmarshal(text, &p); err != nil || p.Status != status || p.Remedy == "" || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
	return answer
}

func (c caller) figure(t *testing.T, name string) string {
	t.Helper()
	w := httptest.NewRecorder()
	c.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// TestAKeyAsksNoMoreThanItsLimit: a file is a question however files are sent,
// what is used up comes back with time, and what presses has a reserve.
func TestAKeyAsksNoMoreThanItsLimit(t *testing.T) {
	c := limited(t)
	other, elsewhere := c.with(t, "uploads", mandate.ScopeDetect), c.with(t, "archive", mandate.ScopeDetect)
	files := make([][]byte, api.SmallestBurst-1)
	for i := range files {
		files[i] = []byte("message " + strconv.Itoa(i))
	}
	media, body := form(t, "", files...)
	c.ask(t, "/v1/detect", media, body, http.StatusOK) // 99 of 100
	c.ask(t, "/v1/detect", "", files[0], http.StatusOK)
	answer := c.ask(t, "/v1/detect", "", files[0], http.StatusTooManyRequests)
	if after := answer.Header.Get("Retry-After"); after != "1" {
		t.Errorf("after one file: Retry-After %q", after)
	}
	if after := c.ask(t, "/v1/detect", media, body, http.StatusTooManyRequests).Header.Get("Retry-After"); after != "50" {
		t.Errorf("after 99 files: Retry-After %q", after)
	}
	if answer, _ := c.call(t, "GET", "/v1/sightings", "", "", nil); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("reading: %s", answer.Status)
	}
	other.ask(t, "/v1/detect", "", files[0], http.StatusOK)
	elsewhere.ask(t, "/v1/detect", "", files[0], http.StatusOK)

	// What presses is taken all the same, in each of the ways to say so.
	c.ask(t, "/v1/detect?flagged=true", "", nodetest.Picture(1), http.StatusOK)
	for _, signal := range []string{"urgent", "live", "planned-meeting"} {
		media, body := form(t, `{"signals":["`+signal+`"]}`, nodetest.Picture(2))
		c.ask(t, "/v1/detect", media, body, http.StatusOK)
	}
	quiet, quietBody := form(t, `{"signals":["solicitation"]}`, nodetest.Picture(3))
	c.ask(t, "/v1/detect", quiet, quietBody, http.StatusTooManyRequests)
	if reserved := c.figure(t, `brdo_api_reserve_total{source="uploads"}`); reserved != "4" {
		t.Errorf("the reserve let %s through", reserved)
	}
	if refused := c.figure(t, `brdo_api_refused_total{source="uploads"}`); refused != "102" { // 1 + 99 + 1 + 1
		t.Errorf("%s questions were refused", refused)
	}
	if refused := c.figure(t, `brdo_api_refused_total{source="archive"}`); refused != "0" {
		t.Errorf("%s questions of another source were refused", refused)
	}

	// The reserve has an end, too: 96 are left of it.
	flagged, flaggedBody := form(t, `{"flagged":true}`, files[:97]...)
	c.ask(t, "/v1/detect", flagged, flaggedBody, http.StatusTooManyRequests)
	flagged, flaggedBody = form(t, `{"flagged":true}`, files[:96]...)
	c.ask(t, "/v1/detect", flagged, flaggedBody, http.StatusOK)
	c.ask(t, "/v1/detect?flagged=true", "", files[0], http.StatusTooManyRequests)

	c.Clock.Add(time.Second)
	c.ask(t, "/v1/detect", "", files[0], http.StatusOK)
	c.ask(t, "/v1/detect", "", files[0], http.StatusOK)
	c.ask(t, "/v1/detect", "", files[0], http.StatusTooManyRequests)

	// A clock that was set back gives nothing and takes nothing.
	c.Clock.Add(-time.Hour)
	c.ask(t, "/v1/detect", "", files[0], http.StatusTooManyRequests)
	c.Clock.Add(time.Second)
	c.ask(t, "/v1/detect", "", files[0], http.StatusOK)
}

// TestRefusalsCostQuestionsToo: each refusal is an event of the log, so that
// they must not be free.
func TestRefusalsCostQuestionsToo(t *testing.T) {
	c := limited(t)
	c.Clock.Set(time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC)) // the legal basis has ended
	for range api.SmallestBurst {
		c.ask(t, "/v1/detect", "", []byte("message 17"), http.StatusForbidden)
	}
	c.ask(t, "/v1/detect", "", []byte("message 17"), http.StatusTooManyRequests)
}

func TestLimitsThatCannotBe(t *testing.T) {
	for text, field := range map[string]string{
		"{}": "", "{per_second: 0.5, burst: 100}": "", "{per_second: 100, burst: 1000}": "",
		"{per_second: 10}": "burst", "{burst: 200}": "per_second", "{per_second: -1, burst: 200}": "per_second",
		"{per_second: .nan, burst: 200}": "per_second", "{per_second: .inf, burst: 200}": "per_second", "{per_second: 10, burst: 99}": "burst",
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\ndetection: {sources: [{name: uploads, service: hosting, legal_basis: provider/hosting-terms@1, limit: "+text+"}]}\n"))
		switch {
		case field == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case field != "" && (!problem.Is(err, problem.Invalid) || problem.From(err).Field != "detection.sources[0].limit."+field):
			t.Errorf("%s: %v", text, err)
		}
	}
}
