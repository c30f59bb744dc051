package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// uploadContext is what the provider's service knows; it names a person, so two
// people have to look and a second one approves the report.
const uploadContext = `{"url":"https://photos.example/p/1","client_ref":"upload-1",
	"users":[{"username":"user1","email":"user1@example.org"}],
	"ip_events":[{"ip":"192.0.2.7","port":40001,"at":"2026-02-01T08:00:00Z","tz":"Z"}]}`

// detect uploads a picture through the interface for machines.
func detect(t *testing.T, w *node.World, key string, picture []byte) (intake.Detection, []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	field, err := form.CreateFormField("context")
	if err == nil {
		_, err = io.WriteString(field, uploadContext)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := form.CreateFormFile("file", "picture 1.png")
	if err == nil {
		_, err = file.Write(picture)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, w.Provider.Config.Origin+"/v1/detect", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+w.Key)
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("POST /v1/detect answered %s: %s", answer.Status, text)
	}
	var found intake.Detection
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, text)
	}
	return found, text
}

// exposures are what people were shown of an item.
func exposures(t *testing.T, n *node.Node, item string) (rows []store.ExposureRow) {
	t.Helper()
	err := n.Store.Read(context.Background(), func(tx *store.Tx) (err error) {
		rows, err = tx.ExposuresOfItem(item)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// whatever changes between two readings of the same card: times, and how much
// the reader has seen today.
var passing = regexp.MustCompile(`\d\d:\d\d UTC|\d+ exposure points? today`)

// takenCard is the card's markup without what passes.
func takenCard(v *visitor) string {
	v.t.Helper()
	return passing.ReplaceAllString(evaluate[string](v, "document.querySelector('main').innerHTML"), "")
}

// take opens the item's card from the queue and takes it, by keys alone.
func (v *visitor) take(item string) {
	v.t.Helper()
	v.until("location.pathname === '/queue' && document.querySelector('[data-row] a')")
	v.press("j")
	for range 50 {
		if evaluate[bool](v, "document.activeElement.getAttribute('href') === '/items/"+item+"'") {
			break
		}
		v.press("j")
	}
	v.press(kb.Enter)
	v.until("location.pathname === '/items/" + item + "' && document.querySelector('form[action$=\"/take\"]')")
	v.press(kb.Enter)
	v.until("document.querySelector('[data-station]')")
}

// look shows the sketch and waits until the browser has drawn it.
func (v *visitor) look() {
	v.t.Helper()
	v.press("v")
	v.until("document.querySelector('[data-viewer] img')?.complete && document.querySelector('[data-viewer] img').naturalWidth > 0")
}

// decide answers two questions by number keys and sends the form by Enter.
func (v *visitor) decide(first, second string) {
	v.t.Helper()
	v.press(first, second)
	if checked := evaluate[int](v, "document.querySelectorAll('form[data-facts] input:checked').length"); checked != 2 {
		v.t.Fatalf("the keys %s and %s chose %d facts, not 2", first, second, checked)
	}
	v.press(kb.Enter)
	v.until("document.querySelector('form[data-undo]')")
}

// TestJourney follows one picture from its upload to the Centre's receipt, with
// people who use the keyboard only.
func TestJourney(t *testing.T) {
	racetest.Skip(t, "a browser at whole nodes, whose pages are seen by their routes too")
	browser := chromium(t)
	w := demonstration(t)

	found, text := detect(t, w, "journey-1", node.Reference(7))
	if len(found.Files) != 1 || len(found.Files[0].Matches) == 0 || found.Files[0].Sighting == "" {
		t.Fatalf("a picture of a list did not match: %s", text)
	}
	if _, again := detect(t, w, "journey-1", node.Reference(7)); !bytes.Equal(text, again) {
		t.Errorf("a repeated request was answered differently:\n%s\n%s", text, again)
	}
	item := found.Files[0].SHA256

	analyst := visit(t, browser)
	analyst.login(loginOf(t, w, mandate.Provider, mandate.Analyst))
	analyst.take(item)
	time.Sleep(300 * time.Millisecond) // time for a request that must not come
	if early := analyst.pictures(); len(early) > 0 {
		t.Fatalf("pictures were asked for before any key asked for one: %v", early)
	}
	if n := evaluate[int](analyst, "document.images.length"); n != 0 {
		t.Fatalf("the card holds %d images before any key asked for one", n)
	}
	if rows := exposures(t, w.Provider, item); len(rows) != 0 {
		t.Fatalf("exposures before anything was shown: %v", rows)
	}
	fresh := takenCard(analyst)

	analyst.look()
	if rows := exposures(t, w.Provider, item); len(rows) != 1 || rows[0].Level != "sketch" || !rows[0].Until.IsZero() {
		t.Fatalf("one running exposure of a sketch was expected: %+v", rows)
	}
	if shown := analyst.pictures(); len(shown) != 1 || !strings.HasSuffix(shown[0].URL, "/pictures/"+exposures(t, w.Provider, item)[0].ID) {
		t.Fatalf("one picture was expected, under its exposure: %v", shown)
	}
	analyst.decide("1", "4")
	if rows := exposures(t, w.Provider, item); rows[0].Until.IsZero() {
		t.Error("the exposure did not end with the decision")
	}
	first := exposures(t, w.Provider, item)[0].Person
	analyst.press(kb.Enter) // go on
	analyst.until("location.pathname === '/queue'")

	second := visit(t, browser)
	second.login(loginOf(t, w, mandate.Provider, mandate.SecondLooker))
	second.take(item)
	if early := second.pictures(); len(early) > 0 {
		t.Fatalf("pictures were asked for before any key asked for one: %v", early)
	}
	if blind := takenCard(second); blind != fresh {
		t.Errorf("the blind second look differs from a first look at the same item:\n%s\n\n%s", fresh, blind)
	}
	// What surrounds the card is left: the card is the one of before anybody decided.
	shown := evaluate[string](second, "(() => { const page = document.documentElement.cloneNode(true); page.querySelector('main').remove(); return page.outerHTML })()")
	for _, secret := range []string{first, strings.TrimPrefix(first, "person/"), "reportable", "decision/", "awaiting", "second"} {
		if inside := strings.ReplaceAll(shown, "second-looker", ""); strings.Contains(inside, secret) {
			t.Errorf("the blind second look says %q", secret)
		}
	}
	second.look()
	second.decide("1", "4")
	second.press(kb.Enter)
	second.until("location.pathname === '/queue'")

	report := composed(t, analyst, w, item)
	second.open(w.Provider.Config.Origin + "/" + report)
	second.tabTo("form[action$='/approve'] button")
	second.send()
	second.says("approved")
	delivered(t, second, w, report)
	received(t, browser, w, item)
	verified(t, browser, w)
}

// composed writes and submits the report of an item.
func composed(t *testing.T, analyst *visitor, w *node.World, item string) string {
	t.Helper()
	analyst.open(w.Provider.Config.Origin + "/items/" + item)
	analyst.tabTo("form[action='/reports'] button")
	analyst.press(kb.Enter)
	analyst.until("location.pathname.startsWith('/reports/')")
	report := strings.TrimPrefix(evaluate[string](analyst, "location.pathname"), "/")
	for _, question := range []string{"urgent", "removed", "third_country", "user_decision"} {
		analyst.tabTo("input[name=" + question + "]")
		analyst.press(" ")
		for range 2 {
			if !evaluate[bool](analyst, "document.activeElement.value === 'no'") {
				analyst.press(kb.ArrowRight)
			}
		}
	}
	analyst.tabTo("textarea[name=details]")
	analyst.press("found by comparison with a list")
	analyst.tabTo("form[action$='/amend'] button")
	analyst.send()
	analyst.until("document.querySelector('[role=status].note') && document.querySelectorAll('input[value=no]:checked').length === 4")
	analyst.tabTo("form[action$='/submit'] button")
	analyst.send()
	analyst.until("!document.querySelector('form[action$=\"/submit\"]')")
	if evaluate[bool](analyst, "!!document.querySelector('form[action$=\"/approve\"]')") {
		t.Error("the author of a report that names a person may approve it")
	}
	return report
}

// delivered waits for the receipt on the provider's page.
func delivered(t *testing.T, v *visitor, w *node.World, report string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		v.open(w.Provider.Config.Origin + "/" + report)
		if evaluate[bool](v, "!!document.querySelector('pre.mono')?.textContent.includes('\"status\": \"received\"')") {
			return
		}
	}
	t.Fatalf("no signed receipt came:\n%s", v.text())
}

// received reads the report at the Centre.
func received(t *testing.T, browser context.Context, w *node.World, item string) {
	t.Helper()
	centre := visit(t, browser)
	centre.login(loginOf(t, w, mandate.Centre, mandate.Analyst))
	centre.until("location.pathname === '/received'")
	centre.tabTo("[data-row] a")
	centre.press(kb.Enter)
	centre.says(item)
	centre.says("Lakeside Photos (demo)")
}

// verified has the auditors check both logs, on the page and by themselves.
func verified(t *testing.T, browser context.Context, w *node.World) {
	t.Helper()
	for _, n := range []*node.Node{w.Provider, w.Centre} {
		kind := n.Config.Organisation.Kind
		auditor := visit(t, browser)
		auditor.login(loginOf(t, w, kind, mandate.Auditor))
		auditor.open(n.Config.Origin + "/log")
		auditor.tabTo("form[action='/log/verify'] button")
		auditor.send()
		auditor.says("Verified: ")
		auditor.tabTo("[data-row] a")
		auditor.press(kb.Enter)
		auditor.until("location.pathname.startsWith('/log/events/')")
		if err := n.Ledger.Sequence(context.Background()); err != nil {
			t.Fatal(err)
		}
		report, err := ledger.Verify(context.Background(), n.Store, n.Ledger.Trust())
		if err != nil {
			t.Fatalf("the log of the %s does not verify: %v", kind, err)
		}
		if report.Records < 5 || report.Checkpoints == 0 {
			t.Errorf("the log of the %s holds almost nothing: %+v", kind, report)
		}
	}
}

// TestHideBlanksAtOnce takes the picture away by every key that hides, and by
// leaving the page; each end is recorded.
func TestHideBlanksAtOnce(t *testing.T) {
	browser := chromium(t)
	w := demonstration(t)
	found, _ := detect(t, w, "hide-1", node.Reference(7))
	item := found.Files[0].SHA256
	analyst := visit(t, browser)
	analyst.login(loginOf(t, w, mandate.Provider, mandate.Analyst))
	analyst.take(item)
	for i, hide := range []struct {
		name string
		away func()
	}{
		{"the key h", func() { analyst.press("h") }},
		{"Escape", func() { analyst.press(kb.Escape) }},
		{"leaving the page", func() { analyst.open(w.Provider.Config.Origin + "/queue") }},
	} {
		analyst.look()
		hide.away()
		if n := evaluate[int](analyst, "document.images.length"); n != 0 {
			t.Errorf("after %s the page still holds the picture", hide.name)
		}
		ended(t, w.Provider, item, i+1, hide.name)
	}
}

// ended waits for the beacon that ends the latest exposure.
func ended(t *testing.T, n *node.Node, item string, count int, how string) {
	t.Helper()
	var rows []store.ExposureRow
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		rows = exposures(t, n, item)
		open := 0
		for _, row := range rows {
			if row.Until.IsZero() {
				open++
			}
		}
		if len(rows) == count && open == 0 {
			return
		}
	}
	t.Fatalf("after %s an exposure has no end: %s", how, fmt.Sprint(rows))
}
