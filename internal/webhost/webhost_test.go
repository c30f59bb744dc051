package webhost_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/internal/webhost"
)

// TestTheService: a person removes by the page, other sites do not, and names
// that are played do not lead to the page.
func TestTheService(t *testing.T) {
	web, err := webhost.New()
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://photos.example/p/17"
	web.Put(address, "text/plain", func() []byte { return []byte("message 17") })
	server := httptest.NewServer(web)
	defer server.Close()
	proxied := &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(server.URL) }}}
	ask := func(client *http.Client, method, at, form, origin string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if status, text := ask(http.DefaultClient, "GET", server.URL+"/?part=p/17", "", ""); status != 200 || !strings.Contains(text, `value="`+address+`"`) {
		t.Errorf("%d %s", status, text)
	}
	remove := "remove=" + url.QueryEscape(address)
	if status, _ := ask(http.DefaultClient, "POST", server.URL+"/", remove, "https://elsewhere.example"); status != http.StatusForbidden || !web.Latest("", 1)[0].Removed.IsZero() {
		t.Errorf("another site removes: %d", status)
	}
	if status, text := ask(http.DefaultClient, "POST", server.URL+"/", remove, server.URL); status != 200 || !strings.Contains(text, "removed 20") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask(http.DefaultClient, "POST", server.URL+"/", remove, server.URL); status != http.StatusNotFound {
		t.Errorf("removing twice: %d", status)
	}
	web.Put("http://photos.example/p/18", "text/plain", func() []byte { return []byte("message 18") })
	for at, want := range map[string]int{"http://photos.example/p/18": 200, "http://photos.example/": 404, "http://elsewhere.example/": 502} {
		if status, text := ask(proxied, "GET", at, "", ""); status != want || strings.Contains(text, "service itself") {
			t.Errorf("%s: %d %s", at, status, text)
		}
	}
}
