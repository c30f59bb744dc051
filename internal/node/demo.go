package node

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/webhost"
	profiles "github.com/brdoproject/brdo/law"
)

func errNobody(name string) error {
	return problem.Newf(problem.NotFound, "there is no account named %q", name)
}

// World is the demonstration: a provider, a Centre and the authorities of two
// States on loopback, with benign generated pictures and neutral names, and a
// played internet that serves them. Its data can never become real nodes', and it
// opens no connection to anywhere else.
type World struct {
	Provider, Centre, AuthorityA, AuthorityB *Node
	// Logins are one login link a role, in the order in which the trail needs them.
	Logins []Login
	// Key is the API key of the provider's upload service.
	Key string

	// Service is the address of the page of whoever runs the provider's service.
	Service string

	web       *webhost.Web
	service   *http.Server
	outside   net.Listener
	nodes     []*Node
	listeners []net.Listener
	decoder   *media.Service
	uploads   mandate.Actor
}

// Login is a link for one role.
type Login struct{ Node, Role, URL string }

// demoProfiles are the training scheme in place of the real one.
func demoProfiles() Profiles {
	p := Defaults().Profiles
	p.Scheme, p.Reportable = law.Ref{ID: "demo-landscapes", Version: 1}, law.Ref{ID: "demo-training-match", Version: 1}
	return p
}

var demoBasis = law.Ref{ID: "demo/benign-pictures", Version: 1}

// demoPlaces are blocks of addresses that are kept for documentation (RFC 5737),
// as if two States used them.
const demoPlaces = "192.0.2.0/24,SI\n198.51.100.0/24,HR\n"

// inhabitant is a node of the demonstration.
type inhabitant struct {
	folder string
	Organisation
	into **Node
}

// OpenWorld puts the demonstration together in a folder. The provider listens on
// a port, the Centre, the two authorities and the played internet on those after
// it; 0 lets the system choose.
func OpenWorld(ctx context.Context, folder string, port int, log *slog.Logger) (_ *World, err error) {
	w := &World{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.decoder, err = media.Start(ctx, media.Options{}); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the demonstration's folder: %w", err)
	}
	places := filepath.Join(folder, "places.csv")
	if err := os.WriteFile(places, []byte(demoPlaces), 0o600); err != nil {
		return nil, fmt.Errorf("writing the table of addresses: %w", err)
	}
	at := func(i int) int {
		if port == 0 {
			return 0
		}
		return port + i
	}
	if err := w.openInternet(at(4)); err != nil {
		return nil, err
	}
	rules := filepath.Join(folder, "law")
	if err := demoLaw(rules); err != nil {
		return nil, err
	}
	library, err := loadLaw(rules)
	if err != nil {
		return nil, err
	}
	for i, one := range []inhabitant{
		{"provider", Organisation{ID: "provider.localhost", Name: "Lakeside Photos (demo)", Kind: mandate.Provider, ContactPoint: "contact point of the demo", ContactInfo: "1 Lake Road, Demotown", Redress: "District court of Demotown, within 30 days."}, &w.Provider},
		{"centre", Organisation{ID: "centre.localhost", Name: "EU Centre (demo)", Kind: mandate.Centre, ContactPoint: "intake of the demo", ContactInfo: "2 Lake Road, Demotown"}, &w.Centre},
		{"authority-a", Organisation{ID: "authority-a.localhost", Name: "Authority A (demo)", Kind: mandate.Authority, Country: "SI", ContactInfo: "3 Lake Road, Demotown"}, &w.AuthorityA},
		{"authority-b", Organisation{ID: "authority-b.localhost", Name: "Authority B (demo)", Kind: mandate.Authority, Country: "HR", ContactInfo: "4 Lake Road, Demotown"}, &w.AuthorityB},
	} {
		listener, err := listen(at(i))
		if err != nil {
			return nil, err
		}
		w.listeners = append(w.listeners, listener)
		config := Defaults()
		config.Organisation = one.Organisation
		config.Data = filepath.Join(folder, one.folder)
		config.Listen = listener.Addr().String()
		config.Origin = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
		config.Centre = "centre.localhost"
		config.Places = places
		config.Profiles = demoProfiles()
		config.Profiles.LawFolder = rules
		if one.Kind == mandate.Authority {
			config.Egress.Proxy = w.Service
		}
		if one.Kind == mandate.Provider {
			config.Detection.Sources = []Source{{Name: "uploads", Service: "hosting", LegalBasis: demoBasis, URL: "https://photos.example/"}}
		}
		n, err := Open(ctx, config, Options{Demo: true, Decoder: w.decoder, Law: library, Log: log, Roots: w.web.Roots(), Journeys: w.Service + JourneysPath})
		if err != nil {
			return nil, err
		}
		*one.into = n
		w.nodes = append(w.nodes, n)
	}
	if err := w.introduce(ctx); err != nil {
		return nil, err
	}
	go func() { _ = w.service.Serve(w.outside) }() // ends when the world is closed
	return w, w.furnish(ctx)
}

// listen listens on loopback.
func listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, problem.New(problem.Unavailable, fmt.Sprintf("port %d is taken", port), "choose another with --port, or --port 0 for any").Because(err)
	}
	return listener, nil
}

// openInternet makes the played internet, which is empty at each start.
func (w *World) openInternet(port int) (err error) {
	if w.web, err = webhost.New(); err != nil {
		return err
	}
	listener, err := listen(port)
	if err != nil {
		return err
	}
	w.Service = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	w.service = &http.Server{Handler: http.HandlerFunc(w.internet), ReadHeaderTimeout: 10 * time.Second}
	w.outside = listener
	return nil
}

// demoLaw is the embedded law with an order whose addresses are looked at after
// a minute, so that whoever follows the trail need not wait for an hour.
func demoLaw(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil // of an earlier start on the same folder
	}
	if err := os.CopyFS(folder, profiles.Files); err != nil {
		return fmt.Errorf("writing the demonstration's profiles: %w", err)
	}
	removal := filepath.Join(folder, "orders", "removal")
	text, err := os.ReadFile(removal + ".json")
	if err != nil {
		return fmt.Errorf("reading the profile of removal orders: %w", err)
	}
	for _, change := range [][2]string{
		{`"version": 1`, `"version": 2`}, {`"title": "Removal order"`, `"title": "Removal order (demonstration)"`}, {`"status": "verified"`, `"status": "demo"`},
		{`"schedule": ["PT1H", `, `"schedule": ["PT1M", "PT5M", "PT1H", `}, {`"retry": "PT6H"`, `"retry": "PT1M"`},
	} {
		if !bytes.Contains(text, []byte(change[0])) {
			return problem.Newf(problem.Internal, "the profile of removal orders does not hold %s", change[0])
		}
		text = bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
	}
	if err := os.WriteFile(removal+"-demo.json", text, 0o600); err != nil {
		return fmt.Errorf("writing the demonstration's profile of removal orders: %w", err)
	}
	return nil
}

// introduce makes all known to one another.
func (w *World) introduce(ctx context.Context) error {
	for _, n := range w.nodes {
		for _, other := range w.nodes {
			if n == other {
				continue
			}
			if err := n.Post.Register(ctx, n.console(), other.Post.Self()); err != nil {
				return err
			}
		}
	}
	return nil
}

// furnish makes people, the upload service's key and the lists. A second start
// on the same folder finds them there and only makes new login links.
func (w *World) furnish(ctx context.Context) error {
	manager, fresh, err := w.people(ctx, w.Provider, mandate.Analyst, mandate.SecondLooker, mandate.Supervisor, mandate.ListManager, mandate.Auditor, mandate.Operator)
	if err != nil {
		return err
	}
	if _, _, err := w.people(ctx, w.Centre, mandate.Analyst, mandate.SecondLooker, mandate.Supervisor, mandate.Auditor); err != nil {
		return err
	}
	for _, authority := range []*Node{w.AuthorityA, w.AuthorityB} {
		if _, _, err := w.people(ctx, authority, mandate.Investigator, mandate.Supervisor, mandate.Auditor); err != nil {
			return err
		}
	}
	_, token, err := w.Provider.Identity.CreateKey(ctx, w.Provider.console(), "upload service", []mandate.Scope{mandate.ScopeDetect, mandate.ScopeReports, mandate.ScopeRead}, "uploads")
	if err != nil {
		return err
	}
	w.Key = token
	if w.uploads, err = w.Provider.Identity.Machine(ctx, token); err != nil || !fresh {
		return err
	}
	return w.lists(ctx, manager)
}

// people makes one person a role, and returns the list manager.
func (w *World) people(ctx context.Context, n *Node, roles ...mandate.Role) (manager mandate.Actor, fresh bool, err error) {
	known, err := n.Identity.People(ctx, n.console())
	if err != nil {
		return manager, false, err
	}
	byName := map[string]identity.Person{}
	for _, person := range known {
		byName[person.Name] = person
	}
	for _, role := range roles {
		person, exists := byName[string(role)]
		var link identity.Link
		if exists {
			link, err = n.Identity.NewLink(ctx, n.console(), person.ID)
		} else {
			person, link, err = n.Identity.Invite(ctx, n.console(), string(role), []mandate.Role{role})
		}
		if err != nil {
			return manager, false, err
		}
		if role == mandate.ListManager {
			manager = n.Identity.Actor(person)
		}
		w.Logins = append(w.Logins, Login{strings.TrimSuffix(n.Config.Organisation.ID, ".localhost"), string(role), n.Config.Origin + "/login/" + link.Token})
	}
	return manager, len(known) == 0, nil
}

// references is how many pictures the lists know.
const references = 60

// known is a picture that the lists know, and the file in which they know it.
type known struct {
	picture *image.RGBA
	file    []byte
}

// reference draws a known picture, each once in a process.
var reference = func() func(i int) known {
	var drawn [references]func() known
	for i := range drawn {
		drawn[i] = sync.OnceValue(func() known {
			picture := scenery(uint64(1000+i), 480, 360)
			return known{picture, asPNG(picture)}
		})
	}
	return func(i int) known { return drawn[i]() }
}()

// referenceRows are the lines of the lists about each reference. They are the
// same in every demonstration.
var referenceRows = sync.OnceValues(func() ([][]string, error) {
	rows := make([][]string, references)
	for i := range rows {
		one := reference(i)
		sum, err := digest.Reader(bytes.NewReader(one.file))
		if err != nil {
			return nil, err
		}
		hash := pdq.FromImage(one.picture).Hash
		rows[i] = []string{sum.MD5Hex(), sum.SHA1Hex(), sum.SHA256Hex(), hash.String(), "training"}
	}
	return rows, nil
})

// lists makes two lists of generated pictures: one verified twice, one
// self-reported.
func (w *World) lists(ctx context.Context, manager mandate.Actor) error {
	rows, err := referenceRows()
	if err != nil {
		return err
	}
	for _, plan := range []struct {
		name, verification string
		from, to           int
	}{{"Landscapes of the demo", "double", 0, 45}, {"Self-reported patterns of the demo", "self-reported", 45, references}} {
		l, err := w.Provider.Lists.Create(ctx, manager, lists.NewList{
			Name: plan.name, Source: "made by the demonstration", Scheme: "demo-landscapes", Verification: plan.verification, LegalBasis: demoBasis, Radius: -1, VideoUpload: -1, VideoEntry: -1,
		})
		if err != nil {
			return err
		}
		var text bytes.Buffer
		table := csv.NewWriter(&text)
		_ = table.Write([]string{"md5", "sha1", "sha256", "pdq", "category"}) // memory
		_ = table.WriteAll(rows[plan.from:plan.to])                           // as above; it flushes
		if _, err := w.Provider.Lists.Import(ctx, manager, l.ID, lists.Import{
			FileName: "demo.csv", Content: bytes.NewReader(text.Bytes()), Options: hashlist.Options{Format: hashlist.CSV}, Reason: "made for the demonstration",
		}); err != nil {
			return err
		}
	}
	return nil
}

// Upload submits one picture as the provider's service would, which serves it at
// the address that the submission names. Most pictures are like a list entry in
// one way or another, some are not.
func (w *World) Upload(ctx context.Context, number int) (intake.Detection, error) {
	name, mime, content := uploaded(number)
	address := fmt.Sprintf("https://photos.example/p/%d", number)
	w.web.Put(address, mime, func() []byte {
		_, _, content := uploaded(number)
		return content
	})
	now := w.Provider.Ledger.Now()
	user := number % 23
	s := intake.Submission{
		ClientRef: fmt.Sprintf("upload-%d", number), Flagged: number%5 == 4 && number%10 == 4,
		Files: []intake.Upload{{Name: name, Content: bytes.NewReader(content)}},
		Context: item.Context{
			URL: address, Service: report.Service{URL: address},
			IPEvents: []report.IPEvent{{
				IP: demoAddress(number, user), Port: 40_000 + number%20_000, At: now.Add(-time.Duration(number%50) * time.Minute).Truncate(time.Second), TZ: "Z",
			}},
		},
	}
	if number%3 != 0 {
		s.Context.Users = []report.Person{{Username: fmt.Sprintf("user%d", user), Email: fmt.Sprintf("user%d@example.org", user), Other: report.PersonOther{UID: fmt.Sprintf("account-%d", user)}}}
	}
	if number%40 == 17 {
		s.Signals = []law.Signal{law.SignalUrgent}
	}
	return w.Provider.Intake.Detect(ctx, w.uploads, s)
}

// uploaded is the picture of a number, with its file name and type.
func uploaded(number int) (name, mime string, content []byte) {
	i := number * 7 % references
	name = fmt.Sprintf("picture %d.jpg", number)
	switch number % 5 {
	case 0:
		return fmt.Sprintf("picture %d.png", number), "image/png", reference(i).file
	case 1:
		content = asJPEG(reference(i).picture, 60)
	case 2:
		content = asJPEG(mirrored(reference(i).picture), 80)
	case 3:
		content = asJPEG(scenery(uint64(1000+i), 300, 225), 70)
	default:
		content = asJPEG(scenery(uint64(90_000+number), 400, 300), 80)
	}
	return name, "image/jpeg", content
}

// demoAddress is in one of the two States of the demonstration, or in neither.
func demoAddress(number, user int) string {
	return fmt.Sprintf([]string{"192.0.2.%d", "198.51.100.%d", "192.0.2.%d", "203.0.113.%d"}[number%4], 1+user)
}

// Fill submits the pictures from one number up to another, several at once.
func (w *World) Fill(ctx context.Context, from, to int) error {
	numbers := make(chan int)
	var failed error
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for number := range numbers {
				if _, err := w.Upload(ctx, number); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for number := from; number < to && ctx.Err() == nil; number++ {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	return failed
}

// Run serves all nodes until ctx ends, and submits a picture now and then.
func (w *World) Run(ctx context.Context, first int, every time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(w.nodes))
	for i, n := range w.nodes {
		go func() { ended <- n.Run(ctx, w.listeners[i]) }()
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	running := len(w.nodes)
	var err error
	for number := first; running == len(w.nodes); number++ {
		select {
		case err = <-ended:
			running--
		case <-ticker.C:
			if _, err := w.Upload(ctx, number); err != nil && ctx.Err() == nil {
				w.Provider.log.ErrorContext(ctx, "a demonstration upload failed", "error", err)
			}
		}
	}
	cancel()
	for range running {
		err = errors.Join(err, <-ended)
	}
	return err
}

// Close ends all nodes.
func (w *World) Close() error {
	var all error
	for _, n := range w.nodes {
		all = errors.Join(all, n.Close())
	}
	if w.service != nil {
		all = errors.Join(all, w.service.Close())
	}
	if w.decoder != nil {
		all = errors.Join(all, w.decoder.Close())
	}
	for _, l := range append(w.listeners, w.outside) {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			all = errors.Join(all, err)
		}
	}
	return all
}
