// Package nodetest puts whole nodes together for the tests of the desks and of
// the interface for machines: real databases, the real decoder, a real listener
// on loopback, generated patterns as pictures, and a clock that the test moves.
package nodetest

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
	"github.com/brdoproject/brdo/internal/webhost"
	profiles "github.com/brdoproject/brdo/law"
)

// Main runs a package's tests; TestMain calls it.
func Main(m *testing.M) { mediatest.Main(m) }

// Must ends a test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// EachDatabase runs a test on SQLite and on PostgreSQL; database gives each node
// its own. Under the race detector several nodes on PostgreSQL are too slow, and
// it sees the same code on SQLite.
func EachDatabase(t *testing.T, test func(t *testing.T, database func() string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, func() string { return "" }) })
	t.Run("postgresql", func(t *testing.T) {
		if racetest.Enabled {
			t.Skip("SKIP: whole nodes on PostgreSQL are slow under the race detector, which sees the same code on SQLite; run without it")
		}
		test(t, func() string { return storetest.PostgreSQLLocation(t) })
	})
}

// Clock is a clock that the test moves.
type Clock struct{ micros atomic.Int64 }

// NewClock starts a clock at noon of a day on which the example basis holds.
func NewClock() *Clock {
	c := &Clock{}
	c.micros.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

// Now is the time of the clock.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.micros.Load()).UTC() }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.micros.Add(d.Microseconds()) }

// Set puts the clock to a time.
func (c *Clock) Set(at time.Time) { c.micros.Store(at.UnixMicro()) }

// Node is a node that listens on loopback, with what the tests need of it.
type Node struct {
	*node.Node
	Clock  *Clock
	Server *httptest.Server
	// Uploads is the actor of the upload service's key, and Token its token.
	Uploads mandate.Actor
	Token   string
}

// Options of a node.
type Options struct {
	Kind mandate.OrganisationKind
	// Name tells several nodes of a kind apart; empty means the kind. Country is
	// that of an authority.
	Name, Country string
	// Database is a postgres:// address; empty means SQLite.
	Database string
	Clock    *Clock
	MaxBytes int64
	// Data is the data folder; empty means one that goes with the test.
	Data string
	// Demo lets people work who came by a one-time link only.
	Demo bool
	// Log hears what the operator is told; nil means nobody.
	Log *slog.Logger
	// Internet is where the node looks at web addresses; nil means that it does not.
	Internet *Internet
	// Configure changes the configuration before the node is put together, but not
	// its profiles.
	Configure func(*node.Config)
	// NewerForm begins reports under a version of the form that other nodes do
	// not have.
	NewerForm bool
}

// Internet is a played internet with the address of its proxy.
type Internet struct {
	*webhost.Web
	Proxy string
}

// OpenInternet starts an internet without any address; it ends with the test.
func OpenInternet(t testing.TB) *Internet {
	t.Helper()
	web, err := webhost.New()
	if err != nil {
		t.Fatalf("making an internet: %v", err)
	}
	proxy := httptest.NewServer(web)
	t.Cleanup(proxy.Close)
	return &Internet{Web: web, Proxy: proxy.URL}
}

// Basis is the legal basis of the source "uploads": it ends on 1 January 2028.
var Basis = law.Ref{ID: "provider/hosting-terms", Version: 1}

// Open puts a node together; it ends with the test. No item is drawn for the
// sample of second looks, so that tests say themselves what needs one.
func Open(t testing.TB, o Options) *Node {
	t.Helper()
	shared := mediatest.Decoder(t)
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	n := &Node{Clock: o.Clock, Server: httptest.NewUnstartedServer(nil)}
	config := node.Defaults()
	name := cmp.Or(o.Name, string(o.Kind))
	config.Organisation = node.Organisation{
		ID: name + ".example", Name: "Example " + name, Country: o.Country, Kind: o.Kind, LegalRep: "representative", ContactPoint: "contact point", ContactInfo: "1 Lake Road",
	}
	config.Data, config.Database, config.Centre = cmp.Or(o.Data, t.TempDir()), o.Database, "centre.example"
	config.Origin = fmt.Sprintf("http://localhost:%d", n.Server.Listener.Addr().(*net.TCPAddr).Port)
	config.Profiles.Scheme, config.Profiles.Reportable = law.Ref{ID: "demo-landscapes", Version: 1}, law.Ref{ID: "demo-training-match", Version: 1}
	config.Profiles.LawFolder = withoutSample(t)
	if o.NewerForm {
		config.Profiles.ReportForm.Version = 2
		path := filepath.Join(config.Profiles.LawFolder, "csar", "com-2022-209")
		text, err := os.ReadFile(path + ".json")
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte(`"version": 1`), []byte(`"version": 2`), 1)
		if err := os.WriteFile(path+"-2.json", text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if o.MaxBytes > 0 {
		config.Media.MaxBytes = o.MaxBytes
	}
	if o.Kind == mandate.Provider {
		config.Detection.Sources = []node.Source{
			{Name: "uploads", Service: "hosting", LegalBasis: Basis, URL: "https://photos.example/"},
			{Name: "archive", Service: "hosting", LegalBasis: Basis, URL: "https://archive.example/"},
		}
	}
	library, err := profilesIn(config.Profiles.LawFolder, o.NewerForm)
	Must(t, err)
	var roots *x509.CertPool
	if o.Internet != nil {
		config.Egress.Proxy, roots = o.Internet.Proxy, o.Internet.Roots()
	}
	if o.Configure != nil {
		o.Configure(&config)
	}
	if database := filepath.Join(config.Data, "brdo.db"); config.Database == "" && missing(database) {
		storetest.WriteSQLite(t, database)
	}
	if n.Node, err = node.Open(t.Context(), config, node.Options{Now: o.Clock.Now, Decoder: shared, Law: library, Log: o.Log, Demo: o.Demo, Roots: roots}); err != nil {
		t.Fatalf("opening a node: %v", err)
	}
	n.Server.Config.Handler = n.Handler()
	n.Server.Start()
	t.Cleanup(func() {
		n.Server.Close()
		if err := n.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	if o.Kind == mandate.Provider {
		n.Token = n.NewKey(t, "uploads", mandate.ScopeDetect, mandate.ScopeReports)
		if n.Uploads, err = n.Identity.Machine(t.Context(), n.Token); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Each runs a test with a fresh provider's node on each database engine.
func Each(t *testing.T, test func(t *testing.T, n *Node)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t, Options{Kind: mandate.Provider})) })
	t.Run("postgresql", func(t *testing.T) {
		test(t, Open(t, Options{Kind: mandate.Provider, Database: storetest.PostgreSQLLocation(t)}))
	})
}

// libraries are the profiles of all nodes of a test process, with and without the
// newer form.
var libraries struct {
	sync.Mutex
	read [2]*law.Library
}

// profilesIn reads a folder of profiles, or remembers them: those of all nodes are
// the same.
func profilesIn(folder string, newerForm bool) (*law.Library, error) {
	which := 0
	if newerForm {
		which = 1
	}
	libraries.Lock()
	defer libraries.Unlock()
	if libraries.read[which] != nil {
		return libraries.read[which], nil
	}
	library, err := law.Load(os.DirFS(folder))
	if err != nil {
		return nil, fmt.Errorf("reading the profiles of the law: %w", err)
	}
	libraries.read[which] = library
	return library, nil
}

// withoutSample is the embedded law with a sample of 0 per cent.
func withoutSample(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "law")
	if err := os.CopyFS(folder, profiles.Files); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "review", "standard.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"sample_percent": 10`, `"sample_percent": 0`, 1)
	if changed == string(text) {
		t.Fatal("the review profile has no sample of 10 per cent to switch off")
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Meet registers two nodes with each other.
func Meet(t testing.TB, a, b *Node) {
	t.Helper()
	for _, pair := range [][2]*Node{{a, b}, {b, a}} {
		if err := pair[0].Post.Register(t.Context(), pair[0].Person("operator", mandate.Operator), pair[1].Post.Self()); err != nil {
			t.Fatal(err)
		}
	}
}

// Person is a person of the node's organisation.
func (n *Node) Person(name string, roles ...mandate.Role) mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/" + name, Roles: roles, Organisation: n.Config.Organisation.Kind}
}

// Analyst decides first in most tests.
func (n *Node) Analyst() mandate.Actor { return n.Person("ada", mandate.Analyst) }

// Second looks second in most tests.
func (n *Node) Second() mandate.Actor { return n.Person("bela", mandate.SecondLooker) }

// Supervisor settles what the two differ about.
func (n *Node) Supervisor() mandate.Actor { return n.Person("cleo", mandate.Supervisor) }

// NewKey makes a machine's key and returns its token.
func (n *Node) NewKey(t testing.TB, source string, scopes ...mandate.Scope) string {
	t.Helper()
	_, token, err := n.Identity.CreateKey(t.Context(), n.Person("operator", mandate.Operator), "service "+store.NewID(""), scopes, source)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Picture is a generated pattern as a PNG file; each number gives another one.
func Picture(number int) []byte {
	picture := image.NewRGBA(image.Rect(0, 0, 96, 80))
	a, b := 3+float64(number%17), 2+float64(number%13)
	for y := range 80 {
		for x := range 96 {
			v := math.Sin(float64(x)/a) + math.Cos(float64(y)/b+float64(number))
			picture.SetRGBA(x, y, color.RGBA{uint8(128 + 60*v), uint8(x * 2), uint8(y * 3), 255})
		}
	}
	picture.SetRGBA(0, 0, color.RGBA{uint8(number), uint8(number >> 8), uint8(number >> 16), 255})
	var text bytes.Buffer
	if err := png.Encode(&text, picture); err != nil {
		panic(err) // memory
	}
	return text.Bytes()
}

// List makes a list that knows the pictures of some numbers and returns its id.
func (n *Node) List(t testing.TB, verification string, numbers ...int) string {
	t.Helper()
	manager := n.Person("list-manager", mandate.ListManager)
	l, err := n.Lists.Create(t.Context(), manager, lists.NewList{
		Name: "patterns " + store.NewID(""), Source: "made by the test", Verification: verification, LegalBasis: Basis, Radius: -1, VideoUpload: -1, VideoEntry: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("md5,sha256,category\n")
	for _, number := range numbers {
		sum, err := digest.Reader(bytes.NewReader(Picture(number)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, "%s,%s,training\n", sum.MD5Hex(), sum.SHA256Hex())
	}
	if _, err := n.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.csv", Content: strings.NewReader(rows.String()), Reason: "made by the test"}); err != nil {
		t.Fatal(err)
	}
	return l.ID
}

// Submission is one picture as the upload service hands it in. With a name it
// says whose it is, so that two people have to look at it.
func Submission(number int, user string) intake.Submission {
	s := intake.Submission{
		ClientRef: fmt.Sprintf("upload-%d", number), Files: []intake.Upload{{Name: fmt.Sprintf("picture %d.png", number), Content: bytes.NewReader(Picture(number))}},
		Context: item.Context{URL: fmt.Sprintf("https://photos.example/p/%d", number)},
	}
	if user != "" {
		s.Context.Users = []report.Person{{Username: user, Email: user + "@example.org"}}
	}
	return s
}

// Submit hands a submission in and returns the result of its first file.
func (n *Node) Submit(t testing.TB, s intake.Submission) intake.FileResult {
	t.Helper()
	found, err := n.Intake.Detect(t.Context(), n.Uploads, s)
	if err != nil {
		t.Fatal(err)
	}
	return found.Files[0]
}

// Flag hands a picture in that a moderator asks to have looked at, and returns
// its item.
func (n *Node) Flag(t testing.TB, number int, user string) string {
	t.Helper()
	s := Submission(number, user)
	s.Flagged = true
	return n.Submit(t, s).SHA256
}

// Yes, No and Unsure are the verdicts of the training scheme.
var (
	Yes    = triage.Verdict{Labels: map[string]string{"same-picture": "yes", "picture": "landscape"}}
	No     = triage.Verdict{Labels: map[string]string{"same-picture": "no", "picture": "object"}}
	Unsure = triage.Verdict{Labels: map[string]string{"same-picture": "cannot-tell", "picture": "cannot-tell"}}
)

// Judge lets a person take an item, see its sketch and decide.
func (n *Node) Judge(t testing.TB, person mandate.Actor, id string, verdict triage.Verdict) {
	t.Helper()
	if err := n.Triage.Take(t.Context(), person, id); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Triage.View(t.Context(), person, id, triage.Look{Level: item.LevelSketch}); err != nil {
		t.Fatal(err)
	}
	if err := n.Triage.Decide(t.Context(), person, id, verdict); err != nil {
		t.Fatal(err)
	}
}

// Settle lets the time to take decisions back run out and works off the jobs.
func (n *Node) Settle(t testing.TB) {
	t.Helper()
	n.Clock.Add(6 * time.Minute)
	n.Work(t)
}

// Work works off the jobs that are due.
func (n *Node) Work(t testing.TB) {
	t.Helper()
	if err := n.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Look reads rows.
func (n *Node) Look(t testing.TB, look func(tx *store.Tx) error) {
	t.Helper()
	if err := n.Store.Read(t.Context(), look); err != nil {
		t.Fatal(err)
	}
}

// Item reads an item's row and assessment.
func (n *Node) Item(t testing.TB, id string) (row store.ItemRow, assessment item.Assessment) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) (err error) {
		if row, err = tx.Item(id); err != nil {
			return err
		}
		assessment, err = row.ReadAssessment()
		return err
	})
	return row, assessment
}

// Want fails unless an error is a problem of the kind.
func Want(t testing.TB, what string, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("%s: got %v, want a problem of kind %s", what, err, kind)
	}
}
