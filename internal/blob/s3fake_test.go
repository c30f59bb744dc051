//go:build s3test

package blob_test

import (
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/brdoproject/brdo/internal/blob"
)

// TestS3ConformsInProcess runs the suite against a server in this process that
// speaks the S3 protocol. Build with -tags s3test.
func TestS3ConformsInProcess(t *testing.T) {
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
