package node_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestMain(m *testing.M) { nodetest.Main(m) }

// demonstration is a world that serves until the test ends.
func demonstration(t *testing.T) *node.World {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	folder := t.TempDir()
	for _, one := range []string{"provider", "centre", "authority-a", "authority-b"} {
		storetest.WriteSQLite(t, filepath.Join(folder, one, "brdo.db"))
	}
	w, err := node.OpenWorld(ctx, folder, 0, log)
	if err != nil {
		cancel()
		t.Fatalf("opening the demonstration: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, 1, 24*time.Hour) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the demonstration ended with: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("closing the demonstration: %v", err)
		}
	})
	return w
}

// loginOf is the login link of one role at one node.
func loginOf(t *testing.T, w *node.World, kind mandate.OrganisationKind, role mandate.Role) string {
	t.Helper()
	for _, l := range w.Logins {
		if l.Node == string(kind) && l.Role == string(role) {
			return l.URL
		}
	}
	t.Fatalf("the demonstration has no %s at the %s", role, kind)
	return ""
}

// loginAt is the login link of one role at one of the nodes by name.
func loginAt(t *testing.T, w *node.World, name string, role mandate.Role) string {
	t.Helper()
	for _, l := range w.Logins {
		if l.Node == name && l.Role == string(role) {
			return l.URL
		}
	}
	t.Fatalf("the demonstration has no %s at %s", role, name)
	return ""
}

// chromium starts a browser; each person gets a context of their own in it.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatal("BRDO_REQUIRE_ALL=1, and there is no Chromium on the PATH")
		}
		t.Skip("SKIP: no Chromium on the PATH; nothing of the pages was tested in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	browser, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return browser
}

// visitor is one person at one browser of their own, without a mouse.
type visitor struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []request
	thrown   []string
}

type request struct {
	URL  string
	Kind network.ResourceType
}

func visit(t *testing.T, browser context.Context) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	v := &visitor{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok {
			v.mu.Lock()
			v.requests = append(v.requests, request{sent.Request.URL, sent.Type})
			v.mu.Unlock()
		}
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			v.mu.Lock()
			v.thrown = append(v.thrown, thrown.ExceptionDetails.Text)
			v.mu.Unlock()
		}
	}); err != nil {
		t.Fatalf("listening to the network: %v", err)
	}
	t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.thrown) > 0 {
			t.Errorf("the page's script failed: %s", strings.Join(v.thrown, "; "))
		}
	})
	return v
}

// pictures are all requests for a picture that left the browser so far.
func (v *visitor) pictures() []request {
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []request
	for _, r := range v.requests {
		if r.Kind == network.ResourceTypeImage || strings.Contains(r.URL, "/pictures/") {
			found = append(found, r)
		}
	}
	return found
}

func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.t.Fatalf("in the browser at %s: %v", v.where(), err)
	}
}

func (v *visitor) open(url string) {
	v.t.Helper()
	v.do(chromedp.Navigate(url))
}

func (v *visitor) press(keys ...string) {
	v.t.Helper()
	for _, key := range keys {
		v.do(chromedp.KeyEvent(key))
	}
}

// send presses Enter and waits until the page that answers is there.
func (v *visitor) send() {
	v.t.Helper()
	evaluate[chromedp.Void](v, "document.documentElement.dataset.before = 'yes'")
	v.press(kb.Enter)
	v.until("!document.documentElement.dataset.before")
}

func evaluate[T any](v *visitor, expression string) T {
	v.t.Helper()
	value, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("evaluating %.80s at %s: %v", expression, v.where(), err)
	}
	return value
}

func (v *visitor) where() string {
	where, err := chromedp.Run(v.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return where
}

// until waits until an expression holds on whatever page is open by then.
func (v *visitor) until(expression string) {
	v.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		// A page that is going away cannot answer; the next one will.
		if holds, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")")); err == nil && holds {
			return
		}
	}
	v.t.Fatalf("never became true: %s\nat %s the page says:\n%s", expression, v.where(), v.text())
}

// says waits until the page holds a text.
func (v *visitor) says(text string) {
	v.t.Helper()
	v.until("document.body.innerText.includes(" + quoted(text) + ")")
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "\\'") + "'" }

func (v *visitor) text() string {
	text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// tabTo reaches an element by the Tab key alone.
func (v *visitor) tabTo(selector string) {
	v.t.Helper()
	for pressed := range 250 {
		if evaluate[bool](v, "!!document.activeElement?.matches("+quoted(selector)+")") {
			if pressed > 0 && !evaluate[bool](v, "document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
				v.t.Errorf("nobody sees that %s has the focus at %s", selector, v.where())
			}
			return
		}
		v.press(kb.Tab)
	}
	v.t.Fatalf("%s cannot be reached by the Tab key at %s:\n%s", selector, v.where(), v.text())
}

// login uses a one-time link: the button has the focus, Enter presses it.
func (v *visitor) login(url string) {
	v.t.Helper()
	v.open(url)
	v.until("document.activeElement?.matches('form[action=\"/login/link\"] button')")
	v.press(kb.Enter)
	v.until("document.querySelector('form.person')")
}
