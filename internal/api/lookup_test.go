package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// lines reads JSON Lines about hashes.
func lines(t testing.TB, text []byte) (head api.LookupHead, found []intake.Found) {
	t.Helper()
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		into := any(&head)
		if i > 0 {
			found = append(found, intake.Found{})
			into = &found[i-1]
		}
		if err := json.Unmarshal(line, into); err != nil {
			t.Fatalf("line %d: %v\n%s", i, err, line)
		}
	}
	if head.Hashes != len(found) || !strings.Contains(head.Notice, denial) {
		t.Errorf("%+v before %d lines", head, len(found))
	}
	return head, found
}

// takeIn makes a list of the rows of a CSV file.
func takeIn(t testing.TB, n *nodetest.Node, name, rows string) string {
	t.Helper()
	manager := n.Person("list-manager", mandate.ListManager)
	l, err := n.Lists.Create(t.Context(), manager, lists.NewList{Name: name, Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1})
	if err == nil {
		_, err = n.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.csv", Content: strings.NewReader(rows), Reason: "made by the test"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}

func TestLookup(t *testing.T) {
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Configure: func(c *node.Config) {
		c.Detection.Sources[1].Limit = node.Limit{PerSecond: 1, Burst: 100}
		c.HMA.Enabled = true // without hosts to fetch from
	}})
	c, archive := caller{n, n.Token}, caller{n, n.NewKey(t, "archive", mandate.ScopeDetect)}
	known := n.List(t, "double", 1)
	near, far := strings.Repeat("0f", 32), strings.Repeat("f0", 32)
	pictures := takeIn(t, n, "pictures", "pdq,category\n"+near+",training\n")
	sum, err := digest.Reader(bytes.NewReader(nodetest.Picture(1)))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(who caller, hashes ...string) (*http.Response, []byte) {
		t.Helper()
		return who.call(t, "POST", "/v1/lookup", "application/json", "", []byte(`{"hashes":[`+strings.Join(hashes, ",")+`]}`))
	}
	question := []string{
		`{"pdq":"` + near[:62] + `00"}`, `{"sha256":"` + strings.Repeat("12", 32) + `"}`, `{"md5":"` + sum.MD5Hex() + `"}`,
		`{"pdq":"` + far + `","sha256":"` + strings.ToUpper(sum.SHA256Hex()) + `"}`, `{"sha1":"` + sum.SHA1Hex() + `"}`,
	}
	answer, text := ask(c, question...)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/jsonl" {
		t.Fatalf("%s\n%s", answer.Status, text)
	}
	head, found := lines(t, text)
	if head.Source != "uploads" || head.LegalBasis != nodetest.Basis.String() || len(head.Skipped) != 0 {
		t.Errorf("%+v", head)
	}
	var got []string
	for _, f := range found {
		said := "nothing"
		for _, m := range f.Matches {
			said = fmt.Sprintf("%s %d %v", m.Kind, m.Distance, map[string]int{known: 1, pictures: 2}[m.List])
		}
		got = append(got, said)
	}
	if want := []string{"pdq 4 2", "nothing", "md5 0 1", "sha256 0 1", "nothing"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// One event, which counts and names nothing else.
	n.Look(t, func(tx *store.Tx) error {
		events, err := tx.LogEventsOf(head.ID, 10)
		if len(events) != 1 || !strings.Contains(string(events[0].Record), `"detail":{"hashes":5,"matched":3}`) {
			t.Errorf("%d events: %+v", len(events), events)
		}
		return err
	})
	if err := n.Lists.SetState(t.Context(), n.Person("list-manager", mandate.ListManager), pictures, store.ListSuspended, "a test"); err != nil {
		t.Fatal(err)
	}
	n.Look(t, func(*store.Tx) error { return n.Lists.Load(t.Context()) })
	_, text = ask(c, question[0])
	if head, found = lines(t, text); len(found[0].Matches) != 0 || len(head.Skipped) != 1 || head.Skipped[0].List != pictures {
		t.Errorf("a suspended list: %s", text)
	}
	if answer, text := ask(c.with(t, "", mandate.ScopeLists), question[0]); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a key of another scope: %s\n%s", answer.Status, text)
	}
	if answer, text := ask(caller{n, ""}, question[0]); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("no key: %s\n%s", answer.Status, text)
	}
	if answer, text := ask(c, `{"md5":"12"}`); answer.StatusCode != http.StatusUnprocessableEntity || !bytes.Contains(text, []byte(`"hashes[0].md5"`)) {
		t.Errorf("a wrong hash: %s\n%s", answer.Status, text)
	}
	// A thousand hashes are a hundred questions, which is what this key has.
	most := slices.Repeat([]string{question[1]}, intake.MaxHashes)
	if answer, text := ask(archive, most...); answer.StatusCode != http.StatusOK {
		t.Errorf("the most hashes: %s\n%.200s", answer.Status, text)
	} else if _, found := lines(t, text); len(found) != intake.MaxHashes {
		t.Errorf("%d answers", len(found))
	}
	if answer, _ := ask(archive, most[:11]...); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "2" {
		t.Errorf("more than the key may: %s, Retry-After %q", answer.Status, answer.Header.Get("Retry-After"))
	}
	refused, message := hmaClient{n, n.Token}.ask(t, "GET", "/h/hash?url=https%3A%2F%2Fphotos.example%2F1.png", nil, "")
	checkAnswer(t, "an address where none is fetched", refused, message, http.StatusBadRequest, "")
	n.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
	if answer, text := ask(c, question[0]); answer.StatusCode != http.StatusForbidden || !bytes.Contains(text, []byte("problems/expired")) {
		t.Errorf("after the basis ended: %s\n%s", answer.Status, text)
	}
}
