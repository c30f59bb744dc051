package blob_test

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/blob/blobtest"
)

// TestS3Conforms runs the suite against a live store, each check under a prefix
// of its own. BRDO_TEST_S3_URL has the form
// http://access-key:secret-key@host:port/bucket.
func TestS3Conforms(t *testing.T) {
	address := os.Getenv("BRDO_TEST_S3_URL")
	if address == "" {
		skip(t, "no S3 store to test against; set BRDO_TEST_S3_URL=http://access-key:secret-key@host:port/bucket")
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
