package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/client"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

// losing is a connection that breaks after the node did its work, so many times.
type losing struct{ times int }

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.times > 0 {
		l.times--
		_, _ = io.Copy(io.Discard, answer.Body)
		return nil, errors.Join(errors.New("the connection broke"), answer.Body.Close())
	}
	return answer, err
}

// failing is a file that cannot be read.
type failing struct{ io.ReadSeeker }

var errDisk = errors.New("the disk is gone")

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func open(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func file(number int) client.File {
	return client.File{Name: fmt.Sprintf("picture %d.png", number), Content: bytes.NewReader(nodetest.Picture(number))}
}

// TestAgainstANode asks a whole node over TCP.
func TestAgainstANode(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, MaxBytes: 64 << 10, Configure: func(c *node.Config) {
		c.Doors.API = node.Door{AtOnce: 1, Reserve: 1, Waiting: 0, Patience: time.Minute}
		c.Detection.Sources[1].Limit = node.Limit{PerSecond: 1, Burst: 100}
	}})
	list := n.List(t, "double", 1)
	var waited []time.Duration
	o := client.Options{Base: n.Server.URL + "/", Key: n.Token, Wait: func(_ context.Context, pause time.Duration) error {
		waited = append(waited, pause)
		n.Clock.Add(pause)
		return nil
	}}
	lossy := o
	lossy.HTTP = &http.Client{Transport: &losing{times: 2}}
	found, err := open(t, lossy).Detect(t.Context(), client.Submission{
		Context: item.Context{URL: "https://photos.example/p/1"}, ClientRef: "upload-1", Signals: []law.Signal{law.SignalUrgent}, Files: []client.File{file(1), file(2)},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := found.Files[0]
	if len(found.Files) != 2 || first.Name != "picture 1.png" || first.Sighting == "" || len(first.Matches) != 1 || first.Matches[0].List != list || first.Matches[0].Kind != "sha256" ||
		found.Source != "uploads" || found.LegalBasis != nodetest.Basis.String() || found.Notice == "" || first.Next == "" || first.PDQ == "" || first.Status != "ok" {
		t.Errorf("%+v", found)
	}
	if len(waited) != 2 || waited[0] >= waited[1] {
		t.Errorf("waited %v between attempts", waited)
	}
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.SightingsAfter("", "", 10)
		if len(rows) != 2 || rows[0].ClientRef != "upload-1" || !strings.Contains(string(rows[0].Context), "photos.example/p/1") {
			t.Errorf("%d sightings of two files: %+v", len(rows), rows)
		}
		return err
	})

	batch(t, n, o, &waited)

	sum, err := digest.Reader(bytes.NewReader(nodetest.Picture(1)))
	if err != nil {
		t.Fatal(err)
	}
	hashes := make([]client.Hashes, client.MaxHashes+1)
	for i := range hashes {
		hashes[i].MD5 = strings.Repeat("17", 16)
	}
	hashes[3].MD5, hashes[client.MaxHashes] = sum.MD5Hex(), client.Hashes{SHA256: sum.SHA256Hex(), PDQ: first.PDQ}
	o.Key = n.NewKey(t, "archive", mandate.ScopeDetect)
	archive := open(t, o)
	var matched []string
	next := 0
	waited = nil
	err = archive.Lookup(t.Context(), hashes, func(at int, found client.Found, _ []client.Skipped) error {
		if at != next {
			t.Fatalf("answer %d after %d", at, next-1)
		}
		next++
		for _, m := range found.Matches {
			matched = append(matched, fmt.Sprint(at, " ", m.Kind))
		}
		return nil
	})
	if err != nil || next != len(hashes) || strings.Join(matched, ",") != "3 md5,1000 sha256" {
		t.Errorf("%d answers, %v: %v", next, matched, err)
	}
	// The second request is one question more than the key may ask at once.
	if len(waited) != 1 || waited[0] != time.Second {
		t.Errorf("waited %v, want what Retry-After said", waited)
	}

	stop := errors.New("enough")
	if err := archive.Lookup(t.Context(), hashes[:2], func(int, client.Found, []client.Skipped) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error: %v", err)
	}
	if err := archive.Lookup(t.Context(), []client.Hashes{{MD5: "17"}}, nil); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "hashes[0].md5" || problem.From(err).Remedy == "" {
		t.Errorf("a wrong hash: %v", err)
	}
	if _, err := archive.Detect(t.Context(), client.Submission{Files: []client.File{{Content: failing{bytes.NewReader(nil)}}}}); !errors.Is(err, errDisk) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	o.Key = "brdo_wrong"
	if _, err := open(t, o).Detect(t.Context(), client.Submission{Files: []client.File{file(1)}}); !problem.Is(err, problem.Denied) {
		t.Errorf("a wrong key: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := archive.Detect(ended, client.Submission{Files: []client.File{file(1)}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
	n.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
	if _, err := archive.Detect(t.Context(), client.Submission{Files: []client.File{file(1)}}); !problem.Is(err, problem.Expired) {
		t.Errorf("after the basis ended: %v", err)
	}
}

// batch hands a hundred files in while the node has as much to do as it takes.
func batch(t *testing.T, n *nodetest.Node, o client.Options, waited *[]time.Duration) {
	t.Helper()
	large, broken := bytes.Repeat([]byte{17}, 64<<10+1), nodetest.Picture(3)[:1000]
	var s client.Submission
	for number := range client.MaxFiles {
		s.Files = append(s.Files, file(number))
	}
	s.Files[10].Content, s.Files[20].Content, s.Files[30].Content, s.Files[40].Content =
		bytes.NewReader(large), bytes.NewReader(broken), bytes.NewReader(nil), strings.NewReader("message 17")

	// Another upload stands in the door: the node asked for its body, so it is counted.
	slow, rest := io.Pipe()
	inside, done := make(chan struct{}), make(chan error, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(inside) }})
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Server.URL+"/v1/detect", slow)
	nodetest.Must(t, err)
	post.Header.Set("Authorization", "Bearer "+n.Token)
	post.Header.Set("Expect", "100-continue")
	go func() {
		answer, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour, DisableKeepAlives: true}}).Do(post)
		if err == nil {
			err = answer.Body.Close()
		}
		done <- err
	}()
	<-inside
	*waited = nil
	wait := o.Wait
	o.Wait = func(ctx context.Context, pause time.Duration) error {
		nodetest.Must(t, rest.Close())
		nodetest.Must(t, <-done)
		return wait(ctx, pause)
	}
	found, err := open(t, o).Detect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(*waited) != 1 || (*waited)[0] < time.Second {
		t.Errorf("waited %v for a node that had too much to do, want what Retry-After said", *waited)
	}
	for i, f := range found.Files {
		status, matches, compared := f.Status, 0, true // some of the patterns are too plain for PDQ
		switch i {
		case 1:
			matches = 1
		case 10:
			status, compared = "too-large", false
		case 20, 30, 40:
			status = map[int]string{20: "truncated", 30: "empty", 40: "unsupported"}[i]
		}
		if f.Name != s.Files[i].Name || f.Status != status || len(f.Matches) != matches || (f.NotCompared == "") != compared {
			t.Errorf("file %d: %+v", i, f)
		}
	}
	s.Files = append(s.Files, file(101))
	if _, err := open(t, o).Detect(t.Context(), s); !problem.Is(err, problem.Invalid) {
		t.Errorf("more than a hundred files: %v", err)
	}
	*waited = nil
}

// TestOddServers answer in ways that no node does.
func TestOddServers(t *testing.T) {
	asked := 0
	answers := map[string]http.HandlerFunc{
		"sends on": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		},
		"no JSON":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "message 17") },
		"other JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"files":[]}`) },
		"a proxy":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "message 17", http.StatusBadGateway) },
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "999999")
			http.Error(w, "", http.StatusTooManyRequests)
		},
		"an odd problem": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			_, _ = io.WriteString(w, `{"type":"x/y","detail":"tea"}`)
		},
	}
	var longest time.Duration
	for name, want := range map[string]struct {
		kind  problem.Kind
		asked int
	}{
		"sends on": {problem.Internal, 1}, "no JSON": {problem.Unavailable, 3}, "other JSON": {problem.Unavailable, 3}, "a proxy": {problem.Unavailable, 3},
		"too much": {problem.Unavailable, 3}, "an odd problem": {problem.Internal, 1},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; answers[name](w, r) }))
		c := open(t, client.Options{Base: server.URL, Key: "brdo_x", Attempts: 3, Wait: func(_ context.Context, pause time.Duration) error {
			longest = max(longest, pause)
			return nil
		}})
		asked = 0
		_, err := c.Detect(t.Context(), client.Submission{Files: []client.File{file(1)}})
		server.Close()
		if !problem.Is(err, want.kind) || asked != want.asked {
			t.Errorf("%s: asked %d times: %v", name, asked, err)
		}
	}
	if longest != time.Hour {
		t.Errorf("waited %s for a server that asks for more than ten days", longest)
	}
}

func TestOptions(t *testing.T) {
	for base, good := range map[string]bool{
		"https://brdo.example": true, "https://brdo.example/": true, "http://localhost:8080": true, "http://127.0.0.1:1": true, "http://brdo.example": false,
		"brdo.example": false, "": false, "ftp://brdo.example": false, "https://user:word@brdo.example": false, "https://brdo.example/?x=1": false,
	} {
		if _, err := client.New(client.Options{Base: base, Key: "brdo_x"}); (err == nil) != good {
			t.Errorf("%q: %v", base, err)
		}
	}
	if _, err := client.New(client.Options{Base: "https://brdo.example", Key: "x"}); !problem.Is(err, problem.Invalid) {
		t.Errorf("a key that is none: %v", err)
	}
}
