package node_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// TestAPanicIsToldWithoutItsValue: the connection breaks off, the operator
// learns where it was, and the server goes on.
func TestAPanicIsToldWithoutItsValue(t *testing.T) {
	var told safely
	mux := http.NewServeMux()
	mux.HandleFunc("POST /half/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half an answer")
		panic("canary " + r.FormValue("name") + r.PathValue("id"))
	})
	mux.HandleFunc("GET /well", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "well") })
	server := httptest.NewServer(node.Guarded(mux, slog.New(slog.NewJSONHandler(&told, nil))))
	defer server.Close()
	answer, err := http.Post(server.URL+"/half/canary", "application/x-www-form-urlencoded", strings.NewReader("name=canary"))
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		answer.Body.Close()
	}
	if err == nil {
		t.Error("half an answer was taken for a whole one")
	}
	if answer, err := http.Get(server.URL + "/well"); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v %v", answer, err)
	}
	server.Close() // waits for what the broken request still writes
	text := told.String()
	if strings.Contains(text, "canary") || !strings.Contains(text, "POST /half/{id}") || !strings.Contains(text, "a panic with a string") || !strings.Contains(text, "guard_test.go") {
		t.Errorf("the operator is told %s", text)
	}
}

// certificate writes a certificate for localhost and its key.
func certificate(t *testing.T) node.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, "making a key", err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	must(t, "making a certificate", err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, "writing a key", err)
	folder := t.TempDir()
	files := node.TLS{Certificate: filepath.Join(folder, "certificate.pem"), Key: filepath.Join(folder, "key.pem")}
	must(t, "writing a certificate", os.WriteFile(files.Certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	must(t, "writing a key", os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return files
}

// TestBrokenRequestsOnTheWire sends a serving process what no HTTP library
// sends, with a word in each place: none of them, and no address of a client,
// is told to the operator, and the process serves on.
func TestBrokenRequestsOnTheWire(t *testing.T) {
	config := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider}).Config
	config.Data, config.TLS = t.TempDir(), certificate(t)
	origin, _, told := servant(t, config)
	address := strings.TrimPrefix(origin, "https://")
	trust := &tls.Config{InsecureSkipVerify: true} // the certificate is the test's own
	words := canaries{}
	for what, request := range map[string]string{
		"plain":                "GET /" + words.at("plain path") + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"no request":           words.at("no request") + "\r\n\r\n",
		"a wrong version":      "GET /" + words.at("path") + " HTTP/9.9\r\n\r\n",
		"a wrong header":       "GET / HTTP/1.1\r\nHost: localhost\r\n" + words.at("header") + " : x\r\n\r\n",
		"a wrong host":         "GET / HTTP/1.1\r\nHost: " + words.at("host") + "/@\r\n\r\n",
		"two lengths":          "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\nContent-Length: " + words.at("length") + "\r\n\r\n",
		"a wrong chunk":        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n" + words.at("chunk") + "\r\n",
		"an encoding":          "POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " + words.at("encoding") + "\r\n\r\n",
		"a semicolon":          "GET /login?name=" + words.at("query") + ";x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"a wrong escape":       "GET /login/%zz" + words.at("escape") + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a header of 100 kB":   "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat(words.at("large header"), 10_000) + "\r\n\r\n",
		"a request that stops": "POST /peer/v1/envelopes HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 99\r\n\r\n" + words.at("half a body"),
		"a broken multipart": "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=" + words.at("boundary") +
			"\r\nContent-Length: 5\r\n\r\n--xyz",
		"a proxy's request": "CONNECT " + words.at("target") + ".example:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"a login link":      "GET /login/" + words.at("token") + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	} {
		plain, err := net.Dial("tcp", address)
		must(t, "connecting", err)
		connection := plain
		if what != "plain" {
			connection = tls.Client(plain, trust)
		}
		_, err = io.WriteString(connection, request)
		must(t, what, err)
		must(t, what, connection.SetReadDeadline(time.Now().Add(20*time.Second)))
		if what == "a request that stops" {
			_ = connection.Close()
			continue
		}
		line, _ := bufio.NewReader(connection).ReadString('\n')
		_ = connection.Close()
		if !strings.HasPrefix(line, "HTTP/1.") || strings.HasPrefix(line, "HTTP/1.1 5") && !strings.Contains(line, "501") && !strings.Contains(line, "505") {
			t.Errorf("%s is answered with %q", what, line)
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
	answer, err := client.Get(origin + "/readyz")
	must(t, "asking whether it still serves", err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards it answers %s", answer.Status)
	}
	const expected = "TLS handshake error from a client"
	for end := time.Now().Add(20 * time.Second); !told.holds(expected) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	text := told.text.Bytes()
	for word, where := range words {
		if bytes.Contains(text, []byte(word)) {
			t.Errorf("%s is told to the operator", where)
		}
	}
	if bytes.Contains(text, []byte("127.0.0.1")) || bytes.Contains(text, []byte("[::1]")) || !bytes.Contains(text, []byte(expected)) {
		t.Errorf("told to the operator: %s", text)
	}
}
