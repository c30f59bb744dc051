// Package mediatest gives the tests of other packages the real decoder: one for a
// whole test binary, because starting it is dear.
package mediatest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/internal/media"
)

// Main runs a package's tests; TestMain calls it, because the decoder starts
// the test binary again as its child.
func Main(m *testing.M) {
	if media.IsChild(os.Args) {
		media.RunChild()
	}
	code := m.Run()
	if started != nil {
		if err := started.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var started *media.Service

var decoder = sync.OnceValues(func() (*media.Service, error) {
	service, err := media.Start(context.Background(), media.Options{Children: 2})
	started = service
	return service, err
})

// Decoder is the decoder of this test binary. Its package's TestMain has to call
// [Main].
func Decoder(t testing.TB) *media.Service {
	t.Helper()
	service, err := decoder()
	if err != nil {
		t.Fatalf("starting the decoder: %v", err)
	}
	return service
}
