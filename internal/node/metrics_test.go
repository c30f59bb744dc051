package node_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// get asks until the address answers.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(url)
		if err != nil {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, "reading an answer", err)
		return answer.StatusCode, string(text)
	}
}

// TestFiguresHaveAnAddressOfTheirOwn: the address that everybody reaches does
// not serve them, and theirs serves nothing else.
func TestFiguresHaveAnAddressOfTheirOwn(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "finding a free port", err)
	address := free.Addr().String()
	must(t, "freeing it", free.Close())
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Configure: func(c *node.Config) { c.Metrics.Listen = address }})
	public, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "listening", err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, public) }()

	if status, text := get(t, "http://"+address+"/metrics"); status != http.StatusOK || !strings.Contains(text, "brdo_log_records") || !strings.Contains(text, "brdo_sandbox") {
		t.Errorf("the figures: %d %.300s", status, text)
	}
	for _, path := range []string{"/", "/login", "/healthz", "/v1/lists", "/peer/v1/node"} {
		if status, _ := get(t, "http://"+address+path); status != http.StatusNotFound {
			t.Errorf("the address of the figures answers %s with %d", path, status)
		}
	}
	if status, text := get(t, "http://"+public.Addr().String()+"/metrics"); status == http.StatusOK || strings.Contains(text, "brdo_log_records") {
		t.Errorf("the public address serves figures: %d %.300s", status, text)
	}
	cancel()
	must(t, "ending", <-ended)
	if answer, err := http.Get("http://" + address + "/metrics"); err == nil {
		answer.Body.Close()
		t.Error("the figures are served after the end")
	}
}

func TestTheAddressOfTheFigures(t *testing.T) {
	if node.Defaults().Metrics.Listen != "" {
		t.Error("figures are served although nobody asked for it")
	}
	for address, good := range map[string]bool{
		"": true, "127.0.0.1:9464": true, "[::1]:9464": true, "10.0.0.4:9464": true, "metrics.internal:9464": true,
		":9464": false, "9464": false, "127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:8080": false,
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\nmetrics: {listen: \""+address+"\"}\n"))
		if (err == nil) != good || (err != nil && (!problem.Is(err, problem.Invalid) || problem.From(err).Field != "metrics.listen")) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
