package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// submitted posts one file to the interface for machines.
func submitted(t *testing.T, n *nodetest.Node, key string, picture []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, n.Server.URL+"/v1/detect?flagged=true&name=picture.png", bytes.NewReader(picture))
	must(t, "making a request", err)
	r.Header.Set("Authorization", "Bearer "+n.Token)
	r.Header.Set("Idempotency-Key", key)
	answer, err := n.Server.Client().Do(r)
	must(t, "sending a request", err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, "reading an answer", err)
	return answer.StatusCode, string(text)
}

func sightings(t *testing.T, n *nodetest.Node) (count int) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.SightingsAfter("", "uploads", 1000)
		count = len(rows)
		return err
	})
	return count
}

// lying is a PNG whose header promises more pixels than it has.
func lying(width, height uint32) []byte {
	picture := bytes.Clone(nodetest.Picture(1))
	binary.BigEndian.PutUint32(picture[16:], width)
	binary.BigEndian.PutUint32(picture[20:], height)
	binary.BigEndian.PutUint32(picture[29:], crc32.ChecksumIEEE(picture[12:29]))
	return picture
}

// TestBrokenPicturesAreKeptAndAnswered: a picture that cannot be decoded is no
// error of the request, because nothing is dropped silently.
func TestBrokenPicturesAreKeptAndAnswered(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	whole := nodetest.Picture(1)
	corpus := map[string][]byte{
		"truncated":   whole[:len(whole)/2],
		"lying":       lying(97, 81),
		"bomb":        lying(60_000, 60_000),
		"polyglot":    append(bytes.Clone(whole), "<html><script>1</script>PK\x03\x04"...),
		"only a name": []byte("\x89PNG\r\n\x1a\n"),
		"no picture":  []byte("message 17"),
	}
	for name, picture := range corpus {
		if status, text := submitted(t, n, name, picture); status != http.StatusOK || !strings.Contains(text, `"sighting":"`) {
			t.Errorf("%s: answered with %d: %s", name, status, text)
		}
	}
	if count := sightings(t, n); count != len(corpus) {
		t.Errorf("%d sightings of %d files", count, len(corpus))
	}
	if status, text := submitted(t, n, "afterwards", nodetest.Picture(2)); status != http.StatusOK || !strings.Contains(text, `"pdq":"`) {
		t.Errorf("afterwards: %d: %s", status, text)
	}
}

// TestAnEndedLegalBasisStopsDetection moves the clock over the basis' end.
func TestAnEndedLegalBasisStopsDetection(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	if status, text := submitted(t, n, "before", nodetest.Picture(1)); status != http.StatusOK {
		t.Fatalf("before the end: %d: %s", status, text)
	}
	n.Clock.Set(time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC))
	status, text := submitted(t, n, "after", nodetest.Picture(2))
	if status != http.StatusForbidden || !strings.Contains(text, "/expired") || !strings.Contains(text, `"remedy":"`) {
		t.Errorf("after the end: %d: %s", status, text)
	}
	if count := sightings(t, n); count != 1 {
		t.Errorf("%d sightings, want the one from before the end", count)
	}
	if bases := n.Intake.Bases(); bases[0].Stopped == "" {
		t.Error("nothing says that detection has stopped")
	}
}

// TestOneKeyFiveTimesAtOnce is a service that tries again too eagerly.
func TestOneKeyFiveTimesAtOnce(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		answers := make([]string, 5)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				found, err := n.Intake.Detect(context.Background(), n.Uploads, withKey(t, "one"))
				if err != nil {
					t.Error(err)
					return
				}
				answers[i] = found.Files[0].Sighting
			})
		}
		group.Wait()
		for _, answer := range answers {
			if answer == "" || answer != answers[0] {
				t.Errorf("different answers: %v", answers)
			}
		}
		if count := sightings(t, n); count != 1 {
			t.Errorf("%d sightings of one upload", count)
		}
	})
}

func withKey(t *testing.T, key string) (s intake.Submission) {
	t.Helper()
	s = nodetest.Submission(1, "")
	s.Flagged, s.IdempotencyKey = true, key
	return s
}
