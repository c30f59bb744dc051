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
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
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

// clockMover is a file during whose reading time passes.
type clockMover struct {
	*bytes.Reader
	move func()
}

func (c clockMover) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	if err == io.EOF {
		c.move()
	}
	return n, err
}

// TestALegalBasisEndsInsideABatch: the files after the end are not compared,
// and each says so.
func TestALegalBasisEndsInsideABatch(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		n.List(t, "double", 1, 2, 3)
		n.Clock.Set(time.Date(2027, 12, 31, 23, 59, 59, 0, time.UTC))
		end := func() { n.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)) }
		found, err := n.Intake.Detect(t.Context(), n.Uploads, intake.Submission{Files: []intake.Upload{
			{Name: "first", Content: bytes.NewReader(nodetest.Picture(1))},
			{Name: "second", Content: clockMover{bytes.NewReader(nodetest.Picture(2)), end}},
			{Name: "third", Content: bytes.NewReader(nodetest.Picture(3))},
		}})
		must(t, "submitting", err)
		for i, compared := range []bool{true, true, false} {
			if f := found.Files[i]; (len(f.Matches) > 0) != compared || (f.NotCompared == "") != compared || f.Next == "" {
				t.Errorf("%s: %+v", f.Name, f)
			}
		}
		if count := sightings(t, n); count != 2 {
			t.Errorf("%d sightings, want those of the first two", count)
		}
		_, err = n.Intake.Detect(t.Context(), n.Uploads, nodetest.Submission(4, ""))
		nodetest.Want(t, "the next batch", err, problem.Expired)
	})
}

// TestTheEndOfALegalBasisIsAnnounced 90, 30 and 7 days before, on every page.
func TestTheEndOfALegalBasisIsAnnounced(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	end := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		days float64
		says string
		not  string
	}{
		{90.5, "", "The legal basis of"}, {90, "in less than 91 days", ""}, {31, "in less than 91 days", ""}, {30, "in less than 31 days", ""},
		{7, "in less than 8 days", ""}, {0.5, "in less than 8 days", "has stopped"}, {0, "Detection at uploads has stopped", "ends on"}, {-400, "Detection at uploads has stopped", "ends on"},
	} {
		n.Clock.Set(end.Add(-time.Duration(c.days * 24 * float64(time.Hour))))
		r, err := http.NewRequest(http.MethodGet, n.Server.URL+"/login", nil)
		must(t, "making a request", err)
		_, text, err := answerTo(n.Server.Client(), r)
		must(t, "reading the page", err)
		if !strings.Contains(text, c.says) || (c.not != "" && strings.Contains(text, c.not)) {
			t.Errorf("%v days before the end: the page should say %q and not %q", c.days, c.says, c.not)
		}
	}
}

// TestListsOverTheInterface takes in lists as services send them.
func TestListsOverTheInterface(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	id := n.List(t, "double", 1)
	token := n.NewKey(t, "", mandate.ScopeLists)
	entries := func() (count int64) {
		n.Look(t, func(tx *store.Tx) error {
			all, err := tx.CountListEntries(id)
			count = all[store.EntryActive]
			return err
		})
		return count
	}
	post := func(name, text string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, n.Server.URL+"/v1/"+strings.Replace(id, "list/", "lists/", 1)+"/import?reason=test&name="+name, strings.NewReader(text))
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+token)
		status, answer, err := answerTo(n.Server.Client(), r)
		must(t, "sending a list", err)
		return status, answer
	}
	const one, two = "00000000000000000000000000000001", "00000000000000000000000000000002"
	wide := func(text string) string { // UTF-16 with its mark, as some editors write
		wide := []byte{0xff, 0xfe}
		for _, c := range text {
			wide = append(wide, byte(c), 0)
		}
		return string(wide)
	}
	for _, c := range []struct {
		name, text string
		status     int
		says       string
		more       int64
	}{
		{"bom.csv", "\ufeffmd5,category\n" + one + ",training\n", http.StatusOK, "", 1},
		{"crlf.csv", "md5,category\r\n" + two + ",training\r\n", http.StatusOK, "", 1},
		{"utf16.csv", wide("md5\n" + one + "\n"), http.StatusUnprocessableEntity, "UTF-8", 0},
		{"half.csv", "md5\n" + strings.Repeat("0", 31) + "7\n" + strings.Repeat("0", 31) + "8\nnot a digest\n", http.StatusUnprocessableEntity, "line 4", 0},
		{"broken.json", `{"value":[{"MediaID":1,"MD5":"` + one, http.StatusUnprocessableEntity, "", 0},
		{"empty.csv", "", http.StatusUnprocessableEntity, "", 0},
		{"nul.csv", "md5\n\x00\x00\x00\n", http.StatusUnprocessableEntity, "", 0},
	} {
		before := entries()
		status, answer := post(c.name, c.text)
		if status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d %s", c.name, status, answer)
		}
		if status != http.StatusOK && (!strings.Contains(answer, `"field":"`) || !strings.Contains(answer, `"detail":"`)) {
			t.Errorf("%s: no field or reason: %s", c.name, answer)
		}
		if more := entries() - before; more != c.more {
			t.Errorf("%s: %d entries more, want %d", c.name, more, c.more)
		}
	}
}

// TestALargeFormIsNotReadAsAnEmptyOne: what was answered before stays.
func TestALargeFormIsNotReadAsAnEmptyOne(t *testing.T) {
	w := work(t)
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}
	_, link, err := w.Provider.Identity.Invite(t.Context(), operator, "ada", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	ada := client(t, w.Provider.Config.Origin, link.Token)
	draft := path(w.draft) + "/amend"
	const answers = "urgent=no&removed=no&third_country=no&user_decision=no&extra="
	for _, c := range []struct {
		extra  string
		status int
	}{{"message 17", http.StatusSeeOther}, {strings.Repeat("x", 2<<20), http.StatusUnprocessableEntity}} {
		if status, text := send(t, ada, w.Provider.Config.Origin, "POST "+draft, draft, answers+c.extra); status != c.status {
			t.Errorf("%d bytes: %d %.200s", len(c.extra), status, text)
		}
		view, err := w.Provider.Reports.Report(t.Context(), actor(t, w.Provider, mandate.Analyst), w.draft)
		must(t, "reading the report", err)
		if extra := view.Report.Form.Extra; len(extra) != 1 || extra[0].Text != "message 17" {
			t.Errorf("%d bytes: the note is %+v", len(c.extra), extra)
		}
	}
}

// counted counts how much of a body was taken. Who sends it may still read it
// when the answer is there.
type counted struct {
	io.Reader
	taken atomic.Int64
}

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.taken.Add(int64(n))
	return n, err
}

// TestNothingIsReadForAKeyThatMayNot: a key without the scope cannot fill the
// disk with what it hands in.
func TestNothingIsReadForAKeyThatMayNot(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	list := "/v1/" + strings.Replace(n.List(t, "double", 1), "list/", "lists/", 1) + "/import?reason=test"
	for path, scope := range map[string]mandate.Scope{list: mandate.ScopeDetect, "/v1/detect": mandate.ScopeLists} {
		body := &counted{Reader: endless("a", 256<<20)}
		r, err := http.NewRequest(http.MethodPost, n.Server.URL+path, body)
		must(t, "making a request", err)
		r.Header.Set("Authorization", "Bearer "+n.NewKey(t, "uploads", scope))
		r.Header.Set("Content-Type", "application/octet-stream")
		if status, text, err := answerTo(n.Server.Client(), r); err == nil && status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if taken := body.taken.Load(); taken > 32<<20 { // what the sockets hold
			t.Errorf("%s: %d MB were read", path, taken>>20)
		}
	}
}
