package peer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
)

// get asks a peer for something that it gives out to everybody, and reads up to
// one byte more than limit of its answer, so that a longer one is seen as such.
//
// Errors: Unavailable when it cannot be reached, or its answer broke off.
func (p *Post) get(ctx context.Context, from Node, path string, header http.Header, limit int64) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(from.URL, "/")+path, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("preparing the request: %w", err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := p.plain.Do(request)
	if err != nil {
		return nil, nil, problem.New(problem.Unavailable, "the peer cannot be reached", "it is tried again").Because(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, nil, problem.New(problem.Unavailable, "the peer's answer broke off", "it is tried again").Because(err)
	}
	return response, text, nil
}
