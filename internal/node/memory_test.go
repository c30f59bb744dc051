package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
)

// servantEnvironment holds the configuration of a node that serves in a process
// of its own, so that its memory can be measured from outside.
const servantEnvironment = "BRDO_TEST_SERVANT"

func init() {
	if text := os.Getenv(servantEnvironment); text != "" && !media.IsChild(os.Args) {
		if err := serveAlone(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

func serveAlone(text string) error {
	var config node.Config
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	n, err := node.Open(context.Background(), config, node.Options{Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return err
	}
	fmt.Println("serving")
	return n.Run(context.Background(), listener)
}

// servant starts a node in a process of its own and returns its address, its
// process number and what it tells the operator.
func servant(t *testing.T, config node.Config) (origin string, process int, told *safely) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "choosing a port", err)
	config.Listen = listener.Addr().String()
	scheme := "http"
	if config.TLS.Certificate != "" {
		scheme = "https"
	}
	config.Origin = fmt.Sprintf("%s://localhost:%d", scheme, listener.Addr().(*net.TCPAddr).Port)
	must(t, "choosing a port", listener.Close())
	text, err := json.Marshal(config)
	must(t, "writing a configuration", err)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), servantEnvironment+"="+string(text))
	told = &safely{}
	command.Stderr = io.MultiWriter(t.Output(), told)
	out, err := command.StdoutPipe()
	must(t, "starting a node", err)
	must(t, "starting a node", command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	if first, err := io.ReadAll(io.LimitReader(out, int64(len("serving\n")))); err != nil || string(first) != "serving\n" {
		t.Fatalf("the node did not start: %q %v", first, err)
	}
	return config.Origin, command.Process.Pid, told
}

// peak is the largest resident memory of a process so far, in bytes.
func peak(t *testing.T, process int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	must(t, "measuring memory", err)
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatal("the system says nothing of the process' memory")
	return 0
}

// endless repeats a text up to a number of bytes, without holding them.
func endless(text string, size int64) io.Reader { return io.LimitReader(&repeated{text: text}, size) }

type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(into []byte) (n int, err error) {
	for n < len(into) {
		k := copy(into[n:], r.text[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.text)
	}
	return n, nil
}

// TestHostileSizesDoNotFillTheMemory sends what is large or claims to be, and
// holds the node's own memory against the 64 MB that it may grow by.
func TestHostileSizesDoNotFillTheMemory(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the race detector multiplies memory; this is tested without it")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("SKIP: the memory of a process cannot be measured on this system")
	}
	local := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	token := local.NewKey(t, "uploads", mandate.ScopeDetect, mandate.ScopeReports, mandate.ScopeLists)
	manager := local.Person("manager", mandate.ListManager)
	list, err := local.Lists.Create(t.Context(), manager, lists.NewList{Name: "patterns", Source: "test", Verification: "single", LegalBasis: nodetest.Basis, Radius: -1})
	must(t, "making a list", err)
	config := local.Config
	local.Server.Close()
	must(t, "closing the node that prepared", local.Close())
	origin, process, _ := servant(t, config)

	const large = 100 << 20
	multi := func(first string, content io.Reader, last string) (io.Reader, string) {
		var head bytes.Buffer
		parts := multipart.NewWriter(&head)
		_, err := parts.CreateFormField(first)
		must(t, "writing a form", err)
		return io.MultiReader(&head, content, strings.NewReader("\r\n--"+parts.Boundary()+"--\r\n"+last)), parts.FormDataContentType()
	}
	send := func(path, kind string, body io.Reader) (int, string) {
		r, err := http.NewRequest(http.MethodPost, origin+path, body)
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		status, text, err := answerTo(http.DefaultClient, r)
		if err != nil {
			// The node may close the connection while the rest is still coming.
			return 0, err.Error()
		}
		return status, text
	}
	warm := func() {
		for number := range 4 {
			if status, text := send("/v1/detect?flagged=true", "image/png", bytes.NewReader(nodetest.Picture(number))); status != http.StatusOK {
				t.Fatalf("an ordinary upload: %d %s", status, text)
			}
		}
		// A passphrase is hashed in 64 MB on purpose (RFC 9106); that is ordinary.
		send("/login", "application/x-www-form-urlencoded", strings.NewReader("name=ada&passphrase=message+17&code=123456"))
	}
	warm()
	time.Sleep(200 * time.Millisecond) // the sequencer and the first checkpoint are part of ordinary work
	before := peak(t, process)

	imports := "/v1/" + strings.Replace(list.ID, "list/", "lists/", 1) + "/import?reason=x"
	attacks := map[string]func() (int, string){
		"100 MB of JSON as a report":   func() (int, string) { return send("/v1/reports", "application/json", endless(`{"item":`, large)) },
		"100 MB of JSON as a file":     func() (int, string) { return send("/v1/detect", "application/json", endless(`{"a":[`, large)) },
		"a list of one line of 100 MB": func() (int, string) { return send(imports, "text/csv", endless("a", large)) },
		"a JSON list nested without an end": func() (int, string) {
			return send(imports, "application/json", endless(`{"value":[`, large))
		},
		"an envelope of 100 MB": func() (int, string) { return send("/peer/v1/envelopes", "application/json", endless(`{"id":"`, large)) },
		"a login of 100 MB": func() (int, string) {
			return send("/login", "application/x-www-form-urlencoded", endless("name=x&", large))
		},
		"thirty logins at once": func() (int, string) {
			var group sync.WaitGroup
			for range 30 {
				group.Go(func() {
					send("/login", "application/x-www-form-urlencoded", strings.NewReader("name=ada&passphrase=message+17&code=123456"))
				})
			}
			group.Wait()
			return 0, ""
		},
		"a picture of 60,000 by 60,000": func() (int, string) {
			return send("/v1/detect?flagged=true", "image/png", bytes.NewReader(lying(60_000, 60_000)))
		},
		"100 MB of JSON as a context": func() (int, string) {
			body, kind := multi("context", endless(`{"url":"`, large), "")
			return send("/v1/detect", kind, body)
		},
		"a form of 100,000 parts": func() (int, string) {
			body, kind := multi("file", strings.NewReader("x"), "")
			boundary := kind[strings.Index(kind, "boundary=")+9:]
			part := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nx\r\n"
			return send("/v1/detect", kind, io.MultiReader(endless(part, int64(len(part))*100_000), body))
		},
	}
	for name, attack := range attacks {
		status, text := attack()
		if status == http.StatusInternalServerError || status == http.StatusNotFound || status == http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, status, text)
		}
		if grown := peak(t, process) - before; grown > 64<<20 {
			t.Errorf("%s: the node's memory grew by %d MB", name, grown>>20)
		}
		t.Logf("%s: %d, %d MB more at the most", name, status, (peak(t, process)-before)>>20)
	}
	warm()
}

// answerTo sends a request and reads the answer.
func answerTo(c *http.Client, r *http.Request) (int, string, error) {
	answer, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}
