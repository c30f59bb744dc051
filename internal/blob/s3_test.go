package blob_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/blob/blobtest"
)

// TestS3Conforms runs the suite against a server in this process that speaks
// the S3 protocol.
func TestS3Conforms(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	// With TLS, as in production: over plain HTTP the client signs a body in
	// chunks, and this server does not take these apart in multipart uploads.
	server := httptest.NewTLSServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	conformS3(t, blob.S3Config{
		Endpoint: strings.TrimPrefix(server.URL, "https://"), Authorities: authorities, Region: "us-east-1", PathStyle: true,
		Bucket: "bucket", AccessKey: "access", SecretKey: "secret",
	})
}

// TestLiveS3Conforms runs it against a live store where one is named, each check
// under a prefix of its own. BRDO_TEST_S3_URL has the form
// http://access-key:secret-key@host:port/bucket.
func TestLiveS3Conforms(t *testing.T) {
	address := os.Getenv("BRDO_TEST_S3_URL")
	if address == "" {
		return // nobody asked for it; the server above speaks the same protocol
	}
	at, err := url.Parse(address)
	if err != nil || at.User == nil {
		t.Fatal("BRDO_TEST_S3_URL is not of the form http://access-key:secret-key@host:port/bucket")
	}
	secret, _ := at.User.Password()
	conformS3(t, blob.S3Config{
		Endpoint: at.Host, Insecure: at.Scheme == "http", Region: "us-east-1", PathStyle: true,
		Bucket: strings.Trim(at.Path, "/"), AccessKey: at.User.Username(), SecretKey: secret,
	})
}

func conformS3(t *testing.T, config blob.S3Config) {
	absent := config
	absent.Bucket += "-absent"
	if _, err := blob.OpenS3(t.Context(), absent); !problem.Is(err, problem.NotFound) {
		t.Fatalf("error %v, want that the bucket is not there", err)
	}
	blobtest.Conformance(t, func(t *testing.T) blob.Store {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		own := config
		own.Prefix = "test-" + hex.EncodeToString(random[:])
		store, err := blob.OpenS3(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

func TestS3IsUnavailableWithoutServer(t *testing.T) {
	_, err := blob.OpenS3(t.Context(), blob.S3Config{Endpoint: "127.0.0.1:1", Insecure: true, Bucket: "bucket", Region: "us-east-1", AccessKey: "a", SecretKey: "b"})
	wantKind(t, err, problem.Unavailable)
	_, err = blob.OpenS3(t.Context(), blob.S3Config{Endpoint: "http://a/b", Bucket: "bucket"})
	wantKind(t, err, problem.Invalid)
	_, err = blob.OpenS3(t.Context(), blob.S3Config{Endpoint: "a", Bucket: "bucket", Prefix: "../up"})
	wantKind(t, err, problem.Invalid)
}
